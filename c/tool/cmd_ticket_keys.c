/*
 * cmd_ticket_keys.c - iossl ticket-keys: files of keys that servers encrypt session tickets with.
 *
 * Promises  keys are never shown, only their names, which every ticket carries in the clear.
 * Leaves    the file to libiossl.
 */
#include <stdio.h>
#include <string.h>

#include <iossl.h>

#include "commands.h"
#include "show.h"

typedef struct ticket_keys_settings {
    long keep;
} ticket_keys_settings;

#define AT(member) offsetof(ticket_keys_settings, member)
static const tool_option OPTIONS[] = {
    {0, "keep", "N", OPT_INT, AT(keep), NULL,
     "how many keys there are then, the new one included; default: 3", 1, 256},
};
static const tool_group GROUPS[] = {{"Options", OPTIONS, TOOL_COUNT(OPTIONS), 0}};

static int
show(const char *file, iossl_error *err)
{
    iossl_ticket_key *keys;
    size_t n;

    if (iossl_ticket_keys_read(&keys, &n, file, err) != IOSSL_OK)
        return TOOL_USAGE;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < sizeof keys[i].name; j++)
            printf("%02x", keys[i].name[j]);
        printf("  AES-%d  %s\n", keys[i].key_len == 64 ? 256 : 128,
               i == 0 ? "encrypts and decrypts" : "decrypts");
    }
    iossl_ticket_keys_free(keys, n);
    return TOOL_OK;
}

static int
run(const void *settings, const tool_list *operands)
{
    const ticket_keys_settings *s = settings;
    const char *what = operands->item[0], *file = operands->item[1];
    iossl_error *err = iossl_error_new();
    int status = TOOL_USAGE;

    if (strcmp(what, "show") == 0)
        status = show(file, err);
    else if (strcmp(what, "rotate") != 0)
        (void)tool_usage("ticket-keys \"%s\": rotate or show is wanted", what);
    else if (iossl_ticket_keys_rotate(file, (size_t)s->keep, err) == IOSSL_OK)
        status = show(file, err);
    if (iossl_error_get_code(err) != IOSSL_E_NONE)
        tool_complain("%s", iossl_error_message(err));
    iossl_error_free(err);
    return status;
}

static void
set_defaults(void *settings)
{
    ((ticket_keys_settings *)settings)->keep = 3;
}

const tool_command tool_command_ticket_keys = {
    .name = "ticket-keys",
    .operands = "rotate|show FILE",
    .summary = "Puts a new key into a file of session ticket keys, or tells which are in it.",
    .min_operands = 2,
    .max_operands = 2,
    .groups = GROUPS,
    .n_groups = TOOL_COUNT(GROUPS),
    .size = sizeof(ticket_keys_settings),
    .defaults = set_defaults,
    .run = run,
};
