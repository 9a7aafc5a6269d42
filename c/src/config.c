/*
 * config.c - what a context will be: every option with its default and its validation.
 *
 * Owns      the grammar of SSL_version, protocol lists and host keys; copies of all values.
 * Promises  after a refused value the old one stands; nothing is read but to see that files can be.
 * Leaves    reading files and talking to OpenSSL to context.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>

#include "ascii.h"
#include "compat.h"
#include "error.h"
#include "ocsp_staple.h"
#include "uri.h"

/* ---- Life ------------------------------------------------------------------------------------ */

static void
host_cert_clear_certs(iossl_host_cert *hc)
{
    for (size_t i = 0; i < hc->n_certs; i++)
        X509_free(hc->certs[i]);
    free(hc->certs);
    hc->certs = NULL;
    hc->n_certs = 0;
}

static void
host_cert_free(void *p)
{
    iossl_host_cert *hc = p;

    if (hc == NULL)
        return;
    free(hc->cert_file);
    free(hc->key_file);
    host_cert_clear_certs(hc);
    EVP_PKEY_free(hc->key);
    free(hc);
}

static void
staple_recipe_free(void *p)
{
    iossl_staple_recipe *recipe = p;

    if (recipe == NULL)
        return;
    free(recipe->file);
    free(recipe->der);
    free(recipe);
}

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
    config->host_certs = iossl_strmap_new(host_cert_free);
    config->staples = iossl_strmap_new(staple_recipe_free);
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
static iossl_status
set_string(char **slot, const char *value, iossl_error *err)
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
static char *
host_key(const char *host, iossl_error *err)
{
    char *key = strdup(host == NULL ? "" : host);

    if (key == NULL)
        iossl_error_memory(err);
    else
        for (char *p = key; *p != '\0'; p++)
            *p = iossl_ascii_lower(*p);
    return key;
}

static iossl_status
set_host_string(iossl_strmap *map, const char *host, const char *value, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    char *key = host_key(host, err);
    char *copy = value == NULL ? NULL : strdup(value);

    if (key == NULL)
        goto done;
    if ((value != NULL && copy == NULL) || !iossl_strmap_put(map, key, copy)) {
        iossl_error_memory(err);
        goto done;
    }
    copy = NULL;
    status = IOSSL_OK;
done:
    free(copy);
    free(key);
    return status;
}

/* Refuses a file that can't be read, naming option and reason; opens nothing, since it may be a pipe. */
static iossl_status
check_readable(const char *option, const char *file, iossl_error *err)
{
    if (faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) == 0)
        return IOSSL_OK;
    iossl_error_set_errno(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL, errno, "%s %s can't be used", option,
                          file);
    return IOSSL_ERROR;
}

/* The same of what may be a URI, too. */
static iossl_status
check_loadable(const iossl_config *config, const char *option, const char *file, iossl_error *err)
{
    return iossl_uri_is(file) ? iossl_uri_check(config->verify.library, option, file, err)
                              : check_readable(option, file, err);
}

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

/* ---- Protocol versions ----------------------------------------------------------------------- */

typedef struct {
    const char *name;
    unsigned bit;           /* 0: a name for all of them, or for one that can't exist */
    bool is_any;
    bool is_supported;
} version_name;

#if defined(OPENSSL_NO_SSL3) || defined(OPENSSL_NO_SSL3_METHOD)
#define HAS_SSL3 false
#else
#define HAS_SSL3 true
#endif

static const version_name VERSIONS[] = {
    {"SSLv23", 0, true, true},
    {"SSLv2/3", 0, true, true},
    {"SSLv2", 0, false, false},
    {"SSLv3", IOSSL_PROTO_SSL3, false, HAS_SSL3},
    {"TLSv1", IOSSL_PROTO_TLS1, false, true},
    {"TLSv1_1", IOSSL_PROTO_TLS1_1, false, true},
    {"TLSv11", IOSSL_PROTO_TLS1_1, false, true},
    {"TLSv1_2", IOSSL_PROTO_TLS1_2, false, true},
    {"TLSv12", IOSSL_PROTO_TLS1_2, false, true},
    {"TLSv1_3", IOSSL_PROTO_TLS1_3, false, true},
    {"TLSv13", IOSSL_PROTO_TLS1_3, false, true},
};

