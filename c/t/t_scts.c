/*
 * t_scts.c - signed certificate timestamps, signed here by a log of our own: in the handshake, in the
 * certificate, and in the staple.
 */
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "iossl.h"
#include "scts.h"
#include "support_files.h"
#include "support_ocsp.h"
#include "support_pair.h"
#include "tap.h"

#define SCT_EXTENSION 18        /* of TLS, RFC 6962 section 3.3.1 */

static test_identity ca, leaf, bearer;
static EVP_PKEY *log_key;
static unsigned char log_id[SHA256_DIGEST_LENGTH];
static unsigned char list[512];         /* a SignedCertificateTimestampList */
static size_t list_len;
static const char *version, *log_file;
static bool asks;
static unsigned char *staple;
static size_t staple_len;

static void
put_number(unsigned char **p, uint64_t number, size_t bytes)
{
    while (bytes-- > 0)
        *(*p)++ = (unsigned char)(number >> 8 * bytes);
}

/* SHA-256 of the CA's subjectPublicKeyInfo, as entries of precertificates begin (RFC 6962 section 3.2). */
static void
put_issuer(unsigned char **p)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ca.cert), &der);

    if (len <= 0)
        bail_out("key of the CA");
    SHA256(der, (size_t)len, *p);
    *p += SHA256_DIGEST_LENGTH;
    OPENSSL_free(der);
}

/* What is signed. */
typedef enum { CERTIFICATE, PRECERTIFICATE, SOMETHING_ELSE } entry;

/* A list with one SCT of that. A precertificate is what of the certificate isn't timestamps. */
static void
sign(X509 *cert, entry type)
{
    unsigned char tbs[4096], signature[256], *der = NULL, *p = tbs;
    uint64_t when = ((uint64_t)time(NULL) - 3600) * 1000;
    int der_len = type == PRECERTIFICATE ? i2d_re_X509_tbs(cert, &der) : i2d_X509(cert, &der);
    size_t signature_len = sizeof signature;
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    put_number(&p, 0, 2);               /* version 1, of a certificate's timestamp */
    put_number(&p, when, 8);
    put_number(&p, type == PRECERTIFICATE, 2);
    if (type == PRECERTIFICATE)
        put_issuer(&p);
    put_number(&p, (uint64_t)der_len, 3);
    if (der_len <= 0 || (size_t)der_len > sizeof tbs - 64)
        bail_out("certificate");
    memcpy(p, der, (size_t)der_len);
    p += der_len;
    put_number(&p, type == SOMETHING_ELSE, 2);  /* extensions: none */
    if (EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, log_key) != 1
        || EVP_DigestSign(md, signature, &signature_len, tbs, (size_t)(p - tbs)) != 1)
        bail_out("signature");
    EVP_MD_CTX_free(md);
    OPENSSL_free(der);
    p = list;
    put_number(&p, 49 + signature_len, 2);
    put_number(&p, 47 + signature_len, 2);
    put_number(&p, 0, 1);
    memcpy(p, log_id, sizeof log_id);
    p += sizeof log_id;
    put_number(&p, when, 8);
    put_number(&p, 0, 2);
    put_number(&p, 0x0403, 2);          /* SHA-256, ECDSA */
    put_number(&p, signature_len, 2);
    memcpy(p, signature, signature_len);
    list_len = (size_t)(p - list) + signature_len;
}

static int
add_list(SSL *ssl, unsigned type, unsigned context, const unsigned char **out, size_t *len, X509 *cert,
         size_t depth, int *alert, void *arg)
{
    (void)ssl, (void)type, (void)context, (void)cert, (void)alert, (void)arg;
    *out = list;
    *len = list_len;
    return depth == 0 && list_len > 0;
}

static void
client_settings(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK
        || iossl_config_set_scts(config, asks, NULL) != IOSSL_OK
        || iossl_config_set_ctlog_file(config, log_file, NULL) != IOSSL_OK)
        bail_out("config");
}

static void
server_settings(iossl_config *config)
{
    if (staple != NULL
        && iossl_config_set_ocsp_staple(config, NULL, staple, staple_len, NULL) != IOSSL_OK)
        bail_out("staple");
}

/* Connects, and tells the first SCT; false: there is none. The pair lives until the next one. */
static bool
sct_of(const test_identity *identity, iossl_sct *sct)
{
    static test_pair pair;
    iossl_ctx *client = test_client_ctx(&ca, client_settings), *server = test_server_ctx(identity, server_settings);
    iossl_sct none;
    bool found;

    test_pair_free(&pair);
    if (SSL_CTX_add_custom_ext(iossl_ctx_get0_ssl_ctx(server), SCT_EXTENSION,
                               SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO
                                   | SSL_EXT_TLS1_3_CERTIFICATE,
                               add_list, NULL, NULL, NULL, NULL) != 1)
        bail_out("extension");
    pair = test_pair_new(client, server, "www.example.test");
    ok(test_pair_shake(&pair), "%s: connected", version);
    found = iossl_conn_get_sct(pair.client, 0, sct);
    ok(!iossl_conn_get_sct(pair.client, found ? 1 : 0, &none), "%s: no more", version);
    ok(!iossl_conn_get_sct(pair.server, 0, &none), "%s: none on the server", version);
    ok(ERR_peek_error() == 0, "%s: the queue is empty", version);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    return found;
}

