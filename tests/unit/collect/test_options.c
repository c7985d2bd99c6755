/* SPDX-License-Identifier: Apache-2.0 */
/* What options records teach a session: types of elements (RFC 5610), common properties (5473). */
#include "support/peer.h"

#include <stdio.h>

#include "collect/options.h"
#include "collect/state.h"
#include "record/json.h"

#define PEN          64512
#define TYPES_ID     400
#define FLOWS_ID     256
#define PROPERTIES   401
#define WITHDRAWALS  402
#define LINES_MAX    512
#define LINE_OCTETS  512
#define NAME_OCTETS  24
#define HALF_AN_HOUR 1800

/* informationElementId, PEN; type, semantics, name. */
static const struct weir_field type_fields[] = {
    {0, 303, 2}, {0, 346, 4}, {0, 339, 1}, {0, 344, 1}, {0, 341, NAME_OCTETS},
};
/* sourceTransportPort; two of the exporter's own. */
static const struct weir_field turtle_fields[] = {{0, 7, 2}, {PEN, 7, 4}, {PEN, 8, 4}};

/* The lines of records, and the columns of rows. */
struct seen {
    bool fails;
    unsigned lines, rows;
    char line[LINES_MAX][LINE_OCTETS];
    uint64_t bytes[LINES_MAX];
    uint64_t src_low[LINES_MAX];
    uint16_t dst_port[LINES_MAX];
    weir_column_set columns[LINES_MAX];
};

static int see_record(void *context, const struct weir_collected_record *record,
                      struct weir_diag *diag)
{
    struct seen *seen = context;
    struct weir_text_buffer text;
    size_t consumed;
    if (record->source->is_options)
        return 0;
    if (seen->fails)
        return weir_diag_set(diag, WEIR_E_IO, "no room in this test");
    assert_true(seen->lines < LINES_MAX);
    weir_text_init(&text, LINE_OCTETS - 1);
    assert_int_equal(weir_record_print_json(record->plan, record->octets, record->length,
                                            record->origin, &text, &consumed, diag),
                     0);
    assert_int_equal(consumed, record->length);
    snprintf(seen->line[seen->lines++], LINE_OCTETS, "%s", weir_text_string(&text));
    weir_text_done(&text);
    return 0;
}

static int see_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct seen *seen = context;
    (void)diag;
    for (uint32_t s = 0; s < batch->segment_count; s++)
        for (uint32_t i = 0; i < batch->segments[s].row_count; i++) {
            uint32_t row = batch->segments[s].first_row + i;
            assert_true(seen->rows < LINES_MAX);
            seen->columns[seen->rows] = batch->segments[s].columns;
            seen->bytes[seen->rows] = weir_batch_u64(batch, WEIR_COLUMN_BYTES)[row];
            seen->src_low[seen->rows] = weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR)[row];
            seen->dst_port[seen->rows] = weir_batch_u16(batch, WEIR_COLUMN_DST_PORT)[row];
            seen->rows++;
        }
    return 0;
}

/* A collector, what came out of it, and an exporter. */
struct stage {
    struct weir_collector *collector;
    struct seen *seen;
    struct peer peer;
    bool is_open;  /* a message is being put together */
    uint16_t port; /* that it comes from */
    enum weir_collect_transport transport;
};

static struct stage open_stage(enum weir_collect_transport transport)
{
    struct stage stage = {
        .seen = calloc(1, sizeof(*stage.seen)),
        .peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7),
        .transport = transport,
    };
    assert_non_null(stage.seen);
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    struct weir_batch_sink batches = {see_batch, take_flush, stage.seen};
    struct weir_record_sink records = {
        .record = see_record, .flush = take_flush, .context = stage.seen};
    batches.flush = take_flush;
    assert_int_equal(weir_collector_new(&config, &stage.collector), 0);
    assert_int_equal(weir_collector_add_batch_sink(stage.collector, &batches), 0);
    assert_int_equal(weir_collector_add_record_sink(stage.collector, &records), 0);
    return stage;
}

static struct weir_collect_counters count(struct stage *stage)
{
    struct weir_diag diag = {0};
    assert_int_equal(weir_collector_hand_over(stage->collector, &diag), 0);
    return weir_collector_count(stage->collector);
}

static void close_stage(struct stage *stage)
{
    weir_collector_free(stage->collector);
    free(stage->seen);
}

static void begin(struct stage *stage)
{
    if (!stage->is_open)
        peer_begin(&stage->peer);
    stage->is_open = true;
}

/* What was put together goes out. */
static void send(struct stage *stage)
{
    begin(stage);
    struct weir_datagram datagram = peer_end(&stage->peer);
    struct weir_diag diag = {0};
    datagram.source_port = stage->port;
    assert_int_equal(weir_collector_receive(stage->collector, &datagram, stage->transport, &diag),
                     0);
    stage->is_open = false;
}

