/*
 * tlsopts.c - groups of options that several commands have: see tlsopts.h.
 */
#include "tlsopts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "load.h"
#include "show.h"

const tool_option TLS_TRUST[TLS_TRUST_N] = {
    {0, "ca-file", "FILE", OPT_TEXT, offsetof(tls_trust, ca_file), "SSL_ca_file",
     "trust the CA certificates of this file (PEM), not those of the system", 0, 0},
    {0, "ca-path", "DIR", OPT_TEXT, offsetof(tls_trust, ca_path), "SSL_ca_path",
     "trust the CA certificates of this folder, named by hash", 0, 0},
    {0, "crl-file", "FILE", OPT_TEXT, offsetof(tls_trust, crl_file), "SSL_crl_file",
     "check the certificate against this revocation list (PEM)", 0, 0},
};

const tool_option TLS_IDENTITY[TLS_IDENTITY_N] = {
    {0, "cert", "FILE", OPT_TEXT, offsetof(tls_identity, cert), "SSL_cert_file",
     "our certificate with its chain: PEM, DER or PKCS#12; or a URI, as pkcs11:token=T;object=O", 0, 0},
    {0, "key", "FILE", OPT_TEXT, offsetof(tls_identity, key), "SSL_key_file",
     "its private key, or a URI; default: it is in the same place", 0, 0},
};

const tool_option TLS_PROTOCOL[TLS_PROTOCOL_N] = {
    {0, "protocol", "VERSIONS", OPT_TEXT, offsetof(tls_protocol, version), "SSL_version",
     "as TLSv1_3, or SSLv23:!TLSv1_3 for all but one; default: TLS 1.2 and newer", 0, 0},
    {0, "ciphers", "LIST", OPT_TEXT, offsetof(tls_protocol, ciphers), "SSL_cipher_list",
     "ciphers of TLS 1.2 and older, see openssl-ciphers(1)", 0, 0},
    {0, "ciphersuites", "LIST", OPT_TEXT, offsetof(tls_protocol, ciphersuites), "SSL_ciphersuites",
     "ciphersuites of TLS 1.3, with colons between", 0, 0},
    {0, "groups", "LIST", OPT_TEXT, offsetof(tls_protocol, groups), "SSL_groups",
     "groups for the key exchange, as ?X25519MLKEM768:X25519 (?: where OpenSSL has it)", 0, 0},
    {0, "sigalgs", "LIST", OPT_TEXT, offsetof(tls_protocol, sigalgs), "SSL_sigalgs",
     "signature algorithms, as ECDSA+SHA256:RSA-PSS+SHA256", 0, 0},
    {0, "min-version", "VERSION", OPT_TEXT, offsetof(tls_protocol, min_version), "SSL_min_version",
     "the oldest version, as TLSv1_2", 0, 0},
    {0, "max-version", "VERSION", OPT_TEXT, offsetof(tls_protocol, max_version), "SSL_max_version",
     "the newest version", 0, 0},
    {0, "policy", "NAME", OPT_TEXT, offsetof(tls_protocol, policy), "SSL_policy",
     "a named set of these: modern, compatible, modern-2026, strict", 0, 0},
    {0, "alpn", "LIST", OPT_TEXT, offsetof(tls_protocol, alpn), "SSL_alpn_protocols",
     "application protocols, with commas between, as h2,http/1.1", 0, 0},
    {0, "propq", "PROPERTIES", OPT_TEXT, offsetof(tls_protocol, propq), "SSL_propq",
     "algorithms of OpenSSL 3 with these properties only, as fips=yes", 0, 0},
    {0, "ktls", NULL, OPT_FLAG, offsetof(tls_protocol, ktls), "SSL_ktls",
     "let the kernel encrypt, where it and OpenSSL can; it is told whether they do", 0, 0},
    {0, "key-update-bytes", "N", OPT_INT, offsetof(tls_protocol, key_update_bytes),
     "SSL_key_update_bytes", "renew the keys after so many bytes (TLS 1.3)", 1, LONG_MAX},
};

const tool_option TLS_PROOF[TLS_PROOF_N] = {
    {0, "channel-binding", "TYPE", OPT_TEXT, offsetof(tls_proof, binding), NULL,
     "tell this channel binding: tls-exporter, tls-server-end-point or tls-unique", 0, 0},
    {0, "export-key", "LABEL", OPT_TEXT, offsetof(tls_proof, label), NULL,
     "tell 32 bytes of exported keying material with this label, as EXPORTER-x", 0, 0},
};

