/*
 * context_trust.c - whom a context trusts: CA certificates, revocation lists, the CAs it names to clients.
 *
 * Owns      which of them count, in which order; the digest that tells whether two contexts trust the same.
 * Promises  the trust anchors are one store for all hosts.
 * Leaves    bundles of CAs to castore.c, where the system has its own to default_ca.c, whom to believe
 *           to verify.c.
 * See       X509_STORE_new(3), SSL_load_client_CA_file(3).
 */
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "castore.h"
#include "compat.h"
#include "context_parts.h"
#include "error.h"
#include "fingerprint.h"
#include "paths.h"

static iossl_status
add_crls(X509_STORE *store, const char *file, iossl_error *err)
{
    const iossl_library *library = iossl_library_of_store(store);
    BIO *bio = BIO_new_file(file, "rb");
    X509_CRL *crl = NULL;
    size_t n = 0;

    /* As X509_load_crl_file(3), whose lists are of the default library context. */
    while (bio != NULL && (crl = iossl_compat_crl_new(library)) != NULL
           && PEM_read_bio_X509_CRL(bio, &crl, NULL, NULL) != NULL
           && X509_STORE_add_crl(store, crl) == 1) {
        X509_CRL_free(crl);
        crl = NULL;
        n++;
    }
    X509_CRL_free(crl);
    BIO_free(bio);
    if (n == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        /* OpenSSL has nothing to say where what should be a list is of no length, or isn't one. */
        iossl_error_set_openssl(err, IOSSL_E_CRL, IOSSL_RANK_FATAL,
                                "Invalid certificate revocation list: SSL_crl_file %s%s", file,
                                ERR_peek_error() == 0 ? ": a list in it is broken" : "");
        return IOSSL_ERROR;
    }
    iossl_error_clear_queue();
    return IOSSL_OK;
}

/* What a file is at this moment, so that a changed one counts as another. */
static bool
digest_file(EVP_MD_CTX *md, const char *file)
{
    struct stat info = {0};
    long long facts[7] = {0};

    if (file == NULL)
        return EVP_DigestUpdate(md, facts, sizeof facts) == 1;
    if (stat(file, &info) == 0) {
        facts[0] = (long long)info.st_ino;
        facts[1] = (long long)info.st_size;
        facts[2] = (long long)info.st_dev;
        facts[3] = (long long)info.st_mtim.tv_sec;
        facts[4] = (long long)info.st_mtim.tv_nsec;
        facts[5] = (long long)info.st_ctim.tv_sec;
        facts[6] = (long long)info.st_ctim.tv_nsec;
    }
    return EVP_DigestUpdate(md, facts, sizeof facts) == 1
           && EVP_DigestUpdate(md, file, strlen(file) + 1) == 1;
}

/* Equal for two contexts that trust the same: sessions of the one may then be resumed by the other. */
static bool
digest_trust(builder *b, const char *file, const char *path)
{
    const iossl_config *config = b->config;
    const unsigned char flags[] = {(unsigned char)config->check_crl, (unsigned char)config->role,
                                   config->policy->verify_flags != 0};
    unsigned char one[32];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, iossl_library_sha256(config->verify.library), NULL) == 1
              && EVP_DigestUpdate(md, flags, sizeof flags) == 1 && digest_file(md, file)
              && digest_file(md, path) && digest_file(md, config->crl_file)
              && iossl_psks_digest(&config->psks, md)
              && (config->sigalgs == NULL
                  || EVP_DigestUpdate(md, config->sigalgs, strlen(config->sigalgs) + 1) == 1);

    for (int i = 0; ok && i < sk_X509_num(config->cas); i++)
        ok = iossl_cert_sha256(sk_X509_value(config->cas, i), config->verify.library, one)
             && EVP_DigestUpdate(md, one, sizeof one) == 1;
    ok = ok && EVP_DigestFinal_ex(md, b->ctx->trust, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}

#define INVALID_CA "Invalid certificate authority locations"
#define INVALID_DEFAULT_CA "Invalid default certificate authority locations"

