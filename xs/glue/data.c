/*
 * data.c - reading and writing: from the scalars of Perl straight into libiossl and back.
 *
 * Owns      buffers, offsets, separators and wide characters as Perl has them; what a close_notify of
 *           the peer does to the handle.
 * Promises  no copy between the scalar and OpenSSL but where the scalar forces one (UTF-8, magic); a
 *           scalar that is written is never changed; no system call beyond the transfer itself.
 * Leaves    how results are told to status.c.
 *
 * Every call waits as the descriptor does (IOSSL_AS_FD). A signal ends sysread and syswrite, as it does
 * with plain handles; everything that has to complete goes on after the handler has run.
 *
 * Ends of the stream
 *   close_notify  we answer it; afterwards reading gives 0, writing EPERM, until stop_SSL or close: what
 *                 follows on the wire isn't encrypted, and must not be taken for it. Looking for a line,
 *                 and peek, leave the answer to what comes next: a peer that has ended its side only
 *                 (a request that ends so) can be written to until then.
 *   truncated     is the end as well, without an error, since many peers just close.
 */
#include "data.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "outer.h"
#include "status.h"

/* RFC 8446 section 5.1: no record carries more, so no read of one gives more. */
#define MAX_RECORD 16384

/* Perl code is about to run (a callback, handler, magic, overloading), which may throw away the
 * handle: a mortal keeps h until the statement is over. */
static void
keep(pTHX_ const glue_handle *h)
{
    sv_2mortal(SvREFCNT_inc_simple_NN((SV *)h->owner));
}

/* ---- The transfer itself ---------------------------------------------------------------------- */

typedef enum { READ, PEEK, WRITE, WRITE_ALL } transfer_kind;

static iossl_status
transfer_once(glue_handle *h, transfer_kind kind, char *buf, size_t len, size_t *done)
{
    iossl_conn_set_app_data(h->conn, h);    /* a thread's copy of the handle has one of its own */
    switch (kind) {
    case READ:
        return iossl_read(h->conn, buf, len, done, IOSSL_AS_FD, h->err);
    case PEEK:
        return iossl_peek(h->conn, buf, len, done, IOSSL_AS_FD, h->err);
    case WRITE:
        return iossl_write(h->conn, buf, len, done, IOSSL_AS_FD, h->err);
    default:
        return iossl_write_all(h->conn, buf, len, done, IOSSL_AS_FD, h->err);
    }
}

/* The same where Perl code may run inside, and do anything to the handle. */
static iossl_status
transfer(pTHX_ glue_handle *h, transfer_kind kind, char *buf, size_t len, size_t *done)
{
    iossl_status status;

    if (!h->calls_back)
        return transfer_once(h, kind, buf, len, done);
    keep(aTHX_ h);
    ENTER;
    glue_guard(aTHX_ h);
    status = transfer_once(h, kind, buf, len, done);
    if (h->exception != NULL)
        glue_rethrow(aTHX_ h);
    LEAVE;
    return status;
}

/* Does looking at this argument run Perl code? */
static bool
runs_code(const SV *sv)
{
    return sv != NULL && (SvGMAGICAL(sv) || SvROK(sv));
}

/* A number that may be tied, undef or missing. */
static IV
number_of(pTHX_ SV *sv)
{
    if (sv == NULL)
        return 0;
    SvGETMAGIC(sv);
    return SvOK(sv) ? SvIV_nomg(sv) : 0;
}

/* A signal has arrived: runs its handler. False: the handle is gone, or no longer ours, after it. */
static bool
run_signal_handlers(pTHX_ glue_handle *h)
{
    keep(aTHX_ h);
    PERL_ASYNC_CHECK();
    return h->conn != NULL;
}

static SSize_t
closed_meanwhile(void)
{
    errno = EBADF;
    return GLUE_FAILED;
}

/* Takes a function's failure to Perl. */
static SSize_t
failed(pTHX_ glue_handle *h, iossl_status status)
{
    glue_fail(aTHX_ h, status);
    return GLUE_FAILED;
}

static bool
is_truncated(const glue_handle *h, iossl_status status)
{
    return status == IOSSL_ERROR && iossl_error_get_code(h->err) == IOSSL_E_TRUNCATED;
}

