/*
 * uri.c - certificates and keys that are named by a URI: files, tokens, whatever OpenSSL has a store for.
 *
 * Owns      what counts as a URI; the way from there to OpenSSL's stores or, for tokens where there is no
 *           provider, to an engine; what of a URI may be shown.
 * Promises  a file that exists by that name is a file. A PIN in a URI ("pin-value=") is in no error. The
 *           password callback is asked as for files; nobody is asked on the terminal.
 * Leaves    files to certs.c, engines to compat_engine.c.
 * See       ossl_store(7), RFC 7512 (pkcs11), OSSL_STORE_open(3).
 */
#include "uri.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "ascii.h"
#include "certs.h"
#include "compat.h"
#include "error.h"
#include "password.h"

/* ---- What a URI says ------------------------------------------------------------------------- */

/* The length of its scheme (RFC 3986 section 3.1); 0: it has none. One letter is a drive. */
static size_t
scheme_len(const char *name)
{
    static const char MORE[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-";
    size_t len = strspn(name, MORE);

    return len > 1 && name[len] == ':' && strchr("+.-0123456789", name[0]) == NULL ? len : 0;
}

static bool
has_scheme(const char *uri, const char *scheme)
{
    size_t len = scheme_len(uri), i = 0;

    while (i < len && scheme[i] != '\0' && iossl_ascii_lower(uri[i]) == scheme[i])
        i++;
    return len > 0 && i == len && scheme[i] == '\0';
}

bool
iossl_uri_is(const char *name)
{
    size_t len = scheme_len(name);

    return len > 0 && name[len + 1] != '\0' && access(name, F_OK) != 0;
}

const char *
iossl_uri_path(const char *uri)
{
    if (!has_scheme(uri, "file"))
        return NULL;
    uri += strlen("file:");
    if (strncmp(uri, "//localhost/", strlen("//localhost/")) == 0)
        return uri + strlen("//localhost");
    return strncmp(uri, "///", 3) == 0 ? uri + 2 : uri;
}

/* Overwrites the PIN of the URI by stars, wherever the text repeats it, be it cut off. */
static void
hide_pin(char *text, const char *uri)
{
    static const char PIN[] = "pin-value=";
    const char *pin = strstr(uri, PIN);
    size_t len = pin == NULL ? 0 : sizeof PIN - 1 + strcspn(pin + sizeof PIN - 1, "&;");

    for (char *at = text; pin != NULL && (at = strstr(at, PIN)) != NULL; at++)
        for (size_t i = sizeof PIN - 1; i < len && at[i] == pin[i]; i++)
            at[i] = '*';
}

/* Where no store knows the scheme: the engine that does, and what it is told. */
typedef struct {
    char name[64];      /* "": none */
    const char *id;     /* borrowed from the URI */
} engine_way;

/* "org.openssl.engine:NAME:ID" is how OpenSSL's own commands name it. */
static engine_way
engine_of(const char *uri)
{
    static const char BY_NAME[] = "org.openssl.engine";
    engine_way way = {.id = uri};
    const char *end;

    if (has_scheme(uri, "pkcs11")) {
        memcpy(way.name, "pkcs11", sizeof "pkcs11");
    } else if (has_scheme(uri, BY_NAME)) {
        uri += sizeof BY_NAME;
        end = strchr(uri, ':');
        if (end != NULL && (size_t)(end - uri) < sizeof way.name) {
            memcpy(way.name, uri, (size_t)(end - uri));
            way.id = end + 1;
        }
    }
    return way;
}

static bool
has_store(const iossl_library *library, const char *uri)
{
    char *scheme = strndup(uri, scheme_len(uri));
    bool found = scheme != NULL && iossl_compat_has_store(scheme, library);

    free(scheme);
    return found;
}

static bool
can_load(const iossl_library *library, const char *uri)
{
    engine_way way = engine_of(uri);
    bool can = scheme_len(uri) > 0
               && (has_store(library, uri) || (way.name[0] != '\0' && iossl_compat_has_engine(way.name)));

    ERR_clear_error();
    return can;
}

bool
iossl_can_uri(const char *uri)
{
    return can_load(iossl_library_default(), uri);
}

iossl_status
iossl_uri_check(const iossl_library *library, const char *option, const char *uri, iossl_error *err)
{
    const char *path = iossl_uri_path(uri);
    char *shown;

    if (path != NULL && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0) {
        iossl_error_set_errno(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL, errno, "%s %s can't be used", option,
                              uri);
        return IOSSL_ERROR;
    }
    if (path != NULL || can_load(library, uri))
        return IOSSL_OK;
    if ((shown = strdup(uri)) != NULL)
        hide_pin(shown, uri);
    if (engine_of(uri).name[0] != '\0')
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL,
                        "%s %s can't be used: %s has neither a store for such URIs here, as pkcs11-provider "
                        "brings one, nor the engine \"%s\" (package libengine-pkcs11-openssl)",
                        option, shown == NULL ? "" : shown, iossl_openssl_version(),
                        engine_of(uri).name);
    else
        iossl_error_set_errno(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL, ENOENT,
                              "%s %s can't be used: OpenSSL has no store for \"%.*s:\", and as a file", option,
                              shown == NULL ? "" : shown, (int)scheme_len(uri), uri);
    free(shown);
    return IOSSL_ERROR;
}

