/*
 * load.h - certificates and keys of files, for the commands.
 */
#ifndef TOOL_LOAD_H
#define TOOL_LOAD_H

#include <iossl.h>

/* All certificates of a file: PEM (several), DER, PKCS#12; "-": PEM or DER on standard input. NULL
 * after a complaint. sk_X509_pop_free(..., X509_free) them. */
STACK_OF(X509) *tool_load_certs(const char *file);
/* The whole of a file, "-": standard input; up to some megabytes. NULL after a complaint; free() it. */
unsigned char *tool_load_bytes(const char *file, size_t *len);
/* A verification scheme by name; NULL after a complaint that lists them. */
const iossl_scheme *tool_scheme(const char *name);
/* The whole of it, for PKCS#12 files and keys: asks on the terminal. */
int tool_ask_password(void *what, char *buf, int size);

#endif
