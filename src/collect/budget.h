/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that peers can make a Collecting Process use, counted against one limit for all sessions:
 * Templates with their plans, and Data Sets that wait.
 */
#ifndef WEIR_COLLECT_BUDGET_H
#define WEIR_COLLECT_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

struct weir_budget {
    size_t used; /* octets */
    size_t limit;
};

/* Takes octets if they fit. */
static inline bool weir_budget_take(struct weir_budget *budget, size_t octets)
{
    if (octets > budget->limit - budget->used)
        return false;
    budget->used += octets;
    return true;
}

static inline void weir_budget_give_back(struct weir_budget *budget, size_t octets)
{
    budget->used -= octets;
}

#endif
