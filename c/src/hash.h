/*
 * hash.h - the hash of the library's tables: FNV-1a of 64 bits, its halves folded.
 *
 * It isn't keyed. What is looked up by it are names that the program chose, and caches whose size is
 * bounded: who makes keys collide gets one long list of at most that size.
 */
#ifndef IOSSL_HASH_H
#define IOSSL_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline size_t
iossl_hash(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return (size_t)(h ^ (h >> 32));
}

#endif
