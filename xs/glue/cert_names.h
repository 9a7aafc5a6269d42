/*
 * cert_names.h - the names in a certificate as Perl values.
 */
#ifndef GLUE_CERT_NAMES_H
#define GLUE_CERT_NAMES_H

#include "glue.h"

/* Pushes the subjectAltNames of a certificate as (type, value, type, value ...) on an array. */
void glue_push_altnames(pTHX_ AV *list, const X509 *cert);
/* The commonName; mortal or undef. */
SV *glue_common_name(pTHX_ const X509 *cert);

#endif
