/*
 * t_keylog.c - secrets of connections go to who asked for them, and to a private file only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf;
static const char *file;            /* of the next client */
static iossl_keylog_cb callback;

static void
with_keylog(iossl_config *config)
{
    if (iossl_config_set_keylog_file(config, file, NULL) != IOSSL_OK)
        bail_out("keylog file");
    iossl_config_set_keylog_cb(config, callback, NULL);
}

static int n_heard;
static const iossl_conn *heard_of;

static void
hear(void *arg, iossl_conn *conn, const char *line)
{
    (void)arg;
    heard_of = conn;
    n_heard += strchr(line, ' ') != NULL && strchr(line, '\n') == NULL;
    (void)SSL_CTX_new(NULL);            /* leaves something in the queue of errors */
}

static int
count_lines(const char *path)
{
    FILE *f = fopen(path, "r");
    int n = 0, c;

    while (f != NULL && (c = getc(f)) != EOF)
        n += c == '\n';
    if (f != NULL)
        (void)fclose(f);
    return n;
}

static void
test_connection(const char *path)
{
    iossl_ctx *server_ctx = test_server_ctx(&leaf, NULL), *client_ctx;
    test_pair pair;

    file = path;
    callback = hear;
    client_ctx = test_client_ctx(&ca, with_keylog);
    pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    ok(test_pair_shake(&pair), "a handshake with a log");
    ok(n_heard > 0, "the callback heard %d lines", n_heard);
    ok(heard_of == pair.client, "of this connection");
    is_int(count_lines(path), n_heard, "the file has as many");
    is_int(ERR_peek_error() == 0, 1, "no error is left behind");
    test_pair_free(&pair);
    iossl_ctx_free(client_ctx);

    file = NULL;
    callback = NULL;
    n_heard = 0;
    client_ctx = test_client_ctx(&ca, with_keylog);
    pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    ok(test_pair_shake(&pair), "a handshake without");
    is_int(n_heard, 0, "tells nothing");
    ok(SSL_CTX_get_keylog_callback(iossl_ctx_get0_ssl_ctx(client_ctx)) == NULL,
       "and asks OpenSSL for nothing");
    test_pair_free(&pair);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
}

static void
test_refused(const char *path, const char *part, int errnum)
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);

    is_int(iossl_config_set_keylog_file(config, path, err), IOSSL_OK, "%s: looked at later", path);
    ok(iossl_ctx_new(config, err) == NULL, "%s: no context", path);
    is_int(iossl_error_get_code(err), IOSSL_E_FILE, "%s: for the file", path);
    is_int(iossl_error_get_errno(err), errnum, "%s: its errno", path);
    ok(strstr(iossl_error_message(err), part) != NULL, "%s", iossl_error_message(err));
    iossl_config_free(config);
    iossl_error_free(err);
}

int
main(void)
{
    const test_cert_spec ca_spec = {.common_name = "CA", .is_ca = 1};
    const test_cert_spec leaf_spec = {.common_name = "www.example.test",
                                      .altnames = "DNS:www.example.test", .issuer = &ca};
    char path[] = "/tmp/iossl-keylog-XXXXXX";
    int fd = mkstemp(path);

    tap_start();
    if (fd < 0)
        bail_out("mkstemp");
    ca = test_identity_make(&ca_spec);
    leaf = test_identity_make(&leaf_spec);
    ok(iossl_can(IOSSL_CAN_KEYLOG), "every OpenSSL that we build on can do it");
    test_connection(path);
    (void)fchmod(fd, 0604);
    test_refused(path, "can be read by others", 0);
    (void)unlink(path);
    test_refused("/tmp/iossl-no-such-folder/log", "No such file", ENOENT);
    test_refused("/dev/null", "is no regular file", 0);
    (void)close(fd);
    test_identity_free(&ca);
    test_identity_free(&leaf);
    return done_testing();
}
