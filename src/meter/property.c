/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/property.h"

#include <math.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "dissect/hello.h"
#include "ie/element.h"
#include "meter/feature_engines.h"
#include "meter/feature_state.h"

/* Elements of lists, data/enterprise/builtin.csv. */
enum { LENGTH_BUCKET = 402, SPLT_LENGTH = 430, SPLT_TIME, SPLT_DIRECTION, SPLT_FLAGS };

/* mplsTopLabelStackSection; the elements of the labels under it follow. */
enum { MPLS_TOP_LABEL = 70 };

#define WRITER(name)                                                                               \
    static bool name(const struct weir_flow_view *flow, const struct weir_flow_property *property, \
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
    if (property->key_has && !(flow->more->has & property->key_has))
        return false;
    if (property->key_octets == sizeof(two)) {
        memcpy(&two, from, sizeof(two));
        value = two;
    } else if (property->key_octets == sizeof(four)) {
        memcpy(&four, from, sizeof(four));
        value = four;
    } else if (property->key_octets == sizeof(value)) {
        memcpy(&value, from, sizeof(value));
    }
    weir_store_be(octets, property->element.length, value);
    return true;
}

/* The upper six bits of the first packet's ToS, or of all packets' where it is a key. */
WRITER(write_dscp)
{
    (void)property;
    octets[0] = flow->tos >> 2;
    return true;
}

WRITER(write_ip_version)
{
    (void)property;
    octets[0] = flow->key->observation_point & WEIR_FLOW_KEY_V6 ? 6 : 4;
    return true;
}

/* Times of one flow may lie further apart than 63 bits hold. */
WRITER(write_duration)
{
    uint64_t ms = ((uint64_t)flow->last_ns - (uint64_t)flow->first_ns) / (uint64_t)WEIR_NS_PER_MS;
    (void)property;
    weir_store_be32(octets, ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX);
    return true;
}

WRITER(write_biflow_direction)
{
    (void)property;
    octets[0] =
        flow->by_perimeter ? WEIR_BIFLOW_DIRECTION_PERIMETER : WEIR_BIFLOW_DIRECTION_INITIATOR;
    return true;
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
    return true;
}

WRITER(write_reverse_end)
{
    (void)property;
    store_ms(octets, flow->reverse->times.last_ns);
    return true;
}

WRITER(write_reverse_flags)
{
    (void)property;
    weir_store_be16(octets, flow->reverse->sum.state);
    return true;
}

WRITER(write_reverse_ttl_min)
{
    (void)property;
    octets[0] = flow->reverse->sum.ttl_min;
    return true;
}

WRITER(write_reverse_ttl_max)
{
    (void)property;
    octets[0] = flow->reverse->sum.ttl_max;
    return true;
}

/* A member of a feature's state. */
static const void *state_of(const struct weir_flow_view *flow,
                            const struct weir_flow_property *property)
{
    return weir_feature_state(flow->features, flow->states, (enum weir_feature_id)property->feature,
                              property->is_reverse);
}

WRITER(write_state)
{
    const uint8_t *state = state_of(flow, property);
    const uint8_t *from = state + property->state_offset;
    uint32_t known, four;
    uint16_t two;
    uint64_t value = *from;
    memcpy(&known, state, sizeof(known));
    if (!(known & property->known))
        return false;
    if (property->state_octets == sizeof(two)) {
        memcpy(&two, from, sizeof(two));
        value = two;
    } else if (property->state_octets == sizeof(four)) {
        memcpy(&four, from, sizeof(four));
        value = four;
    } else if (property->state_octets == sizeof(value)) {
        memcpy(&value, from, sizeof(value));
    }
    weir_store_be(octets, property->element.length, value);
    return true;
}

/* Whether one of struct weir_flow_more_key is a key of the flow's definition. */
static bool is_key(const struct weir_flow_view *flow, const struct weir_flow_property *property)
{
    size_t offset = property->key_offset - sizeof(struct weir_flow_key);
    const uint8_t *mask = (const uint8_t *)flow->more_mask + offset;
    for (unsigned i = 0; i < property->key_octets; i++)
        if (mask[i])
            return true;
    return false;
}

/* The first packet's, or where it is a key all packets'. */
WRITER(write_first)
{
    return is_key(flow, property) ? write_key(flow, property, octets)
                                  : write_state(flow, property, octets);
}

static bool store_float(uint8_t *octets, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    weir_store_be64(octets, bits);
    return true;
}

/*
 * The standard deviation of `count` numbers, from their sum and that of their squares modulo 2^128.
 * Around the whole part of their mean the squares are small enough for that, and exact.
 */
static double deviation(uint64_t count, uint64_t sum, unsigned __int128 squares)
{
    uint64_t middle = sum / count;
    double rest = (double)(sum % count) / (double)count;
    unsigned __int128 around =
        squares - (unsigned __int128)2 * middle * sum + (unsigned __int128)middle * middle * count;
    double variance = (double)around / (double)count - rest * rest;
    return variance > 0 ? sqrt(variance) : 0;
}

