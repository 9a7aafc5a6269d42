/*
 * t_conn_fd.c - connections over descriptors: deadlines, signals, resets and big transfers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf;
static iossl_ctx *client_ctx, *server_ctx;

/* ---- Two connections over two descriptors ---------------------------------------------------- */

typedef struct {
    int fd[2];
    iossl_conn *conn[2];        /* 0 is the client */
    iossl_error *err;
} duo;

static void
set_nonblocking(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) != 0)
        bail_out("fcntl");
}

static void
make_tcp_pair(int fd[2])
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || fd[0] < 0 || bind(listener, (struct sockaddr *)&addr, sizeof addr) != 0
        || listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&addr, &len) != 0
        || connect(fd[0], (struct sockaddr *)&addr, sizeof addr) != 0
        || (fd[1] = accept(listener, NULL, NULL)) < 0)
        bail_out("no loopback TCP");
    close(listener);
}

static duo
duo_new(bool is_tcp)
{
    duo d = {.err = iossl_error_new()};

    if (is_tcp)
        make_tcp_pair(d.fd);
    else if (socketpair(AF_UNIX, SOCK_STREAM, 0, d.fd) != 0)
        bail_out("no socketpair");
    d.conn[0] = iossl_conn_new_fd(client_ctx, IOSSL_CLIENT, d.fd[0], d.err);
    d.conn[1] = iossl_conn_new_fd(server_ctx, IOSSL_SERVER, d.fd[1], d.err);
    if (d.conn[0] == NULL || d.conn[1] == NULL
        || iossl_conn_set_hostname(d.conn[0], "www.example.test", d.err) != IOSSL_OK)
        bail_out(iossl_error_message(d.err));
    return d;
}

static bool
is_want(iossl_status status)
{
    return status == IOSSL_WANT_READ || status == IOSSL_WANT_WRITE;
}

/* Both handshakes in this thread, never waiting. */
static void
duo_shake(duo *d)
{
    iossl_status status[2] = {IOSSL_WANT_READ, IOSSL_WANT_READ};

    while (is_want(status[0]) || is_want(status[1]))
        for (int i = 0; i < 2; i++)
            if (is_want(status[i]))
                status[i] = iossl_handshake(d->conn[i], IOSSL_POLL, d->err);
    if (status[0] != IOSSL_OK || status[1] != IOSSL_OK)
        bail_out(iossl_error_message(d->err));
}

static duo
duo_connected(bool is_tcp)
{
    duo d = duo_new(is_tcp);

    duo_shake(&d);
    return d;
}

/* Frees one side and closes its descriptor; with reset, so that the other gets ECONNRESET. */
static void
duo_drop(duo *d, int side, bool reset)
{
    struct linger linger = {.l_onoff = 1};

    iossl_conn_free(d->conn[side]);
    d->conn[side] = NULL;
    if (reset && setsockopt(d->fd[side], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) != 0)
        bail_out("SO_LINGER");
    if (d->fd[side] >= 0)
        close(d->fd[side]);
    d->fd[side] = -1;
}

static void
duo_free(duo *d)
{
    duo_drop(d, 0, false);
    duo_drop(d, 1, false);
    iossl_error_free(d->err);
}

/* The other side's part, in a thread of its own, waiting as long as it takes. */
static void *
shake_in_thread(void *conn)
{
    iossl_status status;

    while ((status = iossl_handshake(conn, IOSSL_FOREVER, NULL)) == IOSSL_INTERRUPTED)
        ;
    return status == IOSSL_OK ? conn : NULL;
}

/* ---- Deadlines ------------------------------------------------------------------------------- */

static void
test_stalled_handshake(bool is_blocking)
{
    const char *kind = is_blocking ? "blocking" : "non-blocking";
    duo d = duo_new(false);
    int64_t before, took;
    pthread_t thread;
    void *served;

    set_nonblocking(d.fd[0], !is_blocking);
    is_int(iossl_handshake(d.conn[0], IOSSL_POLL, d.err), IOSSL_WANT_READ,
           "%s: a poll never waits for a stalled peer", kind);
    before = iossl_now_ms();
    is_int(iossl_handshake(d.conn[0], 60, d.err), IOSSL_TIMEOUT, "%s: a deadline passes", kind);
    took = iossl_now_ms() - before;
    ok(took >= 60 && took < 10000, "%s: not before its time (%d ms)", kind, (int)took);
    if (!is_blocking)
        is_int(iossl_handshake(d.conn[0], IOSSL_AS_FD, d.err), IOSSL_WANT_READ,
               "%s: as the descriptor is means not to wait", kind);
    ok(!iossl_conn_has_failed(d.conn[0]), "%s: nothing is lost by that", kind);
    if (pthread_create(&thread, NULL, shake_in_thread, d.conn[1]) != 0)
        bail_out("no thread");
    is_int(iossl_handshake(d.conn[0], is_blocking ? IOSSL_AS_FD : IOSSL_FOREVER, d.err), IOSSL_OK,
           "%s: when the peer wakes up, waiting works", kind);
    pthread_join(thread, &served);
    ok(served != NULL, "%s: for both", kind);
    is_str(iossl_error_message(d.err), "", "%s: and no error was ever set", kind);
    duo_free(&d);
}

