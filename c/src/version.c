/*
 * version.c - what this library and the OpenSSL under it are, and what they can do.
 *
 * Owns      the answers to iossl_can().
 * Promises  what is said to work has the code behind it in this library, too.
 */
#include <openssl/crypto.h>
#include <time.h>

#include "compat.h"
#include "deadline.h"
#include "iossl.h"
#include "ktls.h"

const char *
iossl_version(void)
{
    return IOSSL_VERSION_TEXT;
}

const char *
iossl_openssl_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

bool
iossl_can(iossl_feature feature)
{
    switch (feature) {
    case IOSSL_CAN_SNI:
    case IOSSL_CAN_ALPN:
    case IOSSL_CAN_POST_HANDSHAKE_AUTH:
    case IOSSL_CAN_PARTIAL_CHAIN:
    case IOSSL_CAN_CIPHERSUITES:
    case IOSSL_CAN_TICKET_KEYS:
    case IOSSL_CAN_KEYLOG:
        return true;
    case IOSSL_CAN_NPN:
#ifdef OPENSSL_NO_NEXTPROTONEG
        return false;
#else
        return true;
#endif
    case IOSSL_CAN_LIBRARY:
#ifdef IOSSL_HAVE_OPENSSL3
        return true;
#else
        return false;
#endif
    case IOSSL_CAN_KTLS:
        return iossl_ktls_is_here();
    case IOSSL_CAN_EARLY_DATA:
    case IOSSL_CAN_KEY_UPDATE:
    case IOSSL_CAN_TLS13:
#ifdef OPENSSL_NO_TLS1_3
        return false;
#else
        return true;
#endif
    case IOSSL_CAN_PSK:
#ifdef OPENSSL_NO_PSK
        return false;
#else
        return true;
#endif
    case IOSSL_CAN_SCTS:
#ifdef IOSSL_HAVE_CT
        return true;
#else
        return false;
#endif
    case IOSSL_CAN_DANE:
#ifdef IOSSL_HAVE_DANE
        return true;
#else
        return false;
#endif
    case IOSSL_CAN_OCSP:
#ifdef OPENSSL_NO_OCSP
        return false;
#else
        return true;
#endif
    }
    return false;
}

int64_t
iossl_now_us(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        return 0;
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
iossl_now_ms(void)
{
    return iossl_now_us() / 1000;
}
