/*
 * certinfo.h - what other rooms need of a certificate beyond iossl.h.
 */
#ifndef IOSSL_CERTINFO_H
#define IOSSL_CERTINFO_H

#include <openssl/x509v3.h>

#include "iossl.h"

/*
 * The subjectAltNames, GENERAL_NAMES_free() them; *out is NULL where the certificate has none.
 * False where the extension is there but can't be decoded, or is there twice (RFC 5280 section 4.2
 * forbids it): nothing is known about such a certificate's names then.
 */
bool iossl_certinfo_get1_altnames(const X509 *cert, GENERAL_NAMES **out);

/* The bits of keyUsage, from bit 0 on (RFC 5280 section 4.2.1.3). */
#define IOSSL_N_KEY_USAGE ((size_t)9)
extern const char *const iossl_key_usage_names[IOSSL_N_KEY_USAGE];

/* What OpenSSL prints of an extension, in a memory BIO; NULL where it can't. */
BIO *iossl_certinfo_print_extension(X509_EXTENSION *extension);

#endif
