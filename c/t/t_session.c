/*
 * t_session.c - a session is resumed by who asks for the same, and by no one who asks for more.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "iossl.h"
#include "support_openssl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, other_ca, leaf, client_leaf;
static iossl_ctx *server_ctx;
static iossl_session_cache *cache;
static const char *version;

static void
with_version(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK)
        bail_out("version");
}

static void
with_version_and_cert(iossl_config *config)
{
    with_version(config);
    if (iossl_config_add_certs(config, NULL, &client_leaf.cert, 1, NULL) != IOSSL_OK
        || iossl_config_add_key(config, NULL, client_leaf.key, NULL) != IOSSL_OK)
        bail_out("client certificate");
}

static void
with_more_trust(iossl_config *config)
{
    with_version(config);
    if (iossl_config_add_ca(config, other_ca.cert, NULL) != IOSSL_OK)
        bail_out("CA");
}

/* One connection under the key, on this context; 1 resumed, 0 not, -1 failed. */
static int
connect_once(iossl_ctx *client_ctx, const char *name, void (*change)(iossl_conn *))
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, name);
    int resumed;

    if (iossl_conn_set_session_cache(pair.client, cache, "the key", NULL) != IOSSL_OK)
        bail_out("session cache");
    if (change != NULL)
        change(pair.client);
    resumed = test_pair_resumes(&pair);
    test_pair_free(&pair);
    return resumed;
}

static void
no_verification(iossl_conn *conn)
{
    if (iossl_conn_set_verify_mode(conn, IOSSL_VERIFY_NONE, NULL) != IOSSL_OK)
        bail_out("mode");
}

static void
scheme_sip(iossl_conn *conn)
{
    if (iossl_conn_set_scheme(conn, iossl_scheme_by_name("sip"), NULL) != IOSSL_OK)
        bail_out("scheme");
}

static void
pin_leaf(iossl_conn *conn)
{
    iossl_pins *pins = iossl_pins_new(NULL);
    char *text = NULL;

    if (iossl_cert_fingerprint(&text, leaf.cert, NULL, false, NULL) != IOSSL_OK
        || iossl_pins_add(pins, text, NULL) != IOSSL_OK
        || iossl_conn_set_pins(conn, pins, true, NULL) != IOSSL_OK)
        bail_out("pins");
    iossl_free(text);
    iossl_pins_free(pins);
}

static bool
accept_all(void *arg, bool preverified, X509_STORE_CTX *store_ctx)
{
    (void)arg;
    (void)preverified;
    (void)store_ctx;
    return true;
}

static void
callback(iossl_conn *conn)
{
    iossl_conn_set_verify_cb(conn, accept_all, NULL);
}

/* After a session was made by `first`, does a connection that differs so resume it? */
static void
check(const char *what, iossl_ctx *first_ctx, const char *first_name, void (*first)(iossl_conn *),
      iossl_ctx *second_ctx, const char *second_name, void (*second)(iossl_conn *), int want)
{
    (void)iossl_session_cache_del(cache, "the key", NULL);
    is_int(connect_once(first_ctx, first_name, first), 0, "%s, %s: a full handshake first", version,
           what);
    is_int(connect_once(second_ctx, second_name, second), want, "%s, %s: %s", version, what,
           want == 1 ? "then a resumed one" : want == 0 ? "then a full one again" : "then none");
    ok(ERR_peek_error() == 0, "%s, %s: no error is left behind", version, what);
}

static void
test_version(void)
{
    const char *www = "www.example.test", *alt = "alt.example.test";
    iossl_ctx *one = test_client_ctx(&ca, with_version);
    iossl_ctx *same = test_client_ctx(&ca, with_version);
    iossl_ctx *other = test_client_ctx(&other_ca, with_version);
    iossl_ctx *more = test_client_ctx(&ca, with_more_trust);
    iossl_ctx *cert = test_client_ctx(&ca, with_version_and_cert);

    check("the same again", one, www, NULL, one, www, NULL, 1);
    check("another context of the same kind", one, www, NULL, same, www, NULL, 1);
    check("another name", one, www, NULL, one, alt, NULL, 0);
    check("made without verification", one, www, no_verification, one, www, NULL, 0);
    check("made without it by who trusts another CA", other, www, no_verification, other, www, NULL,
          -1);
    check("more trust", more, www, NULL, one, www, NULL, 0);
    check("another scheme", one, www, NULL, one, www, scheme_sip, 0);
    check("pinned", one, www, NULL, one, www, pin_leaf, 0);
    check("pinned both times", one, www, pin_leaf, one, www, pin_leaf, 1);
    check("a callback said yes", one, www, callback, one, www, NULL, 0);
    check("the callback of another context", same, www, callback, one, www, callback, 0);
    check("the callback of the same one", one, www, callback, one, www, callback, 1);
    check("a callback that overruled OpenSSL", other, www, callback, other, www, callback, 0);
    check("a client certificate", one, www, NULL, cert, www, NULL, 0);
    iossl_ctx_free(one);
    iossl_ctx_free(same);
    iossl_ctx_free(other);
    iossl_ctx_free(more);
    iossl_ctx_free(cert);
}

