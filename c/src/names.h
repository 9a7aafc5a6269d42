/*
 * names.h - what verify.c needs of a name check beyond the verdict.
 */
#ifndef IOSSL_NAMES_H
#define IOSSL_NAMES_H

#include "iossl.h"

/*
 * iossl_verify_name(), and by what: *by_cn is true where the name was found in the commonName,
 * which name constraints of the chain don't see by themselves.
 */
iossl_match iossl_names_verify(const char *identity, size_t len, X509 *cert,
                               const iossl_scheme *scheme, const iossl_psl *psl, bool *by_cn,
                               iossl_error *err);

#endif
