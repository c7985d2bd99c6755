/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Exporting Process against a collector of the test's own: what is sent is taken apart again
 * and must be the rows that went in, in order, under Templates that came before them, with
 * sequence numbers that count as the protocol says.
 */
#include "export/exporter.h"

#include <stdlib.h>
#include <string.h>

#include "export/shape.h"
#include "export/synth.h"
#include "record/plan.h"
#include "support/cmocka.h"
#include "wire/message.h"

#define START_NS (INT64_C(1700000000) * WEIR_NS_PER_SECOND + 123 * WEIR_NS_PER_MS)

enum { MESSAGES_MAX = 4096, TEMPLATES_MAX = 16 };

struct wire {
    uint8_t *octets[MESSAGES_MAX];
    size_t lengths[MESSAGES_MAX];
    size_t count;
    size_t fail_after; /* sends that go well before every later one fails */
    size_t drop_every; /* so many messages are sent, then one is dropped; 0: none is */
    size_t dropped;
    size_t since_drop;
    struct weir_transport transport;
};

static int wire_send(void *context, const struct weir_message_octets *messages, size_t count,
                     size_t *ret_sent, struct weir_diag *diag)
{
    struct wire *wire = context;
    *ret_sent = 0;
    for (size_t i = 0; i < count; i++) {
        if (wire->count >= wire->fail_after)
            return weir_diag_set(diag, WEIR_E_IO, "the wire is cut");
        if (wire->drop_every > 0 && wire->since_drop++ == wire->drop_every) {
            wire->since_drop = 0;
            wire->dropped++;
            return 0;
        }
        assert_true(wire->count < MESSAGES_MAX);
        assert_true(messages[i].length <= wire->transport.message_max);
        wire->octets[wire->count] = malloc(messages[i].length);
        memcpy(wire->octets[wire->count], messages[i].octets, messages[i].length);
        wire->lengths[wire->count++] = messages[i].length;
        (*ret_sent)++;
    }
    return 0;
}

static struct wire *wire_new(size_t message_max)
{
    struct wire *wire = calloc(1, sizeof(*wire));
    wire->fail_after = SIZE_MAX;
    wire->transport =
        (struct weir_transport){.send = wire_send, .context = wire, .message_max = message_max};
    return wire;
}

static void wire_free(struct wire *wire)
{
    for (size_t i = 0; i < wire->count; i++)
        free(wire->octets[i]);
    free(wire);
}

/* A collector: Templates by id, everything decoded into one batch. */
struct collected {
    struct weir_plan *plans[TEMPLATES_MAX];
    uint16_t ids[TEMPLATES_MAX];
    size_t plan_count;
    uint32_t templates;
    struct weir_batch *batch;
};

static struct weir_plan **plan_of(struct collected *c, uint16_t id)
{
    for (size_t i = 0; i < c->plan_count; i++)
        if (c->ids[i] == id)
            return &c->plans[i];
    assert_true(c->plan_count < TEMPLATES_MAX);
    c->ids[c->plan_count] = id;
    c->plans[c->plan_count] = NULL;
    return &c->plans[c->plan_count++];
}

static void learn(struct collected *c, struct weir_set *set)
{
    struct weir_template *source = malloc(WEIR_TEMPLATE_OCTETS_MAX);
    struct weir_diag diag = {0};
    int result;
    while ((result = weir_set_next_template(set, source, WEIR_TEMPLATE_OCTETS_MAX, &diag)) == 0) {
        struct weir_plan **plan = plan_of(c, source->id);
        weir_plan_free(*plan);
        assert_int_equal(weir_plan_compile(source, plan), 0);
        c->templates++;
    }
    if (result != WEIR_E_END)
        fail_msg("%s", diag.text);
    free(source);
}

/* Decodes one message; returns its Data Records. */
static uint32_t collect(struct collected *c, const uint8_t *octets, size_t length,
                        struct weir_message *message)
{
    struct weir_diag diag = {0};
    uint32_t records = 0;
    if (weir_message_open(octets, length, message, &diag) < 0)
        fail_msg("%s", diag.text);
    struct weir_plan_context context = weir_message_context(message);
    struct weir_set set;
    int result;
    while ((result = weir_message_next(message, &set, &diag)) == 0) {
        if (set.kind == WEIR_SET_TEMPLATE) {
            learn(c, &set);
            continue;
        }
        assert_int_equal(set.kind, WEIR_SET_DATA);
        struct weir_plan **plan = plan_of(c, set.id);
        if (!*plan)
            assert_int_equal(weir_plan_compile(message->builtin, plan), 0);
        size_t consumed;
        uint32_t got;
        assert_int_equal(weir_plan_decode(*plan, set.body.octets, set.body.remaining, &context,
                                          c->batch, &consumed, &got, &diag),
                         0);
        assert_int_equal(consumed, set.body.remaining);
        records += got;
    }
    if (result != WEIR_E_END)
        fail_msg("%s", diag.text);
    return records;
}

static struct collected *collected_new(uint32_t rows)
{
    struct collected *c = calloc(1, sizeof(*c));
    c->batch = weir_batch_new(rows);
    return c;
}

static void collected_free(struct collected *c)
{
    for (size_t i = 0; i < c->plan_count; i++)
        weir_plan_free(c->plans[i]);
    weir_batch_free(c->batch);
    free(c);
}

/* Decodes all of the wire and checks each message's sequence number. */
static struct collected *collect_all(const struct wire *wire, uint32_t rows)
{
    struct collected *c = collected_new(rows);
    uint32_t sequence = 0;
    for (size_t i = 0; i < wire->count; i++) {
        struct weir_message message;
        uint32_t records = collect(c, wire->octets[i], wire->lengths[i], &message);
        if (message.sequence_unit != WEIR_SEQUENCE_NONE)
            assert_int_equal(message.sequence, sequence);
        sequence += message.sequence_unit == WEIR_SEQUENCE_MESSAGES ? 1 : records;
    }
    return c;
}

static struct weir_exporter_config config_of(enum weir_protocol protocol)
{
    return (struct weir_exporter_config){
        .protocol = protocol,
        .domain = 77,
        .template_refresh_ns = WEIR_EXPORTER_REFRESH_NS,
    };
}

