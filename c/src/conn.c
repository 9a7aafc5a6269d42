/*
 * conn.c - a connection: its states, and the one loop that drives every operation.
 *
 * Owns      the SSL object, its transport and read-ahead buffer, the verifier; the translation of
 *           OpenSSL's results into iossl_status, which happens in classify() and nowhere else.
 * Promises  an operation is exactly the system calls of OpenSSL itself, plus a poll(2) each time it
 *           has to wait under a deadline; the error queue is empty before and after.
 * Leaves    bytes to transport.c, who the peer is to verify.c, lines to linebuf.c.
 * See       SSL_get_error(3), SSL_shutdown(3), RFC 8446.
 *
 * States, and what may be done in each
 *
 *   NEW          settings, handshake
 *   HANDSHAKING  handshake (again, after a want)
 *   ESTABLISHED  read, write, shutdown; closed_by_peer: no more data comes, writing still works;
 *                closed_by_us: no more writing, reading still works; early.is_open: the same, on a
 *                server whose handshake isn't over
 *   FAILED       asking why, freeing. From any state; there is no way back.
 */
#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "advice.h"
#include "compat.h"
#include "conn_parts.h"
#include "context.h"
#include "deadline.h"
#include "early.h"
#include "error.h"
#include "info.h"
#include "init.h"
#include "linebuf.h"
#include "ocsp_staple.h"
#include "psk.h"
#include "session.h"
#include "socket.h"
#include "transport.h"

/* RFC 8446 section 5.1: no record carries more. */
#define MAX_PLAINTEXT 16384

/* ---- Life ------------------------------------------------------------------------------------ */

/*
 * A server that verifies has to name the set of sessions it resumes, even if only this connection
 * of its context does; sessions of those that don't verify stay out.
 * See SSL_set_session_id_context(3).
 */
static bool
apply_verify_mode(iossl_conn *conn)
{
    int mode = conn->verifier.settings.mode;
    size_t len;
    const unsigned char *id = iossl_ctx_get0_verified_sid_ctx(conn->ctx, &len);

    SSL_set_verify(conn->ssl, mode, iossl_verify_callback);
    return conn->role == IOSSL_CLIENT || (mode & IOSSL_VERIFY_PEER) == 0
           || SSL_set_session_id_context(conn->ssl, id, (unsigned int)len) == 1;
}

/* Notes alerts, and passes on what a program listens to by the SSL_CTX. */
static void
on_info(const SSL *ssl, int where, int value)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);
    void (*next)(const SSL *, int, int) = SSL_CTX_get_info_callback(SSL_get_SSL_CTX(ssl));

    if (conn != NULL && (where & SSL_CB_ALERT) != 0 && (value & 0xff) != SSL_AD_CLOSE_NOTIFY) {
        conn->alert = value & 0xff;
        conn->alert_was_sent = (where & SSL_CB_WRITE) != 0;
    }
    if (next != NULL)
        next(ssl, where, value);
}

static bool
attach_ssl(iossl_conn *conn)
{
    BIO *bio;

    if ((conn->ssl = SSL_new(iossl_ctx_get0_ssl_ctx(conn->ctx))) == NULL
        || SSL_set_ex_data(conn->ssl, iossl_init_conn_index(), conn) != 1
        || (bio = iossl_transport_bio_new(conn->transport)) == NULL)
        return false;
    SSL_set_bio(conn->ssl, bio, bio);
    SSL_set_info_callback(conn->ssl, on_info);
    if (iossl_ctx_wants_ktls(conn->ctx) && iossl_transport_use_kernel(conn->transport)) {
        if ((conn->kernel_out = malloc(MAX_PLAINTEXT)) == NULL)
            return false;
        iossl_compat_enable_ktls(conn->ssl);
    }
    if (!apply_verify_mode(conn))
        return false;
    if (conn->role == IOSSL_CLIENT)
        SSL_set_connect_state(conn->ssl);
    else
        SSL_set_accept_state(conn->ssl);
    return true;
}

iossl_conn *
iossl_conn_new(iossl_ctx *ctx, iossl_role role, iossl_transport *transport, iossl_error *err)
{
    iossl_conn *conn = NULL;

    if (transport == NULL)
        return NULL;            /* err says why already */
    if (ctx == NULL) {
        iossl_transport_free(transport);
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FALLBACK, "a connection needs a context");
        return NULL;
    }
    iossl_error_clear_queue();
    if (!iossl_init(err)) {
        iossl_transport_free(transport);
        return NULL;
    }
    if ((conn = calloc(1, sizeof *conn)) == NULL) {
        iossl_transport_free(transport);
        iossl_error_memory(err);
        return NULL;
    }
    atomic_init(&conn->refs, 1);
    conn->role = role;
    conn->alert = -1;
    conn->handshake_us = -1;
    conn->rekey_bytes = iossl_ctx_get_key_update_bytes(ctx);
    conn->transport = transport;
    ctx = conn->ctx = iossl_ctx_get1_current(ctx);
    conn->staple.place = iossl_ocsp_place_up_ref(iossl_ctx_get0_ocsp_place(ctx));
    if (role == IOSSL_SERVER)
        conn->early.max = iossl_ctx_get_max_early_data(ctx, &conn->early.insists);
    if (!iossl_verifier_init(&conn->verifier, role, iossl_ctx_get0_verify_settings(ctx))
        || !iossl_psk_state_new(&conn->psk, iossl_ctx_get0_psks(ctx)) || !attach_ssl(conn)) {
        iossl_error_set_openssl(err, IOSSL_E_MEMORY, IOSSL_RANK_FATAL,
                                "SSL structure creation failed");
        iossl_conn_free(conn);
        return NULL;
    }
    return conn;
}