static const version_name *
find_version(const char *token, size_t len)
{
    for (size_t i = 0; i < sizeof VERSIONS / sizeof VERSIONS[0]; i++)
        if (strlen(VERSIONS[i].name) == len && strncasecmp(VERSIONS[i].name, token, len) == 0)
            return &VERSIONS[i];
    return NULL;
}

static iossl_status
bad_version(iossl_error *err, const char *version)
{
    iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                    "invalid SSL_version specified: \"%s\"; known are SSLv23, TLSv1, TLSv1_1, "
                    "TLSv1_2 and TLSv1_3, joined by ':', each with '!' to exclude it", version);
    return IOSSL_ERROR;
}

iossl_status
iossl_config_set_version(iossl_config *config, const char *version, iossl_error *err)
{
    unsigned excluded = 0;
    const version_name *positive = NULL;
    const char *p = version;
    bool is_single;

    if (version == NULL) {
        config->default_versions = config->restricts_versions = config->single_version = false;
        return IOSSL_OK;
    }
    for (;;) {
        size_t len = strcspn(p, ": ");
        bool is_negative = *p == '!';
        const version_name *v;

        if ((v = find_version(p + is_negative, len - is_negative)) == NULL)
            return bad_version(err, version);
        if (is_negative) {
            excluded |= v->bit;
        } else if (positive != NULL) {
            iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                            "cannot set multiple SSL protocols in SSL_version \"%s\"; name one, or "
                            "SSLv23 with '!' before those to exclude", version);
            return IOSSL_ERROR;
        } else {
            positive = v;
        }
        p += len;
        if (*p == '\0')
            break;
        p += strspn(p, " ");
        if (*p++ != ':')
            return bad_version(err, version);
        p += strspn(p, " ");
    }
    if (positive != NULL && !positive->is_supported) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL,
                        "SSL Version %s not supported by %s", positive->name,
                        iossl_openssl_version());
        return IOSSL_ERROR;
    }
    is_single = positive != NULL && !positive->is_any;
    if (is_single)
        excluded |= IOSSL_PROTO_ALL & ~positive->bit;
    if (!HAS_SSL3)
        excluded |= IOSSL_PROTO_SSL3;
    if (!iossl_can(IOSSL_CAN_TLS13))
        excluded |= IOSSL_PROTO_TLS1_3;
    if (excluded == IOSSL_PROTO_ALL) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_version \"%s\" leaves no protocol that %s has", version,
                        iossl_openssl_version());
        return IOSSL_ERROR;
    }
    config->default_versions = false;
    config->restricts_versions = true;
    config->single_version = is_single;
    config->excluded_versions = excluded;
    return IOSSL_OK;
}

/* One version by its name, as its bit; "": no such limit. */
static iossl_status
set_limit(unsigned *limit, const char *option, const char *version, iossl_error *err)
{
    const version_name *v = version == NULL ? NULL : find_version(version, strlen(version));

    if (version != NULL && (v == NULL || v->bit == 0)) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                        "%s \"%s\" is no protocol version; known are TLSv1, TLSv1_1, TLSv1_2 and "
                        "TLSv1_3", option, version);
        return IOSSL_ERROR;
    }
    if (v != NULL && (!v->is_supported
                      || (v->bit == IOSSL_PROTO_TLS1_3 && !iossl_can(IOSSL_CAN_TLS13)))) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL,
                        "SSL Version %s not supported by %s", v->name, iossl_openssl_version());
        return IOSSL_ERROR;
    }
    *limit = v == NULL ? 0 : v->bit;
    return IOSSL_OK;
}

iossl_status
iossl_config_set_min_version(iossl_config *config, const char *version, iossl_error *err)
{
    return set_limit(&config->min_version, "SSL_min_version", version, err);
}

