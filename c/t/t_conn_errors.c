/*
 * t_conn_errors.c - what a connection says of failures, and what it doesn't let pass, where
 * OpenSSL's own answer would be vague or wrong.
 */
#include <errno.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, other_ca, leaf, stranger;

/* ---- A gate: a transport that misbehaves as it is told --------------------------------------- */

typedef struct {
    iossl_status write_says;    /* IOSSL_OK: what is written vanishes */
    size_t write_done;
    iossl_status wait_says;
    int wait_errno;
    iossl_status read_says;
    size_t read_done;
} gate;

static iossl_status
gate_read(void *arg, void *buf, size_t size, size_t *done)
{
    gate *g = arg;

    (void)buf;
    (void)size;
    *done = g->read_done;
    errno = g->read_says == IOSSL_ERROR ? EIO : 0;
    return g->read_says;
}

static iossl_status
gate_write(void *arg, const void *buf, size_t len, size_t *done)
{
    gate *g = arg;

    (void)buf;
    *done = g->write_done < len ? g->write_done : len;
    return g->write_says;
}

static iossl_status
gate_wait(void *arg, iossl_status want, int64_t timeout_ms)
{
    gate *g = arg;

    (void)want;
    (void)timeout_ms;
    errno = g->wait_errno;
    return g->wait_says;
}

static const iossl_transport_ops GATE = {.read = gate_read, .write = gate_write, .wait = gate_wait};

static iossl_status
shake_at_gate(gate *g, int64_t timeout_ms, iossl_error *err)
{
    iossl_ctx *ctx = test_client_ctx(&ca, NULL);
    iossl_conn *conn = iossl_conn_new(ctx, IOSSL_CLIENT, iossl_transport_new(&GATE, g, err), err);
    iossl_status status = IOSSL_ERROR;

    if (conn == NULL)
        bail_out("gate");
    status = iossl_handshake(conn, timeout_ms, err);
    iossl_conn_free(conn);
    iossl_ctx_free(ctx);
    return status;
}

static void
test_contract(void)
{
    gate g = {.write_says = IOSSL_OK, .write_done = SIZE_MAX, .read_says = IOSSL_OK};
    iossl_error *err = iossl_error_new();

    is_int(shake_at_gate(&g, IOSSL_POLL, err), IOSSL_ERROR,
           "a read that says OK and gives nothing");
    is_int(iossl_error_get_errno(err), EIO, "is an error of the transport");
    iossl_error_clear(err);
    g.read_done = SIZE_MAX;
    is_int(shake_at_gate(&g, IOSSL_POLL, err), IOSSL_ERROR, "as one that gives more than asked");
    is_int(iossl_error_get_errno(err), EIO, "is one");
    iossl_error_clear(err);
    g = (gate){.write_says = IOSSL_OK, .write_done = 0};
    is_int(shake_at_gate(&g, IOSSL_POLL, err), IOSSL_ERROR, "a write that takes nothing, too");
    is_int(iossl_error_get_errno(err), EIO, "with the same errno");
    iossl_error_clear(err);
    g = (gate){.write_says = IOSSL_EOF};
    is_int(shake_at_gate(&g, IOSSL_POLL, err), IOSSL_ERROR, "writing has no end of stream");
    is_int(iossl_error_get_errno(err), EPIPE, "but a broken pipe");
    iossl_error_clear(err);
    g = (gate){.write_says = IOSSL_OK, .write_done = SIZE_MAX, .read_says = IOSSL_WANT_READ,
               .wait_says = IOSSL_ERROR, .wait_errno = EBADF};
    is_int(shake_at_gate(&g, 1000, err), IOSSL_ERROR, "where waiting itself fails");
    is_int(iossl_error_get_errno(err), EBADF, "its errno is told");
    like(iossl_error_message(err), strerror(EBADF), "and no tale of a peer that closed");
    iossl_error_clear(err);
    g.wait_says = IOSSL_TIMEOUT;
    is_int(shake_at_gate(&g, 1000, err), IOSSL_TIMEOUT, "what the program's wait says");
    g.wait_says = IOSSL_INTERRUPTED;
    is_int(shake_at_gate(&g, IOSSL_FOREVER, err), IOSSL_INTERRUPTED, "is what comes back");
    is_str(iossl_error_message(err), "", "and is no error");
    iossl_error_free(err);
}

