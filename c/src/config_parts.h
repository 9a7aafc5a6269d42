/*
 * config_parts.h - what the files that set parts of a configuration share: config.c, config_alpn.c,
 * config_certs.c, config_ciphers.c, config_ocsp.c, config_trust.c, config_versions.c.
 *
 * Leaves    the structure to config.h.
 */
#ifndef IOSSL_CONFIG_PARTS_H
#define IOSSL_CONFIG_PARTS_H

#include "config.h"
#include "iossl.h"

/* Replaces an owned string by a copy; NULL clears it. */
iossl_status iossl_config_keep_string(char **slot, const char *value, iossl_error *err);
/* The key of a host in our tables: lower case, "" where none is given; free() it. NULL: no memory. */
char *iossl_config_host_key(const char *host, iossl_error *err);

/* For tables of them. */
void iossl_host_cert_free(void *host_cert);
void iossl_staple_recipe_free(void *recipe);

#endif
