/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/selection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/quantity.h"

#define HASH_RANGE      (UINT64_C(1) << 32)
#define SPEC_TEXT_MAX   64u
#define V4_HEADER_LEAST 20u
#define V6_HEADER       40u

/* ---- Parsing ---- */

struct item {
    const char *text; /* all of it, for who reads an error */
    char value[SPEC_TEXT_MAX];
};

typedef int parse_value(struct item *item, struct weir_selector *selector, struct weir_diag *diag);

static int fail(const struct item *item, struct weir_diag *diag, const char *wanted)
{
    return weir_diag_set(diag, WEIR_E_USAGE, "'%.80s': %s", item->text, wanted);
}

/* n/N, n from 1 to N. */
static int parse_fraction(char *text, struct weir_selector *selector)
{
    char *slash = strchr(text, '/');
    if (!slash)
        return WEIR_E_USAGE;
    *slash = '\0';
    int result = weir_size_parse(text, &selector->sample);
    if (result == 0)
        result = weir_size_parse(slash + 1, &selector->population);
    *slash = '/';
    if (result < 0 || selector->sample == 0 || selector->population > UINT32_MAX ||
        selector->sample > selector->population)
        return WEIR_E_USAGE;
    selector->probability = (double)selector->sample / (double)selector->population;
    return 0;
}

static int parse_packets(struct item *item, struct weir_selector *selector, struct weir_diag *diag)
{
    if (parse_fraction(item->value, selector) < 0)
        return fail(item, diag, "write n/N with n from 1 to N, as in count:1/100");
    return 0;
}

static int parse_time(struct item *item, struct weir_selector *selector, struct weir_diag *diag)
{
    int64_t on = 0, off = 0;
    char *slash = strchr(item->value, '/');
    if (slash)
        *slash = '\0';
    if (!slash || weir_duration_parse(item->value, &on) < 0 ||
        weir_duration_parse(slash + 1, &off) < 0 || on <= 0 || on > WEIR_STAGE_PERIOD_MAX ||
        off > WEIR_STAGE_PERIOD_MAX - on)
        return fail(item, diag, "write ON/OFF with up to 7 days in all, as in time:1s/9s");
    selector->sample = (uint64_t)on;
    selector->population = (uint64_t)(on + off);
    selector->probability = (double)on / (double)(on + off);
    return 0;
}

static int parse_probability(struct item *item, struct weir_selector *selector,
                             struct weir_diag *diag)
{
    char *end;
    if (parse_fraction(item->value, selector) == 0) {
        selector->sample = selector->population = 0;
        return 0;
    }
    double probability = strtod(item->value, &end);
    if (end != item->value && *end == '%') {
        probability /= 100;
        end++;
    }
    if (end == item->value || *end != '\0' || !(probability > 0) || probability > 1)
        return fail(item, diag, "a probability is above 0 and up to 1, as in prob:0.01");
    selector->probability = probability;
    selector->sample = selector->population = 0;
    return 0;
}

/* Of so many hashes the lowest n/N; the probability is what that really comes to. */
static void take_range(struct weir_selector *selector)
{
    uint64_t selected = HASH_RANGE * selector->sample / selector->population;
    if (selected == 0)
        selected = 1;
    selector->hash.selected_last = (uint32_t)(selected - 1);
    selector->probability = (double)selected / (double)HASH_RANGE;
}

static int parse_flow(struct item *item, struct weir_selector *selector, struct weir_diag *diag)
{
    int result = parse_packets(item, selector, diag);
    if (result == 0)
        take_range(selector);
    return result;
}

static int parse_hash_setting(const char *text, struct weir_selector *selector)
{
    static const struct {
        const char *name;
        uint64_t greatest;
    } settings[] = {
        {"offset=", WEIR_STAGE_HASH_OFFSET_MAX},
        {"octets=", WEIR_STAGE_HASH_OCTETS_MAX},
    };
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        size_t length = strlen(settings[i].name);
        uint64_t value;
        if (strncmp(text, settings[i].name, length) != 0)
            continue;
        if (weir_size_parse(text + length, &value) < 0 || value > settings[i].greatest)
            return WEIR_E_USAGE;
        *(i == 0 ? &selector->hash.payload_offset : &selector->hash.payload_octets) =
            (uint16_t)value;
        return 0;
    }
    return WEIR_E_USAGE;
}

