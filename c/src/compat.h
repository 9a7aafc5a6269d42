/*
 * compat.h - every difference between the OpenSSLs and systems we build on, in one place.
 *
 * Owns      the feature tests; no other file asks for a version.
 * Promises  the names here mean the same on OpenSSL 1.1.1, 3.x and LibreSSL with the same API.
 */
#ifndef IOSSL_COMPAT_H
#define IOSSL_COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/opensslv.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "library.h"

/* The oldest OpenSSL with TLS 1.3, client_hello callbacks and SSL_CTX_set_post_handshake_auth. */
#if OPENSSL_VERSION_NUMBER < 0x10101000L && !defined(LIBRESSL_VERSION_NUMBER)
#error "libiossl needs OpenSSL 1.1.1 or newer"
#endif

#if OPENSSL_VERSION_NUMBER >= 0x30000000L && !defined(LIBRESSL_VERSION_NUMBER)
#define IOSSL_HAVE_OPENSSL3 1
#include <openssl/core_names.h>
#include <openssl/http.h>
#include <openssl/params.h>
#else
#include <openssl/hmac.h>
#endif

/* Certificate Transparency; LibreSSL has none. */
#if !defined(OPENSSL_NO_CT) && !defined(LIBRESSL_VERSION_NUMBER)
#define IOSSL_HAVE_CT 1
#include <openssl/ct.h>
#endif

/* DANE; LibreSSL has none. */
#ifndef LIBRESSL_VERSION_NUMBER
#define IOSSL_HAVE_DANE 1
#endif

/* What stands in the queue for an alert of the peer that OpenSSL has no reason of its own for. */
#ifndef SSL_R_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY
#define SSL_R_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY (SSL_AD_REASON_OFFSET + SSL_AD_UNKNOWN_PSK_IDENTITY)
#endif

/* The oldest entry of the error queue with its details; 0 where the queue is empty. */
static inline unsigned long
iossl_compat_get_error(const char **data, int *flags)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return ERR_get_error_all(NULL, NULL, NULL, data, flags);
#else
    return ERR_get_error_line_data(NULL, NULL, data, flags);
#endif
}

/* Does the queue tell more than that a system call failed? From 3.2 on, OpenSSL says that of the transport. */
static inline bool
iossl_compat_has_reason(void)
{
    unsigned long first = ERR_peek_error();

    return first != 0 && ERR_GET_LIB(first) != ERR_LIB_SYS;
}

/* Does the queue end with an algorithm that no provider has? Before OpenSSL 3 none of ours is missing. */
static inline bool
iossl_compat_lacks_algorithm(void)
{
#ifdef IOSSL_HAVE_OPENSSL3
    unsigned long last = ERR_peek_last_error();

    return ERR_GET_LIB(last) == ERR_LIB_EVP && ERR_GET_REASON(last) == ERR_R_UNSUPPORTED;
#else
    return false;
#endif
}

/* Kernel TLS: OpenSSL 3 has it, where it was built so. */
#if defined(SSL_OP_ENABLE_KTLS) && defined(BIO_CTRL_GET_KTLS_SEND) && !defined(OPENSSL_NO_KTLS)
#define IOSSL_HAVE_KTLS 1
#endif

static inline void
iossl_compat_enable_ktls(SSL *ssl)
{
#ifdef IOSSL_HAVE_KTLS
    (void)SSL_set_options(ssl, SSL_OP_ENABLE_KTLS);
#else
    (void)ssl;
#endif
}

/* ---- What is fetched by a library context; before OpenSSL 3 there is one, and no choice --------- */

static inline SSL_CTX *
iossl_compat_ssl_ctx_new(const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return SSL_CTX_new_ex(library->ctx, library->propq, TLS_method());
#else
    (void)library;
    return SSL_CTX_new(TLS_method());
#endif
}

static inline X509 *
iossl_compat_x509_new(const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return X509_new_ex(library->ctx, library->propq);
#else
    (void)library;
    return X509_new();
#endif
}

static inline PKCS12 *
iossl_compat_pkcs12_new(const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return PKCS12_init_ex(NID_pkcs7_data, library->ctx, library->propq);
#else
    (void)library;
    return PKCS12_new();
#endif
}

static inline EVP_PKEY *
iossl_compat_read_pem_key(BIO *bio, pem_password_cb *cb, void *arg, const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return PEM_read_bio_PrivateKey_ex(bio, NULL, cb, arg, library->ctx, library->propq);
#else
    (void)library;
    return PEM_read_bio_PrivateKey(bio, NULL, cb, arg);
#endif
}

