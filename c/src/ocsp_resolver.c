/*
 * ocsp_resolver.c - asks the responders of a chain, and sums up what they answer.
 *
 * Owns      which certificates are asked about, one request for each responder, the sentences of
 *           hard and soft errors.
 * Promises  "" as the hard error is said only when nothing is open; after a hard error nothing is
 *           open any more. Each answer closes at least one question or ends its responder's turn,
 *           so asking comes to an end.
 * Leaves    what a response says to ocsp.c, keeping it to ocsp_cache.c, HTTP to ocsp_http.c or the
 *           program.
 * See       RFC 6960, RFC 5019.
 */
#include "iossl.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "compat.h"
#include "conn.h"
#include "context.h"
#include "deadline.h"
#include "error.h"
#include "ocsp.h"
#include "ocsp_cache.h"
#include "ocsp_http.h"
#include "ocsp_staple.h"

/* What RFC 9654 section 2.1 asks of clients, and the most that RFC 8954 allows. */
#define NONCE_SIZE 32

/* A certificate, and where it stands. */
typedef struct {
    iossl_ocsp_subject subject;
    char *uri;                  /* owned */
    bool is_trusted;            /* its issuer is */
    bool is_open;               /* to be asked about */
} question;

/* What one responder is asked: all open questions with its uri. */
typedef struct {
    const char *uri;            /* borrowed of a question */
    OCSP_REQUEST *request;
    unsigned char *der;
    size_t len;
} request;

struct iossl_ocsp_resolver {
    question *questions;
    size_t n_questions;
    request *requests;          /* room for as many as there are questions */
    size_t n_requests;
    const iossl_library *library;   /* a reference */
    STACK_OF(X509) *pool;       /* where issuers and signers are looked for; owned references */
    iossl_ocsp_place *place;    /* a reference */
    bool fails_hard, sends_nonce;
    bool is_out_of_memory;      /* a sentence, or a request, couldn't be made */
    char *hard;                 /* owned; NULL: none */
    char *soft;
};

/* ---- Sentences ------------------------------------------------------------------------------- */

static void close_all(iossl_ocsp_resolver *r);

/* Adds to a list separated by this; what can't be said is a hard error of its own. */
IOSSL_PRINTF(4, 5) static void
append(iossl_ocsp_resolver *r, char **slot, const char *separator, const char *fmt, ...)
{
    size_t old = *slot == NULL ? 0 : strlen(*slot) + strlen(separator);
    va_list args;
    char *text;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || (text = malloc(old + (size_t)n + 1)) == NULL) {
        r->is_out_of_memory = true;
        close_all(r);
        return;
    }
    if (*slot != NULL)
        (void)snprintf(text, old + 1, "%s%s", *slot, separator);
    va_start(args, fmt);
    (void)vsnprintf(text + old, (size_t)n + 1, fmt, args);
    va_end(args);
    free(*slot);
    *slot = text;
}

static void
fail(iossl_ocsp_resolver *r, const char *uri, const char *text, const char *name)
{
    if (r->hard == NULL)
        append(r, &r->hard, "", "%s: %s; subject: %s", uri, text, name);
    close_all(r);
}

