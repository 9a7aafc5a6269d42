/*
 * certext.c - alternative names and extensions of a certificate, out of text.
 *
 * Owns      the words for kinds of names, the ways to write an extension down.
 * Promises  values are taken as they are: a comma in a DNS name makes no second name. What can't be
 *           used is an error, never left out.
 * Leaves    openssl.cnf's own syntax to OpenSSL; which extensions a certificate gets to certgen_make.c.
 * See       x509v3_config(5), RFC 5280 section 4.2.
 */
#include "certext.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/err.h>

#include "ascii.h"
#include "certinfo.h"
#include "error.h"
#include "quote.h"

bool
iossl_certext_same_word(const char *word, size_t len, const char *known)
{
    size_t i = 0;

    while (i < len && iossl_ascii_lower(word[i]) == iossl_ascii_lower(known[i])
           && known[i] != '\0')
        i++;
    return i == len && known[i] == '\0';
}

/* ---- Alternative names ----------------------------------------------------------------------- */

static const struct {
    const char *word;
    int type;
} ALTNAME_TYPES[] = {
    {"DNS", GEN_DNS},           {"EMAIL", GEN_EMAIL},      {"URI", GEN_URI},
    {"IP", GEN_IPADD},          {"IP Address", GEN_IPADD}, {"RID", GEN_RID},
    {"Registered ID", GEN_RID}, {"DIRNAME", GEN_DIRNAME},  {"OTHERNAME", GEN_OTHERNAME},
};

/* Its GEN_*, -1 where it is unknown. */
static int
altname_type(const char *word)
{
    for (size_t i = 0; i < sizeof ALTNAME_TYPES / sizeof *ALTNAME_TYPES; i++) {
        if (iossl_certext_same_word(word, strlen(word), ALTNAME_TYPES[i].word))
            return ALTNAME_TYPES[i].type;
    }
    return -1;
}

/* "/C=DE/CN=x", with a backslash before what would end a part. The text is used up. */
static X509_NAME *
parse_directory_name(char *text)
{
    X509_NAME *name = X509_NAME_new();
    char *at = text;

    if (name == NULL || *at != '/')
        goto failed;
    while (*at == '/') {
        char *field = ++at, *value, *to;

        while (*at != '=' && *at != '/' && *at != '\0')
            at++;
        if (*at != '=')
            goto failed;
        *at++ = '\0';
        for (value = to = at; *at != '/' && *at != '\0'; *to++ = *at++) {
            if (*at == '\\' && at[1] != '\0')
                at++;
        }
        if (X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (unsigned char *)value,
                                       (int)(to - value), -1, 0) != 1)
            goto failed;
    }
    return name;
failed:
    X509_NAME_free(name);
    return NULL;
}

static bool
set_string(GENERAL_NAME *name, int type, const char *value, size_t len)
{
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();

    if (string == NULL || ASN1_STRING_set(string, value, (int)len) != 1) {
        ASN1_IA5STRING_free(string);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, string);
    return true;
}

/* What isn't a plain string: taken over by the name. text is NUL-terminated and used up. */
static bool
set_parsed(GENERAL_NAME *name, int type, char *text)
{
    void *value = NULL;

    switch (type) {
    case GEN_IPADD: value = a2i_IPADDRESS(text); break;
    case GEN_RID: value = OBJ_txt2obj(text, 0); break;
    case GEN_DIRNAME: value = parse_directory_name(text); break;
    default: return a2i_GENERAL_NAME(name, NULL, NULL, type, text, 0) != NULL;
    }
    if (value == NULL)
        return false;
    GENERAL_NAME_set0_value(name, type, value);
    return true;
}