/* ---- A pair with a tap on the client's line -------------------------------------------------- */

typedef struct {
    unsigned char bytes[1 << 16];
    size_t start, end;
} line;

typedef struct {
    line *in, *out;
    iossl_status blocked;       /* what writes say while it isn't IOSSL_OK; errno EPIPE */
    bool trickles, is_dry;      /* a byte at a time, each after a want */
} port;

static line lines[2];
static port ports[2];

static iossl_status
port_read(void *arg, void *buf, size_t size, size_t *done)
{
    port *p = arg;
    line *l = p->in;
    size_t n = l->end - l->start;

    p->is_dry = p->trickles && !p->is_dry;
    if (n == 0 || p->is_dry)
        return IOSSL_WANT_READ;
    n = p->trickles ? 1 : n;
    *done = n < size ? n : size;
    memcpy(buf, l->bytes + l->start, *done);
    l->start += *done;
    return IOSSL_OK;
}

static iossl_status
port_write(void *arg, const void *buf, size_t len, size_t *done)
{
    port *p = arg;

    if (p->blocked != IOSSL_OK) {
        errno = EPIPE;
        return p->blocked;
    }
    if (len > sizeof p->out->bytes - p->out->end) {
        errno = ENOSPC;
        return IOSSL_ERROR;
    }
    memcpy(p->out->bytes + p->out->end, buf, len);
    p->out->end += len;
    *done = len;
    return IOSSL_OK;
}

static iossl_status
port_wait(void *arg, iossl_status want, int64_t timeout_ms)
{
    (void)arg;
    (void)want;
    (void)timeout_ms;
    return IOSSL_TIMEOUT;
}

static const iossl_transport_ops PORT = {.read = port_read, .write = port_write, .wait = port_wait};

static test_pair
pair_over_ports(iossl_ctx *client_ctx, iossl_ctx *server_ctx)
{
    memset(lines, 0, sizeof lines);
    ports[0] = (port){.in = &lines[0], .out = &lines[1]};
    ports[1] = (port){.in = &lines[1], .out = &lines[0]};
    return test_pair_over(iossl_transport_new(&PORT, &ports[0], NULL),
                          iossl_transport_new(&PORT, &ports[1], NULL), client_ctx, server_ctx,
                          "www.example.test");
}

static test_pair
connected_over_ports(void)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, NULL), *server_ctx = test_server_ctx(&leaf, NULL);
    test_pair pair = pair_over_ports(client_ctx, server_ctx);

    iossl_ctx_free(client_ctx);         /* the connections hold them */
    iossl_ctx_free(server_ctx);
    if (!test_pair_shake(&pair))
        bail_out(iossl_error_message(pair.client_error));
    return pair;
}

