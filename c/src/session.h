/*
 * session.h - which sessions a client may offer again, and where it keeps them.
 */
#ifndef IOSSL_SESSION_H
#define IOSSL_SESSION_H

#include "iossl.h"
#include "verify.h"

/* A digest of all that a session was verified under. */
typedef struct iossl_binding {
    unsigned char digest[32];
    bool is_local;              /* something in it has a meaning in this process only */
} iossl_binding;

/*
 * What this verifier asks for, on a context with this trust (iossl_ctx_get0_trust) and a connection
 * with these limits: how strong keys and signatures have to be, which ciphers will do, the certificate
 * that it shows. id: of the context (iossl_ctx_get0_id), where sessions are for no other; or NULL.
 * False: no memory.
 */
bool iossl_binding_make(iossl_binding *out, const iossl_verifier *v, const unsigned char trust[32],
                        const unsigned char *id, SSL *ssl);
/* Marks a session. False: no memory; it is then never offered. */
bool iossl_session_bind(SSL_SESSION *session, const iossl_binding *binding);
/* Was the session made under just this? One that isn't marked wasn't. */
bool iossl_session_is_bound_to(const SSL_SESSION *session, const iossl_binding *binding);

/* The store over an iossl_session_cache, a reference of which is the argument. */
extern const iossl_session_store iossl_session_cache_store;

/* For init.c: where a session keeps its mark. */
int iossl_session_new_index(void);

/* Where a connection keeps its sessions. */
typedef struct iossl_session_place {
    const iossl_session_store *store;   /* NULL: nowhere */
    void *arg;                          /* owned */
    char *key;                          /* owned */
} iossl_session_place;

/* The key of a server's store for a session's id: hexadecimal digits, free() them. NULL: no memory. */
char *iossl_session_id_key(const unsigned char *id, size_t len);

void iossl_session_place_cleanup(iossl_session_place *place);

#endif
