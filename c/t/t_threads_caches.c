/*
 * t_threads_caches.c - what threads share beside contexts: caches of sessions, of OCSP answers and of CA
 * files, suffix lists. Each thread comes to its own verdicts; tools/test --threads looks for races.
 */
#include <pthread.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "iossl.h"
#include "support_files.h"
#include "support_pair.h"
#include "tap.h"

#define N_THREADS 6
#define N_ROUNDS 30
#define NAME "www.example.test"

static test_identity ca, leaf;
static iossl_ctx *client_ctx, *server_ctx;
static iossl_session_cache *sessions;
static iossl_ocsp_cache *answers;
static const char *ca_file;

/* What one thread found; TAP is spoken by the main thread alone. */
typedef struct {
    int number, good, resumed;
    char wrong[200];
} report;

static void
note(report *rep, const char *what, const char *more)
{
    if (rep->wrong[0] == '\0')
        snprintf(rep->wrong, sizeof rep->wrong, "%s: %.150s", what, more);
}

/* All under one key of one small cache: sessions are added, taken out and dropped all the time. */
static void
resume(report *rep, int round)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, NAME);
    char byte, key[16];
    size_t n;

    snprintf(key, sizeof key, "peer %d", round % 3);
    if (iossl_conn_set_session_cache(pair.client, sessions, key, pair.client_error) != IOSSL_OK
        || !test_pair_shake(&pair))
        note(rep, "handshake", iossl_error_message(pair.client_error));
    else if (iossl_write(pair.server, "x", 1, &n, IOSSL_POLL, pair.server_error) != IOSSL_OK
             || iossl_read(pair.client, &byte, 1, &n, IOSSL_POLL, pair.client_error) != IOSSL_OK)
        note(rep, "data", iossl_error_message(pair.client_error));
    else
        rep->good++;
    rep->resumed += iossl_conn_is_resumed(pair.client) ? 1 : 0;
    if (round % 10 == 9)
        (void)iossl_session_cache_del(sessions, key, NULL);
    test_pair_free(&pair);
}

static void
see(void *arg, const iossl_ocsp_entry *entry)
{
    *(int *)arg = entry->reason;
}

static void
ask_ocsp(report *rep, int round)
{
    iossl_ocsp_entry entry = {.status = IOSSL_OCSP_STATUS_GOOD, .reason = round, .expires = INT64_MAX};
    char key[16];
    int reason = -1;

    for (int i = 0; i < 50; i++) {
        size_t len = (size_t)snprintf(key, sizeof key, "key %d", (round + i) % 12);

        if (!iossl_ocsp_cache_put(answers, key, len, &entry))
            note(rep, "OCSP cache", "not taken");
        if (iossl_ocsp_cache_get(answers, key, len, see, &reason) && (reason < 0 || reason > N_ROUNDS))
            note(rep, "OCSP cache", "another value than any thread put there");
    }
    rep->good++;
}

/* Contexts from one file, whose bundle is shared, found, dropped and read again. */
static void
use_ca_file(report *rep, int round)
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_ctx *ctx = NULL;

    if (config == NULL || iossl_config_set_ca_file(config, ca_file, err) != IOSSL_OK
        || (ctx = iossl_ctx_new(config, err)) == NULL)
        note(rep, "context", iossl_error_message(err));
    else if (iossl_verify_chain(ctx, IOSSL_CLIENT, leaf.cert, NULL, NAME, 0, err) != IOSSL_OK)
        note(rep, "chain", iossl_error_message(err));
    else
        rep->good++;
    if (round % 7 == rep->number)
        iossl_castore_flush();
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    iossl_error_free(err);
}

static void
ask_suffixes(report *rep, int round)
{
    const iossl_psl *list = iossl_psl_builtin(round % 2 == 0 ? IOSSL_PSL_ICANN : IOSSL_PSL_ALL);
    char *ascii = NULL, *file = NULL, *path = NULL;

    if (iossl_psl_suffix_labels(list, "www.example.co.uk", 17, 1) != 2)
        note(rep, "suffix", "not co.uk");
    if (iossl_idn_to_ascii(&ascii, "b\xc3\xbc" "cher.test", 12, NULL) != IOSSL_OK
        || strcmp(ascii, "xn--bcher-kva.test") != 0)
        note(rep, "IDN", ascii == NULL ? "none" : ascii);
    if (iossl_default_ca(&file, &path, NULL) != IOSSL_OK)
        note(rep, "default CA", "an error");
    iossl_free(ascii);
    iossl_free(file);
    iossl_free(path);
    rep->good++;
}

static const struct {
    const char *what;
    void (*once)(report *rep, int round);
} KINDS[] = {{"one cache of sessions", resume}, {"one cache of OCSP answers", ask_ocsp},
             {"one file of CAs", use_ca_file}, {"suffix lists, IDN, the default CA", ask_suffixes}};

#define N_KINDS (sizeof KINDS / sizeof KINDS[0])

static size_t kind;             /* set before threads start */

static void *
work(void *arg)
{
    report *rep = arg;

    for (int round = 0; round < N_ROUNDS; round++) {
        KINDS[kind == N_KINDS ? (size_t)(round + rep->number) % N_KINDS : kind].once(rep, round);
        if (ERR_peek_error() != 0)
            note(rep, "error queue", "not empty");
    }
    return NULL;
}

static void
run_kind(const char *what)
{
    report reports[N_THREADS] = {{0}};
    pthread_t threads[N_THREADS];
    int resumed = 0;

    for (int i = 0; i < N_THREADS; i++) {
        reports[i].number = i;
        if (pthread_create(&threads[i], NULL, work, &reports[i]) != 0)
            bail_out("no thread");
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
        is_int(reports[i].good, N_ROUNDS, "%s: thread %d", what, i);
        is_str(reports[i].wrong, "", "... without a complaint");
        resumed += reports[i].resumed;
    }
    if (KINDS[kind % N_KINDS].once == resume && kind < N_KINDS)
        ok(resumed > 0, "... and sessions of other threads are resumed (%d)", resumed);
}

int
main(void)
{
    BIO *pem = BIO_new(BIO_s_mem());

    tap_start();
    test_folder_make();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:" NAME});
    if (pem == NULL || PEM_write_bio_X509(pem, ca.cert) != 1)
        bail_out("PEM");
    ca_file = test_write_bio("ca.pem", pem);
    test_make_old(ca_file, 60);
    client_ctx = test_client_ctx(&ca, NULL);
    server_ctx = test_server_ctx(&leaf, NULL);
    sessions = iossl_session_cache_new(4, NULL);
    answers = iossl_ocsp_cache_new(8, NULL);
    for (kind = 0; kind < N_KINDS; kind++)
        run_kind(KINDS[kind].what);
    run_kind("all at once");
    ok(iossl_session_cache_count(sessions) <= 4, "the cache of sessions keeps to its size");
    ok(iossl_ocsp_cache_count(answers) <= 8, "so does that of answers");
    iossl_session_cache_free(sessions);
    iossl_ocsp_cache_free(answers);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
