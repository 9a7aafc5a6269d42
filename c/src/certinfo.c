/*
 * certinfo.c - reading a certificate: single questions, and the whole of it as a description.
 *
 * Owns      the conversion of what OpenSSL holds into plain C strings and bytes.
 * Promises  certificates stay unchanged; lengths are always told, so that a NUL byte in a name is
 *           seen, not obeyed; the error queue is empty on leaving.
 * Leaves    what a name is good for to names.c; the way back to certgen.c.
 * See       RFC 5280 section 4.2.1.6, X509_NAME_oneline(3), X509_get_ext_d2i(3).
 */
#include "certinfo.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "compat.h"
#include "error.h"

/* RFC 5280 has 20 bytes. Decimal digits cost the square of the length, which the peer chooses. */
#define MAX_DECIMAL_SERIAL 512

const char *const iossl_key_usage_names[IOSSL_N_KEY_USAGE] = {
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
    "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly",
};

/* A copy in memory of our own, which iossl_free() takes, with a NUL after it. NULL: no memory. */
static char *
copy_text(const void *text, size_t len)
{
    char *copy = malloc(len + 1);

    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

/* X509_NAME_oneline() into a buffer of its own doesn't cut the text off. */
static char *
name_text(const X509_NAME *name)
{
    char *text = X509_NAME_oneline(name, NULL, 0);
    char *copy = text != NULL ? copy_text(text, strlen(text)) : NULL;

    OPENSSL_free(text);
    iossl_error_clear_queue();
    return copy;
}

char *
iossl_cert_subject(const X509 *cert)
{
    return name_text(X509_get_subject_name(cert));
}

char *
iossl_cert_issuer(const X509 *cert)
{
    return name_text(X509_get_issuer_name(cert));
}

char *
iossl_cert_common_name(const X509 *cert, size_t *len)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    const X509_NAME_ENTRY *entry;
    unsigned char *utf8 = NULL;
    char *copy = NULL;
    int last = -1, next = -1, utf8_len;

    *len = 0;
    while ((next = X509_NAME_get_index_by_NID((X509_NAME *)subject, NID_commonName, next)) >= 0)
        last = next;
    if (last < 0 || (entry = X509_NAME_get_entry(subject, last)) == NULL)
        goto done;
    utf8_len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    if (utf8_len < 0)
        goto done;
    if ((copy = copy_text(utf8, (size_t)utf8_len)) != NULL)
        *len = (size_t)utf8_len;
done:
    OPENSSL_free(utf8);
    iossl_error_clear_queue();
    return copy;
}

bool
iossl_certinfo_get1_altnames(const X509 *cert, GENERAL_NAMES **out)
{
    int critical = -1; /* stays so where the extension isn't there, else >= 0, or -2: twice */

    *out = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
    iossl_error_clear_queue();
    return *out != NULL || critical == -1;
}

/* Hands one name out; what has no plain form is passed over. False: stop. */
static bool
hand_out(const GENERAL_NAME *name, iossl_altname_fn fn, void *arg)
{
    const ASN1_STRING *string = NULL;
    bool go_on = true;
    char *text = NULL;
    char oid[256];
    int len;

    switch (name->type) {
    case GEN_DNS:
    case GEN_EMAIL:
    case GEN_URI: string = name->d.ia5; break;
    case GEN_IPADD:
        len = ASN1_STRING_length(name->d.iPAddress);
        if (len == 4 || len == 16)
            string = name->d.iPAddress;
        break;
    case GEN_DIRNAME:
        if ((text = name_text(name->d.directoryName)) != NULL)
            go_on = fn(arg, GEN_DIRNAME, (const unsigned char *)text, strlen(text));
        break;
    case GEN_RID:
        len = OBJ_obj2txt(oid, sizeof oid, name->d.registeredID, 1);
        if (len > 0 && (size_t)len < sizeof oid)
            go_on = fn(arg, GEN_RID, (const unsigned char *)oid, (size_t)len);
        break;
    default: /* otherName, x400Address, ediPartyName */ break;
    }
    if (string != NULL)
        go_on =
            fn(arg, name->type, ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
    free(text);
    return go_on;
}

void
iossl_cert_altnames(const X509 *cert, iossl_altname_fn fn, void *arg)
{
    GENERAL_NAMES *names;
    int i;

    if (iossl_certinfo_get1_altnames(cert, &names)) {
        for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
            if (!hand_out(sk_GENERAL_NAME_value(names, i), fn, arg))
                break;
        }
    }
    GENERAL_NAMES_free(names);
    iossl_error_clear_queue();
}

/* ---- Descriptions ---------------------------------------------------------------------------- */

