/*
 * context.c - an SSL_CTX, or one for each server name, built from a configuration.
 *
 * Owns      the order in which a configuration is applied; the table of server names and the
 *           callbacks of OpenSSL that choose by name and by protocol.
 * Promises  immutable once built, so shared by threads without locks; a file named for many hosts
 *           is read once; the trust anchors are one store for all hosts.
 * Leaves    formats of certificates to certs.c, bundles of CAs to castore.c, whom to believe to
 *           verify.c (its settings only start here: each connection has its own).
 * See       SSL_CTX_new(3), SSL_CTX_use_cert_and_key(3), SSL_CTX_set_tlsext_servername_callback(3).
 */
#include "context.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/tls1.h>
#include <openssl/x509v3.h>

#include "ascii.h"
#include "castore.h"
#include "certs.h"
#include "choices.h"
#include "compat.h"
#include "config.h"
#include "conn.h"
#include "error.h"
#include "fingerprint.h"
#include "init.h"
#include "ocsp_staple.h"
#include "paths.h"
#include "reload.h"
#include "strmap.h"
#include "ticket_file.h"

/* What a server name gets. */
typedef struct {
    SSL_CTX *ssl_ctx;
    char *cipher_list;      /* owned; NULL: as the connection has it */
    char *ciphersuites;
    iossl_staple_shelf *shelf;      /* owned: what a server may staple */
} host_entry;

struct iossl_ctx {
    atomic_size_t refs;
    iossl_role role;
    iossl_strmap *hosts;            /* lower-case name => host_entry; "" is the default */
    host_entry *fallback;           /* of hosts: "", or where that isn't, the first */
    iossl_verify_settings verify;
    iossl_ocsp_place *ocsp_place;   /* of a cache of its own */
    atomic_bool lacks_staple;       /* a shelf has something to tell */
    pthread_mutex_t dane_lock;      /* held by who enables DANE */
    iossl_protocols alpn, npn;
    iossl_tickets tickets;
    iossl_psks psks;
    iossl_keylog keylog;
    size_t max_early_data;
    bool insists_on_early_data, wants_ktls;
    uint64_t key_update_bytes;
    bool is_shaped;                 /* there is a callback for its SSL_CTXs */
    iossl_host_cb host_cb;
    void *host_arg;
    iossl_reload *reload;           /* owned; NULL: what the files said stands */
    unsigned char sid_ctx[SSL_MAX_SID_CTX_LENGTH];  /* of verified sessions: configured or random */
    size_t sid_ctx_len;
    unsigned char id[16];           /* random: no other context has it */
    unsigned char trust[32];        /* a digest of all trust anchors and revocation lists */
};

/* What building needs besides the configuration. */
typedef struct {
    const iossl_config *config;
    iossl_ctx *ctx;
    iossl_strmap *identities;       /* file => iossl_identity, so that each is read once */
    iossl_strmap *keys;             /* file => EVP_PKEY */
    X509_STORE *store;
    STACK_OF(X509_NAME) *client_ca_names;
} builder;

/* ---- Callbacks of OpenSSL -------------------------------------------------------------------- */

/* What a server name gets; NULL: nothing, the name is unknown and there is no default. */
static const host_entry *
find_host(const iossl_ctx *ctx, const char *name, size_t len)
{
    const host_entry *entry = NULL;
    char key[TLSEXT_MAXLEN_host_name + 1];

    if (len > 0 && len < sizeof key) {
        for (size_t i = 0; i < len; i++)
            key[i] = iossl_ascii_lower(name[i]);
        key[len] = '\0';
        if (strlen(key) == len)
            entry = iossl_strmap_get(ctx->hosts, key);
    }
    return entry != NULL ? entry : iossl_strmap_get(ctx->hosts, "");
}

/* The host_name of a server_name extension (RFC 6066 section 3), borrowed; *len is 0 without one. */
static const char *
name_of_client_hello(SSL *ssl, size_t *len)
{
    /* list length (2 bytes), type of the first name (1), its length (2), the name */
    const unsigned char *ext;
    size_t ext_len, name_len;

    *len = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext, &ext_len) != 1 || ext_len < 5
        || ext[2] != TLSEXT_NAMETYPE_host_name)
        return NULL;
    name_len = (size_t)ext[3] << 8 | ext[4];
    if (name_len > ext_len - 5)
        return NULL;
    *len = name_len;
    return (const char *)ext + 5;
}

/*
 * Asks the program. *entry: what it wants for this name; untouched where it leaves that to the tables.
 * False: it refuses.
 */
static bool
ask_program(const iossl_ctx *ctx, SSL *ssl, const char *name, size_t len, const host_entry **entry)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);
    char text[TLSEXT_MAXLEN_host_name + 1];
    bool has_name = name != NULL && len > 0 && len < sizeof text && memchr(name, '\0', len) == NULL;
    iossl_compat_errors pending;
    iossl_ctx *given = NULL, *other;
    bool ok;

    if (ctx->host_cb == NULL || conn == NULL)
        return true;
    if (has_name) {
        memcpy(text, name, len);
        text[len] = '\0';
    }
    iossl_compat_errors_take(&pending);     /* the program may use OpenSSL */
    ok = ctx->host_cb(ctx->host_arg, conn, has_name ? text : NULL, &given);
    iossl_compat_errors_put_back(&pending);
    if (ok && given != NULL) {
        other = iossl_ctx_get1_current(given);
        iossl_conn_set0_host_ctx(conn, other);
        if ((*entry = find_host(other, name, len)) == NULL)
            *entry = other->fallback;
    }
    iossl_ctx_free(given);
    if (!ok)
        iossl_conn_refuse_host(conn);
    return ok;
}

/*
 * Gives a connection the certificate and the ciphers of the name that the client asked for. This is
 * early enough for both: TLS 1.3 has its cipher before the servername callback runs.
 */
