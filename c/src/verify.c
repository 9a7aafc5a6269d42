/*
 * verify.c - who the peer is: the one place where a chain, a name, pins and the program's own say
 * become a verdict.
 *
 * Owns      the verify callback, the order of the checks, the sentence that says why not.
 * Promises  state is per verification, never per context: interleaved handshakes on one context
 *           don't see each other. What OpenSSL doesn't call back for (resumed sessions, anonymous
 *           ciphers) is checked after the handshake. No verdict but a positive one lets pass.
 * Leaves    chains to OpenSSL, other paths than its first to paths.c, name rules to names.c,
 *           digests to fingerprint.c.
 * See       SSL_CTX_set_verify(3), X509_STORE_CTX_set_verify_cb(3), RFC 6125, RFC 9525.
 *
 * Order for each certificate: OpenSSL's verdict, then the program's callback, which may override
 * it. At the leaf, if that came out well: the name. A pinned leaf passes whatever the rest says
 * (the program named this very certificate); where a pin is required, no other leaf does.
 */
#include "verify.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "compat.h"
#include "conn.h"
#include "context.h"
#include "compat.h"
#include "diagnose.h"
#include "error.h"
#include "fingerprint.h"
#include "init.h"
#include "names.h"

void
iossl_verify_settings_init(iossl_verify_settings *settings, iossl_role role)
{
    *settings = (iossl_verify_settings){
        .mode = role == IOSSL_CLIENT ? IOSSL_VERIFY_PEER : IOSSL_VERIFY_NONE,
        .scheme = *iossl_scheme_by_name("default"),
        .require_name = true,
        .ocsp_mode = IOSSL_OCSP_DEFAULT,
        .library = iossl_library_default(),
    };
}

void
iossl_verify_settings_copy(iossl_verify_settings *to, const iossl_verify_settings *from)
{
    *to = *from;
    to->pins = iossl_pins_up_ref(from->pins);
    to->tlsa = iossl_tlsa_up_ref(from->tlsa);
    to->library = iossl_library_up_ref(from->library);
}

void
iossl_verify_settings_cleanup(iossl_verify_settings *settings)
{
    iossl_pins_free(settings->pins);
    settings->pins = NULL;
    iossl_tlsa_free(settings->tlsa);
    settings->tlsa = NULL;
    iossl_library_free(settings->library);
    settings->library = iossl_library_default();
}

iossl_status
iossl_verify_settings_set_tlsa(iossl_verify_settings *settings, iossl_tlsa *tlsa, iossl_error *err)
{
    iossl_tlsa *old = settings->tlsa;

    if (iossl_tlsa_check(tlsa, err) != IOSSL_OK)
        return IOSSL_ERROR;
    settings->tlsa = iossl_tlsa_up_ref(tlsa);
    iossl_tlsa_free(old);
    return IOSSL_OK;
}

iossl_status
iossl_verify_settings_set_mode(iossl_verify_settings *settings, int mode, iossl_error *err)
{
    const int known = IOSSL_VERIFY_PEER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT
                      | IOSSL_VERIFY_CLIENT_ONCE;

    if (mode < 0 || (mode & ~(known | SSL_VERIFY_POST_HANDSHAKE)) != 0) {
        iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                        "SSL_verify_mode %d: combine SSL_VERIFY_PEER (1), "
                        "SSL_VERIFY_FAIL_IF_NO_PEER_CERT (2), SSL_VERIFY_CLIENT_ONCE (4) and "
                        "SSL_VERIFY_POST_HANDSHAKE (8), or use SSL_VERIFY_NONE (0)", mode);
        return IOSSL_ERROR;
    }
    settings->mode = mode;
    return IOSSL_OK;
}

void
iossl_verify_settings_set_pins(iossl_verify_settings *settings, iossl_pins *pins, bool require)
{
    iossl_pins *old = settings->pins;

    settings->pins = iossl_pins_up_ref(pins);
    settings->require_pin = require;
    iossl_pins_free(old);
}

