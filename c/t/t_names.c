/*
 * t_names.c - which certificate is for which host: schemes, patterns, addresses, and what is said.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_cert.h"
#include "tap.h"

#define VECTORS "../shared/vectors/hostname/curl_unit1397.tsv"

#define NONE IOSSL_WILDCARD_NONE
#define FULL IOSSL_WILDCARD_FULL_LABEL
#define ANY IOSSL_WILDCARD_ANYWHERE

static void
test_schemes(void)
{
    static const struct {
        const char *names;      /* with blanks between */
        iossl_wildcards alt, cn;
        iossl_check_cn check_cn;
        iossl_ip_in_cn ip_in_cn;
    } table[] = {
        { "default", ANY, ANY, IOSSL_CN_ALWAYS, IOSSL_IP_IN_CN_ANY },
        { "rfc2818 rfc3920 xmpp rfc4217 ftp", ANY, ANY, IOSSL_CN_WHEN_ONLY, IOSSL_IP_IN_CN_NO },
        { "www http", ANY, ANY, IOSSL_CN_WHEN_ONLY, IOSSL_IP_IN_CN_V4 },
        { "rfc4513 ldap", FULL, NONE, IOSSL_CN_ALWAYS, IOSSL_IP_IN_CN_NO },
        { "rfc2595 smtp rfc4642 imap pop3 acap rfc5539 nntp rfc5538 netconf rfc5425 syslog rfc5953 "
          "snmp", FULL, FULL, IOSSL_CN_ALWAYS, IOSSL_IP_IN_CN_NO },
        { "rfc5971 gist", FULL, FULL, IOSSL_CN_WHEN_ONLY, IOSSL_IP_IN_CN_NO },
        { "rfc5922 sip", NONE, NONE, IOSSL_CN_ALWAYS, IOSSL_IP_IN_CN_NO },
    };
    static const char *const unknown[] = { "https", "imaps", "ldaps", "", "HTTP", "rfc9525" };
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        char names[200], *name, *rest;

        snprintf(names, sizeof names, "%s", table[i].names);
        for (name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
            const iossl_scheme *scheme = iossl_scheme_by_name(name);

            ok(scheme != NULL && scheme->wildcards_in_alt == table[i].alt
                   && scheme->wildcards_in_cn == table[i].cn
                   && scheme->check_cn == table[i].check_cn
                   && scheme->ip_in_cn == table[i].ip_in_cn && !scheme->accept_any
                   && scheme->callback == NULL,
               "scheme %s is as its table says", name);
        }
    }
    ok(iossl_scheme_by_name("none") != NULL && iossl_scheme_by_name("none")->accept_any,
       "scheme none takes everything");
    for (i = 0; i < sizeof unknown / sizeof *unknown; i++)
        ok(iossl_scheme_by_name(unknown[i]) == NULL, "there is no scheme \"%s\"", unknown[i]);
    ok(iossl_scheme_by_name(NULL) == NULL, "nor one without a name");
}