/* ---- Plain data around TLS -------------------------------------------------------------------- */

static int
descriptor(const glue_handle *h)
{
    return iossl_conn_get_fd(h->conn);
}

/* One read(2) or write(2), told as Perl would. */
static SSize_t
plain_result(ssize_t n)
{
    return n < 0 ? GLUE_FAILED : (SSize_t)n;
}

/* Calls a method of the object with one argument pair; its answer is mortal. */
static SV *
call_on_self(pTHX_ glue_handle *h, SV *code, const char *method, const char *option)
{
    dSP;
    SV *answer;

    PUSHSTACKi(PERLSI_MAGIC);   /* so that "last" finds no loop outside, in the program */
    PUSHMARK(SP);
    XPUSHs(glue_self(aTHX_ h));
    if (option != NULL) {
        mXPUSHp(option, strlen(option));
        mXPUSHi(1);
    }
    PUTBACK;
    if (code != NULL)
        call_sv(code, G_SCALAR);
    else
        call_method(method, G_SCALAR);
    SPAGAIN;
    answer = POPs;
    PUTBACK;
    POPSTACK;
    return answer;
}

static SV *
on_peer_shutdown(pTHX_ const glue_handle *h)
{
    SV **args = hv_fetchs(GvHVn(h->owner), "_SSL_arguments", 0);
    SV **code;

    if (args == NULL || !SvROK(*args) || SvTYPE(SvRV(*args)) != SVt_PVHV)
        return NULL;
    code = hv_fetchs((HV *)SvRV(*args), "SSL_on_peer_shutdown", 0);
    return code != NULL && SvROK(*code) ? *code : NULL;
}

/* A read after the one that found the end. What waits now is no data of the connection that was verified;
 * where nothing waits, a non-blocking socket says so, and a blocking one is not kept waiting. A handle
 * below can only tell what it has at hand. */
static SSize_t
after_the_end(pTHX_ glue_handle *h)
{
    int fd = descriptor(h);
    char byte;
    ssize_t n = h->is_over_handle ? glue_outer_pending(aTHX_ h->owner) > 0
                                  : recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n > 0) {
        errno = EPERM;
        return GLUE_FAILED;
    }
    if (n < 0 && errno == EAGAIN && (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0)
        return failed(aTHX_ h, IOSSL_WANT_READ);
    errno = 0;
    return 0;
}

/* The peer has ended its stream by a close_notify; the answer of the read that found out. */
static SSize_t
ended_by_peer(pTHX_ glue_handle *h)
{
    SV *code;

    if (h->write_is_plain) {
        /* We were the first to end: now both have, and TLS is over. */
        (void)call_on_self(aTHX_ h, NULL, "stop_SSL", "SSL_no_shutdown");
        errno = 0;
        return 0;
    }
    if (iossl_conn_sent_close(h->conn))
        return after_the_end(aTHX_ h);
    if ((code = on_peer_shutdown(aTHX_ h)) != NULL) {
        SV *answer;

        h->read_is_plain = true;
        answer = call_on_self(aTHX_ h, code, NULL, NULL);
        return SvOK(answer) ? (SSize_t)SvIV(answer) : GLUE_FAILED;
    }
    /* Never waits: a peer that has no room for it doesn't get it. */
    ENTER;
    glue_guard(aTHX_ h);
    if (iossl_shutdown(h->conn, false, IOSSL_POLL, h->err) != IOSSL_OK)
        iossl_error_clear(h->err);
    if (h->exception != NULL)
        glue_rethrow(aTHX_ h);
    LEAVE;
    errno = 0;
    return 0;
}

/* Is it enough to say that the stream has ended? Not where the program has ended TLS before the peer, or
 * wants to be told. */
static bool
may_leave_open(pTHX_ const glue_handle *h)
{
    return h->conn != NULL && !h->write_is_plain && !iossl_conn_sent_close(h->conn)
           && on_peer_shutdown(aTHX_ h) == NULL;
}

