/*
 * options_trust.c - options about whom to trust: certificate authorities and revocation lists.
 *
 * Leaves    the authorities of a system, and what a program's defaults are, to libiossl and lib/.
 */
#include "options_read.h"

#include "objects.h"
#include "values.h"

/* "\undef": as told apart from undef, it says that there shall be none. */
static bool
is_ref_to_false(pTHX_ SV *value)
{
    return SvROK(value) && !sv_isobject(value) && SvTYPE(SvRV(value)) < SVt_PVAV
           && !SvROK(SvRV(value)) && !SvTRUE(SvRV(value));
}

typedef iossl_status (*add_x509_fn)(iossl_config *, X509 *, iossl_error *);

static iossl_status
read_certs(pTHX_ glue_build *b, SV *value, const char *option, add_x509_fn add)
{
    iossl_status status = IOSSL_OK;
    AV *list = glue_array(aTHX_ value);

    if (glue_is_none(aTHX_ value))
        return IOSSL_OK;
    if (list == NULL)
        return add(b->config, glue_object(aTHX_ GLUE_X509, value, option), b->err);
    for (SSize_t i = 0; status == IOSSL_OK && i <= av_len(list); i++)
        status = add(b->config, glue_object(aTHX_ GLUE_X509, glue_item(aTHX_ list, i), option),
                     b->err);
    return status;
}

iossl_status
glue_opt_ca(pTHX_ glue_build *b, SV *value)
{
    /* An empty list is a list all the same: no default is to take its place. */
    if (glue_array(aTHX_ value) != NULL && av_len(glue_array(aTHX_ value)) < 0)
        return iossl_config_set_no_default_ca(b->config, true, b->err);
    return read_certs(aTHX_ b, value, "SSL_ca: an X509 handle", iossl_config_add_ca);
}

iossl_status
glue_opt_ca_file(pTHX_ glue_build *b, SV *value)
{
    if (is_ref_to_false(aTHX_ value))
        return iossl_config_set_no_default_ca(b->config, true, b->err);
    return glue_is_absent(value)
               ? IOSSL_OK
               : iossl_config_set_ca_file(b->config, glue_string(aTHX_ "SSL_ca_file", value), b->err);
}

iossl_status
glue_opt_ca_path(pTHX_ glue_build *b, SV *value)
{
    AV *list = glue_array(aTHX_ value);
    SV *joined;
    size_t n = 0;

    if (is_ref_to_false(aTHX_ value))
        return iossl_config_set_no_default_ca(b->config, true, b->err);
    if (glue_is_absent(value))
        return IOSSL_OK;
    if (list == NULL)
        return iossl_config_set_ca_path(b->config, glue_string(aTHX_ "SSL_ca_path", value), b->err);
    joined = sv_2mortal(newSVpvs(""));
    for (SSize_t i = 0; i <= av_len(list); i++) {
        SV *path = glue_item(aTHX_ list, i);

        if (SvOK(path))
            sv_catpvf(joined, "%s%" SVf, n++ > 0 ? ":" : "", SVfARG(path));
    }
    if (n == 0)         /* a list without a path is one all the same, as with SSL_ca */
        return iossl_config_set_no_default_ca(b->config, true, b->err);
    return iossl_config_set_ca_path(b->config, glue_string(aTHX_ "SSL_ca_path", joined), b->err);
}

iossl_status
glue_opt_client_ca(pTHX_ glue_build *b, SV *value)
{
    return read_certs(aTHX_ b, value, "SSL_client_ca: an X509 handle", iossl_config_add_client_ca);
}

iossl_status
glue_opt_check_crl(pTHX_ glue_build *b, SV *value)
{
    iossl_crl_check check = SvTRUE(value) ? IOSSL_CRL_LEAF : IOSSL_CRL_OFF;

    if (SvPOK(value) && strEQ(SvPV_nolen_const(value), "chain"))
        check = IOSSL_CRL_CHAIN;
    return iossl_config_set_check_crl(b->config, check, b->err);
}
