/*
 * support_talk.c - see support_talk.h.
 */
#include "support_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

void
test_talk_begin(test_talk *talk, iossl_ctx *const ctxs[2], const int fds[2],
                const unsigned char *const says[2], const size_t lens[2])
{
    *talk = (test_talk){.right = true, .explained = true, .clean = true};
    for (int i = 0; i < 2; i++) {
        iossl_conn *conn = iossl_conn_new_owned_fd(ctxs[i], (iossl_role)i, fds[i], NULL);

        if (conn == NULL || (i == IOSSL_CLIENT &&
                             iossl_conn_set_hostname(conn, "www.example.test", NULL) != IOSSL_OK)) {
            printf("Bail out!  a connection to talk by\n");
            exit(255);
        }
        talk->ends[i] = (test_talk_end){.conn = conn, .says = says[i], .len = lens[i]};
    }
}

/* What there is to hear, until there is no more. */
static iossl_status
hear(test_talk *talk, test_talk_end *end, const test_talk_end *other, iossl_error *err)
{
    unsigned char buf[4096];
    iossl_status status;
    size_t n;

    while ((status = iossl_read(end->conn, buf, sizeof buf, &n, IOSSL_POLL, err)) == IOSSL_OK) {
        bool fits = n <= other->len - end->got;

        talk->right = talk->right && fits && memcmp(other->says + end->got, buf, n) == 0;
        if (!fits)
            break;
        end->got += n;
    }
    return status;
}

static void
step(test_talk *talk, test_talk_end *end, const test_talk_end *other)
{
    iossl_error *err = iossl_error_new();
    iossl_status status = IOSSL_OK;
    size_t n = 0;

    switch (end->stage) {
    case TALK_SHAKING:
        if ((status = iossl_handshake(end->conn, IOSSL_POLL, err)) == IOSSL_OK)
            end->stage = TALK_SAYING;
        break;
    case TALK_SAYING:
        status =
            iossl_write(end->conn, end->says + end->put, end->len - end->put, &n, IOSSL_POLL, err);
        if (status == IOSSL_OK && (end->put += n) == end->len)
            end->stage = TALK_ENDING;
        break;
    case TALK_ENDING:
        if ((status = iossl_shutdown(end->conn, false, IOSSL_POLL, err)) == IOSSL_OK) {
            end->stage = TALK_HEARING;
            end->has_ended = true;
        }
        break;
    default: break;
    }
    if (end->stage != TALK_SHAKING && status != IOSSL_ERROR)
        status = hear(talk, end, other, err);
    if (status == IOSSL_EOF && end->stage == TALK_HEARING)
        end->stage = TALK_DONE;
    talk->clean = talk->clean && ERR_peek_error() == 0;
    if (status == IOSSL_ERROR) {
        end->code = iossl_error_get_code(err);
        talk->explained =
            talk->explained && end->code != IOSSL_E_NONE && iossl_error_message(err)[0] != '\0';
        if (talk->errnum == 0)
            talk->errnum = iossl_error_get_errno(err);
        iossl_conn_free(end->conn);
        end->conn = NULL;
        end->stage = TALK_FAILED;
    }
    iossl_error_free(err);
}

bool
test_talk_step(test_talk *talk)
{
    talk->moved = false;
    for (int i = 0; i < 2; i++) {
        test_talk_end *end = &talk->ends[i], before = *end;

        if (end->stage < TALK_DONE)
            step(talk, end, &talk->ends[1 - i]);
        talk->moved = talk->moved || end->stage != before.stage || end->put != before.put ||
                      end->got != before.got;
    }
    return talk->ends[0].stage < TALK_DONE || talk->ends[1].stage < TALK_DONE;
}

bool
test_talk_is_whole(const test_talk *talk)
{
    for (int i = 0; i < 2; i++)
        if (talk->ends[i].stage != TALK_DONE || talk->ends[i].got != talk->ends[1 - i].len)
            return false;
    return true;
}

void
test_talk_free(test_talk *talk)
{
    for (int i = 0; i < 2; i++) {
        iossl_conn_free(talk->ends[i].conn);
        talk->ends[i].conn = NULL;
    }
}
