/*
 * t_known_floods.c - peers that send much, to keep us busy or to fill our memory: key updates,
 * renegotiation, tickets, records and handshake messages beyond all measure.
 *
 * Either the connection ends with an error, or it goes on and serves; memory stays where it was.
 */
#include <errno.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "iossl.h"
#include "support_openssl.h"
#include "support_pair.h"
#include "tap.h"
#include "transport.h"

#define NAME "www.example.test"
#define FLOOD 5000
#define PATIENCE_KB 2048

static test_identity ca, leaf;

/* Private dirty memory in KB; 0 where the system doesn't tell, or a sanitizer keeps what was freed. */
static long
dirty_kb(void)
{
    FILE *rollup = getenv("IOSSL_SANITIZE") != NULL ? NULL : fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long kb = 0;

    while (rollup != NULL && fgets(line, sizeof line, rollup) != NULL)
        if (sscanf(line, "Private_Dirty: %ld", &kb) == 1)
            break;
    if (rollup != NULL)
        fclose(rollup);
    return kb;
}

static void
hasnt_grown(long before, const char *flood)
{
    long now = dirty_kb();

    ok(now - before < PATIENCE_KB, "%s: memory stays (%ld KB more)", flood, now - before);
}

/* ---- After the handshake: the flooder is an OpenSSL of its own mind -------------------------- */

static void
only_tls12(iossl_config *config)
{
    if (iossl_config_set_version(config, "TLSv1_2", NULL) != IOSSL_OK)
        bail_out("version");
}

static test_pair
shaken(void (*change)(iossl_config *), iossl_session_cache *cache)
{
    iossl_ctx *client = test_client_ctx(&ca, change), *server = test_server_ctx(&leaf, change);
    test_pair pair = test_pair_new(client, server, NAME);

    if (cache != NULL
        && iossl_conn_set_session_cache(pair.client, cache, "peer", pair.client_error) != IOSSL_OK)
        bail_out("cache");
    if (!test_pair_shake(&pair))
        bail_out(iossl_error_message(pair.client_error));
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    return pair;
}

/* A read that finds no data may take in any number of messages that aren't data. */
static iossl_status
idle_read(iossl_conn *conn, iossl_error *err)
{
    char buf[64];
    size_t got;

    return iossl_read(conn, buf, sizeof buf, &got, IOSSL_POLL, err);
}

static bool
still_talks(test_pair *pair)
{
    char buf[64];
    size_t n;

    return iossl_write(pair->client, "ping", 4, &n, IOSSL_POLL, pair->client_error) == IOSSL_OK
           && iossl_read(pair->server, buf, sizeof buf, &n, IOSSL_POLL, pair->server_error) == IOSSL_OK
           && n == 4 && memcmp(buf, "ping", 4) == 0
           && iossl_write(pair->server, "pong", 4, &n, IOSSL_POLL, pair->server_error) == IOSSL_OK
           && iossl_read(pair->client, buf, sizeof buf, &n, IOSSL_POLL, pair->client_error) == IOSSL_OK
           && n == 4 && memcmp(buf, "pong", 4) == 0;
}

static void
test_key_updates(void)
{
    for (int role = 0; role < 2; role++) {
        test_pair pair = shaken(NULL, NULL);
        iossl_conn *flooder = role == 0 ? pair.client : pair.server;
        iossl_conn *victim = role == 0 ? pair.server : pair.client;
        iossl_error *err = role == 0 ? pair.server_error : pair.client_error;
        const char *who = role == 0 ? "a client" : "a server";
        iossl_status status = IOSSL_WANT_READ;
        long before = 0;
        int sent = 0;

        for (int i = 0; i < FLOOD && status == IOSSL_WANT_READ; i++) {
            if (i == FLOOD / 10)
                before = dirty_kb();
            ERR_clear_error();
            if (SSL_key_update(iossl_conn_get0_ssl(flooder), SSL_KEY_UPDATE_REQUESTED) == 1
                && SSL_do_handshake(iossl_conn_get0_ssl(flooder)) == 1)
                sent++;
            if (i % 20 == 19)           /* the victim reads now and then; the flooder its answers */
                status = idle_read(victim, err);
            if (i % 20 == 19 && status == IOSSL_WANT_READ)
                idle_read(flooder, NULL);
        }
        ERR_clear_error();
        diag("%d sent, then status %d: %s", sent, status, iossl_error_message(err));
        if (status == IOSSL_WANT_READ) {
            is_int(sent, FLOOD, "key-update flood: %s sends %d", who, FLOOD);
            ok(still_talks(&pair), "... and data go both ways after it");
        } else {
            ok(sent < FLOOD, "key-update flood: %s is refused after %d", who, sent);
            ok(iossl_error_message(err)[0] != '\0', "... for a reason");
        }
        hasnt_grown(before, "... and");
        ok(ERR_peek_error() == 0, "... and leave no error");
        test_pair_free(&pair);
    }
}

