/*
 * ocsp_response.c - an answer of a responder, as it is or signed by the CA, to a resolver, and as the
 * staple of a server.
 *
 * Input: a byte of flags, then the response.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "support_ocsp.h"

#define URI "http://ocsp.example.test/"

static void
make_seeds(void)
{
    static const int statuses[] = {V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED,
                                   V_OCSP_CERTSTATUS_UNKNOWN};

    fuzz_identities();
    for (int i = 0; i < 6; i++) {
        test_ocsp_spec spec = {.signer = &fuzz_ca, .without_cert = i % 2, .by_key = i / 3,
                               .about = {{.cert = fuzz_leaf.cert, .issuer = fuzz_ca.cert,
                                          .status = statuses[i % 3]}}};
        size_t len;
        unsigned char *der = test_ocsp_response(&spec, &len), *seed = malloc(len + 1);

        seed[0] = (unsigned char)i;
        memcpy(seed + 1, der, len);
        fuzz_seed(seed, len + 1);
        free(seed);
        OPENSSL_free(der);
    }
}

void (*const fuzz_make_seeds)(void) = make_seeds;

/* OpenSSL frees the wrong thing where it signs anew what names its signer by key. */
static bool
names_signer(const OCSP_BASICRESP *basic)
{
    const ASN1_OCTET_STRING *key;
    const X509_NAME *name = NULL;

    return OCSP_resp_get0_id(basic, &key, &name) == 1 && name != NULL;
}

/* The same with a signature that holds, where OpenSSL can read it; NULL else. OPENSSL_free() it. */
static unsigned char *
signed_anew(const uint8_t *data, size_t size, size_t *len)
{
    const unsigned char *at = data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)size), *whole = NULL;
    OCSP_BASICRESP *basic = response == NULL ? NULL : OCSP_response_get1_basic(response);
    unsigned char *der = NULL;
    int n;

    if (basic != NULL && names_signer(basic)
        && OCSP_basic_sign(basic, fuzz_ca.cert, fuzz_ca.key, EVP_sha256(), NULL, OCSP_NOTIME) == 1
        && (whole = OCSP_response_create(OCSP_response_status(response), basic)) != NULL
        && (n = i2d_OCSP_RESPONSE(whole, &der)) > 0)
        *len = (size_t)n;
    OCSP_RESPONSE_free(whole);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return der;
}

static void
resolve(iossl_ctx *ctx, int mode, const void *der, size_t len, iossl_error *err)
{
    iossl_ocsp_resolver *r
        = iossl_ocsp_resolver_new_for_chain(ctx, mode, fuzz_leaf.cert, NULL, err);
    const char *hard;

    FUZZ_PROMISE(fuzz_made(r, err), "there is something to ask");
    (void)iossl_ocsp_resolver_add_response(r, URI, der, len);
    (void)iossl_ocsp_resolver_add_response(r, "http://elsewhere.example.test/", der, len);
    hard = iossl_ocsp_resolver_hard_error(r);
    FUZZ_PROMISE(hard != NULL, "an answer, or none, decides about one certificate");
    if (hard[0] == '\0' && (mode & IOSSL_OCSP_FAIL_HARD) != 0)
        FUZZ_PROMISE(iossl_ocsp_resolver_soft_error(r) == NULL, "what has to be known is known");
    iossl_ocsp_resolver_free(r);
    (void)fuzz_good(IOSSL_OK, err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    unsigned flags;
    unsigned char *der = NULL;
    const void *bytes;
    size_t len;
    iossl_ctx *ctx;

    fuzz_identities();
    fuzz_random_restart();
    flags = fuzz_byte(&in);
    bytes = in.at;
    len = in.left;
    if ((flags & 1) != 0 && (der = signed_anew(in.at, in.left, &len)) != NULL)
        bytes = der;
    else
        len = in.left;
    ctx = fuzz_client_ctx(&fuzz_ca, NULL);  /* a new one, with an empty cache */
    resolve(ctx, (flags & 2) != 0 ? IOSSL_OCSP_FAIL_HARD : 0, bytes, len, err);
    if (iossl_ocsp_cache_count(iossl_ctx_get0_ocsp_cache(ctx)) == 0)
        resolve(ctx, 0, bytes, len, err);
    iossl_ctx_free(ctx);
    if (fuzz_good(iossl_config_set_ocsp_staple(config, NULL, bytes, len, err), err)
        && fuzz_good(iossl_config_add_certs(config, NULL, &fuzz_leaf.cert, 1, err), err)
        && fuzz_good(iossl_config_add_key(config, NULL, fuzz_leaf.key, err), err)) {
        ctx = iossl_ctx_new(config, err);
        (void)fuzz_made(ctx, err);
        iossl_ctx_free(ctx);
    }
    iossl_config_free(config);
    OPENSSL_free(der);
    iossl_error_free(err);
    return 0;
}
