/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments of a journal that were left, because the process or the machine stopped or the store
 * could not be written: decoded again, and stored exactly once (store/journal_folder.h).
 *
 * Each is decoded by a collector of its own, which begins with the state that was saved when the
 * segment began; so its records are those that they were, also where Templates came long before.
 * The state at the end of the last one is in the folder then, for who goes on from there. Records
 * go to the store and nowhere else: whether other places had them nobody knows.
 *
 *     struct weir_recovery recovery = {"flows", weir_clock_system(), &collector_config};
 *     result = weir_recover(&recovery, &folder, WEIR_RECOVER_ALL, SIZE_MAX, &diag);
 *
 * Threads: one.
 */
#ifndef WEIR_APP_RECOVERY_H
#define WEIR_APP_RECOVERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/collector.h"
#include "store/journal.h"
#include "store/writer.h"

#define WEIR_RECOVER_ALL UINT64_MAX

struct weir_recovery {
    const char *store;
    struct weir_clock clock;
    const struct weir_collector_config *collector;
    struct weir_store_counters stored;    /* added to */
    struct weir_journal_counters counted; /* the recovered ones are added to */
};

/*
 * Decodes up to `most` segments whose ID is below `below`, the oldest first. 0; or the first error,
 * with diag, that ends it: WEIR_E_IO, WEIR_E_NOMEM. What was not recovered stays.
 */
WEIR_CHECKED int weir_recover(struct weir_recovery *recovery,
                              const struct weir_journal_folder *folder, uint64_t below, size_t most,
                              struct weir_diag *diag);

#endif
