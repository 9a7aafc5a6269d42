/*
 * t_strmap.c - the map keeps what it is given, in order, at any size.
 */
#include "strmap.h"
#include "tap.h"

static int freed;

static void
count_free(void *value)
{
    (void)value;
    freed++;
}

int
main(void)
{
    iossl_strmap *map = iossl_strmap_new(count_free);
    static int values[5000];
    char key[32];
    int wrong = 0;

    tap_start();
    ok(iossl_strmap_get(NULL, "a") == NULL, "no map, no value");
    ok(map != NULL && iossl_strmap_get(map, "a") == NULL, "nothing in a new map");
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "host%d.test", i);
        if (!iossl_strmap_put(map, key, &values[i]))
            bail_out("no memory");
    }
    is_size(iossl_strmap_count(map), 5000, "five thousand entries");
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "host%d.test", i);
        wrong += iossl_strmap_get(map, key) != &values[i];
        wrong += strcmp(iossl_strmap_key(map, (size_t)i), key) != 0;
        wrong += iossl_strmap_value(map, (size_t)i) != &values[i];
    }
    is_int(wrong, 0, "each found again, in the order they came in");
    ok(iossl_strmap_get(map, "host5000.test") == NULL, "and no other");
    ok(iossl_strmap_put(map, "host7.test", &values[8]), "a key put again");
    is_int(freed, 1, "frees the value it had");
    ok(iossl_strmap_get(map, "host7.test") == &values[8], "and has the new one");
    is_size(iossl_strmap_count(map), 5000, "without a second entry");
    ok(iossl_strmap_put(map, "", &values[0]) && iossl_strmap_get(map, "") == &values[0],
       "the empty key is a key");
    iossl_strmap_free(map);
    is_int(freed, 5002, "all values are freed with the map");
    return done_testing();
}
