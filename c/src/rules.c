/*
 * rules.c - what a chain has to be beyond what OpenSSL checks: RFC 5280 to the letter, and the
 * rules of the Web PKI.
 *
 * Owns      the table of rules: to whom each applies, how it is checked, how it is told.
 * Promises  looks at each certificate by itself but for one rule (wildcards under constraints);
 *           bounded by the size of the chain, and that one by PRODUCT_MAX.
 * Leaves    when rules apply to policy.c; signatures, times, lengths of paths and the constraints
 *           themselves to OpenSSL, whose X509_V_FLAG_X509_STRICT belongs with these rules.
 * See       RFC 5280, RFC 9525, CA/Browser Forum Baseline Requirements ("BR") section 7.1.
 *
 * A trust anchor isn't judged as a certificate somebody was given, since it came with the machine:
 * of its form only what would change the meaning of others counts.
 */
#include "rules.h"

#include <string.h>
#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "ascii.h"
#include "compat.h"

/* As OpenSSL's own bound of names times constraints (NAME_CHECK_MAX). */
#define PRODUCT_MAX (1 << 20)

/* Public certificates have about ten; what looks for doubles compares each with each, and does so before
 * anybody has looked at a signature. */
#define MAX_EXTENSIONS 100

/* Where a certificate stands in its chain. */
enum { LEAF = 1, MIDDLE = 2, ANCHOR = 4, ABOVE = MIDDLE | ANCHOR, SENT = LEAF | MIDDLE, ANY = 7 };

typedef struct {
    X509 *cert;
    STACK_OF(X509) *chain;
    int depth;
    bool is_server;         /* it is, or is to vouch for, a server's */
    bool is_self_issued;
    bool has_subject;
} item;

/* True: broken. */
typedef bool (*rule_fn)(const item *it);

/* ---- Form ------------------------------------------------------------------------------------ */

static bool
isnt_version_3(const item *it)
{
    return X509_get_version(it->cert) != 2;
}

static bool
has_odd_serial(const item *it)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(it->cert);
    int len = ASN1_STRING_length(serial);
    /* The first bit is the sign: a number of 20 bytes that begins with a one needs 21. */
    bool is_padded = len > 0 && (ASN1_STRING_get0_data(serial)[0] & 0x80) != 0;
    bool is_zero = true;

    for (int i = 0; i < len; i++)
        is_zero = is_zero && ASN1_STRING_get0_data(serial)[i] == 0;
    return is_zero || ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER || len + is_padded > 20;
}

static bool
has_many_extensions(const item *it)
{
    return X509_get_ext_count(it->cert) > MAX_EXTENSIONS;
}

/* Extensions whose content OpenSSL knows have to be what their names say. */
static bool
has_malformed_extension(const item *it)
{
    for (int i = 0; i < X509_get_ext_count(it->cert); i++) {
        X509_EXTENSION *ext = X509_get_ext(it->cert, i);
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(ext);
        const X509V3_EXT_METHOD *method = X509V3_EXT_get(ext);
        void *value;

        if (X509_get_ext_by_OBJ(it->cert, oid, i) >= 0)
            return true;                    /* there once more */
        if (method == NULL)
            continue;
        if ((value = X509V3_EXT_d2i(ext)) == NULL)
            return true;
        if (method->it != NULL)
            ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
        else if (method->ext_free != NULL)
            method->ext_free(value);
    }
    return false;
}

/* RFC 5280 section 4.2.2.1: at least one description. */
static bool
has_empty_aia(const item *it)
{
    AUTHORITY_INFO_ACCESS *aia = X509_get_ext_d2i(it->cert, NID_info_access, NULL, NULL);
    bool is_empty = aia != NULL && sk_ACCESS_DESCRIPTION_num(aia) == 0;

    AUTHORITY_INFO_ACCESS_free(aia);
    return is_empty;
}

static bool
is_there_uncritical(const item *it, int nid)
{
    int i = X509_get_ext_by_NID(it->cert, nid, -1);

    return i >= 0 && X509_EXTENSION_get_critical(X509_get_ext(it->cert, i)) == 0;
}

static bool
has_uncritical_name_constraints(const item *it)
{
    return is_there_uncritical(it, NID_name_constraints);
}

