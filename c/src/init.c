/*
 * init.c - what the library makes once in a process.
 *
 * Owns      the ex_data indexes, the BIO method and the digest: with the CA-store cache, all that is global.
 * Promises  any thread may come first; what was made is constant afterwards.
 * Leaves    freeing at exit to OpenSSL (indexes) and to the process (one BIO_METHOD, one EVP_MD).
 * See       CRYPTO_get_ex_new_index(3), BIO_meth_new(3).
 */
#include "init.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "compat.h"
#include "error.h"
#include "library.h"
#include "paths.h"
#include "session.h"
#include "transport.h"

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static int conn_index = -1;
static int verifier_index = -1;
static int path_index = -1;
static int store_index = -1;
static int session_index = -1;
static bool has_paths;
static BIO_METHOD *bio_method;
static const EVP_MD *sha256;

static void
run_once(void)
{
    conn_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    verifier_index = X509_STORE_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    path_index = X509_STORE_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    store_index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE, 0, NULL, NULL, NULL,
                                          iossl_library_free_ex_data);
    session_index = iossl_session_new_index();
    has_paths = iossl_paths_init();
    bio_method = iossl_transport_bio_method_new();
    sha256 = iossl_compat_fetch_sha256();
    ERR_clear_error();
}

bool
iossl_init(iossl_error *err)
{
    if (CRYPTO_THREAD_run_once(&once, run_once) == 1 && conn_index >= 0 && verifier_index >= 0
        && path_index >= 0 && store_index >= 0 && session_index >= 0 && has_paths && bio_method != NULL)
        return true;
    iossl_error_memory(err);
    return false;
}

int
iossl_init_conn_index(void)
{
    return conn_index;
}

int
iossl_init_verifier_index(void)
{
    return verifier_index;
}

int
iossl_init_path_index(void)
{
    return path_index;
}

int
iossl_init_session_index(void)
{
    return session_index;
}

int
iossl_init_store_index(void)
{
    return store_index;
}

BIO_METHOD *
iossl_init_bio_method(void)
{
    return bio_method;
}

const EVP_MD *
iossl_init_sha256(void)
{
    return iossl_init(NULL) && sha256 != NULL ? sha256 : EVP_sha256();
}