static inline EVP_PKEY *
iossl_compat_read_der_key(BIO *bio, const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return d2i_PrivateKey_ex_bio(bio, NULL, library->ctx, library->propq);
#else
    (void)library;
    return d2i_PrivateKey_bio(bio, NULL);
#endif
}

/* What d2i_* and PEM_* then read into. */
static inline X509_CRL *
iossl_compat_crl_new(const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return X509_CRL_new_ex(library->ctx, library->propq);
#else
    (void)library;
    return X509_CRL_new();
#endif
}

static inline X509_STORE_CTX *
iossl_compat_store_ctx_new(const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return X509_STORE_CTX_new_ex(library->ctx, library->propq);
#else
    (void)library;
    return X509_STORE_CTX_new();
#endif
}

/* A key out of a decrypted or an encrypted PKCS#8. */
static inline PKCS8_PRIV_KEY_INFO *
iossl_compat_decrypt_pkcs8(const X509_SIG *sig, const char *password, int len,
                           const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return PKCS8_decrypt_ex(sig, password, len, library->ctx, library->propq);
#else
    (void)library;
    return PKCS8_decrypt(sig, password, len);
#endif
}

static inline EVP_PKEY *
iossl_compat_key_of_pkcs8(const PKCS8_PRIV_KEY_INFO *info, const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return EVP_PKCS82PKEY_ex(info, library->ctx, library->propq);
#else
    (void)library;
    return EVP_PKCS82PKEY(info);
#endif
}

/* Owned: iossl_compat_free_md() it. NULL: why is in the queue; before OpenSSL 3 there are none. */
static inline EVP_MD *
iossl_compat_fetch_md(const iossl_library *library, const char *name)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return EVP_MD_fetch(library->ctx, name, library->propq);
#else
    (void)library, (void)name;
    return NULL;
#endif
}

static inline void
iossl_compat_free_md(EVP_MD *md)
{
#ifdef IOSSL_HAVE_OPENSSL3
    EVP_MD_free(md);
#else
    (void)md;
#endif
}

/* Starts a cipher of AES in CBC mode; bits: of its key. */
static inline bool
iossl_compat_init_aes_cbc(EVP_CIPHER_CTX *cipher, int bits, const unsigned char *key,
                          const unsigned char *iv, int encrypts, const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    if (library->ctx != NULL || library->propq != NULL) {
        EVP_CIPHER *type = EVP_CIPHER_fetch(library->ctx, bits == 256 ? "AES-256-CBC" : "AES-128-CBC",
                                            library->propq);
        bool ok = type != NULL && EVP_CipherInit_ex(cipher, type, NULL, key, iv, encrypts) == 1;

        EVP_CIPHER_free(type);      /* the context has a reference of its own */
        return ok;
    }
#else
    (void)library;
#endif
    return EVP_CipherInit_ex(cipher, bits == 256 ? EVP_aes_256_cbc() : EVP_aes_128_cbc(), NULL, key, iv,
                             encrypts) == 1;
}

/* Is a response signed by this key? */
static inline bool
iossl_compat_verify_ocsp(const OCSP_BASICRESP *basic, EVP_PKEY *key, const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return ASN1_item_verify_ex(ASN1_ITEM_rptr(OCSP_RESPDATA), OCSP_resp_get0_tbs_sigalg(basic),
                               OCSP_resp_get0_signature(basic), OCSP_resp_get0_respdata(basic), NULL, key,
                               library->ctx, library->propq) == 1;
#else
    (void)basic, (void)key, (void)library;
    return false;
#endif
}

/* Has it what every handshake needs? False: why not is in the queue. */
static inline bool
iossl_compat_has_sha256(const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    EVP_MD *md = iossl_compat_fetch_md(library, "SHA2-256");

    EVP_MD_free(md);
    return md != NULL;
#else
    (void)library;
    return true;
#endif
}

static inline int
iossl_compat_random(const iossl_library *library, void *bytes, size_t len)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return RAND_bytes_ex(library->ctx, bytes, len, 0);
#else
    (void)library;
    return RAND_bytes(bytes, (int)len);
#endif
}

