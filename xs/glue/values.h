/*
 * values.h - the forms that the value of an argument may have.
 */
#ifndef GLUE_VALUES_H
#define GLUE_VALUES_H

#include "glue.h"

/* "OPTION: WANTED expected, not ..." */
void glue_croak_value(pTHX_ const char *option, SV *value, const char *wanted)
    __attribute__((noreturn));

/* The text of a value; croaks on a NUL, which C would take for the end. */
const char *glue_string(pTHX_ const char *option, SV *value);
/* The same, NULL for undef. */
const char *glue_string_or_null(pTHX_ const char *option, SV *value);

/* Most programs pass '' or undef where they have nothing to say. */
bool glue_is_absent(SV *value);
/* Where code, an object, a handle or the name of a scheme belongs, programs also pass what
 * "condition && sub { }" leaves. */
bool glue_is_none(pTHX_ SV *value);

/* What is behind a reference, NULL where there is no such reference. */
AV *glue_array(pTHX_ SV *value);
HV *glue_hash(pTHX_ SV *value);
/* The value itself, which is a reference to code or overloads as one; else croaks. */
SV *glue_code(pTHX_ const char *option, SV *value);
/* An item of a list, its magic done; undef where there is none. */
SV *glue_item(pTHX_ AV *list, SSize_t i);

/* Of hashes, which may be tied: a value, its magic done; NULL: there is no such key. */
SV *glue_value_of(pTHX_ HV *hv, const char *key);
/* The value of the entry that hv_iternext() gave, its magic done. */
SV *glue_value_of_entry(pTHX_ HV *hv, HE *entry);
/* HvUSEDKEYS() knows nothing of what a tied one has. Begins anew what is iterated. */
bool glue_is_empty(pTHX_ HV *hv);

#endif
