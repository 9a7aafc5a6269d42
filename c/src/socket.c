/*
 * socket.c - descriptors of our own: no child inherits them, and each system makes them its own way.
 *
 * Owns      the flags that a new descriptor gets, writing without SIGPIPE, the text of an address.
 * Promises  one system call where the system can do it in one (no other thread's fork comes between).
 * Leaves    where to connect to connect.c, what travels to transport.c.
 * See       socket(2), accept4(2), pipe2(2), tcp(7), getnameinfo(3).
 */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#ifdef __linux__
#include <sys/ioctl.h>
#include <linux/sockios.h>
#endif

/* Where the flags can't be given with the call, they follow it. */
#ifndef SOCK_CLOEXEC
static int
with_flags(int fd, bool is_nonblocking)
{
    int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    int errnum;

    if (flags >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0
        && fcntl(fd, F_SETFL, is_nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0)
        return fd;
    errnum = errno;
    if (fd >= 0)
        (void)close(fd);
    errno = errnum;
    return -1;
}
#endif

int
iossl_socket_new(const struct addrinfo *address)
{
#ifdef SOCK_CLOEXEC
    return socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  address->ai_protocol);
#else
    return with_flags(socket(address->ai_family, address->ai_socktype, address->ai_protocol),
                      true);
#endif
}

int
iossl_socket_accept(int listener)
{
#ifdef SOCK_CLOEXEC
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
#else
    return with_flags(accept(listener, NULL, NULL), false);
#endif
}

bool
iossl_socket_pipe(int ends[2])
{
#ifdef SOCK_CLOEXEC
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0;
#else
    if (pipe(ends) != 0)
        return false;
    ends[0] = with_flags(ends[0], true);
    ends[1] = with_flags(ends[1], true);
    if (ends[0] >= 0 && ends[1] >= 0)
        return true;
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            (void)close(ends[i]);
    return false;
#endif
}

bool
iossl_socket_set_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

void
iossl_socket_set_prompt(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool
iossl_socket_has_unacked(int fd)
{
#ifdef SIOCOUTQ
    int unacked = 0, flags = fcntl(fd, F_GETFL);

    return flags >= 0 && (flags & O_NONBLOCK) == 0 && ioctl(fd, SIOCOUTQ, &unacked) == 0 && unacked > 0;
#else
    (void)fd;
    return false;
#endif
}

/* ---- Writing without SIGPIPE ----------------------------------------------------------------- */

/* A program that ignores the signal has none to take. */
static bool
is_pending(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

/* SIGPIPE as it was before; it is of the thread that wrote, and blocked in it meanwhile. */
typedef struct {
    sigset_t pipe, before;
    bool was_pending;
} quiet;

static void
quiet_begin(quiet *q)
{
    (void)sigemptyset(&q->pipe);
    (void)sigaddset(&q->pipe, SIGPIPE);
    q->was_pending = is_pending();
    (void)pthread_sigmask(SIG_BLOCK, &q->pipe, &q->before);
}

/* Takes the signal that the write raised, if it did, and keeps errno. */
static void
quiet_end(const quiet *q)
{
    int errnum = errno, signal_number;

    if (!q->was_pending && is_pending())
        (void)sigwait(&q->pipe, &signal_number);
    (void)pthread_sigmask(SIG_SETMASK, &q->before, NULL);
    errno = errnum;
}

ssize_t
iossl_socket_write_quietly(int fd, const void *buf, size_t len)
{
    quiet q;
    ssize_t n;

    quiet_begin(&q);
    n = write(fd, buf, len);
    quiet_end(&q);
    return n;
}

int
iossl_socket_bio_write_quietly(BIO *bio, const void *buf, int len)
{
    quiet q;
    int n;

    quiet_begin(&q);
    n = BIO_write(bio, buf, len);
    quiet_end(&q);
    return n;
}

ssize_t
iossl_socket_send_quietly(int fd, const void *buf, size_t len, int flags)
{
#ifdef MSG_NOSIGNAL
    return send(fd, buf, len, flags | MSG_NOSIGNAL);
#else
    quiet q;
    ssize_t n;

    quiet_begin(&q);
    n = send(fd, buf, len, flags);
    quiet_end(&q);
    return n;
#endif
}

/* ---- Text ------------------------------------------------------------------------------------ */

const char *
iossl_socket_address_text(char out[IOSSL_ADDRESS_TEXT], const struct sockaddr *address,
                          socklen_t len, bool with_port)
{
    char host[IOSSL_ADDRESS_TEXT - 12], port[8];
    bool is_v6 = address->sa_family == AF_INET6;

    out[0] = '\0';
    if ((is_v6 || address->sa_family == AF_INET)
        && getnameinfo(address, len, host, sizeof host, port, sizeof port,
                       NI_NUMERICHOST | NI_NUMERICSERV)
               == 0)
        (void)snprintf(out, IOSSL_ADDRESS_TEXT, "%s%s%s%s%s", with_port && is_v6 ? "[" : "", host,
                       with_port && is_v6 ? "]" : "", with_port ? ":" : "",
                       with_port ? port : "");
    return out;
}
