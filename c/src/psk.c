/*
 * psk.c - keys that both sides know beforehand, in place of certificates.
 *
 * Owns      the tables of keys by hint and by identity, the order in which they are searched, what a
 *           session is made of in TLS 1.3; the mark that tells it from one that was resumed.
 * Promises  keys are cleansed wherever they were copied to; a ticket of TLS 1.3, which comes as an
 *           identity, too, is never taken for one that the default key is meant for.
 * Leaves    key exchange and the proof of the key to OpenSSL, what it means for the peer's
 *           verification to conn_handshake.c and verify.c.
 * See       SSL_CTX_set_psk_client_callback(3), SSL_CTX_set_psk_find_session_callback(3), RFC 4279,
 *           RFC 8446 section 4.2.11.
 *
 * OpenSSL has two pairs of callbacks. The older are for TLS 1.2, and in TLS 1.3 are asked where the
 * newer find nothing; since both look into the same tables, they find nothing then, too. The older
 * are needed on servers of TLS 1.3 even so: OpenSSL looks at them to prefer suites with SHA-256.
 */
#include "psk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "compat.h"
#include "conn.h"
#include "context.h"
#include "error.h"

/* TLS_AES_128_GCM_SHA256: RFC 8446 section 4.2.11 has SHA-256 for keys that don't say otherwise. */
static const unsigned char SUITE[] = {0x13, 0x01};

/* ---- Tables ---------------------------------------------------------------------------------- */

static void
free_psk(void *psk)
{
    if (psk != NULL)
        OPENSSL_cleanse(psk, sizeof(iossl_psk));
    free(psk);
}

/* OpenSSL counts the NUL in (SSL_CTX_set_psk_client_callback(3)). */
#define MAX_IDENTITY (PSK_MAX_IDENTITY_LEN - 1)

static iossl_status
check(const char *peer, const char *identity, size_t len, iossl_error *err)
{
    if (len == 0 || len > PSK_MAX_PSK_LEN) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_psk: a key of %zu bytes; 1 to %d are possible", len, PSK_MAX_PSK_LEN);
        return IOSSL_ERROR;
    }
    if (strlen(peer) > MAX_IDENTITY || strlen(identity) > MAX_IDENTITY) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_psk: an identity of more than %d bytes", MAX_IDENTITY);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

