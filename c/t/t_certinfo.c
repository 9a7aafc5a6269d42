/*
 * t_certinfo.c - what is read out of certificates.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certinfo.h"
#include "iossl.h"
#include "support_cert.h"
#include "tap.h"

/* What iossl_cert_altnames() handed out, as "type=value" with blanks between; addresses in hex. */
typedef struct seen {
    char text[1024];
    size_t calls, stop_after;
} seen;

static bool
collect(void *arg, int type, const unsigned char *value, size_t len)
{
    seen *s = arg;
    size_t used = strlen(s->text), i;

    used += (size_t)snprintf(s->text + used, sizeof s->text - used, "%s%d=", used > 0 ? " " : "",
                             type);
    for (i = 0; i < len; i++)
        used += (size_t)snprintf(s->text + used, sizeof s->text - used,
                                 type == GEN_IPADD || value[i] == 0 ? "%02x" : "%c", value[i]);
    s->calls++;
    return s->calls != s->stop_after;
}

static void
test_subjects(void)
{
    test_cert_spec ca_spec = { .common_name = "Test CA", .is_ca = 1 };
    test_identity ca = test_identity_make(&ca_spec);
    test_cert_spec leaf_spec = { .common_name = "first", .second_common_name = "second",
                                 .issuer = &ca };
    test_identity leaf = test_identity_make(&leaf_spec);
    test_cert_spec bare_spec = { .altnames = "DNS:x.test" };
    test_identity bare = test_identity_make(&bare_spec);
    X509 *long_cert, *nul_cert, *utf8_cert;
    X509_NAME *long_subject = X509_NAME_new();
    char *text;
    size_t len, i;

    text = iossl_cert_subject(leaf.cert);
    is_str(text, "/CN=first/CN=second", "the subject is on one line, each part in order");
    iossl_free(text);
    text = iossl_cert_issuer(leaf.cert);
    is_str(text, "/CN=Test CA", "so is the issuer");
    iossl_free(text);
    text = iossl_cert_common_name(leaf.cert, &len);
    is_str(text, "second", "of two common names the last one counts");
    is_size(len, 6, "and its length is told");
    iossl_free(text);

    text = iossl_cert_subject(bare.cert);
    is_str(text, "", "an empty subject is an empty line");
    iossl_free(text);
    len = 77;
    text = iossl_cert_common_name(bare.cert, &len);
    ok(text == NULL && len == 0, "a subject without common name has none");

    for (i = 0; i < 20; i++) {
        unsigned char part[60];

        memset(part, 'a', sizeof part);
        if (X509_NAME_add_entry_by_NID(long_subject, NID_organizationalUnitName, V_ASN1_UTF8STRING,
                                       part, sizeof part, -1, 0)
            != 1)
            bail_out("no long subject");
    }
    long_cert = test_cert("x", NULL);
    X509_set_subject_name(long_cert, long_subject);
    text = iossl_cert_subject(long_cert);
    is_size(strlen(text), 20 * (60 + strlen("/OU=")), "a long subject isn't cut off");
    iossl_free(text);

    nul_cert = test_cert("good.test\\x00.evil.test", NULL);
    text = iossl_cert_common_name(nul_cert, &len);
    is_mem(text, len, "good.test\0.evil.test", 20, "a NUL in a common name is told, not obeyed");
    iossl_free(text);
    utf8_cert = test_cert("b\\xc3\\xbccher.test", NULL);
    text = iossl_cert_common_name(utf8_cert, &len);
    is_str(text, "b\xc3\xbc" "cher.test", "a common name comes out in UTF-8");
    iossl_free(text);

    X509_NAME_free(long_subject);
    X509_free(long_cert);
    X509_free(nul_cert);
    X509_free(utf8_cert);
    test_identity_free(&bare);
    test_identity_free(&leaf);
    test_identity_free(&ca);
}

