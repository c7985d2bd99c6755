/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/outlet.h"

#include <stddef.h>

int weir_outlet_init(struct weir_outlet *outlet, const struct weir_outlet_config *config)
{
    *outlet = (struct weir_outlet){
        .config = *config,
        .batches = {[WEIR_OUTLET_OPEN] = weir_batch_new(config->batch_rows)},
        .numbers = {1, 1},
    };
    return outlet->batches[WEIR_OUTLET_OPEN] ? 0 : WEIR_E_NOMEM;
}

void weir_outlet_done(struct weir_outlet *outlet)
{
    for (unsigned i = 0; i < WEIR_OUTLET_BATCHES; i++)
        weir_batch_free(outlet->batches[i]);
    *outlet = (struct weir_outlet){0};
}

int weir_outlet_add_sink(struct weir_outlet *outlet, const struct weir_batch_sink *sink)
{
    if (outlet->sink_count == WEIR_OUTLET_SINKS)
        return WEIR_E_LIMIT;
    outlet->sinks[outlet->sink_count++] = *sink;
    return 0;
}

/* Whether what waits since then is to wait on. A clock that was set back does not prolong it. */
static bool waits(const struct weir_outlet *outlet, int64_t from_ns, int64_t now_ns)
{
    uint64_t from = (uint64_t)from_ns, now = (uint64_t)now_ns;
    uint64_t apart = now_ns < from_ns ? from - now : now - from;
    return apart < (uint64_t)outlet->config.hold_ns;
}

static bool wants_hold(const struct weir_outlet *outlet, struct weir_session *session,
                       const struct weir_plan *plan, const struct weir_plan_context *context)
{
    const weir_column_set sampling = WEIR_COLUMN_BIT(SAMPLING) | WEIR_COLUMN_BIT(SAMPLER);
    const struct weir_exporter *exporter = session->exporter;
    int64_t received_ns = context->segment.received_ns;
    if ((weir_plan_columns(plan) & sampling) != WEIR_COLUMN_BIT(SAMPLER) || context->sampling ||
        exporter->override.denominator > 0 ||
        weir_sampling_knows_samplers(&exporter->sampling, weir_plan_names_sequence(plan)))
        return false;
    if (!session->has_held) {
        session->has_held = true;
        session->held_from_ns = received_ns;
    }
    return waits(outlet, session->held_from_ns, received_ns);
}

struct weir_batch *weir_outlet_batch(struct weir_outlet *outlet, struct weir_session *session,
                                     const struct weir_plan *plan,
                                     const struct weir_plan_context *context)
{
    struct weir_batch **held = &outlet->batches[WEIR_OUTLET_HELD];
    bool is_held = wants_hold(outlet, session, plan, context);
    if (is_held && !*held)
        *held = weir_batch_new(outlet->config.hold_rows);
    if (!is_held || !*held)
        return outlet->batches[WEIR_OUTLET_OPEN];
    if ((*held)->row_count == 0)
        outlet->held_from_ns = context->segment.received_ns;
    return *held;
}

void weir_outlet_finish(struct weir_outlet *outlet, struct weir_batch *batch, uint32_t rows,
                        struct weir_session *session, const struct weir_plan_context *context)
{
    struct weir_exporter *exporter = session->exporter;
    const struct weir_rows_times times = {
        .export_ns = context->export_time_ns,
        .shift_ns = weir_skew_shift(&session->skew, exporter),
    };
    unsigned which =
        batch == outlet->batches[WEIR_OUTLET_HELD] ? WEIR_OUTLET_HELD : WEIR_OUTLET_OPEN;
    struct weir_rows_count count = weir_rows_finish(batch, rows, exporter, &times);
    if (count.sampling_unknown)
        exporter->unknown_in[which] = outlet->numbers[which];
    if (which == WEIR_OUTLET_HELD)
        outlet->held_unknown += count.sampling_unknown;
    session->counts.sampling_unknown += count.sampling_unknown;
    /* Most rows are none of these, and most exporters' counters need not be fetched. */
    if (!(count.sampling_overridden | count.times_after_export | count.times_reversed) &&
        times.shift_ns == 0)
        return;
    WEIR_TALLY(&session->tally, records_sampling_overridden, count.sampling_overridden);
    WEIR_TALLY(&session->tally, times_after_export, count.times_after_export);
    WEIR_TALLY(&session->tally, times_reversed, count.times_reversed);
    WEIR_TALLY(&session->tally, times_shifted, times.shift_ns ? rows : 0);
}

void weir_outlet_correct(struct weir_outlet *outlet, struct weir_session *session)
{
    struct weir_exporter *exporter = session->exporter;
    uint32_t corrected[WEIR_OUTLET_BATCHES] = {0};
    for (unsigned i = 0; i < WEIR_OUTLET_BATCHES; i++)
        if (outlet->batches[i] && exporter->unknown_in[i] == outlet->numbers[i])
            corrected[i] = weir_rows_correct(outlet->batches[i], exporter);
    outlet->held_unknown -= corrected[WEIR_OUTLET_HELD];
    WEIR_TALLY(&session->tally, records_sampling_corrected,
               (uint64_t)corrected[WEIR_OUTLET_OPEN] + corrected[WEIR_OUTLET_HELD]);
    exporter->has_changed = false;
}

int weir_outlet_hand_over(struct weir_outlet *outlet, struct weir_batch *batch,
                          struct weir_diag *diag)
{
    int first = 0;
    if (!batch || batch->row_count == 0)
        return 0;
    weir_rows_complete(batch, outlet->config.sampling_fallback);
    for (unsigned i = 0; i < outlet->sink_count; i++) {
        const struct weir_batch_sink *sink = &outlet->sinks[i];
        int result = sink->batch(sink->context, batch, first ? NULL : diag);
        first = first ? first : result;
    }
    weir_batch_clear(batch);
    if (batch == outlet->batches[WEIR_OUTLET_HELD]) {
        outlet->numbers[WEIR_OUTLET_HELD]++;
        outlet->held_unknown = 0;
    } else {
        outlet->numbers[WEIR_OUTLET_OPEN]++;
    }
    return first;
}

int weir_outlet_release(struct weir_outlet *outlet, int64_t now_ns, struct weir_diag *diag)
{
    struct weir_batch *held = outlet->batches[WEIR_OUTLET_HELD];
    if (!held || held->row_count == 0 ||
        (outlet->held_unknown > 0 && waits(outlet, outlet->held_from_ns, now_ns)))
        return 0;
    return weir_outlet_hand_over(outlet, held, diag);
}

int weir_outlet_empty(struct weir_outlet *outlet, struct weir_diag *diag)
{
    int first = 0;
    for (unsigned i = 0; i < WEIR_OUTLET_BATCHES; i++) {
        int result = weir_outlet_hand_over(outlet, outlet->batches[i], first ? NULL : diag);
        first = first ? first : result;
    }
    return first;
}

int weir_outlet_flush_sinks(const struct weir_outlet *outlet, int64_t now_ns,
                            struct weir_diag *diag)
{
    int first = 0;
    for (unsigned i = 0; i < outlet->sink_count; i++) {
        const struct weir_batch_sink *sink = &outlet->sinks[i];
        int result = sink->flush(sink->context, now_ns, first ? NULL : diag);
        first = first ? first : result;
    }
    return first;
}
