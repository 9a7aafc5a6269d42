/*
 * paths.c - other ways from a leaf to a trust anchor, where OpenSSL's first one failed.
 *
 * Owns      the graph of who may have issued whom, the order in which its paths are tried, and the
 *           bounds of that.
 * Promises  costs nothing where the first path is good, or where there is no other. Never accepts
 *           anything: each path is verified by OpenSSL, under the very parameters of the first one.
 *           A bundle made to waste our time wastes a bounded amount of it.
 * Leaves    every check to X509_verify_cert(3), which is given one path at a time.
 * See       RFC 4158, X509_verify_cert(3), X509_STORE_CTX_set0_trusted_stack(3).
 *
 * OpenSSL builds one chain: at each certificate it takes the first issuer that looks right, and
 * doesn't come back when that way turns out to be a dead end (an expired cross-signature, a
 * constraint, a weak signature). Here the certificates that were sent and the trust anchors of their
 * names make a graph. It is walked depth first, ways that are nearer to an anchor first.
 *
 * What a failed path teaches: an expired certificate is so in every path, and a signature that
 * doesn't fit doesn't fit the next time. Such certificates and pairs aren't tried again, so that a
 * bundle of many dead ends costs a few paths, not all combinations of them.
 *
 * The bounds, and why:
 *   MAX_SENT        what OpenSSL takes as a chain (SSL_CTX_set_max_cert_list(3): 100 kB) holds 128
 *                   certificates of 800 bytes, a small one's size. Others are ignored.
 *   MAX_ANCHORS     of one name there are two or three, so these do for ten names.
 *   MAX_LENGTH      public chains have up to 5 certificates, bridged ones up to 10 (RFC 4158).
 *   MAX_SIGNATURES  Go's crypto/x509 and webpki stop at 100 too. The worst that a peer can make us
 *                   check, RSA of 16384 bits, takes 2 ms: a fifth of a second.
 *   MAX_STEPS       each certificate is compared with each other (128 * 160 steps), and half as
 *                   many are left for the walk. A step compares names, under a microsecond.
 *   MAX_MS          where the machine is slow, or constraints are many: no further path after it.
 */
#include "paths.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "compat.h"
#include "init.h"

#define MAX_NODES (IOSSL_PATHS_MAX_SENT + IOSSL_PATHS_MAX_ANCHORS)
#define FAR UINT16_MAX      /* as a distance: there is no way to an anchor */

/* A certificate of the graph. One that was sent and is trusted too is there twice. */
typedef struct {
    X509 *cert;             /* a reference */
    bool is_trusted;        /* comes out of the trust store */
    bool is_bad;            /* fails in every path */
    uint16_t distance;      /* certificates to go to an anchor */
    uint16_t *issuers;      /* owned; indexes of nodes */
    uint16_t n_issuers;
} node;

typedef struct {
    uint16_t cert, issuer;
} edge;

typedef struct {
    X509_STORE_CTX *failed;         /* borrowed: whose parameters count */
    X509_VERIFY_PARAM *param;       /* of failed */
    bool is_partial;                /* any certificate of the store ends a path */
    node nodes[MAX_NODES];
    uint16_t n_nodes, n_anchors;
    edge bad_edges[IOSSL_PATHS_MAX_SIGNATURES];
    size_t n_bad_edges;
    uint16_t path[IOSSL_PATHS_MAX_LENGTH];
    size_t length, max_length;
    iossl_paths_cost *cost;
    iossl_paths_cost start;         /* cost before this search */
    int64_t deadline_ms;
    STACK_OF(X509) *found;
    bool is_over;                   /* found, out of budget, or hopeless */
} search;

/* ---- Global state: what OpenSSL does where nothing is said ----------------------------------- */

static X509_STORE_CTX_check_issued_fn default_check_issued;

