/*
 * ktls.c - the kernel encrypts and decrypts (kernel TLS).
 *
 * Owns      the question whether it is there; what OpenSSL says to a BIO about it.
 * Promises  where either side lacks it, nothing changes but the answer.
 * Leaves    the keys and the framing to OpenSSL's socket BIO, the transfers to transport.c.
 * See       SSL_OP_ENABLE_KTLS in SSL_CTX_set_options(3), the kernel's Documentation/networking/tls.rst.
 */
#include "ktls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compat.h"

#if defined(IOSSL_HAVE_KTLS) && defined(TCP_ULP)

/* As the numbers stand in a comment of bio.h since OpenSSL 3.0; they are spoken by libssl, not by us. */
enum {
    SET_KTLS = 72,
    GET_KTLS_SEND = BIO_CTRL_GET_KTLS_SEND,
    ANNOUNCE_MESSAGE = 74,
    GET_KTLS_RECV = BIO_CTRL_GET_KTLS_RECV
};

/* A socket takes it only when it is connected; the error tells whether it could. */
bool
iossl_ktls_is_here(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool is_here = false;

    if (fd >= 0) {
        is_here = setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0 || errno == ENOTCONN;
        (void)close(fd);
    }
    return is_here;
}

BIO *
iossl_ktls_begin(int fd)
{
    if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") != 0 && errno != EEXIST)
        return NULL;
    return BIO_new_socket(fd, BIO_NOCLOSE);
}

bool
iossl_ktls_is_control(int cmd)
{
    return cmd >= SET_KTLS && cmd <= GET_KTLS_RECV;
}

bool
iossl_ktls_announces(int cmd)
{
    return cmd == ANNOUNCE_MESSAGE;
}

bool
iossl_ktls_asks(int cmd)
{
    return cmd == GET_KTLS_SEND || cmd == GET_KTLS_RECV;
}

bool
iossl_ktls_sends(BIO *bio)
{
    return bio != NULL && BIO_get_ktls_send(bio);
}

bool
iossl_ktls_receives(BIO *bio)
{
    return bio != NULL && BIO_get_ktls_recv(bio);
}

#else

bool
iossl_ktls_is_here(void)
{
    return false;
}

BIO *
iossl_ktls_begin(int fd)
{
    (void)fd;
    return NULL;
}

bool
iossl_ktls_is_control(int cmd)
{
    (void)cmd;
    return false;
}

bool
iossl_ktls_announces(int cmd)
{
    (void)cmd;
    return false;
}

bool
iossl_ktls_asks(int cmd)
{
    (void)cmd;
    return false;
}

bool
iossl_ktls_sends(BIO *bio)
{
    (void)bio;
    return false;
}

bool
iossl_ktls_receives(BIO *bio)
{
    (void)bio;
    return false;
}

#endif
