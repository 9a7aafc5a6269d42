/*
 * t_info.c - what a connection has come to; what an error is about.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
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

/* ---- The line -------------------------------------------------------------------------------- */

static const char *const PROTOCOLS[] = {"h2"};
static const test_identity *client_identity;

/* A TLSA record that names the leaf by its SHA-256. */
static void
set_record(iossl_conn *conn)
{
    iossl_tlsa *record = iossl_tlsa_new(NULL);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (X509_digest(leaf.cert, EVP_sha256(), digest, &len) != 1
        || iossl_tlsa_add(record, 3, 0, 1, digest, len, NULL) != IOSSL_OK
        || iossl_conn_set_tlsa(conn, record, NULL) != IOSSL_OK)
        bail_out("a TLSA record");
    iossl_tlsa_free(record);
}

static void
with_all(iossl_config *config)
{
    if (iossl_config_set_alpn(config, PROTOCOLS, 1, NULL) != IOSSL_OK
        || (client_identity != NULL
            && (iossl_config_add_certs(config, NULL, &client_identity->cert, 1, NULL) != IOSSL_OK
                || iossl_config_add_key(config, NULL, client_identity->key, NULL) != IOSSL_OK)))
        bail_out("client");
}

static void
asks_for_all(iossl_config *config)
{
    if (iossl_config_set_alpn(config, PROTOCOLS, 1, NULL) != IOSSL_OK
        || iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL)
               != IOSSL_OK
        || iossl_config_add_ca(config, ca.cert, NULL) != IOSSL_OK)
        bail_out("server");
}

static void
check_line(iossl_conn *conn, const char *what, const char *const words[])
{
    char *line = iossl_conn_summary(conn);

    for (size_t i = 0; words[i] != NULL; i++)
        like(line, words[i], "%s", what);
    iossl_free(line);
    ok(ERR_peek_error() == 0, "no error is left behind");
}

/* All that a line can have is in it: certificates of both, by keys of several kinds. */
static void
test_line(void)
{
    static const struct {
        int type;
        const char *name;
    } KINDS[] = {{EVP_PKEY_ED25519, "ed25519"}, {EVP_PKEY_ED448, "ed448"}, {EVP_PKEY_RSA, "RSA-PSS+SHA256"}};

    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_id(KINDS[i].type, NULL);
        EVP_PKEY *key = NULL;
        test_identity me;
        iossl_ctx *client_ctx, *server_ctx = test_server_ctx(&leaf, asks_for_all);
        char theirs[64];
        test_pair pair;

        if (maker == NULL || EVP_PKEY_keygen_init(maker) != 1 || EVP_PKEY_keygen(maker, &key) != 1)
            bail_out("a key");
        me = test_identity_make(&(test_cert_spec){.common_name = "me", .issuer = &ca, .serial = 5, .key = key});
        client_identity = &me;
        client_ctx = test_client_ctx(&ca, with_all);
        pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
        set_record(pair.client);
        check_line(pair.client, "before the handshake",
                   (const char *const[]){"no cipher", "0 bytes in, 0 out", NULL});
        ok(test_pair_shake(&pair), "a handshake%s", iossl_error_message(pair.server_error));
        (void)snprintf(theirs, sizeof theirs, ", client's signature %s,", KINDS[i].name);
        check_line(pair.server, KINDS[i].name,
                   (const char *const[]){"signed with ECDSA+SHA256", theirs, ", ALPN \"h2\",", NULL});
        check_line(pair.client, KINDS[i].name,
                   (const char *const[]){"signed with ECDSA+SHA256", theirs, ", ALPN \"h2\",",
                                         ", TLSA record 3 0 1,", NULL});
        test_pair_free(&pair);
        iossl_ctx_free(client_ctx);
        iossl_ctx_free(server_ctx);
        test_identity_free(&me);
        EVP_PKEY_free(key);
        EVP_PKEY_CTX_free(maker);
    }
    client_identity = NULL;
}

/* Resumed: nobody signs. */
static void
test_resumed(void)
{
    iossl_session_cache *cache = iossl_session_cache_new(4, NULL);
    iossl_ctx *client_ctx = test_client_ctx(&ca, NULL), *server_ctx = test_server_ctx(&leaf, NULL);

    for (int i = 0; i < 2; i++) {
        test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
        const iossl_conn_info *info;
        char *line;

        if (iossl_conn_set_session_cache(pair.client, cache, "www", NULL) != IOSSL_OK)
            bail_out("cache");
        is_int(test_pair_resumes(&pair), i, i == 0 ? "a first handshake" : "resumed");
        info = iossl_conn_get0_info(pair.client);
        ok(info->is_resumed == (i == 1) && (info->signature == NULL) == (i == 1), "as it is told");
        line = iossl_conn_summary(pair.client);
        ok((strstr(line, ", resumed") != NULL) == (i == 1) && (strstr(line, "signed with") == NULL) == (i == 1),
           "%s", line);
        iossl_free(line);
        test_pair_free(&pair);
    }
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
    iossl_session_cache_free(cache);
}

#if defined(__linux__) && defined(TCP_ULP) && defined(SSL_OP_ENABLE_KTLS)

/* As the kernel would have it: no more is told of it than what OpenSSL's BIO says. */
static bool kernel_sends, kernel_receives;

static long
answer(BIO *bio, int cmd, long number, void *p)
{
    (void)bio, (void)number, (void)p;
    if (cmd == BIO_CTRL_GET_KTLS_SEND)
        return kernel_sends;
    if (cmd == BIO_CTRL_GET_KTLS_RECV)
        return kernel_receives;
    return cmd == BIO_CTRL_FLUSH;
}

static void
test_kernel(void)
{
    static const char *const WORDS[] = {NULL, ", kernel TLS out,", ", kernel TLS in,", ", kernel TLS both ways,"};
    iossl_ctx *client_ctx = test_client_ctx(&ca, NULL), *server_ctx = test_server_ctx(&leaf, NULL);
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "answers");
    BIO *bio = NULL;

    if (method == NULL || BIO_meth_set_ctrl(method, answer) != 1 || (bio = BIO_new(method)) == NULL
        || !test_pair_shake(&pair))
        bail_out("a handshake");
    BIO_set_init(bio, 1);
    SSL_set_bio(iossl_conn_get0_ssl(pair.client), bio, bio);
    for (int i = 0; i < 4; i++) {
        char *line;

        kernel_sends = (i & 1) != 0;
        kernel_receives = (i & 2) != 0;
        line = iossl_conn_summary(pair.client);
        ok(WORDS[i] == NULL ? strstr(line, "kernel") == NULL : strstr(line, WORDS[i]) != NULL, "%s", line);
        iossl_free(line);
    }
    test_pair_free(&pair);
    BIO_meth_free(method);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
}

#else

static void
test_kernel(void)
{
    ok(true, "no kernel TLS on this system");
}

#endif

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
    test_line();
    test_resumed();
    test_kernel();
    test_error();
    test_identity_free(&ca);
    test_identity_free(&other_ca);
    test_identity_free(&leaf);
    return done_testing();
}
