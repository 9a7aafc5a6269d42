/*
 * ocsp_cache.c - answers of OCSP responders, so that none is asked for again while one holds.
 *
 * Owns      the table by certificate id, the order of use, the time until which an answer holds.
 * Promises  at most so many answers as it was made for: the one unused for longest goes first. Each
 *           operation is O(1). Safe from any thread; an entry that is lent is immutable, and stays
 *           whole even if it is replaced meanwhile.
 * Leaves    what is kept and for how long to ocsp_staple.c and ocsp_resolver.c.
 */
#include "ocsp_cache.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "error.h"
#include "hash.h"
#include "lru.h"

#define FIRST_BUCKETS 16

typedef struct node node;

struct node {
    iossl_lru_link use;         /* first, for lru.h */
    atomic_size_t refs;
    node *next;                 /* in its bucket */
    iossl_ocsp_entry entry;     /* its strings are in bytes, after the key */
    size_t hash;
    size_t key_len;
    char bytes[];
};

struct iossl_ocsp_cache {
    atomic_size_t refs;
    CRYPTO_RWLOCK *lock;
    size_t max, count;
    size_t mask;                /* number of buckets minus one */
    node **buckets;             /* NULL until something is put */
    iossl_lru order;
};

/* ---- Nodes ----------------------------------------------------------------------------------- */

/* Puts a string after what is there; NULL stays NULL. */
static const char *
append(char **end, const char *text)
{
    size_t size;
    char *place = *end;

    if (text == NULL)
        return NULL;
    size = strlen(text) + 1;
    memcpy(place, text, size);
    *end += size;
    return place;
}

static node *
new_node(const unsigned char *key, size_t len, const iossl_ocsp_entry *entry)
{
    size_t hard = entry->hard_error == NULL ? 0 : strlen(entry->hard_error) + 1;
    size_t soft = entry->soft_error == NULL ? 0 : strlen(entry->soft_error) + 1;
    node *n = malloc(sizeof *n + len + hard + soft);
    char *end;

    if (n == NULL)
        return NULL;
    *n = (node){.entry = *entry, .hash = iossl_hash(key, len), .key_len = len};
    atomic_init(&n->refs, 1);
    memcpy(n->bytes, key, len);
    end = n->bytes + len;
    n->entry.hard_error = append(&end, entry->hard_error);
    n->entry.soft_error = append(&end, entry->soft_error);
    return n;
}

static void
free_node(node *n)
{
    if (n != NULL && atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) == 1)
        free(n);
}

/* Until when an entry holds; one that tells nothing of it doesn't. */
static bool
is_fresh(const iossl_ocsp_entry *entry, int64_t now)
{
    return now < (entry->expires != 0 ? entry->expires : entry->next_update);
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* Where the node of this key is linked in, or where one would be. */
static node **
find(iossl_ocsp_cache *cache, const unsigned char *key, size_t len, size_t hash)
{
    node **at = &cache->buckets[hash & cache->mask];

    while (*at != NULL && ((*at)->hash != hash || (*at)->key_len != len
                           || memcmp((*at)->bytes, key, len) != 0))
        at = &(*at)->next;
    return at;
}

/* Takes a node out; the reference of the cache is the caller's then. */
static node *
take_out(iossl_ocsp_cache *cache, node **at)
{
    node *n = *at;

    *at = n->next;
    iossl_lru_remove(&cache->order, &n->use);
    cache->count--;
    return n;
}

static bool
grow(iossl_ocsp_cache *cache)
{
    size_t buckets = cache->buckets == NULL ? FIRST_BUCKETS : 2 * (cache->mask + 1);
    node **table = calloc(buckets, sizeof(*table));

    if (table == NULL)
        return cache->buckets != NULL;      /* a full table is only slower */
    free(cache->buckets);
    cache->buckets = table;
    cache->mask = buckets - 1;
    for (iossl_lru_link *use = cache->order.newest; use != NULL; use = use->older) {
        node *n = (node *)use;

        n->next = table[n->hash & cache->mask];
        table[n->hash & cache->mask] = n;
    }
    return true;
}

/* ---- Life ------------------------------------------------------------------------------------ */

iossl_ocsp_cache *
iossl_ocsp_cache_new(size_t max, iossl_error *err)
{
    iossl_ocsp_cache *cache;

    if (max == 0) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                        "an OCSP cache for no answer: give a size of 1 or more");
        return NULL;
    }
    if ((cache = calloc(1, sizeof *cache)) == NULL) {
        iossl_error_memory(err);
        return NULL;
    }
    atomic_init(&cache->refs, 1);
    cache->max = max;
    if ((cache->lock = CRYPTO_THREAD_lock_new()) == NULL) {
        iossl_ocsp_cache_free(cache);
        iossl_error_memory(err);
        return NULL;
    }
    return cache;
}

