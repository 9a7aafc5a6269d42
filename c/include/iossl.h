/*
 * iossl.h - libiossl: TLS connections that are verified unless you say otherwise.
 *
 * A verified client:
 *
 *     iossl_error *err = iossl_error_new();
 *     iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
 *     iossl_ctx *ctx = iossl_ctx_new(config, err);
 *
 *     if (iossl_connect(&conn, ctx, "www.example.org", "443", 10000, err) != IOSSL_OK) {
 *         fprintf(stderr, "%s\n", iossl_error_message(err));
 *         return 1;
 *     }
 *     iossl_write_all(conn, "GET / HTTP/1.0\r\n\r\n", 18, NULL, 10000, err);
 *     while (iossl_read(conn, buf, sizeof buf, &got, 10000, err) == IOSSL_OK)
 *         fwrite(buf, 1, got, stdout);
 *     iossl_conn_free(conn);
 *     iossl_ctx_free(ctx);
 *     iossl_config_free(config);
 *     iossl_error_free(err);
 *
 * Rules that hold everywhere
 *
 *   Ownership  _new gives an object that the caller frees with the matching _free; _up_ref adds a
 *              reference; _get0_ lends a pointer that lives as long as the object asked; _get1_
 *              gives a reference that the caller frees. Every _free accepts NULL. Strings given
 *              out as char * are freed with iossl_free(). Strings taken in are copied.
 *   Errors     every call that can fail takes an iossl_error *, which may be NULL; on success it
 *              is left as it was. Outputs are cleared first. Where making a config, context or
 *              transport failed, what would be made of it takes the NULL and fails, too; err keeps
 *              the first reason. The OpenSSL error queue of the calling thread is empty after every
 *              function.
 *   Times      timeouts are milliseconds, relative to the call; see IOSSL_FOREVER and IOSSL_AS_FD.
 *   Threads    a config, a connection, a transport and an error belong to one thread at a time; a
 *              context, a suffix list and a set of pins are immutable and may be shared freely.
 *              Nothing here is global but one-time initialization and the cache of CA bundles.
 *   Strings    host names and file names are NUL-terminated; where a NUL inside could matter, a
 *              length is taken.
 */
#ifndef IOSSL_H
#define IOSSL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define IOSSL_API __attribute__((visibility("default")))
#define IOSSL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define IOSSL_MUST_CHECK __attribute__((warn_unused_result))
#else
#define IOSSL_API
#define IOSSL_PRINTF(fmt, args)
#define IOSSL_MUST_CHECK
#endif

/* ---- Library ------------------------------------------------------------------------------ */

#define IOSSL_VERSION_TEXT "3.000"

/* The version of libiossl that is running, as "3.000". Borrowed, never NULL. */
IOSSL_API const char *iossl_version(void);

/* The version text of the OpenSSL that is running, as "OpenSSL 3.0.19 27 Jan 2026". Borrowed. */
IOSSL_API const char *iossl_openssl_version(void);

/* What the OpenSSL we run on can do. */
typedef enum {
    IOSSL_CAN_SNI,
    IOSSL_CAN_ALPN,
    IOSSL_CAN_NPN,
    IOSSL_CAN_OCSP,
    IOSSL_CAN_TICKET_KEYS,
    IOSSL_CAN_POST_HANDSHAKE_AUTH,
    IOSSL_CAN_PARTIAL_CHAIN,
    IOSSL_CAN_CIPHERSUITES,
    IOSSL_CAN_PSK,
    IOSSL_CAN_TLS13,
    IOSSL_CAN_KEYLOG,
    IOSSL_CAN_KEY_UPDATE,
    IOSSL_CAN_EARLY_DATA,
    IOSSL_CAN_DANE,
    IOSSL_CAN_SCTS,
    IOSSL_CAN_KTLS,
    IOSSL_CAN_LIBRARY
} iossl_feature;
IOSSL_API bool iossl_can(iossl_feature feature);
/* Does it know this group, as "X25519MLKEM768"; this signature algorithm, as "ECDSA+SHA256"? */
IOSSL_API bool iossl_can_group(const char *name);
IOSSL_API bool iossl_can_sigalg(const char *name);
/* Can it load from such URIs, as "pkcs11:"? By a store of OpenSSL's or of a provider, or by an engine. */
IOSSL_API bool iossl_can_uri(const char *uri);

/* Frees what this library gave out as char * or void *. NULL is a no-op. */
IOSSL_API void iossl_free(void *p);

/* Milliseconds on the monotonic clock, for callers that compute their own deadlines. */
IOSSL_API int64_t iossl_now_ms(void);

/* ---- Results ------------------------------------------------------------------------------ */

typedef enum {
    IOSSL_OK = 0,
    IOSSL_WANT_READ,    /* nothing lost: wait until the transport is readable, call again        */
    IOSSL_WANT_WRITE,   /* nothing lost: wait until the transport is writable, call again        */
    IOSSL_EOF,          /* the peer ended the stream with a close_notify                         */
    IOSSL_TIMEOUT,      /* nothing lost: the time given is up; may be called again               */
    IOSSL_INTERRUPTED,  /* nothing lost: a signal arrived while waiting, or the peer sends without
                         * end what is no data; may be called again                              */
    IOSSL_ERROR         /* the error object says why                                             */
} iossl_status;

/* Timeouts of calls on connections, in milliseconds, or one of these. */
#define IOSSL_POLL    INT64_C(0)   /* one step, never wait                                        */
#define IOSSL_FOREVER INT64_C(-1)  /* wait as long as it takes                                    */
#define IOSSL_AS_FD   INT64_C(-2)  /* as the descriptor is: wait in read(2)/write(2) if it is in
                                    * blocking mode, IOSSL_WANT_* if it isn't; costs no system call
                                    * beyond the transfer itself                                  */

/* ---- Errors ------------------------------------------------------------------------------- */

/* What went wrong. One owner, used for call after call; belongs to one thread at a time. What it
 * lends (texts) holds until it is set, cleared or freed. */
typedef struct iossl_error iossl_error;

typedef enum {
    IOSSL_E_NONE = 0,
    IOSSL_E_MEMORY,       /* an allocation failed                                              */
    IOSSL_E_USAGE,        /* the program's mistake: an argument that can never work            */
    IOSSL_E_OPTION,       /* an option's value is refused by this library or by OpenSSL        */
    IOSSL_E_UNSUPPORTED,  /* the OpenSSL in use can't do what was asked                        */
    IOSSL_E_FILE,         /* a file can't be opened or read; the errno is kept                 */
    IOSSL_E_CERT,         /* certificate unusable: format, content, chain                      */
    IOSSL_E_KEY,          /* private key unusable, encrypted without password, or not matching */
    IOSSL_E_CA,           /* trust anchors can't be loaded                                     */
    IOSSL_E_CRL,          /* a revocation list can't be loaded                                 */
    IOSSL_E_HANDSHAKE,    /* the handshake failed, other than by verification                  */
    IOSSL_E_VERIFY,       /* the peer's certificate chain was refused                          */
    IOSSL_E_NAME,         /* chain good, but the certificate is for another name               */
    IOSSL_E_NO_NAME,      /* no name to verify against was given                               */
    IOSSL_E_PIN,          /* no fingerprint matched and one was required                       */
    IOSSL_E_REVOKED,      /* revoked, or a required proof of non-revocation is missing         */
    IOSSL_E_READ,
    IOSSL_E_WRITE,
    IOSSL_E_TRUNCATED,    /* the transport ended without close_notify                          */
    IOSSL_E_SHUTDOWN,
    IOSSL_E_STATE,        /* the call isn't possible in the state that the object is in        */
    IOSSL_E_SYSTEM,       /* a system call failed; the errno is kept                           */
    IOSSL_E_CALLBACK,     /* a callback of the program asked to stop                           */
    IOSSL_E_RESOLVE,      /* a host name has no address, or the resolver doesn't answer        */
    IOSSL_E_CONNECT,      /* no address of the host could be connected to; the errno is kept   */
    IOSSL_E_TIMEOUT       /* iossl_connect(): the time was up, before what the sentence says   */
} iossl_error_code;

/*
 * How specific an error is. An error object keeps the most specific one it was given since it was
 * cleared, and of equally specific ones the latest: so the root cause survives the vaguer errors
 * that follow from it.
 */
typedef enum {
    IOSSL_RANK_FALLBACK = 0,  /* "something failed"                                             */
    IOSSL_RANK_IO = 4,        /* what OpenSSL or the system said                                */
    IOSSL_RANK_IDENTITY = 5,  /* wrong name, revoked                                            */
    IOSSL_RANK_NO_NAME = 8,   /* nothing to verify against                                      */
    IOSSL_RANK_FATAL = 9      /* could never have worked                                        */
} iossl_error_rank;

/* A new, empty error; NULL where memory is out (which every function accepts). */
IOSSL_API iossl_error *iossl_error_new(void);
IOSSL_API void iossl_error_free(iossl_error *err);
/* Empties it. NULL is a no-op, here and below. */
IOSSL_API void iossl_error_clear(iossl_error *err);
/* IOSSL_E_NONE where nothing is set or err is NULL. */
IOSSL_API iossl_error_code iossl_error_get_code(const iossl_error *err);
IOSSL_API iossl_error_rank iossl_error_get_rank(const iossl_error *err);
/* The errno that belongs to the error, 0 where none does. */
IOSSL_API int iossl_error_get_errno(const iossl_error *err);
/* The X509_V_ERR_* code of a failed verification (X509_STORE_CTX_get_error(3)), else 0. */
IOSSL_API int iossl_error_get_verify_code(const iossl_error *err);
/* The whole sentence, OpenSSL's reasons included. Borrowed until err changes; "" where none. */
IOSSL_API const char *iossl_error_message(const iossl_error *err);
/* Only what OpenSSL had queued, oldest first, separated by blanks; "" where nothing. Borrowed. */
IOSSL_API const char *iossl_error_reasons(const iossl_error *err);

/*
 * What the error is about, each NULL (-1) where there is no such thing. All is borrowed until err
 * changes. iossl_conn_diagnose() tells everything that is wrong with a chain.
 */
/* "verify", "name", "handshake", ...: IOSSL_E_* in lower case. A constant, never NULL. */
IOSSL_API const char *iossl_error_code_name(iossl_error_code code);
/* The alert (SSL_AD_*) that ended the handshake or connection, and which side has sent it. */
IOSSL_API int iossl_error_get_alert(const iossl_error *err, bool *was_sent);
/* The certificate that was refused, and its place in the chain: 0 is the leaf. */
IOSSL_API X509 *iossl_error_get0_cert(const iossl_error *err, int *depth);
/* As the peer sent it, leaf first, where it was refused. */
IOSSL_API STACK_OF(X509) *iossl_error_get0_chain(const iossl_error *err);
/* The name that was held against the certificate, and where the program had it from (NULL: not told,
 * see iossl_conn_set_verify_name_source()). source may be NULL. */
IOSSL_API const char *iossl_error_get0_name(const iossl_error *err, const char **source);
/* What to do, in the words of IO::Socket::SSL's options. */
IOSSL_API const char *iossl_error_get0_remedy(const iossl_error *err);

/*
 * Sets an error of the program's own, as from a callback or a transport.
 * Ignored where err already holds an error of a higher rank.
 */
IOSSL_API void iossl_error_set(iossl_error *err, iossl_error_code code, iossl_error_rank rank,
                               const char *fmt, ...) IOSSL_PRINTF(4, 5);
/* The same, with the errno given; its text is appended as ": No such file or directory". */
IOSSL_API void iossl_error_set_errno(iossl_error *err, iossl_error_code code, iossl_error_rank rank,
                                     int errnum, const char *fmt, ...) IOSSL_PRINTF(5, 6);
/* The same, with all that OpenSSL has queued in this thread appended as " error:... error:...";
 * the queue is empty afterwards, even where err is NULL. */
IOSSL_API void iossl_error_set_openssl(iossl_error *err, iossl_error_code code,
                                       iossl_error_rank rank, const char *fmt, ...)
    IOSSL_PRINTF(4, 5);
/* Copies src over dst by the same rule of ranks. */
IOSSL_API void iossl_error_copy(iossl_error *dst, const iossl_error *src);

/* ---- International names (RFC 3492, UTS #46 non-transitional, IDNA 2008) ------------------- */

/*
 * Converts a host name to its ASCII form (A-labels). ASCII input comes back lower-cased.
 *
 * out   the ASCII form, iossl_free() it; NULL on failure.
 * utf8  the name, len bytes of UTF-8, no NUL inside.
 *
 * IOSSL_OK, or IOSSL_ERROR with IOSSL_E_OPTION: not UTF-8, a NUL, a disallowed code point, a label
 * over 63 or a name over 253 bytes.
 */
IOSSL_API iossl_status iossl_idn_to_ascii(char **out, const char *utf8, size_t len,
                                          iossl_error *err);
/* The way back, A-labels to UTF-8; labels that don't decode stay as they are. Same conventions. */
IOSSL_API iossl_status iossl_idn_to_unicode(char **out, const char *ascii, size_t len,
                                            iossl_error *err);

/* ---- Public suffixes (https://publicsuffix.org/list/) -------------------------------------- */

/* A list of suffixes. Immutable once in use, then shared by any number of threads; it has to outlive
 * the configs, contexts and connections that it was given to. */
typedef struct iossl_psl iossl_psl;

/* Which part of the list: the ICANN section alone, or the private section (as github.io) too. */
typedef enum { IOSSL_PSL_ICANN = 1, IOSSL_PSL_PRIVATE = 2, IOSSL_PSL_ALL = 3 } iossl_psl_sections;

/*
 * The list that is compiled in. Costs no memory and no time: the object is a constant.
 * Never NULL; freeing it is a no-op.
 */
IOSSL_API const iossl_psl *iossl_psl_builtin(iossl_psl_sections sections);
/*
 * A list from text in the syntax of publicsuffix.org (comments, "*." and "!" rules; UTF-8 or
 * A-labels). text may be thrown away afterwards.
 */
IOSSL_API iossl_psl *iossl_psl_new_from_string(const char *text, size_t len, iossl_error *err);
/* The compiled-in list as an object of the caller's, to be set and freed. */
IOSSL_API iossl_psl *iossl_psl_new_builtin(iossl_psl_sections sections, iossl_error *err);
/* NULL and the constants of iossl_psl_builtin() are a no-op. */
IOSSL_API void iossl_psl_free(iossl_psl *psl);
/* How many labels count as the suffix where no rule matches, when names are verified: 1 unless set
 * otherwise. Only of lists that were made with _new, before anyone else uses them. */
IOSSL_API void iossl_psl_set_min_suffix(iossl_psl *psl, size_t min_suffix);
IOSSL_API size_t iossl_psl_get_min_suffix(const iossl_psl *psl);
/*
 * How many labels of the host name make up its public suffix: the longest matching rule, an
 * exception rule one label less; where no rule matches, min_suffix (1: the last label, which is
 * the list's own default rule "*"). Never more labels than the name has.
 *
 * psl   IOSSL_PSL_NONE: a list without rules.
 * host  ASCII (A-labels), len bytes, case is ignored, one trailing dot is allowed.
 */
IOSSL_API size_t iossl_psl_suffix_labels(const iossl_psl *psl, const char *host, size_t len,
                                         size_t min_suffix);

/* ---- Verification schemes (RFC 6125, RFC 9525, and each protocol's own RFC) ---------------- */

