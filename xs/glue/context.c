/*
 * context.c - what an SSL_Context object holds: libiossl's context, and the parts that are Perl's.
 *
 * Owns      the references of the object, by magic.
 * Promises  threads share libiossl's context; what is Perl's each of them has its own copy of.
 * Leaves    filling it to options.c, calling the code in it to callbacks_*.c and ocsp.c.
 */
#include "context.h"

#include <stddef.h>
#include <stdlib.h>

#include "callbacks.h"
#include "magic.h"

/* What is Perl's in it. */
static const size_t PERL_PARTS[] = {
    offsetof(glue_context, verify_callback), offsetof(glue_context, scheme_callback),
    offsetof(glue_context, ticket_callback), offsetof(glue_context, ticket_data),
    offsetof(glue_context, keylog_callback), offsetof(glue_context, cert_callback),
    offsetof(glue_context, suffix_list),     offsetof(glue_context, session_store),
    offsetof(glue_context, staple_callback), offsetof(glue_context, staple_source),
    offsetof(glue_context, ocsp_store),
};
#define N_PERL_PARTS (sizeof PERL_PARTS / sizeof PERL_PARTS[0])

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
    for (size_t i = 0; i < N_PERL_PARTS; i++)
        SvREFCNT_dec(*glue_context_part(context, PERL_PARTS[i]));
    glue_calls_free(aTHX_ context->calls);
    iossl_session_cache_free(context->sessions);
    iossl_ocsp_cache_free(context->ocsp_cache);
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
    glue_context *old = (glue_context *)mg->mg_ptr;
    glue_context *context;

    if (old == NULL)
        return 0;
    if ((context = glue_context_new()) == NULL)
        Perl_croak(aTHX_ "Out of memory");
    mg->mg_ptr = (char *)context;
    context->ctx = iossl_ctx_up_ref(old->ctx);
    for (size_t i = 0; i < N_PERL_PARTS; i++)
        *glue_context_part(context, PERL_PARTS[i]) =
            sv_dup_inc(*glue_context_part(old, PERL_PARTS[i]), param);
    if ((context->calls = old->calls) != NULL)
        atomic_fetch_add(&context->calls->refs, 1);
    context->sessions = iossl_session_cache_up_ref(old->sessions);
    context->ocsp_cache = iossl_ocsp_cache_up_ref(old->ocsp_cache);
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
