/* SPDX-License-Identifier: Apache-2.0 */
#include "app/metering.h"

#include <stdatomic.h>
#include <stdlib.h>

struct weir_metering {
    struct weir_cache_config configs[WEIR_METERING_DEFINITIONS_MAX];
    struct weir_cache *caches[WEIR_METERING_DEFINITIONS_MAX];
    unsigned definition_count;
    uint32_t *if_index;
    struct weir_select *select;
    struct weir_batch_sink sinks[WEIR_METERING_SINKS_MAX];
    unsigned sink_count;
    atomic_bool has_failed;
};

unsigned weir_metering_definitions(const struct weir_metering_config *config,
                                   struct weir_flow_definition *ret_definitions)
{
    unsigned count = config->definition_count ? config->definition_count : 1;
    for (unsigned i = 0; i < count; i++)
        ret_definitions[i] =
            config->definition_count ? config->definitions[i] : config->cache.definition;
    return count;
}

bool weir_metering_some_sample(const struct weir_metering_config *processes, unsigned count)
{
    for (unsigned i = 0; i < count && count > 1; i++) {
        struct weir_sampling_design design =
            weir_sampling_design_of(processes[i].selectors, processes[i].selector_count);
        if (!weir_sampling_is_all(&design))
            return true;
    }
    return false;
}

static int make_caches(struct weir_metering *metering, const struct weir_metering_config *config,
                       const struct weir_metering_place *place,
                       const struct weir_flow_definition *definitions)
{
    metering->if_index = calloc(place->if_count + 1, sizeof(*metering->if_index));
    if (!metering->if_index)
        return WEIR_E_NOMEM;
    for (uint32_t i = 0; i < place->if_count; i++)
        metering->if_index[i] = place->if_index[i];
    for (unsigned i = 0; i < metering->definition_count; i++) {
        struct weir_cache_config *cache = &metering->configs[i];
        *cache = config->cache;
        cache->definition = definitions[i];
        cache->tells_direction = place->tells_direction;
        cache->sampling = weir_select_design(metering->select);
        if (place->is_beside_samplers && weir_sampling_is_all(&cache->sampling))
            cache->sampling.interval = cache->sampling.size = 1;
        cache->if_index = metering->if_index;
        cache->if_count = place->if_count;
    }
    return 0;
}

int weir_metering_new(const struct weir_metering_config *config,
                      const struct weir_metering_place *place, struct weir_metering **ret_metering,
                      struct weir_diag *diag)
{
    struct weir_flow_definition definitions[WEIR_METERING_DEFINITIONS_MAX];
    if (config->definition_count > WEIR_METERING_DEFINITIONS_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "at most %u flow definitions are metered",
                             WEIR_METERING_DEFINITIONS_MAX);
    struct weir_metering *metering = calloc(1, sizeof(*metering));
    if (!metering)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to meter");
    metering->definition_count = weir_metering_definitions(config, definitions);
    const struct weir_select_config select = {
        .selectors = config->selectors,
        .selector_count = config->selector_count,
        .seed = config->seed,
        .stream = place->stream,
        .sequence_id = place->number + 1,
        .definitions = definitions,
        .definition_count = metering->definition_count,
        .if_index = place->is_live ? place->if_index : NULL,
        .if_count = place->if_count,
    };
    int result = weir_select_new(&select, &metering->select, diag);
    if (result == 0)
        result = make_caches(metering, config, place, definitions);
    if (result < 0) {
        weir_metering_free(metering);
        return result;
    }
    *ret_metering = metering;
    return 0;
}

void weir_metering_free(struct weir_metering *metering)
{
    if (!metering)
        return;
    for (unsigned i = 0; i < WEIR_METERING_DEFINITIONS_MAX; i++)
        weir_cache_free(metering->caches[i]);
    weir_select_free(metering->select);
    free(metering->if_index);
    free(metering);
}

const struct weir_cache_config *weir_metering_caches(const struct weir_metering *metering,
                                                     unsigned *ret_count)
{
    *ret_count = metering->definition_count;
    return metering->configs;
}

int weir_metering_open_caches(struct weir_metering *metering, struct weir_diag *diag)
{
    const struct weir_batch_sink sink = weir_metering_sink(metering);
    int result = 0;
    for (unsigned i = 0; i < metering->definition_count && result == 0; i++)
        result = weir_cache_new(&metering->configs[i], &sink, &metering->caches[i], diag);
    return result;
}

/* ---- Where records go ---- */

int weir_metering_add_sink(struct weir_metering *metering, const struct weir_batch_sink *sink,
                           struct weir_diag *diag)
{
    if (metering->sink_count == WEIR_METERING_SINKS_MAX)
        return weir_diag_set(diag, WEIR_E_LIMIT, "flows go to at most %u places",
                             WEIR_METERING_SINKS_MAX);
    metering->sinks[metering->sink_count++] = *sink;
    return 0;
}

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct weir_metering *metering = context;
    for (unsigned i = 0; i < metering->sink_count; i++) {
        const struct weir_batch_sink *sink = &metering->sinks[i];
        int result = sink->batch(sink->context, batch, diag);
        if (result < 0) {
            metering->has_failed = true;
            return result;
        }
    }
    return 0;
}

int weir_metering_flush(struct weir_metering *metering, int64_t now_ns, struct weir_diag *diag)
{
    for (unsigned i = 0; i < metering->sink_count; i++) {
        const struct weir_batch_sink *sink = &metering->sinks[i];
        int result = sink->flush(sink->context, now_ns, diag);
        if (result < 0) {
            metering->has_failed = true;
            return result;
        }
    }
    return 0;
}

static int take_flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    return weir_metering_flush(context, now_ns, diag);
}

struct weir_batch_sink weir_metering_sink(struct weir_metering *metering)
{
    return (struct weir_batch_sink){take_batch, take_flush, metering};
}

bool weir_metering_has_failed(const struct weir_metering *metering)
{
    return metering->has_failed;
}

/* ---- Packets ---- */

struct weir_select *weir_metering_select(const struct weir_metering *metering)
{
    return metering->select;
}

int weir_metering_take(struct weir_metering *metering, const struct weir_packet *packets,
                       const struct weir_packet_detail *details, size_t count,
                       struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < metering->definition_count && result == 0; i++)
        result = weir_cache_add_details(metering->caches[i], packets, details, count, diag);
    return result;
}

int weir_metering_advance(struct weir_metering *metering, int64_t now_ns, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < metering->definition_count && result == 0; i++)
        result = weir_cache_advance(metering->caches[i], now_ns, diag);
    return result;
}

int weir_metering_hand_on(struct weir_metering *metering, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < metering->definition_count && result == 0; i++)
        result = weir_cache_hand_on(metering->caches[i], diag);
    return result;
}

int weir_metering_finish(struct weir_metering *metering, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < metering->definition_count && result == 0; i++)
        if (metering->caches[i])
            result = weir_cache_finish(metering->caches[i], diag);
    return result;
}

int64_t weir_metering_now(const struct weir_metering *metering)
{
    return metering->caches[0] ? weir_cache_now(metering->caches[0]) : 0;
}

struct weir_cache_counters weir_metering_count(const struct weir_metering *metering)
{
    struct weir_cache_counters sum = {0};
    for (unsigned i = 0; i < metering->definition_count; i++) {
        if (!metering->caches[i])
            continue;
        struct weir_cache_counters one = weir_cache_counters(metering->caches[i]);
        weir_counter_add_all(weir_cache_counter_table, weir_cache_counter_count, &one, &sum);
    }
    return sum;
}
