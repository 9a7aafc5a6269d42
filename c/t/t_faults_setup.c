/*
 * t_faults_setup.c - what is done before and beside a conversation, with each system call failing in turn:
 * sockets, addresses, files, threads. A call of ours that fails says so, or does without; no descriptor
 * stays open.
 *
 * Calls come here by the linker's --wrap (see the Makefile). t_faults_calls.c has those of a conversation.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "iossl.h"
#include "support_files.h"
#include "support_pair.h"
#include "tap.h"

#ifdef __linux__

#include "promises.h"

/* ---- Calls ----------------------------------------------------------------------------------- */

static atomic_long seen;            /* those that may be hit */
static long at;                     /* the one that is hit; 0: none */
static int with;                    /* its errno */
static bool goes_on;                /* and all after it */
static const char *only;            /* calls of this name; NULL: all */
static const char *_Atomic hit;     /* the name of one that was */

static bool
fails(const char *name)
{
    long n;

    if (at == 0 || (only != NULL && strcmp(name, only) != 0))
        return false;
    n = atomic_fetch_add(&seen, 1) + 1;
    if (n != at && !(goes_on && n > at))
        return false;
    atomic_store(&hit, name);
    errno = with;
    return true;
}

/* type name(parameters): the real one with these arguments, or this result. */
#define WRAP(type, name, parameters, arguments, failed)                                            \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return fails(#name) ? (failed) : __real_##name arguments;                                  \
    }

WRAP(int, accept4, (int fd, struct sockaddr *a, socklen_t *len, int flags), (fd, a, len, flags), -1)
WRAP(int, bind, (int fd, const struct sockaddr *a, socklen_t len), (fd, a, len), -1)
WRAP(int, connect, (int fd, const struct sockaddr *a, socklen_t len), (fd, a, len), -1)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
WRAP(FILE *, fdopen, (int fd, const char *mode), (fd, mode), NULL)
WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL)
WRAP(int, fstat, (int fd, struct stat *info), (fd, info), -1)
WRAP(int, fsync, (int fd), (fd), -1)
WRAP(int, getaddrinfo,
     (const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list),
     (host, port, hints, list), EAI_SYSTEM)
WRAP(int, getpeername, (int fd, struct sockaddr *a, socklen_t *len), (fd, a, len), -1)
WRAP(int, getsockname, (int fd, struct sockaddr *a, socklen_t *len), (fd, a, len), -1)
WRAP(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),
     (fd, level, name, value, len), -1)
WRAP(int, listen, (int fd, int backlog), (fd, backlog), -1)
WRAP(int, mkostemp, (char *path, int flags), (path, flags), -1)
WRAP(DIR *, opendir, (const char *path), (path), NULL)
WRAP(int, pipe2, (int ends[2], int flags), (ends, flags), -1)
WRAP(int, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms), -1)
WRAP(int, pthread_create,
     (pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg),
     (thread, attr, run, arg), EAGAIN)
WRAP(ssize_t, read, (int fd, void *buf, size_t len), (fd, buf, len), -1)
WRAP(int, rename, (const char *from, const char *to), (from, to), -1)
WRAP(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),
     (fd, level, name, value, len), -1)
WRAP(int, socket, (int family, int type, int protocol), (family, type, protocol), -1)
WRAP(int, stat, (const char *path, struct stat *info), (path, info), -1)
WRAP(ssize_t, write, (int fd, const void *buf, size_t len), (fd, buf, len), -1)
WRAP(ssize_t, writev, (int fd, const struct iovec *parts, int n), (fd, parts, n), -1)

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, long value);
int
__wrap_fcntl(int fd, int command, long value)
{
    return fails("fcntl") ? -1 : __real_fcntl(fd, command, value);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, mode_t mode);
int
__wrap_open(const char *path, int flags, mode_t mode)
{
    return fails("open") ? -1 : __real_open(path, flags, mode);
}

static int
count_descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += __real_fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* ---- Scenarios: true where all came out as without a fault ------------------------------------ */

