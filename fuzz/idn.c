/*
 * idn.c - host names in any script, to A-labels and back.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

void (*const fuzz_make_seeds)(void) = NULL;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    char *ascii = NULL, *unicode = NULL, *again = NULL, *name;
    size_t len;

    name = fuzz_rest(&in, &len);
    if (fuzz_good(iossl_idn_to_unicode(&unicode, name, len, err), err))
        FUZZ_PROMISE(strlen(unicode) <= 4 * len + 1, "decoding doesn't blow up");
    iossl_free(unicode);
    if (fuzz_good(iossl_idn_to_ascii(&ascii, name, len, err), err)) {
        for (const char *c = ascii; *c != '\0'; c++)
            FUZZ_PROMISE((unsigned char)*c < 0x80, "the ASCII form is ASCII");
        FUZZ_PROMISE(strlen(ascii) <= 254, "the ASCII form fits into DNS");
        FUZZ_PROMISE(fuzz_good(iossl_idn_to_ascii(&again, ascii, strlen(ascii), err), err)
                         && strcmp(ascii, again) == 0, "the ASCII form stays as it is");
        iossl_free(again);
        FUZZ_PROMISE(fuzz_good(iossl_idn_to_unicode(&unicode, ascii, strlen(ascii), err), err),
                     "the ASCII form decodes");
        /* From another script it comes back; plain ASCII isn't judged, and need not. */
        for (size_t i = 0; i < len; i++) {
            if ((unsigned char)name[i] < 0x80)
                continue;
            FUZZ_PROMISE(fuzz_good(iossl_idn_to_ascii(&again, unicode, strlen(unicode), err), err)
                             && strcmp(ascii, again) == 0, "there and back is the same name");
            iossl_free(again);
            break;
        }
        iossl_free(unicode);
    }
    iossl_free(ascii);
    free(name);
    iossl_error_free(err);
    return 0;
}
