/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sFlow datagrams octet by octet: the header, samples, and the structures in them as tables of
 * their pieces. A structure is a row; of one without pieces the octets are shown.
 */
#include <inttypes.h>
#include <stdio.h>

#include "app/explain_private.h"
#include "wire/sflow.h"

#define STRUCTURE_OCTETS 8u /* format and length */
#define MAC_PADDING      2u
#define PIECES_MAX       20u

/* What the pieces of a structure are, in XDR. */
enum piece_kind {
    PIECE_END,
    PIECE_NUMBER,  /* 4 octets */
    PIECE_COUNTER, /* 8 octets */
    PIECE_MAC,     /* 6 octets and padding */
    PIECE_IPV4,
    PIECE_IPV6,
    PIECE_ADDRESS, /* of either family, behind its type */
    PIECE_OPAQUE,  /* behind its length, padded */
};

struct piece {
    const char *name; /* of numbers, and of the type or length before others */
    uint8_t kind;     /* enum piece_kind */
    uint16_t element; /* IANA's, of octets; addresses: of IPv4 */
    uint16_t element6;
};

#define NUMBER(name)               \
    {                              \
        (name), PIECE_NUMBER, 0, 0 \
    }
#define COUNTER(name)               \
    {                               \
        (name), PIECE_COUNTER, 0, 0 \
    }

