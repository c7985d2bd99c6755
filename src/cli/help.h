/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made from the rows of commands and options: --help, man pages in roff, and completion
 * for bash.
 *
 *     struct weir_text_buffer text;
 *     weir_text_init(&text, WEIR_HELP_MAX);
 *     weir_help_command(&weir_command_meter, 80, &text);
 *
 * Failures of the buffer are the caller's to ask for.
 */
#ifndef WEIR_CLI_HELP_H
#define WEIR_CLI_HELP_H

#include "base/text.h"
#include "cli/command.h"

#define WEIR_HELP_MAX (1u << 20)

/* Columns to write --help in: the terminal's, from 60 to 100; 80 where there is none. */
unsigned weir_help_columns(void);

/* `weir --help`, `weir GROUP --help`, and `weir COMMAND --help`. */
void weir_help_all(unsigned columns, struct weir_text_buffer *out);
void weir_help_group(const char *group, unsigned columns, struct weir_text_buffer *out);
void weir_help_command(const struct weir_command *command, unsigned columns,
                       struct weir_text_buffer *out);

/* The man pages weir(1) and weir-COMMAND(1). */
void weir_man_all(struct weir_text_buffer *out);
void weir_man_command(const struct weir_command *command, struct weir_text_buffer *out);

/* A script for bash-completion. */
void weir_completion_bash(struct weir_text_buffer *out);

/* What all commands have in common, as headings with rows of a term and its text. */
struct weir_help_term {
    const char *term; /* NULL: the text is a heading */
    const char *text;
};
extern const struct weir_help_term weir_help_terms[]; /* up to one without a text */

#endif
