/*
 * ocsp_id.h - the name that OCSP has for a certificate (RFC 6960 section 4.1.1), by a library context.
 */
#ifndef IOSSL_OCSP_ID_H
#define IOSSL_OCSP_ID_H

#include <openssl/ocsp.h>

#include "library.h"

/* As OCSP_cert_to_id(3), whose digests are of the default library context. digest: an EVP_MD's number, as
 * NID_sha1. NULL: no memory, or no such digest; the queue says. */
OCSP_CERTID *iossl_ocsp_id_new(const iossl_library *library, int digest, const X509 *cert,
                               const X509 *issuer);

/* Does this id name the issuer of the certificate, by the digest that it uses, and its serial number? */
bool iossl_ocsp_id_names(const OCSP_CERTID *id, const X509 *cert, const iossl_library *library);

#endif
