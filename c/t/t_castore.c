/*
 * t_castore.c - trust anchors are found on demand, exactly as OpenSSL would have found them.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509_vfy.h>

#include "castore.h"
#include "iossl.h"
#include "support_cert.h"
#include "support_files.h"
#include "tap.h"

static iossl_error *err;
static test_identity root_a, root_b, root_c, leaf_a, leaf_b;

/* ---- Helpers --------------------------------------------------------------------------------- */

/* A root, or a leaf of one; each has a serial number of its own. */
static test_identity
make(const test_identity *issuer, const char *common_name)
{
    static long serial = 1000;

    return test_identity_make(&(test_cert_spec){.common_name = common_name, .issuer = issuer,
                                                .is_ca = issuer == NULL, .serial = serial++});
}

static BIO *
pem_of(X509 *const *certs, size_t n)
{
    BIO *bio = BIO_new(BIO_s_mem());

    for (size_t i = 0; bio != NULL && i < n; i++)
        if (PEM_write_bio_X509(bio, certs[i]) != 1)
            bail_out("PEM_write_bio_X509");
    return bio;
}

/* The PEM text of a certificate; free() it. */
static char *
pem_text(X509 *cert)
{
    BIO *bio = pem_of(&cert, 1);
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = malloc((size_t)len + 1);       /* what the BIO has is not terminated */

    if (text == NULL)
        bail_out("no memory");
    memcpy(text, bytes, (size_t)len);
    text[len] = '\0';
    BIO_free(bio);
    return text;
}

/* A store of its own with the anchors of this file; err says why not. */
static X509_STORE *
store_of(const char *file)
{
    X509_STORE *store = X509_STORE_new();

    iossl_error_clear(err);
    if (store == NULL)
        bail_out("X509_STORE_new");
    if (iossl_castore_add(store, file, NULL, err) != IOSSL_OK) {
        X509_STORE_free(store);
        store = NULL;
    }
    return store;
}

/* X509_V_OK or why not. trust: X509_TRUST_*, 0 for none. */
static int
verify(X509_STORE *store, X509 *leaf, unsigned long flags, int trust)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int result = X509_V_ERR_UNSPECIFIED;

    if (ctx != NULL && X509_STORE_CTX_init(ctx, store, leaf, NULL) == 1) {
        X509_STORE_CTX_set_flags(ctx, flags);
        if (trust != 0)
            (void)X509_STORE_CTX_set_trust(ctx, trust);
        result = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    }
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return result;
}

/* How many certificates of this subject OpenSSL finds through the store. */
static int
count_by_subject(X509_STORE *store, const X509_NAME *name)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *found;
    int n = -1;

    if (ctx == NULL || X509_STORE_CTX_init(ctx, store, NULL, NULL) != 1)
        bail_out("X509_STORE_CTX_init");
    found = X509_STORE_CTX_get1_certs(ctx, (X509_NAME *)name);
    n = found == NULL ? 0 : sk_X509_num(found);
    sk_X509_pop_free(found, X509_free);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return n;
}

