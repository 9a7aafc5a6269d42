/*
 * client.c - a client whose peer sends any bytes: a recorded conversation, changed.
 *
 * Input: the flags of support_sides.h, how many bytes come at a time (0: all), then the bytes.
 */
#include "support_sides.h"

static void
make_seeds(void)
{
    fuzz_side_seeds(IOSSL_SERVER);
}

void (*const fuzz_make_seeds)(void) = make_seeds;

/* There is one certificate that the trusted CA gave for this name. */
static bool
is_verified(unsigned flags)
{
    return (flags & SIDE_UNVERIFIED) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_side_try(data, size, IOSSL_CLIENT, is_verified, "no one but the true server is accepted");
    return 0;
}