WRITER(write_length_mean)
{
    const struct weir_feature_lengths *lengths = state_of(flow, property);
    return lengths->known && store_float(octets, (double)lengths->sum / (double)lengths->packets);
}

WRITER(write_length_deviation)
{
    const struct weir_feature_lengths *lengths = state_of(flow, property);
    return lengths->known && lengths->squares < UINT64_MAX &&
           store_float(octets, deviation(lengths->packets, lengths->sum, lengths->squares));
}

WRITER(write_gap_mean)
{
    const struct weir_feature_gaps *gaps = state_of(flow, property);
    return gaps->count > 0 && store_float(octets, (double)gaps->sum_ns / (double)gaps->count);
}

WRITER(write_gap_deviation)
{
    const struct weir_feature_gaps *gaps = state_of(flow, property);
    return gaps->count > 0 &&
           store_float(octets, deviation(gaps->count, gaps->sum_ns, gaps->squares));
}

/* A list of RFC 6313 section 4.5.1 of `count` own elements; returns where the first goes. */
static uint8_t *begin_list(uint8_t *octets, uint16_t element, uint16_t octets_each, size_t count)
{
    enum { ORDERED = 4, HEADER = 9, ENTERPRISE = 0x8000 };
    octets = weir_extra_begin_variable(octets, HEADER + count * octets_each);
    octets[0] = ORDERED;
    weir_store_be16(octets + 1, element | ENTERPRISE);
    weir_store_be16(octets + 3, octets_each);
    weir_store_be32(octets + 5, WEIR_PEN_BUILTIN);
    return octets + HEADER;
}

WRITER(write_buckets)
{
    const struct weir_feature_buckets *buckets = state_of(flow, property);
    if (!buckets->known)
        return false;
    uint8_t *to = begin_list(octets, LENGTH_BUCKET, sizeof(uint32_t), WEIR_LENGTH_BUCKETS);
    for (unsigned i = 0; i < WEIR_LENGTH_BUCKETS; i++)
        weir_store_be32(to + sizeof(uint32_t) * i, buckets->packets[i]);
    return true;
}

WRITER(write_answers)
{
    const struct weir_feature_responses *responses = state_of(flow, property);
    const struct weir_feature_answers *side = &responses->sides[property->is_reverse];
    if (!(responses->known & WEIR_KNOWN_ANSWER(property->is_reverse)))
        return false;
    if (property->state_octets == 0)
        return store_float(octets, (double)side->sum_ns / (double)side->count);
    uint64_t value;
    memcpy(&value, (const uint8_t *)side + property->state_offset, sizeof(value));
    weir_store_be(octets, property->element.length, value);
    return true;
}

/* Of the first packets what the element of the list, which is in `known`, says. */
WRITER(write_splt)
{
    const struct weir_feature_splt *splt = state_of(flow, property);
    if (!splt->known)
        return false;
    uint8_t each = property->state_octets;
    uint8_t *to = begin_list(octets, (uint16_t)property->known, each, splt->count);
    for (unsigned i = 0; i < splt->count; i++) {
        uint64_t value = property->known == SPLT_LENGTH      ? splt->packets[i].octets
                         : property->known == SPLT_TIME      ? splt->packets[i].time_us
                         : property->known == SPLT_DIRECTION ? splt->packets[i].is_reverse
                                                             : splt->packets[i].tcp_flags;
        weir_store_be(to + (size_t)i * each, each, value);
    }
    return true;
}

/* Of the first packet's MPLS stack the entry that the element has in its number. */
WRITER(write_label)
{
    if (property->key_octets > 0 && is_key(flow, property))
        return write_key(flow, property, octets);
    const struct weir_feature_first *first = state_of(flow, property);
    unsigned i = property->element.id - MPLS_TOP_LABEL;
    if (!(first->known & WEIR_KNOWN_LABEL(i)))
        return false;
    memcpy(octets, first->labels[i], sizeof(first->labels[i]));
    return true;
}

/* Where it passes 63 bits, as much as these hold. */
static int64_t duration_of(int64_t first_ns, int64_t last_ns)
{
    int64_t duration_ns;
    return __builtin_sub_overflow(last_ns, first_ns, &duration_ns) ? INT64_MAX : duration_ns;
}

/* What was counted of the field's direction. */
struct counted {
    double packets, octets;
    int64_t duration_ns;
};

