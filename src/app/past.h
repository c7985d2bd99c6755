/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What journals keep of the collectors that had them: for each the newest state, where it counts,
 * and how a collector that begins takes them in.
 *
 *     weir_past_open(&past, folders, &diag);
 *     weir_past_add(&past, folder, &diag);        // of a journal that the caller has
 *     weir_past_add_dead(&past, store, &diag);    // of those that nobody has
 *     weir_past_restore(&past, &share, collector);
 *     weir_past_close(&past);
 *
 * A state is as of store/journal_folder.h. Limits: the folders that it was opened for, and as many
 * dead ones as a store can have. Threads: one caller.
 */
#ifndef WEIR_APP_PAST_H
#define WEIR_APP_PAST_H

#include <stdint.h>

#include "base/error.h"
#include "base/share.h"
#include "collect/collector.h"
#include "store/journal_folder.h"

struct weir_past {
    struct weir_past_state *states; /* private */
    unsigned count;
    int64_t newest_ns; /* when the newest was saved; INT64_MIN: there is none */
};

/* For states of so many folders beside the dead ones. 0; WEIR_E_NOMEM with diag. */
WEIR_CHECKED int weir_past_open(struct weir_past *past, unsigned folders, struct weir_diag *diag);

/* Adds the newest state of a folder, where it has one that counts. 0; WEIR_E_IO, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_past_add(struct weir_past *past, const struct weir_journal_folder *folder,
                               struct weir_diag *diag);

/* The same of every journal of a store that nobody has. */
WEIR_CHECKED int weir_past_add_dead(struct weir_past *past, const char *store,
                                    struct weir_diag *diag);

/*
 * Has the collector know what the states say of its share, the newest first, or all that they say
 * where `share` is NULL. What another version wrote is passed over: exporters will say it again.
 */
void weir_past_restore(struct weir_past *past, const struct weir_share *share,
                       struct weir_collector *collector);

/* Zeroed, it does nothing. */
void weir_past_close(struct weir_past *past);

#endif
