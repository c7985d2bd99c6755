/* SPDX-License-Identifier: Apache-2.0 */
#include "store/footer.h"

#include <stdio.h>

#include "base/version.h"

#define FORMAT_VERSION 2

/* Field numbers of Parquet's metadata structs. */
enum {
    FILE_VERSION = 1,
    FILE_SCHEMA,
    FILE_ROWS,
    FILE_GROUPS,
    FILE_PAIRS,
    FILE_CREATOR,
    FILE_ORDERS
};
enum {
    SCHEMA_TYPE = 1,
    SCHEMA_REPETITION = 3,
    SCHEMA_NAME = 4,
    SCHEMA_CHILDREN = 5,
    SCHEMA_CONVERTED = 6,
    SCHEMA_LOGICAL = 10,
};
enum {
    GROUP_COLUMNS = 1,
    GROUP_PLAIN = 2,
    GROUP_ROWS = 3,
    GROUP_OFFSET = 5,
    GROUP_PACKED = 6,
    GROUP_ORDINAL = 7
};
enum { CHUNK_OFFSET = 2, CHUNK_METADATA = 3 };
enum {
    META_TYPE = 1,
    META_ENCODINGS = 2,
    META_PATH = 3,
    META_CODEC = 4,
    META_VALUES = 5,
    META_PLAIN = 6,
    META_PACKED = 7,
    META_DATA_PAGE = 9,
    META_DICTIONARY_PAGE = 11,
    META_STATISTICS = 12,
    META_BLOOM_OFFSET = 14,
    META_BLOOM_OCTETS = 15,
};
enum { STAT_NULLS = 3, STAT_MAX = 5, STAT_MIN = 6, STAT_MAX_EXACT = 7, STAT_MIN_EXACT = 8 };
enum { PAIR_KEY = 1, PAIR_VALUE = 2 };
enum { ORDER_TYPE_DEFINED = 1 };
enum { LOGICAL_STRING = 1, LOGICAL_TIMESTAMP = 8, LOGICAL_INTEGER = 10 };
enum { TIMESTAMP_UTC = 1, TIMESTAMP_UNIT = 2, UNIT_MILLIS = 1 };
enum { INTEGER_BITS = 1, INTEGER_SIGNED = 2 };

enum { PHYSICAL_INT32 = 1, PHYSICAL_INT64 = 2, PHYSICAL_BYTE_ARRAY = 6 };
enum { REPETITION_OPTIONAL = 1 };

/* Parquet's physical and (older) converted type of each leaf type, and bits of an integer. */
static const struct {
    int8_t physical;
    int8_t converted;
    int8_t bits;
} types[WEIR_LEAF_TYPE_COUNT] = {
    [WEIR_LEAF_UINT_8] = {PHYSICAL_INT32, 11, 8},
    [WEIR_LEAF_UINT_16] = {PHYSICAL_INT32, 12, 16},
    [WEIR_LEAF_UINT_32] = {PHYSICAL_INT32, 13, 32},
    [WEIR_LEAF_UINT_64] = {PHYSICAL_INT64, 14, 64},
    [WEIR_LEAF_INT_64] = {PHYSICAL_INT64, 18, 64},
    [WEIR_LEAF_TIME_MS] = {PHYSICAL_INT64, 9, 0},
    [WEIR_LEAF_STRING] = {PHYSICAL_BYTE_ARRAY, 0, 0},
};

void weir_footer_begin(struct weir_footer *footer, const struct weir_schema *schema)
{
    struct weir_octets row_groups = footer->row_groups;
    weir_octets_clear(&row_groups);
    *footer = (struct weir_footer){.schema = schema, .row_groups = row_groups};
}

void weir_footer_done(struct weir_footer *footer)
{
    weir_octets_done(&footer->row_groups);
}

void weir_footer_begin_row_group(struct weir_footer *footer, uint32_t row_count, uint64_t offset)
{
    footer->thrift = weir_thrift_make(&footer->row_groups);
    footer->group_rows = row_count;
    footer->group_offset = offset;
    footer->group_plain_octets = 0;
    footer->group_packed_octets = 0;
    weir_thrift_list(&footer->thrift, GROUP_COLUMNS, WEIR_THRIFT_STRUCT,
                     footer->schema->leaf_count);
}

