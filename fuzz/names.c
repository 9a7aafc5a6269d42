/*
 * names.c - a name of a certificate against the name of a host, both any bytes.
 *
 * Input: a byte of flags, the host up to a line end, then the certificate's name.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509v3.h>

void (*const fuzz_make_seeds)(void) = NULL;

/* Unsigned, as only its names are looked at. */
static X509 *
cert_named(int type, const char *name, size_t len, const char *common_name, size_t cn_len)
{
    X509 *cert = X509_new();
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *one = GENERAL_NAME_new();
    ASN1_STRING *text = ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING
                                                               : V_ASN1_IA5STRING);

    ASN1_STRING_set(text, name, (int)len);
    GENERAL_NAME_set0_value(one, type, text);
    sk_GENERAL_NAME_push(names, one);
    X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0);
    if (common_name != NULL)
        X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName, V_ASN1_UTF8STRING,
                                   (const unsigned char *)common_name, (int)cn_len, -1, 0);
    GENERAL_NAMES_free(names);
    return cert;
}

/* What any rule has to keep to where it says that the two match. */
static void
check_match(const char *pattern, size_t pattern_len, const char *host, size_t host_len)
{
    const char *star = memchr(pattern, '*', pattern_len), *dot, *pattern_dot;
    size_t rest;

    FUZZ_PROMISE(host_len > 0 && pattern_len > 0, "nothing matches nothing");
    FUZZ_PROMISE(memchr(host, '\0', host_len) == NULL && memchr(pattern, '\0', pattern_len) == NULL,
                 "no name with a NUL matches");
    FUZZ_PROMISE(memchr(host, '*', host_len) == NULL, "a star in the host's name matches nothing");
    if (star == NULL) {
        while (host_len > 0 && host[host_len - 1] == '.')
            host_len--;
        while (pattern_len > 0 && pattern[pattern_len - 1] == '.')
            pattern_len--;
        FUZZ_PROMISE(host_len == pattern_len && strncasecmp(host, pattern, host_len) == 0,
                     "without a star names match where they are equal");
        return;
    }
    dot = memchr(host, '.', host_len);
    pattern_dot = memchr(pattern, '.', pattern_len);
    FUZZ_PROMISE(dot != NULL && pattern_dot != NULL && star < pattern_dot,
                 "a star is in the first label of several");
    rest = (size_t)(pattern + pattern_len - pattern_dot);
    FUZZ_PROMISE(memchr(star + 1, '*', (size_t)(pattern + pattern_len - star - 1)) == NULL,
                 "there is one star");
    FUZZ_PROMISE((size_t)(host + host_len - dot) >= rest - 1
                     && strncasecmp(dot, pattern_dot, rest - 1) == 0,
                 "what follows the star's label is equal");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int types[] = {GEN_DNS, GEN_DNS, GEN_IPADD, GEN_EMAIL};
    static const char *const schemes[] = {"default", "http", "smtp", "ldap", "xmpp", "ftp", "sip",
                                          "snmp"};
    fuzz_input in = {data, size};
    iossl_error *err = iossl_error_new();
    unsigned flags = fuzz_byte(&in);
    size_t host_len, pattern_len;
    char *host = fuzz_line(&in, &host_len), *pattern = fuzz_rest(&in, &pattern_len);
    const iossl_psl *psl = (flags & 1) != 0 ? NULL : IOSSL_PSL_NONE;
    bool matched[3];
    iossl_match match;
    X509 *cert;

    if (size > 2000)
        goto done;
    for (int i = 0; i < 3; i++) {
        matched[i] = iossl_name_matches(pattern, pattern_len, host, host_len, (iossl_wildcards)i,
                                        psl);
        if (matched[i])
            check_match(pattern, pattern_len, host, host_len);
    }
    FUZZ_PROMISE((!matched[0] || matched[1]) && (!matched[1] || matched[2]),
                 "what a strict rule takes, a lenient one takes too");
    cert = cert_named(types[(flags >> 1) & 3], pattern, pattern_len,
                      (flags & 8) != 0 ? pattern : NULL, pattern_len);
    match = iossl_verify_name(host, host_len, cert, iossl_scheme_by_name(schemes[flags >> 5]), psl,
                              err);
    if (match == IOSSL_NAME_MATCH)
        FUZZ_PROMISE(memchr(host, '\0', host_len) == NULL, "no name with a NUL is verified");
    else
        (void)fuzz_good(IOSSL_ERROR, err);
    X509_free(cert);
done:
    free(host);
    free(pattern);
    iossl_error_free(err);
    return 0;
}
