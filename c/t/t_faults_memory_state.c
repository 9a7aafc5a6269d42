/*
 * t_faults_memory_state.c - what outlives a connection, with each allocation failing in turn: sessions and
 * their stores, seals, keys of tickets, pre-shared keys, staples, contexts that are reloaded.
 * See faulty_memory.h.
 */
#include "tap.h"

#ifdef __linux__

#include "faulty_memory.h"

#include <openssl/pem.h>

#include "support_ocsp.h"
#include "support_pair.h"

static test_identity ca, leaf;
static iossl_ctx *client_ctx, *server_ctx, *by_id_ctx;
static iossl_ctx *stapled_client, *stapled_server, *callback_client, *callback_server;
static char *cert_file, *key_file, *keys_file;
static unsigned char *good_answer;
static size_t good_len;

/* ---- A store of sessions that are bytes, sealed ----------------------------------------------- */

typedef struct {
    char *name;
    unsigned char *sealed;
    size_t len;
} shelf_item;

static shelf_item items[2];         /* the client's, the server's */
static iossl_seal *seal;
static iossl_error *store_err;

static void
item_clear(shelf_item *item)
{
    iossl_free(item->name);
    iossl_free(item->sealed);
    *item = (shelf_item){.name = NULL};
}

static void
item_put(void *arg, const char *key, SSL_SESSION *session)
{
    shelf_item *item = arg;
    unsigned char *bytes;
    size_t len;

    item_clear(item);
    item->name = iossl_seal_name(seal, "session", key, strlen(key), store_err);
    bytes = iossl_session_to_bytes(session, &len, store_err);
    if (item->name == NULL || bytes == NULL
        || !good(iossl_seal_close(seal, item->name, bytes, len, &item->sealed, &item->len, store_err),
                 store_err))
        item_clear(item);
    iossl_free_secret(bytes, len);
}

static SSL_SESSION *
item_get1(void *arg, const char *key)
{
    shelf_item *item = arg;
    SSL_SESSION *session = NULL, *known = NULL;
    unsigned char *bytes = NULL;
    size_t len = 0;

    (void)key;
    if (item->name == NULL)
        return NULL;
    if (good(iossl_seal_open(seal, item->name, item->sealed, item->len, &bytes, &len, store_err),
             store_err))
        session = iossl_session_from_bytes(bytes, len, store_err);
    iossl_free_secret(bytes, len);
    if (session != NULL)
        promise(iossl_session_seconds_left(session, 0) > 0, "a session has a time to live");
    known = iossl_session_get1_known(session);
    SSL_SESSION_free(known);
    return session;
}

static void
item_del(void *arg, const char *key, SSL_SESSION *session)
{
    (void)key;
    (void)session;
    item_clear(arg);
}

static const iossl_session_store STORE = {.add = item_put, .get1 = item_get1, .del = item_del};

static bool
with_stores(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    store_err = err;
    return good(iossl_conn_set_session_store(client, &STORE, &items[0], "www", err), err)
           && good(iossl_conn_set_session_store(server, &STORE, &items[1], "www", err), err);
}

static void
run_sessions(iossl_ctx *server, iossl_error *err)
{
    static const unsigned char secret[32] = "a secret of thirty-two bytes....";
    const talk_hooks hooks = {.before = with_stores};

    seal = iossl_seal_new(secret, sizeof secret, err);
    if (made(seal, err)) {
        iossl_seal_free(iossl_seal_up_ref(seal));
        for (int i = 0; i < 2; i++)
            (void)talk(client_ctx, server, &hooks, err);
    }
    for (int i = 0; i < 2; i++)
        item_clear(&items[i]);
    iossl_seal_free(seal);
}

static void
run_stores_of_client(iossl_error *err)
{
    run_sessions(server_ctx, err);
}

static void
run_stores_by_id(iossl_error *err)
{
    run_sessions(by_id_ctx, err);
}

/* ---- Keys of tickets ------------------------------------------------------------------------- */

static iossl_session_cache *cache;

static bool
with_cache(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    (void)server;
    return good(iossl_conn_set_session_cache(client, cache, "www", err), err);
}

