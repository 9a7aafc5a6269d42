/*
 * init.h - what the library makes once in a process.
 */
#ifndef IOSSL_INIT_H
#define IOSSL_INIT_H

#include "iossl.h"

/* Runs the one-time initialization; false where it failed (no memory), which it then does for ever. */
bool iossl_init(iossl_error *err);

/* After iossl_init(): where an SSL keeps its iossl_conn, an X509_STORE_CTX its iossl_verifier. */
int iossl_init_conn_index(void);
int iossl_init_verifier_index(void);
/* After iossl_init(): where an X509_STORE_CTX keeps the path that is being tried (paths.c). */
int iossl_init_path_index(void);
/* After iossl_init(): where an X509_STORE keeps its library (library.c). */
int iossl_init_store_index(void);
/* After iossl_init(): where an SSL_SESSION keeps what it was verified under. */
int iossl_init_session_index(void);
/* SHA-256, looked up once. */
const EVP_MD *iossl_init_sha256(void);
/* After iossl_init(): the BIO_METHOD over an iossl_transport. */
BIO_METHOD *iossl_init_bio_method(void);

#endif
