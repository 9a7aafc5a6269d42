/*
 * t_ocsp_responder.c - resolving against real responders on loopback: `openssl ocsp`, and servers
 * that say something else, or nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "iossl.h"
#include "support_files.h"
#include "support_ocsp.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, other_ca, good, revoked, unknown;
static char uri[64], aia[80];

/* A listening socket on a port of the system's choice. */
static int
listen_here(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 8) != 0
        || getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        bail_out("no listener");
    *port = ntohs(at.sin_port);
    return fd;
}

static test_identity
make(const char *name, long serial)
{
    return test_identity_extended(
        &(test_cert_spec){.common_name = name, .issuer = &ca, .serial = serial},
        (const test_extension[]){{NID_info_access, aia}}, 1);
}

/* All certificates name this responder. */
static void
make_certificates(int port)
{
    snprintf(uri, sizeof uri, "http://127.0.0.1:%d/ocsp", port);
    snprintf(aia, sizeof aia, "OCSP;URI:%s", uri);
    good = make("good", 2);
    revoked = make("revoked", 3);
    unknown = make("unknown", 4);
}

static void
free_certificates(void)
{
    test_identity_free(&good);
    test_identity_free(&revoked);
    test_identity_free(&unknown);
}

/* Resolves with a fresh cache; the resolver is the caller's. */
static iossl_ocsp_resolver *
resolve(X509 *cert, bool nonce, int64_t timeout_ms, iossl_status *status, iossl_error *err)
{
    iossl_ctx *ctx = test_client_ctx(&ca, NULL);
    iossl_ocsp_resolver *r = iossl_ocsp_resolver_new_for_chain(ctx, 0, cert, NULL, NULL);

    if (r == NULL || iossl_ocsp_resolver_set_nonce(r, nonce, NULL) != IOSSL_OK)
        bail_out("no resolver");
    *status = iossl_ocsp_resolve(r, timeout_ms, err);
    iossl_ctx_free(ctx);
    return r;
}

static void
with_responder(iossl_config *config)
{
    if (iossl_config_add_ca(config, ca.cert, NULL) != IOSSL_OK
        || iossl_config_set_ocsp_staple_responder(config, NULL, 200, NULL) != IOSSL_OK)
        bail_out("a server that asks its responder");
}

/* ---- openssl ocsp ---------------------------------------------------------------------------- */

static const char *
write_cert(const char *name, X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio == NULL || PEM_write_bio_X509(bio, cert) != 1)
        bail_out("PEM");
    return test_write_bio(name, bio);
}

static const char *
write_key(const char *name, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio == NULL || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        bail_out("PEM");
    return test_write_bio(name, bio);
}