static void put_template(struct stage *stage, uint16_t id, const struct weir_field *fields,
                         uint16_t count, uint16_t scope_count)
{
    struct weir_template *made = scope_count
                                     ? weir_template_new_options(id, fields, count, scope_count)
                                     : weir_template_new(id, fields, count);
    assert_non_null(made);
    begin(stage);
    peer_template(&stage->peer, made);
    free(made);
}

static void put_octets(struct stage *stage, uint16_t id, const struct weir_field *fields,
                       uint16_t count, const void *octets)
{
    uint32_t got = 0;
    struct weir_template *made = weir_template_new(id, fields, count);
    assert_non_null(made);
    begin(stage);
    memcpy(weir_encoder_records(&stage->peer.encoder, made, 1, &got), octets, made->record_length);
    assert_int_equal(got, 1);
    stage->peer.units++;
    free(made);
}

static void put_type(struct stage *stage, uint32_t pen, uint16_t id, uint8_t type,
                     uint8_t semantics, const char *name)
{
    uint8_t octets[8 + NAME_OCTETS] = {0};
    weir_store_be16(octets, id);
    weir_store_be32(octets + 2, pen);
    octets[6] = type;
    octets[7] = semantics;
    for (size_t i = 0; i < NAME_OCTETS && name[i]; i++)
        octets[8 + i] = (uint8_t)name[i];
    put_octets(stage, TYPES_ID, type_fields, 5, octets);
}

#define PUT_TURTLES(stage) \
    put_octets(stage, FLOWS_ID, turtle_fields, 3, "\x00\x35\xff\xff\xff\xfe\x00\x00\x00\x02")

static struct stage open_turtles(void)
{
    struct stage stage = open_stage(WEIR_COLLECT_UDP);
    put_template(&stage, TYPES_ID, type_fields, 5, 2);
    put_template(&stage, FLOWS_ID, turtle_fields, 3, 0);
    send(&stage);
    return stage;
}

static void elements_are_learnt(void **state)
{
    (void)state;
    struct stage stage = open_turtles();
    PUT_TURTLES(&stage);
    send(&stage);
    put_type(&stage, PEN, 7, WEIR_TYPE_SIGNED32, WEIR_SEMANTICS_QUANTITY, "turtleDrift");
    put_type(&stage, PEN, 0x8000 | 8, WEIR_TYPE_IPV4_ADDRESS, 0, "turtleAddress");
    PUT_TURTLES(&stage);
    send(&stage);
    struct weir_collect_counters counters = count(&stage);
    assert_int_equal(counters.elements_learnt, 2);
    assert_int_equal(counters.elements_refused, 0);
    assert_int_equal(stage.seen->lines, 2);
    assert_string_equal(stage.seen->line[0], "\"sourceTransportPort\":53,\"64512/7\":"
                                             "\"0xfffffffe\",\"64512/8\":\"0x00000002\"");
    assert_string_equal(stage.seen->line[1], "\"sourceTransportPort\":53,\"turtleDrift\":-2,"
                                             "\"turtleAddress\":\"0.0.0.2\"");
    /* They are this session's and nobody else's. */
    stage.peer.domain = 8;
    put_template(&stage, FLOWS_ID, turtle_fields, 3, 0);
    PUT_TURTLES(&stage);
    send(&stage);
    assert_string_equal(stage.seen->line[2], stage.seen->line[0]);
    close_stage(&stage);
}

/* The exporter goes on, and has another collector that knows what this one did. */
static void restart(struct stage *stage)
{
    struct stage next = open_stage(stage->transport);
    struct weir_text_buffer state, again;
    struct weir_diag diag = {0};
    weir_text_init(&state, 1 << 24);
    weir_text_init(&again, 1 << 24);
    assert_int_equal(weir_collector_save(stage->collector, 1, &state), 0);
    assert_int_equal(weir_collector_restore(next.collector, state.data, state.length, &diag), 0);
    assert_int_equal(weir_collector_save(next.collector, 1, &again), 0);
    assert_int_equal(again.length, state.length);
    assert_memory_equal(again.data + WEIR_COLLECTOR_STATE_HEAD,
                        state.data + WEIR_COLLECTOR_STATE_HEAD,
                        state.length - WEIR_COLLECTOR_STATE_HEAD);
    weir_text_done(&state);
    weir_text_done(&again);
    close_stage(stage);
    stage->collector = next.collector;
    stage->seen = next.seen;
}

static void what_was_taught_lasts(void **state)
{
    (void)state;
    struct stage stage = open_turtles();
    put_type(&stage, PEN, 8, WEIR_TYPE_UNSIGNED32, 0, "turtles");
    put_type(&stage, PEN, 7, WEIR_TYPE_SIGNED32, 0, "turtleDrift");
    put_type(&stage, PEN, 8, WEIR_TYPE_UNSIGNED32, 0, "turtles");
    send(&stage);
    const struct weir_sessions *sessions = weir_collector_sessions(stage.collector);
    assert_int_equal(sessions->newest->recall.count, 2);
    /* Also where its Options Template has become another. */
    put_template(&stage, TYPES_ID, turtle_fields, 3, 0);
    send(&stage);
    for (unsigned i = 0; i < 2; i++) {
        restart(&stage);
        PUT_TURTLES(&stage);
        send(&stage);
        assert_string_equal(stage.seen->line[0],
                            "\"sourceTransportPort\":53,\"turtleDrift\":-2,\"turtles\":2");
        assert_int_equal(count(&stage).elements_learnt, 0);
        assert_int_equal(count(&stage).options_records, 0);
        assert_int_equal(count(&stage).options_not_kept, 0);
    }
    close_stage(&stage);
}