/* '1' or '0' for wildcards NONE, FULL_LABEL, ANYWHERE, with the built-in list. */
static void
test_patterns(void)
{
    static const struct {
        const char *pattern, *host, *matches;
    } table[] = {
        { "www.example.com", "www.example.com", "111" },
        { "WWW.example.COM", "www.EXAMPLE.com", "111" },
        { "www.example.com.", "www.example.com", "111" },
        { "www.example.com", "www.example.com.", "111" },
        { "www.example.com..", "www.example.com", "111" },
        { "localhost", "localhost", "111" },
        { "com", "com", "111" },
        { "a_b.example.com", "a_b.example.com", "111" },
        { "www.example.com", "www.example.org", "000" },
        { "example.com", "www.example.com", "000" },
        { "www.example.com", "example.com", "000" },
        { "", "example.com", "000" },
        { ".", "example.com", "000" },
        { "", "", "000" },
        { "example.com", "", "000" },
        { ".example.com", ".example.com", "000" },
        { "a..example.com", "a..example.com", "000" },
        { "a b.example.com", "a b.example.com", "000" },
        { "*.example.com", "*.example.com", "000" },
        { "\xff", "\xff", "000" },
        /* A whole label. */
        { "*.example.com", "www.example.com", "011" },
        { "*.example.com.", "www.example.com", "011" },
        { "*.Example.com", "WWW.eXample.com", "011" },
        { "*.example.com", "xn--bcher-kva.example.com", "011" },
        { "*.example.com", "a_b.example.com", "011" },
        { "*.example.com", "example.com", "000" },
        { "*.example.com", "a.b.example.com", "000" },
        { "*.example.com", ".example.com", "000" },
        { "*.example.com", "a..example.com", "000" },
        { "*..example.com", "a..example.com", "000" },
        { "*.*.com", "www.example.com", "000" },
        { "www.*.com", "www.example.com", "000" },
        { "www.example.*", "www.example.com", "000" },
        { "*", "localhost", "000" },
        { "*", "www.example.com", "000" },
        { "*.", "localhost", "000" },
        { "*.localhost", "www.localhost", "000" },
        /* Part of a label. */
        { "w*.example.com", "www.example.com", "001" },
        { "*w.example.com", "www.example.com", "001" },
        { "w*w.example.com", "www.example.com", "001" },
        { "W*w.example.com", "wWW.example.com", "001" },
        { "w*w.example.com", "ww.example.com", "000" },
        { "www*.example.com", "www.example.com", "000" },
        { "w**.example.com", "www.example.com", "000" },
        { "**.example.com", "www.example.com", "000" },
        { "*w*.example.com", "www.example.com", "000" },
        { "w*", "www", "000" },
        { "*st", "localhost", "000" },
        { "**llo", "hello", "000" },
        { "w*example.com", "www.example.com", "000" },
        { "*example.com", "wwwexample.com", "000" },
        { "www*example.com", "www.example.com", "000" },
        /* Never of an A-label, wherever the star stands. */
        { "x*.example.net", "xn--l8j.example.net", "000" },
        { "*j.example.net", "xn--l8j.example.net", "000" },
        { "xn--*.example.net", "xn--l8j.example.net", "000" },
        { "xn--l*j.example.net", "xn--l8j.example.net", "000" },
        { "x*j.example.net", "XN--l8j.example.net", "000" },
        { "x*j.example.net", "xl8j.example.net", "001" },
        /* Not over a public suffix. */
        { "*.com", "example.com", "000" },
        { "*.co.uk", "example.co.uk", "000" },
        { "*.uk", "co.uk", "000" },
        { "*.ck", "b.ck", "000" },
        { "*.b.ck", "a.b.ck", "000" },
        { "*.a.b.ck", "x.a.b.ck", "011" },
        { "*.www.ck", "a.www.ck", "011" },
        { "*.unknowntld", "example.unknowntld", "000" },
        { "*.example.unknowntld", "www.example.unknowntld", "011" },
        { "*.example.co.uk", "www.example.co.uk", "011" },
        { "*.github.io", "foo.github.io", "011" },
        { "e*.com", "example.com", "000" },
        /* Addresses aren't names. */
        { "*.168.0.1", "192.168.0.1", "000" },
        { "1*.168.0.1", "192.168.0.1", "000" },
    };
    static const char with_nul[] = "www.example.com\0.evil.test";
    size_t i, w;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        for (w = 0; w < 3; w++)
            is_int(iossl_name_matches(table[i].pattern, strlen(table[i].pattern), table[i].host,
                                      strlen(table[i].host), (iossl_wildcards)w, NULL),
                   table[i].matches[w] == '1', "\"%s\" %s \"%s\" with wildcards %s",
                   table[i].pattern, table[i].matches[w] == '1' ? "is for" : "isn't for",
                   table[i].host, w == 0 ? "off" : w == 1 ? "for whole labels" : "anywhere");
    }
    ok(iossl_name_matches("*.com", 5, "example.com", 11, FULL, IOSSL_PSL_NONE),
       "without a list *.com is for example.com");
    ok(!iossl_name_matches("*.github.io", 11, "foo.github.io", 13, FULL,
                           iossl_psl_builtin(IOSSL_PSL_ALL)),
       "with the private section *.github.io isn't for foo.github.io");
    ok(!iossl_name_matches(with_nul, sizeof with_nul - 1, "www.example.com", 15, ANY, NULL),
       "a pattern with a NUL matches nothing before it");
    ok(!iossl_name_matches(with_nul, sizeof with_nul - 1, with_nul, sizeof with_nul - 1, ANY, NULL),
       "not even itself");
    ok(!iossl_name_matches("*\0.example.com", 14, "w.example.com", 13, ANY, NULL),
       "nor does a wildcard with one");
    ok(!iossl_name_matches("h*llo", 5, "hello", 5, ANY, IOSSL_PSL_NONE),
       "a wildcard without a domain matches nothing, list or not");
}

