/*
 * idn.c - host names in any script: to A-labels and back.
 *
 * Owns      the mapping and validation of UTS #46 (non-transitional, with CheckHyphens, CheckBidi,
 *           CheckJoiners, UseSTD3ASCIIRules but for "_", VerifyDnsLength but for one trailing dot),
 *           NFC, Punycode.
 * Promises  ASCII names pass without being judged, as names that are in use break those rules; of
 *           other names only one that every validator would take comes out. Any bytes may come in.
 * Leaves    the tables to tools/gen-idn; which names are to be converted to the callers.
 * See       RFC 3492, RFC 5891, RFC 5893 section 2, RFC 5892 appendix A, UAX #15.
 */
#include "iossl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "error.h"
#include "idn_data.h"
#include "quote.h"

/* RFC 1035 section 2.3.4, as text without the root's dot. */
#define MAX_LABEL ((size_t)63)
#define MAX_NAME ((size_t)253)

/* A name of 253 bytes has at most as many code points, of 4 bytes each, written with up to three
 * marks apart; what is longer holds little but characters that are ignored. */
#define INPUT_LIMIT ((size_t)4096)

#define LAST_CODE_POINT UINT32_C(0x10ffff)
#define ZWNJ UINT32_C(0x200c)
#define ZWJ UINT32_C(0x200d)
#define VIRAMA 9u       /* the combining class */

#define ACE "xn--"
#define ACE_LEN ((size_t)4)

/* ---- Code points in a growing array ---------------------------------------------------------- */

typedef struct points {
    uint32_t *at;
    size_t n, max;
} points;

static bool
points_add(points *p, uint32_t c)
{
    if (p->n == p->max) {
        size_t more = p->max == 0 ? 128 : 2 * p->max;
        uint32_t *bigger = realloc(p->at, more * sizeof *bigger);

        if (bigger == NULL)
            return false;
        p->at = bigger;
        p->max = more;
    }
    p->at[p->n++] = c;
    return true;
}

static bool
points_append(points *p, const uint32_t *from, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (!points_add(p, from[i]))
            return false;
    }
    return true;
}

/* ---- UTF-8 (RFC 3629) ------------------------------------------------------------------------ */

/* The next code point, *i moved behind it. False: overlong, a surrogate, cut off, or no UTF-8. */
static bool
decode_utf8(const char *text, size_t len, size_t *i, uint32_t *out)
{
    unsigned char lead = (unsigned char)text[(*i)++];
    uint32_t c, least;
    size_t more;

    if (lead < 0x80) {
        *out = lead;
        return true;
    }
    if (lead >= 0xc2 && lead < 0xe0) {
        more = 1;
        least = 0x80;
        c = lead & 0x1fu;
    } else if (lead >= 0xe0 && lead < 0xf0) {
        more = 2;
        least = 0x800;
        c = lead & 0x0fu;
    } else if (lead >= 0xf0 && lead < 0xf5) {
        more = 3;
        least = 0x10000;
        c = lead & 0x07u;
    } else {
        return false;
    }
    for (; more > 0; more--) {
        if (*i >= len || ((unsigned char)text[*i] & 0xc0) != 0x80)
            return false;
        c = c << 6 | ((unsigned char)text[(*i)++] & 0x3fu);
    }
    *out = c;
    return c >= least && c <= LAST_CODE_POINT && (c < 0xd800 || c > 0xdfff);
}

/* Writes a code point, at most 4 bytes; how many. */
static size_t
encode_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

/* The last entry that begins at or before c; the tables used with this begin at 0. */
static const iossl_idn_range *
find_range(const iossl_idn_range *table, size_t n, uint32_t c)
{
    size_t low = 0, high = n;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (table[middle].first <= c)
            low = middle;
        else
            high = middle;
    }
    return &table[low];
}

static uint32_t
property(uint32_t c)
{
    return find_range(iossl_idn_properties, iossl_idn_properties_size, c)->value;
}

/* What becomes of a code point: VALID, DISALLOWED, IGNORED or MAPPED; then *to, *n, for which
 * single gives room. */
