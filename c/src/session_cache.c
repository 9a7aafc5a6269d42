/*
 * session_cache.c - a client's sessions, so that the next connection to the same place is short.
 *
 * Owns      the table by key, the order of use, and a reference of each session in it.
 * Promises  at most so many sessions as it was made for: the one unused for longest goes first.
 *           Every operation is O(1) but for removing by session alone, which looks at no more than
 *           the sessions that share its hash. Safe from any thread.
 * Leaves    whether a session may be offered to session.c; what a key is to the caller.
 * See       SSL_CTX_sess_set_new_cb(3), SSL_SESSION_free(3).
 *
 * A session is in three lists at once: the one of its key's bucket, the one of all by use, and the
 * one of its own address, by which OpenSSL asks for removal without knowing a key.
 */
#include "iossl.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "error.h"
#include "hash.h"
#include "lru.h"

typedef struct entry entry;

struct entry {
    iossl_lru_link use;             /* first, for lru.h */
    entry *key_next, **key_prev;    /* in the bucket of the key, latest used first */
    entry *id_next, **id_prev;      /* in the bucket of the session's address */
    SSL_SESSION *session;           /* a reference */
    size_t key_hash;
    char key[];
};

struct iossl_session_cache {
    atomic_size_t refs;
    CRYPTO_RWLOCK *lock;
    size_t max, count;
    size_t mask;                    /* number of buckets minus one, a power of two minus one */
    entry **by_key, **by_id;
    iossl_lru order;
};

/* ---- Lists ----------------------------------------------------------------------------------- */

static size_t
hash_session(const SSL_SESSION *session)
{
    uint64_t h = (uint64_t)(uintptr_t)session * UINT64_C(0x9E3779B97F4A7C15);

    return (size_t)(h >> 32);
}

static void
link_key(iossl_session_cache *cache, entry *e)
{
    entry **bucket = &cache->by_key[e->key_hash & cache->mask];

    e->key_next = *bucket;
    e->key_prev = bucket;
    if (*bucket != NULL)
        (*bucket)->key_prev = &e->key_next;
    *bucket = e;
}

static void
unlink_key(entry *e)
{
    *e->key_prev = e->key_next;
    if (e->key_next != NULL)
        e->key_next->key_prev = e->key_prev;
}

static void
link_id(iossl_session_cache *cache, entry *e)
{
    entry **bucket = &cache->by_id[hash_session(e->session) & cache->mask];

    e->id_next = *bucket;
    e->id_prev = bucket;
    if (*bucket != NULL)
        (*bucket)->id_prev = &e->id_next;
    *bucket = e;
}

static void
unlink_id(entry *e)
{
    *e->id_prev = e->id_next;
    if (e->id_next != NULL)
        e->id_next->id_prev = e->id_prev;
}

static void
touch(iossl_session_cache *cache, entry *e)
{
    iossl_lru_touch(&cache->order, &e->use);
    unlink_key(e);
    link_key(cache, e);
}

/* Takes an entry out; the caller frees it once the lock is released. */
static void
take_out(iossl_session_cache *cache, entry *e)
{
    unlink_key(e);
    unlink_id(e);
    iossl_lru_remove(&cache->order, &e->use);
    cache->count--;
}

static void
free_entry(entry *e)
{
    if (e == NULL)
        return;
    SSL_SESSION_free(e->session);
    free(e);
}

/* The latest used entry of this key, and of this session where one is given. */
static entry *
find(const iossl_session_cache *cache, const char *key, const SSL_SESSION *session)
{
    size_t h = iossl_hash(key, strlen(key));

    for (entry *e = cache->by_key[h & cache->mask]; e != NULL; e = e->key_next)
        if (e->key_hash == h && (session == NULL || e->session == session)
            && strcmp(e->key, key) == 0)
            return e;
    return NULL;
}

