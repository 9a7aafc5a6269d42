/*
 * ocsp_staple.c - an OCSP response within the handshake: judged by a client, sent by a server.
 *
 * Owns      what a mode asks for; the verdict over a staple; its place in the server's handshake.
 * Promises  a revoked certificate never comes out as connected, and nothing that isn't verified
 *           counts as good.
 * Leaves    reading a response to ocsp.c; what a server has to send to ocsp_shelf.c; the call from
 *           OpenSSL to context_staples.c, and failing to conn_handshake.c.
 * See       RFC 6066 section 8, RFC 7633, SSL_CTX_set_tlsext_status_cb(3).
 */
#include "ocsp_staple.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/tls1.h>
#include <openssl/x509v3.h>

#include "error.h"

/* ---- Policy ---------------------------------------------------------------------------------- */

iossl_status
iossl_staple_check_mode(int mode, iossl_error *err)
{
    const int known = IOSSL_OCSP_NO_STAPLE | IOSSL_OCSP_MUST_STAPLE | IOSSL_OCSP_FAIL_HARD
                      | IOSSL_OCSP_FULL_CHAIN | IOSSL_OCSP_TRY_STAPLE;

    if (mode == IOSSL_OCSP_DEFAULT || (mode >= 0 && (mode & ~known) == 0))
        return IOSSL_OK;
    iossl_error_set(err, IOSSL_E_USAGE, IOSSL_RANK_FATAL,
                    "SSL_ocsp_mode %d: combine SSL_OCSP_NO_STAPLE (1), SSL_OCSP_MUST_STAPLE (2), "
                    "SSL_OCSP_FAIL_HARD (4), SSL_OCSP_FULL_CHAIN (8) and SSL_OCSP_TRY_STAPLE (16)",
                    mode);
    return IOSSL_ERROR;
}

int
iossl_staple_mode(const iossl_verify_settings *settings)
{
    if (settings->ocsp_mode != IOSSL_OCSP_DEFAULT)
        return settings->ocsp_mode;
    return (settings->mode & IOSSL_VERIFY_PEER) != 0 ? IOSSL_OCSP_TRY_STAPLE : 0;
}

/*
 * FULL_CHAIN and FAIL_HARD say more than the default, so they don't take its staple away. Who pins
 * a leaf has named the certificate to be believed, whatever its issuer says of it; a staple is asked
 * for only if the program says so then.
 */
static bool
asks(const iossl_verify_settings *settings)
{
    int mode = iossl_staple_mode(settings);

    if (mode == 0 || (mode & IOSSL_OCSP_NO_STAPLE) != 0)
        return false;
    return settings->pins == NULL || settings->ocsp_mode != IOSSL_OCSP_DEFAULT;
}

/* ---- Client ---------------------------------------------------------------------------------- */

void
iossl_staple_cleanup(iossl_staple *staple)
{
    iossl_ocsp_place_free(staple->place);
    staple->place = NULL;
}

bool
iossl_staple_begin(iossl_staple *staple, const iossl_verify_settings *settings, SSL *ssl)
{
    staple->state = IOSSL_STAPLE_UNCHECKED;
    staple->is_judged = staple->has_refused = false;
    staple->text[0] = '\0';
    /* Who asks for SCTs asks OpenSSL for a staple, too, which may hold some. */
    if ((iossl_staple_mode(settings) & IOSSL_OCSP_NO_STAPLE) != 0)
        (void)SSL_set_tlsext_status_type(ssl, -1);
    return !asks(settings) || SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp) == 1;
}

/* RFC 7633: does the certificate demand that it be shown with a staple? Demands that can't be read
 * may be this one. */
bool
iossl_staple_is_demanded(const X509 *cert)
{
    int critical = -1;      /* stays so where there is no such extension */
    TLS_FEATURE *features = X509_get_ext_d2i(cert, NID_tlsfeature, &critical, NULL);
    bool found = features == NULL && critical != -1;

    for (int i = 0; !found && i < sk_ASN1_INTEGER_num(features); i++)
        found = ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == TLSEXT_TYPE_status_request;
    TLS_FEATURE_free(features);
    ERR_clear_error();
    return found;
}

static void
say_unusable(iossl_staple *staple, const char *why)
{
    staple->state = IOSSL_STAPLE_UNUSABLE;
    (void)snprintf(staple->text, sizeof staple->text, "%s", why);
}

