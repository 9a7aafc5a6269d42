/*
 * support_pair.c - a client and a server over memory, shaken hands in one thread.
 */
#include "support_pair.h"

#include <stdio.h>
#include <stdlib.h>

static void
must(int ok, const char *what, const iossl_error *err)
{
    if (ok)
        return;
    printf("Bail out!  %s: %s\n", what, iossl_error_message(err));
    exit(255);
}

iossl_ctx *
test_server_ctx(const test_identity *identity, void (*change)(iossl_config *))
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    iossl_ctx *ctx;

    must(config != NULL, "server config", err);
    if (identity != NULL)
        must(iossl_config_add_certs(config, NULL, &identity->cert, 1, err) == IOSSL_OK
                 && iossl_config_add_key(config, NULL, identity->key, err) == IOSSL_OK,
             "server certificate", err);
    if (change != NULL)
        change(config);
    must((ctx = iossl_ctx_new(config, err)) != NULL, "server context", err);
    iossl_config_free(config);
    iossl_error_free(err);
    return ctx;
}

iossl_ctx *
test_client_ctx(const test_identity *ca, void (*change)(iossl_config *))
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_ctx *ctx;

    must(config != NULL, "client config", err);
    must(iossl_config_set_no_default_ca(config, true, err) == IOSSL_OK, "no default CA", err);
    if (ca != NULL)
        must(iossl_config_add_ca(config, ca->cert, err) == IOSSL_OK, "CA", err);
    if (change != NULL)
        change(config);
    must((ctx = iossl_ctx_new(config, err)) != NULL, "client context", err);
    iossl_config_free(config);
    iossl_error_free(err);
    return ctx;
}

test_pair
test_pair_new(iossl_ctx *client, iossl_ctx *server, const char *hostname)
{
    iossl_error *err = iossl_error_new();
    iossl_transport *near_end, *far_end;

    must(iossl_transport_new_pair(&near_end, &far_end, err) == IOSSL_OK, "transports", err);
    iossl_error_free(err);
    return test_pair_over(near_end, far_end, client, server, hostname);
}

test_pair
test_pair_over(iossl_transport *near_end, iossl_transport *far_end, iossl_ctx *client, iossl_ctx *server,
               const char *hostname)
{
    test_pair pair = {.client_error = iossl_error_new(), .server_error = iossl_error_new(),
                      .client_status = IOSSL_WANT_READ, .server_status = IOSSL_WANT_READ};

    pair.client = iossl_conn_new(client, IOSSL_CLIENT, near_end, pair.client_error);
    pair.server = iossl_conn_new(server, IOSSL_SERVER, far_end, pair.server_error);
    must(pair.client != NULL, "client", pair.client_error);
    must(pair.server != NULL, "server", pair.server_error);
    if (hostname != NULL)
        must(iossl_conn_set_hostname(pair.client, hostname, pair.client_error) == IOSSL_OK,
             "host name", pair.client_error);
    return pair;
}

static int
goes_on(iossl_status status)
{
    return status == IOSSL_WANT_READ || status == IOSSL_WANT_WRITE;
}

int
test_pair_shake(test_pair *pair)
{
    for (int rounds = 0; rounds < 20; rounds++) {
        if (goes_on(pair->client_status))
            pair->client_status = iossl_handshake(pair->client, IOSSL_POLL, pair->client_error);
        if (goes_on(pair->server_status))
            pair->server_status = iossl_handshake(pair->server, IOSSL_POLL, pair->server_error);
    }
    return pair->client_status == IOSSL_OK && pair->server_status == IOSSL_OK;
}

int
test_pair_resumes(test_pair *pair)
{
    char buf[8];
    size_t n;

    if (!test_pair_shake(pair))
        return -1;
    must(iossl_write_all(pair->server, "x", 1, NULL, IOSSL_POLL, pair->server_error) == IOSSL_OK,
         "data sent", pair->server_error);
    must(iossl_read(pair->client, buf, sizeof buf, &n, IOSSL_POLL, pair->client_error) == IOSSL_OK,
         "data received", pair->client_error);
    must(iossl_shutdown(pair->client, false, IOSSL_POLL, pair->client_error) == IOSSL_OK, "shutdown",
         pair->client_error);
    return iossl_conn_is_resumed(pair->client);
}

void
test_pair_free(test_pair *pair)
{
    iossl_conn_free(pair->client);
    iossl_conn_free(pair->server);
    iossl_error_free(pair->client_error);
    iossl_error_free(pair->server_error);
    *pair = (test_pair){0};
}
