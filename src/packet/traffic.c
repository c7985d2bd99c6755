/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The realistic mix runs on a calendar: time is cut into slots of some packets each, every flow
 * waits in the slot of its next packet, and the slots are gone through in order. So a packet costs
 * one look at its flow, fetched ahead, however many flows live. All arithmetic is in integers, so
 * that the octets do not depend on the machine.
 */
#include "packet/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "packet/source.h"

#define CAPTURED_MAX         96
#define RECORD_HEADER_OCTETS 16
#define FILE_HEADER_OCTETS   24
#define RECORD_OCTETS_MAX    (RECORD_HEADER_OCTETS + CAPTURED_MAX)
#define ETHERNET_OCTETS      14
#define ETHERNET_SHORTEST    60
#define PACKETS_IN_SLOT      14
#define SLOTS_MAX            (1u << 24)
#define NO_FLOW              UINT32_MAX
#define GAP_SHORTEST_NS      (16 * WEIR_NS_PER_MS)
#define GAP_OCTAVES          9 /* 16 ms to 8 s, every octave as often */
#define START_NS_DEFAULT     INT64_C(1700000000000000000)

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

/* What a conversation is, and how many of 10,000 packets are of such. */
enum kind { TCP4, TCP6, UDP4, UDP6, ICMP4, ICMP6, KIND_COUNT };

static const struct {
    uint16_t share;
    uint8_t protocol;
    bool v6;
} kinds[KIND_COUNT] = {
    [TCP4] = {5680, 6, false}, [TCP6] = {1420, 6, true},  [UDP4] = {2080, 17, false},
    [UDP6] = {520, 17, true},  [ICMP4] = {240, 1, false}, [ICMP6] = {60, 58, true},
};

/* One direction of a conversation. Flows 2n and 2n+1 are the two directions of conversation n. */
struct flow {
    uint32_t next;    /* in the same slot */
    uint32_t start;   /* slot of the first packet */
    uint32_t packets; /* all of them */
    uint32_t sent;
    uint32_t gap_q8; /* slots between packets, in 256ths */
    uint8_t kind;
};

struct weir_traffic {
    struct weir_traffic_options options;
    uint64_t random; /* state of the generator for what differs from packet to packet */
    bool header_written;
    /* The hard mix */
    uint64_t sent;
    /* The realistic mix */
    struct flow *flows;
    uint32_t *slot_first;   /* first flow that waits in a slot */
    uint32_t *slot_packets; /* how many wait there */
    uint32_t slot_count;
    uint32_t slot; /* that is gone through */
    uint32_t slot_sent;
    int64_t slot_ns; /* its beginning, from the start */
};

static const struct {
    uint64_t packets, flows;
    int64_t duration_ns;
} mixes[WEIR_TRAFFIC_MIX_COUNT] = {
    [WEIR_TRAFFIC_REALISTIC] = {15000000, 1200000, 400 * WEIR_NS_PER_SECOND},
    [WEIR_TRAFFIC_HARD] = {5000000, 5000000, 100 * WEIR_NS_PER_SECOND},
};

struct weir_traffic_options weir_traffic_defaults(enum weir_traffic_mix mix)
{
    return (struct weir_traffic_options){
        .mix = mix,
        .packets = mixes[mix].packets,
        .flows = mixes[mix].flows,
        .seed = 1,
        .start_ns = START_NS_DEFAULT,
        .duration_ns = mixes[mix].duration_ns,
    };
}

