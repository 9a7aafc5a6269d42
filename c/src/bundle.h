/*
 * bundle.h - what a file of CA certificates holds, found without parsing them.
 */
#ifndef IOSSL_BUNDLE_H
#define IOSSL_BUNDLE_H

#include <sys/stat.h>

#include "iossl.h"
#include "library.h"

/* Shared by reference, by any number of threads. */
typedef struct iossl_bundle iossl_bundle;

/*
 * Reads and indexes a PEM file: certificates ("CERTIFICATE", "X509 CERTIFICATE" and, with OpenSSL's
 * settings of trust, "TRUSTED CERTIFICATE") and CRLs; keys and other blocks are passed over.
 * What it holds verifies by this library.
 * NULL: err says why, IOSSL_E_CA or IOSSL_E_MEMORY.
 */
iossl_bundle *iossl_bundle_load(const char *path, const iossl_library *library, iossl_error *err);
iossl_bundle *iossl_bundle_up_ref(iossl_bundle *b);
void iossl_bundle_free(iossl_bundle *b);

/*
 * Pushes a reference of each certificate with this subject. False: no memory (what was pushed
 * stays the caller's).
 */
bool iossl_bundle_find(iossl_bundle *b, const X509_NAME *name, STACK_OF(X509) *found);
/* The CRLs, borrowed; NULL where there are none. */
STACK_OF(X509_CRL) *iossl_bundle_get0_crls(const iossl_bundle *b);

const char *iossl_bundle_get0_path(const iossl_bundle *b);
const iossl_library *iossl_bundle_get0_library(const iossl_bundle *b);
/* Is it made of the very file, in the state, that stat(2) told of? */
bool iossl_bundle_is_of(const iossl_bundle *b, const struct stat *info);
/* False where the file was so young (or no file at all) that a change need not show in its date. */
bool iossl_bundle_is_settled(const iossl_bundle *b);
/* How many of its certificates were parsed until now. */
size_t iossl_bundle_count_parsed(iossl_bundle *b);

#endif
