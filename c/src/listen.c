/*
 * listen.c - a listening socket, and the connections that come in.
 *
 * Owns      the listening descriptor; which failures of accept(2) are none of the program's.
 * Promises  accepting waits no longer than told, also where several threads or processes accept
 *           from one socket and another is faster.
 * Leaves    the handshake to the program: one slow peer must not keep the others.
 * See       accept(2), listen(2).
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>

#include "deadline.h"
#include "error.h"
#include "iossl.h"
#include "lookup.h"
#include "quote.h"
#include "socket.h"

struct iossl_listener {
    int fd;                     /* owned; doesn't wait */
};

/* ---- Life ------------------------------------------------------------------------------------ */

/* Bound and listening; -1 with errno. */
static int
listen_on(const struct addrinfo *address)
{
    int fd = iossl_socket_new(address), on = 1, off = 0, errnum;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6) /* "::" is for IPv4 too, where the system lets us choose */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    errnum = errno;
    (void)close(fd);
    errno = errnum;
    return -1;
}

/* The first of these addresses, of this family (AF_UNSPEC: any), that can be had. */
static int
listen_on_any(const struct addrinfo *list, int family)
{
    int fd = -1;

    for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
        if (family == AF_UNSPEC || a->ai_family == family)
            fd = listen_on(a);
    return fd;
}

iossl_listener *
iossl_listener_new(const char *host, const char *port, iossl_error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    iossl_listener *listener = NULL;
    struct addrinfo *found = NULL;
    const char *shown = host == NULL ? "*" : host;
    char quoted[IOSSL_QUOTED];
    int code;

    if (!iossl_lookup_check_port(port, true, err))
        return NULL;
    (void)iossl_quote(quoted, shown, strlen(shown));
    if ((code = getaddrinfo(host, port, &hints, &found)) != 0) {
        iossl_error_set(err, IOSSL_E_RESOLVE, IOSSL_RANK_IO, "cannot look up %s port %s: %s",
                        quoted, port, gai_strerror(code));
        return NULL;
    }
    if ((listener = malloc(sizeof *listener)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    /* For all addresses: one socket of IPv6 is for both. */
    listener->fd = host == NULL ? listen_on_any(found, AF_INET6) : -1;
    if (listener->fd < 0)
        listener->fd = listen_on_any(found, AF_UNSPEC);
    if (listener->fd < 0) {
        iossl_error_set_errno(err, IOSSL_E_SYSTEM, IOSSL_RANK_IO, errno,
                              "cannot listen on %s port %s", quoted, port);
        free(listener);
        listener = NULL;
    }
done:
    freeaddrinfo(found);
    return listener;
}

void
iossl_listener_free(iossl_listener *listener)
{
    if (listener == NULL)
        return;
    (void)close(listener->fd);
    free(listener);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

int
iossl_listener_get_fd(const iossl_listener *listener)
{
    return listener->fd;
}

int
iossl_listener_get_port(const iossl_listener *listener)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;

    if (getsockname(listener->fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

/* ---- Accepting ------------------------------------------------------------------------------- */

/* Was it this one connection that failed, and not the listener? (accept(2), "Error handling") */
static bool
is_of_the_peer(int errnum)
{
    return errnum == ECONNABORTED || errnum == EPROTO || errnum == ENETDOWN || errnum == ENETUNREACH
           || errnum == EHOSTDOWN || errnum == EHOSTUNREACH || errnum == EOPNOTSUPP
#ifdef ENONET
           || errnum == ENONET
#endif
           || errnum == ENOPROTOOPT;
}

static iossl_status
wait_for_peer(const iossl_listener *listener, int64_t deadline_ms)
{
    struct pollfd p = {.fd = listener->fd, .events = POLLIN};
    int n;

    do {
        if (iossl_deadline_left(deadline_ms) == 0)
            return IOSSL_TIMEOUT;
        n = poll(&p, 1, iossl_deadline_poll_ms(deadline_ms));
    } while (n == 0);
    if (n > 0)
        return IOSSL_OK;
    return errno == EINTR ? IOSSL_INTERRUPTED : IOSSL_ERROR;
}

/* A connected descriptor. */
static iossl_status
accept_fd(int *fd, const iossl_listener *listener, int64_t timeout_ms)
{
    int64_t deadline = iossl_deadline_in(timeout_ms);
    bool never_waits = timeout_ms == IOSSL_POLL || timeout_ms == IOSSL_AS_FD;
    iossl_status status = IOSSL_OK;

    while (status == IOSSL_OK) {
        if ((*fd = iossl_socket_accept(listener->fd)) >= 0)
            return IOSSL_OK;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            status = never_waits ? IOSSL_WANT_READ : wait_for_peer(listener, deadline);
        else if (errno == EINTR)
            status = IOSSL_INTERRUPTED;
        else if (!is_of_the_peer(errno))
            status = IOSSL_ERROR;
        else if (!never_waits && iossl_deadline_left(deadline) == 0)
            status = IOSSL_TIMEOUT;     /* however many peers fail one after the other */
    }
    return status;
}

iossl_status
iossl_accept(iossl_conn **out, iossl_ctx *ctx, iossl_listener *listener, int64_t timeout_ms,
             iossl_error *err)
{
    int fd = -1;
    iossl_status status;

    *out = NULL;
    status = accept_fd(&fd, listener, timeout_ms);
    if (status == IOSSL_ERROR)
        iossl_error_set_errno(err, IOSSL_E_SYSTEM, IOSSL_RANK_IO, errno,
                              "cannot accept a connection");
    if (status != IOSSL_OK)
        return status;
    iossl_socket_set_prompt(fd);
    *out = iossl_conn_new_owned_fd(ctx, IOSSL_SERVER, fd, err);
    return *out != NULL ? IOSSL_OK : IOSSL_ERROR;
}
