/*
 * outer.h - TLS over another handle of Perl's: any object that has sysread and syswrite.
 */
#ifndef GLUE_OUTER_H
#define GLUE_OUTER_H

#include "glue.h"
#include "handle.h"

/* The handle that this one was put over by SSL_usebio; NULL: none. Borrowed from its glob. */
SV *glue_outer(pTHX_ const GV *gv);

/*
 * A connection over that handle: its bytes come and go by calls of sysread and syswrite, for whichever
 * handle of Perl's (each thread has its own copy) operates on the connection. NULL: err says why.
 */
iossl_conn *glue_outer_conn(iossl_ctx *ctx, iossl_role role, iossl_error *err);

/* What the outer handle has ready besides what our connection has; its descriptor, -1: none. */
size_t glue_outer_pending(pTHX_ const GV *gv);
int glue_outer_fd(pTHX_ const GV *gv);

/*
 * Calls a method of the outer handle with up to three arguments of ours (owned by the caller; NULL ends
 * them), and returns its answer, a count: GLUE_FAILED for undef. What it dies with goes through.
 */
SSize_t glue_outer_call(pTHX_ const GV *gv, const char *method, SV *first, SV *second, SV *third);

#endif