bool
iossl_verifier_init(iossl_verifier *v, iossl_role role, const iossl_verify_settings *settings)
{
    memset(v, 0, sizeof *v);
    iossl_verify_settings_copy(&v->settings, settings);
    v->role = role;
    v->cause = iossl_error_new();
    return v->cause != NULL;
}

/* Remembers which leaf passed: a later one (RFC 8446 section 4.6.2) has to pass by itself. */
static void
accept_leaf(iossl_verifier *v, X509 *leaf)
{
    if (leaf != NULL)
        X509_up_ref(leaf);
    X509_free(v->accepted);
    v->accepted = leaf;
}

void
iossl_verifier_cleanup(iossl_verifier *v)
{
    iossl_verify_settings_cleanup(&v->settings);
    accept_leaf(v, NULL);
    free(v->name);
    v->name = NULL;
    iossl_error_free(v->cause);
    v->cause = NULL;
    sk_X509_pop_free(v->refused, X509_free);
    v->refused = NULL;
}

void
iossl_verifier_begin(iossl_verifier *v)
{
    accept_leaf(v, NULL);
    v->name_verified = v->is_overruled = false;
    v->broken_rule = NULL;
    v->cost = (iossl_paths_cost){0};
    iossl_error_clear(v->cause);
    sk_X509_pop_free(v->refused, X509_free);
    v->refused = NULL;
}

bool
iossl_verifier_is_pinned(const iossl_verifier *v, const X509 *leaf)
{
    return v->settings.pins != NULL && leaf != NULL && iossl_pins_match_by(v->settings.library, v->settings.pins, leaf);
}

/* Keeps OpenSSL's first verdict against a certificate in words. */
static void
note_chain_error(iossl_verifier *v, X509_STORE_CTX *store_ctx)
{
    int code = X509_STORE_CTX_get_error(store_ctx);
    X509 *cert = X509_STORE_CTX_get_current_cert(store_ctx);
    char *subject = cert == NULL ? NULL : iossl_cert_subject(cert), *remedy;
    const char *brief = iossl_brief_remedy(code);

    iossl_error_set(v->cause, IOSSL_E_VERIFY, IOSSL_RANK_IO,
                    "%s%s (certificate %d of the chain, \"%s\")%s%s",
                    v->broken_rule == NULL ? "" : "not allowed by SSL_policy: ",
                    v->broken_rule == NULL ? X509_verify_cert_error_string(code) : v->broken_rule,
                    X509_STORE_CTX_get_error_depth(store_ctx), subject == NULL ? "" : subject,
                    brief == NULL ? "" : "; ", brief == NULL ? "" : brief);
    iossl_error_set_verify_code(v->cause, code);
    iossl_error_set_cert(v->cause, cert, X509_STORE_CTX_get_error_depth(store_ctx));
    remedy = iossl_remedy_of_chain(store_ctx);
    iossl_error_set_remedy(v->cause, remedy);
    free(remedy);
    free(subject);
}

static bool
wants_name_check(const iossl_verifier *v)
{
    return v->role == IOSSL_CLIENT && v->settings.mode != IOSSL_VERIFY_NONE
           && !v->settings.scheme.accept_any;
}

