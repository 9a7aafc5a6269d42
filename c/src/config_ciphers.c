/*
 * config_ciphers.c - ciphers and key exchange: lists of ciphers, groups, signature algorithms, DH.
 *
 * Owns      how a group may be named; copies of all values.
 * Leaves    whether OpenSSL knows what a list names to context_ssl_ctx.c and choices.c.
 * See       SSL_CTX_set_cipher_list(3), SSL_CTX_set1_groups_list(3).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "compat.h"
#include "config_parts.h"
#include "error.h"

/* ---- Ciphers --------------------------------------------------------------------------------- */

static iossl_status
set_host_string(iossl_strmap *map, const char *host, const char *value, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    char *key = iossl_config_host_key(host, err);
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

/* ---- Key exchange ---------------------------------------------------------------------------- */

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
        return iossl_config_keep_string(&config->groups, NULL, err);
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
    status = iossl_config_keep_string(&config->groups, list, err);
done:
    free(copy);
    free(list);
    return status;
}

iossl_status
iossl_config_set_sigalgs(iossl_config *config, const char *sigalgs, iossl_error *err)
{
    return iossl_config_keep_string(&config->sigalgs, sigalgs, err);
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
    return iossl_config_keep_string(&config->dh_file, file, err);
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
