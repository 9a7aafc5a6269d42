/*
 * purposes.c - what a certificate is for, in the words of people, and as bits of its extensions.
 *
 * Owns      the table of purposes, the words for them, how they add up.
 * Promises  pure: no OpenSSL call but for constants. A purpose that is switched off takes its bits
 *           away from the others, wherever it was said.
 * Leaves    writing the extensions to certgen_make.c.
 * See       RFC 5280 sections 4.2.1.3, 4.2.1.9 and 4.2.1.12.
 */
#include "purposes.h"

#include <string.h>

#include <openssl/objects.h>

#include "certext.h"
#include "error.h"
#include "quote.h"

enum { /* keyUsage, bits as in the RFC */
       SIGN = 1 << 0,
       NON_REPUDIATION = 1 << 1,
       KEY_ENC = 1 << 2,
       DATA_ENC = 1 << 3,
       KEY_AGREE = 1 << 4,
       CERT_SIGN = 1 << 5,
       CRL_SIGN = 1 << 6,
       ENC_ONLY = 1 << 7,
       DEC_ONLY = 1 << 8
};

enum { /* nsCertType, bits as Netscape gave them */
       NETSCAPE_CLIENT = 1 << 0,
       NETSCAPE_SERVER = 1 << 1,
       NETSCAPE_EMAIL = 1 << 2,
       NETSCAPE_OBJSIGN = 1 << 3,
       NETSCAPE_SSL_CA = 1 << 5,
       NETSCAPE_EMAIL_CA = 1 << 6,
       NETSCAPE_OBJ_CA = 1 << 7
};

enum { /* extendedKeyUsage, bits as in the array below */
       EKU_CLIENT = 1 << 0,
       EKU_CODE = 1 << 1,
       EKU_EMAIL = 1 << 2,
       EKU_SERVER = 1 << 3,
       EKU_TIME = 1 << 4
};

const int iossl_ext_key_usage_nids[IOSSL_N_EXT_KEY_USAGE] = {
    NID_client_auth, NID_code_sign, NID_email_protect, NID_server_auth, NID_time_stamp,
};

static const struct {
    const char *name;
    iossl_usage usage;
} PURPOSES[] = {
    {"client", {false, SIGN | KEY_ENC, NETSCAPE_CLIENT, EKU_CLIENT}},
    {"server", {false, SIGN | KEY_ENC, NETSCAPE_SERVER, EKU_SERVER}},
    {"email", {false, SIGN | KEY_ENC, NETSCAPE_EMAIL, EKU_EMAIL}},
    {"emailProtection", {false, SIGN | KEY_ENC, NETSCAPE_EMAIL, EKU_EMAIL}},
    {"objsign", {false, SIGN | KEY_ENC, NETSCAPE_OBJSIGN, EKU_CODE}},
    {"codeSigning", {false, SIGN | KEY_ENC, NETSCAPE_OBJSIGN, EKU_CODE}},
    {"CA", {true, SIGN | CERT_SIGN, 0, 0}},
    {"sslCA", {true, SIGN | CERT_SIGN, NETSCAPE_SSL_CA, 0}},
    {"emailCA", {true, SIGN | CERT_SIGN, NETSCAPE_EMAIL_CA, 0}},
    {"objCA", {true, SIGN | CERT_SIGN, NETSCAPE_OBJ_CA, 0}},
    {"clientAuth", {false, 0, 0, EKU_CLIENT}},
    {"serverAuth", {false, 0, 0, EKU_SERVER}},
    {"timeStamping", {false, 0, 0, EKU_TIME}},
    {"digitalSignature", {false, SIGN, 0, 0}},
    {"nonRepudiation", {false, NON_REPUDIATION, 0, 0}},
    {"keyEncipherment", {false, KEY_ENC, 0, 0}},
    {"dataEncipherment", {false, DATA_ENC, 0, 0}},
    {"keyAgreement", {false, KEY_AGREE, 0, 0}},
    {"keyCertSign", {false, CERT_SIGN, 0, 0}},
    {"cRLSign", {false, CRL_SIGN, 0, 0}},
    {"encipherOnly", {false, ENC_ONLY, 0, 0}},
    {"decipherOnly", {false, DEC_ONLY, 0, 0}},
};
_Static_assert(sizeof PURPOSES / sizeof *PURPOSES == IOSSL_N_PURPOSES, "one state for each");

