/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/sampler_options.h"

#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "collect/options.h"

/* What a field is, beside nothing. */
enum part {
    NOTHING,
    SAMPLER,
    TEMPLATE,
    INTERFACE,
    IN_IF,
    OUT_IF,
    SEQUENCE,
    DOMAIN,
    ALGORITHM,
    FLOW_ALGORITHM,
    INIT_TIME,
    /* From here on: of the interval. */
    SIZE,
    POPULATION,
    RUN,
    SPACE,
    TIME_RUN,
    TIME_SPACE,
    PROBABILITY,
    UNLIKELY, /* of what PROBABILITY is of, the rest */
    FLOW_RUN,
    FLOW_SPACE,
    FLOW_TIME_RUN,
    FLOW_TIME_SPACE,
    RANDOM_INTERVAL,
    INTERVAL,
    OBSERVED,
    SELECTED,
    HASH_MIN,
    HASH_MAX,
    HASH_SELECTED_MIN,
    HASH_SELECTED_MAX,
    PARTS,
};

#define SELECTION_SEQUENCE_ID 301u
#define SELECTOR_ID           302u
#define ELEMENT_END           400u

/* Of selectorAlgorithm: picks packets by what they are, and leaves none of these out. */
#define PROPERTY_MATCH_FILTERING 5u

/* IANA's elements by number, and NetFlow v9's scopes by theirs. */
static const uint8_t elements[ELEMENT_END] = {
    [10] = IN_IF,              /* ingressInterface */
    [14] = OUT_IF,             /* egressInterface */
    [34] = INTERVAL,           /* samplingInterval */
    [48] = SAMPLER,            /* samplerId */
    [50] = RANDOM_INTERVAL,    /* samplerRandomInterval */
    [145] = TEMPLATE,          /* templateId */
    [149] = DOMAIN,            /* observationDomainId */
    [160] = INIT_TIME,         /* systemInitTimeMilliseconds */
    [301] = SEQUENCE,          /* selectionSequenceId */
    [302] = SAMPLER,           /* selectorId */
    [304] = ALGORITHM,         /* selectorAlgorithm */
    [305] = RUN,               /* samplingPacketInterval */
    [306] = SPACE,             /* samplingPacketSpace */
    [307] = TIME_RUN,          /* samplingTimeInterval */
    [308] = TIME_SPACE,        /* samplingTimeSpace */
    [309] = SIZE,              /* samplingSize */
    [310] = POPULATION,        /* samplingPopulation */
    [311] = PROBABILITY,       /* samplingProbability */
    [318] = OBSERVED,          /* selectorIdTotalPktsObserved */
    [319] = SELECTED,          /* selectorIdTotalPktsSelected */
    [329] = HASH_MIN,          /* hashOutputRangeMin */
    [330] = HASH_MAX,          /* hashOutputRangeMax */
    [331] = HASH_SELECTED_MIN, /* hashSelectedRangeMin */
    [332] = HASH_SELECTED_MAX, /* hashSelectedRangeMax: of one or more ranges */
    [390] = FLOW_ALGORITHM,    /* flowSelectorAlgorithm */
    [396] = FLOW_RUN,          /* samplingFlowInterval */
    [397] = FLOW_SPACE,        /* samplingFlowSpacing */
    [398] = FLOW_TIME_RUN,     /* flowSamplingTimeInterval */
    [399] = FLOW_TIME_SPACE,   /* flowSamplingTimeSpacing */
};
static const uint8_t scopes[] = {[2] = INTERFACE, [5] = TEMPLATE};

static enum part part_of(const struct weir_field *field)
{
    if (field->pen == 0 && field->id < ELEMENT_END)
        return (enum part)elements[field->id];
    if (field->pen == WEIR_PEN_NETFLOW9_SCOPE && field->id < sizeof(scopes))
        return (enum part)scopes[field->id];
    return NOTHING;
}

/* RFC 5476 section 6.5.1: the selectors of a selection sequence. */
static bool is_selection(const struct weir_template *source)
{
    return weir_options_has(source, 0, SELECTION_SEQUENCE_ID, true) &&
           weir_options_has(source, 0, SELECTOR_ID, false);
}

/* Records without any of what says something are not looked at. */
static bool suits(const struct weir_template *source)
{
    if (is_selection(source))
        return true;
    for (uint16_t i = 0; i < source->field_count; i++)
        if (part_of(&source->fields[i]) >= ALGORITHM)
            return true;
    return false;
}

