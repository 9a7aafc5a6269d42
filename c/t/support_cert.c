/*
 * support_cert.c - certificates for tests, made in memory: see support_cert.h.
 */
#include "support_cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void
need(int good, const char *what)
{
    if (good)
        return;
    printf("Bail out!  test certificate: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(255);
}

/* The bytes that the text stands for, and how many; free() them. */
static unsigned char *
unescape(const char *text, size_t text_len, int *len)
{
    unsigned char *bytes = malloc(text_len + 1);
    size_t i, n = 0;

    need(bytes != NULL, "malloc");
    for (i = 0; i < text_len; i++) {
        unsigned int value;

        if (i + 3 < text_len && text[i] == '\\' && text[i + 1] == 'x'
            && sscanf(text + i + 2, "%2x", &value) == 1) {
            bytes[n++] = (unsigned char)value;
            i += 3;
        } else {
            bytes[n++] = (unsigned char)text[i];
        }
    }
    bytes[n] = 0;
    *len = (int)n;
    return bytes;
}

static EVP_PKEY *
make_key(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_PKEY *key = NULL;

    need(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1
             && EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) == 1
             && EVP_PKEY_keygen(ctx, &key) == 1,
         "making a key");
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void
add_common_name(X509_NAME *name, const char *text)
{
    unsigned char *bytes;
    int len;

    if (text == NULL)
        return;
    bytes = unescape(text, strlen(text), &len);
    need(X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING, bytes, len, -1, 0)
             == 1,
         "adding a common name");
    free(bytes);
}

static ASN1_STRING *
string_of(int type, const unsigned char *bytes, int len)
{
    ASN1_STRING *string = ASN1_STRING_type_new(type);

    need(string != NULL && ASN1_STRING_set(string, bytes, len) == 1, "making a string");
    return string;
}

static GENERAL_NAME *
make_altname(const char *type, size_t type_len, const char *text, size_t text_len)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    unsigned char address[16];
    X509_NAME *directory;
    ASN1_TYPE *other;
    unsigned char *bytes;
    int len, is_v4;

    need(name != NULL, "GENERAL_NAME_new");
    bytes = unescape(text, text_len, &len);
#define IS(known) (type_len == strlen(known) && memcmp(type, known, type_len) == 0)
    if (IS("DNS") || IS("email") || IS("URI")) {
        GENERAL_NAME_set0_value(name, IS("DNS") ? GEN_DNS : IS("email") ? GEN_EMAIL : GEN_URI,
                                string_of(V_ASN1_IA5STRING, bytes, len));
    } else if (IS("IP")) {
        is_v4 = inet_pton(AF_INET, (char *)bytes, address) == 1;
        need(is_v4 || inet_pton(AF_INET6, (char *)bytes, address) == 1, "reading an address");
        GENERAL_NAME_set0_value(name, GEN_IPADD,
                                string_of(V_ASN1_OCTET_STRING, address, is_v4 ? 4 : 16));
    } else if (IS("rawip")) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, string_of(V_ASN1_OCTET_STRING, bytes, len));
    } else if (IS("RID")) {
        GENERAL_NAME_set0_value(name, GEN_RID, OBJ_txt2obj((char *)bytes, 1));
        need(name->d.registeredID != NULL, "reading an object identifier");
    } else if (IS("dirname")) {
        need((directory = X509_NAME_new()) != NULL
                 && X509_NAME_add_entry_by_NID(directory, NID_commonName, V_ASN1_UTF8STRING, bytes,
                                               len, -1, 0)
                        == 1,
             "making a directory name");
        GENERAL_NAME_set0_value(name, GEN_DIRNAME, directory);
    } else if (IS("other")) {
        need((other = ASN1_TYPE_new()) != NULL, "ASN1_TYPE_new");
        ASN1_TYPE_set(other, V_ASN1_UTF8STRING, string_of(V_ASN1_UTF8STRING, bytes, len));
        need(GENERAL_NAME_set0_othername(name, OBJ_txt2obj("1.3.6.1.4.1.311.20.2.3", 1), other)
                 == 1,
             "making an otherName");
    } else {
        need(0, "an alternative name of unknown type");
    }