static void records_to_recall_are_bounded(void **state)
{
    (void)state;
    struct stage stage = open_turtles();
    for (unsigned i = 0; i < WEIR_RECALL_MAX + 100; i++) {
        char name[NAME_OCTETS];
        snprintf(name, sizeof(name), "turtle%u", i);
        put_type(&stage, PEN + i / 1000, (uint16_t)(1 + i % 1000), WEIR_TYPE_UNSIGNED32, 0, name);
        if (i % 32 == 31)
            send(&stage);
    }
    send(&stage);
    const struct weir_sessions *sessions = weir_collector_sessions(stage.collector);
    assert_int_equal(sessions->newest->recall.count, WEIR_RECALL_MAX);
    restart(&stage);
    close_stage(&stage);
}

static void nothing_known_is_redefined(void **state)
{
    (void)state;
    struct stage stage = open_turtles();
    put_type(&stage, 0, 7, WEIR_TYPE_STRING, 0, "notAPort");
    put_type(&stage, 6871, 14, WEIR_TYPE_STRING, 0, "notFlags");
    put_type(&stage, WEIR_PEN_REVERSE, 1, WEIR_TYPE_STRING, 0, "notOctets");
    put_type(&stage, PEN, 7, WEIR_TYPE_UNSIGNED32, 0, "sourceTransportPort");
    PUT_TURTLES(&stage);
    send(&stage);
    assert_int_equal(count(&stage).elements_learnt, 1);
    /* The name is taken, the type is not. */
    assert_string_equal(stage.seen->line[0], "\"sourceTransportPort\":53,\"64512/7\":4294967294,"
                                             "\"64512/8\":\"0x00000002\"");
    put_type(&stage, PEN, 8, WEIR_TYPE_UNSIGNED32, 0, "turtles");
    PUT_TURTLES(&stage);
    /* Repeated it stays; said otherwise nobody knows which is true. */
    put_type(&stage, PEN, 8, WEIR_TYPE_UNSIGNED32, 0, "turtles");
    PUT_TURTLES(&stage);
    put_type(&stage, PEN, 8, WEIR_TYPE_UNSIGNED32, 0, "tortoises");
    PUT_TURTLES(&stage);
    put_type(&stage, PEN, 8, WEIR_TYPE_UNSIGNED32, 0, "turtles");
    PUT_TURTLES(&stage);
    send(&stage);
    assert_non_null(strstr(stage.seen->line[1], "\"turtles\":2"));
    assert_non_null(strstr(stage.seen->line[2], "\"turtles\":2"));
    assert_non_null(strstr(stage.seen->line[3], "\"64512/8\":\"0x00000002\""));
    assert_non_null(strstr(stage.seen->line[4], "\"64512/8\":\"0x00000002\""));
    struct weir_collect_counters counters = count(&stage);
    assert_int_equal(counters.elements_learnt, 2);
    assert_int_equal(counters.elements_refused, 2);
    close_stage(&stage);
}

static void names_that_are_none(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "a\"b",
        "a b",
        "\x1b[2J",
        "caf\xc3\xa9",
        "64512/9",
        "turtles#2",
        "domain",
        "type",
        "received",
        "exporter",
        /* As long as the field is and no longer. */
        "abcdefghijklmnopqrstuvwx",
    };
    const unsigned names_count = sizeof(names) / sizeof(names[0]);
    for (unsigned i = 0; i < names_count; i++) {
        struct stage stage = open_turtles();
        bool is_name = i == names_count - 1;
        put_type(&stage, PEN, 8, WEIR_TYPE_UNSIGNED32, 0, names[i]);
        /* The second element of a name is not told from the first by it. */
        put_type(&stage, PEN, 7, WEIR_TYPE_UNSIGNED32, 0, names[i]);
        PUT_TURTLES(&stage);
        send(&stage);
        assert_int_equal(count(&stage).elements_learnt, 2);
        assert_non_null(strstr(stage.seen->line[0], "\"64512/7\":4294967294"));
        assert_non_null(strstr(stage.seen->line[0],
                               is_name ? "\"abcdefghijklmnopqrstuvwx\":2" : "\"64512/8\":2"));
        close_stage(&stage);
    }
}

