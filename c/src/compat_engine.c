/*
 * compat_engine.c - keys and certificates out of an engine, where no provider has taken its place.
 *
 * OpenSSL 3 deprecates engines, but for tokens with PKCS#11 they are all that many systems have; this
 * file is the only one that is compiled with them.
 */
#undef OPENSSL_NO_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED

#include "compat.h"

#ifndef OPENSSL_NO_ENGINE
#include <openssl/engine.h>

/* A functional reference; NULL: there is no such engine, or it can't begin. */
static ENGINE *
begin(const char *name)
{
    ENGINE *engine = ENGINE_by_id(name);

    /* That of libp11 would tell what it can't find on standard error, with the PIN. */
    if (engine != NULL)
        (void)ENGINE_ctrl_cmd_string(engine, "QUIET", NULL, 1);
    if (engine != NULL && ENGINE_init(engine) != 1) {
        ENGINE_free(engine);
        return NULL;
    }
    return engine;
}

static void
end(ENGINE *engine)
{
    if (engine == NULL)
        return;
    (void)ENGINE_finish(engine);
    (void)ENGINE_free(engine);
}

bool
iossl_compat_has_engine(const char *name)
{
    ENGINE *engine;
    bool found;

    (void)ERR_set_mark();
    found = (engine = ENGINE_by_id(name)) != NULL;
    (void)ENGINE_free(engine);
    (void)ERR_pop_to_mark();
    return found;
}

EVP_PKEY *
iossl_compat_engine_key(const char *name, const char *id, UI_METHOD *ui, void *ui_arg)
{
    ENGINE *engine = begin(name);
    EVP_PKEY *key = engine == NULL ? NULL : ENGINE_load_private_key(engine, id, ui, ui_arg);

    end(engine);
    return key;
}

/* The command of libp11's engine, which knows no other way to a certificate. */
X509 *
iossl_compat_engine_cert(const char *name, const char *id)
{
    struct {
        const char *id;
        X509 *cert;
    } wanted = {id, NULL};
    ENGINE *engine = begin(name);

    if (engine != NULL
        && ENGINE_ctrl_cmd(engine, "LOAD_CERT_CTRL", 0, &wanted, NULL, 0) != 1)
        wanted.cert = NULL;
    end(engine);
    return wanted.cert;
}

#else

bool
iossl_compat_has_engine(const char *name)
{
    (void)name;
    return false;
}

EVP_PKEY *
iossl_compat_engine_key(const char *name, const char *id, UI_METHOD *ui, void *ui_arg)
{
    (void)name;
    (void)id;
    (void)ui;
    (void)ui_arg;
    return NULL;
}

X509 *
iossl_compat_engine_cert(const char *name, const char *id)
{
    (void)name;
    (void)id;
    return NULL;
}

#endif
