/*
 * dane.c - TLSA records (DANE): which certificate a server has, by the word of its DNS.
 *
 * Owns      the set of records, their text form, which of them can be used, which one fitted.
 * Promises  a record that can't be read is refused when it is added; one of a kind that isn't known is
 *           left out (RFC 7671 section 4.1), but a set of which none can be used lets nobody pass.
 * Leaves    chains to OpenSSL, the order of checks to verify.c; looking records up, and whether DNSSEC
 *           vouches for them, to the program.
 * See       SSL_CTX_dane_enable(3), RFC 6698, RFC 7671.
 */
#include "dane.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "compat.h"
#include "context.h"
#include "error.h"
#include "init.h"

/* Of RFC 6698 section 2.1. */
#define DANE_EE 3
#define SELECTOR_SPKI 1
#define MATCHING_FULL 0

typedef struct {
    unsigned char usage, selector, matching;
    unsigned char *data;        /* owned */
    size_t len;
} record;

struct iossl_tlsa {
    atomic_size_t references;
    size_t n, max, n_unusable;
    record *records;
};

iossl_tlsa *
iossl_tlsa_new(iossl_error *err)
{
    iossl_tlsa *tlsa = calloc(1, sizeof *tlsa);

    if (tlsa == NULL)
        iossl_error_memory(err);
    else
        atomic_init(&tlsa->references, 1);
    return tlsa;
}

iossl_tlsa *
iossl_tlsa_up_ref(iossl_tlsa *tlsa)
{
    if (tlsa != NULL)
        atomic_fetch_add_explicit(&tlsa->references, 1, memory_order_relaxed);
    return tlsa;
}

void
iossl_tlsa_free(iossl_tlsa *tlsa)
{
    if (tlsa == NULL
        || atomic_fetch_sub_explicit(&tlsa->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < tlsa->n; i++)
        free(tlsa->records[i].data);
    free(tlsa->records);
    free(tlsa);
}

size_t
iossl_tlsa_count(const iossl_tlsa *tlsa)
{
    return tlsa == NULL ? 0 : tlsa->n;
}

/* ---- Adding ---------------------------------------------------------------------------------- */

static size_t
digest_length(int matching)
{
    return matching == 1 ? 32 : matching == 2 ? 64 : 0;
}

/* Is all of it, and nothing else, the DER of a certificate with a key that OpenSSL knows, or of a key? */
static bool
is_der(int selector, const unsigned char *data, size_t len)
{
    const unsigned char *p = data;
    bool is_short = len <= LONG_MAX;
    X509 *cert = selector == SELECTOR_SPKI || !is_short ? NULL : d2i_X509(NULL, &p, (long)len);
    EVP_PKEY *key = selector == SELECTOR_SPKI && is_short ? d2i_PUBKEY(NULL, &p, (long)len) : NULL;
    bool ok = (key != NULL || (cert != NULL && X509_get0_pubkey(cert) != NULL)) && p == data + len;

    X509_free(cert);
    EVP_PKEY_free(key);
    iossl_error_clear_queue();
    return ok;
}

static iossl_status
refuse(iossl_error *err, int usage, int selector, int matching, const char *why)
{
    iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "TLSA record %d %d %d: %s", usage, selector,
                    matching, why);
    return IOSSL_ERROR;
}

