/*
 * fingerprint.c - pinning a peer by digest, and the text form people write it in.
 *
 * Owns      the grammar "algo$hex", "algo$pub$hex", bare hex, "algo//base64"; digests of certificates;
 *           the set of pins.
 * Promises  a digest of a wrong length is refused when it is added, since it could never match; the
 *           time of a comparison doesn't depend on the bytes; a set may be shared by threads.
 * Leaves    what a match is good for to verify.c.
 * See       X509_digest(3), X509_pubkey_digest(3), CRYPTO_memcmp(3).
 */
#include "fingerprint.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "compat.h"
#include "error.h"
#include "init.h"

#define DEFAULT_DIGEST "sha256"

/* Longer than any digest name of OpenSSL ("RSA-SHA512/256"). */
#define MAX_DIGEST_NAME 63

/* How much of a refused text an error shows. */
#define SHOWN 200

/* What a digest is of. The last is what RFC 7469 and others pin: the key with its algorithm. */
typedef enum { WHOLE_CERT, PUBKEY_BITS, PUBKEY_INFO } pinned_part;

typedef struct pin {
    const EVP_MD *md;       /* OpenSSL's own table or init.c owns it */
    pinned_part part;
    size_t len;
    unsigned char digest[EVP_MAX_MD_SIZE];
} pin;

struct iossl_pins {
    atomic_size_t references;
    size_t n, max;
    pin *pins;
};

/* ---- Digests --------------------------------------------------------------------------------- */

static const EVP_MD *
find_digest(const char *algorithm, iossl_error *err)
{
    const EVP_MD *md = strcmp(algorithm, DEFAULT_DIGEST) == 0 ? iossl_init_sha256()
                                                              : EVP_get_digestbyname(algorithm);

    if (md == NULL)
        iossl_error_set_openssl(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                                "Digest algorithm %.*s is not available", SHOWN, algorithm);
    return md;
}

/* The digest of a subjectPublicKeyInfo. */
static int
digest_pubkey_info(const X509 *cert, const EVP_MD *md, unsigned char *digest, unsigned int *used)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    int made = len > 0 && EVP_Digest(der, (size_t)len, digest, used, md, NULL) == 1;

    OPENSSL_free(der);
    return made;
}

/* False where OpenSSL refuses, its reasons queued. */
static bool
digest_of(const X509 *cert, const EVP_MD *md, pinned_part part,
          unsigned char digest[EVP_MAX_MD_SIZE], size_t *len)
{
    unsigned int used = 0;
    int made = part == WHOLE_CERT    ? X509_digest(cert, md, digest, &used)
               : part == PUBKEY_BITS ? X509_pubkey_digest(cert, md, digest, &used)
                                     : digest_pubkey_info(cert, md, digest, &used);

    *len = made == 1 ? used : 0;
    return made == 1;
}

iossl_status
iossl_cert_digest(const X509 *cert, const char *algorithm, bool pubkey,
                  unsigned char digest[EVP_MAX_MD_SIZE], size_t *len, iossl_error *err)
{
    const char *name = algorithm != NULL ? algorithm : DEFAULT_DIGEST;
    iossl_status status = IOSSL_ERROR;
    const EVP_MD *md;

    *len = 0;
    if ((md = find_digest(name, err)) == NULL)
        goto done;
    if (!digest_of(cert, md, pubkey ? PUBKEY_BITS : WHOLE_CERT, digest, len)) {
        iossl_error_set_openssl(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                                "Digest algorithm %.*s is not available: OpenSSL can't make the %s "
                                "digest of this certificate", SHOWN, name,
                                pubkey ? "public key" : "whole");
        goto done;
    }
    status = IOSSL_OK;
done:
    iossl_error_clear_queue();
    return status;
}

