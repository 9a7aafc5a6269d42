/*
 * cmd_connect.c - iossl connect: is the server verified, by what, and if not, why not?
 *
 * Owns      the story of a visit: what is tried, what is shown of it, the status to exit with.
 * Leaves    reaching the server to attempt.c, what is wrong with a chain to iossl_conn_diagnose().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <openssl/x509v3.h>

#include <iossl.h>

#include "attempt.h"
#include "commands.h"
#include "describe.h"
#include "load.h"
#include "pump.h"
#include "report.h"
#include "tlsopts.h"

/* How long to wait for what a server sends after the handshake: tickets, or its dislike. */
#define AFTERWARDS_MS 1000
/* Who renews by hand wants to hear of it by then. */
#define SOON_S (14 * 86400)

typedef struct connect_settings {
    tls_trust trust;
    tls_identity identity;
    tls_protocol protocol;
    tls_proof proof;
    const char *starttls, *name, *sni, *scheme, *save, *keylog, *early;
    tool_list pins, tlsa;
    long timeout_s;
    const char *ctlog;
    bool v4, v6, insecure, must_staple, json, interactive, crlf, quiet, resume, ocsp,
        trace, key_update, early_insists;
} connect_settings;

#define AT(member) offsetof(connect_settings, member)
static const tool_option HOW[] = {
    {0, "starttls", "PROTOCOL", OPT_TEXT, AT(starttls), NULL,
     "begin in plain text: smtp, imap, pop3, ftp, ldap, xmpp or postgres", 0, 0},
    {'4', "ipv4", NULL, OPT_FLAG, AT(v4), NULL, "IPv4 addresses only", 0, 0},
    {'6', "ipv6", NULL, OPT_FLAG, AT(v6), NULL, "IPv6 addresses only", 0, 0},
    {0, "timeout", "SECONDS", OPT_INT, AT(timeout_s), "Timeout",
     "for a connection with its handshake; default 15", 1, 86400},
    {0, "sni", "NAME", OPT_TEXT, AT(sni), "SSL_hostname",
     "the server name to send; default: HOST, \"\" sends none", 0, 0},
};
static const tool_option VERIFY[] = {
    {0, "name", "NAME", OPT_TEXT, AT(name), "SSL_verifycn_name",
     "the name to verify; default: HOST", 0, 0},
    {0, "scheme", "NAME", OPT_TEXT, AT(scheme), "SSL_verifycn_scheme",
     "the rules of this protocol; default: that of --starttls, else http", 0, 0},
    {0, "pin", "FINGERPRINT", OPT_LIST, AT(pins), "SSL_fingerprint",
     "accept this very certificate, as sha256$HEX, sha256$pub$HEX or sha256//BASE64; may be repeated",
     0, 0},
    {0, "tlsa", "RECORD", OPT_LIST, AT(tlsa), "SSL_tlsa",
     "verify by this TLSA record (DANE), as \"3 1 1 HEX\"; may be repeated", 0, 0},
    {0, "must-staple", NULL, OPT_FLAG, AT(must_staple), "SSL_ocsp_mode",
     "refuse a server that doesn't prove by OCSP that it isn't revoked", 0, 0},
    {0, "insecure", NULL, OPT_FLAG, AT(insecure), "SSL_verify_mode",
     "go on with a server that isn't verified; what is wrong is told all the same", 0, 0},
};
static const tool_option WHAT[] = {
    {'i', "interactive", NULL, OPT_FLAG, AT(interactive), NULL,
     "then send standard input, and print what comes; the report goes to standard error", 0, 0},
    {0, "crlf", NULL, OPT_FLAG, AT(crlf), NULL, "with -i: send line ends as CR LF", 0, 0},
    {'q', "quiet", NULL, OPT_FLAG, AT(quiet), NULL, "no report, unless there is a problem", 0, 0},
    {0, "resume", NULL, OPT_FLAG, AT(resume), NULL,
     "connect a second time, to see whether the session is resumed", 0, 0},
    {0, "early-data", "FILE", OPT_TEXT, AT(early), "SSL_early_data",
     "connect a second time, with this request in the first message; it can be replayed", 0, 0},
    {0, "early-data-unsafe", NULL, OPT_FLAG, AT(early_insists), "SSL_early_data_unsafe",
     "with --early-data: also what may change something", 0, 0},
    {0, "key-update", NULL, OPT_FLAG, AT(key_update), NULL,
     "after the handshake renew the keys, both ways (TLS 1.3)", 0, 0},
    {0, "ocsp", NULL, OPT_FLAG, AT(ocsp), NULL,
     "ask the responders of the chain whether it is revoked", 0, 0},
    {0, "ctlog", "FILE", OPT_TEXT, AT(ctlog), "SSL_ctlog_file",
     "verify the server's certificate timestamps by this file of logs, see iossl-connect(1)", 0, 0},
    {0, "save", "FILE", OPT_TEXT, AT(save), NULL, "write the chain that came to this file (PEM)", 0,
     0},
    {0, "trace", NULL, OPT_FLAG, AT(trace), NULL,
     "tell each message of TLS on standard error", 0, 0},
    {0, "keylog", "FILE", OPT_TEXT, AT(keylog), "SSL_keylog_file",
     "append the secrets of the connection to this file (mode 0600), for Wireshark", 0, 0},
    {0, "json", NULL, OPT_FLAG, AT(json), NULL, "print JSON", 0, 0},
};
static const tool_group GROUPS[] = {
    {"How to get there", HOW, TOOL_COUNT(HOW), 0},
    {"Whom to trust", TLS_TRUST, TLS_TRUST_N, AT(trust)},
    {"What to verify", VERIFY, TOOL_COUNT(VERIFY), 0},
    {"Who we are", TLS_IDENTITY, TLS_IDENTITY_N, AT(identity)},
    {"What to agree on", TLS_PROTOCOL, TLS_PROTOCOL_N, AT(protocol)},
    {"Binding and proof", TLS_PROOF, TLS_PROOF_N, AT(proof)},
    {"What to do", WHAT, TOOL_COUNT(WHAT), 0},
};

