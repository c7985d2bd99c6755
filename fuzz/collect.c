/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sequence of datagrams through one collector with its small limits, into columns and JSON.
 *
 * The input is datagrams one after another: an octet (bit 7: out of a file; bits 0 and 1: the
 * port, the others: which exporter; bit 6 of it: time passes for the sinks), two octets of length,
 * and so many octets, or what there is. Datagrams are 20 s apart.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/reader.h"
#include "base/text.h"
#include "collect/collector.h"
#include "record/json.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

struct taken {
    uint64_t rows;
    uint64_t without_sampling;                  /* of these */
    uint64_t records[WEIR_RECORD_COUNTERS + 1]; /* by kind */
    struct weir_text_buffer line;
};

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct taken *taken = context;
    (void)diag;
    uint32_t rows = 0;
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        check(batch->segments[i].first_row == rows);
        rows += batch->segments[i].row_count;
    }
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        const struct weir_segment *segment = &batch->segments[i];
        bool has_column = segment->columns & WEIR_COLUMN_BIT(SAMPLING);
        const uint32_t *intervals = weir_batch_u32(batch, WEIR_COLUMN_SAMPLING);
        for (uint32_t row = 0; row < segment->row_count; row++)
            taken->without_sampling += !has_column || !intervals[segment->first_row + row];
    }
    check(rows == batch->row_count && rows <= batch->row_capacity);
    taken->rows += rows;
    return 0;
}

static int take_record(void *context, const struct weir_collected_record *record,
                       struct weir_diag *diag)
{
    struct taken *taken = context;
    size_t consumed = 0;
    weir_text_clear(&taken->line);
    int result = weir_record_print_json(record->plan, record->octets, record->length,
                                        record->origin, &taken->line, &consumed, diag);
    check(result == 0 && consumed == record->length);
    taken->records[record->kind]++;
    return 0;
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    (void)context;
    (void)now_ns;
    (void)diag;
    return 0;
}

static struct weir_collector *new_collector(struct taken *taken)
{
    struct weir_collector_config config = weir_collector_defaults();
    struct weir_collector *collector;
    struct weir_batch_sink batches = {take_batch, flush, taken};
    struct weir_record_sink records = {.record = take_record, .flush = flush, .context = taken};
    weir_hash_key_seed(&config.hash_key, 0);
    config.session_max = 4;
    config.template_max = 8;
    config.template_octets = 100000;
    config.waiting = (struct weir_waiting_limits){.sets = 4, .octets = 2000};
    config.waiting_octets = 5000;
    config.batch_rows = 16;
    config.hold_rows = 8;
    check(weir_collector_new(&config, &collector) == 0 &&
          weir_collector_add_batch_sink(collector, &batches) == 0 &&
          weir_collector_add_record_sink(collector, &records) == 0);
    return collector;
}

static void check_counters(const struct weir_collector *collector, const struct taken *taken)
{
    struct weir_collect_counters c = weir_collector_count(collector);
    check(c.messages_malformed == c.malformed_version + c.malformed_header + c.malformed_length +
                                      c.malformed_set + c.malformed_template + c.malformed_record +
                                      c.malformed_list);
    check(c.records == taken->rows && c.records == taken->records[WEIR_RECORD_FLOW]);
    check(c.options_records == taken->records[WEIR_RECORD_OPTIONS]);
    check(c.counter_records == taken->records[WEIR_RECORD_COUNTERS]);
    check(c.records_sampling_unknown - c.records_sampling_corrected == taken->without_sampling);
    check(c.sets_unknown_template >= c.sets_waiting + c.sets_overflowed);
    const struct weir_sessions *sessions = weir_collector_sessions(collector);
    check(sessions->count <= sessions->limits.sessions);
    check(sessions->pool.budget.used <= sessions->pool.budget.limit);
    check(sessions->waiting_budget.used <= sessions->waiting_budget.limit);
}

/* What is no gauge only grows, whatever comes. */
static void check_growth(const struct weir_collector *collector,
                         struct weir_collect_counters *before)
{
    const struct weir_collect_counters now = weir_collector_count(collector);
    for (size_t i = 0; i < weir_collect_counter_count; i++) {
        const struct weir_counter *row = &weir_collect_counter_table[i];
        check(row->is_gauge || weir_counter_get(row, &now) >= weir_counter_get(row, before));
    }
    *before = now;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct taken taken = {0};
    struct weir_collect_counters counted = {0};
    struct weir_diag diag = {0};
    int64_t now_ns = 0;
    weir_text_init(&taken.line, 4 << 20);
    struct weir_collector *collector = new_collector(&taken);
    struct weir_reader reader = weir_reader_make(data, size);
    while (weir_reader_remaining(&reader) > 3) {
        uint8_t kind = weir_read_u8(&reader);
        size_t length = weir_read_u16(&reader);
        if (length > weir_reader_remaining(&reader))
            length = weir_reader_remaining(&reader);
        const uint8_t *octets = weir_read_octets(&reader, length);
        uint8_t *copy = malloc(length ? length : 1);
        check(copy != NULL);
        if (length)
            memcpy(copy, octets, length);
        struct weir_datagram datagram = {
            .octets = copy,
            .length = length,
            .source = weir_address_from_v4((kind & 127) >> 2),
            .source_port = kind & 3,
            .received_ns = now_ns,
        };
        check(weir_collector_receive(collector, &datagram,
                                     kind & 128 ? WEIR_COLLECT_FILE : WEIR_COLLECT_UDP,
                                     &diag) == 0);
        free(copy);
        check_growth(collector, &counted);
        now_ns += 20 * WEIR_NS_PER_SECOND;
        if (kind & 64)
            check(weir_collector_tick(collector, now_ns, &diag) == 0);
    }
    check(weir_collector_flush(collector, 0, &diag) == 0);
    check_counters(collector, &taken);
    weir_collector_free(collector);
    weir_text_done(&taken.line);
    return 0;
}