static int
count_objects(X509_STORE *store)
{
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

static size_t
count_parsed(void)
{
    size_t parsed;

    (void)iossl_castore_cached(&parsed);
    return parsed;
}

static size_t
count_cached(void)
{
    size_t parsed;

    return iossl_castore_cached(&parsed);
}

/* ---- Finding --------------------------------------------------------------------------------- */

static void
test_on_demand(void)
{
    X509 *certs[] = {root_a.cert, root_b.cert, root_c.cert};
    const char *file = test_write_bio("three.pem", pem_of(certs, 3));
    X509_STORE *store;

    test_make_old(file, 60);
    iossl_castore_flush();
    store = store_of(file);
    if (!ok(store != NULL, "a bundle of three is taken"))
        bail_out(iossl_error_message(err));
    is_int(count_objects(store), 0, "nothing of it is in the store yet");
    is_size(count_parsed(), 0, "nor parsed");
    is_int(verify(store, leaf_b.cert, 0, 0), X509_V_OK, "a leaf of the second root is verified");
    is_int(count_objects(store), 1, "which brought that root into the store");
    is_size(count_parsed(), 1, "and no other was parsed");
    is_int(verify(store, leaf_b.cert, 0, 0), X509_V_OK, "a second time, too");
    is_int(verify(store, leaf_a.cert, 0, 0), X509_V_OK, "and one of the first root");
    is_int(verify(store, root_c.cert, 0, 0), X509_V_OK, "a root that is sent itself is trusted");
    is_int(ERR_peek_error(), 0, "OpenSSL's queue is empty");
    X509_STORE_free(store);

    certs[0] = root_b.cert;
    file = test_write_bio("one.pem", pem_of(certs, 1));
    store = store_of(file);
    is_int(verify(store, leaf_a.cert, 0, 0), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
           "a leaf of a root that isn't in the bundle is refused");
    is_int(verify(store, root_a.cert, 0, 0), X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
           "and so is that root itself");
    is_int(iossl_castore_add(store, test_path("three.pem"), NULL, err), IOSSL_OK,
           "a second bundle can be added");
    is_int(verify(store, leaf_a.cert, 0, 0), X509_V_OK, "and then answers, too");
    X509_STORE_free(store);
}

static void
test_same_name(void)
{
    test_identity again = make(NULL, "Root A");
    X509 *certs[] = {root_a.cert, root_b.cert, again.cert};
    const char *file = test_write_bio("twins.pem", pem_of(certs, 3));
    X509_STORE *store = store_of(file);
    X509_STORE *mixed = X509_STORE_new();

    is_int(count_by_subject(store, X509_get_subject_name(root_a.cert)), 2,
           "two roots of one name are both found");
    X509_STORE_free(store);
    file = test_write_bio("again.pem", pem_of(&again.cert, 1));
    if (mixed == NULL || X509_STORE_add_cert(mixed, root_a.cert) != 1)
        bail_out("X509_STORE_add_cert");
    is_int(iossl_castore_add(mixed, file, NULL, err), IOSSL_OK, "a bundle joins a certificate");
    is_int(count_by_subject(mixed, X509_get_subject_name(root_a.cert)), 2,
           "and its root of the same name is found beside that");
    X509_STORE_free(mixed);
    test_identity_free(&again);
}

/* RFC 5280 section 7.1: case, blanks and string types make no difference. */
static void
test_canonical_names(void)
{
    static const struct {
        const char *cn;
        int type;
        bool is_found;
    } TABLE[] = {
        {"ROOT a", V_ASN1_PRINTABLESTRING, true},
        {"  root   A ", V_ASN1_IA5STRING, true},
        {"Root A", V_ASN1_BMPSTRING, true},
        {"root a", V_ASN1_UNIVERSALSTRING, true},
        {"Root A", V_ASN1_T61STRING, true},
        {"RootA", V_ASN1_UTF8STRING, false},
        {"Root-A", V_ASN1_UTF8STRING, false},
    };
    X509_STORE *store = store_of(test_path("three.pem"));

    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        X509_NAME *name = X509_NAME_new();
        unsigned char wide[128] = {0};
        size_t len = strlen(TABLE[i].cn);
        size_t width = TABLE[i].type == V_ASN1_BMPSTRING         ? 2
                       : TABLE[i].type == V_ASN1_UNIVERSALSTRING ? 4
                                                                 : 1;

        for (size_t k = 0; k < len; k++)
            wide[k * width + width - 1] = (unsigned char)TABLE[i].cn[k];
        if (X509_NAME_add_entry_by_NID(name, NID_commonName, TABLE[i].type, wide,
                                       (int)(len * width), -1, 0)
            != 1)
            bail_out("X509_NAME_add_entry_by_NID");
        is_int(X509_NAME_cmp(name, X509_get_subject_name(root_a.cert)) == 0, TABLE[i].is_found,
               "OpenSSL's view of \"%s\" (type %d)", TABLE[i].cn, TABLE[i].type);
        is_int(count_by_subject(store, name), TABLE[i].is_found ? 1 : 0, "is ours");
        X509_NAME_free(name);
    }
    X509_STORE_free(store);
}

