/*
 * context_ssl_ctx.c - one SSL_CTX, with all that a configuration says but for certificates.
 *
 * Owns      how each setting is said to OpenSSL: versions, ciphers, key exchange, early data, sessions,
 *           modes, verification; the order in which they are.
 * Leaves    what may be set to config.c, certificates to context_certs.c, choosing by name and protocol
 *           to context_sni.c and context_alpn.c.
 * See       SSL_CTX_new(3) and the pages that it names.
 */
#include <pthread.h>

#include "choices.h"
#include "compat.h"
#include "conn.h"
#include "context_parts.h"
#include "error.h"

/* ---- Applying a configuration ---------------------------------------------------------------- */

typedef struct {
    unsigned bit;
    int number;
    uint64_t op_no;
} protocol;

static const protocol PROTOCOLS[] = {
    {IOSSL_PROTO_SSL3, SSL3_VERSION, SSL_OP_NO_SSLv3},
    {IOSSL_PROTO_TLS1, TLS1_VERSION, SSL_OP_NO_TLSv1},
    {IOSSL_PROTO_TLS1_1, TLS1_1_VERSION, SSL_OP_NO_TLSv1_1},
    {IOSSL_PROTO_TLS1_2, TLS1_2_VERSION, SSL_OP_NO_TLSv1_2},
    {IOSSL_PROTO_TLS1_3, TLS1_3_VERSION, SSL_OP_NO_TLSv1_3},
};
#define N_PROTOCOLS (sizeof PROTOCOLS / sizeof PROTOCOLS[0])

/* All that was left out: by a list, or for being beyond a limit. */
static unsigned
excluded_versions(const iossl_config *config)
{
    bool is_open = !config->restricts_versions
                   || (config->default_versions && config->min_version != 0);
    unsigned excluded = is_open ? 0 : config->excluded_versions;

    for (size_t i = 0; i < N_PROTOCOLS; i++)
        if (PROTOCOLS[i].bit < config->min_version
            || (config->max_version != 0 && PROTOCOLS[i].bit > config->max_version))
            excluded |= PROTOCOLS[i].bit;
    return excluded;
}

/*
 * A range as minimum and maximum; what is excluded between them by option. A minimum that the
 * system's openssl.cnf sets takes the place of our default; against what the program asks for it
 * stands where it is higher, unless one version was asked for by name.
 */
static bool
apply_versions(const builder *b, SSL_CTX *ssl_ctx)
{
    const iossl_config *config = b->config;
    const unsigned excluded = excluded_versions(config);
    const bool keeps_minimum = config->default_versions && config->min_version == 0
                               && SSL_CTX_get_min_proto_version(ssl_ctx) != 0;
    size_t low = 0, high = N_PROTOCOLS;
    bool ok = true;

    if (config->max_version == 0 && config->min_version == 0
        && (!config->restricts_versions || keeps_minimum))
        return true;
    while (low < N_PROTOCOLS && (excluded & PROTOCOLS[low].bit) != 0)
        low++;
    while (high > low && (excluded & PROTOCOLS[high - 1].bit) != 0)
        high--;
    if (low == high)
        return false;
    if (keeps_minimum)
        ok = SSL_CTX_get_min_proto_version(ssl_ctx) <= PROTOCOLS[high - 1].number;
    else if (config->single_version || SSL_CTX_get_min_proto_version(ssl_ctx) < PROTOCOLS[low].number)
        ok = SSL_CTX_set_min_proto_version(ssl_ctx, PROTOCOLS[low].number) == 1;
    if (high < N_PROTOCOLS)
        ok = ok && SSL_CTX_set_max_proto_version(ssl_ctx, PROTOCOLS[high - 1].number) == 1;
    for (size_t i = low; i < high; i++)
        if ((excluded & PROTOCOLS[i].bit) != 0)
            SSL_CTX_set_options(ssl_ctx, PROTOCOLS[i].op_no);
    return ok;
}

const char *
iossl_ctx_host_string(const iossl_strmap *map, const char *host)
{
    const char *value = iossl_strmap_get(map, host);

    return value != NULL ? value : iossl_strmap_get(map, "");
}

