/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of `weir meter`, and what they say as settings of the Metering Process and places
 * for its records. For cmd_meter.c only: the names of the options are short.
 *
 *     struct weir_meter_settings settings;
 *     result = weir_meter_settings_parse(arguments, &settings, &diag);
 *     weir_meter_new(&settings.config, &meter, &diag);
 *     weir_meter_settings_done(&settings);              // in any case
 *
 * Ownership: settings borrow the arguments, and the config borrows the settings. Threads: one.
 */
#ifndef WEIR_CLI_METER_OPTIONS_H
#define WEIR_CLI_METER_OPTIONS_H

#include "app/meter.h"
#include "cli/command.h"
#include "net/url.h"

enum {
    READ,
    MERGE,
    INTERFACE,
    CAPTURE,
    BUFFER,
    TIMESTAMPS,
    FILTER,
    MATCH,
    SAMPLE,
    SEED,
    LAYER,
    TUNNEL_DEPTH,
    FLOW,
    BIFLOW,
    DIRECTION,
    CACHE,
    WORKERS,
    IDLE_TIMEOUT,
    ACTIVE_TIMEOUT,
    SELECT,
    TO,
    DOMAIN,
    FORMAT,
    FIELDS,
    NEXT,
    STATS,
    OPTION_COUNT,
};

extern const struct weir_option weir_meter_options[OPTION_COUNT];

/* Of one Metering Process: what stands before, between and behind --next. */
struct weir_meter_process_settings {
    struct weir_arguments arguments; /* those of its part */
    struct weir_metering_config config;
    struct weir_selector selectors[WEIR_SELECTION_MAX];
    struct weir_flow_definition *definitions;
    struct weir_url *urls; /* of --to */
    size_t url_count;
};

struct weir_meter_settings {
    struct weir_meter_config config; /* clock and stop are the caller's to set */
    struct weir_metering_config configs[WEIR_METER_PROCESSES_MAX];
    struct weir_meter_process_settings processes[WEIR_METER_PROCESSES_MAX];
    unsigned process_count;
    const char **interfaces;
};

/* What the options say. 0; WEIR_E_USAGE, WEIR_E_NOMEM, WEIR_E_IO with diag. */
WEIR_CHECKED int weir_meter_settings_parse(const struct weir_arguments *arguments,
                                           struct weir_meter_settings *settings,
                                           struct weir_diag *diag);
void weir_meter_settings_done(struct weir_meter_settings *settings);

/* The texts of a repeatable option, in their order, to be freed; NULL without memory. */
const char **weir_meter_texts(const struct weir_arguments *arguments, size_t option,
                              unsigned *ret_count);

#endif
