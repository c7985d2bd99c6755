/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow cache of the Metering Process (RFC 5470 section 5.1, RFC 7011 section 2): packets in,
 * Flow Records out as column batches.
 *
 * There are three kinds (RFC 6728 section 4.3). In a normal cache a flow ends, and its record
 * leaves with the flowEndReason (Information Element 136) in brackets,
 *   - when no packet of it came for longer than the idle timeout [1];
 *   - when its TCP connection has ended [3]: after a RST, or a FIN in both directions, both
 *     directions' flows take what still comes (the last ACK, a repeated FIN) and end once nothing
 *     came for `linger_ns`, or at once when a SYN opens a new connection. A SYN on a flow whose
 *     own FIN was seen ends it too. Flow definitions without the whole 5-tuple, or with the
 *     length of packets beside it, have no connections, and this reason does not occur;
 *   - when it is forced [4]: at the end of the input;
 *   - when room is needed [5]: the longest silent flow of the new one's set goes. Silence is
 *     known to 1/128 of the shortest timeout, or of half an hour where all are longer, and no
 *     further than that, so a flow that was silent a little shorter may go in its place.
 * A flow whose connection has ended goes with [3] in the latter two cases, too.
 * A record leaves, and the flow goes on in its entry (RFC 5470 section 5.1.1 (3)),
 *   - when it began longer ago than the active timeout [2];
 *   - when it is its portion's turn [2]: with interval_ns, each time that Unix time is m times it,
 *     the flows whose portion is m modulo `portions` are reported, each so once in portions times
 *     interval_ns. A flow's portion is bits 8 to 23 of its hash times `portions` over 2^16;
 *   - when a counter cannot hold more (2^32 packets, 2^48 octets) [5].
 * The next record begins with the first packet after, with counters and flags from zero; of a
 * biflow the direction stays, and that a FIN was seen is remembered. An entry in which nothing came
 * since its record makes no further one; it goes as its flow would end, or, without an idle
 * timeout, after an active timeout or the time between two reports.
 * Of a biflow all this is judged by the packets of both directions. A connection's reset or FINs
 * are then those of the one flow. Timeouts may differ by protocol where that is a key. Whatever
 * came first counts, whenever the cache gets to it: when the cache looks for flows that are due
 * never shows in a record's values, except by lack of room.
 *
 * In an immediate cache every packet is a record: flows with a timeout of zero [1] (RFC 5470
 * section 5.1.1 (1)). In a permanent cache flows never end and are reported by portions; counters
 * are deltas, of the packets since the last report (RFC 5102 section 5.10), so a flow without any
 * has no record; fields `totals` count on. There, what finds no room is not metered, but counted as
 * packets_no_room; as with [5] that may be a little before all entries are in use, since a region
 * or a set is full.
 *
 * Time is the packets' own: the latest time seen. A packet older than that counts as if it came at
 * the latest time, but for its flow's first and last time. Should WEIR_CACHE_STEP_PACKETS in a row
 * be older by more than the idle timeout, the packets' clock was set back: all flows are forced
 * out and time goes on from there. Without an idle timeout it is never held for that.
 *
 *     weir_cache_new(&config, &sink, &cache, &diag);
 *     weir_cache_add(cache, packets, count, &diag);     // any number of times
 *     weir_cache_finish(cache, &diag);                  // all flows leave
 *     weir_cache_free(cache);
 *
 * Records leave in an order that only depends on the packets and the hash key, in batches of one
 * shape: IPv4 or IPv6, ICMP or not. Threads: one owner. Limits: config.entries flows.
 *
 * Memory follows the flows: address space for all entries is reserved by weir_cache_new, of which
 * at most a 16th and 900 octets a flow are used while flows become more, and in the end about 200
 * octets an entry, or 128 octets an entry and 48 MB where that is less. Of biflows it is a third
 * more and of keys that are not NetFlow's seven two thirds, up to the same sum, or to about 165 and
 * 210 octets an entry where that is more. What a flood took is given back within an idle timeout
 * after its flows have ended. A packet waits for 64 sets of 32 flows at most to be divided, and
 * mostly for none; no record shows it.
 * Fields beyond counters take what their features do (meter/feature.h) for each of the slots, and
 * names and applications what they keep beside (meter/feature_engines.h).
 */
#ifndef WEIR_METER_CACHE_H
#define WEIR_METER_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/share.h"
#include "meter/biflow.h"
#include "meter/clock.h"
#include "meter/definition.h"
#include "meter/estimate.h"
#include "meter/flow_hash.h"
#include "meter/limits.h"
#include "record/batch.h"
#include "record/detail.h"
#include "record/packet.h"

struct weir_cache;

#define WEIR_CACHE_ENTRIES_MIN 1u
#define WEIR_CACHE_ENTRIES_MAX (1u << 30)
#define WEIR_CACHE_TIMEOUT_MIN WEIR_NS_PER_MS
#define WEIR_CACHE_TIMEOUT_MAX (INT64_C(604800) * WEIR_NS_PER_SECOND) /* 7 days */
#define WEIR_CACHE_BATCH_ROWS  1024u

enum weir_flow_end {
    WEIR_FLOW_END_IDLE = 1,
    WEIR_FLOW_END_ACTIVE = 2,
    WEIR_FLOW_END_DETECTED = 3,
    WEIR_FLOW_END_FORCED = 4,
    WEIR_FLOW_END_RESOURCES = 5,
};

/* RFC 6728 section 4.3. */
enum weir_cache_kind {
    WEIR_CACHE_NORMAL,
    WEIR_CACHE_IMMEDIATE,
    WEIR_CACHE_PERMANENT,
};

