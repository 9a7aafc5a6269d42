/*
 * t_certs.c - certificates and keys come from every format, and what doesn't is explained.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "iossl.h"
#include "support_cert.h"
#include "support_files.h"
#include "tap.h"

static iossl_error *err;
static test_identity root, middle, leaf;

/* ---- Passwords ------------------------------------------------------------------------------- */

typedef struct {
    const char *password;   /* NULL: none is given */
    int asked;
} answer;

static int
give(void *arg, char *buf, int size)
{
    answer *a = arg;
    int len;

    a->asked++;
    if (a->password == NULL)
        return -1;
    len = (int)strlen(a->password);
    if (len > size)
        return -1;
    memcpy(buf, a->password, (size_t)len);
    return len;
}

static int
give_too_much(void *arg, char *buf, int size)
{
    (void)arg;
    memset(buf, 'x', (size_t)size);
    return size + 1;
}

/* ---- Making files ---------------------------------------------------------------------------- */

static BIO *
memory(void)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio == NULL)
        bail_out("BIO_new");
    return bio;
}

static void
must(int good, const char *what)
{
    if (!good)
        bail_out(what);
}

/* leaf, middle, root; and the key where it is asked for, before or after. */
static const char *
write_chain(const char *name, bool key_first, bool key_last)
{
    BIO *bio = memory();

    if (key_first)
        must(PEM_write_bio_PrivateKey(bio, leaf.key, NULL, NULL, 0, NULL, NULL) == 1, "key");
    must(PEM_write_bio_X509(bio, leaf.cert) == 1 && PEM_write_bio_X509(bio, middle.cert) == 1
             && PEM_write_bio_X509(bio, root.cert) == 1, "certificates");
    if (key_last)
        must(PEM_write_bio_PrivateKey(bio, leaf.key, NULL, NULL, 0, NULL, NULL) == 1, "key");
    return test_write_bio(name, bio);
}

static const char *
write_pkcs12(const char *name, const char *password, bool with_key, int iterations)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    BIO *bio = memory();
    PKCS12 *p12;

    must(chain != NULL && sk_X509_push(chain, middle.cert) > 0
             && sk_X509_push(chain, root.cert) > 0, "stack");
    p12 = PKCS12_create(password, "leaf", with_key ? leaf.key : NULL, leaf.cert, chain, 0, 0,
                        iterations, 0, 0);
    must(p12 != NULL && i2d_PKCS12_bio(bio, p12) == 1, "PKCS12_create");
    PKCS12_free(p12);
    sk_X509_free(chain);
    return test_write_bio(name, bio);
}

/* A file without a MAC, encrypted or not. */
static const char *
write_pkcs12_without_mac(const char *name, const char *password)
{
    BIO *bio = memory();
    int cipher = password != NULL ? 0 : -1;
    PKCS12 *p12 = PKCS12_create(password, "leaf", leaf.key, leaf.cert, NULL, cipher, cipher, 0, -1,
                                0);

    must(p12 != NULL && i2d_PKCS12_bio(bio, p12) == 1, "PKCS12_create");
    PKCS12_free(p12);
    return test_write_bio(name, bio);
}

static const char *
write_key(const char *name, const char *password)
{
    BIO *bio = memory();

    must(PEM_write_bio_PKCS8PrivateKey(bio, leaf.key, password != NULL ? EVP_aes_128_cbc() : NULL,
                                       (char *)(uintptr_t)password, password != NULL ? (int)strlen(password) : 0, NULL,
                                       NULL) == 1, "key");
    return test_write_bio(name, bio);
}