/* One certificate of the chain: false where it is revoked. Only the leaf has to be covered. */
static bool
judge_cert(iossl_staple *staple, const iossl_ocsp_reading *reading, X509 *cert, X509 *issuer,
           bool is_leaf, const iossl_library *library, iossl_error *cause)
{
    iossl_ocsp_subject subject;
    iossl_ocsp_answer answer;
    bool well = true;

    if (!iossl_ocsp_subject_init(&subject, cert, issuer, library)) {
        if (is_leaf)
            say_unusable(staple, "out of memory");
        return true;
    }
    iossl_ocsp_ask(reading, &subject, iossl_ocsp_now(), &answer);
    switch (answer.kind) {
    case IOSSL_ANSWER_NONE:
        if (is_leaf)
            say_unusable(staple, "no data in response: it isn't about the server's certificate");
        break;
    case IOSSL_ANSWER_SOFT:
        /* Remembered, so that a resolver tells why; but soon it may ask the responder itself. */
        if (is_leaf)
            say_unusable(staple, answer.text);
        break;
    case IOSSL_ANSWER_GOOD:
        iossl_ocsp_place_put(staple->place, &subject, &answer.entry, NULL, NULL);
        if (is_leaf)
            staple->state = IOSSL_STAPLE_GOOD;
        break;
    case IOSSL_ANSWER_HARD:
        iossl_error_set(cause, IOSSL_E_REVOKED, IOSSL_RANK_IDENTITY,
                        "%s; subject: %s (stapled OCSP response)", answer.text, subject.name);
        iossl_ocsp_place_put(staple->place, &subject, &answer.entry, answer.text, NULL);
        staple->state = IOSSL_STAPLE_BAD;
        well = false;
        break;
    }
    iossl_ocsp_subject_cleanup(&subject);
    return well;
}

/* What is looked at: the chain, then the issuers that it lacks, each with a reference. */
static STACK_OF(X509) *
collect_certs(STACK_OF(X509) *chain, X509_STORE *store)
{
    STACK_OF(X509) *certs = chain == NULL ? sk_X509_new_null() : X509_chain_up_ref(chain);

    for (int i = 0; certs != NULL && i < sk_X509_num(chain); i++) {
        bool no_memory;
        X509 *issuer = iossl_ocsp_find_issuer(sk_X509_value(chain, i), certs, store, &no_memory);

        if (no_memory || (issuer != NULL && sk_X509_push(certs, issuer) <= 0)) {
            X509_free(issuer);
            sk_X509_pop_free(certs, X509_free);
            certs = NULL;
        }
    }
    return certs;
}

/* Every certificate of the chain that the response is about. */
static bool
judge_response(iossl_staple *staple, OCSP_RESPONSE *response, STACK_OF(X509) *chain,
               X509_STORE *store, bool is_chain_verified, iossl_error *cause)
{
    const iossl_library *library = iossl_library_of_store(store);
    STACK_OF(X509) *certs = collect_certs(chain, store);
    iossl_ocsp_reading reading = {0};
    bool well = true;

    if (certs == NULL) {
        say_unusable(staple, "out of memory");
        return true;
    }
    if (!iossl_ocsp_open(&reading, response, certs, NULL, library)) {
        say_unusable(staple, reading.text);
        goto done;
    }
    say_unusable(staple, "the issuer of the server's certificate isn't known, or isn't trusted");
    for (int i = 0; well && i < sk_X509_num(chain); i++) {
        X509 *cert = sk_X509_value(chain, i);
        bool no_memory;
        X509 *issuer = iossl_ocsp_find_issuer(cert, certs, NULL, &no_memory);

        if (no_memory) {
            iossl_error_memory(cause);
            well = false;
        } else if (issuer != NULL
                   && (is_chain_verified || iossl_ocsp_is_trusted(issuer, chain, store))) {
            well = judge_cert(staple, &reading, cert, issuer, i == 0, library, cause);
        }
        X509_free(issuer);
    }
done:
    iossl_ocsp_close(&reading);
    sk_X509_pop_free(certs, X509_free);
    return well;
}

/* The chain as verified, or where that isn't so, as it was sent. */
static STACK_OF(X509) *
chain_of(SSL *ssl, bool *is_verified)
{
    STACK_OF(X509) *verified = SSL_get0_verified_chain(ssl);

    *is_verified = SSL_get_verify_result(ssl) == X509_V_OK && verified != NULL;
    return *is_verified ? verified : SSL_get_peer_cert_chain(ssl);
}

