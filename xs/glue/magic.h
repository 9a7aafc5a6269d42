/*
 * magic.h - what C keeps in an object of Perl's, attached by magic.
 */
#ifndef GLUE_MAGIC_H
#define GLUE_MAGIC_H

#include "glue.h"

/* A kind of magic: free as the object ends; dup in a new thread, needed where perl has threads. */
#ifdef USE_ITHREADS
#define GLUE_MAGIC(free, dup) {NULL, NULL, NULL, NULL, free, NULL, dup, NULL}
#else
#define GLUE_MAGIC(free, dup) {NULL, NULL, NULL, NULL, free, NULL, NULL, NULL}
#endif

/* Attaches an object, which is owned from now on. */
void glue_magic_attach(pTHX_ SV *sv, MGVTBL *vtbl, void *object);
/* What is attached to the hash that sv refers to; NULL: it is no hash, or nothing of this kind is. */
void *glue_magic_of(SV *sv, const MGVTBL *vtbl);

#endif
