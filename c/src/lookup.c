/*
 * lookup.c - the addresses of a host name, while someone else waits for other things too.
 *
 * Owns      the threads that ask the system's resolver, and the memory they share with the asker.
 * Promises  the asker can leave at any time; addresses need no thread; the threads take no signals.
 * Leaves    which address is tried when to connect.c; where names come from to getaddrinfo(3).
 * See       RFC 8305 section 3, getaddrinfo(3).
 *
 * getaddrinfo(3) can neither be given a deadline nor be stopped. So each family is asked for in a
 * detached thread; whoever of the threads and the asker is the last to leave frees what they share.
 */
#include "lookup.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "error.h"
#include "quote.h"
#include "socket.h"

typedef struct {
    bool is_there;
    int code;                   /* of getaddrinfo(3) */
    int errnum;                 /* with EAI_SYSTEM */
    struct addrinfo *list;      /* owned */
} answer;

struct iossl_lookup {
    pthread_mutex_t lock;       /* over what follows, until the names */
    unsigned users;             /* the asker, and each thread that is on its way */
    answer answers[IOSSL_LOOKUP_FAMILIES];
    int notice[2];              /* a pipe: one byte for each answer */
    char *host, *port;          /* constant */
};

static const int FAMILIES[IOSSL_LOOKUP_FAMILIES] = {
    [IOSSL_LOOKUP_V6] = AF_INET6, [IOSSL_LOOKUP_V4] = AF_INET};

bool
iossl_lookup_check_port(const char *port, bool may_be_zero, iossl_error *err)
{
    size_t digits = strspn(port, "0123456789");
    char quoted[IOSSL_QUOTED];
    long number = digits == 0 || digits > 5 ? 65536 : strtol(port, NULL, 10);

    if (port[0] != '\0'
        && (port[digits] != '\0' || (number <= 65535 && (number > 0 || may_be_zero))))
        return true;
    iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                    "port %s can't be: give a number up to 65535 or a service name, as \"443\" or "
                    "\"https\"",
                    iossl_quote(quoted, port, strlen(port)));
    return false;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void
leave(iossl_lookup *l)
{
    bool is_last;

    (void)pthread_mutex_lock(&l->lock);
    is_last = --l->users == 0;
    (void)pthread_mutex_unlock(&l->lock);
    if (!is_last)
        return;
    for (int i = 0; i < IOSSL_LOOKUP_FAMILIES; i++)
        if (l->answers[i].list != NULL)
            freeaddrinfo(l->answers[i].list);
    for (int i = 0; i < 2; i++)
        if (l->notice[i] >= 0)
            (void)close(l->notice[i]);
    (void)pthread_mutex_destroy(&l->lock);
    free(l->host);
    free(l->port);
    free(l);
}

void
iossl_lookup_free(iossl_lookup *lookup)
{
    if (lookup != NULL)
        leave(lookup);
}

