/*
 * cmd_ocsp.c - iossl ocsp: is a certificate revoked? Or: what does this OCSP response say?
 *
 * Owns      which of the two is meant, and the words of the answer.
 * Leaves    asking and judging to iossl_ocsp_resolver.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <iossl.h>

#include "commands.h"
#include "describe.h"
#include "load.h"
#include "report.h"
#include "tlsopts.h"

/* What is longer, and no CA's, is in hex: decimal digits cost the square of the length. */
#define MAX_DECIMAL_SERIAL 512

typedef struct ocsp_settings {
    tls_trust trust;
    const char *issuer, *response;
    long timeout_s;
    bool nonce, full_chain, json;
} ocsp_settings;

#define AT(member) offsetof(ocsp_settings, member)
static const tool_option OPTIONS[] = {
    {0, "issuer", "FILE", OPT_TEXT, AT(issuer), NULL,
     "the certificate of the CA that issued it, where it isn't in FILE or trusted here", 0, 0},
    {0, "response", "FILE", OPT_TEXT, AT(response), NULL,
     "judge this answer (DER) instead of asking a responder", 0, 0},
    {0, "full-chain", NULL, OPT_FLAG, AT(full_chain), "SSL_ocsp_mode",
     "ask about the whole chain, not just the certificate", 0, 0},
    {0, "nonce", NULL, OPT_FLAG, AT(nonce), NULL,
     "take no answer but a fresh one; many responders have none", 0, 0},
    {0, "timeout", "SECONDS", OPT_INT, AT(timeout_s), NULL, "for all answers; default 15", 1, 86400},
    {0, "json", NULL, OPT_FLAG, AT(json), NULL, "print JSON", 0, 0},
};
static const tool_group GROUPS[] = {
    {"Options", OPTIONS, TOOL_COUNT(OPTIONS), 0},
    {"Whom to trust", TLS_TRUST, 2, AT(trust)},         /* a CRL has no say here */
};

static const char *
status_name(int status)
{
    switch (status) {
    case V_OCSP_CERTSTATUS_GOOD: return "good";
    case V_OCSP_CERTSTATUS_REVOKED: return "revoked";
    case V_OCSP_CERTSTATUS_UNKNOWN: return "unknown";
    default: return "no answer";
    }
}

static tool_colour
status_colour(int status)
{
    return status == V_OCSP_CERTSTATUS_GOOD      ? GOOD
           : status == V_OCSP_CERTSTATUS_REVOKED ? BAD
                                                 : WARN;
}

/* The times and reason of an answer, into the object that is open; IOSSL_NO_TIME where none. */
static void
show_times(report *r, int status, int reason, int64_t revoked, int64_t from, int64_t to)
{
    report_time(r, "revocation_time", status == V_OCSP_CERTSTATUS_REVOKED ? "revoked" : NULL,
                revoked);
    report_text(r, "reason", "reason", reason < 0 ? NULL : OCSP_crl_reason_str(reason));
    report_time(r, "this_update", "as of", from);
    report_time(r, "next_update", "until", to);
}

/* ---- A response by itself -------------------------------------------------------------------- */

static int64_t
seconds_of(const ASN1_GENERALIZEDTIME *when)
{
    struct tm parts;

    memset(&parts, 0, sizeof parts);
    return when == NULL || ASN1_TIME_to_tm(when, &parts) != 1 ? IOSSL_NO_TIME
                                                              : (int64_t)timegm(&parts);
}

static int
show_single(report *r, OCSP_SINGLERESP *single)
{
    ASN1_GENERALIZEDTIME *revoked = NULL, *from = NULL, *to = NULL;
    ASN1_INTEGER *serial = NULL;
    int reason = -1;
    int status = OCSP_single_get0_status(single, &reason, &revoked, &from, &to);
    BIGNUM *number = NULL;
    char *text = NULL;

    (void)OCSP_id_get0_info(NULL, NULL, NULL, &serial,
                            (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single));
    if (serial != NULL && (number = ASN1_INTEGER_to_BN(serial, NULL)) != NULL)
        text = BN_num_bytes(number) > MAX_DECIMAL_SERIAL ? i2s_ASN1_INTEGER(NULL, serial)
                                                         : BN_bn2dec(number);
    report_object(r, NULL, NULL);
    report_text(r, "serial", "certificate", text);
    report_colour(r, "status", "status", status_name(status), status_colour(status));
    show_times(r, status, reason, seconds_of(revoked), seconds_of(from), seconds_of(to));
    report_end(r);
    OPENSSL_free(text);
    BN_free(number);
    return status == V_OCSP_CERTSTATUS_GOOD ? TOOL_OK : TOOL_NO;
}

