/* SPDX-License-Identifier: Apache-2.0 */
#include "store_files.h"

#include <dirent.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parquet_reader.h"
#include "support/cmocka.h"

void store_make(char path[STORE_PATH_MAX])
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, STORE_PATH_MAX, "%s/weir-store-XXXXXX", folder ? folder : "/tmp");
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void store_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void store_add_rows(struct weir_batch *batch, uint64_t first, uint32_t count, int64_t received_ns)
{
    struct weir_segment segment = {
        .columns = WEIR_COLUMN_BIT(BYTES) | WEIR_COLUMN_BIT(SRC_ADDR),
        .received_ns = received_ns,
        .domain = (uint32_t)(first / 7),
    };
    if (first % 3 != 0)
        segment.columns |= WEIR_COLUMN_BIT(END);
    if (first % 3 != 0 && first % 5 != 0)
        segment.columns |= WEIR_COLUMN_BIT(START);
    uint32_t row = weir_batch_begin(batch, &segment, count);
    for (uint32_t i = 0; i < count; i++, row++) {
        uint64_t number = first + i;
        int64_t end = received_ns - (int64_t)(number * 2654435761u % 1000000000);
        weir_batch_u64(batch, WEIR_COLUMN_BYTES)[row] = number;
        weir_batch_time(batch, WEIR_COLUMN_END)[row] = end;
        weir_batch_time(batch, WEIR_COLUMN_START)[row] =
            end - (int64_t)(number * 40503 % 59000 * 1000000);
        weir_batch_high(batch, WEIR_COLUMN_SRC_ADDR)[row] = 0;
        weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR)[row] = number * UINT64_C(0x9e3779b97f4a7c15);
    }
}

static struct leaf_value *read_leaf(struct parquet *file, size_t group, enum weir_leaf leaf)
{
    struct leaf_value *values = calloc((size_t)file->groups[group].rows, sizeof(*values));
    assert_non_null(values);
    parquet_read(file, group, leaf, values);
    return values;
}

/* Checks a row's arrival against the folder and its time against the name. */
static void check_times(const char *path, const struct weir_store_name *name,
                        struct leaf_value received, struct leaf_value past_ms,
                        struct leaf_value start, struct leaf_value end)
{
    char partition[WEIR_STORE_PARTITION_MAX];
    /* The earliest time is in a millisecond that begins before there are times: it wraps twice. */
    weir_store_partition_format(NULL, (int64_t)(received.integer * 1000000 + past_ms.integer),
                                partition);
    assert_non_null(strstr(path, partition));
    int64_t from = (int64_t)(!start.is_none ? start : !end.is_none ? end : received).integer;
    int64_t to = (int64_t)(!end.is_none ? end : !start.is_none ? start : received).integer;
    if ((name->start_ms != 0 && from < name->start_ms) || to > name->end_ms)
        fail_msg("%s: does not cover %lld to %lld", path, (long long)from, (long long)to);
}

static void read_one(const char *path, struct store_contents *contents)
{
    struct weir_store_name name;
    assert_int_equal(weir_store_name_parse(NULL, strrchr(path, '/') + 1, &name), 0);
    struct parquet *file = parquet_open(path);
    assert_true(file->rows > 0);
    contents->file_count++;
    contents->octets += file->length;
    for (size_t g = 0; g < file->group_count; g++) {
        struct leaf_value *all[WEIR_LEAF_COUNT];
        for (unsigned leaf = 0; leaf < WEIR_LEAF_COUNT; leaf++)
            all[leaf] = read_leaf(file, g, (enum weir_leaf)leaf);
        for (size_t i = 0; i < (size_t)file->groups[g].rows; i++) {
            uint64_t number = all[WEIR_LEAF_OF_BYTES][i].integer;
            assert_true(number < contents->seen_max);
            contents->seen[number]++;
            contents->row_count++;
            check_times(path, &name, all[WEIR_LEAF_OF_RECEIVED][i],
                        all[WEIR_LEAF_OF_RECEIVED_NS][i], all[WEIR_LEAF_OF_START][i],
                        all[WEIR_LEAF_OF_END][i]);
        }
        for (unsigned leaf = 0; leaf < WEIR_LEAF_COUNT; leaf++)
            free(all[leaf]);
    }
    parquet_close(file);
}

struct store_contents store_read(const char *path, uint64_t number_max)
{
    struct store_contents contents = {.seen = calloc(number_max + 1, 1), .seen_max = number_max};
    assert_non_null(contents.seen);
    char pattern[STORE_PATH_MAX + 64];
    snprintf(pattern, sizeof(pattern), "%s/" WEIR_STORE_GLOB, path);
    glob_t found;
    int result = glob(pattern, 0, NULL, &found);
    assert_true(result == 0 || result == GLOB_NOMATCH);
    for (size_t i = 0; result == 0 && i < found.gl_pathc; i++)
        read_one(found.gl_pathv[i], &contents);
    if (result == 0)
        globfree(&found);
    return contents;
}

void store_contents_done(struct store_contents *contents)
{
    free(contents->seen);
}

size_t store_count_writers(const char *path)
{
    char temporaries[STORE_PATH_MAX + 16];
    snprintf(temporaries, sizeof(temporaries), "%s/" WEIR_STORE_TEMPORARY_NAME, path);
    DIR *list = opendir(temporaries);
    assert_non_null(list);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(list));)
        count += entry->d_type == DT_DIR && entry->d_name[0] != '.';
    closedir(list);
    return count;
}
