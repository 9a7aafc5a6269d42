/*
 * support_openssl.h - what tests use of OpenSSL 3, where the library is older.
 */
#ifndef SUPPORT_OPENSSL_H
#define SUPPORT_OPENSSL_H

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "compat.h"

/* For older ones a signature with SHA-1 is worth 80 bits, which security level 1 is content with. */
#ifdef IOSSL_HAVE_OPENSSL3
#define TAKES_SHA1 false
#else
#define TAKES_SHA1 true
#endif

/* From 3.3 on, OpenSSL itself has bounds for when a session began. */
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
#define KEEPS_ANY_TIME false
#else
#define KEEPS_ANY_TIME true
#endif

static inline void
test_session_set_time(SSL_SESSION *session, int64_t time)
{
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
    (void)SSL_SESSION_set_time_ex(session, (time_t)time);
#else
    (void)SSL_SESSION_set_time(session, (long)time);
#endif
}

#ifndef IOSSL_HAVE_OPENSSL3
#define ERR_raise(lib, reason) ERR_put_error((lib), 0, (reason), __FILE__, __LINE__)
#define ERR_raise_data(lib, reason, ...) ERR_raise((lib), (reason))
#endif

#endif
