/*
 * options_psk.c - SSL_psk: keys that both sides have been given, in place of certificates.
 *
 * Promises  keys are cleansed out of our copies once libiossl has them.
 */
#include "options_read.h"

#include <openssl/crypto.h>

#include "status.h"
#include "values.h"

/* A mortal copy of a value in UTF-8. */
static SV *
utf8_copy(pTHX_ SV *value)
{
    SV *copy = sv_mortalcopy(value);
    STRLEN len;

    (void)SvPVutf8_force(copy, len);
    return copy;
}

/* Identity or hint in UTF-8; lives as long as the statement. */
static const char *
psk_name(pTHX_ SV *value)
{
    return glue_string(aTHX_ "SSL_psk: an identity", utf8_copy(aTHX_ value));
}

static iossl_status
add_psk(pTHX_ glue_build *b, const char *peer, const char *identity, SV *key)
{
    SV *bytes = sv_mortalcopy(key);
    iossl_status status;
    const char *p;
    STRLEN len;

    if (!SvOK(bytes) || (SvROK(bytes) && !SvAMAGIC(bytes)))
        glue_croak_value(aTHX_ "SSL_psk", bytes, "a key of random bytes");
    (void)SvPV_force_nolen(bytes);
    if (!sv_utf8_downgrade(bytes, TRUE))
        glue_croak(aTHX_ sv_2mortal(newSVpvs("SSL_psk: wide character in a key, which is bytes")));
    p = SvPV_const(bytes, len);
    status = b->role == IOSSL_SERVER
                 ? iossl_config_add_server_psk(b->config, peer, p, len, b->err)
                 : iossl_config_add_client_psk(b->config, peer, identity, p, len, b->err);
    OPENSSL_cleanse(SvPVX(bytes), SvCUR(bytes));
    return status;
}

/* The identity of clients that name none. */
#define PSK_IDENTITY "io_socket_ssl"

/* A key; clients: [identity, key], or { hint, which is the identity, too => key }; servers: { identity
 * => key }, with '' for all others. */
iossl_status
glue_opt_psk(pTHX_ glue_build *b, SV *value)
{
    iossl_status status = IOSSL_OK;
    AV *pair = glue_array(aTHX_ value);
    HV *by_name = glue_hash(aTHX_ value);
    HE *entry;

    if (glue_is_absent(value))
        return IOSSL_OK;
    if (pair != NULL && (b->role == IOSSL_SERVER || av_len(pair) != 1))
        glue_croak_value(aTHX_ "SSL_psk", value,
                         b->role == IOSSL_SERVER ? "a key, or a hash of keys by identity,"
                                            : "[identity, key]");
    if (pair != NULL)
        return add_psk(aTHX_ b, NULL, psk_name(aTHX_ glue_item(aTHX_ pair, 0)),
                       glue_item(aTHX_ pair, 1));
    if (by_name == NULL)
        return add_psk(aTHX_ b, NULL, PSK_IDENTITY, value);
    hv_iterinit(by_name);
    while (status == IOSSL_OK && (entry = hv_iternext(by_name)) != NULL) {
        const char *name = psk_name(aTHX_ hv_iterkeysv(entry));
        SV *key = glue_value_of_entry(aTHX_ by_name, entry);

        status = add_psk(aTHX_ b, name, name[0] == '\0' ? PSK_IDENTITY : name, key);
    }
    return status;
}
