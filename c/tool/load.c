/*
 * load.c - certificates and keys of files: see load.h.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "opts.h"
#include "show.h"

/* No certificate, chain or OCSP response is larger. */
#define MAX_BYTES ((size_t)8 << 20)

unsigned char *
tool_load_bytes(const char *file, size_t *len)
{
    bool is_stdin = strcmp(file, "-") == 0;
    FILE *f = is_stdin ? stdin : fopen(file, "rb");
    unsigned char *bytes = NULL;
    size_t room = 0;

    *len = 0;
    if (f == NULL)
        goto failed;
    for (;;) {
        size_t n;

        if (*len == room) {
            unsigned char *larger;

            if (room > MAX_BYTES || (larger = realloc(bytes, room = room == 0 ? 8192 : 2 * room))
                                        == NULL) {
                errno = EFBIG;
                goto failed;
            }
            bytes = larger;
        }
        if ((n = fread(bytes + *len, 1, room - *len, f)) == 0)
            break;
        *len += n;
    }
    if (ferror(f) == 0)
        goto done;
failed:
    tool_complain("%s can't be read: %s", file, strerror(errno));
    free(bytes);
    bytes = NULL;
done:
    if (f != NULL && !is_stdin)
        (void)fclose(f);
    return bytes;
}

int
tool_ask_password(void *what, char *buf, int size)
{
    char *prompt = tool_format("Password of %s: ", (const char *)what);
    char *shown = tool_escape(prompt, strlen(prompt));
    int len = -1;

    tool_progress_end();
    if (EVP_read_pw_string(buf, size, shown, 0) == 0)
        len = (int)strlen(buf);
    free(shown);
    free(prompt);
    return len;
}

static STACK_OF(X509) *
from_bytes(const unsigned char *bytes, size_t len, iossl_error *err)
{
    STACK_OF(X509) *certs = NULL;
    X509 *cert;

    if (len > 0 && bytes[0] != 0x30)        /* DER begins with a SEQUENCE, text never does so */
        return iossl_certs_from_pem(bytes, len, err);
    if ((cert = iossl_cert_from_der(bytes, len, err)) == NULL)
        return NULL;
    if ((certs = sk_X509_new_null()) == NULL || sk_X509_push(certs, cert) <= 0) {
        X509_free(cert);
        sk_X509_free(certs);
        return NULL;
    }
    return certs;
}

/* The certificates of a file of any kind, its own first. */
static STACK_OF(X509) *
from_file(const char *file, iossl_error *err)
{
    iossl_identity *identity = NULL;
    STACK_OF(X509) *certs = NULL;

    if (iossl_identity_load(&identity, file, tool_ask_password, (void *)file, err) != IOSSL_OK)
        return NULL;
    if ((certs = identity->chain) == NULL)
        certs = sk_X509_new_null();
    identity->chain = NULL;
    if (certs != NULL && sk_X509_unshift(certs, identity->cert) > 0)
        identity->cert = NULL;
    iossl_identity_free(identity);
    return certs;
}

STACK_OF(X509) *
tool_load_certs(const char *file)
{
    iossl_error *err = iossl_error_new();
    STACK_OF(X509) *certs = NULL;
    unsigned char *bytes;
    size_t len;

    if (strcmp(file, "-") != 0) {
        certs = from_file(file, err);
    } else if ((bytes = tool_load_bytes(file, &len)) != NULL) {
        certs = from_bytes(bytes, len, err);
        free(bytes);
    } else {
        goto done;
    }
    if (certs == NULL)
        tool_complain("%s: %s", file, iossl_error_message(err));
done:
    iossl_error_free(err);
    return certs;
}

const iossl_scheme *
tool_scheme(const char *name)
{
    const iossl_scheme *scheme = iossl_scheme_by_name(name);

    if (scheme == NULL)
        (void)tool_usage("scheme \"%s\" is unknown; there are default, http, smtp, imap, pop3, "
                         "ldap, ftp, xmpp, sip, nntp, none, and the numbers of their RFCs as "
                         "rfc2818", name);
    return scheme;
}
