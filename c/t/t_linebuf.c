/*
 * t_linebuf.c - lines are found wherever records are cut, and no byte is lost between kinds of read.
 */
#include "error.h"
#include "linebuf.h"
#include "tap.h"

/* Feeds text in records of `step` bytes and collects the lines, each followed by '|'. */
static char *
split(const char *text, size_t text_len, size_t step, const iossl_separator *separator)
{
    iossl_linebuf lb = {0};
    size_t fed = 0, used = 0, room = 4 * text_len + 16;
    char *out = calloc(room, 1);

    if (out == NULL || !iossl_linebuf_reserve(&lb))
        bail_out("no memory");
    for (;;) {
        const char *piece;
        size_t len;
        bool done;

        if (iossl_linebuf_next(&lb, separator, &piece, &len, &done, NULL) != IOSSL_OK)
            bail_out("no memory");
        memcpy(out + used, piece, len);
        used += len;
        if (done)
            out[used++] = '|';
        if (len > 0 || done)
            continue;
        if (fed == text_len)
            break;
        lb.start = 0;
        lb.end = text_len - fed < step ? text_len - fed : step;
        memcpy(lb.bytes, text + fed, lb.end);
        fed += lb.end;
    }
    iossl_linebuf_end_line(&lb);
    iossl_linebuf_cleanup(&lb);
    return out;
}

static void
check_split(const char *what, const char *text, const char *sep, const char *want)
{
    iossl_separator separator = {.kind = IOSSL_SEP_STRING, .bytes = sep, .length = strlen(sep)};

    for (size_t step = 1; step <= strlen(text) + 1; step++) {
        char *got = split(text, strlen(text), step, &separator);

        is_str(got, want, "%s, in records of %zu", what, step);
        free(got);
    }
}

static void
test_paragraphs(void)
{
    const char *text = "\n\na\nb\n\n\n\nc\n\nd";
    iossl_separator separator = {.kind = IOSSL_SEP_PARAGRAPH};

    for (size_t step = 1; step <= strlen(text); step++) {
        char *got = split(text, strlen(text), step, &separator);

        is_str(got, "a\nb\n\n|c\n\n|d", "paragraphs in records of %zu", step);
        free(got);
    }
}

static void
test_records(void)
{
    for (size_t step = 1; step <= 8; step++) {
        iossl_separator separator = {.kind = IOSSL_SEP_RECORD, .length = 3};
        char *got = split("abcdefgh", 8, step, &separator);

        is_str(got, "abc|def|gh", "records of 3 bytes out of records of %zu", step);
        free(got);
    }
}

static void
test_changed_separator(void)
{
    iossl_linebuf lb = {0};
    iossl_separator first = {.kind = IOSSL_SEP_STRING, .bytes = "XY", .length = 2};
    iossl_separator second = {.kind = IOSSL_SEP_STRING, .bytes = "ZY", .length = 2};
    const char *piece;
    size_t len;
    bool done;

    if (!iossl_linebuf_reserve(&lb))
        bail_out("no memory");
    memcpy(lb.bytes, "aX", 2);
    lb.end = 2;
    is_int(iossl_linebuf_next(&lb, &first, &piece, &len, &done, NULL), IOSSL_OK, "the first piece");
    ok(!done && len == 2, "ends inside a separator");
    lb.start = 0;
    lb.end = 2;
    memcpy(lb.bytes, "Yb", 2);
    is_int(iossl_linebuf_next(&lb, &second, &piece, &len, &done, NULL), IOSSL_OK, "the next one");
    ok(!done && len == 2, "isn't ended by half of another separator");
    iossl_linebuf_cleanup(&lb);
}

static void
test_take(void)
{
    iossl_linebuf lb = {0};
    char buf[8];

    if (!iossl_linebuf_reserve(&lb))
        bail_out("no memory");
    is_size(iossl_linebuf_take(&lb, buf, sizeof buf, false), 0, "nothing in an empty buffer");
    memcpy(lb.bytes, "hello", 5);
    lb.end = 5;
    is_size(iossl_linebuf_take(&lb, buf, 2, true), 2, "a peek");
    is_size(iossl_linebuf_pending(&lb), 5, "leaves all there");
    is_size(iossl_linebuf_take(&lb, buf, 2, false), 2, "a read");
    is_mem(buf, 2, "he", 2, "gets the first bytes");
    is_size(iossl_linebuf_take(&lb, buf, sizeof buf, false), 3, "the next one the rest");
    is_mem(buf, 3, "llo", 3, "in order");
    iossl_linebuf_cleanup(&lb);
}

int
main(void)
{
    tap_start();
    check_split("lines", "a\nbc\n\nd", "\n", "a\n|bc\n|\n|d");
    check_split("a separator of two bytes", "aXYbXcYXYd", "XY", "aXY|bXcYXY|d");
    check_split("a separator with a border", "aaab", "aab", "aaab|");
    check_split("a longer one", "ababac.", "abac", "ababac|.");
    check_split("line ends of the network", "\r\r\n\n\r\n", "\r\n", "\r\r\n|\n\r\n|");
    check_split("a separator that overlaps itself", "aaaa", "aa", "aa|aa|");
    check_split("a last line without an end", "no end", "\n", "no end");
    test_paragraphs();
    test_records();
    test_changed_separator();
    test_take();
    return done_testing();
}