/* A close_notify that had to wait is not counted as sent before it is. */
static void
test_close_has_to_wait(void)
{
    test_pair pair = connected_over_ports();
    char buf[8];
    size_t n;

    ports[0].blocked = IOSSL_WANT_WRITE;
    is_int(iossl_shutdown(pair.client, false, IOSSL_POLL, NULL), IOSSL_WANT_WRITE,
           "a full line: the close_notify waits");
    is_int(iossl_shutdown(pair.client, false, 50, NULL), IOSSL_TIMEOUT, "up to the deadline");
    ok(!iossl_conn_sent_close(pair.client), "it is not sent yet");
    is_int(iossl_write(pair.client, "x", 1, &n, IOSSL_POLL, NULL), IOSSL_ERROR,
           "but it has been decided");
    ports[0].blocked = IOSSL_INTERRUPTED;
    is_int(iossl_shutdown(pair.client, false, 50, NULL), IOSSL_INTERRUPTED, "a signal, and");
    ok(!iossl_conn_sent_close(pair.client), "still not");
    ports[0].blocked = IOSSL_OK;
    is_int(iossl_shutdown(pair.client, false, 50, NULL), IOSSL_OK, "then it goes out");
    ok(iossl_conn_sent_close(pair.client), "is sent");
    is_int(iossl_read(pair.server, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_EOF,
           "and arrives");
    test_pair_free(&pair);
}

/* Asked not to wait, waiting for the peer's end takes a record at a time, however much comes. */
static void
test_endless_peer(void)
{
    test_pair pair = connected_over_ports();
    static char block[16384];
    int calls = 0;
    size_t n;

    (void)!iossl_read(pair.client, block, 1, &n, IOSSL_POLL, NULL);     /* takes the tickets */
    memset(lines, 0, sizeof lines);
    for (int i = 0; i < 3; i++)
        if (iossl_write_all(pair.server, block, sizeof block, NULL, IOSSL_POLL, NULL) != IOSSL_OK)
            bail_out("write");
    is_int(iossl_shutdown(pair.client, true, IOSSL_POLL, NULL), IOSSL_WANT_READ,
           "one call doesn't read all that a peer still sends");
    ok(lines[0].start > 0 && lines[0].start < lines[0].end, "but some");
    if (iossl_shutdown(pair.server, false, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("shutdown");
    while (calls < 10 && iossl_shutdown(pair.client, true, IOSSL_POLL, NULL) != IOSSL_OK)
        calls++;
    is_int(calls, 2, "a few more reach the end");
    test_pair_free(&pair);
}

/* After the peer's close_notify, OpenSSL reports a failed write as SSL_ERROR_ZERO_RETURN. */
static void
test_errno_after_close_notify(void)
{
    test_pair pair = connected_over_ports();
    char buf[8];
    size_t n;

    if (iossl_shutdown(pair.server, false, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("shutdown");
    is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_EOF, "an end");
    ports[0].blocked = IOSSL_ERROR;
    is_int(iossl_write(pair.client, "x", 1, &n, IOSSL_POLL, pair.client_error), IOSSL_ERROR,
           "and a write to no one");
    is_int(iossl_error_get_errno(pair.client_error), EPIPE, "has its errno");
    test_pair_free(&pair);
}

/* What the peer sent can be read although nothing can be written any more. */
static void
test_reading_after_write_error(void)
{
    test_pair pair = connected_over_ports();
    char buf[8];
    size_t n;

    if (iossl_write_all(pair.server, "answer", 6, NULL, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("write");
    ports[0].blocked = IOSSL_ERROR;
    is_int(iossl_write(pair.client, "x", 1, &n, IOSSL_POLL, pair.client_error), IOSSL_ERROR,
           "a write to a peer that is gone");
    ok(iossl_conn_has_failed(pair.client), "is the end of writing");
    ok(iossl_read(pair.client, buf, 2, &n, IOSSL_POLL, pair.client_error) == IOSSL_OK && n == 2,
       "but its answer is read");
    ok(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, pair.client_error) == IOSSL_OK && n == 4
           && memcmp(buf, "swer", 4) == 0,
       "to its end");
    is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, pair.client_error), IOSSL_WANT_READ,
           "as long as it may go on");
    ports[0].blocked = IOSSL_OK;
    is_int(iossl_write(pair.client, "x", 1, &n, IOSSL_POLL, pair.client_error), IOSSL_ERROR,
           "a record that got lost can't be followed by others");
    is_int(iossl_error_get_errno(pair.client_error), EPIPE, "whatever the transport says then");
    if (iossl_shutdown(pair.server, false, IOSSL_POLL, NULL) != IOSSL_OK)
        bail_out("shutdown");
    is_int(iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, pair.client_error), IOSSL_EOF,
           "the end of the peer is one");
    test_pair_free(&pair);
}

static void
test_version_before_handshake(void)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, NULL), *server_ctx = test_server_ctx(&leaf, NULL);
    test_pair pair = pair_over_ports(client_ctx, server_ctx);

    ok(iossl_conn_get0_version(pair.client) == NULL, "before the handshake there is no version");
    is_int(iossl_conn_get_version_number(pair.server), 0, "nor its number");
    ok(iossl_conn_get0_cipher(pair.client) == NULL, "nor a cipher");
    (void)!iossl_handshake(pair.client, IOSSL_POLL, NULL);
    ok(iossl_conn_get0_version(pair.client) == NULL, "nor after a ClientHello alone");
    test_pair_free(&pair);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
}

