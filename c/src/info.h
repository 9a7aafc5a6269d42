/*
 * info.h - what a connection has come to, in one place and in one line.
 */
#ifndef IOSSL_INFO_H
#define IOSSL_INFO_H

#include "iossl.h"

/* What iossl_conn_get0_info() lends, and the texts that it refers to. */
typedef struct iossl_info {
    iossl_conn_info shown;
    char server_signature[64], client_signature[64];
    char *tlsa;                 /* owned; NULL: none */
} iossl_info;

/* All but the time of the handshake. */
void iossl_info_fill(iossl_info *info, iossl_conn *conn);
void iossl_info_free(iossl_info *info);

#endif