static struct counted counted_of(const struct weir_flow_view *flow,
                                 const struct weir_flow_property *property)
{
    const struct weir_flow_reverse *reverse = flow->reverse;
    if (property->is_reverse)
        return (struct counted){reverse->sum.packets,
                                (double)(reverse->sum.octets & WEIR_FLOW_OCTETS_MASK),
                                duration_of(reverse->times.first_ns, reverse->times.last_ns)};
    return (struct counted){flow->hot->sum.packets,
                            (double)(flow->hot->sum.octets & WEIR_FLOW_OCTETS_MASK),
                            duration_of(flow->first_ns, flow->last_ns)};
}

WRITER(write_packets_estimate)
{
    return store_float(octets, weir_estimate(flow->sampling, counted_of(flow, property).packets));
}

WRITER(write_bytes_estimate)
{
    return store_float(octets, weir_estimate(flow->sampling, counted_of(flow, property).octets));
}

WRITER(write_packets_error)
{
    struct counted counted = counted_of(flow, property);
    return store_float(octets, weir_estimate_error(flow->sampling, counted.packets, counted.packets,
                                                   counted.duration_ns));
}

WRITER(write_bytes_error)
{
    const struct weir_feature_lengths *lengths = state_of(flow, property);
    struct counted counted = counted_of(flow, property);
    return store_float(octets, weir_estimate_error(flow->sampling, counted.octets,
                                                   (double)lengths->squares, counted.duration_ns));
}

WRITER(write_probability)
{
    (void)property;
    return store_float(octets, flow->sampling->probability);
}

#define COLUMN(NAME) .column = WEIR_COLUMN_##NAME
#define ELEMENT(pen_, id_, length_) \
    .column = WEIR_COLUMN_COUNT, .element = {.pen = (pen_), .id = (id_), .length = (length_)}
#define KEY(member, bits)                                                           \
    .key_offset = offsetof(struct weir_flow_whole_key, member), .key_bits = (bits), \
    .key_octets = sizeof(((struct weir_flow_whole_key *)NULL)->member)
#define REVERSE .is_biflows = true, .is_reverse = true

/* Of a feature: a member of its state. */
#define FEATURE(NAME, GROUP) \
    .is_field = true, .feature = WEIR_FEATURE_##NAME, .group = WEIR_FLOW_GROUP_##GROUP
