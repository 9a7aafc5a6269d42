/*
 * support.c - see fuzz.h.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/mman.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "support_pair.h"

/* ---- Promises -------------------------------------------------------------------------------- */

void
fuzz_broken(const char *file, int line, const char *sentence)
{
    fprintf(stderr, "%s:%d: broken: %s\n", file, line, sentence);
    ERR_print_errors_fp(stderr);
    abort();
}

static bool
settle(bool failed, iossl_error *err)
{
    FUZZ_PROMISE(ERR_peek_error() == 0, "OpenSSL's queue is empty after every function");
    if (failed) {
        FUZZ_PROMISE(iossl_error_get_code(err) != IOSSL_E_NONE, "a failure has a code");
        FUZZ_PROMISE(iossl_error_message(err)[0] != '\0', "a failure has a sentence");
    }
    iossl_error_clear(err);
    return !failed;
}

bool
fuzz_good(iossl_status status, iossl_error *err)
{
    return settle(status == IOSSL_ERROR, err) && status == IOSSL_OK;
}

bool
fuzz_made(const void *object, iossl_error *err)
{
    return settle(object == NULL, err);
}

void
fuzz_verify_leaf(const iossl_config *config, iossl_error *err)
{
    iossl_ctx *ctx = iossl_ctx_new(config, err);

    if (fuzz_made(ctx, err))
        (void)fuzz_good(iossl_verify_chain(ctx, IOSSL_CLIENT, fuzz_leaf.cert, NULL,
                                           "www.example.test", FUZZ_NOW, err), err);
    iossl_ctx_free(ctx);
}

bool
fuzz_same(X509 *a, X509 *b)
{
    bool same = X509_cmp(a, b) == 0;

    ERR_clear_error();
    return same;
}

/* ---- Time and chance ------------------------------------------------------------------------- */

/* In place of the C library's, for ours and for OpenSSL. */
time_t
time(time_t *where)
{
    if (where != NULL)
        *where = (time_t)FUZZ_NOW;
    return (time_t)FUZZ_NOW;
}

static uint64_t streams[FUZZ_SIDES];
static fuzz_side current = FUZZ_COMMON;

void
fuzz_random_restart(void)
{
    for (int i = 0; i < FUZZ_SIDES; i++)
        streams[i] = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

void
fuzz_random_of(fuzz_side side)
{
    current = side;
}

/* splitmix64, which has no state to get stuck in. */
static int
random_bytes(unsigned char *out, int len)
{
    for (int i = 0; i < len; i++) {
        uint64_t z = streams[current] += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        out[i] = (unsigned char)(z >> 24);
    }
    return 1;
}

static int
random_status(void)
{
    return 1;
}

/* Deprecated since OpenSSL 3, and the one way that reaches all of its randomness at once. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static const RAND_METHOD repeating
    = {.bytes = random_bytes, .pseudorand = random_bytes, .status = random_status};

__attribute__((constructor)) static void
fuzz_start(void)
{
    unsetenv("OPENSSL_CONF");
    setenv("SSL_CERT_FILE", "/nonexistent", 1);
    setenv("SSL_CERT_DIR", "/nonexistent", 1);
    OPENSSL_init_ssl(0, NULL);
    fuzz_random_restart();
    RAND_set_rand_method(&repeating);
}
#pragma GCC diagnostic pop

/* ---- Input ----------------------------------------------------------------------------------- */

uint8_t
fuzz_byte(fuzz_input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

static char *
take(fuzz_input *in, size_t len)
{
    char *copy = malloc(len + 1);

    if (copy == NULL)
        exit(1);
    if (len > 0)
        memcpy(copy, in->at, len);
    copy[len] = '\0';
    in->at += len;
    in->left -= len;
    return copy;
}

char *
fuzz_line(fuzz_input *in, size_t *len)
{
    const uint8_t *end = in->left == 0 ? NULL : memchr(in->at, '\n', in->left);
    char *line;

    *len = end == NULL ? in->left : (size_t)(end - in->at);
    line = take(in, *len);
    (void)fuzz_byte(in);
    return line;
}

char *
fuzz_rest(fuzz_input *in, size_t *len)
{
    *len = in->left;
    return take(in, in->left);
}

/* ---- Files ----------------------------------------------------------------------------------- */

const char *
fuzz_file(const void *bytes, size_t len)
{
    static char path[64];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len) {
        perror("a file in memory");
        exit(1);
    }
    return path;
}

void *
fuzz_read(const char *relative, size_t *len)
{
    char path[1024];
    unsigned char *bytes = malloc(1 << 20);
    FILE *in;

    snprintf(path, sizeof path, "%s/%s", FUZZ_TOP, relative);
    if (bytes == NULL || (in = fopen(path, "rb")) == NULL) {
        perror(path);
        exit(1);
    }
    *len = fread(bytes, 1, 1 << 20, in);
    fclose(in);
    return bytes;
}

void
fuzz_seed(const void *bytes, size_t len)
{
    static int made;
    char name[32];
    FILE *out;

    snprintf(name, sizeof name, "made-%03d", made++);
    if ((out = fopen(name, "wb")) == NULL || fwrite(bytes, 1, len, out) != len
        || fclose(out) != 0) {
        perror(name);
        exit(1);
    }
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *folder = getenv("FUZZ_MAKE_SEEDS");

    (void)argc;
    (void)argv;
    if (folder == NULL)
        return 0;
    if (chdir(folder) != 0) {
        perror(folder);
        exit(1);
    }
    if (fuzz_make_seeds != NULL)
        fuzz_make_seeds();
    exit(0);
}

/* ---- Certificates and contexts --------------------------------------------------------------- */

test_identity fuzz_ca, fuzz_leaf;

void
fuzz_identities(void)
{
    test_cert_spec ca = {.common_name = "Fuzz CA", .is_ca = 1, .from_s = -86400, .to_s = 864000};
    test_cert_spec leaf = {.common_name = "www.example.test",
                           .altnames = "DNS:www.example.test,DNS:*.wild.example.test,IP:192.0.2.1",
                           .issuer = &fuzz_ca,
                           .extensions = "authorityInfoAccess=OCSP;URI:http://ocsp.example.test/",
                           .from_s = -86400,
                           .to_s = 864000};

    if (fuzz_ca.cert != NULL)
        return;
    fuzz_random_restart();
    fuzz_ca = test_identity_make(&ca);
    fuzz_leaf = test_identity_make(&leaf);
}

iossl_ctx *
fuzz_client_ctx(const test_identity *ca, void (*change)(iossl_config *))
{
    return test_client_ctx(ca, change);
}

iossl_ctx *
fuzz_server_ctx(const test_identity *identity, void (*change)(iossl_config *))
{
    return test_server_ctx(identity, change);
}

/* ---- A certificate's whole story ------------------------------------------------------------- */

static bool
verify_as(void *arg, int type, const unsigned char *value, size_t len)
{
    static const char *const schemes[] = {"default", "http", "smtp", "ldap", "none", "rfc4514"};
    X509 *cert = arg;
    iossl_error *err = iossl_error_new();

    if (type == GEN_DNS) {
        for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
            const iossl_scheme *scheme = iossl_scheme_by_name(schemes[i]);
            iossl_match match = iossl_verify_name((const char *)value, len, cert, scheme,
                                                  i % 2 == 0 ? NULL : IOSSL_PSL_NONE, err);

            settle(match != IOSSL_NAME_MATCH, err);
        }
    }
    iossl_error_free(err);
    return true;
}

