/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/version.h"

#define COLUMNS_MIN 60
#define COLUMNS_MAX 100
#define TERM_INDENT 2
#define TEXT_INDENT 26

const struct weir_help_term weir_help_terms[] = {
    {NULL, "Values"},
    {"SIZE", "octets, with k M G (powers of 1000) or Ki Mi Gi (of 1024): 1500, 64Ki, 1.5G"},
    {"N", "a whole number, with k M G or without"},
    {"DURATION", "numbers with ms s m h d: 250ms, 15s, 1h30m"},
    {"TIME", "2026-07-22, '2026-07-22 10:00[:SS]' (UTC unless --tz), 2026-07-22T10:00:00Z, seconds "
             "since 1970, now, or -15m for that long ago"},
    {"FILE", "a path; - is standard input or standard output"},
    {"URL", "an endpoint; forms are listed below"},
    {NULL, "Endpoints"},
    {"udp://HOST:PORT",
     "to listen: NetFlow v1, v5, v7, v8, v9, IPFIX and sFlow v5, told apart by their "
     "version field; HOST may be empty; an IPv6 address stands in brackets: "
     "udp://[2001:db8::1]:4739. To send: IPFIX"},
    {"PROTOCOL+udp://HOST:PORT",
     "to send: PROTOCOL is ipfix, netflow9, netflow5 or netflow1; "
     "options follow as ?domain=N&mtu=N, and there are "
     "template-refresh=10m, rate=N, stats-interval=60s, options=none, and gso=no, with which "
     "captures between containers show every datagram by itself"},
    {"PROTOCOL+pcap:PATH", "a capture of the datagrams that would be sent"},
    {"ipfix+file:PATH", "an IPFIX file, RFC 5655"},
    {"json:PATH", "JSON lines; json:- prints them"},
    {NULL, "Exit status"},
    {"0", "done, or ended in good order by SIGINT or SIGTERM; a second signal ends at once"},
    {"1", "the work failed: one line on stderr says what, and where"},
    {"2", "the command line or the configuration is wrong: the line names the option, or the file, "
          "line and key"},
    {NULL, NULL},
};

unsigned weir_help_columns(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
        size.ws_col == 0)
        return 80;
    return size.ws_col < COLUMNS_MIN   ? COLUMNS_MIN
           : size.ws_col > COLUMNS_MAX ? COLUMNS_MAX
                                       : size.ws_col;
}

static void add_spaces(struct weir_text_buffer *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        weir_text_add_char(out, ' ');
}

/*
 * Words of `text` in lines up to `columns`, from `indent`; the first line begins at `column`. A
 * newline in the text ends a line. Ends with a newline.
 */
static void add_wrapped(struct weir_text_buffer *out, const char *text, size_t column,
                        size_t indent, size_t columns)
{
    bool first = true; /* word of its line */
    while (*text) {
        size_t length = strcspn(text, " \n");
        if (!first && column + 1 + length > columns) {
            weir_text_add_char(out, '\n');
            column = 0;
            first = true;
        }
        if (column < indent && length > 0) {
            add_spaces(out, indent - column);
            column = indent;
        }
        if (!first) {
            weir_text_add_char(out, ' ');
            column++;
        }
        weir_text_add_octets(out, text, length);
        column += length;
        first = false;
        text += length;
        if (*text == '\n') {
            weir_text_add_char(out, '\n');
            column = 0;
            first = true;
        }
        text += *text != 0;
    }
    weir_text_add_char(out, '\n');
}

/* A term, and its text beside it, or below where the term is long. */
static void add_term(struct weir_text_buffer *out, const char *term, const char *text,
                     unsigned columns)
{
    add_spaces(out, TERM_INDENT);
    weir_text_add(out, term);
    size_t column = TERM_INDENT + strlen(term);
    if (column + 2 > TEXT_INDENT) {
        weir_text_add_char(out, '\n');
        column = 0;
    }
    add_wrapped(out, text, column, TEXT_INDENT, columns);
}

static void add_option(struct weir_text_buffer *out, const struct weir_option *option,
                       unsigned columns)
{
    struct weir_text_buffer term, text;
    weir_text_init(&term, WEIR_HELP_MAX);
    weir_text_init(&text, WEIR_HELP_MAX);
    if (option->letter)
        weir_text_printf(&term, "-%c%s", option->letter, option->name ? ", " : "");
    else
        weir_text_add(&term, "    ");
    if (option->name)
        weir_text_printf(&term, "--%s", option->name);
    if (option->kind != WEIR_OPTION_FLAG)
        weir_text_printf(&term, " %s", weir_option_value_name(option));
    weir_text_add(&text, option->help);
    for (size_t i = 0; option->choices && option->choices[i]; i++)
        weir_text_printf(&text, "%s%s", i ? ", " : ": ", option->choices[i]);
    if (option->repeatable)
        weir_text_add(&text, "; may repeat");
    if (option->fallback)
        weir_text_printf(&text, " (default %s)", option->fallback);
    add_term(out, weir_text_string(&term), weir_text_string(&text), columns);
    weir_text_done(&term);
    weir_text_done(&text);
}

