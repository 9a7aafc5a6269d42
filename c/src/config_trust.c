/*
 * config_trust.c - whom to trust, and what of a peer is verified.
 *
 * Owns      CA certificates, revocation lists and the CAs named to clients, as they were given; when
 *           those of the system stand in for them.
 * Leaves    reading files to context_trust.c, the settings of verification to verify.c.
 */
#include "config_parts.h"
#include "error.h"

/* ---- Trust ----------------------------------------------------------------------------------- */

static iossl_status
push_cert(STACK_OF(X509) **stack, X509 *cert, iossl_error *err)
{
    if ((*stack == NULL && (*stack = sk_X509_new_null()) == NULL)
        || sk_X509_push(*stack, cert) <= 0) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    X509_up_ref(cert);
    return IOSSL_OK;
}

iossl_status
iossl_config_set_ca_file(iossl_config *config, const char *file, iossl_error *err)
{
    return iossl_config_keep_string(&config->ca_file, file, err);
}

iossl_status
iossl_config_set_ca_path(iossl_config *config, const char *path, iossl_error *err)
{
    return iossl_config_keep_string(&config->ca_path, path, err);
}

iossl_status
iossl_config_add_ca(iossl_config *config, X509 *cert, iossl_error *err)
{
    return push_cert(&config->cas, cert, err);
}

iossl_status
iossl_config_set_ca_by_default(iossl_config *config, bool on, iossl_error *err)
{
    (void)err;
    config->ca_by_default = on;
    return IOSSL_OK;
}

iossl_status
iossl_config_set_no_default_ca(iossl_config *config, bool on, iossl_error *err)
{
    (void)err;
    config->no_default_ca = on;
    return IOSSL_OK;
}

bool
iossl_config_uses_default_ca(const iossl_config *config)
{
    return config->ca_file == NULL && config->ca_path == NULL && config->cas == NULL
           && !config->no_default_ca
           && (config->verify.mode != IOSSL_VERIFY_NONE || config->role == IOSSL_CLIENT);
}

iossl_status
iossl_config_set_client_ca_file(iossl_config *config, const char *file, iossl_error *err)
{
    return iossl_config_keep_string(&config->client_ca_file, file, err);
}

iossl_status
iossl_config_add_client_ca(iossl_config *config, X509 *cert, iossl_error *err)
{
    return push_cert(&config->client_cas, cert, err);
}

iossl_status
iossl_config_set_check_crl(iossl_config *config, iossl_crl_check check, iossl_error *err)
{
    if (check != IOSSL_CRL_OFF && check != IOSSL_CRL_LEAF && check != IOSSL_CRL_CHAIN) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                        "SSL_check_crl %d: none of 0 (off), 1 (leaf) and 2 (chain)", (int)check);
        return IOSSL_ERROR;
    }
    config->check_crl = check;
    return IOSSL_OK;
}

iossl_status
iossl_config_set_crl_file(iossl_config *config, const char *file, iossl_error *err)
{
    return iossl_config_keep_string(&config->crl_file, file, err);
}

/* ---- Verification ---------------------------------------------------------------------------- */

iossl_status
iossl_config_set_verify_mode(iossl_config *config, int mode, iossl_error *err)
{
    return iossl_verify_settings_set_mode(&config->verify, mode, err);
}

iossl_status
iossl_config_set_scheme(iossl_config *config, const iossl_scheme *scheme, iossl_error *err)
{
    (void)err;
    config->verify.scheme = scheme != NULL ? *scheme : *iossl_scheme_by_name("default");
    return IOSSL_OK;
}

iossl_status
iossl_config_set_require_name(iossl_config *config, bool on, iossl_error *err)
{
    (void)err;
    config->verify.require_name = on;
    return IOSSL_OK;
}

iossl_status
iossl_config_set_psl(iossl_config *config, const iossl_psl *psl, iossl_error *err)
{
    (void)err;
    config->verify.psl = psl;
    return IOSSL_OK;
}

iossl_status
iossl_config_set_tlsa(iossl_config *config, iossl_tlsa *tlsa, iossl_error *err)
{
    return iossl_verify_settings_set_tlsa(&config->verify, tlsa, err);
}

iossl_status
iossl_config_set_pins(iossl_config *config, iossl_pins *pins, bool require, iossl_error *err)
{
    (void)err;
    iossl_verify_settings_set_pins(&config->verify, pins, require);
    return IOSSL_OK;
}
