/*
 * show.h - text of others on a terminal of ours: escaped, coloured, folded.
 */
#ifndef TOOL_SHOW_H
#define TOOL_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum { PLAIN, GOOD, BAD, WARN, TITLE, FAINT } tool_colour;

/* Colours on: the stream is a terminal that knows them, and NO_COLOR isn't set. */
bool tool_has_colours(FILE *out);
/* The sequence that begins the colour, "" where the stream has none; PLAIN ends it. */
const char *tool_colour_begin(FILE *out, tool_colour colour);

/*
 * Bytes from anywhere as one line that can do nothing to a terminal: control characters, what isn't
 * UTF-8, what turns the direction of text or can't be seen becomes \xNN byte by byte, as does a
 * backslash; letters of other scripts stay where the locale is UTF-8. free() it; never NULL.
 */
char *tool_escape(const char *text, size_t len);

/* Folds a text of words to the width of the page, each line but the first behind so many blanks;
 * text was escaped. The first line begins at column `at`. Ends the line. */
void tool_fold(FILE *out, const char *text, size_t at, size_t indent);

/* Says what is being waited for, on standard error and only if that is a terminal; the next call
 * replaces it, the other one wipes it away. */
void tool_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tool_progress_end(void);

/* Decodes a character of UTF-8 from len > 0 bytes; how many it takes, 0: it is none. */
size_t tool_decode(const char *text, size_t len, uint32_t *out);

/* malloc(3), strdup(3), asprintf(3) that end the program where memory is out. */
void *tool_alloc(size_t size);
char *tool_copy(const char *text);
char *tool_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