/* Files that tests below share. */
static void
make_files(void)
{
    unsigned char secret[] = "secret";
    BIO *bio;

    (void)write_chain("chain.pem", false, false);
    (void)write_chain("key-first.pem", true, false);
    (void)write_chain("key-last.pem", false, true);
    (void)write_key("key.pem", NULL);
    (void)write_key("locked.pem", "secret");
    (void)write_pkcs12("open.p12", "", true, 0);
    (void)write_pkcs12("null.p12", NULL, true, 0);
    (void)write_pkcs12("locked.p12", "secret", true, 0);
    (void)write_pkcs12("certs-only.p12", "", false, 0);
    (void)write_pkcs12_without_mac("no-mac.p12", NULL);
    (void)write_pkcs12_without_mac("locked-no-mac.p12", "secret");
    must(i2d_X509_bio(bio = memory(), leaf.cert) == 1, "DER");
    (void)test_write_bio("leaf.der", bio);
    must(i2d_PrivateKey_bio(bio = memory(), leaf.key) == 1, "DER");
    (void)test_write_bio("key.der", bio);
    must(i2d_PKCS8PrivateKey_bio(bio = memory(), leaf.key, EVP_aes_128_cbc(), "secret", 6, NULL,
                                 NULL) == 1, "DER");
    (void)test_write_bio("locked.der", bio);
    must(PEM_write_bio_PrivateKey(bio = memory(), leaf.key, EVP_aes_128_cbc(),
                                  secret, 6, NULL, NULL) == 1, "PEM");
    (void)test_write_bio("locked8.pem", bio);
    must(PEM_write_bio_PrivateKey_traditional(bio = memory(), leaf.key, EVP_aes_128_cbc(),
                                              secret, 6, NULL, NULL) == 1, "PEM");
    (void)test_write_bio("locked-old.pem", bio);
    must(PEM_write_bio_PUBKEY(bio = memory(), leaf.key) == 1, "PEM");
    (void)test_write_bio("public.pem", bio);
}

/* A copy of a file cut to part of it, in thousandths. */
static const char *
write_cut(const char *name, const char *of, size_t thousandths)
{
    static char bytes[65536];
    FILE *f = fopen(test_path(of), "rb");
    size_t len;

    must(f != NULL, of);
    len = fread(bytes, 1, sizeof bytes, f);
    (void)fclose(f);
    return test_write(name, bytes, len * thousandths / 1000);
}

/* ---- Identities that load -------------------------------------------------------------------- */

static bool
same(X509 *a, X509 *b)
{
    return a != NULL && X509_cmp(a, b) == 0;
}

/* Which parts a file has to give. */
enum { WITH_CHAIN = 1, WITH_KEY = 2, IS_PEM = 4 };

static void
check_identity(const char *sentence, const char *name, const char *password, int asked, int parts)
{
    iossl_identity *identity;
    answer a = {.password = password};
    iossl_status status;

    iossl_error_clear(err);
    status = iossl_identity_load(&identity, test_path(name), give, &a, err);
    if (!is_int(status, IOSSL_OK, "%s: loads", sentence)) {
        diag("%s", iossl_error_message(err));
        return;
    }
    ok(same(identity->cert, leaf.cert), "%s: the leaf", sentence);
    is_int(sk_X509_num(identity->chain), (parts & WITH_CHAIN) != 0 ? 2 : -1, "%s: its chain",
           sentence);
    if ((parts & WITH_CHAIN) != 0)
        ok(same(sk_X509_value(identity->chain, 0), middle.cert)
               && same(sk_X509_value(identity->chain, 1), root.cert),
           "%s: in the order of the file", sentence);
    is_int(identity->key != NULL, (parts & WITH_KEY) != 0, "%s: its key", sentence);
    if (identity->key != NULL)
        is_int(X509_check_private_key(leaf.cert, identity->key), 1, "%s: which fits", sentence);
    is_int(identity->is_pem, (parts & IS_PEM) != 0, "%s: is it PEM?", sentence);
    is_int(a.asked, asked, "%s: how often a password was asked for", sentence);
    is_int(ERR_peek_error(), 0, "%s: OpenSSL's queue is empty", sentence);
    iossl_identity_free(identity);
}

/* OpenSSL before 3 refuses any PKCS#12 without a MAC. */
static bool
opens_without_mac(void)
{
    return OpenSSL_version_num() >= 0x30000000UL;
}