static struct weir_exporter *exporter_new(const struct weir_exporter_config *config,
                                          const struct wire *wire)
{
    struct weir_exporter *exporter;
    struct weir_diag diag = {0};
    if (weir_exporter_new(config, &wire->transport, &exporter, &diag) < 0)
        fail_msg("%s", diag.text);
    return exporter;
}

/* Exports synthetic records; copies all rows, as they went in, into `kept` where not NULL. */
static uint64_t export_synthetic(struct weir_exporter *exporter, uint32_t records,
                                 unsigned v6_percent, struct weir_batch *kept)
{
    struct weir_synth_config config = {.seed = 7,
                                       .records = records,
                                       .start_ns = START_NS,
                                       .duration_ns = 60 * WEIR_NS_PER_SECOND,
                                       .v6_percent = v6_percent};
    struct weir_synth synth;
    weir_synth_init(&synth, &config);
    struct weir_batch *batch = weir_batch_new(512);
    struct weir_diag diag = {0};
    uint64_t rows = 0;
    while (weir_synth_fill(&synth, batch) > 0) {
        rows += batch->row_count;
        if (weir_exporter_batch(exporter, batch, &diag) < 0)
            fail_msg("%s", diag.text);
        if (!kept)
            continue;
        uint32_t first = weir_batch_begin(kept, &batch->segments[0], batch->row_count);
        for (unsigned i = WEIR_COLUMN_FIRST_OF_ROW; i < WEIR_COLUMN_COUNT; i++) {
            enum weir_column_type type = weir_column_info((enum weir_column)i)->type;
            size_t width = type == WEIR_COLUMN_ADDRESS ? 8 : weir_column_width(type);
            if (!(batch->any >> i & 1))
                continue;
            memcpy((char *)kept->columns[i] + first * width, batch->columns[i],
                   batch->row_count * width);
            if (type == WEIR_COLUMN_ADDRESS)
                memcpy(weir_batch_low(kept, (enum weir_column)i) + first,
                       weir_batch_low(batch, (enum weir_column)i), batch->row_count * width);
        }
    }
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    weir_batch_free(batch);
    return rows;
}

static void assert_rows_equal(const struct weir_batch *sent, const struct weir_batch *got,
                              weir_column_set columns)
{
    assert_int_equal(sent->row_count, got->row_count);
    for (unsigned i = WEIR_COLUMN_FIRST_OF_ROW; i < WEIR_COLUMN_COUNT; i++) {
        enum weir_column column = (enum weir_column)i;
        enum weir_column_type type = weir_column_info(column)->type;
        size_t width = type == WEIR_COLUMN_ADDRESS ? 8 : weir_column_width(type);
        if (!(columns >> i & 1))
            continue;
        assert_true(got->all >> i & 1);
        assert_memory_equal(sent->columns[i], got->columns[i], sent->row_count * width);
        if (type == WEIR_COLUMN_ADDRESS)
            assert_memory_equal(weir_batch_low(sent, column), weir_batch_low(got, column),
                                sent->row_count * width);
    }
}

static void round_trip(enum weir_protocol protocol, unsigned v6_percent)
{
    enum { RECORDS = 5000 };
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(protocol);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_batch *kept = weir_batch_new(RECORDS);
    uint64_t rows = export_synthetic(exporter, RECORDS, v6_percent, kept);
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    assert_int_equal(counters->records_sent, rows);
    assert_int_equal(counters->messages_sent, wire->count);
    assert_int_equal(counters->records_failed + counters->records_shapeless +
                         counters->records_not_carried + counters->values_clamped,
                     0);

    struct collected *c = collect_all(wire, RECORDS);
    assert_int_equal(c->templates, counters->templates_sent);
    assert_rows_equal(kept, c->batch, kept->all);
    weir_exporter_free(exporter);
    weir_batch_free(kept);
    collected_free(c);
    wire_free(wire);
}

static void ipfix_carries_every_row(void **state)
{
    (void)state;
    round_trip(WEIR_PROTOCOL_IPFIX, 30);
}

static void netflow9_carries_every_row(void **state)
{
    (void)state;
    round_trip(WEIR_PROTOCOL_NETFLOW9, 30);
}

static void fixed_format_carries_every_ipv4_row(enum weir_protocol protocol,
                                                weir_column_set carried, size_t message_max)
{
    enum { RECORDS = 3000 };
    struct wire *wire = wire_new(1472);
    struct weir_exporter_config config = config_of(protocol);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_batch *kept = weir_batch_new(RECORDS);
    export_synthetic(exporter, RECORDS, 0, kept);
    struct collected *c = collect_all(wire, RECORDS);
    assert_rows_equal(kept, c->batch, kept->all & carried);
    for (size_t i = 0; i < wire->count; i++)
        assert_true(wire->lengths[i] <= message_max);
    /* AS numbers have 16 bits: RFC 6793's AS_TRANS is not v5's business, its greatest value is. */
    assert_int_equal(weir_exporter_counters(exporter)->values_clamped,
                     protocol == WEIR_PROTOCOL_NETFLOW5 ? RECORDS : 0);
    weir_exporter_free(exporter);
    weir_batch_free(kept);
    collected_free(c);
    wire_free(wire);
}

static void netflow5_carries_every_ipv4_row(void **state)
{
    (void)state;
    weir_column_set as = WEIR_COLUMN_BIT(SRC_AS) | WEIR_COLUMN_BIT(DST_AS);
    fixed_format_carries_every_ipv4_row(WEIR_PROTOCOL_NETFLOW5, ~as, 24 + 30 * 48);
}

static void netflow1_carries_every_ipv4_row(void **state)
{
    (void)state;
    weir_column_set lacks = WEIR_COLUMN_BIT(SRC_AS) | WEIR_COLUMN_BIT(DST_AS) |
                            WEIR_COLUMN_BIT(SRC_MASK) | WEIR_COLUMN_BIT(DST_MASK);
    fixed_format_carries_every_ipv4_row(WEIR_PROTOCOL_NETFLOW1, ~lacks, 16 + 24 * 48);
}

static void counts_what_it_cannot_carry(enum weir_protocol protocol)
{
    struct wire *wire = wire_new(1472);
    struct weir_exporter_config config = config_of(protocol);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    uint64_t rows = export_synthetic(exporter, 2000, 50, NULL);
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    assert_true(counters->records_not_carried > 0);
    assert_int_equal(counters->records_sent + counters->records_not_carried, rows);
    weir_exporter_free(exporter);
    wire_free(wire);
}