iossl_ocsp_cache *
iossl_ocsp_cache_up_ref(iossl_ocsp_cache *cache)
{
    if (cache != NULL)
        atomic_fetch_add_explicit(&cache->refs, 1, memory_order_relaxed);
    return cache;
}

void
iossl_ocsp_cache_free(iossl_ocsp_cache *cache)
{
    if (cache == NULL || atomic_fetch_sub_explicit(&cache->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (iossl_lru_link *use = cache->order.newest, *older; use != NULL; use = older) {
        older = use->older;
        free_node((node *)use);
    }
    free(cache->buckets);
    CRYPTO_THREAD_lock_free(cache->lock);
    free(cache);
}

/* ---- Use ------------------------------------------------------------------------------------- */

bool
iossl_ocsp_cache_put(iossl_ocsp_cache *cache, const void *key, size_t key_len,
                     const iossl_ocsp_entry *entry)
{
    node *n = new_node(key, key_len, entry), *twin = NULL, *gone = NULL, **at;

    if (n == NULL)
        return false;
    if (CRYPTO_THREAD_write_lock(cache->lock) != 1) {
        free_node(n);
        return false;
    }
    if ((cache->buckets == NULL || cache->count > cache->mask) && !grow(cache)) {
        (void)CRYPTO_THREAD_unlock(cache->lock);
        free_node(n);
        return false;
    }
    at = find(cache, key, key_len, n->hash);
    if (*at != NULL)
        twin = take_out(cache, at);
    else if (cache->count == cache->max) {
        node *last = (node *)cache->order.oldest;

        gone = take_out(cache, find(cache, (unsigned char *)last->bytes, last->key_len,
                                    last->hash));
    }
    n->next = cache->buckets[n->hash & cache->mask];
    cache->buckets[n->hash & cache->mask] = n;
    iossl_lru_add(&cache->order, &n->use);
    cache->count++;
    (void)CRYPTO_THREAD_unlock(cache->lock);
    free_node(twin);
    free_node(gone);
    return true;
}

bool
iossl_ocsp_cache_get(iossl_ocsp_cache *cache, const void *key, size_t key_len,
                     iossl_ocsp_entry_fn fn, void *to)
{
    size_t hash = iossl_hash(key, key_len);
    node *found = NULL, **at;
    bool fresh = false;

    if (CRYPTO_THREAD_write_lock(cache->lock) != 1)
        return false;
    if (cache->buckets != NULL && *(at = find(cache, key, key_len, hash)) != NULL) {
        if ((fresh = is_fresh(&(*at)->entry, iossl_ocsp_now()))) {
            found = *at;
            atomic_fetch_add_explicit(&found->refs, 1, memory_order_relaxed);
            iossl_lru_touch(&cache->order, &found->use);
        } else {
            found = take_out(cache, at);
        }
    }
    (void)CRYPTO_THREAD_unlock(cache->lock);
    if (fresh)
        fn(to, &found->entry);
    free_node(found);
    return fresh;
}

size_t
iossl_ocsp_cache_count(iossl_ocsp_cache *cache)
{
    size_t n;

    if (CRYPTO_THREAD_read_lock(cache->lock) != 1)
        return 0;
    n = cache->count;
    (void)CRYPTO_THREAD_unlock(cache->lock);
    return n;
}

/* ---- Places ---------------------------------------------------------------------------------- */

struct iossl_ocsp_place {
    atomic_size_t refs;
    const iossl_ocsp_store *store;
    void *arg;                  /* owned */
};

static void
cache_put(void *arg, const void *key, size_t key_len, const iossl_ocsp_entry *entry)
{
    (void)iossl_ocsp_cache_put(arg, key, key_len, entry);   /* without memory, it is asked again */
}

static bool
cache_get(void *arg, const void *key, size_t key_len, iossl_ocsp_entry_fn fn, void *to)
{
    return iossl_ocsp_cache_get(arg, key, key_len, fn, to);
}

static void
cache_free(void *arg)
{
    iossl_ocsp_cache_free(arg);
}

static const iossl_ocsp_store CACHE_STORE = {
    .put = cache_put, .get = cache_get, .free = cache_free};

iossl_ocsp_place *
iossl_ocsp_place_new(const iossl_ocsp_store *store, void *arg)
{
    iossl_ocsp_place *place = malloc(sizeof *place);

    if (place == NULL) {
        if (store->free != NULL)
            store->free(arg);
        return NULL;
    }
    *place = (iossl_ocsp_place){.store = store, .arg = arg};
    atomic_init(&place->refs, 1);
    return place;
}

iossl_ocsp_place *
iossl_ocsp_place_new_cache(iossl_ocsp_cache *cache)
{
    return iossl_ocsp_place_new(&CACHE_STORE, iossl_ocsp_cache_up_ref(cache));
}

iossl_ocsp_place *
iossl_ocsp_place_up_ref(iossl_ocsp_place *place)
{
    if (place != NULL)
        atomic_fetch_add_explicit(&place->refs, 1, memory_order_relaxed);
    return place;
}

void
iossl_ocsp_place_free(iossl_ocsp_place *place)
{
    if (place == NULL || atomic_fetch_sub_explicit(&place->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (place->store->free != NULL)
        place->store->free(place->arg);
    free(place);
}

iossl_ocsp_cache *
iossl_ocsp_place_get0_cache(const iossl_ocsp_place *place)
{
    return place->store == &CACHE_STORE ? place->arg : NULL;
}

void
iossl_ocsp_place_put(iossl_ocsp_place *place, const iossl_ocsp_subject *subject,
                     const iossl_ocsp_entry *facts, const char *hard_error,
                     const char *soft_error)
{
    iossl_ocsp_entry entry = *facts;

    if (place == NULL)
        return;
    entry.hard_error = hard_error;
    entry.soft_error = soft_error;
    place->store->put(place->arg, subject->key, subject->key_len, &entry);
}

/* What the program's store hands out may be older than what it promised. */
typedef struct {
    iossl_ocsp_entry_fn fn;
    void *to;
    bool passed;
} freshness_gate;

/* One without status and error would count as not revoked. */
static bool
says_something(const iossl_ocsp_entry *entry)
{
    return entry->status != IOSSL_OCSP_STATUS_NONE || entry->hard_error != NULL || entry->soft_error != NULL;
}

static void
pass_if_fresh(void *to, const iossl_ocsp_entry *entry)
{
    freshness_gate *gate = to;

    if (gate->passed || !says_something(entry) || !is_fresh(entry, iossl_ocsp_now()))
        return;
    gate->passed = true;
    gate->fn(gate->to, entry);
}

bool
iossl_ocsp_place_get(iossl_ocsp_place *place, const iossl_ocsp_subject *subject,
                     iossl_ocsp_entry_fn fn, void *to)
{
    freshness_gate gate = {.fn = fn, .to = to};

    if (place != NULL)
        (void)place->store->get(place->arg, subject->key, subject->key_len, pass_if_fresh, &gate);
    return gate.passed;
}
