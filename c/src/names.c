/*
 * names.c - is this certificate for that host?
 *
 * Owns      the verification schemes, the rules by which names of a certificate match a host name
 *           or an address, the sentence that tells what didn't.
 * Promises  certificates stay unchanged; nothing is remembered from one call to the next; a name
 *           with a NUL byte never matches, nor does a certificate whose subjectAltName can't be
 *           read; wildcards never cover a public suffix, nor (in part) an A-label.
 * Leaves    when names are checked to verify.c; public suffixes to psl.c; other scripts to idn.c.
 * See       RFC 6125 section 6, RFC 9525 section 6, RFC 2818 section 3.1, RFC 4513 section 3.1.3.
 */
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "ascii.h"
#include "certinfo.h"
#include "error.h"
#include "quote.h"

/* ---- Schemes --------------------------------------------------------------------------------- */

#define ANYWHERE IOSSL_WILDCARD_ANYWHERE
#define FULL_LABEL IOSSL_WILDCARD_FULL_LABEL
#define NO_WILDCARD IOSSL_WILDCARD_NONE
#define SCHEME(alt, cn, check, ip)                                                                 \
    { .wildcards_in_alt = (alt), .wildcards_in_cn = (cn), .check_cn = (check), .ip_in_cn = (ip) }

static const iossl_scheme SCHEME_NONE = { .accept_any = true };
static const iossl_scheme SCHEME_DEFAULT =
    SCHEME(ANYWHERE, ANYWHERE, IOSSL_CN_ALWAYS, IOSSL_IP_IN_CN_ANY);
static const iossl_scheme SCHEME_RFC2818 =
    SCHEME(ANYWHERE, ANYWHERE, IOSSL_CN_WHEN_ONLY, IOSSL_IP_IN_CN_NO);
static const iossl_scheme SCHEME_HTTP =
    SCHEME(ANYWHERE, ANYWHERE, IOSSL_CN_WHEN_ONLY, IOSSL_IP_IN_CN_V4);
static const iossl_scheme SCHEME_LDAP =
    SCHEME(FULL_LABEL, NO_WILDCARD, IOSSL_CN_ALWAYS, IOSSL_IP_IN_CN_NO);
static const iossl_scheme SCHEME_MAIL =
    SCHEME(FULL_LABEL, FULL_LABEL, IOSSL_CN_ALWAYS, IOSSL_IP_IN_CN_NO);
static const iossl_scheme SCHEME_GIST =
    SCHEME(FULL_LABEL, FULL_LABEL, IOSSL_CN_WHEN_ONLY, IOSSL_IP_IN_CN_NO);
static const iossl_scheme SCHEME_SIP =
    SCHEME(NO_WILDCARD, NO_WILDCARD, IOSSL_CN_ALWAYS, IOSSL_IP_IN_CN_NO);

/* There is no "https", "imaps", "ldaps": programs rely on hearing that they are unknown. */
static const struct {
    const char *name;
    const iossl_scheme *scheme;
} SCHEMES[] = {
    { "none", &SCHEME_NONE },       { "default", &SCHEME_DEFAULT },
    { "rfc2818", &SCHEME_RFC2818 }, { "rfc3920", &SCHEME_RFC2818 }, { "xmpp", &SCHEME_RFC2818 },
    { "rfc4217", &SCHEME_RFC2818 }, { "ftp", &SCHEME_RFC2818 },
    { "http", &SCHEME_HTTP },       { "www", &SCHEME_HTTP },
    { "rfc4513", &SCHEME_LDAP },    { "ldap", &SCHEME_LDAP },
    { "rfc2595", &SCHEME_MAIL },    { "smtp", &SCHEME_MAIL },
    { "rfc4642", &SCHEME_MAIL },    { "imap", &SCHEME_MAIL },       { "pop3", &SCHEME_MAIL },
    { "acap", &SCHEME_MAIL },
    { "rfc5539", &SCHEME_MAIL },    { "nntp", &SCHEME_MAIL },
    { "rfc5538", &SCHEME_MAIL },    { "netconf", &SCHEME_MAIL },
    { "rfc5425", &SCHEME_MAIL },    { "syslog", &SCHEME_MAIL },
    { "rfc5953", &SCHEME_MAIL },    { "snmp", &SCHEME_MAIL },
    { "rfc5971", &SCHEME_GIST },    { "gist", &SCHEME_GIST },
    { "rfc5922", &SCHEME_SIP },     { "sip", &SCHEME_SIP },
};

