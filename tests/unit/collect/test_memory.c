/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the collector: none is taken in the steady state, and any may be refused. */
#include "support/peer.h"
#include "support/sflow_builder.h"

/* The linker puts these before the library's calls (--wrap), and names them so. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t octets);
void *__real_calloc(size_t count, size_t octets);
void *__real_realloc(void *old, size_t octets);
void *__wrap_malloc(size_t octets);
void *__wrap_calloc(size_t count, size_t octets);
void *__wrap_realloc(void *old, size_t octets);

static struct {
    bool is_watching;
    bool refuses;
    uint64_t taken; /* allocations since watching began */
    uint64_t refused_at;
} memory;

static bool refuse(void)
{
    return memory.is_watching && memory.taken++ == memory.refused_at && memory.refuses;
}

void *__wrap_malloc(size_t octets)
{
    return refuse() ? NULL : __real_malloc(octets);
}

void *__wrap_calloc(size_t count, size_t octets)
{
    return refuse() ? NULL : __real_calloc(count, octets);
}

void *__wrap_realloc(void *old, size_t octets)
{
    return refuse() ? NULL : __real_realloc(old, octets);
}

/* NOLINTEND(bugprone-reserved-identifier) */

static const enum weir_protocol protocols[] = {
    WEIR_PROTOCOL_NETFLOW5,
    WEIR_PROTOCOL_NETFLOW9,
    WEIR_PROTOCOL_IPFIX,
};

/* Has an element without a column: its rows have text. */
static const struct weir_field text_fields[] = {{0, 8, 4}, {0, 2, 8}, {0, 1, 8}, {0, 148, 4}};

static void send(struct desk *desk, struct peer *peer, const struct weir_template *source,
                 bool with_template)
{
    peer_begin(peer);
    if (with_template && peer->protocol != WEIR_PROTOCOL_NETFLOW5)
        peer_template(peer, source);
    peer_flows(peer, source, 1, 20);
    desk_receive(desk, peer);
}

static void test_steady_state_takes_none(void **state)
{
    (void)state;
    struct weir_template *with_text = weir_template_new(400, text_fields, 4);
    assert_non_null(with_text);
    for (unsigned p = 0; p < 3; p++) {
        struct weir_collector_config config = weir_collector_defaults();
        weir_hash_key_seed(&config.hash_key, 1);
        config.batch_rows = 64;
        struct desk desk = desk_open(&config, DESK_BATCHES | DESK_RECORDS);
        struct peer peer = peer_of(protocols[p], "192.0.2.1", 1);
        const struct weir_template *sources[] = {weir_message_builtin_template(protocols[p]),
                                                 with_text, desk.flows};
        for (unsigned i = 0; i < 600; i++) {
            const struct weir_template *source = sources[0] ? sources[0] : sources[1 + i % 2];
            if (i == 100) {
                memory.taken = 0;
                memory.is_watching = true;
            }
            /* Templates that are repeated are not taken in again. */
            send(&desk, &peer, source, i < 2 || i % 10 == 0);
            desk.taken->rows = 0;
        }
        memory.is_watching = false;
        assert_int_equal(memory.taken, 0);
        assert_int_equal(desk_count(&desk).records, 12000);
        desk_close(&desk);
    }
    free(with_text);
}

/* observationDomainId, samplingInterval. */
static const struct weir_field interval_fields[] = {{0, 149, 4}, {0, 34, 4}};