static void put_bound(struct weir_thrift *thrift, unsigned field,
                      const struct weir_chunk_bound *bound)
{
    if (bound->is_known)
        weir_thrift_binary(thrift, field, bound->octets, bound->length);
}

static void put_statistics(struct weir_thrift *thrift, const struct weir_chunk *chunk)
{
    weir_thrift_struct(thrift, META_STATISTICS);
    weir_thrift_i64(thrift, STAT_NULLS, chunk->null_count);
    put_bound(thrift, STAT_MAX, &chunk->max);
    put_bound(thrift, STAT_MIN, &chunk->min);
    if (chunk->max.is_known)
        weir_thrift_bool(thrift, STAT_MAX_EXACT, chunk->max.is_exact);
    if (chunk->min.is_known)
        weir_thrift_bool(thrift, STAT_MIN_EXACT, chunk->min.is_exact);
    weir_thrift_end(thrift);
}

static void put_encodings(struct weir_thrift *thrift, const struct weir_chunk *chunk)
{
    bool has_dictionary = chunk->encoding == WEIR_ENCODING_DICTIONARY;
    weir_thrift_list(thrift, META_ENCODINGS, WEIR_THRIFT_I32, has_dictionary ? 3 : 2);
    weir_thrift_i32_element(thrift, WEIR_ENCODING_RLE); /* of the levels */
    if (has_dictionary)
        weir_thrift_i32_element(thrift, WEIR_ENCODING_PLAIN); /* of the dictionary */
    weir_thrift_i32_element(thrift, (int32_t)chunk->encoding);
}

void weir_footer_add_chunk(struct weir_footer *footer, unsigned leaf,
                           const struct weir_chunk *chunk, const struct weir_chunk_place *place)
{
    struct weir_thrift *thrift = &footer->thrift;
    const struct weir_leaf_info *info = &footer->schema->leaves[leaf];
    footer->group_plain_octets += chunk->plain_octets;
    footer->group_packed_octets += chunk->packed_octets;

    weir_thrift_struct_element(thrift);
    weir_thrift_i64(thrift, CHUNK_OFFSET, (int64_t)place->offset);
    weir_thrift_struct(thrift, CHUNK_METADATA);
    weir_thrift_i32(thrift, META_TYPE, types[info->type].physical);
    put_encodings(thrift, chunk);
    weir_thrift_list(thrift, META_PATH, WEIR_THRIFT_BINARY, 1);
    weir_thrift_text_element(thrift, info->name);
    weir_thrift_i32(thrift, META_CODEC, chunk->codec);
    weir_thrift_i64(thrift, META_VALUES, footer->group_rows);
    weir_thrift_i64(thrift, META_PLAIN, (int64_t)chunk->plain_octets);
    weir_thrift_i64(thrift, META_PACKED, (int64_t)chunk->packed_octets);
    weir_thrift_i64(thrift, META_DATA_PAGE, (int64_t)(place->offset + chunk->data_page_offset));
    if (chunk->encoding == WEIR_ENCODING_DICTIONARY)
        weir_thrift_i64(thrift, META_DICTIONARY_PAGE, (int64_t)place->offset);
    put_statistics(thrift, chunk);
    if (place->bloom_octets > 0) {
        weir_thrift_i64(thrift, META_BLOOM_OFFSET, (int64_t)place->bloom_offset);
        weir_thrift_i32(thrift, META_BLOOM_OCTETS, (int32_t)place->bloom_octets);
    }
    weir_thrift_end(thrift);
    weir_thrift_end(thrift);
}

void weir_footer_end_row_group(struct weir_footer *footer)
{
    struct weir_thrift *thrift = &footer->thrift;
    weir_thrift_i64(thrift, GROUP_PLAIN, (int64_t)footer->group_plain_octets);
    weir_thrift_i64(thrift, GROUP_ROWS, footer->group_rows);
    weir_thrift_i64(thrift, GROUP_OFFSET, (int64_t)footer->group_offset);
    weir_thrift_i64(thrift, GROUP_PACKED, (int64_t)footer->group_packed_octets);
    weir_thrift_i16(thrift, GROUP_ORDINAL, (int16_t)footer->row_group_count);
    weir_thrift_end(thrift);
    footer->rows += footer->group_rows;
    footer->row_group_count++;
}