bool
iossl_paths_init(void)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    if (store != NULL && ctx != NULL && X509_STORE_CTX_init(ctx, store, NULL, NULL) == 1)
        default_check_issued = X509_STORE_CTX_get_check_issued(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return default_check_issued != NULL;
}

int
iossl_paths_check_issued(X509_STORE_CTX *store_ctx, X509 *cert, X509 *issuer)
{
    STACK_OF(X509) *path = X509_STORE_CTX_get_ex_data(store_ctx, iossl_init_path_index());

    for (int i = 0; cert != issuer && i < sk_X509_num(path); i++)
        if (sk_X509_value(path, i) == cert)
            return i + 1 < sk_X509_num(path) && sk_X509_value(path, i + 1) == issuer;
    return default_check_issued(store_ctx, cert, issuer);
}

/* ---- The graph ------------------------------------------------------------------------------- */

/* The index of a certificate, which is added where it isn't there yet; FAR: no room. */
static uint16_t
add_node(search *s, X509 *cert, bool is_trusted)
{
    for (uint16_t i = 0; i < s->n_nodes; i++)
        if (s->nodes[i].is_trusted == is_trusted && X509_cmp(s->nodes[i].cert, cert) == 0)
            return i;
    if (is_trusted ? s->n_anchors == IOSSL_PATHS_MAX_ANCHORS
                   : s->n_nodes - s->n_anchors == IOSSL_PATHS_MAX_SENT)
        return FAR;
    X509_up_ref(cert);
    s->n_anchors += is_trusted;
    s->nodes[s->n_nodes] = (node){.cert = cert, .is_trusted = is_trusted, .distance = FAR};
    return s->n_nodes++;
}

static bool
is_self_issued(const node *n)
{
    return X509_NAME_cmp(X509_get_subject_name(n->cert), X509_get_issuer_name(n->cert)) == 0;
}

/* Is this an anchor, at which a path ends? */
static bool
is_end(const search *s, const node *n)
{
    return n->is_trusted && (s->is_partial || is_self_issued(n));
}

static bool
may_step(search *s)
{
    if (s->cost->steps - s->start.steps >= IOSSL_PATHS_MAX_STEPS)
        s->is_over = true;
    else
        s->cost->steps++;
    return !s->is_over;
}

static bool
may_have_issued(search *s, uint16_t issuer, uint16_t cert)
{
    return issuer != cert && may_step(s)
           && X509_check_issued(s->nodes[issuer].cert, s->nodes[cert].cert) == X509_V_OK;
}

/* Adds the certificates of the trust store that have the name of this one's issuer. */
static void
add_trusted_issuers(search *s, const X509 *cert)
{
    STACK_OF(X509) *certs = X509_STORE_CTX_get1_certs(s->failed, X509_get_issuer_name(cert));

    for (int i = 0; i < sk_X509_num(certs); i++)
        (void)add_node(s, sk_X509_value(certs, i), true);
    sk_X509_pop_free(certs, X509_free);
}

/* Finds the issuers of a node, adding those of the trust store. False: no memory. */
static bool
link_issuers(search *s, uint16_t index)
{
    node *n = &s->nodes[index];
    uint16_t issuers[MAX_NODES];

    if (is_end(s, n))
        return true;
    add_trusted_issuers(s, n->cert);
    for (uint16_t i = 0; i < s->n_nodes; i++)
        /* Above a certificate of the store there is only the store. */
        if ((s->nodes[i].is_trusted || !n->is_trusted) && may_have_issued(s, i, index))
            issuers[n->n_issuers++] = i;
    if (n->n_issuers == 0)
        return true;
    if ((n->issuers = malloc(n->n_issuers * sizeof issuers[0])) == NULL) {
        n->n_issuers = 0;
        return false;
    }
    memcpy(n->issuers, issuers, n->n_issuers * sizeof issuers[0]);
    return true;
}