static void fixed_formats_count_what_they_cannot_carry(void **state)
{
    (void)state;
    counts_what_it_cannot_carry(WEIR_PROTOCOL_NETFLOW5);
    counts_what_it_cannot_carry(WEIR_PROTOCOL_NETFLOW1);
}

static void templates_come_first_and_again_by_time(void **state)
{
    (void)state;
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    config.template_refresh_ns = 10 * WEIR_NS_PER_SECOND;
    struct weir_exporter *exporter = exporter_new(&config, wire);
    export_synthetic(exporter, 5000, 0, NULL); /* a minute */
    uint64_t sent = weir_exporter_counters(exporter)->templates_sent;
    /* Records leave every 2.4 s, so "after 10 s" is after 12 at the latest, and seconds round. */
    assert_in_range(sent, 5, 6);
    struct weir_message message;
    struct collected *c = collected_new(5000);
    assert_true(collect(c, wire->octets[0], wire->lengths[0], &message) > 0);
    assert_int_equal(c->templates, 1);
    collected_free(c);
    weir_exporter_free(exporter);
    wire_free(wire);

    /* What arrives for certain is said once (RFC 7011 section 8.1). */
    wire = wire_new(1400);
    wire->transport.reliable = true;
    exporter = exporter_new(&config, wire);
    export_synthetic(exporter, 5000, 0, NULL);
    assert_int_equal(weir_exporter_counters(exporter)->templates_sent, 1);
    weir_exporter_free(exporter);
    wire_free(wire);
}

static void no_flow_ends_after_its_header(void **state)
{
    (void)state;
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_NETFLOW9);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_batch *batch = weir_batch_new(1);
    struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END) |
                                              WEIR_COLUMN_BIT(BYTES),
                                   .received_ns = START_NS};
    uint32_t row = weir_batch_begin(batch, &segment, 1);
    weir_batch_time(batch, WEIR_COLUMN_START)[row] = START_NS - WEIR_NS_PER_MS;
    weir_batch_time(batch, WEIR_COLUMN_END)[row] = START_NS;
    weir_batch_u64(batch, WEIR_COLUMN_BYTES)[row] = 1500;
    struct weir_diag diag = {0};
    assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    struct weir_message message;
    struct collected *c = collected_new(1);
    assert_int_equal(collect(c, wire->octets[0], wire->lengths[0], &message), 1);
    assert_true(message.export_time_ns >= START_NS);
    assert_true(weir_batch_time(c->batch, WEIR_COLUMN_START)[0] == START_NS - WEIR_NS_PER_MS);
    assert_true(weir_batch_time(c->batch, WEIR_COLUMN_END)[0] == START_NS);
    collected_free(c);
    weir_batch_free(batch);
    weir_exporter_free(exporter);
    wire_free(wire);
}

/* One flow of IPv4 from start to end, exported at its end; returns the time it is collected with.
 */
static int64_t start_over_the_wire(struct weir_exporter *exporter, struct wire *wire,
                                   int64_t start_ns, int64_t end_ns, uint32_t *ret_uptime_ms)
{
    struct weir_batch *batch = weir_batch_new(1);
    struct weir_segment segment = {
        .columns = WEIR_COLUMN_BIT(SRC_ADDR) | WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END),
        .received_ns = end_ns,
    };
    uint32_t row = weir_batch_begin(batch, &segment, 1);
    weir_batch_high(batch, WEIR_COLUMN_SRC_ADDR)[row] = 0;
    weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR)[row] = 0xffff0a000001;
    weir_batch_time(batch, WEIR_COLUMN_START)[row] = start_ns;
    weir_batch_time(batch, WEIR_COLUMN_END)[row] = end_ns;
    struct weir_diag diag = {0};
    size_t first = wire->count;
    assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    weir_batch_free(batch);
    assert_int_equal(wire->count, first + 1);
    struct collected *c = collected_new((uint32_t)wire->count);
    struct weir_message message;
    for (size_t i = 0; i <= first; i++)
        assert_int_equal(collect(c, wire->octets[i], wire->lengths[i], &message), 1);
    int64_t collected_ns = weir_batch_time(c->batch, WEIR_COLUMN_START)[first];
    assert_true(weir_batch_time(c->batch, WEIR_COLUMN_END)[first] == end_ns);
    *ret_uptime_ms = message.uptime_ms;
    collected_free(c);
    return collected_ns;
}

/* sysUpTime has 32 bits of milliseconds: on the 61st day it has begun anew. */
static void sysuptime_wraps_in(enum weir_protocol protocol)
{
    const int64_t day = 86400 * WEIR_NS_PER_SECOND;
    const int64_t begin = INT64_C(1700000000) * WEIR_NS_PER_SECOND;
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(protocol);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    uint32_t first_ms, uptime_ms;
    assert_true(start_over_the_wire(exporter, wire, begin - day / 2, begin, &first_ms) ==
                begin - day / 2);
    /* Of after the wrap, of before it, and of long before weir began. */
    static const int days[] = {1, 20, 24};
    for (unsigned i = 0; i < 3; i++) {
        int64_t start = begin + (60 - days[i]) * day;
        assert_true(start_over_the_wire(exporter, wire, start, begin + 60 * day, &uptime_ms) ==
                    start);
        assert_int_equal(uptime_ms, (uint32_t)(first_ms + 60 * (day / WEIR_NS_PER_MS)));
        assert_true(uptime_ms < 12 * (day / WEIR_NS_PER_MS));
    }
    assert_int_equal(counters->values_clamped, 0);
    /* What the 32 bits cannot say is brought near and counted. */
    int64_t end = begin + 61 * day;
    assert_true(start_over_the_wire(exporter, wire, 0, end, &uptime_ms) ==
                end - INT32_MAX * WEIR_NS_PER_MS);
    assert_int_equal(counters->values_clamped, 1);
    weir_exporter_free(exporter);
    wire_free(wire);
}

static void sysuptime_wraps(void **state)
{
    (void)state;
    sysuptime_wraps_in(WEIR_PROTOCOL_NETFLOW9);
    sysuptime_wraps_in(WEIR_PROTOCOL_NETFLOW5);
}

