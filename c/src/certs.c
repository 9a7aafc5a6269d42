/*
 * certs.c - certificates with their chains, and private keys, from files.
 *
 * Owns      the order in which formats are tried, and the sentence that says why a file is of no use.
 * Promises  a file is opened once; passwords and file contents are cleansed; a password is asked
 *           for once per load, whatever OpenSSL tries with it; a chain keeps the order of its file.
 * Leaves    what is no file but a URI to uri.c, whether key and certificate fit together to context_certs.c.
 * See       PEM_read_bio_X509(3), PKCS12_parse(3), RFC 7468, RFC 7292, RFC 5958.
 */
#include "certs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "compat.h"
#include "error.h"
#include "file.h"
#include "password.h"
#include "uri.h"

/* Chains take some kilobytes; the bound is there for /dev/zero and for the wrong file's name. */
#define MAX_FILE ((size_t)16 * 1024 * 1024)

/* ---- What is in a file, as far as words go --------------------------------------------------- */

/* Which PEM blocks a text has. */
typedef struct {
    bool has_any;
    bool has_cert, has_key, has_encrypted_key, has_request, has_crl, has_public_key, has_pkcs7;
    bool is_cut_off;        /* a BEGIN line without its END line */
    const char *first_other; /* label of a block that isn't any of these */
    size_t first_other_len;
} pem_outline;

static bool
label_is(const char *label, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(label, text, len) == 0;
}

static bool
label_ends(const char *label, size_t len, const char *text)
{
    size_t n = strlen(text);

    return len >= n && memcmp(label + len - n, text, n) == 0;
}

/* The first occurrence of text before end, NULL where there is none. */
static const char *
find_text(const char *at, const char *end, const char *text)
{
    size_t n = strlen(text);

    while ((size_t)(end - at) >= n
           && (at = memchr(at, text[0], (size_t)(end - at) - n + 1)) != NULL) {
        if (memcmp(at, text, n) == 0)
            return at;
        at++;
    }
    return NULL;
}

static void
note_block(pem_outline *o, const char *label, size_t len)
{
    o->has_any = true;
    if (label_is(label, len, "CERTIFICATE") || label_is(label, len, "X509 CERTIFICATE")
        || label_is(label, len, "TRUSTED CERTIFICATE")) {
        o->has_cert = true;
    } else if (label_ends(label, len, "PRIVATE KEY")) {
        o->has_key = true;
        if (label_is(label, len, "ENCRYPTED PRIVATE KEY"))
            o->has_encrypted_key = true;
    } else if (label_ends(label, len, "CERTIFICATE REQUEST")) {
        o->has_request = true;
    } else if (label_is(label, len, "X509 CRL")) {
        o->has_crl = true;
    } else if (label_ends(label, len, "PUBLIC KEY")) {
        o->has_public_key = true;
    } else if (label_is(label, len, "PKCS7") || label_is(label, len, "CMS")) {
        o->has_pkcs7 = true;
    } else if (o->first_other == NULL) {
        o->first_other = label;
        o->first_other_len = len;
    }
}

static void
outline_pem(pem_outline *o, const iossl_file *file)
{
    static const char BEGIN[] = "-----BEGIN ", END[] = "-----END ";
    const char *start = (const char *)file->bytes;
    const char *end = start + file->len;
    const char *at = start;

    memset(o, 0, sizeof *o);
    while (at != NULL && (at = find_text(at, end, BEGIN)) != NULL) {
        const char *label = at + sizeof BEGIN - 1;
        const char *dashes = find_text(label, end, "-----");
        const char *next, *tail;

        if (dashes == NULL) {
            o->is_cut_off = true;
            return;
        }
        if (at != start && at[-1] != '\n') {        /* in the middle of a line it is prose */
            at = label;
            continue;
        }
        note_block(o, label, (size_t)(dashes - label));
        tail = find_text(dashes, end, END);
        next = find_text(dashes, end, BEGIN);
        o->is_cut_off = tail == NULL || (next != NULL && next < tail);
        if (find_text(dashes, tail != NULL ? tail : end, "ENCRYPTED\n") != NULL
            || find_text(dashes, tail != NULL ? tail : end, "ENCRYPTED\r") != NULL)
            o->has_encrypted_key = o->has_encrypted_key || o->has_key;
        if (o->is_cut_off)
            return;
        at = tail;
    }
}

