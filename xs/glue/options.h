/*
 * options.h - from SSL_* arguments to an iossl_config.
 */
#ifndef GLUE_OPTIONS_H
#define GLUE_OPTIONS_H

#include "callbacks.h"
#include "glue.h"

/*
 * Builds a context from a hash of arguments. NULL: the error has been set (glue_fail_without_handle),
 * or thrown where the argument can never work. To be freed by glue_context_free().
 */
glue_context *glue_build_context(pTHX_ HV *args, iossl_role role);

/*
 * Reads a verification scheme: undef (the default), a name or a hash of rules.
 * *callback is the code of a scheme that has one, borrowed, else NULL. Croaks where it makes no sense.
 */
void glue_scheme(pTHX_ SV *value, iossl_scheme *scheme, SV **callback);

/* The list of a PublicSuffix object, or what undef and '' stand for. Borrowed. Croaks. */
const iossl_psl *glue_suffix_list(pTHX_ SV *value);
/* A new PublicSuffix list, as a reference that glue_suffix_list() takes. psl is owned. */
SV *glue_suffix_list_sv(pTHX_ iossl_psl *psl);

/* A handle that a program passed as a number (X509 *, EVP_PKEY *, ...); croaks where it is none. */
void *glue_pointer(pTHX_ SV *value, const char *what);
/* The same where only the number counts: nobody looks at what lies there, which may be gone. */
const void *glue_address(pTHX_ SV *value, const char *what);

#endif
