/*
 * t_paths.c - paths that OpenSSL doesn't find by itself, what the program hears of them, and what
 * a bundle made to waste time can cost.
 *
 * The cost is counted where OpenSSL checks the signatures of a chain: X509_STORE_set_verify(3).
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "iossl.h"
#include "paths.h"
#include "support_openssl.h"
#include "support_pair.h"
#include "tap.h"

#define NAME "www.example.test"
#define DAY 86400

static test_identity
authority(const char *name, const test_identity *issuer, const EVP_PKEY *key, bool expired)
{
    return test_identity_make(&(test_cert_spec){
        .common_name = name, .issuer = issuer, .key = key, .is_ca = 1,
        .from_s = expired ? -2 * DAY : 0, .to_s = expired ? -DAY : 0});
}

static test_identity
leaf_of(const test_identity *issuer)
{
    return test_identity_make(&(test_cert_spec){.issuer = issuer, .altnames = "DNS:" NAME});
}

/* ---- Counting -------------------------------------------------------------------------------- */

static X509_STORE_CTX_verify_fn check_signatures;   /* OpenSSL's own */
static int rounds, signatures;

static int
count_signatures(X509_STORE_CTX *store_ctx)
{
    rounds++;
    signatures += sk_X509_num(X509_STORE_CTX_get0_chain(store_ctx));
    return check_signatures(store_ctx);
}

static void
learn_openssl_function(void)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    if (store == NULL || ctx == NULL || X509_STORE_CTX_init(ctx, store, NULL, NULL) != 1)
        bail_out("no memory");
    check_signatures = X509_STORE_CTX_get_verify(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
}

/* A client that trusts these and counts. */
static iossl_ctx *
client_of(const test_identity *const *trusted, size_t n)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);
    iossl_ctx *ctx;

    if (iossl_config_set_no_default_ca(config, true, NULL) != IOSSL_OK)
        bail_out("config");
    for (size_t i = 0; i < n; i++)
        if (iossl_config_add_ca(config, trusted[i]->cert, NULL) != IOSSL_OK)
            bail_out("CA");
    if ((ctx = iossl_ctx_new(config, NULL)) == NULL)
        bail_out("context");
    iossl_config_free(config);
    X509_STORE_set_verify(SSL_CTX_get_cert_store(iossl_ctx_get0_ssl_ctx(ctx)), count_signatures);
    rounds = signatures = 0;
    return ctx;
}

static STACK_OF(X509) *
stack_of(const test_identity *const *list, size_t n)
{
    STACK_OF(X509) *stack = sk_X509_new_null();

    if (stack == NULL)
        bail_out("no memory");
    for (size_t i = 0; i < n; i++)
        if (sk_X509_push(stack, list[i]->cert) <= 0)
            bail_out("no memory");
    return stack;
}

#define LIST(...) ((const test_identity *const[]){__VA_ARGS__})

/* Is the leaf accepted by a client that trusts `trusted`, with `sent` coming along? */
static iossl_status
judge(const test_identity *const *trusted, size_t n_trusted, const test_identity *leaf,
      const test_identity *const *sent, size_t n_sent, iossl_error *err)
{
    iossl_ctx *ctx = client_of(trusted, n_trusted);
    STACK_OF(X509) *chain = stack_of(sent, n_sent);
    iossl_status status = iossl_verify_chain(ctx, IOSSL_CLIENT, leaf->cert, chain, NAME, 0, err);

    ok(ERR_peek_error() == 0, "no error is left behind");
    sk_X509_free(chain);
    iossl_ctx_free(ctx);
    return status;
}

/* ---- Which paths are found ------------------------------------------------------------------- */

static test_identity root, old_root, middle, crossed, leaf;

static void
make_certificates(void)
{
    root = authority("root", NULL, NULL, false);
    old_root = authority("old root", NULL, NULL, false);
    middle = authority("middle", &root, NULL, false);
    crossed = authority("middle", &old_root, middle.key, true);
    leaf = leaf_of(&middle);
}