/* What a PEM file holds that was of no use here, in words; NULL: nothing known. */
static const char *
name_content(const pem_outline *o)
{
    if (o->has_key)
        return "a private key";
    if (o->has_cert)
        return "a certificate";
    if (o->has_request)
        return "a certificate request (CSR)";
    if (o->has_public_key)
        return "a public key";
    if (o->has_crl)
        return "a revocation list (CRL)";
    if (o->has_pkcs7)
        return "a PKCS#7 structure";
    return o->has_any ? "some other PEM data" : NULL;
}

/* Does the queue hold this reason? */
static bool
queue_has(int lib, int reason)
{
    /* Only the ends of the queue can be peeked at; what started a failure is the oldest entry. */
    unsigned long first = ERR_peek_error(), last = ERR_peek_last_error();

    return (ERR_GET_LIB(first) == lib && ERR_GET_REASON(first) == reason)
           || (ERR_GET_LIB(last) == lib && ERR_GET_REASON(last) == reason);
}

static BIO *
open_bytes(const iossl_file *file)
{
    return BIO_new_mem_buf(file->bytes, (int)file->len);    /* MAX_FILE fits an int */
}

/* ---- Identities: one attempt for each format ------------------------------------------------- */

typedef enum { LOADED, NOT_LOADED, NO_MEMORY } load_result;

/* What is known while one file is tried in all formats. */
typedef struct {
    const iossl_library *library;
    const iossl_file *file;
    iossl_password password;
    iossl_identity *identity;
    const char *cause;          /* in words, constant; NULL: not known */
} attempt;

/* One more certificate of a PEM file. */
static X509 *
read_cert(attempt *a, BIO *bio, X509 *(*read)(BIO *, X509 **, pem_password_cb *, void *))
{
    X509 *fresh = iossl_compat_x509_new(a->library), *cert = fresh;

    if (fresh != NULL && read(bio, &cert, iossl_password_give, &a->password) != NULL)
        return cert;
    /* Where it fails, OpenSSL may have freed it already, and says so. */
    X509_free(cert);
    return NULL;
}

/* PEM: the leaf, and whatever certificates follow are its chain. */
static load_result
load_pem(attempt *a)
{
    load_result result = NO_MEMORY;
    iossl_identity *identity = a->identity;
    BIO *bio = open_bytes(a->file);
    X509 *cert = NULL;

    if (bio == NULL)
        goto done;
    result = NOT_LOADED;
    if ((identity->cert = read_cert(a, bio, PEM_read_bio_X509_AUX)) == NULL)
        goto done;
    identity->is_pem = true;
    while ((cert = read_cert(a, bio, PEM_read_bio_X509)) != NULL) {
        if ((identity->chain == NULL && (identity->chain = sk_X509_new_null()) == NULL)
            || sk_X509_push(identity->chain, cert) <= 0) {
            result = NO_MEMORY;
            goto done;
        }
        cert = NULL;
    }
    /* The end of the file is an error to OpenSSL, too; any other one is an error to us. */
    if (ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_PEM
        && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
        ERR_clear_error();
        result = LOADED;
    } else {
        a->cause = "a certificate of its chain is damaged or cut off";
    }
done:
    X509_free(cert);
    BIO_free(bio);
    return result;
}

/* DER: one certificate. */
static load_result
load_der(attempt *a)
{
    BIO *bio = open_bytes(a->file);
    X509 *cert;

    if (bio == NULL)
        return NO_MEMORY;
    cert = iossl_compat_x509_new(a->library);
    if (cert != NULL && d2i_X509_bio(bio, &cert) != NULL)
        a->identity->cert = cert;
    else
        X509_free(cert);
    BIO_free(bio);
    return a->identity->cert != NULL ? LOADED : NOT_LOADED;
}

/* Before OpenSSL 3, PKCS12_parse() turned the order of the chain round. */
static void
reverse_if_old(STACK_OF(X509) *chain)
{
    int n = sk_X509_num(chain);

    if (OpenSSL_version_num() >= 0x30000000UL)
        return;
    for (int i = 0; i < n / 2; i++) {
        X509 *low = sk_X509_value(chain, i), *high = sk_X509_value(chain, n - 1 - i);

        (void)sk_X509_set(chain, i, high);
        (void)sk_X509_set(chain, n - 1 - i, low);
    }
}

/* One password on a PKCS#12 file; "" tries none, too (RFC 7292 knows both). */
static bool
parse_pkcs12(PKCS12 *p12, const char *password, iossl_identity *identity)
{
    if (PKCS12_parse(p12, password, &identity->key, &identity->cert, &identity->chain) != 1)
        return false;
    reverse_if_old(identity->chain);
    if (identity->cert == NULL && sk_X509_num(identity->chain) > 0)
        identity->cert = sk_X509_shift(identity->chain);    /* no key that would mark the leaf */
    if (sk_X509_num(identity->chain) <= 0) {
        sk_X509_free(identity->chain);
        identity->chain = NULL;
    }
    return true;
}

