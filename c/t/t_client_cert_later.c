/*
 * t_client_cert_later.c - a server of TLS 1.3 that asks for a certificate after the handshake.
 */
#include <string.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, other_ca, leaf, mine, foreign;
static const char *version = "TLSv1_3";
static int mode;
static const test_identity *shows;
static int offers;      /* 1, 0; -1: nothing said */

static void
server_settings(iossl_config *config)
{
    if (iossl_config_set_verify_mode(config, mode, NULL) != IOSSL_OK
        || iossl_config_set_no_default_ca(config, true, NULL) != IOSSL_OK
        || iossl_config_add_ca(config, ca.cert, NULL) != IOSSL_OK)
        bail_out("server");
}

static void
client_settings(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK
        || (shows != NULL
            && (iossl_config_add_certs(config, NULL, &shows->cert, 1, NULL) != IOSSL_OK
                || iossl_config_add_key(config, NULL, shows->key, NULL) != IOSSL_OK))
        || (offers >= 0
            && iossl_config_set_post_handshake_auth(config, offers == 1, NULL) != IOSSL_OK))
        bail_out("client");
}

static test_pair
shaken(const test_identity *identity, int offer, int verify_mode)
{
    iossl_ctx *client, *server;
    test_pair pair;

    shows = identity;
    offers = offer;
    mode = verify_mode;
    client = test_client_ctx(&ca, client_settings);
    server = test_server_ctx(&leaf, server_settings);
    pair = test_pair_new(client, server, "www.example.test");
    if (!test_pair_shake(&pair))
        bail_out("handshake");
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    return pair;
}

static void
client_reads(test_pair *pair)
{
    char buf[8];
    size_t n;

    (void)!iossl_read(pair->client, buf, sizeof buf, &n, IOSSL_POLL, NULL);
}

/* Asks, has the client answer, takes the answer. */
static iossl_status
request(test_pair *pair, bool *answered, iossl_error *err)
{
    iossl_status status = iossl_request_client_cert(pair->server, answered, IOSSL_POLL, err);

    if (status != IOSSL_WANT_READ)
        return status;
    client_reads(pair);
    return iossl_request_client_cert(pair->server, answered, IOSSL_POLL, err);
}

static bool
goes_on(test_pair *pair)
{
    char buf[8] = "";
    size_t n = 0, m = 0;

    return iossl_write_all(pair->server, "x", 1, NULL, IOSSL_POLL, NULL) == IOSSL_OK
           && iossl_read(pair->client, buf, sizeof buf, &n, IOSSL_POLL, NULL) == IOSSL_OK
           && iossl_write_all(pair->client, "yz", 2, NULL, IOSSL_POLL, NULL) == IOSSL_OK
           && iossl_read(pair->server, buf, sizeof buf, &m, IOSSL_POLL, NULL) == IOSSL_OK && n == 1
           && m == 2;
}

static bool
has_cert(const test_pair *pair, const test_identity *wanted)
{
    X509 *cert = iossl_conn_get1_peer_cert(pair->server);
    bool same = wanted == NULL ? cert == NULL : cert != NULL && X509_cmp(cert, wanted->cert) == 0;

    X509_free(cert);
    return same;
}

#define LATER (IOSSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE)
#define REQUIRED (LATER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT)

static void
test_asked(void)
{
    test_pair pair = shaken(&mine, -1, REQUIRED);
    iossl_error *err = iossl_error_new();
    bool answered = false;

    ok(has_cert(&pair, NULL), "nobody is asked in the handshake, though one is required");
    ok(goes_on(&pair), "data go");
    is_int(request(&pair, &answered, err), IOSSL_OK, "asked");
    ok(answered && has_cert(&pair, &mine), "the certificate is there");
    ok(goes_on(&pair), "data go on");
    is_int(request(&pair, &answered, err), IOSSL_OK, "asked once more");
    ok(answered && has_cert(&pair, &mine) && goes_on(&pair), "it is shown again");
    ok(ERR_peek_error() == 0, "the queue is empty");
    test_pair_free(&pair);

    pair = shaken(NULL, 1, LATER);
    is_int(request(&pair, &answered, err), IOSSL_OK, "a client that has none to show");
    ok(answered && has_cert(&pair, NULL) && goes_on(&pair), "is let go on where none is required");
    test_pair_free(&pair);
    iossl_error_free(err);
}

