/*
 * t_encode.c - certificates and keys go out as PEM and DER and come back the same.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "iossl.h"
#include "support_cert.h"
#include "support_files.h"
#include "tap.h"

static iossl_error *err;
static X509 *first, *second;
static EVP_PKEY *key;

/* What the password callback does and saw. */
typedef struct {
    const char *password; /* NULL: give up */
    int asked;
} asker;

static int
answer(void *arg, char *buf, int size)
{
    asker *a = arg;

    a->asked++;
    if (a->password == NULL || (int)strlen(a->password) > size)
        return -1;
    memcpy(buf, a->password, strlen(a->password));
    return (int)strlen(a->password);
}

static char *
join(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = malloc(size);

    if (text == NULL)
        bail_out("no memory");
    (void)snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

/* Compared by what OpenSSL itself writes of them. */
static bool
same_key(const EVP_PKEY *a, const EVP_PKEY *b)
{
    unsigned char *a_der = NULL, *b_der = NULL;
    int a_len = a != NULL ? i2d_PrivateKey((EVP_PKEY *)a, &a_der) : -1;
    int b_len = b != NULL ? i2d_PrivateKey((EVP_PKEY *)b, &b_der) : -1;
    bool same = a_len > 0 && a_len == b_len && memcmp(a_der, b_der, (size_t)a_len) == 0;

    OPENSSL_free(a_der);
    OPENSSL_free(b_der);
    return same;
}

/* The last error is this one, and the queue is empty; it is cleared. */
static void
check_error(iossl_error_code code, const char *text, const char *what)
{
    is_int(iossl_error_get_code(err), code, "%s: its code", what);
    like(iossl_error_message(err), text, "%s: its words", what);
    is_int(ERR_peek_error(), 0, "%s: nothing left in OpenSSL's queue", what);
    iossl_error_clear(err);
}

static void
test_certs(void)
{
    char *pem = iossl_cert_to_pem(first, err), *pem2 = iossl_cert_to_pem(second, err);
    char *key_pem, *text, *cut;
    STACK_OF(X509) * certs;
    unsigned char *der;
    size_t len, key_len;
    X509 *cert;

    key_pem = iossl_key_to_pem(key, &key_len, err);
    is_int(strncmp(pem, "-----BEGIN CERTIFICATE-----\n", 28), 0, "a certificate as PEM");
    cert = iossl_cert_from_pem(pem, strlen(pem), err);
    ok(cert != NULL && X509_cmp(cert, first) == 0, "comes back the same");
    X509_free(cert);

    text = join("junk before\n", key_pem, pem2);
    cert = iossl_cert_from_pem(text, strlen(text), err);
    ok(cert != NULL && X509_cmp(cert, second) == 0, "junk and a key before it are skipped");
    X509_free(cert);
    free(text);

    text = join(pem, "junk between\n", pem2);
    certs = iossl_certs_from_pem(text, strlen(text), err);
    ok(sk_X509_num(certs) == 2 && X509_cmp(sk_X509_value(certs, 0), first) == 0 &&
           X509_cmp(sk_X509_value(certs, 1), second) == 0,
       "several certificates come in order");
    sk_X509_pop_free(certs, X509_free);
    cert = iossl_cert_from_pem(text, strlen(text), err);
    ok(cert != NULL && X509_cmp(cert, first) == 0, "of several the first is the one");
    X509_free(cert);
    cut = join(text, "", "");
    cut[strlen(text) - 60] = '\0';
    ok(iossl_certs_from_pem(cut, strlen(cut), err) == NULL, "one that is cut off spoils all");
    check_error(IOSSL_E_CERT, "cannot parse string as PEM X509 cert: error:", "cut off");
    free(cut);
    free(text);

    ok(iossl_cert_from_pem("x", 1, err) == NULL, "no PEM is no certificate");
    check_error(IOSSL_E_CERT, "cannot parse string as PEM X509 cert: error:", "no PEM");
    ok(iossl_cert_from_pem(NULL, 0, err) == NULL, "nothing is, too");
    check_error(IOSSL_E_CERT, "cannot parse string as PEM X509 cert: error:", "nothing");
    ok(iossl_certs_from_pem("", 0, err) == NULL, "nothing is no list either");
    check_error(IOSSL_E_CERT, "cannot parse string as PEM X509 cert: error:", "an empty list");
    ok(iossl_cert_from_pem(key_pem, key_len, err) == NULL, "a key is no certificate");
    check_error(IOSSL_E_CERT, "no start line", "a key");

    der = iossl_cert_to_der(first, &len, err);
    cert = iossl_cert_from_der(der, len, err);
    ok(cert != NULL && X509_cmp(cert, first) == 0, "DER comes back the same");
    X509_free(cert);
    ok(iossl_cert_from_der(der, len - 1, err) == NULL, "less than all of it isn't enough");
    check_error(IOSSL_E_CERT, "cannot parse string as DER X509 cert: error:", "cut off DER");
    der = realloc(der, len + 2);
    memset(der + len, 0, 2);
    ok(iossl_cert_from_der(der, len + 2, err) == NULL, "more is too much");
    check_error(IOSSL_E_CERT, "DER X509 cert: 2 bytes follow it", "more");
    ok(iossl_cert_from_der(der, 0, err) == NULL, "nothing is no certificate");
    check_error(IOSSL_E_CERT, "DER X509 cert: it is empty", "nothing");
    iossl_free(der);
    iossl_free(pem);
    iossl_free(pem2);
    iossl_free_secret(key_pem, key_len);
}

static void
test_keys(void)
{
    static const char *const curves[] = {"P-256", "ED25519", "X448"};
    unsigned char *der;
    EVP_PKEY *made, *back;
    X509 *parsed;
    size_t len, i;
    char *pem;

    for (i = 0; i < 4; i++) {
        made = i < 3 ? iossl_key_new_ec(curves[i], err) : iossl_key_new_rsa(1024, err);
        pem = iossl_key_to_pem(made, &len, err);
        is_int(strncmp(pem, "-----BEGIN PRIVATE KEY-----\n", 28), 0, "a key as PEM");
        is_size(len, strlen(pem), "its length is told");
        back = iossl_key_from_pem(pem, len, NULL, NULL, err);
        is_int(same_key(made, back), 1, "it comes back the same");
        EVP_PKEY_free(back);
        der = iossl_key_to_der(made, &len, err);
        back = iossl_key_from_der(der, len, NULL, NULL, err);
        is_int(same_key(made, back), 1, "so does its DER");
        EVP_PKEY_free(back);
        iossl_free_secret(der, len);
        iossl_free_secret(pem, pem != NULL ? strlen(pem) : 0);
        EVP_PKEY_free(made);
    }
    ok(iossl_key_from_pem("x", 1, NULL, NULL, err) == NULL, "no PEM is no key");
    check_error(IOSSL_E_KEY, "cannot parse string as PEM private key:", "no PEM");
    pem = iossl_cert_to_pem(first, err);
    ok(iossl_key_from_pem(pem, strlen(pem), NULL, NULL, err) == NULL, "a certificate is no key");
    check_error(IOSSL_E_KEY, "cannot parse string as PEM private key:", "a certificate");
    iossl_free(pem);
    ok(iossl_key_from_der("\x30\x00", 2, NULL, NULL, err) == NULL, "an empty structure is no key");
    check_error(IOSSL_E_KEY, "cannot parse string as DER private key:", "an empty structure");
    der = iossl_cert_to_der(first, &len, err); /* a certificate as made keeps the whole key */
    parsed = iossl_cert_from_der(der, len, err);
    ok(iossl_key_to_pem(X509_get0_pubkey(parsed), &len, err) == NULL && len == 0,
       "a public key can't be written as a private one");
    check_error(IOSSL_E_KEY, "cannot get string from key:", "a public key");
    iossl_free(der);
    X509_free(parsed);
    iossl_free_secret(NULL, 0);
}

static void
test_encrypted_keys(void)
{
    BIO *pem = BIO_new(BIO_s_mem()), *der = BIO_new(BIO_s_mem()), *old = BIO_new(BIO_s_mem());
    BIO *all[3] = {pem, der, old};
    static const char *const names[] = {"PKCS#8", "PKCS#8 in DER", "the key type's own PEM"};

    PEM_write_bio_PKCS8PrivateKey(pem, key, EVP_aes_128_cbc(), NULL, 0, NULL, "secret");
    i2d_PKCS8PrivateKey_bio(der, key, EVP_aes_128_cbc(), NULL, 0, NULL, "secret");
    PEM_write_bio_PrivateKey_traditional(old, key, EVP_aes_128_cbc(), NULL, 0, NULL, "secret");
    for (size_t i = 0; i < 3; i++) {
        EVP_PKEY *(*parse)(const void *, size_t, iossl_passwd_cb, void *, iossl_error *) =
            all[i] == der ? iossl_key_from_der : iossl_key_from_pem;
        asker right = {"secret", 0}, wrong = {"terces", 0}, none = {NULL, 0};
        EVP_PKEY *back;
        char *bytes;
        size_t len = (size_t)BIO_get_mem_data(all[i], &bytes);

        back = parse(bytes, len, answer, &right, err);
        ok(same_key(back, key), "%s: opened by its password", names[i]);
        is_int(right.asked, 1, "%s: which is asked for once", names[i]);
        EVP_PKEY_free(back);
        ok(parse(bytes, len, answer, &wrong, err) == NULL, "%s: not by another", names[i]);
        check_error(IOSSL_E_KEY, "private key: error:", names[i]);
        is_int(wrong.asked, 1, "%s: which is asked for once", names[i]);
        ok(parse(bytes, len, answer, &none, err) == NULL, "%s: nor by none", names[i]);
        check_error(IOSSL_E_KEY, "private key: error:", names[i]);
        BIO_free(all[i]);
    }
}

static int
mode_of(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? (int)(info.st_mode & 0777) : -1;
}

static void
test_files(void)
{
    X509 *const both[] = {first, second};
    const char *path = test_path("certs.pem"), *key_path = test_path("key.pem");
    const char *missing = test_path("missing/file"), *junk = test_write_text("junk", "junk\n");
    STACK_OF(X509) * certs;
    char words[1200];
    EVP_PKEY *back;
    X509 *cert;
    mode_t mask = umask(022);

    is_int(iossl_certs_to_file(path, both, 2, err), IOSSL_OK, "certificates are written");
    is_int(mode_of(path), 0644, "for all to read");
    certs = iossl_certs_from_file(path, err);
    ok(sk_X509_num(certs) == 2 && X509_cmp(sk_X509_value(certs, 1), second) == 0,
       "and come back in order");
    sk_X509_pop_free(certs, X509_free);
    is_int(iossl_certs_to_file(path, both + 1, 1, err), IOSSL_OK, "a shorter list overwrites");
    certs = iossl_certs_from_file(path, err);
    is_int(sk_X509_num(certs), 1, "and nothing of the longer one is left");
    sk_X509_pop_free(certs, X509_free);
    cert = iossl_cert_from_file(path, err);
    ok(cert != NULL && X509_cmp(cert, second) == 0, "a single one is read");
    X509_free(cert);

    is_int(iossl_key_to_file(key_path, key, err), IOSSL_OK, "a key is written");
    is_int(mode_of(key_path), 0600, "for its owner only");
    back = iossl_key_from_file(key_path, NULL, NULL, err);
    is_int(same_key(back, key), 1, "and comes back the same");
    EVP_PKEY_free(back);
    (void)chmod(key_path, 0640);
    is_int(iossl_key_to_file(key_path, key, err), IOSSL_OK, "it is written once more");
    is_int(mode_of(key_path), 0640, "permissions that were given stay");

    (void)snprintf(words, sizeof words, "cannot read %s: No such file or directory", missing);
    ok(iossl_cert_from_file(missing, err) == NULL, "a missing certificate");
    is_int(iossl_error_get_errno(err), ENOENT, "has its errno");
    check_error(IOSSL_E_FILE, words, "a missing certificate");
    ok(iossl_certs_from_file(missing, err) == NULL, "a missing list");
    check_error(IOSSL_E_FILE, words, "a missing list");
    ok(iossl_key_from_file(missing, NULL, NULL, err) == NULL, "a missing key");
    check_error(IOSSL_E_FILE, words, "a missing key");
    (void)snprintf(words, sizeof words, "cannot parse %s as PEM X509 cert: error:", junk);
    ok(iossl_cert_from_file(junk, err) == NULL, "junk");
    check_error(IOSSL_E_CERT, words, "junk");
    ok(iossl_certs_from_file(junk, err) == NULL, "junk as a list");
    check_error(IOSSL_E_CERT, words, "junk as a list");
    (void)snprintf(words, sizeof words, "cannot parse %s as PEM private key:", junk);
    ok(iossl_key_from_file(junk, NULL, NULL, err) == NULL, "junk as a key");
    check_error(IOSSL_E_KEY, words, "junk as a key");
    (void)snprintf(words, sizeof words, "cannot write %s: No such file or directory", missing);
    is_int(iossl_certs_to_file(missing, both, 2, err), IOSSL_ERROR, "a folder that isn't there");
    check_error(IOSSL_E_FILE, words, "a folder that isn't there");
    is_int(iossl_key_to_file(missing, key, err), IOSSL_ERROR, "nor is one for a key");
    check_error(IOSSL_E_FILE, words, "a folder that isn't there");
    if (access("/dev/full", W_OK) == 0) {
        is_int(iossl_certs_to_file("/dev/full", both, 2, err), IOSSL_ERROR, "a full disk");
        check_error(IOSSL_E_FILE, "cannot write /dev/full: No space left", "a full disk");
    } else {
        skip(4, "no /dev/full here");
    }
    (void)umask(mask);
}

int
main(void)
{
    tap_start();
    test_folder_make();
    err = iossl_error_new();
    first = test_cert("first", NULL);
    second = test_cert("second", "DNS:second.test");
    if ((key = iossl_key_new_ec("P-256", err)) == NULL)
        bail_out(iossl_error_message(err));
    test_certs();
    test_keys();
    test_encrypted_keys();
    test_files();
    X509_free(first);
    X509_free(second);
    EVP_PKEY_free(key);
    iossl_error_free(err);
    return done_testing();
}