static void
test_trusted_certificates(void)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *marked = X509_dup(root_a.cert);
    ASN1_OBJECT *server_auth = OBJ_nid2obj(NID_server_auth);
    X509_STORE *store;

    if (bio == NULL || marked == NULL || X509_add1_reject_object(marked, server_auth) != 1
        || PEM_write_bio_X509_AUX(bio, marked) != 1)
        bail_out("PEM_write_bio_X509_AUX");
    store = store_of(test_write_bio("trusted.pem", bio));
    ok(store != NULL, "a TRUSTED CERTIFICATE is taken");
    is_int(verify(store, leaf_a.cert, 0, X509_TRUST_SSL_SERVER), X509_V_ERR_CERT_REJECTED,
           "what it is marked to be refused for is refused");
    is_int(verify(store, leaf_a.cert, 0, X509_TRUST_EMAIL), X509_V_OK, "and the rest is fine");
    X509_STORE_free(store);
    X509_free(marked);
}

static void
test_crl_in_bundle(void)
{
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -10), *later = X509_gmtime_adj(NULL, 3600);
    test_identity good = make(&root_a, "good");
    BIO *bio = pem_of(&root_a.cert, 1);
    X509_STORE *store;

    if (crl == NULL || revoked == NULL || X509_CRL_set_version(crl, 1) != 1
        || X509_CRL_set_issuer_name(crl, X509_get_subject_name(root_a.cert)) != 1
        || X509_CRL_set1_lastUpdate(crl, now) != 1 || X509_CRL_set1_nextUpdate(crl, later) != 1
        || X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(leaf_a.cert)) != 1
        || X509_REVOKED_set_revocationDate(revoked, now) != 1
        || X509_CRL_add0_revoked(crl, revoked) != 1 || X509_CRL_sort(crl) != 1
        || X509_CRL_sign(crl, root_a.key, EVP_sha256()) <= 0
        || PEM_write_bio_X509_CRL(bio, crl) != 1)
        bail_out("making a CRL");
    store = store_of(test_write_bio("with-crl.pem", bio));
    is_int(verify(store, leaf_a.cert, X509_V_FLAG_CRL_CHECK, 0), X509_V_ERR_CERT_REVOKED,
           "a CRL in the bundle counts");
    is_int(verify(store, good.cert, X509_V_FLAG_CRL_CHECK, 0), X509_V_OK,
           "and spares what it doesn't list");
    X509_STORE_free(store);
    test_identity_free(&good);
    ASN1_TIME_free(now);
    ASN1_TIME_free(later);
    X509_CRL_free(crl);
}

static void
test_hash_folder(void)
{
    char name[64];
    const char *folder = test_path("hashed");
    char both[600];
    X509_STORE *store = X509_STORE_new();

    if (mkdir(folder, 0755) != 0)
        bail_out("mkdir");
    (void)snprintf(name, sizeof name, "hashed/%08lx.0", X509_subject_name_hash(root_a.cert));
    (void)test_write_bio(name, pem_of(&root_a.cert, 1));
    (void)snprintf(both, sizeof both, "/nonexistent:%s", folder);
    is_int(iossl_castore_add(store, NULL, both, err), IOSSL_OK, "a list of folders is taken");
    is_int(verify(store, leaf_a.cert, 0, 0), X509_V_OK, "and searched");
    is_int(iossl_castore_add(store, test_path("one.pem"), NULL, err), IOSSL_OK,
           "a bundle may come after it");
    is_int(verify(store, leaf_b.cert, 0, 0), X509_V_OK, "and is searched, too");
    X509_STORE_free(store);
}

