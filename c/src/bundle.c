/*
 * bundle.c - what a file of CA certificates holds, found without parsing them.
 *
 * Owns      reading PEM, finding subjects in DER, the table from a subject to its certificates, and
 *           each certificate once it was parsed.
 * Promises  but for the certificates that are parsed under its lock a bundle is immutable, so any
 *           number of threads and stores share it. A file is taken whole or refused: damage in its
 *           base64, its framing or its outer DER is an error, never a silently smaller trust.
 * Leaves    equality of names to OpenSSL (our hash only narrows the search); keeping and sharing of
 *           bundles to castore.c.
 * See       RFC 7468, RFC 5280 section 4.1, X509_NAME_cmp(3).
 *
 * Why an index: OpenSSL parses all certificates of a file for each SSL_CTX, some ten milliseconds
 * for a system's 140. A handshake asks for one of them, by its subject. To find a subject in DER
 * takes a few skips, so indexing costs little more than decoding base64.
 *
 * The price: in a file of many, a certificate that can't be parsed beyond its subject is found out only
 * when that subject is asked for, and then counts as absent. A file of FEW is looked through at once.
 */
#include "bundle.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "compat.h"
#include "error.h"
#include "file.h"

/* A bundle of all CAs that browsers know has a quarter of a megabyte; the bound stops /dev/zero. */
#define MAX_BUNDLE ((size_t)64 * 1024 * 1024)

/* So many certificates are somebody's own choice, and looking through them takes a fraction of a
 * millisecond; more are a system's bundle, of which a program needs one. */
#define FEW 8

/* File systems date changes in steps of up to two seconds, so what is younger may change unseen. */
#define MTIME_STEP_SECONDS 2

#if defined(__APPLE__)
#define MTIME_NS(st) ((st)->st_mtimespec.tv_nsec)
#define CTIME_NS(st) ((st)->st_ctimespec.tv_nsec)
#else
#define MTIME_NS(st) ((st)->st_mtim.tv_nsec)
#define CTIME_NS(st) ((st)->st_ctim.tv_nsec)
#endif

/* One certificate of a bundle. */
typedef struct {
    size_t der;             /* offset in the index's arena */
    size_t len;
    uint32_t name_hash;     /* of the subject; equal for names that X509_NAME_cmp() calls equal */
    uint32_t next;          /* entry with the same slot, NONE where there is no more */
    size_t line;            /* of the file, where it ends */
    bool is_trusted;        /* TRUSTED CERTIFICATE: OpenSSL's settings of trust follow the DER */
    bool is_bad;            /* was parsed in vain */
    X509 *cert;             /* owned reference; NULL until asked for */
} entry;

#define NONE UINT32_MAX

struct iossl_bundle {
    atomic_size_t refs;
    char *path;
    const iossl_library *library;   /* a reference */
    struct stat info;
    bool is_settled;        /* old enough that a change must show in its date */
    unsigned char *arena;   /* the DER of all certificates */
    size_t arena_len;
    entry *entries;
    size_t n_entries, max_entries;
    uint32_t *slots;        /* first entry by name_hash & slot_mask */
    uint32_t slot_mask;
    STACK_OF(X509_CRL) *crls;
    CRYPTO_RWLOCK *lock;    /* of entries[].cert and .is_bad */
};

/* ---- Names ----------------------------------------------------------------------------------- */

/* Reads the header of one DER element at *p: its tag, its content. False: not DER, or cut off. */
static bool
der_enter(const unsigned char **p, const unsigned char *end, unsigned *tag,
          const unsigned char **content, size_t *len)
{
    const unsigned char *at = *p;
    size_t n;

    if (end - at < 2 || (at[0] & 0x1f) == 0x1f)     /* no tag in X.509's outline is over 30 */
        return false;
    *tag = at[0];
    n = at[1];
    at += 2;
    if ((n & 0x80) != 0) {
        size_t bytes = n & 0x7f;

        if (bytes == 0 || bytes > 4 || (size_t)(end - at) < bytes)
            return false;
        for (n = 0; bytes > 0; bytes--)
            n = n << 8 | *at++;
    }
    if ((size_t)(end - at) < n)
        return false;
    *content = at;
    *len = n;
    *p = at + n;
    return true;
}