iossl_status
iossl_psks_add(iossl_psks *psks, iossl_role role, const char *peer, const char *identity,
               const void *key, size_t len, iossl_error *err)
{
    iossl_strmap **map = role == IOSSL_CLIENT ? &psks->client : &psks->server;
    iossl_psk *psk;

    if (!iossl_can(IOSSL_CAN_PSK)) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL,
                        "no support for %s side PSK in %s",
                        role == IOSSL_CLIENT ? "client" : "server", iossl_openssl_version());
        return IOSSL_ERROR;
    }
    peer = peer == NULL ? "" : peer;
    identity = identity == NULL ? "" : identity;
    if (check(peer, identity, len, err) != IOSSL_OK)
        return IOSSL_ERROR;
    if ((*map == NULL && (*map = iossl_strmap_new(free_psk)) == NULL)
        || (psk = calloc(1, sizeof *psk)) == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    memcpy(psk->identity, identity, strlen(identity) + 1);
    memcpy(psk->key, key, len);
    psk->key_len = len;
    if (!iossl_strmap_put(*map, peer, psk)) {
        free_psk(psk);
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

iossl_status
iossl_psks_set_hint(iossl_psks *psks, const char *hint, iossl_error *err)
{
    char *copy = hint == NULL ? NULL : strdup(hint);

    if (hint != NULL && strlen(hint) > PSK_MAX_IDENTITY_LEN) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "a PSK identity hint of more than %d bytes", PSK_MAX_IDENTITY_LEN);
        free(copy);
        return IOSSL_ERROR;
    }
    if (hint != NULL && copy == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    free(psks->hint);
    psks->hint = copy;
    return IOSSL_OK;
}

static bool
copy_map(iossl_psks *to, iossl_role role, const iossl_strmap *from)
{
    for (size_t i = 0; i < iossl_strmap_count(from); i++) {
        const iossl_psk *psk = iossl_strmap_value(from, i);

        if (iossl_psks_add(to, role, iossl_strmap_key(from, i), psk->identity, psk->key,
                           psk->key_len, NULL) != IOSSL_OK)
            return false;
    }
    return true;
}

bool
iossl_psks_copy(iossl_psks *to, const iossl_psks *from)
{
    to->cb = from->cb;
    to->cb_arg = from->cb_arg;
    return copy_map(to, IOSSL_CLIENT, from->client) && copy_map(to, IOSSL_SERVER, from->server)
           && iossl_psks_set_hint(to, from->hint, NULL) == IOSSL_OK;
}

void
iossl_psks_cleanup(iossl_psks *psks)
{
    iossl_strmap_free(psks->client);
    iossl_strmap_free(psks->server);
    free(psks->hint);
    memset(psks, 0, sizeof *psks);
}

bool
iossl_psks_are_empty(const iossl_psks *psks)
{
    return psks->client == NULL && psks->server == NULL && psks->cb == NULL;
}

static bool
digest_map(const iossl_strmap *map, EVP_MD_CTX *md)
{
    const size_t n = map == NULL ? 0 : iossl_strmap_count(map);
    bool ok = EVP_DigestUpdate(md, &n, sizeof n) == 1;

    for (size_t i = 0; ok && i < n; i++) {
        const iossl_psk *psk = iossl_strmap_value(map, i);
        const char *peer = iossl_strmap_key(map, i);

        ok = EVP_DigestUpdate(md, peer, strlen(peer) + 1) == 1
             && EVP_DigestUpdate(md, psk, sizeof *psk) == 1;
    }
    return ok;
}

bool
iossl_psks_digest(const iossl_psks *psks, EVP_MD_CTX *md)
{
    const void *const callback[] = {psks->cb_arg};

    return digest_map(psks->client, md) && digest_map(psks->server, md)
           && EVP_DigestUpdate(md, &psks->cb, sizeof psks->cb) == 1
           && EVP_DigestUpdate(md, callback, sizeof callback) == 1;
}

/* ---- Searching ------------------------------------------------------------------------------- */

/* Text as identities are (RFC 4279 section 5.1): UTF-8 without control characters. A ticket, random
 * bytes by the hundred, isn't. */
static bool
is_text(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;

    while (*p != '\0') {
        size_t more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : *p >= 0xe0 && *p < 0xf0 ? 2
                      : *p >= 0xf0 && *p < 0xf5 ? 3 : 9;

        if (*p < 0x20 || *p == 0x7f || more == 9)
            return false;
        for (p++; more > 0; more--, p++)
            if ((*p & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static bool
ask(const iossl_psks *psks, iossl_conn *conn, const char *peer, iossl_psk *out)
{
    iossl_compat_errors pending;
    bool found;

    if (psks->cb == NULL)
        return false;
    iossl_compat_errors_take(&pending);     /* the program may use OpenSSL */
    found = psks->cb(psks->cb_arg, conn, peer, out) && out->key_len > 0
            && out->key_len <= sizeof out->key
            && memchr(out->identity, '\0', sizeof out->identity) != NULL;
    if (!found)                             /* whatever it has written there is no answer */
        OPENSSL_cleanse(out, sizeof *out);
    iossl_compat_errors_put_back(&pending);
    return found;
}

/* peer: a hint or an identity, NULL: none. Where nothing is found, *state can tell. */
static bool
find(iossl_conn *conn, iossl_role role, const char *peer, iossl_psk *out)
{
    const iossl_psks *psks = iossl_ctx_get0_psks(iossl_conn_get0_ctx(conn));
    const iossl_strmap *map = role == IOSSL_CLIENT ? psks->client : psks->server;
    iossl_psk_state *state = iossl_conn_get0_psk(conn);
    const iossl_psk *known = peer == NULL || peer[0] == '\0' ? NULL : iossl_strmap_get(map, peer);

    if (known == NULL && !ask(psks, conn, peer, out)
        && (peer == NULL || role == IOSSL_CLIENT || is_text(peer)))
        known = iossl_strmap_get(map, "");
    if (known != NULL)
        *out = *known;
    if (out->key_len > 0)
        return true;
    if (peer != NULL && is_text(peer))
        (void)snprintf(state->missing, sizeof state->missing, "no PSK for given %s '%s'%s",
                       role == IOSSL_CLIENT ? "hint" : "identity", peer,
                       role == IOSSL_CLIENT ? "" : " and no default");
    return false;
}

/* ---- TLS 1.2 and older ----------------------------------------------------------------------- */

/* How long the key is; 0: none, the handshake fails. */
static unsigned int
give_key(const iossl_psk *psk, unsigned char *key, unsigned int max)
{
    if (psk->key_len > max)
        return 0;
    memcpy(key, psk->key, psk->key_len);
    return (unsigned int)psk->key_len;
}

static unsigned int
on_client_key(SSL *ssl, const char *hint, char *identity, unsigned int max_identity,
              unsigned char *key, unsigned int max_key)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);
    iossl_psk psk = {.key_len = 0};
    unsigned int len = 0;

    if (conn == NULL)
        return 0;
    /* Counts only if the server has chosen such a cipher; see iossl_psk_get0_missing(). */
    if (hint == NULL)
        (void)snprintf(iossl_conn_get0_psk(conn)->missing, sizeof "no PSK for given hint ''",
                       "no PSK for given hint ''");
    if (find(conn, IOSSL_CLIENT, hint, &psk) && strlen(psk.identity) < max_identity) {
        memcpy(identity, psk.identity, strlen(psk.identity) + 1);
        memcpy(iossl_conn_get0_psk(conn)->identity, psk.identity, sizeof psk.identity);
        len = give_key(&psk, key, max_key);
    }
    OPENSSL_cleanse(&psk, sizeof psk);
    return len;
}

static unsigned int
on_server_key(SSL *ssl, const char *identity, unsigned char *key, unsigned int max)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);
    iossl_psk psk = {.key_len = 0};
    unsigned int len = 0;

    if (conn != NULL && identity != NULL && find(conn, IOSSL_SERVER, identity, &psk)) {
        (void)snprintf(iossl_conn_get0_psk(conn)->identity, sizeof psk.identity, "%s", identity);
        len = give_key(&psk, key, max);
    }
    OPENSSL_cleanse(&psk, sizeof psk);
    return len;
}

/* ---- TLS 1.3 --------------------------------------------------------------------------------- */

/* A session that stands for a key. NULL: no memory, or OpenSSL lacks the suite. */
static SSL_SESSION *
session_of(SSL *ssl, iossl_psk_state *state, const iossl_psk *psk)
{
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, SUITE);
    SSL_SESSION *session = SSL_SESSION_new();

    if (!state->has_mark)
        state->has_mark = iossl_compat_random(iossl_library_of_store(SSL_CTX_get_cert_store(
                                                  SSL_get_SSL_CTX(ssl))),
                                              state->mark.digest, sizeof state->mark.digest) == 1;
    if (session == NULL || cipher == NULL || !state->has_mark
        || SSL_SESSION_set1_master_key(session, psk->key, psk->key_len) != 1
        || SSL_SESSION_set_cipher(session, cipher) != 1
        || SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) != 1
        || !iossl_session_bind(session, &state->mark)) {
        SSL_SESSION_free(session);
        return NULL;
    }
    return session;
}