static bool
has_uncritical_policy_constraints(const item *it)
{
    return is_there_uncritical(it, NID_policy_constraints);
}

static bool
has_no_subject(const item *it)
{
    return !it->has_subject;
}

/* BR 7.1.2.1.3, 7.1.2.11.1: a key identifier and nothing else, of a root its own. */
static bool
has_odd_authority_key_id(const item *it)
{
    AUTHORITY_KEYID *akid = X509_get_ext_d2i(it->cert, NID_authority_key_identifier, NULL, NULL);
    bool is_odd = akid != NULL
                  && (akid->keyid == NULL || akid->issuer != NULL || akid->serial != NULL);

    /* Below an anchor, a CA's new key may be certified by its old one. */
    if (akid != NULL && !is_odd && it->is_self_issued
        && it->depth == sk_X509_num(it->chain) - 1) {
        const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(it->cert);

        is_odd = own == NULL || ASN1_OCTET_STRING_cmp(own, akid->keyid) != 0;
    }
    AUTHORITY_KEYID_free(akid);
    return is_odd;
}

/* RFC 5280 section 4.2.1.1: only a certificate signed by itself may do without. */
static bool
lacks_authority_key_id(const item *it)
{
    return !it->is_self_issued && X509_get_ext_by_NID(it->cert, NID_authority_key_identifier, -1) < 0;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* BR 6.1.5, and the curves of RFC 8410 beside its own. */
static bool
has_weak_key(const item *it)
{
    const EVP_PKEY *key = X509_get0_pubkey(it->cert);
    int bits, curve;

    if (key == NULL)
        return true;
    switch (EVP_PKEY_base_id(key)) {
    case EVP_PKEY_RSA:
        bits = EVP_PKEY_bits(key);
        return bits < 2048 || bits % 8 != 0;
    case EVP_PKEY_EC:
        curve = iossl_compat_curve_nid(key);
        return curve != NID_X9_62_prime256v1 && curve != NID_secp384r1 && curve != NID_secp521r1;
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        return false;
    default:
        return true;
    }
}

/* ---- Usage ----------------------------------------------------------------------------------- */

static bool
is_ca_as_leaf(const item *it)
{
    return (X509_get_extension_flags(it->cert) & EXFLAG_CA) != 0;
}

/* BR 7.1.2.7.10: the purpose by name, and without "any". */
static bool
has_odd_leaf_usage(const item *it)
{
    uint32_t usage;

    if ((X509_get_extension_flags(it->cert) & EXFLAG_XKUSAGE) == 0
        || is_there_uncritical(it, NID_ext_key_usage) == false)
        return true;
    usage = X509_get_extended_key_usage(it->cert);
    return (usage & XKU_ANYEKU) != 0
           || (usage & (it->is_server ? XKU_SSL_SERVER : XKU_SSL_CLIENT)) == 0;
}

/* BR 7.1.2.1.2. An anchor that isn't a root may say what it is for. */
static bool
is_root_with_usage(const item *it)
{
    return it->is_self_issued && X509_get_ext_by_NID(it->cert, NID_ext_key_usage, -1) >= 0;
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* Labels of letters, digits and inner hyphens, 1 to 63 bytes, with dots between: RFC 1034 3.5. */
static bool
is_host_name(const unsigned char *text, int len)
{
    int label = 0;

    if (len <= 0 || len > 253)
        return false;
    for (int i = 0; i <= len; i++) {
        if (i == len || text[i] == '.') {
            if (label == 0 || label > 63 || text[i - 1] == '-')
                return false;
            label = 0;
        } else if (iossl_ascii_is_alnum((char)text[i]) || (text[i] == '-' && label > 0)) {
            label++;
        } else {
            return false;
        }
    }
    return true;
}

/* A host name, or one with a star for its first label. */
static bool
is_presented_name(const unsigned char *text, int len)
{
    return len > 2 && text[0] == '*' && text[1] == '.' ? is_host_name(text + 2, len - 2)
                                                       : is_host_name(text, len);
}

/* One "@", something printable before it, a host after it. */
static bool
is_mail_address(const unsigned char *text, int len)
{
    const unsigned char *at = len <= 0 ? NULL : memchr(text, '@', (size_t)len);

    return at != NULL && at > text && is_host_name(at + 1, (int)(text + len - at - 1));
}

static bool
is_good_altname(const GENERAL_NAME *name)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);

    switch (type) {
    case GEN_DNS:
        return is_presented_name(ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
    case GEN_EMAIL:
        return is_mail_address(ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
    case GEN_IPADD:
        return ASN1_STRING_length(value) == 4 || ASN1_STRING_length(value) == 16;
    default:
        return true;
    }
}

static GENERAL_NAMES *
altnames_of(const X509 *cert)
{
    return X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
}

/* A server has to have some, and nobody may have a malformed one. */
static bool
has_odd_altnames(const item *it)
{
    GENERAL_NAMES *names = altnames_of(it->cert);
    bool is_good = names != NULL || !it->is_server;

    for (int i = 0; is_good && i < sk_GENERAL_NAME_num(names); i++)
        is_good = is_good_altname(sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    return !is_good;
}

/* RFC 5280 section 4.2.1.6, BR 7.1.2.7.12: critical if and only if there is no subject. */
static bool
has_odd_criticality(const item *it)
{
    int i = X509_get_ext_by_NID(it->cert, NID_subject_alt_name, -1);

    return i >= 0
           && (X509_EXTENSION_get_critical(X509_get_ext(it->cert, i)) != 0) == it->has_subject;
}

/* Would it be read as an address: with a colon, or a number as its last label (WHATWG URL)? */
static bool
is_like_address(const unsigned char *text, int len)
{
    int at = len;

    while (at > 0 && text[at - 1] != '.')
        at--;
    if (memchr(text, ':', (size_t)len) != NULL
        || (len - at > 2 && text[at] == '0' && iossl_ascii_lower((char)text[at + 1]) == 'x'))
        return true;
    for (int i = at; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return at < len;
}

/* Is this text the address, as RFC 5952 writes it? */
static bool
is_address(const unsigned char *text, int len, const ASN1_STRING *value)
{
    char address[INET6_ADDRSTRLEN];

    return (ASN1_STRING_length(value) == 4 || ASN1_STRING_length(value) == 16)
           && inet_ntop(ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6,
                        ASN1_STRING_get0_data(value), address, sizeof address)
                  != NULL
           && strlen(address) == (size_t)len && memcmp(address, text, (size_t)len) == 0;
}

/* Is this text the name, byte by byte, or the domain that it belongs to? */
static bool
is_host_or_domain(const unsigned char *text, int len, const ASN1_STRING *value)
{
    const unsigned char *name = ASN1_STRING_get0_data(value);
    int rest = ASN1_STRING_length(value) - len;

    return rest >= 0 && memcmp(name + rest, text, (size_t)len) == 0
           && (rest == 0 || name[rest - 1] == '.');
}

/* Is there an alternative name that this text agrees with, or none of its kind to differ from? */
static bool
agrees(const unsigned char *text, int len, GENERAL_NAMES *names)
{
    bool is_number = is_like_address(text, len);
    bool has_kind = is_number;          /* an address has to be there as one */

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (is_number ? name->type == GEN_IPADD && is_address(text, len, name->d.iPAddress)
                      : name->type == GEN_DNS && is_host_or_domain(text, len, name->d.dNSName))
            return true;
        has_kind = has_kind || name->type == GEN_DNS;
    }
    return !has_kind;
}

/*
 * BR 7.1.4.3 has a server's commonName repeat one of the alternative names. As it counts for nothing
 * here, it may also name the domain they are in, or something of another kind; but not another
 * host, nor an address in other words.
 */
static bool
has_other_common_name(const item *it)
{
    X509_NAME *subject = X509_get_subject_name(it->cert);
    GENERAL_NAMES *names = altnames_of(it->cert);
    bool is_other = false;

    for (int at = -1; it->is_server && !is_other
                      && (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
        unsigned char *text = NULL;
        int len = ASN1_STRING_to_UTF8(
            &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));

        is_other = len < 0 || !agrees(text, len, names);
        OPENSSL_free(text);
    }
    GENERAL_NAMES_free(names);
    return is_other;
}

static bool
has_constraints(const item *it)
{
    return X509_get_ext_by_NID(it->cert, NID_name_constraints, -1) >= 0;
}

static bool
is_good_subtree(const GENERAL_SUBTREE *subtree)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(subtree->base, &type);
    int len;

    switch (type) {
    case GEN_DNS:       /* empty: all names */
        len = ASN1_STRING_length(value);
        return len == 0 || is_host_name(ASN1_STRING_get0_data(value), len);
    case GEN_IPADD:     /* with its mask */
        len = ASN1_STRING_length(value);
        return len == 8 || len == 32;
    default:
        return true;
    }
}

static bool
are_good_subtrees(STACK_OF(GENERAL_SUBTREE) *list)
{
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(list); i++)
        if (!is_good_subtree(sk_GENERAL_SUBTREE_value(list, i)))
            return false;
    return true;
}

/* RFC 5280 section 4.2.1.10: not empty, and host names without a dot before them. */
static bool
has_odd_constraints(const item *it)
{
    NAME_CONSTRAINTS *nc = X509_get_ext_d2i(it->cert, NID_name_constraints, NULL, NULL);
    bool is_odd = nc != NULL
                  && ((sk_GENERAL_SUBTREE_num(nc->permittedSubtrees) <= 0
                       && sk_GENERAL_SUBTREE_num(nc->excludedSubtrees) <= 0)
                      || !are_good_subtrees(nc->permittedSubtrees)
                      || !are_good_subtrees(nc->excludedSubtrees));

    NAME_CONSTRAINTS_free(nc);
    return is_odd;
}

/* Does "*.example.com" stand for a name that the subtree "x.example.com" excludes? */
static bool
reaches_into(const ASN1_STRING *name, const ASN1_STRING *base)
{
    const char *wild = (const char *)ASN1_STRING_get0_data(name);
    const char *excluded = (const char *)ASN1_STRING_get0_data(base);
    int parent = ASN1_STRING_length(name) - 1;      /* ".example.com" */
    int label = ASN1_STRING_length(base) - parent;  /* "x" */

    return ASN1_STRING_length(name) > 2 && wild[0] == '*' && wild[1] == '.' && label > 0
           && memchr(excluded, '.', (size_t)label) == NULL
           && iossl_ascii_equal(wild + 1, excluded + label, (size_t)parent);
}

static bool
reaches_into_any(GENERAL_NAMES *names, STACK_OF(GENERAL_SUBTREE) *excluded)
{
    if ((int64_t)sk_GENERAL_NAME_num(names) * sk_GENERAL_SUBTREE_num(excluded) > PRODUCT_MAX)
        return true;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        for (int k = 0; k < sk_GENERAL_SUBTREE_num(excluded); k++) {
            const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
            const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(excluded, k)->base;

            if (name->type == GEN_DNS && base->type == GEN_DNS
                && reaches_into(name->d.dNSName, base->d.dNSName))
                return true;
        }
    return false;
}

/* A wildcard may match a name that is excluded, though it isn't in the excluded subtree itself. */
static bool
has_wildcard_over_excluded(const item *it)
{
    GENERAL_NAMES *names = altnames_of(it->cert);
    bool is_broken = false;

    for (int i = it->depth + 1; names != NULL && !is_broken && i < sk_X509_num(it->chain); i++) {
        NAME_CONSTRAINTS *nc =
            X509_get_ext_d2i(sk_X509_value(it->chain, i), NID_name_constraints, NULL, NULL);

        is_broken = nc != NULL && reaches_into_any(names, nc->excludedSubtrees);
        NAME_CONSTRAINTS_free(nc);
    }
    GENERAL_NAMES_free(names);
    return is_broken;
}

/* ---- The table ------------------------------------------------------------------------------- */

static const struct {
    unsigned group, places;
    rule_fn is_broken;
    int code;                   /* 0: OpenSSL has none */
    const char *text;
} RULES[] = {
    {IOSSL_RULES_FORM, SENT, isnt_version_3, 0, "a certificate that isn't X.509 version 3"},
    {IOSSL_RULES_FORM, SENT, has_odd_serial, 0,
     "a serial number that isn't positive, or has more than 20 bytes"},
    {IOSSL_RULES_FORM, ANY, has_many_extensions, X509_V_ERR_INVALID_EXTENSION,
     "more than 100 extensions"},
    {IOSSL_RULES_FORM, ANY, has_malformed_extension, X509_V_ERR_INVALID_EXTENSION,
     "an extension that is malformed, or is there twice"},
    {IOSSL_RULES_FORM, SENT, has_empty_aia, X509_V_ERR_INVALID_EXTENSION,
     "an authorityInfoAccess without content"},
    {IOSSL_RULES_FORM, ABOVE, has_uncritical_name_constraints, 0,
     "name constraints that aren't critical"},
    {IOSSL_RULES_FORM, ABOVE, has_uncritical_policy_constraints, 0,
     "policy constraints that aren't critical"},
    {IOSSL_RULES_FORM, ABOVE, has_no_subject, 0, "a CA without a name"},
    {IOSSL_RULES_FORM, ANY, has_odd_authority_key_id, 0,
     "an authorityKeyIdentifier without a key identifier, with more than that, or of another root"},
    {IOSSL_RULES_FORM, ANY, lacks_authority_key_id, 0, "no authorityKeyIdentifier"},
    {IOSSL_RULES_KEYS, LEAF, has_weak_key, X509_V_ERR_EE_KEY_TOO_SMALL,
     "a key that is neither RSA of at least 2048 bits, in whole bytes, nor on a curve in use"},
    {IOSSL_RULES_KEYS, ABOVE, has_weak_key, X509_V_ERR_CA_KEY_TOO_SMALL,
     "a CA key that is neither RSA of at least 2048 bits, in whole bytes, nor on a curve in use"},
    {IOSSL_RULES_USAGE, LEAF, is_ca_as_leaf, 0, "a CA certificate shown as one's own"},
    {IOSSL_RULES_USAGE, LEAF, has_odd_leaf_usage, 0,
     "an extendedKeyUsage that is missing, critical, any, or for something else"},
    {IOSSL_RULES_USAGE, ANCHOR, is_root_with_usage, 0, "a root with an extendedKeyUsage"},
    {IOSSL_RULES_NAMES, LEAF, has_odd_altnames, 0,
     "alternative names that are malformed or missing"},
    {IOSSL_RULES_NAMES, LEAF, has_odd_criticality, 0,
     "alternative names that are critical beside a subject, or aren't without one"},
    {IOSSL_RULES_NAMES, LEAF, has_constraints, 0, "name constraints in a certificate of no CA"},
    {IOSSL_RULES_NAMES, ABOVE, has_odd_constraints, X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
     "name constraints that are empty or malformed"},
    {IOSSL_RULES_NAMES, LEAF, has_wildcard_over_excluded, X509_V_ERR_EXCLUDED_VIOLATION,
     "a wildcard that stands for names which a CA's constraints exclude"},
    {IOSSL_RULES_NAMES, LEAF, has_other_common_name, 0,
     "a commonName that names another host than the alternative names"},
};

static unsigned
place_of(int depth, int length)
{
    return depth == 0 ? LEAF : depth == length - 1 ? ANCHOR : MIDDLE;
}

bool
iossl_rules_check(unsigned rules, iossl_role role, STACK_OF(X509) *chain,
                  iossl_rules_report report, void *arg)
{
    bool ok = true;

    (void)ERR_set_mark();           /* what is malformed is told by its rule */
    for (int depth = sk_X509_num(chain) - 1; ok && depth >= 0; depth--) {
        X509 *cert = sk_X509_value(chain, depth);
        X509_NAME *subject = X509_get_subject_name(cert);
        const item it = {
            .cert = cert, .chain = chain, .depth = depth, .is_server = role == IOSSL_CLIENT,
            .is_self_issued = X509_NAME_cmp(subject, X509_get_issuer_name(cert)) == 0,
            .has_subject = X509_NAME_entry_count(subject) > 0};

        for (size_t i = 0; ok && i < sizeof RULES / sizeof RULES[0]; i++)
            ok = (RULES[i].group & rules) == 0
                 || (RULES[i].places & place_of(depth, sk_X509_num(chain))) == 0
                 || !RULES[i].is_broken(&it)
                 || report(arg, depth,
                           RULES[i].code != 0 ? RULES[i].code : X509_V_ERR_APPLICATION_VERIFICATION,
                           RULES[i].text);
    }
    (void)ERR_pop_to_mark();
    return ok;
}
