/*
 * ocsp.c - one certificate, one response: what is asked, and what the answer says.
 *
 * Owns      the id of a certificate, the checks of a response: its status, signature, signer, the
 *           certificate it is about, its time.
 * Promises  a verdict counts only if the issuer itself, or a responder that this issuer named,
 *           signed it; all else is an answer that can't be relied on.
 * Leaves    whether the issuer is to be believed to the caller (a verified chain, or
 *           iossl_ocsp_is_trusted()); what a bad answer leads to; asking, to ocsp_resolver.c.
 * See       RFC 6960, RFC 5019, OCSP_basic_verify(3), OCSP_resp_find_status(3).
 *
 * OpenSSL's own check of the signer (OCSP_basic_verify without OCSP_NOVERIFY) builds a chain of its
 * own to the store: that depends on settings which belong to the connection (partial chains) and
 * compares the signer with the first issuer of all answers. Here the issuer is known already, so
 * section 4.2.2.2 is checked as it stands: equal to the issuer, or issued by it for this purpose.
 */
#include "ocsp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "compat.h"
#include "error.h"
#include "ocsp_id.h"

/* ---- Time ------------------------------------------------------------------------------------ */

int64_t
iossl_ocsp_now(void)
{
    return (int64_t)time(NULL);
}

int64_t
iossl_ocsp_epoch(const ASN1_GENERALIZEDTIME *at)
{
    ASN1_TIME *zero = at == NULL ? NULL : ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    int64_t epoch = 0;

    if (zero != NULL && ASN1_TIME_diff(&days, &seconds, zero, at) == 1)
        epoch = (int64_t)days * 86400 + seconds;
    ASN1_TIME_free(zero);
    return epoch;
}

/* "2026-11-24 04:00:00 UTC" */
static void
time_text(char out[32], int64_t epoch)
{
    time_t t = (time_t)epoch;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        memcpy(out, "?", 2);
}

/* ---- Certificates ---------------------------------------------------------------------------- */

/* Nothing that could end a line of a request, or confuse who shows it. */
static bool
is_printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return len > 0;
}

bool
iossl_ocsp_subject_init(iossl_ocsp_subject *subject, X509 *cert, X509 *issuer,
                        const iossl_library *library)
{
    int len = -1;

    *subject = (iossl_ocsp_subject){.cert = cert, .issuer = issuer,
                                    .library = iossl_library_up_ref(library)};
    X509_up_ref(cert);
    X509_up_ref(issuer);
    /* SHA-1 names the issuer here, it protects nothing: RFC 5019 section 2.1.1 has no other. */
    if ((subject->id = iossl_ocsp_id_new(library, NID_sha1, cert, issuer)) != NULL)
        len = i2d_OCSP_CERTID(subject->id, &subject->key);
    if (len > 0 && (subject->name = iossl_cert_subject(cert)) != NULL) {
        subject->key_len = (size_t)len;
        return true;
    }
    iossl_ocsp_subject_cleanup(subject);
    return false;
}

void
iossl_ocsp_subject_cleanup(iossl_ocsp_subject *subject)
{
    X509_free(subject->cert);
    X509_free(subject->issuer);
    OCSP_CERTID_free(subject->id);
    OPENSSL_free(subject->key);
    iossl_free(subject->name);
    iossl_library_free(subject->library);
    *subject = (iossl_ocsp_subject){0};
}

/* Issued by this very key, not only by its name. */
static bool
is_issued_by(X509 *cert, X509 *issuer)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);

    return X509_check_issued(issuer, cert) == X509_V_OK && key != NULL
           && X509_verify(cert, key) == 1;
}