/* What one record says. */
struct said {
    bool has_sampling;
    struct weir_sampler_key key;
    uint64_t selected, population;
    int64_t init_time_ns; /* 0: it does not say */
};

/* A float of 8 or 4 octets: the simplest fraction that it may stand for. */
static struct weir_fraction probability_of(const struct weir_value *value)
{
    double probability = 0, tolerance = WEIR_FRACTION_OF_FLOAT64;
    if (value->length == sizeof(double)) {
        uint64_t bits = weir_load_be64(value->octets);
        memcpy(&probability, &bits, sizeof(bits));
    } else if (value->length == sizeof(float)) {
        uint32_t bits = weir_load_be32(value->octets);
        float narrow;
        memcpy(&narrow, &bits, sizeof(bits));
        probability = (double)narrow;
        tolerance = WEIR_FRACTION_OF_FLOAT32;
    }
    return probability <= 1 ? weir_fraction_of_real(probability, tolerance)
                            : (struct weir_fraction){0};
}

static void take_probability(const struct weir_value *value, uint64_t parts[PARTS])
{
    struct weir_fraction probability = probability_of(value);
    parts[PROBABILITY] = probability.numerator;
    parts[UNLIKELY] = probability.denominator - probability.numerator;
}

static uint64_t number_of(const struct weir_value *value)
{
    return value->length <= 8 ? weir_load_be(value->octets, (unsigned)value->length) : 0;
}

