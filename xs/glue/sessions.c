/*
 * sessions.c - objects that keep sessions: the cache in a Session_Cache, the seal of a Store.
 *
 * Owns      the references of the objects, by magic.
 * Promises  threads share both, which are safe from any of them.
 */
#include "sessions.h"

#include "magic.h"

static int
cache_magic_free(pTHX_ SV *sv, MAGIC *mg)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(sv);
    iossl_session_cache_free((iossl_session_cache *)mg->mg_ptr);
    mg->mg_ptr = NULL;
    return 0;
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
cache_magic_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(param);
    (void)iossl_session_cache_up_ref((iossl_session_cache *)mg->mg_ptr);
    return 0;
}

static int
seal_magic_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(param);
    (void)iossl_seal_up_ref((iossl_seal *)mg->mg_ptr);
    return 0;
}
#endif

static MGVTBL cache_vtbl = GLUE_MAGIC(cache_magic_free, cache_magic_dup);
static MGVTBL seal_vtbl = GLUE_MAGIC(seal_magic_free, seal_magic_dup);

iossl_session_cache *
glue_session_cache_of(SV *sv)
{
    return glue_magic_of(sv, &cache_vtbl);
}

void
glue_session_cache_attach(pTHX_ HV *hash, iossl_session_cache *cache)
{
    glue_magic_attach(aTHX_ (SV *)hash, &cache_vtbl, cache);
}

iossl_seal *
glue_seal_of(SV *sv)
{
    return glue_magic_of(sv, &seal_vtbl);
}

void
glue_seal_attach(pTHX_ HV *hash, iossl_seal *seal)
{
    glue_magic_attach(aTHX_ (SV *)hash, &seal_vtbl, seal);
}
