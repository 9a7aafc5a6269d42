/*
 * target.h - HOST[:PORT] of a command line, and a socket to there.
 */
#ifndef TOOL_TARGET_H
#define TOOL_TARGET_H

#include <iossl.h>

typedef struct target {
    char *host;             /* owned; addresses without brackets */
    char *port;             /* owned */
    bool is_address;
} target;

/* Takes "host", "host:25", "192.0.2.1", "2001:db8::1", "[2001:db8::1]:443" apart; also the beginning
 * of an URL. False after a complaint. */
bool target_parse(target *t, const char *text, const char *default_port);
void target_clear(target *t);

/* A connected socket in *fd; family AF_UNSPEC, AF_INET or AF_INET6. As iossl_tcp_connect(). */
iossl_status target_connect(int *fd, const target *t, int family, int64_t timeout_ms,
                            iossl_error *err);
/* The address that a socket is connected to, as text; "" where it can't be told. free() it. */
char *target_peer_address(int fd);

#endif