static void
test_altnames(void)
{
    static const char names[] =
        "DNS:a.test,other:user@ad,IP:10.0.0.1,IP:2001:db8::1,email:u@a.test,URI:https://a.test/,"
        "RID:1.2.3.4,dirname:Some One,DNS:n\\x00l.test";
    X509 *cert = test_cert("x", names);
    seen all = { .calls = 0 };
    seen two = { .stop_after = 2 };

    iossl_cert_altnames(cert, collect, &all);
    is_str(all.text,
           "2=a.test 7=0a000001 7=20010db8000000000000000000000001 1=u@a.test 6=https://a.test/ "
           "8=1.2.3.4 4=/CN=Some One 2=n00l.test",
           "names of each kind come in order, otherName is passed over");
    iossl_cert_altnames(cert, collect, &two);
    is_size(two.calls, 2, "a callback that has seen enough isn't called again");
    X509_free(cert);
}

static void
test_odd_altnames(void)
{
    static const struct {
        test_cert_spec spec;
        size_t calls;
        bool readable;
        const char *what;
    } table[] = {
        { { .common_name = "x" }, 0, true, "no subjectAltName" },
        { { .common_name = "x", .altnames = "" }, 0, true, "an empty subjectAltName" },
        { { .common_name = "x", .altnames = "rawip:abc,rawip:,rawip:abcde" }, 0, true,
          "addresses of 3, 0 and 5 bytes" },
        { { .common_name = "x", .altnames = "rawip:abcd" }, 1, true, "an address of 4 bytes" },
        { { .common_name = "x", .raw_altnames = "garbage" }, 0, false, "garbage" },
        { { .common_name = "x", .raw_altnames = "\\x30\\x20\\x82\\x01" }, 0, false, "a cut one" },
        { { .common_name = "x", .altnames = "DNS:a.test", .altnames_twice = 1 }, 0, false,
          "the extension twice" },
    };
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        test_identity made = test_identity_make(&table[i].spec);
        GENERAL_NAMES *names = NULL;
        seen s = { .calls = 0 };

        iossl_cert_altnames(made.cert, collect, &s);
        is_size(s.calls, table[i].calls, "%s: so many names", table[i].what);
        ok(iossl_certinfo_get1_altnames(made.cert, &names) == table[i].readable,
           "%s: %s", table[i].what, table[i].readable ? "readable" : "known to be unreadable");
        is_int(ERR_peek_error(), 0, "%s: nothing left in OpenSSL's queue", table[i].what);
        GENERAL_NAMES_free(names);
        test_identity_free(&made);
    }
}

/* ---- Descriptions ---------------------------------------------------------------------------- */

/* The index of the first extension of that kind, -1 where there is none. */
static int
find_extension(const iossl_certinfo *info, int nid)
{
    for (size_t i = 0; i < info->n_extensions; i++) {
        if (info->extensions[i].id.nid == nid)
            return (int)i;
    }
    return -1;
}

/* Adds an extension of these bytes to a certificate of its own; the signature doesn't matter. */
static void
add_bytes(X509 *cert, const char *oid, bool critical, const void *bytes, size_t len)
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *id = OBJ_txt2obj(oid, 0);
    X509_EXTENSION *extension = NULL;

    if (value == NULL || id == NULL || ASN1_OCTET_STRING_set(value, bytes, (int)len) != 1
        || (extension = X509_EXTENSION_create_by_OBJ(NULL, id, critical, value)) == NULL
        || X509_add_ext(cert, extension, -1) != 1)
        bail_out("no extension");
    X509_EXTENSION_free(extension);
    ASN1_OBJECT_free(id);
    ASN1_OCTET_STRING_free(value);
}

static void
add_text(X509 *cert, int nid, const char *text)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, text);

    if (extension == NULL || X509_add_ext(cert, extension, -1) != 1)
        bail_out("no extension");
    X509_EXTENSION_free(extension);
}

