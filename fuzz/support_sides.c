/*
 * support_sides.c - see support_sides.h.
 */
#include "support_sides.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "support_ocsp.h"

/* ---- Contexts -------------------------------------------------------------------------------- */

static unsigned kind;       /* for the functions that change a config */

static void
must(iossl_status status)
{
    FUZZ_PROMISE(status == IOSSL_OK, "the settings of a target are good");
}

static void
change_both(iossl_config *config)
{
    static const char *const protocols[] = {"h2", "http/1.1"};

    if ((kind & SIDE_TLS12) != 0)
        must(iossl_config_set_version(config, "TLSv1_2", NULL));
    if ((kind & SIDE_ALPN) != 0)
        must(iossl_config_set_alpn(config, protocols, 2, NULL));
    must(iossl_config_set_release_buffers(config, (kind & SIDE_TICKETS) != 0, NULL));
}

static void
change_client(iossl_config *config)
{
    iossl_pins *pins;
    char *pin = NULL;

    change_both(config);
    if ((kind & SIDE_UNVERIFIED) != 0)
        must(iossl_config_set_verify_mode(config, IOSSL_VERIFY_NONE, NULL));
    if ((kind & SIDE_MUTUAL) != 0) {
        must(iossl_config_add_certs(config, NULL, &fuzz_leaf.cert, 1, NULL));
        must(iossl_config_add_key(config, NULL, fuzz_leaf.key, NULL));
    }
    must(iossl_config_set_ocsp_mode(config, (kind & SIDE_STAPLE) != 0 ? IOSSL_OCSP_MUST_STAPLE : 0,
                                    NULL));
    if ((kind & SIDE_STRICT) != 0) {
        must(iossl_config_set_policy(config, "strict", NULL));
        pins = iossl_pins_new(NULL);
        must(iossl_cert_fingerprint(&pin, fuzz_leaf.cert, NULL, true, NULL));
        must(iossl_pins_add(pins, pin, NULL));
        must(iossl_config_set_pins(config, pins, true, NULL));
        iossl_pins_free(pins);
        iossl_free(pin);
    }
    if ((kind & SIDE_RETRY) != 0)
        must(iossl_config_set_groups(config, "X25519:P-256", NULL));
}

static void
change_server(iossl_config *config)
{
    static const iossl_ticket_key key = {.name = "fuzz", .key = "fuzz", .key_len = 48};
    test_ocsp_spec spec = {.signer = &fuzz_ca,
                           .about = {{.cert = fuzz_leaf.cert, .issuer = fuzz_ca.cert}}};
    unsigned char *staple;
    size_t len;

    change_both(config);
    must(iossl_config_set_no_default_ca(config, true, NULL));
    must(iossl_config_add_ca(config, fuzz_ca.cert, NULL));
    if ((kind & SIDE_MUTUAL) != 0)
        must(iossl_config_set_verify_mode(
            config, IOSSL_VERIFY_PEER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL));
    if ((kind & SIDE_STAPLE) != 0) {
        staple = test_ocsp_response(&spec, &len);
        must(iossl_config_set_ocsp_staple(config, NULL, staple, len, NULL));
        OPENSSL_free(staple);
    }
    if ((kind & SIDE_TICKETS) != 0)
        must(iossl_config_set_ticket_keys(config, &key, 1, NULL));
    if ((kind & SIDE_RETRY) != 0)
        must(iossl_config_set_groups(config, "P-256", NULL));
}

iossl_conn *
fuzz_side_conn(unsigned flags, iossl_role role, iossl_transport *transport)
{
    static iossl_ctx *contexts[2][256];
    static iossl_session_cache *cache;
    iossl_ctx **ctx = &contexts[role][flags & 0xff];
    iossl_conn *conn;

    fuzz_identities();
    fuzz_random_of(FUZZ_COMMON);
    fuzz_random_restart();
    kind = flags;
    if (*ctx == NULL)
        *ctx = role == IOSSL_CLIENT ? fuzz_client_ctx(&fuzz_ca, change_client)
                                    : fuzz_server_ctx(&fuzz_leaf, change_server);
    conn = iossl_conn_new(*ctx, role, transport, NULL);
    FUZZ_PROMISE(conn != NULL, "a context gives connections");
    if (role == IOSSL_CLIENT) {
        must(iossl_conn_set_hostname(conn, "www.example.test", NULL));
        if ((flags & SIDE_TICKETS) != 0) {
            iossl_session_cache_free(cache);
            cache = iossl_session_cache_new(4, NULL);
            must(iossl_conn_set_session_cache(conn, cache, "www.example.test", NULL));
        }
    }
    fuzz_random_restart();
    fuzz_random_of(role == IOSSL_CLIENT ? FUZZ_CLIENT : FUZZ_SERVER);
    return conn;
}

