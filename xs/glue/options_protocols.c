/*
 * options_protocols.c - options about what is spoken: versions, DH, what TLS 1.3 may do later on.
 *
 * Leaves    those of a common form (ciphers, groups, signature algorithms, ALPN) to options_forms.c.
 */
#include "options_read.h"

#include "objects.h"
#include "values.h"

iossl_status
glue_opt_policy(pTHX_ glue_build *b, SV *value)
{
    return SvOK(value)
               ? iossl_config_set_policy(b->config, glue_string(aTHX_ "SSL_policy", value), b->err)
               : IOSSL_OK;
}

iossl_status
glue_opt_version(pTHX_ glue_build *b, SV *value)
{
    return iossl_config_set_version(b->config, glue_string_or_null(aTHX_ "SSL_version", value),
                                    b->err);
}

iossl_status
glue_opt_dh(pTHX_ glue_build *b, SV *value)
{
    if (glue_is_none(aTHX_ value))
        return iossl_config_set_dh_auto(b->config, false, b->err);
    return iossl_config_set_dh(b->config, glue_pointer(aTHX_ value, "SSL_dh: a DH handle"), b->err);
}

iossl_status
glue_opt_post_handshake_auth(pTHX_ glue_build *b, SV *value)
{
    return SvOK(value)
               ? iossl_config_set_post_handshake_auth(b->config, SvTRUE(value), b->err)
               : IOSSL_OK;
}

/* A number of bytes; undef and '' are 0. */
static UV
byte_count(pTHX_ const char *option, SV *value)
{
    if (glue_is_absent(value))
        return 0;
    if (SvROK(value) || !looks_like_number(value) || !(SvNV(value) >= 0))
        glue_croak_value(aTHX_ option, value, "a number of bytes");
    return SvUV(value);
}

iossl_status
glue_opt_key_update_bytes(pTHX_ glue_build *b, SV *value)
{
    return iossl_config_set_key_update_bytes(
        b->config, byte_count(aTHX_ "SSL_key_update_bytes", value), b->err);
}

iossl_status
glue_opt_max_early_data(pTHX_ glue_build *b, SV *value)
{
    SV *unsafe = glue_argument(aTHX_ b, "SSL_early_data_unsafe");

    return iossl_config_set_max_early_data(b->config,
                                           byte_count(aTHX_ "SSL_max_early_data", value),
                                           unsafe != NULL && SvTRUE(unsafe), b->err);
}

iossl_status
glue_opt_ktls(pTHX_ glue_build *b, SV *value)
{
    iossl_config_set_ktls(b->config, SvTRUE(value));
    return IOSSL_OK;
}