typedef enum {
    IOSSL_WILDCARD_NONE = 0,
    IOSSL_WILDCARD_FULL_LABEL,  /* *.example.org                                                 */
    IOSSL_WILDCARD_ANYWHERE     /* also www*.example.org, in the leftmost label                  */
} iossl_wildcards;

typedef enum {
    IOSSL_CN_NEVER = 0,
    IOSSL_CN_WHEN_ONLY,         /* only where no dNSName is among the subjectAltNames             */
    IOSSL_CN_ALWAYS
} iossl_check_cn;

typedef enum {
    IOSSL_IP_IN_CN_NO = 0,
    IOSSL_IP_IN_CN_ANY = 1,
    IOSSL_IP_IN_CN_V4 = 4,
    IOSSL_IP_IN_CN_V6 = 6
} iossl_ip_in_cn;

typedef enum {
    IOSSL_NAME_MATCH = 1,
    IOSSL_NAME_MISMATCH = 0,
    IOSSL_NAME_UNUSABLE = -1    /* the identity is no host name and no address                   */
} iossl_match;

/*
 * Decides instead of the rules. identity has its trailing dots stripped, case kept; the
 * certificate is borrowed.
 */
typedef iossl_match (*iossl_name_callback)(void *arg, const char *identity, X509 *cert);

typedef struct iossl_scheme {
    iossl_wildcards wildcards_in_alt;
    iossl_wildcards wildcards_in_cn;
    iossl_check_cn check_cn;
    iossl_ip_in_cn ip_in_cn;
    bool accept_any;                /* scheme "none": every name is fine                         */
    iossl_name_callback callback;   /* where set, nothing else of the scheme counts              */
    void *callback_arg;
} iossl_scheme;

/* A predefined scheme by its name ("http", "smtp", "rfc2818", ...); NULL where unknown. Constant. */
IOSSL_API const iossl_scheme *iossl_scheme_by_name(const char *name);

/* Instead of a list: no public suffix rule for wildcards. */
#define IOSSL_PSL_NONE ((const iossl_psl *)-1)

/*
 * Would this certificate do for this identity?
 *
 * identity  host name (any script, UTF-8) or IP address (v6 without brackets), len bytes.
 * cert      borrowed, unchanged.
 * scheme    NULL means iossl_scheme_by_name("default").
 * psl       NULL: the built-in ICANN list; IOSSL_PSL_NONE: don't check.
 * err       on a mismatch, IOSSL_E_NAME and a sentence with the identity and the names that the
 *           certificate has; on an unusable identity IOSSL_E_NAME with the reason.
 */
IOSSL_API iossl_match iossl_verify_name(const char *identity, size_t len, X509 *cert,
                                        const iossl_scheme *scheme, const iossl_psl *psl,
                                        iossl_error *err);
/*
 * The rule under it: does one pattern of a certificate match one ASCII host name? Pure.
 * A partial wildcard never matches an A-label (RFC 6125 section 6.4.3), wherever the star stands.
 */
IOSSL_API bool iossl_name_matches(const char *pattern, size_t pattern_len, const char *host,
                                  size_t host_len, iossl_wildcards wildcards,
                                  const iossl_psl *psl);

/* ---- Reading certificates ------------------------------------------------------------------ */

/* Subject and issuer on one line as "/C=DE/CN=example.org". iossl_free() them; NULL: no memory. */
IOSSL_API char *iossl_cert_subject(const X509 *cert);
IOSSL_API char *iossl_cert_issuer(const X509 *cert);
/* The last commonName of the subject in UTF-8, len bytes (NULs are kept) and a NUL after them;
 * NULL where there is none. iossl_free() it. */
IOSSL_API char *iossl_cert_common_name(const X509 *cert, size_t *len);
/*
 * Calls fn for each subjectAltName in order. type is GEN_DNS, GEN_EMAIL, GEN_URI (text), GEN_IPADD
 * (4 or 16 bytes), GEN_DIRNAME (one-line text), GEN_RID (dotted text); otherName, x400 and ediParty
 * are passed over. value is borrowed during the call. fn returns false to stop.
 */
typedef bool (*iossl_altname_fn)(void *arg, int type, const unsigned char *value, size_t len);
IOSSL_API void iossl_cert_altnames(const X509 *cert, iossl_altname_fn fn, void *arg);

/* ---- Fingerprints -------------------------------------------------------------------------- */

/*
 * The digest of a certificate (DER) or of its public key's bits (X509_pubkey_digest(3)).
 *
 * algorithm  any digest OpenSSL knows, as "sha256"; NULL means sha256.
 * digest     EVP_MAX_MD_SIZE bytes; *len tells how many are used.
 *
 * IOSSL_ERROR with IOSSL_E_USAGE "Digest algorithm X is not available" where it is unknown.
 */
IOSSL_API iossl_status iossl_cert_digest(const X509 *cert, const char *algorithm, bool pubkey,
                                         unsigned char digest[EVP_MAX_MD_SIZE], size_t *len,
                                         iossl_error *err);
/* The same as text: "sha256$<hex>" or "sha256$pub$<hex>", lower case; for the algorithm "sha256//",
 * "sha256//<base64>", of the whole subjectPublicKeyInfo, as RFC 7469 and curl pin it. iossl_free() it. */
IOSSL_API iossl_status iossl_cert_fingerprint(char **out, const X509 *cert, const char *algorithm,
                                              bool pubkey, iossl_error *err);

/*
 * TLSA records of a server, which the program has looked up and knows to be genuine (DNSSEC; RFC 6698, RFC
 * 7671). Built by one owner, immutable once a config or connection has it.
 */
typedef struct iossl_tlsa iossl_tlsa;
/* An empty set; NULL: no memory. */
IOSSL_API iossl_tlsa *iossl_tlsa_new(iossl_error *err);
IOSSL_API iossl_tlsa *iossl_tlsa_up_ref(iossl_tlsa *tlsa);
IOSSL_API void iossl_tlsa_free(iossl_tlsa *tlsa);
/*
 * Adds a record: usage 0 to 3 (PKIX-TA, PKIX-EE, DANE-TA, DANE-EE), selector 0 (certificate) or 1 (public
 * key), matching 0 (all of it), 1 (SHA-256) or 2 (SHA-512); or its text as DNS has it, "3 1 1 ab12...".
 * Higher numbers are passed over. IOSSL_E_OPTION: it is none, or its data don't fit.
 */
IOSSL_API iossl_status iossl_tlsa_add(iossl_tlsa *tlsa, int usage, int selector, int matching,
                                      const void *data, size_t len, iossl_error *err);
IOSSL_API iossl_status iossl_tlsa_add_text(iossl_tlsa *tlsa, const char *text, iossl_error *err);
/* How many can be used. */
IOSSL_API size_t iossl_tlsa_count(const iossl_tlsa *tlsa);
/* The record of a certificate, to be put into DNS: "3 1 1 ab12...". iossl_free() it. */
IOSSL_API iossl_status iossl_cert_tlsa(char **out, const X509 *cert, int usage, int selector,
                                       int matching, iossl_error *err);

/* A set of fingerprints; built by one owner, immutable once a config or connection has it. */
typedef struct iossl_pins iossl_pins;
/* An empty set; NULL: no memory. */
IOSSL_API iossl_pins *iossl_pins_new(iossl_error *err);
IOSSL_API iossl_pins *iossl_pins_up_ref(iossl_pins *pins);
IOSSL_API void iossl_pins_free(iossl_pins *pins);
/*
 * Adds "algo$hex", "algo$pub$hex" or bare hex (md5, sha1 or sha256 by its length); colons are
 * ignored, case too. Or "algo//base64" of the subjectPublicKeyInfo; of these several, with ";" between
 * them. IOSSL_E_OPTION where it can't be read, or its length doesn't fit the digest;
 * IOSSL_E_USAGE "Digest algorithm X is not available".
 */
IOSSL_API iossl_status iossl_pins_add(iossl_pins *pins, const char *text, iossl_error *err);
/* How many were added, duplicates included. */
IOSSL_API size_t iossl_pins_count(const iossl_pins *pins);
/* True where one of them is the fingerprint of this certificate. Compares in constant time. */
IOSSL_API bool iossl_pins_match(const iossl_pins *pins, const X509 *cert);

/* ---- Certificates and keys from files ------------------------------------------------------ */

/*
 * Asks for the password of an encrypted key or PKCS#12 file: writes at most size bytes without a
 * NUL into buf and returns how many, or -1 to give up. buf is cleansed by the caller.
 */
typedef int (*iossl_passwd_cb)(void *arg, char *buf, int size);

/* A certificate, the chain that goes with it, and the key where the file had it. */
typedef struct iossl_identity {
    X509 *cert;
    STACK_OF(X509) *chain;   /* without cert; NULL where empty                                    */
    EVP_PKEY *key;           /* NULL where the file had none                                      */
    bool is_pem;             /* the key may be in the same file                                   */
} iossl_identity;

/*
 * Loads a certificate file, or URI (see iossl_config_add_cert_file()): PEM (with chain), DER (one certificate) or PKCS#12 (with key; its
 * password is first tried empty, then asked for).
 *
 * cb    NULL: encrypted PKCS#12 files fail.
 * IOSSL_E_FILE with errno where it can't be read, else IOSSL_E_CERT with what each format said.
 */
IOSSL_API iossl_status iossl_identity_load(iossl_identity **out, const char *file,
                                           iossl_passwd_cb cb, void *arg, iossl_error *err);
/* Frees all that it holds. NULL is a no-op. */
IOSSL_API void iossl_identity_free(iossl_identity *identity);
/*
 * Loads a private key, PEM or DER. cb NULL: OpenSSL's own prompt on the terminal.
 * IOSSL_E_FILE, or IOSSL_E_KEY with the reason.
 */
IOSSL_API iossl_status iossl_key_load(EVP_PKEY **out, const char *file, iossl_passwd_cb cb,
                                      void *arg, iossl_error *err);

/* ---- Describing and making certificates ---------------------------------------------------- */

/* A part of a name: in the order of the certificate, each occurrence on its own. */
typedef struct iossl_name_part {
    const char *name;       /* long name, as "commonName"; dotted where OpenSSL has none         */
    int nid;                /* NID_undef (0) where unknown                                       */
    const char *value;      /* len bytes and a NUL                                               */
    size_t len;
    bool is_utf8;           /* false: no text, these are the bytes as they stand                 */
} iossl_name_part;

/* A subjectAltName. */
typedef struct iossl_altname {
    int type;               /* GEN_DNS, GEN_IPADD, ... (X509V3(3))                               */
    const char *type_name;  /* OTHERNAME EMAIL DNS X400 DIRNAME EDIPARTY URI IP or RID           */
    const char *value;      /* len bytes and a NUL; IP as "192.0.2.1" or "2001:db8::1", RID dotted,
                             * DIRNAME as "/C=DE/CN=x", OTHERNAME if its value is a string. NULL:
                             * it has no form as text                                            */
    size_t len;
    const unsigned char *der; /* the whole GeneralName: for iossl_certgen_add_altname_der()      */
    size_t der_len;
} iossl_altname;

/* An identifier. */
typedef struct iossl_oid {
    const char *oid;        /* dotted                                                            */
    int nid;                /* NID_undef (0) where unknown; then both names are NULL             */
    const char *sn;         /* short name, as "serverAuth"; own objects may lack one (OBJ_create) */
    const char *ln;         /* long name, as "TLS Web Server Authentication"; the same           */
} iossl_oid;

typedef struct iossl_extension {
    iossl_oid id;
    bool critical;
    const char *text;       /* as OpenSSL prints it, text_len bytes and a NUL; NULL where it can't:
                             * unknown, or malformed                                             */
    size_t text_len;
    const unsigned char *der; /* the value as it stands, len der_len                             */
    size_t der_len;
} iossl_extension;

/* A time that the certificate has in no readable form. */
#define IOSSL_NO_TIME INT64_MIN

/*
 * What a certificate says. Lists have a count beside them and are NULL where it is 0. What is
 * malformed is left out where there is no honest form for it; it stays in extensions, as bytes.
 */
typedef struct iossl_certinfo {
    long version;                       /* 2 means v3                                            */
    const char *serial;                 /* decimal; of more than 512 bytes, hex after "0x"       */
    int64_t not_before, not_after;      /* seconds since 1970, or IOSSL_NO_TIME                  */
    const iossl_name_part *subject, *issuer;
    size_t n_subject, n_issuer;
    const char *signature_alg;          /* long name, as "sha256WithRSAEncryption", or dotted    */
    const char *key_type;               /* "RSA", "EC", "ED25519", ...; NULL: OpenSSL can't read it */
    int key_bits;                       /* 0: it can't be told                                   */
    const char *key_group;              /* of EC keys, as "prime256v1"; NULL: none               */
    bool has_altnames;                  /* the extension is there, be it empty                   */
    const iossl_altname *altnames;
    size_t n_altnames;
    const char *const *crl_uris;        /* of all distribution points                            */
    size_t n_crl_uris;
    const char *const *ocsp_uris;       /* of authorityInfoAccess                                */
    size_t n_ocsp_uris;
    const char *const *issuer_uris;     /* of authorityInfoAccess: where the issuer's certificate is */
    size_t n_issuer_uris;
    const char *const *key_usage;       /* "digitalSignature", ... in the order of RFC 5280      */
    size_t n_key_usage;
    const iossl_oid *ext_key_usage;
    size_t n_ext_key_usage;
    const iossl_extension *extensions;  /* all, in order                                         */
    size_t n_extensions;
} iossl_certinfo;

/* Describes a certificate, in memory of its own: cert may go. Never fails but for want of memory,
 * whatever is in the certificate. Digests are iossl_cert_digest()'s. */
IOSSL_API iossl_certinfo *iossl_certinfo_new(const X509 *cert, iossl_error *err);
IOSSL_API void iossl_certinfo_free(iossl_certinfo *info);

/* A new key; EVP_PKEY_free() it. NULL with IOSSL_E_OPTION where OpenSSL refuses the size. */
IOSSL_API EVP_PKEY *iossl_key_new_rsa(unsigned int bits, iossl_error *err);
/* curve: any that OpenSSL names ("prime256v1", "P-256", "secp384r1", ...), by name, object identifier
 * or OpenSSL's number, or "ED25519", "ED448", "X25519", "X448", in any case. NULL with IOSSL_E_OPTION
 * "unknown curve X". */
IOSSL_API EVP_PKEY *iossl_key_new_ec(const char *curve, iossl_error *err);

/*
 * What a certificate will be; mutable, one owner. Strings are copied, handles up-ref'ed. What isn't
 * set is: subject "O=IO::Socket::SSL, CN=IO::Socket::SSL Test", valid for 365 days from now, a
 * random serial number, version 2 (v3), sha256, a new RSA key of 2048 bits, self-signed, for TLS
 * clients and servers.
 *
 * A v3 certificate gets in this order: subjectKeyIdentifier, authorityKeyIdentifier (empty where
 * self-signed), subjectAltName, basicConstraints (critical), keyUsage (critical), nsCertType,
 * extendedKeyUsage, then what iossl_certgen_add_extension() named.
 *
 * Setters: IOSSL_E_OPTION where the value is refused, IOSSL_E_MEMORY; the old value stands then.
 */
