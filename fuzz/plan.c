/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A template and records under it: the number of fields in one octet; 8 octets for each field
 * (enterprise, number, length as in struct weir_field); one octet for how many rows the batch
 * holds; the records. All must be decoded, however often the batch is full; the JSON of each
 * record must be made; what has no variable fields must be encoded in the same number of octets.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "record/json.h"
#include "record/plan.h"

#define EXPORT_NS INT64_C(1700000000000000000)

static const struct weir_plan_context context = {
    .export_time_ns = EXPORT_NS,
    .uptime_zero_ns = EXPORT_NS - INT64_C(5000000000),
    .sampling = 10,
};

static void check(int holds)
{
    if (!holds)
        abort();
}

static uint32_t count_json(const struct weir_plan *plan, const uint8_t *octets, size_t length)
{
    struct weir_text_buffer text;
    struct weir_diag diag;
    uint32_t count = 0;
    size_t consumed;
    weir_text_init(&text, 1u << 24);
    while (weir_record_print_json(plan, octets, length, &context, &text, &consumed, &diag) == 0) {
        check(consumed > 0 && consumed <= length);
        octets += consumed;
        length -= consumed;
        count++;
        weir_text_clear(&text);
    }
    weir_text_done(&text);
    return count;
}

static uint32_t decode_all(const struct weir_plan *plan, const struct weir_template *template,
                           const uint8_t *octets, size_t length, struct weir_batch *batch)
{
    uint32_t total = 0, records;
    for (size_t at = 0; at < length;) {
        size_t consumed;
        struct weir_diag diag;
        int result = weir_plan_decode(plan, octets + at, length - at, &context, batch, &consumed,
                                      &records, &diag);
        check(consumed <= length - at && records == batch->row_count);
        check(records == 0 ||
              (batch->all & ~weir_plan_columns(plan) & ~WEIR_COLUMN_BIT(SAMPLING)) == 0);
        if (records && !template->is_variable) {
            uint8_t *again = malloc((size_t)records * template->record_length);
            check(again != NULL);
            weir_plan_encode(plan, batch, 0, records, &context, again, NULL);
            free(again);
        }
        total += records;
        at += consumed;
        weir_batch_clear(batch);
        if (result < 0)
            break;
        check(consumed > 0);
    }
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_field fields[255];
    struct weir_plan *plan = NULL;
    if (size < 1 || size < 1u + data[0] * 8u + 1u)
        return 0;
    uint16_t count = data[0];
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct weir_field){
            .pen = weir_load_be32(data + 1 + i * 8),
            .id = weir_load_be16(data + 5 + i * 8),
            .length = weir_load_be16(data + 7 + i * 8),
        };
    size_t head = 1u + count * 8u;
    struct weir_template *template = weir_template_new(256, fields, count);
    struct weir_batch *batch = weir_batch_new(data[head] + 1u);
    check(template && batch && weir_plan_compile(template, &plan) == 0);

    /* A copy, so that ASan sees a read past the records. */
    size_t length = size - head - 1;
    uint8_t *octets = malloc(length ? length : 1);
    check(octets != NULL);
    memcpy(octets, data + head + 1, length);
    check(decode_all(plan, template, octets, length, batch) == count_json(plan, octets, length));
    free(octets);
    weir_plan_free(plan);
    weir_batch_free(batch);
    free(template);
    return 0;
}