static void
test_handshake(void)
{
    iossl_sct sct;

    sign(leaf.cert, CERTIFICATE);
    asks = false;
    log_file = NULL;
    ok(!sct_of(&leaf, &sct), "%s: none comes without asking", version);
    asks = true;
    ok(sct_of(&leaf, &sct), "%s: one comes where it is asked for", version);
    is_str(sct.source, "handshake", "%s: from there", version);
    is_str(sct.status, "unknown log", "%s: without a list of logs", version);
    ok(sct.log_name == NULL && sct.log_id_len == sizeof log_id
           && memcmp(sct.log_id, log_id, sizeof log_id) == 0, "%s: known by its id only", version);
    is_str(sct.signature, "ecdsa-with-SHA256", "%s: signature", version);
    ok(sct.time_ms / 1000 <= (uint64_t)time(NULL) - 3600
           && sct.time_ms / 1000 > (uint64_t)time(NULL) - 7200, "%s: time", version);
    asks = false;
    log_file = test_path("logs");
    ok(sct_of(&leaf, &sct), "%s: a list of logs asks, too", version);
    is_str(sct.status, "valid", "%s: with it, the signature is verified", version);
    is_str(sct.log_name, "A log of our own", "%s: the log's name", version);
    sign(leaf.cert, SOMETHING_ELSE);
    ok(sct_of(&leaf, &sct), "%s: one with a wrong signature", version);
    is_str(sct.status, "invalid", "%s: is told so, and the connection isn't refused", version);
    list[4] = 1;                        /* the version */
    ok(sct_of(&leaf, &sct), "%s: one of a version to come", version);
    is_str(sct.status, "unknown version", "%s: is told as such", version);
    ok(sct.log_id_len == 0 && sct.log_name == NULL && sct.signature == NULL, "%s: the rest isn't known", version);
    list_len = 0;
    ok(!sct_of(&leaf, &sct), "%s: a server that sends none", version);
}

static void
test_certificate(void)
{
    iossl_sct sct;

    list_len = 0;
    asks = false;
    log_file = NULL;
    ok(sct_of(&bearer, &sct), "%s: one in the certificate, though nobody asked", version);
    is_str(sct.status, "unverified", "%s: nobody has looked at it", version);
    asks = true;
    ok(sct_of(&bearer, &sct), "%s: one in the certificate", version);
    is_str(sct.source, "certificate", "%s: from there", version);
    is_str(sct.status, "unknown log", "%s: status", version);
    log_file = test_path("logs");
    ok(sct_of(&bearer, &sct), "%s: with the list of logs", version);
    is_str(sct.status, "invalid", "%s: it was signed for another", version);
}

/* Put into the certificate as a CA does: the log has signed what it is without them. */
static void
test_embedded(void)
{
    static const entry types[] = {PRECERTIFICATE, CERTIFICATE};
    iossl_sct sct;

    asks = true;
    log_file = test_path("logs");
    for (size_t i = 0; i < 2; i++) {
        ASN1_OCTET_STRING *timestamps = ASN1_OCTET_STRING_new();
        test_identity stamped = test_identity_make(&(test_cert_spec){
            .common_name = "x", .altnames = "DNS:www.example.test", .issuer = &ca, .serial = 4});
        X509_EXTENSION *extension = NULL;
        unsigned char *der = NULL;
        int len;

        sign(stamped.cert, types[i]);
        /* The extension's value is the list in an OCTET STRING, itself in one (RFC 6962 section 3.3). */
        if (ASN1_OCTET_STRING_set(timestamps, list, (int)list_len) != 1
            || (len = i2d_ASN1_OCTET_STRING(timestamps, &der)) <= 0
            || ASN1_OCTET_STRING_set(timestamps, der, len) != 1
            || (extension = X509_EXTENSION_create_by_NID(NULL, NID_ct_precert_scts, 0, timestamps)) == NULL
            || X509_add_ext(stamped.cert, extension, -1) != 1
            || X509_sign(stamped.cert, ca.key, EVP_sha256()) <= 0)
            bail_out("a certificate with timestamps");
        X509_EXTENSION_free(extension);
        ASN1_OCTET_STRING_free(timestamps);
        OPENSSL_free(der);
        list_len = 0;
        ok(sct_of(&stamped, &sct), "%s: one in the certificate", version);
        is_str(sct.source, "certificate", "%s: from there", version);
        is_str(sct.status, types[i] == PRECERTIFICATE ? "valid" : "invalid", "%s: its status", version);
        is_str(sct.log_name, "A log of our own", "%s: the log's name", version);
        test_identity_free(&stamped);
    }
}