const iossl_scheme *
iossl_scheme_by_name(const char *name)
{
    size_t i;

    for (i = 0; name != NULL && i < sizeof SCHEMES / sizeof *SCHEMES; i++) {
        if (strcmp(SCHEMES[i].name, name) == 0)
            return SCHEMES[i].scheme;
    }
    return NULL;
}

/* ---- One pattern and one host name ----------------------------------------------------------- */

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What a label of a host name may hold; "_" isn't of RFC 952, but is in use. */
static bool
is_label_char(char c)
{
    c = iossl_ascii_lower(c);
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

static void
strip_trailing_dots(const char *text, size_t *len)
{
    while (*len > 0 && text[*len - 1] == '.')
        --*len;
}

/* Labels of a host name without a trailing dot; 0 where it isn't one: other characters, or a label
 * is empty. */
static size_t
count_labels(const char *host, size_t len)
{
    size_t labels = 1, in_label = 0, i;

    for (i = 0; i < len; i++) {
        if (host[i] == '.') {
            if (in_label == 0)
                return 0;
            in_label = 0;
            labels++;
        } else if (is_label_char(host[i])) {
            in_label++;
        } else {
            return 0;
        }
    }
    return in_label > 0 ? labels : 0;
}

/* Does the name end in a number? Then it is an address, or no name at all. */
static bool
ends_in_number(const char *host, size_t len)
{
    size_t i = len;

    while (i > 0 && is_digit(host[i - 1]))
        i--;
    return i < len && (i == 0 || host[i - 1] == '.');
}

/*
 * "fo*o.example.com" and one host name. prefix and suffix are what stands before and after the star
 * in the leftmost label; the rest, from the first dot on, has to be the same.
 */
static bool
wildcard_matches(const char *pattern, size_t pattern_len, const char *host, size_t host_len,
                 iossl_wildcards wildcards)
{
    const char *star = memchr(pattern, '*', pattern_len);
    const char *pattern_dot = memchr(pattern, '.', pattern_len);
    const char *host_dot = memchr(host, '.', host_len);
    size_t prefix, suffix, rest, label;

    if (star == NULL || pattern_dot == NULL || host_dot == NULL || star > pattern_dot)
        return false;
    prefix = (size_t)(star - pattern);
    suffix = (size_t)(pattern_dot - star) - 1;
    rest = pattern_len - (size_t)(pattern_dot - pattern);
    label = (size_t)(host_dot - host);
    if (prefix + suffix > 0) {
        if (wildcards != IOSSL_WILDCARD_ANYWHERE)
            return false;
        /* RFC 6125 section 6.4.3: part of an A-label means nothing; before or after the star. */
        if (label >= 4 && iossl_ascii_equal(host, "xn--", 4))
            return false;
    }
    /* A second star can't match, since the host holds none. */
    return label > prefix + suffix  /* the star stands for one character at least */
           && rest == host_len - label && iossl_ascii_equal(pattern_dot, host_dot, rest)
           && iossl_ascii_equal(pattern, host, prefix)
           && iossl_ascii_equal(star + 1, host_dot - suffix, suffix);
}

/* A wildcard must leave two labels above the public suffix to the host: one that it covers, and one
 * that somebody has registered. */
static bool
below_public_suffix(const char *host, size_t host_len, size_t labels, const iossl_psl *psl)
{
    if (psl == IOSSL_PSL_NONE)
        return true;
    if (psl == NULL)
        psl = iossl_psl_builtin(IOSSL_PSL_ICANN);
    return labels
           > iossl_psl_suffix_labels(psl, host, host_len, iossl_psl_get_min_suffix(psl)) + 1;
}

bool
iossl_name_matches(const char *pattern, size_t pattern_len, const char *host, size_t host_len,
                   iossl_wildcards wildcards, const iossl_psl *psl)
{
    size_t labels;

    strip_trailing_dots(pattern, &pattern_len);
    strip_trailing_dots(host, &host_len);
    if (pattern_len == 0 || (labels = count_labels(host, host_len)) == 0)
        return false;
    if (pattern_len == host_len && iossl_ascii_equal(pattern, host, host_len))
        return true;
    return wildcards != IOSSL_WILDCARD_NONE && !ends_in_number(host, host_len)
           && wildcard_matches(pattern, pattern_len, host, host_len, wildcards)
           && below_public_suffix(host, host_len, labels, psl);
}

/* ---- What is to be verified ------------------------------------------------------------------ */

typedef struct identity {
    char *text;                 /* as given, without trailing dots; owned */
    size_t len;
    char *ascii;                /* a host name from another script, in A-labels; owned, else NULL */
    const char *host;           /* the name to match: text or ascii */
    size_t host_len;
    unsigned char address[16];
    size_t address_len;         /* 4, 16, or 0: a host name */
} identity;

static void
identity_clear(identity *id)
{
    free(id->text);
    free(id->ascii);
    memset(id, 0, sizeof *id);
}

/* Digits and dots, a digit first. */
static bool
looks_like_ipv4(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (!is_digit(text[i]) && text[i] != '.')
            return false;
    }
    return len > 0 && is_digit(text[0]);
}

