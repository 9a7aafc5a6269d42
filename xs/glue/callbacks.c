/*
 * callbacks.c - trampolines: libiossl calls, Perl code answers.
 *
 * Owns      the translation of arguments and answers, the exception of a callback that dies.
 * Promises  no exception passes through a C frame: it is caught here (G_EVAL), makes the operation
 *           fail, and is thrown again by glue_fail() once libiossl has returned; after a callback died,
 *           no other is called until then. Nor does "last" or "next" lead out of a callback. $@, $!
 *           and $SSL_ERROR are as they were before.
 * Leaves    to libiossl what an answer means.
 */
#include "callbacks.h"
#include "objects.h"
#include "status.h"
#include "trace.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* ---- Calling ---------------------------------------------------------------------------------- */

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

static SV *
call(pTHX_ SV *code, AV *args, SV **exception)
{
    return call_for(aTHX_ code, args, NULL, exception);
}

SV *
glue_call_code(pTHX_ SV *code, AV *args, SV **exception)
{
    return call(aTHX_ code, args, exception);
}

static AV *
new_args(pTHX)
{
    return (AV *)sv_2mortal((SV *)newAV());
}

/* What an answer is as a boolean or as a string: an object that overloads them may die of it. NULL: it
 * did, or the callback had. */
static SV *
plain(pTHX_ SV *answer, const char *conversion, SV **exception)
{
    AV *args;

    if (answer == NULL || !SvAMAGIC(answer))
        return answer;
    args = new_args(aTHX);
    av_push(args, SvREFCNT_inc_simple_NN(answer));
    return call(aTHX_ (SV *)get_cv(conversion, 0), args, exception);
}

static bool
is_yes(pTHX_ SV *answer, SV **exception)
{
    SV *truth = plain(aTHX_ answer, "IO::Socket::SSL::_as_bool", exception);

    return truth != NULL && SvTRUE(truth);
}

/* The program's mistake, as if the callback had died of it. */
static void
refuse(pTHX_ SV **exception, SV *text)
{
    if (*exception == NULL)
        *exception = text;
    else
        SvREFCNT_dec_NN(text);
}

static SV *
pointer_sv(pTHX_ const void *p)
{
    return newSViv(PTR2IV(p));
}

/* ---- Certificates as arguments ---------------------------------------------------------------- */

typedef struct {
#ifdef MULTIPLICITY
    PerlInterpreter *perl;
#endif
    AV *list;
} altname_list;

static bool
push_altname(void *arg, int type, const unsigned char *value, size_t len)
{
    altname_list *to = arg;
#ifdef MULTIPLICITY
    dTHXa(to->perl);
#endif

    av_push(to->list, newSViv(type));
    av_push(to->list, newSVpvn((const char *)value, len));
    return true;
}

void
glue_push_altnames(pTHX_ AV *list, const X509 *cert)
{
    altname_list to;

#ifdef MULTIPLICITY
    to.perl = aTHX;
#endif
    to.list = list;
    iossl_cert_altnames(cert, push_altname, &to);
}

SV *
glue_common_name(pTHX_ const X509 *cert)
{
    size_t len;
    char *name = iossl_cert_common_name(cert, &len);
    SV *sv = sv_newmortal();

    if (name != NULL) {
        sv_setpvn(sv, name, len);
        iossl_free(name);
        (void)sv_utf8_decode(sv);
    }
    return sv;
}

/* ---- Verification ----------------------------------------------------------------------------- */

/* The handle that is operating on this connection now. */
static glue_handle *
handle_of(void *conn)
{
    return iossl_conn_get_app_data(conn);
}

/* Issuer and subject in one text, as programs have always been given them. */
static SV *
names_sv(pTHX_ const X509 *cert)
{
    char *issuer = cert == NULL ? NULL : iossl_cert_issuer(cert);
    char *subject = cert == NULL ? NULL : iossl_cert_subject(cert);
    SV *sv = newSVpvf("%s%s", issuer == NULL ? "" : issuer, subject == NULL ? "" : subject);

    iossl_free(issuer);
    iossl_free(subject);
    return sv;
}

