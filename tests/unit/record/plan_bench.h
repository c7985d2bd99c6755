/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Template, its plan, records being built, and the batch that they are decoded into.
 *
 *     struct bench b;
 *     BENCH(&b, {0, 8, 4}, {0, 1, 8});        // sourceIPv4Address, octetDeltaCount
 *     weir_write_u32(&b.records, 0xc0000201);
 *     weir_write_u64(&b.records, 1000);
 *     bench_decode(&b);
 *     bench_close(&b);
 */
#ifndef WEIR_TESTS_RECORD_PLAN_BENCH_H
#define WEIR_TESTS_RECORD_PLAN_BENCH_H

#include "base/clock.h"
#include "base/writer.h"
#include "ie/element.h"
#include "record/plan.h"

#define EXPORT_NS INT64_C(1700000000000000000)
#define SECOND    WEIR_NS_PER_SECOND

struct bench {
    struct weir_plan *plan;
    struct weir_batch *batch;
    struct weir_writer records;
    struct weir_plan_context context;
    uint8_t octets[8192];
};

void bench_open(struct bench *b, const struct weir_field *fields, uint16_t count);

#define BENCH(b, ...)                                      \
    const struct weir_field fields_of_b[] = {__VA_ARGS__}; \
    bench_open(b, fields_of_b, sizeof(fields_of_b) / sizeof(fields_of_b[0]))

void bench_close(struct bench *b);
/* Decodes all that was written, which must be whole records. */
void bench_decode(struct bench *b);
void bench_assert_text(const struct bench *b, enum weir_column column, uint32_t row,
                       const char *expected);
bool bench_has(const struct bench *b, enum weir_column column);
int64_t bench_start_of(const struct bench *b, uint32_t row);

#endif
