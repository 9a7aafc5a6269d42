/*
 * signals.c - signals that wait until something is over.
 *
 * Owns      the calling thread's mask, in between.
 * Promises  no handler runs in between, be it Perl's or an event loop's own in C, and none is exchanged
 *           for it: %SIG can't put back what a loop has set up beside Perl.
 * Leaves    for how long, to the caller.
 */
#include "signals.h"

#include <pthread.h>

static bool
is_pending(int number)
{
    sigset_t pending;

    return sigpending(&pending) == 0 && sigismember(&pending, number) == 1;
}

void
glue_signals_hold(pTHX_ glue_signals *held)
{
    /* What a program gets for a fault of its own can't wait. */
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t all;

    (void)sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        (void)sigdelset(&all, faults[i]);
    for (;;) {
        (void)pthread_sigmask(SIG_BLOCK, &all, &held->before);
        if (!PL_sig_pending)
            break;
        /* Perl has noted a signal, and would run its handler in between. */
        (void)pthread_sigmask(SIG_SETMASK, &held->before, NULL);
        PERL_ASYNC_CHECK();
    }
    held->had_pipe = is_pending(SIGPIPE);
}

void
glue_signals_let(const glue_signals *held)
{
    sigset_t broken_pipe;
    int number;

    (void)sigemptyset(&broken_pipe);
    (void)sigaddset(&broken_pipe, SIGPIPE);
    if (!held->had_pipe && is_pending(SIGPIPE))
        (void)sigwait(&broken_pipe, &number);
    (void)pthread_sigmask(SIG_SETMASK, &held->before, NULL);
}