/* ASCII only: what the locale thinks of letters doesn't matter here. */
static char
lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* "algo//base64" of the public key, for an algorithm that ends in "//". */
static iossl_status
pin_text(char **out, const X509 *cert, const char *algorithm, iossl_error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char name[MAX_DIGEST_NAME + 3], base64[(EVP_MAX_MD_SIZE + 2) / 3 * 4 + 1];
    size_t len = strlen(algorithm) - 2;
    const EVP_MD *md;

    for (size_t i = 0; i < len; i++)
        name[i] = lower(algorithm[i]);
    name[len] = '\0';
    if ((md = find_digest(name, err)) == NULL)
        return IOSSL_ERROR;
    if (!digest_of(cert, md, PUBKEY_INFO, digest, &len)) {
        iossl_error_set_openssl(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                                "OpenSSL can't make the %s digest of this public key", name);
        return IOSSL_ERROR;
    }
    (void)EVP_EncodeBlock((unsigned char *)base64, digest, (int)len);
    if ((*out = malloc(strlen(name) + 2 + strlen(base64) + 1)) == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    (void)stpcpy(stpcpy(stpcpy(*out, name), "//"), base64);
    return IOSSL_OK;
}

/* Does it ask for the other form, "sha256//"? */
static bool
asks_for_pin_text(const char *algorithm)
{
    size_t len = strlen(algorithm);

    return len > 2 && len <= MAX_DIGEST_NAME + 2 && strcmp(algorithm + len - 2, "//") == 0;
}

iossl_status
iossl_cert_fingerprint(char **out, const X509 *cert, const char *algorithm, bool pubkey,
                       iossl_error *err)
{
    static const char hex[] = "0123456789abcdef";
    const char *name = algorithm != NULL ? algorithm : DEFAULT_DIGEST;
    const char *middle = pubkey ? "$pub$" : "$";
    unsigned char digest[EVP_MAX_MD_SIZE];
    iossl_status status = IOSSL_ERROR;
    size_t len, i;
    char *text, *p;

    *out = NULL;
    if (asks_for_pin_text(name)) {
        status = pin_text(out, cert, name, err);
        iossl_error_clear_queue();
        goto done;
    }
    if (iossl_cert_digest(cert, name, pubkey, digest, &len, err) != IOSSL_OK)
        goto done;
    if ((text = malloc(strlen(name) + strlen(middle) + 2 * len + 1)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    for (p = text, i = 0; name[i] != '\0'; i++)
        *p++ = lower(name[i]);
    for (i = 0; middle[i] != '\0'; i++)
        *p++ = middle[i];
    for (i = 0; i < len; i++) {
        *p++ = hex[digest[i] >> 4];
        *p++ = hex[digest[i] & 15];
    }
    *p = '\0';
    *out = text;
    status = IOSSL_OK;
done:
    return status;
}

/* ---- The set --------------------------------------------------------------------------------- */

iossl_pins *
iossl_pins_new(iossl_error *err)
{
    iossl_pins *pins = calloc(1, sizeof *pins);

    if (pins == NULL)
        iossl_error_memory(err);
    else
        atomic_init(&pins->references, 1);
    return pins;
}

iossl_pins *
iossl_pins_up_ref(iossl_pins *pins)
{
    if (pins != NULL)
        atomic_fetch_add_explicit(&pins->references, 1, memory_order_relaxed);
    return pins;
}

void
iossl_pins_free(iossl_pins *pins)
{
    /* acq_rel: what other owners did with the set happens before it is freed. */
    if (pins == NULL
        || atomic_fetch_sub_explicit(&pins->references, 1, memory_order_acq_rel) != 1)
        return;
    free(pins->pins);
    free(pins);
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hex digits with colons anywhere. False where it is none of the kind, too long, or half a byte. */
static bool
parse_hex(const char *text, unsigned char digest[EVP_MAX_MD_SIZE], size_t *len)
{
    size_t digits = 0;

    memset(digest, 0, EVP_MAX_MD_SIZE);
    for (; *text != '\0'; text++) {
        int value = hex_value(*text);

        if (*text == ':')
            continue;
        if (value < 0 || digits == 2 * (size_t)EVP_MAX_MD_SIZE)
            return false;
        digest[digits / 2] = (unsigned char)(digest[digits / 2] << 4 | value);
        digits++;
    }
    *len = digits / 2;
    return digits > 0 && digits % 2 == 0;
}

static bool
is_digest_name(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        char c = lower(text[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return len > 0 && len <= MAX_DIGEST_NAME;
}

static const char *
digest_by_length(size_t len)
{
    return len == 16 ? "md5" : len == 20 ? "sha1" : len == 32 ? "sha256" : NULL;
}

/* The digest that is in base64, padding and all. False: it isn't, or is too long. */
static bool
parse_base64(const char *text, size_t len, unsigned char digest[EVP_MAX_MD_SIZE], size_t *used)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[(EVP_MAX_MD_SIZE + 2) / 3 * 3];
    size_t padding = len < 4 ? 0 : text[len - 2] == '=' ? 2 : text[len - 1] == '=' ? 1 : 0;
    int n;

    if (len < 4 || len % 4 != 0 || len / 4 * 3 > sizeof bytes
        || strspn(text, letters) != len - padding || (padding == 2 && text[len - 1] != '='))
        return false;
    n = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len);
    if (n < 0 || (size_t)n <= padding || (size_t)n - padding > EVP_MAX_MD_SIZE)
        return false;
    *used = (size_t)n - padding;
    memcpy(digest, bytes, *used);
    return true;
}

/* A digest has the length that its algorithm makes. */
static iossl_status
check_length(const pin *p, const char *name, const char *text, int text_len, iossl_error *err)
{
    int size = EVP_MD_size(p->md);

    if (size > 0 && (size_t)size == p->len)
        return IOSSL_OK;
    iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                    "invalid fingerprint '%.*s': a %s digest has %d bytes, here are %zu",
                    text_len > SHOWN ? SHOWN : text_len, text, name, size > 0 ? size : 0, p->len);
    return IOSSL_ERROR;
}

/* "algo//base64" -> pin, of the first len bytes of text. */
static iossl_status
parse_pubkey_pin(pin *out, const char *text, size_t len, size_t algorithm_len, iossl_error *err)
{
    char algorithm[MAX_DIGEST_NAME + 1];

    memset(out, 0, sizeof *out);
    out->part = PUBKEY_INFO;
    if (!is_digest_name(text, algorithm_len)
        || !parse_base64(text + algorithm_len + 2, len - algorithm_len - 2, out->digest,
                         &out->len)) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "invalid fingerprint '%.*s': write it as sha256//BASE64, the digest of the "
                        "public key with its padding", len > SHOWN ? SHOWN : (int)len, text);
        return IOSSL_ERROR;
    }
    for (size_t i = 0; i < algorithm_len; i++)
        algorithm[i] = lower(text[i]);
    algorithm[algorithm_len] = '\0';
    if ((out->md = find_digest(algorithm, err)) == NULL)
        return IOSSL_ERROR;
    return check_length(out, algorithm, text, (int)len, err);
}

/* "[algo$][pub$]hex" -> pin */
static iossl_status
parse_pin(pin *out, const char *text, iossl_error *err)
{
    const char *hex = text;
    const char *dollar = strchr(text, '$');
    const char *name = NULL;
    char algorithm[MAX_DIGEST_NAME + 1];
    size_t i;

    memset(out, 0, sizeof *out);
    if (dollar != NULL) {
        size_t len = (size_t)(dollar - text);

        if (!is_digest_name(text, len))
            goto invalid;
        for (i = 0; i < len; i++)
            algorithm[i] = lower(text[i]);
        algorithm[len] = '\0';
        name = algorithm;
        hex = dollar + 1;
        if (lower(hex[0]) == 'p' && lower(hex[1]) == 'u' && lower(hex[2]) == 'b' && hex[3] == '$') {
            out->part = PUBKEY_BITS;
            hex += 4;
        }
    }
    if (!parse_hex(hex, out->digest, &out->len))
        goto invalid;
    if (name == NULL && (name = digest_by_length(out->len)) == NULL) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "cannot detect hash algorithm from fingerprint '%.*s': %zu bytes fit "
                        "neither md5, sha1 nor sha256; name it, as in sha256$...", SHOWN, text,
                        out->len);
        return IOSSL_ERROR;
    }
    if ((out->md = find_digest(name, err)) == NULL)
        return IOSSL_ERROR;
    return check_length(out, name, text, (int)strnlen(text, SHOWN), err);
