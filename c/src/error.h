/*
 * error.h - what the rooms of libiossl need of errors beyond iossl.h.
 */
#ifndef IOSSL_ERROR_H
#define IOSSL_ERROR_H

#include <openssl/err.h>

#include "iossl.h"

/* Empties OpenSSL's queue. Looking first costs a tenth of ERR_clear_error(3), which visits all the
 * places of the queue, and would be a third of a short read. */
static inline void
iossl_error_clear_queue(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/* "out of memory", IOSSL_E_MEMORY; needs none itself. Also empties OpenSSL's queue. */
void iossl_error_memory(iossl_error *err);

/* Empties OpenSSL's queue; true where it told of an allocation that failed. */
bool iossl_error_drain_memory(void);

/* Adds to the sentence of an error that is set. Where memory is out, it stays as it was. */
void iossl_error_append(iossl_error *err, const char *fmt, ...) IOSSL_PRINTF(2, 3);

/* Keeps the X509_V_ERR_* code with the error that is set; ignored where err is NULL. */
void iossl_error_set_verify_code(iossl_error *err, int verify_code);

/* The same with an errno. */
void iossl_error_set_errnum(iossl_error *err, int errnum);

/*
 * A private copy of an error that outlives the caller's, NULL where src is empty or memory is out.
 */
iossl_error *iossl_error_dup(const iossl_error *src);

#endif
