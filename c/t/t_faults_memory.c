/*
 * t_faults_memory.c - connections and what they are made of, with each allocation failing in turn: an
 * error that says so, nothing leaked, nothing trusted that wouldn't be otherwise. See faulty_memory.h.
 */
#include "tap.h"

#ifdef __linux__

#include "faulty_memory.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "support_ocsp.h"
#include "support_pair.h"

#define URI "http://ocsp.example.test/"

/* ---- Fixtures -------------------------------------------------------------------------------- */

static test_identity ca, leaf, stranger, other_ca, bounded_ca, wild;
static iossl_ctx *client_ctx, *server_ctx, *strange_ctx, *mutual_client, *mutual_server;
static char *bundle, *pkcs12, *crl, *key_file;
static STACK_OF(X509) *bounded_chain;
static unsigned char *good_answer, *bad_answer;
static size_t good_len, bad_len;

static char *
kept(const char *path)
{
    return strdup(path);
}

/* Without encryption, so that no key has to be derived. */
static char *
key_store(void)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    BIO *bio = BIO_new(BIO_s_mem());
    PKCS12 *p12 = NULL;

    if (sk_X509_push(chain, ca.cert) <= 0
        || (p12 = PKCS12_create("", NULL, leaf.key, leaf.cert, chain, -1, -1, 1, 1, 0)) == NULL
        || i2d_PKCS12_bio(bio, p12) != 1)
        bail_out("PKCS#12");
    PKCS12_free(p12);
    sk_X509_free(chain);
    return kept(test_write_bio("store.p12", bio));
}

static unsigned char *
answer(int status, size_t *len)
{
    const test_ocsp_spec spec = {.signer = &ca,
                                 .about = {{.cert = leaf.cert, .issuer = ca.cert,
                                            .status = status}}};

    return test_ocsp_response(&spec, len);
}

static void
set_mutual(iossl_config *config)
{
    if (iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                                     NULL) != IOSSL_OK
        || iossl_config_set_version(config, "TLSv1_2", NULL) != IOSSL_OK
        || iossl_config_set_no_default_ca(config, true, NULL) != IOSSL_OK
        || iossl_config_add_ca(config, ca.cert, NULL) != IOSSL_OK
        || iossl_config_add_certs(config, NULL, &leaf.cert, 1, NULL) != IOSSL_OK
        || iossl_config_add_key(config, NULL, leaf.key, NULL) != IOSSL_OK)
        bail_out("config");
}

static void
fixtures(void)
{
    const char *aia = "authorityInfoAccess=OCSP;URI:" URI;
    BIO *pem = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());

    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    other_ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){
        .common_name = "www.example.test",
        .altnames = "DNS:www.example.test,DNS:b\\xfc" "cher.example.test,IP:192.0.2.1,email:a@b.test",
        .issuer = &ca, .extensions = aia});
    /* For the right name, of a CA of the same name that isn't trusted; its serial number is revoked. */
    stranger = test_identity_make(&(test_cert_spec){.common_name = "www.example.test",
                                                    .altnames = "DNS:www.example.test",
                                                    .issuer = &other_ca, .serial = 77});
    /* A wildcard that stands for a name which its CA may not vouch for; OpenSSL lets that pass. */
    bounded_ca = test_identity_make(&(test_cert_spec){
        .common_name = "bounded CA", .issuer = &ca, .is_ca = 1,
        .constraints = "critical,excluded;DNS:not.example.test"});
    wild = test_identity_make(&(test_cert_spec){.altnames = "DNS:*.example.test", .issuer = &bounded_ca});
    if ((bounded_chain = sk_X509_new_null()) == NULL || sk_X509_push(bounded_chain, bounded_ca.cert) <= 0)
        bail_out("chain");
    client_ctx = test_client_ctx(&ca, NULL);
    server_ctx = test_server_ctx(&leaf, NULL);
    strange_ctx = test_server_ctx(&stranger, NULL);
    mutual_client = test_client_ctx(&ca, set_mutual);
    mutual_server = test_server_ctx(NULL, set_mutual);
    if (PEM_write_bio_X509(pem, ca.cert) != 1 || PEM_write_bio_X509(pem, other_ca.cert) != 1
        || PEM_write_bio_PrivateKey(key, leaf.key, NULL, NULL, 0, NULL, NULL) != 1)
        bail_out("PEM");
    bundle = kept(test_write_bio("bundle.pem", pem));
    key_file = kept(test_write_bio("key.pem", key));
    pkcs12 = key_store();
    crl = kept(test_write_bio("crl.pem", test_crl(&ca, 77, 3600)));
    good_answer = answer(V_OCSP_CERTSTATUS_GOOD, &good_len);
    bad_answer = answer(V_OCSP_CERTSTATUS_REVOKED, &bad_len);
}

