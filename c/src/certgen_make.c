/*
 * certgen_make.c - the certificate that comes of it all: its body, its extensions, its signature.
 *
 * Owns      the defaults, the order of extensions, which of them a certificate gets, and what can't
 *           go together.
 * Promises  making a certificate leaves the builder as it was, so that it can make the next one.
 * Leaves    what purposes come to to purposes.c, extensions that were asked for to certext.c.
 * See       RFC 5280 section 4, X509_sign(3).
 */
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "certgen_parts.h"
#include "error.h"

#define DEFAULT_DAYS     365
#define DEFAULT_RSA_BITS 2048

/* What a certificate is made of while it is made. */
typedef struct {
    const iossl_certgen *gen;
    X509 *cert;
    X509 *issuer;     /* borrowed; cert itself where self-signed */
    EVP_PKEY *signer; /* borrowed */
    iossl_error *err;
} workpiece;

/* ---- Body ------------------------------------------------------------------------------------ */

/* UTCTime up to 2049, else GeneralizedTime, as RFC 5280 section 4.1.2.5 has it. */
static bool
set_time(ASN1_TIME *out, int64_t time)
{
    return ASN1_TIME_set(out, (time_t)time) != NULL;
}

static bool
set_default_subject(X509_NAME *name)
{
    static const char organization[] = "IO::Socket::SSL", common[] = "IO::Socket::SSL Test";

    return X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8,
                                      (const unsigned char *)organization, -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)common, -1, -1, 0) == 1;
}

/* 32 bits that nobody can foresee; never 0, which RFC 5280 forbids. */
static bool
set_random_serial(ASN1_INTEGER *out)
{
    unsigned char bytes[4];
    uint64_t serial = 0;

    while (serial == 0) {
        if (RAND_bytes(bytes, sizeof bytes) != 1)
            return false;
        serial = (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 |
                 bytes[3];
    }
    return ASN1_INTEGER_set_uint64(out, serial) == 1;
}

/* All but extensions and signature. */
static bool
fill_body(const workpiece *w, EVP_PKEY *key)
{
    const iossl_certgen *gen = w->gen;
    int64_t now = (int64_t)time(NULL);
    X509 *cert = w->cert;

    return X509_set_version(cert, gen->version) == 1 &&
           (gen->serial != NULL ? X509_set_serialNumber(cert, gen->serial) == 1
                                : set_random_serial(X509_get_serialNumber(cert))) &&
           set_time(X509_getm_notBefore(cert), gen->has_not_before ? gen->not_before : now) &&
           set_time(X509_getm_notAfter(cert),
                    gen->has_not_after ? gen->not_after : now + INT64_C(86400) * DEFAULT_DAYS) &&
           (gen->subject != NULL ? X509_set_subject_name(cert, gen->subject) == 1
                                 : set_default_subject(X509_get_subject_name(cert))) &&
           X509_set_issuer_name(cert, X509_get_subject_name(w->issuer)) == 1 &&
           X509_set_pubkey(cert, key) == 1;
}

/* ---- Extensions ------------------------------------------------------------------------------ */

/* The identifier of the certificate's key, in method 1 of RFC 5280 section 4.2.1.2. */
static ASN1_OCTET_STRING *
make_key_identifier(const X509 *cert)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len;

    if (id == NULL || X509_pubkey_digest(cert, EVP_sha1(), digest, &len) != 1 ||
        ASN1_OCTET_STRING_set(id, digest, (int)len) != 1) {
        ASN1_OCTET_STRING_free(id);
        return NULL;
    }
    return id;
}

static bool
add(const workpiece *w, int nid, void *value, bool critical)
{
    return X509_add1_ext_i2d(w->cert, nid, value, critical, X509V3_ADD_APPEND) == 1;
}

static bool
add_subject_key_identifier(const workpiece *w)
{
    ASN1_OCTET_STRING *id = make_key_identifier(w->cert);
    bool added = id != NULL && add(w, NID_subject_key_identifier, id, false);

    ASN1_OCTET_STRING_free(id);
    return added;
}

