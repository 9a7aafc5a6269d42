/*
 * status.c - the one place where results of libiossl become return values, $!, $SSL_ERROR and errstr.
 *
 * Owns      the globals of each interpreter, $SSL_ERROR, the per-socket last error.
 * Promises  $SSL_ERROR is the same scalar for ever; an error of lower rank never replaces one of
 *           higher rank on the same socket; nothing of C is held when this file croaks.
 * Leaves    words and ranks to libiossl, $@ to lib/IO/Socket/SSL.pm.
 */
#include "status.h"

#include "trace.h"
#include "why.h"

#include <errno.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define MY_CXT_KEY "IO::Socket::SSL::_globals"

typedef glue_globals my_cxt_t;
START_MY_CXT

static void
fill(pTHX_ glue_globals *g)
{
    g->ssl_error = gv_fetchpvs("IO::Socket::SSL::SSL_ERROR", GV_ADD | GV_ADDMULTI, SVt_PV);
    g->stash = gv_stashpvs("IO::Socket::SSL", GV_ADD);
    g->ocsp_caller = NULL;
    g->tie_stash = gv_stashpvs("IO::Socket::SSL::SSL_HANDLE", GV_ADD);
    g->debug = gv_fetchpvs("IO::Socket::SSL::DEBUG", GV_ADD, SVt_PV);
}

/* A constant that is a sentence to people and a number to programs. The numbers are far from every
 * errno and from -1, so that a comparison can't succeed by accident. */
static SV *
want_constant(pTHX_ const char *name, const char *text, IV number)
{
    SV *sv = newSVpv(text, 0);

    SvUPGRADE(sv, SVt_PVNV);
    SvIV_set(sv, number);
    SvIOK_on(sv);
    SvREADONLY_on(sv);
    newCONSTSUB(gv_stashpvs("IO::Socket::SSL", GV_ADD), name, SvREFCNT_inc_simple_NN(sv));
    return sv;
}

/* The numbers that programs import or call by name. */
static void
make_constants(pTHX_ HV *stash)
{
    static const struct {
        const char *name;
        IV value;
    } CONSTANTS[] = {
        {"SSL_VERIFY_NONE", IOSSL_VERIFY_NONE},
        {"SSL_VERIFY_PEER", IOSSL_VERIFY_PEER},
        {"SSL_VERIFY_FAIL_IF_NO_PEER_CERT", IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT},
        {"SSL_VERIFY_CLIENT_ONCE", IOSSL_VERIFY_CLIENT_ONCE},
        {"SSL_VERIFY_POST_HANDSHAKE", SSL_VERIFY_POST_HANDSHAKE},
        {"SSL_OCSP_NO_STAPLE", IOSSL_OCSP_NO_STAPLE},
        {"SSL_OCSP_MUST_STAPLE", IOSSL_OCSP_MUST_STAPLE},
        {"SSL_OCSP_FAIL_HARD", IOSSL_OCSP_FAIL_HARD},
        {"SSL_OCSP_FULL_CHAIN", IOSSL_OCSP_FULL_CHAIN},
        {"SSL_OCSP_TRY_STAPLE", IOSSL_OCSP_TRY_STAPLE},
        {"SSL_SENT_SHUTDOWN", SSL_SENT_SHUTDOWN},
        {"SSL_RECEIVED_SHUTDOWN", SSL_RECEIVED_SHUTDOWN},
        {"GEN_DNS", GEN_DNS},
        {"GEN_IPADD", GEN_IPADD},
        {"NID_CommonName", NID_commonName},
    };

    for (size_t i = 0; i < sizeof CONSTANTS / sizeof CONSTANTS[0]; i++)
        newCONSTSUB(stash, CONSTANTS[i].name, newSViv(CONSTANTS[i].value));
}

void
glue_boot(pTHX)
{
    MY_CXT_INIT;

    fill(aTHX_ &MY_CXT);
    make_constants(aTHX_ MY_CXT.stash);
    MY_CXT.want_read = want_constant(aTHX_ "SSL_WANT_READ", "SSL wants a read first", 0x53534c52);
    MY_CXT.want_write = want_constant(aTHX_ "SSL_WANT_WRITE", "SSL wants a write first", 0x53534c57);
}

/* The value of a constant of this interpreter: a new thread has its own copies. */
static SV *
constant_value(pTHX_ const char *name)
{
    CV *cv = get_cv(name, 0);
    SV *value = cv == NULL ? NULL : cv_const_sv(cv);

    return value == NULL ? newSV(0) : SvREFCNT_inc_simple_NN(value);
}

void
glue_clone(pTHX)
{
    MY_CXT_CLONE;

    fill(aTHX_ &MY_CXT);
    MY_CXT.want_read = constant_value(aTHX_ "IO::Socket::SSL::SSL_WANT_READ");
    MY_CXT.want_write = constant_value(aTHX_ "IO::Socket::SSL::SSL_WANT_WRITE");
}

glue_globals *
glue_get_globals(pTHX)
{
    dMY_CXT;

    return &MY_CXT;
}