static test_identity ca, leaf;
static iossl_ctx *client_ctx, *server_ctx;
static char *ca_file, *cert_file, *key_file, *keys_file, *made_file, *log_file;

static bool
reach(const char *host, const char *at_host, iossl_error *err)
{
    iossl_listener *listener = iossl_listener_new(host, "0", err);
    iossl_conn *conn = NULL;
    iossl_status status = IOSSL_ERROR;
    char port[16], *peer;
    int fd = -1, number;

    if (!made(listener, err))
        return false;
    if ((number = iossl_listener_get_port(listener)) > 0) {
        (void)snprintf(port, sizeof port, "%d", number);
        status = iossl_tcp_connect(&fd, at_host, port, 2000, err);
        promise(good(status, err) == (fd >= 0), "a descriptor comes with success, and with it only");
        if (status == IOSSL_OK) {
            status = iossl_accept(&conn, server_ctx, listener, 100, err);
            promise(good(status, err) == (conn != NULL), "so does a connection");
        }
    }
    if (conn != NULL) {
        peer = iossl_conn_peer_address(conn);
        if (peer == NULL)
            status = IOSSL_ERROR;
        iossl_free(peer);
    }
    iossl_conn_free(conn);
    if (fd >= 0)
        close(fd);
    iossl_listener_free(listener);
    return status == IOSSL_OK;
}

static bool
run_address(iossl_error *err)
{
    return reach("127.0.0.1", "127.0.0.1", err);
}

static bool
run_any_address(iossl_error *err)
{
    return reach(NULL, "127.0.0.1", err);
}

/* Which asks the resolver, in threads. */
static bool
run_name(iossl_error *err)
{
    return reach("127.0.0.1", "localhost", err);
}

static bool
same_key(const EVP_PKEY *a, const EVP_PKEY *b)
{
    char *texts[2];
    size_t len[2];
    bool same;

    texts[0] = iossl_key_to_pem(a, &len[0], NULL);
    texts[1] = iossl_key_to_pem(b, &len[1], NULL);
    same = texts[0] != NULL && texts[1] != NULL && strcmp(texts[0], texts[1]) == 0;
    iossl_free_secret(texts[0], len[0]);
    iossl_free_secret(texts[1], len[1]);
    return same;
}

static bool
run_files(iossl_error *err)
{
    STACK_OF(X509) *certs = iossl_certs_from_file(cert_file, err);
    EVP_PKEY *key = NULL, *again = NULL;
    bool ok = made(certs, err);

    if (ok) {
        X509 *cert = sk_X509_value(certs, 0);

        ok = good(iossl_certs_to_file(made_file, &cert, 1, err), err);
    }
    key = iossl_key_from_file(key_file, NULL, NULL, err);
    ok = made(key, err) && ok;
    if (key != NULL && good(iossl_key_to_file(made_file, key, err), err)) {
        again = iossl_key_from_file(made_file, NULL, NULL, err);
        ok = made(again, err) && ok;
        promise(again == NULL || same_key(key, again), "a key is written whole");
    } else {
        ok = false;
    }
    EVP_PKEY_free(key);
    EVP_PKEY_free(again);
    sk_X509_pop_free(certs, X509_free);
    return ok;
}

/* Of files that name themselves, and of the system's trust. */
static bool
run_context(iossl_error *err)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_ctx *ctx;
    bool ok = false;

    iossl_castore_flush();
    if (good(iossl_config_set_ca_file(config, ca_file, err), err)
        && good(iossl_config_set_ca_path(config, test_path("certs"), err), err)
        && good(iossl_config_add_cert_file(config, NULL, cert_file, err), err)
        && good(iossl_config_add_key_file(config, NULL, key_file, err), err)) {
        ctx = iossl_ctx_new(config, err);
        ok = made(ctx, err)
             && good(iossl_verify_chain(ctx, IOSSL_CLIENT, leaf.cert, NULL, "www.example.test", 0, err),
                     err);
        iossl_ctx_free(ctx);
    }
    iossl_config_free(config);
    return ok;
}

