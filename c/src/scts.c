/*
 * scts.c - signed certificate timestamps (SCTs): which logs have seen the server's certificate.
 *
 * Owns      asking for them, and telling what came, in words.
 * Promises  nobody is refused for what came or didn't: it is told only.
 * Leaves    reading and verifying them to OpenSSL, which logs are to be believed to the program's file.
 * See       RFC 6962 section 3.3, SSL_CTX_set_ct_validation_callback(3), CTLOG_STORE_load_file(3).
 */
#include "scts.h"

#include "compat.h"
#include "conn.h"
#include "error.h"

#ifdef IOSSL_HAVE_CT
/* After they were verified: what failed is in their status, and left in the queue it would be taken for an
 * error of the handshake, SSL_get_error(3). */
static int
let_pass(const CT_POLICY_EVAL_CTX *judged_by, const STACK_OF(SCT) *scts, void *unused)
{
    (void)judged_by;
    (void)scts;
    (void)unused;
    iossl_error_clear_queue();
    return 1;
}
#endif

iossl_status
iossl_scts_apply(const iossl_sct_settings *settings, SSL_CTX *ssl_ctx, iossl_error *err)
{
    if (!settings->is_on && settings->log_file == NULL)
        return IOSSL_OK;
#ifdef IOSSL_HAVE_CT
    if (settings->log_file != NULL && SSL_CTX_set_ctlog_list_file(ssl_ctx, settings->log_file) != 1) {
        iossl_error_set_openssl(err, IOSSL_E_FILE, IOSSL_RANK_FATAL,
                                "SSL_ctlog_file %s can't be used as a list of logs: see "
                                "CTLOG_STORE_load_file(3)", settings->log_file);
        return IOSSL_ERROR;
    }
    if (SSL_CTX_set_ct_validation_callback(ssl_ctx, let_pass, NULL) == 1)
        return IOSSL_OK;
    iossl_error_set_openssl(err, IOSSL_E_OPTION, IOSSL_RANK_FATAL, "SSL_scts");
#else
    (void)ssl_ctx;              /* config.c has refused it */
    (void)err;
#endif
    return IOSSL_ERROR;
}

#ifdef IOSSL_HAVE_CT

static const char *
source_name(sct_source_t source)
{
    switch (source) {
    case SCT_SOURCE_TLS_EXTENSION:
        return "handshake";
    case SCT_SOURCE_X509V3_EXTENSION:
        return "certificate";
    case SCT_SOURCE_OCSP_STAPLED_RESPONSE:
        return "staple";
    case SCT_SOURCE_UNKNOWN:
        break;
    }
    return "unknown";
}

static const char *
status_name(sct_validation_status_t status)
{
    switch (status) {
    case SCT_VALIDATION_STATUS_VALID:
        return "valid";
    case SCT_VALIDATION_STATUS_INVALID:
        return "invalid";
    case SCT_VALIDATION_STATUS_UNKNOWN_LOG:
        return "unknown log";
    case SCT_VALIDATION_STATUS_UNKNOWN_VERSION:
        return "unknown version";
    case SCT_VALIDATION_STATUS_UNVERIFIED:
    case SCT_VALIDATION_STATUS_NOT_SET:
        break;
    }
    return "unverified";
}

#endif

bool
iossl_conn_get_sct(const iossl_conn *conn, size_t i, iossl_sct *out)
{
    bool found = false;

    *out = (iossl_sct){.status = "unverified"};
#ifdef IOSSL_HAVE_CT
    SSL *ssl = iossl_conn_get0_ssl(conn);
    const STACK_OF(SCT) *all = iossl_conn_get_role(conn) == IOSSL_CLIENT ? SSL_get0_peer_scts(ssl) : NULL;
    int n = all == NULL ? 0 : sk_SCT_num(all);

    if (i < (size_t)n) {
        const SCT *sct = sk_SCT_value(all, (int)i);
        const CTLOG_STORE *logs = SSL_CTX_get0_ctlog_store(SSL_get_SSL_CTX(ssl));
        int signature = SCT_get_signature_nid(sct);
        unsigned char *id;
        const CTLOG *log;

        out->source = source_name(SCT_get_source(sct));
        out->status = status_name(SCT_get_validation_status(sct));
        out->log_id_len = SCT_get0_log_id(sct, &id);
        out->log_id = id;
        /* Of a version to come nothing else is known. OpenSSL takes an id of no bytes for its first log's. */
        log = logs == NULL || out->log_id_len == 0
                  ? NULL
                  : CTLOG_STORE_get0_log_by_id(logs, id, out->log_id_len);
        out->log_name = log == NULL ? NULL : CTLOG_get0_name(log);
        out->time_ms = SCT_get_timestamp(sct);
        out->signature = signature == NID_undef ? NULL : OBJ_nid2sn(signature);
        found = true;
    }
    iossl_error_clear_queue();
#else
    (void)conn;
    (void)i;
#endif
    return found;
}
