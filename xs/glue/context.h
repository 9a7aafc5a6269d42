/*
 * context.h - what an SSL_Context object holds.
 */
#ifndef GLUE_CONTEXT_H
#define GLUE_CONTEXT_H

#include "glue.h"
#include "handle.h"

/*
 * What an SSL_Context object holds beside its iossl_ctx: the parts that are Perl's, and so belong to
 * one interpreter. Each connection is given them when it is made.
 */
typedef struct glue_context {
    iossl_ctx *ctx;         /* a reference */
    SV *verify_callback;    /* code; owned, NULL: none */
    SV *scheme_callback;    /* code of a scheme of the program's own; owned, NULL: none */
    SV *ticket_callback;    /* code that knows the keys of session tickets; owned, NULL: none */
    SV *ticket_data;        /* its first argument; owned, NULL: undef */
    SV *keylog_callback;    /* code; owned, NULL: none */
    SV *suffix_list;        /* the PublicSuffix object whose list is used; owned, NULL: none */
    iossl_session_cache *sessions;  /* a reference; NULL: none, or a store of the program's own: */
    SV *session_store;      /* an object with add_session, get_session ...; owned, NULL: none */
    SV *staple_callback;    /* code; owned, NULL: none */
    SV *staple_source;      /* the same */
    iossl_ocsp_cache *ocsp_cache;   /* a reference; NULL: that of ctx, or a cache of the program's own: */
    SV *ocsp_store;         /* an object with put and get; owned, NULL: none */
    SV *cert_callback;      /* code that knows certificates by host; owned, NULL: none */
    struct glue_calls *calls;   /* a reference, NULL: its files aren't read again */
    bool has_scheme;        /* the program named a scheme, so it insists on a name */
} glue_context;

/* One of its Perl values, by offsetof(). */
static inline SV **
glue_context_part(glue_context *context, size_t part)
{
    return (SV **)(void *)((char *)context + part);
}

/* What is attached to an SSL_Context object; NULL where sv isn't one (or has been freed). */
glue_context *glue_context_of(SV *sv);
/* That of the connection on a handle; NULL: there is none, or no handle. */
glue_context *glue_context_of_handle(const glue_handle *h);
/* An empty one; NULL: no memory. */
glue_context *glue_context_new(void);
/* Attaches a context to the hash of an object. Owned from now on. */
void glue_context_attach(pTHX_ HV *hash, glue_context *context);
void glue_context_free(pTHX_ glue_context *context);

#endif
