/*
 * connect.c - from a host name to a verified connection, under one deadline.
 *
 * Owns      the race between a host's addresses (Happy Eyeballs): their order, the delays, the
 *           sentence that tells what became of each.
 * Promises  nothing is left open or running but by success; the deadline holds over the lookup, the
 *           connection and the handshake; the socket is in blocking mode, and closes on exec.
 * Leaves    asking the resolver to lookup.c, the handshake to conn_handshake.c.
 * See       RFC 8305, connect(2).
 */
#include "connect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "deadline.h"
#include "error.h"
#include "lookup.h"
#include "quote.h"
#include "socket.h"

/* So many addresses are told in an error; a name may have hundreds. */
#define MAX_TOLD 8

/* One address that was tried: on its way (fd >= 0), or why it isn't. */
typedef struct {
    const struct addrinfo *address;     /* borrowed of the lookup */
    int fd;
    int errnum;
} attempt;

typedef struct {
    const iossl_target *target;
    iossl_lookup *lookup;
    bool is_answered[IOSSL_LOOKUP_FAMILIES];
    const struct addrinfo *untried[IOSSL_LOOKUP_FAMILIES];
    iossl_lookup_family turn;           /* whose address is next, where both have one */
    int64_t v6_awaited_until;           /* -1: v4 isn't here yet either */
    int64_t next_attempt_at;
    attempt *attempts;                  /* owned */
    size_t n_attempts, n_pending;
    struct pollfd *polled;              /* owned; the lookup, then each attempt (fd -1: none) */
} race;

/* ---- Addresses ------------------------------------------------------------------------------- */

static void
take_answers(race *r, int64_t now)
{
    for (iossl_lookup_family f = IOSSL_LOOKUP_V6; f <= IOSSL_LOOKUP_V4; f++)
        if (!r->is_answered[f])
            r->is_answered[f] = iossl_lookup_get0(r->lookup, f, &r->untried[f]);
    if (r->is_answered[IOSSL_LOOKUP_V4] && r->v6_awaited_until < 0)
        r->v6_awaited_until = now + IOSSL_RESOLUTION_DELAY_MS;
}

static bool
is_lookup_done(const race *r)
{
    return r->is_answered[IOSSL_LOOKUP_V6] && r->is_answered[IOSSL_LOOKUP_V4];
}

static bool
has_untried(const race *r)
{
    return r->untried[IOSSL_LOOKUP_V6] != NULL || r->untried[IOSSL_LOOKUP_V4] != NULL;
}

/* The families take turns, as long as both have addresses (section 4). */
static const struct addrinfo *
next_address(race *r)
{
    const struct addrinfo *address;
    iossl_lookup_family other = r->turn == IOSSL_LOOKUP_V6 ? IOSSL_LOOKUP_V4 : IOSSL_LOOKUP_V6;
    iossl_lookup_family f = r->untried[r->turn] != NULL ? r->turn : other;

    address = r->untried[f];
    r->untried[f] = address->ai_next;
    r->turn = f == IOSSL_LOOKUP_V6 ? IOSSL_LOOKUP_V4 : IOSSL_LOOKUP_V6;
    return address;
}

/* ---- Attempts -------------------------------------------------------------------------------- */

/* When the next address may be tried, given that there is one; 0: at once. */
static int64_t
next_start(const race *r)
{
    if (r->n_attempts == 0)
        return r->is_answered[IOSSL_LOOKUP_V6] ? 0 : r->v6_awaited_until;
    return r->n_pending == 0 ? 0 : r->next_attempt_at;
}

static void
attempt_failed(race *r, attempt *a, int errnum, int64_t now)
{
    if (a->fd >= 0)
        (void)close(a->fd);
    a->fd = -1;
    a->errnum = errnum;
    r->next_attempt_at = now;           /* section 5: no need to wait any more */
}

