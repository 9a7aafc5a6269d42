/*
 * t_policy.c - what each named policy offers, as it goes over the wire: a snapshot. A dated policy that
 * changes makes this test fail, and is to get a new date instead.
 */
#include <stdio.h>
#include <string.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca;

#define HYBRID 0x11ec       /* X25519MLKEM768: only newer OpenSSLs have it */

typedef struct {
    char versions[64], ciphers[512], groups[256], sigalgs[512];
} offer;

static unsigned
number(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* A list of 16-bit numbers as "1302 1303". */
static void
list_numbers(char *out, size_t size, const unsigned char *p, size_t len)
{
    out[0] = '\0';
    for (size_t i = 0; i + 1 < len; i += 2)
        if (number(p + i) != HYBRID)
            (void)snprintf(out + strlen(out), size - strlen(out), "%s%04x", out[0] == '\0' ? "" : " ",
                           number(p + i));
}

/* RFC 8446 section 4.1.2. */
static void
on_message(void *arg, bool sent, int version, int content_type, const void *buf, size_t len)
{
    offer *o = arg;
    const unsigned char *p = buf, *end = p + len;

    (void)version;
    if (!sent || content_type != SSL3_RT_HANDSHAKE || len < 40 || p[0] != 1 || o->ciphers[0] != '\0')
        return;
    p += 4 + 2 + 32;                            /* header, legacy version, random */
    p += 1 + p[0];                              /* session id */
    list_numbers(o->ciphers, sizeof o->ciphers, p + 2, number(p));
    p += 2 + number(p);
    p += 1 + p[0] + 2;                          /* compression; length of the extensions */
    while (p + 4 <= end) {
        unsigned type = number(p), size = number(p + 2);

        p += 4;
        if (type == 10)
            list_numbers(o->groups, sizeof o->groups, p + 2, size - 2);
        else if (type == 13)
            list_numbers(o->sigalgs, sizeof o->sigalgs, p + 2, size - 2);
        else if (type == 43)
            list_numbers(o->versions, sizeof o->versions, p + 1, size - 1);
        p += size;
    }
}

static const char *policy;

static void
with_policy(iossl_config *config)
{
    if (iossl_config_set_policy(config, policy, NULL) != IOSSL_OK)
        bail_out(policy);
}

static void
check(const char *name, const char *versions, const char *ciphers, const char *groups,
      const char *sigalgs)
{
    iossl_ctx *server_ctx = test_server_ctx(&ca, NULL), *client_ctx;
    test_pair pair;
    offer o = {.ciphers = ""};

    policy = name;
    client_ctx = test_client_ctx(&ca, with_policy);
    pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
    iossl_conn_set_msg_cb(pair.client, on_message, &o);
    (void)test_pair_shake(&pair);
    is_str(o.versions, versions, "%s: versions", name);
    is_str(o.ciphers, ciphers, "%s: ciphers", name);
    is_str(o.groups, groups, "%s: groups", name);
    is_str(o.sigalgs, sigalgs, "%s: signature algorithms", name);
    ok(SSL_CTX_get_security_level(iossl_ctx_get0_ssl_ctx(client_ctx)) >= 2, "%s: security level",
       name);
    test_pair_free(&pair);
    iossl_ctx_free(client_ctx);
    iossl_ctx_free(server_ctx);
}

/* ECDSA, Ed25519, RSA-PSS of rsaEncryption keys (and of RSASSA-PSS keys), PKCS#1 for certificates. */
#define SIGALGS "0403 0503 0807 0804 0805 0806 0401 0501 0601"

int
main(void)
{
    const test_cert_spec spec = {.common_name = "CA", .is_ca = 1};
    static const char *const MODERN[] = {"modern", "modern-2026"};
    static const char *const COMPATIBLE[] = {"compatible", "compatible-2026"};

    ca = test_identity_make(&spec);
    for (size_t i = 0; i < 2; i++)
        check(MODERN[i], "0304", "1302 1303 1301 00ff", "001d 0017 0018", SIGALGS);
    for (size_t i = 0; i < 2; i++)
        check(COMPATIBLE[i], "0304 0303",
              "1302 1303 1301 c02c c030 c02b c02f cca9 cca8 00ff", "001d 0017 0018", SIGALGS);
    test_identity_free(&ca);
    return done_testing();
}
