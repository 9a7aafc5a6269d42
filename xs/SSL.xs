/*
 * SSL.xs - the way from Perl into the glue. Each XSUB unpacks its arguments, calls, and maps the result.
 *
 * Parts     socket.xsi   methods of a socket that carry data, and its life
 *           tls.xsi      what is known about the connection and its certificates
 *           handle.xsi   the class of the tie, for Perl's own operators
 *           context.xsi  IO::Socket::SSL::SSL_Context
 *           session.xsi  IO::Socket::SSL::Session_Cache
 *           ocsp.xsi     IO::Socket::SSL::OCSP_Cache and IO::Socket::SSL::OCSP_Resolver
 *           suffix.xsi   IO::Socket::SSL::PublicSuffix
 *           certs.xsi    certificates described and made, for IO::Socket::SSL::Utils
 *           utils.xsi    PEM, DER and handles, for IO::Socket::SSL::Utils
 */
#include "glue/glue.h"
#include "glue/callbacks.h"
#include "glue/cert_names.h"
#include "glue/context.h"
#include "glue/cutoff.h"
#include "glue/data.h"
#include "glue/describe.h"
#include "glue/handle.h"
#include "glue/objects.h"
#include "glue/ocsp.h"
#include "glue/options.h"
#include "glue/outer.h"
#include "glue/scheme.h"
#include "glue/sessions.h"
#include "glue/signals.h"
#include "glue/ssleay.h"
#include "glue/status.h"
#include "glue/suffix.h"
#include "glue/why.h"

#include <errno.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* ---- Returning -------------------------------------------------------------------------------- */

/* A count, or nothing: undef in scalar context, no element in a list. */
#define RETURN_COUNT(n)                 \
    STMT_START {                        \
        SSize_t n_ = (n);               \
        if (n_ < 0)                     \
            XSRETURN_EMPTY;             \
        XSRETURN_IV(n_);                \
    } STMT_END

/* Hands all arguments on to another sub, and returns what it returns. */
#define DELEGATE(name)                                          \
    STMT_START {                                                \
        PUSHMARK(&ST(-1));                                      \
        PL_stack_sp = &ST(items - 1);                           \
        (void)call_pv(name, GIMME_V);                           \
        return;                                                 \
    } STMT_END

/* Without TLS: on to the method of the handle that ours was put over, if there is one, else to the sub. */
#define DELEGATE_PLAIN(name, method)                            \
    STMT_START {                                                \
        GV *gv_ = glue_gv(ST(0));                               \
        SV *outer_ = gv_ == NULL ? NULL : glue_outer(aTHX_ gv_);      \
        if (outer_ == NULL)                                     \
            DELEGATE(name);                                     \
        ST(0) = sv_mortalcopy(outer_);                          \
        PUSHMARK(&ST(-1));                                      \
        PL_stack_sp = &ST(items - 1);                           \
        (void)call_method(method, GIMME_V);                     \
        return;                                                 \
    } STMT_END

/* The same with another first argument, for the tie: the handle itself. */
#define DELEGATE_CV(first, cv_)                                 \
    STMT_START {                                                \
        ST(0) = (first);                                        \
        PUSHMARK(&ST(-1));                                      \
        PL_stack_sp = &ST(items - 1);                           \
        (void)call_sv((SV *)(cv_), GIMME_V);                    \
        return;                                                 \
    } STMT_END

static SV *
arg(SV **first, I32 items, I32 i)
{
    return i < items ? first[i] : NULL;
}

/* ---- Overridden methods ----------------------------------------------------------------------- */

/*
 * The sub that a class has in the place of one of ours; NULL: ours. Handles of exactly our class
 * (most are) don't pay for the question.
 */