static bool
run_default_trust(iossl_error *err)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_ctx *ctx;
    bool ok;

    iossl_castore_flush();
    ctx = iossl_ctx_new(config, err);
    ok = made(ctx, err)
         && iossl_verify_chain(ctx, IOSSL_CLIENT, leaf.cert, NULL, "www.example.test", 0, err)
                == IOSSL_OK;
    ERR_clear_error();
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    return ok;
}

/* Keys of tickets: what is there already is never lost. */
static bool
run_ticket_keys(iossl_error *err)
{
    iossl_ticket_key *keys = NULL;
    size_t n = 0;
    bool ok = good(iossl_ticket_keys_rotate(keys_file, 3, err), err);

    ok = good(iossl_ticket_keys_read(&keys, &n, keys_file, err), err) && ok;
    promise(keys == NULL || n >= 2, "no key is lost");
    iossl_ticket_keys_free(keys, n);
    return ok;
}

/* A log that can't be written disturbs nobody. */
static bool
run_keylog(iossl_error *err)
{
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    iossl_ctx *ctx = NULL;
    test_pair pair;
    bool ok = false;

    if (good(iossl_config_add_certs(config, NULL, &leaf.cert, 1, err), err)
        && good(iossl_config_add_key(config, NULL, leaf.key, err), err)
        && good(iossl_config_set_keylog_file(config, log_file, err), err)) {
        ctx = iossl_ctx_new(config, err);
        if (made(ctx, err)) {
            pair = test_pair_new(client_ctx, ctx, "www.example.test");
            ok = test_pair_shake(&pair);
            promise(ok, "a log that can't be written disturbs no connection");
            test_pair_free(&pair);
        }
    }
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    return ok;
}

/* A context whose files can't be looked at goes on with what it has. */
static bool
run_reload(iossl_error *err)
{
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    iossl_ctx *ctx = NULL;
    test_pair pair;
    bool ok = false;

    if (!good(iossl_config_add_cert_file(config, NULL, cert_file, err), err)
        || !good(iossl_config_add_key_file(config, NULL, key_file, err), err)) {
        iossl_config_free(config);
        return false;
    }
    ctx = iossl_ctx_new_reloadable(config, 0, err);     /* takes it in any case */
    if (made(ctx, err)) {
        ok = good(iossl_ctx_reload(ctx, err), err);
        pair = test_pair_new(client_ctx, ctx, "www.example.test");
        promise(test_pair_shake(&pair), "a context that wasn't reloaded works as before");
        test_pair_free(&pair);
    }
    iossl_ctx_free(ctx);
    return ok;
}

/* Waiting under a deadline for who never answers. */
static bool
run_waiting(iossl_error *err)
{
    iossl_conn *conn;
    iossl_status status;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        bail_out("sockets");
    conn = iossl_conn_new_owned_fd(client_ctx, IOSSL_CLIENT, fds[0], err);
    if (conn == NULL || iossl_conn_set_hostname(conn, "www.example.test", err) != IOSSL_OK)
        bail_out("a connection");
    status = iossl_handshake(conn, 1, err);
    (void)good(status, err);
    promise(status != IOSSL_OK, "nobody has answered");
    iossl_free(iossl_conn_peer_address(conn));
    iossl_conn_free(conn);
    close(fds[1]);
    return status == IOSSL_TIMEOUT;
}

/* ---- Each call in turn ----------------------------------------------------------------------- */

typedef struct {
    const char *name;
    bool (*run)(iossl_error *err);
    bool has_threads;               /* of the resolver, which have descriptors a little longer */
} scenario;

static const scenario SCENARIOS[] = {
    {"an address", run_address, true},
    {"all addresses", run_any_address, true},
    {"a name", run_name, true},
    {"files", run_files, false},
    {"a context", run_context, false},
    {"the system's trust", run_default_trust, false},
    {"keys of tickets", run_ticket_keys, false},
    {"a key log", run_keylog, false},
    {"a reload", run_reload, false},
    {"waiting", run_waiting, false},
};

