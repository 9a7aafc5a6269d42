/*
 * context.h - what a connection needs of its context.
 */
#ifndef IOSSL_CONTEXT_H
#define IOSSL_CONTEXT_H

#include "iossl.h"
#include "keylog.h"
#include "ocsp_cache.h"
#include "psk.h"
#include "tickets.h"
#include "verify.h"

/* The set of sessions that a server which verifies its clients may resume (1 to 32 bytes). */
const unsigned char *iossl_ctx_get0_verified_sid_ctx(const iossl_ctx *ctx, size_t *len);

/* 32 bytes, equal for contexts that trust the same; 16 random bytes of this one. */
const unsigned char *iossl_ctx_get0_trust(const iossl_ctx *ctx);
const unsigned char *iossl_ctx_get0_id(const iossl_ctx *ctx);
/* Has code of the program had its hands on the SSL_CTX? */
bool iossl_ctx_is_shaped(const iossl_ctx *ctx);

/* Where answers of OCSP responders are kept by default. Borrowed. */
iossl_ocsp_place *iossl_ctx_get0_ocsp_place(const iossl_ctx *ctx);

/* As iossl_ctx_new(); sessions of a context before it go on where both trust the same. */
iossl_ctx *iossl_ctx_new_after(const iossl_config *config, const iossl_ctx *previous,
                               iossl_error *err);
/* The context in force, itself unless its files were read again; with a reference of the caller's. */
iossl_ctx *iossl_ctx_get1_current(iossl_ctx *ctx);

const iossl_tickets *iossl_ctx_get0_tickets(const iossl_ctx *ctx);
const iossl_psks *iossl_ctx_get0_psks(const iossl_ctx *ctx);
/* How much early data a server takes; whether before the client is known to be there, whatever it is. */
size_t iossl_ctx_get_max_early_data(const iossl_ctx *ctx, bool *insists);
bool iossl_ctx_wants_ktls(const iossl_ctx *ctx);
bool iossl_ctx_offers_alpn(const iossl_ctx *ctx, const unsigned char *name, size_t len);

/* 0: never. */
uint64_t iossl_ctx_get_key_update_bytes(const iossl_ctx *ctx);
const iossl_keylog *iossl_ctx_get0_keylog(const iossl_ctx *ctx);

const iossl_verify_settings *iossl_ctx_get0_verify_settings(const iossl_ctx *ctx);

/* Client: connections of this context may have TLSA records. False: no memory, or no such OpenSSL. */
bool iossl_ctx_enable_dane(iossl_ctx *ctx);

#endif
