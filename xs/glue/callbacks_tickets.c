/*
 * callbacks_tickets.c - SSL_ticket_keycb: the program knows the keys of session tickets.
 *
 * Promises  as call.c.
 * Leaves    to libiossl what a key is used for.
 */
#include "callbacks.h"

#include "call.h"

/* A key and the name of the current one, out of what a callback returned. */
static iossl_ticket_result
take_ticket_key(pTHX_ AV *answers, const unsigned char *asked, iossl_ticket_key *key,
                SV **exception)
{
    SV **slot = av_fetch(answers, 0, 0), **name_slot = av_fetch(answers, 1, 0);
    STRLEN len, name_len;
    const char *bytes, *name;

    if (av_len(answers) < 0 && asked != NULL)
        return IOSSL_TICKET_KEY_UNKNOWN;
    if (av_len(answers) != 1 || !SvOK(*slot) || !SvOK(*name_slot) || SvROK(*slot)
        || SvROK(*name_slot)) {
        glue_refuse(aTHX_ exception, newSVpvs("SSL_ticket_keycb: key functions needs to return "
                                              "(key,name)"));
        return IOSSL_TICKET_KEY_FAILED;
    }
    if (!sv_utf8_downgrade(*slot, TRUE) || !sv_utf8_downgrade(*name_slot, TRUE)) {
        glue_refuse(aTHX_ exception, newSVpvs("SSL_ticket_keycb: wide character in key or name"));
        return IOSSL_TICKET_KEY_FAILED;
    }
    bytes = SvPV_const(*slot, len);
    name = SvPV_const(*name_slot, name_len);
    if (len != 32 && len != 48 && len != 64) {
        glue_refuse(aTHX_ exception, newSVpvf("SSL_ticket_keycb: key must be 32 or 48 random bytes, "
                                              "got %" UVuf, (UV)len));
        return IOSSL_TICKET_KEY_FAILED;
    }
    if (name_len > sizeof key->name) {
        glue_refuse(aTHX_ exception, newSVpvf("SSL_ticket_keycb: name must be at at most 16 bytes, "
                                              "got %" UVuf, (UV)name_len));
        return IOSSL_TICKET_KEY_FAILED;
    }
    Copy(bytes, key->key, len, char);
    key->key_len = len;
    Zero(key->name, sizeof key->name, char);
    Copy(name, key->name, name_len, char);
    return asked == NULL || memEQ(asked, key->name, sizeof key->name) ? IOSSL_TICKET_KEY_CURRENT
                                                                     : IOSSL_TICKET_KEY_OLD;
}

iossl_ticket_result
glue_on_ticket_key(void *arg, iossl_conn *conn, const unsigned char *name, iossl_ticket_key *key)
{
    dTHX;
    glue_handle *h = glue_handle_of(conn);
    glue_context *context = glue_context_of_handle(h);
    iossl_ticket_result result = IOSSL_TICKET_KEY_FAILED;
    AV *args, *answers;

    PERL_UNUSED_VAR(arg);
    if (context == NULL || context->ticket_callback == NULL || h->exception != NULL)
        return IOSSL_TICKET_KEY_FAILED;
    ENTER;
    SAVETMPS;
    args = glue_new_args(aTHX);
    answers = glue_new_args(aTHX);
    av_push(args, context->ticket_data == NULL ? newSV(0) : newSVsv(context->ticket_data));
    if (name != NULL)
        av_push(args, newSVpvn((const char *)name, sizeof key->name));
    if (glue_call_list(aTHX_ context->ticket_callback, args, answers, &h->exception))
        result = take_ticket_key(aTHX_ answers, name, key, &h->exception);
    FREETMPS;
    LEAVE;
    return result;
}
