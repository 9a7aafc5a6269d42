/*
 * options.c - one table of SSL_* arguments: name, who uses it, how it is read, which setter takes it.
 *
 * Owns      the forms that a Perl value may have (scalar, array, hash by host, number, code).
 * Promises  whatever dies on the way (overloaded values, tied hashes, callbacks), nothing leaks; an
 *           argument that isn't in the table is no argument of a context.
 * Leaves    defaults and validation to libiossl, defaults of the program to lib/.
 *
 * To add an option: a row in OPTIONS, a function that reads its value, and its test.
 */
#include "options.h"

#include <stdatomic.h>

#include <openssl/crypto.h>

#include "objects.h"
#include "ocsp.h"
#include "status.h"

#define FOR_CLIENT 1
#define FOR_SERVER 2
#define FOR_BOTH (FOR_CLIENT | FOR_SERVER)

/* A context in the making. Freed by a destructor of Perl's, so that everything here may die. */
typedef struct build {
    HV *args;
    iossl_role role;
    iossl_config *config;
    iossl_error *err;
    glue_context *context;      /* NULL once it has been handed out */
    glue_calls *calls;          /* owned, until the context has it */
    int64_t reload_s;           /* SSL_reload; -1: nothing was said */
    AV *hosts;                  /* keys of the hashes by host name; mortal, NULL: none */
    HV *chains;                 /* handles of SSL_cert that become the context's; mortal, NULL: none */
} build;

typedef iossl_status (*read_fn)(pTHX_ build *b, SV *value);

/* ---- Values ----------------------------------------------------------------------------------- */

static void
croak_value(pTHX_ const char *option, SV *value, const char *wanted)
{
    if (!SvOK(value))
        glue_croak(aTHX_ sv_2mortal(newSVpvf("%s: %s expected, not undef", option, wanted)));
    glue_croak(aTHX_ sv_2mortal(newSVpvf("%s: %s expected, not \"%" SVf "\"", option, wanted,
                                         SVfARG(value))));
}

/* A mortal copy of a value in UTF-8. */
static SV *
utf8_copy(pTHX_ SV *value)
{
    SV *copy = sv_mortalcopy(value);
    STRLEN len;

    (void)SvPVutf8_force(copy, len);
    return copy;
}

/* The text of a value; croaks on a NUL, which C would take for the end. */
static const char *
text(pTHX_ const char *option, SV *value)
{
    STRLEN len;
    const char *s = SvPV_const(value, len);

    if (strlen(s) != len)
        glue_croak(aTHX_ sv_2mortal(newSVpvf("%s contains a NUL", option)));
    return s;
}

/* The same, NULL for undef. */
static const char *
text_or_null(pTHX_ const char *option, SV *value)
{
    return SvOK(value) ? text(aTHX_ option, value) : NULL;
}

/* Most programs pass '' or undef where they have nothing to say. */
static bool
is_absent(SV *value)
{
    return !SvOK(value) || (!SvROK(value) && SvPOKp(value) && SvCUR(value) == 0);
}

/* Where code, an object or a handle belongs, programs also pass what "condition && sub { }" leaves. */
static bool
is_none(pTHX_ SV *value)
{
    return !SvROK(value) && !SvTRUE_nomg(value);
}

static AV *
array(pTHX_ SV *value)
{
    return SvROK(value) && !sv_isobject(value) && SvTYPE(SvRV(value)) == SVt_PVAV
               ? (AV *)SvRV(value) : NULL;
}

static HV *
hash(pTHX_ SV *value)
{
    return SvROK(value) && !sv_isobject(value) && SvTYPE(SvRV(value)) == SVt_PVHV
               ? (HV *)SvRV(value) : NULL;
}

static SV *
code(pTHX_ const char *option, SV *value)
{
    SV *referenced = SvROK(value) ? SvRV(value) : NULL;

    if (referenced == NULL || (SvTYPE(referenced) != SVt_PVCV && !SvAMAGIC(value)))
        croak_value(aTHX_ option, value, "a reference to code");
    return value;
}

/* "\undef": as told apart from undef, it says that there shall be none. */
static bool
is_ref_to_false(pTHX_ SV *value)
{
    return SvROK(value) && !sv_isobject(value) && SvTYPE(SvRV(value)) < SVt_PVAV
           && !SvROK(SvRV(value)) && !SvTRUE(SvRV(value));
}

static SV *
item(pTHX_ AV *list, SSize_t i)
{
    SV **slot = av_fetch(list, (I32)i, 0);

    if (slot == NULL)
        return &PL_sv_undef;
    SvGETMAGIC(*slot);
    return *slot;
}

static void
croak_no_handle(pTHX_ SV *value, const char *what)
{
    glue_croak(aTHX_ sv_2mortal(newSVpvf("%s expected, not \"%" SVf "\"", what, SVfARG(value))));
}

const void *
glue_address(pTHX_ SV *value, const char *what)
{
    IV number = !SvROK(value) && looks_like_number(value) ? SvIV(value) : 0;

    /* No object lies in the first page, so a small number is some other number by mistake. */
    if (number > -4096 && number < 4096)
        croak_no_handle(aTHX_ value, what);
    return INT2PTR(const void *, number);
}

void *
glue_pointer(pTHX_ SV *value, const char *what)
{
    IV number = PTR2IV(glue_address(aTHX_ value, what));

    if (!glue_may_be_object(number))
        croak_no_handle(aTHX_ value, what);
    return INT2PTR(void *, number);
}

/* ---- Hashes, which may be tied ---------------------------------------------------------------- */

/* NULL: there is no such key. */
static SV *
value_of(pTHX_ HV *hv, const char *key)
{
    SV **slot = hv_fetch(hv, key, (I32)strlen(key), 0);

    if (slot == NULL)
        return NULL;
    SvGETMAGIC(*slot);
    return *slot;
}

static SV *
argument(pTHX_ const build *b, const char *name)
{
    return value_of(aTHX_ b->args, name);
}

static SV *
value_of_entry(pTHX_ HV *hv, HE *entry)
{
    SV *value = hv_iterval(hv, entry);

    SvGETMAGIC(value);
    return value;
}

/* HvUSEDKEYS() knows nothing of what a tied one has. */
static bool
is_empty(pTHX_ HV *hv)
{
    if (!SvRMAGICAL(hv))
        return HvUSEDKEYS(hv) == 0;
    (void)hv_iterinit(hv);
    return hv_iternext(hv) == NULL;
}

/* ---- Protocols and ciphers -------------------------------------------------------------------- */

static iossl_status
read_policy(pTHX_ build *b, SV *value)
{
    return SvOK(value) ? iossl_config_set_policy(b->config, text(aTHX_ "SSL_policy", value), b->err)
                       : IOSSL_OK;
}

static iossl_status
read_version(pTHX_ build *b, SV *value)
{
    return iossl_config_set_version(b->config, text_or_null(aTHX_ "SSL_version", value), b->err);
}

typedef iossl_status (*set_host_string_fn)(iossl_config *, const char *, const char *,
                                           iossl_error *);

