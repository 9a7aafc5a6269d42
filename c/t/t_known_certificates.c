/*
 * t_known_certificates.c - the ways in which other programs have believed the wrong certificate, by
 * name; and bundles made to exhaust whoever looks at them.
 *
 * Elsewhere: cross-signed chains with an expired branch in t_paths.c; revocation by staple in
 * t_ocsp_staple.c, by responder in t_ocsp_responder.c, by CRL in t/compat/ident_crl.t; resumption across
 * hosts and verification levels in t_session.c; all that a handshake adds in t_verify.c.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "iossl.h"
#include "support_cert.h"
#include "support_openssl.h"
#include "tap.h"

#define NAME "www.example.test"
#define DAY 86400

/* The verdict of a client with this scheme that trusts root, on leaf and what comes with it. */
static iossl_status
judge(X509 *root, X509 *leaf, STACK_OF(X509) *chain, const char *scheme, const char *name)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);
    iossl_ctx *ctx = NULL;
    iossl_status status;

    if (iossl_config_set_no_default_ca(config, true, NULL) != IOSSL_OK
        || iossl_config_set_scheme(config, iossl_scheme_by_name(scheme), NULL) != IOSSL_OK
        || iossl_config_add_ca(config, root, NULL) != IOSSL_OK
        || (ctx = iossl_ctx_new(config, NULL)) == NULL)
        bail_out("no context");
    status = iossl_verify_chain(ctx, IOSSL_CLIENT, leaf, chain, name, 0, NULL);
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    return status;
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void
test_names(void)
{
    static const struct {
        const char *failure, *cn, *altnames, *scheme, *name;
        bool good;
    } cases[] = {
        {"NUL byte in an alternative name", NULL, "DNS:" NAME "\\x00.evil.test", "http", NAME, false},
        {"NUL byte in a common name", NAME "\\x00.evil.test", NULL, "http", NAME, false},
        {"wildcard for a label", NULL, "DNS:*.example.test", "http", NAME, true},
        {"wildcard for two labels", NULL, "DNS:*.example.test", "http", "a.b.example.test", false},
        {"wildcard for no label", NULL, "DNS:*.example.test", "http", "example.test", false},
        {"wildcard for a part of a label, where the scheme has none", NULL, "DNS:w*.example.test",
         "smtp", NAME, false},
        {"wildcard within an A-label", NULL, "DNS:xn--*.example.test", "http",
         "xn--bcher-kva.example.test", false},
        {"wildcard before a part of an A-label", NULL, "DNS:*kva.example.test", "http",
         "xn--bcher-kva.example.test", false},
        {"wildcard above a public suffix", NULL, "DNS:*.co.uk", "http", "example.co.uk", false},
        {"several stars in one label", NULL, "DNS:w*w*.example.test", "http", NAME, false},
        {"several stars in two labels", NULL, "DNS:*.*.test", "http", NAME, false},
        {"a star that isn't first", NULL, "DNS:www.*.test", "http", NAME, false},
        {"a star alone", NULL, "DNS:*", "http", "localhost", false},
        {"address against a dNSName", NULL, "DNS:127.0.0.1", "http", "127.0.0.1", false},
        {"address against a wildcard", NULL, "DNS:*.0.0.1", "http", "127.0.0.1", false},
        {"common name though there are alternative names", NAME, "DNS:other.test", "http", NAME,
         false},
        {"IPv6 in full", NULL, "IP:2001:db8::1", "http", "2001:0db8:0:0:0:0:0:1", true},
        {"IPv6 in capitals", NULL, "IP:2001:db8::a", "http", "2001:DB8::A", true},
        {"IPv6 with an IPv4 tail", NULL, "IP:2001:db8::7f00:1", "http", "2001:db8::127.0.0.1", true},
        {"IPv4 mapped into IPv6 is another address", NULL, "IP:127.0.0.1", "http",
         "::ffff:127.0.0.1", false},
        {"address with a wrong length", NULL, "rawip:\\x7f\\x00\\x00\\x01\\x00", "http", "127.0.0.1",
         false},
    };
    test_identity root = test_identity_make(&(test_cert_spec){.common_name = "root", .is_ca = 1});

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_identity leaf = test_identity_make(&(test_cert_spec){
            .issuer = &root, .common_name = cases[i].cn, .altnames = cases[i].altnames});

        is_int(judge(root.cert, leaf.cert, NULL, cases[i].scheme, cases[i].name),
               cases[i].good ? IOSSL_OK : IOSSL_ERROR, "%s: %s", cases[i].failure,
               cases[i].good ? "accepted" : "refused");
        ok(ERR_peek_error() == 0, "%s: no error is left", cases[i].failure);
        test_identity_free(&leaf);
    }
    test_identity_free(&root);
}

/* ---- Chains ---------------------------------------------------------------------------------- */

#define CA_FOR(pathlen) "basicConstraints=critical,CA:TRUE,pathlen:" pathlen

