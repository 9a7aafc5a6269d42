/*
 * t_verify.c - who the peer is: each reason to refuse, each way to accept, in real handshakes.
 */
#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, other_ca, leaf, expired, early, self_signed, client_leaf;
static iossl_ctx *server_ctx;

static void
require_client(iossl_config *config)
{
    if (iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                                     NULL) != IOSSL_OK
        || iossl_config_set_no_default_ca(config, true, NULL) != IOSSL_OK
        || iossl_config_add_ca(config, ca.cert, NULL) != IOSSL_OK)
        bail_out("server config");
}

static void
present_client(iossl_config *config)
{
    if (iossl_config_add_certs(config, NULL, &client_leaf.cert, 1, NULL) != IOSSL_OK
        || iossl_config_add_key(config, NULL, client_leaf.key, NULL) != IOSSL_OK)
        bail_out("client config");
}

/* One handshake of a client that trusts `trusted` with a server that shows `shown`. */
static void
check(const char *what, const test_identity *trusted, const test_identity *shown,
      const char *hostname, void (*change)(iossl_conn *), iossl_error_code want, const char *words)
{
    iossl_ctx *client_ctx = test_client_ctx(trusted, NULL);
    iossl_ctx *shown_ctx = test_server_ctx(shown, NULL);
    test_pair pair = test_pair_new(client_ctx, shown_ctx, hostname);
    int shaken;

    if (change != NULL)
        change(pair.client);
    shaken = test_pair_shake(&pair);
    if (want == IOSSL_E_NONE) {
        ok(shaken, "%s: accepted", what);
    } else {
        is_int(pair.client_status, IOSSL_ERROR, "%s: refused", what);
        is_int(iossl_error_get_code(pair.client_error), want, "%s: for this reason", what);
        like(iossl_error_message(pair.client_error), words, "%s: in these words", what);
        ok(pair.server_status == IOSSL_ERROR || iossl_conn_is_established(pair.server),
           "%s: the server isn't left waiting", what);
    }
    ok(ERR_peek_error() == 0, "%s: no error is left behind", what);
    test_pair_free(&pair);
    iossl_ctx_free(shown_ctx);
    iossl_ctx_free(client_ctx);
}

static void
no_verification(iossl_conn *conn)
{
    if (iossl_conn_set_verify_mode(conn, IOSSL_VERIFY_NONE, NULL) != IOSSL_OK)
        bail_out("verify mode");
}

static void
name_not_required(iossl_conn *conn)
{
    if (iossl_conn_set_require_name(conn, false, NULL) != IOSSL_OK)
        bail_out("require name");
}

static void
other_verify_name(iossl_conn *conn)
{
    if (iossl_conn_set_verify_name(conn, "alt.example.test", NULL) != IOSSL_OK)
        bail_out("verify name");
}

static void
scheme_none(iossl_conn *conn)
{
    if (iossl_conn_set_scheme(conn, iossl_scheme_by_name("none"), NULL) != IOSSL_OK)
        bail_out("scheme");
}

static void
pin(iossl_conn *conn, const X509 *cert, bool pubkey, bool require)
{
    iossl_pins *pins = iossl_pins_new(NULL);
    char *text = NULL;

    if (iossl_cert_fingerprint(&text, cert, NULL, pubkey, NULL) != IOSSL_OK
        || iossl_pins_add(pins, text, NULL) != IOSSL_OK
        || iossl_conn_set_pins(conn, pins, require, NULL) != IOSSL_OK)
        bail_out("pins");
    iossl_free(text);
    iossl_pins_free(pins);
}

static void
pin_leaf(iossl_conn *conn)
{
    pin(conn, leaf.cert, false, false);
}

static void
pin_leaf_key(iossl_conn *conn)
{
    pin(conn, leaf.cert, true, false);
}

static void
pin_expired(iossl_conn *conn)
{
    pin(conn, expired.cert, false, false);
}

static void
require_other_pin(iossl_conn *conn)
{
    pin(conn, expired.cert, false, true);
}

static int events;

static bool
accept_all(void *arg, bool preverified, X509_STORE_CTX *store_ctx)
{
    (void)arg;
    (void)preverified;
    (void)store_ctx;
    events++;
    return true;
}

static bool
refuse_all(void *arg, bool preverified, X509_STORE_CTX *store_ctx)
{
    (void)arg;
    (void)preverified;
    (void)store_ctx;
    return false;
}

