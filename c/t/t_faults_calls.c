/*
 * t_faults_calls.c - each system call of a conversation over sockets fails, is interrupted or moves one
 * byte only, in turn: it goes on as if nothing had been, or it ends with the errno that there was.
 *
 * Calls come here by the linker's --wrap (see the Makefile).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include <sys/socket.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

#ifdef __linux__

/* ---- Calls ----------------------------------------------------------------------------------- */

enum { SHORT = -1 };        /* in place of an errno: one byte moves */

static long seen, at;       /* the call that is hit; 0: none */
static int with;            /* an errno, or SHORT */
static bool goes_on;        /* and all after it */

static bool
is_hit(void)
{
    seen++;
    return at != 0 && (seen == at || (goes_on && seen > at));
}

/* True: it has failed. Else *len may be less. */
static bool
fails(size_t *len)
{
    if (!is_hit())
        return false;
    if (with == SHORT) {
        *len = *len > 1 ? 1 : *len;
        return false;
    }
    errno = with;
    return true;
}

ssize_t __real_recv(int fd, void *buf, size_t len, int flags);
ssize_t __real_send(int fd, const void *buf, size_t len, int flags);
ssize_t __real_read(int fd, void *buf, size_t len);
ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
ssize_t __wrap_read(int fd, void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);

ssize_t
__wrap_recv(int fd, void *buf, size_t len, int flags)
{
    return fails(&len) ? -1 : __real_recv(fd, buf, len, flags);
}

ssize_t
__wrap_send(int fd, const void *buf, size_t len, int flags)
{
    return fails(&len) ? -1 : __real_send(fd, buf, len, flags);
}

ssize_t
__wrap_read(int fd, void *buf, size_t len)
{
    return fails(&len) ? -1 : __real_read(fd, buf, len);
}

ssize_t
__wrap_write(int fd, const void *buf, size_t len)
{
    return fails(&len) ? -1 : __real_write(fd, buf, len);
}

/* ---- A conversation -------------------------------------------------------------------------- */

#define SAID 20000          /* more than a record */

static unsigned char said[SAID];

typedef struct {
    bool whole;             /* both heard all that the other said, and its end */
    bool right;             /* and nothing else */
    bool explained;         /* each failure had a code and a sentence */
    bool clean;             /* OpenSSL's queue was empty after each call */
    int errnum;             /* of the first failure */
} outcome;

typedef struct {
    iossl_conn *conn;
    int stage;              /* 0 handshake, 1 writing, 2 ending, 3 listening, 4 done, 5 failed */
    size_t put, got;
} talker;

static bool
goes_wrong(iossl_status status)
{
    return status == IOSSL_ERROR;
}

/* What there is to hear. */
static void
listen_to(talker *t, iossl_error *err, outcome *o, iossl_status *status)
{
    unsigned char buf[4096];
    size_t n;

    *status = iossl_read(t->conn, buf, sizeof buf, &n, IOSSL_POLL, err);
    if (*status == IOSSL_OK) {
        o->right = o->right && n <= SAID - t->got && memcmp(said + t->got, buf, n) == 0;
        t->got += n;
    }
}

static void
step(talker *t, outcome *o)
{
    iossl_error *err = iossl_error_new();
    iossl_status status = IOSSL_OK;
    size_t n = 0;

    switch (t->stage) {
    case 0:
        if ((status = iossl_handshake(t->conn, IOSSL_POLL, err)) == IOSSL_OK)
            t->stage = 1;
        break;
    case 1:
        status = iossl_write(t->conn, said + t->put, SAID - t->put, &n, IOSSL_POLL, err);
        if (status == IOSSL_OK && (t->put += n) == SAID)
            t->stage = 2;
        break;
    case 2:
        if ((status = iossl_shutdown(t->conn, false, IOSSL_POLL, err)) == IOSSL_OK)
            t->stage = 3;
        break;
    default:
        listen_to(t, err, o, &status);
        if (status == IOSSL_EOF)
            t->stage = 4;
    }
    if (t->stage < 3 && t->stage > 0 && !goes_wrong(status))
        listen_to(t, err, o, &status);
    o->clean = o->clean && ERR_peek_error() == 0;
    if (goes_wrong(status)) {
        t->stage = 5;
        o->explained = o->explained && iossl_error_get_code(err) != IOSSL_E_NONE
                       && iossl_error_message(err)[0] != '\0';
        if (o->errnum == 0)
            o->errnum = iossl_error_get_errno(err);
    }
    iossl_error_free(err);
}