static void
test_description(void)
{
    static const char names[] = "DNS:a.test,other:user@ad,IP:10.0.0.1,rawip:abc,RID:1.2.3.4,"
                                "dirname:Some One,DNS:n\\x00l.test";
    X509 *cert = test_cert("x", names);
    iossl_certinfo *info;
    int at;

    add_text(cert, NID_key_usage, "critical,digitalSignature,decipherOnly");
    add_text(cert, NID_ext_key_usage, "serverAuth,1.2.3.4.5,msSGC");
    add_text(cert, NID_crl_distribution_points, "URI:http://a.test/,URI:http://b.test/");
    add_text(cert, NID_info_access, "OCSP;URI:http://o.test/,caIssuers;URI:http://c.test/,"
                                    "OCSP;DNS:no.uri,OCSP;URI:http://p.test/");
    add_text(cert, NID_info_access, "OCSP;URI:http://again.test/");
    add_bytes(cert, "1.2.3.4", true, "anything", 8);
    info = iossl_certinfo_new(cert, NULL);
    X509_free(cert);            /* the description doesn't need it */

    is_int(info->version, 2, "version");
    is_str(info->serial, "1", "serial number");
    is_int(info->not_after - info->not_before, 86400 + 3600, "validity");
    is_str(info->signature_alg, "ecdsa-with-SHA256", "signature algorithm by its long name");
    is_str(info->key_type, "EC", "the type of the key");
    is_int(info->key_bits, 256, "its size");
    is_str(info->key_group, "prime256v1", "its curve");
    is_size(info->n_subject, 1, "one part of the subject");
    is_str(info->subject[0].name, "commonName", "by its long name");
    is_str(info->subject[0].value, "x", "with its value");
    is_str(info->issuer[0].value, "x", "the issuer is the same");

    is_size(info->n_altnames, 7, "alternative names of every kind");
    is_str(info->altnames[1].type_name, "OTHERNAME", "an otherName is told");
    is_str(info->altnames[1].value, "user@ad", "with its text");
    is_str(info->altnames[2].value, "10.0.0.1", "an address is text");
    ok(info->altnames[3].value == NULL && info->altnames[3].len == 0,
       "an address of three bytes has no text");
    is_mem(info->altnames[3].der, info->altnames[3].der_len, "\x87\x03" "abc", 5,
           "its bytes are told");
    is_str(info->altnames[5].value, "/CN=Some One", "a directory name is on one line");
    is_mem(info->altnames[6].value, info->altnames[6].len, "n\0l.test", 8, "a NUL is told");

    is_size(info->n_key_usage, 2, "two key usages");
    is_str(info->key_usage[0], "digitalSignature", "the first bit");
    is_str(info->key_usage[1], "decipherOnly", "and the last one");
    is_size(info->n_ext_key_usage, 3, "three extended ones");
    is_str(info->ext_key_usage[0].sn, "serverAuth", "a known one has a short name");
    is_str(info->ext_key_usage[0].ln, "TLS Web Server Authentication", "a long name");
    is_str(info->ext_key_usage[0].oid, "1.3.6.1.5.5.7.3.1", "and a number");
    is_str(info->ext_key_usage[1].oid, "1.2.3.4.5", "an unknown one has its number");
    ok(info->ext_key_usage[1].nid == NID_undef && info->ext_key_usage[1].sn == NULL
           && info->ext_key_usage[1].ln == NULL,
       "and nothing else");
    is_size(info->n_crl_uris, 2, "two CRLs");
    is_str(info->crl_uris[1], "http://b.test/", "in order");
    is_size(info->n_ocsp_uris, 3, "three OCSP responders, also if the extension is there twice");
    is_str(info->ocsp_uris[1], "http://p.test/", "in order");
    is_str(info->ocsp_uris[2], "http://again.test/", "of both");

    at = find_extension(info, NID_undef);
    ok(at >= 0 && info->extensions[at].critical && info->extensions[at].text == NULL
           && info->extensions[at].id.sn == NULL,
       "an unknown extension is told without text");
    is_mem(info->extensions[at].der, info->extensions[at].der_len, "anything", 8, "with its bytes");
    is_str(info->extensions[at].id.oid, "1.2.3.4", "and its number");
    at = find_extension(info, NID_key_usage);
    is_str(info->extensions[at].text, "Digital Signature, Decipher Only", "a known one is printed");
    is_str(info->extensions[at].id.ln, "X509v3 Key Usage", "and named");
    is_int(ERR_peek_error(), 0, "nothing left in OpenSSL's queue");
    iossl_certinfo_free(info);
}