static void types_that_may_not_be(void **state)
{
    (void)state;
    static const uint8_t rows[][2] = {
        {WEIR_TYPE_COUNT, 0},
        {255, 0},
        {WEIR_TYPE_UNSIGNED32, WEIR_SEMANTICS_COUNT},
        {WEIR_TYPE_SIGNED8, WEIR_SEMANTICS_FLAGS},
        {WEIR_TYPE_FLOAT64, WEIR_SEMANTICS_FLAGS},
        {WEIR_TYPE_FLOAT32, WEIR_SEMANTICS_IDENTIFIER},
        {WEIR_TYPE_STRING, WEIR_SEMANTICS_QUANTITY},
        {WEIR_TYPE_IPV4_ADDRESS, WEIR_SEMANTICS_IDENTIFIER},
        {WEIR_TYPE_UNSIGNED32, WEIR_SEMANTICS_LIST},
    };
    struct stage stage = open_turtles();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        put_type(&stage, PEN, (uint16_t)(100 + i), rows[i][0], rows[i][1], "x");
    put_type(&stage, WEIR_PEN_NETFLOW9_SCOPE, 9, WEIR_TYPE_UNSIGNED32, 0, "scope");
    send(&stage);
    struct weir_collect_counters counters = count(&stage);
    assert_int_equal(counters.elements_learnt, 0);
    assert_int_equal(counters.elements_refused, sizeof(rows) / sizeof(rows[0]) + 1);
    close_stage(&stage);
}

static void elements_are_bounded(void **state)
{
    (void)state;
    struct stage stage = open_turtles();
    const unsigned sent = WEIR_TYPES_MAX + 50;
    for (unsigned i = 0; i < sent; i++) {
        char name[NAME_OCTETS];
        snprintf(name, sizeof(name), "element-%u", i);
        /* In an order that is none. */
        put_type(&stage, PEN, (uint16_t)(i * 7919 % 32768), WEIR_TYPE_UNSIGNED32, 0, name);
        if (i % 50 == 49)
            send(&stage);
    }
    send(&stage);
    struct weir_collect_counters counters = count(&stage);
    assert_int_equal(counters.elements_learnt, WEIR_TYPES_MAX);
    assert_int_equal(counters.elements_refused, sent - WEIR_TYPES_MAX);
    const struct weir_session *session = weir_collector_sessions(stage.collector)->newest;
    for (unsigned i = 0; i < sent; i++) {
        const struct weir_element *element =
            weir_types_find(&session->types, PEN, (uint16_t)(i * 7919 % 32768));
        assert_int_equal(element != NULL, i < WEIR_TYPES_MAX);
        if (element)
            assert_int_equal(strtoul(element->name + strlen("element-"), NULL, 10), i);
    }
    close_stage(&stage);
}

/* Common properties: commonPropertiesID; destination, port. RFC 5473, appendix A.1. */
static const struct weir_field property_fields[] = {{0, 137, 2}, {0, 12, 4}, {0, 11, 2}};
static const struct weir_field flow_fields[] = {{0, 137, 2}, {0, 2, 4}, {0, 1, 4}};

#define PUT_PROPERTIES(stage, octets) put_octets(stage, PROPERTIES, property_fields, 3, octets)
#define PUT_FLOW(stage, octets)       put_octets(stage, FLOWS_ID, flow_fields, 3, octets)
#define WEB                           "\x00\x01\xc0\x00\x02\x01\x00\x50"
#define ADDRESS                       "\"destinationIPv4Address\":\"192.0.2.1\""

static struct stage open_properties(enum weir_collect_transport transport)
{
    struct stage stage = open_stage(transport);
    put_template(&stage, PROPERTIES, property_fields, 3, 1);
    put_template(&stage, FLOWS_ID, flow_fields, 3, 0);
    send(&stage);
    return stage;
}

static void properties_are_joined(void **state)
{
    (void)state;
    struct stage stage = open_properties(WEIR_COLLECT_UDP);
    PUT_PROPERTIES(&stage, WEB);
    PUT_PROPERTIES(&stage, "\x00\x02\xc0\x00\x02\x02\x07\x8c");
    PUT_FLOW(&stage, "\x00\x01\x00\x00\x00\x1e\x00\x00\x17\x70");
    PUT_FLOW(&stage, "\x00\x02\x00\x00\x00\x3c\x00\x00\x1f\x40");
    PUT_FLOW(&stage, "\x00\x03\x00\x00\x00\x01\x00\x00\x00\x40");
    send(&stage);
    struct weir_collect_counters counters = count(&stage);
    assert_int_equal(counters.properties_learnt, 2);
    assert_int_equal(counters.properties_unknown, 1);
    assert_int_equal(counters.records, 3);
    assert_int_equal(counters.messages_malformed, 0);
    assert_string_equal(
        stage.seen->line[0],
        "\"commonPropertiesId\":1,\"packetDeltaCount\":30,\"octetDeltaCount\":6000," ADDRESS
        ",\"destinationTransportPort\":80");
    assert_string_equal(stage.seen->line[2], "\"commonPropertiesId\":3,\"packetDeltaCount\":1,"
                                             "\"octetDeltaCount\":64");
    assert_int_equal(stage.seen->rows, 3);
    assert_int_equal(stage.seen->dst_port[0], 80);
    assert_int_equal(stage.seen->dst_port[1], 1932);
    assert_int_equal(stage.seen->bytes[0], 6000);
    assert_int_equal(stage.seen->bytes[1], 8000);
    assert_int_equal(stage.seen->bytes[2], 64);
    assert_false(stage.seen->columns[2] & WEIR_COLUMN_BIT(DST_PORT));
    close_stage(&stage);
}