invalid:
    iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                    "invalid fingerprint '%.*s': write it as sha256$HEX, or sha256$pub$HEX or "
                    "sha256//BASE64 for the public key", SHOWN, text);
    return IOSSL_ERROR;
}

static iossl_status
push_pin(iossl_pins *pins, const pin *added, iossl_error *err)
{
    if (pins->n == pins->max) {
        size_t more = pins->max == 0 ? 4 : 2 * pins->max;
        pin *bigger = more > SIZE_MAX / sizeof *bigger
                          ? NULL : realloc(pins->pins, more * sizeof *bigger);

        if (bigger == NULL) {
            iossl_error_memory(err);
            return IOSSL_ERROR;
        }
        pins->pins = bigger;
        pins->max = more;
    }
    pins->pins[pins->n++] = *added;
    return IOSSL_OK;
}

iossl_status
iossl_pins_add(iossl_pins *pins, const char *text, iossl_error *err)
{
    size_t before = pins->n;
    pin added;

    if (strstr(text, "//") == NULL)
        return parse_pin(&added, text, err) == IOSSL_OK ? push_pin(pins, &added, err) : IOSSL_ERROR;
    for (const char *p = text; p != NULL;) {
        const char *slashes = strstr(p, "//");
        size_t len = strcspn(p, ";");
        size_t algorithm_len = slashes == NULL || (size_t)(slashes - p) + 2 > len
                                   ? 0 : (size_t)(slashes - p);

        if (algorithm_len == 0)         /* says what is wrong with it */
            slashes = NULL;
        if ((slashes == NULL ? parse_pin(&added, p, err)
                             : parse_pubkey_pin(&added, p, len, algorithm_len, err)) != IOSSL_OK
            || push_pin(pins, &added, err) != IOSSL_OK) {
            pins->n = before;
            return IOSSL_ERROR;
        }
        p = p[len] == ';' ? p + len + 1 : NULL;
    }
    return IOSSL_OK;
}

