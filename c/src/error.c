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
    if (err == NULL)
        return;
    free(err->message);
    free(err->reasons);
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
    unsigned long code;
    const char *data;
    int flags;

    /* Without this, the reasons of libssl are numbers until the first SSL_CTX is made. */
    (void)OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
    while ((code = iossl_compat_get_error(&data, &flags)) != 0) {
        char entry[512];
        size_t need;
        char *longer;
        int n;

        ERR_error_string_n(code, entry, 256);
        if ((flags & ERR_TXT_STRING) != 0 && data != NULL && data[0] != '\0') {
            size_t used = strlen(entry);

            (void)snprintf(entry + used, sizeof entry - used, " (%s)", data);
        }
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
