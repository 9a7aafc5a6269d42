/*
 * post_handshake_auth.c - a server asks for the client's certificate after the handshake.
 *
 * Owns      the request and its answer, over as many calls as a non-blocking socket takes.
 * Promises  a client that answers with a certificate that isn't accepted ends the connection.
 * Leaves    the loop to conn.c, who the client is to verify.c.
 * See       SSL_verify_client_post_handshake(3), RFC 8446 sections 4.2.6 and 4.6.2.
 */
#include <openssl/err.h>

#include "conn_parts.h"
#include "error.h"
#include "transport.h"

/*
 * Sends the request, then looks for what comes: 1: the answer is through, or data come before it. Without
 * auto-retry OpenSSL returns after each message, so that a blocking read doesn't wait for data.
 */
static int
step_request(operation *op, SSL *ssl)
{
    iossl_conn *conn = op->in;
    unsigned char byte;
    int ret, n = 0;

    if (conn->request == TO_BE_SENT) {
        if ((ret = SSL_do_handshake(ssl)) != 1)
            return ret;
        conn->request = AWAITED;
    }
    do {
        iossl_error_clear_queue();
        iossl_transport_begin(conn->transport);
        ret = SSL_peek_ex(ssl, &byte, 1, &op->done);
    } while (ret != 1 && conn->request == AWAITED && SSL_get_error(ssl, ret) == SSL_ERROR_WANT_READ
             && iossl_transport_get0_last(conn->transport)->status == IOSSL_OK
             && ++n < IOSSL_TRANSPORT_ENOUGH);
    if (conn->request == ANSWERED && ret != 1 && SSL_get_error(ssl, ret) == SSL_ERROR_WANT_READ)
        ret = 1;
    return ret;
}

static iossl_status
cannot_request(iossl_error *err, iossl_error_code code, const char *why)
{
    iossl_error_set(err, code, IOSSL_RANK_IO, "no client certificate can be requested now: %s",
                    why);
    return IOSSL_ERROR;
}

static iossl_status
begin_request(iossl_conn *conn, iossl_error *err)
{
    if (SSL_version(conn->ssl) < TLS1_3_VERSION)
        return cannot_request(err, IOSSL_E_UNSUPPORTED,
                              "that is TLS 1.3's; with TLS 1.2 it takes renegotiation, which is "
                              "refused here: ask for it in the handshake, with SSL_verify_mode");
    if ((conn->verifier.settings.mode & IOSSL_VERIFY_PEER) == 0)
        return cannot_request(err, IOSSL_E_STATE,
                              "SSL_verify_mode has no SSL_VERIFY_PEER, so nothing would be verified; "
                              "add SSL_VERIFY_POST_HANDSHAKE to it, and nobody is asked before");
    if (SSL_verify_client_post_handshake(conn->ssl) != 1) {
        bool not_offered = ERR_GET_REASON(ERR_peek_error()) == SSL_R_EXTENSION_NOT_RECEIVED;

        if (not_offered)
            return cannot_request(err, IOSSL_E_UNSUPPORTED,
                                  "the client didn't offer post-handshake authentication "
                                  "(SSL_post_handshake_auth; browsers don't)");
        iossl_error_set_openssl(err, IOSSL_E_STATE, IOSSL_RANK_IO,
                                "no client certificate can be requested now");
        return IOSSL_ERROR;
    }
    iossl_verifier_begin(&conn->verifier);
    conn->request = TO_BE_SENT;
    iossl_conn_watch_messages(conn);
    return IOSSL_OK;
}

iossl_status
iossl_request_client_cert(iossl_conn *conn, bool *answered, int64_t timeout_ms, iossl_error *err)
{
    operation op = {.step = step_request, .no_sigpipe = true, .in = conn};
    iossl_status status;

    *answered = false;
    iossl_error_clear_queue();
    if (iossl_conn_check_open(conn, "client certificate", err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (conn->role != IOSSL_SERVER)
        return cannot_request(err, IOSSL_E_STATE, "this is a client");
    if (conn->closed_by_us || conn->is_closing || conn->closed_by_peer || conn->is_writing)
        return cannot_request(err, IOSSL_E_STATE,
                              "the connection is being shut down, or a write is half done");
    if (conn->early.is_open && (status = iossl_early_finish(conn, timeout_ms, err)) != IOSSL_OK)
        return status;
    if ((conn->request == NOT_ASKED || conn->request == ANSWERED)
        && begin_request(conn, err) != IOSSL_OK) {
        iossl_error_clear_queue();
        return IOSSL_ERROR;
    }
    (void)SSL_clear_mode(conn->ssl, SSL_MODE_AUTO_RETRY);
    status = iossl_conn_drive(conn, &op, timeout_ms);
    (void)SSL_set_mode(conn->ssl, SSL_MODE_AUTO_RETRY);
    *answered = status == IOSSL_OK && conn->request == ANSWERED;
    if (*answered) {
        iossl_conn_watch_messages(conn);
        if (!iossl_conn_is_peer_verified(conn)) {
            op.ssl_error = SSL_ERROR_SSL;
            status = IOSSL_ERROR;
        }
    }
    if (status == IOSSL_EOF)
        status = IOSSL_ERROR;       /* a close_notify in place of the answer */
    if (status == IOSSL_ERROR) {
        *answered = false;
        conn->state = FAILED;
        iossl_conn_explain_handshake(conn, &op, err);
    }
    iossl_error_clear_queue();
    return status;
}
