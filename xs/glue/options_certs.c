/*
 * options_certs.c - options about certificates and keys: for all hosts or by host name.
 *
 * Owns      which options may be a hash by host name (OCSP answers may, too), and what such a hash
 *           must have.
 * Promises  a chain that a program gave away is freed once, and only where a context came of it.
 * Leaves    which certificate a client gets to libiossl.
 */
#include "options_read.h"

#include <errno.h>

#include <openssl/crypto.h>

#include "callbacks.h"
#include "objects.h"
#include "values.h"

/* An option whose value may be a hash by host names. */
typedef struct {
    const char *name;
    const char *what;           /* that it gives, for a refusal */
    iossl_status (*add)(pTHX_ glue_build *b, const char *host, SV *value);
    bool tells_hosts;           /* what is given for all goes to each host in it */
    bool needs_host;            /* a server's hash has to name one */
    bool needs_value;           /* each host in it has to have one */
    bool is_object;             /* what is false says nothing */
} host_option;

/* A hash that can't be used, in the words and with the errno of a file that isn't there. */
static iossl_status
refuse_hash(glue_build *b, const host_option *option, const char *why)
{
    iossl_error_set_errno(b->err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, ENOENT,
                          "Failed to load %s from file in %s: the hash %s", option->what,
                          option->name, why);
    return IOSSL_ERROR;
}

/* Reads a value for each host that it is for: of a hash its own, of anything else all. */
static iossl_status
read_by_host(pTHX_ glue_build *b, SV *value, const host_option *option)
{
    iossl_status status = IOSSL_OK;
    HV *by_host = glue_hash(aTHX_ value);
    HE *entry;

    if (by_host != NULL && b->role == IOSSL_CLIENT)
        return refuse_hash(b, option,
                           "is by host name, which only a server chooses by; a client has one");
    if (by_host != NULL && option->needs_host && glue_is_empty(aTHX_ by_host))
        return refuse_hash(b, option, "names no host");
    if (by_host == NULL && b->hosts == NULL)
        return glue_is_absent(value) ? IOSSL_OK : option->add(aTHX_ b, NULL, value);
    if (by_host == NULL) {
        for (SSize_t i = 0; status == IOSSL_OK && i <= av_len(b->hosts); i++) {
            const char *host = SvPV_nolen_const(glue_item(aTHX_ b->hosts, i));

            /* "host%tag" is a second certificate: what is common goes with the first. */
            if (strchr(host, '%') == NULL && !glue_is_absent(value))
                status = option->add(aTHX_ b, host, value);
        }
        return status;
    }
    hv_iterinit(by_host);
    while (status == IOSSL_OK && (entry = hv_iternext(by_host)) != NULL) {
        SV *of_host = glue_value_of_entry(aTHX_ by_host, entry);
        const char *host = glue_string(aTHX_ option->name, hv_iterkeysv(entry));

        if (!glue_is_absent(of_host))
            status = option->add(aTHX_ b, host, of_host);
        else if (option->needs_value)
            croak("%s can't be used: it names no file for the host \"%s\"", option->name, host);
    }
    return status;
}

static iossl_status
add_cert_file(pTHX_ glue_build *b, const char *host, SV *value)
{
    return iossl_config_add_cert_file(b->config, host,
                                      glue_string(aTHX_ "SSL_cert_file", value), b->err);
}

static iossl_status
add_key_file(pTHX_ glue_build *b, const char *host, SV *value)
{
    return iossl_config_add_key_file(b->config, host,
                                     glue_string(aTHX_ "SSL_key_file", value), b->err);
}

static iossl_status
add_cert(pTHX_ glue_build *b, const char *host, SV *value)
{
    const char *what = "SSL_cert: an X509 handle";
    AV *list = glue_array(aTHX_ value);
    SSize_t n = list == NULL ? 1 : av_len(list) + 1;
    X509 **certs;

    if (n == 0)
        return IOSSL_OK;
    Newx(certs, (size_t)n, X509 *);
    SAVEFREEPV(certs);
    for (SSize_t i = 0; i < n; i++) {
        certs[i] = glue_object(aTHX_ GLUE_X509, list == NULL ? value : glue_item(aTHX_ list, i),
                               what);
        if (i == 0)
            continue;
        if (b->chains == NULL)
            b->chains = (HV *)sv_2mortal((SV *)newHV());
        (void)hv_store(b->chains, (const char *)&certs[i], sizeof certs[i], newSV(0), 0);
    }
    return iossl_config_add_certs(b->config, host, certs, (size_t)n, b->err);
}

