/*
 * opts.c - options of a command as tables: see opts.h.
 *
 * Owns      the syntax of a command line (-x, -xVALUE, --name VALUE, --name=VALUE, --), --help.
 * Promises  an option that isn't in the table, lacks its value or has one too many is refused, and
 *           nothing is done then.
 * Leaves    what a value means to the commands.
 */
#include "opts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"

/* The command that runs: one per program. */
static const tool_command *running;

/* ---- Complaints ------------------------------------------------------------------------------ */

static void
complain(const char *fmt, va_list args)
{
    char *text = NULL, *shown;

    if (vasprintf(&text, fmt, args) < 0)
        text = tool_copy(fmt);
    shown = tool_escape(text, strlen(text));
    tool_progress_end();
    fprintf(stderr, "iossl%s%s: ", running == NULL ? "" : " ", running == NULL ? "" : running->name);
    tool_fold(stderr, shown, 16, 4);
    free(shown);
    free(text);
}

void
tool_complain(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    complain(fmt, args);
    va_end(args);
}

int
tool_usage(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    complain(fmt, args);
    va_end(args);
    return TOOL_USAGE;
}

/* ---- Help ------------------------------------------------------------------------------------ */

static void
show_option(const tool_option *option)
{
    char head[64];
    char *text = option->perl == NULL ? tool_copy(option->help)
                                      : tool_format("%s [%s]", option->help, option->perl);

    (void)snprintf(head, sizeof head, "  %c%c%s --%s%s%s", option->letter == 0 ? ' ' : '-',
                   option->letter == 0 ? ' ' : option->letter, option->letter == 0 ? " " : ",",
                   option->name, option->value == NULL ? "" : " ",
                   option->value == NULL ? "" : option->value);
    if (strlen(head) > 27)
        printf("%s\n%30s", head, "");
    else
        printf("%-30s", head);
    tool_fold(stdout, text, 30, 30);
    free(text);
}

static int
show_help(const tool_command *command)
{
    printf("iossl %s [OPTIONS]%s%s\n\n", command->name, command->operands[0] == '\0' ? "" : " ",
           command->operands);
    tool_fold(stdout, command->summary, 0, 0);
    for (size_t g = 0; g < command->n_groups; g++) {
        const tool_group *group = &command->groups[g];

        printf("\n%s%s%s\n", tool_colour_begin(stdout, TITLE), group->title,
               tool_colour_begin(stdout, PLAIN));
        for (size_t i = 0; i < group->n; i++)
            show_option(&group->options[i]);
    }
    printf("\nNames in brackets are the options of IO::Socket::SSL. More: man iossl-%.*s\n",
           (int)strcspn(command->name, " "), command->name);
    return TOOL_OK;
}

/* ---- Parsing --------------------------------------------------------------------------------- */

/* The option of this long name (len bytes) or letter; *base: of the group's structure. */
static const tool_option *
find(const tool_command *command, const char *name, size_t len, char letter, size_t *base)
{
    for (size_t g = 0; g < command->n_groups; g++) {
        const tool_group *group = &command->groups[g];

        for (size_t i = 0; i < group->n; i++) {
            const tool_option *option = &group->options[i];

            if (name != NULL ? strlen(option->name) == len && memcmp(option->name, name, len) == 0
                             : option->letter == letter) {
                *base = group->offset;
                return option;
            }
        }
    }
    return NULL;
}

static bool
store(const tool_option *option, char *place, const char *value)
{
    tool_list *list;
    char *end;
    long n;

    switch (option->type) {
    case OPT_FLAG:
        *(bool *)(void *)place = true;
        return true;
    case OPT_TEXT:
        *(const char **)(void *)place = value;
        return true;
    case OPT_LIST:
        list = (tool_list *)(void *)place;
        if (list->n == TOOL_LIST_MAX) {
            (void)tool_usage("--%s was given more than %d times", option->name, TOOL_LIST_MAX);
            return false;
        }
        list->item[list->n++] = value;
        return true;
    case OPT_INT:
        break;
    }
    errno = 0;
    n = strtol(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || n < option->min || n > option->max) {
        (void)tool_usage("--%s \"%s\": a number from %ld to %ld is wanted", option->name, value,
                         option->min, option->max);
        return false;
    }
    *(long *)(void *)place = n;
    return true;
}

