/*
 * options.c - one table of SSL_* arguments: name, who uses it, how it is read, which setter takes it.
 *
 * Owns      the order in which arguments are read, and the context that comes of them.
 * Promises  whatever dies on the way (overloaded values, tied hashes, callbacks), nothing leaks; an
 *           argument that isn't in the table is no argument of a context.
 * Leaves    reading values to options_*.c, which form they may have to values.c, defaults and
 *           validation to libiossl, defaults of the program to lib/.
 *
 * To add an option: a row in OPTIONS, with one of the forms in options_forms.c and its setter, or with a
 * function of its own in the file of its subject; and its test.
 */
#include "options.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "callbacks.h"
#include "options_read.h"
#include "status.h"
#include "values.h"

#define FOR_CLIENT 1
#define FOR_SERVER 2
#define FOR_BOTH (FOR_CLIENT | FOR_SERVER)

SV *
glue_argument(pTHX_ const glue_build *b, const char *name)
{
    return glue_value_of(aTHX_ b->args, name);
}

/* How an option is read: in a common form, for a setter of libiossl, or by a function of its own. */
#define AS_TEXT(setter)          glue_as_text, {.text = (setter)}
#define AS_FILE(setter)          glue_as_file, {.text = (setter)}
#define AS_FLAG(setter)          glue_as_flag, {.flag = (setter)}
#define AS_LIST(setter)          glue_as_list, {.text = (setter)}
#define AS_TEXTS_BY_HOST(setter) glue_as_texts_by_host, {.by_host = (setter)}
#define AS_PROTOCOLS(setter)     glue_as_protocols, {.names = (setter)}
#define AS_CODE(part_of_context) glue_as_code, {.part = offsetof(glue_context, part_of_context)}
#define OWN(reader)              (reader), {NULL}

