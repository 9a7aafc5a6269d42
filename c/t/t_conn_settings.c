/*
 * t_conn_settings.c - what can be set on a connection: before the handshake each, and nothing afterwards.
 */
#include <openssl/err.h>

#include "iossl.h"
#include "support_site.h"


/* ---- After the handshake --------------------------------------------------------------------- */

static int frees;

static void
count_free(void *arg)
{
    (void)arg;
    frees++;
}

static SSL_SESSION *
get_none(void *arg, const char *key)
{
    (void)arg;
    (void)key;
    return NULL;
}

static void
keep_none(void *arg, const char *key, SSL_SESSION *session)
{
    (void)arg;
    (void)key;
    (void)session;
}

static const iossl_session_store SESSIONS = {
    .add = keep_none, .get1 = get_none, .del = keep_none, .free = count_free};

static void
put_none(void *arg, const void *key, size_t len, const iossl_ocsp_entry *entry)
{
    (void)arg;
    (void)key;
    (void)len;
    (void)entry;
}

static bool
find_none(void *arg, const void *key, size_t len, iossl_ocsp_entry_fn fn, void *to)
{
    (void)arg;
    (void)key;
    (void)len;
    (void)fn;
    (void)to;
    return false;
}

static const iossl_ocsp_store ANSWERS = {.put = put_none, .get = find_none, .free = count_free};

static iossl_status
sni(iossl_conn *conn)
{
    return iossl_conn_set_sni(conn, "other.test", err);
}

static iossl_status
hostname(iossl_conn *conn)
{
    return iossl_conn_set_hostname(conn, "other.test", err);
}

static iossl_status
verify_name(iossl_conn *conn)
{
    return iossl_conn_set_verify_name(conn, "other.test", err);
}

static iossl_status
verify_mode(iossl_conn *conn)
{
    return iossl_conn_set_verify_mode(conn, IOSSL_VERIFY_NONE, err);
}

static iossl_status
scheme(iossl_conn *conn)
{
    return iossl_conn_set_scheme(conn, NULL, err);
}

static iossl_status
psl(iossl_conn *conn)
{
    return iossl_conn_set_psl(conn, iossl_psl_builtin(IOSSL_PSL_ICANN), err);
}

static iossl_status
require_name(iossl_conn *conn)
{
    return iossl_conn_set_require_name(conn, false, err);
}

static iossl_status
pins(iossl_conn *conn)
{
    return iossl_conn_set_pins(conn, NULL, false, err);
}

static iossl_status
leftover(iossl_conn *conn)
{
    return iossl_conn_refuse_leftover(conn, 1, err);
}

static iossl_status
session_store(iossl_conn *conn)
{
    return iossl_conn_set_session_store(conn, &SESSIONS, &frees, "key", err);
}

static iossl_status
session_cache(iossl_conn *conn)
{
    iossl_session_cache *cache = iossl_session_cache_new(1, NULL);
    iossl_status status = iossl_conn_set_session_cache(conn, cache, "key", err);

    iossl_session_cache_free(cache);
    return status;
}

static iossl_status
ocsp_mode(iossl_conn *conn)
{
    return iossl_conn_set_ocsp_mode(conn, IOSSL_OCSP_NO_STAPLE, err);
}

static iossl_status
ocsp_store(iossl_conn *conn)
{
    return iossl_conn_set_ocsp_store(conn, &ANSWERS, &frees, err);
}

static iossl_status
ocsp_cache(iossl_conn *conn)
{
    iossl_ocsp_cache *cache = iossl_ocsp_cache_new(1, NULL);
    iossl_status status = iossl_conn_set_ocsp_cache(conn, cache, err);

    iossl_ocsp_cache_free(cache);
    return status;
}

static const struct {
    iossl_status (*set)(iossl_conn *conn);
    const char *name;
    bool owns;                          /* what it is given is freed in any case */
} SETTERS[] = {
    {sni, "the name that is sent", false},
    {hostname, "the host", false},
    {verify_name, "the name to verify", false},
    {verify_mode, "the mode of verification", false},
    {scheme, "the scheme", false},
    {psl, "the list of suffixes", false},
    {require_name, "whether a name is required", false},
    {pins, "fingerprints", false},
    {leftover, "what is left of the clear text", false},
    {session_store, "the store of sessions", true},
    {session_cache, "the cache of sessions", false},
    {ocsp_mode, "the mode of OCSP", false},
    {ocsp_store, "the store of answers", true},
    {ocsp_cache, "the cache of answers", false},
};

static void
test_too_late(void)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    char buf[8];
    size_t n;

    if (!test_pair_shake(&pair))
        bail_out("no handshake");
    for (size_t i = 0; i < sizeof SETTERS / sizeof SETTERS[0]; i++) {
        frees = 0;
        is_int(SETTERS[i].set(pair.client), IOSSL_ERROR, "after the handshake: not %s",
               SETTERS[i].name);
        is_int(iossl_error_get_code(err), IOSSL_E_STATE, "which is a matter of state");
        like(iossl_error_message(err), "can only be set before the handshake", "and told so");
        if (SETTERS[i].owns)
            is_int(frees, 1, "what was given with it is freed");
        iossl_error_clear(err);
    }
    is_int(iossl_write_all(pair.server, "data", 4, NULL, IOSSL_POLL, err), IOSSL_OK, "the connection");
    is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, err), IOSSL_OK, "works on");
    is_str(iossl_conn_get0_verified_name(pair.client), "www.example.test",
           "and was verified as it was set before");
    test_pair_free(&pair);
}

