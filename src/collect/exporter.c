/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/exporter.h"

#include <stdlib.h>
#include <string.h>

int weir_exporters_init(struct weir_exporters *exporters, uint32_t expected,
                        const struct weir_hash_key *hash_key)
{
    uint32_t buckets = 16;
    while (buckets < expected && buckets < UINT32_C(1) << 24)
        buckets *= 2;
    *exporters = (struct weir_exporters){
        .hash_key = *hash_key,
        .buckets = calloc(buckets, sizeof(struct weir_exporter *)),
        .bucket_mask = buckets - 1,
    };
    weir_slots_init(&exporters->slots, sizeof(struct weir_exporter));
    return exporters->buckets ? 0 : WEIR_E_NOMEM;
}

void weir_exporters_configure(struct weir_exporters *exporters,
                              const struct weir_exporter_setting *settings, size_t count)
{
    exporters->settings = settings;
    exporters->setting_count = count;
}

void weir_exporters_done(struct weir_exporters *exporters)
{
    weir_slots_done(&exporters->slots);
    free(exporters->buckets);
    *exporters = (struct weir_exporters){0};
}

static struct weir_exporter **link_of(const struct weir_exporters *exporters,
                                      const struct weir_exporter_key *key)
{
    uint64_t hash = weir_hash(&exporters->hash_key, key, sizeof(*key));
    struct weir_exporter **link = &exporters->buckets[hash & exporters->bucket_mask];
    while (*link && memcmp(&(*link)->key, key, sizeof(*key)) != 0)
        link = &(*link)->next;
    return link;
}

/* Takes over what is configured for its address, the widest networks first. */
static void configure(const struct weir_exporters *exporters, struct weir_exporter *exporter)
{
    int sampling_length = -1, skew_length = -1;
    for (size_t i = 0; i < exporters->setting_count; i++) {
        const struct weir_exporter_setting *setting = &exporters->settings[i];
        int length = setting->network.prefix_length;
        if (!weir_network_contains(setting->network, exporter->key.address))
            continue;
        if (setting->sampling.denominator > 0 && length >= sampling_length) {
            exporter->override = setting->sampling;
            sampling_length = length;
        }
        if (setting->has_skew && length >= skew_length) {
            exporter->skew_mode = setting->skew_mode;
            exporter->skew_ns = setting->skew_ns;
            skew_length = length;
        }
    }
}

int weir_exporters_get(struct weir_exporters *exporters, const struct weir_exporter_key *key,
                       struct weir_exporter **ret_exporter)
{
    struct weir_exporter **link = link_of(exporters, key);
    if (!*link) {
        struct weir_exporter *exporter = weir_slots_take(&exporters->slots);
        if (!exporter)
            return WEIR_E_NOMEM;
        exporter->key = *key;
        configure(exporters, exporter);
        *link = exporter;
    }
    (*link)->sessions++;
    *ret_exporter = *link;
    return 0;
}

void weir_exporter_release(struct weir_exporters *exporters, struct weir_exporter *exporter,
                           struct weir_budget *budget)
{
    if (!exporter || --exporter->sessions > 0)
        return;
    *link_of(exporters, &exporter->key) = exporter->next;
    weir_sampling_done(&exporter->sampling, budget);
    weir_slots_give_back(&exporters->slots, exporter);
}
