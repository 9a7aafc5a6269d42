/*
 * context.c - an SSL_CTX, or one for each server name, built from a configuration.
 *
 * Owns      the life of a context: the order in which it is built, what it takes over from the one
 *           before it.
 * Promises  immutable once built, so shared by threads without locks.
 * Leaves    each part of building to the file that is named after it (context_parts.h), whom to believe
 *           to verify.c (its settings only start here: each connection has its own).
 * See       SSL_CTX_new(3), SSL_CTX_set_session_id_context(3).
 */
#include "context.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "certs.h"
#include "compat.h"
#include "config.h"
#include "context_parts.h"
#include "error.h"
#include "init.h"
#include "reload.h"
#include "strmap.h"
#include "ticket_file.h"

/* ---- After another context ------------------------------------------------------------------- */

static bool
trusts_the_same(const iossl_ctx *a, const iossl_ctx *b)
{
    return memcmp(a->trust, b->trust, sizeof a->trust) == 0;
}

/*
 * OpenSSL's own ticket keys go on to the context that takes another's place, or all clients would need
 * full handshakes. Not where other CAs are trusted now: what they vouched for is over.
 */
static bool
inherit_tickets(const iossl_ctx *ctx, const iossl_ctx *previous)
{
    unsigned char keys[256];
    long len = SSL_CTX_get_tlsext_ticket_keys(ctx->fallback->ssl_ctx, NULL, 0);
    bool ok = true;

    if (ctx->role != IOSSL_SERVER || !trusts_the_same(ctx, previous) || len <= 0
        || (size_t)len > sizeof keys)
        return true;
    ok = SSL_CTX_get_tlsext_ticket_keys(previous->fallback->ssl_ctx, keys, len) == 1
         && SSL_CTX_set_tlsext_ticket_keys(ctx->fallback->ssl_ctx, keys, len) == 1;
    OPENSSL_cleanse(keys, sizeof keys);
    return ok;
}

/*
 * A server that verifies clients has to name its set of sessions (SSL_CTX_set_session_id_context(3)),
 * and sessions made under other settings must not resume here: so the name is random by default.
 */
