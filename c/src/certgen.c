/*
 * certgen.c - what a certificate will be: each setting of it.
 *
 * Owns      the grammar of serial numbers, parts of names and times; copies of all values.
 * Promises  a setter that fails changes nothing.
 * Leaves    making it to certgen_make.c, taking over another's content to certgen_copy.c, keys to keygen.c;
 *           the words for purposes to purposes.c, single extensions to certext.c.
 * See       RFC 5280 section 4.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "certgen_parts.h"
#include "error.h"
#include "quote.h"

/* RFC 5280 section 4.1.2.2 has 20 bytes; longer ones exist. BN_dec2bn() is quadratic. */
#define MAX_SERIAL_DIGITS 1000
/* The years 0 to 9999, for which ASN.1 has four digits; OpenSSL would write a fifth one. */
#define FIRST_TIME INT64_C(-62167219200)
#define LAST_TIME  INT64_C(253402300799)

/* ---- Life ------------------------------------------------------------------------------------ */

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
iossl_status
iossl_certgen_push_extension(iossl_certgen *gen, iossl_certext *ext, iossl_error *err)
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
    return iossl_certgen_push_extension(gen, &ext, err);
}