/* Takes the text over; a failed allocation is iossl_error_memory(). */
static iossl_status
identity_set(identity *id, const char *text, size_t len, iossl_error *err)
{
    memset(id, 0, sizeof *id);
    strip_trailing_dots(text, &len);
    if ((id->text = malloc(len + 1)) == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    if (len > 0)
        memcpy(id->text, text, len);
    id->text[len] = '\0';
    id->len = len;
    return IOSSL_OK;
}

/* Why this can't be verified; NULL where it can. The text may live in why. */
static const char *
identity_classify(identity *id, iossl_error *why)
{
    id->host = id->text;
    id->host_len = id->len;
    if (memchr(id->text, ':', id->len) != NULL) {
        if (strspn(id->text, "0123456789abcdefABCDEF:.") != id->len
            || inet_pton(AF_INET6, id->text, id->address) != 1)
            return "it has a colon, but is no IPv6 address (give it without brackets and port)";
        id->address_len = 16;
        return NULL;
    }
    if (looks_like_ipv4(id->text, id->len)) {
        /* inet_pton() wants four decimal numbers below 256, none with leading zeros: elsewhere
         * those mean octal, so that what was connected to may be another address. */
        if (inet_pton(AF_INET, id->text, id->address) != 1)
            return "it is no IPv4 address of four decimal numbers";
        id->address_len = 4;
        return NULL;
    }
    for (size_t i = 0; i < id->len; i++) {
        if (is_label_char(id->text[i]) || id->text[i] == '.')
            continue;
        if ((unsigned char)id->text[i] < 0x80)
            return "it has a character that no host name has";
        if (id->ascii == NULL
            && iossl_idn_to_ascii(&id->ascii, id->text, id->len, why) != IOSSL_OK)
            return iossl_error_message(why);
    }
    if (id->ascii != NULL) {
        id->host = id->ascii;
        id->host_len = strlen(id->ascii);
        strip_trailing_dots(id->host, &id->host_len);
        /* Digits of another script: what resolves such a name may take it for an address. */
        if (id->host_len == 0 || looks_like_ipv4(id->host, id->host_len))
            return "it stands for an address in another script";
    }
    return NULL;
}

/* ---- The names of a certificate -------------------------------------------------------------- */

/* A dNSName or an iPAddress, which are the kinds that count here. */
typedef struct alt_name {
    int type;
    const char *bytes;      /* borrowed from the certificate, or from what was decoded of it */
    size_t len;
} alt_name;

/* Certificates with more names, or with kinds beyond text and addresses, are decoded by OpenSSL. */
#define PLAIN_NAMES 16

typedef struct cert_names {
    alt_name plain[PLAIN_NAMES];
    alt_name *more;         /* owned: where plain doesn't do */
    GENERAL_NAMES *decoded; /* owned */
    const alt_name *alt;
    size_t n_alt;
    bool unreadable;        /* there is a subjectAltName, but no telling what it says */
    bool has_cn;            /* cn has been asked for */
    char *cn;
    size_t cn_len;
} cert_names;

/* The content of a subjectAltName that is there once; NULL: none, or not so. */
static const ASN1_OCTET_STRING *
only_altname_extension(const X509 *cert)
{
    int i = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);

    if (i < 0 || X509_get_ext_by_NID(cert, NID_subject_alt_name, i) >= 0)
        return NULL;
    return X509_EXTENSION_get_data(X509_get_ext(cert, i));
}

