/*
 * t_early.c - early data: opt-in on both sides, only what is safe to be replayed, never lost or doubled.
 */
#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_openssl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf;
static size_t max_early = 4096;
static bool insists;
static const char *server_groups;
static const char *client_alpn, *client_max_version;

static void
server_side(iossl_config *config)
{
    if (iossl_config_set_max_early_data(config, max_early, insists, NULL) != IOSSL_OK
        || iossl_config_set_groups(config, server_groups, NULL) != IOSSL_OK
        || iossl_config_set_alpn(config, (const char *const[]){"one", "two"}, 2, NULL) != IOSSL_OK)
        bail_out("max early data");
}

static void
client_side(iossl_config *config)
{
    if (iossl_config_set_alpn(config, &client_alpn, client_alpn == NULL ? 0 : 1, NULL) != IOSSL_OK
        || iossl_config_set_max_version(config, client_max_version, NULL) != IOSSL_OK)
        bail_out("client");
}

static iossl_ctx *client_ctx, *server_ctx;
static iossl_session_cache *cache;

static test_pair
new_pair(void)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");

    if (iossl_conn_set_session_cache(pair.client, cache, "peer", NULL) != IOSSL_OK)
        bail_out("session cache");
    return pair;
}

static size_t
read_some(iossl_conn *conn, char *buf, size_t size)
{
    size_t got = 0, n;

    while (got < size && iossl_read(conn, buf + got, size - got, &n, IOSSL_POLL, NULL) == IOSSL_OK)
        got += n;
    return got;
}