iossl_conn *
iossl_conn_new_fd(iossl_ctx *ctx, iossl_role role, int fd, iossl_error *err)
{
    return iossl_conn_new(ctx, role, iossl_transport_new_fd(fd, err), err);
}

iossl_conn *
iossl_conn_new_owned_fd(iossl_ctx *ctx, iossl_role role, int fd, iossl_error *err)
{
    return iossl_conn_new(ctx, role, iossl_transport_new_owned_fd(fd, err), err);
}

iossl_conn *
iossl_conn_up_ref(iossl_conn *conn)
{
    if (conn != NULL)
        atomic_fetch_add_explicit(&conn->refs, 1, memory_order_relaxed);
    return conn;
}

void
iossl_conn_free(iossl_conn *conn)
{
    if (conn == NULL || atomic_fetch_sub_explicit(&conn->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (conn->ssl != NULL) {    /* which the program may have a reference of */
        (void)SSL_set_ex_data(conn->ssl, iossl_init_conn_index(), NULL);
        SSL_set_msg_callback(conn->ssl, NULL);
        SSL_set_info_callback(conn->ssl, NULL);
        SSL_free(conn->ssl);
    }
    iossl_transport_free(conn->transport);
    iossl_verifier_cleanup(&conn->verifier);
    iossl_linebuf_cleanup(&conn->lines);
    SSL_SESSION_free(conn->fresh);
    iossl_session_place_cleanup(&conn->sessions);
    iossl_staple_cleanup(&conn->staple);
    free(conn->psk);
    iossl_ctx_free(conn->host_ctx);
    iossl_ctx_free(conn->ctx);
    iossl_info_free(conn->info);
    iossl_early_cleanup(&conn->early);
    if (conn->kernel_out != NULL)
        OPENSSL_cleanse(conn->kernel_out, MAX_PLAINTEXT);
    free(conn->kernel_out);
    free(conn);
    iossl_error_clear_queue();
}

/* ---- Settings -------------------------------------------------------------------------------- */

iossl_status
iossl_conn_only_before_handshake(const iossl_conn *conn, const char *what, iossl_error *err)
{
    if (conn->state == NEW)
        return IOSSL_OK;
    iossl_error_set(err, IOSSL_E_STATE, IOSSL_RANK_FATAL,
                    "%s can only be set before the handshake", what);
    return IOSSL_ERROR;
}

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

iossl_status
iossl_conn_set_verify_mode(iossl_conn *conn, int mode, iossl_error *err)
{
    if (iossl_conn_only_before_handshake(conn, "SSL_verify_mode", err) != IOSSL_OK
        || iossl_verify_settings_set_mode(&conn->verifier.settings, mode, err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (!apply_verify_mode(conn)) {
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

static void
on_message(int sent, int version, int content_type, const void *buf, size_t len, SSL *ssl,
           void *arg)
{
    iossl_conn *conn = arg;

    iossl_compat_errors pending;

    (void)ssl;
    /* The last message of an answer to our request. */
    if (conn->request == AWAITED && sent == 0 && content_type == SSL3_RT_HANDSHAKE && len > 0
        && *(const unsigned char *)buf == SSL3_MT_FINISHED)
        conn->request = ANSWERED;
    if (conn->msg_cb == NULL)
        return;
    iossl_compat_errors_take(&pending);     /* an alert is shown after its reason was queued */
    conn->msg_cb(conn->msg_arg, sent != 0, version, content_type, buf, len);
    iossl_compat_errors_put_back(&pending);
}

/* Has messages come to on_message() where somebody waits for them. */
void
iossl_conn_watch_messages(iossl_conn *conn)
{
    bool wanted = conn->msg_cb != NULL || conn->request == TO_BE_SENT || conn->request == AWAITED;

    SSL_set_msg_callback(conn->ssl, wanted ? on_message : NULL);
    SSL_set_msg_callback_arg(conn->ssl, conn);
}

void
iossl_conn_set_msg_cb(iossl_conn *conn, iossl_msg_cb cb, void *arg)
{
    conn->msg_cb = cb;
    conn->msg_arg = arg;
    iossl_conn_watch_messages(conn);
}

iossl_status
iossl_conn_refuse_leftover(iossl_conn *conn, size_t len, iossl_error *err)
{
    if (iossl_conn_only_before_handshake(conn, "what is left of the clear text", err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (len == 0)
        return IOSSL_OK;
    conn->state = FAILED;
    iossl_error_set(err, IOSSL_E_HANDSHAKE, IOSSL_RANK_FATAL,
                    "the peer sent %zu bytes in the clear where TLS was to begin: someone on the "
                    "way may have put them there (RFC 3207 section 6); close the connection",
                    len);
    return IOSSL_ERROR;
}

/* ---- Sessions -------------------------------------------------------------------------------- */

iossl_status
iossl_conn_set_session_store(iossl_conn *conn, const iossl_session_store *store, void *arg,
                             const char *key, iossl_error *err)
{
    iossl_session_place place = {.store = store, .arg = arg};

    if (iossl_conn_only_before_handshake(conn, "the session store", err) != IOSSL_OK)
        goto failed;
    if ((place.key = strdup(key)) == NULL) {
        iossl_error_memory(err);
        goto failed;
    }
    iossl_session_place_cleanup(&conn->sessions);
    conn->sessions = place;
    return IOSSL_OK;
failed:
    iossl_session_place_cleanup(&place);
    return IOSSL_ERROR;
}

iossl_status
iossl_conn_set_session_cache(iossl_conn *conn, iossl_session_cache *cache, const char *key,
                             iossl_error *err)
{
    return iossl_conn_set_session_store(conn, &iossl_session_cache_store,
                                        iossl_session_cache_up_ref(cache), key, err);
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

/* A session that we offered was made under the mode of this connection: that is in its binding. */
bool
iossl_conn_judge_staple(iossl_conn *conn)
{
    return iossl_staple_judge(&conn->staple, &conn->verifier, conn->ssl,
                              conn->sessions.store != NULL && conn->staple.cb == NULL);
}

/* ---- Sessions that come and go --------------------------------------------------------------- */

/* Hands a session over to the store. */
static void
keep_session(iossl_conn *conn, SSL_SESSION *session)
{
    iossl_compat_errors pending;

    iossl_compat_errors_take(&pending);     /* the store may use OpenSSL; see bio_transfer() */
    if (iossl_session_bind(session, &conn->binding))
        conn->sessions.store->add(conn->sessions.arg, conn->sessions.key, session);
    iossl_compat_errors_put_back(&pending);
}

/* Under which a server stores the session; free() it. NULL: without an id it has none, or no memory. */
static char *
served_key(const SSL_SESSION *session)
{
    unsigned int len;
    const unsigned char *id = SSL_SESSION_get_id(session, &len);

    return len == 0 ? NULL : iossl_session_id_key(id, len);
}

/*
 * A server's sessions. They are stored when they are made, before the client is accepted, since with
 * TLS 1.3 there are several; drop_served() takes them out again if it isn't.
 */
static void
keep_served(iossl_conn *conn, SSL_SESSION *session)
{
    static const iossl_binding UNBOUND = {.is_local = false};     /* sid_ctx holds them apart */
    iossl_compat_errors pending;
    char *key = served_key(session);

    iossl_compat_errors_take(&pending);
    if (key != NULL && iossl_session_bind(session, &UNBOUND))
        conn->sessions.store->add(conn->sessions.arg, key, session);
    iossl_compat_errors_put_back(&pending);
    free(key);
}

/* A certificate may have ended since the session was made: then its owner has to show another. */
bool
iossl_conn_may_resume(const iossl_conn *conn, SSL_SESSION *session)
{
    return !iossl_verifier_is_leaf_over(&conn->verifier, conn->ssl, SSL_SESSION_get0_peer(session));
}

SSL_SESSION *
iossl_conn_on_get_session(SSL *ssl, const unsigned char *id, int len, int *copy)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);
    iossl_compat_errors pending;
    SSL_SESSION *session = NULL;
    char *key = NULL;

    *copy = 0;          /* the reference is OpenSSL's */
    if (conn == NULL || conn->sessions.store == NULL || len <= 0)
        return NULL;
    iossl_compat_errors_take(&pending);
    if ((key = iossl_session_id_key(id, (size_t)len)) != NULL)
        session = conn->sessions.store->get1(conn->sessions.arg, key);
    if (session != NULL && !iossl_conn_may_resume(conn, session)) {
        SSL_SESSION_free(session);
        session = NULL;
    }
    iossl_compat_errors_put_back(&pending);
    free(key);
    return session;
}

static void
drop_served(iossl_conn *conn, SSL_SESSION *session)
{
    char *key = served_key(session);

    if (key != NULL)
        conn->sessions.store->del(conn->sessions.arg, key, session);
    free(key);
}

/*
 * A session of ours came: with TLS 1.3 after the handshake, and more than one; before it, at the very
 * end of the handshake, when the peer isn't accepted yet. What a callback of the program let pass is
 * not kept, since on resumption no one would ask it again.
 */
int
iossl_conn_on_new_session(SSL *ssl, SSL_SESSION *session)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);

    if (conn != NULL && conn->sessions.store != NULL && conn->role == IOSSL_SERVER) {
        if (!conn->verifier.is_overruled)
            keep_served(conn, session);
        return 0;
    }
    if (conn == NULL || conn->sessions.store == NULL || !conn->has_binding
        || conn->verifier.is_overruled || conn->staple.cb != NULL)
        return 0;       /* the reference stays OpenSSL's */
    if (conn->state == ESTABLISHED) {
        keep_session(conn, session);
        return 0;
    }
    SSL_SESSION_free(conn->fresh);
    conn->fresh = session;
    return 1;           /* the reference is ours */
}

/* Sessions may be spent: one that OpenSSL gave up as its connection ended without a close_notify, say.
 * So many are passed over, in case a store doesn't let go of any. */
#define MAX_SPENT_SESSIONS 8

/* The first session of the place that can be resumed; NULL: none. A reference. */
static SSL_SESSION *
find_session(const iossl_conn *conn)
{
    const iossl_session_place *place = &conn->sessions;
    SSL_SESSION *session;

    for (int i = 0; i < MAX_SPENT_SESSIONS; i++) {
        if ((session = place->store->get1(place->arg, place->key)) == NULL
            || (SSL_SESSION_is_resumable(session) == 1 && iossl_conn_may_resume(conn, session)))
            return session;
        place->store->del(place->arg, place->key, session);
        SSL_SESSION_free(session);
    }
    return NULL;
}

/* Offers the session that was kept, if it was made under what this connection asks for. */
static void
offer_session(iossl_conn *conn)
{
    const iossl_session_place *place = &conn->sessions;
    /* Code may decide by anything: what one context accepted is nothing to another. */
    bool is_for_one = conn->verifier.cb != NULL || iossl_ctx_is_shaped(conn->ctx);
    SSL_SESSION *session;

    if (place->store == NULL || conn->role != IOSSL_CLIENT || conn->staple.cb != NULL)
        return;
    if (!iossl_binding_make(&conn->binding, &conn->verifier, iossl_ctx_get0_trust(conn->ctx),
                            is_for_one ? iossl_ctx_get0_id(conn->ctx) : NULL, conn->ssl)) {
        iossl_session_place_cleanup(&conn->sessions);       /* no memory: a full handshake does */
        return;
    }
    conn->has_binding = true;
    if ((session = find_session(conn)) == NULL)
        return;
    if (iossl_session_is_bound_to(session, &conn->binding)
        && SSL_set_session(conn->ssl, session) == 1) {
        conn->offered = session;
        /* A ticket of TLS 1.3 is for one connection (RFC 8446 C.4); others may lie behind it. */
        if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
            place->store->del(place->arg, place->key, session);
    }
    if (conn->offered != NULL)
        iossl_early_offer(conn, session);
    SSL_SESSION_free(session);
    iossl_error_clear_queue();
}

/*
 * The handshake is done, so what it brought may be kept. With TLS 1.2 a server can renew the ticket of
 * a session that it resumes, as where its keys have changed; OpenSSL announces only other sessions.
 */
static void
keep_fresh_session(iossl_conn *conn)
{
    SSL_SESSION *now = SSL_get_session(conn->ssl);

    if (conn->fresh != NULL)
        keep_session(conn, conn->fresh);
    else if (conn->offered != NULL && now != conn->offered && now != NULL
             && SSL_session_reused(conn->ssl) == 1 && SSL_version(conn->ssl) < TLS1_3_VERSION)
        keep_session(conn, now);
    SSL_SESSION_free(conn->fresh);
    conn->fresh = NULL;
}

/* A handshake failed: what was offered, or came with it, is not to be tried again. */
static void
drop_session(iossl_conn *conn)
{
    SSL_SESSION *session = SSL_get_session(conn->ssl);

    if (conn->sessions.store != NULL && session != NULL && conn->role == IOSSL_SERVER)
        drop_served(conn, session);
    else if (conn->sessions.store != NULL && session != NULL)
        conn->sessions.store->del(conn->sessions.arg, conn->sessions.key, session);
}

/* ---- The loop -------------------------------------------------------------------------------- */

int
iossl_step_handshake(operation *op, SSL *ssl)
{
    (void)op;
    return SSL_do_handshake(ssl);
}

static int
step_read(operation *op, SSL *ssl)
{
    return SSL_read_ex(ssl, op->in, op->len, &op->done);
}

int
iossl_step_peek(operation *op, SSL *ssl)
{
    return SSL_peek_ex(ssl, op->in, op->len, &op->done);
}

int
iossl_step_write(operation *op, SSL *ssl)
{
    return SSL_write_ex(ssl, op->out, op->len, &op->done);
}

/* 0, "sent, but the peer's is not here yet", is all that this step is for. */
static int
step_shutdown(operation *op, SSL *ssl)
{
    int ret = SSL_shutdown(ssl);

    (void)op;
    return ret == 0 ? 1 : ret;
}

/* Whether the stream ended without a close_notify, however this OpenSSL puts it. */
static bool
is_truncation(const operation *op, const iossl_transfer *last)
{
    if (op->ssl_error == SSL_ERROR_SSL)
        return iossl_compat_is_unexpected_eof(ERR_peek_error()) != 0;
    return op->ssl_error == SSL_ERROR_SYSCALL && last->eof && last->status != IOSSL_ERROR;
}

/* The one place that knows what SSL_get_error(3) means. IOSSL_EOF here is a close_notify. */
static iossl_status
classify(iossl_conn *conn, operation *op, int ret)
{
    const iossl_transfer *last = iossl_transport_get0_last(conn->transport);

    if (ret > 0)
        return IOSSL_OK;
    op->ssl_error = SSL_get_error(conn->ssl, ret);
    op->errnum = last->status == IOSSL_ERROR ? last->errnum : 0;
    /* After a close_notify of the peer, OpenSSL says so even where it is our write that failed. */
    if (op->ssl_error == SSL_ERROR_ZERO_RETURN && last->status == IOSSL_ERROR)
        op->ssl_error = SSL_ERROR_SYSCALL;
    switch (op->ssl_error) {
    case SSL_ERROR_WANT_READ:
        return last->status == IOSSL_INTERRUPTED ? IOSSL_INTERRUPTED : IOSSL_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return last->status == IOSSL_INTERRUPTED ? IOSSL_INTERRUPTED : IOSSL_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        conn->closed_by_peer = true;
        return IOSSL_EOF;
    default:
        conn->is_truncated = conn->is_truncated || is_truncation(op, last);
        return IOSSL_ERROR;
    }
}

static bool
is_want(iossl_status status)
{
    return status == IOSSL_WANT_READ || status == IOSSL_WANT_WRITE;
}

iossl_status
iossl_conn_drive(iossl_conn *conn, operation *op, int64_t timeout_ms)
{
    const iossl_transfer_mode mode = {.never_wait = timeout_ms >= 0, .no_sigpipe = op->no_sigpipe};
    int64_t deadline = iossl_deadline_in(timeout_ms);
    iossl_status status;

    iossl_transport_set_mode(conn->transport, mode);
    for (;;) {
        int64_t left = -1;

        iossl_error_clear_queue();
        iossl_transport_begin(conn->transport);
        status = classify(conn, op, op->step(op, conn->ssl));
        if (!is_want(status) || timeout_ms == IOSSL_AS_FD || timeout_ms == IOSSL_POLL
            || !iossl_transport_can_wait(conn->transport))
            return status;
        if (timeout_ms > 0 && (left = deadline - iossl_now_ms()) <= 0)
            return IOSSL_TIMEOUT;
        errno = 0;
        if ((status = iossl_transport_wait(conn->transport, status, left)) == IOSSL_ERROR) {
            op->ssl_error = SSL_ERROR_SYSCALL;
            op->errnum = errno;
        }
        if (status != IOSSL_OK)
            return status;
    }
}

/* The alert that came or went, where there was one: of an error with this code. */
static void
add_alert(const iossl_conn *conn, iossl_error_code code, iossl_error *err)
{
    if (conn->alert >= 0 && iossl_error_get_code(err) == code)
        iossl_error_set_alert(err, conn->alert, conn->alert_was_sent);
}

void
iossl_conn_explain(const iossl_conn *conn, const operation *op, iossl_error_code code,
                   const char *what, iossl_error *err)
{
    if (op->ssl_error == SSL_ERROR_SYSCALL && ERR_peek_error() == 0 && op->errnum != 0)
        iossl_error_set_errno(err, code, IOSSL_RANK_IO, op->errnum, "%s", what);
    else
        iossl_error_set_openssl(err, code, IOSSL_RANK_IO, "%s", what);
    add_alert(conn, code, err);
    iossl_error_clear_queue();
}

/* ---- Handshake ------------------------------------------------------------------------------- */

/* Into an empty error: the verifier's reason where it has one, with OpenSSL's before it. */
static void
tell_handshake(iossl_conn *conn, const operation *op, iossl_error *err)
{
    const char *what = conn->role == IOSSL_CLIENT ? "SSL connect attempt failed"
                                                  : "SSL accept attempt failed";
    const iossl_error *cause = conn->verifier.cause;
    /* What the verifier noted counts for nothing where nothing had to be verified. */
    iossl_error_code cause_code = conn->verifier.settings.mode == IOSSL_VERIFY_NONE
                                          && !conn->staple.has_refused && !conn->is_host_refused
                                      ? IOSSL_E_NONE
                                      : iossl_error_get_code(cause);
    iossl_error *general = NULL;
    const char *advice;

    switch (cause_code) {
    case IOSSL_E_NONE:
        advice = op->ssl_error == SSL_ERROR_SSL ? iossl_psk_get0_missing(conn->psk) : NULL;
        if (advice == NULL && op->ssl_error == SSL_ERROR_SSL)
            advice = iossl_advice(conn->role);
        if (op->ssl_error != SSL_ERROR_SSL && ERR_peek_error() == 0 && op->errnum == 0)
            iossl_error_set(err, conn->is_truncated ? IOSSL_E_TRUNCATED : IOSSL_E_HANDSHAKE,
                            IOSSL_RANK_IO, "%s because of handshake problems: the peer closed the "
                            "connection", what);
        else
            iossl_conn_explain(conn, op, conn->is_truncated ? IOSSL_E_TRUNCATED : IOSSL_E_HANDSHAKE,
                               what, err);
        if (advice != NULL)
            iossl_error_append(err, ": %s", advice);
        iossl_error_set_remedy(err, advice);
        break;
    case IOSSL_E_VERIFY:
    case IOSSL_E_CALLBACK:
    case IOSSL_E_PIN:
        general = iossl_error_new();
        iossl_conn_explain(conn, op, cause_code, what, general);
        iossl_error_set(err, cause_code, iossl_error_get_rank(cause), "%s: %s",
                        iossl_error_message(general), iossl_error_message(cause));
        iossl_error_set_verify_code(err, iossl_error_get_verify_code(cause));
        iossl_error_copy_subject(err, cause);
        iossl_error_free(general);
        break;
    default:
        iossl_error_copy(err, cause);
        break;
    }
    iossl_error_set_chain(err, conn->verifier.refused);
    add_alert(conn, iossl_error_get_code(err), err);
}

void
iossl_conn_explain_handshake(iossl_conn *conn, const operation *op, iossl_error *err)
{
    iossl_error *own = iossl_error_new();

    if (own == NULL)
        iossl_error_memory(err);
    else
        tell_handshake(conn, op, own);
    iossl_error_copy(err, own);
    iossl_error_free(own);
    iossl_error_clear_queue();
}

/*
 * A client of TLS 1.3 resumes a session of its own that had no certificate: then a pre-shared key of
 * this very context made it (see iossl_binding_make()), for nothing else does without one there.
 */
static bool
resumes_psk_session(const iossl_conn *conn)
{
    return conn->role == IOSSL_CLIENT && SSL_version(conn->ssl) == TLS1_3_VERSION
           && conn->has_binding && SSL_session_reused(conn->ssl) == 1
           && !iossl_psks_are_empty(iossl_ctx_get0_psks(conn->ctx))
           && iossl_session_is_bound_to(SSL_get_session(conn->ssl), &conn->binding);
}

/* What OpenSSL let pass still has to be a verified peer; see verify.c. */
bool
iossl_conn_is_peer_verified(iossl_conn *conn)
{
    X509 *leaf = iossl_conn_get1_peer_cert(conn);
    bool is_keyed = leaf == NULL && iossl_psk_was_used(conn->psk, conn->ssl);
    bool verified = iossl_verifier_finish(&conn->verifier, conn->ssl, leaf,
                                          is_keyed || (leaf == NULL && resumes_psk_session(conn)));

    conn->has_psk = is_keyed && conn->psk != NULL && conn->psk->identity[0] != '\0';

    X509_free(leaf);
    return verified;
}

iossl_status
iossl_handshake(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    operation op = {.step = iossl_step_handshake, .no_sigpipe = true};
    int64_t deadline = IOSSL_NO_DEADLINE;
    iossl_status status;

    if (conn->state == ESTABLISHED)
        return IOSSL_OK;
    if (conn->state == FAILED) {
        iossl_error_set(err, IOSSL_E_STATE, IOSSL_RANK_FALLBACK, "the handshake has failed before");
        return IOSSL_ERROR;
    }
    if (conn->state == NEW) {
        iossl_verifier_begin(&conn->verifier);
        if (conn->role == IOSSL_CLIENT
            && !iossl_staple_begin(&conn->staple, &conn->verifier.settings, conn->ssl)) {
            iossl_error_memory(err);
            return IOSSL_ERROR;
        }
        if (conn->role == IOSSL_CLIENT && conn->verifier.settings.tlsa != NULL
            && iossl_tlsa_apply(conn->verifier.settings.tlsa, conn->ctx, conn->ssl, err) != IOSSL_OK)
            return IOSSL_ERROR;
        offer_session(conn);
        conn->handshake_began_us = iossl_now_us();
        conn->state = HANDSHAKING;
    }
    if (conn->early.phase == IOSSL_EARLY_LATE)
        return iossl_early_send_late(conn, timeout_ms, err);
    if (conn->early.data != NULL)
        deadline = iossl_deadline_in(timeout_ms);
    status = iossl_early_shake(conn, &op, timeout_ms);
    /* The staple was judged within the handshake, unless the program took its callback away. */
    if (status == IOSSL_OK
        && (!iossl_conn_is_peer_verified(conn)
            || (conn->role == IOSSL_CLIENT && !iossl_conn_judge_staple(conn)))) {
        op.ssl_error = SSL_ERROR_SSL;
        status = IOSSL_ERROR;
    }
    switch (status) {
    case IOSSL_OK:
        conn->handshake_us = iossl_now_us() - conn->handshake_began_us;
        conn->read_before = BIO_number_read(SSL_get_rbio(conn->ssl));
        conn->written_before = BIO_number_written(SSL_get_wbio(conn->ssl));
        keep_fresh_session(conn);
        if (conn->early.data != NULL)
            status = iossl_early_send_late(conn, iossl_timeout_left(timeout_ms, deadline), err);
        else
            conn->state = ESTABLISHED;
        break;
    case IOSSL_EOF:             /* a close_notify in place of the handshake */
        status = IOSSL_ERROR;
        /* fall through */
    case IOSSL_ERROR:
        conn->state = FAILED;
        iossl_conn_explain_handshake(conn, &op, err);
        if (iossl_early_may_be_taken(conn))
            iossl_error_append(err, ": SSL_early_data went with it, and may have been acted upon");
        drop_session(conn);
        break;
    case IOSSL_WANT_READ:
    case IOSSL_WANT_WRITE:
    case IOSSL_TIMEOUT:
    case IOSSL_INTERRUPTED:
        break;
    }
    iossl_error_clear_queue();
    return status;
}

iossl_status
iossl_conn_check_open(const iossl_conn *conn, const char *what, iossl_error *err)
{
    if (conn->state == ESTABLISHED)
        return IOSSL_OK;
    iossl_error_set(err, IOSSL_E_STATE,
                    conn->state == FAILED ? IOSSL_RANK_FALLBACK : IOSSL_RANK_IO, "%s: %s", what,
                    conn->state == FAILED ? "the connection has failed"
                                          : "the handshake isn't finished");
    return IOSSL_ERROR;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static iossl_status
truncated(iossl_error *err)
{
    iossl_error_set_openssl(err, IOSSL_E_TRUNCATED, IOSSL_RANK_IO,
                            "SSL read error: the connection ended without a close_notify");
    return IOSSL_ERROR;
}

/* Reads from OpenSSL, past the buffer of lines. */
static iossl_status
read_record(iossl_conn *conn, operation *op, int64_t timeout_ms, iossl_error *err)
{
    iossl_status status;

    if (iossl_conn_check_open(conn, "SSL read error", err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (conn->closed_by_peer)
        return IOSSL_EOF;
    if (conn->is_truncated)
        return truncated(err);
    if (conn->rekey_bytes != 0)
        iossl_conn_rekey_if_due(conn);
    status = iossl_conn_drive(conn, op, timeout_ms);
    if (status == IOSSL_ERROR && conn->is_truncated)
        (void)truncated(err);
    else if (status == IOSSL_ERROR)
        iossl_conn_explain(conn, op, IOSSL_E_READ, "SSL read error", err);
    if (status == IOSSL_ERROR && !conn->is_truncated)
        conn->state = FAILED;
    iossl_error_clear_queue();
    return status;
}

/*
 * The rest of a record that OpenSSL has decrypted already: copied, it can neither fail nor wait, so
 * that nothing has to be prepared for that. False: there is none.
 */
static bool
take_pending(iossl_conn *conn, operation *op)
{
    return conn->state == ESTABLISHED && SSL_pending(conn->ssl) > 0
           && op->step(op, conn->ssl) == 1;
}

static iossl_status
read_or_peek(iossl_conn *conn, operation *op, size_t *got, int64_t timeout_ms, iossl_error *err)
{
    iossl_status status;

    *got = 0;
    if (op->len == 0)
        return IOSSL_OK;
    if (iossl_linebuf_pending(&conn->lines) > 0) {
        *got = iossl_linebuf_take(&conn->lines, op->in, op->len, op->step == iossl_step_peek);
        return IOSSL_OK;
    }
    if (conn->early.is_open) {
        int64_t deadline = iossl_deadline_in(timeout_ms);

        if ((status = iossl_early_await(conn, timeout_ms, err)) != IOSSL_OK)
            return status;
        return read_or_peek(conn, op, got, iossl_timeout_left(timeout_ms, deadline), err);
    }
    if (take_pending(conn, op)) {
        *got = op->done;
        return IOSSL_OK;
    }
    status = read_record(conn, op, timeout_ms, err);
    if (status == IOSSL_OK)
        *got = op->done;
    return status;
}

iossl_status
iossl_read(iossl_conn *conn, void *buf, size_t size, size_t *got, int64_t timeout_ms,
           iossl_error *err)
{
    operation op = {.step = step_read, .no_sigpipe = true, .in = buf, .len = size};

    return read_or_peek(conn, &op, got, timeout_ms, err);
}

iossl_status
iossl_peek(iossl_conn *conn, void *buf, size_t size, size_t *got, int64_t timeout_ms,
           iossl_error *err)
{
    operation op = {.step = iossl_step_peek, .no_sigpipe = true, .in = buf, .len = size};

    return read_or_peek(conn, &op, got, timeout_ms, err);
}

size_t
iossl_pending(const iossl_conn *conn)
{
    int inside = SSL_pending(conn->ssl);

    return iossl_linebuf_pending(&conn->lines) + (inside > 0 ? (size_t)inside : 0);
}

iossl_status
iossl_read_line(iossl_conn *conn, const iossl_separator *separator, const char **piece, size_t *len,
                bool *done, int64_t timeout_ms, iossl_error *err)
{
    iossl_linebuf *lines = &conn->lines;

    *piece = NULL;
    *len = 0;
    *done = false;
    if (!iossl_linebuf_reserve(lines)) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    for (;;) {
        operation op = {.step = step_read, .no_sigpipe = true, .in = lines->bytes,
                        .len = IOSSL_LINEBUF_SIZE};
        iossl_status status = iossl_linebuf_next(lines, separator, piece, len, done, err);

        if (status != IOSSL_OK || *len > 0 || *done)
            return status;
        if (conn->early.is_open) {
            if ((status = iossl_early_await(conn, timeout_ms, err)) != IOSSL_OK)
                return status;
            continue;
        }
        status = read_record(conn, &op, timeout_ms, err);
        if (status == IOSSL_EOF || status == IOSSL_ERROR)
            iossl_linebuf_end_line(lines);
        if (status == IOSSL_ERROR && conn->is_truncated)
            return IOSSL_EOF;
        if (status != IOSSL_OK)
            return status;
        lines->start = 0;
        lines->end = op.done;
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

iossl_status
iossl_conn_write(iossl_conn *conn, const void *buf, size_t len, size_t *put, int64_t timeout_ms,
                 bool no_sigpipe, iossl_error *err)
{
    operation op = {.step = iossl_step_write, .no_sigpipe = no_sigpipe, .out = buf,
                    .len = len < MAX_PLAINTEXT ? len : MAX_PLAINTEXT};
    iossl_status status;

    *put = 0;
    if (len == 0)
        return IOSSL_OK;
    if (iossl_conn_check_open(conn, "SSL write error", err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (conn->closed_by_us || conn->is_closing) {
        iossl_error_set(err, IOSSL_E_WRITE, IOSSL_RANK_IO,
                        "SSL write error: our side has been shut down");
        return IOSSL_ERROR;
    }
    if (conn->rekey_bytes != 0)
        iossl_conn_rekey_if_due(conn);
    if (conn->early.is_open)
        op.step = iossl_early_step_write;
    /* With kernel TLS, OpenSSL keeps the address of what is half sent, and a program may repeat a write
     * from elsewhere. */
    if (conn->kernel_out != NULL) {
        memcpy(conn->kernel_out, buf, op.len);
        op.out = conn->kernel_out;
    }
    status = iossl_conn_drive(conn, &op, timeout_ms);
    conn->is_writing = is_want(status) || status == IOSSL_TIMEOUT || status == IOSSL_INTERRUPTED;
    if (status == IOSSL_OK) {
        *put = op.done;
    } else if (status == IOSSL_ERROR || status == IOSSL_EOF) {
        char what[32] = "SSL write error (0)";

        what[sizeof "SSL write error (" - 1] = (char)('0' + op.ssl_error % 10);
        iossl_conn_explain(conn, &op, IOSSL_E_WRITE, what, err);     /* which empties the queue */
        status = IOSSL_ERROR;
        conn->state = FAILED;
    }
    return status;
}

iossl_status
iossl_write(iossl_conn *conn, const void *buf, size_t len, size_t *put, int64_t timeout_ms,
            iossl_error *err)
{
    return iossl_conn_write(conn, buf, len, put, timeout_ms, false, err);
}

iossl_status
iossl_write_all(iossl_conn *conn, const void *buf, size_t len, size_t *put, int64_t timeout_ms,
                iossl_error *err)
{
    const unsigned char *bytes = buf;
    int64_t deadline = iossl_deadline_in(timeout_ms);
    iossl_status status = IOSSL_OK;
    size_t sent = 0;

    while (status == IOSSL_OK && sent < len) {
        size_t n;

        status = iossl_write(conn, bytes + sent, len - sent, &n, timeout_ms, err);
        sent += n;
        if (timeout_ms > 0 && status == IOSSL_OK && sent < len
            && (timeout_ms = deadline - iossl_now_ms()) <= 0)
            status = IOSSL_TIMEOUT;
    }
    if (put != NULL)
        *put = sent;
    return status;
}

/* ---- Shutdown -------------------------------------------------------------------------------- */

static iossl_status
send_close_notify(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    operation op = {.step = step_shutdown, .no_sigpipe = true};
    iossl_status status;

    /* OpenSSL notes it as sent before it is on its way; only without us it is sent by now. */
    if (!conn->is_closing && (SSL_get_shutdown(conn->ssl) & SSL_SENT_SHUTDOWN) != 0)
        conn->closed_by_us = true;
    if (conn->closed_by_us)
        return IOSSL_OK;
    if (conn->is_writing) {     /* OpenSSL would begin, and then be able to do neither */
        iossl_error_set(err, IOSSL_E_SHUTDOWN, IOSSL_RANK_IO,
                        "SSL shutdown error (1): a write is half done; repeat it first");
        return IOSSL_ERROR;
    }
    conn->is_closing = true;
    status = iossl_conn_drive(conn, &op, timeout_ms);
    if ((status == IOSSL_ERROR || status == IOSSL_EOF) && conn->closed_by_peer)
        status = IOSSL_OK;          /* both are through, and the peer has left: no one to tell */
    if (status == IOSSL_OK) {
        conn->closed_by_us = true;
    } else if (status == IOSSL_ERROR || status == IOSSL_EOF) {
        char what[32] = "SSL shutdown error (0)";

        what[sizeof "SSL shutdown error (" - 1] = (char)('0' + op.ssl_error % 10);
        iossl_conn_explain(conn, &op, IOSSL_E_SHUTDOWN, what, err);
        status = IOSSL_ERROR;
        conn->state = FAILED;
    }
    return status;
}

/* Reads and drops what the peer sent before its close_notify. */
static iossl_status
await_close_notify(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    int64_t deadline = iossl_deadline_in(timeout_ms);
    iossl_error *why = iossl_error_new();
    iossl_status status = IOSSL_OK;
    unsigned char dropped[1024];
    int n = 0;

    conn->lines.start = conn->lines.end = 0;
    iossl_linebuf_end_line(&conn->lines);
    while (status == IOSSL_OK) {
        operation op = {.step = step_read, .no_sigpipe = true, .in = dropped,
                        .len = sizeof dropped};

        status = read_record(conn, &op, timeout_ms, why);
        if (timeout_ms > 0 && status == IOSSL_OK && (timeout_ms = deadline - iossl_now_ms()) <= 0)
            status = IOSSL_TIMEOUT;
        /* A peer that never stops sending must not keep a poll: it ends with the record. */
        if (timeout_ms == IOSSL_POLL && status == IOSSL_OK && iossl_pending(conn) == 0)
            status = IOSSL_WANT_READ;
        if (timeout_ms == IOSSL_AS_FD && status == IOSSL_OK && ++n == IOSSL_TRANSPORT_ENOUGH)
            status = iossl_transport_pause(conn->transport);
    }
    if (status == IOSSL_EOF)
        status = IOSSL_OK;
    else if (status == IOSSL_ERROR)
        iossl_error_set(err, IOSSL_E_SHUTDOWN, IOSSL_RANK_IO,
                        "SSL shutdown error: the peer ended without a close_notify: %s",
                        iossl_error_message(why));
    OPENSSL_cleanse(dropped, sizeof dropped);
    iossl_error_free(why);
    return status;
}

iossl_status
iossl_shutdown(iossl_conn *conn, bool wait_for_peer, int64_t timeout_ms, iossl_error *err)
{
    int64_t deadline = iossl_deadline_in(timeout_ms);
    iossl_status status = IOSSL_OK;

    if (conn->state != ESTABLISHED) {
        if (!wait_for_peer || conn->state == NEW)
            return IOSSL_OK;        /* nothing to end, and no one to tell */
        iossl_error_set(err, IOSSL_E_SHUTDOWN, IOSSL_RANK_IO,
                        "SSL shutdown error (1): %s",
                        conn->state == FAILED ? "the connection has failed"
                                              : "the handshake isn't finished");
        return IOSSL_ERROR;
    }
    if (conn->early.is_open)
        status = iossl_early_finish(conn, timeout_ms, err);
    if (status == IOSSL_OK && !conn->closed_by_us && !conn->is_closing && !conn->is_truncated)
        iossl_conn_take_late_tickets(conn, timeout_ms);
    if (!conn->is_truncated && status == IOSSL_OK && conn->state == ESTABLISHED)
        status = send_close_notify(conn, timeout_ms, err);
    if (status == IOSSL_OK && wait_for_peer && !conn->closed_by_peer)
        status = await_close_notify(conn, iossl_timeout_left(timeout_ms, deadline), err);
    iossl_error_clear_queue();
    return status;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

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

iossl_conn *
iossl_conn_from_ssl(const SSL *ssl)
{
    int index = iossl_init_conn_index();

    return index < 0 ? NULL : SSL_get_ex_data(ssl, index);
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

void
iossl_conn_set0_host_ctx(iossl_conn *conn, iossl_ctx *ctx)
{
    iossl_ctx_free(conn->host_ctx);
    conn->host_ctx = ctx;
}

bool
iossl_conn_has_host_ctx(const iossl_conn *conn)
{
    return conn->host_ctx != NULL;
}

void
iossl_conn_refuse_host(iossl_conn *conn)
{
    conn->is_host_refused = true;
    iossl_error_set(conn->verifier.cause, IOSSL_E_CALLBACK, IOSSL_RANK_IO,
                    "the program's SSL_cert_callback refused the handshake");
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
