/*
 * t_reload.c - certificates replaced while a server runs: new connections see them, open ones go on, and
 * what can't be loaded changes nothing.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "iossl.h"
#include "support_files.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, one, two;
static iossl_ctx *client_ctx;

static void
write_cert(const char *name, const test_identity *identity)
{
    BIO *bio = BIO_new(BIO_s_mem());

    PEM_write_bio_X509(bio, identity->cert);
    (void)test_write_bio(name, bio);
}

static void
write_key(const char *name, const test_identity *identity)
{
    BIO *bio = BIO_new(BIO_s_mem());

    PEM_write_bio_PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL);
    (void)test_write_bio(name, bio);
}

static void
install(const test_identity *identity)
{
    write_cert("cert.pem", identity);
    write_key("key.pem", identity);
}

static iossl_config *
config_of_files(void)
{
    iossl_config *config = iossl_config_new(IOSSL_SERVER, NULL);

    if (iossl_config_add_cert_file(config, NULL, test_path("cert.pem"), NULL) != IOSSL_OK
        || iossl_config_add_key_file(config, NULL, test_path("key.pem"), NULL) != IOSSL_OK)
        bail_out("config");
    return config;
}

static bool
works(test_pair *pair)
{
    char buf[8];
    size_t n;

    return iossl_write_all(pair->server, "x", 1, NULL, IOSSL_POLL, NULL) == IOSSL_OK
           && iossl_read(pair->client, buf, sizeof buf, &n, IOSSL_POLL, NULL) == IOSSL_OK && n == 1;
}

/* Which of the two the server shows to a new client; NULL: there is no handshake. */
static const test_identity *
shown_by(iossl_ctx *server)
{
    test_pair pair = test_pair_new(client_ctx, server, "www.example.test");
    const test_identity *shown = NULL;

    if (test_pair_shake(&pair)) {
        X509 *cert = iossl_conn_get1_peer_cert(pair.client);

        shown = X509_cmp(cert, one.cert) == 0 ? &one : X509_cmp(cert, two.cert) == 0 ? &two : NULL;
        X509_free(cert);
    }
    test_pair_free(&pair);
    return shown;
}

static void
test_by_command(void)
{
    iossl_error *err = iossl_error_new();
    iossl_ctx *ctx;
    test_pair open;

    install(&one);
    ctx = iossl_ctx_new_reloadable(config_of_files(), 0, err);
    ok(ctx != NULL && shown_by(ctx) == &one, "the first certificate");
    open = test_pair_new(client_ctx, ctx, "www.example.test");
    if (!test_pair_shake(&open))
        bail_out("handshake");
    install(&two);
    ok(shown_by(ctx) == &one, "files that changed don't matter without being told");
    is_int(iossl_ctx_reload(ctx, err), IOSSL_OK, "reload");
    ok(shown_by(ctx) == &two, "new connections see the new certificate");
    ok(works(&open), "the open connection lives on");

    write_cert("cert.pem", &one);
    is_int(iossl_ctx_reload(ctx, err), IOSSL_ERROR, "a certificate without its key");
    is_int(iossl_error_get_code(err), IOSSL_E_KEY, "is refused");
    like(iossl_error_message(err), "it is not the key of the certificate in", "says why");
    like(iossl_error_message(err), "cert.pem", "and where");
    ok(!iossl_ctx_take_reload_error(ctx, err), "who asked has been told");
    ok(shown_by(ctx) == &two, "and changes nothing");
    (void)test_write_text("cert.pem", "-----BEGIN CERTIFICATE-----\n");
    is_int(iossl_ctx_reload(ctx, err), IOSSL_ERROR, "half a file");
    is_int(remove(test_path("cert.pem")) == 0 ? iossl_ctx_reload(ctx, err) : IOSSL_OK, IOSSL_ERROR,
           "no file");
    ok(shown_by(ctx) == &two && works(&open), "nor do these");
    ok(ERR_peek_error() == 0, "the error queue is empty");
    install(&one);
    is_int(iossl_ctx_reload(ctx, err), IOSSL_OK, "a good one again");
    ok(shown_by(ctx) == &one, "is shown");
    test_pair_free(&open);
    open = test_pair_new(client_ctx, ctx, "www.example.test");
    iossl_ctx_free(ctx);
    ok(test_pair_shake(&open) && works(&open), "a connection outlives the context");
    test_pair_free(&open);
    iossl_error_free(err);
}

