/*
 * context_staples.c - the OCSP staples of all hosts of a context.
 *
 * Owns      which shelf a host has, and what goes from one context to the next.
 * Leaves    a staple within the handshake to ocsp_staple.c, keeping and renewing it to ocsp_shelf.c.
 * See       SSL_CTX_set_tlsext_status_cb(3), RFC 6066 section 8.
 */
#include <stdatomic.h>
#include <string.h>

#include <openssl/err.h>

#include "conn.h"
#include "context_parts.h"
#include "error.h"
#include "ocsp_shelf.h"
#include "ocsp_staple.h"

/* One function for both roles: a server has a staple to show, a client one to judge. */
static int
on_status(SSL *ssl, void *arg)
{
    const host_entry *entry = arg;
    iossl_conn *conn = iossl_conn_from_ssl(ssl);

    if (SSL_is_server(ssl) == 0)
        return conn == NULL || iossl_conn_judge_staple(conn) ? 1 : 0;
    return iossl_staple_answer(ssl, conn == NULL ? NULL : iossl_conn_get0_staple_settings(conn),
                               conn == NULL ? NULL : iossl_conn_get0_verifier(conn)->cause,
                               entry->shelf);
}

void
iossl_ctx_apply_staples(SSL_CTX *ssl_ctx, host_entry *entry)
{
    (void)SSL_CTX_set_tlsext_status_cb(ssl_ctx, on_status);
    (void)SSL_CTX_set_tlsext_status_arg(ssl_ctx, entry);
}

/* A staple is for a certificate: where there is none, it was meant for another host. */
iossl_status
iossl_ctx_check_staples(const builder *b, iossl_error *err)
{
    for (size_t i = 0; i < iossl_strmap_count(b->config->staples); i++) {
        const char *key = iossl_strmap_key(b->config->staples, i);

        if (iossl_strmap_get(b->config->host_certs, key) != NULL)
            continue;
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "an OCSP response was given to be stapled for \"%s\", which has no "
                        "certificate; give one, or name the host as it is named there", key);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

/* The staples of "host" and of each "host%tag". False: no memory. */
bool
iossl_ctx_add_staples(const builder *b, const char *host, host_entry *entry)
{
    const iossl_strmap *staples = b->config->staples;
    size_t n = iossl_strmap_count(staples), len = strlen(host);

    if ((entry->shelf = iossl_shelf_new(&b->config->responder, &b->ctx->lacks_staple,
                                        b->config->verify.library)) == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *key = iossl_strmap_key(staples, i);
        const iossl_staple_recipe *recipe = iossl_strmap_value(staples, i);

        if (strncmp(key, host, len) != 0 || (key[len] != '\0' && key[len] != '%'))
            continue;
        if (!iossl_shelf_add_file(entry->shelf, recipe->file, recipe->der, recipe->len))
            return false;
    }
    return true;
}

/* Servers: a place for the staples of the certificate that the SSL_CTX was given last. */
iossl_status
iossl_ctx_add_to_shelf(const builder *b, const char *host, const host_entry *entry, iossl_error *err)
{
    X509 *cert = b->config->role == IOSSL_SERVER ? SSL_CTX_get0_certificate(entry->ssl_ctx) : NULL;
    STACK_OF(X509) *chain = NULL;

    if (cert == NULL || SSL_CTX_get0_chain_certs(entry->ssl_ctx, &chain) != 1)
        return IOSSL_OK;
    return iossl_shelf_add_cert(entry->shelf, host, cert, chain,
                                SSL_CTX_get_cert_store(entry->ssl_ctx), err);
}

/* A responder may be down by now, and its last answer is good until its end. */
void
iossl_ctx_inherit_staples(const iossl_ctx *ctx, const iossl_ctx *previous)
{
    for (size_t i = 0; i < iossl_strmap_count(ctx->hosts); i++) {
        const host_entry *entry = iossl_strmap_value(ctx->hosts, i);
        const host_entry *old = iossl_strmap_get(previous->hosts, iossl_strmap_key(ctx->hosts, i));

        if (old != NULL)
            iossl_shelf_inherit(entry->shelf, old->shelf);
    }
}

bool
iossl_ctx_take_missing_staple(iossl_ctx *ctx, iossl_error *err)
{
    bool found = false;

    if (!atomic_exchange(&ctx->lacks_staple, false))
        return false;
    for (size_t i = 0; !found && i < iossl_strmap_count(ctx->hosts); i++) {
        const host_entry *entry = iossl_strmap_value(ctx->hosts, i);

        found = iossl_shelf_take_lack(entry->shelf, err);
    }
    atomic_store(&ctx->lacks_staple, found);        /* there may be others */
    return found;
}

iossl_status
iossl_ctx_refresh_staples(iossl_ctx *given, int64_t timeout_ms, int64_t *due_s, iossl_error *err)
{
    iossl_ctx *ctx = iossl_ctx_get1_current(given);
    iossl_status status = IOSSL_OK;
    int64_t now = iossl_now_ms();
    int64_t deadline = timeout_ms < 0 ? -1
                       : timeout_ms < INT64_MAX - now ? now + timeout_ms : INT64_MAX;

    ERR_clear_error();
    *due_s = INT64_MAX;
    for (size_t i = 0; i < iossl_strmap_count(ctx->hosts); i++) {
        const host_entry *entry = iossl_strmap_value(ctx->hosts, i);

        if (iossl_shelf_refresh(entry->shelf, deadline, due_s, err) != IOSSL_OK)
            status = IOSSL_ERROR;
    }
    iossl_ctx_free(ctx);
    ERR_clear_error();
    return status;
}
