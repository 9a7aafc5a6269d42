/*
 * library.c - the library context and property query that algorithms are fetched by: see library.h.
 *
 * Owns      the pair of both, the digests that we need ourselves, and its place beside an X509_STORE.
 * Promises  immutable but for the count of references, which any thread may change.
 * Leaves    the library context to the program; what is fetched by it to compat.h.
 * See       OSSL_LIB_CTX(3), property(7).
 */
#include "library.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "init.h"

static const iossl_library BY_DEFAULT = {.ctx = NULL};

const iossl_library *
iossl_library_default(void)
{
    return &BY_DEFAULT;
}

bool
iossl_library_is_default(const iossl_library *library)
{
    return library->ctx == NULL && library->propq == NULL;
}

const iossl_library *
iossl_library_new(struct ossl_lib_ctx_st *ctx, const char *propq)
{
    iossl_library *library;
    char *copy = NULL;

    if (ctx == NULL && propq == NULL)
        return &BY_DEFAULT;
    if ((library = calloc(1, sizeof *library)) == NULL
        || (propq != NULL && (copy = strdup(propq)) == NULL)) {
        free(library);
        return NULL;
    }
    atomic_init(&library->refs, 1);
    library->ctx = ctx;
    library->propq = copy;
    (void)ERR_set_mark();
    library->sha256 = iossl_compat_fetch_md(library, "SHA2-256");
    library->sha512 = iossl_compat_fetch_md(library, "SHA2-512");
    (void)ERR_pop_to_mark();
    return library;
}

/* What is counted isn't part of what is constant. */
static iossl_library *
counted(const iossl_library *library)
{
    return library == NULL || library == &BY_DEFAULT ? NULL : (iossl_library *)(uintptr_t)library;
}

const iossl_library *
iossl_library_up_ref(const iossl_library *library)
{
    iossl_library *own = counted(library);

    if (own != NULL)
        atomic_fetch_add_explicit(&own->refs, 1, memory_order_relaxed);
    return library;
}

void
iossl_library_free(const iossl_library *library)
{
    iossl_library *own = counted(library);

    if (own == NULL || atomic_fetch_sub_explicit(&own->refs, 1, memory_order_acq_rel) != 1)
        return;
    iossl_compat_free_md(own->sha256);
    iossl_compat_free_md(own->sha512);
    free((char *)(uintptr_t)own->propq);
    free(own);
}

bool
iossl_library_same(const iossl_library *a, const iossl_library *b)
{
    return a->ctx == b->ctx
           && (a->propq == NULL || b->propq == NULL ? a->propq == b->propq
                                                    : strcmp(a->propq, b->propq) == 0);
}

const EVP_MD *
iossl_library_sha256(const iossl_library *library)
{
    return library->sha256 != NULL ? library->sha256 : iossl_init_sha256();
}

/* ---- Beside a store -------------------------------------------------------------------------- */

bool
iossl_library_set_store(X509_STORE *store, const iossl_library *library)
{
    const iossl_library *own;

    if (iossl_library_is_default(library))
        return true;
    own = iossl_library_up_ref(library);
    if (X509_STORE_set_ex_data(store, iossl_init_store_index(), (void *)(uintptr_t)own) == 1)
        return true;
    iossl_library_free(own);
    return false;
}

const iossl_library *
iossl_library_of_store(const X509_STORE *store)
{
    const iossl_library *library
        = X509_STORE_get_ex_data((X509_STORE *)(uintptr_t)store, iossl_init_store_index());

    return library == NULL ? &BY_DEFAULT : library;
}

void
iossl_library_free_ex_data(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl,
                           void *argp)
{
    (void)parent, (void)ad, (void)index, (void)argl, (void)argp;
    iossl_library_free(ptr);
}
