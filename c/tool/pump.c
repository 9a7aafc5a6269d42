/*
 * pump.c - standard input to a connection, and what it says to standard output: see pump.h.
 */
#include "pump.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attempt.h"
#include "opts.h"

#define CHUNK ((size_t)16384)

/* What came is written out; false: it is over, *status says how. */
static bool
take_from_peer(iossl_conn *conn, int *status)
{
    iossl_error *err = iossl_error_new();
    bool goes_on = true;
    char buf[CHUNK];
    size_t got;

    do {
        switch (iossl_read(conn, buf, sizeof buf, &got, IOSSL_POLL, err)) {
        case IOSSL_OK:
            if (fwrite(buf, 1, got, stdout) != got || fflush(stdout) != 0) {
                *status = TOOL_USAGE;
                goes_on = false;
            }
            break;
        case IOSSL_WANT_READ:
        case IOSSL_WANT_WRITE:
        case IOSSL_TIMEOUT:
        case IOSSL_INTERRUPTED:
            got = 0;
            break;
        case IOSSL_EOF:
            goes_on = false;
            break;
        case IOSSL_ERROR:
            tool_complain("%s", iossl_error_message(err));
            *status = TOOL_NO_TLS;
            goes_on = false;
            break;
        }
    } while (goes_on && got > 0);
    iossl_error_free(err);
    return goes_on;
}

/* Input is sent on. 1: sent, 0: there is no more, -1: it is over, *status says how. */
static int
take_from_input(iossl_conn *conn, bool crlf, int *status)
{
    iossl_error *err = iossl_error_new();
    char in[CHUNK / 2], out[CHUNK];
    ssize_t n = read(STDIN_FILENO, in, sizeof in);
    size_t len = 0;
    int result = n > 0 ? 1 : 0;

    if (n < 0 && errno == EINTR)
        result = 1;
    for (ssize_t i = 0; i < n; i++) {
        if (crlf && in[i] == '\n')
            out[len++] = '\r';
        out[len++] = in[i];
    }
    if (len > 0 && iossl_write_all(conn, out, len, NULL, IOSSL_FOREVER, err) != IOSSL_OK) {
        tool_complain("%s", iossl_error_message(err));
        *status = TOOL_NO_TLS;
        result = -1;
    }
    iossl_error_free(err);
    return result;
}

int
pump_run(iossl_conn *conn, bool crlf, int64_t idle_ms)
{
    struct pollfd fds[2] = {{.fd = iossl_conn_get_fd(conn), .events = POLLIN},
                            {.fd = STDIN_FILENO, .events = POLLIN}};
    int status = TOOL_OK;

    while (take_from_peer(conn, &status)) {
        bool has_input = fds[1].fd >= 0;
        int n = poll(fds, 2, has_input ? -1 : (int)idle_ms);

        if (n == 0)
            break;                      /* silence after the end of the input */
        if (n < 0 || (fds[1].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL)) == 0)
            continue;
        n = take_from_input(conn, crlf, &status);
        if (n < 0)
            break;
        if (n == 0)
            fds[1].fd = -1;             /* which poll(2) passes over */
    }
    attempt_close(conn);
    return status;
}
