/*
 * t_listen.c - listening and accepting: ports, modes, deadlines, and many who accept at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "iossl.h"
#include "support_site.h"


static iossl_listener *
listener_new(const char *host)
{
    iossl_listener *listener = iossl_listener_new(host, "0", err);

    if (listener == NULL)
        bail_out(iossl_error_message(err));
    return listener;
}

static int
connect_to(const iossl_listener *listener)
{
    char port[8];
    int fd;

    (void)snprintf(port, sizeof port, "%d", iossl_listener_get_port(listener));
    if (iossl_tcp_connect(&fd, "127.0.0.1", port, 30000, err) != IOSSL_OK)
        bail_out(iossl_error_message(err));
    return fd;
}

static void
test_accept(void)
{
    iossl_listener *listener = listener_new("127.0.0.1");
    iossl_conn *conn = NULL, *client;
    iossl_status far = IOSSL_WANT_READ, near = IOSSL_WANT_READ;
    struct pollfd p = {.fd = iossl_listener_get_fd(listener), .events = POLLIN};
    int fd;

    ok(iossl_listener_get_port(listener) > 0, "port 0 is some port");
    ok((fcntl(p.fd, F_GETFD) & FD_CLOEXEC) != 0, "the listener closes on exec");
    is_int(iossl_accept(&conn, server_ctx, listener, IOSSL_POLL, err), IOSSL_WANT_READ,
           "no one is there");
    is_int(iossl_accept(&conn, server_ctx, listener, IOSSL_AS_FD, err), IOSSL_WANT_READ,
           "as the descriptor is: not waiting");
    is_int(iossl_accept(&conn, server_ctx, listener, 1, err), IOSSL_TIMEOUT, "nor in time");
    ok(conn == NULL && iossl_error_get_code(err) == IOSSL_E_NONE, "which is no error");
    fd = connect_to(listener);
    is_int(poll(&p, 1, -1), 1, "someone is announced");
    is_int(iossl_accept(&conn, server_ctx, listener, IOSSL_POLL, err), IOSSL_OK, "and accepted");
    is_int(iossl_conn_get_role(conn), IOSSL_SERVER, "by a server");
    is_int(fcntl(iossl_conn_get_fd(conn), F_GETFL) & O_NONBLOCK, 0, "in blocking mode");
    ok((fcntl(iossl_conn_get_fd(conn), F_GETFD) & FD_CLOEXEC) != 0, "that closes on exec");
    client = iossl_conn_new_owned_fd(client_ctx, IOSSL_CLIENT, fd, err);
    is_int(iossl_conn_set_hostname(client, "www.example.test", err), IOSSL_OK, "a name to verify");
    while (far == IOSSL_WANT_READ || near == IOSSL_WANT_READ) {
        far = iossl_handshake(conn, IOSSL_POLL, err);
        near = iossl_handshake(client, IOSSL_POLL, err);
    }
    ok(far == IOSSL_OK && near == IOSSL_OK, "the handshake is done when the program wants it");
    iossl_listener_free(listener);
    ok(fcntl(p.fd, F_GETFD) < 0, "the listener is closed");
    ok(fcntl(fd, F_GETFD) >= 0, "what came of it isn't");
    iossl_conn_free(client);
    ok(fcntl(fd, F_GETFD) < 0, "until it is freed");
    iossl_conn_free(conn);
    iossl_listener_free(NULL);
}

/* All addresses: one descriptor for both families. */
static void
test_any(void)
{
    iossl_listener *listener = listener_new(NULL);
    int fd = connect_to(listener);
    iossl_conn *conn;
    char *peer;

    is_int(iossl_accept(&conn, server_ctx, listener, 30000, err), IOSSL_OK,
           "IPv4 arrives where all addresses are listened on");
    peer = iossl_conn_peer_address(conn);
    like(peer, "127.0.0.1", "from where it came");
    iossl_free(peer);
    iossl_conn_free(conn);
    close(fd);
    iossl_listener_free(listener);
}

static void
test_errors(void)
{
    iossl_listener *listener = listener_new("127.0.0.1");
    char port[8];

    (void)snprintf(port, sizeof port, "%d", iossl_listener_get_port(listener));
    iossl_error_clear(err);
    ok(iossl_listener_new("127.0.0.1", port, err) == NULL, "a port that is taken");
    is_int(iossl_error_get_code(err), IOSSL_E_SYSTEM, "is for the system to give");
    is_int(iossl_error_get_errno(err), EADDRINUSE, "with its errno");
    like(iossl_error_message(err), "cannot listen on \"127.0.0.1\" port ", "on what is told");
    iossl_error_clear(err);
    ok(iossl_listener_new("127.0.0.1", "70000", err) == NULL, "a port that can't be");
    is_int(iossl_error_get_code(err), IOSSL_E_USAGE, "is the caller's mistake");
    iossl_error_clear(err);
    ok(iossl_listener_new("127.0.0.1", "nosuchservice", err) == NULL, "a service no one knows");
    is_int(iossl_error_get_code(err), IOSSL_E_RESOLVE, "can't be looked up");
    iossl_error_clear(err);
    ok(iossl_listener_new("127.0.0.1", port, NULL) == NULL, "errors need no error object");
    iossl_listener_free(listener);
}

/* ---- Many who accept ------------------------------------------------------------------------- */

#define N_THREADS 4

/* Each thread gets one connection, whichever is faster. */
static void *
accept_one(void *listener)
{
    iossl_conn *conn = NULL;

    if (iossl_accept(&conn, server_ctx, listener, IOSSL_FOREVER, NULL) != IOSSL_OK)
        return NULL;
    iossl_conn_free(conn);
    return listener;
}

static void
test_threads(void)
{
    iossl_listener *listener = listener_new("127.0.0.1");
    pthread_t threads[N_THREADS];
    int fds[N_THREADS], accepted = 0;

    for (int i = 0; i < N_THREADS; i++)
        if (pthread_create(&threads[i], NULL, accept_one, listener) != 0)
            bail_out("no thread");
    for (int i = 0; i < N_THREADS; i++)
        fds[i] = connect_to(listener);
    for (int i = 0; i < N_THREADS; i++) {
        void *result;

        (void)pthread_join(threads[i], &result);
        accepted += result != NULL;
        close(fds[i]);
    }
    is_int(accepted, N_THREADS, "threads that accept from one listener get one connection each");
    iossl_listener_free(listener);
}

int
main(void)
{
    site_start();
    test_accept();
    test_any();
    test_errors();
    test_threads();
    return site_end();
}
