/*
 * t_certgen.c - keys and certificates are made as they were asked for, and a certificate that is
 * made again from its own description has the same description.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "iossl.h"
#include "support_openssl.h"
#include "tap.h"

/* A digest that isn't the default, and its signature; older OpenSSLs don't sign with SHA-3. */
#ifdef IOSSL_HAVE_OPENSSL3
#define DIGEST "sha3-256"
#define DIGEST_USED "ecdsa_with_SHA3-256"
#else
#define DIGEST "sha512"
#define DIGEST_USED "ecdsa-with-SHA512"
#endif

/* A key and an error for all tests that don't care which. */
static EVP_PKEY *key;
static iossl_error *err;

/* ---- A description as text, so that two of them can be compared ------------------------------ */

typedef struct {
    char *text;
    size_t len;
} page;

TAP_PRINTF(2, 3)
static void
put(page *p, const char *format, ...)
{
    va_list args, again;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if ((p->text = realloc(p->text, p->len + (size_t)n + 1)) == NULL)
        bail_out("no memory");
    (void)vsnprintf(p->text + p->len, (size_t)n + 1, format, again);
    va_end(again);
    p->len += (size_t)n;
}

static void
put_bytes(page *p, const char *what, const unsigned char *bytes, size_t len)
{
    put(p, "%s", what);
    for (size_t i = 0; i < len; i++)
        put(p, "%02x", bytes[i]);
    put(p, "\n");
}

static void
put_name(page *p, const char *what, const iossl_name_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put(p, "%s %s (%d, %d)", what, parts[i].name, parts[i].nid, parts[i].is_utf8);
        put_bytes(p, "=", (const unsigned char *)parts[i].value, parts[i].len);
    }
}

static void
put_oid(page *p, const char *what, const iossl_oid *oid)
{
    put(p, "%s %s %d %s %s\n", what, oid->oid, oid->nid, oid->sn != NULL ? oid->sn : "-",
        oid->ln != NULL ? oid->ln : "-");
}

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted: the order of extensions means nothing, and alternative names come first when made. */
static void
put_extensions(page *p, const iossl_certinfo *info)
{
    char **texts = calloc(info->n_extensions + 1, sizeof *texts);
    size_t i;

    if (texts == NULL)
        bail_out("no memory");
    for (i = 0; i < info->n_extensions; i++) {
        const iossl_extension *ext = &info->extensions[i];
        page one = {NULL, 0};

        put_oid(&one, ext->critical ? "critical ext" : "ext", &ext->id);
        put(&one, "  %s\n", ext->text != NULL ? ext->text : "NULL");
        put_bytes(&one, "  ", ext->der, ext->der_len);
        texts[i] = one.text;
    }
    qsort(texts, info->n_extensions, sizeof *texts, compare_texts);
    for (i = 0; i < info->n_extensions; i++) {
        put(p, "%s", texts[i]);
        free(texts[i]);
    }
    free(texts);
}

/* free() it. */
static char *
write_down(const iossl_certinfo *info)
{
    page p = {NULL, 0};
    size_t i;

    put(&p, "version %ld serial %s from %lld to %lld by %s\n", info->version, info->serial,
        (long long)info->not_before, (long long)info->not_after, info->signature_alg);
    put_name(&p, "subject", info->subject, info->n_subject);
    put_name(&p, "issuer", info->issuer, info->n_issuer);
    put(&p, "altnames %d\n", info->has_altnames);
    for (i = 0; i < info->n_altnames; i++) {
        const iossl_altname *name = &info->altnames[i];

        put(&p, "%d %s %s", name->type, name->type_name, name->value != NULL ? "" : "NULL");
        put_bytes(&p, "", (const unsigned char *)name->value, name->len);
        put_bytes(&p, "  ", name->der, name->der_len);
    }
    for (i = 0; i < info->n_crl_uris; i++)
        put(&p, "crl %s\n", info->crl_uris[i]);
    for (i = 0; i < info->n_ocsp_uris; i++)
        put(&p, "ocsp %s\n", info->ocsp_uris[i]);
    for (i = 0; i < info->n_key_usage; i++)
        put(&p, "usage %s\n", info->key_usage[i]);
    for (i = 0; i < info->n_ext_key_usage; i++)
        put_oid(&p, "eku", &info->ext_key_usage[i]);
    put_extensions(&p, info);
    return p.text;
}

static iossl_certinfo *
describe(const X509 *cert)
{
    iossl_certinfo *info = iossl_certinfo_new(cert, NULL);

    if (info == NULL)
        bail_out("no description");
    return info;
}

/* ---- Made again ------------------------------------------------------------------------------ */

/* A builder from what a description says and from nothing else; names as text where there is one
 * for which with_text asks. */
static iossl_certgen *
builder_from(const iossl_certinfo *info, bool with_text)
{
    iossl_certgen *gen = iossl_certgen_new(NULL);
    bool fine = gen != NULL && iossl_certgen_clear_subject(gen, err) == IOSSL_OK;
    size_t i;

    for (i = 0; fine && i < info->n_subject; i++)
        fine = iossl_certgen_add_subject(gen, info->subject[i].name, info->subject[i].value,
                                         info->subject[i].len, err) == IOSSL_OK;
    fine = fine && iossl_certgen_set_serial(gen, info->serial, err) == IOSSL_OK &&
           iossl_certgen_set_version(gen, info->version, err) == IOSSL_OK &&
           iossl_certgen_set_not_before(gen, info->not_before, err) == IOSSL_OK &&
           iossl_certgen_set_not_after(gen, info->not_after, err) == IOSSL_OK;
    iossl_certgen_set_plain(gen, true);
    for (i = 0; fine && i < info->n_altnames; i++) {
        const iossl_altname *name = &info->altnames[i];

        if (with_text && name->value != NULL && name->type != GEN_OTHERNAME &&
            name->type != GEN_DIRNAME)
            fine = iossl_certgen_add_altname(gen, name->type_name, name->value, name->len, err) ==
                   IOSSL_OK;
        else
            fine = iossl_certgen_add_altname_der(gen, name->der, name->der_len, err) == IOSSL_OK;
    }
    for (i = 0; fine && i < info->n_extensions; i++) {
        const iossl_extension *ext = &info->extensions[i];

        fine = iossl_certgen_add_extension(gen, ext->id.nid, ext->id.oid, ext->text, ext->der,
                                           ext->der_len, ext->critical, err) == IOSSL_OK;
    }
    if (!fine)
        diag("%s", iossl_error_message(err));
    return gen;
}

