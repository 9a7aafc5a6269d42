/*
 * ocsp.c - OCSP between Perl and libiossl.
 *
 * Owns      the objects OCSP_Cache and OCSP_Resolver, entries as hashes, the calls of
 *           SSL_ocsp_staple_callback, SSL_ocsp_staple_source and of the methods of a cache of the program's own.
 * Promises  as call.c: no exception passes through a C frame. A cache of the program's own is the one
 *           of the interpreter that operates, so connections may be shared with threads.
 * Leaves    what is asked and believed to libiossl, HTTP to lib/.
 */
#include "ocsp.h"

#include "call.h"
#include "magic.h"
#include "objects.h"
#include "status.h"

#include <limits.h>

#include <openssl/ocsp.h>

/* ---- Entries ---------------------------------------------------------------------------------- */

static void
store_number(pTHX_ HV *hash, const char *key, int64_t number)
{
    (void)hv_store(hash, key, (I32)strlen(key), newSViv((IV)number), 0);
}

/* Where the number says something. */
static void
store_time(pTHX_ HV *hash, const char *key, int64_t at)
{
    if (at != 0)
        store_number(aTHX_ hash, key, at);
}

static void
store_text(pTHX_ HV *hash, const char *key, const char *text)
{
    if (text != NULL)
        (void)hv_store(hash, key, (I32)strlen(key), newSVpv(text, 0), 0);
}

HV *
glue_ocsp_hash(pTHX_ const iossl_ocsp_entry *entry)
{
    HV *hash = newHV();

    if (entry->status != IOSSL_OCSP_STATUS_NONE)
        store_number(aTHX_ hash, "statusType", entry->status);
    if (entry->reason >= 0) {
        store_number(aTHX_ hash, "revocationReason", entry->reason);
        store_text(aTHX_ hash, "revocationReason_str", OCSP_crl_reason_str(entry->reason));
    }
    store_time(aTHX_ hash, "thisUpdate", entry->this_update);
    store_time(aTHX_ hash, "nextUpdate", entry->next_update);
    store_time(aTHX_ hash, "revocationTime", entry->revocation_time);
    store_time(aTHX_ hash, "expire", entry->expires);
    store_text(aTHX_ hash, "hard_error", entry->hard_error);
    store_text(aTHX_ hash, "soft_error", entry->soft_error);
    return hash;
}

/* A value that reading runs no code for; NULL: none. */
static SV *
plain_value(pTHX_ HV *hash, const char *key)
{
    SV **slot = hv_fetch(hash, key, (I32)strlen(key), 0);

    return slot == NULL || SvGMAGICAL(*slot) || SvROK(*slot) || !SvOK(*slot) ? NULL : *slot;
}

static int64_t
number_of(pTHX_ HV *hash, const char *key, int64_t otherwise)
{
    SV *value = plain_value(aTHX_ hash, key);

    return value == NULL || !looks_like_number(value) ? otherwise : (int64_t)SvIV(value);
}

/* The same of a code: what isn't exactly one says nothing; cut to size it could be that of "good". */
static int
code_of(pTHX_ HV *hash, const char *key, int otherwise)
{
    SV *value = plain_value(aTHX_ hash, key);
    IV code;

    if (value == NULL || !looks_like_number(value))
        return otherwise;
    code = SvIV(value);
    return (NV)code == SvNV(value) && code >= INT_MIN && code <= INT_MAX ? (int)code : otherwise;
}

static const char *
text_of(pTHX_ HV *hash, const char *key)
{
    SV *value = plain_value(aTHX_ hash, key);
    const char *text = value == NULL ? NULL : SvPV_nolen_const(value);

    return text == NULL || *text == '\0' ? NULL : text;
}