static void
test_chains(void)
{
    const struct {
        const char *failure;
        test_cert_spec upper, lower, leaf;      /* root -> upper -> lower -> leaf */
        bool good;
    } cases[] = {
        {"a plain chain", {.is_ca = 1}, {.is_ca = 1}, {0}, true},
        {"expired leaf", {.is_ca = 1}, {.is_ca = 1}, {.from_s = -2 * DAY, .to_s = -DAY}, false},
        {"expired CA", {.is_ca = 1, .from_s = -2 * DAY, .to_s = -DAY}, {.is_ca = 1}, {0}, false},
        {"leaf not yet valid", {.is_ca = 1}, {.is_ca = 1}, {.from_s = DAY, .to_s = 2 * DAY}, false},
        {"CA not yet valid", {.is_ca = 1, .from_s = DAY, .to_s = 2 * DAY}, {.is_ca = 1}, {0}, false},
        {"a leaf that signs", {.is_ca = 1}, {0}, {0}, false},
        {"a CA by name that mayn't sign", {.is_ca = 1},
         {.is_ca = 1, .extensions = "keyUsage=critical,digitalSignature"}, {0}, false},
        {"wrong purpose of the leaf", {.is_ca = 1}, {.is_ca = 1},
         {.extensions = "extendedKeyUsage=clientAuth"}, false},
        {"wrong purpose of the CA", {.is_ca = 1},
         {.is_ca = 1, .extensions = "extendedKeyUsage=clientAuth"}, {0}, false},
        {"unknown critical extension", {.is_ca = 1}, {.is_ca = 1},
         {.extensions = "1.2.3.4=critical,DER:0500"}, false},
        {"path length kept", {.extensions = CA_FOR("1")}, {.extensions = CA_FOR("0")}, {0}, true},
        {"path length exceeded", {.extensions = CA_FOR("0")}, {.is_ca = 1}, {0}, false},
        {"name constraints kept", {.is_ca = 1, .constraints = "permitted;DNS:example.test"},
         {.is_ca = 1}, {0}, true},
        {"name constraints of a CA two levels up", {.is_ca = 1, .constraints = "permitted;DNS:x.test"},
         {.is_ca = 1}, {0}, false},
        {"name constraints that exclude", {.is_ca = 1}, {.is_ca = 1,
         .constraints = "excluded;DNS:example.test"}, {0}, false},
        {"weak signature (SHA-1) on the leaf", {.is_ca = 1}, {.is_ca = 1}, {.digest = "SHA1"}, TAKES_SHA1},
        {"weak signature (SHA-1) on a CA", {.is_ca = 1, .digest = "SHA1"}, {.is_ca = 1}, {0},
         TAKES_SHA1},
    };
    test_identity root = test_identity_make(&(test_cert_spec){.common_name = "root", .is_ca = 1});

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_cert_spec upper = cases[i].upper, lower = cases[i].lower, end = cases[i].leaf;
        test_identity made[3];
        STACK_OF(X509) *chain = sk_X509_new_null();

        upper.common_name = "upper";
        upper.issuer = &root;
        made[0] = test_identity_make(&upper);
        lower.common_name = "lower";
        lower.issuer = &made[0];
        made[1] = test_identity_make(&lower);
        end.altnames = "DNS:" NAME;
        end.issuer = &made[1];
        made[2] = test_identity_make(&end);
        if (chain == NULL || sk_X509_push(chain, made[1].cert) <= 0
            || sk_X509_push(chain, made[0].cert) <= 0)
            bail_out("no memory");
        is_int(judge(root.cert, made[2].cert, chain, "http", NAME),
               cases[i].good ? IOSSL_OK : IOSSL_ERROR, "%s: %s", cases[i].failure,
               cases[i].good ? "accepted" : "refused");
        sk_X509_free(chain);
        for (int k = 0; k < 3; k++)
            test_identity_free(&made[k]);
    }
    test_identity_free(&root);
}

static void
test_partial_chains(void)
{
    test_identity root = test_identity_make(&(test_cert_spec){.common_name = "root", .is_ca = 1});
    test_identity middle = test_identity_make(
        &(test_cert_spec){.common_name = "middle", .is_ca = 1, .issuer = &root});
    test_identity leaf = test_identity_make(
        &(test_cert_spec){.altnames = "DNS:" NAME, .issuer = &middle});
    test_identity alone = test_identity_make(
        &(test_cert_spec){.common_name = "alone", .altnames = "DNS:" NAME});

    is_int(judge(root.cert, leaf.cert, NULL, "http", NAME), IOSSL_ERROR,
           "partial chain, without its CA: refused");
    is_int(judge(middle.cert, leaf.cert, NULL, "http", NAME), IOSSL_OK,
           "partial chain, its CA trusted itself: accepted");
    is_int(judge(leaf.cert, leaf.cert, NULL, "http", NAME), IOSSL_OK,
           "partial chain, the leaf trusted itself: accepted");
    is_int(judge(root.cert, alone.cert, NULL, "http", NAME), IOSSL_ERROR,
           "self-signed leaf: refused");
    is_int(judge(alone.cert, alone.cert, NULL, "http", NAME), IOSSL_OK,
           "self-signed leaf that is trusted: accepted");
    is_int(judge(alone.cert, alone.cert, NULL, "http", "other.test"), IOSSL_ERROR,
           "self-signed leaf that is trusted, for another name: refused");
    test_identity_free(&alone);
    test_identity_free(&leaf);
    test_identity_free(&middle);
    test_identity_free(&root);
}

