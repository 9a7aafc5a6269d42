/*
 * objects.c - certificates, keys and other handles that programs hold as numbers.
 *
 * Owns      what is known of the addresses given out: which kind of object is there, or was and is freed.
 * Promises  any thread at any time; what isn't ours passes unseen: a number may come from Net::SSLeay.
 * Leaves    the objects themselves to OpenSSL and to the program.
 *
 * Net::SSLeay makes and frees objects, too, and OpenSSL tells us of all of them: an object that has
 * ex_data is announced when it is made and when its last reference is freed, whoever does it. So what
 * the record says of an address holds while another module is at work, for each kind that is announced.
 * Keys are since OpenSSL 3.0.
 *
 * The record is as large as the most objects that were there at one time, and the last MAX_DEAD that were
 * freed: addresses are used again, but not all of them, and not soon.
 */
#include "objects.h"

#include "status.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* Also where perl has no threads: another library may have some, and free a certificate in one. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define N_BUCKETS 1024  /* programs with more objects than that at a time walk short lists */
#define MAX_DEAD  1024

typedef struct entry {
    struct entry *next;
    struct entry *older, *younger;  /* among the dead */
    bool is_buried;                 /* it is one of these */
    uintptr_t address;
    glue_kind kind;
    unsigned int held;      /* references that the program had from us, and didn't free by us */
    bool is_shared;         /* somebody else has references: a connection, Net::SSLeay */
    bool is_dead;           /* the last reference was freed */
} entry;

static entry *buckets[N_BUCKETS];
static entry *oldest, *youngest;    /* dead */
static size_t n_dead;
static bool is_announced[2];        /* for each kind: OpenSSL does tell us of new ones */
static pthread_once_t listening = PTHREAD_ONCE_INIT;

static void
lock_record(void)
{
    (void)pthread_mutex_lock(&lock);
}

static void
unlock_record(void)
{
    (void)pthread_mutex_unlock(&lock);
}

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

/* The same for an entry that is there already; NULL: none. With the lock held, as for all that follow. */
static entry *
entry_of(const void *object)
{
    return *slot_of(object);
}

/* An object is alive, again. */
static void
dig_up(entry *e)
{
    if (!e->is_buried)
        return;
    *(e->older != NULL ? &e->older->younger : &oldest) = e->younger;
    *(e->younger != NULL ? &e->younger->older : &youngest) = e->older;
    e->older = e->younger = NULL;
    e->is_buried = false;
    n_dead--;
}

/* Nobody has the object any more. It is remembered for a while; the one that died first is forgotten. */
static void
bury(entry *e)
{
    if (e->is_buried)
        return;
    e->older = youngest;
    *(youngest != NULL ? &youngest->younger : &oldest) = e;
    youngest = e;
    e->is_buried = true;
    if (++n_dead > MAX_DEAD) {
        entry *first = oldest, **slot = slot_of((const void *)first->address);

        dig_up(first);
        *slot = first->next;
        free(first);
    }
}

/* An object is at its address now, and what was there before isn't. */
static void
begin(entry *e, glue_kind kind)
{
    dig_up(e);
    e->kind = kind;
    e->held = 0;
    e->is_shared = e->is_dead = false;
}

/* The entry of an object of this kind; NULL: no memory, then it goes unrecorded. */
static entry *
entry_for(const void *object, glue_kind kind)
{
    entry **slot = slot_of(object), *e = *slot;

    if (e == NULL && (e = calloc(1, sizeof *e)) != NULL) {
        e->address = (uintptr_t)object;
        begin(e, kind);
        *slot = e;
    }
    if (e != NULL && (e->kind != kind || e->is_dead))
        begin(e, kind);
    return e;
}

/* ---- What OpenSSL tells us -------------------------------------------------------------------- */

/* The index of each kind says which it is: argl below. */
static void
on_new(void *object, void *ptr, CRYPTO_EX_DATA *ad, int index, long kind, void *argp)
{
    entry *e;

    (void)ptr, (void)ad, (void)index, (void)argp;
    lock_record();
    is_announced[kind] = true;
    if ((e = entry_of(object)) != NULL) {
        begin(e, (glue_kind)kind);
        e->is_shared = true;        /* whoever makes it has it */
    }
    unlock_record();
}

static void
on_free(void *object, void *ptr, CRYPTO_EX_DATA *ad, int index, long kind, void *argp)
{
    entry *e;

    (void)ptr, (void)ad, (void)index, (void)argp;
    lock_record();
    if ((e = entry_of(object)) != NULL && e->kind == (glue_kind)kind) {
        begin(e, e->kind);
        e->is_dead = true;
        bury(e);
    }
    unlock_record();
}

static void
listen_to_openssl(void)
{
    (void)pthread_atfork(lock_record, unlock_record, unlock_record);
    (void)CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509, GLUE_X509, NULL, on_new, NULL, on_free);