/* After a failure: was it the password? A file without a MAC only tells by being undecipherable. */
static bool
is_locked(const PKCS12 *p12)
{
    return queue_has(ERR_LIB_PKCS12, PKCS12_R_MAC_VERIFY_FAILURE)
           || (!PKCS12_mac_present(p12) && ERR_GET_LIB(ERR_peek_error()) != ERR_LIB_EVP);
}

/* The words for a PKCS#12 file that a password didn't open. */
static const char *
explain_pkcs12(const PKCS12 *p12, const iossl_password *password)
{
    if (queue_has(ERR_LIB_PKCS12, PKCS12_R_MAC_ABSENT))
        return "it has no MAC, which this OpenSSL refuses; export it with one";
    if (is_locked(p12)) {
        if (password->gave_up)
            return password->cb == NULL
                       ? "it needs a password, and there is no callback to ask (SSL_passwd_cb)"
                       : "it needs a password, and the password callback gave none";
        return "the password is wrong";
    }
    if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_EVP)
        return "it is encrypted in a way that this OpenSSL refuses (old PKCS#12 files use RC2; "
               "export it again with a current openssl)";
    return "its content is damaged";
}

/* PKCS#12: leaf, key and chain; first without a password, then with the callback's. */
static load_result
load_pkcs12(attempt *a)
{
    load_result result = NO_MEMORY;
    BIO *bio = open_bytes(a->file);
    char password[PEM_BUFSIZE];
    PKCS12 *p12 = NULL;

    if (bio == NULL)
        goto done;
    result = NOT_LOADED;
    if ((p12 = iossl_compat_pkcs12_new(a->library)) == NULL || d2i_PKCS12_bio(bio, &p12) == NULL)
        goto done;
    if (parse_pkcs12(p12, NULL, a->identity)) {
        result = LOADED;
    } else if (is_locked(p12) && iossl_password_ask(&a->password, password, (int)sizeof password) >= 0) {
        ERR_clear_error();      /* that there is a password is no failure */
        if (parse_pkcs12(p12, password, a->identity))
            result = LOADED;
    }
    if (result == LOADED && a->identity->cert == NULL) {
        a->cause = "it is a PKCS#12 file without a certificate";
        result = NOT_LOADED;
    } else if (result != LOADED) {
        a->cause = explain_pkcs12(p12, &a->password);
    }
done:
    OPENSSL_cleanse(password, sizeof password);
    PKCS12_free(p12);
    BIO_free(bio);
    return result;
}

static const struct {
    const char *name;
    load_result (*load)(attempt *a);
} FORMATS[] = {
    {"PEM", load_pem},
    {"DER", load_der},
    {"PKCS12", load_pkcs12},
};
#define N_FORMATS (sizeof FORMATS / sizeof FORMATS[0])

/* What a failed attempt may have left. */
static void
empty_identity(iossl_identity *identity)
{
    X509_free(identity->cert);
    sk_X509_pop_free(identity->chain, X509_free);
    EVP_PKEY_free(identity->key);
    memset(identity, 0, sizeof *identity);
}

/* ---- Why a certificate file is of no use ----------------------------------------------------- */

/* Is this a private key in DER? */
static bool
is_der_key(const iossl_file *file)
{
    BIO *bio = open_bytes(file);
    EVP_PKEY *key = bio != NULL ? d2i_PrivateKey_bio(bio, NULL) : NULL;
    bool is_key = key != NULL;

    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return is_key;
}

/*
 * Why OpenSSL found no certificate, in words. Called after all formats failed, with no cause known.
 * content receives what the file holds instead; then there are no other words.
 */
static const char *
explain_no_cert(const iossl_file *file, const char **content)
{
    pem_outline o;

    *content = NULL;
    if (file->len == 0)
        return "it is empty";
    outline_pem(&o, file);
    if (o.has_cert)
        return o.is_cut_off ? "its certificate is cut off (there is no END line)"
                            : "its certificate is damaged";
    if ((*content = name_content(&o)) != NULL)
        return "";
    if (is_der_key(file)) {
        *content = "a private key";
        return "";
    }
    if (o.is_cut_off)
        return "it is cut off";
    return "it is no certificate in PEM, DER or PKCS#12 format";
}