/* Put into the answer of its responder, which is stapled. */
static void
test_staple(void)
{
    static const entry types[] = {CERTIFICATE, SOMETHING_ELSE};
    ASN1_OCTET_STRING *timestamps = ASN1_OCTET_STRING_new();
    iossl_sct sct;

    asks = true;
    for (size_t i = 0; i < 3; i++) {
        const test_ocsp_spec spec = {.signer = &ca, .timestamps = timestamps,
                                     .about = {{.cert = leaf.cert, .issuer = ca.cert}}};

        log_file = i == 2 ? NULL : test_path("logs");
        sign(leaf.cert, types[i % 2]);
        if (ASN1_OCTET_STRING_set(timestamps, list, (int)list_len) != 1)
            bail_out("timestamps");
        staple = test_ocsp_response(&spec, &staple_len);
        list_len = 0;
        ok(sct_of(&leaf, &sct), "%s: one in the staple", version);
        is_str(sct.source, "staple", "%s: from there", version);
        is_str(sct.status, i == 0 ? "valid" : i == 1 ? "invalid" : "unknown log", "%s: its status", version);
        OPENSSL_free(staple);
        staple = NULL;
    }
    ASN1_OCTET_STRING_free(timestamps);
}

static void
test_usage(void)
{
    SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_client_method());
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);
    iossl_error *err = iossl_error_new();

    if (iossl_config_set_ctlog_file(config, test_path("none"), err) != IOSSL_OK)
        bail_out("config");
    ok(iossl_ctx_new(config, err) == NULL, "a list of logs that isn't there");
    is_int(iossl_error_get_code(err), IOSSL_E_FILE, "its code");
    like(iossl_error_message(err), "can't be used as a list of logs", "says so");
    iossl_config_free(config);

    /* Who has taken the extension for something else can't have it read. */
    iossl_error_clear(err);
    if (ssl_ctx == NULL
        || SSL_CTX_add_client_custom_ext(ssl_ctx, SCT_EXTENSION, NULL, NULL, NULL, NULL, NULL) != 1)
        bail_out("an extension of the client's own");
    is_int(iossl_scts_apply(&(iossl_sct_settings){.is_on = true}, ssl_ctx, err), IOSSL_ERROR, "no other asks");
    is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "its code");
    like(iossl_error_message(err), "SSL_scts error:", "%s", iossl_error_message(err));
    is_int(iossl_scts_apply(&(iossl_sct_settings){.is_on = false}, ssl_ctx, err), IOSSL_OK, "nobody does");
    ERR_clear_error();
    SSL_CTX_free(ssl_ctx);
    iossl_error_free(err);
}

/* A log: its key, its id, and the file that makes it known. */
static void
make_log(void)
{
    test_identity log = test_identity_make(&(test_cert_spec){.common_name = "log"});
    unsigned char *der = NULL, base64[512];
    char text[1024];
    int len;

    log_key = log.key;
    EVP_PKEY_up_ref(log_key);
    if ((len = i2d_PUBKEY(log_key, &der)) <= 0 || len > 300)
        bail_out("key");
    SHA256(der, (size_t)len, log_id);
    (void)EVP_EncodeBlock(base64, der, len);
    (void)snprintf(text, sizeof text,
                   "enabled_logs = ours\n[ours]\ndescription = A log of our own\nkey = %s\n", base64);
    (void)test_write_text("logs", text);
    OPENSSL_free(der);
    test_identity_free(&log);
}

/* A certificate that has the list in it, which was signed for the leaf. */
static void
make_bearer(void)
{
    char extension[2048] = "1.3.6.1.4.1.11129.2.4.2=DER:04:";
    size_t at = strlen(extension);

    sign(leaf.cert, CERTIFICATE);
    if (list_len >= 128)
        bail_out("a length of one byte");
    at += (size_t)snprintf(extension + at, sizeof extension - at, "%02x", (unsigned)list_len);
    for (size_t i = 0; i < list_len; i++)
        at += (size_t)snprintf(extension + at, sizeof extension - at, ":%02x", list[i]);
    bearer = test_identity_make(&(test_cert_spec){.common_name = "x",
        .altnames = "DNS:www.example.test", .issuer = &ca, .serial = 3, .extensions = extension});
}

int
main(void)
{
    static const char *const versions[] = {"TLSv1_2", "TLSv1_3"};

    tap_start();
    test_folder_make();
    if (!iossl_can(IOSSL_CAN_SCTS)) {
        ok(true, "this OpenSSL has no Certificate Transparency");
        return done_testing();
    }
    ca = test_identity_make(&(test_cert_spec){.common_name = "ca", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){
        .common_name = "x", .altnames = "DNS:www.example.test", .issuer = &ca, .serial = 2});
    make_log();
    make_bearer();
    for (size_t i = 0; i < 2; i++) {
        version = versions[i];
        test_handshake();
        test_certificate();
        test_embedded();
        test_staple();
    }
    test_usage();
    EVP_PKEY_free(log_key);
    test_identity_free(&bearer);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
