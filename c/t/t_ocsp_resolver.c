/*
 * t_ocsp_resolver.c - what is asked, and what each kind of answer comes to: hard, soft, or well.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "iossl.h"
#include "support_ocsp.h"
#include "support_pair.h"
#include "tap.h"

#define URI "http://ocsp.example.test/ca"
#define AIA {NID_info_access, "OCSP;URI:" URI}

static test_identity ca, sub, leaf, second, other_ca, delegate, no_usage, expired, foreign, no_uri,
    rsa, impostor;
static iossl_ctx *ctx;

static STACK_OF(X509) *
chain_of(X509 *a, X509 *b)
{
    STACK_OF(X509) *chain = sk_X509_new_null();

    if (chain == NULL || sk_X509_push(chain, a) <= 0 || (b != NULL && sk_X509_push(chain, b) <= 0))
        bail_out("no memory");
    return chain;
}

/* A fresh context, so that nothing is in its cache. */
static iossl_ocsp_resolver *
resolver(int mode, X509 *cert)
{
    STACK_OF(X509) *chain = chain_of(sub.cert, ca.cert);
    iossl_ocsp_resolver *r;

    iossl_ctx_free(ctx);
    ctx = test_client_ctx(&ca, NULL);
    r = iossl_ocsp_resolver_new_for_chain(ctx, mode, cert, chain, NULL);
    sk_X509_free(chain);
    if (r == NULL)
        bail_out("no resolver");
    return r;
}

/* The first open request, decoded; OCSP_REQUEST_free() it. */
static OCSP_REQUEST *
request_of(const iossl_ocsp_resolver *r, size_t i)
{
    const unsigned char *der;
    const char *uri;
    size_t len;

    return iossl_ocsp_resolver_get_request(r, i, &uri, &der, &len)
               ? d2i_OCSP_REQUEST(NULL, &der, (long)len)
               : NULL;
}

static int
requested(const iossl_ocsp_resolver *r, size_t i)
{
    OCSP_REQUEST *request = request_of(r, i);
    int n = request == NULL ? -1 : OCSP_request_onereq_count(request);

    OCSP_REQUEST_free(request);
    return n;
}

static const char *
answer(iossl_ocsp_resolver *r, const test_ocsp_spec *spec)
{
    size_t len;
    unsigned char *der = test_ocsp_response(spec, &len);
    const char *hard = iossl_ocsp_resolver_add_response(r, URI, der, len);

    OPENSSL_free(der);
    return hard;
}

/* ---- Each kind of answer --------------------------------------------------------------------- */

typedef struct {
    const char *what;
    test_ocsp_spec spec;
    const char *hard;           /* part of it; "": all is well */
    const char *soft;           /* part of it; NULL: none */
} answer_case;

static void
test_answer(const answer_case *c)
{
    iossl_ocsp_resolver *r = resolver(0, leaf.cert);
    const char *hard;

    ok(iossl_ocsp_resolver_hard_error(r) == NULL, "%s: nothing is decided before", c->what);
    hard = answer(r, &c->spec);
    if (c->hard[0] == '\0')
        is_str(hard, "", "%s: no hard error", c->what);
    else
        like(hard, c->hard, "%s: a hard error", c->what);
    if (c->soft == NULL)
        is_str(iossl_ocsp_resolver_soft_error(r), NULL, "%s: no soft error", c->what);
    else
        like(iossl_ocsp_resolver_soft_error(r), c->soft, "%s: a soft error", c->what);
    is_int(requested(r, 0), -1, "%s: nothing is open", c->what);
    iossl_ocsp_resolver_free(r);
    /* What couldn't be relied on counts in the other mode. */
    if (c->soft != NULL) {
        r = resolver(IOSSL_OCSP_FAIL_HARD, leaf.cert);
        like(answer(r, &c->spec), c->soft, "%s: hard where it has to be known", c->what);
        is_str(iossl_ocsp_resolver_soft_error(r), NULL, "%s: and not soft too", c->what);
        iossl_ocsp_resolver_free(r);
    }
    ok(ERR_peek_error() == 0, "%s: no error is left behind", c->what);
}

