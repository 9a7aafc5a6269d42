/*
 * t_transport.c - bytes get through unchanged, and what a transfer came to is told exactly.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"
#include "tap.h"
#include "transport.h"

static void
test_memory_pair(void)
{
    iossl_transport *a, *b;
    BIO *bio_a, *bio_b;
    static char big[100000];
    static char back[100000];
    size_t got = 0;
    int n;

    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7);
    is_int(iossl_transport_new_pair(&a, &b, NULL), IOSSL_OK, "a pair in memory");
    bio_a = iossl_transport_bio_new(a);
    bio_b = iossl_transport_bio_new(b);
    is_int(BIO_read(bio_b, back, 10), -1, "nothing to read yet");
    ok(BIO_should_read(bio_b), "which is no failure");
    is_int(BIO_write(bio_a, big, sizeof big), sizeof big, "any amount can be written");
    while (got < sizeof back && (n = BIO_read(bio_b, back + got, 777)) > 0)
        got += (size_t)n;
    is_mem(back, got, big, sizeof big, "and is read in pieces");
    is_int(BIO_write(bio_a, "end", 3), 3, "what is written");
    BIO_free(bio_a);
    iossl_transport_free(a);
    is_int(BIO_read(bio_b, back, 10), 3, "before one end goes is still read");
    is_int(BIO_read(bio_b, back, 10), 0, "then comes the end");
    ok(!BIO_should_retry(bio_b) && BIO_eof(bio_b), "for good");
    is_int(BIO_write(bio_b, "x", 1), -1, "and writing fails");
    is_int(iossl_transport_get0_last(b)->errnum, EPIPE, "with EPIPE");
    BIO_free(bio_b);
    iossl_transport_free(b);
}

static void
test_descriptor(void)
{
    int fds[2];
    iossl_transport *t;
    iossl_error *err = iossl_error_new();
    char buf[16];
    BIO *bio;

    ok(iossl_transport_new_fd(-1, err) == NULL, "no transport over a closed descriptor");
    is_int(iossl_error_get_code(err), IOSSL_E_USAGE, "which is the caller's mistake");
    iossl_error_free(err);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        bail_out("no socketpair");
    t = iossl_transport_new_fd(fds[0], NULL);
    bio = iossl_transport_bio_new(t);
    is_int(iossl_transport_fd(t), fds[0], "it knows its descriptor");
    is_int(BIO_get_fd(bio, NULL), fds[0], "and OpenSSL finds it");
    iossl_transport_set_mode(t, (iossl_transfer_mode){.never_wait = true});
    is_int(BIO_read(bio, buf, sizeof buf), -1, "a blocking socket, asked not to wait");
    ok(BIO_should_read(bio), "wants to be asked again");
    is_int(iossl_transport_wait(t, IOSSL_WANT_READ, 1), IOSSL_TIMEOUT, "nothing comes in time");
    is_int(iossl_transport_wait(t, IOSSL_WANT_WRITE, 1000), IOSSL_OK, "writing is possible");
    ok(write(fds[1], "abc", 3) == 3, "then something comes");
    is_int(iossl_transport_wait(t, IOSSL_WANT_READ, 1000), IOSSL_OK, "is announced");
    is_int(BIO_read(bio, buf, sizeof buf), 3, "and read");
    close(fds[1]);
    is_int(BIO_read(bio, buf, sizeof buf), 0, "the end is the end");
    ok(iossl_transport_get0_last(t)->eof, "and remembered");
    iossl_transport_set_mode(t, (iossl_transfer_mode){.no_sigpipe = true});
    is_int(BIO_write(bio, "x", 1), -1, "writing to no one fails without killing us");
    is_int(iossl_transport_get0_last(t)->errnum, EPIPE, "with EPIPE");
    BIO_free(bio);
    iossl_transport_free(t);
    ok(close(fds[0]) == 0, "the descriptor stayed the caller's");
}

static void
test_pipe(void)
{
    int fds[2];
    iossl_transport *t;
    char buf[4];
    BIO *bio;

    if (pipe(fds) != 0)
        bail_out("no pipe");
    t = iossl_transport_new_fd(fds[0], NULL);
    bio = iossl_transport_bio_new(t);
    iossl_transport_set_mode(t, (iossl_transfer_mode){.never_wait = true});
    is_int(BIO_read(bio, buf, sizeof buf), -1, "a pipe is no socket, but can be asked too");
    ok(BIO_should_read(bio), "without waiting");
    ok(write(fds[1], "p", 1) == 1 && BIO_read(bio, buf, sizeof buf) == 1, "and reads");
    BIO_free(bio);
    iossl_transport_free(t);
    close(fds[0]);
    close(fds[1]);
}

/* Writes to no one through a pipe, where send(2) and its flags don't exist. */
static void
test_broken_pipe(void)
{
    iossl_transport *t;
    sigset_t pending;
    int fds[2];
    BIO *bio;

    if (pipe(fds) != 0)
        bail_out("no pipe");
    close(fds[0]);
    t = iossl_transport_new_owned_fd(fds[1], NULL);
    bio = iossl_transport_bio_new(t);
    iossl_transport_set_mode(t, (iossl_transfer_mode){.no_sigpipe = true});
    is_int(BIO_write(bio, "x", 1), -1, "a pipe without a reader doesn't kill us either");
    is_int(iossl_transport_get0_last(t)->errnum, EPIPE, "but says EPIPE");
    ok(sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 0, "no signal is left over");
    (void)signal(SIGPIPE, SIG_IGN);
    is_int(BIO_write(bio, "x", 1), -1, "nor does it wait for a signal that is ignored");
    (void)signal(SIGPIPE, SIG_DFL);
    BIO_free(bio);
    iossl_transport_free(t);
    ok(close(fds[1]) != 0, "a descriptor that is owned is closed");
}

int
main(void)
{
    tap_start();
    if (!iossl_init(NULL))
        bail_out("no initialization");
    test_memory_pair();
    test_descriptor();
    test_pipe();
    test_broken_pipe();
    return done_testing();
}