/* ---- A file of CAs that is changed ------------------------------------------------------------ */

static char ca_path[] = "/tmp/t_session_XXXXXX";

static void
with_ca_path(iossl_config *config)
{
    with_version(config);
    if (iossl_config_set_ca_file(config, ca_path, NULL) != IOSSL_OK)
        bail_out("CA file");
}

/* The CA and a comment, written in place, so many nanoseconds after a full second. */
static void
write_ca(char comment, long nanoseconds)
{
    const struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = nanoseconds},
                                      {.tv_sec = 1000000000, .tv_nsec = nanoseconds}};
    FILE *f = fopen(ca_path, "w");
    bool written = f != NULL && PEM_write_X509(f, ca.cert) == 1 && fprintf(f, "# %c\n", comment) > 0
                   && fflush(f) == 0 && futimens(fileno(f), times) == 0;

    if (f == NULL || fclose(f) != 0 || !written)
        bail_out(ca_path);
}

/* A list with one CA less, say, of the same size. */
static void
test_same_second(void)
{
    const char *www = "www.example.test";
    int fd = mkstemp(ca_path);
    iossl_ctx *before, *same, *after;

    if (fd < 0 || close(fd) != 0)
        bail_out("no temporary file");
    write_ca('a', 0);
    before = test_client_ctx(&ca, with_ca_path);
    same = test_client_ctx(&ca, with_ca_path);
    write_ca('b', 1);
    after = test_client_ctx(&ca, with_ca_path);
    check("the file as it was", before, www, NULL, same, www, NULL, 1);
    check("one changed in the same second", before, www, NULL, after, www, NULL, 0);
    iossl_ctx_free(before);
    iossl_ctx_free(same);
    iossl_ctx_free(after);
    (void)unlink(ca_path);
}

/* ---- Certificates that end ------------------------------------------------------------------- */

/* As if it were so many seconds later: the certificates here last for a day. */
static void
at_time(iossl_conn *conn, long seconds)
{
    X509_VERIFY_PARAM_set_time(SSL_get0_param(iossl_conn_get0_ssl(conn)), time(NULL) + seconds);
}

static void
today(iossl_conn *conn)
{
    at_time(conn, 0);
}

static void
in_two_days(iossl_conn *conn)
{
    at_time(conn, 2 * 86400);
}

static void
in_two_days_pinned(iossl_conn *conn)
{
    in_two_days(conn);
    pin_leaf(conn);
}

static void
today_pinned(iossl_conn *conn)
{
    today(conn);
    pin_leaf(conn);
}

static void
test_ended(void)
{
    const char *www = "www.example.test";
    iossl_ctx *one = test_client_ctx(&ca, with_version);

    check("at a certain time", one, www, today, one, www, today, 1);
    check("the server's certificate has ended since", one, www, today, one, www, in_two_days, -1);
    check("but is pinned", one, www, today_pinned, one, www, in_two_days_pinned, 1);
    iossl_ctx_free(one);
}

static void
verifies_clients(iossl_config *config)
{
    with_version(config);
    if (iossl_config_add_ca(config, ca.cert, NULL) != IOSSL_OK
        || iossl_config_set_verify_mode(
               config, IOSSL_VERIFY_PEER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL) != IOSSL_OK)
        bail_out("verification");
}

static void
verifies_clients_by_id(iossl_config *config)
{
    verifies_clients(config);
    if (iossl_config_set_sessions_by_id(config, true, NULL) != IOSSL_OK)
        bail_out("sessions by id");
}

typedef enum { TICKETS, STORE, WITHIN_OPENSSL } kept_in;