/* As the issuer calls its key; empty where that is the key that is certified. */
static bool
add_authority_key_identifier(const workpiece *w)
{
    AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
    bool added = false;

    if (id == NULL)
        return false;
    if (w->issuer != w->cert) {
        id->keyid = X509_get_ext_d2i(w->issuer, NID_subject_key_identifier, NULL, NULL);
        if (id->keyid == NULL && (id->keyid = make_key_identifier(w->issuer)) == NULL)
            goto done;
    }
    added = add(w, NID_authority_key_identifier, id, false);
done:
    AUTHORITY_KEYID_free(id);
    return added;
}

static bool
add_basic_constraints(const workpiece *w, bool is_ca)
{
    BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    bool added;

    if (constraints == NULL)
        return false;
    constraints->ca = is_ca ? 0xff : 0; /* the value that DER has for true */
    added = add(w, NID_basic_constraints, constraints, true);
    BASIC_CONSTRAINTS_free(constraints);
    return added;
}

/* keyUsage or nsCertType; without any bit there is no such extension. */
static bool
add_bits(const workpiece *w, int nid, unsigned int bits, bool critical)
{
    ASN1_BIT_STRING *string;
    bool added = false;

    if (bits == 0)
        return true;
    if ((string = ASN1_BIT_STRING_new()) == NULL)
        return false;
    for (int i = 0; bits >> i != 0; i++) {
        if ((bits >> i & 1) != 0 && ASN1_BIT_STRING_set_bit(string, i, 1) != 1)
            goto done;
    }
    added = add(w, nid, string, critical);
done:
    ASN1_BIT_STRING_free(string);
    return added;
}

static bool
add_ext_key_usage(const workpiece *w, unsigned int bits)
{
    EXTENDED_KEY_USAGE *usage;
    bool added = false;

    if (bits == 0)
        return true;
    if ((usage = sk_ASN1_OBJECT_new_null()) == NULL)
        return false;
    for (size_t i = 0; i < IOSSL_N_EXT_KEY_USAGE; i++) {
        /* These objects are OpenSSL's constants, which nobody frees. */
        if ((bits >> i & 1) != 0 &&
            sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(iossl_ext_key_usage_nids[i])) <= 0)
            goto done;
    }
    added = add(w, NID_ext_key_usage, usage, false);
done:
    sk_ASN1_OBJECT_free(usage);
    return added;
}

/* The names are critical if an extension of their kind was asked for as critical: it is left out in
 * favour of the names, as from a description, which has both, but not that. */
static bool
add_altnames(const workpiece *w)
{
    const iossl_certgen *gen = w->gen;
    bool critical = false;

    if (gen->altnames == NULL)
        return true;
    for (size_t i = 0; i < gen->n_extensions; i++) {
        if (OBJ_obj2nid(gen->extensions[i].id) == NID_subject_alt_name)
            critical = critical || gen->extensions[i].critical;
    }
    return add(w, NID_subject_alt_name, gen->altnames, critical);
}

/* Extensions that come from something else than iossl_certgen_add_extension(). */
static bool
add_own_extensions(const workpiece *w)
{
    const iossl_certgen *gen = w->gen;
    iossl_usage usage;

    if (!add_subject_key_identifier(w) || !add_authority_key_identifier(w) || !add_altnames(w))
        return false;
    if (gen->is_plain)
        return true;
    usage = iossl_purposes_usage(&gen->purposes, gen->is_ca);
    return add_basic_constraints(w, usage.is_ca) &&
           add_bits(w, NID_key_usage, usage.key_usage, true) &&
           add_bits(w, NID_netscape_cert_type, usage.ns_cert_type, false) &&
           add_ext_key_usage(w, usage.ext_key_usage);
}

/* Kinds that are left out where they are there already: the ones above can make. */
static const int OWN_KINDS[] = {
    NID_subject_key_identifier,
    NID_authority_key_identifier,
    NID_subject_alt_name,
    NID_basic_constraints,
    NID_key_usage,
    NID_netscape_cert_type,
    NID_ext_key_usage,
};

/* Which of them the certificate has, one bit for each. */
static unsigned int
own_kinds_there(const X509 *cert)
{
    unsigned int there = 0;

    for (size_t i = 0; i < sizeof OWN_KINDS / sizeof *OWN_KINDS; i++) {
        if (X509_get_ext_by_NID(cert, OWN_KINDS[i], -1) >= 0)
            there |= 1U << i;
    }
    return there;
}