/* Those that refer to others (a file beats a handle, passwords before keys) come after them. */
static const glue_option OPTIONS[] = {
    {"SSL_policy",                FOR_BOTH,   OWN(glue_opt_policy)},  /* first: the others may change it */
    {"SSL_version",               FOR_BOTH,   OWN(glue_opt_version)},
    {"SSL_min_version",           FOR_BOTH,   AS_TEXT(iossl_config_set_min_version)},
    {"SSL_max_version",           FOR_BOTH,   AS_TEXT(iossl_config_set_max_version)},
    {"SSL_cipher_list",           FOR_BOTH,   AS_TEXTS_BY_HOST(iossl_config_set_cipher_list)},
    {"SSL_ciphersuites",          FOR_BOTH,   AS_TEXTS_BY_HOST(iossl_config_set_ciphersuites)},
    {"SSL_honor_cipher_order",    FOR_BOTH,   AS_FLAG(iossl_config_set_honor_cipher_order)},
    {"SSL_ecdh_curve",            FOR_BOTH,   AS_LIST(iossl_config_set_groups)},
    {"SSL_groups",                FOR_BOTH,   AS_LIST(iossl_config_set_groups)},
    {"SSL_sigalgs",               FOR_BOTH,   AS_LIST(iossl_config_set_sigalgs)},
    {"SSL_dh",                    FOR_SERVER, OWN(glue_opt_dh)},
    {"SSL_dh_file",               FOR_SERVER, AS_FILE(iossl_config_set_dh_file)},
    {"SSL_passwd_cb",             FOR_BOTH,   OWN(glue_opt_passwd_cb)},
    {"SSL_cert_file",             FOR_BOTH,   OWN(glue_opt_by_host)},
    {"SSL_cert",                  FOR_BOTH,   OWN(glue_opt_by_host)},
    {"SSL_key_file",              FOR_BOTH,   OWN(glue_opt_by_host)},
    {"SSL_key",                   FOR_BOTH,   OWN(glue_opt_by_host)},
    {"SSL_ca",                    FOR_BOTH,   OWN(glue_opt_ca)},
    {"SSL_ca_file",               FOR_BOTH,   OWN(glue_opt_ca_file)},
    {"SSL_ca_path",               FOR_BOTH,   OWN(glue_opt_ca_path)},
    {"_SSL_ca_by_default",        FOR_BOTH,   AS_FLAG(iossl_config_set_ca_by_default)},
    {"SSL_client_ca",             FOR_SERVER, OWN(glue_opt_client_ca)},
    {"SSL_client_ca_file",        FOR_SERVER, AS_FILE(iossl_config_set_client_ca_file)},
    {"SSL_check_crl",             FOR_BOTH,   OWN(glue_opt_check_crl)},
    {"SSL_crl_file",              FOR_BOTH,   AS_FILE(iossl_config_set_crl_file)},
    {"SSL_verify_mode",           FOR_BOTH,   OWN(glue_opt_verify_mode)},
    {"SSL_verify_callback",       FOR_BOTH,   AS_CODE(verify_callback)},
    {"SSL_verifycn_scheme",       FOR_CLIENT, OWN(glue_opt_scheme)},
    {"SSL_verifycn_publicsuffix", FOR_CLIENT, OWN(glue_opt_public_suffix)},
    {"SSL_fingerprint",           FOR_BOTH,   OWN(glue_opt_fingerprint)},
    {"SSL_tlsa",                  FOR_CLIENT, OWN(glue_opt_tlsa)},
    {"SSL_alpn_protocols",        FOR_BOTH,   AS_PROTOCOLS(iossl_config_set_alpn)},
    {"SSL_npn_protocols",         FOR_BOTH,   AS_PROTOCOLS(iossl_config_set_npn)},
    {"SSL_session_cache_size",    FOR_CLIENT, OWN(glue_opt_session_cache_size)},
    {"SSL_session_cache",         FOR_CLIENT, OWN(glue_opt_session_cache)},
    {"SSL_session_store",         FOR_SERVER, OWN(glue_opt_session_store)},
    {"SSL_session_id_context",    FOR_SERVER, OWN(glue_opt_session_id_context)},
    {"SSL_ocsp_mode",             FOR_BOTH,   OWN(glue_opt_ocsp_mode)},
    {"SSL_ocsp_staple_callback",  FOR_CLIENT, AS_CODE(staple_callback)},
    {"SSL_ocsp_cache",            FOR_BOTH,   OWN(glue_opt_ocsp_cache)},
    {"SSL_ocsp_staple_file",      FOR_SERVER, OWN(glue_opt_by_host)},
    {"SSL_ocsp_staple_source",    FOR_SERVER, AS_CODE(staple_source)},
    {"SSL_ocsp_staple_responder", FOR_SERVER, OWN(glue_opt_ocsp_staple_responder)},
    {"SSL_ticket_keycb",          FOR_SERVER, OWN(glue_opt_ticket_keycb)},
    {"SSL_ticket_keys",           FOR_SERVER, OWN(glue_opt_ticket_keys)},
    {"SSL_ticket_keys_file",      FOR_SERVER, AS_FILE(iossl_config_set_ticket_keys_file)},
    {"SSL_cert_callback",         FOR_SERVER, OWN(glue_opt_cert_callback)},
    {"SSL_reload",                FOR_BOTH,   OWN(glue_opt_reload)},
    {"SSL_post_handshake_auth",   FOR_CLIENT, OWN(glue_opt_post_handshake_auth)},
    {"SSL_psk",                   FOR_BOTH,   OWN(glue_opt_psk)},
    {"SSL_max_early_data",        FOR_SERVER, OWN(glue_opt_max_early_data)},
    {"SSL_key_update_bytes",      FOR_BOTH,   OWN(glue_opt_key_update_bytes)},
    {"SSL_scts",                  FOR_CLIENT, AS_FLAG(iossl_config_set_scts)},
    {"SSL_ctlog_file",            FOR_CLIENT, AS_FILE(iossl_config_set_ctlog_file)},
    {"SSL_keylog_file",           FOR_BOTH,   AS_TEXT(iossl_config_set_keylog_file)},
    {"SSL_keylog_callback",       FOR_BOTH,   OWN(glue_opt_keylog_callback)},
    {"SSL_mode_release_buffers",  FOR_BOTH,   AS_FLAG(iossl_config_set_release_buffers)},
    {"SSL_ktls",                  FOR_BOTH,   OWN(glue_opt_ktls)},
    {"SSL_libctx",                FOR_BOTH,   OWN(glue_opt_library)},
    {"SSL_propq",                 FOR_BOTH,   OWN(glue_opt_library)},
    {"SSL_create_ctx_callback",   FOR_BOTH,   OWN(glue_opt_create_ctx_callback)},
};

