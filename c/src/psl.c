/*
 * psl.c - where the public part of a host name ends (https://publicsuffix.org/list/).
 *
 * Owns      the lookup, the compiled-in lists, lists built from text.
 * Promises  a list never changes once it is made; the compiled-in ones are constants. A lookup
 *           allocates nothing and visits at most two nodes per label in lists whose wildcards
 *           stand leftmost, as all public ones do.
 * Leaves    what a suffix means for wildcards to names.c; international names to idn.c; the data to
 *           tools/gen-psl, which writes psl_data.c.
 */
#include "psl.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "ascii.h"
#include "error.h"
#include "quote.h"

/* A host name can't be longer (RFC 1035 section 2.3.4), so a longer rule could never match. It also
 * bounds the depth of the trie, and so that of the recursion in search(). */
#define MAX_RULE 253

/* Between the labels of a key: sorts before everything that a label holds. */
#define KEY_SEPARATOR '\1'

struct iossl_psl {
    const iossl_psl_node *nodes;
    const char *labels;
    uint32_t sections;          /* which rules count */
    size_t min_suffix;          /* labels of a suffix where no rule matches */
    iossl_psl_node *own_nodes;  /* NULL in the compiled-in lists, which own nothing */
    char *own_labels;
};

static const iossl_psl BUILTIN[] = {
    { iossl_psl_data_nodes, iossl_psl_data_labels, IOSSL_PSL_ICANN, 1, NULL, NULL },
    { iossl_psl_data_nodes, iossl_psl_data_labels, IOSSL_PSL_PRIVATE, 1, NULL, NULL },
    { iossl_psl_data_nodes, iossl_psl_data_labels, IOSSL_PSL_ALL, 1, NULL, NULL },
};

const iossl_psl *
iossl_psl_builtin(iossl_psl_sections sections)
{
    switch (sections) {
    case IOSSL_PSL_PRIVATE:
        return &BUILTIN[1];
    case IOSSL_PSL_ALL:
        return &BUILTIN[2];
    case IOSSL_PSL_ICANN:
    default:
        return &BUILTIN[0];
    }
}

iossl_psl *
iossl_psl_new_builtin(iossl_psl_sections sections, iossl_error *err)
{
    iossl_psl *psl = malloc(sizeof *psl);

    if (psl == NULL)
        iossl_error_memory(err);
    else
        *psl = *iossl_psl_builtin(sections);    /* the tables are constants, and stay shared */
    return psl;
}

void
iossl_psl_set_min_suffix(iossl_psl *psl, size_t min_suffix)
{
    psl->min_suffix = min_suffix;
}

size_t
iossl_psl_get_min_suffix(const iossl_psl *psl)
{
    return psl->min_suffix;
}

/* ---- Lookup ---------------------------------------------------------------------------------- */

static unsigned char
lower(char c)
{
    return (unsigned char)iossl_ascii_lower(c);
}

static uint32_t
first_child(const iossl_psl *psl, uint32_t node)
{
    return psl->nodes[node].child & IOSSL_PSL_CHILD_MASK;
}

/* strcmp of a label of the host name, whatever its case, with that of a node. */
static int
compare_label(const iossl_psl *psl, uint32_t node, const char *label, size_t len)
{
    const char *other = psl->labels + (psl->nodes[node].label >> IOSSL_PSL_LENGTH_BITS);
    size_t other_len = psl->nodes[node].label & IOSSL_PSL_LENGTH_MASK;
    size_t i;

    for (i = 0; i < len && i < other_len; i++) {
        if (lower(label[i]) != (unsigned char)other[i])
            return lower(label[i]) < (unsigned char)other[i] ? -1 : 1;
    }
    return len == other_len ? 0 : len < other_len ? -1 : 1;
}

/* The child with this label; 0, which is nobody's child, where there is none. */
static uint32_t
find_child(const iossl_psl *psl, uint32_t node, const char *label, size_t len)
{
    uint32_t low = first_child(psl, node);
    uint32_t high = first_child(psl, node + 1);

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_label(psl, middle, label, len);

        if (order == 0)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return 0;
}

/* The child "*", which would be the first. */
static uint32_t
find_wildcard(const iossl_psl *psl, uint32_t node)
{
    uint32_t child = first_child(psl, node);

    if (child < first_child(psl, node + 1) && compare_label(psl, child, "*", 1) == 0)
        return child;
    return 0;
}

