/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet_reader.h"

#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/reader.h"
#include "support/cmocka.h"

/* Thrift's compact protocol. */

struct field {
    int id;
    int type;
    int64_t integer;       /* integers and booleans */
    const uint8_t *octets; /* binary */
    size_t length;         /* binary; elements of a list */
    int element;           /* type of a list's elements */
};

static uint64_t varint(struct weir_reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t octet = weir_read_u8(r);
        value |= (uint64_t)(octet & 0x7f) << shift;
        if (octet < 0x80)
            return value;
    }
    fail_msg("a varint has more than 10 octets");
    return 0;
}

static int64_t zigzag(struct weir_reader *r)
{
    uint64_t value = varint(r);
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

/* Reads a field's header and, unless it is a struct, its value or a list's header. */
static bool next_field(struct weir_reader *r, struct field *field)
{
    uint8_t octet = weir_read_u8(r);
    if (octet == 0)
        return false;
    int id = octet >> 4 ? field->id + (octet >> 4) : (int)zigzag(r);
    *field = (struct field){.id = id, .type = octet & 15};
    switch (field->type) {
    case 1:
    case 2:
        field->integer = field->type == 1;
        break;
    case 3:
        field->integer = weir_read_u8(r);
        field->integer -= field->integer > INT8_MAX ? 256 : 0;
        break;
    case 4:
    case 5:
    case 6:
        field->integer = zigzag(r);
        break;
    case 8:
        field->length = varint(r);
        field->octets = weir_read_octets(r, field->length);
        break;
    case 9: {
        uint8_t header = weir_read_u8(r);
        field->element = header & 15;
        field->length = header >> 4 == 15 ? varint(r) : (size_t)header >> 4;
        break;
    }
    case 12:
        break;
    default:
        fail_msg("octet %zu: Thrift type %d", weir_reader_offset(r), field->type);
    }
    assert_false(weir_reader_failed(r));
    return true;
}

static void skip_struct(struct weir_reader *r);

static void skip_value(struct weir_reader *r, const struct field *field)
{
    if (field->type == 12)
        skip_struct(r);
    if (field->type == 9)
        for (size_t i = 0; i < field->length; i++) {
            if (field->element == 12)
                skip_struct(r);
            else if (field->element == 8)
                weir_read_skip(r, varint(r));
            else
                zigzag(r);
        }
}

static void skip_struct(struct weir_reader *r)
{
    struct field field = {0};
    while (next_field(r, &field))
        skip_value(r, &field);
}

static void copy_text(const uint8_t *octets, size_t length, char *text, size_t room)
{
    assert_true(length < room);
    memcpy(text, octets, length);
    text[length] = 0;
}

/* The footer. */

static void read_logical(struct weir_reader *r, struct parquet_leaf *leaf)
{
    struct field choice = {0}, field = {0};
    while (next_field(r, &choice)) {
        leaf->logical = choice.id;
        field = (struct field){0};
        while (next_field(r, &field)) {
            if (choice.id == 10 && field.id == 1)
                leaf->bits = field.integer;
            if (choice.id == 10 && field.id == 2)
                leaf->is_signed = field.integer;
            if (choice.id == 8 && field.id == 1)
                leaf->is_utc = field.integer;
            if (choice.id == 8 && field.id == 2) {
                struct field unit = {0};
                assert_true(next_field(r, &unit));
                assert_int_equal(unit.id, 1); /* MILLIS */
                skip_struct(r);
                assert_false(next_field(r, &unit));
            }
        }
    }
}

static void read_schema(struct weir_reader *r, struct parquet *file, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct parquet_leaf leaf = {.type = -1, .repetition = -1, .converted = -1};
        struct field field = {0};
        int64_t children = 0;
        while (next_field(r, &field)) {
            switch (field.id) {
            case 1:
                leaf.type = field.integer;
                break;
            case 3:
                leaf.repetition = field.integer;
                break;
            case 4:
                copy_text(field.octets, field.length, leaf.name, sizeof(leaf.name));
                break;
            case 5:
                children = field.integer;
                break;
            case 6:
                leaf.converted = field.integer;
                break;
            case 10:
                read_logical(r, &leaf);
                break;
            default:
                fail_msg("SchemaElement: field %d", field.id);
            }
        }
        if (i == 0) {
            assert_int_equal(children, count - 1);
        } else {
            assert_int_equal(children, 0);
            assert_true(file->leaf_count < PARQUET_LEAVES_MAX);
            file->leaves[file->leaf_count++] = leaf;
        }
    }
}