static bool
on_verify(void *arg, bool ok, X509_STORE_CTX *store_ctx)
{
    dTHX;
    glue_handle *h = handle_of(arg);
    glue_context *context = h == NULL || h->context == NULL ? NULL : glue_context_of(h->context);
    X509 *cert = X509_STORE_CTX_get_current_cert(store_ctx);
    int code = X509_STORE_CTX_get_error(store_ctx);
    char text[256];
    bool accepted;
    AV *args;
    SV *answer;

    if (context == NULL || context->verify_callback == NULL)
        return ok;
    if (h->exception != NULL)
        return false;
    ENTER;
    SAVETMPS;
    args = new_args(aTHX);
    av_push(args, newSViv(ok));
    av_push(args, pointer_sv(aTHX_ store_ctx));
    av_push(args, names_sv(aTHX_ cert));
    /* The code in the form of an error of OpenSSL: what programs have always been given. */
    ERR_error_string_n((unsigned long)code, text, sizeof text);
    av_push(args, code == 0 ? newSVpvs("0") : newSVpv(text, 0));
    glue_object_lent(GLUE_X509, cert);
    av_push(args, pointer_sv(aTHX_ cert));
    av_push(args, newSViv(X509_STORE_CTX_get_error_depth(store_ctx)));
    answer = call(aTHX_ context->verify_callback, args, &h->exception);
    accepted = is_yes(aTHX_ answer, &h->exception);
    FREETMPS;
    LEAVE;
    return accepted;
}

static iossl_match
on_name(void *arg, const char *identity, X509 *cert)
{
    dTHX;
    glue_handle *h = handle_of(arg);
    glue_context *context = h == NULL || h->context == NULL ? NULL : glue_context_of(h->context);
    iossl_match match;
    AV *args;
    SV *answer;

    if (context == NULL || context->scheme_callback == NULL || h->exception != NULL)
        return IOSSL_NAME_MISMATCH;
    ENTER;
    SAVETMPS;
    args = new_args(aTHX);
    av_push(args, SvREFCNT_inc(glue_text(aTHX_ identity)));
    av_push(args, SvREFCNT_inc(glue_common_name(aTHX_ cert)));
    glue_push_altnames(aTHX_ args, cert);
    answer = call(aTHX_ context->scheme_callback, args, &h->exception);
    match = is_yes(aTHX_ answer, &h->exception) ? IOSSL_NAME_MATCH : IOSSL_NAME_MISMATCH;
    FREETMPS;
    LEAVE;
    return match;
}

iossl_status
glue_connect_callbacks(pTHX_ iossl_conn *conn, const glue_context *context, iossl_error *err)
{
    PERL_UNUSED_CONTEXT;
    if (context->verify_callback != NULL)
        iossl_conn_set_verify_cb(conn, on_verify, conn);
    if (context->scheme_callback != NULL) {
        const iossl_scheme scheme = {.callback = on_name, .callback_arg = conn};

        return iossl_conn_set_scheme(conn, &scheme, err);
    }
    return IOSSL_OK;
}

/* ---- Messages --------------------------------------------------------------------------------- */

static void
on_message(void *arg, bool sent, int version, int content_type, const void *buf, size_t len)
{
    dTHX;
    glue_handle *h = handle_of(arg);
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
    args = new_args(aTHX);
    av_push(args, SvREFCNT_inc(glue_self(aTHX_ h)));
    av_push(args, newSViv(sent));
    av_push(args, newSViv(version));
    av_push(args, newSViv(content_type));
    av_push(args, newSVpvn(buf, len));
    av_push(args, newSVuv(len));
    av_push(args, pointer_sv(aTHX_ iossl_conn_get0_ssl(arg)));
    for (SSize_t i = 1; i <= av_len(h->msg_callback); i++)
        av_push(args, newSVsv(*av_fetch(h->msg_callback, (I32)i, 0)));
    /* The callback may take itself away. */
    (void)call(aTHX_ sv_mortalcopy(*code), args, &h->exception);
    FREETMPS;
    LEAVE;
}

