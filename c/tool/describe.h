/*
 * describe.h - certificates in a report.
 */
#ifndef TOOL_DESCRIBE_H
#define TOOL_DESCRIBE_H

#include <iossl.h>

#include "report.h"

/* How much of it. */
typedef enum {
    DESCRIBE_BRIEF,         /* as a link of a chain                                               */
    DESCRIBE_FULL           /* all that it says                                                   */
} describe_extent;

/* The values of a certificate, into the object that is open. */
void describe_cert(report *r, const X509 *cert, describe_extent extent);
/* Who it is for in a few words, as "CN=example.org, O=Example" (issuer: who made it). free() it. */
char *describe_subject(const X509 *cert);
char *describe_issuer(const X509 *cert);
/* "for 35 days yet", "ended 3 days ago", "begins in 2 hours", of what is valid from-to at now; colour
 * as it deserves. free() it. */
char *describe_validity(int64_t from, int64_t to, int64_t now, tool_colour *colour);
/* "3 days", "2 hours", "1 minute": the largest unit that fits. free() it. */
char *describe_span(int64_t seconds);
/* Hex digits of bytes, free() it. */
char *describe_hex(const unsigned char *bytes, size_t len);

#endif
