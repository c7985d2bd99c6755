/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans: a Template compiled into what moves values between record octets and a column batch.
 *
 * A plan holds, per field, where it stands, how wide it is, the operation that reads or writes it
 * and its column. The same plan decodes (Collecting Process) and encodes (Exporting Process).
 * Records of fixed length are processed a column at a time over all records of a set; those with
 * variable-length fields a record at a time by the same operations.
 *
 *     struct weir_plan *plan;
 *     weir_plan_compile(template, &plan);
 *     rows = weir_plan_decode(plan, octets, length, &context, batch, &consumed);
 *
 * Times become absolute at the edge: sysUpTime and delta fields are resolved with the context of
 * the message that carries them (RFC 3954 section 6, RFC 7011 section 6.1.10). Elements without a
 * column are rendered into `other` (RFC 7373 text in one JSON object by IANA name).
 *
 * Ownership: a plan is immutable once compiled and may be shared by threads; it borrows nothing.
 */
#ifndef WEIR_RECORD_PLAN_H
#define WEIR_RECORD_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/batch.h"
#include "record/template.h"

struct weir_plan;

/* What the message says of all its records. */
struct weir_plan_context {
    struct weir_segment segment; /* columns, first_row, row_count are the plan's to set */
    int64_t export_time_ns;
    int64_t uptime_zero_ns; /* export time - sysUpTime: what sysUpTime 0 was */
    uint32_t sampling;      /* interval in force for records without their own; 0: unknown */
};

/* 0, WEIR_E_NOMEM. Fields that no operation fits (a counter of 9 octets) go to `other` as octets.
 */
WEIR_CHECKED int weir_plan_compile(const struct weir_template *source, struct weir_plan **ret_plan);
void weir_plan_free(struct weir_plan *plan);

/* The row columns that records of this plan have. */
weir_column_set weir_plan_columns(const struct weir_plan *plan);

/*
 * Decodes records from `octets` into batch until the octets end, what remains is padding
 * (shorter than the smallest record), or the batch is full: then *ret_consumed < length and the
 * caller goes on with the rest after handing the batch on.
 * 0, or WEIR_E_MALFORMED with diag (a variable length that passes the end of the set): the records
 * before it are in the batch. *ret_records counts what was added in either case.
 */
WEIR_CHECKED int weir_plan_decode(const struct weir_plan *plan, const uint8_t *octets,
                                  size_t length, const struct weir_plan_context *context,
                                  struct weir_batch *batch, size_t *ret_consumed,
                                  uint32_t *ret_records, struct weir_diag *diag);

/*
 * Encodes rows first_row .. first_row + row_count - 1 of batch into room for them at `octets`
 * (row_count * record_length; plans with variable fields cannot encode). Columns that the rows
 * lack are written as zero. Values too wide for a field are written as its greatest value, and
 * counted in *ret_clamped where that is not NULL.
 */
void weir_plan_encode(const struct weir_plan *plan, const struct weir_batch *batch,
                      uint32_t first_row, uint32_t row_count,
                      const struct weir_plan_context *context, uint8_t *octets,
                      uint64_t *ret_clamped);

#endif