/* A string, or on servers a hash of them by host name. */
static iossl_status
read_host_strings(pTHX_ build *b, SV *value, const char *option, set_host_string_fn set)
{
    iossl_status status = IOSSL_OK;
    HV *by_host = hash(aTHX_ value);
    HE *entry;

    if (by_host == NULL)        /* '' says nothing; undef says that OpenSSL's own list is meant */
        return SvOK(value) && is_absent(value)
                   ? IOSSL_OK
                   : set(b->config, NULL, text_or_null(aTHX_ option, value), b->err);
    hv_iterinit(by_host);
    while (status == IOSSL_OK && (entry = hv_iternext(by_host)) != NULL)
        status = set(b->config, text(aTHX_ option, hv_iterkeysv(entry)),
                     text_or_null(aTHX_ option, value_of_entry(aTHX_ by_host, entry)), b->err);
    return status;
}

static iossl_status
read_cipher_list(pTHX_ build *b, SV *value)
{
    return read_host_strings(aTHX_ b, value, "SSL_cipher_list", iossl_config_set_cipher_list);
}

static iossl_status
read_ciphersuites(pTHX_ build *b, SV *value)
{
    return read_host_strings(aTHX_ b, value, "SSL_ciphersuites", iossl_config_set_ciphersuites);
}

static iossl_status
read_honor_cipher_order(pTHX_ build *b, SV *value)
{
    return iossl_config_set_honor_cipher_order(b->config, SvTRUE(value), b->err);
}

static iossl_status
read_min_version(pTHX_ build *b, SV *value)
{
    return iossl_config_set_min_version(
        b->config, is_absent(value) ? NULL : text(aTHX_ "SSL_min_version", value), b->err);
}

static iossl_status
read_max_version(pTHX_ build *b, SV *value)
{
    return iossl_config_set_max_version(
        b->config, is_absent(value) ? NULL : text(aTHX_ "SSL_max_version", value), b->err);
}

typedef iossl_status (*set_list_fn)(iossl_config *, const char *, iossl_error *);

/* Names with colons between, or an array of them. */
static iossl_status
read_list(pTHX_ build *b, SV *value, const char *option, set_list_fn set)
{
    AV *list = array(aTHX_ value);
    SV *joined;

    if (is_absent(value))
        return set(b->config, NULL, b->err);
    if (list == NULL)
        return set(b->config, text(aTHX_ option, value), b->err);
    joined = sv_2mortal(newSVpvs(""));
    for (SSize_t i = 0; i <= av_len(list); i++)
        sv_catpvf(joined, "%s%" SVf, i > 0 ? ":" : "", SVfARG(item(aTHX_ list, i)));
    return set(b->config, text(aTHX_ option, joined), b->err);
}

static iossl_status
read_ecdh_curve(pTHX_ build *b, SV *value)
{
    return read_list(aTHX_ b, value, "SSL_ecdh_curve", iossl_config_set_groups);
}

static iossl_status
read_groups(pTHX_ build *b, SV *value)
{
    return read_list(aTHX_ b, value, "SSL_groups", iossl_config_set_groups);
}

static iossl_status
read_sigalgs(pTHX_ build *b, SV *value)
{
    return read_list(aTHX_ b, value, "SSL_sigalgs", iossl_config_set_sigalgs);
}

static iossl_status
read_dh(pTHX_ build *b, SV *value)
{
    if (is_none(aTHX_ value))
        return iossl_config_set_dh_auto(b->config, false, b->err);
    return iossl_config_set_dh(b->config, glue_pointer(aTHX_ value, "SSL_dh: a DH handle"), b->err);
}

static iossl_status
read_dh_file(pTHX_ build *b, SV *value)
{
    return is_absent(value)
               ? IOSSL_OK
               : iossl_config_set_dh_file(b->config, text(aTHX_ "SSL_dh_file", value), b->err);
}

/* ---- Certificates and keys -------------------------------------------------------------------- */

/* An option whose value may be a hash by host names. */
typedef struct {
    const char *name;
    const char *what;           /* that it gives, for a refusal */
    iossl_status (*read)(pTHX_ build *b, const char *host, SV *value);
    bool needs_host;            /* a server's hash has to name one */
    bool needs_value;           /* each host in it has to have one */
} host_option;

/* A hash that can't be used, in the words and with the errno of a file that isn't there. */
static iossl_status
refuse_hash(build *b, const host_option *option, const char *why)
{
    iossl_error_set_errno(b->err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, ENOENT,
                          "Failed to load %s from file in %s: the hash %s", option->what, option->name,
                          why);
    return IOSSL_ERROR;
}

/* Reads a value for each host that it is for: of a hash its own, of anything else all. */
static iossl_status
read_by_host(pTHX_ build *b, SV *value, const host_option *option)
{
    iossl_status status = IOSSL_OK;
    HV *by_host = hash(aTHX_ value);
    HE *entry;

    if (by_host != NULL && b->role == IOSSL_CLIENT)
        return refuse_hash(b, option,
                           "is by host name, which only a server chooses by; a client has one");
    if (by_host != NULL && option->needs_host && is_empty(aTHX_ by_host))
        return refuse_hash(b, option, "names no host");
    if (by_host == NULL && b->hosts == NULL)
        return is_absent(value) ? IOSSL_OK : option->read(aTHX_ b, NULL, value);
    if (by_host == NULL) {
        for (SSize_t i = 0; status == IOSSL_OK && i <= av_len(b->hosts); i++) {
            const char *host = SvPV_nolen_const(item(aTHX_ b->hosts, i));

            /* "host%tag" is a second certificate: what is common goes with the first. */
            if (strchr(host, '%') == NULL && !is_absent(value))
                status = option->read(aTHX_ b, host, value);
        }
        return status;
    }
    hv_iterinit(by_host);
    while (status == IOSSL_OK && (entry = hv_iternext(by_host)) != NULL) {
        SV *of_host = value_of_entry(aTHX_ by_host, entry);
        const char *host = text(aTHX_ option->name, hv_iterkeysv(entry));

        if (!is_absent(of_host))
            status = option->read(aTHX_ b, host, of_host);
        else if (option->needs_value)
            croak("%s can't be used: it names no file for the host \"%s\"", option->name, host);
    }
    return status;
}

static iossl_status
add_cert_file(pTHX_ build *b, const char *host, SV *value)
{
    return iossl_config_add_cert_file(b->config, host, text(aTHX_ "SSL_cert_file", value), b->err);
}

static iossl_status
add_key_file(pTHX_ build *b, const char *host, SV *value)
{
    return iossl_config_add_key_file(b->config, host, text(aTHX_ "SSL_key_file", value), b->err);
}

static iossl_status
add_cert(pTHX_ build *b, const char *host, SV *value)
{
    const char *what = "SSL_cert: an X509 handle";
    AV *list = array(aTHX_ value);
    SSize_t n = list == NULL ? 1 : av_len(list) + 1;
    X509 **certs;

    if (n == 0)
        return IOSSL_OK;
    Newx(certs, (size_t)n, X509 *);
    SAVEFREEPV(certs);
    for (SSize_t i = 0; i < n; i++) {
        certs[i] = glue_object(aTHX_ GLUE_X509, list == NULL ? value : item(aTHX_ list, i), what);
        if (i == 0)
            continue;
        if (b->chains == NULL)
            b->chains = (HV *)sv_2mortal((SV *)newHV());
        (void)hv_store(b->chains, (const char *)&certs[i], sizeof certs[i], newSV(0), 0);
    }
    return iossl_config_add_certs(b->config, host, certs, (size_t)n, b->err);
}