/* Asks the resolver, however long that takes, and tells the asker. */
static void
resolve(iossl_lookup *l, iossl_lookup_family family, int flags)
{
    const struct addrinfo hints = {
        .ai_family = FAMILIES[family], .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    answer found = {.is_there = true};

    errno = 0;
    found.code = getaddrinfo(l->host, l->port, &hints, &found.list);
    found.errnum = errno;
    if (found.code != 0)
        found.list = NULL;
    (void)pthread_mutex_lock(&l->lock);
    l->answers[family] = found;
    /* Room for a byte is there, and the reading end is open as long as we are here. */
    while (write(l->notice[1], "", 1) < 0 && errno == EINTR)
        ;
    (void)pthread_mutex_unlock(&l->lock);
}

static void *
resolve_v6(void *lookup)
{
    resolve(lookup, IOSSL_LOOKUP_V6, 0);
    leave(lookup);
    return NULL;
}

static void *
resolve_v4(void *lookup)
{
    resolve(lookup, IOSSL_LOOKUP_V4, 0);
    leave(lookup);
    return NULL;
}

static void *(*const RESOLVERS[IOSSL_LOOKUP_FAMILIES])(void *) = {
    [IOSSL_LOOKUP_V6] = resolve_v6, [IOSSL_LOOKUP_V4] = resolve_v4};

/* A thread for each family. Where there can't be one, the asker has to wait for that answer. */
static void
resolve_in_threads(iossl_lookup *l)
{
    sigset_t all, before;
    pthread_attr_t detached;
    bool has_attr = pthread_attr_init(&detached) == 0
                    && pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED) == 0;

    /* Signals are for threads of the program, where its system calls can be interrupted by them. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (iossl_lookup_family f = IOSSL_LOOKUP_V6; f <= IOSSL_LOOKUP_V4; f++) {
        pthread_t thread;

        (void)pthread_mutex_lock(&l->lock);
        l->users++;
        (void)pthread_mutex_unlock(&l->lock);
        if (!has_attr || pthread_create(&thread, &detached, RESOLVERS[f], l) != 0)
            (void)RESOLVERS[f](l);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (has_attr)
        (void)pthread_attr_destroy(&detached);
}

/* An address is no name to look up. */
static bool
resolve_address(iossl_lookup *l)
{
    for (iossl_lookup_family f = IOSSL_LOOKUP_V6; f <= IOSSL_LOOKUP_V4; f++)
        resolve(l, f, AI_NUMERICHOST);
    return l->answers[IOSSL_LOOKUP_V6].list != NULL || l->answers[IOSSL_LOOKUP_V4].list != NULL;
}

iossl_lookup *
iossl_lookup_new(const char *host, const char *port, iossl_error *err)
{
    iossl_lookup *l = NULL;

    if (!iossl_lookup_check_port(port, false, err))
        return NULL;
    if ((l = calloc(1, sizeof *l)) == NULL || pthread_mutex_init(&l->lock, NULL) != 0) {
        free(l);
        iossl_error_memory(err);
        return NULL;
    }
    l->users = 1;
    l->notice[0] = l->notice[1] = -1;
    if (!iossl_socket_pipe(l->notice)) {
        iossl_error_set_errno(err, IOSSL_E_SYSTEM, IOSSL_RANK_IO, errno,
                              "cannot look up a host name: no pipe");
        goto failed;
    }
    if ((l->host = strdup(host)) == NULL || (l->port = strdup(port)) == NULL) {
        iossl_error_memory(err);
        goto failed;
    }
    if (!resolve_address(l)) {
        for (int i = 0; i < IOSSL_LOOKUP_FAMILIES; i++) {
            iossl_lookup_drain(l);
            l->answers[i] = (answer){.is_there = false};
        }
        resolve_in_threads(l);
    }
    return l;
failed:
    leave(l);
    return NULL;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

int
iossl_lookup_fd(const iossl_lookup *lookup)
{
    return lookup->notice[0];
}

void
iossl_lookup_drain(iossl_lookup *lookup)
{
    char byte;

    /* One byte is there; others make the descriptor readable again. */
    while (read(lookup->notice[0], &byte, 1) < 0 && errno == EINTR)
        ;
}

bool
iossl_lookup_get0(iossl_lookup *lookup, iossl_lookup_family family, const struct addrinfo **list)
{
    bool is_there;

    (void)pthread_mutex_lock(&lookup->lock);
    is_there = lookup->answers[family].is_there;
    *list = lookup->answers[family].list;
    (void)pthread_mutex_unlock(&lookup->lock);
    return is_there;
}

/* Did the resolver fail, rather than say that there is no such address? */
static bool
is_failure(const answer *a)
{
    return a->code == EAI_AGAIN || a->code == EAI_FAIL || a->code == EAI_SYSTEM
           || a->code == EAI_MEMORY;
}

void
iossl_lookup_explain(iossl_lookup *lookup, const char *name, iossl_error *err)
{
    const answer *v6 = &lookup->answers[IOSSL_LOOKUP_V6], *a = &lookup->answers[IOSSL_LOOKUP_V4];
    char quoted[IOSSL_QUOTED], text[128] = "";

    (void)pthread_mutex_lock(&lookup->lock);
    if (is_failure(v6) && !is_failure(a))
        a = v6;
    (void)iossl_quote(quoted, name, strlen(name));
    if (a->code == EAI_SYSTEM)
        iossl_compat_errno_text(text, sizeof text, a->errnum);
    iossl_error_set(err, IOSSL_E_RESOLVE, IOSSL_RANK_IO, "cannot look up %s port %s: %s; %s",
                    quoted, lookup->port, text[0] != '\0' ? text : gai_strerror(a->code),
                    a->code == EAI_SERVICE ? "give the port as a number"
                    : is_failure(a)        ? "try again, or see that the resolver works "
                                             "(/etc/resolv.conf)"
                                           : "is the name spelled correctly?");
    (void)pthread_mutex_unlock(&lookup->lock);
}
