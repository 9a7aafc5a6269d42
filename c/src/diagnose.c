/*
 * diagnose.c - all that is wrong with a chain, in sentences, with what to do about it.
 *
 * Owns      going on after an error, the words of findings and remedies.
 * Promises  decides nothing: no verdict is taken from here, no state of a connection changes.
 * Leaves    chains to OpenSSL, the leaf's name and pins to verify.c.
 * See       X509_STORE_CTX_get_error(3).
 */
#include "diagnose.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "conn.h"
#include "context.h"
#include "error.h"
#include "init.h"
#include "paths.h"
#include "verify.h"

/* More than a chain can have: what comes after these says nothing new. */
#define MAX_FINDINGS ((size_t)32)

struct iossl_diagnosis {
    struct {
        iossl_finding shown;
        char *what, *remedy;            /* owned */
    } finding[MAX_FINDINGS];
    size_t n;
    STACK_OF(X509) *chain;              /* owned, as are its certificates */
    int n_sent;                         /* how many certificates the peer sent */
    bool is_out_of_memory;
};

/* ---- Sentences ------------------------------------------------------------------------------- */

static char *
format(const char *fmt, ...) IOSSL_PRINTF(1, 2);

static char *
format(const char *fmt, ...)
{
    va_list args;
    char *text = NULL;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0 || (text = malloc((size_t)len + 1)) == NULL)
        return NULL;
    va_start(args, fmt);
    (void)vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}

/* The facts that sentences are made of; each NULL stands for nothing. */
typedef struct facts {
    int code, depth;
    bool is_last_sent;      /* nothing above it was sent */
    X509 *cert;
    char *subject, *issuer, *fingerprint;
    iossl_certinfo *info;
    int64_t now;
} facts;

/* n_sent: how many certificates the peer sent. */
static void
facts_get(facts *f, int n_sent, X509_STORE_CTX *store_ctx)
{
    memset(f, 0, sizeof *f);
    f->code = X509_STORE_CTX_get_error(store_ctx);
    f->depth = X509_STORE_CTX_get_error_depth(store_ctx);
    f->is_last_sent = f->depth + 1 >= n_sent;
    f->now = (int64_t)time(NULL);
    f->cert = X509_STORE_CTX_get_current_cert(store_ctx);
    if (f->cert == NULL)
        return;
    f->subject = iossl_cert_subject(f->cert);
    f->issuer = iossl_cert_issuer(f->cert);
    (void)iossl_cert_fingerprint(&f->fingerprint, f->cert, NULL, false, NULL);
    f->info = iossl_certinfo_new(f->cert, NULL);
}

static void
facts_clear(facts *f)
{
    free(f->subject);
    free(f->issuer);
    iossl_free(f->fingerprint);
    iossl_certinfo_free(f->info);
}

static const char *
shown(const char *text)
{
    return text == NULL ? "?" : text;
}

/* So long is no address that somebody fetches from; sentences stay readable. */
#define MAX_URI 512

/*
 * The first of a certificate's addresses that can be shown; NULL: none. Anybody's certificate has them,
 * and sentences go to terminals and logs: nothing may pass that isn't a URI's (RFC 3986 section 2).
 */
static const char *
shown_uri(const char *const *uris, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *at = uris[i];

        while (*at > ' ' && *at < 0x7f && at - uris[i] <= MAX_URI)
            at++;
        if (*at == '\0' && at > uris[i])
            return uris[i];
    }
    return NULL;
}

/* A day as people write it; "?" where it isn't known. */
static const char *
day(char out[32], int64_t when)
{
    time_t seconds = (time_t)when;
    struct tm parts;

    if (when == IOSSL_NO_TIME || gmtime_r(&seconds, &parts) == NULL
        || strftime(out, 32, "%Y-%m-%d", &parts) == 0)
        (void)snprintf(out, 32, "?");
    return out;
}

/* "certificate 1 of the chain, "/CN=x"," or, of the leaf, "the certificate, "/CN=x",". */
static char *
which(const facts *f)
{
    if (f->depth == 0)
        return format("the peer's certificate, \"%s\",", shown(f->subject));
    return format("certificate %d of the chain, \"%s\",", f->depth, shown(f->subject));
}

