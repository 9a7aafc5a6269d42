/*
 * ticket_file.c - keys for session tickets in a file, which processes share and a command rotates.
 *
 * Owns      the form of the file, replacing it, noticing that it was replaced.
 * Promises  the file is replaced as a whole, so nobody reads half of it; it is private, or refused;
 *           a new key is known at the latest when the first ticket under it comes. A file that can't
 *           be read any more leaves the keys that were there, and is told of, once for each reason.
 * Leaves    what keys are used for to tickets.c.
 *
 * One key in a line, the one to encrypt with first: its name (16 bytes) and its bytes (32, 48 or 64) in
 * hexadecimal, with a space between. Lines that begin with # say nothing.
 */
#include "ticket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "error.h"
#include "file.h"
#include "tickets.h"

#define MAX_BYTES 65536
#define MAX_KEYS 256

/* How long the keys are taken for those of the file without looking, where all that come are known. */
#define LOOK_AGAIN_MS 1000

struct iossl_ticket_file {
    atomic_size_t refs;
    pthread_mutex_t lock;       /* of what follows */
    char *path;                 /* owned */
    struct stat info;           /* of the file that was read */
    iossl_tickets tickets;      /* its keys */
    int64_t next_look;
    iossl_error *why;           /* it can't be read any more; owned, empty: it can */
    bool is_news;               /* nobody has asked for that yet */
};

/* ---- The form -------------------------------------------------------------------------------- */

static int
hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Bytes from pairs of digits, up to size; how many, where the digits end: *end. */
static size_t
take_hex(const char *text, unsigned char *out, size_t size, const char **end)
{
    size_t n = 0;

    while (n < size && hex_value(text[0]) >= 0 && hex_value(text[1]) >= 0) {
        out[n++] = (unsigned char)(hex_value(text[0]) << 4 | hex_value(text[1]));
        text += 2;
    }
    *end = text;
    return n;
}

static bool
take_key(const char *line, iossl_ticket_key *key)
{
    const char *p;

    memset(key, 0, sizeof *key);
    if (take_hex(line, key->name, sizeof key->name, &p) != sizeof key->name || *p != ' ')
        return false;
    key->key_len = take_hex(p + 1, key->key, sizeof key->key, &p);
    return p[strspn(p, " \t\r")] == '\0';
}

static iossl_status
bad_file(iossl_error *err, const char *path, int errnum, const char *why)
{
    if (errnum != 0)
        iossl_error_set_errno(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, errnum, "ticket keys %s: %s",
                              path, why);
    else
        iossl_error_set(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, "ticket keys %s: %s", path, why);
    return IOSSL_ERROR;
}

