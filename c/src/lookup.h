/*
 * lookup.h - the addresses of a host name, while someone else waits for other things too.
 */
#ifndef IOSSL_LOOKUP_H
#define IOSSL_LOOKUP_H

#include <netdb.h>

#include "iossl.h"

/* One name being looked up, once for each family, in no thread of the program's. */
typedef struct iossl_lookup iossl_lookup;

/* In the order in which they are preferred. */
typedef enum { IOSSL_LOOKUP_V6, IOSSL_LOOKUP_V4 } iossl_lookup_family;
#define IOSSL_LOOKUP_FAMILIES 2

/*
 * Begins. host: ASCII, or an address (v6 without brackets); those are there at once.
 * NULL: no memory, or IOSSL_E_USAGE for a port that is none.
 */
iossl_lookup *iossl_lookup_new(const char *host, const char *port, iossl_error *err);
/* Never waits: what isn't finished ends by itself, and frees what it had. */
void iossl_lookup_free(iossl_lookup *lookup);

/* Readable when an answer has come. */
int iossl_lookup_fd(const iossl_lookup *lookup);
/* Takes notice of what made the descriptor readable. */
void iossl_lookup_drain(iossl_lookup *lookup);
/*
 * Is this family's answer there? Then *list is what it holds, NULL: nothing. Borrowed.
 */
bool iossl_lookup_get0(iossl_lookup *lookup, iossl_lookup_family family,
                       const struct addrinfo **list);
/* Sets err, for a lookup that is finished and found nothing; name is how to call it. */
void iossl_lookup_explain(iossl_lookup *lookup, const char *name, iossl_error *err);

/* "443" or a service name that /etc/services knows; no number may be above 65535. Sets err. */
bool iossl_lookup_check_port(const char *port, bool may_be_zero, iossl_error *err);

#endif
