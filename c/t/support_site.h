/*
 * support_site.h - what most tests of connections begin with: a CA, the certificate of www.example.test
 * and of loopback, a client's context that trusts the one, a server's that has the other.
 *
 * Header only, for one file per program, as tap.h.
 */
#ifndef SUPPORT_SITE_H
#define SUPPORT_SITE_H

#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf;
static iossl_ctx *client_ctx, *server_ctx;
static iossl_error *err;        /* of whatever is called */

/* First call of main(), in the place of tap_start(). */
static void
site_start(void)
{
    tap_start();
    err = iossl_error_new();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){
        .issuer = &ca, .altnames = "DNS:www.example.test,IP:127.0.0.1,IP:127.0.0.2,IP:::1"});
    client_ctx = test_client_ctx(&ca, NULL);
    server_ctx = test_server_ctx(&leaf, NULL);
}

/* Last call: what main() returns. */
static int
site_end(void)
{
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    iossl_error_free(err);
    return done_testing();
}

#endif
