/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plan is inside, for the files that run it. Private to record/.
 *
 * A record is a row of fields at known offsets, but for the octets that variable fields take: a
 * field's place is its offset with all variable fields left out, plus what those before it take
 * (struct weir_row). Column steps want all records at one distance; records with variable fields
 * are first flattened: the spans that steps need are copied into rows of flat_length octets.
 */
#ifndef WEIR_RECORD_COMPILED_H
#define WEIR_RECORD_COMPILED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "ie/element.h"
#include "record/operation.h"
#include "record/plan.h"

#define WEIR_PLAN_NONE       UINT16_MAX
#define WEIR_PLAN_FIELDS_MAX 1024u

#define WEIR_COUNTERS                                                                   \
    (WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(BYTES) | WEIR_COLUMN_BIT(REV_PACKETS) | \
     WEIR_COLUMN_BIT(REV_BYTES))

/* When a field goes into `other`. */
enum weir_keep {
    WEIR_KEEP_NOT,
    WEIR_KEEP_ALWAYS,   /* it has no column */
    WEIR_KEEP_AS_LOSER, /* its column has another field's value: where neither is all zero */
    WEIR_KEEP_WIDE,     /* where its value is greater than the column can hold */
};

struct weir_plan_field {
    const struct weir_element *element; /* NULL: not known */
    const char *key;                    /* "\"octetDeltaCount\":" */
    uint32_t pen;                       /* of the element, or WEIR_PEN_NETFLOW9_SCOPE */
    uint32_t offset;                    /* with all variable fields left out */
    uint16_t variable_before;           /* how many of them stand before it */
    uint16_t length;                    /* or WEIR_LENGTH_VARIABLE */
    uint16_t winners[2];                /* of a loser: fields that have the column, or none */
    uint16_t id;                        /* of the element */
    uint16_t key_length;
    uint16_t repeat;       /* 1: the first field of its element, 2: the second ... */
    uint8_t column_octets; /* of a wide one: octets of the column */
    uint8_t keep;          /* enum weir_keep */
    bool is_padding;
    const struct weir_operation *to_time; /* of a relative time: how it is read, else NULL */
    const struct weir_element *absolute;  /* and the element that says the same absolutely */
};

struct weir_plan_span {
    uint32_t offset;
    uint16_t variable_before;
    uint32_t length;
};

struct weir_plan_step {
    const struct weir_operation *operation;
    uint32_t offset; /* in a flat row; encoding: in the record */
    uint16_t width;
    uint8_t column;
    uint8_t value_octets; /* of the column: 8 of an address, whose words are apart */
    bool is_address;
    bool has_next; /* encoding: the next step's field follows, and is of the same operation */
    /* An alternate fills the column of rows in which the octets of `winners` are all zero. */
    bool is_alternate;
    struct weir_plan_span winners[2], rivals[2]; /* in a flat row; length 0: none */
};

struct weir_plan {
    struct weir_arena arena; /* all arrays */
    weir_column_set columns;
    weir_column_set encoded; /* columns that steps of encode_steps read */
    uint32_t record_length;  /* as the template's */
    uint32_t fixed_octets;   /* record without its variable fields */
    uint32_t flat_length;    /* fixed templates: record_length */
    uint16_t template_id;
    uint16_t field_count;
    uint16_t variable_count;
    uint16_t step_count;
    uint16_t encode_step_count;
    uint16_t span_count;
    uint16_t kept_count;
    uint16_t text_span_count;
    uint16_t app_name; /* field, or WEIR_PLAN_NONE */
    uint16_t app_id;
    bool derives_icmp;    /* type and code from dst_port */
    bool derives_start;   /* from end, the time of an observation */
    bool has_events;      /* whose zero counters are none */
    bool has_sampling;    /* the record has its own */
    bool names_sequence;  /* of selectors, in column sampler */
    bool fills_no_octets; /* some octet is no step's: encode clears first */
    struct weir_plan_field *fields;
    uint16_t *variable; /* fields of variable length, in order */
    uint16_t *kept;     /* fields that may go into `other`, in order */
    struct weir_plan_step *steps;
    struct weir_plan_step *encode_steps;
    struct weir_plan_span *spans;
    /*
     * Fixed templates: all octets that decide what a row's texts are, so that a row in which they
     * are those of the row before is known to have the same texts.
     */
    struct weir_plan_span *text_spans;
};

/* One record: where it begins, and how many octets the first n variable fields take. */
struct weir_row {
    const uint8_t *octets;
    uint32_t length;
    uint32_t shifts[WEIR_PLAN_FIELDS_MAX + 1];
};

struct weir_octets {
    const uint8_t *octets;
    uint32_t length;
};

/*
 * Finds the record that `octets` begin with: its length and, with variable fields, its shifts. One
 * length check covers all fields. False: it passes the end.
 */
bool weir_plan_locate(const struct weir_plan *plan, const uint8_t *octets, size_t length,
                      struct weir_row *ret_row);

/* The value of a field of a located record, its length prefix taken off. */
static inline struct weir_octets weir_plan_value(const struct weir_plan *plan,
                                                 const struct weir_row *row, uint16_t index)
{
    const struct weir_plan_field *field = &plan->fields[index];
    const uint8_t *at = row->octets + field->offset + row->shifts[field->variable_before];
    if (field->length != WEIR_LENGTH_VARIABLE)
        return (struct weir_octets){at, field->length};
    if (at[0] < 255)
        return (struct weir_octets){at + 1, at[0]};
    return (struct weir_octets){at + 3, weir_load_be16(at + 1)};
}

struct weir_operation_times weir_plan_times(const struct weir_plan_context *context);

/*
 * Fills the text columns of `count` rows from `row` on, whose records begin at octets +
 * starts[i]. *ret_done: how many it did; fewer than count with WEIR_E_FULL (the batch has no more
 * room for text) or WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_plan_decode_text(const struct weir_plan *plan, const uint8_t *octets,
                                       size_t length, const uint32_t *starts, uint32_t count,
                                       const struct weir_plan_context *context,
                                       struct weir_batch *batch, uint32_t row, uint32_t *ret_done);

static inline bool weir_all_zero(const uint8_t *octets, size_t length)
{
    uint64_t any = 0;
    for (; length >= 8; octets += 8, length -= 8)
        any |= weir_load_be64(octets);
    for (; length > 0; octets++, length--)
        any |= *octets;
    return any == 0;
}

#endif
