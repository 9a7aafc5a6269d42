/*
 * cmd_suffix.c - iossl suffix: where a name's public suffix ends.
 */
#include <stdlib.h>
#include <string.h>

#include <iossl.h>

#include "commands.h"
#include "report.h"

typedef struct suffix_settings {
    const char *section;
    bool json;
} suffix_settings;

#define AT(member) offsetof(suffix_settings, member)
static const tool_option OPTIONS[] = {
    {0, "section", "icann|all", OPT_TEXT, AT(section), NULL,
     "which part of the list counts: what registries delegate alone, which is what certificates are "
     "checked with (the default), or suffixes of hosting services, as github.io, too", 0, 0},
    {0, "json", NULL, OPT_FLAG, AT(json), NULL, "print JSON", 0, 0},
};
static const tool_group GROUPS[] = {{"Options", OPTIONS, TOOL_COUNT(OPTIONS), 0}};

/* Where the last n labels begin; NULL: there are fewer. */
static const char *
last_labels(const char *name, size_t n)
{
    const char *at = name + strlen(name);

    while (at > name) {
        if (at[-1] == '.' && --n == 0)
            return at;
        at--;
    }
    return n == 1 ? name : NULL;
}

static void
show(const char *name, const char *ascii, size_t labels, bool json)
{
    const char *suffix = last_labels(ascii, labels), *registrable = last_labels(ascii, labels + 1);
    report *r = report_new(stdout, json);

    report_text(r, "name", "name", name);
    report_text(r, "ascii", strcmp(name, ascii) == 0 ? NULL : "ASCII form", ascii);
    report_text(r, "suffix", "public suffix", suffix == NULL ? ascii : suffix);
    report_text(r, "registrable", "registrable", registrable);
    if (registrable == NULL)
        report_say(r, WARN, "This is a public suffix itself: no certificate is issued for it, and "
                            "none for *.%s is accepted.", ascii);
    else
        report_say(r, PLAIN, "A certificate for *.%s is accepted for names under it, one for *.%s "
                             "isn't accepted for any.", registrable, suffix);
    report_free(r);
}

static int
run(const void *settings, const tool_list *operands)
{
    const suffix_settings *s = settings;
    iossl_psl_sections sections = IOSSL_PSL_ICANN;
    iossl_error *err = iossl_error_new();
    const char *name = operands->item[0];
    int status = TOOL_USAGE;
    char *ascii = NULL;
    size_t len;

    if (s->section != NULL && strcmp(s->section, "all") == 0)
        sections = IOSSL_PSL_ALL;
    else if (s->section != NULL && strcmp(s->section, "icann") != 0) {
        (void)tool_usage("--section \"%s\": icann or all is wanted", s->section);
        goto done;
    }
    if (iossl_idn_to_ascii(&ascii, name, strlen(name), err) != IOSSL_OK) {
        (void)tool_usage("%s", iossl_error_message(err));
        goto done;
    }
    if ((len = strlen(ascii)) > 0 && ascii[len - 1] == '.')
        ascii[--len] = '\0';
    if (len == 0 || ascii[0] == '.') {
        (void)tool_usage("\"%s\" is no host name", name);
        goto done;
    }
    show(name, ascii, iossl_psl_suffix_labels(iossl_psl_builtin(sections), ascii, len, 1), s->json);
    status = TOOL_OK;
done:
    iossl_free(ascii);
    iossl_error_free(err);
    return status;
}

const tool_command tool_command_suffix = {
    .name = "suffix",
    .operands = "NAME",
    .summary = "Tells the public suffix of a host name, and what wildcards may cover.",
    .min_operands = 1,
    .max_operands = 1,
    .groups = GROUPS,
    .n_groups = TOOL_COUNT(GROUPS),
    .size = sizeof(suffix_settings),
    .run = run,
};
