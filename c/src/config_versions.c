/*
 * config_versions.c - which protocol versions: SSL_version, SSL_min_version, SSL_max_version.
 *
 * Owns      the grammar of SSL_version, and the names of versions.
 * Promises  after a refused value the old one stands; what is accepted leaves a version that OpenSSL has.
 * Leaves    what becomes of openssl.cnf's MinProtocol to context_ssl_ctx.c.
 */
#include <string.h>
#include <strings.h>

#include "config.h"
#include "error.h"

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