/* The certificate, made again by three ways, with the same keys and digest, says the same. */
static void
check_round_trip(X509 *cert, EVP_PKEY *own, X509 *issuer, EVP_PKEY *issuer_key, const char *digest,
                 const char *what)
{
    static const char *const ways[] = {"by bytes", "by text", "as a copy"};
    iossl_certinfo *info = describe(cert);
    char *said = write_down(info);

    for (size_t i = 0; i < 3; i++) {
        iossl_certgen *gen = i < 2 ? builder_from(info, i == 1) : iossl_certgen_new(NULL);
        iossl_certinfo *again = NULL;
        char *said_again = NULL;
        X509 *made;

        iossl_error_clear(err);
        if (i == 2 && iossl_certgen_copy(gen, cert, err) != IOSSL_OK)
            diag("%s", iossl_error_message(err));
        if (i < 2 && iossl_certgen_set_digest(gen, digest, err) != IOSSL_OK)
            diag("%s", iossl_error_message(err));
        iossl_certgen_set_key(gen, own);
        iossl_certgen_set_issuer(gen, issuer, issuer_key);
        if ((made = iossl_certgen_make(gen, NULL, err)) == NULL) {
            diag("%s", iossl_error_message(err));
        } else {
            again = describe(made);
            said_again = write_down(again);
        }
        is_str(said_again, said, "%s: made again %s, it says the same", what, ways[i]);
        free(said_again);
        iossl_certinfo_free(again);
        X509_free(made);
        iossl_certgen_free(gen);
    }
    free(said);
    iossl_certinfo_free(info);
}

/* ---- Builders for short ---------------------------------------------------------------------- */

static iossl_certgen *
new_builder(void)
{
    iossl_certgen *gen = iossl_certgen_new(NULL);

    if (gen == NULL)
        bail_out("no builder");
    iossl_certgen_set_key(gen, key);
    iossl_error_clear(err);
    return gen;
}

/* Makes it and frees the builder. NULL, with words, where it can't. */
static X509 *
finish(iossl_certgen *gen)
{
    X509 *cert = iossl_certgen_make(gen, NULL, err);

    if (cert == NULL)
        diag("%s", iossl_error_message(err));
    iossl_certgen_free(gen);
    return cert;
}

/* The extension's text, with "!" before it where critical; "-" where there is none. free() it. */
static char *
ext_text(const X509 *cert, int nid)
{
    iossl_certinfo *info = describe(cert);
    page p = {NULL, 0};

    for (size_t i = 0; i < info->n_extensions; i++) {
        if (info->extensions[i].id.nid == nid)
            put(&p, "%s%s%s", p.text != NULL ? " + " : "", info->extensions[i].critical ? "!" : "",
                info->extensions[i].text != NULL ? info->extensions[i].text : "NULL");
    }
    if (p.text == NULL)
        put(&p, "-");
    iossl_certinfo_free(info);
    return p.text;
}

/* ---- Purposes -------------------------------------------------------------------------------- */

#define TWO         "!Digital Signature, Key Encipherment"
#define CA_USE      "!Digital Signature, Certificate Sign"
#define CLIENT_AUTH "TLS Web Client Authentication"
#define SERVER_AUTH "TLS Web Server Authentication"

static const struct {
    const char *words;
    bool is_ca;
    const char *constraints, *usage, *ns_type, *ext_usage;
} PURPOSES[] = {
    {"", false, "!CA:FALSE", TWO, "SSL Client, SSL Server", CLIENT_AUTH ", " SERVER_AUTH},
    {" ,;", false, "!CA:FALSE", TWO, "SSL Client, SSL Server", CLIENT_AUTH ", " SERVER_AUTH},
    {"client", false, "!CA:FALSE", TWO, "SSL Client", CLIENT_AUTH},
    {"SERVER", false, "!CA:FALSE", TWO, "SSL Server", SERVER_AUTH},
    {"email", false, "!CA:FALSE", TWO, "S/MIME", "E-mail Protection"},
    {"emailProtection", false, "!CA:FALSE", TWO, "S/MIME", "E-mail Protection"},
    {"objsign", false, "!CA:FALSE", TWO, "Object Signing", "Code Signing"},
    {"codesigning", false, "!CA:FALSE", TWO, "Object Signing", "Code Signing"},
    {"CA", false, "!CA:TRUE", CA_USE, "-", "-"},
    {"sslCA", false, "!CA:TRUE", CA_USE, "SSL CA", "-"},
    {"emailCA", false, "!CA:TRUE", CA_USE, "S/MIME CA", "-"},
    {"objCA", false, "!CA:TRUE", CA_USE, "Object Signing CA", "-"},
    {"timeStamping", false, "!CA:FALSE", "-", "-", "Time Stamping"},
    {"clientAuth", false, "!CA:FALSE", "-", "-", CLIENT_AUTH},
    {"serverAuth", false, "!CA:FALSE", "-", "-", SERVER_AUTH},
    {"digitalSignature", false, "!CA:FALSE", "!Digital Signature", "-", "-"},
    {"nonRepudiation", false, "!CA:FALSE", "!Non Repudiation", "-", "-"},
    {"keyEncipherment", false, "!CA:FALSE", "!Key Encipherment", "-", "-"},
    {"dataEncipherment", false, "!CA:FALSE", "!Data Encipherment", "-", "-"},
    {"keyAgreement", false, "!CA:FALSE", "!Key Agreement", "-", "-"},
    {"keyCertSign", false, "!CA:FALSE", "!Certificate Sign", "-", "-"},
    {"cRLSign", false, "!CA:FALSE", "!CRL Sign", "-", "-"},
    {"encipherOnly", false, "!CA:FALSE", "!Encipher Only", "-", "-"},
    {"decipherOnly", false, "!CA:FALSE", "!Decipher Only", "-", "-"},
    {"", true, "!CA:TRUE", CA_USE, "SSL CA, S/MIME CA, Object Signing CA", "-"},
    {"client", true, "!CA:TRUE", "!Digital Signature, Key Encipherment, Certificate Sign",
     "SSL Client, SSL CA, S/MIME CA, Object Signing CA", CLIENT_AUTH},
    {"timestamping,email client", false, "!CA:FALSE", TWO, "SSL Client, S/MIME",
     CLIENT_AUTH ", E-mail Protection, Time Stamping"},
    /* Switched off: all its bits go, whoever else has them. */
    {"+server -client", false, "!CA:FALSE", "-", "SSL Server", SERVER_AUTH},
    {"client-server", false, "!CA:FALSE", "-", "SSL Client", CLIENT_AUTH},
    {"clientAuth -client", false, "!CA:FALSE", "-", "-", "-"},
    {"client -digitalSignature", false, "!CA:FALSE", "!Key Encipherment", "SSL Client",
     CLIENT_AUTH},
    {"client -emailCA", false, "!CA:FALSE", "!Key Encipherment", "SSL Client", CLIENT_AUTH},
    {"CA,-sslCA", false, "!CA:FALSE", "-", "-", "-"},
    {"-client", false, "!CA:FALSE", "-", "-", "-"},
    {"-client", true, "!CA:TRUE", "!Certificate Sign", "SSL CA, S/MIME CA, Object Signing CA", "-"},
    {"-sslCA", true, "!CA:FALSE", "-", "S/MIME CA, Object Signing CA", "-"},
    {"-ca", true, "!CA:FALSE", "-", "SSL CA, S/MIME CA, Object Signing CA", "-"},
    /* Of equal names the last one counts. */
    {"client -Client", false, "!CA:FALSE", "-", "-", "-"},
    {"-client client", false, "!CA:FALSE", TWO, "SSL Client", CLIENT_AUTH},
};

static void
check_ext(const X509 *cert, int nid, const char *want, const char *what)
{
    char *text = ext_text(cert, nid);

    is_str(text, want, "%s: %s", what, OBJ_nid2sn(nid));
    free(text);
}

