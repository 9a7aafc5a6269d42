/*
 * tickets.c - session tickets under keys that several processes, or machines, may share.
 *
 * Owns      the list of keys, finding one by its name, what a key's bytes are used for; the schedule by
 *           which a fleet changes them.
 * Promises  the first key of the list encrypts, all decrypt; a ticket of a client whose certificate has
 *           ended costs a full handshake; a ticket under another than the first
 *           is replaced by a new one; a ticket that nobody here knows costs a full handshake, never
 *           the connection. Copies of keys are cleansed.
 * Leaves    files of keys to ticket_file.c; what is in a ticket, and its encryption, to OpenSSL; where a program's callback gets
 *           its keys from to the program.
 * See       SSL_CTX_set_tlsext_ticket_key_evp_cb(3), RFC 5077 section 4.
 */
#include "tickets.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "compat.h"
#include "conn.h"
#include "context.h"
#include "error.h"

/* AES-128 and a key of the same strength for the HMAC; with 64 bytes AES-256 and its like. */
#define SHORT_CIPHER_KEY 16
#define LONG_CIPHER_KEY 32
#define AES_BLOCK       16

static bool
is_usable_length(size_t len)
{
    return len == 32 || len == 48 || len == 64;
}

/* ---- The list -------------------------------------------------------------------------------- */

static void
free_keys(iossl_ticket_key *keys, size_t n)
{
    if (keys != NULL)
        OPENSSL_cleanse(keys, n * sizeof *keys);
    free(keys);
}

static bool
copy_keys(iossl_tickets *to, const iossl_ticket_key *keys, size_t n)
{
    iossl_ticket_key *copy = NULL;

    if (n > 0) {
        if ((copy = calloc(n, sizeof *copy)) == NULL)
            return false;
        memcpy(copy, keys, n * sizeof *copy);
    }
    free_keys(to->keys, to->n_keys);
    to->keys = copy;
    to->n_keys = n;
    return true;
}

iossl_status
iossl_tickets_set_keys(iossl_tickets *tickets, const iossl_ticket_key *keys, size_t n,
                       iossl_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_usable_length(keys[i].key_len)) {
            iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                            "ticket key %zu has %zu bytes; 32, 48 or 64 are possible", i,
                            keys[i].key_len);
            return IOSSL_ERROR;
        }
        for (size_t j = 0; j < i; j++) {
            if (memcmp(keys[i].name, keys[j].name, sizeof keys[i].name) == 0) {
                iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "ticket keys %zu and %zu have the same name", j, i);
                return IOSSL_ERROR;
            }
        }
    }
    if (!copy_keys(tickets, keys, n)) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

void
iossl_tickets_set0_file(iossl_tickets *tickets, iossl_ticket_file *file)
{
    iossl_ticket_file_free(tickets->file);
    tickets->file = file;
}

bool
iossl_tickets_copy(iossl_tickets *to, const iossl_tickets *from)
{
    if (!copy_keys(to, from->keys, from->n_keys))
        return false;
    iossl_tickets_set0_file(to, iossl_ticket_file_up_ref(from->file));
    to->cb = from->cb;
    to->cb_arg = from->cb_arg;
    return true;
}

void
iossl_tickets_cleanup(iossl_tickets *tickets)
{
    free_keys(tickets->keys, tickets->n_keys);
    iossl_ticket_file_free(tickets->file);
    memset(tickets, 0, sizeof *tickets);
}

iossl_ticket_result
iossl_tickets_find(const iossl_tickets *tickets, const unsigned char *name, iossl_ticket_key *key)
{
    for (size_t i = 0; i < tickets->n_keys; i++) {
        if (name != NULL && memcmp(tickets->keys[i].name, name, sizeof key->name) != 0)
            continue;
        *key = tickets->keys[i];
        return i == 0 ? IOSSL_TICKET_KEY_CURRENT : IOSSL_TICKET_KEY_OLD;
    }
    return IOSSL_TICKET_KEY_UNKNOWN;
}

static iossl_ticket_result
find_key(const iossl_tickets *tickets, iossl_conn *conn, const unsigned char *name,
         iossl_ticket_key *key)
{
    iossl_compat_errors pending;
    iossl_ticket_result result;

    if (tickets->cb == NULL)
        return tickets->file != NULL ? iossl_ticket_file_find(tickets->file, name, key)
                                     : iossl_tickets_find(tickets, name, key);
    iossl_compat_errors_take(&pending);     /* the program may use OpenSSL */
    result = tickets->cb(tickets->cb_arg, conn, name, key);
    iossl_compat_errors_put_back(&pending);
    if ((result == IOSSL_TICKET_KEY_CURRENT || result == IOSSL_TICKET_KEY_OLD)
        && !is_usable_length(key->key_len))
        return IOSSL_TICKET_KEY_FAILED;
    return result;
}

/* ---- A schedule ------------------------------------------------------------------------------ */

/* A name: 8 bytes period, highest first, and 8 random ones. */
#define PERIOD_LEN 8

int64_t
iossl_ticket_period(const iossl_ticket_schedule *schedule, int64_t now)
{
    return now / schedule->rotate_s;
}

