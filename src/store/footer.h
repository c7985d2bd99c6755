/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Parquet file's metadata: the description of each row group, gathered while the file is
 * written, and the footer made of them and of the schema.
 *
 *     weir_footer_begin(&footer, &weir_flow_schema);
 *     weir_footer_begin_row_group(&footer, row_count, offset);
 *     weir_footer_add_chunk(&footer, leaf, chunk, &place);     // every leaf, in order
 *     weir_footer_end_row_group(&footer);
 *     ...
 *     weir_footer_finish(&footer, &octets);
 *
 * Memory that cannot be had shows in `failed` of the octets. Threads: one owner.
 */
#ifndef WEIR_STORE_FOOTER_H
#define WEIR_STORE_FOOTER_H

#include <stdbool.h>
#include <stdint.h>

#include "store/chunk.h"
#include "store/octets.h"
#include "store/schema.h"
#include "store/thrift.h"

#define WEIR_PARQUET_MAGIC "PAR1"

struct weir_footer {
    const struct weir_schema *schema;
    struct weir_octets row_groups; /* finished elements of the list of them */
    uint64_t rows;
    uint32_t row_group_count;
    struct weir_thrift thrift; /* of the row group that is being described */
    uint64_t group_offset;     /* in the file */
    uint64_t group_plain_octets;
    uint64_t group_packed_octets;
    uint32_t group_rows;
};

/* Where a chunk stands in the file. */
struct weir_chunk_place {
    uint64_t offset;       /* of its first page */
    uint64_t bloom_offset; /* of the Bloom filter's header */
    uint32_t bloom_octets; /* with the header; 0: none */
};

/* Forgets what was described before. */
void weir_footer_begin(struct weir_footer *footer, const struct weir_schema *schema);
void weir_footer_done(struct weir_footer *footer);

void weir_footer_begin_row_group(struct weir_footer *footer, uint32_t row_count, uint64_t offset);
void weir_footer_add_chunk(struct weir_footer *footer, unsigned leaf,
                           const struct weir_chunk *chunk, const struct weir_chunk_place *place);
void weir_footer_end_row_group(struct weir_footer *footer);

/* Appends the footer, its length and the magic that ends the file. */
void weir_footer_finish(const struct weir_footer *footer, struct weir_octets *ret_octets);

#endif
