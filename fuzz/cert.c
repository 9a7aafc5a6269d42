/*
 * cert.c - a certificate as DER or PEM: loaded, described, named, verified, copied.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

void (*const fuzz_make_seeds)(void) = NULL;

static void
verify(iossl_ctx *ctx, X509 *cert, iossl_error *err)
{
    iossl_diagnosis *diagnosis;

    (void)fuzz_good(iossl_verify_chain(ctx, IOSSL_CLIENT, cert, NULL, "www.example.test", FUZZ_NOW,
                                       err), err);
    diagnosis = iossl_diagnose(ctx, IOSSL_SERVER, cert, NULL, NULL, FUZZ_NOW, err);
    FUZZ_PROMISE(diagnosis != NULL, "every chain can be diagnosed");
    for (size_t i = 0; i < iossl_diagnosis_count(diagnosis); i++)
        FUZZ_PROMISE(iossl_diagnosis_get0(diagnosis, i)->what[0] != '\0', "a finding says what");
    iossl_diagnosis_free(diagnosis);
    (void)fuzz_good(IOSSL_OK, err);
}

/* The same as it is, as a certificate of somebody else. */
static void
copy(X509 *cert, iossl_error *err)
{
    iossl_certgen *gen = iossl_certgen_new(err);
    X509 *made = NULL;

    if (fuzz_good(iossl_certgen_copy(gen, cert, err), err)) {
        iossl_certgen_set_key(gen, fuzz_leaf.key);
        iossl_certgen_set_issuer(gen, fuzz_ca.cert, fuzz_ca.key);
        made = iossl_certgen_make(gen, NULL, err);
        (void)fuzz_made(made, err);
    }
    X509_free(made);
    iossl_certgen_free(gen);
}

static void
strict(iossl_config *config)
{
    (void)fuzz_good(iossl_config_set_policy(config, "strict", NULL), NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static iossl_ctx *lenient, *stern;
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    STACK_OF(X509) *all;
    size_t len;
    char *bytes;
    X509 *cert;

    fuzz_identities();
    fuzz_random_restart();
    if (lenient == NULL) {
        lenient = fuzz_client_ctx(&fuzz_ca, NULL);
        stern = fuzz_client_ctx(&fuzz_ca, strict);
    }
    bytes = fuzz_rest(&in, &len);
    cert = iossl_cert_from_der(bytes, len, err);
    if (!fuzz_made(cert, err)) {
        cert = iossl_cert_from_pem(bytes, len, err);
        (void)fuzz_made(cert, err);
        all = iossl_certs_from_pem(bytes, len, err);
        if (fuzz_made(all, err))
            FUZZ_PROMISE(cert != NULL && fuzz_same(cert, sk_X509_value(all, 0)),
                         "the first of all is the first");
        sk_X509_pop_free(all, X509_free);
    }
    if (cert != NULL) {
        fuzz_describe(cert, err);
        verify(lenient, cert, err);
        verify(stern, cert, err);
        copy(cert, err);
    }
    X509_free(cert);
    free(bytes);
    iossl_error_free(err);
    return 0;
}