/* The end of what a read operation gives: 0 at the end of the stream, else GLUE_FAILED. */
static SSize_t
read_ended(pTHX_ glue_handle *h, iossl_status status)
{
    if (status == IOSSL_EOF)
        return ended_by_peer(aTHX_ h);
    if (is_truncated(h, status)) {
        iossl_error_clear(h->err);
        errno = 0;
        return 0;
    }
    return failed(aTHX_ h, status);
}

/* ---- Buffers ---------------------------------------------------------------------------------- */

/* Where bytes go: straight into the program's scalar, or into one of ours that is moved over later. */
typedef struct {
    SV *sv;             /* what grows */
    size_t start;       /* where the new bytes begin in it */
    SV *target;         /* the program's scalar, where sv isn't it */
    size_t keep;        /* target's characters to keep before the new ones */
} read_buffer;

/* Offsets count from the end if negative; Perl's own words where they can't be. */
static size_t
resolve_offset(pTHX_ IV offset, size_t len)
{
    if (offset >= 0)
        return (size_t)offset;
    if (0 - (size_t)offset > len)       /* there is no -offset of the least one */
        Perl_croak(aTHX_ "Offset outside string");
    return len + (size_t)offset;
}

/* Makes a string of the scalar that can be written into; its length in bytes. Croaks where read-only. */
static STRLEN
force_string(pTHX_ SV *sv)
{
    STRLEN len;

    if (!SvOK(sv))
        sv_setpvs(sv, "");
    (void)SvPV_force_nomg(sv, len);
    return len;
}

static void
open_buffer(pTHX_ read_buffer *b, SV *buf, SV *offset_sv)
{
    IV offset = number_of(aTHX_ offset_sv);
    STRLEN len = force_string(aTHX_ buf);

    if (SvUTF8(buf) && offset != 0) {
        /* Offsets count characters: put together at the end. */
        size_t chars = sv_len_utf8(buf);

        *b = (read_buffer){.sv = sv_2mortal(newSVpvs("")), .target = buf,
                           .keep = resolve_offset(aTHX_ offset, chars)};
        return;
    }
    *b = (read_buffer){.sv = buf, .start = resolve_offset(aTHX_ offset, len)};
}

/* Room for n more bytes after `have`, and a NUL. */
static char *
room(pTHX_ read_buffer *b, size_t have, size_t n)
{
    size_t needed = b->start + have + n + 1;
    char *bytes;
    STRLEN cur = force_string(aTHX_ b->sv);     /* Perl code may have made anything of it since */

    if (needed < n)
        Perl_croak(aTHX_ "Out of memory in a read of %" UVuf " bytes", (UV)n);
    bytes = SvGROW(b->sv, needed);
    if (b->start + have > cur)
        Zero(bytes + cur, b->start + have - cur, char);
    return bytes + b->start + have;
}

/* n bytes have come so far, and Perl code may run before the next: they are a whole string, without what
 * was behind them, and no longer UTF-8. */
static void
cut(pTHX_ const read_buffer *b, size_t n)
{
    SvCUR_set(b->sv, b->start + n);
    *SvEND(b->sv) = '\0';
    (void)SvPOK_only(b->sv);
}

/* n bytes have come, and that is all. */
static void
close_buffer(pTHX_ read_buffer *b, size_t n)
{
    if (b->start > SvCUR(b->sv) || !SvPOK(b->sv) || SvTHINKFIRST(b->sv))
        (void)room(aTHX_ b, n, 0);
    cut(aTHX_ b, n);
    if (b->target != NULL) {
        size_t chars = sv_len_utf8(b->target);

        while (chars < b->keep) {
            sv_catpvn(b->target, "\0", 1);
            chars++;
        }
        if (chars > b->keep) {
            U8 *s = (U8 *)SvPVX(b->target);
            size_t bytes = (size_t)(utf8_hop(s, (SSize_t)b->keep) - s);

            SvCUR_set(b->target, bytes);
            *SvEND(b->target) = '\0';
        }
        sv_catsv_nomg(b->target, b->sv);
        (void)SvPOK_only_UTF8(b->target);
    }
}

/* ---- Reading ---------------------------------------------------------------------------------- */

