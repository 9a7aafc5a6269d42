/*
 * callbacks_load.c - the code that runs while files are loaded, now or later: SSL_passwd_cb and
 * SSL_create_ctx_callback; and the warnings of a server whose files have changed for the worse.
 *
 * Owns      that code, and what it died with.
 * Promises  as call.c; nothing is called in another interpreter than the one that made the context.
 * Leaves    when files are loaded to libiossl.
 */
#include "callbacks.h"

#include <stdlib.h>

#include "call.h"

#ifdef MULTIPLICITY
#define dTHX_OF(c) dTHXa((c)->perl)
#else
#define dTHX_OF(c) dNOOP
#endif

/* Not by another thread's interpreter, nor after the code is gone, nor once one died. */
static bool
is_callable_here(const glue_call *c)
{
#ifdef MULTIPLICITY
    if (c->perl != (PerlInterpreter *)PERL_GET_THX)
        return false;
#endif
    return c->code != NULL && c->exception == NULL;
}

glue_calls *
glue_calls_new(pTHX)
{
    glue_calls *calls = calloc(1, sizeof *calls);

    PERL_UNUSED_CONTEXT;
    if (calls == NULL)
        return NULL;
    atomic_init(&calls->refs, 1);
#ifdef MULTIPLICITY
    calls->password.perl = calls->ssl_ctx.perl = aTHX;
#endif
    return calls;
}

static void
drop_call(pTHX_ glue_call *c)
{
#ifdef MULTIPLICITY
    if (c->perl != aTHX)
        return;
#endif
    SvREFCNT_dec(c->code);
    SvREFCNT_dec(c->exception);
    c->code = c->exception = NULL;
}

void
glue_calls_free(pTHX_ glue_calls *calls)
{
    if (calls == NULL)
        return;
    drop_call(aTHX_ &calls->password);
    drop_call(aTHX_ &calls->ssl_ctx);
    if (atomic_fetch_sub(&calls->refs, 1) == 1)
        free(calls);
}

static void
rethrow(pTHX_ glue_call *c)
{
    SV *exception = c->exception;

#ifdef MULTIPLICITY
    if (c->perl != aTHX)
        return;
#endif
    if (exception != NULL) {
        c->exception = NULL;
        croak_sv(sv_2mortal(exception));
    }
}

void
glue_calls_rethrow(pTHX_ glue_calls *calls)
{
    rethrow(aTHX_ &calls->password);
    rethrow(aTHX_ &calls->ssl_ctx);
}

static bool
is_mine(pTHX_ const glue_calls *calls)
{
#ifdef MULTIPLICITY
    return calls->password.perl == aTHX;
#else
    PERL_UNUSED_VAR(calls);
    return true;
#endif
}

/* What a server goes on in spite of. */
static void
tell_trouble(pTHX_ const glue_context *context)
{
    iossl_error *err = iossl_error_new();
    SV *text = iossl_ctx_take_trouble(context->ctx, err)
                   ? sv_2mortal(newSVpvf("IO::Socket::SSL: %s", iossl_error_message(err))) : NULL;

    iossl_error_free(err);
    if (text != NULL)
        Perl_warn(aTHX_ "%" SVf, SVfARG(text));
}

void
glue_tell_reload(pTHX_ const glue_context *context)
{
    iossl_error *err = iossl_error_new();
    SV *text = NULL, *died = NULL;

    if (iossl_ctx_take_reload_error(context->ctx, err)) {
        text = sv_2mortal(newSVpvf("IO::Socket::SSL: files that changed can't be loaded, the old "
                                   "certificates stay in use: %s", iossl_error_message(err)));
        died = context->calls == NULL || !is_mine(aTHX_ context->calls) ? NULL
               : context->calls->password.exception != NULL ? context->calls->password.exception
                                                            : context->calls->ssl_ctx.exception;
    }
    iossl_error_free(err);
    tell_trouble(aTHX_ context);
    if (text == NULL)
        return;
    if (died != NULL) {
        sv_catpvf(text, " (%" SVf ")", SVfARG(died));
        SvREFCNT_dec(context->calls->password.exception);
        SvREFCNT_dec(context->calls->ssl_ctx.exception);
        context->calls->password.exception = context->calls->ssl_ctx.exception = NULL;
    }
    Perl_warn(aTHX_ "%" SVf, SVfARG(text));
}

int
glue_on_password(void *arg, char *buf, int size)
{
    glue_call *c = arg;
    dTHX_OF(c);
    int n = -1;
    AV *args;
    SV *answer;

    if (!is_callable_here(c))
        return -1;
    ENTER;
    SAVETMPS;
    args = glue_new_args(aTHX);
    av_push(args, newSViv(0));          /* for reading, not for writing */
    answer = glue_plain_answer(aTHX_ glue_call_code(aTHX_ c->code, args, &c->exception),
                               "IO::Socket::SSL::_as_text", &c->exception);
    if (answer != NULL && SvOK(answer) && !SvROK(answer)) {
        STRLEN len;
        const char *text;

        answer = sv_mortalcopy(answer);
        (void)sv_utf8_downgrade(answer, TRUE);      /* what can't be bytes is taken as UTF-8 */
        text = SvPV_const(answer, len);
        if (len <= (STRLEN)size) {
            Copy(text, buf, len, char);
            n = (int)len;
        }
    }
    FREETMPS;
    LEAVE;
    return n;
}

bool
glue_on_ssl_ctx(void *arg, SSL_CTX *ssl_ctx)
{
    glue_call *c = arg;
    dTHX_OF(c);
    AV *args;

    if (!is_callable_here(c))
        return false;
    ENTER;
    SAVETMPS;
    args = glue_new_args(aTHX);
    av_push(args, glue_pointer_sv(aTHX_ ssl_ctx));
    (void)glue_call_code(aTHX_ c->code, args, &c->exception);
    FREETMPS;
    LEAVE;
    return c->exception == NULL;
}