/* A visit: what is asked for, and what was found. */
typedef struct visit {
    const connect_settings *s;
    target to;
    const starttls *starttls;
    const char *name, *sni, *scheme;
    iossl_ctx *ctx;
    iossl_session_cache *sessions;
    attempt first;
    iossl_diagnosis *diagnosis;     /* NULL: no certificate came */
    char *legacy;                   /* owned; a protocol that the server has, but we refuse */
    bool was_resumed;               /* the second time */
    char *second_error;             /* owned; why there was no second time */
    unsigned char *early;           /* owned: what goes with the second time, early_len bytes */
    size_t early_len;
    iossl_early_data early_state;
    char *early_answer;             /* owned; the first line of what came then */
    char *rekey_error;              /* owned; why there are no new keys */
    char *late_error;               /* owned; the server ended it right after the handshake */
    iossl_ocsp_resolver *resolver;
    int n_problems;
} visit;

static bool
connects_twice(const connect_settings *s)
{
    return s->resume || s->early != NULL;
}

/* ---- Getting there --------------------------------------------------------------------------- */

static bool
apply_tlsa(iossl_config *config, const tool_list *records, iossl_error *err)
{
    iossl_tlsa *tlsa = iossl_tlsa_new(err);
    bool ok = tlsa != NULL;

    for (size_t i = 0; ok && i < records->n; i++)
        ok = iossl_tlsa_add_text(tlsa, records->item[i], err) == IOSSL_OK;
    ok = ok && iossl_config_set_tlsa(config, tlsa, err) == IOSSL_OK;
    iossl_tlsa_free(tlsa);
    return ok;
}

static iossl_config *
make_config(const connect_settings *s, const char *scheme_name, iossl_error *err)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_pins *pins = NULL;
    const iossl_scheme *scheme = tool_scheme(scheme_name);
    bool ok = config != NULL && scheme != NULL && tls_apply_trust(config, &s->trust, err)
              && tls_apply_identity(config, &s->identity, err)
              && tls_apply_protocol(config, &s->protocol, err)
              && iossl_config_set_keylog_file(config, s->keylog, err) == IOSSL_OK
              && iossl_config_set_scts(config, iossl_can(IOSSL_CAN_SCTS), err) == IOSSL_OK
              && iossl_config_set_ctlog_file(config, s->ctlog, err) == IOSSL_OK
              && iossl_config_set_scheme(config, scheme, err) == IOSSL_OK;

    if (ok && s->pins.n > 0) {
        ok = (pins = iossl_pins_new(err)) != NULL;
        for (size_t i = 0; ok && i < s->pins.n; i++)
            ok = iossl_pins_add(pins, s->pins.item[i], err) == IOSSL_OK;
        ok = ok && iossl_config_set_pins(config, pins, false, err) == IOSSL_OK;
    }
    if (ok && s->tlsa.n > 0)
        ok = apply_tlsa(config, &s->tlsa, err);
    if (ok && s->must_staple)
        ok = iossl_config_set_ocsp_mode(config, IOSSL_OCSP_MUST_STAPLE, err) == IOSSL_OK;
    else if (ok)
        ok = iossl_config_set_ocsp_mode(config, IOSSL_OCSP_TRY_STAPLE | IOSSL_OCSP_FULL_CHAIN, err)
             == IOSSL_OK;
    if (ok && s->insecure)
        ok = iossl_config_set_verify_mode(config, IOSSL_VERIFY_NONE, err) == IOSSL_OK;
    iossl_pins_free(pins);
    if (!ok) {
        iossl_config_free(config);
        config = NULL;
    }
    return config;
}

static attempt_plan
plan_of(const visit *v)
{
    return (attempt_plan){
        .to = &v->to,
        .family = v->s->v4 ? AF_INET : v->s->v6 ? AF_INET6 : AF_UNSPEC,
        .starttls = v->starttls,
        .name = v->name,
        .sni = v->sni,
        .sessions = v->sessions,
        .timeout_ms = 1000 * (int64_t)v->s->timeout_s,
        .traces = v->s->trace,
    };
}

/* Did the two sides find no protocol or cipher in common? */
static bool
is_disagreement(const attempt *a)
{
    const char *message = iossl_error_message(a->err);

    return a->stage == STAGE_HANDSHAKE && a->status == IOSSL_ERROR
           && (a->alert == SSL_AD_PROTOCOL_VERSION || a->alert == SSL_AD_HANDSHAKE_FAILURE
               || strstr(message, "unsupported protocol") != NULL
               || strstr(message, "wrong ssl version") != NULL);
}

