/*
 * t_tickets.c - tickets under keys of the program's own: shared by servers, changed while they run.
 */
#include <string.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf;
static const char *version;
static iossl_ctx *client_ctx;
static iossl_session_cache *cache;
static iossl_ticket_key keys[3];

/* What the next server is made with. */
static const iossl_ticket_key *list;
static size_t n_list;
static iossl_ticket_key_cb callback;

static void
with_version(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK)
        bail_out("version");
}

static void
with_keys(iossl_config *config)
{
    iossl_config_set_ticket_key_cb(config, callback, keys);
    if (iossl_config_set_ticket_keys(config, list, n_list, NULL) != IOSSL_OK)
        bail_out("keys");
}

static iossl_ctx *
server_with(const iossl_ticket_key *first, size_t n, iossl_ticket_key_cb cb)
{
    list = first;
    n_list = n;
    callback = cb;
    return test_server_ctx(&leaf, with_keys);
}

/* 1 resumed, 0 not, -1 failed (then *why, if it isn't NULL, has the server's error; free it). */
static int
connect_to(iossl_ctx *server_ctx, iossl_error **why)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    int resumed;

    if (iossl_conn_set_session_cache(pair.client, cache, "key", NULL) != IOSSL_OK)
        bail_out("cache");
    resumed = test_pair_resumes(&pair);
    ok(ERR_peek_error() == 0, "%s: no error is left behind", version);
    if (why != NULL) {
        *why = iossl_error_new();
        iossl_error_copy(*why, pair.server_error);
    }
    test_pair_free(&pair);
    return resumed;
}

static void
forget(void)
{
    (void)iossl_session_cache_del(cache, "key", NULL);
}

/* The name of the key that the latest ticket is under. */
static const unsigned char *
name_of_ticket(void)
{
    static unsigned char name[16];
    SSL_SESSION *session = iossl_session_cache_get1(cache, "key", NULL);
    const unsigned char *ticket = NULL;
    size_t len = 0;

    memset(name, 0, sizeof name);
    if (session != NULL)
        SSL_SESSION_get0_ticket(session, &ticket, &len);
    if (len > sizeof name)
        memcpy(name, ticket, sizeof name);
    SSL_SESSION_free(session);
    return name;
}

static void
is_under(const iossl_ticket_key *key, const char *what)
{
    ok(memcmp(name_of_ticket(), key->name, sizeof key->name) == 0, "%s: the ticket is under %s",
       version, what);
}

static void
test_lists(void)
{
    iossl_ctx *one = server_with(keys, 1, NULL), *same = server_with(keys, 1, NULL);
    iossl_ctx *none = server_with(NULL, 0, NULL), *other = server_with(keys + 1, 1, NULL);
    iossl_ctx *rotated;
    iossl_ticket_key order[2] = {keys[1], keys[0]};

    forget();
    is_int(connect_to(one, NULL), 0, "%s: a session is made", version);
    is_under(&keys[0], "the first key");
    is_int(connect_to(same, NULL), 1, "%s: and resumed by another server with the key", version);
    is_int(connect_to(other, NULL), 0, "%s: but not by one that has another key", version);
    is_under(&keys[1], "that one's");
    is_int(connect_to(none, NULL), 0, "%s: nor by one that has OpenSSL's own", version);

    forget();
    rotated = server_with(order, 2, NULL);
    (void)connect_to(one, NULL);
    is_int(connect_to(rotated, NULL), 1, "%s: after a change of keys the old one decrypts", version);
    is_under(&keys[1], "the new key from then on");
    is_int(connect_to(other, NULL), 1, "%s: which is all that it takes then", version);
    iossl_ctx_free(one);
    iossl_ctx_free(same);
    iossl_ctx_free(none);
    iossl_ctx_free(other);
    iossl_ctx_free(rotated);
}

/* ---- Callbacks ------------------------------------------------------------------------------- */

static int n_encrypt, n_decrypt;

/* The second key is current, the first is known. */
static iossl_ticket_result
rotating(void *arg, iossl_conn *conn, const unsigned char *name, iossl_ticket_key *key)
{
    const iossl_ticket_key *known = arg;

    if (iossl_conn_get_role(conn) != IOSSL_SERVER)
        return IOSSL_TICKET_KEY_FAILED;
    (void)SSL_CTX_new(NULL);            /* leaves something in the queue of errors */
    if (name == NULL) {
        n_encrypt++;
        *key = known[1];
        return IOSSL_TICKET_KEY_CURRENT;
    }
    n_decrypt++;
    for (size_t i = 0; i < 2; i++) {
        if (memcmp(name, known[i].name, sizeof known[i].name) == 0) {
            *key = known[i];
            return i == 1 ? IOSSL_TICKET_KEY_CURRENT : IOSSL_TICKET_KEY_OLD;
        }
    }
    return IOSSL_TICKET_KEY_UNKNOWN;
}

