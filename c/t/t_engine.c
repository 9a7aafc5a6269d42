/*
 * t_engine.c - keys and certificates out of an engine: one of the test's own, which asks for a PIN as those
 * of tokens do.
 *
 * OpenSSL 3 deprecates all that makes engines: they are made in this one test.
 */
#undef OPENSSL_NO_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/opensslconf.h>

#include "tap.h"

#ifdef OPENSSL_NO_ENGINE

TAP_SKIPPED_MAIN("this OpenSSL has no engines")

#else

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>

#include "compat.h"
#include "iossl.h"
#include "library.h"
#include "support_openssl.h"
#include "support_pair.h"

#define OURS "org.openssl.engine:iossl-test:"
#define PIN "12345678"

enum { LOAD_CERT = ENGINE_CMD_BASE, QUIET };

static const ENGINE_CMD_DEFN COMMANDS[] = {
    {LOAD_CERT, "LOAD_CERT_CTRL", "Get the certificate", ENGINE_CMD_FLAG_INTERNAL},
    {QUIET, "QUIET", "Say nothing", ENGINE_CMD_FLAG_NO_INPUT},
    {0, NULL, NULL, 0},
};

static test_identity ca, leaf;
static int n_begun, n_ended, n_quiet, n_asked;

/* ---- The engine ------------------------------------------------------------------------------ */

static int
begins(ENGINE *engine)
{
    (void)engine;
    n_begun++;
    return 1;
}

static int
begins_not(ENGINE *engine)
{
    (void)engine;
    return 0;
}

static int
ends(ENGINE *engine)
{
    (void)engine;
    n_ended++;
    return 1;
}

/* "token": the key is behind a PIN; "open": it isn't; others aren't there. */
static EVP_PKEY *
load_key(ENGINE *engine, const char *id, UI_METHOD *method, void *arg)
{
    char pin[32] = "";
    UI *ui = NULL;
    bool is_good = strstr(id, "open") != NULL;

    (void)engine;
    if (strstr(id, "token") != NULL && (ui = UI_new_method(method)) != NULL) {
        UI_add_user_data(ui, arg);
        is_good = UI_add_input_string(ui, "PIN", 0, pin, 4, sizeof pin - 1) >= 0 && UI_process(ui) == 0
                  && strcmp(pin, PIN) == 0;
    }
    UI_free(ui);
    if (!is_good) {             /* as engines are, it tells all that it knows */
        ERR_raise(ERR_LIB_ENGINE, ENGINE_R_FAILED_LOADING_PRIVATE_KEY);
        ERR_add_error_data(2, "no key for ", id);
        return NULL;
    }
    EVP_PKEY_up_ref(leaf.key);
    return leaf.key;
}

static int
control(ENGINE *engine, int command, long number, void *p, void (*f)(void))
{
    struct {
        const char *id;
        X509 *cert;
    } *wanted = p;

    (void)engine, (void)number, (void)f;
    if (command == QUIET) {
        n_quiet++;
        return 1;
    }
    if (command != LOAD_CERT || strstr(wanted->id, "missing") != NULL)
        return 0;
    X509_up_ref(leaf.cert);
    wanted->cert = leaf.cert;
    return 1;
}

