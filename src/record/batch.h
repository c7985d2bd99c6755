/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The column batch: up to some thousands of Flow Records, one array a column. It is the unit that
 * moves from decoders and the Metering Process to exporters, the store and other sinks.
 *
 * A batch is a list of segments: runs of rows that came under one template in one message. What
 * is the same for the whole message (exporter, domain, arrival ...) is kept once in its segment,
 * and so is the set of columns its rows have: a column that a template lacks costs nothing and is
 * none (NULL) there, never zero. Arrays of columns that no segment has are not touched.
 *
 *     struct weir_batch *batch = weir_batch_new(4096);
 *     struct weir_segment segment = {.exporter = from, .domain = 7, .columns = plan->columns};
 *     uint32_t row = weir_batch_begin(batch, &segment, count);   // room was asked for before
 *     weir_batch_u64(batch, WEIR_COLUMN_BYTES)[row] = 1500;
 *
 * Ownership: a batch owns its arrays; sinks borrow it for the time of a call. Threads: one at a
 * time. Limits: rows and text by capacity; segments never more than rows.
 */
#ifndef WEIR_RECORD_BATCH_H
#define WEIR_RECORD_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "record/column.h"
#include "record/extra.h"

#define WEIR_SEGMENT_SRC_PREFIX 1u
#define WEIR_SEGMENT_DST_PREFIX 2u

/* Rows of one template in one message. */
struct weir_segment {
    weir_column_set columns; /* row columns that its rows have */
    weir_column_set keys;    /* of them, those that are Flow Keys; 0: nobody said */
    int64_t received_ns;
    struct weir_address exporter;
    uint32_t domain;
    uint32_t source; /* which of several behind the exporter's address; 0: the first */
    uint32_t first_row;
    uint32_t row_count;
    uint16_t template_id;
    uint8_t protocol_version; /* as the column of that name */
    uint8_t prefixes;         /* WEIR_SEGMENT_*_PREFIX: its addresses are prefixes, with src_mask
                               * and dst_mask their lengths; an exporter says so */
    bool has_exporter;        /* false: metered here, the exporter column is none */
    bool names_sequence;      /* column sampler has selection sequences, RFC 5477 */
};

struct weir_batch {
    uint32_t row_count;
    uint32_t row_capacity;
    uint32_t segment_count;
    uint32_t text_length; /* octets of `text` in use */
    uint32_t text_capacity;
    struct weir_segment *segments;          /* room for row_capacity */
    weir_column_set any;                    /* columns that at least one segment has */
    weir_column_set all;                    /* columns that every segment has */
    char *text;                             /* what TEXT columns point into */
    void *columns[WEIR_COLUMN_COUNT];       /* row columns only; the others are NULL */
    const struct weir_extra_fields *extra;  /* of every row, besides its columns; NULL: none */
    uint8_t *extra_octets;                  /* extra->row_octets a row */
    struct weir_extra_absent *extra_absent; /* of each row the extra fields that it lacks */
};

/* A batch for `row_capacity` rows (1 to 65,536), or NULL without memory. */
struct weir_batch *weir_batch_new(uint32_t row_capacity);
void weir_batch_free(struct weir_batch *batch);

/*
 * Gives the rows fields without a column, which borrows `extra`; who takes batches may leave them
 * out. Once, before the first row. 0 or WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_batch_set_extra(struct weir_batch *batch,
                                      const struct weir_extra_fields *extra);

/* The extra fields' octets of a row. */
static inline uint8_t *weir_batch_extra(const struct weir_batch *batch, uint32_t row)
{
    return batch->extra_octets + (size_t)row * batch->extra->row_octets;
}

/* Forgets all rows, segments and text. */
void weir_batch_clear(struct weir_batch *batch);

static inline uint32_t weir_batch_room(const struct weir_batch *batch)
{
    return batch->row_capacity - batch->row_count;
}

/*
 * Adds a segment of `row_count` rows (1 to weir_batch_room) and returns its first row. The rows'
 * values of segment->columns are then the caller's to fill; first_row and row_count of the
 * argument are ignored. A segment that equals the last one but for its rows is joined to it.
 */
uint32_t weir_batch_begin(struct weir_batch *batch, const struct weir_segment *segment,
                          uint32_t row_count);

/* Makes `any` and `all` right after columns of segments were given or taken. */
void weir_batch_recount_columns(struct weir_batch *batch);

/* Takes back the last `row_count` rows. */
void weir_batch_take_back(struct weir_batch *batch, uint32_t row_count);

/*
 * Copies text into the batch's buffer, which grows up to WEIR_BATCH_TEXT_MAX octets.
 * 0, WEIR_E_FULL at that limit (hand the batch on and try again), WEIR_E_NOMEM.
 */
#define WEIR_BATCH_TEXT_MAX (16u << 20)
WEIR_CHECKED int weir_batch_add_text(struct weir_batch *batch, const char *text, size_t length,
                                     struct weir_text *ret_text);

#define WEIR_DEFINE_BATCH_ARRAY(suffix, type)                               \
    static inline type *weir_batch_##suffix(const struct weir_batch *batch, \
                                            enum weir_column column)        \
    {                                                                       \
        return batch->columns[column];                                      \
    }

WEIR_DEFINE_BATCH_ARRAY(u8, uint8_t)
WEIR_DEFINE_BATCH_ARRAY(u16, uint16_t)
WEIR_DEFINE_BATCH_ARRAY(u32, uint32_t)
WEIR_DEFINE_BATCH_ARRAY(u64, uint64_t)
WEIR_DEFINE_BATCH_ARRAY(time, int64_t)
WEIR_DEFINE_BATCH_ARRAY(texts, struct weir_text)

/* The high and the low words of an address column. */
static inline uint64_t *weir_batch_high(const struct weir_batch *batch, enum weir_column column)
{
    return batch->columns[column];
}

static inline uint64_t *weir_batch_low(const struct weir_batch *batch, enum weir_column column)
{
    return (uint64_t *)batch->columns[column] + batch->row_capacity;
}

/*
 * A place that takes batches: the store, an Exporting Process, a printer. `batch` returns 0, or an
 * error that ends the work (diag filled); it must not keep the batch. `flush` is called at
 * rotation and at the end; `now_ns` is the time by which ageing things are judged.
 */
struct weir_batch_sink {
    int (*batch)(void *context, const struct weir_batch *batch, struct weir_diag *diag);
    int (*flush)(void *context, int64_t now_ns, struct weir_diag *diag);
    void *context;
};

#endif
