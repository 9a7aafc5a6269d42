/*
 * t_psl.c - public suffixes: the compiled-in list, lists from text, and libpsl's opinion.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBPSL
#include <libpsl.h>
#endif

#include "iossl.h"
#include "tap.h"

#define LIST "../shared/data/public_suffix_list.dat"
#define VECTORS "../shared/vectors/test_psl.txt"

static size_t
suffix(const iossl_psl *psl, const char *host)
{
    return iossl_psl_suffix_labels(psl, host, strlen(host), 1);
}

static size_t
count_labels(const char *host)
{
    size_t labels = *host != '\0';

    for (; *host != '\0'; host++)
        labels += *host == '.' && host[1] != '\0';
    return labels;
}

/* The whole file with a NUL behind, free() it; NULL where there is none. */
static char *
read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    long size;

    *len = 0;
    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0
        && (text = malloc((size_t)size + 1)) != NULL) {
        rewind(file);
        *len = fread(text, 1, (size_t)size, file);
        text[*len] = '\0';
    }
    fclose(file);
    return text;
}

static void
test_builtin(void)
{
    static const struct {
        const char *host;
        size_t icann, private, all;
    } table[] = {
        { "com", 1, 1, 1 },
        { "example.com", 1, 1, 1 },
        { "www.example.com", 1, 1, 1 },
        { "WWW.EXAMPLE.COM", 1, 1, 1 },
        { "www.example.com.", 1, 1, 1 },
        { "uk", 1, 1, 1 },
        { "co.uk", 2, 1, 2 },
        { "www.example.co.uk", 2, 1, 2 },
        { "WWW.EXAMPLE.CO.UK.", 2, 1, 2 },
        { "foo.github.io", 1, 2, 2 },
        { "ck", 1, 1, 1 },
        { "b.ck", 2, 1, 2 },
        { "a.b.ck", 2, 1, 2 },
        { "www.ck", 1, 1, 1 },
        { "a.www.ck", 1, 1, 1 },
        { "y.kawasaki.jp", 3, 1, 3 },
        { "x.y.kawasaki.jp", 3, 1, 3 },
        { "city.kawasaki.jp", 2, 1, 2 },
        { "www.city.kawasaki.jp", 2, 1, 2 },
        { "kawasaki.jp", 1, 1, 1 },
        { "k12.ak.us", 3, 1, 3 },
        { "foo.bar.unknowntld", 1, 1, 1 },
        { "xn--85x722f.xn--55qx5d.cn", 2, 1, 2 },
        { "XN--85X722F.XN--55QX5D.CN", 2, 1, 2 },
        { "xn--85x722f.xn--fiqs8s", 1, 1, 1 },
        { "localhost", 1, 1, 1 },
        { "", 0, 0, 0 },
        { ".", 0, 0, 0 },
        { "..", 0, 0, 0 },
        { "..a..com", 1, 1, 1 },
        { "*.ck", 2, 1, 2 },
        { "192.168.1.1", 1, 1, 1 },
    };
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        is_size(suffix(iossl_psl_builtin(IOSSL_PSL_ICANN), table[i].host), table[i].icann,
                "ICANN section: \"%s\"", table[i].host);
        is_size(suffix(iossl_psl_builtin(IOSSL_PSL_PRIVATE), table[i].host), table[i].private,
                "private section: \"%s\"", table[i].host);
        is_size(suffix(iossl_psl_builtin(IOSSL_PSL_ALL), table[i].host), table[i].all,
                "both: \"%s\"", table[i].host);
    }
    is_size(iossl_psl_suffix_labels(IOSSL_PSL_NONE, "a.co.uk", 7, 1), 1, "no list: no rule");
    is_size(iossl_psl_suffix_labels(iossl_psl_builtin(IOSSL_PSL_ICANN), "a.b.unknown", 11, 0), 0,
            "without a rule the least is given back: 0");
    is_size(iossl_psl_suffix_labels(iossl_psl_builtin(IOSSL_PSL_ICANN), "a.b.unknown", 11, 2), 2,
            "or 2");
    is_size(iossl_psl_suffix_labels(iossl_psl_builtin(IOSSL_PSL_ICANN), "a.b.unknown", 11, 9), 3,
            "but never more labels than there are");
    is_size(iossl_psl_suffix_labels(iossl_psl_builtin(IOSSL_PSL_ICANN), "a.b.com", 7, 2), 1,
            "a rule counts, even if shorter");
    iossl_psl_free((iossl_psl *)iossl_psl_builtin(IOSSL_PSL_ALL));
    iossl_psl_free(NULL);
    is_size(suffix(iossl_psl_builtin(IOSSL_PSL_ALL), "www.co.uk"), 2,
            "freeing the compiled-in list changes nothing");
}

