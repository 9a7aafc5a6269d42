/*
 * certgen.c - a certificate made of any words: names, numbers, purposes, extensions.
 *
 * Input: lines; the first byte picks what is set, a "=" parts name and value.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static const char *const EXAMPLES[] = {
    "AcommonName=www.example.test", "B0x1234", "CDNS=www.example.test",
    "DOTHERNAME=1.2.3.4;UTF8:x", "EcodeSigning", "F-client server,+CA",
    "GnameConstraints=permitted;DNS:example.test", "HcertificatePolicies=1.2.3.4", "Isha384", "J2",
    "K1893456000", "L1.2.3.4.5=ASN1:UTF8:x",
};

static void
make_seeds(void)
{
    for (size_t i = 0; i < sizeof EXAMPLES / sizeof *EXAMPLES; i++)
        fuzz_seed(EXAMPLES[i], strlen(EXAMPLES[i]));
}

void (*const fuzz_make_seeds)(void) = make_seeds;

/* Texts of extensions may name files of the machine, which OpenSSL reads: not a matter of this. */
static bool
names_a_file(const char *text)
{
    return strstr(text, "file") != NULL || strstr(text, "FILE") != NULL;
}

static iossl_status
set(iossl_certgen *gen, unsigned which, const char *text, size_t len, iossl_error *err)
{
    const char *split = memchr(text, '=', len), *value = split == NULL ? text : split + 1;
    size_t value_len = (size_t)(text + len - value), name_len;
    char name[128] = "";

    name_len = split == NULL ? 0 : (size_t)(split - text);
    if (name_len >= sizeof name)
        return IOSSL_OK;
    memcpy(name, text, name_len);
    switch (which % 8) {
    case 0:
        return iossl_certgen_add_altname(gen, name, value, value_len, err);
    case 1:
        return iossl_certgen_add_subject(gen, name, value, value_len, err);
    case 2:
        return iossl_certgen_set_serial(gen, text, err);
    case 3:
        return iossl_certgen_add_purpose(gen, text, err);
    case 4:
        return iossl_certgen_add_purposes(gen, text, err);
    case 5:
        return iossl_certgen_set_digest(gen, text, err);
    case 6:
        iossl_certgen_set_digest_of(gen, text);
        return iossl_certgen_add_altname_der(gen, (const unsigned char *)text, len, err);
    default:
        if (names_a_file(value))
            return IOSSL_OK;
        return iossl_certgen_add_extension(gen, 0, name, value, (const unsigned char *)value,
                                           len % 2 == 0 ? value_len : 0, which > 100, err);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    iossl_certgen *gen = iossl_certgen_new(err);
    X509 *cert;

    fuzz_identities();
    fuzz_random_restart();
    iossl_certgen_set_key(gen, fuzz_leaf.key);
    for (int i = 0; i < 16 && in.left > 0; i++) {
        unsigned which = fuzz_byte(&in);
        size_t len;
        char *text = fuzz_line(&in, &len);

        (void)fuzz_good(set(gen, which, text, len, err), err);
        free(text);
    }
    cert = iossl_certgen_make(gen, NULL, err);
    if (fuzz_made(cert, err))
        fuzz_describe(cert, err);
    X509_free(cert);
    iossl_certgen_free(gen);
    iossl_error_free(err);
    return 0;
}
