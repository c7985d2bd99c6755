/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "app/counters.h"
#include "cli/help.h"
#include "cli/print.h"

enum { MAN, COMPLETION, COUNTERS, COMMANDS, OPTION_COUNT };

static const struct weir_option options[OPTION_COUNT] = {
    [MAN] = {.name = "man", .group = "Other forms", .help = "prints the man page, in roff"},
    [COMPLETION] = {.name = "completion", .help = "prints a script for bash-completion"},
    [COUNTERS] = {.name = "counters", .help = "prints the reference of counters, in Markdown"},
    [COMMANDS] = {.name = "commands", .help = "prints the names of all commands, one a line"},
};

static void print_names(struct weir_text_buffer *text)
{
    for (const struct weir_command *const *at = weir_commands; *at; at++)
        weir_text_printf(text, "%s\n", (*at)->name);
}

static int run(struct weir_call *call, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &call->arguments;
    const struct weir_command *command = NULL;
    const char *group = NULL;
    int words = 0;
    if (arguments->operand_count == 1 && weir_command_is_group(arguments->operands[0])) {
        group = arguments->operands[0];
    } else if (arguments->operand_count > 0) {
        command = weir_command_find((int)arguments->operand_count,
                                    (char *const *)arguments->operands, &words);
        if (!command || (size_t)words != arguments->operand_count)
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "help: '%s': no such command; 'weir --help' lists them",
                                 arguments->operands[command ? words : 0]);
    }

    struct weir_text_buffer text;
    weir_text_init(&text, WEIR_HELP_MAX);
    if (weir_arguments_flag(arguments, COMPLETION))
        weir_completion_bash(&text);
    else if (weir_arguments_flag(arguments, COUNTERS))
        weir_counters_reference(&text);
    else if (weir_arguments_flag(arguments, COMMANDS))
        print_names(&text);
    else if (weir_arguments_flag(arguments, MAN))
        command ? weir_man_command(command, &text) : weir_man_all(&text);
    else if (group)
        weir_help_group(group, weir_help_columns(), &text);
    else
        command ? weir_help_command(command, weir_help_columns(), &text)
                : weir_help_all(weir_help_columns(), &text);

    int result = weir_print(&text, "-", diag);
    weir_text_done(&text);
    return result;
}

const struct weir_command weir_command_help = {
    .name = "help",
    .summary = "explains a command",
    .usage = "[COMMAND]\n--man [COMMAND]\n--completion\n--counters",
    .options = options,
    .option_count = OPTION_COUNT,
    .operands_max = 2,
    .run = run,
};
