/*
 * report.h - one description of a result, shown as text for people or as JSON for programs.
 *
 *     report *r = report_new(stdout, json);
 *     report_text(r, "protocol", "protocol", "TLSv1_3");
 *     report_array(r, "chain", "Chain");
 *     ...
 *     report_end(r);
 *     report_free(r);
 *
 * Each value has a key for JSON and a label for text; where one is NULL, that form leaves it out.
 * JSON is ASCII only and always valid: bytes that are no UTF-8 become U+FFFD, control characters are
 * escaped. Text is escaped by tool_escape().
 */
#ifndef TOOL_REPORT_H
#define TOOL_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "show.h"

typedef struct report report;

report *report_new(FILE *out, bool json);
/* Ends what is open. */
void report_free(report *r);
bool report_is_json(const report *r);

/* An object or array within the present one; title NULL: text goes on as it was. In an array key is
 * NULL. A title stands at the margin of its level, what is inside two columns to the right. */
void report_object(report *r, const char *key, const char *title);
void report_array(report *r, const char *key, const char *title);
void report_end(report *r);

/* A value; text NULL: null in JSON, nothing in text. */
void report_text(report *r, const char *key, const char *label, const char *text);
void report_bytes(report *r, const char *key, const char *label, const char *text, size_t len);
void report_colour(report *r, const char *key, const char *label, const char *text,
                   tool_colour colour);
void report_format(report *r, const char *key, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void report_bool(report *r, const char *key, const char *label, bool yes);
void report_int(report *r, const char *key, const char *label, int64_t n);
/* Seconds since 1970, as 2026-11-26T07:00:00Z; INT64_MIN (none): null, or nothing. */
void report_time(report *r, const char *key, const char *label, int64_t time);
void report_null(report *r, const char *key);

/* Text alone: a sentence folded to the page; an empty line. */
void report_say(report *r, tool_colour colour, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void report_gap(report *r);

/* The form of report_time(); room for any. */
#define REPORT_TIME_SIZE 40
const char *report_time_text(char out[REPORT_TIME_SIZE], int64_t time);

#endif
