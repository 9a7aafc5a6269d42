/*
 * suffix.h - lists of public suffixes in PublicSuffix objects.
 */
#ifndef GLUE_SUFFIX_H
#define GLUE_SUFFIX_H

#include "glue.h"

/* The list of a PublicSuffix object, or what undef and '' stand for. Borrowed. Croaks. */
const iossl_psl *glue_suffix_list(pTHX_ SV *value);
/* A new PublicSuffix list, as a reference that glue_suffix_list() takes. psl is owned. */
SV *glue_suffix_list_sv(pTHX_ iossl_psl *psl);

#endif
