/* SPDX-License-Identifier: Apache-2.0 */
#include "support/peer.h"

const struct weir_field peer_flow_fields[] = {{0, 8, 4}, {0, 12, 4}, {0, 2, 8}, {0, 1, 8}};
const struct weir_field peer_other_fields[] = {{0, 1, 8}, {0, 2, 8}, {0, 12, 4}, {0, 8, 4}};
const struct weir_field peer_option_fields[] = {{0, 144, 4}, {0, 42, 8}};

struct peer peer_of(enum weir_protocol protocol, const char *address, uint32_t domain)
{
    struct peer peer = {.protocol = protocol,
                        .domain = domain,
                        .second = PEER_SECOND,
                        .booted_second = PEER_SECOND - 1000};
    assert_int_equal(weir_address_parse(address, &peer.address), 0);
    return peer;
}

void peer_begin(struct peer *peer)
{
    struct weir_encoder_header header = {
        .sequence = peer->sequence,
        .domain = peer->domain,
        .export_time_ns = peer->second * WEIR_NS_PER_SECOND,
        .uptime_zero_ns = peer->booted_second * WEIR_NS_PER_SECOND,
        .sampling = peer->sampling,
    };
    weir_encoder_begin(&peer->encoder, peer->protocol, peer->octets, sizeof(peer->octets), &header);
    peer->units = 0;
}

void peer_template(struct peer *peer, const struct weir_template *source)
{
    assert_int_equal(weir_encoder_template(&peer->encoder, source), 0);
}

void peer_withdraw(struct peer *peer, uint16_t id, bool is_options)
{
    struct weir_template withdrawal = {.id = id, .is_options = is_options, .is_withdrawal = true};
    peer_template(peer, &withdrawal);
}

void peer_flows(struct peer *peer, const struct weir_template *source, uint64_t first,
                uint32_t count)
{
    uint32_t got = 0;
    uint8_t *octets = weir_encoder_records(&peer->encoder, source, count, &got);
    assert_int_equal(got, count);
    for (uint32_t i = 0; i < count; i++) {
        for (unsigned field = 0; field < source->field_count; field++) {
            uint64_t value = source->fields[field].id == 2 ? first + i
                             : source->fields[field].id == 1
                                 ? (first + i) * 10
                                 : 0xc0000200 + source->fields[field].id;
            weir_store_be(octets, source->fields[field].length, value);
            octets += source->fields[field].length;
        }
    }
    peer->units += count;
}

void peer_rows(struct peer *peer, const struct weir_template *source, const uint64_t *values,
               uint32_t count)
{
    uint32_t got = 0;
    uint8_t *octets = weir_encoder_records(&peer->encoder, source, count, &got);
    assert_int_equal(got, count);
    for (uint32_t i = 0; i < count; i++)
        for (uint16_t field = 0; field < source->field_count; field++) {
            weir_store_be(octets, source->fields[field].length, *values++);
            octets += source->fields[field].length;
        }
    peer->units += count;
}

struct weir_datagram peer_end(struct peer *peer)
{
    size_t length = weir_encoder_end(&peer->encoder);
    assert_true(length > 0);
    peer->sequence += peer->protocol == WEIR_PROTOCOL_NETFLOW9 ? 1 : peer->units;
    return (struct weir_datagram){
        .octets = peer->octets,
        .length = length,
        .source = peer->address,
        .source_port = peer->port,
        .received_ns = peer->second * WEIR_NS_PER_SECOND + 5,
    };
}

