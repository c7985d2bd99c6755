/* SPDX-License-Identifier: Apache-2.0 */
#include "query/scan.h"

#include <stdlib.h>
#include <string.h>

#include "query/scan_filter.h"
#include "query/scan_groups.h"
#include "query/scan_program.h"
#include "query/scan_sieve.h"
#include "query/scan_source.h"
#include "query/statement.h"

#define BLOCK        1024u /* rows that are worked on at a time */
#define BUCKETS_KEPT 256u  /* at least, and 4 a row of the answer */
#define SIEVE_TOP    1000u

struct scan {
    const struct weir_scan_question *question;
    struct weir_scan_program program;
    struct weir_scan_source source;
    struct weir_scan_filter *filter;
    struct weir_scan_groups groups;
    struct weir_scan_sieve *sieve; /* NULL: none yet */
    bool keep;                     /* only groups of buckets that are kept are made */
    uint64_t row_count;            /* that passed the filter in the pass at hand */
    /* The row group at hand. */
    const struct weir_leaf_values *keys[WEIR_SCAN_WORDS_MAX];
    const struct weir_leaf_values *sums[WEIR_SCAN_SUMS_MAX];
    const struct weir_leaf_values *counts[WEIR_SCAN_SUMS_MAX];
    const uint8_t *mask; /* NULL: all rows pass */
    struct weir_diag *diag;
};

static int make_filter(const struct weir_query_plan *plan, struct weir_scan_filter **ret_filter)
{
    return weir_scan_filter_new(plan->condition, plan->from_ms, plan->to_ms, ret_filter);
}

bool weir_scan_applies(const struct weir_scan_question *question)
{
    struct weir_scan_program program;
    struct weir_scan_filter *filter;
    if (!weir_scan_program_compile(question, &program) || make_filter(question->plan, &filter) < 0)
        return false;
    weir_scan_filter_free(filter);
    return true;
}

/* ---- rows ---- */

/* Filters the row group and decodes what is to be added up; false in *ret_any: no row passes. */
static int open_rows(struct scan *scan, bool only_ordered, bool *ret_any)
{
    const struct weir_scan_program *program = &scan->program;
    enum weir_scan_outcome outcome;
    const uint8_t *mask;
    int result = weir_scan_filter_rows(scan->filter, &scan->source, &outcome, &mask);
    *ret_any = result == 0 && outcome != WEIR_SCAN_NO_ROWS;
    if (!*ret_any)
        return result;
    scan->mask = outcome == WEIR_SCAN_SOME_ROWS ? mask : NULL;
    for (unsigned i = 0; i < program->key_count && result == 0; i++)
        if (!only_ordered || program->keys[i].in_bucket)
            result = weir_scan_leaf(&scan->source, program->keys[i].leaf, &scan->keys[i]);
    unsigned ordered = program->place[scan->question->plan->order_column];
    for (unsigned i = 0; i < program->sum_count && result == 0; i++)
        if (!only_ordered || weir_scan_program_sum_place(program, i) == ordered)
            result = weir_scan_leaf(&scan->source, program->sums[i], &scan->sums[i]);
    for (unsigned i = 0; i < program->count_count && result == 0 && !only_ordered; i++)
        result = weir_scan_leaf(&scan->source, program->counts[i], &scan->counts[i]);
    return result;
}

/* Rows of [first, past) that pass; returns how many. */
static unsigned choose(const uint8_t *mask, uint32_t first, uint32_t past, uint32_t *rows)
{
    unsigned count = 0;
    for (uint32_t i = first; i < past; i++) {
        rows[count] = i;
        count += !mask || mask[i] != 0;
    }
    return count;
}

/* The keys of `count` rows, of `stride` words each, the last of which says what is none. */
static void gather_keys(const struct scan *scan, const uint32_t *rows, unsigned count,
                        uint64_t *keys, unsigned stride)
{
    const struct weir_scan_program *program = &scan->program;
    for (unsigned i = 0; i < count; i++)
        keys[i * stride + program->key_count] = 0;
    for (unsigned k = 0; k < program->key_count; k++) {
        const struct weir_leaf_values *values = scan->keys[k];
        uint64_t none = UINT64_C(1) << program->keys[k].column;
        for (unsigned i = 0; i < count; i++)
            keys[i * stride + k] = weir_leaf_value(values, rows[i]);
        for (unsigned i = 0; values->has && i < count; i++)
            if (!values->has[rows[i]]) {
                keys[i * stride + k] = 0;
                keys[i * stride + program->key_count] |= none;
            }
    }
}

static uint64_t leading_ones(unsigned bits)
{
    return bits == 0 ? 0 : bits >= 64 ? UINT64_MAX : ~(UINT64_MAX >> bits);
}

