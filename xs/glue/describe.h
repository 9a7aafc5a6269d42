/*
 * describe.h - a certificate's description as Perl data.
 */
#ifndef GLUE_DESCRIBE_H
#define GLUE_DESCRIBE_H

#include "glue.h"

/* A new hash with what info says. */
HV *glue_description(pTHX_ const iossl_certinfo *info);

#endif
