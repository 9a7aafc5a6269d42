/*
 * t_fingerprint.c - digests of certificates, and pins written in every way.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_cert.h"
#include "tap.h"

/* Puts a colon behind each byte and makes letters upper case, from the hex part on. */
static void
decorate(char *out, const char *text)
{
    const char *hex = strrchr(text, '$');
    size_t i, n = 0;

    hex = hex != NULL ? hex + 1 : text;
    while (text < hex)
        out[n++] = *text++;
    for (i = 0; hex[i] != '\0'; i++) {
        if (i > 0 && i % 2 == 0)
            out[n++] = ':';
        out[n++] = (char)(hex[i] >= 'a' && hex[i] <= 'f' ? hex[i] - 'a' + 'A' : hex[i]);
    }
    out[n] = '\0';
}

static bool
pin_matches(const char *text, const X509 *cert)
{
    iossl_error *err = iossl_error_new();
    iossl_pins *pins = iossl_pins_new(err);
    bool matches = false;

    if (iossl_pins_add(pins, text, err) == IOSSL_OK)
        matches = iossl_pins_match(pins, cert);
    else
        diag("%s", iossl_error_message(err));
    iossl_pins_free(pins);
    iossl_error_free(err);
    return matches;
}

static void
test_digests(X509 *cert)
{
    iossl_error *err = iossl_error_new();
    unsigned char digest[EVP_MAX_MD_SIZE], expected[EVP_MAX_MD_SIZE];
    unsigned int expected_len = 0;
    char *text, *pub;
    size_t len;

    X509_digest(cert, EVP_sha256(), expected, &expected_len);
    is_int(iossl_cert_digest(cert, NULL, false, digest, &len, err), IOSSL_OK,
           "a digest without algorithm");
    is_mem(digest, len, expected, expected_len, "is that of the DER form with SHA-256");
    X509_pubkey_digest(cert, EVP_sha1(), expected, &expected_len);
    is_int(iossl_cert_digest(cert, "sha1", true, digest, &len, err), IOSSL_OK,
           "a digest of the public key");
    is_mem(digest, len, expected, expected_len, "is that of its bits");

    is_int(iossl_cert_fingerprint(&text, cert, NULL, false, err), IOSSL_OK, "a fingerprint");
    ok(strncmp(text, "sha256$", 7) == 0 && strlen(text) == 7 + 64
           && strspn(text + 7, "0123456789abcdef") == 64,
       "as text is sha256$ and lower-case hex: %s", text);
    iossl_free(text);
    is_int(iossl_cert_fingerprint(&pub, cert, "SHA512", true, err), IOSSL_OK, "one of the key");
    ok(strncmp(pub, "sha512$pub$", 11) == 0 && strlen(pub) == 11 + 128,
       "is sha512$pub$ and hex: %.20s", pub);
    iossl_free(pub);
    is_int(iossl_error_get_code(err), IOSSL_E_NONE, "success leaves the error as it was");

    len = 5;
    is_int(iossl_cert_digest(cert, "sha257", false, digest, &len, err), IOSSL_ERROR,
           "an unknown algorithm is an error");
    is_size(len, 0, "its output is cleared");
    is_int(iossl_error_get_code(err), IOSSL_E_USAGE, "which is the program's");
    is_str(iossl_error_message(err), "Digest algorithm sha257 is not available", "and is named");
    is_int(ERR_peek_error(), 0, "nothing is left in OpenSSL's queue");
    text = (char *)"x";
    is_int(iossl_cert_fingerprint(&text, cert, "nix", false, NULL), IOSSL_ERROR,
           "it fails without an error object too");
    ok(text == NULL, "its output is cleared");
    iossl_error_free(err);
}