static void put_logical_type(struct weir_thrift *thrift, enum weir_leaf_type type)
{
    weir_thrift_struct(thrift, SCHEMA_LOGICAL);
    if (type == WEIR_LEAF_STRING) {
        weir_thrift_empty(thrift, LOGICAL_STRING);
    } else if (type == WEIR_LEAF_TIME_MS) {
        weir_thrift_struct(thrift, LOGICAL_TIMESTAMP);
        weir_thrift_bool(thrift, TIMESTAMP_UTC, true);
        weir_thrift_struct(thrift, TIMESTAMP_UNIT);
        weir_thrift_empty(thrift, UNIT_MILLIS);
        weir_thrift_end(thrift);
        weir_thrift_end(thrift);
    } else {
        weir_thrift_struct(thrift, LOGICAL_INTEGER);
        weir_thrift_i8(thrift, INTEGER_BITS, types[type].bits);
        weir_thrift_bool(thrift, INTEGER_SIGNED, weir_leaf_is_signed(type));
        weir_thrift_end(thrift);
    }
    weir_thrift_end(thrift);
}

static void put_schema(struct weir_thrift *thrift, const struct weir_schema *schema)
{
    weir_thrift_list(thrift, FILE_SCHEMA, WEIR_THRIFT_STRUCT, schema->leaf_count + 1);
    weir_thrift_struct_element(thrift);
    weir_thrift_text(thrift, SCHEMA_NAME, schema->name);
    weir_thrift_i32(thrift, SCHEMA_CHILDREN, (int32_t)schema->leaf_count);
    weir_thrift_end(thrift);
    for (unsigned leaf = 0; leaf < schema->leaf_count; leaf++) {
        const struct weir_leaf_info *info = &schema->leaves[leaf];
        weir_thrift_struct_element(thrift);
        weir_thrift_i32(thrift, SCHEMA_TYPE, types[info->type].physical);
        weir_thrift_i32(thrift, SCHEMA_REPETITION, REPETITION_OPTIONAL);
        weir_thrift_text(thrift, SCHEMA_NAME, info->name);
        weir_thrift_i32(thrift, SCHEMA_CONVERTED, types[info->type].converted);
        put_logical_type(thrift, info->type);
        weir_thrift_end(thrift);
    }
}

void weir_footer_finish(const struct weir_footer *footer, struct weir_octets *ret_octets)
{
    size_t before = ret_octets->length;
    struct weir_thrift thrift = weir_thrift_make(ret_octets);
    weir_thrift_i32(&thrift, FILE_VERSION, FORMAT_VERSION);
    put_schema(&thrift, footer->schema);
    weir_thrift_i64(&thrift, FILE_ROWS, (int64_t)footer->rows);
    weir_thrift_list(&thrift, FILE_GROUPS, WEIR_THRIFT_STRUCT, footer->row_group_count);
    weir_octets_append(ret_octets, footer->row_groups.data, footer->row_groups.length);

    weir_thrift_list(&thrift, FILE_PAIRS, WEIR_THRIFT_STRUCT, 1);
    weir_thrift_struct_element(&thrift);
    weir_thrift_text(&thrift, PAIR_KEY, "weir.schema");
    weir_thrift_text(&thrift, PAIR_VALUE, WEIR_STORE_SCHEMA_VERSION);
    weir_thrift_end(&thrift);

    char creator[64];
    snprintf(creator, sizeof(creator), "weir version %s", weir_version());
    weir_thrift_text(&thrift, FILE_CREATOR, creator);

    weir_thrift_list(&thrift, FILE_ORDERS, WEIR_THRIFT_STRUCT, footer->schema->leaf_count);
    for (unsigned leaf = 0; leaf < footer->schema->leaf_count; leaf++) {
        weir_thrift_struct_element(&thrift);
        weir_thrift_empty(&thrift, ORDER_TYPE_DEFINED);
        weir_thrift_end(&thrift);
    }
    weir_thrift_end(&thrift);

    weir_octets_le32(ret_octets, (uint32_t)(ret_octets->length - before));
    weir_octets_append(ret_octets, WEIR_PARQUET_MAGIC, 4);
}