static unsigned int
map_point(uint32_t c, uint32_t *single, const uint32_t **to, size_t *n)
{
    const iossl_idn_range *range = find_range(iossl_idn_map, iossl_idn_map_size, c);
    uint32_t detail = IOSSL_IDN_DETAIL(range->value);

    *to = single;
    *n = 1;
    switch (IOSSL_IDN_KIND(range->value)) {
    case IOSSL_IDN_SHIFTED:
        *single = (c + detail) & UINT32_C(0xffffff);
        return IOSSL_IDN_MAPPED;
    case IOSSL_IDN_ALTERNATING:
        *single = c + 1;
        return (c & 1) == detail ? IOSSL_IDN_MAPPED : IOSSL_IDN_VALID;
    case IOSSL_IDN_MAPPED:
        *to = iossl_idn_pool + IOSSL_IDN_POOL_OFFSET(detail);
        *n = IOSSL_IDN_POOL_LENGTH(detail);
        return IOSSL_IDN_MAPPED;
    case IOSSL_IDN_VALID:
        return IOSSL_IDN_VALID;
    case IOSSL_IDN_IGNORED:
        return IOSSL_IDN_IGNORED;
    default:
        return IOSSL_IDN_DISALLOWED;
    }
}

static bool
is_valid_point(uint32_t c)
{
    const uint32_t *to;
    uint32_t single;
    size_t n;

    return map_point(c, &single, &to, &n) == IOSSL_IDN_VALID;
}

/* ---- Normalization form C (UAX #15) ---------------------------------------------------------- */

/* Hangul syllables are computed (The Unicode Standard, section 3.12). */
enum {
    HANGUL_S = 0xac00, HANGUL_L = 0x1100, HANGUL_V = 0x1161, HANGUL_T = 0x11a7,
    HANGUL_L_COUNT = 19, HANGUL_V_COUNT = 21, HANGUL_T_COUNT = 28,
    HANGUL_S_COUNT = HANGUL_L_COUNT * HANGUL_V_COUNT * HANGUL_T_COUNT
};

static bool
add_decomposed(points *out, uint32_t c)
{
    const iossl_idn_range *entry;

    if (c >= HANGUL_S && c < HANGUL_S + HANGUL_S_COUNT) {
        uint32_t index = c - HANGUL_S;
        uint32_t t = index % HANGUL_T_COUNT;

        return points_add(out, HANGUL_L + index / (HANGUL_V_COUNT * HANGUL_T_COUNT))
               && points_add(out, HANGUL_V
                                      + index % (HANGUL_V_COUNT * HANGUL_T_COUNT) / HANGUL_T_COUNT)
               && (t == 0 || points_add(out, HANGUL_T + t));
    }
    entry = find_range(iossl_idn_decompositions, iossl_idn_decompositions_size, c);
    if (entry->first != c)
        return points_add(out, c);
    return points_append(out, iossl_idn_pool + IOSSL_IDN_POOL_OFFSET(entry->value),
                         IOSSL_IDN_POOL_LENGTH(entry->value));
}

/* 0 where the two don't compose. */
static uint32_t
compose_pair(uint32_t a, uint32_t b)
{
    size_t low = 0, high = iossl_idn_compositions_size;

    if (a >= HANGUL_L && a < HANGUL_L + HANGUL_L_COUNT && b >= HANGUL_V
        && b < HANGUL_V + HANGUL_V_COUNT)
        return HANGUL_S + ((a - HANGUL_L) * HANGUL_V_COUNT + (b - HANGUL_V)) * HANGUL_T_COUNT;
    if (a >= HANGUL_S && a < HANGUL_S + HANGUL_S_COUNT && (a - HANGUL_S) % HANGUL_T_COUNT == 0
        && b > HANGUL_T && b < HANGUL_T + HANGUL_T_COUNT)
        return a + (b - HANGUL_T);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const iossl_idn_composition *entry = &iossl_idn_compositions[middle];

        if (entry->first == a && entry->second == b)
            return entry->composed;
        if (entry->first < a || (entry->first == a && entry->second < b))
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* Marks in the order of their classes; those of one class keep theirs. */
static void
order_marks(points *p)
{
    size_t i, j;

    for (i = 1; i < p->n; i++) {
        uint32_t c = p->at[i];
        uint32_t class = IOSSL_IDN_CCC(property(c));

        for (j = i; class != 0 && j > 0 && IOSSL_IDN_CCC(property(p->at[j - 1])) > class; j--)
            p->at[j] = p->at[j - 1];
        p->at[j] = c;
    }
}

static void
compose(points *p)
{
    size_t in, out = 0, starter = 0;
    bool have_starter = false;
    uint32_t last = 0;      /* class of the mark before, 0 right after the starter */

    for (in = 0; in < p->n; in++) {
        uint32_t c = p->at[in];
        uint32_t class = IOSSL_IDN_CCC(property(c));
        uint32_t composed = 0;

        if (have_starter && (last == 0 || last < class))
            composed = compose_pair(p->at[starter], c);
        if (composed != 0) {
            p->at[starter] = composed;
            continue;
        }
        if (class == 0) {
            starter = out;
            have_starter = true;
        }
        last = class;
        p->at[out++] = c;
    }
    p->n = out;
}

/* out is empty. False: no memory. */
static bool
normalize(points *out, const uint32_t *in, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (!add_decomposed(out, in[i]))
            return false;
    }
    order_marks(out);
    compose(out);
    return true;
}