/* Tries what we would never accept, to be able to say what the server has. */
static void
look_for_legacy(visit *v)
{
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, NULL);
    attempt_plan plan = plan_of(v);
    iossl_ctx *ctx = NULL;
    attempt a;

    if (config != NULL && iossl_config_set_version(config, "SSLv23", NULL) == IOSSL_OK
        && iossl_config_set_cipher_list(config, NULL, "ALL:@SECLEVEL=0", NULL) == IOSSL_OK
        && iossl_config_set_verify_mode(config, IOSSL_VERIFY_NONE, NULL) == IOSSL_OK
        && (ctx = iossl_ctx_new(config, NULL)) != NULL) {
        plan.sessions = NULL;
        attempt_make(&a, ctx, &plan);
        if (a.stage == STAGE_ESTABLISHED)
            v->legacy = tool_format("%s with %s", iossl_conn_get0_version(a.conn),
                                    iossl_conn_get0_cipher(a.conn));
        attempt_clear(&a);
    }
    iossl_ctx_free(ctx);
    iossl_config_free(config);
}

/*
 * With TLS 1.3 a client is through before the server has looked at its certificate, and tickets come
 * after the handshake; so a moment is given to what comes then, where it matters.
 */
static void
listen_afterwards(visit *v)
{
    attempt *a = &v->first;
    iossl_error *err = iossl_error_new();
    int64_t until = iossl_now_ms() + AFTERWARDS_MS;
    iossl_status status;
    size_t got;
    char byte;

    do {
        status = iossl_peek(a->conn, &byte, 1, &got, 20, err);
    } while (status == IOSSL_TIMEOUT && iossl_now_ms() < until
             && (v->sessions == NULL || iossl_session_cache_count(v->sessions) == 0));
    if (status == IOSSL_ERROR)
        v->late_error = tool_copy(iossl_error_message(err));
    iossl_error_free(err);
}

/* The first line of what the server sends, without its end; free() it. "": nothing came. */
static char *
first_line(iossl_conn *conn, int64_t timeout_ms)
{
    const iossl_separator newline = {.kind = IOSSL_SEP_STRING, .bytes = "\n", .length = 1};
    const char *piece;
    size_t len;
    bool done;

    if (iossl_read_line(conn, &newline, &piece, &len, &done, timeout_ms, NULL) != IOSSL_OK)
        return tool_copy("");
    while (len > 0 && (piece[len - 1] == '\n' || piece[len - 1] == '\r'))
        len--;
    return tool_escape(piece, len);
}

static void
connect_again(visit *v)
{
    attempt_plan plan = plan_of(v);
    attempt second;

    plan.early = v->early;
    plan.early_len = v->early_len;
    plan.early_insists = v->s->early_insists;

    /* Some servers serve one after the other, and a session that wasn't ended isn't resumed. */
    attempt_close(v->first.conn);
    (void)shutdown(v->first.fd, SHUT_WR);
    attempt_make(&second, v->ctx, &plan);
    if (second.stage == STAGE_ESTABLISHED) {
        const iossl_conn_info *info = iossl_conn_get0_info(second.conn);

        v->was_resumed = iossl_conn_is_resumed(second.conn);
        v->early_state = info == NULL ? IOSSL_EARLY_NONE : info->early_data;
        if (v->early != NULL)
            v->early_answer = first_line(second.conn, plan.timeout_ms);
    } else {
        v->second_error = tool_copy(iossl_error_message(second.err));
    }
    if (second.conn != NULL)
        attempt_close(second.conn);
    attempt_clear(&second);
}

static void
renew_keys(visit *v)
{
    iossl_error *err = iossl_error_new();

    if (iossl_conn_key_update(v->first.conn, true, 1000 * (int64_t)v->s->timeout_s, err) != IOSSL_OK)
        v->rekey_error = tool_copy(iossl_error_get_code(err) == IOSSL_E_NONE
                                       ? "the time is up" : iossl_error_message(err));
    iossl_error_free(err);
}

static void
ask_responders(visit *v)
{
    iossl_error *err = iossl_error_new();

    tool_progress("asking OCSP responders ...");
    if ((v->resolver = iossl_ocsp_resolver_new(v->first.conn, NULL, 0, err)) != NULL
        && iossl_ocsp_resolve(v->resolver, 1000 * (int64_t)v->s->timeout_s, err) != IOSSL_OK)
        iossl_error_clear(err);         /* the resolver itself says what is wrong */
    tool_progress_end();
    iossl_error_free(err);
}

static STACK_OF(X509) *
chain_as_sent(const visit *v)
{
    STACK_OF(X509) *chain = v->first.conn == NULL ? NULL
                                                  : iossl_conn_get0_refused_chain(v->first.conn);

    return chain == NULL && v->first.conn != NULL ? iossl_conn_get0_peer_chain(v->first.conn)
                                                  : chain;
}

static void
make_visit(visit *v)
{
    attempt_plan plan = plan_of(v);

    attempt_make(&v->first, v->ctx, &plan);
    if (v->first.conn != NULL && sk_X509_num(chain_as_sent(v)) > 0)
        v->diagnosis = iossl_conn_diagnose(v->first.conn, NULL);
    if (is_disagreement(&v->first))
        look_for_legacy(v);
    if (v->first.stage != STAGE_ESTABLISHED)
        return;
    if (connects_twice(v->s)
        || (v->first.wants_certificate
            && iossl_conn_get_version_number(v->first.conn) >= TLS1_3_VERSION))
        listen_afterwards(v);
    if (v->s->ocsp && v->late_error == NULL)
        ask_responders(v);
    if (v->s->key_update && v->late_error == NULL)
        renew_keys(v);
    if (connects_twice(v->s))
        connect_again(v);
}

/* ---- Problems -------------------------------------------------------------------------------- */

