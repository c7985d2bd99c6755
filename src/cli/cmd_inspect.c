/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/explain_print.h"
#include "app/stats.h"
#include "base/output.h"
#include "cli/command.h"
#include "cli/signals.h"
#include "collect/input.h"

enum { FORMAT, HEX, MESSAGE, SUMMARY, OPTION_COUNT };

/* Of one message: each of its octets may be a line. */
#define TEXT_OCTETS_MAX ((size_t)64 << 20)
/* So much is put together before it is written. */
#define WRITE_OCTETS ((size_t)64 << 10)

static const char *const formats[] = {"text", "json", NULL};

static const struct weir_option options[OPTION_COUNT] = {
    [MESSAGE] = {.name = "message",
                 .kind = WEIR_OPTION_COUNT,
                 .min = 1,
                 .group = "What",
                 .help = "explains only this message of each file, counted from 1; those before it "
                         "are read for their Templates"},
    [SUMMARY] = {.name = "summary",
                 .kind = WEIR_OPTION_FLAG,
                 .help = "prints only how many there were of everything"},
    [FORMAT] = {.name = "format",
                .kind = WEIR_OPTION_CHOICE,
                .choices = formats,
                .fallback = "text",
                .group = "Output",
                .help = "how to print it; json is one object a line for each message"},
    [HEX] = {.name = "hex",
             .kind = WEIR_OPTION_FLAG,
             .help = "also prints every octet in hexadecimal"},
};

/* A run of the command. */
struct run {
    struct weir_call *call;
    struct weir_explainer *explainer;
    struct weir_explain_printer printer;
    struct weir_text_buffer text;
    struct weir_output *output;
    uint64_t wanted;  /* the one message to be explained; 0: all */
    bool is_silent;   /* none: only a summary */
    uint64_t message; /* number in the file */
};

static int write_text(struct run *run, size_t at_least, struct weir_diag *diag)
{
    int result = weir_text_error(&run->text);
    if (result < 0)
        return weir_diag_set(diag, (enum weir_error)result, "inspect: message %" PRIu64 ": %s",
                             run->message, weir_error_text(result));
    if (run->text.length < at_least || run->text.length == 0)
        return 0;
    result = weir_output_write(run->output, run->text.data, run->text.length, diag);
    weir_text_clear(&run->text);
    return result;
}

/* 0 or a failure of ours; a broken rule is noted in `broken` where it is the first. */
static int explain(struct run *run, const struct weir_explain_origin *origin,
                   struct weir_diag *broken, struct weir_diag *diag)
{
    struct weir_explain_sink sink = weir_explain_printer_sink(&run->printer);
    bool is_shown = !run->is_silent && (run->wanted == 0 || run->wanted == origin->number);
    struct weir_diag own = {0};
    int result = weir_explainer_message(run->explainer, origin, is_shown ? &sink : NULL, &own);
    if (result < 0)
        return weir_diag_set(diag, (enum weir_error)result, "inspect: no memory");
    if (own.error != WEIR_OK && broken->error == WEIR_OK) {
        *broken = own;
        weir_diag_prefix(broken, "message %" PRIu64, origin->number);
    }
    if (!is_shown)
        return 0;
    weir_explain_printer_end(&run->printer);
    return write_text(run, WRITE_OCTETS, diag);
}

/* All messages of a file. *ret_broken: the first broken rule, or the error that ends the file. */
static int inspect_input(struct run *run, struct weir_input *input, struct weir_diag *ret_broken,
                         struct weir_diag *diag)
{
    const struct weir_datagram *datagrams;
    size_t count;
    struct weir_diag ending = {0};
    int result = 0;
    while (!weir_stop_requested() && (run->wanted == 0 || run->message < run->wanted) &&
           (result = weir_input_next(input, &datagrams, &count, &ending)) == 0)
        for (size_t i = 0; i < count; i++) {
            const struct weir_explain_origin origin = {
                .datagram = &datagrams[i],
                .transport = weir_input_transport(input),
                .number = ++run->message,
                .place = weir_input_place(input, &datagrams[i]),
            };
            result = explain(run, &origin, ret_broken, diag);
            if (result < 0)
                return result;
            if (weir_progress_due(&run->call->progress))
                weir_progress_show(&run->call->progress, "%" PRIu64 " messages", run->message);
        }
    if (result < 0 && result != WEIR_E_END && ret_broken->error == WEIR_OK)
        *ret_broken = ending;
    return 0;
}

