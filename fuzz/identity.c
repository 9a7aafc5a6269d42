/*
 * identity.c - a file that is to hold a certificate, its chain and its key: PEM, DER or PKCS#12, as a
 * server's settings load it.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

void (*const fuzz_make_seeds)(void) = NULL;

static int
password(void *arg, char *buf, int size)
{
    (void)arg;
    (void)size;
    memcpy(buf, "secret", 6);
    return 6;
}

/* Files may ask for millions of rounds to derive a key, and OpenSSL does them; that isn't looked for. */
static bool
asks_for_many_rounds(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 4 < size; i++) {
        if (data[i] == 0x02 && ((data[i + 1] == 3 && data[i + 2] > 1) || data[i + 1] == 4))
            return true;
    }
    return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    iossl_identity *identity = NULL;
    EVP_PKEY *key = NULL;
    size_t len = 0;
    char *pem;

    fuzz_random_restart();
    if (asks_for_many_rounds(data, size))
        goto done;
    if (fuzz_good(iossl_identity_load(&identity, path, password, NULL, err), err)) {
        FUZZ_PROMISE(identity->cert != NULL, "an identity has a certificate");
        fuzz_describe(identity->cert, err);
    }
    iossl_identity_free(identity);
    if (fuzz_good(iossl_key_load(&key, path, password, NULL, err), err)) {
        pem = iossl_key_to_pem(key, &len, err);
        if (fuzz_made(pem, err)) {
            EVP_PKEY *again = iossl_key_from_pem(pem, len, password, NULL, err);

            FUZZ_PROMISE(fuzz_made(again, err), "a key that was written can be read");
            EVP_PKEY_free(again);
        }
        iossl_free_secret(pem, len);
    }
    EVP_PKEY_free(key);
    key = iossl_key_from_der(data, size, password, NULL, err);
    (void)fuzz_made(key, err);
    iossl_config_set_passwd_cb(config, password, NULL);
    if (fuzz_good(iossl_config_add_cert_file(config, NULL, path, err), err)
        && fuzz_good(iossl_config_add_key_file(config, NULL, path, err), err)) {
        iossl_ctx *ctx = iossl_ctx_new(config, err);

        (void)fuzz_made(ctx, err);
        iossl_ctx_free(ctx);
    }
done:
    EVP_PKEY_free(key);
    iossl_config_free(config);
    iossl_error_free(err);
    return 0;
}
