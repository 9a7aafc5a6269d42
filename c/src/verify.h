/*
 * verify.h - who the peer is: settings, and one verdict per handshake.
 */
#ifndef IOSSL_VERIFY_H
#define IOSSL_VERIFY_H

#include "dane.h"
#include "iossl.h"
#include "library.h"
#include "paths.h"
#include "rules.h"

/* What a context gives its connections to start with. A plain value but for the pins. */
typedef struct iossl_verify_settings {
    int mode;                   /* IOSSL_VERIFY_* */
    iossl_scheme scheme;
    const iossl_psl *psl;       /* borrowed: outlives the context */
    iossl_pins *pins;           /* owned reference, NULL: none */
    bool require_pin;
    iossl_tlsa *tlsa;           /* owned reference, NULL: none */
    bool require_name;
    int ocsp_mode;              /* IOSSL_OCSP_*, see ocsp_staple.h */
    unsigned rules;             /* IOSSL_RULES_* */
    const iossl_library *library;   /* owned reference: what it is all done by */
} iossl_verify_settings;

void iossl_verify_settings_init(iossl_verify_settings *settings, iossl_role role);
void iossl_verify_settings_copy(iossl_verify_settings *to, const iossl_verify_settings *from);
void iossl_verify_settings_cleanup(iossl_verify_settings *settings);
/* Setters shared by config and connection. */
iossl_status iossl_verify_settings_set_mode(iossl_verify_settings *settings, int mode,
                                            iossl_error *err);
void iossl_verify_settings_set_pins(iossl_verify_settings *settings, iossl_pins *pins,
                                    bool require);

/* Takes a reference; NULL: none. */
iossl_status iossl_verify_settings_set_tlsa(iossl_verify_settings *settings, iossl_tlsa *tlsa,
                                            iossl_error *err);

/* One verification: of a handshake, or of a chain by itself. */
typedef struct iossl_verifier {
    iossl_verify_settings settings;
    iossl_role role;            /* of the one who verifies */
    char *name;                 /* owned; NULL: not known */
    char name_source[64];       /* where the program had it from; "": not told */
    iossl_verify_cb cb;
    void *cb_arg;

    /* The verdict; reset by iossl_verifier_begin(). */
    X509 *accepted;             /* the leaf that passed all that was asked; a reference */
    bool name_verified;
    bool is_overruled;          /* the program's callback let pass what OpenSSL refused */
    iossl_error *cause;         /* owned; why it was refused */
    const char *broken_rule;    /* a constant: what the error is about; NULL: OpenSSL knows */
    X509_STORE_CTX_verify_fn check_signatures;  /* OpenSSL's own, after the rules */
    iossl_paths_cost cost;      /* of looking for other paths than OpenSSL's first */
    STACK_OF(X509) *refused;    /* owned; the chain as sent, where it was refused */
} iossl_verifier;

/* False: no memory. */
bool iossl_verifier_init(iossl_verifier *v, iossl_role role, const iossl_verify_settings *settings);
void iossl_verifier_cleanup(iossl_verifier *v);
void iossl_verifier_begin(iossl_verifier *v);

/* For SSL_set_verify(3); finds the verifier through the SSL's connection. */
int iossl_verify_callback(int ok, X509_STORE_CTX *store_ctx);
/* For SSL_CTX_set_cert_verify_callback(3): as X509_verify_cert(3), but tries other paths too. */
int iossl_verify_cert(X509_STORE_CTX *store_ctx, void *unused);

/*
 * After a handshake, where the callback may not have run (resumption, anonymous ciphers): is there
 * a verified peer all the same? leaf may be NULL. has_psk: the peer proved a pre-shared key.
 */
bool iossl_verifier_finish(iossl_verifier *v, SSL *ssl, X509 *leaf, bool has_psk);

/*
 * Is the leaf that a session was made with out of its time by now? Then a session vouches for nobody any
 * more, and only a full handshake does. leaf may be NULL; false where a full handshake wouldn't mind.
 */
bool iossl_verifier_is_leaf_over(const iossl_verifier *v, SSL *ssl, const X509 *leaf);

/* The leaf by itself, name and pins, as after a chain was found good; chain: as verified, or NULL.
 * False: cause says why. */
bool iossl_verifier_check_leaf(iossl_verifier *v, X509 *leaf, const STACK_OF(X509) *chain);

/* Is this leaf one of those that the program named by their fingerprints? leaf may be NULL. */
bool iossl_verifier_is_pinned(const iossl_verifier *v, const X509 *leaf);

/* A verification as a handshake on this SSL_CTX would make it, without callbacks. at 0: now. NULL: no
 * memory. */
X509_STORE_CTX *iossl_verify_store_ctx_new(SSL_CTX *ssl_ctx, iossl_role role, X509 *leaf,
                                           STACK_OF(X509) *chain, int64_t at);

#endif
