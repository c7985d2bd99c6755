/* SPDX-License-Identifier: Apache-2.0 */
#include "query/scan_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define SLOT_BITS_FIRST 10u
#define ROWS_FIRST      (UINT64_C(1) << (SLOT_BITS_FIRST - 1))

uint64_t weir_scan_secret(void)
{
    struct weir_hash_key key;
    /* Without randomness the answer is as right, and only the time it takes can be aimed at. */
    if (weir_hash_key_random(&key) < 0)
        weir_hash_key_seed(&key, 0);
    return key.round[0][0] | 1;
}

int weir_scan_groups_init(struct weir_scan_groups *groups, unsigned key_words, unsigned sum_count,
                          uint64_t limit)
{
    *groups = (struct weir_scan_groups){
        .key_words = key_words,
        .stride = key_words + 1 + sum_count,
        .slot_bits = SLOT_BITS_FIRST,
        .capacity = ROWS_FIRST,
        .limit = limit,
        .seed = weir_scan_secret(),
    };
    groups->rows = malloc(ROWS_FIRST * groups->stride * sizeof(*groups->rows));
    groups->slots = calloc(UINT64_C(1) << SLOT_BITS_FIRST, sizeof(*groups->slots));
    if (groups->rows && groups->slots)
        return 0;
    weir_scan_groups_done(groups);
    return WEIR_E_NOMEM;
}

void weir_scan_groups_done(struct weir_scan_groups *groups)
{
    free(groups->rows);
    free(groups->slots);
    *groups = (struct weir_scan_groups){0};
}

static uint64_t hash(const struct weir_scan_groups *groups, const uint64_t *key)
{
    uint64_t hash = groups->seed;
    for (unsigned i = 0; i < groups->key_words; i++) {
        hash = (hash ^ key[i]) * groups->seed;
        hash ^= hash >> 32;
    }
    return hash * groups->seed;
}

static uint64_t slot_of(const struct weir_scan_groups *groups, uint64_t hash)
{
    return hash >> (64 - groups->slot_bits);
}

/* Twice the room. The slots hold too little of the hashes to be moved without the keys. */
static int grow(struct weir_scan_groups *groups)
{
    uint64_t *rows = realloc(groups->rows, 2 * groups->capacity * groups->stride * sizeof(*rows));
    if (!rows)
        return WEIR_E_NOMEM;
    groups->rows = rows;
    uint64_t *slots = calloc(UINT64_C(1) << (groups->slot_bits + 1), sizeof(*slots));
    if (!slots)
        return WEIR_E_NOMEM;
    free(groups->slots);
    groups->slots = slots;
    groups->slot_bits++;
    groups->capacity *= 2;
    uint64_t mask = (UINT64_C(1) << groups->slot_bits) - 1;
    for (uint64_t i = 0; i < groups->count; i++) {
        uint64_t of_row = hash(groups, weir_scan_groups_row(groups, i));
        uint64_t slot = slot_of(groups, of_row);
        while (slots[slot])
            slot = (slot + 1) & mask;
        slots[slot] = of_row << 32 | (i + 1);
    }
    return 0;
}

static uint64_t *add(struct weir_scan_groups *groups, const uint64_t *key, uint64_t of_key,
                     uint64_t slot)
{
    groups->slots[slot] = of_key << 32 | (groups->count + 1);
    uint64_t *row = weir_scan_groups_row(groups, groups->count++);
    memcpy(row, key, groups->key_words * sizeof(*key));
    memset(row + groups->key_words, 0, (groups->stride - groups->key_words) * sizeof(*row));
    return row;
}

static bool is_key(const struct weir_scan_groups *groups, const uint64_t *row, const uint64_t *key)
{
    uint64_t difference = 0;
    for (unsigned i = 0; i < groups->key_words; i++)
        difference |= row[i] ^ key[i];
    return difference == 0;
}

uint64_t *weir_scan_groups_find(struct weir_scan_groups *groups, const uint64_t *key)
{
    if (groups->count == groups->capacity && groups->count < groups->limit &&
        (groups->error = grow(groups)) < 0)
        return NULL;
    uint64_t of_key = hash(groups, key), mask = (UINT64_C(1) << groups->slot_bits) - 1;
    uint64_t slot = slot_of(groups, of_key), entry;
    for (; (entry = groups->slots[slot]) != 0; slot = (slot + 1) & mask) {
        uint64_t *row = weir_scan_groups_row(groups, (entry & UINT32_MAX) - 1);
        if (entry >> 32 == (of_key & UINT32_MAX) && is_key(groups, row, key))
            return row;
    }
    if (groups->count >= groups->limit) {
        groups->error = WEIR_E_LIMIT;
        return NULL;
    }
    return add(groups, key, of_key, slot);
}
