/*
 * resume.c - connects several times, and resumes the session instead of a full handshake.
 *
 *     resume HOST [PORT [CA-FILE [TIMES]]]
 *
 * Prints "full" or "resumed" for each connection. Chain and name were verified when the session was
 * made, and a session is only offered where the same would be asked for again. With TLS 1.3 it comes
 * after the handshake, together with the first data: so a byte is exchanged before we leave.
 */
#include <stdio.h>
#include <stdlib.h>

#include <unistd.h>

#include <iossl.h>

#define TIMEOUT_MS 30000

static iossl_status
visit(iossl_ctx *ctx, iossl_session_cache *cache, const char *host, const char *port,
      iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    iossl_conn *conn = NULL;
    char key[512], buf[1024];
    size_t len;
    int fd;

    (void)snprintf(key, sizeof key, "%s:%s", host, port);
    if (iossl_tcp_connect(&fd, host, port, TIMEOUT_MS, err) != IOSSL_OK
        || (conn = iossl_conn_new_owned_fd(ctx, IOSSL_CLIENT, fd, err)) == NULL
        || iossl_conn_set_hostname(conn, host, err) != IOSSL_OK
        || iossl_conn_set_session_cache(conn, cache, key, err) != IOSSL_OK
        || iossl_handshake(conn, TIMEOUT_MS, err) != IOSSL_OK)
        goto done;
    printf("%s\n", iossl_conn_is_resumed(conn) ? "resumed" : "full");
    if (iossl_write_all(conn, "HEAD / HTTP/1.0\r\n\r\n", 19, NULL, TIMEOUT_MS, err) != IOSSL_OK)
        goto done;
    do {
        status = iossl_read(conn, buf, sizeof buf, &len, TIMEOUT_MS, err);
    } while (status == IOSSL_OK);
    status = status == IOSSL_EOF ? iossl_shutdown(conn, false, TIMEOUT_MS, err) : status;
done:
    iossl_conn_free(conn);
    return status;
}

int
main(int argc, char **argv)
{
    const char *host = argc > 1 ? argv[1] : "www.example.org", *port = argc > 2 ? argv[2] : "443";
    int times = argc > 4 ? atoi(argv[4]) : 2;
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_session_cache *cache = iossl_session_cache_new(10, err);
    iossl_status status = IOSSL_ERROR;
    iossl_ctx *ctx = NULL;

    if (config != NULL && cache != NULL
        && (argc <= 3 || iossl_config_set_ca_file(config, argv[3], err) == IOSSL_OK)
        && (ctx = iossl_ctx_new(config, err)) != NULL)
        do {
            status = visit(ctx, cache, host, port, err);
        } while (status == IOSSL_OK && --times > 0);
    if (status != IOSSL_OK)
        fprintf(stderr, "resume: %s\n", iossl_error_message(err));
    iossl_session_cache_free(cache);
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    iossl_error_free(err);
    return status == IOSSL_OK ? 0 : 1;
}
