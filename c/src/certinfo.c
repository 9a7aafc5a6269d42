/*
 * certinfo.c - reading a certificate: subject, issuer, common name, alternative names.
 *
 * Owns      the conversion of what OpenSSL holds into plain C strings and bytes.
 * Promises  certificates stay unchanged; lengths are always told, so that a NUL byte in a name is
 *           seen, not obeyed; the error queue is empty on leaving.
 * Leaves    what a name is good for to names.c.
 * See       RFC 5280 section 4.2.1.6, X509_NAME_oneline(3), X509_get_ext_d2i(3).
 */
#include "certinfo.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>

/* A copy in memory of our own, which iossl_free() takes, with a NUL after it. NULL: no memory. */
static char *
copy_text(const void *text, size_t len)
{
    char *copy = malloc(len + 1);

    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

/* X509_NAME_oneline() into a buffer of its own doesn't cut the text off. */
static char *
name_text(const X509_NAME *name)
{
    char *text = X509_NAME_oneline(name, NULL, 0);
    char *copy = text != NULL ? copy_text(text, strlen(text)) : NULL;

    OPENSSL_free(text);
    ERR_clear_error();
    return copy;
}

char *
iossl_cert_subject(const X509 *cert)
{
    return name_text(X509_get_subject_name(cert));
}

char *
iossl_cert_issuer(const X509 *cert)
{
    return name_text(X509_get_issuer_name(cert));
}

char *
iossl_cert_common_name(const X509 *cert, size_t *len)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    const X509_NAME_ENTRY *entry;
    unsigned char *utf8 = NULL;
    char *copy = NULL;
    int last = -1, next = -1, utf8_len;

    *len = 0;
    while ((next = X509_NAME_get_index_by_NID((X509_NAME *)subject, NID_commonName, next)) >= 0)
        last = next;
    if (last < 0 || (entry = X509_NAME_get_entry(subject, last)) == NULL)
        goto done;
    utf8_len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    if (utf8_len < 0)
        goto done;
    if ((copy = copy_text(utf8, (size_t)utf8_len)) != NULL)
        *len = (size_t)utf8_len;
done:
    OPENSSL_free(utf8);
    ERR_clear_error();
    return copy;
}

bool
iossl_certinfo_get1_altnames(const X509 *cert, GENERAL_NAMES **out)
{
    int critical = -1;  /* stays so where the extension isn't there, else >= 0, or -2: twice */

    *out = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
    ERR_clear_error();
    return *out != NULL || critical == -1;
}

/* Hands one name out; what has no plain form is passed over. False: stop. */
static bool
hand_out(const GENERAL_NAME *name, iossl_altname_fn fn, void *arg)
{
    const ASN1_STRING *string = NULL;
    bool go_on = true;
    char *text = NULL;
    char oid[256];
    int len;

    switch (name->type) {
    case GEN_DNS:
    case GEN_EMAIL:
    case GEN_URI:
        string = name->d.ia5;
        break;
    case GEN_IPADD:
        len = ASN1_STRING_length(name->d.iPAddress);
        if (len == 4 || len == 16)
            string = name->d.iPAddress;
        break;
    case GEN_DIRNAME:
        if ((text = name_text(name->d.directoryName)) != NULL)
            go_on = fn(arg, GEN_DIRNAME, (const unsigned char *)text, strlen(text));
        break;
    case GEN_RID:
        len = OBJ_obj2txt(oid, sizeof oid, name->d.registeredID, 1);
        if (len > 0 && (size_t)len < sizeof oid)
            go_on = fn(arg, GEN_RID, (const unsigned char *)oid, (size_t)len);
        break;
    default:    /* otherName, x400Address, ediPartyName */
        break;
    }
    if (string != NULL)
        go_on = fn(arg, name->type, ASN1_STRING_get0_data(string),
                   (size_t)ASN1_STRING_length(string));
    free(text);
    return go_on;
}

void
iossl_cert_altnames(const X509 *cert, iossl_altname_fn fn, void *arg)
{
    GENERAL_NAMES *names;
    int i;

    if (iossl_certinfo_get1_altnames(cert, &names)) {
        for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
            if (!hand_out(sk_GENERAL_NAME_value(names, i), fn, arg))
                break;
        }
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}
