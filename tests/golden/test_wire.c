/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the export files of ../shared whose contents two other decoders agree on, and compares
 * the numbers of templates, options templates, Data Records and options records.
 *
 * expected.tsv names files and their groups. Files of a group share templates; those that are
 * named after templates come first, the others in the order of the table.
 */
#include "support/cmocka.h"
#include "support/export_reader.h"
#include "support/shared.h"

#include <string.h>

#include "packet/datagram_source.h"

#define ROWS_MAX     1024u
#define LINE_MAX     4096u
#define FILE_MAX     (16u << 20)
#define COLUMN_COUNT 25u

/* Columns of expected.tsv that are used here. */
enum {
    FILE_NAME,
    GROUP,
    CONTAINER,
    PROTOCOL,
    DATAGRAMS,
    TEMPLATES,
    OPTION_TEMPLATES,
    DATA_RECORDS,
    OPTION_RECORDS,
    WITHOUT_TEMPLATE,
    FLOW_SAMPLES,
    COUNTER_SAMPLES,
    OTHER_SAMPLES,
    CROSSCHECK = 19
};

struct row {
    char *line;
    char *columns[COLUMN_COUNT];
};

struct table {
    struct row rows[ROWS_MAX];
    unsigned count;
};

static unsigned number(const struct row *row, unsigned column)
{
    return (unsigned)strtoul(row->columns[column], NULL, 10);
}

/* What is in a capture beside these protocols is not counted in the columns that are used. */
static bool is_ours(const struct row *row)
{
    const char *protocol = row->columns[PROTOCOL];
    return strstr(protocol, "netflow") || strstr(protocol, "ipfix:") || strstr(protocol, "sflow5:");
}

static void read_table(const char *path, struct table *table)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[LINE_MAX];
    while (fgets(line, sizeof(line), file) && table->count < ROWS_MAX) {
        struct row *row = &table->rows[table->count];
        row->line = strdup(line);
        assert_non_null(row->line);
        unsigned columns = 0;
        char *rest = row->line;
        for (char *at = strsep(&rest, "\t\n"); at && columns < COLUMN_COUNT;
             at = strsep(&rest, "\t\n"))
            row->columns[columns++] = at;
        if (columns == COLUMN_COUNT && is_ours(row))
            table->count++;
        else
            free(row->line);
    }
    fclose(file);
}

/* Whole messages back to back. */
static void read_file(const char *path, struct test_export_reader *reader)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *octets = malloc(FILE_MAX);
    assert_non_null(octets);
    size_t length = fread(octets, 1, FILE_MAX, file);
    fclose(file);
    for (size_t at = 0; at < length;) {
        size_t taken = test_export_read(reader, 0, octets + at, length - at);
        bool is_sflow = octets[at] == 0 && octets[at + 1] == 0;
        if (taken == 0 || is_sflow) /* which is one datagram: collect/framing.h */
            break;
        at += taken;
    }
    free(octets);
}

/* Datagrams of a capture, each source with templates of its own. */
static void read_capture(const char *path, struct test_export_reader *reader)
{
    struct weir_datagram_source *source;
    struct weir_captured_datagram datagram;
    struct weir_diag diag;
    assert_int_equal(weir_datagram_open(path, NULL, &source, &diag), 0);
    while (weir_datagram_next(source, &datagram, &diag) == 0)
        (void)test_export_read(reader, datagram.src_addr.high ^ datagram.src_addr.low,
                               datagram.payload, datagram.captured);
    weir_datagram_close(source);
}

static bool is_agreed(const struct row *row)
{
    /* In the table without the datagram whose sample is of an ICMP packet. */
    bool miscounted = strcmp(row->columns[FILE_NAME], "export/ndpi/sflow.pcap") == 0;
    return strcmp(row->columns[CROSSCHECK], "agree") == 0 && !miscounted;
}

/* 1 where the file's numbers are those expected. */
static unsigned check(const struct row *row, const struct test_export_counts *counts)
{
    const unsigned found[] = {
        counts->templates,       counts->option_templates,      counts->data_records,
        counts->option_records,  counts->sets_without_template, counts->flow_samples,
        counts->counter_samples, counts->other_samples};
    bool same = true;
    for (unsigned i = 0; i < sizeof(found) / sizeof(found[0]); i++)
        same = same && found[i] == number(row, TEMPLATES + i);
    if (!same)
        for (unsigned i = 0; i < sizeof(found) / sizeof(found[0]); i++)
            printf("# %s: %u, expected %s\n", row->columns[FILE_NAME], found[i],
                   row->columns[TEMPLATES + i]);
    return same;
}

static bool is_same_group(const struct row *a, const struct row *b)
{
    return a == b || (strcmp(a->columns[GROUP], "-") != 0 &&
                      strcmp(a->columns[GROUP], b->columns[GROUP]) == 0);
}

static bool has_templates_by_name(const struct row *row)
{
    return strstr(row->columns[FILE_NAME], "templ") || strstr(row->columns[FILE_NAME], "tpl");
}

/* Reads the group that `first` begins and counts its files that are agreed on and those right. */
static void read_group(struct table *table, struct row *first, unsigned *agreed, unsigned *right)
{
    struct test_export_reader reader = {0};
    for (unsigned pass = 0; pass < 2; pass++)
        for (struct row *row = first; row < table->rows + table->count; row++) {
            if (!row->line || !is_same_group(first, row))
                continue;
            if (has_templates_by_name(row) != (pass == 0))
                continue;
            char path[WEIR_TEST_PATH_MAX], name[WEIR_TEST_PATH_MAX];
            (void)snprintf(name, sizeof(name), "data/%s", row->columns[FILE_NAME]);
            test_shared_or_skip(name, path);
            reader.counts = (struct test_export_counts){0};
            if (strcmp(row->columns[CONTAINER], "pcap") == 0)
                read_capture(path, &reader);
            else
                read_file(path, &reader);
            if (is_agreed(row)) {
                *agreed += 1;
                *right += check(row, &reader.counts);
            }
            if (row != first) {
                free(row->line);
                row->line = NULL;
            }
        }
    free(first->line);
    first->line = NULL;
    test_export_reader_done(&reader);
}

static void agreed_counts_are_found(void **state)
{
    (void)state;
    static struct table table;
    char path[WEIR_TEST_PATH_MAX];
    test_shared_or_skip("data/expected.tsv", path);
    read_table(path, &table);
    assert_true(table.count > 100);
    unsigned agreed = 0, right = 0;
    for (unsigned i = 0; i < table.count; i++)
        if (table.rows[i].line)
            read_group(&table, &table.rows[i], &agreed, &right);
    printf("# %u of %u files as expected\n", right, agreed);
    assert_true(agreed > 100);
    assert_int_equal(right, agreed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agreed_counts_are_found),
    };
    return cmocka_run_group_tests_name("golden wire", tests, NULL, NULL);
}