/* Reads all keys into tickets, which is empty; *info is what was read. */
static iossl_status
read_keys(iossl_tickets *tickets, const char *path, struct stat *info, iossl_error *err)
{
    iossl_ticket_key *keys = NULL;
    iossl_status status = IOSSL_ERROR;
    iossl_file file;
    size_t n = 0, line_number = 0;
    int errnum = iossl_file_read(&file, path, MAX_BYTES);
    char *rest, text[64];

    if (errnum != 0)
        return bad_file(err, path, errnum, "can't be read");
    *info = file.info;
    if (S_ISREG(info->st_mode) && (info->st_mode & (S_IRWXO | S_IWGRP)) != 0) {
        (void)snprintf(text, sizeof text, "others may read or change it (mode %04o); chmod 600",
                       (unsigned)(info->st_mode & 07777));
        (void)bad_file(err, path, 0, text);
        goto done;
    }
    if ((keys = calloc(MAX_KEYS, sizeof *keys)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    rest = (char *)file.bytes;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        line_number++;
        if (line[0] == '#' || line[strspn(line, " \t\r")] == '\0')
            continue;
        if (n == MAX_KEYS || !take_key(line, &keys[n])) {
            (void)snprintf(text, sizeof text, "line %zu is no key", line_number);
            (void)bad_file(err, path, 0, n == MAX_KEYS ? "too many keys" : text);
            goto done;
        }
        n++;
    }
    if (n == 0) {
        (void)bad_file(err, path, 0, "there is no key in it");
        goto done;
    }
    if ((status = iossl_tickets_set_keys(tickets, keys, n, err)) != IOSSL_OK)
        iossl_error_append(err, " (in %s)", path);
done:
    if (keys != NULL)
        OPENSSL_cleanse(keys, MAX_KEYS * sizeof *keys);
    free(keys);
    iossl_file_cleanup(&file);
    return status;
}

/* ---- A file in use --------------------------------------------------------------------------- */

iossl_ticket_file *
iossl_ticket_file_open(const char *path, iossl_error *err)
{
    iossl_ticket_file *file = calloc(1, sizeof *file);

    if (file == NULL || (file->path = strdup(path)) == NULL || (file->why = iossl_error_new()) == NULL
        || pthread_mutex_init(&file->lock, NULL) != 0) {
        if (file != NULL) {
            free(file->path);
            iossl_error_free(file->why);
        }
        free(file);
        iossl_error_memory(err);
        return NULL;
    }
    atomic_init(&file->refs, 1);
    if (read_keys(&file->tickets, path, &file->info, err) != IOSSL_OK) {
        iossl_ticket_file_free(file);
        return NULL;
    }
    file->next_look = iossl_now_ms() + LOOK_AGAIN_MS;
    return file;
}

iossl_ticket_file *
iossl_ticket_file_up_ref(iossl_ticket_file *file)
{
    if (file != NULL)
        atomic_fetch_add_explicit(&file->refs, 1, memory_order_relaxed);
    return file;
}

void
iossl_ticket_file_free(iossl_ticket_file *file)
{
    if (file == NULL || atomic_fetch_sub_explicit(&file->refs, 1, memory_order_acq_rel) != 1)
        return;
    (void)pthread_mutex_destroy(&file->lock);
    iossl_tickets_cleanup(&file->tickets);
    iossl_error_free(file->why);
    free(file->path);
    free(file);
}

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Notes why the file can't be read; err: an empty one to write that to, NULL without memory. */
static iossl_status
reread(iossl_ticket_file *file, iossl_tickets *fresh, struct stat *info, iossl_error *err)
{
    if (stat(file->path, info) != 0)
        return bad_file(err, file->path, errno, "can't be read any more, its last keys stay in use");
    if (is_same_file(info, &file->info))
        return IOSSL_OK;
    if (read_keys(fresh, file->path, info, err) == IOSSL_OK)
        return IOSSL_OK;
    iossl_error_append(err, "; its last keys stay in use");
    return IOSSL_ERROR;
}

/* Reads the file again if it is another now. */
static void
look_again(iossl_ticket_file *file)
{
    struct stat info;
    iossl_tickets fresh = {.n_keys = 0};
    iossl_error *why = iossl_error_new();

    file->next_look = iossl_now_ms() + LOOK_AGAIN_MS;
    if (reread(file, &fresh, &info, why) != IOSSL_OK) {
        file->is_news = file->is_news
                        || strcmp(iossl_error_message(why), iossl_error_message(file->why)) != 0;
        iossl_error_clear(file->why);
        iossl_error_copy(file->why, why);
    } else {
        iossl_error_clear(file->why);
        file->is_news = false;
    }
    if (fresh.n_keys > 0) {
        iossl_tickets_cleanup(&file->tickets);
        file->tickets = fresh;
        file->info = info;
    }
    iossl_error_free(why);
}

bool
iossl_ticket_file_take_error(iossl_ticket_file *file, iossl_error *err)
{
    bool is_news;

    (void)pthread_mutex_lock(&file->lock);
    if ((is_news = file->is_news))
        iossl_error_copy(err, file->why);
    file->is_news = false;
    (void)pthread_mutex_unlock(&file->lock);
    return is_news;
}

iossl_ticket_result
iossl_ticket_file_find(iossl_ticket_file *file, const unsigned char *name, iossl_ticket_key *key)
{
    iossl_ticket_result result;

    (void)pthread_mutex_lock(&file->lock);
    if (iossl_now_ms() >= file->next_look)
        look_again(file);
    result = iossl_tickets_find(&file->tickets, name, key);
    if (result == IOSSL_TICKET_KEY_UNKNOWN) {   /* perhaps another process has a newer one */
        look_again(file);
        result = iossl_tickets_find(&file->tickets, name, key);
    }
    (void)pthread_mutex_unlock(&file->lock);
    return result;
}

/* ---- Rotating -------------------------------------------------------------------------------- */

static bool
write_keys(FILE *f, const iossl_ticket_key *keys, size_t n)
{
    bool ok = fputs("# Keys of session tickets: the first encrypts, all decrypt. Keep them secret.\n",
                    f) >= 0;

    for (size_t i = 0; ok && i < n; i++) {
        for (size_t j = 0; j < sizeof keys[i].name; j++)
            (void)fprintf(f, "%02x", keys[i].name[j]);
        (void)fputc(' ', f);
        for (size_t j = 0; j < keys[i].key_len; j++)
            (void)fprintf(f, "%02x", keys[i].key[j]);
        ok = fputc('\n', f) != EOF;
    }
    return ok && fflush(f) == 0 && ferror(f) == 0 && fsync(fileno(f)) == 0;
}

/* Puts a new file in the place of path; one that is there keeps owner, group and mode. */
static iossl_status
replace_file(const char *path, const struct stat *before, const iossl_ticket_key *keys, size_t n,
             iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    size_t size = strlen(path) + sizeof ".XXXXXX";
    char *temporary = malloc(size);
    struct stat now;
    FILE *f = NULL;
    int fd = -1;

    if (temporary == NULL) {
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    (void)snprintf(temporary, size, "%s.XXXXXX", path);
    if ((fd = mkostemp(temporary, O_CLOEXEC)) < 0) {
        (void)bad_file(err, path, errno, "can't be replaced");
        free(temporary);
        return IOSSL_ERROR;
    }
    if (before != NULL
        && (fstat(fd, &now) != 0
            || ((before->st_uid != now.st_uid || before->st_gid != now.st_gid)
                && fchown(fd, before->st_uid, before->st_gid) != 0)
            || fchmod(fd, before->st_mode & 0640) != 0)) {
        (void)bad_file(err, path, errno, "its owner and mode can't be kept");
        goto done;
    }
    if ((f = fdopen(fd, "w")) == NULL || !write_keys(f, keys, n) || rename(temporary, path) != 0) {
        (void)bad_file(err, path, errno, "can't be written");
        goto done;
    }
    status = IOSSL_OK;
done:
    if (f != NULL)
        (void)fclose(f);
    else
        (void)close(fd);
    if (status != IOSSL_OK)
        (void)unlink(temporary);
    free(temporary);
    return status;
}

iossl_status
iossl_ticket_keys_read(iossl_ticket_key **keys, size_t *n, const char *path, iossl_error *err)
{
    iossl_tickets tickets = {.n_keys = 0};
    struct stat info;

    *keys = NULL;
    *n = 0;
    if (read_keys(&tickets, path, &info, err) != IOSSL_OK)
        return IOSSL_ERROR;
    *keys = tickets.keys;
    *n = tickets.n_keys;
    return IOSSL_OK;
}

void
iossl_ticket_keys_free(iossl_ticket_key *keys, size_t n)
{
    iossl_tickets tickets = {.keys = keys, .n_keys = n};

    iossl_tickets_cleanup(&tickets);
}

iossl_status
iossl_ticket_keys_rotate(const char *path, size_t keep, iossl_error *err)
{
    iossl_tickets old = {.n_keys = 0};
    iossl_ticket_key *keys = NULL;
    iossl_status status = IOSSL_ERROR;
    bool exists = access(path, F_OK) == 0;
    struct stat info;
    size_t n;

    if (keep == 0 || keep > MAX_KEYS) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                        "ticket keys %s: 1 to %d keys can be kept, not %zu", path, MAX_KEYS, keep);
        return IOSSL_ERROR;
    }
    if (exists && read_keys(&old, path, &info, err) != IOSSL_OK)
        return IOSSL_ERROR;
    n = old.n_keys < keep ? old.n_keys + 1 : keep;
    if ((keys = calloc(n, sizeof *keys)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    keys[0].key_len = sizeof keys[0].key;
    if (RAND_bytes(keys[0].name, sizeof keys[0].name) != 1
        || RAND_priv_bytes(keys[0].key, sizeof keys[0].key) != 1) {
        iossl_error_set_openssl(err, IOSSL_E_SYSTEM, IOSSL_RANK_FATAL,
                                "no random bytes for a ticket key");
        goto done;
    }
    if (n > 1)
        memcpy(keys + 1, old.keys, (n - 1) * sizeof *keys);
    status = replace_file(path, exists ? &info : NULL, keys, n, err);
done:
    iossl_ticket_keys_free(keys, n);
    iossl_tickets_cleanup(&old);
    return status;
}
