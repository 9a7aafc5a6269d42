/*
 * certgen_copy.c - the content of another certificate, for one that is made after it.
 *
 * Owns      what is taken over: all but keys, their identifiers and the signature; which extensions are
 *           of no use under another issuer.
 * Promises  what fails changes nothing.
 * Leaves    reading a certificate to certinfo.c.
 * See       RFC 5280 section 4.2.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "certgen_parts.h"
#include "certinfo.h"
#include "error.h"

static bool
is_key_identifier(int nid)
{
    return nid == NID_subject_key_identifier || nid == NID_authority_key_identifier;
}

/* All extensions byte by byte, but those that belong to the keys. */
static iossl_status
copy_extensions(iossl_certgen *gen, const X509 *cert, iossl_error *err)
{
    for (int i = 0; i < X509_get_ext_count(cert); i++) {
        X509_EXTENSION *extension = X509_get_ext(cert, i);
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
        iossl_certext ext = {.critical = X509_EXTENSION_get_critical(extension) > 0};

        if (is_key_identifier(OBJ_obj2nid(X509_EXTENSION_get_object(extension))))
            continue;
        ext.der_len = (size_t)ASN1_STRING_length(value);
        ext.id = OBJ_dup(X509_EXTENSION_get_object(extension));
        ext.der = malloc(ext.der_len > 0 ? ext.der_len : 1);
        if (ext.id == NULL || ext.der == NULL) {
            iossl_certext_cleanup(&ext);
            iossl_error_memory(err);
            return IOSSL_ERROR;
        }
        if (ext.der_len > 0)
            memcpy(ext.der, ASN1_STRING_get0_data(value), ext.der_len);
        if (iossl_certgen_push_extension(gen, &ext, err) != IOSSL_OK)
            return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

/* The digest of a signature; NULL where it has none, or OpenSSL has none by that name. */
static const EVP_MD *
find_digest(int signature)
{
    int digest = NID_undef;
    const char *tail;

    if (OBJ_find_sigid_algs(signature, &digest, NULL) == 1)
        return digest != NID_undef ? EVP_get_digestbynid(digest) : NULL;
    /* OpenSSL's table lacks some, as ecdsa_with_SHA3-256; then the name tells. */
    tail = OBJ_nid2sn(signature);
    while (tail != NULL && (tail = strpbrk(tail, "-_")) != NULL) {
        const EVP_MD *md = EVP_get_digestbyname(++tail);

        if (md != NULL)
            return md;
    }
    return NULL;
}

void
iossl_certgen_set_digest_of(iossl_certgen *gen, const char *signature_alg)
{
    const EVP_MD *digest = find_digest(OBJ_txt2nid(signature_alg));

    if (digest != NULL)
        gen->digest = digest;
    ERR_clear_error();
}

/* Fills a new builder. */
static iossl_status
copy_content(iossl_certgen *gen, const X509 *cert, const iossl_certinfo *info, iossl_error *err)
{
    const EVP_MD *digest = find_digest(X509_get_signature_nid(cert));

    gen->subject = X509_NAME_dup((X509_NAME *)X509_get_subject_name(cert));
    gen->serial = ASN1_INTEGER_dup((ASN1_INTEGER *)X509_get0_serialNumber(cert));
    if (gen->subject == NULL || gen->serial == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    /* An old version with extensions, or an unknown one, isn't taken over: v3 is what it means. */
    if ((info->version == 0 || info->version == 1) && info->n_extensions == 0)
        gen->version = info->version;
    gen->is_plain = true;
    if ((info->not_before != IOSSL_NO_TIME &&
         iossl_certgen_set_not_before(gen, info->not_before, err) != IOSSL_OK) ||
        (info->not_after != IOSSL_NO_TIME &&
         iossl_certgen_set_not_after(gen, info->not_after, err) != IOSSL_OK))
        return IOSSL_ERROR;
    if (digest != NULL)
        gen->digest = digest;
    return copy_extensions(gen, cert, err);
}

iossl_status
iossl_certgen_copy(iossl_certgen *gen, const X509 *cert, iossl_error *err)
{
    iossl_certgen *fresh = NULL, old;
    iossl_status status = IOSSL_ERROR;
    iossl_certinfo *info;

    if ((info = iossl_certinfo_new(cert, err)) == NULL ||
        (fresh = iossl_certgen_new(err)) == NULL ||
        copy_content(fresh, cert, info, err) != IOSSL_OK)
        goto done;
    iossl_certgen_set_key(fresh, gen->key);
    iossl_certgen_set_issuer(fresh, gen->issuer, gen->issuer_key);
    old = *gen; /* the contents change places: */
    *gen = *fresh;
    *fresh = old; /* what was there goes below */
    status = IOSSL_OK;
done:
    iossl_certinfo_free(info);
    iossl_certgen_free(fresh);
    ERR_clear_error();
    return status;
}

/* Kinds that mean nothing, or harm, under another issuer. */
static const int OF_THE_ISSUER[] = {
    NID_undef, /* unknown: who can tell */
    NID_info_access,
    NID_certificate_policies,
    NID_crl_distribution_points,
    NID_freshest_crl,
    NID_ct_precert_scts,
    NID_ct_precert_poison,
    NID_tlsfeature,
};

static bool
is_of_the_issuer(const iossl_certext *ext)
{
    int nid = OBJ_obj2nid(ext->id);

    for (size_t i = 0; i < sizeof OF_THE_ISSUER / sizeof *OF_THE_ISSUER; i++) {
        if (OF_THE_ISSUER[i] == nid)
            return true;
    }
    return false;
}

void
iossl_certgen_forget_issuer(iossl_certgen *gen)
{
    size_t kept = 0;

    for (size_t i = 0; i < gen->n_extensions; i++) {
        if (is_of_the_issuer(&gen->extensions[i]))
            iossl_certext_cleanup(&gen->extensions[i]);
        else
            gen->extensions[kept++] = gen->extensions[i];
    }
    gen->n_extensions = kept;
}
