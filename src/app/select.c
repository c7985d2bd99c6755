/* SPDX-License-Identifier: Apache-2.0 */
#include "app/select.h"

#include <stdlib.h>
#include <string.h>

#include "packet/filter.h"

/* As many as a round may have of what the index of it counts. */
#define ROUND_MAX 65536u

struct step {
    struct weir_stage stage;
    struct weir_filter *filter; /* of WEIR_SELECTOR_FILTER */
    struct weir_match *match;   /* of WEIR_SELECTOR_MATCH */
};

struct weir_select {
    struct step steps[WEIR_SELECTION_MAX];
    unsigned count;
    unsigned frame_count; /* of them, those that run on frames */
    uint32_t sequence_id;
    bool has_time;
    bool needs_content;
    bool needs_details;
    struct weir_totals *totals; /* NULL: there is no sampler */
    uint32_t *if_index;
    int64_t *time_ns; /* of a round, where a stage asks for times */
};

/* How many of the same kind stand before. */
static unsigned ordinal_of(const struct weir_select *select, unsigned kind)
{
    unsigned ordinal = 0;
    for (unsigned i = 0; i < select->count; i++)
        ordinal += select->steps[i].stage.selector.kind == kind;
    return ordinal;
}

static int make_match(const struct weir_select *select, const struct weir_select_config *config,
                      const char *text, struct weir_match **ret_match, struct weir_diag *diag)
{
    struct weir_match *match = malloc(sizeof(*match));
    *ret_match = match;
    if (!match)
        return WEIR_E_NOMEM;
    int result = weir_match_parse(text, match, diag);
    match->if_index = select->if_index;
    match->if_count = config->if_count;
    if (result == WEIR_E_USAGE)
        weir_diag_prefix(diag, "--match");
    return result;
}

static int add_stage(struct weir_select *select, const struct weir_select_config *config,
                     const struct weir_selector *selector, struct weir_diag *diag)
{
    struct step *step = &select->steps[select->count];
    struct weir_flow_part part;
    struct weir_selector own = *selector;
    int result = 0;
    own.id = config->sequence_id * WEIR_SELECTION_MAX + select->count;
    if (own.kind == WEIR_SELECTOR_FILTER)
        result = weir_filter_new(own.text, &step->filter, diag);
    else if (own.kind == WEIR_SELECTOR_MATCH)
        result = make_match(select, config, own.text, &step->match, diag);
    else if (own.kind == WEIR_SELECTOR_FLOW)
        result = weir_flow_part_of(config->definitions, config->definition_count, &part, diag);
    if (result < 0)
        return result;
    const struct weir_stage_config stage = {
        .seed = config->seed,
        .stream = config->stream,
        .ordinal = ordinal_of(select, own.kind),
        .flow_part = &part,
        .match = step->match,
    };
    weir_stage_init(&step->stage, &own, &stage);
    if (select->frame_count == select->count && !weir_selector_needs_packet(own.kind))
        select->frame_count++;
    select->count++;
    select->has_time |= own.kind == WEIR_SELECTOR_TIME;
    select->needs_content |= weir_selector_needs_content(own.kind);
    select->needs_details |= step->match && weir_match_needs_detail(step->match);
    return 0;
}

static const struct weir_stage *first_of(const struct weir_select *select, unsigned kind)
{
    for (unsigned i = 0; i < select->count; i++)
        if (select->steps[i].stage.selector.kind == kind)
            return &select->steps[i].stage;
    return NULL;
}

/* What rounds and totals need, once all stages are there. */
static int make_room(struct weir_select *select)
{
    struct weir_sampling_design design = weir_select_design(select);
    if (select->has_time) {
        select->time_ns = malloc(ROUND_MAX * sizeof(*select->time_ns));
        if (!select->time_ns)
            return WEIR_E_NOMEM;
    }
    if (weir_sampling_is_all(&design))
        return 0;
    select->totals = malloc(sizeof(*select->totals));
    if (!select->totals)
        return WEIR_E_NOMEM;
    weir_totals_init(select->totals, &design, first_of(select, WEIR_SELECTOR_FLOW),
                     first_of(select, WEIR_SELECTOR_TIME));
    return 0;
}

