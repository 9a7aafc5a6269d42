/*
 * advice.c - what a person can do about a handshake that failed.
 *
 * Owns      the remarks that follow OpenSSL's reasons, in the words of our options.
 * Promises  a remark says what is certain from the reason and the role, and no more.
 * Leaves    certificates to verify.c, which knows more about them.
 * See       SSL_R_* in openssl/sslerr.h, RFC 8446 section 6.2.
 */
#include "advice.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "compat.h"

#define ANY_ROLE (-1)

static const struct {
    int reason;
    int role;           /* of the side that sees it; ANY_ROLE: both */
    const char *text;
} ADVICE[] = {
    /* "wrong ssl version" is what OpenSSL said where one version was fixed; programs look for it. */
    {SSL_R_UNSUPPORTED_PROTOCOL, IOSSL_CLIENT,
     "wrong ssl version: the server chose a protocol that SSL_version leaves out"},
    {SSL_R_UNSUPPORTED_PROTOCOL, IOSSL_SERVER,
     "wrong ssl version: the client offers no protocol that SSL_version allows"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, ANY_ROLE,
     "the peer refuses every protocol that SSL_version allows here"},
    {SSL_R_WRONG_VERSION_NUMBER, ANY_ROLE,
     "what the peer sent is no TLS; is it a plain-text port, or is STARTTLS missing?"},
    {SSL_R_HTTP_REQUEST, IOSSL_SERVER, "the client speaks plain HTTP"},
    {SSL_R_NO_SHARED_CIPHER, IOSSL_SERVER,
     "no certificate was given, or the client offers no cipher of SSL_cipher_list"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, ANY_ROLE,
     "the peer found nothing in common: ciphers, groups, or it wants a certificate"},
    {SSL_R_TLSV1_UNRECOGNIZED_NAME, IOSSL_CLIENT,
     "the server knows no host of the name in SSL_hostname"},
    {SSL_R_BINDER_DOES_NOT_VERIFY, IOSSL_SERVER,
     "the client has another key for this identity than SSL_psk"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY, IOSSL_CLIENT,
     "the server knows no key for the identity in SSL_psk"},
    {SSL_R_EE_KEY_TOO_SMALL, ANY_ROLE,
     "the security level (@SECLEVEL in SSL_cipher_list) wants longer keys"},
    {SSL_R_DH_KEY_TOO_SMALL, ANY_ROLE,
     "the security level (@SECLEVEL in SSL_cipher_list) wants longer keys"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, IOSSL_SERVER,
     "SSL_verify_mode asks for one: give the client SSL_cert_file and SSL_key_file"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, IOSSL_CLIENT,
     "give SSL_cert_file and SSL_key_file"},
};

const char *
iossl_advice(iossl_role role)
{
    unsigned long code = ERR_peek_error();

    if (ERR_GET_LIB(code) != ERR_LIB_SSL)
        return NULL;
    for (size_t i = 0; i < sizeof ADVICE / sizeof ADVICE[0]; i++)
        if (ERR_GET_REASON(code) == ADVICE[i].reason
            && (ADVICE[i].role == ANY_ROLE || ADVICE[i].role == (int)role))
            return ADVICE[i].text;
    return NULL;
}