static const struct structure {
    const char *name;
    uint32_t format;
    enum weir_sflow_kind kind; /* of the samples that it stands in */
    struct piece pieces[PIECES_MAX];
} structures[] = {
    {"raw packet header",
     WEIR_SFLOW_FORMAT(0, 1),
     WEIR_SFLOW_FLOW,
     {NUMBER("header protocol"),
      NUMBER("frame length"),
      NUMBER("octets stripped"),
      {"header length", PIECE_OPAQUE, 315, 0}}},
    {"Ethernet frame data",
     WEIR_SFLOW_FORMAT(0, 2),
     WEIR_SFLOW_FLOW,
     {NUMBER("length"), {"", PIECE_MAC, 56, 0}, {"", PIECE_MAC, 80, 0}, NUMBER("type")}},
    {"IPv4 data",
     WEIR_SFLOW_FORMAT(0, 3),
     WEIR_SFLOW_FLOW,
     {NUMBER("length"),
      NUMBER("protocol"),
      {"", PIECE_IPV4, 8, 0},
      {"", PIECE_IPV4, 12, 0},
      NUMBER("source port"),
      NUMBER("destination port"),
      NUMBER("TCP flags"),
      NUMBER("type of service")}},
    {"IPv6 data",
     WEIR_SFLOW_FORMAT(0, 4),
     WEIR_SFLOW_FLOW,
     {NUMBER("length"),
      NUMBER("protocol"),
      {"", PIECE_IPV6, 27, 0},
      {"", PIECE_IPV6, 28, 0},
      NUMBER("source port"),
      NUMBER("destination port"),
      NUMBER("TCP flags"),
      NUMBER("priority")}},
    {"extended switch data",
     WEIR_SFLOW_FORMAT(0, 1001),
     WEIR_SFLOW_FLOW,
     {NUMBER("source VLAN"), NUMBER("source priority"), NUMBER("destination VLAN"),
      NUMBER("destination priority")}},
    {"extended router data",
     WEIR_SFLOW_FORMAT(0, 1002),
     WEIR_SFLOW_FLOW,
     {{"next hop type", PIECE_ADDRESS, 15, 62},
      NUMBER("source mask length"),
      NUMBER("destination mask length")}},
    {"extended gateway data", WEIR_SFLOW_FORMAT(0, 1003), WEIR_SFLOW_FLOW, {{0}}},
    {"extended user data", WEIR_SFLOW_FORMAT(0, 1004), WEIR_SFLOW_FLOW, {{0}}},
    {"extended URL data", WEIR_SFLOW_FORMAT(0, 1005), WEIR_SFLOW_FLOW, {{0}}},
    {"extended MPLS data", WEIR_SFLOW_FORMAT(0, 1006), WEIR_SFLOW_FLOW, {{0}}},
    {"extended NAT data", WEIR_SFLOW_FORMAT(0, 1007), WEIR_SFLOW_FLOW, {{0}}},
    {"MPLS tunnel", WEIR_SFLOW_FORMAT(0, 1008), WEIR_SFLOW_FLOW, {{0}}},
    {"MPLS VC", WEIR_SFLOW_FORMAT(0, 1009), WEIR_SFLOW_FLOW, {{0}}},
    {"MPLS FTN", WEIR_SFLOW_FORMAT(0, 1010), WEIR_SFLOW_FLOW, {{0}}},
    {"MPLS LDP FEC", WEIR_SFLOW_FORMAT(0, 1011), WEIR_SFLOW_FLOW, {NUMBER("prefix length")}},
    {"stripped VLAN tags", WEIR_SFLOW_FORMAT(0, 1012), WEIR_SFLOW_FLOW, {{0}}},
    {"802.11 reception", WEIR_SFLOW_FORMAT(0, 1014), WEIR_SFLOW_FLOW, {{0}}},
    {"802.11 transmission", WEIR_SFLOW_FORMAT(0, 1015), WEIR_SFLOW_FLOW, {{0}}},
    {"extended NAT ports", WEIR_SFLOW_FORMAT(0, 1020), WEIR_SFLOW_FLOW, {{0}}},
    {"Ethernet tunnel, egress",
     WEIR_SFLOW_FORMAT(0, 1021),
     WEIR_SFLOW_FLOW,
     {NUMBER("length"), {"", PIECE_MAC, 56, 0}, {"", PIECE_MAC, 80, 0}, NUMBER("type")}},
    {"Ethernet tunnel, ingress",
     WEIR_SFLOW_FORMAT(0, 1022),
     WEIR_SFLOW_FLOW,
     {NUMBER("length"), {"", PIECE_MAC, 56, 0}, {"", PIECE_MAC, 80, 0}, NUMBER("type")}},
    {"IPv4 tunnel, egress",
     WEIR_SFLOW_FORMAT(0, 1023),
     WEIR_SFLOW_FLOW,
     {NUMBER("length"),
      NUMBER("protocol"),
      {"", PIECE_IPV4, 8, 0},
      {"", PIECE_IPV4, 12, 0},
      NUMBER("source port"),
      NUMBER("destination port"),
      NUMBER("TCP flags"),
      NUMBER("type of service")}},
    {"IPv4 tunnel, ingress",
     WEIR_SFLOW_FORMAT(0, 1024),
     WEIR_SFLOW_FLOW,
     {NUMBER("length"),
      NUMBER("protocol"),
      {"", PIECE_IPV4, 8, 0},
      {"", PIECE_IPV4, 12, 0},
      NUMBER("source port"),
      NUMBER("destination port"),
      NUMBER("TCP flags"),
      NUMBER("type of service")}},
    {"IPv6 tunnel, egress",
     WEIR_SFLOW_FORMAT(0, 1025),
     WEIR_SFLOW_FLOW,
     {NUMBER("length"),
      NUMBER("protocol"),
      {"", PIECE_IPV6, 27, 0},
      {"", PIECE_IPV6, 28, 0},
      NUMBER("source port"),
      NUMBER("destination port"),
      NUMBER("TCP flags"),
      NUMBER("priority")}},
    {"IPv6 tunnel, ingress",
     WEIR_SFLOW_FORMAT(0, 1026),
     WEIR_SFLOW_FLOW,
     {NUMBER("length"),
      NUMBER("protocol"),
      {"", PIECE_IPV6, 27, 0},
      {"", PIECE_IPV6, 28, 0},
      NUMBER("source port"),
      NUMBER("destination port"),
      NUMBER("TCP flags"),
      NUMBER("priority")}},
    {"decapsulation, egress",
     WEIR_SFLOW_FORMAT(0, 1027),
     WEIR_SFLOW_FLOW,
     {NUMBER("inner header offset")}},
    {"decapsulation, ingress",
     WEIR_SFLOW_FORMAT(0, 1028),
     WEIR_SFLOW_FLOW,
     {NUMBER("inner header offset")}},
    {"VNI, egress", WEIR_SFLOW_FORMAT(0, 1029), WEIR_SFLOW_FLOW, {NUMBER("VNI")}},
    {"VNI", WEIR_SFLOW_FORMAT(0, 1030), WEIR_SFLOW_FLOW, {{0}}},
    {"generic interface counters",
     WEIR_SFLOW_FORMAT(0, 1),
     WEIR_SFLOW_COUNTERS,
     {NUMBER("ifIndex"), NUMBER("ifType"), COUNTER("ifSpeed"), NUMBER("ifDirection"),
      NUMBER("ifStatus"), COUNTER("ifInOctets"), NUMBER("ifInUcastPkts"),
      NUMBER("ifInMulticastPkts"), NUMBER("ifInBroadcastPkts"), NUMBER("ifInDiscards"),
      NUMBER("ifInErrors"), NUMBER("ifInUnknownProtos"), COUNTER("ifOutOctets"),
      NUMBER("ifOutUcastPkts"), NUMBER("ifOutMulticastPkts"), NUMBER("ifOutBroadcastPkts"),
      NUMBER("ifOutDiscards"), NUMBER("ifOutErrors"), NUMBER("ifPromiscuousMode")}},
    {"Ethernet interface counters",
     WEIR_SFLOW_FORMAT(0, 2),
     WEIR_SFLOW_COUNTERS,
     {NUMBER("dot3StatsAlignmentErrors"), NUMBER("dot3StatsFCSErrors"),
      NUMBER("dot3StatsSingleCollisionFrames"), NUMBER("dot3StatsMultipleCollisionFrames"),
      NUMBER("dot3StatsSQETestErrors"), NUMBER("dot3StatsDeferredTransmissions"),
      NUMBER("dot3StatsLateCollisions"), NUMBER("dot3StatsExcessiveCollisions"),
      NUMBER("dot3StatsInternalMacTransmitErrors"), NUMBER("dot3StatsCarrierSenseErrors"),
      NUMBER("dot3StatsFrameTooLongs"), NUMBER("dot3StatsInternalMacReceiveErrors"),
      NUMBER("dot3StatsSymbolErrors")}},
    {"token ring counters", WEIR_SFLOW_FORMAT(0, 3), WEIR_SFLOW_COUNTERS, {{0}}},
    {"100VG-AnyLAN counters", WEIR_SFLOW_FORMAT(0, 4), WEIR_SFLOW_COUNTERS, {{0}}},
    {"VLAN counters",
     WEIR_SFLOW_FORMAT(0, 5),
     WEIR_SFLOW_COUNTERS,
     {NUMBER("VLAN"), COUNTER("octets"), NUMBER("unicast packets"), NUMBER("multicast packets"),
      NUMBER("broadcast packets"), NUMBER("discards")}},
    {"802.11 counters", WEIR_SFLOW_FORMAT(0, 6), WEIR_SFLOW_COUNTERS, {{0}}},
    {"processor information",
     WEIR_SFLOW_FORMAT(0, 1001),
     WEIR_SFLOW_COUNTERS,
     {NUMBER("load in 5 s"), NUMBER("load in 1 min"), NUMBER("load in 5 min"), COUNTER("memory"),
      COUNTER("free memory")}},
};

