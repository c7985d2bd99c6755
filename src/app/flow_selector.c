/* SPDX-License-Identifier: Apache-2.0 */
#include "app/flow_selector.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/quantity.h"
#include "meter/selection.h"

#define HASH_RANGE (UINT64_C(1) << 32)

/* How near a fraction comes to what a hash selects, which is so many of 2^32. */
#define HASH_TOLERANCE 1e-6

#define FLOW_KEY_OCTETS 37u /* addresses, ports, protocol */

/* ---- what is asked ---- */

static int wrong(const char *spec, const char *wanted, struct weir_diag *diag)
{
    return weir_diag_set(diag, WEIR_E_USAGE, "'%.80s': %s", spec, wanted);
}

static int take_match(struct weir_flow_decider *decider, const char *text,
                      const struct weir_flow_selection_config *config, struct weir_diag *diag)
{
    decider->selector.kind = WEIR_FLOW_SELECTOR_MATCH;
    decider->selector.sample = decider->selector.population = 0;
    decider->selector.probability = 1;
    return weir_row_filter_new(text, &config->context, &decider->filter, diag);
}

static int take_threshold(struct weir_flow_decider *decider, const char *text,
                          struct weir_diag *diag)
{
    static const char *const units[] = {"bytes=", "packets="};
    struct weir_flow_selector *selector = &decider->selector;
    selector->kind = WEIR_FLOW_SELECTOR_THRESHOLD;
    selector->probability = 1;
    for (unsigned i = 0; i < 2; i++) {
        size_t length = strlen(units[i]);
        if (strncmp(text, units[i], length) != 0)
            continue;
        selector->is_of_packets = i == 1;
        if (weir_size_parse(text + length, &selector->threshold) == 0 && selector->threshold > 0)
            return 0;
    }
    return wrong(selector->text, "write bytes=Z or packets=Z, as in threshold:bytes=1M", diag);
}

/* As whole numbers: of a hash what its range of so many values really comes to. */
static struct weir_fraction fraction_of(const struct weir_selector *asked)
{
    if (asked->kind == WEIR_SELECTOR_HASH)
        return weir_fraction_of_real(asked->probability, HASH_TOLERANCE);
    return asked->sample > 0 ? weir_fraction_of(asked->sample, asked->population)
                             : weir_fraction_of_real(asked->probability, WEIR_FRACTION_OF_FLOAT64);
}

/* Kinds that are asked for as samplers of packets are. */
static int take_sampler(struct weir_flow_decider *decider, const char *spec, struct weir_diag *diag)
{
    static const struct {
        uint8_t of_packets, of_flows;
    } kinds[] = {
        {WEIR_SELECTOR_COUNT, WEIR_FLOW_SELECTOR_COUNT},
        {WEIR_SELECTOR_TIME, WEIR_FLOW_SELECTOR_TIME},
        {WEIR_SELECTOR_RANDOM, WEIR_FLOW_SELECTOR_RANDOM},
        {WEIR_SELECTOR_PROBABILITY, WEIR_FLOW_SELECTOR_PROBABILITY},
        {WEIR_SELECTOR_HASH, WEIR_FLOW_SELECTOR_HASH},
    };
    static const char wanted[] = "write count:n/N, random:n/N, time:ON/OFF, prob:P, hash:n/N, "
                                 "threshold:bytes=Z or match:FILTER";
    struct weir_selector asked;
    struct weir_flow_selector *selector = &decider->selector;
    int result = weir_selector_parse_sample(spec, &asked, diag);
    size_t i = 0;
    while (i < sizeof(kinds) / sizeof(kinds[0]) && kinds[i].of_packets != asked.kind)
        i++;
    bool is_of_payload = asked.kind == WEIR_SELECTOR_HASH && strchr(spec, ',') != NULL;
    if (result < 0 || i == sizeof(kinds) / sizeof(kinds[0]) || is_of_payload)
        return result == WEIR_E_NOMEM ? result : wrong(spec, wanted, diag);
    selector->kind = kinds[i].of_flows;
    selector->sample = asked.sample;
    selector->population = asked.population;
    selector->probability = asked.probability;
    decider->fraction = fraction_of(&asked);
    if (asked.kind == WEIR_SELECTOR_COUNT && decider->seed)
        decider->position =
            weir_random_below(&decider->random, (uint32_t)decider->selector.population);
    return decider->fraction.denominator > 0 ? 0 : wrong(spec, "that is too little", diag);
}

/* Each hash of a sequence has a function of its own: the second of one would leave nothing out. */
static uint32_t hashes_before(const char *const *specs, unsigned number)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < number; i++)
        count += strncmp(specs[i], "hash:", 5) == 0;
    return count;
}