iossl_ocsp_entry
glue_ocsp_entry(pTHX_ HV *hash)
{
    if (SvRMAGICAL(hash))
        return (iossl_ocsp_entry){.status = IOSSL_OCSP_STATUS_NONE, .reason = -1};
    return (iossl_ocsp_entry){
        .status = code_of(aTHX_ hash, "statusType", IOSSL_OCSP_STATUS_NONE),
        .reason = code_of(aTHX_ hash, "revocationReason", -1),
        .this_update = number_of(aTHX_ hash, "thisUpdate", 0),
        .next_update = number_of(aTHX_ hash, "nextUpdate", 0),
        .revocation_time = number_of(aTHX_ hash, "revocationTime", 0),
        .expires = number_of(aTHX_ hash, "expire", 0),
        .hard_error = text_of(aTHX_ hash, "hard_error"),
        .soft_error = text_of(aTHX_ hash, "soft_error")};
}

/* ---- A cache of the program's own ------------------------------------------------------------- */

/* The innermost operation under way, in glue_globals. */
struct glue_ocsp_caller {
    SV *store;
    SV **exception;
};

void
glue_ocsp_enter(pTHX_ SV *store, SV **exception)
{
    glue_globals *g = glue_get_globals(aTHX);
    glue_ocsp_caller *caller;

    if (store == NULL)
        return;
    Newx(caller, 1, glue_ocsp_caller);
    SAVEFREEPV(caller);
    SAVEVPTR(g->ocsp_caller);
    *caller = (glue_ocsp_caller){.store = sv_2mortal(newSVsv(store)), .exception = exception};
    g->ocsp_caller = caller;
}

static GV *
method_of(pTHX_ SV *object, const char *name)
{
    return gv_fetchmethod_autoload(SvSTASH(SvRV(object)), name, TRUE);
}

bool
glue_is_ocsp_store(pTHX_ SV *sv)
{
    return sv_isobject(sv) && method_of(aTHX_ sv, "put") != NULL
           && method_of(aTHX_ sv, "get") != NULL;
}

/* Calls a method of the store with a key and, unless it is NULL, an entry (owned from now on). What it
 * returns is mortal; NULL: it died, now or before, or there is no such method. */
static SV *
call_store(pTHX_ const glue_ocsp_caller *caller, const char *name, const void *key, size_t key_len,
           SV *entry)
{
    GV *method = method_of(aTHX_ caller->store, name);
    AV *args = glue_new_args(aTHX);

    av_push(args, newSVsv(caller->store));
    av_push(args, newSVpvn((const char *)key, key_len));
    if (entry != NULL)
        av_push(args, entry);
    if (method == NULL || *caller->exception != NULL)
        return NULL;
    return glue_call_code(aTHX_ (SV *)GvCV(method), args, caller->exception);
}

static void
on_put(void *arg, const void *key, size_t key_len, const iossl_ocsp_entry *entry)
{
    dTHX;
    const glue_ocsp_caller *caller = glue_get_globals(aTHX)->ocsp_caller;

    PERL_UNUSED_VAR(arg);
    if (caller == NULL)
        return;
    ENTER;
    SAVETMPS;
    (void)call_store(aTHX_ caller, "put", key, key_len,
                     newRV_noinc((SV *)glue_ocsp_hash(aTHX_ entry)));
    FREETMPS;
    LEAVE;
}

static bool
on_get(void *arg, const void *key, size_t key_len, iossl_ocsp_entry_fn fn, void *to)
{
    dTHX;
    const glue_ocsp_caller *caller = glue_get_globals(aTHX)->ocsp_caller;
    bool is_known = false;
    SV *found;

    PERL_UNUSED_VAR(arg);
    if (caller == NULL)
        return false;
    ENTER;
    SAVETMPS;
    found = call_store(aTHX_ caller, "get", key, key_len, NULL);
    if (found != NULL && SvROK(found) && SvTYPE(SvRV(found)) == SVt_PVHV) {
        const iossl_ocsp_entry entry = glue_ocsp_entry(aTHX_ (HV *)SvRV(found));

        fn(to, &entry);
        is_known = true;
    }
    FREETMPS;
    LEAVE;
    return is_known;
}

