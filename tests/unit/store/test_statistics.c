/* SPDX-License-Identifier: Apache-2.0 */
#include "store/statistics.h"

#include "support/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batches.h"
#include "store/parquet.h"

static void write_file(const char *path, const struct batches *all)
{
    struct weir_parquet_encoder *encoder;
    struct weir_parquet *file;
    struct weir_parquet_summary summary;
    struct weir_diag diag = {0};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    const struct weir_parquet_options options = {.row_group_rows = 300};
    assert_int_equal(weir_parquet_encoder_new(&options, &encoder), 0);
    assert_int_equal(weir_parquet_new(encoder, &file), 0);
    weir_parquet_begin(file, fd);
    for (size_t i = 0; i < all->count; i++)
        assert_int_equal(
            weir_parquet_append(file, all->batch[i], 0, all->batch[i]->row_count, &diag), 0);
    assert_int_equal(weir_parquet_finish(file, &summary, &diag), 0);
    close(fd);
    weir_parquet_free(file);
    weir_parquet_encoder_free(encoder);
}

/* What the values themselves say, beside what `into` has. */
static void add_expected(struct weir_statistics *into, const struct batches *all)
{
    for (unsigned leaf = 0; leaf < WEIR_LEAF_COUNT; leaf++) {
        struct weir_leaf_statistics *statistics = &into->leaves[leaf];
        bool is_time = weir_leaf_info((enum weir_leaf)leaf)->type == WEIR_LEAF_TIME_MS;
        for (uint64_t row = 0; row < all->row_count; row++) {
            struct leaf_value value = batches_value(all, row, (enum weir_leaf)leaf);
            if (value.is_none) {
                statistics->none_count++;
                continue;
            }
            uint64_t flip = is_time ? UINT64_C(1) << 63 : 0;
            if (!statistics->any || (value.integer ^ flip) < (statistics->min ^ flip))
                statistics->min = value.integer;
            if (!statistics->any || (value.integer ^ flip) > (statistics->max ^ flip))
                statistics->max = value.integer;
            statistics->any = true;
        }
    }
    into->rows += all->row_count;
}

static void footers_say_what_the_values_say(void **state)
{
    (void)state;
    char path[] = "/tmp/weir-statistics-XXXXXX";
    close(mkstemp(path));
    struct weir_statistics found = weir_statistics_none(), expected = weir_statistics_none();
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct weir_diag diag = {0};
        struct batches *all = batches_new(seed, 8, 200);
        write_file(path, all);
        assert_int_equal(weir_statistics_add(&found, path, &diag), 0);
        add_expected(&expected, all);
        batches_free(all);
    }
    assert_int_equal(found.rows, expected.rows);
    assert_true(found.row_groups >= 4);
    for (unsigned i = 0; i < WEIR_LEAF_COUNT; i++) {
        const struct weir_leaf_info *info = weir_leaf_info((enum weir_leaf)i);
        const struct weir_leaf_statistics *a = &found.leaves[i], *b = &expected.leaves[i];
        assert_true(a->none_known);
        assert_int_equal(a->none_count, b->none_count);
        assert_int_equal(a->any, b->any);
        assert_int_equal(a->is_known, info->type != WEIR_LEAF_STRING || !b->any);
        if (a->is_known && a->any && (a->min != b->min || a->max != b->max))
            fail_msg("%s: %jx to %jx, not %jx to %jx", info->name, (uintmax_t)a->min,
                     (uintmax_t)a->max, (uintmax_t)b->min, (uintmax_t)b->max);
    }
    unlink(path);
}

static uint8_t *read_file(const char *path, size_t *ret_length)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    uint8_t *octets = malloc((size_t)status.st_size);
    assert_non_null(octets);
    *ret_length = fread(octets, 1, (size_t)status.st_size, file);
    fclose(file);
    return octets;
}

static void rewrite(const char *path, const uint8_t *octets, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(octets, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void damaged_files_are_refused_or_read(void **state)
{
    (void)state;
    char path[] = "/tmp/weir-statistics-XXXXXX";
    close(mkstemp(path));
    struct batches *all = batches_new(9, 2, 40);
    write_file(path, all);
    batches_free(all);
    size_t length;
    uint8_t *octets = read_file(path, &length);
    uint32_t footer;
    memcpy(&footer, octets + length - 8, 4);

    for (size_t cut = 0; cut < length; cut += cut + 64 < length ? 61 : 1) {
        struct weir_statistics statistics = weir_statistics_none();
        struct weir_diag diag = {0};
        rewrite(path, octets, cut);
        assert_int_equal(weir_statistics_add(&statistics, path, &diag), WEIR_E_MALFORMED);
        assert_non_null(strstr(diag.text, path));
        assert_int_equal(statistics.rows, 0);
    }
    for (size_t at = length - 8 - footer; at < length; at += 3) {
        struct weir_statistics statistics = weir_statistics_none();
        struct weir_diag diag = {0};
        octets[at] ^= 0xff;
        rewrite(path, octets, length);
        int result = weir_statistics_add(&statistics, path, &diag);
        assert_true(result == 0 || (result == WEIR_E_MALFORMED && statistics.rows == 0));
        octets[at] ^= 0xff;
    }
    free(octets);
    unlink(path);
    struct weir_statistics statistics = weir_statistics_none();
    struct weir_diag diag = {0};
    assert_int_equal(weir_statistics_add(&statistics, path, &diag), WEIR_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(footers_say_what_the_values_say),
        cmocka_unit_test(damaged_files_are_refused_or_read),
    };
    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