/* ---- Scenarios: err is made before, what they make they free --------------------------------- */

static void
run_config(iossl_error *err)
{
    static const char *const protocols[] = {"h2", "http/1.1"};
    const iossl_ticket_key key = {.name = "k", .key = "k", .key_len = 48};
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    iossl_pins *pins = iossl_pins_new(err);
    iossl_ctx *ctx;

    if (!made(config, err))
        goto none;
    (void)(made(pins, err)
           && good(iossl_pins_add(pins, "sha1$0123456789012345678901234567890123456789", err), err)
           && good(iossl_config_set_pins(config, pins, false, err), err));
    (void)good(iossl_config_set_policy(config, "strict", err), err);
    (void)good(iossl_config_set_version(config, "SSLv23:!TLSv1", err), err);
    (void)good(iossl_config_set_cipher_list(config, "www.example.test", "HIGH:!aNULL", err), err);
    (void)good(iossl_config_set_ciphersuites(config, NULL, "TLS_AES_128_GCM_SHA256", err), err);
    (void)good(iossl_config_set_groups(config, "P-256", err), err);
    (void)good(iossl_config_set_alpn(config, protocols, 2, err), err);
    (void)good(iossl_config_set_session_id_context(config, "id", 2, err), err);
    (void)good(iossl_config_set_ticket_keys(config, &key, 1, err), err);
    (void)good(iossl_config_add_server_psk(config, "who", "secret", 6, err), err);
    (void)good(iossl_config_set_psk_hint(config, "hint", err), err);
    (void)good(iossl_config_add_certs(config, NULL, &leaf.cert, 1, err), err);
    (void)good(iossl_config_add_key(config, NULL, leaf.key, err), err);
    (void)good(iossl_config_add_certs(config, "b.example.test", &leaf.cert, 1, err), err);
    (void)good(iossl_config_add_key(config, "b.example.test", leaf.key, err), err);
    (void)good(iossl_config_set_ocsp_staple(config, NULL, good_answer, good_len, err), err);
    (void)good(iossl_config_set_ca_file(config, bundle, err), err);
    (void)good(iossl_config_add_client_ca(config, ca.cert, err), err);
    ctx = iossl_ctx_new(config, err);
    (void)made(ctx, err);
    iossl_ctx_free(ctx);
none:
    iossl_pins_free(pins);
    iossl_config_free(config);
    iossl_castore_flush();
}

/* A revoked certificate is never taken, whatever fails. */
static void
run_revoked(iossl_error *err)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_ctx *ctx = NULL;

    if (made(config, err)
        && good(iossl_config_set_ca_file(config, bundle, err), err)
        && good(iossl_config_set_crl_file(config, crl, err), err)
        && good(iossl_config_set_check_crl(config, IOSSL_CRL_LEAF, err), err)) {
        ctx = iossl_ctx_new(config, err);
        if (made(ctx, err))
            promise(!good(iossl_verify_chain(ctx, IOSSL_CLIENT, stranger.cert, NULL,
                                             "www.example.test", 0, err), err),
                    "a revoked certificate is refused");
    }
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    iossl_castore_flush();
}

static void
run_verify(iossl_error *err)
{
    iossl_diagnosis *diagnosis;

    (void)good(iossl_verify_chain(client_ctx, IOSSL_CLIENT, leaf.cert, NULL, "www.example.test", 0,
                                  err), err);
    iossl_error_clear(err);
    promise(!good(iossl_verify_chain(client_ctx, IOSSL_CLIENT, stranger.cert, NULL,
                                     "www.example.test", 0, err), err), "a stranger is refused");
    iossl_error_clear(err);
    promise(!good(iossl_verify_chain(client_ctx, IOSSL_CLIENT, leaf.cert, NULL, "other.test", 0,
                                     err), err), "another name is refused");
    iossl_error_clear(err);
    diagnosis = iossl_diagnose(client_ctx, IOSSL_CLIENT, stranger.cert, NULL, "other.test", 0, err);
    if (made(diagnosis, err))
        promise(iossl_diagnosis_count(diagnosis) > 0, "a diagnosis finds what is wrong");
    iossl_diagnosis_free(diagnosis);
}

