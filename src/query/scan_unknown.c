/* SPDX-License-Identifier: Apache-2.0 */
#include "query/scan_unknown.h"

#include "query/scan_source.h"

/* What the footer says of a row group; false: it does not. */
static bool tell(const struct weir_footer_group *group, uint64_t *ret_count)
{
    const struct weir_footer_chunk *chunk =
        &group->chunks[weir_leaf_of_column(WEIR_COLUMN_SAMPLING)];
    bool all_none = !chunk->is_there || (chunk->none_known && chunk->none_count == group->rows);
    if (all_none || (chunk->max_known && chunk->max == 0)) {
        *ret_count = group->rows;
        return true;
    }
    *ret_count = chunk->none_count;
    return chunk->none_known && chunk->min_known && chunk->min > 0;
}

static uint64_t count_rows(const struct weir_leaf_values *values)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < values->row_count; i++)
        count += (values->has && !values->has[i]) || weir_leaf_value(values, i) == 0;
    return count;
}

static int add_group(void *context, struct weir_scan_source *source)
{
    uint64_t *total = context, count;
    const struct weir_leaf_values *values;
    if (!tell(source->group, &count)) {
        int result = weir_scan_leaf(source, weir_leaf_of_column(WEIR_COLUMN_SAMPLING), &values);
        if (result < 0)
            return result;
        count = count_rows(values);
    }
    *total += count;
    return 0;
}

int weir_scan_count_unknown(const struct weir_scan_question *question, uint64_t *ret_count,
                            struct weir_diag *diag)
{
    struct weir_scan_source source;
    uint64_t count = 0;
    weir_scan_source_init(&source, question->files, diag);
    source.stop = question->stop;
    source.stop_context = question->stop_context;
    int result = weir_scan_each(&source, add_group, &count);
    weir_scan_source_done(&source);
    if (result == 0)
        *ret_count = count;
    return result;
}
