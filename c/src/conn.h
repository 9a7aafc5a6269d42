/*
 * conn.h - what other rooms need of a connection beyond iossl.h.
 */
#ifndef IOSSL_CONN_H
#define IOSSL_CONN_H

#include "iossl.h"
#include "verify.h"

/* iossl_write(), but the program need not have asked for it: then it never raises SIGPIPE. */
iossl_status iossl_conn_write(iossl_conn *conn, const void *buf, size_t len, size_t *put,
                              int64_t timeout_ms, bool no_sigpipe, iossl_error *err);
/* Borrowed. */
iossl_transport *iossl_conn_get0_transport(const iossl_conn *conn);
/* For SSL_CTX_sess_set_new_cb(3). */
int iossl_conn_on_new_session(SSL *ssl, SSL_SESSION *session);

iossl_verifier *iossl_conn_get0_verifier(iossl_conn *conn);

#endif
