/*
 * ocsp.h - OCSP between Perl and libiossl: staples, caches, resolvers.
 */
#ifndef GLUE_OCSP_H
#define GLUE_OCSP_H

#include "context.h"
#include "glue.h"

typedef struct glue_ocsp_caller glue_ocsp_caller;

/* ---- Connections ------------------------------------------------------------------------------ */

/* Directs what a new connection does about OCSP to the Perl code and the cache of its context. */
iossl_status glue_connect_ocsp(pTHX_ iossl_conn *conn, const glue_context *context,
                               iossl_error *err);
/*
 * Around operations that may use a cache of the program's own: until the enclosing LEAVE, this object
 * (NULL: there is none) is asked, and what it dies with goes to *exception.
 */
void glue_ocsp_enter(pTHX_ SV *store, SV **exception);

/* ---- Caches ----------------------------------------------------------------------------------- */

/* The cache in the hash of an OCSP_Cache object; NULL where sv isn't one. Borrowed. */
iossl_ocsp_cache *glue_ocsp_cache_of(SV *sv);
/* Attaches a cache to the hash of an object. Owned from now on. */
void glue_ocsp_cache_attach(pTHX_ HV *hash, iossl_ocsp_cache *cache);
/* Has it the methods of a cache? */
bool glue_is_ocsp_store(pTHX_ SV *sv);

/* What is known of a certificate as a hash, and back. An entry borrows its texts of the hash; what can't
 * be read without running code of the program counts as absent. */
HV *glue_ocsp_hash(pTHX_ const iossl_ocsp_entry *entry);
iossl_ocsp_entry glue_ocsp_entry(pTHX_ HV *hash);

/* ---- Resolvers -------------------------------------------------------------------------------- */

typedef struct glue_resolver {
    iossl_ocsp_resolver *resolver;  /* owned */
    HV *owner;                      /* the object's hash, that this is attached to; not counted */
    SV *store;                      /* the program's own cache; owned, NULL: none */
    SV *exception;                  /* what that died with; owned, NULL: none */
    bool is_busy;                   /* inside libiossl: a cache may not start another operation */
} glue_resolver;

/* A new OCSP_Resolver object; NULL where there is nothing to ask about, or no memory: see err. */
SV *glue_resolver_new(pTHX_ const glue_handle *h, X509 *const *certs, size_t n, iossl_error *err);
/* What is in an OCSP_Resolver object; croaks where sv isn't one. */
glue_resolver *glue_need_resolver(pTHX_ SV *sv);
/* As glue_ocsp_enter() for one of its operations, between ENTER and LEAVE, and keeps the object that
 * long; then what that died with is thrown. */
void glue_resolver_enter(pTHX_ glue_resolver *r);
void glue_resolver_rethrow(pTHX_ glue_resolver *r);

#endif