static void
show_problem(report *r, visit *v, const char *kind, const char *what, const char *remedy,
             const iossl_finding *finding)
{
    char *translated = remedy == NULL ? NULL : tool_translate(remedy);

    v->n_problems++;
    report_object(r, NULL, NULL);
    report_text(r, "kind", NULL, kind);
    report_text(r, "what", NULL, what);
    report_text(r, "remedy", NULL, remedy);
    if (finding != NULL) {
        char *subject = finding->cert == NULL ? NULL : describe_subject(finding->cert);

        report_int(r, "depth", NULL, finding->depth);
        report_text(r, "certificate", NULL, subject);
        report_int(r, "verify_code", NULL, finding->verify_code);
        report_text(r, "verify_text", NULL,
                    finding->verify_code == 0 ? NULL
                                              : X509_verify_cert_error_string(finding->verify_code));
        free(subject);
    }
    report_end(r);
    report_say(r, BAD, "%d. %s", v->n_problems, what);
    if (translated != NULL)
        report_say(r, PLAIN, "-> %s", translated);
    free(translated);
}

static const char *
kind_of(iossl_error_code code)
{
    switch (code) {
    case IOSSL_E_VERIFY: return "chain";
    case IOSSL_E_NAME: return "name";
    case IOSSL_E_NO_NAME: return "no_name";
    case IOSSL_E_PIN: return "pin";
    case IOSSL_E_REVOKED: return "revoked";
    case IOSSL_E_RESOLVE: return "host_unknown";
    case IOSSL_E_CONNECT: return "unreachable";
    case IOSSL_E_TIMEOUT: return "timeout";
    default: return "handshake";
    }
}

/* What a person can do about a visit that ended before a certificate could be judged. */
static char *
remedy_of_failure(const visit *v)
{
    const attempt *a = &v->first;
    const char *protocol = starttls_name(v->starttls == NULL ? starttls_by_name("smtp")
                                                             : v->starttls);
    const char *missing, *plain = attempt_plain_protocol(a, &missing);

    if (a->stage == STAGE_CONNECT)          /* the sentence of libiossl has one in it */
        return a->status == IOSSL_TIMEOUT
                   ? tool_copy("see whether a firewall is in between; --timeout gives more time")
                   : NULL;
    if (a->stage == STAGE_STARTTLS)
        return a->status == IOSSL_TIMEOUT
                   ? tool_format("is it a server of %s, and not one that wants TLS at once? Try "
                                 "without --starttls; --timeout gives more time", protocol)
                   : tool_format("see whether the server has TLS switched on, and whether it is one "
                                 "of %s", protocol);
    if (plain != NULL && missing != NULL)
        return tool_format("the server speaks %s: try --starttls %s (in Perl: talk to it in plain "
                           "text first, then IO::Socket::SSL->start_SSL)", plain, missing);
    if (plain != NULL)
        return tool_format("the server speaks %s: another port is the one for TLS, as 443 for HTTPS",
                           plain);
    if (v->legacy != NULL)
        return tool_format("the server takes %s, which isn't secure any more: it should be updated. "
                           "To connect all the same, SSL_version and SSL_cipher_list (with "
                           "@SECLEVEL=0) can allow it", v->legacy);
    if (a->wants_certificate && v->s->identity.cert == NULL)
        return tool_copy("the server asks for a certificate of ours: give SSL_cert_file and "
                         "SSL_key_file");
    if (a->alert == SSL_AD_UNRECOGNIZED_NAME)
        return tool_copy("the server has no certificate for the name that was sent; SSL_hostname "
                         "sends another one");
    if (a->alert == SSL_AD_PROTOCOL_VERSION || a->alert == SSL_AD_HANDSHAKE_FAILURE)
        return tool_copy("the two sides have no protocol version, cipher or group in common: compare "
                         "SSL_version, SSL_cipher_list and SSL_ecdh_curve with what the server allows");
    if (a->status == IOSSL_TIMEOUT)
        return tool_copy("is it a port with TLS at all? Protocols in which the server waits, or "
                         "begins in plain text, stay silent; see --starttls");
    if (iossl_error_get_code(a->err) == IOSSL_E_REVOKED)
        return tool_copy("don't trust the server: its key may be in the wrong hands, or it must "
                         "staple a proof that it isn't; SSL_ocsp_mode decides what is asked for");
    if (iossl_error_get_code(a->err) == IOSSL_E_TRUNCATED || a->n_first == 0)
        return tool_copy("the server closes without a word: it may want another name (SSL_hostname), "
                         "no TLS on this port, or a load balancer has no server behind it");
    return NULL;
}

static bool
is_of_chain(const iossl_error *err)
{
    iossl_error_code code = iossl_error_get_code(err);

    return code == IOSSL_E_VERIFY || code == IOSSL_E_NAME || code == IOSSL_E_NO_NAME
           || code == IOSSL_E_PIN;
}

static bool
fits_no_record(const iossl_error *err)
{
    return iossl_error_get_verify_code(err) == X509_V_ERR_DANE_NO_MATCH;
}

static bool
has_findings(const visit *v)
{
    return v->diagnosis != NULL && iossl_diagnosis_count(v->diagnosis) > 0;
}

static bool
is_verified(const visit *v)
{
    return v->first.stage == STAGE_ESTABLISHED && (!v->s->insecure || !has_findings(v));
}

static bool
has_problems(const visit *v)
{
    return v->first.stage != STAGE_ESTABLISHED || v->late_error != NULL
           || (v->s->insecure && has_findings(v))
           || (v->resolver != NULL && iossl_ocsp_resolver_hard_error(v->resolver) != NULL
               && iossl_ocsp_resolver_hard_error(v->resolver)[0] != '\0');
}

