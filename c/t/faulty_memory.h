/*
 * faulty_memory.h - scenarios in which each allocation fails in turn, ours and OpenSSL's.
 *
 * Owns      counting and failing of allocations, what has to hold after every call, the trials.
 * Promises  a scenario runs with its Nth allocation failing, or its Nth and all after it: a crash, a
 *           broken promise and lost memory are failures of the test, with N.
 * Leaves    fixtures and scenarios to t_faults_memory*.c, which the Makefile links with --wrap, so that
 *           our allocations come here; OpenSSL's come by CRYPTO_set_mem_functions(3). Header only, as
 *           tap.h.
 *
 * As a test each place that allocates fails once alone, and each third with all after it: a place is a
 * stack of our functions with the line of OpenSSL's below them. With FAULTS=all, or by `tools/faults`, every allocation; FAULTS='NAME' tries all
 * of one scenario, FAULTS_AT=N with it only the Nth, alone, with the stack on which it failed.
 */
#ifndef FAULTY_MEMORY_H
#define FAULTY_MEMORY_H

#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "iossl.h"
#include "promises.h"
#include "support_files.h"
#include "tap.h"

/* ---- Allocations ----------------------------------------------------------------------------- */

static atomic_long countdown;       /* the one that fails; 0: none */
static atomic_bool goes_on;         /* and so do all after it */
static atomic_long seen, failed;
static atomic_bool shows;           /* the stack */
static const char *spared;          /* no allocation in this source of OpenSSL's fails; NULL: none is spared */
static atomic_long live_ours, live_openssl;

#define MAX_PLACES ((size_t)1 << 16)
static atomic_bool notes;           /* places are noted */
static atomic_flag noting = ATOMIC_FLAG_INIT;
static uint64_t marks[MAX_PLACES];  /* a table of them, at most half full */
static long places[MAX_PLACES / 2]; /* the first allocation of each */
static size_t n_places;

extern char __executable_start[], etext[];

/* Addresses, for addr2line(1). */
static void
show_stack(void)
{
    void *stack[40];

    backtrace_symbols_fd(stack, backtrace(stack, 40), STDERR_FILENO);
}

/* The stack as far as it is ours, and the line of OpenSSL's: two allocations with the same mark were made
 * at the same place. */
