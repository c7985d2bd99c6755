/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Data Records of Options Templates teach a session: a table of learners, each of which knows
 * the Options Templates it can use and takes their records.
 *
 *     weir_options_learn(session, &record);    // every learner that the Template suits has it
 *
 *     struct weir_value value;                 // in a learner
 *     if (weir_options_find(record, 0, 303, &value)) ...
 *
 * A learner is a row in options.c. What it keeps is a member of the session, with a limit and a
 * counter of its own. Threads: one.
 */
#ifndef WEIR_COLLECT_OPTIONS_H
#define WEIR_COLLECT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/budget.h"
#include "collect/session.h"
#include "record/plan.h"
#include "record/template.h"
#include "wire/message.h"

struct weir_options_record {
    const struct weir_template *source;
    const struct weir_plan_context *origin; /* what its message says */
    const uint8_t *octets;
    size_t length;
    struct weir_budget *budget; /* of Templates and what is learnt, for all sessions */
};

struct weir_options_learner {
    bool (*suits)(const struct weir_template *source);
    void (*learn)(struct weir_session *session, const struct weir_options_record *record);
    bool is_recalled; /* after a restart it is taught the same records again */
};

/* Gives the record to all whom its Template suits. True: to one who is to be taught it again. */
bool weir_options_learn(struct weir_session *session, const struct weir_options_record *record);

/* Whether the Template has this element as a field of the scope, or (false) as one of the rest. */
bool weir_options_has(const struct weir_template *source, uint32_t pen, uint16_t id, bool in_scope);

/* The first field of this element; false: none, and *ret_value is left. */
bool weir_options_find(const struct weir_options_record *record, uint32_t pen, uint16_t id,
                       struct weir_value *ret_value);

/* The same as a number: an unsigned integer of 1 to 8 octets. False also where it is longer. */
bool weir_options_number(const struct weir_options_record *record, uint32_t pen, uint16_t id,
                         uint64_t *ret_number);

#endif
