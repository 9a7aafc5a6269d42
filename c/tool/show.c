/*
 * show.c - text of others on a terminal of ours: see show.h.
 *
 * Owns      what a terminal may be given, colours, folding, the line of progress.
 * Promises  no byte of a certificate or a peer reaches a terminal but printable characters.
 * Leaves    what there is to say to the commands.
 */
#include "show.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Where the width of the page can't be known, and the most that is pleasant to read. */
#define PAGE_WIDTH ((size_t)100)

/* ---- Memory ---------------------------------------------------------------------------------- */

static void *
or_die(void *p)
{
    if (p == NULL) {
        (void)fputs("iossl: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return p;
}

void *
tool_alloc(size_t size)
{
    return or_die(calloc(1, size == 0 ? 1 : size));
}

char *
tool_copy(const char *text)
{
    return or_die(strdup(text));
}

char *
tool_format(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    va_end(args);
    return or_die(text);
}

/* ---- Escaping -------------------------------------------------------------------------------- */

/* Code points that are no letters but orders: Unicode's Cc, Cf, the separators of lines, blanks that
 * look like nothing, variation selectors, private use, noncharacters. */
static const struct {
    uint32_t from, to;
} UNSEEN[] = {
    {0x0080, 0x009f},   {0x00ad, 0x00ad},   {0x034f, 0x034f},   {0x0600, 0x0605},
    {0x061c, 0x061c},   {0x06dd, 0x06dd},   {0x070f, 0x070f},   {0x115f, 0x1160},
    {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f},   {0x3164, 0x3164},   {0xd800, 0xf8ff},   {0xfdd0, 0xfdef},
    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb}, {0xfffe, 0xffff},
    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
};

size_t
tool_decode(const char *text, size_t len, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *s = (const unsigned char *)text;
    size_t n = *s < 0x80 ? 1 : *s >= 0xf8 ? 0 : *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc0 ? 2 : 0;
    uint32_t c = n == 1 ? *s : *s & (0x7fU >> n);

    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fU);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return n;
}

/* How many bytes a character here takes that may be shown; 0: it may not. */
static size_t
showable(const char *s, size_t len)
{
    uint32_t c = 0;
    size_t n = tool_decode(s, len, &c);

    if (n == 1)
        return c >= 0x20 && c < 0x7f && c != '\\' ? 1 : 0;
    if (n > 1 && strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        return 0;
    for (size_t i = 0; i < sizeof UNSEEN / sizeof UNSEEN[0]; i++)
        if (c >= UNSEEN[i].from && c <= UNSEEN[i].to)
            return 0;
    return n;
}

char *
tool_escape(const char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    char *out = tool_alloc(4 * len + 1), *to = out;

    while (len > 0) {
        size_t n = showable(text, len);

        if (n > 0) {
            memcpy(to, text, n);
            to += n;
        } else {
            *to++ = '\\';
            *to++ = 'x';
            *to++ = hex[(unsigned char)*text >> 4];
            *to++ = hex[(unsigned char)*text & 15];
            n = 1;
        }
        text += n;
        len -= n;
    }
    *to = '\0';
    return out;
}

/* ---- Colours and folding --------------------------------------------------------------------- */

bool
tool_has_colours(FILE *out)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

    return (no_color == NULL || no_color[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0
           && isatty(fileno(out)) == 1;
}

const char *
tool_colour_begin(FILE *out, tool_colour colour)
{
    static const char *const sequence[] = {
        [PLAIN] = "\033[0m", [GOOD] = "\033[32m", [BAD] = "\033[31m",
        [WARN] = "\033[33m", [TITLE] = "\033[1m", [FAINT] = "\033[2m",
    };

    return tool_has_colours(out) ? sequence[colour] : "";
}

static size_t
page_width(FILE *out)
{
    struct winsize size;

    if (isatty(fileno(out)) == 1 && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col >= 40
        && size.ws_col < PAGE_WIDTH)
        return size.ws_col;
    return PAGE_WIDTH;
}

/* Columns of a text: its characters, since those that take none or two are rare in what we show. */
static size_t
columns(const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

void
tool_fold(FILE *out, const char *text, size_t at, size_t indent)
{
    size_t width = page_width(out);
    bool is_first = true;

    while (*text != '\0') {
        size_t len = strcspn(text, " "), n = columns(text, len);

        if (!is_first && at + 1 + n > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
            is_first = true;
        }
        fprintf(out, "%s%.*s", is_first ? "" : " ", (int)len, text);
        at += n + (is_first ? 0 : 1);
        is_first = false;
        text += len;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

/* ---- Progress -------------------------------------------------------------------------------- */

static bool has_progress;

void
tool_progress(const char *fmt, ...)
{
    va_list args;
    char *text = NULL, *shown;

    if (isatty(STDERR_FILENO) != 1)
        return;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = tool_copy("");
    va_end(args);
    shown = tool_escape(text, strlen(text));
    fprintf(stderr, "\r\033[K%s", shown);
    (void)fflush(stderr);
    has_progress = true;
    free(shown);
    free(text);
}

void
tool_progress_end(void)
{
    if (!has_progress)
        return;
    (void)fputs("\r\033[K", stderr);
    (void)fflush(stderr);
    has_progress = false;
}
