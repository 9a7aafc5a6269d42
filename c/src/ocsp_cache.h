/*
 * ocsp_cache.h - where answers are kept, ours or the program's: one place, shared by references.
 */
#ifndef IOSSL_OCSP_CACHE_H
#define IOSSL_OCSP_CACHE_H

#include "iossl.h"
#include "ocsp.h"

/* A store with its argument, as a context, its connections and their resolvers share it. */
typedef struct iossl_ocsp_place iossl_ocsp_place;

/* arg is owned from now on, also on failure. NULL: no memory. */
iossl_ocsp_place *iossl_ocsp_place_new(const iossl_ocsp_store *store, void *arg);
/* Over our cache, of which it takes a reference. NULL: no memory. */
iossl_ocsp_place *iossl_ocsp_place_new_cache(iossl_ocsp_cache *cache);
iossl_ocsp_place *iossl_ocsp_place_up_ref(iossl_ocsp_place *place);
void iossl_ocsp_place_free(iossl_ocsp_place *place);

/* The cache under it, NULL where the store is the program's. */
iossl_ocsp_cache *iossl_ocsp_place_get0_cache(const iossl_ocsp_place *place);

/* Keeps what was learned, with one of the errors or neither. */
void iossl_ocsp_place_put(iossl_ocsp_place *place, const iossl_ocsp_subject *subject,
                          const iossl_ocsp_entry *facts, const char *hard_error,
                          const char *soft_error);
/* Calls fn with what is known and still holds; false: nothing is. */
bool iossl_ocsp_place_get(iossl_ocsp_place *place, const iossl_ocsp_subject *subject,
                          iossl_ocsp_entry_fn fn, void *to);

#endif
