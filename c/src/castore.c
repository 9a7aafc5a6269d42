/*
 * castore.c - giving each context its trust anchors, and paying only for those that are asked for.
 *
 * Owns      the process-wide cache of bundles, and the X509_LOOKUP_METHOD that answers from them.
 * Promises  every context has an X509_STORE of its own, so a program that gets at it through the
 *           SSL_CTX changes nobody else's trust; what is shared are the bundles. A bundle that was
 *           changed on disk is read again for the next context; contexts that have it keep it.
 * Leaves    what is in a file to bundle.c; all verification to OpenSSL, and hash folders to its own
 *           lookup; which file and folder are meant to config_trust.c and context_trust.c.
 * See       X509_LOOKUP_meth_new(3), X509_LOOKUP_hash_dir(3), SSL_CTX_load_verify_locations(3).
 *
 * Difference to SSL_CTX_load_verify_locations(3): X509_STORE_get0_objects(3) shows only what was
 * asked for until now.
 */
#include "castore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "bundle.h"
#include "error.h"
#include "init.h"

/* Bundles kept though no context uses them. Programs have one or two; what has many shall pay. */
#define MAX_CACHED 8

#ifdef _WIN32
#define PATH_SEPARATOR ';'
#else
#define PATH_SEPARATOR ':'
#endif

/* ---- Global state: the cache and the lookup method, made once -------------------------------- */

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static CRYPTO_RWLOCK *cache_lock;           /* of cache[] */
static iossl_bundle *cache[MAX_CACHED];     /* owned references, the latest used first */
static X509_LOOKUP_METHOD *lookup_method;

static int get_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
                          X509_OBJECT *ret);
static void free_lookup(X509_LOOKUP *lookup);

static void
init_once(void)
{
    X509_LOOKUP_METHOD *method = X509_LOOKUP_meth_new("libiossl bundle index");

    /* The cast is for OpenSSL 1.1.1, where the name isn't const; the calling convention is one. */
    if (method != NULL
        && (X509_LOOKUP_meth_set_free(method, free_lookup) != 1
            || X509_LOOKUP_meth_set_get_by_subject(
                   method, (X509_LOOKUP_get_by_subject_fn)get_by_subject) != 1)) {
        X509_LOOKUP_meth_free(method);
        method = NULL;
    }
    if (method != NULL && (cache_lock = CRYPTO_THREAD_lock_new()) != NULL)
        lookup_method = method;
    else
        X509_LOOKUP_meth_free(method);
}

/* False: no memory, for ever. */
static bool
is_ready(void)
{
    return CRYPTO_THREAD_run_once(&once, init_once) == 1 && lookup_method != NULL;
}

/* ---- The cache ------------------------------------------------------------------------------- */

/* Moves the element at i to the front. */
static void
cache_touch(size_t i)
{
    iossl_bundle *b = cache[i];

    memmove(cache + 1, cache, i * sizeof cache[0]);
    cache[0] = b;
}

/* A reference of the index of this file, as it is now; NULL: not cached. */
static iossl_bundle *
cache_get1(const char *path, const iossl_library *library)
{
    struct stat info;
    iossl_bundle *b = NULL;

    if (stat(path, &info) != 0 || CRYPTO_THREAD_write_lock(cache_lock) != 1)
        return NULL;
    for (size_t i = 0; i < MAX_CACHED && cache[i] != NULL; i++) {
        if (strcmp(iossl_bundle_get0_path(cache[i]), path) == 0
            && iossl_bundle_is_of(cache[i], &info)
            && iossl_library_same(iossl_bundle_get0_library(cache[i]), library)) {
            b = iossl_bundle_up_ref(cache[i]);
            cache_touch(i);
            break;
        }
    }
    (void)CRYPTO_THREAD_unlock(cache_lock);
    return b;
}

/* Keeps a reference of an index, in the place of an older one of the same path or the stalest. */
static void
cache_put(iossl_bundle *b)
{
    iossl_bundle *old;
    size_t i = 0;

    if (CRYPTO_THREAD_write_lock(cache_lock) != 1)
        return;
    while (i < MAX_CACHED - 1 && cache[i] != NULL
           && (strcmp(iossl_bundle_get0_path(cache[i]), iossl_bundle_get0_path(b)) != 0
               || !iossl_library_same(iossl_bundle_get0_library(cache[i]),
                                      iossl_bundle_get0_library(b))))
        i++;
    old = cache[i];
    cache[i] = iossl_bundle_up_ref(b);
    cache_touch(i);
    (void)CRYPTO_THREAD_unlock(cache_lock);
    iossl_bundle_free(old);
}

