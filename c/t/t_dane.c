/*
 * t_dane.c - TLSA records: each usage, selector and matching, and what they stand for.
 */
#include <string.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, other_ca, leaf, other_leaf, expired, demanding;
static bool trusts, no_verify, is_pinned;
static const test_identity *serves;

/* A record of a certificate. */
static iossl_status
add_of(iossl_tlsa *tlsa, int usage, int selector, int matching, X509 *cert)
{
    unsigned char *der = NULL, digest[64];
    int len = selector == 1 ? i2d_PUBKEY(X509_get0_pubkey(cert), &der) : i2d_X509(cert, &der);
    unsigned int digest_len = 0;
    iossl_status status;

    if (matching != 0
        && EVP_Digest(der, (size_t)len, digest, &digest_len,
                      matching == 1 ? EVP_sha256() : EVP_sha512(), NULL) != 1)
        bail_out("digest");
    status = iossl_tlsa_add(tlsa, usage, selector, matching, matching == 0 ? der : digest,
                            matching == 0 ? (size_t)len : digest_len, NULL);
    OPENSSL_free(der);
    return status;
}

static iossl_tlsa *
one_record(int usage, int selector, int matching, X509 *cert)
{
    iossl_tlsa *tlsa = iossl_tlsa_new(NULL);

    if (add_of(tlsa, usage, selector, matching, cert) != IOSSL_OK || iossl_tlsa_count(tlsa) != 1)
        bail_out("record");
    return tlsa;
}

static void
with_chain(iossl_config *config)
{
    X509 *const chain[] = {serves->cert, ca.cert};

    if (iossl_config_add_certs(config, NULL, chain, 2, NULL) != IOSSL_OK
        || iossl_config_add_key(config, NULL, serves->key, NULL) != IOSSL_OK)
        bail_out("chain");
}

static void
client_settings(iossl_config *config)
{
    iossl_pins *pins = iossl_pins_new(NULL);
    char *pin = NULL;

    if (no_verify && iossl_config_set_verify_mode(config, IOSSL_VERIFY_NONE, NULL) != IOSSL_OK)
        bail_out("mode");
    if (is_pinned
        && (iossl_cert_fingerprint(&pin, serves->cert, NULL, false, NULL) != IOSSL_OK
            || iossl_pins_add(pins, pin, NULL) != IOSSL_OK
            || iossl_config_set_pins(config, pins, false, NULL) != IOSSL_OK))
        bail_out("pin");
    iossl_free(pin);
    iossl_pins_free(pins);
}

/* 1 connected, 0 refused: then *why, if it isn't NULL, says why (free it). */
static int
connect_with(iossl_tlsa *tlsa, const char *name, const test_identity *server_is, iossl_error **why)
{
    iossl_ctx *client, *server;
    test_pair pair;
    int done;

    serves = server_is;
    client = test_client_ctx(trusts ? &ca : NULL, client_settings);
    server = test_server_ctx(NULL, with_chain);
    pair = test_pair_new(client, server, name);
    if (iossl_conn_set_tlsa(pair.client, tlsa, NULL) != IOSSL_OK)
        bail_out("tlsa");
    done = test_pair_shake(&pair);
    if (why != NULL) {
        *why = iossl_error_new();
        iossl_error_copy(*why, pair.client_error);
    }
    ok(ERR_peek_error() == 0, "no error is left behind");
    test_pair_free(&pair);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    return done;
}

static int
connect_by(int usage, int selector, int matching, X509 *cert, const char *name)
{
    iossl_tlsa *tlsa = one_record(usage, selector, matching, cert);
    int done = connect_with(tlsa, name, &leaf, NULL);

    iossl_tlsa_free(tlsa);
    return done;
}

#define RIGHT "www.example.test"
#define WRONG "other.example.test"

