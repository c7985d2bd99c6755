/* SPDX-License-Identifier: Apache-2.0 */
#include "app/flow_printer.h"

#include "support/cmocka.h"

#include "flows.h"
#include "scratch.h"

/* What is printed of these packets' flows. */
static char *printed(const struct scratch *scratch, enum weir_flows_format format,
                     const struct weir_packet *packets, size_t count)
{
    char path[SCRATCH_PATH_MAX];
    struct weir_cache_config config = weir_cache_config_default();
    struct weir_flow_printer *printer;
    struct weir_diag diag = {0};
    assert_int_equal(weir_flow_printer_open(scratch_path(scratch, "out", path), format,
                                            weir_cache_columns(&config), &printer, &diag),
                     0);
    struct weir_batch_sink sink = weir_flow_printer_sink(printer);
    flows_of(packets, count, &sink);
    assert_int_equal(weir_flow_printer_close(printer, &diag), 0);
    return scratch_text(scratch, "out");
}

static void a_table_is_aligned(void **state)
{
    const struct weir_packet packets[] = {flows_tcp(), flows_udp_v6(), flows_ping()};
    char *text = printed(*state, WEIR_FLOWS_TABLE, packets, 3);
    assert_string_equal(
        text, "START (UTC)              DURATION  PROTO  SOURCE            DESTINATION         "
              "FLAGS     TOS  PACKETS  BYTES  END\n"
              "2026-07-22 10:00:00.123     0.000  tcp    192.0.2.1:40000   198.51.100.2:443    "
              "...A..S.  184        1   1500  forced\n"
              "2026-07-22 10:00:00.000     0.000  udp    [2001:db8::1]:53  [2001:db8::2]:1024  "
              "........    0        1     80  forced\n"
              "2026-07-22 09:59:59.000     0.000  icmp   192.0.2.1         198.51.100.2        "
              "8.0         0        1     84  forced\n");
    free(text);
}

static void any_time_is_printed(void **state)
{
    struct weir_packet packets[] = {flows_tcp(), flows_tcp(), flows_tcp()};
    packets[0].time_ns = INT64_MIN;
    packets[1].time_ns = -1;
    packets[2].time_ns = INT64_MAX;
    char *text = printed(*state, WEIR_FLOWS_TABLE, packets, 3);
    assert_non_null(strstr(text, "\n1677-09-21 00:12:43.145 "));
    assert_non_null(strstr(text, "\n1969-12-31 23:59:59.999 "));
    assert_non_null(strstr(text, "\n2262-04-11 23:47:16.854 "));
    free(text);
}

static void no_flows_print_no_table(void **state)
{
    char *text = printed(*state, WEIR_FLOWS_TABLE, NULL, 0);
    assert_string_equal(text, "");
    free(text);
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
    char *text = printed(*state, WEIR_FLOWS_TABLE, packets, FLOWS + 1);
    unsigned lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, FLOWS + 1);
    assert_non_null(strstr(text, " 4294968795  "));
    free(text);
    free(packets);
}

static void csv_has_every_column(void **state)
{
    const struct weir_packet packets[] = {flows_tcp(), flows_udp_v6(), flows_ping()};
    char *text = printed(*state, WEIR_FLOWS_CSV, packets, 3);
    assert_string_equal(
        text,
        "start,end,src_addr,dst_addr,src_port,dst_port,protocol,tos,tcp_flags,icmp_type,icmp_code,"
        "packets,bytes,in_if,ttl_min,ttl_max,vlan,end_reason,flow_label\n"
        "2026-07-22T10:00:00.123456789Z,2026-07-22T10:00:00.123456789Z,192.0.2.1,198.51.100.2,"
        "40000,443,6,184,18,,,1,1500,3,64,64,5,4,\n"
        "2026-07-22T10:00:00Z,2026-07-22T10:00:00Z,2001:db8::1,2001:db8::2,"
        "53,1024,17,0,0,,,1,80,3,255,255,0,4,74565\n"
        "2026-07-22T09:59:59Z,2026-07-22T09:59:59Z,192.0.2.1,198.51.100.2,"
        "0,2048,1,0,0,8,0,1,84,3,64,64,0,4,\n");
    free(text);
}

static void json_is_one_object(void **state)
{
    const struct weir_packet packets[] = {flows_tcp(), flows_udp_v6()};
    char *text = printed(*state, WEIR_FLOWS_JSON, packets, 2);
    assert_string_equal(
        text, "{\"columns\":[\"start\",\"end\",\"src_addr\",\"dst_addr\",\"src_port\",\"dst_port\","
              "\"protocol\",\"tos\",\"tcp_flags\",\"icmp_type\",\"icmp_code\",\"packets\","
              "\"bytes\",\"in_if\",\"ttl_min\",\"ttl_max\",\"vlan\",\"end_reason\","
              "\"flow_label\"],\n\"rows\":["
              "\n[\"2026-07-22T10:00:00.123456789Z\",\"2026-07-22T10:00:00.123456789Z\","
              "\"192.0.2.1\",\"198.51.100.2\",40000,443,6,184,18,null,null,1,1500,3,64,64,5,4,"
              "null],\n[\"2026-07-22T10:00:00Z\",\"2026-07-22T10:00:00Z\",\"2001:db8::1\","
              "\"2001:db8::2\",53,1024,17,0,0,null,null,1,80,3,255,255,0,4,74565]\n]}\n");
    free(text);

    text = printed(*state, WEIR_FLOWS_JSON, NULL, 0);
    assert_non_null(strstr(text, "\"rows\":[\n]}\n"));
    free(text);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_table_is_aligned),   CASE(any_time_is_printed),  CASE(no_flows_print_no_table),
        CASE(a_long_table_goes_on), CASE(csv_has_every_column), CASE(json_is_one_object),
    };
    return cmocka_run_group_tests_name("flow printer", tests, NULL, NULL);
}
