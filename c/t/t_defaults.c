/*
 * t_defaults.c - what a program gets that sets nothing: the safe way, or an error.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "iossl.h"
#include "support_files.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf, stranger;
static iossl_ctx *server_ctx, *stranger_ctx;
static iossl_error *err;

/* ---- A server in a thread -------------------------------------------------------------------- */

typedef struct {
    iossl_ctx *ctx;
    iossl_listener *listener;
    pthread_t thread;
    char port[8];
    iossl_status status;    /* of its handshake */
} server;

static void *
serve(void *arg)
{
    server *s = arg;
    iossl_conn *conn = NULL;

    if (iossl_accept(&conn, s->ctx, s->listener, IOSSL_FOREVER, NULL) == IOSSL_OK)
        s->status = iossl_handshake(conn, IOSSL_FOREVER, NULL);
    iossl_conn_free(conn);
    return NULL;
}

static server *
server_new(iossl_ctx *ctx)
{
    server *s = calloc(1, sizeof *s);

    if (s == NULL || (s->listener = iossl_listener_new("127.0.0.1", "0", err)) == NULL)
        bail_out("no server");
    s->ctx = ctx;
    (void)snprintf(s->port, sizeof s->port, "%d", iossl_listener_get_port(s->listener));
    if (pthread_create(&s->thread, NULL, serve, s) != 0)
        bail_out("no thread");
    return s;
}

static void
server_free(server *s)
{
    (void)pthread_join(s->thread, NULL);
    iossl_listener_free(s->listener);
    free(s);
}

/* ---- Three calls ----------------------------------------------------------------------------- */

/* The three calls of iossl.h's first example, to this host; true: connected. */
static bool
connect_in_three_calls(server *s, const char *host)
{
    iossl_config *config;
    iossl_ctx *ctx;
    iossl_conn *conn;
    iossl_status status;

    iossl_error_clear(err);
    config = iossl_config_new(IOSSL_CLIENT, err);
    ctx = iossl_ctx_new(config, err);
    status = iossl_connect(&conn, ctx, host, s->port, 30000, err);
    iossl_conn_free(conn);
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    return status == IOSSL_OK;
}

static void
test_three_calls_verify_chain_and_name(void)
{
    server *s = server_new(server_ctx);

    ok(connect_in_three_calls(s, "127.0.0.1"),
       "a client made with three calls connects where chain and name are good: %s",
       iossl_error_message(err));
    server_free(s);

    s = server_new(stranger_ctx);
    ok(!connect_in_three_calls(s, "127.0.0.1"),
       "a client made with three calls refuses a chain that it has no reason to trust");
    is_int(iossl_error_get_code(err), IOSSL_E_VERIFY, "because of the chain");
    server_free(s);

    s = server_new(server_ctx);
    ok(!connect_in_three_calls(s, "localhost"),
       "a client made with three calls refuses a certificate for another name");
    is_int(iossl_error_get_code(err), IOSSL_E_NAME, "because of the name");
    server_free(s);
}

/* The first of the calls fails: the others take what it gave, and the reason isn't lost. */
static void
test_failures_pass_through(void)
{
    iossl_conn *conn;
    iossl_ctx *ctx;

    iossl_error_clear(err);
    iossl_error_set(err, IOSSL_E_MEMORY, IOSSL_RANK_FATAL, "the first reason");
    ctx = iossl_ctx_new(NULL, err);
    ok(ctx == NULL, "no context of no config");
    is_int(iossl_connect(&conn, ctx, "127.0.0.1", "1", 30000, err), IOSSL_ERROR,
           "no connection of no context");
    ok(conn == NULL, "none at all");
    is_str(iossl_error_message(err), "the first reason", "the first reason stays");
    iossl_error_clear(err);
    ok(iossl_conn_new(ctx, IOSSL_CLIENT, iossl_transport_new_fd(0, err), err) == NULL,
       "nor with a transport of its own");
    is_int(iossl_error_get_code(err), IOSSL_E_USAGE, "which says so where there was no reason");
}

/* ---- Without a name -------------------------------------------------------------------------- */

