/*
 * config.c - what a context will be: every option with its default and its validation.
 *
 * Owns      the defaults, policies, and the options that no other file has: sessions, tickets, keys known
 *           beforehand, early data, certificate timestamps, callbacks; copies of all values.
 * Promises  after a refused value the old one stands; nothing is read but to see that files can be.
 * Leaves    reading files and talking to OpenSSL to context.c, groups of options to the files that are
 *           named after them (config_parts.h).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "ascii.h"
#include "compat.h"
#include "config_parts.h"
#include "error.h"

/* ---- Life ------------------------------------------------------------------------------------ */

iossl_config *
iossl_config_new(iossl_role role, iossl_error *err)
{
    iossl_config *config = calloc(1, sizeof *config);

    if (config == NULL) {
        iossl_error_memory(err);
        return NULL;
    }
    config->role = role;
    config->policy = iossl_policy_by_name("default");
    config->default_versions = config->restricts_versions = true;
    config->excluded_versions = IOSSL_PROTO_SSL3 | IOSSL_PROTO_TLS1 | IOSSL_PROTO_TLS1_1;
    config->honor_cipher_order = role == IOSSL_SERVER;
    config->keylog.fd = -1;
    iossl_verify_settings_init(&config->verify, role);
    config->cipher_lists = iossl_strmap_new(free);
    config->ciphersuites = iossl_strmap_new(free);
    config->host_certs = iossl_strmap_new(iossl_host_cert_free);
    config->staples = iossl_strmap_new(iossl_staple_recipe_free);
    if (config->cipher_lists == NULL || config->ciphersuites == NULL || config->host_certs == NULL
        || config->staples == NULL
        || iossl_config_set_cipher_list(config, NULL, IOSSL_DEFAULT_CIPHERS, NULL) != IOSSL_OK) {
        iossl_config_free(config);
        iossl_error_memory(err);
        return NULL;
    }
    return config;
}

void
iossl_config_free(iossl_config *config)
{
    if (config == NULL)
        return;
    iossl_strmap_free(config->cipher_lists);
    iossl_strmap_free(config->ciphersuites);
    iossl_strmap_free(config->host_certs);
    iossl_strmap_free(config->staples);
    free(config->responder.uri);
    free(config->groups);
    free(config->sigalgs);
    EVP_PKEY_free(config->dh);
    free(config->dh_file);
    free(config->ca_file);
    free(config->ca_path);
    sk_X509_pop_free(config->cas, X509_free);
    free(config->client_ca_file);
    sk_X509_pop_free(config->client_cas, X509_free);
    free(config->crl_file);
    iossl_verify_settings_cleanup(&config->verify);
    free(config->alpn.wire);
    free(config->npn.wire);
    iossl_tickets_cleanup(&config->tickets);
    iossl_psks_cleanup(&config->psks);
    iossl_keylog_cleanup(&config->keylog);
    free(config->scts.log_file);
    free(config);
}

/* ---- Shared helpers -------------------------------------------------------------------------- */

/* Replaces an owned string by a copy; NULL clears it. */
iossl_status
iossl_config_keep_string(char **slot, const char *value, iossl_error *err)
{
    char *copy = NULL;

    if (value != NULL && (copy = strdup(value)) == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    free(*slot);
    *slot = copy;
    return IOSSL_OK;
}

/* The key of a host in our tables: lower case, "" where none is given. NULL: no memory. */
char *
iossl_config_host_key(const char *host, iossl_error *err)
{
    char *key = strdup(host == NULL ? "" : host);

    if (key == NULL)
        iossl_error_memory(err);
    else
        for (char *p = key; *p != '\0'; p++)
            *p = iossl_ascii_lower(*p);
    return key;
}

/* ---- Policies -------------------------------------------------------------------------------- */

iossl_status
iossl_config_set_policy(iossl_config *config, const char *name, iossl_error *err)
{
    const iossl_policy *policy = iossl_policy_by_name(name);

    if (policy == NULL) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                        "SSL_policy \"%s\": there is no policy of this name; known are %s", name,
                        iossl_policy_names());
        return IOSSL_ERROR;
    }
    if (policy->versions != NULL
        && iossl_config_set_version(config, policy->versions, err) != IOSSL_OK)
        return IOSSL_ERROR;
    if ((policy->ciphers != NULL
         && iossl_config_set_cipher_list(config, NULL, policy->ciphers, err) != IOSSL_OK)
        || (policy->ciphersuites != NULL
            && iossl_config_set_ciphersuites(config, NULL, policy->ciphersuites, err) != IOSSL_OK)
        || (policy->groups != NULL
            && iossl_config_set_groups(config, policy->groups, err) != IOSSL_OK)
        || (policy->sigalgs != NULL
            && iossl_config_set_sigalgs(config, policy->sigalgs, err) != IOSSL_OK))
        return IOSSL_ERROR;
    config->policy = policy;
    config->verify.rules = policy->rules;
    return IOSSL_OK;
}

