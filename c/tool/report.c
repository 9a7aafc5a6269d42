/*
 * report.c - one description of a result in two forms: see report.h.
 *
 * Owns      the syntax of JSON (RFC 8259), the layout of text.
 * Promises  what comes from others can't break out of a JSON string or a line of text.
 * Leaves    what is characters and colour to show.c.
 */
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_DEPTH 16
#define LABEL_WIDTH 14

struct report {
    FILE *out;
    bool json;
    size_t depth;
    struct {
        bool is_array, has_title, has_members;
    } level[MAX_DEPTH];
    size_t indent;          /* of text */
    bool had_output;
};

/* ---- JSON ------------------------------------------------------------------------------------ */

static void
json_string(FILE *out, const char *text, size_t len)
{
    fputc('"', out);
    while (len > 0) {
        uint32_t c = 0xfffd;
        size_t n = tool_decode(text, len, &c);

        if (n == 0)
            n = 1;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", (int)c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c >= 0x20 && c < 0x7f)
            fputc((int)c, out);
        else if (c < 0x10000)
            fprintf(out, "\\u%04x", (unsigned int)c);
        else
            fprintf(out, "\\u%04x\\u%04x", (unsigned int)(0xd800 + ((c - 0x10000) >> 10)),
                    (unsigned int)(0xdc00 + ((c - 0x10000) & 0x3ff)));
        text += n;
        len -= n;
    }
    fputc('"', out);
}

/* What stands before a member: comma, line, key. */
static void
json_member(report *r, const char *key)
{
    fprintf(r->out, "%s\n%*s", r->level[r->depth].has_members ? "," : "", 2 * (int)r->depth + 2,
            "");
    r->level[r->depth].has_members = true;
    if (!r->level[r->depth].is_array) {
        json_string(r->out, key, strlen(key));
        fputs(": ", r->out);
    }
}

/* Is this value to be shown as JSON? Then its key is written. */
static bool
as_json(report *r, const char *key)
{
    if (!r->json || (key == NULL && !r->level[r->depth].is_array))
        return false;
    json_member(r, key);
    return true;
}

static bool
as_text(const report *r, const char *label)
{
    return !r->json && label != NULL;
}

/* ---- Life ------------------------------------------------------------------------------------ */

report *
report_new(FILE *out, bool json)
{
    report *r = tool_alloc(sizeof *r);

    r->out = out;
    r->json = json;
    if (json)
        fputc('{', out);
    return r;
}

void
report_free(report *r)
{
    if (r == NULL)
        return;
    while (r->depth > 0)
        report_end(r);
    if (r->json)
        fputs("\n}\n", r->out);
    (void)fflush(r->out);
    free(r);
}

bool
report_is_json(const report *r)
{
    return r->json;
}

/* ---- Levels ---------------------------------------------------------------------------------- */

static void
push(report *r, const char *title, bool is_array)
{
    if (r->depth + 1 >= MAX_DEPTH)
        abort();                /* no command nests so deep */
    r->depth++;
    r->level[r->depth].is_array = is_array;
    r->level[r->depth].has_title = title != NULL;
    r->level[r->depth].has_members = false;
    if (title != NULL)
        r->indent += 2;
}

static void
open_level(report *r, const char *key, const char *title, bool is_array)
{
    if (as_json(r, key))
        fputc(is_array ? '[' : '{', r->out);
    if (as_text(r, title)) {
        char *shown = tool_escape(title, strlen(title));

        if (r->indent == 0 && r->had_output)
            fputc('\n', r->out);
        fprintf(r->out, "%*s%s%s%s\n", (int)r->indent, "", tool_colour_begin(r->out, TITLE), shown,
                tool_colour_begin(r->out, PLAIN));
        r->had_output = true;
        free(shown);
    }
    push(r, title, is_array);
}

void
report_object(report *r, const char *key, const char *title)
{
    open_level(r, key, title, false);
}

void
report_array(report *r, const char *key, const char *title)
{
    open_level(r, key, title, true);
}