int weir_flow_decider_init(struct weir_flow_decider *decider, const char *spec,
                           const struct weir_flow_selection_config *config, unsigned number,
                           struct weir_diag *diag)
{
    static const char match[] = "match:", threshold[] = "threshold:";
    *decider = (struct weir_flow_decider){
        .selector = {.id = number + 1, .text = spec},
        .seed = config->seed,
        .initialiser = (uint32_t)config->seed + hashes_before(config->specs, number),
        .random = {config->seed + number},
    };
    weir_hash_key_seed(&decider->hash_key, config->seed + number);
    if (strncmp(spec, match, strlen(match)) == 0)
        return take_match(decider, spec + strlen(match), config, diag);
    if (strncmp(spec, threshold, strlen(threshold)) == 0)
        return take_threshold(decider, spec + strlen(threshold), diag);
    return take_sampler(decider, spec, diag);
}

void weir_flow_decider_done(struct weir_flow_decider *decider)
{
    weir_row_filter_free(decider->filter);
    decider->filter = NULL;
}

/* ---- rows ---- */

struct rows {
    const struct weir_batch *batch;
    const struct weir_segment *segment;
};

static bool has(const struct rows *rows, enum weir_column column)
{
    return rows->segment->columns >> column & 1;
}

static uint64_t counter(const struct rows *rows, enum weir_column column, uint32_t row)
{
    return has(rows, column) ? weir_batch_u64(rows->batch, column)[rows->segment->first_row + row]
                             : 0;
}

/* Of both directions. */
static uint64_t octets_of(const struct rows *rows, uint32_t row)
{
    return counter(rows, WEIR_COLUMN_BYTES, row) + counter(rows, WEIR_COLUMN_REV_BYTES, row);
}

static uint64_t packets_of(const struct rows *rows, uint32_t row)
{
    return counter(rows, WEIR_COLUMN_PACKETS, row) + counter(rows, WEIR_COLUMN_REV_PACKETS, row);
}

static int64_t end_of(const struct rows *rows, uint32_t row)
{
    static const enum weir_column times[] = {WEIR_COLUMN_END, WEIR_COLUMN_START};
    for (unsigned i = 0; i < 2; i++)
        if (has(rows, times[i]))
            return weir_batch_time(rows->batch, times[i])[rows->segment->first_row + row];
    return rows->segment->received_ns;
}

/* A number that is another for each record, and the same for the same one: all it says is in it. */
static uint64_t draw(const struct weir_flow_decider *decider, const struct rows *rows, uint32_t row)
{
    uint64_t words[2 * WEIR_COLUMN_COUNT];
    size_t count = 0, at = rows->segment->first_row + row;
    for (unsigned i = WEIR_COLUMN_FIRST_OF_ROW; i < WEIR_COLUMN_COUNT; i++) {
        enum weir_column column = (enum weir_column)i;
        enum weir_column_type type = weir_column_info(column)->type;
        unsigned width = weir_column_width(type);
        if (!has(rows, column) || type == WEIR_COLUMN_TEXT)
            continue;
        if (type == WEIR_COLUMN_ADDRESS) {
            words[count++] = weir_batch_high(rows->batch, column)[at];
            words[count++] = weir_batch_low(rows->batch, column)[at];
            continue;
        }
        words[count] = 0;
        memcpy(&words[count++], (const uint8_t *)rows->batch->columns[i] + at * width, width);
    }
    return weir_hash(&decider->hash_key, words, count * sizeof(words[0]));
}

/* True with this probability. */
static bool is_drawn(const struct weir_flow_decider *decider, const struct rows *rows, uint32_t row,
                     double probability)
{
    return (double)(draw(decider, rows, row) >> 11) * 0x1p-53 < probability;
}

static void store_address(const struct rows *rows, enum weir_column column, uint32_t row,
                          uint8_t *octets)
{
    size_t at = rows->segment->first_row + row;
    if (!has(rows, column))
        return;
    weir_store_be64(octets, weir_batch_high(rows->batch, column)[at]);
    weir_store_be64(octets + 8, weir_batch_low(rows->batch, column)[at]);
}

static uint32_t hash_of_key(const struct weir_flow_decider *decider, const struct rows *rows,
                            uint32_t row)
{
    uint8_t octets[FLOW_KEY_OCTETS] = {0};
    size_t at = rows->segment->first_row + row;
    store_address(rows, WEIR_COLUMN_SRC_ADDR, row, octets);
    store_address(rows, WEIR_COLUMN_DST_ADDR, row, octets + 16);
    if (has(rows, WEIR_COLUMN_SRC_PORT))
        weir_store_be16(octets + 32, weir_batch_u16(rows->batch, WEIR_COLUMN_SRC_PORT)[at]);
    if (has(rows, WEIR_COLUMN_DST_PORT))
        weir_store_be16(octets + 34, weir_batch_u16(rows->batch, WEIR_COLUMN_DST_PORT)[at]);
    if (has(rows, WEIR_COLUMN_PROTOCOL))
        octets[36] = weir_batch_u8(rows->batch, WEIR_COLUMN_PROTOCOL)[at];
    return weir_bob_hash(octets, sizeof(octets), decider->initialiser);
}