static CV *
overriding(pTHX_ const GV *gv, const char *method, STRLEN len)
{
    HV *stash = SvOBJECT(gv) ? SvSTASH(gv) : NULL;
    HV *ours = glue_get_globals(aTHX)->stash;
    GV *found, *own;

    if (stash == NULL || stash == ours)
        return NULL;
    found = gv_fetchmeth(stash, method, len, 0);
    own = gv_fetchmeth(ours, method, len, 0);
    if (found == NULL || GvCV(found) == NULL || own == NULL || GvCV(found) == GvCV(own))
        return NULL;
    /* In a foreign class, as accept_SSL leaves it, that sub is IO::Handle's, which would come back here
     * by the tie. */
    if (!sv_derived_from(sv_2mortal(newRV_inc((SV *)gv)), "IO::Socket::SSL"))
        return NULL;
    return GvCV(found);
}

#define OVERRIDING(gv, method) overriding(aTHX_ gv, "" method "", sizeof(method) - 1)

/*
 * Calls a method of the object with one argument or two (NULL: no second); the count it returns, or
 * GLUE_FAILED. On a stack of its own, where "last" finds no loop of the program's: perl would go on behind
 * that loop, in here, and come back when the program is over.
 */
static SSize_t
count_by(pTHX_ GV *gv, CV *cv, SV *first, SV *second)
{
    dSP;
    SV *answer;

    PUSHSTACKi(PERLSI_MAGIC);
    PUSHMARK(SP);
    EXTEND(SP, 3);
    mPUSHs(newRV_inc((SV *)gv));
    PUSHs(first);
    if (second != NULL)
        PUSHs(second);
    PUTBACK;
    (void)call_sv((SV *)cv, G_SCALAR);
    SPAGAIN;
    answer = POPs;
    PUTBACK;
    POPSTACK;
    return SvOK(answer) ? (SSize_t)SvIV(answer) : GLUE_FAILED;
}

/* ---- print, printf, readline: with what a subclass may have of its own underneath --------------- */

static SSize_t
print_items(pTHX_ glue_handle *h, SV **first, SSize_t n)
{
    CV *cv = OVERRIDING(h->owner, "write");
    SV *joined;

    if (cv == NULL)
        return glue_print(aTHX_ h, first, n);
    sv_2mortal(SvREFCNT_inc_simple_NN((SV *)h->owner));     /* magic may throw the handle away */
    joined = sv_2mortal(newSVpvs(""));
    for (SSize_t i = 0; i < n; i++) {
        if (i > 0 && PL_ofsgv != NULL && SvOK(GvSVn(PL_ofsgv)))
            sv_catsv(joined, GvSV(PL_ofsgv));
        sv_catsv(joined, first[i]);
    }
    if (PL_ors_sv != NULL && SvOK(PL_ors_sv))
        sv_catsv(joined, PL_ors_sv);
    return count_by(aTHX_ h->owner, cv, joined, NULL);
}

static SSize_t
printf_items(pTHX_ glue_handle *h, SV **first, SSize_t n)
{
    CV *cv = OVERRIDING(h->owner, "write");
    SV *text = sv_2mortal(newSVpvs(""));

    sv_2mortal(SvREFCNT_inc_simple_NN((SV *)h->owner));     /* magic may throw the handle away */
    if (n > 0) {
        STRLEN len;
        const char *format = SvPV_const(first[0], len);

        if (SvUTF8(first[0]))
            SvUTF8_on(text);
        sv_vcatpvfn(text, format, len, NULL, first + 1, (I32)n - 1, NULL);
    }
    return cv == NULL ? glue_put(aTHX_ h, text, "printf") : count_by(aTHX_ h->owner, cv, text, NULL);
}

/* How much is looked at in search of the end of a line. */
#define MAX_LINE_STEP 16384

/* Does the line end with the separator? */
static bool
ends_with(SV *line, const char *sep, size_t sep_len)
{
    return SvCUR(line) >= sep_len && memEQ(SvEND(line) - sep_len, sep, sep_len);
}

