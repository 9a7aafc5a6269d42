/*
 * describe.c - certificates in a report: see describe.h.
 *
 * Owns      the words for what a certificate says.
 * Leaves    reading it to iossl_certinfo, escaping to the report.
 */
#include "describe.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "opts.h"

/* So many names are shown in brief; JSON has all of them. */
#define NAMES_SHOWN ((size_t)8)
#define DAY_S 86400
/* Who renews by hand wants to hear of it by then. */
#define SOON_S (14 * DAY_S)

/* ---- Names ----------------------------------------------------------------------------------- */

/* A list in words that grows. A certificate may have any number of names, so no piece may cost what
 * there is already. */
typedef struct line {
    char *text;             /* NUL-terminated; free() it */
    size_t len, room;
} line;

static line
line_new(void)
{
    return (line){.text = tool_copy(""), .len = 0, .room = 1};
}

static void
add(line *to, const char *more)
{
    size_t n = strlen(more);

    if (to->room - to->len <= n) {
        char *larger = tool_alloc(to->room = 2 * (to->len + n + 1));

        memcpy(larger, to->text, to->len + 1);
        free(to->text);
        to->text = larger;
    }
    memcpy(to->text + to->len, more, n + 1);
    to->len += n;
}

/* What stands for a NUL byte where text is a C string: U+FFFD. */
#define REPLACEMENT "\xef\xbf\xbd"

/* A value within a list of them, in quotes where it could be taken for more than one. free() it. */
static char *
quoted(const char *value, size_t len)
{
    char *out = tool_alloc(3 * len + 3), *to = out;
    bool is_plain = len > 0 && value[0] != ' ' && value[len - 1] != ' ';

    for (size_t i = 0; i < len; i++)
        is_plain = is_plain && (value[i] == '\0' || strchr(",+=\"<>;", value[i]) == NULL);
    if (!is_plain)
        *to++ = '"';
    for (size_t i = 0; i < len; i++) {
        if (value[i] == '\0') {
            memcpy(to, REPLACEMENT, sizeof REPLACEMENT - 1);
            to += sizeof REPLACEMENT - 1;
            continue;
        }
        if (value[i] == '"')
            *to++ = '"';
        *to++ = value[i];
    }
    if (!is_plain)
        *to++ = '"';
    *to = '\0';
    return out;
}

/* The most specific part first, as people read names; certificates have it last. */
static char *
name_of(const iossl_name_part *parts, size_t n)
{
    line text = line_new();

    for (size_t i = n; i-- > 0;) {
        char *shown = quoted(parts[i].value, parts[i].len);
        char *part = tool_format("%s%s=%s", text.len == 0 ? "" : ", ",
                                 parts[i].nid == NID_undef ? parts[i].name
                                                           : OBJ_nid2sn(parts[i].nid), shown);

        add(&text, part);
        free(part);
        free(shown);
    }
    if (n == 0)
        add(&text, "(no name)");
    return text.text;
}

static char *
subject_or_issuer(const X509 *cert, bool issuer)
{
    iossl_certinfo *info = iossl_certinfo_new(cert, NULL);
    char *text = info == NULL ? tool_copy("")
                 : issuer     ? name_of(info->issuer, info->n_issuer)
                              : name_of(info->subject, info->n_subject);

    iossl_certinfo_free(info);
    return text;
}

char *
describe_subject(const X509 *cert)
{
    return subject_or_issuer(cert, false);
}

char *
describe_issuer(const X509 *cert)
{
    return subject_or_issuer(cert, true);
}

/* ---- Times ----------------------------------------------------------------------------------- */

