/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations: how one field's octets become a column's values and back, for a run of records at a
 * fixed distance. Private to record/; plans are made of them.
 *
 *     const struct weir_operation *op = weir_operation_for(&field, column, false);
 *     op->decode(octets + offset, record_length, count, &times, values, second);
 *
 * The caller has checked that all records of the run lie within their octets. Constant tables;
 * any thread.
 */
#ifndef WEIR_RECORD_OPERATION_H
#define WEIR_RECORD_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/column.h"
#include "record/template.h"

/* What times are told against. */
struct weir_operation_times {
    int64_t export_ns;
    int64_t uptime_zero_ns;
    uint32_t uptime_ms; /* sysUpTime at export */
};

struct weir_operation {
    uint8_t width;  /* octets of the field; 0: as the template says (text) */
    bool saturates; /* the field is wider than the column: greater values become the greatest */
    bool has_second;

    /*
     * Reads one field of `count` records `stride` octets apart. `second` is the low words of an
     * address, the codes of an ICMP type and code.
     */
    void (*decode)(const uint8_t *octets, size_t stride, uint32_t count,
                   const struct weir_operation_times *times, void *values, void *second);

    /* The reverse. Returns how many values did not fit and were written as what is nearest. */
    uint64_t (*encode)(uint8_t *octets, size_t stride, uint32_t count,
                       const struct weir_operation_times *times, const void *values,
                       const void *second);

    /* The same of two fields, one behind the other, each with its values. NULL: one at a time. */
    uint64_t (*encode_two)(uint8_t *octets, size_t stride, uint32_t count,
                           const struct weir_operation_times *times, const void *values,
                           const void *second);
};

/*
 * The operation between this field and this column, which weir_column_for_element gave for it, or
 * NULL where its length fits none. is_paired: the template has the column in both address
 * families, and the field of the other family is written as zero. Text is not among them.
 */
const struct weir_operation *weir_operation_for(const struct weir_field *field,
                                                enum weir_column column, bool is_paired);

#endif
