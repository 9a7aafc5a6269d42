/*
 * t_rules.c - the policy "strict": each of its rules broken by one certificate, which is refused
 * for just that, while the policy "default" lets it pass.
 */
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "iossl.h"
#include "support_cert.h"
#include "tap.h"

#define NAME "www.example.test"
#define KEY_IDS "subjectKeyIdentifier=hash|authorityKeyIdentifier=keyid"
#define CA_USE "keyUsage=critical,keyCertSign,cRLSign"
#define LEAF_USE "keyUsage=critical,digitalSignature|extendedKeyUsage=serverAuth"

static const test_cert_spec ROOT = {
    .common_name = "root", .is_ca = 1, .extensions = "subjectKeyIdentifier=hash|" CA_USE};
static const test_cert_spec MIDDLE = {
    .common_name = "middle", .is_ca = 1, .extensions = KEY_IDS "|" CA_USE};
static const test_cert_spec LEAF = {
    .altnames = "DNS:" NAME ",DNS:*.wild.test", .common_name = NAME,
    .extensions = KEY_IDS "|" LEAF_USE};

/* The verdict on a chain of these three; change: of the made leaf before it is judged. */
static iossl_status
judge(const char *policy, test_identity *made, const char *name, iossl_error *err)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);
    STACK_OF(X509) *chain = sk_X509_new_null();
    iossl_status status;
    iossl_ctx *ctx;

    if (chain == NULL || sk_X509_push(chain, made[1].cert) <= 0
        || iossl_config_set_policy(config, policy, NULL) != IOSSL_OK
        || iossl_config_set_no_default_ca(config, true, NULL) != IOSSL_OK
        || iossl_config_add_ca(config, made[0].cert, NULL) != IOSSL_OK
        || (ctx = iossl_ctx_new(config, err)) == NULL) {
        bail_out("no context");
        return IOSSL_ERROR;
    }
    status = iossl_verify_chain(ctx, IOSSL_CLIENT, made[2].cert, chain, name, 0, err);
    sk_X509_free(chain);
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    return status;
}

static void
make(test_identity *made, test_cert_spec root, test_cert_spec middle, test_cert_spec leaf)
{
    made[0] = test_identity_make(&root);
    middle.issuer = &made[0];
    made[1] = test_identity_make(&middle);
    leaf.issuer = &made[1];
    made[2] = test_identity_make(&leaf);
}

/* words NULL: strict accepts. lax: what the default says. */
static void
check(const char *what, const test_identity *made_of, const char *name, const char *words, bool lax)
{
    test_identity *made = (test_identity *)(uintptr_t)made_of;
    iossl_error *err = iossl_error_new();

    if (words == NULL) {
        is_int(judge("strict", made, name, err), IOSSL_OK, "%s: passes", what);
        is_str(iossl_error_message(err), "", "%s: without a word", what);
    } else {
        is_int(judge("strict", made, name, err), IOSSL_ERROR, "%s: refused", what);
        like(iossl_error_message(err), words, "%s: for that", what);
    }
    is_int(judge("default", made, name, NULL) == IOSSL_OK, lax, "%s: %s by default", what,
           lax ? "passes" : "refused");
    ok(ERR_peek_error() == 0, "%s: no error is left", what);
    iossl_error_free(err);
    for (int i = 0; i < 3; i++)
        test_identity_free(&made[i]);
}

typedef struct {
    const char *what;
    const char *words;      /* NULL: passes */
    int place;              /* of the certificate that is changed: 0 root, 1 middle, 2 leaf */
    test_cert_spec change;  /* what is set here takes the place of what that one has */
    const char *name;       /* NULL: NAME */
    bool refused_by_default;
} rule_case;