/* All that takes memory; true once it went through. */
static bool run(uint64_t refused_at)
{
    struct weir_collector_config config = weir_collector_defaults();
    struct weir_batch_sink batches = {take_batch, take_flush,
                                      __real_calloc(1, sizeof(struct taken))};
    struct weir_template *flows = weir_template_new(256, peer_flow_fields, 4);
    struct weir_template *with_text = weir_template_new(400, text_fields, 4);
    struct weir_template *options = weir_template_new_options(300, interval_fields, 2, 1);
    struct weir_collector *collector = NULL;
    assert_true(batches.context && flows && with_text && options);
    weir_hash_key_seed(&config.hash_key, 1);
    config.session_max = 2;

    memory.taken = 0;
    memory.refused_at = refused_at;
    memory.refuses = true;
    memory.is_watching = true;
    int result = weir_collector_new(&config, &collector);
    for (unsigned i = 0; i < 12 && result == 0; i++) {
        memory.is_watching = false;
        struct peer peer = peer_of(protocols[i % 3], "192.0.2.1", i / 3);
        const struct weir_template *builtin = weir_message_builtin_template(protocols[i % 3]);
        peer_begin(&peer);
        if (!builtin) {
            peer_flows(&peer, with_text, 1, 3);
            peer_template(&peer, flows);
            peer_flows(&peer, flows, 1, 3);
            peer_template(&peer, with_text);
            if (protocols[i % 3] == WEIR_PROTOCOL_IPFIX) {
                peer_template(&peer, options);
                peer_flows(&peer, options, 1, 1);
            }
        } else {
            peer_flows(&peer, builtin, 1, 3);
        }
        struct weir_datagram datagram = peer_end(&peer);
        struct weir_diag diag = {0};
        memory.is_watching = true;
        if (i == 0)
            result = weir_collector_add_batch_sink(collector, &batches);
        if (result == 0)
            result = weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, &diag);
        memory.is_watching = false;
        assert_true(result == 0 || (result == WEIR_E_NOMEM && diag.text[0]));
        memory.is_watching = true;
    }
    memory.is_watching = false;
    bool went_through = memory.taken <= refused_at;
    if (result == 0) {
        struct weir_diag diag;
        assert_int_equal(weir_collector_flush(collector, 0, &diag), 0);
        struct weir_collect_counters counters = weir_collector_count(collector);
        const struct taken *taken = batches.context;
        assert_int_equal(counters.records, taken->rows);
        /* A refused Template or set is counted, and what lacks with it; a refused count is not
         * lost. */
        uint64_t refused =
            counters.templates_refused + counters.sets_overflowed + counters.samplers_refused;
        assert_true(!went_through || refused == 0);
        if (refused == 0)
            assert_int_equal(counters.records, 4 * (3 + 6 + 6));
        assert_int_equal(counters.templates, 4 * 2 * 2);
        assert_int_equal(counters.options_templates, 4);
    }
    weir_collector_free(collector);
    free(flows);
    free(with_text);
    free(options);
    free(batches.context);
    return went_through;
}

/* Flow samples of two shapes and a counter sample. */
static void build_samples(struct sflow_builder *b, unsigned sequence)
{
    sflow_datagram(b, 7, sequence);
    for (unsigned i = 0; i < 6; i++) {
        size_t sample = sflow_flow(b, false);
        sflow_header(b, 1, 68, 4, sflow_tcp_frame, sizeof(sflow_tcp_frame));
        if (i % 3 == 0) {
            size_t record = sflow_record(b, 1001);
            sflow_u32s(b, 4, 1u, 0u, 2u, 0u);
            sflow_end(b, record);
        }
        sflow_end(b, sample);
    }
    size_t sample = sflow_counters(b, false);
    sflow_if_counters(b);
    sflow_end(b, sample);
}

static int receive_samples(struct desk *desk, struct sflow_builder *b, unsigned sequence)
{
    struct weir_diag diag = {0};
    bool was_watching = memory.is_watching;
    memory.is_watching = false;
    build_samples(b, sequence);
    struct weir_datagram datagram = {
        .octets = b->octets,
        .length = weir_writer_offset(&b->writer),
        .received_ns = PEER_SECOND * WEIR_NS_PER_SECOND,
    };
    memory.is_watching = was_watching;
    return weir_collector_receive(desk->collector, &datagram, WEIR_COLLECT_UDP, &diag);
}

static void test_sflow_takes_none_in_the_steady_state(void **state)
{
    (void)state;
    struct weir_collector_config config = weir_collector_defaults();
    struct sflow_builder b;
    weir_hash_key_seed(&config.hash_key, 1);
    config.batch_rows = 64;
    struct desk desk = desk_open(&config, DESK_BATCHES | DESK_RECORDS);
    for (unsigned i = 0; i < 600; i++) {
        if (i == 100) {
            memory.taken = 0;
            memory.is_watching = true;
        }
        assert_int_equal(receive_samples(&desk, &b, i), 0);
        desk.taken->rows = 0;
    }
    memory.is_watching = false;
    assert_int_equal(memory.taken, 0);
    assert_int_equal(desk_count(&desk).records, 3600);
    assert_int_equal(desk_count(&desk).counter_records, 600);
    desk_close(&desk);
}

/* Whatever is refused, the next datagram is read whole. */
static void test_sflow_survives_refusals(void **state)
{
    (void)state;
    bool went_through = false;
    for (uint64_t refused_at = 0; !went_through; refused_at++) {
        struct weir_collector_config config = weir_collector_defaults();
        struct sflow_builder b;
        weir_hash_key_seed(&config.hash_key, 1);
        struct desk desk = desk_open(&config, DESK_BATCHES);
        memory.taken = 0;
        memory.refused_at = refused_at;
        memory.refuses = true;
        memory.is_watching = true;
        int result = receive_samples(&desk, &b, 1);
        memory.is_watching = false;
        memory.refuses = false;
        assert_true(result == 0 || result == WEIR_E_NOMEM);
        went_through = memory.taken <= refused_at;
        uint64_t before = weir_collector_count(desk.collector).records;
        assert_true(went_through ? before == 6 : before <= 6);
        assert_int_equal(receive_samples(&desk, &b, 2), 0);
        assert_int_equal(desk_count(&desk).records, before + 6);
        assert_int_equal(desk.taken->rows, before + 6);
        desk_close(&desk);
    }
}

