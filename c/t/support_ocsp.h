/*
 * support_ocsp.h - certificates that name responders, and responses, made in memory.
 */
#ifndef SUPPORT_OCSP_H
#define SUPPORT_OCSP_H

#include <openssl/ocsp.h>

#include "support_cert.h"

/* An identity with extensions as openssl.cnf writes them, up to three; NULLs: fewer. */
typedef struct test_extension {
    int nid;
    const char *value;
} test_extension;
test_identity test_identity_extended(const test_cert_spec *spec, const test_extension *extensions,
                                     size_t n);

/* What a response says of one certificate. */
typedef struct test_ocsp_about {
    X509 *cert, *issuer;
    int status, reason;             /* V_OCSP_CERTSTATUS_*, OCSP_REVOKED_STATUS_* */
    long from_s, to_s;              /* from now; both 0: an hour ago, for another; to_s 0: no end */
} test_ocsp_about;

typedef struct test_ocsp_spec {
    int response_status;            /* 0: successful; else there is nothing more in it */
    const test_identity *signer;
    int without_cert;               /* the signer's certificate isn't sent with it */
    int by_key;                     /* names the signer by its key, not by its name */
    const EVP_MD *md;               /* of the signature; NULL: SHA-256 */
    const EVP_MD *id_md;            /* of the certificate ids; NULL: SHA-1 */
    OCSP_REQUEST *request;          /* whose nonce is repeated */
    int critical_in_response, critical_in_answer;   /* an extension nobody knows, critical */
    const ASN1_OCTET_STRING *timestamps;    /* SCTs (RFC 6962 section 3.3) of the first; NULL: none */
    test_ocsp_about about[3];       /* up to the first without cert */
} test_ocsp_spec;

/* The DER; OPENSSL_free() it. */
unsigned char *test_ocsp_response(const test_ocsp_spec *spec, size_t *len);

#endif
