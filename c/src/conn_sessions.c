/*
 * conn_sessions.c - sessions that come and go: which one a connection offers, keeps and drops.
 *
 * Owns      the place where a connection keeps its sessions, and the callbacks by which OpenSSL brings them.
 * Promises  a session is offered only under what it was made under; what a callback of the program let
 *           pass, or a handshake that failed, is not resumed.
 * Leaves    what a session is bound to to session.c, the place itself to session_cache.c or the program.
 * See       SSL_CTX_sess_set_new_cb(3), SSL_CTX_sess_set_get_cb(3), RFC 8446 section 4.6.1.
 */
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "conn_parts.h"
#include "context.h"
#include "early.h"
#include "error.h"
#include "session.h"

/* ---- Where they are kept --------------------------------------------------------------------- */

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

/* ---- On the way in --------------------------------------------------------------------------- */

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

/* ---- Around the handshake -------------------------------------------------------------------- */

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
void
iossl_conn_offer_session(iossl_conn *conn)
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
void
iossl_conn_keep_fresh_session(iossl_conn *conn)
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
void
iossl_conn_drop_session(iossl_conn *conn)
{
    SSL_SESSION *session = SSL_get_session(conn->ssl);

    if (conn->sessions.store != NULL && session != NULL && conn->role == IOSSL_SERVER)
        drop_served(conn, session);
    else if (conn->sessions.store != NULL && session != NULL)
        conn->sessions.store->del(conn->sessions.arg, conn->sessions.key, session);
}