static void
run_constraints(iossl_error *err)
{
    promise(!good(iossl_verify_chain(client_ctx, IOSSL_CLIENT, wild.cert, bounded_chain,
                                     "not.example.test", 0, err), err), "an excluded name is refused");
}

static void
run_handshake(iossl_error *err)
{
    (void)talk(client_ctx, server_ctx, &(talk_hooks){.before = NULL}, err);
}

static iossl_session_cache *cache;

static bool
keep_sessions(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    (void)server;
    return good(iossl_conn_set_session_cache(client, cache, "www.example.test:443", err), err);
}

static void
run_resumption(iossl_error *err)
{
    const talk_hooks hooks = {.before = keep_sessions};

    cache = iossl_session_cache_new(10, err);
    if (made(cache, err)) {
        (void)talk(mutual_client, mutual_server, &hooks, err);
        (void)talk(mutual_client, mutual_server, &hooks, err);
    }
    iossl_session_cache_free(cache);
}

static void
run_stranger(iossl_error *err)
{
    promise(!talk(client_ctx, strange_ctx, &(talk_hooks){.before = NULL}, err), "a stranger is refused");
}

static void
ask(iossl_ctx *ctx, const unsigned char *der, size_t len, bool is_good, iossl_error *err)
{
    iossl_ocsp_resolver *r = iossl_ocsp_resolver_new_for_chain(ctx, IOSSL_OCSP_FAIL_HARD, leaf.cert,
                                                               NULL, err);
    const unsigned char *request;
    const char *uri, *hard;
    size_t request_len;

    if (made(r, err)) {
        if (iossl_ocsp_resolver_get_request(r, 0, &uri, &request, &request_len))
            (void)iossl_ocsp_resolver_add_response(r, URI, der, len);
        hard = iossl_ocsp_resolver_hard_error(r);
        /* OpenSSL says "no" to who asks whether this is the issuer when it has no memory to find out:
         * that the issuer isn't known is the word then. */
        promise(is_good || hard == NULL || hard[0] != '\0'
                    || iossl_ocsp_resolver_soft_error(r) != NULL,
                "a revoked certificate isn't good without a word");
    }
    iossl_ocsp_resolver_free(r);
}

/* Twice: the second time the cache knows. */
static void
ask_anew(const unsigned char *der, size_t len, bool is_good, iossl_error *err)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_ctx *ctx = NULL;

    if (made(config, err) && good(iossl_config_set_no_default_ca(config, true, err), err)
        && good(iossl_config_add_ca(config, ca.cert, err), err)) {
        ctx = iossl_ctx_new(config, err);
        if (made(ctx, err)) {
            ask(ctx, der, len, is_good, err);
            ask(ctx, der, len, is_good, err);
        }
    }
    iossl_ctx_free(ctx);
    iossl_config_free(config);
}

static void
run_ocsp(iossl_error *err)
{
    iossl_ocsp_cache *answers = iossl_ocsp_cache_new(2, err);
    const iossl_ocsp_entry entry = {.status = 1, .hard_error = "revoked", .soft_error = "soft"};

    if (made(answers, err)) {
        (void)iossl_ocsp_cache_put(answers, "a", 1, &entry);
        (void)iossl_ocsp_cache_put(answers, "b", 1, &entry);
        (void)iossl_ocsp_cache_put(answers, "c", 1, &entry);
    }
    iossl_ocsp_cache_free(answers);
    ask_anew(bad_answer, bad_len, false, err);
}

static void
run_good_answer(iossl_error *err)
{
    ask_anew(good_answer, good_len, true, err);
}

