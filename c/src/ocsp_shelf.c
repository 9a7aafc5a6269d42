/*
 * ocsp_shelf.c - the OCSP responses that a server has at hand for the certificates of a host.
 *
 * Owns      files of responses, and answers got from a responder or from the program, each with its
 *           time.
 * Promises  nothing is handed out that is out of its time, about another certificate, or anything
 *           but good. A changed file is seen at once. An answer that was asked for is asked for
 *           again when half of its time is over, by one thread, while the others hand out what
 *           there is; and after a failure not before a while. What a responder says is kept only if
 *           the issuer of the certificate, or who it appointed, signed it.
 * Leaves    sending it to ocsp_staple.c, HTTP to ocsp_http.c, judging answers to ocsp.c.
 * See       RFC 6066 section 8, RFC 5019.
 *
 * Invariant  certificates are added while a context is made; after that only the answers change,
 *            under the lock.
 */
#include "ocsp_shelf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>

#include "error.h"
#include "file.h"
#include "ocsp.h"
#include "ocsp_http.h"
#include "ocsp_id.h"
#include "ocsp_staple.h"

/* After an attempt in vain, in seconds. */
#define RETRY_S 60

/* Bytes, and what they are. */
typedef struct {
    unsigned char *der;         /* owned; NULL: there are none */
    size_t len;
    OCSP_BASICRESP *basic;      /* owned; NULL: they are no successful response */
} response;

typedef struct {
    char *path;                 /* owned; NULL: the bytes were given */
    struct stat seen;           /* the file that they are of */
    response content;
} staple_file;

/* One certificate, and the answer that was asked for. */
typedef struct {
    X509 *cert;                 /* a reference */
    iossl_ocsp_subject subject; /* with .cert NULL where no responder is asked */
    char *uri;                  /* owned */
    response answer;
    int64_t from, until;        /* its time */
    int64_t next_try;           /* before that, nobody is asked again */
    bool is_asking;             /* a thread is at it */
    bool demands;               /* it isn't to be shown without a staple (RFC 7633) */
    enum { HAD, LACKED, TOLD } lack;    /* of what it demands */
    char why[256];              /* the last question brought no answer; "": none was asked */
} kept;

struct iossl_staple_shelf {
    CRYPTO_RWLOCK *lock;        /* guards the contents of files and all of kept that changes */
    const iossl_staple_responder *responder;    /* borrowed, while the context is made */
    const iossl_library *library;               /* a reference */
    int64_t timeout_ms;
    atomic_bool *alarm;         /* the context's: somebody lacks a staple */
    staple_file *files;
    size_t n_files;
    kept *certs;
    size_t n_certs;
};

/* ---- Responses ------------------------------------------------------------------------------- */

OCSP_RESPONSE *
iossl_staple_parse(const unsigned char *der, size_t len)
{
    const unsigned char *p = der;
    OCSP_RESPONSE *parsed = len > IOSSL_STAPLE_MAX ? NULL : d2i_OCSP_RESPONSE(NULL, &p, (long)len);

    if (parsed != NULL && p != der + len) {
        OCSP_RESPONSE_free(parsed);
        parsed = NULL;
    }
    ERR_clear_error();
    return parsed;
}

static void
response_cleanup(response *r)
{
    OPENSSL_free(r->der);
    OCSP_BASICRESP_free(r->basic);
    *r = (response){0};
}

