/*
 * context.h - what a connection needs of its context.
 */
#ifndef IOSSL_CONTEXT_H
#define IOSSL_CONTEXT_H

#include "iossl.h"
#include "verify.h"

const iossl_verify_settings *iossl_ctx_get0_verify_settings(const iossl_ctx *ctx);

#endif
