/*
 * t_context.c - what a configuration says is what a handshake does.
 */
#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf, a_leaf, b_leaf;

/* ---- SSL_version ----------------------------------------------------------------------------- */

static const char *client_version, *server_version;

/* The versions below 1.2 need signatures that OpenSSL's level 1 and up refuses. */
static void
set_version(iossl_config *config, const char *version)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK
        || iossl_config_set_cipher_list(config, NULL, "DEFAULT:@SECLEVEL=0", NULL) != IOSSL_OK)
        bail_out("version");
}

static void
with_client_version(iossl_config *config)
{
    set_version(config, client_version);
}

static void
with_server_version(iossl_config *config)
{
    set_version(config, server_version);
}

static void
test_versions(void)
{
    static const struct {
        const char *client, *server, *want;
    } cases[] = {
        {"SSLv23:!SSLv3:!SSLv2", "SSLv23:!SSLv3:!SSLv2", "TLSv1_3"},
        {"TLSv1_2", "SSLv23", "TLSv1_2"},
        {"tlsv12", "SSLv23", "TLSv1_2"},
        {"SSLv23", "TLSv1_3", "TLSv1_3"},
        {"!TLSv1_3", "SSLv23", "TLSv1_2"},
        {"SSLv23:!TLSv1_2:!TLSv1_3", "SSLv23:!SSLv3", "TLSv1_1"},
        {"TLSv1", "TLSv1", "TLSv1"},
        {"SSLv2/3 : !TLSv13", NULL, "TLSv1_2"},
        {"SSLv23:!TLSv1_2", "SSLv23:!TLSv1_3", "TLSv1_1"},
        {"TLSv1_3", "TLSv1_2", NULL},
        {"TLSv1_1", "TLSv1_2", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iossl_ctx *client, *server;
        test_pair pair;

        client_version = cases[i].client;
        server_version = cases[i].server;
        client = test_client_ctx(&ca, with_client_version);
        server = test_server_ctx(&leaf, with_server_version);
        pair = test_pair_new(client, server, "www.example.test");
        if (cases[i].want == NULL)
            ok(!test_pair_shake(&pair) && (strstr(iossl_error_message(pair.server_error), "SSL_version")
                                           || strstr(iossl_error_message(pair.client_error),
                                                     "SSL_version")),
               "%s does not talk to %s, and the option is named", cases[i].client, cases[i].server);
        else {
            if (!test_pair_shake(&pair))
                diag("%s", iossl_error_message(pair.client_error));
            is_str(iossl_conn_get0_version(pair.client), cases[i].want, "%s talks to %s in %s",
                   cases[i].client, cases[i].server == NULL ? "anything" : cases[i].server,
                   cases[i].want);
        }
        test_pair_free(&pair);
        iossl_ctx_free(client);
        iossl_ctx_free(server);
    }
}

/* ---- Refused values -------------------------------------------------------------------------- */

static void
refuse(iossl_status status, iossl_error *err, iossl_error_code code, const char *words)
{
    is_int(status, IOSSL_ERROR, "refused: %s", words);
    is_int(iossl_error_get_code(err), code, "with its kind of error: %s", words);
    like(iossl_error_message(err), words, "and in words: %s", words);
    iossl_error_clear(err);
}

static void
test_refusals(void)
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    const char *long_name[1];
    char many[300];
    iossl_ctx *ctx;

    memset(many, 'x', sizeof many);
    many[299] = '\0';
    long_name[0] = many;
    refuse(iossl_config_set_version(config, "TLSv1_4", err), err, IOSSL_E_USAGE,
           "invalid SSL_version specified");
    refuse(iossl_config_set_version(config, "", err), err, IOSSL_E_USAGE,
           "invalid SSL_version specified");
    refuse(iossl_config_set_version(config, "TLSv1_2 TLSv1_3", err), err, IOSSL_E_USAGE,
           "invalid SSL_version specified");
    refuse(iossl_config_set_version(config, "TLSv1_2:TLSv1_3", err), err, IOSSL_E_USAGE,
           "cannot set multiple SSL protocols in SSL_version");
    refuse(iossl_config_set_version(config, "!TLSv1:!TLSv1_1:!TLSv1_2:!TLSv1_3:!SSLv3", err), err,
           IOSSL_E_OPTION, "leaves no protocol");
    refuse(iossl_config_set_version(config, "SSLv2", err), err, IOSSL_E_UNSUPPORTED,
           "SSL Version SSLv2 not supported");
    refuse(iossl_config_set_verify_mode(config, 64, err), err, IOSSL_E_USAGE, "SSL_verify_mode 64");
    refuse(iossl_config_add_cert_file(config, NULL, "/nonexistent/c.pem", err), err, IOSSL_E_USAGE,
           "SSL_cert_file /nonexistent/c.pem can't be used: No such file or directory");
    refuse(iossl_config_add_key_file(config, NULL, "/nonexistent/k.pem", err), err, IOSSL_E_USAGE,
           "SSL_key_file /nonexistent/k.pem can't be used: No such file or directory");
    refuse(iossl_config_set_dh_file(config, "/nonexistent/dh.pem", err), err, IOSSL_E_FILE,
           "Failed to open DH file /nonexistent/dh.pem");
    refuse(iossl_config_set_dh_file(config, "/dev/null", err), err, IOSSL_E_OPTION,
           "Failed to read PEM for DH from /dev/null - wrong format?");
    refuse(iossl_config_set_dh(config, NULL, err), err, IOSSL_E_OPTION,
           "Failed to set DH from SSL_dh");
    refuse(iossl_config_set_alpn(config, long_name, 1, err), err, IOSSL_E_OPTION, "299 bytes");
    refuse(iossl_config_set_session_id_context(config, many, 33, err), err, IOSSL_E_OPTION,
           "SSL_session_id_context has 33 bytes");

    is_int(iossl_config_set_cipher_list(config, NULL, "NOSUCH", err), IOSSL_OK, "a cipher list");
    ctx = iossl_ctx_new(config, err);
    refuse(ctx == NULL ? IOSSL_ERROR : IOSSL_OK, err, IOSSL_E_OPTION,
           "Failed to set SSL cipher list \"NOSUCH\"");
    is_int(iossl_config_set_cipher_list(config, NULL, "DEFAULT", err), IOSSL_OK, "mended");
    is_int(iossl_config_set_groups(config, "NOSUCH", err), IOSSL_OK, "a group");
    ctx = iossl_ctx_new(config, err);
    refuse(ctx == NULL ? IOSSL_ERROR : IOSSL_OK, err, IOSSL_E_OPTION,
           "failed to set ECDH groups/curves on context");
    is_int(iossl_config_set_groups(config, "415:P-384", err), IOSSL_OK, "a group by number");
    ctx = iossl_ctx_new(config, err);
    ok(ctx != NULL, "after all refusals, a config still makes a context");
    iossl_ctx_free(ctx);
    is_int(iossl_config_add_certs(config, NULL, &leaf.cert, 1, err), IOSSL_OK, "a certificate");
    is_int(iossl_config_add_key(config, NULL, a_leaf.key, err), IOSSL_OK, "and another's key");
    ctx = iossl_ctx_new(config, err);
    refuse(ctx == NULL ? IOSSL_ERROR : IOSSL_OK, err, IOSSL_E_KEY, "key values mismatch");
    ok(ERR_peek_error() == 0, "no error is left behind");
    iossl_config_free(config);
    iossl_error_free(err);
}