/* SplitMix64's output function: a bijection that mixes all bits into all. */
static uint64_t mix64(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static uint64_t next_random(struct weir_traffic *traffic)
{
    return mix64(traffic->random += UINT64_C(0x9e3779b97f4a7c15));
}

/* What is random about number `index`, and the same whenever it is asked. */
static uint64_t random_of(const struct weir_traffic *traffic, uint64_t index)
{
    return mix64(mix64(traffic->options.seed) + (index + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

/* `value` of 2^32 parts of `range`. */
static uint32_t scale(uint32_t value, uint32_t range)
{
    return (uint32_t)((uint64_t)value * range >> 32);
}

/* A frame that is being put together. */
struct frame {
    bool v6;
    uint8_t protocol;
    uint8_t tos, ttl;
    uint8_t flags;               /* TCP */
    uint16_t src_port, dst_port; /* ICMP: type * 256 + code and the identifier */
    uint16_t ip_octets;
    uint32_t src, dst; /* the address, or the low 32 bits of an IPv6 address */
    uint32_t sequence;
};

static void write_ipv4(uint8_t *ip, const struct frame *frame)
{
    weir_store_be16(ip, (uint16_t)(0x4500 | frame->tos));
    weir_store_be16(ip + 2, frame->ip_octets);
    weir_store_be16(ip + 4, (uint16_t)frame->sequence);
    weir_store_be16(ip + 6, 0x4000);
    ip[8] = frame->ttl;
    ip[9] = frame->protocol;
    weir_store_be16(ip + 10, 0);
    weir_store_be32(ip + 12, frame->src);
    weir_store_be32(ip + 16, frame->dst);
    uint32_t sum = 0;
    for (int i = 0; i < 20; i += 2)
        sum += weir_load_be16(ip + i);
    sum = (sum & 0xffff) + (sum >> 16);
    weir_store_be16(ip + 10, (uint16_t) ~(sum + (sum >> 16)));
}

static void write_ipv6(uint8_t *ip, const struct frame *frame)
{
    weir_store_be32(ip, 0x60000000u | (uint32_t)frame->tos << 20 | (frame->src & 0xfffff));
    weir_store_be16(ip + 4, (uint16_t)(frame->ip_octets - 40));
    ip[6] = frame->protocol;
    ip[7] = frame->ttl;
    /* 2001:db8::/32; hosts of the same upper 16 bits share a /64. */
    uint8_t *address = ip + 8;
    for (int i = 0; i < 2; i++, address += 16) {
        uint32_t host = i ? frame->dst : frame->src;
        weir_store_be64(address, UINT64_C(0x20010db800000000) | host >> 16);
        weir_store_be64(address + 8, host);
    }
}

static void write_transport(uint8_t *at, const struct frame *frame, uint32_t octets)
{
    weir_store_be16(at, frame->src_port);
    weir_store_be16(at + 2, frame->dst_port);
    if (frame->protocol == 6) {
        weir_store_be32(at + 4, frame->sequence);
        weir_store_be32(at + 8, frame->flags & TCP_ACK ? ~frame->sequence : 0);
        /* Room for the options of a SYN, or for a timestamp, where there is any: No-Operations. */
        uint32_t words = frame->flags & TCP_SYN ? 10 : 8;
        if (words > octets / 4)
            words = octets / 4;
        weir_store_be16(at + 12, (uint16_t)(words << 12 | frame->flags));
        weir_store_be16(at + 14, 0xffff);
        memset(at + 20, 1, words * 4 - 20);
    } else if (frame->protocol == 17) {
        weir_store_be16(at + 4, (uint16_t)octets);
    } else {
        /* ICMP: type and code first, then checksum, identifier and sequence number. */
        weir_store_be16(at + 2, 0);
        weir_store_be16(at + 4, frame->dst_port);
        weir_store_be16(at + 6, (uint16_t)frame->sequence);
    }
}

/* Writes a record of the file and returns its length, at most RECORD_HEADER_OCTETS + 96. */
static size_t write_record(const struct weir_traffic *traffic, const struct frame *frame,
                           int64_t time_ns, uint8_t *into)
{
    uint32_t wire = (uint32_t)frame->ip_octets + ETHERNET_OCTETS;
    if (wire < ETHERNET_SHORTEST)
        wire = ETHERNET_SHORTEST;
    uint32_t captured = wire < CAPTURED_MAX ? wire : CAPTURED_MAX;
    uint64_t ns = (uint64_t)time_ns;
    weir_store_le32(into, (uint32_t)(ns / WEIR_NS_PER_SECOND));
    weir_store_le32(into + 4, (uint32_t)(ns % WEIR_NS_PER_SECOND /
                                         (traffic->options.microseconds ? WEIR_NS_PER_US : 1)));
    weir_store_le32(into + 8, captured);
    weir_store_le32(into + 12, wire);
    static const uint8_t hardware_addresses[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    uint8_t *octets = into + RECORD_HEADER_OCTETS;
    memset(octets, 0, CAPTURED_MAX);
    memcpy(octets, hardware_addresses, sizeof(hardware_addresses));
    weir_store_be16(octets + 12, frame->v6 ? 0x86dd : 0x0800);
    uint8_t *ip = octets + ETHERNET_OCTETS;
    uint32_t header = frame->v6 ? 40 : 20;
    if (frame->v6)
        write_ipv6(ip, frame);
    else
        write_ipv4(ip, frame);
    write_transport(ip + header, frame, frame->ip_octets - header);
    return RECORD_HEADER_OCTETS + captured;
}

static size_t write_file_header(const struct weir_traffic *traffic, uint8_t *into)
{
    weir_store_le32(into, traffic->options.microseconds ? 0xa1b2c3d4 : 0xa1b23c4d);
    weir_store_le16(into + 4, 2);
    weir_store_le16(into + 6, 4);
    weir_store_le64(into + 8, 0);
    weir_store_le32(into + 16, CAPTURED_MAX);
    weir_store_le32(into + 20, WEIR_LINK_ETHERNET);
    return FILE_HEADER_OCTETS;
}

/*
 * IP lengths as backbones show them: most packets are either acknowledgements and requests or
 * full. Each row is one of sixteen alike; the side that answers sends the long ones.
 */
static const uint16_t tcp_lengths[2][16] = {
    {52, 52, 52, 52, 52, 52, 52, 52, 52, 64, 64, 105, 576, 1340, 1500, 1500},
    {52, 52, 64, 576, 1340, 1420, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500},
};
static const uint16_t udp_lengths[2][16] = {
    {60, 62, 66, 70, 74, 80, 96, 130, 160, 220, 340, 600, 1228, 1278, 1278, 1378},
    {76, 110, 140, 260, 420, 900, 1228, 1228, 1278, 1278, 1278, 1278, 1378, 1378, 1428, 1428},
};

/* Services that clients talk to; a row is one of sixteen alike. */
static const uint16_t tcp_ports[16] = {443, 443, 443, 443, 443, 443, 443,  443,
                                       80,  80,  80,  22,  25,  993, 8080, 3306};
static const uint16_t udp_ports[16] = {53,  53,  53,  53,   53,   443, 443, 443,
                                       443, 443, 123, 3478, 4500, 500, 161, 51820};

/* Addresses and ports of a conversation; the last packet of a flow and the first have their flags.
 */
static void describe(struct weir_traffic *traffic, uint32_t index, const struct flow *flow,
                     struct frame *frame)
{
    uint64_t random = random_of(traffic, index / 2);
    uint64_t more = mix64(random);
    unsigned answer = index & 1;
    uint64_t varying = next_random(traffic);
    uint32_t client = 0x0a000000 | (uint32_t)(random & 0xffff) << 4 | (uint32_t)(more & 3);
    /* The cube of a uniform number: a few servers are talked to by most. */
    uint32_t uniform = (uint32_t)(random >> 32);
    uint32_t cube = scale(scale(uniform, uniform), uniform);
    uint32_t server = 0xc6120000 | scale(cube, 1 << 17);
    uint16_t client_port = (uint16_t)(1024 + (more >> 8 & 0xffff) % 64512);
    *frame = (struct frame){
        .v6 = kinds[flow->kind].v6,
        .protocol = kinds[flow->kind].protocol,
        .tos = (more >> 24 & 15) == 0 ? 0xb8 : 0,
        .ttl = (uint8_t)(answer ? 48 + (more >> 28 & 15) : 64 - (more >> 32 & 7)),
        .src = answer ? server : client,
        .dst = answer ? client : server,
        .sequence = (uint32_t)more + flow->sent * 1448,
    };
    unsigned sixteenth = varying & 15, service = more >> 40 & 15;
    switch (frame->protocol) {
    case 6:
        frame->src_port = answer ? tcp_ports[service] : client_port;
        frame->dst_port = answer ? client_port : tcp_ports[service];
        frame->ip_octets = tcp_lengths[answer][sixteenth];
        frame->flags =
            frame->ip_octets < 1340 && frame->ip_octets > 64 ? TCP_PSH | TCP_ACK : TCP_ACK;
        if (flow->sent == 0)
            frame->flags = answer ? TCP_SYN | TCP_ACK : TCP_SYN;
        else if (flow->sent + 1 == flow->packets)
            frame->flags = TCP_FIN | TCP_ACK;
        if (flow->packets == 1 && answer)
            frame->flags = TCP_RST | TCP_ACK;
        if (frame->flags & (TCP_SYN | TCP_FIN | TCP_RST))
            frame->ip_octets = frame->flags & TCP_SYN ? 60 : 52;
        break;
    case 17:
        frame->src_port = answer ? udp_ports[service] : client_port;
        frame->dst_port = answer ? client_port : udp_ports[service];
        frame->ip_octets = udp_lengths[answer][sixteenth];
        break;
    default:
        /* Echo request and reply. */
        frame->src_port = (uint16_t)((frame->v6 ? 128 + answer : answer ? 0 : 8) << 8);
        frame->dst_port = client_port;
        frame->ip_octets = 84;
        break;
    }
    if (frame->v6 && frame->ip_octets < 1340)
        frame->ip_octets = (uint16_t)(frame->ip_octets + 20);
}

/* Puts a flow into the slot of its next packet, which may be the one that is gone through. */
static void await_next(struct weir_traffic *traffic, uint32_t index)
{
    struct flow *flow = &traffic->flows[index];
    uint64_t at_q8 = (uint64_t)flow->sent * flow->gap_q8;
    /* Packet k comes k gaps after the start, give or take a quarter of a gap. */
    if (flow->sent > 0)
        at_q8 = at_q8 + scale((uint32_t)next_random(traffic), flow->gap_q8 / 2) - flow->gap_q8 / 4;
    uint64_t slot = flow->start + (at_q8 >> 8);
    if (slot < traffic->slot)
        slot = traffic->slot;
    if (slot >= traffic->slot_count)
        slot = traffic->slot_count - 1;
    flow->next = traffic->slot_first[slot];
    traffic->slot_first[slot] = index;
    traffic->slot_packets[slot]++;
}

static int64_t slot_start_ns(const struct weir_traffic *traffic, uint32_t slot)
{
    return (int64_t)((unsigned __int128)traffic->options.duration_ns * slot / traffic->slot_count);
}

static size_t read_realistic(struct weir_traffic *traffic, uint8_t *into, size_t capacity)
{
    size_t length = 0;
    while (traffic->slot < traffic->slot_count && capacity - length >= RECORD_OCTETS_MAX) {
        uint32_t index = traffic->slot_first[traffic->slot];
        if (index == NO_FLOW) {
            traffic->slot++;
            traffic->slot_sent = 0;
            traffic->slot_ns = slot_start_ns(traffic, traffic->slot);
            continue;
        }
        struct flow *flow = &traffic->flows[index];
        traffic->slot_first[traffic->slot] = flow->next;
        if (flow->next != NO_FLOW)
            __builtin_prefetch(&traffic->flows[flow->next], 1);
        int64_t width = traffic->options.duration_ns / traffic->slot_count;
        int64_t within = (int64_t)((unsigned __int128)width * traffic->slot_sent /
                                   traffic->slot_packets[traffic->slot]);
        struct frame frame;
        describe(traffic, index, flow, &frame);
        length += write_record(
            traffic, &frame, traffic->options.start_ns + traffic->slot_ns + within, into + length);
        traffic->slot_sent++;
        if (++flow->sent < flow->packets)
            await_next(traffic, index);
    }
    return length;
}

/*
 * Packet `sent` of a scan or flood. Multiplying by an odd number and mixing is a bijection of
 * 32 bits, so that no source address comes twice.
 */
static void describe_hard(struct weir_traffic *traffic, struct frame *frame)
{
    uint64_t random = next_random(traffic);
    uint32_t unique = (uint32_t)traffic->sent * 0x9e3779b1u;
    unique ^= unique >> 15;
    unique *= 0x85ebca77u;
    bool udp = random % 100 < 26, v6 = (random >> 8) % 100 < 20;
    *frame = (struct frame){
        .v6 = v6,
        .protocol = udp ? 17 : 6,
        .ttl = (uint8_t)(40 + (random >> 16 & 15)),
        .flags = TCP_SYN,
        .src_port = (uint16_t)(1024 + (random >> 20 & 0x7fff)),
        .dst_port = (uint16_t)(random >> 40),
        .ip_octets = (uint16_t)((udp ? 28 : 40) + (v6 ? 20 : 0)),
        .src = unique,
        .dst = 0xc6120000 | (uint32_t)(random >> 56),
        .sequence = (uint32_t)random,
    };
}

static size_t read_hard(struct weir_traffic *traffic, uint8_t *into, size_t capacity)
{
    size_t length = 0;
    while (traffic->sent < traffic->options.packets && capacity - length >= RECORD_OCTETS_MAX) {
        struct frame frame;
        describe_hard(traffic, &frame);
        int64_t at = (int64_t)((unsigned __int128)traffic->options.duration_ns * traffic->sent /
                               traffic->options.packets);
        length += write_record(traffic, &frame, traffic->options.start_ns + at, into + length);
        traffic->sent++;
    }
    return length;
}

size_t weir_traffic_read(struct weir_traffic *traffic, uint8_t *into, size_t capacity)
{
    size_t length = 0;
    if (!traffic->header_written) {
        length = write_file_header(traffic, into);
        traffic->header_written = true;
    }
    return length +
           (traffic->flows ? read_realistic : read_hard)(traffic, into + length, capacity - length);
}

/* Packets of the flow of a rank, where the largest has `largest`. */
static uint64_t zipf_packets(uint64_t largest, uint64_t rank)
{
    uint64_t packets = largest / (rank + 1);
    return packets > 0 ? packets : 1;
}

static uint64_t zipf_total(uint64_t largest, uint64_t flows)
{
    uint64_t total = 0;
    for (uint64_t rank = 0; rank < flows; rank++)
        total += zipf_packets(largest, rank);
    return total;
}

/* Gives every flow its packets, so that they are as many as asked for. Returns the most of one. */
static uint32_t give_packets(struct weir_traffic *traffic)
{
    uint64_t flows = traffic->options.flows, low = 1, high = traffic->options.packets;
    /* The largest `largest` whose total is not more than the packets. */
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        if (zipf_total(middle, flows) <= traffic->options.packets)
            low = middle;
        else
            high = middle - 1;
    }
    uint64_t left = traffic->options.packets - zipf_total(low, flows);
    for (uint64_t rank = 0; rank < flows; rank++) {
        uint64_t extra = left / flows + (rank < left % flows);
        traffic->flows[rank].packets = (uint32_t)(zipf_packets(low, rank) + extra);
    }
    return traffic->flows[0].packets;
}

/* Gives each conversation, the largest first, the kind that lacks most of its share so far. */
static void give_kinds(struct weir_traffic *traffic)
{
    int64_t got[KIND_COUNT] = {0}, total = 0;
    for (uint64_t rank = 0; rank < traffic->options.flows; rank += 2) {
        bool pair = rank + 1 < traffic->options.flows;
        int64_t packets = (int64_t)traffic->flows[rank].packets +
                          (pair ? (int64_t)traffic->flows[rank + 1].packets : 0);
        total += packets;
        int chosen = 0;
        int64_t chosen_lack = INT64_MIN;
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            int64_t lack = total * kinds[kind].share - got[kind] * 10000;
            if (lack > chosen_lack) {
                chosen = kind;
                chosen_lack = lack;
            }
        }
        got[chosen] += packets;
        traffic->flows[rank].kind = (uint8_t)chosen;
        if (pair)
            traffic->flows[rank + 1].kind = (uint8_t)chosen;
    }
}

/* Powers of two times 23 ms, up to 12 s; a row is one of sixteen alike. */
static const uint8_t gap_octaves[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8, 8, 8, 8, 8};

/* When each conversation begins and how far apart its packets are. */
static void give_times(struct weir_traffic *traffic)
{
    const uint64_t slots_q8 = (uint64_t)traffic->slot_count << 8;
    for (uint64_t rank = 0; rank < traffic->options.flows; rank++) {
        struct flow *flow = &traffic->flows[rank];
        /* Apart from what describe() draws, but the same for both directions. */
        uint64_t random = mix64(random_of(traffic, rank / 2) ^ UINT64_C(0x5bd1e995));
        uint64_t octave = gap_octaves[random % 16], mantissa = (random >> 8 & 0xff) + 256;
        uint64_t gap_ns = ((uint64_t)GAP_SHORTEST_NS << octave) * mantissa >> 8;
        uint64_t gap_q8 = (uint64_t)((unsigned __int128)gap_ns * slots_q8 /
                                     (uint64_t)traffic->options.duration_ns);
        /* All in nine tenths of the time. */
        uint64_t longest = slots_q8 / 10 * 9 / flow->packets;
        flow->gap_q8 = (uint32_t)(gap_q8 < longest ? gap_q8 : longest);
        uint64_t life = ((uint64_t)flow->gap_q8 * flow->packets >> 8) + 2;
        uint64_t room = traffic->slot_count > life ? traffic->slot_count - life : 1;
        flow->start = scale((uint32_t)(random >> 32), (uint32_t)room) + (uint32_t)(rank & 1);
        await_next(traffic, (uint32_t)rank);
    }
}

static int start_realistic(struct weir_traffic *traffic)
{
    traffic->flows = calloc(traffic->options.flows, sizeof(traffic->flows[0]));
    if (!traffic->flows)
        return WEIR_E_NOMEM;
    uint64_t slots = give_packets(traffic);
    if (slots < traffic->options.packets / PACKETS_IN_SLOT)
        slots = traffic->options.packets / PACKETS_IN_SLOT;
    traffic->slot_count = (uint32_t)(slots < SLOTS_MAX ? slots : SLOTS_MAX);
    traffic->slot_first = malloc(traffic->slot_count * sizeof(traffic->slot_first[0]));
    traffic->slot_packets = calloc(traffic->slot_count, sizeof(traffic->slot_packets[0]));
    if (!traffic->slot_first || !traffic->slot_packets)
        return WEIR_E_NOMEM;
    memset(traffic->slot_first, 0xff, traffic->slot_count * sizeof(traffic->slot_first[0]));
    give_kinds(traffic);
    give_times(traffic);
    return 0;
}

static int check_options(const struct weir_traffic_options *options, struct weir_diag *diag)
{
    if (options->packets == 0 || options->packets > WEIR_TRAFFIC_PACKETS_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "packets: 1 to %llu",
                             (unsigned long long)WEIR_TRAFFIC_PACKETS_MAX);
    if (options->mix == WEIR_TRAFFIC_REALISTIC &&
        (options->flows == 0 || options->flows > WEIR_TRAFFIC_FLOWS_MAX))
        return weir_diag_set(diag, WEIR_E_USAGE, "flows: 1 to %llu",
                             (unsigned long long)WEIR_TRAFFIC_FLOWS_MAX);
    if (options->mix == WEIR_TRAFFIC_REALISTIC && options->flows > options->packets)
        return weir_diag_set(diag, WEIR_E_USAGE, "more flows (%llu) than packets (%llu)",
                             (unsigned long long)options->flows,
                             (unsigned long long)options->packets);
    if (options->duration_ns < (int64_t)options->packets)
        return weir_diag_set(diag, WEIR_E_USAGE, "duration: less than a nanosecond a packet");
    /* The times of a pcap file are 32 bits of seconds. */
    if (options->start_ns < 0 ||
        options->start_ns > UINT32_MAX * WEIR_NS_PER_SECOND - options->duration_ns)
        return weir_diag_set(diag, WEIR_E_USAGE, "the time is not within 1970 to 2106");
    return 0;
}

int weir_traffic_new(const struct weir_traffic_options *options, struct weir_traffic **ret_traffic,
                     struct weir_diag *diag)
{
    int result = check_options(options, diag);
    if (result < 0)
        return result;
    struct weir_traffic *traffic = calloc(1, sizeof(*traffic));
    if (traffic) {
        traffic->options = *options;
        traffic->random = mix64(options->seed ^ UINT64_C(0x243f6a8885a308d3));
    }
    if (!traffic || (options->mix == WEIR_TRAFFIC_REALISTIC && start_realistic(traffic) < 0)) {
        weir_traffic_free(traffic);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for %llu flows",
                             (unsigned long long)options->flows);
    }
    *ret_traffic = traffic;
    return 0;
}

void weir_traffic_free(struct weir_traffic *traffic)
{
    if (!traffic)
        return;
    free(traffic->flows);
    free(traffic->slot_first);
    free(traffic->slot_packets);
    free(traffic);
}