/* ---- What is known of single errors ---------------------------------------------------------- */

static char *
say_no_issuer(const facts *f, const char *cert)
{
    return format("%s was issued by \"%s\", %s", cert, shown(f->issuer),
                  f->is_last_sent ? "which is none of the CAs that are trusted here, and nothing "
                                    "that leads to one was sent"
                                  : "of which there is no usable certificate");
}

static char *
heal_no_issuer(const facts *f)
{
    const char *uri = f->info == NULL ? NULL : shown_uri(f->info->issuer_uris, f->info->n_issuer_uris);

    return format("if \"%s\" is an intermediate CA, the other side has to send its certificate, by "
                  "appending it to its certificate file%s%s%s; if it is a CA of your own, give its "
                  "certificate with SSL_ca_file or SSL_ca_path", shown(f->issuer),
                  uri == NULL ? "" : " (it can be fetched from ", uri == NULL ? "" : uri,
                  uri == NULL ? "" : ")");
}

static char *
say_self_signed(const facts *f, const char *cert)
{
    (void)f;
    return format("%s is self-signed, and isn't among the certificates that are trusted here", cert);
}

static char *
heal_self_signed(const facts *f)
{
    return format("compare the fingerprint with the other side's by a way you trust; if it is the "
                  "same, accept this very certificate with SSL_fingerprint => '%s', or give it as "
                  "SSL_ca_file; better is a certificate by a CA", shown(f->fingerprint));
}

static char *
say_foreign_root(const facts *f, const char *cert)
{
    (void)cert;
    return format("the chain leads to the CA \"%s\", which isn't trusted here", shown(f->subject));
}

static char *
heal_foreign_root(const facts *f)
{
    return format("if you trust that CA, give its certificate with SSL_ca_file, or add it to those of "
                  "the system; its fingerprint is %s. Proxies and virus scanners that look into TLS "
                  "show such a CA, too", shown(f->fingerprint));
}

static char *
say_expired(const facts *f, const char *cert)
{
    char end[32], now[32];

    return format("%s expired on %s; today is %s on this machine's clock", cert,
                  day(end, f->info == NULL ? IOSSL_NO_TIME : f->info->not_after),
                  day(now, f->now));
}

static char *
heal_expired(const facts *f)
{
    if (f->depth == 0)
        return format("have it renewed on the other side; if today's date is wrong, set the clock");
    return format("the other side has to send, or you have to trust, the present certificate of this "
                  "CA; if today's date is wrong, set the clock");
}

static char *
say_not_yet(const facts *f, const char *cert)
{
    char begin[32], now[32];

    return format("%s begins on %s; today is %s on this machine's clock", cert,
                  day(begin, f->info == NULL ? IOSSL_NO_TIME : f->info->not_before),
                  day(now, f->now));
}

static char *
heal_not_yet(const facts *f)
{
    (void)f;
    return format("set this machine's clock if it is wrong, else wait or have a certificate issued "
                  "that is valid by now");
}

static char *
say_revoked(const facts *f, const char *cert)
{
    return format("%s was revoked by \"%s\"", cert, shown(f->issuer));
}

static char *
heal_revoked(const facts *f)
{
    (void)f;
    return format("don't trust it: its key may be in the wrong hands; the other side needs a new one");
}

static char *
say_no_crl(const facts *f, const char *cert)
{
    return format("whether %s is revoked can't be told: there is no revocation list of \"%s\"", cert,
                  shown(f->issuer));
}

static char *
heal_no_crl(const facts *f)
{
    const char *uri = f->info == NULL ? NULL : shown_uri(f->info->crl_uris, f->info->n_crl_uris);

    return format("give the list with SSL_crl_file or in SSL_ca_path%s%s%s",
                  uri == NULL ? "" : " (it can be fetched from ", uri == NULL ? "" : uri,
                  uri == NULL ? "" : ")");
}

