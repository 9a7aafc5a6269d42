/*
 * t_starttls.c - from clear text to TLS on one stream: over a descriptor, over the program's own
 * functions, and with an attacker on the way who adds bytes in the clear.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "iossl.h"
#include "support_site.h"


/* ---- The clear text -------------------------------------------------------------------------- */

static void
say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        bail_out("write");
}

static void
hear(int fd, const char *wanted)
{
    char buf[64];
    ssize_t n = read(fd, buf, strlen(wanted));

    is_mem(buf, n < 0 ? 0 : (size_t)n, wanted, strlen(wanted), "heard in the clear");
}

/* Two descriptors on which "STARTTLS" and "220" went over already; 0 is the client's. */
static void
talk(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        bail_out("no socketpair");
    say(fds[0], "STARTTLS\r\n");
    hear(fds[1], "STARTTLS\r\n");
    say(fds[1], "220\r\n");
}

/* ---- The program's own functions ------------------------------------------------------------- */

/* As of a program that counts what goes through its hands. */
typedef struct {
    int fd;
    size_t read, written;
    bool *freed;
} counted;

static iossl_status
result_of(ssize_t n, size_t *done, iossl_status want)
{
    if (n < 0)
        return errno == EAGAIN ? want : errno == EINTR ? IOSSL_INTERRUPTED : IOSSL_ERROR;
    *done = (size_t)n;
    return n == 0 ? IOSSL_EOF : IOSSL_OK;
}

static iossl_status
counted_read(void *arg, void *buf, size_t size, size_t *done)
{
    counted *c = arg;
    iossl_status status = result_of(recv(c->fd, buf, size, MSG_DONTWAIT), done, IOSSL_WANT_READ);

    c->read += *done;
    return status;
}

static iossl_status
counted_write(void *arg, const void *buf, size_t len, size_t *done)
{
    counted *c = arg;
    iossl_status status = result_of(send(c->fd, buf, len, MSG_DONTWAIT), done, IOSSL_WANT_WRITE);

    c->written += *done;
    return status;
}

static void
counted_free(void *arg)
{
    counted *c = arg;

    *c->freed = true;
}

/* Neither wait nor fd: the least that a program can give. */
static const iossl_transport_ops COUNTED = {
    .read = counted_read, .write = counted_write, .free = counted_free};

/* ---- Going over ------------------------------------------------------------------------------ */

static bool
is_want(iossl_status status)
{
    return status == IOSSL_WANT_READ || status == IOSSL_WANT_WRITE;
}

/* Both handshakes in this thread; what the client came to. */
static iossl_status
shake(iossl_conn *client, iossl_conn *server)
{
    iossl_status near = IOSSL_WANT_READ, far = IOSSL_WANT_READ;

    iossl_error_clear(err);
    while (is_want(near) || (is_want(far) && near == IOSSL_OK)) {
        near = iossl_handshake(client, IOSSL_POLL, err);
        if (is_want(far))
            far = iossl_handshake(server, IOSSL_POLL, NULL);
    }
    return near;
}

static void
test_existing_descriptor(void)
{
    int fds[2];
    iossl_conn *client, *server;
    char buf[8];
    size_t n;

    talk(fds);
    hear(fds[0], "220\r\n");
    client = iossl_conn_new_fd(client_ctx, IOSSL_CLIENT, fds[0], err);
    server = iossl_conn_new_fd(server_ctx, IOSSL_SERVER, fds[1], err);
    is_int(iossl_conn_set_hostname(client, "www.example.test", err), IOSSL_OK, "a name to verify");
    is_int(iossl_conn_refuse_leftover(client, 0, err), IOSSL_OK, "nothing is left: all is well");
    is_int(shake(client, server), IOSSL_OK, "TLS begins where the clear text ended");
    is_int(iossl_write_all(server, "hidden", 6, NULL, IOSSL_POLL, err), IOSSL_OK, "what is said");
    is_int(iossl_read(client, buf, sizeof buf, &n, IOSSL_POLL, err), IOSSL_OK, "from now on");
    is_mem(buf, n, "hidden", 6, "is what is heard");
    is_int(iossl_shutdown(client, false, IOSSL_POLL, err), IOSSL_OK, "TLS ends");
    is_int(iossl_read(server, buf, sizeof buf, &n, IOSSL_POLL, err), IOSSL_EOF, "on both sides");
    is_int(iossl_shutdown(server, false, IOSSL_POLL, err), IOSSL_OK, "in order");
    is_int(iossl_shutdown(client, true, IOSSL_POLL, err), IOSSL_OK, "and is known to have");
    iossl_conn_free(client);
    iossl_conn_free(server);
    say(fds[0], "clear");
    hear(fds[1], "clear");
    close(fds[0]);
    close(fds[1]);
}