/* ---- Punycode (RFC 3492) --------------------------------------------------------------------- */

enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, FIRST_BIAS = 72, FIRST_N = 128 };

static uint32_t
adapt(uint32_t delta, uint32_t n_points, bool first)
{
    uint32_t k = 0;

    delta /= first ? DAMP : 2;
    delta += delta / n_points;
    while (delta > (BASE - T_MIN) * T_MAX / 2) {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t
threshold(uint32_t k, uint32_t bias)
{
    return k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
}

static char
digit(uint32_t value)
{
    return (char)(value < 26 ? 'a' + value : '0' + (value - 26));
}

/* BASE where the character is no digit. */
static uint32_t
digit_value(char c)
{
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a');
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 26;
    return BASE;
}

/* A variable-length integer; false where it doesn't fit. */
static bool
put_integer(char *out, size_t max, size_t *len, uint32_t value, uint32_t bias)
{
    uint32_t k;

    for (k = BASE;; k += BASE) {
        uint32_t t = threshold(k, bias);

        if (*len == max)
            return false;
        if (value < t) {
            out[(*len)++] = digit(value);
            return true;
        }
        out[(*len)++] = digit(t + (value - t) % (BASE - t));
        value = (value - t) / (BASE - t);
    }
}

/*
 * Encodes at most MAX_LABEL code points, so that nothing here can overflow 32 bits
 * (0x10ffff * 64 < 2^27). False where the output has no room, so is no label.
 */
static bool
punycode_encode(const uint32_t *in, size_t n, char *out, size_t max, size_t *len)
{
    uint32_t next = FIRST_N, delta = 0, bias = FIRST_BIAS, done, basic;
    size_t i;

    *len = 0;
    for (i = 0; i < n; i++) {
        if (in[i] < FIRST_N) {
            if (*len == max)
                return false;
            out[(*len)++] = (char)in[i];
        }
    }
    done = basic = (uint32_t)*len;
    if (basic > 0) {
        if (*len == max)
            return false;
        out[(*len)++] = '-';
    }
    while (done < n) {
        uint32_t smallest = LAST_CODE_POINT + 1;

        for (i = 0; i < n; i++) {
            if (in[i] >= next && in[i] < smallest)
                smallest = in[i];
        }
        delta += (smallest - next) * (done + 1);
        next = smallest;
        for (i = 0; i < n; i++) {
            if (in[i] < next)
                delta++;
            if (in[i] != next)
                continue;
            if (!put_integer(out, max, len, delta, bias))
                return false;
            bias = adapt(delta, done + 1, done == basic);
            delta = 0;
            done++;
        }
        delta++;
        next++;
    }
    return true;
}

/* Decodes what follows "xn--", at most MAX_LABEL bytes; out has room for as many code points. */
static bool
punycode_decode(const char *in, size_t len, uint32_t out[MAX_LABEL], size_t *n)
{
    uint32_t next = FIRST_N, index = 0, bias = FIRST_BIAS;
    size_t i, from = 0;

    *n = 0;
    for (i = len; i > 0; i--) {
        if (in[i - 1] == '-') {
            from = i;
            break;
        }
    }
    for (i = 0; i + 1 < from; i++) {
        if ((unsigned char)in[i] >= 0x80)
            return false;
        out[(*n)++] = (unsigned char)in[i];
    }
    for (i = from; i < len;) {
        uint32_t before = index, weight = 1, k;

        for (k = BASE;; k += BASE) {
            uint32_t value, t;

            if (i == len || (value = digit_value(in[i++])) == BASE
                || value > (UINT32_MAX - index) / weight)
                return false;
            index += value * weight;
            t = threshold(k, bias);
            if (value < t)
                break;
            if (weight > UINT32_MAX / (BASE - t))
                return false;
            weight *= BASE - t;
        }
        bias = adapt(index - before, (uint32_t)*n + 1, before == 0);
        if (index / (*n + 1) > LAST_CODE_POINT - next)
            return false;
        next += (uint32_t)(index / (*n + 1));
        index %= (uint32_t)(*n + 1);
        if (next >= 0xd800 && next <= 0xdfff)
            return false;
        memmove(out + index + 1, out + index, (*n - index) * sizeof *out);
        out[index++] = next;
        ++*n;
    }
    return true;
}

/* ---- Labels ---------------------------------------------------------------------------------- */

static bool
is_ascii_points(const uint32_t *label, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (label[i] >= 0x80)
            return false;
    }
    return true;
}

/* A label as it goes into a name, ASCII or A-label; false where it is too long. */
static bool
label_to_ascii(const uint32_t *label, size_t n, char out[MAX_LABEL], size_t *len)
{
    size_t i;

    if (n > MAX_LABEL)
        return false;
    if (!is_ascii_points(label, n)) {
        memcpy(out, ACE, ACE_LEN);
        if (!punycode_encode(label, n, out + ACE_LEN, MAX_LABEL - ACE_LEN, len))
            return false;
        *len += ACE_LEN;
        return true;
    }
    for (i = 0; i < n; i++)
        out[i] = (char)label[i];
    *len = n;
    return true;
}

/* ZWNJ and ZWJ only where they change what is seen (RFC 5892 appendix A.1 and A.2). */
static bool
joiner_fits(const uint32_t *label, size_t n, size_t at)
{
    size_t i;
    uint32_t joining;

    if (at > 0 && IOSSL_IDN_CCC(property(label[at - 1])) == VIRAMA)
        return true;
    if (label[at] == ZWJ)
        return false;
    for (i = at; i > 0 && IOSSL_IDN_JOINING(property(label[i - 1])) == IOSSL_JOINING_T; i--)
        ;
    joining = i > 0 ? IOSSL_IDN_JOINING(property(label[i - 1])) : IOSSL_JOINING_U;
    if (joining != IOSSL_JOINING_L && joining != IOSSL_JOINING_D)
        return false;
    for (i = at + 1; i < n && IOSSL_IDN_JOINING(property(label[i])) == IOSSL_JOINING_T; i++)
        ;
    joining = i < n ? IOSSL_IDN_JOINING(property(label[i])) : IOSSL_JOINING_U;
    return joining == IOSSL_JOINING_R || joining == IOSSL_JOINING_D;
}

/* Why this can't be a label, but for its direction; NULL where it can (UTS #46 section 4.1). */
static const char *
label_fault(const uint32_t *label, size_t n)
{
    size_t i;

    if (n == 0)
        return "a label is empty";
    if (label[0] == '-' || label[n - 1] == '-')
        return "a label begins or ends with a hyphen";
    if (n >= 4 && label[2] == '-' && label[3] == '-')
        return "a label has hyphens in the third and fourth place";
    if (IOSSL_IDN_IS_MARK(property(label[0])))
        return "a label begins with a combining mark";
    for (i = 0; i < n; i++) {
        if (!is_valid_point(label[i]) || label[i] == '.')
            return "a character isn't allowed in host names";
        if ((label[i] == ZWNJ || label[i] == ZWJ) && !joiner_fits(label, n, i))
            return "a zero-width joiner stands where it has no effect";
    }
    return NULL;
}

static bool
is_right_to_left(const uint32_t *text, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        uint32_t bidi = IOSSL_IDN_BIDI(property(text[i]));

        if (bidi == IOSSL_BIDI_R || bidi == IOSSL_BIDI_AL || bidi == IOSSL_BIDI_AN)
            return true;
    }
    return false;
}