/* Rows of the table that are meant without being named. */
static const char *const OF_A_CA[] = {"CA", "sslCA", "emailCA", "objCA"};
static const char *const DEFAULTS[] = {"client", "server"};

/* Its row, IOSSL_N_PURPOSES where it is unknown. */
static size_t
find_purpose(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < IOSSL_N_PURPOSES; i++) {
        if (iossl_certext_same_word(name, len, PURPOSES[i].name))
            break;
    }
    return i;
}

iossl_status
iossl_purposes_set(iossl_purposes *purposes, const char *name, size_t len, bool on,
                   iossl_error *err)
{
    size_t i = find_purpose(name, len);
    char quoted[IOSSL_QUOTED];
    const char *shown;

    if (i < IOSSL_N_PURPOSES) {
        purposes->state[i] = on ? 1 : -1;
        return IOSSL_OK;
    }
    shown = iossl_quote(quoted, name, len); /* without its quotes, which callers don't expect */
    iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "unknown purpose %.*s",
                    (int)strlen(shown) - 2, shown + 1);
    return IOSSL_ERROR;
}

static bool
is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The length of "word", "+word" or "-word" at the start; 0: there is none. */
static size_t
word_length(const char *text)
{
    size_t n = *text == '+' || *text == '-' ? 1 : 0;
    size_t start = n;

    while (is_word(text[n]))
        n++;
    return n > start ? n : 0;
}

static iossl_status
add_word(iossl_purposes *purposes, const char *word, size_t len, iossl_error *err)
{
    size_t sign = is_word(*word) ? 0 : 1;

    return iossl_purposes_set(purposes, word + sign, len - sign, *word != '-', err);
}

iossl_status
iossl_purposes_add_word(iossl_purposes *purposes, const char *word, iossl_error *err)
{
    size_t len = word_length(word);
    char quoted[IOSSL_QUOTED];
    const char *shown;

    if (len > 0 && word[len] == '\0')
        return add_word(purposes, word, len, err);
    shown = iossl_quote(quoted, word, strlen(word));
    iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "invalid entry in purpose: %.*s",
                    (int)strlen(shown) - 2, shown + 1);
    return IOSSL_ERROR;
}

iossl_status
iossl_purposes_add_words(iossl_purposes *purposes, const char *words, iossl_error *err)
{
    iossl_purposes changed = *purposes;

    while (*words != '\0') {
        size_t len = word_length(words);

        if (len == 0) {
            words++;
            continue;
        }
        if (add_word(&changed, words, len, err) != IOSSL_OK)
            return IOSSL_ERROR;
        words += len;
    }
    *purposes = changed;
    return IOSSL_OK;
}

bool
iossl_purposes_any(const iossl_purposes *purposes)
{
    static const iossl_purposes none;

    return memcmp(purposes, &none, sizeof none) != 0;
}

/* Switches on what nobody has switched off. */
static void
imply(iossl_purposes *purposes, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t row = find_purpose(names[i], strlen(names[i]));

        if (purposes->state[row] == 0)
            purposes->state[row] = 1;
    }
}

iossl_usage
iossl_purposes_usage(const iossl_purposes *purposes, bool is_ca)
{
    iossl_purposes all = *purposes;
    iossl_usage sum = {false, 0, 0, 0};
    size_t i;

    if (is_ca)
        imply(&all, OF_A_CA, sizeof OF_A_CA / sizeof *OF_A_CA);
    else if (!iossl_purposes_any(purposes))
        imply(&all, DEFAULTS, sizeof DEFAULTS / sizeof *DEFAULTS);
    for (i = 0; i < IOSSL_N_PURPOSES; i++) {
        const iossl_usage *one = &PURPOSES[i].usage;

        if (all.state[i] > 0) {
            sum.is_ca = sum.is_ca || one->is_ca;
            sum.key_usage |= one->key_usage;
            sum.ns_cert_type |= one->ns_cert_type;
            sum.ext_key_usage |= one->ext_key_usage;
        }
    }
    for (i = 0; i < IOSSL_N_PURPOSES; i++) {
        const iossl_usage *one = &PURPOSES[i].usage;

        if (all.state[i] < 0) {
            sum.is_ca = sum.is_ca && !one->is_ca;
            sum.key_usage &= ~one->key_usage;
            sum.ns_cert_type &= ~one->ns_cert_type;
            sum.ext_key_usage &= ~one->ext_key_usage;
        }
    }
    return sum;
}
