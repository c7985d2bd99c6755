/* SPDX-License-Identifier: Apache-2.0 */
#include "app/flow_printer.h"

#include "support/cmocka.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flows.h"
#include "scratch.h"

/* What is printed of these packets' flows. */
static char *printed(const struct scratch *scratch, enum weir_format format,
                     const struct weir_packet *packets, size_t count)
{
    char path[SCRATCH_PATH_MAX];
    struct weir_cache_config config = weir_cache_config_default();
    const struct weir_flow_printer_fields fields = {.columns = weir_cache_columns(&config)};
    struct weir_flow_printer *printer;
    struct weir_diag diag = {0};
    assert_int_equal(weir_flow_printer_open(scratch_path(scratch, "out", path), format, &fields,
                                            NULL, &printer, &diag),
                     0);
    struct weir_batch_sink sink = weir_flow_printer_sink(printer);
    flows_of(packets, count, &sink);
    assert_int_equal(weir_flow_printer_close(printer, "", &diag), 0);
    return scratch_text(scratch, "out");
}

static void a_table_is_aligned(void **state)
{
    const struct weir_packet packets[] = {flows_tcp(), flows_udp_v6(), flows_ping()};
    char *text = printed(*state, WEIR_FORMAT_TABLE, packets, 3);
    assert_string_equal(
        text,
        "start                     duration_ms  protocol  src_addr     src_port  dst_addr      "
        "dst_port  tcp_flags  tos  packets  bytes  end_reason\n"
        "2026-07-22T10:00:00.123Z            0  tcp       192.0.2.1       40000  198.51.100.2"
        "       443  ...A..S.   184        1   1500  forced\n"
        "2026-07-22T10:00:00.000Z            0  udp       2001:db8::1        53  2001:db8::2 "
        "      1024  ........     0        1     80  forced\n"
        "2026-07-22T09:59:59.000Z            0  icmp      192.0.2.1           0  198.51.100.2"
        "      2048  ........     0        1     84  forced\n");
    free(text);
}

static void a_table_has_what_flows_have(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct weir_flow_printer *printer;
    struct weir_diag diag = {0};
    const struct weir_flow_printer_fields fields = {
        .columns = WEIR_COLUMN_BIT(END) | WEIR_COLUMN_BIT(DST_ADDR) | WEIR_COLUMN_BIT(BYTES)};
    assert_int_equal(weir_flow_printer_open(scratch_path(*state, "out", path), WEIR_FORMAT_TABLE,
                                            &fields, NULL, &printer, &diag),
                     0);
    assert_int_equal(weir_flow_printer_close(printer, "", &diag), 0);
    char *text = scratch_text(*state, "out");
    assert_string_equal(text, "dst_addr  bytes\n");
    free(text);
}

static void any_time_is_printed(void **state)
{
    struct weir_packet packets[] = {flows_tcp(), flows_tcp(), flows_tcp()};
    packets[0].time_ns = INT64_MIN;
    packets[1].time_ns = -1;
    packets[2].time_ns = INT64_MAX;
    char *text = printed(*state, WEIR_FORMAT_TABLE, packets, 3);
    assert_non_null(strstr(text, "\n1677-09-21T00:12:43.145Z "));
    assert_non_null(strstr(text, "\n1969-12-31T23:59:59.999Z "));
    assert_non_null(strstr(text, "\n2262-04-11T23:47:16.854Z "));
    free(text);
}