X509 *
iossl_ocsp_find_issuer(X509 *cert, STACK_OF(X509) *chain, X509_STORE *store, bool *no_memory)
{
    X509_STORE_CTX *store_ctx = NULL;
    X509 *issuer = NULL;

    *no_memory = false;
    ERR_clear_error();
    if (X509_check_issued(cert, cert) == X509_V_OK)
        return NULL;
    for (int i = 0; issuer == NULL && i < sk_X509_num(chain); i++) {
        X509 *candidate = sk_X509_value(chain, i);

        if (is_issued_by(cert, candidate)) {
            issuer = candidate;
            X509_up_ref(issuer);
        }
    }
    if (issuer == NULL && store != NULL && (store_ctx = iossl_compat_store_ctx_new(iossl_library_of_store(store))) != NULL
        && X509_STORE_CTX_init(store_ctx, store, cert, chain) == 1
        && (X509_STORE_CTX_get1_issuer(&issuer, store_ctx, cert) != 1
            || !is_issued_by(cert, issuer))) {
        X509_free(issuer);
        issuer = NULL;
    }
    X509_STORE_CTX_free(store_ctx);
    *no_memory = iossl_error_drain_memory() && issuer == NULL;
    return issuer;
}

bool
iossl_ocsp_is_trusted(X509 *cert, STACK_OF(X509) *chain, X509_STORE *store)
{
    X509_STORE_CTX *store_ctx = iossl_compat_store_ctx_new(iossl_library_of_store(store));
    bool trusted = store_ctx != NULL && X509_STORE_CTX_init(store_ctx, store, cert, chain) == 1;

    if (trusted) {
        X509_STORE_CTX_set_flags(store_ctx, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
        trusted = X509_verify_cert(store_ctx) == 1;
    }
    X509_STORE_CTX_free(store_ctx);
    ERR_clear_error();
    return trusted;
}

char *
iossl_ocsp_uri(const X509 *cert, bool *no_memory)
{
    AUTHORITY_INFO_ACCESS *access;
    char *uri = NULL;

    ERR_clear_error();
    access = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
    *no_memory = iossl_error_drain_memory();
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++) {
        const ACCESS_DESCRIPTION *ad = sk_ACCESS_DESCRIPTION_value(access, i);
        const char *text;
        size_t len;
        bool is_http;

        if (OBJ_obj2nid(ad->method) != NID_ad_OCSP || ad->location->type != GEN_URI)
            continue;
        text = (const char *)ASN1_STRING_get0_data(ad->location->d.uniformResourceIdentifier);
        len = (size_t)ASN1_STRING_length(ad->location->d.uniformResourceIdentifier);
        is_http = len > 7 && strncasecmp(text, "http://", 7) == 0;
        if (!is_printable(text, len) || (uri != NULL && !is_http))
            continue;
        free(uri);
        *no_memory = (uri = strndup(text, len)) == NULL;
        if (is_http)
            break;
    }
    AUTHORITY_INFO_ACCESS_free(access);
    return uri;
}

/* ---- A response as a whole ------------------------------------------------------------------- */

/* Digests that are broken even for what their maker chose himself. */
static bool
has_broken_signature(const OCSP_BASICRESP *basic)
{
    const X509_ALGOR *algorithm = OCSP_resp_get0_tbs_sigalg(basic);
    const ASN1_OBJECT *oid = NULL;
    int digest = NID_undef, key = NID_undef;

    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    if (oid == NULL || OBJ_find_sigid_algs(OBJ_obj2nid(oid), &digest, &key) != 1)
        return false;           /* one that OpenSSL doesn't know can't verify either */
    return digest == NID_md5 || digest == NID_md4 || digest == NID_md2;
}

/* RFC 6960 section 4.4: what is critical and not understood may change what the rest means. Reasons
 * and times beside an answer change nothing for us. */
static bool
is_understood(X509_EXTENSION *extension)
{
    static const int KNOWN[] = {NID_id_pkix_OCSP_Nonce,         NID_id_pkix_OCSP_CrlID,
                                NID_id_pkix_OCSP_archiveCutoff, NID_id_pkix_OCSP_extendedStatus,
                                NID_crl_reason,                 NID_invalidity_date,
                                NID_ct_cert_scts};
    int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

    if (X509_EXTENSION_get_critical(extension) == 0)
        return true;
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
        if (nid == KNOWN[i])
            return true;
    return false;
}

static bool
understands_response(OCSP_BASICRESP *basic)
{
    for (int i = 0; i < OCSP_BASICRESP_get_ext_count(basic); i++)
        if (!is_understood(OCSP_BASICRESP_get_ext(basic, i)))
            return false;
    return true;
}

