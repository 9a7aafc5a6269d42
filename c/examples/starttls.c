/*
 * starttls.c - a mail client's first steps: SMTP in the clear, then TLS on the same socket (RFC 3207).
 *
 *     starttls HOST [PORT [CA-FILE]]
 *
 * Prints what the server says once the connection is protected. What matters in any such protocol:
 * nothing that came in the clear is used afterwards, not even what was read together with the line
 * that says "go ahead". Status 0: protected and verified, 1: not.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <iossl.h>

#define TIMEOUT_MS 30000

/* What was read in the clear; the line that was used last ends at `used`. */
typedef struct {
    int fd;
    char bytes[4096];
    size_t len, used;
} clear_text;

/* The next line; NULL: there is none, or it is too long. */
static const char *
next_line(clear_text *in)
{
    char *end;

    memmove(in->bytes, in->bytes + in->used, in->len - in->used);
    in->len -= in->used;
    in->used = 0;
    while ((end = memchr(in->bytes, '\n', in->len)) == NULL) {
        ssize_t n = in->len == sizeof in->bytes
                        ? 0 : recv(in->fd, in->bytes + in->len, sizeof in->bytes - in->len, 0);

        if (n <= 0)
            return NULL;
        in->len += (size_t)n;
    }
    *end = '\0';
    in->used = (size_t)(end + 1 - in->bytes);
    return in->bytes;
}

/* Sends a command (NULL: none) and reads all lines of the reply. True: it begins with code. */
static int
ask(clear_text *in, const char *command, const char *code)
{
    const char *line;

    if (command != NULL && send(in->fd, command, strlen(command), 0) != (ssize_t)strlen(command))
        return 0;
    do {
        if ((line = next_line(in)) == NULL)
            return 0;
    } while (strlen(line) > 3 && line[3] == '-');
    return strncmp(line, code, 3) == 0;
}

/* Greets the server once more, since what it said before is not to be trusted, and prints its reply. */
static iossl_status
greet(iossl_conn *conn, iossl_error *err)
{
    static const iossl_separator line_end = {IOSSL_SEP_STRING, "\n", 1};
    iossl_status status = iossl_write_all(conn, "EHLO localhost\r\n", 16, NULL, TIMEOUT_MS, err);
    char line[512];
    size_t used;

    do {
        bool done = false;

        used = 0;
        while (status == IOSSL_OK && !done) {
            const char *piece;
            size_t len;

            status = iossl_read_line(conn, &line_end, &piece, &len, &done, TIMEOUT_MS, err);
            if (len > sizeof line - 1 - used)
                len = sizeof line - 1 - used;
            memcpy(line + used, piece == NULL ? "" : piece, len);
            used += len;
        }
        line[used] = '\0';
        printf("%s", line);
    } while (status == IOSSL_OK && used > 3 && line[3] == '-');
    return status;
}

int
main(int argc, char **argv)
{
    const char *host = argc > 1 ? argv[1] : "localhost", *port = argc > 2 ? argv[2] : "25";
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    clear_text in = {.fd = -1};
    iossl_status status = IOSSL_ERROR;
    iossl_ctx *ctx = NULL;
    iossl_conn *conn = NULL;

    if (config == NULL
        || (argc > 3 && iossl_config_set_ca_file(config, argv[3], err) != IOSSL_OK)
        || (ctx = iossl_ctx_new(config, err)) == NULL
        || iossl_tcp_connect(&in.fd, host, port, TIMEOUT_MS, err) != IOSSL_OK)
        goto done;
    if (!ask(&in, NULL, "220") || !ask(&in, "EHLO localhost\r\n", "250")
        || !ask(&in, "STARTTLS\r\n", "220")) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FALLBACK, "%s doesn't offer STARTTLS", host);
        goto done;
    }
    if ((conn = iossl_conn_new_owned_fd(ctx, IOSSL_CLIENT, in.fd, err)) == NULL
        || iossl_conn_refuse_leftover(conn, in.len - in.used, err) != IOSSL_OK
        || iossl_conn_set_hostname(conn, host, err) != IOSSL_OK
        || iossl_handshake(conn, TIMEOUT_MS, err) != IOSSL_OK || greet(conn, err) != IOSSL_OK)
        goto done;
    status = iossl_write_all(conn, "QUIT\r\n", 6, NULL, TIMEOUT_MS, err);
    if (status == IOSSL_OK)
        status = iossl_shutdown(conn, false, TIMEOUT_MS, err);
done:
    if (status != IOSSL_OK)
        fprintf(stderr, "starttls: %s\n", iossl_error_message(err));
    iossl_conn_free(conn);
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    iossl_error_free(err);
    return status == IOSSL_OK ? 0 : 1;
}
