/*
 * conn_handshake.c - the handshake, from what is offered to whether the peer is accepted.
 *
 * Owns      the way from NEW to ESTABLISHED or FAILED, and the sentence that tells why it failed.
 * Promises  ESTABLISHED is only where the peer is verified as the program wants it.
 * Leaves    the loop to conn.c, who the peer is to verify.c, which session is offered to conn_sessions.c,
 *           early data to early.c.
 * See       SSL_do_handshake(3), RFC 8446 section 4.
 */
#include <openssl/err.h>

#include "advice.h"
#include "compat.h"
#include "conn_parts.h"
#include "context.h"
#include "deadline.h"
#include "early.h"
#include "error.h"
#include "ocsp_staple.h"
#include "psk.h"
#include "session.h"

/* ---- Why it failed --------------------------------------------------------------------------- */

/* Into an empty error: the verifier's reason where it has one, with OpenSSL's before it. */
static void
tell_handshake(iossl_conn *conn, const operation *op, iossl_error *err)
{
    const char *what = conn->role == IOSSL_CLIENT ? "SSL connect attempt failed"
                                                  : "SSL accept attempt failed";
    const iossl_error *cause = conn->verifier.cause;
    /* What the verifier noted counts for nothing where nothing had to be verified. */
    iossl_error_code cause_code = conn->verifier.settings.mode == IOSSL_VERIFY_NONE
                                          && !conn->staple.has_refused && !conn->is_host_refused
                                      ? IOSSL_E_NONE
                                      : iossl_error_get_code(cause);
    iossl_error *general = NULL;
    const char *advice;

    switch (cause_code) {
    case IOSSL_E_NONE:
        advice = op->ssl_error == SSL_ERROR_SSL ? iossl_psk_get0_missing(conn->psk) : NULL;
        if (advice == NULL && op->ssl_error == SSL_ERROR_SSL)
            advice = iossl_advice(conn->role);
        if (op->ssl_error != SSL_ERROR_SSL && !iossl_compat_has_reason() && op->errnum == 0)
            iossl_error_set(err, conn->is_truncated ? IOSSL_E_TRUNCATED : IOSSL_E_HANDSHAKE,
                            IOSSL_RANK_IO, "%s because of handshake problems: the peer closed the "
                            "connection", what);
        else
            iossl_conn_explain(conn, op, conn->is_truncated ? IOSSL_E_TRUNCATED : IOSSL_E_HANDSHAKE,
                               what, err);
        if (advice != NULL)
            iossl_error_append(err, ": %s", advice);
        iossl_error_set_remedy(err, advice);
        break;
    case IOSSL_E_VERIFY:
    case IOSSL_E_CALLBACK:
    case IOSSL_E_PIN:
        general = iossl_error_new();
        iossl_conn_explain(conn, op, cause_code, what, general);
        iossl_error_set(err, cause_code, iossl_error_get_rank(cause), "%s: %s",
                        iossl_error_message(general), iossl_error_message(cause));
        iossl_error_set_verify_code(err, iossl_error_get_verify_code(cause));
        iossl_error_copy_subject(err, cause);
        iossl_error_free(general);
        break;
    default:
        iossl_error_copy(err, cause);
        break;
    }
    iossl_error_set_chain(err, conn->verifier.refused);
    iossl_conn_add_alert(conn, iossl_error_get_code(err), err);
}

void
iossl_conn_explain_handshake(iossl_conn *conn, const operation *op, iossl_error *err)
{
    iossl_error *own = iossl_error_new();

    if (own == NULL)
        iossl_error_memory(err);
    else
        tell_handshake(conn, op, own);
    iossl_error_copy(err, own);
    iossl_error_free(own);
    iossl_error_clear_queue();
}

/* ---- Whom it is with ------------------------------------------------------------------------- */

/*
 * A client of TLS 1.3 resumes a session of its own that had no certificate: then a pre-shared key of
 * this very context made it (see iossl_binding_make()), for nothing else does without one there.
 */
static bool
resumes_psk_session(const iossl_conn *conn)
{
    return conn->role == IOSSL_CLIENT && SSL_version(conn->ssl) == TLS1_3_VERSION
           && conn->has_binding && SSL_session_reused(conn->ssl) == 1
           && !iossl_psks_are_empty(iossl_ctx_get0_psks(conn->ctx))
           && iossl_session_is_bound_to(SSL_get_session(conn->ssl), &conn->binding);
}

/* What OpenSSL let pass still has to be a verified peer; see verify.c. */
bool
iossl_conn_is_peer_verified(iossl_conn *conn)
{
    X509 *leaf = iossl_conn_get1_peer_cert(conn);
    bool is_keyed = leaf == NULL && iossl_psk_was_used(conn->psk, conn->ssl);
    bool verified = iossl_verifier_finish(&conn->verifier, conn->ssl, leaf,
                                          is_keyed || (leaf == NULL && resumes_psk_session(conn)));

    conn->has_psk = is_keyed && conn->psk != NULL && conn->psk->identity[0] != '\0';

    X509_free(leaf);
    return verified;
}