static iossl_status
add_key(pTHX_ build *b, const char *host, SV *value)
{
    return iossl_config_add_key(b->config, host,
                                glue_object(aTHX_ GLUE_EVP_PKEY, value, "SSL_key: an EVP_PKEY handle"),
                                b->err);
}

static iossl_status
read_cert_file(pTHX_ build *b, SV *value)
{
    static const host_option CERT_FILE = {"SSL_cert_file", "certificate", add_cert_file, true, true};

    return read_by_host(aTHX_ b, value, &CERT_FILE);
}

static iossl_status
read_key_file(pTHX_ build *b, SV *value)
{
    static const host_option KEY_FILE = {"SSL_key_file", "key", add_key_file, false, true};

    return read_by_host(aTHX_ b, value, &KEY_FILE);
}

static iossl_status
read_cert(pTHX_ build *b, SV *value)
{
    static const host_option CERT = {"SSL_cert", "certificate", add_cert, true, false};

    return is_none(aTHX_ value) ? IOSSL_OK : read_by_host(aTHX_ b, value, &CERT);
}

static iossl_status
read_key(pTHX_ build *b, SV *value)
{
    static const host_option KEY = {"SSL_key", "key", add_key, false, false};

    return is_none(aTHX_ value) ? IOSSL_OK : read_by_host(aTHX_ b, value, &KEY);
}

static iossl_status
read_passwd_cb(pTHX_ build *b, SV *value)
{
    if (!is_none(aTHX_ value)) {
        b->calls->password.code = newSVsv(code(aTHX_ "SSL_passwd_cb", value));
        iossl_config_set_passwd_cb(b->config, glue_on_password, &b->calls->password);
    }
    return IOSSL_OK;
}

/* ---- Trust ------------------------------------------------------------------------------------ */

typedef iossl_status (*add_x509_fn)(iossl_config *, X509 *, iossl_error *);

static iossl_status
read_certs(pTHX_ build *b, SV *value, const char *option, add_x509_fn add)
{
    iossl_status status = IOSSL_OK;
    AV *list = array(aTHX_ value);

    if (is_none(aTHX_ value))
        return IOSSL_OK;
    if (list == NULL)
        return add(b->config, glue_object(aTHX_ GLUE_X509, value, option), b->err);
    for (SSize_t i = 0; status == IOSSL_OK && i <= av_len(list); i++)
        status = add(b->config, glue_object(aTHX_ GLUE_X509, item(aTHX_ list, i), option), b->err);
    return status;
}

static iossl_status
read_ca(pTHX_ build *b, SV *value)
{
    /* An empty list is a list all the same: no default is to take its place. */
    if (array(aTHX_ value) != NULL && av_len(array(aTHX_ value)) < 0)
        return iossl_config_set_no_default_ca(b->config, true, b->err);
    return read_certs(aTHX_ b, value, "SSL_ca: an X509 handle", iossl_config_add_ca);
}

static iossl_status
read_ca_file(pTHX_ build *b, SV *value)
{
    if (is_ref_to_false(aTHX_ value))
        return iossl_config_set_no_default_ca(b->config, true, b->err);
    return is_absent(value)
               ? IOSSL_OK
               : iossl_config_set_ca_file(b->config, text(aTHX_ "SSL_ca_file", value), b->err);
}

static iossl_status
read_ca_path(pTHX_ build *b, SV *value)
{
    AV *list = array(aTHX_ value);
    SV *joined;
    size_t n = 0;

    if (is_ref_to_false(aTHX_ value))
        return iossl_config_set_no_default_ca(b->config, true, b->err);
    if (is_absent(value))
        return IOSSL_OK;
    if (list == NULL)
        return iossl_config_set_ca_path(b->config, text(aTHX_ "SSL_ca_path", value), b->err);
    joined = sv_2mortal(newSVpvs(""));
    for (SSize_t i = 0; i <= av_len(list); i++) {
        SV *path = item(aTHX_ list, i);

        if (SvOK(path))
            sv_catpvf(joined, "%s%" SVf, n++ > 0 ? ":" : "", SVfARG(path));
    }
    if (n == 0)         /* a list without a path is one all the same, as with SSL_ca */
        return iossl_config_set_no_default_ca(b->config, true, b->err);
    return iossl_config_set_ca_path(b->config, text(aTHX_ "SSL_ca_path", joined), b->err);
}

static iossl_status
read_ca_by_default(pTHX_ build *b, SV *value)
{
    return iossl_config_set_ca_by_default(b->config, SvTRUE(value), b->err);
}

static iossl_status
read_client_ca(pTHX_ build *b, SV *value)
{
    return read_certs(aTHX_ b, value, "SSL_client_ca: an X509 handle", iossl_config_add_client_ca);
}

static iossl_status
read_client_ca_file(pTHX_ build *b, SV *value)
{
    return is_absent(value)
               ? IOSSL_OK
               : iossl_config_set_client_ca_file(b->config,
                                                 text(aTHX_ "SSL_client_ca_file", value), b->err);
}

static iossl_status
read_check_crl(pTHX_ build *b, SV *value)
{
    iossl_crl_check check = SvTRUE(value) ? IOSSL_CRL_LEAF : IOSSL_CRL_OFF;

    if (SvPOK(value) && strEQ(SvPV_nolen_const(value), "chain"))
        check = IOSSL_CRL_CHAIN;
    return iossl_config_set_check_crl(b->config, check, b->err);
}

static iossl_status
read_crl_file(pTHX_ build *b, SV *value)
{
    return is_absent(value)
               ? IOSSL_OK
               : iossl_config_set_crl_file(b->config, text(aTHX_ "SSL_crl_file", value), b->err);
}

/* ---- Verification ----------------------------------------------------------------------------- */

static iossl_status
read_verify_mode(pTHX_ build *b, SV *value)
{
    IV mode;

    /* Nothing given leaves what is safe. Only a 0 that says so turns verification off. */
    if (is_absent(value))
        return IOSSL_OK;
    mode = looks_like_number(value) ? SvIV(value) : 0;
    if (mode == 0 && SvTRUE(value))
        glue_croak(aTHX_ sv_2mortal(newSVpvf(
            "SSL_verify_mode must be a number and not a string: \"%" SVf "\"", SVfARG(value))));
    if (mode < INT_MIN || mode > INT_MAX)
        mode = INT_MIN;         /* refused by the next line, with the words for it */
    return iossl_config_set_verify_mode(b->config, (int)mode, b->err);
}

static iossl_wildcards
wildcards(pTHX_ HV *rules, const char *name)
{
    SV *value = value_of(aTHX_ rules, name);
    const char *s;

    if (value == NULL || !SvTRUE(value))
        return IOSSL_WILDCARD_NONE;
    s = SvPV_nolen_const(value);
    if (strEQ(s, "anywhere"))
        return IOSSL_WILDCARD_ANYWHERE;
    if (strEQ(s, "full_label") || strEQ(s, "leftmost"))
        return IOSSL_WILDCARD_FULL_LABEL;
    glue_croak(aTHX_ sv_2mortal(newSVpvf("SSL_verifycn_scheme: %s => \"%s\" is none of 0, "
                                         "full_label, leftmost and anywhere", name, s)));
}

