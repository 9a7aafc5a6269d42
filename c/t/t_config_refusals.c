/*
 * t_config_refusals.c - values that no context can be made of: refused when they are given, or when the
 * context is made, with the option and the value in the sentence; and the next context works.
 */
#include <errno.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "config.h"
#include "support_files.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf, other;
static iossl_error *err;
static char cert_file[512], key_file[512], other_key_file[512], text_file[512], missing[512];

static iossl_config *
config_new(iossl_role role)
{
    iossl_config *config = iossl_config_new(role, err);

    if (config == NULL)
        bail_out(iossl_error_message(err));
    iossl_error_clear(err);
    return config;
}

/* ---- Refused when given ---------------------------------------------------------------------- */

static iossl_status
min_unknown(iossl_config *config)
{
    return iossl_config_set_min_version(config, "TLSv1_9", err);
}

static iossl_status
max_any(iossl_config *config)
{
    return iossl_config_set_max_version(config, "SSLv23", err);
}

static iossl_status
min_ssl3(iossl_config *config)
{
    return iossl_config_set_min_version(config, "SSLv3", err);
}

static iossl_status
policy_unknown(iossl_config *config)
{
    return iossl_config_set_policy(config, "lax", err);
}

static iossl_status
crl_check_unknown(iossl_config *config)
{
    return iossl_config_set_check_crl(config, (iossl_crl_check)7, err);
}

static iossl_status
no_certs(iossl_config *config)
{
    return iossl_config_add_certs(config, NULL, NULL, 0, err);
}

static iossl_status
dh_missing(iossl_config *config)
{
    return iossl_config_set_dh_file(config, missing, err);
}

static iossl_status
dh_no_parameters(iossl_config *config)
{
    return iossl_config_set_dh_file(config, cert_file, err);
}

static iossl_status
staple_garbage(iossl_config *config)
{
    return iossl_config_set_ocsp_staple(config, NULL, "garbage", 7, err);
}

static iossl_status
responder_https(iossl_config *config)
{
    return iossl_config_set_ocsp_staple_responder(config, "https://ocsp.test/", 1000, err);
}

static iossl_status
alpn_too_many(iossl_config *config)
{
    static const char *names[300];
    static char longest[256];

    memset(longest, 'x', sizeof longest - 1);
    for (size_t i = 0; i < 300; i++)
        names[i] = longest;
    return iossl_config_set_alpn(config, names, 300, err);
}

static iossl_status
ticket_key_short(iossl_config *config)
{
    const iossl_ticket_key key = {.name = "k", .key = "k", .key_len = 47};

    return iossl_config_set_ticket_keys(config, &key, 1, err);
}

static iossl_status
ticket_keys_alike(iossl_config *config)
{
    const iossl_ticket_key keys[] = {{.name = "k", .key = "k", .key_len = 48},
                                     {.name = "k", .key = "l", .key_len = 48}};

    return iossl_config_set_ticket_keys(config, keys, 2, err);
}

static iossl_status
ticket_file_missing(iossl_config *config)
{
    return iossl_config_set_ticket_keys_file(config, missing, err);
}

static iossl_status
psk_empty(iossl_config *config)
{
    return iossl_config_add_client_psk(config, NULL, "me", "", 0, err);
}

static iossl_status
psk_too_long(iossl_config *config)
{
    static const char key[PSK_MAX_PSK_LEN + 1];

    return iossl_config_add_server_psk(config, "you", key, sizeof key, err);
}

static const char *
long_identity(void)
{
    static char name[PSK_MAX_IDENTITY_LEN + 2];

    memset(name, 'x', sizeof name - 1);
    return name;
}

static iossl_status
psk_identity_too_long(iossl_config *config)
{
    return iossl_config_add_client_psk(config, NULL, long_identity(), "key", 3, err);
}

static iossl_status
psk_peer_too_long(iossl_config *config)
{
    return iossl_config_add_server_psk(config, long_identity(), "key", 3, err);
}

static iossl_status
psk_hint_too_long(iossl_config *config)
{
    return iossl_config_set_psk_hint(config, long_identity(), err);
}

