/*
 * scheme.c - verification schemes as programs give them: a name, or a hash of rules.
 *
 * Owns      the words of the rules.
 * Promises  what makes no sense croaks.
 * Leaves    what a scheme is, and its names, to libiossl; calling its code to callbacks_verify.c.
 */
#include "scheme.h"

#include "status.h"
#include "values.h"

static iossl_wildcards
wildcards(pTHX_ HV *rules, const char *name)
{
    SV *value = glue_value_of(aTHX_ rules, name);
    const char *s;

    if (value == NULL || !SvTRUE(value))
        return IOSSL_WILDCARD_NONE;
    s = SvPV_nolen_const(value);
    if (strEQ(s, "anywhere"))
        return IOSSL_WILDCARD_ANYWHERE;
    if (strEQ(s, "full_label") || strEQ(s, "leftmost"))
        return IOSSL_WILDCARD_FULL_LABEL;
    glue_croak(aTHX_ sv_2mortal(newSVpvf("SSL_verifycn_scheme: %s => \"%s\" is none of 0, "
                                         "full_label, leftmost and anywhere", name, s)));
}

static iossl_check_cn
check_cn(pTHX_ HV *rules)
{
    SV *value = glue_value_of(aTHX_ rules, "check_cn");
    const char *s;

    if (value == NULL || !SvTRUE(value))
        return IOSSL_CN_NEVER;
    s = SvPV_nolen_const(value);
    if (strEQ(s, "always"))
        return IOSSL_CN_ALWAYS;
    if (strEQ(s, "when_only"))
        return IOSSL_CN_WHEN_ONLY;
    glue_croak(aTHX_ sv_2mortal(newSVpvf("SSL_verifycn_scheme: check_cn => \"%s\" is none of 0, "
                                         "always and when_only", s)));
}

static iossl_ip_in_cn
ip_in_cn(pTHX_ HV *rules)
{
    SV *value = glue_value_of(aTHX_ rules, "ip_in_cn");

    if (value == NULL || !SvTRUE(value))
        return IOSSL_IP_IN_CN_NO;
    switch (SvIV(value)) {
    case 4:
        return IOSSL_IP_IN_CN_V4;
    case 6:
        return IOSSL_IP_IN_CN_V6;
    default:
        return IOSSL_IP_IN_CN_ANY;
    }
}

void
glue_scheme(pTHX_ SV *value, iossl_scheme *scheme, SV **callback)
{
    HV *rules = glue_hash(aTHX_ value);
    SV *own;

    *callback = NULL;
    *scheme = *iossl_scheme_by_name("default");
    if (glue_is_none(aTHX_ value))
        return;
    if (rules == NULL) {
        const char *name = SvROK(value) ? "" : glue_string(aTHX_ "SSL_verifycn_scheme", value);
        const iossl_scheme *known = iossl_scheme_by_name(name);

        if (known == NULL)
            glue_croak(aTHX_ sv_2mortal(newSVpvf("SSL_verifycn_scheme: scheme %" SVf " not defined",
                                                 SVfARG(value))));
        *scheme = *known;
        return;
    }
    *scheme = (iossl_scheme){.accept_any = glue_is_empty(aTHX_ rules)};
    if ((own = glue_value_of(aTHX_ rules, "callback")) != NULL && SvOK(own)) {
        *callback = glue_code(aTHX_ "SSL_verifycn_scheme: callback", own);
        return;
    }
    scheme->wildcards_in_alt = wildcards(aTHX_ rules, "wildcards_in_alt");
    scheme->wildcards_in_cn = wildcards(aTHX_ rules, "wildcards_in_cn");
    scheme->check_cn = check_cn(aTHX_ rules);
    scheme->ip_in_cn = ip_in_cn(aTHX_ rules);
}