/* ---- Forms of PEM ---------------------------------------------------------------------------- */

/* The text with every occurrence of one piece replaced by another; free() it. */
static char *
replace_all(const char *text, const char *from, const char *to)
{
    size_t n = 0;
    char *out, *place;

    for (const char *p = text; (p = strstr(p, from)) != NULL; p += strlen(from))
        n++;
    if ((out = malloc(strlen(text) + n * strlen(to) + 1)) == NULL)
        bail_out("no memory");
    place = out;
    while (*text != '\0') {
        if (strncmp(text, from, strlen(from)) == 0) {
            place = stpcpy(place, to);
            text += strlen(from);
        } else {
            *place++ = *text++;
        }
    }
    *place = '\0';
    return out;
}

static void
check_form(const char *sentence, char *text)
{
    X509_STORE *store = store_of(test_write_text("form.pem", text));

    if (!ok(store != NULL, "%s: taken", sentence))
        diag("%s", iossl_error_message(err));
    else
        is_int(verify(store, leaf_a.cert, 0, 0), X509_V_OK, "%s: found", sentence);
    X509_STORE_free(store);
    free(text);
}

static char *
concat(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = malloc(size);

    if (text == NULL)
        bail_out("no memory");
    (void)snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

static void
test_forms(void)
{
    char *pem = pem_text(root_a.cert);
    char *old_label = replace_all(pem, " CERTIFICATE", " X509 CERTIFICATE");
    char *body, *joined, *end;

    check_form("line ends of Windows", replace_all(pem, "\n", "\r\n"));
    check_form("blanks at line ends", replace_all(pem, "\n", "  \t\n"));
    check_form("what isn't ASCII at line ends", replace_all(pem, "\n", "\xec\xa0\n"));
    check_form("text around", concat("Subject: a\n\n--- -----BEGIN CERTIFICATE\n", pem, "bye\n"));
    check_form("a byte order mark", concat("\xef\xbb\xbf", pem, ""));
    check_form("the label of old", concat(old_label, "", ""));
    check_form("a key before it", concat("-----BEGIN PRIVATE KEY-----\n!!\n"
                                         "-----END PRIVATE KEY-----\n", pem, ""));
    pem[strlen(pem) - 1] = '\0';
    check_form("no line end at the end", concat(pem, "", ""));
    /* All base64 on one line. */
    body = strchr(pem, '\n') + 1;
    end = strstr(pem, "-----END");
    joined = strdup(pem);
    if (joined != NULL) {
        char *to = joined + (body - pem);

        for (const char *from = body; from < end; from++)
            if (*from != '\n')
                *to++ = *from;
        *to++ = '\n';
        (void)strcpy(to, end);
        check_form("base64 on one line", joined);
    }
    free(old_label);
    free(pem);
}

/* ---- What can't be used ---------------------------------------------------------------------- */

static void
check_refused(const char *path, const char *reason)
{
    X509_STORE *store = store_of(path);

    if (!ok(store == NULL, "refused: %s", reason))
        X509_STORE_free(store);
    is_int(iossl_error_get_code(err), IOSSL_E_CA, "as a CA error");
    ok(strncmp(iossl_error_message(err), "Invalid certificate authority locations", 39) == 0,
       "that begins with the words programs match");
    like(iossl_error_message(err), path, "names the file");
    like(iossl_error_message(err), reason, "and the reason");
    is_int(ERR_peek_error(), 0, "OpenSSL's queue is empty");
}

static void
test_refused(void)
{
    char *a = pem_text(root_a.cert), *b = pem_text(root_b.cert);
    char *cut_off = strdup(a);
    char *broken = strdup(b), *both, *header;
    BIO *bio = BIO_new(BIO_s_mem());
    PKCS12 *p12;

    if (cut_off == NULL || broken == NULL || bio == NULL)
        bail_out("no memory");
    check_refused(test_path("missing.pem"), "No such file");
    is_int(iossl_error_get_errno(err), ENOENT, "the errno is kept");
    check_refused(test_path(""), "Is a directory");
    check_refused(test_write_text("empty.pem", ""), "is empty");
    check_refused(test_write_text("garbage.pem", "hello\nworld\n"), "holds no certificate");
    (void)PEM_write_bio_PrivateKey(bio, root_a.key, NULL, NULL, 0, NULL, NULL);
    check_refused(test_write_bio("key.pem", bio), "holds a private key, no certificate");
    bio = BIO_new(BIO_s_mem());
    (void)i2d_X509_bio(bio, root_a.cert);
    check_refused(test_write_bio("ca.der", bio), "is in DER format");
    bio = BIO_new(BIO_s_mem());
    p12 = PKCS12_create("", NULL, root_a.key, root_a.cert, NULL, 0, 0, 0, 0, 0);
    (void)i2d_PKCS12_bio(bio, p12);
    PKCS12_free(p12);
    check_refused(test_write_bio("ca.p12", bio), "is in PKCS#12 format");
    cut_off[strlen(cut_off) / 2] = '\0';
    check_refused(test_write_text("cut.pem", cut_off), "the file ends within it");
    /* One damaged certificate after a good one. */
    strchr(broken, '\n')[10] = '!';
    both = concat(a, broken, "");
    check_refused(test_write_text("second.pem", both), "block 2 of the file can't be used: its "
                                                       "base64 is damaged");
    free(both);
    both = concat(cut_off, "\n", b);
    check_refused(test_write_text("no-end.pem", both), "it has no END line");
    free(both);
    both = concat("-----BEGIN CERTIFICATE-----\nMDAw\n-----END CERTIFICATE-----\n", b, "");
    check_refused(test_write_text("no-cert.pem", both), "something that is no certificate");
    free(both);
    check_refused(test_write_text("hollow.pem",
                                  "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
                  "it is empty");
    both = replace_all(a, "END CERTIFICATE", "END X509 CRL");
    check_refused(test_write_text("ends.pem", both), "its END line doesn't fit");
    free(both);
    header = replace_all(a, "BEGIN CERTIFICATE-----\n",
                         "BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
                         "DEK-Info: AES-128-CBC,00\n\n");
    check_refused(test_write_text("encrypted.pem", header), "it is encrypted");
    free(header);
    check_refused(test_write_text("crl.pem", "-----BEGIN X509 CRL-----\nMDAw\n"
                                             "-----END X509 CRL-----\n"), "no CRL");
    free(a);
    free(b);
    free(cut_off);
    free(broken);
}

/* Whatever a file holds, it is taken or refused; the sanitizers watch. */
static void
test_damage(void)
{
    char *a = pem_text(root_a.cert), *b = pem_text(root_b.cert);
    char *text = concat(a, b, "");
    size_t len = strlen(text);
    unsigned int random = 12345;
    int taken = 0, refused = 0;

    for (int i = 0; i < 1500; i++) {
        char *damaged = strdup(text);
        size_t n = len;
        X509_STORE *store;

        if (damaged == NULL)
            bail_out("no memory");
        random = random * 1103515245U + 12345U;
        if (i % 5 == 0)
            n = (random >> 8) % len;
        else
            damaged[(random >> 8) % len] = (char)(i % 3 == 0 ? 'A' : random >> 24);
        if ((store = store_of(test_write("damaged.pem", damaged, n))) != NULL) {
            (void)verify(store, leaf_a.cert, 0, 0);
            (void)count_by_subject(store, X509_get_subject_name(root_b.cert));
            taken++;
        } else {
            refused += iossl_error_get_code(err) == IOSSL_E_CA;
        }
        X509_STORE_free(store);
        free(damaged);
    }
    is_int(taken + refused, 1500, "each of 1500 damaged bundles is taken or refused in words");
    ok(taken > 0 && refused > 0, "and there are both kinds");
    free(a);
    free(b);
    free(text);
}

/* ---- The cache ------------------------------------------------------------------------------- */

static void
test_cache(void)
{
    const char *file = test_write_bio("cached.pem", pem_of(&root_a.cert, 1));
    X509_STORE *first, *second, *third;

    iossl_castore_flush();
    is_size(count_cached(), 0, "after a flush nothing is cached");
    first = store_of(file);
    is_size(count_cached(), 0, "a file that was written just now isn't either");
    X509_STORE_free(first);
    test_make_old(file, 60);
    first = store_of(file);
    second = store_of(file);
    is_size(count_cached(), 1, "an older one is, once");
    is_int(verify(first, leaf_a.cert, 0, 0), X509_V_OK, "the first store has its root");
    is_int(verify(second, leaf_a.cert, 0, 0), X509_V_OK, "the second, too");
    is_size(count_parsed(), 1, "and they share the one that was parsed");
    is_int(X509_STORE_add_cert(first, root_c.cert), 1, "a program adds a CA to the first");
    is_int(verify(second, root_c.cert, 0, 0), X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
           "which the second doesn't trust");

    (void)test_write_bio("cached.pem", pem_of(&root_b.cert, 1));
    test_make_old(file, 30);
    third = store_of(file);
    is_int(verify(third, leaf_b.cert, 0, 0), X509_V_OK, "a file that was changed is read again");
    is_int(verify(third, leaf_a.cert, 0, 0), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
           "without what it had before");
    is_size(count_cached(), 1, "and takes the place of the old in the cache");
    is_int(verify(second, leaf_a.cert, 0, 0), X509_V_OK, "an older store keeps what it had");
    iossl_castore_flush();
    is_size(count_cached(), 0, "a flush forgets it");
    is_int(verify(third, leaf_b.cert, 0, 0), X509_V_OK, "but not what a store has");
    X509_STORE_free(first);
    X509_STORE_free(second);
    X509_STORE_free(third);

    for (int i = 0; i < 20; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "many-%d.pem", i);
        file = test_write_bio(name, pem_of(&root_a.cert, 1));
        test_make_old(file, 60);
        X509_STORE_free(store_of(file));
    }
    is_size(count_cached(), 8, "the cache is bounded");
    (void)unlink(file);
    ok(store_of(file) == NULL, "a file that is gone isn't trusted from memory");
    iossl_castore_flush();
}

/* ---- Threads --------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 40 };

typedef struct {
    X509_STORE *shared;
    const char *file;
    int good;
} worker;

static void *
work(void *arg)
{
    worker *w = arg;

    for (int i = 0; i < ROUNDS; i++) {
        X509_STORE *own = X509_STORE_new();

        if (own != NULL && iossl_castore_add(own, w->file, NULL, NULL) == IOSSL_OK
            && verify(own, leaf_a.cert, 0, 0) == X509_V_OK
            && verify(w->shared, i % 2 == 0 ? leaf_a.cert : leaf_b.cert, 0, 0) == X509_V_OK)
            w->good++;
        X509_STORE_free(own);
        if (i % 10 == 9)
            iossl_castore_flush();
    }
    OPENSSL_thread_stop();
    return NULL;
}

static void
test_threads(void)
{
    const char *file = test_path("three.pem");
    pthread_t threads[THREADS];
    worker workers[THREADS];
    X509_STORE *shared;

    iossl_castore_flush();
    shared = store_of(file);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.shared = shared, .file = file};
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
            bail_out("pthread_create");
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        is_int(workers[i].good, ROUNDS, "thread %d verified each time", i);
    }
    X509_STORE_free(shared);
    iossl_castore_flush();
}

/* ---- Against OpenSSL's own reading ----------------------------------------------------------- */

static void
test_system_bundle(void)
{
    static const char *const PLACES[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem",
                                         "/etc/pki/tls/certs/ca-bundle.crt"};
    const char *file = NULL;
    X509_STORE *theirs = X509_STORE_new(), *ours;
    STACK_OF(X509_OBJECT) *objects;
    int same = 0, trusted = 0, n;

    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0] && file == NULL; i++)
        if (access(PLACES[i], R_OK) == 0)
            file = PLACES[i];
    if (file == NULL || X509_STORE_load_locations(theirs, file, NULL) != 1) {
        ERR_clear_error();
        skip(3, "this system has no CA bundle");
        X509_STORE_free(theirs);
        return;
    }
    ours = store_of(file);
    objects = X509_STORE_get0_objects(theirs);
    n = sk_X509_OBJECT_num(objects);
    ok(n > 10, "%s holds %d certificates", file, n);
    for (int i = 0; i < n; i++) {
        X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        X509_NAME *name = X509_get_subject_name(cert);

        same += count_by_subject(ours, name) == count_by_subject(theirs, name);
        trusted += verify(ours, cert, 0, 0) == verify(theirs, cert, 0, 0);
    }
    is_int(same, n, "each is found by its subject as OpenSSL finds it");
    is_int(trusted, n, "and verified with the same result");
    X509_STORE_free(ours);
    X509_STORE_free(theirs);
}