static test_cert_spec
changed(test_cert_spec spec, const test_cert_spec *change)
{
    if (change->common_name != NULL)
        spec.common_name = change->common_name[0] == '\0' ? NULL : change->common_name;
    if (change->altnames != NULL)
        spec.altnames = change->altnames[0] == '\0' ? NULL : change->altnames;
    if (change->extensions != NULL)
        spec.extensions = change->extensions;
    if (change->constraints != NULL)
        spec.constraints = change->constraints;
    if (change->key != NULL)
        spec.key = change->key;
    if (change->serial != 0)
        spec.serial = change->serial;
    spec.altnames_twice = change->altnames_twice;
    return spec;
}

static EVP_PKEY *
key_of_bits(unsigned bits)
{
    EVP_PKEY *key = iossl_key_new_rsa(bits, NULL);

    if (key == NULL)
        bail_out("no key");
    return key;
}

/* A key that says itself what it is for: BR 6.1.5 doesn't know it. */
static EVP_PKEY *
pss_key(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA_PSS, NULL);
    EVP_PKEY *key = NULL;

    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1
        || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) != 1 || EVP_PKEY_keygen(ctx, &key) != 1)
        bail_out("no RSA-PSS key");
    EVP_PKEY_CTX_free(ctx);
    return key;
}

#define LABEL_63 "x23456789012345678901234567890123456789012345678901234567890123"