static iossl_match
verify(const char *identity, X509 *cert, const char *scheme, iossl_error *err)
{
    return iossl_verify_name(identity, strlen(identity), cert,
                             scheme == NULL ? NULL : iossl_scheme_by_name(scheme), NULL, err);
}

/* Verdicts by the schemes in their order: 1, 0, or u for unusable. */
static void
test_certificates(void)
{
    static const char *const schemes[] = { NULL, "rfc2818", "http", "ldap", "smtp", "gist", "sip" };
    static const struct {
        const char *cn, *altnames, *identity, *verdicts;
    } table[] = {
        { "cn.example.com", NULL, "cn.example.com", "1111111" },
        { "cn.example.com", NULL, "CN.example.com.", "1111111" },
        { "cn.example.com", "DNS:alt.example.com", "alt.example.com", "1111111" },
        { "cn.example.com", "DNS:alt.example.com", "cn.example.com", "1001101" },
        { "cn.example.com", "IP:10.0.0.1,email:a@b.test", "cn.example.com", "1111111" },
        { "cn.example.com", "DNS:", "cn.example.com", "1001101" },
        { "*.example.com", NULL, "www.example.com", "1110110" },
        { "w*.example.com", NULL, "www.example.com", "1110000" },
        { NULL, "DNS:*.example.com", "www.example.com", "1111110" },
        { NULL, "DNS:w*.example.com", "www.example.com", "1110000" },
        { NULL, "DNS:a.test,DNS:b.test,DNS:www.example.com", "www.example.com", "1111111" },
        { NULL, "DNS: www.example.com\\x09", "www.example.com", "1111111" },
        { " www.example.com", NULL, "www.example.com", "0000000" },
        { NULL, "DNS:www.example.com\\x00.evil.test", "www.example.com", "0000000" },
        { "www.example.com\\x00.evil.test", NULL, "www.example.com", "0000000" },
        { "www.example.com\\x00", NULL, "www.example.com", "0000000" },
        { "www.example.com", "DNS:www.example.com\\x00.evil.test", "www.example.com", "1001101" },
        { NULL, "email:www.example.com,URI:www.example.com", "www.example.com", "0000000" },
        { NULL, NULL, "www.example.com", "0000000" },
        /* Addresses. */
        { NULL, "IP:10.0.0.1", "10.0.0.1", "1111111" },
        { NULL, "IP:10.0.0.1", "10.0.0.1.", "1111111" },
        { NULL, "IP:10.0.0.1", "10.0.0.2", "0000000" },
        { NULL, "DNS:10.0.0.1", "10.0.0.1", "0000000" },
        { NULL, "DNS:*.0.0.1", "10.0.0.1", "0000000" },
        { NULL, "IP:2001:db8::1", "2001:db8::1", "1111111" },
        { NULL, "IP:2001:db8::1", "2001:DB8:0:0:0:0:0:1", "1111111" },
        { NULL, "IP:2001:db8::1", "2001:db8::2", "0000000" },
        { NULL, "IP:::ffff:10.0.0.1", "::ffff:10.0.0.1", "1111111" },
        { NULL, "IP:10.0.0.1", "::ffff:10.0.0.1", "0000000" },
        { NULL, "rawip:\\x0a\\x00\\x00", "10.0.0.0", "0000000" },
        { NULL, "rawip:\\x0a\\x00\\x00\\x01\\xff\\xff\\xff\\xff", "10.0.0.1", "0000000" },
        { "10.0.0.1", NULL, "10.0.0.1", "1010000" },
        { "10.0.0.1", "DNS:a.test", "10.0.0.1", "1000000" },
        { "*.0.0.1", NULL, "10.0.0.1", "0000000" },
        { "2001:db8::1", NULL, "2001:db8::1", "1000000" },
        { "2001:DB8::1", NULL, "2001:db8::1", "0000000" },
        /* What is no name and no address. */
        { "1.2.3", "DNS:1.2.3", "1.2.3", "uuuuuuu" },
        { "1.2.3.400", "DNS:1.2.3.400", "1.2.3.400", "uuuuuuu" },
        { "123", "DNS:123", "123", "uuuuuuu" },
        { "1.2.3.4.5", "DNS:1.2.3.4.5", "1.2.3.4.5", "uuuuuuu" },
        { "010.0.0.1", "IP:10.0.0.1,IP:8.0.0.1", "010.0.0.1", "uuuuuuu" },
        { "a:b", "DNS:a:b", "a:b", "uuuuuuu" },
        { ":::", NULL, ":::", "uuuuuuu" },
        { "[2001:db8::1]", "IP:2001:db8::1", "[2001:db8::1]", "uuuuuuu" },
        { "fe80::1%eth0", "IP:fe80::1", "fe80::1%eth0", "uuuuuuu" },
        { "", "DNS:", "", "0000000" },
        { "", "DNS:.", "..", "0000000" },
        { "a b", "DNS:a b", "a b", "uuuuuuu" },
        { "*.example.com", "DNS:*.example.com", "*.example.com", "uuuuuuu" },
        { NULL, "DNS:\\xff", "\xff", "uuuuuuu" },
        { "x/y", "DNS:x/y", "x/y", "uuuuuuu" },
        { ".example.com", "DNS:.example.com", ".example.com", "0000000" },
        { "0x7f.1", "DNS:0x7f.1", "0x7f.1", "1111111" },
        /* Other scripts. */
        { NULL, "DNS:xn--bcher-kva.example", "b\xc3\xbc" "cher.example", "1111111" },
        { NULL, "DNS:xn--bcher-kva.example", "B\xc3\x9c" "CHER.example.", "1111111" },
        { NULL, "DNS:xn--bcher-kva.example", "xn--bcher-kva.example", "1111111" },
        { NULL, "DNS:b\\xc3\\xbccher.example", "b\xc3\xbc" "cher.example", "0000000" },
        { NULL, "DNS:*.buch.example", "b\xc3\xbc" "cher.buch.example", "1111110" },
        { NULL, "DNS:xn*.buch.example", "b\xc3\xbc" "cher.buch.example", "0000000" },
        { NULL, "IP:1.2.3.4,DNS:1.2.3.4", "\xef\xbc\x91.\xef\xbc\x92.\xef\xbc\x93.\xef\xbc\x94",
          "uuuuuuu" },
        { NULL, "DNS:a.test", "\xef\xbc\x8f.test", "uuuuuuu" },
    };
    size_t i, s;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        X509 *cert = test_cert(table[i].cn, table[i].altnames);

        for (s = 0; s < sizeof schemes / sizeof *schemes; s++) {
            iossl_error *err = iossl_error_new();
            iossl_match match = verify(table[i].identity, cert, schemes[s], err);
            char verdict = match == IOSSL_NAME_MATCH      ? '1'
                           : match == IOSSL_NAME_MISMATCH ? '0'
                                                          : 'u';

            ok(verdict == table[i].verdicts[s]
                   && (verdict == '1') == (iossl_error_get_code(err) == IOSSL_E_NONE),
               "CN %s, names %s: \"%s\" by %s is %c", table[i].cn != NULL ? table[i].cn : "-",
               table[i].altnames != NULL ? table[i].altnames : "-", table[i].identity,
               schemes[s] != NULL ? schemes[s] : "default", table[i].verdicts[s]);
            if (verdict != table[i].verdicts[s])
                diag("got %c: %s", verdict, iossl_error_message(err));
            iossl_error_free(err);
        }
        X509_free(cert);
    }
}

