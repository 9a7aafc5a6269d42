/*
 * info.c - what a connection has come to, in one place and in one line.
 *
 * Owns      the names of signature algorithms, the line that iossl_conn_summary() gives.
 * Promises  costs nothing until it is asked for: all is read from OpenSSL, or noted once a handshake.
 * Leaves    single facts to conn_facts.c.
 * See       SSL_get_peer_signature_nid(3), BIO_number_read(3).
 */
#include "info.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "dane.h"
#include "error.h"
#include "ktls.h"
#include "quote.h"

/* As the lists of SSL_sigalgs have it: "ECDSA+SHA256", "RSA-PSS+SHA256", "ed25519"; "": none. */
static void
name_signature(char *out, size_t size, int type, int digest)
{
    static const struct {
        int type;
        const char *name;
    } NAMES[] = {
        {EVP_PKEY_RSA, "RSA"}, {EVP_PKEY_RSA_PSS, "RSA-PSS"}, {EVP_PKEY_EC, "ECDSA"},
        {EVP_PKEY_DSA, "DSA"}, {EVP_PKEY_ED25519, "ed25519"}, {EVP_PKEY_ED448, "ed448"},
    };
    const char *name = type == NID_undef ? NULL : OBJ_nid2sn(type);

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (NAMES[i].type == type)
            name = NAMES[i].name;
    if (name == NULL)
        out[0] = '\0';
    else
        (void)snprintf(out, size, "%s%s%s", name, digest == NID_undef ? "" : "+",
                       digest == NID_undef ? "" : OBJ_nid2sn(digest));
}

/* By which the key of this role's side has signed the handshake; NULL: it hasn't. */
static const char *
signature_of(iossl_info *info, SSL *ssl, iossl_role owner, iossl_role ours)
{
    char *out = owner == IOSSL_SERVER ? info->server_signature : info->client_signature;
    int type = NID_undef, digest = NID_undef;

    if (owner == ours
            ? SSL_get_signature_type_nid(ssl, &type) == 1 && SSL_get_signature_nid(ssl, &digest) == 1
            : SSL_get_peer_signature_type_nid(ssl, &type) == 1
                  && SSL_get_peer_signature_nid(ssl, &digest) == 1)
        name_signature(out, sizeof info->server_signature, type, digest);
    else
        out[0] = '\0';
    return out[0] == '\0' ? NULL : out;
}

void
iossl_info_fill(iossl_info *info, iossl_conn *conn)
{
    iossl_conn_info *shown = &info->shown;
    SSL *ssl = iossl_conn_get0_ssl(conn);
    iossl_role role = iossl_conn_get_role(conn);
    bool is_resumed = iossl_conn_is_resumed(conn);
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);

    *shown = (iossl_conn_info){
        .protocol = iossl_conn_get0_version(conn),
        .cipher = iossl_conn_get0_cipher(conn),
        .cipher_bits = cipher == NULL ? 0 : SSL_CIPHER_get_bits(cipher, NULL),
        .group = iossl_conn_get0_group(conn),
        .is_resumed = is_resumed,
        .early_data = (iossl_early_data)SSL_get_early_data_status(ssl),
        .ktls_send = iossl_ktls_sends(SSL_get_wbio(ssl)),
        .ktls_recv = iossl_ktls_receives(SSL_get_rbio(ssl)),
        .bytes_in = BIO_number_read(SSL_get_rbio(ssl)),
        .bytes_out = BIO_number_written(SSL_get_wbio(ssl)),
    };
    free(info->tlsa);
    shown->tlsa = info->tlsa = iossl_conn_is_established(conn) ? iossl_tlsa_matched(ssl) : NULL;
    if (iossl_conn_is_established(conn) && !is_resumed
        && iossl_conn_get0_psk_identity(conn) == NULL) {
        shown->signature = signature_of(info, ssl, IOSSL_SERVER, role);
        shown->client_signature = signature_of(info, ssl, IOSSL_CLIENT, role);
    }
    shown->alpn = iossl_conn_get0_alpn(conn, &shown->alpn_len);
    iossl_error_clear_queue();
}

void
iossl_info_free(iossl_info *info)
{
    if (info != NULL)
        free(info->tlsa);
    free(info);
}

/* ---- One line -------------------------------------------------------------------------------- */

/* Adds to the line, as far as there is room. */
static void
add(char *line, size_t size, const char *fmt, ...) IOSSL_PRINTF(3, 4);

static void
add(char *line, size_t size, const char *fmt, ...)
{
    size_t len = strlen(line);
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line + len, size - len, fmt, args);
    va_end(args);
}

char *
iossl_conn_summary(iossl_conn *conn)
{
    static const char *const EARLY[] = {"", ", early data rejected", ", early data accepted"};
    const iossl_conn_info *info = iossl_conn_get0_info(conn);
    char line[1024] = "";

    if (info == NULL)
        return NULL;
    add(line, sizeof line, "%s, %s", info->protocol == NULL ? "no protocol yet" : info->protocol,
        info->cipher == NULL ? "no cipher" : info->cipher);
    if (info->group != NULL)
        add(line, sizeof line, ", group %s", info->group);
    if (info->signature != NULL)
        add(line, sizeof line, ", signed with %s", info->signature);
    if (info->client_signature != NULL)
        add(line, sizeof line, ", client's signature %s", info->client_signature);
    add(line, sizeof line, "%s%s", info->is_resumed ? ", resumed" : "",
        EARLY[info->early_data <= IOSSL_EARLY_ACCEPTED ? info->early_data : IOSSL_EARLY_NONE]);
    if (info->alpn_len > 0) {
        char name[IOSSL_QUOTED];

        add(line, sizeof line, ", ALPN %s",
            iossl_quote(name, (const char *)info->alpn, info->alpn_len));
    }
    if (info->tlsa != NULL)
        add(line, sizeof line, ", TLSA record %.5s", info->tlsa);
    if (info->ktls_send || info->ktls_recv)
        add(line, sizeof line, ", kernel TLS %s", !info->ktls_recv  ? "out"
                                                  : info->ktls_send ? "both ways"
                                                                    : "in");
    if (info->handshake_us >= 0)
        add(line, sizeof line, ", %lld.%03lld ms", (long long)(info->handshake_us / 1000),
            (long long)(info->handshake_us % 1000));
    add(line, sizeof line, ", %llu bytes in, %llu out", (unsigned long long)info->bytes_in,
        (unsigned long long)info->bytes_out);
    return strdup(line);
}