static void
test_cost_of_the_common_path(void)
{
    is_int(judge(LIST(&root), 1, &leaf, LIST(&middle), 1, NULL), IOSSL_OK, "a plain chain is good");
    is_int(rounds, 1, "its signatures are checked in one round");
    is_int(signatures, 3, "each certificate's once");
    is_int(judge(LIST(&old_root), 1, &leaf, LIST(&middle), 1, NULL), IOSSL_ERROR,
           "a chain to an unknown root is bad");
    is_int(rounds, 0, "without a look at signatures, since there is no path");
}

static void
test_expired_branch(void)
{
    iossl_error *err = iossl_error_new();

    is_int(judge(LIST(&root, &old_root), 2, &leaf, LIST(&crossed, &middle), 2, err), IOSSL_OK,
           "an expired cross-signature sent first doesn't hide the good one: %s",
           iossl_error_message(err));
    is_int(judge(LIST(&root, &old_root), 2, &leaf, LIST(&middle, &crossed), 2, NULL), IOSSL_OK,
           "in the other order neither");
    is_int(judge(LIST(&root, &crossed), 2, &leaf, LIST(&middle), 1, NULL), IOSSL_OK,
           "nor does an expired one among those that are trusted");
    is_int(judge(LIST(&old_root), 1, &leaf, LIST(&crossed), 1, err), IOSSL_ERROR,
           "where the expired one is the only way, the chain is bad");
    like(iossl_error_message(err), "expired", "and the error tells of it");
    iossl_error_free(err);
}

static void
test_trusted_leaf(void)
{
    test_identity dead = authority("dead", NULL, NULL, true);
    test_identity end = leaf_of(&dead);

    is_int(judge(LIST(&dead), 1, &end, NULL, 0, NULL), IOSSL_ERROR,
           "a leaf under an expired root is refused");
    is_int(judge(LIST(&dead, &end), 2, &end, NULL, 0, NULL), IOSSL_OK,
           "but accepted where it is trusted itself");
    test_identity_free(&end);
    test_identity_free(&dead);
}

/* The new key under the old key's signature, with one name for both: looks of names mislead. */
static void
test_key_rollover(void)
{
    test_identity old_key = test_identity_make(&(test_cert_spec){
        .common_name = "the CA", .is_ca = 1, .extensions = "subjectKeyIdentifier=hash"});
    test_identity new_key = test_identity_make(&(test_cert_spec){
        .common_name = "the CA", .issuer = &old_key, .is_ca = 1,
        .extensions = "subjectKeyIdentifier=hash|authorityKeyIdentifier=keyid"});
    test_identity end = leaf_of(&new_key);

    is_int(judge(LIST(&old_key), 1, &end, LIST(&new_key), 1, NULL), IOSSL_OK,
           "a CA's new key, certified by its old one under the same name, is followed");
    test_identity_free(&end);
    test_identity_free(&new_key);
    test_identity_free(&old_key);
}

static void
test_dead_ends(void)
{
    test_identity bad_ca = test_identity_make(&(test_cert_spec){
        .common_name = "middle", .issuer = &root, .key = middle.key});
    test_identity narrow = test_identity_make(&(test_cert_spec){
        .common_name = "middle", .issuer = &root, .key = middle.key, .is_ca = 1,
        .constraints = "permitted;DNS:elsewhere.test"});
    test_identity weak = test_identity_make(&(test_cert_spec){
        .common_name = "middle", .issuer = &root, .key = middle.key, .is_ca = 1,
        .digest = "SHA1"});
    test_identity forged_root = authority("root", NULL, NULL, false);
    test_identity forged = authority("middle", &forged_root, middle.key, false);
    test_identity client_only = test_identity_make(&(test_cert_spec){
        .common_name = "middle", .issuer = &root, .key = middle.key, .is_ca = 1,
        .extensions = "extendedKeyUsage=clientAuth"});
    const struct {
        const char *what;
        const test_identity *first;
    } cases[] = {{"no CA", &bad_ca}, {"constraints of names", &narrow}, {"a forged signature", &forged},
                 {"another purpose", &client_only}, {"a weak signature", &weak}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0] - TAKES_SHA1; i++) {
        is_int(judge(LIST(&root), 1, &leaf, LIST(cases[i].first), 1, NULL), IOSSL_ERROR,
               "%s: refused alone", cases[i].what);
        is_int(judge(LIST(&root), 1, &leaf, LIST(cases[i].first, &middle), 2, NULL), IOSSL_OK,
               "%s: passed by where there is another way", cases[i].what);
    }
    test_identity_free(&bad_ca);
    test_identity_free(&narrow);
    test_identity_free(&weak);
    test_identity_free(&forged);
    test_identity_free(&forged_root);
    test_identity_free(&client_only);
}

