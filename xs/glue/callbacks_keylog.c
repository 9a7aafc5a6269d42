/*
 * callbacks_keylog.c - SSL_keylog_callback: the program is told the secrets of a connection.
 *
 * Promises  as call.c.
 */
#include "callbacks.h"

#include "call.h"

void
glue_on_keylog(void *arg, iossl_conn *conn, const char *line)
{
    dTHX;
    glue_handle *h = glue_handle_of(conn);
    glue_context *context = glue_context_of_handle(h);
    AV *args;

    PERL_UNUSED_VAR(arg);
    if (context == NULL || context->keylog_callback == NULL || h->exception != NULL)
        return;
    ENTER;
    SAVETMPS;
    args = glue_new_args(aTHX);
    av_push(args, SvREFCNT_inc(glue_self(aTHX_ h)));
    av_push(args, newSVpv(line, 0));
    (void)glue_call_code(aTHX_ context->keylog_callback, args, &h->exception);
    FREETMPS;
    LEAVE;
}