static int
show_response(OCSP_RESPONSE *response, bool json)
{
    report *r = report_new(stdout, json);
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    int outcome = OCSP_response_status(response), status = basic == NULL ? TOOL_NO : TOOL_OK;

    report_text(r, "kind", NULL, "response");
    report_text(r, "response_status", "response", OCSP_response_status_str(outcome));
    if (basic != NULL)
        report_time(r, "produced_at", "produced", seconds_of(OCSP_resp_get0_produced_at(basic)));
    report_array(r, "answers", basic == NULL ? NULL : "Answers");
    for (int i = 0; basic != NULL && i < OCSP_resp_count(basic); i++)
        if (show_single(r, OCSP_resp_get0(basic, i)) != TOOL_OK)
            status = TOOL_NO;
    report_end(r);
    report_gap(r);
    report_say(r, FAINT, "Who signed it wasn't checked: for that, iossl ocsp CERTIFICATE --response "
                         "FILE.");
    report_free(r);
    OCSP_BASICRESP_free(basic);
    return status;
}

/* A DER response in the file; NULL: it is something else. */
static OCSP_RESPONSE *
response_of(const unsigned char *bytes, size_t len)
{
    const unsigned char *at = bytes;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)len);

    ERR_clear_error();
    return response;
}

/* ---- A certificate --------------------------------------------------------------------------- */

typedef struct inquiry {
    const ocsp_settings *s;
    STACK_OF(X509) *certs;              /* the first is asked about */
    iossl_ctx *ctx;
    iossl_ocsp_resolver *resolver;
    char *uri;                          /* owned; of the first responder, NULL: none */
    iossl_ocsp_entry entry;             /* what is known in the end; status NONE: nothing */
} inquiry;

static void
take_entry(void *to, const iossl_ocsp_entry *entry)
{
    iossl_ocsp_entry *copy = to;

    *copy = *entry;
    copy->hard_error = copy->soft_error = NULL;     /* which are lent only here */
}

/* Looks up what is known of the certificate by now. */
static void
look_up(inquiry *q)
{
    X509 *leaf = sk_X509_value(q->certs, 0);
    iossl_diagnosis *d = iossl_diagnose(q->ctx, IOSSL_CLIENT, leaf, q->certs, NULL, 0, NULL);
    STACK_OF(X509) *chain = d == NULL ? NULL : iossl_diagnosis_get0_chain(d);
    X509 *issuer = sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : NULL;
    OCSP_CERTID *id = issuer == NULL ? NULL : OCSP_cert_to_id(NULL, leaf, issuer);
    unsigned char *der = NULL;
    int len = id == NULL ? 0 : i2d_OCSP_CERTID(id, &der);

    q->entry.status = IOSSL_OCSP_STATUS_NONE;
    if (len > 0)
        (void)iossl_ocsp_cache_get(iossl_ctx_get0_ocsp_cache(q->ctx), der, (size_t)len, take_entry,
                                   &q->entry);
    OPENSSL_free(der);
    OCSP_CERTID_free(id);
    iossl_diagnosis_free(d);
    ERR_clear_error();
}

static bool
ask(inquiry *q, iossl_error *err)
{
    const unsigned char *request;
    const char *uri;
    size_t len;

    if (q->s->nonce && iossl_ocsp_resolver_set_nonce(q->resolver, true, err) != IOSSL_OK)
        return false;
    if (iossl_ocsp_resolver_get_request(q->resolver, 0, &uri, &request, &len))
        q->uri = tool_copy(uri);
    if (q->s->response != NULL) {
        unsigned char *bytes = tool_load_bytes(q->s->response, &len);

        if (bytes == NULL)
            return false;
        if (q->uri != NULL)
            (void)iossl_ocsp_resolver_add_response(q->resolver, q->uri, bytes, len);
        free(bytes);
        return true;
    }
    if (q->uri != NULL) {
        tool_progress("asking %s ...", q->uri);
        if (iossl_ocsp_resolve(q->resolver, 1000 * (int64_t)q->s->timeout_s, err) != IOSSL_OK)
            iossl_error_clear(err);     /* the resolver itself says what is wrong */
        tool_progress_end();
    }
    return true;
}

