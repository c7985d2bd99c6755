/* SPDX-License-Identifier: Apache-2.0 */
#include "query/filter.h"

#include "support/cmocka.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1700000000000000000)

static const char *const operators[] = {
    [WEIR_OP_EQ] = "=",         [WEIR_OP_NE] = "!=",         [WEIR_OP_LT] = "<",
    [WEIR_OP_LE] = "<=",        [WEIR_OP_GT] = ">",          [WEIR_OP_GE] = ">=",
    [WEIR_OP_IN] = "in",        [WEIR_OP_NOT_IN] = "not-in", [WEIR_OP_LIKE] = "like",
    [WEIR_OP_ALL_SET] = "all",  [WEIR_OP_ANY_SET] = "any",   [WEIR_OP_IS_NONE] = "is-none",
    [WEIR_OP_HAS_VALUE] = "is",
};

static void show_value(FILE *out, const struct weir_query_field *field,
                       const struct weir_literal *value)
{
    char text[WEIR_ADDRESS_TEXT_MAX];
    switch (field->type) {
    case WEIR_VALUE_UINT:
    case WEIR_VALUE_MAC:
    case WEIR_VALUE_FLAGS:
        fprintf(out, " %" PRIu64, value->u64);
        break;
    case WEIR_VALUE_INT:
    case WEIR_VALUE_TIME:
    case WEIR_VALUE_DURATION:
        fprintf(out, " %" PRId64, value->i64);
        break;
    case WEIR_VALUE_REAL:
        fprintf(out, " %g", value->real);
        break;
    case WEIR_VALUE_BOOL:
        fprintf(out, " %s", value->boolean ? "true" : "false");
        break;
    case WEIR_VALUE_TEXT:
        fprintf(out, " '%s'", value->text);
        break;
    case WEIR_VALUE_ADDRESS:
        weir_address_format(value->network.address, text);
        fprintf(out, " %s/%u", text, value->network.prefix_length);
        break;
    }
}

/* The tree as one line with brackets. */
static void show(FILE *out, const struct weir_condition *condition)
{
    static const char *const kinds[] = {"and", "or", "not"};
    if (condition->kind == WEIR_CONDITION_TEST) {
        char name[WEIR_QUERY_FIELD_NAME_MAX];
        weir_query_field_name(&condition->field, name);
        fprintf(out, "(%s %s", name, operators[condition->op]);
        for (size_t i = 0; i < condition->value_count; i++)
            show_value(out, &condition->field, &condition->values[i]);
    } else {
        fprintf(out, "(%s", kinds[condition->kind]);
        for (const struct weir_condition *child = condition->children; child; child = child->next) {
            fputc(' ', out);
            show(out, child);
        }
    }
    fputc(')', out);
}

static int parse(const char *text, struct weir_arena *arena, struct weir_condition **condition,
                 struct weir_diag *diag)
{
    const struct weir_filter_context context = {.now_ns = NOW};
    weir_arena_init(arena, 64 << 20);
    return weir_filter_parse(text, &context, arena, condition, diag);
}