static void
test_rules(void)
{
    EVP_PKEY *odd_size = key_of_bits(2050), *small_curve = iossl_key_new_ec("prime256v1", NULL);
    EVP_PKEY *strange_curve = iossl_key_new_ec("secp256k1", NULL);
    EVP_PKEY *ed25519 = iossl_key_new_ec("ED25519", NULL), *ed448 = iossl_key_new_ec("ED448", NULL);
    EVP_PKEY *p384 = iossl_key_new_ec("secp384r1", NULL), *p521 = iossl_key_new_ec("secp521r1", NULL);
    EVP_PKEY *pss = pss_key();
    const rule_case cases[] = {
        {"a plain chain", NULL, 2, {0}, NULL, false},
        {"an Ed25519 key", NULL, 2, {.key = ed25519}, NULL, false},
        {"a P-256 key", NULL, 2, {.key = small_curve}, NULL, false},
        {"an Ed448 key", NULL, 2, {.key = ed448}, NULL, false},
        {"a P-384 key", NULL, 2, {.key = p384}, NULL, false},
        {"a P-521 key", NULL, 2, {.key = p521}, NULL, false},
        {"an RSA-PSS key", "neither RSA", 2, {.key = pss}, NULL, false},
        {"a wildcard", NULL, 2, {0}, "a.wild.test", false},
        {"a mail address beside the name", NULL, 2, {.altnames = "DNS:" NAME ",email:a@b.test"}, NULL,
         false},
        {"a mail address without a host", "malformed or missing", 2,
         {.altnames = "DNS:" NAME ",email:a@"}, NULL, false},
        {"a mail address without a mailbox", "malformed or missing", 2,
         {.altnames = "DNS:" NAME ",email:@b.test"}, NULL, false},
        {"no mail address at all", "malformed or missing", 2,
         {.altnames = "DNS:" NAME ",email:nobody"}, NULL, false},
        {"a URI beside the name", NULL, 2, {.altnames = "DNS:" NAME ",URI:https://x.test/"}, NULL,
         false},
        {"an address of five bytes", "malformed or missing", 2,
         {.altnames = "DNS:" NAME ",rawip:\\x01\\x02\\x03\\x04\\x05"}, NULL, false},
        {"an address of IPv6", NULL, 2, {.altnames = "DNS:" NAME ",IP:2001:db8::1"}, NULL, false},
        {"a label of 63 bytes", NULL, 2, {.altnames = "DNS:" NAME ",DNS:" LABEL_63 ".test"}, NULL,
         false},
        {"a label of 64 bytes", "malformed or missing", 2,
         {.altnames = "DNS:" NAME ",DNS:" LABEL_63 "4.test"}, NULL, false},
        {"a name of more than 253 bytes", "malformed or missing", 2,
         {.altnames = "DNS:" NAME ",DNS:" LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 ".test"},
         NULL, false},
        {"an empty label", "malformed or missing", 2, {.altnames = "DNS:" NAME ",DNS:a..test"}, NULL,
         false},
        {"a hyphen at the end", "malformed or missing", 2, {.altnames = "DNS:" NAME ",DNS:a-.test"},
         NULL, false},
        {"a hyphen at the beginning", "malformed or missing", 2,
         {.altnames = "DNS:" NAME ",DNS:-a.test"}, NULL, false},
        {"a hyphen within", NULL, 2, {.altnames = "DNS:" NAME ",DNS:a-b.test"}, NULL, false},
        {"an empty name", "malformed or missing", 2, {.altnames = "DNS:" NAME ",DNS:"}, NULL, false},
        {"an extension that nobody knows", NULL, 2,
         {.extensions = KEY_IDS "|" LEAF_USE "|1.2.3.4=DER:0500"}, NULL, false},
        {"a list of timestamps, empty", NULL, 2,
         {.extensions = KEY_IDS "|" LEAF_USE "|1.3.6.1.4.1.11129.2.4.2=DER:04020000"}, NULL, false},
        {"an issuer's name in the authorityKeyIdentifier", "authorityKeyIdentifier", 2,
         {.extensions = "subjectKeyIdentifier=hash|authorityKeyIdentifier=keyid,issuer:always|" LEAF_USE},
         NULL, false},
        {"a root that names its own key", NULL, 0,
         {.extensions = "subjectKeyIdentifier=hash|authorityKeyIdentifier=keyid:always|" CA_USE}, NULL,
         false},
        {"a root that names another key", "authorityKeyIdentifier", 0,
         {.extensions = "subjectKeyIdentifier=hash|authorityKeyIdentifier=DER:30068004AABBCCDD|" CA_USE},
         NULL, false},
        {"no subject, and names that say so", NULL, 2,
         {.common_name = "", .altnames = "",
          .extensions = KEY_IDS "|" LEAF_USE "|subjectAltName=critical,DNS:" NAME}, NULL, false},
        {"no subject, and names that aren't critical", "critical", 2,
         {.common_name = ""}, NULL, false},
        {"constraints on addresses", NULL, 1,
         {.constraints = "critical,excluded;IP:10.0.0.0/255.0.0.0,excluded;email:x.test"}, NULL, false},
        {"a commonName with a colon", "names another host", 2, {.common_name = "a:b"}, NULL, false},
        {"a commonName that ends in a hexadecimal number", "names another host", 2,
         {.common_name = "127.0x1"}, NULL, false},
        {"a commonName of IPv6", NULL, 2,
         {.common_name = "2001:db8::1", .altnames = "IP:2001:db8::1"}, "2001:db8::1", false},
        {"a commonName of words where no host is named", NULL, 2,
         {.common_name = "some machine", .altnames = "IP:192.0.2.1"}, "192.0.2.1", false},
        {"a commonName that is the end of a name, not its domain", "names another host", 2,
         {.common_name = "xample.test"}, NULL, false},
        {"a negative serial number", "serial number", 2, {.serial = -1}, NULL, false},
        {"an RSA key of 2050 bits", "neither RSA", 2, {.key = odd_size}, NULL, false},
        {"a curve nobody uses", "neither RSA", 1, {.key = strange_curve}, NULL, false},
        {"no extendedKeyUsage", "extendedKeyUsage", 2,
         {.extensions = KEY_IDS "|keyUsage=critical,digitalSignature"}, NULL, false},
        {"any extendedKeyUsage", "extendedKeyUsage", 2,
         {.extensions = KEY_IDS "|extendedKeyUsage=serverAuth,anyExtendedKeyUsage"}, NULL, false},
        {"a critical extendedKeyUsage", "extendedKeyUsage", 2,
         {.extensions = KEY_IDS "|extendedKeyUsage=critical,serverAuth"}, NULL, false},
        {"a root with an extendedKeyUsage", "a root with", 0,
         {.extensions = "subjectKeyIdentifier=hash|" CA_USE "|extendedKeyUsage=serverAuth"}, NULL,
         false},
        {"a leaf that is a CA", "CA certificate shown", 2,
         {.extensions = KEY_IDS "|" LEAF_USE "|basicConstraints=critical,CA:TRUE"}, NULL, false},
        {"no key identifiers", "Identifier", 2, {.extensions = LEAF_USE}, NULL, false},
        {"an empty authorityInfoAccess", "authorityInfoAccess", 2,
         {.extensions = KEY_IDS "|" LEAF_USE "|authorityInfoAccess=DER:3000"}, NULL, false},
        {"a malformed authorityInfoAccess", "extension that is malformed", 2,
         {.extensions = KEY_IDS "|" LEAF_USE "|authorityInfoAccess=DER:0102"}, NULL, false},
        {"an extension twice", "", 2, {.altnames_twice = 1}, NULL, true},   /* OpenSSL sees to that */
        {"constraints that aren't critical", "aren't critical", 1,
         {.constraints = "permitted;DNS:example.test,permitted;DNS:wild.test"}, NULL, false},
        {"constraints that are critical", NULL, 1,
         {.constraints = "critical,permitted;DNS:example.test,permitted;DNS:wild.test"}, NULL,
         false},
        {"constraints that begin with a dot", "empty or malformed", 1,
         {.constraints = "critical,permitted;DNS:.example.test,permitted;DNS:wild.test"}, NULL,
         false},
        {"empty constraints", "empty or malformed", 1,
         {.extensions = KEY_IDS "|" CA_USE "|nameConstraints=critical,DER:3000"}, NULL, false},
        {"constraints in a leaf", "certificate of no CA", 2,
         {.extensions = KEY_IDS "|" LEAF_USE "|nameConstraints=critical,permitted;DNS:x.test"},
         NULL, false},
        {"a wildcard over an excluded name", "which a CA's constraints exclude", 1,
         {.constraints = "critical,excluded;DNS:a.wild.test"}, "b.wild.test", false},
        {"the excluded name itself", "which a CA's constraints exclude", 1,
         {.constraints = "critical,excluded;DNS:a.wild.test"}, "a.wild.test", true},
        {"another excluded name", NULL, 1,
         {.constraints = "critical,excluded;DNS:a.tame.test"}, "a.wild.test", false},
        {"no alternative names", "malformed or missing", 2, {.altnames = ""}, NULL, false},
        {"an underscore", "malformed or missing", 2, {.altnames = "DNS:" NAME ",DNS:a_b.test"},
         NULL, false},
        {"a partial wildcard", "malformed or missing", 2, {.altnames = "DNS:" NAME ",DNS:w*.x.test"},
         NULL, false},
        {"critical alternative names beside a subject", "critical beside", 2,
         {.altnames = "", .extensions = KEY_IDS "|" LEAF_USE "|subjectAltName=critical,DNS:" NAME},
         NULL, false},
        {"another commonName", "names another host", 2, {.common_name = "other.test"}, NULL, false},
        {"a commonName in capitals", "names another host", 2,
         {.common_name = "WWW.EXAMPLE.TEST"}, NULL, false},
        {"the domain as commonName", NULL, 2, {.common_name = "example.test"}, NULL, false},
        {"an address in other words", "names another host", 2,
         {.common_name = "127.000.000.001", .altnames = "IP:127.0.0.1"}, "127.0.0.1", false},
        {"an address as it is written", NULL, 2,
         {.common_name = "127.0.0.1", .altnames = "IP:127.0.0.1"}, "127.0.0.1", false},
        {"a commonName asked for", "hostname verification failed", 2,
         {.common_name = "example.test"}, "example.test", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const rule_case *c = &cases[i];
        test_cert_spec specs[3] = {ROOT, MIDDLE, LEAF};
        test_identity made[3];

        specs[c->place] = changed(specs[c->place], &c->change);
        make(made, specs[0], specs[1], specs[2]);
        check(c->what, made, c->name == NULL ? NAME : c->name, c->words, !c->refused_by_default);
    }
    EVP_PKEY_free(odd_size);
    EVP_PKEY_free(small_curve);
    EVP_PKEY_free(strange_curve);
    EVP_PKEY_free(ed25519);
    EVP_PKEY_free(ed448);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(p521);
    EVP_PKEY_free(pss);
}

/* A server under the same rules: a client's certificate is for clients, and needs no host names. */
static void
test_client_certificates(void)
{
    static const struct {
        const char *extensions, *altnames, *words, *what;
    } cases[] = {
        {KEY_IDS "|keyUsage=critical,digitalSignature|extendedKeyUsage=clientAuth", NULL, NULL,
         "a client's certificate without alternative names"},
        {KEY_IDS "|keyUsage=critical,digitalSignature|extendedKeyUsage=clientAuth", "email:a@b.test",
         NULL, "one with a mail address"},
        {KEY_IDS "|keyUsage=critical,digitalSignature|extendedKeyUsage=clientAuth", "email:a",
         "malformed or missing", "one with a malformed one"},
        {KEY_IDS "|" LEAF_USE, NULL, "certificate purpose", "a server's"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iossl_config *config = iossl_config_new(IOSSL_SERVER, NULL);
        iossl_error *err = iossl_error_new();
        STACK_OF(X509) *chain = sk_X509_new_null();
        test_cert_spec spec = LEAF;
        test_identity made[3];
        iossl_ctx *ctx;

        spec.common_name = "some client";
        spec.extensions = cases[i].extensions;
        spec.altnames = cases[i].altnames;
        make(made, ROOT, MIDDLE, spec);
        if (sk_X509_push(chain, made[1].cert) <= 0
            || iossl_config_set_policy(config, "strict", NULL) != IOSSL_OK
            || iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER, NULL) != IOSSL_OK
            || iossl_config_set_no_default_ca(config, true, NULL) != IOSSL_OK
            || iossl_config_add_ca(config, made[0].cert, NULL) != IOSSL_OK
            || (ctx = iossl_ctx_new(config, err)) == NULL)
            bail_out("no context");
        else {
            is_int(iossl_verify_chain(ctx, IOSSL_SERVER, made[2].cert, chain, NULL, 0, err),
                   cases[i].words == NULL ? IOSSL_OK : IOSSL_ERROR, "at a server: %s: %s", cases[i].what,
                   cases[i].words == NULL ? "passes" : "refused");
            like(iossl_error_message(err), cases[i].words == NULL ? "" : cases[i].words,
                 "for what it is");
            iossl_ctx_free(ctx);
        }
        sk_X509_free(chain);
        iossl_config_free(config);
        iossl_error_free(err);
        for (int k = 0; k < 3; k++)
            test_identity_free(&made[k]);
    }
}

static void
test_policies(void)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);
    iossl_error *err = iossl_error_new();

    is_int(iossl_config_set_policy(config, "lenient", err), IOSSL_ERROR,
           "a policy that isn't there is refused");
    like(iossl_error_message(err), "known are default, strict", "and those that are get named");
    iossl_error_free(err);
    iossl_config_free(config);
}

/* A hundred are enough for everybody. */
static void
test_many_extensions(void)
{
    static const struct {
        int more;
        const char *words;
    } ROWS[] = {{80, NULL}, {101, "more than 100 extensions"}};

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char extensions[4096] = KEY_IDS "|" LEAF_USE;
        test_cert_spec leaf = LEAF;
        test_identity made[3];

        for (int k = 0; k < ROWS[i].more; k++) {
            size_t len = strlen(extensions);

            (void)snprintf(extensions + len, sizeof extensions - len, "|1.2.3.4.%d=DER:0500", k);
        }
        leaf.extensions = extensions;
        make(made, ROOT, MIDDLE, leaf);
        check(ROWS[i].words == NULL ? "many extensions" : "too many extensions", made, NAME, ROWS[i].words,
              true);
    }
}

int
main(void)
{
    tap_start();
    test_policies();
    test_rules();
    test_client_certificates();
    test_many_extensions();
    return done_testing();
}
