/*
 * objects.h - certificates, keys and other handles that programs hold as numbers.
 */
#ifndef GLUE_OBJECTS_H
#define GLUE_OBJECTS_H

#include "glue.h"

typedef enum { GLUE_X509, GLUE_EVP_PKEY } glue_kind;

/* A number for a reference that is the program's to free from now on. Mortal. */
SV *glue_object_give(pTHX_ glue_kind kind, void *object);
/* The program freed a reference. */
void glue_object_gone(glue_kind kind, const void *object);
/* An object that isn't the program's to free goes out as a number; NULL: none does. */
void glue_object_lent(glue_kind kind, const void *object);

/* A handle that a program passed as a number (SSL_SESSION *, ...); croaks where it is none. */
void *glue_pointer(pTHX_ SV *value, const char *what);
/* The same where only the number counts: nobody looks at what lies there, which may be gone. */
const void *glue_address(pTHX_ SV *value, const char *what);

/*
 * The object that a program passed as a number. Croaks, beginning with what ("SSL_key: an EVP_PKEY
 * handle"), where it is no number or too small for one, and also where this is known of the address:
 * that it was freed, or holds an object of another kind. While Net::SSLeay is loaded less is known: not
 * how many references the program has.
 */
void *glue_object(pTHX_ glue_kind kind, SV *value, const char *what);

#endif
