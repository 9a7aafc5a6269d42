/*
 * support_pair.h - a client and a server, over memory if nothing else is said, shaken hands in one thread.
 */
#ifndef SUPPORT_PAIR_H
#define SUPPORT_PAIR_H

#include "iossl.h"
#include "support_cert.h"

typedef struct test_pair {
    iossl_conn *client, *server;
    iossl_error *client_error, *server_error;
    iossl_status client_status, server_status;
} test_pair;

/* A server context with this certificate; changes of the default config by `change`, or NULL. */
iossl_ctx *test_server_ctx(const test_identity *identity, void (*change)(iossl_config *));
/* A client context that trusts this CA alone. */
iossl_ctx *test_client_ctx(const test_identity *ca, void (*change)(iossl_config *));

/* Two connections, not yet shaken hands; hostname NULL: none is set. */
test_pair test_pair_new(iossl_ctx *client, iossl_ctx *server, const char *hostname);
/* The same over these transports, the client's first; the pair owns them. */
test_pair test_pair_over(iossl_transport *near_end, iossl_transport *far_end, iossl_ctx *client,
                         iossl_ctx *server, const char *hostname);
/* Pumps both handshakes until each is done or has failed. True: both are done. */
int test_pair_shake(test_pair *pair);
/* The same, then brings the client its sessions (those of TLS 1.3 come with what is read) and ends its
 * side in order. 1: a session was resumed, 0: none was, -1: no handshake. */
int test_pair_resumes(test_pair *pair);
void test_pair_free(test_pair *pair);

#endif
