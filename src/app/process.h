/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process itself uses, under the names by which Prometheus knows it of other programs:
 * process_resident_memory_bytes and so on.
 *
 *     struct weir_process_counters counters = weir_process_count();
 *
 * What the system does not say is 0. Threads: any.
 */
#ifndef WEIR_APP_PROCESS_H
#define WEIR_APP_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"

struct weir_process_counters {
    uint64_t resident_memory;
    uint64_t virtual_memory;
    uint64_t cpu;
    uint64_t start_time;
    uint64_t open_fds;
    uint64_t max_fds;
};
extern const struct weir_counter weir_process_counter_table[];
extern const size_t weir_process_counter_count;

struct weir_process_counters weir_process_count(void);

#endif
