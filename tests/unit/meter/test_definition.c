/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/definition.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/property.h"

static struct weir_flow_definition parse(const char *text)
{
    struct weir_flow_definition parsed;
    struct weir_diag diag = {0};
    if (weir_flow_definition_parse(text, &parsed, &diag) < 0)
        fail_msg("%s: %s", text, diag.text);
    return parsed;
}

static void names_make_the_tuples(void **state)
{
    (void)state;
    struct weir_flow_definition parsed = parse("keys=protocol,dst_port,src_port,dst_addr,src_addr");
    struct weir_flow_definition known = weir_flow_definition_5_tuple();
    assert_memory_equal(&parsed, &known, sizeof(known));
    assert_true(weir_flow_definition_has_connections(&parsed));
    assert_true(weir_flow_definition_has_icmp(&parsed));
    assert_int_equal(parsed.keys, WEIR_COLUMN_BIT(SRC_ADDR) | WEIR_COLUMN_BIT(DST_ADDR) |
                                      WEIR_COLUMN_BIT(SRC_PORT) | WEIR_COLUMN_BIT(DST_PORT) |
                                      WEIR_COLUMN_BIT(PROTOCOL));

    known = weir_flow_definition_7_tuple();
    parsed = parse("keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if");
    assert_memory_equal(&parsed, &known, sizeof(known));
    assert_true(weir_flow_definition_has_connections(&parsed));
    assert_false(parsed.has_more);
}

static void addresses_have_prefixes_of_either_family(void **state)
{
    (void)state;
    struct weir_flow_definition parsed = parse("keys=src_addr/26,dst_addr/0/48");
    const struct weir_flow_key *v4 = &parsed.mask[WEIR_FAMILY_V4];
    const struct weir_flow_key *v6 = &parsed.mask[WEIR_FAMILY_V6];
    assert_int_equal(v4->src_addr.high, UINT64_MAX);
    assert_int_equal(v4->src_addr.low, 0xffffffffffffffc0);
    assert_int_equal(v6->src_addr.high, 0xffffffc000000000);
    assert_int_equal(v6->src_addr.low, 0);
    assert_int_equal(v4->dst_addr.low, 0xffffffff00000000);
    assert_int_equal(v6->dst_addr.high, 0xffffffffffff0000);
    assert_int_equal(parsed.src_bits[WEIR_FAMILY_V4], 26);
    assert_int_equal(parsed.dst_bits[WEIR_FAMILY_V6], 48);
    assert_false(weir_flow_definition_has_ends(&parsed));
    assert_false(weir_flow_definition_has_connections(&parsed));

    parsed = parse("keys=src_addr/64,dst_addr/32/128,src_port,dst_port,protocol");
    assert_int_equal(parsed.mask[WEIR_FAMILY_V4].src_addr.low, UINT64_MAX);
    assert_int_equal(parsed.mask[WEIR_FAMILY_V6].src_addr.low, 0);
    assert_false(weir_flow_definition_has_connections(&parsed));
    parsed = parse("keys=src_addr/128,dst_addr/32/128,src_port,dst_port,protocol");
    assert_true(weir_flow_definition_has_connections(&parsed));
    parsed = parse("keys=src_addr,dst_addr,protocol");
    assert_true(weir_flow_definition_has_ends(&parsed));
    assert_false(weir_flow_definition_has_connections(&parsed));
}

static void numbers_have_masks(void **state)
{
    (void)state;
    struct weir_flow_definition parsed =
        parse("keys=src_port&0xff00,dst_port/4,dscp,vlan/8,flow_label&0x3,ttl");
    const struct weir_flow_key *mask = &parsed.mask[WEIR_FAMILY_V6];
    assert_int_equal(mask->src_port, 0xff00);
    assert_int_equal(mask->dst_port, 0xf000);
    assert_int_equal(mask->tos, 0xfc);
    assert_int_equal(parsed.more_mask.vlan, 0xff0);
    assert_int_equal(parsed.more_mask.flow_label, 3);
    assert_int_equal(parsed.more_mask.ttl, 255);
    assert_true(parsed.has_more);
    assert_false(weir_flow_definition_has_icmp(&parsed));
    assert_int_equal(parsed.more_mask.has, 0);
    assert_int_equal(parse("keys=dscp/3").mask[0].tos, 0xe0);
    assert_int_equal(parse("keys=dscp&1").mask[0].tos, 4);
}

