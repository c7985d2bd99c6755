/* SPDX-License-Identifier: Apache-2.0 */
#include "support/peer.h"
#include "support/sflow_builder.h"
#include "unit/packet/build.h"

#include <stdio.h>

#include "collect/input.h"

enum { FILE_MAX = 8 << 20 };

struct file {
    struct weir_template *flows;
    struct weir_writer out;
    unsigned messages;
    uint8_t octets[FILE_MAX];
};

static int make_file(void **state)
{
    struct file *file = calloc(1, sizeof(*file));
    if (!file)
        return -1;
    file->out = weir_writer_make(file->octets, sizeof(file->octets));
    file->flows = weir_template_new(256, peer_flow_fields, 4);
    *state = file;
    return file->flows ? 0 : -1;
}

static int free_file(void **state)
{
    struct file *file = *state;
    free(file->flows);
    free(file);
    return 0;
}

static const struct weir_template *template_of(const struct file *file, const struct peer *peer)
{
    const struct weir_template *builtin = weir_message_builtin_template(peer->protocol);
    return builtin ? builtin : file->flows;
}

/* Adds a message with `records` records and, but for the fixed formats, their Template. */
static void add(struct file *file, struct peer *peer, uint32_t records)
{
    peer_begin(peer);
    if (!weir_message_builtin_template(peer->protocol))
        peer_template(peer, template_of(file, peer));
    peer_flows(peer, template_of(file, peer), 1, records);
    struct weir_datagram datagram = peer_end(peer);
    weir_write_octets(&file->out, datagram.octets, datagram.length);
    assert_false(weir_writer_failed(&file->out));
    file->messages++;
    peer->second++;
}

struct found {
    unsigned messages;
    uint64_t octets;
    struct weir_collect_counters counters;
    int result;
    struct weir_diag diag;
};

/* Reads all of the first `length` octets through a collector. */
static struct found read_file(const struct file *file, size_t length)
{
    struct found found = {0};
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, file->octets, length);
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    struct desk desk = desk_open(&config, 0);
    struct weir_input *input;
    found.result = weir_input_open_memory(copy, length, "a.file", &input, &found.diag);
    if (found.result == 0) {
        const struct weir_datagram *datagrams;
        size_t count;
        while ((found.result = weir_input_next(input, &datagrams, &count, &found.diag)) == 0) {
            assert_true(count > 0);
            for (size_t i = 0; i < count; i++) {
                struct weir_diag diag;
                found.octets += datagrams[i].length;
                found.messages++;
                assert_int_equal(weir_collector_receive(desk.collector, &datagrams[i],
                                                        weir_input_transport(input), &diag),
                                 0);
            }
        }
        weir_input_close(input);
    }
    found.counters = desk_count(&desk);
    desk_close(&desk);
    free(copy);
    return found;
}

static void test_messages_one_after_another(void **state)
{
    struct file *file = *state;
    struct peer peers[] = {
        peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1),
        peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1),
        peer_of(WEIR_PROTOCOL_NETFLOW5, "192.0.2.1", 1),
        peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 2),
    };
    for (unsigned i = 0; i < 40; i++)
        add(file, &peers[i % 4], 1 + i % 7);
    struct found found = read_file(file, file->out.length);
    assert_int_equal(found.result, WEIR_E_END);
    assert_int_equal(found.messages, 40);
    assert_int_equal(found.octets, file->out.length);
    assert_int_equal(found.counters.messages_malformed, 0);
    assert_int_equal(found.counters.records, 40 + 5 * 21 + 15 - 5);
    assert_int_equal(found.counters.records_lost, 0);
}

static void test_more_than_one_buffer(void **state)
{
    struct file *file = *state;
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    while (file->out.length < 5 << 20)
        add(file, &peer, 1 + file->messages % 100);
    struct found found = read_file(file, file->out.length);
    assert_int_equal(found.result, WEIR_E_END);
    assert_int_equal(found.messages, file->messages);
    assert_int_equal(found.counters.records, peer.sequence);
    assert_int_equal(found.counters.records_lost, 0);
}