GENERAL_NAME *
iossl_certext_altname(const char *type, const char *value, size_t len, iossl_error *err)
{
    char quoted_type[IOSSL_QUOTED], quoted[IOSSL_QUOTED];
    GENERAL_NAME *name = NULL, *result = NULL;
    int number = altname_type(type);
    char *copy = NULL;
    bool is_set;

    if (number < 0) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "subjectAltNames: unknown type %s for %s; known here: DNS, EMAIL, URI, "
                        "IP, RID, DIRNAME, OTHERNAME",
                        iossl_quote(quoted_type, type, strlen(type)),
                        iossl_quote(quoted, value, len));
        return NULL;
    }
    if (len > INT_MAX || (copy = malloc(len + 1)) == NULL || (name = GENERAL_NAME_new()) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    memcpy(copy, value, len);
    copy[len] = '\0';
    if (number == GEN_DNS || number == GEN_EMAIL || number == GEN_URI)
        is_set = set_string(name, number, value, len);
    else
        is_set = strlen(copy) == len && set_parsed(name, number, copy);
    if (!is_set) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "subjectAltNames: %s can't be used as %s",
                                iossl_quote(quoted, value, len),
                                number == GEN_IPADD     ? "IP address"
                                : number == GEN_RID     ? "RID (object identifier)"
                                : number == GEN_DIRNAME ? "DIRNAME (as /C=DE/CN=name)"
                                                        : "OTHERNAME (as 1.2.3.4;UTF8:text)");
        goto done;
    }
    result = name; /* ownership moves to the caller */
    name = NULL;
done:
    free(copy);
    GENERAL_NAME_free(name);
    return result;
}

/* ---- Printed forms --------------------------------------------------------------------------- */