static iossl_ticket_result
failing(void *arg, iossl_conn *conn, const unsigned char *name, iossl_ticket_key *key)
{
    (void)arg;
    (void)conn;
    (void)name;
    (void)key;
    return IOSSL_TICKET_KEY_FAILED;
}

static iossl_ticket_result
too_short(void *arg, iossl_conn *conn, const unsigned char *name, iossl_ticket_key *key)
{
    (void)conn;
    (void)name;
    *key = *(const iossl_ticket_key *)arg;
    key->key_len = 5;
    return IOSSL_TICKET_KEY_CURRENT;
}

static iossl_ticket_result
unknown(void *arg, iossl_conn *conn, const unsigned char *name, iossl_ticket_key *key)
{
    (void)arg;
    (void)conn;
    (void)name;
    (void)key;
    return IOSSL_TICKET_KEY_UNKNOWN;
}

static void
test_callbacks(void)
{
    iossl_ctx *old = server_with(keys, 1, NULL), *stranger = server_with(keys + 2, 1, NULL);
    iossl_ctx *ctx = server_with(NULL, 0, rotating), *bad;
    iossl_error *why = NULL;

    forget();
    n_encrypt = n_decrypt = 0;
    is_int(connect_to(ctx, NULL), 0, "%s: a callback gives the key", version);
    ok(n_encrypt > 0 && n_decrypt == 0, "%s: it was asked for one to encrypt", version);
    is_under(&keys[1], "the current key");
    is_int(connect_to(ctx, NULL), 1, "%s: and the ticket is decrypted", version);
    is_int(n_decrypt, 1, "%s: it was asked by name", version);

    forget();
    (void)connect_to(old, NULL);
    is_int(connect_to(ctx, NULL), 1, "%s: an old key decrypts", version);
    is_under(&keys[1], "the current key, after that");

    forget();
    (void)connect_to(stranger, NULL);
    is_int(connect_to(ctx, NULL), 0, "%s: a ticket of a stranger: a full handshake", version);

    bad = server_with(NULL, 0, failing);
    is_int(connect_to(bad, &why), -1, "%s: a callback that fails fails the handshake", version);
    ok(iossl_error_get_code(why) == IOSSL_E_HANDSHAKE, "%s: %s", version,
       iossl_error_message(why));
    iossl_error_free(why);
    iossl_ctx_free(bad);

    forget();
    bad = server_with(keys, 0, too_short);
    is_int(connect_to(bad, NULL), -1, "%s: so does one that gives half a key", version);
    iossl_ctx_free(bad);

    bad = server_with(NULL, 0, unknown);
    forget();
    is_int(connect_to(bad, NULL), 0, "%s: without a key there is no ticket", version);
    is_int(connect_to(bad, NULL), 0, "%s: and no resumption", version);
    iossl_ctx_free(bad);
    forget();
    is_int(connect_to(ctx, NULL), 0, "%s: the next connection works", version);
    iossl_ctx_free(ctx);
    iossl_ctx_free(old);
    iossl_ctx_free(stranger);
}

static void
test_refused_values(void)
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    iossl_ticket_key wrong[2] = {keys[0], keys[0]};

    is_int(iossl_config_set_ticket_keys(config, wrong, 2, err), IOSSL_ERROR, "one name for two keys");
    is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "is refused");
    wrong[0].key_len = 31;
    is_int(iossl_config_set_ticket_keys(config, wrong, 1, err), IOSSL_ERROR, "a wrong length, too");
    iossl_config_free(config);
    iossl_error_free(err);
}

int
main(void)
{
    static const char *const VERSIONS[] = {"TLSv1_2", "TLSv1_3"};

    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(
        &(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test"});
    cache = iossl_session_cache_new(4, NULL);
    for (size_t i = 0; i < 3; i++) {
        memset(keys[i].name, 'a' + (int)i, sizeof keys[i].name);
        memset(keys[i].key, 'A' + (int)i, sizeof keys[i].key);
        keys[i].key_len = 32 + 16 * i;      /* each of the three that there are */
    }
    for (size_t i = 0; i < sizeof VERSIONS / sizeof VERSIONS[0]; i++) {
        version = VERSIONS[i];
        client_ctx = test_client_ctx(&ca, with_version);
        test_lists();
        test_callbacks();
        iossl_ctx_free(client_ctx);
    }
    test_refused_values();
    iossl_session_cache_free(cache);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
