/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "base/output.h"
#include "cli/zone.h"

enum { COMMON_TZ, COMMON_PROGRESS, COMMON_QUIET, COMMON_HELP, COMMON_COUNT };

static const struct weir_option common_options[COMMON_COUNT] = {
    [COMMON_TZ] = {.name = "tz",
                   .kind = WEIR_OPTION_TEXT,
                   .value = "ZONE",
                   .group = "Common options",
                   .help =
                       "time zone of times that are given without one, of bins, and of times in "
                       "tables, CSV, JSON and charts of meter and query: UTC (the default), local, "
                       "+02:00, Europe/Zurich; JSON lines of records are in UTC"},
    [COMMON_PROGRESS] = {.name = "progress",
                         .help = "shows progress on stderr also where that is no terminal"},
    [COMMON_QUIET] = {.name = "quiet",
                      .letter = 'q',
                      .help = "shows no progress and no notes on stderr, only errors"},
    [COMMON_HELP] = {.name = "help", .letter = 'h', .help = "prints this text and ends"},
};

const struct weir_option *weir_common_options(size_t *ret_count)
{
    *ret_count = COMMON_COUNT;
    return common_options;
}

static const struct {
    const char *value_name;
    const char *expected; /* after "is": what would do */
} kinds[WEIR_OPTION_KIND_COUNT] = {
    [WEIR_OPTION_FLAG] = {"", ""},
    [WEIR_OPTION_TEXT] = {"TEXT", "some text"},
    [WEIR_OPTION_FILE] = {"FILE", "a path, or -"},
    [WEIR_OPTION_OUTPUT] = {"FILE", "a path, or -"},
    [WEIR_OPTION_FOLDER] = {"DIR", "a path"},
    [WEIR_OPTION_URL] = {"URL", "a URL"},
    [WEIR_OPTION_SIZE] = {"SIZE", "a size such as 1500, 64Ki or 1.5G"},
    [WEIR_OPTION_COUNT] = {"N", "a whole number such as 65536 or 10k"},
    [WEIR_OPTION_DURATION] = {"DURATION", "a duration such as 250ms, 15s, 1h30m or 7d"},
    [WEIR_OPTION_TIME] = {"TIME", "a time such as 2026-07-22, '2026-07-22 10:00', "
                                  "2026-07-22T10:00:00Z, 1784714400, now or -15m"},
    [WEIR_OPTION_CHOICE] = {"CHOICE", ""},
};

const char *weir_option_value_name(const struct weir_option *option)
{
    return option->value ? option->value : kinds[option->kind].value_name;
}

const char *weir_option_text(const struct weir_option *option, char room[WEIR_OPTION_NAME_MAX])
{
    if (option->name)
        snprintf(room, WEIR_OPTION_NAME_MAX, "--%s", option->name);
    else
        snprintf(room, WEIR_OPTION_NAME_MAX, "-%c", option->letter);
    return room;
}

/* The parts of a parse that its steps hand on. */
struct parse {
    struct weir_arguments *arguments;
    struct weir_argument *all; /* as given, the common ones among them */
    size_t count;
    struct weir_diag *diag;
    int64_t now_ns;
};

static int wrong(struct weir_diag *diag, const struct weir_option *option, const char *text,
                 const char *expected)
{
    char name[WEIR_OPTION_NAME_MAX];
    return weir_diag_set(diag, WEIR_E_USAGE, "%s: '%s' is not %s", weir_option_text(option, name),
                         text, expected);
}

static int parse_choice(const struct weir_option *option, struct weir_argument *argument,
                        struct weir_diag *diag)
{
    struct weir_nearest nearest = weir_nearest_begin(argument->text);
    char list[160] = "";
    size_t used = 0;
    for (unsigned i = 0; option->choices[i]; i++) {
        if (strcmp(option->choices[i], argument->text) == 0) {
            argument->choice = i;
            return 0;
        }
        weir_nearest_offer(&nearest, option->choices[i]);
        int length =
            snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", option->choices[i]);
        used = used + (size_t)length < sizeof(list) ? used + (size_t)length : sizeof(list) - 1;
    }
    char name[WEIR_OPTION_NAME_MAX];
    weir_option_text(option, name);
    if (nearest.best)
        return weir_diag_set(diag, WEIR_E_USAGE, "%s: '%s' is none of %s; did you mean '%s'?", name,
                             argument->text, list, nearest.best);
    return weir_diag_set(diag, WEIR_E_USAGE, "%s: '%s' is none of %s", name, argument->text, list);
}