/* Cuts the rightmost label off host[0 .. *end); NULL where none is left. Empty ones are passed. */
static const char *
cut_label(const char *host, size_t *end, size_t *len)
{
    size_t stop = *end;
    size_t start;

    while (stop > 0 && host[stop - 1] == '.')
        stop--;
    for (start = stop; start > 0 && host[start - 1] != '.'; start--)
        ;
    *end = start;
    *len = stop - start;
    return *len > 0 ? host + start : NULL;
}

typedef struct best_match {
    size_t labels;      /* of the longest rule, where found; an exception beats every rule */
    bool found;
    bool is_exception;
} best_match;

static void search(const iossl_psl *psl, uint32_t node, const char *host, size_t end, size_t depth,
                   best_match *best);

/* Takes into account what ends at this node, depth labels from the right, and goes on below. */
static void
enter(const iossl_psl *psl, uint32_t node, const char *host, size_t end, size_t depth,
      best_match *best)
{
    uint32_t ends = psl->nodes[node].child;
    bool is_exception = ((ends >> IOSSL_PSL_EXCEPTION_SHIFT) & psl->sections) != 0;
    bool is_rule = ((ends >> IOSSL_PSL_RULE_SHIFT) & psl->sections) != 0;
    size_t labels = is_exception ? depth - 1 : depth;

    if ((is_exception && (!best->is_exception || labels > best->labels))
        || (is_rule && !is_exception && !best->is_exception && labels > best->labels)) {
        best->labels = labels;
        best->found = true;
        best->is_exception = is_exception;
    }
    search(psl, node, host, end, depth, best);
}

/* Each node is entered at most once, since each is reached by one path only. */
static void
search(const iossl_psl *psl, uint32_t node, const char *host, size_t end, size_t depth,
       best_match *best)
{
    size_t len;
    const char *label = cut_label(host, &end, &len);
    uint32_t exact, wildcard;

    if (label == NULL)
        return;
    exact = find_child(psl, node, label, len);
    wildcard = find_wildcard(psl, node);
    if (exact != 0)
        enter(psl, exact, host, end, depth + 1, best);
    if (wildcard != 0 && wildcard != exact)
        enter(psl, wildcard, host, end, depth + 1, best);
}

size_t
iossl_psl_suffix_labels(const iossl_psl *psl, const char *host, size_t len, size_t min_suffix)
{
    best_match best = { 0, false, false };
    size_t end = len, label_len, labels = 0;

    if (psl != IOSSL_PSL_NONE)
        search(psl, 0, host, len, 0, &best);
    if (best.found)
        return best.labels;
    while (labels < min_suffix && cut_label(host, &end, &label_len) != NULL)
        labels++;
    return labels;
}

/* ---- Lists from text ------------------------------------------------------------------------- */

/* A rule on its way into a list: its labels from right to left with KEY_SEPARATOR between. */
typedef struct rule {
    const char *key;    /* into builder.keys once that no longer grows */
    size_t offset;
    size_t len;
    bool is_exception;
} rule;

typedef struct builder {
    rule *rules;
    size_t n_rules, max_rules;
    char *keys;
    size_t keys_len, keys_max;
} builder;

/* A node whose children aren't made yet: the rules below it, and how much of their keys it is. */
typedef struct span {
    size_t from, to;
    size_t prefix;
} span;

static bool
is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Makes room for one element more; false where memory is out. */
static bool
grow(void **array, size_t needed, size_t *max, size_t size)
{
    size_t more = *max == 0 ? 256 : *max;
    void *bigger;

    if (needed <= *max)
        return true;
    while (more < needed) {
        if (more > SIZE_MAX / 2)
            return false;
        more *= 2;
    }
    if (more > SIZE_MAX / size || (bigger = realloc(*array, more * size)) == NULL)
        return false;
    *array = bigger;
    *max = more;
    return true;
}

/* Appends the labels of an ASCII rule in reverse order; false where memory is out. */
static bool
add_rule(builder *b, const char *ascii, size_t len, bool is_exception)
{
    size_t end = len, label_len, start = b->keys_len, i;
    const char *label;

    if (!grow((void **)&b->rules, b->n_rules + 1, &b->max_rules, sizeof *b->rules)
        || !grow((void **)&b->keys, b->keys_len + len + 1, &b->keys_max, 1))
        return false;
    while ((label = cut_label(ascii, &end, &label_len)) != NULL) {
        if (b->keys_len > start)
            b->keys[b->keys_len++] = KEY_SEPARATOR;
        for (i = 0; i < label_len; i++)
            b->keys[b->keys_len++] = (char)lower(label[i]);
    }
    b->rules[b->n_rules++] = (rule){ .key = NULL, .offset = start, .len = b->keys_len - start,
                                     .is_exception = is_exception };
    return true;
}