/* Adds a name of this type, taking value over. False: no memory, or value is NULL. */
static bool
push_altname(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
    GENERAL_NAME *name = value == NULL ? NULL : GENERAL_NAME_new();

    if (name == NULL) {
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return true;
    GENERAL_NAME_free(name);
    return false;
}

static ASN1_STRING *
ia5_of(const char *text)
{
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();

    if (string != NULL && ASN1_STRING_set(string, text, -1) == 1)
        return string;
    ASN1_STRING_free(string);
    return NULL;
}

/*
 * The leaf as if this were its one subjectAltName. An address out of the commonName is there as a
 * host name too, since it claims to be one as much as the other. NULL: no memory.
 */
static X509 *
with_altname(X509 *leaf, const char *name, bool by_cn)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
    bool is_address = address != NULL;
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    X509 *cert = X509_dup(leaf);
    bool ok = names != NULL && cert != NULL;

    if (ok && is_address) {
        ok = push_altname(names, GEN_IPADD, address);
        address = NULL;
    }
    if (!is_address || by_cn)
        ok = ok && push_altname(names, GEN_DNS, ia5_of(name));
    ok = ok && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_REPLACE) == 1
         && X509_check_purpose(cert, -1, 0) == 1;   /* has OpenSSL note the extension */
    ASN1_OCTET_STRING_free(address);
    GENERAL_NAMES_free(names);
    if (!ok) {
        X509_free(cert);
        cert = NULL;
    }
    return cert;
}

static bool
note_altname(void *arg, int type, const unsigned char *value, size_t len)
{
    bool *found = arg;

    (void)value;
    (void)len;
    *found = type == GEN_DNS || type == GEN_IPADD;
    return !*found;
}

/* The name as a certificate would have it; free() it. NULL: no memory, or no name. */
static char *
presentable(const char *name)
{
    char *ascii = NULL;
    size_t len = strlen(name);

    if (strchr(name, ':') != NULL || iossl_idn_to_ascii(&ascii, name, len, NULL) != IOSSL_OK)
        return strdup(name);
    for (len = strlen(ascii); len > 0 && ascii[len - 1] == '.'; len--)
        ascii[len - 1] = '\0';
    return ascii;
}

/* Do the constraints of each certificate above allow for a leaf with this as its one name? */
static bool
is_name_permitted(const char *name, X509 *leaf, const STACK_OF(X509) *chain, bool by_cn)
{
    X509 *alone = NULL;
    bool ok = true, has_altnames = false;

    for (int i = 1; ok && i < sk_X509_num(chain); i++) {
        int critical = -1;      /* stays so where there is no such extension */
        NAME_CONSTRAINTS *constraints =
            X509_get_ext_d2i(sk_X509_value(chain, i), NID_name_constraints, &critical, NULL);

        /* What is there, but can't be read (for want of memory, say), permits nothing. */
        if (constraints == NULL) {
            ok = critical == -1;
            continue;
        }
        if (alone == NULL) {
            char *text = presentable(name);

            iossl_cert_altnames(leaf, note_altname, &has_altnames);
            if (text != NULL && !(by_cn && has_altnames))
                alone = with_altname(leaf, text, by_cn);
            free(text);
        }
        ok = alone != NULL && NAME_CONSTRAINTS_check(alone, constraints) == X509_V_OK;
        NAME_CONSTRAINTS_free(constraints);
    }
    X509_free(alone);
    return ok;
}

/*
 * RFC 5280 section 4.2.1.10 for the name that was asked for. OpenSSL holds the constraints of a chain
 * against what the certificate says: so a wildcard passes that stands for an excluded name, and so
 * would most commonNames. In a chain with constraints, a commonName counts only where nothing else
 * names a host; since it is held against them here, OpenSSL need not (see judge_names_here()).
 */
static bool
is_permitted_by_chain(iossl_verifier *v, const char *name, X509 *leaf, const STACK_OF(X509) *chain,
                      bool by_cn)
{
    bool ok;

    (void)ERR_set_mark();       /* what OpenSSL finds odd on the way is no error of the handshake */
    ok = is_name_permitted(name, leaf, chain, by_cn);
    (void)ERR_pop_to_mark();
    if (!ok)
        iossl_error_set(v->cause, IOSSL_E_NAME, IOSSL_RANK_IDENTITY,
                        by_cn ? "hostname verification failed: the certificate has \"%s\" as its "
                                "commonName only, and the name constraints of its CA don't permit it"
                              : "hostname verification failed: the certificate is for \"%s\" too, "
                                "but the name constraints of its CA don't permit it",
                        name);
    return ok;
}

