/*
 * early.c - data in the first flight of a resumed session (0-RTT).
 *
 * Owns      what counts as safe to be replayed; whether a session can carry early data; the handshake
 *           with early data, on either side.
 * Promises  what isn't known to be safe, isn't. A client's data are sent once: with the first flight,
 *           or, where that can't be or the server rejects them, once the handshake is over and the
 *           peer verified. A server that doesn't insist hands over nothing that may be a replay but
 *           whole requests that change nothing: what comes behind waits for the client's Finished.
 * Leaves    reading and writing to conn.c; that no ticket is taken twice to OpenSSL, as far as one
 *           process goes.
 * See       RFC 8446 section 8 and appendix E.5, RFC 8470, SSL_read_early_data(3).
 */
#include "early.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ascii.h"
#include "conn_parts.h"
#include "context.h"
#include "deadline.h"
#include "error.h"

void
iossl_early_cleanup(iossl_early *early)
{
    if (early->data != NULL)
        OPENSSL_cleanse(early->data, early->len);
    free(early->data);
    early->data = NULL;
    early->len = early->sent = 0;
    early->phase = IOSSL_EARLY_SHAKING;
}

/* ---- What may be replayed -------------------------------------------------------------------- */

/* Where the line that begins at p ends, behind its CRLF; NULL: it doesn't. */
static const char *
end_of_line(const char *p, const char *end)
{
    for (; end - p >= 2; p++)
        if (p[0] == '\r' && p[1] == '\n')
            return p + 2;
    return NULL;
}

static bool
begins_with(const char *p, const char *end, const char *lower)
{
    for (; *lower != '\0'; p++, lower++)
        if (p == end || iossl_ascii_lower(*p) != *lower)
            return false;
    return true;
}

/* Behind the request at p, which changes nothing and has no body; NULL: it isn't one, or not whole. */
static const char *
end_of_safe_request(const char *p, const char *end)
{
    static const char *const METHODS[] = {"GET ", "HEAD ", "OPTIONS ", "TRACE "};
    static const char VERSION[] = " HTTP/1.x\r\n";
    const size_t version_len = sizeof VERSION - 1;
    const char *line_end = end_of_line(p, end);
    bool is_known = false;

    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++)
        is_known = is_known || ((size_t)(end - p) > strlen(METHODS[i])
                                && memcmp(p, METHODS[i], strlen(METHODS[i])) == 0);
    if (!is_known || line_end == NULL || (size_t)(line_end - p) < version_len
        || memcmp(line_end - version_len, VERSION, strlen(" HTTP/1.")) != 0)
        return NULL;
    for (;;) {
        p = line_end;
        if ((line_end = end_of_line(p, end)) == NULL)
            return NULL;
        if (line_end - p == 2)
            return line_end;
        if (begins_with(p, line_end, "content-length") || begins_with(p, line_end, "transfer-encoding"))
            return NULL;
    }
}

/* A line that ends by LF alone, or CR: what is one request here may be two to the program. */
static bool
has_odd_line_end(const char *p, const char *end)
{
    for (bool after_cr = false; p != end; p++) {
        if (*p == '\0' || (*p == '\n') != after_cr)
            return true;
        after_cr = *p == '\r';
    }
    return false;
}

bool
iossl_early_is_safe(const void *data, size_t len)
{
    const char *p = data;
    const char *const end = p + len;

    if (len == 0 || has_odd_line_end(p, end))
        return false;
    while (p != NULL && p != end)
        p = end_of_safe_request(p, end);
    return p == end;
}

/* ---- Client ---------------------------------------------------------------------------------- */

iossl_status
iossl_conn_set_early_data(iossl_conn *conn, const void *data, size_t len, bool insist,
                          iossl_error *err)
{
    unsigned char *copy;

    if (iossl_conn_only_before_handshake(conn, "SSL_early_data", err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (conn->role != IOSSL_CLIENT) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_early_data is for clients; a server takes it with SSL_max_early_data");
        return IOSSL_ERROR;
    }
    if (len > IOSSL_EARLY_DATA_MAX) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_early_data of %zu bytes: up to %d are possible; write the rest after the "
                        "handshake", len, IOSSL_EARLY_DATA_MAX);
        return IOSSL_ERROR;
    }
    if (len > 0 && !insist && !iossl_early_is_safe(data, len)) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_early_data isn't a whole request that changes nothing (GET, HEAD, OPTIONS, "
                        "TRACE of HTTP/1, without a body), and whoever records early data can replay it; "
                        "write it after the handshake, or say SSL_early_data_unsafe if a repetition "
                        "does no harm");
        return IOSSL_ERROR;
    }
    if ((copy = malloc(len == 0 ? 1 : len)) == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    iossl_early_cleanup(&conn->early);
    if (len == 0) {
        free(copy);
        return IOSSL_OK;
    }
    memcpy(copy, data, len);
    conn->early.data = copy;
    conn->early.len = len;
    return IOSSL_OK;
}

