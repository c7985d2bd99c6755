/* SPDX-License-Identifier: Apache-2.0 */
#include "store/dictionary.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define DIRECT_RANGE 65536u
#define SLOTS_FIRST  (1u << 12)
#define SLOTS_MAX    (1u << 17)
#define TRIAL_COUNT  4096u
#define TRIAL_MAX    3277u /* distinct values in the trial; more: the dictionary would not pay */

/* 2^64 divided by the golden ratio, odd: spreads neighbouring values over the upper bits. */
#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)

int weir_dictionary_init(struct weir_dictionary *dictionary, uint32_t value_count_max)
{
    *dictionary = (struct weir_dictionary){
        .values = malloc(WEIR_DICTIONARY_MAX * sizeof(*dictionary->values)),
        .ids = malloc((value_count_max + 8ul) * sizeof(*dictionary->ids)),
        .slots = malloc(SLOTS_MAX * sizeof(*dictionary->slots)),
        .table = malloc(DIRECT_RANGE * sizeof(*dictionary->table)),
        .seen = malloc(DIRECT_RANGE * sizeof(*dictionary->seen)),
    };
    if (dictionary->values && dictionary->ids && dictionary->slots && dictionary->table &&
        dictionary->seen)
        return 0;
    weir_dictionary_done(dictionary);
    return WEIR_E_NOMEM;
}

void weir_dictionary_done(struct weir_dictionary *dictionary)
{
    free(dictionary->values);
    free(dictionary->ids);
    free(dictionary->slots);
    free(dictionary->table);
    free(dictionary->seen);
    *dictionary = (struct weir_dictionary){0};
}

#define DEFINE_DIRECT(suffix, type)                                                            \
    static void mark_##suffix(const type *values, uint32_t count, uint64_t min, uint8_t *seen) \
    {                                                                                          \
        for (uint32_t i = 0; i < count; i++)                                                   \
            seen[values[i] - min] = 1;                                                         \
    }                                                                                          \
                                                                                               \
    static void map_##suffix(const type *values, uint32_t count, uint64_t min,                 \
                             const uint16_t *table, uint16_t *ids)                             \
    {                                                                                          \
        for (uint32_t i = 0; i < count; i++)                                                   \
            ids[i] = table[values[i] - min];                                                   \
    }

DEFINE_DIRECT(u8, uint8_t)
DEFINE_DIRECT(u16, uint16_t)
DEFINE_DIRECT(u32, uint32_t)
DEFINE_DIRECT(u64, uint64_t)

/* Gives the values that were seen their numbers: eight places at a time, most being empty. */
static void number_seen(struct weir_dictionary *dictionary, uint64_t min, uint32_t places)
{
    uint32_t count = 0;
    for (uint32_t first = 0; first < places; first += 8) {
        uint64_t seen = weir_load_le64(dictionary->seen + first);
        for (; seen; seen &= seen - 1) {
            uint32_t place = first + (uint32_t)__builtin_ctzll(seen) / 8;
            dictionary->values[count] = min + place;
            dictionary->table[place] = (uint16_t)count++;
        }
    }
    dictionary->count = count;
    dictionary->is_sorted = true;
}

bool weir_dictionary_direct(struct weir_dictionary *dictionary, const struct weir_values *values,
                            struct weir_range range)
{
    uint64_t spread = range.max - range.min;
    if (spread >= DIRECT_RANGE)
        return false;
    memset(dictionary->seen, 0, (spread + 8) / 8 * 8);
    switch (values->width) {
    case 1:
        mark_u8(values->data, values->count, range.min, dictionary->seen);
        break;
    case 2:
        mark_u16(values->data, values->count, range.min, dictionary->seen);
        break;
    case 4:
        mark_u32(values->data, values->count, range.min, dictionary->seen);
        break;
    default:
        mark_u64(values->data, values->count, range.min, dictionary->seen);
    }
    number_seen(dictionary, range.min, (uint32_t)spread + 1);
    return true;
}