/* Opens an OSSL_STORE; NULL: why is in the queue. */
static inline OSSL_STORE_CTX *
iossl_compat_store_open(const char *uri, const UI_METHOD *ui, void *ui_arg,
                        const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return OSSL_STORE_open_ex(uri, library->ctx, library->propq, ui, ui_arg, NULL, NULL, NULL);
#else
    (void)library;
    return OSSL_STORE_open(uri, ui, ui_arg, NULL, NULL);
#endif
}

/* What a store calls a key: before OpenSSL 3 its loader of files gives public ones the same name. */
static inline bool
iossl_compat_is_private_key(const EVP_PKEY *key)
{
#ifdef IOSSL_HAVE_OPENSSL3
    (void)key;
    return true;
#else
    const RSA *rsa = EVP_PKEY_base_id(key) == EVP_PKEY_RSA ? EVP_PKEY_get0_RSA((EVP_PKEY *)(uintptr_t)key)
                                                           : NULL;
    PKCS8_PRIV_KEY_INFO *private;

    if (rsa != NULL)
        return RSA_get0_d(rsa) != NULL;     /* that of a public one could be written, too */
    private = EVP_PKEY2PKCS8((EVP_PKEY *)(uintptr_t)key);
    PKCS8_PRIV_KEY_INFO_free(private);
    return private != NULL;
#endif
}

/* Is there a loader for URIs of this scheme? Before OpenSSL 3 nothing tells but an attempt, and files
 * are all that it has by itself. */
static inline bool
iossl_compat_has_store(const char *scheme, const iossl_library *library)
{
#ifdef IOSSL_HAVE_OPENSSL3
    OSSL_STORE_LOADER *loader;

    (void)ERR_set_mark();
    loader = OSSL_STORE_LOADER_fetch(library->ctx, scheme, library->propq);
    (void)ERR_pop_to_mark();
    OSSL_STORE_LOADER_free(loader);
    return loader != NULL;
#else
    (void)library;
    return strcmp(scheme, "file") == 0;
#endif
}

/* Engines, see compat_engine.c. NULL: why is in the queue, if anything is. */
bool iossl_compat_has_engine(const char *name);
EVP_PKEY *iossl_compat_engine_key(const char *name, const char *id, UI_METHOD *ui, void *ui_arg);
X509 *iossl_compat_engine_cert(const char *name, const char *id);

/* The queue of a thread holds so many; older ones fall out (ERR_put_error(3)). */
#define IOSSL_COMPAT_MAX_ERRORS 16

/* Errors taken out of the queue, to be put back: OpenSSL can save them only from 3.2 on. */
typedef struct iossl_compat_errors {
    size_t n;
    unsigned long code[IOSSL_COMPAT_MAX_ERRORS];
    char *data[IOSSL_COMPAT_MAX_ERRORS];        /* owned; NULL: none, or no memory */
} iossl_compat_errors;

/* Empties the queue into errors; costs one look where it is empty, as it is nearly always. */
static inline void
iossl_compat_errors_take(iossl_compat_errors *errors)
{
    unsigned long code;
    const char *data;
    int flags;

    errors->n = 0;
    if (ERR_peek_error() == 0)
        return;
    while (errors->n < IOSSL_COMPAT_MAX_ERRORS
           && (code = iossl_compat_get_error(&data, &flags)) != 0) {
        errors->code[errors->n] = code;
        errors->data[errors->n++] =
            (flags & ERR_TXT_STRING) != 0 && data != NULL ? strdup(data) : NULL;
    }
}

/* Replaces what is in the queue by what was taken out of it. */
static inline void
iossl_compat_errors_put_back(iossl_compat_errors *errors)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
    for (size_t i = 0; i < errors->n; i++) {
        unsigned long code = errors->code[i];
        char *data = errors->data[i];

#ifdef IOSSL_HAVE_OPENSSL3
        ERR_new();
        ERR_set_error(ERR_GET_LIB(code), ERR_GET_REASON(code), data == NULL ? NULL : "%s", data);
#else
        ERR_put_error(ERR_GET_LIB(code), ERR_GET_FUNC(code), ERR_GET_REASON(code), "", 0);
        if (data != NULL)
            ERR_add_error_data(1, data);
#endif
        free(data);
    }
    errors->n = 0;
}

