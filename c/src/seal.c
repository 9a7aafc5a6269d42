/*
 * seal.c - what a fleet keeps in a store that others can read and write.
 *
 * Owns      the keys derived from the program's secret, the form of a sealed value.
 * Promises  a value is of use only under the secret and the name that it was sealed with: encrypted and
 *           authenticated (AES-256-GCM), with a key of its own derived from a random salt, so that any
 *           number of values is safe. Names tell nothing of what they were made from. Secrets are
 *           cleansed. A seal is immutable: any thread may use it.
 * Leaves    what is sealed to session.c and tickets.c, and where it is kept to the program.
 * See       NIST SP 800-38D, SP 800-108 (HMAC in counter mode, one block).
 *
 * A sealed value: 1 byte version, 16 bytes salt, the ciphertext, 16 bytes tag. The tag covers the name.
 */
#include "iossl.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "error.h"

#define VERSION 1
#define SALT_LEN 16
#define TAG_LEN 16
#define HEAD_LEN (1 + SALT_LEN)
#define KEY_LEN 32
#define MIN_SECRET_LEN 32       /* as strong as the cipher */

struct iossl_seal {
    atomic_size_t refs;
    unsigned char names[KEY_LEN];
    unsigned char values[KEY_LEN];
};

/* HMAC-SHA-256 of a label and bytes. */
static bool
derive(unsigned char out[KEY_LEN], const void *key, size_t key_len, const char *label,
       const void *bytes, size_t len)
{
    size_t label_len = strlen(label) + 1;       /* the NUL keeps label and bytes apart */
    unsigned char *all = NULL;
    unsigned int out_len = KEY_LEN;
    bool ok = false;

    if (key_len > INT_MAX || len > SIZE_MAX - label_len || (all = malloc(label_len + len)) == NULL)
        return false;
    memcpy(all, label, label_len);
    if (len > 0)
        memcpy(all + label_len, bytes, len);
    ok = HMAC(EVP_sha256(), key, (int)key_len, all, label_len + len, out, &out_len) != NULL;
    OPENSSL_cleanse(all, label_len + len);
    free(all);
    return ok;
}

iossl_seal *
iossl_seal_new(const void *secret, size_t len, iossl_error *err)
{
    iossl_seal *seal = NULL;

    if (len < MIN_SECRET_LEN) {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "the secret of a store has %zu bytes; give %d random bytes or more", len,
                        MIN_SECRET_LEN);
    } else if ((seal = calloc(1, sizeof *seal)) == NULL) {
        iossl_error_memory(err);
    } else {
        atomic_init(&seal->refs, 1);
        if (!derive(seal->names, secret, len, "iossl names", NULL, 0)
            || !derive(seal->values, secret, len, "iossl values", NULL, 0)) {
            iossl_seal_free(seal);
            seal = NULL;
            iossl_error_memory(err);
        }
    }
    iossl_error_clear_queue();
    return seal;
}

void
iossl_seal_free(iossl_seal *seal)
{
    if (seal == NULL || atomic_fetch_sub_explicit(&seal->refs, 1, memory_order_acq_rel) != 1)
        return;
    OPENSSL_cleanse(seal, sizeof *seal);
    free(seal);
}

iossl_seal *
iossl_seal_up_ref(iossl_seal *seal)
{
    if (seal != NULL)
        atomic_fetch_add_explicit(&seal->refs, 1, memory_order_relaxed);
    return seal;
}

