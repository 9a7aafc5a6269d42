/*
 * describe.c - iossl_certinfo as the hash that CERT_asHash() of IO::Socket::SSL::Utils gives.
 *
 * Owns      names of the keys, and the shape below them.
 * Promises  nothing of Perl's runs meanwhile, so nothing can leak info.
 * Leaves    what is in a certificate to certinfo.c, digests to lib/.
 */
#include "describe.h"

#include <openssl/x509v3.h>

/* Bytes, as programs have always got them. */
static SV *
text_sv(pTHX_ const char *text, size_t len)
{
    return text == NULL ? newSV(0) : newSVpvn(text, len);
}

static SV *
name_sv(pTHX_ const char *text)
{
    return text == NULL ? newSV(0) : newSVpv(text, 0);
}

/* Long name => value; a part that occurs again makes a list of its values. */
static SV *
name_hash(pTHX_ const iossl_name_part *parts, size_t n)
{
    HV *hv = newHV();

    for (size_t i = 0; i < n; i++) {
        SV *value = text_sv(aTHX_ parts[i].value, parts[i].len);
        I32 len = (I32)strlen(parts[i].name);
        SV **slot = hv_fetch(hv, parts[i].name, len, 0);

        if (slot == NULL) {
            (void)hv_store(hv, parts[i].name, len, value, 0);
        } else if (SvROK(*slot)) {
            av_push((AV *)SvRV(*slot), value);
        } else {
            AV *list = newAV();

            av_push(list, newSVsv(*slot));
            av_push(list, value);
            (void)hv_store(hv, parts[i].name, len, newRV_noinc((SV *)list), 0);
        }
    }
    return newRV_noinc((SV *)hv);
}

static SV *
text_list(pTHX_ const char *const *texts, size_t n)
{
    AV *list = newAV();

    for (size_t i = 0; i < n; i++)
        av_push(list, newSVpv(texts[i], 0));
    return newRV_noinc((SV *)list);
}

static SV *
altname_list(pTHX_ const iossl_altname *names, size_t n)
{
    AV *list = newAV();

    for (size_t i = 0; i < n; i++) {
        AV *pair = newAV();

        av_push(pair, newSVpv(names[i].type_name, 0));
        av_push(pair, text_sv(aTHX_ names[i].value, names[i].len));
        /* What text doesn't tell whole is there as it stands, for CERT_create. */
        if (names[i].value == NULL || names[i].type == GEN_OTHERNAME || names[i].type == GEN_DIRNAME)
            av_push(pair, newSVpvn((const char *)names[i].der, names[i].der_len));
        av_push(list, newRV_noinc((SV *)pair));
    }
    return newRV_noinc((SV *)list);
}

/* Four lists side by side. */
static SV *
usage_hash(pTHX_ const iossl_oid *usages, size_t n)
{
    HV *hv = newHV();
    AV *oid = newAV(), *nid = newAV(), *sn = newAV(), *ln = newAV();

    for (size_t i = 0; i < n; i++) {
        av_push(oid, name_sv(aTHX_ usages[i].oid));
        av_push(nid, usages[i].nid == 0 ? newSV(0) : newSViv(usages[i].nid));
        av_push(sn, name_sv(aTHX_ usages[i].sn));
        av_push(ln, name_sv(aTHX_ usages[i].ln));
    }
    (void)hv_stores(hv, "oid", newRV_noinc((SV *)oid));
    (void)hv_stores(hv, "nid", newRV_noinc((SV *)nid));
    (void)hv_stores(hv, "sn", newRV_noinc((SV *)sn));
    (void)hv_stores(hv, "ln", newRV_noinc((SV *)ln));
    return newRV_noinc((SV *)hv);
}

static SV *
extension_list(pTHX_ const iossl_extension *extensions, size_t n)
{
    AV *list = newAV();

    for (size_t i = 0; i < n; i++) {
        const iossl_extension *e = &extensions[i];
        HV *hv = newHV();

        /* "oid" has always been the long name where there is one. */
        (void)hv_stores(hv, "oid", name_sv(aTHX_ e->id.ln != NULL ? e->id.ln : e->id.oid));
        (void)hv_stores(hv, "nid", e->id.nid == 0 ? newSV(0) : newSViv(e->id.nid));
        (void)hv_stores(hv, "sn", name_sv(aTHX_ e->id.sn));
        (void)hv_stores(hv, "critical", newSViv(e->critical ? 1 : 0));
        (void)hv_stores(hv, "data", text_sv(aTHX_ e->text, e->text_len));
        (void)hv_stores(hv, "der", newSVpvn((const char *)e->der, e->der_len));
        av_push(list, newRV_noinc((SV *)hv));
    }
    return newRV_noinc((SV *)list);
}

