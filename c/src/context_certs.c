/*
 * context_certs.c - the certificate and the key of one host, and where they come from.
 *
 * Owns      which source goes before which; whether certificate and key fit together.
 * Promises  a file named for many hosts is read once.
 * Leaves    formats to certs.c, which host has which certificate to context_hosts.c.
 * See       SSL_CTX_use_cert_and_key(3).
 */
#include "certs.h"
#include "context_parts.h"
#include "error.h"

/* The content of a certificate file; borrowed from the builder. */
static iossl_identity *
identity_of_file(builder *b, const char *file, iossl_error *err)
{
    iossl_identity *identity = iossl_strmap_get(b->identities, file);

    if (identity == NULL
        && iossl_identity_load_by(b->config->verify.library, &identity, file, b->config->passwd_cb,
                                  b->config->passwd_arg, err)
               == IOSSL_OK
        && !iossl_strmap_put(b->identities, file, identity)) {
        iossl_identity_free(identity);
        identity = NULL;
        iossl_error_memory(err);
    }
    return identity;
}

static EVP_PKEY *
key_of_file(builder *b, const char *file, iossl_error *err)
{
    EVP_PKEY *key = iossl_strmap_get(b->keys, file);

    if (key == NULL
        && iossl_key_load_by(b->config->verify.library, &key, file, b->config->passwd_cb,
                             b->config->passwd_arg, err)
               == IOSSL_OK
        && !iossl_strmap_put(b->keys, file, key)) {
        EVP_PKEY_free(key);
        key = NULL;
        iossl_error_memory(err);
    }
    return key;
}

/* A stack of certs[1..], borrowing them; NULL also where there are none (then *ok is true). */
static STACK_OF(X509) *
chain_of_handles(const iossl_host_cert *hc, bool *ok)
{
    STACK_OF(X509) *chain = NULL;

    *ok = true;
    if (hc->n_certs < 2)
        return NULL;
    *ok = (chain = sk_X509_new_reserve(NULL, (int)hc->n_certs)) != NULL;
    for (size_t i = 1; *ok && i < hc->n_certs; i++)
        *ok = sk_X509_push(chain, hc->certs[i]) > 0;
    return chain;
}

/* Where a key comes from, in the order of precedence. NULL: err says why. */
static EVP_PKEY *
find_key(builder *b, const iossl_host_cert *hc, const iossl_identity *identity,
         const char **where, iossl_error *err)
{
    *where = "SSL_key";
    if (identity != NULL && !identity->is_pem && identity->key != NULL) {
        *where = hc->cert_file;             /* PKCS#12: its own key wins */
        return identity->key;
    }
    if (hc->key != NULL)
        return hc->key;
    if (hc->key_file != NULL) {
        *where = hc->key_file;
        return key_of_file(b, hc->key_file, err);
    }
    if (identity != NULL && identity->is_pem) {
        *where = hc->cert_file;             /* the key may be in the same file */
        if (identity->key != NULL)
            return identity->key;
        return key_of_file(b, hc->cert_file, err);
    }
    iossl_error_set(err, IOSSL_E_KEY, IOSSL_RANK_FATAL,
                    "Failed to use Private Key: none was given for the certificate%s%s; "
                    "use SSL_key_file or SSL_key",
                    hc->cert_file != NULL ? " in " : "",
                    hc->cert_file != NULL ? hc->cert_file : "");
    return NULL;
}

iossl_status
iossl_ctx_apply_cert(builder *b, SSL_CTX *ssl_ctx, const iossl_host_cert *hc, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    iossl_identity *identity = NULL;
    STACK_OF(X509) *own_chain = NULL;
    STACK_OF(X509) *chain;
    const char *where, *cert_name = hc->cert_file;
    EVP_PKEY *key;
    X509 *cert;
    bool ok = true;

    if (hc->n_certs > 0) {
        cert = hc->certs[0];
        chain = own_chain = chain_of_handles(hc, &ok);
        cert_name = "SSL_cert";
    } else if (hc->cert_file != NULL) {
        if ((identity = identity_of_file(b, hc->cert_file, err)) == NULL)
            goto done;
        cert = identity->cert;
        chain = identity->chain;
    } else {
        status = IOSSL_OK;                  /* a key alone is of no use */
        goto done;
    }
    if (!ok) {
        iossl_error_memory(err);
        goto done;
    }
    if ((key = find_key(b, hc, identity, &where, err)) == NULL)
        goto done;
    if (SSL_CTX_use_cert_and_key(ssl_ctx, cert, key, chain, 1) != 1) {
        bool mismatch = X509_check_private_key(cert, key) != 1;
        bool is_file = identity != NULL && !mismatch;

        iossl_error_set_openssl(err, mismatch ? IOSSL_E_KEY : IOSSL_E_CERT, IOSSL_RANK_FATAL,
                                mismatch ? "%s%s%sFailed to use Private Key from %s: it is not the "
                                           "key of the certificate in %s"
                                         : "%s%s%sFailed to use Certificate or Private Key from %s "
                                           "and %s",
                                is_file ? "Failed to load certificate from file " : "",
                                is_file ? cert_name : "", is_file ? ": " : "", where, cert_name);
        goto done;
    }
    if (b->config->role == IOSSL_CLIENT && b->config->post_handshake_auth != IOSSL_PHA_OFF)
        SSL_CTX_set_post_handshake_auth(ssl_ctx, 1);
    status = IOSSL_OK;
done:
    sk_X509_free(own_chain);
    return status;
}
