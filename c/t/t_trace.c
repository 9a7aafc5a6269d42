/*
 * t_trace.c - messages in words: the known ones by name, others by number, and never beyond their end.
 */
#include <string.h>

#include "iossl.h"
#include "tap.h"

static void
test_words(void)
{
    static const struct {
        bool sent;
        int version, content_type;
        const char *bytes;
        size_t len;
        const char *text; /* NULL: nothing to say */
    } cases[] = {
        {true, 0x0304, 22, "\x01\0\0\0", 4, "* TLSv1.3 (OUT), TLS handshake, ClientHello (1)"},
        {false, 0x0303, 22, "\x0b", 1, "* TLSv1.2 (IN), TLS handshake, Certificate (11)"},
        {false, 0x0302, 22, "\xc8", 1, "* TLSv1.1 (IN), TLS handshake, unknown (200)"},
        {true, 0x7f1c, 22, "\x14", 1, "* unknown (OUT), TLS handshake, Finished (20)"},
        {true, 0x0303, 20, "\x01", 1, "* TLSv1.2 (OUT), TLS change cipher spec"},
        {false, 0x0304, 21, "\x01\0", 2, "* TLSv1.3 (IN), TLS alert, warning close notify (0)"},
        {false, 0x0304, 21, "\x02\x2a", 2, "* TLSv1.3 (IN), TLS alert, fatal bad certificate (42)"},
        {false, 0x0304, 21, "\x02\xfe", 2, "* TLSv1.3 (IN), TLS alert, fatal unknown (254)"},
        {false, 0x0304, 21, "\x02", 1, NULL},
        {false, 0x0304, 22, "", 0, NULL},
        {true, 0x0304, 256, "\x16\x03\x01\0\x05", 5, NULL},
        {true, 0x0304, 257, "\x16", 1, NULL},
        {true, 0x0304, 23, "data", 4, NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[100] = "untouched";
        bool told = iossl_message_text(text, sizeof text, cases[i].sent, cases[i].version,
                                       cases[i].content_type, cases[i].bytes, cases[i].len);

        ok(told == (cases[i].text != NULL), "case %zu: there %s something to say", i,
           cases[i].text != NULL ? "is" : "isn't");
        is_str(text, cases[i].text != NULL ? cases[i].text : "", "case %zu: in these words", i);
    }
}

static void
test_small_rooms(void)
{
    char text[12];

    memset(text, 'x', sizeof text);
    ok(iossl_message_text(text, sizeof text - 1, true, 0x0304, 22, "\x01", 1), "a small room will do");
    is_str(text, "* TLSv1.3 ", "for the beginning");
    ok(text[11] == 'x', "nothing is written behind it");
    ok(iossl_message_text(text, 0, true, 0x0304, 22, "\x01", 1), "and so will none");
}

int
main(void)
{
    tap_start();
    test_words();
    test_small_rooms();
    return done_testing();
}
