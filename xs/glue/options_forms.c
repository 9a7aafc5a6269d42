/*
 * options_forms.c - the forms that many options have in common: a text, a file, a flag, a list, code.
 *
 * Each function hands what it reads to the setter, or the part of the context, in the option's row.
 */
#include "options_read.h"

#include "values.h"

iossl_status
glue_as_text(pTHX_ glue_build *b, SV *value)
{
    return b->option->set.text(
        b->config, glue_is_absent(value) ? NULL : glue_string(aTHX_ b->option->name, value), b->err);
}

iossl_status
glue_as_file(pTHX_ glue_build *b, SV *value)
{
    return glue_is_absent(value) ? IOSSL_OK : glue_as_text(aTHX_ b, value);
}

iossl_status
glue_as_flag(pTHX_ glue_build *b, SV *value)
{
    return b->option->set.flag(b->config, SvTRUE(value), b->err);
}

iossl_status
glue_as_list(pTHX_ glue_build *b, SV *value)
{
    AV *list = glue_array(aTHX_ value);
    SV *joined;

    if (list == NULL)
        return glue_as_text(aTHX_ b, value);
    joined = sv_2mortal(newSVpvs(""));
    for (SSize_t i = 0; i <= av_len(list); i++)
        sv_catpvf(joined, "%s%" SVf, i > 0 ? ":" : "", SVfARG(glue_item(aTHX_ list, i)));
    return b->option->set.text(b->config, glue_string(aTHX_ b->option->name, joined), b->err);
}

iossl_status
glue_as_texts_by_host(pTHX_ glue_build *b, SV *value)
{
    const glue_option *option = b->option;
    iossl_status status = IOSSL_OK;
    HV *by_host = glue_hash(aTHX_ value);
    HE *entry;

    if (by_host == NULL)        /* '' says nothing; undef says that OpenSSL's own list is meant */
        return SvOK(value) && glue_is_absent(value)
                   ? IOSSL_OK
                   : option->set.by_host(b->config, NULL,
                                         glue_string_or_null(aTHX_ option->name, value), b->err);
    hv_iterinit(by_host);
    while (status == IOSSL_OK && (entry = hv_iternext(by_host)) != NULL)
        status = option->set.by_host(
            b->config, glue_string(aTHX_ option->name, hv_iterkeysv(entry)),
            glue_string_or_null(aTHX_ option->name, glue_value_of_entry(aTHX_ by_host, entry)),
            b->err);
    return status;
}

iossl_status
glue_as_protocols(pTHX_ glue_build *b, SV *value)
{
    const char *option = b->option->name;
    AV *list = glue_array(aTHX_ value);
    SSize_t n = list == NULL ? 0 : av_len(list) + 1;
    const char **names;

    if (glue_is_none(aTHX_ value))
        return IOSSL_OK;
    if (list == NULL)
        glue_croak_value(aTHX_ option, value, "a reference to an array of protocol names");
    Newx(names, (size_t)n + 1, const char *);
    SAVEFREEPV(names);
    for (SSize_t i = 0; i < n; i++)
        names[i] = glue_string(aTHX_ option, sv_mortalcopy(glue_item(aTHX_ list, i)));
    return b->option->set.names(b->config, names, (size_t)n, b->err);
}

iossl_status
glue_as_code(pTHX_ glue_build *b, SV *value)
{
    if (!glue_is_none(aTHX_ value))
        *glue_context_part(b->context, b->option->set.part) =
            newSVsv(glue_code(aTHX_ b->option->name, value));
    return IOSSL_OK;
}