/* Threads of the resolver that nobody waits for any more have descriptors, too: until there are none. */
static void
wait_for_threads(void)
{
    for (int threads = 2; threads > 1;) {
        DIR *tasks = opendir("/proc/self/task");
        const struct dirent *task;

        threads = 0;
        while (tasks != NULL && (task = readdir(tasks)) != NULL)
            threads += task->d_name[0] != '.';
        if (tasks != NULL)
            (void)closedir(tasks);
        (void)sched_yield();
    }
}

/* Whether it came out as without a fault. */
static bool
attempt(const scenario *s)
{
    iossl_error *err = iossl_error_new();
    bool ok;

    atomic_store(&seen, 0);
    atomic_store(&hit, NULL);
    ok = s->run(err);
    at = 0;
    if (s->has_threads)
        wait_for_threads();
    iossl_error_free(err);
    return ok;
}

static void
try_scenario(const scenario *s, int errnum, bool persistent)
{
    long tried = 0, failed = 0;
    const char *first_broken = NULL, *broken_by = NULL, *lost_by = NULL;

    broken = NULL;
    ok(attempt(s) && broken == NULL, "%s: all is well without a fault%s%s", s->name,
       broken == NULL ? "" : ": ", broken == NULL ? "" : broken);
    for (long n = 1;; n++) {
        int before = count_descriptors();
        bool whole;

        broken = NULL;
        only = NULL;
        with = errnum;
        goes_on = persistent;
        at = n;
        whole = attempt(s);
        if (atomic_load(&hit) == NULL)
            break;
        tried++;
        failed += !whole;
        if (broken != NULL && first_broken == NULL) {
            first_broken = broken;
            broken_by = atomic_load(&hit);
        }
        if (!s->has_threads && count_descriptors() != before && lost_by == NULL)
            lost_by = atomic_load(&hit);
    }
    ok(first_broken == NULL, "%s, %s%s: each promise is kept (%s: %s)", s->name, strerror(errnum),
       persistent ? " from there on" : "", broken_by == NULL ? "each call" : broken_by,
       first_broken == NULL ? "all" : first_broken);
    ok(lost_by == NULL, "%s, %s: no descriptor is lost (%s)", s->name, strerror(errnum),
       lost_by == NULL ? "by no call" : lost_by);
    ok(tried > 0, "%s, %s: calls were tried", s->name, strerror(errnum));
    printf("# %s, %s: %ld calls, %ld of them matter\n", s->name, strerror(errnum), tried, failed);
}

/* ---- Single faults that must not matter, or matter in one way --------------------------------- */

static const scenario *
find(const char *name)
{
    for (size_t i = 0; i < sizeof SCENARIOS / sizeof *SCENARIOS; i++)
        if (strcmp(SCENARIOS[i].name, name) == 0)
            return &SCENARIOS[i];
    bail_out(name);
    return NULL;
}