static void properties_last(void **state)
{
    (void)state;
    struct stage stage = open_properties(WEIR_COLLECT_UDP);
    PUT_PROPERTIES(&stage, WEB);
    send(&stage);
    restart(&stage);
    PUT_FLOW(&stage, "\x00\x01\x00\x00\x00\x1e\x00\x00\x17\x70");
    send(&stage);
    struct weir_collect_counters counters = count(&stage);
    assert_int_equal(counters.properties_learnt, 0);
    assert_int_equal(counters.properties_unknown, 0);
    assert_int_equal(stage.seen->dst_port[0], 80);
    close_stage(&stage);
}

static void properties_change_and_go(void **state)
{
    (void)state;
    static const struct weir_field withdrawal[] = {{0, 137, 2}};
    const enum weir_collect_transport transports[] = {WEIR_COLLECT_UDP, WEIR_COLLECT_FILE};
    for (unsigned i = 0; i < 2; i++) {
        struct stage stage = open_properties(transports[i]);
        PUT_PROPERTIES(&stage, WEB);
        PUT_PROPERTIES(&stage, "\x00\x01\xc0\x00\x02\x01\x01\xbb");
        PUT_FLOW(&stage, "\x00\x01\x00\x00\x00\x1e\x00\x00\x17\x70");
        put_template(&stage, WITHDRAWALS, withdrawal, 1, 1);
        put_octets(&stage, WITHDRAWALS, withdrawal, 1, "\x00\x01");
        PUT_FLOW(&stage, "\x00\x01\x00\x00\x00\x1e\x00\x00\x17\x70");
        send(&stage);
        struct weir_collect_counters counters = count(&stage);
        assert_non_null(strstr(stage.seen->line[0], "Port\":443"));
        /* Nothing is withdrawn over UDP, where it might overtake what it is of. */
        assert_int_equal(counters.properties_unknown, transports[i] == WEIR_COLLECT_FILE);
        close_stage(&stage);
    }
}

static void properties_live_half_an_hour_over_udp(void **state)
{
    (void)state;
    const enum weir_collect_transport transports[] = {WEIR_COLLECT_UDP, WEIR_COLLECT_FILE};
    for (unsigned i = 0; i < 2; i++) {
        struct stage stage = open_properties(transports[i]);
        PUT_PROPERTIES(&stage, WEB);
        send(&stage);
        stage.peer.second += HALF_AN_HOUR - 1;
        PUT_PROPERTIES(&stage, WEB);
        send(&stage);
        for (unsigned k = 0; k < 2; k++) {
            stage.peer.second += HALF_AN_HOUR / 2 + 1;
            PUT_FLOW(&stage, "\x00\x01\x00\x00\x00\x1e\x00\x00\x17\x70");
            send(&stage);
        }
        assert_int_equal(count(&stage).properties_unknown, transports[i] == WEIR_COLLECT_UDP);
        assert_non_null(strstr(stage.seen->line[0], ADDRESS));
        close_stage(&stage);
    }
}

#define WEB_FLOW "\x00\x01\x00\x00\x00\x1e\x00\x00\x17\x70"

/* Records ahead of their properties go out with them, once they have come. */
static void records_wait_for_properties(void **state)
{
    (void)state;
    struct stage stage = open_properties(WEIR_COLLECT_UDP);
    PUT_FLOW(&stage, WEB_FLOW);
    PUT_FLOW(&stage, "\x00\x02\x00\x00\x00\x01\x00\x00\x00\x40");
    send(&stage);
    PUT_FLOW(&stage, WEB_FLOW);
    send(&stage);
    assert_int_equal(stage.seen->lines, 0);
    struct weir_collect_counters counters = weir_collector_count(stage.collector);
    assert_int_equal(counters.records, 0);
    assert_int_equal(counters.sets_waiting_properties, 2);
    /* They are not lost: how many there are is known. */
    assert_int_equal(counters.records_lost + counters.records_unknown, 0);

    /* Of the first set one is still not known, and it stays together. */
    PUT_PROPERTIES(&stage, WEB);
    send(&stage);
    assert_int_equal(stage.seen->lines, 1);
    PUT_PROPERTIES(&stage, "\x00\x02\xc0\x00\x02\x02\x07\x8c");
    send(&stage);
    assert_int_equal(stage.seen->lines, 3);
    counters = count(&stage);
    assert_int_equal(counters.records, 3);
    assert_int_equal(counters.properties_awaited, 3);
    assert_int_equal(counters.properties_unknown, 0);
    assert_int_equal(counters.sets_waiting_properties, 0);
    assert_int_equal(counters.records_lost + counters.records_unknown, 0);
    assert_int_equal(counters.records_duplicate, 0);
    assert_int_equal(stage.seen->dst_port[0], 80);
    assert_int_equal(stage.seen->dst_port[1], 80);
    assert_int_equal(stage.seen->dst_port[2], 1932);
    close_stage(&stage);
}