static void
test_own_functions(void)
{
    int fds[2];
    bool freed = false;
    counted c;
    iossl_conn *client, *server;

    talk(fds);
    hear(fds[0], "220\r\n");
    c = (counted){.fd = fds[0], .freed = &freed};
    client = iossl_conn_new(client_ctx, IOSSL_CLIENT, iossl_transport_new(&COUNTED, &c, err), err);
    server = iossl_conn_new_fd(server_ctx, IOSSL_SERVER, fds[1], err);
    is_int(iossl_conn_set_hostname(client, "www.example.test", err), IOSSL_OK, "a name to verify");
    is_int(iossl_conn_get_fd(client), -1, "functions alone have no descriptor");
    ok(iossl_conn_peer_address(client) == NULL, "and no address");
    is_int(iossl_handshake(client, 1000, err), IOSSL_WANT_READ,
           "without a function to wait with, a deadline is a poll");
    is_int(shake(client, server), IOSSL_OK, "TLS over the program's own functions");
    ok(c.read > 100 && c.written > 100, "all bytes went through them");
    iossl_conn_free(client);
    ok(freed, "which are told when that is over");
    iossl_conn_free(server);
    close(fds[0]);
    close(fds[1]);
}

/* ---- An attacker ----------------------------------------------------------------------------- */

/* The bytes are still in the socket: they stand where a record should. */
static void
test_injected_before_the_handshake(void)
{
    int fds[2];
    iossl_conn *client, *server;
    char buf[64];
    size_t n;

    talk(fds);
    say(fds[1], "250 AUTH PLAIN\r\n");
    hear(fds[0], "220\r\n");
    client = iossl_conn_new_fd(client_ctx, IOSSL_CLIENT, fds[0], err);
    server = iossl_conn_new_fd(server_ctx, IOSSL_SERVER, fds[1], err);
    is_int(iossl_conn_set_hostname(client, "www.example.test", err), IOSSL_OK, "a name to verify");
    is_int(shake(client, server), IOSSL_ERROR, "bytes before the handshake make it fail");
    is_int(iossl_error_get_code(err), IOSSL_E_HANDSHAKE, "as what it is");
    is_int(iossl_read(client, buf, sizeof buf, &n, IOSSL_POLL, NULL), IOSSL_ERROR,
           "nothing is ever read of them");
    is_size(n, 0, "not a byte");
    iossl_conn_free(client);
    iossl_conn_free(server);
    close(fds[0]);
    close(fds[1]);
}

/* The program has read them together with the last line. */
static void
test_leftover(iossl_role role)
{
    const char *who = role == IOSSL_CLIENT ? "client" : "server";
    int fds[2];
    iossl_conn *conn;
    char buf[64];
    ssize_t n;
    size_t got;

    talk(fds);
    hear(fds[0], "220\r\n");
    say(fds[1], "250 AUTH PLAIN\r\n");
    n = read(fds[0], buf, sizeof buf);
    conn = iossl_conn_new_fd(role == IOSSL_CLIENT ? client_ctx : server_ctx, role, fds[0], err);
    iossl_error_clear(err);
    is_int(iossl_conn_refuse_leftover(conn, n < 0 ? 0 : (size_t)n, err), IOSSL_ERROR,
           "%s: bytes that were read already are refused", who);
    is_int(iossl_error_get_code(err), IOSSL_E_HANDSHAKE, "%s: with a code", who);
    like(iossl_error_message(err), "16 bytes in the clear", "%s: and a sentence", who);
    ok(iossl_conn_has_failed(conn), "%s: the connection is of no use any more", who);
    is_int(iossl_handshake(conn, IOSSL_POLL, NULL), IOSSL_ERROR, "%s: no handshake", who);
    is_int(iossl_read(conn, buf, sizeof buf, &got, IOSSL_POLL, NULL), IOSSL_ERROR, "%s: no data",
           who);
    is_int(recv(fds[1], buf, sizeof buf, MSG_DONTWAIT), -1, "%s: nothing was sent", who);
    iossl_conn_free(conn);
    close(fds[0]);
    close(fds[1]);
}

static void
test_leftover_too_late(void)
{
    test_pair pair = test_pair_new(client_ctx, server_ctx, "www.example.test");

    ok(test_pair_shake(&pair), "an established connection");
    is_int(iossl_conn_refuse_leftover(pair.client, 3, pair.client_error), IOSSL_ERROR,
           "can't be told of clear text any more");
    is_int(iossl_error_get_code(pair.client_error), IOSSL_E_STATE, "which is the program's mistake");
    ok(iossl_conn_is_established(pair.client), "and changes nothing");
    test_pair_free(&pair);
}

int
main(void)
{
    site_start();
    test_existing_descriptor();
    test_own_functions();
    test_injected_before_the_handshake();
    test_leftover(IOSSL_CLIENT);
    test_leftover(IOSSL_SERVER);
    test_leftover_too_late();
    return site_end();
}
