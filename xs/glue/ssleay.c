/*
 * ssleay.c - what programs call in Net::SSLeay, for those that find none.
 *
 * Owns      the functions and constants that docs/ssleay-uses.md marks "yes", and the readers beside them:
 *           OpenSSL's own, with the arguments and results that programs know.
 * Promises  defined only when lib/IO/Socket/SSL/NetSSLeay.pm asks for them, so a program that doesn't
 *           need them pays nothing. Handles are checked as everywhere in the glue. The error queue is
 *           empty on return, but for what ERR_get_error takes out of it.
 * Leaves    whether a real Net::SSLeay is there to lib/; every decision about TLS to libiossl.
 */
#include "ssleay.h"

#include "cert_names.h"
#include "objects.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

/* ---- Arguments and results -------------------------------------------------------------------- */

static void
need_args(pTHX_ I32 items, I32 least, I32 most, const char *usage)
{
    if (items < least || items > most)
        croak("Usage: Net::SSLeay::%s", usage);
}

static X509 *
cert_of(pTHX_ SV *sv)
{
    return glue_object(aTHX_ GLUE_X509, sv, "an X509 handle");
}

static SSL *
ssl_of(pTHX_ SV *sv)
{
    return glue_pointer(aTHX_ sv, "an SSL handle");
}

static SSL_CTX *
ctx_of(pTHX_ SV *sv)
{
    return glue_pointer(aTHX_ sv, "an SSL_CTX handle");
}

/* A mortal text; undef where there is none. */
static SV *
text_or_undef(pTHX_ const char *text)
{
    return text == NULL ? &PL_sv_undef : sv_2mortal(newSVpv(text, 0));
}

static SV *
number(pTHX_ IV value)
{
    return sv_2mortal(newSViv(value));
}

/* A part of a certificate, as a number; undef where it has none. */
static SV *
part(pTHX_ const void *p)
{
    return p == NULL ? &PL_sv_undef : number(aTHX_ PTR2IV(p));
}

/* What was written to a BIO, which is freed. undef: it couldn't be written. */
static SV *
take_bio(pTHX_ BIO *bio, bool ok)
{
    SV *sv = &PL_sv_undef;
    char *bytes;
    long len;

    if (ok && (len = BIO_get_mem_data(bio, &bytes)) >= 0)
        sv = sv_2mortal(newSVpvn(bytes, (STRLEN)len));
    BIO_free(bio);
    ERR_clear_error();
    return sv;
}

/* ---- The library ------------------------------------------------------------------------------ */

/* OpenSSL has needed none of it since 1.1.0. */
static SV *
set_up(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(args);
    PERL_UNUSED_VAR(items);
    return number(aTHX_ 1);
}

static SV *
version_number(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(args);
    PERL_UNUSED_VAR(items);
    return number(aTHX_ (IV)OpenSSL_version_num());
}

static SV *
version_text(pTHX_ SV **args, I32 items)
{
    return text_or_undef(aTHX_ OpenSSL_version(items > 0 ? (int)SvIV(args[0]) : OPENSSL_VERSION));
}

/* ---- Errors ----------------------------------------------------------------------------------- */

static SV *
get_error(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(args);
    PERL_UNUSED_VAR(items);
    return number(aTHX_ (IV)ERR_get_error());
}

static SV *
error_string(pTHX_ SV **args, I32 items)
{
    char text[256];

    PERL_UNUSED_VAR(items);
    ERR_error_string_n((unsigned long)SvUV(args[0]), text, sizeof text);
    return text_or_undef(aTHX_ text);
}

static SV *
clear_error(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(args);
    PERL_UNUSED_VAR(items);
    ERR_clear_error();
    return &PL_sv_undef;
}

static SV *
verify_error_string(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return text_or_undef(aTHX_ X509_verify_cert_error_string(SvIV(args[0])));
}

/* ---- Contexts --------------------------------------------------------------------------------- */

