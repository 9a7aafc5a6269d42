/*
 * context_alpn.c - the protocol above TLS, by ALPN or by its forerunner NPN.
 *
 * Owns      whose order decides, and what happens where there is none in common.
 * Leaves    the form of the lists to config_alpn.c, ALPN of early data to early.c.
 * See       RFC 7301, SSL_CTX_set_alpn_select_cb(3), SSL_CTX_set_next_proto_select_cb(3).
 */
#include <string.h>

#include "context_parts.h"

bool
iossl_ctx_offers_alpn(const iossl_ctx *ctx, const unsigned char *name, size_t len)
{
    for (size_t i = 0; i < ctx->alpn.len; i += 1U + ctx->alpn.wire[i])
        if (ctx->alpn.wire[i] == len && memcmp(ctx->alpn.wire + i + 1, name, len) == 0)
            return true;
    return false;
}

/* RFC 7301: the first protocol of the client's list that we have too. */
static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
            unsigned int in_len, void *arg)
{
    const iossl_ctx *ctx = arg;

    (void)ssl;
    for (size_t i = 0; i < in_len && in[i] < in_len - i; i += 1U + in[i]) {
        if (iossl_ctx_offers_alpn(ctx, in + i + 1, in[i])) {
            *out = in + i + 1;
            *out_len = in[i];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

#ifndef OPENSSL_NO_NEXTPROTONEG
static int
advertise_npn(SSL *ssl, const unsigned char **out, unsigned int *len, void *arg)
{
    const iossl_ctx *ctx = arg;

    (void)ssl;
    *out = ctx->npn.wire;
    *len = (unsigned int)ctx->npn.len;
    return SSL_TLSEXT_ERR_OK;
}

static int
choose_npn(SSL *ssl, unsigned char **out, unsigned char *out_len, const unsigned char *in,
           unsigned int in_len, void *arg)
{
    const iossl_ctx *ctx = arg;

    (void)ssl;
    (void)SSL_select_next_proto(out, out_len, in, in_len, ctx->npn.wire,
                                (unsigned int)ctx->npn.len);
    return SSL_TLSEXT_ERR_OK;
}
#endif

bool
iossl_ctx_apply_alpn(const builder *b, SSL_CTX *ssl_ctx)
{
    iossl_ctx *ctx = b->ctx;

    if (ctx->alpn.len > 0) {
        if (SSL_CTX_set_alpn_protos(ssl_ctx, ctx->alpn.wire, (unsigned int)ctx->alpn.len) != 0)
            return false;
        SSL_CTX_set_alpn_select_cb(ssl_ctx, choose_alpn, ctx);
    }
#ifndef OPENSSL_NO_NEXTPROTONEG
    if (ctx->npn.len > 0) {
        SSL_CTX_set_next_protos_advertised_cb(ssl_ctx, advertise_npn, ctx);
        SSL_CTX_set_next_proto_select_cb(ssl_ctx, choose_npn, ctx);
    }
#endif
    return true;
}
