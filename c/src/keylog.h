/*
 * keylog.h - the secrets of connections, for who has to look into their traffic.
 */
#ifndef IOSSL_KEYLOG_H
#define IOSSL_KEYLOG_H

#include "iossl.h"

/* Of a config: file and callback. Of a context: an open descriptor and the callback. */
typedef struct iossl_keylog {
    char *file;             /* owned; NULL: none */
    int fd;                 /* owned; -1: none */
    iossl_keylog_cb cb;
    void *cb_arg;
} iossl_keylog;

/* Opens what a config names, for a context; *to is to be cleaned up in any case. */
iossl_status iossl_keylog_open(iossl_keylog *to, const iossl_keylog *from, iossl_error *err);
void iossl_keylog_cleanup(iossl_keylog *log);
/* Has an SSL_CTX tell its secrets, if anybody wants them. */
void iossl_keylog_install(const iossl_keylog *log, SSL_CTX *ssl_ctx);

#endif