static void read_statistics(struct weir_reader *r, struct parquet_chunk *chunk)
{
    struct field field = {0};
    while (next_field(r, &field)) {
        if (field.id == 3)
            chunk->null_count = field.integer;
        if (field.id == 5)
            chunk->max = field.octets, chunk->max_length = field.length, chunk->has_max = true;
        if (field.id == 6)
            chunk->min = field.octets, chunk->min_length = field.length, chunk->has_min = true;
        if (field.id == 7)
            chunk->max_exact = field.integer;
        if (field.id == 8)
            chunk->min_exact = field.integer;
    }
}

static void read_metadata(struct weir_reader *r, struct parquet_chunk *chunk)
{
    struct field field = {0};
    int64_t *const integers[] = {[1] = &chunk->type,
                                 [4] = &chunk->codec,
                                 [5] = &chunk->value_count,
                                 [6] = &chunk->plain_octets,
                                 [7] = &chunk->packed_octets,
                                 [9] = &chunk->data_page,
                                 [11] = &chunk->dictionary_page,
                                 [14] = &chunk->bloom_offset,
                                 [15] = &chunk->bloom_octets};
    while (next_field(r, &field)) {
        assert_true(field.id > 0 && field.id <= 15);
        if (integers[field.id]) {
            *integers[field.id] = field.integer;
        } else if (field.id == 2) {
            for (; chunk->encoding_count < field.length; chunk->encoding_count++)
                chunk->encodings[chunk->encoding_count] = zigzag(r);
        } else if (field.id == 3) {
            assert_int_equal(field.length, 1);
            size_t length = varint(r);
            copy_text(weir_read_octets(r, length), length, chunk->name, sizeof(chunk->name));
        } else if (field.id == 12) {
            read_statistics(r, chunk);
        } else {
            fail_msg("ColumnMetaData: field %d", field.id);
        }
    }
}

static void read_groups(struct weir_reader *r, struct parquet *file, size_t count)
{
    file->group_count = count;
    file->groups = calloc(count + 1, sizeof(*file->groups));
    assert_non_null(file->groups);
    for (size_t g = 0; g < count; g++) {
        struct parquet_group *group = &file->groups[g];
        struct field field = {0};
        while (next_field(r, &field)) {
            if (field.id == 1) {
                assert_int_equal(field.length, file->leaf_count);
                for (size_t i = 0; i < field.length; i++) {
                    struct field of_chunk = {0};
                    group->chunks[i].null_count = -1;
                    while (next_field(r, &of_chunk))
                        if (of_chunk.id == 3)
                            read_metadata(r, &group->chunks[i]);
                }
            }
            group->plain_octets = field.id == 2 ? field.integer : group->plain_octets;
            group->rows = field.id == 3 ? field.integer : group->rows;
            group->offset = field.id == 5 ? field.integer : group->offset;
            group->packed_octets = field.id == 6 ? field.integer : group->packed_octets;
            group->ordinal = field.id == 7 ? field.integer : group->ordinal;
        }
    }
}

static void read_pairs(struct weir_reader *r, struct parquet *file, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct field key = {0};
        assert_true(next_field(r, &key));
        struct field value = key;
        assert_true(next_field(r, &value));
        if (key.length == 11 && memcmp(key.octets, "weir.schema", 11) == 0)
            copy_text(value.octets, value.length, file->schema_version,
                      sizeof(file->schema_version));
        assert_false(next_field(r, &value));
    }
}