/* Will OpenSSL offer TLS 1.3 with it? Where it won't, it doesn't offer the session either. */
static bool
may_use_tls13(SSL *ssl)
{
    long max = SSL_get_max_proto_version(ssl);

    return (max == 0 || max >= TLS1_3_VERSION) && (SSL_get_options(ssl) & SSL_OP_NO_TLSv1_3) == 0;
}

/* OpenSSL fails, rather than fall back, where early data don't go with the session that is offered. */
void
iossl_early_offer(iossl_conn *conn, const SSL_SESSION *session)
{
    iossl_early *early = &conn->early;
    const char *sni = SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name);
    const char *of_session = SSL_SESSION_get0_hostname(session);
    const unsigned char *alpn;
    size_t alpn_len;

    SSL_SESSION_get0_alpn_selected(session, &alpn, &alpn_len);
    if (early->data != NULL && SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION
        && may_use_tls13(conn->ssl) && early->len <= SSL_SESSION_get_max_early_data(session)
        && iossl_session_seconds_left(session, (int64_t)time(NULL)) > 0
        && (of_session == NULL || (sni != NULL && strcmp(sni, of_session) == 0))
        && (alpn_len == 0 || iossl_ctx_offers_alpn(conn->ctx, alpn, alpn_len)))
        early->phase = IOSSL_EARLY_SENDING;
}

static int
step_send(operation *op, SSL *ssl)
{
    if (SSL_write_early_data(ssl, op->out, op->len, &op->done) != 1)
        return 0;
    op->step = iossl_step_handshake;
    return SSL_do_handshake(ssl);
}

static iossl_status
shake_and_send(iossl_conn *conn, operation *op, int64_t timeout_ms)
{
    iossl_early *early = &conn->early;
    iossl_status status;

    op->step = step_send;
    op->out = early->data;
    op->len = early->len;
    status = iossl_conn_drive(conn, op, timeout_ms);
    if (op->step == iossl_step_handshake)
        early->phase = IOSSL_EARLY_SENT;
    return status;
}

iossl_status
iossl_early_send_late(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    iossl_early *early = &conn->early;
    const int64_t deadline = iossl_deadline_in(timeout_ms);
    iossl_status status = IOSSL_OK;

    if (early->phase == IOSSL_EARLY_SENT
        && SSL_get_early_data_status(conn->ssl) == SSL_EARLY_DATA_ACCEPTED)
        early->sent = early->len;
    early->phase = IOSSL_EARLY_LATE;
    while (status == IOSSL_OK && early->sent < early->len) {
        operation op = {.step = iossl_step_write, .no_sigpipe = true,
                        .out = early->data + early->sent, .len = early->len - early->sent};

        status = iossl_conn_drive(conn, &op, iossl_timeout_left(timeout_ms, deadline));
        early->sent += op.done;
        if (status == IOSSL_ERROR || status == IOSSL_EOF) {
            iossl_conn_explain(conn, &op, IOSSL_E_WRITE, "SSL write error, of SSL_early_data after the "
                               "handshake", err);
            conn->state = FAILED;
            status = IOSSL_ERROR;
        }
    }
    if (status == IOSSL_OK)
        conn->state = ESTABLISHED;
    if (status == IOSSL_OK || status == IOSSL_ERROR)
        iossl_early_cleanup(early);
    return status;
}

/* Until the server's answer is there, OpenSSL has early data for rejected, too. */
bool
iossl_early_may_be_taken(const iossl_conn *conn)
{
    return conn->early.phase == IOSSL_EARLY_SENT
           && (SSL_get_state(conn->ssl) == TLS_ST_EARLY_DATA || SSL_session_reused(conn->ssl) == 1);
}

/* ---- Server ---------------------------------------------------------------------------------- */