/*
 * The index of a file, from the cache or the disk. NULL: err says why.
 *
 * A certificate belongs to the library context that it was parsed for, and must not outlive it. So those
 * of a program's own context are never in the cache: it would keep them when the context is gone, and
 * hand them to the next that lies at the same address. Properties are no more than a part of the key.
 */
static iossl_bundle *
bundle_get1(const char *path, const iossl_library *library, iossl_error *err)
{
    bool may_share = library->ctx == NULL;
    iossl_bundle *b = may_share ? cache_get1(path, library) : NULL;

    if (b == NULL && (b = iossl_bundle_load(path, library, err)) != NULL && may_share
        && iossl_bundle_is_settled(b))
        cache_put(b);
    return b;
}

void
iossl_castore_flush(void)
{
    iossl_bundle *dropped[MAX_CACHED];

    if (!is_ready() || CRYPTO_THREAD_write_lock(cache_lock) != 1)
        return;
    memcpy(dropped, cache, sizeof dropped);
    memset(cache, 0, sizeof cache);
    (void)CRYPTO_THREAD_unlock(cache_lock);
    for (size_t i = 0; i < MAX_CACHED; i++)
        iossl_bundle_free(dropped[i]);
}

size_t
iossl_castore_cached(size_t *parsed)
{
    size_t n = 0;

    *parsed = 0;
    if (!is_ready() || CRYPTO_THREAD_write_lock(cache_lock) != 1)
        return 0;
    while (n < MAX_CACHED && cache[n] != NULL)
        *parsed += iossl_bundle_count_parsed(cache[n++]);
    (void)CRYPTO_THREAD_unlock(cache_lock);
    return n;
}

/* ---- The lookup method ----------------------------------------------------------------------- */

/* The bundles of one X509_STORE: the data of its X509_LOOKUP. Complete before threads come. */
typedef struct {
    iossl_bundle **bundles; /* owned references */
    size_t n;
} lookup_data;

static void
free_certs(STACK_OF(X509) *certs)
{
    sk_X509_pop_free(certs, X509_free);
}

/*
 * Puts every certificate with this subject into the store, as OpenSSL's by_dir does: there, several
 * of one name are chosen among. found holds them too. False: no memory.
 */
static bool
load_by_name(const lookup_data *data, X509_STORE *store, const X509_NAME *name,
             STACK_OF(X509) *found)
{
    bool ok = true;

    for (size_t i = 0; ok && i < data->n; i++)
        ok = iossl_bundle_find(data->bundles[i], name, found);
    for (int i = 0; ok && i < sk_X509_num(found); i++)
        ok = X509_STORE_add_cert(store, sk_X509_value(found, i)) == 1;
    return ok;
}

/* Answers OpenSSL, which then takes a reference of what it finds in ret. */
static int
get_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *ret)
{
    const lookup_data *data = X509_LOOKUP_get_method_data(lookup);
    STACK_OF(X509) *found = NULL;
    int result = 0;

    if (type != X509_LU_X509 || data == NULL || name == NULL
        || (found = sk_X509_new_null()) == NULL)
        return 0;
    if (load_by_name(data, X509_LOOKUP_get_store(lookup), name, found) && sk_X509_num(found) > 0
        && X509_OBJECT_set1_X509(ret, sk_X509_value(found, 0)) == 1) {
        /* What a lookup answers with is borrowed: the store holds it. */
        X509_free(sk_X509_value(found, 0));
        result = 1;
    }
    free_certs(found);
    return result;
}

static void
free_lookup(X509_LOOKUP *lookup)
{
    lookup_data *data = X509_LOOKUP_get_method_data(lookup);

    if (data == NULL)
        return;
    for (size_t i = 0; i < data->n; i++)
        iossl_bundle_free(data->bundles[i]);
    free(data->bundles);
    free(data);
    (void)X509_LOOKUP_set_method_data(lookup, NULL);
}

/* ---- Giving a store its anchors -------------------------------------------------------------- */

/* The data of the store's lookup of our kind, made where there is none yet. NULL: no memory. */
static lookup_data *
data_of_store(X509_STORE *store)
{
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, lookup_method);
    lookup_data *data;

    if (lookup == NULL)
        return NULL;
    if ((data = X509_LOOKUP_get_method_data(lookup)) != NULL
        || (data = calloc(1, sizeof *data)) == NULL)
        return data;
    if (X509_LOOKUP_set_method_data(lookup, data) != 1) {
        free(data);
        return NULL;
    }
    return data;
}

/*
 * OpenSSL asks lookups only for subjects of which the store has no certificate at all. So where it
 * has one already, others of that name (a renewed root) go into the store at once.
 */
