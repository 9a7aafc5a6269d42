/*
 * t_library.c - library contexts and property queries: what is asked for is used, and what is missing told.
 */
#include <string.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

#if OPENSSL_VERSION_NUMBER < 0x30000000L

TAP_SKIPPED_MAIN("no library contexts before OpenSSL 3")

#else

#include <openssl/provider.h>

static test_identity ca, leaf;
static OSSL_LIB_CTX *library, *empty;
static OSSL_PROVIDER *provider;

static void
by_library(iossl_config *config)
{
    if (iossl_config_set_library(config, library, "provider=default", NULL) != IOSSL_OK)
        bail_out("a library context");
}

/* Which provider has the key of the server. */
static void
test_handshake(void)
{
    iossl_ctx *client_ctx = test_client_ctx(&ca, by_library), *server_ctx;
    iossl_config *config = iossl_config_new(IOSSL_SERVER, NULL);
    iossl_error *err = iossl_error_new();
    test_pair pair;
    char buf[8];
    size_t n;

    by_library(config);
    is_int(iossl_config_add_cert_file(config, NULL, tap_path("t/certs/server.pem"), err), IOSSL_OK,
           "a certificate");
    is_int(iossl_config_add_key_file(config, NULL, tap_path("t/certs/server.key"), err), IOSSL_OK, "a key");
    server_ctx = iossl_ctx_new(config, err);
    ok(server_ctx != NULL, "a context %s", iossl_error_message(err));
    ok(EVP_PKEY_get0_provider(SSL_CTX_get0_privatekey(iossl_ctx_get0_ssl_ctx(server_ctx))) == provider,
       "whose key is of the library context's own provider");
    iossl_ctx_free(server_ctx);
    iossl_config_free(config);
    server_ctx = test_server_ctx(&leaf, by_library);
    pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    ok(test_pair_shake(&pair), "a handshake, verified: %s%s", iossl_error_message(pair.client_error),
       iossl_error_message(pair.server_error));
    is_int(iossl_write_all(pair.client, "data", 4, NULL, IOSSL_POLL, NULL), IOSSL_OK, "data");
    ok(iossl_read(pair.server, buf, sizeof buf, &n, IOSSL_POLL, NULL) == IOSSL_OK && n == 4, "arrive");
    test_pair_free(&pair);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
    iossl_error_free(err);
}

static void
test_excluded(void)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);
    iossl_error *err = iossl_error_new();
    iossl_ctx *ctx;

    is_int(iossl_config_set_library(config, NULL, "provider=nonexistent", err), IOSSL_ERROR,
           "properties that nothing has");
    is_int(iossl_error_get_code(err), IOSSL_E_UNSUPPORTED, "%s", iossl_error_message(err));
    ok(strstr(iossl_error_message(err), "provider=nonexistent") != NULL, "which are named");
    iossl_error_clear(err);
    is_int(iossl_config_set_library(config, empty, NULL, err), IOSSL_ERROR, "a library context without algorithms");
    is_int(iossl_error_get_code(err), IOSSL_E_UNSUPPORTED, "%s", iossl_error_message(err));
    iossl_error_clear(err);
    ok((ctx = iossl_ctx_new(config, err)) != NULL, "after an error the old value stands");
    iossl_ctx_free(ctx);
    is_int(iossl_config_set_library(config, library, "?fips=yes", err), IOSSL_OK, "what is only preferred is fine");
    is_int(iossl_config_set_library(config, NULL, NULL, err), IOSSL_OK, "and back to the default");
    ok((ctx = iossl_ctx_new(config, err)) != NULL, "which works");
    iossl_ctx_free(ctx);
    /* OpenSSL sees to it that nothing of it is left, or the sanitizers would tell. */
    ok(ERR_peek_error() == 0, "no error is left behind");
    iossl_config_free(config);
    iossl_error_free(err);
}

int
main(void)
{
    const test_cert_spec ca_spec = {.common_name = "CA", .is_ca = 1};
    const test_cert_spec leaf_spec = {.common_name = "www.example.test",
                                      .altnames = "DNS:www.example.test", .issuer = &ca};
    OSSL_PROVIDER *null = NULL;

    tap_start();
    ok(iossl_can(IOSSL_CAN_LIBRARY), "there are library contexts");
    if ((library = OSSL_LIB_CTX_new()) == NULL || (empty = OSSL_LIB_CTX_new()) == NULL
        || (provider = OSSL_PROVIDER_load(library, "default")) == NULL
        || (null = OSSL_PROVIDER_load(empty, "null")) == NULL)
        bail_out("library contexts");
    ca = test_identity_make(&ca_spec);
    leaf = test_identity_make(&leaf_spec);
    test_handshake();
    test_excluded();
    test_identity_free(&ca);
    test_identity_free(&leaf);
    (void)OSSL_PROVIDER_unload(provider);
    (void)OSSL_PROVIDER_unload(null);
    OSSL_LIB_CTX_free(library);
    OSSL_LIB_CTX_free(empty);
    return done_testing();
}

#endif