static void
callback_accepts(iossl_conn *conn)
{
    iossl_conn_set_verify_cb(conn, accept_all, NULL);
}

static void
callback_refuses(iossl_conn *conn)
{
    iossl_conn_set_verify_cb(conn, refuse_all, NULL);
}

static void
test_servers(void)
{
    const char *name = "www.example.test";

    check("a good certificate", &ca, &leaf, name, NULL, IOSSL_E_NONE, "");
    check("its second name", &ca, &leaf, "alt.example.test", NULL, IOSSL_E_NONE, "");
    check("its address", &ca, &leaf, "127.0.0.1", NULL, IOSSL_E_NONE, "");
    check("another name", &ca, &leaf, "other.example.test", NULL, IOSSL_E_NAME,
          "hostname verification failed");
    check("the names in the error", &ca, &leaf, "other.example.test", NULL, IOSSL_E_NAME,
          "www.example.test");
    check("another address", &ca, &leaf, "127.0.0.2", NULL, IOSSL_E_NAME,
          "hostname verification failed");
    check("no name at all", &ca, &leaf, NULL, NULL, IOSSL_E_NO_NAME,
          "Cannot determine peer hostname for verification");
    check("no name, none required", &ca, &leaf, NULL, name_not_required, IOSSL_E_NONE, "");
    check("a name to verify beside the one sent", &ca, &leaf, "other.example.test",
          other_verify_name, IOSSL_E_NONE, "");
    check("no scheme", &ca, &leaf, "other.example.test", scheme_none, IOSSL_E_NONE, "");
    check("another CA", &other_ca, &leaf, name, NULL, IOSSL_E_VERIFY, "certificate verify failed");
    check("another CA, in words", &other_ca, &leaf, name, NULL, IOSSL_E_VERIFY,
          "unable to get local issuer certificate");
    check("no CA", NULL, &leaf, name, NULL, IOSSL_E_VERIFY, "certificate verify failed");
    check("no CA, no verification", NULL, &leaf, name, no_verification, IOSSL_E_NONE, "");
    check("expired", &ca, &expired, name, NULL, IOSSL_E_VERIFY, "certificate has expired");
    check("not yet valid", &ca, &early, name, NULL, IOSSL_E_VERIFY, "certificate is not yet valid");
    check("self-signed", &ca, &self_signed, name, NULL, IOSSL_E_VERIFY, "signed certificate");
    check("self-signed and trusted itself", &self_signed, &self_signed, name, NULL, IOSSL_E_NONE,
          "");
    check("pinned, from another CA", &other_ca, &leaf, name, pin_leaf, IOSSL_E_NONE, "");
    check("pinned by its key", &other_ca, &leaf, name, pin_leaf_key, IOSSL_E_NONE, "");
    check("pinned, under another name", &ca, &leaf, "other.example.test", pin_leaf, IOSSL_E_NONE,
          "");
    check("pinned, and expired", &ca, &expired, name, pin_expired, IOSSL_E_NONE, "");
    check("another one pinned: the chain decides", &ca, &leaf, name, pin_expired, IOSSL_E_NONE, "");
    check("another one pinned, another CA", &other_ca, &leaf, name, pin_expired, IOSSL_E_VERIFY,
          "certificate verify failed");
    check("another one pinned and required", &ca, &leaf, name, require_other_pin, IOSSL_E_PIN,
          "SSL_fingerprint");
    events = 0;
    check("a callback that accepts", &other_ca, &leaf, name, callback_accepts, IOSSL_E_NONE, "");
    ok(events > 1, "was asked for each verdict");
    check("but the name still counts", &other_ca, &leaf, "other.example.test", callback_accepts,
          IOSSL_E_NAME, "hostname verification failed");
    check("a callback that refuses", &ca, &leaf, name, callback_refuses, IOSSL_E_CALLBACK,
          "SSL_verify_callback");
}

static void
check_client(const char *what, void (*change)(iossl_config *), bool want)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, change);
    iossl_ctx *strict_ctx = test_server_ctx(&leaf, require_client);
    test_pair pair = test_pair_new(client_ctx, strict_ctx, "www.example.test");

    is_int(test_pair_shake(&pair), want, "%s", what);
    if (!want)
        like(iossl_error_message(pair.server_error), "peer did not return a certificate",
             "%s: in words", what);
    test_pair_free(&pair);
    iossl_ctx_free(strict_ctx);
    iossl_ctx_free(client_ctx);
}