static bool
understands_single(OCSP_SINGLERESP *single)
{
    for (int i = 0; i < OCSP_SINGLERESP_get_ext_count(single); i++)
        if (!is_understood(OCSP_SINGLERESP_get_ext(single, i)))
            return false;
    return true;
}

/* What OpenSSL said last, in words; it is gone from the queue then. */
static void
take_reason(char *out, size_t size, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    (void)snprintf(out, size, "%s%s%s", what, reason == NULL ? "" : ": ",
                   reason == NULL ? "" : reason);
    ERR_clear_error();
}

/* The answer repeats the nonce of the request. Without one in the request, any will do. */
static bool
is_nonce_right(OCSP_REQUEST *request, OCSP_BASICRESP *basic)
{
    return request == NULL || OCSP_check_nonce(request, basic) == 1;
}

/* A certificate that came in a response belongs to the default library context; this doesn't. */
static X509 *
move_to(const iossl_library *library, X509 *cert)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    const unsigned char *at = der;
    X509 *moved = len > 0 ? iossl_compat_x509_new(library) : NULL;

    if (moved != NULL && d2i_X509(&moved, &at, len) == NULL) {
        X509_free(moved);
        moved = NULL;
    }
    OPENSSL_free(der);
    return moved;
}

/* Does the signer's key verify the response? The signer is replaced by one of this library. */
static bool
has_good_signature(iossl_ocsp_reading *reading, STACK_OF(X509) *issuers, const iossl_library *library)
{
    X509 *moved;
    EVP_PKEY *key;

    if (iossl_library_is_default(library))
        return OCSP_basic_verify(reading->basic, issuers, NULL, OCSP_NOVERIFY) == 1;
    if ((moved = move_to(library, reading->signer)) == NULL)
        return false;
    X509_free(reading->signer);
    reading->signer = moved;
    return (key = X509_get0_pubkey(moved)) != NULL
           && iossl_compat_verify_ocsp(reading->basic, key, library);
}

bool
iossl_ocsp_open(iossl_ocsp_reading *reading, OCSP_RESPONSE *response, STACK_OF(X509) *issuers,
                OCSP_REQUEST *request, const iossl_library *library)
{
    int status;

    *reading = (iossl_ocsp_reading){.retry_s = IOSSL_OCSP_RETRY_SOON_S};
    ERR_clear_error();
    if (response == NULL) {
        (void)snprintf(reading->text, sizeof reading->text,
                       "invalid response (no OCSP_RESPONSE)");
        return false;
    }
    if ((status = OCSP_response_status(response)) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        (void)snprintf(reading->text, sizeof reading->text, "OCSP response failed: %s",
                       OCSP_response_status_str(status));
        return false;
    }
    reading->retry_s = IOSSL_OCSP_RETRY_LATER_S;
    if ((reading->basic = OCSP_response_get1_basic(response)) == NULL) {
        take_reason(reading->text, sizeof reading->text, "invalid response (no basic response)");
        return false;
    }
    if (OCSP_resp_get0_signer(reading->basic, &reading->signer, issuers) != 1) {
        reading->signer = NULL;
        (void)snprintf(reading->text, sizeof reading->text,
                       "failed to verify OCSP response: its signer's certificate didn't come with "
                       "it");
    } else if (X509_up_ref(reading->signer) == 1 && !has_good_signature(reading, issuers, library))
        take_reason(reading->text, sizeof reading->text, "failed to verify OCSP response");
    else if (has_broken_signature(reading->basic))
        (void)snprintf(reading->text, sizeof reading->text,
                       "failed to verify OCSP response: its signature uses a broken digest");
    else if (!understands_response(reading->basic))
        (void)snprintf(reading->text, sizeof reading->text,
                       "failed to verify OCSP response: it has a critical extension that can't be "
                       "understood");
    else if (!is_nonce_right(request, reading->basic))
        (void)snprintf(reading->text, sizeof reading->text,
                       "failed to verify OCSP response: it doesn't repeat our nonce");
    if (reading->text[0] != '\0')
        iossl_ocsp_close(reading);
    ERR_clear_error();
    return reading->basic != NULL;
}