/* A session that we offered was made under the mode of this connection: that is in its binding. */
bool
iossl_conn_judge_staple(iossl_conn *conn)
{
    return iossl_staple_judge(&conn->staple, &conn->verifier, conn->ssl,
                              conn->sessions.store != NULL && conn->staple.cb == NULL);
}

void
iossl_conn_set0_host_ctx(iossl_conn *conn, iossl_ctx *ctx)
{
    iossl_ctx_free(conn->host_ctx);
    conn->host_ctx = ctx;
}

bool
iossl_conn_has_host_ctx(const iossl_conn *conn)
{
    return conn->host_ctx != NULL;
}

void
iossl_conn_refuse_host(iossl_conn *conn)
{
    conn->is_host_refused = true;
    iossl_error_set(conn->verifier.cause, IOSSL_E_CALLBACK, IOSSL_RANK_IO,
                    "the program's SSL_cert_callback refused the handshake");
}

/* ---- The handshake --------------------------------------------------------------------------- */

iossl_status
iossl_conn_refuse_leftover(iossl_conn *conn, size_t len, iossl_error *err)
{
    if (iossl_conn_only_before_handshake(conn, "what is left of the clear text", err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (len == 0)
        return IOSSL_OK;
    conn->state = FAILED;
    iossl_error_set(err, IOSSL_E_HANDSHAKE, IOSSL_RANK_FATAL,
                    "the peer sent %zu bytes in the clear where TLS was to begin: someone on the "
                    "way may have put them there (RFC 3207 section 6); close the connection",
                    len);
    return IOSSL_ERROR;
}

iossl_status
iossl_handshake(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    operation op = {.step = iossl_step_handshake, .no_sigpipe = true};
    int64_t deadline = IOSSL_NO_DEADLINE;
    iossl_status status;

    if (conn->state == ESTABLISHED)
        return IOSSL_OK;
    if (conn->state == FAILED) {
        iossl_error_set(err, IOSSL_E_STATE, IOSSL_RANK_FALLBACK, "the handshake has failed before");
        return IOSSL_ERROR;
    }
    if (conn->state == NEW) {
        iossl_verifier_begin(&conn->verifier);
        if (conn->role == IOSSL_CLIENT
            && !iossl_staple_begin(&conn->staple, &conn->verifier.settings, conn->ssl)) {
            iossl_error_memory(err);
            return IOSSL_ERROR;
        }
        if (conn->role == IOSSL_CLIENT && conn->verifier.settings.tlsa != NULL
            && iossl_tlsa_apply(conn->verifier.settings.tlsa, conn->ctx, conn->ssl, err) != IOSSL_OK)
            return IOSSL_ERROR;
        iossl_conn_offer_session(conn);
        conn->handshake_began_us = iossl_now_us();
        conn->state = HANDSHAKING;
    }
    if (conn->early.phase == IOSSL_EARLY_LATE)
        return iossl_early_send_late(conn, timeout_ms, err);
    if (conn->early.data != NULL)
        deadline = iossl_deadline_in(timeout_ms);
    status = iossl_early_shake(conn, &op, timeout_ms);
    /* The staple was judged within the handshake, unless the program took its callback away. */
    if (status == IOSSL_OK
        && (!iossl_conn_is_peer_verified(conn)
            || (conn->role == IOSSL_CLIENT && !iossl_conn_judge_staple(conn)))) {
        op.ssl_error = SSL_ERROR_SSL;
        status = IOSSL_ERROR;
    }
    switch (status) {
    case IOSSL_OK:
        conn->handshake_us = iossl_now_us() - conn->handshake_began_us;
        conn->read_before = BIO_number_read(SSL_get_rbio(conn->ssl));
        conn->written_before = BIO_number_written(SSL_get_wbio(conn->ssl));
        iossl_conn_keep_fresh_session(conn);
        if (conn->early.data != NULL)
            status = iossl_early_send_late(conn, iossl_timeout_left(timeout_ms, deadline), err);
        else
            conn->state = ESTABLISHED;
        break;
    case IOSSL_EOF:             /* a close_notify in place of the handshake */
        status = IOSSL_ERROR;
        /* fall through */
    case IOSSL_ERROR:
        conn->state = FAILED;
        iossl_conn_explain_handshake(conn, &op, err);
        if (iossl_early_may_be_taken(conn))
            iossl_error_append(err, ": SSL_early_data went with it, and may have been acted upon");
        iossl_conn_drop_session(conn);
        break;
    case IOSSL_WANT_READ:
    case IOSSL_WANT_WRITE:
    case IOSSL_TIMEOUT:
    case IOSSL_INTERRUPTED:
        break;
    }
    iossl_error_clear_queue();
    return status;
}