/* May this ASCII text be a rule: names of 1 to 63 letters, digits, "-", "_", or "*" alone? */
static bool
is_rule_text(const char *text, size_t len)
{
    size_t label = 0, i;
    bool star = false;

    if (len > MAX_RULE || len == 0)
        return false;
    for (i = 0; i < len; i++) {
        unsigned char c = lower(text[i]);

        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
            star = false;
            continue;
        }
        if (star || (c == '*' && label > 0))
            return false;
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*'))
            return false;
        star = c == '*';
        if (++label > 63)
            return false;
    }
    return label > 0;
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

/*
 * The rule in A-labels as a new string; NULL with err set where it isn't one. Each label goes
 * through idn.c by itself, as "*" is nothing that a host name may hold.
 */
static char *
rule_to_ascii(const char *text, size_t len, size_t line, iossl_error *err)
{
    char *ascii = NULL, *piece = NULL, *result = NULL;
    size_t used = 0, from = 0, to;
    char quoted[IOSSL_QUOTED];
    iossl_error *why = iossl_error_new();

    if ((ascii = malloc(MAX_RULE + 65)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    for (;;) {
        size_t piece_len;

        for (to = from; to < len && text[to] != '.'; to++)
            ;
        if (to == from || (!is_ascii(text + from, to - from)
                           && iossl_idn_to_ascii(&piece, text + from, to - from, why) != IOSSL_OK))
            goto refuse;
        piece_len = piece != NULL ? strlen(piece) : to - from;
        if (used + piece_len > MAX_RULE)
            goto refuse;
        memcpy(ascii + used, piece != NULL ? piece : text + from, piece_len);
        used += piece_len;
        free(piece);
        piece = NULL;
        if (to == len)
            break;
        ascii[used++] = '.';
        from = to + 1;
    }
    ascii[used] = '\0';
    if (!is_rule_text(ascii, used))
        goto refuse;
    result = ascii;
    ascii = NULL;
    goto done;
refuse:
    if (iossl_error_get_code(why) == IOSSL_E_MEMORY)
        iossl_error_memory(err);
    else
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "public suffix list: line %zu is no rule: %s%s%s; rules are names like "
                        "co.uk, *.ck or !www.ck, one a line, comments begin with //", line,
                        iossl_quote(quoted, text, len),
                        iossl_error_get_code(why) == IOSSL_E_NONE ? "" : ": ",
                        iossl_error_message(why));
done:
    iossl_error_free(why);
    free(piece);
    free(ascii);
    return result;
}

/* One line without its end: a comment, nothing, or a rule up to the first blank. */
static iossl_status
parse_line(builder *b, const char *text, size_t len, size_t line, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    bool is_exception = false;
    char *ascii = NULL;
    size_t end = 0;

    while (len > 0 && is_blank(*text)) {
        text++;
        len--;
    }
    if (len == 0 || (len >= 2 && text[0] == '/' && text[1] == '/'))
        return IOSSL_OK;
    while (end < len && !is_blank(text[end]))
        end++;
    if (text[0] == '!') {
        is_exception = true;
        text++;
        end--;
    }
    /* A trailing or leading dot changes nothing, as lists found in the wild have some. */
    while (end > 0 && text[end - 1] == '.')
        end--;
    while (end > 0 && text[0] == '.') {
        text++;
        end--;
    }
    if ((ascii = rule_to_ascii(text, end, line, err)) == NULL)
        goto done;
    if (!add_rule(b, ascii, strlen(ascii), is_exception)) {
        iossl_error_memory(err);
        goto done;
    }
    status = IOSSL_OK;
done:
    free(ascii);
    return status;
}

static int
compare_rules(const void *a, const void *b)
{
    const rule *x = a, *y = b;
    size_t shorter = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->key, y->key, shorter);

    if (order != 0)
        return order;
    return x->len == y->len ? 0 : x->len < y->len ? -1 : 1;
}

/* How long the label is that begins at this place of a key. */
static size_t
label_length(const rule *r, size_t at)
{
    const char *stop = memchr(r->key + at, KEY_SEPARATOR, r->len - at);

    return stop != NULL ? (size_t)(stop - r->key) - at : r->len - at;
}