static void
test_purposes(void)
{
    for (size_t i = 0; i < sizeof PURPOSES / sizeof *PURPOSES; i++) {
        iossl_certgen *gen = new_builder();
        char what[100];
        X509 *cert;

        (void)snprintf(what, sizeof what, "purpose \"%s\"%s", PURPOSES[i].words,
                       PURPOSES[i].is_ca ? " of a CA" : "");
        iossl_certgen_set_ca(gen, PURPOSES[i].is_ca);
        is_int(iossl_certgen_add_purposes(gen, PURPOSES[i].words, err), IOSSL_OK, "%s is taken",
               what);
        cert = finish(gen);
        check_ext(cert, NID_basic_constraints, PURPOSES[i].constraints, what);
        check_ext(cert, NID_key_usage, PURPOSES[i].usage, what);
        check_ext(cert, NID_netscape_cert_type, PURPOSES[i].ns_type, what);
        check_ext(cert, NID_ext_key_usage, PURPOSES[i].ext_usage, what);
        check_round_trip(cert, key, NULL, NULL, "sha256", what);
        X509_free(cert);
    }
}

static void
test_purpose_words(void)
{
    iossl_certgen *gen = new_builder();
    X509 *cert;

    is_int(iossl_certgen_add_purposes(gen, "client nonsense", err), IOSSL_ERROR,
           "a word that is no purpose is refused");
    is_str(iossl_error_message(err), "unknown purpose nonsense", "and named");
    is_int(iossl_error_get_code(err), IOSSL_E_OPTION, "as an option's value");
    iossl_error_clear(err);
    is_int(iossl_certgen_add_purpose(gen, "client server", err), IOSSL_ERROR,
           "an entry of two words is refused");
    is_str(iossl_error_message(err), "invalid entry in purpose: client server", "and named");
    iossl_error_clear(err);
    is_int(iossl_certgen_add_purpose(gen, "", err), IOSSL_ERROR, "so is an empty one");
    is_int(iossl_certgen_add_purpose(gen, "-", err), IOSSL_ERROR, "and a sign alone");
    is_int(iossl_certgen_set_purpose(gen, "+email", true, err), IOSSL_ERROR,
           "a name by itself has no sign");
    iossl_error_clear(err);
    is_int(iossl_certgen_set_purpose(gen, "nonsense\n", false, err), IOSSL_ERROR,
           "an unknown name can't be switched off either");
    is_str(iossl_error_message(err), "unknown purpose nonsense\\x0a", "and is shown harmlessly");
    is_int(iossl_certgen_add_purpose(gen, "+email", NULL), IOSSL_OK, "one word is taken");
    is_int(iossl_certgen_set_purpose(gen, "timeStamping", true, NULL), IOSSL_OK, "a name is, too");
    cert = finish(gen);
    check_ext(cert, NID_ext_key_usage, "E-mail Protection, Time Stamping",
              "after errors only what was right counts");
    X509_free(cert);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static void
check_key(EVP_PKEY *made, const char *digest, const char *what)
{
    iossl_certgen *gen = new_builder();
    X509 *cert;

    iossl_certgen_set_key(gen, made);
    iossl_certgen_set_digest(gen, digest, NULL);
    if (ok((cert = finish(gen)) != NULL, "%s: makes a certificate", what)) {
        is_int(X509_verify(cert, made), 1, "%s: its signature is good", what);
        is_int(X509_check_private_key(cert, made), 1, "%s: it is for the key", what);
        check_round_trip(cert, made, NULL, NULL, digest, what);
    }
    X509_free(cert);
}

static void
test_key_types(void)
{
    static const char *const curves[] = {"prime256v1", "P-256",           "P-384",   "secp521r1",
                                         "secp256k1",  "brainpoolP256r1", "ED25519", "ed448",
                                         "1.3.132.0.34", "415"};
    EVP_PKEY *made, *other;
    size_t i;

    for (i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (ok((made = iossl_key_new_ec(curves[i], err)) != NULL, "a key on %s", curves[i]))
            check_key(made, "sha384", curves[i]);
        EVP_PKEY_free(made);
    }
    made = iossl_key_new_rsa(2048, err);
    check_key(made, "sha256", "RSA");
    check_key(made, "sha512", "RSA with SHA-512");
    is_int(EVP_PKEY_bits(made), 2048, "an RSA key has the bits asked for");
    other = iossl_key_new_rsa(1024, err);
    is_int(EVP_PKEY_bits(other), 1024, "also if they are few");
    EVP_PKEY_free(other);
    EVP_PKEY_free(made);
    ok(iossl_key_new_rsa(10, err) == NULL, "RSA keys of 10 bits aren't made");
    like(iossl_error_message(err),
         "cannot make an RSA key of 10 bits: error:", "and OpenSSL says why");
    iossl_error_clear(err);
    ok(iossl_key_new_rsa(4000000000U, err) == NULL, "nor of 4000000000");
    like(iossl_error_message(err), "of 4000000000 bits; give 512", "with what there is");
    iossl_error_clear(err);
    ok(iossl_key_new_ec("999999999", err) == NULL && iossl_key_new_ec("4294967711", err) == NULL
           && iossl_key_new_ec("672", err) == NULL,
       "nor do numbers of no curve");
    iossl_error_clear(err);
    ok(iossl_key_new_ec("nonsense", err) == NULL, "an unknown curve makes no key");
    like(iossl_error_message(err), "unknown curve nonsense;", "and is named");
    iossl_error_clear(err);
    ok(iossl_key_new_ec("sha256", err) == NULL, "nor does a name that is no curve");
    like(iossl_error_message(err), "unknown curve sha256;", "and it is named");
    iossl_error_clear(err);
    ok(iossl_key_new_ec("", err) == NULL, "nor does none");

    made = iossl_key_new_ec("X25519", err);
    iossl_certgen *gen = new_builder();
    iossl_certgen_set_key(gen, made);
    iossl_error_clear(err);
    ok(iossl_certgen_make(gen, NULL, err) == NULL, "a key that can't sign signs nothing");
    is_int(iossl_error_get_code(err), IOSSL_E_KEY, "which is the key's fault");
    iossl_certgen_set_issuer(gen, NULL, key);
    X509 *cert = finish(gen);
    ok(cert != NULL && X509_verify(cert, key) == 1, "but can be certified by one that can");
    X509_free(cert);
    EVP_PKEY_free(made);
}

/* Every curve that OpenSSL lists. */
static void
test_all_curves(void)
{
    size_t n = EC_get_builtin_curves(NULL, 0), made_n = 0;
    EC_builtin_curve *list = calloc(n, sizeof *list);

    if (list == NULL || EC_get_builtin_curves(list, n) != n)
        bail_out("no list of curves");
    for (size_t i = 0; i < n; i++) {
        const char *name = OBJ_nid2sn(list[i].nid);
        iossl_certgen *gen = new_builder();
        EVP_PKEY *made = iossl_key_new_ec(name, err);
        X509 *cert = NULL;

        iossl_certgen_set_key(gen, made);
        if (made != NULL)
            cert = iossl_certgen_make(gen, NULL, err);
        /* Those that this OpenSSL lists but makes no keys on are refused by name. */
        if (made == NULL)
            like(iossl_error_message(err), name, "%s is refused", name);
        else
            ok(cert != NULL && X509_verify(cert, made) == 1, "%s signs a certificate %s", name,
               cert == NULL ? iossl_error_message(err) : "");
        iossl_error_clear(err);
        made_n += cert != NULL;
        X509_free(cert);
        EVP_PKEY_free(made);
        iossl_certgen_free(gen);
    }
    ok(made_n > 5, "%zu of %zu curves made certificates", made_n, n);
    free(list);
}

/* ---- Defaults, and one setter after the other ------------------------------------------------ */

static void
test_defaults(void)
{
    iossl_certgen *gen = iossl_certgen_new(err);
    EVP_PKEY *made_key = NULL, *second_key = NULL;
    X509 *cert = iossl_certgen_make(gen, &made_key, err);
    X509 *second = iossl_certgen_make(gen, &second_key, err);
    iossl_certinfo *info = describe(cert), *other = describe(second);
    char *subject = iossl_cert_subject(cert);

    is_int(ERR_peek_error(), 0, "nothing left in OpenSSL's queue");
    is_str(subject, "/O=IO::Socket::SSL/CN=IO::Socket::SSL Test", "the default subject");
    is_int(info->version, 2, "the version is 2, which is v3");
    is_str(info->signature_alg, "sha256WithRSAEncryption", "signed with RSA and SHA-256");
    is_int(info->not_after - info->not_before, 365 * 86400, "valid for a year");
    ok(llabs((long long)(info->not_before - (int64_t)time(NULL))) < 60, "from now on");
    ok(strcmp(info->serial, other->serial) != 0, "each certificate has a serial of its own");
    ok(strtoull(info->serial, NULL, 10) > 0 && strtoull(info->serial, NULL, 10) <= 0xffffffffU,
       "of 32 bits, not 0");
    is_int(EVP_PKEY_bits(made_key), 2048, "the key is new, with 2048 bits");
    ok(X509_check_private_key(cert, made_key) == 1, "and it is the certificate's");
    ok(X509_check_private_key(second, second_key) == 1 &&
           X509_check_private_key(second, made_key) != 1,
       "the next certificate has another one");
    is_int(X509_verify(cert, made_key), 1, "it signed itself");
    ok(!info->has_altnames && info->n_crl_uris == 0 && info->n_ocsp_uris == 0,
       "nothing else is in it");
    free(subject);
    iossl_certinfo_free(info);
    iossl_certinfo_free(other);
    X509_free(cert);
    X509_free(second);
    EVP_PKEY_free(made_key);
    EVP_PKEY_free(second_key);
    iossl_certgen_free(gen);
    iossl_certgen_free(NULL);
    iossl_certinfo_free(NULL);
}

static void
test_subjects(void)
{
    static const struct {
        const char *name, *value, *long_name, *utf8;
    } parts[] = {
        {"CN", "plain", "commonName", "plain"},
        {"commonName", "second", "commonName", "second"},
        {"2.5.4.10", "by number", "organizationName", "by number"},
        {"OU",
         "B\xc3\xbc"
         "cher \xe2\x82\xac",
         "organizationalUnitName",
         "B\xc3\xbc"
         "cher \xe2\x82\xac"},
        {"L", "\xe4\xf6", "localityName", "\xc3\xa4\xc3\xb6"},
        {"C", "DEU", "countryName", "DEU"},
        {"ST", "", "stateOrProvinceName", ""},
        {"emailAddress", "u@a.test", "emailAddress", "u@a.test"},
        {"1.2.3.4", "private", "1.2.3.4", "private"},
        {"serialNumber", "\xe2\x82\xac", "serialNumber", "\xe2\x82\xac"},
    };
    size_t n = sizeof parts / sizeof *parts, i;
    iossl_certgen *gen = new_builder();
    iossl_certinfo *info;
    X509 *cert;

    for (i = 0; i < n; i++)
        is_int(iossl_certgen_add_subject(gen, parts[i].name, parts[i].value, strlen(parts[i].value),
                                         err),
               IOSSL_OK, "%s is taken", parts[i].name);
    is_int(iossl_certgen_add_subject(gen, "title", "a\0b", 3, err), IOSSL_OK, "so is a NUL");
    is_int(iossl_certgen_add_subject(gen, "nonsense", "x", 1, err), IOSSL_ERROR,
           "an unknown part isn't");
    like(iossl_error_message(err), "failed to add entry for nonsense - ", "and is named");
    cert = finish(gen);
    info = describe(cert);
    if (is_size(info->n_subject, n + 1, "all are there, the default isn't")) {
        for (i = 0; i < n; i++) {
            is_str(info->subject[i].name, parts[i].long_name, "%s by its long name", parts[i].name);
            is_str(info->subject[i].value, parts[i].utf8, "%s in UTF-8", parts[i].name);
        }
        is_mem(info->subject[n].value, info->subject[n].len, "a\0b", 3, "a NUL is kept");
    }
    check_round_trip(cert, key, NULL, NULL, "sha256", "a subject of all sorts");
    iossl_certinfo_free(info);
    X509_free(cert);

    gen = new_builder();
    is_int(iossl_certgen_add_subject(gen, "nonsense", "x", 1, NULL), IOSSL_ERROR,
           "a first part that is refused");
    cert = finish(gen);
    info = describe(cert);
    is_size(info->n_subject, 2, "leaves the default");
    iossl_certinfo_free(info);
    X509_free(cert);

    gen = new_builder();
    is_int(iossl_certgen_clear_subject(gen, err), IOSSL_OK, "a subject can be cleared");
    cert = finish(gen);
    info = describe(cert);
    is_size(info->n_subject, 0, "and is empty then");
    check_round_trip(cert, key, NULL, NULL, "sha256", "an empty subject");
    iossl_certinfo_free(info);
    X509_free(cert);
}

static void
check_value(iossl_status status, const char *message, const char *what)
{
    is_int(status, message == NULL ? IOSSL_OK : IOSSL_ERROR, "%s %s", what,
           message == NULL ? "is taken" : "is refused");
    if (message != NULL)
        like(iossl_error_message(err), message, "%s: with a reason", what);
    iossl_error_clear(err);
}

static void
test_values(void)
{
    static const int64_t times[] = {0,         -946080000, 2524607999, 2524608000, 253402300799,
                                    951782400, -1,         1709164800, 4107542400};
    static const struct {
        const char *text, *decimal;
    } serials[] = {
        {"1", "1"},
        {"4294967296", "4294967296"},
        {"0xff", "255"},
        {"0X0aB", "171"},
        {"-5", "-5"},
        {"-0x10", "-16"},
        {"123456789012345678901234567890123456789012345678",
         "123456789012345678901234567890123456789012345678"},
        {"000000000000000000000000000000000000000000000000000000000007", "7"},
    };
    static const char *const bad_serials[] = {"",     "-",     "0x",   "abc", "12x", "--1",
                                              "0x-1", "0x0x1", "1e30", " 1",  "1.5"};
    iossl_certgen *gen = new_builder();
    iossl_certinfo *info;
    char long_number[2002];
    X509 *cert;
    size_t i;

    for (i = 0; i < sizeof serials / sizeof *serials; i++) {
        check_value(iossl_certgen_set_serial(gen, serials[i].text, err), NULL, serials[i].text);
        cert = iossl_certgen_make(gen, NULL, err);
        info = describe(cert);
        is_str(info->serial, serials[i].decimal, "serial %s is told in decimal", serials[i].text);
        check_round_trip(cert, key, NULL, NULL, "sha256", serials[i].text);
        iossl_certinfo_free(info);
        X509_free(cert);
    }
    for (i = 0; i < sizeof bad_serials / sizeof *bad_serials; i++)
        check_value(iossl_certgen_set_serial(gen, bad_serials[i], err), "is no whole number",
                    bad_serials[i]);
    memset(long_number, '9', sizeof long_number - 1);
    long_number[sizeof long_number - 1] = '\0';
    check_value(iossl_certgen_set_serial(gen, long_number, err), "is no whole number",
                "a serial of 2001 digits");
    cert = iossl_certgen_make(gen, NULL, err);
    info = describe(cert);
    is_str(info->serial, "7", "after refused serials the old one stands");
    iossl_certinfo_free(info);
    X509_free(cert);

    for (i = 0; i < sizeof times / sizeof *times; i++) {
        is_int(iossl_certgen_set_not_before(gen, times[i], err), IOSSL_OK, "not before %lld",
               (long long)times[i]);
        is_int(iossl_certgen_set_not_after(gen, times[sizeof times / sizeof *times - 1 - i], err),
               IOSSL_OK, "not after another");
        cert = iossl_certgen_make(gen, NULL, err);
        info = describe(cert);
        is_int(info->not_before, times[i], "the beginning is told to the second");
        is_int(info->not_after, times[sizeof times / sizeof *times - 1 - i], "so is the end");
        check_round_trip(cert, key, NULL, NULL, "sha256", "at that time");
        iossl_certinfo_free(info);
        X509_free(cert);
    }
    check_value(iossl_certgen_set_not_before(gen, INT64_C(253402300800), err),
                "not_before 253402300800 is no time", "the year 10000");
    check_value(iossl_certgen_set_not_after(gen, INT64_MAX, err), "not_after 9223372036854775807",
                "the end of time");
    check_value(iossl_certgen_set_not_after(gen, INT64_MIN, err), "is no time", "its beginning");

    check_value(iossl_certgen_set_digest(gen, DIGEST, err), NULL, DIGEST);
    check_value(iossl_certgen_set_digest(gen, "nonsense", err),
                "Digest algorithm nonsense is not available", "digest nonsense");
    check_value(iossl_certgen_set_version(gen, 3, err), "version 3", "version 3");
    check_value(iossl_certgen_set_version(gen, -1, err), "version -1", "version -1");
    check_value(iossl_certgen_set_version(gen, 0, err), NULL, "version 0");
    cert = iossl_certgen_make(gen, NULL, err);
    info = describe(cert);
    is_int(info->version, 0, "a v1 certificate is made");
    is_size(info->n_extensions, 0, "and has no extensions");
    is_str(info->signature_alg, DIGEST_USED, "the digest asked for is used");
    check_round_trip(cert, key, NULL, NULL, DIGEST, "v1");
    iossl_certinfo_free(info);
    X509_free(cert);
    iossl_certgen_set_ca(gen, true);
    ok(iossl_certgen_make(gen, NULL, err) == NULL, "a CA of v1 isn't made");
    like(iossl_error_message(err), "version 0 has no extensions", "for that reason");
    iossl_certgen_free(gen);

    gen = new_builder();
    iossl_certgen_set_plain(gen, true);
    iossl_certgen_set_purpose(gen, "client", true, NULL);
    ok(iossl_certgen_make(gen, NULL, err) == NULL, "plain and with purpose don't go together");
    is_int(iossl_error_get_code(err), IOSSL_E_USAGE, "which is the program's mistake");
    iossl_certgen_free(gen);
}

/* ---- Issuers --------------------------------------------------------------------------------- */

static void
test_issuers(void)
{
    EVP_PKEY *ca_key = iossl_key_new_ec("P-384", NULL),
             *sub_key = iossl_key_new_ec("ED25519", NULL);
    X509 *ca, *sub, *leaf, *odd;
    iossl_certgen *gen = new_builder();
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    char *text, *want;
    iossl_certinfo *info;

    iossl_certgen_set_ca(gen, true);
    iossl_certgen_set_key(gen, ca_key);
    iossl_certgen_add_subject(gen, "CN", "root", 4, NULL);
    ca = finish(gen);
    gen = new_builder();
    iossl_certgen_set_ca(gen, true);
    iossl_certgen_set_key(gen, sub_key);
    iossl_certgen_set_issuer(gen, ca, ca_key);
    iossl_certgen_add_subject(gen, "CN", "sub", 3, NULL);
    sub = finish(gen);
    gen = new_builder();
    iossl_certgen_set_issuer(gen, sub, sub_key);
    iossl_certgen_add_altname(gen, "DNS", "leaf.test", 9, NULL);
    leaf = finish(gen);

    text = iossl_cert_issuer(leaf);
    is_str(text, "/CN=sub", "the issuer's subject is the certificate's issuer");
    free(text);
    is_int(X509_verify(leaf, sub_key), 1, "the issuer's key signed");
    info = describe(ca);
    is_int(info->extensions[1].id.nid, NID_authority_key_identifier, "a root names its authority");
    is_mem(info->extensions[1].der, info->extensions[1].der_len, "\x30\x00", 2, "as nobody");
    iossl_certinfo_free(info);
    text = ext_text(leaf, NID_authority_key_identifier);
    want = ext_text(sub, NID_subject_key_identifier);
    is_mem(text + (strncmp(text, "keyid:", 6) == 0 ? 6 : 0), strlen(want), want, strlen(want),
           "the authority's key is the issuer's");
    free(text);
    free(want);

    X509_STORE_add_cert(store, ca);
    sk_X509_push(chain, sub);
    X509_STORE_CTX_init(check, store, leaf, chain);
    X509_STORE_CTX_set_purpose(check, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(check), X509_V_FLAG_X509_STRICT);
    is_int(X509_verify_cert(check), 1, "OpenSSL verifies the chain as a server's, strictly (%s)",
           X509_verify_cert_error_string(X509_STORE_CTX_get_error(check)));

    check_round_trip(ca, ca_key, NULL, NULL, "sha256", "a root CA");
    check_round_trip(sub, sub_key, ca, ca_key, "sha256", "a CA between");
    check_round_trip(leaf, key, sub, sub_key, "sha256", "a leaf");

    gen = new_builder();
    iossl_certgen_set_issuer(gen, NULL, ca_key);
    odd = finish(gen);
    ok(X509_verify(odd, ca_key) == 1 &&
           X509_NAME_cmp(X509_get_subject_name(odd), X509_get_issuer_name(odd)) == 0,
       "an issuer's key alone signs under the subject's name");
    X509_free(odd);
    gen = new_builder();
    iossl_certgen_set_issuer(gen, ca, NULL);
    odd = finish(gen);
    ok(X509_verify(odd, key) == 1 &&
           X509_NAME_cmp(X509_get_subject_name(ca), X509_get_issuer_name(odd)) == 0,
       "an issuer's certificate alone lends its name only");
    X509_free(odd);

    gen = new_builder();
    iossl_certgen_set_version(gen, 0, NULL);
    odd = finish(gen);
    gen = new_builder();
    iossl_certgen_set_issuer(gen, odd, key);
    sub_key = (EVP_PKEY_free(sub_key), NULL);
    X509_free(leaf);
    leaf = finish(gen);
    text = ext_text(leaf, NID_authority_key_identifier);
    want = ext_text(leaf, NID_subject_key_identifier);
    is_mem(text + (strncmp(text, "keyid:", 6) == 0 ? 6 : 0), strlen(want), want, strlen(want),
           "an issuer without identifier gets the one that its key has");
    free(text);
    free(want);

    X509_free(odd);
    X509_STORE_CTX_free(check);
    sk_X509_free(chain);
    X509_STORE_free(store);
    X509_free(leaf);
    X509_free(sub);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
}

/* ---- Alternative names ----------------------------------------------------------------------- */

static void
test_altnames(void)
{
    static const struct {
        const char *type, *value, *type_name, *told;
    } names[] = {
        {"DNS", "a.test", "DNS", "a.test"},
        {"dns", "*.b.test", "DNS", "*.b.test"},
        {"DNS", "x.test,DNS:evil.test", "DNS", "x.test,DNS:evil.test"},
        {"EMAIL", "u@a.test", "EMAIL", "u@a.test"},
        {"email", "copy", "EMAIL", "copy"},
        {"URI", "https://a.test/?a,b;c:d", "URI", "https://a.test/?a,b;c:d"},
        {"IP", "192.0.2.1", "IP", "192.0.2.1"},
        {"ip", "2001:DB8::1", "IP", "2001:db8::1"},
        {"IP", "::", "IP", "::"},
        {"IP", "::1", "IP", "::1"},
        {"IP", "1::", "IP", "1::"},
        {"IP", "1:0:0:2::3", "IP", "1:0:0:2::3"},
        {"IP", "1:0:0:2:3:0:0:4", "IP", "1::2:3:0:0:4"},
        {"IP", "1:0:2:3:4:5:6:7", "IP", "1::2:3:4:5:6:7"},
        {"IP", "1:2:3:4:5:6:7:0", "IP", "1:2:3:4:5:6:7::"},
        {"IP", "::ffff:1.2.3.4", "IP", "::ffff:102:304"},
        {"IP", "1:2:3:4:5:6:7:8", "IP", "1:2:3:4:5:6:7:8"},
        {"RID", "1.2.3.4", "RID", "1.2.3.4"},
        {"RID", "commonName", "RID", "2.5.4.3"},
        {"dirName", "/C=DE/CN=a\\,b", "DIRNAME", "/C=DE/CN=a,b"},
        {"otherName", "1.3.6.1.4.1.311.20.2.3;UTF8:u@ad", "OTHERNAME", "u@ad"},
        {"otherName", "1.2.3;INTEGER:5", "OTHERNAME", NULL},
    };
    static const struct {
        const char *type, *value;
    } bad[] = {
        {"nonsense", "x"},      {"", "x"},
        {"IP", "1.2.3"},        {"IP", "300.1.1.1"},
        {"IP", "::1::"},        {"IP", ""},
        {"RID", "a.b"},         {"RID", ""},
        {"DIRNAME", "CN=x"},    {"DIRNAME", "/CN"},
        {"DIRNAME", ""},        {"DIRNAME", "/nonsense=x"},
        {"OTHERNAME", "plain"}, {"OTHERNAME", "1.2.3;SEQUENCE:x"},
    };
    static const unsigned char x400[] = {0xa3, 0x04, 0x30, 0x02, 0x30, 0x00};
    static const unsigned char edi[] = {0xa5, 0x05, 0xa1, 0x03, 0x0c, 0x01, 'x'};
    size_t n = sizeof names / sizeof *names, i;
    iossl_certgen *gen = new_builder();
    iossl_certinfo *info;
    X509 *cert;

    for (i = 0; i < n; i++)
        is_int(iossl_certgen_add_altname(gen, names[i].type, names[i].value, strlen(names[i].value),
                                         err),
               IOSSL_OK, "%s %s is taken %s", names[i].type, names[i].value,
               iossl_error_message(err));
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        iossl_error_clear(err);
        is_int(iossl_certgen_add_altname(gen, bad[i].type, bad[i].value, strlen(bad[i].value), err),
               IOSSL_ERROR, "%s \"%s\" is refused", bad[i].type, bad[i].value);
        like(iossl_error_message(err), bad[i].value, "and named");
        is_int(ERR_peek_error(), 0, "nothing left in OpenSSL's queue");
    }
    is_int(iossl_certgen_add_altname(gen, "IP", "1.2.3.4\0x", 9, err), IOSSL_ERROR,
           "an address with a NUL is refused");
    is_int(iossl_certgen_add_altname(gen, "DNS", "a\0b", 3, err), IOSSL_OK,
           "a name with a NUL is taken as it is");
    is_int(iossl_certgen_add_altname_der(gen, x400, sizeof x400, err), IOSSL_OK, "x400 by bytes");
    is_int(iossl_certgen_add_altname_der(gen, edi, sizeof edi, err), IOSSL_OK, "ediParty by bytes");
    iossl_error_clear(err);
    is_int(iossl_certgen_add_altname_der(gen, edi, sizeof edi - 1, err), IOSSL_ERROR,
           "bytes that are cut off are refused");
    like(iossl_error_message(err), "these 6 bytes are no GeneralName", "with their number");
    is_int(iossl_certgen_add_altname_der(gen, x400, 0, err), IOSSL_ERROR, "no bytes are, too");
    cert = finish(gen);
    info = describe(cert);
    ok(info->has_altnames, "the certificate has alternative names");
    if (is_size(info->n_altnames, n + 3, "those that were taken")) {
        for (i = 0; i < n; i++) {
            is_str(info->altnames[i].type_name, names[i].type_name, "%s: its type", names[i].value);
            is_str(info->altnames[i].value, names[i].told, "%s: its value", names[i].value);
        }
        is_mem(info->altnames[n].value, info->altnames[n].len, "a\0b", 3, "the NUL is kept");
        is_str(info->altnames[n + 1].type_name, "X400", "an x400Address is told by its type");
        ok(info->altnames[n + 1].value == NULL, "it has no text");
        is_str(info->altnames[n + 2].type_name, "EDIPARTY", "so is an ediPartyName");
    }
    check_round_trip(cert, key, NULL, NULL, "sha256", "names of all kinds");
    iossl_certinfo_free(info);
    X509_free(cert);

    gen = new_builder();
    iossl_certgen_add_altname(gen, "DIRNAME", "/CN=a\\/b", 8, NULL);
    iossl_certgen_add_extension(gen, 0, "subjectAltName", "DNS:ignored", NULL, 0, true, NULL);
    cert = finish(gen);
    info = describe(cert);
    is_mem(info->altnames[0].der + info->altnames[0].der_len - 3, 3, "a/b", 3,
           "a slash after a backslash belongs to the value");
    is_size(info->n_altnames, 1, "the extension of that kind adds no name");
    is_int(info->extensions[2].critical, 1, "but can make the names critical");
    iossl_certinfo_free(info);
    X509_free(cert);
}

