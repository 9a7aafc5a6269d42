/*
 * scheme.h - verification schemes as programs give them.
 */
#ifndef GLUE_SCHEME_H
#define GLUE_SCHEME_H

#include "glue.h"

/*
 * Reads a verification scheme: undef (the default), a name or a hash of rules.
 * *callback is the code of a scheme that has one, borrowed, else NULL. Croaks where it makes no sense.
 */
void glue_scheme(pTHX_ SV *value, iossl_scheme *scheme, SV **callback);

#endif