static void
test_stalled_reader_and_writer(bool is_blocking)
{
    const char *kind = is_blocking ? "blocking" : "non-blocking";
    static unsigned char block[16384];
    duo d = duo_connected(false);
    char buf[16];
    size_t n, records = 0, arrived = 0;
    iossl_status status;

    set_nonblocking(d.fd[0], !is_blocking);
    is_int(iossl_read(d.conn[0], buf, sizeof buf, &n, IOSSL_POLL, d.err), IOSSL_WANT_READ,
           "%s: reading polls", kind);
    is_int(iossl_read(d.conn[0], buf, sizeof buf, &n, 30, d.err), IOSSL_TIMEOUT,
           "%s: reading has a deadline", kind);
    while ((status = iossl_write(d.conn[0], block, sizeof block, &n, 30, d.err)) == IOSSL_OK)
        records++;
    is_int(status, IOSSL_TIMEOUT, "%s: writing to one who doesn't read has a deadline", kind);
    is_int(iossl_write(d.conn[0], block, sizeof block, &n, IOSSL_POLL, d.err), IOSSL_WANT_WRITE,
           "%s: and a poll says what it waits for", kind);
    is_int(iossl_shutdown(d.conn[0], false, IOSSL_POLL, NULL), IOSSL_ERROR,
           "%s: an end can't come amid a record", kind);
    set_nonblocking(d.fd[1], true);
    while (iossl_read(d.conn[1], block, sizeof block, &n, IOSSL_AS_FD, d.err) == IOSSL_OK)
        arrived += n;
    is_int(iossl_write(d.conn[0], block, sizeof block, &n, 1000, d.err), IOSSL_OK,
           "%s: then it goes on", kind);
    while (iossl_read(d.conn[1], block, sizeof block, &n, IOSSL_AS_FD, d.err) == IOSSL_OK)
        arrived += n;
    is_size(arrived, (records + 1) * sizeof block, "%s: and every byte has come once", kind);
    duo_free(&d);
}

static void
test_endless_deadline(void)
{
    duo d = duo_connected(false);
    char buf[4];
    size_t n;

    if (iossl_write(d.conn[1], "x", 1, &n, IOSSL_FOREVER, d.err) != IOSSL_OK)
        bail_out("write");
    is_int(iossl_read(d.conn[0], buf, sizeof buf, &n, INT64_MAX, d.err), IOSSL_OK,
           "the longest deadline there is doesn't overflow");
    duo_free(&d);
}

/* ---- Signals --------------------------------------------------------------------------------- */

static atomic_int signals_seen, storm_over;
static pthread_t storm_target;

static void
on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals_seen, 1);
}

/* SA_RESTART is not set, as Perl doesn't either: system calls return EINTR. */
static void
catch_signal(int number)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* Hits the target every millisecond, so that whatever it waits in is interrupted. */
static void *
storm(void *arg)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    (void)arg;
    while (atomic_load(&storm_over) == 0) {
        pthread_kill(storm_target, SIGUSR1);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static pthread_t
storm_begin(void)
{
    pthread_t thread;

    catch_signal(SIGUSR1);
    atomic_store(&storm_over, 0);
    storm_target = pthread_self();
    if (pthread_create(&thread, NULL, storm, NULL) != 0)
        bail_out("no thread");
    return thread;
}

static void
storm_end(pthread_t thread)
{
    atomic_store(&storm_over, 1);
    pthread_join(thread, NULL);
}

#define STORM_BYTES ((size_t)3 << 20)

static unsigned char
pattern(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 8) * 17 + (i >> 16));
}

/* Reads all that comes and checks it; a slow reader, so that the writer has to wait. */
static void *
read_pattern(void *arg)
{
    iossl_conn *conn = arg;
    unsigned char buf[5000];
    size_t total = 0, n;
    bool good = true;

    while (total < STORM_BYTES && iossl_read(conn, buf, sizeof buf, &n, IOSSL_FOREVER, NULL)
                                      == IOSSL_OK)
        for (size_t i = 0; i < n; i++)
            good = good && buf[i] == pattern(total++);
    return good && total == STORM_BYTES ? conn : NULL;
}