static void
test_forms(X509 *cert, X509 *other)
{
    static const char *const algorithms[] = { "md5", "sha1", "sha256", "sha384", "sha512" };
    char decorated[512], *text;
    size_t i;

    for (i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        int pubkey;

        for (pubkey = 0; pubkey < 2; pubkey++) {
            if (iossl_cert_fingerprint(&text, cert, algorithms[i], pubkey == 1, NULL) != IOSSL_OK)
                bail_out("no fingerprint");
            ok(pin_matches(text, cert), "%.12s... matches its certificate", text);
            ok(!pin_matches(text, other), "%.12s... doesn't match another", text);
            decorate(decorated, text);
            ok(pin_matches(decorated, cert), "%.16s... with colons matches too", decorated);
            if (pubkey == 0 && i < 3) {
                ok(pin_matches(strchr(text, '$') + 1, cert),
                   "bare hex is taken for %s by its length", algorithms[i]);
                ok(pin_matches(strchr(decorated, '$') + 1, cert), "bare hex with colons too");
            }
            iossl_free(text);
        }
    }
    if (iossl_cert_fingerprint(&text, cert, "sha256", true, NULL) != IOSSL_OK)
        bail_out("no fingerprint");
    memcpy(text, "SHA256$PUB$", 11);
    ok(pin_matches(text, cert), "the names of algorithm and key may be in upper case");
    text[strlen(text) - 1] = (char)(text[strlen(text) - 1] == '0' ? '1' : '0');
    ok(!pin_matches(text, cert), "a difference in the last digit is one");
    iossl_free(text);
}

/* As curl and HTTP public key pinning have it, computed here by other means. */
static void
test_pubkey_info(X509 *cert, X509 *other)
{
    unsigned char *der = NULL, digest[32], base64[45];
    int len = i2d_PUBKEY(X509_get0_pubkey(cert), &der);
    char pin[128], two[256];
    char *text, *of_other;

    if (len <= 0 || EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) != 1)
        bail_out("no digest");
    OPENSSL_free(der);
    EVP_EncodeBlock(base64, digest, 32);
    (void)snprintf(pin, sizeof pin, "sha256//%s", (const char *)base64);
    ok(pin_matches(pin, cert), "%.16s... matches the certificate with that key", pin);
    ok(!pin_matches(pin, other), "and no other");
    is_int(iossl_cert_fingerprint(&text, cert, "sha256//", false, NULL), IOSSL_OK, "asked for");
    is_str(text, pin, "it is told in that form");
    iossl_free(text);
    if (iossl_cert_fingerprint(&of_other, other, "SHA512//", false, NULL) != IOSSL_OK)
        bail_out("no fingerprint");
    ok(strncmp(of_other, "sha512//", 8) == 0, "with other digests, too");
    (void)snprintf(two, sizeof two, "%s;%s", of_other, pin);
    ok(pin_matches(two, cert) && pin_matches(two, other), "several, as curl takes them");
    ok(pin_matches(of_other, other) && !pin_matches(of_other, cert), "each is one");
    iossl_free(of_other);
    memcpy(pin, "SHA256", 6);
    ok(pin_matches(pin, cert), "the digest's name may be in upper case");
    is_int(iossl_cert_fingerprint(&text, cert, "none//", false, NULL), IOSSL_ERROR,
           "an unknown digest");
    ok(text == NULL && ERR_peek_error() == 0, "gives nothing, and leaves nothing");
}