/* Everything of a description lies in blocks that go together. */
typedef struct block {
    struct block *next;
    max_align_t bytes[];
} block;

typedef struct {
    iossl_certinfo shown; /* first: the caller's pointer is to it */
    block *blocks;
} description;

/* Zeroed memory that lives as long as the description; NULL: none left. */
static void *
take(description *d, size_t size)
{
    block *b;

    if (size > SIZE_MAX - sizeof *b || (b = calloc(1, sizeof *b + size)) == NULL)
        return NULL;
    b->next = d->blocks;
    d->blocks = b;
    return b->bytes;
}

/* Room for n things, one at least, so that NULL always means that memory is out. */
static void *
take_array(description *d, int n, size_t size)
{
    return take(d, (n > 0 ? (size_t)n : 1) * size);
}

/* Keeps a copy with a NUL after it. */
static const char *
keep(description *d, const void *bytes, size_t len)
{
    char *copy = take(d, len + 1);

    if (copy != NULL && len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

static const char *
keep_text(description *d, const char *text)
{
    return keep(d, text, strlen(text));
}

/* Keeps what i2d_ functions gave, and frees it. False: memory is out, len < 0 included. */
static bool
keep_der(description *d, unsigned char *der, int len, const unsigned char **out, size_t *out_len)
{
    *out = len < 0 ? NULL : (const unsigned char *)keep(d, der, (size_t)len);
    *out_len = *out != NULL ? (size_t)len : 0;
    OPENSSL_free(der);
    return *out != NULL;
}

/* The dotted form, or with names the long name where there is one. */
static const char *
keep_object(description *d, const ASN1_OBJECT *object, bool names)
{
    char small[128];
    const char *kept = NULL;
    char *large = NULL;
    int len = OBJ_obj2txt(small, sizeof small, object, !names);

    if (len <= 0)
        return keep_text(d, "");
    if ((size_t)len < sizeof small)
        return keep_text(d, small);
    if ((large = malloc((size_t)len + 1)) != NULL &&
        OBJ_obj2txt(large, len + 1, object, !names) == len)
        kept = keep_text(d, large);
    free(large);
    return kept;
}

/* A name that an object of a program's own may lack: NULL then. */
static bool
keep_name(description *d, const char **out, const char *name)
{
    return name == NULL || (*out = keep_text(d, name)) != NULL;
}

static bool
describe_oid(description *d, iossl_oid *out, const ASN1_OBJECT *object)
{
    if ((out->oid = keep_object(d, object, false)) == NULL)
        return false;
    if ((out->nid = OBJ_obj2nid(object)) == NID_undef)
        return true;
    /* Names of a program's own objects (OBJ_create) may go before the description does. */
    return keep_name(d, &out->sn, OBJ_nid2sn(out->nid)) &&
           keep_name(d, &out->ln, OBJ_nid2ln(out->nid));
}

/* Text of any ASN.1 string type in UTF-8; where it isn't one, its bytes as they stand. */
static bool
describe_string(description *d, const ASN1_STRING *string, const char **out, size_t *len,
                bool *is_utf8)
{
    unsigned char *utf8 = NULL;
    int n = ASN1_STRING_to_UTF8(&utf8, string);

    *is_utf8 = n >= 0;
    *len = (size_t)(n >= 0 ? n : ASN1_STRING_length(string));
    *out = keep(d, n >= 0 ? utf8 : ASN1_STRING_get0_data(string), *len);
    OPENSSL_free(utf8);
    return *out != NULL;
}

static bool
describe_name(description *d, const X509_NAME *name, const iossl_name_part **out, size_t *n)
{
    int count = X509_NAME_entry_count(name);
    iossl_name_part *parts;

    if (count <= 0)
        return true;
    if ((parts = take_array(d, count, sizeof *parts)) == NULL)
        return false;
    for (int i = 0; i < count; i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        const ASN1_OBJECT *object = X509_NAME_ENTRY_get_object(entry);

        parts[i].nid = OBJ_obj2nid(object);
        if ((parts[i].name = keep_object(d, object, true)) == NULL ||
            !describe_string(d, X509_NAME_ENTRY_get_data(entry), &parts[i].value, &parts[i].len,
                             &parts[i].is_utf8))
            return false;
    }
    *out = parts;
    *n = (size_t)count;
    return true;
}

/* Days since 1970 in the Gregorian calendar: years begin in March here, so leap days end them. */
static int64_t
days_since_1970(int64_t year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t in_era = y - era * 400;
    int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static int64_t
seconds_of(const ASN1_TIME *time)
{
    struct tm tm;

    memset(&tm, 0, sizeof tm);
    if (time == NULL || ASN1_STRING_length(time) == 0 || ASN1_TIME_to_tm(time, &tm) != 1)
        return IOSSL_NO_TIME;
    return days_since_1970((int64_t)tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * 86400 +
           tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
}

static bool
describe_serial(description *d, const X509 *cert)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    char *text = NULL;

    if (number != NULL)
        text = BN_num_bytes(number) <= MAX_DECIMAL_SERIAL ? BN_bn2dec(number)
                                                          : i2s_ASN1_INTEGER(NULL, serial);
    if (text != NULL)
        d->shown.serial = keep_text(d, text);
    OPENSSL_free(text);
    BN_free(number);
    return d->shown.serial != NULL;
}

static bool
describe_signature(description *d, const X509 *cert)
{
    const X509_ALGOR *algorithm;
    const ASN1_OBJECT *object;

    X509_get0_signature(NULL, &algorithm, cert);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    return (d->shown.signature_alg = keep_object(d, object, true)) != NULL;
}

static bool
describe_key(description *d, const X509 *cert)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    char text[64];

    if (key == NULL)
        return true;
    d->shown.key_bits = EVP_PKEY_bits(key);
    if (iossl_compat_key_type(key, text, sizeof text)
        && (d->shown.key_type = keep_text(d, text)) == NULL)
        return false;
    return !iossl_compat_key_group(key, text, sizeof text)
           || (d->shown.key_group = keep_text(d, text)) != NULL;
}

/*
 * An address as IO::Socket::SSL's users know it: lower-case hex, the longest run of zero groups as
 * "::" (the first of equals, and, unlike RFC 5952, of one group too), never with a dotted tail.
 */
static const char *
keep_address(description *d, const unsigned char *ip, int len)
{
    char text[64];
    size_t used = 0;
    int run_at = -1, run_len = 0, i;

    if (len == 4) {
        (void)snprintf(text, sizeof text, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
        return keep_text(d, text);
    }
    for (i = 0; i < 8; i++) {
        int n = 0;

        while (i + n < 8 && ip[2 * (i + n)] == 0 && ip[2 * (i + n) + 1] == 0)
            n++;
        if (n > run_len) {
            run_at = i;
            run_len = n;
        }
    }
    text[0] = '\0';
    for (i = 0; i < 8; i++) {
        unsigned int group = (unsigned int)ip[2 * i] << 8 | ip[2 * i + 1];
        int n;

        if (i == run_at) {
            i += run_len - 1;
            n = snprintf(text + used, sizeof text - used, "::");
        } else {
            n = snprintf(text + used, sizeof text - used, "%s%x",
                         used == 0 || text[used - 1] == ':' ? "" : ":", group);
        }
        used += (size_t)n;
    }
    return keep_text(d, text);
}

/* An otherName's value, if it is a string of any kind: others have no form as text. */
static bool
describe_other_name(description *d, iossl_altname *out, const OTHERNAME *other)
{
    const ASN1_TYPE *value = other->value;
    bool is_utf8;

    if (value == NULL)
        return true;
    switch (value->type) {
    case V_ASN1_UTF8STRING:
    case V_ASN1_NUMERICSTRING:
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_T61STRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_VISIBLESTRING:
    case V_ASN1_UNIVERSALSTRING:
    case V_ASN1_BMPSTRING:
        return describe_string(d, value->value.asn1_string, &out->value, &out->len, &is_utf8);
    default: return true;
    }
}

static bool
describe_altname(description *d, iossl_altname *out, GENERAL_NAME *name)
{
    static const char *const type_names[] = {"OTHERNAME", "EMAIL", "DNS", "X400", "DIRNAME",
                                             "EDIPARTY",  "URI",   "IP",  "RID"};
    const ASN1_STRING *string;
    unsigned char *der = NULL;
    char *text;
    int len = i2d_GENERAL_NAME(name, &der);

    out->type = name->type;
    out->type_name = type_names[name->type];
    if (!keep_der(d, der, len, &out->der, &out->der_len))
        return false;
    switch (name->type) {
    case GEN_EMAIL:
    case GEN_DNS:
    case GEN_URI:
        string = name->d.ia5;
        out->len = (size_t)ASN1_STRING_length(string);
        return (out->value = keep(d, ASN1_STRING_get0_data(string), out->len)) != NULL;
    case GEN_IPADD:
        string = name->d.iPAddress;
        len = ASN1_STRING_length(string);
        if (len != 4 && len != 16)
            return true;
        out->value = keep_address(d, ASN1_STRING_get0_data(string), len);
        break;
    case GEN_RID: out->value = keep_object(d, name->d.registeredID, false); break;
    case GEN_DIRNAME:
        if ((text = name_text(name->d.directoryName)) == NULL)
            return false;
        out->value = keep_text(d, text);
        free(text);
        break;
    case GEN_OTHERNAME: return describe_other_name(d, out, name->d.otherName);
    default: return true; /* x400Address, ediPartyName */
    }
    out->len = out->value != NULL ? strlen(out->value) : 0;
    return out->value != NULL;
}

static bool
describe_altnames(description *d, const X509 *cert)
{
    GENERAL_NAMES *names = NULL;
    iossl_altname *list;
    bool done = true;
    int n;

    d->shown.has_altnames = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1) >= 0;
    if (!iossl_certinfo_get1_altnames(cert, &names) || (n = sk_GENERAL_NAME_num(names)) <= 0)
        goto done;
    done = false;
    if ((list = take_array(d, n, sizeof *list)) == NULL)
        goto done;
    for (int i = 0; i < n; i++) {
        if (!describe_altname(d, &list[i], sk_GENERAL_NAME_value(names, i)))
            goto done;
    }
    d->shown.altnames = list;
    d->shown.n_altnames = (size_t)n;
    done = true;
done:
    GENERAL_NAMES_free(names);
    return done;
}

/*
 * Room for one more behind n things; the full array stays in its block until all goes. Growing at
 * powers of two keeps a certificate with thousands of them from taking all memory. NULL: none left.
 */
static void *
room_for_one(description *d, const void *list, size_t n, size_t size)
{
    void *larger;

    if ((n & (n - 1)) != 0) /* neither 0 nor a power of two: it isn't full */
        return (void *)list;
    larger = take(d, (n > 0 ? 2 * n : 1) * size);
    if (larger != NULL && n > 0)
        memcpy(larger, list, n * size);
    return larger;
}

static bool
append(description *d, const char *const **list, size_t *n, const char *text)
{
    const char **larger;

    if (text == NULL || (larger = room_for_one(d, *list, *n, sizeof *larger)) == NULL)
        return false;
    larger[(*n)++] = text;
    *list = larger;
    return true;
}

static bool
append_uri(description *d, const char *const **list, size_t *n, const GENERAL_NAME *name)
{
    const ASN1_STRING *uri = name->type == GEN_URI ? name->d.uniformResourceIdentifier : NULL;

    /* With a NUL inside it would be another one to most readers. */
    if (uri == NULL ||
        memchr(ASN1_STRING_get0_data(uri), '\0', (size_t)ASN1_STRING_length(uri)) != NULL)
        return true;
    return append(d, list, n, keep(d, ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri)));
}

/* The interpreters below get what X509V3_EXT_d2i() made of their extension. */
static bool
describe_crl_points(description *d, void *decoded)
{
    CRL_DIST_POINTS *points = decoded;

    for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT_NAME *name = sk_DIST_POINT_value(points, i)->distpoint;

        for (int j = 0;
             name != NULL && name->type == 0 && j < sk_GENERAL_NAME_num(name->name.fullname); j++) {
            if (!append_uri(d, &d->shown.crl_uris, &d->shown.n_crl_uris,
                            sk_GENERAL_NAME_value(name->name.fullname, j)))
                return false;
        }
    }
    return true;
}

