/*
 * callbacks_messages.c - SSL_msg_callback and set_msg_callback: the messages of the protocol, as they go.
 *
 * Owns      when messages are listened to, and whether reading and writing may run Perl code.
 * Promises  as call.c.
 */
#include "callbacks.h"

#include "call.h"
#include "trace.h"

static void
on_message(void *arg, bool sent, int version, int content_type, const void *buf, size_t len)
{
    dTHX;
    glue_handle *h = glue_handle_of(arg);
    SV **code;
    AV *args;

    if (h == NULL || h->exception != NULL)
        return;
    glue_debug_message(aTHX_ sent, version, content_type, buf, len);
    if (h->msg_callback == NULL
        || (code = av_fetch(h->msg_callback, 0, 0)) == NULL)
        return;
    ENTER;
    SAVETMPS;
    args = glue_new_args(aTHX);
    av_push(args, SvREFCNT_inc(glue_self(aTHX_ h)));
    av_push(args, newSViv(sent));
    av_push(args, newSViv(version));
    av_push(args, newSViv(content_type));
    av_push(args, newSVpvn(buf, len));
    av_push(args, newSVuv(len));
    av_push(args, glue_pointer_sv(aTHX_ iossl_conn_get0_ssl(arg)));
    for (SSize_t i = 1; i <= av_len(h->msg_callback); i++)
        av_push(args, newSVsv(*av_fetch(h->msg_callback, (I32)i, 0)));
    /* The callback may take itself away. */
    (void)glue_call_code(aTHX_ sv_mortalcopy(*code), args, &h->exception);
    FREETMPS;
    LEAVE;
}

void
glue_connect_messages(pTHX_ glue_handle *h)
{
    glue_context *context = glue_context_of_handle(h);
    bool wants_messages = h->msg_callback != NULL || glue_debug_level(aTHX) >= 2;

    if (h->conn == NULL)
        return;
    iossl_conn_set_msg_cb(h->conn, wants_messages ? on_message : NULL, h->conn);
    /* Certificates can be asked for, and shown, after the handshake, too (RFC 8446 section 4.6.2). */
    h->calls_back = wants_messages || h->is_over_handle
                    || (context != NULL
                        && (context->session_store != NULL || context->verify_callback != NULL
                            || context->scheme_callback != NULL));
}

void
glue_set_messages(pTHX_ glue_handle *h, AV *callback)
{
    AV *old = h->msg_callback;

    h->msg_callback = callback;
    glue_connect_messages(aTHX_ h);
    SvREFCNT_dec((SV *)old);    /* last: it may run a destructor of the program */
}