iossl_status
iossl_config_set_max_version(iossl_config *config, const char *version, iossl_error *err)
{
    return set_limit(&config->max_version, "SSL_max_version", version, err);
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

/* ---- Ciphers and key exchange ---------------------------------------------------------------- */

iossl_status
iossl_config_set_cipher_list(iossl_config *config, const char *host, const char *list,
                             iossl_error *err)
{
    return set_host_string(config->cipher_lists, host, list, err);
}

iossl_status
iossl_config_set_ciphersuites(iossl_config *config, const char *host, const char *list,
                              iossl_error *err)
{
    return set_host_string(config->ciphersuites, host, list, err);
}

iossl_status
iossl_config_set_honor_cipher_order(iossl_config *config, bool on, iossl_error *err)
{
    (void)err;
    config->honor_cipher_order = on;
    return IOSSL_OK;
}

/* A group by number (NID) or dotted OID in the name that OpenSSL's list takes; else as it is. */
static const char *
group_name(const char *token)
{
    const char *name = NULL;
    int nid = NID_undef;

    if (token[0] != '\0' && token[strspn(token, "0123456789")] == '\0') {
        long number = strtol(token, NULL, 10);      /* the greatest, where it is greater than that */

        nid = number < INT_MAX ? (int)number : NID_undef;
    } else if (token[0] != '\0' && token[strspn(token, "0123456789.")] == '\0')
        nid = OBJ_txt2nid(token);
    if (nid != NID_undef)
        name = OBJ_nid2sn(nid);
    ERR_clear_error();      /* of what is no OID, too */
    return name != NULL ? name : token;
}

iossl_status
iossl_config_set_groups(iossl_config *config, const char *groups, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    char *copy = NULL, *list = NULL, *rest;
    size_t room, used = 0;

    if (groups == NULL || strcmp(groups, "auto") == 0)
        return set_string(&config->groups, NULL, err);
    room = 64 * (strlen(groups) + 1);       /* no short name is longer than that */
    if ((copy = strdup(groups)) == NULL || (list = malloc(room)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    list[0] = '\0';
    rest = copy;
    for (char *token; (token = strsep(&rest, ":")) != NULL;) {
        bool is_optional = token[0] == '?';
        int n = snprintf(list + used, room - used, "%s%s%s", used > 0 ? ":" : "",
                         is_optional ? "?" : "", group_name(token + is_optional));

        if (n < 0 || (size_t)n >= room - used) {
            iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                            "SSL_groups \"%s\": too long", groups);
            goto done;
        }
        used += (size_t)n;
    }
    status = set_string(&config->groups, list, err);
done:
    free(copy);
    free(list);
    return status;
}

iossl_status
iossl_config_set_sigalgs(iossl_config *config, const char *sigalgs, iossl_error *err)
{
    return set_string(&config->sigalgs, sigalgs, err);
}

static void
take_dh(iossl_config *config, iossl_dh_kind kind, EVP_PKEY *dh)
{
    EVP_PKEY_free(config->dh);
    free(config->dh_file);
    config->dh_file = NULL;
    config->dh = dh;
    config->dh_kind = kind;
}

iossl_status
iossl_config_set_dh_file(iossl_config *config, const char *file, iossl_error *err)
{
    EVP_PKEY *dh = NULL;
    FILE *f = fopen(file, "rb");

    if (f == NULL) {
        iossl_error_set_errno(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, errno,
                              "Failed to open DH file %s", file);
        return IOSSL_ERROR;
    }
    dh = iossl_compat_read_dh_params(f);
    (void)fclose(f);
    if (dh == NULL) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "Failed to read PEM for DH from %s - wrong format?", file);
        return IOSSL_ERROR;
    }
    ERR_clear_error();
    take_dh(config, IOSSL_DH_PARAMETERS, dh);
    return set_string(&config->dh_file, file, err);
}

iossl_status
iossl_config_set_dh(iossl_config *config, void *dh, iossl_error *err)
{
    EVP_PKEY *copy = dh == NULL ? NULL : iossl_compat_pkey_from_dh(dh);

    if (copy == NULL) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "Failed to set DH from SSL_dh");
        return IOSSL_ERROR;
    }
    ERR_clear_error();
    take_dh(config, IOSSL_DH_PARAMETERS, copy);
    return IOSSL_OK;
}

iossl_status
iossl_config_set_dh_auto(iossl_config *config, bool on, iossl_error *err)
{
    (void)err;
    take_dh(config, on ? IOSSL_DH_AUTO : IOSSL_DH_NONE, NULL);
    return IOSSL_OK;
}

/* ---- Certificates ---------------------------------------------------------------------------- */