static void
add_engine(const char *id, int (*begin)(ENGINE *))
{
    ENGINE *engine = ENGINE_new();

    if (engine == NULL || ENGINE_set_id(engine, id) != 1 || ENGINE_set_name(engine, "of a test") != 1
        || ENGINE_set_init_function(engine, begin) != 1 || ENGINE_set_finish_function(engine, ends) != 1
        || ENGINE_set_load_privkey_function(engine, load_key) != 1
        || ENGINE_set_ctrl_function(engine, control) != 1 || ENGINE_set_cmd_defns(engine, COMMANDS) != 1
        || ENGINE_add(engine) != 1)
        bail_out("an engine");
    (void)ENGINE_free(engine);          /* the list has it */
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static int
give_pin(void *arg, char *buf, int size)
{
    n_asked++;
    if (arg == NULL)
        return -1;
    (void)snprintf(buf, (size_t)size, "%s", (const char *)arg);
    return (int)strlen(buf);
}

static void
test_keys(void)
{
    iossl_error *err = iossl_error_new();
    EVP_PKEY *key = NULL;

    is_int(iossl_key_load(&key, OURS "open", NULL, NULL, err), IOSSL_OK, "a key%s", iossl_error_message(err));
    ok(key == leaf.key, "the engine's");
    EVP_PKEY_free(key);
    is_int(iossl_key_load(&key, OURS "token", give_pin, (void *)PIN, err), IOSSL_OK, "one behind a PIN");
    ok(key == leaf.key && n_asked == 1, "for which the password callback was asked, once");
    EVP_PKEY_free(key);
    ok(n_quiet == n_begun && n_begun == n_ended, "engines are told to be quiet, and end");
    iossl_error_free(err);
}

static void
test_no_keys(void)
{
    static const struct {
        const char *uri;
        iossl_passwd_cb cb;
        const char *pin, *word;
    } TABLE[] = {
        {OURS "nothing?pin-value=98765", NULL, NULL, "no private key is there"},
        {OURS "token?pin-value=98765", NULL, NULL, "there is no callback to ask (SSL_passwd_cb)"},
        {OURS "token?pin-value=98765", give_pin, NULL, "the password callback gave none"},
        {OURS "token?pin-value=98765", give_pin, "00000000", "the password or PIN is wrong"},
        {"org.openssl.engine:iossl-sick:open?pin-value=98765", NULL, NULL, "no private key is there"},
        {"org.openssl.engine:none", NULL, NULL, "No such file"},
    };

    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        iossl_error *err = iossl_error_new();
        EVP_PKEY *key = NULL;

        is_int(iossl_key_load(&key, TABLE[i].uri, TABLE[i].cb, (void *)TABLE[i].pin, err), IOSSL_ERROR,
               "%s", TABLE[i].uri);
        ok(key == NULL && iossl_error_get_code(err) == IOSSL_E_KEY, "no key");
        like(iossl_error_message(err), TABLE[i].word, "why");
        ok(strstr(iossl_error_message(err), "98765") == NULL, "without the PIN");
        ok(ERR_peek_error() == 0, "no error is left behind");
        iossl_error_free(err);
    }
}

static void
test_certificates(void)
{
    iossl_error *err = iossl_error_new();
    iossl_identity *identity = NULL;

    is_int(iossl_identity_load(&identity, OURS "open", NULL, NULL, err), IOSSL_OK, "a certificate");
    ok(identity != NULL && X509_cmp(identity->cert, leaf.cert) == 0 && identity->key == NULL, "and that alone");
    iossl_identity_free(identity);
    is_int(iossl_identity_load(&identity, OURS "missing;pin-value=98765;x", NULL, NULL, err), IOSSL_ERROR, "none");
    is_int(iossl_error_get_code(err), IOSSL_E_CERT, "its code");
    like(iossl_error_message(err), "missing;pin-value=*****;x: no certificate is there", "why");
    ok(identity == NULL && ERR_peek_error() == 0, "nothing is left behind");
    iossl_error_clear(err);
    is_int(iossl_identity_load(&identity, "org.openssl.engine:iossl-sick:open", NULL, NULL, err), IOSSL_ERROR,
           "of an engine that can't begin");
    is_int(iossl_error_get_code(err), IOSSL_E_CERT, "none, either");
    iossl_error_free(err);
}

/* Where no provider has a store for tokens, the engine of that name is asked. */
static const char *scheme;

static void
by_uri(iossl_config *config)
{
    iossl_error *err = iossl_error_new();
    char uri[64];

    (void)snprintf(uri, sizeof uri, "%sobject=open;pin-value=98765", scheme);
    if (iossl_config_add_cert_file(config, NULL, uri, err) != IOSSL_OK
        || iossl_config_add_key_file(config, NULL, uri, err) != IOSSL_OK)
        bail_out(iossl_error_message(err));
    iossl_error_free(err);
}

static void
test_handshake(const char *by_scheme)
{
    iossl_ctx *client = test_client_ctx(&ca, NULL), *server;
    test_pair pair;

    scheme = by_scheme;
    server = test_server_ctx(NULL, by_uri);
    pair = test_pair_new(client, server, "www.example.test");
    ok(test_pair_shake(&pair), "%s: a server with key and certificate of an engine", by_scheme);
    test_pair_free(&pair);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.common_name = "www.example.test",
        .altnames = "DNS:www.example.test", .issuer = &ca});
    add_engine("iossl-test", begins);
    add_engine("iossl-sick", begins_not);
    ok(iossl_can_uri(OURS "x"), "an engine that is there");
    ok(!iossl_can_uri("org.openssl.engine:iossl-tes:x") && !iossl_can_uri("org.openssl.engine:iossl-test"),
       "others aren't, and one has to say for what");
    test_keys();
    test_no_keys();
    test_certificates();
    test_handshake(OURS);
    add_engine("pkcs11", begins);       /* before anybody asks for it, which would load that of the system */
    if (iossl_compat_has_store("pkcs11", iossl_library_default())) {
        skip(2, "a provider has a store for pkcs11: on this system");
    } else {
        ok(iossl_can_uri("pkcs11:"), "tokens can be had");
        test_handshake("pkcs11:");
    }
    test_identity_free(&ca);
    test_identity_free(&leaf);
    return done_testing();
}

#endif
