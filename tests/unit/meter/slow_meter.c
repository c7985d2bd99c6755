/* SPDX-License-Identifier: Apache-2.0 */
#include "slow_meter.h"

#include <stdlib.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4 };

static struct weir_flow_key masked(const struct slow_meter *meter, const struct weir_packet *packet)
{
    const struct weir_flow_key *mask = &meter->mask;
    const struct weir_flow_key *key = &packet->key;
    return (struct weir_flow_key){
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
}

static void end_flow(struct slow_meter *meter, size_t at, uint8_t reason)
{
    meter->records = realloc(meter->records, (meter->record_count + 1) * sizeof(*meter->records));
    meter->records[meter->record_count] = meter->flows[at].record;
    meter->records[meter->record_count++].reason = reason;
    meter->flow_count--;
    memmove(&meter->flows[at], &meter->flows[at + 1],
            (meter->flow_count - at) * sizeof(*meter->flows));
}

static void end_due(struct slow_meter *meter)
{
    for (size_t i = 0; i < meter->flow_count;) {
        const struct slow_flow *flow = &meter->flows[i];
        __int128 silent_at = flow->last_seen + (flow->closed ? meter->linger_ns : meter->idle_ns);
        __int128 old_at = flow->start_seen + meter->active_ns;
        if (meter->now > silent_at && silent_at <= old_at)
            end_flow(meter, i, flow->closed ? 3 : 1);
        else if (meter->now > old_at)
            end_flow(meter, i, 2);
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

static void take_time(struct slow_meter *meter, int64_t time)
{
    if (meter->started && time < meter->now - meter->idle_ns) {
        if (++meter->late < 1024)
            return;
        slow_meter_finish(meter);
    }
    meter->late = 0;
    if (!meter->started || time > meter->now)
        meter->now = time;
    meter->started = true;
}

static size_t find(const struct slow_meter *meter, const struct weir_flow_key *key, bool is_v6)
{
    size_t i = 0;
    while (i < meter->flow_count && (memcmp(&meter->flows[i].key, key, sizeof(*key)) != 0 ||
                                     meter->flows[i].record.is_v6 != is_v6))
        i++;
    return i;
}

static bool is_direction(const struct slow_flow *flow, struct weir_flow_key key, bool is_v6)
{
    key.tos = flow->key.tos;
    key.observation_point = flow->key.observation_point;
    return memcmp(&flow->key, &key, sizeof(key)) == 0 && flow->record.is_v6 == is_v6;
}

static void close_connection(struct slow_meter *meter, const struct weir_packet *packet, bool is_v6)
{
    struct weir_flow_key key = packet->key;
    struct weir_flow_key reverse = key;
    reverse.src_addr = key.dst_addr;
    reverse.dst_addr = key.src_addr;
    reverse.src_port = key.dst_port;
    reverse.dst_port = key.src_port;
    bool closed = packet->tcp_flags & RST;
    for (size_t i = 0; i < meter->flow_count; i++)
        if (is_direction(&meter->flows[i], reverse, is_v6) &&
            meter->flows[i].record.tcp_flags & FIN)
            closed = true;
    for (size_t i = 0; closed && i < meter->flow_count; i++)
        if (is_direction(&meter->flows[i], key, is_v6) ||
            is_direction(&meter->flows[i], reverse, is_v6))
            meter->flows[i].closed = true;
}

static void begin_flow(struct slow_meter *meter, const struct weir_packet *packet,
                       const struct weir_flow_key *key, bool is_v6)
{
    meter->flows = realloc(meter->flows, (meter->flow_count + 1) * sizeof(*meter->flows));
    struct slow_flow *flow = &meter->flows[meter->flow_count++];
    memset(flow, 0, sizeof(*flow));
    flow->key = *key;
    flow->start_seen = meter->now;
    flow->record.key = *key;
    flow->record.key.tos = packet->key.tos;
    flow->record.key.observation_point = packet->key.observation_point;
    flow->record.first_ns = packet->time_ns;
    flow->record.last_ns = packet->time_ns;
    flow->record.ttl_min = packet->ttl;
    flow->record.vlan = packet->vlan;
    flow->record.is_v6 = is_v6;
    if (is_v6)
        flow->record.flow_label = packet->flow_label;
    if (key->protocol == (is_v6 ? 58 : 1)) {
        flow->record.icmp_type = (uint8_t)(key->dst_port / 256);
        flow->record.icmp_code = (uint8_t)(key->dst_port % 256);
    }
}

void slow_meter_add(struct slow_meter *meter, const struct weir_packet *packet)
{
    bool is_v6 = packet->flags & WEIR_PACKET_V6;
    take_time(meter, packet->time_ns);
    end_due(meter);
    struct weir_flow_key key = masked(meter, packet);
    size_t at = find(meter, &key, is_v6);
    if (at < meter->flow_count && meter->connections && (packet->tcp_flags & (SYN | FIN)) == SYN &&
        (meter->flows[at].closed || meter->flows[at].record.tcp_flags & FIN)) {
        end_flow(meter, at, 3);
        at = meter->flow_count;
    }
    if (at == meter->flow_count)
        begin_flow(meter, packet, &key, is_v6);
    at = find(meter, &key, is_v6);
    struct slow_flow *flow = &meter->flows[at];
    struct slow_record *record = &flow->record;
    record->packets++;
    record->octets += packet->octets;
    record->tcp_flags |= packet->tcp_flags;
    if (packet->time_ns < record->first_ns)
        record->first_ns = packet->time_ns;
    if (packet->time_ns > record->last_ns)
        record->last_ns = packet->time_ns;
    if (packet->ttl < record->ttl_min)
        record->ttl_min = packet->ttl;
    if (packet->ttl > record->ttl_max)
        record->ttl_max = packet->ttl;
    flow->last_seen = meter->now;
    if (meter->connections && packet->tcp_flags & (FIN | RST))
        close_connection(meter, packet, is_v6);
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