static void test_received_is_the_export_time(void **state)
{
    struct file *file = *state;
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    add(file, &peer, 1);
    add(file, &peer, 1);
    struct weir_input *input;
    struct weir_diag diag;
    const struct weir_datagram *datagrams;
    size_t count;
    assert_int_equal(
        weir_input_open_memory(file->octets, file->out.length, "a.file", &input, &diag), 0);
    assert_int_equal(weir_input_transport(input), WEIR_COLLECT_FILE);
    assert_int_equal(weir_input_next(input, &datagrams, &count, &diag), 0);
    assert_int_equal(count, 2);
    assert_int_equal(datagrams[1].received_ns, (PEER_SECOND + 1) * WEIR_NS_PER_SECOND);
    weir_input_close(input);
}

static void test_cut_at_every_octet(void **state)
{
    struct file *file = *state;
    struct peer ipfix = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    struct peer fixed[] = {
        peer_of(WEIR_PROTOCOL_NETFLOW5, "192.0.2.1", 1),
        peer_of(WEIR_PROTOCOL_NETFLOW1, "192.0.2.1", 1),
    };
    size_t ends[6] = {0};
    for (unsigned i = 0; i < 5; i++) {
        add(file, i % 2 ? &fixed[i / 2] : &ipfix, 2);
        ends[i + 1] = file->out.length;
    }
    unsigned whole = 0;
    for (size_t length = 0; length <= file->out.length; length++) {
        struct found found = read_file(file, length);
        if (whole < 5 && length >= ends[whole + 1])
            whole++;
        assert_int_equal(found.octets, length);
        if (length == ends[whole]) {
            assert_int_equal(found.result, WEIR_E_END);
            assert_int_equal(found.messages, whole);
        } else {
            char octet[64];
            assert_int_equal(found.result, WEIR_E_TRUNCATED);
            assert_int_equal(found.messages, whole + 1);
            snprintf(octet, sizeof(octet), "a.file: octet %zu: the file ends inside", length);
            assert_memory_equal(found.diag.text, octet, strlen(octet));
        }
        assert_true(found.counters.records / 2 >= whole);
    }
}

/* Nothing in a datagram of sFlow says how long it is. */
static void test_sflow_is_one_datagram(void **state)
{
    struct file *file = *state;
    struct sflow_builder b;
    sflow_datagram(&b, 7, 41);
    for (unsigned i = 0; i < 3; i++)
        sflow_end(&b, sflow_flow(&b, false));
    size_t length = weir_writer_offset(&b.writer);
    weir_write_octets(&file->out, b.octets, length);
    struct found found = read_file(file, length);
    assert_int_equal(found.result, WEIR_E_END);
    assert_int_equal(found.messages, 1);
    assert_int_equal(found.counters.records, 3);
    assert_int_equal(found.counters.messages_malformed, 0);

    weir_write_octets(&file->out, b.octets, length);
    found = read_file(file, 2 * length);
    assert_int_equal(found.result, WEIR_E_END);
    assert_int_equal(found.messages, 1);
    assert_int_equal(found.octets, 2 * length);
    assert_int_equal(found.counters.records, 3);
    assert_int_equal(found.counters.malformed_length, 1);

    found = read_file(file, length - 1);
    assert_int_equal(found.result, WEIR_E_TRUNCATED);
    assert_int_equal(found.counters.records, 2);
}

static void test_rest_that_is_no_message(void **state)
{
    struct file *file = *state;
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    add(file, &peer, 3);
    char expected[128];
    snprintf(
        expected, sizeof(expected),
        "a.file: octet %zu: no export message begins here: version 28532 is none that is known",
        file->out.length);
    weir_write_octets(&file->out, "other things", 12);
    struct found found = read_file(file, file->out.length);
    assert_int_equal(found.result, WEIR_E_UNSUPPORTED);
    assert_string_equal(found.diag.text, expected);
    assert_int_equal(found.counters.records, 3);
    assert_int_equal(found.counters.messages, 1);
}

