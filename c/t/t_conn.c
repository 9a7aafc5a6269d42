/*
 * t_conn.c - what a connection does in each of its states, over memory.
 */
#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf;
static iossl_ctx *client_ctx, *server_ctx;

static test_pair
connected(void)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");

    if (!test_pair_shake(&pair))
        bail_out(iossl_error_message(pair.client_error));
    return pair;
}

static void
test_data(void)
{
    test_pair pair = connected();
    static char big[40000];
    char buf[20000];
    size_t n, total = 0;

    is_str(iossl_conn_get0_version(pair.client), "TLSv1_3", "the newest protocol is chosen");
    is_int(iossl_conn_get_version_number(pair.client), 0x0304, "and known as a number");
    is_str(iossl_conn_get0_servername(pair.server), "www.example.test", "the server has the name");
    is_str(iossl_conn_get0_verified_name(pair.client), "www.example.test", "the client verified it");
    is_int(iossl_read(pair.server, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_WANT_READ,
           "nothing to read yet");
    is_int(iossl_read(pair.server, buf, 0, &n, IOSSL_POLL, NULL), IOSSL_OK, "no bytes asked, none");
    is_int(iossl_write(pair.client, "hello\nworld", 11, &n, IOSSL_POLL, NULL), IOSSL_OK, "a write");
    is_size(n, 11, "of eleven bytes");
    is_int(iossl_peek(pair.server, buf, 5, &n, IOSSL_POLL, NULL), IOSSL_OK, "a peek");
    is_mem(buf, n, "hello", 5, "sees the first");
    is_size(iossl_pending(pair.server), 11, "and leaves them");
    is_int(iossl_read(pair.server, buf, 2, &n, IOSSL_POLL, NULL), IOSSL_OK, "a read");
    is_mem(buf, n, "he", 2, "takes what was asked");
    is_size(iossl_pending(pair.server), 9, "the rest is pending");
    is_int(iossl_write(pair.server, "", 0, &n, IOSSL_POLL, NULL), IOSSL_OK, "nothing can be written");
    is_int(iossl_write(pair.server, big, sizeof big, &n, IOSSL_POLL, NULL), IOSSL_OK, "much, too,");
    is_size(n, 16384, "but a record at most");
    is_int(iossl_write_all(pair.server, big, sizeof big - n, &n, IOSSL_FOREVER, NULL), IOSSL_OK,
           "the rest at once");
    while (iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL) == IOSSL_OK) {
        if (n > 16384)
            ok(0, "a read gives one record");
        total += n;
    }
    is_size(total, sizeof big, "arrives whole");
    ok(ERR_peek_error() == 0, "and leaves no error behind");
    test_pair_free(&pair);
}

