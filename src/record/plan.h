/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans: a Template compiled into what moves values between record octets and a column batch.
 *
 * A plan holds, per field, where it stands, how wide it is, the operation that reads or writes it
 * and its column. The same plan decodes (Collecting Process) and encodes (Exporting Process).
 * Records are processed a column at a time; those with variable-length fields are first made into
 * rows of one length.
 *
 *     struct weir_plan *plan;
 *     weir_plan_compile(template, &plan);
 *     weir_plan_decode(plan, octets, length, &context, batch, &consumed, &records, &diag);
 *
 * Times become absolute at the edge: sysUpTime and delta fields are resolved with the context of
 * the message that carries them (RFC 3954 section 6, RFC 7011 section 6.1.10).
 *
 * Several fields on one column: the one of the lowest weir_column_rank has it, the first of
 * equals; in rows where its octets are all zero the next best does (not for 64-bit counters, where
 * zero is a value). Where a template has source and destination in both families, a row has both of
 * one: of the family that comes first in the template, or where its two are zero of the other;
 * prefix lengths are of the first, too, and what has no column is kept.
 *
 * `other` is one JSON object a row by IANA name, as record/json.h prints it: elements without a
 * column, the losers of a column (where neither they nor the winner are all zero), and values
 * that are greater than their column can hold, which has its greatest value then. Padding and
 * fields without octets are left out; text of length 0 where nothing is left. Records of a
 * template all of whose fields have columns have no `other` at all.
 *
 * Where a template has protocol and destination port but no ICMP element, icmp_type and icmp_code
 * are taken from the port of ICMP and ICMPv6 records, as NetFlow sends them.
 *
 * The time of an observation (observationTime*, of events and of packets) is the end of a record
 * without one, and where it has no start either, both. Counters of an event (nat_event,
 * firewall_event: RFC 8158, Cisco's NSEL) that are all zero are none: nothing was counted, and such
 * rows make a segment of their own.
 *
 * Ownership: a plan is immutable once compiled and may be shared by threads; it borrows nothing.
 * Limits: 1,024 fields.
 */
#ifndef WEIR_RECORD_PLAN_H
#define WEIR_RECORD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ie/element.h"
#include "record/batch.h"
#include "record/template.h"

struct weir_plan;

/* Lists (RFC 6313) of which JSON has octets instead of structure. */
struct weir_list_counts {
    uint64_t malformed;        /* they do not fill their field, or pass its end */
    uint64_t unknown_template; /* the records of a Template in them; the rest is structure */
    uint64_t oversized;        /* nested deeper than 8, or more text than one record may have */
};

/* What the exporter said elsewhere in its session, to which its records refer. */
struct weir_plan_session {
    /* The plan of its Template, for lists of records; NULL: not known. */
    const struct weir_plan *(*find_plan)(const void *of, uint16_t template_id);
    /* An element that it described itself (RFC 5610); NULL: it did not. */
    const struct weir_element *(*find_element)(const void *of, uint32_t pen, uint16_t id);
    const void *of;                       /* is handed to them */
    struct weir_list_counts *list_counts; /* is added to; NULL: not counted */
};

/* What the message says of all its records. */
struct weir_plan_context {
    struct weir_segment segment; /* columns, first_row, row_count are the plan's to set */
    int64_t export_time_ns;
    int64_t uptime_zero_ns; /* export time - sysUpTime: what sysUpTime 0 was */
    uint32_t sampling;      /* interval in force for records without their own; 0: unknown */
    size_t offset;          /* of the records in their message, for what diag says; may be 0 */
    const struct weir_plan_session *session; /* NULL: nothing is known of it */
};

/*
 * 0, WEIR_E_NOMEM, WEIR_E_LIMIT (fields). Fields that no operation fits (a counter of 9 octets, an
 * IPv4 address of 5) go to `other` as octets.
 */
WEIR_CHECKED int weir_plan_compile(const struct weir_template *source, struct weir_plan **ret_plan);
void weir_plan_free(struct weir_plan *plan);

/* The row columns that records of this plan have. */
weir_column_set weir_plan_columns(const struct weir_plan *plan);

/* Whether column sampler has the numbers of selection sequences. */
bool weir_plan_names_sequence(const struct weir_plan *plan);

/*
 * Decodes records from `octets` into batch until the octets end, what remains is padding
 * (shorter than the smallest record), or the batch is full: then *ret_consumed < length and the
 * caller goes on with the rest after handing the batch on. *ret_records counts what was added.
 * 0; WEIR_E_MALFORMED with diag (a variable length that passes the end of the set; a template of
 * no octets); WEIR_E_NOMEM. The records before the failure are in the batch.
 */
WEIR_CHECKED int weir_plan_decode(const struct weir_plan *plan, const uint8_t *octets,
                                  size_t length, const struct weir_plan_context *context,
                                  struct weir_batch *batch, size_t *ret_consumed,
                                  uint32_t *ret_records, struct weir_diag *diag);

/*
 * Encodes rows first_row .. first_row + row_count - 1 of batch into room for them at `octets`
 * (row_count * record_length; plans with variable fields cannot encode). Columns that the rows
 * lack, and fields without a column, are written as zero; sampling that they lack as the
 * context's. Values too wide for a field are written as its greatest value (an AS number as
 * AS_TRANS, RFC 6793; an IPv6 address in an IPv4 field as zero) and counted in *ret_clamped, which
 * is added to where it is not NULL. TCP flags in one octet lose the ninth uncounted.
 */
void weir_plan_encode(const struct weir_plan *plan, const struct weir_batch *batch,
                      uint32_t first_row, uint32_t row_count,
                      const struct weir_plan_context *context, uint8_t *octets,
                      uint64_t *ret_clamped);

#endif