static void
test_refused(void)
{
    static const struct { const char *what; const test_identity *identity; const char *why; } table[] =
        {{"no certificate", NULL, "peer did not return a certificate"},
         {"one of another CA", &foreign, "certificate verify failed"}};

    for (size_t i = 0; i < 2; i++) {
        test_pair pair = shaken(table[i].identity, 1, REQUIRED);
        iossl_error *err = iossl_error_new();
        bool answered = true;
        size_t put;

        is_int(request(&pair, &answered, err), IOSSL_ERROR, "%s, where one is required",
               table[i].what);
        like(iossl_error_message(err), table[i].why, "is the reason");
        ok(!answered && iossl_conn_has_failed(pair.server), "the connection has failed");
        is_int(iossl_write(pair.server, "x", 1, &put, IOSSL_POLL, NULL), IOSSL_ERROR,
               "nothing can be written");
        ok(ERR_peek_error() == 0, "the queue is empty");
        test_pair_free(&pair);
        iossl_error_free(err);
    }
}

static void
test_data_first(void)
{
    test_pair pair = shaken(&mine, -1, REQUIRED);
    bool answered = true;
    char buf[8];
    size_t n;

    if (iossl_write_all(pair.client, "abc", 3, NULL, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("write");
    is_int(iossl_request_client_cert(pair.server, &answered, IOSSL_POLL, NULL), IOSSL_OK,
           "data that the client sent before");
    ok(!answered && has_cert(&pair, NULL), "come first");
    is_int(iossl_read(pair.server, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_OK, "are read");
    is_mem(buf, n, "abc", 3, "all of them");
    client_reads(&pair);
    is_int(iossl_request_client_cert(pair.server, &answered, IOSSL_POLL, NULL), IOSSL_OK,
           "then the answer");
    ok(answered && has_cert(&pair, &mine) && goes_on(&pair), "is there");
    test_pair_free(&pair);

    pair = shaken(&mine, -1, REQUIRED);
    is_int(iossl_request_client_cert(pair.server, &answered, IOSSL_POLL, NULL), IOSSL_WANT_READ,
           "asked");
    client_reads(&pair);
    if (iossl_write_all(pair.client, "abc", 3, NULL, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("write");
    is_int(iossl_read(pair.server, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_OK,
           "an answer that comes while data are read");
    ok(n == 3 && has_cert(&pair, &mine), "is taken on the way");
    test_pair_free(&pair);
}

static void
is_impossible(test_pair pair, bool by_client, iossl_error_code code, const char *why)
{
    iossl_error *err = iossl_error_new();
    bool answered = true;

    is_int(iossl_request_client_cert(by_client ? pair.client : pair.server, &answered, IOSSL_POLL,
                                     err),
           IOSSL_ERROR, "not possible");
    is_int(iossl_error_get_code(err), code, "its code");
    like(iossl_error_message(err), why, "its reason");
    ok(!answered && ERR_peek_error() == 0 && goes_on(&pair), "the connection still works");
    test_pair_free(&pair);
    iossl_error_free(err);
}

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    other_ca = test_identity_make(&(test_cert_spec){.common_name = "Other", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){
        .common_name = "x", .altnames = "DNS:www.example.test", .issuer = &ca});
    mine = test_identity_make(&(test_cert_spec){.common_name = "me", .issuer = &ca, .serial = 5});
    foreign = test_identity_make(&(test_cert_spec){.common_name = "me", .issuer = &other_ca});
    test_asked();
    test_refused();
    test_data_first();
    is_impossible(shaken(&mine, 0, LATER), false, IOSSL_E_UNSUPPORTED,
                  "the client didn't offer post-handshake authentication");
    is_impossible(shaken(NULL, -1, LATER), false, IOSSL_E_UNSUPPORTED, "the client didn't offer");
    is_impossible(shaken(&mine, -1, IOSSL_VERIFY_NONE), false, IOSSL_E_STATE,
                  "SSL_verify_mode has no SSL_VERIFY_PEER");
    is_impossible(shaken(&mine, -1, LATER), true, IOSSL_E_STATE, "this is a client");
    version = "TLSv1_2";
    is_impossible(shaken(&mine, -1, LATER), false, IOSSL_E_UNSUPPORTED, "renegotiation");
    test_identity_free(&foreign);
    test_identity_free(&mine);
    test_identity_free(&leaf);
    test_identity_free(&other_ca);
    test_identity_free(&ca);
    return done_testing();
}
