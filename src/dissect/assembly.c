/* SPDX-License-Identifier: Apache-2.0 */
#include "dissect/assembly.h"

#include <string.h>

void weir_assembly_init(struct weir_assembly *assembly)
{
    assembly->run_count = 0;
}

/* Takes runs [first, last) out of the list. */
static void remove_runs(struct weir_assembly *assembly, unsigned first, unsigned last)
{
    memmove(&assembly->runs[first], &assembly->runs[last],
            (assembly->run_count - last) * sizeof(assembly->runs[0]));
    assembly->run_count = (uint16_t)(assembly->run_count - (last - first));
}

/* Notes that [from, to) is there, one with the runs that it touches. */
static int add_run(struct weir_assembly *assembly, uint16_t from, uint16_t to)
{
    unsigned first = 0;
    while (first < assembly->run_count && assembly->runs[first].to < from)
        first++;
    unsigned last = first;
    for (; last < assembly->run_count && assembly->runs[last].from <= to; last++) {
        if (assembly->runs[last].from < from)
            from = assembly->runs[last].from;
        if (assembly->runs[last].to > to)
            to = assembly->runs[last].to;
    }
    if (last > first) {
        remove_runs(assembly, first + 1, last);
    } else if (assembly->run_count == WEIR_ASSEMBLY_RUNS) {
        return WEIR_E_LIMIT;
    } else {
        memmove(&assembly->runs[first + 1], &assembly->runs[first],
                (assembly->run_count - first) * sizeof(assembly->runs[0]));
        assembly->run_count++;
    }
    assembly->runs[first].from = from;
    assembly->runs[first].to = to;
    return 0;
}

int weir_assembly_add(struct weir_assembly *assembly, uint64_t offset, const uint8_t *octets,
                      size_t length)
{
    if (offset >= WEIR_ASSEMBLY_OCTETS || length == 0)
        return 0;
    if (length > WEIR_ASSEMBLY_OCTETS - offset)
        length = (size_t)(WEIR_ASSEMBLY_OCTETS - offset);
    int result = add_run(assembly, (uint16_t)offset, (uint16_t)(offset + length));
    if (result == 0)
        memcpy(assembly->octets + offset, octets, length);
    return result;
}

size_t weir_assembly_length(const struct weir_assembly *assembly)
{
    return assembly->run_count > 0 && assembly->runs[0].from == 0 ? assembly->runs[0].to : 0;
}

void weir_assembly_copy(struct weir_assembly *to, const struct weir_assembly *from)
{
    to->run_count = from->run_count;
    memcpy(to->runs, from->runs, sizeof(to->runs));
    for (unsigned i = 0; i < from->run_count; i++)
        memcpy(to->octets + from->runs[i].from, from->octets + from->runs[i].from,
               (size_t)(from->runs[i].to - from->runs[i].from));
}
