/*
 * commands.h - the commands that there are, one file each.
 */
#ifndef TOOL_COMMANDS_H
#define TOOL_COMMANDS_H

#include "opts.h"

extern const tool_command tool_command_connect;
extern const tool_command tool_command_serve;
extern const tool_command tool_command_check;
extern const tool_command tool_command_cert_show;
extern const tool_command tool_command_cert_make;
extern const tool_command tool_command_suffix;
extern const tool_command tool_command_ocsp;
extern const tool_command tool_command_ticket_keys;

#endif
