/*
 * keygen.c - making keys: RSA by size, the others by the name of a curve.
 *
 * Owns      which sizes and which names are taken.
 * Leaves    keys in files and as text to encode.c.
 * See       EVP_PKEY_keygen(3), RFC 8410.
 */
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "certext.h"
#include "error.h"
#include "iossl.h"
#include "quote.h"

/* OpenSSL's own bound for verification (OPENSSL_RSA_MAX_MODULUS_BITS); beyond, keys take hours. */
#define MAX_RSA_BITS 16384

/* A key of this kind; setup sets its parameters, NULL: there are none. */
static EVP_PKEY *
generate(int type, int (*setup)(EVP_PKEY_CTX *ctx, int value), int value)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(type, NULL);
    EVP_PKEY *key = NULL;

    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0 ||
        (setup != NULL && setup(ctx, value) <= 0) || EVP_PKEY_keygen(ctx, &key) <= 0) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static int
set_bits(EVP_PKEY_CTX *ctx, int bits)
{
    return EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits);
}

static int
set_curve(EVP_PKEY_CTX *ctx, int nid)
{
    if (EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, nid) <= 0)
        return 0;
    return EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_NAMED_CURVE);
}

EVP_PKEY *
iossl_key_new_rsa(unsigned int bits, iossl_error *err)
{
    EVP_PKEY *key = NULL;

    ERR_clear_error();
    if (bits <= MAX_RSA_BITS)
        key = generate(EVP_PKEY_RSA, set_bits, (int)bits);
    if (key == NULL)
        iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                                "cannot make an RSA key of %u bits%s", bits,
                                bits <= MAX_RSA_BITS ? ":" : "; give 512 to 16384");
    ERR_clear_error();
    return key;
}

/* Curves that are key types of their own. */
static const struct {
    const char *name;
    int type;
} KEY_TYPES[] = {
    {"ED25519", EVP_PKEY_ED25519},
    {"ED448", EVP_PKEY_ED448},
    {"X25519", EVP_PKEY_X25519},
    {"X448", EVP_PKEY_X448},
};

/* By NIST's name, OpenSSL's, its object identifier, or OpenSSL's number for it. */
static int
curve_nid(const char *curve)
{
    int nid = EC_curve_nist2nid(curve);

    if (nid == NID_undef)
        nid = OBJ_txt2nid(curve);
    if (nid == NID_undef && curve[0] != '\0' && strlen(curve) < 10
        && strspn(curve, "0123456789") == strlen(curve))
        nid = (int)strtol(curve, NULL, 10);
    ERR_clear_error();
    return nid;
}

EVP_PKEY *
iossl_key_new_ec(const char *curve, iossl_error *err)
{
    char quoted[IOSSL_QUOTED];
    EVP_PKEY *key = NULL;
    const char *shown;
    const ASN1_OBJECT *id;
    int nid;

    ERR_clear_error();
    for (size_t i = 0; i < sizeof KEY_TYPES / sizeof *KEY_TYPES; i++) {
        if (iossl_certext_same_word(curve, strlen(curve), KEY_TYPES[i].name)) {
            if ((key = generate(KEY_TYPES[i].type, NULL, 0)) == NULL)
                goto failed;
            goto done;
        }
    }
    nid = curve_nid(curve);
    id = nid == NID_undef ? NULL : OBJ_nid2obj(nid);
    /* Some curves have a name but no identifier: nothing could be said of such a key elsewhere. */
    if (id == NULL || OBJ_length(id) == 0 || (key = generate(EVP_PKEY_EC, set_curve, nid)) == NULL)
        goto failed;
    goto done;
failed:
    shown = iossl_quote(quoted, curve, strlen(curve));
    iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                            "unknown curve %.*s; \"openssl ecparam -list_curves\" names what there "
                            "is, besides ED25519, ED448, X25519 and X448%s",
                            (int)strlen(shown) - 2, shown + 1, ERR_peek_error() != 0 ? ":" : "");
done:
    ERR_clear_error();
    return key;
}
