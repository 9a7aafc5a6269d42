/*
 * t_proxy.c - someone between a client and a server, over TCP, who deals out bytes one by one, stops at
 * each, lets one side wait for the other, takes records to pieces, and cuts the line at each byte: the
 * conversation goes well, or ends with an error of which one can tell; no byte is lost, doubled or wrong.
 *
 * A choice of places; each one with FAULTS=all in the environment (tools/faults proxy).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "iossl.h"
#include "support_pair.h"
#include "support_talk.h"
#include "tap.h"

#define STUCK_MS 20000 /* nothing at all moves for so long: that is a hang */

/* ---- What is done to one direction ----------------------------------------------------------- */

typedef enum {
    PASS,
    PAUSE,       /* after `at` bytes, until nothing else moves */
    CUT_FIN,     /* after `at` bytes both sides are told that the other has ended */
    CUT_RST,     /* ... that the connection is reset */
    SPLIT,       /* the record with handshake byte `at`, in the clear, becomes two of them */
    SPLIT_SEALED /* sealed record number `at` becomes two */
} deed;

/* ---- The proxy ------------------------------------------------------------------------------- */

#define FLOW_SIZE ((size_t)1 << 17)

typedef struct {
    deed deed;
    size_t at;
    unsigned char bytes[FLOW_SIZE];
    size_t came, went;    /* bytes here, and passed on */
    size_t parsed;        /* of bytes: whole records */
    size_t clear, sealed; /* handshake bytes in the clear, sealed records, as they came */
    bool seals;           /* a ChangeCipherSpec or a sealed record came */
    bool done;            /* the deed was done */
    bool gone;            /* the sender has closed its side */
    bool ended;           /* so was the reader told */
} flow;

static flow flows[2];   /* from the client, from the server */
static int sockets[2];  /* to the client, to the server */
static size_t most;     /* bytes at a time; 0: all */
static unsigned chance; /* not 0: which way, and how much, by these numbers */

static unsigned
next_chance(void)
{
    chance = chance * 1103515245U + 12345U;
    return chance >> 16;
}

static void
close_by_reset(int fd)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)close(fd);
}

static void
cut(bool by_reset)
{
    for (int i = 0; i < 2; i++) {
        if (by_reset) {
            close_by_reset(sockets[i]);
            sockets[i] = -1;
        } else {
            (void)shutdown(sockets[i], SHUT_WR);
        }
        flows[i].ended = true;
    }
}

/* Makes two records of the one at `start`, the first of so many bytes. */
static void
split(flow *f, size_t start, size_t len, size_t first)
{
    unsigned char *record = f->bytes + start, *second = record + 5 + first;

    if (f->came + 5 > FLOW_SIZE)
        bail_out("too much in the proxy");
    memmove(second + 5, second, f->came - (start + 5 + first));
    f->came += 5;
    memcpy(second, record, 3);
    record[3] = (unsigned char)(first >> 8);
    record[4] = (unsigned char)first;
    second[3] = (unsigned char)((len - first) >> 8);
    second[4] = (unsigned char)(len - first);
    f->parsed += 5;
    f->done = true;
}

/* Looks at the records that are whole. */
static void
parse(flow *f)
{
    while (f->came - f->parsed >= 5) {
        size_t start = f->parsed;
        const unsigned char *record = f->bytes + start;
        size_t len = (size_t)record[3] << 8 | record[4];

        if (f->came - start < 5 + len)
            return;
        f->parsed += 5 + len;
        if (record[0] == 20 || record[0] == 23)
            f->seals = true;
        if (record[0] == 22 && !f->seals) {
            if (f->deed == SPLIT && f->at > f->clear && f->at < f->clear + len)
                split(f, start, len, f->at - f->clear);
            f->clear += len;
        } else if (record[0] != 20) {
            if (f->deed == SPLIT_SEALED && f->at == f->sealed)
                split(f, start, len, len / 2);
            f->sealed++;
        }
    }
}