void weir_dictionary_index(struct weir_dictionary *dictionary, const struct weir_values *values,
                           struct weir_range range)
{
    switch (values->width) {
    case 1:
        map_u8(values->data, values->count, range.min, dictionary->table, dictionary->ids);
        break;
    case 2:
        map_u16(values->data, values->count, range.min, dictionary->table, dictionary->ids);
        break;
    case 4:
        map_u32(values->data, values->count, range.min, dictionary->table, dictionary->ids);
        break;
    default:
        map_u64(values->data, values->count, range.min, dictionary->table, dictionary->ids);
    }
}

/* The hash table while it is filled. */
struct filling {
    struct weir_dictionary *dictionary;
    const struct weir_texts *texts; /* what is hashed, where it is not integers */
    const uint32_t *offsets;        /* of each text */
    uint32_t slot_count;            /* a power of two */
    unsigned shift;                 /* of a hash to a slot */
    uint32_t grow_at;               /* entries at which the table grows */
    uint32_t limit;                 /* most entries */
    uint32_t trial_end;             /* number of the value at which the trial is judged */
    uint64_t steps_left;            /* past slots that another value has */
};

static void set_slots(struct filling *filling, uint32_t slot_count)
{
    filling->slot_count = slot_count;
    filling->shift = 64 - (unsigned)__builtin_ctz(slot_count);
    filling->grow_at = slot_count == SLOTS_MAX ? UINT32_MAX : slot_count / 2;
    memset(filling->dictionary->slots, 0, slot_count * sizeof(uint16_t));
}

static struct filling begin_filling(struct weir_dictionary *dictionary, uint32_t value_count,
                                    uint32_t limit)
{
    struct filling filling = {
        .dictionary = dictionary,
        .limit =
            limit < WEIR_DICTIONARY_MAX ? limit : WEIR_DICTIONARY_MAX - 1, /* slots have 16 bits */
        .trial_end = limit < value_count ? TRIAL_COUNT : UINT32_MAX,
        /* A table half full takes about one step in two look-ups. */
        .steps_left = 4ull * value_count + 1024,
    };
    dictionary->count = 0;
    dictionary->is_sorted = false;
    set_slots(&filling, SLOTS_FIRST);
    return filling;
}

/* Whether to give up at value number `index`: nearly all before it were new. */
static inline bool trial_fails(const struct filling *filling, uint32_t index)
{
    return index == filling->trial_end && filling->dictionary->count > TRIAL_MAX;
}

static inline uint64_t hash_text(const struct filling *filling, uint32_t index)
{
    return XXH3_64bits(filling->texts->octets + filling->offsets[index],
                       filling->texts->lengths[index]);
}

/* Makes room in the table, placing each entry anew. */
static void grow_slots(struct filling *filling)
{
    struct weir_dictionary *dictionary = filling->dictionary;
    uint32_t wanted = filling->slot_count * 4;
    set_slots(filling, wanted < SLOTS_MAX ? wanted : SLOTS_MAX);
    for (uint32_t i = 0; i < dictionary->count; i++) {
        uint64_t value = dictionary->values[i];
        uint64_t hash = filling->texts ? hash_text(filling, (uint32_t)value) : value * MULTIPLIER;
        uint32_t slot = (uint32_t)(hash >> filling->shift);
        while (dictionary->slots[slot])
            slot = (slot + 1) & (filling->slot_count - 1);
        dictionary->slots[slot] = (uint16_t)(i + 1);
    }
}

#define GAVE_UP UINT32_MAX
#define BLOCK   64u

/* Adds an entry at a free slot; its index, or GAVE_UP at the limit. */
static inline uint32_t add_entry(struct filling *filling, uint32_t slot, uint64_t value)
{
    struct weir_dictionary *dictionary = filling->dictionary;
    if (dictionary->count >= filling->limit)
        return GAVE_UP;
    uint32_t index = dictionary->count++;
    dictionary->values[index] = value;
    dictionary->slots[slot] = (uint16_t)(index + 1);
    if (dictionary->count >= filling->grow_at)
        grow_slots(filling);
    return index;
}

/* The index of `value`, added where it is new, or GAVE_UP. */
static inline uint32_t find_or_add(struct filling *filling, uint64_t value)
{
    const struct weir_dictionary *dictionary = filling->dictionary;
    uint32_t slot = (uint32_t)(value * MULTIPLIER >> filling->shift);
    uint32_t entry;
    while ((entry = dictionary->slots[slot]) != 0) {
        if (dictionary->values[entry - 1] == value)
            return entry - 1;
        if (filling->steps_left-- == 0)
            return GAVE_UP;
        slot = (slot + 1) & (filling->slot_count - 1);
    }
    return add_entry(filling, slot, value);
}