static char *
say_old_crl(const facts *f, const char *cert)
{
    return format("whether %s is revoked can't be told: the revocation list of \"%s\" is out of date",
                  cert, shown(f->issuer));
}

static char *
say_purpose(const facts *f, const char *cert)
{
    (void)f;
    return format("%s isn't meant for this: its extendedKeyUsage or keyUsage leaves it out", cert);
}

static char *
heal_purpose(const facts *f)
{
    if (f->depth == 0)
        return format("a server needs a certificate with serverAuth, a client one with clientAuth: "
                      "have one issued that has it");
    return format("a certificate that isn't a CA's was used to sign another: the chain is wrong, or "
                  "somebody tries to deceive you");
}

static char *
say_weak(const facts *f, const char *cert)
{
    return format("%s is too weak for the security level: %s", cert,
                  X509_verify_cert_error_string(f->code));
}

static char *
heal_weak(const facts *f)
{
    (void)f;
    return format("have it replaced by one with a longer key and a signature by SHA-256 or better; "
                  "@SECLEVEL in SSL_cipher_list lowers the level, at your own risk");
}

static char *
say_constraint(const facts *f, const char *cert)
{
    return format("%s has a name that a CA above it must not certify: %s", cert,
                  X509_verify_cert_error_string(f->code));
}

static char *
heal_chain(const facts *f)
{
    (void)f;
    return format("the chain can't be used as it is: have it made anew by the CA");
}

static char *
say_signature(const facts *f, const char *cert)
{
    return format("the signature of %s by \"%s\" is wrong", cert, shown(f->issuer));
}

static char *
heal_signature(const facts *f)
{
    (void)f;
    return format("the certificate was damaged or forged, or the CA has another certificate of the "
                  "same name: see which one SSL_ca_file holds");
}

static char *
say_tlsa(const facts *f, const char *cert)
{
    (void)f;
    return format("%s fits none of the TLSA records that were given", cert);
}

static char *
heal_tlsa(const facts *f)
{
    char *record = NULL, *text;

    if (f->cert != NULL)
        (void)iossl_cert_tlsa(&record, f->cert, f->depth == 0 ? 3 : 2, 1, 1, NULL);
    text = format("look the records up anew (SSL_tlsa); if they are the same, the other side has to "
                  "publish one of its present certificate, as \"%s\", or this is another server",
                  shown(record));
    iossl_free(record);
    return text;
}

#define NO_ISSUER "its issuer is not among the CA certificates given, and the peer didn't send it"
#define NO_TRUST "give its CA (SSL_ca_file) or its fingerprint (SSL_fingerprint) if you trust it"
#define WRONG_TIME "renew the certificate, or check this machine's clock"
#define OLD_CRL "get its issuer's current CRL, or check this machine's clock"
#define NO_CRL "give its issuer's CRL with SSL_crl_file or in SSL_ca_path"
#define NO_RECORD "its TLSA records (SSL_tlsa) are old, or this is another server"

