/*
 * t_diagnose_findings.c - each thing that can be wrong with a chain: told in its own words, with what to do.
 */
#include "iossl.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "support_cert.h"
#include "support_files.h"
#include "support_pair.h"
#include "tap.h"

#define HOUR 3600L
#define DAY (24 * HOUR)
#define NAME "good.test"

static test_identity ca;            /* trusted */
static iossl_ctx *ctx, *crl_ctx;
static const char *crl_file;

/* What `wrong` says, of a leaf with these certificates sent along. */
static void
expect(iossl_ctx *judge, const test_identity *leaf, const test_identity *const *sent, int verify_code,
       int depth, const char *what, const char *remedy, const char *about)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    const iossl_finding *found = NULL;
    iossl_diagnosis *d;

    sk_X509_push(chain, leaf->cert);
    for (; sent != NULL && *sent != NULL; sent++)
        sk_X509_push(chain, (*sent)->cert);
    d = iossl_diagnose(judge, IOSSL_CLIENT, leaf->cert, chain, NAME, 0, NULL);
    for (size_t i = 0; d != NULL && i < iossl_diagnosis_count(d); i++) {
        const iossl_finding *f = iossl_diagnosis_get0(d, i);

        if (f->verify_code == verify_code && f->depth == depth)
            found = f;
        else
            diag("%s: also %d at %d: %s", about, f->verify_code, f->depth, f->what);
    }
    if (ok(found != NULL, "%s: is found, at certificate %d", about, depth)) {
        is_int(found->code, IOSSL_E_VERIFY, "%s: is of the chain", about);
        like(found->what, what, "%s: in its words", about);
        like(found->remedy, remedy, "%s: with what to do", about);
        is_int(iossl_verify_chain(judge, IOSSL_CLIENT, leaf->cert, chain, NAME, 0, NULL), IOSSL_ERROR,
               "%s: is refused indeed", about);
    }
    ok(ERR_peek_error() == 0, "%s: OpenSSL's queue is empty", about);
    iossl_diagnosis_free(d);
    sk_X509_free(chain);
}

static test_identity
make(const test_cert_spec *spec)
{
    test_cert_spec whole = *spec;

    if (!whole.is_ca && whole.altnames == NULL)
        whole.altnames = "DNS:" NAME;
    if (whole.common_name == NULL)
        whole.common_name = "leaf";
    return test_identity_make(&whole);
}

/* ---- A leaf that is wrong by itself ---------------------------------------------------------- */

