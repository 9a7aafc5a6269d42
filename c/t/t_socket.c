/*
 * t_socket.c - descriptors that no child inherits, writes that raise no signal, addresses as text.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>

#include "socket.h"
#include "tap.h"

static bool
closes_on_exec(int fd)
{
    return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static bool
is_nonblocking(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

/* More than the other end takes: what it hasn't is counted, of a socket that waits. */
static void
test_prompt_and_unacked(int client, int accepted)
{
    static char data[4096];
    int on = 0;
    socklen_t len = sizeof on;
    ssize_t n, sent = 0, got = 0;

    iossl_socket_set_prompt(client);
    ok(getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, &len) == 0 && on != 0, "small pieces go at once");
    iossl_socket_set_prompt(-1);
    ok(!iossl_socket_has_unacked(client), "nothing is written, nothing on its way");
    while ((n = send(client, data, sizeof data, MSG_DONTWAIT)) > 0)
        sent += n;
#ifdef __linux__                /* elsewhere nothing tells */
    ok(iossl_socket_has_unacked(client), "%zd bytes written, not all of them taken", sent);
#endif
    if (fcntl(client, F_SETFL, fcntl(client, F_GETFL) | O_NONBLOCK) != 0)
        bail_out("fcntl");
    ok(!iossl_socket_has_unacked(client), "of a socket that doesn't wait it isn't asked");
    ok(!iossl_socket_has_unacked(-1), "nor of none");
    while (got < sent && (n = recv(accepted, data, sizeof data, 0)) > 0)
        got += n;
    is_int(got, sent, "all of it comes");
}

static void
test_flags(void)
{
    const struct addrinfo v4 = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    const struct addrinfo none = {.ai_family = -1, .ai_socktype = SOCK_STREAM};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = iossl_socket_new(&v4), client = iossl_socket_new(&v4), accepted, ends[2];

    ok(closes_on_exec(client) && is_nonblocking(client), "a socket doesn't wait, nor is inherited");
    is_int(iossl_socket_new(&none), -1, "a family that isn't");
    ok(errno != 0, "has an errno");
    is_int(iossl_socket_accept(listener), -1, "no listener yet");
    if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 1) != 0
        || getsockname(listener, (struct sockaddr *)&address, &len) != 0
        || !iossl_socket_set_blocking(client) || !iossl_socket_set_blocking(listener)
        || connect(client, (struct sockaddr *)&address, len) != 0)
        bail_out("no loopback TCP");
    ok(!is_nonblocking(client), "back to blocking mode");
    accepted = iossl_socket_accept(listener);
    ok(closes_on_exec(accepted) && !is_nonblocking(accepted), "a connection that came in");
    ok(iossl_socket_pipe(ends), "a pipe");
    ok(closes_on_exec(ends[0]) && closes_on_exec(ends[1]), "of which both ends close on exec");
    ok(!iossl_socket_set_blocking(-1), "no descriptor has no mode");
    for (int i = 0; i < 2; i++)
        close(ends[i]);
    test_prompt_and_unacked(client, accepted);
    close(accepted);
    close(client);
    close(listener);
}

/* ---- Signals --------------------------------------------------------------------------------- */

static volatile sig_atomic_t signals;

static void
count(int signal_number)
{
    (void)signal_number;
    signals++;
}

static void
test_no_sigpipe(void)
{
    struct sigaction action = {.sa_handler = count}, before;
    sigset_t blocked, was, pending;
    int ends[2], pair[2], open_pair[2];
    char got[16];
    BIO *bio;

    if (!iossl_socket_pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        bail_out("no descriptors");
    close(ends[0]);
    close(pair[0]);
    (void)sigaction(SIGPIPE, &action, &before);
    is_int(iossl_socket_write_quietly(ends[1], "x", 1), -1, "a pipe without a reader");
    is_int(errno, EPIPE, "says so");
    is_int(iossl_socket_send_quietly(pair[1], "x", 1, 0), -1, "a socket without a peer");
    is_int(errno, EPIPE, "likewise");
    bio = BIO_new_socket(pair[1], BIO_NOCLOSE);
    ok(iossl_socket_bio_write_quietly(bio, "x", 1) <= 0, "OpenSSL's way to it");
    is_int(errno, EPIPE, "likewise");
    BIO_free(bio);
    ERR_clear_error();
    is_int(signals, 0, "none of them raises a signal");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, open_pair) != 0)
        bail_out("no descriptors");
    is_int(iossl_socket_write_quietly(open_pair[0], "ab", 2), 2, "where there is a reader, it is written");
    is_int(iossl_socket_send_quietly(open_pair[0], "cd", 2, 0), 2, "and sent");
    bio = BIO_new_socket(open_pair[0], BIO_NOCLOSE);
    is_int(iossl_socket_bio_write_quietly(bio, "ef", 2), 2, "in OpenSSL's way, too");
    BIO_free(bio);
    is_int(read(open_pair[1], got, sizeof got), 6, "all of it comes");
    ok(memcmp(got, "abcdef", 6) == 0, "as it was");
    /* One that the program has pending already is its own, and stays. */
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &blocked, &was);
    (void)raise(SIGPIPE);
    is_int(iossl_socket_write_quietly(ends[1], "x", 1), -1, "while one is pending");
    ok(sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1, "it stays pending");
    (void)pthread_sigmask(SIG_SETMASK, &was, NULL);
    is_int(signals, 1, "and arrives, once");
    (void)sigaction(SIGPIPE, &before, NULL);
    close(ends[1]);
    close(pair[1]);
    close(open_pair[0]);
    close(open_pair[1]);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static void
test_text(void)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(443)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(65535)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    char out[IOSSL_ADDRESS_TEXT];

    if (inet_pton(AF_INET, "192.0.2.255", &v4.sin_addr) != 1
        || inet_pton(AF_INET6, "2001:db8:1111:2222:3333:4444:5555:6666", &v6.sin6_addr) != 1)
        bail_out("inet_pton");
    is_str(iossl_socket_address_text(out, (struct sockaddr *)&v4, sizeof v4, false), "192.0.2.255",
           "v4");
    is_str(iossl_socket_address_text(out, (struct sockaddr *)&v4, sizeof v4, true),
           "192.0.2.255:443", "with a port");
    is_str(iossl_socket_address_text(out, (struct sockaddr *)&v6, sizeof v6, false),
           "2001:db8:1111:2222:3333:4444:5555:6666", "v6");
    is_str(iossl_socket_address_text(out, (struct sockaddr *)&v6, sizeof v6, true),
           "[2001:db8:1111:2222:3333:4444:5555:6666]:65535", "with a port, in brackets");
    is_str(iossl_socket_address_text(out, (struct sockaddr *)&local, sizeof local, true), "",
           "no Internet address has no such text");
}

int
main(void)
{
    tap_start();
    test_flags();
    test_no_sigpipe();
    test_text();
    return done_testing();
}