static void filters_read_as_they_should(void **state)
{
    (void)state;
    const struct {
        const char *filter, *tree;
    } cases[] = {
        {"", "(and)"},
        {"  ", "(and)"},
        {"any", "(and)"},
        {"proto tcp", "(protocol = 6)"},
        {"protocol 47", "(protocol = 47)"},
        {"tcp", "(protocol = 6)"},
        {"proto tcp and dst port 443 and src net 10.0.0.0/8",
         "(and (protocol = 6) (dst_port = 443) (src_addr = 10.0.0.0/104))"},
        {"host 192.0.2.1 or net 2001:db8::/32",
         "(or (or (src_addr = 192.0.2.1/128) (dst_addr = 192.0.2.1/128)) (or (src_addr = "
         "2001:db8::/32) (dst_addr = 2001:db8::/32)))"},
        {"bytes > 1M and packets < 10", "(and (bytes > 1000000) (packets < 10))"},
        {"bytes>1M&&packets<=10", "(and (bytes > 1000000) (packets <= 10))"},
        {"flags S and not flags AFRPU", "(and (tcp_flags all 2) (not (tcp_flags any 61)))"},
        {"flags = SA", "(tcp_flags = 18)"},
        {"flags 0x12", "(tcp_flags all 18)"},
        {"flags in [S, sa, 16]", "(tcp_flags in 2 18 16)"},
        {"in if 3", "(in_if = 3)"},
        {"if 3", "(or (in_if = 3) (out_if = 3))"},
        {"src as 65000", "(src_as = 65000)"},
        {"exporter 192.0.2.9", "(exporter = 192.0.2.9/128)"},
        {"duration > 10s", "(duration_ms > 10000000000)"},
        {"duration_ms >= 1500", "(duration_ms >= 1500000000)"},
        {"port in [53, 123]", "(or (src_port in 53 123) (dst_port in 53 123))"},
        {"port in (dns, ntp)", "(or (src_port in 53 123) (dst_port in 53 123))"},
        {"port != 53", "(and (src_port != 53) (dst_port != 53))"},
        {"port not in [53]", "(and (src_port not-in 53) (dst_port not-in 53))"},
        {"dst port http", "(dst_port = 80)"},
        {"src or dst port 53", "(or (src_port = 53) (dst_port = 53))"},
        {"src and dst net 10.0.0.0/8", "(and (src_addr = 10.0.0.0/104) (dst_addr = 10.0.0.0/104))"},
        {"dst or src nat port 1", "(or (nat_src_port = 1) (nat_dst_port = 1))"},
        {"not (tcp or udp)", "(not (or (protocol = 6) (protocol = 17)))"},
        {"!tcp || udp && icmp", "(or (not (protocol = 6)) (and (protocol = 17) (protocol = 1)))"},
        {"tcp dst port 443", "(and (protocol = 6) (dst_port = 443))"},
        {"ip", "(ip_version = 4)"},
        {"(ip)", "(ip_version = 4)"},
        {"ip 10.1.2.3", "(or (src_addr = 10.1.2.3/128) (dst_addr = 10.1.2.3/128))"},
        {"ip host 10.1.2.3",
         "(and (ip_version = 4) (or (src_addr = 10.1.2.3/128) (dst_addr = 10.1.2.3/128)))"},
        {"ip proto gre", "(and (ip_version = 4) (protocol = 47))"},
        {"ip6 and udp", "(and (ip_version = 6) (protocol = 17))"},
        {"inet", "(ip_version = 4)"},
        {"src ip 10.1.2.3", "(src_addr = 10.1.2.3/128)"},
        {"src 10.1.2.3", "(src_addr = 10.1.2.3/128)"},
        {"dst in [10.1.0.0/16, ::1]", "(dst_addr in 10.1.0.0/112 ::1/128)"},
        {"10.1.2.3", "(or (src_addr = 10.1.2.3/128) (dst_addr = 10.1.2.3/128))"},
        {"src_addr != 10.0.0.0/8", "(src_addr != 10.0.0.0/104)"},
        {"tos 184 or dscp ef", "(or (tos = 184) (dscp = 46))"},
        {"icmp-type 8 and icmp_code = 0", "(and (icmp_type = 8) (icmp_code = 0))"},
        {"bps > 1.5M and bpp < 0.5", "(and (bps > 1.5e+06) (bpp < 0.5))"},
        {"app like 'micro%'", "(app like 'micro%')"},
        {"app = \"it's\"", "(app = 'it's')"},
        {"app = 'it\\'s'", "(app = 'it's')"},
        {"app = none", "(app is-none)"},
        {"app = 'none'", "(app = 'none')"},
        {"sampling != none", "(sampling is)"},
        {"end_reason idle", "(end_reason = 1)"},
        {"protocol_version ipfix", "(protocol_version = 10)"},
        {"src mac 00:00:5e:00:53:01", "(src_mac = 1577079553)"},
        {"start >= 2023-11-14T22:13:20.5Z", "(start >= 1700000000500000000)"},
        {"end < '2023-11-14 22:13'", "(end < 1699999980000000000)"},
        {"received > -15m", "(received > 1699999100000000000)"},
        {"SRC PORT 1 AND Bytes 2", "(and (src_port = 1) (bytes = 2))"},
        {"sourceTransportPort = 5", "(src_port = 5)"},
        {"sourceIPv6Address 2001:db8::1", "(src_addr = 2001:db8::1/128)"},
        {"maximumIpTotalLength > 1400", "(maximumIpTotalLength > 1400)"},
        {"mibObjectValueInteger = -5", "(mibObjectValueInteger = -5)"},
        {"originalExporterIPv4Address = 192.0.2.1", "(originalExporterIPv4Address = '192.0.2.1')"},
        {"postDestinationMacAddress = 0:0:5E:0:53:1",
         "(postDestinationMacAddress = '00:00:5e:00:53:01')"},
        {"dataRecordsReliability = true", "(dataRecordsReliability = true)"},
        {"samplingProbability < .5", "(samplingProbability < 0.5)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_arena arena;
        struct weir_condition *condition = NULL;
        struct weir_diag diag = {0};
        if (parse(cases[i].filter, &arena, &condition, &diag) < 0)
            fail_msg("%s: %s", cases[i].filter, diag.text);
        char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);
        show(out, condition);
        fclose(out);
        if (strcmp(text, cases[i].tree) != 0)
            fail_msg("%s:\n  %s\n  %s was expected", cases[i].filter, text, cases[i].tree);
        free(text);
        weir_arena_done(&arena);
    }
}