static void add_options(struct weir_text_buffer *out, const struct weir_option *options,
                        size_t count, unsigned columns)
{
    for (size_t i = 0; i < count; i++) {
        if (options[i].group || i == 0)
            weir_text_printf(out, "\n%s:\n", options[i].group ? options[i].group : "Options");
        add_option(out, &options[i], columns);
    }
}

static void add_terms(struct weir_text_buffer *out, unsigned columns)
{
    for (const struct weir_help_term *row = weir_help_terms; row->text; row++) {
        if (row->term)
            add_term(out, row->term, row->text, columns);
        else
            weir_text_printf(out, "\n%s:\n", row->text);
    }
}

void weir_help_all(unsigned columns, struct weir_text_buffer *out)
{
    size_t count;
    const struct weir_option *common = weir_common_options(&count);
    weir_text_printf(out, "weir %s - NetFlow and IPFIX, from packets to answers\n\n",
                     weir_version());
    weir_text_add(out, "usage: weir COMMAND [OPTION]...\n"
                       "       weir COMMAND --help\n"
                       "       weir --version\n"
                       "\nCommands:\n");
    for (const struct weir_command *const *at = weir_commands; *at; at++)
        add_term(out, (*at)->name, (*at)->summary, columns);
    add_options(out, common, count, columns);
    add_terms(out, columns);
}

void weir_help_group(const char *group, unsigned columns, struct weir_text_buffer *out)
{
    weir_text_printf(out, "usage: weir %s COMMAND [OPTION]...\n\nCommands:\n", group);
    for (const struct weir_command *const *at = weir_commands; *at; at++)
        if (weir_command_is_in(*at, group))
            add_term(out, (*at)->name, (*at)->summary, columns);
    weir_text_printf(out, "\nOptions of each: weir %s COMMAND --help\n", group);
}

/* Lines of `usage`, each after the command's name. */
static void add_usage(struct weir_text_buffer *out, const struct weir_command *command,
                      unsigned columns)
{
    const char *lead = "usage: ";
    const char *line = command->usage ? command->usage : "";
    do {
        size_t length = strcspn(line, "\n");
        struct weir_text_buffer text;
        weir_text_init(&text, WEIR_HELP_MAX);
        weir_text_printf(&text, "%sweir %s %.*s", lead, command->name, (int)length, line);
        add_wrapped(out, weir_text_string(&text), 0, 0, columns);
        weir_text_done(&text);
        lead = "       ";
        line += length;
        line += *line == '\n';
    } while (*line);
}

static void add_topics(struct weir_text_buffer *out, const struct weir_topic *topics,
                       unsigned columns)
{
    for (const struct weir_topic *row = topics; row && row->heading; row++) {
        weir_text_printf(out, "\n%s:\n", row->heading);
        add_wrapped(out, row->text, 0, TERM_INDENT, columns);
    }
}

void weir_help_command(const struct weir_command *command, unsigned columns,
                       struct weir_text_buffer *out)
{
    size_t count;
    const struct weir_option *common = weir_common_options(&count);
    struct weir_text_buffer title;
    weir_text_init(&title, WEIR_HELP_MAX);
    weir_text_printf(&title, "weir %s - %s", command->name, command->summary);
    add_wrapped(out, weir_text_string(&title), 0, 0, columns);
    weir_text_done(&title);
    weir_text_add_char(out, '\n');
    add_usage(out, command, columns);
    if (command->about) {
        weir_text_add_char(out, '\n');
        add_wrapped(out, command->about, 0, 0, columns);
    }
    add_options(out, command->options, command->option_count, columns);
    add_options(out, common, count, columns);
    add_topics(out, command->topics, columns);
    if (command->examples && command->examples->command) {
        weir_text_add(out, "\nExamples:\n");
        for (const struct weir_example *row = command->examples; row->command; row++) {
            weir_text_printf(out, "  %s\n", row->command);
            add_wrapped(out, row->text, 0, 6, columns);
        }
    }
    weir_text_add(out,
                  "\nForms of SIZE, DURATION, TIME and URL, and the exit status: weir --help\n");
}