/* The server at this time; 1: resumed, 0: not, -1: refused. why: an empty one. */
static int
serve_once(iossl_ctx *client_ctx, iossl_ctx *server, iossl_session_cache *store, kept_in place,
           void (*change)(iossl_conn *), iossl_error *why)
{
    test_pair pair = test_pair_new(client_ctx, server, "www.example.test");
    int resumed;

    if (iossl_conn_set_session_cache(pair.client, cache, "the key", NULL) != IOSSL_OK
        || (place == STORE
            && iossl_conn_set_session_cache(pair.server, store, "", NULL) != IOSSL_OK))
        bail_out("session cache");
    if (place == WITHIN_OPENSSL)
        (void)SSL_set_options(iossl_conn_get0_ssl(pair.server), SSL_OP_NO_TICKET);
    change(pair.server);
    resumed = test_pair_resumes(&pair);
    if (pair.server_status == IOSSL_ERROR)
        resumed = -1;
    iossl_error_copy(why, pair.server_error);
    /* Of one that isn't ended in order, OpenSSL resumes no session again. */
    if (iossl_shutdown(pair.server, false, IOSSL_POLL, NULL) == IOSSL_ERROR)
        bail_out("shutdown");
    test_pair_free(&pair);
    return resumed;
}

static void
test_ended_client(void)
{
    static const struct {
        kept_in place;
        const char *name;
    } PLACES[] = {{TICKETS, "tickets"}, {STORE, "a store"}, {WITHIN_OPENSSL, "OpenSSL's own cache"}};

    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        iossl_ctx *client_ctx = test_client_ctx(&ca, with_version_and_cert);
        iossl_session_cache *store = iossl_session_cache_new(10, NULL);
        iossl_ctx *server = test_server_ctx(
            &leaf, PLACES[i].place == STORE ? verifies_clients_by_id : verifies_clients);
        iossl_error *why = iossl_error_new();

        (void)iossl_session_cache_del(cache, "the key", NULL);
        is_int(serve_once(client_ctx, server, store, PLACES[i].place, today, why), 0,
               "%s, %s of a server that verifies: a full handshake", version, PLACES[i].name);
        is_int(serve_once(client_ctx, server, store, PLACES[i].place, today, why), 1, "... then a resumed one");
        is_int(serve_once(client_ctx, server, store, PLACES[i].place, in_two_days, why), -1,
               "... then none, as the client's certificate has ended");
        like(iossl_error_message(why), "expired", "... which is why");
        ok(ERR_peek_error() == 0, "... and no error is left behind");
        iossl_error_free(why);
        iossl_session_cache_free(store);
        iossl_ctx_free(client_ctx);
        iossl_ctx_free(server);
    }
}

static bool accepts;

static bool
accept_or_not(void *arg, bool preverified, X509_STORE_CTX *store_ctx)
{
    (void)arg;
    (void)store_ctx;
    return preverified || accepts;
}

static void
asks_program(iossl_conn *conn)
{
    iossl_conn_set_verify_cb(conn, accept_or_not, NULL);
}

static void
verifies_others(iossl_config *config)
{
    with_version(config);
    if (iossl_config_add_ca(config, other_ca.cert, NULL) != IOSSL_OK
        || iossl_config_set_verify_mode(
               config, IOSSL_VERIFY_PEER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL) != IOSSL_OK)
        bail_out("verification");
}

static void
verifies_others_by_id(iossl_config *config)
{
    verifies_others(config);
    if (iossl_config_set_sessions_by_id(config, true, NULL) != IOSSL_OK)
        bail_out("sessions by id");
}

/* A client that no CA vouches for, but a callback of the server. */
static void
test_overruled_client(void)
{
    for (kept_in place = TICKETS; place <= WITHIN_OPENSSL; place++) {
        iossl_ctx *client_ctx = test_client_ctx(&ca, with_version_and_cert);
        iossl_session_cache *store = iossl_session_cache_new(10, NULL);
        iossl_ctx *server = test_server_ctx(
            &leaf, place == STORE ? verifies_others_by_id : verifies_others);
        iossl_error *why = iossl_error_new();

        (void)iossl_session_cache_del(cache, "the key", NULL);
        accepts = true;
        is_int(serve_once(client_ctx, server, store, place, asks_program, why), 0,
               "%s, a server's callback lets a client pass", version);
        is_int(serve_once(client_ctx, server, store, place, asks_program, why), 0, "... and is asked again");
        accepts = false;
        is_int(serve_once(client_ctx, server, store, place, asks_program, why), -1, "... when it says no, too");
        ok(ERR_peek_error() == 0, "... and no error is left behind");
        iossl_error_free(why);
        iossl_session_cache_free(store);
        iossl_ctx_free(client_ctx);
        iossl_ctx_free(server);
    }
}