static iossl_status
choose_sid_ctx(const iossl_config *config, iossl_ctx *ctx, const iossl_ctx *previous,
               iossl_error *err)
{
    if (previous != NULL && trusts_the_same(ctx, previous)) {
        memcpy(ctx->id, previous->id, sizeof ctx->id);
    } else if (iossl_compat_random(config->verify.library, ctx->id, sizeof ctx->id) != 1) {
        iossl_error_set_openssl(err, IOSSL_E_SYSTEM, IOSSL_RANK_FATAL,
                                "no random bytes for a session id context");
        return IOSSL_ERROR;
    }
    ctx->sid_ctx_len = config->sid_ctx_len > 0 ? config->sid_ctx_len : sizeof ctx->id;
    memcpy(ctx->sid_ctx, config->sid_ctx_len > 0 ? config->sid_ctx : ctx->id, ctx->sid_ctx_len);
    return IOSSL_OK;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void
free_identity(void *identity)
{
    iossl_identity_free(identity);
}

static void
free_key(void *key)
{
    EVP_PKEY_free(key);
}

static bool
copy_protocols(iossl_protocols *to, const iossl_protocols *from)
{
    if (from->len == 0)
        return true;
    if ((to->wire = malloc(from->len)) == NULL)
        return false;
    memcpy(to->wire, from->wire, from->len);
    to->len = from->len;
    return true;
}

/* How many answers the cache of a context holds: its servers' chains, for most programs. */
#define OCSP_CACHE_SIZE 100

static bool
make_ocsp_place(iossl_ctx *ctx)
{
    iossl_ocsp_cache *cache = iossl_ocsp_cache_new(OCSP_CACHE_SIZE, NULL);

    if (cache != NULL)
        ctx->ocsp_place = iossl_ocsp_place_new_cache(cache);
    iossl_ocsp_cache_free(cache);
    return ctx->ocsp_place != NULL;
}

static iossl_ctx *
new_empty(const iossl_config *config, iossl_error *err)
{
    iossl_ctx *ctx = calloc(1, sizeof *ctx);

    if (ctx == NULL) {
        iossl_error_memory(err);
        return NULL;
    }
    atomic_init(&ctx->refs, 1);
    atomic_init(&ctx->lacks_staple, false);
    if (pthread_mutex_init(&ctx->dane_lock, NULL) != 0) {
        free(ctx);
        iossl_error_memory(err);
        return NULL;
    }
    ctx->role = config->role;
    ctx->keylog.fd = -1;
    ctx->key_update_bytes = config->key_update_bytes;
    ctx->max_early_data = config->max_early_data;
    ctx->insists_on_early_data = config->insists_on_early_data;
    ctx->wants_ktls = config->wants_ktls;
    if (config->role == IOSSL_SERVER) {
        ctx->host_cb = config->host_cb;
        ctx->host_arg = config->host_arg;
    }
    ctx->is_shaped = config->ssl_ctx_cb != NULL;
    iossl_verify_settings_copy(&ctx->verify, &config->verify);
    if ((ctx->hosts = iossl_strmap_new(iossl_ctx_free_host_entry)) == NULL
        || !make_ocsp_place(ctx)
        || !copy_protocols(&ctx->alpn, &config->alpn) || !copy_protocols(&ctx->npn, &config->npn)
        || !iossl_tickets_copy(&ctx->tickets, &config->tickets)
        || !iossl_psks_copy(&ctx->psks, &config->psks)) {
        iossl_ctx_free(ctx);
        iossl_error_memory(err);
        return NULL;
    }
    return ctx;
}

iossl_ctx *
iossl_ctx_new(const iossl_config *config, iossl_error *err)
{
    return iossl_ctx_new_after(config, NULL, err);
}

iossl_ctx *
iossl_ctx_new_after(const iossl_config *config, const iossl_ctx *previous, iossl_error *err)
{
    builder b = {.config = config};
    iossl_status status = IOSSL_ERROR;

    if (config == NULL) {       /* making it failed, and err says why */
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FALLBACK, "a context needs a config");
        return NULL;
    }
    if (!iossl_init(err))
        return NULL;
    iossl_error_clear_queue();
    if ((b.ctx = new_empty(config, err)) == NULL)
        return NULL;
    b.identities = iossl_strmap_new(free_identity);
    b.keys = iossl_strmap_new(free_key);
    if (b.identities == NULL || b.keys == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    if (iossl_ctx_build_store(&b, err) != IOSSL_OK
        || choose_sid_ctx(config, b.ctx, previous, err) != IOSSL_OK
        || iossl_keylog_open(&b.ctx->keylog, &config->keylog, err) != IOSSL_OK
        || iossl_ctx_build_client_ca_names(&b, err) != IOSSL_OK
        || iossl_ctx_build_hosts(&b, err) != IOSSL_OK)
        goto done;
    if (previous != NULL && !inherit_tickets(b.ctx, previous)) {
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "SSL Context init failed");
        goto done;
    }
    if (previous != NULL)
        iossl_ctx_inherit_staples(b.ctx, previous);
    status = IOSSL_OK;
done:
    iossl_strmap_free(b.identities);
    iossl_strmap_free(b.keys);
    X509_STORE_free(b.store);
    sk_X509_NAME_pop_free(b.client_ca_names, X509_NAME_free);
    iossl_error_clear_queue();
    if (status != IOSSL_OK) {
        iossl_ctx_free(b.ctx);
        b.ctx = NULL;
    }
    return b.ctx;
}

iossl_ctx *
iossl_ctx_new_reloadable(iossl_config *config, int64_t every_s, iossl_error *err)
{
    iossl_reload *reload;
    iossl_ctx *ctx = NULL;

    if (config == NULL)
        return iossl_ctx_new(NULL, err);        /* says so */
    if ((reload = iossl_reload_new(config, every_s, err)) == NULL)
        return NULL;
    if ((ctx = iossl_ctx_new(iossl_reload_begin(reload), err)) == NULL)
        iossl_reload_free(reload);
    else
        ctx->reload = reload;
    return ctx;
}

iossl_ctx *
iossl_ctx_get1_current(iossl_ctx *ctx)
{
    return ctx->reload == NULL ? iossl_ctx_up_ref(ctx) : iossl_reload_get1(ctx->reload, ctx);
}