/* Also where their Template was replaced meanwhile. */
static void records_wait_for_a_minute(void **state)
{
    (void)state;
    static const struct weir_field other[] = {{0, 7, 2}};
    struct stage stage = open_properties(WEIR_COLLECT_UDP);
    PUT_FLOW(&stage, WEB_FLOW);
    send(&stage);
    put_template(&stage, FLOWS_ID, other, 1, 0);
    send(&stage);
    stage.peer.second += 59;
    send(&stage);
    assert_int_equal(stage.seen->lines, 0);
    stage.peer.second += 1;
    send(&stage);
    assert_int_equal(stage.seen->lines, 1);
    assert_string_equal(stage.seen->line[0], "\"commonPropertiesId\":1,\"packetDeltaCount\":30,"
                                             "\"octetDeltaCount\":6000");
    struct weir_collect_counters counters = count(&stage);
    assert_int_equal(counters.properties_unknown, 1);
    assert_int_equal(counters.properties_awaited, 0);
    assert_int_equal(counters.records, 1);
    close_stage(&stage);
}

/* Captures may say any time, also the last that there is. */
static void records_wait_at_the_end_of_times(void **state)
{
    (void)state;
    struct stage stage = open_stage(WEIR_COLLECT_UDP);
    stage.peer.second = INT64_MAX / WEIR_NS_PER_SECOND;
    put_template(&stage, FLOWS_ID, flow_fields, 3, 0);
    send(&stage);
    for (unsigned i = 0; i < 2; i++) {
        PUT_FLOW(&stage, WEB_FLOW);
        send(&stage);
        assert_int_equal(stage.seen->lines, 0);
    }
    assert_int_equal(count(&stage).records, 2);
    close_stage(&stage);
}

/* A session that goes takes with it what a sink did not, and nothing is waited for any more. */
static void what_no_sink_takes_waits_no_longer(void **state)
{
    (void)state;
    struct stage stage = open_properties(WEIR_COLLECT_UDP);
    const struct weir_sessions *sessions = weir_collector_sessions(stage.collector);
    struct weir_diag diag;
    for (unsigned i = 0; i < 3; i++) {
        PUT_FLOW(&stage, WEB_FLOW);
        send(&stage);
    }
    assert_int_equal(sessions->sets_awaiting, 3);
    stage.seen->fails = true;
    /* It forgets all that is known before. */
    (void)!weir_collector_restore(stage.collector, "", 0, &diag);
    assert_int_equal(sessions->count, 0);
    assert_int_equal(sessions->sets_awaiting, 0);
    close_stage(&stage);
}

/* Too many: the oldest go as they are, and nothing is lost. */
static void what_waits_for_properties_is_bounded(void **state)
{
    (void)state;
    struct stage stage = open_properties(WEIR_COLLECT_UDP);
    const uint32_t most = weir_collector_defaults().waiting.sets;
    for (uint32_t i = 0; i < most + 3; i++) {
        PUT_FLOW(&stage, WEB_FLOW);
        send(&stage);
    }
    struct weir_collect_counters counters = weir_collector_count(stage.collector);
    assert_int_equal(stage.seen->lines, 3);
    assert_int_equal(counters.records, 3);
    assert_int_equal(counters.properties_unknown, 3);
    assert_int_equal(counters.sets_waiting_properties, most);

    /* Who is forgotten does not take them along. */
    stage.seen->lines = 0;
    struct weir_diag diag = {0};
    assert_int_equal(weir_collector_restore(stage.collector, "", 0, &diag), WEIR_E_NOT_FOUND);
    counters = weir_collector_count(stage.collector);
    assert_int_equal(counters.records, most + 3);
    assert_int_equal(counters.properties_unknown, most + 3);
    assert_int_equal(counters.sets_waiting_properties, 0);
    close_stage(&stage);
}