static const iossl_ocsp_store STORE = {.put = on_put, .get = on_get, .free = NULL};

/* ---- Staples ---------------------------------------------------------------------------------- */

/* What the callback returns says nothing; dying, or closing the socket, ends the handshake. */
static bool
on_staple(void *conn, OCSP_RESPONSE *response)
{
    dTHX;
    glue_handle *h = glue_handle_of(conn);
    glue_context *context = glue_context_of_handle(h);
    AV *args;

    if (context == NULL || context->staple_callback == NULL || h->exception != NULL)
        return false;
    ENTER;
    SAVETMPS;
    args = glue_new_args(aTHX);
    av_push(args, SvREFCNT_inc(glue_self(aTHX_ h)));
    av_push(args, response == NULL ? newSV(0) : glue_pointer_sv(aTHX_ response));
    (void)glue_call_code(aTHX_ context->staple_callback, args, &h->exception);
    FREETMPS;
    LEAVE;
    return h->exception == NULL && h->conn == conn;
}

/* undef says that there is none; anything that isn't a string is the program's mistake. */
static bool
on_staple_source(void *conn, X509 *cert, iossl_staple_give give, void *to)
{
    dTHX;
    glue_handle *h = glue_handle_of(conn);
    glue_context *context = glue_context_of_handle(h);
    AV *args;
    SV *answer;

    if (context == NULL || context->staple_source == NULL || h->exception != NULL)
        return false;
    ENTER;
    SAVETMPS;
    args = glue_new_args(aTHX);
    av_push(args, SvREFCNT_inc(glue_self(aTHX_ h)));
    glue_object_lent(GLUE_X509, cert);
    av_push(args, glue_pointer_sv(aTHX_ cert));
    answer = glue_call_code(aTHX_ context->staple_source, args, &h->exception);
    if (answer != NULL && SvOK(answer)) {
        STRLEN len = 0;
        const char *der = SvPOK(answer) && !SvGMAGICAL(answer) && sv_utf8_downgrade(answer, TRUE)
                              ? SvPV_const(answer, len) : NULL;

        if (der != NULL)
            give(to, der, len);
        else
            h->exception = newSVpvs("SSL_ocsp_staple_source: the bytes of an OCSP response (DER) "
                                    "expected, or undef");
    }
    FREETMPS;
    LEAVE;
    return h->exception == NULL && h->conn == conn;
}

iossl_status
glue_connect_ocsp(pTHX_ iossl_conn *conn, const glue_context *context, iossl_error *err)
{
    PERL_UNUSED_CONTEXT;
    if (context->staple_callback != NULL)
        iossl_conn_set_staple_cb(conn, on_staple, conn);
    if (context->staple_source != NULL)
        iossl_conn_set_staple_source(conn, on_staple_source, conn);
    if (context->ocsp_store != NULL)
        return iossl_conn_set_ocsp_store(conn, &STORE, NULL, err);
    if (context->ocsp_cache != NULL)
        return iossl_conn_set_ocsp_cache(conn, context->ocsp_cache, err);
    return IOSSL_OK;
}

/* ---- Objects ---------------------------------------------------------------------------------- */

static int
cache_free(pTHX_ SV *sv, MAGIC *mg)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(sv);
    iossl_ocsp_cache_free((iossl_ocsp_cache *)mg->mg_ptr);
    mg->mg_ptr = NULL;
    return 0;
}

static int
resolver_free(pTHX_ SV *sv, MAGIC *mg)
{
    glue_resolver *r = (glue_resolver *)mg->mg_ptr;

    PERL_UNUSED_VAR(sv);
    mg->mg_ptr = NULL;
    if (r == NULL)
        return 0;
    iossl_ocsp_resolver_free(r->resolver);
    SvREFCNT_dec(r->store);
    SvREFCNT_dec(r->exception);
    free(r);
    return 0;
}

