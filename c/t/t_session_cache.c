/*
 * t_session_cache.c - the cache finds what was added, forgets the longest unused, and leaks nothing.
 */
#include <pthread.h>

#include "iossl.h"
#include "tap.h"

static SSL_SESSION *
new_session(void)
{
    SSL_SESSION *session = SSL_SESSION_new();

    if (session == NULL)
        bail_out("no memory");
    return session;
}

static bool
has(iossl_session_cache *cache, const char *key, const SSL_SESSION *want)
{
    SSL_SESSION *got = iossl_session_cache_get1(cache, key, NULL);

    SSL_SESSION_free(got);
    return got == want;
}

static void
test_order(void)
{
    iossl_session_cache *cache = iossl_session_cache_new(3, NULL);
    SSL_SESSION *a = new_session(), *b = new_session(), *c = new_session(), *d = new_session();

    ok(has(cache, "x", NULL), "an empty cache has nothing");
    ok(iossl_session_cache_add(cache, "x", a), "one session");
    ok(iossl_session_cache_add(cache, "x", b), "and a second for the same key");
    ok(has(cache, "x", b), "the latest is found");
    ok(iossl_session_cache_add(cache, "y", c), "one of another key");
    ok(has(cache, "y", c) && has(cache, "x", b), "each key has its own");
    ok(iossl_session_cache_add(cache, "x", a), "added again");
    is_size(iossl_session_cache_count(cache), 3, "a session is there once");
    ok(has(cache, "x", a), "and counts as used");
    ok(iossl_session_cache_add(cache, "z", d), "one too many");
    is_size(iossl_session_cache_count(cache), 3, "pushes one out");
    ok(has(cache, "y", NULL), "the one unused for longest");
    ok(has(cache, "x", a) && has(cache, "z", d), "no other");
    is_size(iossl_session_cache_del(cache, "x", NULL), 2, "a key goes with all its sessions");
    ok(has(cache, "x", NULL), "completely");
    is_size(iossl_session_cache_del(cache, NULL, d), 1, "a session goes without its key");
    is_size(iossl_session_cache_count(cache), 0, "which leaves nothing");
    is_size(iossl_session_cache_del(cache, "x", a), 0, "what isn't there can't go");
    iossl_session_cache_free(cache);
    SSL_SESSION_free(a);
    SSL_SESSION_free(b);
    SSL_SESSION_free(c);
    SSL_SESSION_free(d);
    ok(iossl_session_cache_new(0, NULL) == NULL, "a cache for nothing is none");
}

static void
test_many(void)
{
    iossl_session_cache *cache = iossl_session_cache_new(1000, NULL);
    SSL_SESSION *session = new_session();
    char key[32];
    int wrong = 0;

    for (int i = 0; i < 5000; i++) {
        SSL_SESSION *s = new_session();

        snprintf(key, sizeof key, "host%d:443", i);
        wrong += !iossl_session_cache_add(cache, key, s);
        SSL_SESSION_free(s);
    }
    is_size(iossl_session_cache_count(cache), 1000, "five thousand came, a thousand stayed");
    for (int i = 0; i < 5000; i++) {
        SSL_SESSION *s;

        snprintf(key, sizeof key, "host%d:443", i);
        s = iossl_session_cache_get1(cache, key, NULL);
        wrong += (s != NULL) != (i >= 4000);
        SSL_SESSION_free(s);
    }
    is_int(wrong, 0, "the latest thousand");
    iossl_session_cache_free(cache);
    SSL_SESSION_free(session);
}

static void *
hammer(void *arg)
{
    iossl_session_cache *cache = arg;
    char key[32];

    for (int i = 0; i < 2000; i++) {
        SSL_SESSION *s = SSL_SESSION_new();

        snprintf(key, sizeof key, "k%d", i % 37);
        if (s != NULL)
            (void)iossl_session_cache_add(cache, key, s);
        SSL_SESSION_free(iossl_session_cache_get1(cache, key, NULL));
        if (i % 5 == 0)
            (void)iossl_session_cache_del(cache, NULL, s);
        SSL_SESSION_free(s);
    }
    iossl_session_cache_free(cache);
    return NULL;
}

static void
test_threads(void)
{
    iossl_session_cache *cache = iossl_session_cache_new(50, NULL);
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, hammer, iossl_session_cache_up_ref(cache)) != 0)
            bail_out("no thread");
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ok(iossl_session_cache_count(cache) <= 50, "four threads at once keep to the limit");
    iossl_session_cache_free(cache);
}

int
main(void)
{
    tap_start();
    test_order();
    test_many();
    test_threads();
    return done_testing();
}