/* Cuts addresses down to their networks. */
static void mask_keys(const struct scan *scan, unsigned count, uint64_t *keys, unsigned stride)
{
    const struct weir_query_plan *plan = scan->question->plan;
    for (unsigned c = 0; c < plan->column_count && plan->columns[c].is_key; c++) {
        const struct weir_query_field *field = &plan->columns[c].field;
        if (plan->columns[c].kind != WEIR_ANSWER_ADDRESS ||
            field->keep_v6 == WEIR_QUERY_FIELD_UNMASKED)
            continue;
        unsigned keep_v4 = field->keep_v4 == WEIR_QUERY_FIELD_UNMASKED ? 32 : field->keep_v4;
        uint64_t low_v4 = leading_ones(32 + keep_v4), high_v6 = leading_ones(field->keep_v6);
        uint64_t low_v6 = leading_ones(field->keep_v6 > 64 ? field->keep_v6 - 64u : 0);
        for (unsigned i = 0; i < count; i++) {
            uint64_t *word = keys + i * stride + scan->program.place[c];
            bool is_v4 = word[0] == 0 && word[1] >> 32 == 0xffff;
            word[1] &= is_v4 ? low_v4 : low_v6;
            word[0] &= high_v6;
        }
    }
}

/* Adds a row of flows to a group, behind whose keys `sums` points. */
static inline void add_row(const struct scan *scan, uint32_t row, uint64_t *sums)
{
    const struct weir_scan_program *program = &scan->program;
    sums[0]++;
    for (unsigned i = 0; i < program->sum_count; i++)
        sums[1 + i] += weir_leaf_value(scan->sums[i], row);
    for (unsigned i = 0; i < program->count_count; i++)
        sums[1 + program->sum_count + i] += scan->counts[i]->has ? scan->counts[i]->has[row] : 1;
}

static int add_rows(struct scan *scan, const uint32_t *rows, unsigned count)
{
    uint64_t keys[BLOCK * WEIR_SCAN_WORDS_MAX];
    unsigned words = scan->program.key_count + 1;
    gather_keys(scan, rows, count, keys, words);
    if (scan->program.is_masked)
        mask_keys(scan, count, keys, words);
    for (unsigned i = 0; i < count; i++) {
        uint64_t *group = weir_scan_groups_find(&scan->groups, keys + i * words);
        if (!group)
            return scan->groups.error;
        add_row(scan, rows[i], group + words);
    }
    return 0;
}

/* ---- the sieve ---- */

/* Gives the sieve those leaves of the row group that are in its hash. */
static int open_sieve(struct scan *scan)
{
    const struct weir_leaf_values *keys[WEIR_SCAN_WORDS_MAX];
    unsigned count = 0;
    for (unsigned k = 0; k < scan->program.key_count; k++)
        if (scan->program.keys[k].in_bucket)
            keys[count++] = scan->keys[k];
    return weir_scan_sieve_open_rows(scan->sieve, keys, count);
}

/* What each row adds to its bucket: 0 where it does not pass. */
static void weigh_rows(const struct scan *scan, const struct weir_leaf_values *values,
                       uint32_t first, uint32_t count, uint64_t *weights)
{
    if (!values)
        for (uint32_t i = 0; i < count; i++)
            weights[i] = 1;
    else if (values->entry_count > 0)
        for (uint32_t i = 0; i < count; i++)
            weights[i] = values->entries[values->ids[first + i]];
    else
        memcpy(weights, values->values + first, count * sizeof(*weights));
    for (uint32_t i = 0; scan->mask && i < count; i++)
        weights[i] &= 0 - (uint64_t)scan->mask[first + i];
}

static int add_to_buckets(void *context, struct weir_scan_source *source)
{
    struct scan *scan = context;
    const struct weir_query_plan *plan = scan->question->plan;
    unsigned place = scan->program.place[plan->order_column];
    unsigned first_sum = weir_scan_program_sum_place(&scan->program, 0);
    uint32_t hashes[BLOCK];
    uint64_t weights[BLOCK];
    bool any;
    int result = open_rows(scan, true, &any);
    if (result < 0 || !any)
        return result;
    const struct weir_leaf_values *values =
        place < first_sum ? NULL : scan->sums[place - first_sum];
    result = open_sieve(scan);
    for (uint32_t first = 0; result == 0 && first < source->row_count; first += BLOCK) {
        uint32_t left = source->row_count - first, count = left < BLOCK ? left : BLOCK;
        weir_scan_sieve_hash(scan->sieve, first, count, hashes);
        weigh_rows(scan, values, first, count, weights);
        weir_scan_sieve_add(scan->sieve, hashes, weights, count);
    }
    return result;
}