void
iossl_ocsp_close(iossl_ocsp_reading *reading)
{
    OCSP_BASICRESP_free(reading->basic);
    reading->basic = NULL;
    X509_free(reading->signer);
    reading->signer = NULL;
}

/* ---- The signer (RFC 6960 section 4.2.2.2) --------------------------------------------------- */

/*
 * The same key, as the certificates have it. That the signer's key verifies the certificate in
 * question would not do: for a given signature, another key that verifies it can be made up.
 */
static bool
has_same_key(X509 *a, X509 *b)
{
    unsigned char *a_der = NULL, *b_der = NULL;
    int a_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(a), &a_der);
    int b_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(b), &b_der);
    bool same = a_len > 0 && a_len == b_len && memcmp(a_der, b_der, (size_t)a_len) == 0;

    OPENSSL_free(a_der);
    OPENSSL_free(b_der);
    return same;
}

static bool
is_valid_at(const X509 *cert, int64_t now)
{
    time_t latest = (time_t)(now + IOSSL_OCSP_SKEW_S), earliest = (time_t)(now - IOSSL_OCSP_SKEW_S);

    return X509_cmp_time(X509_get0_notBefore(cert), &latest) == -1
           && X509_cmp_time(X509_get0_notAfter(cert), &earliest) == 1;
}

/* NULL where the signer may speak for what the issuer issued, else why not. */
static const char *
refuse_signer(X509 *signer, X509 *issuer, int64_t now)
{
    uint32_t flags;

    if (X509_NAME_cmp(X509_get_subject_name(signer), X509_get_subject_name(issuer)) == 0
        && has_same_key(signer, issuer))
        return NULL;
    if (!is_issued_by(signer, issuer))
        return "its signer is neither the issuer nor certified by it";
    flags = X509_get_extension_flags(signer);
    if ((flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)) != 0)
        return "the responder's certificate has extensions that can't be understood";
    if ((flags & EXFLAG_XKUSAGE) == 0
        || (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) == 0)
        return "the responder's certificate isn't for signing OCSP responses";
    if ((flags & EXFLAG_KUSAGE) != 0
        && (X509_get_key_usage(signer) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
        return "the responder's key isn't for signing";
    if (!is_valid_at(signer, now))
        return "the responder's certificate is out of its time";
    return NULL;
}

/* ---- The answer for one certificate ---------------------------------------------------------- */

/* Is it about this certificate, whichever digest it names it by? */
static bool
is_about(const OCSP_SINGLERESP *single, const iossl_ocsp_subject *subject)
{
    OCSP_CERTID *theirs = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single), *ours;
    ASN1_OBJECT *digest = NULL;
    int digest_nid;
    bool same;

    if (OCSP_id_cmp(theirs, subject->id) == 0)
        return true;
    if (OCSP_id_get0_info(NULL, &digest, NULL, NULL, theirs) != 1
        || (digest_nid = OBJ_obj2nid(digest)) == NID_sha1 || digest_nid == NID_undef
        || (ours = iossl_ocsp_id_new(subject->library, digest_nid, subject->cert, subject->issuer))
               == NULL)
        return false;
    same = OCSP_id_cmp(theirs, ours) == 0;
    OCSP_CERTID_free(ours);
    return same;
}

/* NULL where the answer holds at this time, else why not. */
static const char *
refuse_time(const iossl_ocsp_entry *entry, bool has_next, int64_t now)
{
    if (entry->this_update == 0 || (has_next && entry->next_update < entry->this_update))
        return "the response has no time that makes sense";
    if (entry->this_update > now + IOSSL_OCSP_SKEW_S)
        return "the response isn't valid yet";
    if (has_next && entry->next_update < now - IOSSL_OCSP_SKEW_S)
        return "the response is out of date";
    if (!has_next && entry->this_update < now - IOSSL_OCSP_MAX_AGE_S - IOSSL_OCSP_SKEW_S)
        return "the response is too old, and doesn't say when there is a newer one";
    return NULL;
}

