/*
 * t_seal.c - what a fleet keeps elsewhere: sealed values, sessions as bytes, ticket keys on schedule, and
 * servers that keep sessions by id.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static const char SECRET[] = "0123456789abcdef0123456789abcdef";
static const char OTHER[] = "0123456789abcdef0123456789abcdeg";

static void
values(void)
{
    iossl_error *err = iossl_error_new();
    iossl_seal *seal = iossl_seal_new(SECRET, 32, err), *other = iossl_seal_new(OTHER, 32, err);
    unsigned char *sealed = NULL, *again = NULL, *plain = NULL;
    size_t sealed_len = 0, again_len = 0, plain_len = 0;
    char *name = iossl_seal_name(seal, "kind", "key", 3, err);
    char *same = iossl_seal_name(seal, "kind", "key", 3, err);
    char *moved = iossl_seal_name(seal, "kin", "dkey", 4, err);

    ok(strlen(name) == 64 && strcmp(name, same) == 0, "a name is the same each time");
    ok(strcmp(name, moved) != 0, "and tells kind from key");
    ok(iossl_seal_close(seal, "n", "secret", 6, &sealed, &sealed_len, err) == IOSSL_OK
           && iossl_seal_close(seal, "n", "secret", 6, &again, &again_len, err) == IOSSL_OK,
       "a value is sealed");
    ok(sealed_len == again_len && memcmp(sealed, again, sealed_len) != 0, "otherwise each time");
    ok(iossl_seal_open(seal, "n", sealed, sealed_len, &plain, &plain_len, err) == IOSSL_OK
           && plain_len == 6 && memcmp(plain, "secret", 6) == 0, "and opened");
    iossl_free_secret(plain, plain_len);
    ok(iossl_seal_open(seal, "m", sealed, sealed_len, &plain, &plain_len, err) == IOSSL_ERROR
           && plain == NULL && iossl_error_get_code(err) == IOSSL_E_KEY, "not under another name");
    ok(iossl_seal_open(other, "n", sealed, sealed_len, &plain, &plain_len, NULL) == IOSSL_ERROR,
       "nor with another secret");
    for (size_t i = 0; i < sealed_len; i++) {
        sealed[i] ^= 1;
        if (iossl_seal_open(seal, "n", sealed, sealed_len, &plain, &plain_len, NULL) != IOSSL_ERROR)
            bail_out("a changed byte");
        sealed[i] ^= 1;
        if (iossl_seal_open(seal, "n", sealed, i, &plain, &plain_len, NULL) != IOSSL_ERROR)
            bail_out("cut");
    }
    ok(ERR_peek_error() == 0, "nor changed or cut anywhere; the error queue stays empty");
    iossl_error_clear(err);
    ok(iossl_seal_new(SECRET, 31, err) == NULL && iossl_error_get_code(err) == IOSSL_E_OPTION,
       "31 bytes are no secret");
    iossl_free(sealed);
    ok(iossl_seal_close(seal, "", "", 0, &sealed, &sealed_len, err) == IOSSL_OK
           && iossl_seal_open(seal, "", sealed, sealed_len, &plain, &plain_len, err) == IOSSL_OK
           && plain_len == 0, "nothing can be sealed, too");
    iossl_free_secret(plain, plain_len);
    iossl_free(sealed);
    iossl_free(again);
    iossl_free(name);
    iossl_free(same);
    iossl_free(moved);
    iossl_seal_free(seal);
    iossl_seal_free(other);
    iossl_seal_free(NULL);
    iossl_error_free(err);
}

static void
schedule(void)
{
    const iossl_ticket_schedule s = {.rotate_s = 100, .keep = 2};
    iossl_ticket_key key, ancient;
    int64_t period;

    ok(iossl_ticket_period(&s, 1234) == 12, "time is cut into periods");
    ok(iossl_ticket_key_make(&key, 12) && key.key_len == 64, "a key for a period");
    ok(iossl_ticket_key_period(&s, key.name, 1234, &period) && period == 12, "its name tells which");
    ok(iossl_ticket_key_period(&s, key.name, 1499, &period), "it is of use two periods more");
    ok(!iossl_ticket_key_period(&s, key.name, 1500, &period), "and no longer");
    ok(iossl_ticket_key_period(&s, key.name, 1100, &period), "a clock may be one period behind");
    ok(!iossl_ticket_key_period(&s, key.name, 1099, &period), "and no more");
    ok(iossl_ticket_seconds_left(&s, 12, 1234) == 266, "which is told in seconds");
    ok(iossl_ticket_seconds_left(&s, 12, 1499) == 1 && iossl_ticket_seconds_left(&s, 12, 1500) == 0,
       "to the end");
    memset(ancient.name, 0xff, sizeof ancient.name);
    ok(!iossl_ticket_key_period(&s, ancient.name, 1234, &period), "a name that is no period");
}

/* ---- Servers that keep sessions by id ---------------------------------------------------------- */