/* Two handshakes on one context, step by step in turns, see only their own names. */
static void
test_interleaved(void)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, NULL);
    test_pair good = test_pair_new(client_ctx, server_ctx, "www.example.test");
    test_pair bad = test_pair_new(client_ctx, server_ctx, "other.example.test");
    iossl_status good_status = IOSSL_WANT_READ, bad_status = IOSSL_WANT_READ;

    for (int i = 0; i < 10; i++) {
        if (good_status == IOSSL_WANT_READ)
            good_status = iossl_handshake(good.client, IOSSL_POLL, good.client_error);
        if (bad_status == IOSSL_WANT_READ)
            bad_status = iossl_handshake(bad.client, IOSSL_POLL, bad.client_error);
        if (iossl_handshake(good.server, IOSSL_POLL, NULL) == IOSSL_ERROR)
            bail_out("the good server failed");
        if (iossl_handshake(bad.server, IOSSL_POLL, NULL) == IOSSL_ERROR)
            continue;
    }
    is_int(good_status, IOSSL_OK, "the right name passes beside the wrong one");
    is_int(bad_status, IOSSL_ERROR, "the wrong name fails beside the right one");
    test_pair_free(&good);
    test_pair_free(&bad);
    iossl_ctx_free(client_ctx);
}

/* Name constraints hold for a name in the commonName as for one among the alternative names. */
static void
test_constraints(void)
{
    static const struct {
        const char *constraints, *cn, *altnames, *name;
        bool good;
    } cases[] = {
        {"permitted;DNS:example.test", "www.example.test", NULL, "www.example.test", true},
        {"permitted;DNS:other.test", "www.example.test", NULL, "www.example.test", false},
        {"permitted;DNS:other.test", "www.example.test", "DNS:a.other.test", "www.example.test",
         false},
        {"permitted;DNS:other.test", "www.example.test", "DNS:a.other.test", "a.other.test", true},
        {"excluded;DNS:example.test", "www.example.test", "DNS:a.other.test", "www.example.test",
         false},
        {"permitted;IP:10.0.0.0/255.0.0.0", "10.1.2.3", NULL, "10.1.2.3", true},
        {"permitted;IP:10.0.0.0/255.0.0.0", "192.0.2.1", NULL, "192.0.2.1", false},
        {"excluded;IP:192.0.2.0/255.255.255.0", "192.0.2.1", NULL, "192.0.2.1", false},
        {"permitted;DNS:example.test", NULL, "DNS:www.example.test", "www.example.test.", true},
        {"excluded;DNS:example.test", NULL, "DNS:*.example.test", "www.example.test.", false},
        {"permitted;IP:2001:db8::/ffff:ffff::", NULL, "IP:2001:db8::1", "2001:db8::1", true},
        {"permitted;IP:2001:db8::/ffff:ffff::", NULL, "IP:2001:db9::1", "2001:db9::1", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_identity root = test_identity_make(
            &(test_cert_spec){.common_name = "root", .is_ca = 1});
        test_identity middle = test_identity_make(&(test_cert_spec){
            .issuer = &root, .common_name = "middle", .is_ca = 1,
            .constraints = cases[i].constraints});
        test_identity end = test_identity_make(&(test_cert_spec){
            .issuer = &middle, .common_name = cases[i].cn, .altnames = cases[i].altnames});
        iossl_ctx *client_ctx = test_client_ctx(&root, NULL);
        STACK_OF(X509) *chain = sk_X509_new_null();
        iossl_error *err = iossl_error_new();
        iossl_status status;

        if (chain == NULL || sk_X509_push(chain, middle.cert) <= 0)
            bail_out("no memory");
        status = iossl_verify_chain(client_ctx, IOSSL_CLIENT, end.cert, chain, cases[i].name, 0,
                                    err);
        is_int(status, cases[i].good ? IOSSL_OK : IOSSL_ERROR, "%s under %s is %s", cases[i].name,
               cases[i].constraints, cases[i].good ? "accepted" : "refused");
        iossl_error_free(err);
        sk_X509_free(chain);
        iossl_ctx_free(client_ctx);
        test_identity_free(&end);
        test_identity_free(&middle);
        test_identity_free(&root);
    }
}

/* Modes that are none change nothing. */
static void
test_modes(void)
{
    static const int BAD[] = {-1, 16, 1 | 32};
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        iossl_error *err = iossl_error_new();

        is_int(iossl_config_set_verify_mode(config, BAD[i], err), IOSSL_ERROR, "mode %d", BAD[i]);
        is_int(iossl_error_get_code(err), IOSSL_E_USAGE, "its code");
        like(iossl_error_message(err), "combine SSL_VERIFY_PEER (1)", "what to do");
        iossl_error_free(err);
    }
    iossl_config_free(config);
}

