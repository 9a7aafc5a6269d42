/*
 * lru.h - the order in which the entries of a cache were last used; the first out is the last of it.
 *
 * Intrusive: an entry has an iossl_lru_link as its first member, so a link and its entry share an
 * address. Nothing is allocated, nothing locked; each operation is O(1).
 */
#ifndef IOSSL_LRU_H
#define IOSSL_LRU_H

#include <stddef.h>

typedef struct iossl_lru_link {
    struct iossl_lru_link *newer, *older;
} iossl_lru_link;

typedef struct {
    iossl_lru_link *newest, *oldest;
} iossl_lru;

static inline void
iossl_lru_add(iossl_lru *lru, iossl_lru_link *link)
{
    link->newer = NULL;
    link->older = lru->newest;
    if (lru->newest != NULL)
        lru->newest->newer = link;
    else
        lru->oldest = link;
    lru->newest = link;
}

static inline void
iossl_lru_remove(iossl_lru *lru, iossl_lru_link *link)
{
    if (link->newer != NULL)
        link->newer->older = link->older;
    else
        lru->newest = link->older;
    if (link->older != NULL)
        link->older->newer = link->newer;
    else
        lru->oldest = link->newer;
}

static inline void
iossl_lru_touch(iossl_lru *lru, iossl_lru_link *link)
{
    iossl_lru_remove(lru, link);
    iossl_lru_add(lru, link);
}

#endif