/* ---- Server names ---------------------------------------------------------------------------- */

static bool has_default;

static void
with_hosts(iossl_config *config)
{
    if (iossl_config_add_certs(config, "A.example.test", &a_leaf.cert, 1, NULL) != IOSSL_OK
        || iossl_config_add_key(config, "a.example.test", a_leaf.key, NULL) != IOSSL_OK
        || iossl_config_add_certs(config, "b.example.test", &b_leaf.cert, 1, NULL) != IOSSL_OK
        || iossl_config_add_key(config, "b.example.test", b_leaf.key, NULL) != IOSSL_OK
        || iossl_config_set_cipher_list(config, "b.example.test", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                        NULL) != IOSSL_OK
        || iossl_config_set_ciphersuites(config, "b.example.test", "TLS_CHACHA20_POLY1305_SHA256",
                                         NULL) != IOSSL_OK)
        bail_out("hosts");
    if (has_default
        && (iossl_config_add_certs(config, "", &leaf.cert, 1, NULL) != IOSSL_OK
            || iossl_config_add_key(config, "", leaf.key, NULL) != IOSSL_OK))
        bail_out("default host");
}

static const char *host_version;

static void
with_host_version(iossl_config *config)
{
    if (iossl_config_set_version(config, host_version, NULL) != IOSSL_OK)
        bail_out("version");
}

