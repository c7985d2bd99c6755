/* SPDX-License-Identifier: Apache-2.0 */
/* The flow cache against the slow meter, on random packets with hostile timing. */
#include "meter/cache.h"

#include "support/cmocka.h"

#include "collect_rows.h"
#include "slow_meter.h"

#include <stdio.h>

#define STREAMS        400u
#define STREAM_PACKETS 3000u

static uint64_t random_state;
static uint64_t flows_continued;
static uint64_t sets_divided;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state * UINT64_C(0x2545f4914f6cdd1d) >> 16) % limit;
}

/* A step of time: mostly short, often just about a timeout, sometimes far or backwards. */
static int64_t random_step(const struct weir_cache_config *config)
{
    const int64_t edges[] = {config->idle_ns,       config->active_ns,   config->linger_ns,
                             config->idle_ns / 128, config->idle_ns * 2, config->active_ns / 2};
    switch (random_below(24)) {
    case 0:
        return 0;
    case 1:
        return 1;
    case 2:
    case 3:
        return edges[random_below(6)] + (int64_t)random_below(3) - 1;
    case 4:
        return (int64_t)random_below((uint64_t)config->idle_ns + 1);
    case 5:
        return -(int64_t)random_below((uint64_t)config->idle_ns / 4 + 2);
    case 6:
        return random_below(30) ? 0 : -(int64_t)random_below((uint64_t)config->active_ns * 3 + 1);
    case 7:
        return random_below(30) ? 0 : (int64_t)random_below(UINT64_C(1) << random_below(56));
    default:
        return (int64_t)random_below((uint64_t)config->idle_ns / 64 + 2);
    }
}

static struct weir_packet random_packet(unsigned hosts)
{
    struct weir_packet packet = {0};
    bool is_v6 = random_below(4) == 0;
    uint64_t src = 1 + random_below(hosts);
    uint64_t dst = 1 + random_below(hosts);
    /* Sometimes an IPv6 packet with the very key of an IPv4 one: families never mix. */
    uint64_t high = is_v6 && random_below(2) ? 0x20010db800000000 : 0;
    uint64_t prefix = high ? 0 : WEIR_ADDRESS_V4_PREFIX;
    packet.key.src_addr = (struct weir_address){high, prefix | src};
    packet.key.dst_addr = (struct weir_address){high, prefix | dst};
    static const uint8_t protocols[] = {6, 6, 6, 17, 1, 58};
    packet.key.protocol = protocols[random_below(6)];
    packet.key.src_port = (uint16_t)(1000 + random_below(2));
    packet.key.dst_port = (uint16_t)(1000 + random_below(2));
    if (packet.key.protocol == 1 || packet.key.protocol == 58) {
        static const uint8_t types[] = {0, 8, 8, 3, 128, 129, 13, 14};
        packet.key.src_port = 0;
        packet.key.dst_port = (uint16_t)((unsigned)types[random_below(8)] << 8 | random_below(2));
    }
    packet.key.tos = random_below(8) ? 0 : (uint8_t)random_below(256);
    packet.key.observation_point = (uint16_t)random_below(2);
    packet.octets = 40 + (uint32_t)random_below(1460);
    packet.flow_label = (uint32_t)random_below(1 << 20);
    packet.vlan = (uint16_t)(random_below(4) ? 6 : random_below(4096));
    packet.encapsulation.kind = (uint8_t)random_below(2);
    packet.encapsulation.id = (uint32_t)random_below(2);
    packet.encapsulation.depth = (uint8_t)random_below(2);
    packet.encapsulation.carried_kind = (uint8_t)random_below(2);
    packet.encapsulation.carried_id = (uint32_t)random_below(2);
    packet.ttl = (uint8_t)random_below(256);
    packet.flags = is_v6 ? WEIR_PACKET_V6 : 0;
    packet.flags |= random_below(4) ? 0 : WEIR_PACKET_FRAGMENT;
    packet.wire_octets = random_below(4) ? 60 : 65534 + (uint32_t)random_below(3);
    static const uint16_t flags[] = {0x10, 0x10, 0x18, 0x02, 0x12, 0x11, 0x11, 0x04, 0x14, 0x1ff};
    if (packet.key.protocol == 6)
        packet.tcp_flags = flags[random_below(sizeof(flags) / sizeof(flags[0]))];
    return packet;
}

