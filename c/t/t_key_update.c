/*
 * t_key_update.c - new keys in the middle of a connection: on demand and by volume, sent at once or
 * later, and where there are none.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf;
static const char *version;
static uint64_t by_volume;

/* ---- A transport that is full when the test says so ------------------------------------------ */

static bool is_full, is_broken;

static iossl_status
moved(ssize_t n, iossl_status otherwise, size_t *done)
{
    *done = n > 0 ? (size_t)n : 0;
    return n > 0 ? IOSSL_OK : n == 0 ? IOSSL_EOF : otherwise;
}

static iossl_status
gate_read(void *arg, void *buf, size_t size, size_t *done)
{
    return moved(recv(*(int *)arg, buf, size, MSG_DONTWAIT), IOSSL_WANT_READ, done);
}

static iossl_status
gate_write(void *arg, const void *buf, size_t len, size_t *done)
{
    *done = 0;
    if (is_broken) {
        errno = EPIPE;
        return IOSSL_ERROR;
    }
    return is_full ? IOSSL_WANT_WRITE
                   : moved(send(*(int *)arg, buf, len, MSG_DONTWAIT), IOSSL_WANT_WRITE, done);
}

static const iossl_transport_ops GATE = {.read = gate_read, .write = gate_write};

/* ---- A pair that counts ---------------------------------------------------------------------- */

static int fds[2], sent, got;       /* KeyUpdate messages of the client */

static void
count(int is_sent, int protocol, int type, const void *message, size_t len, SSL *ssl, void *arg)
{
    (void)protocol, (void)ssl, (void)arg;
    if (type == SSL3_RT_HANDSHAKE && len > 0 && *(const unsigned char *)message == SSL3_MT_KEY_UPDATE)
        *(is_sent ? &sent : &got) += 1;
}

static void
settings(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK
        || iossl_config_set_key_update_bytes(config, by_volume, NULL) != IOSSL_OK)
        bail_out("config");
}

/* The client's end is the gate. */
static test_pair
new_pair(void)
{
    iossl_ctx *client = test_client_ctx(&ca, settings), *server = test_server_ctx(&leaf, NULL);
    test_pair pair;

    is_full = is_broken = false;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        bail_out("socketpair");
    pair = test_pair_over(iossl_transport_new(&GATE, &fds[0], NULL), iossl_transport_new_fd(fds[1], NULL),
                          client, server, "www.example.test");
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    return pair;
}

static test_pair
shaken(const char *by_version, uint64_t bytes)
{
    test_pair pair;

    version = by_version;
    by_volume = bytes;
    pair = new_pair();
    if (!test_pair_shake(&pair))
        bail_out("a handshake");
    SSL_set_msg_callback(iossl_conn_get0_ssl(pair.client), count);
    sent = got = 0;
    return pair;
}

