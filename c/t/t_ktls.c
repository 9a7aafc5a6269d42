/*
 * t_ktls.c - kernel TLS: silently plain without it; with it, what OpenSSL hands over goes out as it is.
 *
 * Few kernels of test machines have it, so the test plays its part: it takes the keys and forgets them,
 * and what is written stands on the wire in the clear.
 */
#ifdef __linux__
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/err.h>
#endif

#include "iossl.h"
#include "ktls.h"
#include "support_pair.h"
#include "tap.h"

#if !defined(__linux__) || !defined(TCP_ULP) || !defined(SSL_OP_ENABLE_KTLS)

TAP_SKIPPED_MAIN("no kernel TLS on this system")

#else

/* As in linux/tls.h. */
#define LEVEL_TLS 282
#define RECORD_TYPE 1

/* Seen by OpenSSL's libraries, too. */
#define IN_PLACE_OF_LIBC __attribute__((visibility("default")))

static bool has_kernel, has_it_already, takes_keys;
static int n_keys, last_type;

IN_PLACE_OF_LIBC int
setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    if (level == IPPROTO_TCP && name == TCP_ULP) {
        errno = has_it_already ? EEXIST : ENOENT;
        return has_kernel ? 0 : -1;
    }
    if (level == LEVEL_TLS) {
        errno = EINVAL;
        n_keys += takes_keys;
        return takes_keys ? 0 : -1;
    }
    return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

IN_PLACE_OF_LIBC ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
    const struct cmsghdr *control = CMSG_FIRSTHDR(msg);
    struct msghdr plain = *msg;

    if (control == NULL || control->cmsg_level != LEVEL_TLS || control->cmsg_type != RECORD_TYPE)
        return (ssize_t)syscall(SYS_sendmsg, fd, msg, flags);
    last_type = *CMSG_DATA(control);
    plain.msg_control = NULL;
    plain.msg_controllen = 0;
    return (ssize_t)syscall(SYS_sendmsg, fd, &plain, flags);
}

static test_identity ca, leaf;
static int fds[2];          /* the client's, the server's */

static bool
without_tickets(void *arg, SSL_CTX *ssl_ctx)
{
    (void)arg;
    return SSL_CTX_set_num_tickets(ssl_ctx, 0) == 1;
}

static void
with_ktls(iossl_config *config)
{
    iossl_config_set_ktls(config, true);
    iossl_config_set_ssl_ctx_cb(config, without_tickets, NULL);
}

/* A pair over sockets, shaken hands. */
static test_pair
socket_pair(void)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, NULL), *server_ctx = test_server_ctx(&leaf, with_ktls);
    test_pair pair;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        bail_out("socketpair");
    pair = test_pair_over(iossl_transport_new_fd(fds[0], NULL), iossl_transport_new_fd(fds[1], NULL),
                          client_ctx, server_ctx, "www.example.test");
    ok(test_pair_shake(&pair), "a handshake%s%s", iossl_error_message(pair.client_error),
       iossl_error_message(pair.server_error));
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
    return pair;
}