/* ---- Extensions ------------------------------------------------------------------------------ */

#define PRINTED_AIA "OCSP - URI:http://o.test/a,b\nCA Issuers - URI:http://c.test/"
#define PRINTED_CRL "Full Name:\n  URI:http://a.test/x,y\nFull Name:\n  URI:http://b.test/"

static void
test_extensions(void)
{
    static const struct {
        int nid;
        const char *name, *text;
        bool critical;
        int look; /* where it is seen */
        const char *printed;
    } forms[] = {
        {0, "nsComment", "hello", false, NID_netscape_comment, "hello"},
        {0, "X509v3 Inhibit Any Policy", "2", true, NID_inhibit_any_policy, "!2"},
        {NID_policy_constraints, NULL, "requireExplicitPolicy:3", false, NID_policy_constraints,
         "Require Explicit Policy:3"},
        {0, "certificatePolicies", "1.2.3.4,2.5.29.32.0", false, NID_certificate_policies, NULL},
        {0, "nameConstraints", "critical,permitted;DNS:.a.test,excluded;IP:10.0.0.0/255.0.0.0",
         false, NID_name_constraints, NULL},
        {0, "tlsfeature", "status_request", false, NID_tlsfeature, "status_request"},
        {0, "noCheck", "ignored", false, NID_id_pkix_OCSP_noCheck, ""},
        {0, "issuerAltName", "DNS:i.test,IP:192.0.2.7", false, NID_issuer_alt_name,
         "DNS:i.test, IP Address:192.0.2.7"},
        {0, "subjectAltName", "DNS:e.test,email:u@e.test", true, NID_subject_alt_name,
         "!DNS:e.test, email:u@e.test"},
        {0, "1.3.6.1.4.1.5923.1.1", "DER:0403616263", true, NID_undef, NULL},
        {0, "1.3.6.1.4.1.5923.1.2", "ASN1:UTF8String:hello", false, NID_undef, NULL},
        {NID_info_access, NULL, "OCSP;URI:http://o.test/,caIssuers;URI:http://c.test/", false,
         NID_info_access, NULL},
        {NID_info_access, NULL, PRINTED_AIA, false, NID_info_access, NULL},
        {0, "crlDistributionPoints", "URI:http://a.test/,URI:http://b.test/", false,
         NID_crl_distribution_points, NULL},
        {0, "crlDistributionPoints", PRINTED_CRL, false, NID_crl_distribution_points, NULL},
        {0, "crlDistributionPoints", "\n" PRINTED_CRL "\n", false, NID_crl_distribution_points,
         NULL},
    };
    static const struct {
        const char *name, *text, *message;
    } bad[] = {
        {"nonsense", "x", "cannot determine NID of extension \"nonsense\""},
        {"1.2.3.4", "x", "cannot determine NID of extension \"1.2.3.4\"; the value"},
        {NULL, "x", "cannot determine NID of extension"},
        {"", "x", "cannot determine NID of extension"},
        {"nsComment", NULL, "neither text nor bytes"},
    };
    static const struct {
        const char *name, *text;
    } unusable[] = {
        {"crlDistributionPoints", "nonsense"},
        {"crlDistributionPoints", "Full Name:\n  URI:http://a.test/\nReasons:\n  Key Compromise"},
        {"authorityInfoAccess", "OCSP - nonsense"},
        {"authorityInfoAccess", "Nonsense - URI:x"},
        {"certificatePolicies", "@section"},
        {"subjectAltName", "IP:nonsense"},
        {"1.2.3.4", "DER:zz"},
        {"keyUsage", ""},
    };
    X509 *cert;
    size_t i;

    for (i = 0; i < sizeof forms / sizeof *forms; i++) {
        const char *name = forms[i].name != NULL ? forms[i].name : OBJ_nid2sn(forms[i].nid);
        iossl_certgen *gen = new_builder();

        is_int(iossl_certgen_add_extension(gen, forms[i].nid, forms[i].name, forms[i].text, NULL, 0,
                                           forms[i].critical, err),
               IOSSL_OK, "%s \"%s\" is taken", name, forms[i].text);
        cert = finish(gen);
        if (!ok(cert != NULL, "%s is used", name))
            continue;
        if (forms[i].printed != NULL)
            check_ext(cert, forms[i].look, forms[i].printed, name);
        check_round_trip(cert, key, NULL, NULL, "sha256", name);
        X509_free(cert);
    }
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        iossl_certgen *gen = new_builder();

        is_int(iossl_certgen_add_extension(gen, 0, bad[i].name, bad[i].text, NULL, 0, false, err),
               IOSSL_ERROR, "extension %s is refused", bad[i].name != NULL ? bad[i].name : "NULL");
        like(iossl_error_message(err), bad[i].message, "in words");
        X509_free(finish(gen));
    }
    for (i = 0; i < sizeof unusable / sizeof *unusable; i++) {
        iossl_certgen *gen = new_builder();

        iossl_certgen_set_plain(gen, true);
        is_int(iossl_certgen_add_extension(gen, 0, unusable[i].name, unusable[i].text, NULL, 0,
                                           false, err),
               IOSSL_OK, "%s", unusable[i].name);
        ok(iossl_certgen_make(gen, NULL, err) == NULL, "%s of \"%.20s\" makes no certificate",
           unusable[i].name, unusable[i].text);
        like(iossl_error_message(err), unusable[i].name, "the extension is named");
        is_int(ERR_peek_error(), 0, "nothing left in OpenSSL's queue");
        iossl_certgen_free(gen);
    }
}

