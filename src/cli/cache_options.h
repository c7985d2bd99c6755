/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the options of `weir meter` say of the flow cache: its kind and size, when flows are
 * reported, and the timeouts of all and of some protocols.
 *
 *     --cache normal,entries=1M,interval=10s,portion=1/6
 *     --idle-timeout 15s --idle-timeout tcp=5m,udp=10s,47=1m --active-timeout udp=1m
 *
 * Values; any thread.
 */
#ifndef WEIR_CLI_CACHE_OPTIONS_H
#define WEIR_CLI_CACHE_OPTIONS_H

#include "meter/cache.h"

/* What a cache is unless told otherwise. */
#define WEIR_CACHE_IDLE_TIMEOUT       "15s"
#define WEIR_CACHE_ACTIVE_TIMEOUT     "30m"
#define WEIR_CACHE_PERMANENT_INTERVAL "60s"

/* Which of a flow's timeouts. */
enum weir_cache_timeout { WEIR_CACHE_TIMEOUT_IDLE, WEIR_CACHE_TIMEOUT_ACTIVE };

/* KIND[,entries=N][,interval=T][,portion=1/N]. 0, or WEIR_E_USAGE with diag. */
WEIR_CHECKED int weir_cache_kind_parse(const char *text, struct weir_cache_config *config,
                                       struct weir_diag *diag);

/*
 * The texts of one option, [PROTOCOL=]T[,...] each; what they say nothing of stays as it is. To be
 * called for both timeouts, and by `name` errors tell which. 0, or WEIR_E_USAGE with diag.
 */
WEIR_CHECKED int weir_cache_timeouts_parse(const char *const *texts, unsigned count,
                                           enum weir_cache_timeout which, const char *name,
                                           struct weir_cache_config *config,
                                           struct weir_diag *diag);

/* After both: protocols without one of the two have that of all. */
void weir_cache_timeouts_complete(struct weir_cache_config *config);

#endif