static void
run_ticket_keys(iossl_error *err)
{
    const talk_hooks hooks = {.before = with_cache};
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    iossl_ticket_key *keys = NULL;
    iossl_ctx *ctx = NULL;
    size_t n = 0;

    cache = iossl_session_cache_new(4, err);
    (void)good(iossl_ticket_keys_rotate(keys_file, 3, err), err);
    if (good(iossl_ticket_keys_read(&keys, &n, keys_file, err), err))
        promise(n >= 2, "no key is lost");
    if (made(cache, err) && made(config, err)
        && good(iossl_config_add_certs(config, NULL, &leaf.cert, 1, err), err)
        && good(iossl_config_add_key(config, NULL, leaf.key, err), err)
        && good(iossl_config_set_ticket_keys_file(config, keys_file, err), err)) {
        ctx = iossl_ctx_new(config, err);
        for (int i = 0; i < 2 && made(ctx, err); i++)
            (void)talk(client_ctx, ctx, &hooks, err);
    }
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    iossl_ticket_keys_free(keys, n);
    iossl_session_cache_free(cache);
}

/* ---- Pre-shared keys ------------------------------------------------------------------------- */

static void
same_identity(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    const char *identity = iossl_conn_get0_psk_identity(server);

    (void)err;
    promise(identity == NULL || strcmp(identity, "me") == 0, "an identity is whole, or none");
    promise(iossl_conn_get0_psk_identity(client) == NULL || identity != NULL,
            "a key is one of both sides");
}

static bool
set_psk(iossl_config *config, const char *version, iossl_error *err)
{
    return good(iossl_config_set_no_default_ca(config, true, err), err)
           && good(iossl_config_set_version(config, version, err), err)
           && good(iossl_config_set_cipher_list(config, NULL, "PSK", err), err)
           && good(iossl_config_add_client_psk(config, "here", "me", "a key", 5, err), err)
           && good(iossl_config_add_client_psk(config, NULL, "me", "a key", 5, err), err)
           && good(iossl_config_add_server_psk(config, "me", "a key", 5, err), err)
           && good(iossl_config_set_psk_hint(config, "here", err), err);
}

static iossl_ctx *
psk_ctx(iossl_role role, const char *version, iossl_error *err)
{
    iossl_config *config = iossl_config_new(role, err);
    iossl_ctx *ctx = NULL;

    if (made(config, err) && set_psk(config, version, err)) {
        ctx = iossl_ctx_new(config, err);
        (void)made(ctx, err);
    }
    iossl_config_free(config);
    return ctx;
}

