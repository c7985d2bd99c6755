/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores for tests: a new folder, batches whose rows are numbered, and what the finished files of
 * a store hold, read by parquet_reader.
 */
#ifndef WEIR_TESTS_STORE_STORE_FILES_H
#define WEIR_TESTS_STORE_STORE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "record/batch.h"

#define STORE_PATH_MAX 128

/* 2026-02-03 07:00:00 UTC. */
#define TEST_HOUR_NS INT64_C(1770102000000000000)

/* Makes a new empty folder, as /tmp/weir-store-XXXXXX, or below $TMPDIR. */
void store_make(char path[STORE_PATH_MAX]);

/* Removes a folder with all that is in it. */
void store_remove(const char *path);

/*
 * A segment of `count` rows, numbered in `bytes` from `first` on, that arrived at received_ns.
 * Their flow times are within a minute before; every third has none, every fifth no start.
 */
void store_add_rows(struct weir_batch *batch, uint64_t first, uint32_t count, int64_t received_ns);

struct store_contents {
    size_t file_count;
    uint64_t row_count;
    uint64_t octets;
    uint8_t *seen; /* by number: how often a row was found */
    uint64_t seen_max;
};

/*
 * Reads every file under the store's glob and fails the running test where one is not whole, or a
 * row is in the wrong partition or outside the range that the file's name says. Rows have numbers
 * below `number_max`. To be freed by store_contents_done.
 */
struct store_contents store_read(const char *path, uint64_t number_max);
void store_contents_done(struct store_contents *contents);

/* Folders of writers below DIR/.tmp. */
size_t store_count_writers(const char *path);

#endif