/*
 * Reads the names where they lie, in a sequence of primitive [1] rfc822Name, [2] dNSName, [6] URI,
 * [7] iPAddress (RFC 5280 section 4.2.1.6): nearly all certificates have just these, and decoding
 * would allocate for each of them. False: anything else, about which OpenSSL has to say.
 */
static bool
read_plain_names(cert_names *names, const X509 *cert)
{
    const ASN1_OCTET_STRING *data = only_altname_extension(cert);
    const unsigned char *p, *end;
    int tag, class;
    long len;

    if (data == NULL)
        return false;
    p = ASN1_STRING_get0_data(data);
    end = p + ASN1_STRING_length(data);
    if (ASN1_get_object(&p, &len, &tag, &class, end - p) != V_ASN1_CONSTRUCTED
        || tag != V_ASN1_SEQUENCE || class != V_ASN1_UNIVERSAL || len != end - p)
        return false;
    for (names->n_alt = 0; p < end; p += len) {
        if (ASN1_get_object(&p, &len, &tag, &class, end - p) != 0
            || class != V_ASN1_CONTEXT_SPECIFIC || len < 0 || len > end - p)
            return false;
        if (tag == GEN_EMAIL || tag == GEN_URI)
            continue;
        if ((tag != GEN_DNS && tag != GEN_IPADD) || names->n_alt == PLAIN_NAMES)
            return false;
        names->plain[names->n_alt++] = (alt_name){ tag, (const char *)p, (size_t)len };
    }
    names->alt = names->plain;
    return true;
}

static void
read_decoded_names(cert_names *names, const X509 *cert)
{
    int n;

    names->n_alt = 0;
    names->unreadable = !iossl_certinfo_get1_altnames(cert, &names->decoded);
    if ((n = sk_GENERAL_NAME_num(names->decoded)) <= 0)
        return;
    if ((names->more = calloc((size_t)n, sizeof *names->more)) == NULL) {
        names->unreadable = true;
        return;
    }
    for (int i = 0; i < n; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names->decoded, i);
        const ASN1_STRING *value = name->type == GEN_DNS     ? name->d.dNSName
                                   : name->type == GEN_IPADD ? name->d.iPAddress : NULL;

        if (value != NULL)
            names->more[names->n_alt++] = (alt_name){
                name->type, (const char *)ASN1_STRING_get0_data(value),
                (size_t)ASN1_STRING_length(value) };
    }
    names->alt = names->more;
}

static void
cert_names_get(cert_names *names, const X509 *cert)
{
    memset(names, 0, sizeof *names);
    if (!read_plain_names(names, cert))
        read_decoded_names(names, cert);
}

/* The commonName, read when it matters first; NULL: none. */
static const char *
common_name(cert_names *names, const X509 *cert)
{
    if (!names->has_cn)
        names->cn = iossl_cert_common_name(cert, &names->cn_len);
    names->has_cn = true;
    return names->cn;
}

static void
cert_names_clear(cert_names *names)
{
    GENERAL_NAMES_free(names->decoded);
    free(names->more);
    free(names->cn);
}

/* The text of a dNSName without blanks around it. */
static const char *
dns_name(const alt_name *name, size_t *len)
{
    static const char BLANKS[] = {' ', '\t', '\n', '\v', '\f', '\r'};
    const char *text = name->bytes;

    *len = name->len;
    while (*len > 0 && memchr(BLANKS, *text, sizeof BLANKS) != NULL) {
        text++;
        --*len;
    }
    while (*len > 0 && memchr(BLANKS, text[*len - 1], sizeof BLANKS) != NULL)
        --*len;
    return text;
}

