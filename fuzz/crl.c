/*
 * crl.c - a revocation list, DER or PEM, as it is or signed by the CA whose certificate it is held
 * against.
 *
 * Input: a byte of flags, then the list.
 */
#include "fuzz.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>

static void
make_seeds(void)
{
    static const long serials[] = {1, 99};
    unsigned char *der;

    fuzz_identities();
    for (size_t i = 0; i < 2; i++) {
        X509_CRL *crl = X509_CRL_new();
        X509_REVOKED *revoked = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        ASN1_TIME *at = ASN1_TIME_adj(NULL, (time_t)FUZZ_NOW, 0, -60);
        ASN1_TIME *until = ASN1_TIME_adj(NULL, (time_t)FUZZ_NOW, 1, 0);
        unsigned char *whole;
        int len;

        ASN1_INTEGER_set(serial, serials[i]);
        X509_REVOKED_set_serialNumber(revoked, serial);
        X509_REVOKED_set_revocationDate(revoked, at);
        X509_CRL_set_version(crl, 1);
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(fuzz_ca.cert));
        X509_CRL_set1_lastUpdate(crl, at);
        X509_CRL_set1_nextUpdate(crl, until);
        X509_CRL_add0_revoked(crl, revoked);
        X509_CRL_sign(crl, fuzz_ca.key, EVP_sha256());
        der = NULL;
        len = i2d_X509_CRL(crl, &der);
        whole = malloc((size_t)len + 1);
        whole[0] = 3;
        for (int j = 0; j < len; j++)
            whole[j + 1] = der[j];
        fuzz_seed(whole, (size_t)len + 1);
        free(whole);
        OPENSSL_free(der);
        ASN1_INTEGER_free(serial);
        ASN1_TIME_free(at);
        ASN1_TIME_free(until);
        X509_CRL_free(crl);
    }
}

void (*const fuzz_make_seeds)(void) = make_seeds;

/* A list that OpenSSL can read, as PEM, with a signature that holds if it can. Else as it stands. */
static BIO *
dressed(const uint8_t *data, size_t size, bool sign)
{
    BIO *out = BIO_new(BIO_s_mem());
    const unsigned char *at = data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)size);

    if (crl != NULL) {
        if (sign)
            (void)X509_CRL_sign(crl, fuzz_ca.key, EVP_sha256());
        (void)PEM_write_bio_X509_CRL(out, crl);
    } else {
        (void)BIO_write(out, data, (int)size);
    }
    X509_CRL_free(crl);
    ERR_clear_error();
    return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    unsigned flags;
    long len;
    char *bytes;
    const char *path;
    BIO *pem;

    fuzz_identities();
    fuzz_random_restart();
    flags = fuzz_byte(&in);
    pem = dressed(in.at, in.left, (flags & 1) != 0);
    len = BIO_get_mem_data(pem, &bytes);
    path = fuzz_file(bytes, (size_t)len);
    BIO_free(pem);
    (void)fuzz_good(iossl_config_set_no_default_ca(config, true, err), err);
    (void)fuzz_good(iossl_config_add_ca(config, fuzz_ca.cert, err), err);
    (void)fuzz_good(iossl_config_set_check_crl(
                        config, (flags & 2) != 0 ? IOSSL_CRL_LEAF : IOSSL_CRL_CHAIN, err), err);
    if (fuzz_good(iossl_config_set_crl_file(config, path, err), err))
        fuzz_verify_leaf(config, err);
    iossl_config_free(config);
    iossl_error_free(err);
    return 0;
}
