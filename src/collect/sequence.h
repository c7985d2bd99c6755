/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an exporter counts in its sequence numbers, and what it lost by them (collect/ledger.h).
 *
 * IPFIX counts the Data Records before a message (RFC 7011 section 3.1), NetFlow v5, v7 and v8
 * flows, NetFlow v9 messages (RFC 3954 section 5.1); NetFlow v1 has no number. Not all exporters do
 * as they should. As long as a session's numbers have not shown that they do, two messages in a row
 * that fit another way of counting, and not this one, make it theirs; one is enough where only
 * records of Options Templates make the difference. What was taken for loss meanwhile is forgotten.
 *
 *     struct weir_sequence_message message = {.number = header.sequence, .held = records, ...};
 *     weir_sequence_take(&s, &message);
 *     lost = weir_ledger_lost(&s.ledger);
 *
 * Open value, zero at first. Threads: one.
 */
#ifndef WEIR_COLLECT_SEQUENCE_H
#define WEIR_COLLECT_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "collect/ledger.h"

/* What a message's number is. */
enum weir_sequence_counting {
    WEIR_SEQUENCE_BEFORE,       /* records sent before it: IPFIX, NetFlow v5, v7, v8 */
    WEIR_SEQUENCE_WITH,         /* records sent before it and in it */
    WEIR_SEQUENCE_BEFORE_FLOWS, /* as BEFORE, records of Options Templates left out */
    WEIR_SEQUENCE_WITH_FLOWS,   /* as WITH, likewise: softflowd 1.1 in IPFIX */
    WEIR_SEQUENCE_OF_MESSAGES,  /* messages sent before it: NetFlow v9 */
    WEIR_SEQUENCE_COUNTINGS,
};

/* Data Records by their kind. */
struct weir_sequence_records {
    uint32_t flows;
    uint32_t options;
};

/* What the ledger needs of a message. */
struct weir_sequence_message {
    enum weir_sequence_counting counting; /* that the protocol prescribes */
    uint32_t number;
    struct weir_sequence_records held;   /* by it, that were decoded */
    struct weir_sequence_records waited; /* of messages before it, decoded with it */
    uint32_t slack;                      /* most that may be in its sets without Template */
    bool is_resolved;                    /* nothing waits any more, nor was given up */
    bool has_uptime;
    uint32_t uptime_ms;
    int64_t export_time_ns;
};

/* Who did not send here for so long begins a new count after a restart of the collector. */
#define WEIR_SEQUENCE_ABSENCE_NS (86400 * WEIR_NS_PER_SECOND)

struct weir_sequence {
    enum weir_sequence_counting counting;
    enum weir_sequence_counting rival;
    uint8_t rival_messages; /* that fit the rival in a row */
    uint8_t excluded;       /* bit 1 << counting: did not fit where ours did */
    bool is_restored;       /* from a saved state, and no message has come yet */
    bool has_previous;      /* the message that came last can be counted from */
    uint32_t previous_number;
    struct weir_sequence_records previous_held;
    struct weir_ledger ledger;
    struct weir_ledger_sums before; /* the first message that fits the rival */
};

/* Enters a message. */
void weir_sequence_take(struct weir_sequence *sequence,
                        const struct weir_sequence_message *message);

/* The next message begins a new count, as the first did: its file is another one. */
void weir_sequence_restart(struct weir_sequence *sequence);

/*
 * Whether a message says by its sysUpTime that its exporter has started after the last one was
 * sent. Exporters of several clocks that take turns do not look so.
 */
bool weir_sequence_rebooted(const struct weir_sequence *sequence, int64_t export_time_ns,
                            uint32_t uptime_ms);

/* Whether the ledger counts messages, and not records. */
static inline bool weir_sequence_is_of_messages(const struct weir_sequence *sequence)
{
    return sequence->counting == WEIR_SEQUENCE_OF_MESSAGES;
}

#endif
