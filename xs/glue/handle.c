/*
 * handle.c - the struct behind a Perl file handle, attached to its glob by magic.
 *
 * Owns      attaching, finding, cloning into threads and freeing; the tie.
 * Promises  whatever way a glob ends (undef, close, global destruction, another thread) its struct is
 *           freed once, and nothing is sent. A clone shares the connection by reference.
 * Leaves    what operations mean to status.c and data.c.
 *
 * Invariants  is_tied implies conn; a tie object is a blessed, weak reference to the glob, so that a
 *             handle doesn't keep itself alive.
 */
#include "handle.h"
#include "magic.h"
#include "status.h"

static int handle_free(pTHX_ SV *sv, MAGIC *mg);
#ifdef USE_ITHREADS
static int handle_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param);
#endif

static MGVTBL handle_vtbl = GLUE_MAGIC(handle_free, handle_dup);

/* ---- Life ------------------------------------------------------------------------------------- */

/* One without a connection; NULL: no memory. */
static glue_handle *
handle_new(void)
{
    glue_handle *h = calloc(1, sizeof *h);      /* not Newx: see tools/lsan.supp */

    if (h != NULL && (h->err = iossl_error_new()) == NULL) {
        free(h);
        h = NULL;
    }
    return h;
}

static int
handle_free(pTHX_ SV *sv, MAGIC *mg)
{
    glue_handle *h = (glue_handle *)mg->mg_ptr;

    PERL_UNUSED_VAR(sv);
    if (h == NULL)
        return 0;
    mg->mg_ptr = NULL;
    X509_free(h->peer_cert);
    if (h->conn != NULL && iossl_conn_get_app_data(h->conn) == h)
        iossl_conn_set_app_data(h->conn, NULL);     /* another thread may still have it */
    iossl_conn_free(h->conn);
    iossl_error_free(h->err);
    iossl_error_free(h->why);
    SvREFCNT_dec(h->context);
    SvREFCNT_dec((SV *)h->msg_callback);
    SvREFCNT_dec((SV *)h->last_error);
    SvREFCNT_dec(h->exception);
    free(h);
    return 0;
}

#ifdef USE_ITHREADS
/* The magic of a new thread's copy of the glob points to the old struct: give it one of its own. */
static int
handle_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    const glue_handle *old = (const glue_handle *)mg->mg_ptr;
    glue_handle *h;

    if (old == NULL)
        return 0;
    if ((h = handle_new()) == NULL)
        Perl_croak(aTHX_ "Out of memory");
    mg->mg_ptr = (char *)h;
    h->conn = iossl_conn_up_ref(old->conn);
    h->owner = (GV *)sv_dup((const SV *)old->owner, param);
    if (old->peer_cert != NULL && X509_up_ref(old->peer_cert) == 1)
        h->peer_cert = old->peer_cert;
    h->context = sv_dup_inc(old->context, param);
    h->msg_callback = (AV *)sv_dup_inc((const SV *)old->msg_callback, param);
    h->last_error = (AV *)sv_dup_inc((const SV *)old->last_error, param);
    h->calls_back = old->calls_back;
    h->write_is_plain = old->write_is_plain;
    h->read_is_plain = old->read_is_plain;
    h->is_tied = old->is_tied;
    h->is_over_handle = old->is_over_handle;
    return 0;
}
#endif

GV *
glue_gv(SV *sv)
{
    if (SvROK(sv))
        sv = SvRV(sv);
    return isGV_with_GP(sv) ? (GV *)sv : NULL;
}

GV *
glue_gv_of_tie(SV *sv)
{
    return SvROK(sv) && SvROK(SvRV(sv)) ? glue_gv(SvRV(sv)) : NULL;
}

glue_handle *
glue_find(const GV *gv)
{
    const MAGIC *mg = SvTYPE(gv) >= SVt_PVMG && SvMAGIC(gv) != NULL
                          ? mg_findext((const SV *)gv, PERL_MAGIC_ext, &handle_vtbl) : NULL;

    return mg == NULL ? NULL : (glue_handle *)mg->mg_ptr;
}

glue_handle *
glue_need(pTHX_ GV *gv)
{
    glue_handle *h;

    if (gv == NULL)
        Perl_croak(aTHX_ "Undefined IO::Socket::SSL object");
    if ((h = glue_find(gv)) != NULL)
        return h;
    if ((h = handle_new()) == NULL)
        Perl_croak(aTHX_ "Out of memory");
    h->owner = gv;
    glue_magic_attach(aTHX_ (SV *)gv, &handle_vtbl, h);
    return h;
}

/* ---- The connection --------------------------------------------------------------------------- */

void
glue_attach(pTHX_ glue_handle *h, iossl_conn *conn, SV *context)
{
    glue_detach(aTHX_ h);
    h->conn = conn;
    h->context = newSVsv(context);
}

void
glue_detach(pTHX_ glue_handle *h)
{
    iossl_conn *conn = h->conn;
    X509 *cert = h->peer_cert;
    SV *context = h->context;

    glue_untie(aTHX_ h);
    h->conn = NULL;
    h->peer_cert = NULL;
    h->context = NULL;
    h->write_is_plain = h->read_is_plain = h->calls_back = h->is_over_handle = false;
    X509_free(cert);
    iossl_conn_free(conn);
    SvREFCNT_dec(context);      /* last: it may be the last one, and run a destructor of the program */
}