/* From the handle below, by the method of the same name. */
static SSize_t
read_outer(pTHX_ const glue_handle *h, SV *buf, SV *len, SV *offset, glue_read_kind kind)
{
    static const char *const METHOD[] = {
        [GLUE_READ_SOME] = "sysread", [GLUE_READ_ALL] = "read", [GLUE_PEEK] = "peek"};

    return glue_outer_call(aTHX_ h->owner, METHOD[kind], buf,
                           len == NULL ? sv_2mortal(newSViv(0)) : len, offset);
}

static SSize_t
read_plain(pTHX_ glue_handle *h, read_buffer *b, size_t len, glue_read_kind kind)
{
    size_t step = len < MAX_RECORD ? len : MAX_RECORD;
    char *to = room(aTHX_ b, 0, step);
    SSize_t n = plain_result(recv(descriptor(h), to, step, kind == GLUE_PEEK ? MSG_PEEK : 0));

    if (n >= 0)
        close_buffer(aTHX_ b, (size_t)n);
    return n;
}

static SSize_t
read_into(pTHX_ glue_handle *h, SV *buf, size_t len, SV *offset_sv, glue_read_kind kind)
{
    iossl_status status = IOSSL_OK;
    size_t got = 0;
    read_buffer b;
    SSize_t result;

    SvGETMAGIC(buf);
    open_buffer(aTHX_ &b, buf, offset_sv);
    glue_begin(aTHX);
    if (h->conn == NULL)            /* magic of the buffer closed the handle */
        return closed_meanwhile();
    if (h->read_is_plain) {
        result = read_plain(aTHX_ h, &b, len, kind);
        SvSETMAGIC(buf);
        return result;
    }
    do {
        size_t step = len - got < MAX_RECORD ? len - got : MAX_RECORD;
        size_t n;

        /* Code that runs inside could move the program's scalar away from under OpenSSL. */
        if (h->calls_back) {
            SV *own = sv_2mortal(newSV(step + 1));

            status = transfer(aTHX_ h, kind == GLUE_PEEK ? PEEK : READ, SvPVX(own), step, &n);
            if (n > 0)
                Copy(SvPVX(own), room(aTHX_ & b, got, n), n, char);
        } else {
            char *to = room(aTHX_ & b, got, got > step && got < len - got ? got : step);

            status = transfer(aTHX_ h, kind == GLUE_PEEK ? PEEK : READ, to, step, &n);
        }
        got += n;
        if (n > 0)
            cut(aTHX_ & b, got);
        if (status == IOSSL_INTERRUPTED && kind == GLUE_READ_ALL) {
            if (!run_signal_handlers(aTHX_ h))
                return closed_meanwhile();
            status = IOSSL_OK;
        }
    } while (kind == GLUE_READ_ALL && status == IOSSL_OK && got < len && h->conn != NULL);
    if (status == IOSSL_OK || got > 0) {
        iossl_error_clear(h->err);      /* it comes back at the next read */
        close_buffer(aTHX_ &b, got);
        errno = 0;
        result = (SSize_t)got;
    } else {
        bool is_end = status == IOSSL_EOF || is_truncated(h, status);

        result = kind == GLUE_PEEK && status == IOSSL_EOF && may_leave_open(aTHX_ h)
                     ? 0
                     : read_ended(aTHX_ h, status);
        if (is_end && result >= 0)
            close_buffer(aTHX_ &b, 0);
    }
    SvSETMAGIC(buf);
    return result;
}

SSize_t
glue_read(pTHX_ glue_handle *h, SV *buf, SV *len_sv, SV *offset_sv, glue_read_kind kind)
{
    IV len;

    if (runs_code(buf) || runs_code(len_sv) || runs_code(offset_sv))
        keep(aTHX_ h);
    if ((len = number_of(aTHX_ len_sv)) < 0)
        Perl_croak(aTHX_ "Negative length");
    if (h->read_is_plain && h->is_over_handle)
        return read_outer(aTHX_ h, buf, len_sv, offset_sv, kind);
    return read_into(aTHX_ h, buf, (size_t)len, offset_sv, kind);
}

SV *
glue_getc(pTHX_ glue_handle *h)
{
    SV *byte = newSVpvn_flags("", 0, SVs_TEMP);
    SSize_t n = h->read_is_plain ? glue_read(aTHX_ h, byte, sv_2mortal(newSViv(1)), NULL,
                                             GLUE_READ_ALL)
                                 : read_into(aTHX_ h, byte, 1, NULL, GLUE_READ_ALL);

    return n > 0 ? byte : NULL;
}

