/*
 * tlsopts.h - groups of options that several commands have, and what they do to a configuration.
 */
#ifndef TOOL_TLSOPTS_H
#define TOOL_TLSOPTS_H

#include <iossl.h>

#include "opts.h"

/* Whom to trust. */
typedef struct tls_trust {
    const char *ca_file, *ca_path, *crl_file;
} tls_trust;
extern const tool_option TLS_TRUST[];
#define TLS_TRUST_N ((size_t)3)

/* Who we are. */
typedef struct tls_identity {
    const char *cert, *key;
} tls_identity;
extern const tool_option TLS_IDENTITY[];
#define TLS_IDENTITY_N ((size_t)2)

/* What may be agreed on. */
typedef struct tls_protocol {
    const char *version, *ciphers, *ciphersuites, *groups, *alpn, *sigalgs, *min_version, *max_version,
        *policy, *propq;
    long key_update_bytes;
    bool ktls;
} tls_protocol;
extern const tool_option TLS_PROTOCOL[];
#define TLS_PROTOCOL_N ((size_t)12)

/* What both ends of a connection, and nobody else, can know of it. */
typedef struct tls_proof {
    const char *binding, *label;
} tls_proof;
extern const tool_option TLS_PROOF[];
#define TLS_PROOF_N ((size_t)2)

/* Each: false where err says why not. */
bool tls_apply_trust(iossl_config *config, const tls_trust *trust, iossl_error *err);
bool tls_apply_identity(iossl_config *config, const tls_identity *identity, iossl_error *err);
bool tls_apply_protocol(iossl_config *config, const tls_protocol *protocol, iossl_error *err);

/* The channel binding, and the exported key (32 bytes), in hexadecimal digits, or why there is none;
 * free() it. NULL: not asked for. */
char *tls_binding(iossl_conn *conn, const tls_proof *proof, bool *ok);
char *tls_exported_key(iossl_conn *conn, const tls_proof *proof, bool *ok);
/* Who encrypts, for people: "the kernel sends and receives", or OpenSSL does. A constant. */
const char *tls_ktls_text(iossl_conn *conn);

#endif