/* How many of the bytes, which follow the line, belong to it. */
static size_t
part_of_line(pTHX_ SV *line, const char *bytes, size_t n, const char *sep, size_t sep_len)
{
    size_t have = SvCUR(line), part = n, kept = have < sep_len ? have : sep_len - 1;
    /* The separator may have begun in what is there already; a line may be long, so only that is copied. */
    SV *all = newSVpvn(SvEND(line) - kept, kept);
    const char *end;

    sv_catpvn(all, bytes, n);
    end = ninstr(SvPVX_const(all), SvEND(all), sep, sep + sep_len);
    if (end != NULL)
        part = (size_t)(end - SvPVX_const(all)) + sep_len - kept;
    SvREFCNT_dec_NN(all);
    return part;
}

/*
 * A line through a sysread of the subclass's own: a peek (the subclass's own as well, if it has one)
 * tells how much that method is asked for, so that nothing is read ahead.
 */
static SV *
line_through_sysread(pTHX_ glue_handle *h, CV *sysread, bool *failed)
{
    GV *gv = h->owner;
    CV *peek = OVERRIDING(gv, "peek");
    SV *line = sv_2mortal(newSVpvs("")), *rs = PL_rs;
    bool is_record = SvROK(rs), is_paragraph = false;
    size_t limit = 0;
    STRLEN sep_len = 0;
    const char *sep = NULL;

    if (is_record && SvIV(SvRV(rs)) <= 0)
        croak("bad value in ref $/: %" IVdf, SvIV(SvRV(rs)));
    if (is_record)
        limit = (size_t)SvIV(SvRV(rs));
    else if (SvOK(rs))
        sep = SvPV_const(rs, sep_len);
    if (sep != NULL && sep_len == 0) {
        is_paragraph = true;
        sep = "\n\n";
        sep_len = 2;
    }
    while (h->conn != NULL && !(limit > 0 && SvCUR(line) >= limit)
           && !(sep != NULL && ends_with(line, sep, sep_len))) {
        size_t skip = 0;
        SSize_t n;
        SV *bytes;
        int errnum;

        ENTER;
        SAVETMPS;       /* a peer may send byte by byte: what a step takes goes with it */
        bytes = sv_2mortal(newSVpvs(""));
        n = peek != NULL ? count_by(aTHX_ gv, peek, bytes, sv_2mortal(newSViv(MAX_LINE_STEP)))
                         : glue_read(aTHX_ h, bytes, sv_2mortal(newSViv(MAX_LINE_STEP)), NULL, GLUE_PEEK);
        if (n > 0) {
            STRLEN len;
            const char *seen = SvPV_const(bytes, len);
            size_t wanted;

            while (is_paragraph && SvCUR(line) == 0 && skip < len && seen[skip] == '\n')
                skip++;
            wanted = skip > 0 ? skip
                     : sep != NULL ? part_of_line(aTHX_ line, seen, len, sep, sep_len)
                     : limit > 0 && limit - SvCUR(line) < len ? limit - SvCUR(line) : len;
            n = count_by(aTHX_ gv, sysread, bytes, sv_2mortal(newSVuv(wanted)));
        }
        if (n > 0 && skip == 0)
            sv_catsv(line, bytes);
        errnum = errno;
        FREETMPS;
        LEAVE;
        errno = errnum;
        if (n < 0 && errno == EINTR) {
            PERL_ASYNC_CHECK();
            continue;
        }
        if (n <= 0) {
            *failed = n < 0 && SvCUR(line) == 0;
            break;
        }
    }
    return SvCUR(line) > 0 ? line : NULL;
}

static SV *
read_line(pTHX_ glue_handle *h, bool is_list, bool *failed)
{
    CV *cv = OVERRIDING(h->owner, "sysread");

    *failed = false;
    return cv == NULL ? glue_read_line(aTHX_ h, is_list, failed)
                      : line_through_sysread(aTHX_ h, cv, failed);
}