bool
glue_at_eof(pTHX_ glue_handle *h)
{
    iossl_status status;
    size_t n;
    char byte;

    do {
        if (h->conn == NULL)
            return true;
        if (iossl_pending(h->conn) > 0)
            return false;
        if (h->read_is_plain)
            return h->is_over_handle ? glue_outer_call(aTHX_ h->owner, "eof", NULL, NULL, NULL) != 0
                                     : recv(descriptor(h), &byte, 1, MSG_PEEK) == 0;
        status = transfer(aTHX_ h, PEEK, &byte, 1, &n);
        if (status == IOSSL_INTERRUPTED && !run_signal_handlers(aTHX_ h))
            return true;
    } while (status == IOSSL_INTERRUPTED);
    if (status == IOSSL_OK || status == IOSSL_WANT_READ || status == IOSSL_WANT_WRITE)
        return false;
    iossl_error_clear(h->err);          /* the next read tells */
    return true;
}

/* ---- Lines ------------------------------------------------------------------------------------ */

/* What $/ says. A text is kept by a mortal. */
static void
separator(pTHX_ iossl_separator *sep)
{
    SV *rs = PL_rs;
    STRLEN len;

    *sep = (iossl_separator){.kind = IOSSL_SEP_NONE};
    if (!SvOK(rs))
        return;
    if (SvROK(rs)) {
        IV size = SvIV(SvRV(rs));

        if (size <= 0)
            Perl_croak(aTHX_ "bad value in ref $/: %" IVdf, size);
        sep->kind = IOSSL_SEP_RECORD;
        sep->length = (size_t)size;
        return;
    }
    if (SvUTF8(rs)) {
        rs = sv_mortalcopy(rs);
        if (!sv_utf8_downgrade(rs, TRUE))
            Perl_ck_warner_d(aTHX_ packWARN(WARN_UTF8), "Wide character in %s", "$/");
    }
    sep->bytes = SvPV_const(rs, len);
    sep->length = len;
    sep->kind = len == 0 ? IOSSL_SEP_PARAGRAPH : IOSSL_SEP_STRING;
}

/* A copy of its own, where the program may change $/ meanwhile. */
static void
keep_separator(pTHX_ iossl_separator *sep)
{
    if (sep->kind == IOSSL_SEP_STRING)
        sep->bytes = SvPVX_const(newSVpvn_flags(sep->bytes, sep->length, SVs_TEMP));
}

/* As perl's own: $. counts, and belongs to the handle that was read last. */
static void
count_line(pTHX_ const glue_handle *h)
{
    IO *io = GvIO(h->owner);

    if (io != NULL) {
        IoLINES(io)++;
        IoFLAGS(io) |= IOf_NOLINE;
        PL_last_in_gv = h->owner;
    }
}

SV *
glue_empty_line(pTHX_ glue_handle *h)
{
    const IO *io = GvIO(h->owner);

    if (SvOK(PL_rs) || io == NULL || (IoFLAGS(io) & IOf_NOLINE) != 0)
        return NULL;
    count_line(aTHX_ h);
    return sv_2mortal(newSVpvs(""));
}

/* Lines of plain data, after stop_SSL of the peer: byte by byte, since nothing may be read ahead. */
static iossl_status
plain_piece(pTHX_ const glue_handle *h, const iossl_separator *sep, SV *line, char *byte, bool *done)
{
    size_t have = SvCUR(line) + 1;
    ssize_t n;

    if (h->is_over_handle) {
        SV *sv = sv_2mortal(newSVpvs(""));

        n = read_outer(aTHX_ h, sv, sv_2mortal(newSViv(1)), NULL, GLUE_READ_SOME);
        *byte = n > 0 && SvPOK(sv) && SvCUR(sv) > 0 ? *SvPVX_const(sv) : '\0';
    } else {
        n = recv(descriptor(h), byte, 1, 0);
    }
    if (n == 0)
        return IOSSL_EOF;
    if (n < 0)
        return errno == EINTR ? IOSSL_INTERRUPTED : IOSSL_WANT_READ;
    if (sep->kind == IOSSL_SEP_RECORD)
        *done = have >= sep->length;
    else if (sep->kind == IOSSL_SEP_STRING)
        *done = have >= sep->length && *byte == sep->bytes[sep->length - 1]
                && memcmp(SvEND(line) - (sep->length - 1), sep->bytes, sep->length - 1) == 0;
    else if (sep->kind == IOSSL_SEP_PARAGRAPH)
        *done = have >= 2 && *byte == '\n' && *(SvEND(line) - 1) == '\n';
    return IOSSL_OK;
}

