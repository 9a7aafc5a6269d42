/*
 * ocsp_request.c - what is asked about a certificate that says anything, of a responder that it names.
 */
#include "fuzz.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

static void
make_seeds(void)
{
    unsigned char *der = NULL;
    int len;

    fuzz_identities();
    len = i2d_X509(fuzz_leaf.cert, &der);
    fuzz_seed(der, (size_t)len);
    OPENSSL_free(der);
}

void (*const fuzz_make_seeds)(void) = make_seeds;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static iossl_ctx *ctx;
    iossl_error *err = iossl_error_new();
    X509 *cert = iossl_cert_from_der(data, size, err);
    iossl_ocsp_resolver *r = NULL;
    STACK_OF(X509) *chain = sk_X509_new_null();

    fuzz_identities();
    fuzz_random_restart();
    if (ctx == NULL)
        ctx = fuzz_client_ctx(&fuzz_ca, NULL);
    if (!fuzz_made(cert, err))
        goto done;
    /* Its issuer is among the trusted ones, or it is its own. */
    sk_X509_push(chain, cert);
    r = iossl_ocsp_resolver_new_for_chain(ctx, IOSSL_OCSP_FULL_CHAIN, cert, chain, err);
    if (!fuzz_made(r, err))
        goto done;
    (void)fuzz_good(iossl_ocsp_resolver_set_nonce(r, (size & 1) != 0, err), err);
    for (int i = 0; i < 10; i++) {
        const unsigned char *der;
        const char *uri;
        size_t len;
        OCSP_REQUEST *request;

        if (!iossl_ocsp_resolver_get_request(r, 0, &uri, &der, &len))
            break;
        FUZZ_PROMISE(strncmp(uri, "http", 4) == 0, "a responder is asked by HTTP");
        for (const char *c = uri; *c != '\0'; c++)
            FUZZ_PROMISE(*c != '\r' && *c != '\n', "no line of the request can be slipped in");
        request = d2i_OCSP_REQUEST(NULL, &der, (long)len);
        FUZZ_PROMISE(request != NULL && OCSP_request_onereq_count(request) > 0,
                     "a request asks for something");
        OCSP_REQUEST_free(request);
        (void)iossl_ocsp_resolver_add_response(r, uri, NULL, 0);
        FUZZ_PROMISE(i < 9, "no answer is an answer");
    }
    FUZZ_PROMISE(iossl_ocsp_resolver_hard_error(r) != NULL, "nothing is open at the end");
done:
    iossl_ocsp_resolver_free(r);
    sk_X509_free(chain);
    X509_free(cert);
    (void)fuzz_good(IOSSL_OK, err);
    iossl_error_free(err);
    return 0;
}
