/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/meter_outputs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/flow_printer.h"
#include "app/meter_reports.h"

/* Standard errors to both sides that make an interval of 95 %. */
#define ERRORS_95 1.96

struct weir_meter_outputs {
    struct weir_call *call;
    struct weir_meter *meter;
    unsigned process;
    const struct weir_meter_process_settings *settings;
    struct weir_exported *exported;
    struct weir_meter_reports *reports;     /* of the process */
    const char **selectors;                 /* of --select */
    struct weir_flow_selection *selection;  /* NULL: every flow goes out */
    struct weir_destination **destinations; /* one a URL; NULL: not open */
    struct weir_flow_printer *printer;
    struct weir_guard_group guarded;
    struct weir_guard *guards; /* one an output */
};

static void add_exported(const struct weir_destination *destination, struct weir_exported *sum)
{
    struct weir_udp_sender_counters sender = weir_destination_sender_counters(destination);
    weir_counter_add_all(weir_exporter_counter_table, weir_exporter_counter_count,
                         weir_destination_counters(destination), &sum->exporters);
    weir_counter_add_all(weir_udp_sender_counter_table, weir_udp_sender_counter_count, &sender,
                         &sum->senders);
}

/* Sends what waits, and the last reports where all has gone well; counts, and closes. */
static int close_destination(struct weir_meter_outputs *outputs, size_t i, bool is_whole,
                             struct weir_diag *diag)
{
    struct weir_destination *destination = outputs->destinations[i];
    outputs->destinations[i] = NULL;
    struct weir_batch_sink sink = weir_destination_sink(destination);
    int result =
        is_whole ? weir_destination_end(destination, diag) : sink.flush(sink.context, 0, diag);
    add_exported(destination, outputs->exported);
    if (result == 0)
        return weir_destination_close(destination, diag);
    weir_destination_abort(destination);
    return result;
}

/* One of the places that flows go to failed: it is left, with what was sent and lost counted. */
static void lose_output(void *context, unsigned output, int result, const struct weir_diag *diag)
{
    struct weir_meter_outputs *outputs = context;
    struct weir_diag again = {0};
    weir_call_say_failure(outputs->call, result, diag);
    if (output < outputs->settings->url_count)
        (void)!close_destination(outputs, output, false, &again);
}

static int add_output(struct weir_meter_outputs *outputs, unsigned output,
                      struct weir_batch_sink sink, struct weir_diag *diag)
{
    weir_guard_batches(&outputs->guards[output], &outputs->guarded, output, sink);
    struct weir_batch_sink guarded = weir_guard_batch_sink(&outputs->guards[output]);
    return outputs->selection
               ? weir_flow_selection_add_sink(outputs->selection, &guarded, diag)
               : weir_meter_add_sink(outputs->meter, outputs->process, &guarded, diag);
}

/* Filters of flows name what the records of each definition have. */
static int check_selection(const struct weir_meter_outputs *outputs, struct weir_diag *diag)
{
    struct weir_meter_fields fields;
    char what[128] = "flows of the usual definition";
    unsigned count;
    const char **texts = weir_meter_texts(&outputs->settings->arguments, FLOW, &count);
    int result = texts ? 0 : WEIR_E_NOMEM;
    weir_meter_fields(outputs->meter, outputs->process, &fields);
    for (unsigned i = 0; i < fields.extra_count && result == 0; i++) {
        if (i < count)
            snprintf(what, sizeof(what), "flows of --flow '%.80s'", texts[i]);
        result = weir_flow_selection_check(outputs->selection, fields.of_definition[i], what, diag);
    }
    free(texts);
    return result;
}

/* Puts the selection of flows, where one is asked for, between the meter and the outputs. */
static int open_selection(struct weir_meter_outputs *outputs, struct weir_diag *diag)
{
    struct weir_flow_selection_config config = {
        .seed = outputs->settings->config.seed,
        .context = {.now_ns = weir_clock_now(&outputs->call->clock),
                    .zone = weir_arguments_zone(&outputs->call->arguments)},
    };
    outputs->selectors = weir_meter_texts(&outputs->settings->arguments, SELECT, &config.count);
    if (!outputs->selectors)
        return WEIR_E_NOMEM;
    if (config.count == 0)
        return 0;
    config.specs = outputs->selectors;
    int result = weir_flow_selection_new(&config, &outputs->selection, diag);
    if (result == 0)
        result = check_selection(outputs, diag);
    if (result < 0) {
        weir_diag_prefix(diag, "--select");
        return result;
    }
    struct weir_batch_sink sink = weir_flow_selection_sink(outputs->selection);
    return weir_meter_add_sink(outputs->meter, outputs->process, &sink, diag);
}