/* Errors that people meet. */
static const struct {
    int code;
    const char *brief;                                  /* a remedy to end a sentence; NULL: none */
    char *(*say)(const facts *f, const char *cert);
    char *(*heal)(const facts *f);
} KNOWN[] = {
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, NO_ISSUER, say_no_issuer, heal_no_issuer},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, NO_ISSUER, say_no_issuer, heal_no_issuer},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, NO_ISSUER, say_no_issuer, heal_no_issuer},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, NO_TRUST, say_self_signed, heal_self_signed},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, NO_TRUST, say_foreign_root, heal_foreign_root},
    {X509_V_ERR_CERT_HAS_EXPIRED, WRONG_TIME, say_expired, heal_expired},
    {X509_V_ERR_CERT_NOT_YET_VALID, WRONG_TIME, say_not_yet, heal_not_yet},
    {X509_V_ERR_CERT_REVOKED, NULL, say_revoked, heal_revoked},
    {X509_V_ERR_UNABLE_TO_GET_CRL, NO_CRL, say_no_crl, heal_no_crl},
    {X509_V_ERR_CRL_HAS_EXPIRED, OLD_CRL, say_old_crl, heal_no_crl},
    {X509_V_ERR_CRL_NOT_YET_VALID, OLD_CRL, say_old_crl, heal_no_crl},
    {X509_V_ERR_INVALID_PURPOSE, NULL, say_purpose, heal_purpose},
    {X509_V_ERR_INVALID_CA, NULL, say_purpose, heal_purpose},
    {X509_V_ERR_EE_KEY_TOO_SMALL, NULL, say_weak, heal_weak},
    {X509_V_ERR_CA_KEY_TOO_SMALL, NULL, say_weak, heal_weak},
    {X509_V_ERR_CA_MD_TOO_WEAK, NULL, say_weak, heal_weak},
    {X509_V_ERR_PERMITTED_VIOLATION, NULL, say_constraint, heal_chain},
    {X509_V_ERR_EXCLUDED_VIOLATION, NULL, say_constraint, heal_chain},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, NULL, say_signature, heal_signature},
    {X509_V_ERR_DANE_NO_MATCH, NO_RECORD, say_tlsa, heal_tlsa},
};

#define N_KNOWN (sizeof KNOWN / sizeof KNOWN[0])

/* The place of a code in the table; N_KNOWN: it isn't there. */
static size_t
find_known(int code)
{
    size_t i = 0;

    while (i < N_KNOWN && KNOWN[i].code != code)
        i++;
    return i;
}

static char *
heal(const facts *f)
{
    size_t i = find_known(f->code);

    return i < N_KNOWN ? KNOWN[i].heal(f) : heal_chain(f);
}

const char *
iossl_brief_remedy(int verify_code)
{
    size_t i = find_known(verify_code);

    return i < N_KNOWN ? KNOWN[i].brief : NULL;
}

char *
iossl_remedy_of_chain(X509_STORE_CTX *store_ctx)
{
    char *remedy;
    facts f;

    (void)ERR_set_mark();           /* what is odd in a certificate is no error of the handshake */
    facts_get(&f, sk_X509_num(X509_STORE_CTX_get0_untrusted(store_ctx)), store_ctx);
    remedy = heal(&f);
    facts_clear(&f);
    (void)ERR_pop_to_mark();
    return remedy;
}

char *
iossl_remedy_of_leaf(iossl_error_code code, const X509 *leaf, const char *name)
{
    char *remedy, *fingerprint = NULL;

    if (code == IOSSL_E_PIN) {
        (void)iossl_cert_fingerprint(&fingerprint, leaf, NULL, false, NULL);
        remedy = format("if the certificate was replaced by its owner, SSL_fingerprint is '%s' now",
                        shown(fingerprint));
        iossl_free(fingerprint);
        return remedy;
    }
    if (code == IOSSL_E_NO_NAME)
        return format("give the name to verify with SSL_verifycn_name or SSL_hostname");
    return format("connect by a name that the certificate has, or give one with SSL_verifycn_name if "
                  "you know why it is right; else the other side needs a certificate with \"%s\" "
                  "among its subjectAltNames", name == NULL ? "" : name);
}

/* Errors that only follow from one that was found already: a chain without its end. */
static bool
follows_from_earlier(const iossl_diagnosis *d, const facts *f)
{
    for (size_t i = 0; i < d->n; i++) {
        const iossl_finding *earlier = &d->finding[i].shown;

        if (earlier->verify_code == f->code && earlier->depth == f->depth)
            return true;
        if ((f->code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
             || f->code == X509_V_ERR_CERT_UNTRUSTED)
            && (earlier->verify_code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
                || earlier->verify_code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT))
            return true;
    }
    return false;
}

/* ---- Collecting ------------------------------------------------------------------------------ */