/* May this label stand in a name with right-to-left characters? RFC 5893 section 2. */
static bool
direction_fits(const uint32_t *label, size_t n)
{
    enum {
        RTL_MAY = 1 << IOSSL_BIDI_R | 1 << IOSSL_BIDI_AL | 1 << IOSSL_BIDI_AN | 1 << IOSSL_BIDI_EN
                  | 1 << IOSSL_BIDI_ES | 1 << IOSSL_BIDI_CS | 1 << IOSSL_BIDI_ET
                  | 1 << IOSSL_BIDI_ON | 1 << IOSSL_BIDI_BN | 1 << IOSSL_BIDI_NSM,
        RTL_END = 1 << IOSSL_BIDI_R | 1 << IOSSL_BIDI_AL | 1 << IOSSL_BIDI_AN | 1 << IOSSL_BIDI_EN,
        LTR_MAY = 1 << IOSSL_BIDI_L | 1 << IOSSL_BIDI_EN | 1 << IOSSL_BIDI_ES | 1 << IOSSL_BIDI_CS
                  | 1 << IOSSL_BIDI_ET | 1 << IOSSL_BIDI_ON | 1 << IOSSL_BIDI_BN
                  | 1 << IOSSL_BIDI_NSM,
        LTR_END = 1 << IOSSL_BIDI_L | 1 << IOSSL_BIDI_EN,
        BOTH_NUMBERS = 1 << IOSSL_BIDI_AN | 1 << IOSSL_BIDI_EN
    };
    unsigned int seen = 0, first, last, may, end;
    size_t i;

    for (i = 0; i < n; i++)
        seen |= 1u << IOSSL_IDN_BIDI(property(label[i]));
    first = IOSSL_IDN_BIDI(property(label[0]));
    for (i = n; i > 1 && IOSSL_IDN_BIDI(property(label[i - 1])) == IOSSL_BIDI_NSM; i--)
        ;
    last = 1u << IOSSL_IDN_BIDI(property(label[i - 1]));
    if (first == IOSSL_BIDI_R || first == IOSSL_BIDI_AL) {
        may = RTL_MAY;
        end = RTL_END;
    } else if (first == IOSSL_BIDI_L) {
        may = LTR_MAY;
        end = LTR_END;
    } else {
        return false;
    }
    return (seen & ~may) == 0 && (last & end) != 0 && (seen & BOTH_NUMBERS) != BOTH_NUMBERS;
}