/* The contexts are made anew: a server's keeps a session where it couldn't make a ticket of it. */
static void
run_psk(const char *version, iossl_error *err)
{
    iossl_ctx *client = psk_ctx(IOSSL_CLIENT, version, err);
    iossl_ctx *server = psk_ctx(IOSSL_SERVER, version, err);

    if (client != NULL && server != NULL)
        (void)talk(client, server, &(talk_hooks){.between = same_identity}, err);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

static void
run_psk_12(iossl_error *err)
{
    run_psk("TLSv1_2", err);
}

static void
run_psk_13(iossl_error *err)
{
    run_psk("TLSv1_3", err);
}

/* ---- Staples --------------------------------------------------------------------------------- */

static void
staple_is_good(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    (void)server;
    (void)err;
    promise(iossl_conn_get_staple_state(client) == IOSSL_STAPLE_GOOD,
            "without a staple there is no connection");
}

static bool
with_ocsp_cache(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    iossl_ocsp_cache *answers = iossl_ocsp_cache_new(2, err);
    bool ok = made(answers, err) && good(iossl_conn_set_ocsp_cache(client, answers, err), err);

    (void)server;
    iossl_ocsp_cache_free(answers);
    return ok;
}

static void
run_staple(iossl_error *err)
{
    (void)talk(stapled_client, stapled_server,
               &(talk_hooks){.before = with_ocsp_cache, .between = staple_is_good}, err);
}

static bool
give_staple(void *arg, X509 *cert, iossl_staple_give give, void *to)
{
    (void)arg;
    (void)cert;
    give(to, good_answer, good_len);
    return true;
}

static bool
with_source(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    (void)client;
    (void)err;
    iossl_conn_set_staple_source(server, give_staple, NULL);
    return true;
}

/* The context keeps what the source gave, so it is made anew. */
static void
run_staple_source(iossl_error *err)
{
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    iossl_ctx *ctx = NULL;

    if (made(config, err) && good(iossl_config_add_certs(config, NULL, &leaf.cert, 1, err), err)
        && good(iossl_config_add_key(config, NULL, leaf.key, err), err)) {
        ctx = iossl_ctx_new(config, err);
        if (made(ctx, err))
            (void)talk(stapled_client, ctx,
                       &(talk_hooks){.before = with_source, .between = staple_is_good}, err);
    }
    iossl_ctx_free(ctx);
    iossl_config_free(config);
}

/* ---- Callbacks, and what is told of a connection ---------------------------------------------- */

static void
on_message(void *arg, bool sent, int version, int content_type, const void *buf, size_t len)
{
    char text[200];

    (void)arg;
    (void)iossl_message_text(text, sizeof text, sent, version, content_type, buf, len);
}

static void
on_key(void *arg, iossl_conn *conn, const char *line)
{
    (void)arg;
    (void)conn;
    (void)line;
}

static bool
on_chain(void *arg, bool ok, X509_STORE_CTX *store_ctx)
{
    (void)arg;
    (void)store_ctx;
    return ok;
}

static bool
on_host(void *arg, iossl_conn *conn, const char *name, iossl_ctx **ctx)
{
    (void)arg;
    (void)conn;
    *ctx = name == NULL ? NULL : iossl_ctx_up_ref(server_ctx);
    return true;
}

static bool
with_callbacks(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    iossl_conn_set_msg_cb(client, on_message, NULL);
    iossl_conn_set_verify_cb(client, on_chain, NULL);
    iossl_conn_set_msg_cb(server, on_message, NULL);
    return good(iossl_conn_set_verify_mode(client, IOSSL_VERIFY_PEER, err), err)
           && good(iossl_conn_set_scheme(client, iossl_scheme_by_name("http"), err), err);
}

static void
ask_all(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    static const char *const types[] = {"tls-exporter", "tls-server-end-point"};
    unsigned char bytes[2][IOSSL_BINDING_MAX];
    iossl_diagnosis *diagnosis;
    size_t len[2];
    X509 *cert;
    char *text;

    for (size_t i = 0; i < 2; i++)
        if (good(iossl_conn_channel_binding(client, types[i], bytes[0], &len[0], err), err)
            && good(iossl_conn_channel_binding(server, types[i], bytes[1], &len[1], err), err))
            promise(len[0] == len[1] && memcmp(bytes[0], bytes[1], len[0]) == 0,
                    "bindings are the same on both ends");
    (void)good(iossl_conn_export_keying_material(client, bytes[0], 32, "EXPORTER-test", 13, "x", 1,
                                                 err), err);
    (void)iossl_conn_get0_info(client);
    text = iossl_conn_summary(client);
    iossl_free(text);
    diagnosis = iossl_conn_diagnose(client, err);
    if (made(diagnosis, err))
        promise(iossl_diagnosis_count(diagnosis) == 0, "a good chain has no findings");
    iossl_diagnosis_free(diagnosis);
    cert = iossl_conn_get1_peer_cert(client);
    X509_free(cert);
    iossl_error_clear(err);
    (void)good(iossl_conn_key_update(client, true, IOSSL_POLL, err), err);
    iossl_error_clear(err);
}

static void
run_callbacks(iossl_error *err)
{
    (void)talk(callback_client, callback_server,
               &(talk_hooks){.before = with_callbacks, .between = ask_all}, err);
}

/* ---- Reloading ------------------------------------------------------------------------------- */

static void
run_reload(iossl_error *err)
{
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    iossl_ctx *ctx;

    if (!made(config, err))
        return;
    if (!good(iossl_config_add_cert_file(config, NULL, cert_file, err), err)
        || !good(iossl_config_add_key_file(config, NULL, key_file, err), err)) {
        iossl_config_free(config);
        return;
    }
    ctx = iossl_ctx_new_reloadable(config, 1, err);
    if (made(ctx, err)) {
        (void)good(iossl_ctx_reload(ctx, err), err);
        iossl_error_clear(err);
        (void)iossl_ctx_take_reload_error(ctx, err);
        (void)talk(client_ctx, ctx, &(talk_hooks){.before = NULL}, err);
    }
    iossl_ctx_free(ctx);
}

/* ---- Fixtures -------------------------------------------------------------------------------- */

static void
by_id(iossl_config *config)
{
    if (iossl_config_set_sessions_by_id(config, true, NULL) != IOSSL_OK)
        bail_out("sessions by id");
}

static void
must_staple(iossl_config *config)
{
    if (iossl_config_set_ocsp_mode(config, IOSSL_OCSP_MUST_STAPLE, NULL) != IOSSL_OK)
        bail_out("a staple");
}

static void
staple(iossl_config *config)
{
    if (iossl_config_set_ocsp_staple(config, NULL, good_answer, good_len, NULL) != IOSSL_OK)
        bail_out("a staple");
}

static void
log_and_choose(iossl_config *config)
{
    static const char *const protocols[] = {"h2"};

    iossl_config_set_keylog_cb(config, on_key, NULL);
    iossl_config_set_host_cb(config, on_host, NULL);
    if (iossl_config_set_alpn(config, protocols, 1, NULL) != IOSSL_OK
        || iossl_config_set_key_update_bytes(config, 100, NULL) != IOSSL_OK)
        bail_out("settings");
}

static void
fixtures(void)
{
    const test_ocsp_spec spec = {.signer = &ca,
                                 .about = {{.cert = NULL, .status = V_OCSP_CERTSTATUS_GOOD}}};
    test_ocsp_spec whole = spec;
    BIO *cert = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());

    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.common_name = "www.example.test",
                                                .altnames = "DNS:www.example.test", .issuer = &ca});
    whole.about[0].cert = leaf.cert;
    whole.about[0].issuer = ca.cert;
    good_answer = test_ocsp_response(&whole, &good_len);
    client_ctx = test_client_ctx(&ca, NULL);
    server_ctx = test_server_ctx(&leaf, NULL);
    by_id_ctx = test_server_ctx(&leaf, by_id);
    stapled_client = test_client_ctx(&ca, must_staple);
    stapled_server = test_server_ctx(&leaf, staple);
    callback_client = test_client_ctx(&ca, log_and_choose);
    callback_server = test_server_ctx(&leaf, log_and_choose);
    if (PEM_write_bio_X509(cert, leaf.cert) != 1
        || PEM_write_bio_PrivateKey(key, leaf.key, NULL, NULL, 0, NULL, NULL) != 1)
        bail_out("PEM");
    cert_file = strdup(test_write_bio("cert.pem", cert));
    key_file = strdup(test_write_bio("key.pem", key));
    keys_file = strdup(test_path("keys"));
    for (int i = 0; i < 2; i++)
        if (iossl_ticket_keys_rotate(keys_file, 3, NULL) != IOSSL_OK)
            bail_out("keys of tickets");
}

static const scenario SCENARIOS[] = {
    {"sessions in a sealed store", run_stores_of_client},
    {"sessions by their number", run_stores_by_id},
    {"keys of tickets", run_ticket_keys},
    {"pre-shared keys, TLS 1.2", run_psk_12},
    {"pre-shared keys, TLS 1.3", run_psk_13},
    {"a staple", run_staple},
    {"a staple by a callback", run_staple_source},
    {"callbacks and answers", run_callbacks},
    {"a reload", run_reload},
};

int
main(void)
{
    return faulty_memory_test(SCENARIOS, sizeof SCENARIOS / sizeof *SCENARIOS, fixtures);
}

#else

TAP_SKIPPED_MAIN("allocations can be made to fail on Linux")

#endif
