/*
 * main.c - runs a target on the files and folders named, with any compiler: for seeds, regressions and
 * debuggers, where no fuzzer drives it.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <sys/stat.h>

static int tried;

static void
try_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    struct stat info;
    uint8_t *bytes;
    size_t len;

    if (in == NULL || fstat(fileno(in), &info) != 0
        || (bytes = malloc((size_t)info.st_size + 1)) == NULL) {
        perror(path);
        exit(1);
    }
    len = fread(bytes, 1, (size_t)info.st_size, in);
    fclose(in);
    if (getenv("FUZZ_VERBOSE") != NULL)
        fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(bytes, len);
    free(bytes);
    tried++;
}

static void
try_path(const char *path)
{
    DIR *folder = opendir(path);
    char inside[4096];

    if (folder == NULL) {
        try_file(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        try_path(inside);
    }
    closedir(folder);
}

int
main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        try_path(argv[i]);
    printf("%d inputs, no finding\n", tried);
    return tried == 0;
}
