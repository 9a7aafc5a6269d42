/*
 * verify.c - chains from a public suite, judged by libiossl and by bare OpenSSL.
 *
 * Reads cases from standard input, each a block of lines "word value" ended by "end":
 *
 *     id TEXT         printed with the verdicts
 *     role R          "server": the chain is a server's; "client": a client's
 *     name N          host name or address to verify; absent: none
 *     time T          seconds since 1970; absent: now
 *     depth D         largest number of intermediates; absent: OpenSSL's default
 *     root|leaf|chain|crl B   base64 DER, each may come several times but leaf
 *
 * Prints one line a case: id, then five columns "ok" or the reason, separated by tabs: libiossl,
 * bare OpenSSL, bare OpenSSL with partial chains as libiossl allows them, bare OpenSSL with
 * X509_V_FLAG_X509_STRICT, libiossl with the policy "strict". "Bare" is X509_verify_cert(3) with the host set by
 * X509_VERIFY_PARAM_set1_host(3) and nothing else, as a plain C client would.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "iossl.h"

typedef struct {
    char id[256], name[1024];
    bool has_name, is_client, is_broken;
    int64_t at;
    int depth;
    X509 *leaf;
    STACK_OF(X509) *roots, *chain;
    STACK_OF(X509_CRL) *crls;
} verify_case;

static void
case_reset(verify_case *c)
{
    X509_free(c->leaf);
    sk_X509_pop_free(c->roots, X509_free);
    sk_X509_pop_free(c->chain, X509_free);
    sk_X509_CRL_pop_free(c->crls, X509_CRL_free);
    memset(c, 0, sizeof *c);
    c->depth = -1;
    c->roots = sk_X509_new_null();
    c->chain = sk_X509_new_null();
    c->crls = sk_X509_CRL_new_null();
    if (c->roots == NULL || c->chain == NULL || c->crls == NULL)
        exit(2);
}

/* Decodes base64 in place; the number of bytes. */
static long
decode(char *text, unsigned char **der)
{
    size_t len = strlen(text), pad = 0;
    int n;

    *der = (unsigned char *)text;
    while (pad < len && text[len - 1 - pad] == '=')
        pad++;
    n = EVP_DecodeBlock(*der, (const unsigned char *)text, (int)len);
    return n < 0 ? -1 : n - (long)pad;
}

static void
add_object(verify_case *c, const char *word, char *value)
{
    unsigned char *der;
    const unsigned char *p;
    long len = decode(value, &der);
    X509 *cert = NULL;
    X509_CRL *crl = NULL;

    p = der;
    if (len > 0 && strcmp(word, "crl") == 0)
        crl = d2i_X509_CRL(NULL, &p, len);
    else if (len > 0)
        cert = d2i_X509(NULL, &p, len);
    if (crl != NULL)
        (void)sk_X509_CRL_push(c->crls, crl);
    else if (cert == NULL)
        c->is_broken = true;            /* OpenSSL can't even parse it: no handshake would */
    else if (strcmp(word, "leaf") == 0)
        c->leaf = cert;
    else
        (void)sk_X509_push(strcmp(word, "root") == 0 ? c->roots : c->chain, cert);
    ERR_clear_error();
}

static void
print_reason(const char *text)
{
    putchar('\t');
    for (; *text != '\0'; text++)
        putchar(*text == '\t' || *text == '\n' || *text == '\r' ? ' ' : *text);
}