static iossl_status
ocsp_mode_below_default(iossl_config *config)
{
    return iossl_config_set_ocsp_mode(config, -2, err);
}

static void
test_refused_at_once(void)
{
    static const struct {
        iossl_status (*set)(iossl_config *config);
        iossl_error_code code;
        const char *words;
    } cases[] = {
        {min_unknown, IOSSL_E_USAGE, "SSL_min_version \"TLSv1_9\" is no protocol version"},
        {max_any, IOSSL_E_USAGE, "SSL_max_version \"SSLv23\" is no protocol version"},
        {policy_unknown, IOSSL_E_USAGE, "SSL_policy \"lax\": there is no policy of this name"},
        {crl_check_unknown, IOSSL_E_USAGE, "SSL_check_crl 7: none of 0 (off), 1 (leaf) and 2 (chain)"},
        {no_certs, IOSSL_E_CERT, "SSL_cert holds none"},
        {dh_missing, IOSSL_E_FILE, "Failed to open DH file"},
        {dh_no_parameters, IOSSL_E_OPTION, "wrong format?"},
        {staple_garbage, IOSSL_E_OPTION, "the 7 bytes given to be stapled are no OCSP response"},
        {responder_https, IOSSL_E_OPTION, "\"https://ocsp.test/\": an address with http:// expected"},
        {alpn_too_many, IOSSL_E_OPTION, "76800 bytes of protocol names; 65535 are possible"},
        {ticket_key_short, IOSSL_E_OPTION, "ticket key 0 has 47 bytes; 32, 48 or 64 are possible"},
        {ticket_keys_alike, IOSSL_E_OPTION, "ticket keys 0 and 1 have the same name"},
        {ticket_file_missing, IOSSL_E_FILE, missing},
        {psk_empty, IOSSL_E_OPTION, "SSL_psk: a key of 0 bytes"},
        {psk_too_long, IOSSL_E_OPTION, "SSL_psk: a key of"},
        {psk_identity_too_long, IOSSL_E_OPTION, "an identity of more than"},
        {psk_peer_too_long, IOSSL_E_OPTION, "an identity of more than"},
        {psk_hint_too_long, IOSSL_E_OPTION, "a PSK identity hint of more than"},
        {ocsp_mode_below_default, IOSSL_E_USAGE, "SSL_ocsp_mode -2: combine"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iossl_config *config = config_new(IOSSL_SERVER);
        iossl_ctx *ctx;

        is_int(cases[i].set(config), IOSSL_ERROR, "refused: %s", cases[i].words);
        is_int(iossl_error_get_code(err), cases[i].code, "with its kind of error");
        like(iossl_error_message(err), cases[i].words, "and in its words");
        ok(ERR_peek_error() == 0, "OpenSSL's queue is empty");
        iossl_error_clear(err);
        ok((ctx = iossl_ctx_new(config, err)) != NULL, "the old value stands, and makes a context");
        iossl_ctx_free(ctx);
        iossl_config_free(config);
    }
#if defined(OPENSSL_NO_SSL3) || defined(OPENSSL_NO_SSL3_METHOD)
    {
        iossl_config *config = config_new(IOSSL_CLIENT);

        is_int(min_ssl3(config), IOSSL_ERROR, "no SSL 3 where OpenSSL has none");
        is_int(iossl_error_get_code(err), IOSSL_E_UNSUPPORTED, "which is told so");
        iossl_config_free(config);
    }
#else
    (void)min_ssl3;
#endif
}

/* ---- Refused when the context is made -------------------------------------------------------- */

static iossl_status
suites_unknown(iossl_config *config)
{
    return iossl_config_set_ciphersuites(config, NULL, "TLS_NOSUCH", err);
}

static iossl_status
groups_none(iossl_config *config)
{
    return iossl_config_set_groups(config, "?NOSUCH:?NEITHER", err);
}

static iossl_status
groups_by_odd_numbers(iossl_config *config)
{
    return iossl_config_set_groups(config, "99999999999:1.2.3", err);
}

static iossl_status
groups_by_no_oid(iossl_config *config)
{
    return iossl_config_set_groups(config, ".:4.", err);
}

static iossl_status
sigalgs_unknown(iossl_config *config)
{
    return iossl_config_set_sigalgs(config, "ECDSA+NOSUCH", err);
}

static iossl_status
range_empty(iossl_config *config)
{
    iossl_status status = iossl_config_set_min_version(config, "TLSv1_3", err);

    return status != IOSSL_OK ? status : iossl_config_set_max_version(config, "TLSv1_2", err);
}

static iossl_status
crl_missing(iossl_config *config)
{
    iossl_status status = iossl_config_set_check_crl(config, IOSSL_CRL_CHAIN, err);

    return status != IOSSL_OK ? status : iossl_config_set_crl_file(config, missing, err);
}

static iossl_status
crl_of_text(iossl_config *config)
{
    iossl_status status = iossl_config_set_check_crl(config, IOSSL_CRL_LEAF, err);

    return status != IOSSL_OK ? status : iossl_config_set_crl_file(config, text_file, err);
}

static iossl_status
client_ca_missing(iossl_config *config)
{
    iossl_status status = iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER, err);

    return status != IOSSL_OK ? status : iossl_config_set_client_ca_file(config, missing, err);
}

