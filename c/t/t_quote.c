/*
 * t_quote.c - text of strangers in a sentence of ours: harmless, bounded, and still to be recognized.
 */
#include "quote.h"
#include "tap.h"

int
main(void)
{
    static const struct {
        const char *text, *quoted;
    } cases[] = {
        {"www.example.test", "\"www.example.test\""},
        {"", "\"\""},
        {"a\"b\\c", "\"a\\x22b\\x5cc\""},
        {"\x1b[31mred", "\"\\x1b[31mred\""},
        {"line\r\nline", "\"line\\x0d\\x0aline\""},
        {"m\xc3\xbcnchen", "\"m\\xc3\\xbcnchen\""},
        {"\x7f", "\"\\x7f\""},
    };
    char out[IOSSL_QUOTED], longest[300];

    tap_start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        is_str(iossl_quote(out, cases[i].text, strlen(cases[i].text)), cases[i].quoted, "case %zu",
               i);
    is_str(iossl_quote(out, "a\0b", 3), "\"a\\x00b\"", "a NUL is shown, and ends nothing");
    memset(longest, '\xff', sizeof longest);
    is_size(strlen(iossl_quote(out, longest, sizeof longest)),
            4 * IOSSL_QUOTE_SHOWN + strlen("\"...\""), "what is too long is cut, and says so");
    ok(strlen(out) < sizeof out, "and fits, with every byte escaped");
    memset(longest, 'x', sizeof longest);
    is_size(strlen(iossl_quote(out, longest, IOSSL_QUOTE_SHOWN)), IOSSL_QUOTE_SHOWN + 2,
            "what just fits isn't cut");
    return done_testing();
}
