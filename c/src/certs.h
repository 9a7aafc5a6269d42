/*
 * certs.h - certificates and keys from files: all of it is public, see iossl.h.
 */
#ifndef IOSSL_CERTS_H
#define IOSSL_CERTS_H

#include "iossl.h"

#endif