/* strerror_r(3) comes in two forms with one name. */
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
static inline void
iossl_compat_errno_text(char *buf, size_t size, int errnum)
{
    const char *text = strerror_r(errnum, buf, size);

    if (text != buf) {
        size_t len = strlen(text) < size ? strlen(text) : size - 1;

        memcpy(buf, text, len);
        buf[len] = '\0';
    }
}
#else
static inline void
iossl_compat_errno_text(char *buf, size_t size, int errnum)
{
    if (strerror_r(errnum, buf, size) != 0 && size > 0)
        buf[0] = '\0';
}
#endif

/* What the dup function of ex_data gets: from OpenSSL 3 on a void **, of the same meaning. */
#ifdef IOSSL_HAVE_OPENSSL3
typedef void **iossl_compat_ex_ptr;
#else
typedef void *iossl_compat_ex_ptr;
#endif

/* SHA-256, found once and for all: OpenSSL 3 searches its providers at each use of EVP_sha256(). The
 * caller's own, where it isn't the constant of older ones. NULL: not there. */
static inline const EVP_MD *
iossl_compat_fetch_sha256(void)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return EVP_MD_fetch(NULL, "SHA256", NULL);
#else
    return EVP_sha256();
#endif
}

/* The lists that OpenSSL has where none is set. */
static inline const char *
iossl_compat_default_ciphers(void)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return OSSL_default_cipher_list();
#else
    return SSL_DEFAULT_CIPHER_LIST;
#endif
}

static inline const char *
iossl_compat_default_ciphersuites(void)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return OSSL_default_ciphersuites();
#else
    return TLS_DEFAULT_CIPHERSUITES;
#endif
}

/* The peer's certificate with a reference of the caller's. */
static inline X509 *
iossl_compat_get1_peer_certificate(const SSL *ssl)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return SSL_get1_peer_certificate(ssl);
#else
    return SSL_get_peer_certificate(ssl);
#endif
}

/* "RSA", "EC", "ED25519", ...; false: unknown. */
static inline bool
iossl_compat_key_type(const EVP_PKEY *key, char *out, size_t size)
{
#ifdef IOSSL_HAVE_OPENSSL3
    const char *name = EVP_PKEY_get0_type_name(key);
#else
    int type = EVP_PKEY_base_id(key);
    const char *name = type == EVP_PKEY_RSA ? "RSA" : type == EVP_PKEY_EC ? "EC"
                       : type == EVP_PKEY_RSA_PSS ? "RSA-PSS" : type == EVP_PKEY_DSA ? "DSA"
                       : type == NID_undef ? NULL : OBJ_nid2sn(type);
#endif
    return name != NULL && snprintf(out, size, "%s", name) < (int)size;
}

/* The curve of an EC key; false: it is none, or has no name. */
static inline bool
iossl_compat_key_group(const EVP_PKEY *key, char *out, size_t size)
{
#ifdef IOSSL_HAVE_OPENSSL3
    size_t len;

    return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, out, size, &len) == 1;
#else
    const EC_KEY *ec = EVP_PKEY_base_id(key) == EVP_PKEY_EC ? EVP_PKEY_get0_EC_KEY((EVP_PKEY *)key)
                                                            : NULL;
    int nid = ec == NULL ? NID_undef : EC_GROUP_get_curve_name(EC_KEY_get0_group(ec));

    return nid != NID_undef && snprintf(out, size, "%s", OBJ_nid2sn(nid)) < (int)size;
#endif
}

/* The group that a handshake agreed on; NULL: none, as with RSA key exchange. */
static inline const char *
iossl_compat_group_name(SSL *ssl)
{
#ifdef IOSSL_HAVE_OPENSSL3
    int id = (int)SSL_get_negotiated_group(ssl);

    return id == NID_undef ? NULL : SSL_group_to_name(ssl, id);
#else
    static const struct {
        int nid;
        const char *name;       /* in the registry of TLS, where it isn't OpenSSL's */
    } GROUPS[] = {{NID_X25519, "x25519"}, {NID_X448, "x448"}, {NID_X9_62_prime256v1, "secp256r1"}};
    EVP_PKEY *key = NULL;
    char text[64];
    int nid;

    if (SSL_get_peer_tmp_key(ssl, &key) != 1)
        return NULL;
    nid = iossl_compat_key_group(key, text, sizeof text) ? OBJ_sn2nid(text) : EVP_PKEY_base_id(key);
    EVP_PKEY_free(key);
    for (size_t i = 0; i < sizeof GROUPS / sizeof GROUPS[0]; i++)
        if (GROUPS[i].nid == nid)
            return GROUPS[i].name;
    return OBJ_nid2sn(nid);
#endif
}

