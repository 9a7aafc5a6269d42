/*
 * attempt.c - one try to reach a server by TLS: see attempt.h.
 */
#include "attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "opts.h"
#include "show.h"

/* Handshake message of RFC 8446 section 4.3.2. */
#define CERTIFICATE_REQUEST 13

/* Notes what only passes by. */
static void
watch(void *arg, bool sent, int version, int content_type, const void *buf, size_t len)
{
    attempt *a = arg;
    const unsigned char *bytes = buf;
    char line[128];

    if (a->traces
        && iossl_message_text(line, sizeof line, sent, version, content_type, buf, len))
        fprintf(stderr, "%s, %zu bytes\n", line, len);
    if (sent || len == 0)
        return;
    if (content_type == SSL3_RT_HEADER && a->n_first == 0) {
        a->n_first = len < sizeof a->first ? len : sizeof a->first;
        memcpy(a->first, bytes, a->n_first);
    } else if (content_type == SSL3_RT_ALERT && len == 2) {
        a->alert = bytes[1];
    } else if (content_type == SSL3_RT_HANDSHAKE && bytes[0] == CERTIFICATE_REQUEST) {
        a->wants_certificate = true;
    }
}

static bool
set_up(attempt *a, iossl_ctx *ctx, const attempt_plan *plan)
{
    char *key;
    iossl_status status = IOSSL_OK;

    if ((a->conn = iossl_conn_new_fd(ctx, IOSSL_CLIENT, a->fd, a->err)) == NULL
        || (plan->sni[0] != '\0' && iossl_conn_set_hostname(a->conn, plan->sni, a->err) != IOSSL_OK)
        || iossl_conn_set_verify_name(a->conn, plan->name, a->err) != IOSSL_OK)
        return false;
    iossl_conn_set_msg_cb(a->conn, watch, a);
    if (plan->sessions != NULL) {
        key = tool_format("%s:%s", plan->to->host, plan->to->port);
        status = iossl_conn_set_session_cache(a->conn, plan->sessions, key, a->err);
        free(key);
    }
    if (status == IOSSL_OK && plan->early != NULL)
        status = iossl_conn_set_early_data(a->conn, plan->early, plan->early_len, plan->early_insists,
                                           a->err);
    return status == IOSSL_OK;
}

/* Time since *from, which moves on to now. */
static int64_t
lap(int64_t *from)
{
    int64_t now = iossl_now_ms(), took = now - *from;

    *from = now;
    return took;
}

void
attempt_make(attempt *a, iossl_ctx *ctx, const attempt_plan *plan)
{
    int64_t begin = iossl_now_ms(), deadline = begin + plan->timeout_ms, clock = begin, left;

    *a = (attempt){.err = iossl_error_new(), .fd = -1, .alert = -1, .traces = plan->traces};
    tool_progress("connecting to %s, port %s ...", plan->to->host, plan->to->port);
    a->status = target_connect(&a->fd, plan->to, plan->family, plan->timeout_ms, a->err);
    a->connect_ms = lap(&clock);
    a->address = a->fd < 0 ? tool_copy("") : target_peer_address(a->fd);
    if (a->status != IOSSL_OK)
        goto done;
    if (plan->starttls != NULL) {
        a->stage = STAGE_STARTTLS;
        tool_progress("asking %s for TLS (%s) ...", plan->to->host, starttls_name(plan->starttls));
        left = deadline - clock;
        a->status = starttls_speak(plan->starttls, a->fd, plan->to->host, left > 0 ? left : 1,
                                   a->err);
        a->starttls_ms = lap(&clock);
        if (a->status != IOSSL_OK)
            goto done;
    }
    a->stage = STAGE_HANDSHAKE;
    tool_progress("shaking hands with %s ...", plan->to->host);
    if (!set_up(a, ctx, plan)) {
        a->status = IOSSL_ERROR;
        goto done;
    }
    left = deadline - clock;
    a->status = iossl_handshake(a->conn, left > 0 ? left : 1, a->err);
    a->handshake_ms = lap(&clock);
    if (a->status == IOSSL_OK)
        a->stage = STAGE_ESTABLISHED;
    else if (a->status == IOSSL_TIMEOUT)
        iossl_error_set(a->err, IOSSL_E_HANDSHAKE, IOSSL_RANK_IO,
                        "the server doesn't answer the handshake: the time is up");
done:
    tool_progress_end();
}

void
attempt_clear(attempt *a)
{
    iossl_conn_free(a->conn);
    if (a->fd >= 0)
        (void)close(a->fd);
    iossl_error_free(a->err);
    free(a->address);
    memset(a, 0, sizeof *a);
    a->fd = -1;
}

const char *
attempt_plain_protocol(const attempt *a, const char **missing)
{
    static const struct {
        const char *begin, *what, *starttls;
    } known[] = {
        {"HTTP/", "plain HTTP", NULL},
        {"<html", "plain HTTP", NULL},
        {"<!DOC", "plain HTTP", NULL},
        {"220 ", "plain SMTP or FTP", "smtp"},
        {"220-", "plain SMTP or FTP", "smtp"},
        {"554 ", "plain SMTP", "smtp"},
        {"* OK", "plain IMAP", "imap"},
        {"* PRE", "plain IMAP", "imap"},
        {"+OK", "plain POP3", "pop3"},
        {"<?xml", "plain XMPP", "xmpp"},
        {"<stre", "plain XMPP", "xmpp"},
        {"SSH-", "SSH", NULL},
    };

    *missing = NULL;
    for (size_t i = 0; i < TOOL_COUNT(known); i++)
        if (a->n_first >= strlen(known[i].begin)
            && memcmp(a->first, known[i].begin, strlen(known[i].begin)) == 0) {
            *missing = known[i].starttls;
            return known[i].what;
        }
    return NULL;
}

void
attempt_close(iossl_conn *conn)
{
    iossl_error *err = iossl_error_new();

    if (iossl_shutdown(conn, false, 1000, err) != IOSSL_OK)
        iossl_error_clear(err);         /* it is gone already: nothing to tell anyone */
    iossl_error_free(err);
}