static void a_cut_wire_is_counted(void **state)
{
    (void)state;
    struct wire *wire = wire_new(1400);
    wire->fail_after = 10;
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_synth_config synthetic = {
        .records = 3000, .start_ns = START_NS, .duration_ns = WEIR_NS_PER_SECOND};
    struct weir_synth synth;
    weir_synth_init(&synth, &synthetic);
    struct weir_batch *batch = weir_batch_new(512);
    struct weir_diag diag = {0};
    int failures = 0;
    while (weir_synth_fill(&synth, batch) > 0)
        failures += weir_exporter_batch(exporter, batch, &diag) < 0;
    failures += weir_exporter_flush(exporter, &diag) < 0;
    assert_true(failures > 0);
    assert_string_equal(diag.text, "the wire is cut");
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    assert_int_equal(counters->messages_sent, 10);
    assert_int_equal(counters->records_sent + counters->records_failed, 3000);
    weir_batch_free(batch);
    weir_exporter_free(exporter);
    wire_free(wire);
}

/* What the transport drops is counted, and all that follows is sent. */
static void a_lossy_wire_is_counted(void **state)
{
    (void)state;
    struct wire *wire = wire_new(1400);
    wire->drop_every = 3;
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_synth_config synthetic = {
        .records = 3000, .start_ns = START_NS, .duration_ns = WEIR_NS_PER_SECOND};
    struct weir_synth synth;
    weir_synth_init(&synth, &synthetic);
    struct weir_batch *batch = weir_batch_new(512);
    struct weir_diag diag = {0};
    while (weir_synth_fill(&synth, batch) > 0)
        assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    assert_true(wire->dropped > 10);
    assert_int_equal(counters->messages_sent, wire->count);
    assert_int_equal(counters->messages_failed, wire->dropped);
    assert_true(counters->records_failed > 0);
    assert_int_equal(counters->records_sent + counters->records_failed, 3000);

    /* The first message had the Templates and arrived. */
    struct collected *c = collected_new(3000);
    struct weir_message message;
    uint64_t records = 0;
    for (size_t i = 0; i < wire->count; i++)
        records += collect(c, wire->octets[i], wire->lengths[i], &message);
    assert_int_equal(records, counters->records_sent);
    collected_free(c);
    weir_batch_free(batch);
    weir_exporter_free(exporter);
    wire_free(wire);
}

static int64_t fake_now;

static int64_t fake_clock(void *context)
{
    (void)context;
    return fake_now;
}

static void fake_sleep(void *context, int64_t duration_ns)
{
    (void)context;
    fake_now += duration_ns;
}

static void records_keep_the_pace_that_is_asked(void **state)
{
    (void)state;
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    config.records_per_second = 1000;
    config.clock = (struct weir_clock){fake_clock, NULL};
    config.sleep_ns = fake_sleep;
    fake_now = 0;
    struct weir_exporter *exporter = exporter_new(&config, wire);
    export_synthetic(exporter, 5000, 20, NULL);
    assert_in_range(fake_now / WEIR_NS_PER_MS, 4990, 5010);
    weir_exporter_free(exporter);
    wire_free(wire);
}

static void a_pause_is_not_caught_up(void **state)
{
    (void)state;
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    config.records_per_second = 1000;
    config.clock = (struct weir_clock){fake_clock, NULL};
    config.sleep_ns = fake_sleep;
    fake_now = 0;
    struct weir_exporter *exporter = exporter_new(&config, wire);
    export_synthetic(exporter, 1000, 20, NULL);
    fake_now += 3600 * WEIR_NS_PER_SECOND;
    int64_t resumed = fake_now;
    export_synthetic(exporter, 5000, 20, NULL);
    assert_in_range((fake_now - resumed) / WEIR_NS_PER_MS, 4900, 5010);
    weir_exporter_free(exporter);
    wire_free(wire);
}

/* Exports one IPv4 row of this time, alone in its message. */
static void export_row(struct weir_exporter *exporter, int64_t time_ns)
{
    struct weir_batch *batch = weir_batch_new(1);
    struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END) |
                                              WEIR_COLUMN_BIT(BYTES),
                                   .received_ns = time_ns};
    uint32_t row = weir_batch_begin(batch, &segment, 1);
    weir_batch_time(batch, WEIR_COLUMN_START)[row] = time_ns;
    weir_batch_time(batch, WEIR_COLUMN_END)[row] = time_ns;
    weir_batch_u64(batch, WEIR_COLUMN_BYTES)[row] = 1500;
    struct weir_diag diag = {0};
    assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    weir_batch_free(batch);
}

static void any_time_has_a_header(void **state)
{
    (void)state;
    static const enum weir_protocol protocols[] = {WEIR_PROTOCOL_NETFLOW5, WEIR_PROTOCOL_NETFLOW9,
                                                   WEIR_PROTOCOL_IPFIX};
    static const struct {
        int64_t time_ns;
        int64_t header_seconds;
    } cases[] = {
        {START_NS / WEIR_NS_PER_SECOND * WEIR_NS_PER_SECOND, START_NS / WEIR_NS_PER_SECOND},
        {INT64_MIN, 0},
        {INT64_MAX, UINT32_MAX},
        {-1, 0},
        {0, 0},
        {UINT32_MAX * WEIR_NS_PER_SECOND, UINT32_MAX},
        {UINT32_MAX * WEIR_NS_PER_SECOND + 1, UINT32_MAX},
    };
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    for (size_t p = 0; p < sizeof(protocols) / sizeof(protocols[0]); p++) {
        struct wire *wire = wire_new(1400);
        struct weir_exporter_config config = config_of(protocols[p]);
        struct weir_exporter *exporter = exporter_new(&config, wire);
        for (size_t i = 0; i < CASES; i++)
            export_row(exporter, cases[i].time_ns);
        assert_int_equal(wire->count, CASES);
        for (size_t i = 0; i < CASES; i++) {
            struct weir_message message;
            struct weir_diag diag = {0};
            assert_int_equal(weir_message_open(wire->octets[i], wire->lengths[i], &message, &diag),
                             0);
            assert_int_equal(message.export_time_ns / WEIR_NS_PER_SECOND, cases[i].header_seconds);
        }
        weir_exporter_free(exporter);
        wire_free(wire);
    }
}