void
fuzz_describe(X509 *cert, iossl_error *err)
{
    iossl_certinfo *info = iossl_certinfo_new(cert, err);
    char *subject = iossl_cert_subject(cert), *issuer = iossl_cert_issuer(cert), *text = NULL, *cn;
    unsigned char *der;
    size_t len = 0;

    FUZZ_PROMISE(info != NULL, "a certificate that could be loaded can be described");
    FUZZ_PROMISE(subject != NULL && issuer != NULL, "it has names on one line");
    for (size_t i = 0; i < info->n_altnames; i++)
        FUZZ_PROMISE(info->altnames[i].value == NULL
                         || info->altnames[i].value[info->altnames[i].len] == '\0',
                     "a NUL follows an alternative name");
    for (size_t i = 0; i < info->n_extensions; i++)
        FUZZ_PROMISE(info->extensions[i].text == NULL
                         || info->extensions[i].text[info->extensions[i].text_len] == '\0',
                     "a NUL follows an extension's text");
    if ((cn = iossl_cert_common_name(cert, &len)) != NULL)
        FUZZ_PROMISE(cn[len] == '\0', "a NUL follows the common name");
    iossl_cert_altnames(cert, verify_as, cert);
    (void)fuzz_good(iossl_cert_fingerprint(&text, cert, "sha256", true, err), err);
    iossl_free(text);
    if (fuzz_good(iossl_cert_fingerprint(&text, cert, NULL, false, err), err)) {
        iossl_pins *pins = iossl_pins_new(NULL);

        FUZZ_PROMISE(fuzz_good(iossl_pins_add(pins, text, err), err), "its pin can be read");
        FUZZ_PROMISE(iossl_pins_match(pins, cert), "its pin matches");
        iossl_pins_free(pins);
    }
    iossl_free(text);
    der = iossl_cert_to_der(cert, &len, err);
    if (fuzz_made(der, err)) {
        X509 *again = iossl_cert_from_der(der, len, err);

        if (fuzz_made(again, err))
            FUZZ_PROMISE(fuzz_same(cert, again), "its DER is the same certificate");
        X509_free(again);
    }
    iossl_free(der);
    iossl_free(cn);
    iossl_free(subject);
    iossl_free(issuer);
    iossl_certinfo_free(info);
    FUZZ_PROMISE(ERR_peek_error() == 0, "OpenSSL's queue is empty after every function");
}