/* ---- The wire -------------------------------------------------------------------------------- */

static iossl_status
wire_read(void *arg, void *buf, size_t size, size_t *done)
{
    fuzz_wire *wire = arg;
    size_t n = wire->in_len - wire->in_at;

    if (n == 0)
        return wire->ends ? IOSSL_EOF : IOSSL_WANT_READ;
    if (n > size)
        n = size;
    if (wire->portion != 0 && n > wire->portion)
        n = wire->portion;
    memcpy(buf, wire->in + wire->in_at, n);
    wire->in_at += n;
    *done = n;
    return IOSSL_OK;
}

static iossl_status
wire_write(void *arg, const void *buf, size_t len, size_t *done)
{
    fuzz_wire *wire = arg;

    if (wire->out != NULL) {
        if (len > wire->out_size - wire->out_len) {
            errno = ENOSPC;
            return IOSSL_ERROR;
        }
        memcpy(wire->out + wire->out_len, buf, len);
    }
    wire->out_len += len;
    *done = len;
    return IOSSL_OK;
}

const iossl_transport_ops fuzz_wire_ops = {.read = wire_read, .write = wire_write};

/* ---- A conversation -------------------------------------------------------------------------- */

static bool
wants(iossl_status status)
{
    return status == IOSSL_WANT_READ || status == IOSSL_WANT_WRITE;
}

/* All that can be asked of a connection, in any state. */
static void
ask(iossl_conn *conn, iossl_error *err)
{
    iossl_diagnosis *diagnosis = iossl_conn_diagnose(conn, err);
    X509 *peer = iossl_conn_get1_peer_cert(conn);
    iossl_ocsp_resolver *r = NULL;
    size_t len;

    (void)fuzz_made(diagnosis, err);
    iossl_diagnosis_free(diagnosis);
    (void)iossl_conn_get0_cipher(conn);
    (void)iossl_conn_get0_version(conn);
    (void)iossl_conn_get0_group(conn);
    (void)iossl_conn_get0_servername(conn);
    (void)iossl_conn_get0_alpn(conn, &len);
    (void)iossl_conn_get0_staple(conn, &len);
    (void)iossl_conn_get0_staple_error(conn);
    (void)iossl_conn_is_resumed(conn);
    (void)iossl_pending(conn);
    if (peer != NULL) {
        fuzz_describe(peer, err);
        r = iossl_ocsp_resolver_new(conn, NULL, 0, err);
        (void)fuzz_made(r, err);
    }
    iossl_ocsp_resolver_free(r);
    X509_free(peer);
    FUZZ_PROMISE(ERR_peek_error() == 0, "OpenSSL's queue is empty after every function");
}

bool
fuzz_side_run(iossl_conn *conn, iossl_error *err)
{
    static const iossl_separator line = {IOSSL_SEP_STRING, "\n", 1};
    iossl_status status = IOSSL_WANT_READ;
    char buf[4096];
    const char *piece;
    size_t n;
    bool established, done;

    for (int i = 0; i < 20000 && wants(status); i++)
        status = iossl_handshake(conn, IOSSL_POLL, err);
    FUZZ_PROMISE(!wants(status), "a handshake ends with its stream");
    established = fuzz_good(status, err);
    FUZZ_PROMISE(established == iossl_conn_is_established(conn), "it is established, or isn't");
    ask(conn, err);
    for (int i = 0; established && i < 50; i++) {
        if (i % 3 == 0)
            status = iossl_peek(conn, buf, sizeof buf, &n, IOSSL_POLL, err);
        else if (i % 3 == 1)
            status = iossl_read_line(conn, &line, &piece, &n, &done, IOSSL_POLL, err);
        else
            status = iossl_read(conn, buf, sizeof buf, &n, IOSSL_POLL, err);
        if (!fuzz_good(status, err) && !wants(status))
            break;
    }
    if (established) {
        (void)fuzz_good(iossl_write_all(conn, "hello", 5, &n, IOSSL_POLL, err), err);
        (void)fuzz_good(iossl_shutdown(conn, true, IOSSL_POLL, err), err);
    }
    return established;
}