bool
iossl_conn_is_early(const iossl_conn *conn)
{
    return conn->early.is_open && conn->state == ESTABLISHED;
}

/* Data (op->done > 0), or the end of the handshake. */
static int
step_read(operation *op, SSL *ssl)
{
    switch (SSL_read_early_data(ssl, op->in, op->len, &op->done)) {
    case SSL_READ_EARLY_DATA_SUCCESS:
        return 1;
    case SSL_READ_EARLY_DATA_FINISH:
        op->done = 0;
        op->step = iossl_step_handshake;
        return SSL_do_handshake(ssl);
    default:
        op->done = 0;
        return 0;
    }
}

int
iossl_early_step_write(operation *op, SSL *ssl)
{
    return SSL_write_early_data(ssl, op->out, op->len, &op->done);
}

/*
 * Reads behind what is buffered, or comes to the end of the handshake: then is_open is false. The buffer
 * has room for all that a client may send (IOSSL_EARLY_DATA_MAX); where it is full, only the end can come.
 */
static iossl_status
read_on(iossl_conn *conn, operation *op, int64_t timeout_ms)
{
    iossl_linebuf *lines = &conn->lines;
    unsigned char none[1];
    iossl_status status;

    if (!iossl_linebuf_reserve(lines)) {
        op->ssl_error = SSL_ERROR_SYSCALL;
        op->errnum = ENOMEM;
        return IOSSL_ERROR;
    }
    if (lines->start > 0) {
        memmove(lines->bytes, lines->bytes + lines->start, iossl_linebuf_pending(lines));
        lines->end -= lines->start;
        lines->start = 0;
    }
    op->step = conn->early.has_ended ? iossl_step_handshake : step_read;
    op->len = IOSSL_LINEBUF_SIZE - lines->end;
    op->in = op->len > 0 ? lines->bytes + lines->end : none;
    if (op->len == 0)
        op->len = sizeof none;
    op->done = 0;
    status = iossl_conn_drive(conn, op, timeout_ms);
    conn->early.has_ended = op->step == iossl_step_handshake;
    if (status == IOSSL_OK && conn->early.has_ended)
        conn->early.is_open = false;
    else if (status == IOSSL_OK && op->in != none)
        lines->end += op->done;
    return status;
}

/* Reads on until the handshake is over, or, where that is asked for, until there is what may be handed
 * over. */
static iossl_status
read_until(iossl_conn *conn, operation *op, bool or_safe, int64_t timeout_ms)
{
    const iossl_linebuf *lines = &conn->lines;
    const int64_t deadline = iossl_deadline_in(timeout_ms);
    iossl_status status;

    conn->early.is_open = true;
    for (;;) {
        status = read_on(conn, op, iossl_timeout_left(timeout_ms, deadline));
        if (status != IOSSL_OK || !conn->early.is_open)
            return status;
        if (or_safe && (conn->early.insists
                        || iossl_early_is_safe(lines->bytes + lines->start,
                                               iossl_linebuf_pending(lines))))
            return status;
    }
}

iossl_status
iossl_early_shake(iossl_conn *conn, operation *op, int64_t timeout_ms)
{
    iossl_status status;

    if (conn->early.max == 0)
        return conn->early.phase == IOSSL_EARLY_SENDING ? shake_and_send(conn, op, timeout_ms)
                                                        : iossl_conn_drive(conn, op, timeout_ms);
    status = read_until(conn, op, true, timeout_ms);
    if (status == IOSSL_OK && iossl_linebuf_pending(&conn->lines) == 0)
        iossl_linebuf_cleanup(&conn->lines);    /* nothing came: it needn't be kept */
    return status;
}

static iossl_status
finish(iossl_conn *conn, bool or_data, int64_t timeout_ms, iossl_error *err)
{
    operation op = {.no_sigpipe = true};
    iossl_status status = read_until(conn, &op, or_data && conn->early.insists, timeout_ms);

    if (status == IOSSL_ERROR || status == IOSSL_EOF) {
        iossl_conn_explain(conn, &op, IOSSL_E_HANDSHAKE,
                           "SSL accept attempt failed, after early data were taken", err);
        conn->state = FAILED;
        status = IOSSL_ERROR;
    }
    return status;
}

iossl_status
iossl_early_await(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    return finish(conn, true, timeout_ms, err);
}

iossl_status
iossl_early_finish(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    return finish(conn, false, timeout_ms, err);
}