/*
 * Flattens the sorted rules. nodes and spans are the queue of the breadth-first walk at once: while
 * node i gets its children, they are appended, so each node's children lie together.
 * False where memory is out or the list is too big for the node's fields.
 */
static bool
flatten(const builder *b, iossl_psl_node **out)
{
    iossl_psl_node *nodes = NULL;
    span *spans = NULL;
    size_t n = 1, max_nodes = 0, max_spans = 0, i;
    bool done = false;

    *out = NULL;
    if (!grow((void **)&nodes, 2, &max_nodes, sizeof *nodes)
        || !grow((void **)&spans, 2, &max_spans, sizeof *spans))
        goto done;
    nodes[0] = (iossl_psl_node){ 0, 0 };
    spans[0] = (span){ 0, b->n_rules, 0 };
    for (i = 0; i < n; i++) {
        span at = spans[i];
        uint32_t ends = 0;
        size_t r = at.from;

        /* Rules that end here come first; sections aren't told apart, so any of them will do. */
        for (; i > 0 && r < at.to && b->rules[r].len == at.prefix; r++)
            ends |= UINT32_C(1) << (b->rules[r].is_exception ? IOSSL_PSL_EXCEPTION_SHIFT
                                                             : IOSSL_PSL_RULE_SHIFT);
        nodes[i].child = (uint32_t)n | ends;
        while (r < at.to) {
            size_t start = i == 0 ? 0 : at.prefix + 1;
            size_t len = label_length(&b->rules[r], start);
            const char *label = b->rules[r].key + start;
            size_t from = r;

            while (r < at.to && label_length(&b->rules[r], start) == len
                   && memcmp(b->rules[r].key + start, label, len) == 0)
                r++;
            if (n + 1 > IOSSL_PSL_CHILD_MASK
                || !grow((void **)&nodes, n + 2, &max_nodes, sizeof *nodes)
                || !grow((void **)&spans, n + 2, &max_spans, sizeof *spans))
                goto done;
            nodes[n].label = (uint32_t)((size_t)(label - b->keys) << IOSSL_PSL_LENGTH_BITS | len);
            spans[n] = (span){ from, r, start + len };
            n++;
        }
    }
    nodes[n] = (iossl_psl_node){ (uint32_t)n, 0 };
    *out = nodes;
    nodes = NULL;
    done = true;
done:
    free(nodes);
    free(spans);
    return done;
}

iossl_psl *
iossl_psl_new_from_string(const char *text, size_t len, iossl_error *err)
{
    builder b = { NULL, 0, 0, NULL, 0, 0 };
    iossl_psl *psl = NULL, *result = NULL;
    size_t from, to, line = 1, i;

    for (from = 0; from < len; from = to + 1, line++) {
        const char *end = memchr(text + from, '\n', len - from);

        to = end != NULL ? (size_t)(end - text) : len;
        if (parse_line(&b, text + from, to - from, line, err) != IOSSL_OK)
            goto done;
        if (b.keys_len >= IOSSL_PSL_MAX_LABELS) {
            iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                            "public suffix list: more than %zu bytes of rules",
                            (size_t)IOSSL_PSL_MAX_LABELS);
            goto done;
        }
    }
    for (i = 0; i < b.n_rules; i++)
        b.rules[i].key = b.keys + b.rules[i].offset;
    if (b.n_rules > 0)
        qsort(b.rules, b.n_rules, sizeof *b.rules, compare_rules);
    if ((psl = calloc(1, sizeof *psl)) == NULL || !flatten(&b, &psl->own_nodes)) {
        iossl_error_memory(err);
        goto done;
    }
    psl->nodes = psl->own_nodes;
    psl->labels = psl->own_labels = b.keys; /* the list owns them now */
    psl->sections = IOSSL_PSL_ALL;
    psl->min_suffix = 1;
    b.keys = NULL;
    result = psl;
    psl = NULL;
done:
    iossl_psl_free(psl);
    free(b.rules);
    free(b.keys);
    return result;
}

void
iossl_psl_free(iossl_psl *psl)
{
    if (psl == NULL || (psl >= BUILTIN && psl < BUILTIN + sizeof BUILTIN / sizeof BUILTIN[0]))
        return;     /* the constants own nothing */
    free(psl->own_nodes);
    free(psl->own_labels);
    free(psl);
}
