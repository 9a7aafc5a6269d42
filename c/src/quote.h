/*
 * quote.h - showing text that others wrote in a sentence of ours.
 */
#ifndef IOSSL_QUOTE_H
#define IOSSL_QUOTE_H

#include <stddef.h>

/* How many bytes are shown, and room for them with each one escaped. */
#define IOSSL_QUOTE_SHOWN ((size_t)80)
#define IOSSL_QUOTED (4 * IOSSL_QUOTE_SHOWN + 8)

/*
 * Puts the text in double quotes; what isn't printable ASCII becomes \xNN, since a terminal or a
 * log may show it, and what is too long is cut with "...". Returns out.
 */
const char *iossl_quote(char out[IOSSL_QUOTED], const char *text, size_t len);

#endif
