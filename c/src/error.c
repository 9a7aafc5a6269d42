/*
 * error.c - what went wrong, with what, why, and what to do; one object a caller can keep.
 *
 * Owns      the rule of ranks, the text, the flattening of OpenSSL's queue.
 * Promises  setting an error never fails: where no memory is left for a sentence, a constant one
 *           stands in. The calling thread's OpenSSL queue is empty after iossl_error_set_openssl.
 * Leaves    what an error means for a Perl program to xs/glue/status.
 * See       ERR_get_error(3).
 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "compat.h"

struct iossl_error {
    iossl_error_code code;
    iossl_error_rank rank;
    int errnum;
    int verify_code;
    char *message;          /* owned; NULL while message_constant stands in */
    char *reasons;          /* owned; NULL where OpenSSL had none */
    const char *message_constant;

    /* What it is about. */
    bool has_alert, alert_was_sent;
    int alert;
    int depth;              /* of cert */
    X509 *cert;             /* a reference; NULL: none */
    STACK_OF(X509) *chain;  /* owned, as are its certificates */
    char *name, *name_source, *remedy;      /* owned; NULL: none */
};

static const char OUT_OF_MEMORY[] = "out of memory";

iossl_error *
iossl_error_new(void)
{
    return calloc(1, sizeof(iossl_error));
}

void
iossl_error_free(iossl_error *err)
{
    iossl_error_clear(err);
    free(err);
}

void
iossl_error_clear(iossl_error *err)
{
    if (err == NULL || err->code == IOSSL_E_NONE)
        return;
    free(err->message);
    free(err->reasons);
    X509_free(err->cert);
    sk_X509_pop_free(err->chain, X509_free);
    free(err->name);
    free(err->name_source);
    free(err->remedy);
    memset(err, 0, sizeof *err);
}

iossl_error_code
iossl_error_get_code(const iossl_error *err)
{
    return err == NULL ? IOSSL_E_NONE : err->code;
}

iossl_error_rank
iossl_error_get_rank(const iossl_error *err)
{
    return err == NULL ? IOSSL_RANK_FALLBACK : err->rank;
}

int
iossl_error_get_errno(const iossl_error *err)
{
    return err == NULL ? 0 : err->errnum;
}

int
iossl_error_get_verify_code(const iossl_error *err)
{
    return err == NULL ? 0 : err->verify_code;
}

const char *
iossl_error_message(const iossl_error *err)
{
    if (err == NULL || err->code == IOSSL_E_NONE)
        return "";
    return err->message != NULL ? err->message : err->message_constant;
}

const char *
iossl_error_reasons(const iossl_error *err)
{
    return err == NULL || err->reasons == NULL ? "" : err->reasons;
}

/* Is there a place for an error of this rank? */
static bool
takes(const iossl_error *err, iossl_error_rank rank)
{
    return err != NULL && (err->code == IOSSL_E_NONE || rank >= err->rank);
}

/* A newly allocated "text" + "tail", NULL where memory is out. */
static char *
format_message(const char *tail, const char *fmt, va_list args)
{
    va_list again;
    char *text = NULL;
    size_t size;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0)
        return NULL;
    size = (size_t)len + strlen(tail) + 1;
    if ((text = malloc(size)) == NULL)
        return NULL;
    (void)vsnprintf(text, (size_t)len + 1, fmt, args);
    memcpy(text + len, tail, strlen(tail) + 1);
    return text;
}

/* Fills an error for which takes() holds; message and reasons are owned from now on. */
static void
fill(iossl_error *err, iossl_error_code code, iossl_error_rank rank, int errnum, char *message,
     char *reasons)
{
    iossl_error_clear(err);
    err->code = code;
    err->rank = rank;
    err->errnum = errnum;
    err->message = message;
    err->message_constant = OUT_OF_MEMORY;
    err->reasons = reasons;
}

void
iossl_error_set(iossl_error *err, iossl_error_code code, iossl_error_rank rank, const char *fmt,
                ...)
{
    va_list args;

    if (!takes(err, rank))
        return;
    va_start(args, fmt);
    fill(err, code, rank, 0, format_message("", fmt, args), NULL);
    va_end(args);
}

void
iossl_error_set_errno(iossl_error *err, iossl_error_code code, iossl_error_rank rank, int errnum,
                      const char *fmt, ...)
{
    char reason[256];
    char tail[sizeof reason + 2];
    va_list args;

    if (!takes(err, rank))
        return;
    tail[0] = '\0';
    if (errnum != 0) {
        iossl_compat_errno_text(reason, sizeof reason, errnum);
        (void)snprintf(tail, sizeof tail, ": %s", reason);
    }
    va_start(args, fmt);
    fill(err, code, rank, errnum, format_message(tail, fmt, args), NULL);
    va_end(args);
}