static iossl_check_cn
check_cn(pTHX_ HV *rules)
{
    SV *value = value_of(aTHX_ rules, "check_cn");
    const char *s;

    if (value == NULL || !SvTRUE(value))
        return IOSSL_CN_NEVER;
    s = SvPV_nolen_const(value);
    if (strEQ(s, "always"))
        return IOSSL_CN_ALWAYS;
    if (strEQ(s, "when_only"))
        return IOSSL_CN_WHEN_ONLY;
    glue_croak(aTHX_ sv_2mortal(newSVpvf("SSL_verifycn_scheme: check_cn => \"%s\" is none of 0, "
                                         "always and when_only", s)));
}

static iossl_ip_in_cn
ip_in_cn(pTHX_ HV *rules)
{
    SV *value = value_of(aTHX_ rules, "ip_in_cn");

    if (value == NULL || !SvTRUE(value))
        return IOSSL_IP_IN_CN_NO;
    switch (SvIV(value)) {
    case 4:
        return IOSSL_IP_IN_CN_V4;
    case 6:
        return IOSSL_IP_IN_CN_V6;
    default:
        return IOSSL_IP_IN_CN_ANY;
    }
}

void
glue_scheme(pTHX_ SV *value, iossl_scheme *scheme, SV **callback)
{
    HV *rules = hash(aTHX_ value);
    SV *own;

    *callback = NULL;
    *scheme = *iossl_scheme_by_name("default");
    if (is_absent(value))
        return;
    if (rules == NULL) {
        const char *name = SvROK(value) ? "" : text(aTHX_ "SSL_verifycn_scheme", value);
        const iossl_scheme *known = iossl_scheme_by_name(name);

        if (known == NULL)
            glue_croak(aTHX_ sv_2mortal(newSVpvf("SSL_verifycn_scheme: scheme %" SVf " not defined",
                                                 SVfARG(value))));
        *scheme = *known;
        return;
    }
    *scheme = (iossl_scheme){.accept_any = is_empty(aTHX_ rules)};
    if ((own = value_of(aTHX_ rules, "callback")) != NULL && SvOK(own)) {
        *callback = code(aTHX_ "SSL_verifycn_scheme: callback", own);
        return;
    }
    scheme->wildcards_in_alt = wildcards(aTHX_ rules, "wildcards_in_alt");
    scheme->wildcards_in_cn = wildcards(aTHX_ rules, "wildcards_in_cn");
    scheme->check_cn = check_cn(aTHX_ rules);
    scheme->ip_in_cn = ip_in_cn(aTHX_ rules);
}

static iossl_status
read_scheme(pTHX_ build *b, SV *value)
{
    iossl_scheme scheme;
    SV *callback;

    glue_scheme(aTHX_ value, &scheme, &callback);
    b->context->has_scheme = !is_absent(value);
    if (callback != NULL)
        b->context->scheme_callback = newSVsv(callback);
    return iossl_config_set_scheme(b->config, &scheme, b->err);
}

static iossl_status
read_verify_callback(pTHX_ build *b, SV *value)
{
    if (!is_none(aTHX_ value))
        b->context->verify_callback = newSVsv(code(aTHX_ "SSL_verify_callback", value));
    return IOSSL_OK;
}

static iossl_status
read_public_suffix(pTHX_ build *b, SV *value)
{
    const iossl_psl *psl = glue_suffix_list(aTHX_ value);

    if (SvROK(value))
        b->context->suffix_list = newSVsv(value);
    return iossl_config_set_psl(b->config, psl, b->err);
}

static void
free_pins(pTHX_ void *pins)
{
    PERL_UNUSED_CONTEXT;
    iossl_pins_free(pins);
}

static iossl_status
read_fingerprint(pTHX_ build *b, SV *value)
{
    iossl_status status = IOSSL_OK;
    AV *list = array(aTHX_ value);
    SV *force = argument(aTHX_ b, "SSL_force_fingerprint");
    SSize_t n = list == NULL ? 1 : av_len(list) + 1;
    iossl_pins *pins;

    if (is_absent(value))
        return IOSSL_OK;
    if ((pins = iossl_pins_new(b->err)) == NULL)
        return IOSSL_ERROR;
    SAVEDESTRUCTOR_X(free_pins, pins);
    for (SSize_t i = 0; status == IOSSL_OK && i < n; i++)
        status = iossl_pins_add(pins, text(aTHX_ "SSL_fingerprint",
                                           list == NULL ? value : item(aTHX_ list, i)), b->err);
    if (status != IOSSL_OK || iossl_pins_count(pins) == 0)
        return status;
    return iossl_config_set_pins(b->config, pins, force != NULL && SvTRUE(force), b->err);
}

static void
free_tlsa(pTHX_ void *tlsa)
{
    PERL_UNUSED_CONTEXT;
    iossl_tlsa_free(tlsa);
}

/* Are these data in hexadecimal? A digest's length tells, and how DER begins. */
static bool
is_hex(int matching, const char *data, STRLEN len)
{
    switch (matching) {
    case 0:
        return len > 0 && data[0] != 0x30;
    case 1:
        return len != 32;
    case 2:
        return len != 64;
    default:
        return false;           /* of a kind that can't be used anyway */
    }
}

/* Of [usage, selector, matching, data]; data: bytes, or in hexadecimal. */
static iossl_status
add_tlsa_parts(pTHX_ build *b, iossl_tlsa *tlsa, AV *parts)
{
    int numbers[3] = {0};
    const char *data;
    STRLEN len;
    SV *bytes;

    for (SSize_t i = 0; i < 3; i++) {
        SV *number = item(aTHX_ parts, i);

        if (SvROK(number) || !looks_like_number(number) || SvIV(number) < 0 || SvIV(number) > 255)
            croak_value(aTHX_ "SSL_tlsa", number, "a number from 0 to 255");
        numbers[i] = (int)SvIV(number);
    }
    bytes = sv_mortalcopy(item(aTHX_ parts, 3));
    if (!SvOK(bytes) || SvROK(bytes) || !sv_utf8_downgrade(bytes, TRUE))
        croak_value(aTHX_ "SSL_tlsa", bytes, "the data of a record, as bytes or in hexadecimal,");
    data = SvPV_const(bytes, len);
    if (!is_hex(numbers[2], data, len))
        return iossl_tlsa_add(tlsa, numbers[0], numbers[1], numbers[2], data, len, b->err);
    bytes = newSVpvf("%d %d %d %" SVf, numbers[0], numbers[1], numbers[2], SVfARG(bytes));
    return iossl_tlsa_add_text(tlsa, text(aTHX_ "SSL_tlsa", sv_2mortal(bytes)), b->err);
}

/* "3 1 1 HEX", as DNS has it, or its parts. */
static iossl_status
add_tlsa(pTHX_ build *b, iossl_tlsa *tlsa, SV *value)
{
    AV *parts = array(aTHX_ value);

    if (parts != NULL && av_len(parts) == 3)
        return add_tlsa_parts(aTHX_ b, tlsa, parts);
    if (!SvOK(value) || (SvROK(value) && !SvAMAGIC(value)))
        croak_value(aTHX_ "SSL_tlsa", value,
                    "a record, as '3 1 1 HEX' or [usage, selector, matching, data],");
    return iossl_tlsa_add_text(tlsa, text(aTHX_ "SSL_tlsa", value), b->err);
}

