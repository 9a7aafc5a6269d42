/*
 * t_connect.c - connecting by name: many addresses, one deadline, and errors that tell which.
 *
 * The resolver here is the test's own, in place of the C library's: each name has the answers, and
 * the addresses the behaviour, that a check is about.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "iossl.h"
#include "support_site.h"

static const char *v6_loopback = "::1";     /* where there is no IPv6, another address does */

/* ---- A resolver ------------------------------------------------------------------------------ */

#define MAX_ADDRESSES 12

/* What a family's lookup comes to. */
typedef struct {
    int code;                       /* of getaddrinfo(3), 0: the addresses */
    int n;
    struct sockaddr_storage addresses[MAX_ADDRESSES];
    bool after_other;               /* only when the other family has answered */
    bool is_stuck;                  /* only when released is set */
} answer;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    answer v4, v6;
    bool answered_v4, answered_v6, released;
    int running;                    /* lookups that haven't returned */
    char asked[256];                /* the host that was asked for last */
} resolver = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static socklen_t
size_of(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

static struct addrinfo *
list_of(const answer *a)
{
    struct addrinfo *first = NULL;

    for (int i = a->n - 1; i >= 0; i--) {
        struct addrinfo *ai = calloc(1, sizeof *ai);

        if (ai == NULL || (ai->ai_addr = malloc(sizeof a->addresses[i])) == NULL)
            abort();
        memcpy(ai->ai_addr, &a->addresses[i], sizeof a->addresses[i]);
        ai->ai_family = a->addresses[i].ss_family;
        ai->ai_socktype = SOCK_STREAM;
        ai->ai_addrlen = size_of(&a->addresses[i]);
        ai->ai_next = first;
        first = ai;
    }
    return first;
}

/* An address as text, the port as a number. */
static bool
parse_address(struct sockaddr_storage *out, const char *text, const char *port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    in_port_t number = htons((in_port_t)atoi(port));

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = number;
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = number;
    return true;
}

/* Where the caller only waits for what the program itself decides. */
static int
answer_name(int family, struct addrinfo **list)
{
    bool is_v6 = family == AF_INET6;
    const answer *a = is_v6 ? &resolver.v6 : &resolver.v4;
    int code;

    (void)pthread_mutex_lock(&resolver.lock);
    while ((a->is_stuck && !resolver.released)
           || (a->after_other && !(is_v6 ? resolver.answered_v4 : resolver.answered_v6)))
        (void)pthread_cond_wait(&resolver.changed, &resolver.lock);
    code = a->code;
    if (code == 0 && a->n == 0)
        code = EAI_NONAME;
    if (code == 0)
        *list = list_of(a);
    if (is_v6)
        resolver.answered_v6 = true;
    else
        resolver.answered_v4 = true;
    resolver.running--;
    (void)pthread_cond_broadcast(&resolver.changed);
    (void)pthread_mutex_unlock(&resolver.lock);
    return code;
}

int
getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
            struct addrinfo **list)
{
    answer numeric = {.n = 1};

    if (host != NULL && parse_address(&numeric.addresses[0], host, port)) {
        if (hints->ai_family != AF_UNSPEC
            && hints->ai_family != numeric.addresses[0].ss_family)
            return EAI_NONAME;
        *list = list_of(&numeric);
        return 0;
    }
    if ((hints->ai_flags & AI_NUMERICHOST) != 0)
        return EAI_NONAME;
    (void)pthread_mutex_lock(&resolver.lock);
    (void)snprintf(resolver.asked, sizeof resolver.asked, "%s", host == NULL ? "" : host);
    (void)pthread_mutex_unlock(&resolver.lock);
    return answer_name(hints->ai_family, list);
}

void
freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;

        free(list->ai_addr);
        free(list);
        list = next;
    }
}

/* The lookups to come have these answers. */
static void
resolver_set(const answer *v6, const answer *v4)
{
    (void)pthread_mutex_lock(&resolver.lock);
    resolver.v6 = *v6;
    resolver.v4 = *v4;
    resolver.answered_v4 = resolver.answered_v6 = resolver.released = false;
    resolver.running = 2;
    (void)pthread_mutex_unlock(&resolver.lock);
}

