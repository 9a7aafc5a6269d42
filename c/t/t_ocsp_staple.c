/*
 * t_ocsp_staple.c - staples in the handshake: what a server sends, and what a client makes of it.
 */
#include <poll.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "iossl.h"
#include "support_files.h"
#include "support_ocsp.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, other_ca, leaf, demanding, muddled;
static const char *version;
static const char *staple_file;
static const unsigned char *staple_der;
static size_t staple_len;

/* ---- A server that staples whatever it is told ----------------------------------------------- */

/* OpenSSL by itself: our own server doesn't send what isn't good. */
static int
send_raw(SSL *ssl, void *arg)
{
    unsigned char *copy;

    (void)arg;
    if (SSL_is_server(ssl) == 0)
        return 1;
    if (staple_der == NULL || (copy = OPENSSL_memdup(staple_der, staple_len)) == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    (void)SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple_len);
    return SSL_TLSEXT_ERR_OK;
}

static void
with_version(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK)
        bail_out("version");
}

static iossl_ctx *
raw_server(const test_identity *identity)
{
    iossl_ctx *ctx = test_server_ctx(identity, with_version);

    (void)SSL_CTX_set_tlsext_status_cb(iossl_ctx_get0_ssl_ctx(ctx), send_raw);
    return ctx;
}

/* ---- One connection -------------------------------------------------------------------------- */

typedef struct {
    bool connected;
    iossl_staple_state state;
    char message[512], staple_error[256];
    iossl_error_code code;
    iossl_error_rank rank;
    bool got_staple, resumed;
} outcome;

static outcome
connect_to(iossl_ctx *client, iossl_ctx *server, void (*change)(iossl_conn *))
{
    test_pair pair = test_pair_new(client, server, "www.example.test");
    const char *why;
    outcome o = {0};
    size_t len;

    if (change != NULL)
        change(pair.client);
    o.connected = test_pair_shake(&pair);
    o.state = iossl_conn_get_staple_state(pair.client);
    o.got_staple = iossl_conn_get0_staple(pair.client, &len) != NULL;
    o.resumed = o.connected && iossl_conn_is_resumed(pair.client);
    o.code = iossl_error_get_code(pair.client_error);
    o.rank = iossl_error_get_rank(pair.client_error);
    snprintf(o.message, sizeof o.message, "%s", iossl_error_message(pair.client_error));
    why = iossl_conn_get0_staple_error(pair.client);
    snprintf(o.staple_error, sizeof o.staple_error, "%s", why == NULL ? "" : why);
    if (o.connected) {          /* takes the tickets of TLS 1.3 */
        char buf[8];
        size_t n;

        if (iossl_write_all(pair.server, "x", 1, NULL, IOSSL_POLL, NULL) != IOSSL_OK
            || iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL) != IOSSL_OK
            || iossl_shutdown(pair.client, false, IOSSL_POLL, NULL) != IOSSL_OK)
            bail_out("data");
    }
    test_pair_free(&pair);
    return o;
}

static int mode;

static void
set_mode(iossl_conn *conn)
{
    if (iossl_conn_set_ocsp_mode(conn, mode, NULL) != IOSSL_OK)
        bail_out("mode");
}

static void
set_mode_unverified(iossl_conn *conn)
{
    set_mode(conn);
    if (iossl_conn_set_verify_mode(conn, IOSSL_VERIFY_NONE, NULL) != IOSSL_OK)
        bail_out("verify mode");
}

static void
unverified(iossl_conn *conn)
{
    if (iossl_conn_set_verify_mode(conn, IOSSL_VERIFY_NONE, NULL) != IOSSL_OK)
        bail_out("verify mode");
}

static void
pinned(iossl_conn *conn)
{
    iossl_pins *pins = iossl_pins_new(NULL);
    char *text = NULL;

    if (iossl_cert_fingerprint(&text, leaf.cert, NULL, false, NULL) != IOSSL_OK
        || iossl_pins_add(pins, text, NULL) != IOSSL_OK
        || iossl_conn_set_pins(conn, pins, false, NULL) != IOSSL_OK)
        bail_out("pins");
    iossl_free(text);
    iossl_pins_free(pins);
}

static void
use_staple(const test_ocsp_spec *spec)
{
    OPENSSL_free((void *)(uintptr_t)staple_der);
    staple_der = spec == NULL ? NULL : test_ocsp_response(spec, &staple_len);
}