static void
judge_iossl(const verify_case *c, const char *policy)
{
    iossl_role verifier = c->is_client ? IOSSL_SERVER : IOSSL_CLIENT;
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(verifier, err);
    iossl_ctx *ctx = NULL;
    X509_STORE *store;
    bool ok = config != NULL;

    ok = ok && iossl_config_set_policy(config, policy, err) == IOSSL_OK
         && iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER, err) == IOSSL_OK
         && iossl_config_set_no_default_ca(config, true, err) == IOSSL_OK
         && iossl_config_set_check_crl(config, sk_X509_CRL_num(c->crls) > 0, err) == IOSSL_OK
         && iossl_config_set_require_name(config, c->has_name, err) == IOSSL_OK;
    for (int i = 0; ok && i < sk_X509_num(c->roots); i++)
        ok = iossl_config_add_ca(config, sk_X509_value(c->roots, i), err) == IOSSL_OK;
    ok = ok && (ctx = iossl_ctx_new(config, err)) != NULL;
    if (ok) {
        store = SSL_CTX_get_cert_store(iossl_ctx_get0_ssl_ctx(ctx));
        for (int i = 0; i < sk_X509_CRL_num(c->crls); i++)
            (void)X509_STORE_add_crl(store, sk_X509_CRL_value(c->crls, i));
        if (c->depth >= 0)
            SSL_CTX_set_verify_depth(iossl_ctx_get0_ssl_ctx(ctx), c->depth);
        ok = iossl_verify_chain(ctx, verifier, c->leaf, c->chain, c->has_name ? c->name : NULL,
                                c->at, err) == IOSSL_OK;
    }
    print_reason(ok ? "ok" : iossl_error_message(err));
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    iossl_error_free(err);
}

static void
judge_openssl(const verify_case *c, unsigned long flags)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *param;
    int ok;

    if (store == NULL || ctx == NULL)
        exit(2);
    for (int i = 0; i < sk_X509_num(c->roots); i++)
        (void)X509_STORE_add_cert(store, sk_X509_value(c->roots, i));
    for (int i = 0; i < sk_X509_CRL_num(c->crls); i++)
        (void)X509_STORE_add_crl(store, sk_X509_CRL_value(c->crls, i));
    if (X509_STORE_CTX_init(ctx, store, c->leaf, c->chain) != 1
        || X509_STORE_CTX_set_default(ctx, c->is_client ? "ssl_client" : "ssl_server") != 1)
        exit(2);
    param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_auth_level(param, 2);
    if (sk_X509_CRL_num(c->crls) > 0)
        flags |= X509_V_FLAG_CRL_CHECK;
    X509_VERIFY_PARAM_set_flags(param, flags);
    if (c->at != 0)
        X509_VERIFY_PARAM_set_time(param, (time_t)c->at);
    if (c->depth >= 0)
        X509_VERIFY_PARAM_set_depth(param, c->depth);
    if (c->has_name && X509_VERIFY_PARAM_set1_ip_asc(param, c->name) != 1)
        X509_VERIFY_PARAM_set1_host(param, c->name, 0);
    ERR_clear_error();
    ok = X509_verify_cert(ctx);
    print_reason(ok == 1 ? "ok" : X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
}

static void
judge(const verify_case *c)
{
    fputs(c->id, stdout);
    if (c->is_broken || c->leaf == NULL) {
        for (int i = 0; i < 5; i++)
            print_reason("a certificate can't be parsed");
    } else {
        judge_iossl(c, "default");
        judge_openssl(c, 0);
        judge_openssl(c, X509_V_FLAG_PARTIAL_CHAIN);
        judge_openssl(c, X509_V_FLAG_X509_STRICT);
        judge_iossl(c, "strict");
    }
    putchar('\n');
    fflush(stdout);
}

int
main(void)
{
    static char line[1 << 20];
    verify_case c = {0};

    case_reset(&c);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *value = strchr(line, ' ');

        line[strcspn(line, "\n")] = '\0';
        if (value != NULL)
            *value++ = '\0';
        if (strcmp(line, "end") == 0) {
            judge(&c);
            case_reset(&c);
        } else if (value == NULL) {
            return 2;
        } else if (strcmp(line, "id") == 0) {
            snprintf(c.id, sizeof c.id, "%s", value);
        } else if (strcmp(line, "role") == 0) {
            c.is_client = strcmp(value, "client") == 0;
        } else if (strcmp(line, "name") == 0) {
            c.has_name = true;
            snprintf(c.name, sizeof c.name, "%s", value);
        } else if (strcmp(line, "time") == 0) {
            c.at = strtoll(value, NULL, 10);
        } else if (strcmp(line, "depth") == 0) {
            c.depth = atoi(value);
        } else {
            add_object(&c, line, value);
        }
    }
    case_reset(&c);
    sk_X509_free(c.roots);
    sk_X509_free(c.chain);
    sk_X509_CRL_free(c.crls);
    return 0;
}