static iossl_status
line_piece(pTHX_ glue_handle *h, const iossl_separator *sep, const char **piece, size_t *len,
           bool *done)
{
    iossl_status status;

    iossl_conn_set_app_data(h->conn, h);
    if (!h->calls_back)
        return iossl_read_line(h->conn, sep, piece, len, done, IOSSL_AS_FD, h->err);
    keep(aTHX_ h);
    ENTER;
    glue_guard(aTHX_ h);
    status = iossl_read_line(h->conn, sep, piece, len, done, IOSSL_AS_FD, h->err);
    if (h->exception != NULL)
        glue_rethrow(aTHX_ h);
    /* The piece lies in the connection, which a callback that closed the handle has let go. */
    if (status == IOSSL_OK && *len > 0)
        *piece = SvPVX_const(newSVpvn_flags(*piece, *len, SVs_TEMP));
    LEAVE;
    return status;
}

SV *
glue_read_line(pTHX_ glue_handle *h, bool is_list, bool *has_failed)
{
    SV *line = NULL;
    iossl_status status = IOSSL_OK;
    iossl_separator sep;
    bool done = false;

    *has_failed = false;
    if (SvGMAGICAL(PL_rs))
        keep(aTHX_ h);
    separator(aTHX_ &sep);
    if (h->calls_back || h->is_over_handle)
        keep_separator(aTHX_ &sep);
    glue_begin(aTHX);
    while (!done && h->conn != NULL) {
        const char *piece = NULL;
        char byte;
        size_t len = 0;

        if (h->read_is_plain) {
            line = line != NULL ? line : newSVpvn_flags("", 0, SVs_TEMP);
            status = plain_piece(aTHX_ h, &sep, line, &byte, &done);
            piece = &byte;
            len = status == IOSSL_OK ? 1 : 0;
        } else {
            status = line_piece(aTHX_ h, &sep, &piece, &len, &done);
        }
        if (status == IOSSL_OK) {
            if (line != NULL)
                sv_catpvn(line, piece, len);
            else
                line = newSVpvn_flags(piece, len, SVs_TEMP);
        } else if (status != IOSSL_INTERRUPTED) {
            break;
        } else if (keep_separator(aTHX_ & sep), !run_signal_handlers(aTHX_ h)) {
            *has_failed = true;
            closed_meanwhile();
            return NULL;
        }
    }
    switch (status) {
    case IOSSL_OK:
        break;
    case IOSSL_EOF:
        iossl_error_clear(h->err);
        if (line == NULL || SvCUR(line) == 0) {
            bool is_line = sep.kind == IOSSL_SEP_STRING || sep.kind == IOSSL_SEP_PARAGRAPH;

            *has_failed = !h->read_is_plain && h->conn != NULL
                          && iossl_conn_received_close(h->conn)
                          && (is_list || !is_line || !may_leave_open(aTHX_ h))
                          && ended_by_peer(aTHX_ h) == GLUE_FAILED;
            return NULL;
        }
        break;
    case IOSSL_WANT_READ:
    case IOSSL_WANT_WRITE:
        if (line != NULL && SvCUR(line) > 0) {
            /* A non-blocking handle gives what there is, and tells that it isn't all. */
            (void)failed(aTHX_ h, status);
            count_line(aTHX_ h);
            return line;
        }
        /* fall through */
    default:
        *has_failed = true;
        (void)failed(aTHX_ h, status);
        return NULL;
    }
    count_line(aTHX_ h);
    errno = 0;
    return line != NULL ? line : newSVpvn_flags("", 0, SVs_TEMP);
}

