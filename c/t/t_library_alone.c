/*
 * t_library_alone.c - a library context with providers of its own, in a process whose default context has
 * none: whatever went by the default would fail here. And the other way round: by the default, each place
 * fails, and says what at.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "bundle.h"
#include "castore.h"
#include "certs.h"
#include "compat.h"
#include "fingerprint.h"
#include "iossl.h"
#include "library.h"
#include "ocsp.h"
#include "ocsp_id.h"
#include "support_files.h"
#include "support_ocsp.h"
#include "support_pair.h"
#include "tap.h"

#if OPENSSL_VERSION_NUMBER < 0x30000000L

TAP_SKIPPED_MAIN("no library contexts before OpenSSL 3")

#else

#include <openssl/provider.h>

static OSSL_LIB_CTX *own;
static const iossl_library *library;
static const char *version, *tlsa, *pin;

/* ---- What there is, made by a process that can --------------------------------------------------- */

static void
write_key(const char *name, EVP_PKEY *key, bool encrypted)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if ((encrypted ? i2d_PKCS8PrivateKey_bio(bio, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL)
                   : PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) != 1)
        bail_out("key");
    (void)test_write_bio(name, bio);
}

static void
write_certs(const char *name, X509 *first, X509 *second)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (PEM_write_bio_X509(bio, first) != 1 || (second != NULL && PEM_write_bio_X509(bio, second) != 1))
        bail_out("certificate");
    (void)test_write_bio(name, bio);
}

static void
write_response(const char *name, const test_ocsp_spec *spec)
{
    size_t len;
    unsigned char *der = test_ocsp_response(spec, &len);

    (void)test_write(name, der, len);
    OPENSSL_free(der);
}