static void
run_certificates(iossl_error *err)
{
    iossl_certgen *gen = iossl_certgen_new(err);
    iossl_certinfo *info;
    X509 *cert = NULL;
    char *pem;

    if (made(gen, err)) {
        iossl_certgen_set_key(gen, leaf.key);
        iossl_certgen_set_issuer(gen, ca.cert, ca.key);
        (void)good(iossl_certgen_add_subject(gen, "CN", "a", 1, err), err);
        (void)good(iossl_certgen_add_altname(gen, "DNS", "a.test", 6, err), err);
        (void)good(iossl_certgen_add_altname(gen, "IP", "::1", 3, err), err);
        (void)good(iossl_certgen_add_altname(gen, "dirName", "/C=DE/CN=x", 10, err), err);
        (void)good(iossl_certgen_add_purposes(gen, "client,server", err), err);
        (void)good(iossl_certgen_set_serial(gen, "123456789012345678901234567890", err), err);
        (void)good(iossl_certgen_add_extension(gen, 0, "nameConstraints", "permitted;DNS:a.test",
                                               NULL, 0, true, err), err);
        cert = iossl_certgen_make(gen, NULL, err);
        (void)made(cert, err);
    }
    if (cert != NULL) {
        info = iossl_certinfo_new(cert, err);
        if (made(info, err)) {
            promise(info->serial != NULL && info->n_extensions > 0, "what is told is whole");
            (void)good(iossl_certgen_copy(gen, cert, err), err);
        }
        iossl_certinfo_free(info);
        pem = iossl_cert_to_pem(cert, err);
        if (made(pem, err)) {
            STACK_OF(X509) *all = iossl_certs_from_pem(pem, strlen(pem), err);

            if (made(all, err))
                promise(sk_X509_num(all) == 1, "no certificate gets lost");
            sk_X509_pop_free(all, X509_free);
        }
        iossl_free(pem);
    }
    X509_free(cert);
    iossl_certgen_free(gen);
}

static void
run_names(iossl_error *err)
{
    static const char list[] = "===BEGIN ICANN DOMAINS===\ntest\n*.b.test\n!a.b.test\n";
    iossl_psl *psl = iossl_psl_new_from_string(list, sizeof list - 1, err);
    iossl_pins *pins = iossl_pins_new(err);
    char *text = NULL;

    (void)made(psl, err);
    (void)made(pins, err);
    iossl_psl_free(psl);
    (void)good(iossl_idn_to_ascii(&text, "b\xc3\xbc" "cher.example.test", 20, err), err);
    iossl_free(text);
    (void)good(iossl_idn_to_unicode(&text, "xn--bcher-kva.test", 18, err), err);
    iossl_free(text);
    promise(iossl_verify_name("b\xc3\xbc" "cher.test", 12, leaf.cert, NULL, NULL, err)
                != IOSSL_NAME_MATCH, "another name doesn't match");
    (void)good(IOSSL_ERROR, err);
    iossl_error_clear(err);
    (void)iossl_verify_name("www.example.test", 16, leaf.cert, NULL, NULL, err);
    if (pins != NULL && good(iossl_cert_fingerprint(&text, leaf.cert, "sha256", true, err), err)) {
        if (good(iossl_pins_add(pins, text, err), err))
            promise(!iossl_pins_match(pins, stranger.cert), "another certificate isn't the pinned one");
        iossl_free(text);
    }
    iossl_pins_free(pins);
}

static void
run_files(iossl_error *err)
{
    iossl_identity *identity = NULL;
    EVP_PKEY *key = NULL;

    if (good(iossl_identity_load(&identity, pkcs12, NULL, NULL, err), err))
        promise(identity->cert != NULL && identity->key != NULL
                    && sk_X509_num(identity->chain) > 0, "an identity is whole");
    iossl_identity_free(identity);
    iossl_error_clear(err);
    if (good(iossl_identity_load(&identity, bundle, NULL, NULL, err), err))
        promise(identity->cert != NULL && sk_X509_num(identity->chain) == 1,
                "a chain is whole");
    iossl_identity_free(identity);
    iossl_error_clear(err);
    (void)good(iossl_key_load(&key, key_file, NULL, NULL, err), err);
    EVP_PKEY_free(key);
}

static const scenario SCENARIOS[] = {
    {"settings and a context", run_config},
    {"a revoked certificate", run_revoked},
    {"verification", run_verify},
    {"verification under constraints", run_constraints},
    {"a handshake, lines, an end", run_handshake},
    {"mutual TLS, and resumption", run_resumption},
    {"a server that isn't trusted", run_stranger},
    {"OCSP, revoked", run_ocsp},
    {"OCSP, good", run_good_answer},
    {"a certificate made and described", run_certificates},
    {"names and pins", run_names},
    {"files", run_files},
};

int
main(void)
{
    return faulty_memory_test(SCENARIOS, sizeof SCENARIOS / sizeof *SCENARIOS, fixtures);
}

#else

TAP_SKIPPED_MAIN("allocations can be made to fail on Linux")

#endif
