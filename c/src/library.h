/*
 * library.h - the library context and property query that algorithms are fetched by (OpenSSL 3).
 */
#ifndef IOSSL_LIBRARY_H
#define IOSSL_LIBRARY_H

#include <stdatomic.h>
#include <stdbool.h>

#include <openssl/x509_vfy.h>

/* Shared by reference by whatever fetches by it. */
typedef struct iossl_library {
    atomic_size_t refs;
    struct ossl_lib_ctx_st *ctx;    /* borrowed of the program; NULL: the default one */
    const char *propq;              /* NULL: none */
    EVP_MD *sha256, *sha512;        /* owned; NULL: not there, or of the default */
} iossl_library;

/* That of who asks for nothing. A constant. */
const iossl_library *iossl_library_default(void);
bool iossl_library_is_default(const iossl_library *library);
/* The default where both are NULL. NULL: no memory. */
const iossl_library *iossl_library_new(struct ossl_lib_ctx_st *ctx, const char *propq);
const iossl_library *iossl_library_up_ref(const iossl_library *library);
void iossl_library_free(const iossl_library *library);
/* Would both fetch the same? */
bool iossl_library_same(const iossl_library *a, const iossl_library *b);

/* What digests of our own are made by. Borrowed. */
const EVP_MD *iossl_library_sha256(const iossl_library *library);

/* A store of certificates goes with the library that it was made for, and keeps it. False: no memory. */
bool iossl_library_set_store(X509_STORE *store, const iossl_library *library);
/* The default where it was made by others. Borrowed of the store. */
const iossl_library *iossl_library_of_store(const X509_STORE *store);
/* For CRYPTO_get_ex_new_index(3), see init.c. */
void iossl_library_free_ex_data(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl,
                                void *argp);

#endif
