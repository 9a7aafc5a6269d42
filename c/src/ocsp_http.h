/*
 * ocsp_http.h - one question to a responder over HTTP.
 */
#ifndef IOSSL_OCSP_HTTP_H
#define IOSSL_OCSP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ocsp.h>

/*
 * POSTs the request and waits for the body of the answer, OPENSSL_free() it. False: no connection,
 * no such address, another status than 200, no answer in time.
 *
 * uri          http://host[:port][/path]
 * deadline_ms  on the clock of iossl_now_ms(); -1: none.
 */
bool iossl_ocsp_http_post(const char *uri, OCSP_REQUEST *request, int64_t deadline_ms,
                          unsigned char **body, size_t *len);

#endif