static bool sieve_applies(const struct scan *scan)
{
    const struct weir_query_plan *plan = scan->question->plan;
    return plan->top > 0 && plan->top <= SIEVE_TOP && !plan->ascending &&
           !scan->program.is_masked && scan->program.key_count > 0 &&
           !plan->columns[plan->order_column].is_key;
}

/* ---- passes ---- */

static int add_to_groups(void *context, struct weir_scan_source *source)
{
    struct scan *scan = context;
    uint32_t rows[BLOCK], hashes[BLOCK];
    bool any;
    int result = open_rows(scan, false, &any);
    if (result < 0 || !any)
        return result;
    if (scan->keep)
        result = open_sieve(scan);
    for (uint32_t first = 0; result == 0 && first < source->row_count; first += BLOCK) {
        uint32_t left = source->row_count - first, block = left < BLOCK ? left : BLOCK;
        unsigned count = choose(scan->mask, first, first + block, rows);
        scan->row_count += count;
        if (scan->keep && count > 0) {
            weir_scan_sieve_hash(scan->sieve, first, block, hashes);
            count = weir_scan_sieve_choose(scan->sieve, hashes, first, rows, count);
        }
        if (count > 0)
            result = add_rows(scan, rows, count);
    }
    return result;
}

/* Makes groups, at most `limit`: WEIR_E_LIMIT where there are more. */
static int make_groups(struct scan *scan, uint64_t limit)
{
    weir_scan_groups_done(&scan->groups);
    scan->row_count = 0;
    int result = weir_scan_groups_init(&scan->groups, scan->program.key_count + 1,
                                       scan->program.sum_count + scan->program.count_count, limit);
    return result < 0 ? result : weir_scan_each(&scan->source, add_to_groups, scan);
}

static int make_sieve(struct scan *scan)
{
    uint64_t kept = 4 * scan->question->plan->top;
    int result = weir_scan_sieve_new(&scan->sieve);
    if (result == 0)
        result = weir_scan_each(&scan->source, add_to_buckets, scan);
    return result < 0
               ? result
               : weir_scan_sieve_keep(scan->sieve, kept < BUCKETS_KEPT ? BUCKETS_KEPT : kept);
}

/* ---- the answer ---- */

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static bool is_none(const struct scan *scan, unsigned column, const uint64_t *group)
{
    unsigned count_place = scan->program.count_place[column];
    if (scan->question->plan->columns[column].is_key)
        return group[scan->program.key_count] >> column & 1;
    return count_place > 0 && group[count_place] == 0;
}

/* By one column; what is none comes last, however it goes. */
static int compare_column(const struct scan *scan, unsigned column, bool ascending,
                          const uint64_t *a, const uint64_t *b)
{
    const struct weir_answer_column *info = &scan->question->plan->columns[column];
    const uint64_t *first = a + scan->program.place[column],
                   *second = b + scan->program.place[column];
    if (is_none(scan, column, a) != is_none(scan, column, b))
        return is_none(scan, column, a) ? 1 : -1;
    int order = compare(first[0], second[0]);
    if (order == 0 && weir_answer_width(info) == 2)
        order = compare(first[1], second[1]);
    return ascending ? order : -order;
}

static int compare_groups(const void *a, const void *b, void *context)
{
    const struct scan *scan = context;
    const struct weir_query_plan *plan = scan->question->plan;
    const uint64_t *first = a, *second = b;
    int order = compare_column(scan, (unsigned)plan->order_column, plan->ascending, first, second);
    for (unsigned i = 0; order == 0 && i < plan->column_count && plan->columns[i].is_key; i++)
        order = compare_column(scan, i, true, first, second);
    return order;
}

static void sort_groups(struct scan *scan)
{
    if (scan->groups.count > 1)
        qsort_r(scan->groups.rows, scan->groups.count, scan->groups.stride * sizeof(uint64_t),
                compare_groups, scan);
}

/* Whether no group that was left out can be among the first of the sorted ones. */
static bool sieve_holds(const struct scan *scan)
{
    const struct weir_query_plan *plan = scan->question->plan;
    return scan->groups.count >= plan->top &&
           weir_scan_groups_row(&scan->groups,
                                plan->top - 1)[scan->program.place[plan->order_column]] >
               weir_scan_sieve_bound(scan->sieve);
}

