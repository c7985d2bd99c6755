/* SPDX-License-Identifier: Apache-2.0 */
#include "slow_meter.h"

#include <stdlib.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static bool is_icmp(uint8_t protocol, bool is_v6)
{
    return protocol == (is_v6 ? 58 : 1);
}

/* Types of questions and their answers, of those that the tests have. */
static const uint8_t answers[][3] = {{0, 8, 0}, {0, 13, 14}, {1, 128, 129}};

static struct weir_flow_key untangled(struct weir_flow_key key, bool is_v6)
{
    for (size_t i = 0; i < 3 && is_icmp(key.protocol, is_v6); i++)
        if (answers[i][0] == is_v6 && answers[i][2] == key.dst_port / 256) {
            key.src_port = (uint16_t)(answers[i][1] * 256 + key.dst_port % 256);
            key.dst_port = 0;
            break;
        }
    return key;
}

static struct weir_flow_key tangled(struct weir_flow_key key, bool is_v6)
{
    for (size_t i = 0; i < 3 && is_icmp(key.protocol, is_v6); i++)
        if (answers[i][0] == is_v6 && answers[i][1] == key.src_port / 256) {
            key.dst_port = (uint16_t)(answers[i][2] * 256 + key.src_port % 256);
            key.src_port = 0;
            break;
        }
    if (is_icmp(key.protocol, is_v6) && key.src_port) {
        key.dst_port = key.src_port;
        key.src_port = 0;
    }
    return key;
}

/* Keys out of a packet's detail. */
static void add_detail(const struct slow_key *mask, const struct weir_packet_detail *detail,
                       struct slow_key *key)
{
    const uint8_t *label = detail->labels[1];
    key->has_ethernet = mask->has_ethernet && detail->has & WEIR_DETAIL_ETHERNET;
    key->has_label = mask->has_label && detail->label_count > 1;
    key->has_inner_vlan = mask->inner_vlan && detail->inner_vlan;
    key->src_mac = detail->src_mac & mask->src_mac;
    key->dst_mac = detail->dst_mac & mask->dst_mac;
    key->inner_vlan = detail->inner_vlan & mask->inner_vlan;
    if (key->has_label)
        key->label = (label[0] * 65536u + label[1] * 256u + label[2]) & mask->label;
}

static struct slow_key masked(const struct slow_meter *meter, const struct weir_packet *packet)
{
    bool is_v6 = packet->flags & WEIR_PACKET_V6;
    const struct weir_flow_key *mask = &meter->mask[is_v6];
    const struct weir_flow_key turned_answer = untangled(packet->key, is_v6);
    const struct weir_flow_key *key =
        meter->direction == SLOW_UNIFLOWS ? &packet->key : &turned_answer;
    struct slow_key result;
    memset(&result, 0, sizeof(result));
    result.is_v6 = is_v6;
    result.key = (struct weir_flow_key){
        .src_addr = {key->src_addr.high & mask->src_addr.high,
                     key->src_addr.low & mask->src_addr.low},
        .dst_addr = {key->dst_addr.high & mask->dst_addr.high,
                     key->dst_addr.low & mask->dst_addr.low},
        .src_port = key->src_port & mask->src_port,
        .dst_port = key->dst_port & mask->dst_port,
        .protocol = key->protocol & mask->protocol,
        .tos = key->tos & mask->tos,
        .observation_point = key->observation_point & mask->observation_point,
    };
    result.vlan = packet->vlan & meter->more_mask.vlan;
    result.ttl = packet->ttl & meter->more_mask.ttl;
    result.tunnel_id = packet->encapsulation.id & meter->more_mask.tunnel_id;
    result.tunnel_type = packet->encapsulation.kind & meter->more_mask.tunnel_type;
    result.carried_id = packet->encapsulation.carried_id & meter->more_mask.carried_id;
    result.carried_type = packet->encapsulation.carried_kind & meter->more_mask.carried_type;
    result.layer = packet->encapsulation.depth & meter->more_mask.layer;
    result.fragment = meter->more_mask.fragment && packet->flags & WEIR_PACKET_FRAGMENT;
    result.frame_length = (uint16_t)(packet->wire_octets > 65535 ? 65535 : packet->wire_octets) &
                          meter->more_mask.frame_length;
    if (meter->details)
        add_detail(&meter->more_mask, &meter->details[packet->detail], &result);
    return result;
}

