/*
 * binding.c - what ties other protocols to a connection: channel bindings and exported keys.
 *
 * Owns      the types of channel binding, and on which connections each of them proves something.
 * Promises  a binding that could be the same on two connections is refused, with the reason; both
 *           ends of a connection get the same bytes.
 * Leaves    the secrets to OpenSSL, what is done with the bytes (SCRAM, RFC 5802) to the program.
 * See       RFC 5929, RFC 9266, RFC 5705, RFC 7627, SSL_export_keying_material(3).
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "conn.h"
#include "error.h"
#include "init.h"

static iossl_status
fail(iossl_error *err, iossl_error_code code, const char *what, const char *why)
{
    iossl_error_set(err, code, IOSSL_RANK_FALLBACK, "%s: %s", what, why);
    return IOSSL_ERROR;
}

/*
 * Without the extended master secret (RFC 7627), someone in the middle can have two connections of TLS
 * 1.2 come to the same secrets, and so to the same binding. TLS 1.3 always has what it brings.
 */
static bool
is_master_secret_unique(SSL *ssl)
{
    return SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1;
}

#define NO_EMS "this connection has no extended master secret (RFC 7627), without which someone in " \
               "the middle could have two connections with the same binding"

/* ---- The three types ------------------------------------------------------------------------- */

/* RFC 5929 section 3: the first Finished message, which the client sends in a full handshake. */
static iossl_status
bind_unique(const iossl_conn *conn, unsigned char *out, size_t *len, iossl_error *err)
{
    SSL *ssl = iossl_conn_get0_ssl(conn);
    bool is_client = iossl_conn_get_role(conn) == IOSSL_CLIENT;

    if (SSL_version(ssl) >= TLS1_3_VERSION)
        return fail(err, IOSSL_E_UNSUPPORTED, "tls-unique",
                    "TLS 1.3 has no such binding; use tls-exporter (RFC 9266)");
    if (!is_master_secret_unique(ssl))
        return fail(err, IOSSL_E_UNSUPPORTED, "tls-unique", NO_EMS);
    *len = is_client == (SSL_session_reused(ssl) == 0)
               ? SSL_get_finished(ssl, out, IOSSL_BINDING_MAX)
               : SSL_get_peer_finished(ssl, out, IOSSL_BINDING_MAX);
    return *len > 0 && *len <= IOSSL_BINDING_MAX
               ? IOSSL_OK
               : fail(err, IOSSL_E_STATE, "tls-unique", "OpenSSL has no Finished message");
}

/* RFC 5929 section 4.1: the digest of the signature, but nothing weaker than SHA-256. */
static const EVP_MD *
end_point_digest(X509 *cert)
{
    int nid = NID_undef;

    if (X509_get_signature_info(cert, &nid, NULL, NULL, NULL) != 1)
        return NULL;
    return nid == NID_md5 || nid == NID_sha1 || nid == NID_sha256 ? iossl_init_sha256()
           : nid == NID_undef                                     ? NULL
                                                                  : EVP_get_digestbynid(nid);
}

static iossl_status
bind_end_point(const iossl_conn *conn, unsigned char *out, size_t *len, iossl_error *err)
{
    bool is_client = iossl_conn_get_role(conn) == IOSSL_CLIENT;
    X509 *peer = is_client ? iossl_conn_get1_peer_cert(conn) : NULL;
    X509 *cert = is_client ? peer : iossl_conn_get0_own_cert(conn);
    iossl_status status = IOSSL_ERROR;
    unsigned int used = 0;
    const EVP_MD *md;

    if (cert == NULL) {
        (void)fail(err, IOSSL_E_STATE, "tls-server-end-point", "the server has no certificate");
        goto done;
    }
    if ((md = end_point_digest(cert)) == NULL) {
        (void)fail(err, IOSSL_E_UNSUPPORTED, "tls-server-end-point",
                   "not defined for the signature of the server's certificate, which has no digest "
                   "of its own (as Ed25519); use tls-exporter");
        goto done;
    }
    if (X509_digest(cert, md, out, &used) != 1) {
        iossl_error_set_openssl(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FALLBACK,
                                "tls-server-end-point");
        goto done;
    }
    *len = used;
    status = IOSSL_OK;
done:
    X509_free(peer);
    return status;
}

/* RFC 9266 section 2. */
static iossl_status
bind_exporter(const iossl_conn *conn, unsigned char *out, size_t *len, iossl_error *err)
{
    static const char label[] = "EXPORTER-Channel-Binding";

    if (!is_master_secret_unique(iossl_conn_get0_ssl(conn)))
        return fail(err, IOSSL_E_UNSUPPORTED, "tls-exporter", NO_EMS);
    if (iossl_conn_export_keying_material(conn, out, 32, label, sizeof label - 1, "", 0, err)
        != IOSSL_OK)
        return IOSSL_ERROR;
    *len = 32;
    return IOSSL_OK;
}

static const struct binding_type {
    const char *name;
    iossl_status (*make)(const iossl_conn *conn, unsigned char *out, size_t *len, iossl_error *err);
} TYPES[] = {
    {"tls-exporter", bind_exporter},
    {"tls-server-end-point", bind_end_point},
    {"tls-unique", bind_unique},
};

/* ---- Public ---------------------------------------------------------------------------------- */

iossl_status
iossl_conn_channel_binding(const iossl_conn *conn, const char *type,
                           unsigned char out[IOSSL_BINDING_MAX], size_t *len, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    size_t i;

    *len = 0;
    for (i = 0; i < sizeof TYPES / sizeof TYPES[0] && strcmp(TYPES[i].name, type) != 0; i++)
        ;
    if (i == sizeof TYPES / sizeof TYPES[0]) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FALLBACK,
                        "channel binding \"%.40s\": known are tls-exporter, tls-server-end-point "
                        "and tls-unique", type);
        return IOSSL_ERROR;
    }
    if (!iossl_conn_is_established(conn) || iossl_conn_is_early(conn))
        return fail(err, IOSSL_E_STATE, type, "there is no binding before the handshake is done, nor "
                                              "after the connection has failed");
    iossl_error_clear_queue();
    if ((status = TYPES[i].make(conn, out, len, err)) != IOSSL_OK)
        *len = 0;
    iossl_error_clear_queue();
    return status;
}

iossl_status
iossl_conn_export_keying_material(const iossl_conn *conn, void *out, size_t len, const char *label,
                                  size_t label_len, const void *context, size_t context_len,
                                  iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;

    if (!iossl_conn_is_established(conn) || iossl_conn_is_early(conn))
        return fail(err, IOSSL_E_STATE, "keying material",
                    "nothing can be exported before the handshake is done, nor after the connection "
                    "has failed");
    iossl_error_clear_queue();
    if (SSL_export_keying_material(iossl_conn_get0_ssl(conn), out, len, label, label_len, context,
                                   context_len, context != NULL) == 1) {
        status = IOSSL_OK;
    } else {
        OPENSSL_cleanse(out, len);
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FALLBACK,
                                "keying material: %zu bytes for the label \"%.*s\" can't be exported",
                                len, label_len > 80 ? 80 : (int)label_len, label);
    }
    iossl_error_clear_queue();
    return status;
}
