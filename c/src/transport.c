/*
 * transport.c - where the bytes of a connection come from and go to.
 *
 * Owns      the BIO between OpenSSL and an iossl_transport; the transports over a descriptor,
 *           over memory and over another connection.
 * Promises  a transfer over a socket is exactly one system call; it raises SIGPIPE only where the
 *           program asked for the write; errno and end of stream survive until conn.c asks. A peer
 *           that sends without end what is no data doesn't keep an operation for ever.
 * Leaves    deadlines and what a failed transfer means to conn.c, the kernel's part in TLS to ktls.c.
 * See       BIO_meth_new(3), recv(2), send(2), poll(2).
 */
#include "transport.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "compat.h"
#include "conn.h"
#include "error.h"
#include "init.h"
#include "ktls.h"
#include "socket.h"

struct iossl_transport {
    const iossl_transport_ops *ops;
    void *arg;
    BIO *bio;               /* borrowed, while it is alive; each knows when the other goes */
    iossl_transfer last;
    bool never_wait;        /* see iossl_transfer_mode */
    unsigned n_reads;       /* in this step */
};

/* ---- The BIO --------------------------------------------------------------------------------- */

/*
 * What the transport says, held against its contract: OK moves bytes, a write has no end. OpenSSL reads on
 * after each message that isn't data, and so would never come back to who watches the clock, nor to signal
 * handlers, while requests for a hello or key updates come as fast as it reads.
 */
static iossl_status
transfer(iossl_transport *t, bool is_read, void *rbuf, const void *wbuf, size_t len, size_t *done)
{
    iossl_status status;

    if (is_read && ++t->n_reads > IOSSL_TRANSPORT_ENOUGH)
        return iossl_transport_pause(t);
    status = is_read ? t->ops->read(t->arg, rbuf, len, done)
                     : t->ops->write(t->arg, wbuf, len, done);
    if (status == IOSSL_OK && (*done == 0 || *done > len)) {
        errno = EIO;
        return IOSSL_ERROR;
    }
    if (status == IOSSL_EOF && !is_read) {
        errno = EPIPE;
        return IOSSL_ERROR;
    }
    return status;
}

/* OpenSSL transfers at most a record at a time, far below INT_MAX. */
static int
bio_transfer(BIO *bio, bool is_read, void *rbuf, const void *wbuf, int len)
{
    iossl_transport *t = BIO_get_data(bio);
    iossl_compat_errors pending;
    size_t done = 0;

    BIO_clear_retry_flags(bio);
    if (t == NULL || len <= 0)
        return 0;
    /*
     * A transport that uses OpenSSL itself, as TLS in TLS does, must neither lose what is queued
     * already (an alert is written after its reason was queued) nor add to it: SSL_get_error(3)
     * would take that for a failure of this connection.
     */
    iossl_compat_errors_take(&pending);
    errno = 0;
    t->last.status = transfer(t, is_read, rbuf, wbuf, (size_t)len, &done);
    t->last.errnum = t->last.status == IOSSL_ERROR ? errno : 0;
    iossl_compat_errors_put_back(&pending);
    switch (t->last.status) {
    case IOSSL_OK:
        return (int)done;
    case IOSSL_EOF:
        t->last.eof = true;
        return 0;
    case IOSSL_WANT_WRITE:
        BIO_set_retry_write(bio);
        return -1;
    case IOSSL_WANT_READ:
        BIO_set_retry_read(bio);
        return -1;
    case IOSSL_INTERRUPTED:
        BIO_set_flags(bio, (is_read ? BIO_FLAGS_READ : BIO_FLAGS_WRITE) | BIO_FLAGS_SHOULD_RETRY);
        return -1;
    case IOSSL_TIMEOUT:
    case IOSSL_ERROR:
        break;
    }
    t->last.status = IOSSL_ERROR;
    return -1;
}

static int
bio_read(BIO *bio, char *buf, int size)
{
    return bio_transfer(bio, true, buf, NULL, size);
}

static int
bio_write(BIO *bio, const char *buf, int len)
{
    return bio_transfer(bio, false, NULL, buf, len);
}

/* What OpenSSL tells the kernel, or asks of it; see the descriptors below. */
static long kernel_ctrl(iossl_transport *t, int cmd, long num, void *ptr);

static long
bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    iossl_transport *t;
    int fd;

    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        t = BIO_get_data(bio);
        return t != NULL && t->last.eof;
    case BIO_C_GET_FD:
        t = BIO_get_data(bio);
        fd = t == NULL ? -1 : iossl_transport_fd(t);
        if (ptr != NULL)
            *(int *)ptr = fd;
        return fd;
    default:
        t = BIO_get_data(bio);
        return t != NULL && iossl_ktls_is_control(cmd) ? kernel_ctrl(t, cmd, num, ptr) : 0;
    }
}