static bool
describe_authority_info(description *d, void *decoded)
{
    AUTHORITY_INFO_ACCESS *info = decoded;

    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(info); i++) {
        const ACCESS_DESCRIPTION *access = sk_ACCESS_DESCRIPTION_value(info, i);

        switch (OBJ_obj2nid(access->method)) {
        case NID_ad_OCSP:
            if (!append_uri(d, &d->shown.ocsp_uris, &d->shown.n_ocsp_uris, access->location))
                return false;
            break;
        case NID_ad_ca_issuers:
            if (!append_uri(d, &d->shown.issuer_uris, &d->shown.n_issuer_uris, access->location))
                return false;
            break;
        default: break;
        }
    }
    return true;
}

static bool
describe_key_usage(description *d, void *decoded)
{
    const ASN1_BIT_STRING *bits = decoded;

    for (size_t i = 0; i < IOSSL_N_KEY_USAGE; i++) {
        if (ASN1_BIT_STRING_get_bit(bits, (int)i) &&
            !append(d, &d->shown.key_usage, &d->shown.n_key_usage, iossl_key_usage_names[i]))
            return false;
    }
    return true;
}

static bool
describe_ext_key_usage(description *d, void *decoded)
{
    EXTENDED_KEY_USAGE *usage = decoded;

    for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++) {
        size_t n = d->shown.n_ext_key_usage;
        iossl_oid *larger = room_for_one(d, d->shown.ext_key_usage, n, sizeof *larger);

        if (larger == NULL || !describe_oid(d, &larger[n], sk_ASN1_OBJECT_value(usage, i)))
            return false;
        d->shown.ext_key_usage = larger;
        d->shown.n_ext_key_usage = n + 1;
    }
    return true;
}