#define MEMBER(type, member, bits)                                                         \
    .state_offset = offsetof(struct weir_feature_##type, member),                          \
    .state_octets = sizeof(((struct weir_feature_##type *)NULL)->member), .known = (bits), \
    .write = write_state

/* Fields of IANA's elements and of weir's own, and the same of the reverse direction. */
#define IANA_BOTH(name, help, id, octets, ...)                                         \
    {name, help, ELEMENT(0, id, octets), __VA_ARGS__},                                 \
    {                                                                                  \
        "rev_" name, help, ELEMENT(WEIR_PEN_REVERSE, id, octets), REVERSE, __VA_ARGS__ \
    }
#define OWN_BOTH(name, help, id, octets, ...)                                              \
    {name, help, ELEMENT(WEIR_PEN_BUILTIN, id, octets), __VA_ARGS__},                      \
    {                                                                                      \
        "rev_" name, help, ELEMENT(WEIR_PEN_BUILTIN, WEIR_ELEMENT_REVERSE | (id), octets), \
            REVERSE, __VA_ARGS__                                                           \
    }
#define KEY_IF(NAME)        .key_has = WEIR_KEY_##NAME
#define FIRST(member, bits) FIRST_OF(LINK, member, bits)
#define FIRST_OF(GROUP, member, bits)                                                           \
    FEATURE(FIRST, GROUP), .state_offset = offsetof(struct weir_feature_first, member),         \
                           .state_octets = sizeof(((struct weir_feature_first *)NULL)->member), \
                           .known = (bits), .write = write_first
#define LABEL_KEY(n)            KEY(more.labels[(n)-1], 24), KEY_IF(LABEL_##n)
#define CONNECTION(NAME, GROUP) .needs_connection = true, FEATURE(NAME, GROUP)
#define FLAG(bit)               MEMBER(tcp, flags[bit], WEIR_KNOWN_ANY)
#define ANSWER(member)                                             \
    .state_offset = offsetof(struct weir_feature_answers, member), \
    .state_octets = sizeof(((struct weir_feature_answers *)NULL)->member), .write = write_answers
#define ANSWERS(name, help, id, octets, member)                                            \
    {name,                                                                                 \
     help,                                                                                 \
     ELEMENT(WEIR_PEN_BUILTIN, id, octets),                                                \
     .is_biflows = true,                                                                   \
     FEATURE(RESPONSES, RESPONSES),                                                        \
     ANSWER(member)},                                                                      \
    {                                                                                      \
        "rev_" name, help, ELEMENT(WEIR_PEN_BUILTIN, WEIR_ELEMENT_REVERSE | (id), octets), \
            REVERSE, FEATURE(RESPONSES, RESPONSES), ANSWER(member)                         \
    }
#define SPLT_LIST(element_, octets)                                                            \
    .known = (element_), .state_octets = (octets), .room = LIST_HEADER, .room_each = (octets), \
    .write = write_splt
#define LIST .column = WEIR_COLUMN_COUNT, .element = {0, 291, WEIR_LENGTH_VARIABLE}

/* Octets of a list of so many elements, with its header and length. */
#define LIST_HEADER  12u
#define BUCKETS_ROOM .room = (LIST_HEADER + 4 * WEIR_LENGTH_BUCKETS)

/* Names out of payloads, with room for their length. */
#define TEXT(pen_, id_) ELEMENT(pen_, id_, WEIR_LENGTH_VARIABLE), .room = 3 + WEIR_NAME_OCTETS_MAX
#define NAME(KIND, GROUP) \
    FEATURE(NAMES, GROUP), .name_kind = WEIR_NAME_##KIND, .write = weir_write_name

const char *const weir_flow_group_names[WEIR_FLOW_GROUP_COUNT] = {
    [WEIR_FLOW_GROUP_TOTALS] = "totals",
    [WEIR_FLOW_GROUP_LENGTHS] = "lengths",
    [WEIR_FLOW_GROUP_ESTIMATES] = "estimates",
    [WEIR_FLOW_GROUP_IAT] = "iat",
    [WEIR_FLOW_GROUP_PAYLOAD] = "payload",
    [WEIR_FLOW_GROUP_FRAGMENTS] = "fragmentation",
    [WEIR_FLOW_GROUP_LINK] = "link",
    [WEIR_FLOW_GROUP_TLS] = "tls",
    [WEIR_FLOW_GROUP_DNS] = "dns",
    [WEIR_FLOW_GROUP_HTTP] = "http",
    [WEIR_FLOW_GROUP_TCP] = "tcp",
    [WEIR_FLOW_GROUP_RESPONSES] = "responses",
    [WEIR_FLOW_GROUP_SPLT] = "splt",
};

const struct weir_flow_property weir_flow_properties[] = {
    {"src_addr", COLUMN(SRC_ADDR), KEY(key.src_addr, 128)},
    {"dst_addr", COLUMN(DST_ADDR), KEY(key.dst_addr, 128)},
    {"src_port", COLUMN(SRC_PORT), KEY(key.src_port, 16)},
    {"dst_port", COLUMN(DST_PORT), KEY(key.dst_port, 16)},
    {"protocol", COLUMN(PROTOCOL), KEY(key.protocol, 8)},
    {"tos", COLUMN(TOS), KEY(key.tos, 8), .is_field = true},
    {"dscp", "upper six bits of the ToS or traffic class; as a field of the first packet",
     ELEMENT(0, 195, 1), KEY(key.tos, 6), .key_shift = 2, .is_field = true, .write = write_dscp},
    {"in_if", COLUMN(IN_IF), KEY(key.observation_point, 15), .is_whole = true, .is_field = true},
    {"out_if", COLUMN(OUT_IF), KEY(more.out_point, 15), .is_whole = true},
    {"vlan", COLUMN(VLAN), KEY(more.vlan, 12), .is_field = true},
    {"flow_label", COLUMN(FLOW_LABEL), KEY(more.flow_label, 20), .is_field = true},
    {"ttl", "TTL or hop limit of each packet", ELEMENT(0, 192, 1), KEY(more.ttl, 8),
     .write = write_key},
    {"length", "IP length of each packet", ELEMENT(0, 224, 4), KEY(more.length, 32),
     .write = write_key},
    {"frame_length", "length of each frame on the wire, at most 65535", ELEMENT(0, 312, 2),
     KEY(more.frame_length, 16), .write = write_key},
    {"fragment", "1 for packets that are fragments, else 0", ELEMENT(WEIR_PEN_BUILTIN, 205, 1),
     KEY(more.fragment, 1), .write = write_key},
    {"icmp_type", COLUMN(ICMP_TYPE), KEY(more.icmp_type, 8)},
    {"icmp_code", COLUMN(ICMP_CODE), KEY(more.icmp_code, 8)},
    {"tunnel_type",
     "what the packet was taken out of: 1 MPLS, 2 PPPoE, 3 IP in IP, 4 GRE, 5 ERSPAN, 6 "
     "EtherIP or SRv6, 7 L2TP, 8 VXLAN, 9 GENEVE, 10 GTP-U, 11 Teredo; as a field of the first "
     "packet",
     ELEMENT(WEIR_PEN_BUILTIN, 200, 1), KEY(more.tunnel_type, 8),
     FIRST(tunnel_type, WEIR_KNOWN_TUNNEL)},
    {"tunnel_id", "label, key, session or VNI of that tunnel", ELEMENT(WEIR_PEN_BUILTIN, 201, 4),
     KEY(more.tunnel_id, 32), FIRST(tunnel_id, WEIR_KNOWN_TUNNEL)},
    {"layer", "IP headers outside of the one that makes the flow",
     ELEMENT(WEIR_PEN_BUILTIN, 202, 1), KEY(more.layer, 8), .write = write_key},
    {"carried_type",
     "tunnel that the packet itself is, with --layer both; numbers as of tunnel_type",
     ELEMENT(WEIR_PEN_BUILTIN, 203, 1), KEY(more.carried_type, 8), .write = write_key},
    {"carried_id", "label, key, session or VNI of that tunnel", ELEMENT(WEIR_PEN_BUILTIN, 204, 4),
     KEY(more.carried_id, 32), FIRST_OF(NONE, carried_id, WEIR_KNOWN_CARRIED)},
    {"tcp_flags", COLUMN(TCP_FLAGS), KEY(more.tcp_flags, 9), .is_field = true},

    {"start", COLUMN(START), .is_field = true},
    {"end", COLUMN(END), .is_field = true},
    {"duration_ms", "from the first packet to the last", ELEMENT(0, 161, 4), .is_field = true,
     .write = write_duration},
    {"packets", COLUMN(PACKETS), .is_field = true},
    {"bytes", COLUMN(BYTES), .is_field = true},
    {"ttl_min", COLUMN(TTL_MIN), .is_field = true},
    {"ttl_max", COLUMN(TTL_MAX), .is_field = true},
    {"end_reason", COLUMN(END_REASON), .is_field = true},
    {"ip_version", "4 or 6", ELEMENT(0, 60, 1), .is_field = true, .write = write_ip_version},

    {"rev_packets", COLUMN(REV_PACKETS), REVERSE, .is_field = true},
    {"rev_bytes", COLUMN(REV_BYTES), REVERSE, .is_field = true},
    {"rev_start", "time of the first packet of the reverse direction",
     ELEMENT(WEIR_PEN_REVERSE, 152, 8), REVERSE, .is_field = true, .write = write_reverse_start},
    {"rev_end", "time of the last packet of the reverse direction",
     ELEMENT(WEIR_PEN_REVERSE, 153, 8), REVERSE, .is_field = true, .write = write_reverse_end},
    {"rev_tcp_flags", "TCP flags of the reverse direction, united", ELEMENT(WEIR_PEN_REVERSE, 6, 2),
     REVERSE, .is_field = true, .write = write_reverse_flags},
    {"rev_ttl_min", "smallest TTL or hop limit of the reverse direction",
     ELEMENT(WEIR_PEN_REVERSE, 52, 1), REVERSE, .is_field = true, .write = write_reverse_ttl_min},
    {"rev_ttl_max", "largest TTL or hop limit of the reverse direction",
     ELEMENT(WEIR_PEN_REVERSE, 53, 1), REVERSE, .is_field = true, .write = write_reverse_ttl_max},
    {"biflow_direction",
     "how the source was chosen: 3 by networks, where one end is in them, else 1",
     ELEMENT(0, 239, 1), .is_biflows = true, .is_field = true, .write = write_biflow_direction},

    IANA_BOTH("packets_total", "packets since the flow's first; of a permanent cache", 86, 8,
              FEATURE(TOTALS, TOTALS), MEMBER(totals, packets, WEIR_KNOWN_ANY)),
    IANA_BOTH("octets_total", "octets of these packets", 85, 8, FEATURE(TOTALS, TOTALS),
              MEMBER(totals, octets, WEIR_KNOWN_ANY)),

    IANA_BOTH("length_min", "octets of the shortest packet", 25, 4, FEATURE(LENGTHS, LENGTHS),
              MEMBER(lengths, min, WEIR_KNOWN_ANY)),
    IANA_BOTH("length_max", "octets of the longest packet", 26, 4, FEATURE(LENGTHS, LENGTHS),
              MEMBER(lengths, max, WEIR_KNOWN_ANY)),
    OWN_BOTH("length_mean", "mean length of the packets", 400, 8, FEATURE(LENGTHS, LENGTHS),
             .write = write_length_mean),
    OWN_BOTH("length_stddev",
             "standard deviation of the lengths of all packets of the flow; none where the sum of "
             "squares passes 64 bits",
             401, 8, FEATURE(LENGTHS, LENGTHS), .write = write_length_deviation),
    IANA_BOTH("length_squares", "sum of the squares of the lengths, at most 2^64 - 1", 198, 8,
              FEATURE(LENGTHS, LENGTHS), MEMBER(lengths, squares, WEIR_KNOWN_ANY)),
    OWN_BOTH("packets_estimate", "packets that the sampled ones stand for", 500, 8,
             FEATURE(NONE, ESTIMATES), .write = write_packets_estimate),
    OWN_BOTH("bytes_estimate", "octets that the sampled ones stand for", 501, 8,
             FEATURE(NONE, ESTIMATES), .write = write_bytes_estimate),
    OWN_BOTH("packets_error", "standard error of packets_estimate", 502, 8,
             FEATURE(NONE, ESTIMATES), .write = write_packets_error),
    OWN_BOTH("bytes_error", "standard error of bytes_estimate", 503, 8, FEATURE(LENGTHS, ESTIMATES),
             .write = write_bytes_error),
    {"probability", "with which a packet was selected", ELEMENT(WEIR_PEN_BUILTIN, 504, 8),
     FEATURE(NONE, ESTIMATES), .write = write_probability},
    {"length_distribution",
     "list: packets of up to 64, 128, 256, 512, 1024, 1500, 9000 octets, and longer", LIST,
     FEATURE(BUCKETS, LENGTHS), BUCKETS_ROOM, .write = write_buckets},
    {"rev_length_distribution",
     "list: packets of up to 64, 128, 256, 512, 1024, 1500, 9000 octets, and longer", LIST, REVERSE,
     FEATURE(BUCKETS, LENGTHS), BUCKETS_ROOM, .write = write_buckets},

    OWN_BOTH("iat_min", "shortest time between a packet and the one before it", 403, 8,
             FEATURE(GAPS, IAT), MEMBER(gaps, min_ns, WEIR_KNOWN_GAP)),
    OWN_BOTH("iat_max", "longest time between a packet and the one before it", 404, 8,
             FEATURE(GAPS, IAT), MEMBER(gaps, max_ns, WEIR_KNOWN_GAP)),
    OWN_BOTH("iat_mean", "mean of these times", 405, 8, FEATURE(GAPS, IAT),
             .write = write_gap_mean),
    OWN_BOTH("iat_stddev", "standard deviation of these times", 406, 8, FEATURE(GAPS, IAT),
             .write = write_gap_deviation),
    {"both_iat_min", "shortest time between a packet and the one before it in either direction",
     ELEMENT(WEIR_PEN_BUILTIN, 407, 8), .is_biflows = true, FEATURE(BOTH_GAPS, IAT),
     MEMBER(gaps, min_ns, WEIR_KNOWN_GAP)},
    {"both_iat_max", "longest time between a packet and the one before it in either direction",
     ELEMENT(WEIR_PEN_BUILTIN, 408, 8), .is_biflows = true, FEATURE(BOTH_GAPS, IAT),
     MEMBER(gaps, max_ns, WEIR_KNOWN_GAP)},
    {"both_iat_mean", "mean of these times", ELEMENT(WEIR_PEN_BUILTIN, 409, 8), .is_biflows = true,
     FEATURE(BOTH_GAPS, IAT), .write = write_gap_mean},
    {"both_iat_stddev", "standard deviation of these times", ELEMENT(WEIR_PEN_BUILTIN, 410, 8),
     .is_biflows = true, FEATURE(BOTH_GAPS, IAT), .write = write_gap_deviation},

    IANA_BOTH("payload_bytes", "octets behind transport headers", 401, 8, FEATURE(PAYLOAD, PAYLOAD),
              MEMBER(payload, octets, WEIR_KNOWN_ANY)),
    IANA_BOTH("payload_packets", "packets with any octet behind transport headers", 402, 8,
              FEATURE(PAYLOAD, PAYLOAD), MEMBER(payload, packets, WEIR_KNOWN_ANY)),

    OWN_BOTH("fragments", "packets that were fragments", 411, 4, FEATURE(PAYLOAD, FRAGMENTS),
             MEMBER(payload, fragments, WEIR_KNOWN_ANY)),
    IANA_BOTH("fragment_id", "identification of the first packet", 54, 4, FEATURE(FIRST, FRAGMENTS),
              MEMBER(first, fragment_id, WEIR_KNOWN_FRAGMENT)),
    IANA_BOTH("fragment_offset", "fragment offset of the first packet, in 8 octets", 88, 2,
              FEATURE(FIRST, FRAGMENTS), MEMBER(first, fragment_offset, WEIR_KNOWN_FRAGMENT)),
    IANA_BOTH("fragment_flags",
              "fragment flags of the first packet: 0x40 don't fragment, 0x20 more fragments", 197,
              1, FEATURE(FIRST, FRAGMENTS), MEMBER(first, fragment_flags, WEIR_KNOWN_FRAGMENT)),

    {"mpls_label_1", "label, traffic class and bottom of stack, from the top", ELEMENT(0, 70, 3),
     LABEL_KEY(1), FEATURE(FIRST, LINK), .write = write_label},
    {"mpls_label_2", "label, traffic class and bottom of stack, the next", ELEMENT(0, 71, 3),
     LABEL_KEY(2), FEATURE(FIRST, LINK), .write = write_label},
    {"mpls_label_3", "label, traffic class and bottom of stack, the next", ELEMENT(0, 72, 3),
     LABEL_KEY(3), FEATURE(FIRST, LINK), .write = write_label},
    {"mpls_label_4", "label, traffic class and bottom of stack, the next", ELEMENT(0, 73, 3),
     FEATURE(FIRST, LINK), .write = write_label},
    {"mpls_label_5", "label, traffic class and bottom of stack, the next", ELEMENT(0, 74, 3),
     FEATURE(FIRST, LINK), .write = write_label},
    {"mpls_label_6", "label, traffic class and bottom of stack, the next", ELEMENT(0, 75, 3),
     FEATURE(FIRST, LINK), .write = write_label},
    {"mpls_depth", "labels of the stack before IP", ELEMENT(0, 202, 1), FEATURE(FIRST, LINK),
     MEMBER(first, label_count, WEIR_KNOWN_ANY)},
    {"src_mac", "source of the last Ethernet header before IP; as a field of the first packet",
     ELEMENT(0, 56, 6), KEY(more.src_mac, 48), KEY_IF(ETHERNET),
     FIRST(src_mac, WEIR_KNOWN_ETHERNET)},
    {"dst_mac", "destination of the last Ethernet header before IP; as a field of the first packet",
     ELEMENT(0, 80, 6), KEY(more.dst_mac, 48), KEY_IF(ETHERNET),
     FIRST(dst_mac, WEIR_KNOWN_ETHERNET)},
    {"inner_vlan", "VLAN ID of the second tag; the first is vlan", ELEMENT(0, 245, 2),
     KEY(more.inner_vlan, 12), KEY_IF(INNER_VLAN), FIRST(inner_vlan, WEIR_KNOWN_INNER_VLAN)},

    IANA_BOTH("tcp_sequence", "sequence number of the first segment", 184, 4, CONNECTION(TCP, TCP),
              MEMBER(tcp, first_sequence, WEIR_KNOWN_SEGMENT)),
    OWN_BOTH("tcp_isn", "sequence number of the first SYN", 412, 4, CONNECTION(TCP, TCP),
             MEMBER(tcp, initial_sequence, WEIR_KNOWN_SYN)),
    IANA_BOTH("tcp_window", "window of the first segment, as all of them not scaled and not of RST",
              186, 2, FEATURE(TCP, TCP), MEMBER(tcp, window_first, WEIR_KNOWN_WINDOW)),
    OWN_BOTH("tcp_window_min", "smallest window, not scaled", 413, 2, FEATURE(TCP, TCP),
             MEMBER(tcp, window_min, WEIR_KNOWN_WINDOW)),
    OWN_BOTH("tcp_window_max", "largest window, not scaled", 414, 2, FEATURE(TCP, TCP),
             MEMBER(tcp, window_max, WEIR_KNOWN_WINDOW)),
    OWN_BOTH("tcp_zero_windows", "segments with a window of 0, without SYN, FIN and RST", 418, 4,
             FEATURE(TCP, TCP), MEMBER(tcp, zero_windows, WEIR_KNOWN_WINDOW)),
    OWN_BOTH("tcp_mss", "maximum segment size that a SYN says", 415, 2, CONNECTION(TCP, TCP),
             MEMBER(tcp, mss, WEIR_KNOWN_MSS)),
    IANA_BOTH("tcp_window_scale", "window scale that a SYN says, at most 14", 238, 1,
              CONNECTION(TCP, TCP), MEMBER(tcp, window_scale, WEIR_KNOWN_SCALE)),
    OWN_BOTH("tcp_retransmissions", "segments of which all before what comes next was seen already",
             416, 4, CONNECTION(TCP, TCP), MEMBER(tcp, retransmissions, WEIR_KNOWN_SEGMENT)),
    OWN_BOTH("tcp_out_of_order",
             "segments that fill some of a hole: late, or lost before the Observation Point and "
             "sent again",
             417, 4, CONNECTION(TCP, TCP), MEMBER(tcp, out_of_order, WEIR_KNOWN_SEGMENT)),
    OWN_BOTH("tcp_keep_alives", "segments of no octet or one, one before what comes next", 424, 4,
             CONNECTION(TCP, TCP), MEMBER(tcp, keep_alives, WEIR_KNOWN_SEGMENT)),
    OWN_BOTH("tcp_first_flags", "flags of the first packet", 419, 2, FEATURE(TCP, TCP),
             MEMBER(tcp, first_flags, WEIR_KNOWN_ANY)),
    IANA_BOTH("tcp_fin_packets", "packets with FIN", 219, 4, FEATURE(TCP, TCP), FLAG(0)),
    IANA_BOTH("tcp_syn_packets", "packets with SYN", 218, 4, FEATURE(TCP, TCP), FLAG(1)),
    IANA_BOTH("tcp_rst_packets", "packets with RST", 220, 4, FEATURE(TCP, TCP), FLAG(2)),
    IANA_BOTH("tcp_psh_packets", "packets with PSH", 221, 4, FEATURE(TCP, TCP), FLAG(3)),
    IANA_BOTH("tcp_ack_packets", "packets with ACK", 222, 4, FEATURE(TCP, TCP), FLAG(4)),
    IANA_BOTH("tcp_urg_packets", "packets with URG", 223, 4, FEATURE(TCP, TCP), FLAG(5)),
    {"tcp_rtt",
     "from the last SYN to the first segment of its sender with ACK behind it; one direction "
     "tells it",
     ELEMENT(WEIR_PEN_BUILTIN, 420, 8), CONNECTION(HANDSHAKE, TCP),
     MEMBER(handshake, whole_ns, WEIR_KNOWN_WHOLE)},
    {"tcp_rtt_server", "from that SYN to the first SYN with ACK that acknowledges it",
     ELEMENT(WEIR_PEN_BUILTIN, 421, 8), .is_biflows = true, CONNECTION(HANDSHAKE, TCP),
     MEMBER(handshake, server_ns, WEIR_KNOWN_SERVER)},
    {"tcp_rtt_client", "from the last of these to the ACK", ELEMENT(WEIR_PEN_BUILTIN, 422, 8),
     .is_biflows = true, CONNECTION(HANDSHAKE, TCP),
     MEMBER(handshake, client_ns, WEIR_KNOWN_CLIENT)},

    ANSWERS("responses", "how many answers there were", 425, 4, count),
    ANSWERS("response_min", "shortest time to an answer", 426, 8, min_ns),
    ANSWERS("response_max", "longest time to an answer", 427, 8, max_ns),
    {"response_mean", "mean of the times to answers", ELEMENT(WEIR_PEN_BUILTIN, 428, 8),
     .is_biflows = true, FEATURE(RESPONSES, RESPONSES), .write = write_answers},
    {"rev_response_mean", "mean of the times to answers",
     ELEMENT(WEIR_PEN_BUILTIN, WEIR_ELEMENT_REVERSE | 428, 8), REVERSE,
     FEATURE(RESPONSES, RESPONSES), .write = write_answers},

    {"splt_lengths",
     "list: IP lengths of the first packets, at most 65535; splt:N has N of them, splt 10", LIST,
     FEATURE(SPLT, SPLT), SPLT_LIST(SPLT_LENGTH, 2)},
    {"splt_times", "list: microseconds since the first packet", LIST, FEATURE(SPLT, SPLT),
     SPLT_LIST(SPLT_TIME, 4)},
    {"splt_flags", "list: TCP flags of the first packets, the low eight", LIST, FEATURE(SPLT, SPLT),
     SPLT_LIST(SPLT_FLAGS, 1)},
    {"splt_directions", "list: 0 forward, 1 reverse; of biflows", LIST, .is_biflows = true,
     FEATURE(SPLT, SPLT), SPLT_LIST(SPLT_DIRECTION, 1)},

    {"app",
     "application, as nDPI finds it (TLS.Google); none where it would only guess from a port",
     TEXT(0, 96), FEATURE(APPLICATION, NONE), .write = weir_write_application},
    {"tls_sni", "server name of a ClientHello over TCP or in QUIC", TEXT(WEIR_PEN_BUILTIN, 450),
     NAME(SNI, TLS)},
    {"tls_alpn", "protocols that it offers (ALPN)", TEXT(WEIR_PEN_BUILTIN, 451), NAME(ALPN, TLS)},
    {"tls_ja4", "its JA4 fingerprint", ELEMENT(WEIR_PEN_BUILTIN, 452, WEIR_JA4_OCTETS),
     NAME(JA4, TLS)},
    {"tls_version", "highest version that it offers", ELEMENT(WEIR_PEN_BUILTIN, 453, 2),
     FEATURE(NAMES, TLS), .write = weir_write_tls_version},
    {"quic_sni", "server name of a ClientHello in QUIC", TEXT(WEIR_PEN_BUILTIN, 454),
     NAME(SNI, NONE), .is_quic = true},
    {"quic_version", "version of QUIC", ELEMENT(WEIR_PEN_BUILTIN, 455, 4), FEATURE(NAMES, TLS),
     .write = weir_write_quic_version},
    {"dns_question", "name in the first question, also of mDNS and LLMNR",
     TEXT(WEIR_PEN_BUILTIN, 456), NAME(DNS, DNS)},
    {"dns_type", "type of that question", ELEMENT(WEIR_PEN_BUILTIN, 457, 2), FEATURE(NAMES, DNS),
     .write = weir_write_dns_type},
    {"http_method", "method of the first HTTP/1 request", TEXT(0, 459), NAME(HTTP_METHOD, HTTP)},
    {"http_host", "its Host", TEXT(0, 460), NAME(HTTP_HOST, HTTP)},
    {"http_user_agent", "its User-Agent", TEXT(0, 468), NAME(HTTP_AGENT, HTTP)},
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
