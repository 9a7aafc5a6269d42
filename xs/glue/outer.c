/*
 * outer.c - TLS over another handle of Perl's (SSL_usebio): a transport whose functions call methods.
 *
 * Owns      the calls of sysread, syswrite, pending and fileno on the outer handle, and what their
 *           answers mean to a transport.
 * Promises  holds no Perl value: the outer handle is in the glob of whichever handle operates on the
 *           connection, so that each thread uses, and frees, its own. No exception passes through
 *           OpenSSL: glue_rethrow() throws it afterwards. Takes no byte more than OpenSSL asks for, so
 *           that the outer handle can be read on when TLS on the inner one is over.
 * Leaves    to iossl_transport what is done with a status.
 */
#include "outer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

#include "data.h"
#include "status.h"

#define OUTER_KEY "_SSL_bio_socket"

SV *
glue_outer(pTHX_ const GV *gv)
{
    HV *hash = GvHV(gv);
    SV **slot = hash == NULL ? NULL : hv_fetchs(hash, OUTER_KEY, 0);

    return slot != NULL && SvROK(*slot) ? *slot : NULL;
}

/* ---- Calling its methods ---------------------------------------------------------------------- */

/* A method's answer as a count. Not an object: its conversion could run code that dies. */
static SSize_t
count_of(pTHX_ SV *answer)
{
    IV n = SvOK(answer) && !SvROK(answer) && looks_like_number(answer) ? SvIV_nomg(answer) : -1;

    return n < 0 ? GLUE_FAILED : (SSize_t)n;
}

/* Puts the handle below and the arguments that there are (NULL: no more) on perl's stack, for a call. */
static void
push_arguments(pTHX_ SV *outer, SV *first, SV *second, SV *third)
{
    dSP;
    SV *const arguments[] = {first, second, third};

    PUSHMARK(SP);
    EXTEND(SP, 4);
    PUSHs(sv_mortalcopy(outer));
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0] && arguments[i] != NULL; i++)
        PUSHs(arguments[i]);
    PUTBACK;
}

SSize_t
glue_outer_call(pTHX_ const GV *gv, const char *method, SV *first, SV *second, SV *third)
{
    dSP;
    SV *outer = glue_outer(aTHX_ gv);
    SSize_t n;

    if (outer == NULL) {
        errno = EBADF;
        return GLUE_FAILED;
    }
    PUSHSTACKi(PERLSI_MAGIC);   /* so that "last" finds no loop outside, in the program */
    push_arguments(aTHX_ outer, first, second, third);
    errno = 0;
    (void)call_method(method, G_SCALAR);
    SPAGAIN;
    n = count_of(aTHX_ POPs);
    PUTBACK;
    POPSTACK;
    return n;
}

/* The same from within OpenSSL: what it dies with is kept in *exception, NULL to forget it. */
static SSize_t
call_caught(pTHX_ const GV *gv, const char *method, SV *first, SV *second, SV **exception)
{
    dSP;
    SV *outer = glue_outer(aTHX_ gv);
    SSize_t n = GLUE_FAILED;

    if (outer == NULL) {
        errno = EBADF;
        return GLUE_FAILED;
    }
    save_scalar(PL_errgv);
    PUSHSTACKi(PERLSI_MAGIC);
    push_arguments(aTHX_ outer, first, second, NULL);
    errno = 0;
    (void)call_method(method, G_SCALAR | G_EVAL);
    SPAGAIN;
    if (SvROK(ERRSV) || SvTRUE(ERRSV)) {
        if (exception != NULL && *exception == NULL)
            *exception = newSVsv(ERRSV);
        errno = 0;
        (void)POPs;
    } else {
        n = count_of(aTHX_ POPs);
    }
    PUTBACK;
    POPSTACK;
    return n;
}

/* A question that the outer handle need not be able to answer. */
static SSize_t
ask(pTHX_ const GV *gv, const char *method)
{
    int saved = errno;
    SSize_t n;

    ENTER;
    SAVETMPS;
    n = call_caught(aTHX_ gv, method, NULL, NULL, NULL);
    FREETMPS;
    LEAVE;
    errno = saved;
    return n;
}

size_t
glue_outer_pending(pTHX_ const GV *gv)
{
    SSize_t n = ask(aTHX_ gv, "pending");

    return n < 0 ? 0 : (size_t)n;
}

int
glue_outer_fd(pTHX_ const GV *gv)
{
    SSize_t fd = ask(aTHX_ gv, "fileno");

    return fd < 0 || fd > INT_MAX ? -1 : (int)fd;
}

/* ---- The transport ---------------------------------------------------------------------------- */

/* From the transport to whatever handle operates on its connection now. */
typedef struct {
    iossl_conn *conn;       /* which owns the transport, and so this */
} outer_link;

static const GV *
operating_gv(const outer_link *link, glue_handle **h)
{
    *h = link->conn == NULL ? NULL : iossl_conn_get_app_data(link->conn);
    if (*h == NULL || (*h)->conn != link->conn || (*h)->exception != NULL) {
        errno = EBADF;      /* nobody does, or a method has died already */
        return NULL;
    }
    return (*h)->owner;
}