static void
check_host(const char *hostname, const test_identity *want, const char *words)
{
    iossl_ctx *client = test_client_ctx(&ca, with_host_version);
    iossl_ctx *server = test_server_ctx(NULL, with_hosts);
    test_pair pair = test_pair_new(client, server, NULL);
    X509 *shown;

    if (iossl_conn_set_sni(pair.client, hostname, NULL) != IOSSL_OK
        || iossl_conn_set_require_name(pair.client, false, NULL) != IOSSL_OK)
        bail_out("name");
    if (want == NULL) {
        ok(!test_pair_shake(&pair), "%s", words);
        like(iossl_error_message(pair.client_error), "unrecognized name", "%s, as it is told", words);
    } else {
        ok(test_pair_shake(&pair), "%s: shakes hands", words);
        shown = iossl_conn_get1_peer_cert(pair.client);
        ok(shown != NULL && X509_cmp(shown, want->cert) == 0, "%s: with that certificate", words);
        X509_free(shown);
        if (want == &b_leaf)
            is_str(iossl_conn_get0_cipher(pair.client),
                   strcmp(host_version, "TLSv1_2") == 0 ? "ECDHE-ECDSA-AES256-GCM-SHA384"
                                                        : "TLS_CHACHA20_POLY1305_SHA256",
                   "and with that host's ciphers");
    }
    test_pair_free(&pair);
    iossl_ctx_free(server);
    iossl_ctx_free(client);
}

static void
test_hosts(const char *version)
{
    host_version = version;
    has_default = false;
    check_host("a.example.test", &a_leaf, "a host");
    check_host("B.Example.Test", &b_leaf, "a host in other letters");
    check_host("c.example.test", NULL, "an unknown host, no default");
    check_host(NULL, NULL, "no host, no default");
    has_default = true;
    check_host("c.example.test", &leaf, "an unknown host and a default");
    check_host(NULL, &leaf, "no host and a default");
}

/* ---- Protocols ------------------------------------------------------------------------------- */

static const char *const *client_protocols, *const *server_protocols;
static size_t n_client, n_server;

static void
with_client_protocols(iossl_config *config)
{
    if (iossl_config_set_alpn(config, client_protocols, n_client, NULL) != IOSSL_OK)
        bail_out("ALPN");
}

static void
with_server_protocols(iossl_config *config)
{
    if (iossl_config_set_alpn(config, server_protocols, n_server, NULL) != IOSSL_OK)
        bail_out("ALPN");
}