static void
test_leaves(void)
{
    const struct {
        test_cert_spec spec;
        int verify_code;
        const char *what, *remedy, *about;
    } cases[] = {
        {{.issuer = &ca, .from_s = 5 * DAY, .to_s = 9 * DAY}, X509_V_ERR_CERT_NOT_YET_VALID,
         "\"/CN=leaf\", begins on ", "clock", "not yet valid"},
        {{.issuer = &ca, .from_s = -9 * DAY, .to_s = -5 * DAY}, X509_V_ERR_CERT_HAS_EXPIRED,
         "\"/CN=leaf\", expired on ", "renewed", "expired"},
        {{.issuer = &ca, .extensions = "extendedKeyUsage=clientAuth"}, X509_V_ERR_INVALID_PURPOSE,
         "isn't meant for this", "serverAuth", "a client's certificate of a server"},
        {{.issuer = NULL}, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "is self-signed",
         "SSL_fingerprint => 'sha256$", "self-signed"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_identity leaf = make(&cases[i].spec);

        expect(ctx, &leaf, NULL, cases[i].verify_code, 0, cases[i].what, cases[i].remedy,
               cases[i].about);
        test_identity_free(&leaf);
    }
}

static EVP_PKEY *
short_key(void)
{
    iossl_error *err = iossl_error_new();
    EVP_PKEY *key = iossl_key_new_rsa(1024, err);

    if (key == NULL)
        bail_out(iossl_error_message(err));
    iossl_error_free(err);
    return key;
}

/* OpenSSL's security level 2 wants 112 bits: as policy "strict", and as distributions set it. */
static void
test_weakness(void)
{
    EVP_PKEY *key = short_key();
    test_identity leaf = make(&(test_cert_spec){.issuer = &ca, .key = key});
    test_identity weak_ca = make(&(test_cert_spec){.common_name = "weak CA", .issuer = &ca,
                                                   .is_ca = 1, .key = key});
    test_identity below = make(&(test_cert_spec){.issuer = &weak_ca});
    test_identity sha1_ca = make(&(test_cert_spec){.common_name = "old CA", .issuer = &ca,
                                                   .is_ca = 1, .digest = "SHA1"});
    test_identity below_sha1 = make(&(test_cert_spec){.issuer = &sha1_ca});
    const test_identity *weak_sent[] = {&weak_ca, NULL}, *sha1_sent[] = {&sha1_ca, NULL};

    expect(ctx, &leaf, NULL, X509_V_ERR_EE_KEY_TOO_SMALL, 0, "too weak for the security level",
           "longer key", "a short key");
    expect(ctx, &below, weak_sent, X509_V_ERR_CA_KEY_TOO_SMALL, 1, "\"/CN=weak CA\", is too weak",
           "@SECLEVEL", "a CA's short key");
    expect(ctx, &below_sha1, sha1_sent, X509_V_ERR_CA_MD_TOO_WEAK, 1, "\"/CN=old CA\", is too weak",
           "SHA-256", "a signature by SHA-1");
    test_identity_free(&below_sha1);
    test_identity_free(&sha1_ca);
    test_identity_free(&below);
    test_identity_free(&weak_ca);
    test_identity_free(&leaf);
    EVP_PKEY_free(key);
}

/* ---- The way to an anchor -------------------------------------------------------------------- */

static void
test_ways(void)
{
    test_identity foreign = make(&(test_cert_spec){.common_name = "foreign CA", .is_ca = 1});
    test_identity namesake = make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    test_identity middle = make(&(test_cert_spec){.common_name = "middle", .issuer = &ca, .is_ca = 1});
    test_identity below = make(&(test_cert_spec){
        .issuer = &middle,
        .extensions = "authorityInfoAccess=caIssuers;URI:http://ca.test/middle.cer"});
    test_identity strange = make(&(test_cert_spec){.issuer = &foreign});
    test_identity forged = make(&(test_cert_spec){.issuer = &namesake});
    const test_identity *with_root[] = {&foreign, NULL}, *unrelated[] = {&foreign, &namesake, NULL};

    expect(ctx, &below, NULL, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0,
           "was issued by \"/CN=middle\", which is none of the CAs that are trusted here",
           "(it can be fetched from http://ca.test/middle.cer)", "an intermediate that wasn't sent");
    expect(ctx, &below, unrelated, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0,
           "of which there is no usable certificate", "the other side has to send its certificate",
           "others were sent instead");
    expect(ctx, &strange, with_root, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, 1,
           "the chain leads to the CA \"/CN=foreign CA\", which isn't trusted here",
           "its fingerprint is sha256$", "a root that isn't trusted");
    expect(ctx, &forged, NULL, X509_V_ERR_CERT_SIGNATURE_FAILURE, 0,
           "by \"/CN=test CA\" is wrong", "damaged or forged", "a signature by a namesake");
    test_identity_free(&forged);
    test_identity_free(&strange);
    test_identity_free(&below);
    test_identity_free(&middle);
    test_identity_free(&namesake);
    test_identity_free(&foreign);
}

/* Of the leaf's only finding; "" where it has none. */
static void
expect_remedy(const test_identity *leaf, const char *like_this, const char *unlike_this,
              const char *about)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    iossl_diagnosis *d;
    const char *remedy = "";

    sk_X509_push(chain, leaf->cert);
    d = iossl_diagnose(ctx, IOSSL_CLIENT, leaf->cert, chain, NAME, 0, NULL);
    if (d != NULL && iossl_diagnosis_count(d) > 0)
        remedy = iossl_diagnosis_get0(d, 0)->remedy;
    like(remedy, like_this, "%s: what to do is told", about);
    ok(strstr(remedy, unlike_this) == NULL, "%s: and not what the certificate smuggles in", about);
    iossl_diagnosis_free(d);
    sk_X509_free(chain);
}

/* Addresses that a terminal or a log must not get; the second one begins with a line's end. */
static void
test_hostile_addresses(void)
{
    test_identity middle = make(&(test_cert_spec){.common_name = "middle", .issuer = &ca, .is_ca = 1});
    test_identity escape = make(&(test_cert_spec){
        .issuer = &middle,
        .extensions = "authorityInfoAccess=DER:"
                      "3017" "3015" "06082b06010505073002" "8609" "687474703a1b5b324a"});
    test_identity second = make(&(test_cert_spec){
        .issuer = &middle,
        .extensions = "authorityInfoAccess=DER:"
                      "302e" "3015" "06082b06010505073002" "8609" "0a687474703a2f2f61"
                      "3015" "06082b06010505073002" "8609" "687474703a2f2f622f"});

    expect_remedy(&escape, "appending it to its certificate file; if it is a CA", "\033",
                  "an escape sequence");
    expect_remedy(&second, "(it can be fetched from http://b/)", "\n", "a line's end");
    test_identity_free(&second);
    test_identity_free(&escape);
    test_identity_free(&middle);
}