static int
show_inquiry(const inquiry *q)
{
    const char *hard = iossl_ocsp_resolver_hard_error(q->resolver);
    const char *soft = iossl_ocsp_resolver_soft_error(q->resolver);
    bool is_bad = hard != NULL && hard[0] != '\0';
    bool is_good = q->entry.status == IOSSL_OCSP_STATUS_GOOD && !is_bad;
    char *subject = describe_subject(sk_X509_value(q->certs, 0));
    report *r = report_new(stdout, q->s->json);
    const iossl_ocsp_entry *e = &q->entry;

    report_text(r, "kind", NULL, "certificate");
    report_text(r, "certificate", "certificate", subject);
    report_text(r, "responder", "responder", q->uri);
    report_colour(r, "status", "status", status_name(e->status), status_colour(e->status));
    show_times(r, e->status, e->status == V_OCSP_CERTSTATUS_REVOKED ? e->reason : -1,
               e->revocation_time == 0 ? IOSSL_NO_TIME : e->revocation_time,
               e->this_update == 0 ? IOSSL_NO_TIME : e->this_update,
               e->next_update == 0 ? IOSSL_NO_TIME : e->next_update);
    report_text(r, "hard_error", NULL, is_bad ? hard : NULL);
    report_text(r, "soft_error", NULL, soft);
    if (is_bad)
        report_say(r, BAD, "%s", hard);
    if (soft != NULL)
        report_say(r, WARN, "%s", soft);
    if (q->uri == NULL && !is_good)
        report_say(r, PLAIN, "-> There is nobody to ask: the certificate names no responder, or the "
                             "certificate of its issuer is missing; see --issuer and --ca-file.");
    report_free(r);
    free(subject);
    return is_bad ? TOOL_NO : is_good ? TOOL_OK : TOOL_NO_CONNECTION;
}

static bool
add_issuers(inquiry *q)
{
    STACK_OF(X509) *more = q->s->issuer == NULL ? NULL : tool_load_certs(q->s->issuer);
    X509 *cert;

    if (q->s->issuer != NULL && more == NULL)
        return false;
    while ((cert = sk_X509_shift(more)) != NULL)
        if (sk_X509_push(q->certs, cert) <= 0)
            X509_free(cert);
    sk_X509_pop_free(more, X509_free);
    return true;
}

static int
inquire(const ocsp_settings *s, const char *file)
{
    inquiry q = {.s = s, .entry = {.status = IOSSL_OCSP_STATUS_NONE}};
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    int status = TOOL_USAGE, mode = s->full_chain ? IOSSL_OCSP_FULL_CHAIN : 0;

    if ((q.certs = tool_load_certs(file)) == NULL || !add_issuers(&q) || config == NULL
        || !tls_apply_trust(config, &s->trust, err)
        || iossl_config_set_require_name(config, false, err) != IOSSL_OK
        || (q.ctx = iossl_ctx_new(config, err)) == NULL
        || (q.resolver = iossl_ocsp_resolver_new_for_chain(q.ctx, mode, sk_X509_value(q.certs, 0),
                                                           q.certs, err)) == NULL
        || !ask(&q, err)) {
        if (iossl_error_get_code(err) != IOSSL_E_NONE)
            tool_complain("%s", iossl_error_message(err));
        goto done;
    }
    look_up(&q);
    status = show_inquiry(&q);
done:
    iossl_ocsp_resolver_free(q.resolver);
    iossl_ctx_free(q.ctx);
    iossl_config_free(config);
    sk_X509_pop_free(q.certs, X509_free);
    free(q.uri);
    iossl_error_free(err);
    return status;
}

static int
run(const void *settings, const tool_list *operands)
{
    const ocsp_settings *s = settings;
    const char *file = operands->item[0];
    OCSP_RESPONSE *response = NULL;
    unsigned char *bytes = NULL;
    size_t len;
    int status = TOOL_USAGE;

    if (strcmp(file, "-") == 0)
        return inquire(s, file);        /* which can be read only once */
    if ((bytes = tool_load_bytes(file, &len)) == NULL)
        return TOOL_USAGE;
    response = response_of(bytes, len);
    if (response != NULL && s->response == NULL)
        status = show_response(response, s->json);
    else if (response != NULL)
        (void)tool_usage("%s is an OCSP response itself; with --response, FILE is the certificate",
                         file);
    else
        status = inquire(s, file);
    OCSP_RESPONSE_free(response);
    free(bytes);
    return status;
}

static void
set_defaults(void *settings)
{
    ((ocsp_settings *)settings)->timeout_s = 15;
}

const tool_command tool_command_ocsp = {
    .name = "ocsp",
    .operands = "FILE",
    .summary = "Is the certificate in FILE revoked? Or, where FILE is an OCSP response: what does it "
               "say?",
    .min_operands = 1,
    .max_operands = 1,
    .groups = GROUPS,
    .n_groups = TOOL_COUNT(GROUPS),
    .size = sizeof(ocsp_settings),
    .defaults = set_defaults,
    .run = run,
};
