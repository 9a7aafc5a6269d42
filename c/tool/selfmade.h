/*
 * selfmade.h - certificates that the tool makes: for cert make, and for serve.
 */
#ifndef TOOL_SELFMADE_H
#define TOOL_SELFMADE_H

#include <iossl.h>

#include "opts.h"

typedef struct selfmade_spec {
    const tool_list *names;         /* host names and addresses; the first one is the subject     */
    const char *subject;            /* "O=Example, CN=x"; NULL: CN of the first name              */
    const char *key;                /* "ec:P-256", "rsa:2048", "ed25519"                          */
    long begins_days, days;         /* from now; how long it lasts                                */
    bool is_ca;
    const char *purpose;            /* "client", "server", ...; NULL: server and client, or CA    */
    X509 *issuer;                   /* NULL: itself                                               */
    EVP_PKEY *issuer_key;
} selfmade_spec;

/* NULL after a complaint. *key is the key that goes with it. */
X509 *selfmade_cert(const selfmade_spec *spec, EVP_PKEY **key);

#endif
