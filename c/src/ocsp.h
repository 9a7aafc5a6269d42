/*
 * ocsp.h - one certificate, one response: what is asked, and what the answer says.
 */
#ifndef IOSSL_OCSP_H
#define IOSSL_OCSP_H

#include <openssl/ocsp.h>

#include "iossl.h"
#include "library.h"

/* How long an unusable answer is remembered, in seconds: one without a signature, and one with. */
#define IOSSL_OCSP_RETRY_SOON_S 10
#define IOSSL_OCSP_RETRY_LATER_S 120

/* A certificate whose state is asked for. */
typedef struct iossl_ocsp_subject {
    X509 *cert, *issuer;        /* references */
    OCSP_CERTID *id;            /* owned */
    unsigned char *key;         /* owned: the DER of id, by which caches know the certificate */
    size_t key_len;
    char *name;                 /* owned: the subject on one line */
    const iossl_library *library;   /* a reference */
} iossl_ocsp_subject;

/* False: no memory (or a certificate without what an id is made of, or no SHA-1 in the library);
 * cleaned up then. */
bool iossl_ocsp_subject_init(iossl_ocsp_subject *subject, X509 *cert, X509 *issuer,
                             const iossl_library *library);
void iossl_ocsp_subject_cleanup(iossl_ocsp_subject *subject);

/* The issuer of a certificate among these and in the store (each may be NULL), X509_free() it; NULL
 * where it is unknown, or the certificate is its own, or (*no_memory) it couldn't be looked for. */
X509 *iossl_ocsp_find_issuer(X509 *cert, STACK_OF(X509) *chain, X509_STORE *store,
                             bool *no_memory);
/* Does the store vouch for this certificate, by way of the chain? */
bool iossl_ocsp_is_trusted(X509 *cert, STACK_OF(X509) *chain, X509_STORE *store);
/* The first address of an OCSP responder that the certificate names, http before others;
 * free() it. NULL: none, or *no_memory. */
char *iossl_ocsp_uri(const X509 *cert, bool *no_memory);

/* A response that is being read. */
typedef struct iossl_ocsp_reading {
    OCSP_BASICRESP *basic;      /* owned; NULL where nothing in it can be used */
    X509 *signer;               /* a reference */
    int64_t retry_s;            /* where it can't be used: when to ask again */
    char text[256];             /* and why */
} iossl_ocsp_reading;

/*
 * Opens a response: its own status, its nonce, its signature (but not yet whether the signer may
 * speak for the certificate). True where answers can be looked for.
 *
 * issuers  where the signer is looked for, besides the response.
 * request  with a nonce that the answer has to repeat; NULL: none was sent.
 */
bool iossl_ocsp_open(iossl_ocsp_reading *reading, OCSP_RESPONSE *response,
                     STACK_OF(X509) *issuers, OCSP_REQUEST *request, const iossl_library *library);
void iossl_ocsp_close(iossl_ocsp_reading *reading);

/* What a response says of one certificate; a higher one outweighs a lower one. */
typedef enum {
    IOSSL_ANSWER_NONE,          /* nothing */
    IOSSL_ANSWER_SOFT,          /* nothing that can be relied on */
    IOSSL_ANSWER_GOOD,
    IOSSL_ANSWER_HARD           /* revoked, or unknown to who should know */
} iossl_answer_kind;

typedef struct iossl_ocsp_answer {
    iossl_answer_kind kind;
    iossl_ocsp_entry entry;     /* with NULL for the errors */
    char text[256];             /* with _SOFT and _HARD: why */
} iossl_ocsp_answer;

/* Looks up a certificate in an open response, at this time (seconds since 1970). */
void iossl_ocsp_ask(const iossl_ocsp_reading *reading, const iossl_ocsp_subject *subject,
                    int64_t now, iossl_ocsp_answer *answer);

/* Seconds since 1970, 0 where it isn't given or can't be read. */
int64_t iossl_ocsp_epoch(const ASN1_GENERALIZEDTIME *at);
int64_t iossl_ocsp_now(void);

#endif