/* The rules by which names are compared: with IOSSL_RULES_NAMES RFC 9525's, whatever was set. */
static iossl_scheme
scheme_of(const iossl_verifier *v)
{
    iossl_scheme scheme = v->settings.scheme;

    if ((v->settings.rules & IOSSL_RULES_NAMES) != 0) {
        scheme.check_cn = IOSSL_CN_NEVER;
        scheme.ip_in_cn = IOSSL_IP_IN_CN_NO;
        if (scheme.wildcards_in_alt > IOSSL_WILDCARD_FULL_LABEL)
            scheme.wildcards_in_alt = IOSSL_WILDCARD_FULL_LABEL;
    }
    return scheme;
}

static const iossl_psl *
psl_of(const iossl_verifier *v)
{
    return v->settings.psl == NULL && (v->settings.rules & IOSSL_RULES_NAMES) != 0
               ? iossl_psl_builtin(IOSSL_PSL_ALL)
               : v->settings.psl;
}

/* Is the leaf the certificate of the name that was asked for? chain: as verified, or NULL. */
static bool
check_name(iossl_verifier *v, X509 *leaf, const STACK_OF(X509) *chain)
{
    const iossl_scheme scheme = scheme_of(v);
    const char *name = v->name;
    bool by_cn;

    if (name == NULL && v->settings.scheme.callback != NULL)
        name = "unknown";           /* as programs with a callback of their own know it */
    if (name == NULL) {
        if (!v->settings.require_name)
            return true;
        iossl_error_set(v->cause, IOSSL_E_NO_NAME, IOSSL_RANK_NO_NAME,
                        "Cannot determine peer hostname for verification; "
                        "give it with SSL_verifycn_name or SSL_hostname");
        return false;
    }
    switch (iossl_names_verify(name, strlen(name), leaf, &scheme, psl_of(v), &by_cn, v->cause)) {
    case IOSSL_NAME_MATCH:
        v->name_verified =
            scheme.callback != NULL || is_permitted_by_chain(v, name, leaf, chain, by_cn);
        return v->name_verified;
    case IOSSL_NAME_MISMATCH:
    case IOSSL_NAME_UNUSABLE:
        break;
    }
    iossl_error_set_verify_code(v->cause, X509_V_ERR_HOSTNAME_MISMATCH);
    if (iossl_error_get_code(v->cause) == IOSSL_E_NONE)
        iossl_error_set(v->cause, IOSSL_E_NAME, IOSSL_RANK_IDENTITY,
                        "hostname verification failed: \"%s\"", name);
    return false;
}

/* Keeps the chain that is refused: OpenSSL forgets it, or the leaf of it, with the handshake. */
static void
note_refused(iossl_verifier *v, X509_STORE_CTX *store_ctx)
{
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store_ctx);

    if (v->refused == NULL && sent != NULL)
        v->refused = X509_chain_up_ref(sent);
}

static bool
judge_leaf(iossl_verifier *v, X509 *leaf, const STACK_OF(X509) *chain)
{
    if (iossl_verifier_is_pinned(v, leaf)) {
        iossl_error_clear(v->cause);
        accept_leaf(v, leaf);
        return true;
    }
    if (v->settings.require_pin && v->settings.pins != NULL) {
        iossl_error_set(v->cause, IOSSL_E_PIN, IOSSL_RANK_IDENTITY,
                        "the certificate has none of the fingerprints given with SSL_fingerprint, "
                        "and SSL_force_fingerprint requires one");
        return false;
    }
    /* RFC 7671 section 5.1: the DNS of that name named this very certificate. */
    if (wants_name_check(v) && !iossl_tlsa_names_leaf(v->settings.library, v->settings.tlsa, leaf)
        && !check_name(v, leaf, chain))
        return false;
    accept_leaf(v, leaf);
    return true;
}

