/*
 * selfmade.c - certificates that the tool makes: see selfmade.h.
 */
#include "selfmade.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "show.h"

#define DAY_S 86400
#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-_."

static EVP_PKEY *
make_key(const char *kind, iossl_error *err)
{
    const char *colon = strchr(kind, ':');
    size_t len = colon == NULL ? strlen(kind) : (size_t)(colon - kind);
    const char *which = colon == NULL ? NULL : colon + 1;
    EVP_PKEY *key;

    if (len == 3 && strncasecmp(kind, "rsa", 3) == 0) {
        char *end = NULL;
        unsigned long bits = which == NULL ? 2048 : strtoul(which, &end, 10);

        if ((end != NULL && *end != '\0') || bits > 65536) {
            iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "RSA keys have a number of bits, "
                            "as in rsa:2048, not \"%s\"", which);
            return NULL;
        }
        tool_progress("making an RSA key of %lu bits ...", bits);
        key = iossl_key_new_rsa((unsigned int)bits, err);
        tool_progress_end();
        return key;
    }
    if (len == 2 && strncasecmp(kind, "ec", 2) == 0)
        return iossl_key_new_ec(which == NULL ? "P-256" : which, err);
    return iossl_key_new_ec(kind, err);
}

static bool
add_name(iossl_certgen *gen, const char *name, iossl_error *err)
{
    unsigned char address[16];
    char *ascii = NULL;
    iossl_status status;

    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return iossl_certgen_add_altname(gen, "IP", name, strlen(name), err) == IOSSL_OK;
    if (strchr(name, '@') != NULL)
        return iossl_certgen_add_altname(gen, "EMAIL", name, strlen(name), err) == IOSSL_OK;
    if (strchr(name, '*') != NULL)
        return iossl_certgen_add_altname(gen, "DNS", name, strlen(name), err) == IOSSL_OK;
    if (iossl_idn_to_ascii(&ascii, name, strlen(name), err) != IOSSL_OK)
        return false;
    if (ascii[strspn(ascii, HOST_CHARACTERS)] != '\0') {
        iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                        "\"%s\" is no host name and no address; other text goes into --subject",
                        name);
        iossl_free(ascii);
        return false;
    }
    status = iossl_certgen_add_altname(gen, "DNS", ascii, strlen(ascii), err);
    iossl_free(ascii);
    return status == IOSSL_OK;
}

/* "O=Example, CN=x", or with "/" before each part, as openssl(1) writes it. */
static bool
add_subject(iossl_certgen *gen, const char *subject, iossl_error *err)
{
    const char *between = subject[0] == '/' ? "/" : ",";
    char *copy = tool_copy(subject), *rest = copy, *part;
    bool ok = true;

    while (ok && (part = strtok_r(NULL, between, &rest)) != NULL) {
        char *value = strchr(part, '=');

        part += strspn(part, " ");
        if (value == NULL) {
            iossl_error_set(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL,
                            "--subject \"%s\": \"%s\" has no \"=\"; write O=Example, CN=name",
                            subject, part);
            ok = false;
        } else {
            *value++ = '\0';
            ok = iossl_certgen_add_subject(gen, part, value, strlen(value), err) == IOSSL_OK;
        }
    }
    free(copy);
    return ok;
}

static bool
fill(iossl_certgen *gen, const selfmade_spec *spec, iossl_error *err)
{
    const tool_list *names = spec->names;
    int64_t from = (int64_t)time(NULL) + spec->begins_days * DAY_S;

    if (iossl_certgen_clear_subject(gen, err) != IOSSL_OK
        || iossl_certgen_set_not_before(gen, from, err) != IOSSL_OK
        || iossl_certgen_set_not_after(gen, from + spec->days * DAY_S, err) != IOSSL_OK)
        return false;
    if (spec->subject != NULL ? !add_subject(gen, spec->subject, err)
                              : names->n > 0
                                    && iossl_certgen_add_subject(gen, "CN", names->item[0],
                                                                 strlen(names->item[0]), err)
                                           != IOSSL_OK)
        return false;
    for (size_t i = 0; i < names->n && !spec->is_ca; i++)
        if (!add_name(gen, names->item[i], err))
            return false;
    if (spec->is_ca)
        iossl_certgen_set_ca(gen, true);
    return spec->purpose == NULL || iossl_certgen_add_purposes(gen, spec->purpose, err) == IOSSL_OK;
}

X509 *
selfmade_cert(const selfmade_spec *spec, EVP_PKEY **key)
{
    iossl_error *err = iossl_error_new();
    iossl_certgen *gen = iossl_certgen_new(err);
    X509 *cert = NULL;

    if ((*key = make_key(spec->key, err)) != NULL && gen != NULL && fill(gen, spec, err)) {
        iossl_certgen_set_key(gen, *key);
        if (spec->issuer != NULL)
            iossl_certgen_set_issuer(gen, spec->issuer, spec->issuer_key);
        cert = iossl_certgen_make(gen, NULL, err);
    }
    if (cert == NULL) {
        tool_complain("the certificate can't be made: %s", iossl_error_message(err));
        EVP_PKEY_free(*key);
        *key = NULL;
    }
    iossl_certgen_free(gen);
    iossl_error_free(err);
    return cert;
}
