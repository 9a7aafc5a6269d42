/*
 * certgen.c - making keys and certificates.
 *
 * Owns      the defaults, the order of extensions, which of them a certificate gets.
 * Promises  a setter that fails changes nothing; making a certificate leaves the builder as it was,
 *           so that it can make the next one.
 * Leaves    the words for purposes to purposes.c, single extensions to certext.c.
 * See       RFC 5280 section 4, X509_sign(3), EVP_PKEY_keygen(3).
 */
#include "certgen.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "certext.h"
#include "certinfo.h"
#include "error.h"
#include "purposes.h"
#include "quote.h"

#define DEFAULT_DAYS     365
#define DEFAULT_RSA_BITS 2048
/* OpenSSL's own bound for verification (OPENSSL_RSA_MAX_MODULUS_BITS); beyond, keys take hours. */
#define MAX_RSA_BITS 16384
/* RFC 5280 section 4.1.2.2 has 20 bytes; longer ones exist. BN_dec2bn() is quadratic. */
#define MAX_SERIAL_DIGITS 1000
/* The years 0 to 9999, for which ASN.1 has four digits; OpenSSL would write a fifth one. */
#define FIRST_TIME INT64_C(-62167219200)
#define LAST_TIME  INT64_C(253402300799)

/* ---- Keys ------------------------------------------------------------------------------------ */

/* A key of this kind; setup sets its parameters, NULL: there are none. */
static EVP_PKEY *
generate(int type, int (*setup)(EVP_PKEY_CTX *ctx, int value), int value)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(type, NULL);
    EVP_PKEY *key = NULL;

    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0 ||
        (setup != NULL && setup(ctx, value) <= 0) || EVP_PKEY_keygen(ctx, &key) <= 0) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static int
set_bits(EVP_PKEY_CTX *ctx, int bits)
{
    return EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits);
}

static int
set_curve(EVP_PKEY_CTX *ctx, int nid)
{
    if (EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, nid) <= 0)
        return 0;
    return EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_NAMED_CURVE);
}

EVP_PKEY *
iossl_key_new_rsa(unsigned int bits, iossl_error *err)
{
    EVP_PKEY *key = NULL;

    ERR_clear_error();
    if (bits <= MAX_RSA_BITS)
        key = generate(EVP_PKEY_RSA, set_bits, (int)bits);
    if (key == NULL)
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "cannot make an RSA key of %u bits%s", bits,
                                bits <= MAX_RSA_BITS ? ":" : "; give 512 to 16384");
    ERR_clear_error();
    return key;
}

/* Curves that are key types of their own. */
static const struct {
    const char *name;
    int type;
} KEY_TYPES[] = {
    {"ED25519", EVP_PKEY_ED25519},
    {"ED448", EVP_PKEY_ED448},
    {"X25519", EVP_PKEY_X25519},
    {"X448", EVP_PKEY_X448},
};

/* By NIST's name, OpenSSL's, its object identifier, or OpenSSL's number for it. */
static int
curve_nid(const char *curve)
{
    int nid = EC_curve_nist2nid(curve);

    if (nid == NID_undef)
        nid = OBJ_txt2nid(curve);
    if (nid == NID_undef && curve[0] != '\0' && strlen(curve) < 10
        && strspn(curve, "0123456789") == strlen(curve))
        nid = (int)strtol(curve, NULL, 10);
    ERR_clear_error();
    return nid;
}

EVP_PKEY *
iossl_key_new_ec(const char *curve, iossl_error *err)
{
    char quoted[IOSSL_QUOTED];
    EVP_PKEY *key = NULL;
    const char *shown;
    const ASN1_OBJECT *id;
    int nid;

    ERR_clear_error();
    for (size_t i = 0; i < sizeof KEY_TYPES / sizeof *KEY_TYPES; i++) {
        if (iossl_certext_same_word(curve, strlen(curve), KEY_TYPES[i].name)) {
            if ((key = generate(KEY_TYPES[i].type, NULL, 0)) == NULL)
                goto failed;
            goto done;
        }
    }
    nid = curve_nid(curve);
    id = nid == NID_undef ? NULL : OBJ_nid2obj(nid);
    /* Some curves have a name but no identifier: nothing could be said of such a key elsewhere. */
    if (id == NULL || OBJ_length(id) == 0 || (key = generate(EVP_PKEY_EC, set_curve, nid)) == NULL)
        goto failed;
    goto done;
failed:
    shown = iossl_quote(quoted, curve, strlen(curve));
    iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                            "unknown curve %.*s; \"openssl ecparam -list_curves\" names what there "
                            "is, besides ED25519, ED448, X25519 and X448%s",
                            (int)strlen(shown) - 2, shown + 1, ERR_peek_error() != 0 ? ":" : "");
