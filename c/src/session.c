/*
 * session.c - which sessions a client may offer again, and where it keeps them.
 *
 * Owns      the mark that ties a session to what it was verified under; the set of all marked sessions
 *           that are alive; the store over iossl_session_cache.
 * Promises  a session is offered only by a connection that asks for the very same name, scheme,
 *           pins, verification mode and trust, and shows the same certificate, whatever key it was
 *           kept under. A resumed handshake verifies no chain, so anything less would let a weaker
 *           connection vouch for a stricter one.
 * Leaves    order and bounds of the cache to session_cache.c; the name check on resumption, which
 *           comes on top, to verify.c.
 * See       SSL_CTX_sess_set_new_cb(3), RFC 8446 section 4.6.1 and appendix C.4.
 */
#include "session.h"

#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "compat.h"
#include "error.h"
#include "fingerprint.h"
#include "init.h"
#include "ocsp_staple.h"

/* ---- The mark -------------------------------------------------------------------------------- */

/* The length before each part keeps "ab" + "c" from "a" + "bc". */
static bool
add(EVP_MD_CTX *md, const void *bytes, size_t len)
{
    const uint64_t head = len;

    return EVP_DigestUpdate(md, &head, sizeof head) == 1
           && (len == 0 || EVP_DigestUpdate(md, bytes, len) == 1);
}

/* No text is something else than an empty one. */
static bool
add_text(EVP_MD_CTX *md, const char *text)
{
    /* NOLINTNEXTLINE(misc-redundant-expression): two pieces, though alike */
    return text == NULL ? add(md, "", 0) && add(md, "", 0) : add(md, text, strlen(text) + 1);
}

/* The list by what it is, where that is the same everywhere: a compiled-in one; else by where it is. */
static uintptr_t
psl_identity(const iossl_psl *psl, bool *is_local)
{
    static const iossl_psl_sections SECTIONS[] = {IOSSL_PSL_ICANN, IOSSL_PSL_PRIVATE, IOSSL_PSL_ALL};

    for (size_t i = 0; i < sizeof SECTIONS / sizeof SECTIONS[0]; i++)
        if (psl == iossl_psl_builtin(SECTIONS[i]))
            return (uintptr_t)SECTIONS[i];
    *is_local = psl != NULL;
    return (uintptr_t)psl;
}

/* How strong keys and signatures of the chain have to be, and what would be agreed on. */
static bool
add_limits(EVP_MD_CTX *md, SSL *ssl)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    const STACK_OF(SSL_CIPHER) *ciphers = SSL_get_ciphers(ssl);
    const unsigned long numbers[] = {(unsigned long)SSL_get_security_level(ssl),
                                     X509_VERIFY_PARAM_get_flags(param),
                                     (unsigned long)X509_VERIFY_PARAM_get_depth(param)};
    const int n = sk_SSL_CIPHER_num(ciphers);
    bool ok = add(md, numbers, sizeof numbers);
    uint32_t ids[64];       /* so many at once: each piece costs as much as a dozen of them */
    size_t n_ids = 0;

    for (int i = 0; ok && i < n; i++) {
        ids[n_ids++] = SSL_CIPHER_get_id(sk_SSL_CIPHER_value(ciphers, i));
        if (n_ids == sizeof ids / sizeof ids[0] || i == n - 1) {
            ok = add(md, ids, n_ids * sizeof ids[0]);
            n_ids = 0;
        }
    }
    return ok;
}

bool
iossl_binding_make(iossl_binding *out, const iossl_verifier *v, const unsigned char trust[32],
                   const unsigned char *id, SSL *ssl)
{
    const X509 *own_cert = SSL_get_certificate(ssl);
    const iossl_verify_settings *s = &v->settings;
    const int numbers[] = {(int)v->role, s->mode, s->require_pin, s->require_name, v->cb != NULL,
                           (int)s->scheme.wildcards_in_alt, (int)s->scheme.wildcards_in_cn,
                           (int)s->scheme.check_cn, (int)s->scheme.ip_in_cn, s->scheme.accept_any,
                           s->scheme.callback != NULL, iossl_staple_mode(s), (int)s->rules};
    unsigned char own[32], pins[32], tlsa[32];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool is_local = v->cb != NULL || s->scheme.callback != NULL;
    const uintptr_t psl = psl_identity(s->psl, &is_local);
    const size_t own_len = own_cert == NULL ? 0 : sizeof own;
    bool ok = md != NULL && EVP_DigestInit_ex(md, iossl_library_sha256(s->library), NULL) == 1;

    ok = ok && (s->pins == NULL || iossl_pins_digest(s->pins, s->library, pins))
         && (s->tlsa == NULL || iossl_tlsa_digest(s->tlsa, s->library, tlsa))
         && (own_cert == NULL || iossl_cert_sha256(own_cert, s->library, own));
    ok = ok && add(md, numbers, sizeof numbers) && add_text(md, v->name)
         && add(md, &psl, sizeof psl) && add(md, pins, s->pins != NULL ? sizeof pins : 0)
         && add(md, tlsa, s->tlsa != NULL ? sizeof tlsa : 0)
         && add(md, &s->scheme.callback_arg, sizeof(void *)) && add(md, trust, 32)
         && add(md, id, id != NULL ? 16 : 0) && add(md, own, own_len) && add_limits(md, ssl)
         && EVP_DigestFinal_ex(md, out->digest, NULL) == 1;
    EVP_MD_CTX_free(md);
    out->is_local = is_local;
    return ok;
}

