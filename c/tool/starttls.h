/*
 * starttls.h - from plain text to TLS in the words of a protocol.
 */
#ifndef TOOL_STARTTLS_H
#define TOOL_STARTTLS_H

#include <iossl.h>

typedef struct starttls starttls;

/* "smtp", "imap", ...; NULL: unknown. Constant. */
const starttls *starttls_by_name(const char *name);
/* All names, separated by "|". */
const char *starttls_names(void);
const char *starttls_name(const starttls *protocol);
/* The port that the protocol has in plain text, and the scheme its certificates are checked by. */
const char *starttls_port(const starttls *protocol);
const char *starttls_scheme(const starttls *protocol);

/*
 * Speaks with the server up to the point where TLS begins.
 *
 * fd    connected, in blocking or non-blocking mode.
 * host  what the server is called, for XMPP.
 *
 * IOSSL_OK       the next bytes are those of TLS.
 * IOSSL_TIMEOUT  err says what was waited for.
 * IOSSL_ERROR    refused, not understood, closed; or more came than the answer: bytes that anyone on
 *                the way could have sent, to be taken for what came under TLS (CVE-2011-0411).
 */
iossl_status starttls_speak(const starttls *protocol, int fd, const char *host, int64_t timeout_ms,
                            iossl_error *err);

#endif