static iossl_status
apply_ciphers(const builder *b, SSL_CTX *ssl_ctx, const char *host, iossl_error *err)
{
    const char *list = iossl_ctx_host_string(b->config->cipher_lists, host);
    const char *suites = iossl_ctx_host_string(b->config->ciphersuites, host);

    if (list != NULL && SSL_CTX_set_cipher_list(ssl_ctx, list) != 1) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "Failed to set SSL cipher list \"%s\"", list);
        return IOSSL_ERROR;
    }
    if (suites != NULL && SSL_CTX_set_ciphersuites(ssl_ctx, suites) != 1) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "Failed to set SSL cipher list \"%s\" (SSL_ciphersuites)", suites);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

static iossl_status
apply_key_exchange(const builder *b, SSL_CTX *ssl_ctx, iossl_error *err)
{
    const iossl_config *config = b->config;

    if (config->dh_kind == IOSSL_DH_AUTO)
        (void)SSL_CTX_set_dh_auto(ssl_ctx, 1);
    if (config->dh_kind == IOSSL_DH_PARAMETERS && !iossl_compat_set_dh(ssl_ctx, config->dh)) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "Failed to set DH from %s",
                                config->dh_file != NULL ? config->dh_file : "SSL_dh");
        return IOSSL_ERROR;
    }
    if (config->groups != NULL
        && iossl_choices_set_groups(ssl_ctx, config->groups, err) != IOSSL_OK)
        return IOSSL_ERROR;
    return config->sigalgs == NULL ? IOSSL_OK
                                   : iossl_choices_set_sigalgs(ssl_ctx, config->sigalgs, err);
}

/* OpenSSL's protection against replay keeps sessions in the process, each for one use: foreign keys would
 * be unused, and from a store one session could be taken twice at the same time. */
static iossl_status
apply_early_data(const builder *b, SSL_CTX *ssl_ctx, iossl_error *err)
{
    const iossl_config *config = b->config;
    const bool has_tickets = config->tickets.n_keys > 0 || config->tickets.file != NULL
                             || config->tickets.cb != NULL;

    if (config->max_early_data == 0 || config->role != IOSSL_SERVER)
        return IOSSL_OK;
    if (has_tickets || config->sessions_by_id) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_max_early_data doesn't go with %s of the program's own: what keeps early "
                        "data from being replayed keeps sessions in the process",
                        has_tickets ? "ticket keys" : "a store of sessions");
        return IOSSL_ERROR;
    }
    if (SSL_CTX_set_max_early_data(ssl_ctx, (uint32_t)config->max_early_data) == 1
        && SSL_CTX_set_recv_max_early_data(ssl_ctx, (uint32_t)config->max_early_data) == 1)
        return IOSSL_OK;
    iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "SSL_max_early_data");
    return IOSSL_ERROR;
}

/* Sessions go to where their connection wants them, so OpenSSL keeps none for clients, and for servers
 * with a store none either. */
static void
apply_session_store(const builder *b, SSL_CTX *ssl_ctx)
{
    if (b->config->role != IOSSL_CLIENT) {
        if (!b->config->sessions_by_id)
            return;
        (void)SSL_CTX_set_session_cache_mode(ssl_ctx,
                                             SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
        (void)SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_TICKET);
        SSL_CTX_sess_set_new_cb(ssl_ctx, iossl_conn_on_new_session);
        SSL_CTX_sess_set_get_cb(ssl_ctx, iossl_conn_on_get_session);
        return;
    }
    (void)SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl_ctx, iossl_conn_on_new_session);
}

static bool
apply_modes(const builder *b, SSL_CTX *ssl_ctx)
{
    const iossl_config *config = b->config;
    long mode = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                | SSL_MODE_AUTO_RETRY;
    uint64_t options = SSL_OP_ALL | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION;

    if (config->release_buffers)
        mode |= SSL_MODE_RELEASE_BUFFERS;
    if (config->honor_cipher_order)
        options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
    (void)SSL_CTX_set_mode(ssl_ctx, mode);
    (void)SSL_CTX_set_options(ssl_ctx, options);
    /* For SSLs that the program makes itself; connections that verify set it in any case. */
    return (config->sid_ctx_len == 0
            && (config->role != IOSSL_SERVER || (config->verify.mode & IOSSL_VERIFY_PEER) == 0))
           || SSL_CTX_set_session_id_context(ssl_ctx, b->ctx->sid_ctx,
                                             (unsigned int)b->ctx->sid_ctx_len) == 1;
}