/* One record, or a list of them. */
static iossl_status
read_tlsa(pTHX_ build *b, SV *value)
{
    iossl_status status = IOSSL_OK;
    AV *list = array(aTHX_ value);
    bool is_one = list == NULL
                  || (av_len(list) == 3 && looks_like_number(item(aTHX_ list, 0)));
    iossl_tlsa *tlsa;

    if (is_absent(value))
        return IOSSL_OK;
    if ((tlsa = iossl_tlsa_new(b->err)) == NULL)
        return IOSSL_ERROR;
    SAVEDESTRUCTOR_X(free_tlsa, tlsa);
    if (is_one)
        status = add_tlsa(aTHX_ b, tlsa, value);
    for (SSize_t i = 0; !is_one && status == IOSSL_OK && i <= av_len(list); i++)
        status = add_tlsa(aTHX_ b, tlsa, item(aTHX_ list, i));
    return status == IOSSL_OK ? iossl_config_set_tlsa(b->config, tlsa, b->err) : status;
}

/* ---- The rest --------------------------------------------------------------------------------- */

typedef iossl_status (*set_protocols_fn)(iossl_config *, const char *const *, size_t,
                                         iossl_error *);

static iossl_status
read_protocols(pTHX_ build *b, SV *value, const char *option, set_protocols_fn set)
{
    AV *list = array(aTHX_ value);
    SSize_t n = list == NULL ? 0 : av_len(list) + 1;
    const char **names;

    if (is_none(aTHX_ value))
        return IOSSL_OK;
    if (list == NULL)
        croak_value(aTHX_ option, value, "a reference to an array of protocol names");
    Newx(names, (size_t)n + 1, const char *);
    SAVEFREEPV(names);
    for (SSize_t i = 0; i < n; i++)
        names[i] = text(aTHX_ option, sv_mortalcopy(item(aTHX_ list, i)));
    return set(b->config, names, (size_t)n, b->err);
}

static iossl_status
read_alpn(pTHX_ build *b, SV *value)
{
    return read_protocols(aTHX_ b, value, "SSL_alpn_protocols", iossl_config_set_alpn);
}

static iossl_status
read_npn(pTHX_ build *b, SV *value)
{
    return read_protocols(aTHX_ b, value, "SSL_npn_protocols", iossl_config_set_npn);
}

static iossl_status
read_session_id_context(pTHX_ build *b, SV *value)
{
    STRLEN len;
    const char *id;

    if (is_absent(value))
        return IOSSL_OK;
    id = SvPV_const(value, len);
    return iossl_config_set_session_id_context(b->config, id, len, b->err);
}

/* code, or [code, its first argument] */
static iossl_status
read_ticket_keycb(pTHX_ build *b, SV *value)
{
    AV *list = array(aTHX_ value);

    if (is_none(aTHX_ value))
        return IOSSL_OK;
    if (list != NULL && av_len(list) > 0)
        b->context->ticket_data = newSVsv(item(aTHX_ list, 1));
    b->context->ticket_callback = newSVsv(
        code(aTHX_ "SSL_ticket_keycb", list == NULL ? value : item(aTHX_ list, 0)));
    iossl_config_set_ticket_key_cb(b->config, glue_on_ticket_key, NULL);
    return IOSSL_OK;
}

/* Two strings of bytes, name and key, as a key to encrypt tickets with. */
static void
take_ticket_key(pTHX_ SV *value, iossl_ticket_key *key)
{
    AV *pair = array(aTHX_ value);
    SV *of[2];
    STRLEN len[2];
    const char *bytes[2];

    if (pair == NULL || av_len(pair) != 1)
        croak_value(aTHX_ "SSL_ticket_keys", value, "[name, key]");
    for (SSize_t i = 0; i < 2; i++) {
        of[i] = sv_mortalcopy(item(aTHX_ pair, i));
        if (!SvOK(of[i]) || SvROK(of[i]) || !sv_utf8_downgrade(of[i], TRUE))
            croak_value(aTHX_ "SSL_ticket_keys", of[i], "strings of bytes for name and key");
        bytes[i] = SvPV_const(of[i], len[i]);
    }
    if (len[0] > sizeof key->name || (len[1] != 32 && len[1] != 48 && len[1] != 64))
        glue_croak(aTHX_ sv_2mortal(newSVpvf(
            "SSL_ticket_keys: a name has up to 16 bytes and a key 32, 48 or 64, not %" UVuf
            " and %" UVuf, (UV)len[0], (UV)len[1])));
    Zero(key, 1, iossl_ticket_key);
    Copy(bytes[0], key->name, len[0], char);
    Copy(bytes[1], key->key, len[1], char);
    key->key_len = len[1];
}

static iossl_status
read_ticket_keys(pTHX_ build *b, SV *value)
{
    AV *list = array(aTHX_ value);
    SSize_t n = list == NULL ? 0 : av_len(list) + 1;
    iossl_ticket_key *keys;
    iossl_status status;

    if (is_absent(value))
        return IOSSL_OK;
    if (list == NULL)
        croak_value(aTHX_ "SSL_ticket_keys", value, "a reference to an array of [name, key]");
    Newxz(keys, (size_t)n + 1, iossl_ticket_key);
    SAVEFREEPV(keys);
    for (SSize_t i = 0; i < n; i++)
        take_ticket_key(aTHX_ item(aTHX_ list, i), &keys[i]);
    status = iossl_config_set_ticket_keys(b->config, keys, (size_t)n, b->err);
    OPENSSL_cleanse(keys, ((size_t)n + 1) * sizeof *keys);
    return status;
}

static iossl_status
read_ticket_keys_file(pTHX_ build *b, SV *value)
{
    return is_absent(value)
               ? IOSSL_OK
               : iossl_config_set_ticket_keys_file(
                     b->config, text(aTHX_ "SSL_ticket_keys_file", value), b->err);
}

static iossl_status
read_cert_callback(pTHX_ build *b, SV *value)
{
    if (is_none(aTHX_ value))
        return IOSSL_OK;
    b->context->cert_callback = newSVsv(code(aTHX_ "SSL_cert_callback", value));
    iossl_config_set_host_cb(b->config, glue_on_host, NULL);
    return IOSSL_OK;
}

static iossl_status
read_reload(pTHX_ build *b, SV *value)
{
    if (!SvOK(value))
        return IOSSL_OK;
    if (SvROK(value) || !looks_like_number(value) || !(SvNV(value) >= 0))
        croak_value(aTHX_ "SSL_reload", value, "a number of seconds, 0 for by command only,");
    b->reload_s = SvNV(value) > 0 && SvNV(value) < 1 ? 1 : (int64_t)SvIV(value);
    return IOSSL_OK;
}

static iossl_status
read_post_handshake_auth(pTHX_ build *b, SV *value)
{
    return SvOK(value)
               ? iossl_config_set_post_handshake_auth(b->config, SvTRUE(value), b->err)
               : IOSSL_OK;
}

/* Identity or hint in UTF-8; lives as long as the statement. */
static const char *
psk_name(pTHX_ SV *value)
{
    return text(aTHX_ "SSL_psk: an identity", utf8_copy(aTHX_ value));
}