static int open_destinations(struct weir_meter_outputs *outputs, struct weir_diag *diag)
{
    const struct weir_meter_process_settings *settings = outputs->settings;
    int result = 0;
    for (size_t i = 0; i < settings->url_count && result == 0; i++) {
        result = weir_destination_open_reporting(
            &settings->urls[i], settings->config.cache.domain,
            outputs->process * WEIR_METERING_SINKS_MAX + (uint32_t)i + 1,
            weir_meter_reports_source(outputs->reports), &outputs->destinations[i], diag);
        if (result == 0)
            result = add_output(outputs, (unsigned)i,
                                weir_destination_sink(outputs->destinations[i]), diag);
    }
    return result;
}

static int open_printer(struct weir_meter_outputs *outputs, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &outputs->settings->arguments;
    struct weir_meter_fields fields;
    weir_meter_fields(outputs->meter, outputs->process, &fields);
    const struct weir_extra_fields *extras[WEIR_METER_DEFINITIONS_MAX];
    for (unsigned i = 0; i < fields.extra_count; i++)
        extras[i] = &fields.extras[i];
    if (outputs->selection)
        fields.columns |= weir_flow_selection_columns(outputs->selection);
    const struct weir_flow_printer_fields printed = {
        .columns = fields.columns,
        .named = fields.named,
        .extras = extras,
        .extra_count = fields.extra_count,
    };
    int result = weir_flow_printer_open(
        "-", (enum weir_format)weir_arguments_choice(arguments, FORMAT), &printed,
        weir_arguments_zone(&outputs->call->arguments), &outputs->printer, diag);
    return result < 0 ? result
                      : add_output(outputs, 0, weir_flow_printer_sink(outputs->printer), diag);
}

int weir_meter_outputs_open(struct weir_call *call, struct weir_meter *meter, unsigned process,
                            const struct weir_meter_process_settings *settings,
                            struct weir_exported *exported, struct weir_meter_outputs **ret_outputs,
                            struct weir_diag *diag)
{
    struct weir_meter_outputs *outputs = calloc(1, sizeof(*outputs));
    if (!outputs)
        return WEIR_E_NOMEM;
    outputs->call = call;
    outputs->meter = meter;
    outputs->process = process;
    outputs->settings = settings;
    outputs->exported = exported;
    outputs->guarded = (struct weir_guard_group){.failed = lose_output,
                                                 .context = outputs,
                                                 .groups = &exported->processes,
                                                 .lock = PTHREAD_MUTEX_INITIALIZER};
    outputs->destinations = calloc(settings->url_count + 1, sizeof(struct weir_destination *));
    outputs->guards = calloc(settings->url_count + 1, sizeof(*outputs->guards));
    int result = outputs->destinations && outputs->guards ? 0 : WEIR_E_NOMEM;
    if (result == 0)
        result = open_selection(outputs, diag);
    if (result == 0)
        result = weir_meter_reports_new(meter, process, &settings->config.cache, outputs->selection,
                                        &outputs->reports, diag);
    if (result == 0)
        result = settings->url_count > 0 ? open_destinations(outputs, diag)
                                         : open_printer(outputs, diag);
    if (result < 0) {
        weir_meter_outputs_free(outputs);
        return result;
    }
    *ret_outputs = outputs;
    return 0;
}

static struct weir_sampling_design design_of(const struct weir_meter_outputs *outputs,
                                             struct weir_estimates *ret_estimates)
{
    struct weir_cache_counters cache;
    struct weir_selection_description selection;
    weir_meter_count_process(outputs->meter, outputs->process, &cache, &selection, ret_estimates);
    return weir_sampling_design_of(selection.selectors, selection.count);
}

void weir_meter_outputs_estimates(const struct weir_meter_outputs *outputs,
                                  char text[WEIR_METER_ESTIMATES_MAX])
{
    struct weir_estimates estimates;
    struct weir_sampling_design design = design_of(outputs, &estimates);
    text[0] = '\0';
    if (weir_sampling_is_all(&design))
        return;
    if (estimates.observed.packets == 0)
        snprintf(text, WEIR_METER_ESTIMATES_MAX,
                 "no packet was sampled, and nothing can be estimated");
    else
        snprintf(text, WEIR_METER_ESTIMATES_MAX,
                 "the sample stands for %.0f packets, +- %.0f, and %.0f octets, +- %.0f (95 %%)",
                 estimates.estimate.packets, ERRORS_95 * estimates.error.packets,
                 estimates.estimate.octets, ERRORS_95 * estimates.error.octets);
}