static void
end_pair(test_pair *pair)
{
    test_pair_free(pair);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* Both ways, as ever. */
static void
check_plain(const char *what)
{
    test_pair pair = socket_pair();
    const iossl_conn_info *info = iossl_conn_get0_info(pair.server);
    char buf[16];
    size_t n;

    ok(!info->ktls_send && !info->ktls_recv, "%s: told as plain", what);
    is_int(iossl_write_all(pair.server, "down", 4, NULL, 1000, NULL), IOSSL_OK, "%s: written", what);
    ok(iossl_read(pair.client, buf, sizeof buf, &n, 1000, NULL) == IOSSL_OK && n == 4, "%s: and read", what);
    is_int(iossl_write_all(pair.client, "up", 2, NULL, 1000, NULL), IOSSL_OK, "%s: the other way", what);
    ok(iossl_read(pair.server, buf, sizeof buf, &n, 1000, NULL) == IOSSL_OK && n == 2, "%s: too", what);
    is_int(iossl_conn_key_update(pair.server, false, 1000, NULL), IOSSL_OK, "%s: with new keys", what);
    is_int(iossl_shutdown(pair.server, false, 1000, NULL), IOSSL_OK, "%s: an orderly end", what);
    is_int(iossl_read(pair.client, buf, sizeof buf, &n, 1000, NULL), IOSSL_EOF, "%s: seen", what);
    end_pair(&pair);
}

/* More than the socket takes at once: repeated from elsewhere, while the first place is written over. */
static void
check_moving(test_pair *pair)
{
    static char first[16384], second[16384], got[sizeof first];
    size_t put = 0, total = 0, sent = 0;
    iossl_status status;
    ssize_t n;
    bool same = true;

    while ((status = iossl_write(pair->server, memset(first, 'x', sizeof first), sizeof first, &put,
                                 IOSSL_POLL, NULL)) == IOSSL_OK)
        sent += put;
    is_int(status, IOSSL_WANT_WRITE, "the socket is full");
    memset(first, '!', sizeof first);
    memset(second, 'x', sizeof second);
    while (total < sent + sizeof second) {
        if (status != IOSSL_OK
            && (status = iossl_write(pair->server, second, sizeof second, &put, IOSSL_POLL, NULL)) == IOSSL_OK
            && put != sizeof second)
            sent -= sizeof second - put;
        if ((n = recv(fds[0], got, sizeof got, MSG_DONTWAIT)) <= 0)
            break;
        for (ssize_t i = 0; i < n; i++)
            same = same && got[i] == 'x';
        total += (size_t)n;
    }
    is_int(status, IOSSL_OK, "repeated from another place");
    ok(same && total == sent + sizeof second, "all of it came, once: %zu bytes", total);
}

static void
test_kernel(void)
{
    test_pair pair;
    const iossl_conn_info *info;
    char buf[16], *line;

    has_kernel = takes_keys = true;
    pair = socket_pair();
    info = iossl_conn_get0_info(pair.server);
    ok(info->ktls_send, "the kernel has the keys");
    is_int(n_keys, info->ktls_send + info->ktls_recv, "as often as told");
    line = iossl_conn_summary(pair.server);
    ok(line != NULL && strstr(line, "kernel TLS") != NULL, "%s", line);
    iossl_free(line);
    is_int(iossl_write_all(pair.server, "clear", 5, NULL, 1000, NULL), IOSSL_OK, "written");
    is_int((int)recv(fds[0], buf, sizeof buf, 0), 5, "goes to the kernel as it is");
    ok(memcmp(buf, "clear", 5) == 0, "byte by byte");
    check_moving(&pair);
    is_int(iossl_conn_key_update(pair.server, true, 1000, pair.server_error), IOSSL_ERROR, "no new keys");
    is_int(iossl_error_get_code(pair.server_error), IOSSL_E_UNSUPPORTED, "%s",
           iossl_error_message(pair.server_error));
    is_int(iossl_shutdown(pair.server, false, 1000, NULL), IOSSL_OK, "an orderly end");
    is_int((int)recv(fds[0], buf, sizeof buf, 0), 2, "is an alert");
    is_int(last_type, SSL3_RT_ALERT, "that the kernel is told of as such");
    ok(ERR_peek_error() == 0, "no error is left behind");
    end_pair(&pair);
}

/* The questions and answers between conn.c, transport.c and OpenSSL's BIO. */
static void
test_parts(void)
{
    struct rlimit limit, none;
    BIO *bio;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        bail_out("descriptors");
    none = limit;
    none.rlim_cur = 0;
    has_kernel = true;
    if (setrlimit(RLIMIT_NOFILE, &none) != 0)
        bail_out("setrlimit");
    ok(!iossl_ktls_is_here(), "without a descriptor nothing can be found out");
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        bail_out("setrlimit");
    ok(iossl_ktls_is_here(), "with one it can");
    ok(!iossl_ktls_sends(NULL) && !iossl_ktls_receives(NULL), "where there is no BIO, nobody has the keys");
    has_kernel = false;
    ok(iossl_ktls_begin(fds[0]) == NULL, "a socket that can't");
    has_it_already = true;
    ok((bio = iossl_ktls_begin(fds[0])) != NULL, "one that could already");
    ok(bio != NULL && !iossl_ktls_sends(bio) && !iossl_ktls_receives(bio), "has no keys yet");
    BIO_free(bio);
    has_it_already = false;
    ok(send(fds[0], "x", 1, 0) == 1, "and stays open: it is another's");
    ok(iossl_ktls_is_control(BIO_CTRL_GET_KTLS_SEND) && iossl_ktls_is_control(BIO_CTRL_GET_KTLS_RECV)
           && !iossl_ktls_is_control(BIO_CTRL_FLUSH) && !iossl_ktls_is_control(BIO_CTRL_GET_KTLS_RECV + 1),
       "which controls are about it");
    ok(iossl_ktls_asks(BIO_CTRL_GET_KTLS_SEND) && iossl_ktls_asks(BIO_CTRL_GET_KTLS_RECV)
           && !iossl_ktls_asks(BIO_CTRL_GET_KTLS_SEND + 1), "which of them ask");
    ok(iossl_ktls_announces(BIO_CTRL_GET_KTLS_SEND + 1) && !iossl_ktls_announces(BIO_CTRL_GET_KTLS_SEND),
       "and which announces a message of another type");
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int
main(void)
{
    const test_cert_spec ca_spec = {.common_name = "CA", .is_ca = 1};
    const test_cert_spec leaf_spec = {.common_name = "www.example.test",
                                      .altnames = "DNS:www.example.test", .issuer = &ca};

    tap_start();
    ca = test_identity_make(&ca_spec);
    leaf = test_identity_make(&leaf_spec);
    ok(!iossl_can(IOSSL_CAN_KTLS), "a kernel without");
    check_plain("a kernel without");
    test_parts();
    has_kernel = true;
    check_plain("a kernel that doesn't take these keys");
    if (iossl_can(IOSSL_CAN_KTLS))
        test_kernel();
    test_identity_free(&ca);
    test_identity_free(&leaf);
    return done_testing();
}

#endif
