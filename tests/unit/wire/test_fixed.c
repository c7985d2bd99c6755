/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed formats NetFlow v1, v7 and v8: where every field stands, and what is wrong with them.
 */
#include "support/cmocka.h"
#include "support/export_reader.h"

#include "builder.h"
#include "ie/element.h"

#define FIELDS_MAX 16u

enum { BUILTIN = 1000 }; /* added to numbers under WEIR_PEN_BUILTIN */

/* A format as its description has it: where elements stand in a record. */
struct format {
    uint16_t version;
    uint8_t scheme; /* of v8 */
    uint16_t header_octets;
    uint16_t record_octets;
    uint16_t template_id;
    bool is_ambiguous;
    struct {
        uint16_t offset, element;
    } fields[FIELDS_MAX];
};

static const struct format formats[] = {
    {1,
     0,
     16,
     48,
     1,
     false,
     {{0, 8},
      {4, 12},
      {8, 15},
      {12, 10},
      {14, 14},
      {16, 2},
      {20, 1},
      {24, 22},
      {28, 21},
      {32, 7},
      {34, 11},
      {38, 4},
      {39, 5},
      {40, 6},
      {41, BUILTIN + 1},
      {43, BUILTIN + 3}}},
    {7,
     0,
     24,
     52,
     7,
     false,
     {{0, 8},
      {4, 12},
      {8, 15},
      {12, 10},
      {14, 14},
      {16, 2},
      {20, 1},
      {24, 22},
      {28, 21},
      {32, 7},
      {34, 11},
      {37, 6},
      {38, 4},
      {39, 5},
      {44, 9},
      {48, 43}}},
    {8,
     1,
     28,
     28,
     81,
     false,
     {{0, 3}, {4, 2}, {8, 1}, {12, 22}, {16, 21}, {20, 16}, {22, 17}, {24, 10}, {26, 14}}},
    {8,
     2,
     28,
     28,
     82,
     false,
     {{0, 3}, {4, 2}, {8, 1}, {12, 22}, {16, 21}, {20, 4}, {24, 7}, {26, 11}}},
    {8,
     3,
     28,
     32,
     83,
     false,
     {{0, 3}, {8, 1}, {12, 22}, {16, 21}, {20, 44}, {24, 9}, {26, 16}, {28, 10}}},
    {8,
     4,
     28,
     32,
     84,
     false,
     {{0, 3}, {8, 1}, {12, 22}, {16, 21}, {20, 45}, {24, 13}, {26, 17}, {28, 14}}},
    {8,
     5,
     28,
     40,
     85,
     true,
     {{0, 3},
      {8, 1},
      {20, 44},
      {24, 45},
      {28, BUILTIN + 8},
      {32, 16},
      {34, 17},
      {36, 10},
      {38, 14}}},
    {8,
     6,
     28,
     32,
     86,
     false,
     {{0, 12},
      {4, 2},
      {8, 1},
      {12, 22},
      {16, 21},
      {20, 14},
      {22, 5},
      {23, BUILTIN + 6},
      {24, BUILTIN + 7},
      {28, 43}}},
    {8,
     7,
     28,
     40,
     87,
     false,
     {{0, 12},
      {4, 8},
      {8, 2},
      {12, 1},
      {16, 22},
      {20, 21},
      {24, 14},
      {26, 10},
      {28, 5},
      {29, BUILTIN + 6},
      {32, BUILTIN + 7},
      {36, 43}}},
    {8,
     8,
     28,
     44,
     88,
     false,
     {{0, 12},
      {4, 8},
      {8, 11},
      {10, 7},
      {12, 2},
      {16, 1},
      {20, 22},
      {24, 21},
      {28, 14},
      {30, 10},
      {32, 5},
      {33, 4},
      {34, BUILTIN + 6},
      {36, BUILTIN + 7},
      {40, 43}}},
    {8,
     9,
     28,
     32,
     89,
     true,
     {{0, 3}, {4, 2}, {8, 1}, {12, 22}, {16, 21}, {20, 16}, {22, 17}, {24, BUILTIN + 9}}},
    {8,
     10,
     28,
     32,
     90,
     false,
     {{0, 3}, {16, 21}, {20, 4}, {21, 5}, {24, 7}, {26, 11}, {28, 10}, {30, 14}}},
    {8, 11, 28, 32, 91, false, {{0, 3}, {16, 21}, {20, 44}, {24, 9}, {25, 5}, {26, 16}, {28, 10}}},
    {8, 12, 28, 32, 92, false, {{0, 3}, {16, 21}, {20, 45}, {24, 13}, {25, 5}, {26, 17}, {28, 14}}},
    {8,
     13,
     28,
     40,
     93,
     true,
     {{0, 3},
      {20, 44},
      {24, 45},
      {28, BUILTIN + 8},
      {30, 5},
      {32, 16},
      {34, 17},
      {36, 10},
      {38, 14}}},
    {8,
     14,
     28,
     40,
     94,
     true,
     {{0, 3},
      {20, 44},
      {24, 45},
      {28, BUILTIN + 8},
      {30, 5},
      {31, 4},
      {32, 7},
      {34, 11},
      {36, 10},
      {38, 14}}},
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/* A message whose count is `count`, with as many records whose octets count up from 0 as say
 * `records`. */
static void build_fixed(struct builder *b, const struct format *format, uint16_t count,
                        unsigned records)
{
    build_begin(b);
    build_u16s(b, 2, format->version, count);
    weir_write_u32(&b->writer, 5000);
    weir_write_u32(&b->writer, 1700000000);
    weir_write_u32(&b->writer, 250000000);
    if (format->version != 1) {
        weir_write_u32(&b->writer, 41);
        build_u16s(b, 1, 3 << 8 | 9);
        weir_write_u8(&b->writer, format->scheme);
        weir_write_u8(&b->writer, 2);
    }
    if (format->version == 8)
        weir_write_u32(&b->writer, 0);
    assert_int_equal(weir_writer_offset(&b->writer), format->header_octets);
    for (unsigned i = 0; i < records * format->record_octets; i++)
        weir_write_u8(&b->writer, (uint8_t)(i % format->record_octets));
}

static uint64_t expected_domain(const struct format *format)
{
    if (format->version == 1)
        return 0;
    return (uint64_t)format->scheme << 16 | 3 << 8 | 9;
}

static void every_field_stands_where_it_should(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        const struct format *format = &formats[f];
        struct builder b;
        struct weir_message message;
        struct weir_set set;
        struct weir_record record;
        struct weir_value value;
        struct weir_diag diag;
        build_fixed(&b, format, 2, 2);
        size_t length = weir_writer_offset(&b.writer);
        assert_int_equal(weir_message_open(b.octets, length, &message, &diag), 0);
        assert_int_equal(message.protocol, format->version);
        assert_int_equal(message.length, length);
        assert_int_equal(message.domain, expected_domain(format));
        assert_int_equal(message.sequence, format->version == 1 ? 0 : 41);
        assert_int_equal(message.sequence_unit,
                         format->version == 1 ? WEIR_SEQUENCE_NONE : WEIR_SEQUENCE_RECORDS);
        assert_int_equal(message.uptime_ms, 5000);
        assert_true(message.export_time_ns == INT64_C(1700000000250000000));
        assert_int_equal(message.is_ambiguous, format->is_ambiguous);
        assert_int_equal(message.builtin->id, format->template_id);
        assert_true(message.builtin->id < WEIR_BUILTIN_IDS);
        assert_int_equal(message.builtin->record_length, format->record_octets);

        assert_int_equal(weir_message_next(&message, &set, &diag), 0);
        assert_int_equal(set.id, format->template_id);
        assert_int_equal(weir_set_next_record(&set, message.builtin, &record, &diag), 0);
        unsigned octets = 0, next = 0;
        while (weir_record_next(&record, &value, &diag) == 0) {
            unsigned element = value.field->id + (value.field->pen ? BUILTIN : 0u);
            assert_non_null(weir_element_find(value.field->pen, value.field->id));
            if (next < FIELDS_MAX && octets == format->fields[next].offset &&
                format->fields[next].element) {
                assert_int_equal(element, format->fields[next].element);
                assert_int_equal(value.octets[0], octets);
                next++;
            }
            octets += (unsigned)value.length;
        }
        assert_int_equal(octets, format->record_octets);
        assert_true(next == FIELDS_MAX || format->fields[next].element == 0);
        assert_int_equal(weir_set_next_record(&set, message.builtin, &record, &diag), 0);
        assert_int_equal(weir_set_next_record(&set, message.builtin, &record, &diag), WEIR_E_END);
        assert_int_equal(weir_message_next(&message, &set, &diag), WEIR_E_END);
    }
}

