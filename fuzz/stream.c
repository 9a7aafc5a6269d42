/*
 * stream.c - two connected ends that read, peek, read lines, write and end in any order: no byte is
 * lost, doubled or out of order.
 *
 * Input: the version, then steps of two bytes: who does what, and how much.
 */
#include <stdlib.h>
#include <string.h>

#include "support_sides.h"

#define MOST ((size_t)1 << 17)

static void
make_seeds(void)
{
    fuzz_seed("\000\020\040\021\040\040\040\041\040\060\000\061\000", 13);
    fuzz_seed("\001\020\377\120\003\120\003\121\001\102\007\103\010\060\000\051\377\051\377", 19);
}

void (*const fuzz_make_seeds)(void) = make_seeds;

/* What goes one way. */
typedef struct {
    uint8_t bytes[MOST];
    size_t written, read;
    bool ended;
} flow;

static flow flows[2];       /* by who writes */

static void
check(flow *f, const void *bytes, size_t len, bool keep)
{
    FUZZ_PROMISE(len <= f->written - f->read, "no more is read than was written");
    FUZZ_PROMISE(memcmp(f->bytes + f->read, bytes, len) == 0, "bytes come in order");
    f->read += keep ? 0 : len;
}

/* What there is was read to its end, if the status says so. */
static void
check_end(const flow *f, iossl_status status)
{
    if (status == IOSSL_EOF)
        FUZZ_PROMISE(f->ended && f->read == f->written, "the end comes at the end");
    else if (status == IOSSL_WANT_READ)
        FUZZ_PROMISE(!f->ended && f->read == f->written, "nothing is held back");
}

static void
say(iossl_conn *conn, flow *f, uint8_t how_much, bool all, iossl_error *err)
{
    size_t len = (size_t)how_much * how_much / 3, put = 0;

    if (len > MOST - f->written || f->ended)
        return;
    for (size_t i = 0; i < len; i++)
        f->bytes[f->written + i] = (uint8_t)((f->written + i) % 37 == 0 ? '\n' : 'a' + i % 5);
    if (all)
        FUZZ_PROMISE(fuzz_good(iossl_write_all(conn, f->bytes + f->written, len, &put, IOSSL_POLL,
                                               err), err) && put == len, "all is written");
    else
        FUZZ_PROMISE(fuzz_good(iossl_write(conn, f->bytes + f->written, len, &put, IOSSL_POLL,
                                           err), err) && (put > 0 || len == 0), "some is written");
    f->written += put;
}

static void
hear(iossl_conn *conn, flow *f, uint8_t how_much, bool peek, iossl_error *err)
{
    static uint8_t buf[65536];
    size_t size = (size_t)how_much * how_much, n = 0;
    iossl_status status;

    status = peek ? iossl_peek(conn, buf, size, &n, IOSSL_POLL, err)
                  : iossl_read(conn, buf, size, &n, IOSSL_POLL, err);
    if (fuzz_good(status, err))
        check(f, buf, n, peek);
    else if (size > 0)
        check_end(f, status);
}

static void
hear_line(iossl_conn *conn, flow *f, uint8_t how, iossl_error *err)
{
    const iossl_separator kinds[]
        = {{IOSSL_SEP_STRING, "\n", 1}, {IOSSL_SEP_STRING, "ab", 2},
           {IOSSL_SEP_STRING, "e\nab", 4}, {IOSSL_SEP_RECORD, NULL, (size_t)how + 1},
           {IOSSL_SEP_NONE, NULL, 0}};
    const char *piece;
    size_t len = 0;
    bool done;
    iossl_status status = iossl_read_line(conn, &kinds[how % 5], &piece, &len, &done, IOSSL_POLL,
                                          err);

    if (fuzz_good(status, err))
        check(f, piece, len, false);
    else
        check_end(f, status);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    unsigned flags = fuzz_byte(&in) & (SIDE_TLS12 | SIDE_TICKETS);
    iossl_transport *ends[2];
    iossl_conn *conns[2];

    for (int i = 0; i < 2; i++) {
        flows[i].written = flows[i].read = 0;
        flows[i].ended = false;
    }
    FUZZ_PROMISE(fuzz_good(iossl_transport_new_pair(&ends[0], &ends[1], err), err), "memory");
    for (int i = 0; i < 2; i++)
        conns[i] = fuzz_side_conn(flags, (iossl_role)i, ends[i]);
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 2; i++)
            (void)fuzz_good(iossl_handshake(conns[i], IOSSL_POLL, err), err);
    }
    FUZZ_PROMISE(iossl_conn_is_established(conns[0]) && iossl_conn_is_established(conns[1]),
                 "they are connected");
    for (int i = 0; i < 200 && in.left >= 2; i++) {
        unsigned what = fuzz_byte(&in), side = what & 1;
        uint8_t how = fuzz_byte(&in);

        switch ((what >> 4) % 8) {
        case 0:
        case 1:
            say(conns[side], &flows[side], how, (what & 2) != 0, err);
            break;
        case 2:
            hear(conns[side], &flows[1 - side], how, false, err);
            break;
        case 3:
            flows[side].ended
                = fuzz_good(iossl_shutdown(conns[side], false, IOSSL_POLL, err), err)
                  || flows[side].ended;
            break;
        case 4:
            hear(conns[side], &flows[1 - side], how, true, err);
            break;
        case 5:
            hear_line(conns[side], &flows[1 - side], how, err);
            break;
        case 6:
            FUZZ_PROMISE(iossl_pending(conns[side])
                             <= flows[1 - side].written - flows[1 - side].read,
                         "no more is pending than was written");
            break;
        default:
            (void)fuzz_good(iossl_conn_key_update(conns[side], (how & 1) != 0, IOSSL_POLL, err),
                            err);
        }
    }
    for (int i = 0; i < 2; i++)
        iossl_conn_free(conns[i]);
    iossl_error_free(err);
    return 0;
}