static uint64_t
place_mark(const char *file, int line)
{
    void *stack[48];
    uint64_t mark = (uint64_t)(uintptr_t)file * 31 + (uint64_t)line;
    int depth = backtrace(stack, 48);

    for (int i = 0; i < depth; i++)
        if ((char *)stack[i] >= __executable_start && (char *)stack[i] < etext)
            mark = (mark ^ (uint64_t)(uintptr_t)stack[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return mark | 1;        /* 0: none */
}

/* Keeps the Nth allocation as one to be tried, if its place is new. */
static void
note_place(long n, const char *file, int line)
{
    uint64_t mark = place_mark(file, line);
    size_t i = mark % MAX_PLACES;

    while (atomic_flag_test_and_set(&noting))
        ;
    while (marks[i] != 0 && marks[i] != mark)
        i = (i + 1) % MAX_PLACES;
    if (marks[i] == 0 && n_places < MAX_PLACES / 2) {
        marks[i] = mark;
        places[n_places++] = n;
    }
    atomic_flag_clear(&noting);
}

/* file and line: OpenSSL's, NULL and 0 for ours. */
static bool
fails(const char *file, int line)
{
    long n = atomic_fetch_add(&seen, 1) + 1, at = atomic_load(&countdown);

    if (spared != NULL && file != NULL && strstr(file, spared) != NULL)
        return false;
    if (atomic_load(&notes))
        note_place(n, file, line);
    if (at == 0 || n < at || (n > at && !atomic_load(&goes_on)))
        return false;
    if (atomic_fetch_add(&failed, 1) == 0 && atomic_load(&shows))
        show_stack();
    errno = ENOMEM;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
void __wrap_free(void *p);

static void *
counted(void *p, atomic_long *live)
{
    atomic_fetch_add(live, p != NULL);
    return p;
}

void *
__wrap_malloc(size_t size)
{
    return fails(NULL, 0) ? NULL : counted(__real_malloc(size), &live_ours);
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return fails(NULL, 0) ? NULL : counted(__real_calloc(n, size), &live_ours);
}

void *
__wrap_realloc(void *p, size_t size)
{
    if (fails(NULL, 0))
        return NULL;
    return p == NULL ? counted(__real_malloc(size), &live_ours) : __real_realloc(p, size);
}

char *
__wrap_strndup(const char *text, size_t len)
{
    size_t n = strnlen(text, len);
    char *copy = __wrap_malloc(n + 1);

    if (copy != NULL) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

char *
__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

void
__wrap_free(void *p)
{
    atomic_fetch_sub(&live_ours, p != NULL);
    __real_free(p);
}

static void *
openssl_malloc(size_t size, const char *file, int line)
{
    return size == 0 || fails(file, line) ? NULL : counted(__real_malloc(size), &live_openssl);
}

static void
openssl_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    atomic_fetch_sub(&live_openssl, p != NULL);
    __real_free(p);
}

static void *
openssl_realloc(void *p, size_t size, const char *file, int line)
{
    if (p == NULL)
        return openssl_malloc(size, file, line);
    if (size == 0) {
        openssl_free(p, file, line);
        return NULL;
    }
    return fails(file, line) ? NULL : __real_realloc(p, size);
}

/* ---- A conversation -------------------------------------------------------------------------- */

/* What a scenario adds to one; each may be NULL. */
typedef struct {
    bool (*before)(iossl_conn *client, iossl_conn *server, iossl_error *err);   /* false: no more */
    void (*between)(iossl_conn *client, iossl_conn *server, iossl_error *err);  /* both are there */
} talk_hooks;

static inline bool
wants(iossl_status status)
{
    return status == IOSSL_WANT_READ || status == IOSSL_WANT_WRITE;
}

static inline void
say_a_line(iossl_conn *from, iossl_conn *to, iossl_error *err)
{
    static const iossl_separator line = {IOSSL_SEP_STRING, "\n", 1};
    const char *piece;
    bool done;
    size_t n;

    iossl_error_clear(err);
    if (good(iossl_write_all(from, "a line\n", 7, &n, IOSSL_POLL, err), err)
        && good(iossl_read_line(to, &line, &piece, &n, &done, IOSSL_POLL, err), err))
        promise(n == 7 && done && memcmp(piece, "a line\n", 7) == 0, "the line is whole");
    iossl_error_clear(err);
}

/* Shakes hands as www.example.test and says a line each way, then ends. True: the client was content. */
static inline bool
talk(iossl_ctx *client, iossl_ctx *server, const talk_hooks *hooks, iossl_error *err)
{
    iossl_ctx *ctx[2] = {client, server};
    iossl_transport *ends[2];
    iossl_conn *conn[2] = {NULL, NULL};
    iossl_status status[2] = {IOSSL_WANT_READ, IOSSL_WANT_READ};
    bool established = false;

    if (!good(iossl_transport_new_pair(&ends[0], &ends[1], err), err))
        return false;
    for (int i = 0; i < 2; i++) {
        conn[i] = iossl_conn_new(ctx[i], (iossl_role)i, ends[i], err);
        (void)made(conn[i], err);
    }
    if (conn[0] == NULL || conn[1] == NULL
        || !good(iossl_conn_set_hostname(conn[0], "www.example.test", err), err)
        || (hooks->before != NULL && !hooks->before(conn[0], conn[1], err)))
        goto done;
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 2; i++) {
            if (!wants(status[i]))
                continue;
            iossl_error_clear(err);
            status[i] = iossl_handshake(conn[i], IOSSL_POLL, err);
            (void)good(status[i], err);
        }
    }
    established = status[0] == IOSSL_OK;
    if (established && status[1] == IOSSL_OK) {
        if (hooks->between != NULL)
            hooks->between(conn[0], conn[1], err);
        for (int i = 0; i < 2; i++) {
            say_a_line(conn[i], conn[1 - i], err);
            (void)good(iossl_shutdown(conn[i], false, IOSSL_POLL, err), err);
        }
    }
    iossl_free(iossl_conn_peer_address(conn[0]));
done:
    for (int i = 0; i < 2; i++)
        iossl_conn_free(conn[i]);
    return established;
}

/* ---- Each in turn ---------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    void (*run)(iossl_error *err);  /* err is made before; what it makes it frees */
} scenario;

/* What the child tells the parent, which goes on where it crashed. */
typedef struct {
    size_t i;                       /* the trial in work */
    long n, last, tried;            /* its allocation; the last one; how many failures were tried */
    long broken_at, leak_at;
    bool done;
    char what[160];
} report;

static report *shared;

/* Sanitizers make all of it about ten times as slow: each third place does then. */
#if defined(__SANITIZE_ADDRESS__)
#define SLOWNESS ((size_t)3)
#else
#define SLOWNESS ((size_t)1)
#endif

static void
attempt(const scenario *s, long n)
{
    static char left[200];
    iossl_error *err = iossl_error_new();

    atomic_store(&seen, 0);
    atomic_store(&failed, 0);
    atomic_store(&countdown, n);
    s->run(err);
    atomic_store(&countdown, 0);
    (void)snprintf(left, sizeof left, "OpenSSL's queue is empty at the end, not %s",
                   ERR_error_string(ERR_peek_error(), NULL));
    promise(ERR_peek_error() == 0, left);
    ERR_clear_error();
    iossl_error_free(err);
}

/* Finds out which allocations are to be tried. */
static void
find_places(const scenario *s)
{
    memset(marks, 0, sizeof marks);
    n_places = 0;
    atomic_store(&notes, true);
    attempt(s, 0);
    atomic_store(&notes, false);
    shared->last = atomic_load(&seen);
}

