/*
 * ocsp_check.c - has the server's certificate been revoked?
 *
 *     ocsp_check HOST [PORT [CA-FILE]]
 *
 * A staple in the handshake is best; where none came, the responder that the certificate names is
 * asked. Status 0: not revoked, 1: revoked, or no verified connection, 2: it couldn't be found out.
 */
#include <stdio.h>

#include <iossl.h>

#define TIMEOUT_MS 30000

enum { GOOD = 0, FAILED = 1, UNKNOWN = 2 };

static int
ask_responder(iossl_conn *conn, iossl_error *err)
{
    iossl_ocsp_resolver *resolver = iossl_ocsp_resolver_new(conn, NULL, 0, err);
    const char *unclear;
    int result = FAILED;

    if (resolver != NULL && iossl_ocsp_resolve(resolver, TIMEOUT_MS, err) == IOSSL_OK) {
        unclear = iossl_ocsp_resolver_soft_error(resolver);
        if (unclear == NULL)
            printf("good: its responder says so\n");
        else
            printf("unknown: %s\n", unclear);
        result = unclear == NULL ? GOOD : UNKNOWN;
    }
    iossl_ocsp_resolver_free(resolver);
    return result;
}

int
main(int argc, char **argv)
{
    const char *host = argc > 1 ? argv[1] : "www.example.org", *port = argc > 2 ? argv[2] : "443";
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_ctx *ctx = NULL;
    iossl_conn *conn = NULL;
    int result = FAILED;

    if (config != NULL
        && iossl_config_set_ocsp_mode(config, IOSSL_OCSP_TRY_STAPLE, err) == IOSSL_OK
        && (argc <= 3 || iossl_config_set_ca_file(config, argv[3], err) == IOSSL_OK)
        && (ctx = iossl_ctx_new(config, err)) != NULL
        && iossl_connect(&conn, ctx, host, port, TIMEOUT_MS, err) == IOSSL_OK) {
        if (iossl_conn_get_staple_state(conn) == IOSSL_STAPLE_GOOD) {
            printf("good: the server stapled a proof\n");
            result = GOOD;
        } else {
            result = ask_responder(conn, err);
        }
    }
    if (result == FAILED)
        fprintf(stderr, "ocsp_check: %s\n", iossl_error_message(err));
    iossl_conn_free(conn);
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    iossl_error_free(err);
    return result;
}