static outcome
converse(iossl_ctx *client, iossl_ctx *server)
{
    outcome o = {.right = true, .explained = true, .clean = true};
    talker talkers[2] = {{0}, {0}};
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        bail_out("sockets");
    talkers[0].conn = iossl_conn_new_owned_fd(client, IOSSL_CLIENT, fds[0], NULL);
    talkers[1].conn = iossl_conn_new_owned_fd(server, IOSSL_SERVER, fds[1], NULL);
    if (talkers[0].conn == NULL || talkers[1].conn == NULL
        || iossl_conn_set_hostname(talkers[0].conn, "www.example.test", NULL) != IOSSL_OK)
        bail_out("connections");
    seen = 0;
    for (int round = 0; round < 200000; round++) {
        bool idle = true;

        for (int i = 0; i < 2; i++) {
            if (talkers[i].stage < 4) {
                step(&talkers[i], &o);
                idle = false;
            }
        }
        /* Who has failed is gone. */
        for (int i = 0; i < 2; i++) {
            if (talkers[i].stage == 5) {
                iossl_conn_free(talkers[i].conn);
                talkers[i].conn = NULL;
                talkers[i].stage = 6;
            }
        }
        if (idle)
            break;
    }
    o.whole = talkers[0].stage == 4 && talkers[1].stage == 4 && talkers[0].got == SAID
              && talkers[1].got == SAID;
    for (int i = 0; i < 2; i++)
        iossl_conn_free(talkers[i].conn);
    return o;
}

/* ---- Each call in turn ----------------------------------------------------------------------- */

typedef struct {
    const char *what;
    int with;
    bool goes_on;
    bool harmless;          /* the conversation goes on */
} fault;

static const fault FAULTS[] = {
    {"one byte only", SHORT, false, true},
    {"one byte only, and so all after it", SHORT, true, true},
    {"EINTR", EINTR, false, true},
    {"EAGAIN", EAGAIN, false, true},
    {"ECONNRESET", ECONNRESET, false, false},
    {"EPIPE", EPIPE, false, false},
    {"EIO, and so all after it", EIO, true, false},
};

static void
try_fault(const char *version, const fault *f, iossl_ctx *client, iossl_ctx *server)
{
    long last, tried = 0, felt = 0, first[4] = {0, 0, 0, 0};
    outcome o;

    at = 0;
    o = converse(client, server);
    last = seen;
    ok(o.whole && o.right, "%s: without a fault all comes through", version);
    with = f->with;
    goes_on = f->goes_on;
    /* Byte by byte takes long: there, some places will do. */
    for (long n = 1; n <= last; n += f->goes_on && f->harmless ? 1 + last / 4 : 1) {
        at = n;
        o = converse(client, server);
        tried++;
        felt += !o.whole;
        if ((!o.right || (f->harmless && !o.whole)) && first[0] == 0)
            first[0] = n;
        if (!o.explained && first[1] == 0)
            first[1] = n;
        if (!o.clean && first[2] == 0)
            first[2] = n;
        if (!f->harmless && !o.whole && o.errnum != f->with && o.errnum != EPIPE
            && o.errnum != ECONNRESET && o.errnum != 0 && first[3] == 0)
            first[3] = n;
    }
    at = 0;
    ok(first[0] == 0, "%s, %s: %s (%ld)", version, f->what,
       f->harmless ? "all comes through" : "nothing wrong comes through", first[0]);
    ok(first[1] == 0, "%s, %s: a failure has a code and a sentence (%ld)", version, f->what,
       first[1]);
    ok(first[2] == 0, "%s, %s: OpenSSL's queue is empty (%ld)", version, f->what, first[2]);
    ok(first[3] == 0, "%s, %s: the errno is that of the call (%ld)", version, f->what, first[3]);
    ok(tried > 0 && (f->harmless || felt > 0), "%s, %s: tried, and felt", version, f->what);
    printf("# %s, %s: %ld of %ld calls, %ld conversations ended\n", version, f->what, tried, last,
           felt);
}

static const char *version;

static void
set_version(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK)
        bail_out("version");
}

int
main(void)
{
    static const char *const versions[] = {"TLSv1_3", "TLSv1_2"};
    test_identity ca, leaf;

    tap_start();
    tap_alarm(300);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SAID; i++)
        said[i] = (unsigned char)(i * 7 + i / 251);
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.common_name = "www.example.test",
                                                .altnames = "DNS:www.example.test",
                                                .issuer = &ca});
    for (size_t v = 0; v < 2; v++) {
        iossl_ctx *client, *server;

        version = versions[v];
        client = test_client_ctx(&ca, set_version);
        server = test_server_ctx(&leaf, set_version);
        for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++)
            try_fault(version, &FAULTS[i], client, server);
        iossl_ctx_free(client);
        iossl_ctx_free(server);
    }
    test_identity_free(&ca);
    test_identity_free(&leaf);
    return done_testing();
}

#else

int
main(void)
{
    tap_start();
    skip(1, "system calls can be made to fail on Linux");
    return done_testing();
}

#endif