static void
test_from_string(void)
{
    static const char text[] =
        "// a comment\n"
        "\n"
        "  \t foo   trailing words don't count\r\n"
        "*.foo\n"
        "!bar.foo\n"
        "*.BAZ\n"
        "a.*.mid\n"
        "mid\n"
        "mid\n"
        "gr\xc3\xbc\xc3\x9f.test\n"
        "xn--d1acpjx3f.xn--p1ai\n"
        ".dots.test.\n"
        "aa.long.er\n"
        "last";
    static const struct {
        const char *host;
        size_t labels;
    } table[] = {
        { "foo", 1 },          { "a.foo", 2 },     { "x.a.foo", 2 }, { "bar.foo", 1 },
        { "a.bar.foo", 1 },    { "baz", 1 },       { "b.baz", 2 },   { "B.bAz.", 2 },
        { "mid", 1 },          { "x.mid", 1 },     { "a.x.mid", 3 }, { "b.x.mid", 1 },
        { "q.a.x.mid", 3 },    { "a.mid", 1 },     { "last", 1 },    { "x.last", 1 },
        { "a.xn--d1acpjx3f.xn--p1ai", 2 },         { "dots.test", 2 },
        { "x.dots.test", 2 },  { "aa.long.er", 3 },{ "a.long.er", 1 }, { "com", 1 },
        { "co.uk", 1 },
    };
    iossl_psl *psl = iossl_psl_new_from_string(text, sizeof text - 1, NULL);
    static const char other_script[] = "x.gr\xc3\xbc\xc3\x9f.test";
    char *ace = NULL;
    size_t i;

    if (psl == NULL)
        bail_out("a list is refused");
    for (i = 0; i < sizeof table / sizeof *table; i++)
        is_size(suffix(psl, table[i].host), table[i].labels, "a list from text: \"%s\"",
                table[i].host);
    if (iossl_idn_to_ascii(&ace, other_script, strlen(other_script), NULL) != IOSSL_OK)
        bail_out("idn");
    is_size(suffix(psl, ace), 2, "a rule in another script is found by its A-labels, %s", ace);
    iossl_free(ace);
    iossl_psl_free(psl);

    psl = iossl_psl_new_from_string("", 0, NULL);
    ok(psl != NULL && suffix(psl, "a.co.uk") == 1, "an empty list knows only the default rule");
    iossl_psl_free(psl);
}

static void
test_refused(void)
{
    static const char *const bad[] = {
        "com\na b\nfoo..bar\n",   "com\n\na*.foo\n", "com\n\n!\n",       "com\n\n*a\n",
        "com\n\n**.a\n",          "com\n\na/b\n",    "com\n\n\xff.com\n", "com\n\n\x01.com\n",
        "com\n\n.\n",
        "com\n\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com\n",
    };
    char *long_rule = malloc(600);
    iossl_error *err = iossl_error_new();
    size_t i;

    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        iossl_error_clear(err);
        ok(iossl_psl_new_from_string(bad[i], strlen(bad[i]), err) == NULL, "refused: list %zu", i);
        is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "as an option's value");
        like(iossl_error_message(err), "public suffix list: line 3 is no rule", "with the line");
    }
    for (i = 0; i < 300; i++)
        memcpy(long_rule + 2 * i, "a.", 2);
    long_rule[599] = '\n';
    iossl_error_clear(err);
    ok(iossl_psl_new_from_string(long_rule, 600, err) == NULL,
       "a rule that is longer than any name is refused, so lists have no depth to fall into");
    ok(iossl_psl_new_from_string("a\0b", 3, NULL) == NULL, "a NUL is no part of a rule");
    free(long_rule);
    iossl_error_free(err);
}