static int check_range(const struct weir_option *option, const char *text, uint64_t value,
                       struct weir_diag *diag)
{
    uint64_t max = option->max ? option->max : UINT64_MAX;
    if (value >= option->min && value <= max)
        return 0;
    char low[WEIR_DURATION_TEXT_MAX], high[WEIR_DURATION_TEXT_MAX], name[WEIR_OPTION_NAME_MAX];
    if (option->kind == WEIR_OPTION_DURATION) {
        weir_duration_format((int64_t)option->min, low);
        weir_duration_format((int64_t)max, high);
    } else {
        snprintf(low, sizeof(low), "%llu", (unsigned long long)option->min);
        snprintf(high, sizeof(high), "%llu", (unsigned long long)max);
    }
    weir_option_text(option, name);
    if (!option->max)
        return weir_diag_set(diag, WEIR_E_USAGE, "%s: %s is below %s, the least it may be", name,
                             text, low);
    return weir_diag_set(diag, WEIR_E_USAGE, "%s: %s is not in %s to %s", name, text, low, high);
}

/* Days may pass until it is written: what is wrong with it is said at once. */
static int check_output(const struct weir_option *option, const char *text, struct weir_diag *diag)
{
    char name[WEIR_OPTION_NAME_MAX];
    if (weir_output_check(text, diag) == 0)
        return 0;
    weir_diag_prefix(diag, "%s", weir_option_text(option, name));
    return WEIR_E_USAGE;
}

/* Turns the text of one argument into its value. */
static int parse_value(const struct parse *parse, struct weir_argument *argument)
{
    const struct weir_option *option = argument->option;
    const char *text = argument->text;
    char name[WEIR_OPTION_NAME_MAX];
    int result = 0;
    switch ((enum weir_option_kind)option->kind) {
    case WEIR_OPTION_FLAG:
        return 0;
    case WEIR_OPTION_TEXT:
    case WEIR_OPTION_FILE:
    case WEIR_OPTION_FOLDER:
    case WEIR_OPTION_URL:
        result = *text ? 0 : WEIR_E_USAGE;
        break;
    case WEIR_OPTION_OUTPUT:
        if (*text)
            return check_output(option, text, parse->diag);
        result = WEIR_E_USAGE;
        break;
    case WEIR_OPTION_CHOICE:
        return parse_choice(option, argument, parse->diag);
    case WEIR_OPTION_SIZE:
    case WEIR_OPTION_COUNT:
        result = weir_size_parse(text, &argument->number);
        if (result == 0)
            return check_range(option, text, argument->number, parse->diag);
        break;
    case WEIR_OPTION_DURATION:
        result = weir_duration_parse(text, &argument->ns);
        if (result == 0)
            return check_range(option, text, (uint64_t)argument->ns, parse->diag);
        break;
    case WEIR_OPTION_TIME:
        result = weir_moment_parse(text, parse->now_ns, weir_arguments_zone(parse->arguments),
                                   &argument->ns);
        break;
    case WEIR_OPTION_KIND_COUNT:
        break;
    }
    if (result < 0 && !*text)
        return weir_diag_set(parse->diag, WEIR_E_USAGE, "%s: its value %s is empty",
                             weir_option_text(option, name), weir_option_value_name(option));
    return result < 0 ? wrong(parse->diag, option, text, kinds[option->kind].expected) : 0;
}

/* The row of a name of `length` letters, or of a letter where name is NULL. */
static const struct weir_option *find(const struct weir_arguments *arguments, const char *name,
                                      size_t length, char letter)
{
    for (size_t i = 0; i < arguments->option_count + COMMON_COUNT; i++) {
        const struct weir_option *row = i < arguments->option_count
                                            ? &arguments->options[i]
                                            : &common_options[i - arguments->option_count];
        if (name ? row->name && strlen(row->name) == length && memcmp(row->name, name, length) == 0
                 : row->letter == letter)
            return row;
    }
    return NULL;
}

static int unknown(const struct parse *parse, const char *text, size_t length)
{
    char typed[WEIR_OPTION_NAME_MAX];
    snprintf(typed, sizeof(typed), "%.*s", (int)length, text);
    struct weir_nearest nearest = weir_nearest_begin(typed + strspn(typed, "-"));
    for (size_t i = 0; i < parse->arguments->option_count; i++)
        if (parse->arguments->options[i].name)
            weir_nearest_offer(&nearest, parse->arguments->options[i].name);
    for (size_t i = 0; i < COMMON_COUNT; i++)
        weir_nearest_offer(&nearest, common_options[i].name);
    if (nearest.best && text[1] == '-')
        return weir_diag_set(parse->diag, WEIR_E_USAGE, "%s: no such option; did you mean --%s?",
                             typed, nearest.best);
    return weir_diag_set(parse->diag, WEIR_E_USAGE, "%s: no such option; see --help", typed);
}

