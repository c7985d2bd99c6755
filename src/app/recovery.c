/* SPDX-License-Identifier: Apache-2.0 */
#include "app/recovery.h"

#include "app/tables.h"
#include "base/text.h"
#include "collect/state.h"
#include "store/segment_reader.h"

/* The greatest ID of a state up to this one; 0: there is none. */
static int find_state(const struct weir_journal_folder *folder, uint64_t id, uint64_t *ret_id,
                      struct weir_diag *diag)
{
    struct weir_journal_ids states;
    int result = weir_journal_folder_states(folder, &states, diag);
    if (result < 0)
        return result;
    *ret_id = 0;
    for (size_t i = 0; i < states.count && states.ids[i] <= id; i++)
        *ret_id = states.ids[i];
    weir_journal_ids_done(&states);
    return 0;
}

/*
 * The collector begins with what was known when the segment began. A process that was killed before
 * it had saved that began with what the one before it left.
 */
static int restore(struct weir_collector *collector, const struct weir_journal_folder *folder,
                   uint64_t id, struct weir_diag *diag)
{
    struct weir_octets state = {0};
    uint64_t state_id;
    int result = find_state(folder, id, &state_id, diag);
    if (result == 0)
        result = weir_journal_folder_load_state(folder, state_id, &state, diag);
    if (result == 0)
        result = weir_collector_restore(collector, state.data, state.length, diag);
    weir_octets_done(&state);
    /* Without one, or with another version's, Templates are those of the segment itself. */
    return result == WEIR_E_IO || result == WEIR_E_NOMEM ? result : 0;
}

static int decode_all(struct weir_recovery *recovery, struct weir_collector *collector,
                      struct weir_segment_reader *reader, struct weir_diag *diag)
{
    struct weir_datagram datagram;
    int result;
    while ((result = weir_segment_reader_next(reader, &datagram, diag)) == 0) {
        result = weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, diag);
        if (result < 0)
            return result;
        recovery->counted.journal_recovered_datagrams++;
    }
    if (result != WEIR_E_END)
        return result;
    recovery->counted.journal_cut_octets += weir_segment_reader_cut(reader);
    return weir_collector_hand_over(collector, diag);
}

static int decode_segment(struct weir_recovery *recovery, const struct weir_journal_folder *folder,
                          uint64_t id, struct weir_collector *collector, struct weir_diag *diag)
{
    struct weir_segment_reader *reader;
    int result = restore(collector, folder, id, diag);
    if (result == 0)
        result = weir_segment_reader_open(folder, id, &reader, diag);
    if (result < 0)
        return result;
    result = decode_all(recovery, collector, reader, diag);
    weir_segment_reader_close(reader);
    return result;
}

/* Ends the segment that was decoded: its files are the store's, and `next_id` has its state. */
static int end_segment(const struct weir_recovery *recovery, struct weir_store_writer *writer,
                       struct weir_collector *collector, uint64_t next_id, struct weir_diag *diag)
{
    struct weir_text_buffer state;
    struct weir_store_outcome outcome;
    weir_text_init(&state, WEIR_JOURNAL_STATE_MAX);
    int result = weir_collector_save(collector, weir_clock_now(&recovery->clock), &state);
    if (result < 0) {
        weir_text_done(&state);
        return weir_diag_set(diag, (enum weir_error)result, "the collector's state: %s",
                             weir_error_text(result));
    }
    const struct weir_store_next_segment next = {
        .id = next_id, .state = (uint8_t *)state.data, .state_length = state.length};
    weir_store_writer_end_segment(writer, &next);
    /* This writer finishes at once. */
    result = weir_store_writer_outcome(writer, &outcome);
    if (result == 0 && outcome.error < 0) {
        *diag = outcome.reason;
        result = outcome.error;
    }
    return result;
}

static int recover_one(struct weir_recovery *recovery, const struct weir_journal_folder *folder,
                       uint64_t id, uint64_t next_id, struct weir_diag *diag)
{
    const struct weir_store_writer_options options = {.path = recovery->store,
                                                      .clock = recovery->clock};
    struct weir_collector_config config = *recovery->collector;
    const struct weir_tables_missed nothing = {0};
    struct weir_collector *collector;
    struct weir_store_writer *writer;
    struct weir_tables tables;
    config.record_limit = 0;
    if (weir_collector_new(&config, &collector) < 0)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to collect with");
    int result = weir_store_writer_open(&options, &writer, diag);
    if (result < 0) {
        weir_collector_free(collector);
        return result;
    }
    const struct weir_batch_sink sink = weir_store_writer_sink(writer);
    result = weir_store_writer_begin_segment(writer, folder, id, diag);
    /* They are the collector's first: there is a place for them. */
    if (result == 0)
        result = weir_collector_add_batch_sink(collector, &sink);
    if (result == 0)
        result = weir_tables_init(&tables, collector, writer, 0);
    if (result == 0)
        result = decode_segment(recovery, folder, id, collector, diag);
    if (result == 0)
        result = weir_tables_report(&tables, weir_clock_now(&recovery->clock), &nothing, diag);
    if (result == 0)
        result = end_segment(recovery, writer, collector, next_id, diag);
    struct weir_store_counters stored;
    int closed = weir_store_writer_close(writer, &stored, result == 0 ? diag : NULL);
    weir_counter_add_all(weir_store_counter_table, weir_store_counter_count, &stored,
                         &recovery->stored);
    weir_collector_free(collector);
    if (result == 0)
        recovery->counted.journal_recovered_segments++;
    return result == 0 ? closed : result;
}

int weir_recover(struct weir_recovery *recovery, const struct weir_journal_folder *folder,
                 uint64_t below, size_t most, struct weir_diag *diag)
{
    struct weir_journal_ids segments;
    int result = weir_journal_folder_segments(folder, &segments, diag);
    if (result < 0)
        return result;
    for (size_t i = 0; i < segments.count && i < most && segments.ids[i] < below; i++) {
        uint64_t id = segments.ids[i];
        /* Whoever collects meanwhile goes on with `below`, whose file may not be there yet. */
        uint64_t last_id = below == WEIR_RECOVER_ALL ? id + 1 : below;
        uint64_t next_id = i + 1 < segments.count ? segments.ids[i + 1] : last_id;
        result = recover_one(recovery, folder, id, next_id, diag);
        if (result < 0)
            break;
    }
    weir_journal_ids_done(&segments);
    return result;
}
