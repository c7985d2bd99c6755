/* SPDX-License-Identifier: Apache-2.0 */
#include "app/stats.h"

#include "support/cmocka.h"

struct sample {
    uint64_t flows_created;
    uint64_t octets_sent;
};

static const struct weir_counter rows[] = {
    WEIR_COUNTER(struct sample, flows_created, FLOWS, "entries made"),
    WEIR_COUNTER(struct sample, octets_sent, OCTETS, "octets of messages"),
};

static void nothing_is_an_object(void **state)
{
    (void)state;
    struct weir_text_buffer text;
    weir_text_init(&text, 1000);
    weir_stats_print(NULL, 0, &text);
    assert_string_equal(weir_text_string(&text), "{}\n");
    weir_text_done(&text);
}

static void parts_in_order(void **state)
{
    (void)state;
    const struct sample a = {1, UINT64_MAX};
    const struct sample b = {0, 7};
    const struct weir_stats_part parts[] = {{rows, 2, &a}, {rows + 1, 1, &b}};
    struct weir_text_buffer text;
    weir_text_init(&text, 1000);
    weir_stats_print(parts, 2, &text);
    assert_string_equal(weir_text_string(&text),
                        "{\"flows_created\":1,\"octets_sent\":18446744073709551615,"
                        "\"octets_sent\":7}\n");
    weir_text_done(&text);
}

static void lists_and_objects(void **state)
{
    (void)state;
    const struct sample b = {0, 7};
    const struct weir_stats_part part = {rows, 2, &b};
    struct weir_text_buffer text;
    weir_text_init(&text, 1000);
    struct weir_stats stats = weir_stats_begin(&text);
    weir_stats_open_list(&stats, "exporters");
    for (int i = 0; i < 2; i++) {
        weir_stats_open_object(&stats, NULL);
        weir_stats_add_text(&stats, "exporter", "\"\n");
        weir_stats_add_null(&stats, "port");
        weir_stats_add(&stats, &part);
        weir_stats_close(&stats);
    }
    weir_stats_close(&stats);
    weir_stats_open_list(&stats, "none");
    weir_stats_close(&stats);
    weir_stats_open_object(&stats, "inner");
    weir_stats_open_list(&stats, "numbers");
    weir_stats_add_u64(&stats, NULL, 1);
    weir_stats_add_u64(&stats, NULL, 2);
    weir_stats_end(&stats); /* closes three levels */
    assert_int_equal(weir_text_error(&text), 0);
    assert_string_equal(
        weir_text_string(&text),
        "{\"exporters\":["
        "{\"exporter\":\"\\\"\\n\",\"port\":null,\"flows_created\":0,\"octets_sent\":7},"
        "{\"exporter\":\"\\\"\\n\",\"port\":null,\"flows_created\":0,\"octets_sent\":7}],"
        "\"none\":[],\"inner\":{\"numbers\":[1,2]}}\n");
    weir_text_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_an_object),
        cmocka_unit_test(parts_in_order),
        cmocka_unit_test(lists_and_objects),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