#undef IS
    free(bytes);
    return name;
}

static void
add_altnames(X509 *cert, const char *text, unsigned long flags)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    const char *end, *colon;

    need(names != NULL, "making alternative names");
    for (; *text != '\0'; text = *end == ',' ? end + 1 : end) {
        end = strchr(text, ',');
        if (end == NULL)
            end = text + strlen(text);
        colon = memchr(text, ':', (size_t)(end - text));
        need(colon != NULL, "an alternative name without type");
        need(sk_GENERAL_NAME_push(names, make_altname(text, (size_t)(colon - text), colon + 1,
                                                      (size_t)(end - colon) - 1))
                 > 0,
             "adding an alternative name");
    }
    need(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, flags) == 1,
         "adding the alternative names");
    GENERAL_NAMES_free(names);
}

static void
add_raw_altnames(X509 *cert, const char *text)
{
    X509_EXTENSION *extension;
    ASN1_OCTET_STRING *octets;
    unsigned char *bytes;
    int len;

    bytes = unescape(text, strlen(text), &len);
    octets = string_of(V_ASN1_OCTET_STRING, bytes, len);
    extension = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, octets);
    need(extension != NULL && X509_add_ext(cert, extension, -1) == 1, "adding a raw extension");
    X509_EXTENSION_free(extension);
    ASN1_STRING_free(octets);
    free(bytes);
}

static void
add_basic_constraints(X509 *cert)
{
    BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();

    need(constraints != NULL, "BASIC_CONSTRAINTS_new");
    constraints->ca = 1;
    need(X509_add1_ext_i2d(cert, NID_basic_constraints, constraints, 1, 0) == 1,
         "adding basic constraints");
    BASIC_CONSTRAINTS_free(constraints);
}

static void
add_constraints(X509 *cert, const char *text)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_name_constraints, text);

    need(extension != NULL && X509_add_ext(cert, extension, -1) == 1, "adding name constraints");
    X509_EXTENSION_free(extension);
}

/* "name=value|name=value"; key identifiers are taken from cert and issuer. */
static void
add_extensions(X509 *cert, X509 *issuer, const char *text)
{
    char *copy = strdup(text), *rest = copy, *one;
    X509V3_CTX ctx;

    need(copy != NULL, "strdup");
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    while ((one = strsep(&rest, "|")) != NULL) {
        char *value = strchr(one, '=');
        X509_EXTENSION *extension;

        need(value != NULL, "an extension as name=value");
        *value++ = '\0';
        extension = X509V3_EXT_conf(NULL, &ctx, one, value);
        need(extension != NULL && X509_add_ext(cert, extension, -1) == 1, one);
        X509_EXTENSION_free(extension);
    }
    free(copy);
}

static EVP_PKEY *
key_of(const test_cert_spec *spec)
{
    EVP_PKEY *key = (EVP_PKEY *)(uintptr_t)spec->key;   /* only its count of references changes */

    if (key == NULL)
        return make_key();
    need(EVP_PKEY_up_ref(key) == 1, "sharing a key");
    return key;
}

/* Keys as Ed25519 have a digest of their own. */
static const EVP_MD *
digest_of(const test_cert_spec *spec, const EVP_PKEY *key)
{
    int nid = EVP_PKEY_base_id(key);

    if (nid == EVP_PKEY_ED25519 || nid == EVP_PKEY_ED448)
        return NULL;
    if (EVP_PKEY_get_default_digest_nid((EVP_PKEY *)(uintptr_t)key, &nid) == 2 && nid == NID_undef)
        return NULL;
    return spec->digest == NULL ? EVP_sha256() : EVP_get_digestbyname(spec->digest);
}

