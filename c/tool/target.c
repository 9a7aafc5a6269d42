/*
 * target.c - HOST[:PORT] of a command line, and a socket to there: see target.h.
 */
#include "target.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "opts.h"
#include "show.h"

static bool
is_address(const char *host)
{
    unsigned char address[16];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

bool
target_parse(target *t, const char *text, const char *default_port)
{
    const char *start = strstr(text, "://"), *end, *colon;
    size_t len;

    memset(t, 0, sizeof *t);
    start = start == NULL ? text : start + 3;
    len = strcspn(start, "/?#");
    if (*start == '[' && (end = memchr(start, ']', len)) != NULL) {
        t->host = tool_format("%.*s", (int)(end - start - 1), start + 1);
        colon = end + 1;
    } else {
        colon = memchr(start, ':', len);
        if (colon != NULL && memchr(colon + 1, ':', len - (size_t)(colon + 1 - start)) != NULL)
            colon = NULL;                           /* two colons: an IPv6 address */
        if (colon == NULL)
            colon = start + len;
        t->host = tool_format("%.*s", (int)(colon - start), start);
    }
    if (*colon == ':' && colon + 1 < start + len)
        t->port = tool_format("%.*s", (int)(start + len - colon - 1), colon + 1);
    else
        t->port = tool_copy(default_port);
    if (t->host[0] == '\0' || (colon < start + len && *colon != ':')) {
        (void)tool_usage("\"%s\" is no HOST[:PORT]", text);
        target_clear(t);
        return false;
    }
    t->is_address = is_address(t->host);
    return true;
}

void
target_clear(target *t)
{
    free(t->host);
    free(t->port);
    memset(t, 0, sizeof *t);
}

/* The addresses of one family, one after the other. */
static iossl_status
connect_by_family(int *fd, const target *t, int family, int64_t timeout_ms, iossl_error *err)
{
    const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int64_t deadline = iossl_now_ms() + timeout_ms;
    iossl_status status = IOSSL_ERROR;
    int failure = getaddrinfo(t->host, t->port, &hints, &found);

    if (failure != 0) {
        iossl_error_set(err, IOSSL_E_RESOLVE, IOSSL_RANK_IO, "%s has no %s address: %s", t->host,
                        family == AF_INET ? "IPv4" : "IPv6", gai_strerror(failure));
        return IOSSL_ERROR;
    }
    for (const struct addrinfo *a = found; a != NULL && status != IOSSL_OK; a = a->ai_next) {
        char address[NI_MAXHOST];
        int64_t left = deadline - iossl_now_ms();

        if (getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST)
            == 0)
            status = iossl_tcp_connect(fd, address, t->port, left > 0 ? left : 1, err);
    }
    freeaddrinfo(found);
    return status;
}

iossl_status
target_connect(int *fd, const target *t, int family, int64_t timeout_ms, iossl_error *err)
{
    *fd = -1;
    if (family != AF_UNSPEC)
        return connect_by_family(fd, t, family, timeout_ms, err);
    return iossl_tcp_connect(fd, t->host, t->port, timeout_ms, err);
}

char *
target_peer_address(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char text[NI_MAXHOST];

    if (getpeername(fd, (struct sockaddr *)&address, &len) != 0
        || getnameinfo((struct sockaddr *)&address, len, text, sizeof text, NULL, 0, NI_NUMERICHOST)
               != 0)
        return tool_copy("");
    return tool_copy(text);
}