static struct slow_key turned(struct slow_key key)
{
    struct slow_key other = key;
    other.key.src_addr = key.key.dst_addr;
    other.key.dst_addr = key.key.src_addr;
    other.key.src_port = key.key.dst_port;
    other.key.dst_port = key.key.src_port;
    other.src_mac = key.dst_mac;
    other.dst_mac = key.src_mac;
    return other;
}

/* A record of what came since the last one; of nothing there is none. */
static void report(struct slow_meter *meter, struct slow_flow *flow, uint8_t reason)
{
    if (flow->rests)
        return;
    meter->records = realloc(meter->records, (meter->record_count + 1) * sizeof(*meter->records));
    struct slow_record *record = &meter->records[meter->record_count++];
    *record = flow->record;
    record->reason = reason;
    if (record->packets == 0) {
        record->first_ns = record->rev_first_ms;
        record->last_ns = record->rev_last_ms;
    }
    record->rev_first_ms = record->rev_first_ms < 0 ? 0 : record->rev_first_ms / 1000000;
    record->rev_last_ms = record->rev_last_ms < 0 ? 0 : record->rev_last_ms / 1000000;
    flow->rests = true;
}

static void end_flow(struct slow_meter *meter, size_t at, uint8_t reason)
{
    report(meter, &meter->flows[at], reason);
    meter->flow_count--;
    memmove(&meter->flows[at], &meter->flows[at + 1],
            (meter->flow_count - at) * sizeof(*meter->flows));
}

#define NEVER ((__int128)1 << 100)

/* A timeout of 0 is none. */
static __int128 limit(int64_t timeout_ns)
{
    return timeout_ns ? timeout_ns : NEVER;
}

static struct slow_timeouts timeouts_of(const struct slow_meter *meter, uint8_t protocol)
{
    for (unsigned i = 0; i < meter->own_count; i++)
        if (meter->own[i].protocol == protocol)
            return meter->own[i];
    return (struct slow_timeouts){protocol, meter->idle_ns, meter->active_ns};
}

static __int128 period_of(const struct slow_meter *meter)
{
    return (__int128)limit(meter->interval_ns) * (meter->portions ? meter->portions : 1);
}

/* The last moment before the flow's turn to be reported. */
static __int128 turn(const struct slow_meter *meter, const struct slow_flow *flow)
{
    if (!meter->interval_ns)
        return NEVER;
    __int128 at = (__int128)flow->portion * meter->interval_ns;
    while (at > flow->start_seen)
        at -= period_of(meter) * ((at - flow->start_seen) / period_of(meter) + 1);
    at += period_of(meter) * ((flow->start_seen - at) / period_of(meter) + 1);
    return at - 1;
}

static __int128 lesser(__int128 a, __int128 b)
{
    return a < b ? a : b;
}

static void end_due(struct slow_meter *meter)
{
    for (size_t i = 0; i < meter->flow_count;) {
        struct slow_flow *flow = &meter->flows[i];
        struct slow_timeouts own = timeouts_of(meter, flow->key.key.protocol);
        bool permanent = meter->kind == SLOW_PERMANENT;
        __int128 idle = permanent ? NEVER : limit(own.idle_ns);
        __int128 active = permanent ? NEVER : limit(own.active_ns);
        __int128 linger = lesser(meter->linger_ns, idle);
        __int128 rest = idle == NEVER && !permanent ? lesser(active, period_of(meter)) : idle;
        __int128 old_at = lesser(flow->start_seen + active, turn(meter, flow));
        __int128 silent_at = flow->last_seen + (flow->closed ? linger : idle);
        if (!flow->rests && meter->now > old_at && old_at < silent_at)
            report(meter, flow, 2);
        if (flow->rests)
            silent_at = flow->last_seen + (flow->closed ? linger : rest);
        if (meter->now > silent_at)
            end_flow(meter, i, flow->closed ? 3 : 1);
        else
            i++;
    }
}

void slow_meter_finish(struct slow_meter *meter)
{
    while (meter->flow_count)
        end_flow(meter, 0, meter->flows[0].closed ? 3 : 4);
    meter->started = false;
}