static void test_length_below_the_header(void **state)
{
    struct file *file = *state;
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    add(file, &peer, 3);
    weir_write_octets(&file->out, "\0\x0a\0\x0f\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    struct found found = read_file(file, file->out.length);
    assert_int_equal(found.result, WEIR_E_MALFORMED);
    assert_non_null(strstr(found.diag.text, "message length 15 is shorter than its header"));
    assert_int_equal(found.counters.records, 3);
}

static void test_foreign_and_empty(void **state)
{
    struct file *file = *state;
    weir_write_octets(&file->out, "#!/bin/sh\necho hello, world, this is text\n", 42);
    struct found found = read_file(file, file->out.length);
    assert_int_equal(found.result, WEIR_E_UNSUPPORTED);
    assert_string_equal(found.diag.text, "a.file: octet 0: it is text: neither a capture nor a "
                                         "file of export messages");
    assert_int_equal(read_file(file, 0).result, WEIR_E_END);
    struct weir_input *input;
    assert_int_equal(weir_input_open("/nowhere", &input, &found.diag), WEIR_E_IO);
    assert_string_equal(found.diag.text, "/nowhere: No such file or directory");
}

static void test_captures(void **state)
{
    struct file *file = *state;
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    pcap_header(&file->out, false, 0xa1b2c3d4, WEIR_LINK_ETHERNET);
    for (unsigned i = 0; i < 3; i++) {
        struct frame_builder frame;
        peer_begin(&peer);
        peer_template(&peer, template_of(file, &peer));
        peer_flows(&peer, template_of(file, &peer), i, 2);
        struct weir_datagram datagram = peer_end(&peer);
        frame_begin(&frame);
        frame_ethernet(&frame, 0x0800);
        frame_ipv4(&frame, 17);
        frame_udp(&frame, 40000, 4739, 0);
        weir_write_octets(&frame.out, datagram.octets, datagram.length);
        weir_writer_patch_u16(&frame.out, frame.udp + 4, (uint16_t)(8 + datagram.length));
        frame_length(&frame);
        if (i == 1)
            continue; /* lost on the way */
        size_t at = file->out.length;
        pcap_record(&file->out, false, 1700000000 + i, 0, 0, (uint32_t)frame.out.length);
        weir_store_le32(file->octets + at + 8, (uint32_t)frame.out.length);
        weir_write_octets(&file->out, frame.octets, frame.out.length);
    }
    struct found found = read_file(file, file->out.length);
    assert_int_equal(found.result, WEIR_E_END);
    assert_int_equal(found.counters.messages, 2);
    assert_int_equal(found.counters.records, 4);
    assert_int_equal(found.counters.records_lost, 2);
    assert_int_equal(found.counters.messages_malformed, 0);
    /* A capture that is cut delivers what was whole. */
    found = read_file(file, file->out.length - 1);
    assert_int_equal(found.result, WEIR_E_TRUNCATED);
    assert_int_equal(found.counters.records, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_messages_one_after_another, make_file, free_file),
        cmocka_unit_test_setup_teardown(test_more_than_one_buffer, make_file, free_file),
        cmocka_unit_test_setup_teardown(test_received_is_the_export_time, make_file, free_file),
        cmocka_unit_test_setup_teardown(test_cut_at_every_octet, make_file, free_file),
        cmocka_unit_test_setup_teardown(test_sflow_is_one_datagram, make_file, free_file),
        cmocka_unit_test_setup_teardown(test_rest_that_is_no_message, make_file, free_file),
        cmocka_unit_test_setup_teardown(test_length_below_the_header, make_file, free_file),
        cmocka_unit_test_setup_teardown(test_foreign_and_empty, make_file, free_file),
        cmocka_unit_test_setup_teardown(test_captures, make_file, free_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