done:
    ERR_clear_error();
    return key;
}

/* ---- The builder ----------------------------------------------------------------------------- */

struct iossl_certgen {
    X509_NAME *subject; /* NULL: the default */
    bool has_not_before, has_not_after;
    int64_t not_before, not_after;
    ASN1_INTEGER *serial; /* NULL: random */
    long version;
    const EVP_MD *digest;    /* constant */
    EVP_PKEY *key;           /* NULL: a new one */
    X509 *issuer;            /* NULL: itself */
    EVP_PKEY *issuer_key;    /* NULL: its own */
    GENERAL_NAMES *altnames; /* NULL: none */
    bool is_ca, is_plain;
    iossl_purposes purposes;
    iossl_certext *extensions; /* n_extensions of them, NULL where there are none */
    size_t n_extensions;
};

iossl_certgen *
iossl_certgen_new(iossl_error *err)
{
    iossl_certgen *gen = calloc(1, sizeof *gen);

    if (gen == NULL) {
        iossl_error_memory(err);
        return NULL;
    }
    gen->version = 2;
    gen->digest = EVP_sha256();
    return gen;
}

static void
drop_extensions(iossl_certgen *gen)
{
    for (size_t i = 0; i < gen->n_extensions; i++)
        iossl_certext_cleanup(&gen->extensions[i]);
    free(gen->extensions);
    gen->extensions = NULL;
    gen->n_extensions = 0;
}

void
iossl_certgen_free(iossl_certgen *gen)
{
    if (gen == NULL)
        return;
    X509_NAME_free(gen->subject);
    ASN1_INTEGER_free(gen->serial);
    EVP_PKEY_free(gen->key);
    X509_free(gen->issuer);
    EVP_PKEY_free(gen->issuer_key);
    GENERAL_NAMES_free(gen->altnames);
    drop_extensions(gen);
    free(gen);
}

/* ---- Subject --------------------------------------------------------------------------------- */

static bool
is_utf8(const unsigned char *bytes, int len)
{
    int n;

    for (int at = 0; at < len; at += n) {
        unsigned long value;

        if ((n = UTF8_getc(bytes + at, len - at, &value)) <= 0)
            return false;
    }
    return true;
}

/*
 * The type that suits the part (RFC 5280 and its length limits, as OpenSSL's string table has
 * them); else UTF-8 whatever the limits; else T61, the type that takes any byte.
 */
static bool
add_entry(X509_NAME *name, const ASN1_OBJECT *id, const char *value, int len)
{
    const unsigned char *bytes = (const unsigned char *)value;

    if (X509_NAME_add_entry_by_OBJ(name, id, MBSTRING_UTF8, bytes, len, -1, 0) == 1)
        return true;
    if (is_utf8(bytes, len))
        return X509_NAME_add_entry_by_OBJ(name, id, V_ASN1_UTF8STRING, bytes, len, -1, 0) == 1;
    return X509_NAME_add_entry_by_OBJ(name, id, V_ASN1_T61STRING, bytes, len, -1, 0) == 1;
}

iossl_status
iossl_certgen_clear_subject(iossl_certgen *gen, iossl_error *err)
{
    X509_NAME *empty = X509_NAME_new();

    if (empty == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    X509_NAME_free(gen->subject);
    gen->subject = empty;
    return IOSSL_OK;
}

iossl_status
iossl_certgen_add_subject(iossl_certgen *gen, const char *name, const char *value, size_t len,
                          iossl_error *err)
{
    X509_NAME *first = NULL;
    X509_NAME *subject = gen->subject;
    iossl_status status = IOSSL_ERROR;
    ASN1_OBJECT *id = NULL;

    ERR_clear_error();
    if (subject == NULL && (subject = first = X509_NAME_new()) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    if ((id = OBJ_txt2obj(name, 0)) == NULL) {
        ERR_clear_error();
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "failed to add entry for %s - OpenSSL knows no part of a name by this "
                        "name; give a short, long or dotted one, as CN, commonName, 2.5.4.3",
                        name);
        goto done;
    }
    if (len > INT_MAX || !add_entry(subject, id, value, (int)len)) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "failed to add entry for %s -%s", name,
                                len > INT_MAX ? " it is too long" : "");
        goto done;
    }
    gen->subject = subject;
    first = NULL;
    status = IOSSL_OK;
