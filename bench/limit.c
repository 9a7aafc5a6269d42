/*
 * limit.c - what the machine and OpenSSL give: the metrics of bench.pl, written straight on libssl.
 *
 *   limit METRIC CERTDIR SECONDS     prints "METRIC VALUE UNIT"
 *   limit METRIC CERTDIR xCOUNT      the same number of operations every time, for counting
 *                                    instructions or system calls
 *   limit METRIC CERTDIR serve       the metric's server alone, for bench.pl; prints its address first
 *
 * A C programmer who cares about speed has written this: what can be kept is kept (a parsed bundle is
 * used as long as its file is the same), buffers are large enough, lines are found by memchr(3). Where
 * ours is faster, this program is wrong. One process each side, as in bench.pl.
 */
#define _GNU_SOURCE         /* accept4 */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define RECORD 16384
#define BUNDLE "/etc/ssl/certs/ca-certificates.crt"

static pid_t server_pid;
static struct sockaddr_in server_address;
static const char *cert_dir;

static void
die(const char *what)
{
    perror(what);
    ERR_print_errors_fp(stderr);
    if (server_pid > 0)
        (void)kill(server_pid, SIGTERM);
    exit(1);
}

static double
now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A file of the certificate folder; good for the next four calls. */
static const char *
file_of(const char *name, const char *suffix)
{
    static char paths[4][600];
    static unsigned next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof paths[0], "%s/%s%s", cert_dir, name, suffix);
    return path;
}

/* ---- Contexts -------------------------------------------------------------------------------- */

/* The store of a bundle, parsed once and used again while the file is the same. */
static X509_STORE *
store_of(const char *bundle)
{
    static X509_STORE *store;
    static struct stat seen;
    struct stat is;

    if (stat(bundle, &is) != 0)
        die(bundle);
    if (store == NULL || is.st_ino != seen.st_ino || is.st_mtime != seen.st_mtime
        || is.st_size != seen.st_size) {
        X509_STORE_free(store);
        if ((store = X509_STORE_new()) == NULL
            || X509_STORE_load_locations(store, bundle, NULL) != 1)
            die(bundle);
        seen = is;
    }
    return store;
}

static SSL_CTX *
client_context(const char *bundle)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set1_cert_store(ctx, store_of(bundle));
    return ctx;
}

static SSL_CTX *
server_context(const char *kind)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    (void)SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"b", 1);
    if (SSL_CTX_use_certificate_chain_file(ctx, file_of(kind, ".pem")) != 1
        || SSL_CTX_use_PrivateKey_file(ctx, file_of(kind, ".key"), SSL_FILETYPE_PEM) != 1)
        die(kind);
    return ctx;
}

/* ---- Both sides ------------------------------------------------------------------------------ */

typedef enum { NONE, DRAIN, DISCARD, BLAST, ECHO, GREET, LINES } server_kind;

static void
no_delay(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* The same lines as bench.pl's. */
static size_t
make_lines(char *to)
{
    size_t len = 0;

    for (int i = 1; i <= 2000; i++) {
        to[len++] = 'L';
        memset(to + len, 'z', (size_t)(i % 120));
        len += (size_t)(i % 120);
        to[len++] = '\n';
    }
    return len;
}

/* Takes what comes without decrypting it, and wakes up for a lot of it only, so that the one that writes is
 * measured, and not how the two happen to alternate. */
static void
discard(int fd)
{
    static char raw[1 << 18];
    int much = sizeof raw / 2;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &much, sizeof much);
    while (read(fd, raw, sizeof raw) > 0)
        ;
}

static void
answer(SSL *ssl, server_kind kind)
{
    static char buf[RECORD], lines[400000];
    size_t len = kind == LINES ? make_lines(lines) : 0;
    int n;

    memset(buf, 'x', sizeof buf);
    if (kind == GREET)
        (void)SSL_write(ssl, "x", 1);
    if (kind == BLAST)
        while (SSL_write(ssl, buf, sizeof buf) > 0)
            ;
    else if (kind == LINES)
        while (SSL_write(ssl, lines, (int)len) > 0)
            ;
    else if (kind == DISCARD)
        discard(SSL_get_fd(ssl));
    else
        while ((n = SSL_read(ssl, buf, sizeof buf)) > 0)
            if (kind == ECHO)
                (void)SSL_write(ssl, buf, n);
}

