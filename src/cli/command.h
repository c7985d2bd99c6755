/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subcommand: a row of text for people, a table of options, and the function that does the
 * work. --help, the man page and shell completion are made from the row.
 *
 *     static int run(struct weir_call *call, struct weir_diag *diag) { ... }
 *
 *     const struct weir_command weir_command_meter = {
 *         .name = "meter", .summary = "makes Flow Records of packets",
 *         .usage = "(-r FILE | -i IFACE)... [--to URL]...",
 *         .options = options, .option_count = OPTION_COUNT, .run = run,
 *     };
 *
 * and `&weir_command_meter` in commands.c, and its name in doc/meson.build.
 */
#ifndef WEIR_CLI_COMMAND_H
#define WEIR_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/options.h"
#include "cli/progress.h"

struct weir_command;

/* One run of a command. */
struct weir_call {
    const struct weir_command *command;
    struct weir_arguments arguments;
    struct weir_clock clock;
    struct weir_progress progress;
    bool has_failed; /* a failure was said on the way: the exit status is 1 at the least */
};

/*
 * Says a failure that does not end the command, which then ends with status 1. That a reader of
 * standard output has gone is none.
 */
void weir_call_say_failure(struct weir_call *call, int result, const struct weir_diag *diag);

struct weir_example {
    const char *command; /* as typed */
    const char *text;    /* what it does, a sentence without a full stop */
};

/* What is worth knowing of a thing that some who use the command never need. */
struct weir_topic {
    const char *heading; /* with the options that it is about: "Tunnels (--layer)" */
    const char *text;    /* as `about` */
};

struct weir_command {
    const char *name;    /* one word, or two: "gen packets" */
    const char *summary; /* a few words, lower case, without a full stop */
    const char *usage;   /* what follows the name; lines where there are several forms */
    const char *about;   /* paragraphs, an empty line between them; NULL: none */
    const struct weir_topic *topics; /* stand behind the options, up to one without a heading */
    const struct weir_option *options;
    size_t option_count;
    size_t operands_max;       /* most operands that it takes */
    const char *operands_hint; /* where a word may belong that is one too many; NULL: nowhere */
    const struct weir_example *examples; /* up to one without a command; NULL: none */
    /*
     * Does the work. Prints results on stdout and nothing else there. 0: done, exit status 0;
     * WEIR_E_USAGE: status 2; WEIR_E_CLOSED: who read standard output has gone, status 0; any
     * other: status 1. diag is printed after "weir: ", so it says what, and where.
     * It polls weir_stop_requested() (cli/signals.h) and then ends in good order, with 0.
     */
    int (*run)(struct weir_call *call, struct weir_diag *diag);
};

/* All commands, in the order in which --help lists them, and a NULL. */
extern const struct weir_command *const weir_commands[];

/* The command of argv[0], or of argv[0] and argv[1]; *ret_words says which. NULL: none. */
const struct weir_command *weir_command_find(int argc, char *const *argv, int *ret_words);

/* Whether the word is the first of commands of two: "gen". */
bool weir_command_is_group(const char *word);

/* Whether the command is one of the group's. */
bool weir_command_is_in(const struct weir_command *command, const char *group);

/* The command whose name is nearest to the word, or to the first two; NULL: none is near. */
const struct weir_command *weir_command_nearest(int argc, char *const *argv);

/* The second words of a group: "packets, exports". */
void weir_command_list_group(const char *group, struct weir_text_buffer *out);

#endif