static void unknown_schemes_are_refused(void **state)
{
    (void)state;
    struct format format = formats[2];
    struct builder b;
    struct weir_message message;
    struct weir_diag diag;
    for (unsigned scheme = 0; scheme < 256; scheme++) {
        format.scheme = (uint8_t)scheme;
        build_fixed(&b, &format, 1, 2);
        bool known = scheme >= 1 && scheme <= 14;
        assert_int_equal(
            weir_message_open(b.octets, weir_writer_offset(&b.writer), &message, &diag),
            known ? 0 : WEIR_E_UNSUPPORTED);
    }
    assert_string_equal(diag.text, "octet 22: aggregation scheme 255 is none that is known");
}

static unsigned records_in(const uint8_t *octets, size_t length)
{
    /* A copy that ends where it should, so that a sanitizer sees a read past it. */
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, octets, length);
    struct test_export_reader reader = {0};
    (void)test_export_read(&reader, 0, copy, length);
    test_export_reader_done(&reader);
    free(copy);
    return reader.counts.data_records;
}

static void every_cut_and_every_flip_ends_orderly(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        const struct format *format = &formats[f];
        struct builder b;
        build_fixed(&b, format, 2, 2);
        size_t length = weir_writer_offset(&b.writer);
        for (size_t cut = 0; cut <= length; cut++) {
            unsigned whole = 0;
            if (cut >= format->header_octets)
                whole = (unsigned)(cut - format->header_octets) / format->record_octets;
            assert_int_equal(records_in(b.octets, cut), whole);
        }
        for (size_t i = 0; i < format->header_octets; i++)
            for (unsigned value = 1; value < 256; value++) {
                b.octets[i] ^= (uint8_t)value;
                assert_true(records_in(b.octets, length) <= 4);
                b.octets[i] ^= (uint8_t)value;
            }
    }
}

static void counts_beyond_the_message_are_malformed(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        struct builder b;
        struct test_export_reader reader = {0};
        build_fixed(&b, &formats[f], 55582, 2);
        (void)test_export_read(&reader, 0, b.octets, weir_writer_offset(&b.writer));
        assert_int_equal(reader.counts.data_records, 2);
        assert_int_equal(reader.counts.malformed, 1);
        assert_true(reader.diag.has_offset);
        test_export_reader_done(&reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_stands_where_it_should),
        cmocka_unit_test(unknown_schemes_are_refused),
        cmocka_unit_test(every_cut_and_every_flip_ends_orderly),
        cmocka_unit_test(counts_beyond_the_message_are_malformed),
    };
    return cmocka_run_group_tests_name("fixed", tests, NULL, NULL);
}