/* What <$socket> gives, onto the stack; is_list: all lines. */
static void
push_lines(pTHX_ glue_handle *h, bool is_list)
{
    dSP;
    bool failed = false;
    SV *line;
    I32 n = 0;

    if (!is_list) {
        line = read_line(aTHX_ h, is_list, &failed);
        if (line == NULL && !failed)
            line = glue_empty_line(aTHX_ h);
        SPAGAIN;
        XPUSHs(line != NULL ? line : &PL_sv_undef);
        PUTBACK;
        return;
    }
    while (h->conn != NULL) {
        line = read_line(aTHX_ h, is_list, &failed);
        SPAGAIN;
        if (line == NULL)
            break;
        n++;
        XPUSHs(line);
        PUTBACK;
    }
    /* What came before a failure is lost, so that the program can't take it for the whole. A handle
     * that has no more for now is no failure. */
    if (failed && !(n > 0 && errno == EAGAIN))
        PL_stack_sp -= n;
}

/* What getc gives: a mortal, NULL at the end. */
static SV *
get_byte(pTHX_ GV *gv, glue_handle *h)
{
    CV *read = OVERRIDING(gv, "read");
    SV *byte;

    if (read == NULL)
        return glue_getc(aTHX_ h);
    byte = sv_2mortal(newSVpvs(""));
    return count_by(aTHX_ gv, read, byte, sv_2mortal(newSViv(1))) > 0 ? byte : NULL;
}

/* ---- Time ------------------------------------------------------------------------------------- */

/* Seconds as Perl has them (undef or nothing: no limit; "fd": as the descriptor is) in milliseconds. */
static int64_t
timeout_of(pTHX_ SV *sv)
{
    NV seconds;

    if (sv == NULL || !SvOK(sv))
        return IOSSL_FOREVER;
    if (SvPOK(sv) && strEQ(SvPV_nolen_const(sv), "fd"))
        return IOSSL_AS_FD;
    seconds = SvNV(sv);
    if (!(seconds > 0))         /* nor is NaN */
        return IOSSL_POLL;
    if (seconds > 1e9)
        return IOSSL_FOREVER;
    return (int64_t)(seconds * 1000 + 0.999);
}

/* Lets a staple be remembered where the program wants it. */
static void
enter_ocsp(pTHX_ glue_handle *h)
{
    const glue_context *context = glue_context_of_handle(h);

    if (context != NULL)
        glue_ocsp_enter(aTHX_ context->ocsp_store, &h->exception);
}

/*
 * Runs an operation that may wait, until it comes to something other than a signal. The handlers of
 * signals run in between; they may die, close the handle, or take as long as they want.
 */
static iossl_status
run(pTHX_ glue_handle *h, iossl_status (*operation)(iossl_conn *, int64_t, iossl_error *),
    int64_t timeout_ms)
{
    int64_t deadline = timeout_ms > 0 ? iossl_now_ms() + timeout_ms : 0;
    iossl_status status;

    for (;;) {
        iossl_conn *conn = h->conn;

        ENTER;
        glue_guard(aTHX_ h);
        enter_ocsp(aTHX_ h);
        status = operation(conn, timeout_ms, h->err);
        if (h->exception != NULL)
            glue_rethrow(aTHX_ h);
        LEAVE;
        if (status != IOSSL_INTERRUPTED)
            break;
        sv_2mortal(SvREFCNT_inc_simple_NN((SV *)h->owner));
        PERL_ASYNC_CHECK();
        if (h->conn != conn) {
            iossl_error_set(h->err, IOSSL_E_STATE, IOSSL_RANK_IO,
                            "the handle was closed by a signal handler");
            return IOSSL_ERROR;
        }
        if (timeout_ms > 0 && (timeout_ms = deadline - iossl_now_ms()) <= 0)
            return IOSSL_TIMEOUT;
    }
    return status;
}

static iossl_status
shutdown_and_wait(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    return iossl_shutdown(conn, true, timeout_ms, err);
}

static iossl_status
shutdown_only(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    return iossl_shutdown(conn, false, timeout_ms, err);
}

static iossl_status
renew_both_keys(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    return iossl_conn_key_update(conn, true, timeout_ms, err);
}

static iossl_status
renew_our_key(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    return iossl_conn_key_update(conn, false, timeout_ms, err);
}