/* A full handshake whose session is kept. */
static void
prime(void)
{
    test_pair pair = new_pair();
    char buf[8];
    size_t n;

    (void)iossl_session_cache_del(cache, "peer", NULL);
    if (!test_pair_shake(&pair) || iossl_write_all(pair.server, "x", 1, NULL, IOSSL_POLL, NULL)
                                       != IOSSL_OK
        || iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("first connection");
    /* A session that wasn't ended isn't resumed. */
    if (iossl_shutdown(pair.client, false, IOSSL_POLL, NULL) != IOSSL_OK
        || iossl_shutdown(pair.server, false, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("shutdown");
    test_pair_free(&pair);
}

#define REQUEST "GET / HTTP/1.0\r\n\r\n"
#define POST "POST / HTTP/1.0\r\n\r\n"

/* The server answers before it has heard of the client again. */
static void
test_sooner(void)
{
    test_pair pair;
    char buf[64];
    size_t n;

    prime();
    pair = new_pair();
    is_int(iossl_conn_set_early_data(pair.client, REQUEST, strlen(REQUEST), false, pair.client_error),
           IOSSL_OK, "a request");
    is_int(iossl_handshake(pair.client, IOSSL_POLL, pair.client_error), IOSSL_WANT_READ,
           "the client's first flight");
    is_int(iossl_handshake(pair.server, IOSSL_POLL, pair.server_error), IOSSL_OK,
           "is all that the server needs: %s", iossl_error_message(pair.server_error));
    ok(iossl_conn_is_early(pair.server), "which knows that it may be a replay");
    n = read_some(pair.server, buf, strlen(REQUEST));
    ok(n == strlen(REQUEST) && memcmp(buf, REQUEST, n) == 0, "the request is there");
    is_int(iossl_write_all(pair.server, "answer", 6, NULL, IOSSL_POLL, pair.server_error), IOSSL_OK,
           "and is answered");
    is_int(iossl_handshake(pair.client, IOSSL_POLL, pair.client_error), IOSSL_OK, "the client is done");
    is_int((int)read_some(pair.client, buf, sizeof buf), 6, "and has the answer");
    is_int(iossl_read(pair.server, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_WANT_READ,
           "nothing is there twice");
    ok(!iossl_conn_is_early(pair.server), "by then the handshake is over");
    is_int(iossl_conn_get0_info(pair.client)->early_data, IOSSL_EARLY_ACCEPTED, "accepted");
    is_int(iossl_conn_get0_info(pair.server)->early_data, IOSSL_EARLY_ACCEPTED, "on both sides");
    is_int(iossl_write_all(pair.client, "more", 4, NULL, IOSSL_POLL, NULL), IOSSL_OK, "data go on");
    is_int((int)read_some(pair.server, buf, sizeof buf), 4, "and come");
    is_int(iossl_shutdown(pair.server, false, IOSSL_POLL, NULL), IOSSL_OK, "an orderly end");
    ok(ERR_peek_error() == 0, "no error is left behind");
    test_pair_free(&pair);
}

/* All data arrive once, whether they go early or not; early says which. */
static void
check_arrives(const char *what, const char *data, bool insist, int early)
{
    test_pair pair = new_pair();
    char buf[64];
    size_t n;

    is_int(iossl_conn_set_early_data(pair.client, data, strlen(data), insist, NULL), IOSSL_OK,
           "%s: taken", what);
    pair.client_status = iossl_handshake(pair.client, IOSSL_POLL, pair.client_error);
    pair.server_status = iossl_handshake(pair.server, IOSSL_POLL, pair.server_error);
    ok(!iossl_conn_is_early(pair.server), "%s: not before the client is there", what);
    ok(test_pair_shake(&pair), "%s: a handshake %s%s", what, iossl_error_message(pair.client_error),
       iossl_error_message(pair.server_error));
    n = read_some(pair.server, buf, sizeof buf);
    ok(n == strlen(data) && memcmp(buf, data, n) == 0, "%s: the data, once", what);
    is_int(iossl_conn_get0_info(pair.client)->early_data, early, "%s: early or not", what);
    test_pair_free(&pair);
}

static void
renew_server(void)
{
    iossl_ctx_free(server_ctx);
    server_ctx = test_server_ctx(&leaf, server_side);
}

static void
renew_client(void)
{
    iossl_ctx_free(client_ctx);
    client_ctx = test_client_ctx(&ca, client_side);
}

static void
test_never_lost(void)
{
    (void)iossl_session_cache_del(cache, "peer", NULL);
    check_arrives("without a session", REQUEST, false, IOSSL_EARLY_NONE);
    prime();
    check_arrives("what isn't safe", POST, true, IOSSL_EARLY_ACCEPTED);
    max_early = 0;
    renew_server();
    prime();
    check_arrives("a server that takes none", REQUEST, false, IOSSL_EARLY_NONE);
    max_early = strlen(REQUEST) - 1;
    renew_server();
    prime();
    check_arrives("a server that takes less", REQUEST, false, IOSSL_EARLY_NONE);
    max_early = 4096;
    renew_server();
    prime();
    renew_server();                         /* another process: it doesn't know the session */
    check_arrives("a server that has forgotten", REQUEST, false, IOSSL_EARLY_REJECTED);
    prime();
    server_groups = "P-384";                /* no key share of the client will do */
    renew_server();
    prime();
    check_arrives("a server that wants another group", REQUEST, false, IOSSL_EARLY_REJECTED);
    server_groups = NULL;
    renew_server();
}

/* What a session was made for has to be what the connection asks for. */
static void
test_bound(void)
{
    SSL_SESSION *session;
    test_pair pair;

    client_alpn = "one";
    renew_client();
    prime();
    client_alpn = "two";
    renew_client();
    check_arrives("another protocol", REQUEST, false, IOSSL_EARLY_NONE);
    client_alpn = "one";
    renew_client();
    prime();
    check_arrives("the same protocol", POST, true, IOSSL_EARLY_ACCEPTED);
    client_alpn = NULL;
    client_max_version = "TLSv1_2";
    prime();
    renew_client();
    check_arrives("a client of TLS 1.2", REQUEST, false, IOSSL_EARLY_NONE);
    client_max_version = NULL;
    renew_client();
    prime();
    session = iossl_session_cache_get1(cache, "peer", NULL);
    test_session_set_time(session, (int64_t)time(NULL) - 1000000);
    SSL_SESSION_free(session);
    check_arrives("a session that is too old", REQUEST, false, IOSSL_EARLY_NONE);
    prime();
    pair = new_pair();
    (void)iossl_conn_set_verify_name(pair.client, "other.example.test", NULL);
    (void)iossl_conn_set_early_data(pair.client, REQUEST, strlen(REQUEST), false, NULL);
    ok(!test_pair_shake(&pair), "another name to verify");
    ok(!iossl_conn_is_early(pair.server) && iossl_pending(pair.server) == 0, "and nothing is sent to it");
    ok(strstr(iossl_error_message(pair.client_error), "acted upon") == NULL, "so nothing was acted upon: %s",
       iossl_error_message(pair.client_error));
    test_pair_free(&pair);
}

/* A server that was handed a request over early, and the client waiting for it. */
static test_pair
early_pair(const char *data)
{
    test_pair pair;

    prime();
    pair = new_pair();
    if (iossl_conn_set_early_data(pair.client, data, strlen(data), true, NULL) != IOSSL_OK
        || iossl_handshake(pair.client, IOSSL_POLL, NULL) != IOSSL_WANT_READ
        || iossl_handshake(pair.server, IOSSL_POLL, NULL) != IOSSL_OK
        || !iossl_conn_is_early(pair.server))
        bail_out("early data");
    return pair;
}

/* What needs a handshake that is over waits for that, and goes on where it was. */
static void
test_meanwhile(void)
{
    const iossl_separator newline = {.kind = IOSSL_SEP_STRING, .bytes = "\n", .length = 1};
    test_pair pair = early_pair("GET / HTTP/1.0\r\nHost: x\r\n\r\n");
    unsigned char binding[IOSSL_BINDING_MAX];
    char buf[64];
    const char *piece;
    size_t len, n;
    bool done;

    is_int(iossl_conn_channel_binding(pair.server, "tls-exporter", binding, &len, pair.server_error),
           IOSSL_ERROR, "no channel binding yet: %s", iossl_error_message(pair.server_error));
    is_int(iossl_error_get_code(pair.server_error), IOSSL_E_STATE, "for the handshake isn't over");
    iossl_error_clear(pair.server_error);
    is_int(iossl_peek(pair.server, buf, 3, &n, IOSSL_POLL, NULL), IOSSL_OK, "the request can be peeked");
    is_int(iossl_read_line(pair.server, &newline, &piece, &len, &done, IOSSL_POLL, NULL), IOSSL_OK,
           "and read by lines");
    ok(done && len == 16 && memcmp(piece, "GET / HTTP/1.0\r\n", 16) == 0, "the first");
    is_int(iossl_conn_key_update(pair.server, true, IOSSL_POLL, NULL), IOSSL_WANT_READ,
           "new keys wait for the client");
    is_int(iossl_shutdown(pair.server, false, IOSSL_POLL, NULL), IOSSL_WANT_READ,
           "so does an orderly end");
    is_int(iossl_handshake(pair.client, IOSSL_POLL, NULL), IOSSL_OK, "which is done");
    is_int(iossl_conn_key_update(pair.server, true, IOSSL_POLL, NULL), IOSSL_OK, "new keys now");
    ok(!iossl_conn_is_early(pair.server), "the handshake is over");
    is_int(iossl_conn_channel_binding(pair.server, "tls-exporter", binding, &len, NULL), IOSSL_OK,
           "a channel binding, too");
    is_int(iossl_read_line(pair.server, &newline, &piece, &len, &done, IOSSL_POLL, NULL), IOSSL_OK,
           "lines go on");
    ok(done && len == 9 && memcmp(piece, "Host: x\r\n", 9) == 0, "where they were");
    is_int(iossl_shutdown(pair.server, false, IOSSL_POLL, NULL), IOSSL_OK, "an orderly end");
    test_pair_free(&pair);
}

/* Behind a request that changes nothing comes one that does, in a record of its own. */
static void
test_behind(void)
{
    SSL_SESSION *session;
    test_pair pair;
    char buf[64];
    size_t n;
    SSL *ssl;

    prime();
    session = iossl_session_cache_get1(cache, "peer", NULL);
    pair = new_pair();
    ssl = iossl_conn_get0_ssl(pair.client);
    if (SSL_set_session(ssl, session) != 1 || SSL_write_early_data(ssl, REQUEST, strlen(REQUEST), &n) != 1
        || SSL_write_early_data(ssl, POST, strlen(POST), &n) != 1)
        bail_out("two records");
    (void)iossl_session_cache_del(cache, "peer", NULL);
    is_int(iossl_handshake(pair.server, IOSSL_POLL, NULL), IOSSL_OK, "a request that changes nothing");
    ok(iossl_conn_is_early(pair.server), "is there early");
    n = read_some(pair.server, buf, sizeof buf);
    ok(n == strlen(REQUEST) && memcmp(buf, REQUEST, n) == 0, "alone: what comes behind waits");
    is_int(iossl_handshake(pair.client, IOSSL_POLL, NULL), IOSSL_OK, "until the client is there");
    n = read_some(pair.server, buf, sizeof buf);
    ok(n == strlen(POST) && memcmp(buf, POST, n) == 0, "and then it comes, once");
    ok(!iossl_conn_is_early(pair.server), "as no replay");
    test_pair_free(&pair);
    SSL_SESSION_free(session);
}

static void
test_insists(void)
{
    test_pair pair;
    char buf[64];

    insists = true;
    renew_server();
    pair = early_pair(POST);
    is_int((int)read_some(pair.server, buf, sizeof buf), (int)strlen(POST),
           "a server that insists has all at once");
    ok(iossl_conn_is_early(pair.server), "and is told so");
    test_pair_free(&pair);
    insists = false;
    renew_server();
}

/* The connection ends after the data went. */
static void
test_reported(void)
{
    test_pair pair = early_pair(REQUEST);

    iossl_conn_free(pair.server);
    pair.server = NULL;
    is_int(iossl_handshake(pair.client, IOSSL_POLL, pair.client_error), IOSSL_ERROR, "no answer at all");
    ok(strstr(iossl_error_message(pair.client_error), "may have been acted upon") != NULL, "is told: %s",
       iossl_error_message(pair.client_error));
    test_pair_free(&pair);
}

static void
test_what_is_safe(void)
{
    static const struct {
        const char *data;
        int is_safe;
    } TABLE[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1},
        {"HEAD / HTTP/1.0\r\n\r\n", 1},
        {"OPTIONS * HTTP/1.1\r\n\r\nTRACE / HTTP/1.1\r\n\r\n", 1},
        {"GET / HTTP/1.1\r\nHost: x\r\n", 0},                 /* not whole */
        {"GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n\r\nGET", 0},
        {"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\ntransfer-ENCODING: chunked\r\n\r\n", 0},
        {"GET key\r\n\r\n", 0},                               /* of another protocol */
        {"GET /\r\n\r\n", 0},
        {"get / HTTP/1.1\r\n\r\n", 0},
        {"GETX / HTTP/1.1\r\n\r\n", 0},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0},
        {"DELETE / HTTP/1.1\r\n\r\n", 0},
        {"GET", 0},
        {"\r\n\r\n", 0},
        /* What ends lines by LF alone reads two requests here. */
        {"GET / HTTP/1.1\r\nHost: x\n\nPOST / HTTP/1.1\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\nHost: x\r\r\n\r\n", 0},
    };
    test_pair pair = new_pair();

    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++)
        is_int(iossl_conn_set_early_data(pair.client, TABLE[i].data, strlen(TABLE[i].data), false, NULL)
                   == IOSSL_OK,
               TABLE[i].is_safe, "%zu: %s", i, TABLE[i].is_safe ? "safe" : "not safe");
    is_int(iossl_conn_set_early_data(pair.client, NULL, 0, false, NULL), IOSSL_OK, "none takes them back");
    is_int(iossl_conn_set_early_data(pair.client, REQUEST, IOSSL_EARLY_DATA_MAX + 1, true, NULL), IOSSL_ERROR,
           "too much is refused before it is looked at");
    test_pair_free(&pair);
}

/* The same first flight again: the session is gone. */
static void
test_replay(void)
{
    SSL_SESSION *session;
    test_pair pair;

    prime();
    session = iossl_session_cache_get1(cache, "peer", NULL);
    for (int i = 0; i < 2; i++) {
        (void)iossl_session_cache_del(cache, "peer", NULL);
        (void)iossl_session_cache_add(cache, "peer", session);
        pair = new_pair();
        (void)iossl_conn_set_early_data(pair.client, REQUEST, strlen(REQUEST), false, NULL);
        pair.client_status = iossl_handshake(pair.client, IOSSL_POLL, NULL);
        pair.server_status = iossl_handshake(pair.server, IOSSL_POLL, NULL);
        is_int(iossl_conn_is_early(pair.server), i == 0, "session used %d times", i + 1);
        test_pair_free(&pair);
    }
    SSL_SESSION_free(session);
}

static void
test_refused(void)
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    const iossl_ticket_key key = {.name = "k", .key_len = 48};
    test_pair pair = new_pair();

    is_int(iossl_conn_set_early_data(pair.client, POST, strlen(POST), false, err), IOSSL_ERROR,
           "what isn't safe to be replayed");
    is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "is refused");
    ok(strstr(iossl_error_message(err), "SSL_early_data_unsafe") != NULL, "%s",
       iossl_error_message(err));
    iossl_error_clear(err);
    is_int(iossl_conn_set_early_data(pair.server, REQUEST, 1, true, err), IOSSL_ERROR, "on a server");
    iossl_error_clear(err);
    is_int(iossl_config_set_max_early_data(config, 1000000, false, err), IOSSL_ERROR, "too much");
    iossl_error_clear(err);
    is_int(iossl_config_set_max_early_data(config, 1000, false, err), IOSSL_OK, "beside ticket keys:");
    is_int(iossl_config_set_ticket_keys(config, &key, 1, err), IOSSL_OK, "each is fine");
    ok(iossl_ctx_new(config, err) == NULL, "but not both");
    ok(strstr(iossl_error_message(err), "doesn't go with ticket keys") != NULL, "%s",
       iossl_error_message(err));
    iossl_error_clear(err);
    is_int(iossl_config_set_ticket_keys(config, NULL, 0, err), IOSSL_OK, "without them");
    is_int(iossl_config_set_sessions_by_id(config, true, err), IOSSL_OK, "a store of sessions:");
    ok(iossl_ctx_new(config, err) == NULL, "not either");
    ok(strstr(iossl_error_message(err), "doesn't go with a store of sessions") != NULL, "%s",
       iossl_error_message(err));
    test_pair_free(&pair);
    iossl_config_free(config);
    iossl_error_free(err);
}

int
main(void)
{
    const test_cert_spec ca_spec = {.common_name = "CA", .is_ca = 1};
    const test_cert_spec leaf_spec = {.common_name = "www.example.test",
                                      .altnames = "DNS:www.example.test", .issuer = &ca};

    tap_start();
    if (!iossl_can(IOSSL_CAN_EARLY_DATA))
        return skip_all("no TLS 1.3");
    ca = test_identity_make(&ca_spec);
    leaf = test_identity_make(&leaf_spec);
    cache = iossl_session_cache_new(8, NULL);
    client_ctx = test_client_ctx(&ca, client_side);
    server_ctx = test_server_ctx(&leaf, server_side);
    test_sooner();
    test_never_lost();
    test_bound();
    test_replay();
    test_meanwhile();
    test_behind();
    test_insists();
    test_reported();
    test_what_is_safe();
    test_refused();
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
    iossl_session_cache_free(cache);
    test_identity_free(&ca);
    test_identity_free(&leaf);
    return done_testing();
}
