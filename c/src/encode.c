/*
 * encode.c - certificates and keys as PEM and DER, in memory and in files.
 *
 * Owns      the sentences about what can't be parsed, the permissions of new key files.
 * Promises  memory that held a key is cleansed; a password is asked for once; a file is written
 *           whole or reported.
 * Leaves    files for connections, with their formats, chains and PKCS#12, to certs.c.
 * See       PEM_read_bio_PrivateKey(3), d2i_X509(3), RFC 7468, RFC 5958.
 */
#include "encode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "error.h"
#include "file.h"

/* Bundles take some hundred kilobytes; the bound is there for /dev/zero. */
#define MAX_FILE ((size_t)64 * 1024 * 1024)

/* A new key file is for its owner only; certificates are for everybody that umask lets. */
#define KEY_MODE  0600
#define CERT_MODE 0666

/* ---- Reading --------------------------------------------------------------------------------- */

/* The program's callback on its way through OpenSSL, which may ask more than once. */
typedef struct {
    iossl_passwd_cb cb;
    void *arg;
    bool was_asked;
} password_source;

static int
give_password(char *buf, int size, int rwflag, void *arg)
{
    password_source *source = arg;
    int len = -1;

    (void)rwflag;
    if (source->cb != NULL && !source->was_asked && size > 0) {
        source->was_asked = true;
        len = source->cb(source->arg, buf, size);
    }
    if (len >= 0 && len <= size)
        return len;
    OPENSSL_cleanse(buf, (size_t)size);
    return -1;
}

