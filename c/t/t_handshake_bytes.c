/*
 * t_handshake_bytes.c - handshakes over transports of the program's own that split, cut and stall.
 *
 * The transport has no descriptor and can't wait, so every step must return; a hang is the
 * watchdog's, a leak or a stray access the sanitizers'.
 */
#include <errno.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf, client_leaf;

/* ---- A wire that is cut to measure ----------------------------------------------------------- */

/* One direction: what was written, what of it was read. */
typedef struct {
    unsigned char bytes[65536];
    size_t written, read;
    size_t cut;                 /* so many bytes get through; SIZE_MAX: all */
    iossl_status after_cut;     /* what the reader gets there: IOSSL_EOF or IOSSL_ERROR */
} wire;

typedef struct {
    wire *in, *out;
    size_t first, rest;         /* the first transfer of each kind, and all others, move so much */
    size_t reads, writes;
    bool stutters;              /* wants before each transfer */
    bool has_stuttered;
    int frees;
} end;

static size_t
portion(const end *e, size_t so_far, size_t len)
{
    size_t most = so_far == 0 ? e->first : e->rest;

    return len < most ? len : most;
}

static bool
stutter(end *e)
{
    e->has_stuttered = e->stutters && !e->has_stuttered;
    return e->has_stuttered;
}

static iossl_status
end_read(void *arg, void *buf, size_t size, size_t *done)
{
    end *e = arg;
    wire *w = e->in;
    size_t until = w->written < w->cut ? w->written : w->cut;

    if (stutter(e))
        return IOSSL_WANT_READ;
    if (w->read == w->cut) {
        errno = ECONNRESET;
        return w->after_cut;
    }
    if (w->read == until)
        return IOSSL_WANT_READ;
    *done = portion(e, e->reads++, until - w->read < size ? until - w->read : size);
    memcpy(buf, w->bytes + w->read, *done);
    w->read += *done;
    return IOSSL_OK;
}

static iossl_status
end_write(void *arg, const void *buf, size_t len, size_t *done)
{
    end *e = arg;
    wire *w = e->out;

    if (stutter(e))
        return IOSSL_WANT_WRITE;
    *done = portion(e, e->writes++, len);
    if (*done > sizeof w->bytes - w->written) {
        errno = ENOSPC;
        return IOSSL_ERROR;
    }
    memcpy(w->bytes + w->written, buf, *done);
    w->written += *done;
    return IOSSL_OK;
}

static void
end_free(void *arg)
{
    ((end *)arg)->frees++;
}

static const iossl_transport_ops OPS = {.read = end_read, .write = end_write, .free = end_free};

/* ---- A client and a server over two wires ---------------------------------------------------- */

typedef struct {
    wire up, down;
    end ends[2];                /* 0 is the client's */
    iossl_conn *conn[2];
    iossl_error *err[2];
    iossl_status status[2];
} rig;

static rig r;                   /* too big for a stack; one at a time */

static void
rig_begin(iossl_ctx *client_ctx, iossl_ctx *server_ctx, size_t first, size_t rest)
{
    memset(&r, 0, sizeof r);
    r.up.cut = r.down.cut = SIZE_MAX;
    r.ends[0] = (end){.in = &r.down, .out = &r.up, .first = first, .rest = rest};
    r.ends[1] = (end){.in = &r.up, .out = &r.down, .first = first, .rest = rest};
    for (int i = 0; i < 2; i++) {
        r.err[i] = iossl_error_new();
        r.conn[i] = iossl_conn_new(i == 0 ? client_ctx : server_ctx,
                                   i == 0 ? IOSSL_CLIENT : IOSSL_SERVER,
                                   iossl_transport_new(&OPS, &r.ends[i], r.err[i]), r.err[i]);
        r.status[i] = IOSSL_WANT_READ;
    }
    if (r.conn[0] == NULL || r.conn[1] == NULL
        || iossl_conn_set_hostname(r.conn[0], "www.example.test", r.err[0]) != IOSSL_OK)
        bail_out("connections");
}

static bool
is_want(iossl_status status)
{
    return status == IOSSL_WANT_READ || status == IOSSL_WANT_WRITE;
}

