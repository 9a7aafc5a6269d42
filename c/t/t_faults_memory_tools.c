/*
 * t_faults_memory_tools.c - what programs do beside connections, with each allocation failing in turn:
 * writing and reading certificates and keys, sockets, the system's trust, diagnoses, lists of suffixes,
 * errors that are copied. See faulty_memory.h.
 */
#include "tap.h"

#ifdef __linux__

#include "faulty_memory.h"

#include <openssl/pem.h>

#include "support_pair.h"

#define DAY 86400L

static test_identity ca, leaf, expired_ca, expired_leaf;
static iossl_ctx *client_ctx, *server_ctx;
static char *made_file, *ca_file;
static STACK_OF(X509) *sent;

/* ---- Certificates and keys ------------------------------------------------------------------- */

/* Without an allocation. */
static bool
is_leaf(const X509 *cert)
{
    return ASN1_INTEGER_cmp(X509_get0_serialNumber(cert), X509_get0_serialNumber(leaf.cert)) == 0;
}

static void
run_encodings(iossl_error *err)
{
    size_t len;
    unsigned char *der = iossl_cert_to_der(leaf.cert, &len, err);
    X509 *cert = NULL;

    if (made(der, err)) {
        cert = iossl_cert_from_der(der, len, err);
        if (made(cert, err))
            promise(is_leaf(cert), "a certificate comes back whole");
    }
    X509_free(cert);
    iossl_free(der);
    if (good(iossl_certs_to_file(made_file, &leaf.cert, 1, err), err)) {
        cert = iossl_cert_from_file(made_file, err);
        if (made(cert, err))
            promise(is_leaf(cert), "a file of one, too");
        X509_free(cert);
    }
}

static void
run_keys(iossl_error *err)
{
    size_t pem_len = 0, der_len = 0;
    char *pem = iossl_key_to_pem(leaf.key, &pem_len, err);
    unsigned char *der = iossl_key_to_der(leaf.key, &der_len, err);
    EVP_PKEY *key;

    if (made(pem, err)) {
        key = iossl_key_from_pem(pem, pem_len, NULL, NULL, err);
        (void)made(key, err);
        EVP_PKEY_free(key);
    }
    if (made(der, err)) {
        key = iossl_key_from_der(der, der_len, NULL, NULL, err);
        (void)made(key, err);
        EVP_PKEY_free(key);
    }
    iossl_free_secret(pem, pem_len);
    iossl_free_secret(der, der_len);
    if (good(iossl_key_to_file(made_file, leaf.key, err), err)) {
        key = iossl_key_from_file(made_file, NULL, NULL, err);
        (void)made(key, err);
        EVP_PKEY_free(key);
    }
    key = iossl_key_new_ec("prime256v1", err);
    (void)made(key, err);
    EVP_PKEY_free(key);
}

/* ---- Sockets --------------------------------------------------------------------------------- */

static void
run_sockets(iossl_error *err)
{
    iossl_listener *listener = iossl_listener_new("127.0.0.1", "0", err);
    iossl_conn *conn = NULL;
    char port[16];
    int fd = -1;

    if (!made(listener, err))
        return;
    (void)snprintf(port, sizeof port, "%d", iossl_listener_get_port(listener));
    if (good(iossl_tcp_connect(&fd, "127.0.0.1", port, 2000, err), err)) {
        promise((conn != NULL) == good(iossl_accept(&conn, server_ctx, listener, 2000, err), err)
                    || conn != NULL,
                "a connection comes with success");
        if (conn != NULL)
            iossl_free(iossl_conn_peer_address(conn));
        iossl_conn_free(conn);
        close(fd);
    }
    iossl_listener_free(listener);
    /* Nobody listens there now. */
    promise(!good(iossl_connect(&conn, client_ctx, "127.0.0.1", port, 2000, err), err),
            "nobody is there");
    promise(conn == NULL, "so there is no connection");
}

/* ---- The system's trust ---------------------------------------------------------------------- */

static void
run_default_trust(iossl_error *err)
{
    char *file = NULL, *path = NULL;
    iossl_config *config;
    iossl_ctx *ctx = NULL;

    iossl_castore_flush();
    if (good(iossl_default_ca(&file, &path, err), err))
        promise(file != NULL, "the system's trust is found");
    iossl_free(file);
    iossl_free(path);
    config = iossl_config_new(IOSSL_CLIENT, err);
    if (made(config, err)) {
        ctx = iossl_ctx_new(config, err);
        if (made(ctx, err)) {
            (void)good(iossl_verify_chain(ctx, IOSSL_CLIENT, leaf.cert, NULL, "www.example.test", 0,
                                          err), err);
            promise(iossl_verify_chain(ctx, IOSSL_CLIENT, expired_leaf.cert, NULL, "www.example.test",
                                       0, NULL) == IOSSL_ERROR, "what is bad stays bad");
            ERR_clear_error();
        }
    }
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    iossl_castore_flush();
}

