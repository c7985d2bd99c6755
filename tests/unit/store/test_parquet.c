/* SPDX-License-Identifier: Apache-2.0 */
/* What is written is read back, value by value, by a reader made from the specification. */
#include "store/parquet.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/version.h"
#include "batches.h"
#include "parquet_reader.h"
#include "support/cmocka.h"

static char path[64];

static int make_path(void **state)
{
    (void)state;
    strcpy(path, "/tmp/weir-parquet-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 || close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static struct weir_parquet_summary write_all(const struct batches *all,
                                             const struct weir_parquet_options *options)
{
    struct weir_parquet_encoder *encoder;
    struct weir_parquet *file;
    struct weir_parquet_summary summary;
    struct weir_diag diag = {0};
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(weir_parquet_encoder_new(options, &encoder), 0);
    assert_int_equal(weir_parquet_new(encoder, &file), 0);
    weir_parquet_begin(file, fd);
    for (size_t i = 0; i < all->count; i++) {
        /* In two parts, which need not end where a segment does. */
        uint32_t rows = all->batch[i]->row_count, half = rows / 2;
        assert_int_equal(weir_parquet_append(file, all->batch[i], 0, half, &diag), 0);
        assert_int_equal(weir_parquet_append(file, all->batch[i], half, rows - half, &diag), 0);
    }
    assert_int_equal(weir_parquet_rows(file), all->row_count);
    assert_int_equal(weir_parquet_finish(file, &summary, &diag), 0);
    weir_parquet_free(file);
    weir_parquet_encoder_free(encoder);
    close(fd);
    return summary;
}

static int compare(const struct parquet_leaf *leaf, const struct leaf_value *a,
                   const struct leaf_value *b)
{
    if (leaf->type == 6) {
        size_t shorter = a->length < b->length ? a->length : b->length;
        int order = shorter ? memcmp(a->text, b->text, shorter) : 0;
        return order ? order : (a->length > b->length) - (a->length < b->length);
    }
    if (leaf->logical == 8)
        return ((int64_t)a->integer > (int64_t)b->integer) -
               ((int64_t)a->integer < (int64_t)b->integer);
    return (a->integer > b->integer) - (a->integer < b->integer);
}

static struct leaf_value bound(const struct parquet_leaf *leaf, const uint8_t *octets,
                               size_t length)
{
    struct leaf_value value = {0};
    if (leaf->type == 6) {
        value.text = (const char *)octets;
        value.length = length;
    } else {
        assert_int_equal(length, leaf->type == 1 ? 4 : 8);
        value.integer = leaf->type == 1 ? weir_load_le32(octets) : weir_load_le64(octets);
    }
    return value;
}

/* Every value is within the bounds, and bounds that say so are values. */
static void check_statistics(const struct parquet_leaf *leaf, const struct parquet_chunk *chunk,
                             const struct leaf_value *values, size_t count)
{
    struct leaf_value min = {0}, max = {0};
    bool min_seen = false, max_seen = false, any = false;
    if (chunk->has_min)
        min = bound(leaf, chunk->min, chunk->min_length);
    if (chunk->has_max)
        max = bound(leaf, chunk->max, chunk->max_length);
    for (size_t i = 0; i < count; i++) {
        if (values[i].is_none)
            continue;
        any = true;
        if (chunk->has_min) {
            int order = compare(leaf, &min, &values[i]);
            assert_true(order <= 0);
            min_seen = min_seen || order == 0;
        }
        if (chunk->has_max) {
            int order = compare(leaf, &max, &values[i]);
            assert_true(order >= 0);
            max_seen = max_seen || order == 0;
        }
    }
    assert_int_equal(chunk->has_min, any);
    if (leaf->type != 6)
        assert_int_equal(chunk->has_max, any);
    if (chunk->min_exact)
        assert_true(min_seen);
    if (chunk->max_exact)
        assert_true(max_seen);
}

static void check_bloom(const struct parquet *file, const struct parquet_chunk *chunk,
                        const struct leaf_value *values, size_t count)
{
    uint64_t random = 4711;
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++)
        if (!values[i].is_none)
            assert_true(parquet_bloom_has(file, chunk, values[i].integer));
    for (unsigned i = 0; i < 1000; i++)
        wrong += parquet_bloom_has(file, chunk, random_u64(&random));
    assert_true(wrong < 60);
}

/* How often each way of encoding was met: encoding * 65 + index width, compressed or not. */
struct met {
    unsigned encodings[16];
    unsigned widths[17];
    unsigned codecs[8];
    unsigned blooms;
};

static void check_all(const struct batches *all, struct met *met)
{
    struct parquet *file = parquet_open(path);
    assert_int_equal(file->rows, all->row_count);
    assert_int_equal(file->leaf_count, WEIR_LEAF_COUNT);
    uint64_t first = 0;
    for (size_t g = 0; g < file->group_count; g++) {
        struct parquet_group *group = &file->groups[g];
        size_t rows = (size_t)group->rows;
        int64_t plain = 0, packed = 0;
        assert_int_equal(group->ordinal, g);
        struct leaf_value *values = calloc(rows, sizeof(*values));
        assert_non_null(values);
        for (unsigned leaf = 0; leaf < WEIR_LEAF_COUNT; leaf++) {
            struct parquet_chunk *chunk = &group->chunks[leaf];
            assert_string_equal(chunk->name, file->leaves[leaf].name);
            parquet_read(file, g, leaf, values);
            for (size_t i = 0; i < rows; i++)
                batches_check(all, first + i, (enum weir_leaf)leaf, values[i]);
            check_statistics(&file->leaves[leaf], chunk, values, rows);
            plain += chunk->plain_octets;
            packed += chunk->packed_octets;
            met->encodings[chunk->encoding]++;
            met->codecs[chunk->codec]++;
            if (chunk->encoding == 8)
                met->widths[chunk->index_width]++;
            if (chunk->bloom_octets) {
                met->blooms++;
                if (g % 8 == 0)
                    check_bloom(file, chunk, values, rows);
            }
        }
        assert_int_equal(group->plain_octets, plain);
        assert_int_equal(group->packed_octets, packed);
        free(values);
        first += rows;
    }
    assert_int_equal(first, all->row_count);
    parquet_close(file);
}

