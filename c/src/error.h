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

/* Where the sentence begins with from, it begins with to instead. The same holds. */
void iossl_error_reword(iossl_error *err, const char *from, const char *to);

/* Keeps the X509_V_ERR_* code with the error that is set; ignored where err is NULL. */
void iossl_error_set_verify_code(iossl_error *err, int verify_code);

/* The same with an errno. */
void iossl_error_set_errnum(iossl_error *err, int errnum);

/* What an error is about: ignored where none is set or err is NULL; what can't be kept for want of
 * memory is left out. Certificates are up-ref'ed, texts copied, NULL: none. */
void iossl_error_set_alert(iossl_error *err, int alert, bool was_sent);
void iossl_error_set_cert(iossl_error *err, X509 *cert, int depth);
void iossl_error_set_chain(iossl_error *err, STACK_OF(X509) *chain);
void iossl_error_set_name(iossl_error *err, const char *name, const char *source);
void iossl_error_set_remedy(iossl_error *err, const char *remedy);
/* All of it from another error. */
void iossl_error_copy_subject(iossl_error *dst, const iossl_error *src);

/*
 * A private copy of an error that outlives the caller's, NULL where src is empty or memory is out.
 */
iossl_error *iossl_error_dup(const iossl_error *src);

#endif
