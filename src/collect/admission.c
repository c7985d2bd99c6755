/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/admission.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"

#define WAYS     4u
#define BURST_NS WEIR_NS_PER_SECOND

struct range {
    struct weir_address first, last;
};

/*
 * A bucket as the time at which it is full again: each datagram moves that on by what one costs,
 * and it is never further off than a burst.
 */
struct bucket {
    struct weir_address address;
    int64_t full_ns; /* 0: no bucket; so 1970 is no time for one */
    uint64_t limited;
};

struct weir_admission {
    struct weir_hash_key hash_key;
    struct weir_admission_counters counters;
    int64_t cost_ns; /* of a datagram; 0: no limit */
    size_t set_mask;
    struct bucket *buckets; /* sets of WAYS */
    size_t range_count;     /* 0: all are allowed */
    struct range ranges[];  /* apart from each other, in order */
};

const struct weir_counter weir_admission_counter_table[] = {
    WEIR_COUNTER(struct weir_admission_counters, datagrams_not_allowed, DATAGRAMS,
                 "datagrams of addresses that --allow leaves out"),
    WEIR_COUNTER(struct weir_admission_counters, datagrams_limited, DATAGRAMS,
                 "datagrams past --exporter-rate; by address in the list `limited`"),
    WEIR_COUNTER(struct weir_admission_counters, limits_forgotten, ENTRIES,
                 "addresses whose rate was forgotten too early because there were too many"),
};
const size_t weir_admission_counter_count =
    sizeof(weir_admission_counter_table) / sizeof(weir_admission_counter_table[0]);

static int compare(struct weir_address a, struct weir_address b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low < b.low ? -1 : a.low > b.low;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct range *left = a, *right = b;
    return compare(left->first, right->first);
}

/* Two networks are apart, or one is in the other: of the latter the greater one stays. */
static void set_ranges(struct weir_admission *admission, const struct weir_network *networks,
                       size_t count)
{
    struct range *ranges = admission->ranges;
    for (size_t i = 0; i < count; i++)
        ranges[i] = (struct range){networks[i].address, weir_network_last(networks[i])};
    qsort(ranges, count, sizeof(ranges[0]), compare_ranges);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct range *last = kept > 0 ? &ranges[kept - 1] : NULL;
        if (!last || compare(ranges[i].first, last->last) > 0)
            ranges[kept++] = ranges[i];
        else if (compare(ranges[i].last, last->last) > 0)
            last->last = ranges[i].last;
    }
    admission->range_count = kept;
}

static int make_buckets(struct weir_admission *admission,
                        const struct weir_admission_config *config)
{
    size_t most = config->address_max ? config->address_max : WEIR_ADMISSION_ADDRESSES;
    size_t sets = 1;
    while (sets * WAYS * 2 <= most)
        sets *= 2;
    admission->set_mask = sets - 1;
    admission->buckets = calloc(sets * WAYS, sizeof(struct bucket));
    return admission->buckets ? 0 : WEIR_E_NOMEM;
}

int weir_admission_new(const struct weir_admission_config *config,
                       struct weir_admission **ret_admission)
{
    struct weir_admission *admission =
        calloc(1, sizeof(*admission) + config->network_count * sizeof(admission->ranges[0]));
    if (!admission)
        return WEIR_E_NOMEM;
    admission->hash_key = config->hash_key;
    if (config->network_count > 0)
        set_ranges(admission, config->networks, config->network_count);
    if (config->datagrams_per_second > 0) {
        admission->cost_ns = WEIR_NS_PER_SECOND / config->datagrams_per_second;
        if (make_buckets(admission, config) < 0) {
            free(admission);
            return WEIR_E_NOMEM;
        }
    }
    *ret_admission = admission;
    return 0;
}

void weir_admission_free(struct weir_admission *admission)
{
    if (!admission)
        return;
    free(admission->buckets);
    free(admission);
}

static bool is_allowed(const struct weir_admission *admission, struct weir_address address)
{
    /* The last range that begins at the address or before it. */
    size_t low = 0, high = admission->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(admission->ranges[middle].first, address) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return admission->range_count == 0 ||
           (low > 0 && compare(address, admission->ranges[low - 1].last) <= 0);
}

/* That of the address, in the place of another one if need be. */
static struct bucket *find_bucket(struct weir_admission *admission, struct weir_address address,
                                  int64_t now_ns)
{
    uint64_t hash = weir_hash(&admission->hash_key, &address, sizeof(address));
    struct bucket *set = &admission->buckets[(hash & admission->set_mask) * WAYS];
    struct bucket *fullest = set;
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].full_ns != 0 && weir_address_equal(set[i].address, address))
            return &set[i];
        if (set[i].full_ns < fullest->full_ns)
            fullest = &set[i];
    }
    admission->counters.limits_forgotten += fullest->full_ns > now_ns;
    *fullest = (struct bucket){.address = address, .full_ns = now_ns};
    return fullest;
}

static bool is_within_rate(struct weir_admission *admission, const struct weir_datagram *datagram)
{
    int64_t now_ns = datagram->received_ns > 0 ? datagram->received_ns : 1;
    if (now_ns > INT64_MAX - BURST_NS)
        now_ns = INT64_MAX - BURST_NS;
    struct bucket *bucket = find_bucket(admission, datagram->source, now_ns);
    int64_t ahead_ns = bucket->full_ns - now_ns;
    /* More than a burst ahead: the clock was set back. */
    if (ahead_ns < 0 || ahead_ns > BURST_NS)
        ahead_ns = 0;
    bool is_within = ahead_ns + admission->cost_ns <= BURST_NS;
    if (is_within)
        ahead_ns += admission->cost_ns;
    else
        bucket->limited++;
    bucket->full_ns = now_ns + ahead_ns;
    return is_within;
}

size_t weir_admission_filter(struct weir_admission *admission,
                             const struct weir_datagram *datagrams, size_t count,
                             struct weir_datagram *admitted)
{
    size_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        const struct weir_datagram *datagram = &datagrams[i];
        if (!is_allowed(admission, datagram->source))
            admission->counters.datagrams_not_allowed++;
        else if (admission->cost_ns > 0 && !is_within_rate(admission, datagram))
            admission->counters.datagrams_limited++;
        else
            admitted[taken++] = *datagram;
    }
    return taken;
}

void weir_admission_apply(struct weir_admission *admission, const struct weir_datagram **datagrams,
                          size_t *count, struct weir_datagram *room)
{
    if (!admission)
        return;
    *count = weir_admission_filter(admission, *datagrams, *count, room);
    *datagrams = room;
}

const struct weir_admission_counters *weir_admission_count(const struct weir_admission *admission)
{
    return &admission->counters;
}

int weir_admission_limited(const struct weir_admission *admission, size_t *position,
                           struct weir_address *ret_address, uint64_t *ret_datagrams)
{
    size_t count = admission->buckets ? (admission->set_mask + 1) * WAYS : 0;
    while (*position < count) {
        const struct bucket *bucket = &admission->buckets[(*position)++];
        if (bucket->limited == 0)
            continue;
        *ret_address = bucket->address;
        *ret_datagrams = bucket->limited;
        return 0;
    }
    return WEIR_E_NOT_FOUND;
}