/* RFC 5473 section 7: several sets a record, sets that refer to sets, and to themselves. */
static void properties_of_properties(void **state)
{
    (void)state;
    static const struct weir_field outer[] = {{0, 137, 1}, {0, 137, 1}, {0, 7, 2}};
    static const struct weir_field pair[] = {{0, 137, 1}, {0, 137, 1}, {0, 5, 1}};
    static const struct weir_field flow[] = {{0, 137, 1}, {0, 137, 1}, {0, 1, 4}};
    struct stage stage = open_properties(WEIR_COLLECT_FILE);
    put_template(&stage, 410, outer, 3, 1);
    put_template(&stage, 411, pair, 3, 2);
    put_template(&stage, 412, flow, 3, 0);
    PUT_PROPERTIES(&stage, WEB);
    put_octets(&stage, 410, outer, 3, "\x05\x01\x15\xb3"); /* 5: 1, port 5555 */
    put_octets(&stage, 410, outer, 3, "\x06\x06\x1a\x0a"); /* 6: 6, port 6666 */
    put_octets(&stage, 411, pair, 3, "\x08\x09\x28");      /* 8 and 9: ToS 40 */
    put_octets(&stage, 412, flow, 3, "\x05\x01\x00\x00\x00\x01");
    put_octets(&stage, 412, flow, 3, "\x06\x05\x00\x00\x00\x02");
    put_octets(&stage, 412, flow, 3, "\x08\x09\x00\x00\x00\x03");
    put_octets(&stage, 412, flow, 3, "\x09\x08\x00\x00\x00\x04");
    put_octets(&stage, 412, flow, 3, "\x07\x05\x00\x00\x00\x05");
    send(&stage);
    static const char *const expected[] = {
        "\"commonPropertiesId\":5,\"commonPropertiesId#2\":1,\"octetDeltaCount\":1,"
        "\"commonPropertiesId#3\":1,\"sourceTransportPort\":5555," ADDRESS
        ",\"destinationTransportPort\":80",
        "\"commonPropertiesId\":6,\"commonPropertiesId#2\":5,\"octetDeltaCount\":2,"
        "\"commonPropertiesId#3\":6,\"sourceTransportPort\":6666,\"commonPropertiesId#4\":1,"
        "\"sourceTransportPort#2\":5555," ADDRESS ",\"destinationTransportPort\":80",
        "\"commonPropertiesId\":8,\"commonPropertiesId#2\":9,\"octetDeltaCount\":3,"
        "\"ipClassOfService\":40",
        "\"commonPropertiesId\":9,\"commonPropertiesId#2\":8,\"octetDeltaCount\":4",
        "\"commonPropertiesId\":7,\"commonPropertiesId#2\":5,\"octetDeltaCount\":5,"
        "\"commonPropertiesId#3\":1,\"sourceTransportPort\":5555," ADDRESS
        ",\"destinationTransportPort\":80",
    };
    /* The last two wait for what does not come. */
    assert_int_equal(stage.seen->lines, 3);
    assert_int_equal(count(&stage).properties_unknown, 2);
    assert_int_equal(stage.seen->lines, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(stage.seen->line[i], expected[i]);
    close_stage(&stage);
}

static void properties_are_bounded(void **state)
{
    (void)state;
    struct stage stage = open_properties(WEIR_COLLECT_UDP);
    const unsigned sent = WEIR_COMMON_SETS_MAX + 100;
    for (unsigned i = 0; i < sent; i++) {
        uint8_t octets[8] = {0, 0, 192, 0, 2, 1, 0, 80};
        weir_store_be16(octets, (uint16_t)(i * 40503)); /* odd: each once */
        PUT_PROPERTIES(&stage, octets);
        if (i % 200 == 199)
            send(&stage);
    }
    send(&stage);
    struct weir_collect_counters counters = count(&stage);
    assert_int_equal(counters.properties_learnt, WEIR_COMMON_SETS_MAX);
    assert_int_equal(counters.properties_refused, sent - WEIR_COMMON_SETS_MAX);

    /* And so are their kinds. */
    for (unsigned i = 0; i < WEIR_COMMON_SHAPES_MAX + 10; i++) {
        const struct weir_field fields[] = {{0, 137, 2}, {PEN, (uint16_t)(i + 1), 2}};
        put_template(&stage, (uint16_t)(500 + i), fields, 2, 1);
        put_octets(&stage, (uint16_t)(500 + i), fields, 2, "\x00\x00\x00\x01");
        send(&stage);
    }
    struct weir_collect_counters after = count(&stage);
    assert_int_equal(after.properties_refused - counters.properties_refused, 11);
    close_stage(&stage);
}

/* More kinds of joined records than plans are kept: each is joined, but so many a second. */
static void plans_make_room(void **state)
{
    (void)state;
    struct stage stage = open_properties(WEIR_COLLECT_UDP);
    PUT_PROPERTIES(&stage, WEB);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < WEIR_COMMON_PLANS_MAX + 10; i++) {
            const struct weir_field fields[] = {{0, 137, 2}, {PEN, (uint16_t)(i + 1), 2}};
            put_template(&stage, (uint16_t)(500 + i), fields, 2, 0);
            put_octets(&stage, (uint16_t)(500 + i), fields, 2, "\x00\x01\x00\x01");
            send(&stage);
            assert_int_equal(stage.seen->lines, 1);
            assert_non_null(strstr(stage.seen->line[0], ADDRESS));
            count(&stage);
            stage.seen->lines = stage.seen->rows = 0;
            stage.peer.second += i % 10 == 9;
        }
    }
    assert_int_equal(count(&stage).properties_unknown, 0);
    for (unsigned i = 0; i < 2 * WEIR_COMMON_PLANS_MAX; i++) {
        const struct weir_field fields[] = {{0, 137, 2}, {PEN, (uint16_t)(i + 1000), 2}};
        put_template(&stage, 500, fields, 2, 0);
        put_octets(&stage, 500, fields, 2, "\x00\x01\x00\x01");
        send(&stage);
    }
    assert_in_range(count(&stage).properties_unknown, WEIR_COMMON_PLANS_MAX,
                    WEIR_COMMON_PLANS_MAX + 10);
    close_stage(&stage);
}

