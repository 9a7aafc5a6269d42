/*
 * conn.c - a connection: its states, and the one loop that drives every operation.
 *
 * Owns      the SSL object, its transport and read-ahead buffer; reading and writing; the translation of
 *           OpenSSL's results into iossl_status, which happens in classify() and nowhere else.
 * Promises  an operation is exactly the system calls of OpenSSL itself, plus a poll(2) each time it
 *           has to wait under a deadline; the error queue is empty before and after.
 * Leaves    bytes to transport.c, lines to linebuf.c, how a connection begins and ends to
 *           conn_handshake.c and conn_shutdown.c; what else belongs to one: conn_parts.h.
 * See       SSL_get_error(3), SSL_shutdown(3), RFC 8446.
 *
 * States, and what may be done in each
 *
 *   NEW          settings, handshake
 *   HANDSHAKING  handshake (again, after a want)
 *   ESTABLISHED  read, write, shutdown; closed_by_peer: no more data comes, writing still works;
 *                closed_by_us: no more writing, reading still works; early.is_open: the same, on a
 *                server whose handshake isn't over
 *   FAILED       asking why, freeing; can_still_read: reading what the peer sent before it left. From
 *                any state; there is no way back.
 */
#include "conn.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "compat.h"
#include "conn_parts.h"
#include "context.h"
#include "deadline.h"
#include "early.h"
#include "error.h"
#include "info.h"
#include "init.h"
#include "linebuf.h"
#include "ocsp_staple.h"
#include "psk.h"
#include "session.h"
#include "transport.h"

/* RFC 8446 section 5.1: no record carries more. */
#define MAX_PLAINTEXT 16384

/* ---- Messages and alerts --------------------------------------------------------------------- */

/* Notes alerts, and passes on what a program listens to by the SSL_CTX. */
static void
on_info(const SSL *ssl, int where, int value)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);
    void (*next)(const SSL *, int, int) = SSL_CTX_get_info_callback(SSL_get_SSL_CTX(ssl));

    if (conn != NULL && (where & SSL_CB_ALERT) != 0 && (value & 0xff) != SSL_AD_CLOSE_NOTIFY) {
        conn->alert = value & 0xff;
        conn->alert_was_sent = (where & SSL_CB_WRITE) != 0;
    }
    if (next != NULL)
        next(ssl, where, value);
}

static void
on_message(int sent, int version, int content_type, const void *buf, size_t len, SSL *ssl,
           void *arg)
{
    iossl_conn *conn = arg;

    iossl_compat_errors pending;

    (void)ssl;
    /* The last message of an answer to our request. */
    if (conn->request == AWAITED && sent == 0 && content_type == SSL3_RT_HANDSHAKE && len > 0
        && *(const unsigned char *)buf == SSL3_MT_FINISHED)
        conn->request = ANSWERED;
    if (conn->msg_cb == NULL)
        return;
    iossl_compat_errors_take(&pending);     /* an alert is shown after its reason was queued */
    conn->msg_cb(conn->msg_arg, sent != 0, version, content_type, buf, len);
    iossl_compat_errors_put_back(&pending);
}

/* Has messages come to on_message() where somebody waits for them. */
void
iossl_conn_watch_messages(iossl_conn *conn)
{
    bool wanted = conn->msg_cb != NULL || conn->request == TO_BE_SENT || conn->request == AWAITED;

    SSL_set_msg_callback(conn->ssl, wanted ? on_message : NULL);
    SSL_set_msg_callback_arg(conn->ssl, conn);
}