static SV *
ctx_set_mode(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return number(aTHX_ SSL_CTX_set_mode(ctx_of(aTHX_ args[0]), SvIV(args[1])));
}

static SV *
ctx_get_mode(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return number(aTHX_ SSL_CTX_get_mode(ctx_of(aTHX_ args[0])));
}

static SV *
ctx_set_options(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    /* unsigned long in OpenSSL 1.1.1, 64 bits since. */
    return number(aTHX_ (IV)SSL_CTX_set_options(ctx_of(aTHX_ args[0]),
                                                (unsigned long)SvUV(args[1])));
}

static SV *
ctx_get_options(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return number(aTHX_ (IV)SSL_CTX_get_options(ctx_of(aTHX_ args[0])));
}

/* ---- Connections and sessions ----------------------------------------------------------------- */

static SV *
get_cipher(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return text_or_undef(aTHX_ SSL_get_cipher_name(ssl_of(aTHX_ args[0])));
}

static SV *
get_cipher_bits(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return number(aTHX_ SSL_get_cipher_bits(ssl_of(aTHX_ args[0]), NULL));
}

static SV *
get_version(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return text_or_undef(aTHX_ SSL_get_version(ssl_of(aTHX_ args[0])));
}

static SV *
get_verify_result(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return number(aTHX_ SSL_get_verify_result(ssl_of(aTHX_ args[0])));
}

/* A reference of the program's, for X509_free. */
static SV *
get_peer_certificate(pTHX_ SV **args, I32 items)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl_of(aTHX_ args[0]));
    X509 *cert = conn == NULL ? NULL : iossl_conn_get1_peer_cert(conn);

    PERL_UNUSED_VAR(items);
    return cert == NULL ? &PL_sv_undef : glue_object_give(aTHX_ GLUE_X509, cert);
}

static SV *
session_free(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    if (SvOK(args[0]) && SvIV(args[0]) != 0)
        SSL_SESSION_free(glue_pointer(aTHX_ args[0], "an SSL_SESSION handle"));
    return &PL_sv_undef;
}

static SV *
store_ctx_error(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return number(aTHX_ X509_STORE_CTX_get_error(
                      glue_pointer(aTHX_ args[0], "an X509_STORE_CTX handle")));
}

static SV *
store_ctx_depth(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return number(aTHX_ X509_STORE_CTX_get_error_depth(
                      glue_pointer(aTHX_ args[0], "an X509_STORE_CTX handle")));
}

static SV *
store_ctx_cert(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return part(aTHX_ X509_STORE_CTX_get_current_cert(
                    glue_pointer(aTHX_ args[0], "an X509_STORE_CTX handle")));
}

/* ---- Certificates ----------------------------------------------------------------------------- */

static SV *
cert_pem(pTHX_ SV **args, I32 items)
{
    X509 *cert = cert_of(aTHX_ args[0]);
    BIO *bio = BIO_new(BIO_s_mem());

    PERL_UNUSED_VAR(items);
    return take_bio(aTHX_ bio, bio != NULL && PEM_write_bio_X509(bio, cert) == 1);
}

static SV *
cert_fingerprint(pTHX_ SV **args, I32 items)
{
    X509 *cert = cert_of(aTHX_ args[0]);
    const EVP_MD *md = EVP_get_digestbyname(SvPV_nolen(args[1]));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    SV *sv = &PL_sv_undef;

    PERL_UNUSED_VAR(items);
    if (md != NULL && X509_digest(cert, md, digest, &len) == 1) {
        sv = sv_2mortal(newSVpvs(""));
        for (unsigned int i = 0; i < len; i++)
            sv_catpvf(sv, i == 0 ? "%02X" : ":%02X", digest[i]);
    }
    ERR_clear_error();
    return sv;
}

static SV *
cert_subject(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return part(aTHX_ X509_get_subject_name(cert_of(aTHX_ args[0])));
}

static SV *
cert_issuer(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return part(aTHX_ X509_get_issuer_name(cert_of(aTHX_ args[0])));
}