static void errors_point_at_the_place(void **state)
{
    (void)state;
    const struct {
        const char *filter, *error;
    } cases[] = {
        {"bytes > 1M and (dst prot 443)",
         "column 17: 'dst prot': no such column; did you mean 'dst port'?"},
        {"src prt 5", "column 1: 'src prt': no such column; did you mean 'src port'?"},
        {"dst_prot 5", "column 1: 'dst_prot': no such column; did you mean 'dst_port'?"},
        {"tcp and xyzzyplugh 3",
         "column 9: 'xyzzyplugh': no such column; `weir query --columns` lists them"},
        {"octetDeltaCuont > 5",
         "column 1: 'octetDeltaCuont': no such column; did you mean 'octetDeltaCount'?"},
        {"port 80 or 443",
         "column 12: '443' stands alone; say what it is, as in 'port in [80, 443]'"},
        {"port", "column 5: a value was expected, not 'the end'"},
        {"port and tcp", "column 6: a value was expected, not 'and'"},
        {"port 80 443", "column 9: 'and' or 'or' was expected, not '443'"},
        {"(tcp", "column 5: 'and', 'or' or the ')' of column 1 was expected, not 'the end'"},
        {"tcp)", "column 4: 'and' or 'or' was expected, not ')'"},
        {"and tcp", "column 1: a column and its value were expected, not 'and'"},
        {"tcp or", "column 7: a column and its value were expected, not 'the end'"},
        {"port in 53", "column 9: a list like [80, 443] was expected after 'in', not '53'"},
        {"port in [53 54]", "column 13: ',' or ']' was expected, not '54'"},
        {"port in [53,]", "column 13: a value was expected, not ']'"},
        {"port in []", "column 10: a value was expected, not ']'"},
        {"port 70000", "column 6: 70000 is out of range: src_port goes from 0 to 65535"},
        {"port htps", "column 6: 'htps' is no value of src_port; did you mean 'https'?"},
        {"proto tpc", "column 7: 'tpc' is no value of protocol; did you mean 'tcp'?"},
        {"bytes > 1.5", "column 9: '1.5' is no value of bytes: a whole number from 0 to "
                        "18446744073709551615 was expected"},
        {"bytes > abc", "column 9: 'abc' is no value of bytes: a whole number from 0 to "
                        "18446744073709551615 was expected"},
        {"src net 10.0.0.0/33", "column 9: '10.0.0.0/33' is neither an address nor a network"},
        {"src port like 'x'", "column 1: numbers have = != < <= > >= and in"},
        {"src_addr > 10.0.0.1", "column 1: addresses have = != and in, with networks too"},
        {"app > 'a'", "column 1: texts have = != in and like"},
        {"src_addr/24 = 10.0.0.0",
         "column 1: in a filter the network goes to the value: src_addr = 10.0.0.0/8"},
        {"flags Q", "column 7: 'Q' is no set of TCP flags: letters of FSRPAUECN, X for the first "
                    "six, or a number"},
        {"duration > 10x", "column 12: '10x' is no duration like 10s, 1m30s or 250 (milliseconds)"},
        {"start > yesterday",
         "column 9: 'yesterday' is no time; RFC 3339, 'YYYY-MM-DD HH:MM' in quotes, seconds since "
         "1970 and -15m are"},
        {"src mac 1:2:3", "column 9: '1:2:3' is no MAC address"},
        {"app = 'x", "column 7: the quote ' does not end"},
        {"tcp & udp", "column 5: '&' has no meaning here"},
        {"tcp; drop", "column 4: ';' has no meaning here"},
        {"tcp\x01", "column 4: a letter that is not printable (0x1) has no meaning here"},
        {"app = 'gr\xc3\xbc\xc3\x9f' and nothing_of_this_name 1",
         "column 18: 'nothing_of_this_name': no such column; `weir query --columns` lists them"},
        {"dataRecordsReliability = maybe", "column 26: 'maybe' is neither true nor false"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_arena arena;
        struct weir_condition *condition = NULL;
        struct weir_diag diag = {0};
        assert_int_equal(parse(cases[i].filter, &arena, &condition, &diag), WEIR_E_USAGE);
        if (strcmp(diag.text, cases[i].error) != 0)
            fail_msg("%s:\n  %s\n  %s was expected", cases[i].filter, diag.text, cases[i].error);
        weir_arena_done(&arena);
    }
}

/* `count` times `part`, between `before` and `after`. */
static char *repeat(const char *before, const char *part, size_t count, const char *after)
{
    char *text = malloc(strlen(before) + count * strlen(part) + strlen(after) + 1), *at = text;
    assert_non_null(text);
    at = stpcpy(at, before);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, part);
    stpcpy(at, after);
    return text;
}