/* Sets the sentence from what each format said. */
static void
report_identity(const attempt *a, const char *path, iossl_error *const said[N_FORMATS],
                iossl_error *err)
{
    const char *content = NULL;
    const char *words = a->cause != NULL ? a->cause : explain_no_cert(a->file, &content);

    iossl_error_set(err, IOSSL_E_CERT, IOSSL_RANK_FATAL,
                    "Failed to load certificate from file %s: %s%s%s: %s ** %s ** %s **", path,
                    content != NULL ? "it holds " : words, content != NULL ? content : "",
                    content != NULL ? ", no certificate" : "", iossl_error_message(said[0]),
                    iossl_error_message(said[1]), iossl_error_message(said[2]));
}

/* ---- Identities ------------------------------------------------------------------------------ */

static load_result
load_any_format(attempt *a, iossl_error *said[N_FORMATS])
{
    load_result result = NOT_LOADED;

    for (size_t i = 0; result == NOT_LOADED && i < N_FORMATS; i++) {
        if ((said[i] = iossl_error_new()) == NULL)
            return NO_MEMORY;
        ERR_clear_error();
        if ((result = FORMATS[i].load(a)) == LOADED)
            break;
        iossl_error_set_openssl(said[i], IOSSL_E_CERT, IOSSL_RANK_IO, "[format:%s]",
                                FORMATS[i].name);
        empty_identity(a->identity);
    }
    return result;
}

iossl_status
iossl_identity_load(iossl_identity **out, const char *file, iossl_passwd_cb cb, void *arg,
                    iossl_error *err)
{
    return iossl_identity_load_by(iossl_library_default(), out, file, cb, arg, err);
}

