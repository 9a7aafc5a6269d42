/*
 * conn.h - what other rooms need of a connection beyond iossl.h.
 */
#ifndef IOSSL_CONN_H
#define IOSSL_CONN_H

#include "iossl.h"
#include "ocsp_staple.h"
#include "psk.h"
#include "verify.h"

/* iossl_write(), but the program need not have asked for it: then it never raises SIGPIPE. */
iossl_status iossl_conn_write(iossl_conn *conn, const void *buf, size_t len, size_t *put,
                              int64_t timeout_ms, bool no_sigpipe, iossl_error *err);
/* Borrowed. */
iossl_transport *iossl_conn_get0_transport(const iossl_conn *conn);
/* For SSL_CTX_sess_set_new_cb(3). */
int iossl_conn_on_new_session(SSL *ssl, SSL_SESSION *session);
/* For SSL_CTX_sess_set_get_cb(3), on servers. */
SSL_SESSION *iossl_conn_on_get_session(SSL *ssl, const unsigned char *id, int len, int *copy);

/* May this session of a peer's be resumed, as far as time goes? */
bool iossl_conn_may_resume(const iossl_conn *conn, SSL_SESSION *session);

/* Client: false where the handshake must fail, for its staple or the want of one. */
bool iossl_conn_judge_staple(iossl_conn *conn);
iossl_staple *iossl_conn_get0_staple_settings(iossl_conn *conn);
/* Where answers of OCSP responders are kept. Borrowed. */
iossl_ocsp_place *iossl_conn_get0_ocsp_place(const iossl_conn *conn);

/* Server: the context whose certificate the program chose; owned from now on. */
void iossl_conn_set0_host_ctx(iossl_conn *conn, iossl_ctx *ctx);
bool iossl_conn_has_host_ctx(const iossl_conn *conn);
/* The program's callback refuses: that is why the handshake fails. */
void iossl_conn_refuse_host(iossl_conn *conn);

iossl_psk_state *iossl_conn_get0_psk(iossl_conn *conn);
iossl_verifier *iossl_conn_get0_verifier(iossl_conn *conn);

#endif
