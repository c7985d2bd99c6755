/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loss ledger of one session, in whatever unit its exporter's sequence numbers count
 * (collect/sequence.h tells which, RFC 7011 section 3.1, RFC 3954 section 5.1).
 *
 * What is missing between two messages is a hole. A hole is lost as long as nothing fills it; a
 * message that comes late fills its part again, a message that fills nothing is a duplicate. When
 * an exporter starts anew the ledger follows it: sysUpTime went back, or the number did although
 * the header's time went on, or the number leapt further than any loss. The first message sets it.
 *
 * A Data Set whose Template is unknown holds nobody knows how many records. Its octets bound them
 * (the slack); what then lacks next to it is unknown up to that bound, and lost past it. Sets that
 * are decoded later turn their records from unknown into received, and what lacks when none waits
 * any more is lost. Always holds:
 *
 *     units received - duplicate + lost + unknown = units sent since the first message
 *
 * but for those of the newest message that nobody could decode: how many they are shows the next.
 *
 *     struct weir_ledger_entry entry = {.number = 100, .units = 20, .leap = 1 << 24, ...};
 *     weir_ledger_enter(&ledger, &entry);
 *     lost = weir_ledger_lost(&ledger);
 *
 * Open value, zero at first. Limits: WEIR_LEDGER_HOLES, past which the oldest can no longer be
 * filled. Threads: one.
 */
#ifndef WEIR_COLLECT_LEDGER_H
#define WEIR_COLLECT_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_LEDGER_HOLES 16u

struct weir_hole {
    uint32_t start;
    uint32_t length;
    uint32_t slack; /* at most length: as many of it may have come under unknown Templates */
};

struct weir_ledger {
    bool started;
    bool is_continued; /* another run's: what is below the floor is in that one's count */
    uint32_t next;     /* number expected */
    uint32_t floor;    /* lowest number seen since the start */
    uint32_t slack;    /* after the newest message */
    uint32_t uptime_ms;
    int64_t export_time_ns;  /* newest seen */
    uint32_t early_messages; /* since the start, up to as many as may still come before it */
    uint32_t hole_count;
    uint64_t settled_unknown; /* of holes that are no longer kept */
    uint64_t settled_lost;
    uint64_t duplicate_units;
    uint64_t late_messages;
    uint64_t duplicate_messages;
    uint64_t restarts;
    struct weir_hole holes[WEIR_LEDGER_HOLES]; /* oldest first */
};

/* What a ledger has counted, its holes being settled: all that is left of it where it starts anew.
 */
struct weir_ledger_sums {
    uint64_t unknown;
    uint64_t lost;
    uint64_t duplicate_units;
    uint64_t late_messages;
    uint64_t duplicate_messages;
    uint64_t restarts;
};

/* A message. */
struct weir_ledger_entry {
    uint32_t number; /* of its first unit */
    uint32_t units;
    uint32_t waited_units; /* of messages before it, decoded with it */
    uint32_t
        slack_before; /* of its units that could not be decoded, how many at most are missing */
    uint32_t slack;   /* before its number, and how many after its units */
    uint32_t leap;    /* a distance of more than this is no loss but a new start */
    bool is_resolved; /* nothing waits any more, nor was given up */
    bool has_uptime;
    uint32_t uptime_ms;
    int64_t export_time_ns;
};

void weir_ledger_enter(struct weir_ledger *ledger, const struct weir_ledger_entry *entry);

/* Whether sysUpTime can have wrapped since the newest message, after its 49 days. */
bool weir_ledger_is_wrap(const struct weir_ledger *ledger, uint32_t uptime_ms);

/* Units lost, and units lost or not to be decoded, since the ledger was made. */
uint64_t weir_ledger_lost(const struct weir_ledger *ledger);
uint64_t weir_ledger_unknown(const struct weir_ledger *ledger);

/* What it has counted, and one that has counted so much and is started by its next message. */
struct weir_ledger_sums weir_ledger_sum(const struct weir_ledger *ledger);
struct weir_ledger weir_ledger_resume(const struct weir_ledger_sums *sums);

#endif