void
iossl_error_append(iossl_error *err, const char *fmt, ...)
{
    char *more, *longer;
    va_list args;
    size_t len;

    if (err == NULL || err->message == NULL)
        return;
    va_start(args, fmt);
    more = format_message("", fmt, args);
    va_end(args);
    if (more == NULL)
        return;
    len = strlen(err->message);
    if ((longer = realloc(err->message, len + strlen(more) + 1)) != NULL) {
        memcpy(longer + len, more, strlen(more) + 1);
        err->message = longer;
    }
    free(more);
}

void
iossl_error_reword(iossl_error *err, const char *from, const char *to)
{
    size_t old = strlen(from), new = strlen(to), rest;
    char *message;

    if (err == NULL || err->message == NULL || strncmp(err->message, from, old) != 0)
        return;
    rest = strlen(err->message + old) + 1;
    if ((message = malloc(new + rest)) == NULL)
        return;
    memcpy(message, to, new);
    memcpy(message + new, err->message + old, rest);
    free(err->message);
    err->message = message;
}

/*
 * Takes everything out of the calling thread's queue, oldest first, as " error:..." for each entry;
 * details that OpenSSL adds to an entry ("...:Filename=x") follow it in parentheses.
 * NULL where memory is out; the queue is empty in any case.
 */
static char *
drain_queue(void)
{
    char *text = calloc(1, 1);
    size_t len = 0;
    iossl_compat_errors errors;

    iossl_compat_errors_take(&errors);
    /* Without this, the reasons of libssl are numbers until the first SSL_CTX is made. It reads openssl.cnf,
     * for which older OpenSSLs empty the queue. */
    (void)OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
    ERR_clear_error();
    for (size_t i = 0; i < errors.n; i++) {
        char entry[512], *data = errors.data[i];
        size_t need;
        char *longer;
        int n;

        ERR_error_string_n(errors.code[i], entry, 256);
        if (data != NULL && data[0] != '\0') {
            size_t used = strlen(entry);

            (void)snprintf(entry + used, sizeof entry - used, " (%s)", data);
        }
        free(data);
        if (text == NULL)
            continue;
        need = len + strlen(entry) + 2;
        if ((longer = realloc(text, need)) == NULL) {
            free(text);
            text = NULL;
            continue;
        }
        text = longer;
        n = snprintf(text + len, need - len, " %s", entry);
        len += n > 0 ? (size_t)n : 0;
    }
    return text;
}

void
iossl_error_set_openssl(iossl_error *err, iossl_error_code code, iossl_error_rank rank,
                        const char *fmt, ...)
{
    char *tail;
    va_list args;

    if (!takes(err, rank)) {
        ERR_clear_error();
        return;
    }
    tail = drain_queue();
    va_start(args, fmt);
    fill(err, code, rank, 0, format_message(tail != NULL ? tail : "", fmt, args), NULL);
    va_end(args);
    if (tail != NULL && tail[0] == ' ') {
        memmove(tail, tail + 1, strlen(tail));      /* the terminating NUL moves too */
        err->reasons = tail;
    } else {
        free(tail);
    }
}

void
iossl_error_memory(iossl_error *err)
{
    ERR_clear_error();
    if (takes(err, IOSSL_RANK_FATAL))
        fill(err, IOSSL_E_MEMORY, IOSSL_RANK_FATAL, 0, NULL, NULL);
}

bool
iossl_error_drain_memory(void)
{
    bool is_out_of_memory = false;
    unsigned long code;

    while ((code = ERR_get_error()) != 0)
        is_out_of_memory = is_out_of_memory || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    return is_out_of_memory;
}

void
iossl_error_set_verify_code(iossl_error *err, int verify_code)
{
    if (err != NULL)
        err->verify_code = verify_code;
}

void
iossl_error_set_errnum(iossl_error *err, int errnum)
{
    if (err != NULL)
        err->errnum = errnum;
}

/* ---- What an error is about ------------------------------------------------------------------ */

