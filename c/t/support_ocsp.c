/*
 * support_ocsp.c - certificates that name responders, and responses, made in memory.
 */
#include "support_ocsp.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

static void
need(int good, const char *what)
{
    if (good)
        return;
    printf("Bail out!  test OCSP: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(255);
}

test_identity
test_identity_extended(const test_cert_spec *spec, const test_extension *extensions, size_t n)
{
    test_identity made = test_identity_make(spec);
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, spec->issuer == NULL ? made.cert : spec->issuer->cert, made.cert, NULL,
                   NULL, 0);
    for (size_t i = 0; i < n; i++) {
        X509_EXTENSION *ext = X509V3_EXT_nconf_nid(NULL, &ctx, extensions[i].nid,
                                                   extensions[i].value);

        need(ext != NULL && X509_add_ext(made.cert, ext, -1) == 1, extensions[i].value);
        X509_EXTENSION_free(ext);
    }
    need(X509_sign(made.cert, spec->issuer == NULL ? made.key : spec->issuer->key, EVP_sha256())
             > 0,
         "signing a certificate");
    return made;
}

static ASN1_TIME *
time_from_now(long seconds)
{
    ASN1_TIME *at = ASN1_GENERALIZEDTIME_set(NULL, time(NULL) + seconds);

    need(at != NULL, "a time");
    return at;
}

static void
add_about(OCSP_BASICRESP *basic, const test_ocsp_about *about, const EVP_MD *md)
{
    int is_default = about->from_s == 0 && about->to_s == 0;
    ASN1_TIME *from = time_from_now(is_default ? -3600 : about->from_s);
    ASN1_TIME *to = is_default ? time_from_now(3600)
                               : about->to_s == 0 ? NULL : time_from_now(about->to_s);
    ASN1_TIME *revoked = about->status == V_OCSP_CERTSTATUS_REVOKED ? time_from_now(-86400) : NULL;
    OCSP_CERTID *id = OCSP_cert_to_id(md == NULL ? EVP_sha1() : md, about->cert, about->issuer);

    need(id != NULL
             && OCSP_basic_add1_status(basic, id, about->status, about->reason, revoked, from, to)
                    != NULL,
         "adding a status");
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    ASN1_TIME_free(revoked);
}

/* Critical, and of no meaning. */
static X509_EXTENSION *
strange_extension(void)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);

    need(extension != NULL, "an extension");
    ASN1_OBJECT_free(oid);
    ASN1_OCTET_STRING_free(value);
    return extension;
}

static void
add_timestamps(OCSP_BASICRESP *basic, const ASN1_OCTET_STRING *timestamps)
{
    unsigned char *der = NULL;
    int len = i2d_ASN1_OCTET_STRING((ASN1_OCTET_STRING *)(uintptr_t)timestamps, &der);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;

    need(len > 0 && ASN1_OCTET_STRING_set(value, der, len) == 1, "timestamps");
    extension = X509_EXTENSION_create_by_NID(NULL, NID_ct_cert_scts, 0, value);
    need(extension != NULL
             && OCSP_SINGLERESP_add_ext(OCSP_resp_get0(basic, 0), extension, -1) == 1,
         "adding timestamps");
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    OPENSSL_free(der);
}

static void
add_strange_extensions(OCSP_BASICRESP *basic, const test_ocsp_spec *spec)
{
    X509_EXTENSION *extension = strange_extension();

    if (spec->critical_in_response)
        need(OCSP_BASICRESP_add_ext(basic, extension, -1) == 1, "adding it to a response");
    if (spec->critical_in_answer)
        need(OCSP_SINGLERESP_add_ext(OCSP_resp_get0(basic, 0), extension, -1) == 1,
             "adding it to an answer");
    X509_EXTENSION_free(extension);
}

unsigned char *
test_ocsp_response(const test_ocsp_spec *spec, size_t *len)
{
    OCSP_BASICRESP *basic = NULL;
    OCSP_RESPONSE *response;
    unsigned char *der = NULL;
    int n = 0;

    if (spec->response_status == OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        need((basic = OCSP_BASICRESP_new()) != NULL, "OCSP_BASICRESP_new");
        for (size_t i = 0; i < 3 && spec->about[i].cert != NULL; i++)
            add_about(basic, &spec->about[i], spec->id_md);
        if (spec->timestamps != NULL)
            add_timestamps(basic, spec->timestamps);
        add_strange_extensions(basic, spec);
        if (spec->request != NULL)
            need(OCSP_copy_nonce(basic, spec->request) > 0, "copying the nonce");
        need(OCSP_basic_sign(basic, spec->signer->cert, spec->signer->key,
                             spec->md == NULL ? EVP_sha256() : spec->md, NULL,
                             (spec->without_cert ? OCSP_NOCERTS : 0UL)
                                 | (spec->by_key ? OCSP_RESPID_KEY : 0UL))
                 == 1,
             "signing a response");
    }
    response = OCSP_response_create(spec->response_status, basic);
    need(response != NULL && (n = i2d_OCSP_RESPONSE(response, &der)) > 0, "making a response");
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    *len = (size_t)n;
    return der;
}