static int
listener(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t len = sizeof server_address;

    server_address = (struct sockaddr_in){.sin_family = AF_INET,
                                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&server_address, len) != 0 || listen(fd, 128) != 0
        || getsockname(fd, (struct sockaddr *)&server_address, &len) != 0)
        die("listen");
    return fd;
}

_Noreturn static void
serve(int listening, const char *cert, server_kind kind)
{
    SSL_CTX *ctx = server_context(cert);

    (void)alarm(600);
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        SSL *ssl = SSL_new(ctx);

        no_delay(fd);
        (void)SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1)
            answer(ssl, kind);
        (void)SSL_shutdown(ssl);
        SSL_free(ssl);
        (void)close(fd);
        ERR_clear_error();
    }
}

static void
start_server(const char *cert, server_kind kind)
{
    int listening = listener();

    if ((server_pid = fork()) == 0)
        serve(listening, cert, kind);
    (void)close(listening);
}

static SSL *
connect_to_server(SSL_CTX *ctx, SSL_SESSION *session)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL *ssl = SSL_new(ctx);

    if (connect(fd, (struct sockaddr *)&server_address, sizeof server_address) != 0)
        die("connect");
    no_delay(fd);
    (void)SSL_set_fd(ssl, fd);
    (void)SSL_set_tlsext_host_name(ssl, "localhost");
    (void)SSL_set1_host(ssl, "localhost");
    if (session != NULL)
        (void)SSL_set_session(ssl, session);
    if (SSL_connect(ssl) != 1)
        die("handshake");
    return ssl;
}

static void
finish(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);

    (void)SSL_shutdown(ssl);
    SSL_free(ssl);
    (void)close(fd);
}

/* ---- The metrics ----------------------------------------------------------------------------- */

static SSL_CTX *ctx;
static SSL *ssl;
static X509 *peer;
static SSL_SESSION *session;
static size_t resumed, resumptions;
static char buf[RECORD];
static const char *at = buf, *end = buf;
static volatile size_t sink;        /* what the compiler must not leave out */

static void
trust(void)
{
    ctx = client_context(file_of("ca", ".pem"));
}

static void
connected(void)
{
    trust();
    ssl = connect_to_server(ctx, NULL);
    peer = SSL_get1_peer_certificate(ssl);
}

static void
of_version(int version)
{
    trust();
    (void)SSL_CTX_set_min_proto_version(ctx, version);
    (void)SSL_CTX_set_max_proto_version(ctx, version);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
}

static void of_tls12(void) { of_version(TLS1_2_VERSION); }
static void of_tls13(void) { of_version(TLS1_3_VERSION); }

static void ctx_default_ca(void) { SSL_CTX_free(client_context(BUNDLE)); }
static void ctx_small_ca(void) { SSL_CTX_free(client_context(file_of("ca", ".pem"))); }
static void ctx_server(void) { SSL_CTX_free(server_context("ec")); }
static void handshake(void) { finish(connect_to_server(ctx, NULL)); }

/* 200 hosts, one certificate: read once, a context for each, found by name in a sorted array. */
static void
ctx_sni200(void)
{
    SSL_CTX *first = server_context("ec"), *hosts[200];

    for (int i = 0; i < 200; i++) {
        hosts[i] = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_cert_and_key(hosts[i], SSL_CTX_get0_certificate(first),
                                     SSL_CTX_get0_privatekey(first), NULL, 1) != 1)
            die("host");
    }
    for (int i = 0; i < 200; i++)
        SSL_CTX_free(hosts[i]);
    SSL_CTX_free(first);
}

static void
resume(void)
{
    ssl = connect_to_server(ctx, session);
    (void)SSL_read(ssl, buf, 10);
    resumed += (size_t)SSL_session_reused(ssl);
    resumptions++;
    SSL_SESSION_free(session);
    session = SSL_get1_session(ssl);
    finish(ssl);
}

static void
read_block(void)
{
    if (SSL_read(ssl, buf, sizeof buf) <= 0)
        die("read");
}