/*
 * All sessions that carry a mark, by address: open hashing with linear probing, at most half full. A
 * store of the program's own gives numbers back, which may be anything by then.
 */
static struct {
    pthread_mutex_t lock;
    const SSL_SESSION **slots;
    size_t n_slots, n_used;         /* n_slots is 0 or a power of 2 */
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t
home_of(const SSL_SESSION *session)
{
    return (size_t)(((uintptr_t)session >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20)
           & (known.n_slots - 1);
}

/* Where the session is, or would be put. There is a free slot. */
static size_t
slot_of(const SSL_SESSION *session)
{
    size_t i = home_of(session);

    while (known.slots[i] != NULL && known.slots[i] != session)
        i = (i + 1) & (known.n_slots - 1);
    return i;
}

static bool
grow_known(void)
{
    const SSL_SESSION **old = known.slots;
    size_t n = known.n_slots, n_new = n == 0 ? 64 : 2 * n;
    const SSL_SESSION **slots = calloc(n_new, sizeof *slots);

    if (slots == NULL)
        return false;
    known.slots = slots;
    known.n_slots = n_new;
    for (size_t i = 0; i < n; i++)
        if (old[i] != NULL)
            slots[slot_of(old[i])] = old[i];
    free(old);
    return true;
}

static bool
remember(const SSL_SESSION *session)
{
    bool ok = true;

    (void)pthread_mutex_lock(&known.lock);
    if (2 * (known.n_used + 1) > known.n_slots)
        ok = grow_known();
    if (ok) {
        size_t i = slot_of(session);

        known.n_used += known.slots[i] == NULL;
        known.slots[i] = session;
    }
    (void)pthread_mutex_unlock(&known.lock);
    return ok;
}

static void
forget(const SSL_SESSION *session)
{
    size_t mask, i;

    (void)pthread_mutex_lock(&known.lock);
    if (known.n_slots > 0 && known.slots[i = slot_of(session)] != NULL) {
        mask = known.n_slots - 1;
        known.n_used--;
        known.slots[i] = NULL;
        /* Those behind it move up, so that each is found from its home on. */
        for (size_t j = (i + 1) & mask; known.slots[j] != NULL; j = (j + 1) & mask) {
            if (((j - home_of(known.slots[j])) & mask) >= ((j - i) & mask)) {
                known.slots[i] = known.slots[j];
                known.slots[j] = NULL;
                i = j;
            }
        }
        if (known.n_used == 0) {
            free(known.slots);
            known.slots = NULL;
            known.n_slots = 0;
        }
    }
    (void)pthread_mutex_unlock(&known.lock);
}

SSL_SESSION *
iossl_session_get1_known(const void *session)
{
    SSL_SESSION *found = NULL;

    (void)pthread_mutex_lock(&known.lock);
    if (session != NULL && known.n_slots > 0) {
        const SSL_SESSION *there = known.slots[slot_of(session)];

        /* Not const in truth: it was handed out as it is. */
        if (there != NULL && SSL_SESSION_up_ref((SSL_SESSION *)(uintptr_t)there) == 1)
            found = (SSL_SESSION *)(uintptr_t)there;
    }
    (void)pthread_mutex_unlock(&known.lock);
    return found;
}

static void
free_binding(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    if (ptr != NULL)
        forget(parent);
    free(ptr);
}

/* OpenSSL copies a session for each ticket of TLS 1.3 that comes: the mark goes with it. */
static int
copy_binding(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, iossl_compat_ex_ptr ptr, int idx,
             long argl, void *argp)
{
    void **mark = (void **)ptr;
    iossl_binding *copy;

    (void)to;
    (void)from;
    (void)idx;
    (void)argl;
    (void)argp;
    if (*mark == NULL)
        return 1;
    if ((copy = malloc(sizeof *copy)) == NULL)
        return 0;
    memcpy(copy, *mark, sizeof *copy);
    *mark = copy;
    return 1;
}

int
iossl_session_new_index(void)
{
    return SSL_SESSION_get_ex_new_index(0, NULL, NULL, copy_binding, free_binding);
}

bool
iossl_session_bind(SSL_SESSION *session, const iossl_binding *binding)
{
    int index = iossl_init_session_index();
    iossl_binding *old = SSL_SESSION_get_ex_data(session, index);
    iossl_binding *mark = malloc(sizeof *mark);

    if (mark == NULL)
        return false;
    *mark = *binding;
    if (!remember(session)) {
        free(mark);
        return false;
    }
    if (SSL_SESSION_set_ex_data(session, index, mark) != 1) {
        if (old == NULL)
            forget(session);
        free(mark);
        return false;
    }
    free(old);
    return true;
}

bool
iossl_session_is_bound_to(const SSL_SESSION *session, const iossl_binding *binding)
{
    const iossl_binding *mark = SSL_SESSION_get_ex_data(session, iossl_init_session_index());

    return mark != NULL && CRYPTO_memcmp(mark->digest, binding->digest, sizeof mark->digest) == 0;
}

/* ---- As bytes -------------------------------------------------------------------------------- */

unsigned char *
iossl_session_to_bytes(SSL_SESSION *session, size_t *len, iossl_error *err)
{
    const iossl_binding *mark = SSL_SESSION_get_ex_data(session, iossl_init_session_index());
    int der_len = mark == NULL || mark->is_local ? 0 : i2d_SSL_SESSION(session, NULL);
    unsigned char *bytes = NULL, *p;

    *len = 0;
    if (mark == NULL) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                        "a session that no connection of ours has made can't be told as bytes");
    } else if (mark->is_local) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_IO,
                        "a session that code of the program, or a list of its own, had a say in is good "
                        "in its own process only");
    } else if (der_len <= 0 || (bytes = malloc(sizeof mark->digest + (size_t)der_len)) == NULL) {
        iossl_error_memory(err);
    } else {
        memcpy(bytes, mark->digest, sizeof mark->digest);
        p = bytes + sizeof mark->digest;
        *len = sizeof mark->digest + (size_t)i2d_SSL_SESSION(session, &p);
    }
    iossl_error_clear_queue();
    return bytes;
}

