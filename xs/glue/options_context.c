/*
 * options_context.c - options about the context as such: its library, reloading, who is told of it.
 *
 * Leaves    calling the program's code to callbacks_load.c and callbacks_keylog.c.
 */
#include "options_read.h"

#include "callbacks.h"
#include "objects.h"
#include "values.h"

/* Together: both say where algorithms come from. */
iossl_status
glue_opt_library(pTHX_ glue_build *b, SV *value)
{
    SV *libctx = glue_argument(aTHX_ b, "SSL_libctx"), *propq = glue_argument(aTHX_ b, "SSL_propq");

    PERL_UNUSED_VAR(value);
    return iossl_config_set_library(
        b->config,
        libctx == NULL || glue_is_absent(libctx)
            ? NULL : glue_pointer(aTHX_ libctx, "SSL_libctx: an OSSL_LIB_CTX handle"),
        propq == NULL || glue_is_absent(propq) ? NULL : glue_string(aTHX_ "SSL_propq", propq),
        b->err);
}

iossl_status
glue_opt_reload(pTHX_ glue_build *b, SV *value)
{
    if (!SvOK(value))
        return IOSSL_OK;
    if (SvROK(value) || !looks_like_number(value) || !(SvNV(value) >= 0))
        glue_croak_value(aTHX_ "SSL_reload", value, "a number of seconds, 0 for by command only,");
    b->reload_s = SvNV(value) > 0 && SvNV(value) < 1 ? 1 : (int64_t)SvIV(value);
    return IOSSL_OK;
}

iossl_status
glue_opt_create_ctx_callback(pTHX_ glue_build *b, SV *value)
{
    if (SvTRUE(value)) {
        b->calls->ssl_ctx.code = newSVsv(glue_code(aTHX_ "SSL_create_ctx_callback", value));
        iossl_config_set_ssl_ctx_cb(b->config, glue_on_ssl_ctx, &b->calls->ssl_ctx);
    }
    return IOSSL_OK;
}

iossl_status
glue_opt_keylog_callback(pTHX_ glue_build *b, SV *value)
{
    if (!glue_is_none(aTHX_ value)) {
        b->context->keylog_callback = newSVsv(glue_code(aTHX_ "SSL_keylog_callback", value));
        iossl_config_set_keylog_cb(b->config, glue_on_keylog, NULL);
    }
    return IOSSL_OK;
}
