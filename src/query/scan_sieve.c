/* SPDX-License-Identifier: Apache-2.0 */
#include "query/scan_sieve.h"

#include <stdlib.h>
#include <string.h>

#include "query/scan.h"
#include "query/scan_groups.h"

#define BUCKET_BITS 16u
#define BUCKETS     (1u << BUCKET_BITS)

/* A leaf of the keys. */
struct key {
    uint64_t multiplier; /* in the hash */
    const struct weir_leaf_values *values;
    uint32_t *of_entries; /* the hash of each entry of a dictionary; NULL: none was met */
};

struct weir_scan_sieve {
    uint64_t sums[BUCKETS];
    uint8_t kept[BUCKETS];
    uint64_t bound; /* the greatest bucket that is not kept */
    struct key keys[WEIR_SCAN_WORDS_MAX];
    unsigned key_count;
};

int weir_scan_sieve_new(struct weir_scan_sieve **ret_sieve)
{
    struct weir_scan_sieve *sieve = calloc(1, sizeof(*sieve));
    if (!sieve)
        return WEIR_E_NOMEM;
    for (unsigned k = 0; k < WEIR_SCAN_WORDS_MAX; k++)
        sieve->keys[k].multiplier = weir_scan_secret();
    *ret_sieve = sieve;
    return 0;
}

void weir_scan_sieve_free(struct weir_scan_sieve *sieve)
{
    if (!sieve)
        return;
    for (unsigned k = 0; k < WEIR_SCAN_WORDS_MAX; k++)
        free(sieve->keys[k].of_entries);
    free(sieve);
}

static uint32_t hash_value(uint64_t value, uint64_t multiplier)
{
    return (uint32_t)(value * multiplier >> 32);
}

int weir_scan_sieve_open_rows(struct weir_scan_sieve *sieve,
                              const struct weir_leaf_values *const *keys, unsigned key_count)
{
    sieve->key_count = key_count;
    for (unsigned k = 0; k < key_count; k++) {
        struct key *key = &sieve->keys[k];
        const struct weir_leaf_values *values = key->values = keys[k];
        if (values->entry_count > 0 && !key->of_entries &&
            !(key->of_entries = malloc(WEIR_PAGES_ENTRIES_MAX * sizeof(*key->of_entries))))
            return WEIR_E_NOMEM;
        for (uint32_t i = 0; i < values->entry_count; i++)
            key->of_entries[i] = hash_value(values->entries[i], key->multiplier);
    }
    return 0;
}

/* Adds the hashes of values to those of their rows. */
static void add_values(const uint64_t *values, uint64_t multiplier, uint32_t count,
                       uint32_t *restrict hashes)
{
    for (uint32_t i = 0; i < count; i++)
        hashes[i] += hash_value(values[i], multiplier);
}

static void add_entries(const uint16_t *ids, const uint32_t *of_entries, uint32_t count,
                        uint32_t *restrict hashes)
{
    for (uint32_t i = 0; i < count; i++)
        hashes[i] += of_entries[ids[i]];
}

/* What is none is one value among others: it has to be the same. */
static void add_those_there(const struct weir_leaf_values *values, uint64_t multiplier,
                            uint32_t first, uint32_t count, uint32_t *restrict hashes)
{
    for (uint32_t i = 0; i < count; i++)
        if (values->has[first + i])
            hashes[i] += hash_value(weir_leaf_value(values, first + i), multiplier);
}

void weir_scan_sieve_hash(const struct weir_scan_sieve *sieve, uint32_t first, uint32_t count,
                          uint32_t *ret_hashes)
{
    memset(ret_hashes, 0, count * sizeof(*ret_hashes));
    for (unsigned k = 0; k < sieve->key_count; k++) {
        const struct key *key = &sieve->keys[k];
        const struct weir_leaf_values *values = key->values;
        if (values->has)
            add_those_there(values, key->multiplier, first, count, ret_hashes);
        else if (values->entry_count > 0)
            add_entries(values->ids + first, key->of_entries, count, ret_hashes);
        else
            add_values(values->values + first, key->multiplier, count, ret_hashes);
    }
}

static uint32_t bucket_of(uint32_t hash)
{
    return hash >> (32 - BUCKET_BITS);
}

void weir_scan_sieve_add(struct weir_scan_sieve *sieve, const uint32_t *hashes,
                         const uint64_t *weights, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        sieve->sums[bucket_of(hashes[i])] += weights[i];
}

/* The value that `rank` others are not less than, of `count` > rank; moves them about. */
static uint64_t select_greatest(uint64_t *values, uint64_t count, uint64_t rank)
{
    uint64_t first = 0, last = count - 1;
    while (first < last) {
        uint64_t pivot = values[first + (last - first) / 2], i = first, j = last;
        for (;; i++, j--) {
            while (values[i] > pivot)
                i++;
            while (values[j] < pivot)
                j--;
            if (i >= j)
                break;
            uint64_t other = values[i];
            values[i] = values[j];
            values[j] = other;
        }
        /* [first, j] are not less than the pivot, what follows is not greater. */
        if (rank <= j)
            last = j;
        else
            first = j + 1;
    }
    return values[rank];
}

int weir_scan_sieve_keep(struct weir_scan_sieve *sieve, uint64_t count)
{
    uint64_t *sums = malloc(sizeof(sieve->sums));
    if (!sums)
        return WEIR_E_NOMEM;
    memcpy(sums, sieve->sums, sizeof(sieve->sums));
    sieve->bound = select_greatest(sums, BUCKETS, count < BUCKETS ? count : BUCKETS - 1);
    free(sums);
    for (unsigned i = 0; i < BUCKETS; i++)
        sieve->kept[i] = sieve->sums[i] > sieve->bound;
    return 0;
}

uint64_t weir_scan_sieve_bound(const struct weir_scan_sieve *sieve)
{
    return sieve->bound;
}

unsigned weir_scan_sieve_choose(const struct weir_scan_sieve *sieve, const uint32_t *hashes,
                                uint32_t first, uint32_t *rows, unsigned count)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        uint32_t row = rows[i];
        rows[kept] = row;
        kept += sieve->kept[bucket_of(hashes[row - first])];
    }
    return kept;
}