static int parse_hash(struct item *item, struct weir_selector *selector, struct weir_diag *diag)
{
    selector->hash.payload_octets = WEIR_STAGE_HASH_OCTETS;
    char *rest = NULL;
    int result = 0;
    for (char *setting = strtok_r(item->value, ",", &rest); setting && result == 0;
         setting = strtok_r(NULL, ",", &rest))
        result = setting == item->value ? parse_fraction(setting, selector)
                                        : parse_hash_setting(setting, selector);
    if (result < 0 || selector->population == 0)
        return fail(item, diag,
                    "write n/N, and perhaps offset= and octets= of the payload, as in "
                    "hash:1/100,offset=0,octets=16");
    take_range(selector);
    return 0;
}

static const struct kind {
    const char *name;
    parse_value *parse;
} kinds[WEIR_SELECTOR_KIND_COUNT] = {
    [WEIR_SELECTOR_COUNT] = {"count", parse_packets},
    [WEIR_SELECTOR_TIME] = {"time", parse_time},
    [WEIR_SELECTOR_RANDOM] = {"random", parse_packets},
    [WEIR_SELECTOR_PROBABILITY] = {"prob", parse_probability},
    [WEIR_SELECTOR_HASH] = {"hash", parse_hash},
    [WEIR_SELECTOR_FLOW] = {"flow", parse_flow},
};

int weir_selector_parse_sample(const char *text, struct weir_selector *ret_selector,
                               struct weir_diag *diag)
{
    struct item item = {.text = text};
    size_t name = strcspn(text, ":");
    for (unsigned kind = 0; kind < WEIR_SELECTOR_KIND_COUNT && text[name] == ':'; kind++) {
        if (!kinds[kind].parse || strlen(kinds[kind].name) != name ||
            memcmp(kinds[kind].name, text, name) != 0)
            continue;
        size_t length = strlen(text + name + 1);
        if (length >= sizeof(item.value))
            return fail(&item, diag, "this is too long");
        memcpy(item.value, text + name + 1, length + 1);
        struct weir_selector selector = {.kind = (uint8_t)kind, .text = text};
        int result = kinds[kind].parse(&item, &selector, diag);
        if (result == 0)
            *ret_selector = selector;
        return result;
    }
    return fail(&item, diag,
                "write count:n/N, time:ON/OFF, random:n/N, prob:P, hash:n/N or flow:n/N");
}

/* ---- What flows have in common ---- */

static struct weir_address both(struct weir_address a, struct weir_address b)
{
    return (struct weir_address){a.high & b.high, a.low & b.low};
}

int weir_flow_part_of(const struct weir_flow_definition *definitions, size_t count,
                      struct weir_flow_part *ret_part, struct weir_diag *diag)
{
    struct weir_flow_part part;
    bool has_keys = true;
    part.is_symmetric = true;
    for (unsigned family = 0; family < WEIR_FAMILY_COUNT; family++) {
        struct weir_flow_key *mask = &part.mask[family];
        *mask = definitions[0].mask[family];
        for (size_t i = 1; i < count; i++) {
            const struct weir_flow_key *other = &definitions[i].mask[family];
            mask->src_addr = both(mask->src_addr, other->src_addr);
            mask->dst_addr = both(mask->dst_addr, other->dst_addr);
            mask->src_port &= other->src_port;
            mask->dst_port &= other->dst_port;
            mask->protocol &= other->protocol;
        }
        mask->tos = 0;
        mask->observation_point = 0;
        has_keys &= (mask->src_addr.high | mask->src_addr.low | mask->dst_addr.high |
                     mask->dst_addr.low | mask->src_port | mask->dst_port | mask->protocol) != 0;
        part.is_symmetric &=
            weir_address_equal(mask->src_addr, mask->dst_addr) && mask->src_port == mask->dst_port;
    }
    if (!has_keys)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "flow: the flow definitions have none of addresses, ports and "
                             "protocol in common, by which flows could be chosen");
    *ret_part = part;
    return 0;
}