static void hostile_filters_meet_limits(void **state)
{
    (void)state;
    const struct {
        const char *before, *part, *after, *error;
        size_t count;
    } cases[] = {
        {"", "(", "tcp", "column 101: more than 100 levels in each other", 60000},
        {"", "not ", "tcp", "column 401: more than 100 levels in each other", 15000},
        {"", "tcp ", "", "column 401: more than 100 levels in each other", 15000},
        {"tcp", " or tcp", "", "a filter has at most 65536 letters", 20000},
        {"", "'x' ", "", "column 1: a column", 16000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_arena arena;
        struct weir_condition *condition = NULL;
        struct weir_diag diag = {0};
        char *text = repeat(cases[i].before, cases[i].part, cases[i].count, cases[i].after);
        assert_int_equal(parse(text, &arena, &condition, &diag), WEIR_E_USAGE);
        if (!strstr(diag.text, cases[i].error))
            fail_msg("%.40s: %s", text, diag.text);
        free(text);
        weir_arena_done(&arena);
    }
}

static void long_filters_within_limits_are_taken(void **state)
{
    (void)state;
    const struct {
        const char *before, *part, *after;
        size_t count;
    } cases[] = {
        {"tcp", " or tcp", "", 9000},
        {"port in [1", ",1", "]", 30000},
        {"", "(", "tcp", 99},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_arena arena;
        struct weir_condition *condition = NULL;
        struct weir_diag diag = {0};
        char *open = repeat(cases[i].before, cases[i].part, cases[i].count, cases[i].after);
        char *text = cases[i].part[0] == '(' ? repeat(open, ")", cases[i].count, "")
                                             : repeat(open, "", 0, "");
        if (parse(text, &arena, &condition, &diag) < 0)
            fail_msg("%.40s: %s", text, diag.text);
        free(open);
        free(text);
        weir_arena_done(&arena);
    }
}

static void memory_that_runs_out_is_told(void **state)
{
    (void)state;
    const struct weir_filter_context context = {.now_ns = NOW};
    int result = WEIR_E_NOMEM;
    for (size_t limit = 0; limit < 65536 && result != 0; limit += 64) {
        struct weir_arena arena;
        struct weir_condition *condition = NULL;
        struct weir_diag diag = {0};
        weir_arena_init(&arena, limit);
        result = weir_filter_parse("not (tcp port in [80, 'http'] or src mac 1:2:3:4:5:6)",
                                   &context, &arena, &condition, &diag);
        if (result != 0)
            assert_int_equal(result, WEIR_E_NOMEM);
        weir_arena_done(&arena);
    }
    assert_int_equal(result, 0);
}

static void fields_have_names(void **state)
{
    (void)state;
    const struct {
        const char *name, *back;
    } good[] = {
        {"src_addr", "src_addr"},
        {"SRC_ADDR/24", "src_addr/24"},
        {"dst_addr/24/48", "dst_addr/24/48"},
        {"dst_addr/24/64", "dst_addr/24"},
        {"next_hop/48", "next_hop/48"},
        {"exporter/0", "exporter/0"},
        {"duration_ms", "duration_ms"},
        {"octetDeltaCount", "bytes"},
        {"ingressVRFID", "ingressVRFID"},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct weir_query_field field;
        char name[WEIR_QUERY_FIELD_NAME_MAX];
        assert_int_equal(weir_query_field_by_name(good[i].name, &field), 0);
        assert_int_equal(weir_query_field_name(&field, name), strlen(good[i].back));
        assert_string_equal(name, good[i].back);
    }
    static const char *const bits[] = {
        "src_addr/",        "src_addr/x",      "src_addr/129",
        "src_addr/33/48",   "src_addr/24/129", "src_addr/24/",
        "src_addr/24/48/1", "src_port/8",      "src_addr/99999999999999999999",
    };
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        struct weir_query_field field;
        if (weir_query_field_by_name(bits[i], &field) != WEIR_E_USAGE)
            fail_msg("%s was taken", bits[i]);
    }
    struct weir_query_field field;
    assert_int_equal(weir_query_field_by_name("nonsense", &field), WEIR_E_NOT_FOUND);
    assert_int_equal(weir_query_field_by_name("", &field), WEIR_E_NOT_FOUND);
}

static void names_go_both_ways(void **state)
{
    (void)state;
    uint16_t number = 0;
    assert_int_equal(weir_name_to_number(WEIR_NAMES_PROTOCOL, "ICMPv6", &number), 0);
    assert_int_equal(number, 58);
    assert_string_equal(weir_number_to_name(WEIR_NAMES_PROTOCOL, 58), "icmp6");
    assert_null(weir_number_to_name(WEIR_NAMES_PROTOCOL, 255));
    assert_null(weir_number_to_name(WEIR_NAMES_NONE, 0));
    assert_int_equal(weir_name_to_number(WEIR_NAMES_NONE, "tcp", &number), WEIR_E_NOT_FOUND);
    assert_string_equal(weir_name_nearest(WEIR_NAMES_PORT, "htps"), "https");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_read_as_they_should),
        cmocka_unit_test(errors_point_at_the_place),
        cmocka_unit_test(hostile_filters_meet_limits),
        cmocka_unit_test(long_filters_within_limits_are_taken),
        cmocka_unit_test(memory_that_runs_out_is_told),
        cmocka_unit_test(fields_have_names),
        cmocka_unit_test(names_go_both_ways),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