static void
test_alpn(void)
{
    static const char *const ab[] = {"a", "b"}, *const ba[] = {"b", "a"}, *const c[] = {"c"};
    static const struct {
        const char *const *client, *const *server;
        size_t n_client, n_server;
        const char *want, *what;
    } cases[] = {
        {ba, ab, 2, 2, "b", "the client's order decides"},
        {ab, ba, 2, 2, "a", "either way"},
        {ab, c, 2, 1, "", "none in common is none"},
        {ab, NULL, 2, 0, "", "nor where the server has none"},
        {NULL, ab, 0, 2, "", "or the client"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iossl_ctx *client, *server;
        const unsigned char *name;
        test_pair pair;
        size_t len;

        client_protocols = cases[i].client;
        n_client = cases[i].n_client;
        server_protocols = cases[i].server;
        n_server = cases[i].n_server;
        client = test_client_ctx(&ca, with_client_protocols);
        server = test_server_ctx(&leaf, with_server_protocols);
        pair = test_pair_new(client, server, "www.example.test");
        ok(test_pair_shake(&pair), "ALPN: %s: shakes hands", cases[i].what);
        name = iossl_conn_get0_alpn(pair.client, &len);
        is_mem(name, len, cases[i].want, strlen(cases[i].want), "ALPN: %s", cases[i].what);
        name = iossl_conn_get0_alpn(pair.server, &len);
        is_mem(name, len, cases[i].want, strlen(cases[i].want), "ALPN: the server knows");
        test_pair_free(&pair);
        iossl_ctx_free(client);
        iossl_ctx_free(server);
    }
}

/* ---- The rest -------------------------------------------------------------------------------- */

static int callbacks;

static bool
count_ssl_ctx(void *arg, SSL_CTX *ssl_ctx)
{
    callbacks += ssl_ctx != NULL && arg == &callbacks;
    return callbacks != 4;
}

static void
test_callback(void)
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    iossl_ctx *ctx;

    has_default = true;
    with_hosts(config);
    iossl_config_set_ssl_ctx_cb(config, count_ssl_ctx, &callbacks);
    ctx = iossl_ctx_new(config, err);
    ok(ctx != NULL, "a context with a callback");
    is_int(callbacks, 3, "that is called for each host");
    iossl_ctx_free(ctx);
    ctx = iossl_ctx_new(config, err);
    refuse(ctx == NULL ? IOSSL_ERROR : IOSSL_OK, err, IOSSL_E_CALLBACK, "SSL_create_ctx_callback");
    iossl_config_free(config);
    iossl_error_free(err);
}

static void
test_defaults(void)
{
    iossl_ctx *ctx = test_client_ctx(&ca, NULL);
    SSL_CTX *ssl_ctx = iossl_ctx_get0_ssl_ctx(ctx);

    is_int(SSL_CTX_get_min_proto_version(ssl_ctx), TLS1_2_VERSION, "TLS 1.2 is the least");
    ok((SSL_CTX_get_options(ssl_ctx) & SSL_OP_NO_COMPRESSION) != 0, "no compression");
    ok((SSL_CTX_get_options(ssl_ctx) & SSL_OP_NO_RENEGOTIATION) != 0, "no renegotiation");
    is_int(SSL_CTX_get_verify_mode(ssl_ctx), SSL_VERIFY_PEER, "a client verifies");
    is_int(iossl_ctx_get_verify_mode(ctx), IOSSL_VERIFY_PEER, "and says so");
    is_int(iossl_ctx_get_role(ctx), IOSSL_CLIENT, "as a client");
    iossl_ctx_free(ctx);
    iossl_ctx_free(NULL);
    iossl_config_free(NULL);
}

/* A setting that shows in SSL_CTX's mode. */
static void
test_release_buffers(void)
{
    for (int on = 0; on < 2; on++) {
        iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);
        iossl_ctx *ctx = NULL;

        is_int(iossl_config_set_release_buffers(config, on == 1, NULL), IOSSL_OK, "buffers: %d", on);
        if (ok((ctx = iossl_ctx_new(config, NULL)) != NULL, "a context"))
            is_int((SSL_CTX_get_mode(iossl_ctx_get0_ssl_ctx(ctx)) & SSL_MODE_RELEASE_BUFFERS) != 0, on,
                   "OpenSSL %s them back", on == 1 ? "gives" : "doesn't give");
        iossl_ctx_free(ctx);
        iossl_config_free(config);
    }
}

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test"});
    a_leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:a.example.test"});
    b_leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:b.example.test"});
    test_versions();
    test_refusals();
    test_hosts("TLSv1_2");
    test_hosts("TLSv1_3");
    test_alpn();
    test_callback();
    test_defaults();
    test_release_buffers();
    test_identity_free(&ca);
    test_identity_free(&leaf);
    test_identity_free(&a_leaf);
    test_identity_free(&b_leaf);
    return done_testing();
}
