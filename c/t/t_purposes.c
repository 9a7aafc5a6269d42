/*
 * t_purposes.c - words of what a certificate is for, and how they add up to bits.
 */
#include "iossl.h"
#include "purposes.h"
#include "tap.h"

/* keyUsage and extendedKeyUsage, bits as in purposes.c. */
enum { SIGN = 1, KEY_ENC = 4, CERT_SIGN = 32, CRL_SIGN = 64 };
enum { EKU_CLIENT = 1, EKU_SERVER = 8, EKU_TIME = 16 };

static void
test_sums(void)
{
    static const struct {
        const char *words;
        bool is_ca_set, is_ca;
        unsigned key_usage, ext_key_usage;
    } cases[] = {
        {"", false, false, SIGN | KEY_ENC, EKU_CLIENT | EKU_SERVER},    /* the default */
        {"client", false, false, SIGN | KEY_ENC, EKU_CLIENT},
        {"CLIENT, Server", false, false, SIGN | KEY_ENC, EKU_CLIENT | EKU_SERVER},
        {"timeStamping", false, false, 0, EKU_TIME},
        {"CA", false, true, SIGN | CERT_SIGN, 0},
        {"", true, true, SIGN | CERT_SIGN, 0},
        {"cRLSign", true, true, SIGN | CERT_SIGN | CRL_SIGN, 0},
        {"server -keyEncipherment", false, false, SIGN, EKU_SERVER},
        {"-keyEncipherment server", false, false, SIGN, EKU_SERVER},
        {"server -serverAuth", false, false, SIGN | KEY_ENC, 0},
        {"client -client", false, false, 0, 0},
        {"-client +client", false, false, SIGN | KEY_ENC, EKU_CLIENT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iossl_purposes p = {{0}};
        iossl_usage usage;

        is_int(iossl_purposes_add_words(&p, cases[i].words, NULL), IOSSL_OK, "\"%s\"%s",
               cases[i].words, cases[i].is_ca_set ? " of a CA" : "");
        usage = iossl_purposes_usage(&p, cases[i].is_ca_set);
        is_int(usage.is_ca, cases[i].is_ca, "CA or not");
        is_int(usage.key_usage, cases[i].key_usage, "keyUsage");
        is_int(usage.ext_key_usage, cases[i].ext_key_usage, "extendedKeyUsage");
    }
}

static void
test_unknown(void)
{
    iossl_error *err = iossl_error_new();
    iossl_purposes p = {{0}};

    is_int(iossl_purposes_set(&p, "clientx", 7, true, err), IOSSL_ERROR, "an unknown purpose");
    is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "is refused");
    is_str(iossl_error_message(err), "unknown purpose clientx", "and told");
    iossl_error_clear(err);
    is_int(iossl_purposes_set(&p, "client", 5, true, err), IOSSL_ERROR, "half a word is no word");
    iossl_error_clear(err);
    is_int(iossl_purposes_add_words(&p, "client, nonsense", err), IOSSL_ERROR, "one of two");
    ok(!iossl_purposes_any(&p), "nothing is taken over of what is refused");
    iossl_error_clear(err);
    is_int(iossl_purposes_add_word(&p, "client server", err), IOSSL_ERROR, "two words for one");
    ok(!iossl_purposes_any(&p), "neither");
    is_int(iossl_purposes_add_word(&p, "-server", err), IOSSL_OK, "one word");
    ok(iossl_purposes_any(&p), "counts, also where it takes away");
    iossl_error_free(err);
}

int
main(void)
{
    tap_start();
    test_sums();
    test_unknown();
    return done_testing();
}