/* Sets how far each node is from an anchor, and puts nearer issuers first. */
static void
measure(search *s)
{
    bool changed = true;

    for (uint16_t i = 0; i < s->n_nodes; i++)
        if (is_end(s, &s->nodes[i]))
            s->nodes[i].distance = 0;
    /* As many rounds as the longest path has certificates. */
    for (uint16_t round = 0; changed && round < IOSSL_PATHS_MAX_LENGTH; round++) {
        changed = false;
        for (uint16_t i = 0; i < s->n_nodes; i++) {
            node *n = &s->nodes[i];

            for (uint16_t k = 0; k < n->n_issuers; k++) {
                uint16_t next = s->nodes[n->issuers[k]].distance;

                if (next != FAR && next + 1 < n->distance) {
                    n->distance = (uint16_t)(next + 1);
                    changed = true;
                }
            }
        }
    }
    for (uint16_t i = 0; i < s->n_nodes; i++) {
        node *n = &s->nodes[i];

        for (uint16_t k = 1; k < n->n_issuers; k++) {       /* stable: the order sent counts */
            uint16_t moved = n->issuers[k], at = k;

            while (at > 0
                   && s->nodes[n->issuers[at - 1]].distance > s->nodes[moved].distance) {
                n->issuers[at] = n->issuers[at - 1];
                at--;
            }
            n->issuers[at] = moved;
        }
    }
}

/* Node 0 is the leaf as it was sent. False: no memory. */
static bool
build_graph(search *s)
{
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(s->failed);

    (void)add_node(s, X509_STORE_CTX_get0_cert(s->failed), false);
    for (int i = 0; i < sk_X509_num(sent); i++)
        (void)add_node(s, sk_X509_value(sent, i), false);
    /* Linking adds nodes at the end, which are linked in their turn. */
    for (uint16_t i = 0; i < s->n_nodes; i++)
        if (!link_issuers(s, i))
            return false;
    measure(s);
    return true;
}

/* ---- Trying a path --------------------------------------------------------------------------- */

/* Where an error is to be blamed. */
typedef enum { ON_PATH, ON_CERT, ON_SIGNATURE } blame;

/* What X509_V_ERR_* says of other paths. What isn't here holds for the one path only: lengths,
 * constraints, policies, missing issuers and CRLs. */
static blame
blame_of(int code)
{
    switch (code) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_INVALID_EXTENSION:
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
    case X509_V_ERR_CERT_REVOKED:
    case X509_V_ERR_CERT_REJECTED:
    case X509_V_ERR_PROXY_CERTIFICATES_NOT_ALLOWED:
    case X509_V_ERR_APPLICATION_VERIFICATION:           /* rules.c */
        return ON_CERT;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
        return ON_SIGNATURE;
    default:
        return ON_PATH;
    }
}

/* The node of the certificate at this depth of a chain that OpenSSL built; FAR: none. */
static uint16_t
node_at(const search *s, X509_STORE_CTX *ctx, int depth)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    bool is_trusted = depth >= X509_STORE_CTX_get_num_untrusted(ctx);

    if (depth < 0 || depth >= sk_X509_num(chain))
        return FAR;
    for (uint16_t i = 0; i < s->n_nodes; i++)
        if (s->nodes[i].is_trusted == is_trusted
            && X509_cmp(s->nodes[i].cert, sk_X509_value(chain, depth)) == 0)
            return i;
    return FAR;
}

/* Draws the lesson of a failure. */
static void
learn(search *s, X509_STORE_CTX *ctx)
{
    int depth = X509_STORE_CTX_get_error_depth(ctx);
    uint16_t cert = node_at(s, ctx, depth), issuer = node_at(s, ctx, depth + 1);

    if (cert == FAR)
        return;
    switch (blame_of(X509_STORE_CTX_get_error(ctx))) {
    case ON_CERT:
        s->nodes[cert].is_bad = true;
        if (cert == 0)
            s->is_over = true;      /* no issuer can mend the leaf */
        break;
    case ON_SIGNATURE:
        if (issuer != FAR && s->n_bad_edges < IOSSL_PATHS_MAX_SIGNATURES)
            s->bad_edges[s->n_bad_edges++] = (edge){cert, issuer};
        break;
    case ON_PATH:
        break;
    }
}

