/*
 * config_certs.c - certificates and keys by host, as they were given: files, URIs or handles.
 *
 * Owns      the entries of hosts, with copies and references of what is in them.
 * Promises  nothing is read but to see that files can be; after a refused value the old one stands.
 * Leaves    reading them to certs.c, which of them counts to context_certs.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_parts.h"
#include "error.h"
#include "uri.h"

static void
host_cert_clear_certs(iossl_host_cert *hc)
{
    for (size_t i = 0; i < hc->n_certs; i++)
        X509_free(hc->certs[i]);
    free(hc->certs);
    hc->certs = NULL;
    hc->n_certs = 0;
}

void
iossl_host_cert_free(void *p)
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

/* The entry of a host, made if it isn't there yet; NULL: no memory. */
static iossl_host_cert *
host_cert(iossl_config *config, const char *host, iossl_error *err)
{
    char *key = iossl_config_host_key(host, err);
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
    return iossl_config_keep_string(&hc->cert_file, file, err);
}

iossl_status
iossl_config_add_key_file(iossl_config *config, const char *host, const char *file,
                          iossl_error *err)
{
    iossl_host_cert *hc;

    if (check_loadable(config, "SSL_key_file", file, err) != IOSSL_OK
        || (hc = host_cert(config, host, err)) == NULL)
        return IOSSL_ERROR;
    return iossl_config_keep_string(&hc->key_file, file, err);
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