/* A list whose Template the session has, and one that is wrong, all the way through. */
static void lists_are_counted_once(void **state)
{
    (void)state;
    static const struct weir_field port[] = {{0, 7, 2}};
    static const struct weir_field list[] = {{0, 292, 5}};
    struct stage stage = open_stage(WEIR_COLLECT_UDP);
    put_template(&stage, 300, port, 1, 0);
    put_template(&stage, 301, list, 1, 0);
    put_octets(&stage, 301, list, 1, "\x03\x01\x2c\x00\x35");
    put_octets(&stage, 301, list, 1, "\x03\x01\x2f\x00\x35");
    send(&stage);
    put_octets(&stage, 301, list, 1, "\x03\x01\x2d\x00\x35");
    send(&stage);
    struct weir_collect_counters counters = count(&stage);
    assert_string_equal(stage.seen->line[0], "\"subTemplateList\":{\"semantic\":\"allOf\","
                                             "\"template\":300,\"records\":["
                                             "{\"sourceTransportPort\":53}]}");
    assert_string_equal(stage.seen->line[1], "\"subTemplateList\":{\"semantic\":\"allOf\","
                                             "\"template\":303,\"octets\":\"0x0035\"}");
    assert_string_equal(stage.seen->line[2], "\"subTemplateList\":\"0x03012d0035\"");
    assert_int_equal(counters.lists_unknown_template, 1);
    assert_int_equal(counters.lists_malformed, 1);
    assert_int_equal(counters.malformed_list, 1);
    assert_int_equal(counters.messages_malformed, 1);
    assert_int_equal(counters.records, 3);
    close_stage(&stage);
}

/* Exporters that change their port with every message are one all the same. */
static void what_sessions_learnt_is_joined_with_them(void **state)
{
    (void)state;
    static const struct weir_field list[] = {{0, 292, 5}};
    struct stage stage = open_stage(WEIR_COLLECT_UDP);
    for (stage.port = 1000; stage.port < 1020; stage.port++) {
        stage.peer.sequence = 0; /* so that numbers say nothing */
        if (stage.port == 1000) {
            put_template(&stage, TYPES_ID, type_fields, 5, 2);
            put_template(&stage, FLOWS_ID, turtle_fields, 3, 0);
            put_template(&stage, PROPERTIES, property_fields, 3, 1);
            put_template(&stage, 301, list, 1, 0);
            put_type(&stage, PEN, 8, WEIR_TYPE_UNSIGNED32, 0, "turtles");
            PUT_PROPERTIES(&stage, WEB);
        }
        put_octets(&stage, 301, list, 1, "\x03\x01\x2f\x00\x35");
        PUT_TURTLES(&stage);
        send(&stage);
    }
    struct weir_collect_counters counters = count(&stage);
    assert_true(counters.sessions_joined > 0);
    assert_int_equal(counters.records, 40);
    assert_int_equal(counters.lists_unknown_template, 20);
    assert_int_equal(weir_collector_sessions(stage.collector)->count, 1);
    const struct weir_session *session = weir_collector_sessions(stage.collector)->newest;
    assert_non_null(weir_types_find(&session->types, PEN, 8));
    assert_non_null(session->common);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_learnt),
        cmocka_unit_test(what_was_taught_lasts),
        cmocka_unit_test(records_to_recall_are_bounded),
        cmocka_unit_test(nothing_known_is_redefined),
        cmocka_unit_test(names_that_are_none),
        cmocka_unit_test(types_that_may_not_be),
        cmocka_unit_test(elements_are_bounded),
        cmocka_unit_test(properties_are_joined),
        cmocka_unit_test(properties_last),
        cmocka_unit_test(properties_change_and_go),
        cmocka_unit_test(properties_live_half_an_hour_over_udp),
        cmocka_unit_test(records_wait_for_properties),
        cmocka_unit_test(records_wait_for_a_minute),
        cmocka_unit_test(records_wait_at_the_end_of_times),
        cmocka_unit_test(what_no_sink_takes_waits_no_longer),
        cmocka_unit_test(what_waits_for_properties_is_bounded),
        cmocka_unit_test(properties_of_properties),
        cmocka_unit_test(properties_are_bounded),
        cmocka_unit_test(plans_make_room),
        cmocka_unit_test(lists_are_counted_once),
        cmocka_unit_test(what_sessions_learnt_is_joined_with_them),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
