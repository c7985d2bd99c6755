/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the explainer share: a message on its way through, and how an item of it is
 * made and shown. Private to app/explain*.c.
 */
#ifndef WEIR_APP_EXPLAIN_PRIVATE_H
#define WEIR_APP_EXPLAIN_PRIVATE_H

#include "app/explain.h"
#include "app/explain_protocol.h"
#include "app/explain_value.h"
#include "app/follow.h"
#include "base/text.h"

#define WEIR_EXPLAIN_COMMON_MAX 256u

/* Where the record stood that had these common properties last. */
struct weir_explain_common {
    struct weir_session_key session;
    uint64_t id;
    uint64_t message; /* its number */
    size_t offset;    /* of the record in it */
};

struct weir_explainer {
    struct weir_follower follower;
    struct weir_explain_counters counters;
    struct weir_text_buffer text; /* of the value that is shown */
    struct weir_explain_common common[WEIR_EXPLAIN_COMMON_MAX];
    uint32_t common_count;
    uint32_t common_next; /* makes room for another */
};

struct weir_explain_walk {
    struct weir_explainer *explainer;
    const struct weir_explain_origin *origin;
    const struct weir_explain_sink *sink; /* NULL: none */
    const struct weir_protocol_rules *rules;
    struct weir_message message;
    struct weir_sequence_records held;
    uint32_t slack;          /* octets in sets that nobody can read */
    uint32_t template_count; /* in the message, as NetFlow v9 counts them */
    unsigned list_depth;     /* lists that are open */
    struct weir_diag *first; /* the first broken rule */
    bool is_broken;
};

/* An item of octets `from` to before `to` of the message. */
struct weir_explain_item weir_explain_item_of(const struct weir_explain_walk *walk,
                                              enum weir_explain_kind kind, unsigned depth,
                                              size_t from, size_t to);

void weir_explain_show(const struct weir_explain_walk *walk, const struct weir_explain_item *item);

/* A broken rule, counted; its octet is diag's. */
void weir_explain_broken(struct weir_explain_walk *walk, unsigned depth,
                         const struct weir_diag *diag, const char *rule);

/* What is allowed but looks wrong, counted. */
void weir_explain_suspect(const struct weir_explain_walk *walk, unsigned depth, size_t offset,
                          const char *format, ...) WEIR_PRINTF(4, 5);

/* Padding, or octets without a meaning; none is no item. */
void weir_explain_rest(const struct weir_explain_walk *walk, enum weir_explain_kind kind,
                       unsigned depth, size_t from, size_t to, const char *text);

/* Those of a set that ends at `end`, which the session learns. 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_explain_templates(struct weir_explain_walk *walk, struct weir_set *set,
                                        size_t end);

void weir_explain_value_at(struct weir_explain_walk *walk, unsigned depth,
                           const struct weir_value *value, bool is_scope);
void weir_explain_record_at(struct weir_explain_walk *walk, unsigned depth, uint16_t template_id,
                            uint64_t number, struct weir_record *record);

/* The header of an sFlow datagram, as far as `length` octets hold it. Returns where it ends. */
size_t weir_explain_sflow_header(struct weir_explain_walk *walk, size_t length);

/* What is inside of a sample of sFlow. */
void weir_explain_sample(struct weir_explain_walk *walk, const struct weir_set *set, size_t start,
                         size_t end);
const char *weir_explain_sample_name(const struct weir_set *set);

/*
 * What is inside of a value of a list type (RFC 6313), which begins at octet `at` of the message;
 * nothing for other types.
 */
void weir_explain_list(struct weir_explain_walk *walk, unsigned depth, enum weir_type type,
                       size_t at, size_t length);

/* explain_common.c: notes where a record of options is whose scope is this value, if it may be. */
void weir_explain_common_put(struct weir_explain_walk *walk, const struct weir_value *value,
                             size_t record);

/* Says which record a value refers to, if it may; else the note stays. */
void weir_explain_common_note(const struct weir_explain_walk *walk, const struct weir_value *value,
                              char note[WEIR_EXPLAIN_NOTE_MAX]);

#endif