static void a_clock_set_back_does_not_stop_refreshing(void **state)
{
    (void)state;
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    const int64_t year = 365 * 86400 * WEIR_NS_PER_SECOND;
    export_row(exporter, START_NS);
    export_row(exporter, START_NS - 2 * WEIR_NS_PER_SECOND);
    assert_int_equal(counters->templates_sent, 1);
    export_row(exporter, START_NS - year);
    assert_int_equal(counters->templates_sent, 2);
    export_row(exporter, START_NS - year + WEIR_EXPORTER_REFRESH_NS / 2);
    assert_int_equal(counters->templates_sent, 2);
    export_row(exporter, START_NS - year + WEIR_EXPORTER_REFRESH_NS);
    assert_int_equal(counters->templates_sent, 3);
    weir_exporter_free(exporter);
    wire_free(wire);
}

static const struct {
    const char *name;
    struct weir_field field;
    uint8_t octets[4];
} extras[] = {
    {"ttl", {0, 192, 1}, {64}},
    {"rev_tcp_flags", {WEIR_PEN_REVERSE, 6, 2}, {0x01, 0x12}},
    {"length", {0, 224, 4}, {0, 0, 5, 220}},
};
enum { EXTRAS = sizeof(extras) / sizeof(extras[0]) };

/* Fields without a column stand behind the others; NetFlow v9 has only IANA's of them. */
static void fields_without_a_column_are_carried(void **state)
{
    (void)state;
    static const enum weir_protocol protocols[] = {WEIR_PROTOCOL_IPFIX, WEIR_PROTOCOL_NETFLOW9};
    for (unsigned p = 0; p < 2; p++) {
        struct weir_extra_fields extra = {0};
        for (unsigned i = 0; i < EXTRAS; i++)
            assert_int_equal(weir_extra_add(&extra, extras[i].name, extras[i].field), 0);
        struct weir_batch *batch = weir_batch_new(2);
        assert_int_equal(weir_batch_set_extra(batch, &extra), 0);
        struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(PACKETS)};
        (void)weir_batch_begin(batch, &segment, 2);
        for (uint32_t row = 0; row < 2; row++) {
            weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[row] = row + 1;
            for (unsigned i = 0; i < EXTRAS; i++)
                memcpy(weir_batch_extra(batch, row) + extra.fields[i].offset, extras[i].octets,
                       extras[i].field.length);
        }
        struct weir_shape shape = {segment.columns, .protocol = protocols[p], .extra = &extra};
        struct weir_template *made = weir_shape_template(&shape, 256);
        bool has_enterprises = protocols[p] == WEIR_PROTOCOL_IPFIX;
        assert_int_equal(made->field_count, has_enterprises ? 4 : 3);
        assert_int_equal(made->fields[1].id, 192);
        assert_int_equal(made->fields[2].pen, has_enterprises ? WEIR_PEN_REVERSE : 0);
        uint8_t octets[2 * 16] = {0};
        weir_shape_encode_extra(&shape, made->record_length, batch, 0, 2, octets);
        static const uint8_t whole[] = {64, 0x01, 0x12, 0, 0, 5, 220};
        static const uint8_t part[] = {64, 0, 0, 5, 220};
        for (uint32_t row = 0; row < 2; row++)
            assert_memory_equal(octets + row * made->record_length + 8,
                                has_enterprises ? whole : part, made->record_length - 8);
        free(made);
        weir_batch_free(batch);
    }
}

/* An interval is samplingInterval; a size beside it makes it a samplingPopulation. */
static void rates_are_two_elements(void **state)
{
    (void)state;
    static const struct {
        weir_column_set more;
        uint16_t interval;
    } cases[] = {{0, 34}, {WEIR_COLUMN_BIT(SAMPLING_SIZE), 310}};
    for (uint16_t i = 0; i < 2; i++) {
        const struct weir_shape shape = {
            .protocol = WEIR_PROTOCOL_IPFIX,
            .columns = WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(SAMPLING) | cases[i].more,
        };
        struct weir_template *made = weir_shape_template(&shape, 256);
        assert_non_null(made);
        assert_int_equal(made->field_count, 2 + i);
        assert_int_equal(made->fields[1].id, cases[i].interval);
        assert_true(i == 0 || made->fields[2].id == 309);
        free(made);
    }
}

/* What a row lacks its Template lacks; what has no fixed length stands last, as long as it is. */
static void what_rows_lack_is_left_out(void **state)
{
    (void)state;
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_extra_fields extra = {0};
    struct weir_diag diag = {0};
    assert_int_equal(
        weir_extra_add_room(&extra, "list", (struct weir_field){0, 291, WEIR_LENGTH_VARIABLE}, 400),
        0);
    assert_int_equal(weir_extra_add(&extra, "ttl", (struct weir_field){0, 192, 1}), 0);
    struct weir_batch *batch = weir_batch_new(3);
    assert_int_equal(weir_batch_set_extra(batch, &extra), 0);
    struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(PACKETS), .received_ns = START_NS};
    (void)weir_batch_begin(batch, &segment, 3);
    static const size_t lengths[] = {3, 300, 0};
    for (uint32_t row = 0; row < 3; row++) {
        uint8_t *octets = weir_batch_extra(batch, row);
        weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[row] = row + 1;
        memset(weir_extra_begin_variable(octets, lengths[row]), 0xab, lengths[row]);
        octets[extra.fields[1].offset] = (uint8_t)(60 + row);
    }
    weir_extra_leave_out(&batch->extra_absent[2], 0);
    assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    assert_int_equal(counters->templates_sent, 2);
    assert_int_equal(counters->records_sent, 3);
    assert_int_equal(wire->count, 1);
    /* Header, Template Set of 3 fields, 2 records, Template Set of 2, 1 record. */
    const uint8_t *at = wire->octets[0] + 16 + 4 + 4 + 3 * 4;
    assert_int_equal(weir_load_be16(at), 256);
    static const uint8_t first[] = {0, 0, 0, 0, 0, 0, 0, 1, 60, 3, 0xab, 0xab, 0xab};
    static const uint8_t second[] = {0, 0, 0, 0, 0, 0, 0, 2, 61, 255, 300 >> 8, 300 & 255, 0xab};
    assert_memory_equal(at + 4, first, sizeof(first));
    assert_memory_equal(at + 4 + sizeof(first), second, sizeof(second));
    const uint8_t *end = wire->octets[0] + wire->lengths[0];
    static const uint8_t third[] = {0, 0, 0, 0, 0, 0, 0, 3, 62};
    assert_memory_equal(end - 12, third, sizeof(third));
    assert_int_equal(weir_load_be16(end - 16), 257);
    weir_batch_free(batch);
    weir_exporter_free(exporter);
    wire_free(wire);
}