/* Tries the next address. False: no memory. */
static bool
start_attempt(race *r, int64_t now)
{
    attempt *a, *more = realloc(r->attempts, (r->n_attempts + 1) * sizeof *more);
    struct pollfd *polled;

    if (more != NULL)
        r->attempts = more;
    polled = realloc(r->polled, (r->n_attempts + 2) * sizeof *polled);
    if (polled != NULL)
        r->polled = polled;
    if (more == NULL || polled == NULL)
        return false;
    a = &r->attempts[r->n_attempts++];
    *a = (attempt){.address = next_address(r), .fd = -1};
    r->next_attempt_at = now + IOSSL_ATTEMPT_DELAY_MS;
    if ((a->fd = iossl_socket_new(a->address)) < 0)
        attempt_failed(r, a, errno, now);
    else if (connect(a->fd, a->address->ai_addr, a->address->ai_addrlen) == 0
             || errno == EINPROGRESS || errno == EINTR)
        r->n_pending++;                 /* poll(2) tells when, even where that is now */
    else
        attempt_failed(r, a, errno, now);
    return true;
}

/* The first attempt that poll(2) says is through; -1: none is. Forgets those that failed. */
static int
take_winner(race *r, int64_t now)
{
    for (size_t i = 0; i < r->n_attempts; i++) {
        attempt *a = &r->attempts[i];
        int errnum = 0, fd = a->fd;
        socklen_t size = sizeof errnum;

        if (fd < 0 || r->polled[i + 1].revents == 0)
            continue;
        r->n_pending--;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &size) != 0)
            errnum = errno;
        if (errnum == 0 && iossl_socket_set_blocking(fd)) {
            a->fd = -1;
            return fd;
        }
        attempt_failed(r, a, errnum != 0 ? errnum : errno, now);
    }
    return -1;
}

/* ---- The race -------------------------------------------------------------------------------- */

/* Until something comes, the next address may be tried, or the time is up. */
static iossl_status
wait_for_event(race *r)
{
    int64_t until = r->target->deadline_ms;
    int n;

    if (has_untried(r) && (until < 0 || next_start(r) < until))
        until = next_start(r);
    r->polled[0] = (struct pollfd){.fd = is_lookup_done(r) ? -1 : iossl_lookup_fd(r->lookup),
                                   .events = POLLIN};
    for (size_t i = 0; i < r->n_attempts; i++)
        r->polled[i + 1] = (struct pollfd){.fd = r->attempts[i].fd, .events = POLLOUT};
    n = poll(r->polled, (nfds_t)r->n_attempts + 1, iossl_deadline_poll_ms(until));
    if (n < 0) {
        if (errno != EINTR)
            return IOSSL_ERROR;
        for (size_t i = 0; i <= r->n_attempts; i++)
            r->polled[i].revents = 0;
        return r->target->ignores_signals ? IOSSL_OK : IOSSL_INTERRUPTED;
    }
    if (r->polled[0].revents != 0)
        iossl_lookup_drain(r->lookup);
    return IOSSL_OK;
}

/* IOSSL_ERROR: every address failed, or (with *is_out_of_memory) there was no memory for it. */
static iossl_status
run(race *r, int *fd, bool *is_out_of_memory)
{
    iossl_status status;

    for (;;) {
        int64_t now = iossl_now_ms();

        take_answers(r, now);
        if (r->target->deadline_ms >= 0 && now >= r->target->deadline_ms)
            return IOSSL_TIMEOUT;
        if (has_untried(r) && now >= next_start(r)) {
            if (!start_attempt(r, now)) {
                *is_out_of_memory = true;
                return IOSSL_ERROR;
            }
            continue;
        }
        if (is_lookup_done(r) && !has_untried(r) && r->n_pending == 0)
            return IOSSL_ERROR;
        if ((status = wait_for_event(r)) != IOSSL_OK)
            return status;
        if ((*fd = take_winner(r, now)) >= 0)
            return IOSSL_OK;
    }
}

static void
race_cleanup(race *r)
{
    for (size_t i = 0; i < r->n_attempts; i++)
        if (r->attempts[i].fd >= 0)
            (void)close(r->attempts[i].fd);
    free(r->attempts);
    free(r->polled);
    iossl_lookup_free(r->lookup);
}

/* ---- Errors ---------------------------------------------------------------------------------- */

/* The errno that tells most: a host that answered, be it with no, over those that can't be reached. */
static int
telling_errno(const race *r)
{
    int errnum = 0;

    for (size_t i = 0; i < r->n_attempts; i++) {
        int e = r->attempts[i].errnum;

        if (e != 0 && (errnum == 0 || errnum == ENETUNREACH || errnum == EHOSTUNREACH
                       || errnum == EADDRNOTAVAIL || errnum == EAFNOSUPPORT))
            errnum = e;
    }
    return errnum;
}