/* The entry of a host, made if it isn't there yet; NULL: no memory. */
static iossl_host_cert *
host_cert(iossl_config *config, const char *host, iossl_error *err)
{
    char *key = host_key(host, err);
    iossl_host_cert *hc;

    if (key == NULL)
        return NULL;
    if ((hc = iossl_strmap_get(config->host_certs, key)) == NULL
        && ((hc = calloc(1, sizeof *hc)) == NULL
            || !iossl_strmap_put(config->host_certs, key, hc))) {
        free(hc);
        hc = NULL;
        iossl_error_memory(err);
    }
    free(key);
    return hc;
}

iossl_status
iossl_config_add_cert_file(iossl_config *config, const char *host, const char *file,
                           iossl_error *err)
{
    iossl_host_cert *hc;

    if (check_loadable(config, "SSL_cert_file", file, err) != IOSSL_OK
        || (hc = host_cert(config, host, err)) == NULL)
        return IOSSL_ERROR;
    return set_string(&hc->cert_file, file, err);
}

iossl_status
iossl_config_add_key_file(iossl_config *config, const char *host, const char *file,
                          iossl_error *err)
{
    iossl_host_cert *hc;

    if (check_loadable(config, "SSL_key_file", file, err) != IOSSL_OK
        || (hc = host_cert(config, host, err)) == NULL)
        return IOSSL_ERROR;
    return set_string(&hc->key_file, file, err);
}

iossl_status
iossl_config_add_certs(iossl_config *config, const char *host, X509 *const *certs, size_t n,
                       iossl_error *err)
{
    iossl_host_cert *hc = host_cert(config, host, err);
    X509 **copy;

    if (hc == NULL)
        return IOSSL_ERROR;
    if (n == 0 || (copy = calloc(n, sizeof(*copy))) == NULL) {
        iossl_error_memory(n == 0 ? NULL : err);
        iossl_error_set(err, IOSSL_E_CERT, IOSSL_RANK_FATAL,
                        "Failed to use Certificate: SSL_cert holds none");
        return IOSSL_ERROR;
    }
    for (size_t i = 0; i < n; i++) {
        copy[i] = certs[i];
        X509_up_ref(copy[i]);
    }
    host_cert_clear_certs(hc);
    hc->certs = copy;
    hc->n_certs = n;
    return IOSSL_OK;
}

iossl_status
iossl_config_add_key(iossl_config *config, const char *host, EVP_PKEY *key, iossl_error *err)
{
    iossl_host_cert *hc = host_cert(config, host, err);

    if (hc == NULL)
        return IOSSL_ERROR;
    EVP_PKEY_up_ref(key);
    EVP_PKEY_free(hc->key);
    hc->key = key;
    return IOSSL_OK;
}

void
iossl_config_set_passwd_cb(iossl_config *config, iossl_passwd_cb cb, void *arg)
{
    config->passwd_cb = cb;
    config->passwd_arg = arg;
}

/* ---- Trust ----------------------------------------------------------------------------------- */

iossl_status
iossl_config_set_ca_file(iossl_config *config, const char *file, iossl_error *err)
{
    return set_string(&config->ca_file, file, err);
}

