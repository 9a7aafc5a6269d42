/*
 * t_late_tickets.c - a client of TLS 1.3 that only writes: before it ends it takes in the tickets that are
 * there or on their way, no more than those, and no data.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "iossl.h"
#include "socket.h"
#include "support_pair.h"
#include "tap.h"

#define UPLOAD 100000   /* more than a peer takes that doesn't read, less than the client's buffer */

static test_identity ca, leaf;
static int fds[2], n_taken;     /* the client's and the server's; tickets that the client has read */
static const char *version;
static int n_tickets;

static void
count(int is_sent, int protocol, int type, const void *message, size_t len, SSL *ssl, void *arg)
{
    (void)protocol, (void)ssl, (void)arg;
    n_taken += !is_sent && type == SSL3_RT_HANDSHAKE && len > 0
               && *(const unsigned char *)message == SSL3_MT_NEWSESSION_TICKET;
}

static void
of_version(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK)
        bail_out("version");
}

static bool
with_tickets(void *arg, SSL_CTX *ssl_ctx)
{
    (void)arg;
    return SSL_CTX_set_num_tickets(ssl_ctx, (size_t)n_tickets) == 1;
}

static void
server_settings(iossl_config *config)
{
    of_version(config);
    iossl_config_set_ssl_ctx_cb(config, with_tickets, NULL);
}

/* Two ends of a TCP connection on the loopback; the server's has little room. */
static void
connect_fds(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), small = 8192, large = 4 * UPLOAD;

    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) != 0
        || setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof large) != 0
        || bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 1) != 0
        || getsockname(listener, (struct sockaddr *)&address, &len) != 0
        || connect(fds[0], (struct sockaddr *)&address, len) != 0
        || (fds[1] = accept(listener, NULL, NULL)) < 0)
        bail_out("no loopback TCP");
    iossl_socket_set_prompt(fds[0]);
    iossl_socket_set_prompt(fds[1]);
    (void)close(listener);
}

static test_pair
new_pair(const char *by_version, int tickets)
{
    iossl_ctx *client, *server;
    test_pair pair;

    version = by_version;
    n_tickets = tickets;
    n_taken = 0;
    client = test_client_ctx(&ca, of_version);
    server = test_server_ctx(&leaf, server_settings);
    connect_fds();
    pair = test_pair_over(iossl_transport_new_fd(fds[0], NULL), iossl_transport_new_fd(fds[1], NULL), client,
                          server, "www.example.test");
    SSL_set_msg_callback(iossl_conn_get0_ssl(pair.client), count);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    return pair;
}

/* The tickets lie in the client's socket afterwards. */
static test_pair
shaken(const char *by_version, int tickets)
{
    test_pair pair = new_pair(by_version, tickets);

    if (!test_pair_shake(&pair))
        bail_out("a handshake");
    return pair;
}

