/*
 * dane.h - TLSA records that say which certificate a server has.
 */
#ifndef IOSSL_DANE_H
#define IOSSL_DANE_H

#include "iossl.h"
#include "library.h"

/* Can the set be used at all? NULL: there is none. */
iossl_status iossl_tlsa_check(const iossl_tlsa *tlsa, iossl_error *err);
/* Client: has OpenSSL hold the chain of this SSL, which is of ctx, against the records. */
iossl_status iossl_tlsa_apply(const iossl_tlsa *tlsa, iossl_ctx *ctx, SSL *ssl, iossl_error *err);
/* The record that the chain fitted, as text; free() it. NULL: there was none, or no memory. */
char *iossl_tlsa_matched(SSL *ssl);
/* Does a record of usage 3 name this very certificate or its key? It needs no name and no time then
 * (RFC 7671 section 5.1). */
bool iossl_tlsa_names_leaf(const iossl_library *library, const iossl_tlsa *tlsa, const X509 *leaf);
/* The same for equal sets; NULL counts as empty. False: no memory. */
bool iossl_tlsa_digest(const iossl_tlsa *tlsa, const iossl_library *library,
                       unsigned char digest[32]);

#endif
