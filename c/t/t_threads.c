/*
 * t_threads.c - one context, many threads: each has its own name, verdict and error.
 */
#include <pthread.h>
#include <stdatomic.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

#define N_THREADS 8
#define N_ROUNDS 25

static test_identity ca, leaf[N_THREADS];
static iossl_ctx *client_ctx, *server_ctx;
static iossl_pins *pins;

/* What one thread found; TAP is spoken by the main thread alone. */
typedef struct {
    int number;
    int good;                   /* handshakes that came out as they should */
    char wrong[256];            /* the first that didn't */
} report;

static void
set_hosts(iossl_config *config)
{
    char host[64];

    for (int i = 0; i < N_THREADS; i++) {
        snprintf(host, sizeof host, "host%d.example.test", i);
        if (iossl_config_add_certs(config, host, &leaf[i].cert, 1, NULL) != IOSSL_OK
            || iossl_config_add_key(config, host, leaf[i].key, NULL) != IOSSL_OK)
            bail_out("server config");
    }
}

static void
note(report *rep, const char *what, const char *more)
{
    if (rep->wrong[0] == '\0')
        snprintf(rep->wrong, sizeof rep->wrong, "%s: %.200s", what, more);
}

/* Right names must do, wrong names must not, whatever the other threads ask for meanwhile. */
static void
shake_once(report *rep, int round)
{
    bool wants_match = (round + rep->number) % 3 != 0;
    char host[64], other[64];
    test_pair pair;
    int done;

    snprintf(host, sizeof host, "host%d.example.test", rep->number);
    snprintf(other, sizeof other, "host%d.example.test", (rep->number + 1) % N_THREADS);
    pair = test_pair_new(client_ctx, server_ctx, host);
    if (!wants_match && iossl_conn_set_verify_name(pair.client, other, NULL) != IOSSL_OK)
        note(rep, "set_verify_name", "");
    done = test_pair_shake(&pair);
    if (wants_match && !done)
        note(rep, "refused", iossl_error_message(pair.client_error));
    else if (!wants_match
             && (done || iossl_error_get_code(pair.client_error) != IOSSL_E_NAME
                 || strstr(iossl_error_message(pair.client_error), other) == NULL))
        note(rep, "not refused as it should", iossl_error_message(pair.client_error));
    else if (wants_match && strcmp(iossl_conn_get0_verified_name(pair.client), host) != 0)
        note(rep, "verified name", iossl_conn_get0_verified_name(pair.client));
    else if (wants_match && strcmp(iossl_conn_get0_servername(pair.server), host) != 0)
        note(rep, "server name", iossl_conn_get0_servername(pair.server));
    else if (ERR_peek_error() != 0)
        note(rep, "error queue", "not empty");
    else
        rep->good++;
    test_pair_free(&pair);
}

static void *
shake_many(void *arg)
{
    report *rep = arg;

    for (int round = 0; round < N_ROUNDS; round++)
        shake_once(rep, round);
    return NULL;
}

static void
test_shared_context(void)
{
    report reports[N_THREADS] = {{0}};
    pthread_t threads[N_THREADS];

    for (int i = 0; i < N_THREADS; i++) {
        reports[i].number = i;
        if (pthread_create(&threads[i], NULL, shake_many, &reports[i]) != 0)
            bail_out("no thread");
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (!is_int(reports[i].good, N_ROUNDS, "thread %d got %d verdicts of its own", i, N_ROUNDS))
            diag("%s", reports[i].wrong);
    }
}

/* References come and go in all threads; the last one out frees, whoever that is. */
static void *
ref_many(void *arg)
{
    iossl_ctx *ctx = arg;

    for (int i = 0; i < 20000; i++) {
        iossl_ctx *more = iossl_ctx_up_ref(ctx);
        iossl_pins *pin = iossl_pins_up_ref(pins);

        iossl_ctx_free(more);
        iossl_pins_free(pin);
    }
    iossl_ctx_free(ctx);
    return NULL;
}

static void *
free_conn(void *arg)
{
    iossl_conn_free(arg);
    return NULL;
}

static void
test_references(void)
{
    iossl_ctx *ctx = test_client_ctx(&ca, NULL);
    pthread_t threads[N_THREADS];
    test_pair pair;

    for (int i = 0; i < N_THREADS; i++)
        if (pthread_create(&threads[i], NULL, ref_many, iossl_ctx_up_ref(ctx)) != 0)
            bail_out("no thread");
    iossl_ctx_free(ctx);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    ok(1, "a context outlives each of its owners, and no more");

    pair = test_pair_new(client_ctx, server_ctx, "host0.example.test");
    if (!test_pair_shake(&pair))
        bail_out(iossl_error_message(pair.client_error));
    for (int i = 0; i < N_THREADS; i++)
        if (pthread_create(&threads[i], NULL, free_conn, iossl_conn_up_ref(pair.client)) != 0)
            bail_out("no thread");
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    test_pair_free(&pair);      /* the ends in memory belong to one thread, so the last is ours */
    ok(1, "so does a connection");
}

/* Contexts made at the same time, the first of the process among them, in every thread. */
static void *
make_contexts(void *arg)
{
    report *rep = arg;

    for (int i = 0; i < 10; i++) {
        iossl_error *err = iossl_error_new();
        iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
        iossl_ctx *ctx = NULL;

        if (config != NULL && iossl_config_set_no_default_ca(config, true, err) == IOSSL_OK
            && (ctx = iossl_ctx_new(config, err)) != NULL)
            rep->good++;
        else
            note(rep, "context", iossl_error_message(err));
        iossl_ctx_free(ctx);
        iossl_config_free(config);
        iossl_error_free(err);
    }
    return NULL;
}

static void
test_first_use(void)
{
    report reports[N_THREADS] = {{0}};
    pthread_t threads[N_THREADS];
    int good = 0;

    for (int i = 0; i < N_THREADS; i++)
        if (pthread_create(&threads[i], NULL, make_contexts, &reports[i]) != 0)
            bail_out("no thread");
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
        good += reports[i].good;
    }
    is_int(good, N_THREADS * 10, "any thread may be the first to use the library");
}

int
main(void)
{
    char altname[64];

    tap_start();
    test_first_use();           /* before anything else has initialized it */
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    for (int i = 0; i < N_THREADS; i++) {
        snprintf(altname, sizeof altname, "DNS:host%d.example.test", i);
        leaf[i] = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = altname});
    }
    client_ctx = test_client_ctx(&ca, NULL);
    server_ctx = test_server_ctx(NULL, set_hosts);
    if ((pins = iossl_pins_new(NULL)) == NULL)
        bail_out("pins");
    test_shared_context();
    test_references();
    iossl_pins_free(pins);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
    for (int i = 0; i < N_THREADS; i++)
        test_identity_free(&leaf[i]);
    test_identity_free(&ca);
    return done_testing();
}