const char *
iossl_error_code_name(iossl_error_code code)
{
    static const char *const NAMES[] = {
        [IOSSL_E_NONE] = "none",           [IOSSL_E_MEMORY] = "memory",
        [IOSSL_E_USAGE] = "usage",         [IOSSL_E_OPTION] = "option",
        [IOSSL_E_UNSUPPORTED] = "unsupported", [IOSSL_E_FILE] = "file",
        [IOSSL_E_CERT] = "cert",           [IOSSL_E_KEY] = "key",
        [IOSSL_E_CA] = "ca",               [IOSSL_E_CRL] = "crl",
        [IOSSL_E_HANDSHAKE] = "handshake", [IOSSL_E_VERIFY] = "verify",
        [IOSSL_E_NAME] = "name",           [IOSSL_E_NO_NAME] = "no_name",
        [IOSSL_E_PIN] = "pin",             [IOSSL_E_REVOKED] = "revoked",
        [IOSSL_E_READ] = "read",           [IOSSL_E_WRITE] = "write",
        [IOSSL_E_TRUNCATED] = "truncated", [IOSSL_E_SHUTDOWN] = "shutdown",
        [IOSSL_E_STATE] = "state",         [IOSSL_E_SYSTEM] = "system",
        [IOSSL_E_CALLBACK] = "callback",   [IOSSL_E_RESOLVE] = "resolve",
        [IOSSL_E_CONNECT] = "connect",     [IOSSL_E_TIMEOUT] = "timeout",
    };
    size_t i = (size_t)code;

    return i < sizeof NAMES / sizeof NAMES[0] && NAMES[i] != NULL ? NAMES[i] : "unknown";
}

int
iossl_error_get_alert(const iossl_error *err, bool *was_sent)
{
    bool has_alert = err != NULL && err->has_alert;

    if (was_sent != NULL)
        *was_sent = has_alert && err->alert_was_sent;
    return has_alert ? err->alert : -1;
}

X509 *
iossl_error_get0_cert(const iossl_error *err, int *depth)
{
    bool has_cert = err != NULL && err->cert != NULL;

    if (depth != NULL)
        *depth = has_cert ? err->depth : -1;
    return has_cert ? err->cert : NULL;
}

STACK_OF(X509) *
iossl_error_get0_chain(const iossl_error *err)
{
    return err == NULL ? NULL : err->chain;
}

const char *
iossl_error_get0_name(const iossl_error *err, const char **source)
{
    if (source != NULL)
        *source = err == NULL ? NULL : err->name_source;
    return err == NULL ? NULL : err->name;
}

const char *
iossl_error_get0_remedy(const iossl_error *err)
{
    return err == NULL ? NULL : err->remedy;
}

static bool
is_set(const iossl_error *err)
{
    return err != NULL && err->code != IOSSL_E_NONE;
}

static void
replace(char **slot, const char *text)
{
    free(*slot);
    *slot = text == NULL || text[0] == '\0' ? NULL : strdup(text);
}

void
iossl_error_set_alert(iossl_error *err, int alert, bool was_sent)
{
    if (!is_set(err))
        return;
    err->has_alert = true;
    err->alert = alert;
    err->alert_was_sent = was_sent;
}

void
iossl_error_set_cert(iossl_error *err, X509 *cert, int depth)
{
    if (!is_set(err) || cert == NULL)
        return;
    X509_up_ref(cert);
    X509_free(err->cert);
    err->cert = cert;
    err->depth = depth;
}

void
iossl_error_set_chain(iossl_error *err, STACK_OF(X509) *chain)
{
    if (!is_set(err) || chain == NULL)
        return;
    sk_X509_pop_free(err->chain, X509_free);
    err->chain = X509_chain_up_ref(chain);
}

void
iossl_error_set_name(iossl_error *err, const char *name, const char *source)
{
    if (!is_set(err))
        return;
    replace(&err->name, name);
    replace(&err->name_source, source);
}

void
iossl_error_set_remedy(iossl_error *err, const char *remedy)
{
    if (is_set(err))
        replace(&err->remedy, remedy);
}

void
iossl_error_copy_subject(iossl_error *dst, const iossl_error *src)
{
    if (!is_set(dst) || src == NULL)
        return;
    if (src->has_alert)
        iossl_error_set_alert(dst, src->alert, src->alert_was_sent);
    iossl_error_set_cert(dst, src->cert, src->depth);
    iossl_error_set_chain(dst, src->chain);
    iossl_error_set_name(dst, src->name, src->name_source);
    iossl_error_set_remedy(dst, src->remedy);
}

/* ---- Copies ---------------------------------------------------------------------------------- */

void
iossl_error_copy(iossl_error *dst, const iossl_error *src)
{
    char *message, *reasons;

    if (src == NULL || src->code == IOSSL_E_NONE || dst == src || !takes(dst, src->rank))
        return;
    message = src->message == NULL ? NULL : strdup(src->message);
    reasons = src->reasons == NULL ? NULL : strdup(src->reasons);
    fill(dst, src->code, src->rank, src->errnum, message, reasons);
    dst->verify_code = src->verify_code;
    iossl_error_copy_subject(dst, src);
}

iossl_error *
iossl_error_dup(const iossl_error *src)
{
    iossl_error *copy;

    if (iossl_error_get_code(src) == IOSSL_E_NONE || (copy = iossl_error_new()) == NULL)
        return NULL;
    iossl_error_copy(copy, src);
    return copy;
}

void
iossl_free(void *p)
{
    free(p);
}
