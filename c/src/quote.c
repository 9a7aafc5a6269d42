/*
 * quote.c - showing text that others wrote in a sentence of ours: see quote.h.
 */
#include "quote.h"

const char *
iossl_quote(char out[IOSSL_QUOTED], const char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    size_t i, n = 0;

    out[n++] = '"';
    for (i = 0; i < len && i < IOSSL_QUOTE_SHOWN; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = 'x';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        } else {
            out[n++] = (char)c;
        }
    }
    for (i = 0; len > IOSSL_QUOTE_SHOWN && i < 3; i++)
        out[n++] = '.';
    out[n++] = '"';
    out[n] = '\0';
    return out;
}
