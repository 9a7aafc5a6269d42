/*
 * t_advice.c - remarks on a failed handshake: for the side that can act on them, and for no one else.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "advice.h"
#include "support_openssl.h"
#include "tap.h"

/* What is said where OpenSSL failed for this reason. */
static const char *
advice_for(int lib, int reason, iossl_role role)
{
    const char *text;

    ERR_clear_error();
    ERR_raise(lib, reason);
    text = iossl_advice(role);
    ok(ERR_peek_error() != 0, "the queue stays for who tells OpenSSL's own words");
    ERR_clear_error();
    return text;
}

int
main(void)
{
    tap_start();
    ERR_clear_error();
    ok(iossl_advice(IOSSL_CLIENT) == NULL, "no reason, no advice");
    like(advice_for(ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER, IOSSL_CLIENT), "is no TLS",
         "a peer in the clear");
    like(advice_for(ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER, IOSSL_SERVER), "is no TLS",
         "on either side");
    like(advice_for(ERR_LIB_SSL, SSL_R_UNSUPPORTED_PROTOCOL, IOSSL_CLIENT), "the server chose",
         "a client hears about its server");
    like(advice_for(ERR_LIB_SSL, SSL_R_UNSUPPORTED_PROTOCOL, IOSSL_SERVER), "the client offers",
         "a server about its client");
    ok(advice_for(ERR_LIB_SSL, SSL_R_HTTP_REQUEST, IOSSL_CLIENT) == NULL,
       "what only a server can see says nothing to a client");
    ok(advice_for(ERR_LIB_X509, SSL_R_WRONG_VERSION_NUMBER, IOSSL_CLIENT) == NULL,
       "the same number of another part of OpenSSL is another reason");
    ok(advice_for(ERR_LIB_SSL, SSL_R_BAD_LENGTH, IOSSL_CLIENT) == NULL,
       "where nothing is certain, nothing is said");
    return done_testing();
}
