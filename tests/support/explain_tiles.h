/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place for items of app/explain.h that checks them: every octet of a message is in exactly one
 * header field, set, padding or unread piece; those of a set in exactly one template, record or
 * piece; those of a template after its header in one field; values are within their record and one
 * after another. All octets are read, for a sanitizer to see. A broken rule has an octet and names
 * what says so.
 *
 *     struct test_tiles tiles = {0};
 *     const struct weir_explain_sink sink = {test_tiles_item, &tiles};
 *     weir_explainer_message(explainer, &origin, &sink, NULL);
 *     test_tiles_end(&tiles);                 // aborts where something lacks
 */
#ifndef WEIR_TESTS_SUPPORT_EXPLAIN_TILES_H
#define WEIR_TESTS_SUPPORT_EXPLAIN_TILES_H

#include <stdio.h>
#include <stdlib.h>

#include "app/explain.h"

#define TEST_TILES_DEPTHS 24

struct test_tiles {
    struct {
        size_t next, end; /* octets that the items of this depth have still to cover */
        bool has_gaps;    /* they need not cover all of them */
    } open[TEST_TILES_DEPTHS];
    unsigned depth;
    unsigned items[WEIR_EXPLAIN_BROKEN + 1];
    unsigned sum;
    struct weir_explain_sink next; /* gets the items, too, where it has a function */
};

static inline void test_tiles_check(const char *what, bool holds)
{
    if (holds)
        return;
    (void)fprintf(stderr, "explanation: %s\n", what);
    abort();
}

static inline void test_tiles_close(struct test_tiles *tiles, unsigned depth)
{
    for (; tiles->depth > depth; tiles->depth--)
        test_tiles_check("octets that nobody explains",
                         tiles->open[tiles->depth].has_gaps ||
                             tiles->open[tiles->depth].next == tiles->open[tiles->depth].end);
}

/* Where the items inside of one begin. */
static inline size_t test_tiles_inside(const struct weir_explain_item *item)
{
    switch (item->kind) {
    case WEIR_EXPLAIN_SET:
        return item->offset +
               (item->message->builtin || item->set->kind == WEIR_SET_SAMPLE ? 0 : 4);
    case WEIR_EXPLAIN_TEMPLATE:
        return item->offset + (item->source->is_options && !item->source->is_withdrawal ? 6 : 4);
    default:
        return item->offset;
    }
}

static inline void test_tiles_item(void *context, const struct weir_explain_item *item)
{
    struct test_tiles *tiles = context;
    tiles->items[item->kind]++;
    if (tiles->next.item)
        tiles->next.item(tiles->next.context, item);
    if (item->kind == WEIR_EXPLAIN_BROKEN || item->kind == WEIR_EXPLAIN_SUSPECT) {
        test_tiles_check("a reason", item->text && item->text[0]);
        test_tiles_check("what says so",
                         item->kind == WEIR_EXPLAIN_SUSPECT || (item->rule && item->rule[0]));
        return;
    }
    for (size_t i = 0; i < item->length; i++)
        tiles->sum += item->octets[i];
    test_tiles_check("depth", item->depth + 1 < TEST_TILES_DEPTHS && item->depth <= tiles->depth);
    test_tiles_close(tiles, item->depth);
    if (item->depth > 0) {
        bool gaps = tiles->open[item->depth].has_gaps;
        size_t next = tiles->open[item->depth].next;
        test_tiles_check("octets explained twice, or not at all",
                         gaps ? item->offset >= next : item->offset == next);
        tiles->open[item->depth].next = item->offset + item->length;
        test_tiles_check("octets past the end",
                         tiles->open[item->depth].next <= tiles->open[item->depth].end);
    }
    tiles->depth = item->depth;
    bool is_list = item->kind == WEIR_EXPLAIN_VALUE && item->element &&
                   item->element->type >= WEIR_TYPE_BASIC_LIST &&
                   item->element->type <= WEIR_TYPE_SUB_TEMPLATE_MULTI_LIST;
    if (!is_list && (item->kind > WEIR_EXPLAIN_RECORD || item->kind == WEIR_EXPLAIN_HEADER ||
                     item->kind == WEIR_EXPLAIN_FIELD))
        return;
    tiles->depth++;
    tiles->open[tiles->depth].next = test_tiles_inside(item);
    tiles->open[tiles->depth].end = item->offset + item->length;
    /* Lengths of variable values are not part of them; lists may break off. */
    tiles->open[tiles->depth].has_gaps = is_list || item->kind == WEIR_EXPLAIN_RECORD;
}

/* After the message. */
static inline void test_tiles_end(struct test_tiles *tiles)
{
    test_tiles_close(tiles, 0);
    (void)*(volatile unsigned *)&tiles->sum;
}

#endif