static void so_do_keys_of_the_link(void **state)
{
    (void)state;
    struct weir_flow_definition parsed =
        parse("keys=src_mac/24,dst_mac,inner_vlan/8,mpls_label_1/20,mpls_label_3&1,fragment,"
              "frame_length/4,out_if fields=packets,mpls_label_4");
    const struct weir_flow_more_key *mask = &parsed.more_mask;
    assert_true(mask->src_mac == 0xffffff000000);
    assert_true(mask->dst_mac == 0xffffffffffff);
    assert_int_equal(mask->inner_vlan, 0xff0);
    assert_int_equal(mask->labels[0], 0xfffff0);
    assert_int_equal(mask->labels[1], 0);
    assert_int_equal(mask->labels[2], 1);
    assert_int_equal(mask->fragment, 1);
    assert_int_equal(mask->frame_length, 0xf000);
    assert_int_equal(mask->out_point, 0x7fff);
    assert_int_equal(mask->has,
                     WEIR_KEY_ETHERNET | WEIR_KEY_INNER_VLAN | WEIR_KEY_LABEL_1 | WEIR_KEY_LABEL_3);
    assert_true(parsed.keys == WEIR_COLUMN_BIT(OUT_IF));
    assert_int_equal(parsed.key_extra_count, 7);
    const char *five = "keys=src_addr,dst_addr,src_port,dst_port,protocol,";
    char text[128];
    snprintf(text, sizeof(text), "%s%s", five, "src_mac,mpls_label_1,fragment");
    parsed = parse(text);
    assert_true(weir_flow_definition_has_connections(&parsed));
    snprintf(text, sizeof(text), "%s%s", five, "frame_length");
    parsed = parse(text);
    assert_false(weir_flow_definition_has_connections(&parsed));
}

static void fields_are_what_is_named(void **state)
{
    (void)state;
    struct weir_flow_definition parsed =
        parse(" keys=src_addr,dscp  fields=packets,bytes,duration_ms,dscp ");
    assert_true(parsed.has_fields);
    assert_int_equal(parsed.keys, WEIR_COLUMN_BIT(SRC_ADDR));
    assert_int_equal(parsed.fields, WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(BYTES));
    assert_int_equal(parsed.extra_count, 2);
    assert_string_equal(weir_flow_properties[parsed.extras[0]].name, "dscp");
    assert_string_equal(weir_flow_properties[parsed.extras[1]].name, "duration_ms");
}

/* Keys stand before fields, also those that come later; of a field that becomes one nothing else
 * changes. */
static void later_keys_stand_before_fields(void **state)
{
    (void)state;
    static const char *const names[] = {"ttl", "layer", "tunnel_type", "dst_mac"};
    struct weir_flow_definition parsed = parse("keys=src_addr,ttl fields=dst_mac,link,packets");
    unsigned count = parsed.extra_count;
    struct weir_diag diag = {0};
    assert_int_equal(parsed.key_extra_count, 1);
    assert_int_equal(weir_flow_definition_add_keys(&parsed, "layer,ttl,tunnel_type", &diag), 0);
    assert_int_equal(parsed.key_extra_count, 3);
    assert_int_equal(parsed.extra_count, count + 1);
    assert_int_equal(parsed.more_mask.tunnel_type, 255);
    for (unsigned i = 0; i < 4; i++)
        assert_string_equal(weir_flow_properties[parsed.extras[i]].name, names[i]);
    for (unsigned i = 0; i < parsed.extra_count; i++)
        assert_int_equal(weir_extra_lacks(&parsed.grouped, i), i > 3);
}

static uint16_t room_of(size_t property)
{
    const struct weir_flow_property *of = &weir_flow_properties[property];
    return of->element.length == WEIR_LENGTH_VARIABLE ? (uint16_t)(of->room + 64 * of->room_each)
                                                      : of->element.length;
}

