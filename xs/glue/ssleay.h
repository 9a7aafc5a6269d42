/*
 * ssleay.h - what programs call in Net::SSLeay, for those that find none.
 */
#ifndef GLUE_SSLEAY_H
#define GLUE_SSLEAY_H

#include "glue.h"

/* Defines the functions and constants in the package, and pushes their names on the list. */
void glue_ssleay_define(pTHX_ const char *package, AV *names);

#endif
