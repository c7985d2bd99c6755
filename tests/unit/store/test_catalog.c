/* SPDX-License-Identifier: Apache-2.0 */
#include "store/catalog.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const files[] = {
    "date=2026-02-03/hour=08/flows-0000000002000-0000000002999-a.parquet",
    "date=2026-02-03/hour=07/flows-0000000001000-0000000001999-b.parquet",
    "date=2026-02-03/hour=07/flows-0000000000000-0000000001500-c.parquet",
    "date=2026-02-03/hour=07/made by hand.parquet",
    "date=2026-02-03/hour=07/flows-0000000001000-0000000001999-b.parquet.tmp",
    "date=2026-02-03/hour=07/.hidden.parquet",
    "date=2026-02-03/minute=07/no.parquet",
    ".tmp/flows-0000000001000-0000000001999-d.parquet",
    "rollup/flows-0000000001000-0000000001999-e.parquet",
};

static void make_file(const char *root, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("12345", file);
    assert_int_equal(fclose(file), 0);
}

static int make_store(void **state)
{
    char *root = strdup("/tmp/weir-catalog-XXXXXX");
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        make_file(root, files[i]);
    *state = root;
    return 0;
}

static int remove_store(void **state)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", (const char *)*state);
    free(*state);
    return system(command);
}

/* The end of a path: what tells the files apart. */
static void assert_files(const struct weir_catalog *catalog, const char *const *ends, size_t count)
{
    assert_int_equal(catalog->count, count);
    for (size_t i = 0; i < count; i++)
        assert_non_null(strstr(catalog->files[i].path, ends[i]));
    assert_int_equal(catalog->octets, 5 * count);
}

static void times_prune_by_name(void **state)
{
    const struct {
        int64_t from_ms, to_ms;
        size_t count;
        const char *ends[4];
        size_t pruned;
    } cases[] = {
        {INT64_MIN, INT64_MAX, 4, {"-c.parquet", "-b.parquet", "by hand", "-a.parquet"}, 0},
        {1999, 1999, 2, {"-b.parquet", "by hand"}, 2},
        {1501, 2000, 3, {"-b.parquet", "by hand", "-a.parquet"}, 1},
        {0, 999, 2, {"-c.parquet", "by hand"}, 2},
        {-5, -1, 2, {"-c.parquet", "by hand"}, 2},
        {3000, INT64_MAX, 1, {"by hand"}, 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_catalog catalog;
        struct weir_diag diag = {0};
        assert_int_equal(
            weir_catalog_read(*state, cases[i].from_ms, cases[i].to_ms, &catalog, &diag), 0);
        assert_files(&catalog, cases[i].ends, cases[i].count);
        assert_int_equal(catalog.pruned_count, cases[i].pruned);
        assert_int_equal(catalog.pruned_octets, 5 * cases[i].pruned);
        weir_catalog_done(&catalog);
    }
}

static void a_folder_may_end_in_slashes(void **state)
{
    char path[64];
    struct weir_catalog catalog;
    struct weir_diag diag = {0};
    snprintf(path, sizeof(path), "%s//", (const char *)*state);
    assert_int_equal(weir_catalog_read(path, INT64_MIN, INT64_MAX, &catalog, &diag), 0);
    assert_int_equal(catalog.count, 4);
    assert_null(strstr(catalog.files[0].path, "//"));
    weir_catalog_done(&catalog);
}

static void what_is_no_store_is_told(void **state)
{
    char path[64];
    struct weir_catalog catalog;
    struct weir_diag diag = {0};
    assert_int_equal(weir_catalog_read("/nonexistent", 0, 1, &catalog, &diag), WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "/nonexistent"));
    snprintf(path, sizeof(path), "%s/rollup", (const char *)*state);
    assert_int_equal(weir_catalog_read(path, 0, 1, &catalog, &diag), WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "no store"));
    /* A marker makes it one, with nothing in it yet. */
    make_file(path, "weir-store");
    assert_int_equal(weir_catalog_read(path, 0, 1, &catalog, &diag), 0);
    assert_int_equal(catalog.count, 0);
    weir_catalog_done(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_prune_by_name),
        cmocka_unit_test(a_folder_may_end_in_slashes),
        cmocka_unit_test(what_is_no_store_is_told),
    };
    return cmocka_run_group_tests_name("catalog", tests, make_store, remove_store);
}