static void
test_refused(void)
{
#define BASE64_43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define HEX32 "0123456789abcdef0123456789abcdef"
    static const struct {
        const char *text;
        iossl_error_code code;
        const char *message;
    } table[] = {
        { "", IOSSL_E_OPTION, "invalid fingerprint ''" },
        { "xyz", IOSSL_E_OPTION, "invalid fingerprint 'xyz'" },
        { "sha256$", IOSSL_E_OPTION, "invalid fingerprint 'sha256$'" },
        { "sha256$pub$", IOSSL_E_OPTION, "invalid fingerprint 'sha256$pub$'" },
        { "sha256$pub", IOSSL_E_OPTION, "invalid fingerprint 'sha256$pub'" },
        { "$" HEX32, IOSSL_E_OPTION, "invalid fingerprint '$" HEX32 "'" },
        { "sha 1$" HEX32, IOSSL_E_OPTION, "invalid fingerprint 'sha 1$" HEX32 "'" },
        { "md5$" HEX32 "0", IOSSL_E_OPTION, "invalid fingerprint 'md5$" HEX32 "0'" },
        { "md5$md5$" HEX32, IOSSL_E_OPTION, "invalid fingerprint 'md5$md5$" HEX32 "'" },
        { "md5$" HEX32 "\n", IOSSL_E_OPTION, "invalid fingerprint 'md5$" HEX32 "\n'" },
        { ":", IOSSL_E_OPTION, "invalid fingerprint ':'" },
        { "sha256//", IOSSL_E_OPTION, "invalid fingerprint 'sha256//'" },
        { "sha256//AAAA", IOSSL_E_OPTION, "invalid fingerprint 'sha256//AAAA': a sha256 digest has 32" },
        { "sha256//" BASE64_43, IOSSL_E_OPTION, "invalid fingerprint 'sha256//" BASE64_43 "'" },
        { "sha256//" BASE64_43 "==", IOSSL_E_OPTION, "invalid fingerprint 'sha256//" },
        { "sha256//" BASE64_43 "= ", IOSSL_E_OPTION, "invalid fingerprint 'sha256//" },
        { "sha256//=" BASE64_43, IOSSL_E_OPTION, "invalid fingerprint 'sha256//" },
        { "//" BASE64_43 "=", IOSSL_E_OPTION, "invalid fingerprint '//" },
        { "sha256//" BASE64_43 "=;", IOSSL_E_OPTION, "invalid fingerprint ''" },
        { "sha256//" BASE64_43 "=;xyz", IOSSL_E_OPTION, "invalid fingerprint 'xyz'" },
        { "none//" BASE64_43 "=", IOSSL_E_USAGE, "Digest algorithm none is not available" },
        { "sha256$" HEX32, IOSSL_E_OPTION, "invalid fingerprint 'sha256$" HEX32 "'" },
        { "sha1$" HEX32 HEX32 HEX32 HEX32 "00", IOSSL_E_OPTION, "invalid fingerprint 'sha1$" },
        { "abcd", IOSSL_E_OPTION, "cannot detect hash algorithm from fingerprint 'abcd'" },
        { "pub$" HEX32, IOSSL_E_USAGE, "Digest algorithm pub is not available" },
        { "sha257$" HEX32, IOSSL_E_USAGE, "Digest algorithm sha257 is not available" },
    };
    iossl_pins *pins = iossl_pins_new(NULL);
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        iossl_error *err = iossl_error_new();

        is_int(iossl_pins_add(pins, table[i].text, err), IOSSL_ERROR, "refused: '%.20s'",
               table[i].text[0] == ':' ? "only colons" : table[i].text);
        is_int(iossl_error_get_code(err), table[i].code, "with the right code");
        ok(strncmp(iossl_error_message(err), table[i].message, strlen(table[i].message)) == 0,
           "and the right words");
        is_int(ERR_peek_error(), 0, "and an empty queue");
        iossl_error_free(err);
    }
    is_size(iossl_pins_count(pins), 0, "none of them was added");
    is_int(iossl_pins_add(pins, HEX32, NULL), IOSSL_OK, "a good one still can be");
    is_size(iossl_pins_count(pins), 1, "and is");
    iossl_pins_free(pins);
}

static void *
share(void *arg)
{
    int i;

    for (i = 0; i < 20000; i++)
        iossl_pins_free(iossl_pins_up_ref(arg));
    return NULL;
}

static void
test_sets(X509 *cert, X509 *other)
{
    iossl_pins *pins = iossl_pins_new(NULL);
    pthread_t threads[4];
    char *text;
    int i;

    ok(!iossl_pins_match(pins, cert), "an empty set matches nothing");
    ok(!iossl_pins_match(NULL, cert) && iossl_pins_count(NULL) == 0, "nor does none");
    for (i = 0; i < 100; i++) {
        char pin[80];

        (void)snprintf(pin, sizeof pin, "sha1$%040d", i);
        if (iossl_pins_add(pins, pin, NULL) != IOSSL_OK)
            bail_out("pin refused");
    }
    ok(!iossl_pins_match(pins, cert), "a hundred others don't match");
    if (iossl_cert_fingerprint(&text, cert, NULL, false, NULL) != IOSSL_OK
        || iossl_pins_add(pins, text, NULL) != IOSSL_OK)
        bail_out("pin refused");
    iossl_free(text);
    is_size(iossl_pins_count(pins), 101, "the set has grown");
    ok(iossl_pins_match(pins, cert), "the last of them matches");
    ok(!iossl_pins_match(pins, other), "but not another certificate");
    ok(!iossl_pins_match(pins, NULL), "no certificate matches no pin");

    for (i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, share, pins);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ok(iossl_pins_match(pins, cert), "threads that took and gave references left it alive");
    iossl_pins_free(pins);
    iossl_pins_free(NULL);
}

int
main(void)
{
    X509 *cert, *other;

    tap_start();
    cert = test_cert("a.test", "DNS:a.test");
    other = test_cert("a.test", "DNS:a.test");
    test_digests(cert);
    test_forms(cert, other);
    test_pubkey_info(cert, other);
    test_refused();
    test_sets(cert, other);
    X509_free(cert);
    X509_free(other);
    return done_testing();
}
