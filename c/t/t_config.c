/*
 * t_config.c - each option: its default, what is refused, and that the old value stands then.
 */
#include <errno.h>

#include "config.h"
#include "support_cert.h"
#include "support_files.h"
#include "tap.h"

static iossl_error *err;

static iossl_config *
config_new(iossl_role role)
{
    iossl_config *config = iossl_config_new(role, err);

    if (config == NULL)
        bail_out(iossl_error_message(err));
    iossl_error_clear(err);
    return config;
}

/* ---- Defaults -------------------------------------------------------------------------------- */

static void
test_defaults(void)
{
    iossl_config *client = config_new(IOSSL_CLIENT), *server = config_new(IOSSL_SERVER);

    is_int(client->verify.mode, IOSSL_VERIFY_PEER, "a client verifies");
    ok(client->verify.require_name, "and wants a name for it");
    is_int(server->verify.mode, IOSSL_VERIFY_NONE, "a server asks for no certificate");
    is_int(client->excluded_versions, IOSSL_PROTO_SSL3 | IOSSL_PROTO_TLS1 | IOSSL_PROTO_TLS1_1,
           "TLS begins with 1.2");
    is_str(iossl_strmap_get(client->cipher_lists, ""), IOSSL_DEFAULT_CIPHERS, "no weak ciphers");
    ok(server->honor_cipher_order && !client->honor_cipher_order, "a server chooses the cipher");
    ok(!client->no_default_ca && client->ca_file == NULL && client->ca_path == NULL,
       "the system's trust");
    iossl_config_free(client);
    iossl_config_free(server);
    iossl_config_free(NULL);
}

/* ---- SSL_version ----------------------------------------------------------------------------- */

#define ALL_BUT(bits) (IOSSL_PROTO_ALL & ~(unsigned)(bits))

