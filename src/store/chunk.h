/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One column chunk: the values of one leaf in one row group, from arrays to the pages of the file
 * and what the footer says of them.
 *
 * How values are encoded is chosen for each chunk by what comes out smallest: a dictionary (by
 * table where they spread over less than 65,536, else by hash), DELTA_BINARY_PACKED, or PLAIN.
 * Integers that come in runs (exporter, arrival ...) are encoded as runs. A chunk is compressed
 * where a probe of it gains enough, a tenth with zstd and a sixth with LZ4. Every chunk has a
 * dictionary page or none and one data page.
 *
 *     weir_chunk_encoder_new(WEIR_CODEC_LZ4, 131072, &encoder);
 *     weir_chunk_encode(encoder, &(struct weir_chunk_source){...}, &out, &chunk);
 *     write(fd, out.data, out.length);
 *
 * Ownership: the encoder owns its working memory (some 8 MB for 131,072 rows, and text) and what
 * `chunk` points to, until its next call. Threads: one owner.
 */
#ifndef WEIR_STORE_CHUNK_H
#define WEIR_STORE_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/compress.h"
#include "store/dictionary.h"
#include "store/octets.h"
#include "store/schema.h"
#include "store/values.h"

#define WEIR_CHUNK_ROWS_MAX     131072u
#define WEIR_CHUNK_BOUND_OCTETS 64u /* longest text kept as a bound */

/* `count` times the same value. */
struct weir_run {
    uint64_t value;
    uint32_t count;
};

enum weir_chunk_kind {
    WEIR_CHUNK_VALUES, /* `values` */
    WEIR_CHUNK_RUNS,   /* `runs`; of integers */
    WEIR_CHUNK_TEXTS,  /* `texts` */
};

/*
 * What was learnt from earlier chunks of the same leaf; zero at first. What was in vain for a large
 * chunk most often would be again, and is not tried for some.
 */
struct weir_chunk_history {
    uint8_t dictionaries_to_skip; /* chunks for which no dictionary is tried */
    uint8_t probes_to_skip;       /* chunks that are not compressed */
};

struct weir_chunk_source {
    enum weir_leaf_type type;
    enum weir_chunk_kind kind;
    bool has_bloom; /* wants a Bloom filter; UINT_64 leaves only */
    uint32_t row_count;
    uint32_t value_count;             /* of them, not none */
    const struct weir_octets *levels; /* definition levels, as RLE hybrid */
    struct weir_chunk_history *history;
    struct weir_values values;
    const struct weir_run *runs;
    uint32_t run_count;
    struct weir_texts texts;
};

/* Numbers of Parquet's Encoding. */
enum weir_encoding {
    WEIR_ENCODING_PLAIN = 0,
    WEIR_ENCODING_RLE = 3,
    WEIR_ENCODING_DELTA = 5,
    WEIR_ENCODING_DICTIONARY = 8,
};

/* A bound of the values: of integers 4 or 8 octets as PLAIN has them, of text some octets. */
struct weir_chunk_bound {
    bool is_known;
    bool is_exact; /* false: a shorter text that is below the least or above the greatest */
    uint8_t length;
    uint8_t octets[WEIR_CHUNK_BOUND_OCTETS];
};

struct weir_chunk {
    struct weir_octets bloom; /* bits of the filter; empty: none */
    uint64_t packed_octets;   /* of the pages, headers included */
    uint64_t plain_octets;    /* the same before compression */
    size_t data_page_offset;  /* in the pages; a dictionary page stands before it, or nothing */
    enum weir_encoding encoding;
    int32_t codec; /* Parquet's number */
    uint32_t value_count;
    uint32_t null_count;
    struct weir_chunk_bound min;
    struct weir_chunk_bound max;
    struct weir_range range; /* of integers, where there are values */
};

struct weir_chunk_encoder;

/* For row groups of up to row_max (1 to WEIR_CHUNK_ROWS_MAX) rows. 0 or WEIR_E_NOMEM. */
WEIR_CHECKED int weir_chunk_encoder_new(enum weir_codec codec, uint32_t row_max,
                                        struct weir_chunk_encoder **ret_encoder);
void weir_chunk_encoder_free(struct weir_chunk_encoder *encoder);

/* Appends the chunk's pages to `out`, as they stand in the file. 0, or WEIR_E_NOMEM. */
WEIR_CHECKED int weir_chunk_encode(struct weir_chunk_encoder *encoder,
                                   const struct weir_chunk_source *source, struct weir_octets *out,
                                   const struct weir_chunk **ret_chunk);

#endif