bool
iossl_ticket_key_make(iossl_ticket_key *key, int64_t period)
{
    bool ok;

    for (size_t i = 0; i < PERIOD_LEN; i++)
        key->name[i] = (unsigned char)((uint64_t)period >> 8 * (PERIOD_LEN - 1 - i));
    key->key_len = sizeof key->key;
    ok = RAND_bytes(key->name + PERIOD_LEN, (int)(sizeof key->name - PERIOD_LEN)) == 1
         && RAND_bytes(key->key, (int)key->key_len) == 1;
    iossl_error_clear_queue();
    return ok;
}

int64_t
iossl_ticket_seconds_left(const iossl_ticket_schedule *schedule, int64_t period, int64_t now)
{
    /* In periods first: a number that anyone may send must not overflow. */
    int64_t past = iossl_ticket_period(schedule, now) - period;

    if (past > schedule->keep || past < -1)
        return 0;
    return (period + 1 + schedule->keep) * schedule->rotate_s - now;
}

bool
iossl_ticket_key_period(const iossl_ticket_schedule *schedule, const unsigned char *name,
                        int64_t now, int64_t *period)
{
    uint64_t number = 0;

    for (size_t i = 0; i < PERIOD_LEN; i++)
        number = number << 8 | name[i];
    *period = 0;
    if (number > INT64_MAX / 2 || iossl_ticket_seconds_left(schedule, (int64_t)number, now) == 0)
        return false;
    *period = (int64_t)number;
    return true;
}

/* ---- For OpenSSL ----------------------------------------------------------------------------- */

/* Has the cipher and the HMAC use the two halves of a key. */
static bool
use_key(const iossl_ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
        iossl_compat_mac_ctx *mac, int encrypts, const iossl_library *library)
{
    size_t n = key->key_len == 64 ? LONG_CIPHER_KEY : SHORT_CIPHER_KEY;

    return iossl_compat_init_aes_cbc(cipher, (int)n * 8, key->key, iv, encrypts, library)
           && iossl_compat_mac_init_sha256(mac, key->key + n, key->key_len - n);
}

/* Encrypting it fills in name and iv. 1: done; 2: done, and the ticket is to be replaced, as always in
 * TLS 1.3, where a ticket is for one use (RFC 8446 appendix C.4); 0: without a ticket; -1: the
 * handshake fails. */
static int
on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
              iossl_compat_mac_ctx *mac, int encrypts)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);
    iossl_ticket_key key = {.key_len = 0};
    const iossl_library *library;
    iossl_ticket_result result;
    int ret = -1;

    if (conn == NULL)
        return 0;       /* an SSL of the program's own: no keys are known for it */
    library = iossl_ctx_get0_verify_settings(iossl_conn_get0_ctx(conn))->library;
    result = find_key(iossl_ctx_get0_tickets(iossl_conn_get0_ctx(conn)), conn,
                      encrypts ? NULL : name, &key);
    if (result == IOSSL_TICKET_KEY_UNKNOWN && encrypts && iossl_compat_has_to_send_ticket(ssl)) {
        /* One that nobody can open. */
        key.key_len = sizeof key.key;
        result = iossl_compat_random(library, key.name, sizeof key.name) == 1
                         && iossl_compat_random(library, key.key, key.key_len) == 1
                     ? IOSSL_TICKET_KEY_CURRENT : IOSSL_TICKET_KEY_FAILED;
    }
    switch (result) {
    case IOSSL_TICKET_KEY_UNKNOWN:
        ret = 0;
        break;
    case IOSSL_TICKET_KEY_CURRENT:
    case IOSSL_TICKET_KEY_OLD:
        if (encrypts) {
            if (iossl_compat_random(library, iv, AES_BLOCK) != 1)
                break;
            memcpy(name, key.name, sizeof key.name);
        }
        /* A ticket of TLS 1.3 is used once (RFC 8446 appendix C.4), so there has to be a next one. */
        if (use_key(&key, iv, cipher, mac, encrypts, library))
            ret = !encrypts && (result == IOSSL_TICKET_KEY_OLD || SSL_version(ssl) >= TLS1_3_VERSION)
                      ? 2 : 1;
        break;
    case IOSSL_TICKET_KEY_FAILED:
        break;
    }
    OPENSSL_cleanse(&key, sizeof key);
    return ret;
}

#ifdef SSL_TICKET_SUCCESS      /* LibreSSL has no such callback */

/* A ticket that is in order, but whose client has to show another certificate by now, is as one that is
 * unknown. What isn't in order stays what it is. */
static SSL_TICKET_RETURN
on_decrypted(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len,
             SSL_TICKET_STATUS status, void *unused)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);

    (void)name;
    (void)name_len;
    (void)unused;
    if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        || (conn != NULL && !iossl_conn_may_resume(conn, session)))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

#endif

bool
iossl_tickets_install(const iossl_tickets *tickets, SSL_CTX *ssl_ctx)
{
#ifdef SSL_TICKET_SUCCESS      /* LibreSSL has no such callback */
    if (SSL_CTX_set_session_ticket_cb(ssl_ctx, NULL, on_decrypted, NULL) != 1)
        return false;
#endif
    return (tickets->n_keys == 0 && tickets->file == NULL && tickets->cb == NULL)
           || iossl_compat_set_ticket_key_cb(ssl_ctx, on_ticket_key);
}