/* Steps both until neither wants more or `rounds` passed without any byte moving. */
static void
rig_shake(int64_t timeout_ms)
{
    for (int idle = 0; idle < 4 && (is_want(r.status[0]) || is_want(r.status[1])); idle++) {
        size_t before = r.up.read + r.up.written + r.down.read + r.down.written;

        for (int i = 0; i < 2; i++) {
            if (is_want(r.status[i]))
                r.status[i] = iossl_handshake(r.conn[i], timeout_ms, r.err[i]);
            if (ERR_peek_error() != 0)
                bail_out("an error was left in OpenSSL's queue");
        }
        if (before != r.up.read + r.up.written + r.down.read + r.down.written)
            idle = -1;
    }
}

static bool
rig_end(void)
{
    for (int i = 0; i < 2; i++) {
        iossl_conn_free(r.conn[i]);
        iossl_error_free(r.err[i]);
    }
    return r.ends[0].frees == 1 && r.ends[1].frees == 1;
}

/* Data both ways, after a handshake. */
static bool
rig_talk(void)
{
    char buf[8];
    size_t n, total;

    for (int i = 0; i < 2; i++) {
        iossl_status status = IOSSL_WANT_WRITE;

        while (is_want(status))
            status = iossl_write(r.conn[i], "data", 4, &n, IOSSL_POLL, NULL);
        if (status != IOSSL_OK || n != 4)
            return false;
        for (total = 0, status = IOSSL_OK; total < 4 && (status == IOSSL_OK || is_want(status));
             total += n)
            status = iossl_read(r.conn[1 - i], buf + total, sizeof buf - total, &n, IOSSL_POLL,
                                NULL);
        if (total != 4 || memcmp(buf, "data", 4) != 0)
            return false;
    }
    return true;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static const char *version;

static void
set_client(iossl_config *config)
{
    X509 *certs[] = {client_leaf.cert};

    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK
        || iossl_config_add_certs(config, NULL, certs, 1, NULL) != IOSSL_OK
        || iossl_config_add_key(config, NULL, client_leaf.key, NULL) != IOSSL_OK)
        bail_out("client config");
}

static void
set_server(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK
        || iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER
                                        | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL) != IOSSL_OK
        || iossl_config_set_no_default_ca(config, true, NULL) != IOSSL_OK
        || iossl_config_add_ca(config, ca.cert, NULL) != IOSSL_OK)
        bail_out("server config");
}

static void
test_splits(iossl_ctx *client_ctx, iossl_ctx *server_ctx)
{
    size_t lengths[2], failures = 0, n;

    rig_begin(client_ctx, server_ctx, 1, 1);
    rig_shake(IOSSL_POLL);
    is_int(r.status[0], IOSSL_OK, "%s: byte by byte, the client finishes", version);
    is_int(r.status[1], IOSSL_OK, "%s: and the server", version);
    is_str(iossl_conn_get0_version(r.conn[0]), version, "%s: with the protocol asked for", version);
    ok(rig_talk(), "%s: and data pass", version);
    lengths[0] = r.up.written;
    lengths[1] = r.down.written;
    ok(rig_end(), "%s: each transport is freed once", version);

    n = lengths[0] > lengths[1] ? lengths[0] : lengths[1];
    for (size_t at = 1; at < n; at += at < 64 ? 1 : 7) {
        rig_begin(client_ctx, server_ctx, at, SIZE_MAX);
        r.ends[0].stutters = r.ends[1].stutters = at % 2 == 0;
        rig_shake(at % 3 == 0 ? 5000 : IOSSL_POLL);
        if (r.status[0] != IOSSL_OK || r.status[1] != IOSSL_OK || !rig_talk()) {
            failures++;
            diag("split at %zu: %d %d %s %s", at, (int)r.status[0], (int)r.status[1],
                 iossl_error_message(r.err[0]), iossl_error_message(r.err[1]));
        }
        failures += !rig_end();
    }
    is_size(failures, 0, "%s: a split anywhere in %zu bytes, with and without wants, is no matter",
            version, n);
}

/* What a handshake may come to when the line is cut before its last byte. */
static bool
is_defined_failure(iossl_status after_cut, const iossl_error *err)
{
    iossl_error_code code = iossl_error_get_code(err);

    if (iossl_error_message(err)[0] == '\0')
        return false;
    if (after_cut == IOSSL_ERROR)
        return code == IOSSL_E_HANDSHAKE && iossl_error_get_errno(err) == ECONNRESET;
    return code == IOSSL_E_TRUNCATED;
}

