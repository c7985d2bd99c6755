/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the frames of a source to the packets of each Metering Process (RFC 5470 section 5,
 * RFC 5475): every process says which frames it keeps, those that any keeps are parsed, once, and
 * every process says which of the packets it keeps.
 *
 *     weir_intake_new(&config, &intake, &diag);
 *     result = weir_intake_read(intake, source, &room, packets, &diag);  // packets[i]: process i's
 *     weir_intake_free(intake);
 *
 * Ownership: borrows the selections. Threads: one at a time. Limits: WEIR_METER_WORKERS_PROCESSES
 * processes, WEIR_METER_WORKERS_FETCH packets at once, so that they stay in the nearest cache.
 */
#ifndef WEIR_APP_INTAKE_H
#define WEIR_APP_INTAKE_H

#include "app/meter_workers.h"
#include "app/select.h"
#include "base/error.h"
#include "packet/parse.h"
#include "packet/source.h"

struct weir_intake;

struct weir_intake_config {
    struct weir_select *const *selects; /* one a process */
    unsigned process_count;
    struct weir_parser_options parser;
};

/* 0; WEIR_E_USAGE: a selection asks for content where one frame makes several packets; or
 * WEIR_E_NOMEM. */
WEIR_CHECKED int weir_intake_new(const struct weir_intake_config *config,
                                 struct weir_intake **ret_intake, struct weir_diag *diag);
void weir_intake_free(struct weir_intake *intake);

/*
 * Makes packets of what a source has at once, in `room` or in its own, valid until the next call.
 * WEIR_METER_FETCHED_MORE: the source had as much as was asked for; WEIR_METER_FETCHED; or errors
 * of weir_source_next and of selections.
 */
WEIR_CHECKED int weir_intake_read(struct weir_intake *intake, struct weir_source *source,
                                  const struct weir_meter_room *room,
                                  struct weir_meter_packets *packets, struct weir_diag *diag);

/* What all processes have selected: of those without a stage every packet. */
uint64_t weir_intake_selected(const struct weir_intake *intake);

const struct weir_parser *weir_intake_parser(const struct weir_intake *intake);

#endif