static void
detach(pTHX_ glue_handle *h)
{
    if (h == NULL)
        return;
    if (h->is_busy)
        croak("a callback of a connection can't end that connection");
    glue_detach(aTHX_ h);
}

/* ---- Texts ------------------------------------------------------------------------------------ */

/* A C string that was given to us, as a mortal; undef where there is none. */
static SV *
take_text(pTHX_ char *text)
{
    SV *sv = text == NULL ? sv_newmortal() : glue_text(aTHX_ text);

    iossl_free(text);
    return sv;
}

/* A mortal copy. Not sv_mortalcopy(), which takes its string away from a value that a function returned. */
static SV *
copy_of(pTHX_ SV *sv)
{
    SV *copy = sv_newmortal();

    sv_setsv_flags(copy, sv, SV_GMAGIC | SV_NOSTEAL);
    return copy;
}

/* A value in UTF-8, whatever it is; the bytes live as long as the statement. It isn't changed. */
static const char *
copy_as_utf8(pTHX_ SV *sv, STRLEN *len)
{
    SV *copy = copy_of(aTHX_ sv);   /* SvPVutf8() looks at its argument more than once */

    return SvPVutf8(copy, *len);
}

/* UTF-8 of a name that a program gave, NULL for undef and ''; croaks on a NUL, which would hide what
 * follows it. The bytes live as long as the statement. */
static const char *
name_of(pTHX_ SV *sv, const char *option)
{
    STRLEN len;
    const char *name;

    SvGETMAGIC(sv);
    if (!SvOK(sv))
        return NULL;
    name = copy_as_utf8(aTHX_ sv, &len);
    if (strlen(name) != len)
        glue_croak(aTHX_ sv_2mortal(newSVpvf("%s contains a NUL", option)));
    return len == 0 ? NULL : name;
}

/* The name of a file as its bytes; they live as long as the statement. */
static const char *
file_name(pTHX_ SV *sv, const char *to)
{
    SV *copy = copy_of(aTHX_ sv);
    STRLEN len;
    const char *name = SvOK(copy) ? SvPV_const(copy, len) : NULL;

    if (name == NULL || len == 0 || strlen(name) != len)
        glue_croak(aTHX_ sv_2mortal(newSVpvf("cannot %s \"%" SVf "\": no file can have this name",
                                             to, SVfARG(SvOK(copy) ? copy : &PL_sv_no))));
    return name;
}

/* The server name as it goes over the wire: A-labels; what is ASCII already stays as it is. */
static iossl_status
set_server_name(pTHX_ iossl_conn *conn, SV *sv, iossl_error *err)
{
    const char *name = name_of(aTHX_ sv, "SSL_hostname");
    iossl_status status;
    char *ascii = NULL;

    if (name == NULL || is_ascii_string((const U8 *)name, 0))
        return iossl_conn_set_sni(conn, name, err);
    if ((status = iossl_idn_to_ascii(&ascii, name, strlen(name), err)) == IOSSL_OK)
        status = iossl_conn_set_sni(conn, ascii, err);
    iossl_free(ascii);
    return status;
}

/* An error of an operation on no handle, to be freed whatever happens. */
static void
free_error(pTHX_ void *err)
{
    PERL_UNUSED_CONTEXT;
    iossl_error_free(err);
}

static iossl_error *
scoped_error(pTHX)
{
    iossl_error *err = iossl_error_new();

    SAVEDESTRUCTOR_X(free_error, err);
    return err;
}

static SV *
conversion(pTHX_ SV *name,
           iossl_status (*convert)(char **, const char *, size_t, iossl_error *))
{
    SV *result = &PL_sv_undef;
    iossl_error *err;
    STRLEN len;
    const char *utf8;
    char *out;

    ENTER;
    err = scoped_error(aTHX);
    utf8 = copy_as_utf8(aTHX_ name, &len);
    if (convert(&out, utf8, len, err) == IOSSL_OK)
        result = take_text(aTHX_ out);
    else
        glue_fail_without_handle(aTHX_ err);
    LEAVE;
    return result;
}

