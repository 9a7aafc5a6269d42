/*
 * https_get.c - fetches a page from a verified server.
 *
 *     https_get HOST [PORT [CA-FILE]]
 *
 * Without a CA file the system's certificates are trusted. Status 0: all of it arrived, 1: it didn't.
 */
#include <stdio.h>
#include <string.h>

#include <iossl.h>

#define TIMEOUT_MS 30000

int
main(int argc, char **argv)
{
    const char *host = argc > 1 ? argv[1] : "www.example.org", *port = argc > 2 ? argv[2] : "443";
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_status status = IOSSL_ERROR;
    iossl_ctx *ctx = NULL;
    iossl_conn *conn = NULL;
    char buf[16384];
    size_t len;

    if (config != NULL
        && (argc <= 3 || iossl_config_set_ca_file(config, argv[3], err) == IOSSL_OK)
        && (ctx = iossl_ctx_new(config, err)) != NULL
        && (status = iossl_connect(&conn, ctx, host, port, TIMEOUT_MS, err)) == IOSSL_OK) {
        len = (size_t)snprintf(buf, sizeof buf,
                               "GET / HTTP/1.1\r\nHost: %.255s\r\nConnection: close\r\n\r\n", host);
        status = iossl_write_all(conn, buf, len, NULL, TIMEOUT_MS, err);
        while (status == IOSSL_OK)
            if ((status = iossl_read(conn, buf, sizeof buf, &len, TIMEOUT_MS, err)) == IOSSL_OK)
                (void)fwrite(buf, 1, len, stdout);
    }
    if (status != IOSSL_EOF)    /* the one end that can't be forged */
        fprintf(stderr, "https_get: %s\n", iossl_error_message(err));
    iossl_conn_free(conn);
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    iossl_error_free(err);
    return status == IOSSL_EOF ? 0 : 1;
}