static void
test_usages(void)
{
    for (int selector = 0; selector < 2; selector++) {
        for (int matching = 0; matching < 3; matching++) {
            trusts = false;
            is_int(connect_by(3, selector, matching, leaf.cert, RIGHT), 1,
                   "3 %d %d: the leaf, by nothing else", selector, matching);
            is_int(connect_by(3, selector, matching, other_leaf.cert, RIGHT), 0, "no other one");
            is_int(connect_by(2, selector, matching, ca.cert, RIGHT), 1,
                   "2 %d %d: a CA that the server sends", selector, matching);
            is_int(connect_by(2, selector, matching, other_ca.cert, RIGHT), 0, "no other one");
            is_int(connect_by(1, selector, matching, leaf.cert, RIGHT), 0,
                   "1 %d %d: not without trust in its CA", selector, matching);
            trusts = true;
            is_int(connect_by(1, selector, matching, leaf.cert, RIGHT), 1, "but with it");
            is_int(connect_by(1, selector, matching, other_leaf.cert, RIGHT), 0, "no other one");
            is_int(connect_by(0, selector, matching, ca.cert, RIGHT), 1, "0 %d %d: the CA", selector,
                   matching);
            is_int(connect_by(0, selector, matching, other_ca.cert, RIGHT), 0, "no other one");
        }
    }
    trusts = true;
    is_int(connect_by(3, 1, 1, leaf.cert, WRONG), 1, "usage 3 ignores names (RFC 7671 section 5.1)");
    is_int(connect_by(2, 1, 1, ca.cert, WRONG), 0, "usage 2 doesn't");
    is_int(connect_by(1, 1, 1, leaf.cert, WRONG), 0, "nor usage 1");
    is_int(connect_by(0, 1, 1, ca.cert, WRONG), 0, "nor usage 0");
    is_int(connect_by(3, 1, 1, other_leaf.cert, RIGHT), 0,
           "a trusted chain is nothing where no record fits");
}

static void
test_time(void)
{
    iossl_tlsa *by_key = one_record(3, 1, 1, expired.cert), *by_ca = one_record(2, 1, 1, ca.cert);
    iossl_error *err;

    trusts = true;
    is_int(connect_with(by_key, RIGHT, &expired, NULL), 1, "usage 3 ignores the time");
    is_int(connect_with(by_ca, RIGHT, &expired, &err), 0, "usage 2 doesn't");
    is_int(iossl_error_get_verify_code(err), X509_V_ERR_CERT_HAS_EXPIRED, "it says so");
    iossl_error_free(err);
    iossl_tlsa_free(by_key);
    iossl_tlsa_free(by_ca);
}

/* RFC 7633: a staple that the certificate demands is its issuer's word, which usage 3 has no use for. */
static void
test_demands(void)
{
    iossl_tlsa *by_key = one_record(3, 1, 1, demanding.cert), *by_ca = one_record(2, 1, 1, ca.cert);

    trusts = false;
    is_int(connect_with(by_key, RIGHT, &demanding, NULL), 1, "usage 3 needs no staple");
    is_int(connect_with(by_ca, RIGHT, &demanding, NULL), 0, "usage 2 does");
    trusts = true;
    is_int(connect_with(NULL, RIGHT, &demanding, NULL), 0, "without records, too");
    iossl_tlsa_free(by_key);
    iossl_tlsa_free(by_ca);
}

static void
test_combined(void)
{
    iossl_tlsa *tlsa = one_record(3, 1, 1, other_leaf.cert);
    iossl_error *err;

    trusts = true;
    is_int(connect_with(tlsa, RIGHT, &leaf, &err), 0, "no record fits");
    is_int(iossl_error_get_code(err), IOSSL_E_VERIFY, "its code");
    is_int(iossl_error_get_verify_code(err), X509_V_ERR_DANE_NO_MATCH, "OpenSSL's code");
    like(iossl_error_get0_remedy(err), "the other side has to publish one of its present certificate, as "
                                       "\"3 1 1 ", "what to do");
    like(iossl_error_message(err), "its TLSA records (SSL_tlsa) are old, or this is another server", "the reason");
    iossl_error_free(err);
    is_pinned = true;
    is_int(connect_with(tlsa, RIGHT, &leaf, NULL), 1, "a pinned leaf passes whatever the rest says");
    is_pinned = false;
    no_verify = true;
    is_int(connect_with(tlsa, RIGHT, &leaf, NULL), 1, "without verification nothing is verified");
    no_verify = false;
    if (add_of(tlsa, 3, 0, 2, leaf.cert) != IOSSL_OK)
        bail_out("record");
    is_int(connect_with(tlsa, RIGHT, &leaf, NULL), 1, "one of several is enough");
    is_int(connect_with(NULL, RIGHT, &leaf, NULL), 1, "no records: the chain decides");
    trusts = false;
    is_int(connect_with(NULL, RIGHT, &leaf, NULL), 0, "the chain alone");
    iossl_tlsa_free(tlsa);
}