/* The flooder drops its own objection to renegotiation; ours keeps its. */
static void
test_renegotiation(void)
{
    for (int role = 0; role < 2; role++) {
        test_pair pair = shaken(only_tls12, NULL);
        SSL *flooder = iossl_conn_get0_ssl(role == 0 ? pair.client : pair.server);
        iossl_conn *victim = role == 0 ? pair.server : pair.client;
        iossl_error *err = role == 0 ? pair.server_error : pair.client_error;
        const char *what = role == 0 ? "renegotiation flood: a client that renegotiates"
                                     : "renegotiation flood: a server that asks for it";
        iossl_status status = IOSSL_WANT_READ;
        long before = dirty_kb();
        char byte;

        SSL_clear_options(flooder, SSL_OP_NO_RENEGOTIATION);
        for (int i = 0; i < FLOOD && status == IOSSL_WANT_READ; i++) {
            ERR_clear_error();
            SSL_renegotiate(flooder);
            SSL_do_handshake(flooder);
            status = idle_read(victim, err);
            SSL_read(flooder, &byte, 1);
        }
        ERR_clear_error();
        diag("then status %d: %s", status, iossl_error_message(err));
        is_int(SSL_num_renegotiations(iossl_conn_get0_ssl(victim)), 0, "%s gets none", what);
        hasnt_grown(before, what);
        test_pair_free(&pair);
    }
}

#ifdef IOSSL_HAVE_OPENSSL3

static void
test_tickets(void)
{
    iossl_session_cache *cache = iossl_session_cache_new(5, NULL);
    test_pair pair = shaken(NULL, cache);
    SSL *server = iossl_conn_get0_ssl(pair.server);
    long before = 0;

    for (int i = 0; i < FLOOD; i++) {
        if (i == FLOOD / 10)
            before = dirty_kb();
        if (SSL_new_session_ticket(server) != 1 || SSL_do_handshake(server) != 1
            || idle_read(pair.client, pair.client_error) != IOSSL_WANT_READ)
            break;
    }
    ERR_clear_error();
    ok(iossl_session_cache_count(cache) <= 5, "ticket flood: a server sends %d, a cache of 5 has 5",
       FLOOD);
    hasnt_grown(before, "... and");
    ok(still_talks(&pair), "... and data go both ways after it");
    test_pair_free(&pair);
    iossl_session_cache_free(cache);
}

#else

static void
test_tickets(void)
{
    skip(3, "this OpenSSL's servers send no tickets later (SSL_new_session_ticket)");
}

#endif

/* ---- In the clear, before or instead of a handshake ------------------------------------------ */