static void
test_answers(void)
{
    const test_ocsp_about good = {.cert = leaf.cert, .issuer = sub.cert};
    const test_ocsp_about revoked = {.cert = leaf.cert, .issuer = sub.cert,
                                     .status = V_OCSP_CERTSTATUS_REVOKED,
                                     .reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE};
    const test_ocsp_about old = {.cert = leaf.cert, .issuer = sub.cert, .from_s = -9000,
                                 .to_s = -1000};
    const answer_case cases[] = {
        {"good", {.signer = &sub, .about = {good}}, "", NULL},
        {"good, without the signer's certificate",
         {.signer = &sub, .without_cert = 1, .about = {good}}, "", NULL},
        {"good, by a delegate", {.signer = &delegate, .about = {good}}, "", NULL},
        {"good, with another digest", {.signer = &sub, .id_md = EVP_sha256(), .about = {good}}, "",
         NULL},
        {"good, without an end",
         {.signer = &sub, .about = {{.cert = leaf.cert, .issuer = sub.cert, .from_s = -10}}}, "",
         NULL},
        {"good, a little late",
         {.signer = &sub,
          .about = {{.cert = leaf.cert, .issuer = sub.cert, .from_s = -99, .to_s = -60}}},
         "", NULL},
        {"good, a little early",
         {.signer = &sub,
          .about = {{.cert = leaf.cert, .issuer = sub.cert, .from_s = 60, .to_s = 99}}}, "", NULL},
        {"revoked", {.signer = &sub, .about = {revoked}},
         URI ": certificate status is revoked since ", NULL},
        {"revoked, by a delegate", {.signer = &delegate, .about = {revoked}}, "(keyCompromise)",
         NULL},
        {"good and revoked", {.signer = &sub, .about = {good, revoked}}, "revoked", NULL},
        {"unknown",
         {.signer = &sub,
          .about = {{.cert = leaf.cert, .issuer = sub.cert,
                     .status = V_OCSP_CERTSTATUS_UNKNOWN}}},
         "certificate status is unknown", NULL},
        {"out of date", {.signer = &sub, .about = {old}}, "", "the response is out of date"},
        {"out of date and good", {.signer = &sub, .about = {old, good}}, "", NULL},
        {"from the future",
         {.signer = &sub,
          .about = {{.cert = leaf.cert, .issuer = sub.cert, .from_s = 4000, .to_s = 9000}}},
         "", "the response isn't valid yet"},
        {"old, without an end",
         {.signer = &sub, .about = {{.cert = leaf.cert, .issuer = sub.cert, .from_s = -200000}}},
         "", "the response is too old"},
        {"its end before its beginning",
         {.signer = &sub,
          .about = {{.cert = leaf.cert, .issuer = sub.cert, .from_s = 0, .to_s = -100}}},
         "", "no time that makes sense"},
        {"about another certificate",
         {.signer = &sub, .about = {{.cert = second.cert, .issuer = sub.cert}}},
         "", "no data in response"},
        {"about the same number of another issuer",
         {.signer = &other_ca, .about = {{.cert = leaf.cert, .issuer = other_ca.cert}}},
         "", "no data in response"},
        {"about nothing", {.signer = &sub}, "", "no data in response"},
        {"signed by another CA", {.signer = &other_ca, .about = {good}}, "",
         "neither the issuer nor certified by it"},
        {"signed by a CA of the same name", {.signer = &impostor, .about = {good}}, "",
         "failed to verify OCSP response: "},
        {"signed by the key of a CA of the same name",
         {.signer = &impostor, .by_key = 1, .about = {good}}, "",
         "neither the issuer nor certified by it"},
        {"good, by the issuer's key", {.signer = &sub, .by_key = 1, .about = {good}}, "", NULL},
        {"about another certificate, with another digest",
         {.signer = &sub, .id_md = EVP_sha256(),
          .about = {{.cert = second.cert, .issuer = sub.cert}}},
         "", "no data in response"},
        {"signed by the issuer's issuer", {.signer = &ca, .about = {good}}, "",
         "neither the issuer nor certified by it"},
        {"signed by the certificate itself", {.signer = &leaf, .about = {good}}, "",
         "isn't for signing OCSP responses"},
        {"revoked, signed by who may not", {.signer = &other_ca, .about = {revoked}}, "",
         "neither the issuer nor certified by it"},
        {"a delegate of another issuer", {.signer = &foreign, .about = {good}}, "",
         "neither the issuer nor certified by it"},
        {"a delegate without the purpose", {.signer = &no_usage, .about = {good}}, "",
         "isn't for signing OCSP responses"},
        {"a delegate out of its time", {.signer = &expired, .about = {good}}, "",
         "the responder's certificate is out of its time"},
        {"a delegate that isn't sent", {.signer = &delegate, .without_cert = 1, .about = {good}},
         "", "its signer's certificate didn't come with it"},
        {"signed with MD5", {.signer = &rsa, .md = EVP_md5(), .about = {good}}, "",
         "its signature uses a broken digest"},
        {"signed by RSA", {.signer = &rsa, .about = {good}}, "", NULL},
        {"good, with a critical extension nobody knows",
         {.signer = &sub, .critical_in_response = 1, .about = {good}}, "",
         "it has a critical extension that can't be understood"},
        {"good, with a critical extension within",
         {.signer = &sub, .critical_in_answer = 1, .about = {good}}, "",
         "the answer has a critical extension that can't be understood"},
        {"good beside one with a critical extension",
         {.signer = &sub, .critical_in_answer = 1, .about = {good, good}}, "", NULL},
        {"try later", {.response_status = OCSP_RESPONSE_STATUS_TRYLATER}, "",
         "OCSP response failed: trylater; subject: /CN=leaf"},
        {"unauthorized", {.response_status = OCSP_RESPONSE_STATUS_UNAUTHORIZED}, "",
         "OCSP response failed: unauthorized"},
        {"internal error", {.response_status = OCSP_RESPONSE_STATUS_INTERNALERROR}, "",
         "OCSP response failed: internalerror"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        test_answer(&cases[i]);
}

/* ---- Bytes that are no answer ---------------------------------------------------------------- */

static void
test_garbage(void)
{
    /* Without the certificate of the signer, which the response doesn't sign. */
    const test_ocsp_spec spec = {.signer = &sub, .without_cert = 1,
                                 .about = {{.cert = leaf.cert, .issuer = sub.cert}}};
    iossl_ocsp_resolver *r = resolver(0, leaf.cert);
    const char *hard;
    unsigned char *der;
    size_t len, wrong = 0;

    is_str(iossl_ocsp_resolver_add_response(r, URI, NULL, 0), "", "no answer is no hard error");
    is_str(iossl_ocsp_resolver_soft_error(r),
           URI ": http request for OCSP failed; subject: /CN=leaf", "but a soft one");
    iossl_ocsp_resolver_free(r);
    r = resolver(0, leaf.cert);
    is_str(iossl_ocsp_resolver_add_response(r, URI, "<html>", 6), "", "nor is a page");
    is_str(iossl_ocsp_resolver_soft_error(r),
           URI ": invalid response (no OCSP_RESPONSE); subject: /CN=leaf", "which is a soft one");
    iossl_ocsp_resolver_free(r);
    r = resolver(IOSSL_OCSP_FAIL_HARD, leaf.cert);
    is_str(iossl_ocsp_resolver_add_response(r, URI, NULL, 0),
           URI ": http request for OCSP failed; subject: /CN=leaf",
           "no answer is a hard error where it has to be known");
    iossl_ocsp_resolver_free(r);
    /* Every bit counts: with any of them turned, nothing comes out as verified. */
    der = test_ocsp_response(&spec, &len);
    for (size_t i = 0; i < len; i++) {
        STACK_OF(X509) *chain = chain_of(sub.cert, NULL);
        iossl_ocsp_cache *cache;

        der[i] ^= 1;
        iossl_ctx_free(ctx);
        ctx = test_client_ctx(&ca, NULL);
        cache = iossl_ctx_get0_ocsp_cache(ctx);
        r = iossl_ocsp_resolver_new_for_chain(ctx, IOSSL_OCSP_FAIL_HARD, leaf.cert, chain, NULL);
        (void)iossl_ocsp_resolver_add_response(r, URI, der, len);
        hard = iossl_ocsp_resolver_hard_error(r);
        wrong += hard == NULL || hard[0] == '\0' || iossl_ocsp_cache_count(cache) != 1
                 || ERR_peek_error() != 0;
        der[i] ^= 1;
        iossl_ocsp_resolver_free(r);
        sk_X509_free(chain);
    }
    is_size(wrong, 0, "no changed byte of %zu makes a good answer", len);
    wrong = 0;
    for (size_t i = 1; i < len; i++) {
        r = resolver(IOSSL_OCSP_FAIL_HARD, leaf.cert);
        wrong += iossl_ocsp_resolver_add_response(r, URI, der, i)[0] == '\0';
        iossl_ocsp_resolver_free(r);
    }
    is_size(wrong, 0, "nor does any beginning of it");
    OPENSSL_free(der);
}

/* ---- What is asked --------------------------------------------------------------------------- */

static void
test_questions(void)
{
    iossl_ocsp_resolver *r = resolver(0, leaf.cert);
    const unsigned char *der;
    OCSP_REQUEST *request;
    const char *uri;
    size_t len;

    ok(iossl_ocsp_resolver_get_request(r, 0, &uri, &der, &len), "there is a request");
    is_str(uri, URI, "to the responder that the certificate names");
    is_int(requested(r, 0), 1, "about the leaf alone");
    ok(!iossl_ocsp_resolver_get_request(r, 1, &uri, &der, &len) && uri == NULL && der == NULL
           && len == 0,
       "there is no other");
    ok(iossl_ocsp_resolver_add_response(r, "http://other.example.test/", "x", 1) == NULL
           && iossl_ocsp_resolver_soft_error(r) == NULL && requested(r, 0) == 1,
       "an answer from where nothing was asked changes nothing");
    request = request_of(r, 0);
    is_int(OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, -1), -1,
           "without a nonce");
    OCSP_REQUEST_free(request);
    iossl_ocsp_resolver_free(r);

    r = resolver(IOSSL_OCSP_FULL_CHAIN, leaf.cert);
    is_int(requested(r, 0), 2, "with the full chain, both certificates below the anchor at once");
    is_int(requested(r, 1), -1, "as they have the same responder");
    iossl_ocsp_resolver_free(r);

    r = resolver(IOSSL_OCSP_FAIL_HARD, no_uri.cert);
    is_str(iossl_ocsp_resolver_hard_error(r), "", "a certificate without responder: none to ask");
    is_str(iossl_ocsp_resolver_soft_error(r), "no ocsp_uri for /CN=silent",
           "which is said, and never hard");
    iossl_ocsp_resolver_free(r);
    r = resolver(IOSSL_OCSP_FAIL_HARD, foreign.cert);
    is_str(iossl_ocsp_resolver_hard_error(r), "", "an unknown issuer: nothing can be asked");
    is_str(iossl_ocsp_resolver_soft_error(r), "no certid for /CN=foreign: its issuer isn't known",
           "which is said, too");
    iossl_ocsp_resolver_free(r);
}

static void
test_partial(void)
{
    const test_ocsp_about of_leaf = {.cert = leaf.cert, .issuer = sub.cert};
    const test_ocsp_about of_sub = {.cert = sub.cert, .issuer = ca.cert};
    const test_ocsp_about revoked_sub = {.cert = sub.cert, .issuer = ca.cert,
                                         .status = V_OCSP_CERTSTATUS_REVOKED,
                                         .reason = OCSP_REVOKED_STATUS_NOSTATUS};
    iossl_ocsp_resolver *r = resolver(IOSSL_OCSP_FULL_CHAIN, leaf.cert);

    ok(answer(r, &(test_ocsp_spec){.signer = &sub, .about = {of_leaf}}) == NULL,
       "an answer to half of the questions leaves it open");
    is_int(requested(r, 0), 1, "and the other half is asked again");
    is_str(answer(r, &(test_ocsp_spec){.signer = &ca, .about = {of_sub}}), "",
           "until that is answered too");
    is_str(iossl_ocsp_resolver_soft_error(r), NULL, "and nothing was missing");
    iossl_ocsp_resolver_free(r);

    r = resolver(IOSSL_OCSP_FULL_CHAIN, leaf.cert);
    (void)answer(r, &(test_ocsp_spec){.signer = &sub, .about = {of_leaf}});
    is_str(answer(r, &(test_ocsp_spec){.signer = &sub, .about = {of_leaf}}), "",
           "the same half again ends it");
    is_str(iossl_ocsp_resolver_soft_error(r),
           URI ": no data in response; subject: /CN=sub", "with what wasn't answered");
    iossl_ocsp_resolver_free(r);

    r = resolver(IOSSL_OCSP_FULL_CHAIN, leaf.cert);
    (void)answer(r, &(test_ocsp_spec){.signer = &sub, .about = {of_leaf}});
    like(answer(r, &(test_ocsp_spec){.signer = &ca, .about = {revoked_sub}}),
         "certificate status is revoked since", "a revoked CA of the chain is a hard error");
    like(iossl_ocsp_resolver_hard_error(r), "; subject: /CN=sub", "that names it");
    iossl_ocsp_resolver_free(r);

    r = resolver(IOSSL_OCSP_FULL_CHAIN, leaf.cert);
    is_str(iossl_ocsp_resolver_add_response(r, URI, NULL, 0), "", "no answer to two questions");
    like(iossl_ocsp_resolver_soft_error(r), "subject: /CN=leaf, /CN=sub", "is one soft error");
    iossl_ocsp_resolver_free(r);
}

static void
test_nonce(void)
{
    test_ocsp_spec spec = {.signer = &sub, .about = {{.cert = leaf.cert, .issuer = sub.cert}}};
    iossl_ocsp_resolver *r = resolver(0, leaf.cert), *other;
    OCSP_REQUEST *request;
    X509_EXTENSION *extension;

    ok(iossl_ocsp_resolver_set_nonce(r, true, NULL) == IOSSL_OK, "with a nonce");
    is_str(answer(r, &spec), "", "an answer without it isn't hard");
    like(iossl_ocsp_resolver_soft_error(r), "it doesn't repeat our nonce",
         "but can't be relied on");
    iossl_ocsp_resolver_free(r);

    r = resolver(0, leaf.cert);
    (void)iossl_ocsp_resolver_set_nonce(r, true, NULL);
    request = request_of(r, 0);
    extension = OCSP_REQUEST_get_ext(request, OCSP_REQUEST_get_ext_by_NID(
                                                  request, NID_id_pkix_OCSP_Nonce, -1));
    is_int(ASN1_STRING_length(X509_EXTENSION_get_data(extension)), 2 + 32,
           "which has 32 bytes (RFC 9654)");
    spec.request = request;
    is_str(answer(r, &spec), "", "an answer with it");
    is_str(iossl_ocsp_resolver_soft_error(r), NULL, "can");
    iossl_ocsp_resolver_free(r);

    other = resolver(0, leaf.cert);
    (void)iossl_ocsp_resolver_set_nonce(other, true, NULL);
    is_str(answer(other, &spec), "", "an answer to someone else's");
    like(iossl_ocsp_resolver_soft_error(other), "it doesn't repeat our nonce", "can't");
    iossl_ocsp_resolver_free(other);
    other = resolver(0, leaf.cert);
    is_str(answer(other, &spec), "", "one with a nonce to who sent none");
    is_str(iossl_ocsp_resolver_soft_error(other), NULL, "is as good as any");
    iossl_ocsp_resolver_free(other);
    OCSP_REQUEST_free(request);
}

/* ---- What is remembered ---------------------------------------------------------------------- */

static iossl_ocsp_resolver *
again(int mode)
{
    STACK_OF(X509) *chain = chain_of(sub.cert, ca.cert);
    iossl_ocsp_resolver *r = iossl_ocsp_resolver_new_for_chain(ctx, mode, leaf.cert, chain, NULL);

    sk_X509_free(chain);
    return r;
}

static void
test_memory(void)
{
    test_ocsp_spec spec = {.signer = &sub, .about = {{.cert = leaf.cert, .issuer = sub.cert}}};
    iossl_ocsp_resolver *r = resolver(0, leaf.cert);

    (void)answer(r, &spec);
    iossl_ocsp_resolver_free(r);
    r = again(0);
    is_str(iossl_ocsp_resolver_hard_error(r), "", "a good answer isn't asked for again");
    iossl_ocsp_resolver_free(r);

    spec.about[0].status = V_OCSP_CERTSTATUS_REVOKED;
    spec.about[0].reason = OCSP_REVOKED_STATUS_SUPERSEDED;
    r = resolver(0, leaf.cert);
    (void)answer(r, &spec);
    iossl_ocsp_resolver_free(r);
    r = again(0);
    like(iossl_ocsp_resolver_hard_error(r), "certificate status is revoked",
         "a revocation is known at once");
    is_int(requested(r, 0), -1, "and nothing more is asked");
    iossl_ocsp_resolver_free(r);

    r = resolver(0, leaf.cert);
    (void)iossl_ocsp_resolver_add_response(r, URI, NULL, 0);
    iossl_ocsp_resolver_free(r);
    r = again(0);
    is_str(iossl_ocsp_resolver_hard_error(r), "", "who didn't answer isn't asked again at once");
    is_str(iossl_ocsp_resolver_soft_error(r), "http request for OCSP failed; subject: /CN=leaf",
           "which is said");
    iossl_ocsp_resolver_free(r);
    r = again(IOSSL_OCSP_FAIL_HARD);
    like(iossl_ocsp_resolver_hard_error(r), "http request for OCSP failed",
         "and is hard where it has to be known");
    iossl_ocsp_resolver_free(r);
}

/* An issuer whom nobody vouches for can't say anything good. */
static void
test_trust(void)
{
    const test_ocsp_spec spec = {.signer = &sub, .about = {{.cert = leaf.cert,
                                                            .issuer = sub.cert}}};
    STACK_OF(X509) *chain = chain_of(sub.cert, ca.cert);
    iossl_ocsp_resolver *r;

    iossl_ctx_free(ctx);
    ctx = test_client_ctx(&other_ca, NULL);
    r = iossl_ocsp_resolver_new_for_chain(ctx, 0, leaf.cert, chain, NULL);
    is_str(answer(r, &spec), "", "an answer under a CA that isn't trusted isn't hard");
    like(iossl_ocsp_resolver_soft_error(r), "the issuer of the certificate isn't trusted",
         "but can't be relied on");
    iossl_ocsp_resolver_free(r);
    is_int((long)iossl_ocsp_cache_count(iossl_ctx_get0_ocsp_cache(ctx)), 0,
           "nor is it remembered: who shares the cache may trust it");
    sk_X509_free(chain);
}

static void
test_usage(void)
{
    iossl_error *err = iossl_error_new();

    ok(iossl_ocsp_resolver_new_for_chain(ctx, 64, leaf.cert, NULL, err) == NULL
           && iossl_error_get_code(err) == IOSSL_E_USAGE,
       "a mode with unknown bits is refused");
    iossl_ocsp_resolver_free(NULL);
    iossl_error_free(err);
}

/* Digests that are broken can still be used with RSA. */
static void
give_rsa_key(test_identity *identity, const test_identity *issuer)
{
    EVP_PKEY_CTX *kctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    EVP_PKEY *key = NULL;

    if (kctx == NULL || EVP_PKEY_keygen_init(kctx) != 1 || EVP_PKEY_keygen(kctx, &key) != 1
        || X509_set_pubkey(identity->cert, key) != 1
        || X509_sign(identity->cert, issuer->key, EVP_sha256()) <= 0)
        bail_out("no RSA key");
    EVP_PKEY_CTX_free(kctx);
    EVP_PKEY_free(identity->key);
    identity->key = key;
}

int
main(void)
{
    const test_extension aia[] = {AIA};
    const test_extension for_ocsp[] = {{NID_ext_key_usage, "OCSPSigning"}};

    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "ca", .is_ca = 1});
    other_ca = test_identity_make(&(test_cert_spec){.common_name = "other ca", .is_ca = 1});
    sub = test_identity_extended(
        &(test_cert_spec){.common_name = "sub", .is_ca = 1, .issuer = &ca, .serial = 2}, aia, 1);
    leaf = test_identity_extended(
        &(test_cert_spec){.common_name = "leaf", .issuer = &sub, .serial = 3}, aia, 1);
    second = test_identity_extended(
        &(test_cert_spec){.common_name = "second", .issuer = &sub, .serial = 4}, aia, 1);
    no_uri = test_identity_make(
        &(test_cert_spec){.common_name = "silent", .issuer = &sub, .serial = 5});
    delegate = test_identity_extended(
        &(test_cert_spec){.common_name = "delegate", .issuer = &sub, .serial = 6}, for_ocsp, 1);
    no_usage = test_identity_make(
        &(test_cert_spec){.common_name = "no usage", .issuer = &sub, .serial = 7});
    expired = test_identity_extended(&(test_cert_spec){.common_name = "expired", .issuer = &sub,
                                                       .serial = 8, .from_s = -9000,
                                                       .to_s = -1000},
                                     for_ocsp, 1);
    foreign = test_identity_extended(
        &(test_cert_spec){.common_name = "foreign", .issuer = &other_ca, .serial = 9},
        (const test_extension[]){{NID_ext_key_usage, "OCSPSigning"}, AIA}, 2);
    rsa = test_identity_extended(
        &(test_cert_spec){.common_name = "rsa", .issuer = &sub, .serial = 10}, for_ocsp, 1);
    give_rsa_key(&rsa, &sub);
    impostor = test_identity_make(&(test_cert_spec){.common_name = "sub", .is_ca = 1});
    test_answers();
    test_garbage();
    test_questions();
    test_partial();
    test_nonce();
    test_memory();
    test_trust();
    test_usage();
    iossl_ctx_free(ctx);
    test_identity_free(&impostor);
    test_identity_free(&rsa);
    test_identity_free(&foreign);
    test_identity_free(&expired);
    test_identity_free(&no_usage);
    test_identity_free(&delegate);
    test_identity_free(&no_uri);
    test_identity_free(&second);
    test_identity_free(&leaf);
    test_identity_free(&sub);
    test_identity_free(&other_ca);
    test_identity_free(&ca);
    return done_testing();
}