static void
show_problems(report *r, visit *v)
{
    const attempt *a = &v->first;
    const char *revoked = v->resolver == NULL ? NULL : iossl_ocsp_resolver_hard_error(v->resolver);
    char *remedy;

    report_array(r, "problems", has_problems(v) ? "Problems" : NULL);
    if (a->stage != STAGE_ESTABLISHED && (fits_no_record(a->err)
                                          || !(is_of_chain(a->err) && has_findings(v)))) {
        remedy = fits_no_record(a->err) ? tool_copy(iossl_error_get0_remedy(a->err))
                                        : remedy_of_failure(v);
        show_problem(r, v, kind_of(iossl_error_get_code(a->err)), iossl_error_message(a->err),
                     remedy, NULL);
        free(remedy);
    }
    /* With TLSA records that fit, all else may be as it is; so where none does, that is the problem. */
    for (size_t i = 0; v->diagnosis != NULL && !is_verified(v) && !fits_no_record(a->err)
                       && i < iossl_diagnosis_count(v->diagnosis); i++) {
        const iossl_finding *f = iossl_diagnosis_get0(v->diagnosis, i);

        show_problem(r, v, kind_of(f->code), f->what, f->remedy, f);
    }
    if (v->late_error != NULL)
        show_problem(r, v, "refused_us", v->late_error,
                     a->wants_certificate && v->s->identity.cert == NULL
                         ? "the server asks for a certificate of ours: give SSL_cert_file and "
                           "SSL_key_file"
                         : "the server ended the connection right after the handshake: its log tells "
                           "why", NULL);
    if (revoked != NULL && revoked[0] != '\0')
        show_problem(r, v, "revoked", revoked,
                     "don't trust the server: its key may be in the wrong hands", NULL);
    report_end(r);
}

/* What is no problem yet, or wouldn't be one to us. */
static void
show_remarks(report *r, visit *v)
{
    STACK_OF(X509) *sent = chain_as_sent(v);
    STACK_OF(X509) *built = v->diagnosis == NULL ? NULL : iossl_diagnosis_get0_chain(v->diagnosis);
    int64_t now = (int64_t)time(NULL);
    bool has_title = false;

    report_array(r, "remarks", NULL);
#define REMARK(...)                                                                                \
    do {                                                                                           \
        char *remark = tool_format(__VA_ARGS__);                                                   \
        report_text(r, NULL, NULL, remark);                                                        \
        if (!has_title)                                                                            \
            report_gap(r);                                                                         \
        has_title = true;                                                                          \
        report_say(r, WARN, "Note: %s", remark);                                                   \
        free(remark);                                                                              \
    } while (0)

    for (int i = 0; i < sk_X509_num(built); i++) {
        iossl_certinfo *info = iossl_certinfo_new(sk_X509_value(built, i), NULL);

        if (info != NULL && info->not_after != IOSSL_NO_TIME && info->not_after >= now
            && info->not_after - now < SOON_S) {
            char *subject = describe_subject(sk_X509_value(built, i));
            char *span = describe_span(info->not_after - now);

            REMARK("%s expires in %s", subject, span);
            free(span);
            free(subject);
        }
        iossl_certinfo_free(info);
    }
    for (int i = 1; i < sk_X509_num(sent); i++) {
        X509 *cert = sk_X509_value(sent, i);
        bool is_used = false;
        char *subject = describe_subject(cert);

        for (int k = 0; k < sk_X509_num(built); k++)
            is_used = is_used || X509_cmp(cert, sk_X509_value(built, k)) == 0;
        if (X509_check_issued(cert, cert) == X509_V_OK)
            REMARK("the server sends its root certificate, %s, which needn't be sent", subject);
        else if (!is_used)
            REMARK("the server sends a certificate that isn't needed: %s", subject);
        free(subject);
    }
    if (v->first.stage == STAGE_ESTABLISHED && !v->s->insecure && has_findings(v))
        for (size_t i = 0; i < iossl_diagnosis_count(v->diagnosis); i++)
            REMARK("accepted for its %s, though %s",
                   iossl_conn_get0_info(v->first.conn)->tlsa != NULL ? "TLSA record" : "fingerprint",
                   iossl_diagnosis_get0(v->diagnosis, i)->what);
    if (v->first.stage == STAGE_ESTABLISHED
        && iossl_conn_get_version_number(v->first.conn) < TLS1_2_VERSION)
        REMARK("%s isn't secure any more", iossl_conn_get0_version(v->first.conn));
#undef REMARK
    report_end(r);
}

/* ---- The report ------------------------------------------------------------------------------ */