/* The leaf as a whole, after the chain was found good or was overridden. */
bool
iossl_verifier_check_leaf(iossl_verifier *v, X509 *leaf, const STACK_OF(X509) *chain)
{
    char *remedy;

    if (judge_leaf(v, leaf, chain))
        return true;
    remedy = iossl_remedy_of_leaf(iossl_error_get_code(v->cause), leaf, v->name);
    iossl_error_set_remedy(v->cause, remedy);
    iossl_error_set_cert(v->cause, leaf, 0);
    if (iossl_error_get_code(v->cause) == IOSSL_E_NAME)
        iossl_error_set_name(v->cause, v->name, v->name_source);
    free(remedy);
    return false;
}

/*
 * A client that only the program's callback lets pass gets sessions that no server resumes: the callback is
 * to be asked each time. That is by the name of a set of sessions that nobody else's is of.
 */
static bool
forbid_resumption(X509_STORE_CTX *store_ctx)
{
    static const unsigned char NO_SET[] = "let pass by a callback";
    SSL *ssl = X509_STORE_CTX_get_ex_data(store_ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    SSL_SESSION *session = ssl == NULL ? NULL : SSL_get_session(ssl);

    return session == NULL || SSL_SESSION_set1_id_context(session, NO_SET, sizeof NO_SET) == 1;
}

static int
verify(iossl_verifier *v, int ok, X509_STORE_CTX *store_ctx)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(store_ctx);
    bool accepted = ok == 1;

    if (v->cb != NULL)
        accepted = v->cb(v->cb_arg, accepted, store_ctx);
    if (accepted && ok != 1) {
        v->is_overruled = true;
        accepted = v->role == IOSSL_CLIENT || forbid_resumption(store_ctx);
    }
    /* With a pin set, the leaf decides, not what was said of its chain on the way to it. */
    if (!accepted && !iossl_verifier_is_pinned(v, leaf)) {
        if (ok == 1) {
            iossl_error_set(v->cause, IOSSL_E_CALLBACK, IOSSL_RANK_IO,
                            "the program's SSL_verify_callback refused the certificate");
            X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_APPLICATION_VERIFICATION);
        } else {
            note_chain_error(v, store_ctx);
        }
        note_refused(v, store_ctx);
        return 0;
    }
    if (X509_STORE_CTX_get_error_depth(store_ctx) > 0 || (v->accepted == leaf && ok == 1))
        return 1;
    if (!iossl_verifier_check_leaf(v, leaf, X509_STORE_CTX_get0_chain(store_ctx))) {
        note_refused(v, store_ctx);
        X509_STORE_CTX_set_error(store_ctx, iossl_error_get_code(v->cause) == IOSSL_E_PIN
                                                ? X509_V_ERR_APPLICATION_VERIFICATION
                                                : X509_V_ERR_HOSTNAME_MISMATCH);
        return 0;
    }
    return 1;
}

/* NULL: of an SSL that the program made itself. */
static iossl_verifier *
verifier_of(X509_STORE_CTX *store_ctx)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store_ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    iossl_conn *conn = ssl == NULL ? NULL : iossl_conn_from_ssl(ssl);

    return conn != NULL ? iossl_conn_get0_verifier(conn)
                        : X509_STORE_CTX_get_ex_data(store_ctx, iossl_init_verifier_index());
}

int
iossl_verify_callback(int ok, X509_STORE_CTX *store_ctx)
{
    iossl_verifier *v = verifier_of(store_ctx);

    /* An SSL that the program made of our SSL_CTX: OpenSSL's word on the chain is all there is. */
    if (v == NULL)
        return ok == 1;
    if (verify(v, ok, store_ctx) != 1)
        return 0;
    /* What was overruled must not stay queued: on a server, SSL_get_error(3) would find it later. */
    iossl_error_clear_queue();
    return 1;
}

/* ---- One path after another ------------------------------------------------------------------ */

/* While paths are tried, nobody is asked: the first error ends one. */
static int
stop_at_error(int ok, X509_STORE_CTX *store_ctx)
{
    (void)store_ctx;
    return ok == 1;
}

