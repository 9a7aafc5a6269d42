/*
 * cmd_check.c - iossl check: would this certificate do for this name, and if not, why not?
 *
 * Owns      the reasons why one name of a certificate doesn't match another.
 * Leaves    the verdict itself to iossl_verify_name().
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/x509v3.h>

#include <iossl.h>

#include "commands.h"
#include "describe.h"
#include "load.h"
#include "report.h"

typedef struct check_settings {
    const char *cert, *scheme, *section;
    bool json;
} check_settings;

#define AT(member) offsetof(check_settings, member)
static const tool_option OPTIONS[] = {
    {0, "cert", "FILE", OPT_TEXT, AT(cert), NULL,
     "the certificate: PEM, DER or PKCS#12, or \"-\" for standard input; of several the first counts",
     0, 0},
    {0, "scheme", "NAME", OPT_TEXT, AT(scheme), "SSL_verifycn_scheme",
     "the rules of this protocol: http (the default here), smtp, imap, pop3, ldap, ftp, xmpp, sip, "
     "default, ...", 0, 0},
    {0, "suffixes", "icann|all|none", OPT_TEXT, AT(section), "SSL_verifycn_publicsuffix",
     "which public suffixes a wildcard may not cover: those of registries (the default), those of "
     "hosting services too, or no such rule", 0, 0},
    {0, "json", NULL, OPT_FLAG, AT(json), NULL, "print JSON", 0, 0},
};
static const tool_group GROUPS[] = {{"Options", OPTIONS, TOOL_COUNT(OPTIONS), 0}};

/* What is asked. */
typedef struct question {
    const char *name;           /* as given */
    char *host;                 /* in ASCII, without trailing dots; NULL: no host name */
    bool is_address;
    const char *scheme_name;
    const iossl_scheme *scheme;
    const iossl_psl *psl;
} question;