/* Diffie-Hellman parameters: an EVP_PKEY from OpenSSL 3 on, a DH before. NULL on failure. */
static inline EVP_PKEY *
iossl_compat_read_dh_params(FILE *f)
{
#ifdef IOSSL_HAVE_OPENSSL3
    BIO *bio = BIO_new_fp(f, BIO_NOCLOSE);
    EVP_PKEY *dh = bio == NULL ? NULL : PEM_read_bio_Parameters(bio, NULL);

    if (dh != NULL && !EVP_PKEY_is_a(dh, "DH") && !EVP_PKEY_is_a(dh, "DHX")) {
        EVP_PKEY_free(dh);
        dh = NULL;
    }
    BIO_free(bio);
    return dh;
#else
    DH *raw = PEM_read_DHparams(f, NULL, NULL, NULL);
    EVP_PKEY *dh = raw == NULL ? NULL : EVP_PKEY_new();

    if (dh != NULL && EVP_PKEY_assign_DH(dh, raw) == 1)
        return dh;
    EVP_PKEY_free(dh);
    DH_free(raw);
    return NULL;
#endif
}

/*
 * A copy of a DH handle that the program made. Its type is deprecated in OpenSSL 3, so it comes as
 * void *, and is reached through the one function that every version keeps.
 */
EVP_PKEY *iossl_compat_pkey_from_dh(void *dh);

/* Gives an SSL_CTX its own reference of DH parameters; false: refused. */
static inline bool
iossl_compat_set_dh(SSL_CTX *ssl_ctx, EVP_PKEY *dh)
{
#ifdef IOSSL_HAVE_OPENSSL3
    if (EVP_PKEY_up_ref(dh) != 1)
        return false;
    if (SSL_CTX_set0_tmp_dh_pkey(ssl_ctx, dh) == 1)
        return true;
    EVP_PKEY_free(dh);
    return false;
#else
    DH *raw = EVP_PKEY_get0_DH(dh);

    /* An empty one would be looked into. */
    return raw != NULL && DH_get0_p(raw) != NULL && DH_get0_g(raw) != NULL
           && SSL_CTX_set_tmp_dh(ssl_ctx, raw) == 1;
#endif
}

/* The curve of an elliptic-curve key; NID_undef: none with a name. */
static inline int
iossl_compat_curve_nid(const EVP_PKEY *key)
{
#ifdef IOSSL_HAVE_OPENSSL3
    char name[64];
    size_t len;

    return EVP_PKEY_get_group_name(key, name, sizeof name, &len) == 1 ? OBJ_txt2nid(name)
                                                                      : NID_undef;
#else
    const EC_KEY *ec = EVP_PKEY_get0_EC_KEY((EVP_PKEY *)(uintptr_t)key);

    return ec == NULL ? NID_undef : EC_GROUP_get_curve_name(EC_KEY_get0_group(ec));
#endif
}

/* When a session began, in seconds of the epoch; a long, which may end in 2038, before OpenSSL 3.3. */
static inline int64_t
iossl_compat_session_time(const SSL_SESSION *session)
{
#if OPENSSL_VERSION_NUMBER >= 0x30300000L && !defined(LIBRESSL_VERSION_NUMBER)
    return (int64_t)SSL_SESSION_get_time_ex(session);
#else
    return (int64_t)SSL_SESSION_get_time(session);
#endif
}

/* What authenticates session tickets: an HMAC by its own type before OpenSSL 3. */
#ifdef IOSSL_HAVE_OPENSSL3
typedef EVP_MAC_CTX iossl_compat_mac_ctx;
#else
typedef HMAC_CTX iossl_compat_mac_ctx;
#endif

static inline bool
iossl_compat_mac_init_sha256(iossl_compat_mac_ctx *mac, const unsigned char *key, size_t len)
{
#ifdef IOSSL_HAVE_OPENSSL3
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_END};

    return EVP_MAC_init(mac, key, len, params) == 1;
#else
    return HMAC_Init_ex(mac, key, (int)len, EVP_sha256(), NULL) == 1;
#endif
}

/* Before OpenSSL 3 a server of TLS 1.3 that has no ticket to give sends one that clients take for damaged. */
static inline bool
iossl_compat_has_to_send_ticket(const SSL *ssl)
{
#ifdef IOSSL_HAVE_OPENSSL3
    (void)ssl;
    return false;
#else
    return SSL_version(ssl) >= TLS1_3_VERSION;
#endif
}

