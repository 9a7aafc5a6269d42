/*
 * callbacks.h - calls from libiossl into Perl code.
 */
#ifndef GLUE_CALLBACKS_H
#define GLUE_CALLBACKS_H

#include <stdatomic.h>

#include "context.h"
#include "glue.h"
#include "handle.h"

/*
 * Calls code with the arguments (owned by the caller) in scalar context. The answer is mortal within
 * the caller's scope; NULL: it died, and *exception holds why, unless that was taken already.
 */
SV *glue_call_code(pTHX_ SV *code, AV *args, SV **exception);

/* The cache in the hash of a Session_Cache object; NULL where sv isn't one. Borrowed. */
iossl_session_cache *glue_session_cache_of(SV *sv);
/* Attaches a cache to the hash of an object. Owned from now on. */
void glue_session_cache_attach(pTHX_ HV *hash, iossl_session_cache *cache);

/* The seal in the hash of a Store object, and attaching one, likewise. */
iossl_seal *glue_seal_of(SV *sv);
void glue_seal_attach(pTHX_ HV *hash, iossl_seal *seal);

/* Directs the callbacks of a new connection to the Perl code of its context. */
iossl_status glue_connect_callbacks(pTHX_ iossl_conn *conn, const glue_context *context,
                                    iossl_error *err);
/* Lets the sessions of a new connection be kept, where its context keeps any. */
iossl_status glue_connect_sessions(pTHX_ iossl_conn *conn, const glue_context *context,
                                   const char *key, iossl_error *err);
/* Turns message callbacks on or off, as h->msg_callback says; sets h->calls_back. */
void glue_connect_messages(pTHX_ glue_handle *h);
/* Sets the message callback: code and arguments, which are owned from now on; NULL: none. */
void glue_set_messages(pTHX_ glue_handle *h, AV *callback);

/* For iossl_config_set_ticket_key_cb(): asks the context of the connection's handle. */
iossl_ticket_result glue_on_ticket_key(void *arg, iossl_conn *conn, const unsigned char *name,
                                       iossl_ticket_key *key);

/* For iossl_config_set_keylog_cb(): tells the code of the connection's context. */
void glue_on_keylog(void *arg, iossl_conn *conn, const char *line);

/* While a context is made: the code, and what it died with. */
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

/* For iossl_config_set_host_cb(): asks the context of the connection's handle. */
bool glue_on_host(void *arg, iossl_conn *conn, const char *name, iossl_ctx **ctx);

/* Files that changed couldn't be loaded as a connection was made: warns of it. */
void glue_tell_reload(pTHX_ const glue_context *context);

int glue_on_password(void *call, char *buf, int size);
bool glue_on_ssl_ctx(void *call, SSL_CTX *ssl_ctx);

/* Pushes the subjectAltNames of a certificate as (type, value, type, value ...) on an array. */
void glue_push_altnames(pTHX_ AV *list, const X509 *cert);
/* The commonName; mortal or undef. */
SV *glue_common_name(pTHX_ const X509 *cert);

#endif