done:
    ASN1_OBJECT_free(id);
    X509_NAME_free(first);
    ERR_clear_error();
    return status;
}

/* ---- Other setters --------------------------------------------------------------------------- */

/* Takes a time that set_time() can write. */
static iossl_status
keep_time(int64_t *out, bool *has, int64_t time, const char *what, iossl_error *err)
{
    if (time < FIRST_TIME || time > LAST_TIME || (int64_t)(time_t)time != time) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "%s %lld is no time that a certificate can have; give seconds since 1970, "
                        "for a year from 0 to 9999",
                        what, (long long)time);
        return IOSSL_ERROR;
    }
    *out = time;
    *has = true;
    return IOSSL_OK;
}

iossl_status
iossl_certgen_set_not_before(iossl_certgen *gen, int64_t time, iossl_error *err)
{
    return keep_time(&gen->not_before, &gen->has_not_before, time, "not_before", err);
}

iossl_status
iossl_certgen_set_not_after(iossl_certgen *gen, int64_t time, iossl_error *err)
{
    return keep_time(&gen->not_after, &gen->has_not_after, time, "not_after", err);
}

/* The whole text as a number; NULL: it isn't one, or there is no memory. */
static BIGNUM *
parse_number(const char *text)
{
    const char *digits = *text == '-' ? text + 1 : text;
    bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    BIGNUM *number = NULL;
    size_t len;
    int used;

    if (is_hex)
        digits += 2;
    len = strlen(digits);
    if (len == 0 || len > MAX_SERIAL_DIGITS)
        return NULL;
    used = is_hex ? BN_hex2bn(&number, digits) : BN_dec2bn(&number, digits);
    /* What OpenSSL has read may end early, or begin with a sign of its own. */
    if (used <= 0 || (size_t)used != len || *digits == '-') {
        BN_free(number);
        return NULL;
    }
    BN_set_negative(number, *text == '-');
    return number;
}

iossl_status
iossl_certgen_set_serial(iossl_certgen *gen, const char *serial, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    char quoted[IOSSL_QUOTED];
    ASN1_INTEGER *made = NULL;
    BIGNUM *number = NULL;

    ERR_clear_error();
    if (serial != NULL && (number = parse_number(serial)) == NULL) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "serial %s is no whole number; give it in decimal, or in hex after 0x",
                        iossl_quote(quoted, serial, strlen(serial)));
        goto done;
    }
    if (number != NULL && !BN_is_zero(number) &&
        (made = BN_to_ASN1_INTEGER(number, NULL)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    ASN1_INTEGER_free(gen->serial);
    gen->serial = made;
    status = IOSSL_OK;
done:
    BN_free(number);
    ERR_clear_error();
    return status;
}

iossl_status
iossl_certgen_set_version(iossl_certgen *gen, long version, iossl_error *err)
{
    if (version < 0 || version > 2) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "version %ld of X.509 doesn't exist; give 2 for a v3 certificate, or 0, 1",
                        version);
        return IOSSL_ERROR;
    }
    gen->version = version;
    return IOSSL_OK;
}

iossl_status
iossl_certgen_set_digest(iossl_certgen *gen, const char *digest, iossl_error *err)
{
    const EVP_MD *md = EVP_get_digestbyname(digest);

    ERR_clear_error();
    if (md == NULL) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "Digest algorithm %s is not available", digest);
        return IOSSL_ERROR;
    }
    gen->digest = md;
    return IOSSL_OK;
}

void
iossl_certgen_set_key(iossl_certgen *gen, EVP_PKEY *key)
{
    if (key != NULL)
        EVP_PKEY_up_ref(key);
    EVP_PKEY_free(gen->key);
    gen->key = key;
}

