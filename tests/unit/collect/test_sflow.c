/* SPDX-License-Identifier: Apache-2.0 */
/* What a collector makes of sFlow: columns, lines by Information Element, counters, loss. */
#include "support/cmocka.h"
#include "support/sflow_builder.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "collect/collector.h"
#include "record/json.h"
#include "wire/sflow.h"

#define TAKEN_MAX   1024u
#define RECEIVED_NS (INT64_C(1700000000) * WEIR_NS_PER_SECOND + 123456789)
#define SOURCE      0xc000024du /* 192.0.2.77, of the datagram; its agent is 192.0.2.9 */

struct line {
    enum weir_record_kind kind;
    struct weir_segment segment;
    char text[4096];
};

struct row {
    weir_column_set columns;
    int64_t start_ns, end_ns;
    uint8_t icmp_type;
    uint64_t bytes;
};

struct fixture {
    struct sflow_builder b;
    struct weir_collector *collector;
    struct line line[TAKEN_MAX];
    unsigned lines;
    struct row row[TAKEN_MAX];
    unsigned rows;
};

static int take_line(void *context, const struct weir_collected_record *record,
                     struct weir_diag *diag)
{
    struct fixture *f = context;
    struct weir_text_buffer text;
    size_t consumed;
    assert_true(f->lines < TAKEN_MAX);
    struct line *line = &f->line[f->lines++];
    line->kind = record->kind;
    line->segment = record->origin->segment;
    weir_text_init(&text, sizeof(line->text) - 1);
    assert_int_equal(weir_record_print_json(record->plan, record->octets, record->length,
                                            record->origin, &text, &consumed, diag),
                     0);
    assert_int_equal(consumed, record->length);
    assert_int_equal(weir_text_error(&text), 0);
    memcpy(line->text, text.data, text.length);
    line->text[text.length] = 0;
    weir_text_done(&text);
    return 0;
}

