/*
 * config_alpn.c - the protocols above TLS that are offered, by ALPN or by its forerunner NPN.
 *
 * Owns      the lists in the form in which they travel, and what fits into that.
 * Leaves    which of them is chosen to context_alpn.c.
 * See       RFC 7301 section 3.1.
 */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "error.h"

static iossl_status
set_protocols(iossl_protocols *slot, const char *option, const char *const *protocols, size_t n,
              iossl_error *err)
{
    unsigned char *wire = NULL;
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        size_t l = strlen(protocols[i]);

        if (l == 0 || l > 255) {
            iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                            "%s: protocol name \"%.32s\" has %zu bytes; 1 to 255 are possible",
                            option, protocols[i], l);
            return IOSSL_ERROR;
        }
        len += l + 1;
    }
    if (len > 65535) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "%s: %zu bytes of protocol names; 65535 are possible", option, len);
        return IOSSL_ERROR;
    }
    if (n > 0) {
        unsigned char *p = wire = malloc(len);

        if (wire == NULL) {
            iossl_error_memory(err);
            return IOSSL_ERROR;
        }
        for (size_t i = 0; i < n; i++) {
            size_t l = strlen(protocols[i]);

            *p++ = (unsigned char)l;
            memcpy(p, protocols[i], l);
            p += l;
        }
    }
    free(slot->wire);
    *slot = (iossl_protocols){.wire = wire, .len = len};
    return IOSSL_OK;
}

iossl_status
iossl_config_set_alpn(iossl_config *config, const char *const *protocols, size_t n,
                      iossl_error *err)
{
    return set_protocols(&config->alpn, "SSL_alpn_protocols", protocols, n, err);
}

iossl_status
iossl_config_set_npn(iossl_config *config, const char *const *protocols, size_t n,
                     iossl_error *err)
{
    if (!iossl_can(IOSSL_CAN_NPN)) {
        iossl_error_set(err, IOSSL_E_UNSUPPORTED, IOSSL_RANK_FATAL, "NPN not supported by %s",
                        iossl_openssl_version());
        return IOSSL_ERROR;
    }
    return set_protocols(&config->npn, "SSL_npn_protocols", protocols, n, err);
}