/* The first that is whole of what may say an interval; false: none is. */
static bool find_interval(const uint64_t parts[PARTS], const bool has[PARTS], struct said *said)
{
    const struct {
        uint64_t selected, others; /* not selected */
        bool is_there;
    } ways[] = {
        {parts[SIZE], parts[POPULATION] - parts[SIZE], parts[POPULATION] >= parts[SIZE]},
        {parts[RUN], parts[SPACE], has[SPACE]},
        {parts[TIME_RUN], parts[TIME_SPACE], has[TIME_SPACE]},
        {parts[PROBABILITY], parts[UNLIKELY], true},
        {parts[FLOW_RUN], parts[FLOW_SPACE], has[FLOW_SPACE]},
        {parts[FLOW_TIME_RUN], parts[FLOW_TIME_SPACE], has[FLOW_TIME_SPACE]},
        {1, parts[RANDOM_INTERVAL] - 1, parts[RANDOM_INTERVAL] > 0},
        {1, parts[INTERVAL] - 1, parts[INTERVAL] > 0},
        {1, parts[RUN] - 1, parts[RUN] > 0},
        {parts[HASH_SELECTED_MAX], parts[HASH_MAX] - parts[HASH_SELECTED_MAX],
         parts[HASH_MAX] >= parts[HASH_SELECTED_MAX]},
        {parts[SELECTED], parts[OBSERVED] - parts[SELECTED], parts[OBSERVED] >= parts[SELECTED]},
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (ways[i].is_there && ways[i].selected > 0 &&
            ways[i].others <= UINT64_MAX - ways[i].selected) {
            said->selected = ways[i].selected;
            said->population = ways[i].selected + ways[i].others;
            return true;
        }
    return false;
}

static struct weir_sampler_key key_of(const uint64_t parts[PARTS], const bool has[PARTS],
                                      uint32_t domain)
{
    static const struct {
        uint8_t part, kind;
    } kinds[] = {
        {TEMPLATE, WEIR_SAMPLER_TEMPLATE},
        {IN_IF, WEIR_SAMPLER_IN_IF},
        {OUT_IF, WEIR_SAMPLER_OUT_IF},
        {INTERFACE, WEIR_SAMPLER_INTERFACE},
    };
    struct weir_sampler_key key = {.kind = WEIR_SAMPLER_WHOLE, .domain = domain};
    if (has[DOMAIN])
        key.domain = (uint32_t)parts[DOMAIN];
    if (has[SAMPLER]) {
        key.kind = has[FLOW_ALGORITHM] ? WEIR_SAMPLER_FLOWS : WEIR_SAMPLER_ID;
        key.id = parts[SAMPLER];
        return key;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (parts[kinds[i].part] > 0) {
            key.kind = (enum weir_sampler_kind)kinds[i].kind;
            key.id = parts[kinds[i].part];
            return key;
        }
    return key;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return b <= UINT64_MAX - a ? a + b : UINT64_MAX;
}

/* How many numbers there are from one to the other. */
static uint64_t span(uint64_t min, uint64_t max)
{
    return max >= min ? add(max - min, 1) : 0;
}

static struct said read_record(const struct weir_options_record *record, uint32_t domain)
{
    uint64_t parts[PARTS] = {0};
    bool has[PARTS] = {false};
    struct weir_record fields = {
        .template = record->source,
        .octets = weir_reader_make(record->octets, record->length),
    };
    struct weir_value value;
    while (weir_record_next(&fields, &value, NULL) == 0) {
        enum part part = part_of(value.field);
        bool is_repeated = part == HASH_SELECTED_MIN || part == HASH_SELECTED_MAX;
        if (part == NOTHING || (has[part] && !is_repeated))
            continue;
        if (part == HASH_MAX)
            parts[part] = span(parts[HASH_MIN], number_of(&value));
        else if (part == HASH_SELECTED_MAX)
            parts[part] = add(parts[part], span(parts[HASH_SELECTED_MIN], number_of(&value)));
        else if (part == PROBABILITY)
            take_probability(&value, parts);
        else
            parts[part] = number_of(&value);
        has[part] = value.length > 0;
    }
    struct said said = {0};
    if (parts[INIT_TIME] <= (uint64_t)(INT64_MAX / WEIR_NS_PER_MS))
        said.init_time_ns = (int64_t)parts[INIT_TIME] * WEIR_NS_PER_MS;
    said.has_sampling = !has[SEQUENCE] && find_interval(parts, has, &said);
    said.key = key_of(parts, has, domain);
    if ((said.key.kind == WEIR_SAMPLER_ID && parts[ALGORITHM] == PROPERTY_MATCH_FILTERING) ||
        (said.key.kind == WEIR_SAMPLER_FLOWS &&
         parts[FLOW_ALGORITHM] == PROPERTY_MATCH_FILTERING)) {
        said.has_sampling = true;
        said.key.kind = WEIR_SAMPLER_FILTER;
        said.selected = said.population = 1;
    }
    return said;
}

/* The numbers of a selection sequence and of its selectors, in their order. */
static enum weir_sampling_change learn_selection(struct weir_session *session,
                                                 const struct weir_options_record *record)
{
    struct weir_sampler_key key = {
        .kind = WEIR_SAMPLER_SEQUENCE,
        .domain = session->key.domain,
        .source = session->number,
    };
    uint64_t selectors[WEIR_SELECTORS_MAX];
    uint32_t count = 0;
    struct weir_record fields = {
        .template = record->source,
        .octets = weir_reader_make(record->octets, record->length),
    };
    struct weir_value value;
    while (weir_record_next(&fields, &value, NULL) == 0) {
        if (value.field->pen != 0)
            continue;
        if (value.field->id == SELECTION_SEQUENCE_ID)
            key.id = number_of(&value);
        if (value.field->id != SELECTOR_ID)
            continue;
        if (count == WEIR_SELECTORS_MAX)
            return WEIR_SAMPLING_REFUSED;
        selectors[count++] = number_of(&value);
    }
    return weir_sampling_put_selection(&session->exporter->sampling, record->budget, key, selectors,
                                       count);
}

/* What a record of a single sampler, or of all of them, says. */
static enum weir_sampling_change learn_sampler(struct weir_session *session,
                                               const struct weir_options_record *record)
{
    struct said said = read_record(record, session->key.domain);
    if (said.key.domain == session->key.domain)
        said.key.source = session->number;
    if (said.init_time_ns)
        session->uptime.init_time_ns = said.init_time_ns;
    if (!said.has_sampling)
        return WEIR_SAMPLING_SAME;
    return weir_sampling_put(&session->exporter->sampling, record->budget, said.key, said.selected,
                             said.population);
}

static void learn(struct weir_session *session, const struct weir_options_record *record)
{
    enum weir_sampling_change change = is_selection(record->source)
                                           ? learn_selection(session, record)
                                           : learn_sampler(session, record);
    WEIR_TALLY(&session->tally, samplers_learned, change == WEIR_SAMPLING_CHANGED);
    WEIR_TALLY(&session->tally, samplers_refused, change == WEIR_SAMPLING_REFUSED);
    session->exporter->has_changed |= change == WEIR_SAMPLING_CHANGED;
}

const struct weir_options_learner weir_sampler_learner = {.suits = suits, .learn = learn};
