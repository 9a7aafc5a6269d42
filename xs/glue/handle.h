/*
 * handle.h - what belongs to one Perl file handle: its connection, its callbacks, its last error.
 */
#ifndef GLUE_HANDLE_H
#define GLUE_HANDLE_H

#include "glue.h"

typedef struct glue_handle {
    iossl_conn *conn;       /* a reference; NULL: no TLS on this handle */
    iossl_error *err;       /* what the operation in progress reports into; owned, never NULL */
    GV *owner;              /* the glob that this is attached to; not counted */
    X509 *peer_cert;        /* what peer_certificate() gave out; owned */
    SV *context;            /* reference to the SSL_Context: keeps its callbacks alive; owned */
    AV *msg_callback;       /* [code, arguments...]; owned, NULL: none */
    AV *last_error;         /* [dualvar, rank], which is also in the glob as _SSL_last_err; owned */
    iossl_error *why;       /* what last_error is about; owned, NULL: nothing is known */
    SV *exception;          /* what a callback died with; owned, NULL: none */
    bool calls_back;        /* reading and writing may run Perl code */
    bool is_busy;           /* inside libiossl: callbacks may not start another operation */
    bool has_failed_to_write;
    bool write_is_plain;    /* stop_SSL sent our close_notify and didn't wait: writes go out plain */
    bool read_is_plain;     /* the peer's close_notify was left to SSL_on_peer_shutdown */
    bool is_tied;           /* since the handshake is done */
    bool is_over_handle;    /* no descriptor below, but another handle: see outer.h */
} glue_handle;

/* The glob behind a handle object (or a glob itself); NULL where sv is neither. */
GV *glue_gv(SV *sv);
/* The same for the object of a tie: a reference to a weak reference to the glob. */
GV *glue_gv_of_tie(SV *sv);

/* What is attached to the glob; NULL: nothing yet. */
glue_handle *glue_find(const GV *gv);
/* The same, attached now if need be; croaks where sv is no handle. */
glue_handle *glue_need(pTHX_ GV *gv);

/* The handle of an object with TLS on it, NULL otherwise. */
static inline glue_handle *
glue_with_tls(const GV *gv)
{
    glue_handle *h = gv == NULL ? NULL : glue_find(gv);

    return h != NULL && h->conn != NULL ? h : NULL;
}

/* Puts a new connection in the place of what was there. conn is owned from now on. */
void glue_attach(pTHX_ glue_handle *h, iossl_conn *conn, SV *context);
/* Drops the connection; the tie goes too. Sends nothing. */
void glue_detach(pTHX_ glue_handle *h);
/* Perl's own operators (print, readline, ...) on the handle reach us by a tie. */
void glue_tie(pTHX_ glue_handle *h);
void glue_untie(pTHX_ glue_handle *h);
/* What programs see of a connection in the hash of the glob: it begins (fd -1: no descriptor), is
 * open, has ended. */
void glue_show_opening(pTHX_ const glue_handle *h, int fd);
void glue_show_open(pTHX_ const glue_handle *h);
void glue_show_ended(pTHX_ GV *gv);
/* Takes out of the arguments what may refer to the socket. */
void glue_drop_references(pTHX_ GV *gv);

/* Keeps the error unless one of a higher rank is there; false: it is. */
bool glue_remember_error(pTHX_ glue_handle *h, SV *value, int rank);
void glue_forget_error(pTHX_ glue_handle *h);

/* A mortal reference to the glob, as $self. */
SV *glue_self(pTHX_ const glue_handle *h);

/*
 * Around operations that may run Perl code (callbacks, signal handlers): keeps the glob and the
 * connection until the enclosing LEAVE, and marks the handle busy. To be called between ENTER and
 * LEAVE. Croaks where it is busy already.
 */
void glue_guard(pTHX_ glue_handle *h);

#endif
