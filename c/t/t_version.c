/*
 * t_version.c - what runs here, and what it can do, as it is told.
 */
#include <openssl/opensslv.h>

#include "iossl.h"
#include "tap.h"

/* What OpenSSL was built without can't be done; all else can. */
static void
test_features(void)
{
    static const struct {
        iossl_feature feature;
        bool can;
        const char *name;
    } cases[] = {
        {IOSSL_CAN_TICKET_KEYS, true, "ticket keys"},
        {IOSSL_CAN_POST_HANDSHAKE_AUTH, true, "certificates after the handshake"},
        {IOSSL_CAN_PARTIAL_CHAIN, true, "partial chains"},
        {IOSSL_CAN_CIPHERSUITES, true, "suites of TLS 1.3"},
        {IOSSL_CAN_KEYLOG, true, "a key log"},
#ifdef OPENSSL_NO_NEXTPROTONEG
        {IOSSL_CAN_NPN, false, "NPN"},
#else
        {IOSSL_CAN_NPN, true, "NPN"},
#endif
#ifdef OPENSSL_NO_OCSP
        {IOSSL_CAN_OCSP, false, "OCSP"},
#else
        {IOSSL_CAN_OCSP, true, "OCSP"},
#endif
#ifdef OPENSSL_NO_PSK
        {IOSSL_CAN_PSK, false, "pre-shared keys"},
#else
        {IOSSL_CAN_PSK, true, "pre-shared keys"},
#endif
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        is_int(iossl_can(cases[i].feature), cases[i].can, "%s: as this OpenSSL has it",
               cases[i].name);
    is_int(iossl_can(IOSSL_CAN_KEY_UPDATE), iossl_can(IOSSL_CAN_TLS13), "key updates are of TLS 1.3");
}

static void
test_names(void)
{
    ok(iossl_can_group("P-256"), "a group that each OpenSSL has");
    ok(!iossl_can_group("P-257"), "one that none has");
    ok(!iossl_can_group(""), "no name is no group");
    ok(!iossl_can_group("P-256:P-384"), "nor are two");
    ok(!iossl_can_group("?P-256"), "nor is one that may be missing");
    ok(iossl_can_sigalg("ECDSA+SHA256"), "a signature algorithm that each OpenSSL has");
    ok(!iossl_can_sigalg("ECDSA+SHA0"), "one that none has");
}

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
    test_features();
    test_names();
    ok(!iossl_can((iossl_feature)9999), "what a later library may know doesn't work in this one");
    before = iossl_now_ms();
    after = iossl_now_ms();
    ok(before > 0 && after >= before, "the clock doesn't go back");
    iossl_free(NULL);
    ok(1, "freeing nothing is harmless");
    return done_testing();
}