/* ---- Making ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    struct weir_random random = {a ^ (b + 1) * UINT64_C(0x9e3779b97f4a7c15)};
    return weir_random_next(&random);
}

bool weir_selector_needs_packet(enum weir_selector_kind kind)
{
    return kind == WEIR_SELECTOR_MATCH || kind == WEIR_SELECTOR_HASH || kind == WEIR_SELECTOR_FLOW;
}

void weir_stage_init(struct weir_stage *stage, const struct weir_selector *selector,
                     const struct weir_stage_config *config)
{
    /* Windows are the same for all streams: they are a matter of the clock. */
    bool is_time = selector->kind == WEIR_SELECTOR_TIME;
    uint64_t seed = mix(mix(config->seed, is_time ? 0 : config->stream), selector->id);
    *stage = (struct weir_stage){
        .selector = *selector,
        .random = {seed},
        .match = config->match,
        .window_ns = INT64_MIN,
        .first_ns = INT64_MAX,
        .last_ns = INT64_MIN,
    };
    uint64_t begin = config->seed && selector->population
                         ? weir_random_next(&stage->random) % selector->population
                         : 0;
    switch (selector->kind) {
    case WEIR_SELECTOR_COUNT:
        stage->position = begin;
        break;
    case WEIR_SELECTOR_TIME:
        stage->period_ns = (int64_t)selector->population;
        stage->phase_ns = (int64_t)begin;
        break;
    case WEIR_SELECTOR_PROBABILITY:
        stage->threshold =
            selector->probability < 1 ? (uint64_t)ldexp(selector->probability, 64) : UINT64_MAX;
        break;
    case WEIR_SELECTOR_HASH:
        stage->selector.hash.initialiser = (uint32_t)config->seed + config->ordinal;
        break;
    case WEIR_SELECTOR_FLOW:
        weir_hash_key_seed(&stage->hash_key, mix(config->seed, config->ordinal));
        stage->flow_part = *config->flow_part;
        break;
    default:
        break;
    }
}

/* ---- Selecting ---- */

/* Leaves in front those of kept[] that it selects: their number. */
typedef size_t select_packets(struct weir_stage *stage, const struct weir_selection_items *items,
                              uint16_t *kept, size_t count);

static size_t select_count(struct weir_stage *stage, const struct weir_selection_items *items,
                           uint16_t *kept, size_t count)
{
    const struct weir_selector *selector = &stage->selector;
    size_t selected = 0;
    (void)items;
    for (size_t i = 0; i < count;) {
        bool takes = stage->position < selector->sample;
        uint64_t left = (takes ? selector->sample : selector->population) - stage->position;
        size_t run = left < count - i ? (size_t)left : count - i;
        if (takes) {
            memmove(kept + selected, kept + i, run * sizeof(*kept));
            selected += run;
        }
        i += run;
        stage->position = (stage->position + run) % selector->population;
    }
    return selected;
}

/* Periods begin at the phase, counted from 1970. */
int64_t weir_stage_window(const struct weir_stage *stage, int64_t time_ns)
{
    int64_t begin_ns, since = time_ns % stage->period_ns - stage->phase_ns;
    if (since < 0)
        since += stage->period_ns;
    if (since < 0)
        since += stage->period_ns;
    return __builtin_sub_overflow(time_ns, since, &begin_ns) ? INT64_MIN : begin_ns;
}

double weir_stage_periods(const struct weir_stage *stage)
{
    double span_ns = (double)stage->last_ns - (double)stage->first_ns;
    return span_ns > (double)stage->period_ns ? span_ns / (double)stage->period_ns : 1;
}

static int64_t time_in_period(struct weir_stage *stage, int64_t time_ns)
{
    int64_t since;
    if (!__builtin_sub_overflow(time_ns, stage->window_ns, &since) && since >= 0 &&
        since < stage->period_ns)
        return since;
    stage->window_ns = weir_stage_window(stage, time_ns);
    return __builtin_sub_overflow(time_ns, stage->window_ns, &since) ? INT64_MAX : since;
}

static size_t select_time(struct weir_stage *stage, const struct weir_selection_items *items,
                          uint16_t *kept, size_t count)
{
    int64_t on = (int64_t)stage->selector.sample;
    size_t selected = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t time_ns = items->time_ns[kept[i]];
        if (time_ns < stage->first_ns)
            stage->first_ns = time_ns;
        if (time_ns > stage->last_ns)
            stage->last_ns = time_ns;
        if (time_in_period(stage, time_ns) < on)
            kept[selected++] = kept[i];
    }
    return selected;
}

