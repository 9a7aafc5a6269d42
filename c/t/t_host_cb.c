/*
 * t_host_cb.c - certificates that a callback loads by the name that a client asks for.
 */
#include <string.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, fallback, lazy;
static const char *version;
static iossl_ctx *client_ctx, *kept;
static char asked[300];
static int n_asked;

/* What the callback does about lazy.test. */
static enum { KEEP, MAKE, REFUSE } how;

static void
with_version(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK)
        bail_out("version");
}

static bool
choose(void *arg, iossl_conn *conn, const char *name, iossl_ctx **ctx)
{
    n_asked++;
    (void)snprintf(asked, sizeof asked, "%s", name == NULL ? "(none)" : name);
    (void)SSL_CTX_use_certificate_file(iossl_ctx_get0_ssl_ctx(iossl_conn_get0_ctx(conn)), "none", 1);
    if (arg != &how || name == NULL || strcmp(name, "lazy.test") != 0)
        return true;
    switch (how) {
    case KEEP:
        *ctx = iossl_ctx_up_ref(kept);
        return true;
    case MAKE:
        *ctx = test_server_ctx(&lazy, NULL);
        return true;
    case REFUSE:
        break;
    }
    return false;
}

static const char *protocol = "h1";

static void
with_callback(iossl_config *config)
{
    if (iossl_config_set_alpn(config, &protocol, 1, NULL) != IOSSL_OK)
        bail_out("ALPN");
    iossl_config_set_host_cb(config, choose, &how);
}

static void
with_protocol(iossl_config *config)
{
    static const char *const other = "h2";

    if (iossl_config_set_alpn(config, &other, 1, NULL) != IOSSL_OK)
        bail_out("ALPN");
}

static void
with_both_protocols(iossl_config *config)
{
    static const char *const both[] = {"h1", "h2"};

    with_version(config);
    if (iossl_config_set_alpn(config, both, 2, NULL) != IOSSL_OK)
        bail_out("ALPN");
}

/* The certificate shown for a name; NULL: there was no handshake, and *why (free it) has the server's
 * reason. */
static const test_identity *
shown_for(iossl_ctx *server, const char *name, const char *wanted_alpn, iossl_error **why)
{
    test_pair pair = test_pair_new(client_ctx, server, name);
    const test_identity *shown = NULL;
    size_t len;

    if (test_pair_shake(&pair)) {
        X509 *cert = iossl_conn_get1_peer_cert(pair.client);
        const unsigned char *alpn = iossl_conn_get0_alpn(pair.client, &len);

        shown = X509_cmp(cert, lazy.cert) == 0 ? &lazy : &fallback;
        X509_free(cert);
        is_mem(alpn, len, wanted_alpn, 2, "%s: the protocol of that context", version);
    }
    if (why != NULL) {
        *why = iossl_error_new();
        iossl_error_copy(*why, pair.server_error);
    }
    ok(ERR_peek_error() == 0, "%s: the queue is empty", version);
    test_pair_free(&pair);
    return shown;
}

static void
test_callback(void)
{
    iossl_ctx *server = test_server_ctx(&fallback, with_callback);
    iossl_ctx *alone = test_server_ctx(NULL, with_callback);
    iossl_error *err;

    kept = test_server_ctx(&lazy, with_protocol);
    how = KEEP;
    n_asked = 0;
    ok(shown_for(server, "lazy.test", "h2", NULL) == &lazy, "%s: a context that is kept", version);
    is_str(asked, "lazy.test", "asked by name");
    is_int(n_asked, 1, "once for each handshake");
    ok(shown_for(server, "lazy.test", "h2", NULL) == &lazy, "%s: again", version);
    ok(shown_for(server, "www.fallback.test", "h1", NULL) == &fallback, "%s: else the table",
       version);
    ok(shown_for(alone, "lazy.test", "h2", NULL) == &lazy,
       "%s: a server that has no certificate of its own", version);
    ok(shown_for(alone, "www.fallback.test", "h1", NULL) == NULL,
       "%s: nothing for another name", version);
    how = REFUSE;
    ok(shown_for(server, "lazy.test", "h2", &err) == NULL, "%s: a callback may refuse", version);
    is_int(iossl_error_get_code(err), IOSSL_E_CALLBACK, "%s: which is the reason", version);
    like(iossl_error_message(err), "SSL_cert_callback refused", "in words");
    iossl_error_free(err);
    iossl_ctx_free(kept);
    iossl_ctx_free(alone);
    iossl_ctx_free(server);
}

/* A context that nobody but the connection holds. */
static void
test_made_at_once(void)
{
    iossl_ctx *server = test_server_ctx(&fallback, with_callback);
    test_pair pair = test_pair_new(client_ctx, server, "lazy.test");
    char buf[4];
    size_t n;

    how = MAKE;
    iossl_ctx_free(server);
    ok(test_pair_shake(&pair), "%s: the callback makes a context", version);
    ok(iossl_write_all(pair.server, "x", 1, NULL, IOSSL_POLL, NULL) == IOSSL_OK
           && iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL) == IOSSL_OK && n == 1,
       "%s: it stays as long as the connection", version);
    test_pair_free(&pair);
}

static void
test_without_name(void)
{
    iossl_ctx *server = test_server_ctx(&fallback, with_callback);
    test_pair pair = test_pair_new(client_ctx, server, NULL);

    if (iossl_conn_set_verify_name(pair.client, "www.fallback.test", NULL) != IOSSL_OK)
        bail_out("name");
    ok(test_pair_shake(&pair), "%s: a client without SNI", version);
    is_str(asked, "(none)", "is told to the callback");
    test_pair_free(&pair);
    iossl_ctx_free(server);
}

int
main(void)
{
    static const char *const versions[] = {"TLSv1_2", "TLSv1_3"};

    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    fallback = test_identity_make(&(test_cert_spec){
        .common_name = "x", .altnames = "DNS:www.fallback.test", .issuer = &ca});
    lazy = test_identity_make(&(test_cert_spec){
        .common_name = "y", .altnames = "DNS:lazy.test", .issuer = &ca, .serial = 7});
    for (size_t i = 0; i < 2; i++) {
        version = versions[i];
        client_ctx = test_client_ctx(&ca, with_both_protocols);
        test_callback();
        test_made_at_once();
        test_without_name();
        iossl_ctx_free(client_ctx);
    }
    test_identity_free(&lazy);
    test_identity_free(&fallback);
    test_identity_free(&ca);
    return done_testing();
}
