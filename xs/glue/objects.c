/*
 * objects.c - certificates and keys that programs hold as numbers.
 *
 * Owns      what is known of the addresses given out: which kind of object is there, or was and is freed.
 * Promises  any thread at any time; what isn't ours passes unseen: a number may come from Net::SSLeay.
 * Leaves    the objects themselves to OpenSSL and to the program.
 *
 * The record is as large as the most objects that were there at one time, since addresses are used again.
 */
#include "objects.h"

#include "options.h"
#include "status.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef USE_ITHREADS
#include <pthread.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
#define LOCK_RECORD()   ((void)pthread_mutex_lock(&lock))
#define UNLOCK_RECORD() ((void)pthread_mutex_unlock(&lock))
#else
#define LOCK_RECORD()   ((void)0)
#define UNLOCK_RECORD() ((void)0)
#endif

#define N_BUCKETS 1024  /* programs with more objects than that at a time walk short lists */

typedef struct entry {
    struct entry *next;
    uintptr_t address;
    glue_kind kind;
    unsigned int held;      /* references that the program has; 0: it freed them all */
} entry;

static entry *buckets[N_BUCKETS];

static const char *const KIND_NAMES[] = {"an X509 handle", "an EVP_PKEY handle"};

/* Where the entry of the address is linked, or would be. */
static entry **
slot_of(const void *object)
{
    /* Objects lie 16 bytes apart at least. */
    entry **slot = &buckets[(uintptr_t)object / 16 % N_BUCKETS];

    while (*slot != NULL && (*slot)->address != (uintptr_t)object)
        slot = &(*slot)->next;
    return slot;
}

/* The entry of an object of this kind; NULL: no memory, then it goes unrecorded. With the lock held. */
static entry *
entry_for(const void *object, glue_kind kind)
{
    entry **slot = slot_of(object), *e = *slot;

    if (e == NULL && (e = calloc(1, sizeof *e)) != NULL) {
        e->address = (uintptr_t)object;
        *slot = e;
    }
    if (e != NULL && e->kind != kind) {
        e->kind = kind;
        e->held = 0;
    }
    return e;
}

SV *
glue_object_give(pTHX_ glue_kind kind, void *object)
{
    entry *e;

    LOCK_RECORD();
    if ((e = entry_for(object, kind)) != NULL)
        e->held++;
    UNLOCK_RECORD();
    return sv_2mortal(newSViv(PTR2IV(object)));
}

void
glue_object_gone(glue_kind kind, const void *object)
{
    entry *e;

    LOCK_RECORD();
    if ((e = entry_for(object, kind)) != NULL && e->held > 0)
        e->held--;
    UNLOCK_RECORD();
}

void
glue_object_lent(const void *object)
{
    entry **slot, *e;

    LOCK_RECORD();
    slot = slot_of(object);
    if ((e = *slot) != NULL) {
        *slot = e->next;
        free(e);
    }
    UNLOCK_RECORD();
}

bool
glue_may_be_object(IV address)
{
    uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)address / page_size * page_size;
    int errnum = errno;
    bool may_be = (uintptr_t)address % sizeof(void *) == 0;

    /* Fails with ENOMEM where nothing is mapped, and does nothing to memory that isn't of a file. */
    if (may_be && msync(INT2PTR(void *, start), 1, MS_ASYNC) != 0 && errno == ENOMEM)
        may_be = false;
    errno = errnum;
    return may_be;
}

/* What is wrong with the address for this kind; NULL: nothing that we know of. */
static const char *
objection(const void *object, glue_kind kind)
{
    const char *found = NULL;
    const entry *e;

    LOCK_RECORD();
    if ((e = *slot_of(object)) != NULL) {
        if (e->held == 0)
            found = "one that was freed";
        else if (e->kind != kind)
            found = KIND_NAMES[e->kind];
    }
    UNLOCK_RECORD();
    return found;
}

void *
glue_object(pTHX_ glue_kind kind, SV *value, const char *what)
{
    void *object = glue_pointer(aTHX_ value, what);
    const char *found = objection(object, kind);

    /* Net::SSLeay makes and frees objects without our knowledge. */
    if (found != NULL && !hv_exists(GvHVn(PL_incgv), "Net/SSLeay.pm", 13))
        glue_croak(aTHX_ sv_2mortal(newSVpvf("%s expected, not %s (%" SVf ")", what, found,
                                             SVfARG(value))));
    return object;
}