bool
tls_apply_trust(iossl_config *config, const tls_trust *trust, iossl_error *err)
{
    return (trust->ca_file == NULL
            || iossl_config_set_ca_file(config, trust->ca_file, err) == IOSSL_OK)
           && (trust->ca_path == NULL
               || iossl_config_set_ca_path(config, trust->ca_path, err) == IOSSL_OK)
           && (trust->crl_file == NULL
               || (iossl_config_set_crl_file(config, trust->crl_file, err) == IOSSL_OK
                   && iossl_config_set_check_crl(config, true, err) == IOSSL_OK));
}

bool
tls_apply_identity(iossl_config *config, const tls_identity *identity, iossl_error *err)
{
    if (identity->key != NULL && identity->cert == NULL) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL, "--key without --cert: whose key?");
        return false;
    }
    iossl_config_set_passwd_cb(config, tool_ask_password,
                               (void *)(identity->key != NULL ? identity->key : identity->cert));
    return identity->cert == NULL
           || (iossl_config_add_cert_file(config, NULL, identity->cert, err) == IOSSL_OK
               && (identity->key == NULL
                   || iossl_config_add_key_file(config, NULL, identity->key, err) == IOSSL_OK));
}

static bool
apply_alpn(iossl_config *config, const char *list, iossl_error *err)
{
    const char *protocols[TOOL_LIST_MAX];
    char *copy = tool_copy(list), *rest = copy, *one;
    iossl_status status = IOSSL_ERROR;
    size_t n = 0;

    while ((one = strtok_r(NULL, ",", &rest)) != NULL && n < TOOL_LIST_MAX)
        protocols[n++] = one;
    if (n == 0)
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL, "--alpn \"%s\" names no protocol",
                        list);
    else
        status = iossl_config_set_alpn(config, protocols, n, err);
    free(copy);
    return status == IOSSL_OK;
}

bool
tls_apply_protocol(iossl_config *config, const tls_protocol *protocol, iossl_error *err)
{
    iossl_config_set_ktls(config, protocol->ktls);
    return iossl_config_set_library(config, NULL, protocol->propq, err) == IOSSL_OK
           && iossl_config_set_key_update_bytes(config, (uint64_t)protocol->key_update_bytes, err)
                  == IOSSL_OK
           && (protocol->policy == NULL
            || iossl_config_set_policy(config, protocol->policy, err) == IOSSL_OK)
           && iossl_config_set_min_version(config, protocol->min_version, err) == IOSSL_OK
           && iossl_config_set_max_version(config, protocol->max_version, err) == IOSSL_OK
           && (protocol->sigalgs == NULL
               || iossl_config_set_sigalgs(config, protocol->sigalgs, err) == IOSSL_OK)
           && (protocol->version == NULL
            || iossl_config_set_version(config, protocol->version, err) == IOSSL_OK)
           && (protocol->ciphers == NULL
               || iossl_config_set_cipher_list(config, NULL, protocol->ciphers, err) == IOSSL_OK)
           && (protocol->ciphersuites == NULL
               || iossl_config_set_ciphersuites(config, NULL, protocol->ciphersuites, err)
                      == IOSSL_OK)
           && (protocol->groups == NULL
               || iossl_config_set_groups(config, protocol->groups, err) == IOSSL_OK)
           && (protocol->alpn == NULL || apply_alpn(config, protocol->alpn, err));
}

char *
tls_binding(iossl_conn *conn, const tls_proof *proof, bool *ok)
{
    unsigned char bytes[IOSSL_BINDING_MAX];
    iossl_error *err = iossl_error_new();
    char *text = NULL;
    size_t len;

    if (proof->binding != NULL) {
        *ok = iossl_conn_channel_binding(conn, proof->binding, bytes, &len, err) == IOSSL_OK;
        text = *ok ? describe_hex(bytes, len) : tool_copy(iossl_error_message(err));
    }
    iossl_error_free(err);
    return text;
}

char *
tls_exported_key(iossl_conn *conn, const tls_proof *proof, bool *ok)
{
    unsigned char bytes[32];
    iossl_error *err = iossl_error_new();
    char *text = NULL;

    if (proof->label != NULL) {
        *ok = iossl_conn_export_keying_material(conn, bytes, sizeof bytes, proof->label,
                                                strlen(proof->label), NULL, 0, err) == IOSSL_OK;
        text = *ok ? describe_hex(bytes, sizeof bytes) : tool_copy(iossl_error_message(err));
    }
    iossl_error_free(err);
    return text;
}

const char *
tls_ktls_text(iossl_conn *conn)
{
    const iossl_conn_info *info = iossl_conn_get0_info(conn);
    bool sends = info != NULL && info->ktls_send, receives = info != NULL && info->ktls_recv;

    return sends && receives ? "the kernel encrypts and decrypts"
           : sends           ? "the kernel encrypts, OpenSSL decrypts"
           : receives        ? "the kernel decrypts, OpenSSL encrypts"
                             : "OpenSSL encrypts and decrypts, the kernel doesn't";
}