/* An answer that can't be relied on. */
static void
complain(iossl_ocsp_resolver *r, const char *uri, const char *text, const char *name)
{
    if (r->fails_hard)
        fail(r, uri, text, name);
    else
        append(r, &r->soft, "; ", "%s: %s; subject: %s", uri, text, name);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void
request_cleanup(request *q)
{
    OCSP_REQUEST_free(q->request);
    OPENSSL_free(q->der);
    *q = (request){0};
}

static void
close_all(iossl_ocsp_resolver *r)
{
    for (size_t i = 0; i < r->n_requests; i++)
        request_cleanup(&r->requests[i]);
    r->n_requests = 0;
    for (size_t i = 0; i < r->n_questions; i++)
        r->questions[i].is_open = false;
}

static bool
is_asked(const question *q, const char *uri)
{
    return q->is_open && strcmp(q->uri, uri) == 0;
}

/* Fills in a request for the open questions of its uri; false: no memory. */
static bool
request_make(const iossl_ocsp_resolver *r, request *q)
{
    unsigned char nonce[NONCE_SIZE];
    int len;

    OCSP_REQUEST_free(q->request);
    OPENSSL_free(q->der);
    q->der = NULL;
    if ((q->request = OCSP_REQUEST_new()) == NULL)
        return false;
    for (size_t i = 0; i < r->n_questions; i++) {
        OCSP_CERTID *id;

        if (!is_asked(&r->questions[i], q->uri))
            continue;
        if ((id = OCSP_CERTID_dup(r->questions[i].subject.id)) == NULL
            || OCSP_request_add0_id(q->request, id) == NULL) {
            OCSP_CERTID_free(id);
            return false;
        }
    }
    if (r->sends_nonce
        && (iossl_compat_random(r->library, nonce, sizeof nonce) != 1
            || OCSP_request_add1_nonce(q->request, nonce, sizeof nonce) != 1))
        return false;
    if ((len = i2d_OCSP_REQUEST(q->request, &q->der)) <= 0)
        return false;
    q->len = (size_t)len;
    return true;
}

static request *
find_request(const iossl_ocsp_resolver *r, const char *uri)
{
    for (size_t i = 0; i < r->n_requests; i++)
        if (strcmp(r->requests[i].uri, uri) == 0)
            return &r->requests[i];
    return NULL;
}

static void
remove_request(iossl_ocsp_resolver *r, request *q)
{
    size_t i = (size_t)(q - r->requests);

    for (size_t k = 0; k < r->n_questions; k++)
        if (is_asked(&r->questions[k], q->uri))
            r->questions[k].is_open = false;
    request_cleanup(q);
    memmove(q, q + 1, (r->n_requests - i - 1) * sizeof *q);
    r->n_requests--;
}

/* One request for each responder of the open questions, in their order. */
static bool
make_requests(iossl_ocsp_resolver *r)
{
    for (size_t i = 0; i < r->n_questions; i++) {
        const question *q = &r->questions[i];

        if (!q->is_open || find_request(r, q->uri) != NULL)
            continue;
        r->requests[r->n_requests] = (request){.uri = q->uri};
        if (!request_make(r, &r->requests[r->n_requests++]))
            return false;
    }
    return true;
}

/* ---- Making one ------------------------------------------------------------------------------ */

/* What the cache knows of a certificate. */
typedef struct {
    iossl_ocsp_resolver *resolver;
    const char *name;
} known;

static void
take_known(void *to, const iossl_ocsp_entry *entry)
{
    const known *k = to;
    iossl_ocsp_resolver *r = k->resolver;
    const char *hard = entry->hard_error;

    if (hard == NULL && entry->status != IOSSL_OCSP_STATUS_GOOD
        && entry->status != IOSSL_OCSP_STATUS_NONE)
        hard = entry->status == IOSSL_OCSP_STATUS_REVOKED ? "certificate status is revoked"
                                                          : "certificate status is unknown";
    if (hard == NULL && r->fails_hard)
        hard = entry->soft_error;
    if (hard != NULL && r->hard == NULL)
        append(r, &r->hard, "", "%s; subject: %s", hard, k->name);
    else if (hard == NULL && entry->soft_error != NULL)
        append(r, &r->soft, "; ", "%s; subject: %s", entry->soft_error, k->name);
}

/* Notes what can't be asked, whatever the mode: it is no answer of a responder. */
static void
note_unaskable(iossl_ocsp_resolver *r, X509 *cert, bool has_uri)
{
    char *name = iossl_cert_subject(cert);

    if (name == NULL)
        r->is_out_of_memory = true;
    else if (!has_uri)
        append(r, &r->soft, "; ", "no ocsp_uri for %s", name);
    else
        append(r, &r->soft, "; ", "no certid for %s: %s", name,
               X509_check_issued(cert, cert) == X509_V_OK ? "it is its own issuer"
                                                          : "its issuer isn't known");
    iossl_free(name);
}

static bool
contains(STACK_OF(X509) *certs, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
            return true;
    return false;
}

/* One certificate: known already, to be asked about, or neither. False: no memory. */
static bool
add_question(iossl_ocsp_resolver *r, X509 *cert, STACK_OF(X509) *verified, X509_STORE *store)
{
    question *q = &r->questions[r->n_questions];
    bool lost_issuer, lost_uri;
    X509 *issuer = iossl_ocsp_find_issuer(cert, r->pool, store, &lost_issuer);
    known k = {.resolver = r};

    *q = (question){.uri = iossl_ocsp_uri(cert, &lost_uri)};
    r->is_out_of_memory = r->is_out_of_memory || lost_issuer || lost_uri;
    if (issuer == NULL) {
        note_unaskable(r, cert, q->uri != NULL);
        free(q->uri);
        return !r->is_out_of_memory;
    }
    if (!iossl_ocsp_subject_init(&q->subject, cert, issuer, r->library)
        || sk_X509_push(r->pool, issuer) <= 0) {
        iossl_ocsp_subject_cleanup(&q->subject);
        free(q->uri);
        X509_free(issuer);
        return false;
    }
    r->n_questions++;
    q->is_trusted = contains(verified, issuer) || iossl_ocsp_is_trusted(issuer, r->pool, store);
    k.name = q->subject.name;
    if (iossl_ocsp_place_get(r->place, &q->subject, take_known, &k))
        return !r->is_out_of_memory;
    if (q->uri == NULL)
        note_unaskable(r, cert, false);
    else
        q->is_open = true;
    return !r->is_out_of_memory;
}

/* What a resolver is made from; nothing is owned. */
typedef struct {
    int mode;
    iossl_ocsp_place *place;
    X509_STORE *store;
    STACK_OF(X509) *chain;      /* leaf first */
    bool is_verified;           /* the chain is, up to its last, the trust anchor */
    X509 *const *certs;         /* what is asked about, besides... */
    size_t n;
} plan;

/* How many of the chain are asked about: nobody can revoke a trust anchor this way. */
static size_t
count_asked(const plan *p)
{
    int n = sk_X509_num(p->chain);

    if ((p->mode & IOSSL_OCSP_FULL_CHAIN) == 0 || n <= 1)
        return n > 0 ? 1 : 0;
    if (p->is_verified || X509_check_issued(sk_X509_value(p->chain, n - 1),
                                            sk_X509_value(p->chain, n - 1)) == X509_V_OK)
        n--;
    return (size_t)n;
}

static bool
fill(iossl_ocsp_resolver *r, const plan *p, size_t n)
{
    r->library = iossl_library_up_ref(iossl_library_of_store(p->store));
    if ((r->pool = p->chain == NULL ? sk_X509_new_null() : X509_chain_up_ref(p->chain)) == NULL)
        return false;
    for (size_t i = 0; i < p->n; i++) {
        if (sk_X509_push(r->pool, p->certs[i]) <= 0)
            return false;
        X509_up_ref(p->certs[i]);
    }
    for (size_t i = 0; i < n; i++)
        if (!add_question(r, p->n > 0 ? p->certs[i] : sk_X509_value(p->chain, (int)i),
                          p->is_verified ? p->chain : NULL, p->store))
            return false;
    if (r->hard != NULL)
        close_all(r);
    return make_requests(r);
}

static iossl_ocsp_resolver *
resolver_new(const plan *p, iossl_error *err)
{
    iossl_ocsp_resolver *r = NULL;
    size_t n = p->n > 0 ? p->n : count_asked(p);

    if (n == 0) {
        iossl_error_set(err, IOSSL_E_STATE, IOSSL_RANK_IO,
                        "nothing to ask OCSP responders about: the peer has sent no certificate");
        goto done;
    }
    if ((r = calloc(1, sizeof *r)) == NULL
        || (r->questions = calloc(n, sizeof *r->questions)) == NULL
        || (r->requests = calloc(n, sizeof *r->requests)) == NULL)
        goto no_memory;
    r->place = iossl_ocsp_place_up_ref(p->place);
    r->fails_hard = (p->mode & IOSSL_OCSP_FAIL_HARD) != 0;
    if (fill(r, p, n))
        goto done;
no_memory:
    iossl_ocsp_resolver_free(r);
    r = NULL;
    iossl_error_memory(err);
done:
    ERR_clear_error();
    return r;
}

/* The leaf and what came with it, each with a reference; NULL: no memory. */
static STACK_OF(X509) *
chain_with_leaf(X509 *leaf, STACK_OF(X509) *rest)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool ok = chain != NULL && sk_X509_push(chain, leaf) > 0;

    if (ok)
        X509_up_ref(leaf);
    for (int i = 0; ok && i < sk_X509_num(rest); i++) {
        X509 *cert = sk_X509_value(rest, i);

        if (X509_cmp(cert, leaf) == 0)
            continue;           /* a client's view of the chain begins with it */
        if ((ok = sk_X509_push(chain, cert) > 0))
            X509_up_ref(cert);
    }
    if (!ok) {
        sk_X509_pop_free(chain, X509_free);
        chain = NULL;
    }
    return chain;
}