/* ---- A program's own say --------------------------------------------------------------------- */

static iossl_match match;
static char asked_for[64];

static iossl_match
by_callback(void *arg, const char *identity, X509 *cert)
{
    (void)arg, (void)cert;
    (void)snprintf(asked_for, sizeof asked_for, "%s", identity);
    return match;
}

/* A scheme with a callback needs no name; where it says no, there is a sentence all the same. */
static void
test_name_callback(void)
{
    const iossl_scheme scheme = {.callback = by_callback};
    static const char *const NAMES[] = {NULL, "www.else.test"};

    for (size_t i = 0; i < 4; i++) {
        iossl_ctx *client_ctx = test_client_ctx(&ca, NULL);
        test_pair pair = test_pair_new(client_ctx, server_ctx, NAMES[i / 2]);

        match = i % 2 == 0 ? IOSSL_NAME_MATCH : IOSSL_NAME_MISMATCH;
        if (iossl_conn_set_scheme(pair.client, &scheme, NULL) != IOSSL_OK)
            bail_out("scheme");
        is_int(test_pair_shake(&pair), match == IOSSL_NAME_MATCH, "the callback decides");
        is_str(asked_for, NAMES[i / 2] == NULL ? "unknown" : NAMES[i / 2], "of this name");
        if (match == IOSSL_NAME_MISMATCH) {
            is_int(iossl_error_get_code(pair.client_error), IOSSL_E_NAME, "its code");
            like(iossl_error_message(pair.client_error), "hostname verification failed", "why");
        }
        ok(ERR_peek_error() == 0, "no error is left behind");
        test_pair_free(&pair);
        iossl_ctx_free(client_ctx);
    }
}

static void
strictly(iossl_config *config)
{
    if (iossl_config_set_policy(config, "strict", NULL) != IOSSL_OK)
        bail_out("policy");
}

static int n_refused, last_code;

static bool
overrule(void *arg, bool good, X509_STORE_CTX *store_ctx)
{
    if (!good) {
        n_refused++;
        last_code = X509_STORE_CTX_get_error(store_ctx);
    }
    return good || arg != NULL;
}

/* The rules of a policy are told to the callback like OpenSSL's own verdicts, and it may overrule them. */
static void
test_overruled(void)
{
    static bool yes = true;
    bool *const answers[] = {NULL, &yes};
    test_identity root = test_identity_make(&(test_cert_spec){.common_name = "root", .is_ca = 1,
        .extensions = "subjectKeyIdentifier=hash|keyUsage=critical,keyCertSign"});
    test_identity purposeless = test_identity_make(&(test_cert_spec){.common_name = "www.example.test",
        .altnames = "DNS:www.example.test", .issuer = &root, .serial = 4711,
        .extensions = "subjectKeyIdentifier=hash|authorityKeyIdentifier=keyid|keyUsage=digitalSignature"});
    iossl_ctx *shown_ctx = test_server_ctx(&purposeless, NULL);

    for (size_t i = 0; i < 2; i++) {
        iossl_ctx *client_ctx = test_client_ctx(&root, strictly);
        test_pair pair = test_pair_new(client_ctx, shown_ctx, "www.example.test");

        n_refused = 0;
        iossl_conn_set_verify_cb(pair.client, overrule, answers[i]);
        is_int(test_pair_shake(&pair), i, "a leaf without a purpose under \"strict\": %s",
               i == 1 ? "overruled" : "refused");
        ok(n_refused > 0 && last_code != X509_V_OK, "the callback was told %d times", n_refused);
        if (i == 0)
            like(iossl_error_message(pair.client_error), "not allowed by SSL_policy", "why");
        ok(ERR_peek_error() == 0, "no error is left behind");
        test_pair_free(&pair);
        iossl_ctx_free(client_ctx);
    }
    iossl_ctx_free(shown_ctx);
    test_identity_free(&purposeless);
    test_identity_free(&root);
}

