/*
 * callbacks_verify.c - the program's say in verification: SSL_verify_callback, and the code of a scheme.
 *
 * Promises  as call.c; where the code has died, a certificate is refused.
 * Leaves    to libiossl what an answer means.
 */
#include "callbacks.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "call.h"
#include "cert_names.h"
#include "objects.h"
#include "status.h"

/* Issuer and subject in one text, as programs have always been given them. */
static SV *
names_sv(pTHX_ const X509 *cert)
{
    char *issuer = cert == NULL ? NULL : iossl_cert_issuer(cert);
    char *subject = cert == NULL ? NULL : iossl_cert_subject(cert);
    SV *sv = newSVpvf("%s%s", issuer == NULL ? "" : issuer, subject == NULL ? "" : subject);

    iossl_free(issuer);
    iossl_free(subject);
    return sv;
}

static bool
on_verify(void *arg, bool ok, X509_STORE_CTX *store_ctx)
{
    dTHX;
    glue_handle *h = glue_handle_of(arg);
    glue_context *context = glue_context_of_handle(h);
    X509 *cert = X509_STORE_CTX_get_current_cert(store_ctx);
    int code = X509_STORE_CTX_get_error(store_ctx);
    char text[256];
    bool accepted;
    AV *args;
    SV *answer;

    if (context == NULL || context->verify_callback == NULL)
        return ok;
    if (h->exception != NULL)
        return false;
    ENTER;
    SAVETMPS;
    args = glue_new_args(aTHX);
    av_push(args, newSViv(ok));
    av_push(args, glue_pointer_sv(aTHX_ store_ctx));
    av_push(args, names_sv(aTHX_ cert));
    /* The code in the form of an error of OpenSSL: what programs have always been given. */
    ERR_error_string_n((unsigned long)code, text, sizeof text);
    av_push(args, code == 0 ? newSVpvs("0") : newSVpv(text, 0));
    glue_object_lent(GLUE_X509, cert);
    av_push(args, glue_pointer_sv(aTHX_ cert));
    av_push(args, newSViv(X509_STORE_CTX_get_error_depth(store_ctx)));
    answer = glue_call_code(aTHX_ context->verify_callback, args, &h->exception);
    accepted = glue_is_yes(aTHX_ answer, &h->exception);
    FREETMPS;
    LEAVE;
    return accepted;
}

static iossl_match
on_name(void *arg, const char *identity, X509 *cert)
{
    dTHX;
    glue_handle *h = glue_handle_of(arg);
    glue_context *context = glue_context_of_handle(h);
    iossl_match match;
    AV *args;
    SV *answer;

    if (context == NULL || context->scheme_callback == NULL || h->exception != NULL)
        return IOSSL_NAME_MISMATCH;
    ENTER;
    SAVETMPS;
    args = glue_new_args(aTHX);
    av_push(args, SvREFCNT_inc(glue_text(aTHX_ identity)));
    av_push(args, SvREFCNT_inc(glue_common_name(aTHX_ cert)));
    glue_push_altnames(aTHX_ args, cert);
    answer = glue_call_code(aTHX_ context->scheme_callback, args, &h->exception);
    match = glue_is_yes(aTHX_ answer, &h->exception) ? IOSSL_NAME_MATCH : IOSSL_NAME_MISMATCH;
    FREETMPS;
    LEAVE;
    return match;
}

iossl_status
glue_connect_verification(pTHX_ iossl_conn *conn, const glue_context *context, iossl_error *err)
{
    PERL_UNUSED_CONTEXT;
    if (context->verify_callback != NULL)
        iossl_conn_set_verify_cb(conn, on_verify, conn);
    if (context->scheme_callback != NULL) {
        const iossl_scheme scheme = {.callback = on_name, .callback_arg = conn};

        return iossl_conn_set_scheme(conn, &scheme, err);
    }
    return IOSSL_OK;
}