void
iossl_conn_set_msg_cb(iossl_conn *conn, iossl_msg_cb cb, void *arg)
{
    conn->msg_cb = cb;
    conn->msg_arg = arg;
    iossl_conn_watch_messages(conn);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static bool
attach_ssl(iossl_conn *conn)
{
    BIO *bio;

    if ((conn->ssl = SSL_new(iossl_ctx_get0_ssl_ctx(conn->ctx))) == NULL
        || SSL_set_ex_data(conn->ssl, iossl_init_conn_index(), conn) != 1
        || (bio = iossl_transport_bio_new(conn->transport)) == NULL)
        return false;
    SSL_set_bio(conn->ssl, bio, bio);
    SSL_set_info_callback(conn->ssl, on_info);
    if (iossl_ctx_wants_ktls(conn->ctx) && iossl_transport_use_kernel(conn->transport)) {
        if ((conn->kernel_out = malloc(MAX_PLAINTEXT)) == NULL)
            return false;
        iossl_compat_enable_ktls(conn->ssl);
    }
    if (!iossl_conn_apply_verify_mode(conn))
        return false;
    if (conn->role == IOSSL_CLIENT)
        SSL_set_connect_state(conn->ssl);
    else
        SSL_set_accept_state(conn->ssl);
    return true;
}

iossl_conn *
iossl_conn_new(iossl_ctx *ctx, iossl_role role, iossl_transport *transport, iossl_error *err)
{
    iossl_conn *conn = NULL;

    if (transport == NULL)
        return NULL;            /* err says why already */
    if (ctx == NULL) {
        iossl_transport_free(transport);
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FALLBACK, "a connection needs a context");
        return NULL;
    }
    iossl_error_clear_queue();
    if (!iossl_init(err)) {
        iossl_transport_free(transport);
        return NULL;
    }
    if ((conn = calloc(1, sizeof *conn)) == NULL) {
        iossl_transport_free(transport);
        iossl_error_memory(err);
        return NULL;
    }
    atomic_init(&conn->refs, 1);
    conn->role = role;
    conn->alert = -1;
    conn->handshake_us = -1;
    conn->rekey_bytes = iossl_ctx_get_key_update_bytes(ctx);
    conn->transport = transport;
    ctx = conn->ctx = iossl_ctx_get1_current(ctx);
    conn->staple.place = iossl_ocsp_place_up_ref(iossl_ctx_get0_ocsp_place(ctx));
    if (role == IOSSL_SERVER)
        conn->early.max = iossl_ctx_get_max_early_data(ctx, &conn->early.insists);
    if (!iossl_verifier_init(&conn->verifier, role, iossl_ctx_get0_verify_settings(ctx))
        || !iossl_psk_state_new(&conn->psk, iossl_ctx_get0_psks(ctx)) || !attach_ssl(conn)) {
        iossl_error_set_openssl(err, IOSSL_E_MEMORY, IOSSL_RANK_FATAL,
                                "SSL structure creation failed");
        iossl_conn_free(conn);
        return NULL;
    }
    iossl_error_clear_queue();      /* what SSL_set_accept_state() and its like can't tell otherwise */
    return conn;
}

iossl_conn *
iossl_conn_new_fd(iossl_ctx *ctx, iossl_role role, int fd, iossl_error *err)
{
    return iossl_conn_new(ctx, role, iossl_transport_new_fd(fd, err), err);
}

iossl_conn *
iossl_conn_new_owned_fd(iossl_ctx *ctx, iossl_role role, int fd, iossl_error *err)
{
    return iossl_conn_new(ctx, role, iossl_transport_new_owned_fd(fd, err), err);
}

iossl_conn *
iossl_conn_up_ref(iossl_conn *conn)
{
    if (conn != NULL)
        atomic_fetch_add_explicit(&conn->refs, 1, memory_order_relaxed);
    return conn;
}