static void read_footer(struct weir_reader *r, struct parquet *file)
{
    struct field field = {0};
    while (next_field(r, &field)) {
        switch (field.id) {
        case 1:
            file->version = field.integer;
            break;
        case 2:
            read_schema(r, file, field.length);
            break;
        case 3:
            file->rows = field.integer;
            break;
        case 4:
            read_groups(r, file, field.length);
            break;
        case 5:
            read_pairs(r, file, field.length);
            break;
        case 6:
            copy_text(field.octets, field.length, file->creator, sizeof(file->creator));
            break;
        case 7:
            file->order_count = field.length;
            skip_value(r, &field);
            break;
        default:
            fail_msg("FileMetaData: field %d", field.id);
        }
    }
    assert_false(weir_reader_failed(r));
    assert_int_equal(weir_reader_remaining(r), 0);
}

struct parquet *parquet_open(const char *path)
{
    FILE *input = fopen(path, "rb");
    assert_non_null(input);
    struct parquet *file = calloc(1, sizeof(*file));
    assert_non_null(file);
    fseek(input, 0, SEEK_END);
    file->length = (size_t)ftell(input);
    rewind(input);
    file->octets = malloc(file->length + 1);
    assert_non_null(file->octets);
    assert_int_equal(fread(file->octets, 1, file->length, input), file->length);
    fclose(input);

    assert_true(file->length >= 12);
    assert_memory_equal(file->octets, "PAR1", 4);
    assert_memory_equal(file->octets + file->length - 4, "PAR1", 4);
    uint32_t footer_length = weir_load_le32(file->octets + file->length - 8);
    assert_true(footer_length <= file->length - 12);
    file->footer_offset = file->length - 8 - footer_length;
    struct weir_reader r = weir_reader_make(file->octets + file->footer_offset, footer_length);
    read_footer(&r, file);
    return file;
}

void parquet_close(struct parquet *file)
{
    for (size_t g = 0; g < file->group_count; g++)
        for (size_t i = 0; i < file->leaf_count; i++)
            free(file->groups[g].chunks[i].text);
    free(file->groups);
    free(file->octets);
    free(file);
}

/* Pages. */

struct page {
    int64_t type, plain_size, packed_size, value_count, encoding, levels;
    bool is_sorted;
    uint8_t *octets; /* uncompressed, to be freed */
};

static struct page read_page(struct weir_reader *r, const struct parquet_chunk *chunk)
{
    struct page page = {.type = -1};
    struct field field = {0};
    while (next_field(r, &field)) {
        page.type = field.id == 1 ? field.integer : page.type;
        page.plain_size = field.id == 2 ? field.integer : page.plain_size;
        page.packed_size = field.id == 3 ? field.integer : page.packed_size;
        if (field.id == 5 || field.id == 7) {
            struct field inner = {0};
            while (next_field(r, &inner)) {
                page.value_count = inner.id == 1 ? inner.integer : page.value_count;
                page.encoding = inner.id == 2 ? inner.integer : page.encoding;
                if (inner.id == 3 && field.id == 5)
                    page.levels = inner.integer;
                if (inner.id == 3 && field.id == 7)
                    page.is_sorted = inner.integer;
            }
        }
    }
    const uint8_t *packed = weir_read_octets(r, (size_t)page.packed_size);
    assert_non_null(packed);
    /* An exact size, so that a sanitizer sees a read past the end. */
    page.octets = malloc((size_t)page.plain_size ? (size_t)page.plain_size : 1);
    assert_non_null(page.octets);
    if (chunk->codec == 0) {
        assert_int_equal(page.plain_size, page.packed_size);
        memcpy(page.octets, packed, (size_t)page.plain_size);
    } else if (chunk->codec == 7) {
        assert_int_equal(LZ4_decompress_safe((const char *)packed, (char *)page.octets,
                                             (int)page.packed_size, (int)page.plain_size),
                         page.plain_size);
    } else {
        assert_int_equal(chunk->codec, 6);
        assert_int_equal(
            ZSTD_decompress(page.octets, (size_t)page.plain_size, packed, (size_t)page.packed_size),
            page.plain_size);
    }
    return page;
}

static uint64_t bits_at(const uint8_t *octets, size_t bit, unsigned width)
{
    uint64_t value = 0;
    for (unsigned have = 0; have < width;) {
        unsigned skip = (bit + have) % 8, take = 8 - skip;
        if (take > width - have)
            take = width - have;
        value |= (uint64_t)(octets[(bit + have) / 8] >> skip & ((1u << take) - 1)) << have;
        have += take;
    }
    return value;
}

