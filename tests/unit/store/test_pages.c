/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer wrote, read back chunk by chunk. */
#include "store/pages.h"

#include "support/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batches.h"
#include "store/parquet.h"

static int write_file(const char *path, const struct batches *all, enum weir_codec codec,
                      uint32_t group_rows)
{
    struct weir_parquet_encoder *encoder;
    struct weir_parquet *file;
    struct weir_parquet_summary summary;
    struct weir_diag diag = {0};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    const struct weir_parquet_options options = {.codec = codec, .row_group_rows = group_rows};
    assert_int_equal(weir_parquet_encoder_new(&options, &encoder), 0);
    assert_int_equal(weir_parquet_new(encoder, &file), 0);
    weir_parquet_begin(file, fd);
    for (size_t i = 0; i < all->count; i++)
        assert_int_equal(
            weir_parquet_append(file, all->batch[i], 0, all->batch[i]->row_count, &diag), 0);
    assert_int_equal(weir_parquet_finish(file, &summary, &diag), 0);
    weir_parquet_free(file);
    weir_parquet_encoder_free(encoder);
    return fd;
}

struct reading {
    int fd;
    struct weir_pages *pages;
    const struct batches *all; /* NULL: nothing is expected but an end */
    uint64_t row;
    unsigned dictionaries, plains, nones; /* chunks of each kind */
};

static void check_chunk(struct reading *reading, enum weir_leaf leaf,
                        const struct weir_leaf_values *values)
{
    reading->dictionaries += values->entry_count > 0;
    reading->plains += values->entry_count == 0;
    reading->nones += values->has != NULL;
    for (uint32_t row = 0; row < values->row_count; row++) {
        bool is_none = values->has && !values->has[row];
        struct leaf_value found = {.is_none = is_none, .integer = weir_leaf_value(values, row)};
        if (is_none)
            assert_int_equal(found.integer, 0);
        batches_check(reading->all, reading->row + row, leaf, found);
    }
}

static int read_group(void *context, const struct weir_footer_group *group)
{
    struct reading *reading = context;
    for (unsigned i = 0; i < WEIR_LEAF_COUNT; i++) {
        enum weir_leaf leaf = (enum weir_leaf)i;
        struct weir_leaf_values values;
        struct weir_diag diag = {0};
        int result = weir_pages_read(reading->pages, reading->fd, &group->chunks[i], leaf,
                                     group->rows, &values, &diag);
        if (result < 0)
            assert_true(diag.text[0] != '\0');
        if (!reading->all)
            continue;
        if (weir_leaf_info(leaf)->type == WEIR_LEAF_STRING) {
            assert_int_equal(result, WEIR_E_UNSUPPORTED);
            continue;
        }
        if (result < 0)
            fail_msg("%s: %s", weir_leaf_info(leaf)->name, diag.text);
        check_chunk(reading, leaf, &values);
    }
    reading->row += group->rows;
    return 0;
}

static void chunks_come_back(void **state)
{
    (void)state;
    static const enum weir_codec codecs[] = {WEIR_CODEC_LZ4, WEIR_CODEC_ZSTD, WEIR_CODEC_NONE};
    struct reading reading = {0};
    assert_int_equal(weir_pages_new(&reading.pages), 0);
    for (unsigned i = 0; i < 9; i++) {
        char path[] = "/tmp/weir-pages-XXXXXX";
        struct weir_diag diag = {0};
        close(mkstemp(path));
        struct batches *all = batches_new(20 + i, 12, i < 6 ? 300 : 3000);
        reading.fd = write_file(path, all, codecs[i % 3], i < 3 ? 500 : 8000);
        reading.all = all;
        reading.row = 0;
        assert_int_equal(weir_footer_read(reading.fd, read_group, &reading, &diag), 0);
        assert_int_equal(reading.row, all->row_count);
        close(reading.fd);
        unlink(path);
        batches_free(all);
    }
    assert_true(reading.dictionaries > 0 && reading.plains > 0 && reading.nones > 0);
    weir_pages_free(reading.pages);
}

static void damage_is_refused_or_read(void **state)
{
    (void)state;
    static const enum weir_codec codecs[] = {WEIR_CODEC_LZ4, WEIR_CODEC_ZSTD, WEIR_CODEC_NONE};
    struct reading reading = {0};
    assert_int_equal(weir_pages_new(&reading.pages), 0);
    for (unsigned i = 0; i < 3; i++) {
        char path[] = "/tmp/weir-pages-XXXXXX";
        close(mkstemp(path));
        struct batches *all = batches_new(40 + i, 3, 60);
        reading.fd = write_file(path, all, codecs[i], 0);
        batches_free(all);
        off_t length = lseek(reading.fd, 0, SEEK_END);
        for (off_t at = 4; at < length - 8; at += 7) {
            struct weir_diag diag = {0};
            uint8_t octet, flipped;
            assert_int_equal(pread(reading.fd, &octet, 1, at), 1);
            flipped = (uint8_t)(octet ^ (at % 2 ? 0xff : 1u << at % 8));
            assert_int_equal(pwrite(reading.fd, &flipped, 1, at), 1);
            int result = weir_footer_read(reading.fd, read_group, &reading, &diag);
            assert_true(result == 0 || result == WEIR_E_MALFORMED);
            assert_int_equal(pwrite(reading.fd, &octet, 1, at), 1);
        }
        close(reading.fd);
        unlink(path);
    }
    weir_pages_free(reading.pages);
}

struct first_chunk {
    int fd;
    struct weir_pages *pages;
};

/* Chunks cut short at every octet. */
static int cut_group(void *context, const struct weir_footer_group *group)
{
    struct first_chunk *first = context;
    for (unsigned i = 0; i < WEIR_LEAF_COUNT; i++) {
        struct weir_footer_chunk chunk = group->chunks[i];
        struct weir_leaf_values values;
        struct weir_diag diag = {0};
        if (weir_leaf_info((enum weir_leaf)i)->type == WEIR_LEAF_STRING)
            continue;
        uint8_t *octets = malloc(chunk.octets);
        assert_non_null(octets);
        assert_int_equal(pread(first->fd, octets, chunk.octets, (off_t)chunk.offset), chunk.octets);
        for (size_t length = 0; length < chunk.octets; length++) {
            uint8_t *exact = malloc(length ? length : 1);
            assert_non_null(exact);
            memcpy(exact, octets, length);
            assert_int_equal(weir_pages_decode(first->pages, exact, length, &chunk,
                                               (enum weir_leaf)i, group->rows, &values, &diag),
                             WEIR_E_MALFORMED);
            free(exact);
        }
        assert_int_equal(weir_pages_decode(first->pages, octets, chunk.octets, &chunk,
                                           (enum weir_leaf)i, group->rows, &values, &diag),
                         0);
        free(octets);
    }
    return 0;
}

static void cut_chunks_are_malformed(void **state)
{
    (void)state;
    char path[] = "/tmp/weir-pages-XXXXXX";
    struct weir_diag diag = {0};
    struct first_chunk first;
    close(mkstemp(path));
    struct batches *all = batches_new(50, 3, 60);
    first.fd = write_file(path, all, WEIR_CODEC_LZ4, 0);
    batches_free(all);
    assert_int_equal(weir_pages_new(&first.pages), 0);
    assert_int_equal(weir_footer_read(first.fd, cut_group, &first, &diag), 0);
    weir_pages_free(first.pages);
    close(first.fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_come_back),
        cmocka_unit_test(damage_is_refused_or_read),
        cmocka_unit_test(cut_chunks_are_malformed),
    };
    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