static void
test_interrupted(int64_t timeout_ms, const char *kind)
{
    duo d = duo_new(false);
    pthread_t thunder, peer;
    unsigned char *data = malloc(STORM_BYTES);
    size_t sent = 0, n;
    int interrupted = 0;
    iossl_status status;
    char buf[8];
    void *result;

    if (data == NULL)
        bail_out("no memory");
    for (size_t i = 0; i < STORM_BYTES; i++)
        data[i] = pattern(i);
    thunder = storm_begin();
    /* No peer yet: nothing but a signal can end these. */
    is_int(iossl_handshake(d.conn[0], timeout_ms, d.err), IOSSL_INTERRUPTED,
           "%s: a signal interrupts a handshake", kind);
    if (pthread_create(&peer, NULL, shake_in_thread, d.conn[1]) != 0)
        bail_out("no thread");
    while ((status = iossl_handshake(d.conn[0], timeout_ms, d.err)) == IOSSL_INTERRUPTED)
        ;
    pthread_join(peer, &result);
    ok(status == IOSSL_OK && result != NULL, "%s: which is resumed until it is done", kind);
    is_int(iossl_read(d.conn[0], buf, sizeof buf, &n, timeout_ms, d.err), IOSSL_INTERRUPTED,
           "%s: a signal interrupts a read", kind);
    if (pthread_create(&peer, NULL, read_pattern, d.conn[1]) != 0)
        bail_out("no thread");
    while (sent < STORM_BYTES) {
        status = iossl_write(d.conn[0], data + sent, STORM_BYTES - sent, &n, timeout_ms, d.err);
        if (status == IOSSL_INTERRUPTED)
            interrupted++;
        else if (status != IOSSL_OK)
            break;
        sent += n;
    }
    storm_end(thunder);
    is_size(sent, STORM_BYTES, "%s: writing goes on through %s", kind,
            interrupted > 0 ? "interruptions" : "a storm");
    pthread_join(peer, &result);
    ok(result != NULL, "%s: and no byte is lost or doubled", kind);
    is_str(iossl_error_message(d.err), "", "%s: no error was set", kind);
    free(data);
    duo_free(&d);
}

/* ---- A peer that is gone --------------------------------------------------------------------- */

static void
test_sigpipe(void)
{
    duo d = duo_new(false);
    iossl_conn *inner;
    iossl_transport *over;
    size_t n;

    catch_signal(SIGPIPE);
    atomic_store(&signals_seen, 0);
    duo_drop(&d, 1, false);
    is_int(iossl_handshake(d.conn[0], IOSSL_FOREVER, d.err), IOSSL_ERROR,
           "a handshake with no one fails");
    is_int(iossl_error_get_errno(d.err), EPIPE, "with EPIPE");
    is_int(atomic_load(&signals_seen), 0, "and without SIGPIPE");
    duo_free(&d);

    d = duo_connected(false);
    duo_drop(&d, 1, false);
    is_int(iossl_shutdown(d.conn[0], false, IOSSL_FOREVER, d.err), IOSSL_ERROR,
           "a close_notify to no one fails");
    is_int(iossl_error_get_code(d.err), IOSSL_E_SHUTDOWN, "as what it is");
    is_int(iossl_error_get_errno(d.err), EPIPE, "with EPIPE");
    is_int(atomic_load(&signals_seen), 0, "and without SIGPIPE");
    is_int(iossl_shutdown(d.conn[0], false, IOSSL_FOREVER, NULL), IOSSL_OK,
           "there is nothing to end any more");
    duo_free(&d);

    d = duo_connected(false);
    over = iossl_transport_new_conn(d.conn[0], d.err);
    inner = iossl_conn_new(client_ctx, IOSSL_CLIENT, over, d.err);
    duo_drop(&d, 1, false);
    if (inner == NULL)
        bail_out("inner connection");
    is_int(iossl_handshake(inner, IOSSL_FOREVER, d.err), IOSSL_ERROR,
           "nor does a handshake inside another connection");
    is_int(iossl_error_get_errno(d.err), EPIPE, "which knows the errno");
    is_int(atomic_load(&signals_seen), 0, "raise SIGPIPE");
    iossl_conn_free(inner);
    duo_free(&d);

    d = duo_connected(false);
    duo_drop(&d, 1, false);
    is_int(iossl_write(d.conn[0], "x", 1, &n, IOSSL_FOREVER, d.err), IOSSL_ERROR,
           "a write that the program asked for");
    is_int(atomic_load(&signals_seen), 1, "raises SIGPIPE as write(2) does");
    is_int(iossl_error_get_errno(d.err), EPIPE, "and has its errno");
    is_int(iossl_error_get_code(d.err), IOSSL_E_WRITE, "as a write error");
    duo_free(&d);
    signal(SIGPIPE, SIG_IGN);
}