iossl_status
iossl_config_set_ca_path(iossl_config *config, const char *path, iossl_error *err)
{
    return set_string(&config->ca_path, path, err);
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

iossl_status
iossl_config_set_client_ca_file(iossl_config *config, const char *file, iossl_error *err)
{
    return set_string(&config->client_ca_file, file, err);
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
    return set_string(&config->crl_file, file, err);
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

bool
iossl_config_uses_default_ca(const iossl_config *config)
{
    return config->ca_file == NULL && config->ca_path == NULL && config->cas == NULL
           && !config->no_default_ca
           && (config->verify.mode != IOSSL_VERIFY_NONE || config->role == IOSSL_CLIENT);
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

/* ---- OCSP ------------------------------------------------------------------------------------ */

iossl_status
iossl_config_set_ocsp_mode(iossl_config *config, int mode, iossl_error *err)
{
    if (iossl_staple_check_mode(mode, err) != IOSSL_OK)
        return IOSSL_ERROR;
    config->verify.ocsp_mode = mode;
    return IOSSL_OK;
}

/* Takes the recipe, also on failure. */
static iossl_status
set_staple(iossl_config *config, const char *host, iossl_staple_recipe *recipe, iossl_error *err)
{
    char *key = host_key(host, err);
    iossl_status status = IOSSL_ERROR;

    if (key != NULL && recipe != NULL && iossl_strmap_put(config->staples, key, recipe))
        status = IOSSL_OK;
    free(key);
    if (status != IOSSL_OK) {
        staple_recipe_free(recipe);
        iossl_error_memory(err);
    }
    return status;
}

iossl_status
iossl_config_set_ocsp_staple_file(iossl_config *config, const char *host, const char *file,
                                  iossl_error *err)
{
    iossl_staple_recipe *recipe = calloc(1, sizeof *recipe);

    if (recipe != NULL && (recipe->file = strdup(file)) == NULL) {
        staple_recipe_free(recipe);
        recipe = NULL;
    }
    return set_staple(config, host, recipe, err);
}

static bool
is_response(const void *der, size_t len)
{
    OCSP_RESPONSE *response = iossl_staple_parse(der, len);
    bool is_one = response != NULL;

    OCSP_RESPONSE_free(response);
    return is_one;
}

iossl_status
iossl_config_set_ocsp_staple(iossl_config *config, const char *host, const void *der, size_t len,
                             iossl_error *err)
{
    iossl_staple_recipe *recipe;

    if (!is_response(der, len)) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "the %zu bytes given to be stapled are no OCSP response in DER", len);
        return IOSSL_ERROR;
    }
    if ((recipe = calloc(1, sizeof *recipe)) != NULL) {
        if ((recipe->der = malloc(len)) == NULL) {
            staple_recipe_free(recipe);
            recipe = NULL;
        } else {
            memcpy(recipe->der, der, len);
            recipe->len = len;
        }
    }
    return set_staple(config, host, recipe, err);
}

iossl_status
iossl_config_set_ocsp_staple_responder(iossl_config *config, const char *uri, int64_t timeout_ms,
                                       iossl_error *err)
{
    char *copy = NULL;

    if (uri != NULL && strncasecmp(uri, "http://", 7) != 0) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_ocsp_staple_responder \"%s\": an address with http:// expected (what "
                        "a responder says is signed)", uri);
        return IOSSL_ERROR;
    }
    if (uri != NULL && (copy = strdup(uri)) == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    free(config->responder.uri);
    config->responder = (iossl_staple_responder){.is_on = true, .uri = copy,
                                                 .timeout_ms = timeout_ms};
    return IOSSL_OK;
}

/* ---- The rest -------------------------------------------------------------------------------- */

static iossl_status
set_protocols(iossl_protocols *slot, const char *option, const char *const *protocols, size_t n,
              iossl_error *err)
{
    unsigned char *wire = NULL;
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        size_t l = strlen(protocols[i]);

        if (l == 0 || l > 255) {
            iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                            "%s: protocol name \"%.32s\" has %zu bytes; 1 to 255 are possible",
                            option, protocols[i], l);
            return IOSSL_ERROR;
        }
        len += l + 1;
    }
    if (len > 65535) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "%s: %zu bytes of protocol names; 65535 are possible", option, len);
        return IOSSL_ERROR;
    }
    if (n > 0) {
        unsigned char *p = wire = malloc(len);

        if (wire == NULL) {
            iossl_error_memory(err);
            return IOSSL_ERROR;
        }
        for (size_t i = 0; i < n; i++) {
            size_t l = strlen(protocols[i]);

            *p++ = (unsigned char)l;
            memcpy(p, protocols[i], l);
            p += l;
        }
    }
    free(slot->wire);
    *slot = (iossl_protocols){.wire = wire, .len = len};
    return IOSSL_OK;
}

iossl_status
iossl_config_set_alpn(iossl_config *config, const char *const *protocols, size_t n,
                      iossl_error *err)
{
    return set_protocols(&config->alpn, "SSL_alpn_protocols", protocols, n, err);
}

iossl_status
iossl_config_set_npn(iossl_config *config, const char *const *protocols, size_t n,
                     iossl_error *err)
{
    if (!iossl_can(IOSSL_CAN_NPN)) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL, "NPN not supported by %s",
                        iossl_openssl_version());
        return IOSSL_ERROR;
    }
    return set_protocols(&config->npn, "SSL_npn_protocols", protocols, n, err);
}

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
               ? IOSSL_ERROR : set_string(&config->scts.log_file, file, err);
}

iossl_status
iossl_config_set_keylog_file(iossl_config *config, const char *file, iossl_error *err)
{
    return set_string(&config->keylog.file, file, err);
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