void
report_end(report *r)
{
    bool is_array = r->level[r->depth].is_array, has_members = r->level[r->depth].has_members;

    if (r->level[r->depth].has_title)
        r->indent -= 2;
    r->depth--;
    if (!r->json)
        return;
    if (has_members)
        fprintf(r->out, "\n%*s", 2 * (int)r->depth + 2, "");
    fputc(is_array ? ']' : '}', r->out);
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void
text_line(report *r, const char *label, const char *text, size_t len, tool_colour colour)
{
    size_t width = LABEL_WIDTH;
    char *shown = tool_escape(text, len);

    if (strlen(label) > width)
        width = strlen(label);
    fprintf(r->out, "%*s%s%-*s%s ", (int)r->indent, "", tool_colour_begin(r->out, FAINT), (int)width,
            label, tool_colour_begin(r->out, PLAIN));
    if (colour != PLAIN)
        fputs(tool_colour_begin(r->out, colour), r->out);
    tool_fold(r->out, shown, r->indent + width + 1, r->indent + LABEL_WIDTH + 1);
    if (colour != PLAIN)
        fputs(tool_colour_begin(r->out, PLAIN), r->out);
    r->had_output = true;
    free(shown);
}

static void
value(report *r, const char *key, const char *label, const char *text, size_t len,
      tool_colour colour)
{
    if (text == NULL) {
        report_null(r, key);
        return;
    }
    if (as_json(r, key))
        json_string(r->out, text, len);
    if (as_text(r, label))
        text_line(r, label, text, len, colour);
}

void
report_bytes(report *r, const char *key, const char *label, const char *text, size_t len)
{
    value(r, key, label, text, len, PLAIN);
}

void
report_text(report *r, const char *key, const char *label, const char *text)
{
    value(r, key, label, text, text == NULL ? 0 : strlen(text), PLAIN);
}

void
report_colour(report *r, const char *key, const char *label, const char *text, tool_colour colour)
{
    value(r, key, label, text, text == NULL ? 0 : strlen(text), colour);
}

/* tool_format() with its arguments in a list. */
static char *
format_list(const char *fmt, va_list args)
{
    char *text = NULL;

    return vasprintf(&text, fmt, args) < 0 ? tool_copy("") : text;
}

void
report_format(report *r, const char *key, const char *label, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = format_list(fmt, args);
    va_end(args);
    report_text(r, key, label, text);
    free(text);
}

void
report_bool(report *r, const char *key, const char *label, bool yes)
{
    if (as_json(r, key))
        fputs(yes ? "true" : "false", r->out);
    if (as_text(r, label))
        text_line(r, label, yes ? "yes" : "no", yes ? 3 : 2, PLAIN);
}

void
report_int(report *r, const char *key, const char *label, int64_t n)
{
    if (as_json(r, key))
        fprintf(r->out, "%lld", (long long)n);
    if (as_text(r, label)) {
        char *text = tool_format("%lld", (long long)n);

        text_line(r, label, text, strlen(text), PLAIN);
        free(text);
    }
}

const char *
report_time_text(char out[REPORT_TIME_SIZE], int64_t when)
{
    time_t seconds = (time_t)when;
    struct tm parts;

    if (gmtime_r(&seconds, &parts) == NULL
        || strftime(out, REPORT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        out[0] = '\0';
    return out;
}

void
report_time(report *r, const char *key, const char *label, int64_t when)
{
    char text[REPORT_TIME_SIZE];

    report_text(r, key, label, when == INT64_MIN ? NULL : report_time_text(text, when));
}

void
report_null(report *r, const char *key)
{
    if (as_json(r, key))
        fputs("null", r->out);
}

void
report_say(report *r, tool_colour colour, const char *fmt, ...)
{
    va_list args;
    char *text, *shown;

    if (r->json)
        return;
    va_start(args, fmt);
    text = format_list(fmt, args);
    va_end(args);
    shown = tool_escape(text, strlen(text));
    fprintf(r->out, "%*s", (int)r->indent, "");
    if (colour != PLAIN)
        fputs(tool_colour_begin(r->out, colour), r->out);
    tool_fold(r->out, shown, r->indent, r->indent + 2);
    if (colour != PLAIN)
        fputs(tool_colour_begin(r->out, PLAIN), r->out);
    r->had_output = true;
    free(shown);
    free(text);
}

void
report_gap(report *r)
{
    if (!r->json)
        fputc('\n', r->out);
}
