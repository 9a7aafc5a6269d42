/*
 * paths.h - other ways from a leaf to a trust anchor, where OpenSSL's first one failed.
 */
#ifndef IOSSL_PATHS_H
#define IOSSL_PATHS_H

#include "iossl.h"

/* What a search may cost; why so much, see paths.c. */
#define IOSSL_PATHS_MAX_SENT       128
#define IOSSL_PATHS_MAX_ANCHORS    32
#define IOSSL_PATHS_MAX_LENGTH     16
#define IOSSL_PATHS_MAX_SIGNATURES 100
#define IOSSL_PATHS_MAX_STEPS      32768
#define IOSSL_PATHS_MAX_MS         500

/* What a search did cost. */
typedef struct iossl_paths_cost {
    size_t paths;           /* that were given to OpenSSL */
    size_t signatures;      /* checked at most: the certificates of these paths */
    size_t steps;           /* from a certificate to an issuer */
} iossl_paths_cost;

/*
 * failed: has just refused a chain (X509_verify_cert(3)), and keeps its error. Other paths are
 * verified under the same parameters, time, CRLs and X509_STORE_CTX_set_verify(3) function, with the
 * same verifier attached, and without its verify callback.
 *
 * The chain that verified, leaf first, to be freed with its certificates; NULL: none did. cost is
 * added to.
 */
STACK_OF(X509) *iossl_paths_find(X509_STORE_CTX *failed, iossl_paths_cost *cost);

/* For X509_STORE_set_check_issued(3): makes OpenSSL keep to the path that is being tried. Without
 * it, it may take a turning of its own where several certificates have one subject. */
int iossl_paths_check_issued(X509_STORE_CTX *store_ctx, X509 *cert, X509 *issuer);

/* For init.c: false where memory is out. */
bool iossl_paths_init(void);

#endif