/* ---- What the program hears ------------------------------------------------------------------ */

static char heard[256];
static bool overrides;

static bool
note(void *arg, bool preverified, X509_STORE_CTX *store_ctx)
{
    X509 *cert = X509_STORE_CTX_get_current_cert(store_ctx);
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store_ctx);
    int depth = X509_STORE_CTX_get_error_depth(store_ctx);
    size_t used = strlen(heard);

    (void)arg;
    snprintf(heard + used, sizeof heard - used, "%s%d%s", used > 0 ? " " : "", depth,
             preverified ? "" : "!");
    if (preverified && X509_cmp(cert, sk_X509_value(chain, depth)) != 0)
        snprintf(heard, sizeof heard, "another certificate than the chain has");
    return preverified || overrides;
}

/* A handshake whose server sends `sent`; what its client's callback hears. */
static bool
shake(const test_identity *const *trusted, size_t n_trusted, const test_identity *const *sent,
      size_t n_sent, int *chain_length)
{
    X509 *certs[4];
    iossl_config *config = iossl_config_new(IOSSL_SERVER, NULL);
    iossl_ctx *client = client_of(trusted, n_trusted), *server = NULL;
    test_pair pair;
    bool shaken;

    for (size_t i = 0; i < n_sent; i++)
        certs[i] = sent[i]->cert;
    if (iossl_config_add_certs(config, NULL, certs, n_sent, NULL) != IOSSL_OK
        || iossl_config_add_key(config, NULL, sent[0]->key, NULL) != IOSSL_OK
        || (server = iossl_ctx_new(config, NULL)) == NULL)
        bail_out("server");
    iossl_config_free(config);
    pair = test_pair_new(client, server, NAME);
    heard[0] = '\0';
    iossl_conn_set_verify_cb(pair.client, note, NULL);
    shaken = test_pair_shake(&pair);
    *chain_length = sk_X509_num(SSL_get0_verified_chain(iossl_conn_get0_ssl(pair.client)));
    if (shaken)
        is_int(SSL_get_verify_result(iossl_conn_get0_ssl(pair.client)),
               overrides ? X509_V_ERR_CERT_HAS_EXPIRED : X509_V_OK, "OpenSSL has it as its result");
    test_pair_free(&pair);
    iossl_ctx_free(server);
    iossl_ctx_free(client);
    return shaken;
}