iossl_ocsp_resolver *
iossl_ocsp_resolver_new(iossl_conn *conn, X509 *const *certs, size_t n, iossl_error *err)
{
    SSL *ssl = iossl_conn_get0_ssl(conn);
    X509 *leaf = iossl_conn_get1_peer_cert(conn);
    STACK_OF(X509) *verified = SSL_get0_verified_chain(ssl), *as_sent = NULL;
    iossl_ocsp_resolver *r = NULL;
    plan p = {.mode = iossl_staple_mode(&iossl_conn_get0_verifier(conn)->settings),
              .place = iossl_conn_get0_ocsp_place(conn),
              .store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)),
              .chain = verified,
              .is_verified = verified != NULL && SSL_get_verify_result(ssl) == X509_V_OK,
              .certs = certs,
              .n = n};

    ERR_clear_error();
    if (!p.is_verified) {
        p.chain = NULL;
        if (leaf != NULL) {
            if ((as_sent = chain_with_leaf(leaf, SSL_get_peer_cert_chain(ssl))) == NULL) {
                iossl_error_memory(err);
                goto done;
            }
            p.chain = as_sent;
        }
    }
    r = resolver_new(&p, err);
done:
    sk_X509_pop_free(as_sent, X509_free);
    X509_free(leaf);
    return r;
}