/* md: what the server has chosen already, where it asked for another key exchange; NULL: nothing yet. */
static int
on_use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
               SSL_SESSION **session)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);
    iossl_psk psk = {.key_len = 0};
    iossl_psk_state *state;
    int ret = 1;

    *id = NULL;
    *id_len = 0;
    *session = NULL;
    if (conn == NULL || (md != NULL && EVP_MD_type(md) != NID_sha256))
        return 1;
    state = iossl_conn_get0_psk(conn);
    if (find(conn, IOSSL_CLIENT, NULL, &psk)) {
        memcpy(state->identity, psk.identity, sizeof state->identity);
        *id = (const unsigned char *)state->identity;
        *id_len = strlen(state->identity);
        ret = (*session = session_of(ssl, state, &psk)) != NULL;
    }
    OPENSSL_cleanse(&psk, sizeof psk);
    return ret;
}

/* The identity may be a ticket: then nothing is found, and OpenSSL looks into it. */
static int
on_find_session(SSL *ssl, const unsigned char *id, size_t id_len, SSL_SESSION **session)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);
    char identity[PSK_MAX_IDENTITY_LEN + 1];
    iossl_psk psk = {.key_len = 0};
    iossl_psk_state *state;
    int ret = 1;

    *session = NULL;
    if (conn == NULL || id_len == 0 || id_len >= sizeof identity
        || memchr(id, '\0', id_len) != NULL)
        return 1;
    memcpy(identity, id, id_len);
    identity[id_len] = '\0';
    state = iossl_conn_get0_psk(conn);
    if (find(conn, IOSSL_SERVER, identity, &psk)) {
        memcpy(state->identity, identity, id_len + 1);
        ret = (*session = session_of(ssl, state, &psk)) != NULL;
        /* A ticket wouldn't say that its owner had no certificate for a good reason. */
        (void)SSL_set_num_tickets(ssl, 0);
    }
    OPENSSL_cleanse(&psk, sizeof psk);
    return ret;
}