/* "Undefined SSL object", where a question is asked that only a connection can answer. */
static glue_handle *
need_tls(pTHX_ GV *gv)
{
    glue_handle *h = glue_with_tls(gv);

    if (h == NULL)
        glue_set_error(aTHX_ NULL, glue_error_sv(aTHX_ "Undefined SSL object"), IOSSL_RANK_FATAL);
    return h;
}

/* More than any protocol asks for, and what TLS 1.3 with SHA-256 can give (RFC 5869 section 2.3). */
#define MAX_KEYING_MATERIAL (255 * 32)

/* IOSSL_EOF: data of the client come first. */
static iossl_status
request_cert(iossl_conn *conn, int64_t timeout_ms, iossl_error *err)
{
    bool answered;
    iossl_status status = iossl_request_client_cert(conn, &answered, timeout_ms, err);

    return status == IOSSL_OK && !answered ? IOSSL_EOF : status;
}

/* ---- Certificates ------------------------------------------------------------------------------ */

/* The peer's, borrowed from the handle; NULL: none. */
static X509 *
peer_cert(glue_handle *h, bool reload)
{
    if (reload || h->peer_cert == NULL) {
        X509_free(h->peer_cert);
        h->peer_cert = iossl_conn_get1_peer_cert(h->conn);
    }
    return h->peer_cert;
}

/* The same, where the class has no peer_certificate of its own that would have to be asked. */
static X509 *
own_peer_cert(pTHX_ GV *gv)
{
    glue_handle *h = glue_with_tls(gv);

    return h == NULL || OVERRIDING(gv, "peer_certificate") != NULL ? NULL : peer_cert(h, false);
}

/* UTF-8 of a name, valid as long as the statement. */
static const char *
utf8_of(pTHX_ SV *sv, STRLEN *len)
{
    const char *text;

    if (SvPOK(sv) && !SvGMAGICAL(sv)) {
        text = SvPVX_const(sv);
        *len = SvCUR(sv);
        if (SvUTF8(sv) || *len == 0 || is_ascii_string((const U8 *)text, *len))
            return text;
    }
    return copy_as_utf8(aTHX_ sv, len);
}

/* Would the certificate do for this name? */
static iossl_match
verify_name(pTHX_ SV *identity, X509 *cert, SV *scheme, SV *suffixes)
{
    iossl_scheme rules;
    STRLEN len;
    const char *utf8 = utf8_of(aTHX_ identity, &len);
    SV *callback;

    glue_scheme(aTHX_ scheme, &rules, &callback);
    return iossl_verify_name(utf8, len, cert, &rules, glue_suffix_list(aTHX_ suffixes), NULL);
}

/* A fingerprint as text, or its bytes; undef: the error is set. */
static SV *
fingerprint_of(pTHX_ X509 *cert, SV *algorithm, bool is_pubkey, bool is_binary)
{
    const char *name = SvOK(algorithm) ? SvPV_nolen_const(algorithm) : NULL;
    SV *result = &PL_sv_undef;
    iossl_status status;
    iossl_error *err;

    ENTER;
    err = scoped_error(aTHX);
    if (is_binary) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        size_t len;

        status = iossl_cert_digest(cert, name, is_pubkey, digest, &len, err);
        if (status == IOSSL_OK)
            result = newSVpvn_flags((const char *)digest, len, SVs_TEMP);
    } else {
        char *text;

        status = iossl_cert_fingerprint(&text, cert, name, is_pubkey, err);
        if (status == IOSSL_OK)
            result = take_text(aTHX_ text);
    }
    if (status != IOSSL_OK)
        glue_fail_without_handle(aTHX_ err);
    LEAVE;
    return result;
}

/* ---- Public suffixes --------------------------------------------------------------------------- */

/* Labels of ASCII text with one dot between them, and perhaps one at the end? */
static bool
is_plain_name(const char *text, STRLEN len)
{
    for (STRLEN i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80 || (text[i] == '.' && (i == 0 || text[i - 1] == '.')))
            return false;
    return len > 0;
}