/* A store may hand out anything that can be read as a session. */
static void
test_odd_times(void)
{
    static const struct {
        long began, lasts;
    } ROWS[] = {{LONG_MAX, LONG_MAX}, {LONG_MAX, 1}, {1, LONG_MAX}, {-1, 100}, {1, 0}};

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        SSL_SESSION *session = SSL_SESSION_new();
        int64_t left;

        test_session_set_time(session, ROWS[i].began);
        (void)SSL_SESSION_set_timeout(session, ROWS[i].lasts);
        left = iossl_session_seconds_left(session, (int64_t)time(NULL));
        ok(left == 0 || (!KEEPS_ANY_TIME && left > 0 && left < INT64_MAX / 2),
           "times of a session that can't be: it is over (row %zu)", i);
        SSL_SESSION_free(session);
    }
}

/* What was kept by someone else, without our mark, is not offered. */
static void
test_foreign(void)
{
    iossl_ctx *one = test_client_ctx(&ca, with_version);
    SSL_SESSION *session, *copy;
    unsigned char *der = NULL;
    const unsigned char *p;
    int len;

    (void)iossl_session_cache_del(cache, "the key", NULL);
    is_int(connect_once(one, "www.example.test", NULL), 0, "a session");
    session = iossl_session_cache_get1(cache, "the key", NULL);
    len = i2d_SSL_SESSION(session, &der);
    p = der;
    copy = d2i_SSL_SESSION(NULL, &p, len);
    (void)iossl_session_cache_del(cache, "the key", NULL);
    ok(copy != NULL && iossl_session_cache_add(cache, "the key", copy), "and its bytes alone");
    is_int(connect_once(one, "www.example.test", NULL), 0, "which tell not how it was verified");
    OPENSSL_free(der);
    SSL_SESSION_free(copy);
    SSL_SESSION_free(session);
    iossl_ctx_free(one);
}

/* What a store knows as a number is a session that lives, or nothing. */
static void
test_known(void)
{
    iossl_ctx *one = test_client_ctx(&ca, with_version);
    SSL_SESSION *kept[40], *foreign = SSL_SESSION_new(), *found;
    size_t n_known = 0, n_gone = 0;

    for (size_t i = 0; i < 40; i++) {
        (void)iossl_session_cache_del(cache, "the key", NULL);
        if (connect_once(one, "www.example.test", NULL) != 0
            || (kept[i] = iossl_session_cache_get1(cache, "the key", NULL)) == NULL)
            bail_out("a session");
    }
    (void)iossl_session_cache_del(cache, "the key", NULL);
    for (size_t i = 0; i < 40; i++) {
        n_known += (found = iossl_session_get1_known(kept[i])) == kept[i];
        SSL_SESSION_free(found);
    }
    is_int(n_known, 40, "sessions of ours are known");
    ok(iossl_session_get1_known(NULL) == NULL && iossl_session_get1_known(&ca) == NULL
           && iossl_session_get1_known(foreign) == NULL,
       "anything else isn't");
    /* Every second one goes; what is left has to be found still. */
    for (size_t i = 0; i < 40; i += 2)
        SSL_SESSION_free(kept[i]);
    n_known = 0;
    for (size_t i = 0; i < 40; i++) {
        found = iossl_session_get1_known(kept[i]);
        n_known += i % 2 == 1 && found == kept[i];
        n_gone += i % 2 == 0 && found == NULL;
        SSL_SESSION_free(found);
    }
    is_int(n_known, 20, "those that live are known on");
    is_int(n_gone, 20, "those that were freed are not");
    for (size_t i = 1; i < 40; i += 2)
        SSL_SESSION_free(kept[i]);
    SSL_SESSION_free(foreign);
    iossl_ctx_free(one);
}

/* The tickets that servers saw. */
static SSL_SESSION *seen[16];
static size_t n_seen;

/* One more connection, which reads what brings a new ticket only if it is told to. Was its ticket new
 * to the server? -1: it didn't resume. */