static void
test_unreadable(void)
{
    test_cert_spec raw = { .common_name = "www.example.com", .raw_altnames = "garbage" };
    test_cert_spec twice = { .common_name = "www.example.com", .altnames = "DNS:www.example.com",
                             .altnames_twice = 1 };
    test_identity a = test_identity_make(&raw), b = test_identity_make(&twice);
    iossl_error *err = iossl_error_new();

    is_int(verify("www.example.com", a.cert, NULL, err), IOSSL_NAME_MISMATCH,
           "a subjectAltName that can't be decoded isn't passed over for the common name");
    like(iossl_error_message(err), "can't be decoded", "and that is the reason");
    is_int(verify("www.example.com", b.cert, NULL, NULL), IOSSL_NAME_MISMATCH,
           "nor are two of them (RFC 5280 section 4.2)");
    is_int(ERR_peek_error(), 0, "OpenSSL's queue is empty");
    iossl_error_free(err);
    test_identity_free(&a);
    test_identity_free(&b);
}

static void
test_sentences(void)
{
    static const struct {
        const char *cn, *altnames, *identity, *message;
    } table[] = {
        { "x", "DNS:www.example.test,DNS:*.x.test,IP:10.0.0.1,DNS:d.test,DNS:e.test",
          "other.example.test",
          "hostname verification failed: the certificate is for \"www.example.test\", "
          "\"*.x.test\", \"10.0.0.1\" (and 3 more), not for \"other.example.test\"" },
        { "cn.test", NULL, "other.example.test",
          "hostname verification failed: the certificate is for \"cn.test\", not for "
          "\"other.example.test\"" },
        { NULL, "email:a@b.test", "other.example.test",
          "hostname verification failed: the certificate is for no host that it names, not for "
          "\"other.example.test\"" },
        { NULL, "DNS:a\\x00b\\x1b[31m\\x22", "b\xc3\xbc" "cher.test",
          "hostname verification failed: the certificate is for \"a\\x00b\\x1b[31m\\x22\", not for "
          "\"xn--bcher-kva.test\"" },
        { NULL, "IP:2001:db8::1", "10.0.0.1",
          "hostname verification failed: the certificate is for \"2001:db8::1\", not for "
          "\"10.0.0.1\"" },
        { NULL, "DNS:a.test", "1.2.3",
          "hostname verification failed: \"1.2.3\" can't be verified: it is no IPv4 address of "
          "four decimal numbers" },
    };
    char long_name[2000] = "DNS:", wanted[200];
    iossl_error *err = iossl_error_new();
    X509 *cert;
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        iossl_error_clear(err);
        cert = test_cert(table[i].cn, table[i].altnames);
        ok(verify(table[i].identity, cert, NULL, err) != IOSSL_NAME_MATCH, "a mismatch");
        is_str(iossl_error_message(err), table[i].message, "both names are told");
        is_int(iossl_error_get_code(err), IOSSL_E_NAME, "with the code for names");
        is_int(iossl_error_get_rank(err), IOSSL_RANK_IDENTITY, "and its rank");
        X509_free(cert);
    }
    memset(long_name + 4, 'a', 1900);
    cert = test_cert(NULL, long_name);
    iossl_error_clear(err);
    verify("b.test", cert, NULL, err);
    snprintf(wanted, sizeof wanted,
             "hostname verification failed: the certificate is for \"%.80s...\"", long_name + 4);
    like(iossl_error_message(err), wanted, "a name of 1900 bytes is cut");
    X509_free(cert);
    iossl_error_free(err);
}

