/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as rows of a table: parsing, --help, man pages and shell completion come from the same
 * rows, so that none of them can forget one.
 *
 *     enum { READ, IDLE, FORMAT };
 *     static const struct weir_option options[] = {
 *         [READ] = {"read", 'r', WEIR_OPTION_FILE, .repeatable = true, .group = "Input",
 *                   .help = "pcap or pcapng"},
 *         [IDLE] = {"idle-timeout", 0, WEIR_OPTION_DURATION, .fallback = "15s",
 *                   .min = 1000000, .help = "a flow ends after this long without a packet"},
 *     };
 *     weir_arguments_ns(&call->arguments, IDLE)
 *     for (size_t i = 0; i < arguments->given_count; i++)       // in command-line order
 *         if (arguments->given[i].option == &options[READ]) ...
 *
 * Forms: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, flags of one letter together; "-" is a
 * value or an operand like any other; after "--" come operands only. A value that begins with
 * "--" needs the form with "=". An option that is not repeatable may be given once.
 * Ownership: arguments borrow argv and the table. Threads: one.
 */
#ifndef WEIR_CLI_OPTIONS_H
#define WEIR_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/quantity.h"

enum weir_option_kind {
    WEIR_OPTION_FLAG,     /* takes no value */
    WEIR_OPTION_TEXT,     /* any, not empty */
    WEIR_OPTION_FILE,     /* a path, or - */
    WEIR_OPTION_OUTPUT,   /* the same of what is written, perhaps only at the end */
    WEIR_OPTION_FOLDER,   /* a path */
    WEIR_OPTION_URL,      /* an endpoint; who uses it takes it apart */
    WEIR_OPTION_SIZE,     /* octets: 64Ki */
    WEIR_OPTION_COUNT,    /* a whole number: 65536, 10k */
    WEIR_OPTION_DURATION, /* nanoseconds: 15s */
    WEIR_OPTION_TIME,     /* nanoseconds since 1970, by --tz: 2026-07-22 10:00, -15m */
    WEIR_OPTION_CHOICE,   /* one of `choices` */
    WEIR_OPTION_KIND_COUNT,
};

struct weir_option {
    const char *name; /* without dashes; NULL: it has a letter only */
    char letter;      /* 0: it has a name only */
    uint8_t kind;     /* enum weir_option_kind */
    bool repeatable;
    bool separates;             /* a flag: others may be given once before it and once after */
    const char *value;          /* how --help names the value; NULL: by kind */
    const char *fallback;       /* value where the option is not given; NULL: none */
    const char *const *choices; /* of a choice, up to a NULL */
    uint64_t min, max;          /* of sizes, counts and durations (ns); max 0: no bound */
    const char *group;          /* heading from this row on; NULL: that of the row before */
    const char *help;           /* one sentence without a full stop */
};

/* One option as it was given, or as its fallback says. */
struct weir_argument {
    const struct weir_option *option; /* NULL: neither given nor with a fallback */
    const char *text;                 /* NULL for flags */
    union {
        uint64_t number; /* size, count */
        int64_t ns;      /* duration, time */
        unsigned choice; /* index in choices */
    };
};

struct weir_arguments {
    const struct weir_option *options; /* the command's */
    size_t option_count;
    struct weir_argument *given; /* of the command's options, in the order of the command line */
    size_t given_count;
    struct weir_argument *values;    /* one an option: the last given, or its fallback */
    struct weir_argument *fallbacks; /* one an option */
    const char **operands;
    size_t operand_count;
    /* Options that every command has: weir_common_options. */
    bool help;
    bool quiet;
    bool progress;
    const char *zone_name; /* of --tz; NULL: UTC, given or not */
    struct weir_zone zone; /* what --tz names */
    int64_t zone_offset_s; /* where --tz is an offset: the zone points to it */
};

/* What --tz names; NULL: UTC. */
static inline const struct weir_zone *weir_arguments_zone(const struct weir_arguments *arguments)
{
    return arguments->zone_name ? &arguments->zone : NULL;
}

/* Rows of the options that every command has. */
const struct weir_option *weir_common_options(size_t *ret_count);

/*
 * Takes argv[0 .. argc - 1] apart, the command's name not among them. Where --help is met parsing
 * ends there, with `help` set. 0; WEIR_E_USAGE with a diag that names the option; WEIR_E_NOMEM.
 * weir_arguments_done afterwards in any case.
 */
WEIR_CHECKED int weir_arguments_parse(struct weir_arguments *arguments,
                                      const struct weir_option *options, size_t option_count,
                                      int argc, char *const *argv, const struct weir_clock *clock,
                                      struct weir_diag *diag);
void weir_arguments_done(struct weir_arguments *arguments);

/*
 * What was given in one of the parts that a separating flag makes, the first of which is 0: `given`
 * and `values` are of that, the rest is of all. 0; WEIR_E_NOT_FOUND: there are no so many;
 * WEIR_E_NOMEM. It borrows of `whole`; weir_arguments_part_done afterwards.
 */
WEIR_CHECKED int weir_arguments_part(const struct weir_arguments *whole, size_t separator,
                                     size_t part, struct weir_arguments *ret_part);
void weir_arguments_part_done(struct weir_arguments *part);

/* "DURATION", "FILE", or what the row says; "" for a flag. */
const char *weir_option_value_name(const struct weir_option *option);

/* "--idle-timeout", or "-r" for one without a name. `room` is for the result. */
#define WEIR_OPTION_NAME_MAX 64
const char *weir_option_text(const struct weir_option *option, char room[WEIR_OPTION_NAME_MAX]);

/* Whether there is a value: the option was given, or has a fallback. */
static inline bool weir_arguments_has(const struct weir_arguments *a, size_t option)
{
    return a->values[option].option != NULL;
}

/* How often the option was given on the command line. */
size_t weir_arguments_count_given(const struct weir_arguments *a, size_t option);

static inline bool weir_arguments_flag(const struct weir_arguments *a, size_t option)
{
    return weir_arguments_has(a, option);
}

static inline const char *weir_arguments_text(const struct weir_arguments *a, size_t option)
{
    return a->values[option].text;
}

static inline uint64_t weir_arguments_number(const struct weir_arguments *a, size_t option)
{
    return a->values[option].number;
}

/* Durations and times, in nanoseconds. */
static inline int64_t weir_arguments_ns(const struct weir_arguments *a, size_t option)
{
    return a->values[option].ns;
}

static inline unsigned weir_arguments_choice(const struct weir_arguments *a, size_t option)
{
    return a->values[option].choice;
}

#endif
