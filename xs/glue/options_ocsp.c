/*
 * options_ocsp.c - options about OCSP: what a client asks, what a server staples, what is kept.
 *
 * Leaves    a staple in a file, which may be given by host, to options_certs.c; calling the program's
 *           code to ocsp.c.
 */
#include "options_read.h"

#include "ocsp.h"
#include "values.h"

iossl_status
glue_opt_ocsp_mode(pTHX_ glue_build *b, SV *value)
{
    IV mode;

    if (glue_is_absent(value))
        return IOSSL_OK;
    if (SvROK(value) || !looks_like_number(value))
        glue_croak_value(aTHX_ "SSL_ocsp_mode", value, "SSL_OCSP_* constants combined by |");
    mode = SvIV(value);
    /* What doesn't fit is refused by the next line, with the words for it. */
    return iossl_config_set_ocsp_mode(b->config, mode < 0 || mode > INT_MAX ? INT_MAX : (int)mode,
                                      b->err);
}

iossl_status
glue_opt_ocsp_cache(pTHX_ glue_build *b, SV *value)
{
    iossl_ocsp_cache *cache = glue_ocsp_cache_of(value);

    if (glue_is_none(aTHX_ value))
        return IOSSL_OK;
    /* A subclass may have methods of its own. */
    if (cache != NULL && SvSTASH(SvRV(value)) == gv_stashpvs("IO::Socket::SSL::OCSP_Cache", 0))
        b->context->ocsp_cache = iossl_ocsp_cache_up_ref(cache);
    else if (glue_is_ocsp_store(aTHX_ value))
        b->context->ocsp_store = newSVsv(value);
    else
        glue_croak_value(aTHX_ "SSL_ocsp_cache", value, "an object with the methods put and get");
    return IOSSL_OK;
}

/* True: the one that the certificate names; or an address. */
iossl_status
glue_opt_ocsp_staple_responder(pTHX_ glue_build *b, SV *value)
{
    bool is_named = looks_like_number(value) && SvTRUE(value);

    if (glue_is_absent(value) || !SvTRUE(value))
        return IOSSL_OK;
    return iossl_config_set_ocsp_staple_responder(
        b->config, is_named ? NULL : glue_string(aTHX_ "SSL_ocsp_staple_responder", value),
        IOSSL_STAPLE_WAIT_MS, b->err);
}