typedef enum { A_LABEL_OK, A_LABEL_BAD, A_LABEL_NO_MEMORY } a_label;

/*
 * The code points behind an A-label, given in any case: only where it is the one and only A-label
 * of a valid label, since everything else is a way to write one name in two forms.
 */
static a_label
decode_a_label(const char *label, size_t len, uint32_t out[MAX_LABEL], size_t *n)
{
    char again[MAX_LABEL];
    points normal = { NULL, 0, 0 };
    a_label result = A_LABEL_BAD;
    size_t again_len, i;

    if (len > MAX_LABEL || !punycode_decode(label + ACE_LEN, len - ACE_LEN, out, n))
        goto done;
    for (i = 0; i < *n; i++) {
        if (out[i] < 0x80)
            out[i] = (unsigned char)iossl_ascii_lower((char)out[i]);
    }
    if (label_fault(out, *n) != NULL || !label_to_ascii(out, *n, again, &again_len)
        || again_len != len)
        goto done;
    for (i = 0; i < len; i++) {
        if (again[i] != iossl_ascii_lower(label[i]))
            goto done;
    }
    if (!normalize(&normal, out, *n)) {
        result = A_LABEL_NO_MEMORY;
        goto done;
    }
    if (normal.n == *n && memcmp(normal.at, out, *n * sizeof *out) == 0)
        result = A_LABEL_OK;
done:
    free(normal.at);
    return result;
}

static bool
is_a_label(const char *label, size_t len)
{
    size_t i;

    for (i = 0; i < ACE_LEN; i++) {
        if (i >= len || iossl_ascii_lower(label[i]) != ACE[i])
            return false;
    }
    return true;
}

/* ---- Names ----------------------------------------------------------------------------------- */

static iossl_status
refuse(iossl_error *err, const char *name, size_t len, const char *reason)
{
    char quoted[IOSSL_QUOTED];

    iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "%s can't be a host name: %s",
                    iossl_quote(quoted, name, len), reason);
    return IOSSL_ERROR;
}

