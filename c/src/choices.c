/*
 * choices.c - lists of groups and signature algorithms, of which this OpenSSL may not know all.
 *
 * Owns      the grammar "A:?B:C": B where there is such a thing.
 * Promises  what isn't marked so has to be known; the order of a list stays.
 * Leaves    names to OpenSSL: what one is, is found out by trying it.
 * See       SSL_CTX_set1_groups_list(3), SSL_CTX_set1_sigalgs_list(3); from 3.3 on OpenSSL has the "?"
 *           of groups itself.
 */
#include "choices.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "error.h"
#include "init.h"

typedef bool (*set_fn)(SSL_CTX *ssl_ctx, const char *list);

static bool
set_groups(SSL_CTX *ssl_ctx, const char *list)
{
    return SSL_CTX_set1_groups_list(ssl_ctx, list) == 1;
}

static bool
set_sigalgs(SSL_CTX *ssl_ctx, const char *list)
{
    return SSL_CTX_set1_sigalgs_list(ssl_ctx, list) == 1;
}

/* Does OpenSSL take this one by itself? Leaves no error. */
static bool
is_known(SSL_CTX *ssl_ctx, const char *name, set_fn set)
{
    bool known;

    (void)ERR_set_mark();
    known = set(ssl_ctx, name);
    (void)ERR_pop_to_mark();
    return known;
}

/* what: the option and what it lists, for errors. */
static iossl_status
set_list(SSL_CTX *ssl_ctx, const char *list, const char *what, set_fn set, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    char *copy = strdup(list), *kept = calloc(1, strlen(list) + 2), *rest = copy, *name;
    const char *bad = NULL;

    if (copy == NULL || kept == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    while ((name = strsep(&rest, ":")) != NULL) {
        bool is_optional = name[0] == '?';

        if (is_optional && !is_known(ssl_ctx, name + 1, set))
            continue;
        if (!is_optional && bad == NULL && !is_known(ssl_ctx, name, set))
            bad = name;
        if (kept[0] != '\0')
            strcat(kept, ":");
        strcat(kept, name + is_optional);
    }
    if (bad != NULL)
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "failed to set %s \"%s\": %s doesn't know \"%s\"; with a \"?\" before it, it "
                        "is left out", what, list, iossl_openssl_version(), bad);
    else if (kept[0] == '\0')
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL,
                        "failed to set %s \"%s\": %s knows none of them", what, list,
                        iossl_openssl_version());
    else if (!set(ssl_ctx, kept))
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "failed to set %s \"%s\"",
                                what, list);
    else
        status = IOSSL_OK;
done:
    free(copy);
    free(kept);
    return status;
}

iossl_status
iossl_choices_set_groups(SSL_CTX *ssl_ctx, const char *list, iossl_error *err)
{
    return set_list(ssl_ctx, list, "ECDH groups/curves on context: SSL_groups (SSL_ecdh_curve)",
                    set_groups, err);
}

iossl_status
iossl_choices_set_sigalgs(SSL_CTX *ssl_ctx, const char *list, iossl_error *err)
{
    return set_list(ssl_ctx, list, "signature algorithms: SSL_sigalgs", set_sigalgs, err);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static bool
can(const char *name, set_fn set)
{
    SSL_CTX *ssl_ctx = iossl_init(NULL) ? SSL_CTX_new(TLS_method()) : NULL;
    bool known = ssl_ctx != NULL && name[0] != '\0' && strpbrk(name, ":?") == NULL
                 && is_known(ssl_ctx, name, set);

    SSL_CTX_free(ssl_ctx);
    iossl_error_clear_queue();
    return known;
}

bool
iossl_can_group(const char *name)
{
    return can(name, set_groups);
}

bool
iossl_can_sigalg(const char *name)
{
    return can(name, set_sigalgs);
}