/* A record that no message has room for is counted, and the next go on. */
static void a_record_too_long_is_counted(void **state)
{
    (void)state;
    struct wire *wire = wire_new(512);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_extra_fields extra = {0};
    struct weir_diag diag = {0};
    assert_int_equal(
        weir_extra_add_room(&extra, "list", (struct weir_field){0, 291, WEIR_LENGTH_VARIABLE}, 603),
        0);
    struct weir_batch *batch = weir_batch_new(2);
    assert_int_equal(weir_batch_set_extra(batch, &extra), 0);
    struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(PACKETS), .received_ns = START_NS};
    (void)weir_batch_begin(batch, &segment, 2);
    for (uint32_t row = 0; row < 2; row++)
        memset(weir_extra_begin_variable(weir_batch_extra(batch, row), row ? 5 : 600), 0,
               row ? 5 : 600);
    assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    assert_int_equal(weir_exporter_counters(exporter)->records_too_long, 1);
    assert_int_equal(weir_exporter_counters(exporter)->records_sent, 1);
    weir_batch_free(batch);
    weir_exporter_free(exporter);
    wire_free(wire);
}

/* Exports one row with a list in `room` octets and a TTL behind that. */
static void export_list(struct weir_exporter *exporter, uint16_t room, uint16_t length, uint8_t ttl)
{
    struct weir_extra_fields extra = {0};
    struct weir_diag diag = {0};
    struct weir_field list = {0, 291, WEIR_LENGTH_VARIABLE};
    assert_int_equal(weir_extra_add_room(&extra, "list", list, room), 0);
    assert_int_equal(weir_extra_add(&extra, "ttl", (struct weir_field){0, 192, 1}), 0);
    struct weir_batch *batch = weir_batch_new(1);
    assert_int_equal(weir_batch_set_extra(batch, &extra), 0);
    struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(PACKETS), .received_ns = START_NS};
    (void)weir_batch_begin(batch, &segment, 1);
    weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[0] = ttl;
    uint8_t *octets = weir_batch_extra(batch, 0);
    memset(octets, 0xee, extra.row_octets);
    memset(weir_extra_begin_variable(octets, length), 0xab, length);
    octets[extra.fields[1].offset] = ttl;
    assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
    weir_batch_free(batch);
}

/* Two definitions have the same fields, in rows of other lengths. */
static void lists_with_more_room_are_others(void **state)
{
    (void)state;
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_diag diag = {0};
    export_list(exporter, 20, 2, 1);
    export_list(exporter, 10, 3, 2);
    export_list(exporter, 20, 1, 3);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    assert_int_equal(counters->records_sent, 3);
    assert_int_equal(counters->templates_sent, 2);
    static const uint8_t rows[][13] = {{0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0xab, 0xab},
                                       {0, 0, 0, 0, 0, 0, 0, 2, 2, 3, 0xab, 0xab, 0xab},
                                       {0, 0, 0, 0, 0, 0, 0, 3, 3, 1, 0xab}};
    static const size_t lengths[] = {12, 13, 11};
    for (unsigned i = 0; i < 3; i++)
        assert_non_null(memmem(wire->octets[0], wire->lengths[0], rows[i], lengths[i]));
    weir_exporter_free(exporter);
    wire_free(wire);
}

/* Rows that lack what the protocol has not anyway have the same Template, or none. */
static void what_is_not_carried_makes_no_template(void **state)
{
    (void)state;
    static const struct {
        enum weir_protocol protocol;
        uint64_t templates;
        uint64_t not_carried;
    } cases[] = {{WEIR_PROTOCOL_IPFIX, 3, 0},
                 {WEIR_PROTOCOL_NETFLOW9, 2, 2},
                 {WEIR_PROTOCOL_NETFLOW5, 0, 3}};
    static const struct weir_field fields[] = {
        {0, 291, WEIR_LENGTH_VARIABLE}, {WEIR_PEN_BUILTIN, 400, 8}, {0, 192, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire *wire = wire_new(1400);
        struct weir_exporter_config config = config_of(cases[i].protocol);
        struct weir_exporter *exporter = exporter_new(&config, wire);
        struct weir_extra_fields extra = {0};
        struct weir_diag diag = {0};
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(weir_extra_add_room(&extra, "field", fields[k], 8), 0);
        struct weir_batch *batch = weir_batch_new(3);
        assert_int_equal(weir_batch_set_extra(batch, &extra), 0);
        struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(PACKETS),
                                       .received_ns = START_NS};
        (void)weir_batch_begin(batch, &segment, 3);
        memset(weir_batch_extra(batch, 0), 0, 3u * extra.row_octets);
        memset(weir_batch_u64(batch, WEIR_COLUMN_PACKETS), 0, 3 * sizeof(uint64_t));
        weir_extra_leave_out(&batch->extra_absent[1], 0);
        weir_extra_leave_out(&batch->extra_absent[1], 1);
        weir_extra_leave_out(&batch->extra_absent[2], 2);
        assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
        assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
        const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
        assert_int_equal(counters->templates_sent, cases[i].templates);
        assert_int_equal(counters->records_sent, 3);
        assert_int_equal(counters->records_without_fields, 0);
        assert_int_equal(counters->fields_not_carried, cases[i].not_carried);
        weir_batch_free(batch);
        weir_exporter_free(exporter);
        wire_free(wire);
    }
}

/* A message is opened for a record too long, and does not go out with nothing in it. */
static void no_message_is_empty(void **state)
{
    (void)state;
    struct wire *wire = wire_new(512);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_diag diag = {0};
    export_list(exporter, 603, 600, 1);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    assert_int_equal(wire->count, 1);
    assert_int_equal(weir_load_be16(wire->octets[0] + 16), 2);
    export_list(exporter, 603, 5, 1);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    assert_int_equal(wire->count, 2);
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    assert_int_equal(counters->records_too_long, 1);
    assert_int_equal(counters->records_sent, 1);
    assert_int_equal(counters->messages_sent, 2);
    weir_exporter_free(exporter);
    wire_free(wire);
}

/* Where no message has room for a Template its rows go with their keys, and without other fields.
 */