/* A record of all keys and fields at once has room in a batch. */
static void all_fields_fit(void **state)
{
    (void)state;
    struct weir_extra_fields extra = {0};
    for (size_t i = 0; i < weir_flow_property_count; i++)
        if (weir_flow_properties[i].column == WEIR_COLUMN_COUNT)
            assert_int_equal(weir_extra_add_room(&extra, weir_flow_properties[i].name,
                                                 weir_flow_properties[i].element, room_of(i)),
                             0);
    for (size_t i = 0; i < weir_flow_property_count; i++)
        assert_true(weir_flow_properties[i].column == WEIR_COLUMN_COUNT
                        ? weir_flow_properties[i].write != NULL
                        : weir_flow_properties[i].write == NULL);
}

static void biflows_have_two_ends(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"keys=src_addr,dst_addr,src_port,dst_port,protocol", 0},
        {"keys=src_addr/24,dst_addr/24", 0},
        {"keys=src_port,dst_port,vlan", 0},
        {"keys=src_addr,dst_addr/24", WEIR_E_USAGE},
        {"keys=src_addr,dst_addr,src_port,protocol", WEIR_E_USAGE},
        {"keys=src_addr/24/48,dst_addr/24/64", WEIR_E_USAGE},
        {"keys=protocol,vlan", WEIR_E_USAGE},
        {"keys=src_mac/24,dst_mac/24", 0},
        {"keys=src_addr,dst_addr,src_mac,dst_mac,fragment", 0},
        {"keys=src_addr,dst_addr,src_mac", WEIR_E_USAGE},
        {"keys=src_mac,dst_mac/24", WEIR_E_USAGE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_flow_definition parsed = parse(cases[i].text);
        assert_int_equal(weir_flow_definition_check_biflow(&parsed, NULL), cases[i].result);
    }
    struct weir_flow_definition parsed = parse("keys=src_addr,dst_addr fields=rev_start");
    struct weir_diag diag;
    assert_int_equal(weir_flow_definition_check_uniflow(&parsed, &diag), WEIR_E_USAGE);
    assert_string_equal(diag.text, "'rev_start' is a field of biflows: add --biflow");
    parsed = parse("keys=src_addr,dst_addr fields=rev_bytes");
    assert_int_equal(weir_flow_definition_check_uniflow(&parsed, NULL), WEIR_E_USAGE);
    parsed = parse("keys=src_addr,dst_addr fields=responses");
    assert_int_equal(weir_flow_definition_check_uniflow(&parsed, &diag), WEIR_E_USAGE);
    assert_string_equal(diag.text, "'responses' is a field of biflows: add --biflow");
    parsed = parse("keys=src_addr,dst_addr fields=iat,splt,link");
    assert_int_equal(weir_flow_definition_check_uniflow(&parsed, NULL), 0);
    parsed = parse("keys=src_addr,dst_addr");
    assert_int_equal(weir_flow_definition_check_uniflow(&parsed, NULL), 0);
}

/* Estimates are fields of definitions that name them. */
static void usual_fields_of_biflows_are_few(void **state)
{
    (void)state;
    static const char *const names[] = {"rev_start",   "rev_end",     "rev_tcp_flags",
                                        "rev_ttl_min", "rev_ttl_max", "biflow_direction"};
    const struct weir_meter_layout layout = {.definition = weir_flow_definition_7_tuple(),
                                             .biflow = WEIR_BIFLOW_FIRST};
    struct weir_extra_fields extra;
    weir_meter_layout_extras(&layout, true, &extra);
    assert_int_equal(extra.count, sizeof(names) / sizeof(names[0]));
    for (unsigned i = 0; i < extra.count; i++)
        assert_string_equal(extra.fields[i].name, names[i]);
}

