/*
 * purposes.h - what a certificate is for, in the words of people, and as bits of its extensions.
 */
#ifndef IOSSL_PURPOSES_H
#define IOSSL_PURPOSES_H

#include "iossl.h"

#define IOSSL_N_PURPOSES ((size_t)22)

/* Which purposes were switched on and off. All zero: none was. */
typedef struct iossl_purposes {
    signed char state[IOSSL_N_PURPOSES]; /* 1 on, -1 off, 0 not mentioned */
} iossl_purposes;

/* What goes into the extensions. */
typedef struct iossl_usage {
    bool is_ca;                 /* basicConstraints                                     */
    unsigned int key_usage;     /* bit i: iossl_key_usage_names[i], in keyUsage bit i   */
    unsigned int ns_cert_type;  /* bit i: in nsCertType bit i                           */
    unsigned int ext_key_usage; /* bit i: iossl_ext_key_usage_nids[i]                   */
} iossl_usage;

/* In the order in which they are written. */
#define IOSSL_N_EXT_KEY_USAGE ((size_t)5)
extern const int iossl_ext_key_usage_nids[IOSSL_N_EXT_KEY_USAGE];

/* The setters of iossl.h, see there. */
iossl_status iossl_purposes_set(iossl_purposes *purposes, const char *name, size_t len, bool on,
                                iossl_error *err);
iossl_status iossl_purposes_add_word(iossl_purposes *purposes, const char *word, iossl_error *err);
iossl_status iossl_purposes_add_words(iossl_purposes *purposes, const char *words,
                                      iossl_error *err);
/* Was any purpose switched? */
bool iossl_purposes_any(const iossl_purposes *purposes);
/* The bits, with those of a CA where is_ca, and with the default where nothing is said at all. */
iossl_usage iossl_purposes_usage(const iossl_purposes *purposes, bool is_ca);

#endif
