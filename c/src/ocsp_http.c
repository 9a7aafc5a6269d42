/*
 * ocsp_http.c - one question to a responder over HTTP.
 *
 * Owns      the address in a uri, the request's way there and back.
 * Promises  returns by the deadline, reads no more than an answer takes, raises no SIGPIPE, follows no
 *           redirection: the responder is the one that the certificate names.
 * Leaves    HTTP itself to OpenSSL, the connection to connect.c, bytes to transport.c, the answer
 *           to ocsp.c.
 * See       RFC 6960 appendix A, OSSL_HTTP_REQ_CTX_nbio(3).
 *
 * OSSL_HTTP_transfer(3) would do all of it, but counts in seconds, and takes a refused connection
 * for a reason to try until they are over.
 */
#include "ocsp_http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/err.h>

#include "compat.h"
#include "connect.h"
#include "deadline.h"
#include "iossl.h"
#include "transport.h"

#define MAX_RESPONSE (100UL * 1024)
/* With its header, of which OpenSSL would take any number of lines, and know no time as long as they come. */
#define MAX_READ (2 * MAX_RESPONSE)

/* Where a uri points to; strings are owned. */
typedef struct {
    char *authority;            /* "host:port" or "host", as it stands in the uri */
    char *host;                 /* without brackets */
    char *port;
    char *path;                 /* with the slash */
} address;

static void
address_cleanup(address *a)
{
    free(a->authority);
    free(a->host);
    free(a->port);
    free(a->path);
    *a = (address){0};
}

/* False: not such a uri, or no memory. */
static bool
address_parse(address *a, const char *uri)
{
    size_t len, host_len;
    const char *host, *end;

    *a = (address){0};
    if (strncasecmp(uri, "http://", 7) != 0)
        return false;
    host = uri + 7;
    len = strcspn(host, "/?#");
    if (memchr(host, '@', len) != NULL)
        return false;           /* no names and passwords from a certificate */
    a->authority = strndup(host, len);
    a->path = strdup(host[len] == '/' ? host + len : "/");
    if (a->authority == NULL || a->path == NULL)
        goto failed;
    if (a->authority[0] == '[') {
        if ((end = strchr(a->authority, ']')) == NULL)
            goto failed;
        host_len = (size_t)(end - a->authority) - 1;
        a->host = strndup(a->authority + 1, host_len);
        end++;
    } else {
        host_len = strcspn(a->authority, ":");
        a->host = strndup(a->authority, host_len);
        end = a->authority + host_len;
    }
    if (host_len == 0 || (*end != '\0' && *end != ':'))
        goto failed;
    a->port = strdup(*end == ':' && end[1] != '\0' ? end + 1 : "80");
    if (a->host != NULL && a->port != NULL && a->port[strspn(a->port, "0123456789")] == '\0')
        return true;
failed:
    address_cleanup(a);
    return false;
}

/* A connected socket, -1: none. */
static int
open_socket(const address *to, int64_t deadline_ms)
{
    int fd;

    (void)iossl_connect_target(&fd,
                               &(iossl_target){.host = to->host, .name = to->host,
                                               .port = to->port, .deadline_ms = deadline_ms,
                                               .ignores_signals = true},
                               NULL);
    return fd;
}

/* Before each read of the BIO: 0 ends it, see BIO_set_callback_ex(3). */
static long
bound_read(BIO *bio, int operation, const char *buf, size_t len, int argi, long argl, int result,
           size_t *processed)
{
    (void)buf, (void)len, (void)argi, (void)argl, (void)processed;
    if (operation != BIO_CB_READ || BIO_number_read(bio) < MAX_READ)
        return result;
    BIO_clear_retry_flags(bio);
    return 0;
}

/* Steps and waits until the answer is there. */
static bool
exchange(iossl_compat_http *http, iossl_transport *transport, int64_t deadline_ms)
{
    int done;

    while ((iossl_transport_begin(transport), done = iossl_compat_http_step(http)) == -1) {
        iossl_status want = iossl_transport_get0_last(transport)->status, waited;

        if (want != IOSSL_WANT_READ && want != IOSSL_WANT_WRITE && want != IOSSL_INTERRUPTED)
            return false;
        do {
            int64_t left = iossl_deadline_left(deadline_ms);

            if (left == 0)
                return false;
            waited = want == IOSSL_INTERRUPTED ? IOSSL_OK
                                               : iossl_transport_wait(transport, want, left);
        } while (waited == IOSSL_INTERRUPTED);
        if (waited != IOSSL_OK)
            return false;
    }
    return done == 1;
}

/* The body of an answer, copied. */
static bool
take_body(iossl_compat_http *http, unsigned char **body, size_t *len)
{
    BIO *bio = iossl_compat_http_get0_body(http);
    char *bytes = NULL;
    long n = bio == NULL ? 0 : BIO_get_mem_data(bio, &bytes);

    if (n <= 0 || (*body = OPENSSL_memdup(bytes, (size_t)n)) == NULL)
        return false;
    *len = (size_t)n;
    return true;
}

bool
iossl_ocsp_http_post(const char *uri, OCSP_REQUEST *request, int64_t deadline_ms,
                     unsigned char **body, size_t *len)
{
    address target = {0}, proxy = {0};
    const iossl_transfer_mode mode = {.never_wait = true, .no_sigpipe = true};
    const char *through;
    iossl_transport *transport = NULL;
    iossl_compat_http *http = NULL;
    BIO *bio = NULL;
    int fd = -1;
    bool ok = false;

    *body = NULL;
    *len = 0;
    if (!address_parse(&target, uri))
        goto done;
    /* Not HTTP_PROXY: in a CGI program, the client sets that. */
    through = iossl_compat_http_proxy(getenv("http_proxy"), target.host);
    if (through != NULL && !address_parse(&proxy, through))
        goto done;
    fd = open_socket(through != NULL ? &proxy : &target, deadline_ms);
    if (fd < 0 || (transport = iossl_transport_new_fd(fd, NULL)) == NULL
        || (bio = iossl_transport_bio_new(transport)) == NULL)
        goto done;
    iossl_transport_set_mode(transport, mode);
    BIO_set_callback_ex(bio, bound_read);
    http = iossl_compat_http_new(bio, target.authority, through != NULL ? uri : target.path,
                                 request, MAX_RESPONSE);
    ok = http != NULL && exchange(http, transport, deadline_ms) && take_body(http, body, len);
done:
    iossl_compat_http_free(http);
    BIO_free(bio);
    iossl_transport_free(transport);
    if (fd >= 0)
        (void)close(fd);
    address_cleanup(&target);
    address_cleanup(&proxy);
    ERR_clear_error();
    return ok;
}