static bool
load_known_names(iossl_bundle *b, X509_STORE *store)
{
    iossl_bundle *bundles[1] = {b};
    lookup_data one = {bundles, 1};
    STACK_OF(X509) *known = sk_X509_new_null();
    STACK_OF(X509) *found = sk_X509_new_null();
    STACK_OF(X509_OBJECT) *objects;
    bool ok = known != NULL && found != NULL;

    if (ok && (ok = X509_STORE_lock(store) == 1)) {
        objects = X509_STORE_get0_objects(store);
        for (int i = 0; ok && i < sk_X509_OBJECT_num(objects); i++) {
            X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

            if (cert != NULL && (ok = sk_X509_push(known, cert) > 0))
                X509_up_ref(cert);
        }
        (void)X509_STORE_unlock(store);
    }
    for (int i = 0; ok && i < sk_X509_num(known); i++) {
        ok = load_by_name(&one, store, X509_get_subject_name(sk_X509_value(known, i)), found);
        while (sk_X509_num(found) > 0)
            X509_free(sk_X509_pop(found));
    }
    free_certs(known);
    free_certs(found);
    return ok;
}

static bool
attach_bundle(X509_STORE *store, iossl_bundle *b)
{
    lookup_data *data = data_of_store(store);
    iossl_bundle **bundles;

    if (data == NULL
        || (bundles = realloc(data->bundles, (data->n + 1) * sizeof *bundles)) == NULL)
        return false;
    data->bundles = bundles;
    data->bundles[data->n++] = b;       /* ownership moves to the lookup */
    return true;
}

static iossl_status
add_file(X509_STORE *store, const char *file, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    iossl_bundle *b = bundle_get1(file, iossl_library_of_store(store), err);
    STACK_OF(X509_CRL) *crls;

    if (b == NULL)
        return IOSSL_ERROR;
    crls = iossl_bundle_get0_crls(b);
    for (int i = 0; i < sk_X509_CRL_num(crls); i++)
        if (X509_STORE_add_crl(store, sk_X509_CRL_value(crls, i)) != 1)
            goto done;
    if (!load_known_names(b, store) || !attach_bundle(store, b))
        goto done;
    b = NULL;
    status = IOSSL_OK;
done:
    if (status != IOSSL_OK)
        iossl_error_memory(err);
    iossl_bundle_free(b);
    return status;
}

static iossl_status
add_path(X509_STORE *store, const char *path, iossl_error *err)
{
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());

    if (lookup == NULL || X509_LOOKUP_add_dir(lookup, path, X509_FILETYPE_PEM) != 1) {
        iossl_error_set_openssl(err, IOSSL_E_CA, IOSSL_RANK_FATAL,
                                "Invalid certificate authority locations: SSL_ca_path \"%s\"",
                                path);
        return IOSSL_ERROR;
    }
    return IOSSL_OK;
}

iossl_status
iossl_castore_add(X509_STORE *store, const char *file, const char *path, iossl_error *err)
{
    iossl_status status = IOSSL_OK;

    iossl_error_clear_queue();
    if (!iossl_init(NULL) || !is_ready()) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    if (file != NULL)
        status = add_file(store, file, err);
    if (status == IOSSL_OK && path != NULL)
        status = add_path(store, path, err);
    iossl_error_clear_queue();
    return status;
}

/* ---- Checking before ------------------------------------------------------------------------- */

static iossl_status
check_path(const char *path, iossl_error *err)
{
    const char *at = path, *stop;
    int errnum = ENOENT;

    do {
        char *folder;
        DIR *dir;

        stop = strchr(at, PATH_SEPARATOR);
        folder = strndup(at, stop != NULL ? (size_t)(stop - at) : strlen(at));
        if (folder == NULL) {
            iossl_error_memory(err);
            return IOSSL_ERROR;
        }
        dir = folder[0] != '\0' ? opendir(folder) : NULL;
        if (dir == NULL && folder[0] != '\0' && errno != ENOENT)
            errnum = errno;             /* of several reasons, "not there" says the least */
        free(folder);
        if (dir != NULL) {
            (void)closedir(dir);
            return IOSSL_OK;
        }
        at = stop != NULL ? stop + 1 : NULL;
    } while (at != NULL);
    if (errnum == ENOENT) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL, "SSL_ca_path %s does not exist",
                        path);
    } else {
        iossl_error_set_errno(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL, errnum,
                              "SSL_ca_path %s is not accessible", path);
    }
    return IOSSL_ERROR;
}

iossl_status
iossl_castore_check(const char *file, const char *path, iossl_error *err)
{
    /* Not opened: it may be a pipe, which can be read only once. */
    if (file != NULL && faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) != 0) {
        iossl_error_set_errno(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL, errno,
                              "SSL_ca_file %s can't be used", file);
        return IOSSL_ERROR;
    }
    return path == NULL ? IOSSL_OK : check_path(path, err);
}