static void
say_soft(iossl_ocsp_answer *answer, int64_t now, const char *why)
{
    answer->kind = IOSSL_ANSWER_SOFT;
    answer->entry.expires = now + IOSSL_OCSP_RETRY_LATER_S;
    (void)snprintf(answer->text, sizeof answer->text, "%s", why);
}

static void
say_out_of_time(iossl_ocsp_answer *answer, int64_t now, const char *why)
{
    char from[32], to[32];

    say_soft(answer, now, why);
    time_text(from, answer->entry.this_update);
    time_text(to, answer->entry.next_update);
    (void)snprintf(answer->text, sizeof answer->text,
                   "response not yet valid or expired: %s (from %s to %s)", why, from,
                   answer->entry.next_update == 0 ? "an unnamed time" : to);
}

static void
say_revoked(iossl_ocsp_answer *answer)
{
    const char *reason = answer->entry.reason < 0 ? NULL
                                                  : OCSP_crl_reason_str(answer->entry.reason);
    char since[32];

    time_text(since, answer->entry.revocation_time);
    (void)snprintf(answer->text, sizeof answer->text,
                   "certificate status is revoked since %s%s%s%s", since,
                   reason == NULL ? "" : " (", reason == NULL ? "" : reason,
                   reason == NULL ? "" : ")");
}

static void
read_single(OCSP_SINGLERESP *single, int64_t now, iossl_ocsp_answer *answer)
{
    ASN1_GENERALIZEDTIME *revoked = NULL, *this_update = NULL, *next_update = NULL;
    iossl_ocsp_entry *entry = &answer->entry;
    const char *why;

    *answer = (iossl_ocsp_answer){.kind = IOSSL_ANSWER_HARD};
    entry->reason = -1;
    entry->status = OCSP_single_get0_status(single, &entry->reason, &revoked, &this_update,
                                            &next_update);
    entry->this_update = iossl_ocsp_epoch(this_update);
    entry->next_update = iossl_ocsp_epoch(next_update);
    entry->revocation_time = iossl_ocsp_epoch(revoked);
    why = refuse_time(entry, next_update != NULL, now);
    entry->expires = next_update != NULL && why == NULL ? entry->next_update
                                                        : now + IOSSL_OCSP_RETRY_LATER_S;
    switch (entry->status) {
    case V_OCSP_CERTSTATUS_GOOD:
        if (why != NULL)
            say_out_of_time(answer, now, why);
        else
            answer->kind = IOSSL_ANSWER_GOOD;
        break;
    case V_OCSP_CERTSTATUS_REVOKED:
        say_revoked(answer);    /* which time doesn't heal */
        break;
    default:
        (void)snprintf(answer->text, sizeof answer->text,
                       "certificate status is unknown: its issuer's responder doesn't know it");
        break;
    }
}

void
iossl_ocsp_ask(const iossl_ocsp_reading *reading, const iossl_ocsp_subject *subject, int64_t now,
               iossl_ocsp_answer *answer)
{
    int n = OCSP_resp_count(reading->basic);
    const char *refused = NULL;
    char why[256];

    *answer = (iossl_ocsp_answer){.kind = IOSSL_ANSWER_NONE};
    answer->entry.status = IOSSL_OCSP_STATUS_NONE;
    answer->entry.reason = -1;
    for (int i = 0; i < n; i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(reading->basic, i);
        iossl_ocsp_answer one;

        if (!is_about(single, subject))
            continue;
        if (answer->kind == IOSSL_ANSWER_NONE
            && (refused = refuse_signer(reading->signer, subject->issuer, now)) != NULL) {
            (void)snprintf(why, sizeof why, "failed to verify OCSP response: %s", refused);
            say_soft(answer, now, why);
            break;
        }
        if (understands_single(single)) {
            read_single(single, now, &one);
        } else {
            one = *answer;
            say_soft(&one, now, "the answer has a critical extension that can't be understood");
        }
        if (one.kind > answer->kind)
            *answer = one;
    }
    ERR_clear_error();
}