static void
show_ocsp(report *r, const visit *v)
{
    static const char *const states[] = {
        [IOSSL_STAPLE_UNCHECKED] = "unchecked", [IOSSL_STAPLE_NONE] = "none",
        [IOSSL_STAPLE_UNUSABLE] = "unusable",   [IOSSL_STAPLE_GOOD] = "good",
        [IOSSL_STAPLE_BAD] = "bad",
    };
    static const char *const words[] = {
        [IOSSL_STAPLE_UNCHECKED] = "not asked for",
        [IOSSL_STAPLE_NONE] = "no staple came",
        [IOSSL_STAPLE_UNUSABLE] = "the staple can't be relied on",
        [IOSSL_STAPLE_GOOD] = "a staple proves that it isn't revoked",
        [IOSSL_STAPLE_BAD] = "the staple says that it is revoked, or unknown",
    };
    iossl_staple_state state = iossl_conn_get_staple_state(v->first.conn);
    const char *why = iossl_conn_get0_staple_error(v->first.conn);
    const char *hard = v->resolver == NULL ? NULL : iossl_ocsp_resolver_hard_error(v->resolver);
    const char *soft = v->resolver == NULL ? NULL : iossl_ocsp_resolver_soft_error(v->resolver);

    report_text(r, "staple", NULL, states[state]);
    report_text(r, "staple_error", NULL, why);
    report_text(r, "ocsp_hard_error", NULL, hard != NULL && hard[0] != '\0' ? hard : NULL);
    report_text(r, "ocsp_soft_error", NULL, soft);
    report_bool(r, "ocsp_asked", NULL, v->resolver != NULL);
    report_format(r, NULL, "OCSP", "%s%s%s%s", words[state], why == NULL ? "" : ": ",
                  why == NULL ? "" : why, v->resolver == NULL ? "" : "; responders asked: ");
    if (v->resolver != NULL)
        report_format(r, NULL, "", "%s", hard != NULL && hard[0] != '\0' ? hard
                                         : soft != NULL                  ? soft
                                         : hard == NULL ? "no answer" : "not revoked");
}

/* Which logs have seen the certificate. */
static void
show_scts(report *r, const visit *v)
{
    iossl_sct sct;

    report_array(r, "scts", NULL);
    for (size_t i = 0; iossl_conn_get_sct(v->first.conn, i, &sct); i++) {
        char *id = describe_hex(sct.log_id, sct.log_id_len);
        char when[REPORT_TIME_SIZE];

        report_object(r, NULL, NULL);
        report_text(r, "log", NULL, sct.log_name);
        report_text(r, "log_id", NULL, id);
        report_text(r, "source", NULL, sct.source);
        report_text(r, "status", NULL, sct.status);
        report_time(r, "time", NULL, (int64_t)(sct.time_ms / 1000));
        report_end(r);
        report_format(r, NULL, i == 0 ? "timestamps" : "", "%.10s, %s, in the %s: %s",
                      report_time_text(when, (int64_t)(sct.time_ms / 1000)),
                      sct.log_name != NULL ? sct.log_name : id, sct.source, sct.status);
        free(id);
    }
    report_end(r);
}

static void
show_resumption(report *r, const visit *v)
{
    if (!connects_twice(v->s)) {
        report_null(r, "resumed");
        return;
    }
    report_bool(r, "resumed", NULL, v->was_resumed);
    report_text(r, "resumption_error", NULL, v->second_error);
    report_text(r, NULL, "resumption",
                v->second_error != NULL ? v->second_error
                : v->was_resumed        ? "yes, the second connection resumed the session"
                : iossl_session_cache_count(v->sessions) == 0
                    ? "no: the server gave no session"
                    : "no: the server gave a session, but didn't resume it");
}

static void
show_early_data(report *r, const visit *v)
{
    static const char *const STATES[] = {"none", "rejected", "accepted"};
    static const char *const WORDS[] = {
        "sent after the handshake: there was no session, or it is none for early data",
        "rejected by the server, and sent again after the handshake",
        "accepted: the server had the request before the handshake was over",
    };

    if (v->early == NULL || v->second_error != NULL)
        return;
    report_text(r, "early_data", NULL, STATES[v->early_state]);
    report_text(r, "early_answer", NULL, v->early_answer);
    report_format(r, NULL, "early data", "%s%s%s", WORDS[v->early_state],
                  v->early_answer[0] == '\0' ? "" : "; answer: ", v->early_answer);
}

static void
show_new_keys(report *r, const visit *v)
{
    if (!v->s->key_update || v->late_error != NULL)
        return;
    report_bool(r, "key_update", NULL, v->rekey_error == NULL);
    report_text(r, "key_update_error", NULL, v->rekey_error);
    report_text(r, NULL, "new keys", v->rekey_error != NULL
                                         ? v->rekey_error : "ours renewed, the server's asked for");
}

/* What only the two ends can know of it. */
static void
show_proof(report *r, const visit *v)
{
    bool ok = false;
    char *binding = tls_binding(v->first.conn, &v->s->proof, &ok);

    if (binding != NULL)
        report_text(r, ok ? "channel_binding" : "channel_binding_error", "binding", binding);
    free(binding);
    if ((binding = tls_exported_key(v->first.conn, &v->s->proof, &ok)) != NULL)
        report_text(r, ok ? "exported_key" : "exported_key_error", "exported key", binding);
    free(binding);
}

