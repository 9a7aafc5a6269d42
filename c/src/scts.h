/*
 * scts.h - signed certificate timestamps.
 */
#ifndef IOSSL_SCTS_H
#define IOSSL_SCTS_H

#include "iossl.h"

/* What a client wants to know of them. */
typedef struct iossl_sct_settings {
    bool is_on;
    char *log_file;             /* owned by the config; NULL: none */
} iossl_sct_settings;

/* Has a client ask servers for them. */
iossl_status iossl_scts_apply(const iossl_sct_settings *settings, SSL_CTX *ssl_ctx, iossl_error *err);

#endif