iossl_status
iossl_identity_load_by(const iossl_library *library, iossl_identity **out, const char *file,
                       iossl_passwd_cb cb, void *arg, iossl_error *err)
{
    iossl_error *said[N_FORMATS] = {NULL, NULL, NULL};
    iossl_status status = IOSSL_ERROR;
    iossl_file content;
    attempt a = {.library = library, .file = &content, .password = {.cb = cb, .arg = arg}};
    int errnum;

    *out = NULL;
    if (iossl_uri_is(file))
        return iossl_uri_load_identity(library, out, file, cb, arg, err);
    ERR_clear_error();
    if ((errnum = iossl_file_read(&content, file, MAX_FILE)) != 0) {
        iossl_error_set_errno(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, errnum,
                              "Failed to load certificate from file %s", file);
        return IOSSL_ERROR;
    }
    if ((a.identity = calloc(1, sizeof *a.identity)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    switch (load_any_format(&a, said)) {
    case LOADED:
        *out = a.identity;      /* ownership moves to the caller */
        a.identity = NULL;
        status = IOSSL_OK;
        break;
    case NOT_LOADED: report_identity(&a, file, said, err); break;
    case NO_MEMORY: iossl_error_memory(err); break;
    }
done:
    for (size_t i = 0; i < N_FORMATS; i++)
        iossl_error_free(said[i]);
    iossl_identity_free(a.identity);
    iossl_file_cleanup(&content);
    ERR_clear_error();
    return status;
}

void
iossl_identity_free(iossl_identity *identity)
{
    if (identity == NULL)
        return;
    empty_identity(identity);
    free(identity);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* What was learnt while a key was looked for. */
typedef struct {
    const iossl_library *library;
    const iossl_file *file;
    iossl_password password;
    pem_outline outline;
    bool is_encrypted_der;
} key_attempt;

static EVP_PKEY *
load_pem_key(key_attempt *a)
{
    BIO *bio = open_bytes(a->file);
    EVP_PKEY *key = NULL;

    /* Without a callback OpenSSL asks on the terminal. */
    if (bio != NULL)
        key = iossl_compat_read_pem_key(bio, a->password.cb != NULL ? iossl_password_give : NULL,
                                        a->password.cb != NULL ? &a->password : NULL, a->library);
    BIO_free(bio);
    return key;
}

/* Is this an encrypted PKCS#8 key? Its outline is the one of X509_SIG: algorithm, octets. */
static bool
is_encrypted_pkcs8(const iossl_file *file)
{
    const unsigned char *der = file->bytes;
    X509_SIG *sig;
    bool is_one;

    (void)ERR_set_mark();
    sig = d2i_X509_SIG(NULL, &der, (long)file->len);
    is_one = sig != NULL && der == file->bytes + file->len;
    X509_SIG_free(sig);
    (void)ERR_pop_to_mark();
    return is_one;
}

/* As d2i_PKCS8PrivateKey_bio(3), which knows the default library context alone. */
static EVP_PKEY *
decrypt_der_key(key_attempt *a)
{
    /* Without a callback OpenSSL asks on the terminal. */
    pem_password_cb *ask = a->password.cb != NULL ? iossl_password_give : PEM_def_callback;
    const unsigned char *der = a->file->bytes;
    X509_SIG *sig = d2i_X509_SIG(NULL, &der, (long)a->file->len);
    char password[PEM_BUFSIZE];
    int len = sig == NULL ? -1 : ask(password, sizeof password, 0,
                                     a->password.cb != NULL ? &a->password : NULL);
    PKCS8_PRIV_KEY_INFO *info = NULL;
    EVP_PKEY *key = NULL;

    if (len >= 0 && (info = iossl_compat_decrypt_pkcs8(sig, password, len, a->library)) != NULL)
        key = iossl_compat_key_of_pkcs8(info, a->library);
    OPENSSL_cleanse(password, sizeof password);
    PKCS8_PRIV_KEY_INFO_free(info);
    X509_SIG_free(sig);
    return key;
}

static EVP_PKEY *
load_der_key(key_attempt *a)
{
    EVP_PKEY *key = NULL;
    BIO *bio;

    a->is_encrypted_der = is_encrypted_pkcs8(a->file);
    if (a->is_encrypted_der)
        return decrypt_der_key(a);
    if ((bio = open_bytes(a->file)) != NULL)
        key = iossl_compat_read_der_key(bio, a->library);
    BIO_free(bio);
    return key;
}

/* Why there is no key, in words; content: as explain_no_cert(). */
static const char *
explain_no_key(const key_attempt *a, const char **content)
{
    const pem_outline *o = &a->outline;

    *content = NULL;
    if (a->file->len == 0)
        return "it is empty";
    if (o->has_key && o->is_cut_off)
        return "the key is cut off (there is no END line)";
    if (o->has_encrypted_key || a->is_encrypted_der) {
        if (a->password.cb == NULL)
            return "the key is encrypted, and no password or a wrong one was typed "
                   "(SSL_passwd_cb gives it without asking)";
        if (a->password.gave_up)
            return "the key is encrypted, and the password callback gave no password";
        if (a->password.was_asked && iossl_compat_lacks_algorithm())
            return "the key is encrypted by an algorithm that OpenSSL doesn't have here";
        if (a->password.was_asked)
            return "the key is encrypted, and the password is wrong";
    }
    if (o->has_key)
        return "the key is damaged";
    if ((*content = name_content(o)) != NULL)
        return "";
    return "it is cut off or no private key at all";
}

static void
report_key(const key_attempt *a, const char *path, iossl_error *err)
{
    const char *content;
    const char *words = explain_no_key(a, &content);

    iossl_error_set_openssl(err, IOSSL_E_KEY, IOSSL_RANK_FATAL,
                            "Failed to load key from file (no PEM or DER) %s: %s%s%s", path,
                            content != NULL ? "it holds " : words,
                            content != NULL ? content : "",
                            content != NULL ? ", no private key" : "");
}

iossl_status
iossl_key_load(EVP_PKEY **out, const char *file, iossl_passwd_cb cb, void *arg, iossl_error *err)
{
    return iossl_key_load_by(iossl_library_default(), out, file, cb, arg, err);
}

iossl_status
iossl_key_load_by(const iossl_library *library, EVP_PKEY **out, const char *file, iossl_passwd_cb cb,
                  void *arg, iossl_error *err)
{
    iossl_file content;
    key_attempt a = {.library = library, .file = &content, .password = {.cb = cb, .arg = arg}};
    int errnum;

    *out = NULL;
    if (iossl_uri_is(file))
        return iossl_uri_load_key(library, out, file, cb, arg, err);
    ERR_clear_error();
    if ((errnum = iossl_file_read(&content, file, MAX_FILE)) != 0) {
        iossl_error_set_errno(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, errnum,
                              "Failed to load key from file (no PEM or DER) %s", file);
        return IOSSL_ERROR;
    }
    outline_pem(&a.outline, &content);
    *out = load_pem_key(&a);
    /* A key in PEM that fails has told its reason; what DER would say of it hides that. */
    if (*out == NULL && !a.outline.has_key)
        *out = load_der_key(&a);
    if (*out == NULL)
        report_key(&a, file, err);
    iossl_file_cleanup(&content);
    ERR_clear_error();
    return *out != NULL ? IOSSL_OK : IOSSL_ERROR;
}