size_t
iossl_pins_count(const iossl_pins *pins)
{
    return pins == NULL ? 0 : pins->n;
}

/* The digest that the pin would be of this certificate. */
static bool
digest_by(const iossl_library *library, const X509 *cert, const pin *p,
          unsigned char digest[EVP_MAX_MD_SIZE], size_t *len)
{
    EVP_MD *md;
    bool made;

    if (iossl_library_is_default(library))
        return digest_of(cert, p->md, p->part, digest, len);
    md = iossl_compat_fetch_md(library, OBJ_nid2sn(EVP_MD_type(p->md)));
    made = md != NULL && digest_of(cert, md, p->part, digest, len);
    iossl_compat_free_md(md);
    return made;
}

bool
iossl_pins_match(const iossl_pins *pins, const X509 *cert)
{
    return iossl_pins_match_by(iossl_library_default(), pins, cert);
}

bool
iossl_pins_match_by(const iossl_library *library, const iossl_pins *pins, const X509 *cert)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    bool matched = false;
    size_t i, len;

    /* All of them, whichever matches: which one did is nobody's business either. */
    for (i = 0; pins != NULL && cert != NULL && i < pins->n; i++) {
        const pin *p = &pins->pins[i];

        if (digest_by(library, cert, p, digest, &len) && len == p->len
            && CRYPTO_memcmp(digest, p->digest, len) == 0)
            matched = true;
    }
    iossl_error_clear_queue();
    return matched;
}

bool
iossl_cert_sha256(const X509 *cert, const iossl_library *library, unsigned char digest[32])
{
    unsigned char *der = NULL;
    int len = i2d_X509((X509 *)(uintptr_t)cert, &der);
    bool ok = len > 0
              && EVP_Digest(der, (size_t)len, digest, NULL, iossl_library_sha256(library), NULL) == 1;

    OPENSSL_free(der);
    return ok;
}

bool
iossl_pins_digest(const iossl_pins *pins, const iossl_library *library, unsigned char digest[32])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, iossl_library_sha256(library), NULL) == 1;

    for (size_t i = 0; ok && pins != NULL && i < pins->n; i++) {
        const pin *p = &pins->pins[i];
        const unsigned char head[] = {(unsigned char)p->part, (unsigned char)p->len};

        ok = EVP_DigestUpdate(md, head, sizeof head) == 1
             && EVP_DigestUpdate(md, p->digest, p->len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(md, digest, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}
