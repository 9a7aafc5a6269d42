/*
 * certext.h - alternative names and extensions of a certificate, out of text.
 */
#ifndef IOSSL_CERTEXT_H
#define IOSSL_CERTEXT_H

#include <openssl/x509v3.h>

#include "iossl.h"

/* Is the word, len bytes, this one in any case? Without locales, where i and I may be strangers. */
bool iossl_certext_same_word(const char *word, size_t len, const char *known);

/* The name, GENERAL_NAME_free() it; NULL: see iossl_certgen_add_altname(). */
GENERAL_NAME *iossl_certext_altname(const char *type, const char *value, size_t len,
                                    iossl_error *err);

/* An extension that was asked for, see iossl_certgen_add_extension(). */
typedef struct iossl_certext {
    ASN1_OBJECT *id;    /* owned */
    char *text;         /* owned; NULL: der is all there is */
    unsigned char *der; /* owned; NULL: none */
    size_t der_len;
    bool critical;
} iossl_certext;

/* Fills ext, which need not be initialized; on failure it is empty. */
iossl_status iossl_certext_init(iossl_certext *ext, int nid, const char *name, const char *text,
                                const unsigned char *der, size_t der_len, bool critical,
                                iossl_error *err);
void iossl_certext_cleanup(iossl_certext *ext);
/* The extension itself, X509_EXTENSION_free() it. The certificates are what text may refer to. */
X509_EXTENSION *iossl_certext_make(const iossl_certext *ext, X509 *subject, X509 *issuer,
                                   iossl_error *err);

#endif