/* ---- What is behind it ----------------------------------------------------------------------- */

/* All that came of a URI so far. */
typedef struct {
    const iossl_library *library;
    const char *uri;
    iossl_password password;
    EVP_PKEY *key;                  /* owned; the first one */
    STACK_OF(X509) *certs;          /* owned, in order */
    size_t n_others;                /* public keys, revocation lists, parameters */
} finds;

static bool
take(finds *f, OSSL_STORE_INFO *info)
{
    X509 *cert;

    switch (OSSL_STORE_INFO_get_type(info)) {
    case OSSL_STORE_INFO_PKEY:
        if (!iossl_compat_is_private_key(OSSL_STORE_INFO_get0_PKEY(info)))
            f->n_others++;
        else if (f->key == NULL)
            return (f->key = OSSL_STORE_INFO_get1_PKEY(info)) != NULL;
        return true;
    case OSSL_STORE_INFO_CERT:
        cert = OSSL_STORE_INFO_get1_CERT(info);
        if (cert != NULL && sk_X509_push(f->certs, cert) > 0)
            return true;
        X509_free(cert);
        return false;
    default:
        f->n_others++;
        return true;
    }
}

/* False: what OpenSSL says is in the queue. wanted: an OSSL_STORE_INFO_*, 0: all. */
static bool
load_from_store(finds *f, UI_METHOD *ui, int wanted)
{
    OSSL_STORE_CTX *store = iossl_compat_store_open(f->uri, ui, &f->password, f->library);
    bool ok = store != NULL;

    /* What isn't expected is skipped by most loaders; by those that can't, here. */
    if (ok && wanted != 0)
        (void)OSSL_STORE_expect(store, wanted);
    while (ok && OSSL_STORE_eof(store) == 0) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL)
            ok = take(f, info);
        else if (OSSL_STORE_error(store) != 0 && OSSL_STORE_eof(store) == 0)
            ok = false;
        OSSL_STORE_INFO_free(info);
    }
    if (store != NULL)
        (void)OSSL_STORE_close(store);
    return ok;
}

static bool
load_from_engine(finds *f, const engine_way *way, UI_METHOD *ui, int wanted)
{
    X509 *cert = NULL;

    if (wanted != OSSL_STORE_INFO_CERT) {
        f->key = iossl_compat_engine_key(way->name, way->id, ui, &f->password);
        return f->key != NULL;
    }
    if ((cert = iossl_compat_engine_cert(way->name, way->id)) == NULL)
        return false;
    if (sk_X509_push(f->certs, cert) > 0)
        return true;
    X509_free(cert);
    return false;
}

/* Why nothing came of it, in words. */
static const char *
explain(const finds *f, int wanted)
{
    if (f->password.gave_up)
        return f->password.cb == NULL
                   ? "it needs a password or PIN, and there is no callback to ask (SSL_passwd_cb)"
                   : "it needs a password or PIN, and the password callback gave none";
    if (f->password.was_asked)
        return "the password or PIN is wrong, or there is nothing of that name";
    if (wanted == OSSL_STORE_INFO_CERT)
        return f->key != NULL ? "it holds a private key, no certificate" : "no certificate is there";
    return sk_X509_num(f->certs) > 0 ? "it holds a certificate, no private key"
                                     : "no private key is there";
}