static void
test_versions(void)
{
    static const struct {
        const char *version;
        unsigned excluded;          /* besides SSLv3, which an OpenSSL may lack */
        iossl_error_code code;
        const char *text;
    } cases[] = {
        {"TLSv1_3", ALL_BUT(IOSSL_PROTO_TLS1_3), IOSSL_E_NONE, ""},
        {"TLSv12", ALL_BUT(IOSSL_PROTO_TLS1_2), IOSSL_E_NONE, ""},
        {"tlsV1_2", ALL_BUT(IOSSL_PROTO_TLS1_2), IOSSL_E_NONE, ""},
        {"SSLv23:!TLSv1:!TLSv1_1", IOSSL_PROTO_SSL3 | IOSSL_PROTO_TLS1 | IOSSL_PROTO_TLS1_1,
         IOSSL_E_NONE, ""},
        {"SSLv23 : !TLSv1_3", IOSSL_PROTO_SSL3 | IOSSL_PROTO_TLS1_3, IOSSL_E_NONE, ""},
        {"", 0, IOSSL_E_USAGE, "invalid SSL_version specified"},
        {"TLSv1_4", 0, IOSSL_E_USAGE, "\"TLSv1_4\"; known are"},
        {"TLSv1_2:TLSv1_3", 0, IOSSL_E_USAGE, "cannot set multiple SSL protocols"},
        {"TLSv1_2:", 0, IOSSL_E_USAGE, "invalid SSL_version specified"},
        {"TLSv1_2 TLSv1_3", 0, IOSSL_E_USAGE, "invalid SSL_version specified"},
        {"SSLv2", 0, IOSSL_E_UNSUPPORTED, "SSL Version SSLv2 not supported"},
        {"TLSv1_2:!TLSv1_2", 0, IOSSL_E_OPTION, "leaves no protocol"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iossl_config *config = config_new(IOSSL_CLIENT);
        unsigned before = config->excluded_versions;
        bool is_good = cases[i].code == IOSSL_E_NONE;

        is_int(iossl_config_set_version(config, cases[i].version, err),
               is_good ? IOSSL_OK : IOSSL_ERROR, "\"%s\"", cases[i].version);
        is_int(iossl_error_get_code(err), cases[i].code, "with its code");
        like(iossl_error_message(err), cases[i].text, "and its words");
        if (is_good)
            is_int(config->excluded_versions | IOSSL_PROTO_SSL3,
                   cases[i].excluded | IOSSL_PROTO_SSL3, "leaves out what it says");
        else
            is_int(config->excluded_versions, before, "leaves the old value");
        iossl_config_free(config);
    }
}

/* ---- Values of other kinds ------------------------------------------------------------------- */

static void
test_protocol_lists(void)
{
    static const char *const good[] = {"h2", "http/1.1"};
    static const unsigned char wire[] = "\x02h2\x08http/1.1";
    char too_long[257];
    const char *const bad[][1] = {{""}, {too_long}};
    iossl_config *config = config_new(IOSSL_CLIENT);

    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    is_int(iossl_config_set_alpn(config, good, 2, err), IOSSL_OK, "two protocols");
    is_mem(config->alpn.wire, config->alpn.len, wire, sizeof wire - 1, "as they are sent");
    for (size_t i = 0; i < 2; i++) {
        iossl_error_clear(err);
        is_int(iossl_config_set_alpn(config, bad[i], 1, err), IOSSL_ERROR,
               "a protocol of %zu bytes is none", strlen(bad[i][0]));
        ok(iossl_error_get_code(err) != IOSSL_E_NONE, "which is an error");
        is_mem(config->alpn.wire, config->alpn.len, wire, sizeof wire - 1, "the old list stands");
    }
    iossl_config_free(config);
}

static void
test_session_id_context(void)
{
    static const char id[SSL_MAX_SID_CTX_LENGTH + 1] = "some name";
    iossl_config *config = config_new(IOSSL_SERVER);

    is_int(iossl_config_set_session_id_context(config, id, 9, err), IOSSL_OK, "nine bytes");
    is_mem(config->sid_ctx, config->sid_ctx_len, "some name", 9, "are kept");
    is_int(iossl_config_set_session_id_context(config, id, sizeof id, err), IOSSL_ERROR, "too many");
    is_int(iossl_config_set_session_id_context(config, id, SSL_MAX_SID_CTX_LENGTH, NULL), IOSSL_OK,
           "as many as can be");
    is_size(config->sid_ctx_len, SSL_MAX_SID_CTX_LENGTH, "are kept");
    iossl_config_free(config);
}

/* Files are looked at when they are named, and told by option, name and reason. */
static void
test_files(void)
{
    const char *missing = test_path("nosuch.pem");
    iossl_config *config = config_new(IOSSL_SERVER);
    char copy[4096];

    (void)snprintf(copy, sizeof copy, "%s", missing);
    is_int(iossl_config_add_cert_file(config, NULL, copy, err), IOSSL_ERROR, "no such certificate");
    is_int(iossl_error_get_code(err), IOSSL_E_USAGE, "is the caller's mistake");
    is_int(iossl_error_get_errno(err), ENOENT, "with the errno");
    like(iossl_error_message(err), "SSL_cert_file", "the option is told");
    like(iossl_error_message(err), copy, "the file, too");
    iossl_error_clear(err);
    is_int(iossl_config_add_key_file(config, NULL, copy, err), IOSSL_ERROR, "no such key");
    like(iossl_error_message(err), "SSL_key_file", "is told likewise");
    iossl_config_free(config);
}

/* Hosts are names without case; a tag makes room for a second certificate. */
static void
test_hosts(void)
{
    test_identity id = test_identity_make(&(test_cert_spec){.common_name = "host"});
    iossl_config *config = config_new(IOSSL_SERVER);

    is_int(iossl_config_add_certs(config, "WWW.Example.Test", &id.cert, 1, err), IOSSL_OK, "a host");
    is_int(iossl_config_add_certs(config, "www.example.test%ec", &id.cert, 1, err), IOSSL_OK,
           "with a second certificate");
    ok(iossl_strmap_get(config->host_certs, "www.example.test") != NULL, "is known in lower case");
    ok(iossl_strmap_get(config->host_certs, "www.example.test%ec") != NULL, "and by its tag");
    ok(iossl_strmap_get(config->host_certs, "") == NULL, "without a default");
    is_int(iossl_config_set_cipher_list(config, "WWW.example.test", "AES256-SHA", err), IOSSL_OK,
           "ciphers of one host");
    is_str(iossl_strmap_get(config->cipher_lists, "www.example.test"), "AES256-SHA", "are its own");
    is_str(iossl_strmap_get(config->cipher_lists, ""), IOSSL_DEFAULT_CIPHERS, "not the others'");
    iossl_config_free(config);
    test_identity_free(&id);
}

static void
test_modes(void)
{
    iossl_config *config = config_new(IOSSL_CLIENT);

    is_int(iossl_config_set_verify_mode(config, 99, err), IOSSL_ERROR, "a mode that isn't");
    is_int(config->verify.mode, IOSSL_VERIFY_PEER, "leaves verification on");
    iossl_error_clear(err);
    is_int(iossl_config_set_ocsp_mode(config, 4096, err), IOSSL_ERROR, "an OCSP mode that isn't");
    is_int(iossl_error_get_code(err), IOSSL_E_USAGE, "is the caller's mistake");
    is_int(iossl_config_set_verify_mode(config, IOSSL_VERIFY_NONE, NULL), IOSSL_OK,
           "verification goes off where that is asked for, and only then");
    is_int(config->verify.mode, IOSSL_VERIFY_NONE, "as it says");
    iossl_config_free(config);
}

int
main(void)
{
    tap_start();
    test_folder_make();
    err = iossl_error_new();
    test_defaults();
    test_versions();
    test_protocol_lists();
    test_session_id_context();
    test_files();
    test_hosts();
    test_modes();
    iossl_error_free(err);
    return done_testing();
}
