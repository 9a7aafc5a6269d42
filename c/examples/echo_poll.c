/*
 * echo_poll.c - an echo server for many clients in one thread, around poll(2).
 *
 *     echo_poll CERT-FILE KEY-FILE [PORT [HOST]]
 *
 * Prints "listening on port N" and serves until its standard input ends. No call ever waits but
 * poll(2): each TLS operation says what it waits for, and is called again when that is there.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <iossl.h>

#define MAX_CLIENTS 1000

/* What a client is to do next. */
typedef enum { SHAKE_HANDS, READ, WRITE, CLOSE } step;

typedef struct {
    iossl_conn *conn;       /* NULL: this place is free */
    step step;
    short events;           /* what it waits for */
    char buf[4096];
    size_t len, sent;       /* of what is to be echoed */
} client;

static client clients[MAX_CLIENTS];
static struct pollfd polled[MAX_CLIENTS + 2];

static void
drop(client *c)
{
    iossl_conn_free(c->conn);
    c->conn = NULL;
}

/* One call of the library, and what is to be done after it. */
static iossl_status
take_step(client *c, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    size_t n = 0;

    switch (c->step) {
    case SHAKE_HANDS:
        if ((status = iossl_handshake(c->conn, IOSSL_POLL, err)) == IOSSL_OK)
            c->step = READ;
        break;
    case READ:
        status = iossl_read(c->conn, c->buf, sizeof c->buf, &c->len, IOSSL_POLL, err);
        if (status == IOSSL_OK) {
            c->sent = 0;
            c->step = WRITE;
        } else if (status == IOSSL_EOF) {
            c->step = CLOSE;
            status = IOSSL_OK;
        }
        break;
    case WRITE:
        status = iossl_write(c->conn, c->buf + c->sent, c->len - c->sent, &n, IOSSL_POLL, err);
        if (status == IOSSL_OK && (c->sent += n) == c->len)
            c->step = READ;
        break;
    case CLOSE:
        status = iossl_shutdown(c->conn, false, IOSSL_POLL, err);
        if (status == IOSSL_OK)
            status = IOSSL_EOF;     /* all is done */
        break;
    }
    return status;
}

/* As many steps as can be taken without waiting. */
static void
serve(client *c, iossl_error *err)
{
    iossl_status status;

    iossl_error_clear(err);
    do {
        status = take_step(c, err);
    } while (status == IOSSL_OK || status == IOSSL_INTERRUPTED);
    if (status == IOSSL_WANT_READ)
        c->events = POLLIN;
    else if (status == IOSSL_WANT_WRITE)
        c->events = POLLOUT;
    else
        drop(c);
    if (status == IOSSL_ERROR)
        fprintf(stderr, "echo_poll: %s\n", iossl_error_message(err));
}

static client *
free_place(void)
{
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (clients[i].conn == NULL)
            return &clients[i];
    return NULL;
}

static void
accept_clients(iossl_listener *listener, iossl_ctx *ctx, iossl_error *err)
{
    client *c;
    iossl_conn *conn;

    while ((c = free_place()) != NULL
           && iossl_accept(&conn, ctx, listener, IOSSL_POLL, err) == IOSSL_OK) {
        c->conn = conn;
        c->step = SHAKE_HANDS;
        serve(c, err);
    }
}

/* Runs until standard input ends. */
static void
run(iossl_listener *listener, iossl_ctx *ctx, iossl_error *err)
{
    for (;;) {
        polled[0] = (struct pollfd){.fd = 0, .events = POLLIN};
        polled[1] = (struct pollfd){
            .fd = free_place() != NULL ? iossl_listener_get_fd(listener) : -1, .events = POLLIN};
        for (size_t i = 0; i < MAX_CLIENTS; i++)
            polled[i + 2] = (struct pollfd){
                .fd = clients[i].conn != NULL ? iossl_conn_get_fd(clients[i].conn) : -1,
                .events = clients[i].events};
        if (poll(polled, MAX_CLIENTS + 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            perror("echo_poll: poll");
            return;
        }
        if (polled[0].revents != 0 && getchar() == EOF)
            return;
        for (size_t i = 0; i < MAX_CLIENTS; i++)
            if (polled[i + 2].revents != 0)
                serve(&clients[i], err);
        if (polled[1].revents != 0)
            accept_clients(listener, ctx, err);
    }
}

int
main(int argc, char **argv)
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    iossl_ctx *ctx = NULL;
    iossl_listener *listener = NULL;

    if (argc < 3) {
        fprintf(stderr, "usage: echo_poll CERT-FILE KEY-FILE [PORT [HOST]]\n");
    } else if (config != NULL && iossl_config_add_cert_file(config, NULL, argv[1], err) == IOSSL_OK
               && iossl_config_add_key_file(config, NULL, argv[2], err) == IOSSL_OK
               && (ctx = iossl_ctx_new(config, err)) != NULL) {
        listener = iossl_listener_new(argc > 4 ? argv[4] : NULL, argc > 3 ? argv[3] : "0", err);
    }
    if (listener != NULL) {
        printf("listening on port %d\n", iossl_listener_get_port(listener));
        (void)fflush(stdout);
        run(listener, ctx, err);
    } else {
        fprintf(stderr, "echo_poll: %s\n", iossl_error_message(err));
    }
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        drop(&clients[i]);
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    iossl_error_free(err);
    if (listener == NULL)
        return 1;
    iossl_listener_free(listener);
    return 0;
}