/* OpenSSL's reasons may repeat the URI, and with it the PIN. */
static void
report(const finds *f, int wanted, iossl_error *err)
{
    bool is_key = wanted == OSSL_STORE_INFO_PKEY;
    iossl_error *whole = iossl_error_new();
    char *text = NULL;

    iossl_error_set_openssl(whole, IOSSL_E_KEY, IOSSL_RANK_FATAL, "Failed to load %s from URI %s: %s",
                            is_key ? "key" : "certificate", f->uri, explain(f, wanted));
    if (whole == NULL || (text = strdup(iossl_error_message(whole))) == NULL) {
        iossl_error_memory(err);
    } else {
        hide_pin(text, f->uri);
        iossl_error_set(err, is_key ? IOSSL_E_KEY : IOSSL_E_CERT, IOSSL_RANK_FATAL, "%s", text);
        OPENSSL_cleanse(text, strlen(text));
    }
    free(text);
    iossl_error_free(whole);
}

static void
finds_cleanup(finds *f)
{
    EVP_PKEY_free(f->key);
    sk_X509_pop_free(f->certs, X509_free);
}

/* Loads what is there until what is wanted was found. IOSSL_OK: it was. */
static iossl_status
load(finds *f, int wanted, iossl_error *err)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(iossl_password_give, 0);
    engine_way way = engine_of(f->uri);
    bool found;

    ERR_clear_error();
    if (ui == NULL || (f->certs = sk_X509_new_null()) == NULL) {
        UI_destroy_method(ui);
        iossl_error_memory(err);
        return IOSSL_ERROR;
    }
    if (way.name[0] != '\0' && !has_store(f->library, f->uri))
        (void)load_from_engine(f, &way, ui, wanted);
    else
        (void)load_from_store(f, ui, wanted == OSSL_STORE_INFO_PKEY ? wanted : 0);
    found = wanted == OSSL_STORE_INFO_PKEY ? f->key != NULL : sk_X509_num(f->certs) > 0;
    if (!found)
        report(f, wanted, err);
    UI_destroy_method(ui);
    ERR_clear_error();
    return found ? IOSSL_OK : IOSSL_ERROR;
}

iossl_status
iossl_uri_load_key(const iossl_library *library, EVP_PKEY **out, const char *uri, iossl_passwd_cb cb,
                   void *arg, iossl_error *err)
{
    finds f = {.library = library, .uri = uri, .password = {.cb = cb, .arg = arg}};
    iossl_status status = load(&f, OSSL_STORE_INFO_PKEY, err);

    *out = status == IOSSL_OK ? f.key : NULL;
    if (status == IOSSL_OK)
        f.key = NULL;
    finds_cleanup(&f);
    return status;
}

/* The first certificate is the leaf, as in a file; a key beside it is kept. */
iossl_status
iossl_uri_load_identity(const iossl_library *library, iossl_identity **out, const char *uri,
                        iossl_passwd_cb cb, void *arg, iossl_error *err)
{
    finds f = {.library = library, .uri = uri, .password = {.cb = cb, .arg = arg}};
    iossl_status status = load(&f, OSSL_STORE_INFO_CERT, err);
    iossl_identity *identity = NULL;

    *out = NULL;
    if (status == IOSSL_OK && (identity = calloc(1, sizeof *identity)) == NULL) {
        iossl_error_memory(err);
        status = IOSSL_ERROR;
    }
    if (status == IOSSL_OK) {
        identity->cert = sk_X509_shift(f.certs);
        if (sk_X509_num(f.certs) > 0) {
            identity->chain = f.certs;
            f.certs = NULL;
        }
        identity->key = f.key;
        identity->is_pem = true;        /* another key may be named beside it */
        f.key = NULL;
        *out = identity;
    }
    finds_cleanup(&f);
    /* cppcheck-suppress memleak ; *out has it */
    return status;
}
