/*
 * promises.h - what holds after every call of the library, whatever failed in it. For one test program.
 */
#ifndef PROMISES_H
#define PROMISES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <openssl/err.h>

#include "iossl.h"

static const char *broken;          /* the first promise that was, in this run */

static void
promise(bool kept, const char *sentence)
{
    if (!kept && broken == NULL)
        broken = sentence;
}

static bool
good(iossl_status status, iossl_error *err)
{
    static char left[300];

    (void)snprintf(left, sizeof left, "OpenSSL's queue is empty, not %s",
                   ERR_error_string(ERR_peek_error(), NULL));
    promise(ERR_peek_error() == 0, left);
    if (status == IOSSL_ERROR && err != NULL) {
        promise(iossl_error_get_code(err) != IOSSL_E_NONE, "a failure has a code");
        promise(iossl_error_message(err)[0] != '\0', "a failure has a sentence");
    }
    ERR_clear_error();
    return status == IOSSL_OK;
}

static bool
made(const void *object, iossl_error *err)
{
    return good(object == NULL ? IOSSL_ERROR : IOSSL_OK, err);
}

#endif
