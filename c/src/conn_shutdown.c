/*
 * conn_shutdown.c - the end of a connection: our close_notify, and the wait for the peer's.
 *
 * Owns      when a connection counts as closed by us, and what becomes of data that come after that.
 * Promises  no close_notify goes after a stream that was cut off, or that a write has left half done.
 * Leaves    the loop to conn.c, the tickets of a server that nobody read to late_tickets.c.
 * See       SSL_shutdown(3), RFC 8446 section 6.1.
 */
#include "conn_parts.h"
#include "deadline.h"
#include "early.h"
#include "error.h"
#include "linebuf.h"
#include "transport.h"

/* 0, "sent, but the peer's is not here yet", is all that this step is for. */
static int
step_shutdown(operation *op, SSL *ssl)
{
    int ret = SSL_shutdown(ssl);

    (void)op;
    return ret == 0 ? 1 : ret;
}

static iossl_status
send_close_notify(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    operation op = {.step = step_shutdown, .no_sigpipe = true};
    iossl_status status;

    /* OpenSSL notes it as sent before it is on its way; only without us it is sent by now. */
    if (!conn->is_closing && (SSL_get_shutdown(conn->ssl) & SSL_SENT_SHUTDOWN) != 0)
        conn->closed_by_us = true;
    if (conn->closed_by_us)
        return IOSSL_OK;
    if (conn->is_writing) {     /* OpenSSL would begin, and then be able to do neither */
        iossl_error_set(err, IOSSL_E_SHUTDOWN, IOSSL_RANK_IO,
                        "SSL shutdown error (1): a write is half done; repeat it first");
        return IOSSL_ERROR;
    }
    conn->is_closing = true;
    status = iossl_conn_drive(conn, &op, timeout_ms);
    if ((status == IOSSL_ERROR || status == IOSSL_EOF) && conn->closed_by_peer)
        status = IOSSL_OK;          /* both are through, and the peer has left: no one to tell */
    if (status == IOSSL_OK) {
        conn->closed_by_us = true;
    } else if (status == IOSSL_ERROR || status == IOSSL_EOF) {
        char what[32] = "SSL shutdown error (0)";

        what[sizeof "SSL shutdown error (" - 1] = (char)('0' + op.ssl_error % 10);
        iossl_conn_explain(conn, &op, IOSSL_E_SHUTDOWN, what, err);
        status = IOSSL_ERROR;
        conn->state = FAILED;
    }
    return status;
}

/* Reads and drops what the peer sent before its close_notify. */
static iossl_status
await_close_notify(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    int64_t deadline = iossl_deadline_in(timeout_ms);
    iossl_error *why = iossl_error_new();
    iossl_status status = IOSSL_OK;
    unsigned char dropped[1024];
    int n = 0;

    conn->lines.start = conn->lines.end = 0;
    iossl_linebuf_end_line(&conn->lines);
    while (status == IOSSL_OK) {
        operation op = {.step = iossl_step_read, .no_sigpipe = true, .in = dropped,
                        .len = sizeof dropped};

        status = iossl_conn_read_record(conn, &op, timeout_ms, why);
        if (timeout_ms > 0 && status == IOSSL_OK && (timeout_ms = deadline - iossl_now_ms()) <= 0)
            status = IOSSL_TIMEOUT;
        /* A peer that never stops sending must not keep a poll: it ends with the record. */
        if (timeout_ms == IOSSL_POLL && status == IOSSL_OK && iossl_pending(conn) == 0)
            status = IOSSL_WANT_READ;
        if (timeout_ms == IOSSL_AS_FD && status == IOSSL_OK && ++n == IOSSL_TRANSPORT_ENOUGH)
            status = iossl_transport_pause(conn->transport);
    }
    if (status == IOSSL_EOF)
        status = IOSSL_OK;
    else if (status == IOSSL_ERROR)
        iossl_error_set(err, IOSSL_E_SHUTDOWN, IOSSL_RANK_IO,
                        "SSL shutdown error: the peer ended without a close_notify: %s",
                        iossl_error_message(why));
    OPENSSL_cleanse(dropped, sizeof dropped);
    iossl_error_free(why);
    return status;
}

iossl_status
iossl_shutdown(iossl_conn *conn, bool wait_for_peer, int64_t timeout_ms, iossl_error *err)
{
    int64_t deadline = iossl_deadline_in(timeout_ms);
    iossl_status status = IOSSL_OK;

    if (conn->state != ESTABLISHED) {
        if (!wait_for_peer || conn->state == NEW)
            return IOSSL_OK;        /* nothing to end, and no one to tell */
        iossl_error_set(err, IOSSL_E_SHUTDOWN, IOSSL_RANK_IO,
                        "SSL shutdown error (1): %s",
                        conn->state == FAILED ? "the connection has failed"
                                              : "the handshake isn't finished");
        return IOSSL_ERROR;
    }
    if (conn->early.is_open)
        status = iossl_early_finish(conn, timeout_ms, err);
    if (status == IOSSL_OK && !conn->closed_by_us && !conn->is_closing && !conn->is_truncated)
        iossl_conn_take_late_tickets(conn, timeout_ms);
    if (!conn->is_truncated && status == IOSSL_OK && conn->state == ESTABLISHED)
        status = send_close_notify(conn, timeout_ms, err);
    if (status == IOSSL_OK && wait_for_peer && !conn->closed_by_peer)
        status = await_close_notify(conn, iossl_timeout_left(timeout_ms, deadline), err);
    iossl_error_clear_queue();
    return status;
}
