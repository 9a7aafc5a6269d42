/*
 * t_info.c - what a connection has come to; what an error is about.
 */
#include <string.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf, other_ca;

static void
test_info(void)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, NULL), *server_ctx = test_server_ctx(&leaf, NULL);
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    const iossl_conn_info *info = iossl_conn_get0_info(pair.client);
    const iossl_conn_info *far_info;
    char *line;

    ok(info->protocol == NULL && info->cipher == NULL && info->handshake_us == -1
           && info->bytes_in == 0, "before the handshake nothing is known");
    ok(test_pair_shake(&pair), "a handshake");
    info = iossl_conn_get0_info(pair.client);
    far_info = iossl_conn_get0_info(pair.server);
    is_str(info->protocol, iossl_conn_get0_version(pair.client), "protocol");
    is_str(info->cipher, iossl_conn_get0_cipher(pair.client), "cipher");
    ok(info->cipher_bits >= 128, "%d bits", info->cipher_bits);
    is_str(info->signature, "ECDSA+SHA256", "signature");
    is_str(far_info->signature, "ECDSA+SHA256", "as the server has it");
    ok(info->client_signature == NULL && far_info->client_signature == NULL, "none of the client");
    ok(info->handshake_us >= 0 && far_info->handshake_us >= 0, "time");
    ok(info->bytes_out == far_info->bytes_in && info->bytes_out > 100, "bytes");
    line = iossl_conn_summary(pair.client);
    ok(strstr(line, "signed with ECDSA+SHA256") != NULL && strstr(line, " ms, ") != NULL, "%s", line);
    iossl_free(line);
    ok(ERR_peek_error() == 0, "no error is left behind");
    test_pair_free(&pair);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
}

/* A handshake that the client refuses: its error. */
static test_pair
refused(const test_identity *trusted, const char *name, iossl_ctx **client_ctx, iossl_ctx **server_ctx)
{
    test_pair pair;

    *client_ctx = test_client_ctx(trusted, NULL);
    *server_ctx = test_server_ctx(&leaf, NULL);
    pair = test_pair_new(*client_ctx, *server_ctx, name);
    ok(!test_pair_shake(&pair), "%s: refused", name);
    return pair;
}

static void
test_error(void)
{
    iossl_ctx *client_ctx, *server_ctx;
    test_pair pair = refused(&ca, "other.example.test", &client_ctx, &server_ctx);
    iossl_error *err = pair.client_error, *copy = iossl_error_new();
    const char *source;
    bool was_sent;
    int depth;

    is_str(iossl_error_code_name(iossl_error_get_code(err)), "name", "code");
    is_int(iossl_error_get_alert(err, &was_sent), SSL_AD_BAD_CERTIFICATE, "alert");
    ok(was_sent, "which we have sent");
    ok(iossl_error_get0_cert(err, &depth) != NULL && depth == 0, "the leaf");
    is_int(X509_cmp(iossl_error_get0_cert(err, NULL), leaf.cert), 0, "this very one");
    is_str(iossl_error_get0_name(err, &source), "other.example.test", "name");
    is_str(source, "iossl_conn_set_hostname()", "and where it came from");
    ok(strstr(iossl_error_get0_remedy(err), "SSL_verifycn_name") != NULL, "what to do");
    is_int(sk_X509_num(iossl_error_get0_chain(err)), 1, "the chain");
    iossl_error_copy(copy, err);
    iossl_error_clear(err);
    ok(iossl_error_get0_cert(err, &depth) == NULL && depth == -1
           && iossl_error_get_alert(err, NULL) == -1 && iossl_error_get0_remedy(err) == NULL,
       "an empty one tells nothing");
    ok(iossl_error_get0_cert(copy, NULL) != NULL && iossl_error_get0_remedy(copy) != NULL,
       "a copy tells all");
    iossl_error_set(copy, IOSSL_E_READ, IOSSL_RANK_FATAL, "another");
    ok(iossl_error_get0_cert(copy, NULL) == NULL, "until another takes its place");
    iossl_error_free(copy);
    is_int(iossl_error_get_alert(pair.server_error, &was_sent), SSL_AD_BAD_CERTIFICATE,
           "the server heard of it");
    ok(!was_sent, "by an alert of ours");
    test_pair_free(&pair);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);

    pair = refused(&other_ca, "www.example.test", &client_ctx, &server_ctx);
    is_str(iossl_error_code_name(iossl_error_get_code(pair.client_error)), "verify", "unknown CA");
    ok(iossl_error_get0_remedy(pair.client_error) != NULL, "what to do");
    ok(iossl_error_get0_name(pair.client_error, NULL) == NULL, "no name was checked");
    is_str(iossl_error_code_name((iossl_error_code)9999), "unknown", "no such code");
    test_pair_free(&pair);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
}

int
main(void)
{
    const test_cert_spec ca_spec = {.common_name = "CA", .is_ca = 1};
    const test_cert_spec other_spec = {.common_name = "other", .is_ca = 1};
    const test_cert_spec leaf_spec = {.common_name = "www.example.test",
                                      .altnames = "DNS:www.example.test", .issuer = &ca};

    tap_start();
    ca = test_identity_make(&ca_spec);
    other_ca = test_identity_make(&other_spec);
    leaf = test_identity_make(&leaf_spec);
    test_info();
    test_error();
    test_identity_free(&ca);
    test_identity_free(&other_ca);
    test_identity_free(&leaf);
    return done_testing();
}
