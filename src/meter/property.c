/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/property.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "ie/element.h"

#define WRITER(name)                                                                               \
    static void name(const struct weir_flow_view *flow, const struct weir_flow_property *property, \
                     uint8_t *octets)

/* The value of a key, which is the same in all of the flow's packets. */
WRITER(write_key)
{
    unsigned offset = property->key_offset;
    const uint8_t *from = offset < sizeof(*flow->key)
                              ? (const uint8_t *)flow->key + offset
                              : (const uint8_t *)flow->more + (offset - sizeof(*flow->key));
    uint64_t value = *from;
    uint16_t two;
    uint32_t four;
    if (property->key_octets == sizeof(two)) {
        memcpy(&two, from, sizeof(two));
        value = two;
    } else if (property->key_octets == sizeof(four)) {
        memcpy(&four, from, sizeof(four));
        value = four;
    }
    weir_store_be(octets, property->element.length, value);
}

/* The upper six bits of the first packet's ToS, or of all packets' where it is a key. */
WRITER(write_dscp)
{
    (void)property;
    octets[0] = flow->tos >> 2;
}

WRITER(write_ip_version)
{
    (void)property;
    octets[0] = flow->key->observation_point & WEIR_FLOW_KEY_V6 ? 6 : 4;
}

/* Times of one flow may lie further apart than 63 bits hold. */
WRITER(write_duration)
{
    uint64_t ms = ((uint64_t)flow->last_ns - (uint64_t)flow->first_ns) / (uint64_t)WEIR_NS_PER_MS;
    (void)property;
    weir_store_be32(octets, ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX);
}

WRITER(write_biflow_direction)
{
    (void)property;
    octets[0] = weir_biflow_direction((enum weir_biflow)flow->biflow);
}

/* Milliseconds since 1970; what is before has none. */
static void store_ms(uint8_t *octets, int64_t time_ns)
{
    weir_store_be64(octets, time_ns < 0 ? 0 : (uint64_t)(time_ns / WEIR_NS_PER_MS));
}

WRITER(write_reverse_start)
{
    (void)property;
    store_ms(octets, flow->reverse->times.first_ns);
}

WRITER(write_reverse_end)
{
    (void)property;
    store_ms(octets, flow->reverse->times.last_ns);
}

WRITER(write_reverse_flags)
{
    (void)property;
    weir_store_be16(octets, flow->reverse->sum.state);
}

WRITER(write_reverse_ttl_min)
{
    (void)property;
    octets[0] = flow->reverse->sum.ttl_min;
}

WRITER(write_reverse_ttl_max)
{
    (void)property;
    octets[0] = flow->reverse->sum.ttl_max;
}

#define COLUMN(NAME) .column = WEIR_COLUMN_##NAME
#define ELEMENT(pen_, id_, length_) \
    .column = WEIR_COLUMN_COUNT, .element = {.pen = (pen_), .id = (id_), .length = (length_)}
#define KEY(member, bits)                                                           \
    .key_offset = offsetof(struct weir_flow_whole_key, member), .key_bits = (bits), \
    .key_octets = sizeof(((struct weir_flow_whole_key *)NULL)->member)
#define REVERSE .is_biflows = true, .is_reverse = true