/* ---- Diagnoses, and errors that are copied ---------------------------------------------------- */

static void
run_diagnosis(iossl_error *err)
{
    iossl_diagnosis *diagnosis = iossl_diagnose(client_ctx, IOSSL_CLIENT, expired_leaf.cert, sent,
                                                "other.test", 0, err);

    if (made(diagnosis, err)) {
        promise(iossl_diagnosis_count(diagnosis) > 0, "something is wrong");
        for (size_t i = 0; i < iossl_diagnosis_count(diagnosis); i++) {
            const iossl_finding *f = iossl_diagnosis_get0(diagnosis, i);

            promise(f->code != IOSSL_E_MEMORY, "no memory is no finding");
            promise(f->what[0] != '\0' && f->remedy[0] != '\0', "a finding has its words");
        }
    }
    iossl_diagnosis_free(diagnosis);
}

static void
run_copies(iossl_error *err)
{
    iossl_error *copy = iossl_error_new();

    promise(!good(iossl_verify_chain(client_ctx, IOSSL_CLIENT, expired_leaf.cert, NULL, "other.test", 0,
                                     err), err), "a bad chain is refused");
    if (copy != NULL) {
        iossl_error_copy(copy, err);
        promise(iossl_error_get_code(copy) == iossl_error_get_code(err), "a copy is of the same kind");
        promise(iossl_error_message(copy)[0] != '\0', "with a sentence");
    }
    iossl_error_free(copy);
}

/* ---- Suffixes -------------------------------------------------------------------------------- */

static void
run_suffixes(iossl_error *err)
{
    iossl_psl *psl = iossl_psl_new_builtin(IOSSL_PSL_ICANN, err);
    static const char list[] = "test\n*.b.test\n!a.b.test\n// a comment\nb\xc3\xbc" "cher.test\n";

    if (made(psl, err)) {
        iossl_psl_set_min_suffix(psl, 2);
        promise(iossl_psl_suffix_labels(psl, "www.example.co.uk", 17, 1) == 2, "a suffix is found");
    }
    iossl_psl_free(psl);
    psl = iossl_psl_new_from_string(list, sizeof list - 1, err);
    if (made(psl, err))
        promise(iossl_psl_suffix_labels(psl, "x.y.b.test", 10, 1) == 3, "a list of one's own is whole");
    iossl_psl_free(psl);
}

/* ---- Fixtures -------------------------------------------------------------------------------- */

static void
fixtures(void)
{
    BIO *pem = BIO_new(BIO_s_mem());

    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.common_name = "www.example.test",
                                                .altnames = "DNS:www.example.test", .issuer = &ca,
                                                .serial = 4711});
    expired_ca = test_identity_make(&(test_cert_spec){.common_name = "old CA", .issuer = &ca,
                                                      .is_ca = 1, .from_s = -9 * DAY,
                                                      .to_s = -5 * DAY});
    expired_leaf = test_identity_make(&(test_cert_spec){
        .common_name = "www.example.test", .altnames = "DNS:www.example.test", .issuer = &expired_ca,
        .from_s = -9 * DAY, .to_s = -5 * DAY});
    client_ctx = test_client_ctx(&ca, NULL);
    server_ctx = test_server_ctx(&leaf, NULL);
    if ((sent = sk_X509_new_null()) == NULL || sk_X509_push(sent, expired_ca.cert) <= 0
        || PEM_write_bio_X509(pem, ca.cert) != 1)
        bail_out("a chain, and PEM");
    ca_file = strdup(test_write_bio("ca.pem", pem));
    made_file = strdup(test_path("made.pem"));
    (void)setenv("SSL_CERT_FILE", ca_file, 1);
    (void)setenv("SSL_CERT_DIR", test_path("nowhere"), 1);
}

static const scenario SCENARIOS[] = {
    {"certificates written and read", run_encodings},
    {"keys written and read", run_keys},
    {"sockets", run_sockets},
    {"the system's trust", run_default_trust},
    {"a diagnosis", run_diagnosis},
    {"an error and its copy", run_copies},
    {"suffixes", run_suffixes},
};

int
main(void)
{
    return faulty_memory_test(SCENARIOS, sizeof SCENARIOS / sizeof *SCENARIOS, fixtures);
}

#else

TAP_SKIPPED_MAIN("allocations can be made to fail on Linux")

#endif
