/* SPDX-License-Identifier: Apache-2.0 */
#include "app/destination.h"

#include "support/cmocka.h"

#include "flows.h"
#include "scratch.h"

static struct weir_destination *open_json(const struct scratch *scratch, const char *options)
{
    char path[SCRATCH_PATH_MAX];
    char text[SCRATCH_PATH_MAX + 64];
    snprintf(text, sizeof(text), "json:%s%s", scratch_path(scratch, "out.json", path), options);
    struct weir_url url;
    struct weir_diag diag = {0};
    assert_int_equal(weir_url_parse(text, &url, &diag), 0);
    struct weir_destination *destination;
    assert_int_equal(weir_destination_open(&url, 7, &destination, &diag), 0);
    return destination;
}

static void flows_are_lines_by_ie_name(void **state)
{
    struct weir_destination *destination = open_json(*state, "");
    struct weir_batch_sink sink = weir_destination_sink(destination);
    const struct weir_packet packets[] = {flows_tcp(), flows_udp_v6()};
    flows_of(packets, 2, &sink);
    struct weir_diag diag = {0};
    assert_int_equal(sink.flush(sink.context, 0, &diag), 0);
    assert_int_equal(weir_destination_counters(destination)->records_sent, 2);
    assert_int_equal(weir_destination_close(destination, &diag), 0);

    char *text = scratch_text(*state, "out.json");
    char *v6 = strchr(text, '\n') + 1;
    const char *end = strchr(v6, '\n');
    assert_string_equal(end, "\n");
    v6[-1] = '\0';
    static const char *const of_v4[] = {
        "{\"exporter\":null,\"domain\":7,\"received\":\"2026-07-22T10:00:0",
        "\"protocol\":\"ipfix\"",
        "\"sourceIPv4Address\":\"192.0.2.1\"",
        "\"destinationTransportPort\":443",
        "\"octetDeltaCount\":1500",
        "\"flowStartMilliseconds\":\"2026-07-22T10:00:00.123Z\"",
        "\"vlanId\":5",
        "\"ingressInterface\":3",
    };
    for (size_t i = 0; i < sizeof(of_v4) / sizeof(of_v4[0]); i++)
        assert_non_null(strstr(text, of_v4[i]));
    assert_non_null(strstr(v6, "\"sourceIPv6Address\":\"2001:db8::1\""));
    assert_non_null(strstr(v6, "\"flowLabelIPv6\":74565"));
    free(text);
}

static void an_aborted_file_is_not_there(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct weir_destination *destination = open_json(*state, "?domain=9");
    weir_destination_abort(destination);
    assert_int_not_equal(access(scratch_path(*state, "out.json", path), F_OK), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        CASE(flows_are_lines_by_ie_name),
        CASE(an_aborted_file_is_not_there),
    };
    return cmocka_run_group_tests_name("json destination", tests, NULL, NULL);
}
