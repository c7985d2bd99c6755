/* SPDX-License-Identifier: Apache-2.0 */
#include "ie/element.h"

#include "support/cmocka.h"

#include <string.h>

static void assert_element(const struct weir_element *e, uint32_t pen, uint16_t id,
                           const char *name)
{
    assert_non_null(e);
    assert_int_equal(e->pen, pen);
    assert_int_equal(e->id, id);
    assert_string_equal(e->name, name);
}

static void well_known_elements(void **state)
{
    (void)state;
    const struct weir_element *e = weir_element_find(0, 1);
    assert_element(e, 0, 1, "octetDeltaCount");
    assert_int_equal(e->type, WEIR_TYPE_UNSIGNED64);
    assert_int_equal(e->semantics, WEIR_SEMANTICS_DELTA_COUNTER);
    assert_string_equal(e->units, "octets");
    assert_false(e->has_range);
    assert_ptr_equal(e, weir_element_by_name("octetDeltaCount"));

    e = weir_element_by_name("flowLabelIPv6");
    assert_element(e, 0, 31, "flowLabelIPv6");
    assert_true(e->has_range);
    assert_int_equal(e->range_min, 0);
    assert_int_equal(e->range_max, 0xfffff);

    assert_true(weir_element_find(0, 48)->is_deprecated); /* samplerId */
    assert_int_equal(weir_element_find(0, 525)->type, WEIR_TYPE_UNSIGNED256);
}

static void every_row_is_found_by_number_and_leads_to_its_name(void **state)
{
    (void)state;
    size_t count;
    const struct weir_element *all = weir_elements(&count);
    assert_true(count > 2000);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            assert_true(all[i - 1].pen < all[i].pen ||
                        (all[i - 1].pen == all[i].pen && all[i - 1].id < all[i].id));
        assert_ptr_equal(weir_element_find(all[i].pen, all[i].id), &all[i]);
        const struct weir_element *owner = weir_element_by_name(all[i].name);
        assert_non_null(owner);
        assert_string_equal(owner->name, all[i].name);
        assert_true(owner->pen <= all[i].pen);
        assert_true(all[i].type < WEIR_TYPE_COUNT && all[i].semantics < WEIR_SEMANTICS_COUNT);
        assert_string_not_equal(weir_enterprise_text(all[i].pen), "");
        if (all[i].has_range)
            assert_true(all[i].range_min <= all[i].range_max);
    }
}

static void reverse_elements(void **state)
{
    (void)state;
    const struct weir_element *e = weir_element_find(WEIR_PEN_REVERSE, 1);
    assert_element(e, WEIR_PEN_REVERSE, 1, "reverseOctetDeltaCount");
    assert_int_equal(e->semantics, WEIR_SEMANTICS_DELTA_COUNTER);
    assert_ptr_equal(e, weir_element_by_name("reverseOctetDeltaCount"));
    assert_null(weir_element_find(WEIR_PEN_REVERSE, 148)); /* flowId */
    assert_null(weir_element_find(WEIR_PEN_REVERSE, 210)); /* paddingOctets */
    /* CERT's own bit for the reverse of its elements */
    assert_element(weir_element_find(6871, 14), 6871, 14, "initialTCPFlags");
    assert_element(weir_element_find(6871, 14 | 0x4000), 6871, 14 | 0x4000,
                   "reverseInitialTCPFlags");
}

static void one_name_of_two_enterprises(void **state)
{
    (void)state;
    assert_element(weir_element_by_name("httpHost"), 6871, 117, "httpHost");
    assert_element(weir_element_find(39499, 1), 39499, 1, "httpHost");
    /* VMware has names of IANA's; theirs are reached by number only */
    size_t count, shadowed = 0;
    const struct weir_element *all = weir_elements(&count);
    for (size_t i = 0; i < count; i++) {
        const struct weir_element *owner = weir_element_by_name(all[i].name);
        if (all[i].pen != 0 && owner->pen == 0)
            shadowed++;
    }
    assert_true(shadowed > 0);
}

static void what_is_not_there(void **state)
{
    (void)state;
    assert_null(weir_element_find(0, 0));
    assert_null(weir_element_find(0, 65)); /* NetFlow v9's, without a name */
    assert_null(weir_element_find(0, 416));
    assert_null(weir_element_find(0, 32767));
    assert_null(weir_element_find(4242424, 1));
    assert_null(weir_element_find(UINT32_MAX, UINT16_MAX));
    assert_null(weir_element_by_name(""));
    assert_null(weir_element_by_name("octetdeltacount"));
    assert_null(weir_element_by_name("Unassigned"));
    assert_null(weir_element_by_name("Reserved"));
}

static void nearest_names(void **state)
{
    (void)state;
    assert_string_equal(weir_element_nearest("octetDeltaCuont")->name, "octetDeltaCount");
    assert_string_equal(weir_element_nearest("sourceipv4address")->name, "sourceIPv4Address");
    assert_string_equal(weir_element_nearest("flowEndReson")->name, "flowEndReason");
    assert_null(weir_element_nearest("zzzzzzzzzzzz"));
    assert_null(weir_element_nearest(""));
}

static void texts_of_types(void **state)
{
    (void)state;
    assert_string_equal(weir_type_text(WEIR_TYPE_UNSIGNED256), "unsigned256");
    assert_int_equal(weir_type_length(WEIR_TYPE_UNSIGNED256), 32);
    assert_int_equal(weir_type_length(WEIR_TYPE_STRING), 65535);
    assert_int_equal(weir_type_length(WEIR_TYPE_MAC_ADDRESS), 6);
    assert_string_equal(weir_type_text((enum weir_type)99), "unknown type");
    assert_string_equal(weir_semantics_text(WEIR_SEMANTICS_SNMP_GAUGE), "snmpGauge");
    assert_string_equal(weir_enterprise_text(9), "Cisco");
    assert_string_equal(weir_enterprise_text(4242424), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_known_elements),
        cmocka_unit_test(every_row_is_found_by_number_and_leads_to_its_name),
        cmocka_unit_test(reverse_elements),
        cmocka_unit_test(one_name_of_two_enterprises),
        cmocka_unit_test(what_is_not_there),
        cmocka_unit_test(nearest_names),
        cmocka_unit_test(texts_of_types),
    };
    return cmocka_run_group_tests_name("element", tests, NULL, NULL);
}
