/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record made of blocks: lists of Information Elements that come together or not at all. Those
 * that are there, in the order of their table, are the record's Template and its octets. Private
 * to the sflow files of collect/.
 *
 *     record->present = 0;
 *     struct weir_writer *out = weir_sflow_block(record, BLOCK_MASKS);
 *     weir_write_u8(out, 24);
 *     weir_write_u8(out, 16);
 *     weir_sflow_block_end(record);
 *
 * A block that is begun again is as the last time.
 */
#ifndef WEIR_COLLECT_SFLOW_RECORD_H
#define WEIR_COLLECT_SFLOW_RECORD_H

#include "base/writer.h"
#include "collect/sflow.h"
#include "packet/parse.h"
#include "wire/sflow.h"

#define WEIR_SFLOW_BLOCKS_MAX       64u
#define WEIR_SFLOW_BLOCK_FIELDS_MAX 20u

/* What records can hold is a datagram, and lists' and records' own headers. */
#define WEIR_SFLOW_RECORD_OCTETS_MAX (65535u + 1024u)

struct weir_sflow_block_fields {
    uint16_t count;
    struct weir_field fields[WEIR_SFLOW_BLOCK_FIELDS_MAX];
};

/* The blocks of a kind of sample, and the id of its Templates. */
struct weir_sflow_blocks {
    uint16_t template_id;
    bool is_counters;
    uint16_t count;
    struct weir_sflow_block_fields blocks[WEIR_SFLOW_BLOCKS_MAX];
};

extern const struct weir_sflow_blocks weir_sflow_flow_blocks;
extern const struct weir_sflow_blocks weir_sflow_counter_blocks;

struct weir_sflow_builder {
    const struct weir_sflow_blocks *kind;
    uint64_t present; /* bit 1 << block */
    unsigned open;    /* the block that is being written */
    struct {
        const uint8_t *octets;
        size_t length;
    } parts[WEIR_SFLOW_BLOCKS_MAX];
    struct weir_writer out;
    uint8_t scratch[WEIR_SFLOW_RECORD_OCTETS_MAX];

    /* What came with the datagram, and for the run that the record will be in. */
    struct weir_parser *parser;
    int64_t received_ns;
    uint32_t unparsed;
};

static inline bool weir_sflow_has(const struct weir_sflow_builder *record, unsigned block)
{
    return record->present >> block & 1;
}

static inline struct weir_writer *weir_sflow_block(struct weir_sflow_builder *record,
                                                   unsigned block)
{
    record->open = block;
    record->parts[block].octets = record->scratch + weir_writer_offset(&record->out);
    return &record->out;
}

/* Keeps the block, unless there was no room for it. */
static inline void weir_sflow_block_end(struct weir_sflow_builder *record)
{
    const uint8_t *end = record->scratch + weir_writer_offset(&record->out);
    if (weir_writer_failed(&record->out))
        return;
    record->parts[record->open].length = (size_t)(end - record->parts[record->open].octets);
    record->present |= UINT64_C(1) << record->open;
}

/* A block whose octets stand in the datagram as they are to be. */
static inline void weir_sflow_block_of(struct weir_sflow_builder *record, unsigned block,
                                       const uint8_t *octets, size_t length)
{
    record->parts[block].octets = octets;
    record->parts[block].length = length;
    record->present |= UINT64_C(1) << block;
}

/*
 * Takes one record of the sample in: WEIR_E_UNSUPPORTED where its format is not known,
 * WEIR_E_MALFORMED where it is cut.
 */
WEIR_CHECKED int weir_sflow_take_flow(struct weir_sflow_builder *record,
                                      const struct weir_sflow_record *taken);
WEIR_CHECKED int weir_sflow_take_counters(struct weir_sflow_builder *record,
                                          const struct weir_sflow_record *taken);

/* What the sample itself says, after its records. */
void weir_sflow_finish_flow(struct weir_sflow_builder *record,
                            const struct weir_sflow_sample *sample);
void weir_sflow_finish_counters(struct weir_sflow_builder *record,
                                const struct weir_sflow_sample *sample);

#endif
