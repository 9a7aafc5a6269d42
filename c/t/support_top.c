/*
 * support_top.c - where the source tree is. The only object of the tests that depends on it.
 */
#include "tap.h"

const char *const tap_top = TAP_TOP;