static iossl_status
add_psk(pTHX_ build *b, const char *peer, const char *identity, SV *key)
{
    SV *bytes = sv_mortalcopy(key);
    iossl_status status;
    const char *p;
    STRLEN len;

    if (!SvOK(bytes) || (SvROK(bytes) && !SvAMAGIC(bytes)))
        croak_value(aTHX_ "SSL_psk", bytes, "a key of random bytes");
    (void)SvPV_force_nolen(bytes);
    if (!sv_utf8_downgrade(bytes, TRUE))
        glue_croak(aTHX_ sv_2mortal(newSVpvs("SSL_psk: wide character in a key, which is bytes")));
    p = SvPV_const(bytes, len);
    status = b->role == IOSSL_SERVER
                 ? iossl_config_add_server_psk(b->config, peer, p, len, b->err)
                 : iossl_config_add_client_psk(b->config, peer, identity, p, len, b->err);
    OPENSSL_cleanse(SvPVX(bytes), SvCUR(bytes));
    return status;
}

/* The identity of clients that name none. */
#define PSK_IDENTITY "io_socket_ssl"

/* A key; clients: [identity, key], or { hint, which is the identity, too => key }; servers: { identity
 * => key }, with '' for all others. */
static iossl_status
read_psk(pTHX_ build *b, SV *value)
{
    iossl_status status = IOSSL_OK;
    AV *pair = array(aTHX_ value);
    HV *by_name = hash(aTHX_ value);
    HE *entry;

    if (is_absent(value))
        return IOSSL_OK;
    if (pair != NULL && (b->role == IOSSL_SERVER || av_len(pair) != 1))
        croak_value(aTHX_ "SSL_psk", value,
                    b->role == IOSSL_SERVER ? "a key, or a hash of keys by identity,"
                                            : "[identity, key]");
    if (pair != NULL)
        return add_psk(aTHX_ b, NULL, psk_name(aTHX_ item(aTHX_ pair, 0)), item(aTHX_ pair, 1));
    if (by_name == NULL)
        return add_psk(aTHX_ b, NULL, PSK_IDENTITY, value);
    hv_iterinit(by_name);
    while (status == IOSSL_OK && (entry = hv_iternext(by_name)) != NULL) {
        const char *name = psk_name(aTHX_ hv_iterkeysv(entry));
        SV *key = value_of_entry(aTHX_ by_name, entry);

        status = add_psk(aTHX_ b, name, name[0] == '\0' ? PSK_IDENTITY : name, key);
    }
    return status;
}

/* A number of bytes; undef and '' are 0. */
static UV
byte_count(pTHX_ const char *option, SV *value)
{
    if (is_absent(value))
        return 0;
    if (SvROK(value) || !looks_like_number(value) || !(SvNV(value) >= 0))
        croak_value(aTHX_ option, value, "a number of bytes");
    return SvUV(value);
}

static iossl_status
read_key_update_bytes(pTHX_ build *b, SV *value)
{
    return iossl_config_set_key_update_bytes(
        b->config, byte_count(aTHX_ "SSL_key_update_bytes", value), b->err);
}

static iossl_status
read_max_early_data(pTHX_ build *b, SV *value)
{
    SV *unsafe = argument(aTHX_ b, "SSL_early_data_unsafe");

    return iossl_config_set_max_early_data(b->config,
                                           byte_count(aTHX_ "SSL_max_early_data", value),
                                           unsafe != NULL && SvTRUE(unsafe), b->err);
}

static iossl_status
read_scts(pTHX_ build *b, SV *value)
{
    return iossl_config_set_scts(b->config, SvTRUE(value), b->err);
}

static iossl_status
read_ctlog_file(pTHX_ build *b, SV *value)
{
    return is_absent(value)
               ? IOSSL_OK
               : iossl_config_set_ctlog_file(b->config, text(aTHX_ "SSL_ctlog_file", value), b->err);
}

static iossl_status
read_keylog_file(pTHX_ build *b, SV *value)
{
    return iossl_config_set_keylog_file(b->config, is_absent(value)
                                            ? NULL : text(aTHX_ "SSL_keylog_file", value), b->err);
}

static iossl_status
read_keylog_callback(pTHX_ build *b, SV *value)
{
    if (!is_none(aTHX_ value)) {
        b->context->keylog_callback = newSVsv(code(aTHX_ "SSL_keylog_callback", value));
        iossl_config_set_keylog_cb(b->config, glue_on_keylog, NULL);
    }
    return IOSSL_OK;
}

/* Together: both say where algorithms come from. */
static iossl_status
read_library(pTHX_ build *b, SV *value)
{
    SV *libctx = argument(aTHX_ b, "SSL_libctx"), *propq = argument(aTHX_ b, "SSL_propq");

    PERL_UNUSED_VAR(value);
    return iossl_config_set_library(
        b->config,
        libctx == NULL || is_absent(libctx)
            ? NULL : glue_pointer(aTHX_ libctx, "SSL_libctx: an OSSL_LIB_CTX handle"),
        propq == NULL || is_absent(propq) ? NULL : text(aTHX_ "SSL_propq", propq), b->err);
}

static iossl_status
read_ktls(pTHX_ build *b, SV *value)
{
    iossl_config_set_ktls(b->config, SvTRUE(value));
    return IOSSL_OK;
}

static iossl_status
read_release_buffers(pTHX_ build *b, SV *value)
{
    return iossl_config_set_release_buffers(b->config, SvTRUE(value), b->err);
}

static iossl_status
read_create_ctx_callback(pTHX_ build *b, SV *value)
{
    if (SvTRUE(value)) {
        b->calls->ssl_ctx.code = newSVsv(code(aTHX_ "SSL_create_ctx_callback", value));
        iossl_config_set_ssl_ctx_cb(b->config, glue_on_ssl_ctx, &b->calls->ssl_ctx);
    }
    return IOSSL_OK;
}

static iossl_status
read_session_cache_size(pTHX_ build *b, SV *value)
{
    SV *object = argument(aTHX_ b, "SSL_session_cache");
    IV size = SvOK(value) ? SvIV(value) : 0;

    if (size <= 0 || (object != NULL && SvTRUE(object)))
        return IOSSL_OK;
    b->context->sessions = iossl_session_cache_new((size_t)size, b->err);
    return b->context->sessions == NULL ? IOSSL_ERROR : IOSSL_OK;
}

static iossl_status
read_session_cache(pTHX_ build *b, SV *value)
{
    iossl_session_cache *cache = glue_session_cache_of(value);

    if (!SvTRUE(value))
        return IOSSL_OK;
    /* A class of the program's own may have methods of its own: they are called. */
    if (cache != NULL && sv_isa(value, "IO::Socket::SSL::Session_Cache"))
        b->context->sessions = iossl_session_cache_up_ref(cache);
    else if (sv_isobject(value))
        b->context->session_store = newSVsv(value);
    else
        croak_value(aTHX_ "SSL_session_cache", value,
                    "an object with the methods add_session, get_session and del_session");
    return IOSSL_OK;
}

/* Of a server: sessions by their id, in place of tickets. */
static iossl_status
read_session_store(pTHX_ build *b, SV *value)
{
    if (is_none(aTHX_ value))
        return IOSSL_OK;
    if (!sv_isobject(value))
        croak_value(aTHX_ "SSL_session_store", value,
                    "an object with the methods add_session, get_session and del_session");
    b->context->session_store = newSVsv(value);
    return iossl_config_set_sessions_by_id(b->config, true, b->err);
}