/* Extensions that lists are read from. One that is there twice, against the RFC, is read twice. */
static const struct {
    int nid;
    bool (*describe)(description *d, void *decoded);
} INTERPRETERS[] = {
    {NID_crl_distribution_points, describe_crl_points},
    {NID_info_access, describe_authority_info},
    {NID_key_usage, describe_key_usage},
    {NID_ext_key_usage, describe_ext_key_usage},
};

static bool
interpret(description *d, int nid, X509_EXTENSION *extension)
{
    bool done = true;
    void *decoded;

    for (size_t i = 0; i < sizeof INTERPRETERS / sizeof *INTERPRETERS; i++) {
        if (INTERPRETERS[i].nid != nid || (decoded = X509V3_EXT_d2i(extension)) == NULL)
            continue;
        done = INTERPRETERS[i].describe(d, decoded);
        ASN1_item_free(decoded, ASN1_ITEM_ptr(X509V3_EXT_get_nid(nid)->it));
    }
    return done;
}

BIO *
iossl_certinfo_print_extension(X509_EXTENSION *extension)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio != NULL && X509V3_EXT_print(bio, extension, X509V3_EXT_DEFAULT, 0) != 1) {
        BIO_free(bio);
        bio = NULL;
    }
    iossl_error_clear_queue();
    return bio;
}

