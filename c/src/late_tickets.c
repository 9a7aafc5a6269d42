/*
 * late_tickets.c - a client that only writes takes in the tickets of its server before it ends.
 *
 * Owns      which records are looked at then, and how long a shutdown waits for them.
 * Promises  data stay to be read; a non-blocking socket never waits, a blocking one at most LINGER_MS and
 *           a little for each further ticket.
 * Leaves    the loop to conn.c, what a shutdown is to conn_shutdown.c; keeping sessions to conn_sessions.c.
 * See       RFC 8446 section 4.6.1, RFC 1122 section 4.2.2.13.
 */
#include "conn_parts.h"
#include "deadline.h"
#include "transport.h"

/* RFC 8446 section 5.2: no record is larger. */
#define RECORD_HEADER 5
#define MAX_RECORD    (RECORD_HEADER + 16384 + 256)

/* Is all of an encrypted record here? Then OpenSSL can take it without meeting what comes after it: the
 * end of the transport, say, which would forbid it to send a close_notify. */
static bool
has_whole_record(const iossl_conn *conn)
{
    unsigned char record[MAX_RECORD];
    size_t got;

    if (SSL_has_pending(conn->ssl) == 1)
        return false;           /* what the transport has isn't the beginning of one */
    got = iossl_transport_look(conn->transport, record, sizeof record);
    return got >= RECORD_HEADER && record[0] == SSL3_RT_APPLICATION_DATA
           && got - RECORD_HEADER >= ((size_t)record[3] << 8 | record[4]);
}

/* A server that is busy takes no longer to begin; then each ticket follows at the heels of the last. */
#define LINGER_MS      2000
#define LINGER_STEP_MS 10

/*
 * While the peer has sent nothing since the handshake, and hasn't got all that we wrote, its tickets may
 * still be to come: waits for the first. See iossl_conn_take_late_tickets() why that matters; only who waits for a
 * write waits here. True: more may follow.
 */
static bool
linger(iossl_conn *conn, int64_t timeout_ms)
{
    bool is_long = timeout_ms < 0 || timeout_ms > LINGER_MS;
    int64_t deadline = iossl_deadline_in(is_long ? LINGER_MS : timeout_ms);
    iossl_status status = IOSSL_TIMEOUT;

    if (timeout_ms == IOSSL_POLL || BIO_number_read(SSL_get_rbio(conn->ssl)) != conn->read_before)
        return false;
    while (status == IOSSL_TIMEOUT && iossl_transport_has_unacked(conn->transport)
           && iossl_deadline_left(deadline) > 0)
        status = iossl_transport_wait(conn->transport, IOSSL_WANT_READ, LINGER_STEP_MS);
    return true;
}

static bool
has_late_record(const iossl_conn *conn, bool may_follow)
{
    return has_whole_record(conn)
           || (may_follow && iossl_transport_has_unacked(conn->transport)
               && iossl_transport_wait(conn->transport, IOSSL_WANT_READ, LINGER_STEP_MS) == IOSSL_OK
               && has_whole_record(conn));
}

/* A server with more of them than that has had its share. */
#define MAX_LATE_RECORDS 16

/*
 * Who only writes has never read the tickets that a server of TLS 1.3 sends after the handshake. They
 * are to be kept; and if they lie there, or come later, close(2) of the socket is a reset, which takes
 * what was written last away from the peer (RFC 1122 section 4.2.2.13). Data stay to be read.
 */
void
iossl_conn_take_late_tickets(iossl_conn *conn, int64_t timeout_ms)
{
    unsigned char first;
    operation op = {.step = iossl_step_peek, .no_sigpipe = true, .in = &first, .len = 1};
    iossl_status status = IOSSL_WANT_READ;
    bool may_follow;

    if (conn->role != IOSSL_CLIENT || SSL_version(conn->ssl) < TLS1_3_VERSION || conn->closed_by_peer
        || conn->is_writing || BIO_number_written(SSL_get_wbio(conn->ssl)) == conn->written_before)
        return;
    may_follow = linger(conn, timeout_ms);
    (void)SSL_clear_mode(conn->ssl, SSL_MODE_AUTO_RETRY);
    for (int i = 0; i < MAX_LATE_RECORDS && status == IOSSL_WANT_READ
                    && has_late_record(conn, may_follow); i++)
        status = iossl_conn_drive(conn, &op, IOSSL_POLL);
    (void)SSL_set_mode(conn->ssl, SSL_MODE_AUTO_RETRY);
    if (status == IOSSL_ERROR)
        conn->state = FAILED;
}
