/*
 * options_read.h - what the functions that read options have in common: for options*.c alone.
 */
#ifndef GLUE_OPTIONS_READ_H
#define GLUE_OPTIONS_READ_H

#include "context.h"
#include "glue.h"

struct glue_calls;

/* A context in the making. Freed by a destructor of Perl's, so that everything here may die. */
typedef struct glue_build {
    HV *args;
    iossl_role role;
    iossl_config *config;
    iossl_error *err;
    glue_context *context;      /* NULL once it has been handed out */
    struct glue_calls *calls;   /* owned, until the context has it */
    const struct glue_option *option;   /* whose value is being read */
    int64_t reload_s;           /* SSL_reload; -1: nothing was said */
    AV *hosts;                  /* keys of the hashes by host name; mortal, NULL: none */
    HV *chains;                 /* handles of SSL_cert that become the context's; mortal, NULL: none */
} glue_build;

/* Reads the value of b->option, its magic done, into b. Croaks where it can never work. */
typedef iossl_status glue_reader(pTHX_ glue_build *b, SV *value);

/* A row of the table in options.c. */
typedef struct glue_option {
    const char *name;
    unsigned roles;             /* FOR_* */
    glue_reader *read;
    union {                     /* where the value goes that a glue_as_*() reads */
        iossl_status (*text)(iossl_config *, const char *, iossl_error *);
        iossl_status (*flag)(iossl_config *, bool, iossl_error *);
        iossl_status (*by_host)(iossl_config *, const char *host, const char *, iossl_error *);
        iossl_status (*names)(iossl_config *, const char *const *, size_t, iossl_error *);
        size_t part;            /* of a glue_context: see glue_context_part() */
    } set;
} glue_option;

/* Another argument of the same context, its magic done; NULL: it isn't there. */
SV *glue_argument(pTHX_ const glue_build *b, const char *name);

/* ---- Forms (options_forms.c) ------------------------------------------------------------------ */

glue_reader glue_as_text;           /* set.text; NULL where nothing is said */
glue_reader glue_as_file;           /* the same; where nothing is said it isn't called */
glue_reader glue_as_flag;           /* set.flag */
glue_reader glue_as_list;           /* set.text: names with colons between, or an array of them */
glue_reader glue_as_texts_by_host;  /* set.by_host: a text, or a hash of them by host */
glue_reader glue_as_protocols;      /* set.names: an array */
glue_reader glue_as_code;           /* set.part: code, kept until a connection has a use for it */

/* ---- Options of their own, by file ------------------------------------------------------------ */

/* options_protocols.c */
glue_reader glue_opt_policy, glue_opt_version, glue_opt_dh, glue_opt_post_handshake_auth,
    glue_opt_max_early_data, glue_opt_key_update_bytes, glue_opt_ktls;

/* options_certs.c */
glue_reader glue_opt_by_host, glue_opt_passwd_cb, glue_opt_cert_callback;

/* options_trust.c */
glue_reader glue_opt_ca, glue_opt_ca_file, glue_opt_ca_path, glue_opt_client_ca, glue_opt_check_crl;

/* options_verify.c */
glue_reader glue_opt_verify_mode, glue_opt_scheme, glue_opt_public_suffix, glue_opt_fingerprint,
    glue_opt_tlsa;

/* options_sessions.c */
glue_reader glue_opt_session_cache_size, glue_opt_session_cache, glue_opt_session_store,
    glue_opt_session_id_context, glue_opt_ticket_keycb, glue_opt_ticket_keys;

/* options_psk.c */
glue_reader glue_opt_psk;

/* options_ocsp.c */
glue_reader glue_opt_ocsp_mode, glue_opt_ocsp_cache, glue_opt_ocsp_staple_responder;

/* options_context.c */
glue_reader glue_opt_library, glue_opt_reload, glue_opt_create_ctx_callback,
    glue_opt_keylog_callback;

/* ---- What is done for all of them (options_certs.c) ------------------------------------------- */

/* The keys of all hashes by host name go to b->hosts, so that what is given for all reaches each. */
void glue_collect_hosts(pTHX_ glue_build *b);
/* The context is made: what was given away with SSL_cert is the program's no longer. */
void glue_consume_chains(pTHX_ glue_build *b);

#endif