static void
test_reset(void)
{
    duo d = duo_new(true);
    char buf[16];
    size_t n;

    duo_drop(&d, 1, true);
    is_int(iossl_handshake(d.conn[0], IOSSL_FOREVER, d.err), IOSSL_ERROR,
           "a reset handshake fails");
    is_int(iossl_error_get_errno(d.err), ECONNRESET, "with ECONNRESET");
    like(iossl_error_message(d.err), "SSL connect attempt failed: ", "which the sentence");
    like(iossl_error_message(d.err), strerror(ECONNRESET), "says in words");
    duo_free(&d);

    d = duo_connected(true);
    if (iossl_write(d.conn[1], "last", 4, &n, IOSSL_FOREVER, d.err) != IOSSL_OK)
        bail_out("write");
    is_int(iossl_read(d.conn[0], buf, sizeof buf, &n, IOSSL_FOREVER, d.err), IOSSL_OK,
           "data before a reset is read");
    duo_drop(&d, 1, true);
    is_int(iossl_read(d.conn[0], buf, sizeof buf, &n, IOSSL_FOREVER, d.err), IOSSL_ERROR,
           "then comes the reset");
    is_int(iossl_error_get_code(d.err), IOSSL_E_READ, "as a read error, not as an end");
    is_int(iossl_error_get_errno(d.err), ECONNRESET, "with its errno");
    is_int(iossl_read(d.conn[0], buf, sizeof buf, &n, IOSSL_FOREVER, d.err), IOSSL_ERROR,
           "reading again fails again");
    is_int(iossl_error_get_errno(d.err), ECONNRESET, "and the root cause stays in the error");
    ok(ERR_peek_error() == 0, "nothing is left in OpenSSL's queue");
    duo_free(&d);
}

/* The usual end of a server: close_notify, close(2). What the client then writes has an errno. */
static void
test_write_after_the_end(void)
{
    duo d = duo_connected(true);
    iossl_status status = IOSSL_OK;
    char buf[16];
    size_t n;

    if (iossl_shutdown(d.conn[1], false, IOSSL_FOREVER, d.err) != IOSSL_OK)
        bail_out("shutdown");
    is_int(iossl_read(d.conn[0], buf, sizeof buf, &n, IOSSL_FOREVER, d.err), IOSSL_EOF,
           "the peer has ended");
    duo_drop(&d, 1, true);
    while (status == IOSSL_OK)
        status = iossl_write(d.conn[0], "x", 1, &n, IOSSL_FOREVER, d.err);
    is_int(status, IOSSL_ERROR, "and has gone: writing fails");
    ok(iossl_error_get_errno(d.err) == EPIPE || iossl_error_get_errno(d.err) == ECONNRESET,
       "with the errno (%d)", iossl_error_get_errno(d.err));
    like(iossl_error_message(d.err), "SSL write error (5)", "as SSL_ERROR_SYSCALL");
    duo_free(&d);

    d = duo_connected(true);
    if (iossl_shutdown(d.conn[1], false, IOSSL_FOREVER, d.err) != IOSSL_OK
        || iossl_read(d.conn[0], buf, sizeof buf, &n, IOSSL_FOREVER, d.err) != IOSSL_EOF)
        bail_out("shutdown");
    duo_drop(&d, 1, true);
    /* Until the reset is here. */
    (void)poll(&(struct pollfd){.fd = d.fd[0], .events = POLLIN}, 1, 10000);
    is_int(iossl_shutdown(d.conn[0], true, IOSSL_FOREVER, d.err), IOSSL_OK,
           "ending too is no error, though no one hears it");
    duo_free(&d);
}

/* ---- Non-blocking, both ways at once --------------------------------------------------------- */

#define DUPLEX_BYTES ((size_t)2 << 20)

typedef struct {
    size_t sent, received;
    int wants, moves;
    bool good;
} flow;

