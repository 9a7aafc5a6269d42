/*
 * policy.c - named sets of settings, from protocol versions to what a chain has to be.
 *
 * Owns      the table: a policy is a row, a kind of setting a column.
 * Leaves    applying a row to config.c and context_ssl_ctx.c, what a rule means to rules.c. Settings that a
 *           program makes after naming a policy win, but for rules, which it can't soften.
 *
 * What a dated policy allows never changes: a new year's gets a row of its own, and NEWEST its name.
 *
 * To add a policy, add a row, and its name to NAMES; to add a kind of setting, a column whose zero
 * changes nothing.
 */
#include "policy.h"

#include <string.h>

#include <openssl/x509_vfy.h>

#include "rules.h"

#define NAMES "default, strict, modern, modern-2026, compatible, compatible-2026"

/* What both policies of 2026 have. Certificates are signed by RSA with PKCS#1 yet, so it stays in the
 * list; TLS 1.3 doesn't use it for itself. */
#define SUITES_2026                                                                                \
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define GROUPS_2026 "?X25519MLKEM768:X25519:P-256:P-384"
#define SIGALGS_2026                                                                               \
    "ECDSA+SHA256:ECDSA+SHA384:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"               \
    "RSA+SHA256:RSA+SHA384:RSA+SHA512"

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
    /* For both sides under one's own control, and for browsers. */
    {.name = "modern-2026",
     .versions = "TLSv1_3",
     .ciphersuites = SUITES_2026,
     .groups = GROUPS_2026,
     .sigalgs = SIGALGS_2026,
     .security_level = 2},
    /* For all that is maintained: with forward secrecy and authenticated encryption. */
    {.name = "compatible-2026",
     .versions = "SSLv23:!SSLv3:!TLSv1:!TLSv1_1",
     .ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK",
     .ciphersuites = SUITES_2026,
     .groups = GROUPS_2026,
     .sigalgs = SIGALGS_2026,
     .security_level = 2},
};

/* Names without a date are the newest of their kind. */
static const struct {
    const char *name, *now;
} NEWEST[] = {{"modern", "modern-2026"}, {"compatible", "compatible-2026"}};

const iossl_policy *
iossl_policy_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof NEWEST / sizeof NEWEST[0]; i++)
        if (strcmp(NEWEST[i].name, name) == 0)
            name = NEWEST[i].now;
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
