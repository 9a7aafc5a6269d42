/*
 * t_diagnose.c - everything that is wrong with a chain: alone, and of a connection that failed.
 */
#include "iossl.h"

#include <time.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "support_cert.h"
#include "support_pair.h"
#include "tap.h"

#define DAY 86400L

static test_identity
make(const char *name, const test_identity *issuer, int is_ca, long from_s, long to_s)
{
    const test_cert_spec spec = {.common_name = name, .altnames = is_ca ? NULL : "DNS:good.test",
                                 .issuer = issuer, .is_ca = is_ca, .from_s = from_s, .to_s = to_s};

    return test_identity_make(&spec);
}

/* The finding of this code, NULL where there is none. */
static const iossl_finding *
find(const iossl_diagnosis *d, int verify_code)
{
    for (size_t i = 0; d != NULL && i < iossl_diagnosis_count(d); i++)
        if (iossl_diagnosis_get0(d, i)->verify_code == verify_code)
            return iossl_diagnosis_get0(d, i);
    return NULL;
}

static void
test_nothing_wrong(iossl_ctx *ctx, const test_identity *leaf)
{
    iossl_error *err = iossl_error_new();
    iossl_diagnosis *d = iossl_diagnose(ctx, IOSSL_CLIENT, leaf->cert, NULL, "good.test", 0, err);

    ok(d != NULL && iossl_diagnosis_count(d) == 0, "a good chain has no findings");
    is_int(sk_X509_num(iossl_diagnosis_get0_chain(d)), 2, "and was built up to its CA");
    ok(iossl_diagnosis_get0(d, 0) == NULL, "past the end there is nothing");
    is_int(iossl_error_get_code(err), IOSSL_E_NONE, "no error is set");
    iossl_diagnosis_free(d);
    iossl_error_free(err);
}

static void
test_all_at_once(iossl_ctx *ctx, const test_identity *ca)
{
    test_identity leaf = make("leaf", ca, 0, -10 * DAY, -5 * DAY);
    iossl_diagnosis *d = iossl_diagnose(ctx, IOSSL_CLIENT, leaf.cert, NULL, "other.test", 0, NULL);
    const iossl_finding *expired = find(d, X509_V_ERR_CERT_HAS_EXPIRED);
    const iossl_finding *name = find(d, X509_V_ERR_HOSTNAME_MISMATCH);

    is_size(iossl_diagnosis_count(d), 2, "two things are wrong, and both are found");
    if (ok(expired != NULL && name != NULL, "expiry and name")) {
        is_int(expired->code, IOSSL_E_VERIFY, "expiry is of the chain");
        is_int(expired->depth, 0, "at the leaf");
        ok(X509_cmp(expired->cert, leaf.cert) == 0, "which is told");
        like(expired->what, "expired on", "in a sentence");
        like(expired->remedy, "renewed", "with what to do");
        is_int(name->code, IOSSL_E_NAME, "the name");
        like(name->what, "not for \"other.test\"", "says which");
        like(name->remedy, "SSL_verifycn_name", "and what to do");
    }
    iossl_diagnosis_free(d);

    d = iossl_diagnose(ctx, IOSSL_CLIENT, leaf.cert, NULL, "good.test",
                       (int64_t)time(NULL) - 7 * DAY, NULL);
    is_size(iossl_diagnosis_count(d), 0, "at a time within its validity nothing is");
    iossl_diagnosis_free(d);
    d = iossl_diagnose(ctx, IOSSL_CLIENT, leaf.cert, NULL, NULL, 0, NULL);
    ok(iossl_diagnosis_count(d) == 2 && iossl_diagnosis_get0(d, 1)->code == IOSSL_E_NO_NAME,
       "no name to verify is a finding, too");
    iossl_diagnosis_free(d);
    test_identity_free(&leaf);
}

