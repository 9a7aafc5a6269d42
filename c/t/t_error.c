/*
 * t_error.c - the most specific cause is what remains, and OpenSSL's queue never does.
 */
#include <errno.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "error.h"
#include "support_openssl.h"
#include "tap.h"

int
main(void)
{
    iossl_error *err = iossl_error_new();
    iossl_error *copy;

    tap_start();
    if (err == NULL)
        bail_out("no memory");
    is_int(iossl_error_get_code(err), IOSSL_E_NONE, "a new error is none");
    is_str(iossl_error_message(err), "", "and says nothing");
    is_str(iossl_error_message(NULL), "", "nor does NULL");

    iossl_error_set(err, IOSSL_E_READ, IOSSL_RANK_IO, "read %d", 1);
    is_str(iossl_error_message(err), "read 1", "a sentence is formatted");
    iossl_error_set(err, IOSSL_E_STATE, IOSSL_RANK_FALLBACK, "vague");
    is_str(iossl_error_message(err), "read 1", "a vaguer error doesn't replace it");
    iossl_error_set(err, IOSSL_E_WRITE, IOSSL_RANK_IO, "write");
    is_str(iossl_error_message(err), "write", "one of the same rank does");
    iossl_error_set(err, IOSSL_E_NAME, IOSSL_RANK_IDENTITY, "%s", "name");
    is_int(iossl_error_get_code(err), IOSSL_E_NAME, "a more specific one, too");

    iossl_error_clear(err);
    iossl_error_set_errno(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, ENOENT, "file %s", "/x");
    is_str(iossl_error_message(err), "file /x: No such file or directory", "errno in words");
    is_int(iossl_error_get_errno(err), ENOENT, "and as a number");
    iossl_error_reword(err, "file", "a longer beginning:");
    is_str(iossl_error_message(err), "a longer beginning: /x: No such file or directory",
           "other words for its beginning");
    is_int(iossl_error_get_errno(err), ENOENT, "change nothing else");
    iossl_error_reword(err, "no beginning of it", "x");
    iossl_error_reword(NULL, "a", "b");
    like(iossl_error_message(err), "a longer beginning: /x", "what begins otherwise stays");

    iossl_error_clear(err);
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
    ERR_raise(ERR_LIB_SSL, SSL_R_UNKNOWN_PROTOCOL);
    iossl_error_set_openssl(err, IOSSL_E_HANDSHAKE, IOSSL_RANK_IO, "accept failed");
    like(iossl_error_message(err), "accept failed error:",
         "OpenSSL's reasons follow the sentence");
    like(iossl_error_message(err), "no shared cipher error:", "oldest first");
    ok(strncmp(iossl_error_reasons(err), "error:", 6) == 0, "and stand alone as reasons");
    ok(ERR_peek_error() == 0, "the queue is empty");
    ERR_raise(ERR_LIB_SSL, SSL_R_UNKNOWN_PROTOCOL);
    iossl_error_set_openssl(NULL, IOSSL_E_HANDSHAKE, IOSSL_RANK_IO, "x");
    ok(ERR_peek_error() == 0, "even where no one asked");

    copy = iossl_error_dup(err);
    iossl_error_free(err);
    like(iossl_error_message(copy), "no shared cipher", "a copy outlives the original");
    iossl_error_memory(copy);
    is_str(iossl_error_message(copy), "out of memory", "want of memory needs none");
    is_int(iossl_error_get_code(copy), IOSSL_E_MEMORY, "and has its code");
    iossl_error_free(copy);
    iossl_error_free(NULL);
    return done_testing();
}