/* The registrable domain by our list: one label more than the suffix; NULL where there is none. */
static const char *
registrable(const iossl_psl *psl, const char *host)
{
    size_t labels = suffix(psl, host) + 1;
    const char *p = host + strlen(host);

    if (count_labels(host) < labels)
        return NULL;
    while (p > host && (p[-1] != '.' || --labels > 0))
        p--;
    return p;
}

/* Reads 'x' or null from the line; "" where it is null. */
static const char *
read_argument(const char *p, char *out)
{
    size_t n = 0;

    while (*p == ' ' || *p == ',' || *p == '(')
        p++;
    if (*p == '\'') {
        for (p++; *p != '\'' && n < 250; p++)
            out[n++] = *p;
        p++;
    } else {
        p += 4; /* null */
    }
    out[n] = '\0';
    return p;
}

static void
test_vectors(void)
{
    size_t len, checked = 0;
    char *text = read_file(tap_path(VECTORS), &len);
    char *line, *rest;

    if (text == NULL) {
        skip(1, VECTORS " isn't here");
        return;
    }
    for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        const char *p = strstr(line, "checkPublicSuffix");
        char host[256], wanted[256], *host_ace = NULL, *wanted_ace = NULL;
        const char *got;

        if (p != line)
            continue;
        p = read_argument(p + strlen("checkPublicSuffix"), host);
        read_argument(p, wanted);
        if (iossl_idn_to_ascii(&host_ace, host, strlen(host), NULL) != IOSSL_OK
            || iossl_idn_to_ascii(&wanted_ace, wanted, strlen(wanted), NULL) != IOSSL_OK)
            bail_out("a name of the vectors isn't one");
        /* The vectors want nothing for names with a leading dot; that is for callers to say. */
        got = host[0] == '.' ? NULL : registrable(iossl_psl_builtin(IOSSL_PSL_ALL), host_ace);
        is_str(got != NULL ? got : "", wanted_ace, "vector: %s", host);
        iossl_free(host_ace);
        iossl_free(wanted_ace);
        checked++;
    }
    ok(checked >= 77, "all %zu vectors were looked at", checked);
    free(text);
}

/* Names made of each rule, in A-labels: with its wildcard filled, and with labels before it. */
typedef void (*name_fn)(void *arg, const char *name);

static size_t
each_name(const char *list, name_fn fn, void *arg)
{
    static const char *const before[] = { "", "a.", "b.a.", "www.b.a." };
    const char *line = list, *end;
    size_t n = 0, i, j;

    for (; *line != '\0'; line = *end == '\0' ? end : end + 1) {
        char rule[256], name[300], *ace;
        size_t len = 0;

        end = strchr(line, '\n');
        if (end == NULL)
            end = line + strlen(line);
        if (line == end || line[0] == '/' || isspace((unsigned char)line[0]))
            continue;
        for (i = line[0] == '!'; line + i < end && !isspace((unsigned char)line[i]); i++)
            rule[len++] = line[i] == '*' ? 'w' : line[i];
        rule[len] = '\0';
        if (iossl_idn_to_ascii(&ace, rule, len, NULL) != IOSSL_OK) {
            diag("no name: %s", rule);
            continue;
        }
        for (j = 0; j < sizeof before / sizeof *before; j++) {
            snprintf(name, sizeof name, "%s%s", before[j], ace);
            fn(arg, name);
            n++;
        }
        iossl_free(ace);
    }
    return n;
}

typedef struct comparison {
    const iossl_psl *ours;
    const void *theirs;
    size_t different;
} comparison;