/* Maps each code point of the UTF-8 text. */
static iossl_status
map_text(points *out, const char *utf8, size_t len, iossl_error *err)
{
    size_t i = 0;

    while (i < len) {
        const uint32_t *to;
        uint32_t c, single;
        char reason[64];
        size_t n;

        if (!decode_utf8(utf8, len, &i, &c))
            return refuse(err, utf8, len, "it isn't UTF-8");
        switch (map_point(c, &single, &to, &n)) {
        case IOSSL_IDN_VALID:
            single = c;
            n = 1;
            to = &single;
            break;
        case IOSSL_IDN_IGNORED:
            n = 0;
            break;
        case IOSSL_IDN_MAPPED:
            break;
        default:
            (void)snprintf(reason, sizeof reason, "U+%04lX isn't allowed in host names",
                           (unsigned long)c);
            return refuse(err, utf8, len, reason);
        }
        if (!points_append(out, to, n)) {
            iossl_error_memory(err);
            return IOSSL_ERROR;
        }
    }
    return IOSSL_OK;
}

/* Where the label that begins here ends. */
static size_t
label_end(const points *p, size_t from)
{
    while (from < p->n && p->at[from] != '.')
        from++;
    return from;
}

/* The label of an A-label in code points again, as UTS #46 validates it; any other one as it is. */
static iossl_status
add_unicode_label(points *out, const uint32_t *label, size_t n, const char *utf8, size_t len,
                  iossl_error *err)
{
    static const uint32_t ace[] = { 'x', 'n', '-', '-' };
    uint32_t decoded[MAX_LABEL];
    char ascii[MAX_LABEL];
    size_t ascii_len, decoded_n;

    if (n < ACE_LEN || memcmp(label, ace, sizeof ace) != 0) {
        if (points_append(out, label, n))
            return IOSSL_OK;
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    if (!is_ascii_points(label, n) || !label_to_ascii(label, n, ascii, &ascii_len))
        return refuse(err, utf8, len, "a label begins with xn--, but is no A-label");
    switch (decode_a_label(ascii, ascii_len, decoded, &decoded_n)) {
    case A_LABEL_OK:
        if (points_append(out, decoded, decoded_n))
            return IOSSL_OK;
        break;
    case A_LABEL_NO_MEMORY:
        break;
    case A_LABEL_BAD:
    default:
        return refuse(err, utf8, len, "a label begins with xn--, but is no A-label");
    }
    iossl_error_memory(err);
    return IOSSL_ERROR;
}

/* Map, normalize, and take A-labels apart: the whole name in code points, not yet judged. */
static iossl_status
to_points(points *out, const char *utf8, size_t len, iossl_error *err)
{
    points mapped = { NULL, 0, 0 }, normal = { NULL, 0, 0 };
    iossl_status status = IOSSL_ERROR;
    size_t from, to;

    if (map_text(&mapped, utf8, len, err) != IOSSL_OK)
        goto done;
    if (!normalize(&normal, mapped.at, mapped.n)) {
        iossl_error_memory(err);
        goto done;
    }
    for (from = 0;; from = to + 1) {
        to = label_end(&normal, from);
        if (to > from
            && add_unicode_label(out, normal.at + from, to - from, utf8, len, err) != IOSSL_OK)
            goto done;
        if (to >= normal.n)
            break;
        if (!points_add(out, '.')) {
            iossl_error_memory(err);
            goto done;
        }
    }
    status = IOSSL_OK;
done:
    free(mapped.at);
    free(normal.at);
    return status;
}

/* Why a name can't be one; else NULL, and its ASCII form, NUL-terminated. */
static const char *
points_to_ascii(const points *name, char out[MAX_NAME + 2], size_t *len)
{
    bool is_bidi = is_right_to_left(name->at, name->n);
    size_t from, to;

    *len = 0;
    if (name->n == 0)   /* every character was one that is ignored */
        return "a label is empty";
    for (from = 0;; from = to + 1) {
        const uint32_t *label = name->at + from;
        const char *fault;
        char ascii[MAX_LABEL];
        size_t ascii_len;

        to = label_end(name, from);
        if (from > 0 && from == name->n)    /* behind a trailing dot */
            break;
        if ((fault = label_fault(label, to - from)) != NULL)
            return fault;
        if (is_bidi && !direction_fits(label, to - from))
            return "a label mixes writing directions (RFC 5893)";
        if (!label_to_ascii(label, to - from, ascii, &ascii_len))
            return "a label is longer than 63 bytes";
        if (*len + ascii_len > MAX_NAME)
            return "it is longer than 253 bytes";
        memcpy(out + *len, ascii, ascii_len);
        *len += ascii_len;
        if (to == name->n)
            break;
        out[(*len)++] = '.';
    }
    out[*len] = '\0';
    return NULL;
}

static bool
is_ascii(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if ((unsigned char)text[i] >= 0x80)
            return false;
    }
    return true;
}