void
glue_tie(pTHX_ glue_handle *h)
{
    SV *weak, *object;

    if (h->is_tied)
        return;
    weak = newRV_inc((SV *)h->owner);
    sv_rvweaken(weak);
    object = sv_bless(newRV_noinc(weak), glue_get_globals(aTHX)->tie_stash);
    sv_unmagic((SV *)GvIOn(h->owner), PERL_MAGIC_tiedscalar);
    sv_magic((SV *)GvIOn(h->owner), object, PERL_MAGIC_tiedscalar, NULL, 0);
    SvREFCNT_dec_NN(object);    /* the magic has it now */
    h->is_tied = true;
}

/* Only our own tie: if the program tied the handle to something else meanwhile, that stays. */
void
glue_untie(pTHX_ glue_handle *h)
{
    IO *io = h->is_tied ? GvIO(h->owner) : NULL;
    MAGIC *mg = io == NULL ? NULL : mg_find((SV *)io, PERL_MAGIC_tiedscalar);

    h->is_tied = false;
    if (mg != NULL && mg->mg_obj != NULL && SvROK(mg->mg_obj)
        && SvSTASH(SvRV(mg->mg_obj)) == glue_get_globals(aTHX)->tie_stash)
        sv_unmagic((SV *)io, PERL_MAGIC_tiedscalar);
}

/* ---- What programs see of it in the hash of the glob ------------------------------------------ */

/* The keys are explained at the head of lib/IO/Socket/SSL.pm. */

void
glue_show_opening(pTHX_ const glue_handle *h, int fd)
{
    HV *hash = GvHVn(h->owner);

    (void)hv_stores(hash, "_SSL_opening", newSViv(1));
    (void)hv_stores(hash, "_SSL_object", newSViv(PTR2IV(iossl_conn_get0_ssl(h->conn))));
    if (fd >= 0)
        (void)hv_stores(hash, "_SSL_fileno", newSViv(fd));
}

void
glue_show_open(pTHX_ const glue_handle *h)
{
    HV *hash = GvHVn(h->owner);

    (void)hv_deletes(hash, "_SSL_opening", G_DISCARD);
    (void)hv_stores(hash, "_SSL_opened", newSViv(1));
}

void
glue_show_ended(pTHX_ GV *gv)
{
    HV *hash = GvHVn(gv);

    (void)hv_deletes(hash, "_SSL_opening", G_DISCARD);
    (void)hv_deletes(hash, "_SSL_object", G_DISCARD);
    (void)hv_deletes(hash, "_SSL_fileno", G_DISCARD);
    (void)hv_deletes(hash, "_SSL_opened", G_DISCARD);
}

void
glue_drop_references(pTHX_ GV *gv)
{
    SV **slot = hv_fetchs(GvHVn(gv), "_SSL_arguments", 0);
    HV *args = slot != NULL && SvROK(*slot) && SvTYPE(SvRV(*slot)) == SVt_PVHV ? (HV *)SvRV(*slot) : NULL;
    HE *entry;

    if (args == NULL)
        return;
    (void)hv_iterinit(args);
    while ((entry = hv_iternext(args)) != NULL)
        if (SvROK(HeVAL(entry)))        /* freed when the caller's statement is over */
            (void)hv_delete_ent(args, hv_iterkeysv(entry), 0, HeHASH(entry));
}

/* ---- The last error --------------------------------------------------------------------------- */

#define LAST_ERROR_KEY "_SSL_last_err"

bool
glue_remember_error(pTHX_ glue_handle *h, SV *value, int rank)
{
    SV **slot;

    if (h->last_error == NULL) {
        h->last_error = newAV();
        (void)hv_stores(GvHVn(h->owner), LAST_ERROR_KEY, newRV_inc((SV *)h->last_error));
    } else if ((slot = av_fetch(h->last_error, 1, 0)) != NULL && SvIV(*slot) > rank) {
        return false;
    }
    av_store(h->last_error, 0, newSVsv(value));
    av_store(h->last_error, 1, newSViv(rank));
    return true;
}

void
glue_forget_error(pTHX_ glue_handle *h)
{
    if (h->last_error == NULL)
        return;
    (void)hv_delete(GvHVn(h->owner), LAST_ERROR_KEY, sizeof LAST_ERROR_KEY - 1, G_DISCARD);
    SvREFCNT_dec_NN((SV *)h->last_error);
    h->last_error = NULL;
}

/* ---- Running Perl code meanwhile -------------------------------------------------------------- */

SV *
glue_self(pTHX_ const glue_handle *h)
{
    return sv_2mortal(newRV_inc((SV *)h->owner));
}

static void
free_conn(pTHX_ void *conn)
{
    PERL_UNUSED_CONTEXT;
    iossl_conn_free(conn);
}

static void
not_busy(pTHX_ void *handle)
{
    PERL_UNUSED_CONTEXT;
    ((glue_handle *)handle)->is_busy = false;
}

static void
release(pTHX_ void *sv)
{
    SvREFCNT_dec_NN((SV *)sv);
}

void
glue_guard(pTHX_ glue_handle *h)
{
    if (h->is_busy)
        Perl_croak(aTHX_ "a callback of a connection can't use that connection itself");
    /* Undone in the opposite order: the glob, and with it h, goes last. */
    SAVEDESTRUCTOR_X(release, SvREFCNT_inc_simple_NN((SV *)h->owner));
    SAVEDESTRUCTOR_X(free_conn, iossl_conn_up_ref(h->conn));
    SAVEDESTRUCTOR_X(not_busy, h);
    h->is_busy = true;
    iossl_conn_set_app_data(h->conn, h);
}
