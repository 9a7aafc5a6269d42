/*
 * file.c - a whole file in memory.
 *
 * Owns      opening, the loop over read(2), the bound.
 * Promises  a file is opened once, so that all that is tried on its content sees the same; what was
 *           read is cleansed, also where the buffer had to move.
 * Leaves    the sentence about a failure to the caller, who knows what the file was for.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "error.h"

/* What is asked for first where the size isn't known, as of a pipe. */
#define FIRST_SIZE 16384

/* Makes room for one byte at least beyond len, up to max and a NUL. */
static int
grow(iossl_file *file, size_t *size, size_t max)
{
    size_t wanted = *size > (max + 2) / 2 ? max + 2 : *size * 2;
    unsigned char *bytes = OPENSSL_clear_realloc(file->bytes, *size, wanted);

    if (bytes == NULL)
        return ENOMEM;
    file->bytes = bytes;
    *size = wanted;
    return 0;
}

int
iossl_file_read(iossl_file *file, const char *path, size_t max)
{
    int errnum = 0;
    int fd = -1;
    size_t size = FIRST_SIZE;

    memset(file, 0, sizeof *file);
    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0 || fstat(fd, &file->info) != 0)
        goto failed;
    if (S_ISREG(file->info.st_mode) && file->info.st_size >= 0) {
        if ((uintmax_t)file->info.st_size > max) {
            errnum = EFBIG;
            goto done;
        }
        size = (size_t)file->info.st_size + 2;      /* a byte to see the end by, and the NUL */
    }
    if ((file->bytes = OPENSSL_malloc(size)) == NULL) {
        errnum = ENOMEM;
        goto done;
    }
    for (;;) {
        ssize_t n;

        if (file->len + 1 == size && (errnum = grow(file, &size, max)) != 0)
            goto done;
        n = read(fd, file->bytes + file->len, size - 1 - file->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            goto failed;
        if (n == 0)
            break;
        file->len += (size_t)n;
        if (file->len > max) {
            errnum = EFBIG;
            goto done;
        }
    }
    file->bytes[file->len] = '\0';
    goto done;
failed:
    errnum = errno != 0 ? errno : EIO;
done:
    if (fd >= 0)
        (void)close(fd);
    if (errnum != 0)
        iossl_file_cleanup(file);
    if (errnum == ENOMEM)
        iossl_error_clear_queue();      /* from 3.2 on, OpenSSL says so there */
    return errnum;
}

void
iossl_file_cleanup(iossl_file *file)
{
    OPENSSL_clear_free(file->bytes, file->len);
    file->bytes = NULL;
    file->len = 0;
}
