/*
 * fingerprint.h - what session.c needs of a set of pins.
 */
#ifndef IOSSL_FINGERPRINT_H
#define IOSSL_FINGERPRINT_H

#include "iossl.h"
#include "library.h"

/* A SHA-256 over all pins in their order, the same for equal sets; NULL counts as empty. False: no
 * memory. */
bool iossl_pins_digest(const iossl_pins *pins, const iossl_library *library,
                       unsigned char digest[32]);
/* iossl_pins_match(), whose digests are fetched by this library. */
bool iossl_pins_match_by(const iossl_library *library, const iossl_pins *pins, const X509 *cert);
/* The SHA-256 of a certificate's DER, for uses of our own. False: no memory. */
bool iossl_cert_sha256(const X509 *cert, const iossl_library *library, unsigned char digest[32]);

#endif
