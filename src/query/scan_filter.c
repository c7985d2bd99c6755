/* SPDX-License-Identifier: Apache-2.0 */
#include "query/scan_filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/dispatch.h"

enum node_kind {
    NODE_ALL,
    NODE_ANY,
    NODE_NOT,
    NODE_RANGES,  /* a value in one of the ranges */
    NODE_BITS,    /* value & bits: all of them, or any */
    NODE_PRESENT, /* there is a value */
};

struct range {
    uint64_t first, last;
};

struct node {
    enum node_kind kind;
    enum weir_leaf leaf;
    struct range ranges[WEIR_SCAN_RANGES_MAX];
    unsigned range_count;
    uint64_t bits;
    bool any_bit;
    struct node *children, *next;
    uint8_t mask[WEIR_PAGES_ROWS_MAX];
};

struct weir_scan_filter {
    struct node *nodes[WEIR_SCAN_TESTS_MAX];
    unsigned node_count;
    struct node *condition; /* NULL: every flow */
    struct node *time;      /* of files that reach out of the time asked for; NULL: any */
    int64_t from_ms, to_ms;
    int error;
    uint8_t passes[WEIR_PAGES_ENTRIES_MAX]; /* of a dictionary's entries */
};

/* ---- making it ---- */

static struct node *add_node(struct weir_scan_filter *filter, enum node_kind kind)
{
    if (filter->error < 0)
        return NULL;
    /* The mask is written before it is read. */
    struct node *node = filter->node_count < WEIR_SCAN_TESTS_MAX ? malloc(sizeof(*node)) : NULL;
    if (!node) {
        filter->error =
            filter->node_count < WEIR_SCAN_TESTS_MAX ? WEIR_E_NOMEM : WEIR_E_UNSUPPORTED;
        return NULL;
    }
    memset(node, 0, offsetof(struct node, mask));
    node->kind = kind;
    filter->nodes[filter->node_count++] = node;
    return node;
}

static struct node *refuse(struct weir_scan_filter *filter)
{
    if (filter->error == 0)
        filter->error = WEIR_E_UNSUPPORTED;
    return NULL;
}

static void adopt(struct node *parent, struct node *child)
{
    if (!parent || !child)
        return;
    child->next = parent->children;
    parent->children = child;
}

static struct node *join(struct weir_scan_filter *filter, enum node_kind kind, struct node *first,
                         struct node *second)
{
    struct node *node = add_node(filter, kind);
    adopt(node, second);
    adopt(node, first);
    return node;
}

static struct node *negate(struct weir_scan_filter *filter, struct node *node)
{
    return join(filter, NODE_NOT, node, NULL);
}

static struct node *present(struct weir_scan_filter *filter, enum weir_leaf leaf)
{
    struct node *node = add_node(filter, NODE_PRESENT);
    if (node)
        node->leaf = leaf;
    return node;
}

static struct node *in_range(struct weir_scan_filter *filter, enum weir_leaf leaf, uint64_t first,
                             uint64_t last)
{
    struct node *node = add_node(filter, NODE_RANGES);
    if (!node)
        return NULL;
    node->leaf = leaf;
    node->ranges[0] = (struct range){first, last};
    node->range_count = 1;
    return node;
}

/* What has a value for which `node` is not true. */
static struct node *other_value(struct weir_scan_filter *filter, enum weir_leaf leaf,
                                struct node *node)
{
    return join(filter, NODE_ALL, present(filter, leaf), negate(filter, node));
}

static struct node *in_network(struct weir_scan_filter *filter, enum weir_leaf high,
                               struct weir_network network)
{
    struct weir_address first = network.address, last = weir_network_last(network);
    enum weir_leaf low = (enum weir_leaf)(high + 1);
    if (first.high != last.high)
        return in_range(filter, high, first.high, last.high);
    return join(filter, NODE_ALL, in_range(filter, low, first.low, last.low),
                in_range(filter, high, first.high, first.high));
}

/* Bloom filters, which DuckDB asks, find one address in many files sooner than a scan. */
static bool is_host(const struct weir_literal *value)
{
    return value->network.prefix_length == 128;
}

