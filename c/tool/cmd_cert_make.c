/*
 * cmd_cert_make.c - iossl cert make: certificates for trying things out, and for small CAs.
 */
#include <stdlib.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <iossl.h>

#include "commands.h"
#include "load.h"
#include "selfmade.h"
#include "show.h"

typedef struct make_settings {
    const char *subject, *key, *purpose, *issuer, *issuer_key, *out, *key_out;
    long begins_days, days;
    bool is_ca;
} make_settings;

#define AT(member) offsetof(make_settings, member)
static const tool_option CONTENT[] = {
    {0, "ca", NULL, OPT_FLAG, AT(is_ca), NULL, "for a certificate authority: it may sign others", 0,
     0},
    {0, "subject", "TEXT", OPT_TEXT, AT(subject), NULL,
     "as \"O=Example, CN=name\" or \"/O=Example/CN=name\"; default: CN is the first NAME", 0, 0},
    {0, "days", "N", OPT_INT, AT(days), NULL, "how long it is valid; default 365", 0, 100000},
    {0, "begins", "DAYS", OPT_INT, AT(begins_days), NULL,
     "from when on, in days from now; -30 with --days 10 makes an expired one; default 0", -100000,
     100000},
    {0, "purpose", "WORDS", OPT_TEXT, AT(purpose), NULL,
     "client, server, ... instead of client and server, see CERT_create in IO::Socket::SSL::Utils", 0,
     0},
};
static const tool_option KEYS[] = {
    {0, "key", "KIND", OPT_TEXT, AT(key), NULL,
     "the new key: ec:P-256 (the default), ec:CURVE, rsa:BITS, ed25519", 0, 0},
    {0, "issuer", "FILE", OPT_TEXT, AT(issuer), NULL,
     "the CA that signs; without it, the certificate is self-signed", 0, 0},
    {0, "issuer-key", "FILE", OPT_TEXT, AT(issuer_key), NULL,
     "the key of the CA; default: it is in the file of --issuer", 0, 0},
};
static const tool_option OUTPUT[] = {
    {'o', "out", "FILE", OPT_TEXT, AT(out), NULL,
     "the certificate goes there (PEM); default: standard output", 0, 0},
    {0, "key-out", "FILE", OPT_TEXT, AT(key_out), NULL,
     "the key goes there (PEM, readable for you only); default: to the certificate", 0, 0},
};
static const tool_group GROUPS[] = {
    {"What it says", CONTENT, TOOL_COUNT(CONTENT), 0},
    {"Keys", KEYS, TOOL_COUNT(KEYS), 0},
    {"Where it goes", OUTPUT, TOOL_COUNT(OUTPUT), 0},
};

/* The CA's certificate and key into the spec. */
static bool
load_issuer(const make_settings *s, selfmade_spec *spec)
{
    iossl_error *err = iossl_error_new();
    const char *key_file = s->issuer_key != NULL ? s->issuer_key : s->issuer;
    bool ok = false;

    if (s->issuer == NULL) {
        if (s->issuer_key != NULL)
            (void)tool_usage("--issuer-key without --issuer: whose key is it?");
        ok = s->issuer_key == NULL;
        goto done;
    }
    if ((spec->issuer = iossl_cert_from_file(s->issuer, err)) == NULL
        || (spec->issuer_key = iossl_key_from_file(key_file, tool_ask_password, (void *)key_file,
                                                   err)) == NULL)
        (void)tool_usage("--issuer %s: %s", s->issuer, iossl_error_message(err));
    else if (X509_check_private_key(spec->issuer, spec->issuer_key) != 1)
        (void)tool_usage("the key in %s isn't the one of the certificate in %s", key_file,
                         s->issuer);
    else
        ok = true;
done:
    iossl_error_free(err);
    return ok;
}

static bool
write_to(const char *file, const char *text, iossl_error *err)
{
    FILE *f = file == NULL ? stdout : fopen(file, "w");
    bool ok = f != NULL && fputs(text, f) >= 0 && fflush(f) == 0;
    int errnum = errno;

    if (f != NULL && file != NULL && fclose(f) != 0 && ok) {
        errnum = errno;
        ok = false;
    }
    if (!ok)
        iossl_error_set_errno(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, errnum, "cannot write %s",
                              file == NULL ? "to standard output" : file);
    return ok;
}

/* A file that is there already has permissions of its own, which aren't meant for a key. */
static bool
make_private(const char *file, iossl_error *err)
{
    struct stat old;

    if (stat(file, &old) != 0 || !S_ISREG(old.st_mode) || (old.st_mode & 077) == 0
        || chmod(file, old.st_mode & 0700) == 0)
        return true;
    iossl_error_set_errno(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, errno,
                          "cannot keep %s for its owner, so no key is written to it", file);
    return false;
}

/* Key first: its file is made for the owner alone, and with --out only, the certificate is added. */
static bool
write_out(const make_settings *s, X509 *cert, EVP_PKEY *key, iossl_error *err)
{
    char *pem = iossl_cert_to_pem(cert, err), *key_pem = NULL, *both = NULL;
    const char *key_file = s->key_out != NULL ? s->key_out : s->out;
    bool ok = false;
    size_t len = 0;

    if (pem == NULL)
        goto done;
    if (key_file != NULL
        && (!make_private(key_file, err) || iossl_key_to_file(key_file, key, err) != IOSSL_OK))
        goto done;
    if (s->key_out != NULL) {
        ok = write_to(s->out, pem, err);
    } else if ((key_pem = iossl_key_to_pem(key, &len, err)) != NULL) {
        both = tool_format("%s%s", pem, key_pem);
        ok = write_to(s->out, both, err);
        OPENSSL_cleanse(both, strlen(both));
    }
done:
    iossl_free_secret(key_pem, len);
    iossl_free(pem);
    free(both);
    return ok;
}

static int
run(const void *settings, const tool_list *operands)
{
    const make_settings *s = settings;
    selfmade_spec spec = {
        .names = operands, .subject = s->subject, .key = s->key, .begins_days = s->begins_days,
        .days = s->days, .is_ca = s->is_ca, .purpose = s->purpose,
    };
    iossl_error *err = iossl_error_new();
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    int status = TOOL_USAGE;

    if (operands->n == 0 && s->subject == NULL) {
        (void)tool_usage("for whom? Give host names or addresses, or --subject");
        goto done;
    }
    if (!load_issuer(s, &spec) || (cert = selfmade_cert(&spec, &key)) == NULL)
        goto done;
    if (write_out(s, cert, key, err))
        status = TOOL_OK;
    else
        tool_complain("%s", iossl_error_message(err));
done:
    X509_free(cert);
    EVP_PKEY_free(key);
    X509_free(spec.issuer);
    EVP_PKEY_free(spec.issuer_key);
    iossl_error_free(err);
    return status;
}

static void
set_defaults(void *settings)
{
    make_settings *s = settings;

    s->days = 365;
    s->key = "ec:P-256";
}

const tool_command tool_command_cert_make = {
    .name = "cert make",
    .operands = "[NAME]...",
    .summary = "Makes a key and a certificate for host names and addresses, or for a CA.",
    .max_operands = TOOL_LIST_MAX,
    .groups = GROUPS,
    .n_groups = TOOL_COUNT(GROUPS),
    .size = sizeof(make_settings),
    .defaults = set_defaults,
    .run = run,
};