static iossl_status
add_key(pTHX_ glue_build *b, const char *host, SV *value)
{
    return iossl_config_add_key(b->config, host,
                                glue_object(aTHX_ GLUE_EVP_PKEY, value, "SSL_key: an EVP_PKEY handle"),
                                b->err);
}

static iossl_status
add_staple_file(pTHX_ glue_build *b, const char *host, SV *value)
{
    return iossl_config_set_ocsp_staple_file(b->config, host,
                                             glue_string(aTHX_ "SSL_ocsp_staple_file", value),
                                             b->err);
}

static const host_option HOST_OPTIONS[] = {
    /* name                   what           add              hosts  host   value  object */
    {"SSL_cert_file",        "certificate", add_cert_file,   true,  true,  true,  false},
    {"SSL_cert",             "certificate", add_cert,        true,  true,  false, true},
    {"SSL_key_file",         "key",         add_key_file,    true,  false, true,  false},
    {"SSL_key",              "key",         add_key,         true,  false, false, true},
    {"SSL_ocsp_staple_file", "OCSP answer", add_staple_file, false, false, false, false},
};
#define N_HOST_OPTIONS (sizeof HOST_OPTIONS / sizeof HOST_OPTIONS[0])

iossl_status
glue_opt_by_host(pTHX_ glue_build *b, SV *value)
{
    const host_option *option = HOST_OPTIONS;

    while (strNE(option->name, b->option->name))
        option++;
    return option->is_object && glue_is_none(aTHX_ value) ? IOSSL_OK
                                                          : read_by_host(aTHX_ b, value, option);
}

void
glue_collect_hosts(pTHX_ glue_build *b)
{
    for (size_t i = 0; i < N_HOST_OPTIONS; i++) {
        const host_option *option = &HOST_OPTIONS[i];
        SV *value = option->tells_hosts ? glue_argument(aTHX_ b, option->name) : NULL;
        HV *by_host = value == NULL ? NULL : glue_hash(aTHX_ value);
        HE *entry;

        if (by_host == NULL || glue_is_empty(aTHX_ by_host))
            continue;
        if (b->hosts == NULL)
            b->hosts = (AV *)sv_2mortal((SV *)newAV());
        hv_iterinit(by_host);
        while ((entry = hv_iternext(by_host)) != NULL)
            av_push(b->hosts, newSVsv(hv_iterkeysv(entry)));
    }
}

iossl_status
glue_opt_passwd_cb(pTHX_ glue_build *b, SV *value)
{
    if (!glue_is_none(aTHX_ value)) {
        b->calls->password.code = newSVsv(glue_code(aTHX_ "SSL_passwd_cb", value));
        iossl_config_set_passwd_cb(b->config, glue_on_password, &b->calls->password);
    }
    return IOSSL_OK;
}

iossl_status
glue_opt_cert_callback(pTHX_ glue_build *b, SV *value)
{
    if (glue_is_none(aTHX_ value))
        return IOSSL_OK;
    b->context->cert_callback = newSVsv(glue_code(aTHX_ "SSL_cert_callback", value));
    iossl_config_set_host_cb(b->config, glue_on_host, NULL);
    return IOSSL_OK;
}

static CRYPTO_ONCE given_away_once = CRYPTO_ONCE_STATIC_INIT;
static int given_away_index = -1;

static void
make_given_away_index(void)
{
    given_away_index = X509_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/*
 * As documented, a program that gives a chain by handles gives them away once the context is made; the
 * leaf stays its own. libiossl has taken references, so the program's are dropped: once for each
 * certificate, which is marked, in case the program gives it to another context too.
 */
void
glue_consume_chains(pTHX_ glue_build *b)
{
    HE *entry;

    if (b->chains == NULL || CRYPTO_THREAD_run_once(&given_away_once, make_given_away_index) != 1)
        return;
    hv_iterinit(b->chains);
    while ((entry = hv_iternext(b->chains)) != NULL) {
        X509 *cert;

        Copy(HeKEY(entry), &cert, 1, X509 *);
        if (X509_get_ex_data(cert, given_away_index) == NULL
            && X509_set_ex_data(cert, given_away_index, &given_away_index) == 1)
            X509_free(cert);
    }
}