static bool
take(int i)
{
    flow *f = &flows[i];
    ssize_t n;

    if (sockets[i] < 0 || f->came == FLOW_SIZE || f->gone)
        return false;
    n = recv(sockets[i], f->bytes + f->came, FLOW_SIZE - f->came, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return false;
    f->gone = n <= 0;
    f->came += n < 0 ? 0 : (size_t)n;
    parse(f);
    return true;
}

static bool
is_cut(const flow *f)
{
    return f->deed == CUT_FIN || f->deed == CUT_RST;
}

/* How much may be passed on. */
static size_t
allowed(const flow *f)
{
    /* What may still have to be split is kept. */
    size_t until = f->deed == SPLIT || f->deed == SPLIT_SEALED ? f->parsed : f->came;

    if ((f->deed == PAUSE || is_cut(f)) && !f->done && until > f->at)
        until = f->at;
    return until - f->went;
}

/* How much of it now. */
static size_t
share(const flow *f)
{
    size_t n = allowed(f);

    if (chance != 0 && n > 0)
        return next_chance() % 4 == 0 ? n : next_chance() % n;
    return most != 0 && n > most ? most : n;
}

static bool
give(int i)
{
    flow *f = &flows[i];
    size_t n = f->ended ? 0 : share(f);
    ssize_t sent;

    if (n > 0 &&
        (sent = send(sockets[1 - i], f->bytes + f->went, n, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) {
        f->went += (size_t)sent;
        return true;
    }
    if (n > 0 && errno != EAGAIN)
        f->ended = true; /* the reader has gone */
    if (f->gone && !f->ended && allowed(f) == 0) {
        f->ended = true;
        (void)shutdown(sockets[1 - i], SHUT_WR);
        return true;
    }
    if (is_cut(f) && !f->done && f->went == f->at && f->came > f->at) {
        f->done = true;
        cut(f->deed == CUT_RST);
        return true;
    }
    return false;
}

/* True: something moved. */
static bool
proxy_step(void)
{
    bool moved = false;

    for (int i = 0; i < 2; i++)
        moved = take(i) || moved;
    if (chance != 0)
        return give((int)(next_chance() % 2)) || moved;
    for (int i = 0; i < 2; i++)
        moved = give(i) || moved;
    return moved;
}

/* Nothing moved: ends a pause, or waits for what is on its way in the system. False: that was too long. */
static bool
proxy_wait(const test_talk *talk)
{
    struct pollfd polled[4];

    for (int i = 0; i < 2; i++) {
        if (flows[i].deed == PAUSE && !flows[i].done && flows[i].came > flows[i].at) {
            flows[i].done = true;
            return true;
        }
        if (chance != 0 && !flows[i].ended && allowed(&flows[i]) > 0)
            return true; /* the dice have only to fall again */
        polled[2 * i] = (struct pollfd){.fd = flows[i].gone ? -1 : sockets[i], .events = POLLIN};
        polled[2 * i + 1] = (struct pollfd){.fd = -1, .events = POLLIN};
        if (talk->ends[i].stage < TALK_DONE)
            polled[2 * i + 1].fd = iossl_conn_get_fd(talk->ends[i].conn);
    }
    return poll(polled, 4, STUCK_MS) != 0;
}

/* ---- Conversations --------------------------------------------------------------------------- */

#define SAID  17000 /* by the server: more than a record */
#define ASKED 700   /* by the client */

static const size_t LENGTHS[2] = {ASKED, SAID};
static unsigned char said[SAID], asked[ASKED];
static iossl_ctx *ctxs[2];

/* A connected pair over the loopback, which doesn't wait. */
static void
tcp_pair(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&address, &len) != 0 ||
        (fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
        connect(fds[0], (struct sockaddr *)&address, len) != 0 ||
        (fds[1] = accept(listener, NULL, NULL)) < 0)
        bail_out("sockets");
    (void)close(listener);
    for (int i = 0; i < 2; i++) {
        (void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
}

/* A whole conversation; false: it came to no end. Figures are left in flows. */
static bool
converse(test_talk *talk, int side, deed what, size_t at)
{
    int fds[2];
    bool goes_on = true, moves = true;

    for (int i = 0; i < 2; i++) {
        flow *f = &flows[i];
        int pair[2];

        f->deed = i == side ? what : PASS;
        f->at = at;
        f->came = f->went = f->parsed = f->clear = f->sealed = 0;
        f->seals = f->done = f->gone = f->ended = false;
        tcp_pair(pair);
        fds[i] = pair[0];
        sockets[i] = pair[1];
    }
    test_talk_begin(talk, ctxs, fds, (const unsigned char *[]){asked, said}, LENGTHS);
    while (goes_on && moves) {
        goes_on = test_talk_step(talk);
        moves = proxy_step() || talk->moved || !goes_on || proxy_wait(talk);
    }
    test_talk_free(talk);
    for (int i = 0; i < 2; i++) {
        if (sockets[i] < 0)
            continue;
        while (take(i) ||
               (!flows[i].gone && poll(&(struct pollfd){sockets[i], POLLIN, 0}, 1, STUCK_MS) > 0))
            ;
        close_by_reset(sockets[i]);
    }
    return moves;
}

/* ---- Trials ---------------------------------------------------------------------------------- */

static const char *version;
static size_t overhead, farewell; /* bytes that a sealed record has more; of a close_notify */
static bool all_places;

typedef struct {
    size_t tried, hit, measured;
    size_t stuck, wrong, unexplained, unclean, broken, lost;
} tally;

static void
count(tally *t, const test_talk *talk, bool came_to_an_end)
{
    t->tried++;
    t->stuck += !came_to_an_end;
    t->wrong += !talk->right;
    t->unexplained += !talk->explained;
    t->unclean += !talk->clean;
}

static void
report(const tally *t, const char *what)
{
    is_size(t->stuck, 0, "%s, %s: all come to an end", version, what);
    is_size(t->wrong, 0, "%s, %s: nothing wrong and nothing twice is heard", version, what);
    is_size(t->unexplained, 0, "%s, %s: a failure has a code and a sentence", version, what);
    is_size(t->unclean, 0, "%s, %s: OpenSSL's queue is empty", version, what);
    is_size(t->broken, 0, "%s, %s: all go as they should", version, what);
    ok(t->tried > 0 && t->hit > 0, "%s, %s: tried, and felt", version, what);
    printf("# %s, %s: %zu conversations\n", version, what, t->tried);
}

/* A step through n places; a choice of them differs from side to side. */
static size_t
stride(size_t n)
{
    return all_places ? 1 : 1 + n / 45;
}

/* Deeds after which all has to come through. */
static void
test_harmless(const char *what, int side, deed what_is_done, size_t places)
{
    tally t = {0};
    test_talk talk;

    for (size_t at = 1; at < places; at += stride(places)) {
        count(&t, &talk, converse(&talk, side, what_is_done, at));
        t.hit += flows[side].done;
        t.broken += !test_talk_is_whole(&talk);
    }
    report(&t, what);
}

/* What of the sender's text was in whole records within its first `at` bytes. */
static size_t
heard_until(size_t at, size_t sent, size_t len)
{
    size_t records = (len + 16383) / 16384, start = sent - farewell - len - records * overhead;
    size_t heard = 0;

    for (size_t left = len; left > 0;) {
        size_t n = left < 16384 ? left : 16384;

        start += n + overhead;
        if (start > at)
            break;
        heard += n;
        left -= n;
    }
    return heard;
}

static void
test_cut(const char *what, int side, deed what_is_done, size_t places)
{
    tally t = {0};
    test_talk talk;

    for (size_t at = 0; at < places; at += stride(places)) {
        const test_talk_end *sender = &talk.ends[side], *reader = &talk.ends[1 - side];
        bool is_broken;

        count(&t, &talk, converse(&talk, side, what_is_done, at));
        if (!flows[side].done)
            continue; /* signatures differ in length: nothing was left to cut */
        t.hit++;
        is_broken = reader->stage != TALK_FAILED || reader->code == IOSSL_E_VERIFY ||
                    (what_is_done == CUT_FIN && reader->code != IOSSL_E_TRUNCATED);
        t.broken += is_broken;
        if (is_broken)
            diag("%s, %s, at %zu: stage %d, code %d, errno %d", version, what, at,
                 (int)reader->stage, (int)reader->code, talk.errnum);
        /* Only where the sender came to say all is it known what that looked like. */
        if (what_is_done == CUT_FIN && sender->has_ended) {
            t.measured++;
            if (reader->got == heard_until(at, flows[side].came, sender->len))
                continue;
            t.lost++;
            diag("%s, %s, at %zu: heard %zu of %zu", version, what, at, reader->got,
                 heard_until(at, flows[side].came, sender->len));
        }
    }
    report(&t, what);
    if (what_is_done == CUT_FIN)
        ok(t.measured > 0 && t.lost == 0,
           "%s, %s: what was heard is each record that came whole (looked at %zu times)", version,
           what, t.measured);
}

/* A sealed record that was taken to pieces is no record. */
static void
test_split_sealed(const char *what, int side, size_t records)
{
    tally t = {0};
    test_talk talk;

    for (size_t at = 0; at < records; at++) {
        count(&t, &talk, converse(&talk, side, SPLIT_SEALED, at));
        t.hit += flows[side].done;
        t.broken += talk.ends[1 - side].stage != TALK_FAILED;
    }
    report(&t, what);
}

/* Bytes one by one, and one side long before the other or long after it. */
static void
test_time(void)
{
    tally t = {0};
    test_talk talk;

    most = 1;
    count(&t, &talk, converse(&talk, 0, PASS, 0));
    t.hit += test_talk_is_whole(&talk);
    t.broken += !test_talk_is_whole(&talk);
    most = 0;
    report(&t, "byte by byte");
    t = (tally){0};
    for (unsigned seed = 1; seed <= (all_places ? 5000U : 60U); seed++) {
        chance = seed;
        count(&t, &talk, converse(&talk, 0, PASS, 0));
        t.hit += test_talk_is_whole(&talk);
        t.broken += !test_talk_is_whole(&talk);
    }
    chance = 0;
    report(&t, "in any order of the two");
}

static void
test_version(void)
{
    static const char *const sides[2][5] = {
        {"the client's bytes stop", "the client's records split",
         "the client's sealed records split", "the client's bytes cut off",
         "the client's bytes reset"},
        {"the server's bytes stop", "the server's records split",
         "the server's sealed records split", "the server's bytes cut off",
         "the server's bytes reset"}};
    test_talk talk;
    size_t came[2], clear[2], sealed[2];

    ok(converse(&talk, 0, PASS, 0) && test_talk_is_whole(&talk) && talk.right,
       "%s: all comes through where nobody interferes", version);
    for (int i = 0; i < 2; i++) {
        came[i] = flows[i].came;
        clear[i] = flows[i].clear;
        sealed[i] = flows[i].sealed;
    }
    test_time();
    for (int i = 0; i < 2; i++) {
        test_harmless(sides[i][0], i, PAUSE, came[i]);
        test_harmless(sides[i][1], i, SPLIT, clear[i]);
        test_split_sealed(sides[i][2], i, sealed[i]);
        test_cut(sides[i][3], i, CUT_FIN, came[i]);
        test_cut(sides[i][4], i, CUT_RST, came[i]);
    }
}

static void
set_version(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK ||
        (strcmp(version, "TLSv1_2") == 0 &&
         iossl_config_set_cipher_list(config, NULL, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL) !=
             IOSSL_OK))
        bail_out("version");
}

int
main(void)
{
    static const struct {
        const char *version;
        size_t overhead, farewell;
    } versions[] = {{"TLSv1_3", 22, 24}, {"TLSv1_2", 29, 31}};
    const char *how = getenv("FAULTS");
    test_identity ca, leaf;

    tap_start();
    all_places = how != NULL && strcmp(how, "all") == 0;
    tap_alarm(all_places ? 0 : 300);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SAID; i++)
        said[i] = (unsigned char)(i * 7 + i / 251);
    for (size_t i = 0; i < ASKED; i++)
        asked[i] = (unsigned char)(i * 11 + i / 253);
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){
        .common_name = "www.example.test", .altnames = "DNS:www.example.test", .issuer = &ca});
    for (size_t v = 0; v < 2; v++) {
        version = versions[v].version;
        overhead = versions[v].overhead;
        farewell = versions[v].farewell;
        ctxs[IOSSL_CLIENT] = test_client_ctx(&ca, set_version);
        ctxs[IOSSL_SERVER] = test_server_ctx(&leaf, set_version);
        test_version();
        for (int i = 0; i < 2; i++)
            iossl_ctx_free(ctxs[i]);
    }
    test_identity_free(&ca);
    test_identity_free(&leaf);
    return done_testing();
}