/* ---- Causes ---------------------------------------------------------------------------------- */

static void
no_verification(iossl_config *config)
{
    if (iossl_config_set_verify_mode(config, IOSSL_VERIFY_NONE, NULL) != IOSSL_OK
        || iossl_config_set_version(config, "TLSv1_2", NULL) != IOSSL_OK)
        bail_out("config");
}

static void
require_client_cert(iossl_config *config)
{
    if (iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                                     NULL) != IOSSL_OK
        || iossl_config_set_no_default_ca(config, true, NULL) != IOSSL_OK
        || iossl_config_add_ca(config, ca.cert, NULL) != IOSSL_OK)
        bail_out("config");
}

/* A certificate that no one had to verify isn't blamed for what fails afterwards. */
static void
test_cause_without_verification(void)
{
    iossl_ctx *client_ctx = test_client_ctx(&other_ca, no_verification);
    iossl_ctx *server_ctx = test_server_ctx(&leaf, require_client_cert);
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");

    ok(!test_pair_shake(&pair), "a server that wants a certificate, refuses a client without");
    is_int(iossl_error_get_code(pair.client_error), IOSSL_E_HANDSHAKE,
           "the client, which verifies nothing, blames the handshake");
    like(iossl_error_message(pair.client_error), "alert", "that is, the server's alert");
    is_int(iossl_error_get_verify_code(pair.client_error), 0, "and not the server's certificate");
    test_pair_free(&pair);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
}

static void
set_stranger(iossl_config *config)
{
    if (iossl_config_add_certs(config, NULL, &stranger.cert, 1, NULL) != IOSSL_OK
        || iossl_config_add_key(config, NULL, stranger.key, NULL) != IOSSL_OK)
        bail_out("config");
}

/* Overrules OpenSSL, and leaves its own mess in the queue. */
static bool
accept_untidily(void *arg, bool preverified, X509_STORE_CTX *store_ctx)
{
    (void)store_ctx;
    (void)preverified;
    ++*(int *)arg;
    (void)BIO_new_file("/nowhere/at/all", "r");
    return true;
}

static void
test_overruled_on_server(void)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, set_stranger);
    iossl_ctx *server_ctx = test_server_ctx(&leaf, require_client_cert);
    test_pair pair = pair_over_ports(client_ctx, server_ctx);
    int calls = 0;
    char buf[8];
    size_t n;

    /* So that the server has to wait between the certificate and what follows it. */
    ports[1].trickles = true;
    iossl_conn_set_verify_cb(pair.server, accept_untidily, &calls);
    for (int i = 0; i < 1000 && !test_pair_shake(&pair); i++)
        ;
    if (!is_int(pair.server_status, IOSSL_OK, "a server's callback overrules OpenSSL"))
        diag("%s", iossl_error_message(pair.server_error));
    ok(calls > 0, "having been asked");
    is_int(iossl_read(pair.server, buf, sizeof buf, &n, IOSSL_POLL, pair.server_error),
           IOSSL_WANT_READ, "and no old error is taken for a new one");
    is_str(iossl_error_message(pair.server_error), "", "in words neither");
    test_pair_free(&pair);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
}

/* ---- TLS in TLS ------------------------------------------------------------------------------ */