/* The responder as a child, whose first line says that it is ready; -1: there is no openssl. */
static pid_t
start_responder(int port, const test_identity *signer)
{
    const char *index = test_write_text("index.txt",
                                        "V\t491231235959Z\t\t02\tunknown\t/CN=good\n"
                                        "R\t491231235959Z\t251101000000Z,keyCompromise\t03\t"
                                        "unknown\t/CN=revoked\n");
    const char *ca_file = write_cert("ca.pem", ca.cert);
    const char *signer_file = write_cert("signer.pem", signer->cert);
    const char *key_file = write_key("signer.key", signer->key);
    char number[16], line[256] = "";
    size_t n = 0;
    int ends[2];
    pid_t pid = -1;

    snprintf(number, sizeof number, "%d", port);
    if (pipe(ends) != 0 || (pid = fork()) < 0)
        bail_out("no process");
    if (pid == 0) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        alarm(TAP_WATCHDOG_SECONDS);    /* which outlives exec, so that it can't outlive us */
        execlp("openssl", "openssl", "ocsp", "-port", number, "-index", index, "-CA", ca_file,
               "-rsigner", signer_file, "-rkey", key_file, "-nmin", "5", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while (n < sizeof line - 1 && strstr(line, "waiting") == NULL) {
        ssize_t got = read(ends[0], line + n, sizeof line - 1 - n);

        if (got <= 0)
            break;
        n += (size_t)got;
        line[n] = '\0';
    }
    close(ends[0]);
    if (strstr(line, "waiting") != NULL)
        return pid;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -1;
}

static void
stop_responder(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

typedef struct {
    const char *what;
    X509 **cert;
    bool nonce;
    const char *hard, *soft;    /* parts; "" and NULL: none */
} responder_case;

static void
check_cases(const responder_case *cases, size_t n, const char *which)
{
    for (size_t i = 0; i < n; i++) {
        const responder_case *c = &cases[i];
        iossl_error *err = iossl_error_new();
        iossl_status status;
        iossl_ocsp_resolver *r = resolve(*c->cert, c->nonce, 20000, &status, err);
        const char *soft = iossl_ocsp_resolver_soft_error(r);

        is_int(status, c->hard[0] == '\0' ? IOSSL_OK : IOSSL_ERROR, "%s, %s%s: the result", which,
               c->what, c->nonce ? " with a nonce" : "");
        like(iossl_ocsp_resolver_hard_error(r), c->hard, "%s, %s: the hard error", which, c->what);
        if (c->soft == NULL)
            is_str(soft, NULL, "%s, %s: no soft error", which, c->what);
        else
            like(soft, c->soft, "%s, %s: the soft error", which, c->what);
        if (c->hard[0] != '\0')
            is_int(iossl_error_get_code(err), IOSSL_E_REVOKED, "%s, %s: as revoked", which,
                   c->what);
        ok(ERR_peek_error() == 0, "%s, %s: no error is left behind", which, c->what);
        iossl_ocsp_resolver_free(r);
        iossl_error_free(err);
    }
}

/* A port that was free a moment ago: the responder can't be given a socket. */
static int
free_port(void)
{
    int port, fd = listen_here(&port);

    close(fd);
    return port;
}

static void
test_openssl(void)
{
    const responder_case direct[] = {
        {"good", &good.cert, false, "", NULL},
        {"good", &good.cert, true, "", NULL},
        {"revoked", &revoked.cert, false, "certificate status is revoked since 2025-11-01", NULL},
        {"revoked", &revoked.cert, true, "(keyCompromise)", NULL},
        {"unknown", &unknown.cert, false, "certificate status is unknown", NULL},
    };
    const responder_case wrong[] = {
        {"good", &good.cert, false, "", "neither the issuer nor certified by it"},
        {"revoked", &revoked.cert, false, "", "neither the issuer nor certified by it"},
    };
    test_identity delegate;
    int port = free_port();
    pid_t pid;

    make_certificates(port);
    delegate = test_identity_extended(
        &(test_cert_spec){.common_name = "responder", .issuer = &ca, .serial = 9},
        (const test_extension[]){{NID_ext_key_usage, "OCSPSigning"}}, 1);
    if ((pid = start_responder(port, &ca)) < 0) {
        skip(1, "no openssl program that can be a responder");
    } else {
        check_cases(direct, sizeof direct / sizeof direct[0], "openssl ocsp");
        stop_responder(pid);
        if ((pid = start_responder(port, &delegate)) < 0)
            bail_out("no second responder");
        check_cases(direct, sizeof direct / sizeof direct[0], "a delegated openssl ocsp");
        stop_responder(pid);
        if ((pid = start_responder(port, &other_ca)) < 0)
            bail_out("no third responder");
        check_cases(wrong, sizeof wrong / sizeof wrong[0], "openssl ocsp of another CA");
        stop_responder(pid);
    }
    test_identity_free(&delegate);
    free_certificates();
}

/* ---- Servers that say something else --------------------------------------------------------- */

typedef struct {
    int listener;
    const char *head;           /* NULL: accepts, and says nothing */
    const unsigned char *body;
    size_t len;
    const char *first_line;     /* that is expected */
    bool saw_post, saw_host;
} scripted;

/* Answers one question. */
static void *
serve(void *arg)
{
    scripted *s = arg;
    int fd = accept(s->listener, NULL, NULL);
    char request[4096];
    size_t n = 0;

    while (fd >= 0 && n < sizeof request - 1) {
        ssize_t got = read(fd, request + n, sizeof request - 1 - n);

        if (got <= 0)
            break;
        n += (size_t)got;
        request[n] = '\0';
        s->saw_post = strncmp(request, s->first_line, strlen(s->first_line)) == 0
                      && strstr(request, "application/ocsp-request") != NULL;
        s->saw_host = strstr(request, "\r\nHost: 127.0.0.1:") != NULL;
        if (s->head != NULL && strstr(request, "\r\n\r\n") != NULL)
            break;
    }
    if (fd >= 0 && s->head != NULL
        && (write(fd, s->head, strlen(s->head)) < 0
            || (s->len > 0 && write(fd, s->body, s->len) < 0)))
        diag("the client was gone");
    if (fd >= 0) {
        /* Until the client is through: closing on unread bytes would be a reset. */
        shutdown(fd, SHUT_WR);
        while (read(fd, request, sizeof request) > 0)
            ;
        close(fd);
    }
    return NULL;
}

static const char OK_HEAD[] = "HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n";

typedef struct {
    const char *what, *head;
    test_ocsp_spec spec;
    const char *text;           /* instead of the response of spec */
    const char *soft;
} server_case;

static void
test_server(const server_case *c, scripted *s)
{
    unsigned char *der = NULL;
    iossl_ocsp_resolver *r;
    iossl_status status;
    pthread_t thread;
    int64_t began = iossl_now_ms();
    int64_t timeout = c->head == NULL ? 200 : 20000;

    s->head = c->head;
    s->saw_post = s->saw_host = false;
    if (c->text == NULL)
        der = test_ocsp_response(&c->spec, &s->len);
    else
        s->len = strlen(c->text);
    s->body = c->text == NULL ? der : (const unsigned char *)c->text;
    if (pthread_create(&thread, NULL, serve, s) != 0)
        bail_out("no thread");
    r = resolve(good.cert, false, timeout, &status, NULL);
    pthread_join(thread, NULL);
    is_int(status, IOSSL_OK, "%s: nothing is known to be revoked", c->what);
    if (c->soft == NULL)
        is_str(iossl_ocsp_resolver_soft_error(r), NULL, "%s: nor is anything unknown", c->what);
    else
        like(iossl_ocsp_resolver_soft_error(r), c->soft, "%s: but it couldn't be found out",
             c->what);
    ok(s->saw_post && s->saw_host, "%s: it was asked by POST", c->what);
    if (c->head == NULL)
        ok(iossl_now_ms() - began >= 200 && iossl_now_ms() - began < 15000,
           "%s: the time given is kept", c->what);
    ok(ERR_peek_error() == 0, "%s: no error is left behind", c->what);
    iossl_ocsp_resolver_free(r);
    OPENSSL_free(der);
}

static void
test_servers(void)
{
    scripted s = {.first_line = "POST /ocsp HTTP/1.0\r\n"};
    int port;

    s.listener = listen_here(&port);
    make_certificates(port);
    {
        const test_ocsp_about about = {.cert = good.cert, .issuer = ca.cert};
        const server_case cases[] = {
            {"a good answer", OK_HEAD, {.signer = &ca, .about = {about}}, NULL, NULL},
            {"one out of date", OK_HEAD,
             {.signer = &ca, .about = {{.cert = good.cert, .issuer = ca.cert, .from_s = -9000,
                                        .to_s = -1000}}},
             NULL, "the response is out of date"},
            {"try later", OK_HEAD, {.response_status = OCSP_RESPONSE_STATUS_TRYLATER}, NULL,
             "OCSP response failed: trylater"},
            {"wrong signer", OK_HEAD, {.signer = &other_ca, .about = {about}}, NULL,
             "neither the issuer nor certified by it"},
            {"garbage", OK_HEAD, {0}, "this is not DER at all", "; subject: /CN=good"},
            {"half an answer", OK_HEAD, {0}, "\x30\x82\x10\x00\x0a",
             "http request for OCSP failed"},
            {"nothing", OK_HEAD, {0}, "", "http request for OCSP failed"},
            {"another status", "HTTP/1.0 503 Busy\r\n\r\n", {0}, "later",
             "http request for OCSP failed"},
            {"a redirection", "HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", {0},
             "", "http request for OCSP failed"},
            {"no HTTP", "SSH-2.0-other\r\n", {0}, "x", "http request for OCSP failed"},
            {"silence", NULL, {0}, "", "http request for OCSP failed"},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            test_server(&cases[i], &s);
    }
    close(s.listener);
    {
        int64_t began = iossl_now_ms();
        iossl_status status;
        iossl_ocsp_resolver *r = resolve(good.cert, false, 20000, &status, NULL);

        is_int(status, IOSSL_OK, "nobody there: nothing is known to be revoked");
        like(iossl_ocsp_resolver_soft_error(r), "http request for OCSP failed",
             "nobody there: it couldn't be found out");
        ok(iossl_now_ms() - began < 10000, "nobody there: that is known at once");
        iossl_ocsp_resolver_free(r);
    }
    free_certificates();
}

/* What a certificate names need not be an address. */
static void
test_addresses(void)
{
    static const char *const bad[] = {
        "https://127.0.0.1:1/", "ldap://127.0.0.1/", "http://", "http:///x", "http://[::1/",
        "http://user:word@127.0.0.1:1/", "http://127.0.0.1:x/", "http://[::1]x/", "http://[]:1/",
        "http://127.0.0.1:/#"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[128];
        test_identity identity;
        iossl_ocsp_resolver *r;
        iossl_status status;

        snprintf(text, sizeof text, "OCSP;URI:%s", bad[i]);
        identity = test_identity_extended(
            &(test_cert_spec){.common_name = "odd", .issuer = &ca, .serial = 5},
            (const test_extension[]){{NID_info_access, text}}, 1);
        r = resolve(identity.cert, false, 5000, &status, NULL);
        like(iossl_ocsp_resolver_soft_error(r), "http request for OCSP failed",
             "%s can't be asked", bad[i]);
        iossl_ocsp_resolver_free(r);
        test_identity_free(&identity);
    }
}

/* Takes a connection, and the line is cut. */
static void *
reset(void *arg)
{
    struct linger at_once = {.l_onoff = 1};
    int fd = accept(*(int *)arg, NULL, NULL);
    char byte;

    if (fd < 0 || recv(fd, &byte, 1, MSG_PEEK) != 1
        || setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0 || close(fd) != 0)
        diag("no reset");
    return NULL;
}

static void
test_reset(void)
{
    int port, listener = listen_here(&port);
    iossl_ocsp_resolver *r;
    iossl_status status;
    pthread_t thread;

    make_certificates(port);
    if (pthread_create(&thread, NULL, reset, &listener) != 0)
        bail_out("no thread");
    r = resolve(good.cert, false, 20000, &status, NULL);
    (void)pthread_join(thread, NULL);
    is_int(status, IOSSL_OK, "cut off: nothing is known to be revoked");
    like(iossl_ocsp_resolver_soft_error(r), "http request for OCSP failed", "cut off: which is told");
    ok(ERR_peek_error() == 0, "cut off: no error is left behind");
    iossl_ocsp_resolver_free(r);
    free_certificates();
    (void)close(listener);
}

/* Talks without end, as fast as it can. */
static void *
babble(void *arg)
{
    static char lines[16384];
    int fd = accept(*(int *)arg, NULL, NULL);

    for (size_t i = 0; i + 4 <= sizeof lines; i += 4)
        memcpy(lines + i, "X:\r\n", 4);
    if (fd < 0 || send(fd, "HTTP/1.0 200 OK\r\n", 17, MSG_NOSIGNAL) != 17)
        diag("no answer");
    while (send(fd, lines, sizeof lines, MSG_NOSIGNAL) > 0)
        ;
    (void)close(fd);
    return NULL;
}

static void
test_babble(void)
{
    int port, listener = listen_here(&port);
    iossl_ocsp_resolver *r;
    iossl_status status;
    pthread_t thread;

    make_certificates(port);
    if (pthread_create(&thread, NULL, babble, &listener) != 0)
        bail_out("no thread");
    r = resolve(good.cert, false, 600000, &status, NULL);      /* longer than this test may take */
    (void)pthread_join(thread, NULL);
    is_int(status, IOSSL_OK, "a header without end: nothing is known to be revoked");
    like(iossl_ocsp_resolver_soft_error(r), "http request for OCSP failed", "a header without end: which is told");
    ok(ERR_peek_error() == 0, "a header without end: no error is left behind");
    iossl_ocsp_resolver_free(r);
    free_certificates();
    (void)close(listener);
}

/* http_proxy of the environment, as far as OpenSSL helps with it. */
static void
test_proxy(void)
{
    scripted s = {.first_line = "POST http://ocsp.invalid/ca HTTP/1.0\r\n", .head = OK_HEAD};
    test_identity far;
    iossl_ocsp_resolver *r;
    iossl_status status;
    unsigned char *der;
    pthread_t thread;
    char proxy[64];
    int port;

    if (OpenSSL_version_num() < 0x30000000UL) {
        skip(1, "OpenSSL before 3.0 leaves proxies to the program");
        return;
    }
    far = test_identity_extended(
        &(test_cert_spec){.common_name = "far", .issuer = &ca, .serial = 6},
        (const test_extension[]){{NID_info_access, "OCSP;URI:http://ocsp.invalid/ca"}}, 1);
    s.listener = listen_here(&port);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", port);
    der = test_ocsp_response(
        &(test_ocsp_spec){.signer = &ca, .about = {{.cert = far.cert, .issuer = ca.cert}}},
        &s.len);
    s.body = der;
    (void)setenv("http_proxy", proxy, 1);
    if (pthread_create(&thread, NULL, serve, &s) != 0)
        bail_out("no thread");
    r = resolve(far.cert, false, 20000, &status, NULL);
    pthread_join(thread, NULL);
    (void)unsetenv("http_proxy");
    (void)setenv("http_proxy", "ftp://127.0.0.1:1", 1);
    {
        iossl_status without;
        iossl_ocsp_resolver *none = resolve(far.cert, false, 20000, &without, NULL);

        like(iossl_ocsp_resolver_soft_error(none), "http request for OCSP failed", "by a proxy that is none");
        ok(ERR_peek_error() == 0, "no error is left behind");
        iossl_ocsp_resolver_free(none);
    }
    (void)unsetenv("http_proxy");
    is_int(status, IOSSL_OK, "through a proxy: well");
    is_str(iossl_ocsp_resolver_soft_error(r), NULL, "through a proxy: nothing is missing");
    ok(s.saw_post, "through a proxy: which gets the whole address");
    iossl_ocsp_resolver_free(r);
    OPENSSL_free(der);
    close(s.listener);
    test_identity_free(&far);
}

/* ---- Servers that ask for their own staples --------------------------------------------------- */

/* What comes of refreshing while the responder does this once. */
static iossl_status
refresh(iossl_ctx *server, scripted *s, int64_t *due_s, iossl_error *err)
{
    pthread_t thread;
    iossl_status status;

    s->saw_post = false;
    if (pthread_create(&thread, NULL, serve, s) != 0)
        bail_out("no thread");
    status = iossl_ctx_refresh_staples(server, s->head == NULL ? 200 : 20000, due_s, err);
    pthread_join(thread, NULL);
    return status;
}

/* The staple that a client gets. */
static iossl_staple_state
served(iossl_ctx *server)
{
    iossl_ctx *client = test_client_ctx(&ca, NULL);
    test_pair pair = test_pair_new(client, server, NULL);
    iossl_staple_state state = IOSSL_STAPLE_BAD;

    if (iossl_conn_set_require_name(pair.client, false, NULL) == IOSSL_OK && test_pair_shake(&pair))
        state = iossl_conn_get_staple_state(pair.client);
    test_pair_free(&pair);
    iossl_ctx_free(client);
    return state;
}

static void
test_refreshing(void)
{
    scripted s = {.head = OK_HEAD, .first_line = "POST /ocsp HTTP/1."};
    test_ocsp_spec spec = {.signer = &ca, .about = {{.cert = NULL}}};
    iossl_error *err = iossl_error_new();
    iossl_ctx *server;
    unsigned char *der;
    int64_t due_s;
    int port;

    s.listener = listen_here(&port);
    make_certificates(port);
    server = test_server_ctx(&good, with_responder);
    spec.about[0] = (test_ocsp_about){.cert = good.cert, .issuer = ca.cert, .from_s = -100,
                                      .to_s = 3700};

    s.head = NULL;
    is_int(refresh(server, &s, &due_s, err), IOSSL_ERROR, "a responder that says nothing");
    is_int(iossl_error_get_code(err), IOSSL_E_REVOKED, "leaves a certificate without a staple");
    like(iossl_error_message(err), "http request for OCSP failed", "which is told");
    ok(due_s > 0 && due_s <= 60, "and soon tried again");
    iossl_error_clear(err);
    is_int(served(server), IOSSL_STAPLE_NONE, "but not by a client: that doesn't wait");

    s.head = OK_HEAD;
    s.body = der = test_ocsp_response(&spec, &s.len);
    is_int(refresh(server, &s, &due_s, err), IOSSL_OK, "one that answers");
    ok(s.saw_post, "was asked");
    ok(due_s > 1700 && due_s <= 1800, "until half of the answer's time is over");
    is_int(served(server), IOSSL_STAPLE_GOOD, "clients get it");
    close(s.listener);
    is_int(iossl_ctx_refresh_staples(server, 1000, &due_s, err), IOSSL_OK,
           "while it isn't due nobody is asked");
    OPENSSL_free(der);
    iossl_ctx_free(server);

    server = test_server_ctx(&good, with_responder);
    is_int(iossl_ctx_refresh_staples(server, 1000, &due_s, err), IOSSL_ERROR,
           "a responder that is gone");
    iossl_error_clear(err);
    is_int(served(server), IOSSL_STAPLE_NONE, "clients connect without a staple");
    iossl_ctx_free(server);
    ok(ERR_peek_error() == 0, "no error is left behind");

    server = test_server_ctx(&good, NULL);
    is_int(iossl_ctx_refresh_staples(server, 1000, &due_s, err), IOSSL_OK,
           "without a responder there is nothing to do");
    ok(due_s == INT64_MAX, "ever");
    iossl_ctx_free(server);
    free_certificates();
    iossl_error_free(err);
}

/* Has nobody come to this listener? */
static bool
is_left_alone(int listener)
{
    struct pollfd p = {.fd = listener, .events = POLLIN};

    return poll(&p, 1, 0) == 0;
}

static iossl_ctx *
reloadable_server(void)
{
    iossl_config *config = iossl_config_new(IOSSL_SERVER, NULL);

    if (iossl_config_add_certs(config, NULL, &good.cert, 1, NULL) != IOSSL_OK
        || iossl_config_add_key(config, NULL, good.key, NULL) != IOSSL_OK)
        bail_out("config");
    with_responder(config);
    return iossl_ctx_new_reloadable(config, 0, NULL);
}

/* What a responder has said holds until its end, whatever becomes of it, unless it takes it back. */
static void
test_old_answers(void)
{
    scripted s = {.head = OK_HEAD, .first_line = "POST /ocsp HTTP/1."};
    test_ocsp_spec spec = {.signer = &ca, .about = {{.cert = NULL}}};
    iossl_error *err = iossl_error_new();
    iossl_ctx *server;
    unsigned char *der;
    int64_t due_s;
    int port;

    s.listener = listen_here(&port);
    make_certificates(port);
    server = reloadable_server();
    spec.about[0] = (test_ocsp_about){.cert = good.cert, .issuer = ca.cert, .from_s = -3600,
                                      .to_s = 600};
    s.body = der = test_ocsp_response(&spec, &s.len);
    is_int(refresh(server, &s, &due_s, err), IOSSL_OK, "an answer in the second half of its time");
    ok(due_s > 0 && due_s <= 60, "will soon be asked for again");
    is_int(served(server), IOSSL_STAPLE_GOOD, "a client gets it");
    is_int(served(server), IOSSL_STAPLE_GOOD, "and the next one");
    ok(is_left_alone(s.listener), "neither of them has the responder asked at once");
    is_int(iossl_ctx_reload(server, err), IOSSL_OK, "the server is reloaded");
    is_int(served(server), IOSSL_STAPLE_GOOD, "what the responder said is still there");
    ok(is_left_alone(s.listener), "without asking");
    OPENSSL_free(der);

    spec.about[0].status = V_OCSP_CERTSTATUS_REVOKED;
    s.body = der = test_ocsp_response(&spec, &s.len);
    is_int(refresh(server, &s, &due_s, err), IOSSL_ERROR, "then it says that it was revoked");
    like(iossl_error_message(err), "revoked", "which is told");
    is_int(served(server), IOSSL_STAPLE_NONE, "and the old answer isn't sent any more");
    ok(is_left_alone(s.listener), "nobody is pestered");
    OPENSSL_free(der);
    close(s.listener);
    iossl_ctx_free(server);
    free_certificates();
    iossl_error_free(err);
}

int
main(void)
{
    tap_start();
    test_folder_make();
    (void)unsetenv("http_proxy");
    ca = test_identity_make(&(test_cert_spec){.common_name = "ca", .is_ca = 1});
    other_ca = test_identity_make(&(test_cert_spec){.common_name = "other ca", .is_ca = 1});
    test_openssl();
    test_servers();
    test_addresses();
    test_reset();
    test_babble();
    test_proxy();
    test_refreshing();
    test_old_answers();
    test_identity_free(&other_ca);
    test_identity_free(&ca);
    return done_testing();
}