/* name has 16 bytes, iv EVP_MAX_IV_LENGTH; see SSL_CTX_set_tlsext_ticket_key_evp_cb(3). */
typedef int (*iossl_compat_ticket_key_cb)(SSL *ssl, unsigned char *name, unsigned char *iv,
                                          EVP_CIPHER_CTX *cipher, iossl_compat_mac_ctx *mac,
                                          int encrypts);

static inline bool
iossl_compat_set_ticket_key_cb(SSL_CTX *ssl_ctx, iossl_compat_ticket_key_cb cb)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl_ctx, cb) == 1;
#else
    return SSL_CTX_set_tlsext_ticket_key_cb(ssl_ctx, cb) == 1;
#endif
}

/* An end of the stream without close_notify: an error of its own from OpenSSL 3 on. */
static inline int
iossl_compat_is_unexpected_eof(unsigned long code)
{
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
    return ERR_GET_LIB(code) == ERR_LIB_SSL
           && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
#else
    (void)code;
    return 0;
#endif
}

/*
 * OpenSSL's HTTP client, one POST of an OCSP request over a BIO that may want to be called again.
 * It had a name of its own only from OpenSSL 3 on.
 */
#ifdef IOSSL_HAVE_OPENSSL3
typedef OSSL_HTTP_REQ_CTX iossl_compat_http;
#else
typedef OCSP_REQ_CTX iossl_compat_http;
#endif

static inline void
iossl_compat_http_free(iossl_compat_http *http)
{
#ifdef IOSSL_HAVE_OPENSSL3
    OSSL_HTTP_REQ_CTX_free(http);
#else
    OCSP_REQ_CTX_free(http);
#endif
}

/* host, as the Host header has it, with its port; path: with the whole URI where a proxy is asked.
 * NULL: no memory. */
static inline iossl_compat_http *
iossl_compat_http_new(BIO *bio, const char *host, const char *path, OCSP_REQUEST *request,
                      unsigned long max_response)
{
#ifdef IOSSL_HAVE_OPENSSL3
    iossl_compat_http *http = OSSL_HTTP_REQ_CTX_new(bio, bio, 0);

    if (http != NULL) {
        OSSL_HTTP_REQ_CTX_set_max_response_length(http, max_response);
        if (OSSL_HTTP_REQ_CTX_set_request_line(http, 1, NULL, NULL, path) == 1
            && OSSL_HTTP_REQ_CTX_add1_header(http, "Host", host) == 1
            && OSSL_HTTP_REQ_CTX_set_expected(http, NULL, 1, 0, 0) == 1
            && OSSL_HTTP_REQ_CTX_set1_req(http, "application/ocsp-request",
                                          ASN1_ITEM_rptr(OCSP_REQUEST), (ASN1_VALUE *)request)
                   == 1)
            return http;
    }
#else
    iossl_compat_http *http = OCSP_sendreq_new(bio, path, NULL, 0);

    if (http != NULL) {
        OCSP_set_max_response_length(http, max_response);
        if (OCSP_REQ_CTX_add1_header(http, "Host", host) == 1
            && OCSP_REQ_CTX_set1_req(http, request) == 1)
            return http;
    }
#endif
    iossl_compat_http_free(http);
    return NULL;
}

/* 1: the response is there, 0: it failed, -1: the BIO has to be waited for. */
static inline int
iossl_compat_http_step(iossl_compat_http *http)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return OSSL_HTTP_REQ_CTX_nbio(http);
#else
    return OCSP_REQ_CTX_nbio(http);
#endif
}

/* The body of the response. Borrowed. */
static inline BIO *
iossl_compat_http_get0_body(iossl_compat_http *http)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return OSSL_HTTP_REQ_CTX_get0_mem_bio(http);
#else
    return OCSP_REQ_CTX_get0_mem_bio(http);
#endif
}

/* The proxy to reach this host through, where this is the one configured; NULL: none is needed. */
static inline const char *
iossl_compat_http_proxy(const char *proxy, const char *host)
{
#ifdef IOSSL_HAVE_OPENSSL3
    return proxy == NULL ? NULL : OSSL_HTTP_adapt_proxy(proxy, NULL, host, 0);
#else
    (void)proxy;
    (void)host;
    return NULL;
#endif
}

#endif