static struct node *test_address(struct weir_scan_filter *filter, const struct weir_condition *test)
{
    enum weir_leaf high = weir_leaf_of_column(test->field.column);
    bool negated = test->op == WEIR_OP_NE || test->op == WEIR_OP_NOT_IN;
    if (test->field.keep_v6 != WEIR_QUERY_FIELD_UNMASKED ||
        (!negated && test->op != WEIR_OP_EQ && test->op != WEIR_OP_IN))
        return refuse(filter);
    struct node *node = add_node(filter, NODE_ANY);
    for (size_t i = 0; i < test->value_count && filter->error == 0; i++) {
        if (!negated && is_host(&test->values[i]))
            return refuse(filter);
        adopt(node, in_network(filter, high, test->values[i].network));
    }
    return negated ? other_value(filter, high, node) : node;
}

static struct node *test_list(struct weir_scan_filter *filter, enum weir_leaf leaf,
                              const struct weir_condition *test)
{
    struct node *node = add_node(filter, NODE_RANGES);
    if (!node || test->value_count > WEIR_SCAN_RANGES_MAX)
        return refuse(filter);
    node->leaf = leaf;
    node->range_count = (unsigned)test->value_count;
    for (size_t i = 0; i < test->value_count; i++)
        node->ranges[i] = (struct range){test->values[i].u64, test->values[i].u64};
    return node;
}

static struct node *test_bits(struct weir_scan_filter *filter, enum weir_leaf leaf, uint64_t bits,
                              bool any_bit)
{
    struct node *node = add_node(filter, NODE_BITS);
    if (!node)
        return NULL;
    node->leaf = leaf;
    node->bits = bits;
    node->any_bit = any_bit;
    return node;
}

static struct node *test_integer(struct weir_scan_filter *filter, const struct weir_condition *test)
{
    enum weir_leaf leaf = weir_leaf_of_column(test->field.column);
    uint64_t value = test->value_count > 0 ? test->values[0].u64 : 0;
    struct node *nothing = NULL;
    switch (test->op) {
    case WEIR_OP_EQ:
        return in_range(filter, leaf, value, value);
    case WEIR_OP_NE:
        return other_value(filter, leaf, in_range(filter, leaf, value, value));
    case WEIR_OP_LE:
        return in_range(filter, leaf, 0, value);
    case WEIR_OP_GE:
        return in_range(filter, leaf, value, UINT64_MAX);
    case WEIR_OP_LT:
    case WEIR_OP_GT:
        if (value == (test->op == WEIR_OP_LT ? 0 : UINT64_MAX)) {
            nothing = add_node(filter, NODE_RANGES);
            if (nothing)
                nothing->leaf = leaf;
            return nothing;
        }
        return test->op == WEIR_OP_LT ? in_range(filter, leaf, 0, value - 1)
                                      : in_range(filter, leaf, value + 1, UINT64_MAX);
    case WEIR_OP_IN:
        return test_list(filter, leaf, test);
    case WEIR_OP_NOT_IN:
        return other_value(filter, leaf, test_list(filter, leaf, test));
    case WEIR_OP_ALL_SET:
    case WEIR_OP_ANY_SET:
        return test_bits(filter, leaf, value, test->op == WEIR_OP_ANY_SET);
    default:
        return refuse(filter);
    }
}

static struct node *test_version(struct weir_scan_filter *filter, const struct weir_condition *test)
{
    const struct weir_network v4 = {.address = {0, WEIR_ADDRESS_V4_PREFIX}, .prefix_length = 96};
    if (test->op != WEIR_OP_EQ || (test->values[0].u64 != 4 && test->values[0].u64 != 6))
        return refuse(filter);
    struct node *is_v4 = in_network(filter, WEIR_LEAF_OF_SRC_ADDR_HIGH, v4);
    return test->values[0].u64 == 4 ? is_v4
                                    : other_value(filter, WEIR_LEAF_OF_SRC_ADDR_HIGH, is_v4);
}