/* RFC 7671 section 9: beside a record with SHA-512, one with SHA-256 of the same says nothing. */
static void
test_agility(void)
{
    iossl_tlsa *tlsa = one_record(3, 1, 1, leaf.cert);

    trusts = true;
    if (add_of(tlsa, 0, 0, 1, ca.cert) != IOSSL_OK)
        bail_out("record");
    is_int(connect_with(tlsa, WRONG, &leaf, NULL), 1, "two records fit; usage 3 needs no name");
    if (add_of(tlsa, 3, 1, 2, other_leaf.cert) != IOSSL_OK)
        bail_out("record");
    is_int(connect_with(tlsa, WRONG, &leaf, NULL), 0, "outdone, it doesn't spare the name");
    is_int(connect_with(tlsa, RIGHT, &leaf, NULL), 1, "the other one is left, with the name");
    iossl_tlsa_free(tlsa);
}

/* Which record it was; and records made of certificates. */
static void
test_telling(void)
{
    static const struct { int usage, selector, matching; } table[] = {
        {3, 1, 1}, {3, 0, 0}, {2, 0, 2}, {1, 1, 0}, {0, 1, 1}};
    iossl_error *err = iossl_error_new();
    char *text = NULL;

    trusts = true;
    serves = &leaf;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        bool is_leaf = table[i].usage == 3 || table[i].usage == 1;
        iossl_ctx *client = test_client_ctx(&ca, NULL), *server = test_server_ctx(NULL, with_chain);
        test_pair pair = test_pair_new(client, server, RIGHT);
        iossl_tlsa *tlsa = one_record(3, 0, 1, other_leaf.cert);

        is_int(iossl_cert_tlsa(&text, is_leaf ? leaf.cert : ca.cert, table[i].usage, table[i].selector,
                               table[i].matching, err), IOSSL_OK, "a record as text");
        is_int(iossl_tlsa_add_text(tlsa, text, err), IOSSL_OK, "is one");
        is_int(iossl_conn_set_tlsa(pair.client, tlsa, err), IOSSL_OK, "set");
        ok(iossl_conn_get0_info(pair.client)->tlsa == NULL, "before the handshake none fits");
        ok(test_pair_shake(&pair), "connects");
        is_str(iossl_conn_get0_info(pair.client)->tlsa, text, "it is told");
        ok(iossl_conn_get0_info(pair.server)->tlsa == NULL, "not on the server");
        is_int(iossl_conn_set_tlsa(pair.client, NULL, err), IOSSL_ERROR, "too late to change");
        iossl_free(text);
        text = iossl_conn_summary(pair.client);
        like(text, ", TLSA record ", "in the line");
        iossl_free(text);
        test_pair_free(&pair);
        iossl_tlsa_free(tlsa);
        iossl_ctx_free(client);
        iossl_ctx_free(server);
    }
    is_int(iossl_cert_tlsa(&text, leaf.cert, 4, 1, 1, err), IOSSL_ERROR, "no such usage");
    ok(text == NULL, "nothing comes of it");
    like(iossl_error_message(err), "TLSA record 4 1 1: usage is from 0 to 3", "says so");
    iossl_error_free(err);
}

static void
test_sessions(void)
{
    iossl_session_cache *cache = iossl_session_cache_new(4, NULL);
    iossl_tlsa *one = one_record(3, 1, 1, leaf.cert), *two = one_record(3, 0, 1, leaf.cert);
    iossl_ctx *client, *server;
    iossl_tlsa *const order[] = {one, one, two, NULL};

    serves = &leaf;
    client = test_client_ctx(&ca, NULL);
    server = test_server_ctx(NULL, with_chain);
    for (size_t i = 0; i < 4; i++) {
        test_pair pair = test_pair_new(client, server, RIGHT);
        char buf[4];
        size_t n;

        if (iossl_conn_set_tlsa(pair.client, order[i], NULL) != IOSSL_OK
            || iossl_conn_set_session_cache(pair.client, cache, "key", NULL) != IOSSL_OK
            || !test_pair_shake(&pair)
            || iossl_write_all(pair.server, "x", 1, NULL, IOSSL_POLL, NULL) != IOSSL_OK
            || iossl_read(pair.client, buf, sizeof buf, &n, IOSSL_POLL, NULL) != IOSSL_OK
            || iossl_shutdown(pair.client, false, IOSSL_POLL, NULL) != IOSSL_OK)
            bail_out("handshake");
        is_int(iossl_conn_is_resumed(pair.client), i == 1, "%s",
               i == 0 ? "a session" : i == 1 ? "is resumed under the same records"
                                             : "not under others");
        test_pair_free(&pair);
    }
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    iossl_tlsa_free(one);
    iossl_tlsa_free(two);
    iossl_session_cache_free(cache);
}

