/*
 * linebuf.h - the read-ahead buffer behind line reading.
 */
#ifndef IOSSL_LINEBUF_H
#define IOSSL_LINEBUF_H

#include "iossl.h"

/* One record's worth: SSL_read never gives more at once (RFC 8446 section 5.1). */
#define IOSSL_LINEBUF_SIZE 16384

typedef struct iossl_linebuf {
    unsigned char *bytes;       /* allocated at the first line, IOSSL_LINEBUF_SIZE */
    size_t start, end;          /* what is still to be read */
    /* The line that has been begun by pieces handed out. */
    size_t line_len;            /* bytes handed out */
    size_t matched;             /* how many bytes of the separator these end with */
    char *matched_of;           /* owned: that separator, while matched > 0 */
    size_t matched_of_len;
} iossl_linebuf;

void iossl_linebuf_cleanup(iossl_linebuf *lb);
/* False: no memory. */
bool iossl_linebuf_reserve(iossl_linebuf *lb);

static inline size_t
iossl_linebuf_pending(const iossl_linebuf *lb)
{
    return lb->end - lb->start;
}

/* Copies up to size bytes out; with keep they stay. */
size_t iossl_linebuf_take(iossl_linebuf *lb, void *buf, size_t size, bool keep);

/*
 * The next piece of the line out of what is buffered; sets *done where it ends with it.
 * The piece is valid until the buffer is filled again. *len is 0 where there is none (yet).
 */
iossl_status iossl_linebuf_next(iossl_linebuf *lb, const iossl_separator *separator,
                                const char **piece, size_t *len, bool *done, iossl_error *err);
/* Forgets the line that was begun: it ended with the stream. */
void iossl_linebuf_end_line(iossl_linebuf *lb);

#endif
