/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Common properties, RFC 5473: what many Flow Records of a session share comes once, in a record
 * of an Options Template whose scope is a commonPropertiesID; Data Records carry the id alone.
 * They are joined back: a record and what it shares, one after the other, are one record of a
 * Template that has the fields of both, so that columns, `other` and JSON get it as any other.
 *
 *     struct weir_common_join join = {.source = source, .octets = octets, .length = length, ...};
 *     is_complete = weir_common_join(session->common, &join);
 *     ... join.source, join.plan, join.octets, join.length
 *     weir_common_free(session->common, pool, &budget);
 *
 * Records that come ahead of what they refer to wait in the session, as Data Sets do that come
 * ahead of their Template (collect/delivery.h).
 *
 * A record may refer to several sets of properties, and they to others (sections 7.1 and 7.2), up
 * to WEIR_COMMON_SETS_OF_RECORD_MAX. Over UDP a set is forgotten WEIR_COMMON_LIFETIME_NS after it
 * came last (section 6.1); where a set is still not known the record stays as it was sent.
 *
 * Limits: WEIR_COMMON_SETS_MAX a session, WEIR_COMMON_SHAPES_MAX kinds of them, the budget of all;
 * WEIR_COMMON_PLANS_MAX kinds of joined records, and past it as many new ones a second: making a
 * plan takes as long as hundreds of records, and who sends another kind with each is not to have it
 * made. Threads: one.
 */
#ifndef WEIR_COLLECT_COMMON_H
#define WEIR_COLLECT_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/budget.h"
#include "collect/template_pool.h"
#include "collect/waiting.h"
#include "record/plan.h"
#include "record/template.h"

#define WEIR_COMMON_SETS_MAX           16384u
#define WEIR_COMMON_SHAPES_MAX         64u
#define WEIR_COMMON_PLANS_MAX          64u
#define WEIR_COMMON_SETS_OF_RECORD_MAX 8u
#define WEIR_COMMON_OCTETS_MAX         131072u /* of a joined record */
#define WEIR_COMMON_LIFETIME_NS        (INT64_C(1800) * WEIR_NS_PER_SECOND)

struct weir_common_set;

/* The Template of records that were joined with sets of these shapes, in this order. */
struct weir_common_plan {
    struct weir_template *base;
    struct weir_template *joined;
    struct weir_plan *plan;
    const struct weir_template *shapes[WEIR_COMMON_SETS_OF_RECORD_MAX];
    unsigned shape_count;
    int64_t made_ns;
    size_t octets; /* charged to the budget */
};

struct weir_session;

struct weir_common {
    struct weir_common_set **sets; /* by ids */
    uint32_t set_count;
    uint32_t set_capacity;
    uint32_t shape_count;
    uint32_t plan_count;
    uint32_t next_plan;                                   /* is replaced where there are too many */
    struct weir_template *shapes[WEIR_COMMON_SHAPES_MAX]; /* fields of sets, without their ids */
    struct weir_common_plan plans[WEIR_COMMON_PLANS_MAX];
    struct weir_waiting waiting; /* runs of records, each with its Template */
    bool has_changed;            /* since what waits was looked at */
};

/* Whether records of this Template refer to common properties. */
bool weir_common_is_used(const struct weir_template *source);

/* A record and what is to be known of it; after a join, the joined one. */
struct weir_common_join {
    const struct weir_template *source;
    const struct weir_plan *plan;
    const uint8_t *octets;
    size_t length;
    int64_t now_ns;
    bool has_lifetimes; /* came over UDP */
    struct weir_budget *budget;
    uint8_t *buffer; /* WEIR_COMMON_OCTETS_MAX octets for the joined record */
    bool lacks;      /* out: properties that are not known, and may come */
};

/*
 * Joins the record with what is known of the properties that it refers to; common may be NULL.
 * True: with all of them. Where there is nothing to join with, or no memory, or more than may be,
 * `join` stays as it was. What it has then is valid until the next call.
 */
bool weir_common_join(struct weir_common *common, struct weir_common_join *join);

/* Whether a join would lack nothing that may come. */
bool weir_common_is_known(const struct weir_common *common, const struct weir_common_join *join);

/* That of a session, made where it has none; NULL without room or memory. */
struct weir_common *weir_common_open(struct weir_session *session, struct weir_budget *budget);

/* Adds what waits with another session to this one's. */
void weir_common_inherit(struct weir_session *heir, struct weir_session *session);

/* What waits is dropped: returns how many sets. NULL does nothing. */
uint32_t weir_common_free(struct weir_common *common, struct weir_template_pool *pool,
                          struct weir_budget *waiting_budget);

/* For the table in options.c. */
struct weir_options_learner;
extern const struct weir_options_learner weir_common_learner;

#endif
