/*
 * t_binding.c - channel bindings and exported keys: the same on both ends, refused where they prove
 * nothing.
 */
#include <string.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf;
static const char *version;

static void
with_version(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK)
        bail_out("version");
}

static test_pair
shaken(iossl_ctx *client, iossl_ctx *server, iossl_session_cache *cache)
{
    test_pair pair = test_pair_new(client, server, "www.example.test");

    if (cache != NULL
        && iossl_conn_set_session_cache(pair.client, cache, "key", NULL) != IOSSL_OK)
        bail_out("cache");
    if (!test_pair_shake(&pair))
        bail_out("no handshake");
    return pair;
}

/* The bytes are the same on both ends; *out has them. */
static size_t
is_shared(const test_pair *pair, const char *type, unsigned char out[IOSSL_BINDING_MAX])
{
    unsigned char other[IOSSL_BINDING_MAX];
    size_t len, other_len;

    is_int(iossl_conn_channel_binding(pair->client, type, out, &len, NULL), IOSSL_OK,
           "%s: %s on the client", version, type);
    is_int(iossl_conn_channel_binding(pair->server, type, other, &other_len, NULL), IOSSL_OK,
           "%s: %s on the server", version, type);
    is_mem(out, len, other, other_len, "%s: it is the same", version);
    ok(len > 0 && ERR_peek_error() == 0, "%s: some bytes, and an empty queue", version);
    return len;
}

static void
is_refused(const iossl_conn *conn, const char *type, iossl_error_code code, const char *why)
{
    unsigned char out[IOSSL_BINDING_MAX];
    iossl_error *err = iossl_error_new();
    size_t len = 1;

    is_int(iossl_conn_channel_binding(conn, type, out, &len, err), IOSSL_ERROR, "%s: no %s",
           version, type);
    is_int(iossl_error_get_code(err), code, "with its code");
    like(iossl_error_message(err), why, "and the reason");
    ok(len == 0 && ERR_peek_error() == 0, "and nothing else");
    iossl_error_free(err);
}

