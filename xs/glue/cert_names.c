/*
 * cert_names.c - the names in a certificate as Perl values.
 *
 * Leaves    which names there are, and their form, to libiossl.
 */
#include "cert_names.h"

typedef struct {
#ifdef MULTIPLICITY
    PerlInterpreter *perl;
#endif
    AV *list;
} altname_list;

static bool
push_altname(void *arg, int type, const unsigned char *value, size_t len)
{
    altname_list *to = arg;
#ifdef MULTIPLICITY
    dTHXa(to->perl);
#endif

    av_push(to->list, newSViv(type));
    av_push(to->list, newSVpvn((const char *)value, len));
    return true;
}

void
glue_push_altnames(pTHX_ AV *list, const X509 *cert)
{
    altname_list to;

#ifdef MULTIPLICITY
    to.perl = aTHX;
#endif
    to.list = list;
    iossl_cert_altnames(cert, push_altname, &to);
}

SV *
glue_common_name(pTHX_ const X509 *cert)
{
    size_t len;
    char *name = iossl_cert_common_name(cert, &len);
    SV *sv = sv_newmortal();

    if (name != NULL) {
        sv_setpvn(sv, name, len);
        iossl_free(name);
        (void)sv_utf8_decode(sv);
    }
    return sv;
}