typedef struct iossl_certgen iossl_certgen;
IOSSL_API iossl_certgen *iossl_certgen_new(iossl_error *err);
IOSSL_API void iossl_certgen_free(iossl_certgen *gen);
/*
 * Takes over all that a certificate says: names, serial number, times, digest and extensions byte
 * by byte; but not its key, issuer and key identifiers. Later calls override. As it implies
 * iossl_certgen_set_plain(), purposes add nothing.
 */
IOSSL_API iossl_status iossl_certgen_copy(iossl_certgen *gen, const X509 *cert, iossl_error *err);
/*
 * After iossl_certgen_copy(), where somebody else signs the copy: leaves out the extensions in which
 * the original issuer speaks (authorityInfoAccess, certificatePolicies, CRL distribution points and
 * freshest CRL, certificate transparency), promises a staple that only it can give (TLS feature),
 * and those that OpenSSL doesn't know.
 */
IOSSL_API void iossl_certgen_forget_issuer(iossl_certgen *gen);
/* An empty subject from now on: without parts, or with those that are added. */
IOSSL_API iossl_status iossl_certgen_clear_subject(iossl_certgen *gen, iossl_error *err);
/* Adds a part to the subject; the first one replaces the default. name: short, long or dotted;
 * value: UTF-8, else T61 (Latin-1), len bytes. "failed to add entry for NAME - reason". */
IOSSL_API iossl_status iossl_certgen_add_subject(iossl_certgen *gen, const char *name,
                                                 const char *value, size_t len, iossl_error *err);
/* Seconds since 1970, for years 0 to 9999. */
IOSSL_API iossl_status iossl_certgen_set_not_before(iossl_certgen *gen, int64_t time,
                                                    iossl_error *err);
IOSSL_API iossl_status iossl_certgen_set_not_after(iossl_certgen *gen, int64_t time,
                                                   iossl_error *err);
/* Decimal, or hexadecimal after "0x". NULL or zero: 32 random bits, anew for each certificate. */
IOSSL_API iossl_status iossl_certgen_set_serial(iossl_certgen *gen, const char *serial,
                                                iossl_error *err);
/* 0 (v1), 1 or 2 (v3). Only v3 has extensions (RFC 5280 section 4.1.2.9): in others, what would
 * become one is IOSSL_E_USAGE when the certificate is made, and the defaults are left out. */
IOSSL_API iossl_status iossl_certgen_set_version(iossl_certgen *gen, long version,
                                                 iossl_error *err);
/* "Digest algorithm X is not available". A key that has a digest of its own, as Ed25519, gets it. */
IOSSL_API iossl_status iossl_certgen_set_digest(iossl_certgen *gen, const char *digest,
                                                iossl_error *err);
/* The digest that goes with a signature algorithm, as iossl_certinfo names it; nothing changes where
 * it has none, or is unknown. */
IOSSL_API void iossl_certgen_set_digest_of(iossl_certgen *gen, const char *signature_alg);
/* The certificate's own key. NULL: a new one. */
IOSSL_API void iossl_certgen_set_key(iossl_certgen *gen, EVP_PKEY *key);
/* Who signs. cert NULL: the subject's own name; key NULL: the certificate's own key. That the two
 * fit together isn't checked. */
IOSSL_API void iossl_certgen_set_issuer(iossl_certgen *gen, X509 *cert, EVP_PKEY *key);
/*
 * Adds a subjectAltName. type, in any case: DNS, EMAIL or URI (value as it is, byte by byte), IP
 * (v4 or v6), RID (dotted or a name), DIRNAME ("/C=DE/CN=x", backslash escapes), OTHERNAME
 * ("1.2.3.4;UTF8:x", ASN1_generate_nconf(3)).
 */
IOSSL_API iossl_status iossl_certgen_add_altname(iossl_certgen *gen, const char *type,
                                                 const char *value, size_t len, iossl_error *err);
/* The same for any type, as iossl_altname gives it. */
IOSSL_API iossl_status iossl_certgen_add_altname_der(iossl_certgen *gen, const unsigned char *der,
                                                     size_t len, iossl_error *err);
/* A CA: purposes CA, sslCA, emailCA and objCA, unless they are switched explicitly. */
IOSSL_API void iossl_certgen_set_ca(iossl_certgen *gen, bool on);
/*
 * Switches one purpose, of equal names the last call counts. Case is ignored:
 *   client server email objsign         keyUsage, extendedKeyUsage and nsCertType of that use
 *   emailProtection codeSigning         the same as email, objsign
 *   CA sslCA emailCA objCA              basicConstraints, keyUsage, and but for CA nsCertType
 *   clientAuth serverAuth timeStamping  extendedKeyUsage alone
 *   digitalSignature nonRepudiation keyEncipherment dataEncipherment keyAgreement keyCertSign
 *   cRLSign encipherOnly decipherOnly   keyUsage alone
 * What is switched off takes away all its bits, also those that others share. Without any call, and
 * without iossl_certgen_set_ca(): client and server. "unknown purpose NAME".
 */
IOSSL_API iossl_status iossl_certgen_set_purpose(iossl_certgen *gen, const char *name, bool on,
                                                 iossl_error *err);
/* One word, as "client", "+client" or "-client". "invalid entry in purpose: WORD". */
IOSSL_API iossl_status iossl_certgen_add_purpose(iossl_certgen *gen, const char *word,
                                                 iossl_error *err);
/* Several of them, with anything else between; of no word, nothing changes. All or none. */
IOSSL_API iossl_status iossl_certgen_add_purposes(iossl_certgen *gen, const char *words,
                                                  iossl_error *err);
/* No extensions but the key identifiers and those that are added one by one: no basicConstraints,
 * no purposes (IOSSL_E_USAGE where they are set when the certificate is made). */
IOSSL_API void iossl_certgen_set_plain(iossl_certgen *gen, bool on);
/*
 * Adds an extension; left out where one of that kind is there already for another reason, as a
 * purpose (key identifiers always are); a subjectAltName that is left out so passes critical on.
 *
 * nid, name  which one: either is enough, nid 0 or name NULL else. A name may be short, long or
 *            dotted. "cannot determine NID of extension" and the name where it is unknown.
 * text       as in openssl.cnf (x509v3_config(5)), also "critical,...", "DER:..." and "ASN1:...".
 *            For authorityInfoAccess and crlDistributionPoints the printed form will do, too.
 * der        its bytes as iossl_extension gives them, NULL: none. They are taken where they print
 *            as text, or text is NULL: so a description can be given back, changed or not.
 *
 * Whether text can be used is seen when the certificate is made.
 */
IOSSL_API iossl_status iossl_certgen_add_extension(iossl_certgen *gen, int nid, const char *name,
                                                   const char *text, const unsigned char *der,
                                                   size_t der_len, bool critical,
                                                   iossl_error *err);
/*
 * Makes the certificate, as often as wanted.
 *
 * key  NULL, or receives a reference to the certificate's key, which may be new.
 *
 * NULL on failure: IOSSL_E_OPTION with the extension and the reason, IOSSL_E_KEY where the key
 * can't sign, IOSSL_E_USAGE.
 */
IOSSL_API X509 *iossl_certgen_make(const iossl_certgen *gen, EVP_PKEY **key, iossl_error *err);

/*
 * Certificates and keys as PEM (RFC 7468) and DER. Text before, between and after PEM blocks is
 * skipped, blocks of other kinds are, too. Errors: IOSSL_E_CERT or IOSSL_E_KEY "cannot parse string
 * as PEM X509 cert: reason", "cannot parse FILE as PEM private key: reason"; IOSSL_E_FILE with the
 * errno "cannot read FILE: No such file...", "cannot write FILE: ...".
 */

/* The first certificate. X509_free() it. */
IOSSL_API X509 *iossl_cert_from_pem(const void *text, size_t len, iossl_error *err);
IOSSL_API X509 *iossl_cert_from_file(const char *file, iossl_error *err);
/* All, in order; at least one, and none of them damaged. sk_X509_pop_free(..., X509_free) them. */
IOSSL_API STACK_OF(X509) *iossl_certs_from_pem(const void *text, size_t len, iossl_error *err);
IOSSL_API STACK_OF(X509) *iossl_certs_from_file(const char *file, iossl_error *err);
/* Exactly one, with nothing after it. */
IOSSL_API X509 *iossl_cert_from_der(const void *der, size_t len, iossl_error *err);
/* NUL-terminated, iossl_free() it. */
IOSSL_API char *iossl_cert_to_pem(const X509 *cert, iossl_error *err);
/* *len bytes, iossl_free() them. */
IOSSL_API unsigned char *iossl_cert_to_der(const X509 *cert, size_t *len, iossl_error *err);
/* Creates the file, or overwrites it. */
IOSSL_API iossl_status iossl_certs_to_file(const char *file, X509 *const *certs, size_t n,
                                           iossl_error *err);

/* The first private key. EVP_PKEY_free() it. cb is asked once for the password of an encrypted
 * one; NULL: OpenSSL asks on the terminal. */
IOSSL_API EVP_PKEY *iossl_key_from_pem(const void *text, size_t len, iossl_passwd_cb cb, void *arg,
                                       iossl_error *err);
IOSSL_API EVP_PKEY *iossl_key_from_file(const char *file, iossl_passwd_cb cb, void *arg,
                                        iossl_error *err);
/* PKCS#8, encrypted or not, or the key type's own form. */
IOSSL_API EVP_PKEY *iossl_key_from_der(const void *der, size_t len, iossl_passwd_cb cb, void *arg,
                                       iossl_error *err);
/* PKCS#8 without encryption, *len bytes and a NUL; iossl_free_secret() them. */
IOSSL_API char *iossl_key_to_pem(const EVP_PKEY *key, size_t *len, iossl_error *err);
IOSSL_API unsigned char *iossl_key_to_der(const EVP_PKEY *key, size_t *len, iossl_error *err);
/* The same in PEM. A new file is for its owner only (0600); an old one keeps its permissions. */
IOSSL_API iossl_status iossl_key_to_file(const char *file, const EVP_PKEY *key, iossl_error *err);
/* Cleanses and frees what an iossl_key_to_* gave. NULL is a no-op. */
IOSSL_API void iossl_free_secret(void *secret, size_t len);

/* ---- Trust anchors ------------------------------------------------------------------------- */

/*
 * Where this system keeps its CA certificates, as X509_get_default_cert_file(3) does, but checked
 * to hold certificates: SSL_CERT_DIR or OPENSSLDIR/certs, SSL_CERT_FILE or OPENSSLDIR/cert.pem.
 * Looks at the environment and the disk at each call.
 *
 * file, path  iossl_free() them; NULL where there is none. Both may be set.
 * IOSSL_OK even if neither is found; IOSSL_ERROR is for want of memory only.
 */
IOSSL_API iossl_status iossl_default_ca(char **file, char **path, iossl_error *err);

/* Forgets the cached CA bundles that no context uses; others follow when their context goes. */
IOSSL_API void iossl_castore_flush(void);

/* ---- Configuration ------------------------------------------------------------------------- */

typedef enum { IOSSL_CLIENT = 0, IOSSL_SERVER = 1 } iossl_role;

/* Verification modes, as in SSL_CTX_set_verify(3); may be combined. */
#define IOSSL_VERIFY_NONE                 0
#define IOSSL_VERIFY_PEER                 1
#define IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT 2
#define IOSSL_VERIFY_CLIENT_ONCE          4

/* What a context will be. Mutable, one owner, one thread at a time; a context made of it keeps its
 * own copy. */
typedef struct iossl_config iossl_config;

/*
 * A configuration with safe defaults: TLS 1.2 and newer (or from the MinProtocol on that the system's
 * openssl.cnf names, as its administrator's word), weak ciphers off; a client verifies chain
 * and name against the system's CA certificates, a server asks for no client certificate.
 */
IOSSL_API iossl_config *iossl_config_new(iossl_role role, iossl_error *err);
IOSSL_API void iossl_config_free(iossl_config *config);

/*
 * Setters. Each checks its value as far as can be without building a context. After an error the
 * old value stands. Errors: IOSSL_E_USAGE (can never work), IOSSL_E_OPTION, IOSSL_E_UNSUPPORTED,
 * IOSSL_E_FILE, IOSSL_E_MEMORY. Where a host is taken: NULL or "" is the default entry, else a
 * server name as sent by SNI (RFC 6066), case is ignored; "host%tag" adds a second certificate for
 * the host, as RSA beside ECDSA.
 */

/*
 * A named set of settings, which later calls may change, but for its rules for certificates:
 *
 * "default"  what a config starts with.
 * "modern-2026"      TLS 1.3 alone; forward secrecy and authenticated ciphers, a hybrid post-quantum
 *            group first where OpenSSL has one, no SHA-1, security level 2 at least.
 * "compatible-2026"  The same, and TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305.
 * "modern", "compatible"  The newest of these. What a dated one allows never changes.
 * "strict"   RFC 5280 to the letter (X509_V_FLAG_X509_STRICT), and the rules of the Web PKI: version
 *            3, serial numbers, well-formed extensions, RSA of 2048 bits or curves in use, an
 *            extendedKeyUsage for this use, subjectAltNames that are well-formed and never a
 *            commonName instead, constraints that are critical and well-formed; wildcards for a
 *            whole label, not above a public suffix, private ones (github.io) included. TLS 1.2 and
 *            newer, security level 2 at least.
 *
 * IOSSL_E_USAGE "SSL_policy "X": there is no policy of this name; known are ...".
 */
IOSSL_API iossl_status iossl_config_set_policy(iossl_config *config, const char *name,
                                               iossl_error *err);
/* "SSLv23:!TLSv1:!TLSv1_1", "TLSv1_3", ...; at most one positive token. NULL: no restriction but
 * OpenSSL's own. Errors: "invalid SSL_version specified", "cannot set multiple SSL protocols in
 * SSL_version" (IOSSL_E_USAGE), "SSL Version V not supported" (IOSSL_E_UNSUPPORTED). */
IOSSL_API iossl_status iossl_config_set_version(iossl_config *config, const char *version,
                                                iossl_error *err);
/* Ciphers of TLS 1.2 and older, openssl-ciphers(1). NULL: OpenSSL's own list. */
IOSSL_API iossl_status iossl_config_set_cipher_list(iossl_config *config, const char *host,
                                                    const char *list, iossl_error *err);
/* Ciphersuites of TLS 1.3, colon-separated. NULL: OpenSSL's own. */
IOSSL_API iossl_status iossl_config_set_ciphersuites(iossl_config *config, const char *host,
                                                     const char *list, iossl_error *err);
/* Server: choose by our order, not by the client's. */
IOSSL_API iossl_status iossl_config_set_honor_cipher_order(iossl_config *config, bool on,
                                                           iossl_error *err);
/* The oldest and the newest version to be used, as "TLSv1_2"; NULL: no such limit. Beside
 * iossl_config_set_version() both count; a minimum also takes the place of the default's. That nothing
 * is left is told when a context is made. Errors: as iossl_config_set_version(). */
IOSSL_API iossl_status iossl_config_set_min_version(iossl_config *config, const char *version,
                                                    iossl_error *err);
IOSSL_API iossl_status iossl_config_set_max_version(iossl_config *config, const char *version,
                                                    iossl_error *err);
/* Signature algorithms, of ours and of the peer, in order: "ECDSA+SHA256:RSA-PSS+SHA256:ed25519"
 * (SSL_CTX_set1_sigalgs_list(3)); one with a "?" before it is left out where OpenSSL doesn't know it.
 * NULL: OpenSSL's choice. Names are looked at when a context is made: IOSSL_E_OPTION. */