/* Lets lookups that are stuck return, and waits until they have. */
static void
resolver_release(void)
{
    (void)pthread_mutex_lock(&resolver.lock);
    resolver.released = true;
    (void)pthread_cond_broadcast(&resolver.changed);
    while (resolver.running > 0)
        (void)pthread_cond_wait(&resolver.changed, &resolver.lock);
    (void)pthread_mutex_unlock(&resolver.lock);
}

/* ---- Peers ----------------------------------------------------------------------------------- */

/* A bound socket on the loopback; its address becomes the next one of an answer. */
static int
bind_to(const char *text, answer *a)
{
    struct sockaddr_storage *address = &a->addresses[a->n];
    socklen_t len;
    int fd;

    if (!parse_address(address, text, "0"))
        bail_out("bad address");
    fd = socket(address->ss_family, SOCK_STREAM, 0);
    len = size_of(address);
    if (fd < 0 || bind(fd, (struct sockaddr *)address, len) != 0
        || getsockname(fd, (struct sockaddr *)address, &len) != 0)
        bail_out("cannot bind to the loopback");
    a->n++;
    return fd;
}

static bool
has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool there = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;

    if (fd >= 0)
        close(fd);
    return there;
}

/* Nobody listens there, as long as the descriptor is open. */
static int
add_refusing(const char *text, answer *a)
{
    return bind_to(text, a);
}

/* Someone listens, and is so busy that no packet is answered. */
typedef struct {
    int listener, fillers[4];
} silent_peer;

static silent_peer
add_silent(const char *text, answer *a)
{
    silent_peer s = {.listener = bind_to(text, a)};
    const struct sockaddr_storage *address = &a->addresses[a->n - 1];

    if (listen(s.listener, 0) != 0)
        bail_out("cannot listen");
    for (int i = 0; i < 4; i++) {
        s.fillers[i] = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(s.fillers[i], (const struct sockaddr *)address, size_of(address));
    }
    return s;
}

static void
silent_free(silent_peer *s)
{
    close(s->listener);
    for (int i = 0; i < 4; i++)
        close(s->fillers[i]);
}

/* A TLS server for one connection. */
typedef struct {
    iossl_listener *listener;
    pthread_t thread;
    iossl_status status;
} server;

static void *
serve(void *arg)
{
    server *s = arg;
    iossl_conn *conn = NULL;

    s->status = iossl_accept(&conn, server_ctx, s->listener, IOSSL_FOREVER, NULL);
    if (s->status == IOSSL_OK)
        s->status = iossl_handshake(conn, IOSSL_FOREVER, NULL);
    iossl_conn_free(conn);
    return NULL;
}

static void
server_start(server *s, const char *text, answer *a)
{
    char port[8];

    if ((s->listener = iossl_listener_new(text, "0", err)) == NULL)
        bail_out(iossl_error_message(err));
    (void)snprintf(port, sizeof port, "%d", iossl_listener_get_port(s->listener));
    if (a != NULL && !parse_address(&a->addresses[a->n++], text, port))
        bail_out("bad address");
    if (pthread_create(&s->thread, NULL, serve, s) != 0)
        bail_out("no thread");
}

