/*
 * magic.c - what C keeps in an object of Perl's, attached by magic.
 *
 * Leaves    freeing it, and what becomes of it in another thread, to whoever attaches it.
 */
#include "magic.h"

void
glue_magic_attach(pTHX_ SV *sv, MGVTBL *vtbl, void *object)
{
    MAGIC *mg = sv_magicext(sv, NULL, PERL_MAGIC_ext, vtbl, (const char *)object, 0);

#ifdef USE_ITHREADS
    mg->mg_flags |= MGf_DUP;
#else
    PERL_UNUSED_VAR(mg);
#endif
}

void *
glue_magic_of(SV *sv, const MGVTBL *vtbl)
{
    const MAGIC *mg;

    if (!SvROK(sv) || SvTYPE(SvRV(sv)) != SVt_PVHV || SvMAGIC(SvRV(sv)) == NULL)
        return NULL;
    mg = mg_findext(SvRV(sv), PERL_MAGIC_ext, vtbl);
    return mg == NULL ? NULL : mg->mg_ptr;
}