struct weir_cache_config {
    enum weir_cache_kind kind;
    struct weir_flow_definition definition;
    enum weir_biflow biflow; /* both directions are one flow, or not */
    struct weir_perimeter perimeter;
    uint32_t entries;  /* flows at once, WEIR_CACHE_ENTRIES_MIN to _MAX */
    int64_t idle_ns;   /* WEIR_CACHE_TIMEOUT_MIN to _MAX, or 0: none */
    int64_t active_ns; /* WEIR_CACHE_TIMEOUT_MIN to _MAX, or 0: none */
    struct weir_protocol_timeouts timeouts[WEIR_PROTOCOL_TIMEOUTS_MAX]; /* of some protocols */
    unsigned timeout_count;
    int64_t interval_ns; /* WEIR_CACHE_TIMEOUT_MIN to _MAX between two portions, or 0: none */
    uint32_t portions;   /* up to WEIR_CACHE_PORTIONS_MAX; 0 and 1: all flows are one */
    int64_t linger_ns;   /* silence after a connection's end; no more than idle_ns counts */
    uint32_t domain;     /* Observation Domain of the records */
    struct weir_hash_key hash_key;
    struct weir_share share;  /* of the flows, where several caches have one (meter/spread.h) */
    const uint32_t *if_index; /* ifIndex of each interface; copied */
    uint32_t if_count;        /* interfaces past these have ifIndex 0 */
    struct weir_sampling_design sampling; /* how its packets were chosen; records say it */
    bool tells_direction; /* records say whether packets came in or went out, and by what */
};

/* NetFlow's 7-tuple, 65,536 entries, idle 15 s, active 30 min, linger 2 s, the hash key of seed 0.
 */
struct weir_cache_config weir_cache_config_default(void);

struct weir_cache_counters {
    uint64_t packets_metered;
    uint64_t octets_metered;
    uint64_t packets_late;
    uint64_t packets_no_room;
    uint64_t octets_no_room;
    uint64_t flows_created;
    uint64_t flows_continued;
    uint64_t flows_exported;
    uint64_t flows_expired_idle;
    uint64_t flows_expired_active;
    uint64_t flows_expired_end;
    uint64_t flows_expired_forced;
    uint64_t flows_expired_resources;
    uint64_t flows_active;
    uint64_t flows_active_peak;
    uint64_t cache_entries;
    uint64_t cache_octets;
    uint64_t cache_octets_peak;
    uint64_t sets_split;
    uint64_t sets_merged;
    uint64_t clock_steps_back;
    uint64_t flows_named;
    uint64_t names_without_room;
    uint64_t applications_found;
    uint64_t applications_unknown;
    uint64_t applications_without_room;
};

extern const struct weir_counter weir_cache_counter_table[];
extern const size_t weir_cache_counter_count;

/*
 * 0, WEIR_E_NOMEM with diag, or WEIR_E_USAGE with diag for a value out of its range. The sink's
 * context must outlive the cache; its flush is not called.
 */
WEIR_CHECKED int weir_cache_new(const struct weir_cache_config *config,
                                const struct weir_batch_sink *sink, struct weir_cache **ret_cache,
                                struct weir_diag *diag);

/* The most shares that a cache of so many entries can have. */
uint32_t weir_cache_regions(uint32_t entries);

/* How such a cache hashes keys, but for the number of sets. */
struct weir_flow_hasher weir_cache_hasher(const struct weir_cache_config *config);

/* The columns that some record of a cache so configured may have. */
weir_column_set weir_cache_columns(const struct weir_cache_config *config);

/* The fields without a column that some may have. */
void weir_cache_extras(const struct weir_cache_config *config, struct weir_extra_fields *ret_extra);

/* Frees the cache with the flows still in it. NULL does nothing. */
void weir_cache_free(struct weir_cache *cache);

/*
 * Meters packets in the order given; more at once is faster (256 is plenty). 0, or the sink's
 * error: records that leave after it are lost, and the cache is only good to be freed.
 */
WEIR_CHECKED int weir_cache_add(struct weir_cache *cache, const struct weir_packet *packets,
                                size_t count, struct weir_diag *diag);

/*
 * The same for packets whose `detail` is their index in details[], for caches whose fields or keys
 * need it; without it these have nothing to tell.
 */
WEIR_CHECKED int weir_cache_add_details(struct weir_cache *cache, const struct weir_packet *packets,
                                        const struct weir_packet_detail *details, size_t count,
                                        struct weir_diag *diag);

/* Whether the records of a cache so configured need details of packets. */
bool weir_cache_needs_details(const struct weir_cache_config *config);

/* How many octets from the IP header on they look at; 0: at none. */
uint32_t weir_cache_network_octets(const struct weir_cache_config *config);

/*
 * For live input: says that it is now_ns (earlier than the packets' time: ignored), ends the
 * flows that are due and hands on the batches as they are. Results as weir_cache_add.
 */
WEIR_CHECKED int weir_cache_advance(struct weir_cache *cache, int64_t now_ns,
                                    struct weir_diag *diag);

/* Hands on the batches as they are, at the time of the packets. Results as weir_cache_add. */
WEIR_CHECKED int weir_cache_hand_on(struct weir_cache *cache, struct weir_diag *diag);

/*
 * Ends all flows, hands on all batches and forgets the time: the cache is as new but for its
 * counters. Results as weir_cache_add.
 */
WEIR_CHECKED int weir_cache_finish(struct weir_cache *cache, struct weir_diag *diag);

/* The latest packet time, by which flows are judged; 0 before the first packet. */
int64_t weir_cache_now(const struct weir_cache *cache);

/* The counters as they stand now. */
struct weir_cache_counters weir_cache_counters(const struct weir_cache *cache);

#endif
