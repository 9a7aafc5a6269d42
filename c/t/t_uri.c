/*
 * t_uri.c - certificates and keys by URI: which names are URIs, and what is said of those that fail.
 * Tokens are in t/uri.t.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static char dir[] = "/tmp/iossl-uri-XXXXXX";
static test_identity ca, leaf;

static const char *
uri_of(const char *name)
{
    static char uri[128];

    (void)snprintf(uri, sizeof uri, "file:%s/%s", dir, name);
    return uri;
}

static FILE *
create(const char *name)
{
    FILE *f = fopen(uri_of(name) + strlen("file:"), "w");

    if (f == NULL)
        bail_out("a file");
    return f;
}

static void
make_files(void)
{
    FILE *f = create("both.pem");

    if (PEM_write_X509(f, leaf.cert) != 1 || PEM_write_X509(f, ca.cert) != 1
        || PEM_write_PrivateKey(f, leaf.key, NULL, NULL, 0, NULL, NULL) != 1)
        bail_out("both");
    (void)fclose(f);
    f = create("locked.pem");
    if (PEM_write_PKCS8PrivateKey(f, leaf.key, EVP_aes_128_cbc(), NULL, 0, NULL, (void *)"secret") != 1)
        bail_out("locked");
    (void)fclose(f);
    f = create("cert.pem");
    if (PEM_write_X509(f, leaf.cert) != 1)
        bail_out("cert");
    (void)fclose(f);
    f = create("key.pem");
    if (PEM_write_PrivateKey(f, leaf.key, NULL, NULL, 0, NULL, NULL) != 1)
        bail_out("key");
    (void)fclose(f);
    f = create("public.pem");
    if (PEM_write_PUBKEY(f, leaf.key) != 1)
        bail_out("public");
    (void)fclose(f);
}

static void
test_loaded(void)
{
    iossl_error *err = iossl_error_new();
    iossl_identity *identity = NULL;
    EVP_PKEY *key = NULL;

    is_int(iossl_identity_load(&identity, uri_of("both.pem"), NULL, NULL, err), IOSSL_OK, "a chain: %s",
           iossl_error_message(err));
    ok(identity != NULL && X509_cmp(identity->cert, leaf.cert) == 0, "its leaf");
    is_int(identity == NULL ? 0 : sk_X509_num(identity->chain), 1, "and the rest");
    ok(identity != NULL && identity->key != NULL, "with the key beside it");
    iossl_identity_free(identity);
    is_int(iossl_key_load(&key, uri_of("both.pem"), NULL, NULL, err), IOSSL_OK, "a key behind certificates");
    EVP_PKEY_free(key);
    is_int(iossl_key_load(&key, uri_of("cert.pem"), NULL, NULL, err), IOSSL_ERROR, "no key");
    is_int(iossl_error_get_code(err), IOSSL_E_KEY, "is told: %s", iossl_error_message(err));
    ok(key == NULL && ERR_peek_error() == 0, "and nothing is left");
    iossl_error_free(err);
}

/* Other forms of the same, and what is of another kind. */
static void
test_forms(void)
{
    static const struct {
        const char *before, *name, *word;
    } TABLE[] = {
        {"file://", "both.pem", NULL},
        {"file://localhost", "both.pem", NULL},
        {"FiLe:", "both.pem", NULL},
        {"file://elsewhere", "both.pem", "no certificate is there"},
        {"file:", "key.pem", "it holds a private key, no certificate"},
        {"file:", "public.pem", "no certificate is there"},
        {"strange:", "both.pem", "no certificate is there"},
    };

    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        iossl_error *err = iossl_error_new();
        iossl_identity *identity = NULL;
        char uri[160];

        (void)snprintf(uri, sizeof uri, "%s%s", TABLE[i].before, uri_of(TABLE[i].name) + strlen("file:"));
        is_int(iossl_identity_load(&identity, uri, NULL, NULL, err),
               TABLE[i].word == NULL ? IOSSL_OK : IOSSL_ERROR, "%s", uri);
        if (TABLE[i].word != NULL)
            like(iossl_error_message(err), TABLE[i].word, "why not");
        else
            ok(identity != NULL && X509_cmp(identity->cert, leaf.cert) == 0, "its leaf");
        ok(ERR_peek_error() == 0, "no error is left behind");
        iossl_identity_free(identity);
        iossl_error_free(err);
    }
}

static void
test_no_key(void)
{
    static const char *const NAMES[] = {"public.pem", "cert.pem"};

    for (size_t i = 0; i < 2; i++) {
        iossl_error *err = iossl_error_new();
        EVP_PKEY *key = NULL;

        is_int(iossl_key_load(&key, uri_of(NAMES[i]), NULL, NULL, err), IOSSL_ERROR, "%s", NAMES[i]);
        like(iossl_error_message(err), "no private key is there", "why not");
        ok(key == NULL && ERR_peek_error() == 0, "nothing is left behind");
        iossl_error_free(err);
    }
}

static int asked;

static int
password(void *arg, char *buf, int size)
{
    asked++;
    (void)snprintf(buf, (size_t)size, "%s", (const char *)arg);
    return (int)strlen(buf);
}

static int
no_password(void *arg, char *buf, int size)
{
    (void)arg, (void)buf, (void)size;
    return -1;
}

