/*
 * config.c - every setting that is text, one after another, and the context that comes of it.
 *
 * Input: a byte of flags, then lines; the first byte of a line picks the setting, modulo their number.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

/* What a line is held against: a config before, and a connection after the context was made. */
typedef struct {
    iossl_config *config;
    iossl_conn *conn;
    iossl_error *err;
} place;

typedef iossl_status (*setting)(const place *p, const char *text, size_t len);

#define CONFIG(name)                                                                               \
    static iossl_status name(const place *p, const char *text, size_t len)                         \
    {                                                                                              \
        (void)len;                                                                                 \
        return iossl_config_set_##name(p->config, text, p->err);                                   \
    }
#define CONFIG_OF_HOST(name)                                                                       \
    static iossl_status name(const place *p, const char *text, size_t len)                         \
    {                                                                                              \
        const char *value = memchr(text, '=', len);                                                \
        char host[64] = "";                                                                        \
                                                                                                   \
        if (value != NULL && (size_t)(value - text) < sizeof host)                                 \
            memcpy(host, text, (size_t)(value - text));                                            \
        return iossl_config_set_##name(p->config, host, value == NULL ? text : value + 1, p->err); \
    }
#define CONN(name)                                                                                 \
    static iossl_status name(const place *p, const char *text, size_t len)                         \
    {                                                                                              \
        (void)len;                                                                                 \
        return iossl_conn_set_##name(p->conn, text, p->err);                                       \
    }

CONFIG(policy)
CONFIG(version)
CONFIG_OF_HOST(cipher_list)
CONFIG_OF_HOST(ciphersuites)
CONFIG(groups)
CONFIG(psk_hint)
CONFIG(ca_path)
CONFIG(ca_file)
CONFIG(crl_file)
CONFIG(dh_file)
CONFIG(client_ca_file)
CONFIG_OF_HOST(ocsp_staple_file)
CONN(hostname)
CONN(sni)
CONN(verify_name)

static iossl_status
cert_file(const place *p, const char *text, size_t len)
{
    (void)len;
    return iossl_config_add_cert_file(p->config, text, "/dev/null", p->err);
}

static iossl_status
key_file(const place *p, const char *text, size_t len)
{
    (void)len;
    return iossl_config_add_key_file(p->config, "x%y", text, p->err);
}

/* A protocol up to each blank. */
static iossl_status
protocols(const place *p, const char *text, size_t len, bool next)
{
    char *copy = malloc(len + 1), *rest;
    const char *names[64];
    size_t n = 0;
    iossl_status status;

    memcpy(copy, text, len + 1);
    for (char *one = strtok_r(copy, " ", &rest); one != NULL && n < 64;
         one = strtok_r(NULL, " ", &rest))
        names[n++] = one;
    status = next ? iossl_config_set_npn(p->config, names, n, p->err)
                  : iossl_config_set_alpn(p->config, names, n, p->err);
    free(copy);
    return status;
}

static iossl_status
alpn(const place *p, const char *text, size_t len)
{
    return protocols(p, text, len, false);
}

static iossl_status
npn(const place *p, const char *text, size_t len)
{
    return protocols(p, text, len, true);
}

static iossl_status
session_id_context(const place *p, const char *text, size_t len)
{
    return iossl_config_set_session_id_context(p->config, text, len, p->err);
}

static iossl_status
client_psk(const place *p, const char *text, size_t len)
{
    return iossl_config_add_client_psk(p->config, len % 2 == 0 ? NULL : "hint", text, text, len,
                                       p->err);
}

static iossl_status
server_psk(const place *p, const char *text, size_t len)
{
    return iossl_config_add_server_psk(p->config, text, text, len, p->err);
}

static iossl_status
responder(const place *p, const char *text, size_t len)
{
    return iossl_config_set_ocsp_staple_responder(p->config, text, (int64_t)len, p->err);
}

static iossl_status
staple(const place *p, const char *text, size_t len)
{
    return iossl_config_set_ocsp_staple(p->config, NULL, text, len, p->err);
}

static iossl_status
ticket_keys(const place *p, const char *text, size_t len)
{
    iossl_ticket_key keys[2];

    memset(keys, 0, sizeof keys);
    for (size_t i = 0; i < 2; i++) {
        memcpy(keys[i].name, text, len < 16 ? len : 16);
        keys[i].name[0] ^= (unsigned char)i;
        keys[i].key_len = 16 * (len % 6);
    }
    return iossl_config_set_ticket_keys(p->config, keys, len % 3, p->err);
}