IOSSL_API iossl_status iossl_config_set_sigalgs(iossl_config *config, const char *sigalgs,
                                                iossl_error *err);
/* Groups for key exchange in order, "?X25519MLKEM768:X25519:P-256", with "?" as above; "auto" or NULL:
 * OpenSSL's choice. */
IOSSL_API iossl_status iossl_config_set_groups(iossl_config *config, const char *groups,
                                               iossl_error *err);
/* Server: finite-field DH parameters: from a PEM file, from a DH handle (copied), OpenSSL's
 * built-in group by key strength (the default), or none. */
IOSSL_API iossl_status iossl_config_set_dh_file(iossl_config *config, const char *file,
                                                iossl_error *err);
IOSSL_API iossl_status iossl_config_set_dh(iossl_config *config, void *dh, iossl_error *err);
IOSSL_API iossl_status iossl_config_set_dh_auto(iossl_config *config, bool on, iossl_error *err);

/* Certificate and key. Files are checked to be readable at once (IOSSL_E_USAGE "SSL_cert_file F
 * can't be used: errno text") and read when a context is made. Handles are up-ref'ed.
 *
 * In place of a file a URI will do, for which OpenSSL or one of its providers has a store
 * (ossl_store(7)): "file:/path", "pkcs11:token=T;object=O" of a token (RFC 7512). Where no provider has
 * one for tokens, the engine "pkcs11" is asked, and "org.openssl.engine:NAME:ID" is a key or certificate
 * of any engine. The password callback is asked for a PIN, too. IOSSL_E_UNSUPPORTED where neither is
 * there; errors never have the PIN of a URI (pin-value=). A file of that name goes first. */
IOSSL_API iossl_status iossl_config_add_cert_file(iossl_config *config, const char *host,
                                                  const char *file, iossl_error *err);
IOSSL_API iossl_status iossl_config_add_key_file(iossl_config *config, const char *host,
                                                 const char *file, iossl_error *err);
/* certs[0] is the leaf, the rest its chain. */
IOSSL_API iossl_status iossl_config_add_certs(iossl_config *config, const char *host,
                                              X509 *const *certs, size_t n, iossl_error *err);
IOSSL_API iossl_status iossl_config_add_key(iossl_config *config, const char *host, EVP_PKEY *key,
                                            iossl_error *err);
/* Called while a context is made, in the calling thread. */
IOSSL_API void iossl_config_set_passwd_cb(iossl_config *config, iossl_passwd_cb cb, void *arg);

/* Trust anchors. Without any of these, iossl_default_ca() is used when the context is made. */
IOSSL_API iossl_status iossl_config_set_ca_file(iossl_config *config, const char *file,
                                                iossl_error *err);
/* One or several folders, colon-separated (";" on Windows), of certificates named by hash. */
IOSSL_API iossl_status iossl_config_set_ca_path(iossl_config *config, const char *path,
                                                iossl_error *err);
IOSSL_API iossl_status iossl_config_add_ca(iossl_config *config, X509 *cert, iossl_error *err);
/*
 * The file and the path are a default that was set elsewhere, for whoever names none: a folder that
 * isn't there is no error then (nothing is found in it), and what can't be read is told of as
 * "Invalid default certificate authority locations".
 */
IOSSL_API iossl_status iossl_config_set_ca_by_default(iossl_config *config, bool on,
                                                      iossl_error *err);
/* Trust nothing but what the calls above named: no default. */
IOSSL_API iossl_status iossl_config_set_no_default_ca(iossl_config *config, bool on,
                                                      iossl_error *err);
/* Server: the CA names sent with a request for a client certificate (PEM file; one certificate). */
IOSSL_API iossl_status iossl_config_set_client_ca_file(iossl_config *config, const char *file,
                                                       iossl_error *err);
IOSSL_API iossl_status iossl_config_add_client_ca(iossl_config *config, X509 *cert,
                                                  iossl_error *err);
/* Look certificates up in their issuers' revocation lists, which come from the CA path and the file
 * (PEM, as many as are in it). A list that is missing, overdue or not valid yet is an error. */
typedef enum {
    IOSSL_CRL_OFF = 0,
    IOSSL_CRL_LEAF = 1,     /* the peer's own certificate                                         */
    IOSSL_CRL_CHAIN = 2     /* and each CA of the chain, which all have to have a list            */
} iossl_crl_check;
IOSSL_API iossl_status iossl_config_set_check_crl(iossl_config *config, iossl_crl_check check,
                                                  iossl_error *err);
IOSSL_API iossl_status iossl_config_set_crl_file(iossl_config *config, const char *file,
                                                 iossl_error *err);

/* Verification: what connections start with; see iossl_conn_set_* for one connection. */
IOSSL_API iossl_status iossl_config_set_verify_mode(iossl_config *config, int mode,
                                                    iossl_error *err);
/* scheme is copied; NULL: "default". */
IOSSL_API iossl_status iossl_config_set_scheme(iossl_config *config, const iossl_scheme *scheme,
                                               iossl_error *err);
/* What happens where no name is known to verify against: true (the default): the handshake fails
 * with IOSSL_E_NO_NAME; false: the chain alone decides. */
IOSSL_API iossl_status iossl_config_set_require_name(iossl_config *config, bool on,
                                                     iossl_error *err);
/* psl must outlive the context; NULL: built-in; IOSSL_PSL_NONE: off. */
IOSSL_API iossl_status iossl_config_set_psl(iossl_config *config, const iossl_psl *psl,
                                            iossl_error *err);
/* A leaf with one of these fingerprints is accepted whatever else is wrong; with require, a leaf
 * without one is refused whatever else is right. Takes a reference. */
IOSSL_API iossl_status iossl_config_set_pins(iossl_config *config, iossl_pins *pins, bool require,
                                             iossl_error *err);

/*
 * Client: the server's chain has to fit one of these records, besides all else that is verified. By usage
 * (RFC 7671): 3, the server's own certificate: chain, time and name don't count any more; 2, a CA that
 * stands for all trust anchors; 0 and 1, a CA or the certificate in a chain that is trusted besides. Of
 * SHA-256 and SHA-512 of the same, the latter counts alone. The records are those of one server: take a
 * context, or iossl_conn_set_tlsa(), for each. Without IOSSL_VERIFY_PEER nothing is verified, and a
 * pinned leaf passes as ever; no session is resumed that was made under others. Takes a reference; NULL:
 * none. iossl_verify_chain() and iossl_diagnose() hold no chain against them. IOSSL_E_OPTION: none of
 * them can be used. IOSSL_E_UNSUPPORTED.
 */
IOSSL_API iossl_status iossl_config_set_tlsa(iossl_config *config, iossl_tlsa *tlsa,
                                             iossl_error *err);

/* Application protocols in order of preference (RFC 7301); each 1 to 255 bytes. A server chooses
 * the first that the client lists and it has too; no overlap: none, and the handshake goes on. */
IOSSL_API iossl_status iossl_config_set_alpn(iossl_config *config, const char *const *protocols,
                                             size_t n, iossl_error *err);
/* The same for next protocol negotiation, where OpenSSL has it (never with TLS 1.3). */
IOSSL_API iossl_status iossl_config_set_npn(iossl_config *config, const char *const *protocols,
                                            size_t n, iossl_error *err);
/* Server: names the set of sessions that may be resumed here, 1 to 32 bytes. Without it, connections
 * that verify client certificates use one that is unique to the context. */
IOSSL_API iossl_status iossl_config_set_session_id_context(iossl_config *config, const void *id,
                                                           size_t len, iossl_error *err);

/* One TLS session with one peer over one transport; see "Connections". One thread at a time. */
typedef struct iossl_conn iossl_conn;
/* What connections share: immutable, reference-counted, used by any number of connections and threads;
 * see "Context". */
typedef struct iossl_ctx iossl_ctx;

/*
 * Server: session tickets (RFC 5077; RFC 8446 section 4.6.1) are encrypted under keys that OpenSSL
 * makes for each context. With keys of the program's own, several processes or machines can resume
 * each other's sessions, and keys can be changed regularly, as they should: who gets hold of one can
 * decrypt all that it protected, with TLS 1.2 the data of these connections too.
 */
typedef struct iossl_ticket_key {
    unsigned char name[16]; /* goes over the wire, and tells the keys apart                       */
    unsigned char key[64];  /* random: 16 bytes for AES-128-CBC, the rest for HMAC-SHA256; of 64,
                             * 32 for AES-256-CBC                                                 */
    size_t key_len;         /* 32, 48 or 64                                                       */
} iossl_ticket_key;
/* The first key encrypts, all decrypt; a session under another than the first gets a new ticket.
 * Copied. n 0: OpenSSL's own again. IOSSL_E_OPTION: a length is wrong, a name is there twice. */
IOSSL_API iossl_status iossl_config_set_ticket_keys(iossl_config *config,
                                                    const iossl_ticket_key *keys, size_t n,
                                                    iossl_error *err);
/*
 * The same from a file, which is looked at again as connections come: so one command changes the keys of
 * all processes that share it. In place of a list; NULL: none. IOSSL_E_FILE: it can't be read, has no
 * key, or others may read it; later the keys of before stay in use then.
 */
IOSSL_API iossl_status iossl_config_set_ticket_keys_file(iossl_config *config, const char *path,
                                                         iossl_error *err);
/* Puts a new key first in such a file, made with mode 0600 where it isn't there; of the old ones so many
 * stay that there are `keep` keys. The file is replaced as a whole. IOSSL_E_FILE, _SYSTEM, _USAGE. */
IOSSL_API iossl_status iossl_ticket_keys_rotate(const char *path, size_t keep, iossl_error *err);
/* The keys of such a file; iossl_ticket_keys_free() them, which cleanses. */
IOSSL_API iossl_status iossl_ticket_keys_read(iossl_ticket_key **keys, size_t *n, const char *path,
                                              iossl_error *err);
IOSSL_API void iossl_ticket_keys_free(iossl_ticket_key *keys, size_t n);
typedef enum {
    IOSSL_TICKET_KEY_FAILED = -1,   /* fail the handshake                                         */
    IOSSL_TICKET_KEY_UNKNOWN = 0,   /* no such key: a full handshake; to encrypt: no ticket       */
    IOSSL_TICKET_KEY_CURRENT = 1,
    IOSSL_TICKET_KEY_OLD = 2        /* found; but give the client a new ticket                    */
} iossl_ticket_result;
/*
 * In place of a list: fills in *key, the one of this name (16 bytes), or where name is NULL the one to
 * encrypt with. *key is cleansed by the caller. Called in the thread of the connection.
 */
typedef iossl_ticket_result (*iossl_ticket_key_cb)(void *arg, iossl_conn *conn,
                                                   const unsigned char *name,
                                                   iossl_ticket_key *key);
IOSSL_API void iossl_config_set_ticket_key_cb(iossl_config *config, iossl_ticket_key_cb cb,
                                              void *arg);

/*
 * Keys that both sides know beforehand, in place of certificates (RFC 4279; RFC 8446 section 4.2.11).
 * Who knows the key is who it claims to be: no certificate is sent then, and no name is verified. A
 * key has to be random: one that people can remember can be guessed.
 *
 * TLS 1.2 and older need ciphers for it in the list ("PSK"), which the default leaves out. TLS 1.3
 * uses the ciphersuites with SHA-256; a server that has a certificate, too, shows that instead if it
 * chooses another suite. No session tickets are given to who came by a key in TLS 1.3.
 *
 * identity, hint  NUL-terminated, less than PSK_MAX_IDENTITY_LEN bytes (UTF-8, RFC 4279 section 5.1).
 * key             1 to PSK_MAX_PSK_LEN bytes. Copied, and cleansed when it is freed.
 * IOSSL_E_OPTION, IOSSL_E_UNSUPPORTED "no support for client side PSK".
 */
/* Client: what is shown to servers that give this hint (TLS 1.2 and older); hint NULL or "": to all
 * others, and in TLS 1.3, which has no hints. No entry: the handshake fails, or goes on without. */
IOSSL_API iossl_status iossl_config_add_client_psk(iossl_config *config, const char *hint,
                                                   const char *identity, const void *key,
                                                   size_t len, iossl_error *err);
/* Server: the key of the client with this identity; NULL or "": of all others. */
IOSSL_API iossl_status iossl_config_add_server_psk(iossl_config *config, const char *identity,
                                                   const void *key, size_t len, iossl_error *err);
/* Server: helps clients of TLS 1.2 and older to choose an identity. NULL: none. */
IOSSL_API iossl_status iossl_config_set_psk_hint(iossl_config *config, const char *hint,
                                                 iossl_error *err);
typedef struct iossl_psk {
    char identity[PSK_MAX_IDENTITY_LEN + 1];    /* filled in by a client                          */
    unsigned char key[PSK_MAX_PSK_LEN];
    size_t key_len;
} iossl_psk;
/*
 * Asked where the tables above have no entry of that name, before their defaults: fills in *psk, which
 * is cleansed by the caller. peer is the hint on a client (NULL: none was given, or TLS 1.3), the
 * identity on a server. false: no key. Called in the thread of the connection.
 */
typedef bool (*iossl_psk_cb)(void *arg, iossl_conn *conn, const char *peer, iossl_psk *psk);
IOSSL_API void iossl_config_set_psk_cb(iossl_config *config, iossl_psk_cb cb, void *arg);

/*
 * Client: signed certificate timestamps (SCTs, RFC 6962), by which logs promise that they have seen the
 * server's certificate: ask for them, see iossl_conn_get_sct(). A file of logs, as
 * CTLOG_STORE_load_file(3) has it, asks, too, and has their signatures verified; it is read when a context
 * is made (IOSSL_E_FILE). Nobody is refused for them. IOSSL_E_UNSUPPORTED: see IOSSL_CAN_SCTS.
 */
IOSSL_API iossl_status iossl_config_set_scts(iossl_config *config, bool on, iossl_error *err);
IOSSL_API iossl_status iossl_config_set_ctlog_file(iossl_config *config, const char *file,
                                                   iossl_error *err);

/*
 * The secrets of each connection, for looking into recorded traffic with Wireshark and its like, as
 * lines of the form that SSLKEYLOGFILE has made known. Who gets hold of them can read, and with TLS 1.2
 * while it lasts also change, what is sent: nothing is told unless a program asks for it, and no
 * environment is looked at; to obey it, give getenv("SSLKEYLOGFILE").
 *
 * file  lines are appended; a new file has mode 0600. NULL: none. It is opened when a context is made:
 *       IOSSL_E_FILE where it can't be, is a link or no regular file, or others may read it.
 */
IOSSL_API iossl_status iossl_config_set_keylog_file(iossl_config *config, const char *file,
                                                    iossl_error *err);
/* line is lent, without a line end. Called in the thread of the connection, within the handshake. */
typedef void (*iossl_keylog_cb)(void *arg, iossl_conn *conn, const char *line);
IOSSL_API void iossl_config_set_keylog_cb(iossl_config *config, iossl_keylog_cb cb, void *arg);