static void
test_extension_rules(void)
{
    static const unsigned char comment[] = {0x16, 0x02, 'h', 'i'};
    iossl_certgen *gen = new_builder();
    iossl_certinfo *info;
    X509 *cert;

    iossl_certgen_add_altname(gen, "DNS", "a.test", 6, NULL);
    iossl_certgen_add_purposes(gen, "CA", NULL);
    iossl_certgen_add_extension(gen, 0, "subjectAltName", "DNS:b.test", NULL, 0, false, NULL);
    iossl_certgen_add_extension(gen, 0, "basicConstraints", "CA:FALSE", NULL, 0, false, NULL);
    iossl_certgen_add_extension(gen, 0, "keyUsage", "cRLSign", NULL, 0, false, NULL);
    iossl_certgen_add_extension(gen, 0, "subjectKeyIdentifier", "01:02", NULL, 0, false, NULL);
    iossl_certgen_add_extension(gen, 0, "nsCertType", "client", NULL, 0, false, NULL);
    iossl_certgen_add_extension(gen, 0, "nsComment", "a", NULL, 0, false, NULL);
    iossl_certgen_add_extension(gen, 0, "nsComment", "b", NULL, 0, false, NULL);
    cert = finish(gen);
    check_ext(cert, NID_subject_alt_name, "DNS:a.test", "the altname set comes first");
    check_ext(cert, NID_basic_constraints, "!CA:TRUE", "the purpose comes first");
    check_ext(cert, NID_key_usage, CA_USE, "the purpose comes first");
    check_ext(cert, NID_netscape_cert_type, "SSL Client", "no purpose says otherwise");
    check_ext(cert, NID_netscape_comment, "a + b", "both are there");
    X509_free(cert);

    gen = new_builder();
    iossl_certgen_add_extension(gen, 0, "nsComment", "hi", comment, sizeof comment, false, NULL);
    iossl_certgen_add_extension(gen, 0, "nsComment", "changed", comment, sizeof comment, false,
                                NULL);
    iossl_certgen_add_extension(gen, 0, "1.2.3.4", NULL, comment, sizeof comment, true, NULL);
    cert = finish(gen);
    check_ext(cert, NID_netscape_comment, "hi + changed", "text that was changed counts");
    X509_free(cert);

    gen = new_builder();
    iossl_certgen_add_extension(gen, NID_info_access, NULL, PRINTED_AIA, NULL, 0, false, NULL);
    iossl_certgen_add_extension(gen, 0, "crlDistributionPoints", PRINTED_CRL, NULL, 0, false, NULL);
    cert = finish(gen);
    info = describe(cert);
    is_size(info->n_ocsp_uris, 1, "one OCSP responder");
    is_str(info->n_ocsp_uris > 0 ? info->ocsp_uris[0] : NULL, "http://o.test/a,b",
           "with a comma in its address");
    is_size(info->n_crl_uris, 2, "two CRLs");
    is_str(info->n_crl_uris > 1 ? info->crl_uris[0] : NULL, "http://a.test/x,y",
           "with a comma in its address");
    iossl_certinfo_free(info);
    X509_free(cert);
}