static bool
describe_extension(description *d, iossl_extension *out, X509_EXTENSION *extension)
{
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
    BIO *printed = NULL;
    bool done = false;
    char *text;
    long len;

    out->critical = X509_EXTENSION_get_critical(extension) > 0;
    out->der_len = (size_t)ASN1_STRING_length(value);
    out->der = (const unsigned char *)keep(d, ASN1_STRING_get0_data(value), out->der_len);
    if (out->der == NULL || !describe_oid(d, &out->id, X509_EXTENSION_get_object(extension)))
        goto done;
    if ((printed = iossl_certinfo_print_extension(extension)) != NULL) {
        len = BIO_get_mem_data(printed, &text);
        out->text_len = len > 0 ? (size_t)len : 0;
        if ((out->text = keep(d, text, out->text_len)) == NULL)
            goto done;
    }
    done = interpret(d, out->id.nid, extension);
done:
    BIO_free(printed);
    return done;
}

static bool
describe_extensions(description *d, const X509 *cert)
{
    int n = X509_get_ext_count(cert);
    iossl_extension *list;

    if (n <= 0)
        return true;
    if ((list = take_array(d, n, sizeof *list)) == NULL)
        return false;
    for (int i = 0; i < n; i++) {
        if (!describe_extension(d, &list[i], X509_get_ext(cert, i)))
            return false;
    }
    d->shown.extensions = list;
    d->shown.n_extensions = (size_t)n;
    return true;
}

iossl_certinfo *
iossl_certinfo_new(const X509 *cert, iossl_error *err)
{
    description *d = calloc(1, sizeof *d);
    iossl_certinfo *info = NULL;

    iossl_error_clear_queue();
    if (d == NULL)
        goto done;
    d->shown.version = X509_get_version(cert);
    d->shown.not_before = seconds_of(X509_get0_notBefore(cert));
    d->shown.not_after = seconds_of(X509_get0_notAfter(cert));
    if (!describe_serial(d, cert) || !describe_signature(d, cert) || !describe_key(d, cert) ||
        !describe_name(d, X509_get_subject_name(cert), &d->shown.subject, &d->shown.n_subject) ||
        !describe_name(d, X509_get_issuer_name(cert), &d->shown.issuer, &d->shown.n_issuer) ||
        !describe_altnames(d, cert) || !describe_extensions(d, cert))
        goto done;
    info = &d->shown; /* ownership moves to the caller, in the shape that is shown */
    d = NULL;
done:
    if (info == NULL)
        iossl_error_memory(err);
    iossl_certinfo_free(d != NULL ? &d->shown : NULL);
    iossl_error_clear_queue();
    return info;
}

void
iossl_certinfo_free(iossl_certinfo *info)
{
    description *d = (description *)info;
    block *next;

    if (d == NULL)
        return;
    for (block *b = d->blocks; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    free(d);
}
