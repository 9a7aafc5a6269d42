/*
 * choices.h - lists of groups and signature algorithms, of which this OpenSSL may not know all.
 */
#ifndef IOSSL_CHOICES_H
#define IOSSL_CHOICES_H

#include "iossl.h"

/* Gives an SSL_CTX a list, without what begins with "?" and isn't known. IOSSL_E_OPTION, which names
 * the first that OpenSSL refuses, or IOSSL_E_UNSUPPORTED where nothing is left. */
iossl_status iossl_choices_set_groups(SSL_CTX *ssl_ctx, const char *list, iossl_error *err);
iossl_status iossl_choices_set_sigalgs(SSL_CTX *ssl_ctx, const char *list, iossl_error *err);

#endif
