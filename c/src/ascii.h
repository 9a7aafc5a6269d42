/*
 * ascii.h - letters of host names, which no locale has a say in.
 */
#ifndef IOSSL_ASCII_H
#define IOSSL_ASCII_H

#include <stdbool.h>
#include <stddef.h>

/* RFC 4343: DNS compares A to Z without case, and nothing else. */
static inline char
iossl_ascii_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static inline bool
iossl_ascii_is_alnum(char c)
{
    char lower = iossl_ascii_lower(c);

    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z');
}

static inline bool
iossl_ascii_equal(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (iossl_ascii_lower(a[i]) != iossl_ascii_lower(b[i]))
            return false;
    return true;
}

#endif