static void
test_name_strings(void)
{
    static const struct {
        int type;
        const char *bytes;
        int len;
        const char *told;
        size_t told_len;
        bool is_utf8;
    } table[] = {
        { V_ASN1_UTF8STRING, "\xc3\xbc", 2, "\xc3\xbc", 2, true },
        { V_ASN1_BMPSTRING, "\x20\xac", 2, "\xe2\x82\xac", 3, true },
        { V_ASN1_T61STRING, "\xe4", 1, "\xc3\xa4", 2, true },
        { V_ASN1_UNIVERSALSTRING, "\0\1\xf6\0", 4, "\xf0\x9f\x98\x80", 4, true },
        { V_ASN1_PRINTABLESTRING, "a\0b", 3, "a\0b", 3, true },
        { V_ASN1_BIT_STRING, "\1\2", 2, "\1\2", 2, false },
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        X509_NAME *name = X509_NAME_new();
        X509 *cert = X509_new();
        iossl_certinfo *info;

        if (X509_NAME_add_entry_by_NID(name, NID_commonName, table[i].type,
                                       (const unsigned char *)table[i].bytes, table[i].len, -1, 0)
                != 1
            || X509_set_subject_name(cert, name) != 1)
            bail_out("no subject");
        info = iossl_certinfo_new(cert, NULL);
        is_mem(info->subject[0].value, info->subject[0].len, table[i].told, table[i].told_len,
               "ASN.1 string of type %d", table[i].type);
        is_int(info->subject[0].is_utf8, table[i].is_utf8, "it is known whether it is text");
        iossl_certinfo_free(info);
        X509_NAME_free(name);
        X509_free(cert);
    }
}

static void
test_times(void)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } table[] = {
        { "19700101000000Z", 0 },          { "700101000001Z", 1 },
        { "491231235959Z", 2524607999 },   { "500101000000Z", -631152000 },
        { "20000229120000Z", 951825600 },  { "21000301000000Z", 4107542400 },
        { "99991231235959Z", 253402300799 }, { "19691231235959Z", -1 },
        { "00000101000000Z", -62167219200 },
        { "20010229000000Z", IOSSL_NO_TIME }, { "garbage", IOSSL_NO_TIME },
        { "", IOSSL_NO_TIME },             { "2001", IOSSL_NO_TIME },
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        X509 *cert = X509_new();
        ASN1_TIME *time = X509_getm_notBefore(cert);
        iossl_certinfo *info;

        time->type = strlen(table[i].text) == 13 ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME;
        ASN1_STRING_set(time, table[i].text, -1);
        info = iossl_certinfo_new(cert, NULL);
        is_int(info->not_before, table[i].seconds, "the time \"%s\"", table[i].text);
        is_int(info->not_after, IOSSL_NO_TIME, "a time that isn't set is none");
        iossl_certinfo_free(info);
        X509_free(cert);
    }
}

