/*
 * library.h - the library context and property query that algorithms are fetched by (OpenSSL 3).
 */
#ifndef IOSSL_LIBRARY_H
#define IOSSL_LIBRARY_H

/* Both borrowed. All zero: the default of the process. */
typedef struct iossl_library {
    struct ossl_lib_ctx_st *ctx;    /* NULL: the default one */
    const char *propq;              /* NULL: none */
} iossl_library;

#endif
