/*
 * call.c - calling Perl code from inside libiossl: arguments, answers, and what a callback dies with.
 *
 * Owns      the exception of a callback that dies.
 * Promises  no exception passes through a C frame: it is caught here (G_EVAL), makes the operation
 *           fail, and is thrown again by glue_fail() once libiossl has returned; after a callback died,
 *           no other is called until then. Nor does "last" or "next" lead out of a callback. $@, $!
 *           and $SSL_ERROR are as they were before.
 * Leaves    which code is called with what to callbacks_*.c and ocsp.c.
 */
#include "call.h"

#include "status.h"

/* A callback may use other connections: their errors are no errors of the operation under way. */
static void
set_ssl_error(pTHX_ SV *value)
{
    SV *error = GvSVn(glue_get_globals(aTHX)->ssl_error);

    if (value == NULL && !SvOK(error))
        return;
    sv_setsv(error, value == NULL ? &PL_sv_undef : value);
    SvSETMAGIC(error);
}

/*
 * Calls code with the arguments (owned by the caller). Answers are mortal within the caller's scope,
 * and are pushed on a list, in list context, or where that is NULL, in scalar context, returned.
 * NULL: it died, and *exception holds why.
 */
static SV *
call_for(pTHX_ SV *code, AV *args, AV *answers, SV **exception)
{
    dSP;
    dSAVE_ERRNO;
    SV *error = GvSVn(glue_get_globals(aTHX)->ssl_error);
    SV *error_before = SvOK(error) ? sv_mortalcopy(error) : NULL;
    SV *answer = &PL_sv_undef;
    SSize_t n = av_len(args) + 1;
    I32 count;

    save_scalar(PL_errgv);
    PUSHSTACKi(PERLSI_MAGIC);   /* so that "last" finds no loop outside, in the program */
    PUSHMARK(SP);
    EXTEND(SP, n);
    for (SSize_t i = 0; i < n; i++)
        PUSHs(*av_fetch(args, (I32)i, 0));
    PUTBACK;
    count = call_sv(code, (answers == NULL ? G_SCALAR : G_LIST) | G_EVAL);
    SPAGAIN;
    for (I32 i = 0; answers != NULL && i < count; i++)
        av_push(answers, newSVsv(SP[i + 1 - count]));
    if (answers == NULL && count > 0)
        answer = *SP;
    SP -= count;
    PUTBACK;
    POPSTACK;
    if (SvROK(ERRSV) || SvTRUE(ERRSV)) {
        if (*exception == NULL)
            *exception = newSVsv(ERRSV);
        answer = NULL;
    }
    set_ssl_error(aTHX_ error_before);
    RESTORE_ERRNO;
    return answer;
}

SV *
glue_call_code(pTHX_ SV *code, AV *args, SV **exception)
{
    return call_for(aTHX_ code, args, NULL, exception);
}

bool
glue_call_list(pTHX_ SV *code, AV *args, AV *answers, SV **exception)
{
    return call_for(aTHX_ code, args, answers, exception) != NULL;
}

AV *
glue_new_args(pTHX)
{
    return (AV *)sv_2mortal((SV *)newAV());
}

SV *
glue_plain_answer(pTHX_ SV *answer, const char *conversion, SV **exception)
{
    AV *args;

    if (answer == NULL || !SvAMAGIC(answer))
        return answer;
    args = glue_new_args(aTHX);
    av_push(args, SvREFCNT_inc_simple_NN(answer));
    return glue_call_code(aTHX_ (SV *)get_cv(conversion, 0), args, exception);
}

bool
glue_is_yes(pTHX_ SV *answer, SV **exception)
{
    SV *truth = glue_plain_answer(aTHX_ answer, "IO::Socket::SSL::_as_bool", exception);

    return truth != NULL && SvTRUE(truth);
}

void
glue_refuse(pTHX_ SV **exception, SV *text)
{
    if (*exception == NULL)
        *exception = text;
    else
        SvREFCNT_dec_NN(text);
}

SV *
glue_pointer_sv(pTHX_ const void *p)
{
    return newSViv(PTR2IV(p));
}
