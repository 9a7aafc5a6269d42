/*
 * sessions.h - objects that keep sessions.
 */
#ifndef GLUE_SESSIONS_H
#define GLUE_SESSIONS_H

#include "glue.h"

/* The cache in the hash of a Session_Cache object; NULL where sv isn't one. Borrowed. */
iossl_session_cache *glue_session_cache_of(SV *sv);
/* Attaches a cache to the hash of an object. Owned from now on. */
void glue_session_cache_attach(pTHX_ HV *hash, iossl_session_cache *cache);

/* The seal in the hash of a Store object, and attaching one, likewise. */
iossl_seal *glue_seal_of(SV *sv);
void glue_seal_attach(pTHX_ HV *hash, iossl_seal *seal);

#endif
