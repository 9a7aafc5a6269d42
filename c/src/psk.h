/*
 * psk.h - keys that both sides know beforehand.
 */
#ifndef IOSSL_PSK_H
#define IOSSL_PSK_H

#include "iossl.h"
#include "session.h"
#include "strmap.h"

/* All that a context knows of them. */
typedef struct iossl_psks {
    iossl_strmap *client;       /* hint => key and identity; NULL: none */
    iossl_strmap *server;       /* identity => key; NULL: none */
    char *hint;                 /* owned */
    iossl_psk_cb cb;
    void *cb_arg;
} iossl_psks;

iossl_status iossl_psks_add(iossl_psks *psks, iossl_role role, const char *peer,
                            const char *identity, const void *key, size_t len, iossl_error *err);
iossl_status iossl_psks_set_hint(iossl_psks *psks, const char *hint, iossl_error *err);
/* False: no memory. */
bool iossl_psks_copy(iossl_psks *to, const iossl_psks *from);
void iossl_psks_cleanup(iossl_psks *psks);
bool iossl_psks_are_empty(const iossl_psks *psks);
/* Equal for two contexts with the same keys. False: no memory. */
bool iossl_psks_digest(const iossl_psks *psks, EVP_MD_CTX *md);
/* Has an SSL_CTX use them, if there are any. False: no memory. */
bool iossl_psks_install(const iossl_psks *psks, SSL_CTX *ssl_ctx);

/* What a connection remembers while it shakes hands, and afterwards. */
typedef struct iossl_psk_state {
    char identity[PSK_MAX_IDENTITY_LEN + 1];    /* OpenSSL reads it until the handshake is done */
    iossl_binding mark;         /* random: on sessions that are made of a key, not of a ticket */
    bool has_mark;
    char missing[PSK_MAX_IDENTITY_LEN + 80];    /* what was looked for in vain, in words; "" */
} iossl_psk_state;

/* *out is for free(3), NULL where there are no keys, as below. False: no memory. */
bool iossl_psk_state_new(iossl_psk_state **out, const iossl_psks *psks);
/* After a handshake without a certificate: was it a pre-shared key that took its place? */
bool iossl_psk_was_used(const iossl_psk_state *state, const SSL *ssl);
/* What to say of a handshake that failed for the reason that OpenSSL has queued; NULL: nothing. */
const char *iossl_psk_get0_missing(const iossl_psk_state *state);

#endif
