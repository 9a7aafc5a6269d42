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

#endif