/* `count` values of the RLE and bit-packing hybrid. */
static void read_hybrid(struct weir_reader *r, unsigned width, size_t count, uint32_t *values)
{
    for (size_t done = 0; done < count;) {
        uint64_t header = varint(r);
        size_t run = header >> 1;
        if (header & 1) {
            const uint8_t *octets = weir_read_octets(r, run * width);
            assert_non_null(octets);
            run *= 8;
            /* Only the last run may go on past the values, by less than a group. */
            assert_true(run < count - done + 8);
            for (size_t i = 0; i < run && done < count; i++)
                values[done++] = (uint32_t)bits_at(octets, i * width, width);
        } else {
            uint64_t value = 0;
            for (unsigned i = 0; i < (width + 7) / 8; i++)
                value |= (uint64_t)weir_read_u8(r) << 8 * i;
            assert_true(run > 0 && run <= count - done);
            for (size_t i = 0; i < run; i++)
                values[done++] = (uint32_t)value;
        }
        assert_false(weir_reader_failed(r));
    }
}

static struct leaf_value plain_value(struct weir_reader *r, int64_t type)
{
    struct leaf_value value = {0};
    if (type == 6) {
        value.length = weir_read_le32(r);
        value.text = (const char *)weir_read_octets(r, value.length);
    } else {
        value.integer = type == 1 ? weir_read_le32(r) : weir_read_le64(r);
    }
    assert_false(weir_reader_failed(r));
    return value;
}

static void read_delta(struct weir_reader *r, int64_t type, size_t count, struct leaf_value *values)
{
    size_t block = varint(r), minis = varint(r), total = varint(r);
    uint64_t value = (uint64_t)zigzag(r);
    assert_int_equal(total, count);
    assert_int_equal(block % 128, 0);
    size_t per_mini = block / minis;
    assert_int_equal(per_mini % 32, 0);
    uint64_t mask = type == 1 ? UINT32_MAX : UINT64_MAX;
    if (count > 0)
        values[0].integer = value & mask;
    for (size_t done = 1; done < count;) {
        uint64_t least = (uint64_t)zigzag(r);
        const uint8_t *widths = weir_read_octets(r, minis);
        assert_non_null(widths);
        for (size_t mini = 0; mini < minis && done < count; mini++) {
            assert_true(widths[mini] <= (type == 1 ? 32 : 64));
            const uint8_t *octets = weir_read_octets(r, per_mini * widths[mini] / 8);
            assert_non_null(octets);
            for (size_t i = 0; i < per_mini && done < count; i++) {
                value += least + bits_at(octets, i * widths[mini], widths[mini]);
                values[done++].integer = value & mask;
            }
        }
    }
}

/* The chunk's pages, and what the footer says of them. */
static void read_values(struct parquet_chunk *chunk, struct weir_reader *r, struct page *dictionary,
                        const struct page *page, size_t count, struct leaf_value *values)
{
    chunk->encoding = page->encoding;
    if (page->encoding == 0) {
        for (size_t i = 0; i < count; i++)
            values[i] = plain_value(r, chunk->type);
    } else if (page->encoding == 5) {
        read_delta(r, chunk->type, count, values);
    } else {
        assert_int_equal(page->encoding, 8);
        size_t entry_count = (size_t)dictionary->value_count;
        struct weir_reader d = weir_reader_make(dictionary->octets, (size_t)dictionary->plain_size);
        struct leaf_value *entries = calloc(entry_count + 1, sizeof(*entries));
        uint32_t *ids = calloc(count + 1, sizeof(*ids));
        assert_true(entries && ids);
        for (size_t i = 0; i < entry_count; i++) {
            entries[i] = plain_value(&d, chunk->type);
            if (i > 0 && dictionary->is_sorted)
                assert_true((int64_t)(entries[i].integer - entries[i - 1].integer) > 0);
        }
        assert_int_equal(weir_reader_remaining(&d), 0);
        chunk->index_width = weir_read_u8(r);
        read_hybrid(r, chunk->index_width, count, ids);
        for (size_t i = 0; i < count; i++) {
            assert_true(ids[i] < entry_count);
            values[i] = entries[ids[i]];
        }
        free(entries);
        free(ids);
    }
    assert_int_equal(weir_reader_remaining(r), 0);
}