#define HEX32 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static void
test_forms(void)
{
    static const struct { const char *text; const char *why; } table[] = {
        {"", "write it as DNS has it"}, {"3 1 1", "write it as DNS has it"},
        {"3 1 " HEX32, "write it as DNS has it"}, {"x 1 1 " HEX32, "write it as DNS has it"},
        {"3 1 1 " HEX32 "0", "write it as DNS has it"}, {"3 1 1 " HEX32 "x", "write it as DNS has it"},
        {"3 1 1 ", "there are no data in it"}, {"3 1 1 00", "a SHA-256 digest has 32 bytes"},
        {"3 1 2 " HEX32, "a SHA-512 digest has 64 bytes"},
        {"3 0 0 " HEX32, "no certificate in DER"}, {"3 1 0 " HEX32, "no public key in DER"},
        {"-1 1 1 " HEX32, "write it as DNS has it"}, {"256 1 1 " HEX32, "write it as DNS has it"},
    };
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);
    iossl_tlsa *tlsa = iossl_tlsa_new(NULL);
    iossl_error *err = iossl_error_new();

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        is_int(iossl_tlsa_add_text(tlsa, table[i].text, err), IOSSL_ERROR, "\"%s\" is none",
               table[i].text);
        like(iossl_error_message(err), table[i].why, "says why");
    }
    ok(iossl_can(IOSSL_CAN_DANE), "this OpenSSL has DANE");
    is_int(iossl_config_set_tlsa(config, tlsa, err), IOSSL_ERROR, "an empty set is refused");
    like(iossl_error_message(err), "there are no TLSA records in it", "says so");
    is_int(iossl_tlsa_add_text(tlsa, "4 1 1 " HEX32, err), IOSSL_OK, "a usage of later days");
    is_int(iossl_tlsa_add_text(tlsa, "3 1 9 " HEX32, err), IOSSL_OK, "a matching of later days");
    is_size(iossl_tlsa_count(tlsa), 0, "can't be used");
    is_int(iossl_config_set_tlsa(config, tlsa, err), IOSSL_ERROR, "nor a set of such");
    like(iossl_error_message(err), "of 2 TLSA records none can be used", "says so");
    is_int(iossl_tlsa_add_text(tlsa, "3 1 1 " HEX32 "\n", err), IOSSL_OK, "one that is known");
    is_int(iossl_tlsa_add_text(tlsa, " 3\t1 1\t00112233 44556677 8899aabb ccddeeff 00112233 44556677 "
                                     "8899aabb ccddeeff", err),
           IOSSL_OK, "with spaces");
    is_int(iossl_tlsa_add_text(tlsa, "3 1 1 (\n\t00112233445566778899aabbccddeeff\n"
                                     "\t00112233445566778899aabbccddeeff )", err),
           IOSSL_OK, "on several lines");
    is_size(iossl_tlsa_count(tlsa), 3, "all can");
    is_int(iossl_config_set_tlsa(config, tlsa, err), IOSSL_OK, "and the set");
    is_int(iossl_config_set_tlsa(config, NULL, err), IOSSL_OK, "none again");
    ok(ERR_peek_error() == 0, "the queue is empty");
    iossl_tlsa_free(tlsa);
    iossl_config_free(config);
    iossl_error_free(err);
}

int
main(void)
{
    tap_start();
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    other_ca = test_identity_make(&(test_cert_spec){.common_name = "Other", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){
        .common_name = "x", .altnames = "DNS:" RIGHT, .issuer = &ca});
    other_leaf = test_identity_make(&(test_cert_spec){
        .common_name = "x", .altnames = "DNS:" RIGHT, .issuer = &ca, .serial = 9});
    expired = test_identity_make(&(test_cert_spec){.common_name = "x", .altnames = "DNS:" RIGHT,
        .issuer = &ca, .serial = 10, .from_s = -7200, .to_s = -3600});
    demanding = test_identity_make(&(test_cert_spec){.common_name = "x", .altnames = "DNS:" RIGHT,
        .issuer = &ca, .serial = 11, .extensions = "tlsfeature=status_request"});
    test_usages();
    test_time();
    test_demands();
    test_combined();
    test_agility();
    test_telling();
    test_sessions();
    test_forms();
    test_identity_free(&demanding);
    test_identity_free(&expired);
    test_identity_free(&other_leaf);
    test_identity_free(&leaf);
    test_identity_free(&other_ca);
    test_identity_free(&ca);
    return done_testing();
}
