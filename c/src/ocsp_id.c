/*
 * ocsp_id.c - the name that OCSP has for a certificate: see ocsp_id.h.
 *
 * OpenSSL makes one, but fetches its digest from the default library context, and has no function that
 * would take the parts; so they are put together as the DER that they have on the wire.
 */
#include "ocsp_id.h"

#include <limits.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>

#include "compat.h"

/* The parts of a CertID, in their order. */
typedef struct {
    X509_ALGOR *algorithm;
    ASN1_OCTET_STRING *name, *key;
    const ASN1_INTEGER *serial;     /* borrowed of the certificate */
} parts;

static bool
digest_into(ASN1_OCTET_STRING *out, const EVP_MD *md, const unsigned char *bytes, size_t len)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int used = 0;

    return out != NULL && EVP_Digest(bytes, len, digest, &used, md, NULL) == 1
           && ASN1_OCTET_STRING_set(out, digest, (int)used) == 1;
}

bool
iossl_ocsp_id_names(const OCSP_CERTID *id, const X509 *cert, const iossl_library *library)
{
    ASN1_OCTET_STRING *theirs = NULL, *ours = NULL;
    ASN1_INTEGER *serial = NULL;
    ASN1_OBJECT *digest = NULL;
    EVP_MD *fetched = NULL;
    const EVP_MD *md = NULL;
    const unsigned char *name;
    size_t len;
    bool same = false;

    if (OCSP_id_get0_info(&theirs, &digest, NULL, &serial, (OCSP_CERTID *)(uintptr_t)id) != 1
        || ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(cert)) != 0)
        return false;
    if (iossl_library_is_default(library))
        md = EVP_get_digestbyobj(digest);
    else
        md = fetched = iossl_compat_fetch_md(library, OBJ_nid2sn(OBJ_obj2nid(digest)));
    if (md != NULL && X509_NAME_get0_der(X509_get_issuer_name(cert), &name, &len) == 1
        && (ours = ASN1_OCTET_STRING_new()) != NULL && digest_into(ours, md, name, len))
        same = ASN1_OCTET_STRING_cmp(ours, theirs) == 0;
    ASN1_OCTET_STRING_free(ours);
    iossl_compat_free_md(fetched);
    return same;
}

static bool
fill(parts *p, const EVP_MD *md, int digest, const X509 *cert, const X509 *issuer)
{
    const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(issuer);
    const unsigned char *name;
    size_t name_len;

    p->serial = X509_get0_serialNumber(cert);
    p->algorithm = X509_ALGOR_new();
    p->name = ASN1_OCTET_STRING_new();
    p->key = ASN1_OCTET_STRING_new();
    return p->algorithm != NULL && p->serial != NULL && key != NULL
           && X509_ALGOR_set0(p->algorithm, OBJ_nid2obj(digest), V_ASN1_NULL, NULL) == 1
           && X509_NAME_get0_der(X509_get_issuer_name(cert), &name, &name_len) == 1
           && digest_into(p->name, md, name, name_len)
           && digest_into(p->key, md, ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key));
}

/* The parts behind each other; only their length where at is NULL. */
static int
write_parts(const parts *p, unsigned char **at)
{
    int len = i2d_X509_ALGOR(p->algorithm, at);

    len += i2d_ASN1_OCTET_STRING(p->name, at);
    len += i2d_ASN1_OCTET_STRING(p->key, at);
    return len + i2d_ASN1_INTEGER((ASN1_INTEGER *)(uintptr_t)p->serial, at);
}

static OCSP_CERTID *
assemble(const parts *p)
{
    int inner = write_parts(p, NULL), len = ASN1_object_size(1, inner, V_ASN1_SEQUENCE);
    unsigned char *der = len > 0 ? malloc((size_t)len) : NULL, *at = der;
    const unsigned char *from = der;
    OCSP_CERTID *id = NULL;

    if (der != NULL) {
        ASN1_put_object(&at, 1, inner, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
        (void)write_parts(p, &at);
        id = d2i_OCSP_CERTID(NULL, &from, len);
    }
    free(der);
    return id;
}

OCSP_CERTID *
iossl_ocsp_id_new(const iossl_library *library, int digest, const X509 *cert, const X509 *issuer)
{
    parts p = {.algorithm = NULL};
    OCSP_CERTID *id = NULL;
    EVP_MD *md;

    if (iossl_library_is_default(library)) {
        const EVP_MD *usual = EVP_get_digestbynid(digest);

        return usual == NULL ? NULL : OCSP_cert_to_id(usual, cert, issuer);
    }
    if ((md = iossl_compat_fetch_md(library, OBJ_nid2sn(digest))) != NULL
        && fill(&p, md, digest, cert, issuer))
        id = assemble(&p);
    X509_ALGOR_free(p.algorithm);
    ASN1_OCTET_STRING_free(p.name);
    ASN1_OCTET_STRING_free(p.key);
    iossl_compat_free_md(md);
    return id;
}