typedef struct asked {
    iossl_match answer;
    char identity[100];
    X509 *cert;
} asked;

static iossl_match
answer(void *arg, const char *identity, X509 *cert)
{
    asked *a = arg;

    snprintf(a->identity, sizeof a->identity, "%s", identity);
    a->cert = cert;
    return a->answer;
}

static void
test_callback(void)
{
    asked a = { .answer = IOSSL_NAME_MATCH };
    iossl_scheme scheme = { .callback = answer, .callback_arg = &a };
    iossl_scheme all = { .accept_any = true, .callback = answer, .callback_arg = &a };
    X509 *cert = test_cert("x", "DNS:a.test");
    iossl_error *err = iossl_error_new();

    is_int(iossl_verify_name("WWW.b b.", 8, cert, &scheme, NULL, err), IOSSL_NAME_MATCH,
           "a callback decides");
    is_str(a.identity, "WWW.b b", "on the name as given, without the trailing dot");
    ok(a.cert == cert, "and the certificate");
    a.answer = IOSSL_NAME_MISMATCH;
    is_int(iossl_verify_name("a.test", 6, cert, &scheme, NULL, err), IOSSL_NAME_MISMATCH,
           "it may refuse what the rules would take");
    like(iossl_error_message(err), "hostname verification failed: the callback", "which is told");
    a.answer = (iossl_match)42;
    is_int(iossl_verify_name("a.test", 6, cert, &scheme, NULL, NULL), IOSSL_NAME_MISMATCH,
           "an unknown answer is a refusal");
    a.answer = IOSSL_NAME_UNUSABLE;
    is_int(iossl_verify_name("a.test", 6, cert, &scheme, NULL, NULL), IOSSL_NAME_UNUSABLE,
           "it may find the name unusable");
    a.answer = IOSSL_NAME_MATCH;
    a.identity[0] = '\0';
    is_int(iossl_verify_name("a.test\0.evil", 12, cert, &scheme, NULL, NULL), IOSSL_NAME_UNUSABLE,
           "a name with a NUL is unusable");
    is_str(a.identity, "", "before a callback could see half of it");
    is_int(iossl_verify_name("a.test\0x", 8, cert, NULL, NULL, NULL), IOSSL_NAME_UNUSABLE,
           "and without callback too");
    is_int(iossl_verify_name("nobody", 6, cert, &all, NULL, NULL), IOSSL_NAME_MATCH,
           "a scheme that takes everything doesn't ask");
    iossl_error_free(err);
    X509_free(cert);
}

