/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/command.h"

extern const struct weir_command weir_command_collect;
extern const struct weir_command weir_command_elements;
extern const struct weir_command weir_command_gen_exports;
extern const struct weir_command weir_command_gen_packets;
extern const struct weir_command weir_command_help;
extern const struct weir_command weir_command_inspect;
extern const struct weir_command weir_command_meter;
extern const struct weir_command weir_command_query;
extern const struct weir_command weir_command_replay;

#define WORDS_MAX 128

/* One a line, so that two that are added at once do not meet. */
/* clang-format off */
const struct weir_command *const weir_commands[] = {
    &weir_command_meter,
    &weir_command_collect,
    &weir_command_query,
    &weir_command_inspect,
    &weir_command_replay,
    &weir_command_gen_packets,
    &weir_command_gen_exports,
    &weir_command_elements,
    &weir_command_help,
    NULL,
};
/* clang-format on */

const struct weir_command *weir_command_find(int argc, char *const *argv, int *ret_words)
{
    char two[WORDS_MAX] = "";
    if (argc > 1)
        snprintf(two, sizeof(two), "%s %s", argv[0], argv[1]);
    for (const struct weir_command *const *at = weir_commands; argc > 0 && *at; at++) {
        if (strcmp((*at)->name, argv[0]) == 0 || strcmp((*at)->name, two) == 0) {
            *ret_words = strchr((*at)->name, ' ') ? 2 : 1;
            return *at;
        }
    }
    return NULL;
}

bool weir_command_is_in(const struct weir_command *command, const char *group)
{
    size_t length = strlen(group);
    return strncmp(command->name, group, length) == 0 && command->name[length] == ' ';
}

bool weir_command_is_group(const char *word)
{
    const struct weir_command *const *at = weir_commands;
    while (*at && !weir_command_is_in(*at, word))
        at++;
    return *at != NULL;
}

static const struct weir_command *nearest_to(const char *words)
{
    const struct weir_command *nearest = NULL;
    struct weir_nearest search = weir_nearest_begin(words);
    for (const struct weir_command *const *at = weir_commands; *at; at++)
        if (weir_nearest_offer(&search, (*at)->name))
            nearest = *at;
    return nearest;
}

const struct weir_command *weir_command_nearest(int argc, char *const *argv)
{
    char two[WORDS_MAX] = "";
    const struct weir_command *nearest = NULL;
    if (argc > 1) {
        snprintf(two, sizeof(two), "%s %s", argv[0], argv[1]);
        nearest = nearest_to(two);
    }
    return nearest ? nearest : nearest_to(argv[0]);
}

void weir_command_list_group(const char *group, struct weir_text_buffer *out)
{
    const char *between = "";
    for (const struct weir_command *const *at = weir_commands; *at; at++)
        if (weir_command_is_in(*at, group)) {
            weir_text_printf(out, "%s%s", between, strchr((*at)->name, ' ') + 1);
            between = ", ";
        }
}

void weir_call_say_failure(struct weir_call *call, int result, const struct weir_diag *diag)
{
    if (result == WEIR_E_CLOSED)
        return;
    weir_progress_clear(&call->progress);
    fprintf(stderr, "weir: %s\n", diag->text[0] ? diag->text : weir_error_text(result));
    call->has_failed = true;
}
