/*
 * conn_facts.c - what is known of a connection, each fact by itself.
 *
 * Owns      how a fact is told, and what is told while there is none yet; the program's own pointer.
 * Promises  asking changes nothing, and is possible in every state.
 * Leaves    many facts at once to info.c.
 */
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "conn_parts.h"
#include "error.h"
#include "info.h"
#include "ocsp_staple.h"
#include "psk.h"
#include "socket.h"
#include "transport.h"

/* ---- State ----------------------------------------------------------------------------------- */

bool
iossl_conn_is_established(const iossl_conn *conn)
{
    return conn->state == ESTABLISHED;
}

bool
iossl_conn_has_failed(const iossl_conn *conn)
{
    return conn->state == FAILED;
}

bool
iossl_conn_received_close(const iossl_conn *conn)
{
    return conn->closed_by_peer || (SSL_get_shutdown(conn->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

bool
iossl_conn_sent_close(const iossl_conn *conn)
{
    return conn->closed_by_us;
}

iossl_role
iossl_conn_get_role(const iossl_conn *conn)
{
    return conn->role;
}

int
iossl_conn_get_fd(const iossl_conn *conn)
{
    return iossl_transport_fd(conn->transport);
}

char *
iossl_conn_peer_address(const iossl_conn *conn)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char text[IOSSL_ADDRESS_TEXT];
    int fd = iossl_conn_get_fd(conn);

    if (fd < 0 || getpeername(fd, (struct sockaddr *)&address, &len) != 0)
        return NULL;
    (void)iossl_socket_address_text(text, (struct sockaddr *)&address, len, true);
    return text[0] == '\0' ? NULL : strdup(text);
}

/* ---- What was agreed on ---------------------------------------------------------------------- */

const char *
iossl_conn_get0_cipher(const iossl_conn *conn)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(conn->ssl);

    return cipher == NULL ? NULL : SSL_CIPHER_get_name(cipher);
}

/* Until a ServerHello chose one, SSL_version(3) only tells the highest that is possible. */
static bool
has_version(const iossl_conn *conn)
{
    return conn->state != NEW && SSL_get_current_cipher(conn->ssl) != NULL;
}

const char *
iossl_conn_get0_version(const iossl_conn *conn)
{
    switch (iossl_conn_get_version_number(conn)) {
    case TLS1_3_VERSION:
        return "TLSv1_3";
    case TLS1_2_VERSION:
        return "TLSv1_2";
    case TLS1_1_VERSION:
        return "TLSv1_1";
    case TLS1_VERSION:
        return "TLSv1";
    case SSL3_VERSION:
        return "SSLv3";
    default:
        return NULL;
    }
}

int
iossl_conn_get_version_number(const iossl_conn *conn)
{
    return has_version(conn) ? SSL_version(conn->ssl) : 0;
}

const char *
iossl_conn_get0_group(const iossl_conn *conn)
{
    const char *name = has_version(conn) ? iossl_compat_group_name(conn->ssl) : NULL;

    iossl_error_clear_queue();
    return name;
}

const iossl_conn_info *
iossl_conn_get0_info(iossl_conn *conn)
{
    if (conn->info == NULL && (conn->info = calloc(1, sizeof *conn->info)) == NULL)
        return NULL;
    iossl_info_fill(conn->info, conn);
    conn->info->shown.handshake_us = conn->handshake_us;
    return &conn->info->shown;
}

const char *
iossl_conn_get0_servername(const iossl_conn *conn)
{
    return SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name);
}

const unsigned char *
iossl_conn_get0_alpn(const iossl_conn *conn, size_t *len)
{
    const unsigned char *name = NULL;
    unsigned int n = 0;

    SSL_get0_alpn_selected(conn->ssl, &name, &n);
    *len = n;
    return name;
}

const unsigned char *
iossl_conn_get0_npn(const iossl_conn *conn, size_t *len)
{
    const unsigned char *name = NULL;
    unsigned int n = 0;

#ifndef OPENSSL_NO_NEXTPROTONEG
    SSL_get0_next_proto_negotiated(conn->ssl, &name, &n);
#else
    (void)conn;
#endif
    *len = n;
    return name;
}

bool
iossl_conn_is_resumed(const iossl_conn *conn)
{
    return SSL_session_reused(conn->ssl) == 1 && !conn->has_psk;    /* a key of TLS 1.3 looks like one */
}

const char *
iossl_conn_get0_psk_identity(const iossl_conn *conn)
{
    return conn->has_psk ? conn->psk->identity : NULL;
}

/* ---- Certificates ---------------------------------------------------------------------------- */

const char *
iossl_conn_get0_verified_name(const iossl_conn *conn)
{
    return conn->verifier.name_verified ? conn->verifier.name : NULL;
}

X509 *
iossl_conn_get1_peer_cert(const iossl_conn *conn)
{
    return iossl_compat_get1_peer_certificate(conn->ssl);
}

STACK_OF(X509) *
iossl_conn_get0_peer_chain(const iossl_conn *conn)
{
    return SSL_get_peer_cert_chain(conn->ssl);
}

STACK_OF(X509) *
iossl_conn_get0_refused_chain(const iossl_conn *conn)
{
    return conn->verifier.refused;
}

STACK_OF(X509) *
iossl_conn_get0_verified_chain(const iossl_conn *conn)
{
    return SSL_get0_verified_chain(conn->ssl);
}

X509 *
iossl_conn_get0_own_cert(const iossl_conn *conn)
{
    return SSL_get_certificate(conn->ssl);
}

iossl_staple_state
iossl_conn_get_staple_state(const iossl_conn *conn)
{
    return conn->staple.state;
}

const char *
iossl_conn_get0_staple_error(const iossl_conn *conn)
{
    return conn->staple.state == IOSSL_STAPLE_UNUSABLE ? conn->staple.text : NULL;
}

const unsigned char *
iossl_conn_get0_staple(const iossl_conn *conn, size_t *len)
{
    const unsigned char *der = NULL;
    long n = conn->role == IOSSL_CLIENT ? SSL_get_tlsext_status_ocsp_resp(conn->ssl, &der) : 0;

    *len = n > 0 && der != NULL ? (size_t)n : 0;
    return *len > 0 ? der : NULL;
}

/* ---- What a connection is made of ------------------------------------------------------------ */

SSL *
iossl_conn_get0_ssl(const iossl_conn *conn)
{
    return conn->ssl;
}

iossl_ctx *
iossl_conn_get0_ctx(const iossl_conn *conn)
{
    return conn->ctx;
}

void
iossl_conn_set_app_data(iossl_conn *conn, void *data)
{
    conn->app_data = data;
}

void *
iossl_conn_get_app_data(const iossl_conn *conn)
{
    return conn->app_data;
}

iossl_staple *
iossl_conn_get0_staple_settings(iossl_conn *conn)
{
    return &conn->staple;
}

iossl_ocsp_place *
iossl_conn_get0_ocsp_place(const iossl_conn *conn)
{
    return conn->staple.place;
}

iossl_psk_state *
iossl_conn_get0_psk(iossl_conn *conn)
{
    return conn->psk;
}

iossl_verifier *
iossl_conn_get0_verifier(iossl_conn *conn)
{
    return &conn->verifier;
}

iossl_transport *
iossl_conn_get0_transport(const iossl_conn *conn)
{
    return conn->transport;
}