/*
 * A block of values at a time: first every slot is read, then every entry compared, which the
 * processor does for many values at once; only what was not found in its first slot goes through
 * find_or_add, one after the other.
 */
#define DEFINE_HASH(suffix, type)                                                          \
    static bool hash_##suffix(struct filling *filling, const type *values, uint32_t count) \
    {                                                                                      \
        const struct weir_dictionary *dictionary = filling->dictionary;                    \
        for (uint32_t first = 0; first < count; first += BLOCK, values += BLOCK) {         \
            uint32_t left = count - first, block = left < BLOCK ? left : BLOCK;            \
            uint16_t *ids = dictionary->ids + first, entries[BLOCK];                       \
            uint64_t missing = 0;                                                          \
            if (trial_fails(filling, first))                                               \
                return false;                                                              \
            for (uint32_t i = 0; i < block; i++)                                           \
                entries[i] = dictionary->slots[values[i] * MULTIPLIER >> filling->shift];  \
            for (uint32_t i = 0; i < block; i++) {                                         \
                uint32_t id = (uint32_t)entries[i] - (entries[i] ? 1u : 0u);               \
                bool found = entries[i] != 0 && dictionary->values[id] == values[i];       \
                ids[i] = (uint16_t)id;                                                     \
                missing |= (uint64_t)!found << i;                                          \
            }                                                                              \
            for (; missing; missing &= missing - 1) {                                      \
                unsigned i = (unsigned)__builtin_ctzll(missing);                           \
                uint32_t index = find_or_add(filling, values[i]);                          \
                if (index == GAVE_UP)                                                      \
                    return false;                                                          \
                ids[i] = (uint16_t)index;                                                  \
            }                                                                              \
        }                                                                                  \
        return true;                                                                       \
    }

DEFINE_HASH(u32, uint32_t)
DEFINE_HASH(u64, uint64_t)

bool weir_dictionary_hash(struct weir_dictionary *dictionary, const struct weir_values *values,
                          uint32_t limit)
{
    struct filling filling = begin_filling(dictionary, values->count, limit);
    if (values->width == 8)
        return hash_u64(&filling, values->data, values->count);
    return hash_u32(&filling, values->data, values->count);
}

static bool same_text(const struct filling *filling, uint32_t a, uint32_t b)
{
    const struct weir_texts *texts = filling->texts;
    return texts->lengths[a] == texts->lengths[b] &&
           memcmp(texts->octets + filling->offsets[a], texts->octets + filling->offsets[b],
                  texts->lengths[a]) == 0;
}

static uint32_t find_or_add_text(struct filling *filling, uint32_t index)
{
    const struct weir_dictionary *dictionary = filling->dictionary;
    uint32_t slot = (uint32_t)(hash_text(filling, index) >> filling->shift);
    uint32_t entry;
    while ((entry = dictionary->slots[slot]) != 0) {
        if (same_text(filling, (uint32_t)dictionary->values[entry - 1], index))
            return entry - 1;
        if (filling->steps_left-- == 0)
            return GAVE_UP;
        slot = (slot + 1) & (filling->slot_count - 1);
    }
    return add_entry(filling, slot, index);
}

bool weir_dictionary_texts(struct weir_dictionary *dictionary, const struct weir_texts *texts,
                           uint32_t limit, uint32_t *offsets)
{
    uint32_t offset = 0;
    for (uint32_t i = 0; i < texts->count; i++) {
        offsets[i] = offset;
        offset += texts->lengths[i];
    }
    struct filling filling = begin_filling(dictionary, texts->count, limit);
    filling.texts = texts;
    filling.offsets = offsets;
    for (uint32_t i = 0; i < texts->count; i++) {
        uint32_t index = trial_fails(&filling, i) ? GAVE_UP : find_or_add_text(&filling, i);
        if (index == GAVE_UP)
            return false;
        dictionary->ids[i] = (uint16_t)index;
    }
    return true;
}
