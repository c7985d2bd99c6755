/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Collecting Process has learned of its exporters, as octets: so that after a restart the
 * next datagram is decoded and not kept waiting for a Template that comes in half an hour.
 *
 * Saved are, a session: Templates and Options Templates as they were sent, options records that
 * described elements or properties (collect/recall.h), where the count of its sequence numbers
 * stands, its ports, and Data Sets that wait for a Template; samplers of its exporter and the
 * beginning of its sysUpTime. Counters are not saved: a
 * process counts what it did itself. What exporters sent between saving and restoring is lost and
 * is counted so, since the ledger goes on from the number that it expected; unless an exporter was
 * silent here for a day (WEIR_SEQUENCE_ABSENCE_NS) or leapt, which begins a new count.
 *
 *     struct weir_text_buffer octets;
 *     weir_text_init(&octets, 1 << 30);
 *     result = weir_collector_save(collector, now_ns, &octets);
 *     ...
 *     result = weir_collector_restore(collector, octets.data, octets.length, &diag);
 *
 * The format is weir's own and of this machine's next start, not for exchange: 8 octets "weirseen",
 * version, octets that follow, their checksum; when it was saved; sessions from the longest idle to
 * the newest. All in network order, see state.c. Of two states the one that was saved later knows
 * more: a file's own time is not asked, since copies and backups change it. Whatever is read is
 * checked: a file may be cut, old or made up.
 *
 * Pure but for memory. Threads: as the collector's. Limits: the collector's own; what does not fit
 * is left out, as it would be had it come by message.
 */
#ifndef WEIR_COLLECT_STATE_H
#define WEIR_COLLECT_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/share.h"
#include "base/text.h"
#include "collect/collector.h"

/* So many octets of a state say when it was saved. */
#define WEIR_COLLECTOR_STATE_HEAD 36u

/*
 * Adds the state to `out`. It is saved now, or where clocks were set back a nanosecond after the
 * latest that the collector has saved or restored. 0, WEIR_E_NOMEM, or WEIR_E_LIMIT of `out`.
 */
WEIR_CHECKED int weir_collector_save(struct weir_collector *collector, int64_t now_ns,
                                     struct weir_text_buffer *out);

/* When a state was saved, by what it begins with; 0: it is none, or of another version. */
int64_t weir_collector_state_time(const void *octets, size_t length);

/*
 * Takes a state in place of all that the collector has learned; rows and what was counted stay. 0;
 * or with diag WEIR_E_NOT_FOUND (something else than a state), WEIR_E_UNSUPPORTED (of another
 * version), WEIR_E_TRUNCATED, WEIR_E_MALFORMED, WEIR_E_NOMEM: then the collector knows nobody.
 */
WEIR_CHECKED int weir_collector_restore(struct weir_collector *collector, const void *octets,
                                        size_t length, struct weir_diag *diag);

/*
 * Adds what a state has of a share of the exporters' addresses; those that the collector knows stay
 * as they are, so of several states the newest comes first. sFlow's agents are left out where there
 * are several shares. Errors as above.
 */
WEIR_CHECKED int weir_collector_restore_share(struct weir_collector *collector,
                                              const struct weir_share *share, const void *octets,
                                              size_t length, struct weir_diag *diag);

#endif
