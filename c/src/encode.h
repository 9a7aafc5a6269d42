/*
 * encode.h - certificates and keys as PEM and DER: all of it is public, see iossl.h.
 */
#ifndef IOSSL_ENCODE_H
#define IOSSL_ENCODE_H

#include "iossl.h"

#endif
