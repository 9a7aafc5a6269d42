/*
 * t_dh.c - Diffie-Hellman parameters of the program's: from a file, by a handle, chosen by OpenSSL.
 *
 * Handles are what Net::SSLeay's functions give out: OpenSSL 3 deprecates all that makes them, so they
 * are made in this one test.
 */
#undef OPENSSL_NO_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/dh.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "iossl.h"
#include "support_files.h"
#include "support_pair.h"
#include "tap.h"

#define CIPHERS "kDHE:@SECLEVEL=1"

static test_identity ca, leaf;
static iossl_error *err;
static DH *dh;
static EVP_PKEY *rsa;

typedef enum { FROM_FILE, BY_HANDLE, AUTOMATIC, NONE } way;

static way taken;
static const char *dh_file;

static void
set_dh(iossl_config *config)
{
    iossl_status status = IOSSL_OK;

    switch (taken) {
    case FROM_FILE:
        status = iossl_config_set_dh_file(config, dh_file, err);
        break;
    case BY_HANDLE:
        status = iossl_config_set_dh(config, dh, err);
        break;
    case AUTOMATIC:
        status = iossl_config_set_dh_auto(config, true, err);
        break;
    case NONE:
        status = iossl_config_set_dh_auto(config, false, err);
        break;
    }
    if (status != IOSSL_OK || iossl_config_set_version(config, "TLSv1_2", err) != IOSSL_OK
        || iossl_config_set_cipher_list(config, NULL, CIPHERS, err) != IOSSL_OK)
        bail_out(iossl_error_message(err));
}

static void
set_client(iossl_config *config)
{
    if (iossl_config_set_version(config, "TLSv1_2", err) != IOSSL_OK
        || iossl_config_set_cipher_list(config, NULL, CIPHERS, err) != IOSSL_OK)
        bail_out(iossl_error_message(err));
}

/* How many bits the key exchange had; 0: there was no handshake. */
static int
bits_of_handshake(way how)
{
    iossl_ctx *client = test_client_ctx(&ca, set_client), *server;
    EVP_PKEY *key = NULL;
    test_pair pair;
    int bits = 0;

    taken = how;
    server = test_server_ctx(&leaf, set_dh);
    pair = test_pair_new(client, server, "www.example.test");
    if (test_pair_shake(&pair) && SSL_get_peer_tmp_key(iossl_conn_get0_ssl(pair.client), &key) == 1)
        bits = EVP_PKEY_bits(key);
    EVP_PKEY_free(key);
    test_pair_free(&pair);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    return bits;
}

static void
test_ways(void)
{
    BIO *pem = BIO_new(BIO_s_mem());

    if (PEM_write_bio_DHparams(pem, dh) != 1)
        bail_out("parameters in PEM");
    dh_file = test_write_bio("dh.pem", pem);
    is_int(bits_of_handshake(FROM_FILE), 2048, "a handshake uses the parameters of the file");
    is_int(bits_of_handshake(BY_HANDLE), 2048, "or those of the handle");
    is_int(DH_bits(dh), 2048, "which stays the program's");
    ok(bits_of_handshake(AUTOMATIC) >= 1024, "or those that OpenSSL chooses");
    is_int(bits_of_handshake(NONE), 0, "without any, there is no such handshake");
}

/* A handle that holds no parameters is told when it is given, or when the context is made. */
static void
test_empty_handle(void)
{
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    DH *empty = DH_new();
    iossl_status status;
    iossl_ctx *ctx = NULL;

    status = iossl_config_set_dh(config, empty, err);
    if (status == IOSSL_OK)
        ctx = iossl_ctx_new(config, err);
    ok(ctx == NULL, "a handle without parameters makes no context");
    is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "which is an option's fault");
    like(iossl_error_message(err), "DH", "of which is told");
    ok(ERR_peek_error() == 0, "OpenSSL's queue is empty");
    iossl_error_clear(err);
    DH_free(empty);
    iossl_config_free(config);
}

/* Parameters of another kind of key are none. */
static void
test_other_parameters(void)
{
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);
    const char *file = test_write_text("ec.pem", "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                                                 "-----END EC PARAMETERS-----\n");

    is_int(iossl_config_set_dh_file(config, file, err), IOSSL_ERROR,
           "parameters of an elliptic curve");
    is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "are an option's fault");
    like(iossl_error_message(err), "wrong format?", "and told as such");
    iossl_error_clear(err);
    iossl_config_free(config);
}

int
main(void)
{
    tap_start();
    test_folder_make();
    err = iossl_error_new();
    if ((dh = DH_get_2048_256()) == NULL || (rsa = iossl_key_new_rsa(2048, err)) == NULL)
        bail_out("parameters and a key");
    ca = test_identity_make(&(test_cert_spec){.common_name = "test CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.issuer = &ca, .altnames = "DNS:www.example.test",
                                                .key = rsa});
    test_ways();
    test_empty_handle();
    test_other_parameters();
    test_identity_free(&leaf);
    test_identity_free(&ca);
    EVP_PKEY_free(rsa);
    DH_free(dh);
    iossl_error_free(err);
    return done_testing();
}