/* How much older packets may be before they are of another time. */
static __int128 longest_idle(const struct slow_meter *meter)
{
    __int128 longest = limit(meter->idle_ns);
    for (unsigned i = 0; i < meter->own_count; i++)
        if (limit(meter->own[i].idle_ns) > longest)
            longest = limit(meter->own[i].idle_ns);
    return meter->kind == SLOW_PERMANENT ? NEVER : longest;
}

static void take_time(struct slow_meter *meter, int64_t time)
{
    if (meter->started && time < meter->now - longest_idle(meter)) {
        if (++meter->late < 1024)
            return;
        slow_meter_finish(meter);
    }
    meter->late = 0;
    if (!meter->started || time > meter->now)
        meter->now = time;
    meter->started = true;
}

static bool is_of(const struct slow_meter *meter, const struct slow_flow *flow,
                  const struct slow_key *key)
{
    struct slow_key other = turned(*key);
    return memcmp(&flow->key, key, sizeof(*key)) == 0 ||
           (meter->direction != SLOW_UNIFLOWS && memcmp(&flow->key, &other, sizeof(other)) == 0);
}

static size_t find(const struct slow_meter *meter, const struct slow_key *key)
{
    size_t i = 0;
    while (i < meter->flow_count && !is_of(meter, &meter->flows[i], key))
        i++;
    return i;
}

static bool is_direction(const struct slow_flow *flow, struct slow_key key)
{
    key.key.tos = flow->key.key.tos;
    key.key.observation_point = flow->key.key.observation_point;
    key.ttl = flow->key.ttl;
    key.tunnel_id = flow->key.tunnel_id;
    key.tunnel_type = flow->key.tunnel_type;
    key.carried_id = flow->key.carried_id;
    key.carried_type = flow->key.carried_type;
    key.src_mac = flow->key.src_mac;
    key.dst_mac = flow->key.dst_mac;
    key.has_ethernet = flow->key.has_ethernet;
    key.label = flow->key.label;
    key.has_label = flow->key.has_label;
    key.fragment = flow->key.fragment;
    return memcmp(&flow->key, &key, sizeof(key)) == 0;
}

static void close_connection(struct slow_meter *meter, const struct slow_key *key, unsigned flags)
{
    struct slow_key reverse = turned(*key);
    bool closed = flags & RST;
    for (size_t i = 0; i < meter->flow_count; i++)
        if (is_direction(&meter->flows[i], reverse) && meter->flows[i].fin[0])
            closed = true;
    for (size_t i = 0; closed && i < meter->flow_count; i++)
        if (is_direction(&meter->flows[i], *key) || is_direction(&meter->flows[i], reverse))
            meter->flows[i].closed = true;
}

/* Whether the first packet of a flow goes against it. */
static bool begins_turned(const struct slow_meter *meter, const struct weir_packet *packet)
{
    const struct weir_flow_key *key = &packet->key;
    bool from_inside = key->src_addr.low & meter->inside;
    bool to_inside = key->dst_addr.low & meter->inside;
    switch (meter->direction) {
    case SLOW_SYN:
        return packet->tcp_flags & SYN && packet->tcp_flags & ACK;
    case SLOW_PORT:
        return key->src_port < key->dst_port && key->protocol != 1 && key->protocol != 58 &&
               key->protocol != 50;
    case SLOW_OUTSIDE:
        return from_inside && !to_inside;
    default:
        return false;
    }
}

static void begin_record(const struct slow_meter *meter, struct slow_flow *flow,
                         const struct weir_packet *packet, const struct slow_key *key)
{
    struct slow_record *record = &flow->record;
    memset(record, 0, sizeof(*record));
    flow->rests = false;
    flow->start_seen = meter->now;
    record->key = tangled(flow->key.key, key->is_v6);
    record->key.tos = packet->key.tos;
    record->key.observation_point = packet->key.observation_point;
    record->vlan = meter->more_mask.vlan ? key->vlan : packet->vlan;
    record->key_ttl = key->ttl;
    record->tunnel_id = key->tunnel_id;
    record->tunnel_type = key->tunnel_type;
    record->carried_id = key->carried_id;
    record->carried_type = key->carried_type;
    record->layer = key->layer;
    record->src_mac = flow->key.src_mac;
    record->dst_mac = flow->key.dst_mac;
    record->inner_vlan = key->inner_vlan;
    record->label = key->label;
    record->frame_length = key->frame_length;
    record->fragment = key->fragment;
    record->is_v6 = key->is_v6;
    if (key->is_v6)
        record->flow_label = packet->flow_label;
    if (is_icmp(key->key.protocol, key->is_v6)) {
        record->icmp_type = (uint8_t)(record->key.dst_port / 256);
        record->icmp_code = (uint8_t)(record->key.dst_port % 256);
    }
}

