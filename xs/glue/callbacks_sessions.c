/*
 * callbacks_sessions.c - where a connection's sessions are kept: libiossl's cache, or a store of the
 * program's own, whose methods are called.
 *
 * Promises  as call.c; a session whose store dies is freed.
 * Leaves    when a session is looked for, kept and dropped to libiossl.
 */
#include "callbacks.h"

#include "call.h"

/* The store of the program's own that the connection's context has, NULL: none, or not now. */
static SV *
store_of(const glue_handle *h)
{
    glue_context *context = glue_context_of_handle(h);

    return context == NULL || h->exception != NULL ? NULL : context->session_store;
}

/* Calls a method of the store with up to two arguments (owned by us; NULL: none). Returns a number, 0
 * where there is none. */
static IV
call_store(pTHX_ glue_handle *h, SV *store, const char *name, SV *key, SV *session)
{
    /* A store may have only some of the methods. */
    GV *method = gv_fetchmethod_autoload(SvSTASH(SvRV(store)), name, TRUE);
    IV number = 0;
    AV *args;
    SV *answer;

    ENTER;
    SAVETMPS;
    args = glue_new_args(aTHX);
    av_push(args, newSVsv(store));
    av_push(args, key);
    if (session != NULL)
        av_push(args, session);
    if (method != NULL) {
        answer = glue_call_code(aTHX_ (SV *)GvCV(method), args, &h->exception);
        if (answer != NULL && SvOK(answer) && !SvROK(answer) && looks_like_number(answer))
            number = SvIV(answer);
    }
    FREETMPS;
    LEAVE;
    return number;
}

static void
on_session_add(void *arg, const char *key, SSL_SESSION *session)
{
    dTHX;
    glue_handle *h = glue_handle_of(arg);
    SV *store = store_of(h);

    /* The store owns one reference, and frees it when it drops the session. */
    if (store == NULL || h->exception != NULL || SSL_SESSION_up_ref(session) != 1)
        return;
    (void)call_store(aTHX_ h, store, "add_session", newSVpv(key, 0),
                     glue_pointer_sv(aTHX_ session));
    if (h->exception != NULL)
        SSL_SESSION_free(session);      /* it died: nobody owns the reference */
}

static SSL_SESSION *
on_session_get1(void *arg, const char *key)
{
    dTHX;
    glue_handle *h = glue_handle_of(arg);
    SV *store = store_of(h);
    SSL_SESSION *session = NULL;

    if (store != NULL)
        session = iossl_session_get1_known(INT2PTR(const void *, call_store(
            aTHX_ h, store, "get_session", newSVpv(key, 0), NULL)));
    return session;
}

static void
on_session_del(void *arg, const char *key, SSL_SESSION *session)
{
    dTHX;
    glue_handle *h = glue_handle_of(arg);
    SV *store = store_of(h);

    if (store != NULL)
        (void)call_store(aTHX_ h, store, "del_session",
                         key == NULL ? newSV(0) : newSVpv(key, 0), glue_pointer_sv(aTHX_ session));
}

static const iossl_session_store STORE = {
    .add = on_session_add, .get1 = on_session_get1, .del = on_session_del, .free = NULL};

iossl_status
glue_connect_sessions(pTHX_ iossl_conn *conn, const glue_context *context, const char *key,
                      iossl_error *err)
{
    PERL_UNUSED_CONTEXT;
    if (context->session_store != NULL)
        return iossl_conn_set_session_store(conn, &STORE, conn, key, err);
    if (context->sessions != NULL)
        return iossl_conn_set_session_cache(conn, context->sessions, key, err);
    return IOSSL_OK;
}