static void
test_events(void)
{
    int length;

    overrides = false;
    ok(shake(LIST(&root), 1, LIST(&leaf, &middle), 2, &length), "a plain chain shakes hands");
    is_str(heard, "2 1 0", "each certificate is told of once, from the root on");
    is_int(signatures, 3, "and each signature checked once, though the program listens");
    ok(shake(LIST(&root, &old_root), 2, LIST(&leaf, &crossed, &middle), 3, &length),
       "an expired branch does, too");
    is_str(heard, "2 1 0", "and is told of as the good path it is");
    is_int(length, 3, "which is the verified chain");
    ok(!shake(LIST(&old_root), 1, LIST(&leaf, &crossed), 2, &length),
       "without another way the handshake fails");
    is_str(heard, "2 1!", "and the program hears of the first path, where it stops");
    overrides = true;
    ok(shake(LIST(&old_root), 1, LIST(&leaf, &crossed), 2, &length),
       "a program that overrides the error gets the connection");
    is_str(heard, "2 1! 1 0", "after all events of the first path");
    overrides = false;
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

/*
 * Layers of authorities, each certified by each of the layer above, up to one that nobody trusts
 * who has the name of a trusted one: width ** depth paths, all of good signatures but the last.
 */
static void
test_mesh(void)
{
    enum { WIDTH = 5, DEPTH = 4 };
    test_identity fake = authority("root", NULL, NULL, false);
    test_identity mesh[DEPTH][WIDTH][WIDTH];
    STACK_OF(X509) *sent = sk_X509_new_null();
    test_identity end;
    iossl_ctx *ctx = client_of(LIST(&root), 1);
    iossl_error *err = iossl_error_new();
    int64_t before;

    for (int d = 0; d < DEPTH; d++)
        for (int i = 0; i < WIDTH; i++)
            for (int by = 0; by < WIDTH; by++) {
                char name[48];

                snprintf(name, sizeof name, "layer %d, number %d", d, i);
                mesh[d][i][by] = authority(name, d == 0 ? &fake : &mesh[d - 1][by][0],
                                           by == 0 ? NULL : mesh[d][i][0].key, false);
                if (sk_X509_push(sent, mesh[d][i][by].cert) <= 0)
                    bail_out("no memory");
            }
    end = leaf_of(&mesh[DEPTH - 1][0][0]);
    before = iossl_now_ms();
    is_int(iossl_verify_chain(ctx, IOSSL_CLIENT, end.cert, sent, NAME, 0, err), IOSSL_ERROR,
           "a mesh of %d certificates that lead nowhere is refused", sk_X509_num(sent));
    diag("%d rounds, %d signatures, %d ms", rounds, signatures, (int)(iossl_now_ms() - before));
    ok(signatures <= IOSSL_PATHS_MAX_SIGNATURES + IOSSL_PATHS_MAX_LENGTH,
       "after no more signatures than the bound says, and those of the first path");
    ok(rounds > 2, "more than one path was tried");
    iossl_error_free(err);
    test_identity_free(&end);
    for (int d = 0; d < DEPTH; d++)
        for (int i = 0; i < WIDTH; i++)
            for (int by = 0; by < WIDTH; by++)
                test_identity_free(&mesh[d][i][by]);
    sk_X509_free(sent);
    iossl_ctx_free(ctx);
    test_identity_free(&fake);
}

/* A great many certificates of one name and key, in a ring or not: no more are looked at than the
 * bound says, and a good path among the first of them is found all the same. */
static void
test_crowd(void)
{
    enum { CROWD = 1000 };
    STACK_OF(X509) *sent = sk_X509_new_null();
    iossl_ctx *ctx = client_of(LIST(&root, &old_root), 2);
    test_identity ring = authority("middle", &middle, middle.key, true);

    if (sk_X509_push(sent, middle.cert) <= 0)
        bail_out("no memory");
    for (int i = 0; i < CROWD; i++) {
        test_identity one = test_identity_make(&(test_cert_spec){
            .common_name = "middle", .issuer = i % 2 == 0 ? &ring : &old_root, .key = middle.key,
            .is_ca = 1, .serial = i + 2, .from_s = -2 * DAY, .to_s = -DAY});

        if (sk_X509_push(sent, one.cert) <= 0)
            bail_out("no memory");
        EVP_PKEY_free(one.key);
    }
    is_int(iossl_verify_chain(ctx, IOSSL_CLIENT, leaf.cert, sent, NAME, 0, NULL), IOSSL_OK,
           "a good path is found in a crowd of %d expired namesakes", CROWD);
    rounds = signatures = 0;
    (void)sk_X509_shift(sent);      /* middle, which was lent */
    is_int(iossl_verify_chain(ctx, IOSSL_CLIENT, leaf.cert, sent, NAME, 0, NULL), IOSSL_ERROR,
           "without it, the crowd is refused");
    diag("%d rounds, %d signatures", rounds, signatures);
    ok(signatures <= IOSSL_PATHS_MAX_SIGNATURES + IOSSL_PATHS_MAX_LENGTH, "within the bound");
    sk_X509_pop_free(sent, X509_free);
    test_identity_free(&ring);
    iossl_ctx_free(ctx);
}

int
main(void)
{
    tap_start();
    learn_openssl_function();
    make_certificates();
    test_cost_of_the_common_path();
    test_expired_branch();
    test_trusted_leaf();
    test_key_rollover();
    test_dead_ends();
    test_events();
    test_mesh();
    test_crowd();
    test_identity_free(&leaf);
    test_identity_free(&crossed);
    test_identity_free(&middle);
    test_identity_free(&old_root);
    test_identity_free(&root);
    return done_testing();
}