static iossl_status
pins(const place *p, const char *text, size_t len)
{
    iossl_pins *set = iossl_pins_new(p->err);
    iossl_status status = iossl_pins_add(set, text, p->err);

    (void)len;
    if (status == IOSSL_OK) {
        (void)iossl_pins_match(set, fuzz_leaf.cert);
        status = iossl_config_set_pins(p->config, set, len % 2 == 0, p->err);
    }
    iossl_pins_free(set);
    return status;
}

static iossl_status
scheme(const place *p, const char *text, size_t len)
{
    (void)len;
    return iossl_config_set_scheme(p->config, iossl_scheme_by_name(text), p->err);
}

static iossl_status
modes(const place *p, const char *text, size_t len)
{
    int mode = len > 0 ? text[0] : 0;

    if (iossl_config_set_verify_mode(p->config, mode, p->err) == IOSSL_ERROR)
        return IOSSL_ERROR;
    if (iossl_config_set_check_crl(p->config, (iossl_crl_check)(mode & 3), p->err) == IOSSL_ERROR)
        return IOSSL_ERROR;
    return iossl_config_set_ocsp_mode(p->config, mode, p->err);
}

static const setting BEFORE[] = {
    policy, version, cipher_list, ciphersuites, groups, psk_hint, ca_path, ca_file, crl_file,
    dh_file, client_ca_file, ocsp_staple_file, cert_file, key_file, alpn, npn, session_id_context,
    client_psk, server_psk, responder, staple, ticket_keys, pins, scheme, modes,
};
static const setting AFTER[] = {hostname, sni, verify_name};
#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char *const EXAMPLES[COUNT(BEFORE)] = {
    "strict", "SSLv23:!TLSv1:!TLSv1_1", "www.example.test=HIGH:!aNULL:@SECLEVEL=1",
    "=TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256", "X25519:P-256:P-384", "hint",
    "/etc/ssl/certs:/nonexistent", "/nonexistent", "/nonexistent", "/dev/null", "/dev/null",
    "www.example.test%ec=/nonexistent", "www.example.test%rsa", "/dev/null", "h2 http/1.1",
    "h2 spdy/3", "context", "me", "you", "http://127.0.0.1:9/ocsp", "0", "0123456789abcdef",
    "sha256$pub$0123456789012345678901234567890123456789012345678901234567890123", "smtp", "\001",
};

static void
make_seeds(void)
{
    char text[256];

    for (size_t i = 0; i < COUNT(BEFORE); i++) {
        text[0] = (char)(i % 2);
        text[1] = (char)i;
        strcpy(text + 2, EXAMPLES[i]);
        strcat(text, "\n");
        fuzz_seed(text, 2 + strlen(text + 2));
    }
}

void (*const fuzz_make_seeds)(void) = make_seeds;

static void
connection(fuzz_input *in, iossl_ctx *ctx, iossl_role role, iossl_error *err)
{
    iossl_transport *near_end, *far_end;
    place p = {.err = err};

    FUZZ_PROMISE(fuzz_good(iossl_transport_new_pair(&near_end, &far_end, err), err), "memory");
    p.conn = iossl_conn_new(ctx, role, near_end, err);
    FUZZ_PROMISE(fuzz_made(p.conn, err), "a context gives connections");
    for (int i = 0; i < 4 && in->left > 0; i++) {
        unsigned which = fuzz_byte(in);
        size_t len;
        char *text = fuzz_line(in, &len);

        (void)fuzz_good(AFTER[which % COUNT(AFTER)](&p, text, len), err);
        free(text);
    }
    (void)fuzz_good(iossl_handshake(p.conn, IOSSL_POLL, err), err);
    iossl_conn_free(p.conn);
    iossl_transport_free(far_end);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    iossl_role role = (iossl_role)(fuzz_byte(&in) & 1);
    place p = {.config = iossl_config_new(role, err), .err = err};
    iossl_ctx *ctx;

    fuzz_identities();
    fuzz_random_restart();
    for (int i = 0; i < 12 && in.left > 0; i++) {
        unsigned which = fuzz_byte(&in);
        size_t len;
        char *text = fuzz_line(&in, &len);

        if (len < 4096)
            (void)fuzz_good(BEFORE[which % COUNT(BEFORE)](&p, text, len), err);
        free(text);
    }
    ctx = iossl_ctx_new(p.config, err);
    if (fuzz_made(ctx, err))
        connection(&in, ctx, role, err);
    iossl_ctx_free(ctx);
    iossl_config_free(p.config);
    iossl_error_free(err);
    return 0;
}
