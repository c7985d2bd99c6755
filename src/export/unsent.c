/* SPDX-License-Identifier: Apache-2.0 */
/* Packets and octets of the Flow Records that were not sent (RFC 7011 section 4.3). */
#include "base/bytes.h"
#include "export/private.h"

#define OCTET_DELTA_COUNT  1u
#define PACKET_DELTA_COUNT 2u

static void note_time(struct weir_exporter *exporter)
{
    if (exporter->unsent_first_ns == 0)
        exporter->unsent_first_ns = exporter->now_ns;
    exporter->unsent_last_ns = exporter->now_ns;
}

/* Adds up a column of numbers, of records that have it. */
static uint64_t sum_of(const struct weir_batch *batch, const struct weir_segment *segment,
                       enum weir_column column, uint32_t first_row, uint32_t row_count)
{
    uint64_t sum = 0;
    if (!(segment->columns >> column & 1))
        return 0;
    const uint64_t *values = weir_batch_u64(batch, column) + first_row;
    for (uint32_t i = 0; i < row_count; i++)
        sum += values[i];
    return sum;
}

void weir_exporter_unsent_rows(struct weir_exporter *exporter, const struct weir_batch *batch,
                               const struct weir_segment *segment, uint32_t first_row,
                               uint32_t row_count)
{
    static const struct {
        uint8_t column;
        bool is_octets;
    } columns[] = {{WEIR_COLUMN_PACKETS, false},
                   {WEIR_COLUMN_REV_PACKETS, false},
                   {WEIR_COLUMN_BYTES, true},
                   {WEIR_COLUMN_REV_BYTES, true}};
    if (row_count == 0)
        return;
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        *(columns[i].is_octets ? &exporter->counters.octets_not_sent
                               : &exporter->counters.packets_not_sent) +=
            sum_of(batch, segment, (enum weir_column)columns[i].column, first_row, row_count);
    note_time(exporter);
}

/* The Template of the records in a set; NULL: they are no Flow Records. */
static const struct weir_template *template_of(const struct weir_exporter *exporter,
                                               const struct weir_message *message,
                                               const struct weir_set *set)
{
    uint32_t index = set->id - WEIR_EXPORTER_FIRST_TEMPLATE;
    if (message->builtin)
        return message->builtin;
    return index < exporter->shape_count ? exporter->shapes[index].announcement.source : NULL;
}

static void add_record(struct weir_exporter *exporter, struct weir_record *record)
{
    struct weir_value value;
    while (weir_record_next(record, &value, NULL) == 0) {
        const struct weir_field *field = value.field;
        if ((field->pen != 0 && field->pen != WEIR_PEN_REVERSE) || value.length > 8)
            continue;
        if (field->id == PACKET_DELTA_COUNT)
            exporter->counters.packets_not_sent +=
                weir_load_be(value.octets, (unsigned)value.length);
        if (field->id == OCTET_DELTA_COUNT)
            exporter->counters.octets_not_sent +=
                weir_load_be(value.octets, (unsigned)value.length);
    }
}

void weir_exporter_unsent_message(struct weir_exporter *exporter,
                                  const struct weir_message_octets *octets)
{
    struct weir_message message;
    struct weir_set set;
    struct weir_record record;
    if (weir_message_open(octets->octets, octets->length, &message, NULL) < 0)
        return;
    while (weir_message_next(&message, &set, NULL) == 0) {
        const struct weir_template *source = template_of(exporter, &message, &set);
        if (set.kind != WEIR_SET_DATA || !source)
            continue;
        while (weir_set_next_record(&set, source, &record, NULL) == 0)
            add_record(exporter, &record);
    }
    note_time(exporter);
}