static void
test_forgotten_name_is_an_error(void)
{
    iossl_ctx *ctx = test_client_ctx(&ca, NULL);
    test_pair pair = test_pair_new(ctx, server_ctx, NULL);

    ok(!test_pair_shake(&pair), "forgetting the host name is an error, not a silent pass");
    is_int(pair.client_status, IOSSL_ERROR, "of the handshake");
    is_int(iossl_error_get_code(pair.client_error), IOSSL_E_NO_NAME, "with its own code");
    ok(strlen(iossl_error_message(pair.client_error)) > 20, "and a sentence: %s",
       iossl_error_message(pair.client_error));
    ok(!iossl_conn_is_established(pair.client), "there is no connection");
    test_pair_free(&pair);

    pair = test_pair_new(ctx, server_ctx, NULL);
    is_int(iossl_conn_set_sni(pair.client, "www.example.test", NULL), IOSSL_OK, "a name to send");
    ok(!test_pair_shake(&pair), "is no name to verify");
    is_int(iossl_error_get_code(pair.client_error), IOSSL_E_NO_NAME, "so that is the same error");
    test_pair_free(&pair);
    iossl_ctx_free(ctx);
}

/* ---- How it ends ----------------------------------------------------------------------------- */

static void
test_truncation_is_told_from_a_clean_end(bool is_clean)
{
    iossl_ctx *ctx = test_client_ctx(&ca, NULL);
    test_pair pair = test_pair_new(ctx, server_ctx, "www.example.test");
    char buf[16];
    size_t n;

    ok(test_pair_shake(&pair), "a connection");
    is_int(iossl_write_all(pair.server, "data", 4, NULL, IOSSL_POLL, NULL), IOSSL_OK, "some data");
    if (is_clean)
        is_int(iossl_shutdown(pair.server, false, IOSSL_POLL, NULL), IOSSL_OK, "a close_notify");
    iossl_conn_free(pair.server);
    pair.server = NULL;
    is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, pair.client_error), IOSSL_OK,
           "what arrived is read");
    is_mem(buf, n, "data", 4, "unchanged");
    if (is_clean) {
        is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, pair.client_error),
               IOSSL_EOF, "a clean end is IOSSL_EOF");
        is_int(iossl_error_get_code(pair.client_error), IOSSL_E_NONE, "and no error");
    } else {
        is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, pair.client_error),
               IOSSL_ERROR, "a truncated stream isn't IOSSL_EOF");
        is_int(iossl_error_get_code(pair.client_error), IOSSL_E_TRUNCATED, "but told as such");
        is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_ERROR,
               "as often as asked");
    }
    test_pair_free(&pair);
    iossl_ctx_free(ctx);
}

/* ---- Protocols ------------------------------------------------------------------------------- */

static void
allow_tls11_only(iossl_config *config)
{
    if (iossl_config_set_version(config, "TLSv1_1", NULL) != IOSSL_OK
        || iossl_config_set_cipher_list(config, NULL, "ALL:@SECLEVEL=0", NULL) != IOSSL_OK)
        bail_out("no TLS 1.1");
}

static void
test_old_protocols_are_refused(void)
{
    iossl_ctx *ctx = test_client_ctx(&ca, NULL);
    iossl_ctx *old_ctx = test_server_ctx(&leaf, allow_tls11_only);
    test_pair pair = test_pair_new(ctx, old_ctx, "www.example.test");

    ok(!test_pair_shake(&pair), "a peer of TLS 1.1 is refused");
    is_int(iossl_error_get_code(pair.client_error), IOSSL_E_HANDSHAKE, "in the handshake");
    test_pair_free(&pair);
    iossl_ctx_free(old_ctx);
    iossl_ctx_free(ctx);
}

int
main(void)
{
    BIO *pem = BIO_new(BIO_s_mem());

    tap_start();
    test_folder_make();
    err = iossl_error_new();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(
        &(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test,IP:127.0.0.1"});
    stranger = test_identity_make(
        &(test_cert_spec){.common_name = "stranger", .altnames = "IP:127.0.0.1"});
    if (PEM_write_bio_X509(pem, ca.cert) != 1)
        bail_out("no PEM");
    /* The system's trust, as an administrator would set it. */
    (void)setenv("SSL_CERT_FILE", test_write_bio("ca.pem", pem), 1);
    (void)setenv("SSL_CERT_DIR", test_path("nowhere"), 1);
    server_ctx = test_server_ctx(&leaf, NULL);
    stranger_ctx = test_server_ctx(&stranger, NULL);
    test_three_calls_verify_chain_and_name();
    test_failures_pass_through();
    test_forgotten_name_is_an_error();
    test_truncation_is_told_from_a_clean_end(true);
    test_truncation_is_told_from_a_clean_end(false);
    test_old_protocols_are_refused();
    iossl_ctx_free(server_ctx);
    iossl_ctx_free(stranger_ctx);
    test_identity_free(&stranger);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    iossl_error_free(err);
    return done_testing();
}
