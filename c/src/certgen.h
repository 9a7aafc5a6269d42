/*
 * certgen.h - making keys and certificates: all of it is public, see iossl.h.
 */
#ifndef IOSSL_CERTGEN_H
#define IOSSL_CERTGEN_H

#include "iossl.h"

#endif