/* One argument that begins with "-"; *i moves over a value of its own. False: refused. */
static bool
parse_option(const tool_command *command, char *settings, int n, char *const *args, int *i)
{
    const char *arg = args[*i], *value = NULL;
    bool is_long = arg[1] == '-';
    size_t len = is_long ? strcspn(arg + 2, "=") : 1, base = 0;
    const tool_option *option = find(command, is_long ? arg + 2 : NULL, len, arg[1], &base);

    if (option == NULL) {
        (void)tool_usage("unknown option %s; see iossl %s --help", arg, command->name);
        return false;
    }
    if (is_long && arg[2 + len] == '=')
        value = arg + 3 + len;
    else if (!is_long && arg[2] != '\0')
        value = arg + 2;
    if (option->value == NULL && value != NULL) {
        (void)tool_usage("%s: --%s takes no value", arg, option->name);
        return false;
    }
    if (option->value != NULL && value == NULL) {
        if (*i + 1 >= n) {
            (void)tool_usage("--%s wants a value: %s", option->name, option->value);
            return false;
        }
        value = args[++*i];
    }
    return store(option, settings + base + option->offset, value);
}

static bool
parse(const tool_command *command, char *settings, tool_list *operands, int n, char *const *args)
{
    bool only_operands = false;

    for (int i = 0; i < n; i++) {
        if (!only_operands && strcmp(args[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && args[i][0] == '-' && args[i][1] != '\0') {
            if (!parse_option(command, settings, n, args, &i))
                return false;
        } else if (operands->n == command->max_operands) {
            (void)tool_usage("\"%s\" is one argument too many; see iossl %s --help", args[i],
                             command->name);
            return false;
        } else {
            operands->item[operands->n++] = args[i];
        }
    }
    if (operands->n < command->min_operands) {
        (void)tool_usage("%s is missing; see iossl %s --help", command->operands, command->name);
        return false;
    }
    return true;
}

static bool
wants_help(int n, char *const *args)
{
    for (int i = 0; i < n && strcmp(args[i], "--") != 0; i++)
        if (strcmp(args[i], "--help") == 0 || strcmp(args[i], "-h") == 0)
            return true;
    return false;
}

int
tool_run_command(const tool_command *command, int n, char *const *args)
{
    tool_list operands = {.n = 0};
    void *settings;
    int status = TOOL_USAGE;

    running = command;
    if (wants_help(n, args))
        return show_help(command);
    settings = tool_alloc(command->size);
    if (command->defaults != NULL)
        command->defaults(settings);
    if (parse(command, settings, &operands, n, args))
        status = command->run(settings, &operands);
    tool_progress_end();
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (status == TOOL_OK)
            status = TOOL_USAGE;
        if (errno != EPIPE)
            tool_complain("standard output can't be written: %s", strerror(errno));
    }
    free(settings);
    return status;
}

/* ---- Words of the module --------------------------------------------------------------------- */

static const tool_option *
find_perl(const char *word, size_t len)
{
    for (size_t g = 0; running != NULL && g < running->n_groups; g++)
        for (size_t i = 0; i < running->groups[g].n; i++) {
            const tool_option *option = &running->groups[g].options[i];

            if (option->perl != NULL && strncmp(option->perl, word, len) == 0
                && option->perl[len] == '\0')
                return option;
        }
    return NULL;
}

char *
tool_translate(const char *text)
{
    char *out = tool_copy("");

    while (*text != '\0') {
        const char *word = strstr(text, "SSL_");
        size_t before = word == NULL ? strlen(text) : (size_t)(word - text), len;
        const tool_option *option;
        char *longer;

        len = word == NULL ? 0
                           : strspn(word, "SL_abcdefghijklmnopqrstuvwxyz0123456789");
        option = len == 0 ? NULL : find_perl(word, len);
        longer = tool_format("%s%.*s%.*s%s%s%s", out, (int)before, text, (int)len,
                             word == NULL ? "" : word, option == NULL ? "" : " (--",
                             option == NULL ? "" : option->name, option == NULL ? "" : ")");
        free(out);
        out = longer;
        text += before + len;
    }
    return out;
}