/* Takes what and remedy over. */
static void
add(iossl_diagnosis *d, iossl_error_code code, int verify_code, int depth, X509 *cert, char *what,
    char *remedy)
{
    if (what == NULL || remedy == NULL || d->n == MAX_FINDINGS) {
        d->is_out_of_memory = d->is_out_of_memory || d->n < MAX_FINDINGS;
        free(what);
        free(remedy);
        return;
    }
    if (cert != NULL)
        X509_up_ref(cert);
    d->finding[d->n].what = what;
    d->finding[d->n].remedy = remedy;
    d->finding[d->n++].shown = (iossl_finding){.code = code, .verify_code = verify_code,
                                               .depth = depth, .cert = cert, .what = what,
                                               .remedy = remedy};
}

static void
add_chain_error(iossl_diagnosis *d, const facts *f)
{
    char *cert = which(f), *what = NULL, *remedy = NULL;
    size_t i = find_known(f->code);

    if (cert != NULL && i < N_KNOWN)
        what = KNOWN[i].say(f, cert);
    else if (cert != NULL)
        what = format("%s can't be accepted: %s", cert, X509_verify_cert_error_string(f->code));
    if (cert != NULL)
        remedy = heal(f);
    add(d, IOSSL_E_VERIFY, f->code, f->depth, f->cert, what, remedy);
    free(cert);
}

/* Of a verification without a verifier, so that its index is free for the diagnosis. */
static int
go_on(int ok, X509_STORE_CTX *store_ctx)
{
    iossl_diagnosis *d = X509_STORE_CTX_get_ex_data(store_ctx, iossl_init_verifier_index());
    facts f;

    if (ok == 1)
        return 1;
    facts_get(&f, d->n_sent, store_ctx);
    if (!follows_from_earlier(d, &f))
        add_chain_error(d, &f);
    facts_clear(&f);
    return 1;
}

static void
add_leaf_error(iossl_diagnosis *d, iossl_verifier *v, X509 *leaf)
{
    iossl_error_code code = iossl_error_get_code(v->cause);
    char *what = format("%s", iossl_error_message(v->cause));
    char *remedy = iossl_remedy_of_leaf(code, leaf, v->name);

    d->is_out_of_memory = d->is_out_of_memory || code == IOSSL_E_MEMORY;
    add(d, code, iossl_error_get_verify_code(v->cause), 0, leaf, what, remedy);
}

/* The chain as a handshake would find it: by OpenSSL's first path, or by another one; NULL: none. */
static STACK_OF(X509) *
find_good_chain(SSL_CTX *ssl_ctx, iossl_role role, X509 *leaf, STACK_OF(X509) *chain, int64_t at)
{
    X509_STORE_CTX *store_ctx = iossl_verify_store_ctx_new(ssl_ctx, role, leaf, chain, at);
    STACK_OF(X509) *found = NULL;
    iossl_paths_cost cost = {.paths = 0};

    if (store_ctx != NULL)
        found = X509_verify_cert(store_ctx) == 1 ? X509_STORE_CTX_get1_chain(store_ctx)
                                                 : iossl_paths_find(store_ctx, &cost);
    X509_STORE_CTX_free(store_ctx);
    return found;
}

/* Collects what is wrong on OpenSSL's first path. False: no memory. */
static bool
collect(iossl_diagnosis *d, SSL_CTX *ssl_ctx, iossl_role role, X509 *leaf, STACK_OF(X509) *chain,
        int64_t at)
{
    X509_STORE_CTX *store_ctx = iossl_verify_store_ctx_new(ssl_ctx, role, leaf, chain, at);
    bool done = store_ctx != NULL
                && X509_STORE_CTX_set_ex_data(store_ctx, iossl_init_verifier_index(), d) == 1;

    if (done) {
        X509_STORE_CTX_set_verify_cb(store_ctx, go_on);
        (void)X509_verify_cert(store_ctx);
        done = X509_STORE_CTX_get_error(store_ctx) != X509_V_ERR_OUT_OF_MEM;
        d->chain = X509_STORE_CTX_get1_chain(store_ctx);
    }
    X509_STORE_CTX_free(store_ctx);
    return done;
}