static void
test_identities(void)
{
    int fds[2];
    char name[64];
    iossl_identity *identity;
    BIO *bio = NULL;

    check_identity("PEM", "chain.pem", NULL, 0, WITH_CHAIN | IS_PEM);
    check_identity("PEM after its key", "key-first.pem", NULL, 0, WITH_CHAIN | IS_PEM);
    check_identity("PEM before its key", "key-last.pem", NULL, 0, WITH_CHAIN | IS_PEM);
    check_identity("DER", "leaf.der", NULL, 0, 0);
    check_identity("PKCS#12 with empty password", "open.p12", NULL, 0, WITH_CHAIN | WITH_KEY);
    check_identity("PKCS#12 without password", "null.p12", NULL, 0, WITH_CHAIN | WITH_KEY);
    check_identity("PKCS#12 with password", "locked.p12", "secret", 1, WITH_CHAIN | WITH_KEY);
    if (opens_without_mac())
        check_identity("PKCS#12 without password and MAC", "no-mac.p12", NULL, 0, WITH_KEY);
    check_identity("PKCS#12 without key", "certs-only.p12", NULL, 0, WITH_CHAIN);

    /* A descriptor's name, which is read once and has no size. */
    must(pipe(fds) == 0 && (bio = BIO_new_fd(fds[1], BIO_CLOSE)) != NULL
             && PEM_write_bio_X509(bio, leaf.cert) == 1, "pipe");
    BIO_free(bio);
    (void)snprintf(name, sizeof name, "/dev/fd/%d", fds[0]);
    is_int(iossl_identity_load(&identity, name, NULL, NULL, err), IOSSL_OK, "a pipe loads");
    iossl_identity_free(identity);
    (void)close(fds[0]);
    iossl_identity_free(NULL);
}

/* ---- Identities that don't ------------------------------------------------------------------- */

static void
check_no_identity(const char *path, iossl_passwd_cb cb, const char *password, const char *reason)
{
    iossl_identity *identity = (iossl_identity *)&err;
    answer a = {.password = password};
    char beginning[400];

    iossl_error_clear(err);
    is_int(iossl_identity_load(&identity, path, cb, &a, err), IOSSL_ERROR, "refused: %s", reason);
    ok(identity == NULL, "and nothing comes out");
    is_int(iossl_error_get_code(err), IOSSL_E_CERT, "as a certificate error");
    (void)snprintf(beginning, sizeof beginning, "Failed to load certificate from file %s: %s", path,
                   reason);
    if (!ok(strncmp(iossl_error_message(err), beginning, strlen(beginning)) == 0,
            "the cause stands first"))
        diag("%s", iossl_error_message(err));
    like(iossl_error_message(err), "[format:PEM] error:", "PEM's failure is told");
    /* Of an empty file those two have no reason to give. */
    like(iossl_error_message(err), " ** [format:DER]", "DER's");
    like(iossl_error_message(err), " ** [format:PKCS12]", "PKCS#12's");
    is_int(ERR_peek_error(), 0, "OpenSSL's queue is empty");
}

