/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the records of one Metering Process go: the selection of flows, then its destinations, or
 * the printer where it has none. One that fails is said and left, and the others go on,
 * also those of other processes; metering ends when none is left.
 *
 *     struct weir_exported exported = {.processes = settings.process_count};
 *     result = weir_meter_outputs_open(call, meter, 0, &settings.processes[0], &exported, &outputs,
 *                                      &diag);
 *     ...                                                     // metering
 *     weir_meter_outputs_close(outputs);
 *     weir_meter_outputs_free(outputs);
 *
 * Ownership: borrows all that it is given. Threads: as the meter calls its sinks.
 */
#ifndef WEIR_CLI_METER_OUTPUTS_H
#define WEIR_CLI_METER_OUTPUTS_H

#include "app/destination.h"
#include "app/flow_selection.h"
#include "app/guard.h"
#include "app/meter.h"
#include "cli/command.h"
#include "cli/meter_options.h"

/* Of all processes together. */
struct weir_exported {
    atomic_uint processes; /* with an output that has not failed; all, before the first is opened */
    /* What Exporting Processes counted that are closed. */
    struct weir_exporter_counters exporters;
    struct weir_udp_sender_counters senders;
    struct weir_guard_counters guards;
};

struct weir_meter_outputs;

/* 0; WEIR_E_USAGE, WEIR_E_IO, WEIR_E_NOMEM with diag. */
WEIR_CHECKED int weir_meter_outputs_open(struct weir_call *call, struct weir_meter *meter,
                                         unsigned process,
                                         const struct weir_meter_process_settings *settings,
                                         struct weir_exported *exported,
                                         struct weir_meter_outputs **ret_outputs,
                                         struct weir_diag *diag);

/* What the process's sample of packets stands for, on one line for people; "" without samplers. */
#define WEIR_METER_ESTIMATES_MAX 256u
void weir_meter_outputs_estimates(const struct weir_meter_outputs *outputs,
                                  char text[WEIR_METER_ESTIMATES_MAX]);

/* What to bear in mind of it, on a line of its own; NULL: nothing. */
const char *weir_meter_outputs_caution(const struct weir_meter_outputs *outputs);

/* Whether people read these lines below a table, once the outputs are closed. */
bool weir_meter_outputs_are_table(const struct weir_meter_outputs *outputs);

/* Completes them, also after a failure: what has gone out stays. */
void weir_meter_outputs_close(struct weir_meter_outputs *outputs);

/* The selection of flows; NULL: every flow goes out. */
const struct weir_flow_selection *weir_meter_outputs_selection(
    const struct weir_meter_outputs *outputs);

/* After the meter; what is still open is given up. NULL does nothing. */
void weir_meter_outputs_free(struct weir_meter_outputs *outputs);

#endif