static void
test_passwords(void)
{
    iossl_error *err = iossl_error_new();
    EVP_PKEY *key = NULL;

    is_int(iossl_key_load(&key, uri_of("locked.pem"), password, (void *)"secret", err), IOSSL_OK, "unlocked");
    is_int(asked, 1, "asked once");
    EVP_PKEY_free(key);
    is_int(iossl_key_load(&key, uri_of("locked.pem"), password, (void *)"wrong", err), IOSSL_ERROR, "wrong");
    ok(strstr(iossl_error_message(err), "password or PIN is wrong") != NULL, "%s", iossl_error_message(err));
    iossl_error_clear(err);
    is_int(iossl_key_load(&key, uri_of("locked.pem"), no_password, NULL, err), IOSSL_ERROR, "no answer");
    like(iossl_error_message(err), "the password callback gave none", "why not");
    iossl_error_clear(err);
    is_int(iossl_key_load(&key, uri_of("locked.pem"), NULL, NULL, err), IOSSL_ERROR, "nobody to ask");
    ok(strstr(iossl_error_message(err), "SSL_passwd_cb") != NULL, "%s", iossl_error_message(err));
    iossl_error_free(err);
}

/* By a server, which shows what came of it. */
static void
from_uri(iossl_config *config)
{
    if (iossl_config_add_cert_file(config, NULL, uri_of("both.pem"), NULL) != IOSSL_OK)
        bail_out("a URI");
}

static void
test_handshake(void)
{
    iossl_ctx *client = test_client_ctx(&ca, NULL), *server = NULL;
    iossl_config *config = iossl_config_new(IOSSL_SERVER, NULL);
    test_pair pair;

    from_uri(config);
    server = iossl_ctx_new(config, NULL);
    pair = test_pair_new(client, server, "www.example.test");
    ok(test_pair_shake(&pair), "certificate, chain and key by one URI");
    is_int(sk_X509_num(iossl_conn_get0_peer_chain(pair.client)), 2, "the chain was sent");
    test_pair_free(&pair);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    iossl_config_free(config);
}

static void
test_names(void)
{
    static const struct {
        const char *name;
        iossl_error_code code;
        const char *word;
    } TABLE[] = {
        {"strange:x", IOSSL_E_USAGE, "no store for \"strange:\""},
        {"s:x", IOSSL_E_USAGE, "No such file"},                     /* one letter is no scheme */
        {"1ab:x", IOSSL_E_USAGE, "No such file"},
        {"strange:", IOSSL_E_USAGE, "No such file"},
        {"file:/nonexistent/x", IOSSL_E_USAGE, "file:/nonexistent/x can't be used: No such file"},
        {"FILE:/nonexistent/x", IOSSL_E_USAGE, "No such file"},
        {"org.openssl.engine:nonexistent:pkcs11:x?pin-value=98765&y", IOSSL_E_UNSUPPORTED,
         "pin-value=*****&y can't be used"},
    };
    iossl_config *config = iossl_config_new(IOSSL_SERVER, NULL);

    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        iossl_error *err = iossl_error_new();

        is_int(iossl_config_add_key_file(config, NULL, TABLE[i].name, err), IOSSL_ERROR, "%s", TABLE[i].name);
        is_int(iossl_error_get_code(err), TABLE[i].code, "its kind");
        ok(strstr(iossl_error_message(err), TABLE[i].word) != NULL, "%s", iossl_error_message(err));
        iossl_error_free(err);
    }
    iossl_config_free(config);
    ok(iossl_can_uri("file:"), "files can be loaded");
    ok(!iossl_can_uri("strange:x") && !iossl_can_uri("") && !iossl_can_uri("x"), "others can't");
    ok(!iossl_can_uri("org.openssl.engine:nonexistent:x"), "nor from an engine that isn't there");
    ok(ERR_peek_error() == 0, "no error is left behind");
}

/* OpenSSL repeats the URI in its reasons, which are cut off somewhere, perhaps in the PIN. */
static void
test_long(void)
{
    int n_told = 0, n_hidden = 0;

    for (int len = 300; len < 520; len++) {
        iossl_error *err = iossl_error_new();
        EVP_PKEY *key = NULL;
        char uri[640];

        (void)snprintf(uri, sizeof uri, "file:/nonexistent/%0*d?pin-value=98765", len, 0);
        if (iossl_key_load(&key, uri, NULL, NULL, err) == IOSSL_OK)
            bail_out("a key out of nothing");
        n_told += strstr(iossl_error_message(err), "pin-value=9") != NULL;
        n_hidden += strstr(iossl_error_message(err), "pin-value=*****") != NULL;
        iossl_error_free(err);
    }
    is_int(n_told, 0, "no beginning of a PIN is told, wherever a reason ends");
    is_int(n_hidden, 220, "... but stars");
}

int
main(void)
{
    const test_cert_spec ca_spec = {.common_name = "CA", .is_ca = 1};
    const test_cert_spec leaf_spec = {.common_name = "www.example.test",
                                      .altnames = "DNS:www.example.test", .issuer = &ca};
    static const char *const FILES[] = {"both.pem", "locked.pem", "cert.pem", "key.pem", "public.pem"};

    tap_start();
    if (mkdtemp(dir) == NULL)
        bail_out("a folder");
    ca = test_identity_make(&ca_spec);
    leaf = test_identity_make(&leaf_spec);
    make_files();
    test_loaded();
    test_long();
    test_forms();
    test_no_key();
    test_passwords();
    test_handshake();
    test_names();
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++)
        (void)unlink(uri_of(FILES[i]) + strlen("file:"));
    (void)rmdir(dir);
    test_identity_free(&ca);
    test_identity_free(&leaf);
    return done_testing();
}