static void
make_material(void)
{
    const test_extension ca_usage[] = {{NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature"}};
    const test_extension responder_usage[] = {{NID_ext_key_usage, "OCSPSigning"}};
    const test_extension responder_uri[] = {{NID_info_access, "OCSP;URI:http://127.0.0.1:9/"}};
    const test_cert_spec ca_spec = {.common_name = "CA", .is_ca = 1};
    test_identity ca = test_identity_extended(&ca_spec, ca_usage, 1);
    const test_cert_spec leaf_spec = {.common_name = "www.example.test", .issuer = &ca, .serial = 77,
                                      .altnames = "DNS:www.example.test"};
    const test_cert_spec responder_spec = {.common_name = "responder", .issuer = &ca};
    test_identity leaf = test_identity_extended(&leaf_spec, responder_uri, 1);
    test_identity responder = test_identity_extended(&responder_spec, responder_usage, 1);
    const test_ocsp_about good = {.cert = leaf.cert, .issuer = ca.cert, .to_s = 9000};
    test_ocsp_spec spec = {.signer = &responder, .about = {good}};
    char *text = NULL;

    write_certs("ca.pem", ca.cert, NULL);
    write_certs("leaf.pem", leaf.cert, ca.cert);
    write_key("leaf.key", leaf.key, false);
    write_key("leaf.der", leaf.key, true);
    (void)test_write_bio("crl.pem", test_crl(&ca, 0, 9000));
    write_response("good.der", &spec);
    spec.id_md = EVP_sha256();
    write_response("sha256.der", &spec);
    spec.about[0].status = V_OCSP_CERTSTATUS_REVOKED;
    write_response("revoked.der", &spec);
    if (iossl_cert_tlsa(&text, leaf.cert, 3, 1, 1, NULL) != IOSSL_OK)
        bail_out("TLSA record");
    (void)test_write_text("tlsa", text);
    iossl_free(text);
    if (iossl_cert_fingerprint(&text, leaf.cert, "sha256//", true, NULL) != IOSSL_OK)
        bail_out("pin");
    (void)test_write_text("pin", text);
    iossl_free(text);
    test_identity_free(&responder);
    test_identity_free(&leaf);
    test_identity_free(&ca);
}

static unsigned char *
slurp(const char *name, size_t *len)
{
    static unsigned char bytes[2][8192];
    static size_t turn;
    FILE *f = fopen(test_path(name), "rb");

    turn = 1 - turn;
    *len = f == NULL ? 0 : fread(bytes[turn], 1, sizeof bytes[turn] - 1, f);
    bytes[turn][*len] = '\0';
    if (f == NULL || fclose(f) != 0 || *len == 0)
        bail_out(name);
    return bytes[turn];
}

/* ---- By the library context --------------------------------------------------------------------- */

static int
give_password(void *arg, char *buf, int size)
{
    (void)arg, (void)size;
    memcpy(buf, "secret", 6);
    return 6;
}

static iossl_ctx *
make_ctx(iossl_role role, const char *key, const char *staple)
{
    static const iossl_ticket_key ticket = {.name = "a key", .key = "0123456789abcdef", .key_len = 64};
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(role, err);
    iossl_ctx *ctx = NULL;
    iossl_tlsa *records = NULL;
    iossl_pins *pins = NULL;
    bool ok = iossl_config_set_library(config, own, "provider=default", err) == IOSSL_OK
              && iossl_config_set_ca_file(config, test_path("ca.pem"), err) == IOSSL_OK
              && (version == NULL || iossl_config_set_max_version(config, version, err) == IOSSL_OK);

    iossl_config_set_passwd_cb(config, give_password, NULL);
    if (role == IOSSL_SERVER)
        ok = ok && iossl_config_add_cert_file(config, NULL, test_path("leaf.pem"), err) == IOSSL_OK
             && iossl_config_add_key_file(config, NULL, key, err) == IOSSL_OK
             && iossl_config_set_ticket_keys(config, &ticket, 1, err) == IOSSL_OK
             && iossl_config_set_ocsp_staple_file(config, NULL, test_path(staple), err) == IOSSL_OK;
    else
        ok = ok && iossl_config_set_crl_file(config, test_path("crl.pem"), err) == IOSSL_OK
             && iossl_config_set_check_crl(config, IOSSL_CRL_LEAF, err) == IOSSL_OK
             && iossl_config_set_ocsp_mode(config, IOSSL_OCSP_MUST_STAPLE, err) == IOSSL_OK;
    if (ok && role == IOSSL_CLIENT && tlsa != NULL)
        ok = (records = iossl_tlsa_new(err)) != NULL && iossl_tlsa_add_text(records, tlsa, err) == IOSSL_OK
             && iossl_config_set_tlsa(config, records, err) == IOSSL_OK;
    if (ok && role == IOSSL_CLIENT && pin != NULL)
        ok = (pins = iossl_pins_new(err)) != NULL && iossl_pins_add(pins, pin, err) == IOSSL_OK
             && iossl_config_set_pins(config, pins, true, err) == IOSSL_OK;
    ok(ok && (ctx = iossl_ctx_new(config, err)) != NULL, "a context of a %s: %s",
       role == IOSSL_SERVER ? "server" : "client", iossl_error_message(err));
    iossl_tlsa_free(records);
    iossl_pins_free(pins);
    iossl_config_free(config);
    iossl_error_free(err);
    return ctx;
}

static int
shake(iossl_ctx *client, iossl_ctx *server, iossl_session_cache *cache)
{
    test_pair pair = test_pair_new(client, server, "www.example.test");
    int resumed;

    if (iossl_conn_set_session_cache(pair.client, cache, "key", NULL) != IOSSL_OK)
        bail_out("session cache");
    resumed = test_pair_resumes(&pair);
    if (resumed == 0)
        is_int(iossl_conn_get_staple_state(pair.client), IOSSL_STAPLE_GOOD, "the staple is good");
    if (resumed < 0)
        diag("client: %s; server: %s", iossl_error_message(pair.client_error),
             iossl_error_message(pair.server_error));
    test_pair_free(&pair);
    return resumed;
}

/* CA bundle, revocation list, encrypted DER key, staple, ticket keys, names, pins, records. */
static void
test_handshakes(void)
{
    static const char *const versions[] = {"TLSv1_2", "TLSv1_3"};
    static const char *const staples[] = {"good.der", "sha256.der"};
    size_t len, left;
    const char *record = (const char *)slurp("tlsa", &len), *fingerprint = (const char *)slurp("pin", &len);

    for (int i = 0; i < 8; i++) {
        iossl_session_cache *cache = iossl_session_cache_new(4, NULL);
        iossl_ctx *client, *server;

        version = versions[i % 2];
        tlsa = i >= 4 ? record : NULL;
        pin = (i & 2) != 0 ? fingerprint : NULL;
        client = make_ctx(IOSSL_CLIENT, NULL, NULL);
        server = make_ctx(IOSSL_SERVER, test_path("leaf.der"), staples[i / 2 % 2]);
        is_int(shake(client, server, cache), 0, "%s%s%s: a handshake, verified", version,
               tlsa == NULL ? "" : ", a TLSA record", pin == NULL ? "" : ", a pin");
        is_int(shake(client, server, cache), 1, "and resumed by our ticket key");
        is_size(iossl_castore_cached(&left), 0, "no bundle of a program's own context is kept");
        iossl_ctx_free(client);
        iossl_ctx_free(server);
        iossl_session_cache_free(cache);
    }
    version = tlsa = pin = NULL;
}

static void
test_resolver(const char *answer, const char *hard)
{
    iossl_ctx *client = make_ctx(IOSSL_CLIENT, NULL, NULL);
    iossl_ctx *server = make_ctx(IOSSL_SERVER, test_path("leaf.key"), "good.der");
    test_pair pair = test_pair_new(client, server, "www.example.test");
    iossl_ocsp_resolver *r;
    const unsigned char *request;
    const char *uri, *soft;
    X509 *leaf;
    size_t len;

    ok(test_pair_shake(&pair), "a handshake");
    leaf = iossl_conn_get1_peer_cert(pair.client);
    /* What the staple said is known to this context; another one has to ask. */
    iossl_ctx_free(client);
    client = make_ctx(IOSSL_CLIENT, NULL, NULL);
    if ((r = iossl_ocsp_resolver_new_for_chain(client, 0, leaf, iossl_conn_get0_verified_chain(pair.client),
                                               NULL)) == NULL)
        bail_out("resolver");
    is_int(iossl_ocsp_resolver_set_nonce(r, true, NULL), IOSSL_OK, "a nonce");
    is_int(iossl_ocsp_resolver_set_nonce(r, false, NULL), IOSSL_OK, "is made, and taken back");
    ok(iossl_ocsp_resolver_get_request(r, 0, &uri, &request, &len), "a request");
    request = slurp(answer, &len);
    like(iossl_ocsp_resolver_add_response(r, uri, request, len), hard, "the answer of %s", answer);
    soft = iossl_ocsp_resolver_soft_error(r);
    ok(soft == NULL, "which can be relied on%s%s", soft == NULL ? "" : ": ", soft == NULL ? "" : soft);
    iossl_ocsp_resolver_free(r);
    X509_free(leaf);
    test_pair_free(&pair);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

static void
test_uris(void)
{
    char uri[300];
    iossl_ctx *client = make_ctx(IOSSL_CLIENT, NULL, NULL), *server;
    test_pair pair;

    (void)snprintf(uri, sizeof uri, "file:%s", test_path("leaf.key"));
    server = make_ctx(IOSSL_SERVER, uri, "good.der");
    pair = test_pair_new(client, server, "www.example.test");
    ok(test_pair_shake(&pair), "a key by its URI: %s", iossl_error_message(pair.server_error));
    test_pair_free(&pair);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
}

/* ---- What isn't there is told ------------------------------------------------------------------- */

/* Each place, by a library that has what is needed, or hasn't. */
static void
test_places(const iossl_library *by, const char *who, bool works)
{
    iossl_error *err = iossl_error_new();
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *store_ctx = NULL;
    iossl_identity *identity = NULL;
    EVP_PKEY *key = NULL;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    iossl_ocsp_subject subject = {0};
    iossl_ocsp_reading reading = {0};
    OCSP_RESPONSE *response;
    iossl_pins *pins = iossl_pins_new(NULL);
    unsigned char bytes[64] = {0};
    const unsigned char *der;
    X509 *leaf;
    size_t len;
    int verified;

    is_int(iossl_key_load_by(by, &key, test_path("leaf.der"), give_password, NULL, err),
           works ? IOSSL_OK : IOSSL_ERROR, "%s: an encrypted key in DER", who);
    if (!works)
        like(iossl_error_message(err), "encrypted by an algorithm that OpenSSL doesn't have here",
             "which is told: %s", iossl_error_message(err));
    EVP_PKEY_free(key);

    /* A certificate that is fine by itself: what is looked at is who verifies it. */
    if (iossl_identity_load_by(by, &identity, test_path("leaf.pem"), NULL, NULL, NULL) != IOSSL_OK)
        bail_out("certificate");
    leaf = identity->cert;
    ok(iossl_library_set_store(store, by), "a store of the library");
    is_int(iossl_castore_add(store, test_path("ca.pem"), NULL, err), IOSSL_OK, "a bundle is only read");
    store_ctx = iossl_compat_store_ctx_new(iossl_library_of_store(store));
    if (store_ctx == NULL || X509_STORE_CTX_init(store_ctx, store, leaf, NULL) != 1)
        bail_out("verification");
    verified = X509_verify_cert(store_ctx) == 1;
    is_int(verified, works, "%s: a chain up to a bundle: %s", who,
           X509_verify_cert_error_string(X509_STORE_CTX_get_error(store_ctx)));
    X509_STORE_CTX_free(store_ctx);

    is_int(iossl_ocsp_subject_init(&subject, leaf, sk_X509_value(identity->chain, 0), by), works,
           "%s: the id of a certificate", who);
    iossl_ocsp_subject_cleanup(&subject);
    der = slurp("good.der", &len);
    response = d2i_OCSP_RESPONSE(NULL, &der, (long)len);
    is_int(iossl_ocsp_open(&reading, response, NULL, NULL, by), works, "%s: the signature of an answer", who);
    if (!works)
        like(reading.text, "failed to verify OCSP response: ", "which is told: %s", reading.text);
    iossl_ocsp_close(&reading);
    OCSP_RESPONSE_free(response);

    is_int(iossl_compat_init_aes_cbc(cipher, 256, bytes, bytes + 32, 1, by), works,
           "%s: the cipher of ticket keys", who);
    EVP_CIPHER_CTX_free(cipher);

    if (iossl_pins_add(pins, (const char *)slurp("pin", &len), NULL) != IOSSL_OK)
        bail_out("pin");
    is_int(iossl_pins_match_by(by, pins, leaf), works, "%s: a pin", who);
    iossl_pins_free(pins);
    iossl_identity_free(identity);
    X509_STORE_free(store);
    ERR_clear_error();
    iossl_error_free(err);
}

static void
test_without(void)
{
    const iossl_library *excluded = iossl_library_new(own, "provider=none-such");
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);

    ok(config != NULL, "a config needs no algorithm");
    is_int(iossl_config_set_library(config, own, "provider=none-such", err), IOSSL_ERROR,
           "properties that nothing has");
    is_int(iossl_error_get_code(err), IOSSL_E_UNSUPPORTED, "%s", iossl_error_message(err));
    iossl_error_clear(err);
    ok(iossl_ctx_new(config, err) == NULL, "no context by the default, which has no provider");
    ok(iossl_error_get_code(err) != IOSSL_E_NONE, "%s", iossl_error_message(err));
    iossl_config_free(config);
    iossl_error_free(err);
    test_places(iossl_library_default(), "by the default", false);
    test_places(excluded, "by properties that nothing has", false);
    test_places(library, "by its own", true);
    iossl_library_free(excluded);
}

/* Bundles are shared by those who fetch by the same, and by nobody else. */
static void
test_cache(void)
{
    const iossl_library *some = iossl_library_new(NULL, "provider=some");
    const iossl_library *by[] = {iossl_library_default(), some, iossl_library_default(), some, library};
    static const size_t kept[] = {1, 2, 2, 2, 2};
    const char *file = test_path("ca.pem");
    size_t parsed;

    test_make_old(file, 100);
    iossl_castore_flush();
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        X509_STORE *store = X509_STORE_new();

        if (!iossl_library_set_store(store, by[i])
            || iossl_castore_add(store, file, NULL, NULL) != IOSSL_OK)
            bail_out("store");
        is_size(iossl_castore_cached(&parsed), kept[i], "bundles in the cache after store %zu", i);
        X509_STORE_free(store);
    }
    iossl_castore_flush();
    iossl_library_free(some);
}

int
main(void)
{
    OSSL_PROVIDER *null = NULL, *provider = NULL;
    int status;
    pid_t pid;

    tap_start();
    test_folder_make();
    if ((pid = fork()) == 0) {
        make_material();
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        bail_out("material");
    if ((null = OSSL_PROVIDER_load(NULL, "null")) == NULL || (own = OSSL_LIB_CTX_new()) == NULL
        || (provider = OSSL_PROVIDER_load(own, "default")) == NULL
        || (library = iossl_library_new(own, "provider=default")) == NULL)
        bail_out("library contexts");
    ok(EVP_MD_fetch(NULL, "SHA2-256", NULL) == NULL, "the default library context has no algorithms");
    ERR_clear_error();
    test_without();
    test_handshakes();
    test_resolver("good.der", "");
    test_resolver("revoked.der", "certificate status is revoked");
    test_uris();
    test_cache();
    ok(ERR_peek_error() == 0, "no error is left behind");
    iossl_library_free(library);
    (void)OSSL_PROVIDER_unload(provider);
    (void)OSSL_PROVIDER_unload(null);
    OSSL_LIB_CTX_free(own);
    return done_testing();
}

#endif
