/*
 * t_faults_memory_engine.c - keys and certificates by the URI of an engine, with each allocation failing in
 * turn: see faulty_memory.h.
 *
 * OpenSSL 3 deprecates all that makes engines: see t_engine.c.
 */
#undef OPENSSL_NO_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/opensslconf.h>

#include "tap.h"

#if defined(OPENSSL_NO_ENGINE) || !defined(__linux__)

TAP_SKIPPED_MAIN("this OpenSSL has no engines, or this linker no --wrap")

#else

#include "faulty_memory.h"

#include <openssl/engine.h>

#include "support_cert.h"
#include "support_openssl.h"

#define URI "org.openssl.engine:iossl-test:"
#define PIN "pin-value=98765"

enum { LOAD_CERT = ENGINE_CMD_BASE };

static const ENGINE_CMD_DEFN COMMANDS[] = {
    {LOAD_CERT, "LOAD_CERT_CTRL", "Get the certificate", ENGINE_CMD_FLAG_INTERNAL},
    {0, NULL, NULL, 0},
};

static test_identity mine;

static EVP_PKEY *
load_key(ENGINE *engine, const char *id, UI_METHOD *method, void *arg)
{
    (void)engine, (void)method, (void)arg;
    if (strncmp(id, "there", 5) != 0) {
        ERR_raise_data(ERR_LIB_ENGINE, ENGINE_R_FAILED_LOADING_PRIVATE_KEY, "no key for %s", id);
        return NULL;
    }
    EVP_PKEY_up_ref(mine.key);
    return mine.key;
}

static int
control(ENGINE *engine, int command, long number, void *p, void (*f)(void))
{
    struct {
        const char *id;
        X509 *cert;
    } *wanted = p;

    (void)engine, (void)number, (void)f;
    if (command != LOAD_CERT || strncmp(wanted->id, "there", 5) != 0)
        return 0;
    X509_up_ref(mine.cert);
    wanted->cert = mine.cert;
    return 1;
}

static void
unless_it_failed(bool worked, const char *sentence)
{
    promise(worked || atomic_load(&failed) > 0, sentence);
}

static void
tells_no_pin(iossl_error *err)
{
    promise(strstr(iossl_error_message(err), PIN) == NULL, "no error has the PIN");
    iossl_error_clear(err);
}

static void
run_keys(iossl_error *err)
{
    EVP_PKEY *key = NULL;

    unless_it_failed(good(iossl_key_load(&key, URI "there;" PIN, NULL, NULL, err), err), "a key");
    EVP_PKEY_free(key);
    tells_no_pin(err);
    promise(!good(iossl_key_load(&key, URI "missing;" PIN, NULL, NULL, err), err) && key == NULL,
            "a key that isn't there isn't had");
    tells_no_pin(err);
}

static void
run_certificates(iossl_error *err)
{
    iossl_identity *identity = NULL;

    unless_it_failed(good(iossl_identity_load(&identity, URI "there;" PIN, NULL, NULL, err), err),
                     "a certificate");
    iossl_identity_free(identity);
    tells_no_pin(err);
    promise(!good(iossl_identity_load(&identity, URI "missing;" PIN, NULL, NULL, err), err)
                && identity == NULL, "a certificate that isn't there isn't had");
    tells_no_pin(err);
}

static void
run_checks(iossl_error *err)
{
    static const char *const NAMES[] = {URI "there;" PIN, "org.openssl.engine:none:x;" PIN, "none:x;" PIN};
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);

    (void)made(config, err);
    for (size_t i = 0; config != NULL && i < sizeof NAMES / sizeof NAMES[0]; i++) {
        bool is_taken = good(iossl_config_add_key_file(config, NULL, NAMES[i], err), err);

        unless_it_failed(is_taken == (i == 0), "what can be loaded is taken, and nothing else");
        tells_no_pin(err);
    }
    iossl_config_free(config);
}

static void
make_fixtures(void)
{
    ENGINE *engine = ENGINE_new();

    mine = test_identity_make(&(test_cert_spec){.common_name = "mine"});
    if (engine == NULL || ENGINE_set_id(engine, "iossl-test") != 1
        || ENGINE_set_name(engine, "of a test") != 1
        || ENGINE_set_load_privkey_function(engine, load_key) != 1
        || ENGINE_set_ctrl_function(engine, control) != 1 || ENGINE_set_cmd_defns(engine, COMMANDS) != 1
        || ENGINE_add(engine) != 1)
        bail_out("an engine");
    (void)ENGINE_free(engine);          /* the list has it */
}

int
main(void)
{
    static const scenario SCENARIOS[] = {
        {"keys of an engine", run_keys},
        {"certificates of an engine", run_certificates},
        {"what can be loaded by URI", run_checks},
    };

    return faulty_memory_test(SCENARIOS, sizeof SCENARIOS / sizeof SCENARIOS[0], make_fixtures);
}

#endif
