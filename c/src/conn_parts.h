/*
 * conn_parts.h - a connection from inside, for the files that are parts of it: conn.c, conn_facts.c,
 * conn_handshake.c, conn_sessions.c, conn_settings.c, conn_shutdown.c, early.c, key_update.c,
 * late_tickets.c, post_handshake_auth.c.
 *
 * Owns      the structure, and the one loop that drives every operation of OpenSSL.
 * Leaves    what others may know of a connection to conn.h.
 */
#ifndef IOSSL_CONN_PARTS_H
#define IOSSL_CONN_PARTS_H

#include <stdatomic.h>

#include "conn.h"
#include "early.h"
#include "info.h"
#include "iossl.h"
#include "linebuf.h"
#include "ocsp_staple.h"
#include "psk.h"
#include "session.h"
#include "verify.h"

typedef enum { NEW, HANDSHAKING, ESTABLISHED, FAILED } conn_state;

/* A certificate that is asked for after the handshake. */
typedef enum { NOT_ASKED, TO_BE_SENT, AWAITED, ANSWERED } cert_request;

struct iossl_conn {
    atomic_size_t refs;
    conn_state state;
    iossl_role role;
    bool closed_by_peer;        /* close_notify received */
    bool closed_by_us;          /* close_notify sent */
    bool is_closing;            /* close_notify begun, perhaps not all on its way */
    bool is_writing;            /* a record is half on its way, until the write is repeated */
    bool is_truncated;          /* the transport ended without one */
    bool can_still_read;        /* FAILED, but by a write that the transport refused */
    SSL *ssl;
    iossl_ctx *ctx;             /* a reference */
    iossl_ctx *host_ctx;        /* the same: what the SSL uses of it, once a callback chose; or NULL */
    bool is_host_refused;       /* that callback refused */
    cert_request request;
    iossl_transport *transport; /* owned */
    iossl_verifier verifier;
    iossl_linebuf lines;
    iossl_session_place sessions;
    iossl_staple staple;
    iossl_psk_state *psk;       /* owned; NULL: the context has no keys */
    bool has_psk;               /* a pre-shared key took the place of certificates */
    iossl_binding binding;      /* what a session of this connection is made under */
    bool has_binding;
    SSL_SESSION *fresh;         /* to be kept once the handshake is done; owned, NULL: none */
    const SSL_SESSION *offered; /* OpenSSL's; only to be compared with another */
    iossl_msg_cb msg_cb;
    void *msg_arg;
    void *app_data;
    int alert;                  /* the last one of either side that is no close_notify; -1: none */
    bool alert_was_sent;
    int64_t handshake_began_us, handshake_us;   /* -1: not done */
    iossl_early early;
    unsigned char *kernel_out;  /* owned; NULL: no kernel TLS. See iossl_conn_write() */
    uint64_t rekey_bytes, rekeyed_at;   /* renew keys after so many; 0: never. When that was */
    uint64_t read_before, written_before;   /* bytes of the handshake, on the transport */
    iossl_info *info;           /* owned; NULL until somebody asks */
};

/* One operation of OpenSSL: what it works on, and what came of its last step. */
typedef struct operation {
    int (*step)(struct operation *op, SSL *ssl);
    bool no_sigpipe;        /* the program didn't ask for a write */
    void *in;
    const void *out;
    size_t len, done;
    int ssl_error;          /* SSL_get_error(3) of the last step */
    int errnum;             /* of the transport, where it failed or couldn't wait; else 0 */
} operation;

/* Steps of more than one kind of operation. */
int iossl_step_handshake(operation *op, SSL *ssl);
int iossl_step_read(operation *op, SSL *ssl);
int iossl_step_write(operation *op, SSL *ssl);
int iossl_step_peek(operation *op, SSL *ssl);

/* Steps and waits until the operation is done, fails, or may wait no longer. IOSSL_EOF: a close_notify. */
iossl_status iossl_conn_drive(iossl_conn *conn, operation *op, int64_t timeout_ms);
/* Fills err for an operation that came to IOSSL_ERROR; what is the sentence's beginning. */
void iossl_conn_explain(const iossl_conn *conn, const operation *op, iossl_error_code code,
                        const char *what, iossl_error *err);
/* Adds to an error of this code the alert that came or went, where there was one. */
void iossl_conn_add_alert(const iossl_conn *conn, iossl_error_code code, iossl_error *err);
/* Reads from OpenSSL, past the buffer of lines. */
iossl_status iossl_conn_read_record(iossl_conn *conn, operation *op, int64_t timeout_ms,
                                    iossl_error *err);
/* IOSSL_E_STATE once the handshake has begun. */
iossl_status iossl_conn_only_before_handshake(const iossl_conn *conn, const char *what,
                                              iossl_error *err);

/* Is there a stream to read from or write to? IOSSL_E_STATE: there isn't; what begins the sentence. */
iossl_status iossl_conn_check_open(const iossl_conn *conn, const char *what, iossl_error *err);
/* Looks at the messages of the peer as long as the program, or a request for a certificate, wants them. */
void iossl_conn_watch_messages(iossl_conn *conn);
/* Tells OpenSSL the verify mode of this connection. False: no memory. */
bool iossl_conn_apply_verify_mode(iossl_conn *conn);

/* Around a handshake: what was kept is offered; what came is kept; what failed isn't tried again. */
void iossl_conn_offer_session(iossl_conn *conn);
void iossl_conn_keep_fresh_session(iossl_conn *conn);
void iossl_conn_drop_session(iossl_conn *conn);

/* After OpenSSL's part of a handshake: does what the program wants of the peer hold? */
bool iossl_conn_is_peer_verified(iossl_conn *conn);
/* Fills err for a handshake that came to IOSSL_ERROR. */
void iossl_conn_explain_handshake(iossl_conn *conn, const operation *op,
                                  iossl_error *err);
/* Before a read or write, which then sends it: a key update, if so many bytes have gone. */
void iossl_conn_rekey_if_due(iossl_conn *conn);
/* Before a close_notify: see late_tickets.c. */
void iossl_conn_take_late_tickets(iossl_conn *conn, int64_t timeout_ms);

#endif
