/*
 * opts.h - the options of a command as tables, from which parsing and --help follow.
 */
#ifndef TOOL_OPTS_H
#define TOOL_OPTS_H

#include <stdbool.h>
#include <stddef.h>

/* What the tool ends with; see iossl(1). */
enum {
    TOOL_OK = 0,            /* yes: verified, matches, good                                       */
    TOOL_NO = 1,            /* no: not verified, doesn't match, revoked                           */
    TOOL_USAGE = 2,         /* the command could not begin: options, files                        */
    TOOL_NO_CONNECTION = 3, /* nobody there: unknown host, refused, out of time                   */
    TOOL_NO_TLS = 4         /* somebody is there, but no TLS came about, or it broke              */
};

typedef enum {
    OPT_FLAG,               /* bool */
    OPT_TEXT,               /* const char *, the last one given */
    OPT_LIST,               /* tool_list, each one given */
    OPT_INT                 /* long, within the bounds */
} tool_option_type;

#define TOOL_LIST_MAX 32
typedef struct tool_list {
    const char *item[TOOL_LIST_MAX];
    size_t n;
} tool_list;

typedef struct tool_option {
    char letter;            /* 0: none */
    const char *name;       /* "ca-file" */
    const char *value;      /* what it takes, as "FILE"; NULL: nothing */
    tool_option_type type;
    size_t offset;          /* of its place in the structure of the group */
    const char *perl;       /* what IO::Socket::SSL calls it; NULL: it has none */
    const char *help;
    long min, max;          /* OPT_INT */
} tool_option;

/* Options that go together, with a structure of their own within that of the command. */
typedef struct tool_group {
    const char *title;
    const tool_option *options;
    size_t n, offset;
} tool_group;

typedef struct tool_command {
    const char *name;       /* "connect", "cert make" */
    const char *operands;   /* "HOST[:PORT]" */
    const char *summary;    /* one line */
    size_t min_operands, max_operands;
    const tool_group *groups;
    size_t n_groups;
    size_t size;            /* of its structure, which begins as zeros */
    void (*defaults)(void *settings);           /* NULL: zeros are */
    int (*run)(const void *settings, const tool_list *operands);
} tool_command;

/* Parses and runs; returns the status to exit with. args[0] is the first after the command. */
int tool_run_command(const tool_command *command, int n, char *const *args);

/* "iossl connect: text" on standard error, escaped; returns TOOL_USAGE. */
int tool_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, for what isn't the user's mistake. */
void tool_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Words of the module in a text, as "SSL_ca_file", get the option that does it here, as
 * "SSL_ca_file (--ca-file)", as far as the command has one. free() it. */
char *tool_translate(const char *text);

#define TOOL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
