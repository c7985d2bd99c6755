/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is behind packet/source.h: the buffer and the operations of one capture format. Private to
 * packet/.
 *
 * A format's `next` looks at buffer[begin, end), makes frames of the whole records in it and moves
 * `begin`. Where a record is not whole it returns what it has; only with no frame made may it call
 * weir_source_fill(), which moves the buffer.
 */
#ifndef WEIR_PACKET_SOURCE_IMPL_H
#define WEIR_PACKET_SOURCE_IMPL_H

#include <stdbool.h>

#include "base/bytes.h"
#include "packet/source.h"

struct weir_source_format {
    /* Reads the file header; NULL where there is none. */
    int (*start)(struct weir_source *source, struct weir_diag *diag);
    /* As weir_source_next(), except that it does no counting. */
    int (*next)(struct weir_source *source, struct weir_frame *frames, size_t capacity,
                size_t *ret_count, struct weir_diag *diag);
    /* Brings counters up to date; may be NULL. */
    void (*count)(struct weir_source *source);
    void (*stop)(struct weir_source *source);
};

extern const struct weir_source_format weir_source_pcap;
extern const struct weir_source_format weir_source_pcapng;

struct weir_source {
    const struct weir_source_format *format;
    void *state;                /* of the format */
    struct weir_stream *stream; /* NULL: live */
    const char *name;           /* the stream's, or the format's */
    uint8_t *buffer;
    bool is_stored;    /* of a stream, or of several */
    bool is_lent;      /* the buffer, by weir_source_use() */
    size_t begin, end; /* octets not taken yet */
    uint64_t offset;   /* in the uncompressed file, of buffer[0] */
    uint16_t first_interface;
    int error; /* sticky */
    struct weir_diag diag;
    struct weir_source_counters counters;
};

#define WEIR_SOURCE_PIECE_OCTETS \
    ((size_t)256 << 10) /* read at once; stays in the second-level cache */
#define WEIR_SOURCE_RECORD_OCTETS ((size_t)1 << 20) /* most that a record may have */
_Static_assert(WEIR_SOURCE_RECORD_OCTETS + WEIR_SOURCE_PIECE_OCTETS == WEIR_SOURCE_BUFFER_OCTETS,
               "a piece fits behind a record that is not whole");

/*
 * Sees to it that at least `need` (at most WEIR_SOURCE_RECORD_OCTETS) octets are there, moving the
 * buffer. 0; WEIR_E_END where the file ends with none left; WEIR_E_TRUNCATED where some are, with
 * "octet N: the file ends inside WHAT"; or the stream's error.
 */
WEIR_CHECKED int weir_source_fill(struct weir_source *source, size_t need, const char *what,
                                  struct weir_diag *diag);

/* Fills diag with "NAME: octet OFFSET: ..." and returns error. */
int weir_source_fail(const struct weir_source *source, struct weir_diag *diag,
                     enum weir_error error, uint64_t offset, const char *format, ...)
    WEIR_PRINTF(5, 6);

/* Octet of the uncompressed file that is taken next. */
static inline uint64_t weir_source_offset(const struct weir_source *source)
{
    return source->offset + source->begin;
}

/* Fields of a file in either byte order. With a constant `big` the choice costs nothing. */
static inline uint16_t weir_capture_u16(const uint8_t *octets, bool big)
{
    return big ? weir_load_be16(octets) : weir_load_le16(octets);
}

static inline uint32_t weir_capture_u32(const uint8_t *octets, bool big)
{
    return big ? weir_load_be32(octets) : weir_load_le32(octets);
}

static inline uint64_t weir_capture_u64(const uint8_t *octets, bool big)
{
    return big ? weir_load_be64(octets) : weir_load_le64(octets);
}

#endif