/* Writes from another place each time, and sometimes more than before, as the contract allows. */
static void
push(iossl_conn *conn, flow *f, unsigned seed)
{
    size_t left = DUPLEX_BYTES - f->sent;
    size_t len = 9000 + 1000 * (size_t)(f->moves % 9), n;
    unsigned char *copy;
    iossl_status status;

    if (left == 0)
        return;
    len = len < left ? len : left;
    if ((copy = malloc(len)) == NULL)
        bail_out("no memory");
    for (size_t i = 0; i < len; i++)
        copy[i] = (unsigned char)(pattern(f->sent + i) + seed);
    status = iossl_write(conn, copy, len, &n, IOSSL_AS_FD, NULL);
    memset(copy, 0, len);
    free(copy);
    if (status == IOSSL_OK)
        f->sent += n;
    else if (is_want(status))
        f->wants++;
    else
        f->good = false;
    if (status == IOSSL_OK)
        f->moves = 0;
    else if (f->moves < 8)
        f->moves++;             /* never less than in the call that has to be repeated */
}

static void
pull(iossl_conn *conn, flow *f, unsigned seed)
{
    unsigned char buf[3000];
    size_t n;

    if (f->received < DUPLEX_BYTES
        && iossl_read(conn, buf, sizeof buf, &n, IOSSL_AS_FD, NULL) == IOSSL_OK)
        for (size_t i = 0; i < n; i++)
            f->good = f->good && buf[i] == (unsigned char)(pattern(f->received++) + seed);
}

static void
test_duplex(void)
{
    duo d = duo_new(false);
    flow f[2] = {{.good = true}, {.good = true}};
    int size = 4096;

    for (int i = 0; i < 2; i++) {
        set_nonblocking(d.fd[i], true);
        (void)setsockopt(d.fd[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    duo_shake(&d);
    while (f[0].good && f[1].good
           && (f[0].received < DUPLEX_BYTES || f[1].received < DUPLEX_BYTES)) {
        for (int i = 0; i < 2; i++) {
            push(d.conn[i], &f[i], (unsigned)i);
            pull(d.conn[i], &f[i], (unsigned)!i);
        }
    }
    ok(f[0].good && f[1].good, "two megabytes each way arrive unchanged");
    ok(f[0].wants > 0 && f[1].wants > 0, "though writes had to wait (%d and %d times)", f[0].wants,
       f[1].wants);
    duo_free(&d);
}

/* ---- Freeing --------------------------------------------------------------------------------- */

static void
test_free_in_every_state(void)
{
    static char block[16384];
    size_t n;
    int steps;

    for (steps = 0; steps < 20; steps++) {
        duo d = duo_new(false);
        iossl_status status = IOSSL_WANT_READ;

        for (int i = 0; i < steps; i++)
            status = iossl_handshake(d.conn[i % 2], IOSSL_POLL, d.err);
        n = (size_t)(iossl_conn_is_established(d.conn[0]) && iossl_conn_is_established(d.conn[1]));
        ok(status != IOSSL_ERROR, "freed after %d steps of the handshake", steps);
        duo_free(&d);
        if (n == 1)
            break;
    }
    ok(steps >= 3 && steps < 20, "which is then done");
    {
        duo d = duo_connected(false);

        while (iossl_write(d.conn[0], block, sizeof block, &n, IOSSL_POLL, d.err) == IOSSL_OK)
            ;
        ok(!iossl_conn_has_failed(d.conn[0]), "freed with half a record on its way");
        duo_free(&d);
    }
    {
        duo d = duo_connected(false);
        SSL *ssl = iossl_conn_get0_ssl(d.conn[0]);
        int fd = d.fd[0];

        SSL_up_ref(ssl);
        iossl_conn_free(d.conn[0]);
        d.conn[0] = NULL;
        ok(iossl_conn_from_ssl(ssl) == NULL, "an SSL that the program kept has no connection");
        ok(SSL_write(ssl, "x", 1) <= 0 && SSL_read(ssl, block, 1) <= 0, "and moves no bytes");
        ERR_clear_error();
        SSL_free(ssl);
        ok(fcntl(fd, F_GETFD) >= 0, "the descriptor stays open");
        duo_free(&d);
    }
    iossl_conn_free(NULL);
}

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test"});
    client_ctx = test_client_ctx(&ca, NULL);
    server_ctx = test_server_ctx(&leaf, NULL);
    test_stalled_handshake(true);
    test_stalled_handshake(false);
    test_stalled_reader_and_writer(true);
    test_stalled_reader_and_writer(false);
    test_endless_deadline();
    test_interrupted(IOSSL_AS_FD, "as the descriptor is");
    test_interrupted(IOSSL_FOREVER, "forever");
    test_interrupted(30000, "under a deadline");
    test_sigpipe();
    test_reset();
    test_write_after_the_end();
    test_duplex();
    test_free_in_every_state();
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