/* 0; WEIR_E_MALFORMED: something in it is broken, diag says the first; or a failure. */
static int inspect_file(struct run *run, const char *path, struct weir_diag *diag)
{
    struct weir_input *input;
    struct weir_diag broken = {0};
    const struct weir_explain_counters *counters = weir_explainer_counters(run->explainer);
    uint64_t broken_before = counters->messages_broken;
    int result = weir_input_open(path, &input, diag);
    if (result < 0)
        return result;
    run->message = 0;
    weir_explainer_next_file(run->explainer);
    result = inspect_input(run, input, &broken, diag);
    weir_input_close(input);
    if (result == 0 && broken.error == WEIR_OK && run->message < run->wanted &&
        !weir_stop_requested())
        return weir_diag_set(diag, WEIR_E_NOT_FOUND,
                             "%s: there is no message %" PRIu64 ": it has %" PRIu64, path,
                             run->wanted, run->message);
    if (result < 0 || broken.error == WEIR_OK)
        return result;
    uint64_t messages = counters->messages_broken - broken_before;
    if (messages == 0) {
        *diag = broken; /* the file's: it names it */
        return broken.error;
    }
    return weir_diag_set(diag, WEIR_E_MALFORMED, "%s: %" PRIu64 " of %" PRIu64 " messages %s: %s",
                         path, messages, run->message, messages == 1 ? "is broken" : "are broken",
                         broken.text);
}

static void add_summary(struct run *run)
{
    const struct weir_stats_part part = {weir_explain_counter_table, weir_explain_counter_count,
                                         weir_explainer_counters(run->explainer)};
    if (run->printer.format == WEIR_EXPLAIN_JSON) {
        weir_stats_print(&part, 1, &run->text);
        return;
    }
    for (size_t i = 0; i < part.count; i++)
        weir_text_printf(&run->text, "%-28s %12" PRIu64 "\n", part.rows[i].name,
                         weir_counter_get(&part.rows[i], part.counters));
}

/* All files. What is broken in one does not keep the others from being read. */
static int inspect(struct run *run, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &run->call->arguments;
    int first = 0;
    for (size_t i = 0; i < arguments->operand_count && !weir_stop_requested(); i++) {
        struct weir_diag own = {0};
        int result = inspect_file(run, arguments->operands[i], &own);
        if (result < 0 && first == 0) {
            first = result;
            *diag = own;
        }
        if (result == WEIR_E_CLOSED || result == WEIR_E_NOMEM || result == WEIR_E_LIMIT)
            return result;
    }
    if (run->is_silent)
        add_summary(run);
    int written = write_text(run, 0, first == 0 ? diag : NULL);
    return first ? first : written;
}

static int run(struct weir_call *call, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &call->arguments;
    struct run run = {
        .call = call,
        .is_silent = weir_arguments_flag(arguments, SUMMARY),
        .printer = {.out = &run.text,
                    .format = (enum weir_explain_format)weir_arguments_choice(arguments, FORMAT),
                    .hex = weir_arguments_flag(arguments, HEX),
                    .colour = isatty(STDOUT_FILENO) == 1 && !getenv("NO_COLOR")},
    };
    if (arguments->operand_count == 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "inspect: a file is wanted; - is standard input");
    if (weir_arguments_has(arguments, MESSAGE))
        run.wanted = weir_arguments_number(arguments, MESSAGE);
    if (weir_explainer_new(&run.explainer) < 0)
        return weir_diag_set(diag, WEIR_E_NOMEM, "inspect: no memory");
    weir_text_init(&run.text, TEXT_OCTETS_MAX);
    int result = weir_output_open("-", &run.output, diag);
    if (result == 0) {
        result = inspect(&run, diag);
        weir_progress_clear(&call->progress);
        struct weir_diag own = {0};
        int closed = weir_output_close(run.output, &own);
        if (closed < 0 && result == 0) {
            result = closed;
            *diag = own;
        }
    }
    weir_text_done(&run.text);
    weir_explainer_free(run.explainer);
    return result;
}

static const struct weir_example examples[] = {
    {"weir inspect exports.pcap", "every octet of every message in a capture"},
    {"weir inspect --message 4 --hex flows.ipfix", "one message of an IPFIX file, with its octets"},
    {"weir inspect --summary exports.pcap", "only whether all is well, and how much there is"},
    {NULL, NULL},
};

const struct weir_command weir_command_inspect = {
    .name = "inspect",
    .summary = "explains export messages octet by octet, and what is wrong with them",
    .usage = "FILE... [OPTION]...",
    .about = "Takes a capture of export datagrams (pcap, pcapng), an IPFIX file, or bare datagrams "
             "one after another; plain, gzip or zstd; - is standard input. It prints every field "
             "of every header, set, template, record and value with the octets that it takes, "
             "counted from the first of its message.\n\n"
             "A line with !! names a rule that is broken, at which octet, and what says so. A line "
             "with ?? is about what is allowed but looks wrong: padding that is not zero, numbers "
             "that do not follow, times far from the arrival, elements that are not known or come "
             "twice, templates that change.\n\n"
             "Messages are read in the order of the files, with the Templates that came before "
             "them. The exit status is 0 where no rule is broken, and 1 where one is.",
    .options = options,
    .option_count = OPTION_COUNT,
    .operands_max = 1000,
    .examples = examples,
    .run = run,
};