static void test_any_may_be_refused(void **state)
{
    (void)state;
    uint64_t refused_at = 0;
    while (!run(refused_at))
        refused_at++;
    assert_true(refused_at > 20);
}

/* Common properties, records that refer to them, and the description of an element. */
static const struct weir_field property_fields[] = {{0, 137, 2}, {0, 12, 4}, {64512, 1, 2}};
static const struct weir_field referring_fields[] = {{0, 137, 2}, {0, 1, 4}};
static const struct weir_field type_fields[] = {{0, 303, 2}, {0, 346, 4}, {0, 339, 1}, {0, 341, 8}};

struct taught {
    struct weir_template *properties, *referring, *types;
};

static struct taught make_taught(void)
{
    struct taught taught = {
        .properties = weir_template_new_options(500, property_fields, 3, 1),
        .referring = weir_template_new(501, referring_fields, 2),
        .types = weir_template_new_options(502, type_fields, 4, 2),
    };
    assert_true(taught.properties && taught.referring && taught.types);
    return taught;
}

static void free_taught(struct taught *taught)
{
    free(taught->properties);
    free(taught->referring);
    free(taught->types);
}

/* A record whose octets are a number, in the first two, and zeros; of types, the PEN and a type. */
static void put(struct peer *peer, const struct weir_template *source, uint16_t number)
{
    uint32_t got = 0;
    uint8_t *octets = weir_encoder_records(&peer->encoder, source, 1, &got);
    assert_int_equal(got, 1);
    memset(octets, 0, source->record_length);
    weir_store_be16(octets, number);
    if (source->id == 502)
        weir_store_be(octets + 2, 5, 0xfc0003);
    peer->units++;
}

static void put_taught(struct peer *peer, const struct taught *taught, bool with_templates)
{
    peer_begin(peer);
    if (with_templates) {
        peer_template(peer, taught->properties);
        peer_template(peer, taught->referring);
        peer_template(peer, taught->types);
    }
    for (uint16_t i = 1; i <= 20; i++) {
        put(peer, taught->properties, i);
        put(peer, taught->types, i);
        put(peer, taught->referring, i);
    }
}

static void test_what_was_taught_takes_none_again(void **state)
{
    (void)state;
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    config.batch_rows = 64;
    struct taught taught = make_taught();
    struct desk desk = desk_open(&config, DESK_BATCHES | DESK_RECORDS);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    for (unsigned i = 0; i < 50; i++) {
        put_taught(&peer, &taught, i == 0);
        memory.taken = 0;
        memory.refuses = false;
        memory.is_watching = i >= 10;
        desk_receive(&desk, &peer);
        memory.is_watching = false;
        assert_true(i < 10 || memory.taken == 0);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.elements_learnt, 20);
    assert_int_equal(counters.properties_unknown, 0);
    assert_int_equal(counters.records, 1000);
    desk_close(&desk);
    free_taught(&taught);
}

/* As run; what could not be learned is counted, and all records are delivered all the same. */
static bool teach(const struct taught *taught, uint64_t refused_at)
{
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    struct weir_diag diag = {0};
    put_taught(&peer, taught, true);
    struct weir_datagram datagram = peer_end(&peer);
    memory.taken = 0;
    memory.refused_at = refused_at;
    memory.refuses = true;
    memory.is_watching = true;
    int result = weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_UDP, &diag);
    memory.is_watching = false;
    memory.refuses = false;
    bool went_through = memory.taken <= refused_at;
    assert_true(result == 0 || result == WEIR_E_NOMEM);
    struct weir_collect_counters counters = desk_count(&desk);
    uint64_t refused = counters.templates_refused + counters.sets_overflowed +
                       counters.elements_refused + counters.properties_refused +
                       counters.properties_unknown + counters.options_not_kept;
    assert_true(!went_through || refused == 0);
    if (result == 0 && refused == 0)
        assert_int_equal(counters.elements_learnt + counters.properties_learnt, 20 + 20);
    if (result == 0 && counters.templates_refused + counters.sets_overflowed == 0)
        assert_int_equal(counters.records, 20);
    desk_close(&desk);
    return went_through;
}

static void test_any_may_be_refused_to_learners(void **state)
{
    (void)state;
    struct taught taught = make_taught();
    uint64_t refused_at = 0;
    while (!teach(&taught, refused_at))
        refused_at++;
    assert_true(refused_at > 60);
    free_taught(&taught);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady_state_takes_none),
        cmocka_unit_test(test_sflow_takes_none_in_the_steady_state),
        cmocka_unit_test(test_sflow_survives_refusals),
        cmocka_unit_test(test_any_may_be_refused),
        cmocka_unit_test(test_what_was_taught_takes_none_again),
        cmocka_unit_test(test_any_may_be_refused_to_learners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