/* Sends bytes to a fresh connection, `times` over, or until it has had enough; its last status. */
static iossl_status
flood(iossl_role role, const void *head, size_t head_len, const void *bytes, size_t len, int times,
      long *before, iossl_error *err, int *sent)
{
    iossl_ctx *ctx = role == IOSSL_SERVER ? test_server_ctx(&leaf, NULL) : test_client_ctx(&ca, NULL);
    iossl_transport *transport;
    iossl_status status = IOSSL_WANT_READ;
    iossl_conn *conn = NULL;
    char drain[4096];
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0
        || (transport = iossl_transport_new_owned_fd(fds[0], err)) == NULL
        || (conn = iossl_conn_new(ctx, role, transport, err)) == NULL)
        bail_out("connection");
    if (role == IOSSL_CLIENT && iossl_conn_set_hostname(conn, NAME, err) != IOSSL_OK)
        bail_out("name");
    status = iossl_handshake(conn, IOSSL_POLL, err);
    if (head_len > 0 && send(fds[1], head, head_len, MSG_NOSIGNAL) != (ssize_t)head_len)
        bail_out("send");
    *before = dirty_kb();
    for (*sent = 0; *sent < times && status == IOSSL_WANT_READ; ++*sent) {
        if (send(fds[1], bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
            break;
        status = iossl_handshake(conn, IOSSL_POLL, err);
        while (recv(fds[1], drain, sizeof drain, MSG_DONTWAIT) > 0)
            continue;
    }
    iossl_conn_free(conn);
    iossl_ctx_free(ctx);
    close(fds[1]);
    return status;
}

static void
test_in_the_clear(void)
{
    /* Handshake records, full. */
    static const unsigned char record[16384 + 5] = {22, 3, 3, 64, 0};
    static const struct {
        const char *flood, *head, *bytes;
        size_t head_len, len;
        iossl_role role;
        int at_most;            /* so many are read before it ends; 0: as long as they come       */
    } rows[] = {
        {"record flood: records without content", "", "\x16\x03\x01\0\0", 0, 5, IOSSL_SERVER, 64},
        {"record flood: alerts that are warnings", "", "\x15\x03\x01\0\x02\x01\x5a", 0, 7, IOSSL_SERVER, 64},
        {"record flood: changes of cipher", "", "\x14\x03\x03\0\x01\x01", 0, 6, IOSSL_SERVER, 64},
        {"record flood: application data", "", "\x17\x03\x03\0\x04spam", 0, 9, IOSSL_SERVER, 1},
        {"record flood: records that are too long", "", "\x16\x03\x01\xff\xff", 0, 5, IOSSL_SERVER, 1},
        {"handshake-message flood: a hello of 16 MB", "\x16\x03\x01\0\x04\x01\xff\xff\xff",
         (const char *)record, 9, sizeof record, IOSSL_SERVER, 16},
        {"handshake-message flood: a hello a byte a record", "\x16\x03\x01\0\x04\x01\x01\0\0",
         "\x16\x03\x01\0\x01\x03", 9, 6, IOSSL_SERVER, 65540},
        {"record flood: records without content, of a server", "", "\x16\x03\x03\0\0", 0, 5, IOSSL_CLIENT, 64},
        {"record flood: alerts that are warnings, of a server", "", "\x15\x03\x03\0\x02\x01\x5a", 0, 7,
         IOSSL_CLIENT, 64},
        {"handshake-message flood: requests for a hello", "", "\x16\x03\x03\0\x04\0\0\0\0", 0, 9,
         IOSSL_CLIENT, 0},
        {"handshake-message flood: a hello of 16 MB, of a server", "\x16\x03\x03\0\x04\x02\xff\xff\xff",
         (const char *)record, 9, sizeof record, IOSSL_CLIENT, 16},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        iossl_error *err = iossl_error_new();
        long before;
        int sent;
        iossl_status status = flood(rows[i].role, rows[i].head, rows[i].head_len, rows[i].bytes,
                                    rows[i].len, rows[i].at_most == 0 ? FLOOD : rows[i].at_most + 1,
                                    &before, err, &sent);

        diag("%d sent, then status %d: %s", sent, status, iossl_error_message(err));
        if (rows[i].at_most > 0) {
            is_int(status, IOSSL_ERROR, "%s: refused", rows[i].flood);
            ok(sent <= rows[i].at_most, "... after %d at most", rows[i].at_most);
        } else {
            is_int(status, IOSSL_WANT_READ, "%s: passed over", rows[i].flood);
        }
        hasnt_grown(before, rows[i].flood);
        ok(ERR_peek_error() == 0, "... and no error is left");
        iossl_error_free(err);
    }
}

/* ---- As fast as it is read ------------------------------------------------------------------- */

/* What a peer sends that is always ahead of us; it gives up in the end, so that a test ends. */
typedef struct {
    size_t at, n_reads;
    int64_t gives_up_at;
} torrent;

static iossl_status
torrent_read(void *arg, void *buf, size_t size, size_t *done)
{
    static const unsigned char REQUEST[] = {0x16, 3, 3, 0, 4, 0, 0, 0, 0};
    torrent *t = arg;

    if (++t->n_reads % 1024 == 0 && iossl_now_ms() > t->gives_up_at)
        return IOSSL_EOF;
    for (*done = 0; *done < size; ++*done)
        ((unsigned char *)buf)[*done] = REQUEST[t->at++ % sizeof REQUEST];
    return IOSSL_OK;
}

static iossl_status
torrent_write(void *arg, const void *buf, size_t len, size_t *done)
{
    (void)arg;
    (void)buf;
    *done = len;
    return IOSSL_OK;
}

static iossl_status
torrent_wait(void *arg, iossl_status want, int64_t timeout_ms)
{
    (void)arg;
    (void)want;
    (void)timeout_ms;
    return IOSSL_OK;
}

static void
test_torrent(void)
{
    static const iossl_transport_ops OPS = {
        .read = torrent_read, .write = torrent_write, .wait = torrent_wait};
    static const struct {
        int64_t timeout_ms;
        iossl_status want;
        const char *what;
    } rows[] = {
        {50, IOSSL_TIMEOUT, "a handshake ends with its time"},
        {IOSSL_POLL, IOSSL_WANT_READ, "one that never waits comes back"},
        {IOSSL_FOREVER, IOSSL_INTERRUPTED, "one that waits lets signals have their turn"},
        {IOSSL_AS_FD, IOSSL_INTERRUPTED, "... so does one that waits as its transport does"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        torrent t = {.gives_up_at = iossl_now_ms() + 2000};
        iossl_error *err = iossl_error_new();
        iossl_ctx *ctx = test_client_ctx(&ca, NULL);
        iossl_conn *conn = iossl_conn_new(ctx, IOSSL_CLIENT, iossl_transport_new(&OPS, &t, err), err);

        is_int(iossl_handshake(conn, rows[i].timeout_ms, err), rows[i].want,
               "requests for a hello, as fast as they are read: %s", rows[i].what);
        is_str(iossl_error_message(err), "", "... without an error");
        iossl_conn_free(conn);
        iossl_ctx_free(ctx);
        iossl_error_free(err);
    }
}

#define MORE_THAN_ENOUGH (IOSSL_TRANSPORT_ENOUGH + 1)

/* Who waits for a close_notify drops data, but not for ever in one call. */
static void
test_endless_data(void)
{
    test_pair pair = shaken(NULL, NULL);
    size_t n;

    for (int i = 0; i < MORE_THAN_ENOUGH; i++)
        if (iossl_write(pair.server, "x", 1, &n, IOSSL_POLL, NULL) != IOSSL_OK)
            bail_out("write");
    is_int(iossl_shutdown(pair.client, true, IOSSL_AS_FD, NULL), IOSSL_INTERRUPTED,
           "data without end in place of a close_notify: a shutdown comes back");
    is_int(iossl_shutdown(pair.client, true, IOSSL_AS_FD, NULL), IOSSL_WANT_READ, "... and goes on");
    test_pair_free(&pair);
}

static void
with_client_cert_later(iossl_config *config)
{
    if (iossl_config_set_post_handshake_auth(config, true, NULL) != IOSSL_OK)
        bail_out("post-handshake authentication");
}

static void
verifies_later(iossl_config *config)
{
    if (iossl_config_add_ca(config, ca.cert, NULL) != IOSSL_OK
        || iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL)
               != IOSSL_OK)
        bail_out("mode");
}

/* A client that renews its keys in place of an answer. */
static void
test_endless_key_updates(void)
{
    iossl_ctx *client = test_client_ctx(&ca, with_client_cert_later);
    iossl_ctx *server = test_server_ctx(&leaf, verifies_later);
    test_pair pair = test_pair_new(client, server, NAME);
    SSL *ssl = iossl_conn_get0_ssl(pair.client);
    bool answered;
    size_t n;

    if (!test_pair_shake(&pair))
        bail_out(iossl_error_message(pair.client_error));
    for (int i = 0; i < MORE_THAN_ENOUGH; i++)
        if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(ssl) != 1)
            bail_out("key update");
    if (iossl_write(pair.client, "x", 1, &n, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("write");
    is_int(iossl_request_client_cert(pair.server, &answered, IOSSL_AS_FD, NULL), IOSSL_WANT_READ,
           "key updates without end in place of a certificate: a request comes back");
    is_int(iossl_request_client_cert(pair.server, &answered, IOSSL_AS_FD, NULL), IOSSL_OK,
           "... and goes on");
    test_pair_free(&pair);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

/* A certificate message longer than OpenSSL lets anybody send (100 KB), and one that is just short. */
static void
test_huge_chain(void)
{
    static const struct {
        int names;
        bool good;
    } rows[] = {{4000, true}, {8000, false}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t room = (size_t)rows[i].names * 32;
        char *names = malloc(room), *at = names;
        test_identity huge;
        iossl_ctx *client, *server;
        test_pair pair;

        if (names == NULL)
            bail_out("no memory");
        for (int k = 0; k < rows[i].names; k++)
            at += snprintf(at, room - (size_t)(at - names), "%sDNS:host%d.example.test",
                           k == 0 ? "" : ",", k);
        huge = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = names});
        client = test_client_ctx(&ca, NULL);
        server = test_server_ctx(&huge, NULL);
        pair = test_pair_new(client, server, "host1.example.test");
        is_int(test_pair_shake(&pair), rows[i].good, "handshake-message flood: a certificate of %d bytes: %s",
               i2d_X509(huge.cert, NULL), rows[i].good ? "taken" : "refused");
        if (!rows[i].good)
            like(iossl_error_message(pair.client_error), "excessive message size", "... as too long");
        test_pair_free(&pair);
        iossl_ctx_free(client);
        iossl_ctx_free(server);
        test_identity_free(&huge);
        free(names);
    }
}

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:" NAME});
    test_key_updates();
    test_renegotiation();
    test_tickets();
    test_in_the_clear();
    test_huge_chain();
    test_torrent();
    test_endless_data();
    test_endless_key_updates();
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
