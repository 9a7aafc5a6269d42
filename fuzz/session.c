/*
 * session.c - a TLS session out of any bytes: kept, looked up, offered to a server.
 */
#include <openssl/err.h>

#include "support_pair.h"
#include "support_sides.h"

static void
make_seeds(void)
{
    for (unsigned flags = 0; flags < 2; flags++) {
        iossl_transport *ends[2];
        iossl_conn *conns[2];
        unsigned char *der = NULL;
        char buf[16];
        size_t n;
        int len;

        FUZZ_PROMISE(iossl_transport_new_pair(&ends[0], &ends[1], NULL) == IOSSL_OK, "memory");
        for (int i = 0; i < 2; i++)
            conns[i] = fuzz_side_conn(flags | SIDE_TICKETS, (iossl_role)i, ends[i]);
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < 2; i++)
                (void)!iossl_handshake(conns[i], IOSSL_POLL, NULL);
        }
        (void)!iossl_read(conns[0], buf, sizeof buf, &n, IOSSL_POLL, NULL);
        len = i2d_SSL_SESSION(SSL_get_session(iossl_conn_get0_ssl(conns[0])), &der);
        FUZZ_PROMISE(len > 0, "a session has a form");
        fuzz_seed(der, (size_t)len);
        OPENSSL_free(der);
        iossl_conn_free(conns[0]);
        iossl_conn_free(conns[1]);
    }
}

void (*const fuzz_make_seeds)(void) = make_seeds;

static void
keep(SSL_SESSION *session)
{
    iossl_session_cache *cache = iossl_session_cache_new(2, NULL);
    SSL_SESSION *found;

    FUZZ_PROMISE(iossl_session_cache_add(cache, "a", session)
                     && iossl_session_cache_add(cache, "b", session), "there is memory");
    found = iossl_session_cache_get1(cache, "a", session);
    FUZZ_PROMISE(found == session || SSL_SESSION_is_resumable(session) == 0
                     || found == NULL, "what comes out was put in");
    SSL_SESSION_free(found);
    (void)iossl_session_cache_del(cache, NULL, session);
    FUZZ_PROMISE(iossl_session_cache_count(cache) == 0, "what was removed is gone");
    FUZZ_PROMISE(iossl_session_get1_known(session) == NULL, "a foreign session isn't known");
    iossl_session_cache_free(cache);
}

static void
offer(SSL_SESSION *session, unsigned flags, iossl_error *err)
{
    iossl_transport *ends[2];
    iossl_conn *conns[2];
    iossl_status status[2] = {IOSSL_WANT_READ, IOSSL_WANT_READ};

    FUZZ_PROMISE(fuzz_good(iossl_transport_new_pair(&ends[0], &ends[1], err), err), "memory");
    for (int i = 0; i < 2; i++)
        conns[i] = fuzz_side_conn(flags | SIDE_TICKETS, (iossl_role)i, ends[i]);
    (void)SSL_set_session(iossl_conn_get0_ssl(conns[0]), session);
    ERR_clear_error();
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 2; i++) {
            fuzz_random_of((fuzz_side)i);
            if (status[i] == IOSSL_WANT_READ) {
                status[i] = iossl_handshake(conns[i], IOSSL_POLL, err);
                (void)fuzz_good(status[i], err);
            }
        }
    }
    for (int i = 0; i < 2; i++) {
        X509 *peer = iossl_conn_get1_peer_cert(conns[i]);

        if (peer != NULL)
            fuzz_describe(peer, err);
        X509_free(peer);
        iossl_conn_free(conns[i]);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iossl_error *err = iossl_error_new();
    const unsigned char *at = data;
    SSL_SESSION *session = d2i_SSL_SESSION(NULL, &at, (long)size);

    ERR_clear_error();
    if (session != NULL) {
        keep(session);
        offer(session, 0, err);
        offer(session, SIDE_TLS12, err);
    }
    SSL_SESSION_free(session);
    iossl_error_free(err);
    return 0;
}