static void
test_lists(void)
{
    X509 *cert = test_cert(NULL, "DNS:*.com,DNS:*.own.test");
    static const char text[] = "own.test\n";
    iossl_psl *own = iossl_psl_new_from_string(text, sizeof text - 1, NULL);

    is_int(verify("example.com", cert, NULL, NULL), IOSSL_NAME_MISMATCH, "*.com is for nobody");
    is_int(iossl_verify_name("example.com", 11, cert, NULL, IOSSL_PSL_NONE, NULL), IOSSL_NAME_MATCH,
           "unless lists are off");
    is_int(verify("a.own.test", cert, NULL, NULL), IOSSL_NAME_MATCH, "*.own.test is good");
    is_int(iossl_verify_name("a.own.test", 10, cert, NULL, own, NULL), IOSSL_NAME_MISMATCH,
           "unless a list of the program's own says otherwise");
    iossl_psl_free(own);
    X509_free(cert);
}

/* Latin-1 as the table has it to the UTF-8 that the library takes. */
static void
to_utf8(const char *latin1, char *out)
{
    for (; *latin1 != '\0'; latin1++) {
        unsigned char c = (unsigned char)*latin1;

        if (c >= 0x80) {
            *out++ = (char)(0xc0 | c >> 6);
            c = (unsigned char)(0x80 | (c & 0x3f));
        }
        *out++ = (char)c;
    }
    *out = '\0';
}

static void
unescape(const char *text, char *out)
{
    unsigned int value;

    while (*text != '\0') {
        if (text[0] == '\\' && text[1] == 'e') {    /* the table's empty text */
            text += 2;
        } else if (text[0] == '\\' && text[1] == 'x' && sscanf(text + 2, "%2x", &value) == 1) {
            *out++ = (char)value;
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

/* The table tells what the module that we stand in for says; ours is stricter in one row. */
static void
test_vectors(void)
{
    static const char *const schemes[] = { "default", "www", "rfc2818", "smtp", "ldap", "sip",
                                           "gist" };
    FILE *file = fopen(tap_path(VECTORS), "r");
    char line[4096];
    size_t rows = 0;

    if (file == NULL) {
        skip(1, VECTORS " isn't here");
        return;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        char *column[13] = { NULL }, *rest = line, host[1024], utf8[2048], altnames[1100] = "DNS:";
        X509 *cert;
        size_t i;

        if (line[0] == '#')
            continue;
        for (i = 0; i < 13 && rest != NULL; i++)
            column[i] = strsep(&rest, "\t");
        if (i < 13 || column[0] == NULL || column[1] == NULL || column[3] == NULL)
            continue;
        unescape(column[0], host);
        to_utf8(host, utf8);
        snprintf(altnames + 4, sizeof altnames - 4, "%s",
                 strcmp(column[1], "\\e") == 0 ? "" : column[1]);
        cert = test_cert(strcmp(column[3], "-") == 0 ? NULL : column[3],
                         strcmp(column[1], "-") == 0 ? NULL : altnames);
        for (i = 0; i < sizeof schemes / sizeof *schemes; i++) {
            /* RFC 6125 section 6.4.3: no part of an A-label, also not its end. */
            bool stricter = strcmp(column[0], "xn--l8j.example.net") == 0
                            && strcmp(column[1], "*j.example.net") == 0;
            bool wanted = !stricter && column[5 + i][0] == '1';

            is_int(iossl_verify_name(utf8, strlen(utf8), cert, iossl_scheme_by_name(schemes[i]),
                                     NULL, NULL)
                       == IOSSL_NAME_MATCH,
                   wanted, "vector by %s: %s and %s", schemes[i], utf8, altnames);
        }
        X509_free(cert);
        rows++;
    }
    fclose(file);
    is_size(rows, 46, "all rows of the table were looked at");
}

int
main(void)
{
    tap_start();
    test_schemes();
    test_patterns();
    test_certificates();
    test_unreadable();
    test_sentences();
    test_callback();
    test_lists();
    test_vectors();
    return done_testing();
}