/* As if no chain had been verified yet. */
static void
rewind_store_ctx(X509_STORE_CTX *store_ctx, STACK_OF(X509) *chain)
{
    X509_STORE_CTX_set0_verified_chain(store_ctx, chain);
    X509_STORE_CTX_set_error(store_ctx, X509_V_OK);
}

/* OpenSSL's verification with the program's say in it, event by event. */
static int
verify_openly(X509_STORE_CTX *store_ctx)
{
    X509_STORE_CTX_set_verify_cb(store_ctx, iossl_verify_callback);
    return X509_verify_cert(store_ctx) == 1;
}

/* The events of a chain that was found good: each certificate, from the anchor to the leaf. */
static int
tell_success(iossl_verifier *v, X509_STORE_CTX *store_ctx)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store_ctx);

    for (int i = v->cb == NULL ? 0 : sk_X509_num(chain) - 1; i >= 0; i--) {
        X509_STORE_CTX_set_error_depth(store_ctx, i);
        X509_STORE_CTX_set_current_cert(store_ctx, sk_X509_value(chain, i));
        if (iossl_verify_callback(1, store_ctx) != 1)
            return 0;
    }
    return 1;
}

/* A rule is broken: an error of the chain like those of OpenSSL. */
static bool
tell_broken_rule(void *arg, int depth, int code, const char *text)
{
    X509_STORE_CTX *store_ctx = arg;
    iossl_verifier *v = X509_STORE_CTX_get_ex_data(store_ctx, iossl_init_verifier_index());
    bool goes_on;

    X509_STORE_CTX_set_error(store_ctx, code);
    X509_STORE_CTX_set_error_depth(store_ctx, depth);
    X509_STORE_CTX_set_current_cert(store_ctx,
                                    sk_X509_value(X509_STORE_CTX_get0_chain(store_ctx), depth));
    v->broken_rule = text;
    goes_on = X509_STORE_CTX_get_verify_cb(store_ctx)(0, store_ctx) == 1;
    if (goes_on)
        v->broken_rule = NULL;
    return goes_on;
}

/* Where OpenSSL has built a chain, and before it looks at signatures. */
static int
check_rules(X509_STORE_CTX *store_ctx)
{
    iossl_verifier *v = X509_STORE_CTX_get_ex_data(store_ctx, iossl_init_verifier_index());

    v->broken_rule = NULL;
    return iossl_rules_check(v->settings.rules, v->role, X509_STORE_CTX_get0_chain(store_ctx),
                             tell_broken_rule, store_ctx)
               ? v->check_signatures(store_ctx)
               : 0;
}

/* A server's commonName is held against the constraints where it is used: is_permitted_by_chain(). */
static void
judge_names_here(const iossl_verifier *v, X509_STORE_CTX *store_ctx)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store_ctx);

    if (v->role == IOSSL_CLIENT)
        X509_VERIFY_PARAM_set_hostflags(param, X509_VERIFY_PARAM_get_hostflags(param)
                                                   | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
}

/*
 * The first path is OpenSSL's own. Where it fails, others are tried, and what the program and the
 * world hear of is the one that is good; where none is, all is told of the first one, in which the
 * program may then override errors. A pinned leaf needs no chain, and without verification there
 * is nothing to be gained from a better one.
 */
static int
verify_paths(iossl_verifier *v, X509_STORE_CTX *store_ctx)
{
    STACK_OF(X509) *chain;
    const char *broken_rule;

    if (v->settings.mode == IOSSL_VERIFY_NONE
        || iossl_verifier_is_pinned(v, X509_STORE_CTX_get0_cert(store_ctx)))
        return verify_openly(store_ctx);
    X509_STORE_CTX_set_verify_cb(store_ctx, stop_at_error);
    if (X509_verify_cert(store_ctx) == 1)
        return tell_success(v, store_ctx);
    broken_rule = v->broken_rule;
    /* Other paths are looked for without OpenSSL's DANE, so not where that decides. */
    if (v->settings.tlsa == NULL && (chain = iossl_paths_find(store_ctx, &v->cost)) != NULL) {
        rewind_store_ctx(store_ctx, chain);
        return tell_success(v, store_ctx);
    }
    v->broken_rule = broken_rule;
    if (v->cb != NULL) {
        rewind_store_ctx(store_ctx, NULL);
        return verify_openly(store_ctx);
    }
    note_chain_error(v, store_ctx);
    note_refused(v, store_ctx);
    return 0;
}

