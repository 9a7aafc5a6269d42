/*
 * compat_dh.c - a DH handle of the program's, as an EVP_PKEY.
 *
 * Programs still hold DH * from Net::SSLeay's functions. OpenSSL 3 deprecates every function that
 * takes one; this file is the only one that is compiled with them.
 */
#undef OPENSSL_NO_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/dh.h>
#include <openssl/evp.h>

#include "compat.h"

EVP_PKEY *
iossl_compat_pkey_from_dh(void *dh)
{
    EVP_PKEY *key = EVP_PKEY_new();

    if (key != NULL && EVP_PKEY_set1_DH(key, dh) != 1) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}