/* CAs above the leaf that must not vouch for it. */
static void
test_cas(void)
{
    const struct {
        test_cert_spec spec;
        int verify_code, depth;
        const char *what, *remedy, *about;
    } cases[] = {
        {{.issuer = &ca, .common_name = "no CA"}, X509_V_ERR_INVALID_CA, 1,
         "certificate 1 of the chain, \"/CN=no CA\", isn't meant for this",
         "a certificate that isn't a CA's was used to sign another", "signed by who is no CA"},
        {{.issuer = &ca, .is_ca = 1, .common_name = "CA of others",
          .constraints = "permitted;DNS:other.test"}, X509_V_ERR_PERMITTED_VIOLATION, 0,
         "has a name that a CA above it must not certify", "made anew by the CA", "not permitted"},
        {{.issuer = &ca, .is_ca = 1, .common_name = "CA of all but one",
          .constraints = "excluded;DNS:" NAME}, X509_V_ERR_EXCLUDED_VIOLATION, 0,
         "has a name that a CA above it must not certify", "made anew by the CA", "excluded"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_identity middle = make(&cases[i].spec);
        test_identity leaf = make(&(test_cert_spec){.issuer = &middle});
        const test_identity *sent[] = {&middle, NULL};

        expect(ctx, &leaf, sent, cases[i].verify_code, cases[i].depth, cases[i].what,
               cases[i].remedy, cases[i].about);
        test_identity_free(&leaf);
        test_identity_free(&middle);
    }
}

/* What is in no table of ours is told in OpenSSL's words. */
static void
test_others(void)
{
    test_identity last = make(&(test_cert_spec){
        .common_name = "last CA", .issuer = &ca,
        .extensions = "basicConstraints=critical,CA:TRUE,pathlen:0"});
    test_identity beyond = make(&(test_cert_spec){.common_name = "beyond", .issuer = &last, .is_ca = 1});
    test_identity leaf = make(&(test_cert_spec){.issuer = &beyond});
    const test_identity *sent[] = {&beyond, &last, NULL};

    expect(ctx, &leaf, sent, X509_V_ERR_PATH_LENGTH_EXCEEDED, 2,
           "can't be accepted: path length constraint exceeded", "made anew by the CA",
           "a path that is too long");
    test_identity_free(&leaf);
    test_identity_free(&beyond);
    test_identity_free(&last);
}

/* ---- Revocation ------------------------------------------------------------------------------ */

static iossl_ctx *
ctx_with_crl(const test_identity *issuer, long serial, long to_s)
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_ctx *made = NULL;

    crl_file = test_write_bio("crl.pem", test_crl(issuer, serial, to_s));
    if (iossl_config_set_no_default_ca(config, true, err) != IOSSL_OK
        || iossl_config_add_ca(config, ca.cert, err) != IOSSL_OK
        || iossl_config_set_check_crl(config, IOSSL_CRL_LEAF, err) != IOSSL_OK
        || iossl_config_set_crl_file(config, crl_file, err) != IOSSL_OK
        || (made = iossl_ctx_new(config, err)) == NULL)
        bail_out(iossl_error_message(err));
    iossl_config_free(config);
    iossl_error_free(err);
    return made;
}

static void
test_revocation(void)
{
    test_identity foreign = make(&(test_cert_spec){.common_name = "foreign CA", .is_ca = 1});
    test_identity revoked = make(&(test_cert_spec){.issuer = &ca, .serial = 77});
    test_identity listed = make(&(test_cert_spec){
        .issuer = &ca, .serial = 78, .extensions = "crlDistributionPoints=URI:http://ca.test/list.crl"});

    crl_ctx = ctx_with_crl(&ca, 77, HOUR);
    expect(crl_ctx, &revoked, NULL, X509_V_ERR_CERT_REVOKED, 0, "was revoked by \"/CN=test CA\"",
           "don't trust it", "revoked");
    iossl_ctx_free(crl_ctx);
    crl_ctx = ctx_with_crl(&foreign, 77, HOUR);
    expect(crl_ctx, &revoked, NULL, X509_V_ERR_UNABLE_TO_GET_CRL, 0,
           "there is no revocation list of \"/CN=test CA\"", "SSL_crl_file", "no list");
    expect(crl_ctx, &listed, NULL, X509_V_ERR_UNABLE_TO_GET_CRL, 0, "can't be told",
           "(it can be fetched from http://ca.test/list.crl)", "no list, but where it is");
    iossl_ctx_free(crl_ctx);
    crl_ctx = ctx_with_crl(&ca, 0, -HOUR);
    expect(crl_ctx, &listed, NULL, X509_V_ERR_CRL_HAS_EXPIRED, 0, "is out of date", "SSL_crl_file",
           "an old list");
    iossl_ctx_free(crl_ctx);
    test_identity_free(&listed);
    test_identity_free(&revoked);
    test_identity_free(&foreign);
}