/* Who reads along sees what has come, however little. */
static void a_flush_prints_what_has_come(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct weir_flow_printer *printer;
    struct weir_diag diag = {0};
    struct weir_cache_config config = weir_cache_config_default();
    const struct weir_packet packet = flows_tcp();
    scratch_path(*state, "out", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    const struct weir_flow_printer_fields fields = {.columns = weir_cache_columns(&config)};
    assert_int_equal(
        weir_flow_printer_open(path, WEIR_FORMAT_TABLE, &fields, NULL, &printer, &diag), 0);
    struct weir_batch_sink sink = weir_flow_printer_sink(printer);
    char text[4096];
    assert_int_equal(sink.flush(sink.context, 0, &diag), 0);
    assert_true(read(fd, text, sizeof(text)) < 0 && errno == EAGAIN);
    flows_of(&packet, 1, &sink);
    assert_int_equal(sink.flush(sink.context, 0, &diag), 0);
    ssize_t length = read(fd, text, sizeof(text) - 1);
    assert_true(length > 0);
    text[length] = '\0';
    assert_non_null(strstr(text, "start "));
    assert_non_null(strstr(text, "  forced\n"));
    assert_int_equal(weir_flow_printer_close(printer, "", &diag), 0);
    close(fd);
    unlink(path);
}

/* Past the rows that set the widths a longer value widens its column, and loses nothing. */
static void a_long_table_goes_on(void **state)
{
    enum { FLOWS = 2500 };
    struct weir_packet *packets = calloc(FLOWS + 1, sizeof(*packets));
    for (unsigned i = 0; i < FLOWS; i++) {
        packets[i] = flows_tcp();
        packets[i].key.src_port = (uint16_t)i;
        packets[i].time_ns += i * WEIR_NS_PER_SECOND;
    }
    packets[FLOWS] = packets[FLOWS - 1];
    packets[FLOWS].octets = UINT32_MAX;
    char *text = printed(*state, WEIR_FORMAT_TABLE, packets, FLOWS + 1);
    unsigned lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, FLOWS + 1);
    assert_non_null(strstr(text, " 4.29 G  "));
    free(text);
    free(packets);
}

static void csv_has_every_column(void **state)
{
    const struct weir_packet packets[] = {flows_tcp(), flows_udp_v6(), flows_ping()};
    char *text = printed(*state, WEIR_FORMAT_CSV, packets, 3);
    assert_string_equal(
        text,
        "start,end,src_addr,dst_addr,src_port,dst_port,protocol,tos,tcp_flags,icmp_type,icmp_code,"
        "packets,bytes,in_if,ttl_min,ttl_max,vlan,end_reason,flow_label\n"
        "2026-07-22T10:00:00.123456789Z,2026-07-22T10:00:00.123456789Z,192.0.2.1,198.51.100.2,"
        "40000,443,6,184,18,,,1,1500,3,64,64,5,4,\n"
        "2026-07-22T10:00:00.000Z,2026-07-22T10:00:00.000Z,2001:db8::1,2001:db8::2,"
        "53,1024,17,0,0,,,1,80,3,255,255,0,4,74565\n"
        "2026-07-22T09:59:59.000Z,2026-07-22T09:59:59.000Z,192.0.2.1,198.51.100.2,"
        "0,2048,1,0,0,8,0,1,84,3,64,64,0,4,\n");
    free(text);
}

static void json_is_one_object(void **state)
{
    const struct weir_packet packets[] = {flows_tcp(), flows_udp_v6()};
    char *text = printed(*state, WEIR_FORMAT_JSON, packets, 2);
    assert_non_null(strstr(text, "{\"columns\":[\n"
                                 "{\"name\":\"start\",\"type\":\"time\",\"unit\":\"ns\"},\n"
                                 "{\"name\":\"end\","));
    assert_non_null(strstr(text, "\"rows\":[\n{\"start\":\"2026-07-22T10:00:00.123456789Z\","));
    assert_non_null(strstr(text, "\"src_addr\":\"192.0.2.1\",\"dst_addr\":\"198.51.100.2\","
                                 "\"src_port\":40000,\"dst_port\":443,\"protocol\":6,\"tos\":184,"
                                 "\"tcp_flags\":18,\"icmp_type\":null,"));
    assert_non_null(strstr(text, "\"flow_label\":74565}],\n\"stats\":{\"rows\":2}}\n"));
    free(text);

    text = printed(*state, WEIR_FORMAT_JSON, NULL, 0);
    assert_non_null(strstr(text, "\"rows\":[],\n\"stats\":{\"rows\":0}}\n"));
    free(text);
}