static bool
apply_verification(const builder *b, SSL_CTX *ssl_ctx)
{
    const iossl_policy *policy = b->config->policy;
    unsigned long flags =
        X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST | policy->verify_flags;

    if (b->config->check_crl != IOSSL_CRL_OFF)
        flags |= X509_V_FLAG_CRL_CHECK;
    if (b->config->check_crl == IOSSL_CRL_CHAIN)
        flags |= X509_V_FLAG_CRL_CHECK_ALL;
    SSL_CTX_set_verify(ssl_ctx, b->config->verify.mode, iossl_verify_callback);
    if (SSL_CTX_get_security_level(ssl_ctx) < policy->security_level)
        SSL_CTX_set_security_level(ssl_ctx, policy->security_level);
    SSL_CTX_set_cert_verify_callback(ssl_ctx, iossl_verify_cert, NULL);
    if (b->client_ca_names != NULL) {
        STACK_OF(X509_NAME) *names = SSL_dup_CA_list(b->client_ca_names);

        if (names == NULL)
            return false;
        SSL_CTX_set_client_CA_list(ssl_ctx, names);
    }
    if (b->store != NULL)
        SSL_CTX_set1_cert_store(ssl_ctx, b->store);
    return X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl_ctx), flags) == 1;
}

/* ---- One SSL_CTX ----------------------------------------------------------------------------- */

SSL_CTX *
iossl_ctx_new_ssl_ctx(builder *b, const char *host, host_entry *entry, iossl_error *err)
{
    const iossl_library *library = b->config->verify.library;
    SSL_CTX *ssl_ctx = iossl_compat_ssl_ctx_new(library);

    if (ssl_ctx == NULL) {
        bool is_asked_for = !iossl_library_is_default(library);

        iossl_error_set_openssl(err, is_asked_for ? IOSSL_E_UNSUPPORTED : IOSSL_E_MEMORY, IOSSL_RANK_FATAL,
                                "SSL Context init failed%s%s%s", is_asked_for ? " by SSL_libctx, SSL_propq \"" : "",
                                library->propq == NULL ? "" : library->propq, is_asked_for ? "\"" : "");
        return NULL;
    }
    if (!apply_versions(b, ssl_ctx)) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "SSL Context init failed: SSL_version leaves no protocol (or SSL_min_version "
                                "and SSL_max_version do)");
        goto failed;
    }
    apply_session_store(b, ssl_ctx);
    if (b->config->role == IOSSL_CLIENT && b->config->post_handshake_auth == IOSSL_PHA_ON)
        SSL_CTX_set_post_handshake_auth(ssl_ctx, 1);
    if (!apply_modes(b, ssl_ctx) || !apply_verification(b, ssl_ctx)
        || !iossl_ctx_apply_alpn(b, ssl_ctx) || !iossl_tickets_install(&b->ctx->tickets, ssl_ctx)
        || !iossl_psks_install(&b->ctx->psks, ssl_ctx)) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "SSL Context init failed");
        goto failed;
    }
    if (apply_ciphers(b, ssl_ctx, host, err) != IOSSL_OK
        || apply_key_exchange(b, ssl_ctx, err) != IOSSL_OK
        || apply_early_data(b, ssl_ctx, err) != IOSSL_OK
        || (b->config->role == IOSSL_CLIENT
            && iossl_scts_apply(&b->config->scts, ssl_ctx, err) != IOSSL_OK))
        goto failed;
    if (!iossl_ctx_apply_sni(b, ssl_ctx)) {
        iossl_error_memory(err);
        goto failed;
    }
    iossl_keylog_install(&b->ctx->keylog, ssl_ctx);
    iossl_ctx_apply_staples(ssl_ctx, entry);
    return ssl_ctx;
failed:
    SSL_CTX_free(ssl_ctx);
    return NULL;
}

bool
iossl_ctx_enable_dane(iossl_ctx *ctx)
{
    bool enabled = false;

#ifdef IOSSL_HAVE_DANE
    const iossl_library *library = ctx->verify.library;

    /* A table of digests, made at the first use; later calls find it there. */
    (void)pthread_mutex_lock(&ctx->dane_lock);
    enabled = SSL_CTX_dane_enable(ctx->fallback->ssl_ctx) == 1
              && (iossl_library_is_default(library)
                  || (SSL_CTX_dane_mtype_set(ctx->fallback->ssl_ctx, library->sha256, 1, 1) == 1
                      && SSL_CTX_dane_mtype_set(ctx->fallback->ssl_ctx, library->sha512, 2, 2) == 1));
    (void)pthread_mutex_unlock(&ctx->dane_lock);
#else
    (void)ctx;
#endif
    return enabled;
}