/* ---- Client ---------------------------------------------------------------------------------- */

typedef struct {
    const char *what;
    test_ocsp_spec spec;
    bool is_sent;
    iossl_staple_state state;   /* with TRY_STAPLE, or by default */
    const char *why;            /* part of the staple's error, or of the connection's */
} staple_case;

static void
test_client_case(const staple_case *c)
{
    iossl_ctx *server = raw_server(&leaf);
    iossl_ctx *client = test_client_ctx(&ca, with_version);
    static const int trying[] = {IOSSL_OCSP_DEFAULT, IOSSL_OCSP_TRY_STAPLE, IOSSL_OCSP_FULL_CHAIN,
                                 IOSSL_OCSP_FAIL_HARD};
    bool bad = c->state == IOSSL_STAPLE_BAD;
    outcome o;

    use_staple(c->is_sent ? &c->spec : NULL);
    for (size_t i = 0; i < sizeof trying / sizeof trying[0]; i++) {
        mode = trying[i];
        o = connect_to(client, server, set_mode);
        is_int(o.connected, !bad, "%s, %s, mode %d: %s", version, c->what, mode,
               bad ? "refused" : "connected");
        is_int(o.state, c->state, "%s, %s, mode %d: the state of the staple", version, c->what,
               mode);
        if (c->why != NULL)
            like(bad ? o.message : o.staple_error, c->why, "%s, %s: and why", version, c->what);
        if (bad)
            ok(o.code == IOSSL_E_REVOKED && o.rank == IOSSL_RANK_IDENTITY, "as revoked");
    }
    mode = IOSSL_OCSP_MUST_STAPLE;
    o = connect_to(client, server, set_mode);
    is_int(o.connected, c->state == IOSSL_STAPLE_GOOD, "%s, %s: %s where one is required", version,
           c->what, c->state == IOSSL_STAPLE_GOOD ? "connected" : "refused");
    if (c->state != IOSSL_STAPLE_GOOD) {
        is_int(o.code, IOSSL_E_REVOKED, "%s, %s: as revoked", version, c->what);
        if (!bad)
            like(o.message, "did not receive the required stapled OCSP response", "in words");
    }
    o = connect_to(client, server, set_mode_unverified);
    is_int(o.connected, c->state == IOSSL_STAPLE_GOOD,
           "%s, %s: also where the server isn't verified", version, c->what);
    if (!o.connected)
        is_int(o.code, IOSSL_E_REVOKED, "%s, %s: for the same reason", version, c->what);
    mode = IOSSL_OCSP_NO_STAPLE | IOSSL_OCSP_TRY_STAPLE;
    o = connect_to(client, server, set_mode);
    ok(o.connected && !o.got_staple && o.state == IOSSL_STAPLE_UNCHECKED,
       "%s, %s: not asked for where that is forbidden", version, c->what);
    o = connect_to(client, server, unverified);
    ok(o.connected && !o.got_staple, "%s, %s: nor where the server isn't verified", version,
       c->what);
    o = connect_to(client, server, pinned);
    ok(o.connected && !o.got_staple, "%s, %s: nor where it is pinned", version, c->what);
    ok(ERR_peek_error() == 0, "%s, %s: no error is left behind", version, c->what);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

static void
test_client(void)
{
    const test_ocsp_about good = {.cert = leaf.cert, .issuer = ca.cert};
    const staple_case cases[] = {
        {"none", {0}, false, IOSSL_STAPLE_NONE, NULL},
        {"good", {.signer = &ca, .about = {good}}, true, IOSSL_STAPLE_GOOD, NULL},
        {"good, SHA-256", {.signer = &ca, .id_md = EVP_sha256(), .about = {good}}, true,
         IOSSL_STAPLE_GOOD, NULL},
        {"revoked",
         {.signer = &ca, .about = {{.cert = leaf.cert, .issuer = ca.cert,
                                    .status = V_OCSP_CERTSTATUS_REVOKED, .reason = -1}}},
         true, IOSSL_STAPLE_BAD, "certificate status is revoked"},
        {"unknown",
         {.signer = &ca, .about = {{.cert = leaf.cert, .issuer = ca.cert,
                                    .status = V_OCSP_CERTSTATUS_UNKNOWN}}},
         true, IOSSL_STAPLE_BAD, "certificate status is unknown"},
        {"out of date",
         {.signer = &ca, .about = {{.cert = leaf.cert, .issuer = ca.cert, .from_s = -9000,
                                    .to_s = -1000}}},
         true, IOSSL_STAPLE_UNUSABLE, "the response is out of date"},
        {"wrong signer", {.signer = &other_ca, .about = {good}}, true, IOSSL_STAPLE_UNUSABLE,
         "neither the issuer nor certified by it"},
        {"another certificate", {.signer = &ca, .about = {{.cert = demanding.cert,
                                                           .issuer = ca.cert}}},
         true, IOSSL_STAPLE_UNUSABLE, "no data in response"},
        {"try later", {.response_status = OCSP_RESPONSE_STATUS_TRYLATER}, true,
         IOSSL_STAPLE_UNUSABLE, "OCSP response failed: trylater"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        test_client_case(&cases[i]);
}

static void
test_garbage(void)
{
    iossl_ctx *server = raw_server(&leaf), *client = test_client_ctx(&ca, with_version);
    outcome o;

    use_staple(NULL);
    staple_der = OPENSSL_memdup("garbage", 7);
    staple_len = 7;
    o = connect_to(client, server, NULL);
    ok(o.connected && o.state == IOSSL_STAPLE_UNUSABLE, "%s: garbage counts as none", version);
    use_staple(NULL);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

/* RFC 7633: the certificate says that it comes with a staple. */
static void
test_demanding(void)
{
    const test_ocsp_spec spec = {.signer = &ca, .about = {{.cert = demanding.cert,
                                                           .issuer = ca.cert}}};
    iossl_ctx *server = raw_server(&demanding), *client = test_client_ctx(&ca, with_version);
    outcome o;

    use_staple(&spec);
    ok(connect_to(client, server, NULL).connected, "%s: must-staple, with one: connected", version);
    use_staple(NULL);
    o = connect_to(client, server, NULL);
    ok(!o.connected && o.code == IOSSL_E_REVOKED, "%s: must-staple, without: refused", version);
    like(o.message, "the certificate itself demands one", "%s: and why", version);
    mode = IOSSL_OCSP_NO_STAPLE;
    ok(connect_to(client, server, set_mode).connected,
       "%s: must-staple, where none may be asked for: connected", version);
    mode = IOSSL_OCSP_NO_STAPLE | IOSSL_OCSP_MUST_STAPLE;
    o = connect_to(client, server, set_mode);
    ok(!o.connected, "%s: required and forbidden at once: refused", version);
    like(o.message, "SSL_OCSP_NO_STAPLE forbids", "%s: and why", version);
    iossl_ctx_free(server);
    server = raw_server(&muddled);
    ok(!connect_to(client, server, NULL).connected, "%s: demands that can't be read: refused",
       version);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

typedef struct {
    int calls;
    bool got_one, verdict;
} own_judge;

static own_judge judge;

static bool
judge_staple(void *arg, OCSP_RESPONSE *response)
{
    own_judge *j = arg;

    j->calls++;
    j->got_one = response != NULL && OCSP_response_status(response) == 0;
    return j->verdict;
}

static void
own_judgement(iossl_conn *conn)
{
    iossl_conn_set_staple_cb(conn, judge_staple, &judge);
}

static void
own_judgement_and_must(iossl_conn *conn)
{
    own_judgement(conn);
    mode = IOSSL_OCSP_MUST_STAPLE;
    set_mode(conn);
}

static void
test_callback(void)
{
    const test_ocsp_spec revoked = {
        .signer = &ca, .about = {{.cert = leaf.cert, .issuer = ca.cert, .reason = -1,
                                  .status = V_OCSP_CERTSTATUS_REVOKED}}};
    iossl_ctx *server = raw_server(&leaf), *client = test_client_ctx(&ca, with_version);
    outcome o;

    use_staple(NULL);
    judge = (own_judge){.verdict = true};
    o = connect_to(client, server, own_judgement);
    ok(o.connected && judge.calls == 1 && !judge.got_one && o.state == IOSSL_STAPLE_UNCHECKED,
       "%s: a callback is asked without a staple too", version);
    use_staple(&revoked);
    judge = (own_judge){.verdict = true};
    o = connect_to(client, server, own_judgement);
    ok(o.connected && judge.calls == 1 && judge.got_one, "%s: it may accept what we wouldn't",
       version);
    judge = (own_judge){.verdict = false};
    o = connect_to(client, server, own_judgement);
    ok(!o.connected && o.code == IOSSL_E_CALLBACK, "%s: and refuse", version);
    like(o.message, "SSL_ocsp_staple_callback refused", "%s: which is said", version);
    judge = (own_judge){.verdict = true};
    o = connect_to(client, server, own_judgement_and_must);
    ok(!o.connected && o.code == IOSSL_E_REVOKED,
       "%s: where a staple is required, ours has to be good as well", version);
    use_staple(NULL);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

/* The program's own callback in OpenSSL's place doesn't take the check away. */
static void
test_bypass(void)
{
    const test_ocsp_spec revoked = {
        .signer = &ca, .about = {{.cert = leaf.cert, .issuer = ca.cert, .reason = -1,
                                  .status = V_OCSP_CERTSTATUS_REVOKED}}};
    iossl_ctx *server = raw_server(&leaf), *client = test_client_ctx(&ca, with_version);
    outcome o;

    (void)SSL_CTX_set_tlsext_status_cb(iossl_ctx_get0_ssl_ctx(client), send_raw);
    use_staple(&revoked);
    o = connect_to(client, server, NULL);
    ok(!o.connected || o.state == IOSSL_STAPLE_BAD, "%s: a staple is judged in any case", version);
    is_int(o.code, IOSSL_E_REVOKED, "%s: with the same result", version);
    use_staple(NULL);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static iossl_session_cache *sessions;

static void
with_sessions(iossl_conn *conn)
{
    if (iossl_conn_set_session_cache(conn, sessions, "key", NULL) != IOSSL_OK)
        bail_out("session cache");
}

static void
with_sessions_and_must(iossl_conn *conn)
{
    with_sessions(conn);
    mode = IOSSL_OCSP_MUST_STAPLE;
    set_mode(conn);
}

static void
test_sessions(void)
{
    const test_ocsp_spec good = {.signer = &ca, .about = {{.cert = leaf.cert,
                                                           .issuer = ca.cert}}};
    iossl_ctx *server = raw_server(&leaf), *client = test_client_ctx(&ca, with_version);
    outcome o;

    sessions = iossl_session_cache_new(10, NULL);
    use_staple(NULL);
    o = connect_to(client, server, with_sessions);
    ok(o.connected && !o.resumed, "%s: a session without a staple", version);
    o = connect_to(client, server, with_sessions);
    ok(o.connected && o.resumed, "%s: is resumed by who requires none", version);
    o = connect_to(client, server, with_sessions_and_must);
    ok(!o.connected, "%s: and not by who does", version);
    use_staple(&good);
    o = connect_to(client, server, with_sessions_and_must);
    ok(o.connected && !o.resumed && o.state == IOSSL_STAPLE_GOOD, "%s: a session with one",
       version);
    use_staple(NULL);
    o = connect_to(client, server, with_sessions_and_must);
    ok(o.connected && o.resumed, "%s: is resumed, though no staple comes then", version);
    iossl_session_cache_free(sessions);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

/* ---- The resolver of a connection ------------------------------------------------------------ */

static int puts_done, gets_done, frees_done;

static void
store_put(void *arg, const void *key, size_t key_len, const iossl_ocsp_entry *entry)
{
    (void)key;
    puts_done += arg == &puts_done && key_len > 0 && entry->status == IOSSL_OCSP_STATUS_GOOD;
}

static bool
store_get(void *arg, const void *key, size_t key_len, iossl_ocsp_entry_fn fn, void *to)
{
    const iossl_ocsp_entry entry = {.status = IOSSL_OCSP_STATUS_REVOKED,
                                    .next_update = INT64_MAX};

    (void)arg;
    (void)key;
    (void)key_len;
    gets_done++;
    fn(to, &entry);
    return true;
}

static void
store_free(void *arg)
{
    (void)arg;
    frees_done++;
}

static const iossl_ocsp_store STORE = {.put = store_put, .get = store_get, .free = store_free};

static void
test_connection(void)
{
    const test_ocsp_spec good = {.signer = &ca, .about = {{.cert = leaf.cert,
                                                           .issuer = ca.cert}}};
    iossl_ctx *server = raw_server(&leaf), *client = test_client_ctx(&ca, with_version);
    iossl_ocsp_resolver *r;
    test_pair pair;

    use_staple(NULL);
    pair = test_pair_new(client, server, "www.example.test");
    ok(iossl_ocsp_resolver_new(pair.client, NULL, 0, NULL) == NULL,
       "%s: before the handshake there is nothing to resolve", version);
    (void)test_pair_shake(&pair);
    r = iossl_ocsp_resolver_new(pair.client, NULL, 0, NULL);
    ok(r != NULL && iossl_ocsp_resolver_hard_error(r) == NULL,
       "%s: without a staple the leaf is to be asked about", version);
    iossl_ocsp_resolver_free(r);
    r = iossl_ocsp_resolver_new(pair.client, &demanding.cert, 1, NULL);
    ok(r != NULL && iossl_ocsp_resolver_hard_error(r) == NULL,
       "%s: or whatever the program names", version);
    iossl_ocsp_resolver_free(r);
    test_pair_free(&pair);

    use_staple(&good);
    pair = test_pair_new(client, server, "www.example.test");
    (void)test_pair_shake(&pair);
    r = iossl_ocsp_resolver_new(pair.client, NULL, 0, NULL);
    is_str(iossl_ocsp_resolver_hard_error(r), "", "%s: after a good staple nothing is", version);
    test_pair_free(&pair);
    is_str(iossl_ocsp_resolver_soft_error(r), NULL, "%s: also when the connection is gone",
           version);
    iossl_ocsp_resolver_free(r);

    puts_done = gets_done = frees_done = 0;
    pair = test_pair_new(client, server, "www.example.test");
    ok(iossl_conn_set_ocsp_store(pair.client, &STORE, &puts_done, NULL) == IOSSL_OK,
       "%s: a store of the program's", version);
    (void)test_pair_shake(&pair);
    is_int(puts_done, 1, "%s: gets what a staple says", version);
    r = iossl_ocsp_resolver_new(pair.client, NULL, 0, NULL);
    test_pair_free(&pair);
    is_int(frees_done, 0, "%s: lives as long as a resolver of the connection", version);
    like(iossl_ocsp_resolver_hard_error(r), "certificate status is revoked",
         "%s: and is believed", version);
    iossl_ocsp_resolver_free(r);
    is_int(frees_done, 1, "%s: but no longer", version);
    use_staple(NULL);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

/* ---- Server ---------------------------------------------------------------------------------- */

static void
with_file(iossl_config *config)
{
    with_version(config);
    if (iossl_config_set_ocsp_staple_file(config, NULL, staple_file, NULL) != IOSSL_OK)
        bail_out("staple file");
}

static void
with_bytes(iossl_config *config)
{
    with_version(config);
    if (iossl_config_set_ocsp_staple(config, NULL, staple_der, staple_len, NULL) != IOSSL_OK)
        bail_out("staple");
}

/* What a client gets from it. */
static iossl_staple_state
served(iossl_ctx *server)
{
    iossl_ctx *client = test_client_ctx(&ca, with_version);
    outcome o = connect_to(client, server, NULL);

    iossl_ctx_free(client);
    return o.connected ? o.state : IOSSL_STAPLE_BAD;
}

static void
write_staple(const test_ocsp_spec *spec)
{
    use_staple(spec);
    (void)test_write("staple.der", staple_der, staple_len);
}

static void
test_server_file(void)
{
    test_ocsp_spec spec = {.signer = &ca, .about = {{.cert = leaf.cert, .issuer = ca.cert}}};
    iossl_ctx *server;

    staple_file = test_path("staple.der");
    (void)remove(staple_file);
    server = test_server_ctx(&leaf, with_file);
    is_int(served(server), IOSSL_STAPLE_NONE, "%s: no file yet, no staple", version);
    write_staple(&spec);
    is_int(served(server), IOSSL_STAPLE_GOOD, "%s: a file that came later is stapled", version);
    spec.about[0].status = V_OCSP_CERTSTATUS_REVOKED;
    write_staple(&spec);
    is_int(served(server), IOSSL_STAPLE_NONE, "%s: one that says revoked isn't", version);
    spec.about[0] = (test_ocsp_about){.cert = leaf.cert, .issuer = ca.cert, .from_s = -200,
                                      .to_s = -1};
    write_staple(&spec);
    is_int(served(server), IOSSL_STAPLE_NONE, "%s: nor one a second out of date", version);
    spec.about[0] = (test_ocsp_about){.cert = leaf.cert, .issuer = ca.cert, .from_s = 4000,
                                      .to_s = 9000};
    write_staple(&spec);
    is_int(served(server), IOSSL_STAPLE_NONE, "%s: nor one for later", version);
    spec.about[0] = (test_ocsp_about){.cert = demanding.cert, .issuer = ca.cert};
    write_staple(&spec);
    is_int(served(server), IOSSL_STAPLE_NONE, "%s: nor one for another certificate", version);
    spec = (test_ocsp_spec){.response_status = OCSP_RESPONSE_STATUS_TRYLATER};
    write_staple(&spec);
    is_int(served(server), IOSSL_STAPLE_NONE, "%s: nor an error", version);
    (void)test_write_text("staple.der", "garbage");
    is_int(served(server), IOSSL_STAPLE_NONE, "%s: nor garbage", version);
    spec = (test_ocsp_spec){.signer = &ca, .id_md = EVP_sha256(),
                            .about = {{.cert = leaf.cert, .issuer = ca.cert}}};
    write_staple(&spec);
    is_int(served(server), IOSSL_STAPLE_GOOD, "%s: a good one again is", version);
    (void)test_write_text("staple.der", "half of one");
    is_int(served(server), IOSSL_STAPLE_GOOD, "%s: and isn't lost to garbage", version);
    (void)remove(staple_file);
    is_int(served(server), IOSSL_STAPLE_GOOD,
           "%s: and stays until its time is up, if the file goes", version);
    iossl_ctx_free(server);
    server = test_server_ctx(&leaf, with_bytes);
    is_int(served(server), IOSSL_STAPLE_GOOD, "%s: bytes are stapled, too", version);
    iossl_ctx_free(server);
    use_staple(NULL);
}

/* A default host and one by name, each with its certificate; the staple is for the latter. */
static void
with_hosts(iossl_config *config)
{
    with_version(config);
    if (iossl_config_add_certs(config, "WWW.example.test", &leaf.cert, 1, NULL) != IOSSL_OK
        || iossl_config_add_key(config, "www.example.test", leaf.key, NULL) != IOSSL_OK
        || iossl_config_set_ocsp_staple(config, "www.Example.test", staple_der, staple_len, NULL)
               != IOSSL_OK)
        bail_out("hosts");
}

static void
other_name(iossl_conn *conn)
{
    if (iossl_conn_set_sni(conn, "other.example.test", NULL) != IOSSL_OK)
        bail_out("name");
}

static void
test_server_hosts(void)
{
    const test_ocsp_spec spec = {.signer = &ca, .about = {{.cert = leaf.cert,
                                                           .issuer = ca.cert}}};
    test_identity plain = test_identity_make(
        &(test_cert_spec){.issuer = &ca, .serial = 9, .altnames = "DNS:www.example.test"});
    iossl_ctx *client = test_client_ctx(&ca, with_version), *server;

    use_staple(&spec);
    server = test_server_ctx(&plain, with_hosts);
    is_int(connect_to(client, server, NULL).state, IOSSL_STAPLE_GOOD,
           "%s: a host by name has its own staple", version);
    is_int(connect_to(client, server, other_name).state, IOSSL_STAPLE_NONE,
           "%s: and the default has none", version);
    use_staple(NULL);
    test_identity_free(&plain);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

static int source_calls;

static bool
give_staple(void *arg, X509 *cert, iossl_staple_give give, void *to)
{
    source_calls++;
    if (X509_cmp(cert, leaf.cert) == 0 && arg == &staple_der && staple_der != NULL) {
        give(to, "first", 5);
        give(to, staple_der, staple_len);       /* the last counts */
    }
    return arg != NULL;
}

/* What a client gets where the server has this source. */
static iossl_staple_state
from_source(iossl_ctx *client, iossl_ctx *server, void *arg, bool expected)
{
    test_pair pair = test_pair_new(client, server, "www.example.test");
    iossl_staple_state state;

    iossl_conn_set_staple_source(pair.server, give_staple, arg);
    ok(test_pair_shake(&pair) == expected, "%s: a server with a source for staples", version);
    state = iossl_conn_get_staple_state(pair.client);
    test_pair_free(&pair);
    return state;
}

static void
test_server_source(void)
{
    test_ocsp_spec spec = {.signer = &ca, .about = {{.cert = leaf.cert, .issuer = ca.cert,
                                                     .from_s = -100, .to_s = 3600}}};
    iossl_ctx *server = test_server_ctx(&leaf, with_version);
    iossl_ctx *client = test_client_ctx(&ca, with_version);

    use_staple(NULL);
    source_calls = 0;
    is_int(from_source(client, server, &staple_der, true), IOSSL_STAPLE_NONE,
           "%s: which has nothing", version);
    use_staple(&spec);
    is_int(from_source(client, server, &staple_der, true), IOSSL_STAPLE_GOOD,
           "%s: is asked again, and sends what it gives", version);
    is_int(from_source(client, server, &staple_der, true), IOSSL_STAPLE_GOOD,
           "%s: and sends that again", version);
    is_int(source_calls, 2, "%s: without asking, while it is in the first half of its time",
           version);
    iossl_ctx_free(server);

    server = test_server_ctx(&leaf, with_version);
    spec.about[0].from_s = -3600;
    spec.about[0].to_s = 600;
    use_staple(&spec);
    source_calls = 0;
    is_int(from_source(client, server, &staple_der, true), IOSSL_STAPLE_GOOD,
           "%s: an answer in the second half of its time is sent", version);
    spec.about[0].from_s = -50;
    use_staple(&spec);
    is_int(from_source(client, server, &staple_der, true), IOSSL_STAPLE_GOOD,
           "%s: but asked for again", version);
    is_int(source_calls, 2, "%s: once more", version);
    is_int(from_source(client, server, &staple_der, true), IOSSL_STAPLE_GOOD,
           "%s: and the newer one stays", version);
    is_int(source_calls, 2, "%s: for a while", version);
    iossl_ctx_free(server);

    server = test_server_ctx(&leaf, with_version);
    spec.about[0].from_s = -3600;
    spec.about[0].to_s = 600;
    use_staple(&spec);
    source_calls = 0;
    (void)from_source(client, server, &staple_der, true);
    use_staple(NULL);
    is_int(from_source(client, server, &staple_der, true), IOSSL_STAPLE_GOOD,
           "%s: where nothing newer comes, the old one is sent until its end", version);
    (void)from_source(client, server, &staple_der, true);
    is_int(source_calls, 2, "%s: and nobody is pestered", version);
    iossl_ctx_free(server);

    server = test_server_ctx(&leaf, with_version);
    spec.about[0].from_s = -200;
    spec.about[0].to_s = -1;
    use_staple(&spec);
    is_int(from_source(client, server, &staple_der, true), IOSSL_STAPLE_NONE,
           "%s: what is out of date when it comes isn't sent", version);
    (void)from_source(client, server, NULL, false);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

/* What a server holds, whatever way it came, is sent until its end, and never after it. */
static void
test_end_of_time(void)
{
    const test_ocsp_spec spec = {.signer = &ca, .about = {{.cert = leaf.cert, .issuer = ca.cert,
                                                           .from_s = -100, .to_s = 4}}};
    iossl_ctx *client = test_client_ctx(&ca, with_version), *by_file, *by_bytes, *by_source;
    time_t end;

    staple_file = test_path("staple.der");
    write_staple(&spec);
    end = time(NULL) + 4;
    by_file = test_server_ctx(&leaf, with_file);
    by_bytes = test_server_ctx(&leaf, with_bytes);
    by_source = test_server_ctx(&leaf, with_version);
    /* A machine that is late by seconds proves nothing here. */
    ok(served(by_file) == IOSSL_STAPLE_GOOD || time(NULL) >= end, "a file is sent");
    ok(served(by_bytes) == IOSSL_STAPLE_GOOD || time(NULL) >= end, "bytes are");
    ok(from_source(client, by_source, &staple_der, true) == IOSSL_STAPLE_GOOD || time(NULL) >= end,
       "what a source gave is");
    while (time(NULL) <= end)
        (void)poll(NULL, 0, 50);
    is_int(served(by_file), IOSSL_STAPLE_NONE, "after its end a file isn't sent");
    is_int(served(by_bytes), IOSSL_STAPLE_NONE, "nor are bytes");
    is_int(from_source(client, by_source, &staple_der, true), IOSSL_STAPLE_NONE,
           "nor is what a source gave, and gives again");
    use_staple(NULL);
    iossl_ctx_free(by_source);
    iossl_ctx_free(by_bytes);
    iossl_ctx_free(by_file);
    iossl_ctx_free(client);
}

/* A certificate that demands a staple is shown without one: the server hears of it, once each time. */
static void
test_lack(void)
{
    const test_ocsp_spec spec = {.signer = &ca, .about = {{.cert = demanding.cert,
                                                           .issuer = ca.cert, .from_s = -9,
                                                           .to_s = 600}}};
    iossl_error *err = iossl_error_new();
    iossl_ctx *client = test_client_ctx(&ca, with_version), *server;

    use_staple(NULL);
    (void)test_write_text("staple.der", "");
    server = test_server_ctx(&demanding, with_file);
    ok(!iossl_ctx_take_trouble(server, err), "%s: nothing is wrong before a client comes", version);
    ok(!connect_to(client, server, NULL).connected, "%s: a client refuses it", version);
    ok(!connect_to(client, server, NULL).connected, "%s: another one, too", version);
    ok(iossl_ctx_take_trouble(server, err), "%s: there is something to tell", version);
    ok(!iossl_ctx_take_trouble(server, err), "%s: once", version);
    write_staple(&spec);
    ok(connect_to(client, server, NULL).connected, "%s: with a staple it is accepted", version);
    ok(!iossl_ctx_take_trouble(server, err), "%s: and nothing is wrong", version);
    like(iossl_error_message(err), "demands a stapled OCSP response (RFC 7633), and there is none",
         "%s: what", version);
    use_staple(NULL);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    iossl_error_free(err);
}

static void
test_usage(void)
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_SERVER, NULL);

    ok(iossl_config_set_ocsp_mode(config, 64, err) == IOSSL_ERROR
           && iossl_error_get_code(err) == IOSSL_E_USAGE,
       "a mode with unknown bits is refused");
    iossl_error_clear(err);
    ok(iossl_config_set_ocsp_staple(config, NULL, "garbage", 7, err) == IOSSL_ERROR
           && iossl_error_get_code(err) == IOSSL_E_OPTION,
       "bytes that are no response are refused");
    iossl_error_clear(err);
    ok(iossl_config_set_ocsp_staple_file(config, "www", "x", err) == IOSSL_OK
           && iossl_ctx_new(config, err) == NULL && iossl_error_get_code(err) == IOSSL_E_OPTION,
       "a staple for a host without certificate is refused");
    like(iossl_error_message(err), "\"www\"", "with its name");
    iossl_config_free(config);
    iossl_error_free(err);
}

int
main(void)
{
    tap_start();
    test_folder_make();
    ca = test_identity_make(&(test_cert_spec){.common_name = "ca", .is_ca = 1});
    other_ca = test_identity_make(&(test_cert_spec){.common_name = "other ca", .is_ca = 1});
    leaf = test_identity_extended(
        &(test_cert_spec){.issuer = &ca, .serial = 2, .altnames = "DNS:www.example.test"},
        (const test_extension[]){{NID_info_access, "OCSP;URI:http://ocsp.example.test/"}}, 1);
    demanding = test_identity_extended(
        &(test_cert_spec){.issuer = &ca, .serial = 3, .altnames = "DNS:www.example.test"},
        (const test_extension[]){{NID_tlsfeature, "status_request"},
                                 {NID_info_access, "OCSP;URI:http://ocsp.example.test/"}},
        2);
    muddled = test_identity_extended(
        &(test_cert_spec){.issuer = &ca, .serial = 4, .altnames = "DNS:www.example.test"},
        (const test_extension[]){{NID_tlsfeature, "DER:0500"}}, 1);
    for (int i = 0; i < 2; i++) {
        version = i == 0 ? "TLSv1_2" : "TLSv1_3";
        test_client();
        test_garbage();
        test_demanding();
        test_callback();
        test_bypass();
        test_sessions();
        test_connection();
        test_server_file();
        test_server_hosts();
        test_server_source();
        test_lack();
    }
    test_end_of_time();
    test_usage();
    use_staple(NULL);
    test_identity_free(&muddled);
    test_identity_free(&demanding);
    test_identity_free(&leaf);
    test_identity_free(&other_ca);
    test_identity_free(&ca);
    return done_testing();
}
