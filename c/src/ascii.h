/*
 * ascii.h - letters of host names, which no locale has a say in.
 */
#ifndef IOSSL_ASCII_H
#define IOSSL_ASCII_H

/* RFC 4343: DNS compares A to Z without case, and nothing else. */
static inline char
iossl_ascii_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

#endif
