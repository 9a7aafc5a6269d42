/*
 * config_ocsp.c - OCSP: what a client asks for, what a server staples and where it gets that.
 *
 * Owns      copies of all values; what may be an address of a responder.
 * Leaves    what a mode means and what a response says to ocsp_staple.c, asking responders to ocsp_shelf.c.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_parts.h"
#include "error.h"
#include "ocsp_staple.h"

void
iossl_staple_recipe_free(void *p)
{
    iossl_staple_recipe *recipe = p;

    if (recipe == NULL)
        return;
    free(recipe->file);
    free(recipe->der);
    free(recipe);
}

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
    char *key = iossl_config_host_key(host, err);
    iossl_status status = IOSSL_ERROR;

    if (key != NULL && recipe != NULL && iossl_strmap_put(config->staples, key, recipe))
        status = IOSSL_OK;
    free(key);
    if (status != IOSSL_OK) {
        iossl_staple_recipe_free(recipe);
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
        iossl_staple_recipe_free(recipe);
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
            iossl_staple_recipe_free(recipe);
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
