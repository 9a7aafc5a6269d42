/*
 * key_update.c - new keys for a connection of TLS 1.3, on demand and by volume.
 *
 * Owns      when keys are renewed, and when they can't be.
 * Leaves    the loop to conn.c.
 * See       SSL_key_update(3), RFC 8446 sections 4.6.3 and 5.5.
 */
#include "conn_parts.h"
#include "error.h"
#include "ktls.h"

static uint64_t
bytes_moved(const iossl_conn *conn)
{
    return BIO_number_read(SSL_get_rbio(conn->ssl)) + BIO_number_written(SSL_get_wbio(conn->ssl));
}

/* Then they can't be renewed. */
static bool
has_keys_in_kernel(const iossl_conn *conn)
{
    return conn->kernel_out != NULL
           && (iossl_ktls_sends(SSL_get_wbio(conn->ssl)) || iossl_ktls_receives(SSL_get_rbio(conn->ssl)));
}

/* Before a read or write, which then sends it; what can't be now comes later. */
void
iossl_conn_rekey_if_due(iossl_conn *conn)
{
    uint64_t moved = bytes_moved(conn);

    if (moved - conn->rekeyed_at < conn->rekey_bytes || conn->is_writing || conn->closed_by_us
        || conn->is_closing || conn->early.is_open || has_keys_in_kernel(conn)
        || SSL_version(conn->ssl) < TLS1_3_VERSION)
        return;
    conn->rekeyed_at = moved;
    (void)SSL_key_update(conn->ssl, SSL_KEY_UPDATE_REQUESTED);
    iossl_error_clear_queue();
}

/* In words; NULL: nothing is in the way. */
static const char *
why_not_now(const iossl_conn *conn)
{
    if (conn->state != ESTABLISHED)
        return "the connection isn't established";
    if (conn->is_writing)
        return "a write is half done; repeat it first";
    if (conn->closed_by_us || conn->is_closing)
        return "our side has been shut down";
    /* Early data are no obstacle, since then the handshake is brought to its end. */
    return conn->early.is_open || SSL_is_init_finished(conn->ssl)
               ? NULL
               : "the last one, or another message, is half done; read or write first";
}

iossl_status
iossl_conn_key_update(iossl_conn *conn, bool peer_too, int64_t timeout_ms, iossl_error *err)
{
    operation op = {.step = iossl_step_handshake, .no_sigpipe = true};
    iossl_status status;
    const char *why;

    if ((why = why_not_now(conn)) != NULL) {
        iossl_error_set(err, IOSSL_E_STATE, IOSSL_RANK_IO, "key update: %s", why);
        return IOSSL_ERROR;
    }
    if (SSL_version(conn->ssl) < TLS1_3_VERSION) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_IO,
                        "key update: %s has none; TLSv1_3 is needed",
                        iossl_conn_get0_version(conn));
        return IOSSL_ERROR;
    }
    if (conn->early.is_open && (status = iossl_early_finish(conn, timeout_ms, err)) != IOSSL_OK)
        return status;
    if (has_keys_in_kernel(conn)) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_IO,
                        "key update: the kernel has the keys (SSL_ktls), and keeps them");
        return IOSSL_ERROR;
    }
    iossl_error_clear_queue();
    if (SSL_key_update(conn->ssl, peer_too ? SSL_KEY_UPDATE_REQUESTED
                                           : SSL_KEY_UPDATE_NOT_REQUESTED) != 1) {
        iossl_error_set_openssl(err, IOSSL_E_STATE, IOSSL_RANK_IO, "key update");
        return IOSSL_ERROR;
    }
    conn->rekeyed_at = bytes_moved(conn);
    status = iossl_conn_drive(conn, &op, timeout_ms);
    if (status == IOSSL_ERROR || status == IOSSL_EOF) {
        iossl_conn_explain(conn, &op, IOSSL_E_WRITE, "key update", err);
        conn->state = FAILED;
        status = IOSSL_ERROR;
    }
    iossl_error_clear_queue();
    return status;
}