iossl_status
iossl_tlsa_add(iossl_tlsa *tlsa, int usage, int selector, int matching, const void *data, size_t len,
               iossl_error *err)
{
    record added = {.usage = (unsigned char)usage, .selector = (unsigned char)selector,
                    .matching = (unsigned char)matching, .len = len};

    if (usage < 0 || usage > 255 || selector < 0 || selector > 255 || matching < 0 || matching > 255)
        return refuse(err, usage, selector, matching, "each number is from 0 to 255");
    if (len == 0)
        return refuse(err, usage, selector, matching, "there are no data in it");
    if (usage > DANE_EE || selector > SELECTOR_SPKI || matching > 2) {
        tlsa->n_unusable++;
        return IOSSL_OK;
    }
    if (matching != MATCHING_FULL && len != digest_length(matching))
        return refuse(err, usage, selector, matching,
                      matching == 1 ? "a SHA-256 digest has 32 bytes" : "a SHA-512 digest has 64 bytes");
    if (matching == MATCHING_FULL && !is_der(selector, data, len))
        return refuse(err, usage, selector, matching,
                      selector == SELECTOR_SPKI ? "its data are no public key in DER"
                                                : "its data are no certificate in DER");
    if (tlsa->n == tlsa->max) {
        size_t more = tlsa->max == 0 ? 4 : 2 * tlsa->max;
        record *bigger = realloc(tlsa->records, more * sizeof *bigger);

        if (bigger == NULL) {
            iossl_error_memory(err);
            return IOSSL_ERROR;
        }
        tlsa->records = bigger;
        tlsa->max = more;
    }
    if ((added.data = malloc(len)) == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    memcpy(added.data, data, len);
    tlsa->records[tlsa->n++] = added;
    return IOSSL_OK;
}

/* Between the parts of a record, and anywhere in its digits: zone files have lines in parentheses. */
#define BLANKS " \t\r\n()"

iossl_status
iossl_tlsa_add_text(iossl_tlsa *tlsa, const char *text, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    size_t size = strlen(text) / 2 + 1, digits = 0;
    unsigned char *data = calloc(1, size);
    int numbers[3];
    const char *p = text;
    char *end;

    if (data == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    for (int i = 0; i < 3; i++) {
        long n = strtol(p, &end, 10);

        if (end == p || *end == '\0' || strchr(BLANKS, *end) == NULL || n < 0 || n > 255)
            goto invalid;
        numbers[i] = (int)n;
        p = end;
    }
    for (; *p != '\0'; p++) {
        char c = (char)(*p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p);
        int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (strchr(BLANKS, *p) != NULL)
            continue;
        if (value < 0)
            goto invalid;
        data[digits / 2] = (unsigned char)(data[digits / 2] << 4 | value);
        digits++;
    }
    if (digits % 2 != 0)
        goto invalid;
    status = iossl_tlsa_add(tlsa, numbers[0], numbers[1], numbers[2], data, digits / 2, err);
    goto done;
invalid:
    iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                    "TLSA record \"%.200s\": write it as DNS has it: usage selector matching HEX, as "
                    "\"3 1 1 ab12...\"", text);
done:
    free(data);
    return status;
}

iossl_status
iossl_tlsa_check(const iossl_tlsa *tlsa, iossl_error *err)
{
    if (tlsa == NULL)
        return IOSSL_OK;
    if (!iossl_can(IOSSL_CAN_DANE)) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL, "SSL_tlsa: %s has no DANE",
                        iossl_openssl_version());
        return IOSSL_ERROR;
    }
    if (tlsa->n > 0)
        return IOSSL_OK;
    if (tlsa->n_unusable == 0)
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_tlsa: there are no TLSA records in it; leave it out, or undef, where the "
                        "server's name has none");
    else
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "SSL_tlsa: of %zu TLSA records none can be used: their usage is above 3, their "
                        "selector above 1 or their matching above 2", tlsa->n_unusable);
    return IOSSL_ERROR;
}

/* ---- Using ----------------------------------------------------------------------------------- */

iossl_status
iossl_tlsa_apply(const iossl_tlsa *tlsa, iossl_ctx *ctx, SSL *ssl, iossl_error *err)
{
#ifdef IOSSL_HAVE_DANE
    int added = 1;

    iossl_error_clear_queue();
    if (!iossl_ctx_enable_dane(ctx) || SSL_dane_enable(ssl, NULL) != 1)
        added = -1;
    for (size_t i = 0; added == 1 && i < tlsa->n; i++) {
        const record *r = &tlsa->records[i];

        /* 0: it can't be used, after all; not even one of several is passed over in silence. */
        added = SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching, r->data, r->len);
    }
    if (added == 1)
        return IOSSL_OK;
    iossl_error_set_openssl(err, added == 0 ? IOSSL_E_OPTION : IOSSL_E_MEMORY, IOSSL_RANK_FATAL,
                            "SSL_tlsa: OpenSSL takes the TLSA records not");
    return IOSSL_ERROR;
#else
    (void)ctx;
    (void)ssl;
    return iossl_tlsa_check(tlsa, err);
#endif
}

/* The part of a certificate that a record is about, in DER; OPENSSL_free() it. */
static size_t
selected(const X509 *cert, int selector, unsigned char **der)
{
    int len = selector == SELECTOR_SPKI ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), der)
                                        : i2d_X509((X509 *)(uintptr_t)cert, der);

    return len > 0 ? (size_t)len : 0;
}

static bool
digest_of(int matching, const unsigned char *der, size_t len, const iossl_library *library,
          unsigned char digest[EVP_MAX_MD_SIZE], unsigned int *digest_len)
{
    const EVP_MD *sha512 = library->sha512 != NULL ? library->sha512 : EVP_sha512();

    return EVP_Digest(der, len, digest, digest_len,
                      matching == 1 ? iossl_library_sha256(library) : sha512, NULL) == 1;
}