/*
 * Server: take early data, up to so many bytes, from clients that resume a session (RFC 8446 section
 * 2.3): their request comes with their first message, and is answered a round trip sooner.
 *
 * WARNING: early data can be replayed. Whoever records it may send it again, and the server sees the
 * same request once more. OpenSSL takes each session once, which stops this within one process; not
 * across processes and machines, and not where a client repeats its request itself. So iossl_handshake()
 * returns before the handshake is done only where the data are whole requests of HTTP/1 that change
 * nothing (GET, HEAD, OPTIONS, TRACE, without a body); all other data, and what comes behind, wait until
 * the client is known to be there, and then they are no more a replay than any. With insist everything is
 * handed over at once. iossl_conn_is_early() tells; writing works meanwhile, and whatever else needs the
 * handshake to be over waits for that.
 *
 * bytes  up to IOSSL_EARLY_DATA_MAX; 0: none (the default). The whole of it is kept in memory, and so
 *        are the sessions that may come back with it.
 *
 * IOSSL_E_UNSUPPORTED, IOSSL_E_OPTION; also when a context is made that has ticket keys or a store of
 * sessions of the program's own: the protection against replay keeps sessions in the process.
 */
#define IOSSL_EARLY_DATA_MAX 16384
IOSSL_API iossl_status iossl_config_set_max_early_data(iossl_config *config, size_t bytes, bool insist,
                                                       iossl_error *err);

/* Renew the keys of a connection (RFC 8446 section 4.6.3), both ways, after so many bytes on the wire,
 * in and out together, counted from the handshake or the last renewal; it goes with the next write or
 * read. 0: never by itself. Connections before TLS 1.3 stay as they are. IOSSL_E_UNSUPPORTED. */
IOSSL_API iossl_status iossl_config_set_key_update_bytes(iossl_config *config, uint64_t bytes,
                                                         iossl_error *err);
/*
 * Server: certificates that are loaded when they are asked for. Called with the name of the ClientHello
 * (NULL: none came) in each handshake, resumed ones included, before the tables of hosts. *ctx, NULL at
 * first, may be given a context of a server, with a reference: its certificate for this name, ciphers,
 * application protocols and staples are used; versions, verification and tickets stay those of the
 * connection's own. Left NULL: the tables decide. Whether it makes a context each time or keeps them is
 * up to the program. false: the handshake fails (IOSSL_E_CALLBACK). Called in the thread of the
 * connection.
 */
typedef bool (*iossl_host_cb)(void *arg, iossl_conn *conn, const char *name, iossl_ctx **ctx);
IOSSL_API void iossl_config_set_host_cb(iossl_config *config, iossl_host_cb cb, void *arg);
/* Client: let servers of TLS 1.3 ask for a certificate later, see iossl_request_client_cert(). Without
 * this call: where the client has one. IOSSL_E_UNSUPPORTED. */
IOSSL_API iossl_status iossl_config_set_post_handshake_auth(iossl_config *config, bool on,
                                                            iossl_error *err);

/*
 * By which library context (OSSL_LIB_CTX(3)) and with which properties (property(7)), as "fips=yes", OpenSSL
 * looks for algorithms: those of connections, tickets, keys, certificates, lists and stores that the config
 * names, of verification with names, pins and TLSA records, and of OCSP. Before files are named, since URIs
 * are looked at at once. Contexts share the CA bundles that they have parsed, but not with another libctx.
 *
 * By the default context of the process go: what isn't about a config (iossl_certgen, iossl_seal, reading
 * certificates, iossl_can_uri); and what OpenSSL has no other way for: revocation lists in a CA path
 * (X509_LOOKUP_hash_dir(3)), TLSA records that are a whole key (d2i_PUBKEY(3)), sessions out of bytes, and
 * certificates and keys that the program hands in are of the context that they were made by.
 *
 * libctx  NULL: the default one. It has to live longer than all that comes of it, certificates and
 *         sessions that were handed out included: as a rule, until the process ends.
 * propq   NULL: none.
 *
 * IOSSL_E_UNSUPPORTED: before OpenSSL 3, or no provider there has SHA2-256 with these properties. What
 * else is missing is told when a context is made, or by a handshake.
 */
struct ossl_lib_ctx_st;     /* OSSL_LIB_CTX, which older OpenSSLs don't know */
IOSSL_API iossl_status iossl_config_set_library(iossl_config *config, struct ossl_lib_ctx_st *libctx,
                                                const char *propq, iossl_error *err);
/*
 * Let the kernel encrypt and decrypt (kernel TLS), on sockets of TCP: where OpenSSL (3.0 and newer, if
 * it was built so) and the kernel both have it for the cipher and version that were agreed on. Otherwise
 * all goes on as ever, and nothing is said: see ktls_send and ktls_recv of iossl_conn_get0_info(). With
 * kernel TLS keys aren't renewed (iossl_conn_key_update() is IOSSL_E_UNSUPPORTED, key_update_bytes without effect),
 * and a peer that renews its own ends the connection, unless the kernel can do that; bytes on the
 * transport are counted without what TLS adds. Off by default.
 */
IOSSL_API void iossl_config_set_ktls(iossl_config *config, bool on);
/* Give the record buffers back while a connection is idle. */
IOSSL_API iossl_status iossl_config_set_release_buffers(iossl_config *config, bool on,
                                                        iossl_error *err);
/* Called once per SSL_CTX that a context holds, after everything else was set. false: refuse. */
typedef bool (*iossl_ssl_ctx_cb)(void *arg, SSL_CTX *ssl_ctx);
IOSSL_API void iossl_config_set_ssl_ctx_cb(iossl_config *config, iossl_ssl_ctx_cb cb, void *arg);

/* ---- Session cache ------------------------------------------------------------------------- */

/*
 * Sessions of a client, by a key of the caller's choice ("host:port"); several may share a key. The
 * least recently used goes first when there are more than max. Any thread may use it at any time.
 */
typedef struct iossl_session_cache iossl_session_cache;
/* NULL: no memory. */
IOSSL_API iossl_session_cache *iossl_session_cache_new(size_t max, iossl_error *err);
/* Connections that it was given to have references of their own; the last one out frees it. */
IOSSL_API iossl_session_cache *iossl_session_cache_up_ref(iossl_session_cache *cache);
IOSSL_API void iossl_session_cache_free(iossl_session_cache *cache);
/* Adds a session, or counts it as used where it is there already. Takes a reference. False: no
 * memory. */
IOSSL_API bool iossl_session_cache_add(iossl_session_cache *cache, const char *key,
                                       SSL_SESSION *session);
/* The latest used session of the key (this very one, where given), which counts as use;
 * SSL_SESSION_free() it. NULL: none. */
IOSSL_API SSL_SESSION *iossl_session_cache_get1(iossl_session_cache *cache, const char *key,
                                                const SSL_SESSION *session);
/* Removes all sessions of the key, or this one of it, or (key NULL) this one whatever its key. How
 * many that were. */
IOSSL_API size_t iossl_session_cache_del(iossl_session_cache *cache, const char *key,
                                         const SSL_SESSION *session);
/* How many sessions it holds now. */
IOSSL_API size_t iossl_session_cache_count(iossl_session_cache *cache);

/*
 * A store of the program's own in its place. Sessions are lent to add and del (SSL_SESSION_up_ref()
 * what is kept); get1 gives a reference, or NULL. del is called for a session of TLS 1.3 when it is
 * offered, and for any that failed. free is called when no connection uses arg any
 * more, and may be NULL. Called in the thread of the connection.
 */
typedef struct iossl_session_store {
    void (*add)(void *arg, const char *key, SSL_SESSION *session);
    SSL_SESSION *(*get1)(void *arg, const char *key);
    void (*del)(void *arg, const char *key, SSL_SESSION *session);
    void (*free)(void *arg);
} iossl_session_store;

/*
 * For stores that know sessions as bare numbers: this one with a reference of the caller's, if it was
 * handed to a store (or cache) by a connection and is still alive; else NULL, whatever it may be.
 */
IOSSL_API SSL_SESSION *iossl_session_get1_known(const void *session);

/* ---- Sessions and ticket keys of a fleet --------------------------------------------------- */

/*
 * Several processes or machines behind one name resume each other's sessions where they share either
 * the keys of session tickets, or a store of sessions. What they share goes through a server that
 * others may read and write, so it is sealed: of use only to who has the same secret.
 *
 * Immutable; any thread may use it.
 */
typedef struct iossl_seal iossl_seal;
/* secret: 32 random bytes or more, the same in the whole fleet. NULL: IOSSL_E_OPTION, _MEMORY. */
IOSSL_API iossl_seal *iossl_seal_new(const void *secret, size_t len, iossl_error *err);
/* Adds a reference; the last one out frees it. */
IOSSL_API iossl_seal *iossl_seal_up_ref(iossl_seal *seal);
IOSSL_API void iossl_seal_free(iossl_seal *seal);
/* A name for the store that doesn't tell what it was made from: 64 hexadecimal digits, the same for
 * the same kind and key. iossl_free() it; NULL: no memory. */
IOSSL_API char *iossl_seal_name(const iossl_seal *seal, const char *kind, const void *key,
                                size_t len, iossl_error *err);
/* Encrypts and authenticates a value that is to be kept under this name. iossl_free() *out. */
IOSSL_API iossl_status iossl_seal_close(const iossl_seal *seal, const char *name, const void *bytes,
                                        size_t len, unsigned char **out, size_t *out_len,
                                        iossl_error *err) IOSSL_MUST_CHECK;
/* The way back: iossl_free_secret() *out. IOSSL_E_KEY: it was sealed with another secret or under
 * another name, or was changed. */
IOSSL_API iossl_status iossl_seal_open(const iossl_seal *seal, const char *name, const void *bytes,
                                       size_t len, unsigned char **out, size_t *out_len,
                                       iossl_error *err) IOSSL_MUST_CHECK;

/*
 * A session as bytes, with what it was verified under, so that it is offered or resumed only where that
 * is the same; iossl_free_secret() them: who has them can decrypt the connections. NULL: no memory,
 * or not a session that a connection handed to a store.
 */
IOSSL_API unsigned char *iossl_session_to_bytes(SSL_SESSION *session, size_t *len,
                                                iossl_error *err);
/* The way back; SSL_SESSION_free() it. NULL: IOSSL_E_OPTION, the bytes are no session; _MEMORY. */
IOSSL_API SSL_SESSION *iossl_session_from_bytes(const void *bytes, size_t len, iossl_error *err);
/* How long it may still be resumed, in seconds from now (seconds since 1970); 0: no more. */
IOSSL_API int64_t iossl_session_seconds_left(const SSL_SESSION *session, int64_t now);

/*
 * Server: sessions are kept in a store (iossl_conn_set_session_store() on each connection) instead of in
 * tickets: the client gets a number only. Keys of the store are the session's id in hexadecimal
 * digits. Servers that verify clients need the same session id context to resume each other's.
 */
IOSSL_API iossl_status iossl_config_set_sessions_by_id(iossl_config *config, bool on,
                                                       iossl_error *err);

/*
 * Keys of session tickets on a schedule that a fleet keeps without talking to each other: time is cut
 * into periods of rotate_s seconds, each with a key of its own, which encrypts in its period and
 * decrypts in the next keep ones; one period ahead is allowed for, since clocks differ.
 */
typedef struct iossl_ticket_schedule {
    int64_t rotate_s;   /* 1 or more */
    int64_t keep;       /* 0 or more */
} iossl_ticket_schedule;
/* The number of the period; now in seconds since 1970. */
IOSSL_API int64_t iossl_ticket_period(const iossl_ticket_schedule *schedule, int64_t now);
/* A new random key (64 bytes) whose name tells its period. False: no random bytes. */
IOSSL_API bool iossl_ticket_key_make(iossl_ticket_key *key, int64_t period);
/* The period of the key with this name (16 bytes); false: not one of such a schedule, or it isn't to
 * be used any more. */
IOSSL_API bool iossl_ticket_key_period(const iossl_ticket_schedule *schedule,
                                       const unsigned char *name, int64_t now, int64_t *period);
/* For how many seconds from now on the key of this period is of use. */
IOSSL_API int64_t iossl_ticket_seconds_left(const iossl_ticket_schedule *schedule, int64_t period,
                                            int64_t now);

/* ---- Context ------------------------------------------------------------------------------- */

/*
 * Builds a context; config may be changed, reused or freed afterwards.
 * NULL on failure; IOSSL_E_CERT, _KEY, _CA, _CRL, _OPTION, _UNSUPPORTED, _FILE, _MEMORY.
 */
IOSSL_API iossl_ctx *iossl_ctx_new(const iossl_config *config, iossl_error *err);
/*
 * The same for a process that runs for months: its certificates, keys, CAs and revocation lists can be
 * read again. config is owned from now on, also on failure. Connections that are made afterwards get
 * what was read last, those that are open keep what they have; tickets of sessions stay good unless the
 * trusted CAs changed. iossl_ctx_get0_ssl_ctx() stays that of the first time.
 *
 * every_s  look at the times of the files when a connection is made, but at most so often, and read
 *          them where one has changed; 0: only iossl_ctx_reload() reads them. Callbacks of the config
 *          are then called in the thread of that connection.
 */
IOSSL_API iossl_ctx *iossl_ctx_new_reloadable(iossl_config *config, int64_t every_s,
                                              iossl_error *err);
/* Reads the files, from any thread; waits for one that does. What can't be loaded changes nothing, and
 * err says why: as iossl_ctx_new(), or IOSSL_E_STATE where ctx wasn't made for it. */
IOSSL_API iossl_status iossl_ctx_reload(iossl_ctx *ctx, iossl_error *err);
/* Where a file that changed couldn't be loaded while connections were made: why, once for each attempt.
 * False: nothing new. For a log. */
IOSSL_API bool iossl_ctx_take_reload_error(iossl_ctx *ctx, iossl_error *err);
/* What else a server should hear of that goes on with what it has, each once: a file of ticket keys that
 * can't be read any more; a certificate that demands a staple (RFC 7633), for which a client asked in
 * vain. False: nothing new. Any context; for a log. */
IOSSL_API bool iossl_ctx_take_trouble(iossl_ctx *ctx, iossl_error *err);
/* Adds a reference, from any thread; returns ctx. NULL gives NULL. */
IOSSL_API iossl_ctx *iossl_ctx_up_ref(iossl_ctx *ctx);
/* Gives a reference back, from any thread; connections have their own. NULL is a no-op. */
IOSSL_API void iossl_ctx_free(iossl_ctx *ctx);
/* What its connections begin with, as the config had it. */
IOSSL_API iossl_role iossl_ctx_get_role(const iossl_ctx *ctx);
IOSSL_API int iossl_ctx_get_verify_mode(const iossl_ctx *ctx);
/* The SSL_CTX of the default entry. Borrowed. Changing it changes what later connections get. An SSL
 * that the program makes of it has the peer's chain verified as the mode says; name, pins and callbacks
 * belong to connections, and are the program's own matter there. */
IOSSL_API SSL_CTX *iossl_ctx_get0_ssl_ctx(const iossl_ctx *ctx);

/* ---- OCSP ---------------------------------------------------------------------------------- */

/*
 * Has a certificate been revoked? (RFC 6960.) The answer comes in the handshake, stapled by the
 * server (RFC 6066 section 8), or from its issuer's responder, asked by a resolver.
 *
 * What a client does, combined; 0 is: nothing. Any without NO_STAPLE asks the server for a staple.
 */
#define IOSSL_OCSP_NO_STAPLE   1   /* don't ask the server; wins over TRY_STAPLE                  */
#define IOSSL_OCSP_MUST_STAPLE 2   /* without a verified staple the handshake fails               */
#define IOSSL_OCSP_FAIL_HARD   4   /* resolver: an answer that can't be relied on is a hard error */
#define IOSSL_OCSP_FULL_CHAIN  8   /* resolver: the whole chain, not just the leaf                */
#define IOSSL_OCSP_TRY_STAPLE  16  /* a staple is used if it comes                                */
#define IOSSL_OCSP_DEFAULT     (-1) /* TRY_STAPLE where the server is verified and isn't pinned   */

