/*
 * trace.c - protocol messages in words, for people who look for a fault.
 *
 * Owns      the names of versions, record types, handshake messages.
 * Promises  looks no further into a message than its length goes.
 * Leaves    who listens to iossl_conn_set_msg_cb() and its users.
 * See       SSL_set_msg_callback(3), RFC 8446 section 4 and appendix B.
 */
#include <stdio.h>

#include <openssl/ssl.h>

#include "iossl.h"

typedef struct {
    int number;
    const char *name;
} entry;

static const entry VERSIONS[] = {
    {0x0300, "SSLv3"}, {0x0301, "TLSv1"}, {0x0302, "TLSv1.1"}, {0x0303, "TLSv1.2"}, {0x0304, "TLSv1.3"},
    {0xfeff, "DTLSv1"}, {0xfefd, "DTLSv1.2"},
};

/* The registry "TLS HandshakeType" of IANA. */
static const entry HANDSHAKES[] = {
    {0, "HelloRequest"},
    {1, "ClientHello"},
    {2, "ServerHello"},
    {4, "NewSessionTicket"},
    {5, "EndOfEarlyData"},
    {8, "EncryptedExtensions"},
    {11, "Certificate"},
    {12, "ServerKeyExchange"},
    {13, "CertificateRequest"},
    {14, "ServerHelloDone"},
    {15, "CertificateVerify"},
    {16, "ClientKeyExchange"},
    {20, "Finished"},
    {22, "CertificateStatus"},
    {24, "KeyUpdate"},
    {25, "CompressedCertificate"},
    {67, "NextProtocol"},
    {254, "MessageHash"},
};

static const char *
find(const entry *table, size_t n, int number)
{
    for (size_t i = 0; i < n; i++) {
        if (table[i].number == number)
            return table[i].name;
    }
    return "unknown";
}

#define FIND(table, number) find((table), sizeof (table) / sizeof *(table), (number))

bool
iossl_message_text(char *out, size_t size, bool sent, int version, int content_type,
                   const void *buf, size_t len)
{
    const unsigned char *bytes = buf;
    const char *direction = sent ? "OUT" : "IN";
    const char *protocol = FIND(VERSIONS, version);

    if (size > 0)
        *out = '\0';
    switch (content_type) {
    case SSL3_RT_HANDSHAKE:
        if (len < 1)
            return false;
        (void)snprintf(out, size, "* %s (%s), TLS handshake, %s (%d)", protocol, direction,
                       FIND(HANDSHAKES, bytes[0]), bytes[0]);
        return true;
    case SSL3_RT_ALERT:
        if (len < 2)
            return false;
        (void)snprintf(out, size, "* %s (%s), TLS alert, %s %s (%d)", protocol, direction,
                       SSL_alert_type_string_long(bytes[0] << 8),
                       SSL_alert_desc_string_long(bytes[1]), bytes[1]);
        return true;
    case SSL3_RT_CHANGE_CIPHER_SPEC:
        (void)snprintf(out, size, "* %s (%s), TLS change cipher spec", protocol, direction);
        return true;
    default: /* headers and the like: what they belong to is told by itself */
        return false;
    }
}
