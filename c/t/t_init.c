/*
 * t_init.c - what is made once in a process, with each of its allocations failing: it fails for ever and says
 * so, or does without. A process of its own for each, since there is one first time in each.
 */
#include <sys/wait.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "castore.h"
#include "init.h"
#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

/* First what is ours; then comes OpenSSL's way to a digest, which is long. */
#define EACH_ONE 60
#define STEP 200

static long seen, fails_at;     /* the allocation that fails; 0: none */
static bool goes_on;            /* and so do all after it */
static test_identity ca, leaf;

static bool
fails(void)
{
    seen++;
    return fails_at != 0 && (goes_on ? seen >= fails_at : seen == fails_at);
}

static void *
give(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size == 0 || fails() ? NULL : malloc(size);
}

static void
take(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

static void *
give_again(void *p, size_t size, const char *file, int line)
{
    if (size == 0) {
        take(p, file, line);
        return NULL;
    }
    return fails() ? NULL : realloc(p, size);
}

/* What came of one first time, from a child to its parent. */
typedef enum { BROKEN = 1, FAILED, DONE, UNTOUCHED } outcome;

static bool
shakes_hands(void)
{
    iossl_ctx *client = test_client_ctx(&ca, NULL), *server = test_server_ctx(&leaf, NULL);
    test_pair pair = test_pair_new(client, server, "www.example.test");
    bool is_shaken = test_pair_shake(&pair);

    test_pair_free(&pair);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    return is_shaken;
}

/* A file without certificates: told as such, or, if there is no cache of such files, as want of memory. */
static iossl_error_code
code_of_ca_file(void)
{
    iossl_error *err = iossl_error_new();
    X509_STORE *store = X509_STORE_new();
    iossl_error_code code = IOSSL_E_NONE;

    if (iossl_castore_add(store, "/dev/null", NULL, err) == IOSSL_ERROR)
        code = iossl_error_get_code(err);
    X509_STORE_free(store);
    iossl_error_free(err);
    return code;
}

static outcome
try_first_time(long n)
{
    size_t n_parsed;
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    outcome result = BROKEN;
    bool is_made;

    seen = 0;
    fails_at = n;
    iossl_castore_flush();
    is_made = iossl_init(err);
    fails_at = 0;
    if (ERR_peek_error() != 0) {
        diag("%ld: an error is left behind", n);
    } else if (is_made) {
        const EVP_MD *md = iossl_init_sha256();

        iossl_error_code code = code_of_ca_file();

        if (md == NULL || EVP_MD_size(md) != 32 || iossl_castore_cached(&n_parsed) != 0)
            diag("%ld: no digest", n);
        else if (code == IOSSL_E_MEMORY && code_of_ca_file() == code)
            result = FAILED;
        else if (code == IOSSL_E_CA && shakes_hands())
            result = seen < n ? UNTOUCHED : DONE;
    } else if (iossl_error_get_code(err) == IOSSL_E_MEMORY && iossl_error_message(err)[0] != '\0') {
        /* There is memory now, but no second first time. */
        iossl_error_clear(err);
        if (!iossl_init(NULL) && iossl_ctx_new(config, err) == NULL
            && iossl_error_get_code(err) == IOSSL_E_MEMORY && iossl_init_sha256() != NULL)
            result = FAILED;
    }
    iossl_config_free(config);
    iossl_error_free(err);
    return result;
}

static outcome
in_child(long n)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        tap_alarm(TAP_WATCHDOG_SECONDS);
        exit((int)try_first_time(n));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        bail_out("fork");
    return WIFEXITED(status) && WEXITSTATUS(status) <= UNTOUCHED ? (outcome)WEXITSTATUS(status) : BROKEN;
}

static void
try_each(bool persistent)
{
    const char *how = persistent ? "and all after it" : "alone";
    long n_failed = 0, n_done = 0, first_broken = 0;
    outcome result = DONE;
    long n;

    goes_on = persistent;
    for (n = 1; result != UNTOUCHED && n < 20000; n += n < EACH_ONE ? 1 : STEP) {
        result = in_child(n);
        n_failed += result == FAILED;
        n_done += result == DONE;
        if (result <= BROKEN && first_broken == 0)
            first_broken = n;
    }
    is_int(first_broken, 0, "%s: each first time works, or fails for ever and says why", how);
    ok(n_failed > 5, "%s: %ld fail", how, n_failed);
    ok(n_done > 0, "%s: %ld are made up for", how, n_done);
    is_int(result, UNTOUCHED, "%s: to the last of them", how);
}

int
main(void)
{
    if (CRYPTO_set_mem_functions(give, give_again, take) != 1)
        bail_out("OpenSSL has allocated already");
    tap_start();
    tap_alarm(300);             /* hundreds of processes */
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.common_name = "www.example.test",
        .altnames = "DNS:www.example.test", .issuer = &ca});
    try_each(false);
    try_each(true);
    test_identity_free(&ca);
    test_identity_free(&leaf);
    return done_testing();
}
