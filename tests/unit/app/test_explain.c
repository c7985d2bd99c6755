/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cmocka.h"
#include "support/explain_tiles.h"
#include "support/shared.h"
#include "unit/wire/builder.h"

#include <stdlib.h>
#include <string.h>

#include "app/explain_print.h"
#include "base/clock.h"

#define SECOND INT64_C(1700000000)

/* An explainer, and what it said of the last message. */
struct desk {
    struct weir_explainer *explainer;
    struct weir_text_buffer text;
    struct weir_explain_printer printer;
    struct test_tiles tiles;
    struct weir_diag broken;
    uint64_t messages;
    enum weir_collect_transport transport;
    int64_t received_ns;
};

static int open_desk(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));
    if (!desk || weir_explainer_new(&desk->explainer) < 0)
        return -1;
    weir_text_init(&desk->text, 16 << 20);
    desk->printer.out = &desk->text;
    desk->received_ns = SECOND * WEIR_NS_PER_SECOND;
    *state = desk;
    return 0;
}

static int close_desk(void **state)
{
    struct desk *desk = *state;
    weir_explainer_free(desk->explainer);
    weir_text_done(&desk->text);
    free(desk);
    return 0;
}

/* Explains octets on the heap, exactly as many as there are. */
static const char *explain_octets(struct desk *desk, const uint8_t *octets, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, octets, length);
    const struct weir_datagram datagram = {
        .octets = copy,
        .length = length,
        .source = weir_address_from_v4(0xc0000201),
        .source_port = 40000,
        .destination_port = 2055,
        .received_ns = desk->received_ns,
    };
    const struct weir_explain_origin origin = {&datagram, desk->transport, ++desk->messages, 7};
    desk->tiles = (struct test_tiles){.next = weir_explain_printer_sink(&desk->printer)};
    const struct weir_explain_sink sink = {test_tiles_item, &desk->tiles};
    weir_text_clear(&desk->text);
    assert_int_equal(weir_explainer_message(desk->explainer, &origin, &sink, &desk->broken), 0);
    test_tiles_end(&desk->tiles);
    weir_explain_printer_end(&desk->printer);
    free(copy);
    assert_int_equal(weir_text_error(&desk->text), 0);
    return weir_text_string(&desk->text);
}

static const char *explain(struct desk *desk, const struct builder *b)
{
    return explain_octets(desk, b->octets, weir_writer_offset(&b->writer));
}

static void expect_line(const char *text, const char *line)
{
    const char *found = strstr(text, line);
    if (!found || found[strlen(line)] != '\n')
        fail_msg("no line \"%s\" in\n%s", line, text);
}