static void begin_flow(struct slow_meter *meter, const struct weir_packet *packet,
                       const struct slow_key *key)
{
    meter->flows = realloc(meter->flows, (meter->flow_count + 1) * sizeof(*meter->flows));
    struct slow_flow *flow = &meter->flows[meter->flow_count++];
    memset(flow, 0, sizeof(*flow));
    flow->key = begins_turned(meter, packet) ? turned(*key) : *key;
    flow->portion = meter->portion ? meter->portion(meter->portion_context, packet) : 0;
    flow->rests = true;
}

static void count_forward(const struct weir_packet *packet, struct slow_record *record)
{
    bool first = record->packets++ == 0;
    record->octets += packet->octets;
    record->tcp_flags |= packet->tcp_flags;
    if (first || packet->time_ns < record->first_ns)
        record->first_ns = packet->time_ns;
    if (first || packet->time_ns > record->last_ns)
        record->last_ns = packet->time_ns;
    if (first || packet->ttl < record->ttl_min)
        record->ttl_min = packet->ttl;
    if (first || packet->ttl > record->ttl_max)
        record->ttl_max = packet->ttl;
}

/* Nanoseconds while the flow lives, milliseconds when it has ended. */
static void count_reverse(const struct weir_packet *packet, struct slow_record *record)
{
    bool first = record->rev_packets++ == 0;
    record->rev_octets += packet->octets;
    record->rev_flags |= packet->tcp_flags;
    if (first || packet->time_ns < record->rev_first_ms)
        record->rev_first_ms = packet->time_ns;
    if (first || packet->time_ns > record->rev_last_ms)
        record->rev_last_ms = packet->time_ns;
    if (first || packet->ttl < record->rev_ttl_min)
        record->rev_ttl_min = packet->ttl;
    if (first || packet->ttl > record->rev_ttl_max)
        record->rev_ttl_max = packet->ttl;
}

static bool is_forward(const struct slow_flow *flow, const struct slow_key *key)
{
    return memcmp(&flow->key, key, sizeof(*key)) == 0;
}

void slow_meter_add(struct slow_meter *meter, const struct weir_packet *packet)
{
    take_time(meter, packet->time_ns);
    end_due(meter);
    struct slow_key key = masked(meter, packet);
    size_t at = find(meter, &key);
    if (at < meter->flow_count && meter->connections && (packet->tcp_flags & (SYN | FIN)) == SYN) {
        const struct slow_flow *flow = &meter->flows[at];
        if (flow->closed || flow->fin[!is_forward(flow, &key)])
            end_flow(meter, at, 3);
    }
    at = find(meter, &key);
    if (at == meter->flow_count)
        begin_flow(meter, packet, &key);
    struct slow_flow *flow = &meter->flows[at];
    if (flow->rests)
        begin_record(meter, flow, packet, &key);
    if (is_forward(flow, &key))
        count_forward(packet, &flow->record);
    else
        count_reverse(packet, &flow->record);
    flow->fin[!is_forward(flow, &key)] |= (packet->tcp_flags & FIN) != 0;
    flow->last_seen = meter->now;
    if (meter->kind == SLOW_IMMEDIATE)
        end_flow(meter, at, 1);
    if (!meter->connections || !(packet->tcp_flags & (FIN | RST)))
        return;
    if (meter->direction == SLOW_UNIFLOWS)
        close_connection(meter, &key, packet->tcp_flags);
    else if (packet->tcp_flags & RST || (flow->fin[0] && flow->fin[1]))
        flow->closed = true;
}

void slow_meter_advance(struct slow_meter *meter, int64_t now_ns)
{
    if (!meter->started || now_ns <= meter->now)
        return;
    meter->now = now_ns;
    end_due(meter);
}

void slow_meter_done(struct slow_meter *meter)
{
    free(meter->flows);
    free(meter->records);
}
