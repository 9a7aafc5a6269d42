/*
 * password.h - the program's password callback on its way through OpenSSL, for one load.
 */
#ifndef IOSSL_PASSWORD_H
#define IOSSL_PASSWORD_H

#include "iossl.h"

typedef struct iossl_password {
    iossl_passwd_cb cb;     /* NULL: there is none */
    void *arg;
    bool was_asked;
    bool gave_up;           /* no password came: it isn't asked again in this load */
} iossl_password;

/* Asks. Writes a NUL behind the password, and returns its length; -1: there is none. */
int iossl_password_ask(iossl_password *password, char *buf, int size);
/* A pem_password_cb over it. */
int iossl_password_give(char *buf, int size, int rwflag, void *arg);

#endif
