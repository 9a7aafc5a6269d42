/*
 * diagnose.h - what to do about a certificate that was refused.
 */
#ifndef IOSSL_DIAGNOSE_H
#define IOSSL_DIAGNOSE_H

#include "iossl.h"

/* A few words on an error of OpenSSL's, to end a sentence with; NULL: none. */
const char *iossl_brief_remedy(int verify_code);
/* Of the error that OpenSSL has come to; free() it. NULL: no memory. */
char *iossl_remedy_of_chain(X509_STORE_CTX *store_ctx);
/* Of a leaf that failed by its name or its pin: IOSSL_E_NAME, _NO_NAME or _PIN. name may be NULL. */
char *iossl_remedy_of_leaf(iossl_error_code code, const X509 *leaf, const char *name);

#endif