SSL_SESSION *
iossl_session_from_bytes(const void *bytes, size_t len, iossl_error *err)
{
    SSL_SESSION *session = NULL;
    iossl_binding mark = {.is_local = false};
    const unsigned char *p;

    if (len > sizeof mark.digest && len <= LONG_MAX && iossl_init(err)) {
        memcpy(mark.digest, bytes, sizeof mark.digest);
        p = (const unsigned char *)bytes + sizeof mark.digest;
        session = d2i_SSL_SESSION(NULL, &p, (long)(len - sizeof mark.digest));
    }
    if (session == NULL) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_IO, "%zu bytes are no session", len);
    } else if (!iossl_session_bind(session, &mark)) {
        SSL_SESSION_free(session);
        session = NULL;
        iossl_error_memory(err);
    }
    iossl_error_clear_queue();
    return session;
}

int64_t
iossl_session_seconds_left(const SSL_SESSION *session, int64_t now)
{
    int64_t began = iossl_compat_session_time(session), lasts = SSL_SESSION_get_timeout(session);

    /* A session that comes out of a store may say anything: nothing of it may overflow. */
    if (began < 0 || now < 0 || lasts <= 0 || began > INT64_MAX - lasts)
        return 0;
    return began + lasts > now ? began + lasts - now : 0;
}

/* ---- Places ---------------------------------------------------------------------------------- */

static void
cache_add(void *arg, const char *key, SSL_SESSION *session)
{
    (void)iossl_session_cache_add(arg, key, session);     /* without it, the next one is longer */
}

/*
 * A ticket of TLS 1.3 is for one connection: it leaves the cache, so that another which begins meanwhile
 * takes the next. (OpenSSL won't resume it again once a handshake is done with it.) Each connection
 * brings new ones.
 */
static SSL_SESSION *
cache_get1(void *arg, const char *key)
{
    SSL_SESSION *session;

    while ((session = iossl_session_cache_get1(arg, key, NULL)) != NULL
           && SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION
           && iossl_session_cache_del(arg, key, session) == 0)
        SSL_SESSION_free(session);      /* another thread took it in between */
    return session;
}

static void
cache_del(void *arg, const char *key, SSL_SESSION *session)
{
    (void)iossl_session_cache_del(arg, key, session);
}

static void
cache_free(void *arg)
{
    iossl_session_cache_free(arg);
}

const iossl_session_store iossl_session_cache_store = {
    .add = cache_add, .get1 = cache_get1, .del = cache_del, .free = cache_free};

char *
iossl_session_id_key(const unsigned char *id, size_t len)
{
    char *key = malloc(2 * len + 1);

    if (key != NULL)
        key[0] = '\0';
    for (size_t i = 0; key != NULL && i < len; i++)
        (void)snprintf(key + 2 * i, 3, "%02x", id[i]);
    return key;
}

void
iossl_session_place_cleanup(iossl_session_place *place)
{
    if (place->store != NULL && place->store->free != NULL)
        place->store->free(place->arg);
    free(place->key);
    memset(place, 0, sizeof *place);
}