/*
 * Does one of the subjectAltNames match? *n_alt tells how many of them outrank the commonName: for a
 * host name the dNSNames; for an address these and the iPAddresses (RFC 2818 section 3.1 knows no
 * address in a commonName at all, so one counts only where the certificate names nothing else).
 */
static bool
matches_alt(const cert_names *names, const identity *id, const iossl_scheme *scheme,
            const iossl_psl *psl, size_t *n_alt)
{
    *n_alt = 0;
    for (size_t i = 0; i < names->n_alt; i++) {
        const alt_name *name = &names->alt[i];

        if (id->address_len > 0) {
            ++*n_alt;
            if (name->type == GEN_IPADD && name->len == id->address_len
                && memcmp(name->bytes, id->address, id->address_len) == 0)
                return true;
        } else if (name->type == GEN_DNS) {
            size_t len;
            const char *text = dns_name(name, &len);

            ++*n_alt;
            if (iossl_name_matches(text, len, id->host, id->host_len, scheme->wildcards_in_alt,
                                   psl))
                return true;
        }
    }
    return false;
}

static bool
considers_cn(const iossl_scheme *scheme, size_t n_alt)
{
    return scheme->check_cn == IOSSL_CN_ALWAYS
           || (scheme->check_cn == IOSSL_CN_WHEN_ONLY && n_alt == 0);
}

static bool
matches_cn(cert_names *names, const X509 *cert, const identity *id, const iossl_scheme *scheme,
           const iossl_psl *psl)
{
    if (common_name(names, cert) == NULL)
        return false;
    if (id->address_len == 0)
        return iossl_name_matches(names->cn, names->cn_len, id->host, id->host_len,
                                  scheme->wildcards_in_cn, psl);
    switch (scheme->ip_in_cn) {
    case IOSSL_IP_IN_CN_ANY:
        break;
    case IOSSL_IP_IN_CN_V4:
        if (id->address_len != 4)
            return false;
        break;
    case IOSSL_IP_IN_CN_V6:
        if (id->address_len != 16)
            return false;
        break;
    case IOSSL_IP_IN_CN_NO:
    default:
        return false;
    }
    return names->cn_len == id->len && memcmp(names->cn, id->text, id->len) == 0;
}

/* ---- The sentence ---------------------------------------------------------------------------- */

/* So many names are told; the others are counted. */
#define NAMES_TOLD 3

typedef struct told_names {
    char text[NAMES_TOLD * (IOSSL_QUOTED + 2) + 32];
    size_t len;
    size_t n;
} told_names;

static void
tell(told_names *told, const char *name, size_t len)
{
    char quoted[IOSSL_QUOTED];

    if (told->n++ >= NAMES_TOLD)
        return;
    iossl_quote(quoted, name, len);
    told->len += (size_t)snprintf(told->text + told->len, sizeof told->text - told->len, "%s%s",
                                  told->n > 1 ? ", " : "", quoted);
}

static void
tell_alt(told_names *told, const alt_name *name)
{
    char address[INET6_ADDRSTRLEN];
    const char *text;
    size_t len;
    int family;

    if (name->type == GEN_DNS) {
        text = dns_name(name, &len);
        tell(told, text, len);
    } else if (name->type == GEN_IPADD) {
        if (name->len != 4 && name->len != 16)
            return;
        family = name->len == 4 ? AF_INET : AF_INET6;
        if (inet_ntop(family, name->bytes, address, sizeof address) != NULL)
            tell(told, address, strlen(address));
    }
}

static void
report_mismatch(cert_names *names, const X509 *cert, const identity *id, bool with_cn,
                iossl_error *err)
{
    told_names told = { .len = 0 };
    char wanted[IOSSL_QUOTED], more[48] = "";

    if (err == NULL)
        return;
    if (id->address_len > 0)
        iossl_quote(wanted, id->text, id->len);
    else
        iossl_quote(wanted, id->host, id->host_len);
    if (names->unreadable) {
        iossl_error_set(err, IOSSL_E_NAME, IOSSL_RANK_IDENTITY,
                        "hostname verification failed: the subjectAltName of the certificate can't "
                        "be decoded, so it is for nobody, not for %s", wanted);
        return;
    }
    for (size_t i = 0; i < names->n_alt; i++)
        tell_alt(&told, &names->alt[i]);
    if (with_cn && common_name(names, cert) != NULL)
        tell(&told, names->cn, names->cn_len);
    if (told.n > NAMES_TOLD)
        (void)snprintf(more, sizeof more, " (and %zu more)", told.n - NAMES_TOLD);
    iossl_error_set(err, IOSSL_E_NAME, IOSSL_RANK_IDENTITY,
                    "hostname verification failed: the certificate is for %s%s, not for %s",
                    told.n > 0 ? told.text : "no host that it names", more, wanted);
}

