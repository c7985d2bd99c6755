/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loss by sequence numbers (RFC 7011 section 3.1, RFC 3954 section 5.1): IPFIX counts Data
 * Records, NetFlow v5 flows, NetFlow v9 messages; one ledger a session, in those units.
 *
 * What is missing between two messages is a hole. A hole is lost as long as nothing fills it; a
 * message that comes late fills its part again, a message that fills nothing is a duplicate. When
 * an exporter starts anew the ledger follows it: sysUpTime went back, or the number did although
 * the header's time went on, or the number leapt further than any loss. The first message sets it.
 *
 * A Data Set whose Template is unknown holds nobody knows how many records. Its octets bound them
 * (the slack); what then lacks before the next message is unknown up to that bound, and lost past
 * it. Sets that are decoded later turn their records from unknown into received. Always holds:
 *
 *     units received - duplicate + lost + unknown = units sent since the first message
 *
 * but for those of the newest message that nobody could decode: how many they are shows the next.
 *
 *     weir_sequence_begin(&s, &header);           // before the message's sets are decoded
 *     weir_sequence_waited(&s, records);          // sets of earlier messages decoded meanwhile
 *     weir_sequence_end(&s, records, slack);      // what the message itself held
 *
 * Open value, zero at first. Limits: WEIR_SEQUENCE_HOLES, past which the oldest can no longer be
 * filled. Threads: one.
 */
#ifndef WEIR_COLLECT_SEQUENCE_H
#define WEIR_COLLECT_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_SEQUENCE_HOLES 16u

struct weir_sequence_hole {
    uint32_t start;
    uint32_t length;
    uint32_t slack; /* at most length: as many of it may have come under unknown Templates */
};

/* What the ledger needs of a message's header. */
struct weir_sequence_header {
    uint32_t number;
    uint32_t leap; /* a distance of more than this is no loss but a new start */
    int64_t export_time_ns;
    uint32_t uptime_ms;
    bool has_uptime;
};

struct weir_sequence {
    bool started;
    bool is_late;      /* the message begun fills a hole from `at` on */
    bool is_duplicate; /* the message begun fills nothing */
    uint32_t at;       /* number of the message begun */
    uint32_t next;     /* expected */
    uint32_t floor;    /* lowest number seen since the start */
    uint32_t slack;    /* of the newest message */
    uint32_t uptime_ms;
    int64_t export_time_ns; /* newest seen */
    uint64_t settled_lost;  /* of holes that are no longer kept */
    uint64_t settled_unknown;
    uint64_t duplicate_units;
    uint64_t late_messages;
    uint64_t duplicate_messages;
    uint64_t restarts;
    uint32_t early_messages; /* since the start, up to as many as may still come before it */
    uint32_t hole_count;
    struct weir_sequence_hole holes[WEIR_SEQUENCE_HOLES]; /* oldest first */
};

/* A message comes: finds its place, and the hole before it. */
void weir_sequence_begin(struct weir_sequence *sequence, const struct weir_sequence_header *header);

/* `units` of messages before the one begun were decoded now. */
void weir_sequence_waited(struct weir_sequence *sequence, uint32_t units);

/* The message begun held `units`, and at most `slack` more that could not be decoded. */
void weir_sequence_end(struct weir_sequence *sequence, uint32_t units, uint32_t slack);

/* All that could not be decoded has been: what still lacks is lost. */
void weir_sequence_resolved(struct weir_sequence *sequence);

/* The next message begins a new count, as the first did: its file is another one. */
void weir_sequence_restart(struct weir_sequence *sequence);

/* Units lost, and units lost or not to be decoded, since the ledger was made. */
uint64_t weir_sequence_lost(const struct weir_sequence *sequence);
uint64_t weir_sequence_unknown(const struct weir_sequence *sequence);

#endif