/* ---- Before it ------------------------------------------------------------------------------- */

static void
test_in_time(void)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, NULL);

    for (size_t i = 0; i < sizeof SETTERS / sizeof SETTERS[0]; i++)
        if (SETTERS[i].set != leftover)
            is_int(SETTERS[i].set(pair.client), IOSSL_OK, "before the handshake: %s", SETTERS[i].name);
    is_int(iossl_conn_set_hostname(pair.client, "www.example.test", err), IOSSL_OK, "the last one");
    is_int(iossl_conn_set_verify_mode(pair.client, IOSSL_VERIFY_PEER, err), IOSSL_OK, "counts");
    ok(test_pair_shake(&pair), "all of it goes with a handshake: %s",
       iossl_error_message(pair.client_error));
    frees = 0;
    test_pair_free(&pair);
    is_int(frees, 0, "stores that were replaced were freed then");

    pair = test_pair_new(client_ctx, server_ctx, NULL);
    is_int(iossl_conn_refuse_leftover(pair.client, 0, err), IOSSL_OK, "nothing is left: fine");
    is_int(iossl_conn_refuse_leftover(pair.client, 3, err), IOSSL_ERROR, "three bytes are not");
    ok(iossl_conn_has_failed(pair.client), "and end the connection");
    iossl_error_clear(err);
    test_pair_free(&pair);
}

/* How names are sent: as RFC 6066 wants them. */
static void
test_server_names(void)
{
    static const struct {
        const char *given, *sent;
    } cases[] = {
        {"www.example.test", "www.example.test"},
        {"www.example.test.", "www.example.test"},
        {"WWW.Example.Test", "www.example.test"},
        {"192.0.2.1", NULL},
        {"2001:db8::1", NULL},
    };
    char *longest = calloc(1, 400);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_pair pair = test_pair_new(client_ctx, server_ctx, NULL);

        is_int(iossl_conn_set_hostname(pair.client, cases[i].given, err), IOSSL_OK, "%s",
               cases[i].given);
        (void)test_pair_shake(&pair);
        is_str(iossl_conn_get0_servername(pair.server), cases[i].sent, "comes as %s",
               cases[i].sent == NULL ? "no name" : cases[i].sent);
        test_pair_free(&pair);
    }
    {
        test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");

        is_int(iossl_conn_set_sni(pair.client, "", err), IOSSL_OK, "no name to be sent");
        ok(test_pair_shake(&pair), "is possible");
        ok(iossl_conn_get0_servername(pair.server) == NULL, "and none comes");
        test_pair_free(&pair);
        pair = test_pair_new(client_ctx, server_ctx, NULL);
        memset(longest, 'x', 300);
        is_int(iossl_conn_set_sni(pair.client, longest, err), IOSSL_ERROR, "a name of 300 bytes");
        like(iossl_error_message(err), "can't be sent; up to 255 bytes are possible", "can't be sent");
        iossl_error_clear(err);
        is_int(iossl_conn_set_hostname(pair.client, "\xff.test", err), IOSSL_ERROR, "nor a name that is none");
        is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "as an option");
        iossl_error_clear(err);
        is_int(iossl_conn_set_verify_mode(pair.client, -1, err), IOSSL_ERROR, "a mode that isn't");
        is_int(iossl_conn_set_ocsp_mode(pair.client, 4096, err), IOSSL_ERROR, "another");
        iossl_error_clear(err);
        test_pair_free(&pair);
    }
    free(longest);
}

/* ---- What programs do with the SSL ----------------------------------------------------------- */

static int notes;

static void
on_info(const SSL *ssl, int where, int value)
{
    (void)ssl;
    (void)where;
    (void)value;
    notes++;
}

static void
test_info_callback(void)
{
    test_pair pair;

    SSL_CTX_set_info_callback(iossl_ctx_get0_ssl_ctx(client_ctx), on_info);
    pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    ok(test_pair_shake(&pair), "a program that listens by the SSL_CTX");
    ok(notes > 0, "hears");
    ok(iossl_conn_from_ssl(iossl_conn_get0_ssl(pair.client)) == pair.client,
       "a connection is found by its SSL");
    test_pair_free(&pair);
    SSL_CTX_set_info_callback(iossl_ctx_get0_ssl_ctx(client_ctx), NULL);
}

/* The program keeps the SSL longer than the connection: it is at its end, and harmless. */
static void
test_ssl_outlives(void)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    SSL *ssl = iossl_conn_get0_ssl(pair.client);
    char byte;

    if (!test_pair_shake(&pair) || SSL_up_ref(ssl) != 1)
        bail_out("no handshake");
    iossl_conn_free(iossl_conn_up_ref(pair.client));
    test_pair_free(&pair);
    ok(iossl_conn_from_ssl(ssl) == NULL, "an SSL that was kept is of no connection any more");
    ok(SSL_read(ssl, &byte, 1) <= 0, "nothing comes");
    is_int(SSL_get_fd(ssl), -1, "there is no descriptor");
    ERR_clear_error();
    SSL_free(ssl);
}

int
main(void)
{
    site_start();
    test_too_late();
    test_in_time();
    test_server_names();
    test_info_callback();
    test_ssl_outlives();
    return site_end();
}