/* How far a responder's clock may be from ours, in seconds, and how old an answer may be that
 * doesn't say when the next one comes. */
#define IOSSL_OCSP_SKEW_S    300
#define IOSSL_OCSP_MAX_AGE_S 86400

/* What an answer says of a certificate: V_OCSP_CERTSTATUS_* of OpenSSL. */
typedef enum {
    IOSSL_OCSP_STATUS_NONE = -1,    /* there was no usable answer                                 */
    IOSSL_OCSP_STATUS_GOOD = 0,
    IOSSL_OCSP_STATUS_REVOKED = 1,
    IOSSL_OCSP_STATUS_UNKNOWN = 2
} iossl_ocsp_status;

/* What is known of a certificate. Times in seconds since 1970, 0: none. */
typedef struct iossl_ocsp_entry {
    int status;                 /* iossl_ocsp_status                                              */
    int reason;                 /* OCSP_REVOKED_STATUS_*, -1: none                                */
    int64_t this_update, next_update, revocation_time;
    int64_t expires;            /* until then it holds; 0: until next_update                      */
    const char *hard_error;     /* NULL: none. Lent.                                              */
    const char *soft_error;
} iossl_ocsp_entry;

/* Gets an entry, lent during the call. */
typedef void (*iossl_ocsp_entry_fn)(void *to, const iossl_ocsp_entry *entry);

/*
 * Answers by the DER of a certificate id (RFC 6960 section 4.1.1, SHA-1). The least recently used
 * goes first when there are more than max. Any thread may use it at any time.
 */
typedef struct iossl_ocsp_cache iossl_ocsp_cache;
/* NULL: no memory. References as of a session cache. */
IOSSL_API iossl_ocsp_cache *iossl_ocsp_cache_new(size_t max, iossl_error *err);
IOSSL_API iossl_ocsp_cache *iossl_ocsp_cache_up_ref(iossl_ocsp_cache *cache);
IOSSL_API void iossl_ocsp_cache_free(iossl_ocsp_cache *cache);
/* Copies the entry, in place of an older one. False: no memory. */
IOSSL_API bool iossl_ocsp_cache_put(iossl_ocsp_cache *cache, const void *key, size_t key_len,
                                    const iossl_ocsp_entry *entry);
/* Calls fn, with no lock held, if there is an entry that still holds; one that doesn't is removed.
 * False: there is none. */
IOSSL_API bool iossl_ocsp_cache_get(iossl_ocsp_cache *cache, const void *key, size_t key_len,
                                    iossl_ocsp_entry_fn fn, void *to);
/* How many answers it holds now, such that hold no more included. */
IOSSL_API size_t iossl_ocsp_cache_count(iossl_ocsp_cache *cache);
/* The cache that connections of a context share where they aren't given another. Borrowed. */
IOSSL_API iossl_ocsp_cache *iossl_ctx_get0_ocsp_cache(const iossl_ctx *ctx);

/*
 * A store of the program's own in its place. get calls fn once with what it has, and says so. free
 * is called when nothing uses arg any more, and may be NULL. Called in the thread of the connection
 * or resolver.
 */
typedef struct iossl_ocsp_store {
    void (*put)(void *arg, const void *key, size_t key_len, const iossl_ocsp_entry *entry);
    bool (*get)(void *arg, const void *key, size_t key_len, iossl_ocsp_entry_fn fn, void *to);
    void (*free)(void *arg);
} iossl_ocsp_store;

/* What connections of a context start with, see iossl_conn_set_ocsp_mode(). IOSSL_E_USAGE. */
IOSSL_API iossl_status iossl_config_set_ocsp_mode(iossl_config *config, int mode,
                                                  iossl_error *err);
/*
 * Server: the staple for the certificate of a host, "host%tag" included: a file with an OCSP
 * response (DER, as `openssl ocsp -respout` writes it), looked at again whenever it has changed, or
 * the bytes themselves. Only a good answer about that certificate is sent, and only in its time;
 * otherwise none is. The file need not exist yet. Who signed it is not checked: the client will.
 */
IOSSL_API iossl_status iossl_config_set_ocsp_staple_file(iossl_config *config, const char *host,
                                                         const char *file, iossl_error *err);
IOSSL_API iossl_status iossl_config_set_ocsp_staple(iossl_config *config, const char *host,
                                                    const void *der, size_t len,
                                                    iossl_error *err);

/*
 * Server: get staples from the responders that the certificates name, or from this one (http only;
 * NULL: as named). An answer is asked for when a client wants one and there is none, or half of the
 * time of what there is is over; that handshake waits for it at most timeout_ms (a lookup of a host
 * name may take longer), all others get what there is. An attempt in vain is repeated a minute later.
 * To keep handshakes from waiting at all, call iossl_ctx_refresh_staples(). Files come second.
 * iossl_ctx_new() fails where a certificate names no responder, or its issuer isn't in its chain or
 * among the trusted ones.
 */
#define IOSSL_STAPLE_WAIT_MS 3000   /* a timeout that makes sense */
IOSSL_API iossl_status iossl_config_set_ocsp_staple_responder(iossl_config *config,
                                                              const char *uri, int64_t timeout_ms,
                                                              iossl_error *err);
/*
 * Asks the responders about what is due, or missing, in any thread. *due_s: call it again in so many
 * seconds; INT64_MAX where nobody is to be asked.
 *
 * IOSSL_OK     every certificate has an answer that holds.
 * IOSSL_ERROR  IOSSL_E_REVOKED: one has none; err says why.
 */
IOSSL_API iossl_status iossl_ctx_refresh_staples(iossl_ctx *ctx, int64_t timeout_ms,
                                                 int64_t *due_s, iossl_error *err);

/*
 * Asks the responders of a connection's certificates, or says what there is to ask:
 *
 *     while (iossl_ocsp_resolver_hard_error(r) == NULL
 *            && iossl_ocsp_resolver_get_request(r, 0, &uri, &der, &len))
 *         iossl_ocsp_resolver_add_response(r, uri, answer, answer_len);
 *
 * or iossl_ocsp_resolve() for all of it at once. Responses carry their own signatures, so whoever
 * transports them isn't trusted. Belongs to one thread at a time; needs the connection only while
 * it is made.
 */
typedef struct iossl_ocsp_resolver iossl_ocsp_resolver;
/*
 * certs, n  what is asked about; n 0: the peer's leaf, or with IOSSL_OCSP_FULL_CHAIN its chain
 *           without the trust anchor. What is in the cache isn't asked again.
 *
 * NULL on failure: IOSSL_E_MEMORY, or IOSSL_E_STATE where there is no certificate.
 */
IOSSL_API iossl_ocsp_resolver *iossl_ocsp_resolver_new(iossl_conn *conn, X509 *const *certs,
                                                       size_t n, iossl_error *err);
/* The same without a connection; chain (NULL: none) and the trust of ctx are where issuers are. */
IOSSL_API iossl_ocsp_resolver *iossl_ocsp_resolver_new_for_chain(iossl_ctx *ctx, int mode,
                                                                 X509 *leaf,
                                                                 STACK_OF(X509) *chain,
                                                                 iossl_error *err);
/* Also with requests that are open yet. NULL is a no-op. */
IOSSL_API void iossl_ocsp_resolver_free(iossl_ocsp_resolver *resolver);
/* Send a nonce, and take no answer that doesn't repeat it: no old answer can be replayed, but many
 * responders don't do nonces. Off by default (RFC 5019). Before the first request is taken. */
IOSSL_API iossl_status iossl_ocsp_resolver_set_nonce(iossl_ocsp_resolver *resolver, bool on,
                                                     iossl_error *err);
/*
 * The i-th open request, one for each responder: where to POST it, as application/ocsp-request, and
 * its bytes. Lent until the next call that changes the resolver. False: there are no more.
 */
IOSSL_API bool iossl_ocsp_resolver_get_request(const iossl_ocsp_resolver *resolver, size_t i,
                                               const char **uri, const unsigned char **der,
                                               size_t *len);
/*
 * Takes the answer to the open request of this uri; der NULL or len 0: there was none. A part that
 * is still unanswered is a new request to the same uri. Without such a request nothing changes.
 * Returns what iossl_ocsp_resolver_hard_error() returns, NULL also for a foreign uri.
 */
IOSSL_API const char *iossl_ocsp_resolver_add_response(iossl_ocsp_resolver *resolver,
                                                       const char *uri, const void *der,
                                                       size_t len);
/* NULL: requests are open yet; "": none is and nothing is revoked; else what is wrong. Borrowed. */
IOSSL_API const char *iossl_ocsp_resolver_hard_error(const iossl_ocsp_resolver *resolver);
/* What couldn't be found out, separated by "; ". NULL: nothing. Borrowed until it changes. */
IOSSL_API const char *iossl_ocsp_resolver_soft_error(const iossl_ocsp_resolver *resolver);
/*
 * Sends the open requests by HTTP (http_proxy and no_proxy of the environment are obeyed from
 * OpenSSL 3 on) and waits for the answers.
 *
 * timeout_ms  for all of them; what isn't answered by then is unanswered.
 *
 * IOSSL_OK     nothing is revoked, as far as it could be found out (see soft_error).
 * IOSSL_ERROR  IOSSL_E_REVOKED with the hard error. Never raises SIGPIPE.
 */
IOSSL_API iossl_status iossl_ocsp_resolve(iossl_ocsp_resolver *resolver, int64_t timeout_ms,
                                          iossl_error *err) IOSSL_MUST_CHECK;

/* ---- Transports ---------------------------------------------------------------------------- */

/* Where the bytes of a connection come from and go to. Belongs to that connection, which frees it, and
 * to its thread. */
typedef struct iossl_transport iossl_transport;

/*
 * A transport of the program's own. Functions return
 *   IOSSL_OK          some bytes moved, *done > 0
 *   IOSSL_EOF         read only: the other end has closed
 *   IOSSL_WANT_READ, IOSSL_WANT_WRITE  nothing moved; what has to be waited for
 *   IOSSL_INTERRUPTED nothing moved, a signal came
 *   IOSSL_ERROR       errno says why (0 where it has none)
 * read and write are required. wait may be NULL: then calls with a timeout behave as IOSSL_POLL.
 */
typedef struct iossl_transport_ops {
    iossl_status (*read)(void *arg, void *buf, size_t size, size_t *done);
    iossl_status (*write)(void *arg, const void *buf, size_t len, size_t *done);
    /* Waits until what `want` names is possible: IOSSL_OK, IOSSL_TIMEOUT, IOSSL_INTERRUPTED or
     * IOSSL_ERROR. timeout_ms is -1 for no limit. */
    iossl_status (*wait)(void *arg, iossl_status want, int64_t timeout_ms);
    /* The descriptor to poll, -1 where there is none; NULL means -1. */
    int (*fd)(void *arg);
    /* Frees arg; NULL where nothing is to be freed. Never closes what it wasn't given. */
    void (*free)(void *arg);
} iossl_transport_ops;

/* ops must outlive the transport (a static const table, as a rule). arg is owned from now on, and
 * freed even on failure. NULL: no memory. */
IOSSL_API iossl_transport *iossl_transport_new(const iossl_transport_ops *ops, void *arg,
                                               iossl_error *err);
/* A connected stream socket (or any descriptor that reads and writes). It stays the caller's. */
IOSSL_API iossl_transport *iossl_transport_new_fd(int fd, iossl_error *err);
/* The same, but it is closed when the transport is freed, and also on failure. */
IOSSL_API iossl_transport *iossl_transport_new_owned_fd(int fd, iossl_error *err);
/* Two ends joined in memory, each of which reads what the other wrote. Freeing one end is EOF for
 * the other. Never waits. Both ends belong to one thread. */
IOSSL_API iossl_status iossl_transport_new_pair(iossl_transport **a, iossl_transport **b,
                                                iossl_error *err);
/* TLS inside TLS: runs over another connection, of which it takes a reference; what waits, waits as
 * the outermost transport does. Reading or writing the outer one meanwhile breaks the inner one. */
IOSSL_API iossl_transport *iossl_transport_new_conn(iossl_conn *outer, iossl_error *err);
/* Only of one that no connection was made of. NULL is a no-op. */
IOSSL_API void iossl_transport_free(iossl_transport *transport);

/* ---- Connecting and listening -------------------------------------------------------------- */

/*
 * Connects to a host and shakes hands: a connection that is verified, in *out. It owns its
 * descriptor: iossl_conn_free() closes it. Where settings of this one connection are wanted, do it
 * in three steps: iossl_tcp_connect(), iossl_conn_new_owned_fd() and its setters, iossl_handshake().
 *
 * Both families are looked up side by side, and addresses are tried in turn, v6 first, each joined
 * by the next where it hasn't answered within 250 ms; the first that answers counts (RFC 8305).
 *
 * host        a name in any script (UTF-8), or an address, v6 with or without brackets. Sent by SNI
 *             and verified, as iossl_conn_set_hostname() does.
 * port        a number or a service name, as "443" or "https".
 * timeout_ms  over all of it: lookup, connection and handshake. Above 0, or IOSSL_FOREVER.
 *
 * IOSSL_OK           *out is established; iossl_conn_free() it. Else it is NULL, nothing is left of
 *                    the attempt, and the call may be repeated from the start.
 * IOSSL_TIMEOUT      err says what wasn't done in time (IOSSL_E_TIMEOUT).
 * IOSSL_INTERRUPTED  a signal arrived; err is as it was.
 * IOSSL_ERROR        IOSSL_E_RESOLVE; IOSSL_E_CONNECT, whose sentence tells each address and what
 *                    became of it; IOSSL_E_USAGE, IOSSL_E_OPTION (host is no name), _MEMORY, _SYSTEM;
 *                    or what iossl_handshake() says. Never raises SIGPIPE.
 */
IOSSL_API iossl_status iossl_connect(iossl_conn **out, iossl_ctx *ctx, const char *host,
                                     const char *port, int64_t timeout_ms, iossl_error *err)
    IOSSL_MUST_CHECK;
/*
 * The first half of it: a connected TCP socket in *fd, else -1; close(2) it. In blocking mode, closes
 * on exec, without Nagle's delay. For protocols that begin in the clear (STARTTLS). Otherwise the
 * same.
 */
IOSSL_API iossl_status iossl_tcp_connect(int *fd, const char *host, const char *port,
                                         int64_t timeout_ms, iossl_error *err) IOSSL_MUST_CHECK;

/* A listening TCP socket. Constant once made, so that any number of threads may accept from it. */
typedef struct iossl_listener iossl_listener;
/*
 * host  an address or a name of this machine; NULL: all addresses, IPv4 and IPv6. Of a name with
 *       several addresses the first that can be had.
 * port  a number or a service name; "0": one that is free, see iossl_listener_get_port().
 *
 * NULL on failure: IOSSL_E_SYSTEM "cannot listen on ..." with the errno (EADDRINUSE, EACCES),
 * IOSSL_E_RESOLVE, IOSSL_E_USAGE, IOSSL_E_MEMORY.
 */