static bool
matches(const record *r, const X509 *cert, const iossl_library *library)
{
    unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
    size_t len = selected(cert, r->selector, &der);
    unsigned int used = 0;
    bool same;

    if (r->matching == MATCHING_FULL)
        same = len == r->len && memcmp(der, r->data, len) == 0;
    else
        same = len > 0 && digest_of(r->matching, der, len, library, digest, &used) && used == r->len
               && memcmp(digest, r->data, used) == 0;
    OPENSSL_free(der);
    return same;
}

/* Digest agility (RFC 7671 section 9): beside a stronger digest of the same, a weaker one is nothing. */
static bool
is_outdone(const iossl_tlsa *tlsa, const record *r)
{
    for (size_t i = 0; r->matching != MATCHING_FULL && i < tlsa->n; i++)
        if (tlsa->records[i].usage == r->usage && tlsa->records[i].selector == r->selector
            && tlsa->records[i].matching > r->matching)
            return true;
    return false;
}

bool
iossl_tlsa_names_leaf(const iossl_library *library, const iossl_tlsa *tlsa, const X509 *leaf)
{
    for (size_t i = 0; tlsa != NULL && leaf != NULL && i < tlsa->n; i++)
        if (tlsa->records[i].usage == DANE_EE && !is_outdone(tlsa, &tlsa->records[i])
            && matches(&tlsa->records[i], leaf, library))
            return true;
    return false;
}

/* ---- Telling --------------------------------------------------------------------------------- */

/* "3 1 1 ab12..."; free() it. NULL: no memory. */
static char *
text_of(int usage, int selector, int matching, const unsigned char *data, size_t len)
{
    static const char DIGITS[] = "0123456789abcdef";
    char head[16], *text;
    size_t n = (size_t)snprintf(head, sizeof head, "%d %d %d ", usage, selector, matching);

    if ((text = malloc(n + 2 * len + 1)) == NULL)
        return NULL;
    memcpy(text, head, n);
    for (size_t i = 0; i < len; i++) {
        text[n++] = DIGITS[data[i] >> 4];
        text[n++] = DIGITS[data[i] & 15];
    }
    text[n] = '\0';
    return text;
}

char *
iossl_tlsa_matched(SSL *ssl)
{
#ifdef IOSSL_HAVE_DANE
    uint8_t usage, selector, matching;
    const unsigned char *data;
    size_t len;

    if (SSL_get0_dane_tlsa(ssl, &usage, &selector, &matching, &data, &len) < 0)
        return NULL;
    return text_of(usage, selector, matching, data, len);
#else
    (void)ssl;
    return NULL;
#endif
}

iossl_status
iossl_cert_tlsa(char **out, const X509 *cert, int usage, int selector, int matching, iossl_error *err)
{
    unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
    iossl_status status = IOSSL_ERROR;
    unsigned int digest_len = 0;
    size_t len;

    *out = NULL;
    iossl_error_clear_queue();
    if (usage < 0 || usage > DANE_EE || selector < 0 || selector > SELECTOR_SPKI || matching < 0
        || matching > 2) {
        status = refuse(err, usage, selector, matching,
                        "usage is from 0 to 3, selector 0 or 1, matching from 0 to 2");
        goto done;
    }
    if ((len = selected(cert, selector, &der)) == 0
        || (matching != MATCHING_FULL && !digest_of(matching, der, len, iossl_library_default(), digest, &digest_len))) {
        iossl_error_set_openssl(err, IOSSL_E_MEMORY, IOSSL_RANK_FATAL, "TLSA record");
        goto done;
    }
    *out = matching == MATCHING_FULL ? text_of(usage, selector, matching, der, len)
                                     : text_of(usage, selector, matching, digest, digest_len);
    if (*out == NULL)
        iossl_error_memory(err);
    else
        status = IOSSL_OK;
done:
    OPENSSL_free(der);
    iossl_error_clear_queue();
    return status;
}

/* ---- Comparing sets -------------------------------------------------------------------------- */

bool
iossl_tlsa_digest(const iossl_tlsa *tlsa, const iossl_library *library, unsigned char digest[32])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, iossl_library_sha256(library), NULL) == 1;

    for (size_t i = 0; ok && tlsa != NULL && i < tlsa->n; i++) {
        const record *r = &tlsa->records[i];
        const uint64_t head[] = {r->usage, r->selector, r->matching, r->len};

        ok = EVP_DigestUpdate(md, head, sizeof head) == 1
             && EVP_DigestUpdate(md, r->data, r->len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(md, digest, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}