/* The next element, which has to have this tag; *p is behind it afterwards. */
static bool
der_next(const unsigned char **p, const unsigned char *end, unsigned tag,
         const unsigned char **content, size_t *len)
{
    unsigned found;

    return der_enter(p, end, &found, content, len) && found == tag;
}

enum { DER_SEQUENCE = 0x30, DER_SET = 0x31, DER_INTEGER = 0x02, DER_VERSION = 0xa0 };

/*
 * The subject in a certificate's DER, its outer SEQUENCE included. False: not found.
 * RFC 5280 section 4.1: version [0], serial, signature, issuer, validity, subject.
 */
static bool
find_subject(const unsigned char *der, size_t der_len, const unsigned char **name, size_t *len)
{
    const unsigned char *p = der, *end = der + der_len, *content;
    size_t n;

    if (!der_next(&p, end, DER_SEQUENCE, &content, &n))
        return false;
    p = content;
    end = content + n;
    if (!der_next(&p, end, DER_SEQUENCE, &content, &n))
        return false;
    p = content;
    end = content + n;
    if (p < end && *p == DER_VERSION && !der_next(&p, end, DER_VERSION, &content, &n))
        return false;
    if (!der_next(&p, end, DER_INTEGER, &content, &n)
        || !der_next(&p, end, DER_SEQUENCE, &content, &n)
        || !der_next(&p, end, DER_SEQUENCE, &content, &n)
        || !der_next(&p, end, DER_SEQUENCE, &content, &n))
        return false;
    *name = p;
    if (!der_next(&p, end, DER_SEQUENCE, &content, &n))
        return false;
    *len = (size_t)(p - *name);
    return true;
}

/* How many bytes a character takes in a string type that X509_NAME_cmp() folds; 0: it doesn't. */
static size_t
character_width(unsigned tag)
{
    switch (tag) {
    case V_ASN1_UTF8STRING:
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_T61STRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_VISIBLESTRING: return 1;
    case V_ASN1_BMPSTRING: return 2;
    case V_ASN1_UNIVERSALSTRING: return 4;
    default: return 0;
    }
}

/*
 * A hash of an attribute's value that doesn't see what X509_NAME_cmp() overlooks: string type, case
 * and blanks. So only ASCII letters and digits count, which all the string types have alike.
 */
static uint32_t
hash_value(unsigned tag, const unsigned char *value, size_t len)
{
    size_t width = character_width(tag);
    uint32_t hash = 2166136261U;        /* FNV-1a */

    if (width == 0 || len % width != 0)
        return 0;
    for (size_t i = 0; i < len; i += width) {
        unsigned char c = value[i + width - 1];
        bool is_ascii = c < 0x80;

        for (size_t k = 0; k + 1 < width; k++)
            is_ascii = is_ascii && value[i + k] == 0;
        if (!is_ascii)
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c - 'A' + 'a');
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            hash = (hash ^ c) * 16777619U;
    }
    return hash;
}

/*
 * The hash of a name's DER: the sum over its attributes, since the order within a SET is not that
 * of the canonical form. What is no name hashes too: the comparison after it is OpenSSL's.
 */
static uint32_t
hash_name(const unsigned char *name, size_t name_len)
{
    const unsigned char *p = name, *end = name + name_len, *content, *set, *pair, *value;
    size_t set_len, pair_len, value_len, n;
    uint32_t hash = 0;
    unsigned tag;

    if (!der_next(&p, end, DER_SEQUENCE, &content, &n))
        return 0;
    p = content;
    end = content + n;
    while (p < end && der_next(&p, end, DER_SET, &set, &set_len)) {
        const unsigned char *set_end = set + set_len;

        while (set < set_end && der_next(&set, set_end, DER_SEQUENCE, &pair, &pair_len)) {
            const unsigned char *pair_end = pair + pair_len;

            if (der_next(&pair, pair_end, V_ASN1_OBJECT, &value, &value_len)
                && der_enter(&pair, pair_end, &tag, &value, &value_len))
                hash += hash_value(tag, value, value_len);
        }
    }
    return hash;
}