/* ---- decisions ---- */

static bool take_turn(struct weir_flow_decider *decider, bool is_taken)
{
    decider->taken += is_taken;
    if (++decider->position == decider->selector.population)
        decider->position = decider->taken = 0;
    return is_taken;
}

/* Of what is left of the period as many as are still wanted, whichever they are. */
static bool take_random(struct weir_flow_decider *decider)
{
    uint64_t left = decider->selector.population - decider->position;
    uint64_t wanted = decider->selector.sample - decider->taken;
    return take_turn(decider, weir_random_below(&decider->random, (uint32_t)left) < wanted);
}

static bool decide(struct weir_flow_decider *decider, const struct rows *rows, uint32_t row)
{
    const struct weir_flow_selector *selector = &decider->selector;
    switch ((enum weir_flow_selector_kind)selector->kind) {
    case WEIR_FLOW_SELECTOR_COUNT:
        return take_turn(decider, decider->position < selector->sample);
    case WEIR_FLOW_SELECTOR_RANDOM:
        return take_random(decider);
    case WEIR_FLOW_SELECTOR_TIME:
        return (uint64_t)end_of(rows, row) % selector->population < selector->sample;
    case WEIR_FLOW_SELECTOR_PROBABILITY:
        return is_drawn(decider, rows, row, selector->probability);
    case WEIR_FLOW_SELECTOR_HASH:
        return hash_of_key(decider, rows, row) <
               HASH_RANGE * selector->sample / selector->population;
    case WEIR_FLOW_SELECTOR_MATCH:
    case WEIR_FLOW_SELECTOR_THRESHOLD:
    case WEIR_FLOW_SELECTOR_KIND_COUNT:
        break;
    }
    return true;
}

/* Notes that a row was selected with this probability, and stands for more by that. */
static void weigh(struct weir_flow_row *row, struct weir_fraction rate, double probability)
{
    double billionths = (double)row->probability * probability;
    row->probability = billionths < 1 ? 1 : (uint64_t)(billionths + 0.5);
    row->rate = rate.denominator > 0 ? rate : (struct weir_fraction){1, UINT32_MAX};
}

/*
 * Of an estimated size x the rate becomes x' / z for the x' that was observed, whatever it was
 * before: the estimate is z.
 */
static bool pass_threshold(const struct weir_flow_decider *decider, const struct rows *rows,
                           uint32_t row, struct weir_flow_row *state)
{
    const struct weir_flow_selector *selector = &decider->selector;
    enum weir_column column = selector->is_of_packets ? WEIR_COLUMN_PACKETS : WEIR_COLUMN_BYTES;
    uint64_t size = selector->is_of_packets ? packets_of(rows, row) : octets_of(rows, row);
    double probability = (double)size * state->rate.denominator / state->rate.numerator /
                         (double)selector->threshold;
    if (!has(rows, column) || probability >= 1)
        return true;
    if (!is_drawn(decider, rows, row, probability))
        return false;
    weigh(state, weir_fraction_of(size, selector->threshold), probability);
    return true;
}

static bool pass_sampler(struct weir_flow_decider *decider, const struct rows *rows, uint32_t row,
                         struct weir_flow_row *state)
{
    if (!decide(decider, rows, row))
        return false;
    weigh(state,
          weir_fraction_of((uint64_t)state->rate.numerator * decider->fraction.numerator,
                           (uint64_t)state->rate.denominator * decider->fraction.denominator),
          (double)decider->fraction.numerator / decider->fraction.denominator);
    return true;
}

static void add(struct weir_flow_tally *tally, const struct rows *rows, uint32_t row)
{
    tally->flows++;
    tally->packets += packets_of(rows, row);
    tally->octets += octets_of(rows, row);
}

void weir_flow_decider_run(struct weir_flow_decider *decider, const struct weir_batch *batch,
                           const struct weir_segment *segment, struct weir_flow_row *states,
                           bool *scratch)
{
    const struct rows rows = {batch, segment};
    struct weir_flow_selector *selector = &decider->selector;
    if (decider->filter)
        weir_row_filter_run(decider->filter, batch, segment, scratch);
    for (uint32_t row = 0; row < segment->row_count; row++) {
        struct weir_flow_row *state = &states[row];
        if (!state->kept)
            continue;
        add(&selector->seen, &rows, row);
        if (decider->filter)
            state->kept = scratch[row];
        else if (selector->kind == WEIR_FLOW_SELECTOR_THRESHOLD)
            state->kept = pass_threshold(decider, &rows, row, state);
        else
            state->kept = pass_sampler(decider, &rows, row, state);
        if (state->kept)
            add(&selector->selected, &rows, row);
    }
}
