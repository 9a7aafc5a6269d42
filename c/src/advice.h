/*
 * advice.h - what a person can do about a handshake that failed.
 */
#ifndef IOSSL_ADVICE_H
#define IOSSL_ADVICE_H

#include "iossl.h"

/* A remark on the oldest entry of OpenSSL's queue that one is known for; NULL: none. Constant. */
const char *iossl_advice(iossl_role role);

#endif