/* Certificates in PEM may be encrypted, too, in theory; nobody is asked for that password. */
static int
give_no_password(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

/* A BIO over bytes that stay the caller's. */
static BIO *
open_bytes(const void *bytes, size_t len, iossl_error *err)
{
    BIO *bio = NULL;

    if (len <= INT_MAX)
        bio = BIO_new_mem_buf(len > 0 ? bytes : "", (int)len);
    if (bio == NULL)
        iossl_error_memory(err);
    return bio;
}

/* OpenSSL's queue as the reason; where it has none, at least a word. */
static void
report_unparsed(iossl_error_code code, const char *where, const char *what, iossl_error *err)
{
    iossl_error_set_openssl(err, code, IOSSL_RANK_FATAL, "cannot parse %s as %s:%s", where, what,
                            ERR_peek_error() == 0 ? " it is empty or damaged" : "");
}

static bool
read_file(iossl_file *file, const char *path, iossl_error *err)
{
    int errnum = iossl_file_read(file, path, MAX_FILE);

    if (errnum != 0)
        iossl_error_set_errno(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, errnum, "cannot read %s", path);
    return errnum == 0;
}

/* ---- Certificates ---------------------------------------------------------------------------- */

static const char A_CERT[] = "PEM X509 cert", A_KEY[] = "PEM private key";

/* where: what the error calls the source. */
static X509 *
parse_cert(const void *text, size_t len, const char *where, iossl_error *err)
{
    BIO *bio = open_bytes(text, len, err);
    X509 *cert = NULL;

    if (bio == NULL)
        return NULL;
    if ((cert = PEM_read_bio_X509_AUX(bio, NULL, give_no_password, NULL)) == NULL)
        report_unparsed(IOSSL_E_CERT, where, A_CERT, err);
    BIO_free(bio);
    return cert;
}

static STACK_OF(X509) *
    parse_certs(const void *text, size_t len, const char *where, iossl_error *err)
{
    BIO *bio = open_bytes(text, len, err);
    STACK_OF(X509) *certs = sk_X509_new_null(), *result = NULL;
    X509 *cert = NULL;
    unsigned long last;

    if (bio == NULL || certs == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    while ((cert = PEM_read_bio_X509_AUX(bio, NULL, give_no_password, NULL)) != NULL) {
        if (sk_X509_push(certs, cert) <= 0) {
            iossl_error_memory(err);
            goto done;
        }
        cert = NULL;
    }
    /* The end of the text is an error to OpenSSL, too; any other one is an error to us. */
    last = ERR_peek_last_error();
    if (sk_X509_num(certs) == 0 || ERR_GET_LIB(last) != ERR_LIB_PEM ||
        ERR_GET_REASON(last) != PEM_R_NO_START_LINE) {
        report_unparsed(IOSSL_E_CERT, where, A_CERT, err);
        goto done;
    }
    result = certs; /* ownership moves to the caller */
    certs = NULL;
done:
    X509_free(cert);
    sk_X509_pop_free(certs, X509_free);
    BIO_free(bio);
    ERR_clear_error();
    return result;
}

X509 *
iossl_cert_from_pem(const void *text, size_t len, iossl_error *err)
{
    X509 *cert;

    ERR_clear_error();
    cert = parse_cert(text, len, "string", err);
    ERR_clear_error();
    return cert;
}

X509 *
iossl_cert_from_file(const char *file, iossl_error *err)
{
    iossl_file content;
    X509 *cert;

    ERR_clear_error();
    if (!read_file(&content, file, err))
        return NULL;
    cert = parse_cert(content.bytes, content.len, file, err);
    iossl_file_cleanup(&content);
    ERR_clear_error();
    return cert;
}

STACK_OF(X509) * iossl_certs_from_pem(const void *text, size_t len, iossl_error *err)
{
    ERR_clear_error();
    return parse_certs(text, len, "string", err);
}

STACK_OF(X509) * iossl_certs_from_file(const char *file, iossl_error *err)
{
    STACK_OF(X509) * certs;
    iossl_file content;

    ERR_clear_error();
    if (!read_file(&content, file, err))
        return NULL;
    certs = parse_certs(content.bytes, content.len, file, err);
    iossl_file_cleanup(&content);
    return certs;
}

X509 *
iossl_cert_from_der(const void *der, size_t len, iossl_error *err)
{
    const unsigned char *at = der;
    X509 *cert = NULL;

    ERR_clear_error();
    if (len > 0 && len <= LONG_MAX)
        cert = d2i_X509(NULL, &at, (long)len);
    if (cert != NULL && at != (const unsigned char *)der + len) {
        X509_free(cert);
        cert = NULL;
        iossl_error_set(err, IOSSL_E_CERT, IOSSL_RANK_FATAL,
                        "cannot parse string as DER X509 cert: %zu bytes follow it",
                        len - (size_t)(at - (const unsigned char *)der));
    } else if (cert == NULL) {
        report_unparsed(IOSSL_E_CERT, "string", "DER X509 cert", err);
    }
    ERR_clear_error();
    return cert;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static EVP_PKEY *
parse_key(const void *text, size_t len, const char *where, iossl_passwd_cb cb, void *arg,
          iossl_error *err)
{
    password_source source = {.cb = cb, .arg = arg};
    BIO *bio = open_bytes(text, len, err);
    EVP_PKEY *key = NULL;

    if (bio == NULL)
        return NULL;
    /* Without a callback OpenSSL asks on the terminal. */
    key = PEM_read_bio_PrivateKey(bio, NULL, cb != NULL ? give_password : NULL,
                                  cb != NULL ? &source : NULL);
    if (key == NULL)
        report_unparsed(IOSSL_E_KEY, where, A_KEY, err);
    BIO_free(bio);
    return key;
}

EVP_PKEY *
iossl_key_from_pem(const void *text, size_t len, iossl_passwd_cb cb, void *arg, iossl_error *err)
{
    EVP_PKEY *key;

    ERR_clear_error();
    key = parse_key(text, len, "string", cb, arg, err);
    ERR_clear_error();
    return key;
}

EVP_PKEY *
iossl_key_from_file(const char *file, iossl_passwd_cb cb, void *arg, iossl_error *err)
{
    iossl_file content;
    EVP_PKEY *key;

    ERR_clear_error();
    if (!read_file(&content, file, err))
        return NULL;
    key = parse_key(content.bytes, content.len, file, cb, arg, err);
    iossl_file_cleanup(&content);
    ERR_clear_error();
    return key;
}

/* Is this an encrypted PKCS#8 key? Its outline is the one of X509_SIG: algorithm, octets. */
static bool
is_encrypted_pkcs8(const unsigned char *der, size_t len)
{
    const unsigned char *at = der;
    X509_SIG *sig = len <= LONG_MAX ? d2i_X509_SIG(NULL, &at, (long)len) : NULL;
    bool is_one = sig != NULL && at == der + len;

    X509_SIG_free(sig);
    ERR_clear_error();
    return is_one;
}

EVP_PKEY *
iossl_key_from_der(const void *der, size_t len, iossl_passwd_cb cb, void *arg, iossl_error *err)
{
    password_source source = {.cb = cb, .arg = arg};
    EVP_PKEY *key = NULL;
    BIO *bio;

    ERR_clear_error();
    if ((bio = open_bytes(der, len, err)) == NULL)
        return NULL;
    if (is_encrypted_pkcs8(der, len))
        key = d2i_PKCS8PrivateKey_bio(bio, NULL, cb != NULL ? give_password : NULL,
                                      cb != NULL ? &source : NULL);
    else
        key = d2i_PrivateKey_bio(bio, NULL);
    if (key == NULL)
        report_unparsed(IOSSL_E_KEY, "string", "DER private key", err);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* A copy, with a NUL after it, of what a memory BIO holds; NULL: no memory. The BIO's own memory
 * is cleansed when it goes. */
static char *
copy_bio(BIO *bio, size_t *len)
{
    char *bytes, *copy;
    long n = BIO_get_mem_data(bio, &bytes);

    *len = 0;
    if (n < 0 || (copy = malloc((size_t)n + 1)) == NULL)
        return NULL;
    if (n > 0)
        memcpy(copy, bytes, (size_t)n);
    copy[n] = '\0';
    *len = (size_t)n;
    return copy;
}

/* What put gives for it, in memory; what: "cert" or "key", for the error. */
static char *
encode(int (*put)(BIO *bio, const void *object), const void *object, iossl_error_code code,
       const char *what, size_t *len, iossl_error *err)
{
    char *text = NULL;
    BIO *bio;

    *len = 0;
    ERR_clear_error();
    if ((bio = BIO_new(BIO_s_mem())) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    if (put(bio, object) != 1) {
        iossl_error_set_openssl(err, code, IOSSL_RANK_FATAL, "cannot get string from %s:%s", what,
                                ERR_peek_error() == 0 ? " OpenSSL gives no reason" : "");
        goto done;
    }
    if ((text = copy_bio(bio, len)) == NULL)
        iossl_error_memory(err);
done:
    BIO_free(bio);
    ERR_clear_error();
    return text;
}

static int
write_cert_pem(BIO *bio, const void *cert)
{
    return PEM_write_bio_X509(bio, (X509 *)cert);
}

static int
write_cert_der(BIO *bio, const void *cert)
{
    return i2d_X509_bio(bio, (X509 *)cert);
}

static int
write_key_pem(BIO *bio, const void *key)
{
    return PEM_write_bio_PKCS8PrivateKey(bio, (EVP_PKEY *)key, NULL, NULL, 0, NULL, NULL);
}

static int
write_key_der(BIO *bio, const void *key)
{
    return i2d_PKCS8PrivateKey_bio(bio, (EVP_PKEY *)key, NULL, NULL, 0, NULL, NULL);
}

char *
iossl_cert_to_pem(const X509 *cert, iossl_error *err)
{
    size_t len;

    return encode(write_cert_pem, cert, IOSSL_E_CERT, "cert", &len, err);
}

unsigned char *
iossl_cert_to_der(const X509 *cert, size_t *len, iossl_error *err)
{
    return (unsigned char *)encode(write_cert_der, cert, IOSSL_E_CERT, "cert", len, err);
}

char *
iossl_key_to_pem(const EVP_PKEY *key, size_t *len, iossl_error *err)
{
    return encode(write_key_pem, key, IOSSL_E_KEY, "key", len, err);
}

unsigned char *
iossl_key_to_der(const EVP_PKEY *key, size_t *len, iossl_error *err)
{
    return (unsigned char *)encode(write_key_der, key, IOSSL_E_KEY, "key", len, err);
}

/* 0, or an errno. */
static int
write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno != 0 ? errno : EIO;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static iossl_status
write_file(const char *path, const char *bytes, size_t len, mode_t mode, iossl_error *err)
{
    int errnum = 0;
    int fd;

    do
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, mode);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        errnum = errno;
    } else {
        errnum = write_all(fd, bytes, len);
        /* After EINTR the descriptor is gone all the same, on the systems we know. */
        if (close(fd) != 0 && errno != EINTR && errnum == 0)
            errnum = errno;
    }
    if (errnum == 0)
        return IOSSL_OK;
    iossl_error_set_errno(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, errnum, "cannot write %s", path);
    return IOSSL_ERROR;
}

/* Several certificates as the object of encode(). */
typedef struct {
    X509 *const *certs;
    size_t n;
} cert_list;

static int
write_certs_pem(BIO *bio, const void *object)
{
    const cert_list *list = object;

    for (size_t i = 0; i < list->n; i++) {
        if (write_cert_pem(bio, list->certs[i]) != 1)
            return 0;
    }
    return 1;
}

iossl_status
iossl_certs_to_file(const char *file, X509 *const *certs, size_t n, iossl_error *err)
{
    const cert_list list = {certs, n};
    iossl_status status = IOSSL_ERROR;
    char *text;
    size_t len;

    text = encode(write_certs_pem, &list, IOSSL_E_CERT, "cert", &len, err);
    if (text != NULL)
        status = write_file(file, text, len, CERT_MODE, err);
    free(text);
    return status;
}

iossl_status
iossl_key_to_file(const char *file, const EVP_PKEY *key, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    char *text;
    size_t len;

    text = iossl_key_to_pem(key, &len, err);
    if (text != NULL)
        status = write_file(file, text, len, KEY_MODE, err);
    iossl_free_secret(text, len);
    return status;
}

void
iossl_free_secret(void *secret, size_t len)
{
    if (secret == NULL)
        return;
    OPENSSL_cleanse(secret, len);
    free(secret);
}
