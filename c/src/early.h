/*
 * early.h - data in the first flight of a resumed session (0-RTT).
 */
#ifndef IOSSL_EARLY_H
#define IOSSL_EARLY_H

#include "iossl.h"

struct operation;

/* What a connection has to do with early data. */
typedef struct iossl_early {
    /* Client: what is to be sent, owned, until it is; NULL: nothing, or nothing any more. */
    unsigned char *data;
    size_t len, sent;
    enum {
        IOSSL_EARLY_SHAKING,    /* the handshake as usual */
        IOSSL_EARLY_SENDING,    /* with it, early data */
        IOSSL_EARLY_SENT,       /* they are out, and the handshake goes on */
        IOSSL_EARLY_LATE        /* after it: what didn't go early */
    } phase;
    /* Server. */
    size_t max;                 /* 0: none is taken */
    bool insists;               /* whatever they are, they are handed over at once */
    bool is_open;               /* the handshake isn't over, but data were handed over */
    bool has_ended;             /* no more early data come: the rest is a handshake as usual */
} iossl_early;

/* Cleanses and frees a client's data. */
void iossl_early_cleanup(iossl_early *early);

/*
 * Is it one or more whole requests of HTTP/1 that change nothing and have no body, and nothing else?
 * Then they may arrive more than once without harm. RFC 8470, RFC 9110 section 9.2.1.
 */
bool iossl_early_is_safe(const void *data, size_t len);

/* A client that offers this session: may its data go with it? Then they will. */
void iossl_early_offer(iossl_conn *conn, const SSL_SESSION *session);
/* One run of the handshake, with early data where there may be some. */
iossl_status iossl_early_shake(iossl_conn *conn, struct operation *op, int64_t timeout_ms);
/* A client, once the handshake is over and the peer verified: sends what didn't go early, and then
 * the connection is established. */
iossl_status iossl_early_send_late(iossl_conn *conn, int64_t timeout_ms, iossl_error *err);

/* A client whose handshake failed: may the server have taken its data? */
bool iossl_early_may_be_taken(const iossl_conn *conn);

/* A server that was handed data over early, before it reads on: more data into the buffer of lines, or
 * the end of the handshake, or both. */
iossl_status iossl_early_await(iossl_conn *conn, int64_t timeout_ms, iossl_error *err);
/* The same, before it does what needs a handshake that is over. */
iossl_status iossl_early_finish(iossl_conn *conn, int64_t timeout_ms, iossl_error *err);
/* Writes meanwhile. */
int iossl_early_step_write(struct operation *op, SSL *ssl);

#endif