/* Cuts what `side` receives after `at` bytes. */
static size_t
cut(iossl_ctx *client_ctx, iossl_ctx *server_ctx, int side, size_t at, iossl_status after_cut)
{
    wire *w = side == 0 ? &r.down : &r.up;
    bool is_whole;
    size_t wrong = 0;
    char buf[8];
    size_t n;

    rig_begin(client_ctx, server_ctx, SIZE_MAX, SIZE_MAX);
    w->cut = at;
    w->after_cut = after_cut;
    rig_shake(IOSSL_POLL);
    is_whole = r.status[side] == IOSSL_OK;  /* what is missing comes after the handshake: tickets */
    if (!is_whole && (r.status[side] != IOSSL_ERROR || !is_defined_failure(after_cut, r.err[side])
                      || !iossl_conn_has_failed(r.conn[side])))
        wrong++;
    /* Who is cut off never takes the rest for a clean end. (Lengths vary: was anything cut?) */
    if (w->written > at
        && iossl_read(r.conn[side], buf, sizeof buf, &n, IOSSL_POLL, NULL) != IOSSL_ERROR)
        wrong++;
    if (wrong > 0)
        diag("%s: side %d cut at %zu: status %d, code %d, errno %d, \"%s\"", version, side, at,
             (int)r.status[side], (int)iossl_error_get_code(r.err[side]),
             iossl_error_get_errno(r.err[side]), iossl_error_message(r.err[side]));
    return wrong + !rig_end();
}

static void
test_cuts(iossl_ctx *client_ctx, iossl_ctx *server_ctx)
{
    for (int side = 0; side < 2; side++) {
        size_t length, wrong = 0;

        rig_begin(client_ctx, server_ctx, SIZE_MAX, SIZE_MAX);
        rig_shake(IOSSL_POLL);
        length = side == 0 ? r.down.written : r.up.written;
        (void)rig_end();
        for (size_t at = 0; at < length; at += at < 100 ? 1 : 3)
            wrong += cut(client_ctx, server_ctx, side, at, at % 2 == 0 ? IOSSL_EOF : IOSSL_ERROR);
        is_size(wrong, 0, "%s: the %s cut off after each of %zu bytes fails as it should", version,
                side == 0 ? "client" : "server", length);
    }
}

/* Flips a bit of every fifth byte: never two ends that are content, never a hang. */
static void
test_flips(iossl_ctx *client_ctx, iossl_ctx *server_ctx)
{
    size_t length, wrong = 0, silent = 0;
    bool is_flipped;

    rig_begin(client_ctx, server_ctx, SIZE_MAX, SIZE_MAX);
    (void)!iossl_handshake(r.conn[0], IOSSL_POLL, r.err[0]);
    (void)!iossl_handshake(r.conn[1], IOSSL_POLL, r.err[1]);
    length = r.down.written;
    (void)rig_end();
    for (size_t at = 0; at < length; at += 5) {
        rig_begin(client_ctx, server_ctx, SIZE_MAX, SIZE_MAX);
        r.status[0] = iossl_handshake(r.conn[0], IOSSL_POLL, r.err[0]);
        r.status[1] = iossl_handshake(r.conn[1], IOSSL_POLL, r.err[1]);
        is_flipped = at < r.down.written;       /* ECDSA signatures vary by a byte or two */
        if (is_flipped)
            r.down.bytes[at] ^= (unsigned char)(1U << at % 8);
        rig_shake(IOSSL_POLL);
        if (is_flipped && r.status[0] == IOSSL_OK && r.status[1] == IOSSL_OK) {
            diag("%s: bit %zu of byte %zu", version, at % 8, at);
            wrong++;
        }
        if (r.status[0] == IOSSL_ERROR && iossl_error_message(r.err[0])[0] == '\0')
            silent++;
        wrong += !rig_end();
    }
    is_size(wrong, 0, "%s: a flipped bit in the server's flight of %zu bytes never goes unnoticed",
            version, length);
    is_size(silent, 0, "%s: nor unexplained", version);
}

int
main(void)
{
    static const char *const versions[] = {"TLSv1_3", "TLSv1_2"};

    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test"});
    client_leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .common_name = "client"});
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        iossl_ctx *client_ctx, *server_ctx;

        version = versions[i];
        client_ctx = test_client_ctx(&ca, set_client);
        server_ctx = test_server_ctx(&leaf, set_server);
        test_splits(client_ctx, server_ctx);
        test_cuts(client_ctx, server_ctx);
        test_flips(client_ctx, server_ctx);
        iossl_ctx_free(client_ctx);
        iossl_ctx_free(server_ctx);
    }
    test_identity_free(&client_leaf);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