/* The next line without blanks around it that isn't empty; false: there is none. */
static bool
next_line(const char **at, const char **line, size_t *len)
{
    const char *end;

    *at += strspn(*at, " \t\r\n");
    if (**at == '\0')
        return false;
    end = *at + strcspn(*at, "\n");
    *line = *at;
    *at = end;
    while (end > *line && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    *len = (size_t)(end - *line);
    return true;
}

static bool
starts_with(const char *text, size_t len, const char *start)
{
    return len >= strlen(start) && memcmp(text, start, strlen(start)) == 0;
}

/* "URI:http://..." */
static GENERAL_NAME *
parse_typed_name(const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    char type[32];
    size_t type_len;

    if (colon == NULL || (type_len = (size_t)(colon - text)) >= sizeof type)
        return NULL;
    memcpy(type, text, type_len);
    type[type_len] = '\0';
    return iossl_certext_altname(type, colon + 1, len - type_len - 1, NULL);
}

/* Lines as "OCSP - URI:http://...": the method's name or dotted form, and where. NULL: it isn't. */
static void *
parse_authority_info(const char *text)
{
    AUTHORITY_INFO_ACCESS *info = AUTHORITY_INFO_ACCESS_new();
    ACCESS_DESCRIPTION *access = NULL;
    const char *line;
    size_t len;

    if (info == NULL)
        goto failed;
    while (next_line(&text, &line, &len)) {
        const char *dash = line;
        char method[128];
        size_t method_len;

        while (dash < line + len && !starts_with(dash, (size_t)(line + len - dash), " - "))
            dash++;
        method_len = (size_t)(dash - line);
        if (method_len == len || method_len >= sizeof method)
            goto failed;
        memcpy(method, line, method_len);
        method[method_len] = '\0';
        if ((access = ACCESS_DESCRIPTION_new()) == NULL)
            goto failed;
        ASN1_OBJECT_free(access->method);
        access->method = OBJ_txt2obj(method, 0);
        GENERAL_NAME_free(access->location);
        access->location = parse_typed_name(dash + 3, len - method_len - 3);
        if (access->method == NULL || access->location == NULL ||
            sk_ACCESS_DESCRIPTION_push(info, access) <= 0)
            goto failed;
        access = NULL;
    }
    if (sk_ACCESS_DESCRIPTION_num(info) > 0)
        return info;
failed:
    ACCESS_DESCRIPTION_free(access);
    AUTHORITY_INFO_ACCESS_free(info);
    return NULL;
}

/* "Full Name:" with a line for each name below; points with anything else need their bytes. */
static void *
parse_crl_points(const char *text)
{
    CRL_DIST_POINTS *points = CRL_DIST_POINTS_new();
    GENERAL_NAMES *names = NULL; /* of the last point, which owns them */
    GENERAL_NAME *name = NULL;
    DIST_POINT *point = NULL;
    const char *line;
    size_t len;

    if (points == NULL)
        goto failed;
    while (next_line(&text, &line, &len)) {
        if (len == strlen("Full Name:") && starts_with(line, len, "Full Name:")) {
            if ((point = DIST_POINT_new()) == NULL ||
                (point->distpoint = DIST_POINT_NAME_new()) == NULL ||
                (names = GENERAL_NAMES_new()) == NULL)
                goto failed;
            point->distpoint->type = 0;
            point->distpoint->name.fullname = names;
            if (sk_DIST_POINT_push(points, point) <= 0)
                goto failed;
            point = NULL;
            continue;
        }
        if (names == NULL || (name = parse_typed_name(line, len)) == NULL ||
            sk_GENERAL_NAME_push(names, name) <= 0)
            goto failed;
        name = NULL;
    }
    if (sk_DIST_POINT_num(points) > 0)
        return points;
failed:
    GENERAL_NAME_free(name);
    DIST_POINT_free(point);
    CRL_DIST_POINTS_free(points);
    return NULL;
}

static const struct {
    int nid;
    void *(*parse)(const char *text);
} PRINTED_FORMS[] = {
    {NID_info_access, parse_authority_info},
    {NID_crl_distribution_points, parse_crl_points},
};

/* The extension from what OpenSSL would print of it; NULL where it isn't that. */
static X509_EXTENSION *
from_printed_form(int nid, const char *text, bool critical)
{
    X509_EXTENSION *extension = NULL;
    void *parsed;

    for (size_t i = 0; i < sizeof PRINTED_FORMS / sizeof *PRINTED_FORMS; i++) {
        if (PRINTED_FORMS[i].nid != nid || (parsed = PRINTED_FORMS[i].parse(text)) == NULL)
            continue;
        extension = X509V3_EXT_i2d(nid, critical, parsed);
        ASN1_item_free(parsed, ASN1_ITEM_ptr(X509V3_EXT_get_nid(nid)->it));
    }
    ERR_clear_error();
    return extension;
}

/* ---- Extensions ------------------------------------------------------------------------------ */

/* The name of an identifier for a sentence. */
static const char *
name_id(const ASN1_OBJECT *id, char *dotted, size_t size)
{
    int nid = OBJ_obj2nid(id);

    if (nid != NID_undef && OBJ_nid2sn(nid) != NULL)
        return OBJ_nid2sn(nid);
    return OBJ_obj2txt(dotted, (int)size, id, 1) > 0 ? dotted : "?";
}

static bool
is_generic(const char *text)
{
    if (starts_with(text, strlen(text), "critical,"))
        text += strlen("critical,");
    text += strspn(text, " \t");
    return starts_with(text, strlen(text), "DER:") || starts_with(text, strlen(text), "ASN1:");
}

/* The identifier; NULL: neither says which. */
static ASN1_OBJECT *
find_id(int nid, const char *name)
{
    ASN1_OBJECT *known = nid > NID_undef ? OBJ_nid2obj(nid) : NULL;

    if (known != NULL)
        return OBJ_dup(known);
    return name != NULL && *name != '\0' ? OBJ_txt2obj(name, 0) : NULL;
}

iossl_status
iossl_certext_init(iossl_certext *ext, int nid, const char *name, const char *text,
                   const unsigned char *der, size_t der_len, bool critical, iossl_error *err)
{
    char quoted[IOSSL_QUOTED];

    memset(ext, 0, sizeof *ext);
    ext->critical = critical;
    ext->id = find_id(nid, name);
    /* Without a NID OpenSSL knows no syntax for it, so it takes bytes. */
    if (ext->id == NULL ||
        (OBJ_obj2nid(ext->id) == NID_undef && der == NULL && (text == NULL || !is_generic(text)))) {
        if (name == NULL || *name == '\0')
            iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                    "cannot determine NID of extension (nid %d, no name)", nid);
        else
            iossl_error_set(
                err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "cannot determine NID of extension %s%s",
                iossl_quote(quoted, name, strlen(name)),
                ext->id != NULL ? "; the value of an unknown one is written DER:hex or ASN1:..."
                                : "");
        goto failed;
    }
    if (text == NULL && der == NULL) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                        "extension %s: it has neither text nor bytes",
                        name_id(ext->id, quoted, sizeof quoted));
        goto failed;
    }
    if ((text != NULL && (ext->text = strdup(text)) == NULL) ||
        (der != NULL && (ext->der = malloc(der_len > 0 ? der_len : 1)) == NULL) ||
        der_len > INT_MAX) {
        iossl_error_memory(err);
        goto failed;
    }
    if (der != NULL && der_len > 0)
        memcpy(ext->der, der, der_len);
    ext->der_len = der != NULL ? der_len : 0;
    return IOSSL_OK;