/* ---- Checks and defaults --------------------------------------------------------------------- */

static void
test_no_folder(void)
{
    X509_STORE *store = X509_STORE_new();

    iossl_error_clear(err);
    is_int(iossl_castore_add(store, NULL, "", err), IOSSL_ERROR, "no name is no folder");
    is_int(iossl_error_get_code(err), IOSSL_E_CA, "its code");
    like(iossl_error_message(err), "Invalid certificate authority locations: SSL_ca_path \"\"", "why");
    ok(ERR_peek_error() == 0, "no error is left behind");
    X509_STORE_free(store);
    iossl_error_clear(err);
}

static void
test_check(void)
{
    char list[600];

    iossl_error_clear(err);
    is_int(iossl_castore_check(NULL, NULL, err), IOSSL_OK, "nothing to check is fine");
    is_int(iossl_castore_check(test_path("three.pem"), test_path("hashed"), err), IOSSL_OK,
           "a readable file and folder are fine");
    (void)snprintf(list, sizeof list, "/nonexistent:%s", test_path("hashed"));
    is_int(iossl_castore_check(NULL, list, err), IOSSL_OK, "of several folders one is enough");
    is_int(iossl_castore_check("/nonexistent/ca.pem", NULL, err), IOSSL_ERROR, "a missing file");
    is_str(iossl_error_message(err),
           "SSL_ca_file /nonexistent/ca.pem can't be used: No such file or directory",
           "is refused in the words programs match");
    is_int(iossl_error_get_code(err), IOSSL_E_USAGE, "as the program's mistake");
    iossl_error_clear(err);
    is_int(iossl_castore_check(NULL, "/nonexistent:/nonexistent2", err), IOSSL_ERROR,
           "folders of which none is there");
    is_str(iossl_error_message(err), "SSL_ca_path /nonexistent:/nonexistent2 does not exist",
           "are refused");
    iossl_error_clear(err);
    is_int(iossl_castore_check(NULL, test_path("three.pem"), err), IOSSL_ERROR,
           "a file for a folder");
    like(iossl_error_message(err), "is not accessible: Not a directory", "is refused");
    iossl_error_clear(err);
}