/* What was agreed on. */
static void
show_connection(report *r, const visit *v)
{
    iossl_conn *conn = v->first.conn;
    const iossl_conn_info *info = iossl_conn_get0_info(conn);
    const char *version = iossl_conn_get0_version(conn), *name = iossl_conn_get0_verified_name(conn);
    STACK_OF(X509) *built = v->diagnosis == NULL ? NULL : iossl_diagnosis_get0_chain(v->diagnosis);
    const unsigned char *alpn;
    size_t len;

    report_text(r, "protocol", "protocol", version);
    report_text(r, "cipher", "cipher", iossl_conn_get0_cipher(conn));
    report_text(r, "group", "group", iossl_conn_get0_group(conn));
    report_text(r, "signature", "signature", info == NULL ? NULL : info->signature);
    if (info != NULL) {
        report_int(r, "bytes_in", NULL, (int64_t)info->bytes_in);
        report_int(r, "bytes_out", NULL, (int64_t)info->bytes_out);
        report_bool(r, "ktls_send", NULL, info->ktls_send);
        report_bool(r, "ktls_recv", NULL, info->ktls_recv);
    }
    if (v->s->protocol.ktls)
        report_text(r, NULL, "kernel TLS", tls_ktls_text(conn));
    alpn = iossl_conn_get0_alpn(conn, &len);
    report_bytes(r, "alpn", "ALPN", (const char *)alpn, len);
    if (alpn == NULL && v->s->protocol.alpn != NULL)
        report_text(r, NULL, "ALPN", "nothing agreed on");
    report_text(r, "verified_name", NULL, name);
    report_text(r, "tlsa", "TLSA record", info == NULL ? NULL : info->tlsa);
    report_bool(r, "client_certificate_requested", NULL, v->first.wants_certificate);
    if (v->first.wants_certificate)
        report_text(r, NULL, "our identity",
                    v->s->identity.cert == NULL ? "asked for; none was given"
                                                : "asked for, and shown");
    show_resumption(r, v);
    show_early_data(r, v);
    show_new_keys(r, v);
    show_proof(r, v);
    show_ocsp(r, v);
    show_scts(r, v);
    if (sk_X509_num(built) > 0 && is_verified(v) && !has_findings(v)) {
        char *anchor = describe_subject(sk_X509_value(built, sk_X509_num(built) - 1));

        report_text(r, "trust_anchor", "trusted by", anchor);
        free(anchor);
    } else {
        report_null(r, "trust_anchor");
    }
}

static void
show_chain(report *r, const visit *v)
{
    STACK_OF(X509) *sent = chain_as_sent(v);
    STACK_OF(X509) *built = v->diagnosis == NULL ? NULL : iossl_diagnosis_get0_chain(v->diagnosis);
    int n = sk_X509_num(built);

    report_array(r, "chain_sent", sk_X509_num(sent) > 0 ? "Chain, as the server sent it" : NULL);
    for (int i = 0; i < sk_X509_num(sent); i++) {
        char *subject = describe_subject(sk_X509_value(sent, i));
        char *title = tool_format("%d  %s", i, subject);

        report_object(r, NULL, title);
        describe_cert(r, sk_X509_value(sent, i), DESCRIBE_BRIEF);
        report_end(r);
        free(title);
        free(subject);
    }
    report_end(r);
    report_array(r, "chain_built", n > 0 && is_verified(v) ? "Chain, as it was verified" : NULL);
    for (int i = 0; i < n; i++) {
        char *subject = describe_subject(sk_X509_value(built, i));

        report_text(r, NULL, NULL, subject);
        if (is_verified(v))
            report_say(r, PLAIN, "%d %s", i, subject);
        free(subject);
    }
    report_end(r);
}

static void
show_answer(report *r, const visit *v)
{
    const attempt *a = &v->first;

    report_text(r, "host", NULL, v->to.host);
    report_text(r, "port", NULL, v->to.port);
    report_text(r, "address", NULL, a->address[0] == '\0' ? NULL : a->address);
    report_text(r, "starttls", NULL, v->starttls == NULL ? NULL : starttls_name(v->starttls));
    report_text(r, "name", NULL, v->name);
    report_text(r, "scheme", NULL, v->scheme);
    report_bool(r, "connected", NULL, a->stage > STAGE_CONNECT);
    report_bool(r, "established", NULL, a->stage == STAGE_ESTABLISHED);
    report_bool(r, "verified", NULL, is_verified(v));
    report_text(r, "error", NULL,
                a->stage == STAGE_ESTABLISHED ? NULL : iossl_error_message(a->err));
    report_int(r, "connect_ms", NULL, a->connect_ms);
    report_int(r, "handshake_ms", NULL, a->handshake_ms);
    if (a->alert >= 0 && a->stage != STAGE_ESTABLISHED)
        report_text(r, "alert", NULL, SSL_alert_desc_string_long(a->alert));
    if (is_verified(v) && v->late_error != NULL)
        report_say(r, BAD, "%s, port %s: verified, but the server ended the connection", v->to.host,
                   v->to.port);
    else if (is_verified(v))
        report_say(r, GOOD, "%s, port %s: verified for %s", v->to.host, v->to.port,
                   v->name == NULL ? "its fingerprint" : v->name);
    else
        report_say(r, BAD, "%s, port %s: %s", v->to.host, v->to.port,
                   a->stage == STAGE_ESTABLISHED ? "connected, but NOT VERIFIED"
                   : a->stage == STAGE_CONNECT   ? "no connection"
                   : a->stage == STAGE_STARTTLS  ? "connected, but no TLS"
                   : is_of_chain(a->err)         ? "NOT VERIFIED, and refused"
                                                 : "no TLS came about");
    if (a->stage > STAGE_CONNECT) {
        char *plain = v->starttls == NULL ? tool_copy("")
                                          : tool_format(", %lld ms in plain text",
                                                        (long long)a->starttls_ms);
        char *shake = a->stage < STAGE_HANDSHAKE
                          ? tool_copy("")
                          : tool_format(", %lld ms for the handshake", (long long)a->handshake_ms);

        report_format(r, NULL, "  address       ", "%s (connected in %lld ms%s%s)", a->address,
                      (long long)a->connect_ms, plain, shake);
        free(plain);
        free(shake);
    }
}

static void
show_visit(visit *v, FILE *out, bool json)
{
    report *r = report_new(out, json);

    show_answer(r, v);
    show_problems(r, v);
    if (v->first.stage == STAGE_ESTABLISHED) {
        report_object(r, "connection", "Connection");
        show_connection(r, v);
        report_end(r);
    } else {
        report_null(r, "connection");
    }
    show_chain(r, v);
    show_remarks(r, v);
    report_free(r);
}