static bool
is_among(unsigned int kinds, int nid)
{
    for (size_t i = 0; i < sizeof OWN_KINDS / sizeof *OWN_KINDS; i++) {
        if (OWN_KINDS[i] == nid)
            return (kinds >> i & 1) != 0;
    }
    return false;
}

static bool
add_extensions(const workpiece *w)
{
    unsigned int there;

    if (!add_own_extensions(w)) {
        iossl_error_set_openssl(w->err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "cannot add the extensions of the certificate:");
        return false;
    }
    there = own_kinds_there(w->cert);
    for (size_t i = 0; i < w->gen->n_extensions; i++) {
        const iossl_certext *ext = &w->gen->extensions[i];
        X509_EXTENSION *made;
        bool added;

        if (is_among(there, OBJ_obj2nid(ext->id)))
            continue;
        if ((made = iossl_certext_make(ext, w->cert, w->issuer, w->err)) == NULL)
            return false;
        added = X509_add_ext(w->cert, made, -1) == 1;
        X509_EXTENSION_free(made);
        if (!added) {
            iossl_error_memory(w->err);
            return false;
        }
    }
    return true;
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* Combinations that no certificate can have. */
static bool
is_consistent(const iossl_certgen *gen, iossl_error *err)
{
    bool has_purposes = gen->is_ca || iossl_purposes_any(&gen->purposes);

    if (gen->version < 2 && (has_purposes || gen->altnames != NULL || gen->n_extensions > 0)) {
        iossl_error_set(
            err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
            "a certificate of version %ld has no extensions, so no purpose, alternative "
            "name or other one; set version 2 (v3)",
            gen->version);
        return false;
    }
    if (gen->is_plain && has_purposes) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                        "a certificate with plain extensions gets no purpose; add keyUsage and the "
                        "like as extensions, or don't set it plain");
        return false;
    }
    return true;
}

/* NULL where the kind of key has a digest of its own (RFC 8410). */
static const EVP_MD *
choose_digest(const EVP_PKEY *key, const EVP_MD *wanted)
{
    int type = EVP_PKEY_id(key);

    return type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448 ? NULL : wanted;
}

static bool
sign(const workpiece *w)
{
    const EVP_MD *md = choose_digest(w->signer, w->gen->digest);

    if (X509_sign(w->cert, w->signer, md) > 0)
        return true;
    iossl_error_set_openssl(
        w->err, IOSSL_E_KEY, IOSSL_RANK_FATAL,
        "cannot sign the certificate with this key%s%s:", md != NULL ? " and digest " : "",
        md != NULL ? OBJ_nid2sn(EVP_MD_type(md)) : "");
    return false;
}

X509 *
iossl_certgen_make(const iossl_certgen *gen, EVP_PKEY **key, iossl_error *err)
{
    workpiece w = {.gen = gen, .err = err};
    EVP_PKEY *own = NULL;
    X509 *result = NULL;

    if (key != NULL)
        *key = NULL;
    ERR_clear_error();
    if (!is_consistent(gen, err))
        goto done;
    if (gen->key != NULL) {
        EVP_PKEY_up_ref(gen->key);
        own = gen->key;
    } else if ((own = iossl_key_new_rsa(DEFAULT_RSA_BITS, err)) == NULL) {
        goto done;
    }
    if ((w.cert = X509_new()) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    w.issuer = gen->issuer != NULL ? gen->issuer : w.cert;
    w.signer = gen->issuer_key != NULL ? gen->issuer_key : own;
    if (!fill_body(&w, own)) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "cannot fill the certificate:");
        goto done;
    }
    if ((gen->version == 2 && !add_extensions(&w)) || !sign(&w))
        goto done;
    result = w.cert; /* ownership of both moves to the caller */
    w.cert = NULL;
    if (key != NULL) {
        *key = own;
        own = NULL;
    }
done:
    X509_free(w.cert);
    EVP_PKEY_free(own);
    ERR_clear_error();
    return result;
}