static entry *
find_session(const iossl_session_cache *cache, const SSL_SESSION *session)
{
    for (entry *e = cache->by_id[hash_session(session) & cache->mask]; e != NULL; e = e->id_next)
        if (e->session == session)
            return e;
    return NULL;
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* Buckets grow with what is in the cache, not with what it might once hold. */
static bool
resize(iossl_session_cache *cache, size_t buckets)
{
    entry **by_key = calloc(buckets, sizeof *by_key);
    entry **by_id = calloc(buckets, sizeof *by_id);

    if (by_key == NULL || by_id == NULL) {
        free(by_key);
        free(by_id);
        return false;
    }
    free(cache->by_key);
    free(cache->by_id);
    cache->by_key = by_key;
    cache->by_id = by_id;
    cache->mask = buckets - 1;
    /* From the longest unused on, so that the latest used of a key comes to stand first. */
    for (iossl_lru_link *use = cache->order.oldest; use != NULL; use = use->newer) {
        link_key(cache, (entry *)use);
        link_id(cache, (entry *)use);
    }
    return true;
}

iossl_session_cache *
iossl_session_cache_new(size_t max, iossl_error *err)
{
    iossl_session_cache *cache;

    if (max == 0) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                        "a session cache for no session: give a size of 1 or more");
        return NULL;
    }
    if ((cache = calloc(1, sizeof *cache)) == NULL) {
        iossl_error_memory(err);
        return NULL;
    }
    atomic_init(&cache->refs, 1);
    cache->max = max;
    if ((cache->lock = CRYPTO_THREAD_lock_new()) == NULL || !resize(cache, 16)) {
        iossl_session_cache_free(cache);
        iossl_error_memory(err);
        return NULL;
    }
    return cache;
}

iossl_session_cache *
iossl_session_cache_up_ref(iossl_session_cache *cache)
{
    if (cache != NULL)
        atomic_fetch_add_explicit(&cache->refs, 1, memory_order_relaxed);
    return cache;
}

void
iossl_session_cache_free(iossl_session_cache *cache)
{
    if (cache == NULL || atomic_fetch_sub_explicit(&cache->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (iossl_lru_link *use = cache->order.newest, *older; use != NULL; use = older) {
        older = use->older;
        free_entry((entry *)use);
    }
    free(cache->by_key);
    free(cache->by_id);
    CRYPTO_THREAD_lock_free(cache->lock);
    free(cache);
}

/* ---- Use ------------------------------------------------------------------------------------- */

bool
iossl_session_cache_add(iossl_session_cache *cache, const char *key, SSL_SESSION *session)
{
    size_t size = strlen(key) + 1;
    entry *e = malloc(sizeof *e + size);
    entry *gone = NULL, *twin;
    bool ok = e != NULL;

    if (!ok || CRYPTO_THREAD_write_lock(cache->lock) != 1) {
        free(e);
        return false;
    }
    if ((twin = find(cache, key, session)) != NULL) {
        touch(cache, twin);
        free(e);
    } else {
        if (cache->count > cache->mask && cache->mask < SIZE_MAX / 4)
            (void)resize(cache, 2 * (cache->mask + 1));     /* without it, only slower */
        memcpy(e->key, key, size);
        e->key_hash = iossl_hash(key, size - 1);
        e->session = session;
        SSL_SESSION_up_ref(session);
        link_key(cache, e);
        link_id(cache, e);
        iossl_lru_add(&cache->order, &e->use);
        if (++cache->count > cache->max) {
            gone = (entry *)cache->order.oldest;
            take_out(cache, gone);
        }
    }
    (void)CRYPTO_THREAD_unlock(cache->lock);
    free_entry(gone);
    return true;
}

SSL_SESSION *
iossl_session_cache_get1(iossl_session_cache *cache, const char *key, const SSL_SESSION *session)
{
    SSL_SESSION *found = NULL;
    entry *e;

    if (CRYPTO_THREAD_write_lock(cache->lock) != 1)
        return NULL;
    if ((e = find(cache, key, session)) != NULL) {
        touch(cache, e);
        found = e->session;
        SSL_SESSION_up_ref(found);
    }
    (void)CRYPTO_THREAD_unlock(cache->lock);
    return found;
}

size_t
iossl_session_cache_del(iossl_session_cache *cache, const char *key, const SSL_SESSION *session)
{
    entry *gone = NULL, *e;
    size_t n = 0;

    if ((key == NULL && session == NULL) || CRYPTO_THREAD_write_lock(cache->lock) != 1)
        return 0;
    while ((e = key != NULL ? find(cache, key, session) : find_session(cache, session)) != NULL) {
        take_out(cache, e);
        e->key_next = gone;     /* reused to chain what is freed after unlocking */
        gone = e;
        n++;
    }
    (void)CRYPTO_THREAD_unlock(cache->lock);
    while (gone != NULL) {
        e = gone->key_next;
        free_entry(gone);
        gone = e;
    }
    return n;
}

size_t
iossl_session_cache_count(iossl_session_cache *cache)
{
    size_t n;

    if (CRYPTO_THREAD_read_lock(cache->lock) != 1)
        return 0;
    n = cache->count;
    (void)CRYPTO_THREAD_unlock(cache->lock);
    return n;
}
