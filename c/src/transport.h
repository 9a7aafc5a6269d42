/*
 * transport.h - how a connection uses a transport.
 */
#ifndef IOSSL_TRANSPORT_H
#define IOSSL_TRANSPORT_H

#include <openssl/bio.h>

#include "iossl.h"

/* How the next transfers behave; set by conn.c before each operation. Transports of the program's
 * own don't see it. */
typedef struct iossl_transfer_mode {
    bool never_wait;    /* MSG_DONTWAIT: a deadline runs, or the caller polls                     */
    bool no_sigpipe;    /* MSG_NOSIGNAL: the program didn't ask for this write                    */
} iossl_transfer_mode;

/* What the last transfer through the BIO came to. */
typedef struct iossl_transfer {
    iossl_status status;
    int errnum;         /* with IOSSL_ERROR                                                       */
    bool eof;           /* the other end has closed; stays                                        */
} iossl_transfer;

/* For init.c: the BIO_METHOD; NULL: no memory. */
BIO_METHOD *iossl_transport_bio_method_new(void);

/* A BIO over the transport, which it borrows. NULL: no memory. */
BIO *iossl_transport_bio_new(iossl_transport *transport);

/* Has OpenSSL hand its keys over to the kernel, where that is possible. False: it isn't, and all stays as
 * it is. Before the first transfer. */
bool iossl_transport_use_kernel(iossl_transport *transport);

void iossl_transport_set_mode(iossl_transport *transport, iossl_transfer_mode mode);
/* Resets what the last transfer came to, before an operation; what has to last (eof) stays. */
void iossl_transport_begin(iossl_transport *transport);
const iossl_transfer *iossl_transport_get0_last(const iossl_transport *transport);
int iossl_transport_fd(const iossl_transport *transport);
/* What has come on a socket, up to size bytes, which stay to be read; 0 for other transports. Never waits. */
size_t iossl_transport_look(const iossl_transport *transport, void *buf, size_t size);
/* Is there something in a blocking socket that the peer hasn't got yet? False where that can't be known. */
bool iossl_transport_has_unacked(const iossl_transport *transport);
/* IOSSL_OK, _TIMEOUT, _INTERRUPTED, _ERROR (errno), or `want` again where it can't wait. */
iossl_status iossl_transport_wait(iossl_transport *transport, iossl_status want,
                                  int64_t timeout_ms);
bool iossl_transport_can_wait(const iossl_transport *transport);

/* So many reads, or records, in one step of OpenSSL's are for nothing that the program sees: more than any
 * honest peer has to say at a time, a record (16,645 bytes at most) that comes byte by byte included, and
 * some ten milliseconds of work. */
#define IOSSL_TRANSPORT_ENOUGH 32768

/* What an operation comes to then, to be taken up again once deadlines and signals had their turn:
 * IOSSL_WANT_READ where it doesn't wait, else IOSSL_INTERRUPTED. */
iossl_status iossl_transport_pause(const iossl_transport *transport);

#endif