static struct node *make_test(struct weir_scan_filter *filter, const struct weir_condition *test)
{
    const struct weir_query_field *field = &test->field;
    if (field->source == WEIR_QUERY_FIELD_COMPUTED && field->computed == WEIR_COMPUTED_IP_VERSION)
        return test_version(filter, test);
    if (!weir_query_field_is_stored(field))
        return refuse(filter);
    if (test->op == WEIR_OP_HAS_VALUE || test->op == WEIR_OP_IS_NONE) {
        if (field->type == WEIR_VALUE_TEXT)
            return refuse(filter);
        struct node *node = present(filter, weir_leaf_of_column(field->column));
        return test->op == WEIR_OP_HAS_VALUE ? node : negate(filter, node);
    }
    switch (field->type) {
    case WEIR_VALUE_ADDRESS:
        return test_address(filter, test);
    case WEIR_VALUE_UINT:
    case WEIR_VALUE_MAC:
    case WEIR_VALUE_FLAGS:
        return test_integer(filter, test);
    default:
        return refuse(filter);
    }
}

/* NULL with filter->error. The tree is no deeper than filter.h allows. */
static struct node *make_node(struct weir_scan_filter *filter,
                              const struct weir_condition *condition)
{
    struct node *node;
    if (condition->kind == WEIR_CONDITION_TEST)
        return make_test(filter, condition);
    node = add_node(filter, condition->kind == WEIR_CONDITION_ALL   ? NODE_ALL
                            : condition->kind == WEIR_CONDITION_ANY ? NODE_ANY
                                                                    : NODE_NOT);
    if (!node)
        return NULL;
    /* In their order, which a person may have chosen well. */
    struct node **link = &node->children;
    for (const struct weir_condition *child = condition->children; child; child = child->next) {
        if (!(*link = make_node(filter, child)))
            return NULL;
        link = &(*link)->next;
    }
    return node;
}

/* The first of three leaves that has a value is in a range. */
static struct node *first_of(struct weir_scan_filter *filter, const enum weir_leaf leaves[3],
                             struct range range, struct range more)
{
    struct node *node = NULL;
    for (unsigned i = 3; i-- > 0;) {
        struct node *test = in_range(filter, leaves[i], range.first, range.last);
        if (test) {
            test->ranges[1] = more;
            test->range_count = 2;
        }
        if (node)
            test = join(filter, NODE_ANY, test,
                        join(filter, NODE_ALL, negate(filter, present(filter, leaves[i])), node));
        node = test;
    }
    return node;
}

/* Times are two's complement: those before 1970 are above all others. */
static void make_time(struct weir_scan_filter *filter, int64_t from_ms, int64_t to_ms)
{
    static const enum weir_leaf ends[] = {WEIR_LEAF_OF_END, WEIR_LEAF_OF_START,
                                          WEIR_LEAF_OF_RECEIVED};
    static const enum weir_leaf starts[] = {WEIR_LEAF_OF_START, WEIR_LEAF_OF_END,
                                            WEIR_LEAF_OF_RECEIVED};
    const uint64_t sign = UINT64_C(1) << 63;
    struct node *all = add_node(filter, NODE_ALL);
    if (from_ms != INT64_MIN && from_ms < 1)
        (void)refuse(filter);
    if (to_ms != INT64_MAX && to_ms < 1)
        (void)refuse(filter);
    if (from_ms != INT64_MIN) {
        const struct range later = {(uint64_t)from_ms, INT64_MAX};
        adopt(all, first_of(filter, ends, later, later));
    }
    if (to_ms != INT64_MAX) {
        const struct range after_1970 = {0, (uint64_t)to_ms - 1}, before_1970 = {sign, UINT64_MAX};
        adopt(all, first_of(filter, starts, after_1970, before_1970));
    }
    filter->time = all;
    filter->from_ms = from_ms;
    filter->to_ms = to_ms;
}

int weir_scan_filter_new(const struct weir_condition *condition, int64_t from_ms, int64_t to_ms,
                         struct weir_scan_filter **ret_filter)
{
    struct weir_scan_filter *filter = calloc(1, sizeof(*filter));
    if (!filter)
        return WEIR_E_NOMEM;
    if (condition)
        filter->condition = make_node(filter, condition);
    make_time(filter, from_ms, to_ms);
    int result = filter->error;
    if (result < 0)
        weir_scan_filter_free(filter);
    else
        *ret_filter = filter;
    return result;
}