/* Only the lengths of an ASCII name are looked at. */
static const char *
ascii_fault(const char *name, size_t len)
{
    size_t in_label = 0, i;

    for (i = 0; i < len; i++) {
        in_label = name[i] == '.' ? 0 : in_label + 1;
        if (in_label > MAX_LABEL)
            return "a label is longer than 63 bytes";
    }
    if (len > MAX_NAME && !(len == MAX_NAME + 1 && name[len - 1] == '.'))
        return "it is longer than 253 bytes";
    return NULL;
}

/* A copy of our own that iossl_free() takes. */
static iossl_status
give_out(char **out, const char *text, size_t len, bool lower_case, iossl_error *err)
{
    size_t i;

    if ((*out = malloc(len + 1)) == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    for (i = 0; i < len; i++)
        (*out)[i] = lower_case ? iossl_ascii_lower(text[i]) : text[i];
    (*out)[len] = '\0';
    return IOSSL_OK;
}

iossl_status
iossl_idn_to_ascii(char **out, const char *utf8, size_t len, iossl_error *err)
{
    points name = { NULL, 0, 0 };
    char ascii[MAX_NAME + 2];
    iossl_status status = IOSSL_ERROR;
    const char *fault;
    size_t ascii_len;

    *out = NULL;
    if (len > 0 && memchr(utf8, '\0', len) != NULL) {
        refuse(err, utf8, len, "it has a NUL byte");
        goto done;
    }
    if (len > INPUT_LIMIT) {
        refuse(err, utf8, len, "it is longer than 253 bytes");
        goto done;
    }
    if (is_ascii(utf8, len)) {
        if ((fault = ascii_fault(utf8, len)) != NULL)
            refuse(err, utf8, len, fault);
        else
            status = give_out(out, utf8, len, true, err);
        goto done;
    }
    if (to_points(&name, utf8, len, err) != IOSSL_OK)
        goto done;
    if ((fault = points_to_ascii(&name, ascii, &ascii_len)) != NULL) {
        refuse(err, utf8, len, fault);
        goto done;
    }
    status = give_out(out, ascii, ascii_len, false, err);
done:
    free(name.at);
    return status;
}

/* Writes one label as it is read; out has room for 4 bytes per byte. False: no memory. */
static bool
label_to_unicode(char *out, size_t *used, const char *label, size_t len)
{
    uint32_t decoded[MAX_LABEL];
    a_label result = A_LABEL_BAD;
    size_t n, i;

    if (is_a_label(label, len))
        result = decode_a_label(label, len, decoded, &n);
    if (result == A_LABEL_NO_MEMORY)
        return false;
    if (result == A_LABEL_OK
        && (!is_right_to_left(decoded, n) || direction_fits(decoded, n))) {
        for (i = 0; i < n; i++)
            *used += encode_utf8(out + *used, decoded[i]);
        return true;
    }
    memcpy(out + *used, label, len);
    *used += len;
    return true;
}

iossl_status
iossl_idn_to_unicode(char **out, const char *ascii, size_t len, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    char *text = NULL;
    size_t used = 0, from, to, i = 0;
    uint32_t c;

    *out = NULL;
    if (len > 0 && memchr(ascii, '\0', len) != NULL) {
        refuse(err, ascii, len, "it has a NUL byte");
        goto done;
    }
    if (len > INPUT_LIMIT) {
        refuse(err, ascii, len, "it is longer than 253 bytes");
        goto done;
    }
    while (i < len) {
        if (!decode_utf8(ascii, len, &i, &c)) {
            refuse(err, ascii, len, "it is neither ASCII nor UTF-8");
            goto done;
        }
    }
    /* An A-label of n bytes has less than n code points, of 4 bytes at most each. */
    if ((text = malloc(4 * len + 1)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    for (from = 0; from <= len; from = to + 1) {
        for (to = from; to < len && ascii[to] != '.'; to++)
            ;
        if (!label_to_unicode(text, &used, ascii + from, to - from)) {
            iossl_error_memory(err);
            goto done;
        }
        if (to < len)
            text[used++] = '.';
    }
    text[used] = '\0';
    *out = text;
    text = NULL;
    status = IOSSL_OK;
done:
    free(text);
    return status;
}