static iossl_status
read_ocsp_mode(pTHX_ build *b, SV *value)
{
    IV mode;

    if (is_absent(value))
        return IOSSL_OK;
    if (SvROK(value) || !looks_like_number(value))
        croak_value(aTHX_ "SSL_ocsp_mode", value, "SSL_OCSP_* constants combined by |");
    mode = SvIV(value);
    /* What doesn't fit is refused by the next line, with the words for it. */
    return iossl_config_set_ocsp_mode(b->config, mode < 0 || mode > INT_MAX ? INT_MAX : (int)mode,
                                      b->err);
}

static iossl_status
read_ocsp_staple_callback(pTHX_ build *b, SV *value)
{
    if (!is_none(aTHX_ value))
        b->context->staple_callback = newSVsv(code(aTHX_ "SSL_ocsp_staple_callback", value));
    return IOSSL_OK;
}

static iossl_status
set_staple_file(pTHX_ build *b, const char *host, SV *value)
{
    return iossl_config_set_ocsp_staple_file(b->config, host,
                                             text(aTHX_ "SSL_ocsp_staple_file", value), b->err);
}

static iossl_status
read_ocsp_staple_file(pTHX_ build *b, SV *value)
{
    static const host_option STAPLE = {"SSL_ocsp_staple_file", "OCSP answer", set_staple_file, false,
                                       false};

    return read_by_host(aTHX_ b, value, &STAPLE);
}

static iossl_status
read_ocsp_staple_source(pTHX_ build *b, SV *value)
{
    if (!is_none(aTHX_ value))
        b->context->staple_source = newSVsv(code(aTHX_ "SSL_ocsp_staple_source", value));
    return IOSSL_OK;
}

/* True: the one that the certificate names; or an address. */
static iossl_status
read_ocsp_staple_responder(pTHX_ build *b, SV *value)
{
    bool is_named = looks_like_number(value) && SvTRUE(value);

    if (is_absent(value) || !SvTRUE(value))
        return IOSSL_OK;
    return iossl_config_set_ocsp_staple_responder(
        b->config, is_named ? NULL : text(aTHX_ "SSL_ocsp_staple_responder", value),
        IOSSL_STAPLE_WAIT_MS, b->err);
}

static iossl_status
read_ocsp_cache(pTHX_ build *b, SV *value)
{
    iossl_ocsp_cache *cache = glue_ocsp_cache_of(value);

    if (is_none(aTHX_ value))
        return IOSSL_OK;
    /* A subclass may have methods of its own. */
    if (cache != NULL && SvSTASH(SvRV(value)) == gv_stashpvs("IO::Socket::SSL::OCSP_Cache", 0))
        b->context->ocsp_cache = iossl_ocsp_cache_up_ref(cache);
    else if (glue_is_ocsp_store(aTHX_ value))
        b->context->ocsp_store = newSVsv(value);
    else
        croak_value(aTHX_ "SSL_ocsp_cache", value, "an object with the methods put and get");
    return IOSSL_OK;
}

/* ---- The table -------------------------------------------------------------------------------- */

/* Those that refer to others (a file beats a handle, passwords before keys) come after them. */
static const struct option {
    const char *name;
    unsigned roles;
    read_fn read;
} OPTIONS[] = {
    {"SSL_policy",                FOR_BOTH,   read_policy},    /* first: the others may change it */
    {"SSL_version",               FOR_BOTH,   read_version},
    {"SSL_min_version",           FOR_BOTH,   read_min_version},
    {"SSL_max_version",           FOR_BOTH,   read_max_version},
    {"SSL_cipher_list",           FOR_BOTH,   read_cipher_list},
    {"SSL_ciphersuites",          FOR_BOTH,   read_ciphersuites},
    {"SSL_honor_cipher_order",    FOR_BOTH,   read_honor_cipher_order},
    {"SSL_ecdh_curve",            FOR_BOTH,   read_ecdh_curve},
    {"SSL_groups",                FOR_BOTH,   read_groups},
    {"SSL_sigalgs",               FOR_BOTH,   read_sigalgs},
    {"SSL_dh",                    FOR_SERVER, read_dh},
    {"SSL_dh_file",               FOR_SERVER, read_dh_file},
    {"SSL_passwd_cb",             FOR_BOTH,   read_passwd_cb},
    {"SSL_cert_file",             FOR_BOTH,   read_cert_file},
    {"SSL_cert",                  FOR_BOTH,   read_cert},
    {"SSL_key_file",              FOR_BOTH,   read_key_file},
    {"SSL_key",                   FOR_BOTH,   read_key},
    {"SSL_ca",                    FOR_BOTH,   read_ca},
    {"SSL_ca_file",               FOR_BOTH,   read_ca_file},
    {"SSL_ca_path",               FOR_BOTH,   read_ca_path},
    {"_SSL_ca_by_default",        FOR_BOTH,   read_ca_by_default},
    {"SSL_client_ca",             FOR_SERVER, read_client_ca},
    {"SSL_client_ca_file",        FOR_SERVER, read_client_ca_file},
    {"SSL_check_crl",             FOR_BOTH,   read_check_crl},
    {"SSL_crl_file",              FOR_BOTH,   read_crl_file},
    {"SSL_verify_mode",           FOR_BOTH,   read_verify_mode},
    {"SSL_verify_callback",       FOR_BOTH,   read_verify_callback},
    {"SSL_verifycn_scheme",       FOR_CLIENT, read_scheme},
    {"SSL_verifycn_publicsuffix", FOR_CLIENT, read_public_suffix},
    {"SSL_fingerprint",           FOR_BOTH,   read_fingerprint},
    {"SSL_tlsa",                  FOR_CLIENT, read_tlsa},
    {"SSL_alpn_protocols",        FOR_BOTH,   read_alpn},
    {"SSL_npn_protocols",         FOR_BOTH,   read_npn},
    {"SSL_session_cache_size",    FOR_CLIENT, read_session_cache_size},
    {"SSL_session_cache",         FOR_CLIENT, read_session_cache},
    {"SSL_session_store",         FOR_SERVER, read_session_store},
    {"SSL_session_id_context",    FOR_SERVER, read_session_id_context},
    {"SSL_ocsp_mode",             FOR_BOTH,   read_ocsp_mode},
    {"SSL_ocsp_staple_callback",  FOR_CLIENT, read_ocsp_staple_callback},
    {"SSL_ocsp_cache",            FOR_BOTH,   read_ocsp_cache},
    {"SSL_ocsp_staple_file",      FOR_SERVER, read_ocsp_staple_file},
    {"SSL_ocsp_staple_source",    FOR_SERVER, read_ocsp_staple_source},
    {"SSL_ocsp_staple_responder", FOR_SERVER, read_ocsp_staple_responder},
    {"SSL_ticket_keycb",          FOR_SERVER, read_ticket_keycb},
    {"SSL_ticket_keys",           FOR_SERVER, read_ticket_keys},
    {"SSL_ticket_keys_file",      FOR_SERVER, read_ticket_keys_file},
    {"SSL_cert_callback",         FOR_SERVER, read_cert_callback},
    {"SSL_reload",                FOR_BOTH,   read_reload},
    {"SSL_post_handshake_auth",   FOR_CLIENT, read_post_handshake_auth},
    {"SSL_psk",                   FOR_BOTH,   read_psk},
    {"SSL_max_early_data",        FOR_SERVER, read_max_early_data},
    {"SSL_key_update_bytes",      FOR_BOTH,   read_key_update_bytes},
    {"SSL_scts",                  FOR_CLIENT, read_scts},
    {"SSL_ctlog_file",            FOR_CLIENT, read_ctlog_file},
    {"SSL_keylog_file",           FOR_BOTH,   read_keylog_file},
    {"SSL_keylog_callback",       FOR_BOTH,   read_keylog_callback},
    {"SSL_mode_release_buffers",  FOR_BOTH,   read_release_buffers},
    {"SSL_ktls",                  FOR_BOTH,   read_ktls},
    {"SSL_libctx",                FOR_BOTH,   read_library},
    {"SSL_propq",                 FOR_BOTH,   read_library},
    {"SSL_create_ctx_callback",   FOR_BOTH,   read_create_ctx_callback},
};

