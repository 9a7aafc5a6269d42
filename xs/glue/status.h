/*
 * status.h - from (status, iossl_error, handle) to $SSL_ERROR, $! and errstr. See surface of errors in
 * docs/differences.md.
 */
#ifndef GLUE_STATUS_H
#define GLUE_STATUS_H

#include "glue.h"
#include "handle.h"

/* What one interpreter needs at hand. */
typedef struct glue_globals {
    GV *ssl_error;      /* *IO::Socket::SSL::SSL_ERROR: the scalar in it is read at each use, so that
                         * local and aliases work */
    HV *stash;          /* IO::Socket::SSL */
    HV *tie_stash;      /* IO::Socket::SSL::SSL_HANDLE */
    SV *want_read;      /* the constants */
    SV *want_write;
    GV *debug;          /* *IO::Socket::SSL::DEBUG, as above */
    struct glue_ocsp_caller *ocsp_caller;   /* see glue_ocsp_enter(); NULL: none */
} glue_globals;

void glue_boot(pTHX);
/* A new thread: the same for its own interpreter. */
void glue_clone(pTHX);
glue_globals *glue_get_globals(pTHX);

/* The start of an operation, and its success: $SSL_ERROR is false and $! is 0. */
void glue_begin(pTHX);

/*
 * An operation on h came to another end than IOSSL_OK: sets $SSL_ERROR, $! and the handle's errstr, and
 * empties h->err. What a callback died with, and IOSSL_E_USAGE, are thrown instead (croak).
 */
void glue_fail(pTHX_ glue_handle *h, iossl_status status);

/* Throws what a callback died with, if one did. */
void glue_rethrow(pTHX_ glue_handle *h);

/* Sets the error of h (or of none, where it is NULL) to the text. */
void glue_set_error(pTHX_ glue_handle *h, SV *text, int rank);
/* The dual-valued scalar of an error: -1 and the text. Mortal. */
SV *glue_error_sv(pTHX_ const char *text);
/* Carp::croak: the caller sees their own line. */
void glue_croak(pTHX_ SV *text) __attribute__((noreturn));
/* An error outside of any handle: IOSSL_E_USAGE croaks, others become $SSL_ERROR. */
void glue_fail_without_handle(pTHX_ iossl_error *err);
/* The message as a Perl string: decoded where it is UTF-8. Mortal. */
SV *glue_text(pTHX_ const char *text);

#endif