/* Few values, also 0 where there is one. */
static struct weir_packet_detail random_detail(void)
{
    struct weir_packet_detail detail = {0};
    if (random_below(4)) {
        detail.has = WEIR_DETAIL_ETHERNET;
        detail.src_mac = 0x020000000000 * random_below(2) + random_below(2);
        detail.dst_mac = 0x020000000000 * random_below(2) + random_below(2);
    }
    detail.inner_vlan = (uint16_t)(16 * random_below(2));
    detail.label_count = (uint8_t)random_below(5);
    for (unsigned i = 0; i < detail.label_count; i++)
        memcpy(detail.labels[i], (uint8_t[]){0, (uint8_t)random_below(2), 0x01}, 3);
    return detail;
}

/* Kinds of caches, timeouts by protocol, and reports at intervals. */
static void random_limits(struct weir_cache_config *config, const int64_t idles[6],
                          const int64_t actives[6])
{
    static const enum weir_cache_kind kinds[] = {WEIR_CACHE_NORMAL,    WEIR_CACHE_NORMAL,
                                                 WEIR_CACHE_NORMAL,    WEIR_CACHE_NORMAL,
                                                 WEIR_CACHE_PERMANENT, WEIR_CACHE_IMMEDIATE};
    static const int64_t intervals[] = {WEIR_NS_PER_MS, 777777777, 4 * WEIR_NS_PER_SECOND,
                                        60 * WEIR_NS_PER_SECOND, WEIR_CACHE_TIMEOUT_MAX};
    static const uint8_t protocols[] = {6, 17, 1, 58};
    config->kind = kinds[random_below(6)];
    if (config->kind == WEIR_CACHE_PERMANENT ||
        (config->kind == WEIR_CACHE_NORMAL && random_below(3) == 0)) {
        config->interval_ns = intervals[random_below(5)];
        config->portions = random_below(2) ? (uint32_t)random_below(7) : 1;
    }
    if (config->definition.mask[0].protocol != UINT8_MAX || random_below(2))
        return;
    config->timeout_count = (unsigned)random_below(5);
    for (unsigned i = 0; i < config->timeout_count; i++)
        config->timeouts[i] = (struct weir_protocol_timeouts){
            .protocol = protocols[i],
            .idle_ns = idles[random_below(6)],
            .active_ns = actives[random_below(6)],
        };
}

static struct weir_cache_config random_config(void)
{
    struct weir_cache_config config = weir_cache_config_default();
    static const int64_t idles[] = {WEIR_NS_PER_MS,         1234567,
                                    WEIR_NS_PER_SECOND,     15 * WEIR_NS_PER_SECOND,
                                    WEIR_CACHE_TIMEOUT_MAX, 0};
    static const int64_t actives[] = {WEIR_NS_PER_MS,          3333333,
                                      10 * WEIR_NS_PER_SECOND, 1800 * WEIR_NS_PER_SECOND,
                                      WEIR_CACHE_TIMEOUT_MAX,  0};
    config.entries = 4096;
    config.idle_ns = idles[random_below(6)];
    config.active_ns = actives[random_below(6)];
    config.linger_ns = (int64_t)random_below((uint64_t)config.idle_ns + 1);
    if (random_below(4) == 0)
        config.linger_ns = 0;
    static const char *const definitions[] = {
        "keys=src_addr,dst_addr,src_port,dst_port,protocol",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,vlan/11,ttl/1",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,tunnel_type,tunnel_id",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,layer,carried_type,carried_id",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,src_mac/24,dst_mac/24,inner_vlan",
        "keys=src_mac,dst_mac,frame_length",
        "keys=src_addr/31/127,dst_addr/31/127,protocol",
        "keys=dst_addr,protocol",
        "keys=dst_addr/30/64,src_port&1,vlan&1",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,mpls_label_2/20",
        "keys=src_mac/24,mpls_label_2&1,fragment,inner_vlan/2",
        "keys=tos",
    };
    struct weir_diag diag;
    config.biflow = random_below(2) ? (enum weir_biflow)random_below(5) : WEIR_BIFLOW_NONE;
    const char *definition = definitions[random_below(config.biflow ? 8 : 13)];
    assert_int_equal(weir_flow_definition_parse(definition, &config.definition, &diag), 0);
    assert_int_equal(weir_network_parse("0.0.0.4/30", &config.perimeter.networks[0]), 0);
    assert_int_equal(weir_network_parse("2001:db8::4/126", &config.perimeter.networks[1]), 0);
    config.perimeter.count = 2;
    weir_hash_key_seed(&config.hash_key, random_below(1000));
    random_limits(&config, idles, actives);
    return config;
}

static int compare_records(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct slow_record));
}

struct stream {
    struct weir_packet packets[STREAM_PACKETS];
    struct weir_packet_detail details[STREAM_PACKETS];
    bool advance_after[STREAM_PACKETS]; /* the clock says something in between */
    int64_t advance_to[STREAM_PACKETS];
};