/* ---- Exhaustion: each has to come to its verdict well within the watchdog's time ------------- */

/* "PREFIX0.example.test" to "PREFIXn.example.test", each after `kind`, with commas; free() it. */
static char *
many_names(const char *kind, const char *prefix, int n)
{
    size_t room = (size_t)n * 64;
    char *text = malloc(room), *at = text;

    if (text == NULL)
        bail_out("no memory");
    for (int i = 0; i < n; i++)
        at += snprintf(at, room - (size_t)(at - text), "%s%s%s%d.example.test", i > 0 ? "," : "",
                       kind, prefix, i);
    return text;
}

static void
test_huge_altnames(void)
{
    enum { N = 5000 };
    char *names = many_names("DNS:", "host", N);
    test_identity root = test_identity_make(&(test_cert_spec){.common_name = "root", .is_ca = 1});
    test_identity leaf = test_identity_make(&(test_cert_spec){.issuer = &root, .altnames = names});
    int64_t before = iossl_now_ms();

    is_int(judge(root.cert, leaf.cert, NULL, "http", "host4999.example.test"), IOSSL_OK,
           "the last of %d alternative names is found", N);
    is_int(judge(root.cert, leaf.cert, NULL, "http", "host5000.example.test"), IOSSL_ERROR,
           "and one that isn't there is not");
    diag("%d ms", (int)(iossl_now_ms() - before));
    test_identity_free(&leaf);
    test_identity_free(&root);
    free(names);
}

/* Names times constraints: 2000 * 1000 comparisons are more than OpenSSL does (NAME_CHECK_MAX). */
static void
test_constraint_blowup(void)
{
    char *names = many_names("DNS:", "host", 2000);
    char *constraints = many_names("permitted;DNS:", "domain", 1000);
    test_identity root = test_identity_make(&(test_cert_spec){.common_name = "root", .is_ca = 1});
    test_identity middle = test_identity_make(&(test_cert_spec){
        .common_name = "middle", .is_ca = 1, .issuer = &root, .constraints = constraints});
    test_identity leaf = test_identity_make(&(test_cert_spec){.issuer = &middle, .altnames = names});
    STACK_OF(X509) *chain = sk_X509_new_null();
    int64_t before = iossl_now_ms();

    if (chain == NULL || sk_X509_push(chain, middle.cert) <= 0)
        bail_out("no memory");
    is_int(judge(root.cert, leaf.cert, chain, "http", "host1.example.test"), IOSSL_ERROR,
           "2000 names under 1000 constraints are refused");
    diag("%d ms", (int)(iossl_now_ms() - before));
    sk_X509_free(chain);
    test_identity_free(&leaf);
    test_identity_free(&middle);
    test_identity_free(&root);
    free(constraints);
    free(names);
}

static void
test_deep_chain(void)
{
    enum { DEEP = 150 };
    test_identity made[DEEP + 1];
    STACK_OF(X509) *chain = sk_X509_new_null();
    test_identity leaf;
    int64_t before;

    for (int i = 0; i <= DEEP; i++) {
        char name[32];

        snprintf(name, sizeof name, "level %d", i);
        made[i] = test_identity_make(&(test_cert_spec){
            .common_name = name, .is_ca = 1, .issuer = i == 0 ? NULL : &made[i - 1]});
        if (i > 0 && sk_X509_push(chain, made[i].cert) <= 0)
            bail_out("no memory");
    }
    leaf = test_identity_make(&(test_cert_spec){.issuer = &made[DEEP], .altnames = "DNS:" NAME});
    before = iossl_now_ms();
    is_int(judge(made[0].cert, leaf.cert, chain, "http", NAME), IOSSL_ERROR,
           "a chain of %d certificates is too long", DEEP);
    diag("%d ms", (int)(iossl_now_ms() - before));
    test_identity_free(&leaf);
    for (int i = 0; i <= DEEP; i++)
        test_identity_free(&made[i]);
    sk_X509_free(chain);
}

int
main(void)
{
    tap_start();
    test_names();
    test_chains();
    test_partial_chains();
    test_huge_altnames();
    test_constraint_blowup();
    test_deep_chain();
    return done_testing();
}