static bool
is_address(const char *name)
{
    unsigned char address[16];

    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

/* ---- Why not --------------------------------------------------------------------------------- */

/* Of a pattern with a star that doesn't match. free() it. */
static char *
why_no_wildcard(const question *q, const char *pattern, size_t len, iossl_wildcards wildcards)
{
    const char *dot = memchr(pattern, '.', len), *star = memchr(pattern, '*', len);
    const char *host_dot = strchr(q->host, '.');
    size_t rest = dot == NULL ? 0 : len - (size_t)(dot - pattern);
    size_t host_len = strlen(q->host);

    if (dot == NULL || star > dot)
        return tool_copy("a wildcard counts only in the leftmost label of a name with dots");
    if (memchr(star + 1, '*', len - (size_t)(star - pattern) - 1) != NULL)
        return tool_copy("it has more than one wildcard");
    if (iossl_name_matches(pattern, len, q->host, host_len, wildcards, IOSSL_PSL_NONE))
        return tool_format("its wildcard reaches up to a public suffix; iossl suffix %s tells which",
                           q->host);
    if (iossl_name_matches(pattern, len, q->host, host_len, IOSSL_WILDCARD_ANYWHERE,
                           IOSSL_PSL_NONE))
        return tool_format(wildcards == IOSSL_WILDCARD_NONE
                               ? "scheme %s takes no wildcards here"
                               : "scheme %s takes a wildcard only as a whole label here",
                           q->scheme_name);
    if (strlen(q->host) == rest - 1 && strncasecmp(dot + 1, q->host, rest - 1) == 0)
        return tool_copy("a wildcard stands for one label: the name without any isn't covered");
    if (host_dot != NULL && strlen(host_dot) > rest
        && strncasecmp(host_dot + strlen(host_dot) - rest, dot, rest) == 0)
        return tool_copy("a wildcard stands for one label only, and here are more");
    if (star != pattern || dot != star + 1) {
        if (strncasecmp(q->host, "xn--", 4) == 0)
            return tool_copy("part of an international label (xn--) can't be matched");
    }
    return tool_copy("another name");
}

/* One host name of the certificate, which doesn't match. free() it. */
static char *
why_not(const question *q, const char *value, size_t len, iossl_wildcards wildcards)
{
    if (memchr(value, '\0', len) != NULL)
        return tool_copy("it has a NUL byte: such a name is never taken");
    if (q->host == NULL)
        return tool_copy("what was asked for is no host name");
    if (len == 0)
        return tool_copy("it is empty");
    if (memchr(value, '*', len) != NULL)
        return why_no_wildcard(q, value, len, wildcards);
    if (memchr(value, ' ', len) != NULL || memchr(value, '/', len) != NULL
        || memchr(value, ':', len) != NULL)
        return tool_copy("another name, and no host name at all");
    return tool_copy("another name");
}

/* ---- The names one by one -------------------------------------------------------------------- */

static void
show_name(report *r, const char *type, const char *value, size_t len, bool matches, bool counts,
          const char *why)
{
    report_object(r, NULL, NULL);
    report_text(r, "type", NULL, type);
    if (value == NULL)
        report_null(r, "value");
    else
        report_bytes(r, "value", NULL, value, len);
    report_bool(r, "matches", NULL, matches);
    report_bool(r, "counts", NULL, counts);
    report_text(r, "why", NULL, why);
    report_end(r);
    if (!report_is_json(r)) {
        char *shown = tool_escape(value == NULL ? "(unreadable)" : value, value == NULL ? 12 : len);

        fprintf(stdout, "    %s%s%s %s:%s: ", tool_colour_begin(stdout, matches ? GOOD : FAINT),
                matches ? "ok" : "- ", tool_colour_begin(stdout, PLAIN), type, shown);
        tool_fold(stdout, why == NULL ? "matches" : why, strlen(shown) + strlen(type) + 10, 7);
        free(shown);
    }
}

/* True: it counts, so a commonName doesn't where the scheme takes that only without such names. */
static bool
check_altname(report *r, const question *q, const iossl_altname *name)
{
    bool matches = false, counts = false;
    char *why = NULL;

    if (name->value == NULL) {
        why = tool_copy("its form can't be shown or matched");
    } else if (name->type == GEN_DNS) {
        counts = true;
        if (q->is_address)
            why = tool_copy("a host name; an address has to stand there as an address (IP:)");
        else if (q->host != NULL
                 && iossl_name_matches(name->value, name->len, q->host, strlen(q->host),
                                       q->scheme->wildcards_in_alt, q->psl))
            matches = true;
        else
            why = why_not(q, name->value, name->len, q->scheme->wildcards_in_alt);
    } else if (name->type == GEN_IPADD) {
        unsigned char a[16], b[16];
        size_t n = strchr(name->value, ':') == NULL ? 4 : 16;

        counts = q->is_address;
        matches = q->is_address && (strchr(q->name, ':') == NULL) == (n == 4)
                  && inet_pton(n == 4 ? AF_INET : AF_INET6, q->name, a) == 1
                  && inet_pton(n == 4 ? AF_INET : AF_INET6, name->value, b) == 1
                  && memcmp(a, b, n) == 0;
        if (!matches)
            why = tool_copy(q->is_address ? "another address" : "an address; a host name was asked for");
    } else {
        why = tool_copy("not looked at: neither a host name nor an address");
    }
    show_name(r, name->type_name, name->value, name->len, matches, counts, why);
    free(why);
    return counts;
}

static void
check_common_name(report *r, const question *q, X509 *cert, bool has_altnames)
{
    size_t len;
    char *name = iossl_cert_common_name(cert, &len), *why = NULL;
    bool counts = q->scheme->check_cn == IOSSL_CN_ALWAYS
                  || (q->scheme->check_cn == IOSSL_CN_WHEN_ONLY && !has_altnames);
    bool matches = false;

    if (name == NULL)
        return;
    if (!counts)
        why = tool_format(q->scheme->check_cn == IOSSL_CN_NEVER
                              ? "not looked at: scheme %s takes subjectAltNames only"
                              : "not looked at: scheme %s takes it only where there is no "
                                "subjectAltName", q->scheme_name);
    else if (q->is_address)
        why = tool_copy(q->scheme->ip_in_cn == IOSSL_IP_IN_CN_NO
                            ? "an address isn't looked for in the commonName" : "another text");
    else if (q->host != NULL && iossl_name_matches(name, len, q->host, strlen(q->host),
                                                   q->scheme->wildcards_in_cn, q->psl))
        matches = true;
    else
        why = why_not(q, name, len, q->scheme->wildcards_in_cn);
    if (counts && q->is_address && q->scheme->ip_in_cn != IOSSL_IP_IN_CN_NO
        && strlen(name) == len && strcmp(name, q->name) == 0) {
        matches = true;
        free(why);
        why = NULL;
    }
    show_name(r, "CN", name, len, matches, counts, why);
    free(why);
    iossl_free(name);
}

static void
check_names(report *r, const question *q, X509 *cert)
{
    iossl_certinfo *info = iossl_certinfo_new(cert, NULL);
    bool has_altnames = false;

    report_array(r, "names", "Its names");
    for (size_t i = 0; info != NULL && i < info->n_altnames; i++)
        has_altnames = check_altname(r, q, &info->altnames[i]) || has_altnames;
    check_common_name(r, q, cert, has_altnames);
    report_end(r);
    iossl_certinfo_free(info);
}

/* ---- The command ----------------------------------------------------------------------------- */

static int
answer(const question *q, X509 *cert, bool json)
{
    iossl_error *err = iossl_error_new();
    iossl_match match = iossl_verify_name(q->name, strlen(q->name), cert, q->scheme, q->psl, err);
    report *r = report_new(stdout, json);
    char *subject = describe_subject(cert), *words;
    iossl_certinfo *info = iossl_certinfo_new(cert, NULL);
    tool_colour colour = GOOD;

    report_text(r, "name", NULL, q->name);
    report_text(r, "scheme", NULL, q->scheme_name);
    report_bool(r, "match", NULL, match == IOSSL_NAME_MATCH);
    report_text(r, "reason", NULL, match == IOSSL_NAME_MATCH ? NULL : iossl_error_message(err));
    if (match == IOSSL_NAME_MATCH)
        report_say(r, GOOD, "yes: the certificate is for %s (scheme %s)", q->name, q->scheme_name);
    else
        report_say(r, BAD, "no: %s", iossl_error_message(err));
    report_object(r, "certificate", "Certificate");
    report_text(r, "subject", "subject", subject);
    if (info != NULL) {
        words = describe_validity(info->not_before, info->not_after, (int64_t)time(NULL), &colour);
        report_colour(r, NULL, "valid", words, colour);
        report_time(r, "not_before", NULL, info->not_before);
        report_time(r, "not_after", NULL, info->not_after);
        free(words);
    }
    report_end(r);
    check_names(r, q, cert);
    report_free(r);
    iossl_certinfo_free(info);
    free(subject);
    iossl_error_free(err);
    return match == IOSSL_NAME_MATCH ? TOOL_OK : TOOL_NO;
}

static bool
choose_suffixes(question *q, const char *section)
{
    if (section == NULL || strcmp(section, "icann") == 0)
        q->psl = NULL;
    else if (strcmp(section, "all") == 0)
        q->psl = iossl_psl_builtin(IOSSL_PSL_ALL);
    else if (strcmp(section, "none") == 0)
        q->psl = IOSSL_PSL_NONE;
    else {
        (void)tool_usage("--suffixes \"%s\": icann, all or none is wanted", section);
        return false;
    }
    return true;
}

static int
run(const void *settings, const tool_list *operands)
{
    const check_settings *s = settings;
    question q = {.name = operands->item[0], .scheme_name = s->scheme};
    STACK_OF(X509) *certs = NULL;
    int status = TOOL_USAGE;

    if (s->cert == NULL)
        return tool_usage("--cert FILE is missing: which certificate?");
    if ((q.scheme = tool_scheme(q.scheme_name)) == NULL || !choose_suffixes(&q, s->section)
        || (certs = tool_load_certs(s->cert)) == NULL)
        goto done;
    q.is_address = is_address(q.name);
    if (!q.is_address && iossl_idn_to_ascii(&q.host, q.name, strlen(q.name), NULL) == IOSSL_OK)
        while (q.host[0] != '\0' && q.host[strlen(q.host) - 1] == '.')
            q.host[strlen(q.host) - 1] = '\0';
    status = answer(&q, sk_X509_value(certs, 0), s->json);
done:
    sk_X509_pop_free(certs, X509_free);
    iossl_free(q.host);
    return status;
}

static void
set_defaults(void *settings)
{
    ((check_settings *)settings)->scheme = "http";
}

const tool_command tool_command_check = {
    .name = "check",
    .operands = "NAME",
    .summary = "Would a certificate do for this host name or address, and if not, why not?",
    .min_operands = 1,
    .max_operands = 1,
    .groups = GROUPS,
    .n_groups = TOOL_COUNT(GROUPS),
    .size = sizeof(check_settings),
    .defaults = set_defaults,
    .run = run,
};