static void make_stream(const struct weir_cache_config *config, struct stream *stream)
{
    int64_t now = INT64_C(1700000000) * WEIR_NS_PER_SECOND;
    unsigned hosts = 2 + (unsigned)random_below(6);
    bool live = random_below(4) == 0;
    for (unsigned i = 0; i < STREAM_PACKETS; i++) {
        /* Once in a while the clock is set back for good. */
        if (random_below(STREAM_PACKETS) == 0)
            now -= 3 * config->active_ns + 3 * config->idle_ns;
        stream->packets[i] = random_packet(hosts);
        stream->packets[i].time_ns = now;
        stream->packets[i].detail = (uint16_t)i;
        stream->details[i] = random_detail();
        int64_t step = random_step(config);
        if (step >= 0 || random_below(3) == 0)
            now += step;
        else
            stream->packets[i].time_ns += step;
        stream->advance_after[i] = live && random_below(20) == 0;
        stream->advance_to[i] = now + random_step(config);
    }
}

static void run_cache(const struct weir_cache_config *config, const struct stream *stream,
                      struct collected *rows)
{
    struct weir_batch_sink sink = {.batch = collect_batch, .context = rows};
    struct weir_cache *cache;
    struct weir_diag diag;
    assert_int_equal(weir_cache_new(config, &sink, &cache, &diag), 0);
    for (unsigned i = 0; i < STREAM_PACKETS;) {
        unsigned count = 0;
        unsigned most = 1 + (unsigned)random_below(random_below(2) ? 300 : 40);
        while (count < most && i + count < STREAM_PACKETS)
            if (stream->advance_after[i + count++])
                break;
        assert_int_equal(
            weir_cache_add_details(cache, stream->packets + i, stream->details, count, &diag), 0);
        i += count;
        if (stream->advance_after[i - 1])
            assert_int_equal(weir_cache_advance(cache, stream->advance_to[i - 1], &diag), 0);
    }
    assert_int_equal(weir_cache_finish(cache, &diag), 0);

    struct weir_cache_counters counters = weir_cache_counters(cache);
    assert_int_equal(counters.packets_metered, STREAM_PACKETS);
    assert_int_equal(counters.flows_created, rows->count);
    assert_int_equal(counters.flows_exported, rows->count);
    assert_int_equal(counters.flows_active, 0);
    assert_int_equal(counters.flows_expired_idle + counters.flows_expired_active +
                         counters.flows_expired_end + counters.flows_expired_forced +
                         counters.flows_expired_resources,
                     rows->count);
    assert_int_equal(counters.flows_expired_resources, 0);
    flows_continued += counters.flows_continued;
    sets_divided += counters.sets_split;
    weir_cache_free(cache);
}

/* As the header says: sixteen bits of the hash, from the eighth on. */
struct portions {
    const struct weir_cache_config *config;
    const struct weir_packet_detail *details;
};

static unsigned portion_of(const void *context, const struct weir_packet *packet)
{
    const struct portions *portions = context;
    const struct weir_cache_config *config = portions->config;
    struct weir_flow_hasher hasher = weir_cache_hasher(config);
    struct weir_flow_more_key more = weir_flow_more_of(packet, &portions->details[packet->detail],
                                                       &config->definition.more_mask);
    struct weir_flow_place place;
    weir_flow_hash *hash =
        config->biflow ? weir_flow_hash_portable_biflow : weir_flow_hash_portable;
    hash(&hasher, packet, config->definition.has_more ? &more : NULL, &place, 1);
    return (place.bits * 256u + place.spread) * (config->portions ? config->portions : 1) / 65536;
}

