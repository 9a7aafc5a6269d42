/*
 * why.c - what an error is about, beside the sentence in $SSL_ERROR.
 *
 * Owns      the copy of an iossl_error that goes with a handle, and the one that goes with $SSL_ERROR, by
 *           magic; the hash that ssl_error() makes of it.
 * Promises  costs nothing but where an operation fails; a program that sets $SSL_ERROR by itself, or
 *           makes it local, finds only what belongs to the sentence that is there.
 * Leaves    what is worth telling to libiossl.
 */
#include "why.h"

#include <openssl/x509v3.h>

#include "cert_names.h"
#include "status.h"

/* ---- With $SSL_ERROR -------------------------------------------------------------------------- */

static int
why_free(pTHX_ SV *sv, MAGIC *mg)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(sv);
    iossl_error_free((iossl_error *)mg->mg_ptr);
    mg->mg_ptr = NULL;
    return 0;
}

#ifdef USE_ITHREADS
/* It stays with the thread that had the error. */
static int
why_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(param);
    mg->mg_ptr = NULL;
    return 0;
}
#endif

/* A local $SSL_ERROR begins without. */
static int
why_local(pTHX_ SV *sv, MAGIC *mg)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(sv);
    PERL_UNUSED_VAR(mg);
    return 0;
}

static MGVTBL why_vtbl = {
    NULL, NULL, NULL, NULL, why_free, NULL,
#ifdef USE_ITHREADS
    why_dup,
#else
    NULL,
#endif
    why_local};

static MAGIC *
find_magic(SV *sv)
{
    return SvTYPE(sv) >= SVt_PVMG && SvMAGIC(sv) != NULL
               ? mg_findext(sv, PERL_MAGIC_ext, &why_vtbl) : NULL;
}

static const iossl_error *
why_of_global(SV *sv)
{
    const MAGIC *mg = find_magic(sv);

    return mg == NULL ? NULL : (const iossl_error *)mg->mg_ptr;
}

/* Puts a copy in the place of what was there; the new holder, NULL where there is nothing to hold. */
static iossl_error *
replaced(iossl_error *slot, const iossl_error *why)
{
    if (slot == NULL && why == NULL)
        return NULL;
    if (slot == NULL && (slot = iossl_error_new()) == NULL)
        return NULL;
    iossl_error_clear(slot);
    iossl_error_copy(slot, why);
    return slot;
}

void
glue_why_keep(pTHX_ glue_handle *h, SV *global, const iossl_error *why)
{
    MAGIC *mg = find_magic(global);

    if (h != NULL && h->why != why)
        h->why = replaced(h->why, why);
    if (mg == NULL && why == NULL)
        return;
    if (mg == NULL) {
        mg = sv_magicext(global, NULL, PERL_MAGIC_ext, &why_vtbl, NULL, 0);
        mg->mg_flags |= MGf_LOCAL;
#ifdef USE_ITHREADS
        mg->mg_flags |= MGf_DUP;
#endif
    }
    mg->mg_ptr = (char *)replaced((iossl_error *)mg->mg_ptr, why);
}

/* ---- The hash --------------------------------------------------------------------------------- */

static void
put_text(pTHX_ HV *hv, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0')
        (void)hv_store(hv, key, (I32)strlen(key), SvREFCNT_inc(glue_text(aTHX_ text)), 0);
}

/* The same of text that was given to us. */
static void
put_given(pTHX_ HV *hv, const char *key, char *text)
{
    put_text(aTHX_ hv, key, text);
    iossl_free(text);
}

/* The names that it would do for, as the error's sentence has them: host names and addresses. */
static SV *
names_sv(pTHX_ const iossl_certinfo *info)
{
    AV *names = newAV();

    for (size_t i = 0; info != NULL && i < info->n_altnames; i++) {
        const iossl_altname *name = &info->altnames[i];

        if ((name->type == GEN_DNS || name->type == GEN_IPADD) && name->value != NULL)
            av_push(names, newSVpvn(name->value, name->len));
    }
    return newRV_noinc((SV *)names);
}

