/*
 * ocsp_shelf.h - the OCSP responses that a server has at hand for the certificates of a host.
 */
#ifndef IOSSL_OCSP_SHELF_H
#define IOSSL_OCSP_SHELF_H

#include <stdatomic.h>

#include "iossl.h"
#include "library.h"

/* Whom a server asks for its staples. */
typedef struct iossl_staple_responder {
    bool is_on;
    char *uri;              /* owned by the config; NULL: as the certificate says */
    int64_t timeout_ms;     /* of one request within a handshake */
} iossl_staple_responder;

/* No OCSP response is near that size; OpenSSL's HTTP client stops there too. */
#define IOSSL_STAPLE_MAX (100 * (size_t)1024)

/* NULL where it isn't one, or not only one. */
OCSP_RESPONSE *iossl_staple_parse(const unsigned char *der, size_t len);

typedef struct iossl_staple_shelf iossl_staple_shelf;

/* *alarm becomes true where there is something for iossl_shelf_take_lack() to tell; it outlives the shelf.
 * NULL: no memory. */
iossl_staple_shelf *iossl_shelf_new(const iossl_staple_responder *responder, atomic_bool *alarm,
                                    const iossl_library *library);
void iossl_shelf_free(iossl_staple_shelf *shelf);
/* A file, or bytes (copied). False: no memory. */
bool iossl_shelf_add_file(iossl_staple_shelf *shelf, const char *file, const void *der, size_t len);
/*
 * A certificate of the host, with its chain and what may hold its issuer. IOSSL_ERROR where a
 * responder is to be asked about it and can't be: no address, or no issuer.
 */
iossl_status iossl_shelf_add_cert(iossl_staple_shelf *shelf, const char *host, X509 *cert,
                                  STACK_OF(X509) *chain, X509_STORE *store, iossl_error *err);

/* A shelf that takes another's place has its answers for the certificates that are the same. */
void iossl_shelf_inherit(iossl_staple_shelf *shelf, const iossl_staple_shelf *from);

/* The program's source of staples, as one connection has it. */
typedef struct iossl_shelf_source {
    iossl_staple_source get;    /* NULL: none */
    void *arg;
} iossl_shelf_source;

/*
 * A copy, by OPENSSL_malloc, of what there is to be sent for this certificate; NULL: nothing.
 * *refused: the source wants the handshake to fail.
 */
unsigned char *iossl_shelf_take(iossl_staple_shelf *shelf, X509 *cert,
                                const iossl_shelf_source *source, size_t *len, bool *refused);

/* Tells of a certificate that demands a staple and was shown without one, once until it has one again. */
bool iossl_shelf_take_lack(iossl_staple_shelf *shelf, iossl_error *err);

/* Asks the responder about all that is due; *due_s becomes the least number of seconds until that
 * is so again, if it is less than that. IOSSL_ERROR: one is without an answer that holds. */
iossl_status iossl_shelf_refresh(iossl_staple_shelf *shelf, int64_t deadline_ms, int64_t *due_s,
                                 iossl_error *err);

#endif
