/*
 * ocsp_staple.h - an OCSP response within the handshake: judged by a client, sent by a server.
 */
#ifndef IOSSL_OCSP_STAPLE_H
#define IOSSL_OCSP_STAPLE_H

#include "iossl.h"
#include "ocsp_cache.h"
#include "ocsp_shelf.h"
#include "verify.h"

/* ---- Policy ---- */

/* IOSSL_ERROR: the mode has bits that mean nothing. */
iossl_status iossl_staple_check_mode(int mode, iossl_error *err);
/* What the settings of a client come to: IOSSL_OCSP_*, never IOSSL_OCSP_DEFAULT. */
int iossl_staple_mode(const iossl_verify_settings *settings);

/* ---- Both sides of a connection ---- */

typedef struct iossl_staple {
    iossl_staple_cb cb;             /* client */
    void *cb_arg;
    iossl_staple_source source;     /* server */
    void *source_arg;
    iossl_ocsp_place *place;        /* a reference; where answers are kept */
    iossl_staple_state state;
    bool is_judged;                 /* state stands */
    bool has_refused;               /* it is why the handshake fails */
    char text[256];                 /* with IOSSL_STAPLE_UNUSABLE: why */
} iossl_staple;

void iossl_staple_cleanup(iossl_staple *staple);
/* Client, before the handshake: asks for a staple where the settings want one. False: no memory. */
bool iossl_staple_begin(iossl_staple *staple, const iossl_verify_settings *settings, SSL *ssl);
/*
 * Client, when the server's certificates are verified: false where the handshake has to fail, with
 * the reason in v->cause. Judges once; a second call repeats the verdict of the first only if that
 * was well.
 *
 * is_bound  where a session is resumed: it was made under the same mode.
 */
bool iossl_staple_judge(iossl_staple *staple, iossl_verifier *v, SSL *ssl, bool is_bound);

/*
 * For SSL_CTX_set_tlsext_status_cb(3) on a server: attaches what is valid for the certificate
 * chosen, and returns SSL_TLSEXT_ERR_*.
 *
 * staple  of the connection, and its cause of failure; NULL: it isn't one of ours.
 * shelf   of the host.
 */
int iossl_staple_answer(SSL *ssl, iossl_staple *staple, iossl_error *cause,
                        iossl_staple_shelf *shelf);

/* RFC 7633: does the certificate demand that it be shown with a staple? */
bool iossl_staple_is_demanded(const X509 *cert);

#endif