static void
test_lines(void)
{
    test_pair pair = connected();
    const iossl_separator newline = {.kind = IOSSL_SEP_STRING, .bytes = "\n", .length = 1};
    const char *piece;
    char buf[16];
    size_t len, n;
    bool done;

    if (iossl_write_all(pair.server, "one\ntwo\nthree", 13, NULL, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("write");
    is_int(iossl_read_line(pair.client, &newline, &piece, &len, &done, IOSSL_POLL, NULL), IOSSL_OK,
           "a line");
    ok(done, "is complete");
    is_mem(piece, len, "one\n", 4, "with its end");
    is_size(iossl_pending(pair.client), 9, "what was read ahead is pending");
    is_int(iossl_peek(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_OK, "can be peeked");
    is_mem(buf, n, "two\nthree", 9, "in order");
    is_int(iossl_read(pair.client, buf, 2, &n, IOSSL_POLL, NULL), IOSSL_OK, "or read");
    is_mem(buf, n, "tw", 2, "from its start");
    is_int(iossl_read_line(pair.client, &newline, &piece, &len, &done, IOSSL_POLL, NULL), IOSSL_OK,
           "and the next line");
    is_mem(piece, len, "o\n", 2, "goes on there");
    is_int(iossl_shutdown(pair.server, false, IOSSL_POLL, NULL), IOSSL_OK, "the server ends");
    is_int(iossl_read_line(pair.client, &newline, &piece, &len, &done, IOSSL_POLL, NULL), IOSSL_OK,
           "the last line");
    ok(!done, "has no end");
    is_mem(piece, len, "three", 5, "but is all there");
    is_int(iossl_read_line(pair.client, &newline, &piece, &len, &done, IOSSL_POLL, NULL), IOSSL_EOF,
           "then the stream ends");
    test_pair_free(&pair);
}

static void
test_shutdown(void)
{
    test_pair pair = connected();
    char buf[16];
    size_t n;

    is_int(iossl_write_all(pair.server, "late", 4, NULL, IOSSL_POLL, NULL), IOSSL_OK, "data, then");
    is_int(iossl_shutdown(pair.client, false, IOSSL_POLL, NULL), IOSSL_OK, "a close_notify");
    ok(iossl_conn_sent_close(pair.client), "is sent");
    is_int(iossl_shutdown(pair.client, false, IOSSL_POLL, NULL), IOSSL_OK, "twice is harmless");
    is_int(iossl_write(pair.client, "x", 1, &n, IOSSL_POLL, pair.client_error), IOSSL_ERROR,
           "no writing after it");
    is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_OK,
           "but reading what the peer still sends");
    is_mem(buf, n, "late", 4, "works");
    is_int(iossl_read(pair.server, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_EOF,
           "the server sees the end");
    ok(iossl_conn_received_close(pair.server), "and knows it as clean");
    is_int(iossl_read(pair.server, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_EOF, "again");
    is_int(iossl_shutdown(pair.client, true, IOSSL_POLL, NULL), IOSSL_WANT_READ,
           "waiting for the peer's end");
    is_int(iossl_shutdown(pair.server, true, IOSSL_POLL, NULL), IOSSL_OK, "which then comes");
    is_int(iossl_shutdown(pair.client, true, IOSSL_POLL, NULL), IOSSL_OK, "completes it");
    test_pair_free(&pair);
}

static void
test_truncation(void)
{
    test_pair pair = connected();
    char buf[16];
    size_t n;

    iossl_conn_free(pair.server);
    pair.server = NULL;
    is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, pair.client_error), IOSSL_ERROR,
           "an end without close_notify is an error");
    is_int(iossl_error_get_code(pair.client_error), IOSSL_E_TRUNCATED, "that says so");
    like(iossl_error_message(pair.client_error), "without a close_notify", "in words");
    is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_ERROR, "and stays");
    is_int(iossl_shutdown(pair.client, false, IOSSL_POLL, NULL), IOSSL_OK, "ending it is no problem");
    ok(ERR_peek_error() == 0, "no error is left behind");
    test_pair_free(&pair);
}

static void
test_states(void)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    char buf[16];
    size_t n;

    is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, pair.client_error), IOSSL_ERROR,
           "no reading before the handshake");
    is_int(iossl_error_get_code(pair.client_error), IOSSL_E_STATE, "as a matter of state");
    is_int(iossl_write(pair.client, "x", 1, &n, IOSSL_POLL, NULL), IOSSL_ERROR, "nor writing");
    is_int(iossl_shutdown(pair.client, true, IOSSL_POLL, NULL), IOSSL_OK, "nothing to end either");
    iossl_error_clear(pair.client_error);
    is_int(iossl_handshake(pair.client, IOSSL_POLL, NULL), IOSSL_WANT_READ, "it can begin");
    is_int(iossl_conn_set_verify_name(pair.client, "x", NULL), IOSSL_ERROR, "which fixes settings");
    iossl_conn_free(pair.server);
    pair.server = NULL;
    is_int(iossl_handshake(pair.client, IOSSL_POLL, pair.client_error), IOSSL_ERROR, "it can fail");
    ok(iossl_conn_has_failed(pair.client), "for good");
    like(iossl_error_message(pair.client_error), "SSL connect attempt failed", "with the reason");
    is_int(iossl_handshake(pair.client, IOSSL_POLL, NULL), IOSSL_ERROR, "whoever asks again");
    test_pair_free(&pair);
}

static void
test_nested(void)
{
    test_pair outer = connected();
    iossl_error *err = iossl_error_new();
    iossl_conn *client = iossl_conn_new(client_ctx, IOSSL_CLIENT,
                                        iossl_transport_new_conn(outer.client, err), err);
    iossl_conn *server = iossl_conn_new(server_ctx, IOSSL_SERVER,
                                        iossl_transport_new_conn(outer.server, err), err);
    test_pair inner = {.client = client, .server = server, .client_error = err,
                       .client_status = IOSSL_WANT_READ, .server_status = IOSSL_WANT_READ};
    char buf[16];
    size_t n;

    if (client == NULL || server == NULL
        || iossl_conn_set_hostname(client, "www.example.test", err) != IOSSL_OK)
        bail_out(iossl_error_message(err));
    test_pair_free(&outer);             /* the inner ones hold what they need */
    if (!ok(test_pair_shake(&inner), "TLS in TLS shakes hands"))
        diag("%d %d %s", (int)inner.client_status, (int)inner.server_status,
             iossl_error_message(inner.client_error));
    is_int(iossl_write_all(client, "inside", 6, NULL, IOSSL_POLL, NULL), IOSSL_OK, "and carries");
    is_int(iossl_read(server, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_OK, "data");
    is_mem(buf, n, "inside", 6, "unchanged");
    is_int(iossl_shutdown(client, false, IOSSL_POLL, NULL), IOSSL_OK, "an end inside");
    is_int(iossl_read(server, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_EOF, "is an end");
    test_pair_free(&inner);
}

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(
        &(test_cert_spec){.issuer = &ca, .common_name = "www", .altnames = "DNS:www.example.test"});
    client_ctx = test_client_ctx(&ca, NULL);
    server_ctx = test_server_ctx(&leaf, NULL);
    test_data();
    test_lines();
    test_shutdown();
    test_truncation();
    test_states();
    test_nested();
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