static iossl_status
ca_missing(iossl_config *config)
{
    iossl_status status = iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER, err);

    return status != IOSSL_OK ? status : iossl_config_set_ca_file(config, missing, err);
}

static iossl_status
ca_of_text(iossl_config *config)
{
    iossl_status status = iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER, err);

    return status != IOSSL_OK ? status : iossl_config_set_ca_file(config, text_file, err);
}

static iossl_status
cert_of_text(iossl_config *config)
{
    return iossl_config_add_cert_file(config, NULL, text_file, err);
}

static iossl_status
cert_without_key(iossl_config *config)
{
    return iossl_config_add_certs(config, NULL, &leaf.cert, 1, err);
}

static iossl_status
cert_file_without_key(iossl_config *config)
{
    return iossl_config_add_cert_file(config, NULL, cert_file, err);
}

static iossl_status
key_of_another(iossl_config *config)
{
    iossl_status status = iossl_config_add_cert_file(config, NULL, cert_file, err);

    return status != IOSSL_OK ? status
                              : iossl_config_add_key_file(config, NULL, other_key_file, err);
}

static iossl_status
key_of_text(iossl_config *config)
{
    iossl_status status = iossl_config_add_cert_file(config, NULL, cert_file, err);

    return status != IOSSL_OK ? status : iossl_config_add_key_file(config, NULL, text_file, err);
}

static iossl_status
tag_without_host(iossl_config *config)
{
    iossl_status status = iossl_config_add_certs(config, "www.example.test%ec", &leaf.cert, 1, err);

    return status != IOSSL_OK ? status
                              : iossl_config_add_key(config, "www.example.test%ec", leaf.key, err);
}

static iossl_status
staple_for_nobody(iossl_config *config)
{
    return iossl_config_set_ocsp_staple_file(config, "nobody.example.test", cert_file, err);
}

static iossl_status
keylog_in_no_folder(iossl_config *config)
{
    char file[600];

    (void)snprintf(file, sizeof file, "%s/keys", missing);
    return iossl_config_set_keylog_file(config, file, err);
}

static iossl_status
keylog_to_a_device(iossl_config *config)
{
    return iossl_config_set_keylog_file(config, "/dev/null", err);
}

