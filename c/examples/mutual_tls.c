/*
 * mutual_tls.c - both ends show a certificate, and each verifies the other's.
 *
 *     mutual_tls server CERT-FILE KEY-FILE CA-FILE [PORT [HOST]]
 *     mutual_tls client CERT-FILE KEY-FILE CA-FILE PORT HOST
 *
 * The server prints "listening on port N", serves one client and tells it who it is. A client has no
 * host name to verify: the server trusts whom its CA has given a certificate, and reads the name.
 */
#include <stdio.h>
#include <string.h>

#include <iossl.h>

#define TIMEOUT_MS 30000

static iossl_ctx *
make_ctx(iossl_role role, char **files, iossl_error *err)
{
    iossl_config *config = iossl_config_new(role, err);
    iossl_ctx *ctx = NULL;

    if (config != NULL && iossl_config_add_cert_file(config, NULL, files[0], err) == IOSSL_OK
        && iossl_config_add_key_file(config, NULL, files[1], err) == IOSSL_OK
        && iossl_config_set_ca_file(config, files[2], err) == IOSSL_OK
        && (role == IOSSL_CLIENT
            || (iossl_config_set_verify_mode(
                    config, IOSSL_VERIFY_PEER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT, err) == IOSSL_OK
                && iossl_config_set_require_name(config, false, err) == IOSSL_OK
                && iossl_config_set_client_ca_file(config, files[2], err) == IOSSL_OK)))
        ctx = iossl_ctx_new(config, err);
    iossl_config_free(config);
    return ctx;
}

/* Tells the client whom its certificate is for. */
static iossl_status
serve(iossl_ctx *ctx, const char *port, const char *host, iossl_error *err)
{
    iossl_listener *listener = iossl_listener_new(host, port, err);
    iossl_status status = IOSSL_ERROR;
    iossl_conn *conn = NULL;
    X509 *cert = NULL;
    char *name = NULL, text[512];
    int len;

    if (listener == NULL)
        goto done;
    printf("listening on port %d\n", iossl_listener_get_port(listener));
    (void)fflush(stdout);
    if (iossl_accept(&conn, ctx, listener, IOSSL_FOREVER, err) != IOSSL_OK
        || iossl_handshake(conn, TIMEOUT_MS, err) != IOSSL_OK)
        goto done;
    cert = iossl_conn_get1_peer_cert(conn);
    name = cert == NULL ? NULL : iossl_cert_subject(cert);
    len = snprintf(text, sizeof text, "hello %.400s\n", name == NULL ? "nobody" : name);
    status = iossl_write_all(conn, text, (size_t)len, NULL, TIMEOUT_MS, err);
    if (status == IOSSL_OK)
        status = iossl_shutdown(conn, true, TIMEOUT_MS, err);
done:
    iossl_free(name);
    X509_free(cert);
    iossl_conn_free(conn);
    iossl_listener_free(listener);
    return status;
}

/* With TLS 1.3 a server that refuses our certificate is heard of when we read. */
static iossl_status
ask(iossl_ctx *ctx, const char *port, const char *host, iossl_error *err)
{
    iossl_conn *conn;
    iossl_status status = iossl_connect(&conn, ctx, host, port, TIMEOUT_MS, err);
    char buf[512];
    size_t len;

    while (status == IOSSL_OK)
        if ((status = iossl_read(conn, buf, sizeof buf, &len, TIMEOUT_MS, err)) == IOSSL_OK)
            (void)fwrite(buf, 1, len, stdout);
    if (status == IOSSL_EOF)
        status = iossl_shutdown(conn, false, TIMEOUT_MS, err);
    iossl_conn_free(conn);
    return status;
}

int
main(int argc, char **argv)
{
    int is_server = argc >= 5 && strcmp(argv[1], "server") == 0;
    int is_client = argc == 7 && strcmp(argv[1], "client") == 0;
    iossl_error *err = iossl_error_new();
    iossl_status status = IOSSL_ERROR;
    iossl_ctx *ctx = NULL;

    if (!is_server && !is_client)
        fprintf(stderr, "usage: mutual_tls server|client CERT-FILE KEY-FILE CA-FILE PORT HOST\n");
    else if ((ctx = make_ctx(is_server ? IOSSL_SERVER : IOSSL_CLIENT, argv + 2, err)) != NULL)
        status = is_server ? serve(ctx, argc > 5 ? argv[5] : "0", argc > 6 ? argv[6] : NULL, err)
                           : ask(ctx, argv[5], argv[6], err);
    if (status != IOSSL_OK)
        fprintf(stderr, "mutual_tls: %s\n", iossl_error_message(err));
    iossl_ctx_free(ctx);
    iossl_error_free(err);
    return status == IOSSL_OK ? 0 : 1;
}