static int
offers_new(iossl_ctx *client_ctx, bool reads)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    SSL_SESSION *session;
    int is_new = -1;
    char buf[8];
    size_t n;

    if (iossl_conn_set_session_cache(pair.client, cache, "single", NULL) != IOSSL_OK
        || !test_pair_shake(&pair))
        bail_out("handshake");
    if (iossl_conn_is_resumed(pair.client) == 1) {
        session = SSL_get1_session(iossl_conn_get0_ssl(pair.client));
        is_new = 1;
        for (size_t i = 0; i < n_seen; i++)
            is_new &= session != seen[i];
        seen[n_seen++] = session;
    }
    if (reads
        && (iossl_write_all(pair.server, "x", 1, NULL, IOSSL_POLL, NULL) != IOSSL_OK
            || iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL) != IOSSL_OK))
        bail_out("data");
    if (iossl_shutdown(pair.client, false, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("shutdown");
    test_pair_free(&pair);
    return is_new;
}

/* Two that begin before either is done. */
static void
check_two_at_once(iossl_ctx *ctx, bool is_tls13)
{
    test_pair pair[2];
    SSL_SESSION *first;

    for (int i = 0; i < 2; i++) {
        pair[i] = test_pair_new(ctx, server_ctx, "www.example.test");
        if (iossl_conn_set_session_cache(pair[i].client, cache, "single", NULL) != IOSSL_OK
            || iossl_handshake(pair[i].client, IOSSL_POLL, NULL) != IOSSL_WANT_READ)
            bail_out("handshake");
    }
    first = SSL_get_session(iossl_conn_get0_ssl(pair[0].client));
    ok(test_pair_shake(&pair[0]) && test_pair_shake(&pair[1])
           && iossl_conn_is_resumed(pair[0].client) == 1
           && iossl_conn_is_resumed(pair[1].client) == 1,
       "two that begin at once are both resumed");
    ok((first == SSL_get_session(iossl_conn_get0_ssl(pair[1].client))) == !is_tls13,
       is_tls13 ? "by two tickets" : "by the one session");
    for (int i = 0; i < 2; i++)
        test_pair_free(&pair[i]);
}

static void
test_single_use(void)
{
    iossl_ctx *ctx = test_client_ctx(&ca, with_version);
    bool is_tls13 = strcmp(version, "TLSv1_3") == 0;
    size_t n_before = iossl_session_cache_count(cache), n_left;
    int n_new = 0;

    is_int(offers_new(ctx, true), -1, "%s: a full handshake first", version);
    for (int i = 0; i < 5; i++)
        n_new += offers_new(ctx, true) == 1;
    is_int(n_new, is_tls13 ? 5 : 1, is_tls13 ? "each later connection has a ticket of its own"
                                             : "a session of TLS 1.2 is resumed again and again");
    ok(iossl_session_cache_count(cache) <= n_before + 2, "those that were used don't pile up");
    check_two_at_once(ctx, is_tls13);
    (void)offers_new(ctx, true);
    n_new = 0;
    /* Who reads nothing gets nothing new. */
    n_left = iossl_session_cache_count(cache) - n_before;
    for (size_t i = 0; is_tls13 && i < n_left; i++)
        n_new += offers_new(ctx, false) == 1;
    is_int(n_new, is_tls13 ? (int)n_left : 0, "what is left is for one connection each");
    is_int(offers_new(ctx, false) >= 0, !is_tls13, "then %s", is_tls13
               ? "there is a full handshake" : "a session is resumed on");
    (void)iossl_session_cache_del(cache, "single", NULL);
    while (n_seen > 0)
        SSL_SESSION_free(seen[--n_seen]);
    iossl_ctx_free(ctx);
}

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    other_ca = test_identity_make(&(test_cert_spec){.common_name = "other CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){
        .issuer = &ca, .altnames = "DNS:www.example.test,DNS:alt.example.test"});
    client_leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .common_name = "client"});
    server_ctx = test_server_ctx(&leaf, NULL);
    cache = iossl_session_cache_new(10, NULL);
    version = "TLSv1_2";
    test_version();
    test_single_use();
    test_ended();
    test_ended_client();
    test_overruled_client();
    version = "TLSv1_3";
    test_version();
    test_single_use();
    test_ended();
    test_ended_client();
    test_overruled_client();
    test_same_second();
    test_foreign();
    test_known();
    test_odd_times();
    iossl_session_cache_free(cache);
    iossl_ctx_free(server_ctx);
    test_identity_free(&client_leaf);
    test_identity_free(&leaf);
    test_identity_free(&other_ca);
    test_identity_free(&ca);
    return done_testing();
}