#ifdef CRYPTO_EX_INDEX_EVP_PKEY
    (void)CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, GLUE_EVP_PKEY, NULL, on_new, NULL,
                                  on_free);
#endif
}

/* ---- What the program does -------------------------------------------------------------------- */

SV *
glue_object_give(pTHX_ glue_kind kind, void *object)
{
    entry *e;

    (void)pthread_once(&listening, listen_to_openssl);
    lock_record();
    if ((e = entry_for(object, kind)) != NULL) {
        dig_up(e);
        e->held++;
        e->is_shared = false;
    }
    unlock_record();
    return sv_2mortal(newSViv(PTR2IV(object)));
}

void
glue_object_gone(glue_kind kind, const void *object)
{
    entry *e;

    lock_record();
    if ((e = entry_of(object)) != NULL && e->kind == kind && e->held > 0) {
        e->held--;
        if (e->held == 0 && !e->is_shared)
            bury(e);
    }
    unlock_record();
}

void
glue_object_lent(glue_kind kind, const void *object)
{
    entry *e;

    (void)pthread_once(&listening, listen_to_openssl);
    lock_record();
    if (object != NULL && (e = entry_for(object, kind)) != NULL) {
        dig_up(e);
        e->is_shared = true;
    }
    unlock_record();
}

/* ---- What is at an address -------------------------------------------------------------------- */

/* Reading is left to the kernel, which answers EFAULT where we would crash. No descriptor is kept for
 * this: programs close what they don't know, and the number would then be somebody else's. */
static bool
is_readable(const void *p)
{
    uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)p / page_size * page_size;
    bool is_fault;
    int ends[2];

    /* Where nothing is mapped. Asked first, since sanitizers look at what write() is given. */
    if (msync(INT2PTR(void *, start), 1, MS_ASYNC) != 0 && errno == ENOMEM)
        return false;
    if (pipe(ends) != 0)
        return true;        /* no descriptor left: then we can't tell */
    is_fault = write(ends[1], p, 1) < 0 && errno == EFAULT;
    (void)close(ends[0]);
    (void)close(ends[1]);
    return !is_fault;
}

/* Could there be an object at this address? False: it isn't aligned, or isn't memory that the process
 * can read. */
static bool
may_be_object(IV address)
{
    const void *object = INT2PTR(const void *, address);
    int errnum = errno;
    bool may_be = (uintptr_t)address % sizeof(void *) == 0;

    if (may_be) {
        bool is_known;

        lock_record();
        is_known = entry_of(object) != NULL;    /* the record will tell, without a look at it */
        unlock_record();
        may_be = is_known || is_readable(object);
    }
    errno = errnum;
    return may_be;
}

/* ---- What a program passes --------------------------------------------------------------------- */

static void
croak_no_handle(pTHX_ SV *value, const char *what)
{
    glue_croak(aTHX_ sv_2mortal(newSVpvf("%s expected, not \"%" SVf "\"", what, SVfARG(value))));
}

const void *
glue_address(pTHX_ SV *value, const char *what)
{
    IV number = !SvROK(value) && looks_like_number(value) ? SvIV(value) : 0;

    /* No object lies in the first page, so a small number is some other number by mistake. */
    if (number > -4096 && number < 4096)
        croak_no_handle(aTHX_ value, what);
    return INT2PTR(const void *, number);
}

void *
glue_pointer(pTHX_ SV *value, const char *what)
{
    IV number = PTR2IV(glue_address(aTHX_ value, what));

    if (!may_be_object(number))
        croak_no_handle(aTHX_ value, what);
    return INT2PTR(void *, number);
}

/*
 * What is wrong with the address for this kind; NULL: nothing that we know of. Others may free, and make,
 * objects beside us: then only what is announced is believed.
 */
static const char *
objection(const void *object, glue_kind kind, bool others_at_work)
{
    const char *found = NULL;
    const entry *e;

    lock_record();
    if ((e = entry_of(object)) != NULL && (is_announced[kind] || !others_at_work)) {
        if (e->is_dead || (e->held == 0 && !e->is_shared && !others_at_work))
            found = "one that was freed";
        else if (e->kind != kind)
            found = KIND_NAMES[e->kind];
    }
    unlock_record();
    return found;
}

void *
glue_object(pTHX_ glue_kind kind, SV *value, const char *what)
{
    void *object = glue_pointer(aTHX_ value, what);
    bool others_at_work = hv_exists(GvHVn(PL_incgv), "Net/SSLeay.pm", 13);
    const char *found = objection(object, kind, others_at_work);

    if (found != NULL)
        glue_croak(aTHX_ sv_2mortal(newSVpvf("%s expected, not %s (%" SVf ")", what, found,
                                             SVfARG(value))));
    return object;
}