/* Each extension that lists are read from, with garbage in it. */
static void
test_malformed(void)
{
    static const int kinds[] = { NID_subject_alt_name,  NID_crl_distribution_points,
                                 NID_info_access,       NID_key_usage,
                                 NID_ext_key_usage,     NID_basic_constraints,
                                 NID_name_constraints,  NID_certificate_policies,
                                 NID_authority_key_identifier };
    static const struct {
        const char *bytes;
        size_t len;
    } garbage[] = { { "", 0 },         { "\x30", 1 },          { "\x30\x82\xff\xff", 4 },
                    { "garbage", 7 },  { "\x30\x02\x30\x00", 4 }, { "\x03\x01\x00", 3 },
                    { "\x03\x02\x09\xff", 4 } };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (size_t j = 0; j < sizeof garbage / sizeof *garbage; j++) {
            X509 *cert = test_cert("x", NULL);
            iossl_certinfo *info;
            int at;

            add_bytes(cert, OBJ_nid2sn(kinds[i]), false, garbage[j].bytes, garbage[j].len);
            info = iossl_certinfo_new(cert, NULL);
            at = find_extension(info, kinds[i]);
            is_mem(info->extensions[at].der, info->extensions[at].der_len, garbage[j].bytes,
                   garbage[j].len, "%s with garbage %zu is told by its bytes",
                   OBJ_nid2sn(kinds[i]), j);
            ok(info->n_altnames == 0 && info->n_ext_key_usage == 0 && info->n_ocsp_uris == 0
                   && info->n_crl_uris == 0 && info->n_key_usage == 0,
               "and nothing is read from it");
            is_int(ERR_peek_error(), 0, "nothing left in OpenSSL's queue");
            iossl_certinfo_free(info);
            X509_free(cert);
        }
    }
}

/* Whatever parses as a certificate can be described: every byte of one changed, in three ways. */
static void
test_changed_bytes(void)
{
    X509 *cert = test_cert("x", "DNS:a.test,other:user@ad,IP:10.0.0.1,RID:1.2.3.4,dirname:Me");
    size_t parsed = 0, described = 0;
    unsigned char *der = NULL;
    int len;

    add_text(cert, NID_ext_key_usage, "serverAuth");
    add_text(cert, NID_crl_distribution_points, "URI:http://a.test/");
    add_text(cert, NID_info_access, "OCSP;URI:http://o.test/");
    len = i2d_X509(cert, &der);
    for (int i = 0; i < 3 * len; i++) {
        static const unsigned char changes[] = { 0x01, 0x80, 0xff };
        const unsigned char *at = der;
        iossl_certinfo *info;
        X509 *changed;

        der[i / 3] ^= changes[i % 3];
        changed = d2i_X509(NULL, &at, len);
        ERR_clear_error();
        if (changed != NULL) {
            parsed++;
            info = iossl_certinfo_new(changed, NULL);
            described += info != NULL && info->serial != NULL && info->signature_alg != NULL;
            iossl_certinfo_free(info);
        }
        X509_free(changed);
        der[i / 3] ^= changes[i % 3];
    }
    ok(parsed > 100, "%zu changed certificates can be parsed", parsed);
    is_size(described, parsed, "and each of them has a description");
    OPENSSL_free(der);
    X509_free(cert);
}

/* Lists grow in steps, so that thousands of entries don't take quadratic memory. */
static void
test_many(void)
{
    AUTHORITY_INFO_ACCESS *info_access = AUTHORITY_INFO_ACCESS_new();
    iossl_certinfo *info;
    X509 *cert = X509_new();
    bool in_order = true;
    char uri[32];
    size_t i;

    for (i = 0; i < 5000; i++) {
        ACCESS_DESCRIPTION *one = ACCESS_DESCRIPTION_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();

        (void)snprintf(uri, sizeof uri, "u:%zu", i);
        ASN1_STRING_set(text, uri, -1);
        one->method = OBJ_nid2obj(NID_ad_OCSP);
        GENERAL_NAME_set0_value(one->location, GEN_URI, text);
        sk_ACCESS_DESCRIPTION_push(info_access, one);
    }
    X509_add1_ext_i2d(cert, NID_info_access, info_access, 0, 0);
    info = iossl_certinfo_new(cert, NULL);
    is_size(info->n_ocsp_uris, 5000, "thousands of addresses are told");
    for (i = 0; i < info->n_ocsp_uris; i++) {
        (void)snprintf(uri, sizeof uri, "u:%zu", i);
        in_order = in_order && strcmp(info->ocsp_uris[i], uri) == 0;
    }
    ok(in_order, "in order");
    iossl_certinfo_free(info);
    AUTHORITY_INFO_ACCESS_free(info_access);
    X509_free(cert);
}