static int
bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static int
bio_destroy(BIO *bio)
{
    iossl_transport *t = BIO_get_data(bio);

    if (t != NULL)
        t->bio = NULL;
    return 1;
}

BIO_METHOD *
iossl_transport_bio_method_new(void)
{
    /* BIO_TYPE_DESCRIPTOR lets SSL_get_fd(3) find the descriptor behind us. */
    int type = BIO_get_new_index();
    BIO_METHOD *m = type == -1 ? NULL
                               : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR,
                                              "iossl transport");

    if (m != NULL
        && (BIO_meth_set_read(m, bio_read) != 1 || BIO_meth_set_write(m, bio_write) != 1
            || BIO_meth_set_ctrl(m, bio_ctrl) != 1 || BIO_meth_set_create(m, bio_create) != 1
            || BIO_meth_set_destroy(m, bio_destroy) != 1)) {
        BIO_meth_free(m);
        m = NULL;
    }
    return m;
}

BIO *
iossl_transport_bio_new(iossl_transport *transport)
{
    BIO *bio = BIO_new(iossl_init_bio_method());

    if (bio != NULL) {
        BIO_set_data(bio, transport);
        transport->bio = bio;
    }
    return bio;
}

/* ---- Any transport --------------------------------------------------------------------------- */

iossl_transport *
iossl_transport_new(const iossl_transport_ops *ops, void *arg, iossl_error *err)
{
    iossl_transport *t = calloc(1, sizeof *t);

    if (t == NULL) {
        if (ops->free != NULL)
            ops->free(arg);
        iossl_error_memory(err);
        return NULL;
    }
    t->ops = ops;
    t->arg = arg;
    return t;
}

void
iossl_transport_free(iossl_transport *transport)
{
    if (transport == NULL)
        return;
    if (transport->bio != NULL)
        BIO_set_data(transport->bio, NULL);     /* the program kept the SSL: it is at its end */
    if (transport->ops->free != NULL)
        transport->ops->free(transport->arg);
    free(transport);
}

void
iossl_transport_begin(iossl_transport *transport)
{
    transport->last.status = IOSSL_OK;
    transport->last.errnum = 0;
    transport->n_reads = 0;
}

const iossl_transfer *
iossl_transport_get0_last(const iossl_transport *transport)
{
    return &transport->last;
}

int
iossl_transport_fd(const iossl_transport *transport)
{
    return transport->ops->fd == NULL ? -1 : transport->ops->fd(transport->arg);
}

bool
iossl_transport_can_wait(const iossl_transport *transport)
{
    return transport->ops->wait != NULL;
}

iossl_status
iossl_transport_pause(const iossl_transport *transport)
{
    int fd = iossl_transport_fd(transport), flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

    return transport->never_wait || (flags >= 0 && (flags & O_NONBLOCK) != 0) ? IOSSL_WANT_READ
                                                                             : IOSSL_INTERRUPTED;
}

iossl_status
iossl_transport_wait(iossl_transport *transport, iossl_status want, int64_t timeout_ms)
{
    if (transport->ops->wait == NULL)
        return want;
    return transport->ops->wait(transport->arg, want, timeout_ms);
}

/* ---- A descriptor ---------------------------------------------------------------------------- */

typedef struct {
    int fd;
    bool is_socket;                     /* until a call says ENOTSOCK                             */
    bool is_message;                    /* with the kernel: the next write is no data of the program */
    BIO *kernel;                        /* owned; NULL: no kernel TLS                             */
    iossl_transfer_mode mode;
} fd_transport;

static iossl_status
fd_poll(int fd, iossl_status want, int64_t timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = want == IOSSL_WANT_WRITE ? POLLOUT : POLLIN};
    int n = poll(&p, 1, timeout_ms < 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);

    /* An error or a hang-up is "ready": the transfer itself finds out which. */
    if (n > 0)
        return (p.revents & POLLNVAL) != 0 ? (errno = EBADF, IOSSL_ERROR) : IOSSL_OK;
    if (n == 0)
        return IOSSL_TIMEOUT;
    return errno == EINTR ? IOSSL_INTERRUPTED : IOSSL_ERROR;
}

static iossl_status
fd_failed(iossl_status want)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return want;
    return errno == EINTR ? IOSSL_INTERRUPTED : IOSSL_ERROR;
}

