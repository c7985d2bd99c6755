/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of RFC 6313: an octet for its kind; one for the number of fields of Template 300, one for
 * that of Template 301; 8 octets for each field (as in fuzz/plan.c); the octets of the list. What
 * is printed of it must be JSON of bounded length, the same in a line and in `other`.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "record/json.h"
#include "record/plan.h"
#include "support/valid_json.h"

#define FIELDS_MAX     15u
#define FIRST_LIST     291u
#define HEAD_OCTETS    3u
#define TEXT_MAX       ((size_t)(1 << 20) + 3 * 65536u)
#define FIRST_TEMPLATE 300u

static void check(int holds)
{
    if (!holds)
        abort();
}

static const struct weir_plan *find_plan(const void *of, uint16_t template_id)
{
    struct weir_plan *const *plans = of;
    unsigned index = template_id - FIRST_TEMPLATE;
    return index < 2 ? plans[index] : NULL;
}

static const struct weir_element *find_element(const void *of, uint32_t pen, uint16_t id)
{
    static const struct weir_element described = {
        .name = "described", .units = "", .pen = 64512, .id = 1, .type = WEIR_TYPE_BASIC_LIST};
    (void)of;
    return pen == described.pen && id == described.id ? &described : NULL;
}

static struct weir_plan *compile(const struct weir_field *fields, uint16_t count)
{
    struct weir_plan *plan = NULL;
    struct weir_template *template = weir_template_new(256, fields, count);
    check(template && weir_plan_compile(template, &plan) == 0);
    free(template);
    return plan;
}

/* The fields that `data` begins with, compiled. */
static struct weir_plan *read_plan(const uint8_t *data, unsigned count)
{
    struct weir_field fields[FIELDS_MAX];
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct weir_field){
            .pen = weir_load_be32(data + i * 8),
            .id = weir_load_be16(data + 4 + i * 8),
            .length = weir_load_be16(data + 6 + i * 8),
        };
    return compile(fields, (uint16_t)count);
}

static void print(const struct weir_plan *plan, const uint8_t *octets, size_t length,
                  const struct weir_plan_context *context)
{
    struct weir_text_buffer line;
    struct weir_batch *batch = weir_batch_new(1);
    struct weir_list_counts *counts = context->session->list_counts;
    size_t consumed;
    uint32_t records;
    check(batch != NULL);
    weir_text_init(&line, 1u << 24);
    weir_text_add_char(&line, '{');
    check(weir_record_print_json(plan, octets, length, context, &line, &consumed, NULL) == 0);
    weir_text_add_char(&line, '}');
    check(consumed == length && weir_text_error(&line) == 0 && line.length <= TEXT_MAX);
    check(valid_json(line.data, line.length));

    struct weir_list_counts first = *counts;
    *counts = (struct weir_list_counts){0};
    check(weir_plan_decode(plan, octets, length, context, batch, &consumed, &records, NULL) == 0);
    check(records == 1 && memcmp(&first, counts, sizeof(first)) == 0);
    struct weir_text other = weir_batch_texts(batch, WEIR_COLUMN_OTHER)[0];
    /* Of nothing `other` has nothing. */
    check(other.length == 0 ? line.length == 2
                            : other.length == line.length &&
                                  memcmp(batch->text + other.offset, line.data, line.length) == 0);
    weir_text_done(&line);
    weir_batch_free(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD_OCTETS)
        return 0;
    unsigned counts[2] = {data[1] % (FIELDS_MAX + 1), data[2] % (FIELDS_MAX + 1)};
    size_t head = HEAD_OCTETS + (counts[0] + counts[1]) * (size_t)8;
    if (size < head || size - head > 65535)
        return 0;
    const struct weir_field field = {0, (uint16_t)(FIRST_LIST + data[0] % 3), 65535};
    struct weir_plan *plans[2] = {
        read_plan(data + HEAD_OCTETS, counts[0]),
        read_plan(data + HEAD_OCTETS + counts[0] * (size_t)8, counts[1]),
    };
    struct weir_plan *plan = compile(&field, 1);
    struct weir_list_counts list_counts = {0};
    const struct weir_plan_session session = {
        .find_plan = find_plan,
        .find_element = find_element,
        .of = plans,
        .list_counts = &list_counts,
    };
    const struct weir_plan_context context = {
        .export_time_ns = INT64_C(1700000000000000000),
        .uptime_zero_ns = INT64_C(1699999995000000000),
        .session = &session,
    };
    size_t length = size - head;
    uint8_t *record = malloc(length + 3);
    check(record != NULL);
    record[0] = 255;
    weir_store_be16(record + 1, (uint16_t)length);
    memcpy(record + 3, data + head, length);
    print(plan, record, length + 3, &context);
    free(record);
    weir_plan_free(plan);
    weir_plan_free(plans[0]);
    weir_plan_free(plans[1]);
    return 0;
}