static void
test_copy(void)
{
    iossl_certgen *gen = new_builder();
    EVP_PKEY *other_key = iossl_key_new_ec("ED25519", NULL);
    iossl_certinfo *info;
    X509 *cert, *copy;

    iossl_certgen_add_subject(gen, "CN", "original", 8, NULL);
    iossl_certgen_add_altname(gen, "DNS", "a.test", 6, NULL);
    iossl_certgen_set_digest(gen, "sha384", NULL);
    cert = finish(gen);
    gen = iossl_certgen_new(NULL);
    iossl_certgen_set_ca(gen, true);
    iossl_certgen_add_subject(gen, "O", "earlier", 7, NULL);
    is_int(iossl_certgen_copy(gen, cert, err), IOSSL_OK, "a certificate is copied");
    is_int(iossl_certgen_set_serial(gen, "77", err), IOSSL_OK, "another serial is set");
    iossl_certgen_set_key(gen, other_key);
    copy = finish(gen);
    info = describe(copy);
    is_str(info->serial, "77", "the later setter counts");
    is_size(info->n_subject, 1, "the subject set before is gone");
    is_str(info->n_subject > 0 ? info->subject[0].value : NULL, "original",
           "the copied one is there");
    is_str(info->signature_alg, "ED25519", "the new key signs as it can");
    check_ext(copy, NID_basic_constraints, "!CA:FALSE", "purposes set before are gone");
    check_ext(copy, NID_subject_alt_name, "DNS:a.test", "extensions are copied");
    is_int(X509_check_private_key(copy, other_key), 1, "it is for the new key");
    iossl_certinfo_free(info);
    X509_free(copy);
    X509_free(cert);
    EVP_PKEY_free(other_key);
}

