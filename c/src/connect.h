/*
 * connect.h - a connected socket by host name.
 */
#ifndef IOSSL_CONNECT_H
#define IOSSL_CONNECT_H

#include "iossl.h"

/*
 * RFC 8305. How long a lookup that came back with v4 addresses waits for v6 ones before the first
 * attempt (section 3), and how long an attempt is left alone before the next one joins it
 * (section 5; the range allowed there is 100 ms to 2 s).
 */
#define IOSSL_RESOLUTION_DELAY_MS 50
#define IOSSL_ATTEMPT_DELAY_MS 250

typedef struct iossl_target {
    const char *host;       /* ASCII, or an address (v6 without brackets)                         */
    const char *name;       /* the same as the program wrote it, for errors                       */
    const char *port;
    int64_t timeout_ms;     /* for errors: what the deadline came from                            */
    int64_t deadline_ms;    /* on the clock of iossl_now_ms(); -1: none                           */
    bool ignores_signals;   /* false: IOSSL_INTERRUPTED where one arrives                         */
} iossl_target;

/* As iossl_tcp_connect(), for what is checked and converted already. *fd is -1 but with IOSSL_OK. */
iossl_status iossl_connect_target(int *fd, const iossl_target *target, iossl_error *err);

#endif