/* The same of a name that OpenSSL holds. */
static uint32_t
hash_x509_name(const X509_NAME *name)
{
    const unsigned char *der;
    size_t len;

    /* Const was forgotten in OpenSSL 1.1.1; names of certificates aren't written to by this. */
    if (X509_NAME_get0_der((X509_NAME *)name, &der, &len) != 1)
        return 0;
    return hash_name(der, len);
}

/* ---- Parsed certificates --------------------------------------------------------------------- */

static X509 *
entry_parse(const iossl_bundle *b, const entry *e)
{
    const unsigned char *der = b->arena + e->der;
    X509 *cert, *read = NULL;

    if (e->len > LONG_MAX)
        return NULL;
    (void)ERR_set_mark();
    if ((cert = iossl_compat_x509_new(b->library)) != NULL)
        read = e->is_trusted ? d2i_X509_AUX(&cert, &der, (long)e->len)
                             : d2i_X509(&cert, &der, (long)e->len);
    if (read == NULL)
        X509_free(cert);        /* NULL where OpenSSL has freed it */
    (void)ERR_pop_to_mark();
    return read;
}

/* Parses an entry where that wasn't done yet. Under the bundle's lock. */
static X509 *
entry_cert(const iossl_bundle *b, entry *e)
{
    if (e->cert == NULL && !e->is_bad) {
        e->cert = entry_parse(b, e);
        e->is_bad = e->cert == NULL;
    }
    return e->cert;
}

/* ---- The life of a bundle -------------------------------------------------------------------- */