static iossl_status
read_all(pTHX_ glue_build *b)
{
    const unsigned role = b->role == IOSSL_SERVER ? FOR_SERVER : FOR_CLIENT;

    glue_collect_hosts(aTHX_ b);
    for (size_t i = 0; i < sizeof OPTIONS / sizeof OPTIONS[0]; i++) {
        SV *value = glue_argument(aTHX_ b, OPTIONS[i].name);

        b->option = &OPTIONS[i];
        if (value != NULL && (b->option->roles & role) != 0
            && b->option->read(aTHX_ b, value) != IOSSL_OK)
            return IOSSL_ERROR;
    }
    /* Without a scheme, a peer whose name is nowhere to be found is accepted on its chain alone, as
     * it has always been; lib/ warns. */
    return iossl_config_set_require_name(b->config, b->context->has_scheme, b->err);
}

static void
free_build(pTHX_ void *p)
{
    glue_build *b = p;

    iossl_config_free(b->config);
    iossl_error_free(b->err);
    glue_context_free(aTHX_ b->context);
    glue_calls_free(aTHX_ b->calls);
    free(b);
}

/* A context whose files can be read again: of servers, and where the program wants it. */
static iossl_ctx *
make_ctx(pTHX_ glue_build *b)
{
    iossl_config *config = b->config;
    iossl_ctx *ctx;

    if (b->role != IOSSL_SERVER && b->reload_s < 0)
        return iossl_ctx_new(config, b->err);
    b->config = NULL;       /* it is the context's, whatever comes of it */
    ctx = iossl_ctx_new_reloadable(config, b->reload_s < 0 ? 0 : b->reload_s, b->err);
    if (ctx != NULL) {
        b->context->calls = b->calls;
        atomic_fetch_add(&b->calls->refs, 1);
    }
    PERL_UNUSED_CONTEXT;
    return ctx;
}

glue_context *
glue_build_context(pTHX_ HV *args, iossl_role role)
{
    glue_context *context = NULL;
    glue_build *b;

    ENTER;
    if ((b = calloc(1, sizeof *b)) == NULL)     /* not Newx: see tools/lsan.supp */
        Perl_croak(aTHX_ "Out of memory");
    SAVEDESTRUCTOR_X(free_build, b);
    b->args = args;
    b->role = role;
    b->reload_s = -1;
    if ((b->context = glue_context_new()) == NULL || (b->calls = glue_calls_new(aTHX)) == NULL
        || (b->err = iossl_error_new()) == NULL)
        Perl_croak(aTHX_ "Out of memory");
    if ((b->config = iossl_config_new(role, b->err)) != NULL && read_all(aTHX_ b) == IOSSL_OK
        && (b->context->ctx = make_ctx(aTHX_ b)) != NULL) {
        context = b->context;
        b->context = NULL;
        glue_consume_chains(aTHX_ b);
    }
    glue_calls_rethrow(aTHX_ b->calls);
    if (context == NULL)
        glue_fail_without_handle(aTHX_ b->err);
    LEAVE;
    return context;
}