/* For a person. */
static void
show_one(const scenario *s, long n)
{
    attempt(s, 0);
    attempt(s, 0);
    atomic_store(&shows, true);
    broken = NULL;
    attempt(s, n);
    atomic_store(&shows, false);
    ok(broken == NULL, "%s: %ld: %s", s->name, n, broken == NULL ? "all well" : broken);
}

/* OpenSSL keeps the text of an error with each of the places of its queue, of which there are 16. */
#define ERROR_PLACES 16

/* Where something stays, once more, and so on: what is made once, or kept for the next time, is no loss. */
static void
try_one(const scenario *s, long n)
{
    long more[2] = {1, 1};

    for (int again = 0; again < ERROR_PLACES + 2 && (more[0] != 0 || more[1] > 0); again++) {
        long before[2] = {atomic_load(&live_ours), atomic_load(&live_openssl)};

        broken = NULL;
        attempt(s, n);
        if (broken != NULL && shared->broken_at == 0) {
            shared->broken_at = n;
            snprintf(shared->what, sizeof shared->what, "%s", broken);
        }
        more[0] = atomic_load(&live_ours) - before[0];
        more[1] = atomic_load(&live_openssl) - before[1];
    }
    /* Older ones do lose something themselves here and there. */
    if (OpenSSL_version_num() < 0x30000000UL)
        more[1] = 0;
    if ((more[0] != 0 || more[1] > 0) && shared->leak_at == 0) {
        shared->leak_at = n;
        snprintf(shared->what, sizeof shared->what, "%ld of ours and %ld of OpenSSL's stay",
                 more[0], more[1]);
    }
}

/* Where all after it fail, too, places differ less. */
static void
attempts(const scenario *s, bool persistent, bool all)
{
    size_t step = all ? 1 : (persistent ? 3 : 1) * SLOWNESS;

    atomic_store(&goes_on, persistent);
    attempt(s, 0);                  /* what is made once is made now */
    attempt(s, 0);
    if (!all)
        find_places(s);
    for (; !shared->done; shared->i += step) {
        if (!all && shared->i >= n_places) {
            shared->done = true;
            break;
        }
        shared->n = all ? (long)shared->i + 1 : places[shared->i];
        try_one(s, shared->n);
        if (atomic_load(&failed) > 0)
            shared->tried++;
        else
            shared->done = all;
        if (all)
            shared->last = atomic_load(&seen);
    }
}

static void
try_scenario(const scenario *s, bool persistent, bool all)
{
    long crashes = 0, first_crash = 0;
    int status;
    const char *how = persistent ? "and all after it" : "alone";

    memset(shared, 0, sizeof *shared);
    while (!shared->done && crashes < 20) {
        pid_t pid = fork();

        if (pid == 0) {
            tap_alarm(all ? 7200 : 880);
            attempts(s, persistent, all);
            exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            bail_out("fork");
        if (status == 0)
            continue;
        diag("%s: dies where allocation %ld fails %s (status %x)", s->name, shared->n, how,
             (unsigned)status);
        if (crashes++ == 0)
            first_crash = shared->n;
        shared->i++;
    }
    ok(crashes == 0, "%s: no failure of an allocation %s kills (%ld; first %ld)", s->name, how,
       crashes, first_crash);
    ok(shared->broken_at == 0, "%s: each promise is kept (%ld, %s: %s)", s->name,
       shared->broken_at, how, shared->broken_at != 0 ? shared->what : "all");
    ok(shared->leak_at == 0, "%s: nothing is lost (%ld, %s: %s)", s->name, shared->leak_at, how,
       shared->leak_at != 0 ? shared->what : "nothing");
    ok(shared->tried > 0, "%s: failures were tried", s->name);
    printf("# %s, %s: %ld of %ld allocations failed\n", s->name, how, shared->tried,
           shared->last);
}

/* What main() does. fixtures: makes what scenarios need, with all the memory it wants. */
static int
faulty_memory_test(const scenario *scenarios, size_t n, void (*fixtures)(void))
{
    const char *wish = getenv("FAULTS"), *at = getenv("FAULTS_AT");
    bool all = wish != NULL && strcmp(wish, "all") == 0;

    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
        bail_out("OpenSSL has allocated already");
    tap_start();
    tap_alarm(all ? 7200 : 900);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        bail_out("no shared memory");
    test_folder_make();
    fixtures();
    for (size_t i = 0; i < n; i++) {
        if (wish != NULL && !all && strcmp(wish, scenarios[i].name) != 0)
            continue;
        if (at != NULL) {
            show_one(&scenarios[i], atol(at));
            continue;
        }
        for (int persistent = 0; persistent < 2; persistent++)
            try_scenario(&scenarios[i], persistent != 0, wish != NULL);
    }
    return done_testing();
}

#endif