/* Fields without a column, of flows of several definitions, stand behind those with one. */
static void fields_without_a_column_are_printed(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct weir_extra_fields one = {0}, two = {0};
    assert_int_equal(weir_extra_add(&one, "ttl", (struct weir_field){0, 192, 1}), 0);
    assert_int_equal(weir_extra_add(&one, "rev_start", (struct weir_field){29305, 152, 8}), 0);
    assert_int_equal(weir_extra_add(&two, "label", (struct weir_field){0, 70, 3}), 0);
    assert_int_equal(weir_extra_add(&two, "ttl", (struct weir_field){0, 192, 1}), 0);
    const struct weir_extra_fields *extras[] = {&one, &two};
    const struct weir_flow_printer_fields fields = {
        .columns = WEIR_COLUMN_BIT(BYTES), .extras = extras, .extra_count = 2};
    struct weir_flow_printer *printer;
    struct weir_diag diag = {0};
    assert_int_equal(weir_flow_printer_open(scratch_path(*state, "out", path), WEIR_FORMAT_CSV,
                                            &fields, NULL, &printer, &diag),
                     0);
    struct weir_batch_sink sink = weir_flow_printer_sink(printer);
    static const uint8_t octets[2][9] = {{64, 0, 0, 1, 0x7e, 0x12, 0xef, 0x9c, 0}, {1, 2, 3, 9}};
    for (unsigned i = 0; i < 2; i++) {
        struct weir_batch *batch = weir_batch_new(1);
        struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(BYTES)};
        assert_int_equal(weir_batch_set_extra(batch, extras[i]), 0);
        (void)weir_batch_begin(batch, &segment, 1);
        weir_batch_u64(batch, WEIR_COLUMN_BYTES)[0] = 40 + i;
        memcpy(weir_batch_extra(batch, 0), octets[i], extras[i]->row_octets);
        assert_int_equal(sink.batch(sink.context, batch, &diag), 0);
        weir_batch_free(batch);
    }
    assert_int_equal(weir_flow_printer_close(printer, "", &diag), 0);
    char *text = scratch_text(*state, "out");
    assert_string_equal(text, "bytes,ttl,rev_start,label\n"
                              "40,64,2022-01-01T00:00:00.000Z,\n"
                              "41,9,,0x010203\n");
    free(text);
}

/* A mean is a number in JSON, too, and a number of people's in a table. */
static void a_float_is_a_number(void **state)
{
    static const struct {
        enum weir_format format;
        const char *text;
    } cases[] = {
        {WEIR_FORMAT_NDJSON, "{\"length_mean\":1500.5}\n{\"length_mean\":null}\n"},
        {WEIR_FORMAT_CSV, "length_mean\n1500.5\n\n"},
        {WEIR_FORMAT_TABLE, "length_mean\n     1.50 k\n          -\n"},
    };
    static const uint8_t octets[] = {0x40, 0x97, 0x72, 0, 0, 0, 0, 0};
    struct weir_extra_fields extra = {0};
    const struct weir_extra_fields *extras = &extra;
    assert_int_equal(
        weir_extra_add(&extra, "length_mean", (struct weir_field){WEIR_PEN_BUILTIN, 400, 8}), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[SCRATCH_PATH_MAX];
        const struct weir_flow_printer_fields fields = {
            .named = WEIR_COLUMN_BIT(BYTES), .extras = &extras, .extra_count = 1};
        struct weir_flow_printer *printer;
        struct weir_diag diag = {0};
        assert_int_equal(weir_flow_printer_open(scratch_path(*state, "out", path), cases[i].format,
                                                &fields, NULL, &printer, &diag),
                         0);
        struct weir_batch_sink sink = weir_flow_printer_sink(printer);
        struct weir_batch *batch = weir_batch_new(2);
        struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(BYTES)};
        assert_int_equal(weir_batch_set_extra(batch, &extra), 0);
        (void)weir_batch_begin(batch, &segment, 2);
        memcpy(weir_batch_extra(batch, 0), octets, sizeof(octets));
        weir_extra_leave_out(&batch->extra_absent[1], 0);
        assert_int_equal(sink.batch(sink.context, batch, &diag), 0);
        weir_batch_free(batch);
        assert_int_equal(weir_flow_printer_close(printer, "", &diag), 0);
        char *text = scratch_text(*state, "out");
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_table_is_aligned),   CASE(a_table_has_what_flows_have),
        CASE(any_time_is_printed),  CASE(a_flush_prints_what_has_come),
        CASE(a_long_table_goes_on), CASE(csv_has_every_column),
        CASE(json_is_one_object),   CASE(fields_without_a_column_are_printed),
        CASE(a_float_is_a_number),
    };
    return cmocka_run_group_tests_name("flow printer", tests, NULL, NULL);
}