void
glue_begin(pTHX)
{
    SV *error = GvSVn(glue_get_globals(aTHX)->ssl_error);

    if (SvOK(error)) {
        sv_setsv(error, &PL_sv_undef);
        SvSETMAGIC(error);
    }
    errno = 0;
}

SV *
glue_text(pTHX_ const char *text)
{
    SV *sv = sv_2mortal(newSVpv(text, 0));

    (void)sv_utf8_decode(sv);
    return sv;
}

SV *
glue_error_sv(pTHX_ const char *text)
{
    SV *sv = glue_text(aTHX_ text);

    SvUPGRADE(sv, SVt_PVNV);
    SvIV_set(sv, -1);
    SvIOK_on(sv);
    return sv;
}

void
glue_croak(pTHX_ SV *text)
{
    static const char ours[] = "IO::Socket::SSL";
    const char *package = CopSTASHPV(PL_curcop);
    dSP;

    /* XSUBs have no frame that Carp could see: called by the program itself, this is its line. */
    if (package == NULL || strncmp(package, ours, sizeof ours - 1) != 0)
        Perl_croak(aTHX_ "%" SVf, SVfARG(text));
    PUSHMARK(SP);
    XPUSHs(text);
    PUTBACK;
    call_pv("Carp::croak", G_DISCARD | G_VOID);
    Perl_croak(aTHX_ "%" SVf, SVfARG(text));    /* not reached */
}

/* why: what it is about; NULL: only the sentence is known. */
static void
set_error(pTHX_ glue_handle *h, SV *value, int rank, const iossl_error *why)
{
    glue_globals *g = glue_get_globals(aTHX);
    SV *global = GvSVn(g->ssl_error);
    bool is_want = value == g->want_read || value == g->want_write;

    if (!is_want && glue_debug_level(aTHX) >= 1) {
        const char *remedy = iossl_error_get0_remedy(why);

        glue_debug(aTHX_ SvPV_nolen_const(sv_2mortal(newSVpvf("error: %" SVf, SVfARG(value)))));
        if (remedy != NULL && strstr(SvPV_nolen_const(value), remedy) == NULL)
            glue_debug(aTHX_ SvPV_nolen_const(sv_2mortal(newSVpvf("what to do: %s", remedy))));
    }
    /* Where the handle has a cause of a higher rank, that is what is told again; but "try again" has
     * to get through. */
    if (h != NULL && !glue_remember_error(aTHX_ h, value, rank) && !is_want) {
        value = *av_fetch(h->last_error, 0, 0);
        why = h->why;
    }
    sv_setsv(global, value);
    SvSETMAGIC(global);
    if (!is_want)
        glue_why_keep(aTHX_ h, global, why);
}

void
glue_set_error(pTHX_ glue_handle *h, SV *value, int rank)
{
    set_error(aTHX_ h, value, rank, NULL);
}

static SV *
want_sv(pTHX_ bool is_write)
{
    glue_globals *g = glue_get_globals(aTHX);

    return is_write ? g->want_write : g->want_read;
}

void
glue_rethrow(pTHX_ glue_handle *h)
{
    SV *exception = h->exception;

    if (exception != NULL) {
        h->exception = NULL;
        iossl_error_clear(h->err);
        croak_sv(sv_2mortal(exception));
    }
}

void
glue_fail(pTHX_ glue_handle *h, iossl_status status)
{
    SV *value;
    int errnum, rank = IOSSL_RANK_IO;
    const iossl_error *why = NULL;

    glue_rethrow(aTHX_ h);
    switch (status) {
    case IOSSL_WANT_READ:
    case IOSSL_WANT_WRITE:
        value = want_sv(aTHX_ status == IOSSL_WANT_WRITE);
        errnum = EAGAIN;
        break;
    case IOSSL_TIMEOUT:
    case IOSSL_INTERRUPTED:
        value = want_sv(aTHX_ h->conn != NULL && SSL_want_write(iossl_conn_get0_ssl(h->conn)));
        errnum = status == IOSSL_TIMEOUT ? ETIMEDOUT : EINTR;
        break;
    default:
        value = glue_error_sv(aTHX_ iossl_error_message(h->err));
        errnum = iossl_error_get_errno(h->err);
        rank = (int)iossl_error_get_rank(h->err);
        why = h->err;
        if (iossl_error_get_code(h->err) == IOSSL_E_USAGE) {
            iossl_error_clear(h->err);
            glue_croak(aTHX_ value);
        }
        break;
    }
    set_error(aTHX_ h, value, rank, why);
    iossl_error_clear(h->err);
    errno = errnum;
}

void
glue_fail_without_handle(pTHX_ iossl_error *err)
{
    SV *value = glue_error_sv(aTHX_ iossl_error_message(err));
    bool is_usage = iossl_error_get_code(err) == IOSSL_E_USAGE;
    int errnum = iossl_error_get_errno(err);

    if (is_usage) {
        iossl_error_clear(err);
        glue_croak(aTHX_ value);
    }
    set_error(aTHX_ NULL, value, 0, err);
    iossl_error_clear(err);
    errno = errnum;
}