/* v: settings, role and name; its verdict is overwritten. */
static iossl_diagnosis *
diagnose(SSL_CTX *ssl_ctx, iossl_verifier *v, X509 *leaf, STACK_OF(X509) *chain, int64_t at,
         iossl_error *err)
{
    iossl_diagnosis *d = calloc(1, sizeof *d);
    bool done = false;

    if (d == NULL)
        goto done;
    d->n_sent = sk_X509_num(chain);
    if (d->n_sent < 1 || X509_cmp(sk_X509_value(chain, 0), leaf) != 0)
        d->n_sent = d->n_sent < 1 ? 1 : d->n_sent + 1;
    if ((d->chain = find_good_chain(ssl_ctx, v->role, leaf, chain, at)) == NULL
        && !collect(d, ssl_ctx, v->role, leaf, chain, at))
        goto done;
    iossl_verifier_begin(v);
    v->settings.mode |= IOSSL_VERIFY_PEER;      /* also where nothing need be verified */
    if (v->role == IOSSL_CLIENT && !iossl_verifier_check_leaf(v, leaf, d->chain))
        add_leaf_error(d, v, leaf);
    done = !d->is_out_of_memory;
done:
    if (!done) {
        iossl_error_memory(err);
        iossl_diagnosis_free(d);
        d = NULL;
    }
    iossl_error_clear_queue();
    return d;
}

iossl_diagnosis *
iossl_diagnose(iossl_ctx *given, iossl_role role, X509 *leaf, STACK_OF(X509) *chain, const char *name,
               int64_t at, iossl_error *err)
{
    iossl_diagnosis *d = NULL;
    iossl_verifier v;
    iossl_ctx *ctx;

    if (!iossl_init(err))
        return NULL;
    ctx = iossl_ctx_get1_current(given);
    if (!iossl_verifier_init(&v, role, iossl_ctx_get0_verify_settings(ctx))
        || (name != NULL && (v.name = strdup(name)) == NULL))
        iossl_error_memory(err);
    else
        d = diagnose(iossl_ctx_get0_ssl_ctx(ctx), &v, leaf, chain, at, err);
    iossl_verifier_cleanup(&v);
    iossl_ctx_free(ctx);
    return d;
}

iossl_diagnosis *
iossl_conn_diagnose(const iossl_conn *conn, iossl_error *err)
{
    const iossl_verifier *settings = iossl_conn_get0_verifier((iossl_conn *)conn);
    STACK_OF(X509) *chain = iossl_conn_get0_refused_chain(conn);
    X509 *leaf = iossl_conn_get1_peer_cert(conn);
    iossl_diagnosis *d = NULL;
    iossl_verifier v;

    if (chain == NULL)
        chain = iossl_conn_get0_peer_chain(conn);
    if (leaf == NULL && (leaf = sk_X509_value(chain, 0)) != NULL)
        X509_up_ref(leaf);
    if (leaf == NULL) {
        iossl_error_set(err, IOSSL_E_STATE, IOSSL_RANK_FATAL, "the peer sent no certificate");
        return NULL;
    }
    if (!iossl_verifier_init(&v, settings->role, &settings->settings)
        || (settings->name != NULL && (v.name = strdup(settings->name)) == NULL))
        iossl_error_memory(err);
    else
        d = diagnose(SSL_get_SSL_CTX(iossl_conn_get0_ssl(conn)), &v, leaf, chain, 0, err);
    iossl_verifier_cleanup(&v);
    X509_free(leaf);
    iossl_error_clear_queue();
    return d;
}

void
iossl_diagnosis_free(iossl_diagnosis *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->n; i++) {
        X509_free(d->finding[i].shown.cert);
        free(d->finding[i].what);
        free(d->finding[i].remedy);
    }
    sk_X509_pop_free(d->chain, X509_free);
    free(d);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

size_t
iossl_diagnosis_count(const iossl_diagnosis *d)
{
    return d->n;
}

const iossl_finding *
iossl_diagnosis_get0(const iossl_diagnosis *d, size_t i)
{
    return i < d->n ? &d->finding[i].shown : NULL;
}

STACK_OF(X509) *
iossl_diagnosis_get0_chain(const iossl_diagnosis *d)
{
    return d->chain;
}