/* What stands before the records of the four forms of samples. */
static const struct {
    uint32_t format;
    const char *name;
    const char *numbers[12]; /* up to a NULL */
} samples[] = {
    {WEIR_SFLOW_FORMAT(0, 1),
     "flow sample",
     {"sequence", "source id", "sampling rate", "sample pool", "drops", "input", "output",
      "records"}},
    {WEIR_SFLOW_FORMAT(0, 2), "counter sample", {"sequence", "source id", "records"}},
    {WEIR_SFLOW_FORMAT(0, 3),
     "expanded flow sample",
     {"sequence", "source id type", "source id", "sampling rate", "sample pool", "drops",
      "input form", "input", "output form", "output", "records"}},
    {WEIR_SFLOW_FORMAT(0, 4),
     "expanded counter sample",
     {"sequence", "source id type", "source id", "records"}},
};

/* A number of the structure that `reader` is in. Nothing where its octets lack. */
static uint64_t take_number(const struct weir_explain_walk *walk, unsigned depth, const char *name,
                            unsigned width, struct weir_reader *reader)
{
    size_t at = weir_reader_offset(reader);
    if (weir_reader_remaining(reader) < width) {
        reader->failed = true;
        return 0;
    }
    struct weir_explain_item item =
        weir_explain_item_of(walk, WEIR_EXPLAIN_HEADER, depth, at, at + width);
    item.name = name;
    item.number = weir_read_uint(reader, width);
    weir_explain_show(walk, &item);
    return item.number;
}