/* Takes the bytes, whatever they are. */
static void
response_set(response *r, unsigned char *der, size_t len)
{
    OCSP_RESPONSE *parsed = der == NULL ? NULL : iossl_staple_parse(der, len);

    response_cleanup(r);
    r->der = der;
    r->len = len;
    if (parsed != NULL && OCSP_response_status(parsed) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
        r->basic = OCSP_response_get1_basic(parsed);
    OCSP_RESPONSE_free(parsed);
    ERR_clear_error();
}

/* When a response says that this certificate is good, and nothing else of it: false where it
 * doesn't. Of several answers all hold in the time that comes out. */
static bool
good_time(const response *r, const X509 *cert, const iossl_library *library, int64_t *from,
          int64_t *until)
{
    bool found = false;

    *from = INT64_MIN;
    *until = INT64_MAX;
    for (int i = 0; r->basic != NULL && i < OCSP_resp_count(r->basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(r->basic, i);
        ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
        int64_t begin, end;

        if (!iossl_ocsp_id_names(OCSP_SINGLERESP_get0_id(single), cert, library))
            continue;
        if (OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update)
            != V_OCSP_CERTSTATUS_GOOD)
            return false;
        begin = iossl_ocsp_epoch(this_update);
        end = next_update != NULL ? iossl_ocsp_epoch(next_update) : begin + IOSSL_OCSP_MAX_AGE_S;
        if (begin > *from)
            *from = begin;
        if (end < *until)
            *until = end;
        found = true;
    }
    ERR_clear_error();
    return found;
}

static bool
is_now(int64_t from, int64_t until, int64_t now)
{
    return from <= now + IOSSL_OCSP_SKEW_S && now < until;
}

static unsigned char *
copy_of(const response *r, size_t *len)
{
    unsigned char *copy = OPENSSL_memdup(r->der, r->len);

    *len = copy == NULL ? 0 : r->len;
    return copy;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Takes in what the file is now. Where it can't be read, what was read before stays: it has its own
 * end. Under the lock. */
static void
reread(staple_file *file)
{
    response fresh = {0};
    iossl_file content;
    struct stat now;

    if (file->path == NULL || stat(file->path, &now) != 0 || is_same_file(&now, &file->seen)
        || iossl_file_read(&content, file->path, IOSSL_STAPLE_MAX) != 0)
        return;
    file->seen = content.info;
    response_set(&fresh, content.bytes, content.len);
    /* What is half written, or an error, isn't worth a response that still has time. */
    if (fresh.basic == NULL && file->content.basic != NULL) {
        response_cleanup(&fresh);
        return;
    }
    response_cleanup(&file->content);
    file->content = fresh;
}

/* Under the lock. */
static unsigned char *
take_from_files(iossl_staple_shelf *shelf, const X509 *cert, size_t *len)
{
    int64_t now = iossl_ocsp_now(), from, until;

    for (size_t i = 0; i < shelf->n_files; i++) {
        reread(&shelf->files[i]);
        if (good_time(&shelf->files[i].content, cert, shelf->library, &from, &until)
            && is_now(from, until, now))
            return copy_of(&shelf->files[i].content, len);
    }
    return NULL;
}

/* ---- Making one ------------------------------------------------------------------------------ */

iossl_staple_shelf *
iossl_shelf_new(const iossl_staple_responder *responder, atomic_bool *alarm,
                const iossl_library *library)
{
    iossl_staple_shelf *shelf = calloc(1, sizeof *shelf);

    if (shelf == NULL)
        return NULL;
    shelf->responder = responder;
    shelf->library = iossl_library_up_ref(library);
    shelf->alarm = alarm;
    shelf->timeout_ms = responder->timeout_ms;
    if ((shelf->lock = CRYPTO_THREAD_lock_new()) == NULL) {
        iossl_shelf_free(shelf);
        return NULL;
    }
    return shelf;
}

void
iossl_shelf_free(iossl_staple_shelf *shelf)
{
    if (shelf == NULL)
        return;
    for (size_t i = 0; i < shelf->n_files; i++) {
        free(shelf->files[i].path);
        response_cleanup(&shelf->files[i].content);
    }
    for (size_t i = 0; i < shelf->n_certs; i++) {
        X509_free(shelf->certs[i].cert);
        iossl_ocsp_subject_cleanup(&shelf->certs[i].subject);
        free(shelf->certs[i].uri);
        response_cleanup(&shelf->certs[i].answer);
    }
    free(shelf->files);
    free(shelf->certs);
    iossl_library_free(shelf->library);
    CRYPTO_THREAD_lock_free(shelf->lock);
    free(shelf);
}

bool
iossl_shelf_add_file(iossl_staple_shelf *shelf, const char *file, const void *der, size_t len)
{
    staple_file *files = realloc(shelf->files, (shelf->n_files + 1) * sizeof *files);
    staple_file *f;
    unsigned char *copy;

    if (files == NULL)
        return false;
    shelf->files = files;
    f = &files[shelf->n_files];
    *f = (staple_file){0};
    if (file != NULL) {
        if ((f->path = strdup(file)) == NULL)
            return false;
    } else {
        if ((copy = OPENSSL_memdup(der, len)) == NULL)
            return false;
        response_set(&f->content, copy, len);
    }
    shelf->n_files++;
    return true;
}

/* What is needed to ask a responder. */
static iossl_status
prepare_asking(const iossl_staple_shelf *shelf, kept *k, const char *host, STACK_OF(X509) *chain,
               X509_STORE *store, iossl_error *err)
{
    const iossl_library *library = iossl_library_of_store(store);
    const char *uri = shelf->responder->uri;
    bool lost_issuer, lost_uri = false;
    X509 *issuer = iossl_ocsp_find_issuer(k->cert, chain, store, &lost_issuer);
    iossl_status status = IOSSL_ERROR;

    k->uri = uri != NULL ? strdup(uri) : iossl_ocsp_uri(k->cert, &lost_uri);
    if (lost_issuer || lost_uri)
        iossl_error_memory(err);
    else if (k->uri == NULL && uri == NULL)
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_ocsp_staple_responder: the certificate for \"%s\" names no OCSP "
                        "responder; give its address", host);
    else if (issuer == NULL)
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_ocsp_staple_responder: the issuer of the certificate for \"%s\" isn't "
                        "known; put its certificate after that in SSL_cert_file", host);
    else if (k->uri == NULL || !iossl_ocsp_subject_init(&k->subject, k->cert, issuer, library))
        iossl_error_memory(err);
    else
        status = IOSSL_OK;
    X509_free(issuer);
    return status;
}