static void a_template_too_long_goes_without_fields(void **state)
{
    (void)state;
    static const struct {
        uint16_t fields;
        uint64_t without;
    } cases[] = {{60, 0}, {61, 2}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire *wire = wire_new(515);
        struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
        struct weir_exporter *exporter = exporter_new(&config, wire);
        struct weir_extra_fields extra = {0};
        struct weir_diag diag = {0};
        for (uint16_t k = 0; k < cases[i].fields; k++) {
            struct weir_field field = {WEIR_PEN_BUILTIN, (uint16_t)(1000 + k), 1};
            assert_int_equal(weir_extra_add(&extra, "field", field), 0);
        }
        extra.key_count = 3;
        struct weir_batch *batch = weir_batch_new(2);
        assert_int_equal(weir_batch_set_extra(batch, &extra), 0);
        struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(PACKETS),
                                       .received_ns = START_NS};
        (void)weir_batch_begin(batch, &segment, 2);
        weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[0] = 7;
        weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[1] = 8;
        memset(weir_batch_extra(batch, 0), 0, 2u * extra.row_octets);
        assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
        assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
        const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
        assert_int_equal(counters->records_sent, 2);
        assert_int_equal(counters->records_without_fields, cases[i].without);
        assert_int_equal(weir_load_be16(wire->octets[0] + 22),
                         cases[i].without ? 1 + 3 : 1 + cases[i].fields);
        weir_batch_free(batch);
        weir_exporter_free(exporter);
        wire_free(wire);
    }
}

/* Fields that rows may lack, one octet each, and as many patterns of them. */
enum { OPTIONAL = 12, PATTERNS = 1 << OPTIONAL, FIRST_ELEMENT = 1000 };

/* Rows of all patterns up to `count`: pattern n lacks field k where bit k of n is set. */
static struct weir_batch *patterns_new(uint32_t count, struct weir_extra_fields *extra)
{
    *extra = (struct weir_extra_fields){0};
    for (unsigned k = 0; k < OPTIONAL; k++) {
        struct weir_field field = {WEIR_PEN_BUILTIN, (uint16_t)(FIRST_ELEMENT + k), 1};
        assert_int_equal(weir_extra_add(extra, "field", field), 0);
    }
    struct weir_batch *batch = weir_batch_new(count);
    assert_int_equal(weir_batch_set_extra(batch, extra), 0);
    struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(PACKETS), .received_ns = START_NS};
    (void)weir_batch_begin(batch, &segment, count);
    for (uint32_t row = 0; row < count; row++) {
        weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[row] = row;
        for (unsigned k = 0; k < OPTIONAL; k++) {
            weir_batch_extra(batch, row)[extra->fields[k].offset] = (uint8_t)(row + k);
            if (row >> k & 1)
                weir_extra_leave_out(&batch->extra_absent[row], k);
        }
    }
    return batch;
}

/* Whether a record has what its pattern has, and nothing else. */
static void check_pattern(struct weir_record *record)
{
    struct weir_value value;
    struct weir_diag diag = {0};
    assert_int_equal(weir_record_next(record, &value, &diag), 0);
    uint32_t pattern = (uint32_t)weir_load_be(value.octets, 8);
    for (unsigned k = 0; k < OPTIONAL; k++) {
        if (pattern >> k & 1)
            continue;
        assert_int_equal(weir_record_next(record, &value, &diag), 0);
        assert_int_equal(value.field->id, FIRST_ELEMENT + k);
        assert_int_equal(value.octets[0], (uint8_t)(pattern + k));
    }
    assert_int_equal(weir_record_next(record, &value, &diag), WEIR_E_END);
}

/* Reads all of the wire, with the Templates that went before; returns how many records it had. */
static uint32_t check_patterns(const struct wire *wire)
{
    struct weir_template **templates = calloc(UINT16_MAX + 1, sizeof(struct weir_template *));
    uint32_t records = 0;
    for (size_t i = 0; i < wire->count; i++) {
        struct weir_message message;
        struct weir_set set;
        struct weir_record record;
        assert_int_equal(weir_message_open(wire->octets[i], wire->lengths[i], &message, NULL), 0);
        while (weir_message_next(&message, &set, NULL) == 0) {
            struct weir_template *got = malloc(WEIR_TEMPLATE_OCTETS_MAX);
            while (set.kind == WEIR_SET_TEMPLATE &&
                   weir_set_next_template(&set, got, WEIR_TEMPLATE_OCTETS_MAX, NULL) == 0) {
                assert_null(templates[got->id]); /* no id is used twice */
                templates[got->id] = got;
                got = malloc(WEIR_TEMPLATE_OCTETS_MAX);
            }
            free(got);
            while (set.kind == WEIR_SET_DATA &&
                   weir_set_next_record(&set, templates[set.id], &record, NULL) == 0) {
                check_pattern(&record);
                records++;
            }
        }
    }
    for (unsigned id = 0; id <= UINT16_MAX; id++)
        free(templates[id]);
    free(templates);
    return records;
}

/* Every pattern of fields that rows lack has a Template, and no row loses a field. */
static void thousands_of_patterns_have_templates(void **state)
{
    (void)state;
    const uint32_t count = PATTERNS / 2;
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_extra_fields extra;
    struct weir_batch *batch = patterns_new(count, &extra);
    struct weir_diag diag = {0};
    for (unsigned time = 0; time < 2; time++)
        assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    assert_int_equal(counters->records_without_fields, 0);
    assert_int_equal(counters->templates_sent, count);
    assert_int_equal(counters->records_sent, 2 * count);
    assert_int_equal(check_patterns(wire), 2 * count);
    weir_batch_free(batch);
    weir_exporter_free(exporter);
    wire_free(wire);
}

/* Past the limit rows keep what is no optional field, and are counted. */
static void patterns_past_the_limit_are_counted(void **state)
{
    (void)state;
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_extra_fields extra;
    struct weir_batch *batch = patterns_new(PATTERNS, &extra);
    struct weir_diag diag = {0};
    assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    uint64_t lacking = counters->records_without_fields;
    assert_int_equal(counters->records_sent, PATTERNS);
    assert_in_range(lacking, PATTERNS - WEIR_EXPORTER_SHAPES_MAX, PATTERNS - PATTERNS / 2);
    /* The last pattern, which lacks all, is the Template of those without a place. */
    assert_int_equal(counters->templates_sent, PATTERNS - lacking);
    weir_batch_free(batch);
    weir_exporter_free(exporter);
    wire_free(wire);
}