/* Octets that are a value of an element. */
static void take_value(struct weir_explain_walk *walk, unsigned depth, uint16_t element,
                       size_t length, struct weir_reader *reader)
{
    const struct weir_field field = {.id = element, .length = (uint16_t)length};
    const struct weir_value value = {&field, weir_read_octets(reader, length), length};
    if (value.octets && length > 0)
        weir_explain_value_at(walk, depth, &value, false);
}

static void take_padding(const struct weir_explain_walk *walk, unsigned depth, size_t length,
                         struct weir_reader *reader)
{
    size_t at = weir_reader_offset(reader);
    if (length > weir_reader_remaining(reader))
        length = weir_reader_remaining(reader);
    weir_read_skip(reader, length);
    weir_explain_rest(walk, WEIR_EXPLAIN_PADDING, depth, at, at + length, "padding");
}

/* An address behind its type. One that is not known has no length that could be known. */
static void take_address(struct weir_explain_walk *walk, unsigned depth, const struct piece *piece,
                         struct weir_reader *reader)
{
    uint64_t type = take_number(walk, depth, piece->name, 4, reader);
    if (type == 1)
        take_value(walk, depth, piece->element, 4, reader);
    else if (type == 2)
        take_value(walk, depth, piece->element6, 16, reader);
    else if (type != 0)
        reader->failed = true;
}

static void take_piece(struct weir_explain_walk *walk, unsigned depth, const struct piece *piece,
                       struct weir_reader *reader)
{
    uint64_t length;
    switch ((enum piece_kind)piece->kind) {
    case PIECE_END:
        break;
    case PIECE_NUMBER:
        take_number(walk, depth, piece->name, 4, reader);
        break;
    case PIECE_COUNTER:
        take_number(walk, depth, piece->name, 8, reader);
        break;
    case PIECE_MAC:
        take_value(walk, depth, piece->element, 6, reader);
        take_padding(walk, depth, MAC_PADDING, reader);
        break;
    case PIECE_IPV4:
        take_value(walk, depth, piece->element, 4, reader);
        break;
    case PIECE_IPV6:
        take_value(walk, depth, piece->element, 16, reader);
        break;
    case PIECE_ADDRESS:
        take_address(walk, depth, piece, reader);
        break;
    case PIECE_OPAQUE:
        length = take_number(walk, depth, piece->name, 4, reader);
        take_value(walk, depth, piece->element, length, reader);
        take_padding(walk, depth, (0 - length) % 4, reader);
        break;
    }
}