test_identity
test_identity_make(const test_cert_spec *spec)
{
    test_identity made = { X509_new(), key_of(spec) };
    const test_identity *issuer = spec->issuer != NULL ? spec->issuer : &made;
    long from = spec->from_s == 0 && spec->to_s == 0 ? -3600 : spec->from_s;
    long to = spec->from_s == 0 && spec->to_s == 0 ? 86400 : spec->to_s;
    X509_NAME *subject = X509_NAME_new();

    need(made.cert != NULL && subject != NULL, "X509_new");
    add_common_name(subject, spec->common_name);
    add_common_name(subject, spec->second_common_name);
    need(X509_set_version(made.cert, 2) == 1
             && ASN1_INTEGER_set(X509_get_serialNumber(made.cert),
                                 spec->serial != 0 ? spec->serial : 1)
                    == 1
             && X509_gmtime_adj(X509_getm_notBefore(made.cert), from) != NULL
             && X509_gmtime_adj(X509_getm_notAfter(made.cert), to) != NULL
             && X509_set_subject_name(made.cert, subject) == 1
             && X509_set_issuer_name(made.cert, X509_get_subject_name(issuer->cert)) == 1
             && X509_set_pubkey(made.cert, made.key) == 1,
         "filling a certificate");
    if (spec->is_ca)
        add_basic_constraints(made.cert);
    if (spec->altnames != NULL)
        add_altnames(made.cert, spec->altnames, X509V3_ADD_DEFAULT);
    if (spec->altnames != NULL && spec->altnames_twice)
        add_altnames(made.cert, spec->altnames, X509V3_ADD_APPEND);
    if (spec->raw_altnames != NULL)
        add_raw_altnames(made.cert, spec->raw_altnames);
    if (spec->constraints != NULL)
        add_constraints(made.cert, spec->constraints);
    if (spec->extensions != NULL)
        add_extensions(made.cert, issuer->cert, spec->extensions);
    need(X509_sign(made.cert, issuer->key, digest_of(spec, issuer->key)) > 0,
         "signing a certificate");
    X509_NAME_free(subject);
    return made;
}

void
test_identity_free(test_identity *identity)
{
    X509_free(identity->cert);
    EVP_PKEY_free(identity->key);
    identity->cert = NULL;
    identity->key = NULL;
}

X509 *
test_cert(const char *common_name, const char *altnames)
{
    test_cert_spec spec = { .common_name = common_name, .altnames = altnames };
    test_identity made = test_identity_make(&spec);

    EVP_PKEY_free(made.key);
    return made.cert;
}

static void
revoke(X509_CRL *crl, long serial, const ASN1_TIME *when)
{
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();

    need(revoked != NULL && number != NULL && ASN1_INTEGER_set(number, serial) == 1
             && X509_REVOKED_set_serialNumber(revoked, number) == 1
             && X509_REVOKED_set_revocationDate(revoked, (ASN1_TIME *)(uintptr_t)when) == 1
             && X509_CRL_add0_revoked(crl, revoked) == 1,
         "revoking a certificate");
    ASN1_INTEGER_free(number);
}

BIO *
test_crl(const test_identity *ca, long serial, long to_s)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, to_s > 0 ? -60 : to_s - 60);
    ASN1_TIME *until = X509_gmtime_adj(NULL, to_s);
    BIO *pem = BIO_new(BIO_s_mem());

    need(crl != NULL && from != NULL && until != NULL && pem != NULL, "a revocation list");
    if (serial != 0)
        revoke(crl, serial, from);
    need(X509_CRL_set_version(crl, 1) == 1
             && X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert)) == 1
             && X509_CRL_set1_lastUpdate(crl, from) == 1
             && X509_CRL_set1_nextUpdate(crl, until) == 1
             && X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0
             && PEM_write_bio_X509_CRL(pem, crl) == 1,
         "making a revocation list");
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    X509_CRL_free(crl);
    return pem;
}
