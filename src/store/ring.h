/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring in front of a journal's segments: shared memory that a file of the journal backs, so
 * that what is in it outlives the process that put it there, however that ended.
 *
 * Positions count octets ever put in and only grow; a position's octet is at ring.octets +
 * position % size. The ring is mapped twice, one copy after the other, so any piece of up to
 * `size` octets is contiguous. Segments begin at multiples of WEIR_RING_BLOCK, so that a piece of a
 * segment has one alignment in memory and in its file.
 *
 *     weir_ring_rescue(folder_fd, &rescue, &diag);   // what a dead writer's segments still lack
 *     weir_ring_open(folder_fd, size, &ring);        // empty
 *     weir_ring_close(&ring);
 *
 * Three sides use it, each its own positions: who puts in moves `filled` and adds segments, who
 * writes segments moves `written`, who takes out keeps its position to itself. Room is what both
 * have passed. The file is of use only as long as the machine has not started anew (its boot is
 * noted in the header): after that nobody knows which of its pages reached the disk.
 */
#ifndef WEIR_STORE_RING_H
#define WEIR_STORE_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_RING_NAME     "ring"
#define WEIR_RING_BLOCK    4096u
#define WEIR_RING_SEGMENTS 64u
#define WEIR_RING_BOOT_MAX 40u

struct weir_ring_segment {
    uint64_t id;
    uint64_t start; /* position of its first octet */
};

/* The first page of the file. */
struct weir_ring_header {
    uint64_t magic;
    uint64_t size;
    char boot[WEIR_RING_BOOT_MAX]; /* of the machine */
    _Atomic uint64_t filled;
    _Atomic uint64_t written; /* of what is before it, segments' files hold all that will be */
    _Atomic uint64_t segment_count;                        /* ever begun */
    struct weir_ring_segment segments[WEIR_RING_SEGMENTS]; /* the newest; by their count */
};

struct weir_ring {
    struct weir_ring_header *header;
    uint8_t *octets;
    size_t size;
    bool is_file; /* and not only memory, which ends with the process */
};

/*
 * An empty ring of `size` octets, a multiple of WEIR_RING_BLOCK. Where the folder cannot hold it
 * (no room, no shared mappings) it is memory only. 0, or WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_ring_open(int folder_fd, size_t size, struct weir_ring *ret_ring);
void weir_ring_close(struct weir_ring *ring);

static inline uint8_t *weir_ring_at(const struct weir_ring *ring, uint64_t position)
{
    return ring->octets + position % ring->size;
}

static inline struct weir_ring_segment *weir_ring_segment(const struct weir_ring *ring,
                                                          uint64_t number)
{
    return &ring->header->segments[number % WEIR_RING_SEGMENTS];
}

/* The file of a segment, "ID.pcapng". */
#define WEIR_SEGMENT_NAME_MAX 40
void weir_segment_name(uint64_t id, char name[WEIR_SEGMENT_NAME_MAX]);

/*
 * Where the folder has the ring of a writer that died, completes its segments' files out of it and
 * removes it. *ret_octets: how much they lacked. 0, or WEIR_E_IO with diag; the ring stays then.
 */
WEIR_CHECKED int weir_ring_rescue(int folder_fd, uint64_t *ret_octets, struct weir_diag *diag);

#endif