/* A record of a sample, which begins at `at`; `reader` stands at its end. */
static void explain_structure(struct weir_explain_walk *walk, enum weir_sflow_kind kind, size_t at,
                              size_t end, const struct weir_sflow_record *record)
{
    const struct structure *known = NULL;
    struct weir_explain_item item = weir_explain_item_of(walk, WEIR_EXPLAIN_STRUCTURE, 2, at, end);
    struct weir_reader head = weir_reader_make(item.octets, item.length);
    struct weir_reader body = record->body;
    for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++)
        if (structures[i].format == record->format && structures[i].kind == kind)
            known = &structures[i];
    item.name = known ? known->name : "a structure that is not known";
    item.number = record->format;
    weir_explain_show(walk, &item);
    head.offset = at;
    take_number(walk, 3, "format", 4, &head);
    take_number(walk, 3, "length", 4, &head);
    for (unsigned i = 0; known && i < PIECES_MAX && known->pieces[i].kind != PIECE_END; i++) {
        take_piece(walk, 3, &known->pieces[i], &body);
        if (weir_reader_failed(&body))
            break;
    }
    size_t rest = weir_reader_offset(&body), body_end = rest + body.remaining;
    if (known && weir_reader_failed(&body))
        weir_explain_suspect(walk, 3, rest, "the structure ends before it is complete");
    weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 3, rest, body_end,
                      known && known->pieces[0].kind ? "more than is known of it" : "its octets");
    weir_explain_rest(walk, WEIR_EXPLAIN_PADDING, 3, body_end, end, "padding");
}

/* Format, length and what stands before the records; returns where they begin. */
static size_t explain_sample_header(const struct weir_explain_walk *walk,
                                    const struct weir_set *set, size_t at, size_t end)
{
    struct weir_reader reader = weir_reader_make(walk->origin->datagram->octets + at, end - at);
    reader.offset = at;
    take_number(walk, 2, "format", 4, &reader);
    take_number(walk, 2, "length", 4, &reader);
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        for (const char *const *name = samples[i].numbers;
             samples[i].format == set->format && *name && !weir_reader_failed(&reader); name++)
            take_number(walk, 2, *name, 4, &reader);
    return weir_reader_offset(&reader);
}

const char *weir_explain_sample_name(const struct weir_set *set)
{
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        if (samples[i].format == set->format)
            return samples[i].name;
    return "a sample of a format that is not known";
}

void weir_explain_sample(struct weir_explain_walk *walk, const struct weir_set *set, size_t start,
                         size_t end)
{
    struct weir_explain_counters *counters = &walk->explainer->counters;
    struct weir_sflow_sample sample;
    struct weir_diag diag = {0};
    size_t at = explain_sample_header(walk, set, start, end);
    int result = weir_sflow_sample_open(set, &sample, &diag);
    if (result == WEIR_E_UNSUPPORTED) {
        counters->samples_unread++;
        weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 2, at, end, "its octets");
        return;
    }
    if (result == 0)
        *(sample.kind == WEIR_SFLOW_FLOW ? &counters->records_explained
                                         : &counters->counter_records_explained) += 1;
    while (result == 0) {
        struct weir_sflow_record record;
        at = weir_reader_offset(&sample.body);
        result = weir_sflow_record_next(&sample, &record, &diag);
        if (result == 0)
            explain_structure(walk, sample.kind, at, weir_reader_offset(&sample.body), &record);
    }
    if (result == WEIR_E_END) {
        weir_explain_rest(walk, WEIR_EXPLAIN_PADDING, 2, at, end, "after the records");
        return;
    }
    weir_explain_broken(walk, 2, &diag, walk->rules->record);
    weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 2, at, end, "nothing after that can be read");
}

size_t weir_explain_sflow_header(struct weir_explain_walk *walk, size_t length)
{
    static const char *const numbers[] = {"sub-agent", "sequence", "sysUpTime", "samples"};
    static const struct piece agent = {"agent address type", PIECE_ADDRESS, 130, 131};
    struct weir_reader reader = weir_reader_make(walk->origin->datagram->octets, length);
    take_number(walk, 1, "version", 4, &reader);
    if (!weir_reader_failed(&reader))
        take_address(walk, 1, &agent, &reader);
    for (size_t i = 0; i < 4 && !weir_reader_failed(&reader); i++)
        take_number(walk, 1, numbers[i], 4, &reader);
    return weir_reader_offset(&reader);
}
