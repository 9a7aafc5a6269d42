/*
 * support_sides.h - what clients and servers are tried in handshakes, by a byte of flags.
 */
#ifndef FUZZ_SIDES_H
#define FUZZ_SIDES_H

#include "fuzz.h"

enum {
    SIDE_TLS12 = 1,         /* TLS 1.2 and not 1.3 */
    SIDE_UNVERIFIED = 2,    /* a client that takes every certificate */
    SIDE_MUTUAL = 4,        /* the server asks for a client certificate, which there is */
    SIDE_STAPLE = 8,        /* the server has a staple, which the client asks for */
    SIDE_ALPN = 16,
    SIDE_STRICT = 32,       /* SSL_policy strict, and pins */
    SIDE_TICKETS = 64,      /* ticket keys of the program's own on a server, a session cache on both */
    SIDE_RETRY = 128        /* groups that make the server ask again */
};

/* Combinations to begin with. */
#define FUZZ_SIDE_KINDS 12
extern const uint8_t fuzz_side_kinds[FUZZ_SIDE_KINDS];

/* A new connection of this kind; its context is made at the first time. Random bytes begin anew. */
iossl_conn *fuzz_side_conn(unsigned flags, iossl_role role, iossl_transport *transport);

/* A wire of which one end is read by a connection, and the rest is kept. */
typedef struct fuzz_wire {
    const uint8_t *in;      /* what is to be read */
    size_t in_len, in_at;
    size_t portion;         /* so much at a time; 0: all */
    bool ends;              /* at its end the stream ends, too; else there is more to come */
    uint8_t *out;           /* what was written; NULL: nobody cares */
    size_t out_len, out_size;
} fuzz_wire;
extern const iossl_transport_ops fuzz_wire_ops;

/* Shakes hands until the end of what is to be read, then reads, writes and ends. Whether it was
 * established at any time. */
bool fuzz_side_run(iossl_conn *conn, iossl_error *err);

/* What one side sends to the other in a whole conversation, which it has with a live one; *len bytes,
 * free() them. */
uint8_t *fuzz_side_record(unsigned flags, iossl_role sender, size_t *len);

/* For a target that is one side and gets what the other is said to have sent: its seeds, ... */
void fuzz_side_seeds(iossl_role sender);
/* ... and an input: flags, how many bytes come at a time, the bytes. Where the flags have the peer
 * verified, promises that it is the one with the test's certificate. */
void fuzz_side_try(const uint8_t *data, size_t size, iossl_role role,
                   bool (*is_verified)(unsigned flags), const char *promise);

#endif