bool
iossl_psks_install(const iossl_psks *psks, SSL_CTX *ssl_ctx)
{
    if (iossl_psks_are_empty(psks))
        return true;
#ifdef OPENSSL_NO_PSK
    (void)ssl_ctx;
    return false;
#else
    if (psks->client != NULL || psks->cb != NULL) {
        SSL_CTX_set_psk_client_callback(ssl_ctx, on_client_key);
        SSL_CTX_set_psk_use_session_callback(ssl_ctx, on_use_session);
    }
    if (psks->server != NULL || psks->cb != NULL) {
        SSL_CTX_set_psk_server_callback(ssl_ctx, on_server_key);
        SSL_CTX_set_psk_find_session_callback(ssl_ctx, on_find_session);
    }
    return psks->hint == NULL || SSL_CTX_use_psk_identity_hint(ssl_ctx, psks->hint) == 1;
#endif
}

/* ---- What came of it ------------------------------------------------------------------------- */

bool
iossl_psk_state_new(iossl_psk_state **out, const iossl_psks *psks)
{
    *out = NULL;
    return iossl_psks_are_empty(psks) || (*out = calloc(1, sizeof **out)) != NULL;
}

bool
iossl_psk_was_used(const iossl_psk_state *state, const SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    const SSL_SESSION *session = SSL_get_session(ssl);

    if (cipher == NULL || session == NULL)
        return false;
    return SSL_CIPHER_get_auth_nid(cipher) == NID_auth_psk
           || (state != NULL && state->has_mark && iossl_session_is_bound_to(session, &state->mark));
}

const char *
iossl_psk_get0_missing(const iossl_psk_state *state)
{
    static const int REASONS[] = {SSL_R_PSK_IDENTITY_NOT_FOUND, SSL_R_NO_SHARED_CIPHER,
                                  SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
                                  SSL_R_NO_SUITABLE_KEY_SHARE};
    unsigned long code = ERR_peek_error();

    if (state == NULL || state->missing[0] == '\0' || ERR_GET_LIB(code) != ERR_LIB_SSL)
        return NULL;
    for (size_t i = 0; i < sizeof REASONS / sizeof REASONS[0]; i++)
        if (ERR_GET_REASON(code) == REASONS[i])
            return state->missing;
    return NULL;
}