/* Of letters behind one dash: a name that stands behind one has lost the other. */
static int unknown_letter(const struct parse *parse, const char *word, char letter)
{
    size_t length = strcspn(word + 1, "=");
    if (length > 1 && find(parse->arguments, word + 1, length, 0))
        return weir_diag_set(parse->diag, WEIR_E_USAGE, "%.*s: no such option; did you mean -%.*s?",
                             (int)length + 1, word, (int)length + 1, word);
    return unknown(parse, (char[]){'-', letter, 0}, 2);
}

static int add(struct parse *parse, const struct weir_option *option, const char *text)
{
    char name[WEIR_OPTION_NAME_MAX];
    if (option == &common_options[COMMON_HELP])
        parse->arguments->help = true;
    if (!option->repeatable && option->kind != WEIR_OPTION_FLAG)
        for (size_t i = parse->count; i-- > 0 && !parse->all[i].option->separates;)
            if (parse->all[i].option == option)
                return weir_diag_set(parse->diag, WEIR_E_USAGE, "%s: given twice: %s and %s",
                                     weir_option_text(option, name), parse->all[i].text, text);
    parse->all[parse->count++] = (struct weir_argument){.option = option, .text = text};
    return 0;
}

/* The value of an option: what stands behind it, else the next word, which it then takes. */
static int take_value(const struct parse *parse, const struct weir_option *option,
                      const char *behind, int argc, char *const *argv, int *at,
                      const char **ret_value)
{
    char name[WEIR_OPTION_NAME_MAX];
    weir_option_text(option, name);
    if (behind) {
        *ret_value = behind;
        return 0;
    }
    if (*at + 1 >= argc)
        return weir_diag_set(parse->diag, WEIR_E_USAGE, "%s: its value %s is missing", name,
                             weir_option_value_name(option));
    const char *next = argv[*at + 1];
    if (strncmp(next, "--", 2) == 0)
        return weir_diag_set(parse->diag, WEIR_E_USAGE,
                             "%s: its value %s is missing before '%s'; if that is the value, write "
                             "%s=%s",
                             name, weir_option_value_name(option), next, name, next);
    (*at)++;
    *ret_value = next;
    return 0;
}

static int parse_long(struct parse *parse, int argc, char *const *argv, int *at)
{
    const char *word = argv[*at];
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const struct weir_option *option = find(parse->arguments, word + 2, length - 2, 0);
    if (!option)
        return unknown(parse, word, length);
    if (option->kind == WEIR_OPTION_FLAG)
        return equals ? weir_diag_set(parse->diag, WEIR_E_USAGE,
                                      "--%s: takes no value, but '%s' "
                                      "was given",
                                      option->name, equals + 1)
                      : add(parse, option, NULL);
    const char *value = NULL;
    int result = take_value(parse, option, equals ? equals + 1 : NULL, argc, argv, at, &value);
    return result < 0 ? result : add(parse, option, value);
}