void weir_scan_filter_free(struct weir_scan_filter *filter)
{
    if (!filter)
        return;
    for (unsigned i = 0; i < filter->node_count; i++)
        free(filter->nodes[i]);
    free(filter);
}

/* ---- using it ---- */

WEIR_CLONES static void and_masks(uint8_t *mask, const uint8_t *other, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        mask[i] &= other[i];
}

WEIR_CLONES static void or_masks(uint8_t *mask, const uint8_t *other, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        mask[i] |= other[i];
}

WEIR_CLONES static void flip_mask(uint8_t *mask, const uint8_t *other, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        mask[i] = other[i] ^ 1;
}

/* Whether values are in the range, beside what the mask has already. */
WEIR_CLONES static void or_range(uint8_t *mask, const uint64_t *values, uint32_t count,
                                 uint64_t first, uint64_t width)
{
    for (uint32_t i = 0; i < count; i++)
        mask[i] |= values[i] - first <= width;
}

WEIR_CLONES static void test_bits_of(uint8_t *mask, const uint64_t *values, uint32_t count,
                                     uint64_t bits, bool any_bit)
{
    for (uint32_t i = 0; i < count; i++)
        mask[i] = any_bit ? (values[i] & bits) != 0 : (values[i] & bits) == bits;
}

static void test_values(const struct node *node, const uint64_t *values, uint32_t count,
                        uint8_t *mask)
{
    if (node->kind == NODE_BITS) {
        test_bits_of(mask, values, count, node->bits, node->any_bit);
        return;
    }
    memset(mask, 0, count);
    for (unsigned i = 0; i < node->range_count; i++)
        or_range(mask, values, count, node->ranges[i].first,
                 node->ranges[i].last - node->ranges[i].first);
}

static enum weir_scan_outcome outcome_of(const uint8_t *mask, uint32_t count)
{
    return !memchr(mask, 1, count)   ? WEIR_SCAN_NO_ROWS
           : !memchr(mask, 0, count) ? WEIR_SCAN_ALL_ROWS
                                     : WEIR_SCAN_SOME_ROWS;
}

/* What the footer alone says. */
static enum weir_scan_outcome foresee(const struct node *node,
                                      const struct weir_scan_source *source)
{
    const struct weir_footer_chunk *chunk = &source->group->chunks[node->leaf];
    bool all_there = chunk->is_there && chunk->none_known && chunk->none_count == 0;
    if (!chunk->is_there || (chunk->none_known && chunk->none_count == source->row_count))
        return WEIR_SCAN_NO_ROWS;
    if (node->kind == NODE_PRESENT)
        return all_there ? WEIR_SCAN_ALL_ROWS : WEIR_SCAN_SOME_ROWS;
    /* Bounds of times on both sides of 1970 are in the other order. */
    if (node->kind != NODE_RANGES || !chunk->min_known || !chunk->max_known ||
        chunk->min > chunk->max)
        return WEIR_SCAN_SOME_ROWS;
    bool meets = false;
    for (unsigned i = 0; i < node->range_count; i++) {
        const struct range *range = &node->ranges[i];
        if (all_there && range->first <= chunk->min && chunk->max <= range->last)
            return WEIR_SCAN_ALL_ROWS;
        meets = meets || (range->first <= chunk->max && chunk->min <= range->last);
    }
    return meets ? WEIR_SCAN_SOME_ROWS : WEIR_SCAN_NO_ROWS;
}