static int take_rows(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct fixture *f = context;
    (void)diag;
    for (uint32_t s = 0; s < batch->segment_count; s++) {
        const struct weir_segment *segment = &batch->segments[s];
        for (uint32_t i = segment->first_row; i < segment->first_row + segment->row_count; i++) {
            assert_true(f->rows < TAKEN_MAX);
            struct row *row = &f->row[f->rows++];
            row->columns = segment->columns;
            if (segment->columns & WEIR_COLUMN_BIT(START)) {
                row->start_ns = weir_batch_time(batch, WEIR_COLUMN_START)[i];
                row->end_ns = weir_batch_time(batch, WEIR_COLUMN_END)[i];
            }
            if (segment->columns & WEIR_COLUMN_BIT(ICMP_TYPE))
                row->icmp_type = weir_batch_u8(batch, WEIR_COLUMN_ICMP_TYPE)[i];
            if (segment->columns & WEIR_COLUMN_BIT(BYTES))
                row->bytes = weir_batch_u64(batch, WEIR_COLUMN_BYTES)[i];
        }
    }
    return 0;
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    (void)context;
    (void)now_ns;
    (void)diag;
    return 0;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    struct weir_collector_config config = weir_collector_defaults();
    struct weir_record_sink records = {.record = take_line, .flush = flush, .context = f};
    struct weir_batch_sink batches = {take_rows, flush, f};
    weir_hash_key_seed(&config.hash_key, 1);
    assert_int_equal(weir_collector_new(&config, &f->collector), 0);
    assert_int_equal(weir_collector_add_record_sink(f->collector, &records), 0);
    assert_int_equal(weir_collector_add_batch_sink(f->collector, &batches), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    weir_collector_free(f->collector);
    free(f);
    return 0;
}

static void receive(struct fixture *f, const uint8_t *octets, size_t length)
{
    struct weir_datagram datagram = {
        .octets = octets,
        .length = length,
        .source = weir_address_from_v4(SOURCE),
        .received_ns = RECEIVED_NS,
    };
    struct weir_diag diag = {0};
    assert_int_equal(weir_collector_receive(f->collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
    assert_int_equal(weir_collector_flush(f->collector, 0, &diag), 0);
}

static struct weir_collect_counters receive_built(struct fixture *f)
{
    receive(f, f->b.octets, weir_writer_offset(&f->b.writer));
    return weir_collector_count(f->collector);
}

static void expect(const struct line *line, const char *member)
{
    if (!strstr(line->text, member))
        print_error("no %s in %s\n", member, line->text);
    assert_non_null(strstr(line->text, member));
}

static void expect_not(const struct line *line, const char *member)
{
    if (strstr(line->text, member))
        print_error("%s in %s\n", member, line->text);
    assert_null(strstr(line->text, member));
}

static void a_sampled_frame_is_a_flow(void **state)
{
    struct fixture *f = *state;
    sflow_datagram(&f->b, 7, 41);
    size_t sample = sflow_flow(&f->b, false);
    sflow_header(&f->b, 1, 68, 4, sflow_tcp_frame, sizeof(sflow_tcp_frame));
    sflow_end(&f->b, sample);
    struct weir_collect_counters counters = receive_built(f);
    assert_int_equal(counters.records, 1);
    assert_int_equal(counters.messages_malformed, 0);
    assert_int_equal(counters.structures_skipped + counters.headers_unparsed, 0);
    assert_int_equal(f->lines, 1);
    const struct line *line = &f->line[0];
    assert_int_equal(line->kind, WEIR_RECORD_FLOW);
    assert_int_equal(line->segment.protocol_version, 105);
    assert_int_equal(line->segment.domain, 7);
    assert_int_equal(line->segment.template_id, WEIR_SFLOW_FLOW_TEMPLATE);
    assert_true(weir_address_equal(line->segment.exporter, weir_address_from_v4(SFLOW_AGENT)));
    static const char *const members[] = {
        "\"sourceIPv4Address\":\"198.51.100.7\"",
        "\"destinationIPv4Address\":\"203.0.113.8\"",
        "\"sourceTransportPort\":443,",
        "\"destinationTransportPort\":50000,",
        "\"protocolIdentifier\":6,",
        "\"ipClassOfService\":40,",
        "\"tcpControlBits\":18,",
        "\"minimumTTL\":61,",
        "\"packetDeltaCount\":1,",
        "\"octetDeltaCount\":40,", /* neither the frame's 64, nor its padding */
        "\"samplingInterval\":512,",
        "\"selectorIdTotalPktsObserved\":5120,",
        "\"ignoredPacketTotalCount\":3,",
        "\"observationPointId\":17,",
        "\"ingressInterface\":17,",
        "\"egressInterface\":18,",
        "\"flowDirection\":0,",
        "\"vlanId\":42,",
        "\"ethernetType\":2048,",
        "\"sourceMacAddress\":\"02:00:00:00:00:01\"",
        "\"destinationMacAddress\":\"02:00:00:00:00:02\"",
    };
    for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        expect(line, members[i]);
    /* What the sample does not say is none, and not zero. */
    expect_not(line, "IPv6");
    expect_not(line, "bgp");
    expect_not(line, "PrefixLength");
    expect_not(line, "NextHop");
    expect_not(line, "dataLinkFrameSize");
    assert_int_equal(f->rows, 1);
    assert_true(f->row[0].start_ns == RECEIVED_NS && f->row[0].end_ns == RECEIVED_NS);
    assert_false(f->row[0].columns & (WEIR_COLUMN_BIT(SRC_AS) | WEIR_COLUMN_BIT(NEXT_HOP)));
}

static void ipv6_and_what_is_no_ip(void **state)
{
    struct fixture *f = *state;
    static const uint8_t arp[42] = {[12] = 0x08, [13] = 0x06};
    sflow_datagram(&f->b, 7, 41);
    size_t sample = sflow_flow(&f->b, true);
    sflow_header(&f->b, 12, 140, 0, sflow_udp6_packet, sizeof(sflow_udp6_packet));
    sflow_end(&f->b, sample);
    sample = sflow_flow(&f->b, true);
    sflow_header(&f->b, 1, 64, 4, arp, sizeof(arp));
    sflow_end(&f->b, sample);
    sample = sflow_flow(&f->b, true);
    sflow_header(&f->b, 6, 70000, 4, arp, sizeof(arp)); /* X.25 */
    sflow_end(&f->b, sample);
    struct weir_collect_counters counters = receive_built(f);
    assert_int_equal(counters.records, 3);
    assert_int_equal(counters.headers_unparsed, 2);
    expect(&f->line[0], "\"sourceIPv6Address\":\"2001:db8::1\"");
    expect(&f->line[0], "\"octetDeltaCount\":140,");
    expect(&f->line[0], "\"flowLabelIPv6\":4660,");
    expect(&f->line[0], "\"sourceTransportPort\":53,");
    expect_not(&f->line[0], "IPv4");
    expect_not(&f->line[0], "MacAddress");
    expect(&f->line[1], "\"ethernetType\":2054,");
    expect(&f->line[1], "\"dataLinkFrameSize\":64");
    expect_not(&f->line[1], "octetDeltaCount");
    expect(&f->line[2], "\"dataLinkFrameSize\":65535");
    assert_false(f->row[1].columns & WEIR_COLUMN_BIT(BYTES));
}

/* The headers of serial lines and of MPLS that agents send as they are. */
static void headers_of_other_links(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint8_t protocol, length;
        uint8_t octets[8];
    } links[] = {
        {7, 2, {0, 0x57}},                             /* PPP */
        {13, 4, {0, 1, 1, 0x40}},                      /* MPLS */
        {14, 4, {0xff, 3, 0, 0x57}},                   /* POS */
        {14, 8, {0x0f, 0, 0x88, 0x47, 0, 1, 1, 0x40}}, /* POS with Cisco HDLC and MPLS */
    };
    enum { LINKS = sizeof(links) / sizeof(links[0]) };
    sflow_datagram(&f->b, 7, 41);
    for (unsigned i = 0; i < LINKS; i++) {
        uint8_t header[8 + sizeof(sflow_udp6_packet)];
        memcpy(header, links[i].octets, links[i].length);
        memcpy(header + links[i].length, sflow_udp6_packet, sizeof(sflow_udp6_packet));
        size_t sample = sflow_flow(&f->b, true);
        sflow_header(&f->b, links[i].protocol, 140u + links[i].length, 0, header,
                     links[i].length + sizeof(sflow_udp6_packet));
        sflow_end(&f->b, sample);
    }
    struct weir_collect_counters counters = receive_built(f);
    assert_int_equal(counters.records, LINKS);
    assert_int_equal(counters.headers_unparsed, 0);
    for (unsigned i = 0; i < LINKS; i++) {
        expect(&f->line[i], "\"sourceIPv6Address\":\"2001:db8::1\"");
        expect(&f->line[i], "\"octetDeltaCount\":140,");
        expect_not(&f->line[i], "MacAddress");
    }
}

/* As agents say it that do not keep headers; a header knows better, whichever comes first. */
static void fields_without_a_header(void **state)
{
    struct fixture *f = *state;
    sflow_datagram(&f->b, 7, 41);
    for (unsigned way = 0; way < 3; way++) {
        size_t sample = sflow_flow(&f->b, false);
        if (way == 2)
            sflow_header(&f->b, 1, 68, 4, sflow_tcp_frame, sizeof(sflow_tcp_frame));
        size_t record = sflow_record(&f->b, 2);
        sflow_u32s(&f->b, 6, 100u, 0x02aa0000u, 0x00010000u, 0x02bb0000u, 0x00020000u, 0x800u);
        sflow_end(&f->b, record);
        record = sflow_record(&f->b, 3);
        sflow_u32s(&f->b, 8, 82u, 17u, 0x0a000001u, 0x0a000002u, 5353u, 5354u, 0u, 8u);
        sflow_end(&f->b, record);
        if (way == 1)
            sflow_header(&f->b, 1, 68, 4, sflow_tcp_frame, sizeof(sflow_tcp_frame));
        sflow_end(&f->b, sample);
    }
    size_t sample = sflow_flow(&f->b, false);
    size_t record = sflow_record(&f->b, 4);
    sflow_u32s(&f->b, 14, 90u, 17u, 0x20010db8u, 0u, 0u, 1u, 0x20010db8u, 0u, 0u, 2u, 53u, 54u, 0u,
               4u);
    sflow_end(&f->b, record);
    sflow_end(&f->b, sample);
    assert_int_equal(receive_built(f).records, 4);
    expect(&f->line[0], "\"sourceIPv4Address\":\"10.0.0.1\"");
    expect(&f->line[0], "\"octetDeltaCount\":82,");
    expect(&f->line[0], "\"destinationTransportPort\":5354");
    expect(&f->line[0], "\"sourceMacAddress\":\"02:aa:00:00:00:01\"");
    expect_not(&f->line[0], "TTL");
    for (unsigned i = 1; i < 3; i++) {
        expect(&f->line[i], "\"sourceIPv4Address\":\"198.51.100.7\"");
        expect(&f->line[i], "\"octetDeltaCount\":40,");
        expect(&f->line[i], "\"sourceMacAddress\":\"02:00:00:00:00:01\"");
    }
    expect(&f->line[3], "\"destinationIPv6Address\":\"2001:db8::2\"");
    expect(&f->line[3], "\"octetDeltaCount\":90,");
}

static void build_extended(struct sflow_builder *b)
{
    size_t record = sflow_record(b, 1001);
    sflow_u32s(b, 4, 100u, 5u, 200u, 6u);
    sflow_end(b, record);
    record = sflow_record(b, 1002);
    sflow_u32s(b, 4, 1u, 0x0a0000feu, 24u, 16u);
    sflow_end(b, record);
    record = sflow_record(b, 1003);
    sflow_u32s(b, 5, 1u, 0x0a0000fdu, 64500u, 64501u, 64502u);
    sflow_u32s(b, 7, 2u, 2u, 2u, 64503u, 64504u, 1u, 1u);
    sflow_u32s(b, 1, 64505u);
    sflow_u32s(b, 4, 2u, 64500u << 16 | 1, 64500u << 16 | 2, 120u);
    sflow_end(b, record);
    record = sflow_record(b, 1004);
    sflow_u32s(b, 2, 106u, 5u);
    weir_write_octets(&b->writer, "alice\0\0", 8);
    sflow_u32s(b, 2, 106u, 0u);
    sflow_end(b, record);
    record = sflow_record(b, 1006);
    sflow_u32s(b, 2, 1u, 0x0a0000fcu);
    sflow_u32s(b, 4, 2u, 0x0001a0ffu, 0x0002b1ffu, 0u);
    sflow_end(b, record);
    record = sflow_record(b, 1007);
    sflow_u32s(b, 4, 1u, 0xc6336401u, 1u, 0xcb007108u);
    sflow_end(b, record);
    record = sflow_record(b, 1020);
    sflow_u32s(b, 2, 1024u, 443u);
    sflow_end(b, record);
    record = sflow_record(b, 1030);
    sflow_u32s(b, 1, 5001u);
    sflow_end(b, record);
}

static void put_text(struct sflow_builder *b, const char *text)
{
    size_t length = strlen(text);
    sflow_u32s(b, 1, (unsigned)length);
    weir_write_octets(&b->writer, text, length);
    weir_write_zeros(&b->writer, (0u - length) % 4);
}

/* A header of a tunnel: IPv4 or IPv6, UDP 5000 to 4789, ToS 184. */
static void put_tunnel(struct sflow_builder *b, unsigned format, bool is_v6, unsigned last)
{
    size_t record = sflow_record(b, format);
    sflow_u32s(b, 2, 150u, 17u);
    if (is_v6)
        sflow_u32s(b, 8, 0x20010db8u, 0u, 0u, last, 0x20010db8u, 0u, 1u, last);
    else
        sflow_u32s(b, 2, 0xc0000200u | last, 0xc6336400u | last);
    sflow_u32s(b, 4, 5000u, 4789u, 0u, 184u);
    sflow_end(b, record);
}

static void build_tunnels(struct sflow_builder *b)
{
    size_t record = sflow_record(b, 1005);
    sflow_u32s(b, 1, 1u);
    put_text(b, "GET /weir HTTP/1.1");
    put_text(b, "example.net");
    sflow_end(b, record);
    record = sflow_record(b, 1008);
    put_text(b, "lsp-a");
    sflow_u32s(b, 2, 12u, 3u);
    sflow_end(b, record);
    record = sflow_record(b, 1009);
    put_text(b, "vc-b");
    sflow_u32s(b, 2, 77u, 5u);
    sflow_end(b, record);
    record = sflow_record(b, 1010);
    put_text(b, "ftn-c");
    sflow_u32s(b, 1, 9u);
    sflow_end(b, record);
    record = sflow_record(b, 1011);
    sflow_u32s(b, 1, 24u);
    sflow_end(b, record);
    record = sflow_record(b, 1012);
    sflow_u32s(b, 3, 2u, 0x88a80064u, 0x810000c8u);
    sflow_end(b, record);
    record = sflow_record(b, 1014);
    put_text(b, "cafe");
    sflow_u32s(b, 8, 0x02000000u, 0x00aa0000u, 4u, 11u, 0u, 54000000u, 1u, 200u);
    sflow_u32s(b, 1, 300u);
    sflow_end(b, record);
    record = sflow_record(b, 1022);
    sflow_u32s(b, 6, 150u, 0x02000000u, 0x00010000u, 0x02000000u, 0x00020000u, 0x0800u);
    sflow_end(b, record);
    put_tunnel(b, 1024, false, 7);
    put_tunnel(b, 1025, true, 9);
    record = sflow_record(b, 1027);
    sflow_u32s(b, 1, 54u);
    sflow_end(b, record);
    record = sflow_record(b, 1028);
    sflow_u32s(b, 1, 50u);
    sflow_end(b, record);
    record = sflow_record(b, 1029);
    sflow_u32s(b, 1, 5002u);
    sflow_end(b, record);
}

static void tunnels_urls_and_radio(void **state)
{
    static const char *const members[] = {
        "\"httpRequestMethod\":\"GET\",\"httpRequestTarget\":\"/weir\","
        "\"httpRequestHost\":\"example.net\"",
        "\"mplsTunnelName\":\"lsp-a\",\"mplsTunnelId\":12,\"mplsTunnelClassOfService\":3",
        "\"mplsVcInstanceName\":\"vc-b\",\"pseudoWireId\":77,\"mplsVcClassOfService\":5",
        "\"mplsFTNDescr\":\"ftn-c\",\"mplsFTNMask\":9",
        "\"mplsTopLabelPrefixLength\":24",
        "\"strippedVlanTags\":\"0x88a80064810000c8\"",
        "\"wlanSSID\":\"cafe\",\"wtpMacAddress\":\"02:00:00:00:00:aa\",\"wlanChannelId\":11,"
        "\"wlanSpeed\":54000000",
        "\"tunnelIngressSourceMacAddress\":\"02:00:00:00:00:01\","
        "\"tunnelIngressDestinationMacAddress\":\"02:00:00:00:00:02\"",
        "\"tunnelIngressSourceIPv4Address\":\"192.0.2.7\","
        "\"tunnelIngressDestinationIPv4Address\":\"198.51.100.7\"",
        "\"tunnelIngressProtocolIdentifier\":17,\"tunnelIngressIpClassOfService\":184,"
        "\"tunnelIngressSourceTransportPort\":5000,\"tunnelIngressDestinationTransportPort\":4789",
        "\"tunnelEgressSourceIPv6Address\":\"2001:db8::9\","
        "\"tunnelEgressDestinationIPv6Address\":\"2001:db8::1:0:9\"",
        "\"tunnelEgressProtocolIdentifier\":17,",
        "\"egressInnerHeaderOffset\":54",
        "\"ingressInnerHeaderOffset\":50",
        "\"egressLayer2SegmentId\":5002",
    };
    struct fixture *f = *state;
    sflow_datagram(&f->b, 7, 41);
    size_t sample = sflow_flow(&f->b, false);
    sflow_header(&f->b, 1, 68, 4, sflow_tcp_frame, sizeof(sflow_tcp_frame));
    build_tunnels(&f->b);
    sflow_end(&f->b, sample);
    struct weir_collect_counters counters = receive_built(f);
    assert_int_equal(counters.messages_malformed, 0);
    assert_int_equal(counters.structures_skipped, 0);
    assert_int_equal(counters.records, 1);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        expect(&f->line[0], members[i]);
    /* The flow's own addresses are those of its header. */
    expect(&f->line[0], "\"sourceIPv4Address\":\"198.51.100.7\"");
}

/* Counters of media other than Ethernet: their first and their last, under their MIB's names. */
static void counters_of_other_media(void **state)
{
    static const struct {
        unsigned format, words;
        const char *first, *last;
    } kinds[] = {
        {3, 18, "\"dot5StatsLineErrors\":1,", "\"dot5StatsFreqErrors\":18"},
        {4, 20, "\"dot12InHighPriorityFrames\":1,", "\"dot12HCOutHighPriorityOctets\":81604378644"},
        {6, 20, "\"dot11TransmittedFragmentCount\":1,", "\"dot11QoSCFPollsLostCount\":20"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        f->lines = f->rows = 0;
        sflow_datagram(&f->b, 7, 41 + (unsigned)i);
        size_t sample = sflow_counters(&f->b, false);
        size_t record = sflow_record(&f->b, kinds[i].format);
        for (unsigned word = 1; word <= kinds[i].words; word++)
            sflow_u32s(&f->b, 1, word);
        sflow_end(&f->b, record);
        sflow_end(&f->b, sample);
        struct weir_collect_counters counters = receive_built(f);
        assert_int_equal(counters.structures_skipped, 0);
        assert_int_equal(counters.counter_records, i + 1);
        expect(&f->line[0], kinds[i].first);
        expect(&f->line[0], kinds[i].last);
    }
}

static void what_the_agent_knows_besides(void **state)
{
    struct fixture *f = *state;
    sflow_datagram(&f->b, 7, 41);
    size_t sample = sflow_flow(&f->b, false);
    build_extended(&f->b);
    sflow_header(&f->b, 1, 68, 4, sflow_tcp_frame, sizeof(sflow_tcp_frame));
    sflow_end(&f->b, sample);
    struct weir_collect_counters counters = receive_built(f);
    assert_int_equal(counters.records, 1);
    assert_int_equal(counters.structures_skipped, 0);
    assert_int_equal(counters.messages_malformed, 0);
    static const char *const members[] = {
        "\"vlanId\":100,", /* the agent knows more than the tag of the frame */
        "\"postVlanId\":200,",
        "\"dot1qPriority\":5,",
        "\"postDot1qPriority\":6,",
        "\"ipNextHopIPv4Address\":\"10.0.0.254\"",
        "\"sourceIPv4PrefixLength\":24,",
        "\"destinationIPv4PrefixLength\":16,",
        "\"bgpNextHopIPv4Address\":\"10.0.0.253\"",
        "\"bgpSourceAsNumber\":64501,",
        "\"bgpDestinationAsNumber\":64505,",
        "\"bgpPrevAdjacentAsNumber\":64502,",
        "\"bgpNextAdjacentAsNumber\":64503,",
        "\"bgpRouterAsNumber\":64500,",
        "\"bgpLocalPreference\":120,",
        "\"userName\":\"alice\"",
        "\"mplsTopLabelStackSection\":",
        "\"postNATSourceIPv4Address\":\"198.51.100.1\"",
        "\"postNATDestinationIPv4Address\":\"203.0.113.8\"",
        "\"postNAPTSourceTransportPort\":1024,",
        "\"postNAPTDestinationTransportPort\":443,",
        "\"layer2SegmentId\":5001",
    };
    for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        expect(&f->line[0], members[i]);
}

/* Lists of any length: the short form ends at 254 octets. */
static void long_paths_are_whole(void **state)
{
    struct fixture *f = *state;
    static const unsigned counts[] = {0, 62, 63, 300};
    sflow_datagram(&f->b, 7, 41);
    for (unsigned i = 0; i < 4; i++) {
        size_t sample = sflow_flow(&f->b, false);
        size_t record = sflow_record(&f->b, 1003);
        sflow_u32s(&f->b, 4, 0u, 64500u, 64501u, 64502u);
        sflow_u32s(&f->b, 3, 1u, 2u, counts[i]);
        for (unsigned k = 0; k < counts[i]; k++)
            sflow_u32s(&f->b, 1, 65000u + k);
        sflow_u32s(&f->b, 2, 0u, 100u);
        sflow_end(&f->b, record);
        sflow_end(&f->b, sample);
    }
    assert_int_equal(receive_built(f).records, 4);
    assert_int_equal(f->lines, 4);
    for (unsigned i = 0; i < 4; i++) {
        char member[64];
        unsigned last = counts[i] ? 65000 + counts[i] - 1 : 0;
        snprintf(member, sizeof(member), "\"bgpDestinationAsNumber\":%u,", last);
        expect(&f->line[i], member);
        expect(&f->line[i], "\"bgpLocalPreference\":100,");
    }
}

static void masks_are_of_the_packets_family(void **state)
{
    struct fixture *f = *state;
    sflow_datagram(&f->b, 7, 41);
    size_t sample = sflow_flow(&f->b, false);
    size_t record = sflow_record(&f->b, 1002);
    sflow_u32s(&f->b, 7, 2u, 0x20010db8u, 0u, 0u, 0xfeu, 64u, 48u);
    sflow_end(&f->b, record);
    sflow_header(&f->b, 12, 140, 0, sflow_udp6_packet, sizeof(sflow_udp6_packet));
    sflow_end(&f->b, sample);
    assert_int_equal(receive_built(f).records, 1);
    expect(&f->line[0], "\"ipNextHopIPv6Address\":\"2001:db8::fe\"");
    expect(&f->line[0], "\"sourceIPv6PrefixLength\":64,");
    expect(&f->line[0], "\"destinationIPv6PrefixLength\":48");
    expect_not(&f->line[0], "IPv4");
}

static void where_packets_went(void **state)
{
    struct fixture *f = *state;
    static const struct {
        unsigned input, output;
        const char *says, *says_not;
    } cases[] = {
        {17, 18, "\"flowDirection\":0", "forwardingStatus"},
        {18, 17, "\"flowDirection\":1", "forwardingStatus"},
        {17, 17, "\"egressInterface\":17", "flowDirection"},
        {WEIR_SFLOW_INTERNAL, 17, "\"ingressInterface\":0", "1073741823"},
        {17, 1u << 30 | 258, "\"forwardingStatus\":129", "egressInterfaceCount"},
        {17, 1u << 30 | 1, "\"forwardingStatus\":128", "egressInterfaceCount"},
        {17, 1u << 30 | 258, "\"discardReason\":258", "egressInterface\":1"},
        {17, 2u << 30 | 7, "\"egressInterfaceCount\":7", "forwardingStatus"},
    };
    sflow_datagram(&f->b, 7, 41);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t sample = sflow_flow(&f->b, false);
        sflow_interfaces(&f->b, cases[i].input, cases[i].output);
        sflow_header(&f->b, 1, 68, 4, sflow_tcp_frame, sizeof(sflow_tcp_frame));
        sflow_end(&f->b, sample);
    }
    assert_int_equal(receive_built(f).records, 8);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(&f->line[i], cases[i].says);
        expect_not(&f->line[i], cases[i].says_not);
    }
}

static void counters_are_no_flows(void **state)
{
    struct fixture *f = *state;
    sflow_datagram(&f->b, 7, 41);
    size_t sample = sflow_counters(&f->b, false);
    sflow_if_counters(&f->b);
    size_t record = sflow_record(&f->b, 2);
    for (unsigned i = 0; i < 13; i++)
        sflow_u32s(&f->b, 1, 300 + i);
    sflow_end(&f->b, record);
    sflow_end(&f->b, sample);
    sample = sflow_counters(&f->b, true);
    record = sflow_record(&f->b, 5);
    sflow_u32s(&f->b, 7, 42u, 0u, 1u << 31, 1u, 2u, 3u, 4u);
    sflow_end(&f->b, record);
    record = sflow_record(&f->b, 1001);
    sflow_u32s(&f->b, 8, (unsigned)-1, 250u, 150u, 2u, 0u, 1u, 5u,
               99u); /* and more than is known */
    sflow_end(&f->b, record);
    record = sflow_record(&f->b, 2003);
    sflow_u32s(&f->b, 1, 0u);
    sflow_end(&f->b, record);
    sflow_end(&f->b, sample);
    struct weir_collect_counters counters = receive_built(f);
    assert_int_equal(counters.records, 0);
    assert_int_equal(counters.counter_records, 2);
    assert_int_equal(counters.structures_skipped, 1);
    assert_int_equal(f->rows, 0);
    assert_int_equal(f->lines, 2);
    assert_int_equal(f->line[0].kind, WEIR_RECORD_COUNTERS);
    assert_int_equal(f->line[0].segment.template_id, WEIR_SFLOW_COUNTERS_TEMPLATE);
    static const char *const members[] = {
        "\"observationPointId\":17,",
        "\"sampleSequenceNumber\":98,",
        "\"ifIndex\":17,",
        "\"ifSpeed\":1000000000,",
        "\"ifStatus\":3,",
        "\"ifInOctets\":4294967298,",
        "\"ifInUnknownProtos\":16,",
        "\"ifOutOctets\":99,",
        "\"ifOutErrors\":25,",
        "\"ifPromiscuousMode\":2,",
        "\"dot3StatsFCSErrors\":301",
        "\"dot3StatsSymbolErrors\":312",
    };
    for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        expect(&f->line[0], members[i]);
    expect(&f->line[1], "\"vlanId\":42,");
    expect(&f->line[1], "\"vlanOctets\":2147483648,");
    expect(&f->line[1], "\"vlanDiscards\":4,");
    expect(&f->line[1], "\"processorLoad5s\":-1,");
    expect(&f->line[1], "\"processorMemoryTotal\":8589934592,");
    expect_not(&f->line[1], "ifIndex");

    struct weir_sflow_skipped skipped;
    assert_int_equal(weir_collector_skipped(f->collector, 0, &skipped), 0);
    assert_int_equal(skipped.place, WEIR_SFLOW_IN_COUNTERS);
    assert_int_equal(skipped.format, 2003);
    assert_int_equal(skipped.count, 1);
    assert_int_equal(weir_collector_skipped(f->collector, 1, &skipped), WEIR_E_NOT_FOUND);
}

/* Formats past the limit are counted together with the others, but not by themselves. */
static void what_is_not_known_is_counted_by_format(void **state)
{
    struct fixture *f = *state;
    for (unsigned round = 0; round < 2; round++) {
        sflow_datagram(&f->b, 7, 41 + round);
        size_t sample = sflow_flow(&f->b, false);
        for (unsigned i = 0; i < 100; i++)
            sflow_end(&f->b, sflow_record(&f->b, WEIR_SFLOW_FORMAT(8800, i)));
        sflow_end(&f->b, sample);
        (void)receive_built(f);
    }
    struct weir_sflow_skipped skipped;
    assert_int_equal(weir_collector_count(f->collector).structures_skipped, 200);
    assert_int_equal(weir_collector_count(f->collector).records, 2);
    assert_int_equal(weir_collector_skipped(f->collector, WEIR_SFLOW_SKIPPED_MAX - 1, &skipped), 0);
    assert_int_equal(skipped.format, WEIR_SFLOW_FORMAT(8800, WEIR_SFLOW_SKIPPED_MAX - 1));
    assert_int_equal(skipped.count, 2);
    assert_int_equal(weir_collector_skipped(f->collector, WEIR_SFLOW_SKIPPED_MAX, &skipped),
                     WEIR_E_NOT_FOUND);
}

/* More shapes than are kept, one after another and mixed: each record has what its sample had. */
static void more_shapes_than_are_kept(void **state)
{
    struct fixture *f = *state;
    unsigned sequence = 41;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned shape = 0; shape < 128; shape++) {
            sflow_datagram(&f->b, 7, sequence++);
            size_t sample = sflow_flow(&f->b, false);
            static const unsigned formats[] = {1020, 1030, 1007, 1001, 3, 2, 1004};
            for (unsigned i = 0; i < 7; i++) {
                if (!(shape >> i & 1))
                    continue;
                size_t record = sflow_record(&f->b, formats[i]);
                sflow_u32s(&f->b, 8, 1u, 2u, 1u, 2u, 0u, 0u, 0u, 0u);
                sflow_end(&f->b, record);
            }
            sflow_end(&f->b, sample);
            (void)receive_built(f);
            const struct line *line = &f->line[f->lines - 1];
            assert_int_equal(strstr(line->text, "postNAPTSource") != NULL, shape & 1);
            assert_int_equal(strstr(line->text, "layer2SegmentId") != NULL, shape >> 1 & 1);
            assert_int_equal(strstr(line->text, "postNATSource") != NULL, shape >> 2 & 1);
            assert_int_equal(strstr(line->text, "vlanId") != NULL, shape >> 3 & 1);
            assert_int_equal(strstr(line->text, "octetDeltaCount") != NULL, shape >> 4 & 1);
        }
    assert_int_equal(weir_collector_count(f->collector).records, 256);
    assert_int_equal(weir_collector_count(f->collector).messages_malformed, 0);
}

