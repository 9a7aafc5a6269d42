/*
 * data.h - reading and writing: the path that every byte of a program takes.
 */
#ifndef GLUE_DATA_H
#define GLUE_DATA_H

#include "glue.h"
#include "handle.h"

/* Results of the functions below, where a count isn't possible. */
#define GLUE_FAILED ((SSize_t)-1)       /* $!, $SSL_ERROR are set: the caller returns undef */

/*
 * Reads into buf, at offset as sysread(2) of Perl does: negative from the end, beyond it padded with
 * NULs, what follows is cut off.
 *
 * GLUE_READ_SOME  what is there, at most a record      (sysread)
 * GLUE_READ_ALL   as much as asked, unless the stream ends or a non-blocking handle has no more (read)
 * GLUE_PEEK       as GLUE_READ_SOME, but the bytes stay
 *
 * The number of bytes, 0 at the end of the stream, GLUE_FAILED. Croaks as Perl's own would.
 */
typedef enum { GLUE_READ_SOME, GLUE_READ_ALL, GLUE_PEEK } glue_read_kind;
SSize_t glue_read(pTHX_ glue_handle *h, SV *buf, SV *len, SV *offset, glue_read_kind kind);

/* A byte in a new mortal; NULL: the end, or GLUE_FAILED's case. */
SV *glue_getc(pTHX_ glue_handle *h);

/*
 * Reads a line as $/ says it ends, into a new mortal; NULL: the end, or GLUE_FAILED's case, which
 * *failed tells. is_list: all lines are wanted, not just one.
 */
SV *glue_read_line(pTHX_ glue_handle *h, bool is_list, bool *failed);
/* What Perl's own readline gives at the end of a stream that had nothing: with $/ undef, once '' (a new
 * mortal, which counts as a line), else NULL. For scalar context. */
SV *glue_empty_line(pTHX_ glue_handle *h);

/* Is the stream at its end? Waits for a byte if it has to. */
bool glue_at_eof(pTHX_ glue_handle *h);

/* Writes at most one record of buf (syswrite); the number of bytes or GLUE_FAILED. */
SSize_t glue_syswrite(pTHX_ glue_handle *h, SV *buf, SV *len, SV *offset);
/* Writes all, as far as a non-blocking handle takes it (write). */
SSize_t glue_write(pTHX_ glue_handle *h, SV *buf, SV *len, SV *offset);
/* Writes the items joined by $, and followed by $\ (print). */
SSize_t glue_print(pTHX_ glue_handle *h, SV **items, SSize_t n);
/* Writes the whole text; what is the operator, for Perl's "Wide character in %s". */
SSize_t glue_put(pTHX_ glue_handle *h, SV *text, const char *what);

#endif
