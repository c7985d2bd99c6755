/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meters side by side that share their interfaces, each in a thread and with a ring for each
 * interface: the kernel gives a packet to one of them by its addresses (packet/live.h), so each has
 * flows of its own. Private to app/: it is what a struct weir_meter with several workers is live.
 *
 *     weir_meter_group_new(&config, sinks, &group, &diag);
 *     result = weir_meter_group_listen(group, stop, context, &diag);
 *     weir_meter_group_free(group);
 *
 * Ownership: borrows what the sinks and the configuration points to. Threads: functions are of one
 * caller, `stop` is of it, too, and may call weir_meter_group_cache_counters; the sinks are called
 * by any thread, one at a time. Limits: WEIR_METER_WORKERS_MAX.
 */
#ifndef WEIR_APP_METER_GROUP_H
#define WEIR_APP_METER_GROUP_H

#include "app/meter.h"

struct weir_meter_group;

/*
 * config->workers meters, each with so much of the caches' entries; sinks has one a process.
 * Results of weir_meter_new.
 */
WEIR_CHECKED int weir_meter_group_new(const struct weir_meter_config *config,
                                      const struct weir_batch_sink *sinks,
                                      struct weir_meter_group **ret_group, struct weir_diag *diag);
void weir_meter_group_free(struct weir_meter_group *group);

/* Until `stop` says so, which is asked now and then, or one of them fails: that one's error. */
WEIR_CHECKED int weir_meter_group_listen(struct weir_meter_group *group,
                                         bool (*stop)(void *context), void *context,
                                         struct weir_diag *diag);

/* As of a few hundred packets ago. */
struct weir_cache_counters weir_meter_group_cache_counters(struct weir_meter_group *group);

/* What there is to report of a process, and of an interface: as of a moment ago. */
void weir_meter_group_totals(struct weir_meter_group *group, unsigned process,
                             struct weir_meter_totals *ret_totals);
void weir_meter_group_point(struct weir_meter_group *group, unsigned interface,
                            struct weir_source_counters *ret_counters);

/* Its meters, for what they counted; not while they listen. */
struct weir_meter *const *weir_meter_group_meters(const struct weir_meter_group *group,
                                                  unsigned *ret_count);

#endif