static void
test_broken_chains(iossl_ctx *ctx, const test_identity *ca)
{
    test_identity middle = make("middle", ca, 1, -10 * DAY, -5 * DAY);
    test_identity leaf = make("leaf", &middle, 0, 0, 0);
    test_identity own = make("own", NULL, 0, 0, 0);
    STACK_OF(X509) *chain = sk_X509_new_null();
    const iossl_finding *f;
    iossl_diagnosis *d = iossl_diagnose(ctx, IOSSL_CLIENT, leaf.cert, NULL, "good.test", 0, NULL);

    is_size(iossl_diagnosis_count(d), 1, "a missing intermediate is one finding, not two");
    if (ok((f = find(d, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY)) != NULL, "its code")) {
        like(f->what, "/CN=middle", "the missing one is named");
        like(f->remedy, "the other side has to send its certificate", "the remedy");
    }
    iossl_diagnosis_free(d);

    sk_X509_push(chain, leaf.cert);
    sk_X509_push(chain, middle.cert);
    d = iossl_diagnose(ctx, IOSSL_CLIENT, leaf.cert, chain, "good.test", 0, NULL);
    is_size(iossl_diagnosis_count(d), 1, "an expired intermediate");
    if (ok((f = find(d, X509_V_ERR_CERT_HAS_EXPIRED)) != NULL, "is found")) {
        is_int(f->depth, 1, "with its depth");
        ok(X509_cmp(f->cert, middle.cert) == 0, "and its certificate");
        like(f->what, "certificate 1 of the chain, \"/CN=middle\",", "in words");
    }
    iossl_diagnosis_free(d);

    d = iossl_diagnose(ctx, IOSSL_CLIENT, own.cert, NULL, "good.test", 0, NULL);
    if (ok((f = find(d, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT)) != NULL, "self-signed"))
        like(f->remedy, "SSL_fingerprint => 'sha256$", "the fingerprint is in the remedy");
    iossl_diagnosis_free(d);

    sk_X509_free(chain);
    test_identity_free(&own);
    test_identity_free(&leaf);
    test_identity_free(&middle);
}

static void
test_connection(iossl_ctx *client, const test_identity *ca)
{
    test_identity leaf = make("leaf", ca, 0, -10 * DAY, -5 * DAY);
    iossl_ctx *server = test_server_ctx(&leaf, NULL);
    test_pair pair = test_pair_new(client, server, "other.test");
    iossl_error *err = iossl_error_new();
    iossl_diagnosis *d = iossl_conn_diagnose(pair.client, err);

    ok(d == NULL && iossl_error_get_code(err) == IOSSL_E_STATE,
       "before the handshake there is nothing to diagnose");
    ok(iossl_conn_get0_refused_chain(pair.client) == NULL, "nor was a chain refused");
    ok(!test_pair_shake(&pair), "an expired certificate for another name is refused");
    is_int(iossl_error_get_verify_code(pair.client_error), X509_V_ERR_CERT_HAS_EXPIRED,
           "for one reason");
    is_int(sk_X509_num(iossl_conn_get0_refused_chain(pair.client)), 1, "the chain is still there");
    d = iossl_conn_diagnose(pair.client, err);
    is_size(d == NULL ? 0 : iossl_diagnosis_count(d), 2, "the diagnosis has both reasons");
    ok(iossl_conn_has_failed(pair.client), "the connection is as it was");
    iossl_diagnosis_free(d);
    test_pair_free(&pair);
    iossl_ctx_free(server);
    test_identity_free(&leaf);
    iossl_error_free(err);
}

static void
test_good_connection(iossl_ctx *client, const test_identity *leaf)
{
    iossl_ctx *server = test_server_ctx(leaf, NULL);
    test_pair pair = test_pair_new(client, server, "good.test");
    iossl_diagnosis *d;

    ok(iossl_conn_get0_group(pair.client) == NULL, "no group before the handshake");
    ok(test_pair_shake(&pair), "a good one");
    ok(iossl_conn_get0_refused_chain(pair.client) == NULL, "isn't refused");
    is_int(sk_X509_num(iossl_conn_get0_verified_chain(pair.client)), 2, "the chain as verified");
    ok(iossl_conn_get0_group(pair.client) != NULL, "has a group");
    is_str(iossl_conn_get0_group(pair.server), iossl_conn_get0_group(pair.client), "both the same");
    d = iossl_conn_diagnose(pair.client, NULL);
    ok(d != NULL && iossl_diagnosis_count(d) == 0, "nothing is wrong with it");
    iossl_diagnosis_free(d);
    test_pair_free(&pair);
    iossl_ctx_free(server);
}

int
main(void)
{
    test_identity ca, leaf;
    iossl_ctx *ctx;

    tap_start();
    ca = make("ca", NULL, 1, -20 * DAY, DAY);
    leaf = make("leaf", &ca, 0, 0, 0);
    ctx = test_client_ctx(&ca, NULL);
    test_nothing_wrong(ctx, &leaf);
    test_all_at_once(ctx, &ca);
    test_broken_chains(ctx, &ca);
    test_connection(ctx, &ca);
    test_good_connection(ctx, &leaf);
    iossl_diagnosis_free(NULL);
    ok(ERR_peek_error() == 0, "OpenSSL's queue is empty in the end");
    iossl_ctx_free(ctx);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