static void wrong_definitions_say_what_is_wrong(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"src_addr", "begins with 'keys='"},
        {"", "begins with 'keys='"},
        {"keys=", "no such key"},
        {"keys=src_addr,", "no such key"},
        {"keys=src_adr", "did you mean 'src_addr'"},
        {"keys=flux", "no such key"},
        {"keys=bytes", "no such key"},
        {"keys=src_addr/24/", "a prefix length is"},
        {"keys=src_addr/x", "a prefix length is"},
        {"keys=src_addr/129", "a prefix length is"},
        {"keys=src_addr/33/48", "a prefix length is"},
        {"keys=src_addr/24/48/50", "a prefix length is"},
        {"keys=src_addr/99999999999", "a prefix length is"},
        {"keys=src_addr&0xff", "a prefix length is"},
        {"keys=tos/9", "it has 8 bits"},
        {"keys=tos/0", "it has 8 bits"},
        {"keys=tos&0x100", "it has 8 bits"},
        {"keys=tos&", "it has 8 bits"},
        {"keys=dst_port/1/2", "it has 16 bits"},
        {"keys=src_addr fields=lenghts", "did you mean 'lengths'"},
        {"keys=src_addr fields=splt:65", "1 to 64 packets"},
        {"keys=src_addr fields=splt:x", "1 to 64 packets"},
        {"keys=src_addr fields=lengths:5", "only keys have masks"},
        {"keys=src_addr fields=packets,tcp_isn", "is of one connection"},
        {"keys=dst_port&0x00000000000000000000000000000000001", "no mask"},
        {"keys=in_if/4", "has no mask"},
        {"keys=out_if/4", "has no mask"},
        {"keys=src_mac/49", "it has 48 bits"},
        {"keys=mpls_label_1/25", "it has 24 bits"},
        {"keys=fragment&2", "it has 1 bits"},
        {"keys=mpls_label_4", "no such key"},
        {"keys=src_mac,src_mac/24", "twice"},
        {"keys=src_addr fields=src_mac/24", "only keys have masks"},
        {"keys=tos,tos", "twice"},
        {"keys=dscp,dscp", "twice"},
        {"keys=src_addr,src_addr/24", "twice"},
        {"keys=tos,dscp", "twice"},
        {"keys=tos fields=", "no such field"},
        {"keys=tos fields=packts", "did you mean 'packets'"},
        {"keys=tos fields=src_addr", "no such field"},
        {"keys=tos fields=bytes/3", "only keys have masks"},
        {"keys=tos bytes", "has 'fields=' or nothing"},
        {"keys=tos fields=bytes keys=tos", "has 'fields=' or nothing"},
        {"keys=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "no such key"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct weir_flow_definition parsed = {.extra_count = 77};
        struct weir_diag diag = {0};
        assert_int_equal(weir_flow_definition_parse(wrong[i][0], &parsed, &diag), WEIR_E_USAGE);
        if (!strstr(diag.text, wrong[i][1]))
            fail_msg("%s: %s", wrong[i][0], diag.text);
        assert_int_equal(parsed.extra_count, 77);
    }
    char *longest = calloc(WEIR_FLOW_DEFINITION_TEXT_MAX + 2, 1);
    memset(longest, ' ', WEIR_FLOW_DEFINITION_TEXT_MAX + 1);
    struct weir_flow_definition parsed;
    assert_int_equal(weir_flow_definition_parse(longest, &parsed, NULL), WEIR_E_USAGE);
    free(longest);
}

/* Added fields are beside the usual ones, and what is a key already is no field. */
static void fields_are_added_to_the_usual(void **state)
{
    (void)state;
    struct weir_diag diag = {0};
    struct weir_flow_definition definition = weir_flow_definition_5_tuple();
    assert_int_equal(weir_flow_definition_add_keys(&definition, "layer,tunnel_type", &diag), 0);
    assert_int_equal(
        weir_flow_definition_add_fields(&definition, "tunnel_type,tunnel_id,carried_id", &diag), 0);
    assert_false(definition.has_fields);
    assert_int_equal(definition.key_extra_count, 2);
    assert_int_equal(definition.extra_count, 4);
    static const char *const names[] = {"layer", "tunnel_type", "tunnel_id", "carried_id"};
    for (unsigned i = 0; i < 4; i++)
        assert_string_equal(weir_flow_properties[definition.extras[i]].name, names[i]);
    assert_int_equal(weir_flow_definition_add_fields(&definition, "layer,no_such", &diag),
                     WEIR_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_make_the_tuples),
        cmocka_unit_test(addresses_have_prefixes_of_either_family),
        cmocka_unit_test(numbers_have_masks),
        cmocka_unit_test(so_do_keys_of_the_link),
        cmocka_unit_test(fields_are_what_is_named),
        cmocka_unit_test(later_keys_stand_before_fields),
        cmocka_unit_test(all_fields_fit),
        cmocka_unit_test(biflows_have_two_ends),
        cmocka_unit_test(usual_fields_of_biflows_are_few),
        cmocka_unit_test(wrong_definitions_say_what_is_wrong),
        cmocka_unit_test(fields_are_added_to_the_usual),
    };
    return cmocka_run_group_tests_name("definition", tests, NULL, NULL);
}