static int evaluate_test(struct weir_scan_filter *filter, struct node *node,
                         struct weir_scan_source *source, enum weir_scan_outcome *ret_outcome)
{
    const struct weir_leaf_values *values;
    *ret_outcome = foresee(node, source);
    if (*ret_outcome != WEIR_SCAN_SOME_ROWS)
        return 0;
    int result = weir_scan_leaf(source, node->leaf, &values);
    if (result < 0)
        return result;
    if (node->kind == NODE_PRESENT) {
        if (values->has)
            memcpy(node->mask, values->has, values->row_count);
        else
            *ret_outcome = WEIR_SCAN_ALL_ROWS;
        return 0;
    }
    if (values->entry_count > 0) {
        test_values(node, values->entries, values->entry_count, filter->passes);
        *ret_outcome = outcome_of(filter->passes, values->entry_count);
        if (*ret_outcome == WEIR_SCAN_NO_ROWS)
            return 0;
        for (uint32_t i = 0; i < values->row_count; i++)
            node->mask[i] = filter->passes[values->ids[i]];
    } else {
        test_values(node, values->values, values->row_count, node->mask);
    }
    if (values->has)
        and_masks(node->mask, values->has, values->row_count);
    *ret_outcome = outcome_of(node->mask, values->row_count);
    return 0;
}

/* The tree has at most WEIR_SCAN_TESTS_MAX nodes, and so is no deeper. */
static int evaluate(struct weir_scan_filter *filter, struct node *node,
                    struct weir_scan_source *source, enum weir_scan_outcome *ret_outcome)
{
    if (node->kind != NODE_ALL && node->kind != NODE_ANY && node->kind != NODE_NOT)
        return evaluate_test(filter, node, source, ret_outcome);
    bool any = node->kind == NODE_ANY;
    enum weir_scan_outcome decisive = any ? WEIR_SCAN_ALL_ROWS : WEIR_SCAN_NO_ROWS;
    enum weir_scan_outcome neutral = any ? WEIR_SCAN_NO_ROWS : WEIR_SCAN_ALL_ROWS;
    enum weir_scan_outcome outcome = neutral, of_child;
    for (struct node *child = node->children; child && outcome != decisive; child = child->next) {
        int result = evaluate(filter, child, source, &of_child);
        if (result < 0)
            return result;
        if (node->kind == NODE_NOT) {
            if (of_child == WEIR_SCAN_SOME_ROWS)
                flip_mask(node->mask, child->mask, source->row_count);
            *ret_outcome = (enum weir_scan_outcome)(WEIR_SCAN_ALL_ROWS - of_child);
            return 0;
        }
        if (of_child == neutral)
            continue;
        if (of_child == decisive || outcome == neutral) {
            outcome = of_child;
            if (of_child == WEIR_SCAN_SOME_ROWS)
                memcpy(node->mask, child->mask, source->row_count);
            continue;
        }
        (any ? or_masks : and_masks)(node->mask, child->mask, source->row_count);
        outcome = outcome_of(node->mask, source->row_count);
    }
    *ret_outcome = outcome;
    return 0;
}

/* Whether the file may have flows that are not in the time asked for, by its name. */
static bool reaches_out(const struct weir_scan_filter *filter, const struct weir_catalog_file *file)
{
    return (filter->from_ms != INT64_MIN && file->start_ms < filter->from_ms) ||
           (filter->to_ms != INT64_MAX && file->end_ms >= filter->to_ms);
}

int weir_scan_filter_rows(struct weir_scan_filter *filter, struct weir_scan_source *source,
                          enum weir_scan_outcome *ret_outcome, const uint8_t **ret_mask)
{
    enum weir_scan_outcome in_time = WEIR_SCAN_ALL_ROWS, outcome = WEIR_SCAN_ALL_ROWS;
    int result = 0;
    if (reaches_out(filter, source->file))
        result = evaluate(filter, filter->time, source, &in_time);
    if (result == 0 && in_time != WEIR_SCAN_NO_ROWS && filter->condition)
        result = evaluate(filter, filter->condition, source, &outcome);
    if (result < 0)
        return result;
    *ret_mask = filter->condition && outcome == WEIR_SCAN_SOME_ROWS ? filter->condition->mask
                                                                    : filter->time->mask;
    if (in_time == WEIR_SCAN_SOME_ROWS && outcome == WEIR_SCAN_SOME_ROWS) {
        and_masks(filter->time->mask, filter->condition->mask, source->row_count);
        *ret_mask = filter->time->mask;
    }
    *ret_outcome = in_time < outcome ? in_time : outcome;
    return 0;
}
