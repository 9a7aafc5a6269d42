/*
 * starttls.c - from plain text to TLS in the words of a protocol: see starttls.h.
 *
 * Owns      the dialogues, the limits to what a server may say in plain text.
 * Promises  nothing is sent but what asks for TLS: no name of a user, no password. Not one byte that
 *           came in plain text is taken for part of what follows.
 * See       RFC 3207 (SMTP), 9051 (IMAP), 2595 (POP3), 4217 (FTP), 4511 (LDAP), 6120 (XMPP),
 *           PostgreSQL's "Message Flow" (SSLRequest).
 */
#include "starttls.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "opts.h"
#include "show.h"

/* A greeting with features is some hundred bytes; who says more is up to something. */
#define MAX_SAID ((size_t)64 * 1024)
#define MAX_LINES 500

typedef struct dialogue {
    int fd;
    int64_t deadline;
    const char *protocol, *host;
    char buf[4096];             /* what came and isn't read yet, from start to end */
    size_t start, end;
    size_t said;                /* in all */
    iossl_status status;        /* not IOSSL_OK: it is over, and err says why */
    iossl_error *err;
} dialogue;

/* ---- Moving bytes ---------------------------------------------------------------------------- */

static bool fail(dialogue *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Ends the dialogue; returns false. */
static bool
fail(dialogue *d, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = tool_copy("out of memory");
    va_end(args);
    if (d->status == IOSSL_OK) {
        d->status = IOSSL_ERROR;
        iossl_error_set(d->err, IOSSL_E_HANDSHAKE, IOSSL_RANK_IO, "STARTTLS (%s): %s", d->protocol,
                        text);
    }
    free(text);
    return false;
}

/* Waits for the descriptor; what: what for, in a sentence. */
static bool
await(dialogue *d, short events, const char *what)
{
    struct pollfd pfd = {.fd = d->fd, .events = events};

    for (;;) {
        int64_t left = d->deadline - iossl_now_ms();
        int n = left <= 0 ? 0 : poll(&pfd, 1, left > 60000 ? 60000 : (int)left);

        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return fail(d, "%s: %s", what, strerror(errno));
        if (left <= 0) {
            (void)fail(d, "%s: the time is up", what);
            d->status = IOSSL_TIMEOUT;
            return false;
        }
    }
}

static bool
fill(dialogue *d, const char *what)
{
    ssize_t n;

    if (d->start == d->end)
        d->start = d->end = 0;
    if (d->end == sizeof d->buf)
        return fail(d, "%s: the server's line is too long", what);
    do {
        if (!await(d, POLLIN, what))
            return false;
        n = recv(d->fd, d->buf + d->end, sizeof d->buf - d->end, MSG_DONTWAIT);
    } while (n < 0 && (errno == EAGAIN || errno == EINTR));
    if (n < 0)
        return fail(d, "%s: %s", what, strerror(errno));
    if (n == 0)
        return fail(d, "%s: the server closed the connection", what);
    d->end += (size_t)n;
    d->said += (size_t)n;
    return d->said <= MAX_SAID || fail(d, "%s: the server talks without end", what);
}

static bool
send_bytes(dialogue *d, const void *bytes, size_t len, const char *what)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n;

        if (!await(d, POLLOUT, what))
            return false;
        n = send(d->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return fail(d, "%s: %s", what, strerror(errno));
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
    return true;
}

static bool
say(dialogue *d, const char *text)
{
    char what[80];

    (void)snprintf(what, sizeof what, "sending \"%.*s\"", (int)strcspn(text, "\r\n"), text);
    return send_bytes(d, text, strlen(text), what);
}

/* The next line without its end, NUL-terminated; a NUL inside ends it early, which no answer
 * survives. Overwritten by the next call. NULL: it is over. */
static char *
hear_line(dialogue *d, const char *what)
{
    for (;;) {
        char *from = d->buf + d->start, *newline = memchr(from, '\n', d->end - d->start);

        if (newline != NULL) {
            d->start = (size_t)(newline + 1 - d->buf);
            *newline = '\0';
            if (newline > from && newline[-1] == '\r')
                newline[-1] = '\0';
            return from;
        }
        if (d->start > 0) {
            memmove(d->buf, from, d->end - d->start);
            d->end -= d->start;
            d->start = 0;
        }
        if (!fill(d, what))
            return NULL;
    }
}

/* Exactly so many bytes. */
static bool
hear_bytes(dialogue *d, void *out, size_t len, const char *what)
{
    unsigned char *to = out;

    while (len > 0) {
        size_t n = d->end - d->start < len ? d->end - d->start : len;

        memcpy(to, d->buf + d->start, n);
        d->start += n;
        to += n;
        len -= n;
        if (len > 0 && !fill(d, what))
            return false;
    }
    return true;
}

/* ---- Answers --------------------------------------------------------------------------------- */

/*
 * An answer with a number of three digits, over several lines where "-" follows it; has (or NULL): a
 * word that one of the lines must consist of or begin with.
 */
static bool
expect_code(dialogue *d, const char *code, const char *has, const char *what)
{
    bool found = has == NULL;
    char *line;

    for (int i = 0; i < MAX_LINES; i++) {
        if ((line = hear_line(d, what)) == NULL)
            return false;
        if (i == 0 && (strlen(line) < 3 || strncmp(line, code, 3) != 0))
            return fail(d, "%s: the server answered \"%s\", not %s", what, line, code);
        if (strlen(line) < 3)
            continue;
        if (has != NULL && line[3] != '\0' && strncasecmp(line + 4, has, strlen(has)) == 0
            && strchr(" =", line[4 + strlen(has)]) != NULL)
            found = true;
        if (strncmp(line, code, 3) == 0 && line[3] != '-')
            return found || fail(d, "%s: the server doesn't offer %s", what, has);
    }
    return fail(d, "%s: the answer has no end", what);
}

static bool
speak_smtp(dialogue *d)
{
    return expect_code(d, "220", NULL, "greeting") && say(d, "EHLO iossl.invalid\r\n")
           && expect_code(d, "250", "STARTTLS", "EHLO") && say(d, "STARTTLS\r\n")
           && expect_code(d, "220", NULL, "STARTTLS");
}

static bool
speak_ftp(dialogue *d)
{
    return expect_code(d, "220", NULL, "greeting") && say(d, "AUTH TLS\r\n")
           && expect_code(d, "234", NULL, "AUTH TLS");
}

/* Reads on to the line with the tag, which has to say OK; has: a word that is wanted before. */
static bool
expect_tagged(dialogue *d, const char *tag, const char *has, const char *what)
{
    bool found = has == NULL;
    char *line;

    for (int i = 0; i < MAX_LINES; i++) {
        size_t len = strlen(tag);

        if ((line = hear_line(d, what)) == NULL)
            return false;
        if (strncmp(line, tag, len) == 0 && line[len] == ' ') {
            if (strncasecmp(line + len + 1, "OK", 2) != 0)
                return fail(d, "%s: the server answered \"%s\"", what, line);
            return found || fail(d, "%s: the server doesn't offer %s", what, has);
        }
        if (line[0] != '*')
            return fail(d, "%s: the server answered \"%s\"", what, line);
        if (has != NULL && strcasestr(line, "CAPABILITY") != NULL && strcasestr(line, has) != NULL)
            found = true;
    }
    return fail(d, "%s: the answer has no end", what);
}

static bool
speak_imap(dialogue *d)
{
    char *line = hear_line(d, "greeting");

    if (line == NULL)
        return false;
    if (strncasecmp(line, "* PREAUTH", 9) == 0)
        return fail(d, "greeting: the server has logged us in already (PREAUTH), so TLS can't begin");
    if (strncasecmp(line, "* OK", 4) != 0)
        return fail(d, "greeting: the server said \"%s\"", line);
    return say(d, "a1 CAPABILITY\r\n") && expect_tagged(d, "a1", "STARTTLS", "CAPABILITY")
           && say(d, "a2 STARTTLS\r\n") && expect_tagged(d, "a2", NULL, "STARTTLS");
}

static bool
expect_ok(dialogue *d, const char *what)
{
    char *line = hear_line(d, what);

    return line != NULL
           && (strncmp(line, "+OK", 3) == 0
               || fail(d, "%s: the server answered \"%s\"", what, line));
}

static bool
speak_pop3(dialogue *d)
{
    return expect_ok(d, "greeting") && say(d, "STLS\r\n") && expect_ok(d, "STLS");
}

/* The extended request, RFC 4511 section 4.14, and what is to be read of its answer: LDAPMessage
 * SEQUENCE { messageID 1, extendedResp [APPLICATION 24] { resultCode ENUMERATED, ... } }. */
static bool
speak_ldap(dialogue *d)
{
    static const char request[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
                                  "1.3.6.1.4.1.1466.20037";
    const char *what = "extended request";
    unsigned char head[2], body[1024], extra[4];
    size_t len, at, n_extra;

    if (!send_bytes(d, request, sizeof request - 1, what) || !hear_bytes(d, head, 2, what))
        return false;
    if (head[0] != 0x30)
        return fail(d, "%s: the answer is no LDAP", what);
    len = head[1];
    if (len >= 0x80) {
        n_extra = len & 0x7f;
        if (n_extra < 1 || n_extra > sizeof extra)
            return fail(d, "%s: the answer has no length", what);
        if (!hear_bytes(d, extra, n_extra, what))
            return false;
        for (len = 0, at = 0; at < n_extra; at++)
            len = len << 8 | extra[at];
    }
    if (len > sizeof body)
        return fail(d, "%s: the answer is too long", what);
    if (!hear_bytes(d, body, len, what))
        return false;
    /* messageID 1, then [APPLICATION 24] in either form of its length, then the result code. */
    if (len < 8 || memcmp(body, "\x02\x01\x01\x78", 4) != 0)
        return fail(d, "%s: the answer is no extended response to it", what);
    at = body[4] < 0x80 ? 5 : 5 + (size_t)(body[4] & 0x7f);
    if (at + 3 > len || body[at] != 0x0a || body[at + 1] != 1)
        return fail(d, "%s: the answer has no result", what);
    return body[at + 2] == 0
           || fail(d, "%s: the server refuses, by LDAP result code %d", what, body[at + 2]);
}

/* Reads until the text has come, dropping what is before it; refuse: what means no. */
static bool
hear_until(dialogue *d, const char *text, const char *refuse, char *said, size_t size,
           const char *what)
{
    size_t len = 0;

    said[0] = '\0';
    while (strstr(said, text) == NULL) {
        if (refuse != NULL && strstr(said, refuse) != NULL)
            return fail(d, "%s: the server refuses", what);
        if (len + 1 >= size)
            return fail(d, "%s: the server's answer is too long", what);
        if (!hear_bytes(d, said + len, 1, what))
            return false;
        if (said[len] == '\0')
            return fail(d, "%s: the answer is no XML", what);
        said[++len] = '\0';
    }
    return true;
}

static bool
speak_xmpp(dialogue *d)
{
    char said[8192];
    char *head = tool_format("<?xml version='1.0'?><stream:stream "
                             "xmlns:stream='http://etherx.jabber.org/streams' "
                             "xmlns='jabber:client' to='%s' version='1.0'>", d->host);
    bool ok;

    if (strpbrk(d->host, "'<>&") != NULL)
        ok = fail(d, "\"%s\" can't be the name of an XMPP server", d->host);
    else
        ok = send_bytes(d, head, strlen(head), "opening the stream")
             && hear_until(d, "</stream:features>", "<stream:error", said, sizeof said, "features");
    free(head);
    if (!ok)
        return false;
    if (strstr(said, "urn:ietf:params:xml:ns:xmpp-tls") == NULL)
        return fail(d, "features: the server doesn't offer starttls");
    return say(d, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
           && hear_until(d, "<proceed", "<failure", said, sizeof said, "starttls")
           && hear_until(d, ">", NULL, said, sizeof said, "starttls");
}

static bool
speak_postgres(dialogue *d)
{
    static const unsigned char request[8] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
    const char *what = "SSLRequest";
    char answer;

    if (!send_bytes(d, request, sizeof request, what) || !hear_bytes(d, &answer, 1, what))
        return false;
    if (answer == 'S')
        return true;
    return answer == 'N' ? fail(d, "%s: the server has TLS switched off", what)
                         : fail(d, "%s: the server answered \"%c\", neither S nor N; is it "
                                   "PostgreSQL?", what, answer);
}

/* ---- The protocols --------------------------------------------------------------------------- */

struct starttls {
    const char *name, *port, *scheme;
    bool (*speak)(dialogue *d);
};

static const starttls PROTOCOLS[] = {
    {"smtp", "25", "smtp", speak_smtp},
    {"imap", "143", "imap", speak_imap},
    {"pop3", "110", "pop3", speak_pop3},
    {"ftp", "21", "ftp", speak_ftp},
    {"ldap", "389", "ldap", speak_ldap},
    {"xmpp", "5222", "xmpp", speak_xmpp},
    {"postgres", "5432", "default", speak_postgres},
};

const starttls *
starttls_by_name(const char *name)
{
    for (size_t i = 0; i < TOOL_COUNT(PROTOCOLS); i++)
        if (strcmp(PROTOCOLS[i].name, name) == 0)
            return &PROTOCOLS[i];
    return NULL;
}

const char *
starttls_names(void)
{
    return "smtp|imap|pop3|ftp|ldap|xmpp|postgres";
}

const char *
starttls_name(const starttls *protocol)
{
    return protocol->name;
}

const char *
starttls_port(const starttls *protocol)
{
    return protocol->port;
}

const char *
starttls_scheme(const starttls *protocol)
{
    return protocol->scheme;
}

iossl_status
starttls_speak(const starttls *protocol, int fd, const char *host, int64_t timeout_ms,
               iossl_error *err)
{
    dialogue d = {.fd = fd, .deadline = iossl_now_ms() + timeout_ms, .protocol = protocol->name,
                  .host = host, .status = IOSSL_OK, .err = err};
    char more;

    /* A TLS server waits for the client to begin: what is there now came in plain text. */
    if (protocol->speak(&d)
        && (d.start < d.end || recv(fd, &more, 1, MSG_PEEK | MSG_DONTWAIT) > 0))
        (void)fail(&d, "the server sent more than its answer, in plain text: somebody on the way may "
                       "have put it there to be taken for what comes under TLS");
    return d.status;
}
