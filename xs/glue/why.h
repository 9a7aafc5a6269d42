/*
 * why.h - what an error is about, beside the sentence in $SSL_ERROR.
 */
#ifndef GLUE_WHY_H
#define GLUE_WHY_H

#include "handle.h"

/* Keeps a copy of it with the handle (NULL: of none), and with the scalar that is $SSL_ERROR. why NULL:
 * nothing is known but the sentence. */
void glue_why_keep(pTHX_ glue_handle *h, SV *global, const iossl_error *why);

/* A mortal reference to a hash about the last error of the handle, or, where gv is NULL, of the module;
 * undef: there was none. */
SV *glue_why(pTHX_ const GV *gv);

#endif
