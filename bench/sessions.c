/*
 * sessions.c - what the session cache costs as it grows: for growth.
 *
 *   sessions N     fills a cache with N sessions; prints microseconds for an entry added to the full
 *                  cache (the oldest leaves), and for one found
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <iossl.h>

#define TRIES 20000

static double
now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static const char *
key_of(size_t i)
{
    static char key[32];

    (void)snprintf(key, sizeof key, "host%zu:443", i);
    return key;
}

int
main(int argc, char **argv)
{
    size_t n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0, i;
    iossl_session_cache *cache = iossl_session_cache_new(n, NULL);
    double start, added, found;

    if (cache == NULL)
        return 2;
    for (i = 0; i < n + TRIES; i++) {
        SSL_SESSION *session = SSL_SESSION_new();

        if (i == n)
            start = now_us();
        (void)iossl_session_cache_add(cache, key_of(i), session);
        SSL_SESSION_free(session);
    }
    added = (now_us() - start) / TRIES;
    start = now_us();
    for (i = 0; i < TRIES; i++)
        SSL_SESSION_free(iossl_session_cache_get1(cache, key_of(TRIES + i * 7919 % n), NULL));
    found = (now_us() - start) / TRIES;
    printf("%.6g %.6g\n", added, found);
    iossl_session_cache_free(cache);
    return 0;
}