static bool
is_bad_edge(const search *s, uint16_t cert, uint16_t issuer)
{
    for (size_t i = 0; i < s->n_bad_edges; i++)
        if (s->bad_edges[i].cert == cert && s->bad_edges[i].issuer == issuer)
            return true;
    return false;
}

/* Is the path at hand the one that failed already? */
static bool
is_known(const search *s)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(s->failed);

    if ((size_t)sk_X509_num(chain) != s->length)
        return false;
    for (size_t i = 0; i < s->length; i++)
        if (X509_cmp(s->nodes[s->path[i]].cert, sk_X509_value(chain, (int)i)) != 0)
            return false;
    return true;
}

static bool
may_verify(search *s)
{
    if (s->cost->signatures - s->start.signatures + s->length > IOSSL_PATHS_MAX_SIGNATURES
        || iossl_now_ms() > s->deadline_ms)
        s->is_over = true;
    return !s->is_over;
}

/* Gives ctx what the failed one has, but for the certificates. */
static bool
inherit(const search *s, X509_STORE_CTX *ctx, STACK_OF(X509) *path)
{
    X509_VERIFY_PARAM *param = X509_VERIFY_PARAM_new();
    int verifier = iossl_init_verifier_index();

    if (param == NULL || X509_VERIFY_PARAM_set1(param, s->param) != 1) {
        X509_VERIFY_PARAM_free(param);
        return false;
    }
    X509_STORE_CTX_set0_param(ctx, param);
    X509_STORE_CTX_set_verify(ctx, X509_STORE_CTX_get_verify(s->failed));
    return X509_STORE_CTX_set_ex_data(ctx, verifier,
                                      X509_STORE_CTX_get_ex_data(s->failed, verifier)) == 1
           && X509_STORE_CTX_set_ex_data(ctx, iossl_init_path_index(), path) == 1;
}

/* Has OpenSSL verify the path at hand. */
static void
try_path(search *s)
{
    STACK_OF(X509) *path = sk_X509_new_null(), *sent = sk_X509_new_null();
    STACK_OF(X509) *trusted = sk_X509_new_null();
    X509_STORE_CTX *ctx = iossl_compat_store_ctx_new(
        iossl_library_of_store(X509_STORE_CTX_get0_store(s->failed)));
    X509 *leaf = s->nodes[0].cert;      /* the one that was sent, though the store may have it too */
    bool ok = path != NULL && sent != NULL && trusted != NULL && ctx != NULL;

    for (size_t i = 0; ok && i < s->length; i++) {
        const node *n = &s->nodes[s->path[i]];

        ok = sk_X509_push(path, i == 0 ? leaf : n->cert) > 0
             && (!n->is_trusted || sk_X509_push(trusted, n->cert) > 0)
             && (n->is_trusted || i == 0 || sk_X509_push(sent, n->cert) > 0);
    }
    if (!ok
        || X509_STORE_CTX_init(ctx, X509_STORE_CTX_get0_store(s->failed), leaf, sent) != 1
        || !inherit(s, ctx, path)) {
        s->is_over = true;
        goto done;
    }
    X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
    s->cost->paths++;
    s->cost->signatures += s->length;
    if (X509_verify_cert(ctx) == 1) {
        s->found = X509_STORE_CTX_get1_chain(ctx);
        s->is_over = true;
    } else {
        learn(s, ctx);
    }
done:
    X509_STORE_CTX_free(ctx);
    sk_X509_free(path);
    sk_X509_free(sent);
    sk_X509_free(trusted);
}

/* ---- The walk -------------------------------------------------------------------------------- */