/* Of those that remain of the N each is taken with the share of those that remain to be taken. */
static size_t select_random(struct weir_stage *stage, const struct weir_selection_items *items,
                            uint16_t *kept, size_t count)
{
    const struct weir_selector *selector = &stage->selector;
    size_t selected = 0;
    (void)items;
    for (size_t i = 0; i < count; i++) {
        uint64_t remain = selector->population - stage->position;
        uint64_t wanted = selector->sample - stage->taken;
        if (wanted > 0 && weir_random_below(&stage->random, (uint32_t)remain) < wanted) {
            kept[selected++] = kept[i];
            stage->taken++;
        }
        if (++stage->position == selector->population)
            stage->position = stage->taken = 0;
    }
    return selected;
}

static size_t select_probability(struct weir_stage *stage, const struct weir_selection_items *items,
                                 uint16_t *kept, size_t count)
{
    size_t selected = 0;
    (void)items;
    if (stage->threshold == UINT64_MAX)
        return count;
    for (size_t i = 0; i < count; i++)
        if (weir_random_next(&stage->random) < stage->threshold)
            kept[selected++] = kept[i];
    return selected;
}

static size_t select_match(struct weir_stage *stage, const struct weir_selection_items *items,
                           uint16_t *kept, size_t count)
{
    size_t selected = 0;
    for (size_t i = 0; i < count; i++) {
        const struct weir_packet *packet = &items->packets[kept[i]];
        const struct weir_packet_detail *detail =
            items->details ? &items->details[packet->detail] : NULL;
        if (weir_match_packet(stage->match, packet, detail))
            kept[selected++] = kept[i];
    }
    return selected;
}

/* The header's part of what is hashed; its length, or 0 for what is no whole header. */
static size_t hashed_header(const struct weir_packet_content *content, uint8_t *octets)
{
    static const uint8_t v6_octets[] = {9, 10, 13, 14, 15};
    const uint8_t *at = content->network;
    size_t length = 0, captured = (size_t)(content->end - at);
    if (captured >= V4_HEADER_LEAST && at[0] >> 4 == 4) {
        memcpy(octets, at + 4, 4); /* identification, flags, fragment offset */
        memcpy(octets + 4, at + 12, 8);
        return 12;
    }
    if (captured < V6_HEADER || at[0] >> 4 != 6)
        return 0;
    memcpy(octets, at + 4, 2); /* payload length */
    length = 2;
    for (unsigned address = 8; address <= 24; address += 16)
        for (size_t i = 0; i < sizeof(v6_octets); i++)
            octets[length++] = at[address + v6_octets[i]];
    return length;
}

static bool hash_selects(const struct weir_selector_hash *hash,
                         const struct weir_packet_content *content)
{
    uint8_t octets[16 + WEIR_STAGE_HASH_OCTETS_MAX];
    size_t length = hashed_header(content, octets);
    size_t there = content->end > content->payload ? (size_t)(content->end - content->payload) : 0;
    if (length == 0)
        return false;
    if (there > hash->payload_offset) {
        size_t payload = there - hash->payload_offset;
        if (payload > hash->payload_octets)
            payload = hash->payload_octets;
        memcpy(octets + length, content->payload + hash->payload_offset, payload);
        length += payload;
    }
    return weir_bob_hash(octets, length, hash->initialiser) <= hash->selected_last;
}

static size_t select_hash(struct weir_stage *stage, const struct weir_selection_items *items,
                          uint16_t *kept, size_t count)
{
    size_t selected = 0;
    for (size_t i = 0; i < count; i++)
        if (hash_selects(&stage->selector.hash, &items->contents[kept[i]]))
            kept[selected++] = kept[i];
    return selected;
}

static size_t select_flow(struct weir_stage *stage, const struct weir_selection_items *items,
                          uint16_t *kept, size_t count)
{
    size_t selected = 0;
    for (size_t i = 0; i < count; i++)
        if (weir_stage_flow_hash(stage, &items->packets[kept[i]]) >> 32 <=
            stage->selector.hash.selected_last)
            kept[selected++] = kept[i];
    return selected;
}