static void
test_no_identity(void)
{
    iossl_identity *identity;
    char damaged[4096];
    FILE *f;
    size_t len;

    check_no_identity(test_write_text("empty", ""), NULL, NULL, "it is empty");
    check_no_identity(test_write_text("garbage", "hello\n"), NULL, NULL,
                      "it is no certificate in PEM, DER or PKCS#12 format");
    check_no_identity(test_path("key.pem"), NULL, NULL, "it holds a private key, no certificate");
    check_no_identity(test_path("key.der"), NULL, NULL, "it holds a private key, no certificate");
    check_no_identity(test_path("public.pem"), NULL, NULL, "it holds a public key, no certificate");
    check_no_identity(test_write_text("request.pem", "-----BEGIN CERTIFICATE REQUEST-----\nMDAw\n"
                                                     "-----END CERTIFICATE REQUEST-----\n"),
                      NULL, NULL, "it holds a certificate request (CSR), no certificate");
    check_no_identity(write_cut("cut.pem", "chain.pem", 200), NULL, NULL,
                      "its certificate is cut off");
    check_no_identity(write_cut("cut-chain.pem", "chain.pem", 500), NULL, NULL,
                      "a certificate of its chain is damaged or cut off");
    check_no_identity(write_cut("cut.der", "leaf.der", 500), NULL, NULL, "it is no certificate");
    check_no_identity(write_cut("cut.p12", "open.p12", 500), NULL, NULL, "it is no certificate");
    f = fopen(test_path("chain.pem"), "rb");
    must(f != NULL, "chain.pem");
    len = fread(damaged, 1, sizeof damaged, f);
    (void)fclose(f);
    memset(damaged + 100, '!', 4);
    check_no_identity(test_write("damaged.pem", damaged, len), NULL, NULL,
                      "its certificate is damaged");

    check_no_identity(test_path("locked.p12"), NULL, NULL,
                      "it needs a password, and there is no callback to ask (SSL_passwd_cb)");
    check_no_identity(test_path("locked.p12"), give, NULL,
                      "it needs a password, and the password callback gave none");
    check_no_identity(test_path("locked.p12"), give, "wrong", "the password is wrong");
    if (!opens_without_mac())
        check_no_identity(test_path("no-mac.p12"), NULL, NULL, "it has no MAC");
    check_no_identity(test_path("locked-no-mac.p12"), NULL, NULL,
                      opens_without_mac() ? "it needs a password" : "it has no MAC");
    /* OpenSSL before 3.2 has no way to open it; later ones say that the password is wrong. */
    check_no_identity(test_path("locked-no-mac.p12"), give, "wrong",
                      OpenSSL_version_num() < 0x30200000UL ? "it has no MAC"
                                                           : "the password is wrong");
    check_no_identity(test_path("locked.p12"), give_too_much, NULL,
                      "it needs a password, and the password callback gave none");

    iossl_error_clear(err);
    is_int(iossl_identity_load(&identity, test_path("missing"), NULL, NULL, err), IOSSL_ERROR,
           "a missing file");
    is_int(iossl_error_get_code(err), IOSSL_E_FILE, "is a file error");
    is_int(iossl_error_get_errno(err), ENOENT, "that keeps the errno");
    like(iossl_error_message(err), test_path("missing"), "and names the file");
    iossl_error_clear(err);
    is_int(iossl_identity_load(&identity, test_path(""), NULL, NULL, err), IOSSL_ERROR, "a folder");
    is_int(iossl_error_get_errno(err), EISDIR, "too");
    iossl_error_clear(err);
    is_int(iossl_identity_load(&identity, "/dev/zero", NULL, NULL, err), IOSSL_ERROR,
           "a file without end");
    is_int(iossl_error_get_errno(err), EFBIG, "is too large");
    is_int(iossl_identity_load(&identity, test_path("chain.pem"), NULL, NULL, NULL), IOSSL_OK,
           "after all that, and without an error object, the good one loads");
    iossl_identity_free(identity);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static void
check_key(const char *sentence, const char *name, const char *password, int asked)
{
    EVP_PKEY *key;
    answer a = {.password = password};

    iossl_error_clear(err);
    if (!is_int(iossl_key_load(&key, test_path(name), password != NULL ? give : NULL, &a, err),
                IOSSL_OK, "%s: loads", sentence))
        diag("%s", iossl_error_message(err));
    else
        is_int(X509_check_private_key(leaf.cert, key), 1, "%s: is the key", sentence);
    is_int(a.asked, asked, "%s: how often a password was asked for", sentence);
    is_int(ERR_peek_error(), 0, "%s: OpenSSL's queue is empty", sentence);
    EVP_PKEY_free(key);
}

static void
test_keys(void)
{
    check_key("PEM", "key.pem", NULL, 0);
    check_key("DER", "key.der", NULL, 0);
    check_key("PEM among certificates", "key-last.pem", NULL, 0);
    check_key("PEM before certificates", "key-first.pem", NULL, 0);
    check_key("an unencrypted one with a callback", "key.pem", "unused", 0);
    check_key("encrypted PKCS#8", "locked.pem", "secret", 1);
    check_key("encrypted PKCS#8, by PEM_write_bio_PrivateKey", "locked8.pem", "secret", 1);
    check_key("encrypted in the old way", "locked-old.pem", "secret", 1);
    check_key("encrypted DER", "locked.der", "secret", 1);
}

static void
check_no_key(const char *path, iossl_passwd_cb cb, const char *password, const char *reason)
{
    EVP_PKEY *key = (EVP_PKEY *)&err;
    answer a = {.password = password};
    char beginning[400];

    iossl_error_clear(err);
    is_int(iossl_key_load(&key, path, cb, &a, err), IOSSL_ERROR, "refused: %s", reason);
    ok(key == NULL, "and nothing comes out");
    is_int(iossl_error_get_code(err), IOSSL_E_KEY, "as a key error");
    (void)snprintf(beginning, sizeof beginning,
                   "Failed to load key from file (no PEM or DER) %s: %s", path, reason);
    if (!ok(strncmp(iossl_error_message(err), beginning, strlen(beginning)) == 0,
            "the cause stands first"))
        diag("%s", iossl_error_message(err));
    ok(strncmp(iossl_error_reasons(err), "error:", 6) == 0, "OpenSSL's reasons follow");
    is_int(ERR_peek_error(), 0, "and its queue is empty");
    ok(a.asked <= 1, "the password was asked for once at most");
}

static void
test_no_keys(void)
{
    EVP_PKEY *key;

    check_no_key(test_path("empty"), give, NULL, "it is empty");
    check_no_key(test_path("garbage"), give, NULL, "it is cut off or no private key at all");
    check_no_key(test_path("chain.pem"), give, NULL, "it holds a certificate, no private key");
    check_no_key(test_path("public.pem"), give, NULL, "it holds a public key, no private key");
    check_no_key(write_cut("cut-key.pem", "key.pem", 500), give, NULL, "the key is cut off");
    check_no_key(write_cut("cut-key.der", "key.der", 500), give, NULL, "it is cut off or no");
    check_no_key(test_write_text("bad-key.pem", "-----BEGIN PRIVATE KEY-----\nMDAw\n"
                                                "-----END PRIVATE KEY-----\n"),
                 give, NULL, "the key is damaged");
    check_no_key(test_path("locked.pem"), give, "wrong", "the key is encrypted, and the password "
                                                         "is wrong");
    check_no_key(test_path("locked-old.pem"), give, "wrong", "the key is encrypted, and the "
                                                             "password is wrong");
    check_no_key(test_path("locked.der"), give, "wrong", "the key is encrypted, and the password "
                                                         "is wrong");
    check_no_key(test_path("locked.pem"), give, NULL, "the key is encrypted, and the password "
                                                      "callback gave no password");
    check_no_key(test_path("locked-old.pem"), give, NULL, "the key is encrypted, and the password "
                                                          "callback gave no password");
    check_no_key(test_path("locked.der"), give, NULL, "the key is encrypted, and the password "
                                                      "callback gave no password");
    check_no_key(test_path("locked.pem"), give_too_much, NULL, "the key is encrypted, and the "
                                                               "password callback gave no");
    iossl_error_clear(err);
    is_int(iossl_key_load(&key, test_path("missing"), give, NULL, err), IOSSL_ERROR,
           "a missing file");
    is_int(iossl_error_get_code(err), IOSSL_E_FILE, "is a file error");
    is_int(iossl_error_get_errno(err), ENOENT, "that keeps the errno");
}

/*
 * Without a callback OpenSSL asks on the terminal. Where there is none there is no answer, and no
 * wait. Only a child can leave the terminal that this test may have.
 */
static void
test_prompt(void)
{
    enum { FINE = 0, NO_SESSION = 1, LOADED = 2, OTHER_WORDS = 3, QUEUE_LEFT = 4 };
    pid_t child = fork();
    int status = -1;

    must(child >= 0, "fork");
    if (child == 0) {
        EVP_PKEY *key;
        int null = open("/dev/null", O_RDWR);

        if (null < 0 || setsid() == -1 || dup2(null, 0) != 0 || dup2(null, 2) != 2)
            _exit(NO_SESSION);
        iossl_error_clear(err);
        if (iossl_key_load(&key, test_path("locked.pem"), NULL, NULL, err) != IOSSL_ERROR)
            _exit(LOADED);
        if (strstr(iossl_error_message(err), ": the key is encrypted, and no password") == NULL)
            _exit(OTHER_WORDS);
        _exit(ERR_peek_error() == 0 ? FINE : QUEUE_LEFT);
    }
    must(waitpid(child, &status, 0) == child && WIFEXITED(status), "waitpid");
    is_int(WEXITSTATUS(status), FINE,
           "an encrypted key without callback and terminal fails and says why");
}

int
main(void)
{
    tap_start();
    if ((err = iossl_error_new()) == NULL)
        bail_out("no memory");
    test_folder_make();
    root = test_identity_make(
        &(test_cert_spec){.common_name = "root", .is_ca = 1, .serial = 1});
    middle = test_identity_make(
        &(test_cert_spec){.common_name = "middle", .is_ca = 1, .serial = 2, .issuer = &root});
    leaf = test_identity_make(
        &(test_cert_spec){.common_name = "leaf", .serial = 3, .issuer = &middle});
    make_files();
    test_identities();
    test_no_identity();
    test_keys();
    test_no_keys();
    test_prompt();
    test_identity_free(&root);
    test_identity_free(&middle);
    test_identity_free(&leaf);
    iossl_error_free(err);
    return done_testing();
}
