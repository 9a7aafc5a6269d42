/*
 * cutoff.c - an end to what another library waits for on sockets of its own.
 *
 * Clients of Redis and memcached have time limits for each read and write: a server that deals out its
 * answer byte by byte keeps them waiting for as long as it likes, and some are C code that no signal
 * gets out of. A socket that is shut down ends each of these waits.
 *
 * Owns      a thread, which lives from begin to end, and a pipe to wake it.
 * Promises  waits on these sockets end within AGAIN milliseconds after the time is over, those that begin
 *           later included. No other socket is touched, and no descriptor is closed.
 * Leaves    the client's own time limit to connect, since a socket without a peer can't be told from
 *           others; how long, and what it means, to IO::Socket::SSL::Store.
 *
 * The client doesn't tell which sockets it opens. POSIX does: a new descriptor is the lowest that is
 * free, so they are among the first that are free at the beginning. What another thread opens in
 * the same moment is told apart by the port of its peer.
 */
#include "cutoff.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define AGAIN 5     /* milliseconds; short beside any time limit, long beside the work */

struct glue_cutoff {
    pthread_t thread;
    int wake[2];            /* read by the thread; a byte ends it */
    int milliseconds;
    bool late;              /* the thread's until it is joined */
    const int *ports;       /* in "numbers" */
    size_t port_count;
    int *fds;               /* in "numbers" */
    size_t fd_count;
    int numbers[];
};

/* Is it a socket with such a peer? */
static bool
is_meant(const glue_cutoff *c, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } peer = {0};
    socklen_t len = sizeof peer;
    int port = -1;

    if (getpeername(fd, &peer.any, &len) != 0)
        return false;
    if (peer.any.sa_family == AF_INET)
        port = ntohs(peer.in.sin_port);
    else if (peer.any.sa_family == AF_INET6)
        port = ntohs(peer.in6.sin6_port);
    else if (peer.any.sa_family == AF_UNIX)
        port = 0;
    for (size_t i = 0; i < c->port_count; i++)
        if (c->ports[i] == port)
            return true;
    return false;
}

static void *
watch(void *arg)
{
    glue_cutoff *c = arg;
    struct pollfd woken = {.fd = c->wake[0], .events = POLLIN};

    while (poll(&woken, 1, c->late ? AGAIN : c->milliseconds) == 0) {
        c->late = true;
        for (size_t i = 0; i < c->fd_count; i++)
            if (is_meant(c, c->fds[i]))
                (void)shutdown(c->fds[i], SHUT_RDWR);
    }
    return NULL;
}

/* Adds the first descriptors that are free. */
static void
add_free(glue_cutoff *c, size_t most)
{
    size_t first = c->fd_count;
    int fd = -1;

    for (size_t i = 0; i < most && (fd = fcntl(c->wake[0], F_DUPFD_CLOEXEC, fd + 1)) >= 0; i++)
        c->fds[c->fd_count++] = fd;
    for (size_t i = first; i < c->fd_count; i++)
        (void)close(c->fds[i]);
}

static int
milliseconds(double seconds)
{
    static const int most = 1000000000;

    return !(seconds > 0) ? 0 : seconds < most / 1000.0 ? (int)(seconds * 1000) : most;
}

glue_cutoff *
glue_cutoff_begin(double seconds, const void *ports, size_t port_count, const void *fds, size_t fd_count,
                  size_t most_new)
{
    glue_cutoff *c = calloc(1, sizeof *c + (port_count + fd_count + most_new) * sizeof *c->numbers);
    int errnum;

    if (c == NULL)
        return NULL;
    c->milliseconds = milliseconds(seconds);
    c->port_count = port_count;
    c->ports = memcpy(c->numbers, ports, port_count * sizeof *c->numbers);
    c->fd_count = fd_count;
    c->fds = memcpy(c->numbers + port_count, fds, fd_count * sizeof *c->numbers);

    if (pipe(c->wake) != 0)
        goto no_pipe;
    for (int i = 0; i < 2; i++)
        (void)fcntl(c->wake[i], F_SETFD, FD_CLOEXEC);
    add_free(c, most_new);
    if ((errnum = pthread_create(&c->thread, NULL, watch, c)) == 0)
        return c;

    (void)close(c->wake[0]);
    (void)close(c->wake[1]);
    errno = errnum;
no_pipe:
    errnum = errno;
    free(c);
    errno = errnum;
    return NULL;
}

void
glue_cutoff_end(glue_cutoff *c, bool *late, int **fds, size_t *fd_count)
{
    /* A byte, since a child that another thread forked may hold the other end, too. */
    while (write(c->wake[1], "", 1) < 0 && errno == EINTR)
        continue;
    (void)pthread_join(c->thread, NULL);
    (void)close(c->wake[0]);
    (void)close(c->wake[1]);

    *late = c->late;
    *fd_count = 0;
    *fds = malloc((c->fd_count + 1) * sizeof **fds);
    for (size_t i = 0; *fds != NULL && i < c->fd_count; i++)
        if (is_meant(c, c->fds[i]))
            (*fds)[(*fd_count)++] = c->fds[i];
    free(c);
}
