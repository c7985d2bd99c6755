/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of `weir collect`, and how those of them are read that are no plain numbers. For
 * cmd_collect.c only: the names of the options are short.
 */
#ifndef WEIR_CLI_COLLECT_OPTIONS_H
#define WEIR_CLI_COLLECT_OPTIONS_H

#include "app/metrics.h"
#include "app/workers.h"
#include "cli/command.h"
#include "collect/admission.h"
#include "collect/collector.h"

enum {
    LISTEN,
    READ,
    WORKERS,
    ALLOW,
    EXPORTER_RATE,
    MAX_EXPORTERS,
    TEMPLATE_LIFETIME,
    STATE,
    SAMPLING,
    SAMPLING_WAIT,
    SKEW,
    COUNT,
    IDLE_EXIT,
    STORE,
    ROTATE,
    JOURNAL,
    JOURNAL_SYNC,
    TO,
    STATS,
    METRICS,
    METRICS_EXPORTERS,
    OPTION_COUNT
};

enum { JOURNAL_ON, JOURNAL_OFF };

extern const struct weir_option weir_collect_options[OPTION_COUNT];

/*
 * --sampling and --skew as settings of exporters, which are in the config then. *ret_settings is to
 * be freed, whatever is returned: 0; WEIR_E_USAGE, WEIR_E_NOMEM with diag.
 */
WEIR_CHECKED int weir_collect_parse_settings(const struct weir_arguments *arguments,
                                             struct weir_collector_config *config,
                                             struct weir_exporter_setting **ret_settings,
                                             struct weir_diag *diag);

/*
 * --allow and --exporter-rate. *ret_networks is to be freed, whatever is returned: 0; WEIR_E_USAGE,
 * WEIR_E_NOMEM with diag.
 */
WEIR_CHECKED int weir_collect_parse_admission(const struct weir_arguments *arguments,
                                              struct weir_admission_config *config,
                                              struct weir_network **ret_networks,
                                              struct weir_diag *diag);

/* --workers and what does not go with it. 0, or WEIR_E_USAGE with diag. */
WEIR_CHECKED int weir_collect_parse_workers(const struct weir_arguments *arguments,
                                            unsigned *ret_count, struct weir_diag *diag);

/* --journal-sync. 0, or WEIR_E_USAGE with diag. */
WEIR_CHECKED int weir_collect_parse_sync(const struct weir_arguments *arguments,
                                         struct weir_recording_config *config,
                                         struct weir_diag *diag);

#endif