void parquet_read(struct parquet *file, size_t group, size_t leaf, struct leaf_value *ret_values)
{
    struct parquet_chunk *chunk = &file->groups[group].chunks[leaf];
    int64_t start = chunk->dictionary_page ? chunk->dictionary_page : chunk->data_page;
    struct weir_reader all = weir_reader_make(file->octets, file->footer_offset);
    weir_read_skip(&all, (size_t)start);
    struct weir_reader r = weir_read_block(&all, (size_t)chunk->packed_octets);
    assert_false(weir_reader_failed(&r));
    assert_int_equal(chunk->value_count, file->groups[group].rows);

    size_t headers = weir_reader_remaining(&r);
    struct page dictionary = {0};
    if (chunk->dictionary_page) {
        dictionary = read_page(&r, chunk);
        assert_int_equal(dictionary.type, 2);
        assert_int_equal(dictionary.encoding, 0);
        assert_int_equal(weir_reader_offset(&r), chunk->data_page);
        headers -= (size_t)dictionary.packed_size;
    }
    struct page page = read_page(&r, chunk);
    assert_int_equal(page.type, 0);
    assert_int_equal(page.levels, 3);
    assert_int_equal(page.value_count, chunk->value_count);
    assert_int_equal(weir_reader_remaining(&r), 0);
    headers -= (size_t)page.packed_size;
    assert_int_equal(chunk->plain_octets,
                     (int64_t)headers + page.plain_size + dictionary.plain_size);

    struct weir_reader body = weir_reader_make(page.octets, (size_t)page.plain_size);
    size_t rows = (size_t)chunk->value_count, count = 0;
    uint32_t *levels = calloc(rows + 1, sizeof(*levels));
    struct leaf_value *values = calloc(rows + 1, sizeof(*values));
    assert_true(levels && values);
    struct weir_reader level_octets = weir_read_block(&body, weir_read_le32(&body));
    read_hybrid(&level_octets, 1, rows, levels);
    assert_int_equal(weir_reader_remaining(&level_octets), 0);
    for (size_t i = 0; i < rows; i++)
        count += levels[i];
    assert_int_equal(chunk->null_count, rows - count);
    read_values(chunk, &body, &dictionary, &page, count, values);
    for (size_t i = 0, next = 0; i < rows; i++)
        ret_values[i] = levels[i] ? values[next++] : (struct leaf_value){.is_none = true};

    /* Texts point into one of the two pages. */
    free(chunk->text);
    chunk->text = chunk->encoding == 8 ? dictionary.octets : page.octets;
    free(chunk->encoding == 8 ? page.octets : dictionary.octets);
    free(levels);
    free(values);
}

bool parquet_bloom_has(const struct parquet *file, const struct parquet_chunk *chunk,
                       uint64_t value)
{
    static const uint32_t salts[8] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                      0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};
    struct weir_reader all = weir_reader_make(file->octets, file->footer_offset);
    weir_read_skip(&all, (size_t)chunk->bloom_offset);
    struct weir_reader r = weir_read_block(&all, (size_t)chunk->bloom_octets);
    struct field field = {0};
    size_t size = 0;
    while (next_field(&r, &field)) {
        if (field.id == 1) {
            size = (size_t)field.integer;
        } else {
            /* Each of the three unions chooses its first. */
            struct field choice = {0};
            assert_true(next_field(&r, &choice));
            assert_int_equal(choice.id, 1);
            skip_struct(&r);
            assert_false(next_field(&r, &choice));
        }
    }
    assert_int_equal(weir_reader_remaining(&r), size);
    assert_true(size >= 32 && (size & (size - 1)) == 0);
    uint8_t plain[8];
    weir_store_le64(plain, value);
    uint64_t hash = XXH64(plain, sizeof(plain), 0);
    const uint8_t *block = r.octets + ((hash >> 32) * (size / 32) >> 32) * 32;
    for (unsigned i = 0; i < 8; i++)
        if (!(weir_load_le32(block + 4 * i) >> ((uint32_t)hash * salts[i] >> 27) & 1))
            return false;
    return true;
}
