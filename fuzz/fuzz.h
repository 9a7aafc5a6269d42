/*
 * fuzz.h - what the harnesses share. Each fuzz/NAME.c is one target with LLVMFuzzerTestOneInput().
 *
 * Owns      the promises that hold for every function of libiossl whatever it is given; randomness and
 *           a clock that repeat themselves, so that an input always does the same.
 * Promises  a broken promise ends the program by abort(), with a sentence on standard error: for the
 *           fuzzer a crash like any other.
 * Leaves    what is tried to the targets, how they are run to tools/fuzz.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iossl.h"
#include "support_cert.h"

/* Seconds since 1970 that time(2) tells in every target: 2026-11-01. */
#define FUZZ_NOW INT64_C(1793491200)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Before the first input. With FUZZ_MAKE_SEEDS=FOLDER in the environment it makes seeds there, and ends. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Writes seeds that are better made than kept, as they hang on the OpenSSL in use. NULL: none. */
extern void (*const fuzz_make_seeds)(void);
/* For it: one more file, named by its number. */
void fuzz_seed(const void *bytes, size_t len);

/* Ends the program if the condition doesn't hold. */
#define FUZZ_PROMISE(condition, sentence)                                                          \
    ((condition) ? (void)0 : fuzz_broken(__FILE__, __LINE__, (sentence)))
void fuzz_broken(const char *file, int line, const char *sentence);

/*
 * The promises of every call: OpenSSL's queue is empty; where it failed, err has a code and a sentence.
 * err is emptied. Returns whether it was a success. The second form is for functions that give objects.
 */
bool fuzz_good(iossl_status status, iossl_error *err);
bool fuzz_made(const void *object, iossl_error *err);

/* Makes a client's context and verifies the test's certificate by it, with the promises above. */
void fuzz_verify_leaf(const iossl_config *config, iossl_error *err);

/* Are they the same certificate? OpenSSL's queue is left empty. */
bool fuzz_same(X509 *a, X509 *b);

/* One stream of random bytes for each side, so that a side does the same without the other one. */
typedef enum { FUZZ_CLIENT, FUZZ_SERVER, FUZZ_COMMON, FUZZ_SIDES } fuzz_side;
/* All streams from the start. */
void fuzz_random_restart(void);
void fuzz_random_of(fuzz_side side);

/* The input, piece by piece. */
typedef struct fuzz_input {
    const uint8_t *at;
    size_t left;
} fuzz_input;
/* The next byte; 0 at the end. */
uint8_t fuzz_byte(fuzz_input *in);
/* Up to the next line end, which is skipped; in memory of its own with a NUL after it, so that one
 * byte too many is seen. free() it. */
char *fuzz_line(fuzz_input *in, size_t *len);
/* All that is left, in the same way. */
char *fuzz_rest(fuzz_input *in, size_t *len);

/* The path of a file in memory with these bytes; the same each time, for one file at a time. */
const char *fuzz_file(const void *bytes, size_t len);
/* The content of a file of the source tree, as "t/certs/ca.pem". free() it. */
void *fuzz_read(const char *relative, size_t *len);

/* A CA, and a certificate of it for www.example.test that names http://ocsp.example.test/ as its
 * responder; both for client and server, alike in every run. */
extern test_identity fuzz_ca, fuzz_leaf;
/* Makes them, at the first call. */
void fuzz_identities(void);
/* A context that trusts this CA alone; NULL: the system's trust is left out, and no other given.
 * change may be NULL. */
iossl_ctx *fuzz_client_ctx(const test_identity *ca, void (*change)(iossl_config *));
iossl_ctx *fuzz_server_ctx(const test_identity *identity, void (*change)(iossl_config *));

/* All that can be asked of a certificate. */
void fuzz_describe(X509 *cert, iossl_error *err);

#endif