#ifdef USE_ITHREADS
/* Threads share a cache: it is safe from any of them. */
static int
cache_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(param);
    (void)iossl_ocsp_cache_up_ref((iossl_ocsp_cache *)mg->mg_ptr);
    return 0;
}

/* A resolver stays with the thread that made it. */
static int
resolver_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(param);
    mg->mg_ptr = NULL;
    return 0;
}
#endif

static MGVTBL cache_vtbl = GLUE_MAGIC(cache_free, cache_dup);
static MGVTBL resolver_vtbl = GLUE_MAGIC(resolver_free, resolver_dup);

iossl_ocsp_cache *
glue_ocsp_cache_of(SV *sv)
{
    return glue_magic_of(sv, &cache_vtbl);
}

void
glue_ocsp_cache_attach(pTHX_ HV *hash, iossl_ocsp_cache *cache)
{
    glue_magic_attach(aTHX_ (SV *)hash, &cache_vtbl, cache);
}

/* ---- Resolvers -------------------------------------------------------------------------------- */

static void
not_busy(pTHX_ void *resolver)
{
    PERL_UNUSED_CONTEXT;
    ((glue_resolver *)resolver)->is_busy = false;
}

glue_resolver *
glue_need_resolver(pTHX_ SV *sv)
{
    glue_resolver *r = glue_magic_of(sv, &resolver_vtbl);

    if (r == NULL)
        Perl_croak(aTHX_ "an IO::Socket::SSL::OCSP_Resolver object of this thread expected");
    return r;
}

static void
release(pTHX_ void *sv)
{
    SvREFCNT_dec_NN((SV *)sv);
}

void
glue_resolver_enter(pTHX_ glue_resolver *r)
{
    if (r->is_busy)
        Perl_croak(aTHX_ "an SSL_ocsp_cache can't use the resolver that asks it");
    /* Undone in the opposite order: the object, and with it r, goes last. Mortals would go first. */
    SAVEDESTRUCTOR_X(release, SvREFCNT_inc_simple_NN((SV *)r->owner));
    SAVEDESTRUCTOR_X(not_busy, r);
    r->is_busy = true;
    glue_ocsp_enter(aTHX_ r->store, &r->exception);
}

void
glue_resolver_rethrow(pTHX_ glue_resolver *r)
{
    SV *exception = r->exception;

    if (exception != NULL) {
        r->exception = NULL;
        croak_sv(sv_2mortal(exception));
    }
}

static void
release_conn(pTHX_ void *conn)
{
    PERL_UNUSED_CONTEXT;
    iossl_conn_free(conn);
}

SV *
glue_resolver_new(pTHX_ const glue_handle *h, X509 *const *certs, size_t n, iossl_error *err)
{
    const glue_context *context = glue_context_of_handle(h);
    iossl_conn *conn = iossl_conn_up_ref(h->conn);
    glue_resolver *r = calloc(1, sizeof *r);
    HV *hash = newHV();
    SV *object = sv_2mortal(newRV_noinc((SV *)hash));

    SAVEDESTRUCTOR_X(release_conn, conn);       /* a cache may close the socket */
    if (r == NULL)
        Perl_croak(aTHX_ "Out of memory");
    r->owner = hash;
    glue_magic_attach(aTHX_ (SV *)hash, &resolver_vtbl, r);
    (void)sv_bless(object, gv_stashpvs("IO::Socket::SSL::OCSP_Resolver", GV_ADD));
    if (context != NULL && context->ocsp_store != NULL)
        r->store = newSVsv(context->ocsp_store);
    glue_resolver_enter(aTHX_ r);
    r->resolver = iossl_ocsp_resolver_new(conn, certs, n, err);
    glue_resolver_rethrow(aTHX_ r);
    return r->resolver == NULL ? NULL : object;
}