static void
check_default(const char *sentence, const char *env_file, const char *env_dir, bool has_file,
              bool has_path)
{
    char *file, *path;

    (void)setenv("SSL_CERT_FILE", env_file, 1);
    (void)setenv("SSL_CERT_DIR", env_dir, 1);
    is_int(iossl_default_ca(&file, &path, err), IOSSL_OK, "%s", sentence);
    is_str(file, has_file ? env_file : NULL, "the file");
    is_str(path, has_path ? env_dir : NULL, "the folder");
    iossl_free(file);
    iossl_free(path);
}

static void
test_default(void)
{
    const char *late = test_write_text("hashed/0123456g.0", "-----BEGIN CERTIFICATE-----\n");
    char *file, *path;

    check_default("environment with a bundle and a hash folder", test_path("three.pem"),
                  test_path("hashed"), true, true);
    check_default("a bundle only", test_path("three.pem"), "/nonexistent", true, false);
    check_default("a folder only", test_path("garbage.pem"), test_path("hashed"), false, true);
    check_default("a folder without hashed names", test_path("empty.pem"), test_path(""), false,
                  false);
    (void)unlink(late);
    (void)unsetenv("SSL_CERT_FILE");
    (void)unsetenv("SSL_CERT_DIR");
    is_int(iossl_default_ca(&file, &path, err), IOSSL_OK, "without environment");
    if (access(X509_get_default_cert_file(), R_OK) == 0)
        is_str(file, X509_get_default_cert_file(), "OpenSSL's own place is taken");
    else
        is_str(file, NULL, "OpenSSL's own place has nothing");
    iossl_free(file);
    iossl_free(path);
}

