/*
 * support_files.h - a folder for one test's files, gone when the test is.
 */
#ifndef SUPPORT_FILES_H
#define SUPPORT_FILES_H

#include <stddef.h>

#include <openssl/bio.h>

/* Makes the folder, and sees to it that it goes when the program exits. Once per program. */
void test_folder_make(void);
/* The path of a name in it; stays for the next fifteen calls. */
const char *test_path(const char *name);
/* Writes a file there and gives its path; bytes, text, or what a memory BIO holds (freed). */
const char *test_write(const char *name, const void *bytes, size_t len);
const char *test_write_text(const char *name, const char *text);
const char *test_write_bio(const char *name, BIO *bio);
/* Dates a file back, so that it counts as settled. */
void test_make_old(const char *path, long seconds);

#endif