/* ---- Sessions and tickets -------------------------------------------------------------------- */

iossl_status
iossl_config_set_session_id_context(iossl_config *config, const void *id, size_t len,
                                    iossl_error *err)
{
    if (len > sizeof config->sid_ctx) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_session_id_context has %zu bytes; up to %zu are possible", len,
                        sizeof config->sid_ctx);
        return IOSSL_ERROR;
    }
    memcpy(config->sid_ctx, id, len);
    config->sid_ctx_len = len;
    return IOSSL_OK;
}

iossl_status
iossl_config_set_sessions_by_id(iossl_config *config, bool on, iossl_error *err)
{
    (void)err;
    config->sessions_by_id = on;
    return IOSSL_OK;
}

iossl_status
iossl_config_set_ticket_keys(iossl_config *config, const iossl_ticket_key *keys, size_t n,
                             iossl_error *err)
{
    return iossl_tickets_set_keys(&config->tickets, keys, n, err);
}

iossl_status
iossl_config_set_ticket_keys_file(iossl_config *config, const char *path, iossl_error *err)
{
    iossl_ticket_file *file = path == NULL ? NULL : iossl_ticket_file_open(path, err);

    if (path != NULL && file == NULL)
        return IOSSL_ERROR;
    iossl_tickets_set0_file(&config->tickets, file);
    return IOSSL_OK;
}

void
iossl_config_set_ticket_key_cb(iossl_config *config, iossl_ticket_key_cb cb, void *arg)
{
    config->tickets.cb = cb;
    config->tickets.cb_arg = arg;
}

/* ---- Keys known beforehand ------------------------------------------------------------------- */

iossl_status
iossl_config_add_client_psk(iossl_config *config, const char *hint, const char *identity,
                            const void *key, size_t len, iossl_error *err)
{
    return iossl_psks_add(&config->psks, IOSSL_CLIENT, hint, identity, key, len, err);
}

iossl_status
iossl_config_add_server_psk(iossl_config *config, const char *identity, const void *key, size_t len,
                            iossl_error *err)
{
    return iossl_psks_add(&config->psks, IOSSL_SERVER, identity, NULL, key, len, err);
}

iossl_status
iossl_config_set_psk_hint(iossl_config *config, const char *hint, iossl_error *err)
{
    return iossl_psks_set_hint(&config->psks, hint, err);
}

void
iossl_config_set_psk_cb(iossl_config *config, iossl_psk_cb cb, void *arg)
{
    config->psks.cb = cb;
    config->psks.cb_arg = arg;
}

/* ---- Certificate timestamps ------------------------------------------------------------------ */

static iossl_status
check_scts(iossl_error *err)
{
    if (iossl_can(IOSSL_CAN_SCTS))
        return IOSSL_OK;
    iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL,
                    "SSL_scts: %s has no Certificate Transparency", iossl_openssl_version());
    return IOSSL_ERROR;
}

iossl_status
iossl_config_set_scts(iossl_config *config, bool on, iossl_error *err)
{
    if (on && check_scts(err) != IOSSL_OK)
        return IOSSL_ERROR;
    config->scts.is_on = on;
    return IOSSL_OK;
}

iossl_status
iossl_config_set_ctlog_file(iossl_config *config, const char *file, iossl_error *err)
{
    return file != NULL && check_scts(err) != IOSSL_OK
               ? IOSSL_ERROR : iossl_config_keep_string(&config->scts.log_file, file, err);
}

