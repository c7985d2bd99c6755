/* SPDX-License-Identifier: Apache-2.0 */
#include "app/past.h"

#include <stdlib.h>

#include "collect/state.h"

struct weir_past_state {
    uint64_t id;
    struct weir_octets octets;
};

int weir_past_open(struct weir_past *past, unsigned folders, struct weir_diag *diag)
{
    *past = (struct weir_past){.newest_ns = INT64_MIN};
    past->states = calloc(folders + WEIR_JOURNALS_MAX, sizeof(past->states[0]));
    return past->states ? 0
                        : weir_diag_set(diag, WEIR_E_NOMEM, "%s", weir_error_text(WEIR_E_NOMEM));
}

/*
 * The newest state of a folder, into `state`; nothing where there is none. Where a segment stays it
 * does not count: what waited then is in that segment's state, and would be decoded twice.
 */
static int load_newest(const struct weir_journal_folder *folder, struct weir_past_state *state,
                       struct weir_diag *diag)
{
    struct weir_journal_ids states = {0}, segments = {0};
    int result = weir_journal_folder_segments(folder, &segments, diag);
    if (result == 0)
        result = weir_journal_folder_states(folder, &states, diag);
    if (result == 0 && states.count > 0 && segments.count == 0) {
        state->id = states.ids[states.count - 1];
        result = weir_journal_folder_load_state(folder, state->id, &state->octets, diag);
    }
    weir_journal_ids_done(&states);
    weir_journal_ids_done(&segments);
    return result == WEIR_E_NOT_FOUND || result == WEIR_E_LIMIT ? 0 : result;
}

int weir_past_add(struct weir_past *past, const struct weir_journal_folder *folder,
                  struct weir_diag *diag)
{
    struct weir_past_state *state = &past->states[past->count];
    int result = load_newest(folder, state, diag);
    if (result < 0 || state->octets.length == 0) {
        weir_octets_done(&state->octets);
        return result;
    }
    int64_t saved_ns = weir_collector_state_time(state->octets.data, state->octets.length);
    if (saved_ns > past->newest_ns)
        past->newest_ns = saved_ns;
    past->count++;
    return 0;
}

int weir_past_add_dead(struct weir_past *past, const char *store, struct weir_diag *diag)
{
    for (unsigned number = 0; number < WEIR_JOURNALS_MAX; number++) {
        struct weir_journal_folder folder;
        struct weir_diag own = {0};
        int result = weir_journal_folder_take(store, number, false, &folder, &own);
        if (result == WEIR_E_NOT_FOUND)
            return 0;
        if (result < 0)
            continue; /* somebody's, or it was said when it was to be recovered */
        result = weir_past_add(past, &folder, diag);
        weir_journal_folder_close(&folder);
        if (result < 0)
            return result;
    }
    return 0;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t left = ((const struct weir_past_state *)a)->id,
             right = ((const struct weir_past_state *)b)->id;
    return left < right ? 1 : -(left > right);
}

void weir_past_restore(struct weir_past *past, const struct weir_share *share,
                       struct weir_collector *collector)
{
    struct weir_diag none;
    qsort(past->states, past->count, sizeof(past->states[0]), newest_first);
    for (unsigned i = 0; i < past->count; i++) {
        const struct weir_octets *octets = &past->states[i].octets;
        if (share)
            (void)!weir_collector_restore_share(collector, share, octets->data, octets->length,
                                                &none);
        else
            (void)!weir_collector_restore(collector, octets->data, octets->length, &none);
    }
}

void weir_past_close(struct weir_past *past)
{
    for (unsigned i = 0; i < past->count; i++)
        weir_octets_done(&past->states[i].octets);
    free(past->states);
    *past = (struct weir_past){0};
}