static SV *
cert_serial(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return part(aTHX_ X509_get0_serialNumber(cert_of(aTHX_ args[0])));
}

static SV *
cert_not_before(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return part(aTHX_ X509_get0_notBefore(cert_of(aTHX_ args[0])));
}

static SV *
cert_not_after(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return part(aTHX_ X509_get0_notAfter(cert_of(aTHX_ args[0])));
}

static SV *
cert_version(pTHX_ SV **args, I32 items)
{
    PERL_UNUSED_VAR(items);
    return number(aTHX_ X509_get_version(cert_of(aTHX_ args[0])));
}

static SV *
name_oneline(pTHX_ SV **args, I32 items)
{
    char *text = X509_NAME_oneline(glue_pointer(aTHX_ args[0], "an X509_NAME handle"), NULL, 0);
    SV *sv = text_or_undef(aTHX_ text);

    PERL_UNUSED_VAR(items);
    OPENSSL_free(text);
    return sv;
}

/* (name, flags = XN_FLAG_RFC2253, utf8_decode = 0) */
static SV *
name_print_ex(pTHX_ SV **args, I32 items)
{
    const X509_NAME *name = glue_pointer(aTHX_ args[0], "an X509_NAME handle");
    unsigned long flags = items > 1 ? (unsigned long)SvUV(args[1]) : XN_FLAG_RFC2253;
    BIO *bio = BIO_new(BIO_s_mem());
    SV *sv = take_bio(aTHX_ bio, bio != NULL && X509_NAME_print_ex(bio, name, 0, flags) >= 0);

    if (items > 2 && SvTRUE(args[2]) && SvOK(sv))
        (void)sv_utf8_decode(sv);
    return sv;
}

static SV *
name_text_by_nid(pTHX_ SV **args, I32 items)
{
    X509_NAME *name = glue_pointer(aTHX_ args[0], "an X509_NAME handle");
    int nid = (int)SvIV(args[1]), len = X509_NAME_get_text_by_NID(name, nid, NULL, 0);
    SV *sv = sv_2mortal(newSVpvs(""));

    PERL_UNUSED_VAR(items);
    if (len >= 0) {
        char *text = SvGROW(sv, (STRLEN)len + 1);

        (void)X509_NAME_get_text_by_NID(name, nid, text, len + 1);
        SvCUR_set(sv, (STRLEN)len);
    }
    ERR_clear_error();
    return sv;
}

static SV *
integer_hex(pTHX_ SV **args, I32 items)
{
    BIGNUM *bn = ASN1_INTEGER_to_BN(glue_pointer(aTHX_ args[0], "an ASN1_INTEGER handle"), NULL);
    char *hex = bn == NULL ? NULL : BN_bn2hex(bn);
    SV *sv = text_or_undef(aTHX_ hex);

    PERL_UNUSED_VAR(items);
    OPENSSL_free(hex);
    BN_free(bn);
    ERR_clear_error();
    return sv;
}

static SV *
time_text(pTHX_ SV **args, I32 items)
{
    const ASN1_TIME *when = glue_pointer(aTHX_ args[0], "an ASN1_TIME handle");
    BIO *bio = BIO_new(BIO_s_mem());

    PERL_UNUSED_VAR(items);
    return take_bio(aTHX_ bio, bio != NULL && ASN1_TIME_print(bio, when) == 1);
}

