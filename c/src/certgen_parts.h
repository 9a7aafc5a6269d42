/*
 * certgen_parts.h - a certificate to be made, from inside, for the files that are parts of that:
 * certgen.c, certgen_copy.c, certgen_make.c.
 *
 * Leaves    what is public of it, which is all else, to iossl.h.
 */
#ifndef IOSSL_CERTGEN_PARTS_H
#define IOSSL_CERTGEN_PARTS_H

#include <openssl/x509v3.h>

#include "certext.h"
#include "iossl.h"
#include "purposes.h"

struct iossl_certgen {
    X509_NAME *subject; /* NULL: the default */
    bool has_not_before, has_not_after;
    int64_t not_before, not_after;
    ASN1_INTEGER *serial; /* NULL: random */
    long version;
    const EVP_MD *digest;    /* constant */
    EVP_PKEY *key;           /* NULL: a new one */
    X509 *issuer;            /* NULL: itself */
    EVP_PKEY *issuer_key;    /* NULL: its own */
    GENERAL_NAMES *altnames; /* NULL: none */
    bool is_ca, is_plain;
    iossl_purposes purposes;
    iossl_certext *extensions; /* n_extensions of them, NULL where there are none */
    size_t n_extensions;
};

/* Takes over what ext holds, also where there is no memory. */
iossl_status iossl_certgen_push_extension(iossl_certgen *gen, iossl_certext *ext, iossl_error *err);

#endif
