/*
 * options_verify.c - options about what a peer's certificate has to fulfil: mode, name, pins, TLSA.
 *
 * Leaves    the rules of a name to scheme.c, lists of public suffixes to suffix.c, calling the
 *           program's code to callbacks_verify.c.
 */
#include "options_read.h"

#include "scheme.h"
#include "status.h"
#include "suffix.h"
#include "values.h"

iossl_status
glue_opt_verify_mode(pTHX_ glue_build *b, SV *value)
{
    IV mode;

    /* Nothing given leaves what is safe. Only a 0 that says so turns verification off. */
    if (glue_is_absent(value))
        return IOSSL_OK;
    mode = looks_like_number(value) ? SvIV(value) : 0;
    if (mode == 0 && SvTRUE(value))
        glue_croak(aTHX_ sv_2mortal(newSVpvf(
            "SSL_verify_mode must be a number and not a string: \"%" SVf "\"", SVfARG(value))));
    if (mode < INT_MIN || mode > INT_MAX)
        mode = INT_MIN;         /* refused by the next line, with the words for it */
    return iossl_config_set_verify_mode(b->config, (int)mode, b->err);
}

iossl_status
glue_opt_scheme(pTHX_ glue_build *b, SV *value)
{
    iossl_scheme scheme;
    SV *callback;

    glue_scheme(aTHX_ value, &scheme, &callback);
    b->context->has_scheme = !glue_is_none(aTHX_ value);
    if (callback != NULL)
        b->context->scheme_callback = newSVsv(callback);
    return iossl_config_set_scheme(b->config, &scheme, b->err);
}

iossl_status
glue_opt_public_suffix(pTHX_ glue_build *b, SV *value)
{
    const iossl_psl *psl = glue_suffix_list(aTHX_ value);

    if (SvROK(value))
        b->context->suffix_list = newSVsv(value);
    return iossl_config_set_psl(b->config, psl, b->err);
}

static void
free_pins(pTHX_ void *pins)
{
    PERL_UNUSED_CONTEXT;
    iossl_pins_free(pins);
}

iossl_status
glue_opt_fingerprint(pTHX_ glue_build *b, SV *value)
{
    iossl_status status = IOSSL_OK;
    AV *list = glue_array(aTHX_ value);
    SV *force = glue_argument(aTHX_ b, "SSL_force_fingerprint");
    SSize_t n = list == NULL ? 1 : av_len(list) + 1;
    iossl_pins *pins;

    if (glue_is_absent(value))
        return IOSSL_OK;
    if ((pins = iossl_pins_new(b->err)) == NULL)
        return IOSSL_ERROR;
    SAVEDESTRUCTOR_X(free_pins, pins);
    for (SSize_t i = 0; status == IOSSL_OK && i < n; i++)
        status = iossl_pins_add(pins,
                                glue_string(aTHX_ "SSL_fingerprint",
                                            list == NULL ? value : glue_item(aTHX_ list, i)),
                                b->err);
    if (status != IOSSL_OK || iossl_pins_count(pins) == 0)
        return status;
    return iossl_config_set_pins(b->config, pins, force != NULL && SvTRUE(force), b->err);
}

static void
free_tlsa(pTHX_ void *tlsa)
{
    PERL_UNUSED_CONTEXT;
    iossl_tlsa_free(tlsa);
}

/* Are these data in hexadecimal? A digest's length tells, and how DER begins. */
static bool
is_hex(int matching, const char *data, STRLEN len)
{
    switch (matching) {
    case 0:
        return len > 0 && data[0] != 0x30;
    case 1:
        return len != 32;
    case 2:
        return len != 64;
    default:
        return false;           /* of a kind that can't be used anyway */
    }
}

/* Of [usage, selector, matching, data]; data: bytes, or in hexadecimal. */
static iossl_status
add_tlsa_parts(pTHX_ glue_build *b, iossl_tlsa *tlsa, AV *parts)
{
    int numbers[3] = {0};
    const char *data;
    STRLEN len;
    SV *bytes;

    for (SSize_t i = 0; i < 3; i++) {
        SV *number = glue_item(aTHX_ parts, i);

        if (SvROK(number) || !looks_like_number(number) || SvIV(number) < 0 || SvIV(number) > 255)
            glue_croak_value(aTHX_ "SSL_tlsa", number, "a number from 0 to 255");
        numbers[i] = (int)SvIV(number);
    }
    bytes = sv_mortalcopy(glue_item(aTHX_ parts, 3));
    if (!SvOK(bytes) || SvROK(bytes) || !sv_utf8_downgrade(bytes, TRUE))
        glue_croak_value(aTHX_ "SSL_tlsa", bytes,
                         "the data of a record, as bytes or in hexadecimal,");
    data = SvPV_const(bytes, len);
    if (!is_hex(numbers[2], data, len))
        return iossl_tlsa_add(tlsa, numbers[0], numbers[1], numbers[2], data, len, b->err);
    bytes = newSVpvf("%d %d %d %" SVf, numbers[0], numbers[1], numbers[2], SVfARG(bytes));
    return iossl_tlsa_add_text(tlsa, glue_string(aTHX_ "SSL_tlsa", sv_2mortal(bytes)), b->err);
}

/* "3 1 1 HEX", as DNS has it, or its parts. */
static iossl_status
add_tlsa(pTHX_ glue_build *b, iossl_tlsa *tlsa, SV *value)
{
    AV *parts = glue_array(aTHX_ value);

    if (parts != NULL && av_len(parts) == 3)
        return add_tlsa_parts(aTHX_ b, tlsa, parts);
    if (!SvOK(value) || (SvROK(value) && !SvAMAGIC(value)))
        glue_croak_value(aTHX_ "SSL_tlsa", value,
                         "a record, as '3 1 1 HEX' or [usage, selector, matching, data],");
    return iossl_tlsa_add_text(tlsa, glue_string(aTHX_ "SSL_tlsa", value), b->err);
}

/* One record, or a list of them. */
iossl_status
glue_opt_tlsa(pTHX_ glue_build *b, SV *value)
{
    iossl_status status = IOSSL_OK;
    AV *list = glue_array(aTHX_ value);
    bool is_one = list == NULL
                  || (av_len(list) == 3 && looks_like_number(glue_item(aTHX_ list, 0)));
    iossl_tlsa *tlsa;

    if (glue_is_absent(value))
        return IOSSL_OK;
    if ((tlsa = iossl_tlsa_new(b->err)) == NULL)
        return IOSSL_ERROR;
    SAVEDESTRUCTOR_X(free_tlsa, tlsa);
    if (is_one)
        status = add_tlsa(aTHX_ b, tlsa, value);
    for (SSize_t i = 0; !is_one && status == IOSSL_OK && i <= av_len(list); i++)
        status = add_tlsa(aTHX_ b, tlsa, glue_item(aTHX_ list, i));
    return status == IOSSL_OK ? iossl_config_set_tlsa(b->config, tlsa, b->err) : status;
}
