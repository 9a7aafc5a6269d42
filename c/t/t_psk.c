/*
 * t_psk.c - pre-shared keys: who knows the key gets in, and nobody else, in TLS 1.2 and 1.3.
 */
#include <string.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf;
static const char *version;
static const char *ciphers;     /* NULL: PSK alone */

/* What the next contexts are made with. */
static const char *client_hint, *client_identity, *client_key, *server_identity, *server_key,
    *server_hint;
static iossl_psk_cb callback;
static int verify_mode;

static void
common(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK
        || iossl_config_set_cipher_list(config, NULL, ciphers == NULL ? "PSK" : ciphers, NULL)
               != IOSSL_OK)
        bail_out("version and ciphers");
    iossl_config_set_psk_cb(config, callback, NULL);
}

static void
client_side(iossl_config *config)
{
    common(config);
    if (client_key != NULL
        && iossl_config_add_client_psk(config, client_hint, client_identity, client_key,
                                       strlen(client_key), NULL) != IOSSL_OK)
        bail_out("client key");
}

static void
server_side(iossl_config *config)
{
    common(config);
    if ((server_key != NULL
         && iossl_config_add_server_psk(config, server_identity, server_key, strlen(server_key),
                                        NULL) != IOSSL_OK)
        || iossl_config_set_psk_hint(config, server_hint, NULL) != IOSSL_OK
        || iossl_config_set_verify_mode(config, verify_mode, NULL) != IOSSL_OK)
        bail_out("server key");
}

/* One attempt with what is set. True: both sides are content, and data come through. */
static int
connects(const test_identity *server, test_pair *pair)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, client_side);
    iossl_ctx *server_ctx = test_server_ctx(server, server_side);
    char buf[8];
    size_t n = 0;
    int done;

    *pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    done = test_pair_shake(pair);
    if (done)
        done = iossl_write_all(pair->server, "x", 1, NULL, IOSSL_POLL, NULL) == IOSSL_OK
               && iossl_read(pair->client, buf, sizeof buf, &n, IOSSL_POLL, NULL) == IOSSL_OK
               && n == 1;
    ok(ERR_peek_error() == 0, "%s: no error is left behind", version);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
    return done;
}

static void
set_keys(const char *hint, const char *identity, const char *key, const char *known_identity,
         const char *known_key, const char *given_hint)
{
    client_hint = hint;
    client_identity = identity;
    client_key = key;
    server_identity = known_identity;
    server_key = known_key;
    server_hint = given_hint;
}

static void
check(const char *what, int want, const char *error_part)
{
    test_pair pair;

    is_int(connects(NULL, &pair), want, "%s: %s", version, what);
    if (want) {
        is_str(iossl_conn_get0_psk_identity(pair.client), client_identity,
               "%s: %s: the client knows its identity", version, what);
        is_str(iossl_conn_get0_psk_identity(pair.server), client_identity,
               "%s: %s: and so does the server", version, what);
        ok(!iossl_conn_is_resumed(pair.client), "%s: %s: nothing was resumed", version, what);
        ok(iossl_conn_get1_peer_cert(pair.client) == NULL, "%s: %s: without a certificate", version,
           what);
        ok(iossl_conn_get0_verified_name(pair.client) == NULL, "%s: %s: and no name", version, what);
    } else if (error_part != NULL) {
        const char *said = iossl_error_message(pair.client_error);

        if (strstr(said, error_part) == NULL)
            said = iossl_error_message(pair.server_error);
        ok(strstr(said, error_part) != NULL, "%s: %s: %s", version, what, said);
    }
    test_pair_free(&pair);
}

static bool
ask_me(void *arg, iossl_conn *conn, const char *peer, iossl_psk *psk)
{
    bool is_client = iossl_conn_get_role(conn) == IOSSL_CLIENT;

    (void)arg;
    if (!is_client && strcmp(peer, "asked") != 0)
        return false;
    if (is_client)
        strcpy(psk->identity, "asked");
    memcpy(psk->key, "answer", 6);
    psk->key_len = 6;
    (void)SSL_CTX_new(NULL);            /* leaves something in the queue of errors */
    return true;
}

/* Has a key, and says no. */
static bool
refuse_me(void *arg, iossl_conn *conn, const char *peer, iossl_psk *psk)
{
    (void)ask_me(arg, conn, peer, psk);
    return false;
}

static void
test_version(void)
{
    bool is_13 = strcmp(version, "TLSv1_3") == 0;

    set_keys(NULL, "me", "secret", "me", "secret", NULL);
    check("the key of this identity", 1, NULL);
    set_keys(NULL, "me", "secret", NULL, "secret", NULL);
    check("the key of all identities", 1, NULL);
    set_keys(NULL, "me", "secret", "me", "other", NULL);
    check("another key", 0, is_13 ? "binder does not verify" : "decryption failed");
    set_keys(NULL, "me", "secret", "you", "secret", NULL);
    check("another identity", 0, "no PSK for given identity 'me' and no default");
    set_keys(NULL, "me", "secret", NULL, NULL, NULL);
    check("a server without keys", 0, NULL);
    set_keys(NULL, NULL, NULL, NULL, "secret", NULL);
    check("a client without keys", 0, NULL);

    set_keys("here", "me", "secret", "me", "secret", "here");
    check("a key by hint", !is_13, NULL);
    set_keys("here", "me", "secret", "me", "secret", "there");
    check("an unknown hint", 0, is_13 ? NULL : "no PSK for given hint 'there'");

    set_keys(NULL, "asked", NULL, NULL, NULL, NULL);
    callback = ask_me;
    client_identity = "asked";
    check("callbacks", 1, NULL);
    callback = refuse_me;
    check("callbacks that say no, whatever they have written", 0, NULL);
    callback = NULL;
    client_identity = NULL;
}

