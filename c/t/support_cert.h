/*
 * support_cert.h - certificates for tests, made in memory.
 *
 *     X509 *cert = test_cert("www.example.test", "DNS:www.example.test,IP:127.0.0.1");
 *
 * Alternative names are written TYPE:value with commas between; TYPE is DNS, IP, email, URI, RID,
 * dirname (its common name), other (an otherName with that text) or rawip (an iPAddress of these
 * very bytes). In values and in common names \xNN stands for a byte, so that NULs, commas and
 * garbage can be written. Everything fails by ending the program: a test without its certificate
 * proves nothing.
 */
#ifndef SUPPORT_CERT_H
#define SUPPORT_CERT_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* Self-signed with an ECDSA key, valid from an hour ago for a day. NULLs: no such name. */
X509 *test_cert(const char *common_name, const char *altnames);

/* A certificate with its key. */
typedef struct test_identity {
    X509 *cert;
    EVP_PKEY *key;
} test_identity;

typedef struct test_cert_spec {
    const char *common_name;        /* NULL: an empty subject                                     */
    const char *second_common_name; /* NULL: none                                                 */
    const char *altnames;           /* NULL: no such extension                                    */
    const char *raw_altnames;       /* instead of it: the extension's bytes, \xNN for each        */
    int altnames_twice;             /* the extension is there a second time                       */
    const test_identity *issuer;    /* NULL: self-signed                                          */
    const char *constraints;        /* nameConstraints as in openssl.cnf; NULL: none              */
    const char *extensions;         /* others as there: "keyUsage=critical,keyCertSign|..."; NULL  */
    const EVP_PKEY *key;            /* NULL: a new one                                            */
    const char *digest;             /* NULL: SHA256                                               */
    int is_ca;
    long from_s, to_s;              /* seconds from now; both 0: an hour ago for a day            */
    long serial;                    /* 0: 1                                                       */
} test_cert_spec;

/* A revocation list in PEM, signed now, good until then (seconds from now); serial 0: an empty one. */
BIO *test_crl(const test_identity *ca, long serial, long to_s);

/* test_identity_free() it. */
test_identity test_identity_make(const test_cert_spec *spec);
void test_identity_free(test_identity *identity);

#endif