/* The serial number of a certificate with that many bytes of this value in it. free() it. */
static char *
long_serial(int bytes, bool negative)
{
    X509 *cert = test_cert("x", NULL);
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    unsigned char *value = malloc((size_t)bytes);
    iossl_certinfo *info;
    char *text;

    memset(value, 0x5a, (size_t)bytes);
    ASN1_STRING_set(serial, value, bytes);
    serial->type = negative ? V_ASN1_NEG_INTEGER : V_ASN1_INTEGER;
    X509_set_serialNumber(cert, serial);
    info = iossl_certinfo_new(cert, NULL);
    text = info == NULL || info->serial == NULL ? NULL : strdup(info->serial);
    iossl_certinfo_free(info);
    ASN1_INTEGER_free(serial);
    X509_free(cert);
    free(value);
    return text == NULL ? strdup("") : text;
}

/* Digits in decimal cost the square of a length that the peer chooses; in hex they don't. */
static void
test_long_serials(void)
{
    char *text = long_serial(20, false);

    is_str(text, "515824107293259853483653470370452830466799721050", "RFC 5280's longest is in decimal");
    free(text);
    text = long_serial(512, false);
    ok(strncmp(text, "0x", 2) != 0, "so are longer ones that some have");
    free(text);
    text = long_serial(100000, false);
    is_size(strlen(text), 200002, "one as long as a chain may be is in hex");
    ok(strncmp(text, "0x5A5A", 6) == 0, "and says so");
    free(text);
    text = long_serial(513, true);
    ok(strncmp(text, "-0x5A5A", 7) == 0, "with its sign");
    free(text);
}

/* A program may make objects that have one name only. */
static void
test_objects_without_names(void)
{
    iossl_error *err = iossl_error_new();
    iossl_certgen *gen = iossl_certgen_new(err);
    X509 *cert = test_cert("x", NULL);
    iossl_certinfo *info;
    int at;

    if (OBJ_create("1.2.3.4.77.1", NULL, "long only") == NID_undef
        || OBJ_create("1.2.3.4.77.2", "shortOnly", NULL) == NID_undef)
        bail_out("OBJ_create");
    add_bytes(cert, "1.2.3.4.77.1", false, "anything", 8);
    add_bytes(cert, "1.2.3.4.77.2", false, "anything", 8);
    info = iossl_certinfo_new(cert, NULL);
    at = find_extension(info, OBJ_txt2nid("1.2.3.4.77.1"));
    ok(at >= 0 && info->extensions[at].id.sn == NULL, "an object without a short name has none");
    is_str(info->extensions[at].id.ln, "long only", "but the long one");
    at = find_extension(info, OBJ_txt2nid("1.2.3.4.77.2"));
    ok(at >= 0 && info->extensions[at].id.ln == NULL, "an object without a long name has none");
    is_str(info->extensions[at].id.sn, "shortOnly", "but the short one");
    ok(iossl_certgen_add_extension(gen, OBJ_txt2nid("1.2.3.4.77.1"), NULL, NULL, NULL, 0, false, err)
           != IOSSL_OK, "an extension of nothing is refused");
    like(iossl_error_message(err), "extension 1.2.3.4.77.1: ", "by its number where there is no short name");
    iossl_certgen_free(gen);
    iossl_error_free(err);
    iossl_certinfo_free(info);
    X509_free(cert);
}

int
main(void)
{
    tap_start();
    test_subjects();
    test_altnames();
    test_odd_altnames();
    test_description();
    test_name_strings();
    test_times();
    test_malformed();
    test_changed_bytes();
    test_many();
    test_long_serials();
    test_objects_without_names();
    return done_testing();
}
