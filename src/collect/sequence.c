/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/sequence.h"

#include <string.h>

#include "base/clock.h"

/* Messages after the first one during which one sent before it may still arrive, and from where. */
#define EARLY_MESSAGES_MAX 16u
#define EARLY_UNITS_MAX    1024u

/* sysUpTime has to fall, and the moment of the start to move, by more than reordering explains. */
#define RESTART_MS       10000
#define UPTIME_WRAP_HIGH UINT32_C(0xf0000000)
#define UPTIME_WRAP_LOW  UINT32_C(0x10000000)

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t sum(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void remove_hole(struct weir_sequence *sequence, uint32_t index)
{
    sequence->hole_count--;
    memmove(&sequence->holes[index], &sequence->holes[index + 1],
            (sequence->hole_count - index) * sizeof(sequence->holes[0]));
}

static void settle_oldest(struct weir_sequence *sequence)
{
    const struct weir_sequence_hole *hole = &sequence->holes[0];
    sequence->settled_lost += hole->length - hole->slack;
    sequence->settled_unknown += hole->slack;
    remove_hole(sequence, 0);
}

static void settle_all(struct weir_sequence *sequence)
{
    while (sequence->hole_count > 0)
        settle_oldest(sequence);
}

static void add_hole(struct weir_sequence *sequence, uint32_t start, uint32_t length,
                     uint32_t slack)
{
    if (length == 0)
        return;
    if (sequence->hole_count == WEIR_SEQUENCE_HOLES)
        settle_oldest(sequence);
    sequence->holes[sequence->hole_count++] = (struct weir_sequence_hole){
        .start = start,
        .length = length,
        .slack = least(slack, length),
    };
}

/* Index of the hole that `number` is in, or WEIR_SEQUENCE_HOLES. */
static uint32_t find_hole(const struct weir_sequence *sequence, uint32_t number)
{
    for (uint32_t i = 0; i < sequence->hole_count; i++)
        if (number - sequence->holes[i].start < sequence->holes[i].length)
            return i;
    return WEIR_SEQUENCE_HOLES;
}

/* Fills `units` from sequence->at on; returns how many of them were missing. */
static uint32_t fill_hole(struct weir_sequence *sequence, uint32_t units, uint32_t slack)
{
    uint32_t index = find_hole(sequence, sequence->at);
    if (index == WEIR_SEQUENCE_HOLES)
        return 0;
    struct weir_sequence_hole hole = sequence->holes[index];
    uint32_t before = sequence->at - hole.start;
    uint32_t filled = least(units, hole.length - before);
    uint32_t after = hole.length - before - filled;

    /* The slack of the message before the hole stays with its first part. */
    sequence->holes[index].length = before;
    sequence->holes[index].slack = least(hole.slack, before);
    if (before == 0)
        remove_hole(sequence, index);
    uint32_t after_slack = before == 0 ? sum(slack, hole.slack) : slack;
    add_hole(sequence, sequence->at + filled, after, after_slack);
    return filled;
}

static void start(struct weir_sequence *sequence, const struct weir_sequence_header *header)
{
    settle_all(sequence);
    sequence->started = true;
    sequence->next = header->number;
    sequence->floor = header->number;
    sequence->slack = 0;
    sequence->early_messages = 0;
    sequence->uptime_ms = header->uptime_ms;
    sequence->export_time_ns = header->export_time_ns;
}

/* The exporter's clock of uptime began again, which is neither its wrap nor reordering. */
static bool uptime_restarted(const struct weir_sequence *sequence,
                             const struct weir_sequence_header *header)
{
    if (!header->has_uptime || header->uptime_ms >= sequence->uptime_ms)
        return false;
    if (sequence->uptime_ms >= UPTIME_WRAP_HIGH && header->uptime_ms <= UPTIME_WRAP_LOW)
        return false;
    int64_t was = sequence->export_time_ns - sequence->uptime_ms * WEIR_NS_PER_MS;
    int64_t is = header->export_time_ns - header->uptime_ms * WEIR_NS_PER_MS;
    return is - was > RESTART_MS * WEIR_NS_PER_MS;
}

void weir_sequence_begin(struct weir_sequence *sequence, const struct weir_sequence_header *header)
{
    sequence->is_late = false;
    sequence->is_duplicate = false;
    sequence->at = header->number;
    if (!sequence->started) {
        start(sequence, header);
        return;
    }
    uint32_t ahead = header->number - sequence->next;
    bool is_behind = ahead > INT32_MAX;
    uint32_t distance = is_behind ? 0 - ahead : ahead;
    bool is_newer = header->export_time_ns > sequence->export_time_ns;

    if (distance > 0 && (distance > header->leap || uptime_restarted(sequence, header))) {
        sequence->restarts++;
        start(sequence, header);
        return;
    }
    if (is_behind) {
        if (find_hole(sequence, header->number) != WEIR_SEQUENCE_HOLES) {
            sequence->is_late = true;
        } else if (is_newer) {
            /* A message sent after all others cannot repeat one of them. */
            sequence->restarts++;
            start(sequence, header);
        } else if (sequence->early_messages < EARLY_MESSAGES_MAX &&
                   sequence->floor - header->number - 1 < EARLY_UNITS_MAX) {
            /* Sent before the first one that came, and overtaken by it. */
            add_hole(sequence, header->number, sequence->floor - header->number, 0);
            sequence->floor = header->number;
            sequence->is_late = true;
        } else {
            sequence->is_duplicate = true;
        }
        return;
    }
    add_hole(sequence, sequence->next, distance, sequence->slack);
    sequence->next = header->number;
    if (distance > 0)
        sequence->slack = 0;
    sequence->uptime_ms = header->uptime_ms;
    if (is_newer)
        sequence->export_time_ns = header->export_time_ns;
    if (sequence->early_messages < EARLY_MESSAGES_MAX)
        sequence->early_messages++;
}

void weir_sequence_waited(struct weir_sequence *sequence, uint32_t units)
{
    for (uint32_t i = 0; i < sequence->hole_count && units > 0;) {
        struct weir_sequence_hole *hole = &sequence->holes[i];
        uint32_t take = least(units, hole->slack);
        hole->start += take;
        hole->length -= take;
        hole->slack -= take;
        units -= take;
        if (hole->length == 0)
            remove_hole(sequence, i);
        else
            i++;
    }
    uint32_t take = least(units, sequence->slack);
    sequence->next += take;
    sequence->slack -= take;
    units -= take;
    uint64_t settled = units < sequence->settled_unknown ? units : sequence->settled_unknown;
    sequence->settled_unknown -= settled;
    /* What fills no gap came in a message that had come before. */
    sequence->duplicate_units += units - settled;
}

void weir_sequence_end(struct weir_sequence *sequence, uint32_t units, uint32_t slack)
{
    if (sequence->is_late) {
        uint32_t filled = fill_hole(sequence, units, slack);
        sequence->duplicate_units += units - filled;
        sequence->late_messages++;
    } else if (sequence->is_duplicate) {
        /* A message of Templates alone moves no number and may stand anywhere. */
        sequence->duplicate_units += units;
        sequence->duplicate_messages += units > 0;
    } else {
        /* A message without records may have been sent before those that nobody could decode. */
        sequence->slack = units > 0 ? slack : sum(sequence->slack, slack);
        sequence->next += units;
    }
}

void weir_sequence_resolved(struct weir_sequence *sequence)
{
    sequence->settled_lost += sequence->settled_unknown;
    sequence->settled_unknown = 0;
    sequence->slack = 0;
    for (uint32_t i = 0; i < sequence->hole_count; i++)
        sequence->holes[i].slack = 0;
}

void weir_sequence_restart(struct weir_sequence *sequence)
{
    sequence->started = false;
}

uint64_t weir_sequence_lost(const struct weir_sequence *sequence)
{
    uint64_t lost = sequence->settled_lost;
    for (uint32_t i = 0; i < sequence->hole_count; i++)
        lost += sequence->holes[i].length - sequence->holes[i].slack;
    return lost;
}

uint64_t weir_sequence_unknown(const struct weir_sequence *sequence)
{
    uint64_t unknown = sequence->settled_unknown;
    for (uint32_t i = 0; i < sequence->hole_count; i++)
        unknown += sequence->holes[i].slack;
    return unknown;
}
