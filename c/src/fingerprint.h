/*
 * fingerprint.h - what session.c needs of a set of pins.
 */
#ifndef IOSSL_FINGERPRINT_H
#define IOSSL_FINGERPRINT_H

#include "iossl.h"

/* A SHA-256 over all pins in their order, the same for equal sets; NULL counts as empty. False: no
 * memory. */
bool iossl_pins_digest(const iossl_pins *pins, unsigned char digest[32]);

#endif