static void
test_not_reloadable(void)
{
    iossl_error *err = iossl_error_new();
    iossl_ctx *ctx = test_server_ctx(&one, NULL);

    is_int(iossl_ctx_reload(ctx, err), IOSSL_ERROR, "a context that wasn't made for it");
    is_int(iossl_error_get_code(err), IOSSL_E_STATE, "can't be reloaded");
    ok(!iossl_ctx_take_reload_error(ctx, err), "and has nothing to tell");
    iossl_ctx_free(ctx);
    ok(iossl_ctx_new_reloadable(NULL, 0, err) == NULL, "no config, no context");
    install(&one);
    write_cert("cert.pem", &two);
    ok(iossl_ctx_new_reloadable(config_of_files(), 1, err) == NULL, "nor of files that don't fit");
    is_int(iossl_error_get_code(err), IOSSL_E_KEY, "says why");
    iossl_error_free(err);
}

/* Connects until the condition is there: the times of files are looked at once a second. */
static bool
becomes(iossl_ctx *ctx, const test_identity *wanted)
{
    int64_t end = iossl_now_ms() + 30000;

    while (iossl_now_ms() < end)
        if (shown_by(ctx) == wanted)
            return true;
    return false;
}

static void
test_by_time(void)
{
    iossl_error *err = iossl_error_new();
    int64_t end = iossl_now_ms() + 30000;
    bool told = false;
    iossl_ctx *ctx;

    install(&one);
    ctx = iossl_ctx_new_reloadable(config_of_files(), 1, err);
    ok(shown_by(ctx) == &one && !iossl_ctx_take_reload_error(ctx, err), "the first certificate");
    install(&two);
    ok(becomes(ctx, &two), "a changed file is noticed");
    (void)iossl_ctx_take_reload_error(ctx, err);    /* of between the two files, perhaps */
    (void)test_write_text("key.pem", "no key\n");
    while (!told && iossl_now_ms() < end) {
        if (shown_by(ctx) != &two)
            break;
        told = iossl_ctx_take_reload_error(ctx, err);
    }
    ok(told, "a bad one changes nothing, and there is something to tell");
    like(iossl_error_message(err), "key.pem", "about that file");
    ok(!iossl_ctx_take_reload_error(ctx, err), "once");
    install(&one);
    ok(becomes(ctx, &one), "a good one is loaded again");
    iossl_ctx_free(ctx);
    iossl_error_free(err);
}

/* Chains that are looked at by themselves are held against the CAs of today. */
static void
test_chains_alone(void)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);
    iossl_ctx *ctx;
    iossl_diagnosis *d;

    write_cert("trust.pem", &two);
    if (iossl_config_set_ca_file(config, test_path("trust.pem"), NULL) != IOSSL_OK)
        bail_out("config");
    ctx = iossl_ctx_new_reloadable(config, 0, NULL);
    for (int i = 0; i < 2; i++) {
        d = iossl_diagnose(ctx, IOSSL_CLIENT, one.cert, NULL, "www.example.test", 0, NULL);
        is_size(d == NULL ? 99 : iossl_diagnosis_count(d), i == 0 ? 1 : 0, "%s",
                i == 0 ? "a CA that isn't trusted" : "is found as soon as it is");
        iossl_diagnosis_free(d);
        write_cert("trust.pem", &ca);
        is_int(iossl_ctx_reload(ctx, NULL), IOSSL_OK, "reload");
    }
    iossl_ctx_free(ctx);
}

/* Where no CAs are named, the system's are watched. */
static void
test_default_ca(void)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);
    int64_t end = iossl_now_ms() + 30000;
    bool trusted = false;
    iossl_ctx *ctx, *server;

    write_cert("system.pem", &two);
    (void)setenv("SSL_CERT_FILE", test_path("system.pem"), 1);
    (void)setenv("SSL_CERT_DIR", test_path("none"), 1);
    install(&one);
    server = iossl_ctx_new_reloadable(config_of_files(), 0, NULL);
    ctx = iossl_ctx_new_reloadable(config, 1, NULL);
    for (bool first = true; !trusted && iossl_now_ms() < end; first = false) {
        test_pair pair = test_pair_new(ctx, server, "www.example.test");

        trusted = test_pair_shake(&pair);
        test_pair_free(&pair);
        if (first)
            ok(!trusted, "a CA that the system doesn't know");
        if (first)
            write_cert("system.pem", &ca);
    }
    ok(trusted, "is trusted when it does");
    iossl_ctx_free(ctx);
    iossl_ctx_free(server);
    (void)unsetenv("SSL_CERT_FILE");
    (void)unsetenv("SSL_CERT_DIR");
}

