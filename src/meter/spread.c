/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/spread.h"

#include <string.h>

#define BATCH 32u

void weir_spread_init(struct weir_spread *spread, const struct weir_cache_config *config,
                      unsigned count)
{
    uint32_t regions = weir_cache_regions(config->entries);
    *spread = (struct weir_spread){
        .hash = weir_flow_hash_choose(config->biflow != WEIR_BIFLOW_NONE),
        .hasher = weir_cache_hasher(config),
        .more_mask = config->definition.more_mask,
        .has_more = config->definition.has_more,
        .clock = weir_cache_clock(config),
        .count = count,
    };
    spread->hasher.bucket_count = regions;
    for (unsigned share = 0; share < count; share++)
        for (uint32_t region = weir_cache_first_region(regions, share, count);
             region < weir_cache_first_region(regions, share + 1, count); region++)
            spread->share_of_region[region] = (uint8_t)share;
}

void weir_spread_places(const struct weir_spread *spread, const struct weir_packet *packets,
                        const struct weir_packet_detail *details, size_t count, uint8_t *ret_shares)
{
    if (!weir_flow_more_needs_detail(&spread->more_mask))
        details = NULL;
    struct weir_flow_place places[BATCH];
    struct weir_flow_more_key more[BATCH];
    for (size_t done = 0; done < count; done += BATCH) {
        size_t size = count - done < BATCH ? count - done : BATCH;
        for (size_t i = 0; spread->has_more && i < size; i++) {
            const struct weir_packet *packet = &packets[done + i];
            more[i] = weir_flow_more_of(packet, details ? &details[packet->detail] : NULL,
                                        &spread->more_mask);
        }
        spread->hash(&spread->hasher, packets + done, spread->has_more ? more : NULL, places, size);
        for (size_t i = 0; i < size; i++)
            ret_shares[done + i] = spread->share_of_region[places[i].bucket];
    }
}

static void tell(struct weir_spread *spread, unsigned share, uint8_t flags, weir_spread_give *give,
                 void *context)
{
    struct weir_packet clock = {
        .time_ns = weir_cache_time_ns(spread->clock.now),
        .flags = (uint8_t)(WEIR_PACKET_CLOCK | flags),
    };
    give(context, share, &clock);
    spread->told[share] = spread->clock.now;
}

static void tell_all(struct weir_spread *spread, uint8_t flags, weir_spread_give *give,
                     void *context)
{
    for (unsigned share = 0; share < spread->count; share++)
        tell(spread, share, flags, give, context);
}

void weir_spread_packet(struct weir_spread *spread, const struct weir_packet *packet, uint8_t share,
                        weir_spread_give *give, void *context)
{
    uint64_t time = weir_cache_time(packet->time_ns);
    switch (weir_meter_clock_take(&spread->clock, time)) {
    case WEIR_METER_CLOCK_GOES_ON:
        break;
    case WEIR_METER_CLOCK_STARTS: /* all sweep from here on, also who has no flow yet */
    case WEIR_METER_CLOCK_TICKS:
        tell_all(spread, 0, give, context);
        break;
    case WEIR_METER_CLOCK_WAS_BACK:
        weir_meter_clock_start(&spread->clock, time);
        tell_all(spread, WEIR_PACKET_CLOCK_WAS_BACK, give, context);
        break;
    case WEIR_METER_CLOCK_IS_LATE:
        if (spread->told[share] != spread->clock.now)
            tell(spread, share, 0, give, context);
        break;
    }
    spread->told[share] = spread->clock.now;
    give(context, share, packet);
}

void weir_spread_finish(struct weir_spread *spread, weir_spread_give *give, void *context)
{
    if (spread->clock.started)
        tell_all(spread, 0, give, context);
    weir_meter_clock_stop(&spread->clock);
    memset(spread->told, 0, sizeof(spread->told));
}