IOSSL_API iossl_listener *iossl_listener_new(const char *host, const char *port, iossl_error *err);
/* Closes it; connections that came of it stay. NULL is a no-op. */
IOSSL_API void iossl_listener_free(iossl_listener *listener);
/* To poll(2) for POLLIN; it is in non-blocking mode. */
IOSSL_API int iossl_listener_get_fd(const iossl_listener *listener);
/* In host byte order; 0: it can't be told. */
IOSSL_API int iossl_listener_get_port(const iossl_listener *listener);
/*
 * The next connection that comes in, in *out; it owns its descriptor, which is in blocking mode. Its
 * handshake is yet to be done, and is best done where a slow peer keeps no one else: in a thread, or
 * with IOSSL_POLL.
 *
 * IOSSL_OK         *out is a server; iossl_conn_free() it. Else it is NULL.
 * IOSSL_WANT_READ  no one is there (only with IOSSL_POLL or IOSSL_AS_FD).
 * IOSSL_TIMEOUT, IOSSL_INTERRUPTED  may be called again.
 * IOSSL_ERROR      IOSSL_E_SYSTEM with the errno: with EMFILE and its like, the peer stays in the
 *                  queue until descriptors are free; IOSSL_E_MEMORY.
 */
IOSSL_API iossl_status iossl_accept(iossl_conn **out, iossl_ctx *ctx, iossl_listener *listener,
                                    int64_t timeout_ms, iossl_error *err) IOSSL_MUST_CHECK;

/* ---- Connections --------------------------------------------------------------------------- */

/*
 * A connection over a transport, which is owned from now on (freed even on failure). Takes a
 * reference of ctx. The role need not be that of the context's config.
 */
IOSSL_API iossl_conn *iossl_conn_new(iossl_ctx *ctx, iossl_role role, iossl_transport *transport,
                                     iossl_error *err);
/* The same over a descriptor, which stays the caller's: freeing the connection doesn't close it. */
IOSSL_API iossl_conn *iossl_conn_new_fd(iossl_ctx *ctx, iossl_role role, int fd, iossl_error *err);
/* The same over a descriptor that is owned from now on: closed with the connection, and on failure. */
IOSSL_API iossl_conn *iossl_conn_new_owned_fd(iossl_ctx *ctx, iossl_role role, int fd,
                                              iossl_error *err);
/* Adds a reference; returns conn. It stays with one thread at a time. NULL gives NULL. */
IOSSL_API iossl_conn *iossl_conn_up_ref(iossl_conn *conn);
/* Frees in every state and sends nothing: iossl_shutdown() first where the peer should know. */
IOSSL_API void iossl_conn_free(iossl_conn *conn);

/* ---- Settings of a connection -------------------------------------------------------------- */

/*
 * For protocols that begin in the clear and go over to TLS (STARTTLS). The handshake begins with the
 * first byte that the program hasn't read. What it did read past the line that said "go ahead" came
 * in the clear: used as if it had come through TLS, it lets anyone on the way speak for the peer
 * (RFC 3207 section 6, RFC 2595 section 9). So tell how much of it is left in the program's buffer,
 * in either role, before the handshake; and forget, too, what the peer said before (as its
 * capabilities).
 *
 * len  bytes that are left; 0 is IOSSL_OK and changes nothing.
 *
 * IOSSL_ERROR  IOSSL_E_HANDSHAKE: bytes are left; the connection has failed, without a byte sent.
 */
IOSSL_API iossl_status iossl_conn_refuse_leftover(iossl_conn *conn, size_t len, iossl_error *err)
    IOSSL_MUST_CHECK;

/* The name sent by SNI and, unless iossl_conn_set_verify_name() says otherwise, verified. IP
 * addresses are verified but not sent (RFC 6066). Before the handshake. */
IOSSL_API iossl_status iossl_conn_set_hostname(iossl_conn *conn, const char *name,
                                               iossl_error *err);
/* Only the name sent by SNI, as it is given; NULL or "": none. */
IOSSL_API iossl_status iossl_conn_set_sni(iossl_conn *conn, const char *name, iossl_error *err);
/* Only the name to verify; NULL: none known. */
IOSSL_API iossl_status iossl_conn_set_verify_name(iossl_conn *conn, const char *name,
                                                  iossl_error *err);
/* Where that name came from, for who reads the error: "SSL_hostname", "the command line"; copied, up
 * to 63 bytes. To be called after the name was set. NULL: not told. */
IOSSL_API void iossl_conn_set_verify_name_source(iossl_conn *conn, const char *source);
/* For this connection, instead of what the context has; as iossl_config_set_*(), which see. Before the
 * handshake: IOSSL_E_STATE after it has begun. scheme is copied, psl lent, pins get a reference. */
IOSSL_API iossl_status iossl_conn_set_verify_mode(iossl_conn *conn, int mode, iossl_error *err);
IOSSL_API iossl_status iossl_conn_set_scheme(iossl_conn *conn, const iossl_scheme *scheme,
                                             iossl_error *err);
IOSSL_API iossl_status iossl_conn_set_psl(iossl_conn *conn, const iossl_psl *psl,
                                          iossl_error *err);
IOSSL_API iossl_status iossl_conn_set_require_name(iossl_conn *conn, bool on, iossl_error *err);
IOSSL_API iossl_status iossl_conn_set_pins(iossl_conn *conn, iossl_pins *pins, bool require,
                                           iossl_error *err);
IOSSL_API iossl_status iossl_conn_set_tlsa(iossl_conn *conn, iossl_tlsa *tlsa, iossl_error *err);
/*
 * The program's own say on each certificate of the chain, called for every verdict of OpenSSL
 * (SSL_CTX_set_verify(3)); ok is OpenSSL's. Returning true overrides it; name and pins are checked
 * after it all the same. Called with IOSSL_VERIFY_NONE too on clients, where the answer counts
 * for nothing. Of several paths to a trust anchor it hears of the one that is good, or, where none
 * is, of OpenSSL's first.
 */
typedef bool (*iossl_verify_cb)(void *arg, bool ok, X509_STORE_CTX *store_ctx);
IOSSL_API void iossl_conn_set_verify_cb(iossl_conn *conn, iossl_verify_cb cb, void *arg);
/* Sees each protocol message: SSL_set_msg_callback(3). NULL removes it. */
typedef void (*iossl_msg_cb)(void *arg, bool sent, int version, int content_type, const void *buf,
                             size_t len);
IOSSL_API void iossl_conn_set_msg_cb(iossl_conn *conn, iossl_msg_cb cb, void *arg);
/* What such a message is, for people: "* TLSv1.3 (OUT), TLS handshake, ClientHello (1)". Cut to size
 * bytes with the NUL (100 are enough). False, and "": a part of another one, as a record's header. */
IOSSL_API bool iossl_message_text(char *out, size_t size, bool sent, int version, int content_type,
                                  const void *buf, size_t len);

/*
 * Client: keep the sessions of this connection here under this key, and begin with one that is here.
 * (Server: see iossl_config_set_sessions_by_id(); the key is not used.)
 * A session is only offered where it was made under the same name, verification settings, trust and
 * client certificate; name and pins are checked again. Tickets of TLS 1.3 come with the first data
 * that is read, and each is offered by one connection only (RFC 8446 appendix C.4), so that nobody who
 * watches can tell by them that two connections are of one client: it leaves the cache for that. Who
 * reads nothing gets no new ones. Before the handshake. The first form takes a reference of the cache; in the second
 * arg is owned from now on, also on failure.
 */
IOSSL_API iossl_status iossl_conn_set_session_cache(iossl_conn *conn, iossl_session_cache *cache,
                                                    const char *key, iossl_error *err);
IOSSL_API iossl_status iossl_conn_set_session_store(iossl_conn *conn,
                                                    const iossl_session_store *store, void *arg,
                                                    const char *key, iossl_error *err);

/* Client, as for sessions: where answers are kept, instead of the context's cache. In the second
 * form arg is owned from now on, also on failure. */
IOSSL_API iossl_status iossl_conn_set_ocsp_cache(iossl_conn *conn, iossl_ocsp_cache *cache,
                                                 iossl_error *err);
IOSSL_API iossl_status iossl_conn_set_ocsp_store(iossl_conn *conn, const iossl_ocsp_store *store,
                                                 void *arg, iossl_error *err);
/*
 * IOSSL_OCSP_*, before the handshake. A staple that says revoked (or unknown) of a certificate of
 * the chain fails the handshake with IOSSL_E_REVOKED in any mode that asks; with MUST_STAPLE, or
 * where the verified leaf demands it (RFC 7633), so does a missing one or one that can't be relied
 * on. A resumed session was checked when it was made, and is only resumed under the same mode.
 */
IOSSL_API iossl_status iossl_conn_set_ocsp_mode(iossl_conn *conn, int mode, iossl_error *err);
/*
 * The program's own judgement of a staple, NULL where none came, in place of ours (which still
 * follows where a staple is required). false: fail the handshake (IOSSL_E_CALLBACK). response is
 * lent during the call. Not called where a session is resumed.
 */
typedef bool (*iossl_staple_cb)(void *arg, OCSP_RESPONSE *response);
IOSSL_API void iossl_conn_set_staple_cb(iossl_conn *conn, iossl_staple_cb cb, void *arg);
/*
 * Server: where the staple for this certificate comes from, before files and in place of the
 * responder. It hands the response over by calling give(to, der, len), which copies; or doesn't: then
 * there is none. The context keeps it for all its connections until its end; the source is called when
 * a client wants a staple and there is none, or half of the time of what there is is over (then, if
 * it gives nothing newer, once a minute). false: fail the handshake (IOSSL_E_CALLBACK).
 */
typedef void (*iossl_staple_give)(void *to, const void *der, size_t len);
typedef bool (*iossl_staple_source)(void *arg, X509 *cert, iossl_staple_give give, void *to);
IOSSL_API void iossl_conn_set_staple_source(iossl_conn *conn, iossl_staple_source source,
                                            void *arg);

/* What came of the staple on a client. */
typedef enum {
    IOSSL_STAPLE_UNCHECKED,     /* not asked for, a resumed session, or left to the program       */
    IOSSL_STAPLE_NONE,          /* asked for, none came                                           */
    IOSSL_STAPLE_UNUSABLE,      /* one that can't be relied on                                    */
    IOSSL_STAPLE_GOOD,          /* verified: not revoked                                          */
    IOSSL_STAPLE_BAD            /* verified: revoked or unknown; the handshake failed             */
} iossl_staple_state;
IOSSL_API iossl_staple_state iossl_conn_get_staple_state(const iossl_conn *conn);
/* Why it can't be relied on (IOSSL_STAPLE_UNUSABLE), else NULL. Borrowed. */
IOSSL_API const char *iossl_conn_get0_staple_error(const iossl_conn *conn);
/* The bytes that came; NULL and 0: none did. Borrowed. */
IOSSL_API const unsigned char *iossl_conn_get0_staple(const iossl_conn *conn, size_t *len);

/*
 * Client: what iossl_handshake() sends. With the first message, as early data, where a session is
 * resumed whose server takes that much; else, and where the server rejects it, when the handshake is
 * done and the peer verified. Either way it is sent once, and the handshake is over when it is. Before the handshake; copied.
 *
 * WARNING: early data can be replayed by whoever records it, and isn't protected should the server's
 * ticket key become known. So only whole requests of HTTP/1 that change nothing (GET, HEAD, OPTIONS,
 * TRACE, without a body) are taken: IOSSL_E_OPTION for all else, unless insist says that a repetition does
 * no harm. Up to IOSSL_EARLY_DATA_MAX bytes. Where the handshake fails after they went, the error says so:
 * the server may have acted on them.
 *
 * They go early only with a session that was made for the same name, trust, pins and verification (as for
 * every resumption), and for the same server name and application protocol.
 */
IOSSL_API iossl_status iossl_conn_set_early_data(iossl_conn *conn, const void *data, size_t len,
                                                 bool insist, iossl_error *err);
/* Server: is what was read so far early data that may be a replay? False once the handshake is done,
 * which reading on, or iossl_shutdown(), sees to. */
IOSSL_API bool iossl_conn_is_early(const iossl_conn *conn);

/* ---- Handshake, reading, writing, end ------------------------------------------------------ */

/*
 * Runs the handshake until it completes, fails, or the time is up.
 *
 * IOSSL_OK                the peer is verified as the settings ask; at once if established already.
 * IOSSL_WANT_READ/_WRITE  only with IOSSL_POLL or IOSSL_AS_FD: wait for the transport, call again.
 * IOSSL_TIMEOUT, IOSSL_INTERRUPTED  may be called again.
 * IOSSL_ERROR             IOSSL_E_VERIFY, _NAME, _NO_NAME, _PIN, _HANDSHAKE, _SYSTEM, _TRUNCATED;
 *                         only iossl_conn_free() remains. Never raises SIGPIPE.
 *
 * RFC 8446 section 4, RFC 5246 section 7; names per RFC 6125.
 */