static int parse_letters(struct parse *parse, int argc, char *const *argv, int *at)
{
    for (const char *letter = argv[*at] + 1; *letter; letter++) {
        const struct weir_option *option = find(parse->arguments, NULL, 0, *letter);
        if (!option)
            return unknown_letter(parse, argv[*at], *letter);
        if (option->kind != WEIR_OPTION_FLAG) {
            const char *behind = letter[1] == '=' ? letter + 2 : letter[1] ? letter + 1 : NULL;
            const char *value = NULL;
            int result = take_value(parse, option, behind, argc, argv, at, &value);
            return result < 0 ? result : add(parse, option, value);
        }
        int result = add(parse, option, NULL);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Takes the words apart; values are still text. */
static int parse_words(struct parse *parse, int argc, char *const *argv)
{
    struct weir_arguments *arguments = parse->arguments;
    bool operands_only = false;
    for (int at = 0; at < argc && !arguments->help; at++) {
        const char *word = argv[at];
        int result = 0;
        if (operands_only || word[0] != '-' || !word[1])
            arguments->operands[arguments->operand_count++] = word;
        else if (word[1] == '-' && !word[2])
            operands_only = true;
        else if (word[1] == '-')
            result = parse_long(parse, argc, argv, &at);
        else
            result = parse_letters(parse, argc, argv, &at);
        if (result < 0)
            return result;
    }
    return 0;
}

static bool is_common(const struct weir_option *option)
{
    for (size_t i = 0; i < COMMON_COUNT; i++)
        if (option == &common_options[i])
            return true;
    return false;
}

/* --tz first, since times are read by it; the others only set something. */
static int apply_common(struct parse *parse)
{
    struct weir_arguments *arguments = parse->arguments;
    for (size_t i = 0; i < parse->count; i++) {
        const struct weir_argument *argument = &parse->all[i];
        if (argument->option == &common_options[COMMON_QUIET])
            arguments->quiet = true;
        else if (argument->option == &common_options[COMMON_PROGRESS])
            arguments->progress = true;
        else if (argument->option == &common_options[COMMON_TZ])
            arguments->zone_name = argument->text;
    }
    if (arguments->zone_name && strcasecmp(arguments->zone_name, "UTC") == 0)
        arguments->zone_name = NULL;
    if (!arguments->zone_name)
        return 0;
    int result = weir_zone_open(arguments->zone_name, &arguments->zone_offset_s, &arguments->zone,
                                parse->diag);
    if (result < 0)
        weir_diag_prefix(parse->diag, "--tz");
    return result;
}

static int parse_values(struct parse *parse)
{
    struct weir_arguments *arguments = parse->arguments;
    for (size_t i = 0; i < parse->count; i++) {
        struct weir_argument *argument = &parse->all[i];
        if (is_common(argument->option))
            continue;
        int result = parse_value(parse, argument);
        if (result < 0)
            return result;
        arguments->given[arguments->given_count++] = *argument;
        arguments->values[argument->option - arguments->options] = *argument;
    }
    for (size_t i = 0; i < arguments->option_count; i++) {
        const struct weir_option *option = &arguments->options[i];
        struct weir_argument *fallback = &arguments->fallbacks[i];
        if (!option->fallback)
            continue;
        *fallback = (struct weir_argument){.option = option, .text = option->fallback};
        int result = parse_value(parse, fallback);
        if (result < 0)
            return result;
        if (!arguments->values[i].option)
            arguments->values[i] = *fallback;
    }
    return 0;
}

int weir_arguments_parse(struct weir_arguments *arguments, const struct weir_option *options,
                         size_t option_count, int argc, char *const *argv,
                         const struct weir_clock *clock, struct weir_diag *diag)
{
    *arguments = (struct weir_arguments){.options = options, .option_count = option_count};
    /* A word of letters holds at most as many options as it has letters. */
    size_t most = 0;
    for (int i = 0; i < argc; i++)
        most += strlen(argv[i]) + 1;
    struct parse parse = {
        .arguments = arguments,
        .all = calloc(most + 1, sizeof(*parse.all)),
        .diag = diag,
        .now_ns = weir_clock_now(clock),
    };
    arguments->given = calloc(most + 1, sizeof(*arguments->given));
    arguments->values = calloc(option_count + 1, sizeof(*arguments->values));
    arguments->fallbacks = calloc(option_count + 1, sizeof(*arguments->fallbacks));
    arguments->operands = calloc((size_t)argc + 1, sizeof(*arguments->operands));
    if (!parse.all || !arguments->given || !arguments->values || !arguments->fallbacks ||
        !arguments->operands) {
        free(parse.all);
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s", weir_error_text(WEIR_E_NOMEM));
    }
    int result = parse_words(&parse, argc, argv);
    if (result == 0 && !arguments->help)
        result = apply_common(&parse);
    if (result == 0 && !arguments->help)
        result = parse_values(&parse);
    free(parse.all);
    return result;
}

void weir_arguments_done(struct weir_arguments *arguments)
{
    if (!arguments)
        return;
    free(arguments->given);
    free(arguments->values);
    free(arguments->fallbacks);
    free(arguments->operands);
}

int weir_arguments_part(const struct weir_arguments *whole, size_t separator, size_t part,
                        struct weir_arguments *ret_part)
{
    size_t first = 0, count = 0;
    for (; part > 0; part--, first++) {
        while (first < whole->given_count &&
               whole->given[first].option != &whole->options[separator])
            first++;
        if (first == whole->given_count)
            return WEIR_E_NOT_FOUND;
    }
    while (first + count < whole->given_count &&
           whole->given[first + count].option != &whole->options[separator])
        count++;
    struct weir_argument *values = calloc(whole->option_count + 1, sizeof(*values));
    if (!values)
        return WEIR_E_NOMEM;
    memcpy(values, whole->fallbacks, whole->option_count * sizeof(*values));
    *ret_part = *whole;
    ret_part->given = whole->given + first;
    ret_part->given_count = count;
    ret_part->values = values;
    for (size_t i = 0; i < count; i++)
        values[ret_part->given[i].option - whole->options] = ret_part->given[i];
    return 0;
}

void weir_arguments_part_done(struct weir_arguments *part)
{
    free(part->values);
}

size_t weir_arguments_count_given(const struct weir_arguments *arguments, size_t option)
{
    size_t count = 0;
    for (size_t i = 0; i < arguments->given_count; i++)
        count += arguments->given[i].option == &arguments->options[option];
    return count;
}