static void
test_refused_by_context(void)
{
    static const struct {
        iossl_status (*set)(iossl_config *config);
        iossl_error_code code;
        const char *words;
    } cases[] = {
        {suites_unknown, IOSSL_E_OPTION, "\"TLS_NOSUCH\" (SSL_ciphersuites)"},
        {groups_none, IOSSL_E_UNSUPPORTED, "knows none of them"},
        {groups_by_no_oid, IOSSL_E_OPTION, "doesn't know \".\""},
        {groups_by_odd_numbers, IOSSL_E_OPTION, "doesn't know \"99999999999\""},
        {sigalgs_unknown, IOSSL_E_OPTION, "doesn't know \"ECDSA+NOSUCH\""},
        {range_empty, IOSSL_E_OPTION, "leaves no protocol"},
        {crl_missing, IOSSL_E_CRL, missing},
        {crl_of_text, IOSSL_E_CRL, text_file},
        {client_ca_missing, IOSSL_E_CA, missing},
        {ca_missing, IOSSL_E_USAGE, missing},
        {ca_of_text, IOSSL_E_CA, text_file},
        {cert_of_text, IOSSL_E_CERT, text_file},
        {cert_without_key, IOSSL_E_KEY, "none was given for the certificate; use SSL_key_file or SSL_key"},
        {cert_file_without_key, IOSSL_E_KEY, cert_file},
        {key_of_another, IOSSL_E_KEY, other_key_file},
        {key_of_text, IOSSL_E_KEY, text_file},
        {tag_without_host, IOSSL_E_OPTION, "no config for www.example.test"},
        {staple_for_nobody, IOSSL_E_OPTION, "nobody.example.test"},
        {keylog_in_no_folder, IOSSL_E_FILE, "can't be written: No such file or directory"},
        {keylog_to_a_device, IOSSL_E_FILE, "is no regular file"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iossl_config *config = config_new(IOSSL_SERVER);

        is_int(cases[i].set(config), IOSSL_OK, "taken for now: %s", cases[i].words);
        ok(iossl_ctx_new(config, err) == NULL, "refused by the context: %s", cases[i].words);
        is_int(iossl_error_get_code(err), cases[i].code, "with its kind of error");
        like(iossl_error_message(err), cases[i].words, "and in its words");
        ok(ERR_peek_error() == 0, "OpenSSL's queue is empty");
        iossl_config_free(config);
    }
}

/* ---- What is taken --------------------------------------------------------------------------- */

static const char *min_version, *max_version;

static void
set_range(iossl_config *config)
{
    if ((min_version != NULL && iossl_config_set_min_version(config, min_version, NULL) != IOSSL_OK)
        || (max_version != NULL
            && iossl_config_set_max_version(config, max_version, NULL) != IOSSL_OK)
        || iossl_config_set_cipher_list(config, NULL, "ALL:@SECLEVEL=0", NULL) != IOSSL_OK)
        bail_out("range");
}

/* Limits alone, and that they can be taken back. */
static void
test_ranges(void)
{
    static const struct {
        const char *min, *max;
        int low, high;
    } cases[] = {
        {"TLSv1_1", NULL, TLS1_1_VERSION, 0},
        {NULL, "TLSv1_2", TLS1_2_VERSION, TLS1_2_VERSION},
        {"TLSv1_2", "TLSv1_2", TLS1_2_VERSION, TLS1_2_VERSION},
        {"tlsv13", NULL, TLS1_3_VERSION, 0},
    };
    iossl_config *config = config_new(IOSSL_CLIENT);
    iossl_ctx *ctx;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        min_version = cases[i].min;
        max_version = cases[i].max;
        ctx = test_client_ctx(&ca, set_range);
        is_int(SSL_CTX_get_min_proto_version(iossl_ctx_get0_ssl_ctx(ctx)), cases[i].low,
               "from %s", cases[i].min == NULL ? "the default" : cases[i].min);
        is_int(SSL_CTX_get_max_proto_version(iossl_ctx_get0_ssl_ctx(ctx)), cases[i].high, "to %s",
               cases[i].max == NULL ? "the newest" : cases[i].max);
        iossl_ctx_free(ctx);
    }
    is_int(iossl_config_set_min_version(config, "TLSv1_3", err), IOSSL_OK, "a limit");
    is_int(iossl_config_set_min_version(config, NULL, err), IOSSL_OK, "is taken back");
    is_int(iossl_config_set_version(config, NULL, err), IOSSL_OK, "no restriction at all");
    ok((ctx = iossl_ctx_new(config, err)) != NULL, "makes a context, too");
    iossl_ctx_free(ctx);
    iossl_config_free(config);
}

