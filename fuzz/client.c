/*
 * client.c - a client whose peer sends any bytes: a recorded conversation, changed.
 *
 * Input: the flags of support_sides.h, how many bytes come at a time (0: all), then the bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "support_sides.h"

static void
make_seeds(void)
{
    static const unsigned flags[] = {0, SIDE_TLS12, SIDE_UNVERIFIED, SIDE_MUTUAL,
                                     SIDE_MUTUAL | SIDE_TLS12, SIDE_STAPLE,
                                     SIDE_STAPLE | SIDE_TLS12, SIDE_ALPN, SIDE_ALPN | SIDE_TLS12,
                                     SIDE_TICKETS, SIDE_TICKETS | SIDE_TLS12, SIDE_RETRY};

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        size_t len;
        uint8_t *bytes = fuzz_side_record(flags[i], IOSSL_SERVER, &len), *seed = malloc(len + 2);

        seed[0] = (uint8_t)flags[i];
        seed[1] = 0;
        memcpy(seed + 2, bytes, len);
        fuzz_seed(seed, len + 2);
        free(seed);
        free(bytes);
    }
}

void (*const fuzz_make_seeds)(void) = make_seeds;

/* There is one certificate that the trusted CA gave for this name. */
static void
check_peer(const iossl_conn *conn)
{
    X509 *peer = iossl_conn_get1_peer_cert(conn);

    FUZZ_PROMISE(peer != NULL && fuzz_same(peer, fuzz_leaf.cert),
                 "no one but the true server is accepted");
    X509_free(peer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    unsigned flags = fuzz_byte(&in), portion = fuzz_byte(&in);
    fuzz_wire wire = {.in = in.at, .in_len = in.left, .portion = portion, .ends = true};
    iossl_conn *conn = fuzz_side_conn(flags, IOSSL_CLIENT,
                                      iossl_transport_new(&fuzz_wire_ops, &wire, NULL));

    if (fuzz_side_run(conn, err) && (flags & SIDE_UNVERIFIED) == 0)
        check_peer(conn);
    iossl_conn_free(conn);
    iossl_error_free(err);
    return 0;
}
