/*
 * fingerprint.c - pinning a peer by digest, and the text form people write it in.
 *
 * Owns      the grammar "algo$hex", "algo$pub$hex", bare hex; digests of certificates; the set of
 *           pins.
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

#include "error.h"
#include "init.h"

#define DEFAULT_DIGEST "sha256"

/* Longer than any digest name of OpenSSL ("RSA-SHA512/256"). */
#define MAX_DIGEST_NAME 63

/* How much of a refused text an error shows. */
#define SHOWN 200

typedef struct pin {
    const EVP_MD *md;       /* OpenSSL's own table or init.c owns it */
    bool pubkey;
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

/* False where OpenSSL refuses, its reasons queued. */
static bool
digest_of(const X509 *cert, const EVP_MD *md, bool pubkey, unsigned char digest[EVP_MAX_MD_SIZE],
          size_t *len)
{
    unsigned int used = 0;
    int made = pubkey ? X509_pubkey_digest(cert, md, digest, &used)
                      : X509_digest(cert, md, digest, &used);

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
    if (!digest_of(cert, md, pubkey, digest, len)) {
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

/* "[algo$][pub$]hex" -> pin */
static iossl_status
parse_pin(pin *out, const char *text, iossl_error *err)
{
    const char *hex = text;
    const char *dollar = strchr(text, '$');
    const char *name = NULL;
    char algorithm[MAX_DIGEST_NAME + 1];
    size_t i;
    int size;

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
            out->pubkey = true;
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
    size = EVP_MD_size(out->md);
    if (size <= 0 || (size_t)size != out->len) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "invalid fingerprint '%.*s': a %s digest has %d bytes, here are %zu", SHOWN,
                        text, name, size > 0 ? size : 0, out->len);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
invalid:
    iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                    "invalid fingerprint '%.*s': write it as sha256$HEX, or sha256$pub$HEX for the "
                    "public key", SHOWN, text);
    return IOSSL_ERROR;
}

iossl_status
iossl_pins_add(iossl_pins *pins, const char *text, iossl_error *err)
{
    pin added;

    if (parse_pin(&added, text, err) != IOSSL_OK)
        return IOSSL_ERROR;
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
    pins->pins[pins->n++] = added;
    return IOSSL_OK;
}

size_t
iossl_pins_count(const iossl_pins *pins)
{
    return pins == NULL ? 0 : pins->n;
}

bool
iossl_pins_match(const iossl_pins *pins, const X509 *cert)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    bool matched = false;
    size_t i, len;

    /* All of them, whichever matches: which one did is nobody's business either. */
    for (i = 0; pins != NULL && cert != NULL && i < pins->n; i++) {
        const pin *p = &pins->pins[i];

        if (digest_of(cert, p->md, p->pubkey, digest, &len) && len == p->len
            && CRYPTO_memcmp(digest, p->digest, len) == 0)
            matched = true;
    }
    iossl_error_clear_queue();
    return matched;
}

bool
iossl_pins_digest(const iossl_pins *pins, unsigned char digest[32])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, iossl_init_sha256(), NULL) == 1;

    for (size_t i = 0; ok && pins != NULL && i < pins->n; i++) {
        const pin *p = &pins->pins[i];
        const unsigned char head[] = {p->pubkey, (unsigned char)p->len};

        ok = EVP_DigestUpdate(md, head, sizeof head) == 1
             && EVP_DigestUpdate(md, p->digest, p->len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(md, digest, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}
