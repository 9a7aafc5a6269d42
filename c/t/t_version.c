/*
 * t_version.c - what runs here, and what it can do, as it is told.
 */
#include <openssl/opensslv.h>

#include "iossl.h"
#include "tap.h"

int
main(void)
{
    int64_t before, after;

    tap_start();
    is_str(iossl_version(), IOSSL_VERSION_TEXT, "the library is of the header's version");
    like(iossl_openssl_version(), "SSL ", "the OpenSSL that runs has a name");
    ok(iossl_can(IOSSL_CAN_SNI) && iossl_can(IOSSL_CAN_ALPN), "server names and ALPN always work");
#ifdef OPENSSL_NO_TLS1_3
    ok(!iossl_can(IOSSL_CAN_TLS13), "an OpenSSL without TLS 1.3");
#else
    ok(iossl_can(IOSSL_CAN_TLS13), "an OpenSSL with TLS 1.3");
#endif
    ok(!iossl_can((iossl_feature)9999), "what a later library may know doesn't work in this one");
    before = iossl_now_ms();
    after = iossl_now_ms();
    ok(before > 0 && after >= before, "the clock doesn't go back");
    iossl_free(NULL);
    ok(1, "freeing nothing is harmless");
    return done_testing();
}