static void
test_types(void)
{
    iossl_ctx *client = test_client_ctx(&ca, with_version), *server = test_server_ctx(&leaf, NULL);
    test_pair pair = shaken(client, server, NULL), again = shaken(client, server, NULL);
    unsigned char one[IOSSL_BINDING_MAX], two[IOSSL_BINDING_MAX], digest[32];
    bool is_13 = strcmp(version, "TLSv1_3") == 0;
    size_t len;

    is_size(is_shared(&pair, "tls-exporter", one), 32, "%s: 32 bytes", version);
    (void)is_shared(&again, "tls-exporter", two);
    ok(memcmp(one, two, 32) != 0, "%s: another connection has others", version);

    is_size(len = is_shared(&pair, "tls-server-end-point", one), 32, "a digest of SHA-256");
    X509_digest(leaf.cert, EVP_sha256(), digest, NULL);
    is_mem(one, len, digest, sizeof digest, "%s: of the server's certificate", version);

    if (is_13) {
        is_refused(pair.client, "tls-unique", IOSSL_E_UNSUPPORTED, "use tls-exporter");
        is_refused(pair.server, "tls-unique", IOSSL_E_UNSUPPORTED, "TLS 1.3 has no such");
    } else {
        is_size(is_shared(&pair, "tls-unique", one), 12, "a Finished message");
        (void)is_shared(&again, "tls-unique", two);
        ok(memcmp(one, two, 12) != 0, "another connection has another one");
        len = SSL_get_finished(iossl_conn_get0_ssl(pair.client), two, sizeof two);
        is_mem(two, len, one, 12, "the client's, which was first");
    }
    is_refused(pair.client, "tls-none", IOSSL_E_OPTION, "known are tls-exporter");
    is_refused(pair.client, "", IOSSL_E_OPTION, "known are tls-exporter");
    test_pair_free(&pair);
    test_pair_free(&again);
    pair = test_pair_new(client, server, "www.example.test");
    is_refused(pair.client, "tls-exporter", IOSSL_E_STATE, "before the handshake");
    is_refused(pair.server, "tls-server-end-point", IOSSL_E_STATE, "before the handshake");
    test_pair_free(&pair);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

/* A resumed handshake begins with the server's Finished. */
static void
test_resumed(void)
{
    iossl_ctx *client = test_client_ctx(&ca, with_version), *server = test_server_ctx(&leaf, NULL);
    iossl_session_cache *cache = iossl_session_cache_new(3, NULL);
    unsigned char bytes[IOSSL_BINDING_MAX], first[IOSSL_BINDING_MAX];
    test_pair pair = shaken(client, server, cache);
    char buf[4];
    size_t n, len;

    (void)is_shared(&pair, "tls-exporter", first);
    if (iossl_write_all(pair.server, "x", 1, NULL, IOSSL_POLL, NULL) != IOSSL_OK
        || iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL) != IOSSL_OK
        || iossl_shutdown(pair.client, false, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("data");
    test_pair_free(&pair);
    pair = shaken(client, server, cache);
    ok(iossl_conn_is_resumed(pair.client), "%s: resumed", version);
    (void)is_shared(&pair, "tls-exporter", bytes);
    ok(memcmp(first, bytes, 32) != 0, "%s: not the binding of the first connection", version);
    (void)is_shared(&pair, "tls-server-end-point", bytes);
    if (strcmp(version, "TLSv1_2") == 0) {
        len = is_shared(&pair, "tls-unique", bytes);
        n = SSL_get_finished(iossl_conn_get0_ssl(pair.server), first, sizeof first);
        is_mem(first, n, bytes, len, "the server's Finished, which was first");
    }
    test_pair_free(&pair);
    iossl_session_cache_free(cache);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

static void
test_exported(void)
{
    iossl_ctx *client = test_client_ctx(&ca, with_version), *server = test_server_ctx(&leaf, NULL);
    test_pair pair = shaken(client, server, NULL);
    static const char label[] = "EXPORTER-test";
    unsigned char a[80], b[80], c[80];
    iossl_error *err = iossl_error_new();
    bool is_13 = strcmp(version, "TLSv1_3") == 0;
    size_t n = sizeof label - 1;

    is_int(iossl_conn_export_keying_material(pair.client, a, 80, label, n, NULL, 0, err), IOSSL_OK,
           "%s: keys on the client", version);
    is_int(iossl_conn_export_keying_material(pair.server, b, 80, label, n, NULL, 0, err), IOSSL_OK,
           "on the server");
    is_mem(a, 80, b, 80, "are the same");
    is_int(iossl_conn_export_keying_material(pair.server, c, 80, label, n - 1, NULL, 0, err),
           IOSSL_OK, "another label");
    ok(memcmp(a, c, 80) != 0, "other keys");
    is_int(iossl_conn_export_keying_material(pair.server, c, 80, label, n, "x", 1, err), IOSSL_OK,
           "a context");
    ok(memcmp(a, c, 80) != 0, "other keys");
    is_int(iossl_conn_export_keying_material(pair.server, c, 80, label, n, "", 0, err), IOSSL_OK,
           "an empty context");
    is_int(memcmp(a, c, 80) == 0, is_13, "is none with TLS 1.3, and something else with TLS 1.2");
    if (!is_13) {
        is_int(iossl_conn_export_keying_material(pair.server, c, 80, "master secret", 13, NULL, 0,
                                                 err),
               IOSSL_ERROR, "a label of TLS itself");
        like(iossl_error_message(err), "80 bytes for the label \"master secret\"", "says so");
        for (n = 0; n < sizeof c && c[n] == 0; n++)
            ;
        is_size(n, sizeof c, "and the bytes are cleared");
    }
    ok(ERR_peek_error() == 0, "the queue is empty");
    test_pair_free(&pair);
    pair = test_pair_new(client, server, "www.example.test");
    is_int(iossl_conn_export_keying_material(pair.server, c, 80, label, 5, NULL, 0, err),
           IOSSL_ERROR, "before the handshake");
    is_int(iossl_error_get_code(err), IOSSL_E_STATE, "there are none");
    test_pair_free(&pair);
    iossl_error_free(err);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

#ifdef SSL_OP_NO_EXTENDED_MASTER_SECRET
static bool
forbid_ems(void *arg, SSL_CTX *ssl_ctx)
{
    (void)arg;
    SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    return true;
}

static void
without_ems(iossl_config *config)
{
    version = "TLSv1_2";
    with_version(config);
    iossl_config_set_ssl_ctx_cb(config, forbid_ems, NULL);
}

static void
test_without_ems(void)
{
    iossl_ctx *client = test_client_ctx(&ca, without_ems), *server = test_server_ctx(&leaf, NULL);
    test_pair pair = shaken(client, server, NULL);
    unsigned char bytes[IOSSL_BINDING_MAX];

    is_refused(pair.client, "tls-unique", IOSSL_E_UNSUPPORTED, "no extended master secret");
    is_refused(pair.server, "tls-unique", IOSSL_E_UNSUPPORTED, "no extended master secret");
    is_refused(pair.client, "tls-exporter", IOSSL_E_UNSUPPORTED, "no extended master secret");
    (void)is_shared(&pair, "tls-server-end-point", bytes);
    test_pair_free(&pair);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}
#endif

/* The digest of tls-server-end-point is that of the signature. */
static void
test_digests(void)
{
    static const struct { const char *digest; size_t len; } table[] = {
        {"SHA1", 32}, {"SHA384", 48}, {"SHA512", 64}};

    version = "TLSv1_3";
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        test_identity other = test_identity_make(&(test_cert_spec){
            .common_name = "x", .altnames = "DNS:www.example.test", .digest = table[i].digest});
        iossl_ctx *client = test_client_ctx(&other, NULL), *server = test_server_ctx(&other, NULL);
        unsigned char bytes[IOSSL_BINDING_MAX];
        test_pair pair = shaken(client, server, NULL);

        is_size(is_shared(&pair, "tls-server-end-point", bytes), table[i].len, "signed with %s",
                table[i].digest);
        test_pair_free(&pair);
        iossl_ctx_free(client);
        iossl_ctx_free(server);
        test_identity_free(&other);
    }
}

static void
test_without_digest(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
    test_identity signer;
    iossl_ctx *client, *server;
    test_pair pair;

    if (maker == NULL || EVP_PKEY_keygen_init(maker) != 1 || EVP_PKEY_keygen(maker, &key) != 1)
        bail_out("no Ed25519 key");
    EVP_PKEY_CTX_free(maker);
    signer = test_identity_make(&(test_cert_spec){
        .common_name = "x", .altnames = "DNS:www.example.test", .key = key});
    client = test_client_ctx(&signer, NULL);
    server = test_server_ctx(&signer, NULL);
    pair = shaken(client, server, NULL);
    is_refused(pair.client, "tls-server-end-point", IOSSL_E_UNSUPPORTED, "as Ed25519");
    is_refused(pair.server, "tls-server-end-point", IOSSL_E_UNSUPPORTED, "use tls-exporter");
    test_pair_free(&pair);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    test_identity_free(&signer);
    EVP_PKEY_free(key);
}

int
main(void)
{
    static const char *const versions[] = {"TLSv1_2", "TLSv1_3"};

    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){
        .common_name = "x", .altnames = "DNS:www.example.test", .issuer = &ca});
    for (size_t i = 0; i < 2; i++) {
        version = versions[i];
        test_types();
        test_resumed();
        test_exported();
    }
#ifdef SSL_OP_NO_EXTENDED_MASTER_SECRET
    test_without_ems();
#endif
    test_digests();
    test_without_digest();
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