static SV *
time_sv(pTHX_ int64_t time)
{
    return time == IOSSL_NO_TIME ? newSV(0) : sizeof(IV) >= sizeof(int64_t)
               ? newSViv((IV)time) : newSVnv((NV)time);
}

HV *
glue_description(pTHX_ const iossl_certinfo *info)
{
    HV *hv = newHV();

    (void)hv_stores(hv, "version", newSViv(info->version));
    (void)hv_stores(hv, "serial", newSVpv(info->serial, 0));
    (void)hv_stores(hv, "not_before", time_sv(aTHX_ info->not_before));
    (void)hv_stores(hv, "not_after", time_sv(aTHX_ info->not_after));
    (void)hv_stores(hv, "subject", name_hash(aTHX_ info->subject, info->n_subject));
    (void)hv_stores(hv, "issuer", name_hash(aTHX_ info->issuer, info->n_issuer));
    (void)hv_stores(hv, "signature_alg", name_sv(aTHX_ info->signature_alg));
    if (info->has_altnames)
        (void)hv_stores(hv, "subjectAltNames", altname_list(aTHX_ info->altnames, info->n_altnames));
    (void)hv_stores(hv, "crl_uri", text_list(aTHX_ info->crl_uris, info->n_crl_uris));
    (void)hv_stores(hv, "ocsp_uri", text_list(aTHX_ info->ocsp_uris, info->n_ocsp_uris));
    (void)hv_stores(hv, "keyusage", text_list(aTHX_ info->key_usage, info->n_key_usage));
    (void)hv_stores(hv, "extkeyusage", usage_hash(aTHX_ info->ext_key_usage,
                                                  info->n_ext_key_usage));
    (void)hv_stores(hv, "ext", extension_list(aTHX_ info->extensions, info->n_extensions));
    return hv;
}

AV *
glue_scts(pTHX_ const iossl_conn *conn)
{
    AV *list = newAV();
    iossl_sct sct;

    for (size_t i = 0; iossl_conn_get_sct(conn, i, &sct); i++) {
        HV *hv = newHV();

        (void)hv_stores(hv, "source", name_sv(aTHX_ sct.source));
        (void)hv_stores(hv, "status", name_sv(aTHX_ sct.status));
        (void)hv_stores(hv, "log", name_sv(aTHX_ sct.log_name));
        (void)hv_stores(hv, "log_id", newSVpvn((const char *)sct.log_id, sct.log_id_len));
        (void)hv_stores(hv, "time", newSVnv((NV)sct.time_ms / 1000));
        (void)hv_stores(hv, "signature", name_sv(aTHX_ sct.signature));
        av_push(list, newRV_noinc((SV *)hv));
    }
    return list;
}

HV *
glue_info(pTHX_ iossl_conn *conn)
{
    static const char *const EARLY[] = {"none", "rejected", "accepted"};
    const iossl_conn_info *info = iossl_conn_get0_info(conn);
    HV *hv = newHV();

    if (info == NULL)
        return hv;
    (void)hv_stores(hv, "protocol", name_sv(aTHX_ info->protocol));
    (void)hv_stores(hv, "cipher", name_sv(aTHX_ info->cipher));
    (void)hv_stores(hv, "cipher_bits", newSViv(info->cipher_bits));
    (void)hv_stores(hv, "group", name_sv(aTHX_ info->group));
    (void)hv_stores(hv, "signature", name_sv(aTHX_ info->signature));
    (void)hv_stores(hv, "client_signature", name_sv(aTHX_ info->client_signature));
    (void)hv_stores(hv, "resumed", newSViv(info->is_resumed ? 1 : 0));
    (void)hv_stores(hv, "early_data",
                    newSVpv(EARLY[info->early_data <= IOSSL_EARLY_ACCEPTED ? info->early_data
                                                                           : IOSSL_EARLY_NONE], 0));
    (void)hv_stores(hv, "handshake_time", info->handshake_us < 0
                                              ? newSV(0)
                                              : newSVnv((NV)info->handshake_us / 1e6));
    (void)hv_stores(hv, "ktls_send", newSViv(info->ktls_send ? 1 : 0));
    (void)hv_stores(hv, "ktls_recv", newSViv(info->ktls_recv ? 1 : 0));
    (void)hv_stores(hv, "bytes_in", newSVnv((NV)info->bytes_in));
    (void)hv_stores(hv, "bytes_out", newSVnv((NV)info->bytes_out));
    (void)hv_stores(hv, "alpn", text_sv(aTHX_ (const char *)info->alpn, info->alpn_len));
    (void)hv_stores(hv, "tlsa", name_sv(aTHX_ info->tlsa));
    (void)hv_stores(hv, "scts", newRV_noinc((SV *)glue_scts(aTHX_ conn)));
    return hv;
}
