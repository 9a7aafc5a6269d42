/*
 * callbacks_host.c - SSL_cert_callback: the program knows the certificate of a host.
 *
 * Promises  as call.c.
 * Leaves    making a context of what the program answers to lib/.
 */
#include "callbacks.h"

#include "call.h"

bool
glue_on_host(void *arg, iossl_conn *conn, const char *name, iossl_ctx **ctx)
{
    dTHX;
    glue_handle *h = glue_handle_of(conn);
    glue_context *context = glue_context_of_handle(h);
    bool ok = false;
    AV *args;
    SV *answer;

    PERL_UNUSED_VAR(arg);
    if (context == NULL || context->cert_callback == NULL || h->exception != NULL)
        return false;
    ENTER;
    SAVETMPS;
    args = glue_new_args(aTHX);
    av_push(args, name == NULL ? newSV(0) : newSVpv(name, 0));
    av_push(args, SvREFCNT_inc(glue_self(aTHX_ h)));
    answer = glue_call_code(aTHX_ context->cert_callback, args, &h->exception);
    if (answer != NULL && (SvROK(answer) || SvTRUE(answer))) {
        args = glue_new_args(aTHX);
        av_push(args, newSVsv(answer));
        answer = glue_call_code(aTHX_ (SV *)get_cv("IO::Socket::SSL::SSL_Context::_of_answer", 0),
                                args, &h->exception);
        context = answer == NULL ? NULL : glue_context_of(answer);
        if (context != NULL)
            *ctx = iossl_ctx_up_ref(context->ctx);
        ok = *ctx != NULL;
    } else {
        ok = answer != NULL;
    }
    FREETMPS;
    LEAVE;
    return ok;
}
