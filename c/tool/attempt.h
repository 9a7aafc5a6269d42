/*
 * attempt.h - one try to reach a server by TLS, and all that was seen of it.
 */
#ifndef TOOL_ATTEMPT_H
#define TOOL_ATTEMPT_H

#include <iossl.h>

#include "starttls.h"
#include "target.h"

/* How far it came. */
typedef enum {
    STAGE_CONNECT,          /* no connection                                                      */
    STAGE_STARTTLS,         /* plain text, and it stayed so                                       */
    STAGE_HANDSHAKE,        /* TLS was begun, and failed                                          */
    STAGE_ESTABLISHED
} attempt_stage;

/* What is to be done; all borrowed. */
typedef struct attempt_plan {
    const target *to;
    int family;
    const starttls *starttls;           /* NULL: TLS at once */
    const char *name;                   /* to verify; NULL: none */
    const char *sni;                    /* "": none */
    iossl_session_cache *sessions;      /* NULL: none */
    const unsigned char *early;         /* early data, early_len bytes; NULL: none */
    size_t early_len;
    bool early_insists;                 /* whatever they are */
    int64_t timeout_ms;                 /* of all of it */
    bool traces;                        /* each message of TLS is told on standard error */
} attempt_plan;

typedef struct attempt {
    attempt_stage stage;
    iossl_status status;                /* of the step that it ended with */
    iossl_error *err;                   /* owned; why it ended there */
    iossl_conn *conn;                   /* owned; NULL before the handshake */
    int fd;                             /* owned; -1: none */
    char *address;                      /* owned; "" where it isn't known */
    int64_t connect_ms, starttls_ms, handshake_ms;
    unsigned char first[5];             /* of what the server sent in the handshake */
    size_t n_first;
    int alert;                          /* that it sent, -1: none */
    bool traces;
    bool wants_certificate;             /* it asked for one of ours */
} attempt;

/* Tries; a shows how far it came. attempt_clear() it in any case. */
void attempt_make(attempt *a, iossl_ctx *ctx, const attempt_plan *plan);
void attempt_clear(attempt *a);
/* What the server seems to speak instead of TLS, by its first bytes, as "plain HTTP"; and the
 * --starttls that may be missing, else NULL. NULL: it can't be told. */
const char *attempt_plain_protocol(const attempt *a, const char **missing);
/* Tells the peer that it is over, if it still listens. */
void attempt_close(iossl_conn *conn);

#endif