/* A context by a default that was set elsewhere; NULL: not named. */
static bool
works_by_default(const char *file, const char *path, bool no_ca)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_ctx *ctx = NULL;

    iossl_error_clear(err);
    if (config != NULL && iossl_config_set_ca_by_default(config, true, err) == IOSSL_OK
        && iossl_config_set_no_default_ca(config, no_ca, err) == IOSSL_OK
        && (file == NULL || iossl_config_set_ca_file(config, file, err) == IOSSL_OK)
        && (path == NULL || iossl_config_set_ca_path(config, path, err) == IOSSL_OK))
        ctx = iossl_ctx_new(config, err);
    iossl_config_free(config);
    iossl_ctx_free(ctx);
    return ctx != NULL;
}

static void
test_default_of_others(void)
{
    static const char WORDS[] = "Invalid default certificate authority locations: ";

    ok(works_by_default(test_path("three.pem"), NULL, false), "a file as default");
    ok(works_by_default(NULL, "/nonexistent", false), "a folder that isn't there");
    ok(works_by_default(test_path("three.pem"), "/nonexistent", false), "beside a file");
    ok(works_by_default(NULL, NULL, true), "none, on purpose");
    ok(!works_by_default("/nonexistent", NULL, false), "a file that isn't there");
    like(iossl_error_message(err), WORDS, "is told as the default's fault");
    like(iossl_error_message(err), "/nonexistent can't be read: No such file", "by its name");
    is_int(iossl_error_get_code(err), IOSSL_E_CA, "not as the caller's mistake");
    is_int(iossl_error_get_errno(err), ENOENT, "with errno");
    ok(!works_by_default(test_path("garbage.pem"), NULL, false), "garbage");
    like(iossl_error_message(err), WORDS, "too");
    ok(!works_by_default(NULL, NULL, false), "neither");
    like(iossl_error_message(err), "neither a file nor a folder", "is told");
    iossl_error_clear(err);
}

int
main(void)
{
    tap_start();
    if ((err = iossl_error_new()) == NULL)
        bail_out("no memory");
    test_folder_make();
    root_a = make(NULL, "Root A");
    root_b = make(NULL, "Root B");
    root_c = make(NULL, "Root C");
    leaf_a = make(&root_a, "leaf a");
    leaf_b = make(&root_b, "leaf b");

    test_on_demand();
    test_same_name();
    test_canonical_names();
    test_trusted_certificates();
    test_crl_in_bundle();
    test_hash_folder();
    test_forms();
    test_refused();
    test_damage();
    test_cache();
    test_threads();
    test_system_bundle();
    test_no_folder();
    test_check();
    test_default();
    test_default_of_others();

    iossl_castore_flush();
    test_identity_free(&root_a);
    test_identity_free(&root_b);
    test_identity_free(&root_c);
    test_identity_free(&leaf_a);
    test_identity_free(&leaf_b);
    iossl_error_free(err);
    return done_testing();
}