void
glue_connect_messages(pTHX_ glue_handle *h)
{
    glue_context *context = h->context == NULL ? NULL : glue_context_of(h->context);
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

/* ---- Sessions --------------------------------------------------------------------------------- */

/* The store of the program's own that the connection's context has, NULL: none, or not now. */
static SV *
store_of(const glue_handle *h)
{
    glue_context *context = h == NULL || h->context == NULL ? NULL : glue_context_of(h->context);

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
    args = new_args(aTHX);
    av_push(args, newSVsv(store));
    av_push(args, key);
    if (session != NULL)
        av_push(args, session);
    if (method != NULL) {
        answer = call(aTHX_ (SV *)GvCV(method), args, &h->exception);
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
    glue_handle *h = handle_of(arg);
    SV *store = store_of(h);

    /* The store owns one reference, and frees it when it drops the session. */
    if (store == NULL || h->exception != NULL || SSL_SESSION_up_ref(session) != 1)
        return;
    (void)call_store(aTHX_ h, store, "add_session", newSVpv(key, 0), pointer_sv(aTHX_ session));
    if (h->exception != NULL)
        SSL_SESSION_free(session);      /* it died: nobody owns the reference */
}

static SSL_SESSION *
on_session_get1(void *arg, const char *key)
{
    dTHX;
    glue_handle *h = handle_of(arg);
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
    glue_handle *h = handle_of(arg);
    SV *store = store_of(h);

    if (store != NULL)
        (void)call_store(aTHX_ h, store, "del_session",
                         key == NULL ? newSV(0) : newSVpv(key, 0), pointer_sv(aTHX_ session));
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

static int
cache_magic_free(pTHX_ SV *sv, MAGIC *mg)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(sv);
    iossl_session_cache_free((iossl_session_cache *)mg->mg_ptr);
    mg->mg_ptr = NULL;
    return 0;
}

#ifdef USE_ITHREADS
/* Threads share it: it is safe from any of them. */
static int
cache_magic_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(param);
    (void)iossl_session_cache_up_ref((iossl_session_cache *)mg->mg_ptr);
    return 0;
}
#endif

static MGVTBL cache_vtbl = {
    NULL, NULL, NULL, NULL, cache_magic_free, NULL,
#ifdef USE_ITHREADS
    cache_magic_dup,
#else
    NULL,
#endif
    NULL};

iossl_session_cache *
glue_session_cache_of(SV *sv)
{
    const MAGIC *mg;

    if (!SvROK(sv) || SvTYPE(SvRV(sv)) != SVt_PVHV || SvMAGIC(SvRV(sv)) == NULL)
        return NULL;
    mg = mg_findext(SvRV(sv), PERL_MAGIC_ext, &cache_vtbl);
    return mg == NULL ? NULL : (iossl_session_cache *)mg->mg_ptr;
}

void
glue_session_cache_attach(pTHX_ HV *hash, iossl_session_cache *cache)
{
    MAGIC *mg = sv_magicext((SV *)hash, NULL, PERL_MAGIC_ext, &cache_vtbl, (const char *)cache, 0);

#ifdef USE_ITHREADS
    mg->mg_flags |= MGf_DUP;
#else
    PERL_UNUSED_VAR(mg);
#endif
}

static int
seal_magic_free(pTHX_ SV *sv, MAGIC *mg)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(sv);
    iossl_seal_free((iossl_seal *)mg->mg_ptr);
    mg->mg_ptr = NULL;
    return 0;
}

#ifdef USE_ITHREADS
static int
seal_magic_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(param);
    (void)iossl_seal_up_ref((iossl_seal *)mg->mg_ptr);
    return 0;
}
#endif

static MGVTBL seal_vtbl = {
    NULL, NULL, NULL, NULL, seal_magic_free, NULL,
#ifdef USE_ITHREADS
    seal_magic_dup,
#else
    NULL,
#endif
    NULL};

iossl_seal *
glue_seal_of(SV *sv)
{
    const MAGIC *mg;

    if (!SvROK(sv) || SvTYPE(SvRV(sv)) != SVt_PVHV || SvMAGIC(SvRV(sv)) == NULL)
        return NULL;
    mg = mg_findext(SvRV(sv), PERL_MAGIC_ext, &seal_vtbl);
    return mg == NULL ? NULL : (iossl_seal *)mg->mg_ptr;
}

void
glue_seal_attach(pTHX_ HV *hash, iossl_seal *seal)
{
    MAGIC *mg = sv_magicext((SV *)hash, NULL, PERL_MAGIC_ext, &seal_vtbl, (const char *)seal, 0);

#ifdef USE_ITHREADS
    mg->mg_flags |= MGf_DUP;
#else
    PERL_UNUSED_VAR(mg);
#endif
}

