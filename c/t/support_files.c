/*
 * support_files.c - a folder for one test's files, gone when the test is.
 */
#include "support_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[64];
static pid_t maker;

static void
must(int ok, const char *what)
{
    if (ok)
        return;
    printf("Bail out!  test file: %s failed\n", what);
    exit(255);
}

/* Removes the files of a folder, and folders of files in it. */
static void
empty_folder(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *item;

    while (dir != NULL && (item = readdir(dir)) != NULL) {
        char name[512];

        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
            continue;
        if (snprintf(name, sizeof name, "%s/%s", path, item->d_name) >= (int)sizeof name)
            continue;
        if (unlink(name) != 0) {
            empty_folder(name);
            (void)rmdir(name);
        }
    }
    if (dir != NULL)
        (void)closedir(dir);
}

static void
remove_folder(void)
{
    if (getpid() != maker)
        return;
    empty_folder(folder);
    (void)rmdir(folder);
}

void
test_folder_make(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/iossl-test-XXXXXX");
    must(mkdtemp(folder) != NULL, "mkdtemp");
    maker = getpid();
    must(atexit(remove_folder) == 0, "atexit");
}

const char *
test_path(const char *name)
{
    static char ring[16][256];
    static unsigned int next;
    char *place = ring[next++ % 16];

    must(snprintf(place, sizeof ring[0], "%s/%s", folder, name) < (int)sizeof ring[0], name);
    return place;
}

const char *
test_write(const char *name, const void *bytes, size_t len)
{
    const char *path = test_path(name);
    FILE *f = fopen(path, "wb");

    must(f != NULL && (len == 0 || fwrite(bytes, 1, len, f) == len), path);
    must(fclose(f) == 0, path);
    return path;
}

const char *
test_write_text(const char *name, const char *text)
{
    return test_write(name, text, strlen(text));
}

const char *
test_write_bio(const char *name, BIO *bio)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    const char *path;

    must(len >= 0, "BIO_get_mem_data");
    path = test_write(name, bytes, (size_t)len);
    BIO_free(bio);
    return path;
}

void
test_make_old(const char *path, long seconds)
{
    struct timespec times[2];

    must(clock_gettime(CLOCK_REALTIME, &times[0]) == 0, "clock_gettime");
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    must(utimensat(AT_FDCWD, path, times, 0) == 0, path);
}
