/*
 * reload.c - certificates, keys and CAs that are replaced while a server runs.
 *
 * Owns      the configuration that contexts are made of again, the one in force, when to look.
 * Promises  a context is never changed: a new one takes its place, for new connections; those that
 *           are open keep theirs. What can't be loaded changes nothing, and is tried again. One thread
 *           loads, the others go on with what there is.
 * Leaves    making a context to context.c.
 */
#include "reload.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "context.h"
#include "error.h"
#include "uri.h"

struct iossl_reload {
    iossl_config *config;       /* owned; not changed any more */
    int64_t every_ms;           /* 0: only when told to */
    pthread_mutex_t building;   /* held by who loads; and of what follows, up to the next lock: */
    uint64_t seen;              /* what the files were like when they were read last */
    bool has_failed;
    pthread_mutex_t lock;       /* of what follows: */
    iossl_ctx *current;         /* a reference; NULL: the first is in force */
    int64_t next_check;
    iossl_error *why;           /* of the last attempt; owned */
    bool is_news;               /* nobody has asked for it yet */
};

static void
lock(pthread_mutex_t *mutex)
{
    (void)pthread_mutex_lock(mutex);
}

static void
unlock(pthread_mutex_t *mutex)
{
    (void)pthread_mutex_unlock(mutex);
}

/* ---- What the files are like ----------------------------------------------------------------- */

/* FNV-1a: tells a change, and guards nothing. */
static void
mix(uint64_t *hash, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++)
        *hash = (*hash ^ p[i]) * UINT64_C(0x100000001b3);
}

static void
mix_file(uint64_t *hash, const char *file)
{
    struct stat info;
    int64_t facts[6] = {0};

    if (file == NULL)
        return;
    if (iossl_uri_is(file) && iossl_uri_path(file) != NULL)
        file = iossl_uri_path(file);
    if (stat(file, &info) == 0) {
        facts[0] = 1;
        facts[1] = (int64_t)info.st_dev;
        facts[2] = (int64_t)info.st_ino;
        facts[3] = (int64_t)info.st_size;
        facts[4] = (int64_t)info.st_mtim.tv_sec;
        facts[5] = (int64_t)info.st_mtim.tv_nsec;
    }
    mix(hash, facts, sizeof facts);
}

/* Folders with colons between: of a folder the time changes when a file comes or goes. */
static void
mix_path(uint64_t *hash, const char *path)
{
    char *copy = path == NULL ? NULL : strdup(path), *rest = copy;

    for (char *folder; copy != NULL && (folder = strsep(&rest, ":")) != NULL;)
        mix_file(hash, folder);
    free(copy);
}

/* The system's CAs, wherever they are now. */
static void
mix_default_ca(uint64_t *hash)
{
    char *file = NULL, *path = NULL;

    if (iossl_default_ca(&file, &path, NULL) != IOSSL_OK)
        return;
    mix_file(hash, file);
    mix_path(hash, path);
    free(file);
    free(path);
}

static uint64_t
look(const iossl_config *config)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < iossl_strmap_count(config->host_certs); i++) {
        const iossl_host_cert *hc = iossl_strmap_value(config->host_certs, i);

        mix_file(&hash, hc->cert_file);
        mix_file(&hash, hc->key_file);
    }
    mix_file(&hash, config->ca_file);
    mix_path(&hash, config->ca_path);
    if (iossl_config_uses_default_ca(config))
        mix_default_ca(&hash);
    mix_file(&hash, config->client_ca_file);
    mix_file(&hash, config->crl_file);
    return hash;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static bool
init_locks(iossl_reload *reload)
{
    pthread_mutexattr_t kind;
    bool ok = pthread_mutexattr_init(&kind) == 0;

    /* A callback of the program that loading runs may want to load, too: it is told so. */
    ok = ok && pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK) == 0
         && pthread_mutex_init(&reload->building, &kind) == 0;
    (void)pthread_mutexattr_destroy(&kind);
    return ok && pthread_mutex_init(&reload->lock, NULL) == 0;
}