int
iossl_verify_cert(X509_STORE_CTX *store_ctx, void *unused)
{
    iossl_verifier *v = verifier_of(store_ctx);

    (void)unused;
    if (v == NULL)
        return X509_verify_cert(store_ctx) == 1;
    /* Where paths.c looks for it on behalf of each path. */
    if (X509_STORE_CTX_set_ex_data(store_ctx, iossl_init_verifier_index(), v) != 1) {
        X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_OUT_OF_MEM);
        return 0;
    }
    judge_names_here(v, store_ctx);
    if (v->settings.rules != 0) {
        v->check_signatures = X509_STORE_CTX_get_verify(store_ctx);
        X509_STORE_CTX_set_verify(store_ctx, check_rules);
    }
    return verify_paths(v, store_ctx);
}

/* When a handshake on this SSL would have certificates to be valid; false: whenever. */
static bool
time_of_verification(SSL *ssl, time_t *at)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    unsigned long flags = X509_VERIFY_PARAM_get_flags(param);

    *at = (flags & X509_V_FLAG_USE_CHECK_TIME) != 0 ? X509_VERIFY_PARAM_get_time(param) : time(NULL);
    return (flags & X509_V_FLAG_NO_CHECK_TIME) == 0 || (flags & X509_V_FLAG_USE_CHECK_TIME) != 0;
}

bool
iossl_verifier_is_leaf_over(const iossl_verifier *v, SSL *ssl, const X509 *leaf)
{
    time_t at;

    return v->settings.mode != IOSSL_VERIFY_NONE && leaf != NULL && time_of_verification(ssl, &at)
           && ASN1_TIME_cmp_time_t(X509_get0_notAfter(leaf), at) != 1 && !iossl_verifier_is_pinned(v, leaf);
}

bool
iossl_verifier_finish(iossl_verifier *v, SSL *ssl, X509 *leaf, bool has_psk)
{
    const long verify_result = SSL_get_verify_result(ssl);

    /* A server that doesn't ask for a certificate gets none, whatever else its mode says. */
    if (v->settings.mode == IOSSL_VERIFY_NONE
        || (v->role == IOSSL_SERVER && (v->settings.mode & IOSSL_VERIFY_PEER) == 0))
        return true;
    if (leaf == NULL) {
        /* With SSL_VERIFY_POST_HANDSHAKE it is OpenSSL that asks for one, later, and insists on it. */
        if (has_psk || (v->role == IOSSL_SERVER
                        && ((v->settings.mode & IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT) == 0
                            || (v->settings.mode & SSL_VERIFY_POST_HANDSHAKE) != 0)))
            return true;
        iossl_error_set(v->cause, IOSSL_E_VERIFY, IOSSL_RANK_IO,
                        "certificate verify failed: the %s sent no certificate",
                        v->role == IOSSL_SERVER ? "client" : "server");
        return false;
    }
    if (v->accepted != NULL && X509_cmp(v->accepted, leaf) == 0)
        return true;
    if (SSL_session_reused(ssl) != 1) {
        iossl_error_set(v->cause, IOSSL_E_VERIFY, IOSSL_RANK_IO,
                        "certificate verify failed: the certificate was not verified");
        return false;
    }
    /* The chain was verified when the session was made; name and pins are this connection's own. */
    if (verify_result != X509_V_OK && v->cb == NULL && !iossl_verifier_is_pinned(v, leaf)) {
        iossl_error_set(v->cause, IOSSL_E_VERIFY, IOSSL_RANK_IO,
                        "certificate verify failed: %s, in the session that was resumed",
                        X509_verify_cert_error_string(verify_result));
        return false;
    }
    if (iossl_verifier_is_leaf_over(v, ssl, leaf)) {
        iossl_error_set(v->cause, IOSSL_E_VERIFY, IOSSL_RANK_IO,
                        "certificate verify failed: %s, since the session was made that was resumed",
                        X509_verify_cert_error_string(X509_V_ERR_CERT_HAS_EXPIRED));
        iossl_error_set_verify_code(v->cause, X509_V_ERR_CERT_HAS_EXPIRED);
        return false;
    }
    return iossl_verifier_check_leaf(v, leaf, NULL);
}

