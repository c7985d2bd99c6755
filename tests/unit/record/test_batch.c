/* SPDX-License-Identifier: Apache-2.0 */
#include "record/batch.h"

#include <string.h>

#include "support/cmocka.h"

static struct weir_segment segment_of(weir_column_set columns, uint32_t domain)
{
    return (struct weir_segment){.columns = columns, .domain = domain, .protocol_version = 10};
}

static void segments_join_where_they_are_alike(void **state)
{
    (void)state;
    struct weir_batch *batch = weir_batch_new(100);
    struct weir_segment a = segment_of(WEIR_COLUMN_BIT(BYTES), 1);
    struct weir_segment b = segment_of(WEIR_COLUMN_BIT(BYTES) | WEIR_COLUMN_BIT(TOS), 1);
    assert_int_equal(weir_batch_begin(batch, &a, 10), 0);
    assert_int_equal(weir_batch_begin(batch, &a, 5), 10);
    assert_int_equal(batch->segment_count, 1);
    assert_int_equal(batch->segments[0].row_count, 15);
    assert_int_equal(weir_batch_begin(batch, &b, 1), 15);
    assert_int_equal(batch->segment_count, 2);
    assert_int_equal(batch->segments[1].first_row, 15);
    assert_true(batch->any == b.columns);
    assert_true(batch->all == a.columns);
    assert_int_equal(weir_batch_room(batch), 84);
    weir_batch_clear(batch);
    assert_int_equal(weir_batch_room(batch), 100);
    assert_int_equal(batch->segment_count, 0);
    weir_batch_free(batch);
}

static void rows_can_be_taken_back(void **state)
{
    (void)state;
    struct weir_batch *batch = weir_batch_new(100);
    struct weir_segment a = segment_of(WEIR_COLUMN_BIT(BYTES), 1);
    struct weir_segment b = segment_of(WEIR_COLUMN_BIT(TOS), 1);
    weir_batch_begin(batch, &a, 3);
    weir_batch_begin(batch, &b, 2);
    weir_batch_take_back(batch, 1);
    assert_int_equal(batch->row_count, 4);
    assert_int_equal(batch->segment_count, 2);
    weir_batch_take_back(batch, 1);
    assert_int_equal(batch->segment_count, 1);
    assert_true(batch->any == a.columns && batch->all == a.columns);
    weir_batch_take_back(batch, 3);
    assert_int_equal(batch->segment_count, 0);
    assert_true(batch->any == 0 && batch->all == 0);
    weir_batch_begin(batch, &a, 3);
    weir_batch_begin(batch, &b, 2);
    weir_batch_begin(batch, &a, 4);
    weir_batch_take_back(batch, 7);
    assert_int_equal(batch->segment_count, 1);
    assert_int_equal(batch->segments[0].row_count, 2);
    assert_true(batch->any == a.columns && batch->all == a.columns);
    weir_batch_free(batch);
}

static void every_row_column_has_room_for_every_row(void **state)
{
    (void)state;
    struct weir_batch *batch = weir_batch_new(7);
    for (unsigned i = 0; i < WEIR_COLUMN_COUNT; i++) {
        unsigned width = weir_column_width(weir_column_info((enum weir_column)i)->type);
        if (i < WEIR_COLUMN_FIRST_OF_ROW)
            assert_null(batch->columns[i]);
        else
            memset(batch->columns[i], 0xff, 7 * width); /* the sanitizer judges */
    }
    assert_ptr_equal(weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR),
                     weir_batch_high(batch, WEIR_COLUMN_SRC_ADDR) + 7);
    weir_batch_free(batch);
    weir_batch_free(NULL);
}

static void text_grows_to_its_limit(void **state)
{
    (void)state;
    struct weir_batch *batch = weir_batch_new(1);
    static char block[1 << 20];
    memset(block, 'w', sizeof(block));
    struct weir_text text = {0, 0}, first;
    assert_int_equal(weir_batch_add_text(batch, "first", 5, &first), 0);
    int result = 0, added = 0;
    while ((result = weir_batch_add_text(batch, block, sizeof(block), &text)) == 0)
        added++;
    assert_int_equal(result, WEIR_E_FULL);
    assert_int_equal(added, WEIR_BATCH_TEXT_MAX / sizeof(block) - 1);
    assert_memory_equal(batch->text + first.offset, "first", 5);
    assert_int_equal(batch->text[text.offset + text.length - 1], 'w');
    weir_batch_free(batch);
}

static void columns_have_names_and_are_found_by_element(void **state)
{
    (void)state;
    enum weir_column column;
    for (unsigned i = 0; i < WEIR_COLUMN_COUNT; i++) {
        const struct weir_column_info *info = weir_column_info((enum weir_column)i);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(info->name, weir_column_info((enum weir_column)j)->name);
        if (i >= WEIR_COLUMN_FIRST_OF_ROW && info->element) {
            assert_int_equal(weir_column_for_element(info->pen, info->element, &column), 0);
            assert_int_equal(column, i);
        }
    }
    assert_int_equal(weir_column_for_element(0, 27, &column), 0);
    assert_int_equal(column, WEIR_COLUMN_SRC_ADDR);
    assert_int_equal(weir_column_for_element(29305, 1, &column), 0);
    assert_int_equal(column, WEIR_COLUMN_REV_BYTES);
    assert_int_equal(weir_column_for_element(6871, 1, &column), WEIR_E_NOT_FOUND);
    assert_int_equal(weir_column_for_element(0, 0, &column), WEIR_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_join_where_they_are_alike),
        cmocka_unit_test(rows_can_be_taken_back),
        cmocka_unit_test(every_row_column_has_room_for_every_row),
        cmocka_unit_test(text_grows_to_its_limit),
        cmocka_unit_test(columns_have_names_and_are_found_by_element),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