static void
report_unusable(const char *text, size_t len, const char *reason, iossl_error *err)
{
    char wanted[IOSSL_QUOTED];

    iossl_quote(wanted, text, len);
    iossl_error_set(err, IOSSL_E_NAME, IOSSL_RANK_IDENTITY,
                    "hostname verification failed: %s can't be verified: %s", wanted, reason);
}

/* ---- The whole check ------------------------------------------------------------------------- */

/* By the rules of the scheme, for an identity that has been classified. */
static iossl_match
check_certificate(const identity *id, const X509 *cert, const iossl_scheme *scheme,
                  const iossl_psl *psl, bool *by_cn, iossl_error *err)
{
    iossl_match match = IOSSL_NAME_MISMATCH;
    cert_names names;
    size_t n_alt = 0;
    bool with_cn;

    cert_names_get(&names, cert);
    if (!names.unreadable && matches_alt(&names, id, scheme, psl, &n_alt))
        match = IOSSL_NAME_MATCH;
    with_cn = !names.unreadable && considers_cn(scheme, n_alt);
    if (match != IOSSL_NAME_MATCH && with_cn && matches_cn(&names, cert, id, scheme, psl)) {
        match = IOSSL_NAME_MATCH;
        *by_cn = true;
    }
    if (match != IOSSL_NAME_MATCH)
        report_mismatch(&names, cert, id, with_cn, err);
    cert_names_clear(&names);
    return match;
}

static iossl_match
ask_callback(const identity *id, X509 *cert, const iossl_scheme *scheme, iossl_error *err)
{
    iossl_match match = scheme->callback(scheme->callback_arg, id->text, cert);
    char wanted[IOSSL_QUOTED];

    if (match == IOSSL_NAME_MATCH)
        return match;
    iossl_quote(wanted, id->text, id->len);
    iossl_error_set(err, IOSSL_E_NAME, IOSSL_RANK_IDENTITY,
                    "hostname verification failed: the callback of the verification scheme refused "
                    "the certificate for %s", wanted);
    return match == IOSSL_NAME_UNUSABLE ? match : IOSSL_NAME_MISMATCH;
}

iossl_match
iossl_verify_name(const char *text, size_t len, X509 *cert, const iossl_scheme *scheme,
                  const iossl_psl *psl, iossl_error *err)
{
    bool by_cn;

    return iossl_names_verify(text, len, cert, scheme, psl, &by_cn, err);
}

iossl_match
iossl_names_verify(const char *text, size_t len, X509 *cert, const iossl_scheme *scheme,
                   const iossl_psl *psl, bool *by_cn, iossl_error *err)
{
    iossl_match match = IOSSL_NAME_UNUSABLE;
    iossl_error *why = NULL;
    const char *reason;
    identity id = { .text = NULL };

    *by_cn = false;
    if (scheme == NULL)
        scheme = &SCHEME_DEFAULT;
    if (scheme->accept_any)
        return IOSSL_NAME_MATCH;
    if (memchr(text, '\0', len) != NULL) {
        report_unusable(text, len, "it has a NUL byte", err);
        goto done;
    }
    if (identity_set(&id, text, len, err) != IOSSL_OK)
        goto done;
    if (scheme->callback != NULL) {
        match = ask_callback(&id, cert, scheme, err);
        goto done;
    }
    why = iossl_error_new();    /* NULL loses the reason only */
    if ((reason = identity_classify(&id, why)) != NULL) {
        report_unusable(text, len, reason, err);
        goto done;
    }
    match = check_certificate(&id, cert, scheme, psl, by_cn, err);
done:
    iossl_error_free(why);
    identity_clear(&id);
    iossl_error_clear_queue();
    return match;
}
