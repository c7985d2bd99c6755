/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explains export messages octet by octet: every field of the header, every set, template, record
 * and value with the octets it takes, where a rule is broken and which, and what is allowed but
 * looks wrong. The items go to a sink in the order of their octets, as a tree by depth; how they
 * look is for explain_print.h.
 *
 *     weir_explainer_new(&explainer);
 *     while (... each message ...)
 *         result = weir_explainer_message(explainer, &origin, &sink, &broken);
 *     counters = weir_explainer_counters(explainer);
 *     weir_explainer_free(explainer);
 *
 * Samples of sFlow are shown structure by structure, by tables (explain_sflow.c).
 *
 * Messages are seen as the Collecting Process would see them: one after another, with the
 * Templates that came before, by session. Data Sets ahead of their Templates stay unread.
 *
 * Ownership: an item and all it points to are valid during the call of the sink. Threads: one.
 * Limits: those of app/follow.h; a message has less than one item for each of its octets and of
 * the elements of its templates.
 */
#ifndef WEIR_APP_EXPLAIN_H
#define WEIR_APP_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/error.h"
#include "collect/session.h"
#include "ie/element.h"
#include "record/datagram.h"
#include "wire/message.h"

enum weir_explain_kind {
    WEIR_EXPLAIN_MESSAGE,
    WEIR_EXPLAIN_HEADER, /* a field of the message's header */
    WEIR_EXPLAIN_SET,
    WEIR_EXPLAIN_TEMPLATE,  /* or withdrawal */
    WEIR_EXPLAIN_FIELD,     /* of a template */
    WEIR_EXPLAIN_STRUCTURE, /* of an sFlow sample: its format as number, and its name */
    WEIR_EXPLAIN_RECORD,
    WEIR_EXPLAIN_VALUE,
    WEIR_EXPLAIN_PADDING,
    WEIR_EXPLAIN_UNREAD,  /* octets that nobody can tell the meaning of; text says why */
    WEIR_EXPLAIN_SUSPECT, /* text: allowed, but looks wrong */
    WEIR_EXPLAIN_BROKEN,  /* text: what is wrong at which octet; rule: what says so */
};

/* Where a message came from. */
struct weir_explain_origin {
    const struct weir_datagram *datagram;
    enum weir_collect_transport transport;
    uint64_t number; /* of the message, from 1 */
    uint64_t place;  /* weir_input_place */
};

struct weir_explain_item {
    enum weir_explain_kind kind;
    unsigned depth; /* 0 message, 1 header and set, 2 template and record, 3 their fields, from 4 on
                       what is in a list: its header, field, values, or records with theirs */
    size_t offset, length;                    /* octets of the message */
    const uint8_t *octets;                    /* them */
    const struct weir_explain_origin *origin; /* MESSAGE */
    const struct weir_message *message;       /* MESSAGE (NULL: it has no header), SET */
    const struct weir_set *set;               /* SET */
    const struct weir_template *source;       /* TEMPLATE, RECORD */
    const struct weir_field *field;           /* FIELD, VALUE */
    const struct weir_element *element;       /* FIELD, VALUE; NULL: it is not known */
    bool is_scope;                            /* FIELD, VALUE */
    uint16_t template_id;                     /* RECORD */
    uint64_t number;                          /* HEADER: its value; RECORD: in its set, from 1 */
    const char *name;                         /* HEADER; SET: what kind it is */
    const char *text; /* HEADER, VALUE: what it means, "" where nothing is to be said; reasons */
    const char *note; /* VALUE: what is to be known beside; or NULL */
    const char *rule; /* BROKEN */
};

struct weir_explain_sink {
    void (*item)(void *context, const struct weir_explain_item *item);
    void *context;
};

struct weir_explain_counters {
    uint64_t messages_explained;
    uint64_t messages_broken;
    uint64_t rules_broken;
    uint64_t octets_explained;
    uint64_t sets_explained;
    uint64_t sets_unread;
    uint64_t sets_reserved;
    uint64_t templates_explained;
    uint64_t options_templates_explained;
    uint64_t withdrawals_explained;
    uint64_t records_explained;
    uint64_t options_records_explained;
    uint64_t counter_records_explained;
    uint64_t samples_unread;
    uint64_t suspicions;
};
extern const struct weir_counter weir_explain_counter_table[];
extern const size_t weir_explain_counter_count;

struct weir_explainer;

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_explainer_new(struct weir_explainer **ret_explainer);
void weir_explainer_free(struct weir_explainer *explainer);

/*
 * Explains one message; sink NULL only learns from it. *ret_broken (may be NULL) is filled with the
 * first broken rule; without one its error is WEIR_OK. 0, WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_explainer_message(struct weir_explainer *explainer,
                                        const struct weir_explain_origin *origin,
                                        const struct weir_explain_sink *sink,
                                        struct weir_diag *ret_broken);

/* What comes next is of another file. */
void weir_explainer_next_file(struct weir_explainer *explainer);

const struct weir_explain_counters *weir_explainer_counters(const struct weir_explainer *explainer);

#endif
