/*
 * strmap.c - a map from strings to pointers, for tables of host names and of files.
 *
 * Owns      its keys, and its values where it was given a function to free them.
 * Promises  O(1) lookup; entries keep the order they came in; reading is safe from many threads
 *           once no one writes.
 * Leaves    case folding to the caller.
 *
 * Entries lie in one array; an open-addressed table of indexes, never more than half full, finds
 * them.
 */
#include "strmap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

typedef struct {
    char *key;
    void *value;
} entry;

struct iossl_strmap {
    entry *entries;
    size_t count, room;
    size_t *slots;          /* index into entries plus one; 0 is empty */
    size_t slot_mask;       /* number of slots minus one, a power of two minus one */
    void (*free_value)(void *);
};

/* The slot where key is, or the empty one where it would go. */
static size_t
find(const iossl_strmap *map, const char *key)
{
    size_t i = iossl_hash(key, strlen(key)) & map->slot_mask;

    while (map->slots[i] != 0 && strcmp(map->entries[map->slots[i] - 1].key, key) != 0)
        i = (i + 1) & map->slot_mask;
    return i;
}

static bool
grow(iossl_strmap *map)
{
    size_t room = map->room == 0 ? 4 : 2 * map->room;
    entry *entries;
    size_t *slots;

    if (room > SIZE_MAX / (4 * sizeof *entries))
        return false;
    if ((entries = realloc(map->entries, room * sizeof *entries)) == NULL)
        return false;
    map->entries = entries;
    if ((slots = calloc(2 * room, sizeof *slots)) == NULL)
        return false;
    free(map->slots);
    map->slots = slots;
    map->slot_mask = 2 * room - 1;
    map->room = room;
    for (size_t i = 0; i < map->count; i++)
        map->slots[find(map, map->entries[i].key)] = i + 1;
    return true;
}

iossl_strmap *
iossl_strmap_new(void (*free_value)(void *))
{
    iossl_strmap *map = calloc(1, sizeof *map);

    if (map != NULL)
        map->free_value = free_value;
    return map;
}

void
iossl_strmap_free(iossl_strmap *map)
{
    if (map == NULL)
        return;
    for (size_t i = 0; i < map->count; i++) {
        if (map->free_value != NULL)
            map->free_value(map->entries[i].value);
        free(map->entries[i].key);
    }
    free(map->entries);
    free(map->slots);
    free(map);
}

bool
iossl_strmap_put(iossl_strmap *map, const char *key, void *value)
{
    size_t slot;
    char *copy;

    if (map->count == map->room && !grow(map))
        return false;
    slot = find(map, key);
    if (map->slots[slot] != 0) {
        entry *old = &map->entries[map->slots[slot] - 1];

        if (map->free_value != NULL && old->value != value)
            map->free_value(old->value);
        old->value = value;
        return true;
    }
    if ((copy = strdup(key)) == NULL)
        return false;
    map->entries[map->count] = (entry){.key = copy, .value = value};
    map->slots[slot] = ++map->count;
    return true;
}

void *
iossl_strmap_get(const iossl_strmap *map, const char *key)
{
    size_t slot;

    if (map == NULL || key == NULL || map->count == 0)
        return NULL;
    slot = find(map, key);
    return map->slots[slot] == 0 ? NULL : map->entries[map->slots[slot] - 1].value;
}

size_t
iossl_strmap_count(const iossl_strmap *map)
{
    return map == NULL ? 0 : map->count;
}

const char *
iossl_strmap_key(const iossl_strmap *map, size_t i)
{
    return map->entries[i].key;
}

void *
iossl_strmap_value(const iossl_strmap *map, size_t i)
{
    return map->entries[i].value;
}