static iossl_status
server_end(server *s)
{
    (void)pthread_join(s->thread, NULL);
    iossl_listener_free(s->listener);
    return s->status;
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

static int
count_open(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Lookups that were left behind close their pipes in their own time; what never does ends here. */
static void
closed_again(int before, const char *what)
{
    while (count_open() > before)
        (void)sched_yield();
    ok(1, "%s", what);
}

/* ---- Good ends ------------------------------------------------------------------------------- */

static void
test_address(const char *host, const char *address)
{
    server s;
    iossl_conn *conn;
    char port[8], wanted[64];
    char *peer;
    int fd;

    server_start(&s, address, NULL);
    (void)snprintf(port, sizeof port, "%d", iossl_listener_get_port(s.listener));
    is_int(iossl_connect(&conn, client_ctx, host, port, 30000, err), IOSSL_OK, "connected to %s",
           host);
    is_str(iossl_error_message(err), "", "without a word");
    if (conn == NULL)
        return;
    is_str(iossl_conn_get0_verified_name(conn), address, "the address was verified");
    ok(iossl_conn_get0_servername(conn) == NULL, "and not sent as a name");
    peer = iossl_conn_peer_address(conn);
    (void)snprintf(wanted, sizeof wanted, strchr(address, ':') == NULL ? "%s:%s" : "[%s]:%s",
                   address, port);
    is_str(peer, wanted, "it can be told");
    iossl_free(peer);
    fd = iossl_conn_get_fd(conn);
    ok((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0, "the socket is in blocking mode");
    ok((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "and closes on exec");
    iossl_conn_free(conn);
    ok(fcntl(fd, F_GETFD) < 0, "and with the connection");
    is_int(server_end(&s), IOSSL_OK, "the server is content, too");
}

/* "www.example.test" from here on: what is in the answers. */
static iossl_status
connect_by_name(iossl_conn **conn, const char *name, int64_t timeout_ms)
{
    iossl_error_clear(err);
    return iossl_connect(conn, client_ctx, name, "1", timeout_ms, err);
}

/*
 * Connects until the error has this text. A machine that is busy elsewhere may be late with an answer,
 * or leave no time for what a check is about: then it is done again, with twice the time. What never
 * comes is missed by the check in the end. *timeout_ms is what it took; the lookups are over.
 */
static iossl_status
connect_until_told(iossl_conn **conn, const answer *v6, const answer *v4, int64_t *timeout_ms,
                   const char *text)
{
    iossl_status status;

    for (int i = 0;; i++) {
        resolver_set(v6, v4);
        status = connect_by_name(conn, "www.example.test", *timeout_ms);
        resolver_release();
        if (status == IOSSL_OK || i == 8 || strstr(iossl_error_message(err), text) != NULL)
            return status;
        *timeout_ms *= 2;
    }
}

static void
test_refused_then_good(void)
{
    answer v6 = {0}, v4 = {0};
    int refusing = add_refusing(v6_loopback, &v6);
    server s;
    iossl_conn *conn;

    server_start(&s, "127.0.0.1", &v4);
    resolver_set(&v6, &v4);
    is_int(connect_by_name(&conn, "www.example.test", 30000), IOSSL_OK,
           "an address that refuses, then one that answers");
    is_str(iossl_error_message(err), "", "is no error");
    is_str(iossl_conn_get0_verified_name(conn), "www.example.test", "the name was verified");
    is_str(iossl_conn_get0_servername(conn), "www.example.test", "and sent");
    iossl_conn_free(conn);
    is_int(server_end(&s), IOSSL_OK, "the server saw it");
    close(refusing);
}

static void
test_silent_then_good(void)
{
    answer v6 = {0}, v4 = {0};
    silent_peer silent = add_silent(v6_loopback, &v6);
    int before;
    server s;
    iossl_conn *conn;

    server_start(&s, "127.0.0.1", &v4);
    resolver_set(&v6, &v4);
    before = count_open();
    is_int(connect_by_name(&conn, "www.example.test", IOSSL_FOREVER), IOSSL_OK,
           "an address that doesn't answer is overtaken by one that does");
    iossl_conn_free(conn);
    resolver_release();
    is_int(server_end(&s), IOSSL_OK, "the server saw it");
    closed_again(before, "the attempt that lost is closed");
    silent_free(&silent);
}

static void
test_preference(void)
{
    answer v6 = {0}, v4 = {.after_other = true};
    server s;
    int refusing = add_refusing("127.0.0.1", &v4);
    iossl_conn *conn;

    server_start(&s, v6_loopback, &v6);
    resolver_set(&v6, &v4);
    is_int(connect_by_name(&conn, "www.example.test", 30000), IOSSL_OK,
           "IPv6, when it answers, is not kept waiting by the lookup of IPv4");
    iossl_conn_free(conn);
    is_int(server_end(&s), IOSSL_OK, "and taken");
    resolver_release();
    close(refusing);
}

static void
test_stuck_v6(void)
{
    answer v6 = {.is_stuck = true}, v4 = {0};
    server s;
    iossl_conn *conn;

    server_start(&s, "127.0.0.1", &v4);
    resolver_set(&v6, &v4);
    is_int(connect_by_name(&conn, "www.example.test", IOSSL_FOREVER), IOSSL_OK,
           "IPv4 doesn't wait for ever for the lookup of IPv6");
    iossl_conn_free(conn);
    is_int(server_end(&s), IOSSL_OK, "the server saw it");
    resolver_release();
}

static void
test_international(void)
{
    answer v6 = {0}, v4 = {0};
    iossl_conn *conn;

    resolver_set(&v6, &v4);
    is_int(connect_by_name(&conn, "m\xc3\xbcnchen.example", 30000), IOSSL_ERROR,
           "an international name");
    is_str(resolver.asked, "xn--mnchen-3ya.example", "is looked up in ASCII");
    like(iossl_error_message(err), "cannot look up \"m\\xc3\\xbcnchen.example\"",
         "and told as it was written");
}

/* ---- Bad ends -------------------------------------------------------------------------------- */

static void
test_all_refused(void)
{
    answer v6 = {.after_other = true}, v4 = {0};
    int fds[3] = {add_refusing(v6_loopback, &v6), add_refusing(v6_loopback, &v6),
                  add_refusing("127.0.0.1", &v4)};
    int before = count_open();
    int64_t timeout_ms = 30000;
    char told[80], turns[240];
    const char *text;
    iossl_conn *conn;

    /* Which both families have only while the answers come together. */
    (void)snprintf(told, sizeof told, "%s: Connection refused", v6_loopback);
    (void)snprintf(turns, sizeof turns, "%s; 127.0.0.1: Connection refused; %s", told, told);
    is_int(connect_until_told(&conn, &v6, &v4, &timeout_ms, turns), IOSSL_ERROR,
           "all addresses refuse");
    ok(conn == NULL, "no connection");
    is_int(iossl_error_get_code(err), IOSSL_E_CONNECT, "which has its code");
    is_int(iossl_error_get_errno(err), ECONNREFUSED, "and its errno");
    text = iossl_error_message(err);
    like(text, "cannot connect to \"www.example.test\" port 1: ", "host and port are told");
    like(text, turns, "each address and why; the families take turns");
    like(text, "does a server listen on that port?", "and what to look at");
    closed_again(before, "nothing stays open");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static void
test_many_addresses(void)
{
    answer v6 = {0}, v4 = {0};
    int fds[MAX_ADDRESSES];
    iossl_conn *conn;

    for (int i = 0; i < MAX_ADDRESSES; i++)
        fds[i] = add_refusing("127.0.0.1", &v4);
    resolver_set(&v6, &v4);
    is_int(connect_by_name(&conn, "www.example.test", 30000), IOSSL_ERROR, "many addresses");
    like(iossl_error_message(err), "; and 4 more", "aren't all told");
    for (int i = 0; i < MAX_ADDRESSES; i++)
        close(fds[i]);
}

static void
test_unreachable(void)
{
    answer v6 = {0}, v4 = {.n = 1};
    int64_t timeout_ms = 50;
    iossl_conn *conn;

    /* Of no one (RFC 5737); on a machine without a route it fails at once, on others in time. */
    if (!parse_address(&v4.addresses[0], "192.0.2.1", "1"))
        bail_out("bad address");
    ok(connect_until_told(&conn, &v6, &v4, &timeout_ms, "192.0.2.1: ") != IOSSL_OK,
       "a network that isn't there");
    like(iossl_error_message(err), "192.0.2.1: ", "the address is told");
}

static void
test_connect_timeout(void)
{
    answer v6 = {0}, v4 = {0};
    silent_peer silent[2] = {add_silent(v6_loopback, &v6), add_silent("127.0.0.1", &v4)};
    int before = count_open();
    int64_t timeout_ms = 600;
    char told[80];
    iossl_conn *conn;

    is_int(connect_until_told(&conn, &v6, &v4, &timeout_ms, "no answer yet; "), IOSSL_TIMEOUT,
           "no address answers");
    ok(conn == NULL, "no connection");
    is_int(iossl_error_get_code(err), IOSSL_E_TIMEOUT, "the time was up");
    is_int(iossl_error_get_errno(err), ETIMEDOUT, "with the errno that belongs to it");
    (void)snprintf(told, sizeof told, "cannot connect to \"www.example.test\" port 1 within %d ms: ",
                   (int)timeout_ms);
    like(iossl_error_message(err), told, "for which host");
    like(iossl_error_message(err), "no answer yet; ", "and why, for each address");
    closed_again(before, "nothing stays open");
    silent_free(&silent[0]);
    silent_free(&silent[1]);
}

static void
test_lookup_timeout(void)
{
    answer stuck = {.is_stuck = true};
    iossl_conn *conn;
    int fd;

    resolver_set(&stuck, &stuck);
    is_int(connect_by_name(&conn, "www.example.test", 20), IOSSL_TIMEOUT,
           "a resolver that doesn't answer");
    is_str(iossl_error_message(err), "cannot look up \"www.example.test\" within 20 ms",
           "is told from a host that doesn't");
    is_int(iossl_error_get_code(err), IOSSL_E_TIMEOUT, "the time was up");
    resolver_release();     /* the threads that were left behind now free what they have */

    resolver_set(&stuck, &stuck);
    iossl_error_clear(err);
    is_int(iossl_tcp_connect(&fd, "www.example.test", "1", 20, err), IOSSL_TIMEOUT,
           "the same without TLS");
    is_int(fd, -1, "no descriptor");
    resolver_release();
}

static void
test_handshake_timeout(void)
{
    answer v6 = {0}, v4 = {0};
    int fd = bind_to("127.0.0.1", &v4);
    int64_t timeout_ms = 100;
    char told[120];
    iossl_conn *conn;

    if (listen(fd, 20) != 0)
        bail_out("cannot listen");
    is_int(connect_until_told(&conn, &v6, &v4, &timeout_ms, "the handshake"), IOSSL_TIMEOUT,
           "a server that says nothing");
    ok(conn == NULL, "no connection");
    (void)snprintf(told, sizeof told, "the handshake wasn't finished within %d ms (with "
                   "\"www.example.test\" at 127.0.0.1:", (int)timeout_ms);
    like(iossl_error_message(err), told, "is told, with its address");
    is_int(iossl_error_get_code(err), IOSSL_E_TIMEOUT, "the time was up");
    close(fd);
}

static void
test_wrong_name(void)
{
    answer v6 = {0}, v4 = {0};
    server s;
    iossl_conn *conn;

    server_start(&s, "127.0.0.1", &v4);
    resolver_set(&v6, &v4);
    is_int(connect_by_name(&conn, "other.example.test", 30000), IOSSL_ERROR,
           "a server with another name's certificate");
    is_int(iossl_error_get_code(err), IOSSL_E_NAME, "is refused for the name");
    like(iossl_error_message(err), "(with \"other.example.test\" at 127.0.0.1:",
         "and it is told which server that was");
    ok(conn == NULL, "no connection");
    (void)server_end(&s);
}

static void
test_unknown_names(void)
{
    const answer none = {.code = EAI_NONAME}, again = {.code = EAI_AGAIN},
                 service = {.code = EAI_SERVICE};
    iossl_conn *conn;

    resolver_set(&none, &none);
    is_int(connect_by_name(&conn, "nosuch.example.test", 30000), IOSSL_ERROR, "an unknown name");
    is_int(iossl_error_get_code(err), IOSSL_E_RESOLVE, "has no address");
    like(iossl_error_message(err), "cannot look up \"nosuch.example.test\" port 1: ", "as it says");
    like(iossl_error_message(err), gai_strerror(EAI_NONAME), "with the resolver's reason");
    like(iossl_error_message(err), "spelled correctly", "and what to look at");
    resolver_set(&again, &none);
    is_int(connect_by_name(&conn, "www.example.test", 30000), IOSSL_ERROR, "a broken resolver");
    like(iossl_error_message(err), gai_strerror(EAI_AGAIN), "counts before a missing address");
    like(iossl_error_message(err), "try again", "and may work later");
    resolver_set(&service, &service);
    is_int(connect_by_name(&conn, "www.example.test", 30000), IOSSL_ERROR, "an unknown service");
    like(iossl_error_message(err), "give the port as a number", "says so");
}

static void
test_usage(void)
{
    static const struct {
        const char *host, *port;
        int64_t timeout_ms;
        const char *text;
    } cases[] = {
        {NULL, "443", 1000, "no host name"},
        {"", "443", 1000, "no host name"},
        {"www.example.test", "", 1000, "port \"\" can't be"},
        {"www.example.test", "0", 1000, "port \"0\" can't be"},
        {"www.example.test", "65536", 1000, "port \"65536\" can't be"},
        {"www.example.test", "123456789012345678901234567890", 1000, "can't be"},
        {"www.example.test", "443", IOSSL_POLL, "timeout"},
        {"www.example.test", "443", IOSSL_AS_FD, "timeout"},
    };
    iossl_conn *conn;
    int fd;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iossl_error_clear(err);
        is_int(iossl_connect(&conn, client_ctx, cases[i].host, cases[i].port, cases[i].timeout_ms,
                             err),
               IOSSL_ERROR, "case %zu is the caller's mistake", i);
        is_int(iossl_error_get_code(err), IOSSL_E_USAGE, "by its code");
        like(iossl_error_message(err), cases[i].text, "and in words");
        is_int(iossl_tcp_connect(&fd, cases[i].host, cases[i].port, cases[i].timeout_ms, NULL),
               IOSSL_ERROR, "also without TLS, and without an error object");
    }
    iossl_error_clear(err);
    is_int(iossl_connect(&conn, client_ctx,
                         "0123456789012345678901234567890123456789012345678901234567890123.test",
                         "443", 1000, err),
           IOSSL_ERROR, "what can be no name");
    is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "is refused before it is looked up");
}

/* ---- Signals --------------------------------------------------------------------------------- */

static atomic_bool was_interrupted;
static pthread_t main_thread;

static void
on_signal(int signal_number)
{
    (void)signal_number;
}

/* One may come before poll(2): so they come until it is over. */
static void *
send_signals(void *arg)
{
    while (!atomic_load(&was_interrupted)) {
        (void)pthread_kill(main_thread, SIGUSR1);
        (void)sched_yield();
    }
    return arg;
}

static void
test_interrupted(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    answer v6 = {0}, stuck = {.is_stuck = true};
    pthread_t thread;
    iossl_conn *conn;

    (void)sigaction(SIGUSR1, &action, NULL);
    main_thread = pthread_self();
    resolver_set(&v6, &stuck);
    if (pthread_create(&thread, NULL, send_signals, NULL) != 0)
        bail_out("no thread");
    is_int(connect_by_name(&conn, "www.example.test", IOSSL_FOREVER), IOSSL_INTERRUPTED,
           "a signal ends it");
    atomic_store(&was_interrupted, true);
    (void)pthread_join(thread, NULL);
    ok(conn == NULL, "no connection");
    is_str(iossl_error_message(err), "", "and no error");
    resolver_release();
}

int
main(void)
{
    site_start();
    test_address("127.0.0.1", "127.0.0.1");
    if (has_ipv6()) {
        test_address("::1", "::1");
        test_address("[::1]", "::1");
    } else {
        v6_loopback = "127.0.0.2";
        skip(2, "no IPv6 here");
    }
    test_refused_then_good();
    test_silent_then_good();
    test_preference();
    test_stuck_v6();
    test_international();
    test_all_refused();
    test_many_addresses();
    test_unreachable();
    test_connect_timeout();
    test_lookup_timeout();
    test_handshake_timeout();
    test_wrong_name();
    test_unknown_names();
    test_usage();
    test_interrupted();
    return site_end();
}
