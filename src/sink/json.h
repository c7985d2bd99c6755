/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines (`json:PATH`, `json:-`): each record one object on one line, with every Information
 * Element of its Template by IANA name, as record/json.h prints it, and beside them
 *
 *     "exporter"  address of the Exporting Process (sFlow: the agent), null where a file does not
 * say "domain"    Observation Domain ID, source id, or engine "received"  when its message arrived,
 * RFC 3339 in UTC "protocol"  netflow1, netflow5 ... ipfix, sflow "template"  Template ID; of the
 * fixed formats and of sFlow: see wire/message.h "type"      "options" in records of Options
 * Templates, "counters" in those of interface counters; flows have none
 *
 *     struct weir_json_sink *json;
 *     if (weir_json_sink_open("-", &json, &diag) < 0) ...
 *     struct weir_record_sink sink = weir_json_sink_records(json);
 *     result = weir_json_sink_close(json, &diag);
 *
 * Files are written as base/output.h says. Ownership: who opens closes or aborts, after its last
 * use as a sink. Threads: one; for each other one there is a sink that shares the place:
 *
 *     weir_json_sink_share(json, &another, &diag);            // closed before `json`
 *
 * Lines of several stand one after the other, each whole.
 */
#ifndef WEIR_SINK_JSON_H
#define WEIR_SINK_JSON_H

#include "base/error.h"
#include "collect/record_sink.h"

struct weir_json_sink;

/* 0, WEIR_E_NOMEM, or WEIR_E_IO with diag. */
WEIR_CHECKED int weir_json_sink_open(const char *path, struct weir_json_sink **ret_sink,
                                     struct weir_diag *diag);

/* Another sink of the same place, for another thread. 0, or WEIR_E_NOMEM with diag. */
WEIR_CHECKED int weir_json_sink_share(struct weir_json_sink *sink,
                                      struct weir_json_sink **ret_another, struct weir_diag *diag);

/* As a place that takes records; a flush hands all lines to the system. */
struct weir_record_sink weir_json_sink_records(struct weir_json_sink *sink);

/* Completes the file; of one that shares a place only its lines. Frees the sink in any case. */
WEIR_CHECKED int weir_json_sink_close(struct weir_json_sink *sink, struct weir_diag *diag);

/* Gives up; an incomplete file is removed. NULL does nothing. */
void weir_json_sink_abort(struct weir_json_sink *sink);

#endif
