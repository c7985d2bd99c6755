/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/ledger.h"

#include <string.h>

#include "base/clock.h"

/* Messages after the first one during which one sent before it may still arrive, and from where. */
#define EARLY_MESSAGES_MAX 16u
#define EARLY_UNITS_MAX    1024u

/* sysUpTime has to fall, and the moment of the start to move, by more than reordering explains. */
#define RESTART_MS       10000
#define UPTIME_WRAP_HIGH UINT32_C(0xf0000000)
#define UPTIME_WRAP_LOW  UINT32_C(0x10000000)

/* Where a message stands in the count. */
enum place {
    IN_ORDER, /* perhaps after a hole */
    LATE,     /* in a hole */
    DUPLICATE,
    COUNTED_BEFORE, /* by the run that this one continues */
};

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t sum(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void remove_hole(struct weir_ledger *ledger, uint32_t index)
{
    ledger->hole_count--;
    memmove(&ledger->holes[index], &ledger->holes[index + 1],
            (ledger->hole_count - index) * sizeof(ledger->holes[0]));
}

static void settle_oldest(struct weir_ledger *ledger)
{
    const struct weir_hole *hole = &ledger->holes[0];
    ledger->settled_lost += hole->length - hole->slack;
    ledger->settled_unknown += hole->slack;
    remove_hole(ledger, 0);
}

static void add_hole(struct weir_ledger *ledger, uint32_t first, uint32_t length, uint32_t slack)
{
    if (length == 0)
        return;
    if (ledger->hole_count == WEIR_LEDGER_HOLES)
        settle_oldest(ledger);
    ledger->holes[ledger->hole_count++] = (struct weir_hole){
        .start = first,
        .length = length,
        .slack = least(slack, length),
    };
}

/* Index of the hole that `number` is in, or WEIR_LEDGER_HOLES. */
static uint32_t find_hole(const struct weir_ledger *ledger, uint32_t number)
{
    for (uint32_t i = 0; i < ledger->hole_count; i++)
        if (number - ledger->holes[i].start < ledger->holes[i].length)
            return i;
    return WEIR_LEDGER_HOLES;
}

/* Fills `units` from `number` on; returns how many of them were missing. */
static uint32_t fill_hole(struct weir_ledger *ledger, uint32_t number, uint32_t units,
                          uint32_t slack)
{
    uint32_t index = find_hole(ledger, number);
    if (index == WEIR_LEDGER_HOLES)
        return 0;
    struct weir_hole hole = ledger->holes[index];
    uint32_t before = number - hole.start;
    uint32_t filled = least(units, hole.length - before);
    uint32_t after = hole.length - before - filled;

    /* The slack of the message before the hole stays with its first part. */
    ledger->holes[index].length = before;
    ledger->holes[index].slack = least(hole.slack, before);
    if (before == 0)
        remove_hole(ledger, index);
    add_hole(ledger, number + filled, after, before == 0 ? sum(slack, hole.slack) : slack);
    return filled;
}

static void start(struct weir_ledger *ledger, const struct weir_ledger_entry *entry)
{
    while (ledger->hole_count > 0)
        settle_oldest(ledger);
    ledger->started = true;
    ledger->is_continued = false;
    ledger->next = entry->number;
    ledger->floor = entry->number;
    ledger->slack = 0;
    ledger->early_messages = 0;
    ledger->uptime_ms = entry->uptime_ms;
    ledger->export_time_ns = entry->export_time_ns;
}

bool weir_ledger_is_wrap(const struct weir_ledger *ledger, uint32_t uptime_ms)
{
    return ledger->uptime_ms >= UPTIME_WRAP_HIGH && uptime_ms <= UPTIME_WRAP_LOW;
}

/* The exporter's clock of uptime began again, which is neither its wrap nor reordering. */
static bool uptime_restarted(const struct weir_ledger *ledger,
                             const struct weir_ledger_entry *entry)
{
    if (!entry->has_uptime || entry->uptime_ms >= ledger->uptime_ms)
        return false;
    if (weir_ledger_is_wrap(ledger, entry->uptime_ms))
        return false;
    int64_t was = ledger->export_time_ns - ledger->uptime_ms * WEIR_NS_PER_MS;
    int64_t is = entry->export_time_ns - entry->uptime_ms * WEIR_NS_PER_MS;
    return is - was > RESTART_MS * WEIR_NS_PER_MS;
}

/* A message whose number is below the one expected. */
static enum place find_place_behind(struct weir_ledger *ledger,
                                    const struct weir_ledger_entry *entry)
{
    if (find_hole(ledger, entry->number) != WEIR_LEDGER_HOLES)
        return LATE;
    if (entry->export_time_ns > ledger->export_time_ns) {
        /* A message sent after all others cannot repeat one of them. */
        ledger->restarts++;
        start(ledger, entry);
        return IN_ORDER;
    }
    if (ledger->is_continued && ledger->floor - entry->number - 1 < EARLY_UNITS_MAX)
        return COUNTED_BEFORE;
    if (ledger->early_messages < EARLY_MESSAGES_MAX &&
        ledger->floor - entry->number - 1 < EARLY_UNITS_MAX) {
        /* Sent before the first one that came, and overtaken by it. */
        add_hole(ledger, entry->number, ledger->floor - entry->number, 0);
        ledger->floor = entry->number;
        return LATE;
    }
    return DUPLICATE;
}

/* Finds the message's place, and makes the hole before it. */
static enum place find_place(struct weir_ledger *ledger, const struct weir_ledger_entry *entry)
{
    if (!ledger->started) {
        start(ledger, entry);
        return IN_ORDER;
    }
    uint32_t ahead = entry->number - ledger->next;
    bool is_behind = ahead > INT32_MAX;
    uint32_t distance = is_behind ? 0 - ahead : ahead;
    if (distance > 0 && (distance > entry->leap || uptime_restarted(ledger, entry))) {
        ledger->restarts++;
        start(ledger, entry);
        return IN_ORDER;
    }
    if (is_behind)
        return find_place_behind(ledger, entry);
    add_hole(ledger, ledger->next, distance, sum(ledger->slack, entry->slack_before));
    ledger->next = entry->number;
    if (distance > 0)
        ledger->slack = 0;
    ledger->uptime_ms = entry->uptime_ms;
    if (entry->export_time_ns > ledger->export_time_ns)
        ledger->export_time_ns = entry->export_time_ns;
    if (ledger->early_messages < EARLY_MESSAGES_MAX)
        ledger->early_messages++;
    return IN_ORDER;
}

/* `units` of earlier messages were decoded: they are no longer unknown, oldest first. */
static void enter_waited(struct weir_ledger *ledger, uint32_t units)
{
    if (units == 0)
        return;
    uint64_t settled = units < ledger->settled_unknown ? units : ledger->settled_unknown;
    ledger->settled_unknown -= settled;
    units -= (uint32_t)settled;
    for (uint32_t i = 0; i < ledger->hole_count && units > 0;) {
        struct weir_hole *hole = &ledger->holes[i];
        uint32_t take = least(units, hole->slack);
        hole->start += take;
        hole->length -= take;
        hole->slack -= take;
        units -= take;
        if (hole->length == 0)
            remove_hole(ledger, i);
        else
            i++;
    }
    uint32_t take = least(units, ledger->slack);
    ledger->next += take;
    ledger->slack -= take;
    /* What fills no gap came in a message that had come before. */
    ledger->duplicate_units += units - take;
}

/* All that could not be decoded has been: what still lacks is lost. */
static void resolve(struct weir_ledger *ledger)
{
    ledger->slack = 0;
    /* Nothing to resolve is what most messages find; what it would go to need not be fetched. */
    if (ledger->settled_unknown > 0)
        ledger->settled_lost += ledger->settled_unknown;
    ledger->settled_unknown = 0;
    for (uint32_t i = 0; i < ledger->hole_count; i++)
        ledger->holes[i].slack = 0;
}

void weir_ledger_enter(struct weir_ledger *ledger, const struct weir_ledger_entry *entry)
{
    enum place place = find_place(ledger, entry);
    enter_waited(ledger, entry->waited_units);
    if (entry->is_resolved)
        resolve(ledger);
    switch (place) {
    case IN_ORDER:
        /* A message without records may have been sent before those that nobody could decode. */
        ledger->slack = entry->units > 0 ? entry->slack : sum(ledger->slack, entry->slack);
        ledger->next += entry->units;
        break;
    case LATE:
        ledger->duplicate_units +=
            entry->units - fill_hole(ledger, entry->number, entry->units, entry->slack);
        ledger->late_messages++;
        break;
    case COUNTED_BEFORE:
        ledger->late_messages++;
        break;
    case DUPLICATE:
        /* A message of Templates alone moves no number and may stand anywhere. */
        ledger->duplicate_units += entry->units;
        ledger->duplicate_messages += entry->units > 0;
        break;
    }
}

uint64_t weir_ledger_lost(const struct weir_ledger *ledger)
{
    uint64_t lost = ledger->settled_lost;
    for (uint32_t i = 0; i < ledger->hole_count; i++)
        lost += ledger->holes[i].length - ledger->holes[i].slack;
    return lost;
}

uint64_t weir_ledger_unknown(const struct weir_ledger *ledger)
{
    uint64_t unknown = ledger->settled_unknown;
    for (uint32_t i = 0; i < ledger->hole_count; i++)
        unknown += ledger->holes[i].slack;
    return unknown;
}

struct weir_ledger_sums weir_ledger_sum(const struct weir_ledger *ledger)
{
    return (struct weir_ledger_sums){
        .unknown = weir_ledger_unknown(ledger),
        .lost = weir_ledger_lost(ledger),
        .duplicate_units = ledger->duplicate_units,
        .late_messages = ledger->late_messages,
        .duplicate_messages = ledger->duplicate_messages,
        .restarts = ledger->restarts,
    };
}

struct weir_ledger weir_ledger_resume(const struct weir_ledger_sums *sums)
{
    return (struct weir_ledger){
        .settled_unknown = sums->unknown,
        .settled_lost = sums->lost,
        .duplicate_units = sums->duplicate_units,
        .late_messages = sums->late_messages,
        .duplicate_messages = sums->duplicate_messages,
        .restarts = sums->restarts,
    };
}
