/*
 * context.c - what an SSL_Context object holds: libiossl's context, and the parts that are Perl's.
 *
 * Owns      the references of the object, by magic.
 * Promises  threads share libiossl's context; what is Perl's each of them has its own copy of.
 * Leaves    filling it to options.c, calling the code in it to callbacks_*.c and ocsp.c.
 */
#include "context.h"

#include <stdlib.h>

#include "callbacks.h"
#include "magic.h"

glue_context *
glue_context_new(void)
{
    return calloc(1, sizeof(glue_context));     /* not Newx: see tools/lsan.supp */
}

void
glue_context_free(pTHX_ glue_context *context)
{
    if (context == NULL)
        return;
    iossl_ctx_free(context->ctx);
    SvREFCNT_dec(context->verify_callback);
    SvREFCNT_dec(context->scheme_callback);
    SvREFCNT_dec(context->ticket_callback);
    SvREFCNT_dec(context->ticket_data);
    SvREFCNT_dec(context->keylog_callback);
    SvREFCNT_dec(context->cert_callback);
    glue_calls_free(aTHX_ context->calls);
    SvREFCNT_dec(context->suffix_list);
    iossl_session_cache_free(context->sessions);
    SvREFCNT_dec(context->session_store);
    SvREFCNT_dec(context->staple_callback);
    SvREFCNT_dec(context->staple_source);
    iossl_ocsp_cache_free(context->ocsp_cache);
    SvREFCNT_dec(context->ocsp_store);
    free(context);
}

static int
context_magic_free(pTHX_ SV *sv, MAGIC *mg)
{
    PERL_UNUSED_VAR(sv);
    glue_context_free(aTHX_ (glue_context *)mg->mg_ptr);
    mg->mg_ptr = NULL;
    return 0;
}

#ifdef USE_ITHREADS
static int
context_magic_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    const glue_context *old = (const glue_context *)mg->mg_ptr;
    glue_context *context;

    if (old == NULL)
        return 0;
    if ((context = glue_context_new()) == NULL)
        Perl_croak(aTHX_ "Out of memory");
    mg->mg_ptr = (char *)context;
    context->ctx = iossl_ctx_up_ref(old->ctx);
    context->verify_callback = sv_dup_inc(old->verify_callback, param);
    context->scheme_callback = sv_dup_inc(old->scheme_callback, param);
    context->ticket_callback = sv_dup_inc(old->ticket_callback, param);
    context->ticket_data = sv_dup_inc(old->ticket_data, param);
    context->keylog_callback = sv_dup_inc(old->keylog_callback, param);
    context->cert_callback = sv_dup_inc(old->cert_callback, param);
    if ((context->calls = old->calls) != NULL)
        atomic_fetch_add(&context->calls->refs, 1);
    context->suffix_list = sv_dup_inc(old->suffix_list, param);
    context->sessions = iossl_session_cache_up_ref(old->sessions);
    context->session_store = sv_dup_inc(old->session_store, param);
    context->staple_callback = sv_dup_inc(old->staple_callback, param);
    context->staple_source = sv_dup_inc(old->staple_source, param);
    context->ocsp_cache = iossl_ocsp_cache_up_ref(old->ocsp_cache);
    context->ocsp_store = sv_dup_inc(old->ocsp_store, param);
    context->has_scheme = old->has_scheme;
    return 0;
}
#endif

static MGVTBL context_vtbl = GLUE_MAGIC(context_magic_free, context_magic_dup);

glue_context *
glue_context_of(SV *sv)
{
    return glue_magic_of(sv, &context_vtbl);
}

glue_context *
glue_context_of_handle(const glue_handle *h)
{
    return h == NULL || h->context == NULL ? NULL : glue_context_of(h->context);
}

void
glue_context_attach(pTHX_ HV *hash, glue_context *context)
{
    glue_magic_attach(aTHX_ (SV *)hash, &context_vtbl, context);
}
