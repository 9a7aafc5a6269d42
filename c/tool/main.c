/*
 * main.c - the iossl command: which of its commands is meant.
 *
 * Owns      the list of commands, --help and --version of the whole.
 * Leaves    all else to cmd_*.c.
 */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <iossl.h>

#include "commands.h"
#include "show.h"

static const tool_command *const COMMANDS[] = {
    &tool_command_connect,
    &tool_command_serve,
    &tool_command_check,
    &tool_command_cert_show,
    &tool_command_cert_make,
    &tool_command_suffix,
    &tool_command_ocsp,
    &tool_command_ticket_keys,
};

static int
show_commands(void)
{
    printf("iossl: TLS connections, certificates and names, looked at and tried\n\n");
    for (size_t i = 0; i < TOOL_COUNT(COMMANDS); i++) {
        char head[64];

        (void)snprintf(head, sizeof head, "  iossl %s %s", COMMANDS[i]->name,
                       COMMANDS[i]->operands);
        printf("%-30s ", head);
        tool_fold(stdout, COMMANDS[i]->summary, 31, 31);
    }
    printf("\niossl COMMAND --help shows the options of a command, man iossl the rest.\n");
    return TOOL_OK;
}

/* How many arguments the name of the command takes of these; 0: it isn't meant. */
static int
names(const tool_command *command, int n, char *const *args)
{
    const char *word = command->name;
    int used = 0;

    while (*word != '\0') {
        size_t len = strcspn(word, " ");

        if (used >= n || strlen(args[used]) != len || memcmp(args[used], word, len) != 0)
            return 0;
        used++;
        word += len;
        word += strspn(word, " ");
    }
    return used;
}

/* Who starts us may have closed these: the number would go to a file or a connection of ours, which
 * would then be taken for input, or written into with what is meant for the user. Opened the wrong way
 * round, they still fail as closed ones do. */
static bool
open_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

int
main(int argc, char **argv)
{
    if (!open_standard_descriptors())
        return TOOL_USAGE;
    (void)setlocale(LC_CTYPE, "");
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        (void)show_commands();
        return TOOL_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("iossl %s (%s)\n", iossl_version(), iossl_openssl_version());
        return TOOL_OK;
    }
    for (size_t i = 0; i < TOOL_COUNT(COMMANDS); i++) {
        int used = names(COMMANDS[i], argc - 1, argv + 1);

        if (used > 0)
            return tool_run_command(COMMANDS[i], argc - 1 - used, argv + 1 + used);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0
        || strcmp(argv[1], "help") == 0)
        return show_commands();
    return tool_usage("unknown command \"%s\"; iossl --help lists them", argv[1]);
}