/* told NULL: there was no memory for what would have been told. */
static void
report(iossl_error *err, const iossl_error *told)
{
    if (told == NULL)
        iossl_error_memory(err);
    else
        iossl_error_copy(err, told);
}

/* "cannot connect to "host" port 443: address: why; address: why". */
static void
explain_attempts(const race *r, iossl_error_code code, int errnum, const char *within,
                 iossl_error *err)
{
    char quoted[IOSSL_QUOTED];
    iossl_error *told = iossl_error_new();

    (void)iossl_quote(quoted, r->target->name, strlen(r->target->name));
    iossl_error_set(told, code, IOSSL_RANK_IO, "cannot connect to %s port %s%s", quoted,
                    r->target->port, within);
    for (size_t i = 0; i < r->n_attempts && i < MAX_TOLD; i++) {
        const attempt *a = &r->attempts[i];
        char address[IOSSL_ADDRESS_TEXT], why[128] = "no answer yet";

        if (a->errnum != 0)
            iossl_compat_errno_text(why, sizeof why, a->errnum);
        iossl_error_append(told, "%s%s: %s", i == 0 ? ": " : "; ",
                           iossl_socket_address_text(address, a->address->ai_addr,
                                                     a->address->ai_addrlen, false),
                           why);
    }
    if (r->n_attempts > MAX_TOLD)
        iossl_error_append(told, "; and %zu more", r->n_attempts - MAX_TOLD);
    if (errnum == ECONNREFUSED)
        iossl_error_append(told, ": does a server listen on that port?");
    iossl_error_set_errnum(told, errnum);
    report(err, told);
    iossl_error_free(told);
}

static void
explain(const race *r, iossl_status status, bool is_out_of_memory, iossl_error *err)
{
    char quoted[IOSSL_QUOTED], within[48];
    iossl_error *late = NULL;

    if (is_out_of_memory) {
        iossl_error_memory(err);
    } else if (status == IOSSL_ERROR && r->n_attempts == 0) {
        iossl_lookup_explain(r->lookup, r->target->name, err);
    } else if (status == IOSSL_ERROR) {
        explain_attempts(r, IOSSL_E_CONNECT, telling_errno(r), "", err);
    } else if (status == IOSSL_TIMEOUT && r->n_attempts == 0) {
        (void)iossl_quote(quoted, r->target->name, strlen(r->target->name));
        late = iossl_error_new();
        iossl_error_set(late, IOSSL_E_TIMEOUT, IOSSL_RANK_IO, "cannot look up %s within %lld ms",
                        quoted, (long long)r->target->timeout_ms);
        iossl_error_set_errnum(late, ETIMEDOUT);
        report(err, late);
        iossl_error_free(late);
    } else if (status == IOSSL_TIMEOUT) {
        (void)snprintf(within, sizeof within, " within %lld ms", (long long)r->target->timeout_ms);
        explain_attempts(r, IOSSL_E_TIMEOUT, ETIMEDOUT, within, err);
    }
}

iossl_status
iossl_connect_target(int *fd, const iossl_target *target, iossl_error *err)
{
    race r = {.target = target, .v6_awaited_until = -1, .turn = IOSSL_LOOKUP_V6};
    iossl_status status = IOSSL_ERROR;
    bool is_out_of_memory = false;

    *fd = -1;
    if ((r.lookup = iossl_lookup_new(target->host, target->port, err)) == NULL)
        return IOSSL_ERROR;
    if ((r.polled = calloc(1, sizeof *r.polled)) == NULL)
        is_out_of_memory = true;
    else
        status = run(&r, fd, &is_out_of_memory);
    if (status == IOSSL_OK)
        iossl_socket_set_prompt(*fd);
    else
        explain(&r, status, is_out_of_memory, err);
    race_cleanup(&r);
    return status;
}

/* ---- By the program's own words -------------------------------------------------------------- */

/* What the resolver is asked for: "[::1]" without brackets, a name in ASCII. free() it. */
static iossl_status
convert_host(char **out, const char *host, iossl_error *err)
{
    size_t len = host == NULL ? 0 : strlen(host);

    *out = NULL;
    if (len == 0) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL, "no host name to connect to");
        return IOSSL_ERROR;
    }
    if (strchr(host, ':') == NULL)
        return iossl_idn_to_ascii(out, host, len, err);
    *out = host[0] == '[' && host[len - 1] == ']' ? strndup(host + 1, len - 2) : strdup(host);
    if (*out != NULL)
        return IOSSL_OK;
    iossl_error_memory(err);
    return IOSSL_ERROR;
}