void
iossl_certgen_set_issuer(iossl_certgen *gen, X509 *cert, EVP_PKEY *key)
{
    if (cert != NULL)
        X509_up_ref(cert);
    if (key != NULL)
        EVP_PKEY_up_ref(key);
    X509_free(gen->issuer);
    EVP_PKEY_free(gen->issuer_key);
    gen->issuer = cert;
    gen->issuer_key = key;
}

void
iossl_certgen_set_ca(iossl_certgen *gen, bool on)
{
    gen->is_ca = on;
}

void
iossl_certgen_set_plain(iossl_certgen *gen, bool on)
{
    gen->is_plain = on;
}

iossl_status
iossl_certgen_set_purpose(iossl_certgen *gen, const char *name, bool on, iossl_error *err)
{
    return iossl_purposes_set(&gen->purposes, name, strlen(name), on, err);
}

iossl_status
iossl_certgen_add_purpose(iossl_certgen *gen, const char *word, iossl_error *err)
{
    return iossl_purposes_add_word(&gen->purposes, word, err);
}

iossl_status
iossl_certgen_add_purposes(iossl_certgen *gen, const char *words, iossl_error *err)
{
    return iossl_purposes_add_words(&gen->purposes, words, err);
}

/* Takes over the name, also where there is no memory. */
static iossl_status
push_altname(iossl_certgen *gen, GENERAL_NAME *name, iossl_error *err)
{
    if (name == NULL)
        return IOSSL_ERROR;
    if ((gen->altnames == NULL && (gen->altnames = sk_GENERAL_NAME_new_null()) == NULL) ||
        sk_GENERAL_NAME_push(gen->altnames, name) <= 0) {
        GENERAL_NAME_free(name);
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

iossl_status
iossl_certgen_add_altname(iossl_certgen *gen, const char *type, const char *value, size_t len,
                          iossl_error *err)
{
    iossl_status status;

    ERR_clear_error();
    status = push_altname(gen, iossl_certext_altname(type, value, len, err), err);
    ERR_clear_error();
    return status;
}

iossl_status
iossl_certgen_add_altname_der(iossl_certgen *gen, const unsigned char *der, size_t len,
                              iossl_error *err)
{
    const unsigned char *at = der;
    GENERAL_NAME *name = NULL;
    iossl_status status = IOSSL_ERROR;

    ERR_clear_error();
    if (len <= LONG_MAX)
        name = d2i_GENERAL_NAME(NULL, &at, (long)len);
    if (name != NULL && at == der + len) {
        status = push_altname(gen, name, err);
    } else {
        GENERAL_NAME_free(name);
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "subjectAltNames: these %zu bytes are no GeneralName (RFC 5280 "
                                "section 4.2.1.6)%s",
                                len, ERR_peek_error() != 0 ? ":" : "");
    }
    ERR_clear_error();
    return status;
}

/* Takes over what ext holds, also where there is no memory. */
static iossl_status
push_extension(iossl_certgen *gen, iossl_certext *ext, iossl_error *err)
{
    iossl_certext *longer;

    longer = realloc(gen->extensions, (gen->n_extensions + 1) * sizeof *longer);
    if (longer == NULL) {
        iossl_certext_cleanup(ext);
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    longer[gen->n_extensions++] = *ext;
    gen->extensions = longer;
    return IOSSL_OK;
}

iossl_status
iossl_certgen_add_extension(iossl_certgen *gen, int nid, const char *name, const char *text,
                            const unsigned char *der, size_t der_len, bool critical,
                            iossl_error *err)
{
    iossl_certext ext;

    ERR_clear_error();
    if (iossl_certext_init(&ext, nid, name, text, der, der_len, critical, err) != IOSSL_OK)
        return IOSSL_ERROR;
    return push_extension(gen, &ext, err);
}

/* ---- Another certificate's content ----------------------------------------------------------- */

static bool
is_key_identifier(int nid)
{
    return nid == NID_subject_key_identifier || nid == NID_authority_key_identifier;
}

/* All extensions byte by byte, but those that belong to the keys. */
static iossl_status
copy_extensions(iossl_certgen *gen, const X509 *cert, iossl_error *err)
{
    for (int i = 0; i < X509_get_ext_count(cert); i++) {
        X509_EXTENSION *extension = X509_get_ext(cert, i);
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
        iossl_certext ext = {.critical = X509_EXTENSION_get_critical(extension) > 0};

        if (is_key_identifier(OBJ_obj2nid(X509_EXTENSION_get_object(extension))))
            continue;
        ext.der_len = (size_t)ASN1_STRING_length(value);
        ext.id = OBJ_dup(X509_EXTENSION_get_object(extension));
        ext.der = malloc(ext.der_len > 0 ? ext.der_len : 1);
        if (ext.id == NULL || ext.der == NULL) {
            iossl_certext_cleanup(&ext);
            iossl_error_memory(err);
            return IOSSL_ERROR;
        }
        if (ext.der_len > 0)
            memcpy(ext.der, ASN1_STRING_get0_data(value), ext.der_len);
        if (push_extension(gen, &ext, err) != IOSSL_OK)
            return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

/* The digest of a signature; NULL where it has none, or OpenSSL has none by that name. */
static const EVP_MD *
find_digest(int signature)
{
    int digest = NID_undef;
    const char *tail;

    if (OBJ_find_sigid_algs(signature, &digest, NULL) == 1)
        return digest != NID_undef ? EVP_get_digestbynid(digest) : NULL;
    /* OpenSSL's table lacks some, as ecdsa_with_SHA3-256; then the name tells. */
    tail = OBJ_nid2sn(signature);
    while (tail != NULL && (tail = strpbrk(tail, "-_")) != NULL) {
        const EVP_MD *md = EVP_get_digestbyname(++tail);

        if (md != NULL)
            return md;
    }
    return NULL;
}

void
iossl_certgen_set_digest_of(iossl_certgen *gen, const char *signature_alg)
{
    const EVP_MD *digest = find_digest(OBJ_txt2nid(signature_alg));

    if (digest != NULL)
        gen->digest = digest;
    ERR_clear_error();
}

/* Fills a new builder. */
static iossl_status
copy_content(iossl_certgen *gen, const X509 *cert, const iossl_certinfo *info, iossl_error *err)
{
    const EVP_MD *digest = find_digest(X509_get_signature_nid(cert));

    gen->subject = X509_NAME_dup((X509_NAME *)X509_get_subject_name(cert));
    gen->serial = ASN1_INTEGER_dup((ASN1_INTEGER *)X509_get0_serialNumber(cert));
    if (gen->subject == NULL || gen->serial == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    /* An old version with extensions, or an unknown one, isn't taken over: v3 is what it means. */
    if ((info->version == 0 || info->version == 1) && info->n_extensions == 0)
        gen->version = info->version;
    gen->is_plain = true;
    if ((info->not_before != IOSSL_NO_TIME &&
         iossl_certgen_set_not_before(gen, info->not_before, err) != IOSSL_OK) ||
        (info->not_after != IOSSL_NO_TIME &&
         iossl_certgen_set_not_after(gen, info->not_after, err) != IOSSL_OK))
        return IOSSL_ERROR;
    if (digest != NULL)
        gen->digest = digest;
    return copy_extensions(gen, cert, err);
}

iossl_status
iossl_certgen_copy(iossl_certgen *gen, const X509 *cert, iossl_error *err)
{
    iossl_certgen *fresh = NULL, old;
    iossl_status status = IOSSL_ERROR;
    iossl_certinfo *info;

    if ((info = iossl_certinfo_new(cert, err)) == NULL ||
        (fresh = iossl_certgen_new(err)) == NULL ||
        copy_content(fresh, cert, info, err) != IOSSL_OK)
        goto done;
    iossl_certgen_set_key(fresh, gen->key);
    iossl_certgen_set_issuer(fresh, gen->issuer, gen->issuer_key);
    old = *gen; /* the contents change places: */
    *gen = *fresh;
    *fresh = old; /* what was there goes below */
    status = IOSSL_OK;
done:
    iossl_certinfo_free(info);
    iossl_certgen_free(fresh);
    ERR_clear_error();
    return status;
}

/* Kinds that mean nothing, or harm, under another issuer. */
static const int OF_THE_ISSUER[] = {
    NID_undef, /* unknown: who can tell */
    NID_info_access,
    NID_certificate_policies,
    NID_crl_distribution_points,
    NID_freshest_crl,
    NID_ct_precert_scts,
    NID_ct_precert_poison,
    NID_tlsfeature,
};

static bool
is_of_the_issuer(const iossl_certext *ext)
{
    int nid = OBJ_obj2nid(ext->id);

    for (size_t i = 0; i < sizeof OF_THE_ISSUER / sizeof *OF_THE_ISSUER; i++) {
        if (OF_THE_ISSUER[i] == nid)
            return true;
    }
    return false;
}

void
iossl_certgen_forget_issuer(iossl_certgen *gen)
{
    size_t kept = 0;

    for (size_t i = 0; i < gen->n_extensions; i++) {
        if (is_of_the_issuer(&gen->extensions[i]))
            iossl_certext_cleanup(&gen->extensions[i]);
        else
            gen->extensions[kept++] = gen->extensions[i];
    }
    gen->n_extensions = kept;
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* What a certificate is made of while it is made. */
typedef struct {
    const iossl_certgen *gen;
    X509 *cert;
    X509 *issuer;     /* borrowed; cert itself where self-signed */
    EVP_PKEY *signer; /* borrowed */
    iossl_error *err;
} workpiece;

/* UTCTime up to 2049, else GeneralizedTime, as RFC 5280 section 4.1.2.5 has it. */
static bool
set_time(ASN1_TIME *out, int64_t time)
{
    return ASN1_TIME_set(out, (time_t)time) != NULL;
}

static bool
set_default_subject(X509_NAME *name)
{
    static const char organization[] = "IO::Socket::SSL", common[] = "IO::Socket::SSL Test";

    return X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8,
                                      (const unsigned char *)organization, -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)common, -1, -1, 0) == 1;
}

/* 32 bits that nobody can foresee; never 0, which RFC 5280 forbids. */
static bool
set_random_serial(ASN1_INTEGER *out)
{
    unsigned char bytes[4];
    uint64_t serial = 0;

    while (serial == 0) {
        if (RAND_bytes(bytes, sizeof bytes) != 1)
            return false;
        serial = (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 |
                 bytes[3];
    }
    return ASN1_INTEGER_set_uint64(out, serial) == 1;
}

/* All but extensions and signature. */
static bool
fill_body(const workpiece *w, EVP_PKEY *key)
{
    const iossl_certgen *gen = w->gen;
    int64_t now = (int64_t)time(NULL);
    X509 *cert = w->cert;

    return X509_set_version(cert, gen->version) == 1 &&
           (gen->serial != NULL ? X509_set_serialNumber(cert, gen->serial) == 1
                                : set_random_serial(X509_get_serialNumber(cert))) &&
           set_time(X509_getm_notBefore(cert), gen->has_not_before ? gen->not_before : now) &&
           set_time(X509_getm_notAfter(cert),
                    gen->has_not_after ? gen->not_after : now + INT64_C(86400) * DEFAULT_DAYS) &&
           (gen->subject != NULL ? X509_set_subject_name(cert, gen->subject) == 1
                                 : set_default_subject(X509_get_subject_name(cert))) &&
           X509_set_issuer_name(cert, X509_get_subject_name(w->issuer)) == 1 &&
           X509_set_pubkey(cert, key) == 1;
}

/* The identifier of the certificate's key, in method 1 of RFC 5280 section 4.2.1.2. */
static ASN1_OCTET_STRING *
make_key_identifier(const X509 *cert)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len;

    if (id == NULL || X509_pubkey_digest(cert, EVP_sha1(), digest, &len) != 1 ||
        ASN1_OCTET_STRING_set(id, digest, (int)len) != 1) {
        ASN1_OCTET_STRING_free(id);
        return NULL;
    }
    return id;
}

static bool
add(const workpiece *w, int nid, void *value, bool critical)
{
    return X509_add1_ext_i2d(w->cert, nid, value, critical, X509V3_ADD_APPEND) == 1;
}

static bool
add_subject_key_identifier(const workpiece *w)
{
    ASN1_OCTET_STRING *id = make_key_identifier(w->cert);
    bool added = id != NULL && add(w, NID_subject_key_identifier, id, false);

    ASN1_OCTET_STRING_free(id);
    return added;
}

/* As the issuer calls its key; empty where that is the key that is certified. */
static bool
add_authority_key_identifier(const workpiece *w)
{
    AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
    bool added = false;

    if (id == NULL)
        return false;
    if (w->issuer != w->cert) {
        id->keyid = X509_get_ext_d2i(w->issuer, NID_subject_key_identifier, NULL, NULL);
        if (id->keyid == NULL && (id->keyid = make_key_identifier(w->issuer)) == NULL)
            goto done;
    }
    added = add(w, NID_authority_key_identifier, id, false);
done:
    AUTHORITY_KEYID_free(id);
    return added;
}

static bool
add_basic_constraints(const workpiece *w, bool is_ca)
{
    BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    bool added;

    if (constraints == NULL)
        return false;
    constraints->ca = is_ca ? 0xff : 0; /* the value that DER has for true */
    added = add(w, NID_basic_constraints, constraints, true);
    BASIC_CONSTRAINTS_free(constraints);
    return added;
}

/* keyUsage or nsCertType; without any bit there is no such extension. */
static bool
add_bits(const workpiece *w, int nid, unsigned int bits, bool critical)
{
    ASN1_BIT_STRING *string;
    bool added = false;

    if (bits == 0)
        return true;
    if ((string = ASN1_BIT_STRING_new()) == NULL)
        return false;
    for (int i = 0; bits >> i != 0; i++) {
        if ((bits >> i & 1) != 0 && ASN1_BIT_STRING_set_bit(string, i, 1) != 1)
            goto done;
    }
    added = add(w, nid, string, critical);
done:
    ASN1_BIT_STRING_free(string);
    return added;
}

static bool
add_ext_key_usage(const workpiece *w, unsigned int bits)
{
    EXTENDED_KEY_USAGE *usage;
    bool added = false;

    if (bits == 0)
        return true;
    if ((usage = sk_ASN1_OBJECT_new_null()) == NULL)
        return false;
    for (size_t i = 0; i < IOSSL_N_EXT_KEY_USAGE; i++) {
        /* These objects are OpenSSL's constants, which nobody frees. */
        if ((bits >> i & 1) != 0 &&
            sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(iossl_ext_key_usage_nids[i])) <= 0)
            goto done;
    }
    added = add(w, NID_ext_key_usage, usage, false);
done:
    sk_ASN1_OBJECT_free(usage);
    return added;
}

/* The names are critical if an extension of their kind was asked for as critical: it is left out in
 * favour of the names, as from a description, which has both, but not that. */
static bool
add_altnames(const workpiece *w)
{
    const iossl_certgen *gen = w->gen;
    bool critical = false;

    if (gen->altnames == NULL)
        return true;
    for (size_t i = 0; i < gen->n_extensions; i++) {
        if (OBJ_obj2nid(gen->extensions[i].id) == NID_subject_alt_name)
            critical = critical || gen->extensions[i].critical;
    }
    return add(w, NID_subject_alt_name, gen->altnames, critical);
}

/* Extensions that come from something else than iossl_certgen_add_extension(). */
static bool
add_own_extensions(const workpiece *w)
{
    const iossl_certgen *gen = w->gen;
    iossl_usage usage;

    if (!add_subject_key_identifier(w) || !add_authority_key_identifier(w) || !add_altnames(w))
        return false;
    if (gen->is_plain)
        return true;
    usage = iossl_purposes_usage(&gen->purposes, gen->is_ca);
    return add_basic_constraints(w, usage.is_ca) &&
           add_bits(w, NID_key_usage, usage.key_usage, true) &&
           add_bits(w, NID_netscape_cert_type, usage.ns_cert_type, false) &&
           add_ext_key_usage(w, usage.ext_key_usage);
}

/* Kinds that are left out where they are there already: the ones above can make. */
static const int OWN_KINDS[] = {
    NID_subject_key_identifier,
    NID_authority_key_identifier,
    NID_subject_alt_name,
    NID_basic_constraints,
    NID_key_usage,
    NID_netscape_cert_type,
    NID_ext_key_usage,
};

/* Which of them the certificate has, one bit for each. */
static unsigned int
own_kinds_there(const X509 *cert)
{
    unsigned int there = 0;

    for (size_t i = 0; i < sizeof OWN_KINDS / sizeof *OWN_KINDS; i++) {
        if (X509_get_ext_by_NID(cert, OWN_KINDS[i], -1) >= 0)
            there |= 1U << i;
    }
    return there;
}

static bool
is_among(unsigned int kinds, int nid)
{
    for (size_t i = 0; i < sizeof OWN_KINDS / sizeof *OWN_KINDS; i++) {
        if (OWN_KINDS[i] == nid)
            return (kinds >> i & 1) != 0;
    }
    return false;
}

static bool
add_extensions(const workpiece *w)
{
    unsigned int there;

    if (!add_own_extensions(w)) {
        iossl_error_set_openssl(w->err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "cannot add the extensions of the certificate:");
        return false;
    }
    there = own_kinds_there(w->cert);
    for (size_t i = 0; i < w->gen->n_extensions; i++) {
        const iossl_certext *ext = &w->gen->extensions[i];
        X509_EXTENSION *made;
        bool added;

        if (is_among(there, OBJ_obj2nid(ext->id)))
            continue;
        if ((made = iossl_certext_make(ext, w->cert, w->issuer, w->err)) == NULL)
            return false;
        added = X509_add_ext(w->cert, made, -1) == 1;
        X509_EXTENSION_free(made);
        if (!added) {
            iossl_error_memory(w->err);
            return false;
        }
    }
    return true;
}

/* Combinations that no certificate can have. */
static bool
is_consistent(const iossl_certgen *gen, iossl_error *err)
{
    bool has_purposes = gen->is_ca || iossl_purposes_any(&gen->purposes);

    if (gen->version < 2 && (has_purposes || gen->altnames != NULL || gen->n_extensions > 0)) {
        iossl_error_set(
            err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
            "a certificate of version %ld has no extensions, so no purpose, alternative "
            "name or other one; set version 2 (v3)",
            gen->version);
        return false;
    }
    if (gen->is_plain && has_purposes) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                        "a certificate with plain extensions gets no purpose; add keyUsage and the "
                        "like as extensions, or don't set it plain");
        return false;
    }
    return true;
}

/* NULL where the kind of key has a digest of its own (RFC 8410). */
static const EVP_MD *
choose_digest(const EVP_PKEY *key, const EVP_MD *wanted)
{
    int type = EVP_PKEY_id(key);

    return type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448 ? NULL : wanted;
}

static bool
sign(const workpiece *w)
{
    const EVP_MD *md = choose_digest(w->signer, w->gen->digest);

    if (X509_sign(w->cert, w->signer, md) > 0)
        return true;
    iossl_error_set_openssl(
        w->err, IOSSL_E_KEY, IOSSL_RANK_FATAL,
        "cannot sign the certificate with this key%s%s:", md != NULL ? " and digest " : "",
        md != NULL ? OBJ_nid2sn(EVP_MD_type(md)) : "");
    return false;
}

X509 *
iossl_certgen_make(const iossl_certgen *gen, EVP_PKEY **key, iossl_error *err)
{
    workpiece w = {.gen = gen, .err = err};
    EVP_PKEY *own = NULL;
    X509 *result = NULL;

    if (key != NULL)
        *key = NULL;
    ERR_clear_error();
    if (!is_consistent(gen, err))
        goto done;
    if (gen->key != NULL) {
        EVP_PKEY_up_ref(gen->key);
        own = gen->key;
    } else if ((own = iossl_key_new_rsa(DEFAULT_RSA_BITS, err)) == NULL) {
        goto done;
    }
    if ((w.cert = X509_new()) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    w.issuer = gen->issuer != NULL ? gen->issuer : w.cert;
    w.signer = gen->issuer_key != NULL ? gen->issuer_key : own;
    if (!fill_body(&w, own)) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "cannot fill the certificate:");
        goto done;
    }
    if ((gen->version == 2 && !add_extensions(&w)) || !sign(&w))
        goto done;
    result = w.cert; /* ownership of both moves to the caller */
    w.cert = NULL;
    if (key != NULL) {
        *key = own;
        own = NULL;
    }
done:
    X509_free(w.cert);
    EVP_PKEY_free(own);
    ERR_clear_error();
    return result;
}