static void run_slow(const struct weir_cache_config *config, const struct stream *stream,
                     struct slow_meter *slow)
{
    const struct portions portions = {config, stream->details};
    const struct weir_flow_more_key *more = &config->definition.more_mask;
    *slow = (struct slow_meter){
        .mask = {config->definition.mask[0], config->definition.mask[1]},
        .more_mask = {.vlan = more->vlan,
                      .ttl = more->ttl,
                      .tunnel_type = more->tunnel_type,
                      .tunnel_id = more->tunnel_id,
                      .layer = more->layer,
                      .carried_type = more->carried_type,
                      .carried_id = more->carried_id,
                      .src_mac = more->src_mac,
                      .dst_mac = more->dst_mac,
                      .inner_vlan = more->inner_vlan,
                      .label = more->labels[1],
                      .frame_length = more->frame_length,
                      .fragment = more->fragment,
                      .has_ethernet = more->src_mac || more->dst_mac,
                      .has_label = more->labels[1] != 0},
        .details = stream->details,
        .connections = config->definition.mask[0].src_port && config->definition.mask[0].dst_port,
        .direction = (enum slow_direction)config->biflow,
        .inside = 4,
        .idle_ns = config->idle_ns,
        .active_ns = config->active_ns,
        .linger_ns = config->linger_ns,
        .kind = (enum slow_kind)config->kind,
        .own_count = config->timeout_count,
        .interval_ns = config->interval_ns,
        .portions = config->portions,
        .portion = portion_of,
        .portion_context = &portions,
    };
    slow->connections &= config->kind == WEIR_CACHE_NORMAL;
    for (unsigned i = 0; i < config->timeout_count; i++)
        slow->own[i] =
            (struct slow_timeouts){config->timeouts[i].protocol, config->timeouts[i].idle_ns,
                                   config->timeouts[i].active_ns};
    for (unsigned i = 0; i < STREAM_PACKETS; i++) {
        slow_meter_add(slow, &stream->packets[i]);
        if (stream->advance_after[i])
            slow_meter_advance(slow, stream->advance_to[i]);
    }
    slow_meter_finish(slow);
}

static void print_difference(const struct collected *got, const struct slow_meter *want)
{
    size_t i = 0;
    while (i < got->count && i < want->record_count &&
           compare_records(&got->records[i], &want->records[i]) == 0)
        i++;
    const struct slow_record *pair[2] = {&got->records[i], &want->records[i]};
    for (int k = 0; k < 2; k++) {
        const struct slow_record *r = pair[k];
        fprintf(stderr,
                "%s %llx>%llx %u>%u p%u tos%u pkts %llu/%llu oct %llu/%llu t %lld %lld r %lld "
                "%lld fl %x/%x ttl %u %u/%u %u vlan %u reason %u v6 %u icmp %u %u\n",
                k ? "want" : "got", (unsigned long long)r->key.src_addr.low,
                (unsigned long long)r->key.dst_addr.low, r->key.src_port, r->key.dst_port,
                r->key.protocol, r->key.tos, (unsigned long long)r->packets,
                (unsigned long long)r->rev_packets, (unsigned long long)r->octets,
                (unsigned long long)r->rev_octets, (long long)r->first_ns, (long long)r->last_ns,
                (long long)r->rev_first_ms, (long long)r->rev_last_ms, r->tcp_flags, r->rev_flags,
                r->ttl_min, r->ttl_max, r->rev_ttl_min, r->rev_ttl_max, r->vlan, r->reason,
                r->is_v6, r->icmp_type, r->icmp_code);
    }
}

static void cache_gives_the_slow_meters_flows(void **state)
{
    (void)state;
    static struct stream stream;
    uint64_t reasons[6] = {0};
    for (uint64_t seed = 1; seed <= STREAMS; seed++) {
        random_state = seed * UINT64_C(0x9e3779b97f4a7c15);
        struct weir_cache_config config = random_config();
        uint32_t if_index[2] = {0, 1};
        config.if_index = if_index;
        config.if_count = 2;
        make_stream(&config, &stream);
        struct slow_meter slow;
        run_slow(&config, &stream, &slow);
        struct collected once = {0};
        struct collected again = {0};
        run_cache(&config, &stream, &once);
        run_cache(&config, &stream, &again);

        /* The same in the same order, however the packets were handed over. */
        assert_int_equal(once.count, again.count);
        assert_memory_equal(once.records, again.records, once.count * sizeof(*once.records));

        for (size_t i = 0; i < once.count; i++)
            reasons[once.records[i].reason]++;
        qsort(once.records, once.count, sizeof(*once.records), compare_records);
        qsort(slow.records, slow.record_count, sizeof(*slow.records), compare_records);
        if (once.count != slow.record_count ||
            memcmp(once.records, slow.records, once.count * sizeof(*once.records)) != 0) {
            print_difference(&once, &slow);
            fail_msg("stream %u: %zu flows, should be %zu", (unsigned)seed, once.count,
                     slow.record_count);
        }
        free(once.records);
        free(again.records);
        slow_meter_done(&slow);
    }
    /* The streams are worth something only if flows end in every way. */
    for (unsigned reason = 1; reason <= 4; reason++)
        assert_true(reasons[reason] > STREAMS);
    /* And go on after a record, and the cache grows meanwhile. */
    assert_true(flows_continued > STREAMS);
    assert_true(sets_divided > STREAMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cache_gives_the_slow_meters_flows),
    };
    return cmocka_run_group_tests_name("against the slow meter", tests, NULL, NULL);
}
