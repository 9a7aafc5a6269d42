/*
 * call.h - calling Perl code from inside libiossl.
 */
#ifndef GLUE_CALL_H
#define GLUE_CALL_H

#include "glue.h"
#include "handle.h"

/* The handle that is operating on this connection now; NULL: none. */
static inline glue_handle *
glue_handle_of(const iossl_conn *conn)
{
    return iossl_conn_get_app_data(conn);
}

/* ---- Arguments -------------------------------------------------------------------------------- */

/* An empty list, mortal. */
AV *glue_new_args(pTHX);
/* A handle as the number that programs know it by. */
SV *glue_pointer_sv(pTHX_ const void *p);

/* ---- Calls ------------------------------------------------------------------------------------ */

/*
 * Calls code with the arguments (owned by the caller) in scalar context. The answer is mortal within
 * the caller's scope; NULL: it died, and *exception holds why, unless that was taken already.
 */
SV *glue_call_code(pTHX_ SV *code, AV *args, SV **exception);
/* The same in list context: copies of the answers are pushed on a list. False: it died. */
bool glue_call_list(pTHX_ SV *code, AV *args, AV *answers, SV **exception);

/* ---- Answers ---------------------------------------------------------------------------------- */

/* What an answer is by a conversion of lib/: an object that overloads it may die of it. NULL: it did,
 * or the callback had. */
SV *glue_plain_answer(pTHX_ SV *answer, const char *conversion, SV **exception);
/* The answer as a boolean, likewise. */
bool glue_is_yes(pTHX_ SV *answer, SV **exception);
/* The program's mistake, as if the callback had died of it. text is owned from now on. */
void glue_refuse(pTHX_ SV **exception, SV *text);

#endif