iossl_ocsp_resolver *
iossl_ocsp_resolver_new_for_chain(iossl_ctx *given, int mode, X509 *leaf, STACK_OF(X509) *chain,
                                  iossl_error *err)
{
    STACK_OF(X509) *all = NULL;
    iossl_ocsp_resolver *r = NULL;
    iossl_ctx *ctx = iossl_ctx_get1_current(given);
    plan p = {.mode = mode == IOSSL_OCSP_DEFAULT ? 0 : mode,
              .place = iossl_ctx_get0_ocsp_place(given),      /* which may be the program's */
              .store = SSL_CTX_get_cert_store(iossl_ctx_get0_ssl_ctx(ctx))};

    ERR_clear_error();
    if (iossl_staple_check_mode(mode, err) != IOSSL_OK)
        goto done;
    if ((all = chain_with_leaf(leaf, chain)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    p.chain = all;
    r = resolver_new(&p, err);
done:
    sk_X509_pop_free(all, X509_free);
    iossl_ctx_free(ctx);
    return r;
}

void
iossl_ocsp_resolver_free(iossl_ocsp_resolver *r)
{
    if (r == NULL)
        return;
    close_all(r);
    for (size_t i = 0; i < r->n_questions; i++) {
        iossl_ocsp_subject_cleanup(&r->questions[i].subject);
        free(r->questions[i].uri);
    }
    free(r->questions);
    free(r->requests);
    sk_X509_pop_free(r->pool, X509_free);
    iossl_library_free(r->library);
    iossl_ocsp_place_free(r->place);
    free(r->hard);
    free(r->soft);
    free(r);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

iossl_status
iossl_ocsp_resolver_set_nonce(iossl_ocsp_resolver *r, bool on, iossl_error *err)
{
    iossl_status status = IOSSL_OK;

    ERR_clear_error();
    r->sends_nonce = on;
    for (size_t i = 0; i < r->n_requests && status == IOSSL_OK; i++) {
        if (!request_make(r, &r->requests[i])) {
            iossl_error_memory(err);
            r->is_out_of_memory = true;
            close_all(r);
            status = IOSSL_ERROR;
        }
    }
    return status;
}

bool
iossl_ocsp_resolver_get_request(const iossl_ocsp_resolver *r, size_t i, const char **uri,
                                const unsigned char **der, size_t *len)
{
    bool is_there = i < r->n_requests;

    *uri = is_there ? r->requests[i].uri : NULL;
    *der = is_there ? r->requests[i].der : NULL;
    *len = is_there ? r->requests[i].len : 0;
    return is_there;
}

const char *
iossl_ocsp_resolver_hard_error(const iossl_ocsp_resolver *r)
{
    if (r->hard != NULL)
        return r->hard;
    if (r->is_out_of_memory)
        return "out of memory";
    return r->n_requests > 0 ? NULL : "";
}

const char *
iossl_ocsp_resolver_soft_error(const iossl_ocsp_resolver *r)
{
    return r->soft;
}

/* ---- Answers --------------------------------------------------------------------------------- */

/* No open question of this responder can be answered: they are closed, and it is remembered. */
static void
refuse_all(iossl_ocsp_resolver *r, const char *uri, const char *text, int64_t retry_s)
{
    const iossl_ocsp_entry facts = {.status = IOSSL_OCSP_STATUS_NONE, .reason = -1,
                                    .expires = iossl_ocsp_now() + retry_s};
    char *names = NULL;

    for (size_t i = 0; i < r->n_questions; i++) {
        question *q = &r->questions[i];

        if (!is_asked(q, uri))
            continue;
        iossl_ocsp_place_put(r->place, &q->subject, &facts, NULL, text);
        append(r, &names, ", ", "%s", q->subject.name);
    }
    if (names != NULL)
        complain(r, uri, text, names);
    free(names);
}

/* One certificate in an open response. True: it is answered, one way or the other. */
static bool
take_answer(iossl_ocsp_resolver *r, const char *uri, question *q,
            const iossl_ocsp_reading *reading)
{
    iossl_ocsp_answer answer;
    const char *name = q->subject.name;

    iossl_ocsp_ask(reading, &q->subject, iossl_ocsp_now(), &answer);
    if (answer.kind != IOSSL_ANSWER_NONE && !q->is_trusted) {
        answer.kind = IOSSL_ANSWER_SOFT;
        answer.entry = (iossl_ocsp_entry){
            .status = IOSSL_OCSP_STATUS_NONE, .reason = -1,
            .expires = iossl_ocsp_now() + IOSSL_OCSP_RETRY_LATER_S};
        (void)snprintf(answer.text, sizeof answer.text,
                       "failed to verify OCSP response: the issuer of the certificate isn't "
                       "trusted");
    }
    switch (answer.kind) {
    case IOSSL_ANSWER_NONE:
        return false;
    case IOSSL_ANSWER_SOFT:
        q->is_open = false;
        if (q->is_trusted)      /* another context may trust the issuer */
            iossl_ocsp_place_put(r->place, &q->subject, &answer.entry, NULL, answer.text);
        complain(r, uri, answer.text, name);
        break;
    case IOSSL_ANSWER_GOOD:
        q->is_open = false;
        iossl_ocsp_place_put(r->place, &q->subject, &answer.entry, NULL, NULL);
        break;
    case IOSSL_ANSWER_HARD:
        q->is_open = false;
        iossl_ocsp_place_put(r->place, &q->subject, &answer.entry, answer.text, NULL);
        fail(r, uri, answer.text, name);
        break;
    }
    return true;
}

/* All certificates that this responder was asked about. */
static void
take_answers(iossl_ocsp_resolver *r, const char *uri, const iossl_ocsp_reading *reading)
{
    size_t answered = 0, open = 0;
    request *q;

    for (size_t i = 0; i < r->n_questions; i++) {
        if (!is_asked(&r->questions[i], uri))
            continue;
        if (take_answer(r, uri, &r->questions[i], reading))
            answered++;
        else
            open++;
    }
    if (find_request(r, uri) == NULL)
        return;                 /* a hard error has closed everything */
    if (answered == 0)
        refuse_all(r, uri, "no data in response", IOSSL_OCSP_RETRY_LATER_S);
    if ((q = find_request(r, uri)) == NULL)
        return;
    if (answered == 0 || open == 0) {
        remove_request(r, q);
    } else if (!request_make(r, q)) {
        r->is_out_of_memory = true;
        close_all(r);
    }
}

const char *
iossl_ocsp_resolver_add_response(iossl_ocsp_resolver *r, const char *uri, const void *der,
                                 size_t len)
{
    request *q = find_request(r, uri);
    const unsigned char *p = der;
    OCSP_RESPONSE *response = NULL;
    iossl_ocsp_reading reading = {0};

    if (q == NULL)
        return NULL;
    uri = q->uri;               /* which lives as long as the resolver */
    ERR_clear_error();
    if (der == NULL || len == 0) {
        refuse_all(r, uri, "http request for OCSP failed", IOSSL_OCSP_RETRY_SOON_S);
    } else {
        /* What may follow the response isn't looked at, as with any body of HTTP. */
        response = len > LONG_MAX ? NULL : d2i_OCSP_RESPONSE(NULL, &p, (long)len);
        if (iossl_ocsp_open(&reading, response, r->pool, r->sends_nonce ? q->request : NULL,
                            r->library))
            take_answers(r, uri, &reading);
        else
            refuse_all(r, uri, reading.text, reading.retry_s);
    }
    if (reading.basic == NULL && (q = find_request(r, uri)) != NULL)
        remove_request(r, q);
    iossl_ocsp_close(&reading);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return iossl_ocsp_resolver_hard_error(r);
}

iossl_status
iossl_ocsp_resolve(iossl_ocsp_resolver *r, int64_t timeout_ms, iossl_error *err)
{
    int64_t deadline = iossl_deadline_in(timeout_ms);
    const char *hard;

    while ((hard = iossl_ocsp_resolver_hard_error(r)) == NULL) {
        const char *uri = r->requests[0].uri;
        unsigned char *body;
        size_t len;

        (void)iossl_ocsp_http_post(uri, r->requests[0].request, deadline, &body, &len);
        (void)iossl_ocsp_resolver_add_response(r, uri, body, len);
        OPENSSL_free(body);
    }
    if (hard[0] == '\0')
        return IOSSL_OK;
    iossl_error_set(err, IOSSL_E_REVOKED, IOSSL_RANK_IDENTITY, "%s", hard);
    return IOSSL_ERROR;
}