iossl_status
iossl_shelf_add_cert(iossl_staple_shelf *shelf, const char *host, X509 *cert,
                     STACK_OF(X509) *chain, X509_STORE *store, iossl_error *err)
{
    kept *certs = realloc(shelf->certs, (shelf->n_certs + 1) * sizeof *certs);
    kept *k;

    if (certs == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    shelf->certs = certs;
    k = &certs[shelf->n_certs++];
    *k = (kept){.cert = cert, .demands = iossl_staple_is_demanded(cert)};
    X509_up_ref(cert);
    return shelf->responder->is_on ? prepare_asking(shelf, k, host, chain, store, err) : IOSSL_OK;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* An answer of the certificate's responder; NULL, and why. *is_revoked: it says so. */
static unsigned char *
ask_responder(const kept *k, int64_t deadline_ms, size_t *len, bool *is_revoked, char why[256])
{
    STACK_OF(X509) *issuers = sk_X509_new_null();
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    OCSP_CERTID *id = OCSP_CERTID_dup(k->subject.id);
    iossl_ocsp_reading reading = {0};
    iossl_ocsp_answer answer = {.kind = IOSSL_ANSWER_NONE};
    OCSP_RESPONSE *parsed = NULL;
    unsigned char *der = NULL;

    (void)snprintf(why, 256, "out of memory");
    if (issuers == NULL || request == NULL || id == NULL
        || sk_X509_push(issuers, k->subject.issuer) <= 0)
        goto done;
    if (OCSP_request_add0_id(request, id) == NULL)
        goto done;
    id = NULL;
    (void)snprintf(why, 256, "http request for OCSP failed");
    if (!iossl_ocsp_http_post(k->uri, request, deadline_ms, &der, len))
        goto done;
    parsed = iossl_staple_parse(der, *len);
    if (!iossl_ocsp_open(&reading, parsed, issuers, NULL, k->subject.library)) {
        (void)snprintf(why, 256, "%s", reading.text);
    } else {
        iossl_ocsp_ask(&reading, &k->subject, iossl_ocsp_now(), &answer);
        (void)snprintf(why, 256, "%s", answer.kind == IOSSL_ANSWER_NONE ? "no data in response"
                                                                        : answer.text);
    }
    *is_revoked = answer.kind == IOSSL_ANSWER_HARD && answer.entry.status == V_OCSP_CERTSTATUS_REVOKED;
    if (answer.kind != IOSSL_ANSWER_GOOD) {
        OPENSSL_free(der);
        der = NULL;
    }
done:
    iossl_ocsp_close(&reading);
    OCSP_RESPONSE_free(parsed);
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(request);
    sk_X509_free(issuers);
    ERR_clear_error();
    return der;
}

/* What the program's source hands over. */
typedef struct {
    unsigned char *der;         /* owned */
    size_t len;
} given;

static void
give(void *to, const void *der, size_t len)
{
    given *g = to;

    OPENSSL_free(g->der);
    g->der = len == 0 || len > IOSSL_STAPLE_MAX ? NULL : OPENSSL_memdup(der, len);
    g->len = g->der == NULL ? 0 : len;
}

static unsigned char *
ask_source(const iossl_shelf_source *source, X509 *cert, size_t *len, bool *refused)
{
    given g = {0};

    *refused = !source->get(source->arg, cert, give, &g);
    *len = g.len;
    return g.der;
}

/* ---- What was asked for ---------------------------------------------------------------------- */

/* Under the lock, like the next three. */
static bool
holds(const kept *k, int64_t now)
{
    return k->answer.der != NULL && is_now(k->from, k->until, now);
}

/* From then on it is to be asked for again. */
static int64_t
due_at(const kept *k)
{
    return k->answer.der == NULL ? INT64_MIN : k->from + (k->until - k->from) / 2;
}

/* Keeps an answer, which is taken, if it is worth it. */
static bool
keep(const iossl_staple_shelf *shelf, kept *k, unsigned char *der, size_t len, int64_t now)
{
    response fresh = {0};
    int64_t from, until;
    bool good;

    response_set(&fresh, der, len);
    good = good_time(&fresh, k->cert, shelf->library, &from, &until) && is_now(from, until, now)
           && (!holds(k, now) || until >= k->until);
    if (good) {
        response_cleanup(&k->answer);
        k->answer = fresh;
        k->from = from;
        k->until = until;
    } else {
        response_cleanup(&fresh);
    }
    return good;
}

/* How long a responder is left alone, that has answered or not: a minute, but not beyond the end of what
 * there is. */
static int64_t
next_question(const kept *k, int64_t now)
{
    int64_t next = now + RETRY_S;

    return holds(k, now) && due_at(k) > now ? 0 : holds(k, now) && k->until < next ? k->until : next;
}

/* The end of an attempt. A source of the program's that has nothing yet is asked each time. */
static void
note_attempt(const iossl_staple_shelf *shelf, kept *k, unsigned char *der, size_t len, bool is_source,
             bool is_revoked)
{
    int64_t now = iossl_ocsp_now();
    bool kept_it;

    if (is_revoked)             /* by its issuer's word: what it said before isn't so any more */
        response_cleanup(&k->answer);
    kept_it = keep(shelf, k, der, len, now);
    k->is_asking = false;
    if (is_source)
        k->next_try = kept_it || !holds(k, now) ? 0 : now + RETRY_S;
    else
        k->next_try = next_question(k, now);
}

static kept *
find_cert(const iossl_staple_shelf *shelf, const X509 *cert)
{
    for (size_t i = 0; i < shelf->n_certs; i++)
        if (X509_cmp(shelf->certs[i].cert, cert) == 0)
            return &shelf->certs[i];
    return NULL;
}

static bool
lock(const iossl_staple_shelf *shelf)
{
    return CRYPTO_THREAD_write_lock(shelf->lock) == 1;
}

static void
unlock(const iossl_staple_shelf *shelf)
{
    (void)CRYPTO_THREAD_unlock(shelf->lock);
}

/* The answers that another shelf has for the same certificates, copied. */
void
iossl_shelf_inherit(iossl_staple_shelf *shelf, const iossl_staple_shelf *from)
{
    if (!lock(from))
        return;
    for (size_t i = 0; i < from->n_certs; i++) {
        const kept *old = &from->certs[i];
        kept *k = find_cert(shelf, old->cert);
        unsigned char *der;
        size_t len;

        if (k != NULL && old->answer.der != NULL && (der = copy_of(&old->answer, &len)) != NULL
            && keep(shelf, k, der, len, iossl_ocsp_now()))
            k->next_try = old->next_try;
    }
    unlock(from);
}

/* Asks, if it is time and nobody is at it, who there is to be asked. */
static void
ask_if_due(iossl_staple_shelf *shelf, kept *k, const iossl_shelf_source *source, bool *refused)
{
    int64_t now = iossl_ocsp_now();
    unsigned char *der;
    size_t len = 0;
    bool asks, is_revoked = false;
    char why[sizeof k->why] = "the program's source has none";

    if (!lock(shelf))
        return;
    asks = !k->is_asking && now >= k->next_try && (!holds(k, now) || now >= due_at(k));
    k->is_asking = k->is_asking || asks;
    unlock(shelf);
    if (!asks)
        return;
    der = source->get != NULL
              ? ask_source(source, k->cert, &len, refused)
              : ask_responder(k, iossl_now_ms() + shelf->timeout_ms, &len, &is_revoked, why);
    if (!lock(shelf)) {
        OPENSSL_free(der);      /* and it is never asked again: but a lock doesn't fail */
        return;
    }
    note_attempt(shelf, k, der, len, source->get != NULL, is_revoked);
    (void)snprintf(k->why, sizeof k->why, "%s", why);
    unlock(shelf);
}

unsigned char *
iossl_shelf_take(iossl_staple_shelf *shelf, X509 *cert, const iossl_shelf_source *source,
                 size_t *len, bool *refused)
{
    kept *k = find_cert(shelf, cert);
    unsigned char *der = NULL;

    *refused = false;
    *len = 0;
    if (k != NULL && (source->get != NULL || k->subject.cert != NULL))
        ask_if_due(shelf, k, source, refused);
    if (*refused || !lock(shelf))
        return NULL;
    if (k != NULL && holds(k, iossl_ocsp_now()))
        der = copy_of(&k->answer, len);
    if (der == NULL)
        der = take_from_files(shelf, cert, len);
    if (k != NULL && der != NULL) {
        k->lack = HAD;
    } else if (k != NULL && k->demands && k->lack == HAD) {
        k->lack = LACKED;
        atomic_store(shelf->alarm, true);
    }
    unlock(shelf);
    return der;
}

bool
iossl_shelf_take_lack(iossl_staple_shelf *shelf, iossl_error *err)
{
    bool found = false;

    if (!lock(shelf))
        return false;
    for (size_t i = 0; !found && i < shelf->n_certs; i++) {
        kept *k = &shelf->certs[i];
        char *subject;

        if (k->lack != LACKED)
            continue;
        k->lack = TOLD;
        found = true;
        subject = iossl_cert_subject(k->cert);
        iossl_error_set(err, IOSSL_E_REVOKED, IOSSL_RANK_IO,
                        "the certificate \"%s\" demands a stapled OCSP response (RFC 7633), and there is "
                        "none that is valid now, so clients will refuse it%s%s",
                        subject == NULL ? "" : subject,
                        k->why[0] != '\0' ? ": " : "; give SSL_ocsp_staple_responder or "
                                                   "SSL_ocsp_staple_file", k->why);
        iossl_free(subject);
    }
    unlock(shelf);
    return found;
}

/* One certificate: asked about if it is due. */
static iossl_status
refresh_one(iossl_staple_shelf *shelf, kept *k, int64_t deadline_ms, int64_t *due_s,
            iossl_error *err)
{
    int64_t now = iossl_ocsp_now(), left;
    iossl_status status = IOSSL_OK;
    char why[256] = "another thread is asking";
    unsigned char *der;
    size_t len = 0;
    bool asks, is_revoked = false;

    if (!lock(shelf))
        return IOSSL_ERROR;
    asks = !k->is_asking && (!holds(k, now) || now >= due_at(k));
    k->is_asking = k->is_asking || asks;
    unlock(shelf);
    der = asks ? ask_responder(k, deadline_ms, &len, &is_revoked, why) : NULL;
    if (!lock(shelf)) {
        OPENSSL_free(der);
        return IOSSL_ERROR;
    }
    if (asks)
        note_attempt(shelf, k, der, len, false, is_revoked);
    now = iossl_ocsp_now();
    if (!holds(k, now)) {
        iossl_error_set(err, IOSSL_E_REVOKED, IOSSL_RANK_IO,
                        "no OCSP response to staple: %s: %s; subject: %s", k->uri, why,
                        k->subject.name);
        status = IOSSL_ERROR;
    }
    left = now < k->next_try ? k->next_try - now : due_at(k) > now ? due_at(k) - now : RETRY_S;
    if (left < *due_s)
        *due_s = left;
    unlock(shelf);
    return status;
}

iossl_status
iossl_shelf_refresh(iossl_staple_shelf *shelf, int64_t deadline_ms, int64_t *due_s,
                    iossl_error *err)
{
    iossl_status status = IOSSL_OK;

    for (size_t i = 0; i < shelf->n_certs; i++)
        if (shelf->certs[i].subject.cert != NULL
            && refresh_one(shelf, &shelf->certs[i], deadline_ms, due_s, err) != IOSSL_OK)
            status = IOSSL_ERROR;
    return status;
}
