/*
 * callbacks.h - what libiossl calls, and leads to Perl code: by file, one kind of callback each.
 */
#ifndef GLUE_CALLBACKS_H
#define GLUE_CALLBACKS_H

#include <stdatomic.h>

#include "context.h"
#include "glue.h"
#include "handle.h"

/* ---- A connection (callbacks_verify.c, callbacks_sessions.c, callbacks_messages.c) ------------ */

/* Directs verification on a new connection to the Perl code of its context, where that has any. */
iossl_status glue_connect_verification(pTHX_ iossl_conn *conn, const glue_context *context,
                                       iossl_error *err);
/* Lets the sessions of a new connection be kept, where its context keeps any. */
iossl_status glue_connect_sessions(pTHX_ iossl_conn *conn, const glue_context *context,
                                   const char *key, iossl_error *err);
/* Turns message callbacks on or off, as h->msg_callback says; sets h->calls_back. */
void glue_connect_messages(pTHX_ glue_handle *h);
/* Sets the message callback: code and arguments, which are owned from now on; NULL: none. */
void glue_set_messages(pTHX_ glue_handle *h, AV *callback);

/* ---- Of a context, about a connection --------------------------------------------------------- */

/* For iossl_config_set_ticket_key_cb(): asks the context of the connection's handle. */
iossl_ticket_result glue_on_ticket_key(void *arg, iossl_conn *conn, const unsigned char *name,
                                       iossl_ticket_key *key);
/* For iossl_config_set_host_cb(), likewise. */
bool glue_on_host(void *arg, iossl_conn *conn, const char *name, iossl_ctx **ctx);
/* For iossl_config_set_keylog_cb(): tells the code of the connection's context. */
void glue_on_keylog(void *arg, iossl_conn *conn, const char *line);

/* ---- While files are loaded (callbacks_load.c) ------------------------------------------------ */

/* The code, and what it died with. */
typedef struct glue_call {
    SV *code;               /* owned, NULL: none */
    SV *exception;          /* owned, NULL: none */
#ifdef MULTIPLICITY
    PerlInterpreter *perl;
#endif
} glue_call;

/*
 * The code that runs when files are read, now or later. Shared by the objects of all threads, since
 * libiossl's context is; belongs to the interpreter that made it, in others nothing is called.
 */
typedef struct glue_calls {
    atomic_size_t refs;
    glue_call password, ssl_ctx;
} glue_calls;

/* Without code; NULL: no memory. */
glue_calls *glue_calls_new(pTHX);
void glue_calls_free(pTHX_ glue_calls *calls);
/* Throws what one of them died with, if one did. */
void glue_calls_rethrow(pTHX_ glue_calls *calls);
/* Files that changed couldn't be loaded as a connection was made: warns of it. */
void glue_tell_reload(pTHX_ const glue_context *context);

/* For iossl_config_set_passwd_cb() and iossl_config_set_ssl_ctx_cb(), with the call in question. */
int glue_on_password(void *call, char *buf, int size);
bool glue_on_ssl_ctx(void *call, SSL_CTX *ssl_ctx);

#endif
