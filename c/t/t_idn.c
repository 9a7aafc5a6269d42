/*
 * t_idn.c - names in any script to A-labels and back: UTS #46, libidn2, any bytes at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifdef HAVE_LIBIDN2
#include <idn2.h>
#endif

#include "iossl.h"
#include "tap.h"

#define VECTORS "../shared/vectors/uts46_idnatestv2_15.0.tsv"

/* 63 and 64 of a letter. */
#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A64 A63 "a"

static void
test_to_ascii(void)
{
    static const struct {
        const char *utf8, *ascii;
    } table[] = {
        { "", "" },
        { "example.org", "example.org" },
        { "WWW.Example.ORG.", "www.example.org." },
        { "a_b.example", "a_b.example" },
        { "r3---sn-x.example", "r3---sn-x.example" },
        { "xn--not-valid-at-all", "xn--not-valid-at-all" },
        { "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" },
        { "B\xc3\x9c" "CHER.Example", "xn--bcher-kva.example" },
        { "bu\xcc\x88" "cher.example", "xn--bcher-kva.example" },
        { "xn--bcher-kva.\xc3\xbc.example", "xn--bcher-kva.xn--tda.example" },
        { "XN--BCHER-KVA.\xc3\xbc.example", "xn--bcher-kva.xn--tda.example" },
        { "fa\xc3\x9f.de", "xn--fa-hia.de" },
        { "\xce\xb2\xcf\x8c\xce\xbb\xce\xbf\xcf\x82.com", "xn--nxasmm1c.com" },
        { "\xe9\xa3\x9f\xe7\x8b\xae.\xe5\x85\xac\xe5\x8f\xb8.cn", "xn--85x722f.xn--55qx5d.cn" },
        { "\xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88",
          "xn--r8jz45g.xn--zckzah" },
        { "\xef\xbd\x85\xef\xbd\x98.\xc3\xbc", "ex.xn--tda" },              /* full width */
        { "\xc3\xbc\xc2\xad\xc2\xad.de", "xn--tda.de" },                    /* soft hyphens */
        { "\xed\x95\x9c\xea\xb5\xad.kr", "xn--3e0b707e.kr" },               /* Hangul, composed */
        { "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x80\xe1\x85\xae\xe1\x86\xa8.kr",
          "xn--3e0b707e.kr" },                                              /* and in letters */
        { "a\xcc\x85\xcc\x81.de", "xn--a-xbbl.de" },     /* the second mark is blocked */
        { "\xd7\x90\xd7\x91.com", "xn--4dbc.com" },
        { "\xf0\x9f\x98\x80.example", "xn--e28h.example" },
        { "a_\xc3\xbc.de", "xn--a_-yka.de" },
        { "\xc3\xbc.", "xn--tda." },
        { A63 ".de", A63 ".de" },
    };
    char *ascii;
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        iossl_error *err = iossl_error_new();

        if (iossl_idn_to_ascii(&ascii, table[i].utf8, strlen(table[i].utf8), err) != IOSSL_OK)
            diag("%s", iossl_error_message(err));
        is_str(ascii, table[i].ascii, "to ASCII: %s", table[i].utf8);
        iossl_free(ascii);
        iossl_error_free(err);
    }
}

