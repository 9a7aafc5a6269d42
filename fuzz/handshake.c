/*
 * handshake.c - a client and a server, both live, and someone on the way who changes, drops, doubles
 * and slips in bytes: of what one wrote the other reads the beginning, or nothing.
 *
 * Input: the flags of support_sides.h, then edits of five bytes: whose bytes and what to do, where (two
 * bytes), how much, and with what.
 */
#include <stdlib.h>
#include <string.h>

#include "support_sides.h"

#define WIRE_SIZE ((size_t)1 << 17)
#define MOST_EDITS 16

/* What is done to bytes on their way; how many in .length, with what in .value. */
enum { TURN, SET, DROP, SLIP_IN, DOUBLE, EDITS };

/* Each kind of conversation as it is, and with one edit to each side. */
static void
make_seeds(void)
{
    for (uint8_t i = 0; i < FUZZ_SIDE_KINDS; i++) {
        uint8_t what = (uint8_t)((i % EDITS) << 1), flags = fuzz_side_kinds[i];
        const uint8_t seed[] = {flags, what, 0, (uint8_t)(i * 20), i, 1,
                                what | 1, (uint8_t)(i % 3), 90, i, 1};

        fuzz_seed(seed, 1);
        fuzz_seed(seed, sizeof seed);
    }
}

void (*const fuzz_make_seeds)(void) = make_seeds;

typedef struct {
    uint8_t what, length, value;
    size_t at;
} edit;

/* One direction. */
typedef struct {
    uint8_t bytes[WIRE_SIZE];
    size_t len;             /* what has come through */
    size_t sent;            /* of which the sender wrote so much */
    edit edits[MOST_EDITS];
    size_t n_edits, read;
} way;

typedef struct {
    way *in, *out;
} end;

static bool
put(way *w, const void *bytes, size_t len)
{
    if (len > WIRE_SIZE - w->len)
        return false;
    memcpy(w->bytes + w->len, bytes, len);
    w->len += len;
    return true;
}

/* A byte on its way, through all edits of its place. */
static bool
pass(way *w, uint8_t byte)
{
    uint8_t extra[256];
    size_t copies = 1;

    for (size_t i = 0; i < w->n_edits; i++) {
        const edit *e = &w->edits[i];

        if (w->sent < e->at || w->sent >= e->at + (e->what == SLIP_IN ? 1u : e->length + 1u))
            continue;
        switch (e->what) {
        case TURN:
            byte ^= e->value;
            break;
        case SET:
            byte = e->value;
            break;
        case DROP:
            copies = 0;
            break;
        case SLIP_IN:
            memset(extra, e->value, sizeof extra);
            if (!put(w, extra, e->length))
                return false;
            break;
        default:
            copies = 2;
        }
    }
    w->sent++;
    while (copies-- > 0) {
        if (!put(w, &byte, 1))
            return false;
    }
    return true;
}

static iossl_status
end_write(void *arg, const void *buf, size_t len, size_t *done)
{
    way *w = ((end *)arg)->out;

    for (size_t i = 0; i < len; i++) {
        if (!pass(w, ((const uint8_t *)buf)[i]))
            return IOSSL_ERROR;
    }
    *done = len;
    return IOSSL_OK;
}

static iossl_status
end_read(void *arg, void *buf, size_t size, size_t *done)
{
    way *w = ((end *)arg)->in;
    size_t n = w->len - w->read;

    if (n == 0)
        return IOSSL_WANT_READ;
    if (n > size)
        n = size;
    memcpy(buf, w->bytes + w->read, n);
    w->read += n;
    *done = n;
    return IOSSL_OK;
}

static const iossl_transport_ops OPS = {.read = end_read, .write = end_write};
static way up, down;

static const char SAID[2][24] = {"what the client says", "what the server says"};

/* Reads what there is; true: all of it came. */
static bool
listen_to(iossl_conn *conn, const char *said, size_t *so_far, iossl_error *err)
{
    char buf[64];
    size_t n;

    while (fuzz_good(iossl_read(conn, buf, sizeof buf, &n, IOSSL_POLL, err), err)) {
        FUZZ_PROMISE(*so_far + n <= sizeof SAID[0] && memcmp(said + *so_far, buf, n) == 0,
                     "what is read is what was written");
        *so_far += n;
    }
    return *so_far == sizeof SAID[0];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    unsigned flags = fuzz_byte(&in);
    end ends[2] = {{&down, &up}, {&up, &down}};
    iossl_status status[2] = {IOSSL_WANT_READ, IOSSL_WANT_READ};
    iossl_conn *conns[2];
    size_t heard[2] = {0, 0}, n;
    bool edited = false;

    up.len = up.sent = up.n_edits = up.read = 0;
    down.len = down.sent = down.n_edits = down.read = 0;
    while (in.left >= 5) {
        uint8_t first = fuzz_byte(&in);
        way *w = (first & 1) != 0 ? &up : &down;
        edit e = {.what = (first >> 1) % EDITS};

        e.at = (size_t)fuzz_byte(&in) << 8;
        e.at |= fuzz_byte(&in);
        e.length = fuzz_byte(&in);
        e.value = fuzz_byte(&in);
        edited = true;
        if (w->n_edits < MOST_EDITS)
            w->edits[w->n_edits++] = e;
    }
    for (int i = 0; i < 2; i++)
        conns[i] = fuzz_side_conn(flags, (iossl_role)i, iossl_transport_new(&OPS, &ends[i], NULL));
    for (int round = 0; round < 16; round++) {
        for (int i = 0; i < 2; i++) {
            fuzz_random_of((fuzz_side)i);
            if (status[i] == IOSSL_WANT_READ) {
                status[i] = iossl_handshake(conns[i], IOSSL_POLL, err);
                if (fuzz_good(status[i], err))
                    (void)fuzz_good(iossl_write_all(conns[i], SAID[i], sizeof SAID[i], &n,
                                                    IOSSL_POLL, err), err);
            } else if (status[i] == IOSSL_OK) {
                (void)listen_to(conns[i], SAID[1 - i], &heard[i], err);
            }
        }
    }
    FUZZ_PROMISE(edited
                     || (status[0] == IOSSL_OK && status[1] == IOSSL_OK
                         && heard[0] == sizeof SAID[0] && heard[1] == sizeof SAID[0]),
                 "without a change all goes well");
    for (int i = 0; i < 2; i++) {
        (void)fuzz_good(iossl_shutdown(conns[i], true, IOSSL_POLL, err), err);
        iossl_conn_free(conns[i]);
    }
    iossl_error_free(err);
    return 0;
}