failed:
    ERR_clear_error();
    iossl_certext_cleanup(ext);
    return IOSSL_ERROR;
}

void
iossl_certext_cleanup(iossl_certext *ext)
{
    ASN1_OBJECT_free(ext->id);
    free(ext->text);
    free(ext->der);
    memset(ext, 0, sizeof *ext);
}

/* Out of its bytes; NULL: no memory. */
static X509_EXTENSION *
from_bytes(const iossl_certext *ext)
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;

    if (value != NULL && ASN1_OCTET_STRING_set(value, ext->der, (int)ext->der_len) == 1)
        extension = X509_EXTENSION_create_by_OBJ(NULL, ext->id, ext->critical, value);
    ASN1_OCTET_STRING_free(value);
    return extension;
}

/* Does it print as this text? */
static bool
prints_as(X509_EXTENSION *extension, const char *text)
{
    BIO *printed = iossl_certinfo_print_extension(extension);
    bool is_same = false;
    char *bytes;
    long len;

    if (printed != NULL) {
        len = BIO_get_mem_data(printed, &bytes);
        is_same = len >= 0 && (size_t)len == strlen(text) &&
                  (len == 0 || memcmp(bytes, text, (size_t)len) == 0);
    }
    BIO_free(printed);
    return is_same;
}

/* Out of what openssl.cnf would have. NULL, with the reason in OpenSSL's queue. */
static X509_EXTENSION *
from_configuration(const iossl_certext *ext, X509 *subject, X509 *issuer)
{
    CONF *conf = NCONF_new(NULL); /* without it, OpenSSL refuses some kinds outright */
    BIO *nothing = BIO_new_mem_buf("", 0);
    X509_EXTENSION *extension = NULL;
    int nid = OBJ_obj2nid(ext->id);
    X509V3_CTX ctx;
    char dotted[256];
    long line;

    /* One that nothing was read into has no tables, which older OpenSSLs look into all the same. */
    if (conf == NULL || nothing == NULL || NCONF_load_bio(conf, nothing, &line) != 1)
        goto done;
    X509V3_set_ctx(&ctx, issuer, subject, NULL, NULL, 0);
    X509V3_set_nconf(&ctx, conf);
    if (nid != NID_undef)
        extension = X509V3_EXT_nconf_nid(conf, &ctx, nid, ext->text);
    else if (OBJ_obj2txt(dotted, sizeof dotted, ext->id, 1) < (int)sizeof dotted)
        extension = X509V3_EXT_nconf(conf, &ctx, dotted, ext->text);
    if (extension != NULL && ext->critical && X509_EXTENSION_set_critical(extension, 1) != 1) {
        X509_EXTENSION_free(extension);
        extension = NULL;
    }
done:
    BIO_free(nothing);
    NCONF_free(conf);
    return extension;
}

X509_EXTENSION *
iossl_certext_make(const iossl_certext *ext, X509 *subject, X509 *issuer, iossl_error *err)
{
    X509_EXTENSION *extension = NULL;
    char quoted[IOSSL_QUOTED], dotted[256];

    if (ext->der != NULL) {
        if ((extension = from_bytes(ext)) == NULL) {
            iossl_error_memory(err);
            return NULL;
        }
        if (ext->text == NULL || prints_as(extension, ext->text))
            return extension;
        X509_EXTENSION_free(extension);
    }
    extension = from_printed_form(OBJ_obj2nid(ext->id), ext->text, ext->critical);
    if (extension == NULL)
        extension = from_configuration(ext, subject, issuer);
    if (extension == NULL)
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "extension %s: %s can't be used; write it as in openssl.cnf, see "
                                "x509v3_config(5):",
                                name_id(ext->id, dotted, sizeof dotted),
                                iossl_quote(quoted, ext->text, strlen(ext->text)));
    ERR_clear_error();
    return extension;
}