static iossl_status
check_timeout(int64_t timeout_ms, iossl_error *err)
{
    if (timeout_ms > 0 || timeout_ms == IOSSL_FOREVER)
        return IOSSL_OK;
    iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                    "a connection takes its time: give a timeout above 0, or IOSSL_FOREVER");
    return IOSSL_ERROR;
}

iossl_status
iossl_tcp_connect(int *fd, const char *host, const char *port, int64_t timeout_ms,
                  iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    char *converted = NULL;

    *fd = -1;
    if (check_timeout(timeout_ms, err) != IOSSL_OK
        || convert_host(&converted, host, err) != IOSSL_OK)
        goto done;
    status = iossl_connect_target(fd,
                                  &(iossl_target){.host = converted, .name = host, .port = port,
                                                  .timeout_ms = timeout_ms,
                                                  .deadline_ms = iossl_deadline_in(timeout_ms)},
                                  err);
done:
    free(converted);
    return status;
}

/* The name to verify: as it was given, but an address without brackets and scope. */
static iossl_status
set_hostname(iossl_conn *conn, const char *host, iossl_error *err)
{
    iossl_status status;
    char *address = NULL;

    if (strchr(host, ':') == NULL)
        return iossl_conn_set_hostname(conn, host, err);
    if (convert_host(&address, host, err) != IOSSL_OK)
        return IOSSL_ERROR;
    address[strcspn(address, "%")] = '\0';
    status = iossl_conn_set_hostname(conn, address, err);
    free(address);
    return status;
}

/* The handshake; its error tells with whom. */
static iossl_status
shake_hands(iossl_conn *conn, const iossl_target *target, iossl_error *err)
{
    iossl_error *why = iossl_error_new();
    int64_t left = iossl_deadline_left(target->deadline_ms);
    iossl_status status = left == 0 ? IOSSL_TIMEOUT : iossl_handshake(conn, left, why);
    char *address = iossl_conn_peer_address(conn);
    char quoted[IOSSL_QUOTED];

    (void)iossl_quote(quoted, target->name, strlen(target->name));
    if (status == IOSSL_TIMEOUT) {
        iossl_error_set(why, IOSSL_E_TIMEOUT, IOSSL_RANK_IO,
                        "the handshake wasn't finished within %lld ms",
                        (long long)target->timeout_ms);
        iossl_error_set_errnum(why, ETIMEDOUT);
    }
    if (status != IOSSL_OK && status != IOSSL_INTERRUPTED) {
        iossl_error_append(why, " (with %s at %s)", quoted, address != NULL ? address : "?");
        report(err, why);
    }
    iossl_free(address);
    iossl_error_free(why);
    return status;
}

iossl_status
iossl_connect(iossl_conn **out, iossl_ctx *ctx, const char *host, const char *port,
              int64_t timeout_ms, iossl_error *err)
{
    iossl_target target = {.name = host, .port = port, .timeout_ms = timeout_ms,
                           .deadline_ms = iossl_deadline_in(timeout_ms)};
    iossl_status status = IOSSL_ERROR;
    iossl_conn *conn = NULL;
    char *converted = NULL;
    int fd = -1;

    *out = NULL;
    if (ctx == NULL) {          /* making it failed, and err says why */
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FALLBACK, "a connection needs a context");
        goto done;
    }
    if (check_timeout(timeout_ms, err) != IOSSL_OK
        || convert_host(&converted, host, err) != IOSSL_OK)
        goto done;
    target.host = converted;
    if ((status = iossl_connect_target(&fd, &target, err)) != IOSSL_OK)
        goto done;
    status = IOSSL_ERROR;
    if ((conn = iossl_conn_new_owned_fd(ctx, IOSSL_CLIENT, fd, err)) == NULL
        || set_hostname(conn, host, err) != IOSSL_OK)
        goto done;
    if ((status = shake_hands(conn, &target, err)) == IOSSL_OK) {
        *out = conn;
        conn = NULL;
    }
done:
    iossl_conn_free(conn);
    free(converted);
    return status;
}
