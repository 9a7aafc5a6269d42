/*
 * reload.h - a context whose files can be read again.
 */
#ifndef IOSSL_RELOAD_H
#define IOSSL_RELOAD_H

#include "iossl.h"

typedef struct iossl_reload iossl_reload;

/* Owns config from now on, also on failure. NULL: no memory. */
iossl_reload *iossl_reload_new(iossl_config *config, int64_t every_s, iossl_error *err);
void iossl_reload_free(iossl_reload *reload);

/* Called once, before any other: what the files were like before the first context was made of them. */
const iossl_config *iossl_reload_begin(iossl_reload *reload);
/* The context in force, looked for anew where that is due; with a reference of the caller's. */
iossl_ctx *iossl_reload_get1(iossl_reload *reload, iossl_ctx *first);
iossl_status iossl_reload_now(iossl_reload *reload, iossl_ctx *first, iossl_error *err);
/* Moves out why the last attempt was in vain; false: it wasn't, or it has been told. */
bool iossl_reload_take_error(iossl_reload *reload, iossl_error *err);

#endif
