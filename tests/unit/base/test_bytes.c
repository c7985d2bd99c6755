/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reader.h"
#include "base/writer.h"

#include "support/cmocka.h"

static void what_is_written_is_read(void **state)
{
    (void)state;
    uint8_t buffer[64];
    struct weir_writer w = weir_writer_make(buffer, sizeof(buffer));
    weir_write_u8(&w, 0xfe);
    weir_write_u16(&w, 0x1234);
    weir_write_u32(&w, 0x89abcdef);
    weir_write_u64(&w, UINT64_C(0x0123456789abcdef));
    weir_write_le16(&w, 0x1234);
    weir_write_le32(&w, 0x89abcdef);
    weir_write_le64(&w, UINT64_C(0x0123456789abcdef));
    weir_write_octets(&w, "weir", 4);
    weir_write_zeros(&w, 2);
    assert_false(weir_writer_failed(&w));
    assert_int_equal(weir_writer_offset(&w), 35);

    struct weir_reader r = weir_reader_make(buffer, weir_writer_offset(&w));
    assert_int_equal(weir_read_u8(&r), 0xfe);
    assert_int_equal(weir_read_u16(&r), 0x1234);
    assert_int_equal(weir_read_u32(&r), 0x89abcdef);
    assert_true(weir_read_u64(&r) == UINT64_C(0x0123456789abcdef));
    assert_int_equal(weir_read_le16(&r), 0x1234);
    assert_int_equal(weir_read_le32(&r), 0x89abcdef);
    assert_true(weir_read_le64(&r) == UINT64_C(0x0123456789abcdef));
    assert_memory_equal(weir_read_octets(&r, 4), "weir", 4);
    weir_read_skip(&r, 2);
    assert_int_equal(weir_reader_remaining(&r), 0);
    assert_false(weir_reader_failed(&r));
}

static void byte_order_is_the_networks(void **state)
{
    (void)state;
    const uint8_t octets[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct weir_reader r = weir_reader_make(octets, sizeof(octets));
    assert_int_equal(weir_read_u32(&r), 0x01020304);
    assert_int_equal(weir_read_le32(&r), 0x08070605);
}

static void reduced_sizes_are_read_and_written(void **state)
{
    (void)state;
    for (unsigned width = 1; width <= 8; width++) {
        uint64_t value = UINT64_C(0x8899aabbccddeeff) >> (64 - 8 * width);
        uint8_t octets[8];
        weir_store_be(octets, width, value);
        struct weir_reader r = weir_reader_make(octets, width);
        assert_true(weir_read_uint(&r, width) == value);
        assert_false(weir_reader_failed(&r));
    }
    const uint8_t octets[9] = {0};
    struct weir_reader zero = weir_reader_make(octets, 9), nine = zero;
    assert_int_equal(weir_read_uint(&zero, 0), 0);
    assert_true(weir_reader_failed(&zero));
    assert_int_equal(weir_read_uint(&nine, 9), 0);
    assert_true(weir_reader_failed(&nine));
}

static void a_failed_reader_stays_failed_and_still(void **state)
{
    (void)state;
    const uint8_t octets[] = {1, 2, 3};
    struct weir_reader r = weir_reader_make(octets, sizeof(octets));
    assert_int_equal(weir_read_u8(&r), 1);
    assert_int_equal(weir_read_u32(&r), 0);
    assert_true(weir_reader_failed(&r));
    assert_int_equal(weir_reader_offset(&r), 1);
    /* Two octets are there, but an earlier field lacked: nothing after it can be trusted. */
    assert_int_equal(weir_read_u16(&r), 0);
    assert_null(weir_read_octets(&r, 0));
    assert_int_equal(weir_reader_remaining(&r), 0);
    assert_int_equal(weir_reader_offset(&r), 1);
}

static void a_block_cannot_pass_its_end(void **state)
{
    (void)state;
    const uint8_t octets[] = {1, 2, 3, 4, 5, 6};
    struct weir_reader r = weir_reader_make(octets, sizeof(octets));
    weir_read_skip(&r, 1);
    struct weir_reader block = weir_read_block(&r, 3);
    assert_int_equal(weir_reader_offset(&block), 1);
    assert_int_equal(weir_read_u16(&block), 0x0203);
    assert_int_equal(weir_read_u16(&block), 0);
    assert_true(weir_reader_failed(&block));
    assert_int_equal(weir_read_u16(&r), 0x0506);
    struct weir_reader lacking = weir_read_block(&r, 1);
    assert_true(weir_reader_failed(&lacking));
    assert_true(weir_reader_failed(&r));
    /* A length near the address space's end must not wrap into one that fits. */
    struct weir_reader again = weir_reader_make(octets, sizeof(octets));
    assert_null(weir_read_octets(&again, SIZE_MAX));
}

static void a_full_writer_changes_nothing_more(void **state)
{
    (void)state;
    uint8_t buffer[8] = {0};
    struct weir_writer w = weir_writer_make(buffer, 5);
    weir_write_u32(&w, 0x01020304);
    weir_write_u16(&w, 0xffff);
    assert_true(weir_writer_failed(&w));
    weir_write_u8(&w, 0xff);
    assert_int_equal(weir_writer_offset(&w), 4);
    assert_int_equal(weir_writer_room(&w), 0);
    assert_int_equal(buffer[4] | buffer[5] | buffer[6], 0);
    weir_writer_rewind(&w, 2);
    assert_false(weir_writer_failed(&w));
    weir_write_u8(&w, 9);
    assert_int_equal(buffer[2], 9);
}

static void patching_stays_inside_what_was_written(void **state)
{
    (void)state;
    uint8_t buffer[8];
    struct weir_writer w = weir_writer_make(buffer, sizeof(buffer));
    weir_write_u32(&w, 0);
    weir_writer_patch_u16(&w, 2, 0xbeef);
    assert_false(weir_writer_failed(&w));
    assert_int_equal(weir_load_be16(buffer + 2), 0xbeef);
    weir_writer_patch_u16(&w, 3, 1);
    assert_true(weir_writer_failed(&w));
    struct weir_writer empty = weir_writer_make(buffer, sizeof(buffer));
    weir_writer_patch_u16(&empty, 0, 1);
    assert_true(weir_writer_failed(&empty));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(byte_order_is_the_networks),
        cmocka_unit_test(reduced_sizes_are_read_and_written),
        cmocka_unit_test(a_failed_reader_stays_failed_and_still),
        cmocka_unit_test(a_block_cannot_pass_its_end),
        cmocka_unit_test(a_full_writer_changes_nothing_more),
        cmocka_unit_test(patching_stays_inside_what_was_written),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