iossl_bundle *
iossl_bundle_up_ref(iossl_bundle *b)
{
    if (b != NULL)
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void
iossl_bundle_free(iossl_bundle *b)
{
    if (b == NULL || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < b->n_entries; i++)
        X509_free(b->entries[i].cert);
    sk_X509_CRL_pop_free(b->crls, X509_CRL_free);
    CRYPTO_THREAD_lock_free(b->lock);
    free(b->slots);
    free(b->entries);
    free(b->arena);
    free(b->path);
    iossl_library_free(b->library);
    free(b);
}

static iossl_bundle *
bundle_new(const char *path, const iossl_file *file, const iossl_library *library)
{
    iossl_bundle *b = calloc(1, sizeof *b);
    time_t now = time(NULL);

    if (b == NULL)
        return NULL;
    atomic_init(&b->refs, 1);
    b->library = iossl_library_up_ref(library);
    b->info = file->info;
    b->is_settled = S_ISREG(file->info.st_mode)
                    && (now - file->info.st_mtime > MTIME_STEP_SECONDS);
    /* Three quarters of the base64 are enough for all DER, so the arena never moves. */
    b->arena = malloc(file->len / 4 * 3 + 4);
    b->path = strdup(path);
    b->lock = CRYPTO_THREAD_lock_new();
    if (b->arena == NULL || b->path == NULL || b->lock == NULL) {
        iossl_bundle_free(b);
        return NULL;
    }
    return b;
}

static entry *
bundle_new_entry(iossl_bundle *b)
{
    if (b->n_entries == b->max_entries) {
        size_t max = b->max_entries == 0 ? 16 : b->max_entries * 2;
        entry *entries = realloc(b->entries, max * sizeof *entries);

        if (entries == NULL)
            return NULL;
        b->entries = entries;
        b->max_entries = max;
    }
    memset(&b->entries[b->n_entries], 0, sizeof(entry));
    return &b->entries[b->n_entries++];
}

/* Makes the table over the name hashes. Entries of a slot keep the order of the file. */
static bool
bundle_make_slots(iossl_bundle *b)
{
    size_t n = 16;

    while (n < b->n_entries * 2)
        n *= 2;
    if ((b->slots = malloc(n * sizeof *b->slots)) == NULL)
        return false;
    b->slot_mask = (uint32_t)(n - 1);
    for (size_t i = 0; i < n; i++)
        b->slots[i] = NONE;
    for (size_t i = b->n_entries; i-- > 0;) {
        uint32_t *slot = &b->slots[b->entries[i].name_hash & b->slot_mask];

        b->entries[i].next = *slot;
        *slot = (uint32_t)i;
    }
    return true;
}

/* ---- Reading PEM (RFC 7468, as widely as OpenSSL reads it) ----------------------------------- */

typedef struct {
    const char *at, *end;       /* what is left of the text */
    size_t line_number;         /* of the line that was read last */
    const char *line;           /* without its end and what is_trailing() before it */
    size_t line_len;
} pem_reader;

/* The blocks that count. */
typedef enum { BLOCK_OTHER, BLOCK_CERT, BLOCK_TRUSTED_CERT, BLOCK_CRL, BLOCK_KEY } block_kind;

/*
 * OpenSSL compares a plain char, which on most machines has a sign: what isn't ASCII is taken off
 * the end of a line there, as blanks are. On the others, too, no certificate may be passed over.
 */
static bool
is_trailing(char c)
{
    return (signed char)c <= ' ';
}

static bool
next_line(pem_reader *r)
{
    const char *eol;

    if (r->at == r->end)
        return false;
    eol = memchr(r->at, '\n', (size_t)(r->end - r->at));
    r->line = r->at;
    r->line_len = (size_t)((eol != NULL ? eol : r->end) - r->at);
    r->at = eol != NULL ? eol + 1 : r->end;
    r->line_number++;
    while (r->line_len > 0 && is_trailing(r->line[r->line_len - 1]))
        r->line_len--;
    return true;
}

/* Is the line "-----BEGIN label-----" (or END)? Gives the label. */
static bool
is_boundary(const pem_reader *r, const char *word, const char **label, size_t *label_len)
{
    size_t word_len = strlen(word);

    if (r->line_len < word_len + 5 || memcmp(r->line, word, word_len) != 0
        || memcmp(r->line + r->line_len - 5, "-----", 5) != 0)
        return false;
    *label = r->line + word_len;
    *label_len = r->line_len - word_len - 5;
    return true;
}

static block_kind
kind_of_block(const char *label, size_t len)
{
    static const struct {
        const char *label;
        block_kind kind;
    } KNOWN[] = {
        {"CERTIFICATE", BLOCK_CERT},
        {"X509 CERTIFICATE", BLOCK_CERT},
        {"TRUSTED CERTIFICATE", BLOCK_TRUSTED_CERT},
        {"X509 CRL", BLOCK_CRL},
    };

    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
        if (strlen(KNOWN[i].label) == len && memcmp(KNOWN[i].label, label, len) == 0)
            return KNOWN[i].kind;
    return len >= 11 && memcmp(label + len - 11, "PRIVATE KEY", 11) == 0 ? BLOCK_KEY : BLOCK_OTHER;
}

/* Values of base64's characters; 64 and more: none. */
static const unsigned char BASE64[256] = {
    /* clang-format off */
#define X4  64, 64, 64, 64
#define X16 X4, X4, X4, X4
    X16, X16,
    X4, X4, 64, 64, 64, 62, 64, 64, 64, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
    64,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
    X16, X16, X16, X16, X16, X16, X16, X16
#undef X16
#undef X4
    /* clang-format on */
};

/* A base64 text in pieces. */
typedef struct {
    unsigned char *out;
    size_t len;
    uint32_t bits;      /* of the group that isn't complete */
    unsigned count;     /* characters in it, padding included */
    unsigned padding;
} base64;

static bool
base64_add(base64 *b, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + len;

    while (p < end) {
        unsigned value;

        /* Whole groups, four characters at a step. */
        while (b->count == 0 && b->padding == 0 && end - p >= 4) {
            unsigned v0 = BASE64[p[0]], v1 = BASE64[p[1]], v2 = BASE64[p[2]], v3 = BASE64[p[3]];

            if (((v0 | v1 | v2 | v3) & 64U) != 0)
                break;
            b->out[b->len] = (unsigned char)(v0 << 2 | v1 >> 4);
            b->out[b->len + 1] = (unsigned char)(v1 << 4 | v2 >> 2);
            b->out[b->len + 2] = (unsigned char)(v2 << 6 | v3);
            b->len += 3;
            p += 4;
        }
        if (p == end)
            break;
        if (*p == ' ' || *p == '\t') {
            p++;
            continue;
        }
        value = BASE64[*p];
        if (*p == '=' && b->count >= 2) {
            b->padding++;
            value = 0;
        } else if (value >= 64 || b->padding > 0) {
            return false;
        }
        p++;
        b->bits = b->bits << 6 | value;
        if (++b->count < 4)
            continue;
        for (unsigned i = 0; i < 3 - b->padding; i++)
            b->out[b->len++] = (unsigned char)(b->bits >> (16 - 8 * i));
        b->count = 0;
        b->bits = 0;
    }
    return true;
}

/* Why a bundle is refused; text is constant. */
typedef struct {
    const char *text;
    size_t line_number;
} pem_fault;

static bool
fault(pem_fault *f, const pem_reader *r, const char *text)
{
    f->text = text;
    f->line_number = r->line_number;
    return false;
}

/*
 * Decodes a block up to its END line into the space at out. label is that of its BEGIN line.
 * Headers (RFC 1421) are skipped; they could only say that the block is encrypted, as nobody's
 * certificate is.
 */
static bool
read_block(pem_reader *r, const char *label, size_t label_len, unsigned char *out, size_t *len,
           pem_fault *f)
{
    base64 b = {.out = out};
    bool in_headers = false, is_first = true;
    const char *end_label;
    size_t end_label_len;

    while (next_line(r)) {
        if (is_boundary(r, "-----END ", &end_label, &end_label_len)) {
            if (end_label_len != label_len || memcmp(end_label, label, label_len) != 0)
                return fault(f, r, "its END line doesn't fit its BEGIN line");
            if (b.count != 0)
                return fault(f, r, "its base64 is incomplete");
            *len = b.len;
            return b.len > 0 || fault(f, r, "it is empty");
        }
        if (r->line_len > 0 && r->line[0] == '-')
            return fault(f, r, "it has no END line");
        if (is_first && memchr(r->line, ':', r->line_len) != NULL)
            in_headers = true;
        is_first = false;
        if (in_headers) {
            if (r->line_len >= 9 && memcmp(r->line + r->line_len - 9, "ENCRYPTED", 9) == 0)
                return fault(f, r, "it is encrypted");
            in_headers = r->line_len > 0;
            continue;
        }
        if (!base64_add(&b, r->line, r->line_len))
            return fault(f, r, "its base64 is damaged");
    }
    return fault(f, r, "the file ends within it");
}

/* ---- Indexing -------------------------------------------------------------------------------- */

typedef struct {
    size_t certs, keys, others;
} block_count;

/* What indexing comes to. */
typedef enum { INDEXED, DAMAGED, NO_MEMORY } index_result;

/*
 * Takes the certificate that lies at the end of the arena into the index. What our few skips can't
 * read (BER) gets a second opinion by OpenSSL.
 */
static index_result
index_cert(iossl_bundle *b, size_t len, bool is_trusted, const pem_reader *r, pem_fault *f)
{
    const unsigned char *der = b->arena + b->arena_len, *name;
    size_t name_len;
    entry *e;

    if ((e = bundle_new_entry(b)) == NULL)
        return NO_MEMORY;
    e->der = b->arena_len;
    e->len = len;
    e->is_trusted = is_trusted;
    e->line = r->line_number;
    b->arena_len += len;
    if (find_subject(der, len, &name, &name_len)) {
        e->name_hash = hash_name(name, name_len);
    } else if (entry_cert(b, e) != NULL) {
        e->name_hash = hash_x509_name(X509_get_subject_name(e->cert));
    } else {
        (void)fault(f, r, "it decodes to something that is no certificate");
        return DAMAGED;
    }
    return INDEXED;
}

/* A CRL is parsed at once: there are few of them, and OpenSSL wants them in the store. */
static index_result
index_crl(iossl_bundle *b, size_t len, const pem_reader *r, pem_fault *f)
{
    const unsigned char *der = b->arena + b->arena_len;
    X509_CRL *crl = iossl_compat_crl_new(b->library);

    if (crl == NULL)
        return NO_MEMORY;
    if (len > LONG_MAX || d2i_X509_CRL(&crl, &der, (long)len) == NULL) {
        X509_CRL_free(crl);
        (void)fault(f, r, "it decodes to something that is no CRL");
        return DAMAGED;
    }
    if ((b->crls == NULL && (b->crls = sk_X509_CRL_new_null()) == NULL)
        || sk_X509_CRL_push(b->crls, crl) <= 0) {
        X509_CRL_free(crl);
        return NO_MEMORY;
    }
    return INDEXED;
}

static index_result
index_text(iossl_bundle *b, const iossl_file *file, block_count *count, pem_fault *f)
{
    pem_reader r = {.at = (const char *)file->bytes,
                    .end = (const char *)file->bytes + file->len};
    index_result result = INDEXED;
    const char *label;
    size_t label_len, len;

    if (file->len >= 3 && memcmp(r.at, "\xef\xbb\xbf", 3) == 0)
        r.at += 3;              /* what editors put first must not hide the first certificate */
    while (result == INDEXED && next_line(&r)) {
        block_kind kind;

        if (!is_boundary(&r, "-----BEGIN ", &label, &label_len))
            continue;
        kind = kind_of_block(label, label_len);
        if (kind == BLOCK_KEY)
            count->keys++;
        else if (kind == BLOCK_OTHER)
            count->others++;
        else
            count->certs++;
        if (kind == BLOCK_KEY || kind == BLOCK_OTHER)
            continue;           /* its lines are no boundaries, but for its END */
        if (!read_block(&r, label, label_len, b->arena + b->arena_len, &len, f))
            result = DAMAGED;
        else if (kind == BLOCK_CRL)
            result = index_crl(b, len, &r, f);
        else
            result = index_cert(b, len, kind == BLOCK_TRUSTED_CERT, &r, f);
    }
    return result;
}

/* Whether a file of FEW has none that is damaged inside. */
static index_result
check_few(const iossl_bundle *b, block_count *count, pem_fault *f)
{
    for (size_t i = 0; b->n_entries <= FEW && i < b->n_entries; i++) {
        X509 *cert = entry_parse(b, &b->entries[i]);

        if (cert == NULL) {
            *f = (pem_fault){"it is no certificate, but something like one", b->entries[i].line};
            count->certs = i + 1;
            return DAMAGED;
        }
        X509_free(cert);
    }
    return INDEXED;
}

/* What a file without any PEM certificate is instead, and what to do about it. */
static const char *
explain_no_certs(const iossl_file *file, const block_count *count)
{
    const unsigned char *der = file->bytes;
    const char *text = "holds no certificate in PEM format";
    X509 *cert = NULL;
    PKCS12 *p12 = NULL;

    if (file->len == 0)
        return "is empty";
    if (count->keys > 0)
        return "holds a private key, no certificate; give the file of the CA's certificates";
    if (count->others > 0)
        return "holds PEM data, but no certificate";
    if (file->len <= LONG_MAX) {
        if ((cert = d2i_X509(NULL, &der, (long)file->len)) != NULL) {
            text = "is in DER format, PEM is needed; "
                   "convert it with: openssl x509 -inform DER -in FILE -out FILE.pem";
        } else {
            der = file->bytes;
            if ((p12 = d2i_PKCS12(NULL, &der, (long)file->len)) != NULL)
                text = "is in PKCS#12 format, PEM is needed; "
                       "convert it with: openssl pkcs12 -in FILE -cacerts -nokeys -out FILE.pem";
        }
    }
    X509_free(cert);
    PKCS12_free(p12);
    iossl_error_clear_queue();
    return text;
}

#define INVALID "Invalid certificate authority locations: SSL_ca_file "

iossl_bundle *
iossl_bundle_load(const char *path, const iossl_library *library, iossl_error *err)
{
    iossl_file file;
    iossl_bundle *b = NULL;
    block_count count = {0, 0, 0};
    pem_fault f = {NULL, 0};
    index_result result = NO_MEMORY;
    int errnum = iossl_file_read(&file, path, MAX_BUNDLE);

    if (errnum != 0) {
        iossl_error_set_errno(err, IOSSL_E_CA, IOSSL_RANK_FATAL, errnum,
                              INVALID "%s can't be read", path);
        return NULL;
    }
    if ((b = bundle_new(path, &file, library)) == NULL)
        goto done;
    if ((result = index_text(b, &file, &count, &f)) == INDEXED)
        result = check_few(b, &count, &f);
    if (result == INDEXED && count.certs == 0) {
        iossl_error_set(err, IOSSL_E_CA, IOSSL_RANK_FATAL, INVALID "%s %s", path,
                        explain_no_certs(&file, &count));
        result = DAMAGED;
    } else if (result == DAMAGED) {
        iossl_error_set(err, IOSSL_E_CA, IOSSL_RANK_FATAL,
                        INVALID "%s: block %zu of the file can't be used: %s (line %zu); "
                        "nothing of the file is trusted until that is repaired or removed",
                        path, count.certs, f.text, f.line_number);
    } else if (!bundle_make_slots(b)) {
        result = NO_MEMORY;
    }
done:
    if (result == NO_MEMORY)
        iossl_error_memory(err);
    if (result != INDEXED) {
        iossl_bundle_free(b);
        b = NULL;
    }
    iossl_error_clear_queue();
    iossl_file_cleanup(&file);
    return b;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

bool
iossl_bundle_find(iossl_bundle *b, const X509_NAME *name, STACK_OF(X509) *found)
{
    uint32_t hash = hash_x509_name(name);
    bool ok = true;

    if (b->n_entries == 0)
        return true;
    if (CRYPTO_THREAD_write_lock(b->lock) != 1)
        return false;
    for (uint32_t i = b->slots[hash & b->slot_mask]; ok && i != NONE; i = b->entries[i].next) {
        entry *e = &b->entries[i];
        X509 *cert;

        if (e->name_hash != hash || (cert = entry_cert(b, e)) == NULL
            || X509_NAME_cmp(X509_get_subject_name(cert), name) != 0)
            continue;
        if ((ok = sk_X509_push(found, cert) > 0))
            X509_up_ref(cert);
    }
    (void)CRYPTO_THREAD_unlock(b->lock);
    return ok;
}

STACK_OF(X509_CRL) *
iossl_bundle_get0_crls(const iossl_bundle *b)
{
    return b->crls;
}

bool
iossl_bundle_is_settled(const iossl_bundle *b)
{
    return b->is_settled;
}

const char *
iossl_bundle_get0_path(const iossl_bundle *b)
{
    return b->path;
}

const iossl_library *
iossl_bundle_get0_library(const iossl_bundle *b)
{
    return b->library;
}

bool
iossl_bundle_is_of(const iossl_bundle *b, const struct stat *info)
{
    const struct stat *own = &b->info;

    return own->st_dev == info->st_dev && own->st_ino == info->st_ino
           && own->st_size == info->st_size && own->st_mtime == info->st_mtime
           && MTIME_NS(own) == MTIME_NS(info) && own->st_ctime == info->st_ctime
           && CTIME_NS(own) == CTIME_NS(info);
}

size_t
iossl_bundle_count_parsed(iossl_bundle *b)
{
    size_t n = 0;

    if (CRYPTO_THREAD_read_lock(b->lock) != 1)
        return 0;
    for (size_t i = 0; i < b->n_entries; i++)
        n += b->entries[i].cert != NULL;
    (void)CRYPTO_THREAD_unlock(b->lock);
    return n;
}
