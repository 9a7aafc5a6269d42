/*
 * ktls.h - the kernel encrypts and decrypts (kernel TLS).
 */
#ifndef IOSSL_KTLS_H
#define IOSSL_KTLS_H

#include <openssl/bio.h>

#include "iossl.h"

/* Do both OpenSSL and the kernel have it? */
bool iossl_ktls_is_here(void);

/*
 * A BIO over the socket by which OpenSSL can hand the keys over, once there are some; it doesn't close the
 * socket. NULL: the socket stays plain, whatever the reason.
 */
BIO *iossl_ktls_begin(int fd);
/* Is this one of the BIO controls that a BIO of iossl_ktls_begin() has to see? */
bool iossl_ktls_is_control(int cmd);
/* One of them that has the next write carry something else than data of the program; one that changes
 * nothing. */
bool iossl_ktls_announces(int cmd);
bool iossl_ktls_asks(int cmd);

/* Has OpenSSL handed the keys over? bio NULL: no. */
bool iossl_ktls_sends(BIO *bio);
bool iossl_ktls_receives(BIO *bio);

#endif