IOSSL_API iossl_status iossl_handshake(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
    IOSSL_MUST_CHECK;

/*
 * Reads up to size bytes, at most what one record holds: *got > 0 with IOSSL_OK. size 0 is IOSSL_OK
 * with *got 0 and touches nothing.
 * IOSSL_EOF            the peer sent close_notify.
 * IOSSL_ERROR          IOSSL_E_TRUNCATED: the transport ended without one, so data may be missing;
 *                      IOSSL_E_READ with the errno (ECONNRESET) or OpenSSL's reasons;
 *                      IOSSL_E_STATE before the handshake. One that has begun is finished first, with
 *                      its errors.
 * others               as iossl_handshake().
 */
IOSSL_API iossl_status iossl_read(iossl_conn *conn, void *buf, size_t size, size_t *got,
                                  int64_t timeout_ms, iossl_error *err) IOSSL_MUST_CHECK;
/* The same, but the bytes stay to be read again. */
IOSSL_API iossl_status iossl_peek(iossl_conn *conn, void *buf, size_t size, size_t *got,
                                  int64_t timeout_ms, iossl_error *err) IOSSL_MUST_CHECK;
/* Bytes that a read returns without asking the transport. */
IOSSL_API size_t iossl_pending(const iossl_conn *conn);

/* What ends a line. */
typedef struct iossl_separator {
    enum {
        IOSSL_SEP_STRING,     /* the line ends with these bytes                                   */
        IOSSL_SEP_PARAGRAPH,  /* at an empty line; more of them are skipped                       */
        IOSSL_SEP_RECORD,     /* after length bytes                                               */
        IOSSL_SEP_NONE        /* only at the end of the stream                                    */
    } kind;
    const char *bytes;        /* IOSSL_SEP_STRING: not empty                                      */
    size_t length;
} iossl_separator;

/*
 * Reads a line piece by piece: each call lends a piece that is valid until the next call on this
 * connection; the line is complete when *done is true.
 *
 * IOSSL_OK   *piece, *len > 0 (or 0 with *done where a paragraph ended with a line end at hand).
 * IOSSL_EOF  the stream ended (also if truncated: what is missing can't be told here; err then holds
 *            IOSSL_E_TRUNCATED); what came before is the last line.
 * others     as iossl_read(); a line that was begun may be continued.
 */
IOSSL_API iossl_status iossl_read_line(iossl_conn *conn, const iossl_separator *separator,
                                       const char **piece, size_t *len, bool *done,
                                       int64_t timeout_ms, iossl_error *err) IOSSL_MUST_CHECK;

/*
 * Writes at most one record (16384 bytes) and tells in *put how many were taken; 0 bytes is
 * IOSSL_OK. After IOSSL_WANT_*, _TIMEOUT and _INTERRUPTED a record may be half on its way: the next
 * write has to begin with the same bytes, wherever they lie, and as many or more.
 * May raise SIGPIPE as write(2) does. A handshake that has begun is finished first, as by iossl_read().
 * IOSSL_ERROR: IOSSL_E_WRITE with errno or reasons, _STATE. Nothing
 * can be written then; where it was the transport that refused (there is an errno), what the peer sent
 * before can still be read, as an answer that it gave before it left.
 */
IOSSL_API iossl_status iossl_write(iossl_conn *conn, const void *buf, size_t len, size_t *put,
                                   int64_t timeout_ms, iossl_error *err) IOSSL_MUST_CHECK;
/* Writes until all is taken; *put (may be NULL) tells how much was when it had to stop. */
IOSSL_API iossl_status iossl_write_all(iossl_conn *conn, const void *buf, size_t len, size_t *put,
                                       int64_t timeout_ms, iossl_error *err) IOSSL_MUST_CHECK;

/*
 * Renews the key that we send with, and with peer_too asks the peer to renew its own, which it does with
 * what it sends next. RFC 8446 section 4.6.3.
 *
 * IOSSL_ERROR  IOSSL_E_UNSUPPORTED: not TLS 1.3; IOSSL_E_STATE: not established, or a write or the last
 *              renewal is half done: nothing has happened. IOSSL_E_WRITE: the connection has failed.
 * others       as iossl_handshake(); what isn't sent yet goes with the next read or write.
 */
IOSSL_API iossl_status iossl_conn_key_update(iossl_conn *conn, bool peer_too, int64_t timeout_ms,
                                             iossl_error *err) IOSSL_MUST_CHECK;

/*
 * Server, TLS 1.3: asks for the client's certificate after the handshake (RFC 8446 section 4.6.2), and
 * waits for the answer, which is verified as the verify mode and the callbacks of the connection say.
 * The mode has to have IOSSL_VERIFY_PEER; with SSL_VERIFY_POST_HANDSHAKE (8) added nobody is asked in
 * the handshake, whether a certificate is required or not.
 *
 * IOSSL_OK     *answered true: iossl_conn_get1_peer_cert() has it; NULL: the client has none to show,
 *              where none is required. false: the client sent data first: read them (its certificate
 *              comes with a later read), or read and call again, which asks no second time.
 * IOSSL_ERROR  IOSSL_E_UNSUPPORTED: TLS 1.2, where renegotiation is refused, or a client that didn't
 *              offer it; IOSSL_E_STATE; the connection still works then. As iossl_handshake(): the
 *              certificate was refused, and only freeing remains.
 * others       as iossl_handshake(): call again.
 */
IOSSL_API iossl_status iossl_request_client_cert(iossl_conn *conn, bool *answered,
                                                 int64_t timeout_ms, iossl_error *err)
    IOSSL_MUST_CHECK;

/*
 * Sends close_notify; with wait_for_peer also waits for the peer's, reading and dropping what comes
 * before; with IOSSL_POLL at most a record per call. Once begun nothing can be written any more.
 * Calling again is harmless. Never raises SIGPIPE. RFC 8446 section 6.1.
 *
 * IOSSL_OK     done as asked; also where the peer, having sent its own, is gone before ours.
 * IOSSL_ERROR  IOSSL_E_SHUTDOWN: a write is half done (see iossl_write(); repeat that first), or the
 *              peer is gone, with the errno (EPIPE) where there is one: only freeing remains.
 * others       as iossl_handshake(): what couldn't be sent yet is not lost, call again.
 */
IOSSL_API iossl_status iossl_shutdown(iossl_conn *conn, bool wait_for_peer, int64_t timeout_ms,
                                      iossl_error *err) IOSSL_MUST_CHECK;

/* ---- What a connection has come to --------------------------------------------------------- */

/* What state the connection is in. */
IOSSL_API bool iossl_conn_is_established(const iossl_conn *conn);
/* Nothing but asking and freeing is possible. */
IOSSL_API bool iossl_conn_has_failed(const iossl_conn *conn);
/* close_notify received, close_notify sent. */
IOSSL_API bool iossl_conn_received_close(const iossl_conn *conn);
IOSSL_API bool iossl_conn_sent_close(const iossl_conn *conn);
IOSSL_API iossl_role iossl_conn_get_role(const iossl_conn *conn);
/* The descriptor of the transport, -1 where it has none. */
IOSSL_API int iossl_conn_get_fd(const iossl_conn *conn);
/* "192.0.2.1:443" or "[2001:db8::1]:443"; NULL where the peer has no such address. iossl_free() it. */
IOSSL_API char *iossl_conn_peer_address(const iossl_conn *conn);

/* What was negotiated; borrowed text, NULL where there is none. */
IOSSL_API const char *iossl_conn_get0_cipher(const iossl_conn *conn);
/* "TLSv1_3", "TLSv1_2", "TLSv1_1", "TLSv1", "SSLv3"; NULL (0) until the handshake has settled it. */
IOSSL_API const char *iossl_conn_get0_version(const iossl_conn *conn);
IOSSL_API int iossl_conn_get_version_number(const iossl_conn *conn);  /* 0x0304 for TLS 1.3      */
/* The group of the key exchange, as "x25519" or "secp256r1". */
IOSSL_API const char *iossl_conn_get0_group(const iossl_conn *conn);
IOSSL_API const char *iossl_conn_get0_servername(const iossl_conn *conn);
/* Not NUL-terminated; *len is 0 and NULL comes back where none was agreed. */
IOSSL_API const unsigned char *iossl_conn_get0_alpn(const iossl_conn *conn, size_t *len);
IOSSL_API const unsigned char *iossl_conn_get0_npn(const iossl_conn *conn, size_t *len);
/* Was a session resumed, instead of a full handshake? */
IOSSL_API bool iossl_conn_is_resumed(const iossl_conn *conn);
/* The identity of the pre-shared key that took the place of certificates; NULL: none did. Borrowed. */
IOSSL_API const char *iossl_conn_get0_psk_identity(const iossl_conn *conn);
/* The name that was verified, NULL where none was. Borrowed. */
IOSSL_API const char *iossl_conn_get0_verified_name(const iossl_conn *conn);

/*
 * Channel binding: bytes that are the same on both ends of this connection and on no other, for an
 * authentication above it (SCRAM-*-PLUS of RFC 5802) that nobody in the middle shall pass on.
 *
 * type  "tls-exporter" (RFC 9266), the one to use where there is a choice; "tls-unique" (RFC 5929),
 *       not with TLS 1.3; "tls-server-end-point" (RFC 5929): a digest of the server's certificate,
 *       so the same on all connections to it.
 * out, *len  the bytes; *len is 0 on failure.
 *
 * IOSSL_E_UNSUPPORTED  not defined, or not safe, on this connection: the first two need the extended
 *                      master secret (RFC 7627) with TLS 1.2; the last a certificate whose signature
 *                      has a digest. IOSSL_E_OPTION: no such type. IOSSL_E_STATE: not established.
 */
#define IOSSL_BINDING_MAX 64
IOSSL_API iossl_status iossl_conn_channel_binding(const iossl_conn *conn, const char *type,
                                                  unsigned char out[IOSSL_BINDING_MAX],
                                                  size_t *len, iossl_error *err);
/*
 * Keys for other uses that only the two ends of this connection can know (RFC 5705, RFC 8446 section
 * 7.5): fills out. The same label and context give the same bytes on both ends.
 *
 * label    that nothing else uses, as "EXPORTER-my-protocol"; up to 249 bytes with TLS 1.3.
 * context  NULL: none, which with TLS 1.2 is something else than an empty one.
 *
 * IOSSL_E_STATE, IOSSL_E_OPTION (a label that TLS uses itself or that is too long). With TLS 1.2, use
 * them to tell who the peer is only where iossl_conn_channel_binding("tls-exporter") works.
 */
IOSSL_API iossl_status iossl_conn_export_keying_material(const iossl_conn *conn, void *out,
                                                         size_t len, const char *label,
                                                         size_t label_len, const void *context,
                                                         size_t context_len, iossl_error *err);
/* What became of early data (RFC 8446 section 2.3). */
typedef enum {
    IOSSL_EARLY_NONE = 0,       /* none were sent                                                 */
    IOSSL_EARLY_REJECTED = 1,
    IOSSL_EARLY_ACCEPTED = 2
} iossl_early_data;

/* All that can be told of a connection in numbers and names; NULL: there is none. */
typedef struct iossl_conn_info {
    const char *protocol;           /* as iossl_conn_get0_version()                               */
    const char *cipher;
    int cipher_bits;                /* of its key; 0: none                                        */
    const char *group;              /* of the key exchange                                        */
    const char *signature;          /* by which the server's key has signed the handshake, as
                                     * "ECDSA+SHA256"; NULL: it hasn't, as where it was resumed   */
    const char *client_signature;   /* the same of the client's                                   */
    bool is_resumed;
    iossl_early_data early_data;
    int64_t handshake_us;           /* from its first step to its last; -1: not yet               */
    uint64_t bytes_in, bytes_out;   /* on the transport, with all that TLS adds                   */
    bool ktls_send, ktls_recv;      /* the kernel encrypts, decrypts (iossl_config_set_ktls())    */
    const unsigned char *alpn;      /* alpn_len bytes                                             */
    size_t alpn_len;
    const char *tlsa;               /* the TLSA record that the server's chain fitted, as
                                     * "3 1 1 ab12..."; NULL: none, as where it was resumed       */
} iossl_conn_info;
/* As it is now; lent until the next call on this connection. NULL: no memory. */
IOSSL_API const iossl_conn_info *iossl_conn_get0_info(iossl_conn *conn);
/* The same in one line, for people: "TLSv1_3, TLS_AES_256_GCM_SHA384, group x25519, signed with
 * ECDSA+SHA256, 1.310 ms, 1610 bytes in, 597 out". iossl_free() it. NULL: no memory. */
IOSSL_API char *iossl_conn_summary(iossl_conn *conn);

/* A signed certificate timestamp of the server's certificate. */
typedef struct iossl_sct {
    const char *source;             /* "handshake", "certificate", "staple"                       */
    const char *status;             /* "valid", "invalid" (signature or time), "unknown log",
                                     * "unknown version", "unverified": as where the chain isn't
                                     * verified, or a session was resumed                         */
    const char *log_name;           /* of the file of logs; NULL: it isn't there                  */
    const unsigned char *log_id;    /* log_id_len bytes: the SHA-256 of its key                   */
    size_t log_id_len;
    uint64_t time_ms;               /* since 1970                                                 */
    const char *signature;          /* its algorithm, as "ecdsa-with-SHA256"; NULL: unknown       */
} iossl_sct;
/* The one of this number, from 0 on; lent by the connection. Those of the certificate are there without
 * asking. False: there are no more, or this is a server. */
IOSSL_API bool iossl_conn_get_sct(const iossl_conn *conn, size_t i, iossl_sct *out);

/* Certificates. get1: X509_free() it; get0: as long as the connection. NULL where there is none. */
IOSSL_API X509 *iossl_conn_get1_peer_cert(const iossl_conn *conn);
/* As sent, on a server without the leaf (SSL_get_peer_cert_chain(3)). */
IOSSL_API STACK_OF(X509) *iossl_conn_get0_peer_chain(const iossl_conn *conn);
/* As sent, leaf first in both roles, where it was refused; NULL: it wasn't, or none came. */
IOSSL_API STACK_OF(X509) *iossl_conn_get0_refused_chain(const iossl_conn *conn);
/* As verified, from the leaf to the trust anchor; after a failure as far as it could be built. NULL
 * also where a session was resumed. */
IOSSL_API STACK_OF(X509) *iossl_conn_get0_verified_chain(const iossl_conn *conn);
IOSSL_API X509 *iossl_conn_get0_own_cert(const iossl_conn *conn);
/* The SSL object, for OpenSSL's own functions. Borrowed. */
IOSSL_API SSL *iossl_conn_get0_ssl(const iossl_conn *conn);
IOSSL_API iossl_ctx *iossl_conn_get0_ctx(const iossl_conn *conn);

/* A pointer of the program's own. */
IOSSL_API void iossl_conn_set_app_data(iossl_conn *conn, void *data);
IOSSL_API void *iossl_conn_get_app_data(const iossl_conn *conn);
/* The connection that an SSL object belongs to, NULL where it isn't one of ours. Borrowed. */
IOSSL_API iossl_conn *iossl_conn_from_ssl(const SSL *ssl);

/* ---- Verifying a chain --------------------------------------------------------------------- */

/*
 * Verifies a chain without a connection, with all that a handshake of this context would check. As
 * there, where OpenSSL's first path to a trust anchor fails (an expired cross-signature), others are
 * tried, up to a bounded number.
 *
 * leaf, chain  as a peer would send them, in any order; chain may be NULL.
 * name         to verify, NULL: none (then the require_name setting decides).
 * at           validity is checked for this time (seconds since 1970), 0: now.
 * role         of the verifier: IOSSL_CLIENT checks a server's certificate.
 */
IOSSL_API iossl_status iossl_verify_chain(iossl_ctx *ctx, iossl_role role, X509 *leaf,
                                          STACK_OF(X509) *chain, const char *name, int64_t at,
                                          iossl_error *err) IOSSL_MUST_CHECK;

/* ---- Diagnosis ----------------------------------------------------------------------------- */

/*
 * All that is wrong with a chain, where a verification stops at the first thing: for showing it to a
 * person, never for deciding. It looks at what a handshake would, callbacks of the program and OCSP
 * aside.
 */
typedef struct iossl_diagnosis iossl_diagnosis;

/* One thing that is wrong. Borrowed from the diagnosis. */
typedef struct iossl_finding {
    iossl_error_code code;  /* IOSSL_E_VERIFY, _NAME, _NO_NAME or _PIN                            */
    int verify_code;        /* X509_V_ERR_*, 0: none                                              */
    int depth;              /* of the certificate that it is about: 0 is the leaf                 */
    X509 *cert;             /* that certificate; NULL where OpenSSL names none                    */
    const char *what;       /* a sentence; names in it are escaped as X509_NAME_oneline(3) does   */
    const char *remedy;     /* what to do, in the words of IO::Socket::SSL's options              */
} iossl_finding;

/* Of a chain by itself; arguments as iossl_verify_chain()'s. NULL: no memory. */
IOSSL_API iossl_diagnosis *iossl_diagnose(iossl_ctx *ctx, iossl_role role, X509 *leaf,
                                          STACK_OF(X509) *chain, const char *name, int64_t at,
                                          iossl_error *err);
/* Of what the peer sent, by the settings of the connection, whether it was refused or not. NULL: no
 * memory, or IOSSL_E_STATE where no certificate came. */
IOSSL_API iossl_diagnosis *iossl_conn_diagnose(const iossl_conn *conn, iossl_error *err);
IOSSL_API void iossl_diagnosis_free(iossl_diagnosis *diagnosis);
/* In order from the leaf upwards; the name last. */
IOSSL_API size_t iossl_diagnosis_count(const iossl_diagnosis *diagnosis);
IOSSL_API const iossl_finding *iossl_diagnosis_get0(const iossl_diagnosis *diagnosis, size_t i);
/* The chain as far as it could be built, leaf first. Borrowed. */
IOSSL_API STACK_OF(X509) *iossl_diagnosis_get0_chain(const iossl_diagnosis *diagnosis);

#ifdef __cplusplus
}
#endif

#endif
