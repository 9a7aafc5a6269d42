/*
 * values.c - the forms that the value of an argument may have.
 *
 * Owns      what counts as text, as code, as a list, and as nothing said.
 * Promises  what can't be what is wanted croaks in words that name the option; nothing is changed.
 * Leaves    what a value means to its option, handles that programs hold as numbers to objects.c.
 */
#include "values.h"

#include "status.h"

void
glue_croak_value(pTHX_ const char *option, SV *value, const char *wanted)
{
    if (!SvOK(value))
        glue_croak(aTHX_ sv_2mortal(newSVpvf("%s: %s expected, not undef", option, wanted)));
    glue_croak(aTHX_ sv_2mortal(newSVpvf("%s: %s expected, not \"%" SVf "\"", option, wanted,
                                         SVfARG(value))));
}

const char *
glue_string(pTHX_ const char *option, SV *value)
{
    STRLEN len;
    const char *s = SvPV_const(value, len);

    if (strlen(s) != len)
        glue_croak(aTHX_ sv_2mortal(newSVpvf("%s contains a NUL", option)));
    return s;
}

const char *
glue_string_or_null(pTHX_ const char *option, SV *value)
{
    return SvOK(value) ? glue_string(aTHX_ option, value) : NULL;
}

bool
glue_is_absent(SV *value)
{
    return !SvOK(value) || (!SvROK(value) && SvPOKp(value) && SvCUR(value) == 0);
}

bool
glue_is_none(pTHX_ SV *value)
{
    return !SvROK(value) && !SvTRUE_nomg(value);
}

AV *
glue_array(pTHX_ SV *value)
{
    return SvROK(value) && !sv_isobject(value) && SvTYPE(SvRV(value)) == SVt_PVAV
               ? (AV *)SvRV(value) : NULL;
}

HV *
glue_hash(pTHX_ SV *value)
{
    return SvROK(value) && !sv_isobject(value) && SvTYPE(SvRV(value)) == SVt_PVHV
               ? (HV *)SvRV(value) : NULL;
}

SV *
glue_code(pTHX_ const char *option, SV *value)
{
    SV *referenced = SvROK(value) ? SvRV(value) : NULL;

    if (referenced == NULL || (SvTYPE(referenced) != SVt_PVCV && !SvAMAGIC(value)))
        glue_croak_value(aTHX_ option, value, "a reference to code");
    return value;
}

SV *
glue_item(pTHX_ AV *list, SSize_t i)
{
    SV **slot = av_fetch(list, (I32)i, 0);

    if (slot == NULL)
        return &PL_sv_undef;
    SvGETMAGIC(*slot);
    return *slot;
}

SV *
glue_value_of(pTHX_ HV *hv, const char *key)
{
    SV **slot = hv_fetch(hv, key, (I32)strlen(key), 0);

    if (slot == NULL)
        return NULL;
    SvGETMAGIC(*slot);
    return *slot;
}

SV *
glue_value_of_entry(pTHX_ HV *hv, HE *entry)
{
    SV *value = hv_iterval(hv, entry);

    SvGETMAGIC(value);
    return value;
}

bool
glue_is_empty(pTHX_ HV *hv)
{
    if (!SvRMAGICAL(hv))
        return HvUSEDKEYS(hv) == 0;
    (void)hv_iterinit(hv);
    return hv_iternext(hv) == NULL;
}
