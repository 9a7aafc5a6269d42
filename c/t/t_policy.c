/*
 * t_policy.c - what each named policy allows: a client's offer as it goes over the wire, and what a server
 * takes of a client that offers all there is. A snapshot: a dated policy that changes makes this test fail,
 * and is to get a new date instead.
 */
#include <stdio.h>
#include <string.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf;

#define HYBRID 0x11ec       /* X25519MLKEM768: only newer OpenSSLs have it */

typedef struct {
    char versions[64], ciphers[512], groups[256], sigalgs[512];
} offer;

static unsigned
number(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static void
add(char *out, size_t size, unsigned code)
{
    (void)snprintf(out + strlen(out), size - strlen(out), "%s%04x", out[0] == '\0' ? "" : " ", code);
}

/* A list of 16-bit numbers as "1302 1303". */
static void
list_numbers(char *out, size_t size, const unsigned char *p, size_t len)
{
    out[0] = '\0';
    for (size_t i = 0; i + 1 < len; i += 2)
        if (number(p + i) != HYBRID)
            add(out, size, number(p + i));
}

/* RFC 8446 section 4.1.2. */
static void
on_message(void *arg, bool sent, int version, int content_type, const void *buf, size_t len)
{
    offer *o = arg;
    const unsigned char *p = buf, *end = p + len;
    char *scsv;

    (void)version;
    if (!sent || content_type != SSL3_RT_HANDSHAKE || len < 40 || p[0] != 1 || o->ciphers[0] != '\0')
        return;
    p += 4 + 2 + 32;                            /* header, legacy version, random */
    p += 1 + p[0];                              /* session id */
    list_numbers(o->ciphers, sizeof o->ciphers, p + 2, number(p));
    if ((scsv = strstr(o->ciphers, " 00ff")) != NULL)
        *scsv = '\0';       /* no cipher but a signal, and newer OpenSSLs don't send it (RFC 5746) */
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

/* ---- Clients --------------------------------------------------------------------------------- */

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

/* ---- Servers --------------------------------------------------------------------------------- */

static const char *version;

/* All there is, weak things included. */
static void
with_everything(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK
        || iossl_config_set_cipher_list(config, NULL, "ALL:@SECLEVEL=0", NULL) != IOSSL_OK
        || iossl_config_set_groups(config, "P-521:X448:P-384:P-256:X25519", NULL) != IOSSL_OK
        || iossl_config_set_sigalgs(config,
                                    "ECDSA+SHA1:RSA+SHA1:ECDSA+SHA224:RSA+SHA224:ed448:RSA+SHA512:"
                                    "ECDSA+SHA512:RSA-PSS+SHA512:RSA-PSS+SHA384:RSA-PSS+SHA256:RSA+SHA384:"
                                    "RSA+SHA256:ed25519:ECDSA+SHA384:ECDSA+SHA256", NULL) != IOSSL_OK)
        bail_out("everything");
}

static void
list_taken(offer *o, SSL *ssl)
{
    STACK_OF(SSL_CIPHER) *ciphers = SSL_get1_supported_ciphers(ssl);
    unsigned char sign, hash;

    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
        add(o->ciphers, sizeof o->ciphers, SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(ciphers, i)));
    sk_SSL_CIPHER_free(ciphers);
    for (int i = 0; i < (int)SSL_get_shared_group(ssl, -1); i++)
        (void)snprintf(o->groups + strlen(o->groups), sizeof o->groups - strlen(o->groups), "%s%s",
                       i == 0 ? "" : " ", OBJ_nid2sn((int)SSL_get_shared_group(ssl, i)));
    for (int i = 0; SSL_get_shared_sigalgs(ssl, i, NULL, NULL, NULL, &sign, &hash) > i; i++)
        add(o->sigalgs, sizeof o->sigalgs, (unsigned)hash << 8 | sign);
}

static void
check_server(const char *name, const char *versions, const char *ciphers, const char *groups,
             const char *sigalgs)
{
    static const char *const VERSIONS[] = {"TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"};
    iossl_ctx *server_ctx;
    offer o = {.ciphers = ""};

    policy = name;
    server_ctx = test_server_ctx(&leaf, with_policy);
    for (unsigned i = 0; i < sizeof VERSIONS / sizeof *VERSIONS; i++) {
        iossl_ctx *client_ctx;
        test_pair pair;

        version = VERSIONS[i];
        client_ctx = test_client_ctx(&ca, with_everything);
        pair = test_pair_new(client_ctx, server_ctx, "www.example.test");
        if (test_pair_shake(&pair)) {
            add(o.versions, sizeof o.versions, 0x301 + i);
            o.groups[0] = o.sigalgs[0] = '\0';     /* the same for each version */
            list_taken(&o, iossl_conn_get0_ssl(pair.server));
        }
        test_pair_free(&pair);
        iossl_ctx_free(client_ctx);
    }
    is_str(o.versions, versions, "%s, server: versions", name);
    is_str(o.ciphers, ciphers, "%s, server: ciphers", name);
    is_str(o.groups, groups, "%s, server: groups", name);
    is_str(o.sigalgs, sigalgs, "%s, server: signature algorithms", name);
    iossl_ctx_free(server_ctx);
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

#define GROUPS "X25519 prime256v1 secp384r1"
/* ECDSA, Ed25519, RSA-PSS of rsaEncryption keys (and of RSASSA-PSS keys), PKCS#1 for certificates. */
#define SIGALGS "0403 0503 0807 0804 0805 0806 0401 0501 0601"

int
main(void)
{
    const test_cert_spec spec = {.common_name = "CA", .is_ca = 1};
    const test_cert_spec of_leaf = {.issuer = &ca, .altnames = "DNS:www.example.test"};
    static const char *const MODERN[] = {"modern", "modern-2026"};
    static const char *const COMPATIBLE[] = {"compatible", "compatible-2026"};

    tap_start();
    ca = test_identity_make(&spec);
    leaf = test_identity_make(&of_leaf);
    for (size_t i = 0; i < 2; i++) {
        check(MODERN[i], "0304", "1302 1303 1301", "001d 0017 0018", SIGALGS);
        check_server(MODERN[i], "0304", "1302 1303 1301", GROUPS, SIGALGS);
    }
    for (size_t i = 0; i < 2; i++) {
        check(COMPATIBLE[i], "0304 0303",
              "1302 1303 1301 c02c c030 c02b c02f cca9 cca8", "001d 0017 0018", SIGALGS);
        check_server(COMPATIBLE[i], "0303 0304",
                     "c02c c030 c02b c02f cca9 cca8 1302 1303 1301", GROUPS, SIGALGS);
    }
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
