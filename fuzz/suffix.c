/*
 * suffix.c - a list of public suffixes, and a host name under it.
 *
 * Input: the host name up to a line end, then the list.
 */
#include "fuzz.h"

#include <stdlib.h>

void (*const fuzz_make_seeds)(void) = NULL;

static size_t
labels_of(const char *host, size_t len)
{
    size_t labels = len == 0 ? 0 : 1;

    for (size_t i = 0; i < len; i++)
        labels += host[i] == '.' ? 1 : 0;
    return labels;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    size_t len, host_len;
    char *host = fuzz_line(&in, &host_len), *list = fuzz_rest(&in, &len);
    iossl_psl *psl = iossl_psl_new_from_string(list, len, err);

    for (iossl_psl_sections s = IOSSL_PSL_ICANN; s <= IOSSL_PSL_ALL; s++)
        FUZZ_PROMISE(iossl_psl_suffix_labels(iossl_psl_builtin(s), host, host_len, 1)
                         <= labels_of(host, host_len), "no more labels than the name has");
    if (fuzz_made(psl, err)) {
        for (size_t min = 0; min < 3; min++)
            FUZZ_PROMISE(iossl_psl_suffix_labels(psl, host, host_len, min)
                             <= labels_of(host, host_len), "no more labels than the name has");
        iossl_psl_set_min_suffix(psl, 2);
        (void)iossl_name_matches("*.co.example", 12, host, host_len, IOSSL_WILDCARD_ANYWHERE, psl);
    }
    iossl_psl_free(psl);
    free(host);
    free(list);
    iossl_error_free(err);
    return 0;
}