static void
test_refused(void)
{
    static const struct {
        const char *utf8;
        size_t len;
        const char *reason;
    } table[] = {
#define TEXT(text) text, sizeof text - 1
        { TEXT("a\0b"), "NUL" },
        { TEXT("\xc3\xbc\0"), "NUL" },
        { TEXT("\xff"), "UTF-8" },
        { TEXT("\xc0\xaf.de"), "UTF-8" },              /* overlong */
        { TEXT("\xe0\x80\xaf"), "UTF-8" },
        { TEXT("\xf0\x80\x80\xaf"), "UTF-8" },
        { TEXT("\xc1\xbf"), "UTF-8" },
        { TEXT("\xed\xa0\x80"), "UTF-8" },             /* a surrogate */
        { TEXT("\xf4\x90\x80\x80"), "UTF-8" },         /* behind the last code point */
        { TEXT("\xf5\x80\x80\x80"), "UTF-8" },
        { TEXT("ab\xc3"), "UTF-8" },                   /* cut off */
        { TEXT("\xe2\x82"), "UTF-8" },
        { TEXT("\x80"), "UTF-8" },
        { TEXT("\xc3\xbc..de"), "empty" },
        { TEXT(".\xc3\xbc.de"), "empty" },
        { TEXT("\xc2\xad"), "empty" },                 /* nothing but a soft hyphen */
        { TEXT("\xc3\xbc b.de"), "U+0020" },
        { TEXT("\xc3\xbc*.de"), "U+002A" },
        { TEXT("\xc3\xbc\xe2\x89\xa0.de"), "U+2260" },
        { TEXT("\xef\xbc\x8f.de"), "U+FF0F" },         /* a full-width slash */
        { TEXT("\xe2\x93\x82\xe2\x80\xae.de"), "U+202E" },
        { TEXT("\xee\x80\x80.de"), "U+E000" },
        { TEXT("-\xc3\xbc.de"), "hyphen" },
        { TEXT("\xc3\xbc-.de"), "hyphen" },
        { TEXT("ab--\xc3\xbc.de"), "hyphens" },
        { TEXT("\xcc\x88\xc3\xbc.de"), "combining" },
        { TEXT("a\xe2\x80\x8d\xc3\xbc.de"), "joiner" },
        { TEXT("\xd7\x90" "a.de"), "direction" },
        { TEXT("0\xd7\x90.\xc3\xbc.de"), "direction" },
        { TEXT("xn--zzzzzzzzzzzzzzzzzzzz.\xc3\xbc"), "xn--" },
        { TEXT("xn--.\xc3\xbc"), "xn--" },
        { TEXT("xn--abc-.\xc3\xbc"), "xn--" },
        { TEXT("xn--\xc3\xbc.de"), "xn--" },
        { TEXT(A64 ".de"), "63" },
        { TEXT(A64 ".\xc3\xbc"), "63" },
        { TEXT(A63 "." A63 "." A63 "." A63), "253" },
        { TEXT(A63 "." A63 "." A63 "." A63 ".\xc3\xbc"), "253" },
        { TEXT("\xc3\xbc" A63), "63" },
#undef TEXT
    };
    char *out, *big = malloc(100000);
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        iossl_error *err = iossl_error_new();

        out = big;
        is_int(iossl_idn_to_ascii(&out, table[i].utf8, table[i].len, err), IOSSL_ERROR,
               "refused: case %zu", i);
        ok(out == NULL, "its output is cleared");
        is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "as an option's value");
        like(iossl_error_message(err), table[i].reason, "and the reason is told: %s",
             iossl_error_message(err));
        iossl_error_free(err);
    }
    for (i = 0; i + 1 < 100000; i += 2)
        memcpy(big + i, "\xc2\xad", 2);
    is_int(iossl_idn_to_ascii(&out, big, 100000, NULL), IOSSL_ERROR,
           "50000 soft hyphens are refused");
    for (i = 0; i + 1 < 4096; i += 2)
        memcpy(big + i, i % 4 == 0 ? "\xcc\x81" : "\xcc\xa3", 2);
    is_int(iossl_idn_to_ascii(&out, big, 4096, NULL), IOSSL_ERROR, "so is a pile of marks");
    free(big);
}

static void
test_to_unicode(void)
{
    static const struct {
        const char *ascii, *utf8;
    } table[] = {
        { "", "" },
        { "example.org", "example.org" },
        { "WWW.Example.ORG", "WWW.Example.ORG" },
        { "xn--bcher-kva.example", "b\xc3\xbc" "cher.example" },
        { "XN--BCHER-KVA.Example.", "b\xc3\xbc" "cher.Example." },
        { "a..xn--tda", "a..\xc3\xbc" },
        { "xn--85x722f.xn--55qx5d.cn", "\xe9\xa3\x9f\xe7\x8b\xae.\xe5\x85\xac\xe5\x8f\xb8.cn" },
        /* What doesn't decode, or not to what encodes to it, stays. */
        { "xn--", "xn--" },
        { "xn---", "xn---" },
        { "xn--abc-", "xn--abc-" },
        { "xn--99999999", "xn--99999999" },
        { "xn--a!.com", "xn--a!.com" },
        { "xn--a-ecp.ru", "xn--a-ecp.ru" },        /* decodes to an upper-case letter */
        { "xn--u-ccb.com", "xn--u-ccb.com" },      /* decodes to letter and mark, not composed */
        { "\xc3\xbc.de", "\xc3\xbc.de" },
    };
    char *utf8;
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        is_int(iossl_idn_to_unicode(&utf8, table[i].ascii, strlen(table[i].ascii), NULL), IOSSL_OK,
               "to Unicode: %s", table[i].ascii);
        is_str(utf8, table[i].utf8, "gives %s", table[i].utf8);
        iossl_free(utf8);
    }
    is_int(iossl_idn_to_unicode(&utf8, "a\0b", 3, NULL), IOSSL_ERROR, "a NUL is refused");
    ok(utf8 == NULL, "the output is cleared");
    is_int(iossl_idn_to_unicode(&utf8, "\xff", 1, NULL), IOSSL_ERROR, "and so is what isn't text");
}

