/*
 * t_file.c - a whole file in memory: of every kind and size, or the errno that says why not.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "support_files.h"
#include "tap.h"

#define LENGTH ((size_t)100000)

static unsigned char bytes[LENGTH];

static void
test_regular(void)
{
    const char *path = test_write("some", bytes, LENGTH);
    iossl_file file;

    is_int(iossl_file_read(&file, path, LENGTH), 0, "a file of just the size allowed");
    is_mem(file.bytes, file.len, bytes, LENGTH, "is read whole");
    is_int(file.bytes[file.len], 0, "with a NUL after it");
    is_int(file.info.st_size, LENGTH, "and what stat(2) tells");
    iossl_file_cleanup(&file);
    ok(file.bytes == NULL && file.len == 0, "gone");
    iossl_file_cleanup(&file);
    is_int(iossl_file_read(&file, path, LENGTH - 1), EFBIG, "one byte more than is allowed");
    ok(file.bytes == NULL && file.len == 0, "leaves nothing");
    is_int(iossl_file_read(&file, test_write("empty", "", 0), LENGTH), 0, "an empty file");
    ok(file.bytes != NULL && file.len == 0 && file.bytes[0] == 0, "is empty text");
    iossl_file_cleanup(&file);
}

static void
test_refused(void)
{
    iossl_file file;

    is_int(iossl_file_read(&file, test_path("nosuch"), LENGTH), ENOENT, "a file that isn't there");
    ok(file.bytes == NULL, "leaves nothing");
    is_int(iossl_file_read(&file, test_path("."), LENGTH), EISDIR, "a folder");
    ok(file.bytes == NULL, "leaves nothing either");
}

/* ---- Pipes ----------------------------------------------------------------------------------- */

/* Writes in pieces, so that the reader has to come back. */
static void *
fill_pipe(void *path)
{
    FILE *f = fopen(path, "we");

    for (size_t i = 0; f != NULL && i < LENGTH; i += 1000)
        if (fwrite(bytes + i, 1, 1000, f) != 1000 || fflush(f) != 0)
            break;
    if (f != NULL)
        (void)fclose(f);
    return NULL;
}

static void
test_pipe(size_t max, int wanted)
{
    const char *path = test_path("pipe");
    char copy[4096];
    pthread_t thread;
    iossl_file file;

    (void)snprintf(copy, sizeof copy, "%s", path);
    (void)unlink(copy);
    if (mkfifo(copy, 0600) != 0)
        bail_out("no pipe");
    if (pthread_create(&thread, NULL, fill_pipe, copy) != 0)
        bail_out("no thread");
    is_int(iossl_file_read(&file, copy, max), wanted, "a pipe, up to %zu bytes", max);
    if (wanted == 0)
        is_mem(file.bytes, file.len, bytes, LENGTH, "whose size no one knew");
    else
        ok(file.bytes == NULL, "leaves nothing");
    (void)pthread_join(thread, NULL);
    iossl_file_cleanup(&file);
}

int
main(void)
{
    tap_start();
    (void)signal(SIGPIPE, SIG_IGN);
    test_folder_make();
    for (size_t i = 0; i < LENGTH; i++)
        bytes[i] = (unsigned char)(i % 251);
    test_regular();
    test_refused();
    test_pipe(LENGTH, 0);
    test_pipe(20000, EFBIG);
    return done_testing();
}