/* All groups, or those that matter, sorted. */
static int find_groups(struct scan *scan)
{
    bool may_sieve = sieve_applies(scan);
    int result = make_groups(scan, may_sieve ? WEIR_SCAN_GROUPS_FEW : WEIR_SCAN_GROUPS_MAX);
    if (result == WEIR_E_LIMIT && may_sieve) {
        result = make_sieve(scan);
        scan->keep = true;
        if (result == 0)
            result = make_groups(scan, WEIR_SCAN_GROUPS_MAX);
    }
    if (result == 0)
        sort_groups(scan);
    if (result == 0 && scan->keep && !sieve_holds(scan)) {
        scan->keep = false;
        result = make_groups(scan, WEIR_SCAN_GROUPS_MAX);
        if (result == 0)
            sort_groups(scan);
    }
    return result == WEIR_E_LIMIT ? weir_diag_set(scan->diag, WEIR_E_UNSUPPORTED, "so many groups")
                                  : result;
}

static struct weir_cell make_cell(const struct scan *scan, unsigned column, const uint64_t *group)
{
    const struct weir_answer_column *info = &scan->question->plan->columns[column];
    const uint64_t *words = group + scan->program.place[column];
    struct weir_cell cell = {0};
    if (is_none(scan, column, group))
        cell.is_none = true;
    else if (info->kind == WEIR_ANSWER_ADDRESS)
        cell.address = (struct weir_address){words[0], words[1]};
    else
        cell.integer = words[0];
    return cell;
}

/* Without keys there is one row even of no flows, whose sums are none. */
static struct weir_cell cell_of_no_flows(const struct weir_answer_column *column)
{
    return (struct weir_cell){.is_none = column->is_key ||
                                         column->aggregate.function != WEIR_FUNCTION_COUNT};
}

static int fill_answer(struct scan *scan, struct weir_scan_answer *answer)
{
    const struct weir_query_plan *plan = scan->question->plan;
    uint64_t rows = scan->groups.count, printed = 0;
    if (plan->top > 0 && scan->program.key_count > 0 && plan->top < rows)
        rows = plan->top;
    bool nothing = rows == 0 && scan->program.key_count == 0;
    answer->cells = calloc(rows + 1, plan->column_count * sizeof(*answer->cells));
    if (!answer->cells)
        return WEIR_E_NOMEM;
    for (uint64_t row = 0; row < rows; row++) {
        const uint64_t *group = weir_scan_groups_row(&scan->groups, row);
        printed += group[scan->groups.key_words];
        for (unsigned i = 0; i < plan->column_count; i++)
            answer->cells[row * plan->column_count + i] = make_cell(scan, i, group);
    }
    for (unsigned i = 0; nothing && i < plan->column_count; i++)
        answer->cells[i] = cell_of_no_flows(&plan->columns[i]);
    answer->row_count = rows + nothing;
    answer->more = printed < scan->row_count;
    return 0;
}

/* The sums of all rows: the same without keys. */
static int fill_total(struct scan *scan, struct weir_scan_answer *answer)
{
    const struct weir_query_plan *plan = scan->question->plan;
    scan->keep = false;
    weir_scan_program_drop_keys(&scan->program, plan);
    int result = make_groups(scan, 1);
    for (unsigned i = 0; result == 0 && i < plan->column_count; i++)
        answer->total[i] = plan->columns[i].is_key || scan->groups.count == 0
                               ? cell_of_no_flows(&plan->columns[i])
                               : make_cell(scan, i, scan->groups.rows);
    return result;
}

int weir_scan_run(const struct weir_scan_question *question, struct weir_scan_answer *ret_answer,
                  struct weir_diag *diag)
{
    struct scan scan = {.question = question, .diag = diag};
    struct weir_scan_answer answer = {0};
    if (!weir_scan_program_compile(question, &scan.program))
        return weir_diag_set(diag, WEIR_E_UNSUPPORTED, "no question of sums");
    int result = make_filter(question->plan, &scan.filter);
    weir_scan_source_init(&scan.source, question->files, diag);
    scan.source.stop = question->stop;
    scan.source.stop_context = question->stop_context;
    if (result == 0)
        result = find_groups(&scan);
    if (result == 0)
        result = fill_answer(&scan, &answer);
    if (result == 0 && question->totals)
        result = fill_total(&scan, &answer);
    if (result == WEIR_E_NOMEM)
        (void)weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the query");
    weir_scan_sieve_free(scan.sieve);
    weir_scan_groups_done(&scan.groups);
    weir_scan_source_done(&scan.source);
    weir_scan_filter_free(scan.filter);
    if (result < 0)
        weir_scan_answer_done(&answer);
    else
        *ret_answer = answer;
    return result;
}

void weir_scan_answer_done(struct weir_scan_answer *answer)
{
    free(answer->cells);
    *answer = (struct weir_scan_answer){0};
}
