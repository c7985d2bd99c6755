/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/fragment.h"

#include <stdlib.h>
#include <string.h>

#define WAYS 4

struct entry {
    struct weir_fragment_key key;
    int64_t time_ns;
    struct weir_fragment_value value;
    bool used;
};

struct weir_fragments {
    struct entry *entries;
    size_t set_mask;
    int64_t timeout_ns;
    struct weir_hash_key key;
};

int weir_fragments_new(uint32_t entries, int64_t timeout_ns, const struct weir_hash_key *key,
                       struct weir_fragments **ret_fragments)
{
    size_t sets = 1;
    while (sets * WAYS < entries)
        sets *= 2;
    struct weir_fragments *fragments = calloc(1, sizeof(*fragments));
    if (!fragments)
        return WEIR_E_NOMEM;
    fragments->entries = calloc(sets * WAYS, sizeof(fragments->entries[0]));
    if (!fragments->entries) {
        free(fragments);
        return WEIR_E_NOMEM;
    }
    fragments->set_mask = sets - 1;
    fragments->timeout_ns = timeout_ns;
    fragments->key = *key;
    *ret_fragments = fragments;
    return 0;
}

void weir_fragments_free(struct weir_fragments *fragments)
{
    if (!fragments)
        return;
    free(fragments->entries);
    free(fragments);
}

static struct entry *set_of(const struct weir_fragments *fragments,
                            const struct weir_fragment_key *key)
{
    _Static_assert(sizeof(*key) == 48, "no padding is hashed or compared");
    uint64_t hash = weir_hash(&fragments->key, key, sizeof(*key));
    return &fragments->entries[(hash & fragments->set_mask) * WAYS];
}

/* Captures are not always in order of time, so an entry also counts for packets from before it. */
static bool is_live(const struct weir_fragments *fragments, const struct entry *entry,
                    int64_t time_ns)
{
    uint64_t apart = time_ns >= entry->time_ns ? (uint64_t)time_ns - (uint64_t)entry->time_ns
                                               : (uint64_t)entry->time_ns - (uint64_t)time_ns;
    return entry->used && apart <= (uint64_t)fragments->timeout_ns;
}

bool weir_fragments_add(struct weir_fragments *fragments, const struct weir_fragment_key *key,
                        const struct weir_fragment_value *value, int64_t time_ns)
{
    struct entry *set = set_of(fragments, key), *chosen = set;
    bool evicted = true;
    for (struct entry *entry = set; entry < set + WAYS; entry++) {
        if (entry->used && memcmp(&entry->key, key, sizeof(*key)) == 0) {
            chosen = entry;
            evicted = false;
            break;
        }
        if (!is_live(fragments, entry, time_ns)) {
            chosen = entry;
            evicted = false;
        } else if (evicted && entry->time_ns < chosen->time_ns) {
            chosen = entry;
        }
    }
    *chosen = (struct entry){.key = *key, .time_ns = time_ns, .value = *value, .used = true};
    return evicted;
}

const struct weir_fragment_value *weir_fragments_find(const struct weir_fragments *fragments,
                                                      const struct weir_fragment_key *key,
                                                      int64_t time_ns)
{
    const struct entry *set = set_of(fragments, key);
    for (const struct entry *entry = set; entry < set + WAYS; entry++)
        if (is_live(fragments, entry, time_ns) && memcmp(&entry->key, key, sizeof(*key)) == 0)
            return &entry->value;
    return NULL;
}