/* The inner alert goes out through the outer connection: the inner reason must survive that. */
static void
test_inner_reason(void)
{
    test_pair outer = connected_over_ports(), inner;
    iossl_ctx *client_ctx = test_client_ctx(&other_ca, NULL);
    iossl_ctx *server_ctx = test_server_ctx(&leaf, NULL);

    inner = (test_pair){.client_error = iossl_error_new(), .server_error = iossl_error_new(),
                        .client_status = IOSSL_WANT_READ, .server_status = IOSSL_WANT_READ};
    inner.client = iossl_conn_new(client_ctx, IOSSL_CLIENT,
                                  iossl_transport_new_conn(outer.client, NULL), NULL);
    inner.server = iossl_conn_new(server_ctx, IOSSL_SERVER,
                                  iossl_transport_new_conn(outer.server, NULL), NULL);
    if (inner.client == NULL || inner.server == NULL
        || iossl_conn_set_hostname(inner.client, "www.example.test", NULL) != IOSSL_OK)
        bail_out("inner");
    test_pair_free(&outer);
    is_int(iossl_handshake(inner.client, 1000, inner.client_error), IOSSL_TIMEOUT,
           "inside too, what waiting comes to is what the outermost transport says");
    inner.client_status = IOSSL_WANT_READ;
    ok(!test_pair_shake(&inner), "an inner handshake by who trusts another CA fails");
    is_int(iossl_error_get_code(inner.client_error), IOSSL_E_VERIFY, "as a verification");
    like(iossl_error_message(inner.client_error), "certificate verify failed",
         "with OpenSSL's reason");
    is_int(inner.server_status, IOSSL_ERROR, "the server is told");
    like(iossl_error_message(inner.server_error), "alert unknown ca", "by an alert");
    test_pair_free(&inner);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
}

/* ---- Sessions that a server may resume ------------------------------------------------------- */

static void
tls12(iossl_config *config)
{
    if (iossl_config_set_version(config, "TLSv1_2", NULL) != IOSSL_OK)
        bail_out("config");
}

/* Connects with a session, and gives the one that came of it. */
static SSL_SESSION *
resume(iossl_ctx *client_ctx, iossl_ctx *server_ctx, SSL_SESSION *session, int server_mode,
       bool *is_resumed, iossl_status *server_status)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    SSL_SESSION *got = NULL;

    if (session != NULL && SSL_set_session(iossl_conn_get0_ssl(pair.client), session) != 1)
        bail_out("SSL_set_session");
    if (iossl_conn_set_verify_mode(pair.server, server_mode, NULL) != IOSSL_OK)
        bail_out("mode");
    if (test_pair_shake(&pair)) {
        got = SSL_get1_session(iossl_conn_get0_ssl(pair.client));
        *is_resumed = iossl_conn_is_resumed(pair.server);
        (void)!iossl_shutdown(pair.client, false, IOSSL_POLL, NULL);
    } else {
        diag("%s", iossl_error_message(pair.server_error));
    }
    *server_status = pair.server_status;
    test_pair_free(&pair);
    return got;
}

/* The context verifies no clients, but this connection of it does. */
static void
test_session_of_laxer_connection(void)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, tls12), *server_ctx = test_server_ctx(&leaf, NULL);
    iossl_status status;
    bool is_resumed;
    SSL_SESSION *first = resume(client_ctx, server_ctx, NULL, IOSSL_VERIFY_NONE, &is_resumed,
                                &status);
    SSL_SESSION *again = resume(client_ctx, server_ctx, first, IOSSL_VERIFY_NONE, &is_resumed,
                                &status);
    SSL_SESSION *strict, *strict_again;

    ok(again != NULL && is_resumed, "without client certificates, sessions are resumed");
    strict = resume(client_ctx, server_ctx, again, IOSSL_VERIFY_PEER, &is_resumed, &status);
    is_int(status, IOSSL_OK, "where a connection asks for one, such a session is no failure");
    ok(!is_resumed, "but a new handshake");
    strict_again = resume(client_ctx, server_ctx, strict, IOSSL_VERIFY_PEER, &is_resumed, &status);
    ok(strict_again != NULL && is_resumed, "and its own session is resumed by its like");
    SSL_SESSION_free(first);
    SSL_SESSION_free(again);
    SSL_SESSION_free(strict);
    SSL_SESSION_free(strict_again);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void
