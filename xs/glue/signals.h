/*
 * signals.h - signals that wait until something is over.
 */
#ifndef GLUE_SIGNALS_H
#define GLUE_SIGNALS_H

#include "glue.h"

#include <signal.h>

typedef struct {
    sigset_t before;
    bool had_pipe;
} glue_signals;

/* Those that came before are seen to first: a handler that dies does so here. */
void glue_signals_hold(pTHX_ glue_signals *held);
/* Those that came meanwhile are delivered; a SIGPIPE was about a socket of ours, and is dropped. */
void glue_signals_let(const glue_signals *held);

#endif