void
iossl_conn_free(iossl_conn *conn)
{
    if (conn == NULL || atomic_fetch_sub_explicit(&conn->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (conn->ssl != NULL) {    /* which the program may have a reference of */
        (void)SSL_set_ex_data(conn->ssl, iossl_init_conn_index(), NULL);
        SSL_set_msg_callback(conn->ssl, NULL);
        SSL_set_info_callback(conn->ssl, NULL);
        SSL_free(conn->ssl);
    }
    iossl_transport_free(conn->transport);
    iossl_verifier_cleanup(&conn->verifier);
    iossl_linebuf_cleanup(&conn->lines);
    SSL_SESSION_free(conn->fresh);
    iossl_session_place_cleanup(&conn->sessions);
    iossl_staple_cleanup(&conn->staple);
    free(conn->psk);
    iossl_ctx_free(conn->host_ctx);
    iossl_ctx_free(conn->ctx);
    iossl_info_free(conn->info);
    iossl_early_cleanup(&conn->early);
    if (conn->kernel_out != NULL)
        OPENSSL_cleanse(conn->kernel_out, MAX_PLAINTEXT);
    free(conn->kernel_out);
    free(conn);
    iossl_error_clear_queue();
}

iossl_conn *
iossl_conn_from_ssl(const SSL *ssl)
{
    int index = iossl_init_conn_index();

    return index < 0 ? NULL : SSL_get_ex_data(ssl, index);
}

/* ---- The loop -------------------------------------------------------------------------------- */

int
iossl_step_handshake(operation *op, SSL *ssl)
{
    (void)op;
    return SSL_do_handshake(ssl);
}

int
iossl_step_read(operation *op, SSL *ssl)
{
    return SSL_read_ex(ssl, op->in, op->len, &op->done);
}

int
iossl_step_peek(operation *op, SSL *ssl)
{
    return SSL_peek_ex(ssl, op->in, op->len, &op->done);
}

int
iossl_step_write(operation *op, SSL *ssl)
{
    return SSL_write_ex(ssl, op->out, op->len, &op->done);
}

/* Whether the stream ended without a close_notify, however this OpenSSL puts it. */
static bool
is_truncation(const operation *op, const iossl_transfer *last)
{
    if (op->ssl_error == SSL_ERROR_SSL)
        return iossl_compat_is_unexpected_eof(ERR_peek_error()) != 0;
    return op->ssl_error == SSL_ERROR_SYSCALL && last->eof && last->status != IOSSL_ERROR;
}

/* The one place that knows what SSL_get_error(3) means. IOSSL_EOF here is a close_notify. */
static iossl_status
classify(iossl_conn *conn, operation *op, int ret)
{
    const iossl_transfer *last = iossl_transport_get0_last(conn->transport);

    if (ret > 0)
        return IOSSL_OK;
    op->ssl_error = SSL_get_error(conn->ssl, ret);
    op->errnum = last->status == IOSSL_ERROR ? last->errnum : 0;
    /* After a close_notify of the peer, OpenSSL says so even where it is our write that failed. */
    if (op->ssl_error == SSL_ERROR_ZERO_RETURN && last->status == IOSSL_ERROR)
        op->ssl_error = SSL_ERROR_SYSCALL;
    switch (op->ssl_error) {
    case SSL_ERROR_WANT_READ:
        return last->status == IOSSL_INTERRUPTED ? IOSSL_INTERRUPTED : IOSSL_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return last->status == IOSSL_INTERRUPTED ? IOSSL_INTERRUPTED : IOSSL_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        conn->closed_by_peer = true;
        return IOSSL_EOF;
    default:
        conn->is_truncated = conn->is_truncated || is_truncation(op, last);
        return IOSSL_ERROR;
    }
}

static bool
is_want(iossl_status status)
{
    return status == IOSSL_WANT_READ || status == IOSSL_WANT_WRITE;
}

iossl_status
iossl_conn_drive(iossl_conn *conn, operation *op, int64_t timeout_ms)
{
    const iossl_transfer_mode mode = {.never_wait = timeout_ms >= 0, .no_sigpipe = op->no_sigpipe};
    int64_t deadline = iossl_deadline_in(timeout_ms);
    iossl_status status;

    iossl_transport_set_mode(conn->transport, mode);
    for (;;) {
        int64_t left = -1;

        iossl_error_clear_queue();
        iossl_transport_begin(conn->transport);
        status = classify(conn, op, op->step(op, conn->ssl));
        if (!is_want(status) || timeout_ms == IOSSL_AS_FD || timeout_ms == IOSSL_POLL
            || !iossl_transport_can_wait(conn->transport))
            return status;
        if (timeout_ms > 0 && (left = deadline - iossl_now_ms()) <= 0)
            return IOSSL_TIMEOUT;
        errno = 0;
        if ((status = iossl_transport_wait(conn->transport, status, left)) == IOSSL_ERROR) {
            op->ssl_error = SSL_ERROR_SYSCALL;
            op->errnum = errno;
        }
        if (status != IOSSL_OK)
            return status;
    }
}

/* The alert that came or went, where there was one: of an error with this code. */
void
iossl_conn_add_alert(const iossl_conn *conn, iossl_error_code code, iossl_error *err)
{
    if (conn->alert >= 0 && iossl_error_get_code(err) == code)
        iossl_error_set_alert(err, conn->alert, conn->alert_was_sent);
}

void
iossl_conn_explain(const iossl_conn *conn, const operation *op, iossl_error_code code,
                   const char *what, iossl_error *err)
{
    if (op->ssl_error == SSL_ERROR_SYSCALL && !iossl_compat_has_reason() && op->errnum != 0)
        iossl_error_set_errno(err, code, IOSSL_RANK_IO, op->errnum, "%s", what);
    else
        iossl_error_set_openssl(err, code, IOSSL_RANK_IO, "%s", what);
    iossl_conn_add_alert(conn, code, err);
    iossl_error_clear_queue();
}

iossl_status
iossl_conn_check_open(const iossl_conn *conn, const char *what, iossl_error *err)
{
    if (conn->state == ESTABLISHED)
        return IOSSL_OK;
    iossl_error_set(err, IOSSL_E_STATE,
                    conn->state == FAILED ? IOSSL_RANK_FALLBACK : IOSSL_RANK_IO, "%s: %s", what,
                    conn->state == FAILED ? "the connection has failed"
                                          : "the handshake isn't finished");
    return IOSSL_ERROR;
}

/* A handshake that has begun is gone on with first, to its end, verification included. */
static iossl_status
finish_handshake(iossl_conn *conn, int64_t *timeout_ms, const char *what, iossl_error *err)
{
    const int64_t deadline = iossl_deadline_in(*timeout_ms);
    iossl_status status;

    if (conn->state != HANDSHAKING)
        return iossl_conn_check_open(conn, what, err);
    status = iossl_handshake(conn, *timeout_ms, err);
    *timeout_ms = iossl_timeout_left(*timeout_ms, deadline);
    return status;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static iossl_status
truncated(iossl_error *err)
{
    iossl_error_set_openssl(err, IOSSL_E_TRUNCATED, IOSSL_RANK_IO,
                            "SSL read error: the connection ended without a close_notify");
    return IOSSL_ERROR;
}

/* A transport that takes no more, as of a peer that answered early and left, may still have that answer. */
static bool
can_read(const iossl_conn *conn)
{
    return conn->state == ESTABLISHED || conn->can_still_read;
}

/* Reads from OpenSSL, past the buffer of lines. */
iossl_status
iossl_conn_read_record(iossl_conn *conn, operation *op, int64_t timeout_ms, iossl_error *err)
{
    iossl_status status;

    if (!can_read(conn)
        && (status = finish_handshake(conn, &timeout_ms, "SSL read error", err)) != IOSSL_OK)
        return status;
    if (conn->closed_by_peer)
        return IOSSL_EOF;
    if (conn->is_truncated)
        return truncated(err);
    if (conn->rekey_bytes != 0 && conn->state == ESTABLISHED)
        iossl_conn_rekey_if_due(conn);
    status = iossl_conn_drive(conn, op, timeout_ms);
    if (status == IOSSL_ERROR && conn->is_truncated)
        (void)truncated(err);
    else if (status == IOSSL_ERROR)
        iossl_conn_explain(conn, op, IOSSL_E_READ, "SSL read error", err);
    if (status == IOSSL_ERROR && !conn->is_truncated) {
        conn->state = FAILED;
        conn->can_still_read = false;
    }
    iossl_error_clear_queue();
    return status;
}

/*
 * The rest of a record that OpenSSL has decrypted already: copied, it can neither fail nor wait, so
 * that nothing has to be prepared for that. False: there is none.
 */
static bool
take_pending(iossl_conn *conn, operation *op)
{
    return can_read(conn) && SSL_pending(conn->ssl) > 0 && op->step(op, conn->ssl) == 1;
}

static iossl_status
read_or_peek(iossl_conn *conn, operation *op, size_t *got, int64_t timeout_ms, iossl_error *err)
{
    iossl_status status;

    *got = 0;
    if (op->len == 0)
        return IOSSL_OK;
    if (iossl_linebuf_pending(&conn->lines) > 0) {
        *got = iossl_linebuf_take(&conn->lines, op->in, op->len, op->step == iossl_step_peek);
        return IOSSL_OK;
    }
    if (conn->early.is_open) {
        int64_t deadline = iossl_deadline_in(timeout_ms);

        if ((status = iossl_early_await(conn, timeout_ms, err)) != IOSSL_OK)
            return status;
        return read_or_peek(conn, op, got, iossl_timeout_left(timeout_ms, deadline), err);
    }
    if (take_pending(conn, op)) {
        *got = op->done;
        return IOSSL_OK;
    }
    status = iossl_conn_read_record(conn, op, timeout_ms, err);
    if (status == IOSSL_OK)
        *got = op->done;
    return status;
}

iossl_status
iossl_read(iossl_conn *conn, void *buf, size_t size, size_t *got, int64_t timeout_ms,
           iossl_error *err)
{
    operation op = {.step = iossl_step_read, .no_sigpipe = true, .in = buf, .len = size};

    return read_or_peek(conn, &op, got, timeout_ms, err);
}

iossl_status
iossl_peek(iossl_conn *conn, void *buf, size_t size, size_t *got, int64_t timeout_ms,
           iossl_error *err)
{
    operation op = {.step = iossl_step_peek, .no_sigpipe = true, .in = buf, .len = size};

    return read_or_peek(conn, &op, got, timeout_ms, err);
}

size_t
iossl_pending(const iossl_conn *conn)
{
    int inside = SSL_pending(conn->ssl);

    return iossl_linebuf_pending(&conn->lines) + (inside > 0 ? (size_t)inside : 0);
}

iossl_status
iossl_read_line(iossl_conn *conn, const iossl_separator *separator, const char **piece, size_t *len,
                bool *done, int64_t timeout_ms, iossl_error *err)
{
    iossl_linebuf *lines = &conn->lines;

    *piece = NULL;
    *len = 0;
    *done = false;
    if (!iossl_linebuf_reserve(lines)) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    for (;;) {
        operation op = {.step = iossl_step_read, .no_sigpipe = true, .in = lines->bytes,
                        .len = IOSSL_LINEBUF_SIZE};
        iossl_status status = iossl_linebuf_next(lines, separator, piece, len, done, err);

        if (status != IOSSL_OK || *len > 0 || *done)
            return status;
        if (conn->early.is_open) {
            if ((status = iossl_early_await(conn, timeout_ms, err)) != IOSSL_OK)
                return status;
            continue;
        }
        status = iossl_conn_read_record(conn, &op, timeout_ms, err);
        if (status == IOSSL_EOF || status == IOSSL_ERROR)
            iossl_linebuf_end_line(lines);
        if (status == IOSSL_ERROR && conn->is_truncated)
            return IOSSL_EOF;
        if (status != IOSSL_OK)
            return status;
        lines->start = 0;
        lines->end = op.done;
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

iossl_status
iossl_conn_write(iossl_conn *conn, const void *buf, size_t len, size_t *put, int64_t timeout_ms,
                 bool no_sigpipe, iossl_error *err)
{
    operation op = {.step = iossl_step_write, .no_sigpipe = no_sigpipe, .out = buf,
                    .len = len < MAX_PLAINTEXT ? len : MAX_PLAINTEXT};
    iossl_status status;

    *put = 0;
    if (len == 0)
        return IOSSL_OK;
    if ((status = finish_handshake(conn, &timeout_ms, "SSL write error", err)) != IOSSL_OK)
        return status;
    if (conn->closed_by_us || conn->is_closing) {
        iossl_error_set(err, IOSSL_E_WRITE, IOSSL_RANK_IO,
                        "SSL write error: our side has been shut down");
        return IOSSL_ERROR;
    }
    if (conn->rekey_bytes != 0)
        iossl_conn_rekey_if_due(conn);
    if (conn->early.is_open)
        op.step = iossl_early_step_write;
    /* With kernel TLS, OpenSSL keeps the address of what is half sent, and a program may repeat a write
     * from elsewhere. */
    if (conn->kernel_out != NULL) {
        memcpy(conn->kernel_out, buf, op.len);
        op.out = conn->kernel_out;
    }
    status = iossl_conn_drive(conn, &op, timeout_ms);
    conn->is_writing = is_want(status) || status == IOSSL_TIMEOUT || status == IOSSL_INTERRUPTED;
    if (status == IOSSL_OK) {
        *put = op.done;
    } else if (status == IOSSL_ERROR || status == IOSSL_EOF) {
        char what[32] = "SSL write error (0)";

        what[sizeof "SSL write error (" - 1] = (char)('0' + op.ssl_error % 10);
        iossl_conn_explain(conn, &op, IOSSL_E_WRITE, what, err);     /* which empties the queue */
        status = IOSSL_ERROR;
        conn->state = FAILED;
        conn->can_still_read = op.ssl_error == SSL_ERROR_SYSCALL && !conn->early.is_open;
    }
    return status;
}

iossl_status
iossl_write(iossl_conn *conn, const void *buf, size_t len, size_t *put, int64_t timeout_ms,
            iossl_error *err)
{
    return iossl_conn_write(conn, buf, len, put, timeout_ms, false, err);
}

iossl_status
iossl_write_all(iossl_conn *conn, const void *buf, size_t len, size_t *put, int64_t timeout_ms,
                iossl_error *err)
{
    const unsigned char *bytes = buf;
    int64_t deadline = iossl_deadline_in(timeout_ms);
    iossl_status status = IOSSL_OK;
    size_t sent = 0;

    while (status == IOSSL_OK && sent < len) {
        size_t n;

        status = iossl_write(conn, bytes + sent, len - sent, &n, timeout_ms, err);
        sent += n;
        if (timeout_ms > 0 && status == IOSSL_OK && sent < len
            && (timeout_ms = deadline - iossl_now_ms()) <= 0)
            status = IOSSL_TIMEOUT;
    }
    if (put != NULL)
        *put = sent;
    return status;
}