/* The method moved nothing: because it would have had to wait, or because it can't. */
static iossl_status
failed_transfer(pTHX_ const GV *gv, int errnum, iossl_status want)
{
    SV *outer = glue_outer(aTHX_ gv);

    if (errnum == EINTR)
        return IOSSL_INTERRUPTED;
    if (errnum != EAGAIN && errnum != EWOULDBLOCK)
        return IOSSL_ERROR;
    /* TLS below may have to write in order to read. */
    if (outer != NULL && sv_isobject(outer) && sv_derived_from(outer, "IO::Socket::SSL")) {
        glue_globals *g = glue_get_globals(aTHX);
        SV *error = GvSVn(g->ssl_error);

        if (SvIOK(error) && SvIVX(error) == SvIVX(g->want_read))
            return IOSSL_WANT_READ;
        if (SvIOK(error) && SvIVX(error) == SvIVX(g->want_write))
            return IOSSL_WANT_WRITE;
    }
    return want;
}

/* The bytes that a sysread put into our scalar, whatever it did to that; NULL: not n bytes. */
static const char *
bytes_read(pTHX_ SV *sv, SSize_t n)
{
    if (!SvPOK(sv) || SvROK(sv) || SvMAGICAL(sv)
        || (SvUTF8(sv) && !sv_utf8_downgrade(sv, TRUE)) || SvCUR(sv) != (STRLEN)n)
        return NULL;
    return SvPVX_const(sv);
}

static iossl_status
outer_read(void *arg, void *buf, size_t size, size_t *done)
{
    dTHX;
    iossl_status status = IOSSL_ERROR;
    glue_handle *h;
    const GV *gv = operating_gv(arg, &h);
    int errnum;
    SSize_t n;
    SV *sv;

    *done = 0;
    if (gv == NULL)
        return IOSSL_ERROR;
    ENTER;
    SAVETMPS;
    sv = sv_2mortal(newSV(size + 1));
    sv_setpvs(sv, "");
    n = call_caught(aTHX_ gv, "sysread", sv, sv_2mortal(newSVuv(size)), &h->exception);
    errnum = errno;
    if (n < 0) {
        status = failed_transfer(aTHX_ gv, errnum, IOSSL_WANT_READ);
    } else if (n == 0) {
        status = IOSSL_EOF;
    } else {
        const char *bytes = (size_t)n <= size ? bytes_read(aTHX_ sv, n) : NULL;

        if (bytes != NULL) {
            memcpy(buf, bytes, (size_t)n);
            *done = (size_t)n;
            status = IOSSL_OK;
        }
        errnum = EIO;       /* unless all is well: it told us what isn't so */
    }
    FREETMPS;
    LEAVE;
    errno = errnum;
    return status;
}

static iossl_status
outer_write(void *arg, const void *buf, size_t len, size_t *done)
{
    dTHX;
    iossl_status status = IOSSL_ERROR;
    glue_handle *h;
    const GV *gv = operating_gv(arg, &h);
    int errnum;
    SSize_t n;

    *done = 0;
    if (gv == NULL)
        return IOSSL_ERROR;
    ENTER;
    SAVETMPS;
    n = call_caught(aTHX_ gv, "syswrite", sv_2mortal(newSVpvn(buf, len)),
                    sv_2mortal(newSVuv(len)), &h->exception);
    errnum = errno;
    if (n < 0) {
        status = failed_transfer(aTHX_ gv, errnum, IOSSL_WANT_WRITE);
    } else if (n == 0) {
        status = IOSSL_WANT_WRITE;      /* as write(2) of nothing: no room at the moment */
    } else if ((size_t)n <= len) {
        *done = (size_t)n;
        status = IOSSL_OK;
    } else {
        errnum = EIO;
    }
    FREETMPS;
    LEAVE;
    errno = errnum;
    return status;
}

/* Waits at the descriptor, if there is one at the bottom; else it is the program that has to. */
static iossl_status
outer_wait(void *arg, iossl_status want, int64_t timeout_ms)
{
    dTHX;
    glue_handle *h;
    const GV *gv = operating_gv(arg, &h);
    struct pollfd p = {.events = want == IOSSL_WANT_WRITE ? POLLOUT : POLLIN};
    int n;

    if (gv == NULL)
        return IOSSL_ERROR;
    if (want == IOSSL_WANT_READ && glue_outer_pending(aTHX_ gv) > 0)
        return IOSSL_OK;
    if ((p.fd = glue_outer_fd(aTHX_ gv)) < 0)
        return want;
    n = poll(&p, 1, timeout_ms < 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);
    if (n == 0)
        return IOSSL_TIMEOUT;
    if (n < 0)
        return errno == EINTR ? IOSSL_INTERRUPTED : IOSSL_ERROR;
    if ((p.revents & POLLNVAL) != 0) {
        errno = EBADF;
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

static const iossl_transport_ops OUTER_OPS = {
    .read = outer_read, .write = outer_write, .wait = outer_wait, .free = free};

iossl_conn *
glue_outer_conn(iossl_ctx *ctx, iossl_role role, iossl_error *err)
{
    outer_link *link = calloc(1, sizeof *link);
    iossl_transport *transport;
    iossl_conn *conn = NULL;

    if (link == NULL) {
        iossl_error_set(err, IOSSL_E_MEMORY, IOSSL_RANK_FATAL, "out of memory");
        return NULL;
    }
    transport = iossl_transport_new(&OUTER_OPS, link, err);     /* owns link in any case */
    if (transport != NULL && (conn = iossl_conn_new(ctx, role, transport, err)) != NULL)
        link->conn = conn;
    return conn;
}