test_address_after_name(void)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, NULL);
    iossl_ctx *server_ctx = test_server_ctx(&leaf, NULL);
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");

    is_int(iossl_conn_set_hostname(pair.client, "127.0.0.1", NULL), IOSSL_OK, "a name, an address");
    ok(!test_pair_shake(&pair), "the address is what counts");
    is_int(iossl_error_get_code(pair.client_error), IOSSL_E_NAME, "for the certificate");
    ok(iossl_conn_get0_servername(pair.server) == NULL, "and the old name isn't sent any more");
    test_pair_free(&pair);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
}

/* ---- System calls ---------------------------------------------------------------------------- */

static long
count_transfers(BIO *bio, int oper, const char *argp, size_t len, int argi, long argl, int ret,
                size_t *processed)
{
    (void)argp;
    (void)len;
    (void)argi;
    (void)argl;
    (void)processed;
    if (oper == BIO_CB_READ || oper == BIO_CB_WRITE)
        ++*(int *)BIO_get_callback_arg(bio);
    return ret;
}

/* SSL_read and SSL_write themselves, at the same BIO: how many transfers they take. */
static void
test_transfers(void)
{
    static unsigned char block[16384], back[16384];
    test_pair pair = connected_over_ports();
    SSL *ssl[2] = {iossl_conn_get0_ssl(pair.client), iossl_conn_get0_ssl(pair.server)};
    int counts[2][2] = {{0}}, *now;
    size_t n;

    (void)!iossl_read(pair.client, back, 1, &n, IOSSL_POLL, NULL);      /* takes the tickets */
    for (int round = 0; round < 2; round++) {
        memset(lines, 0, sizeof lines);
        for (int i = 0; i < 2; i++) {
            now = &counts[round][i];
            BIO_set_callback_arg(SSL_get_rbio(ssl[i]), (char *)now);
            BIO_set_callback_ex(SSL_get_rbio(ssl[i]), count_transfers);
        }
        if (round == 0
                ? iossl_write(pair.server, block, sizeof block, &n, IOSSL_POLL, NULL) != IOSSL_OK
                      || iossl_read(pair.client, back, sizeof back, &n, IOSSL_POLL, NULL)
                             != IOSSL_OK
                : SSL_write(ssl[1], block, sizeof block) != sizeof block
                      || SSL_read(ssl[0], back, sizeof back) != sizeof back)
            bail_out("transfer");
    }
    is_int(counts[0][1], 1, "a record is written by one transfer");
    is_int(counts[1][1], counts[0][1], "as OpenSSL itself does");
    is_int(counts[0][0], counts[1][0], "and read by as many as OpenSSL's own (%d)", counts[1][0]);
    for (int i = 0; i < 2; i++)
        BIO_set_callback_ex(SSL_get_rbio(ssl[i]), NULL);
    test_pair_free(&pair);
}

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    other_ca = test_identity_make(&(test_cert_spec){.common_name = "other CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test"});
    stranger = test_identity_make(&(test_cert_spec){.issuer = &other_ca, .common_name = "who"});
    test_contract();
    test_close_has_to_wait();
    test_endless_peer();
    test_errno_after_close_notify();
    test_reading_after_write_error();
    test_version_before_handshake();
    test_cause_without_verification();
    test_overruled_on_server();
    test_inner_reason();
    test_session_of_laxer_connection();
    test_address_after_name();
    test_transfers();
    test_identity_free(&stranger);
    test_identity_free(&leaf);
    test_identity_free(&other_ca);
    test_identity_free(&ca);
    return done_testing();
}