static void
end(test_pair *pair)
{
    ok(ERR_peek_error() == 0, "no error is left behind");
    test_pair_free(pair);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* True: this many bytes go from one to the other, as they are. */
static bool
carries(iossl_conn *from, iossl_conn *to, size_t len)
{
    static char data[16384], buf[sizeof data];
    size_t put, n, at = 0;

    memset(data, (int)len & 255, sizeof data);
    if (iossl_write_all(from, data, len, &put, IOSSL_POLL, NULL) != IOSSL_OK || put != len)
        return false;
    while (at < len && iossl_read(to, buf + at, sizeof buf - at, &n, IOSSL_POLL, NULL) == IOSSL_OK)
        at += n;
    return at == len && memcmp(buf, data, len) == 0;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void
test_on_demand(void)
{
    test_pair pair = shaken("TLSv1_3", 0);

    is_int(iossl_conn_key_update(pair.client, true, IOSSL_POLL, NULL), IOSSL_OK, "both keys");
    is_int(sent, 1, "one message, at once");
    ok(carries(pair.client, pair.server, 100) && carries(pair.server, pair.client, 100), "data both ways");
    is_int(got, 1, "the peer has renewed its own");
    is_int(iossl_conn_key_update(pair.client, false, IOSSL_POLL, NULL), IOSSL_OK, "ours alone");
    ok(carries(pair.client, pair.server, 100) && carries(pair.server, pair.client, 100), "data both ways");
    is_int(sent, 2, "another message");
    is_int(got, 1, "and the peer keeps its key");
    is_int(iossl_conn_key_update(pair.server, true, IOSSL_POLL, NULL), IOSSL_OK, "a server's");
    ok(carries(pair.server, pair.client, 100) && carries(pair.client, pair.server, 100), "data both ways");
    ok(sent == 3 && got == 2, "the client answers");
    end(&pair);
}

/* It stands in line, and nothing is lost meanwhile. */
static void
test_later(void)
{
    test_pair pair = shaken("TLSv1_3", 0);
    iossl_error *err = pair.client_error;

    is_full = true;
    is_int(iossl_conn_key_update(pair.client, true, IOSSL_POLL, err), IOSSL_WANT_WRITE, "no room for it");
    is_int(iossl_conn_key_update(pair.client, true, IOSSL_POLL, err), IOSSL_ERROR, "nor for a second");
    is_int(iossl_error_get_code(err), IOSSL_E_STATE, "its code");
    is_str(iossl_error_message(err),
           "key update: the last one, or another message, is half done; read or write first", "why");
    is_full = false;
    ok(carries(pair.client, pair.server, 1000), "goes with the next write");
    ok(carries(pair.server, pair.client, 1000), "and the answer comes");
    ok(sent == 1 && got == 1, "once");
    end(&pair);
}

static void
test_half_written(void)
{
    test_pair pair = shaken("TLSv1_3", 1);
    iossl_error *err = pair.client_error;
    char buf[16];
    size_t put, n;

    ok(carries(pair.client, pair.server, 10), "a write that renews keys");
    is_int(sent, 1, "has done so");
    is_full = true;
    /* The message of the next renewal finds no room, and with it the write. */
    is_int(iossl_write(pair.client, "0123456789", 10, &put, IOSSL_POLL, NULL), IOSSL_WANT_WRITE, "half done");
    is_int(iossl_conn_key_update(pair.client, false, IOSSL_POLL, err), IOSSL_ERROR, "no new keys meanwhile");
    is_int(iossl_error_get_code(err), IOSSL_E_STATE, "its code");
    like(iossl_error_message(err), "a write is half done; repeat it first", "why");
    is_full = false;
    ok(iossl_write(pair.client, "0123456789", 10, &put, IOSSL_POLL, NULL) == IOSSL_OK && put == 10, "repeated");
    ok(iossl_read(pair.server, buf, sizeof buf, &n, IOSSL_POLL, NULL) == IOSSL_OK && n == 10
           && memcmp(buf, "0123456789", 10) == 0, "it came, once");
    is_int(iossl_read(pair.server, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_WANT_READ, "and no more");
    is_int(iossl_conn_key_update(pair.client, false, IOSSL_POLL, err), IOSSL_OK, "now there are");
    end(&pair);
}

static void
test_by_volume(void)
{
    test_pair pair = shaken("TLSv1_3", 50000);

    for (int i = 0; i < 20; i++)
        if (!carries(pair.client, pair.server, 10000))
            bail_out("data");
    ok(sent == 3 || sent == 4, "200,000 bytes out: %d times", sent);
    sent = 0;
    for (int i = 0; i < 20; i++)
        if (!carries(pair.server, pair.client, 10000))
            bail_out("data");
    ok(sent == 3 || sent == 4, "200,000 bytes in: %d times", sent);
    is_int(iossl_shutdown(pair.client, false, IOSSL_POLL, NULL), IOSSL_OK, "our end");
    sent = 0;
    for (int i = 0; i < 20; i++)
        if (!carries(pair.server, pair.client, 10000))
            bail_out("data");
    is_int(sent, 0, "who has ended sends no more keys");
    end(&pair);
    pair = shaken("TLSv1_2", 1);
    ok(carries(pair.client, pair.server, 10000) && carries(pair.server, pair.client, 10000) && sent == 0,
       "TLS 1.2 stays as it is");
    end(&pair);
}

static void
refuses(iossl_conn *conn, iossl_error_code code, const char *why)
{
    iossl_error *err = iossl_error_new();

    is_int(iossl_conn_key_update(conn, true, IOSSL_POLL, err), IOSSL_ERROR, "no new keys");
    is_int(iossl_error_get_code(err), code, "its code");
    like(iossl_error_message(err), why, "why");
    iossl_error_free(err);
}

static void
test_refused(void)
{
    test_pair pair;

    version = "TLSv1_3";
    by_volume = 0;
    pair = new_pair();
    refuses(pair.client, IOSSL_E_STATE, "key update: the connection isn't established");
    ok(test_pair_shake(&pair), "the handshake goes on");
    is_full = true;
    is_int(iossl_shutdown(pair.client, false, IOSSL_POLL, NULL), IOSSL_WANT_WRITE, "an end that finds no room");
    refuses(pair.client, IOSSL_E_STATE, "key update: our side has been shut down");
    is_full = false;
    is_int(iossl_shutdown(pair.client, false, IOSSL_POLL, NULL), IOSSL_OK, "an end");
    refuses(pair.client, IOSSL_E_STATE, "key update: our side has been shut down");
    end(&pair);

    pair = shaken("TLSv1_2", 0);
    refuses(pair.client, IOSSL_E_UNSUPPORTED, "TLSv1_2 has none; TLSv1_3 is needed");
    ok(carries(pair.client, pair.server, 10), "the connection lives on");
    end(&pair);

    pair = shaken("TLSv1_3", 0);
    is_broken = true;
    refuses(pair.client, IOSSL_E_WRITE, "Broken pipe");
    refuses(pair.client, IOSSL_E_STATE, "isn't established");
    end(&pair);
}

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.common_name = "www.example.test",
        .altnames = "DNS:www.example.test", .issuer = &ca});
    test_on_demand();
    test_later();
    test_half_written();
    test_by_volume();
    test_refused();
    test_identity_free(&ca);
    test_identity_free(&leaf);
    return done_testing();
}
