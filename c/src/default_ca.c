/*
 * default_ca.c - where this system keeps its CA certificates.
 *
 * Owns      the search: the environment first, then where OpenSSL was built to look.
 * Promises  what is found holds certificates, as far as its first lines tell; looks anew each time.
 * Leaves    reading it to castore.c, remembering the answer to the caller.
 * See       X509_get_default_cert_file(3), openssl-env(7), openssl-rehash(1).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "error.h"
#include "iossl.h"

/* Is this a line that begins a certificate? What follows the label isn't looked at. */
static bool
begins_cert(const char *line)
{
    static const char *const BEGINNINGS[] = {
        "-----BEGIN CERTIFICATE-",
        "-----BEGIN X509 CERTIFICATE-",
        "-----BEGIN TRUSTED CERTIFICATE-",
    };

    for (size_t i = 0; i < sizeof BEGINNINGS / sizeof BEGINNINGS[0]; i++)
        if (strncmp(line, BEGINNINGS[i], strlen(BEGINNINGS[i])) == 0)
            return true;
    return false;
}

static bool
has_cert(const char *file)
{
    FILE *f = fopen(file, "rbe");
    char line[256];
    bool at_start = true, found = false;

    if (f == NULL)
        return false;
    while (!found && fgets(line, sizeof line, f) != NULL) {
        found = at_start && begins_cert(line);
        at_start = strchr(line, '\n') != NULL;
    }
    (void)fclose(f);
    return found;
}

/* Is this how openssl-rehash(1) names a certificate: eight digits, perhaps a dot and a number? */
static bool
is_hash_name(const char *name)
{
    size_t n = strspn(name, "0123456789abcdef");

    if (n != 8)
        return false;
    if (name[8] == '\0')
        return true;
    return name[8] == '.' && name[9] != '\0' && name[9 + strspn(name + 9, "0123456789")] == '\0';
}

/* "dir/name"; free() it. NULL: no memory. */
static char *
join(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *joined = malloc(size);

    if (joined != NULL)
        (void)snprintf(joined, size, "%s/%s", dir, name);
    return joined;
}

/* Does the folder hold certificates where X509_LOOKUP_hash_dir looks for them? *ok: memory. */
static bool
is_hash_dir(const char *path, bool *ok)
{
    DIR *dir = opendir(path);
    const struct dirent *item;
    bool found = false;

    if (dir == NULL)
        return false;
    while (*ok && !found && (item = readdir(dir)) != NULL) {
        char *file;

        if (!is_hash_name(item->d_name))
            continue;
        if ((*ok = (file = join(path, item->d_name)) != NULL))
            found = has_cert(file);
        free(file);
    }
    (void)closedir(dir);
    return found;
}

/* The environment's value, else the default; a setuid program doesn't trust its caller's. */
static const char *
from_environment(const char *variable, const char *fallback)
{
    bool is_own = getuid() == geteuid() && getgid() == getegid();
    const char *value = is_own ? getenv(variable) : NULL;

    return value != NULL && value[0] != '\0' ? value : fallback;
}

iossl_status
iossl_default_ca(char **file, char **path, iossl_error *err)
{
    const char *file_name = from_environment(X509_get_default_cert_file_env(),
                                             X509_get_default_cert_file());
    const char *path_name = from_environment(X509_get_default_cert_dir_env(),
                                             X509_get_default_cert_dir());
    bool ok = true;

    *file = *path = NULL;
    if (is_hash_dir(path_name, &ok) && ok)
        ok = (*path = strdup(path_name)) != NULL;
    if (ok && has_cert(file_name))
        ok = (*file = strdup(file_name)) != NULL;
    if (ok)
        return IOSSL_OK;
    free(*path);
    *path = NULL;
    iossl_error_memory(err);
    return IOSSL_ERROR;
}