iossl_status
iossl_ctx_reload(iossl_ctx *ctx, iossl_error *err)
{
    if (ctx->reload != NULL)
        return iossl_reload_now(ctx->reload, ctx, err);
    iossl_error_set(err, IOSSL_E_STATE, IOSSL_RANK_FATAL,
                    "reload: this context was not made to be reloaded; give it SSL_reload, or make it "
                    "with iossl_ctx_new_reloadable()");
    return IOSSL_ERROR;
}

bool
iossl_ctx_take_reload_error(iossl_ctx *ctx, iossl_error *err)
{
    return ctx->reload != NULL && iossl_reload_take_error(ctx->reload, err);
}

bool
iossl_ctx_take_trouble(iossl_ctx *given, iossl_error *err)
{
    iossl_ctx *ctx = iossl_ctx_get1_current(given);
    bool found = (ctx->tickets.file != NULL && iossl_ticket_file_take_error(ctx->tickets.file, err))
                 || iossl_ctx_take_missing_staple(ctx, err);

    iossl_ctx_free(ctx);
    return found;
}

iossl_ctx *
iossl_ctx_up_ref(iossl_ctx *ctx)
{
    if (ctx != NULL)
        atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

void
iossl_ctx_free(iossl_ctx *ctx)
{
    if (ctx == NULL || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1)
        return;
    iossl_reload_free(ctx->reload);
    iossl_strmap_free(ctx->hosts);
    iossl_verify_settings_cleanup(&ctx->verify);
    iossl_ocsp_place_free(ctx->ocsp_place);
    free(ctx->alpn.wire);
    free(ctx->npn.wire);
    iossl_tickets_cleanup(&ctx->tickets);
    iossl_psks_cleanup(&ctx->psks);
    iossl_keylog_cleanup(&ctx->keylog);
    (void)pthread_mutex_destroy(&ctx->dane_lock);
    free(ctx);
    iossl_error_clear_queue();  /* freeing an SSL_CTX allocates, and may complain */
}

/* ---- Asking ---------------------------------------------------------------------------------- */

iossl_role
iossl_ctx_get_role(const iossl_ctx *ctx)
{
    return ctx->role;
}

int
iossl_ctx_get_verify_mode(const iossl_ctx *ctx)
{
    return ctx->verify.mode;
}

SSL_CTX *
iossl_ctx_get0_ssl_ctx(const iossl_ctx *ctx)
{
    return ctx->fallback->ssl_ctx;
}

const unsigned char *
iossl_ctx_get0_verified_sid_ctx(const iossl_ctx *ctx, size_t *len)
{
    *len = ctx->sid_ctx_len;
    return ctx->sid_ctx;
}

iossl_ocsp_place *
iossl_ctx_get0_ocsp_place(const iossl_ctx *ctx)
{
    return ctx->ocsp_place;
}

iossl_ocsp_cache *
iossl_ctx_get0_ocsp_cache(const iossl_ctx *ctx)
{
    return iossl_ocsp_place_get0_cache(ctx->ocsp_place);
}

const iossl_tickets *
iossl_ctx_get0_tickets(const iossl_ctx *ctx)
{
    return &ctx->tickets;
}

const iossl_psks *
iossl_ctx_get0_psks(const iossl_ctx *ctx)
{
    return &ctx->psks;
}

size_t
iossl_ctx_get_max_early_data(const iossl_ctx *ctx, bool *insists)
{
    *insists = ctx->insists_on_early_data;
    return ctx->max_early_data;
}

bool
iossl_ctx_wants_ktls(const iossl_ctx *ctx)
{
    return ctx->wants_ktls;
}

uint64_t
iossl_ctx_get_key_update_bytes(const iossl_ctx *ctx)
{
    return ctx->key_update_bytes;
}

const iossl_keylog *
iossl_ctx_get0_keylog(const iossl_ctx *ctx)
{
    return &ctx->keylog;
}

const iossl_verify_settings *
iossl_ctx_get0_verify_settings(const iossl_ctx *ctx)
{
    return &ctx->verify;
}

const unsigned char *
iossl_ctx_get0_trust(const iossl_ctx *ctx)
{
    return ctx->trust;
}

const unsigned char *
iossl_ctx_get0_id(const iossl_ctx *ctx)
{
    return ctx->id;
}

bool
iossl_ctx_is_shaped(const iossl_ctx *ctx)
{
    return ctx->is_shaped;
}
