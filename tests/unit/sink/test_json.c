/* SPDX-License-Identifier: Apache-2.0 */
#include "support/peer.h"

#include <stdio.h>
#include <unistd.h>

#include "sink/json.h"

struct lines {
    struct desk desk;
    struct weir_json_sink *sink;
    char path[64];
};

static void lines_open(struct lines *lines)
{
    struct weir_collector_config config = weir_collector_defaults();
    struct weir_diag diag;
    weir_hash_key_seed(&config.hash_key, 1);
    lines->desk = desk_open(&config, 0);
    strcpy(lines->path, "/tmp/weir-json-XXXXXX");
    int fd = mkstemp(lines->path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(weir_json_sink_open(lines->path, &lines->sink, &diag), 0);
    struct weir_record_sink records = weir_json_sink_records(lines->sink);
    assert_int_equal(weir_collector_add_record_sink(lines->desk.collector, &records), 0);
}

/* Everything that was written, after the sink is closed. */
static void lines_close(struct lines *lines, char *ret_text, size_t capacity)
{
    struct weir_diag diag;
    (void)desk_count(&lines->desk);
    assert_int_equal(weir_json_sink_close(lines->sink, &diag), 0);
    FILE *file = fopen(lines->path, "rb");
    assert_non_null(file);
    size_t length = fread(ret_text, 1, capacity - 1, file);
    assert_true(length < capacity - 1);
    ret_text[length] = 0;
    fclose(file);
    unlink(lines->path);
    desk_close(&lines->desk);
}

static void test_flows_and_options(void **state)
{
    (void)state;
    struct lines lines;
    char text[4096];
    lines_open(&lines);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "2001:db8::1", 7);
    peer_begin(&peer);
    peer_template(&peer, lines.desk.flows);
    peer_template(&peer, lines.desk.options);
    peer_flows(&peer, lines.desk.flows, 100, 2);
    peer_flows(&peer, lines.desk.options, 1, 1);
    desk_receive(&lines.desk, &peer);
    lines_close(&lines, text, sizeof(text));
    assert_string_equal(
        text, "{\"exporter\":\"2001:db8::1\",\"domain\":7,\"received\":\"2023-11-14T22:13:20."
              "000000005Z\","
              "\"protocol\":\"ipfix\",\"template\":256,\"sourceIPv4Address\":\"192.0.2.8\","
              "\"destinationIPv4Address\":\"192.0.2.12\",\"packetDeltaCount\":100,"
              "\"octetDeltaCount\":1000}\n"
              "{\"exporter\":\"2001:db8::1\",\"domain\":7,\"received\":\"2023-11-14T22:13:20."
              "000000005Z\","
              "\"protocol\":\"ipfix\",\"template\":256,\"sourceIPv4Address\":\"192.0.2.8\","
              "\"destinationIPv4Address\":\"192.0.2.12\",\"packetDeltaCount\":101,"
              "\"octetDeltaCount\":1010}\n"
              "{\"exporter\":\"2001:db8::1\",\"domain\":7,\"received\":\"2023-11-14T22:13:20."
              "000000005Z\","
              "\"protocol\":\"ipfix\",\"template\":300,\"type\":\"options\","
              "\"exportingProcessId\":3221226128,\"exportedFlowRecordTotalCount\":3221226026}\n");
}

static void test_no_exporter_and_whole_seconds(void **state)
{
    (void)state;
    struct lines lines;
    char text[4096];
    static const struct weir_field padding[] = {{0, 210, 4}};
    lines_open(&lines);
    struct weir_template *source = weir_template_new(999, padding, 1);
    assert_non_null(source);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1);
    peer_begin(&peer);
    peer_template(&peer, source);
    peer_flows(&peer, source, 1, 1);
    struct weir_datagram datagram = peer_end(&peer);
    struct weir_diag diag;
    datagram.received_ns = PEER_SECOND * WEIR_NS_PER_SECOND;
    assert_int_equal(
        weir_collector_receive(lines.desk.collector, &datagram, WEIR_COLLECT_FILE, &diag), 0);
    free(source);
    lines_close(&lines, text, sizeof(text));
    assert_string_equal(text,
                        "{\"exporter\":null,\"domain\":1,\"received\":\"2023-11-14T22:13:20Z\","
                        "\"protocol\":\"netflow9\",\"template\":999}\n");
}

static void test_abort_leaves_what_was_there(void **state)
{
    (void)state;
    struct lines lines;
    char text[16];
    lines_open(&lines);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    peer_begin(&peer);
    peer_template(&peer, lines.desk.flows);
    peer_flows(&peer, lines.desk.flows, 100, 2);
    desk_receive(&lines.desk, &peer);
    weir_json_sink_abort(lines.sink);
    weir_json_sink_abort(NULL);
    FILE *file = fopen(lines.path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof(text), file), 0);
    fclose(file);
    unlink(lines.path);
    desk_close(&lines.desk);
}

static void test_no_room(void **state)
{
    (void)state;
    struct weir_json_sink *sink;
    struct weir_diag diag;
    if (access("/dev/full", W_OK) != 0)
        skip();
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    struct desk desk = desk_open(&config, 0);
    assert_int_equal(weir_json_sink_open("/dev/full", &sink, &diag), 0);
    struct weir_record_sink records = weir_json_sink_records(sink);
    assert_int_equal(weir_collector_add_record_sink(desk.collector, &records), 0);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    peer_begin(&peer);
    peer_template(&peer, desk.flows);
    peer_flows(&peer, desk.flows, 100, 2);
    desk_receive(&desk, &peer);
    assert_int_equal(weir_collector_flush(desk.collector, 0, &diag), WEIR_E_IO);
    assert_string_equal(diag.text, "/dev/full: writing: No space left on device");
    weir_json_sink_abort(sink);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flows_and_options),
        cmocka_unit_test(test_no_exporter_and_whole_seconds),
        cmocka_unit_test(test_abort_leaves_what_was_there),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
