/*
 * suffix.c - lists of public suffixes in PublicSuffix objects.
 *
 * Owns      the reference that an object holds, by magic.
 * Promises  threads share a list; it is freed with the last of its objects.
 * Leaves    what a list says to libiossl.
 */
#include "suffix.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "magic.h"
#include "values.h"

/* Shared by reference between threads, as a connection may be. */
typedef struct {
    atomic_size_t refs;
    iossl_psl *psl;
} shared_list;

static int
list_free(pTHX_ SV *sv, MAGIC *mg)
{
    shared_list *list = (shared_list *)mg->mg_ptr;

    PERL_UNUSED_VAR(sv);
    mg->mg_ptr = NULL;
    if (list != NULL && atomic_fetch_sub(&list->refs, 1) == 1) {
        iossl_psl_free(list->psl);
        free(list);
    }
    return 0;
}

#ifdef USE_ITHREADS
static int
list_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(param);
    if (mg->mg_ptr != NULL)
        atomic_fetch_add(&((shared_list *)mg->mg_ptr)->refs, 1);
    return 0;
}
#endif

static MGVTBL list_vtbl = GLUE_MAGIC(list_free, list_dup);

SV *
glue_suffix_list_sv(pTHX_ iossl_psl *psl)
{
    shared_list *list = malloc(sizeof *list);
    SV *sv;

    if (list == NULL) {
        iossl_psl_free(psl);
        croak("A list of public suffixes: out of memory");
    }
    sv = newSV(0);
    atomic_init(&list->refs, 1);
    list->psl = psl;
    glue_magic_attach(aTHX_ sv, &list_vtbl, list);
    return newRV_noinc(sv);
}

const iossl_psl *
glue_suffix_list(pTHX_ SV *value)
{
    SV **tree;
    const MAGIC *mg = NULL;

    if (!SvOK(value))
        return NULL;
    if (!SvROK(value) && !SvTRUE(value))
        return IOSSL_PSL_NONE;
    if (sv_isobject(value) && SvTYPE(SvRV(value)) == SVt_PVHV
        && (tree = hv_fetchs((HV *)SvRV(value), "tree", 0)) != NULL && SvROK(*tree)
        && SvTYPE(SvRV(*tree)) >= SVt_PVMG)
        mg = mg_findext(SvRV(*tree), PERL_MAGIC_ext, &list_vtbl);
    if (mg == NULL || mg->mg_ptr == NULL)
        glue_croak_value(aTHX_ "SSL_verifycn_publicsuffix", value,
                         "an IO::Socket::SSL::PublicSuffix object, or '' for no check,");
    return ((shared_list *)mg->mg_ptr)->psl;
}