/* ---- Writing ---------------------------------------------------------------------------------- */

/*
 * The bytes of a text. One in UTF-8 is converted in a copy; where it has characters above 255, Perl's
 * own print warns and writes the UTF-8, and its syswrite dies.
 */
static const char *
bytes_of(pTHX_ SV *sv, STRLEN *len, const char *what, bool may_be_wide)
{
    bool is_overloaded = SvAMAGIC(sv);

    if (!SvUTF8(sv) && !is_overloaded)
        return SvPV_nomg_const(sv, *len);
    {
        SV *copy = sv_newmortal();

        /* An overloaded object has no flag of its own; its string has, and is made once. */
        if (is_overloaded) {
            sv_copypv(copy, sv);
        } else {
            const char *bytes = SvPV_nomg_const(sv, *len);

            sv_setpvn(copy, bytes, *len);
            SvUTF8_on(copy);
        }
        if (SvUTF8(copy) && !sv_utf8_downgrade(copy, TRUE)) {
            if (!may_be_wide)
                Perl_croak(aTHX_ "Wide character in %s", what);
            Perl_ck_warner_d(aTHX_ packWARN(WARN_UTF8), "Wide character in %s", what);
        }
        return SvPV_const(copy, *len);
    }
}

static bool
is_closed_for_writing(const glue_handle *h)
{
    return iossl_conn_received_close(h->conn) && iossl_conn_sent_close(h->conn)
           && !h->read_is_plain && !h->write_is_plain;
}

/* What is written, out of reach of Perl code that runs meanwhile. */
static const char *
own_copy(pTHX_ const char *bytes, size_t len)
{
    return SvPVX_const(newSVpvn_flags(bytes, len, SVs_TEMP));
}

static SSize_t
write_plain(pTHX_ glue_handle *h, const char *bytes, size_t len, transfer_kind kind)
{
    size_t done = 0;

    do {
        ssize_t n = h->is_over_handle
                        ? glue_outer_call(aTHX_ h->owner, "syswrite",
                                          sv_2mortal(newSVpvn(bytes + done, len - done)), NULL, NULL)
                        : write(descriptor(h), bytes + done, len - done);

        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EINTR && kind == WRITE_ALL) {
            bytes = own_copy(aTHX_ bytes, len);
            if (!run_signal_handlers(aTHX_ h))
                return closed_meanwhile();
        } else {
            break;
        }
    } while (kind == WRITE_ALL && done < len);
    return done > 0 || len == 0 ? (SSize_t)done : GLUE_FAILED;
}

static SSize_t
write_bytes(pTHX_ glue_handle *h, const char *bytes, size_t len, transfer_kind kind)
{
    iossl_status status = IOSSL_OK;
    bool is_own = false;
    size_t done = 0;

    if (h->conn == NULL)
        return closed_meanwhile();
    if (kind == WRITE && len > MAX_RECORD)
        len = MAX_RECORD;
    if (h->calls_back || h->is_over_handle)
        bytes = own_copy(aTHX_ bytes, len);
    if (h->write_is_plain)
        return write_plain(aTHX_ h, bytes, len, kind);
    if (is_closed_for_writing(h)) {
        errno = EPERM;
        return GLUE_FAILED;
    }
    while (done < len) {
        size_t n;

        /* Not changed: libiossl takes it as const, this function serves both directions. */
        status = transfer(aTHX_ h, kind, (char *)bytes + done, len - done, &n);
        done += n;
        if (status == IOSSL_INTERRUPTED && kind == WRITE_ALL) {
            if (!is_own) {
                bytes = own_copy(aTHX_ bytes, len);
                is_own = true;
            }
            if (!run_signal_handlers(aTHX_ h))
                return closed_meanwhile();
        } else if (status != IOSSL_OK || kind == WRITE) {
            break;
        }
    }
    if (status == IOSSL_OK || (done > 0 && status != IOSSL_ERROR)) {
        errno = 0;
        return (SSize_t)done;
    }
    (void)failed(aTHX_ h, status);
    if (status == IOSSL_ERROR && errno == 0) {
        /* Of no bytes the kernel makes nothing but SIGPIPE, and that only where the peer is gone: a
         * program that never looks at results ends as with any other socket. But not by the first write:
         * what a read before it has come to know, the kernel would tell this one by an errno. */
        if (h->conn != NULL && !h->is_over_handle && h->has_failed_to_write)
            (void)send(descriptor(h), "", 0, 0);
        errno = EPIPE;
    }
    h->has_failed_to_write = status == IOSSL_ERROR;
    return GLUE_FAILED;
}

