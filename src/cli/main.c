/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/signals.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* What commands printed by stdio may still wait, and may not get out. */
static int flush_standard_output(struct weir_diag *diag)
{
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !failed)
        return 0;
    return weir_diag_set(diag, errno == EPIPE ? WEIR_E_CLOSED : WEIR_E_IO, "standard output: %s",
                         strerror(errno));
}

/* The one place that turns a result into an exit status, and its diag into the line on stderr. */
static int finish(int result, struct weir_diag *diag)
{
    struct weir_diag own = {0};
    int flushed = flush_standard_output(result == 0 ? diag : &own);
    if (result == 0)
        result = flushed;
    if (result == 0 || result == WEIR_E_CLOSED)
        return EXIT_DONE;
    fprintf(stderr, "weir: %s\n", diag->text[0] ? diag->text : weir_error_text(result));
    return result == WEIR_E_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

/* Of a command, of a group of commands, or of weir. */
static int print_help(const struct weir_command *command, const char *group, FILE *file,
                      struct weir_diag *diag)
{
    struct weir_text_buffer text;
    weir_text_init(&text, WEIR_HELP_MAX);
    if (command)
        weir_help_command(command, weir_help_columns(), &text);
    else if (group)
        weir_help_group(group, weir_help_columns(), &text);
    else
        weir_help_all(weir_help_columns(), &text);
    int result = weir_text_error(&text);
    if (result < 0)
        weir_diag_set(diag, (enum weir_error)result, "%s", weir_error_text(result));
    else
        fwrite(text.data, text.length, 1, file);
    weir_text_done(&text);
    return result;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Runs it; returns the exit status. */
static int run_command(const struct weir_command *command, int argc, char *const *argv,
                       struct weir_diag *diag)
{
    struct weir_call call = {.command = command, .clock = weir_clock_system()};
    int result = weir_arguments_parse(&call.arguments, command->options, command->option_count,
                                      argc, argv, &call.clock, diag);
    if (result == 0 && call.arguments.help) {
        result = print_help(command, NULL, stdout, diag);
    } else if (result == 0 && call.arguments.operand_count > command->operands_max) {
        result = weir_diag_set(diag, WEIR_E_USAGE, "%s: '%s' is one word too many; %s",
                               command->name, call.arguments.operands[command->operands_max],
                               command->operands_hint ? command->operands_hint : "see --help");
    } else if (result == 0) {
        weir_progress_init(&call.progress, call.arguments.progress, call.arguments.quiet);
        result = weir_signals_install(diag);
        if (result == 0)
            result = command->run(&call, diag);
        weir_progress_clear(&call.progress);
    }
    weir_arguments_done(&call.arguments);
    int status = finish(result, diag);
    return status == EXIT_DONE && call.has_failed ? EXIT_FAILED : status;
}

/* The first word of commands of two, with none of their second ones. */
static int unknown_in_group(int argc, char *const *argv, struct weir_diag *diag)
{
    struct weir_text_buffer words;
    weir_text_init(&words, WEIR_HELP_MAX);
    weir_command_list_group(argv[0], &words);
    if (argc > 1)
        weir_diag_set(diag, WEIR_E_USAGE, "%s: '%s' is none of %s", argv[0], argv[1],
                      weir_text_string(&words));
    else
        weir_diag_set(diag, WEIR_E_USAGE, "%s: one of %s is to follow; see 'weir %s --help'",
                      argv[0], weir_text_string(&words), argv[0]);
    weir_text_done(&words);
    return WEIR_E_USAGE;
}

static int unknown_command(int argc, char *const *argv, struct weir_diag *diag)
{
    if (weir_command_is_group(argv[0]))
        return unknown_in_group(argc, argv, diag);
    const struct weir_command *nearest = weir_command_nearest(argc, argv);
    if (nearest)
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s': no such command; did you mean 'weir %s'?",
                             argv[0], nearest->name);
    return weir_diag_set(diag, WEIR_E_USAGE, "'%s': no such %s; see 'weir --help'", argv[0],
                         argv[0][0] == '-' ? "option" : "command");
}

/*
 * Large blocks go back to the system when they are freed, and stay apart from small ones. By itself
 * the C library stops doing so once it has seen some: what a row group or a state took for a moment
 * then stays for good, in pieces.
 */
static void keep_memory_together(void)
{
#ifdef M_MMAP_THRESHOLD
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 20);
#endif
}

int main(int argc, char **argv)
{
    struct weir_diag diag = {0};
    int words = 0;
    keep_memory_together();
    if (argc < 2) {
        (void)print_help(NULL, NULL, stderr, &diag);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("weir %s\n", weir_version());
        return finish(0, &diag);
    }
    if (is_help(argv[1]))
        return finish(print_help(NULL, NULL, stdout, &diag), &diag);
    if (argc > 2 && weir_command_is_group(argv[1]) && is_help(argv[2]))
        return finish(print_help(NULL, argv[1], stdout, &diag), &diag);
    const struct weir_command *command = weir_command_find(argc - 1, argv + 1, &words);
    if (!command)
        return finish(unknown_command(argc - 1, argv + 1, &diag), &diag);
    return run_command(command, argc - 1 - words, argv + 1 + words, &diag);
}