static void write_block(void) { (void)SSL_write(ssl, buf, sizeof buf); }
static void write_short(void) { (void)SSL_write(ssl, buf, 33); }

static void
ping(void)
{
    (void)SSL_write(ssl, buf, 64);
    (void)SSL_read(ssl, buf, sizeof buf);
}

/* Through a buffer of its own, as whoever wants single bytes of a stream would. */
static void
read_byte(void)
{
    if (at == end) {
        int n = SSL_read(ssl, buf, sizeof buf);

        if (n <= 0)
            die("read");
        at = buf;
        end = buf + n;
    }
    sink += (unsigned char)*at++;
}

/* Each line in memory of its own, as a program gets it. */
static void
read_line(void)
{
    size_t len = 0;
    char *line = NULL;
    const char *newline = NULL;

    while (newline == NULL) {
        size_t n;

        if (at == end) {
            int got = SSL_read(ssl, buf, sizeof buf);

            if (got <= 0)
                die("read");
            at = buf;
            end = buf + got;
        }
        newline = memchr(at, '\n', (size_t)(end - at));
        n = newline == NULL ? (size_t)(end - at) : (size_t)(newline + 1 - at);
        line = realloc(line, len + n + 1);
        memcpy(line + len, at, n);
        at += n;
        len += n;
    }
    line[len] = '\0';
    sink += len;
    free(line);
}

static void
verify_name(void)
{
    if (X509_check_host(peer, "www.bench.example", 0, 0, NULL) != 1)
        die("name");
}

static void
fingerprint(void)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    char *text = malloc(7 + 2 * sizeof digest + 1);

    if (X509_digest(peer, EVP_sha256(), digest, &len) != 1)
        die("digest");
    memcpy(text, "sha256$", 7);
    for (unsigned int i = 0; i < len; i++) {
        text[7 + 2 * i] = "0123456789abcdef"[digest[i] >> 4];
        text[8 + 2 * i] = "0123456789abcdef"[digest[i] & 15];
    }
    sink += (unsigned char)text[7];
    free(text);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static double
resident_kb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long size = 0, resident = 0;

    if (f == NULL || fscanf(f, "%ld %ld", &size, &resident) != 2)
        die("/proc/self/statm");
    (void)fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* Both ends of n connections in this process, idle; as bench.pl makes them. */
static double
idle_memory(int n)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    SSL_CTX *of_server = server_context("ec");
    double before = 0;

    trust();
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_mode(of_server, SSL_MODE_RELEASE_BUFFERS);
    if (bind(listener, (struct sockaddr *)&a, len) != 0 || listen(listener, 512) != 0
        || getsockname(listener, (struct sockaddr *)&a, &len) != 0)
        die("listen");
    for (int i = 0; i < n + 20; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0), accepted;
        SSL *client = SSL_new(ctx), *server = SSL_new(of_server);
        bool client_done = false, server_done = false;

        if (i == 20)
            before = resident_kb();
        if (connect(fd, (struct sockaddr *)&a, len) != 0
            || (accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) < 0)
            die("connect");
        BIO_socket_nbio(fd, 1);
        (void)SSL_set_fd(client, fd);
        (void)SSL_set_fd(server, accepted);
        (void)SSL_set1_host(client, "localhost");
        for (int k = 0; k < 20 && !(client_done && server_done); k++) {
            client_done = client_done || SSL_connect(client) == 1;
            server_done = server_done || SSL_accept(server) == 1;
        }
        if (!client_done || !server_done)
            die("handshake");
        (void)SSL_write(server, "hi", 2);
        for (int k = 0; k < 3; k++)
            (void)SSL_read(client, buf, 10);
        ERR_clear_error();
    }
    return (resident_kb() - before) / (2.0 * n);
}

/* ---- The first context of a process ---------------------------------------------------------- */

/* Without any certificate: what OpenSSL itself takes to be ready. No way to keep roots is below this. */
static double
first_context(void)
{
    double start = now();
    SSL_CTX *first = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_verify(first, SSL_VERIFY_PEER, NULL);
    return (now() - start) * 1000;
}