/* Is the same subject with the same key in the path? Then going on leads round in a circle. */
static bool
is_in_path(const search *s, const node *n)
{
    for (size_t i = 0; i < s->length; i++) {
        const X509 *cert = s->nodes[s->path[i]].cert;
        const ASN1_BIT_STRING *a = X509_get0_pubkey_bitstr(cert);
        const ASN1_BIT_STRING *b = X509_get0_pubkey_bitstr(n->cert);

        if (X509_NAME_cmp(X509_get_subject_name(cert), X509_get_subject_name(n->cert)) == 0
            && ASN1_STRING_cmp(a, b) == 0)
            return true;
    }
    return false;
}

static void walk(search *s, uint16_t index);

/* Takes the way over each issuer of the last node of the path. */
static void
walk_issuers(search *s, uint16_t index)
{
    const node *n = &s->nodes[index];

    for (uint16_t k = 0; k < n->n_issuers && !s->is_over && !n->is_bad; k++) {
        uint16_t next = n->issuers[k];

        if (!s->nodes[next].is_bad && s->nodes[next].distance < s->max_length - s->length
            && !is_bad_edge(s, index, next) && may_step(s) && !is_in_path(s, &s->nodes[next]))
            walk(s, next);
    }
}

static void
walk(search *s, uint16_t index)
{
    s->path[s->length++] = index;
    if (!is_end(s, &s->nodes[index]))
        walk_issuers(s, index);
    else if (!is_known(s) && may_verify(s))
        try_path(s);
    s->length--;
}

/* The leaf itself may be in the store: then it is a path of its own. */
static void
walk_trusted_leaf(search *s)
{
    STACK_OF(X509) *certs =
        X509_STORE_CTX_get1_certs(s->failed, X509_get_subject_name(s->nodes[0].cert));
    uint16_t index = FAR;

    for (int i = 0; i < sk_X509_num(certs); i++)
        if (X509_cmp(sk_X509_value(certs, i), s->nodes[0].cert) == 0)
            index = add_node(s, sk_X509_value(certs, i), true);
    sk_X509_pop_free(certs, X509_free);
    if (index != FAR && is_end(s, &s->nodes[index]))
        walk(s, index);
}

static size_t
longest_path(const search *s)
{
    /* OpenSSL counts what is between leaf and anchor. */
    int depth = X509_VERIFY_PARAM_get_depth(s->param);

    return depth < 0 || depth > IOSSL_PATHS_MAX_LENGTH - 2 ? IOSSL_PATHS_MAX_LENGTH
                                                           : (size_t)depth + 2;
}

STACK_OF(X509) *
iossl_paths_find(X509_STORE_CTX *failed, iossl_paths_cost *cost)
{
    STACK_OF(X509) *found = NULL;
    search *s;

    /* Before any allocation: the commonest failures are those of the leaf itself. */
    if (X509_STORE_CTX_get_error_depth(failed) == 0
        && blame_of(X509_STORE_CTX_get_error(failed)) == ON_CERT)
        return NULL;
    if ((s = calloc(1, sizeof *s)) == NULL)
        return NULL;
    s->failed = failed;
    s->param = X509_STORE_CTX_get0_param(failed);
    s->is_partial =
        (X509_VERIFY_PARAM_get_flags(s->param) & X509_V_FLAG_PARTIAL_CHAIN) != 0;
    s->cost = cost;
    s->start = *cost;
    s->deadline_ms = iossl_now_ms() + IOSSL_PATHS_MAX_MS;
    s->max_length = longest_path(s);
    (void)ERR_set_mark();           /* what is wrong with other paths is nobody's concern */
    if (build_graph(s)) {
        learn(s, failed);
        walk_trusted_leaf(s);
        if (!s->is_over && s->nodes[0].distance != FAR)
            walk(s, 0);
    }
    (void)ERR_pop_to_mark();
    found = s->found;
    for (uint16_t i = 0; i < s->n_nodes; i++) {
        X509_free(s->nodes[i].cert);
        free(s->nodes[i].issuers);
    }
    free(s);
    return found;
}