/* Under another issuer, what the first one stood for is left out, and nothing else. */
static void
test_forget_issuer(void)
{
    static const struct {
        const char *name, *text;
        bool stays;
    } extensions[] = {
        {"nsComment", "hello", true},
        {"authorityInfoAccess", "OCSP;URI:http://ocsp.test/", false},
        {"certificatePolicies", "1.2.3.4", false},
        {"crlDistributionPoints", "URI:http://crl.test/", false},
        {"freshestCRL", "URI:http://crl.test/delta", false},
        {"tlsfeature", "status_request", false},
        {"1.3.6.1.4.1.11129.2.4.2", "DER:04020000", false}, /* timestamps of transparency logs */
        {"1.2.3.4.5.6", "DER:0500", false},
        {"subjectInfoAccess", "caRepository;URI:http://repo.test/", true},
    };
    iossl_certgen *gen = new_builder();
    X509 *cert, *copy;

    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        is_int(iossl_certgen_add_extension(gen, 0, extensions[i].name, extensions[i].text, NULL, 0,
                                           false, err),
               IOSSL_OK, "%s can be added", extensions[i].name);
    cert = finish(gen);
    gen = iossl_certgen_new(NULL);
    is_int(iossl_certgen_copy(gen, cert, err), IOSSL_OK, "the certificate is copied");
    iossl_certgen_forget_issuer(gen);
    iossl_certgen_forget_issuer(gen);
    iossl_certgen_set_key(gen, key);
    copy = finish(gen);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        ASN1_OBJECT *id = OBJ_txt2obj(extensions[i].name, 0);

        ok(X509_get_ext_by_OBJ(cert, id, -1) >= 0, "%s is in the original", extensions[i].name);
        ok((X509_get_ext_by_OBJ(copy, id, -1) >= 0) == extensions[i].stays, "%s %s the copy",
           extensions[i].name, extensions[i].stays ? "stays in" : "isn't in");
        ASN1_OBJECT_free(id);
    }
    ok(X509_get_ext_by_NID(copy, NID_basic_constraints, -1) >= 0, "basicConstraints stay");
    X509_free(copy);
    X509_free(cert);
}