/* As another process would have it: bytes by key. */
static struct {
    char key[80];
    unsigned char *bytes;
    size_t len;
} kept[8];
static size_t n_kept;

static void
add(void *arg, const char *key, SSL_SESSION *session)
{
    (void)arg;
    if (n_kept == 8)
        return;
    (void)snprintf(kept[n_kept].key, sizeof kept[0].key, "%s", key);
    kept[n_kept].bytes = iossl_session_to_bytes(session, &kept[n_kept].len, NULL);
    n_kept++;
}

static SSL_SESSION *
get1(void *arg, const char *key)
{
    (void)arg;
    for (size_t i = 0; i < n_kept; i++)
        if (strcmp(kept[i].key, key) == 0)
            return iossl_session_from_bytes(kept[i].bytes, kept[i].len, NULL);
    return NULL;
}

static void
del(void *arg, const char *key, SSL_SESSION *session)
{
    (void)arg;
    (void)session;
    for (size_t i = 0; i < n_kept; i++)
        if (strcmp(kept[i].key, key) == 0)
            kept[i].key[0] = '\0';
}

static const iossl_session_store STORE = {.add = add, .get1 = get1, .del = del};
static const char *version;

static void
by_id(iossl_config *config)
{
    if (iossl_config_set_sessions_by_id(config, true, NULL) != IOSSL_OK)
        bail_out("by id");
}

static void
with_version(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK)
        bail_out("version");
}

static int
connect_once(iossl_ctx *client_ctx, iossl_ctx *server_ctx, iossl_session_cache *cache)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    int resumed;

    if (iossl_conn_set_session_cache(pair.client, cache, "key", NULL) != IOSSL_OK
        || iossl_conn_set_session_store(pair.server, &STORE, NULL, "", NULL) != IOSSL_OK)
        bail_out("stores");
    resumed = test_pair_resumes(&pair);
    test_pair_free(&pair);
    return resumed;
}

static void
servers(const test_identity *ca, const test_identity *leaf)
{
    static const char *const VERSIONS[] = {"TLSv1_2", "TLSv1_3"};

    for (size_t i = 0; i < 2; i++) {
        iossl_session_cache *cache = iossl_session_cache_new(4, NULL);
        iossl_ctx *client = test_client_ctx(ca, (version = VERSIONS[i], with_version));
        iossl_ctx *one = test_server_ctx(leaf, by_id), *two = test_server_ctx(leaf, by_id);

        ok(connect_once(client, one, cache) == 0, "%s: a session", version);
        ok(n_kept > 0, "the server's store was told");
        ok(connect_once(client, two, cache) == 1, "another server resumes it");
        ok(connect_once(client, one, cache) == 1, "and the first one again");
        for (size_t k = 0; k < n_kept; k++) {
            iossl_free_secret(kept[k].bytes, kept[k].len);
            kept[k].key[0] = '\0';
        }
        n_kept = 0;
        ok(connect_once(client, two, cache) == 0, "where it is gone: a full handshake");
        for (size_t k = 0; k < n_kept; k++)
            iossl_free_secret(kept[k].bytes, kept[k].len);
        n_kept = 0;
        iossl_session_cache_free(cache);
        iossl_ctx_free(client);
        iossl_ctx_free(one);
        iossl_ctx_free(two);
    }
}

static void
bytes(void)
{
    iossl_error *err = iossl_error_new();
    SSL_SESSION *foreign = SSL_SESSION_new();
    size_t len;

    ok(iossl_session_to_bytes(foreign, &len, err) == NULL && len == 0
           && iossl_error_get_code(err) == IOSSL_E_USAGE, "a session of somebody else isn't told");
    iossl_error_clear(err);
    for (size_t n = 0; n < 64; n++)
        if (iossl_session_from_bytes("0123456789012345678901234567890123456789012345678901234567890123",
                                     n, err) != NULL)
            bail_out("a session out of nothing");
    ok(iossl_error_get_code(err) == IOSSL_E_OPTION, "other bytes are no session");
    ok(ERR_peek_error() == 0, "the error queue stays empty");
    SSL_SESSION_free(foreign);
    iossl_error_free(err);
}

int
main(void)
{
    test_identity ca, leaf;

    tap_start();
    values();
    schedule();
    bytes();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test"});
    servers(&ca, &leaf);
    test_identity_free(&ca);
    test_identity_free(&leaf);
    return done_testing();
}
