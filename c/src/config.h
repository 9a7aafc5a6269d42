/*
 * config.h - the description that context.c builds from.
 */
#ifndef IOSSL_CONFIG_H
#define IOSSL_CONFIG_H

#include "iossl.h"
#include "keylog.h"
#include "scts.h"
#include "ocsp_shelf.h"
#include "policy.h"
#include "psk.h"
#include "strmap.h"
#include "tickets.h"
#include "verify.h"

/* Protocol versions as bits, lowest first. */
enum {
    IOSSL_PROTO_SSL3 = 1,
    IOSSL_PROTO_TLS1 = 2,
    IOSSL_PROTO_TLS1_1 = 4,
    IOSSL_PROTO_TLS1_2 = 8,
    IOSSL_PROTO_TLS1_3 = 16,
    IOSSL_PROTO_ALL = 31
};

/* One certificate and key for one host: "host" or "host%tag". */
typedef struct iossl_host_cert {
    char *cert_file, *key_file;     /* owned, NULL: not given */
    X509 **certs;                   /* owned references, leaf first */
    size_t n_certs;
    EVP_PKEY *key;                  /* owned reference */
} iossl_host_cert;

/* The staple of one host: a file, or bytes. */
typedef struct iossl_staple_recipe {
    char *file;                     /* owned; NULL: der */
    unsigned char *der;             /* owned */
    size_t len;
} iossl_staple_recipe;

/* A list in the wire form of ALPN: each entry after its length byte. */
typedef struct iossl_protocols {
    unsigned char *wire;
    size_t len;
} iossl_protocols;

typedef enum { IOSSL_DH_AUTO, IOSSL_DH_NONE, IOSSL_DH_PARAMETERS } iossl_dh_kind;

struct iossl_config {
    iossl_role role;
    const iossl_policy *policy;

    bool default_versions;          /* nothing was said: a minimum of openssl.cnf has its way */
    bool restricts_versions;        /* false: OpenSSL's own limits */
    unsigned excluded_versions;     /* IOSSL_PROTO_* */
    bool single_version;            /* exactly one was asked for by name */
    unsigned min_version, max_version;      /* IOSSL_PROTO_*, one bit; 0: no such limit */

    iossl_strmap *cipher_lists;     /* host => char *; "" is the default entry */
    iossl_strmap *ciphersuites;
    bool honor_cipher_order;
    char *groups, *sigalgs;
    iossl_dh_kind dh_kind;
    EVP_PKEY *dh;                   /* with IOSSL_DH_PARAMETERS */
    char *dh_file;                  /* owned: where they are from; NULL: a handle */

    iossl_strmap *host_certs;       /* "host" or "host%tag" => iossl_host_cert */
    iossl_passwd_cb passwd_cb;
    void *passwd_arg;

    char *ca_file, *ca_path;
    STACK_OF(X509) *cas;
    bool no_default_ca;
    bool ca_by_default;             /* ca_file and ca_path are */
    char *client_ca_file;
    STACK_OF(X509) *client_cas;
    iossl_crl_check check_crl;
    char *crl_file;

    iossl_verify_settings verify;

    iossl_strmap *staples;          /* "host" or "host%tag" => iossl_staple_recipe */
    iossl_staple_responder responder;

    iossl_protocols alpn, npn;
    unsigned char sid_ctx[SSL_MAX_SID_CTX_LENGTH];
    size_t sid_ctx_len;
    iossl_tickets tickets;
    iossl_psks psks;
    iossl_keylog keylog;
    iossl_sct_settings scts;
    size_t max_early_data;          /* 0: none */
    bool insists_on_early_data;     /* whatever it is */
    uint64_t key_update_bytes;      /* 0: never */
    iossl_host_cb host_cb;
    void *host_arg;
    enum { IOSSL_PHA_WITH_CERT, IOSSL_PHA_ON, IOSSL_PHA_OFF } post_handshake_auth;
    bool release_buffers;
    bool wants_ktls;
    bool sessions_by_id;        /* of a server: a store instead of tickets */
    iossl_ssl_ctx_cb ssl_ctx_cb;
    void *ssl_ctx_arg;
};

/* Are the CAs of the system trusted, for want of others? */
bool iossl_config_uses_default_ca(const iossl_config *config);

/* What a client and a server offer where nothing is said: the system's list without what is weak. */
#define IOSSL_DEFAULT_CIPHERS "DEFAULT !EXP !MEDIUM !LOW !eNULL !aNULL !RC4 !DES !MD5 !PSK !SRP"

#endif