/* ---- Bounds, pins, roles --------------------------------------------------------------------- */

/* However long a bad chain is, the list of what is wrong with it isn't. */
static void
test_bound(void)
{
    enum { N = 36 };
    test_identity cas[N];
    test_identity leaf;
    STACK_OF(X509) *chain = sk_X509_new_null();
    iossl_diagnosis *d;

    for (int i = 0; i < N; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "expired CA %d", i);
        cas[i] = make(&(test_cert_spec){.common_name = name, .issuer = i == 0 ? &ca : &cas[i - 1],
                                        .is_ca = 1, .from_s = -9 * DAY, .to_s = -5 * DAY});
    }
    leaf = make(&(test_cert_spec){.issuer = &cas[N - 1]});
    for (int i = N - 1; i >= 0; i--)
        sk_X509_push(chain, cas[i].cert);
    d = iossl_diagnose(ctx, IOSSL_CLIENT, leaf.cert, chain, NAME, 0, NULL);
    is_size(d == NULL ? 0 : iossl_diagnosis_count(d), 32, "of %d findings some are told", N);
    iossl_diagnosis_free(d);
    sk_X509_free(chain);
    test_identity_free(&leaf);
    for (int i = 0; i < N; i++)
        test_identity_free(&cas[i]);
}

static iossl_pins *pins;

static void
pin_another(iossl_config *config)
{
    if (iossl_config_set_pins(config, pins, true, NULL) != IOSSL_OK)
        bail_out("pins");
}

static void
test_pin(void)
{
    test_identity leaf = make(&(test_cert_spec){.issuer = &ca});
    char *fingerprint = NULL;
    iossl_ctx *pinned;
    iossl_diagnosis *d;

    pins = iossl_pins_new(NULL);
    if (iossl_cert_fingerprint(&fingerprint, ca.cert, NULL, false, NULL) != IOSSL_OK
        || iossl_pins_add(pins, fingerprint, NULL) != IOSSL_OK)
        bail_out("a fingerprint");
    iossl_free(fingerprint);
    pinned = test_client_ctx(&ca, pin_another);
    d = iossl_diagnose(pinned, IOSSL_CLIENT, leaf.cert, NULL, NAME, 0, NULL);
    is_size(iossl_diagnosis_count(d), 1, "another certificate than the pinned one is a finding");
    if (iossl_diagnosis_count(d) == 1) {
        const iossl_finding *f = iossl_diagnosis_get0(d, 0);

        is_int(f->code, IOSSL_E_PIN, "of its own kind");
        (void)iossl_cert_fingerprint(&fingerprint, leaf.cert, NULL, false, NULL);
        like(f->remedy, fingerprint, "what to pin is told");
        iossl_free(fingerprint);
    }
    iossl_diagnosis_free(d);
    iossl_ctx_free(pinned);
    iossl_pins_free(pins);
    test_identity_free(&leaf);
}

/* A server looks for no name in a client's certificate. */
static void
test_server_role(void)
{
    test_identity client = make(&(test_cert_spec){.issuer = &ca,
                                                  .extensions = "extendedKeyUsage=clientAuth"});
    test_identity server = make(&(test_cert_spec){.issuer = &ca,
                                                  .extensions = "extendedKeyUsage=serverAuth"});
    iossl_diagnosis *d = iossl_diagnose(ctx, IOSSL_SERVER, client.cert, NULL, NULL, 0, NULL);

    ok(d != NULL && iossl_diagnosis_count(d) == 0, "a client's certificate is good for a server");
    iossl_diagnosis_free(d);
    d = iossl_diagnose(ctx, IOSSL_SERVER, server.cert, NULL, NULL, 0, NULL);
    ok(d != NULL && iossl_diagnosis_count(d) == 1
           && iossl_diagnosis_get0(d, 0)->verify_code == X509_V_ERR_INVALID_PURPOSE,
       "a server's isn't");
    iossl_diagnosis_free(d);
    test_identity_free(&client);
    test_identity_free(&server);
    iossl_diagnosis_free(NULL);
}

static void
set_level_2(iossl_config *config)
{
    if (iossl_config_set_cipher_list(config, NULL, "DEFAULT:@SECLEVEL=2", NULL) != IOSSL_OK)
        bail_out("security level");
}

int
main(void)
{
    tap_start();
    test_folder_make();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    ctx = test_client_ctx(&ca, set_level_2);
    test_leaves();
    test_weakness();
    test_ways();
    test_hostile_addresses();
    test_cas();
    test_others();
    test_revocation();
    test_bound();
    test_pin();
    test_server_role();
    iossl_ctx_free(ctx);
    test_identity_free(&ca);
    return done_testing();
}