/* ---- A program's own SSL --------------------------------------------------------------------- */

/* Both ends by OpenSSL's functions, of our SSL_CTX: what came of the client's verification; -1: no handshake. */
static long
bare_handshake(iossl_ctx *client_ctx)
{
    SSL *ends[2] = {SSL_new(iossl_ctx_get0_ssl_ctx(client_ctx)), SSL_new(iossl_ctx_get0_ssl_ctx(server_ctx))};
    BIO *near_end = NULL, *far_end = NULL;
    int done[2] = {0, 0};
    long result = -1;

    if (ends[0] == NULL || ends[1] == NULL || BIO_new_bio_pair(&near_end, 0, &far_end, 0) != 1)
        bail_out("OpenSSL's ends");
    SSL_set_bio(ends[0], near_end, near_end);
    SSL_set_bio(ends[1], far_end, far_end);
    SSL_set_connect_state(ends[0]);
    SSL_set_accept_state(ends[1]);
    for (int round = 0; round < 10; round++)
        for (int i = 0; i < 2; i++)
            done[i] = SSL_do_handshake(ends[i]);
    if (done[0] == 1 && done[1] == 1)
        result = SSL_get_verify_result(ends[0]);
    for (int i = 0; i < 2; i++)
        SSL_free(ends[i]);
    ERR_clear_error();
    return result;
}

static void
test_bare(void)
{
    iossl_ctx *trusting = test_client_ctx(&ca, NULL), *other = test_client_ctx(&other_ca, NULL);

    is_int(bare_handshake(trusting), X509_V_OK, "an SSL of the program's: OpenSSL's word is what there is");
    is_int(bare_handshake(other), -1, "which refuses a chain that isn't trusted");
    iossl_ctx_free(trusting);
    iossl_ctx_free(other);
}

static void
test_chain_alone(void)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, NULL);
    iossl_error *err = iossl_error_new();

    is_int(iossl_verify_chain(client_ctx, IOSSL_CLIENT, leaf.cert, NULL, "www.example.test", 0, err),
           IOSSL_OK, "a chain can be verified without a connection");
    is_int(iossl_verify_chain(client_ctx, IOSSL_CLIENT, leaf.cert, NULL, "x.test", 0, err),
           IOSSL_ERROR, "name and all");
    is_int(iossl_error_get_code(err), IOSSL_E_NAME, "with the reason");
    iossl_error_clear(err);
    is_int(iossl_verify_chain(client_ctx, IOSSL_CLIENT, leaf.cert, NULL, "www.example.test",
                              4102444800, err), IOSSL_ERROR, "or for another time");
    like(iossl_error_message(err), "expired", "when it has expired");
    iossl_error_clear(err);
    is_int(iossl_verify_chain(client_ctx, IOSSL_CLIENT, leaf.cert, NULL, NULL, 0, err), IOSSL_ERROR,
           "no name is no pass");
    is_int(iossl_error_get_code(err), IOSSL_E_NO_NAME, "but an error");
    iossl_error_free(err);
    iossl_ctx_free(client_ctx);
}

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    other_ca = test_identity_make(&(test_cert_spec){.common_name = "other CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){
        .issuer = &ca, .altnames = "DNS:www.example.test,DNS:alt.example.test,IP:127.0.0.1"});
    expired = test_identity_make(
        &(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test", .from_s = -200000, .to_s = -100});
    early = test_identity_make(
        &(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test", .from_s = 50000, .to_s = 100000});
    self_signed = test_identity_make(
        &(test_cert_spec){.common_name = "me", .altnames = "DNS:www.example.test"});
    client_leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .common_name = "client"});
    server_ctx = test_server_ctx(&leaf, NULL);
    test_servers();
    check_client("a client that shows its certificate is accepted", present_client, true);
    check_client("one without is refused", NULL, false);
    test_interleaved();
    test_chain_alone();
    test_constraints();
    test_modes();
    test_name_callback();
    test_overruled();
    test_bare();
    iossl_ctx_free(server_ctx);
    test_identity_free(&ca);
    test_identity_free(&other_ca);
    test_identity_free(&leaf);
    test_identity_free(&expired);
    test_identity_free(&early);
    test_identity_free(&self_signed);
    test_identity_free(&client_leaf);
    return done_testing();
}
