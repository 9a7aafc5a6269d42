/*
 * password.c - the program's password callback on its way through OpenSSL, for one load.
 *
 * Owns      whether it was asked, and whether it gave up.
 * Promises  who gave up isn't asked again in the same load; the buffer is cleansed where no password
 *           comes.
 * See       pem_password_cb(3).
 */
#include "password.h"

#include <openssl/crypto.h>

int
iossl_password_ask(iossl_password *password, char *buf, int size)
{
    int len = -1;

    if (size > 1 && password->cb != NULL && !password->gave_up) {
        password->was_asked = true;
        len = password->cb(password->arg, buf, size - 1);
    }
    if (len < 0 || len >= size) {
        password->gave_up = true;
        if (size > 0)
            OPENSSL_cleanse(buf, (size_t)size);
        return -1;
    }
    buf[len] = '\0';
    return len;
}

int
iossl_password_give(char *buf, int size, int rwflag, void *arg)
{
    (void)rwflag;
    return iossl_password_ask(arg, buf, size);
}
