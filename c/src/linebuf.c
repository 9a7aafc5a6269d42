/*
 * linebuf.c - the read-ahead buffer behind line reading.
 *
 * Owns      the buffer, and where in a separator the line stands that has been begun.
 * Promises  no byte is lost, doubled or reordered, whatever kinds of read alternate; a separator is
 *           found across records, however it is cut; what is handed out is never copied.
 * Leaves    filling the buffer, and waiting for it, to conn.c.
 *
 * Invariants  start <= end <= IOSSL_LINEBUF_SIZE; matched < length of the separator; matched > 0
 *             only between two pieces of one line.
 */
#include "linebuf.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "error.h"

void
iossl_linebuf_cleanup(iossl_linebuf *lb)
{
    if (lb->bytes != NULL)
        OPENSSL_cleanse(lb->bytes, IOSSL_LINEBUF_SIZE);
    free(lb->bytes);
    free(lb->matched_of);
    memset(lb, 0, sizeof *lb);
}

bool
iossl_linebuf_reserve(iossl_linebuf *lb)
{
    if (lb->bytes == NULL)
        lb->bytes = malloc(IOSSL_LINEBUF_SIZE);
    return lb->bytes != NULL;
}

size_t
iossl_linebuf_take(iossl_linebuf *lb, void *buf, size_t size, bool keep)
{
    size_t n = iossl_linebuf_pending(lb) < size ? iossl_linebuf_pending(lb) : size;

    if (n > 0)
        memcpy(buf, lb->bytes + lb->start, n);
    if (!keep)
        lb->start += n;
    return n;
}

void
iossl_linebuf_end_line(iossl_linebuf *lb)
{
    lb->line_len = lb->matched = 0;
    free(lb->matched_of);
    lb->matched_of = NULL;
}

/* After `matched` bytes of sep and then the byte c: how many bytes of sep does the line end with? */
static size_t
advance(const char *sep, size_t matched, char c)
{
    for (;;) {
        size_t border = matched;

        if (sep[matched] == c)
            return matched + 1;
        if (matched == 0)
            return 0;
        /* Try the longest proper beginning of sep that is also an end of what was matched. */
        do
            border--;
        while (border > 0 && memcmp(sep, sep + matched - border, border) != 0);
        matched = border;
    }
}

/* Where a line that ends with sep ends in text; 0: not here. *matched carries over the pieces. */
static size_t
find_string(const char *text, size_t len, const char *sep, size_t sep_len, size_t *matched)
{
    const char *hit;
    size_t i = 0;

    while (i < len && *matched > 0) {
        *matched = advance(sep, *matched, text[i++]);
        if (*matched == sep_len)
            return i;
    }
    if (sep_len == 1)
        hit = memchr(text + i, sep[0], len - i);
    else
        hit = memmem(text + i, len - i, sep, sep_len);
    if (hit != NULL)
        return (size_t)(hit - text) + sep_len;
    /* Only the last bytes can be the beginning of a separator that goes on in the next piece. */
    if (len - i >= sep_len)
        i = len - sep_len + 1;
    while (i < len)
        *matched = advance(sep, *matched, text[i++]);
    return 0;
}

/* Between two pieces, a separator may not change its meaning: keep the one that was half seen. */
static bool
remember(iossl_linebuf *lb, const char *sep, size_t sep_len)
{
    char *copy;

    if (lb->matched == 0)
        return true;
    if (lb->matched_of != NULL && lb->matched_of_len == sep_len
        && memcmp(lb->matched_of, sep, sep_len) == 0)
        return true;
    if ((copy = malloc(sep_len)) == NULL)
        return false;
    memcpy(copy, sep, sep_len);
    free(lb->matched_of);
    lb->matched_of = copy;
    lb->matched_of_len = sep_len;
    return true;
}

static void
recall(iossl_linebuf *lb, const char *sep, size_t sep_len)
{
    if (lb->matched > 0 && (lb->matched_of == NULL || lb->matched_of_len != sep_len
                            || memcmp(lb->matched_of, sep, sep_len) != 0))
        lb->matched = 0;
}

static void
skip_newlines(iossl_linebuf *lb)
{
    while (lb->start < lb->end && lb->bytes[lb->start] == '\n')
        lb->start++;
}

iossl_status
iossl_linebuf_next(iossl_linebuf *lb, const iossl_separator *separator, const char **piece,
                   size_t *len, bool *done, iossl_error *err)
{
    bool is_paragraph = separator->kind == IOSSL_SEP_PARAGRAPH;
    const char *sep = is_paragraph ? "\n\n" : separator->bytes;
    size_t sep_len = is_paragraph ? 2 : separator->length;
    size_t end = 0;

    *done = false;
    if (is_paragraph && lb->line_len == 0)
        skip_newlines(lb);
    *piece = (const char *)lb->bytes + lb->start;
    *len = iossl_linebuf_pending(lb);
    switch (separator->kind) {
    case IOSSL_SEP_STRING:
    case IOSSL_SEP_PARAGRAPH:
        recall(lb, sep, sep_len);
        end = *len == 0 ? 0 : find_string(*piece, *len, sep, sep_len, &lb->matched);
        if (end == 0 && !remember(lb, sep, sep_len)) {
            iossl_error_memory(err);
            return IOSSL_ERROR;
        }
        break;
    case IOSSL_SEP_RECORD:
        if (lb->line_len >= separator->length)
            lb->line_len = 0;       /* a line of another kind was left off */
        if (lb->line_len + *len >= separator->length)
            end = separator->length - lb->line_len;
        break;
    case IOSSL_SEP_NONE:
        break;
    }
    if (end > 0) {
        *len = end;
        *done = true;
    }
    lb->start += *len;
    lb->line_len += *len;
    if (*done) {
        iossl_linebuf_end_line(lb);
        if (is_paragraph)
            skip_newlines(lb);
    }
    return IOSSL_OK;
}
