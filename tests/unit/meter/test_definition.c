/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/definition.h"

#include "support/cmocka.h"

#include <string.h>

static void names_make_the_tuples(void **state)
{
    (void)state;
    struct weir_flow_definition parsed;
    struct weir_flow_definition known = weir_flow_definition_5_tuple();
    struct weir_diag diag;
    assert_int_equal(weir_flow_definition_parse("keys=protocol,dst_port,src_port,dst_addr,src_addr",
                                                &parsed, &diag),
                     0);
    assert_memory_equal(&parsed, &known, sizeof(known));
    assert_true(weir_flow_definition_has_connections(&parsed));
    assert_int_equal(weir_flow_definition_absent(&parsed), 0);

    known = weir_flow_definition_7_tuple();
    assert_int_equal(
        weir_flow_definition_parse("keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if",
                                   &parsed, &diag),
        0);
    assert_memory_equal(&parsed, &known, sizeof(known));
    assert_true(weir_flow_definition_has_connections(&parsed));
}

static void columns_that_are_no_keys_are_absent(void **state)
{
    (void)state;
    struct weir_flow_definition parsed;
    struct weir_diag diag;
    assert_int_equal(weir_flow_definition_parse("keys=dst_addr,protocol", &parsed, &diag), 0);
    assert_false(weir_flow_definition_has_connections(&parsed));
    assert_int_equal(weir_flow_definition_absent(&parsed),
                     WEIR_COLUMN_BIT(SRC_ADDR) | WEIR_COLUMN_BIT(SRC_PORT) |
                         WEIR_COLUMN_BIT(DST_PORT) | WEIR_COLUMN_BIT(ICMP_TYPE) |
                         WEIR_COLUMN_BIT(ICMP_CODE));
}

static void wrong_definitions_say_what_is_wrong(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"src_addr", "begins with 'keys='"},
        {"keys=", "no such key"},
        {"keys=src_addr,", "no such key"},
        {"keys=src_adr", "did you mean 'src_addr'"},
        {"keys=flux", "there are src_addr"},
        {"keys=src_addr/24", "prefix lengths are not supported"},
        {"keys=tos,tos", "twice"},
        {"keys=tos fields=packets", "keys only"},
        {"keys=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "no such key"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct weir_flow_definition parsed = {.mask = {.tos = 77}};
        struct weir_diag diag = {0};
        assert_int_equal(weir_flow_definition_parse(wrong[i][0], &parsed, &diag), WEIR_E_USAGE);
        assert_non_null(strstr(diag.text, wrong[i][1]));
        assert_int_equal(parsed.mask.tos, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_make_the_tuples),
        cmocka_unit_test(columns_that_are_no_keys_are_absent),
        cmocka_unit_test(wrong_definitions_say_what_is_wrong),
    };
    return cmocka_run_group_tests_name("definition", tests, NULL, NULL);
}