iossl_reload *
iossl_reload_new(iossl_config *config, int64_t every_s, iossl_error *err)
{
    iossl_reload *reload = calloc(1, sizeof *reload);

    if (reload == NULL || (reload->why = iossl_error_new()) == NULL || !init_locks(reload)) {
        if (reload != NULL)
            iossl_error_free(reload->why);
        free(reload);
        iossl_config_free(config);
        iossl_error_memory(err);
        return NULL;
    }
    reload->config = config;
    reload->every_ms = every_s <= 0 ? 0 : every_s < INT64_MAX / 2000 ? every_s * 1000 : INT64_MAX / 2;
    reload->next_check = iossl_now_ms() + reload->every_ms;
    return reload;
}

void
iossl_reload_free(iossl_reload *reload)
{
    if (reload == NULL)
        return;
    iossl_ctx_free(reload->current);
    iossl_config_free(reload->config);
    iossl_error_free(reload->why);
    (void)pthread_mutex_destroy(&reload->building);
    (void)pthread_mutex_destroy(&reload->lock);
    free(reload);
}

const iossl_config *
iossl_reload_begin(iossl_reload *reload)
{
    reload->seen = look(reload->config);
    return reload->config;
}

/* ---- Loading --------------------------------------------------------------------------------- */

static iossl_ctx *
current1(iossl_reload *reload, iossl_ctx *first)
{
    iossl_ctx *ctx;

    lock(&reload->lock);
    ctx = iossl_ctx_up_ref(reload->current != NULL ? reload->current : first);
    unlock(&reload->lock);
    return ctx;
}

/* By who holds `building`. */
static iossl_status
load(iossl_reload *reload, iossl_ctx *first, iossl_error *err)
{
    iossl_ctx *old = current1(reload, first);
    iossl_ctx *next;

    reload->seen = look(reload->config);    /* before they are read: a later change is seen later */
    next = iossl_ctx_new_after(reload->config, old, err);
    reload->has_failed = next == NULL;
    iossl_ctx_free(old);
    lock(&reload->lock);
    reload->is_news = next == NULL;
    iossl_error_clear(reload->why);
    if (next == NULL) {
        iossl_error_copy(reload->why, err);
    } else {
        old = reload->current;
        reload->current = next;
    }
    unlock(&reload->lock);
    if (next == NULL)
        return IOSSL_ERROR;
    iossl_ctx_free(old);
    return IOSSL_OK;
}

static bool
is_due(iossl_reload *reload)
{
    int64_t now = iossl_now_ms();
    bool due;

    lock(&reload->lock);
    if ((due = now >= reload->next_check))
        reload->next_check = now + reload->every_ms;
    unlock(&reload->lock);
    return due;
}

iossl_ctx *
iossl_reload_get1(iossl_reload *reload, iossl_ctx *first)
{
    if (reload->every_ms > 0 && is_due(reload) && pthread_mutex_trylock(&reload->building) == 0) {
        if (reload->has_failed || look(reload->config) != reload->seen) {
            iossl_error *why = iossl_error_new();

            (void)load(reload, first, why);
            iossl_error_free(why);
        }
        unlock(&reload->building);
    }
    return current1(reload, first);
}

iossl_status
iossl_reload_now(iossl_reload *reload, iossl_ctx *first, iossl_error *err)
{
    iossl_status status;

    if (pthread_mutex_lock(&reload->building) != 0) {
        iossl_error_set(err, IOSSL_E_STATE, IOSSL_RANK_FATAL,
                        "reload: a callback of this very reload asked for it");
        return IOSSL_ERROR;
    }
    status = load(reload, first, err);
    lock(&reload->lock);
    reload->is_news = false;            /* the caller has it */
    unlock(&reload->lock);
    unlock(&reload->building);
    return status;
}

bool
iossl_reload_take_error(iossl_reload *reload, iossl_error *err)
{
    bool is_news;

    lock(&reload->lock);
    if ((is_news = reload->is_news))
        iossl_error_copy(err, reload->why);
    reload->is_news = false;
    unlock(&reload->lock);
    return is_news;
}
