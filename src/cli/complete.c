/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/help.h"

static void add_words(struct weir_text_buffer *out, const struct weir_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (options[i].letter)
            weir_text_printf(out, " -%c", options[i].letter);
        if (options[i].name)
            weir_text_printf(out, " --%s", options[i].name);
    }
}

/* What may follow an option with a value: choices, files, folders, or what nobody can guess. */
static void add_value(struct weir_text_buffer *out, const struct weir_command *command,
                      const struct weir_option *option)
{
    weir_text_add(out, "    ");
    if (option->letter)
        weir_text_printf(out, "'%s -%c'%s", command->name, option->letter, option->name ? "|" : "");
    if (option->name)
        weir_text_printf(out, "'%s --%s'", command->name, option->name);
    weir_text_add(out, ") ");
    if (option->kind == WEIR_OPTION_CHOICE) {
        weir_text_add(out, "COMPREPLY=($(compgen -W '");
        for (size_t i = 0; option->choices[i]; i++)
            weir_text_printf(out, "%s%s", i ? " " : "", option->choices[i]);
        weir_text_add(out, "' -- \"$word\")); ");
    } else if (option->kind == WEIR_OPTION_FILE || option->kind == WEIR_OPTION_OUTPUT) {
        weir_text_add(out, "_weir_paths -f; ");
    } else if (option->kind == WEIR_OPTION_FOLDER) {
        weir_text_add(out, "_weir_paths -d; ");
    }
    weir_text_add(out, "return ;;\n");
}

/* Whether a command before this one begins with the same word. */
static bool is_again(const struct weir_command *const *at)
{
    size_t length = strcspn((*at)->name, " ");
    for (const struct weir_command *const *before = weir_commands; *before && before < at; before++)
        if (strncmp((*before)->name, (*at)->name, length) == 0 && (*before)->name[length] == ' ')
            return true;
    return false;
}

static void add_first_words(struct weir_text_buffer *out)
{
    for (const struct weir_command *const *at = weir_commands; *at; at++)
        if (!is_again(at))
            weir_text_printf(out, "%.*s ", (int)strcspn((*at)->name, " "), (*at)->name);
}

/* The second words of commands of two. */
static void add_groups(struct weir_text_buffer *out)
{
    for (const struct weir_command *const *at = weir_commands; *at; at++) {
        size_t length = strcspn((*at)->name, " ");
        if (!(*at)->name[length] || is_again(at))
            continue;
        weir_text_printf(out, "    '2 %.*s') COMPREPLY=($(compgen -W '", (int)length, (*at)->name);
        for (const struct weir_command *const *of = at; *of; of++)
            if (strncmp((*of)->name, (*at)->name, length + 1) == 0)
                weir_text_printf(out, "%s ", (*of)->name + length + 1);
        weir_text_add(out, "--help' -- \"$word\")); return ;;\n");
    }
}

void weir_completion_bash(struct weir_text_buffer *out)
{
    size_t common_count;
    const struct weir_option *common = weir_common_options(&common_count);

    weir_text_add(out, "# bash completion for weir; made by: weir help --completion\n"
                       "_weir_paths() {\n"
                       "    compopt -o filenames\n"
                       "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$word\")\n"
                       "}\n"
                       "_weir() {\n"
                       "    local word=${COMP_WORDS[COMP_CWORD]}\n"
                       "    local command=${COMP_WORDS[1]} options=\n"
                       "    COMPREPLY=()\n"
                       "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
                       "        COMPREPLY=($(compgen -W '");
    add_first_words(out);
    weir_text_add(out,
                  "--help --version' -- \"$word\"))\n        return\n    fi\n"
                  "    case \"$COMP_CWORD $command\" in\n    '2 help') COMPREPLY=($(compgen -W '");
    add_first_words(out);
    weir_text_add(out, "' -- \"$word\")); return ;;\n");
    add_groups(out);
    weir_text_add(out, "    esac\n    case \"$command ${COMP_WORDS[2]}\" in\n");
    for (const struct weir_command *const *at = weir_commands; *at; at++)
        if (strchr((*at)->name, ' '))
            weir_text_printf(out, "    '%s') command='%s' ;;\n", (*at)->name, (*at)->name);
    weir_text_add(out, "    esac\n    case \"$command ${COMP_WORDS[COMP_CWORD-1]}\" in\n");
    for (const struct weir_command *const *at = weir_commands; *at; at++)
        for (size_t i = 0; i < (*at)->option_count; i++)
            if ((*at)->options[i].kind != WEIR_OPTION_FLAG)
                add_value(out, *at, &(*at)->options[i]);
    weir_text_add(out, "    esac\n    case \"$command\" in\n");
    for (const struct weir_command *const *at = weir_commands; *at; at++) {
        weir_text_printf(out, "    '%s') options='", (*at)->name);
        add_words(out, (*at)->options, (*at)->option_count);
        weir_text_add(out, "' ;;\n");
    }
    weir_text_add(out,
                  "    esac\n    case \"$word\" in\n    -*) COMPREPLY=($(compgen -W \"$options");
    add_words(out, common, common_count);
    weir_text_add(out, "\" -- \"$word\")) ;;\n    *) _weir_paths -f ;;\n    esac\n}\n"
                       "complete -F _weir weir\n");
}