static void lost_datagrams_are_known(void **state)
{
    struct fixture *f = *state;
    static const unsigned sequences[] = {41, 42, 45, 46, 44};
    for (unsigned i = 0; i < 5; i++) {
        sflow_datagram(&f->b, 7, sequences[i]);
        size_t sample = sflow_flow(&f->b, false);
        sflow_end(&f->b, sample);
        sample = sflow_flow(&f->b, false);
        sflow_end(&f->b, sample);
        (void)receive_built(f);
    }
    struct weir_collect_counters counters = weir_collector_count(f->collector);
    assert_int_equal(counters.records, 10);
    assert_int_equal(counters.messages_lost, 1);
    assert_int_equal(counters.messages_late, 1);
    assert_int_equal(counters.records_lost, 2);
    /* Another sub-agent counts by itself. */
    sflow_datagram(&f->b, 8, 1000);
    counters = receive_built(f);
    assert_int_equal(counters.messages_lost, 1);
    assert_int_equal(counters.sessions_opened, 2);
}

static void agents_without_an_address_are_their_source(void **state)
{
    struct fixture *f = *state;
    sflow_datagram(&f->b, 7, 41);
    weir_store_be32(f->b.octets + 8, 0);
    size_t sample = sflow_flow(&f->b, false);
    sflow_end(&f->b, sample);
    (void)receive_built(f);
    assert_true(weir_address_equal(f->line[0].segment.exporter, weir_address_from_v4(SOURCE)));
    assert_true(f->line[0].segment.has_exporter);
}

