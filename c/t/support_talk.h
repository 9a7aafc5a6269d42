/*
 * support_talk.h - a client and a server over descriptors, in one thread: they shake hands, say what they
 * have to say, end, and listen to the other's end.
 */
#ifndef SUPPORT_TALK_H
#define SUPPORT_TALK_H

#include "iossl.h"

typedef enum {
    TALK_SHAKING,
    TALK_SAYING,
    TALK_ENDING,
    TALK_HEARING,
    TALK_DONE,  /* heard the other's end */
    TALK_FAILED /* its connection is freed */
} test_talk_stage;

typedef struct test_talk_end {
    iossl_conn *conn;
    test_talk_stage stage;
    const unsigned char *says;
    size_t len, put, got;  /* bytes to say, said, heard */
    bool has_ended;        /* said its end, whatever came of it afterwards */
    iossl_error_code code; /* why it failed */
} test_talk_end;

typedef struct test_talk {
    test_talk_end ends[2]; /* the client, the server */
    bool right;            /* nothing was heard but what was said, in its order */
    bool explained;        /* each failure had a code and a sentence */
    bool clean;            /* OpenSSL's queue was empty after each call */
    bool moved;            /* the last step brought one of them on */
    int errnum;            /* of the first failure */
} test_talk;

/* Takes the descriptors, which don't wait; the texts stay as they are until the end. The client wants
 * www.example.test. */
void test_talk_begin(test_talk *talk, iossl_ctx *const ctxs[2], const int fds[2],
                     const unsigned char *const says[2], const size_t lens[2]);
/* Both do what they can. False: there is nothing left to do for either. */
bool test_talk_step(test_talk *talk);
/* Both heard all that the other said, and its end. */
bool test_talk_is_whole(const test_talk *talk);
void test_talk_free(test_talk *talk);

#endif