/* For what is no socket, where recv's flags don't exist: ask first, then transfer. */
static bool
fd_would_wait(const fd_transport *f, iossl_status want)
{
    return f->mode.never_wait && fd_poll(f->fd, want, 0) == IOSSL_TIMEOUT;
}

/* A record that the kernel has decrypted, with the header that OpenSSL's BIO puts before it. Its call
 * would wait; poll(2) tells when a whole record is there. */
static iossl_status
kernel_read(fd_transport *f, void *buf, size_t size, size_t *done)
{
    int n;

    if (fd_would_wait(f, IOSSL_WANT_READ))
        return IOSSL_WANT_READ;
    if ((n = BIO_read(f->kernel, buf, size > INT_MAX ? INT_MAX : (int)size)) < 0)
        return fd_failed(IOSSL_WANT_READ);
    *done = (size_t)n;
    return n == 0 ? IOSSL_EOF : IOSSL_OK;
}

/* An alert or a handshake message: few bytes, which go by sendmsg(2) with their type beside them. */
static iossl_status
kernel_write_message(fd_transport *f, const void *buf, size_t len, size_t *done)
{
    int n;

    if (fd_would_wait(f, IOSSL_WANT_WRITE))
        return IOSSL_WANT_WRITE;
    n = f->mode.no_sigpipe ? iossl_socket_bio_write_quietly(f->kernel, buf, (int)len)
                           : BIO_write(f->kernel, buf, (int)len);
    if (n < 0)
        return fd_failed(IOSSL_WANT_WRITE);
    f->is_message = false;
    *done = (size_t)n;
    return IOSSL_OK;
}

static iossl_status
fd_read(void *arg, void *buf, size_t size, size_t *done)
{
    fd_transport *f = arg;
    ssize_t n = -1;

    if (f->kernel != NULL && iossl_ktls_receives(f->kernel))
        return kernel_read(f, buf, size, done);
    if (f->is_socket) {
        n = recv(f->fd, buf, size, f->mode.never_wait ? MSG_DONTWAIT : 0);
        f->is_socket = n >= 0 || errno != ENOTSOCK;
    }
    if (!f->is_socket) {
        if (fd_would_wait(f, IOSSL_WANT_READ))
            return IOSSL_WANT_READ;
        n = read(f->fd, buf, size);
    }
    if (n < 0)
        return fd_failed(IOSSL_WANT_READ);
    *done = (size_t)n;
    return n == 0 ? IOSSL_EOF : IOSSL_OK;
}

static iossl_status
fd_write(void *arg, const void *buf, size_t len, size_t *done)
{
    fd_transport *f = arg;
    ssize_t n = -1;

    if (f->is_message)
        return kernel_write_message(f, buf, len, done);
    if (f->is_socket) {
        int flags = f->mode.never_wait ? MSG_DONTWAIT : 0;

        n = f->mode.no_sigpipe ? iossl_socket_send_quietly(f->fd, buf, len, flags)
                               : send(f->fd, buf, len, flags);
        f->is_socket = n >= 0 || errno != ENOTSOCK;
    }
    if (!f->is_socket) {
        if (fd_would_wait(f, IOSSL_WANT_WRITE))
            return IOSSL_WANT_WRITE;
        /* pipe(7): POLLOUT promises room for this much; more would wait. */
        if (f->mode.never_wait && len > PIPE_BUF)
            len = PIPE_BUF;
        n = f->mode.no_sigpipe ? iossl_socket_write_quietly(f->fd, buf, len)
                               : write(f->fd, buf, len);
    }
    if (n < 0)
        return fd_failed(IOSSL_WANT_WRITE);
    *done = (size_t)n;
    return IOSSL_OK;
}

static iossl_status
fd_wait(void *arg, iossl_status want, int64_t timeout_ms)
{
    return fd_poll(((fd_transport *)arg)->fd, want, timeout_ms);
}

static int
fd_fd(void *arg)
{
    return ((fd_transport *)arg)->fd;
}

static void
fd_free(void *arg)
{
    fd_transport *f = arg;

    if (f->kernel != NULL)
        (void)BIO_free(f->kernel);
    free(f);
}

static const iossl_transport_ops FD_OPS = {
    .read = fd_read, .write = fd_write, .wait = fd_wait, .fd = fd_fd, .free = fd_free};

static void
fd_close(void *arg)
{
    (void)close(((fd_transport *)arg)->fd);
    fd_free(arg);
}

static const iossl_transport_ops OWNED_FD_OPS = {
    .read = fd_read, .write = fd_write, .wait = fd_wait, .fd = fd_fd, .free = fd_close};

