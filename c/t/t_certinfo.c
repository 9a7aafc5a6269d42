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

int
main(void)
{
    tap_start();
    test_subjects();
    test_altnames();
    test_odd_altnames();
    return done_testing();
}