char *
iossl_seal_name(const iossl_seal *seal, const char *kind, const void *key, size_t len,
                iossl_error *err)
{
    unsigned char digest[KEY_LEN];
    char *name = malloc(2 * sizeof digest + 1);

    if (name == NULL || !derive(digest, seal->names, sizeof seal->names, kind, key, len)) {
        free(name);
        name = NULL;
        iossl_error_memory(err);
    } else {
        for (size_t i = 0; i < sizeof digest; i++)
            (void)snprintf(name + 2 * i, 3, "%02x", digest[i]);
    }
    iossl_error_clear_queue();
    return name;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* A cipher with the key of this salt, that has seen the name. NULL: no memory. */
static EVP_CIPHER_CTX *
cipher_new(const iossl_seal *seal, const unsigned char *salt, const char *name, int encrypts)
{
    static const unsigned char IV[12] = {0};    /* no key is used twice */
    unsigned char key[KEY_LEN];
    EVP_CIPHER_CTX *cipher = NULL;
    size_t name_len = strlen(name);
    int n;

    if (name_len <= INT_MAX
        && derive(key, seal->values, sizeof seal->values, "value", salt, SALT_LEN)
        && (cipher = EVP_CIPHER_CTX_new()) != NULL
        && (EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, IV, encrypts) != 1
            || EVP_CipherUpdate(cipher, NULL, &n, (const unsigned char *)name, (int)name_len) != 1)) {
        EVP_CIPHER_CTX_free(cipher);
        cipher = NULL;
    }
    OPENSSL_cleanse(key, sizeof key);
    return cipher;
}

iossl_status
iossl_seal_close(const iossl_seal *seal, const char *name, const void *bytes, size_t len,
                 unsigned char **out, size_t *out_len, iossl_error *err)
{
    EVP_CIPHER_CTX *cipher = NULL;
    unsigned char *sealed = NULL;
    iossl_status status = IOSSL_ERROR;
    int n = 0, rest = 0;

    *out = NULL;
    *out_len = 0;
    if (len > INT_MAX - HEAD_LEN - TAG_LEN || (sealed = malloc(HEAD_LEN + len + TAG_LEN)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    sealed[0] = VERSION;
    if (RAND_bytes(sealed + 1, SALT_LEN) != 1
        || (cipher = cipher_new(seal, sealed + 1, name, 1)) == NULL
        || EVP_CipherUpdate(cipher, sealed + HEAD_LEN, &n, bytes, (int)len) != 1
        || EVP_CipherFinal_ex(cipher, sealed + HEAD_LEN + n, &rest) != 1
        || EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_LEN, sealed + HEAD_LEN + len) != 1) {
        iossl_error_set_openssl(err, IOSSL_E_MEMORY, IOSSL_RANK_IO, "a value can't be sealed");
        goto done;
    }
    *out = sealed;
    *out_len = HEAD_LEN + len + TAG_LEN;
    sealed = NULL;
    status = IOSSL_OK;
done:
    free(sealed);
    EVP_CIPHER_CTX_free(cipher);
    iossl_error_clear_queue();
    return status;
}

iossl_status
iossl_seal_open(const iossl_seal *seal, const char *name, const void *bytes, size_t len,
                unsigned char **out, size_t *out_len, iossl_error *err)
{
    const unsigned char *sealed = bytes;
    unsigned char *plain = NULL, tag[TAG_LEN];
    EVP_CIPHER_CTX *cipher = NULL;
    iossl_status status = IOSSL_ERROR;
    size_t plain_len = 0;
    int n = 0, rest = 0;

    *out = NULL;
    *out_len = 0;
    if (len < HEAD_LEN + TAG_LEN || len > INT_MAX || sealed[0] != VERSION) {
        iossl_error_set(err, IOSSL_E_KEY, IOSSL_RANK_IO, "\"%s\" is no sealed value", name);
        goto done;
    }
    plain_len = len - HEAD_LEN - TAG_LEN;
    memcpy(tag, sealed + len - TAG_LEN, TAG_LEN);
    if ((plain = malloc(plain_len + 1)) == NULL
        || (cipher = cipher_new(seal, sealed + 1, name, 0)) == NULL) {
        iossl_error_memory(err);
        goto done;
    }
    if (EVP_CipherUpdate(cipher, plain, &n, sealed + HEAD_LEN, (int)plain_len) != 1
        || EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) != 1
        || EVP_CipherFinal_ex(cipher, plain + n, &rest) != 1) {
        iossl_error_set(err, IOSSL_E_KEY, IOSSL_RANK_IO,
                        "\"%s\" was sealed with another secret or name, or was changed since", name);
        goto done;
    }
    *out = plain;
    *out_len = plain_len;
    plain = NULL;
    status = IOSSL_OK;
done:
    if (plain != NULL)
        OPENSSL_cleanse(plain, plain_len);
    free(plain);
    EVP_CIPHER_CTX_free(cipher);
    iossl_error_clear_queue();
    return status;
}
