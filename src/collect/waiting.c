/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/waiting.h"

#include <stdlib.h>
#include <string.h>

static size_t octets_of(size_t length)
{
    return sizeof(struct weir_waiting_set) + length;
}

/* Takes out the set after `before`; NULL: the oldest. */
static struct weir_waiting_set *unlink_set(struct weir_waiting *waiting,
                                           struct weir_waiting_set *before)
{
    struct weir_waiting_set *set = before ? before->next : waiting->oldest;
    if (before)
        before->next = set->next;
    else
        waiting->oldest = set->next;
    if (waiting->newest == set)
        waiting->newest = before;
    set->next = NULL;
    waiting->count--;
    waiting->octets -= octets_of(set->length);
    return set;
}

uint32_t weir_waiting_push(struct weir_waiting *waiting, const struct weir_waiting_limits *limits,
                           struct weir_budget *budget, uint16_t id, uint64_t message,
                           const struct weir_plan_context *context, const uint8_t *octets,
                           size_t length)
{
    size_t needed = octets_of(length);
    if (needed > limits->octets || limits->sets == 0)
        return 1;
    uint32_t dropped = 0;
    while (waiting->count >= limits->sets || waiting->octets + needed > limits->octets) {
        weir_waiting_free(unlink_set(waiting, NULL), budget);
        dropped++;
    }
    if (!weir_budget_take(budget, needed))
        return dropped + 1;
    struct weir_waiting_set *set = malloc(needed);
    if (!set) {
        weir_budget_give_back(budget, needed);
        return dropped + 1;
    }
    *set = (struct weir_waiting_set){
        .context = *context,
        .message = message,
        .length = length,
        .id = id,
    };
    if (length > 0)
        memcpy(set->octets, octets, length);
    weir_waiting_put_back(waiting, set);
    return dropped;
}

void weir_waiting_put_back(struct weir_waiting *waiting, struct weir_waiting_set *set)
{
    if (waiting->newest)
        waiting->newest->next = set;
    else
        waiting->oldest = set;
    waiting->newest = set;
    waiting->count++;
    waiting->octets += octets_of(set->length);
}

struct weir_waiting_set *weir_waiting_take(struct weir_waiting *waiting, uint16_t id)
{
    struct weir_waiting_set *before = NULL;
    for (struct weir_waiting_set *set = waiting->oldest; set; before = set, set = set->next)
        if (set->id == id)
            return unlink_set(waiting, before);
    return NULL;
}

struct weir_waiting_set *weir_waiting_take_any(struct weir_waiting *waiting)
{
    return waiting->oldest ? unlink_set(waiting, NULL) : NULL;
}

void weir_waiting_free(struct weir_waiting_set *set, struct weir_budget *budget)
{
    weir_budget_give_back(budget, octets_of(set->length));
    free(set);
}

void weir_waiting_done(struct weir_waiting *waiting, struct weir_budget *budget)
{
    while (waiting->oldest)
        weir_waiting_free(unlink_set(waiting, NULL), budget);
}
