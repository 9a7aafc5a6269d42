/*
 * context_hosts.c - the table of hosts: for each name an SSL_CTX with its certificates.
 *
 * Owns      what "host" and "host%tag" come to; which one stands for all; what can't be meant so.
 * Leaves    a certificate itself to context_certs.c, the search in the table to context_sni.c.
 */
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "context_parts.h"
#include "error.h"
#include "ocsp_shelf.h"

/* ---- One host -------------------------------------------------------------------------------- */

void
iossl_ctx_free_host_entry(void *p)
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
    const char *value = iossl_ctx_host_string(map, host);
    char *copy = varies ? strdup(value != NULL ? value : openssl_default) : NULL;

    *ok = *ok && (!varies || copy != NULL);
    return copy;
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
    if (!ok || !iossl_ctx_add_staples(b, host, entry)) {
        iossl_ctx_free_host_entry(entry);
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    if ((entry->ssl_ctx = iossl_ctx_new_ssl_ctx(b, host, entry, err)) == NULL
        || !iossl_strmap_put(b->ctx->hosts, host, entry)) {
        if (entry->ssl_ctx != NULL)
            iossl_error_memory(err);
        iossl_ctx_free_host_entry(entry);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

/* ---- All hosts ------------------------------------------------------------------------------- */

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
    if ((status = iossl_ctx_apply_cert(b, entry->ssl_ctx, hc, err)) == IOSSL_OK)
        status = iossl_ctx_add_to_shelf(b, host, entry, err);
done:
    free(host);
    return status;
}

iossl_status
iossl_ctx_build_hosts(builder *b, iossl_error *err)
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
    if (iossl_ctx_check_staples(b, err) != IOSSL_OK)
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