/* ---- The command ----------------------------------------------------------------------------- */

static int
status_of(const visit *v)
{
    const attempt *a = &v->first;

    switch (a->stage) {
    case STAGE_CONNECT: return TOOL_NO_CONNECTION;
    case STAGE_STARTTLS: return a->status == IOSSL_TIMEOUT ? TOOL_NO_CONNECTION : TOOL_NO_TLS;
    case STAGE_HANDSHAKE:
        return a->status == IOSSL_TIMEOUT                              ? TOOL_NO_CONNECTION
               : is_of_chain(a->err)
                       || iossl_error_get_code(a->err) == IOSSL_E_REVOKED ? TOOL_NO
                                                                          : TOOL_NO_TLS;
    case STAGE_ESTABLISHED: break;
    }
    if (v->late_error != NULL)
        return TOOL_NO_TLS;
    return has_problems(v) && !v->s->insecure ? TOOL_NO : TOOL_OK;
}

static bool
save_chain(const visit *v)
{
    STACK_OF(X509) *sent = chain_as_sent(v);
    FILE *f = fopen(v->s->save, "w");
    bool ok = f != NULL;

    for (int i = 0; ok && i < sk_X509_num(sent); i++) {
        char *pem = iossl_cert_to_pem(sk_X509_value(sent, i), NULL);

        ok = pem != NULL && fputs(pem, f) >= 0;
        iossl_free(pem);
    }
    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    if (!ok)
        tool_complain("%s can't be written: %s", v->s->save, strerror(errno));
    return ok;
}

/* Options that don't go together, and what follows from the operand. */
static bool
prepare(visit *v, const char *operand)
{
    const connect_settings *s = v->s;
    iossl_error *err = NULL;
    iossl_config *config = NULL;

    if (s->v4 && s->v6)
        return tool_usage("-4 and -6 together leave no address") == TOOL_OK;
    if (connects_twice(s) && s->interactive)
        return tool_usage("%s and -i don't go together", s->resume ? "--resume" : "--early-data")
               == TOOL_OK;
    if (s->early_insists && s->early == NULL)
        return tool_usage("--early-data-unsafe without --early-data: what is to be sent?") == TOOL_OK;
    if (s->early != NULL && (v->early = tool_load_bytes(s->early, &v->early_len)) == NULL)
        return false;
    if (s->json && s->interactive)
        return tool_usage("--json and -i don't go together") == TOOL_OK;
    if (s->starttls != NULL && (v->starttls = starttls_by_name(s->starttls)) == NULL)
        return tool_usage("--starttls \"%s\" is unknown; there are %s", s->starttls,
                          starttls_names()) == TOOL_OK;
    if (!target_parse(&v->to, operand, v->starttls == NULL ? "443" : starttls_port(v->starttls)))
        return false;
    v->name = s->name != NULL ? s->name : v->to.host;
    v->sni = s->sni != NULL ? s->sni : v->to.is_address ? "" : v->to.host;
    v->scheme = s->scheme != NULL      ? s->scheme
                : v->starttls != NULL  ? starttls_scheme(v->starttls)
                                       : "http";
    err = iossl_error_new();
    if ((config = make_config(s, v->scheme, err)) != NULL)
        v->ctx = iossl_ctx_new(config, err);
    if (v->ctx != NULL && connects_twice(s))
        v->sessions = iossl_session_cache_new(8, err);
    if (v->ctx == NULL && iossl_error_get_code(err) != IOSSL_E_NONE) {
        char *text = tool_translate(iossl_error_message(err));

        (void)tool_usage("%s", text);
        free(text);
    }
    iossl_config_free(config);
    iossl_error_free(err);
    return v->ctx != NULL;
}

static int
run(const void *settings, const tool_list *operands)
{
    visit v = {.s = settings, .first = {.fd = -1}};
    int status = TOOL_USAGE;

    if (!prepare(&v, operands->item[0]))
        goto done;
    make_visit(&v);
    status = status_of(&v);
    if (!v.s->quiet || has_problems(&v) || v.s->json)
        show_visit(&v, v.s->interactive ? stderr : stdout, v.s->json);
    if (v.s->save != NULL && !save_chain(&v))
        status = TOOL_USAGE;
    if (v.s->interactive && status == TOOL_OK)
        status = pump_run(v.first.conn, v.s->crlf, 1000 * (int64_t)v.s->timeout_s);
    else if (v.first.stage == STAGE_ESTABLISHED && !connects_twice(v.s))
        attempt_close(v.first.conn);
done:
    iossl_ocsp_resolver_free(v.resolver);
    iossl_diagnosis_free(v.diagnosis);
    attempt_clear(&v.first);
    iossl_session_cache_free(v.sessions);
    iossl_ctx_free(v.ctx);
    target_clear(&v.to);
    free(v.legacy);
    free(v.second_error);
    free(v.early);
    free(v.early_answer);
    free(v.rekey_error);
    free(v.late_error);
    return status;
}

static void
set_defaults(void *settings)
{
    ((connect_settings *)settings)->timeout_s = 15;
}

const tool_command tool_command_connect = {
    .name = "connect",
    .operands = "HOST[:PORT]",
    .summary = "Connects by TLS and tells whether the server is verified, by what, and if not, why not "
               "and what to do about it.",
    .min_operands = 1,
    .max_operands = 1,
    .groups = GROUPS,
    .n_groups = TOOL_COUNT(GROUPS),
    .size = sizeof(connect_settings),
    .defaults = set_defaults,
    .run = run,
};