static size_t
put_utf8(char *out, uint32_t c)
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

/* Resolves \uXXXX, surrogate pairs too. */
static void
unescape(const char *text, char *out)
{
    while (*text != '\0') {
        unsigned int c;

        if (text[0] == '\\' && text[1] == 'u' && sscanf(text + 2, "%4x", &c) == 1) {
            unsigned int low;

            text += 6;
            if (c >= 0xd800 && c < 0xdc00 && text[0] == '\\' && text[1] == 'u'
                && sscanf(text + 2, "%4x", &low) == 1 && low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                text += 6;
            }
            out += put_utf8(out, c);
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

static bool
is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
    }
    return true;
}

static void
test_vectors(void)
{
    FILE *file = fopen(tap_path(VECTORS), "r");
    size_t valid = 0, invalid = 0, ascii_only = 0, wrong = 0;
    char line[8192];

    if (file == NULL) {
        skip(2, VECTORS " isn't here");
        return;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        char source[4096], wanted[4096], *got = NULL, *tab, *status;

        if (line[0] == '#' || (tab = strchr(line, '\t')) == NULL
            || (status = strchr(tab + 1, '\t')) == NULL)
            continue;
        *tab = *status++ = '\0';
        status[strcspn(status, "\n")] = '\0';
        tab++;
        tab[strcspn(tab, "\t")] = '\0';
        unescape(line, source);
        unescape(tab, wanted);
        (void)iossl_idn_to_ascii(&got, source, strlen(source), NULL);
        if (is_ascii(source)) {
            /* Only lower-cased: what isn't valid here is in use elsewhere. */
            ascii_only++;
            if (got == NULL ? strstr(status, "A4") == NULL : strcasecmp(got, source) != 0)
                wrong++;
        } else if (strcmp(status, "-") == 0) {
            valid++;
            if ((got == NULL || strcmp(got, wanted) != 0) && wrong++ < 40)
                diag("%s: wanted %s, got %s", line, wanted, got != NULL ? got : "nothing");
        } else {
            invalid++;
            if (got != NULL && wrong++ < 40)
                diag("%s (%s): wanted nothing, got %s", line, status, got);
        }
        iossl_free(got);
    }
    fclose(file);
    is_size(wrong, 0, "the vectors of UTS #46: %zu valid, %zu not; %zu in ASCII aren't "
            "judged", valid, invalid, ascii_only);
    ok(valid > 200 && invalid > 3000, "and there were enough of them");
}

/* A small generator of our own: the same names on every machine. */
static uint32_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* A name of letters of one script, often in need of mapping. */
static void
random_name(uint64_t *state, char *out)
{
    static const uint32_t scripts[][2] = {
        { 0xc0, 0x17f }, { 0x370, 0x3ff }, { 0x400, 0x52f }, { 0x5d0, 0x5ea }, { 0x620, 0x669 },
        { 0x900, 0x97f }, { 0xe00, 0xe5b }, { 0x10a0, 0x10ff }, { 0x1e00, 0x1fff },
        { 0x3040, 0x30ff }, { 0x4e00, 0x9fff }, { 0xac00, 0xd7a3 }, { 0xff00, 0xffef },
        { 0x1d400, 0x1d7ff }, { 0x20000, 0x2a6d0 }, { 0x300, 0x36f }, { 0x2000, 0x24ff },
        { 0xf900, 0xfaff }, { 0x13a0, 0x13fd },
    };
    size_t labels = 1 + next_random(state) % 3, used = 0, i, j;

    for (i = 0; i < labels; i++) {
        const uint32_t *script = scripts[next_random(state) % (sizeof scripts / sizeof *scripts)];
        size_t n = 1 + next_random(state) % 8;

        if (i > 0)
            out[used++] = '.';
        for (j = 0; j < n; j++) {
            uint32_t c = next_random(state) % 4 == 0
                             ? 'a' + next_random(state) % 26
                             : script[0] + next_random(state) % (script[1] - script[0] + 1);

            used += put_utf8(out + used, c);
        }
    }
    out[used] = '\0';
}

/* Every name that is taken comes back the same from its own A-labels. */
static void
test_round_trip(void)
{
    uint64_t state = 1;
    size_t taken = 0, wrong = 0, i;

    for (i = 0; i < 20000; i++) {
        char name[256], *ascii, *utf8 = NULL, *again = NULL;

        random_name(&state, name);
        if (iossl_idn_to_ascii(&ascii, name, strlen(name), NULL) != IOSSL_OK)
            continue;
        taken++;
        if (iossl_idn_to_unicode(&utf8, ascii, strlen(ascii), NULL) != IOSSL_OK
            || iossl_idn_to_ascii(&again, utf8, strlen(utf8), NULL) != IOSSL_OK
            || strcmp(ascii, again) != 0) {
            if (wrong++ < 10)
                diag("%s -> %s -> %s -> %s", name, ascii, utf8 != NULL ? utf8 : "nothing",
                     again != NULL ? again : "nothing");
        }
        iossl_free(ascii);
        iossl_free(utf8);
        iossl_free(again);
    }
    ok(taken > 3000 && wrong == 0, "%zu names come back from their A-labels", taken);
}

#ifdef HAVE_LIBIDN2
/* libidn2 checks directions (RFC 5893) only within right-to-left labels, lets empty labels pass,
 * and hands out names with blanks, underscores and the like (or, with its STD3 flag, silently
 * without them). */
static bool
is_known_difference(const char *message, const char *theirs)
{
    return strstr(message, "direction") != NULL || strstr(message, "empty") != NULL
           || strspn(theirs, "abcdefghijklmnopqrstuvwxyz0123456789-.") != strlen(theirs);
}

/* U+1E9E becomes "ss", from Unicode 15.1 on a small one: newer libidn2 differ from older. */
#define CAPITAL_SHARP_S "\xe1\xba\x9e"

static void
test_libidn2(void)
{
    uint64_t state = 2;
    size_t both = 0, only_theirs = 0, only_ours = 0, different = 0, i;

    for (i = 0; i < 30000; i++) {
        char name[256], *ours, *theirs = NULL;
        iossl_error *err = iossl_error_new();
        int their_rc;

        random_name(&state, name);
        (void)iossl_idn_to_ascii(&ours, name, strlen(name), err);
        their_rc = idn2_to_ascii_8z(name, &theirs, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
        if (ours != NULL && their_rc == IDN2_OK && strstr(name, CAPITAL_SHARP_S) == NULL) {
            both++;
            if (strcmp(ours, theirs) != 0 && different++ < 10)
                diag("%s: ours %s, libidn2 %s", name, ours, theirs);
        } else if (ours != NULL) {
            only_ours++;
        } else if (their_rc == IDN2_OK
                   && !is_known_difference(iossl_error_message(err), theirs)
                   && only_theirs++ < 10) {
            diag("libidn2 takes %s: %s", theirs, iossl_error_message(err));
        }
        iossl_free(ours);
        idn2_free(theirs);
        iossl_error_free(err);
    }
    ok(both > 3000 && different == 0, "libidn2 gives the same A-labels for %zu names", both);
    is_size(only_theirs, 0,
            "and takes none that is refused here (it refuses %zu more, by IDNA 2008)", only_ours);
}
#endif

/* Whatever comes in, something comes out or an error: the sanitizers watch. */
static void
test_any_bytes(void)
{
    uint64_t state = 3;
    size_t i, j, results = 0;

    for (i = 0; i < 30000; i++) {
        char bytes[80], *out;
        size_t len = next_random(&state) % sizeof bytes;

        for (j = 0; j < len; j++) {
            uint32_t r = next_random(&state);

            bytes[j] = (char)(i % 2 == 0 ? r & 0xff : (uint32_t)"xn--.abz09-"[r % 11]);
        }
        if (i % 3 == 1 && len >= 4)
            memcpy(bytes, "xn--", 4);
        results += iossl_idn_to_ascii(&out, bytes, len, NULL) == IOSSL_OK;
        iossl_free(out);
        results += iossl_idn_to_unicode(&out, bytes, len, NULL) == IOSSL_OK;
        iossl_free(out);
    }
    ok(results > 1000, "any bytes may come in: %zu made sense", results);
}

int
main(void)
{
    tap_start();
    test_to_ascii();
    test_refused();
    test_to_unicode();
    test_vectors();
    test_round_trip();
    test_any_bytes();
#ifdef HAVE_LIBIDN2
    test_libidn2();
#else
    skip(2, "libidn2 isn't here");
#endif
    return done_testing();
}
