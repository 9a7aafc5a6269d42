/*
 * policy.h - named sets of settings, from protocol versions to what a chain has to be.
 */
#ifndef IOSSL_POLICY_H
#define IOSSL_POLICY_H

#include "iossl.h"

typedef struct iossl_policy {
    const char *name;
    const char *versions;           /* as iossl_config_set_version() takes them; NULL: no change */
    const char *ciphers, *ciphersuites, *groups, *sigalgs;  /* as their setters do; NULL: no change */
    int security_level;             /* at least this one, SSL_CTX_set_security_level(3) */
    unsigned long verify_flags;     /* X509_V_FLAG_* beside ours */
    unsigned rules;                 /* IOSSL_RULES_*, see rules.h */
} iossl_policy;

/* NULL: there is none of this name. Constant. */
const iossl_policy *iossl_policy_by_name(const char *name);
/* All names, as "default, strict"; a constant. */
const char *iossl_policy_names(void);

#endif