/* CA certificates that nobody named for this context. */
static iossl_status
add_default_ca(builder *b, const char *file, const char *path, iossl_error *err)
{
    if (b->config->ca_by_default && file == NULL && path == NULL && !b->config->no_default_ca
        && b->config->cas == NULL) {
        iossl_error_set(err, IOSSL_E_CA, IOSSL_RANK_FATAL,
                        INVALID_DEFAULT_CA ": neither a file nor a folder is named");
        return IOSSL_ERROR;
    }
    if (iossl_castore_add(b->store, file, path, err) == IOSSL_OK)
        return IOSSL_OK;
    iossl_error_reword(err, INVALID_CA, INVALID_DEFAULT_CA);
    return IOSSL_ERROR;
}

static iossl_status
add_ca_files(builder *b, iossl_error *err)
{
    const iossl_config *config = b->config;
    bool verifies = config->verify.mode != IOSSL_VERIFY_NONE;
    char *default_file = NULL, *default_path = NULL;
    const char *file = config->ca_file, *path = config->ca_path;
    iossl_status status = IOSSL_ERROR;
    bool is_default = config->ca_by_default;

    if (!is_default && iossl_config_uses_default_ca(config)) {
        if (iossl_default_ca(&default_file, &default_path, err) != IOSSL_OK)
            goto done;
        file = default_file;
        path = default_path;
        is_default = true;
    }
    if (!digest_trust(b, file, path)) {
        iossl_error_memory(err);
        goto done;
    }
    if (!verifies) {
        /* Wanted only for what else can be checked against them, so their absence is no error. */
        (void)iossl_castore_add(b->store, file, path, NULL);
        status = IOSSL_OK;
    } else if (is_default) {
        status = add_default_ca(b, file, path, err);
    } else if (iossl_castore_check(file, path, err) == IOSSL_OK) {
        status = iossl_castore_add(b->store, file, path, err);
    }
done:
    iossl_free(default_file);
    iossl_free(default_path);
    return status;
}

iossl_status
iossl_ctx_build_store(builder *b, iossl_error *err)
{
    const iossl_config *config = b->config;

    if ((b->store = X509_STORE_new()) == NULL
        || !iossl_library_set_store(b->store, config->verify.library)) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    X509_STORE_set_check_issued(b->store, iossl_paths_check_issued);
    for (int i = 0; i < sk_X509_num(config->cas); i++) {
        if (X509_STORE_add_cert(b->store, sk_X509_value(config->cas, i)) != 1) {
            iossl_error_set_openssl(err, IOSSL_E_CA, IOSSL_RANK_FATAL,
                                    "Failed to add certificate to CA store");
            return IOSSL_ERROR;
        }
    }
    if (add_ca_files(b, err) != IOSSL_OK)
        return IOSSL_ERROR;
    if (config->check_crl != IOSSL_CRL_OFF && config->crl_file != NULL)
        return add_crls(b->store, config->crl_file, err);
    return IOSSL_OK;
}

iossl_status
iossl_ctx_build_client_ca_names(builder *b, iossl_error *err)
{
    const iossl_config *config = b->config;

    /* Where no client is asked for a certificate, a file that can't be read is no error either. */
    if (config->client_ca_file != NULL
        && (b->client_ca_names = SSL_load_client_CA_file(config->client_ca_file)) == NULL
        && (config->verify.mode & IOSSL_VERIFY_PEER) != 0) {
        iossl_error_set_openssl(err, IOSSL_E_CA, IOSSL_RANK_FATAL,
                                "Failed to load certificate to client CA list: "
                                "SSL_client_ca_file %s", config->client_ca_file);
        return IOSSL_ERROR;
    }
    iossl_error_clear_queue();      /* where the file ended, OpenSSL left "no start line" */
    if (sk_X509_num(config->client_cas) <= 0)
        return IOSSL_OK;
    if (b->client_ca_names == NULL && (b->client_ca_names = sk_X509_NAME_new_null()) == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    for (int i = 0; i < sk_X509_num(config->client_cas); i++) {
        X509_NAME *name = X509_NAME_dup(
            X509_get_subject_name(sk_X509_value(config->client_cas, i)));

        if (name == NULL || sk_X509_NAME_push(b->client_ca_names, name) <= 0) {
            X509_NAME_free(name);
            iossl_error_set_openssl(err, IOSSL_E_CA, IOSSL_RANK_FATAL,
                                    "Failed to add certificate to client CA list");
            return IOSSL_ERROR;
        }
    }
    return IOSSL_OK;
}