const struct weir_flow_property weir_flow_properties[] = {
    {"src_addr", COLUMN(SRC_ADDR), KEY(key.src_addr, 128)},
    {"dst_addr", COLUMN(DST_ADDR), KEY(key.dst_addr, 128)},
    {"src_port", COLUMN(SRC_PORT), KEY(key.src_port, 16)},
    {"dst_port", COLUMN(DST_PORT), KEY(key.dst_port, 16)},
    {"protocol", COLUMN(PROTOCOL), KEY(key.protocol, 8)},
    {"tos", COLUMN(TOS), KEY(key.tos, 8), .is_field = true},
    {"dscp", ELEMENT(0, 195, 1), KEY(key.tos, 6), .is_field = true, .write = write_dscp},
    {"in_if", COLUMN(IN_IF), KEY(key.observation_point, 15), .is_whole = true, .is_field = true},
    {"vlan", COLUMN(VLAN), KEY(more.vlan, 12), .is_field = true},
    {"flow_label", COLUMN(FLOW_LABEL), KEY(more.flow_label, 20), .is_field = true},
    {"ttl", ELEMENT(0, 192, 1), KEY(more.ttl, 8), .write = write_key},
    {"length", ELEMENT(0, 224, 4), KEY(more.length, 32), .write = write_key},
    {"icmp_type", COLUMN(ICMP_TYPE), KEY(more.icmp_type, 8)},
    {"icmp_code", COLUMN(ICMP_CODE), KEY(more.icmp_code, 8)},
    {"tunnel_type", ELEMENT(WEIR_PEN_BUILTIN, 200, 1), KEY(more.tunnel_type, 8),
     .write = write_key},
    {"tunnel_id", ELEMENT(WEIR_PEN_BUILTIN, 201, 4), KEY(more.tunnel_id, 32), .write = write_key},
    {"layer", ELEMENT(WEIR_PEN_BUILTIN, 202, 1), KEY(more.layer, 8), .write = write_key},
    {"carried_type", ELEMENT(WEIR_PEN_BUILTIN, 203, 1), KEY(more.carried_type, 8),
     .write = write_key},
    {"carried_id", ELEMENT(WEIR_PEN_BUILTIN, 204, 4), KEY(more.carried_id, 32), .write = write_key},
    {"tcp_flags", COLUMN(TCP_FLAGS), KEY(more.tcp_flags, 9), .is_field = true},

    {"start", COLUMN(START), .is_field = true},
    {"end", COLUMN(END), .is_field = true},
    {"duration_ms", ELEMENT(0, 161, 4), .is_field = true, .write = write_duration},
    {"packets", COLUMN(PACKETS), .is_field = true},
    {"bytes", COLUMN(BYTES), .is_field = true},
    {"ttl_min", COLUMN(TTL_MIN), .is_field = true},
    {"ttl_max", COLUMN(TTL_MAX), .is_field = true},
    {"end_reason", COLUMN(END_REASON), .is_field = true},
    {"ip_version", ELEMENT(0, 60, 1), .is_field = true, .write = write_ip_version},

    {"rev_packets", COLUMN(REV_PACKETS), REVERSE, .is_field = true},
    {"rev_bytes", COLUMN(REV_BYTES), REVERSE, .is_field = true},
    {"rev_start", ELEMENT(WEIR_PEN_REVERSE, 152, 8), REVERSE, .is_field = true,
     .write = write_reverse_start},
    {"rev_end", ELEMENT(WEIR_PEN_REVERSE, 153, 8), REVERSE, .is_field = true,
     .write = write_reverse_end},
    {"rev_tcp_flags", ELEMENT(WEIR_PEN_REVERSE, 6, 2), REVERSE, .is_field = true,
     .write = write_reverse_flags},
    {"rev_ttl_min", ELEMENT(WEIR_PEN_REVERSE, 52, 1), REVERSE, .is_field = true,
     .write = write_reverse_ttl_min},
    {"rev_ttl_max", ELEMENT(WEIR_PEN_REVERSE, 53, 1), REVERSE, .is_field = true,
     .write = write_reverse_ttl_max},
    {"biflow_direction", ELEMENT(0, 239, 1), .is_biflows = true, .is_field = true,
     .write = write_biflow_direction},
};
const size_t weir_flow_property_count =
    sizeof(weir_flow_properties) / sizeof(weir_flow_properties[0]);

const struct weir_flow_property *weir_flow_property_find(const char *name, size_t length)
{
    for (size_t i = 0; i < weir_flow_property_count; i++)
        if (strlen(weir_flow_properties[i].name) == length &&
            memcmp(weir_flow_properties[i].name, name, length) == 0)
            return &weir_flow_properties[i];
    return NULL;
}