static void test_random_batches(void **state)
{
    (void)state;
    static const uint32_t row_groups[] = {50, 1000, 9000, 0};
    struct met met = {0};
    for (uint64_t seed = 100; seed < 118; seed++) {
        struct weir_parquet_options options = {.codec = (enum weir_codec)(seed % 3),
                                               .row_group_rows = row_groups[seed / 3 % 4]};
        struct batches *all = batches_new(seed, 4, seed % 4 ? 1500 : 8000);
        struct weir_parquet_summary summary = write_all(all, &options);
        assert_int_equal(summary.rows, all->row_count);
        check_all(all, &met);
        batches_free(all);
    }
    /* The data must bring out every choice, or the test says little. */
    assert_true(met.encodings[0] > 100 && met.encodings[5] > 100 && met.encodings[8] > 100);
    assert_true(met.codecs[0] > 100 && met.codecs[6] > 100 && met.codecs[7] > 100);
    assert_true(met.blooms > 100);
    for (unsigned width = 1; width <= 12; width++)
        assert_true(met.widths[width] > 0);
}

/* Text alone fills a row group, and one row may bring as much as a batch holds. */
static void test_much_text(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {1000000, 15000000, 16000000, 1};
    struct batches all = {.batch = calloc(4, sizeof(struct weir_batch *)), .count = 4};
    char *text = malloc(16000000);
    assert_true(all.batch && text);
    uint64_t random = 9;
    for (size_t i = 0; i < 16000000; i++)
        text[i] = (char)('a' + random_u64(&random) % 26);
    for (size_t i = 0; i < 4; i++) {
        all.batch[i] = weir_batch_new(15);
        assert_non_null(all.batch[i]);
        uint32_t rows = i == 0 ? 15 : 1;
        struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(OTHER)};
        weir_batch_begin(all.batch[i], &segment, rows);
        for (uint32_t row = 0; row < rows; row++)
            assert_int_equal(
                weir_batch_add_text(all.batch[i], text + row, lengths[i] - row % 2,
                                    &weir_batch_texts(all.batch[i], WEIR_COLUMN_OTHER)[row]),
                0);
        all.row_count += rows;
    }
    struct weir_parquet_options options = {.codec = WEIR_CODEC_NONE};
    assert_int_equal(write_all(&all, &options).row_groups, 3);
    struct met met = {0};
    check_all(&all, &met);
    for (size_t i = 0; i < 4; i++)
        weir_batch_free(all.batch[i]);
    free(all.batch);
    free(text);
}

static void test_empty_file(void **state)
{
    (void)state;
    struct batches all = {0};
    struct weir_parquet_summary summary = write_all(&all, &(struct weir_parquet_options){0});
    assert_int_equal(summary.rows, 0);
    assert_int_equal(summary.row_groups, 0);
    assert_true(summary.start_ms > summary.end_ms);
    struct parquet *file = parquet_open(path);
    assert_int_equal(file->rows, 0);
    assert_int_equal(file->group_count, 0);
    parquet_close(file);
}

static void test_schema(void **state)
{
    (void)state;
    static const struct {
        int type, converted, logical, bits;
    } types[] = {
        [WEIR_LEAF_UINT_8] = {1, 11, 10, 8},   [WEIR_LEAF_UINT_16] = {1, 12, 10, 16},
        [WEIR_LEAF_UINT_32] = {1, 13, 10, 32}, [WEIR_LEAF_UINT_64] = {2, 14, 10, 64},
        [WEIR_LEAF_TIME_MS] = {2, 9, 8, 0},    [WEIR_LEAF_STRING] = {6, 0, 1, 0},
    };
    struct batches *all = batches_new(1, 1, 100);
    write_all(all, &(struct weir_parquet_options){0});
    struct parquet *file = parquet_open(path);
    assert_int_equal(file->version, 2);
    char creator[64];
    snprintf(creator, sizeof(creator), "weir version %s", weir_version());
    assert_string_equal(file->creator, creator);
    assert_string_equal(file->schema_version, WEIR_STORE_SCHEMA_VERSION);
    assert_int_equal(file->order_count, WEIR_LEAF_COUNT);
    assert_int_equal(file->leaf_count, WEIR_LEAF_COUNT);
    for (unsigned i = 0; i < WEIR_LEAF_COUNT; i++) {
        const struct weir_leaf_info *info = weir_leaf_info((enum weir_leaf)i);
        const struct parquet_leaf *leaf = &file->leaves[i];
        assert_string_equal(leaf->name, info->name);
        assert_int_equal(leaf->repetition, 1);
        assert_int_equal(leaf->type, types[info->type].type);
        assert_int_equal(leaf->converted, types[info->type].converted);
        assert_int_equal(leaf->logical, types[info->type].logical);
        assert_int_equal(leaf->bits, types[info->type].bits);
        assert_int_equal(leaf->is_utc, info->type == WEIR_LEAF_TIME_MS);
        assert_false(leaf->is_signed);
    }
    parquet_close(file);
    batches_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_batches),
        cmocka_unit_test(test_much_text),
        cmocka_unit_test(test_empty_file),
        cmocka_unit_test(test_schema),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