char *
describe_span(int64_t seconds)
{
    static const struct {
        int64_t size;
        const char *name;
    } units[] = {{DAY_S, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    size_t i = 0;
    int64_t n;

    while (i + 1 < TOOL_COUNT(units) && seconds < 2 * units[i].size)
        i++;
    n = seconds / units[i].size;
    return tool_format("%lld %s%s", (long long)n, units[i].name, n == 1 ? "" : "s");
}

char *
describe_validity(int64_t from, int64_t to, int64_t now, tool_colour *colour)
{
    char *span, *text;

    *colour = BAD;
    if (from == IOSSL_NO_TIME || to == IOSSL_NO_TIME)
        return tool_copy("its times can't be read");
    if (now < from) {
        span = describe_span(from - now);
        text = tool_format("begins in %s", span);
    } else if (now > to) {
        span = describe_span(now - to);
        text = tool_format("ended %s ago", span);
    } else {
        span = describe_span(to - now);
        text = tool_format("%s left", span);
        *colour = to - now < SOON_S ? WARN : GOOD;
    }
    free(span);
    return text;
}

static void
validity(report *r, const iossl_certinfo *info)
{
    int64_t now = (int64_t)time(NULL);
    char from[REPORT_TIME_SIZE] = "?", to[REPORT_TIME_SIZE] = "?";
    tool_colour colour;
    char *words = describe_validity(info->not_before, info->not_after, now, &colour);

    report_time(r, "not_before", NULL, info->not_before);
    report_time(r, "not_after", NULL, info->not_after);
    if (info->not_after != IOSSL_NO_TIME) {
        int64_t left = info->not_after - now;

        report_int(r, "days_left", NULL, left >= 0 ? left / DAY_S : -((DAY_S - 1 - left) / DAY_S));
    } else {
        report_null(r, "days_left");
    }
    if (!report_is_json(r)) {
        char *text;

        if (info->not_before != IOSSL_NO_TIME)
            (void)report_time_text(from, info->not_before);
        if (info->not_after != IOSSL_NO_TIME)
            (void)report_time_text(to, info->not_after);
        text = tool_format("%.10s to %.10s: %s", from, to, words);
        report_colour(r, NULL, "valid", text, colour);
        free(text);
    }
    free(words);
}

/* ---- The whole ------------------------------------------------------------------------------- */

char *
describe_hex(const unsigned char *bytes, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    char *out = tool_alloc(2 * len + 1);

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    return out;
}

static void
altnames(report *r, const iossl_certinfo *info, describe_extent extent)
{
    line list = line_new();
    size_t shown = 0;

    report_array(r, "names", NULL);
    for (size_t i = 0; i < info->n_altnames; i++) {
        const iossl_altname *name = &info->altnames[i];

        report_object(r, NULL, NULL);
        report_text(r, "type", NULL, name->type_name);
        if (name->value != NULL)
            report_bytes(r, "value", NULL, name->value, name->len);
        else
            report_null(r, "value");
        report_end(r);
        if (name->value != NULL && (extent == DESCRIBE_FULL || shown < NAMES_SHOWN)) {
            bool is_host = name->type == GEN_DNS || name->type == GEN_IPADD;
            char *value = quoted(name->value, name->len);
            char *part = tool_format("%s%s%s%s", shown++ > 0 ? ", " : "",
                                     is_host ? "" : name->type_name, is_host ? "" : ":", value);

            free(value);
            add(&list, part);
            free(part);
        }
    }
    report_end(r);
    if (info->n_altnames > shown) {
        char *more = tool_format("%sand %zu more", shown > 0 ? ", " : "",
                                 info->n_altnames - shown);

        add(&list, more);
        free(more);
    }
    report_text(r, NULL, "names", list.len == 0 ? "none but in the subject" : list.text);
    free(list.text);
}

static void
text_list(report *r, const char *key, const char *label, const char *const *list, size_t n)
{
    report_array(r, key, NULL);
    for (size_t i = 0; i < n; i++)
        report_text(r, NULL, report_is_json(r) ? NULL : i == 0 ? label : "", list[i]);
    report_end(r);
}

static void
usages(report *r, const iossl_certinfo *info)
{
    line words = line_new();

    report_array(r, "usage", NULL);
    for (size_t i = 0; i < info->n_key_usage + info->n_ext_key_usage; i++) {
        const iossl_oid *oid = i < info->n_key_usage ? NULL
                                                     : &info->ext_key_usage[i - info->n_key_usage];
        const char *name = oid == NULL ? info->key_usage[i] : oid->sn != NULL ? oid->sn : oid->oid;

        report_text(r, NULL, NULL, name);
        add(&words, i > 0 ? ", " : "");
        add(&words, name);
    }
    report_end(r);
    report_text(r, NULL, "usage", words.len == 0 ? "not restricted" : words.text);
    free(words.text);
}

static void
key_and_signature(report *r, const iossl_certinfo *info)
{
    report_text(r, "key_type", NULL, info->key_type);
    report_int(r, "key_bits", NULL, info->key_bits);
    report_text(r, "key_group", NULL, info->key_group);
    report_text(r, "signature_algorithm", NULL, info->signature_alg);
    report_format(r, NULL, "key", "%s, %d bits%s%s; signed with %s",
                  info->key_type == NULL ? "unknown" : info->key_type, info->key_bits,
                  info->key_group == NULL ? "" : ", ",
                  info->key_group == NULL ? "" : info->key_group, info->signature_alg);
}

static void
fingerprint(report *r, const char *key, const char *label, const X509 *cert, bool pubkey)
{
    char *text = NULL;

    (void)iossl_cert_fingerprint(&text, cert, NULL, pubkey, NULL);
    report_text(r, key, label, text);
    iossl_free(text);
}

/* To be put into DNS: of a server's certificate, or of a CA. */
static void
tlsa(report *r, const X509 *cert, const char *label)
{
    char *text = NULL;

    (void)iossl_cert_tlsa(&text, cert, X509_check_ca((X509 *)cert) > 0 ? 2 : 3, 1, 1, NULL);
    report_text(r, "tlsa", label, text);
    iossl_free(text);
}

void
describe_cert(report *r, const X509 *cert, describe_extent extent)
{
    iossl_certinfo *info = iossl_certinfo_new(cert, NULL);
    char *subject, *issuer, *pem;

    if (info == NULL)
        return;
    subject = name_of(info->subject, info->n_subject);
    issuer = name_of(info->issuer, info->n_issuer);
    report_text(r, "subject", extent == DESCRIBE_FULL ? "subject" : NULL, subject);
    report_text(r, "issuer", "issued by",
                !report_is_json(r)
                        && X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0
                    ? "itself" : issuer);
    altnames(r, info, extent);
    validity(r, info);
    key_and_signature(r, info);
    report_bool(r, "is_ca", NULL, X509_check_ca((X509 *)cert) > 0);
    if (extent == DESCRIBE_FULL)
        report_text(r, NULL, "CA", X509_check_ca((X509 *)cert) > 0 ? "yes: it may sign others"
                                                                   : "no");
    report_text(r, "serial", extent == DESCRIBE_FULL ? "serial" : NULL, info->serial);
    if (extent == DESCRIBE_FULL || report_is_json(r)) {
        usages(r, info);
        text_list(r, "ocsp_uris", "OCSP", info->ocsp_uris, info->n_ocsp_uris);
        text_list(r, "crl_uris", "CRL", info->crl_uris, info->n_crl_uris);
        text_list(r, "issuer_uris", "issuer at", info->issuer_uris, info->n_issuer_uris);
    }
    fingerprint(r, "fingerprint", extent == DESCRIBE_FULL ? "fingerprint" : NULL, cert, false);
    fingerprint(r, "public_key_fingerprint", extent == DESCRIBE_FULL ? "of the key" : NULL, cert,
                true);
    tlsa(r, cert, extent == DESCRIBE_FULL ? "TLSA record" : NULL);
    pem = report_is_json(r) ? iossl_cert_to_pem(cert, NULL) : NULL;
    if (report_is_json(r))
        report_text(r, "pem", NULL, pem);
    iossl_free(pem);
    free(subject);
    free(issuer);
    iossl_certinfo_free(info);
}
