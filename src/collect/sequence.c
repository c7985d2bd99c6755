/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/sequence.h"

/* Distances that are no loss any more but a new start: what a fast exporter sends in a minute. */
#define LEAP_RECORDS  (UINT32_C(1) << 24)
#define LEAP_MESSAGES (UINT32_C(1) << 20)

/* Messages in a row that make another way of counting the session's. */
#define RIVAL_MESSAGES 2u

/* What a number counts, by the way of counting. */
static const struct {
    bool with_own;     /* the records of its message, too */
    bool with_options; /* records of Options Templates, too */
    uint8_t sibling;   /* the way that differs in options only */
} ways[WEIR_SEQUENCE_COUNTINGS] = {
    [WEIR_SEQUENCE_BEFORE] = {false, true, WEIR_SEQUENCE_BEFORE_FLOWS},
    [WEIR_SEQUENCE_WITH] = {true, true, WEIR_SEQUENCE_WITH_FLOWS},
    [WEIR_SEQUENCE_BEFORE_FLOWS] = {false, false, WEIR_SEQUENCE_BEFORE},
    [WEIR_SEQUENCE_WITH_FLOWS] = {true, false, WEIR_SEQUENCE_WITH},
    [WEIR_SEQUENCE_OF_MESSAGES] = {false, false, WEIR_SEQUENCE_OF_MESSAGES},
};

/* Records as they are counted in this way. */
static uint32_t count(enum weir_sequence_counting counting, struct weir_sequence_records records)
{
    return records.flows + (ways[counting].with_options ? records.options : 0);
}

/* Whether the message directly follows the one that came last, if counted in this way. */
static bool fits(const struct weir_sequence *sequence, const struct weir_sequence_message *message,
                 enum weir_sequence_counting counting)
{
    uint32_t step = 1;
    if (counting != WEIR_SEQUENCE_OF_MESSAGES)
        step = count(counting, ways[counting].with_own ? message->held : sequence->previous_held);
    return message->number - sequence->previous_number == step;
}

/* Goes on as if the rival had been right from its first message on. */
static void change_counting(struct weir_sequence *sequence)
{
    bool was_of_messages = weir_sequence_is_of_messages(sequence);
    struct weir_ledger_sums sums = sequence->before;
    sequence->counting = sequence->rival;
    /* Units of another kind cannot be added up. */
    if (was_of_messages != weir_sequence_is_of_messages(sequence))
        sums = (struct weir_ledger_sums){.restarts = sequence->before.restarts};
    sequence->ledger = weir_ledger_resume(&sums);
    sequence->excluded = 0;
    sequence->rival_messages = 0;
}

/* Learns how the exporter counts. */
static void learn(struct weir_sequence *sequence, const struct weir_sequence_message *message)
{
    if (!sequence->has_previous || message->slack > 0)
        return;
    bool fits_ours = fits(sequence, message, sequence->counting);
    for (unsigned i = 0; i < WEIR_SEQUENCE_COUNTINGS; i++) {
        enum weir_sequence_counting other = (enum weir_sequence_counting)i;
        bool fits_other = fits(sequence, message, other);
        if (fits_ours && !fits_other)
            sequence->excluded |= (uint8_t)(1u << i);
        if (fits_ours || !fits_other || sequence->excluded & 1u << i)
            continue;
        if (sequence->rival_messages == 0)
            sequence->before = weir_ledger_sum(&sequence->ledger);
        else if (sequence->rival != other)
            continue;
        sequence->rival = other;
        sequence->rival_messages++;
        if (sequence->rival_messages == RIVAL_MESSAGES || ways[sequence->counting].sibling == i)
            change_counting(sequence);
        return;
    }
    /* What fits both says nothing; what fits not even the rival ends its row. */
    if (!fits(sequence, message, sequence->rival))
        sequence->rival_messages = 0;
}

void weir_sequence_take(struct weir_sequence *sequence, const struct weir_sequence_message *message)
{
    bool was_absent =
        message->export_time_ns - sequence->ledger.export_time_ns > WEIR_SEQUENCE_ABSENCE_NS;
    if (sequence->is_restored && was_absent)
        weir_sequence_restart(sequence);
    sequence->is_restored = false;
    if (!sequence->ledger.started && !sequence->has_previous)
        sequence->counting = message->counting;
    learn(sequence, message);
    sequence->has_previous = message->slack == 0;
    sequence->previous_number = message->number;
    sequence->previous_held = message->held;

    enum weir_sequence_counting counting = sequence->counting;
    struct weir_ledger_entry entry = {
        .number = message->number,
        .units = 1,
        .leap = LEAP_MESSAGES,
        .is_resolved = message->is_resolved,
        .has_uptime = message->has_uptime,
        .uptime_ms = message->uptime_ms,
        .export_time_ns = message->export_time_ns,
    };
    if (counting != WEIR_SEQUENCE_OF_MESSAGES) {
        entry.units = count(counting, message->held);
        entry.waited_units = count(counting, message->waited);
        entry.leap = LEAP_RECORDS;
        /* Where its own records are in its number, so are those that nobody could decode. */
        if (ways[counting].with_own) {
            entry.number -= entry.units;
            entry.slack_before = message->slack;
        } else {
            entry.slack = message->slack;
        }
    }
    weir_ledger_enter(&sequence->ledger, &entry);
}

bool weir_sequence_rebooted(const struct weir_sequence *sequence, int64_t export_time_ns,
                            uint32_t uptime_ms)
{
    const struct weir_ledger *ledger = &sequence->ledger;
    int64_t booted_ns = export_time_ns - uptime_ms * WEIR_NS_PER_MS;
    /* Headers have whole seconds. A wrap after 49 days looks the same but for the time of day. */
    return ledger->started && uptime_ms < ledger->uptime_ms &&
           !weir_ledger_is_wrap(ledger, uptime_ms) &&
           booted_ns > ledger->export_time_ns - WEIR_NS_PER_SECOND;
}

void weir_sequence_restart(struct weir_sequence *sequence)
{
    sequence->ledger.started = false;
    sequence->has_previous = false;
    sequence->rival_messages = 0;
    sequence->excluded = 0;
}