static void
test_harmless(void)
{
    static const struct {
        const char *scenario, *call;
        long at;
        int errnum;
        bool goes_on;
        const char *why;
    } cases[] = {
        {"files", "open", 1, EINTR, false, "an open that a signal interrupts is repeated"},
        {"files", "read", 1, EINTR, false, "so is a read"},
        {"files", "write", 1, EINTR, false, "and a write"},
        {"a key log", "writev", 1, EINTR, false, "a line of the log is written after a signal"},
        {"a key log", "writev", 1, ENOSPC, true, "a full disk ends the log, not the connection"},
        {"all addresses", "socket", 1, EAFNOSUPPORT, false,
         "without IPv6 all addresses are those of IPv4"},
        {"an address", "setsockopt", 1, EPERM, true, "options that can't be set are none"},
        {"an address", "accept4", 1, ECONNABORTED, false, "a peer that has left isn't the listener's fault"},
        {"a name", "pthread_create", 1, EAGAIN, true, "without threads a name is looked up all the same"},
        {"a name", "read", 1, EINTR, false, "a signal while answers are taken"},
        {"a name", "write", 1, EINTR, false, "a signal while an answer is given"},
        {"the system's trust", "opendir", 1, EACCES, true, "a folder that can't be read isn't used"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        broken = NULL;
        only = cases[i].call;
        with = cases[i].errnum;
        goes_on = cases[i].goes_on;
        at = cases[i].at;
        ok(attempt(find(cases[i].scenario)) && broken == NULL, "%s", cases[i].why);
        is_str(atomic_load(&hit), cases[i].call, "(it was tried)");
    }
    only = NULL;
}

static void
test_peers_that_leave(void)
{
    iossl_listener *listener = iossl_listener_new("127.0.0.1", "0", NULL);
    iossl_conn *conn;

    atomic_store(&seen, 0);
    only = "accept4";
    with = ECONNABORTED;
    goes_on = true;
    at = 1;
    is_int(iossl_accept(&conn, server_ctx, listener, 20, NULL), IOSSL_TIMEOUT,
           "peers that leave one after the other keep nobody beyond the time");
    ok(atomic_load(&seen) > 1, "(there were several)");
    at = 0;
    only = NULL;
    iossl_listener_free(listener);
}

/* ---- Fixtures -------------------------------------------------------------------------------- */

static BIO *
pem_of(X509 *cert, EVP_PKEY *key)
{
    BIO *pem = BIO_new(BIO_s_mem());

    if ((cert != NULL && PEM_write_bio_X509(pem, cert) != 1)
        || (key != NULL && PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) != 1))
        bail_out("PEM");
    return pem;
}

static void
fixtures(void)
{
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.common_name = "www.example.test",
                                                .altnames = "DNS:www.example.test", .issuer = &ca});
    client_ctx = test_client_ctx(&ca, NULL);
    server_ctx = test_server_ctx(&leaf, NULL);
    ca_file = strdup(test_write_bio("ca.pem", pem_of(ca.cert, NULL)));
    cert_file = strdup(test_write_bio("cert.pem", pem_of(leaf.cert, NULL)));
    key_file = strdup(test_write_bio("key.pem", pem_of(NULL, leaf.key)));
    keys_file = strdup(test_path("keys"));
    made_file = strdup(test_path("made.pem"));
    log_file = strdup(test_path("log"));
    if (mkdir(test_path("certs"), 0700) != 0
        || iossl_ticket_keys_rotate(keys_file, 3, NULL) != IOSSL_OK
        || iossl_ticket_keys_rotate(keys_file, 3, NULL) != IOSSL_OK)
        bail_out("files");
    (void)setenv("SSL_CERT_FILE", ca_file, 1);
    (void)setenv("SSL_CERT_DIR", test_path("certs"), 1);
}

int
main(void)
{
    tap_start();
    tap_alarm(240);
    signal(SIGPIPE, SIG_IGN);
    test_folder_make();
    fixtures();
    for (size_t i = 0; i < sizeof SCENARIOS / sizeof *SCENARIOS; i++) {
        try_scenario(&SCENARIOS[i], EINTR, false);
        try_scenario(&SCENARIOS[i], EIO, true);
        try_scenario(&SCENARIOS[i], EMFILE, false);
    }
    for (size_t i = 0; i < sizeof SCENARIOS / sizeof *SCENARIOS; i++) {
        try_scenario(&SCENARIOS[i], ENFILE, false);
        try_scenario(&SCENARIOS[i], ECONNREFUSED, false);
    }
    test_harmless();
    test_peers_that_leave();
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    free(ca_file);
    free(cert_file);
    free(key_file);
    free(keys_file);
    free(made_file);
    free(log_file);
    return done_testing();
}

#else

TAP_SKIPPED_MAIN("system calls can be made to fail on Linux")

#endif