static void prefixes_have_elements_of_their_own(void **state)
{
    (void)state;
    for (unsigned is_v6 = 0; is_v6 < 2; is_v6++) {
        struct weir_shape shape = {
            .columns =
                WEIR_COLUMN_BIT(SRC_ADDR) | WEIR_COLUMN_BIT(DST_ADDR) | WEIR_COLUMN_BIT(SRC_MASK),
            .is_v6 = is_v6,
            .prefixes = WEIR_SEGMENT_SRC_PREFIX,
            .protocol = WEIR_PROTOCOL_IPFIX,
        };
        struct weir_template *made = weir_shape_template(&shape, 256);
        assert_int_equal(made->field_count, 3);
        assert_int_equal(made->fields[0].id, is_v6 ? 170 : 44);
        assert_int_equal(made->fields[1].id, is_v6 ? 28 : 12);
        assert_int_equal(made->fields[2].id, is_v6 ? 29 : 9);
        free(made);
    }
}

/* NetFlow v5 tells the interval in its header, so messages are of one each. */
static void netflow5_headers_have_the_interval(void **state)
{
    (void)state;
    static const struct {
        uint32_t interval, size;
        uint16_t wanted;
    } rows[] = {{0, 0, 0}, {100, 1, 100},      {100, 1, 100}, {10, 4, 3},
                {1, 1, 0}, {100000, 1, 16383}, {0, 0, 0}};
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    struct wire *wire = wire_new(1400);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_NETFLOW5);
    struct weir_exporter *exporter = exporter_new(&config, wire);
    struct weir_batch *batch = weir_batch_new(ROWS);
    const struct weir_segment segment = {
        .columns =
            WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(SAMPLING) | WEIR_COLUMN_BIT(SAMPLING_SIZE),
        .received_ns = START_NS,
    };
    (void)weir_batch_begin(batch, &segment, ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i] = i;
        weir_batch_u32(batch, WEIR_COLUMN_SAMPLING)[i] = rows[i].interval;
        weir_batch_u32(batch, WEIR_COLUMN_SAMPLING_SIZE)[i] = rows[i].size;
    }
    struct weir_diag diag = {0};
    assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    unsigned row = 0;
    for (size_t i = 0; i < wire->count; i++) {
        struct weir_message message;
        assert_int_equal(weir_message_open(wire->octets[i], wire->lengths[i], &message, NULL), 0);
        for (unsigned k = 0; k < message.count; k++)
            assert_int_equal(message.sampling, rows[row++].wanted);
        assert_int_equal(message.sampling_mode, message.sampling ? 1 : 0);
    }
    assert_int_equal(row, ROWS);
    weir_batch_free(batch);
    weir_exporter_free(exporter);
    wire_free(wire);
}

static void what_cannot_work_is_refused(void **state)
{
    (void)state;
    struct wire *wire = wire_new(100);
    struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
    struct weir_exporter *exporter;
    struct weir_diag diag = {0};
    assert_int_equal(weir_exporter_new(&config, &wire->transport, &exporter, &diag), WEIR_E_USAGE);
    wire->transport.message_max = 1400;
    config = config_of(WEIR_PROTOCOL_NETFLOW5);
    config.domain = 65536;
    assert_int_equal(weir_exporter_new(&config, &wire->transport, &exporter, &diag), WEIR_E_USAGE);
    wire_free(wire);
}

static void the_same_records_come_of_the_same_seed(void **state)
{
    (void)state;
    struct wire *wires[2];
    for (int i = 0; i < 2; i++) {
        wires[i] = wire_new(1400);
        struct weir_exporter_config config = config_of(WEIR_PROTOCOL_IPFIX);
        struct weir_exporter *exporter = exporter_new(&config, wires[i]);
        export_synthetic(exporter, 2000, 20, NULL);
        weir_exporter_free(exporter);
    }
    assert_int_equal(wires[0]->count, wires[1]->count);
    for (size_t i = 0; i < wires[0]->count; i++) {
        assert_int_equal(wires[0]->lengths[i], wires[1]->lengths[i]);
        assert_memory_equal(wires[0]->octets[i], wires[1]->octets[i], wires[0]->lengths[i]);
    }
    wire_free(wires[0]);
    wire_free(wires[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipfix_carries_every_row),
        cmocka_unit_test(netflow9_carries_every_row),
        cmocka_unit_test(netflow5_carries_every_ipv4_row),
        cmocka_unit_test(netflow1_carries_every_ipv4_row),
        cmocka_unit_test(fixed_formats_count_what_they_cannot_carry),
        cmocka_unit_test(templates_come_first_and_again_by_time),
        cmocka_unit_test(no_flow_ends_after_its_header),
        cmocka_unit_test(sysuptime_wraps),
        cmocka_unit_test(a_cut_wire_is_counted),
        cmocka_unit_test(a_lossy_wire_is_counted),
        cmocka_unit_test(records_keep_the_pace_that_is_asked),
        cmocka_unit_test(a_pause_is_not_caught_up),
        cmocka_unit_test(any_time_has_a_header),
        cmocka_unit_test(a_clock_set_back_does_not_stop_refreshing),
        cmocka_unit_test(fields_without_a_column_are_carried),
        cmocka_unit_test(rates_are_two_elements),
        cmocka_unit_test(what_rows_lack_is_left_out),
        cmocka_unit_test(a_record_too_long_is_counted),
        cmocka_unit_test(lists_with_more_room_are_others),
        cmocka_unit_test(what_is_not_carried_makes_no_template),
        cmocka_unit_test(no_message_is_empty),
        cmocka_unit_test(a_template_too_long_goes_without_fields),
        cmocka_unit_test(thousands_of_patterns_have_templates),
        cmocka_unit_test(patterns_past_the_limit_are_counted),
        cmocka_unit_test(prefixes_have_elements_of_their_own),
        cmocka_unit_test(netflow5_headers_have_the_interval),
        cmocka_unit_test(what_cannot_work_is_refused),
        cmocka_unit_test(the_same_records_come_of_the_same_seed),
    };
    return cmocka_run_group_tests_name("exporter", tests, NULL, NULL);
}
