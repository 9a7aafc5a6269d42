/*
 * conn_settings.c - what is said about one connection before its handshake.
 *
 * Owns      which settings of its context a connection may have otherwise: names, verification, pins, OCSP.
 * Promises  once the handshake has begun, each of them is refused (IOSSL_E_STATE).
 * Leaves    what a name or a mode means to verify.c, where sessions are kept to conn_sessions.c.
 * See       RFC 6066 section 3, for host names.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn_parts.h"
#include "context.h"
#include "error.h"
#include "ocsp_staple.h"

iossl_status
iossl_conn_only_before_handshake(const iossl_conn *conn, const char *what, iossl_error *err)
{
    if (conn->state == NEW)
        return IOSSL_OK;
    iossl_error_set(err, IOSSL_E_STATE, IOSSL_RANK_FATAL,
                    "%s can only be set before the handshake", what);
    return IOSSL_ERROR;
}

/* ---- Names ----------------------------------------------------------------------------------- */

iossl_status
iossl_conn_set_sni(iossl_conn *conn, const char *name, iossl_error *err)
{
    if (iossl_conn_only_before_handshake(conn, "the server name", err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (name != NULL && name[0] == '\0')
        name = NULL;
    iossl_error_clear_queue();
    if (SSL_set_tlsext_host_name(conn->ssl, name) != 1) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "SSL_hostname \"%s\" can't be sent; up to %d bytes are possible",
                                name, TLSEXT_MAXLEN_host_name);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

iossl_status
iossl_conn_set_verify_name(iossl_conn *conn, const char *name, iossl_error *err)
{
    char *copy = NULL;

    if (iossl_conn_only_before_handshake(conn, "the name to verify", err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (name != NULL && (copy = strdup(name)) == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    free(conn->verifier.name);
    conn->verifier.name = copy;
    iossl_conn_set_verify_name_source(conn, "iossl_conn_set_verify_name()");
    return IOSSL_OK;
}

void
iossl_conn_set_verify_name_source(iossl_conn *conn, const char *source)
{
    (void)snprintf(conn->verifier.name_source, sizeof conn->verifier.name_source, "%s",
                   source == NULL ? "" : source);
}

static bool
is_address(const char *name)
{
    unsigned char address[16];

    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

iossl_status
iossl_conn_set_hostname(iossl_conn *conn, const char *name, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    char *ascii = NULL;
    size_t len;

    if (is_address(name)) {
        if (iossl_conn_set_sni(conn, NULL, err) == IOSSL_OK)
            status = iossl_conn_set_verify_name(conn, name, err);
        goto done;
    }
    if (iossl_idn_to_ascii(&ascii, name, strlen(name), err) != IOSSL_OK)
        return IOSSL_ERROR;
    len = strlen(ascii);
    if (len > 0 && ascii[len - 1] == '.')
        ascii[len - 1] = '\0';          /* RFC 6066 section 3: without a trailing dot */
    if (iossl_conn_set_sni(conn, ascii, err) == IOSSL_OK)
        status = iossl_conn_set_verify_name(conn, name, err);
done:
    if (status == IOSSL_OK)
        iossl_conn_set_verify_name_source(conn, "iossl_conn_set_hostname()");
    iossl_free(ascii);
    return status;
}

/* ---- Verification ---------------------------------------------------------------------------- */

/*
 * A server that verifies has to name the set of sessions it resumes, even if only this connection
 * of its context does; sessions of those that don't verify stay out.
 * See SSL_set_session_id_context(3).
 */
bool
iossl_conn_apply_verify_mode(iossl_conn *conn)
{
    int mode = conn->verifier.settings.mode;
    size_t len;
    const unsigned char *id = iossl_ctx_get0_verified_sid_ctx(conn->ctx, &len);

    SSL_set_verify(conn->ssl, mode, iossl_verify_callback);
    return conn->role == IOSSL_CLIENT || (mode & IOSSL_VERIFY_PEER) == 0
           || SSL_set_session_id_context(conn->ssl, id, (unsigned int)len) == 1;
}

iossl_status
iossl_conn_set_verify_mode(iossl_conn *conn, int mode, iossl_error *err)
{
    if (iossl_conn_only_before_handshake(conn, "SSL_verify_mode", err) != IOSSL_OK
        || iossl_verify_settings_set_mode(&conn->verifier.settings, mode, err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (!iossl_conn_apply_verify_mode(conn)) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

iossl_status
iossl_conn_set_scheme(iossl_conn *conn, const iossl_scheme *scheme, iossl_error *err)
{
    if (iossl_conn_only_before_handshake(conn, "SSL_verifycn_scheme", err) != IOSSL_OK)
        return IOSSL_ERROR;
    conn->verifier.settings.scheme = scheme != NULL ? *scheme : *iossl_scheme_by_name("default");
    return IOSSL_OK;
}

iossl_status
iossl_conn_set_psl(iossl_conn *conn, const iossl_psl *psl, iossl_error *err)
{
    if (iossl_conn_only_before_handshake(conn, "SSL_verifycn_publicsuffix", err) != IOSSL_OK)
        return IOSSL_ERROR;
    conn->verifier.settings.psl = psl;
    return IOSSL_OK;
}

iossl_status
iossl_conn_set_require_name(iossl_conn *conn, bool on, iossl_error *err)
{
    if (iossl_conn_only_before_handshake(conn, "whether a name is required", err) != IOSSL_OK)
        return IOSSL_ERROR;
    conn->verifier.settings.require_name = on;
    return IOSSL_OK;
}

iossl_status
iossl_conn_set_pins(iossl_conn *conn, iossl_pins *pins, bool require, iossl_error *err)
{
    if (iossl_conn_only_before_handshake(conn, "SSL_fingerprint", err) != IOSSL_OK)
        return IOSSL_ERROR;
    iossl_verify_settings_set_pins(&conn->verifier.settings, pins, require);
    return IOSSL_OK;
}

iossl_status
iossl_conn_set_tlsa(iossl_conn *conn, iossl_tlsa *tlsa, iossl_error *err)
{
    if (iossl_conn_only_before_handshake(conn, "SSL_tlsa", err) != IOSSL_OK)
        return IOSSL_ERROR;
    return iossl_verify_settings_set_tlsa(&conn->verifier.settings, tlsa, err);
}

void
iossl_conn_set_verify_cb(iossl_conn *conn, iossl_verify_cb cb, void *arg)
{
    conn->verifier.cb = cb;
    conn->verifier.cb_arg = arg;
}

/* ---- OCSP ------------------------------------------------------------------------------------ */

iossl_status
iossl_conn_set_ocsp_mode(iossl_conn *conn, int mode, iossl_error *err)
{
    if (iossl_conn_only_before_handshake(conn, "SSL_ocsp_mode", err) != IOSSL_OK
        || iossl_staple_check_mode(mode, err) != IOSSL_OK)
        return IOSSL_ERROR;
    conn->verifier.settings.ocsp_mode = mode;
    return IOSSL_OK;
}

/* Takes the place; NULL: there was no memory for it. */
static iossl_status
set_ocsp_place(iossl_conn *conn, iossl_ocsp_place *place, iossl_error *err)
{
    if (place == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    if (iossl_conn_only_before_handshake(conn, "SSL_ocsp_cache", err) != IOSSL_OK) {
        iossl_ocsp_place_free(place);
        return IOSSL_ERROR;
    }
    iossl_ocsp_place_free(conn->staple.place);
    conn->staple.place = place;
    return IOSSL_OK;
}

iossl_status
iossl_conn_set_ocsp_cache(iossl_conn *conn, iossl_ocsp_cache *cache, iossl_error *err)
{
    return set_ocsp_place(conn, iossl_ocsp_place_new_cache(cache), err);
}

iossl_status
iossl_conn_set_ocsp_store(iossl_conn *conn, const iossl_ocsp_store *store, void *arg,
                          iossl_error *err)
{
    return set_ocsp_place(conn, iossl_ocsp_place_new(store, arg), err);
}

void
iossl_conn_set_staple_cb(iossl_conn *conn, iossl_staple_cb cb, void *arg)
{
    conn->staple.cb = cb;
    conn->staple.cb_arg = arg;
}

void
iossl_conn_set_staple_source(iossl_conn *conn, iossl_staple_source source, void *arg)
{
    conn->staple.source = source;
    conn->staple.source_arg = arg;
}