/* Where the last n labels of a plain name without a dot at its end begin. */
static STRLEN
last_labels(const char *text, STRLEN len, size_t n)
{
    while (len > 0 && (text[len - 1] != '.' || --n > 0))
        len--;
    return len;
}

static iossl_session_cache *
need_cache(pTHX_ SV *sv)
{
    iossl_session_cache *cache = glue_session_cache_of(sv);

    if (cache == NULL)
        croak("an IO::Socket::SSL::Session_Cache object expected");
    return cache;
}

static const iossl_seal *
need_seal(pTHX_ SV *sv)
{
    const iossl_seal *seal = glue_seal_of(sv);

    if (seal == NULL)
        croak("an IO::Socket::SSL::Store object expected");
    return seal;
}

/* More than any client has servers. */
#define MOST_NEW_SOCKETS 10000

/* Since 1970; the year 10889. Sums and products of such numbers and a schedule's stay within 64 bits. */
#define MOST_SECONDS (INT64_C(1) << 48)

static iossl_ticket_schedule
need_schedule(pTHX_ IV rotate, IV keep, IV now)
{
    const iossl_ticket_schedule schedule = {.rotate_s = rotate, .keep = keep};

    if (rotate < 1 || rotate > INT32_MAX || keep < 0 || keep > INT32_MAX || now < 0
        || now > MOST_SECONDS)
        croak("rotate, keep: no schedule of ticket keys");
    return schedule;
}

static iossl_ocsp_cache *
need_ocsp_cache(pTHX_ SV *sv)
{
    iossl_ocsp_cache *cache = glue_ocsp_cache_of(sv);

    if (cache == NULL)
        croak("an IO::Socket::SSL::OCSP_Cache object expected");
    return cache;
}

/* Where an entry of a cache goes. */
typedef struct {
#ifdef MULTIPLICITY
    PerlInterpreter *perl;
#endif
    HV *hash;
} entry_to;

static void
take_entry(void *arg, const iossl_ocsp_entry *entry)
{
    entry_to *to = arg;
#ifdef MULTIPLICITY
    dTHXa(to->perl);
#endif

    to->hash = glue_ocsp_hash(aTHX_ entry);
}

/* A mortal reference to what a cache has under a key; undef: nothing. */
static SV *
entry_of(pTHX_ iossl_ocsp_cache *cache, const char *key, STRLEN len)
{
    entry_to to;

#ifdef MULTIPLICITY
    to.perl = aTHX;
#endif
    to.hash = NULL;
    (void)iossl_ocsp_cache_get(cache, key, len, take_entry, &to);
    return to.hash == NULL ? &PL_sv_undef : sv_2mortal(newRV_noinc((SV *)to.hash));
}

/* Calls a function that reports into err, and croaks with its words if it fails. */
#define CHECK(call)                                                             \
    STMT_START {                                                                \
        iossl_error *err;                                                       \
        ENTER;                                                                  \
        err = scoped_error(aTHX);                                               \
        if ((call) != IOSSL_OK) {                                               \
            errno = iossl_error_get_errno(err);                                 \
            glue_croak(aTHX_ glue_text(aTHX_ iossl_error_message(err)));        \
        }                                                                       \
        LEAVE;                                                                  \
    } STMT_END

MODULE = IO::Socket::SSL    PACKAGE = IO::Socket::SSL

PROTOTYPES: DISABLE

BOOT:
    glue_boot(aTHX);

#ifdef USE_ITHREADS

void
CLONE(...)
  CODE:
    PERL_UNUSED_VAR(items);
    glue_clone(aTHX);

#endif

INCLUDE: socket.xsi

INCLUDE: tls.xsi

INCLUDE: binding.xsi

INCLUDE: handle.xsi

INCLUDE: context.xsi

INCLUDE: session.xsi

INCLUDE: store.xsi

INCLUDE: ocsp.xsi

INCLUDE: suffix.xsi

INCLUDE: utils.xsi

INCLUDE: certs.xsi