static void every_cut_and_every_flip_ends_orderly(void **state)
{
    struct fixture *f = *state;
    sflow_datagram(&f->b, 7, 41);
    size_t sample = sflow_flow(&f->b, false);
    build_extended(&f->b);
    build_tunnels(&f->b);
    sflow_header(&f->b, 1, 68, 4, sflow_tcp_frame, sizeof(sflow_tcp_frame));
    sflow_end(&f->b, sample);
    sample = sflow_counters(&f->b, true);
    sflow_if_counters(&f->b);
    sflow_end(&f->b, sample);
    size_t length = weir_writer_offset(&f->b.writer);
    for (size_t cut = 0; cut <= length; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);
        assert_non_null(copy);
        memcpy(copy, f->b.octets, cut);
        f->lines = f->rows = 0;
        uint64_t before = weir_collector_count(f->collector).messages_malformed;
        receive(f, copy, cut);
        uint64_t broken = weir_collector_count(f->collector).messages_malformed - before;
        assert_int_equal(broken, cut < length);
        free(copy);
    }
    assert_int_equal(f->lines, 2);
    for (size_t i = 0; i < length; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            f->b.octets[i] ^= (uint8_t)(1u << bit);
            f->lines = f->rows = 0;
            receive(f, f->b.octets, length);
            assert_true(f->rows <= f->lines);
            f->b.octets[i] ^= (uint8_t)(1u << bit);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sampled_frame_is_a_flow),
        TEST(ipv6_and_what_is_no_ip),
        TEST(headers_of_other_links),
        TEST(fields_without_a_header),
        TEST(what_the_agent_knows_besides),
        TEST(tunnels_urls_and_radio),
        TEST(counters_of_other_media),
        TEST(long_paths_are_whole),
        TEST(masks_are_of_the_packets_family),
        TEST(where_packets_went),
        TEST(counters_are_no_flows),
        TEST(what_is_not_known_is_counted_by_format),
        TEST(more_shapes_than_are_kept),
        TEST(lost_datagrams_are_known),
        TEST(agents_without_an_address_are_their_source),
        TEST(every_cut_and_every_flip_ends_orderly),
    };
    return cmocka_run_group_tests_name("sflow", tests, NULL, NULL);
}