/* ---- A chain by itself ----------------------------------------------------------------------- */

/* The parameters that a handshake on this SSL_CTX would verify with. */
static bool
set_parameters(X509_STORE_CTX *store_ctx, SSL_CTX *ssl_ctx, iossl_role role, int64_t at)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store_ctx);

    X509_VERIFY_PARAM_set_auth_level(param, SSL_CTX_get_security_level(ssl_ctx));
    if (X509_STORE_CTX_set_default(store_ctx, role == IOSSL_CLIENT ? "ssl_server" : "ssl_client")
            != 1
        || X509_VERIFY_PARAM_set1(param, SSL_CTX_get0_param(ssl_ctx)) != 1)
        return false;
    if (at != 0)
        X509_VERIFY_PARAM_set_time(param, (time_t)at);
    return true;
}

X509_STORE_CTX *
iossl_verify_store_ctx_new(SSL_CTX *ssl_ctx, iossl_role role, X509 *leaf, STACK_OF(X509) *chain,
                           int64_t at)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl_ctx);
    X509_STORE_CTX *store_ctx = iossl_compat_store_ctx_new(iossl_library_of_store(store));

    if (store_ctx != NULL
        && (X509_STORE_CTX_init(store_ctx, store, leaf, chain) != 1
            || !set_parameters(store_ctx, ssl_ctx, role, at))) {
        X509_STORE_CTX_free(store_ctx);
        store_ctx = NULL;
    }
    return store_ctx;
}

iossl_status
iossl_verify_chain(iossl_ctx *given, iossl_role role, X509 *leaf, STACK_OF(X509) *chain,
                   const char *name, int64_t at, iossl_error *err)
{
    iossl_status status = IOSSL_ERROR;
    X509_STORE_CTX *store_ctx = NULL;
    SSL_CTX *ssl_ctx;
    iossl_verifier v;
    iossl_ctx *ctx;

    if (!iossl_init(err))
        return IOSSL_ERROR;
    ctx = iossl_ctx_get1_current(given);
    ssl_ctx = iossl_ctx_get0_ssl_ctx(ctx);
    if (!iossl_verifier_init(&v, role, iossl_ctx_get0_verify_settings(ctx))
        || (name != NULL && (v.name = strdup(name)) == NULL)
        || (store_ctx = iossl_verify_store_ctx_new(ssl_ctx, role, leaf, chain, at)) == NULL
        || X509_STORE_CTX_set_ex_data(store_ctx, iossl_init_verifier_index(), &v) != 1) {
        iossl_error_memory(err);
        goto done;
    }
    if (iossl_verify_cert(store_ctx, NULL) == 1 && v.accepted == leaf) {
        status = IOSSL_OK;
        goto done;
    }
    /* Where OpenSSL gave up without asking the callback. */
    if (iossl_error_get_code(v.cause) == IOSSL_E_NONE)
        note_chain_error(&v, store_ctx);
    iossl_error_copy(err, v.cause);
done:
    X509_STORE_CTX_free(store_ctx);
    iossl_verifier_cleanup(&v);
    iossl_ctx_free(ctx);
    iossl_error_clear_queue();
    return status;
}