/* Settings that files, and handles of files, give to a server: certificate, chain, key, and a tag. */
static void
test_files_of_a_server(void)
{
    iossl_config *config = config_new(IOSSL_SERVER);
    X509 *chain[] = {leaf.cert, ca.cert};
    STACK_OF(X509) *sent = NULL;
    iossl_ctx *ctx;

    is_int(iossl_config_add_cert_file(config, NULL, cert_file, err), IOSSL_OK, "a file of a certificate");
    is_int(iossl_config_add_key_file(config, NULL, key_file, err), IOSSL_OK, "a file of its key");
    is_int(iossl_config_add_cert_file(config, "b.example.test", cert_file, err), IOSSL_OK, "once more");
    is_int(iossl_config_add_key_file(config, "b.example.test", key_file, err), IOSSL_OK, "for a host");
    is_int(iossl_config_add_certs(config, "c.example.test", chain, 2, err), IOSSL_OK, "handles");
    is_int(iossl_config_add_key(config, "c.example.test", leaf.key, err), IOSSL_OK, "with a key");
    is_int(iossl_config_set_client_ca_file(config, cert_file, err), IOSSL_OK, "whom clients may name");
    is_int(iossl_config_add_client_ca(config, ca.cert, err), IOSSL_OK, "and another");
    is_int(iossl_config_set_check_crl(config, IOSSL_CRL_CHAIN, err), IOSSL_OK, "all are looked up");
    is_int(iossl_config_set_dh_auto(config, true, err), IOSSL_OK, "OpenSSL's parameters");
    is_int(iossl_config_set_sigalgs(config, "ECDSA+SHA256:?NO+SUCH", err), IOSSL_OK, "signatures");
    is_int(iossl_config_set_sessions_by_id(config, true, err), IOSSL_OK, "sessions by id");
    is_int(iossl_config_set_keylog_file(config, NULL, err), IOSSL_OK, "no log");
    is_int(iossl_config_set_ticket_keys_file(config, NULL, err), IOSSL_OK, "no file of keys");
    ok((ctx = iossl_ctx_new(config, err)) != NULL, "all that makes a context: %s",
       iossl_error_message(err));
    if (ctx != NULL) {
        SSL_CTX *ssl_ctx = iossl_ctx_get0_ssl_ctx(ctx);

        ok(X509_cmp(SSL_CTX_get0_certificate(ssl_ctx), leaf.cert) == 0, "with the certificate");
        is_int(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(ssl_ctx)), 2, "that names two CAs");
        ok((SSL_CTX_get_options(ssl_ctx) & SSL_OP_NO_TICKET) != 0, "that gives no tickets");
        ok((X509_VERIFY_PARAM_get_flags(SSL_CTX_get0_param(ssl_ctx)) & X509_V_FLAG_CRL_CHECK_ALL) != 0,
           "that looks the whole chain up");
        ok(SSL_CTX_get0_chain_certs(ssl_ctx, &sent) == 1 && sk_X509_num(sent) <= 0,
           "and has no more than the file");
    }
    iossl_ctx_free(ctx);
    iossl_config_free(config);
}

static void
write_files(void)
{
    BIO *cert = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem()), *other_key = BIO_new(BIO_s_mem());

    if (PEM_write_bio_X509(cert, leaf.cert) != 1
        || PEM_write_bio_PrivateKey(key, leaf.key, NULL, NULL, 0, NULL, NULL) != 1
        || PEM_write_bio_PrivateKey(other_key, other.key, NULL, NULL, 0, NULL, NULL) != 1)
        bail_out("PEM");
    (void)snprintf(cert_file, sizeof cert_file, "%s", test_write_bio("cert.pem", cert));
    (void)snprintf(key_file, sizeof key_file, "%s", test_write_bio("key.pem", key));
    (void)snprintf(other_key_file, sizeof other_key_file, "%s",
                   test_write_bio("other.pem", other_key));
    (void)snprintf(text_file, sizeof text_file, "%s", test_write_text("text.pem", "some text\n"));
    (void)snprintf(missing, sizeof missing, "%s", test_path("nosuch"));
}

int
main(void)
{
    tap_start();
    test_folder_make();
    err = iossl_error_new();
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test"});
    other = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:other.test"});
    write_files();
    test_refused_at_once();
    test_refused_by_context();
    test_ranges();
    test_files_of_a_server();
    test_identity_free(&other);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    iossl_error_free(err);
    return done_testing();
}
