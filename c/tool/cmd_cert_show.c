/*
 * cmd_cert_show.c - iossl cert show: what the certificates of a file say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iossl.h>

#include "commands.h"
#include "describe.h"
#include "load.h"
#include "report.h"

typedef struct show_settings {
    bool json, pem;
} show_settings;

#define AT(member) offsetof(show_settings, member)
static const tool_option OPTIONS[] = {
    {0, "json", NULL, OPT_FLAG, AT(json), NULL, "print JSON", 0, 0},
    {0, "pem", NULL, OPT_FLAG, AT(pem), NULL, "print the certificates as PEM instead", 0, 0},
};
static const tool_group GROUPS[] = {{"Options", OPTIONS, TOOL_COUNT(OPTIONS), 0}};

static int
show_pem(STACK_OF(X509) *certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        char *pem = iossl_cert_to_pem(sk_X509_value(certs, i), NULL);

        if (pem != NULL)
            (void)fputs(pem, stdout);
        iossl_free(pem);
    }
    return TOOL_OK;
}

static int
run(const void *settings, const tool_list *operands)
{
    const show_settings *s = settings;
    STACK_OF(X509) *certs = tool_load_certs(operands->item[0]);
    report *r;

    if (certs == NULL)
        return TOOL_USAGE;
    if (s->pem) {
        (void)show_pem(certs);
    } else {
        r = report_new(stdout, s->json);
        report_array(r, "certificates", NULL);
        for (int i = 0; i < sk_X509_num(certs); i++) {
            char *title = tool_format("Certificate %d of %d", i + 1, sk_X509_num(certs));

            report_object(r, NULL, title);
            describe_cert(r, sk_X509_value(certs, i), DESCRIBE_FULL);
            report_end(r);
            free(title);
        }
        report_free(r);
    }
    sk_X509_pop_free(certs, X509_free);
    return TOOL_OK;
}

const tool_command tool_command_cert_show = {
    .name = "cert show",
    .operands = "FILE",
    .summary = "Shows what the certificates of a file (PEM, DER, PKCS#12; \"-\": standard input) say.",
    .min_operands = 1,
    .max_operands = 1,
    .groups = GROUPS,
    .n_groups = TOOL_COUNT(GROUPS),
    .size = sizeof(show_settings),
    .run = run,
};
