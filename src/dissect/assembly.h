/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beginning of a stream, put together out of pieces that come in any order: segments of TCP,
 * CRYPTO frames of QUIC. What came twice may differ the second time; then the later counts.
 *
 *     weir_assembly_init(assembly);
 *     if (weir_assembly_add(assembly, offset, octets, length) == 0)
 *         parse(assembly->octets, weir_assembly_length(assembly));
 *
 * Open value without ownership. Threads: one owner. Limits: WEIR_ASSEMBLY_OCTETS of the stream; so
 * many runs of octets with holes between them.
 */
#ifndef WEIR_DISSECT_ASSEMBLY_H
#define WEIR_DISSECT_ASSEMBLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_ASSEMBLY_OCTETS 8192u
#define WEIR_ASSEMBLY_RUNS   16u

struct weir_assembly {
    uint16_t run_count;
    struct {
        uint16_t from, to;
    } runs[WEIR_ASSEMBLY_RUNS]; /* in order, with holes between them */
    uint8_t octets[WEIR_ASSEMBLY_OCTETS];
};

void weir_assembly_init(struct weir_assembly *assembly);

/* What is past the end of the buffer is left out. 0, or WEIR_E_LIMIT: too many holes. */
WEIR_CHECKED int weir_assembly_add(struct weir_assembly *assembly, uint64_t offset,
                                   const uint8_t *octets, size_t length);

/* Octets that are there without a hole from the beginning. */
size_t weir_assembly_length(const struct weir_assembly *assembly);

/* Copies what the other has, and not the octets that it lacks. */
void weir_assembly_copy(struct weir_assembly *to, const struct weir_assembly *from);

#endif