int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct taken *taken = context;
    if (taken->error)
        return weir_diag_set(diag, (enum weir_error)taken->error, "the sink is full");
    taken->batches++;
    if (batch->row_count > taken->largest_batch)
        taken->largest_batch = batch->row_count;
    for (uint32_t s = 0; s < batch->segment_count; s++) {
        const struct weir_segment *segment = &batch->segments[s];
        for (uint32_t i = 0; i < segment->row_count; i++) {
            uint32_t at = segment->first_row + i;
            assert_true(taken->rows < TAKEN_MAX);
            struct taken_row *row = &taken->row[taken->rows++];
            *row = (struct taken_row){
                .exporter = segment->exporter,
                .domain = segment->domain,
                .template_id = segment->template_id,
                .has_exporter = segment->has_exporter,
                .received_ns = segment->received_ns,
                .has_sampling = segment->columns & WEIR_COLUMN_BIT(SAMPLING),
            };
            if (segment->columns & WEIR_COLUMN_BIT(PACKETS))
                row->packets = weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[at];
            if (segment->columns & WEIR_COLUMN_BIT(BYTES))
                row->bytes = weir_batch_u64(batch, WEIR_COLUMN_BYTES)[at];
            if (segment->columns & WEIR_COLUMN_BIT(SRC_ADDR))
                row->src_addr = (struct weir_address){
                    weir_batch_high(batch, WEIR_COLUMN_SRC_ADDR)[at],
                    weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR)[at],
                };
            if (row->has_sampling)
                row->sampling = weir_batch_u32(batch, WEIR_COLUMN_SAMPLING)[at];
            if (segment->columns & WEIR_COLUMN_BIT(FLOW_PROBABILITY))
                row->flow_probability = weir_batch_u32(batch, WEIR_COLUMN_FLOW_PROBABILITY)[at];
            if (segment->columns & WEIR_COLUMN_BIT(SAMPLING_SIZE))
                row->sampling_size = weir_batch_u32(batch, WEIR_COLUMN_SAMPLING_SIZE)[at];
        }
    }
    return 0;
}

int take_record(void *context, const struct weir_collected_record *record, struct weir_diag *diag)
{
    struct taken *taken = context;
    if (taken->error)
        return weir_diag_set(diag, (enum weir_error)taken->error, "the sink is full");
    if (record->source->is_options)
        taken->options++;
    else
        taken->records++;
    return 0;
}

int take_flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    struct taken *taken = context;
    (void)now_ns;
    (void)diag;
    taken->flushes++;
    return 0;
}

struct weir_collector_config desk_config(void)
{
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    return config;
}

struct desk desk_open_default(unsigned sinks)
{
    const struct weir_collector_config config = desk_config();
    return desk_open(&config, sinks);
}

struct desk desk_open(const struct weir_collector_config *config, unsigned sinks)
{
    struct desk desk = {
        .taken = calloc(1, sizeof(struct taken)),
        .flows = weir_template_new(256, peer_flow_fields, 4),
        .other = weir_template_new(256, peer_other_fields, 4),
        .options = weir_template_new_options(300, peer_option_fields, 2, 1),
    };
    assert_true(desk.taken && desk.flows && desk.other && desk.options);
    assert_int_equal(weir_collector_new(config, &desk.collector), 0);
    struct weir_batch_sink batches = {take_batch, take_flush, desk.taken};
    struct weir_record_sink records = {
        .record = take_record, .flush = take_flush, .context = desk.taken};
    if (sinks & DESK_BATCHES)
        assert_int_equal(weir_collector_add_batch_sink(desk.collector, &batches), 0);
    if (sinks & DESK_RECORDS)
        assert_int_equal(weir_collector_add_record_sink(desk.collector, &records), 0);
    return desk;
}

void desk_close(struct desk *desk)
{
    weir_collector_free(desk->collector);
    free(desk->taken);
    free(desk->flows);
    free(desk->other);
    free(desk->options);
}

void desk_receive(struct desk *desk, struct peer *peer)
{
    struct weir_datagram datagram = peer_end(peer);
    struct weir_diag diag = {0};
    assert_int_equal(weir_collector_receive(desk->collector, &datagram, WEIR_COLLECT_UDP, &diag),
                     0);
}

struct weir_collect_counters desk_count(struct desk *desk)
{
    struct weir_diag diag = {0};
    assert_int_equal(weir_collector_flush(desk->collector, 0, &diag), 0);
    return weir_collector_count(desk->collector);
}

uint64_t sum_of_causes(const struct weir_collect_counters *counters)
{
    return counters->malformed_version + counters->malformed_header + counters->malformed_length +
           counters->malformed_set + counters->malformed_template + counters->malformed_record +
           counters->malformed_list;
}