size_t
iossl_transport_look(const iossl_transport *transport, void *buf, size_t size)
{
    ssize_t n = 0;

    if (transport->ops->read == fd_read)
        n = recv(fd_fd(transport->arg), buf, size, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

bool
iossl_transport_has_unacked(const iossl_transport *transport)
{
    return transport->ops->read == fd_read && iossl_socket_has_unacked(fd_fd(transport->arg));
}

static iossl_transport *
fd_transport_new(const iossl_transport_ops *ops, int fd, iossl_error *err)
{
    fd_transport *f = NULL;

    if (fd < 0)
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL, "descriptor %d is not open", fd);
    else if ((f = calloc(1, sizeof *f)) == NULL)
        iossl_error_memory(err);
    if (f == NULL) {
        if (fd >= 0 && ops == &OWNED_FD_OPS)
            (void)close(fd);
        return NULL;
    }
    *f = (fd_transport){.fd = fd, .is_socket = true};
    return iossl_transport_new(ops, f, err);
}

iossl_transport *
iossl_transport_new_fd(int fd, iossl_error *err)
{
    return fd_transport_new(&FD_OPS, fd, err);
}

iossl_transport *
iossl_transport_new_owned_fd(int fd, iossl_error *err)
{
    return fd_transport_new(&OWNED_FD_OPS, fd, err);
}

/* NULL: it is no descriptor. */
static fd_transport *
fd_of(const iossl_transport *t)
{
    return t->ops == &FD_OPS || t->ops == &OWNED_FD_OPS ? t->arg : NULL;
}

bool
iossl_transport_use_kernel(iossl_transport *transport)
{
    fd_transport *f = fd_of(transport);

    if (f != NULL && f->kernel == NULL)
        f->kernel = iossl_ktls_begin(f->fd);
    return f != NULL && f->kernel != NULL;
}

static long
kernel_ctrl(iossl_transport *t, int cmd, long num, void *ptr)
{
    fd_transport *f = fd_of(t);

    if (f == NULL || f->kernel == NULL)
        return 0;
    f->is_message = iossl_ktls_announces(cmd) || (f->is_message && iossl_ktls_asks(cmd));
    return BIO_ctrl(f->kernel, cmd, num, ptr);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* One direction. Bytes from `start` to `end` are to be read; the array grows by doubling. */
typedef struct {
    unsigned char *bytes;
    size_t start, end, room;
    bool closed;
} byte_queue;

typedef struct {
    byte_queue queue[2];
    unsigned ends;                      /* still alive; both belong to one thread                 */
} memory_pipe;

typedef struct {
    memory_pipe *pipe;
    unsigned reads;                     /* which queue this end reads; it writes the other        */
} memory_end;

static iossl_status
memory_read(void *arg, void *buf, size_t size, size_t *done)
{
    memory_end *e = arg;
    byte_queue *q = &e->pipe->queue[e->reads];
    size_t n = q->end - q->start;

    if (n == 0)
        return q->closed ? IOSSL_EOF : IOSSL_WANT_READ;
    *done = n < size ? n : size;
    memcpy(buf, q->bytes + q->start, *done);
    q->start += *done;
    if (q->start == q->end)
        q->start = q->end = 0;
    return IOSSL_OK;
}

static iossl_status
memory_write(void *arg, const void *buf, size_t len, size_t *done)
{
    memory_end *e = arg;
    byte_queue *q = &e->pipe->queue[1 - e->reads];

    if (q->closed) {
        errno = EPIPE;
        return IOSSL_ERROR;
    }
    if (len > q->room - q->end && q->start > 0) {
        /* A reader that never quite catches up must not make the queue grow for ever. */
        memmove(q->bytes, q->bytes + q->start, q->end - q->start);
        q->end -= q->start;
        q->start = 0;
    }
    if (len > q->room - q->end) {
        size_t room = q->room == 0 ? 4096 : q->room;
        unsigned char *bytes;

        while (room - q->end < len && room <= SIZE_MAX / 2)
            room *= 2;
        if (room - q->end < len || (bytes = realloc(q->bytes, room)) == NULL) {
            errno = ENOMEM;
            return IOSSL_ERROR;
        }
        q->bytes = bytes;
        q->room = room;
    }
    memcpy(q->bytes + q->end, buf, len);
    q->end += len;
    *done = len;
    return IOSSL_OK;
}

static void
memory_free(void *arg)
{
    memory_end *e = arg;

    e->pipe->queue[0].closed = e->pipe->queue[1].closed = true;
    if (--e->pipe->ends == 0) {
        free(e->pipe->queue[0].bytes);
        free(e->pipe->queue[1].bytes);
        free(e->pipe);
    }
    free(e);
}

static const iossl_transport_ops MEMORY_OPS = {
    .read = memory_read, .write = memory_write, .free = memory_free};

iossl_status
iossl_transport_new_pair(iossl_transport **a, iossl_transport **b, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    memory_pipe *pipe = calloc(1, sizeof *pipe);
    memory_end *ends[2] = {calloc(1, sizeof *ends[0]), calloc(1, sizeof *ends[1])};

    *a = *b = NULL;
    if (pipe == NULL || ends[0] == NULL || ends[1] == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    pipe->ends = 2;
    *ends[0] = (memory_end){.pipe = pipe, .reads = 0};
    *ends[1] = (memory_end){.pipe = pipe, .reads = 1};
    *a = iossl_transport_new(&MEMORY_OPS, ends[0], err);    /* owns its end in any case, */
    *b = iossl_transport_new(&MEMORY_OPS, ends[1], err);    /* and the last end owns the pipe */
    ends[0] = ends[1] = NULL;
    pipe = NULL;
    if (*a == NULL || *b == NULL) {
        iossl_transport_free(*a);
        iossl_transport_free(*b);
        *a = *b = NULL;
        goto done;
    }
    status = IOSSL_OK;
done:
    free(ends[0]);
    free(ends[1]);
    free(pipe);
    return status;
}

/* ---- Another connection ---------------------------------------------------------------------- */

/*
 * What the outer connection says is what this one needs to know; that it was truncated is our EOF,
 * which without a close_notify inside is a truncation again. Takes err.
 */
static iossl_status
conn_result(iossl_status status, iossl_error *err)
{
    bool is_truncated = iossl_error_get_code(err) == IOSSL_E_TRUNCATED;
    int errnum = iossl_error_get_errno(err);

    iossl_error_free(err);
    if (status == IOSSL_ERROR && is_truncated)
        return IOSSL_EOF;
    errno = errnum;
    return status;
}

typedef struct {
    iossl_conn *outer;                  /* a reference                                            */
    iossl_transfer_mode mode;
} conn_transport;

/* As long as the inner operation may wait, the outer one waits as its descriptor does. */
static int64_t
conn_timeout(const conn_transport *c)
{
    return c->mode.never_wait ? IOSSL_POLL : IOSSL_AS_FD;
}

static iossl_status
conn_read(void *arg, void *buf, size_t size, size_t *done)
{
    conn_transport *c = arg;
    iossl_error *err = iossl_error_new();
    iossl_status status = iossl_read(c->outer, buf, size, done, conn_timeout(c), err);

    return conn_result(status, err);
}

static iossl_status
conn_write(void *arg, const void *buf, size_t len, size_t *done)
{
    conn_transport *c = arg;
    iossl_error *err = iossl_error_new();
    iossl_status status = iossl_conn_write(c->outer, buf, len, done, conn_timeout(c),
                                           c->mode.no_sigpipe, err);

    return conn_result(status, err);
}

static iossl_status
conn_wait(void *arg, iossl_status want, int64_t timeout_ms)
{
    iossl_conn *outer = ((conn_transport *)arg)->outer;

    if (want == IOSSL_WANT_READ && iossl_pending(outer) > 0)
        return IOSSL_OK;
    return iossl_transport_wait(iossl_conn_get0_transport(outer), want, timeout_ms);
}

static int
conn_fd(void *arg)
{
    return iossl_conn_get_fd(((conn_transport *)arg)->outer);
}

static void
conn_free(void *arg)
{
    conn_transport *c = arg;

    iossl_conn_free(c->outer);
    free(c);
}

static const iossl_transport_ops CONN_OPS = {
    .read = conn_read, .write = conn_write, .wait = conn_wait, .fd = conn_fd, .free = conn_free};

iossl_transport *
iossl_transport_new_conn(iossl_conn *outer, iossl_error *err)
{
    conn_transport *c = calloc(1, sizeof *c);

    if (c == NULL) {
        iossl_error_memory(err);
        return NULL;
    }
    c->outer = iossl_conn_up_ref(outer);
    return iossl_transport_new(&CONN_OPS, c, err);
}

void
iossl_transport_set_mode(iossl_transport *transport, iossl_transfer_mode mode)
{
    transport->never_wait = mode.never_wait;
    if (transport->ops == &FD_OPS || transport->ops == &OWNED_FD_OPS)
        ((fd_transport *)transport->arg)->mode = mode;
    else if (transport->ops == &CONN_OPS)
        ((conn_transport *)transport->arg)->mode = mode;
}
