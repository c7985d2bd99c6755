/* SPDX-License-Identifier: Apache-2.0 */
#include "record/json.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "record/template.h"

#define EXPORT_NS INT64_C(1700000000000000000)

static const struct weir_plan_context context = {
    .export_time_ns = EXPORT_NS,
    .uptime_zero_ns = EXPORT_NS - 100 * WEIR_NS_PER_SECOND,
    .offset = 36,
};

struct printed {
    int result;
    size_t consumed;
    struct weir_diag diag;
    char text[1024];
};

static struct printed print(const struct weir_field *fields, uint16_t count, const void *octets,
                            size_t length, const struct weir_plan_context *times)
{
    struct printed printed = {0};
    struct weir_text_buffer out;
    struct weir_plan *plan;
    struct weir_template *template = weir_template_new(300, fields, count);
    assert_non_null(template);
    assert_int_equal(weir_plan_compile(template, &plan), 0);
    weir_text_init(&out, sizeof(printed.text) - 1);
    printed.result =
        weir_record_print_json(plan, octets, length, times, &out, &printed.consumed, &printed.diag);
    assert_int_equal(weir_text_error(&out), 0);
    memcpy(printed.text, weir_text_string(&out), out.length + 1);
    weir_text_done(&out);
    weir_plan_free(plan);
    free(template);
    return printed;
}

#define PRINT(times, octets, ...)                                                               \
    print((const struct weir_field[]){__VA_ARGS__},                                             \
          sizeof((const struct weir_field[]){__VA_ARGS__}) / sizeof(struct weir_field), octets, \
          sizeof(octets) - 1, times)

static void every_field_by_its_name(void **state)
{
    (void)state;
    struct printed printed =
        PRINT(NULL, "\xc0\x00\x02\x01\x00\x35\x02\x00\x00\x07\xff\xff\xff\xfe", {0, 8, 4},
              {0, 11, 2}, {0, 239, 1}, {35632, 29999, 2}, {0, 210, 1}, {0, 34, 0},
              {WEIR_PEN_NETFLOW9_SCOPE, 3, 1}, {0, 11, 2}, {WEIR_PEN_NETFLOW9_SCOPE, 9, 1});
    assert_int_equal(printed.result, 0);
    assert_int_equal(printed.consumed, 14);
    assert_string_equal(printed.text,
                        "\"sourceIPv4Address\":\"192.0.2.1\",\"destinationTransportPort\":53,"
                        "\"biflowDirection\":2,\"35632/29999\":\"0x0000\",\"scopeLineCard\":255,"
                        "\"destinationTransportPort#2\":65535,\"scope/9\":\"0xfe\"");
}

static void relative_times_are_also_absolute(void **state)
{
    (void)state;
    const char octets[] = "\x00\x01\x82\xb8\x00\x01\x83\x1c\x00\x0f\x42\x40";
    struct printed printed = PRINT(&context, octets, {0, 22, 4}, {0, 21, 4}, {0, 158, 4});
    assert_string_equal(printed.text, "\"flowStartSysUpTime\":99000,"
                                      "\"flowStartMilliseconds\":\"2023-11-14T22:13:19.000Z\","
                                      "\"flowEndSysUpTime\":99100,"
                                      "\"flowEndMilliseconds\":\"2023-11-14T22:13:19.100Z\","
                                      "\"flowStartDeltaMicroseconds\":1000000,"
                                      "\"flowStartMicroseconds\":\"2023-11-14T22:13:19.000000Z\"");
    printed = PRINT(NULL, octets, {0, 22, 4}, {0, 21, 4}, {0, 158, 4});
    assert_string_equal(printed.text, "\"flowStartSysUpTime\":99000,\"flowEndSysUpTime\":99100,"
                                      "\"flowStartDeltaMicroseconds\":1000000");

    /* Not where the record says it itself. */
    printed = PRINT(&context, "\x00\x01\x82\xb8\x00\x00\x01\x8b\xcf\xe5\x68\x00", {0, 22, 4},
                    {0, 152, 8});
    assert_string_equal(printed.text, "\"flowStartSysUpTime\":99000,"
                                      "\"flowStartMilliseconds\":\"2023-11-14T22:13:20.000Z\"");
}

static void variable_fields_and_what_is_wrong(void **state)
{
    (void)state;
    struct printed printed = PRINT(&context,
                                   "\x03"
                                   "eth"
                                   "\x06"
                                   "\xff\x00\x01"
                                   "x"
                                   "\x99",
                                   {0, 82, 65535}, {0, 4, 1}, {0, 83, 65535});
    assert_int_equal(printed.result, 0);
    assert_int_equal(printed.consumed, 9);
    assert_string_equal(printed.text, "\"interfaceName\":\"eth\",\"protocolIdentifier\":6,"
                                      "\"interfaceDescription\":\"x\"");

    printed = PRINT(&context,
                    "\x05"
                    "eth"
                    "\x06",
                    {0, 82, 65535}, {0, 4, 1});
    assert_int_equal(printed.result, WEIR_E_MALFORMED);
    assert_string_equal(printed.diag.text,
                        "octet 36: a record of template 300 passes the end of its set");
    assert_string_equal(printed.text, "");

    printed = PRINT(&context, "\x00\x00", {0, 8, 4});
    assert_int_equal(printed.result, WEIR_E_END);

    printed = PRINT(&context, "\x00\x00", {0, 8, 0});
    assert_int_equal(printed.result, WEIR_E_MALFORMED);
    assert_string_equal(printed.diag.text, "octet 36: records of template 300 have no octets");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_by_its_name),
        cmocka_unit_test(relative_times_are_also_absolute),
        cmocka_unit_test(variable_fields_and_what_is_wrong),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
