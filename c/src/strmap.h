/*
 * strmap.h - a map from strings to pointers, for tables of host names and of files.
 */
#ifndef IOSSL_STRMAP_H
#define IOSSL_STRMAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct iossl_strmap iossl_strmap;

/* free_value is called on what is still inside when the map is freed; NULL: nothing is. */
iossl_strmap *iossl_strmap_new(void (*free_value)(void *));
void iossl_strmap_free(iossl_strmap *map);
/* Adds or replaces (an old value is freed). False: no memory, nothing changed. Copies key. */
bool iossl_strmap_put(iossl_strmap *map, const char *key, void *value);
/* NULL where there is none; also where map or key is NULL. */
void *iossl_strmap_get(const iossl_strmap *map, const char *key);
size_t iossl_strmap_count(const iossl_strmap *map);
/* The entries in the order in which their keys were first put; i below the count. */
const char *iossl_strmap_key(const iossl_strmap *map, size_t i);
void *iossl_strmap_value(const iossl_strmap *map, size_t i);

#endif
