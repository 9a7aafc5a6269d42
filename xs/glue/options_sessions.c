/*
 * options_sessions.c - options about resuming: caches, stores, and the keys of tickets.
 *
 * Promises  keys are cleansed out of our memory once libiossl has them.
 * Leaves    calling a store's methods and the program's code to callbacks_*.c.
 */
#include "options_read.h"

#include <openssl/crypto.h>

#include "callbacks.h"
#include "sessions.h"
#include "status.h"
#include "values.h"

iossl_status
glue_opt_session_cache_size(pTHX_ glue_build *b, SV *value)
{
    SV *object = glue_argument(aTHX_ b, "SSL_session_cache");
    IV size = SvOK(value) ? SvIV(value) : 0;

    if (size <= 0 || (object != NULL && SvTRUE(object)))
        return IOSSL_OK;
    b->context->sessions = iossl_session_cache_new((size_t)size, b->err);
    return b->context->sessions == NULL ? IOSSL_ERROR : IOSSL_OK;
}

iossl_status
glue_opt_session_cache(pTHX_ glue_build *b, SV *value)
{
    iossl_session_cache *cache = glue_session_cache_of(value);

    if (!SvTRUE(value))
        return IOSSL_OK;
    /* A class of the program's own may have methods of its own: they are called. */
    if (cache != NULL && sv_isa(value, "IO::Socket::SSL::Session_Cache"))
        b->context->sessions = iossl_session_cache_up_ref(cache);
    else if (sv_isobject(value))
        b->context->session_store = newSVsv(value);
    else
        glue_croak_value(aTHX_ "SSL_session_cache", value,
                         "an object with the methods add_session, get_session and del_session");
    return IOSSL_OK;
}

/* Of a server: sessions by their id, in place of tickets. */
iossl_status
glue_opt_session_store(pTHX_ glue_build *b, SV *value)
{
    if (glue_is_none(aTHX_ value))
        return IOSSL_OK;
    if (!sv_isobject(value))
        glue_croak_value(aTHX_ "SSL_session_store", value,
                         "an object with the methods add_session, get_session and del_session");
    b->context->session_store = newSVsv(value);
    return iossl_config_set_sessions_by_id(b->config, true, b->err);
}

iossl_status
glue_opt_session_id_context(pTHX_ glue_build *b, SV *value)
{
    STRLEN len;
    const char *id;

    if (glue_is_absent(value))
        return IOSSL_OK;
    id = SvPV_const(value, len);
    return iossl_config_set_session_id_context(b->config, id, len, b->err);
}

/* code, or [code, its first argument] */
iossl_status
glue_opt_ticket_keycb(pTHX_ glue_build *b, SV *value)
{
    AV *list = glue_array(aTHX_ value);

    if (glue_is_none(aTHX_ value))
        return IOSSL_OK;
    if (list != NULL && av_len(list) > 0)
        b->context->ticket_data = newSVsv(glue_item(aTHX_ list, 1));
    b->context->ticket_callback = newSVsv(
        glue_code(aTHX_ "SSL_ticket_keycb", list == NULL ? value : glue_item(aTHX_ list, 0)));
    iossl_config_set_ticket_key_cb(b->config, glue_on_ticket_key, NULL);
    return IOSSL_OK;
}

/* Two strings of bytes, name and key, as a key to encrypt tickets with. */
static void
take_ticket_key(pTHX_ SV *value, iossl_ticket_key *key)
{
    AV *pair = glue_array(aTHX_ value);
    SV *of[2];
    STRLEN len[2];
    const char *bytes[2];

    if (pair == NULL || av_len(pair) != 1)
        glue_croak_value(aTHX_ "SSL_ticket_keys", value, "[name, key]");
    for (SSize_t i = 0; i < 2; i++) {
        of[i] = sv_mortalcopy(glue_item(aTHX_ pair, i));
        if (!SvOK(of[i]) || SvROK(of[i]) || !sv_utf8_downgrade(of[i], TRUE))
            glue_croak_value(aTHX_ "SSL_ticket_keys", of[i], "strings of bytes for name and key");
        bytes[i] = SvPV_const(of[i], len[i]);
    }
    if (len[0] > sizeof key->name || (len[1] != 32 && len[1] != 48 && len[1] != 64))
        glue_croak(aTHX_ sv_2mortal(newSVpvf(
            "SSL_ticket_keys: a name has up to 16 bytes and a key 32, 48 or 64, not %" UVuf
            " and %" UVuf, (UV)len[0], (UV)len[1])));
    Zero(key, 1, iossl_ticket_key);
    Copy(bytes[0], key->name, len[0], char);
    Copy(bytes[1], key->key, len[1], char);
    key->key_len = len[1];
}

iossl_status
glue_opt_ticket_keys(pTHX_ glue_build *b, SV *value)
{
    AV *list = glue_array(aTHX_ value);
    SSize_t n = list == NULL ? 0 : av_len(list) + 1;
    iossl_ticket_key *keys;
    iossl_status status;

    if (glue_is_absent(value))
        return IOSSL_OK;
    if (list == NULL)
        glue_croak_value(aTHX_ "SSL_ticket_keys", value, "a reference to an array of [name, key]");
    Newxz(keys, (size_t)n + 1, iossl_ticket_key);
    SAVEFREEPV(keys);
    for (SSize_t i = 0; i < n; i++)
        take_ticket_key(aTHX_ glue_item(aTHX_ list, i), &keys[i]);
    status = iossl_config_set_ticket_keys(b->config, keys, (size_t)n, b->err);
    OPENSSL_cleanse(keys, ((size_t)n + 1) * sizeof *keys);
    return status;
}
