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

#include "iossl.h"
#include "support_pair.h"
#include "support_talk.h"
#include "tap.h"

#ifdef __linux__

/* ---- Calls ----------------------------------------------------------------------------------- */

enum { SHORT = -1 }; /* in place of an errno: one byte moves */

static long seen, at; /* the call that is hit; 0: none */
static int with;      /* an errno, or SHORT */
static bool goes_on;  /* and all after it */

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

#define SAID 20000 /* more than a record */

static unsigned char said[SAID];

/* Over a pair of sockets; the calls are counted anew. */
static test_talk
converse(iossl_ctx *client, iossl_ctx *server)
{
    test_talk talk;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        bail_out("sockets");
    test_talk_begin(&talk, (iossl_ctx *[]){client, server}, fds,
                    (const unsigned char *[]){said, said}, (size_t[]){SAID, SAID});
    seen = 0;
    for (int round = 0; round < 200000 && test_talk_step(&talk); round++)
        ;
    test_talk_free(&talk);
    return talk;
}

/* ---- Each call in turn ----------------------------------------------------------------------- */

typedef struct {
    const char *what;
    int with;
    bool goes_on;
    bool harmless; /* the conversation goes on */
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
    test_talk talk;

    at = 0;
    talk = converse(client, server);
    last = seen;
    ok(test_talk_is_whole(&talk) && talk.right, "%s: without a fault all comes through", version);
    with = f->with;
    goes_on = f->goes_on;
    /* Byte by byte takes long: there, some places will do. */
    for (long n = 1; n <= last; n += f->goes_on && f->harmless ? 1 + last / 4 : 1) {
        at = n;
        talk = converse(client, server);
        tried++;
        felt += !test_talk_is_whole(&talk);
        if ((!talk.right || (f->harmless && !test_talk_is_whole(&talk))) && first[0] == 0)
            first[0] = n;
        if (!talk.explained && first[1] == 0)
            first[1] = n;
        if (!talk.clean && first[2] == 0)
            first[2] = n;
        if (!f->harmless && !test_talk_is_whole(&talk) && talk.errnum != f->with &&
            talk.errnum != EPIPE && talk.errnum != ECONNRESET && talk.errnum != 0 && first[3] == 0)
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
    leaf = test_identity_make(&(test_cert_spec){
        .common_name = "www.example.test", .altnames = "DNS:www.example.test", .issuer = &ca});
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

TAP_SKIPPED_MAIN("system calls can be made to fail on Linux")

#endif
