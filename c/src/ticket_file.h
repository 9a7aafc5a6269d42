/*
 * ticket_file.h - keys for session tickets in a file that processes share.
 */
#ifndef IOSSL_TICKET_FILE_H
#define IOSSL_TICKET_FILE_H

#include "iossl.h"

/* Shared by any number of contexts and threads. */
typedef struct iossl_ticket_file iossl_ticket_file;

/* Reads it. NULL: err says why. */
iossl_ticket_file *iossl_ticket_file_open(const char *path, iossl_error *err);
iossl_ticket_file *iossl_ticket_file_up_ref(iossl_ticket_file *file);
void iossl_ticket_file_free(iossl_ticket_file *file);
/* As iossl_ticket_key_cb: by the keys that are in the file now. */
iossl_ticket_result iossl_ticket_file_find(iossl_ticket_file *file, const unsigned char *name,
                                           iossl_ticket_key *key);

/* Why the file can't be read any more; false: it can, or that was told already. */
bool iossl_ticket_file_take_error(iossl_ticket_file *file, iossl_error *err);

#endif
