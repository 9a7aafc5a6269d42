/*
 * context_parts.h - a context from inside, for the files that are parts of it: context.c, context_alpn.c,
 * context_certs.c, context_hosts.c, context_sni.c, context_ssl_ctx.c, context_staples.c, context_trust.c.
 *
 * Owns      the structure, and what building one needs.
 * Leaves    what others may know of a context to context.h.
 */
#ifndef IOSSL_CONTEXT_PARTS_H
#define IOSSL_CONTEXT_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "config.h"
#include "context.h"
#include "iossl.h"
#include "keylog.h"
#include "ocsp_shelf.h"
#include "psk.h"
#include "reload.h"
#include "strmap.h"
#include "tickets.h"
#include "verify.h"

/* What a server name gets. */
typedef struct {
    SSL_CTX *ssl_ctx;
    char *cipher_list;      /* owned; NULL: as the connection has it */
    char *ciphersuites;
    iossl_staple_shelf *shelf;      /* owned: what a server may staple */
} host_entry;

struct iossl_ctx {
    atomic_size_t refs;
    iossl_role role;
    iossl_strmap *hosts;            /* lower-case name => host_entry; "" is the default */
    host_entry *fallback;           /* of hosts: "", or where that isn't, the first */
    iossl_verify_settings verify;
    iossl_ocsp_place *ocsp_place;   /* of a cache of its own */
    atomic_bool lacks_staple;       /* a shelf has something to tell */
    pthread_mutex_t dane_lock;      /* held by who enables DANE */
    iossl_protocols alpn, npn;
    iossl_tickets tickets;
    iossl_psks psks;
    iossl_keylog keylog;
    size_t max_early_data;
    bool insists_on_early_data, wants_ktls;
    uint64_t key_update_bytes;
    bool is_shaped;                 /* there is a callback for its SSL_CTXs */
    iossl_host_cb host_cb;
    void *host_arg;
    iossl_reload *reload;           /* owned; NULL: what the files said stands */
    unsigned char sid_ctx[SSL_MAX_SID_CTX_LENGTH];  /* of verified sessions: configured or random */
    size_t sid_ctx_len;
    unsigned char id[16];           /* random: no other context has it */
    unsigned char trust[32];        /* a digest of all trust anchors and revocation lists */
};

/* What building needs besides the configuration. */
typedef struct {
    const iossl_config *config;
    iossl_ctx *ctx;
    iossl_strmap *identities;       /* file => iossl_identity, so that each is read once */
    iossl_strmap *keys;             /* file => EVP_PKEY */
    X509_STORE *store;
    STACK_OF(X509_NAME) *client_ca_names;
} builder;

/* context_hosts.c: a host_entry for each host that has a certificate, or one for all. */
iossl_status iossl_ctx_build_hosts(builder *b, iossl_error *err);
void iossl_ctx_free_host_entry(void *entry);

/* context_ssl_ctx.c: ready but for certificates; entry is where it will be. NULL: err says why. */
SSL_CTX *iossl_ctx_new_ssl_ctx(builder *b, const char *host, host_entry *entry, iossl_error *err);
/* The value of a host, or of all; NULL: there is none. */
const char *iossl_ctx_host_string(const iossl_strmap *map, const char *host);

/* context_certs.c: gives an SSL_CTX one more certificate with its key. */
iossl_status iossl_ctx_apply_cert(builder *b, SSL_CTX *ssl_ctx, const iossl_host_cert *hc,
                                  iossl_error *err);

/* context_sni.c, context_alpn.c: the callbacks that choose by name and by protocol. False: no memory. */
bool iossl_ctx_apply_sni(const builder *b, SSL_CTX *ssl_ctx);
bool iossl_ctx_apply_alpn(const builder *b, SSL_CTX *ssl_ctx);

/* context_trust.c: fills b->store and the digest of it; b->client_ca_names. */
iossl_status iossl_ctx_build_store(builder *b, iossl_error *err);
iossl_status iossl_ctx_build_client_ca_names(builder *b, iossl_error *err);

/* context_staples.c: the callback that shows or judges one. */
void iossl_ctx_apply_staples(SSL_CTX *ssl_ctx, host_entry *entry);
/* Is each of them for a host that has a certificate? */
iossl_status iossl_ctx_check_staples(const builder *b, iossl_error *err);
/* What the configuration has for a host. False: no memory. */
bool iossl_ctx_add_staples(const builder *b, const char *host, host_entry *entry);
iossl_status iossl_ctx_add_to_shelf(const builder *b, const char *host, const host_entry *entry,
                                    iossl_error *err);
/* From the context that this one takes the place of. */
void iossl_ctx_inherit_staples(const iossl_ctx *ctx, const iossl_ctx *previous);
/* What a server lacked since it was asked last; false: nothing. */
bool iossl_ctx_take_missing_staple(iossl_ctx *ctx, iossl_error *err);

#endif
