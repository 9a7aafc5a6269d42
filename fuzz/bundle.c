/*
 * bundle.c - a file of CA certificates, indexed without being parsed: all that OpenSSL finds in it has
 * to be found.
 */
#include "fuzz.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "bundle.h"

void (*const fuzz_make_seeds)(void) = NULL;

static int
no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static bool
holds(iossl_bundle *bundle, X509 *cert)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    bool there = false;

    FUZZ_PROMISE(iossl_bundle_find(bundle, X509_get_subject_name(cert), found), "there is memory");
    for (int i = 0; i < sk_X509_num(found); i++)
        there = there || fuzz_same(sk_X509_value(found, i), cert);
    sk_X509_pop_free(found, X509_free);
    return there;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iossl_error *err = iossl_error_new();
    const char *path = fuzz_file(data, size);
    iossl_bundle *bundle = iossl_bundle_load(path, iossl_library_default(), err);
    iossl_config *config;
    BIO *bio;
    STACK_OF(X509_INFO) *all;

    fuzz_identities();
    if (fuzz_made(bundle, err)) {
        bio = BIO_new_mem_buf(data, (int)size);
        all = PEM_X509_INFO_read_bio(bio, NULL, no_password, NULL);
        for (int i = 0; i < sk_X509_INFO_num(all); i++) {
            X509_INFO *one = sk_X509_INFO_value(all, i);

            if (one->x509 != NULL)
                FUZZ_PROMISE(holds(bundle, one->x509), "what OpenSSL finds is found");
        }
        sk_X509_INFO_pop_free(all, X509_INFO_free);
        BIO_free(bio);
        ERR_clear_error();
    }
    iossl_bundle_free(bundle);
    config = iossl_config_new(IOSSL_CLIENT, err);
    if (fuzz_good(iossl_config_set_ca_file(config, path, err), err))
        fuzz_verify_leaf(config, err);
    iossl_config_free(config);
    iossl_error_free(err);
    return 0;
}
