/* SPDX-License-Identifier: Apache-2.0 */
#include "store/statistics.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store/footer_reader.h"

static bool is_less(enum weir_leaf_type type, uint64_t a, uint64_t b)
{
    return weir_leaf_is_signed(type) ? (int64_t)a < (int64_t)b : a < b;
}

/* `more` values of a leaf beside those of `into`. */
static void merge(struct weir_leaf_statistics *into, const struct weir_leaf_statistics *more,
                  enum weir_leaf_type type)
{
    if (more->any && !into->any) {
        into->min = more->min;
        into->max = more->max;
    } else if (more->any) {
        if (is_less(type, more->min, into->min))
            into->min = more->min;
        if (is_less(type, into->max, more->max))
            into->max = more->max;
    }
    into->any = into->any || more->any;
    into->is_known = into->is_known && more->is_known;
    into->none_known = into->none_known && more->none_known;
    into->none_count += more->none_count;
}

/* A leaf that a file lacks has no value in it. */
static struct weir_leaf_statistics of_chunk(const struct weir_footer_chunk *chunk, uint64_t rows)
{
    if (!chunk->is_there)
        return (struct weir_leaf_statistics){
            .none_count = rows, .none_known = true, .is_known = true};
    bool any = !chunk->none_known || chunk->none_count < rows;
    return (struct weir_leaf_statistics){
        .none_count = chunk->none_count,
        .min = chunk->min,
        .max = chunk->max,
        .is_known = !any || (chunk->min_known && chunk->max_known),
        .none_known = chunk->none_known,
        .any = any,
    };
}

static int add_group(void *context, const struct weir_footer_group *group)
{
    struct weir_statistics *statistics = context;
    for (unsigned i = 0; i < WEIR_LEAF_COUNT; i++) {
        struct weir_leaf_statistics more = of_chunk(&group->chunks[i], group->rows);
        merge(&statistics->leaves[i], &more, weir_leaf_info((enum weir_leaf)i)->type);
        statistics->lacks_leaves |= !group->chunks[i].is_there;
    }
    statistics->rows += group->rows;
    statistics->row_groups++;
    return 0;
}

struct weir_statistics weir_statistics_none(void)
{
    struct weir_statistics statistics = {0};
    for (unsigned i = 0; i < WEIR_LEAF_COUNT; i++)
        statistics.leaves[i] = (struct weir_leaf_statistics){.is_known = true, .none_known = true};
    return statistics;
}

int weir_statistics_add(struct weir_statistics *statistics, const char *path,
                        struct weir_diag *diag)
{
    struct weir_statistics sum = *statistics;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result = fd < 0 ? weir_diag_set(diag, WEIR_E_IO, "%s", strerror(errno))
                        : weir_footer_read(fd, add_group, &sum, diag);
    if (result == 0)
        *statistics = sum;
    if (fd >= 0)
        close(fd);
    if (result < 0)
        weir_diag_prefix(diag, "%s", path);
    return result;
}
