/*
 * glue.h - what every file of the glue includes: Perl's headers and iossl.h, in the order that works.
 *
 * The glue turns Perl values into C values and back. It holds no policy and no TLS logic: an "if"
 * about TLS belongs into c/, a default or a rule about arguments into lib/.
 */
#ifndef GLUE_H
#define GLUE_H

#define PERL_NO_GET_CONTEXT

#include "iossl.h"      /* before perl.h, whose macros are many and short */

#include <EXTERN.h>
#include <perl.h>
#include <XSUB.h>

/* Names that came after perl 5.14. */
#ifndef G_LIST
#define G_LIST G_ARRAY
#endif
#ifndef SvREFCNT_dec_NN
#define SvREFCNT_dec_NN(sv) SvREFCNT_dec(sv)
#endif

#endif
