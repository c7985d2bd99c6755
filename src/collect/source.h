/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Exporting Process a message is of, where an address alone does not say: learned source
 * ports. Private to collect/.
 *
 * Some exporters send each message from another port, and count on; others share an address behind
 * a NAT, and each counts for itself under the same Template ids. So a session is one source of a
 * family with the same address, Observation Domain and protocol, and a message is
 *
 *  1. of the source that has sent from its port before;
 *  2. else of the one whose count it continues to the record: that one changes ports;
 *  3. else of one that is known to change ports, where the number is near;
 *  4. else of a new source, with Templates and a ledger of its own: another device, or the same one
 *     after a restart, whose Templates are void (RFC 7011 section 8: a new Transport Session).
 *
 * What this gets wrong at first is put right: a port with two counts that each go on by themselves
 * is split off (weir_source_strays); a source that is found to change ports takes over those of a
 * single message, and when there are WEIR_SOURCE_SINGLES_MAX of those, with numbers that say
 * nothing, one source has all ports. Templates that come from two live sources are never mixed: it
 * is at worst a single message of a Template that waits for its repetition.
 *
 * A number that has not moved on since the message before (NetFlow v9 always does) is no evidence:
 * two exporters that have just started both say 0.
 *
 * Open value, zero at first. Limits: WEIR_SOURCE_PORTS of one, of which the oldest is forgotten;
 * WEIR_SOURCES_MAX of a family, of which the longest idle goes. Threads: one.
 */
#ifndef WEIR_COLLECT_SOURCE_H
#define WEIR_COLLECT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/sequence.h"

#define WEIR_SOURCE_PORTS       4u
#define WEIR_SOURCES_MAX        64u
#define WEIR_SOURCE_SINGLES_MAX 16u

/* What is known of a message before it is read. */
struct weir_arrival {
    uint16_t port;
    bool has_number;
    uint32_t number;
};

/* Numbers that the next message has if none is lost. */
struct weir_expectation {
    bool is_known;
    uint32_t number; /* of the message before */
    uint32_t low;
    uint32_t span; /* past low: exporters count records of Options Templates, or do not */
};

struct weir_source_port {
    uint16_t port;
    struct weir_expectation next;
};

struct weir_source {
    struct weir_expectation next;
    uint8_t port_count;
    uint8_t messages;    /* up to 255 */
    uint8_t hops;        /* ports that were changed, and the count went on */
    uint8_t steady;      /* messages in a row from one port */
    bool has_every_port; /* but those of the others */
    struct weir_source_port ports[WEIR_SOURCE_PORTS]; /* newest first */
};

bool weir_source_has_port(const struct weir_source *source, uint16_t port);

/* Rule 2 and rule 3. */
bool weir_source_is_continued(const struct weir_source *source, const struct weir_arrival *arrival);
bool weir_source_is_near(const struct weir_source *source, const struct weir_arrival *arrival);

/*
 * Whether the message, from a port of this source, goes on with the count of that port and not with
 * that of the source: then they are two.
 */
bool weir_source_strays(const struct weir_source *source, const struct weir_arrival *arrival);

/* The source changes ports, as far as is known. */
bool weir_source_hops(const struct weir_source *source);

void weir_source_add_port(struct weir_source *source, uint16_t port);
void weir_source_drop_port(struct weir_source *source, uint16_t port);

/* Enters a message that has been read: how its session counts, and what it held. */
void weir_source_enter(struct weir_source *source, const struct weir_arrival *arrival,
                       enum weir_sequence_counting counting,
                       const struct weir_sequence_message *message);

#endif