static int
choose_host(SSL *ssl, int *alert, void *arg)
{
    const iossl_ctx *ctx = arg;
    size_t len;
    const char *name = name_of_client_hello(ssl, &len);
    const host_entry *entry = find_host(ctx, name, len);

    if (!ask_program(ctx, ssl, name, len, &entry)) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (entry == NULL)
        return SSL_CLIENT_HELLO_SUCCESS;    /* answer_servername() refuses it with the right alert */
    /* SSL_set_SSL_CTX changes the certificate only; ciphers have to follow by themselves. */
    if ((SSL_get_SSL_CTX(ssl) != entry->ssl_ctx
         && SSL_set_SSL_CTX(ssl, entry->ssl_ctx) != entry->ssl_ctx)
        || (entry->cipher_list != NULL && SSL_set_cipher_list(ssl, entry->cipher_list) != 1)
        || (entry->ciphersuites != NULL && SSL_set_ciphersuites(ssl, entry->ciphersuites) != 1)) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

static int
answer_servername(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    iossl_conn *conn = iossl_conn_from_ssl(ssl);

    /* OpenSSL asks on clients too, once the server has answered: there is nothing to refuse. */
    if (SSL_is_server(ssl) == 0)
        return SSL_TLSEXT_ERR_OK;
    if (conn != NULL && iossl_conn_has_host_ctx(conn))
        return SSL_TLSEXT_ERR_OK;       /* the program chose */
    if (find_host(arg, name, name == NULL ? 0 : strlen(name)) != NULL)
        return SSL_TLSEXT_ERR_OK;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}


/* RFC 7301: the first protocol of the client's list that we have too. */
static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
            unsigned int in_len, void *arg)
{
    const iossl_ctx *ctx = arg;

    (void)ssl;
    for (size_t i = 0; i < in_len && in[i] < in_len - i; i += 1U + in[i]) {
        if (iossl_ctx_offers_alpn(ctx, in + i + 1, in[i])) {
            *out = in + i + 1;
            *out_len = in[i];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

#ifndef OPENSSL_NO_NEXTPROTONEG
static int
advertise_npn(SSL *ssl, const unsigned char **out, unsigned int *len, void *arg)
{
    const iossl_ctx *ctx = arg;

    (void)ssl;
    *out = ctx->npn.wire;
    *len = (unsigned int)ctx->npn.len;
    return SSL_TLSEXT_ERR_OK;
}

static int
choose_npn(SSL *ssl, unsigned char **out, unsigned char *out_len, const unsigned char *in,
           unsigned int in_len, void *arg)
{
    const iossl_ctx *ctx = arg;

    (void)ssl;
    (void)SSL_select_next_proto(out, out_len, in, in_len, ctx->npn.wire,
                                (unsigned int)ctx->npn.len);
    return SSL_TLSEXT_ERR_OK;
}
#endif

/* One function for both roles: a server has a staple to show, a client one to judge. */
static int
on_status(SSL *ssl, void *arg)
{
    const host_entry *entry = arg;
    iossl_conn *conn = iossl_conn_from_ssl(ssl);

    if (SSL_is_server(ssl) == 0)
        return conn == NULL || iossl_conn_judge_staple(conn) ? 1 : 0;
    return iossl_staple_answer(ssl, conn == NULL ? NULL : iossl_conn_get0_staple_settings(conn),
                               conn == NULL ? NULL : iossl_conn_get0_verifier(conn)->cause,
                               entry->shelf);
}

/* ---- Applying a configuration to one SSL_CTX ------------------------------------------------- */

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

static const char *
host_string(const iossl_strmap *map, const char *host)
{
    const char *value = iossl_strmap_get(map, host);

    return value != NULL ? value : iossl_strmap_get(map, "");
}

static iossl_status
apply_ciphers(const builder *b, SSL_CTX *ssl_ctx, const char *host, iossl_error *err)
{
    const char *list = host_string(b->config->cipher_lists, host);
    const char *suites = host_string(b->config->ciphersuites, host);

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

static bool
apply_protocols(const builder *b, SSL_CTX *ssl_ctx)
{
    iossl_ctx *ctx = b->ctx;

    if (ctx->alpn.len > 0) {
        if (SSL_CTX_set_alpn_protos(ssl_ctx, ctx->alpn.wire, (unsigned int)ctx->alpn.len) != 0)
            return false;
        SSL_CTX_set_alpn_select_cb(ssl_ctx, choose_alpn, ctx);
    }
#ifndef OPENSSL_NO_NEXTPROTONEG
    if (ctx->npn.len > 0) {
        SSL_CTX_set_next_protos_advertised_cb(ssl_ctx, advertise_npn, ctx);
        SSL_CTX_set_next_proto_select_cb(ssl_ctx, choose_npn, ctx);
    }
#endif
    return true;
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

/* ---- Certificates and keys ------------------------------------------------------------------- */

static void
free_identity(void *identity)
{
    iossl_identity_free(identity);
}

static void
free_key(void *key)
{
    EVP_PKEY_free(key);
}

/* The content of a certificate file; borrowed from the builder. */
static iossl_identity *
identity_of_file(builder *b, const char *file, iossl_error *err)
{
    iossl_identity *identity = iossl_strmap_get(b->identities, file);

    if (identity == NULL
        && iossl_identity_load_by(b->config->verify.library, &identity, file, b->config->passwd_cb,
                                  b->config->passwd_arg, err)
               == IOSSL_OK
        && !iossl_strmap_put(b->identities, file, identity)) {
        iossl_identity_free(identity);
        identity = NULL;
        iossl_error_memory(err);
    }
    return identity;
}

static EVP_PKEY *
key_of_file(builder *b, const char *file, iossl_error *err)
{
    EVP_PKEY *key = iossl_strmap_get(b->keys, file);

    if (key == NULL
        && iossl_key_load_by(b->config->verify.library, &key, file, b->config->passwd_cb,
                             b->config->passwd_arg, err)
               == IOSSL_OK
        && !iossl_strmap_put(b->keys, file, key)) {
        EVP_PKEY_free(key);
        key = NULL;
        iossl_error_memory(err);
    }
    return key;
}

/* A stack of certs[1..], borrowing them; NULL also where there are none (then *ok is true). */
static STACK_OF(X509) *
chain_of_handles(const iossl_host_cert *hc, bool *ok)
{
    STACK_OF(X509) *chain = NULL;

    *ok = true;
    if (hc->n_certs < 2)
        return NULL;
    *ok = (chain = sk_X509_new_reserve(NULL, (int)hc->n_certs)) != NULL;
    for (size_t i = 1; *ok && i < hc->n_certs; i++)
        *ok = sk_X509_push(chain, hc->certs[i]) > 0;
    return chain;
}

/* Where a key comes from, in the order of precedence. NULL: err says why. */
static EVP_PKEY *
find_key(builder *b, const iossl_host_cert *hc, const iossl_identity *identity,
         const char **where, iossl_error *err)
{
    *where = "SSL_key";
    if (identity != NULL && !identity->is_pem && identity->key != NULL) {
        *where = hc->cert_file;             /* PKCS#12: its own key wins */
        return identity->key;
    }
    if (hc->key != NULL)
        return hc->key;
    if (hc->key_file != NULL) {
        *where = hc->key_file;
        return key_of_file(b, hc->key_file, err);
    }
    if (identity != NULL && identity->is_pem) {
        *where = hc->cert_file;             /* the key may be in the same file */
        if (identity->key != NULL)
            return identity->key;
        return key_of_file(b, hc->cert_file, err);
    }
    iossl_error_set(err, IOSSL_E_KEY, IOSSL_RANK_FATAL,
                    "Failed to use Private Key: none was given for the certificate%s%s; "
                    "use SSL_key_file or SSL_key",
                    hc->cert_file != NULL ? " in " : "",
                    hc->cert_file != NULL ? hc->cert_file : "");
    return NULL;
}

static iossl_status
apply_cert(builder *b, SSL_CTX *ssl_ctx, const iossl_host_cert *hc, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    iossl_identity *identity = NULL;
    STACK_OF(X509) *own_chain = NULL;
    STACK_OF(X509) *chain;
    const char *where, *cert_name = hc->cert_file;
    EVP_PKEY *key;
    X509 *cert;
    bool ok = true;

    if (hc->n_certs > 0) {
        cert = hc->certs[0];
        chain = own_chain = chain_of_handles(hc, &ok);
        cert_name = "SSL_cert";
    } else if (hc->cert_file != NULL) {
        if ((identity = identity_of_file(b, hc->cert_file, err)) == NULL)
            goto done;
        cert = identity->cert;
        chain = identity->chain;
    } else {
        status = IOSSL_OK;                  /* a key alone is of no use */
        goto done;
    }
    if (!ok) {
        iossl_error_memory(err);
        goto done;
    }
    if ((key = find_key(b, hc, identity, &where, err)) == NULL)
        goto done;
    if (SSL_CTX_use_cert_and_key(ssl_ctx, cert, key, chain, 1) != 1) {
        bool mismatch = X509_check_private_key(cert, key) != 1;
        bool is_file = identity != NULL && !mismatch;

        iossl_error_set_openssl(err, mismatch ? IOSSL_E_KEY : IOSSL_E_CERT, IOSSL_RANK_FATAL,
                                mismatch ? "%s%s%sFailed to use Private Key from %s: it is not the "
                                           "key of the certificate in %s"
                                         : "%s%s%sFailed to use Certificate or Private Key from %s "
                                           "and %s",
                                is_file ? "Failed to load certificate from file " : "",
                                is_file ? cert_name : "", is_file ? ": " : "", where, cert_name);
        goto done;
    }
    if (b->config->role == IOSSL_CLIENT && b->config->post_handshake_auth != IOSSL_PHA_OFF)
        SSL_CTX_set_post_handshake_auth(ssl_ctx, 1);
    status = IOSSL_OK;
done:
    sk_X509_free(own_chain);
    return status;
}

/* ---- One SSL_CTX ----------------------------------------------------------------------------- */

/* Is there anything to choose by server name? */
static bool
names_hosts(const iossl_config *config)
{
    for (size_t i = 0; i < iossl_strmap_count(config->host_certs); i++) {
        const char *key = iossl_strmap_key(config->host_certs, i);

        if (key[0] != '\0' && key[0] != '%')
            return true;
    }
    return false;
}

/* Only where there is: with a servername callback, OpenSSL takes TLS 1.3 for possible even without a
 * certificate, and the error is about signatures then instead of ciphers. */
static bool
apply_hosts(builder *b, SSL_CTX *ssl_ctx)
{
    SSL_CTX_set_client_hello_cb(ssl_ctx, choose_host, b->ctx);
    return SSL_CTX_set_tlsext_servername_callback(ssl_ctx, answer_servername) == 1
           && SSL_CTX_set_tlsext_servername_arg(ssl_ctx, b->ctx) == 1;
}

static SSL_CTX *
new_ssl_ctx(builder *b, const char *host, host_entry *entry, iossl_error *err)
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
        || !apply_protocols(b, ssl_ctx) || !iossl_tickets_install(&b->ctx->tickets, ssl_ctx)
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
    if ((names_hosts(b->config) || b->ctx->host_cb != NULL) && !apply_hosts(b, ssl_ctx)) {
        iossl_error_memory(err);
        goto failed;
    }
    iossl_keylog_install(&b->ctx->keylog, ssl_ctx);
    (void)SSL_CTX_set_tlsext_status_cb(ssl_ctx, on_status);
    (void)SSL_CTX_set_tlsext_status_arg(ssl_ctx, entry);
    return ssl_ctx;
failed:
    SSL_CTX_free(ssl_ctx);
    return NULL;
}

static void
free_host_entry(void *p)
{
    host_entry *entry = p;

    if (entry == NULL)
        return;
    SSL_CTX_free(entry->ssl_ctx);
    iossl_shelf_free(entry->shelf);
    free(entry->cipher_list);
    free(entry->ciphersuites);
    free(entry);
}

/*
 * What a connection has to be given when it turns to this host: NULL where all hosts have the same,
 * which it has already; *ok becomes false without memory.
 */
static char *
own_string(const iossl_strmap *map, const char *host, const char *openssl_default, bool *ok)
{
    bool varies = iossl_strmap_count(map) > (iossl_strmap_get(map, "") != NULL ? 1U : 0U);
    const char *value = host_string(map, host);
    char *copy = varies ? strdup(value != NULL ? value : openssl_default) : NULL;

    *ok = *ok && (!varies || copy != NULL);
    return copy;
}

/* The staples of "host" and of each "host%tag". False: no memory. */
static bool
add_staples(const builder *b, const char *host, host_entry *entry)
{
    const iossl_strmap *staples = b->config->staples;
    size_t n = iossl_strmap_count(staples), len = strlen(host);

    if ((entry->shelf = iossl_shelf_new(&b->config->responder, &b->ctx->lacks_staple,
                                        b->config->verify.library)) == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *key = iossl_strmap_key(staples, i);
        const iossl_staple_recipe *recipe = iossl_strmap_value(staples, i);

        if (strncmp(key, host, len) != 0 || (key[len] != '\0' && key[len] != '%'))
            continue;
        if (!iossl_shelf_add_file(entry->shelf, recipe->file, recipe->der, recipe->len))
            return false;
    }
    return true;
}

static iossl_status
add_host(builder *b, const char *host, iossl_error *err)
{
    host_entry *entry = calloc(1, sizeof *entry);
    bool ok = entry != NULL;

    if (ok) {
        entry->cipher_list = own_string(b->config->cipher_lists, host,
                                         iossl_compat_default_ciphers(), &ok);
        entry->ciphersuites = own_string(b->config->ciphersuites, host,
                                          iossl_compat_default_ciphersuites(), &ok);
    }
    if (!ok || !add_staples(b, host, entry)) {
        free_host_entry(entry);
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    if ((entry->ssl_ctx = new_ssl_ctx(b, host, entry, err)) == NULL
        || !iossl_strmap_put(b->ctx->hosts, host, entry)) {
        if (entry->ssl_ctx != NULL)
            iossl_error_memory(err);
        free_host_entry(entry);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

/* ---- The certificates of all hosts ----------------------------------------------------------- */

static int
by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of a map, sorted so that "host" comes before "host%tag"; free() it. */
static const char **
sorted_keys(const iossl_strmap *map)
{
    size_t n = iossl_strmap_count(map);
    const char **keys = malloc((n + 1) * sizeof *keys);

    if (keys == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        keys[i] = iossl_strmap_key(map, i);
    qsort(keys, n, sizeof *keys, by_key);
    return keys;
}

/* The host of "host" or "host%tag"; free() it. */
static char *
host_of(const char *key)
{
    return strndup(key, strcspn(key, "%"));
}

/* Servers: a place for the staples of the certificate that the SSL_CTX was given last. */
static iossl_status
add_to_shelf(const builder *b, const char *host, const host_entry *entry, iossl_error *err)
{
    X509 *cert = b->config->role == IOSSL_SERVER ? SSL_CTX_get0_certificate(entry->ssl_ctx) : NULL;
    STACK_OF(X509) *chain = NULL;

    if (cert == NULL || SSL_CTX_get0_chain_certs(entry->ssl_ctx, &chain) != 1)
        return IOSSL_OK;
    return iossl_shelf_add_cert(entry->shelf, host, cert, chain,
                                SSL_CTX_get_cert_store(entry->ssl_ctx), err);
}

static bool
has_cert(const iossl_host_cert *hc)
{
    return hc->cert_file != NULL || hc->n_certs > 0;
}

/* A key for a host that has no certificate, where others have: one of the two names is wrong. */
static bool
is_stray_key(const builder *b, const char *key, const iossl_host_cert *hc)
{
    const iossl_strmap *all = b->config->host_certs;

    if (has_cert(hc) || (hc->key_file == NULL && hc->key == NULL) || strchr(key, '%') != NULL)
        return false;
    for (size_t i = 0; i < iossl_strmap_count(all); i++)
        if (has_cert(iossl_strmap_value(all, i)))
            return true;
    return false;
}

static iossl_status
add_host_cert(builder *b, const char *key, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    const iossl_host_cert *hc = iossl_strmap_get(b->config->host_certs, key);
    char *host = host_of(key);
    const host_entry *entry;

    if (host == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    if (strchr(key, '%') != NULL && iossl_strmap_get(b->config->host_certs, host) == NULL) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL Context init for %s failed - no config for %s", key, host);
        goto done;
    }
    if (is_stray_key(b, key, hc)) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "Failed to load certificate from file: the host \"%s\" has a key, but no "
                        "certificate; give one, or name the host as it is named there", key);
        goto done;
    }
    if (iossl_strmap_get(b->ctx->hosts, host) == NULL && add_host(b, host, err) != IOSSL_OK)
        goto done;
    entry = iossl_strmap_get(b->ctx->hosts, host);
    if ((status = apply_cert(b, entry->ssl_ctx, hc, err)) == IOSSL_OK)
        status = add_to_shelf(b, host, entry, err);
done:
    free(host);
    return status;
}

/* A staple is for a certificate: where there is none, it was meant for another host. */
static iossl_status
check_staples(const builder *b, iossl_error *err)
{
    for (size_t i = 0; i < iossl_strmap_count(b->config->staples); i++) {
        const char *key = iossl_strmap_key(b->config->staples, i);

        if (iossl_strmap_get(b->config->host_certs, key) != NULL)
            continue;
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "an OCSP response was given to be stapled for \"%s\", which has no "
                        "certificate; give one, or name the host as it is named there", key);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

static iossl_status
add_all_hosts(builder *b, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    size_t n = iossl_strmap_count(b->config->host_certs);
    const char **keys = sorted_keys(b->config->host_certs);

    if (keys == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    if (n == 0 && add_host(b, "", err) != IOSSL_OK)
        goto done;
    if (check_staples(b, err) != IOSSL_OK)
        goto done;
    for (size_t i = 0; i < n; i++)
        if (add_host_cert(b, keys[i], err) != IOSSL_OK)
            goto done;
    b->ctx->fallback = iossl_strmap_get(b->ctx->hosts, "");
    if (b->ctx->fallback == NULL)
        b->ctx->fallback = iossl_strmap_value(b->ctx->hosts, 0);
    if (b->config->ssl_ctx_cb != NULL) {
        for (size_t i = 0; i < iossl_strmap_count(b->ctx->hosts); i++) {
            host_entry *entry = iossl_strmap_value(b->ctx->hosts, i);

            if (!b->config->ssl_ctx_cb(b->config->ssl_ctx_arg, entry->ssl_ctx)) {
                iossl_error_set(err, IOSSL_E_CALLBACK, IOSSL_RANK_FATAL,
                                "SSL Context init failed: refused by SSL_create_ctx_callback");
                goto done;
            }
        }
    }
    status = IOSSL_OK;
done:
    free(keys);
    return status;
}

/* ---- Trust ----------------------------------------------------------------------------------- */

static iossl_status
add_crls(X509_STORE *store, const char *file, iossl_error *err)
{
    const iossl_library *library = iossl_library_of_store(store);
    BIO *bio = BIO_new_file(file, "rb");
    X509_CRL *crl = NULL;
    size_t n = 0;

    /* As X509_load_crl_file(3), whose lists are of the default library context. */
    while (bio != NULL && (crl = iossl_compat_crl_new(library)) != NULL
           && PEM_read_bio_X509_CRL(bio, &crl, NULL, NULL) != NULL
           && X509_STORE_add_crl(store, crl) == 1) {
        X509_CRL_free(crl);
        crl = NULL;
        n++;
    }
    X509_CRL_free(crl);
    BIO_free(bio);
    if (n == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        /* OpenSSL has nothing to say where what should be a list is of no length, or isn't one. */
        iossl_error_set_openssl(err, IOSSL_E_CRL, IOSSL_RANK_FATAL,
                                "Invalid certificate revocation list: SSL_crl_file %s%s", file,
                                ERR_peek_error() == 0 ? ": a list in it is broken" : "");
        return IOSSL_ERROR;
    }
    iossl_error_clear_queue();
    return IOSSL_OK;
}

/* What a file is at this moment, so that a changed one counts as another. */
static bool
digest_file(EVP_MD_CTX *md, const char *file)
{
    struct stat info = {0};
    long long facts[4] = {0};

    if (file == NULL)
        return EVP_DigestUpdate(md, facts, sizeof facts) == 1;
    if (stat(file, &info) == 0) {
        facts[0] = (long long)info.st_ino;
        facts[1] = (long long)info.st_size;
        facts[2] = (long long)info.st_mtime;
        facts[3] = (long long)info.st_dev;
    }
    return EVP_DigestUpdate(md, facts, sizeof facts) == 1
           && EVP_DigestUpdate(md, file, strlen(file) + 1) == 1;
}

/* Equal for two contexts that trust the same: sessions of the one may then be resumed by the other. */
static bool
digest_trust(builder *b, const char *file, const char *path)
{
    const iossl_config *config = b->config;
    const unsigned char flags[] = {(unsigned char)config->check_crl, (unsigned char)config->role,
                                   config->policy->verify_flags != 0};
    unsigned char one[32];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, iossl_library_sha256(config->verify.library), NULL) == 1
              && EVP_DigestUpdate(md, flags, sizeof flags) == 1 && digest_file(md, file)
              && digest_file(md, path) && digest_file(md, config->crl_file)
              && iossl_psks_digest(&config->psks, md)
              && (config->sigalgs == NULL
                  || EVP_DigestUpdate(md, config->sigalgs, strlen(config->sigalgs) + 1) == 1);

    for (int i = 0; ok && i < sk_X509_num(config->cas); i++)
        ok = iossl_cert_sha256(sk_X509_value(config->cas, i), config->verify.library, one)
             && EVP_DigestUpdate(md, one, sizeof one) == 1;
    ok = ok && EVP_DigestFinal_ex(md, b->ctx->trust, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}

#define INVALID_CA "Invalid certificate authority locations"
#define INVALID_DEFAULT_CA "Invalid default certificate authority locations"

/* CA certificates that nobody named for this context. */
static iossl_status
add_default_ca(builder *b, const char *file, const char *path, iossl_error *err)
{
    if (b->config->ca_by_default && file == NULL && path == NULL && !b->config->no_default_ca
        && b->config->cas == NULL) {
        iossl_error_set(err, IOSSL_E_CA, IOSSL_RANK_FATAL,
                        INVALID_DEFAULT_CA ": neither a file nor a folder is named");
        return IOSSL_ERROR;
    }
    if (iossl_castore_add(b->store, file, path, err) == IOSSL_OK)
        return IOSSL_OK;
    iossl_error_reword(err, INVALID_CA, INVALID_DEFAULT_CA);
    return IOSSL_ERROR;
}

static iossl_status
add_ca_files(builder *b, iossl_error *err)
{
    const iossl_config *config = b->config;
    bool verifies = config->verify.mode != IOSSL_VERIFY_NONE;
    char *default_file = NULL, *default_path = NULL;
    const char *file = config->ca_file, *path = config->ca_path;
    iossl_status status = IOSSL_ERROR;
    bool is_default = config->ca_by_default;

    if (!is_default && iossl_config_uses_default_ca(config)) {
        if (iossl_default_ca(&default_file, &default_path, err) != IOSSL_OK)
            goto done;
        file = default_file;
        path = default_path;
        is_default = true;
    }
    if (!digest_trust(b, file, path)) {
        iossl_error_memory(err);
        goto done;
    }
    if (!verifies) {
        /* Wanted only for what else can be checked against them, so their absence is no error. */
        (void)iossl_castore_add(b->store, file, path, NULL);
        status = IOSSL_OK;
    } else if (is_default) {
        status = add_default_ca(b, file, path, err);
    } else if (iossl_castore_check(file, path, err) == IOSSL_OK) {
        status = iossl_castore_add(b->store, file, path, err);
    }
done:
    iossl_free(default_file);
    iossl_free(default_path);
    return status;
}

static iossl_status
build_store(builder *b, iossl_error *err)
{
    const iossl_config *config = b->config;

    if ((b->store = X509_STORE_new()) == NULL
        || !iossl_library_set_store(b->store, config->verify.library)) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    X509_STORE_set_check_issued(b->store, iossl_paths_check_issued);
    for (int i = 0; i < sk_X509_num(config->cas); i++) {
        if (X509_STORE_add_cert(b->store, sk_X509_value(config->cas, i)) != 1) {
            iossl_error_set_openssl(err, IOSSL_E_CA, IOSSL_RANK_FATAL,
                                    "Failed to add certificate to CA store");
            return IOSSL_ERROR;
        }
    }
    if (add_ca_files(b, err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (config->check_crl != IOSSL_CRL_OFF && config->crl_file != NULL)
        return add_crls(b->store, config->crl_file, err);
    return IOSSL_OK;
}

static iossl_status
build_client_ca_names(builder *b, iossl_error *err)
{
    const iossl_config *config = b->config;

    /* Where no client is asked for a certificate, a file that can't be read is no error either. */
    if (config->client_ca_file != NULL
        && (b->client_ca_names = SSL_load_client_CA_file(config->client_ca_file)) == NULL
        && (config->verify.mode & IOSSL_VERIFY_PEER) != 0) {
        iossl_error_set_openssl(err, IOSSL_E_CA, IOSSL_RANK_FATAL,
                                "Failed to load certificate to client CA list: "
                                "SSL_client_ca_file %s", config->client_ca_file);
        return IOSSL_ERROR;
    }
    iossl_error_clear_queue();      /* where the file ended, OpenSSL left "no start line" */
    if (sk_X509_num(config->client_cas) <= 0)
        return IOSSL_OK;
    if (b->client_ca_names == NULL && (b->client_ca_names = sk_X509_NAME_new_null()) == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    for (int i = 0; i < sk_X509_num(config->client_cas); i++) {
        X509_NAME *name = X509_NAME_dup(
            X509_get_subject_name(sk_X509_value(config->client_cas, i)));

        if (name == NULL || sk_X509_NAME_push(b->client_ca_names, name) <= 0) {
            X509_NAME_free(name);
            iossl_error_set_openssl(err, IOSSL_E_CA, IOSSL_RANK_FATAL,
                                    "Failed to add certificate to client CA list");
            return IOSSL_ERROR;
        }
    }
    return IOSSL_OK;
}

static bool
trusts_the_same(const iossl_ctx *a, const iossl_ctx *b)
{
    return memcmp(a->trust, b->trust, sizeof a->trust) == 0;
}

/*
 * OpenSSL's own ticket keys go on to the context that takes another's place, or all clients would need
 * full handshakes. Not where other CAs are trusted now: what they vouched for is over.
 */
static bool
inherit_tickets(const iossl_ctx *ctx, const iossl_ctx *previous)
{
    unsigned char keys[256];
    long len = SSL_CTX_get_tlsext_ticket_keys(ctx->fallback->ssl_ctx, NULL, 0);
    bool ok = true;

    if (ctx->role != IOSSL_SERVER || !trusts_the_same(ctx, previous) || len <= 0
        || (size_t)len > sizeof keys)
        return true;
    ok = SSL_CTX_get_tlsext_ticket_keys(previous->fallback->ssl_ctx, keys, len) == 1
         && SSL_CTX_set_tlsext_ticket_keys(ctx->fallback->ssl_ctx, keys, len) == 1;
    OPENSSL_cleanse(keys, sizeof keys);
    return ok;
}

/* A responder may be down by now, and its last answer is good until its end. */
static void
inherit_staples(const iossl_ctx *ctx, const iossl_ctx *previous)
{
    for (size_t i = 0; i < iossl_strmap_count(ctx->hosts); i++) {
        const host_entry *entry = iossl_strmap_value(ctx->hosts, i);
        const host_entry *old = iossl_strmap_get(previous->hosts, iossl_strmap_key(ctx->hosts, i));

        if (old != NULL)
            iossl_shelf_inherit(entry->shelf, old->shelf);
    }
}

/*
 * A server that verifies clients has to name its set of sessions (SSL_CTX_set_session_id_context(3)),
 * and sessions made under other settings must not resume here: so the name is random by default.
 */
static iossl_status
choose_sid_ctx(const iossl_config *config, iossl_ctx *ctx, const iossl_ctx *previous,
               iossl_error *err)
{
    if (previous != NULL && trusts_the_same(ctx, previous)) {
        memcpy(ctx->id, previous->id, sizeof ctx->id);
    } else if (iossl_compat_random(config->verify.library, ctx->id, sizeof ctx->id) != 1) {
        iossl_error_set_openssl(err, IOSSL_E_SYSTEM, IOSSL_RANK_FATAL,
                                "no random bytes for a session id context");
        return IOSSL_ERROR;
    }
    ctx->sid_ctx_len = config->sid_ctx_len > 0 ? config->sid_ctx_len : sizeof ctx->id;
    memcpy(ctx->sid_ctx, config->sid_ctx_len > 0 ? config->sid_ctx : ctx->id, ctx->sid_ctx_len);
    return IOSSL_OK;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static bool
copy_protocols(iossl_protocols *to, const iossl_protocols *from)
{
    if (from->len == 0)
        return true;
    if ((to->wire = malloc(from->len)) == NULL)
        return false;
    memcpy(to->wire, from->wire, from->len);
    to->len = from->len;
    return true;
}

/* How many answers the cache of a context holds: its servers' chains, for most programs. */
#define OCSP_CACHE_SIZE 100

static bool
make_ocsp_place(iossl_ctx *ctx)
{
    iossl_ocsp_cache *cache = iossl_ocsp_cache_new(OCSP_CACHE_SIZE, NULL);

    if (cache != NULL)
        ctx->ocsp_place = iossl_ocsp_place_new_cache(cache);
    iossl_ocsp_cache_free(cache);
    return ctx->ocsp_place != NULL;
}

static iossl_ctx *
new_empty(const iossl_config *config, iossl_error *err)
{
    iossl_ctx *ctx = calloc(1, sizeof *ctx);

    if (ctx == NULL) {
        iossl_error_memory(err);
        return NULL;
    }
    atomic_init(&ctx->refs, 1);
    atomic_init(&ctx->lacks_staple, false);
    if (pthread_mutex_init(&ctx->dane_lock, NULL) != 0) {
        free(ctx);
        iossl_error_memory(err);
        return NULL;
    }
    ctx->role = config->role;
    ctx->keylog.fd = -1;
    ctx->key_update_bytes = config->key_update_bytes;
    ctx->max_early_data = config->max_early_data;
    ctx->insists_on_early_data = config->insists_on_early_data;
    ctx->wants_ktls = config->wants_ktls;
    if (config->role == IOSSL_SERVER) {
        ctx->host_cb = config->host_cb;
        ctx->host_arg = config->host_arg;
    }
    ctx->is_shaped = config->ssl_ctx_cb != NULL;
    iossl_verify_settings_copy(&ctx->verify, &config->verify);
    if ((ctx->hosts = iossl_strmap_new(free_host_entry)) == NULL
        || !make_ocsp_place(ctx)
        || !copy_protocols(&ctx->alpn, &config->alpn) || !copy_protocols(&ctx->npn, &config->npn)
        || !iossl_tickets_copy(&ctx->tickets, &config->tickets)
        || !iossl_psks_copy(&ctx->psks, &config->psks)) {
        iossl_ctx_free(ctx);
        iossl_error_memory(err);
        return NULL;
    }
    return ctx;
}

iossl_ctx *
iossl_ctx_new(const iossl_config *config, iossl_error *err)
{
    return iossl_ctx_new_after(config, NULL, err);
}

iossl_ctx *
iossl_ctx_new_after(const iossl_config *config, const iossl_ctx *previous, iossl_error *err)
{
    builder b = {.config = config};
    iossl_status status = IOSSL_ERROR;

    if (config == NULL) {       /* making it failed, and err says why */
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FALLBACK, "a context needs a config");
        return NULL;
    }
    if (!iossl_init(err))
        return NULL;
    iossl_error_clear_queue();
    if ((b.ctx = new_empty(config, err)) == NULL)
        return NULL;
    b.identities = iossl_strmap_new(free_identity);
    b.keys = iossl_strmap_new(free_key);
    if (b.identities == NULL || b.keys == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    if (build_store(&b, err) != IOSSL_OK
        || choose_sid_ctx(config, b.ctx, previous, err) != IOSSL_OK
        || iossl_keylog_open(&b.ctx->keylog, &config->keylog, err) != IOSSL_OK
        || build_client_ca_names(&b, err) != IOSSL_OK || add_all_hosts(&b, err) != IOSSL_OK)
        goto done;
    if (previous != NULL && !inherit_tickets(b.ctx, previous)) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "SSL Context init failed");
        goto done;
    }
    if (previous != NULL)
        inherit_staples(b.ctx, previous);
    status = IOSSL_OK;
done:
    iossl_strmap_free(b.identities);
    iossl_strmap_free(b.keys);
    X509_STORE_free(b.store);
    sk_X509_NAME_pop_free(b.client_ca_names, X509_NAME_free);
    iossl_error_clear_queue();
    if (status != IOSSL_OK) {
        iossl_ctx_free(b.ctx);
        b.ctx = NULL;
    }
    return b.ctx;
}

iossl_ctx *
iossl_ctx_new_reloadable(iossl_config *config, int64_t every_s, iossl_error *err)
{
    iossl_reload *reload;
    iossl_ctx *ctx = NULL;

    if (config == NULL)
        return iossl_ctx_new(NULL, err);        /* says so */
    if ((reload = iossl_reload_new(config, every_s, err)) == NULL)
        return NULL;
    if ((ctx = iossl_ctx_new(iossl_reload_begin(reload), err)) == NULL)
        iossl_reload_free(reload);
    else
        ctx->reload = reload;
    return ctx;
}

iossl_ctx *
iossl_ctx_get1_current(iossl_ctx *ctx)
{
    return ctx->reload == NULL ? iossl_ctx_up_ref(ctx) : iossl_reload_get1(ctx->reload, ctx);
}

iossl_status
iossl_ctx_reload(iossl_ctx *ctx, iossl_error *err)
{
    if (ctx->reload != NULL)
        return iossl_reload_now(ctx->reload, ctx, err);
    iossl_error_set(err, IOSSL_E_STATE, IOSSL_RANK_FATAL,
                    "reload: this context was not made to be reloaded; give it SSL_reload, or make it "
                    "with iossl_ctx_new_reloadable()");
    return IOSSL_ERROR;
}

bool
iossl_ctx_take_reload_error(iossl_ctx *ctx, iossl_error *err)
{
    return ctx->reload != NULL && iossl_reload_take_error(ctx->reload, err);
}

static bool
take_missing_staple(iossl_ctx *ctx, iossl_error *err)
{
    bool found = false;

    if (!atomic_exchange(&ctx->lacks_staple, false))
        return false;
    for (size_t i = 0; !found && i < iossl_strmap_count(ctx->hosts); i++) {
        const host_entry *entry = iossl_strmap_value(ctx->hosts, i);

        found = iossl_shelf_take_lack(entry->shelf, err);
    }
    atomic_store(&ctx->lacks_staple, found);        /* there may be others */
    return found;
}

bool
iossl_ctx_take_trouble(iossl_ctx *given, iossl_error *err)
{
    iossl_ctx *ctx = iossl_ctx_get1_current(given);
    bool found = (ctx->tickets.file != NULL && iossl_ticket_file_take_error(ctx->tickets.file, err))
                 || take_missing_staple(ctx, err);

    iossl_ctx_free(ctx);
    return found;
}

iossl_ctx *
iossl_ctx_up_ref(iossl_ctx *ctx)
{
    if (ctx != NULL)
        atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

void
iossl_ctx_free(iossl_ctx *ctx)
{
    if (ctx == NULL || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1)
        return;
    iossl_reload_free(ctx->reload);
    iossl_strmap_free(ctx->hosts);
    iossl_verify_settings_cleanup(&ctx->verify);
    iossl_ocsp_place_free(ctx->ocsp_place);
    free(ctx->alpn.wire);
    free(ctx->npn.wire);
    iossl_tickets_cleanup(&ctx->tickets);
    iossl_psks_cleanup(&ctx->psks);
    iossl_keylog_cleanup(&ctx->keylog);
    (void)pthread_mutex_destroy(&ctx->dane_lock);
    free(ctx);
    iossl_error_clear_queue();  /* freeing an SSL_CTX allocates, and may complain */
}

/* ---- Asking ---------------------------------------------------------------------------------- */

iossl_role
iossl_ctx_get_role(const iossl_ctx *ctx)
{
    return ctx->role;
}

int
iossl_ctx_get_verify_mode(const iossl_ctx *ctx)
{
    return ctx->verify.mode;
}

SSL_CTX *
iossl_ctx_get0_ssl_ctx(const iossl_ctx *ctx)
{
    return ctx->fallback->ssl_ctx;
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

const unsigned char *
iossl_ctx_get0_verified_sid_ctx(const iossl_ctx *ctx, size_t *len)
{
    *len = ctx->sid_ctx_len;
    return ctx->sid_ctx;
}

iossl_status
iossl_ctx_refresh_staples(iossl_ctx *given, int64_t timeout_ms, int64_t *due_s, iossl_error *err)
{
    iossl_ctx *ctx = iossl_ctx_get1_current(given);
    iossl_status status = IOSSL_OK;
    int64_t now = iossl_now_ms();
    int64_t deadline = timeout_ms < 0 ? -1
                       : timeout_ms < INT64_MAX - now ? now + timeout_ms : INT64_MAX;

    ERR_clear_error();
    *due_s = INT64_MAX;
    for (size_t i = 0; i < iossl_strmap_count(ctx->hosts); i++) {
        const host_entry *entry = iossl_strmap_value(ctx->hosts, i);

        if (iossl_shelf_refresh(entry->shelf, deadline, due_s, err) != IOSSL_OK)
            status = IOSSL_ERROR;
    }
    iossl_ctx_free(ctx);
    ERR_clear_error();
    return status;
}

iossl_ocsp_place *
iossl_ctx_get0_ocsp_place(const iossl_ctx *ctx)
{
    return ctx->ocsp_place;
}

iossl_ocsp_cache *
iossl_ctx_get0_ocsp_cache(const iossl_ctx *ctx)
{
    return iossl_ocsp_place_get0_cache(ctx->ocsp_place);
}

const iossl_tickets *
iossl_ctx_get0_tickets(const iossl_ctx *ctx)
{
    return &ctx->tickets;
}

const iossl_psks *
iossl_ctx_get0_psks(const iossl_ctx *ctx)
{
    return &ctx->psks;
}

size_t
iossl_ctx_get_max_early_data(const iossl_ctx *ctx, bool *insists)
{
    *insists = ctx->insists_on_early_data;
    return ctx->max_early_data;
}

bool
iossl_ctx_wants_ktls(const iossl_ctx *ctx)
{
    return ctx->wants_ktls;
}

bool
iossl_ctx_offers_alpn(const iossl_ctx *ctx, const unsigned char *name, size_t len)
{
    for (size_t i = 0; i < ctx->alpn.len; i += 1U + ctx->alpn.wire[i])
        if (ctx->alpn.wire[i] == len && memcmp(ctx->alpn.wire + i + 1, name, len) == 0)
            return true;
    return false;
}

uint64_t
iossl_ctx_get_key_update_bytes(const iossl_ctx *ctx)
{
    return ctx->key_update_bytes;
}

const iossl_keylog *
iossl_ctx_get0_keylog(const iossl_ctx *ctx)
{
    return &ctx->keylog;
}

const iossl_verify_settings *
iossl_ctx_get0_verify_settings(const iossl_ctx *ctx)
{
    return &ctx->verify;
}

const unsigned char *
iossl_ctx_get0_trust(const iossl_ctx *ctx)
{
    return ctx->trust;
}

const unsigned char *
iossl_ctx_get0_id(const iossl_ctx *ctx)
{
    return ctx->id;
}

bool
iossl_ctx_is_shaped(const iossl_ctx *ctx)
{
    return ctx->is_shaped;
}
