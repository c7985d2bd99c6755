/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_bench.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

void bench_open(struct bench *b, const struct weir_field *fields, uint16_t count)
{
    struct weir_template *template = weir_template_new(256, fields, count);
    assert_non_null(template);
    assert_int_equal(weir_plan_compile(template, &b->plan), 0);
    free(template);
    b->batch = weir_batch_new(512);
    assert_non_null(b->batch);
    b->records = weir_writer_make(b->octets, sizeof(b->octets));
    b->context = (struct weir_plan_context){
        .segment = {.domain = 7, .protocol_version = 10},
        .export_time_ns = EXPORT_NS,
        .uptime_zero_ns = EXPORT_NS - 100 * SECOND,
    };
}

void bench_close(struct bench *b)
{
    weir_plan_free(b->plan);
    weir_batch_free(b->batch);
}

void bench_decode(struct bench *b)
{
    size_t consumed = 0;
    uint32_t records = 0;
    struct weir_diag diag = {0};
    assert_false(weir_writer_failed(&b->records));
    assert_int_equal(weir_plan_decode(b->plan, b->octets, b->records.length, &b->context, b->batch,
                                      &consumed, &records, &diag),
                     0);
    assert_int_equal(consumed, b->records.length);
    assert_int_equal(records, b->batch->row_count);
}

void bench_assert_text(const struct bench *b, enum weir_column column, uint32_t row,
                       const char *expected)
{
    struct weir_text text = weir_batch_texts(b->batch, column)[row];
    char found[512];
    assert_true(text.length < sizeof(found));
    memcpy(found, b->batch->text + text.offset, text.length);
    found[text.length] = 0;
    assert_string_equal(found, expected);
}

bool bench_has(const struct bench *b, enum weir_column column)
{
    return b->batch->all >> column & 1;
}

int64_t bench_start_of(const struct bench *b, uint32_t row)
{
    return weir_batch_time(b->batch, WEIR_COLUMN_START)[row];
}