static SV *
time_iso(pTHX_ SV **args, I32 items)
{
    struct tm tm;

    PERL_UNUSED_VAR(items);
    if (ASN1_TIME_to_tm(glue_pointer(aTHX_ args[0], "an ASN1_TIME handle"), &tm) != 1) {
        ERR_clear_error();
        return &PL_sv_undef;
    }
    return sv_2mortal(newSVpvf("%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec));
}

/* ---- The table -------------------------------------------------------------------------------- */

typedef SV *(*function)(pTHX_ SV **args, I32 items);

static const struct {
    const char *name;
    function call;
    I32 least, most;            /* arguments */
    const char *usage;
} FUNCTIONS[] = {
    {"library_init",                  set_up,               0, 0, "library_init()"},
    {"load_error_strings",            set_up,               0, 0, "load_error_strings()"},
    {"SSLeay_add_ssl_algorithms",     set_up,               0, 0, "SSLeay_add_ssl_algorithms()"},
    {"OpenSSL_add_ssl_algorithms",    set_up,               0, 0, "OpenSSL_add_ssl_algorithms()"},
    {"OpenSSL_add_all_algorithms",    set_up,               0, 0, "OpenSSL_add_all_algorithms()"},
    {"OpenSSL_add_all_digests",       set_up,               0, 0, "OpenSSL_add_all_digests()"},
    {"randomize",                     set_up,               0, 3, "randomize(file, seed, egd)"},
    {"SSLeay",                        version_number,       0, 0, "SSLeay()"},
    {"OpenSSL_version_num",           version_number,       0, 0, "OpenSSL_version_num()"},
    {"SSLeay_version",                version_text,         0, 1, "SSLeay_version(type = 0)"},
    {"OpenSSL_version",               version_text,         0, 1, "OpenSSL_version(type = 0)"},
    {"ERR_get_error",                 get_error,            0, 0, "ERR_get_error()"},
    {"ERR_error_string",              error_string,         1, 1, "ERR_error_string(error)"},
    {"ERR_clear_error",               clear_error,          0, 0, "ERR_clear_error()"},
    {"X509_verify_cert_error_string", verify_error_string,  1, 1, "X509_verify_cert_error_string(n)"},
    {"CTX_set_mode",                  ctx_set_mode,         2, 2, "CTX_set_mode(ctx, mode)"},
    {"CTX_get_mode",                  ctx_get_mode,         1, 1, "CTX_get_mode(ctx)"},
    {"CTX_set_options",               ctx_set_options,      2, 2, "CTX_set_options(ctx, options)"},
    {"CTX_get_options",               ctx_get_options,      1, 1, "CTX_get_options(ctx)"},
    {"get_cipher",                    get_cipher,           1, 1, "get_cipher(ssl)"},
    {"get_cipher_bits",               get_cipher_bits,      1, 1, "get_cipher_bits(ssl)"},
    {"get_version",                   get_version,          1, 1, "get_version(ssl)"},
    {"get_verify_result",             get_verify_result,    1, 1, "get_verify_result(ssl)"},
    {"get_peer_certificate",          get_peer_certificate, 1, 1, "get_peer_certificate(ssl)"},
    {"SESSION_free",                  session_free,         1, 1, "SESSION_free(session)"},
    {"X509_STORE_CTX_get_error",      store_ctx_error,      1, 1, "X509_STORE_CTX_get_error(ctx)"},
    {"X509_STORE_CTX_get_error_depth", store_ctx_depth,     1, 1,
     "X509_STORE_CTX_get_error_depth(ctx)"},
    {"X509_STORE_CTX_get_current_cert", store_ctx_cert,     1, 1,
     "X509_STORE_CTX_get_current_cert(ctx)"},
    {"PEM_get_string_X509",           cert_pem,             1, 1, "PEM_get_string_X509(cert)"},
    {"X509_get_fingerprint",          cert_fingerprint,     2, 2, "X509_get_fingerprint(cert, type)"},
    {"X509_get_subject_name",         cert_subject,         1, 1, "X509_get_subject_name(cert)"},
    {"X509_get_issuer_name",          cert_issuer,          1, 1, "X509_get_issuer_name(cert)"},
    {"X509_get_serialNumber",         cert_serial,          1, 1, "X509_get_serialNumber(cert)"},
    {"X509_get_notBefore",            cert_not_before,      1, 1, "X509_get_notBefore(cert)"},
    {"X509_get_notAfter",             cert_not_after,       1, 1, "X509_get_notAfter(cert)"},
    {"X509_get_version",              cert_version,         1, 1, "X509_get_version(cert)"},
    {"X509_NAME_oneline",             name_oneline,         1, 1, "X509_NAME_oneline(name)"},
    {"X509_NAME_print_ex",            name_print_ex,        1, 3,
     "X509_NAME_print_ex(name, flags, utf8_decode)"},
    {"X509_NAME_get_text_by_NID",     name_text_by_nid,     2, 2,
     "X509_NAME_get_text_by_NID(name, nid)"},
    {"P_ASN1_INTEGER_get_hex",        integer_hex,          1, 1, "P_ASN1_INTEGER_get_hex(integer)"},
    {"P_ASN1_TIME_put2string",        time_text,            1, 1, "P_ASN1_TIME_put2string(time)"},
    {"P_ASN1_UTCTIME_put2string",     time_text,            1, 1, "P_ASN1_UTCTIME_put2string(time)"},
    {"P_ASN1_TIME_get_isotime",       time_iso,             1, 1, "P_ASN1_TIME_get_isotime(time)"},
};
#define N_FUNCTIONS (sizeof FUNCTIONS / sizeof FUNCTIONS[0])

static const struct {
    const char *name;
    IV value;
} CONSTANTS[] = {
    {"OPENSSL_VERSION_NUMBER", (IV)OPENSSL_VERSION_NUMBER},
    {"ERROR_NONE", SSL_ERROR_NONE},
    {"ERROR_SSL", SSL_ERROR_SSL},
    {"ERROR_SYSCALL", SSL_ERROR_SYSCALL},
    {"ERROR_WANT_CONNECT", SSL_ERROR_WANT_CONNECT},
    {"ERROR_WANT_READ", SSL_ERROR_WANT_READ},
    {"ERROR_WANT_WRITE", SSL_ERROR_WANT_WRITE},
    {"ERROR_WANT_X509_LOOKUP", SSL_ERROR_WANT_X509_LOOKUP},
    {"ERROR_ZERO_RETURN", SSL_ERROR_ZERO_RETURN},
    {"FILETYPE_ASN1", SSL_FILETYPE_ASN1},
    {"FILETYPE_PEM", SSL_FILETYPE_PEM},
    {"MODE_ACCEPT_MOVING_WRITE_BUFFER", SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER},
    {"MODE_AUTO_RETRY", SSL_MODE_AUTO_RETRY},
    {"MODE_ENABLE_PARTIAL_WRITE", SSL_MODE_ENABLE_PARTIAL_WRITE},
    {"MODE_RELEASE_BUFFERS", SSL_MODE_RELEASE_BUFFERS},
    {"NID_commonName", NID_commonName},
    {"NID_countryName", NID_countryName},
    {"NID_organizationName", NID_organizationName},
    {"NID_organizationalUnitName", NID_organizationalUnitName},
    {"NID_subject_alt_name", NID_subject_alt_name},
    {"GEN_DNS", GEN_DNS},
    {"GEN_EMAIL", GEN_EMAIL},
    {"GEN_IPADD", GEN_IPADD},
    {"GEN_URI", GEN_URI},
    {"OP_ALL", (IV)SSL_OP_ALL},
    {"OP_CIPHER_SERVER_PREFERENCE", (IV)SSL_OP_CIPHER_SERVER_PREFERENCE},
    {"OP_NO_COMPRESSION", (IV)SSL_OP_NO_COMPRESSION},
    {"OP_NO_RENEGOTIATION", (IV)SSL_OP_NO_RENEGOTIATION},
    {"OP_NO_SSLv2", (IV)SSL_OP_NO_SSLv2},
    {"OP_NO_SSLv3", (IV)SSL_OP_NO_SSLv3},
    {"OP_NO_TICKET", (IV)SSL_OP_NO_TICKET},
    {"OP_NO_TLSv1", (IV)SSL_OP_NO_TLSv1},
    {"OP_NO_TLSv1_1", (IV)SSL_OP_NO_TLSv1_1},
    {"OP_NO_TLSv1_2", (IV)SSL_OP_NO_TLSv1_2},
    {"OP_NO_TLSv1_3", (IV)SSL_OP_NO_TLSv1_3},
    {"OP_SINGLE_DH_USE", (IV)SSL_OP_SINGLE_DH_USE},
    {"OP_SINGLE_ECDH_USE", (IV)SSL_OP_SINGLE_ECDH_USE},
    {"RECEIVED_SHUTDOWN", SSL_RECEIVED_SHUTDOWN},
    {"SENT_SHUTDOWN", SSL_SENT_SHUTDOWN},
    {"SSLEAY_BUILT_ON", OPENSSL_BUILT_ON},
    {"SSLEAY_CFLAGS", OPENSSL_CFLAGS},
    {"SSLEAY_DIR", OPENSSL_DIR},
    {"SSLEAY_PLATFORM", OPENSSL_PLATFORM},
    {"SSLEAY_VERSION", OPENSSL_VERSION},
    {"VERIFY_CLIENT_ONCE", SSL_VERIFY_CLIENT_ONCE},
    {"VERIFY_FAIL_IF_NO_PEER_CERT", SSL_VERIFY_FAIL_IF_NO_PEER_CERT},
    {"VERIFY_NONE", SSL_VERIFY_NONE},
    {"VERIFY_PEER", SSL_VERIFY_PEER},
    {"X509_V_OK", X509_V_OK},
    {"XN_FLAG_COMPAT", XN_FLAG_COMPAT},
    {"XN_FLAG_MULTILINE", (IV)XN_FLAG_MULTILINE},
    {"XN_FLAG_ONELINE", (IV)XN_FLAG_ONELINE},
    {"XN_FLAG_RFC2253", (IV)XN_FLAG_RFC2253},
};
#define N_CONSTANTS (sizeof CONSTANTS / sizeof CONSTANTS[0])

/* All functions with one result; which one is the number that was kept with the sub. */
XS(xs_ssleay_call);
XS(xs_ssleay_call)
{
    dXSARGS;
    dXSI32;
    SV *result;

    need_args(aTHX_ items, FUNCTIONS[ix].least, FUNCTIONS[ix].most, FUNCTIONS[ix].usage);
    result = FUNCTIONS[ix].call(aTHX_ &ST(0), items);
    EXTEND(SP, 1);
    ST(0) = result;
    XSRETURN(1);
}

/* (type, value, type, value ...) */
XS(xs_ssleay_altnames);
XS(xs_ssleay_altnames)
{
    dXSARGS;
    AV *list = (AV *)sv_2mortal((SV *)newAV());
    SSize_t n;

    need_args(aTHX_ items, 1, 1, "X509_get_subjectAltNames(cert)");
    glue_push_altnames(aTHX_ list, cert_of(aTHX_ ST(0)));
    n = av_len(list) + 1;
    EXTEND(SP, n);
    for (SSize_t i = 0; i < n; i++)
        ST(i) = sv_mortalcopy(*av_fetch(list, (I32)i, 0));
    XSRETURN(n);
}

static const char *
full_name(pTHX_ const char *package, const char *name)
{
    return SvPV_nolen(sv_2mortal(newSVpvf("%s::%s", package, name)));
}

void
glue_ssleay_define(pTHX_ const char *package, AV *names)
{
    HV *stash = gv_stashpv(package, GV_ADD);

    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        CV *cv = newXS(full_name(aTHX_ package, FUNCTIONS[i].name), xs_ssleay_call, __FILE__);

        XSANY.any_i32 = (I32)i;
        av_push(names, newSVpv(FUNCTIONS[i].name, 0));
    }
    for (size_t i = 0; i < N_CONSTANTS; i++) {
        newCONSTSUB(stash, CONSTANTS[i].name, newSViv(CONSTANTS[i].value));
        av_push(names, newSVpv(CONSTANTS[i].name, 0));
    }
    newXS(full_name(aTHX_ package, "X509_get_subjectAltNames"), xs_ssleay_altnames, __FILE__);
    av_push(names, newSVpvs("X509_get_subjectAltNames"));
}