/* The part of buf that len and offset name; NULL: there is none (the error is set). */
static const char *
part_of(pTHX_ glue_handle *h, SV *buf, SV *len_sv, SV *offset_sv, size_t *len, const char *what)
{
    STRLEN size = 0;
    const char *bytes = "";
    IV wanted, offset;
    size_t start;

    if (runs_code(buf) || runs_code(len_sv) || runs_code(offset_sv))
        keep(aTHX_ h);
    wanted = number_of(aTHX_ len_sv);
    offset = number_of(aTHX_ offset_sv);
    if (wanted < 0)
        Perl_croak(aTHX_ "Negative length");
    SvGETMAGIC(buf);
    if (SvOK(buf))
        bytes = bytes_of(aTHX_ buf, &size, what, false);
    start = resolve_offset(aTHX_ offset, size);
    glue_begin(aTHX);
    if (start > size) {
        glue_set_error(aTHX_ h, glue_error_sv(aTHX_ "Invalid offset for SSL write"),
                       IOSSL_RANK_IO);
        errno = EINVAL;
        return NULL;
    }
    /* A length of 0 has always meant the rest. */
    *len = wanted == 0 || (size_t)wanted > size - start ? size - start : (size_t)wanted;
    return bytes + start;
}

SSize_t
glue_syswrite(pTHX_ glue_handle *h, SV *buf, SV *len_sv, SV *offset_sv)
{
    size_t len = 0;
    const char *bytes = part_of(aTHX_ h, buf, len_sv, offset_sv, &len, "syswrite");

    return bytes == NULL ? GLUE_FAILED : write_bytes(aTHX_ h, bytes, len, WRITE);
}

SSize_t
glue_write(pTHX_ glue_handle *h, SV *buf, SV *len_sv, SV *offset_sv)
{
    size_t len = 0;
    const char *bytes = part_of(aTHX_ h, buf, len_sv, offset_sv, &len, "write");

    return bytes == NULL ? GLUE_FAILED : write_bytes(aTHX_ h, bytes, len, WRITE_ALL);
}

SSize_t
glue_put(pTHX_ glue_handle *h, SV *sv, const char *what)
{
    STRLEN len;
    const char *bytes;

    if (runs_code(sv))
        keep(aTHX_ h);
    SvGETMAGIC(sv);
    bytes = bytes_of(aTHX_ sv, &len, what, true);
    glue_begin(aTHX);
    return write_bytes(aTHX_ h, bytes, len, WRITE_ALL);
}

static void
append_bytes(pTHX_ SV *to, SV *sv)
{
    STRLEN len;
    const char *bytes;

    SvGETMAGIC(sv);
    bytes = bytes_of(aTHX_ sv, &len, "print", true);
    sv_catpvn(to, bytes, len);
}

SSize_t
glue_print(pTHX_ glue_handle *h, SV **items, SSize_t n)
{
    SV *between = PL_ofsgv == NULL ? NULL : GvSV(PL_ofsgv);
    SV *joined;

    if (n == 1 && (PL_ors_sv == NULL || !SvOK(PL_ors_sv)))
        return glue_put(aTHX_ h, items[0], "print");
    /* One record, not one for each item. */
    keep(aTHX_ h);
    joined = sv_2mortal(newSVpvs(""));
    for (SSize_t i = 0; i < n; i++) {
        if (i > 0 && between != NULL && SvOK(between))
            append_bytes(aTHX_ joined, between);
        append_bytes(aTHX_ joined, items[i]);
    }
    if (PL_ors_sv != NULL && SvOK(PL_ors_sv))
        append_bytes(aTHX_ joined, PL_ors_sv);
    return glue_put(aTHX_ h, joined, "print");
}