static void
compare_lists(void *arg, const char *name)
{
    comparison *c = arg;

    if (suffix(c->ours, name) != suffix(c->theirs, name) && c->different++ < 10)
        diag("%s: compiled in %zu, from text %zu", name, suffix(c->ours, name),
             suffix(c->theirs, name));
}

#ifdef HAVE_LIBPSL
static void
compare_libpsl(void *arg, const char *name)
{
    comparison *c = arg;
    const char *theirs = psl_registrable_domain(c->theirs, name);
    const char *ours = registrable(c->ours, name);
    bool is_icann = psl_is_public_suffix2(c->theirs, name, PSL_TYPE_ICANN) != 0;
    bool is_ours = suffix(iossl_psl_builtin(IOSSL_PSL_ICANN), name) >= count_labels(name);

    if ((ours == NULL) != (theirs == NULL) || (ours != NULL && strcmp(ours, theirs) != 0)
        || is_icann != is_ours) {
        if (c->different++ < 10)
            diag("%s: ours %s, libpsl %s, ICANN %d %d", name, ours != NULL ? ours : "none",
                 theirs != NULL ? theirs : "none", is_ours, is_icann);
    }
}
#endif

static void
test_whole_list(void)
{
    size_t len, n;
    char *text = read_file(tap_path(LIST), &len);
    comparison c = { .ours = iossl_psl_builtin(IOSSL_PSL_ALL) };
    iossl_psl *psl;

    if (text == NULL) {
        skip(3, LIST " isn't here");
        return;
    }
    psl = iossl_psl_new_from_string(text, len, NULL);
    ok(psl != NULL, "the whole public list is read from text");
    if (psl != NULL) {
        c.theirs = psl;
        n = each_name(text, compare_lists, &c);
        ok(n > 30000 && c.different == 0, "and says what the compiled-in one does of %zu names", n);
    }
    iossl_psl_free(psl);
#ifdef HAVE_LIBPSL
    {
        psl_ctx_t *libpsl = psl_load_file(tap_path(LIST));

        c.theirs = libpsl;
        c.different = 0;
        n = each_name(text, compare_libpsl, &c);
        ok(libpsl != NULL && n > 30000 && c.different == 0,
           "libpsl agrees with the compiled-in list on %zu names", n);
        psl_free(libpsl);
    }
#else
    skip(1, "libpsl isn't here");
#endif
    free(text);
}

/* Whatever is given as a list, it is one or refused, and can be asked about anything. */
static void
test_any_bytes(void)
{
    static const char letters[] = "aab.*!\n /-\xc3\xbc\r";
    uint64_t state = 4;
    size_t lists = 0, i, j;

    for (i = 0; i < 20000; i++) {
        char bytes[60];
        size_t len, least;
        iossl_psl *psl;

        for (j = 0; j < sizeof bytes; j++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[j] = i % 4 == 0 ? (char)(state >> 40)
                                  : letters[(size_t)(state >> 40) % (sizeof letters - 1)];
        }
        len = (size_t)(state >> 33) % (i % 2 == 0 ? 12 : sizeof bytes);
        least = iossl_psl_suffix_labels(iossl_psl_builtin(IOSSL_PSL_ALL), bytes, sizeof bytes, 1);
        if (least > sizeof bytes / 2 + 1)
            bail_out("more labels than there are");
        if ((psl = iossl_psl_new_from_string(bytes, len, NULL)) == NULL)
            continue;
        lists++;
        if (iossl_psl_suffix_labels(psl, bytes, sizeof bytes, 1) > sizeof bytes / 2 + 1)
            bail_out("more labels than there are");
        iossl_psl_free(psl);
    }
    ok(lists > 1000, "of 20000 pieces of garbage %zu were lists", lists);
}

int
main(void)
{
    tap_start();
    test_builtin();
    test_from_string();
    test_refused();
    test_vectors();
    test_whole_list();
    test_any_bytes();
    return done_testing();
}