/* ---- What there is --------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    const char *cert;           /* of the server, NULL: none needed */
    server_kind server;
    void (*prepare)(void);
    void (*operation)(void);
    int batch;                  /* operations between two looks at the clock */
    const char *unit;
    double scale;
} metric;

static const double MIB = (double)RECORD / (1 << 20);

int
main(int argc, char **argv)
{
    const metric METRICS[] = {
        {"ctx_default_ca", NULL, NONE, NULL, ctx_default_ca, 1, "ctx/s", 1},
        {"ctx_small_ca", NULL, NONE, NULL, ctx_small_ca, 5, "ctx/s", 1},
        {"ctx_server_ec", NULL, NONE, NULL, ctx_server, 5, "ctx/s", 1},
        {"ctx_sni200", NULL, NONE, NULL, ctx_sni200, 1, "ctx/s", 1},
        {"hs_full_ec", "ec", DRAIN, trust, handshake, 5, "conn/s", 1},
        {"hs_full_rsa", "rsa", DRAIN, trust, handshake, 5, "conn/s", 1},
        {"hs_resumed_TLSv1_2", "ec", GREET, of_tls12, resume, 5, "conn/s", 1},
        {"hs_resumed_TLSv1_3", "ec", GREET, of_tls13, resume, 5, "conn/s", 1},
        {"bulk_read", "ec", BLAST, connected, read_block, 64, "MiB/s", MIB},
        {"bulk_write", "ec", DISCARD, connected, write_block, 64, "MiB/s", MIB},
        {"pingpong64", "ec", ECHO, connected, ping, 50, "rt/s", 1},
        {"print_small", "ec", DISCARD, connected, write_short, 100, "print/s", 1},
        {"readline", "ec", LINES, connected, read_line, 500, "lines/s", 1},
        {"sysread1", "ec", BLAST, connected, read_byte, 5000, "read/s", 1},
        {"getc", "ec", BLAST, connected, read_byte, 5000, "getc/s", 1},
        {"verify_hostname", "ec", DRAIN, connected, verify_name, 200, "verify/s", 1},
        {"fingerprint", "ec", DRAIN, connected, fingerprint, 200, "fp/s", 1},
    };
    const metric *m = NULL;
    double start, seconds, n = 0, limit, taken;
    bool counts;

    if (argc != 4)
        return 2;
    cert_dir = argv[2];
    counts = argv[3][0] == 'x';
    limit = atof(argv[3] + (counts ? 1 : 0));
    (void)signal(SIGPIPE, SIG_IGN);
    (void)alarm(counts ? 600 : 60);
    if (strcmp(argv[1], "ctx_first_ms") == 0) {
        printf("ctx_first_ms %.6g ms\n", first_context());
        return 0;
    }
    if (strcmp(argv[1], "mem_idle") == 0) {
        printf("mem_idle %.6g kB/socket\n", idle_memory(400));
        return 0;
    }
    for (size_t i = 0; i < sizeof METRICS / sizeof METRICS[0]; i++)
        if (strcmp(METRICS[i].name, argv[1]) == 0)
            m = &METRICS[i];
    if (m == NULL)
        return 2;
    memset(buf, 'x', sizeof buf);
    if (strcmp(argv[3], "serve") == 0 && m->cert != NULL) {
        int listening = listener();

        printf("127.0.0.1:%d\n", ntohs(server_address.sin_port));
        (void)fflush(stdout);
        serve(listening, m->cert, m->server);
    }
    if (m->cert != NULL)
        start_server(m->cert, m->server);
    if (m->prepare != NULL)
        m->prepare();
    for (int i = 0; i < 2; i++)
        m->operation();
    start = now();
    do {
        for (int i = 0; i < m->batch && !(counts && n >= limit); i++, n++)
            m->operation();
        taken = now() - start;
        seconds = counts ? n : taken;
    } while (seconds < limit);
    printf("%s %.6g %s", m->name, n * m->scale / taken, m->unit);
    if (resumptions > 0)
        printf(" (%.0f%% resumed)", 100.0 * (double)resumed / (double)resumptions);
    printf("\n");
    if (server_pid > 0)
        (void)kill(server_pid, SIGTERM);
    return 0;
}