int weir_select_new(const struct weir_select_config *config, struct weir_select **ret_select,
                    struct weir_diag *diag)
{
    if (config->selector_count > WEIR_SELECTION_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "at most %u filters and samplers are applied",
                             WEIR_SELECTION_MAX);
    struct weir_select *select = calloc(1, sizeof(*select));
    if (!select)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to select packets");
    int result = 0;
    select->sequence_id = config->sequence_id;
    if (config->if_index) {
        select->if_index = calloc(config->if_count + 1, sizeof(*select->if_index));
        if (select->if_index)
            memcpy(select->if_index, config->if_index, config->if_count * sizeof(uint32_t));
        else
            result = WEIR_E_NOMEM;
    }
    for (unsigned i = 0; i < config->selector_count && result == 0; i++)
        result = add_stage(select, config, &config->selectors[i], diag);
    if (result == 0)
        result = make_room(select);
    if (result < 0) {
        weir_select_free(select);
        return result;
    }
    *ret_select = select;
    return 0;
}

void weir_select_free(struct weir_select *select)
{
    if (!select)
        return;
    for (unsigned i = 0; i < WEIR_SELECTION_MAX; i++) {
        weir_filter_free(select->steps[i].filter);
        free(select->steps[i].match);
    }
    free(select->totals);
    free(select->if_index);
    free(select->time_ns);
    free(select);
}

bool weir_select_is_all(const struct weir_select *select)
{
    return select->count == 0;
}

bool weir_select_needs_content(const struct weir_select *select)
{
    return select->needs_content;
}

bool weir_select_needs_details(const struct weir_select *select)
{
    return select->needs_details;
}

static int run_filter(struct step *step, const struct weir_frame *frames, const uint16_t *frame_of,
                      uint16_t *kept, size_t *count, struct weir_diag *diag)
{
    size_t seen = *count;
    int result = weir_filter_select(step->filter, frames, frame_of, kept, count, diag);
    if (result == 0)
        weir_stage_count(&step->stage, seen, *count);
    return result;
}

int weir_select_frames(struct weir_select *select, const struct weir_frame *frames, uint16_t *kept,
                       size_t *count, struct weir_diag *diag)
{
    const struct weir_selection_items items = {.time_ns = select->time_ns};
    int result = 0;
    for (size_t i = 0; select->has_time && i < *count; i++)
        select->time_ns[kept[i]] = frames[kept[i]].time_ns;
    for (unsigned i = 0; i < select->frame_count && result == 0; i++) {
        struct step *step = &select->steps[i];
        if (step->filter)
            result = run_filter(step, frames, NULL, kept, count, diag);
        else
            *count = weir_stage_run(&step->stage, &items, kept, *count);
    }
    return result;
}

int weir_select_packets(struct weir_select *select, const struct weir_select_round *round,
                        uint16_t *kept, size_t *count, struct weir_diag *diag)
{
    const struct weir_selection_items items = {.time_ns = select->time_ns,
                                               .packets = round->packets,
                                               .details = round->details,
                                               .contents = round->contents};
    int result = 0;
    for (size_t i = 0; select->has_time && i < *count; i++)
        select->time_ns[kept[i]] = round->packets[kept[i]].time_ns;
    for (unsigned i = select->frame_count; i < select->count && result == 0; i++) {
        struct step *step = &select->steps[i];
        if (step->filter)
            result = run_filter(step, round->frames, round->frame_of, kept, count, diag);
        else
            *count = weir_stage_run(&step->stage, &items, kept, *count);
    }
    if (result == 0 && select->totals)
        weir_totals_add(select->totals, round->packets, kept, *count);
    return result;
}

struct weir_sampling_design weir_select_design(const struct weir_select *select)
{
    struct weir_selection_description description;
    weir_select_describe(select, &description);
    struct weir_sampling_design design =
        weir_sampling_design_of(description.selectors, description.count);
    design.sequence_id = description.sequence_id;
    return design;
}

void weir_select_estimate(const struct weir_select *select, struct weir_estimates *ret_estimates)
{
    struct weir_selection_description description;
    *ret_estimates = (struct weir_estimates){0};
    weir_select_describe(select, &description);
    if (select->totals)
        weir_totals_estimate(select->totals, description.selectors, description.count,
                             ret_estimates);
}

void weir_select_describe(const struct weir_select *select,
                          struct weir_selection_description *ret_description)
{
    *ret_description = (struct weir_selection_description){
        .sequence_id = select->sequence_id,
        .count = select->count,
    };
    for (unsigned i = 0; i < select->count; i++)
        ret_description->selectors[i] = select->steps[i].stage.selector;
}