/* ---- Recording ------------------------------------------------------------------------------- */

#define RECORD_SIZE ((size_t)1 << 16)

static void
step(iossl_conn *conn, fuzz_wire *wire, const fuzz_wire *peer, int *stage)
{
    char buf[256];
    size_t n;

    wire->in_len = peer->out_len;
    if (*stage == 0 && iossl_handshake(conn, IOSSL_POLL, NULL) == IOSSL_OK)
        *stage = 1;
    else if (*stage == 1 && iossl_write_all(conn, "some\nlines\n", 11, &n, IOSSL_POLL, NULL)
                                == IOSSL_OK)
        *stage = 2;
    else if (*stage >= 2)
        (void)!iossl_read(conn, buf, sizeof buf, &n, IOSSL_POLL, NULL);
    if (*stage == 2 && iossl_shutdown(conn, false, IOSSL_POLL, NULL) == IOSSL_OK)
        *stage = 3;
}

uint8_t *
fuzz_side_record(unsigned flags, iossl_role sender, size_t *len)
{
    fuzz_wire wires[2];
    iossl_conn *conns[2];
    int stages[2] = {0, 0};

    for (int i = 0; i < 2; i++)
        wires[i] = (fuzz_wire){.out = malloc(RECORD_SIZE), .out_size = RECORD_SIZE};
    for (int i = 0; i < 2; i++) {
        wires[i].in = wires[1 - i].out;
        conns[i] = fuzz_side_conn(flags, (iossl_role)i,
                                  iossl_transport_new(&fuzz_wire_ops, &wires[i], NULL));
    }
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 2; i++) {
            fuzz_random_of((fuzz_side)i);
            step(conns[i], &wires[i], &wires[1 - i], &stages[i]);
        }
    }
    FUZZ_PROMISE(stages[0] == 3 && stages[1] == 3, "a recorded conversation comes to its end");
    for (int i = 0; i < 2; i++)
        iossl_conn_free(conns[i]);
    free(wires[1 - sender].out);
    *len = wires[sender].out_len;
    return wires[sender].out;
}

/* ---- Targets --------------------------------------------------------------------------------- */

const uint8_t fuzz_side_kinds[FUZZ_SIDE_KINDS]
    = {0, SIDE_TLS12, SIDE_UNVERIFIED, SIDE_MUTUAL, SIDE_MUTUAL | SIDE_TLS12, SIDE_STAPLE,
       SIDE_STAPLE | SIDE_TLS12, SIDE_ALPN, SIDE_ALPN | SIDE_TLS12, SIDE_TICKETS,
       SIDE_TICKETS | SIDE_TLS12, SIDE_RETRY};

void
fuzz_side_seeds(iossl_role sender)
{
    for (size_t i = 0; i < FUZZ_SIDE_KINDS; i++) {
        size_t len;
        uint8_t *bytes = fuzz_side_record(fuzz_side_kinds[i], sender, &len), *seed = malloc(len + 2);

        seed[0] = fuzz_side_kinds[i];
        seed[1] = 0;
        memcpy(seed + 2, bytes, len);
        fuzz_seed(seed, len + 2);
        free(seed);
        free(bytes);
    }
}

void
fuzz_side_try(const uint8_t *data, size_t size, iossl_role role, bool (*is_verified)(unsigned flags),
              const char *promise)
{
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    unsigned flags = fuzz_byte(&in), portion = fuzz_byte(&in);
    fuzz_wire wire = {.in = in.at, .in_len = in.left, .portion = portion, .ends = true};
    iossl_conn *conn = fuzz_side_conn(flags, role, iossl_transport_new(&fuzz_wire_ops, &wire, NULL));

    if (fuzz_side_run(conn, err) && is_verified(flags)) {
        X509 *peer = iossl_conn_get1_peer_cert(conn);

        FUZZ_PROMISE(peer != NULL && fuzz_same(peer, fuzz_leaf.cert), promise);
        X509_free(peer);
    }
    iossl_conn_free(conn);
    iossl_error_free(err);
}