/* The keys of all hashes by host name, so that what is given for all reaches each of them. */
static void
collect_hosts(pTHX_ build *b)
{
    static const char *const NAMES[] = {"SSL_cert_file", "SSL_cert", "SSL_key_file", "SSL_key"};

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        SV *value = argument(aTHX_ b, NAMES[i]);
        HV *by_host = value == NULL ? NULL : hash(aTHX_ value);
        HE *entry;

        if (by_host == NULL || is_empty(aTHX_ by_host))
            continue;
        if (b->hosts == NULL)
            b->hosts = (AV *)sv_2mortal((SV *)newAV());
        hv_iterinit(by_host);
        while ((entry = hv_iternext(by_host)) != NULL)
            av_push(b->hosts, newSVsv(hv_iterkeysv(entry)));
    }
}

static iossl_status
read_all(pTHX_ build *b)
{
    const unsigned role = b->role == IOSSL_SERVER ? FOR_SERVER : FOR_CLIENT;

    collect_hosts(aTHX_ b);
    for (size_t i = 0; i < sizeof OPTIONS / sizeof OPTIONS[0]; i++) {
        SV *value = argument(aTHX_ b, OPTIONS[i].name);

        if (value != NULL && (OPTIONS[i].roles & role) != 0
            && OPTIONS[i].read(aTHX_ b, value) != IOSSL_OK)
            return IOSSL_ERROR;
    }
    /* Without a scheme, a peer whose name is nowhere to be found is accepted on its chain alone, as
     * it has always been; lib/ warns. */
    return iossl_config_set_require_name(b->config, b->context->has_scheme, b->err);
}

static void
free_build(pTHX_ void *p)
{
    build *b = p;

    iossl_config_free(b->config);
    iossl_error_free(b->err);
    glue_context_free(aTHX_ b->context);
    glue_calls_free(aTHX_ b->calls);
    free(b);
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
static void
consume_chains(pTHX_ build *b)
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

/* A context whose files can be read again: of servers, and where the program wants it. */
static iossl_ctx *
make_ctx(pTHX_ build *b)
{
    iossl_config *config = b->config;
    iossl_ctx *ctx;

    if (b->role != IOSSL_SERVER && b->reload_s < 0)
        return iossl_ctx_new(config, b->err);
    b->config = NULL;       /* it is the context's, whatever comes of it */
    ctx = iossl_ctx_new_reloadable(config, b->reload_s < 0 ? 0 : b->reload_s, b->err);
    if (ctx != NULL) {
        b->context->calls = b->calls;
        atomic_fetch_add(&b->calls->refs, 1);
    }
    PERL_UNUSED_CONTEXT;
    return ctx;
}

glue_context *
glue_build_context(pTHX_ HV *args, iossl_role role)
{
    glue_context *context = NULL;
    build *b;

    ENTER;
    if ((b = calloc(1, sizeof *b)) == NULL)     /* not Newx: see tools/lsan.supp */
        Perl_croak(aTHX_ "Out of memory");
    SAVEDESTRUCTOR_X(free_build, b);
    b->args = args;
    b->role = role;
    b->reload_s = -1;
    if ((b->context = glue_context_new()) == NULL || (b->calls = glue_calls_new(aTHX)) == NULL || (b->err = iossl_error_new()) == NULL)
        Perl_croak(aTHX_ "Out of memory");
    if ((b->config = iossl_config_new(role, b->err)) != NULL && read_all(aTHX_ b) == IOSSL_OK
        && (b->context->ctx = make_ctx(aTHX_ b)) != NULL) {
        context = b->context;
        b->context = NULL;
        consume_chains(aTHX_ b);
    }
    glue_calls_rethrow(aTHX_ b->calls);
    if (context == NULL)
        glue_fail_without_handle(aTHX_ b->err);
    LEAVE;
    return context;
}

/* ---- Public suffix lists ---------------------------------------------------------------------- */

/* Shared by reference between threads, as a connection may be. */
typedef struct {
    atomic_size_t refs;
    iossl_psl *psl;
} shared_list;

static int
list_free(pTHX_ SV *sv, MAGIC *mg)
{
    shared_list *list = (shared_list *)mg->mg_ptr;

    PERL_UNUSED_VAR(sv);
    mg->mg_ptr = NULL;
    if (list != NULL && atomic_fetch_sub(&list->refs, 1) == 1) {
        iossl_psl_free(list->psl);
        free(list);
    }
    return 0;
}

#ifdef USE_ITHREADS
static int
list_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param)
{
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_VAR(param);
    if (mg->mg_ptr != NULL)
        atomic_fetch_add(&((shared_list *)mg->mg_ptr)->refs, 1);
    return 0;
}
#endif

static MGVTBL list_vtbl = {
    NULL, NULL, NULL, NULL, list_free, NULL,
#ifdef USE_ITHREADS
    list_dup,
#else
    NULL,
#endif
    NULL};

SV *
glue_suffix_list_sv(pTHX_ iossl_psl *psl)
{
    shared_list *list = malloc(sizeof *list);
    MAGIC *mg;
    SV *sv;

    if (list == NULL) {
        iossl_psl_free(psl);
        croak("A list of public suffixes: out of memory");
    }
    sv = newSV(0);
    atomic_init(&list->refs, 1);
    list->psl = psl;
    mg = sv_magicext(sv, NULL, PERL_MAGIC_ext, &list_vtbl, (const char *)list, 0);
#ifdef USE_ITHREADS
    mg->mg_flags |= MGf_DUP;
#else
    PERL_UNUSED_VAR(mg);
#endif
    return newRV_noinc(sv);
}

const iossl_psl *
glue_suffix_list(pTHX_ SV *value)
{
    SV **tree;
    const MAGIC *mg = NULL;

    if (!SvOK(value))
        return NULL;
    if (!SvROK(value) && !SvTRUE(value))
        return IOSSL_PSL_NONE;
    if (sv_isobject(value) && SvTYPE(SvRV(value)) == SVt_PVHV
        && (tree = hv_fetchs((HV *)SvRV(value), "tree", 0)) != NULL && SvROK(*tree)
        && SvTYPE(SvRV(*tree)) >= SVt_PVMG)
        mg = mg_findext(SvRV(*tree), PERL_MAGIC_ext, &list_vtbl);
    if (mg == NULL || mg->mg_ptr == NULL)
        croak_value(aTHX_ "SSL_verifycn_publicsuffix", value,
                    "an IO::Socket::SSL::PublicSuffix object, or '' for no check,");
    return ((shared_list *)mg->mg_ptr)->psl;
}
