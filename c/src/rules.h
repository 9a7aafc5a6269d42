/*
 * rules.h - what a chain has to be beyond what OpenSSL checks: RFC 5280 to the letter, and the
 * rules of the Web PKI.
 */
#ifndef IOSSL_RULES_H
#define IOSSL_RULES_H

#include "iossl.h"

/* Groups of rules, to be combined. */
enum {
    IOSSL_RULES_FORM = 1,   /* versions, serial numbers, extensions that parse, where they belong */
    IOSSL_RULES_KEYS = 2,   /* kinds and sizes of keys */
    IOSSL_RULES_USAGE = 4,  /* extendedKeyUsage, and leaves that are no CA */
    IOSSL_RULES_NAMES = 8,  /* subjectAltNames and constraints; a commonName counts for nothing */
    IOSSL_RULES_ALL = 15
};

/*
 * Hears of a broken rule: the certificate's place in the chain, X509_V_ERR_* (APPLICATION_VERIFICATION
 * where OpenSSL has no code of its own), and the rule in words, a constant. False: stop.
 */
typedef bool (*iossl_rules_report)(void *arg, int depth, int code, const char *text);

/*
 * Holds a chain, leaf first and anchor last, against the rules of these groups; role is that of the
 * one who verifies. True: none was broken, or each report was answered with true.
 */
bool iossl_rules_check(unsigned rules, iossl_role role, STACK_OF(X509) *chain,
                       iossl_rules_report report, void *arg);

#endif
