/*
 * t_ocsp_cache.c - an answer is found as long as it holds; the longest unused goes first.
 */
#include <pthread.h>
#include <time.h>

#include "iossl.h"
#include "tap.h"

static int64_t now;

static iossl_ocsp_entry
entry_for(int64_t expires, const char *hard, const char *soft)
{
    return (iossl_ocsp_entry){.status = IOSSL_OCSP_STATUS_GOOD, .reason = -1, .this_update = now,
                              .expires = expires, .hard_error = hard, .soft_error = soft};
}

typedef struct {
    int calls;
    iossl_ocsp_entry entry;
    char hard[64], soft[64];
} seen;

static void
see(void *to, const iossl_ocsp_entry *entry)
{
    seen *s = to;

    s->calls++;
    s->entry = *entry;
    snprintf(s->hard, sizeof s->hard, "%s", entry->hard_error == NULL ? "-" : entry->hard_error);
    snprintf(s->soft, sizeof s->soft, "%s", entry->soft_error == NULL ? "-" : entry->soft_error);
}

static bool
has(iossl_ocsp_cache *cache, const char *key, seen *s)
{
    *s = (seen){0};
    return iossl_ocsp_cache_get(cache, key, strlen(key), see, s);
}

static bool
put(iossl_ocsp_cache *cache, const char *key, int64_t expires, const char *hard, const char *soft)
{
    const iossl_ocsp_entry entry = entry_for(expires, hard, soft);

    return iossl_ocsp_cache_put(cache, key, strlen(key), &entry);
}

static void
test_entries(void)
{
    iossl_ocsp_cache *cache = iossl_ocsp_cache_new(3, NULL);
    iossl_ocsp_entry by_next = {.status = IOSSL_OCSP_STATUS_GOOD, .next_update = now + 100};
    seen s;

    ok(!has(cache, "a", &s), "an empty cache has nothing");
    ok(put(cache, "a", now + 100, NULL, "soft a"), "an entry");
    ok(has(cache, "a", &s) && s.calls == 1, "is found, once");
    is_str(s.soft, "soft a", "with its soft error");
    is_str(s.hard, "-", "and none that it hasn't");
    is_int(s.entry.expires, now + 100, "and its time");
    ok(put(cache, "a", now + 100, "hard a", NULL) && has(cache, "a", &s), "put again");
    is_str(s.hard, "hard a", "it is replaced");
    is_size(iossl_ocsp_cache_count(cache), 1, "not doubled");
    ok(put(cache, "old", now - 1, NULL, NULL) && !has(cache, "old", &s),
       "one that doesn't hold any more isn't found");
    is_size(iossl_ocsp_cache_count(cache), 1, "and is gone then");
    ok(iossl_ocsp_cache_put(cache, "n", 1, &by_next) && has(cache, "n", &s),
       "one without an expiry holds until its next update");
    by_next.next_update = now - 1;
    ok(iossl_ocsp_cache_put(cache, "n", 1, &by_next) && !has(cache, "n", &s), "and not longer");
    by_next.next_update = 0;
    ok(iossl_ocsp_cache_put(cache, "n", 1, &by_next) && !has(cache, "n", &s),
       "one that says neither doesn't hold");
    ok(put(cache, "b", now + 9, NULL, NULL) && put(cache, "c", now + 9, NULL, NULL), "three");
    ok(has(cache, "a", &s), "the first is used again");
    ok(put(cache, "d", now + 9, NULL, NULL), "a fourth");
    is_size(iossl_ocsp_cache_count(cache), 3, "pushes one out");
    ok(!has(cache, "b", &s), "the one unused for longest");
    ok(has(cache, "a", &s) && has(cache, "c", &s) && has(cache, "d", &s), "no other");
    iossl_ocsp_cache_free(cache);
    ok(iossl_ocsp_cache_new(0, NULL) == NULL, "a cache for nothing is none");
    iossl_ocsp_cache_free(NULL);
}

static void
test_many(void)
{
    iossl_ocsp_cache *cache = iossl_ocsp_cache_new(1000, NULL);
    char key[32];
    int wrong = 0;
    seen s;

    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "certificate %d", i);
        wrong += !put(cache, key, now + 1000, NULL, key);
    }
    is_size(iossl_ocsp_cache_count(cache), 1000, "five thousand came, a thousand stayed");
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "certificate %d", i);
        wrong += has(cache, key, &s) != (i >= 4000) || (i >= 4000 && strcmp(s.soft, key) != 0);
    }
    is_int(wrong, 0, "the latest thousand, each with its own");
    iossl_ocsp_cache_free(cache);
}

/* What looks into the cache while an entry is lent, as a callback of a program may. */
static void
look_again(void *to, const iossl_ocsp_entry *entry)
{
    seen s;

    (void)put(to, "x", now + 50, "other", NULL);
    ok(strcmp(entry->soft_error, "lent") == 0, "what is lent stays whole, even if it is replaced");
    ok(has(to, "x", &s) && strcmp(s.hard, "other") == 0, "and the cache can be used meanwhile");
}

static void *
hammer(void *arg)
{
    iossl_ocsp_cache *cache = arg;
    char key[32];
    seen s;

    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "k%d", i % 61);
        (void)put(cache, key, i % 7 == 0 ? now - 1 : now + 1000, NULL, key);
        if (has(cache, key, &s) && strcmp(s.soft, key) != 0)
            abort();
    }
    iossl_ocsp_cache_free(cache);
    return NULL;
}

static void
test_threads(void)
{
    iossl_ocsp_cache *cache = iossl_ocsp_cache_new(50, NULL);
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, hammer, iossl_ocsp_cache_up_ref(cache)) != 0)
            bail_out("no thread");
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ok(iossl_ocsp_cache_count(cache) <= 50, "four threads at once keep to the limit");
    iossl_ocsp_cache_free(cache);
}

int
main(void)
{
    iossl_ocsp_cache *cache;

    tap_start();
    now = (int64_t)time(NULL);
    test_entries();
    test_many();
    cache = iossl_ocsp_cache_new(5, NULL);
    ok(put(cache, "x", now + 50, NULL, "lent")
           && iossl_ocsp_cache_get(cache, "x", 1, look_again, cache),
       "a callback that uses the cache");
    iossl_ocsp_cache_free(cache);
    test_threads();
    return done_testing();
}