static void
put_cert(pTHX_ HV *hv, X509 *cert, int depth)
{
    iossl_certinfo *info = iossl_certinfo_new(cert, NULL);
    SV *cn = glue_common_name(aTHX_ cert);      /* with a NUL in it, if that is what it has */

    (void)hv_stores(hv, "depth", newSViv(depth));
    put_given(aTHX_ hv, "subject", iossl_cert_subject(cert));
    put_given(aTHX_ hv, "issuer", iossl_cert_issuer(cert));
    put_given(aTHX_ hv, "certificate", iossl_cert_to_pem(cert, NULL));
    if (SvOK(cn))
        (void)hv_stores(hv, "common_name", SvREFCNT_inc(cn));
    (void)hv_stores(hv, "names", names_sv(aTHX_ info));
    iossl_certinfo_free(info);
}

static void
put_chain(pTHX_ HV *hv, STACK_OF(X509) *chain)
{
    AV *list;

    if (chain == NULL)
        return;
    list = newAV();
    for (int i = 0; i < sk_X509_num(chain); i++) {
        char *pem = iossl_cert_to_pem(sk_X509_value(chain, i), NULL);

        av_push(list, newSVpv(pem == NULL ? "" : pem, 0));
        iossl_free(pem);
    }
    (void)hv_stores(hv, "chain", newRV_noinc((SV *)list));
}

static void
put_alert(pTHX_ HV *hv, const iossl_error *why)
{
    bool was_sent;
    int alert = iossl_error_get_alert(why, &was_sent);
    HV *about;

    if (alert < 0)
        return;
    about = newHV();
    (void)hv_stores(about, "number", newSViv(alert));
    put_text(aTHX_ about, "name", SSL_alert_desc_string_long(alert));
    (void)hv_stores(about, "from", newSVpv(was_sent ? "us" : "peer", 0));
    (void)hv_stores(hv, "alert", newRV_noinc((SV *)about));
}

static void
put_why(pTHX_ HV *hv, const iossl_error *why)
{
    int code = iossl_error_get_verify_code(why), depth;
    X509 *cert = iossl_error_get0_cert(why, &depth);
    const char *source, *name = iossl_error_get0_name(why, &source);

    put_text(aTHX_ hv, "reasons", iossl_error_reasons(why));
    if (iossl_error_get_errno(why) != 0)
        (void)hv_stores(hv, "errno", newSViv(iossl_error_get_errno(why)));
    if (code != 0) {
        (void)hv_stores(hv, "verify_code", newSViv(code));
        put_text(aTHX_ hv, "verify_text", X509_verify_cert_error_string(code));
    }
    put_alert(aTHX_ hv, why);
    if (cert != NULL)
        put_cert(aTHX_ hv, cert, depth);
    put_chain(aTHX_ hv, iossl_error_get0_chain(why));
    put_text(aTHX_ hv, "name", name);
    put_text(aTHX_ hv, "name_from", source);
    put_text(aTHX_ hv, "remedy", iossl_error_get0_remedy(why));
}

/* Is this what the sentence is about? Programs, and lib/, set others. */
static bool
belongs(pTHX_ const iossl_error *why, SV *sentence)
{
    return why != NULL && sv_eq(glue_text(aTHX_ iossl_error_message(why)), sentence);
}

SV *
glue_why(pTHX_ const GV *gv)
{
    glue_globals *g = glue_get_globals(aTHX);
    const glue_handle *h = gv == NULL ? NULL : glue_find(gv);
    SV **slot = h == NULL || h->last_error == NULL ? NULL : av_fetch(h->last_error, 0, 0);
    SV *global = GvSVn(g->ssl_error), *sentence = gv == NULL ? global : slot == NULL ? NULL : *slot;
    const iossl_error *why = gv == NULL ? why_of_global(global) : h == NULL ? NULL : h->why;
    HV *hv;

    if (sentence == NULL || !SvOK(sentence) || (SvPOK(sentence) && SvCUR(sentence) == 0))
        return &PL_sv_undef;
    hv = newHV();
    (void)hv_stores(hv, "message", newSVpvf("%" SVf, SVfARG(sentence)));
    if (belongs(aTHX_ why, sentence)) {
        (void)hv_stores(hv, "code", newSVpv(iossl_error_code_name(iossl_error_get_code(why)), 0));
        put_why(aTHX_ hv, why);
    } else {
        (void)hv_stores(hv, "code",
                        newSVpv(sv_eq(sentence, g->want_read)    ? "want_read"
                                : sv_eq(sentence, g->want_write) ? "want_write"
                                                                 : "other", 0));
    }
    return sv_2mortal(newRV_noinc((SV *)hv));
}