size_t weir_stage_run(struct weir_stage *stage, const struct weir_selection_items *items,
                      uint16_t *kept, size_t count)
{
    static select_packets *const selects[WEIR_SELECTOR_KIND_COUNT] = {
        [WEIR_SELECTOR_MATCH] = select_match, [WEIR_SELECTOR_COUNT] = select_count,
        [WEIR_SELECTOR_TIME] = select_time,   [WEIR_SELECTOR_RANDOM] = select_random,
        [WEIR_SELECTOR_HASH] = select_hash,   [WEIR_SELECTOR_PROBABILITY] = select_probability,
        [WEIR_SELECTOR_FLOW] = select_flow,
    };
    size_t selected = selects[stage->selector.kind](stage, items, kept, count);
    weir_stage_count(stage, count, selected);
    return selected;
}

/* ---- Hashes ---- */

uint64_t weir_stage_flow_hash(const struct weir_stage *stage, const struct weir_packet *packet)
{
    const struct weir_flow_key *mask =
        &stage->flow_part.mask[packet->flags & WEIR_PACKET_V6 ? WEIR_FAMILY_V6 : WEIR_FAMILY_V4];
    struct weir_flow_key key = {
        .src_addr = both(packet->key.src_addr, mask->src_addr),
        .dst_addr = both(packet->key.dst_addr, mask->dst_addr),
        .src_port = packet->key.src_port & mask->src_port,
        .dst_port = packet->key.dst_port & mask->dst_port,
        .protocol = packet->key.protocol & mask->protocol,
    };
    struct {
        struct weir_address address;
        uint64_t port;
    } source = {key.src_addr, key.src_port}, destination = {key.dst_addr, key.dst_port};
    if (stage->flow_part.is_symmetric && memcmp(&source, &destination, sizeof(source)) > 0) {
        key.src_addr = destination.address;
        key.src_port = (uint16_t)destination.port;
        key.dst_addr = source.address;
        key.dst_port = (uint16_t)source.port;
    }
    return weir_hash(&stage->hash_key, &key, sizeof(key));
}

static uint32_t load_le32(const uint8_t octets[4])
{
    return octets[0] | (uint32_t)octets[1] << 8 | (uint32_t)octets[2] << 16 |
           (uint32_t)octets[3] << 24;
}

/* One of the nine steps by which BOB mixes its three words. */
static uint32_t bob_left(uint32_t x, uint32_t y, uint32_t z, unsigned bits)
{
    return (x - y - z) ^ z << bits;
}

static uint32_t bob_right(uint32_t x, uint32_t y, uint32_t z, unsigned bits)
{
    return (x - y - z) ^ z >> bits;
}

static void bob_mix(uint32_t words[3])
{
    uint32_t a = words[0], b = words[1], c = words[2];
    a = bob_right(a, b, c, 13);
    b = bob_left(b, c, a, 8);
    c = bob_right(c, a, b, 13);
    a = bob_right(a, b, c, 12);
    b = bob_left(b, c, a, 16);
    c = bob_right(c, a, b, 5);
    a = bob_right(a, b, c, 3);
    b = bob_left(b, c, a, 10);
    c = bob_right(c, a, b, 15);
    words[0] = a;
    words[1] = b;
    words[2] = c;
}

uint32_t weir_bob_hash(const uint8_t *octets, size_t length, uint32_t initialiser)
{
    uint32_t words[3] = {0x9e3779b9, 0x9e3779b9, initialiser};
    uint8_t last[12] = {0};
    size_t left = length;
    for (; left >= sizeof(last); left -= sizeof(last), octets += sizeof(last)) {
        for (unsigned i = 0; i < 3; i++)
            words[i] += load_le32(octets + 4 * i);
        bob_mix(words);
    }
    /* The lowest octet of the third word is the length's. */
    memcpy(last, octets, left < 8 ? left : 8);
    if (left > 8)
        memcpy(last + 9, octets + 8, left - 8);
    for (unsigned i = 0; i < 3; i++)
        words[i] += load_le32(last + 4 * i);
    words[2] += (uint32_t)length;
    bob_mix(words);
    return words[2];
}