static void expect_lines(const char *text, const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_line(text, lines[i]);
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Templates 256 (two addresses), 257 (a counter, an enterprise's variable field), options 258. */
static void build_templates(struct builder *b)
{
    size_t set = build_set(b, 2);
    build_u16s(b, 6, 256, 2, 8, 4, 12, 4);
    build_u16s(b, 8, 257, 2, 1, 8, 0x8000 | 33, 65535, 0, 35632);
    build_set_end(b, set);
    set = build_set(b, 3);
    build_u16s(b, 7, 258, 2, 1, 149, 4, 41, 8);
    weir_write_zeros(&b->writer, 2);
    build_set_end(b, set);
}

static void build_records(struct builder *b)
{
    size_t set = build_set(b, 256);
    for (unsigned i = 0; i < 4; i++)
        weir_write_u32(&b->writer, 0x0a000001 + i);
    build_set_end(b, set);
    set = build_set(b, 257);
    weir_write_u64(&b->writer, 1500);
    weir_write_u8(&b->writer, 3);
    weir_write_octets(&b->writer, "eth", 3);
    build_set_end(b, set);
    set = build_set(b, 258);
    weir_write_u32(&b->writer, 7);
    weir_write_u64(&b->writer, 10);
    build_set_end(b, set);
}

static void build_whole(struct builder *b)
{
    build_ipfix(b, 7);
    build_templates(b);
    build_records(b);
    build_ipfix_end(b);
}

static void every_octet_of_ipfix(void **state)
{
    struct desk *desk = *state;
    struct builder b;
    build_whole(&b);
    static const char *const lines[] = {
        "        4-7  export time                      6553f100            1700000000 "
        "(2023-11-14T22:13:20Z)",
        "       8-11  sequence                         00000029            41 (records before this "
        "message)",
        "      12-15  Observation Domain               00000007            7",
        "      16-47  set 2: templates, 32 octets",
        "      20-31    template 256: 2 fields, records of 8 octets",
        "      24-27      sourceIPv4Address            00080004            4 octets ipv4Address, "
        "IANA 0/8",
        "      32-47    template 257: 2 fields, records of at least 9 octets",
        "      52-65    options template 258: 2 fields, 1 of them the scope, records of 12 octets",
        "      58-61      scope observationDomainId    00950004            4 octets unsigned32, "
        "IANA 0/149",
        "      66-67    padding                        0000",
        "      68-87  set 256: data, 20 octets",
        "      80-87    record 2, 8 octets",
        "      84-87      destinationIPv4Address       0a000004            10.0.0.4",
        "     92-103    record 1, 12 octets",
        "      92-99      octetDeltaCount              00000000000005dc    1500 octets",
        "    108-119    options record 1, 12 octets",
        "    112-119      exportedMessageTotalCount    000000000000000a    10 messages",
    };
    const char *text = explain(desk, &b);
    expect_lines(text, lines, COUNT_OF(lines));
    assert_int_equal(desk->broken.error, WEIR_OK);
    assert_null(strstr(text, "!!"));
    const struct weir_explain_counters *counters = weir_explainer_counters(desk->explainer);
    assert_int_equal(counters->templates_explained, 2);
    assert_int_equal(counters->options_templates_explained, 1);
    assert_int_equal(counters->records_explained, 3);
    assert_int_equal(counters->options_records_explained, 1);
    assert_int_equal(counters->messages_broken, 0);
    expect_line(text, "message 1, packet 7: IPFIX, 120 octets from 192.0.2.1 port 40000 to port "
                      "2055, 2023-11-14T22:13:20Z");
}

static void netflow_headers(void **state)
{
    struct desk *desk = *state;
    struct builder b;
    build_netflow5(&b, 2, 2);
    const char *text = explain(desk, &b);
    expect_line(text,
                "        4-7  sysUpTime                        00001388            5000 (5s)");
    expect_line(text, "         20  engine type                      03                  3");
    expect_line(text, "      22-23  sampling                         4064                16484 (1 "
                      "packet in 100, mode 1)");
    expect_line(text, "     24-119  records, 96 octets");
    expect_line(text, "      48-51      flowStartSysUpTime           18191a1b            404298267 "
                      "milliseconds (2023-11-19T14:31:33.517Z)");
    build_netflow9(&b, 1, 9);
    size_t set = build_set(&b, 1);
    build_u16s(&b, 7, 256, 4, 4, 1, 4, 34, 4);
    build_set_end(&b, set);
    text = explain(desk, &b);
    expect_line(text, "      16-19  source id                        00000009            9");
    expect_line(text, "      30-33      scope scopeSystem            00010004            4 octets "
                      "unsigned64, scope 1");
    assert_int_equal(desk->broken.error, WEIR_OK);
}

/* A message that breaks a rule: what is said, and that what came before is explained. */
static void expect_broken(struct desk *desk, const struct builder *b, const char *line)
{
    const char *text = explain(desk, b);
    expect_line(text, line);
    assert_int_not_equal(desk->broken.error, WEIR_OK);
    assert_true(desk->broken.has_offset);
    assert_int_equal(desk->tiles.items[WEIR_EXPLAIN_BROKEN], 1);
}

static void broken_rules_are_named(void **state)
{
    struct desk *desk = *state;
    struct builder b;
    build_ipfix(&b, 1);
    build_u16s(&b, 2, 256, 3);
    build_ipfix_end(&b);
    expect_broken(
        desk, &b,
        "         !!  octet 18: set length 3 is shorter than its header (RFC 7011 section "
        "3.3.2)");
    build_ipfix(&b, 1);
    build_u16s(&b, 4, 2, 8, 256, 5);
    build_ipfix_end(&b);
    expect_broken(
        desk, &b,
        "         !!  octet 20: template 256 has 5 fields, the set ends after 0 (RFC 7011 "
        "section 3.4.1)");
    build_ipfix(&b, 1);
    build_u16s(&b, 7, 3, 14, 256, 1, 0, 1, 1);
    build_ipfix_end(&b);
    expect_broken(
        desk, &b,
        "         !!  octet 24: options template 256 has no scope field (RFC 7011 section "
        "3.4.2.2)");
    build_ipfix(&b, 1);
    build_u16s(&b, 6, 2, 12, 300, 1, 82, 65535);
    build_u16s(&b, 3, 300, 6, 0xff00);
    build_ipfix_end(&b);
    expect_broken(desk, &b,
                  "         !!  octet 32: a record of template 300 passes the end of its set (RFC "
                  "7011 section 3.4.3)");
    build_whole(&b);
    weir_write_u8(&b.writer, 1);
    expect_broken(
        desk, &b,
        "         !!  octet 120: 1 octets follow the end of the message (RFC 7011 section "
        "3.1)");
    build_netflow9(&b, 1, 9);
    build_u16s(&b, 3, 0, 60, 1);
    expect_broken(desk, &b,
                  "         !!  octet 22: set length 60 passes the end of the message, 6 octets "
                  "remain (RFC 3954 section 5)");
}

static void no_message_at_all(void **state)
{
    struct desk *desk = *state;
    static const uint8_t pigeon[] = {0x70, 0x69, 0x67, 0x65, 0x6f, 0x6e};
    const char *text = explain_octets(desk, pigeon, sizeof(pigeon));
    assert_non_null(strstr(text, "!!  octet 0: version 28777 is none"));
    assert_non_null(strstr(text, "70 69 67 65 6f 6e"));
    assert_non_null(strstr(text, "pigeon\n"));
    text = explain_octets(desk, pigeon, 0);
    assert_non_null(strstr(text, "!!  octet 0: 0 octets are no export message"));
    assert_int_equal(weir_explainer_counters(desk->explainer)->messages_broken, 2);
}

/* What is said of the last message with "??", without what stands before it. */
static void expect_suspicion(const char *text, const char *suspicion)
{
    char line[200];
    snprintf(line, sizeof(line), "         ??  %s", suspicion);
    expect_line(text, line);
}

static void suspicious_templates(void **state)
{
    struct desk *desk = *state;
    struct builder b;
    build_ipfix(&b, 1);
    size_t set = build_set(&b, 2);
    build_u16s(&b, 12, 256, 4, 8, 5, 0x8000 | 1, 4, 0x7fff, 0xffff, 8, 4, 4, 2);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    const char *text = explain(desk, &b);
    expect_suspicion(text, "octet 24: no ipv4Address has a width of 5 octets");
    expect_suspicion(text, "octet 28: an element that is not known: its values are octets");
    expect_suspicion(text, "octet 36: a second sourceIPv4Address: field 1 is one already");
    expect_suspicion(text, "octet 40: no unsigned8 has a width of 2 octets");
    assert_int_equal(desk->broken.error, WEIR_OK);

    build_ipfix(&b, 1);
    set = build_set(&b, 2);
    build_u16s(&b, 4, 256, 1, 8, 4);
    build_u16s(&b, 2, 300, 0);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    text = explain(desk, &b);
    expect_suspicion(text, "octet 20: template 256 was another one before, and was not withdrawn");
    expect_suspicion(text, "octet 28: a withdrawal over UDP, which is ignored (RFC 7011 section "
                           "8.4)");
    expect_line(text, "      28-31    withdrawal of template 300");
}

static void withdrawals_of_files(void **state)
{
    struct desk *desk = *state;
    desk->transport = WEIR_COLLECT_FILE;
    struct builder b;
    build_whole(&b);
    (void)explain(desk, &b);
    build_ipfix(&b, 7);
    size_t set = build_set(&b, 2);
    build_u16s(&b, 4, 256, 0, 256, 0);
    build_set_end(&b, set);
    set = build_set(&b, 256);
    weir_write_u64(&b.writer, 1);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    const char *text = explain(desk, &b);
    expect_line(text, "message 2, octet 7 of the file: IPFIX, 40 octets");
    expect_suspicion(text, "octet 24: a withdrawal of what is not there");
    expect_line(text, "      32-39    template 256 has not come, 8 octets:");
    assert_int_equal(weir_explainer_counters(desk->explainer)->withdrawals_explained, 2);
    assert_int_equal(weir_explainer_counters(desk->explainer)->sets_unread, 1);
}

static void suspicious_messages(void **state)
{
    struct desk *desk = *state;
    struct builder b;
    build_whole(&b);
    desk->received_ns += 3600 * WEIR_NS_PER_SECOND;
    expect_suspicion(explain(desk, &b), "its export time is 1h before its arrival");
    desk->received_ns -= 3600 * WEIR_NS_PER_SECOND;

    /* 41 with 4 records went before: 45 follows, and 50 does not. */
    build_ipfix(&b, 7);
    build_records(&b);
    build_ipfix_end(&b);
    weir_store_be32(b.octets + 8, 50);
    expect_suspicion(explain(desk, &b),
                     "missing before it: 5 records; sequence 50, where 45 was to follow");
    weir_store_be32(b.octets + 8, 45);
    expect_suspicion(explain(desk, &b), "it comes late: sequence 45, where 54 was to follow");

    build_ipfix(&b, 7);
    build_templates(&b);
    size_t set = build_set(&b, 77);
    weir_write_u32(&b.writer, 1);
    build_set_end(&b, set);
    set = build_set(&b, 256);
    build_set_end(&b, set);
    weir_write_zeros(&b.writer, 4);
    build_ipfix_end(&b);
    b.octets[67] = 1;
    const char *text = explain(desk, &b);
    expect_suspicion(text, "octet 67: padding that is not zero");
    expect_suspicion(text, "octet 68: set id 77 is reserved: the set is left out");
    expect_suspicion(text, "octet 80: a set without records");
    expect_suspicion(text, "octet 80: octets after the last set");

    build_netflow9(&b, 5, 9);
    set = build_set(&b, 0);
    build_u16s(&b, 4, 256, 1, 4, 1);
    build_set_end(&b, set);
    expect_suspicion(explain(desk, &b), "octet 2: count 5: there are 1 templates and records");
    assert_int_equal(desk->broken.error, WEIR_OK);
}

/*
 * A list of one record of template 300, an address and a basicList of two ports, which has `extra`
 * octets more.
 */
static void build_lists(struct builder *b, uint8_t extra)
{
    build_ipfix(b, 7);
    size_t set = build_set(b, 2);
    build_u16s(b, 6, 300, 2, 8, 4, 291, 65535);
    build_u16s(b, 4, 301, 1, 292, 65535);
    build_set_end(b, set);
    set = build_set(b, 301);
    weir_write_u8(&b->writer, (uint8_t)(17 + extra));
    weir_write_u8(&b->writer, 3); /* allOf */
    build_u16s(b, 1, 300);
    weir_write_u32(&b->writer, 0x0a000001);
    weir_write_u8(&b->writer, (uint8_t)(9 + extra));
    weir_write_u8(&b->writer, 4); /* ordered */
    build_u16s(b, 4, 7, 2, 53, 443);
    weir_write_zeros(&b->writer, extra);
    build_set_end(b, set);
    build_ipfix_end(b);
}

static void lists_are_taken_apart(void **state)
{
    struct desk *desk = *state;
    struct builder b;
    static const char *const lines[] = {
        "      44-61    record 1, 18 octets",
        "      45-61      subTemplateList              03012c0a00000109..  "
        "0x03012c0a000001090400070002003501bb",
        "         45        semantic                   03                  3 (allOf)",
        "      46-47        template                   012c                300",
        "      48-61        record 1, 14 octets",
        "      48-51          sourceIPv4Address        0a000001            10.0.0.1",
        "         53            semantic               04                  4 (ordered)",
        "      54-57            sourceTransportPort    00070002            2 octets unsigned16, "
        "IANA 0/7",
        "      60-61            sourceTransportPort    01bb                443",
    };
    build_lists(&b, 0);
    expect_lines(explain(desk, &b), lines, COUNT_OF(lines));
    assert_int_equal(desk->broken.error, WEIR_OK);
    assert_int_equal(weir_explainer_counters(desk->explainer)->records_explained, 1);
    build_lists(&b, 1);
    expect_broken(desk, &b,
                  "         !!  octet 62: the list of 10 octets from 53 on does not fill its field "
                  "(RFC 6313 section 4.5.1)");
}

/* An exporter says what its own element is (RFC 5610): then values have its name and type. */
static void elements_that_are_described(void **state)
{
    struct desk *desk = *state;
    struct builder b;
    build_ipfix(&b, 7);
    size_t set = build_set(&b, 3);
    build_u16s(&b, 3, 256, 4, 2);
    build_u16s(&b, 8, 346, 4, 303, 2, 339, 1, 341, 65535);
    build_set_end(&b, set);
    set = build_set(&b, 256);
    weir_write_u32(&b.writer, 64512);
    build_u16s(&b, 1, 7);
    weir_write_u8(&b.writer, WEIR_TYPE_UNSIGNED16);
    weir_write_u8(&b.writer, 6);
    weir_write_octets(&b.writer, "pigeon", 6);
    build_set_end(&b, set);
    set = build_set(&b, 2);
    build_u16s(&b, 6, 257, 1, 0x8000 | 7, 2, 0, 64512);
    build_set_end(&b, set);
    set = build_set(&b, 257);
    build_u16s(&b, 1, 99);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    const char *text = explain(desk, &b);
    expect_line(text, "      80-81      pigeon                       0063                99");
    assert_null(strstr(text, "??"));
}

/* Records say where what they refer to stands; of each exporter's own. */
static void common_properties_are_pointed_at(void **state)
{
    struct desk *desk = *state;
    struct builder b;
    build_ipfix(&b, 7);
    size_t set = build_set(&b, 3);
    build_u16s(&b, 7, 300, 2, 1, 137, 2, 11, 2);
    weir_write_zeros(&b.writer, 2);
    build_set_end(&b, set);
    set = build_set(&b, 2);
    build_u16s(&b, 6, 301, 2, 137, 2, 2, 4);
    build_set_end(&b, set);
    set = build_set(&b, 301);
    build_u16s(&b, 3, 5, 0, 10);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    assert_non_null(strstr(explain(desk, &b), "5 (which have not come)"));

    build_ipfix(&b, 7);
    set = build_set(&b, 300);
    build_u16s(&b, 2, 4, 80);
    build_u16s(&b, 2, 5, 443);
    build_set_end(&b, set);
    set = build_set(&b, 301);
    build_u16s(&b, 3, 5, 0, 10);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    assert_non_null(strstr(explain(desk, &b), "5 (those at octet 24 of message 2)"));
}

static void build_u32s(struct builder *b, unsigned count, ...)
{
    va_list values;
    va_start(values, count);
    for (unsigned i = 0; i < count; i++)
        weir_write_u32(&b->writer, va_arg(values, unsigned));
    va_end(values);
}

/* A flow sample with a router's next hop and something of an unknown enterprise; counters of a
 * processor. */
static void build_sflow(struct builder *b)
{
    build_begin(b);
    build_u32s(b, 7, 5, 1, 0xc0000263, 0, 12, 5000, 2);
    build_u32s(b, 10, 1, 68, 3, 17, 1000, 2000, 0, 4, 5, 2);
    build_u32s(b, 6, 1002, 16, 1, 0x0a000001, 24, 16);
    build_u32s(b, 3, 9 << 12 | 1, 4, 77);
    build_u32s(b, 5, 2, 48, 8, 17, 1);
    build_u32s(b, 9, 1001, 28, 100, 200, 300, 0, 4096, 0, 1024);
}

static void sflow_is_taken_apart(void **state)
{
    struct desk *desk = *state;
    struct builder b;
    static const char *const lines[] = {
        "       8-11  exporterIPv4Address              c0000263            192.0.2.99",
        "      16-19  sequence                         0000000c            12",
        "     28-103  flow sample, 76 octets",
        "      44-47    sampling rate                  000003e8            1000",
        "      68-91    extended router data, 24 octets",
        "      76-79      next hop type                00000001            1",
        "      80-83      ipNextHopIPv4Address         0a000001            10.0.0.1",
        "      88-91      destination mask length      00000010            16",
        "     92-103    a structure that is not known, 12 octets",
        "    100-103      its octets, 4 octets:",
        "    104-159  counter sample, 56 octets",
        "    124-159    processor information, 36 octets",
        "    144-151      memory                       0000000000001000    4096",
    };
    build_sflow(&b);
    expect_lines(explain(desk, &b), lines, COUNT_OF(lines));
    assert_int_equal(desk->broken.error, WEIR_OK);
    assert_int_equal(weir_explainer_counters(desk->explainer)->counter_records_explained, 1);
    /* A record that is longer than its sample. */
    b.octets[75] = 200;
    expect_broken(desk, &b,
                  "         !!  octet 68: a record passes the end of its sample (sFlow 5, "
                  "flow_record and counter_record)");
}

/* Every message cut at every octet: all octets are explained, and that it is cut is said. */
static void cut_at_every_octet(void **state)
{
    struct desk *desk = *state;
    struct builder messages[4];
    build_whole(&messages[0]);
    build_netflow9(&messages[1], 3, 9);
    build_templates(&messages[1]);
    build_netflow5(&messages[2], 3, 3);
    build_sflow(&messages[3]);
    for (unsigned i = 0; i < COUNT_OF(messages); i++) {
        size_t length = weir_writer_offset(&messages[i].writer);
        for (size_t cut = 0; cut <= length; cut++) {
            (void)explain_octets(desk, messages[i].octets, cut);
            /* NetFlow v9 does not say how long it is. */
            if (i != 1)
                assert_int_equal(desk->broken.error != WEIR_OK, cut < length);
        }
    }
}

/* What real exporters sent, cut likewise: whatever is left, each octet has its explanation. */
static void real_messages_cut(void **state)
{
    static const char *const names[] = {
        "bitkeks-python-netflow-v9-so/001-lib-L105.nf1.bin",
        "netsampler-goflow2/003-netflow_test-L11.nf5.bin",
        "mikemiles-dev-netflow_parser/001-netflow_common_bench-L11.nf7.bin",
        "bitkeks-python-netflow-v9-so/007-lib-L192.nf9.bin",
        "activecm-ipfix-rita/004-ipfix_bench_yaf-L643.ipfix.bin",
        "edgecast-vflow/006-decoder_test-L30.sflow5.bin",
        "mikemiles-dev-netflow_parser/010-tests-L1467.ipfix.bin",
    };
    struct desk *desk = *state;
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        char name[256], path[WEIR_TEST_PATH_MAX];
        uint8_t octets[2048];
        snprintf(name, sizeof(name), "data/export/embedded/%s", names[i]);
        test_shared_or_skip(name, path);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t length = fread(octets, 1, sizeof(octets), file);
        fclose(file);
        assert_true(length > 0 && length < sizeof(octets));
        for (size_t cut = 0; cut <= length; cut++)
            (void)explain_octets(desk, octets, cut);
        assert_int_equal(desk->broken.error, WEIR_OK);
    }
}

/* Any bit may be wrong: all octets are explained all the same, no line is too long. */
static void every_bit_flipped(void **state)
{
    struct desk *desk = *state;
    struct builder b;
    build_whole(&b);
    for (size_t bit = 0; bit < weir_writer_offset(&b.writer) * 8; bit++) {
        b.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const char *text = explain(desk, &b);
        b.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
        for (const char *line = text; *line; line = strchr(line, '\n') + 1)
            assert_true(strchr(line, '\n') - line <= 120);
    }
}

static void json_is_a_tree(void **state)
{
    struct desk *desk = *state;
    struct builder b;
    build_ipfix(&b, 7);
    size_t set = build_set(&b, 2);
    build_u16s(&b, 4, 256, 1, 4, 1);
    build_set_end(&b, set);
    set = build_set(&b, 256);
    weir_write_u8(&b.writer, 6);
    build_set_end(&b, set);
    build_u16s(&b, 2, 256, 3);
    build_ipfix_end(&b);
    desk->printer.format = WEIR_EXPLAIN_JSON;
    const char *text = explain(desk, &b);
    assert_non_null(
        strstr(text, "{\"kind\":\"message\",\"octets\":[0,36],\"number\":1,\"packet\":7,"
                     "\"exporter\":\"192.0.2.1\",\"exporter_port\":40000,\"port\":2055,"
                     "\"received\":\"2023-11-14T22:13:20Z\",\"protocol\":\"ipfix\",\"items\":["
                     "{\"kind\":\"header\",\"octets\":[0,1],\"name\":\"version\",\"value\":10},"));
    assert_non_null(
        strstr(text, "{\"kind\":\"set\",\"octets\":[28,32],\"id\":256,\"holds\":\"data\","
                     "\"items\":[{\"kind\":\"record\",\"octets\":[32,32],\"number\":1,"
                     "\"template\":256,\"items\":[{\"kind\":\"value\",\"octets\":[32,32],"
                     "\"name\":\"protocolIdentifier\",\"pen\":0,\"id\":4,\"value\":6}]}]},"
                     "{\"kind\":\"broken\",\"octet\":35,\"text\":\"octet 35: set length 3 is "
                     "shorter than its header\",\"rule\":\"RFC 7011 section 3.3.2\"},"
                     "{\"kind\":\"unread\",\"octets\":[33,36],\"text\":\"nothing after that can be "
                     "read\",\"hex\":\"01000003\"}]}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_desk, close_desk)
        TEST(every_octet_of_ipfix),
        TEST(netflow_headers),
        TEST(broken_rules_are_named),
        TEST(no_message_at_all),
        TEST(suspicious_templates),
        TEST(withdrawals_of_files),
        TEST(suspicious_messages),
        TEST(cut_at_every_octet),
        TEST(every_bit_flipped),
        TEST(real_messages_cut),
        TEST(json_is_a_tree),
        TEST(lists_are_taken_apart),
        TEST(sflow_is_taken_apart),
        TEST(common_properties_are_pointed_at),
        TEST(elements_that_are_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
