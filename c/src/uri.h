/*
 * uri.h - certificates and keys that are named by a URI instead of a file.
 */
#ifndef IOSSL_URI_H
#define IOSSL_URI_H

#include "iossl.h"
#include "library.h"

/* Is it a URI, "scheme:" and something, and not the name of a file that exists? */
bool iossl_uri_is(const char *name);
/* The path of a "file:" URI, borrowed from it; NULL: it is none. */
const char *iossl_uri_path(const char *uri);
/* As far as can be said before it is loaded: IOSSL_E_USAGE or _UNSUPPORTED with the option's name. */
iossl_status iossl_uri_check(const iossl_library *library, const char *option, const char *uri,
                             iossl_error *err);
/* As iossl_identity_load_by() and iossl_key_load_by(), of which they are the other half. */
iossl_status iossl_uri_load_identity(const iossl_library *library, iossl_identity **out,
                                     const char *uri, iossl_passwd_cb cb, void *arg,
                                     iossl_error *err);
iossl_status iossl_uri_load_key(const iossl_library *library, EVP_PKEY **out, const char *uri,
                                iossl_passwd_cb cb, void *arg, iossl_error *err);

#endif
