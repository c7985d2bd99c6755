/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets for several flow caches, each of which has a share of the flows: who sees all packets
 * finds whose each is, and tells all caches the time, so that together they make the records that a
 * single cache would, whatever their number.
 *
 *     weir_spread_init(&spread, &config, count);      // as of the caches, but for their share
 *     weir_spread_places(&spread, packets, details, n, shares);
 *     for (i = 0; i < n; i++)
 *         weir_spread_packet(&spread, &packets[i], shares[i], give, context);
 *     weir_spread_finish(&spread, give, context);     // before weir_cache_finish of each
 *
 * What is given is the packet, for its share; and before it, for any share, packets that only tell
 * the time (WEIR_PACKET_CLOCK): where it starts, where it has come to a tick at which all caches
 * look for flows that ended, where a packet is late by a time that its cache has not heard of, and
 * where it was set back. Each cache gets what is its in the order of giving.
 *
 * Open value; no ownership. Threads: one at a time. Limits: WEIR_SPREAD_MAX shares, and
 * weir_cache_regions(). A packet makes at most 2 that are given to one share.
 */
#ifndef WEIR_METER_SPREAD_H
#define WEIR_METER_SPREAD_H

#include "meter/cache.h"
#include "meter/flow_hash.h"

#define WEIR_SPREAD_MAX 64u

struct weir_spread {
    weir_flow_hash *hash;
    struct weir_flow_hasher hasher; /* its buckets are the regions */
    struct weir_flow_more_key more_mask;
    bool has_more;
    struct weir_meter_clock clock;
    unsigned count;
    uint8_t share_of_region[WEIR_SPREAD_MAX];
    uint64_t told[WEIR_SPREAD_MAX]; /* the time that each share knows; 0: none */
};

typedef void weir_spread_give(void *context, unsigned share, const struct weir_packet *packet);

/* count: 2 to weir_cache_regions(config->entries). */
void weir_spread_init(struct weir_spread *spread, const struct weir_cache_config *config,
                      unsigned count);

/* Whose packets these are; details as for weir_cache_add_details, or NULL. */
void weir_spread_places(const struct weir_spread *spread, const struct weir_packet *packets,
                        const struct weir_packet_detail *details, size_t count,
                        uint8_t *ret_shares);

/* Gives a packet to its share, and what time it is to who has to know. */
void weir_spread_packet(struct weir_spread *spread, const struct weir_packet *packet, uint8_t share,
                        weir_spread_give *give, void *context);

/*
 * Whether the packet is for its share and nobody has to be told anything: then it need not go
 * through weir_spread_packet.
 */
static inline bool weir_spread_is_plain(struct weir_spread *spread,
                                        const struct weir_packet *packet, uint8_t share)
{
    uint64_t time = weir_cache_time(packet->time_ns);
    if (time < spread->clock.now || time >= spread->clock.next_tick)
        return false;
    spread->clock.now = time;
    spread->clock.late_in_row = 0;
    spread->told[share] = time;
    return true;
}

/* Tells all the time, and begins anew. */
void weir_spread_finish(struct weir_spread *spread, weir_spread_give *give, void *context);

#endif
