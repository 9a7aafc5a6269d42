/*
 * file.h - a whole file in memory.
 */
#ifndef IOSSL_FILE_H
#define IOSSL_FILE_H

#include <stddef.h>
#include <sys/stat.h>

typedef struct iossl_file {
    unsigned char *bytes;   /* owned; a NUL that isn't counted follows them */
    size_t len;
    struct stat info;       /* of the descriptor that was read */
} iossl_file;

/*
 * Reads a file (or pipe) of at most max bytes. 0, or an errno: EFBIG where it is longer, ENOMEM.
 * The file is empty then.
 */
int iossl_file_read(iossl_file *file, const char *path, size_t max);
/* Cleanses and frees the bytes: they may have been a private key. */
void iossl_file_cleanup(iossl_file *file);

#endif
