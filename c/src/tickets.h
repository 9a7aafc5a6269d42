/*
 * tickets.h - keys for session tickets that the program chooses.
 */
#ifndef IOSSL_TICKETS_H
#define IOSSL_TICKETS_H

#include "iossl.h"
#include "ticket_file.h"

/* A list of keys, the current one first; or a file or a function that knows them. */
typedef struct iossl_tickets {
    iossl_ticket_key *keys;     /* owned */
    size_t n_keys;
    iossl_ticket_file *file;    /* a reference; NULL: the list */
    iossl_ticket_key_cb cb;     /* NULL: the list or file */
    void *cb_arg;
} iossl_tickets;

/* Replaces the list by a copy. */
iossl_status iossl_tickets_set_keys(iossl_tickets *tickets, const iossl_ticket_key *keys, size_t n,
                                    iossl_error *err);
/* Uses the file in place of the list; takes it over. NULL: the list. */
void iossl_tickets_set0_file(iossl_tickets *tickets, iossl_ticket_file *file);
/* As iossl_ticket_key_cb, by the list. */
iossl_ticket_result iossl_tickets_find(const iossl_tickets *tickets, const unsigned char *name,
                                       iossl_ticket_key *key);
/* False: no memory. */
bool iossl_tickets_copy(iossl_tickets *to, const iossl_tickets *from);
void iossl_tickets_cleanup(iossl_tickets *tickets);
/* Has an SSL_CTX use them, if there are any; the context of its connections has to hold them. */
bool iossl_tickets_install(const iossl_tickets *tickets, SSL_CTX *ssl_ctx);

#endif