/* The error is that of what was selected: of a large flow that was not, nothing tells. */
const char *weir_meter_outputs_caution(const struct weir_meter_outputs *outputs)
{
    struct weir_estimates estimates;
    struct weir_sampling_design design = design_of(outputs, &estimates);
    return design.flow_probability < 1 ? "whole flows were sampled: where a few of them have most "
                                         "packets, +- may be too small"
                                       : NULL;
}

bool weir_meter_outputs_are_table(const struct weir_meter_outputs *outputs)
{
    return outputs->settings->url_count == 0 &&
           weir_arguments_choice(&outputs->settings->arguments, FORMAT) == WEIR_FORMAT_TABLE;
}

#define CLOSING_MAX (3 * WEIR_METER_ESTIMATES_MAX)

/* Below a table whose flows, or their packets, stand for others: that they do, and for what. */
static void make_closing(const struct weir_meter_outputs *outputs, char closing[CLOSING_MAX])
{
    char estimates[WEIR_METER_ESTIMATES_MAX];
    closing[0] = '\0';
    if (!weir_meter_outputs_are_table(outputs))
        return;
    weir_meter_outputs_estimates(outputs, estimates);
    if (estimates[0])
        snprintf(closing, CLOSING_MAX, "counters are as observed: %s\n", estimates);
    const char *caution = weir_meter_outputs_caution(outputs);
    size_t length = strlen(closing);
    if (caution)
        snprintf(closing + length, CLOSING_MAX - length, "%s\n", caution);
    if (!outputs->selection || !weir_flow_selection_columns(outputs->selection))
        return;
    struct weir_flow_selection_description flows;
    weir_flow_selection_describe(outputs->selection, &flows);
    const struct weir_flow_tally *seen = &flows.selectors[0].seen;
    const struct weir_flow_tally *selected = &flows.selectors[flows.count - 1].selected;
    length = strlen(closing);
    snprintf(closing + length, CLOSING_MAX - length,
             "flows were selected: %" PRIu64 " of %" PRIu64 ", with %" PRIu64 " of %" PRIu64
             " packets and %" PRIu64 " of %" PRIu64 " octets\n",
             selected->flows, seen->flows, selected->packets, seen->packets, selected->octets,
             seen->octets);
}

void weir_meter_outputs_close(struct weir_meter_outputs *outputs)
{
    for (size_t i = 0; i < outputs->settings->url_count; i++) {
        struct weir_diag diag = {0};
        int result = outputs->destinations[i] ? close_destination(outputs, i, true, &diag) : 0;
        if (result < 0)
            weir_call_say_failure(outputs->call, result, &diag);
    }
    weir_counter_add_all(weir_guard_counter_table, weir_guard_counter_count,
                         &outputs->guarded.counters, &outputs->exported->guards);
    if (!outputs->printer)
        return;
    struct weir_diag diag = {0};
    char closing[CLOSING_MAX];
    int result = 0;
    make_closing(outputs, closing);
    /* Nothing could be read: a header without flows would look as if there were none. */
    bool is_in_vain =
        outputs->call->has_failed && weir_meter_cache_counters(outputs->meter).flows_created == 0;
    if (is_in_vain || weir_meter_has_failed(outputs->meter))
        weir_flow_printer_abort(outputs->printer);
    else
        result = weir_flow_printer_close(outputs->printer, closing, &diag);
    outputs->printer = NULL;
    if (result < 0)
        weir_call_say_failure(outputs->call, result, &diag);
}

const struct weir_flow_selection *weir_meter_outputs_selection(
    const struct weir_meter_outputs *outputs)
{
    return outputs->selection;
}

void weir_meter_outputs_free(struct weir_meter_outputs *outputs)
{
    if (!outputs)
        return;
    for (size_t i = 0; outputs->destinations && i < outputs->settings->url_count; i++)
        weir_destination_abort(outputs->destinations[i]);
    weir_flow_printer_abort(outputs->printer);
    weir_meter_reports_free(outputs->reports);
    weir_flow_selection_free(outputs->selection);
    free(outputs->selectors);
    free(outputs->destinations);
    free(outputs->guards);
    free(outputs);
}