/* ---- Keys of session tickets ------------------------------------------------------------------ */

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
        refuse(aTHX_ exception, newSVpvs("SSL_ticket_keycb: key functions needs to return "
                                         "(key,name)"));
        return IOSSL_TICKET_KEY_FAILED;
    }
    if (!sv_utf8_downgrade(*slot, TRUE) || !sv_utf8_downgrade(*name_slot, TRUE)) {
        refuse(aTHX_ exception, newSVpvs("SSL_ticket_keycb: wide character in key or name"));
        return IOSSL_TICKET_KEY_FAILED;
    }
    bytes = SvPV_const(*slot, len);
    name = SvPV_const(*name_slot, name_len);
    if (len != 32 && len != 48 && len != 64) {
        refuse(aTHX_ exception, newSVpvf("SSL_ticket_keycb: key must be 32 or 48 random bytes, got "
                                         "%" UVuf, (UV)len));
        return IOSSL_TICKET_KEY_FAILED;
    }
    if (name_len > sizeof key->name) {
        refuse(aTHX_ exception, newSVpvf("SSL_ticket_keycb: name must be at at most 16 bytes, got "
                                         "%" UVuf, (UV)name_len));
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
    glue_handle *h = handle_of(conn);
    glue_context *context = h == NULL || h->context == NULL ? NULL : glue_context_of(h->context);
    iossl_ticket_result result = IOSSL_TICKET_KEY_FAILED;
    AV *args, *answers;

    PERL_UNUSED_VAR(arg);
    if (context == NULL || context->ticket_callback == NULL || h->exception != NULL)
        return IOSSL_TICKET_KEY_FAILED;
    ENTER;
    SAVETMPS;
    args = new_args(aTHX);
    answers = new_args(aTHX);
    av_push(args, context->ticket_data == NULL ? newSV(0) : newSVsv(context->ticket_data));
    if (name != NULL)
        av_push(args, newSVpvn((const char *)name, sizeof key->name));
    if (call_for(aTHX_ context->ticket_callback, args, answers, &h->exception) != NULL)
        result = take_ticket_key(aTHX_ answers, name, key, &h->exception);
    FREETMPS;
    LEAVE;
    return result;
}

/* ---- Certificates by name --------------------------------------------------------------------- */

bool
glue_on_host(void *arg, iossl_conn *conn, const char *name, iossl_ctx **ctx)
{
    dTHX;
    glue_handle *h = handle_of(conn);
    glue_context *context = h == NULL || h->context == NULL ? NULL : glue_context_of(h->context);
    bool ok = false;
    AV *args;
    SV *answer;

    PERL_UNUSED_VAR(arg);
    if (context == NULL || context->cert_callback == NULL || h->exception != NULL)
        return false;
    ENTER;
    SAVETMPS;
    args = new_args(aTHX);
    av_push(args, name == NULL ? newSV(0) : newSVpv(name, 0));
    av_push(args, SvREFCNT_inc(glue_self(aTHX_ h)));
    answer = call(aTHX_ context->cert_callback, args, &h->exception);
    if (answer != NULL && (SvROK(answer) || SvTRUE(answer))) {
        args = new_args(aTHX);
        av_push(args, newSVsv(answer));
        answer = call(aTHX_ (SV *)get_cv("IO::Socket::SSL::SSL_Context::_of_answer", 0), args,
                      &h->exception);
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

/* ---- Secrets ---------------------------------------------------------------------------------- */

void
glue_on_keylog(void *arg, iossl_conn *conn, const char *line)
{
    dTHX;
    glue_handle *h = handle_of(conn);
    glue_context *context = h == NULL || h->context == NULL ? NULL : glue_context_of(h->context);
    AV *args;

    PERL_UNUSED_VAR(arg);
    if (context == NULL || context->keylog_callback == NULL || h->exception != NULL)
        return;
    ENTER;
    SAVETMPS;
    args = new_args(aTHX);
    av_push(args, SvREFCNT_inc(glue_self(aTHX_ h)));
    av_push(args, newSVpv(line, 0));
    (void)call(aTHX_ context->keylog_callback, args, &h->exception);
    FREETMPS;
    LEAVE;
}

/* ---- While a context is made ------------------------------------------------------------------ */

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
    args = new_args(aTHX);
    av_push(args, newSViv(0));          /* for reading, not for writing */
    answer = plain(aTHX_ call(aTHX_ c->code, args, &c->exception), "IO::Socket::SSL::_as_text",
                   &c->exception);
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
    args = new_args(aTHX);
    av_push(args, pointer_sv(aTHX_ ssl_ctx));
    (void)call(aTHX_ c->code, args, &c->exception);
    FREETMPS;
    LEAVE;
    return c->exception == NULL;
}
