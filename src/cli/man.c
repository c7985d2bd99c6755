/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/version.h"
#include "cli/help.h"

/* Text as roff takes it: no command, no escape, hyphens that can be searched for. */
static void add_roff(struct weir_text_buffer *out, const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            weir_text_add(out, "\\&");
        if (*text == '\\')
            weir_text_add(out, "\\e");
        else if (*text == '-')
            weir_text_add(out, "\\-");
        else
            weir_text_add_char(out, *text);
        line_start = *text == '\n';
    }
}

static void add_title(struct weir_text_buffer *out, const char *name)
{
    weir_text_add(out, ".TH \"");
    for (; *name; name++)
        weir_text_add_char(out, *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A')
                                : *name == ' '               ? '-'
                                                             : *name);
    weir_text_printf(out, "\" 1 \"\" \"weir %s\" \"weir\"\n.nh\n.ad l\n", weir_version());
}

/* "weir-gen-packets", the page of "gen packets" */
static void add_page_name(struct weir_text_buffer *out, const char *command)
{
    weir_text_add(out, "weir\\-");
    for (; *command; command++)
        weir_text_add(out, *command == ' ' || *command == '-' ? "\\-" : (char[]){*command, 0});
}

static void add_tagged(struct weir_text_buffer *out, const char *bold, const char *text)
{
    weir_text_add(out, ".TP\n\\fB");
    add_roff(out, bold);
    weir_text_add(out, "\\fR\n");
    add_roff(out, text);
    weir_text_add_char(out, '\n');
}

static void add_heading(struct weir_text_buffer *out, const char *level, const char *text)
{
    weir_text_printf(out, "%s \"", level);
    add_roff(out, text);
    weir_text_add(out, "\"\n");
}

static void add_option(struct weir_text_buffer *out, const struct weir_option *option)
{
    weir_text_add(out, ".TP\n");
    if (option->letter)
        weir_text_printf(out, "\\fB\\-%c\\fR%s", option->letter, option->name ? ", " : "");
    if (option->name) {
        weir_text_add(out, "\\fB\\-\\-");
        add_roff(out, option->name);
        weir_text_add(out, "\\fR");
    }
    if (option->kind != WEIR_OPTION_FLAG) {
        weir_text_add(out, " \\fI");
        add_roff(out, weir_option_value_name(option));
        weir_text_add(out, "\\fR");
    }
    weir_text_add_char(out, '\n');
    add_roff(out, option->help);
    for (size_t i = 0; option->choices && option->choices[i]; i++) {
        weir_text_add(out, i ? ", \\fB" : ": \\fB");
        add_roff(out, option->choices[i]);
        weir_text_add(out, "\\fR");
    }
    weir_text_add(out, ".");
    if (option->repeatable)
        weir_text_add(out, " May repeat.");
    if (option->fallback) {
        weir_text_add(out, " Default: \\fB");
        add_roff(out, option->fallback);
        weir_text_add(out, "\\fR.");
    }
    weir_text_add_char(out, '\n');
}

static void add_options(struct weir_text_buffer *out, const struct weir_option *options,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (options[i].group)
            add_heading(out, ".SS", options[i].group);
        add_option(out, &options[i]);
    }
}

static void add_common(struct weir_text_buffer *out)
{
    size_t count;
    const struct weir_option *common = weir_common_options(&count);
    add_options(out, common, count);
}

static void add_paragraphs(struct weir_text_buffer *out, const char *text)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        struct weir_text_buffer paragraph;
        weir_text_init(&paragraph, WEIR_HELP_MAX);
        weir_text_add_octets(&paragraph, text, length);
        weir_text_add(out, ".PP\n");
        add_roff(out, weir_text_string(&paragraph));
        weir_text_add_char(out, '\n');
        weir_text_done(&paragraph);
        text += length + (end ? 2 : 0);
    }
}

static void add_synopsis(struct weir_text_buffer *out, const struct weir_command *command)
{
    const char *line = command->usage ? command->usage : "";
    weir_text_add(out, ".SH SYNOPSIS\n");
    do {
        size_t length = strcspn(line, "\n");
        struct weir_text_buffer form;
        weir_text_init(&form, WEIR_HELP_MAX);
        weir_text_add_octets(&form, line, length);
        weir_text_add(out, "\\fBweir ");
        add_roff(out, command->name);
        weir_text_add(out, "\\fR ");
        add_roff(out, weir_text_string(&form));
        weir_text_add(out, "\n.br\n");
        weir_text_done(&form);
        line += length;
        line += *line == '\n';
    } while (*line);
}

void weir_man_command(const struct weir_command *command, struct weir_text_buffer *out)
{
    struct weir_text_buffer title;
    weir_text_init(&title, WEIR_HELP_MAX);
    weir_text_printf(&title, "weir %s", command->name);
    add_title(out, weir_text_string(&title));
    weir_text_done(&title);
    weir_text_add(out, ".SH NAME\n");
    add_page_name(out, command->name);
    weir_text_add(out, " \\- ");
    add_roff(out, command->summary);
    weir_text_add_char(out, '\n');
    add_synopsis(out, command);
    if (command->about) {
        weir_text_add(out, ".SH DESCRIPTION\n");
        add_paragraphs(out, command->about);
    }
    weir_text_add(out, ".SH OPTIONS\n");
    add_options(out, command->options, command->option_count);
    add_common(out);
    if (command->topics)
        weir_text_add(out, ".SH NOTES\n");
    for (const struct weir_topic *row = command->topics; row && row->heading; row++) {
        add_heading(out, ".SS", row->heading);
        add_paragraphs(out, row->text);
    }
    if (command->examples && command->examples->command) {
        weir_text_add(out, ".SH EXAMPLES\n");
        for (const struct weir_example *row = command->examples; row->command; row++)
            add_tagged(out, row->command, row->text);
    }
    weir_text_add(out,
                  ".SH EXIT STATUS\n"
                  "0: done. 1: the work failed. 2: the command line is wrong.\n"
                  ".SH SEE ALSO\n\\fBweir\\fR(1), which has the forms of values and of URLs\n");
}

void weir_man_all(struct weir_text_buffer *out)
{
    add_title(out, "weir");
    weir_text_add(out, ".SH NAME\nweir \\- NetFlow and IPFIX, from packets to answers\n"
                       ".SH SYNOPSIS\n\\fBweir\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]...\n.br\n"
                       "\\fBweir\\fR \\fICOMMAND\\fR \\fB\\-\\-help\\fR\n.br\n"
                       "\\fBweir \\-\\-version\\fR\n"
                       ".SH COMMANDS\n");
    for (const struct weir_command *const *at = weir_commands; *at; at++)
        add_tagged(out, (*at)->name, (*at)->summary);
    weir_text_add(out, ".SH OPTIONS\n");
    add_common(out);
    for (const struct weir_help_term *row = weir_help_terms; row->text; row++) {
        if (row->term)
            add_tagged(out, row->term, row->text);
        else
            add_heading(out, ".SH", row->text);
    }
    weir_text_add(out, ".SH SEE ALSO\n");
    for (const struct weir_command *const *at = weir_commands; *at; at++) {
        weir_text_add(out, "\\fB");
        add_page_name(out, (*at)->name);
        weir_text_printf(out, "\\fR(1)%s\n", at[1] ? "," : "");
    }
}