static void
end(test_pair *pair)
{
    ok(ERR_peek_error() == 0, "no error is left behind");
    test_pair_free(pair);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void
says(iossl_conn *conn, const char *text)
{
    is_int(iossl_write_all(conn, text, strlen(text), NULL, 1000, NULL), IOSSL_OK, "\"%s\" is written", text);
}

static void
hears(iossl_conn *conn, const char *text)
{
    char buf[64];
    size_t n;

    is_int(iossl_read(conn, buf, sizeof buf, &n, 5000, NULL), IOSSL_OK, "something is read");
    is_mem(buf, n, text, strlen(text), "\"%s\"", text);
}

static void
ends(iossl_conn *conn)
{
    is_int(iossl_shutdown(conn, false, 5000, NULL), IOSSL_OK, "an orderly end");
}

/* Would close(2) be a reset now? */
static bool
has_unread(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* ---- What is there --------------------------------------------------------------------------- */

static void
test_there(void)
{
    test_pair pair = shaken("TLSv1_3", 2);
    char buf[8];
    size_t n;

    ok(has_unread(fds[0]) && n_taken == 0, "tickets lie there");
    says(pair.client, "last");
    ends(pair.client);
    is_int(n_taken, 2, "are taken in before the end");
    ok(!has_unread(fds[0]), "so that nothing is left to be read");
    hears(pair.server, "last");
    is_int(iossl_read(pair.server, buf, sizeof buf, &n, 5000, NULL), IOSSL_EOF, "and then the end");
    end(&pair);
}

static void
test_data_stay(void)
{
    test_pair pair = shaken("TLSv1_3", 2);

    says(pair.server, "an answer");
    says(pair.client, "last");
    ends(pair.client);
    is_int(n_taken, 2, "tickets before data");
    hears(pair.client, "an answer");
    end(&pair);

    pair = shaken("TLSv1_3", 1);
    says(pair.server, "an answer");
    is_int(iossl_read(pair.client, &(char){0}, 1, &(size_t){0}, 5000, NULL), IOSSL_OK, "a byte of it");
    says(pair.server, "more");
    says(pair.client, "last");
    ends(pair.client);
    hears(pair.client, "n answer");
    hears(pair.client, "more");
    end(&pair);
}

/* A server that gives more than a client has to take. */
static void
test_many(void)
{
    test_pair pair = shaken("TLSv1_3", 20);

    says(pair.client, "last");
    ends(pair.client);
    is_int(n_taken, 16, "sixteen of twenty");
    ok(has_unread(fds[0]), "the rest stays");
    end(&pair);
}

/* ---- What isn't for them --------------------------------------------------------------------- */

static void
test_others(void)
{
    test_pair pair = shaken("TLSv1_2", 2);

    is_int(n_taken, 1, "TLS 1.2 has its ticket in the handshake");
    says(pair.client, "last");
    ends(pair.client);
    is_int(n_taken, 1, "and no other");
    end(&pair);

    pair = shaken("TLSv1_3", 2);
    ends(pair.client);
    is_int(n_taken, 0, "who has written nothing has nothing to lose");
    end(&pair);

    pair = shaken("TLSv1_3", 0);
    says(pair.server, "from the server");
    says(pair.client, "unread");
    ends(pair.server);
    ok(has_unread(fds[1]), "a server reads nothing before it ends");
    hears(pair.client, "from the server");
    is_int(iossl_read(pair.client, &(char){0}, 1, &(size_t){0}, 5000, NULL), IOSSL_EOF, "the server's end");
    ends(pair.client);
    end(&pair);
}

/* ---- What is no ticket ----------------------------------------------------------------------- */

/* Sends bytes past the server's TLS. */
static void
inject(const char *bytes, size_t len)
{
    if (send(fds[1], bytes, len, 0) != (ssize_t)len)
        bail_out("send");
}

static void
test_damaged(void)
{
    static const char record[] = "\x17\x03\x03\x00\x20nobody has encrypted these bytes";
    test_pair pair = shaken("TLSv1_3", 1);

    inject(record, sizeof record - 1);
    says(pair.client, "last");
    is_int(iossl_shutdown(pair.client, false, 1000, NULL), IOSSL_OK, "there is nobody to tell of the end");
    is_int(n_taken, 1, "the ticket is taken");
    is_int(iossl_write(pair.client, "x", 1, &(size_t){0}, IOSSL_POLL, pair.client_error), IOSSL_ERROR,
           "what isn't encrypted ends the connection");
    is_int(iossl_error_get_code(pair.client_error), IOSSL_E_STATE, "%s", iossl_error_message(pair.client_error));
    end(&pair);

    pair = shaken("TLSv1_3", 1);
    inject(record, 4);
    says(pair.client, "last");
    ends(pair.client);
    is_int(n_taken, 1, "a ticket, and half a header");
    ok(has_unread(fds[0]), "which is left alone");
    end(&pair);

    pair = shaken("TLSv1_3", 0);
    inject(record, sizeof record - 2);
    says(pair.client, "last");
    ends(pair.client);
    ok(has_unread(fds[0]), "a record that isn't whole, too");
    end(&pair);

    pair = shaken("TLSv1_3", 0);
    inject("\x15\x03\x03\x00\x02\x02\x28", 7);
    says(pair.client, "last");
    ends(pair.client);
    ok(has_unread(fds[0]), "and one that isn't encrypted");
    end(&pair);
}

/* ---- What is still to come ------------------------------------------------------------------- */

#ifdef __linux__

/* The server's half, which reads all to the end. */
static void *
serve(void *arg)
{
    test_pair *pair = arg;
    static char buf[16384];
    size_t n, total = 0;

    pair->server_status = iossl_handshake(pair->server, 20000, pair->server_error);
    while (pair->server_status == IOSSL_OK
           && (pair->server_status = iossl_read(pair->server, buf, sizeof buf, &n, 20000, pair->server_error))
                  == IOSSL_OK)
        total += n;
    return (void *)(uintptr_t)total;
}

/* The client has finished, written and begun to end before the server finishes the handshake. */
static void
test_to_come(void)
{
    static const char data[UPLOAD];
    test_pair pair = new_pair("TLSv1_3", 2);
    pthread_t thread;
    void *total = NULL;

    while (pair.client_status != IOSSL_OK) {
        pair.client_status = iossl_handshake(pair.client, IOSSL_POLL, pair.client_error);
        if (pair.client_status == IOSSL_ERROR)
            bail_out(iossl_error_message(pair.client_error));
        if (pair.client_status != IOSSL_OK)
            pair.server_status = iossl_handshake(pair.server, IOSSL_POLL, pair.server_error);
    }
    is_int(iossl_write_all(pair.client, data, sizeof data, NULL, 10000, NULL), IOSSL_OK, "a long text");
    ok(iossl_socket_has_unacked(fds[0]), "of which the server hasn't all");
    if (pthread_create(&thread, NULL, serve, &pair) != 0)
        bail_out("thread");
    ends(pair.client);
    is_int(n_taken, 2, "the tickets were waited for");
    (void)close(fds[0]);
    fds[0] = -1;
    (void)pthread_join(thread, &total);
    is_size((size_t)(uintptr_t)total, sizeof data, "the server got all");
    is_int(pair.server_status, IOSSL_EOF, "and an orderly end%s", iossl_error_message(pair.server_error));
    end(&pair);
}

/* Those who have no time get none. */
static void
test_no_time(void)
{
    static const char data[UPLOAD];

    for (int i = 0; i < 2; i++) {
        test_pair pair = shaken("TLSv1_3", 0);

        is_int(iossl_write_all(pair.client, data, sizeof data, NULL, 10000, NULL), IOSSL_OK, "a long text");
        ok(iossl_socket_has_unacked(fds[0]), "of which the server hasn't all");
        is_int(iossl_shutdown(pair.client, false, i == 0 ? IOSSL_POLL : 30, NULL), IOSSL_OK,
               "an end %s", i == 0 ? "at once" : "after as long as was given");
        end(&pair);
    }
}

#endif

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.common_name = "www.example.test",
        .altnames = "DNS:www.example.test", .issuer = &ca});
    test_there();
    test_data_stay();
    test_many();
    test_others();
    test_damaged();
#ifdef __linux__                /* elsewhere nothing tells what the other end has */
    test_to_come();
    test_no_time();
#endif
    test_identity_free(&ca);
    test_identity_free(&leaf);
    return done_testing();
}
