/*
 * certs.h - certificates and keys from files: see iossl.h, too.
 */
#ifndef IOSSL_CERTS_H
#define IOSSL_CERTS_H

#include "iossl.h"
#include "library.h"

/* As iossl_identity_load() and iossl_key_load(), by this library context. */
iossl_status iossl_identity_load_by(const iossl_library *library, iossl_identity **out,
                                    const char *file, iossl_passwd_cb cb, void *arg,
                                    iossl_error *err);
iossl_status iossl_key_load_by(const iossl_library *library, EVP_PKEY **out, const char *file,
                               iossl_passwd_cb cb, void *arg, iossl_error *err);

#endif
