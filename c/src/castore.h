/*
 * castore.h - giving an X509_STORE the trust anchors of bundle files and hash folders.
 */
#ifndef IOSSL_CASTORE_H
#define IOSSL_CASTORE_H

#include "iossl.h"

/*
 * Gives store (with the library that it goes with, see library.h) the trust anchors of a bundle (PEM;
 * CRLs in it count too) and of hash folders (colon-separated list); either may be NULL. May be called
 * again for more.
 *
 * IOSSL_ERROR  IOSSL_E_CA "Invalid certificate authority locations: ..." or IOSSL_E_MEMORY; the
 *              store has what came before the error.
 */
iossl_status iossl_castore_add(X509_STORE *store, const char *file, const char *path,
                               iossl_error *err);

/*
 * Can these be read at all? Of several folders one is enough; either may be NULL.
 * IOSSL_E_USAGE "SSL_ca_file F can't be used: ...", "SSL_ca_path D does not exist", "SSL_ca_path D
 * is not accessible: ..."; the errno is kept where its text is given.
 */
iossl_status iossl_castore_check(const char *file, const char *path, iossl_error *err);

/* How many bundles the cache holds, and how many of their certificates were parsed: for tests. */
size_t iossl_castore_cached(size_t *parsed);

#endif
