/*
 * context_sni.c - a server chooses by the name that the client asks for: certificate and ciphers.
 *
 * Owns      the search in the table of hosts, and the callbacks of OpenSSL that make it.
 * Promises  what the program's own callback says comes before the table; a name that nobody has is
 *           refused with the alert for it, where no host stands for all.
 * Leaves    what is in the table to context_hosts.c.
 * See       SSL_CTX_set_client_hello_cb(3), SSL_CTX_set_tlsext_servername_callback(3), RFC 6066 section 3.
 */
#include <string.h>

#include <openssl/tls1.h>

#include "ascii.h"
#include "compat.h"
#include "conn.h"
#include "context_parts.h"

/* What a server name gets; NULL: nothing, the name is unknown and there is no default. */
static const host_entry *
find_host(const iossl_ctx *ctx, const char *name, size_t len)
{
    const host_entry *entry = NULL;
    char key[TLSEXT_MAXLEN_host_name + 1];

    if (len > 0 && len < sizeof key) {
        for (size_t i = 0; i < len; i++)
            key[i] = iossl_ascii_lower(name[i]);
        key[len] = '\0';
        if (strlen(key) == len)
            entry = iossl_strmap_get(ctx->hosts, key);
    }
    return entry != NULL ? entry : iossl_strmap_get(ctx->hosts, "");
}

/* The host_name of a server_name extension (RFC 6066 section 3), borrowed; *len is 0 without one. */
static const char *
name_of_client_hello(SSL *ssl, size_t *len)
{
    /* list length (2 bytes), type of the first name (1), its length (2), the name */
    const unsigned char *ext;
    size_t ext_len, name_len;

    *len = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext, &ext_len) != 1 || ext_len < 5
        || ext[2] != TLSEXT_NAMETYPE_host_name)
        return NULL;
    name_len = (size_t)ext[3] << 8 | ext[4];
    if (name_len > ext_len - 5)
        return NULL;
    *len = name_len;
    return (const char *)ext + 5;
}

/*
 * Asks the program. *entry: what it wants for this name; untouched where it leaves that to the tables.
 * False: it refuses.
 */
static bool
ask_program(const iossl_ctx *ctx, SSL *ssl, const char *name, size_t len, const host_entry **entry)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);
    char text[TLSEXT_MAXLEN_host_name + 1];
    bool has_name = name != NULL && len > 0 && len < sizeof text && memchr(name, '\0', len) == NULL;
    iossl_compat_errors pending;
    iossl_ctx *given = NULL, *other;
    bool ok;

    if (ctx->host_cb == NULL || conn == NULL)
        return true;
    if (has_name) {
        memcpy(text, name, len);
        text[len] = '\0';
    }
    iossl_compat_errors_take(&pending);     /* the program may use OpenSSL */
    ok = ctx->host_cb(ctx->host_arg, conn, has_name ? text : NULL, &given);
    iossl_compat_errors_put_back(&pending);
    if (ok && given != NULL) {
        other = iossl_ctx_get1_current(given);
        iossl_conn_set0_host_ctx(conn, other);
        if ((*entry = find_host(other, name, len)) == NULL)
            *entry = other->fallback;
    }
    iossl_ctx_free(given);
    if (!ok)
        iossl_conn_refuse_host(conn);
    return ok;
}

/*
 * Gives a connection the certificate and the ciphers of the name that the client asked for. This is
 * early enough for both: TLS 1.3 has its cipher before the servername callback runs.
 */
static int
choose_host(SSL *ssl, int *alert, void *arg)
{
    const iossl_ctx *ctx = arg;
    size_t len;
    const char *name = name_of_client_hello(ssl, &len);
    const host_entry *entry = find_host(ctx, name, len);

    if (!ask_program(ctx, ssl, name, len, &entry)) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (entry == NULL)
        return SSL_CLIENT_HELLO_SUCCESS;    /* answer_servername() refuses it with the right alert */
    /* SSL_set_SSL_CTX changes the certificate only; ciphers have to follow by themselves. */
    if ((SSL_get_SSL_CTX(ssl) != entry->ssl_ctx
         && SSL_set_SSL_CTX(ssl, entry->ssl_ctx) != entry->ssl_ctx)
        || (entry->cipher_list != NULL && SSL_set_cipher_list(ssl, entry->cipher_list) != 1)
        || (entry->ciphersuites != NULL && SSL_set_ciphersuites(ssl, entry->ciphersuites) != 1)) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

static int
answer_servername(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    iossl_conn *conn = iossl_conn_from_ssl(ssl);

    /* OpenSSL asks on clients too, once the server has answered: there is nothing to refuse. */
    if (SSL_is_server(ssl) == 0)
        return SSL_TLSEXT_ERR_OK;
    if (conn != NULL && iossl_conn_has_host_ctx(conn))
        return SSL_TLSEXT_ERR_OK;       /* the program chose */
    if (find_host(arg, name, name == NULL ? 0 : strlen(name)) != NULL)
        return SSL_TLSEXT_ERR_OK;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Is there anything to choose by server name? */
static bool
names_hosts(const iossl_config *config)
{
    for (size_t i = 0; i < iossl_strmap_count(config->host_certs); i++) {
        const char *key = iossl_strmap_key(config->host_certs, i);

        if (key[0] != '\0' && key[0] != '%')
            return true;
    }
    return false;
}

/* Only where there is, or the program chooses: with a servername callback, OpenSSL takes TLS 1.3 for
 * possible even without a certificate, and the error is about signatures then instead of ciphers. */
bool
iossl_ctx_apply_sni(const builder *b, SSL_CTX *ssl_ctx)
{
    if (!names_hosts(b->config) && b->ctx->host_cb == NULL)
        return true;
    SSL_CTX_set_client_hello_cb(ssl_ctx, choose_host, b->ctx);
    return SSL_CTX_set_tlsext_servername_callback(ssl_ctx, answer_servername) == 1
           && SSL_CTX_set_tlsext_servername_arg(ssl_ctx, b->ctx) == 1;
}