/* ---- The rest -------------------------------------------------------------------------------- */

iossl_status
iossl_config_set_keylog_file(iossl_config *config, const char *file, iossl_error *err)
{
    return iossl_config_keep_string(&config->keylog.file, file, err);
}

void
iossl_config_set_keylog_cb(iossl_config *config, iossl_keylog_cb cb, void *arg)
{
    config->keylog.cb = cb;
    config->keylog.cb_arg = arg;
}

iossl_status
iossl_config_set_max_early_data(iossl_config *config, size_t bytes, bool insist, iossl_error *err)
{
    if (bytes > 0 && !iossl_can(IOSSL_CAN_EARLY_DATA)) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL,
                        "SSL_max_early_data: %s has no TLS 1.3", iossl_openssl_version());
        return IOSSL_ERROR;
    }
    if (bytes > IOSSL_EARLY_DATA_MAX) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_max_early_data %zu: up to %d bytes are possible", bytes,
                        IOSSL_EARLY_DATA_MAX);
        return IOSSL_ERROR;
    }
    config->max_early_data = bytes;
    config->insists_on_early_data = insist;
    return IOSSL_OK;
}

iossl_status
iossl_config_set_key_update_bytes(iossl_config *config, uint64_t bytes, iossl_error *err)
{
    if (bytes > 0 && !iossl_can(IOSSL_CAN_KEY_UPDATE)) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL,
                        "SSL_key_update_bytes: %s has no TLS 1.3", iossl_openssl_version());
        return IOSSL_ERROR;
    }
    config->key_update_bytes = bytes;
    return IOSSL_OK;
}

iossl_status
iossl_config_set_post_handshake_auth(iossl_config *config, bool on, iossl_error *err)
{
    if (on && !iossl_can(IOSSL_CAN_POST_HANDSHAKE_AUTH)) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL,
                        "SSL_post_handshake_auth: %s has no TLS 1.3", iossl_openssl_version());
        return IOSSL_ERROR;
    }
    config->post_handshake_auth = on ? IOSSL_PHA_ON : IOSSL_PHA_OFF;
    return IOSSL_OK;
}

void
iossl_config_set_host_cb(iossl_config *config, iossl_host_cb cb, void *arg)
{
    config->host_cb = cb;
    config->host_arg = arg;
}

iossl_status
iossl_config_set_release_buffers(iossl_config *config, bool on, iossl_error *err)
{
    (void)err;
    config->release_buffers = on;
    return IOSSL_OK;
}

iossl_status
iossl_config_set_library(iossl_config *config, struct ossl_lib_ctx_st *libctx, const char *propq,
                         iossl_error *err)
{
    const iossl_library asked_for = {.ctx = libctx, .propq = propq}, *library;
    iossl_status status = IOSSL_ERROR;

    if ((libctx != NULL || propq != NULL) && !iossl_can(IOSSL_CAN_LIBRARY)) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL,
                        "SSL_libctx, SSL_propq: %s has no library contexts", iossl_openssl_version());
        return IOSSL_ERROR;
    }
    ERR_clear_error();
    if (!iossl_compat_has_sha256(&asked_for))
        iossl_error_set_openssl(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL,
                                "SSL_propq \"%s\": no provider of %s has what TLS needs (SHA2-256) with these "
                                "properties; load one that has, by openssl.cnf or "
                                "OSSL_PROVIDER_load(3), or ask for less",
                                propq == NULL ? "" : propq,
                                libctx == NULL ? "the default library context" : "this library context");
    else if ((library = iossl_library_new(libctx, propq)) == NULL)
        iossl_error_memory(err);
    else {
        iossl_library_free(config->verify.library);
        config->verify.library = library;
        status = IOSSL_OK;
    }
    ERR_clear_error();
    return status;
}

void
iossl_config_set_ktls(iossl_config *config, bool on)
{
    config->wants_ktls = on;
}

void
iossl_config_set_ssl_ctx_cb(iossl_config *config, iossl_ssl_ctx_cb cb, void *arg)
{
    config->ssl_ctx_cb = cb;
    config->ssl_ctx_arg = arg;
}