/* A server that verifies clients lets in who has the key; nobody else. */
static void
test_verifying_server(void)
{
    set_keys(NULL, "me", "secret", NULL, "secret", NULL);
    verify_mode = IOSSL_VERIFY_PEER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    check("a server that wants to know who comes", 1, NULL);
    verify_mode = IOSSL_VERIFY_NONE;
}

/* With a certificate on the server, too: who has no key verifies that. */
static void
test_with_certificate(void)
{
    test_pair pair;

    ciphers = "DEFAULT:PSK";
    set_keys(NULL, NULL, NULL, NULL, "secret", NULL);
    is_int(connects(&leaf, &pair), 1, "%s: a client without key gets a certificate", version);
    is_str(iossl_conn_get0_verified_name(pair.client), "www.example.test",
           "%s: and verifies its name", version);
    is_str(iossl_conn_get0_psk_identity(pair.client), NULL, "%s: no key was used", version);
    is_str(iossl_conn_get0_psk_identity(pair.server), NULL, "%s: nor on the server", version);
    test_pair_free(&pair);

    set_keys(NULL, "me", "secret", "you", "secret", NULL);
    ciphers = "DEFAULT";
    is_int(connects(&leaf, &pair), 1, "%s: so does one whose key is unknown", version);
    test_pair_free(&pair);
    ciphers = NULL;
}

/* A session from a key isn't resumed by who has another key, or only certificates. */
static iossl_session_cache *cache;

static int
resumes(iossl_ctx *client_ctx, iossl_ctx *server_ctx)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    int resumed;

    if (iossl_conn_set_session_cache(pair.client, cache, "key", NULL) != IOSSL_OK)
        bail_out("cache");
    if ((resumed = test_pair_resumes(&pair)) == 1)
        resumed = iossl_conn_get0_psk_identity(pair.client) == NULL;
    test_pair_free(&pair);
    return resumed;
}

static void
test_sessions(void)
{
    iossl_ctx *one, *other, *server;

    cache = iossl_session_cache_new(4, NULL);
    ciphers = "PSK";
    set_keys(NULL, "me", "secret", "me", "secret", NULL);
    one = test_client_ctx(&ca, client_side);
    server = test_server_ctx(&leaf, server_side);
    client_key = "other";
    other = test_client_ctx(&ca, client_side);
    (void)resumes(one, server);
    (void)resumes(one, server);
    is_int(resumes(other, server) == 1, 0, "%s: a session from a key is none for another key",
           version);
    iossl_ctx_free(one);
    iossl_ctx_free(other);
    iossl_ctx_free(server);

    /* A default key, and a client that comes back with a ticket: it isn't taken for an identity. */
    ciphers = "DEFAULT:PSK";
    set_keys(NULL, NULL, NULL, NULL, "secret", NULL);
    one = test_client_ctx(&ca, client_side);
    server = test_server_ctx(&leaf, server_side);
    (void)iossl_session_cache_del(cache, "key", NULL);
    is_int(resumes(one, server), 0, "%s: with a default key: a full handshake", version);
    is_int(resumes(one, server), 1, "%s: and a ticket is a ticket", version);
    iossl_ctx_free(one);
    iossl_ctx_free(server);
    iossl_session_cache_free(cache);
    ciphers = NULL;
}

static void
test_refused_values(void)
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    char long_text[PSK_MAX_PSK_LEN + 2];

    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    is_int(iossl_config_add_server_psk(config, "a", "", 0, err), IOSSL_ERROR, "an empty key");
    is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "is refused");
    is_int(iossl_config_add_client_psk(config, NULL, "a", long_text, PSK_MAX_PSK_LEN + 1, err),
           IOSSL_ERROR, "a key that is too long");
    is_int(iossl_config_add_client_psk(config, NULL, "a", long_text, PSK_MAX_PSK_LEN, err), IOSSL_OK,
           "one that just isn't");
    is_int(iossl_config_add_client_psk(config, NULL, long_text, "k", 1, err), IOSSL_ERROR,
           "an identity that is too long");
    is_int(iossl_config_set_psk_hint(config, long_text, err), IOSSL_ERROR, "a hint that is");
    iossl_config_free(config);
    iossl_error_free(err);
}

int
main(void)
{
    static const char *const VERSIONS[] = {"TLSv1_2", "TLSv1_3"};

    tap_start();
    if (!iossl_can(IOSSL_CAN_PSK)) {
        ok(1, "# SKIP this OpenSSL has no pre-shared keys");
        return done_testing();
    }
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(
        &(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test"});
    for (size_t i = 0; i < sizeof VERSIONS / sizeof VERSIONS[0]; i++) {
        version = VERSIONS[i];
        test_version();
        test_verifying_server();
        test_with_certificate();
        test_sessions();
    }
    test_refused_values();
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