static bool
refuse_missing(const iossl_staple *staple, const iossl_verify_settings *settings,
               iossl_error *cause)
{
    const char *why = "the server sent none";

    if (!asks(settings))
        why = "SSL_OCSP_NO_STAPLE forbids to ask for it";
    else if (staple->state == IOSSL_STAPLE_UNUSABLE)
        why = staple->text;
    iossl_error_set(cause, IOSSL_E_REVOKED, IOSSL_RANK_IDENTITY,
                    "did not receive the required stapled OCSP response: %s%s", why,
                    (iossl_staple_mode(settings) & IOSSL_OCSP_MUST_STAPLE) != 0
                        ? ""
                        : "; the certificate itself demands one (RFC 7633)");
    return false;
}

/* The staple that came, or didn't, in a full handshake. */
static bool
judge(iossl_staple *staple, iossl_verifier *v, SSL *ssl)
{
    const iossl_verify_settings *settings = &v->settings;
    const unsigned char *der = NULL;
    long len = asks(settings) ? SSL_get_tlsext_status_ocsp_resp(ssl, &der) : 0;
    OCSP_RESPONSE *response = NULL;
    bool is_verified, is_required, well = true;
    STACK_OF(X509) *chain = chain_of(ssl, &is_verified);
    X509 *leaf = sk_X509_value(chain, 0);
    bool is_pinned = iossl_verifier_is_pinned(v, leaf);

    is_required = (iossl_staple_mode(settings) & IOSSL_OCSP_MUST_STAPLE) != 0
                  || (asks(settings) && (settings->mode & IOSSL_VERIFY_PEER) != 0
                      && !is_pinned && leaf != NULL
                      && !iossl_tlsa_names_leaf(settings->library, settings->tlsa, leaf) && iossl_staple_is_demanded(leaf));
    if (!asks(settings) && !is_required)
        return true;
    staple->state = IOSSL_STAPLE_NONE;
    if (der != NULL && len > 0) {
        response = iossl_staple_parse(der, (size_t)len);
        say_unusable(staple, "invalid response (no OCSP_RESPONSE)");
    }
    if (staple->cb != NULL && asks(settings) && !staple->cb(staple->cb_arg, response)) {
        iossl_error_set(v->cause, IOSSL_E_CALLBACK, IOSSL_RANK_IDENTITY,
                        "the program's SSL_ocsp_staple_callback refused the server");
        well = false;
    } else if ((staple->cb != NULL || is_pinned) && !is_required) {
        staple->state = IOSSL_STAPLE_UNCHECKED;
    } else {
        if (response != NULL)
            well = judge_response(staple, response, chain,
                                  SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)), is_verified,
                                  v->cause);
        if (well && is_required && staple->state != IOSSL_STAPLE_GOOD)
            well = refuse_missing(staple, settings, v->cause);
    }
    OCSP_RESPONSE_free(response);
    return well;
}

bool
iossl_staple_judge(iossl_staple *staple, iossl_verifier *v, SSL *ssl, bool is_bound)
{
    bool well;

    if (staple->is_judged)
        return true;
    if (SSL_session_reused(ssl) == 1) {
        /* No certificate comes, and no staple: what was judged with the session holds on. */
        well = is_bound || (iossl_staple_mode(&v->settings) & IOSSL_OCSP_MUST_STAPLE) == 0
               || refuse_missing(staple, &v->settings, v->cause);
    } else {
        well = judge(staple, v, ssl);
    }
    staple->is_judged = well;
    staple->has_refused = !well;
    ERR_clear_error();
    return well;
}

/* ---- Server ---------------------------------------------------------------------------------- */

int
iossl_staple_answer(SSL *ssl, iossl_staple *staple, iossl_error *cause, iossl_staple_shelf *shelf)
{
    const iossl_shelf_source source = {.get = staple == NULL ? NULL : staple->source,
                                       .arg = staple == NULL ? NULL : staple->source_arg};
    X509 *cert = SSL_get_certificate(ssl);      /* in this callback, the one that was chosen */
    unsigned char *der;
    size_t len;
    bool refused;

    if (cert == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    der = iossl_shelf_take(shelf, cert, &source, &len, &refused);
    ERR_clear_error();
    if (refused) {
        iossl_error_set(cause, IOSSL_E_CALLBACK, IOSSL_RANK_IDENTITY,
                        "the program's SSL_ocsp_staple_source refused the client");
        staple->has_refused = true;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    if (der == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    if (SSL_set_tlsext_status_ocsp_resp(ssl, der, (long)len) != 1) {
        OPENSSL_free(der);
        return SSL_TLSEXT_ERR_NOACK;
    }
    return SSL_TLSEXT_ERR_OK;
}
