/*
 * policy.c - named sets of settings, from protocol versions to what a chain has to be.
 *
 * Owns      the table: a policy is a row, a kind of setting a column.
 * Leaves    applying a row to config.c and context.c, what a rule means to rules.c. Settings that a
 *           program makes after naming a policy win, but for rules, which it can't soften.
 *
 * To add a policy, add a row, and its name to NAMES; to add a kind of setting, a column whose zero
 * changes nothing.
 */
#include "policy.h"

#include <string.h>

#include <openssl/x509_vfy.h>

#include "rules.h"

#define NAMES "default, strict"

static const iossl_policy POLICIES[] = {
    /* What a context is without any. */
    {.name = "default"},
    /* RFC 5280 to the letter, and the Web PKI's rules (CA/Browser Forum) for chains. 112 bits of
     * security is what level 2 means, NIST's least. */
    {.name = "strict",
     .versions = "SSLv23:!SSLv3:!TLSv1:!TLSv1_1",
     .security_level = 2,
     .verify_flags = X509_V_FLAG_X509_STRICT,
     .rules = IOSSL_RULES_ALL},
};

const iossl_policy *
iossl_policy_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof POLICIES / sizeof POLICIES[0]; i++)
        if (strcmp(POLICIES[i].name, name) == 0)
            return &POLICIES[i];
    return NULL;
}

const char *
iossl_policy_names(void)
{
    return NAMES;
}