/* Sessions go on where the same CAs are trusted, and else don't. */
static void
test_sessions(void)
{
    iossl_session_cache *cache = iossl_session_cache_new(4, NULL);
    iossl_config *config;
    iossl_ctx *ctx;

    install(&one);
    write_cert("clients.pem", &ca);
    config = config_of_files();
    if (iossl_config_set_client_ca_file(config, test_path("clients.pem"), NULL) != IOSSL_OK
        || iossl_config_set_ca_file(config, test_path("clients.pem"), NULL) != IOSSL_OK
        || iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER, NULL) != IOSSL_OK)
        bail_out("config");
    ctx = iossl_ctx_new_reloadable(config, 0, NULL);
    for (int i = 0; i < 3; i++) {
        test_pair pair = test_pair_new(client_ctx, ctx, "www.example.test");

        if (iossl_conn_set_session_cache(pair.client, cache, "key", NULL) != IOSSL_OK
            || !test_pair_shake(&pair) || !works(&pair))
            bail_out("handshake");
        is_int(iossl_conn_is_resumed(pair.client), i == 1, "%s",
               i == 0 ? "a session" : i == 1 ? "goes on after certificates were reloaded"
                                             : "but not after the CAs changed");
        if (iossl_shutdown(pair.client, false, IOSSL_POLL, NULL) != IOSSL_OK)
            bail_out("shutdown");
        test_pair_free(&pair);
        if (i == 0)
            install(&two);
        else
            write_cert("clients.pem", &two);
        if (iossl_ctx_reload(ctx, NULL) != IOSSL_OK)
            bail_out("reload");
    }
    iossl_ctx_free(ctx);
    iossl_session_cache_free(cache);
}

/* ---- Threads --------------------------------------------------------------------------------- */

static atomic_bool is_over;

static void *
connect_always(void *ctx)
{
    intptr_t bad = 0;

    while (!atomic_load(&is_over))
        bad += shown_by(ctx) == NULL;
    return (void *)bad;
}

static void
test_threads(void)
{
    pthread_t threads[3];
    iossl_ctx *ctx;
    int failed = 0;
    intptr_t bad = 0;

    install(&one);
    ctx = iossl_ctx_new_reloadable(config_of_files(), 1, NULL);
    for (int i = 0; i < 3; i++)
        if (pthread_create(&threads[i], NULL, connect_always, ctx) != 0)
            bail_out("thread");
    for (int i = 0; i < 40; i++)
        failed += iossl_ctx_reload(ctx, NULL) != IOSSL_OK;
    atomic_store(&is_over, true);
    for (int i = 0; i < 3; i++) {
        void *result;

        (void)pthread_join(threads[i], &result);
        bad += (intptr_t)result;
    }
    is_int(failed, 0, "reloading while others connect");
    is_int(bad, 0, "disturbs none of them");
    iossl_ctx_free(ctx);
}

/* A callback of the load that wants to load. */
static iossl_ctx *reentrant;
static iossl_error *reentrant_error;

static bool
load_within(void *arg, SSL_CTX *ssl_ctx)
{
    (void)arg;
    (void)ssl_ctx;
    return reentrant == NULL || iossl_ctx_reload(reentrant, reentrant_error) == IOSSL_ERROR;
}

static void
test_reentrance(void)
{
    iossl_config *config = config_of_files();

    reentrant_error = iossl_error_new();
    iossl_config_set_ssl_ctx_cb(config, load_within, NULL);
    reentrant = iossl_ctx_new_reloadable(config, 0, NULL);
    is_int(iossl_ctx_reload(reentrant, NULL), IOSSL_OK, "a callback that reloads ends nothing");
    like(iossl_error_message(reentrant_error), "a callback of this very reload", "and is told");
    iossl_ctx_free(reentrant);
    iossl_error_free(reentrant_error);
}

int
main(void)
{
    tap_start();
    test_folder_make();
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    one = test_identity_make(&(test_cert_spec){
        .common_name = "one", .altnames = "DNS:www.example.test", .issuer = &ca, .serial = 2});
    two = test_identity_make(&(test_cert_spec){
        .common_name = "two", .altnames = "DNS:www.example.test", .issuer = &ca, .serial = 3});
    client_ctx = test_client_ctx(&ca, NULL);
    test_by_command();
    test_not_reloadable();
    test_by_time();
    test_chains_alone();
    test_default_ca();
    test_sessions();
    test_threads();
    test_reentrance();
    iossl_ctx_free(client_ctx);
    test_identity_free(&one);
    test_identity_free(&two);
    test_identity_free(&ca);
    return done_testing();
}