/* A digest by the signature that it goes with; what has none changes nothing. */
static void
test_digest_of(void)
{
    static const struct {
        const char *signature, *made;
    } cases[] = {
        {"sha512WithRSAEncryption", "ecdsa-with-SHA512"},
        {"ecdsa-with-SHA384", "ecdsa-with-SHA384"},
        {"ED25519", "ecdsa-with-SHA256"},
        {"nonsense", "ecdsa-with-SHA256"},
        {"", "ecdsa-with-SHA256"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        iossl_certgen *gen = new_builder();
        iossl_certinfo *info;
        X509 *cert;

        iossl_certgen_set_digest_of(gen, cases[i].signature);
        cert = finish(gen);
        info = describe(cert);
        is_str(info->signature_alg, cases[i].made, "the digest of \"%s\"", cases[i].signature);
        iossl_certinfo_free(info);
        X509_free(cert);
    }
}

int
main(void)
{
    tap_start();
    tap_alarm(240); /* some hundred signatures under sanitizers on a busy machine */
    err = iossl_error_new();
    if ((key = iossl_key_new_ec("prime256v1", err)) == NULL)
        bail_out(iossl_error_message(err));
    test_defaults();
    test_purposes();
    test_purpose_words();
    test_key_types();
    test_all_curves();
    test_subjects();
    test_values();
    test_issuers();
    test_altnames();
    test_extensions();
    test_extension_rules();
    test_copy();
    test_forget_issuer();
    test_digest_of();
    EVP_PKEY_free(key);
    iossl_error_free(err);
    return done_testing();
}
