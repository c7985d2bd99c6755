/* SPDX-License-Identifier: Apache-2.0 */
#include "app/snapshot.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/bell.h"

/* Whose the snapshot that is filled is. */
enum holder {
    HOLDER_ASKER,
    HOLDER_WORKER, /* since it was asked */
    HOLDER_NONE,   /* left by the worker, and the asker's as soon as that looks */
};

struct box {
    _Alignas(64) _Atomic(enum holder) holder; /* workers look at theirs all the time */
    struct weir_bell asked;                   /* for the worker */
    struct weir_snapshot *shared;
    struct weir_snapshot *latest; /* NULL: there was none yet */
    struct weir_snapshot *memory[2];
    const struct weir_session **chosen; /* the worker's: a heap, the one with the fewest first */
};

struct weir_snapshots {
    unsigned workers;
    uint32_t session_max;
    struct weir_clock clock;
    struct weir_bell left; /* for the asker */
    struct box boxes[];
};

static int open_box(struct box *box, uint32_t session_max)
{
    atomic_init(&box->holder, HOLDER_ASKER);
    for (unsigned i = 0; i < 2; i++) {
        box->memory[i] =
            calloc(1, sizeof(*box->shared) + session_max * sizeof(box->shared->sessions[0]));
        if (!box->memory[i])
            return WEIR_E_NOMEM;
    }
    box->shared = box->memory[0];
    box->chosen = calloc(session_max, sizeof(struct weir_session *));
    return box->chosen ? weir_bell_open(&box->asked) : WEIR_E_NOMEM;
}

int weir_snapshots_new(unsigned workers, uint32_t session_max, struct weir_clock clock,
                       struct weir_snapshots **ret_snapshots)
{
    struct weir_snapshots *snapshots = aligned_alloc(
        _Alignof(struct box), sizeof(*snapshots) + workers * sizeof(snapshots->boxes[0]));
    if (!snapshots)
        return WEIR_E_NOMEM;
    *snapshots = (struct weir_snapshots){
        .workers = workers,
        .session_max = session_max,
        .clock = clock,
        .left.fd = -1,
    };
    for (unsigned i = 0; i < workers; i++)
        snapshots->boxes[i] = (struct box){.asked.fd = -1};
    int result = weir_bell_open(&snapshots->left);
    for (unsigned i = 0; i < workers && result == 0; i++)
        result = open_box(&snapshots->boxes[i], session_max);
    if (result < 0)
        weir_snapshots_free(snapshots);
    else
        *ret_snapshots = snapshots;
    return result;
}

void weir_snapshots_free(struct weir_snapshots *snapshots)
{
    if (!snapshots)
        return;
    for (unsigned i = 0; i < snapshots->workers; i++) {
        struct box *box = &snapshots->boxes[i];
        weir_bell_close(&box->asked);
        free(box->memory[0]);
        free(box->memory[1]);
        free(box->chosen);
    }
    weir_bell_close(&snapshots->left);
    free(snapshots);
}

/* ---- The asker ---- */

/* What a worker has left becomes the latest. */
static void take(struct box *box)
{
    if (atomic_load(&box->holder) != HOLDER_NONE)
        return;
    box->latest = box->shared;
    box->shared = box->memory[box->latest == box->memory[0]];
    atomic_store(&box->holder, HOLDER_ASKER);
}

void weir_snapshots_ask(struct weir_snapshots *snapshots)
{
    for (unsigned i = 0; i < snapshots->workers; i++) {
        struct box *box = &snapshots->boxes[i];
        take(box);
        if (atomic_load(&box->holder) != HOLDER_ASKER)
            continue;
        atomic_store(&box->holder, HOLDER_WORKER);
        weir_bell_wake(&box->asked);
    }
}

static bool all_have_left(struct weir_snapshots *snapshots)
{
    bool have_left = true;
    for (unsigned i = 0; i < snapshots->workers; i++) {
        take(&snapshots->boxes[i]);
        have_left = have_left && atomic_load(&snapshots->boxes[i].holder) == HOLDER_ASKER;
    }
    return have_left;
}

void weir_snapshots_await(struct weir_snapshots *snapshots, int timeout_ms)
{
    int64_t until_ns = weir_clock_now(&snapshots->clock) + timeout_ms * WEIR_NS_PER_MS;
    for (;;) {
        struct pollfd rung = {.fd = weir_bell_fd(&snapshots->left), .events = POLLIN};
        weir_bell_disarm(&snapshots->left);
        if (all_have_left(snapshots))
            return;
        int64_t left_ns = until_ns - weir_clock_now(&snapshots->clock);
        if (left_ns <= 0 || poll(&rung, 1, (int)(left_ns / WEIR_NS_PER_MS) + 1) == 0)
            return;
    }
}

unsigned weir_snapshots_workers(const struct weir_snapshots *snapshots)
{
    return snapshots->workers;
}

const struct weir_snapshot *weir_snapshots_latest(const struct weir_snapshots *snapshots,
                                                  unsigned worker)
{
    return snapshots->boxes[worker].latest;
}

/* ---- A worker ---- */

int weir_snapshots_fd(const struct weir_snapshots *snapshots, unsigned worker)
{
    return weir_bell_fd(&snapshots->boxes[worker].asked);
}

struct weir_snapshot *weir_snapshots_asked(struct weir_snapshots *snapshots, unsigned worker)
{
    struct box *box = &snapshots->boxes[worker];
    return atomic_load_explicit(&box->holder, memory_order_acquire) == HOLDER_WORKER ? box->shared
                                                                                     : NULL;
}

static uint64_t messages_of(const struct weir_session *session)
{
    return session->counts.messages;
}

/* Restores the heap below its first, which is new. */
static void sift(const struct weir_session **heap, uint32_t count)
{
    const struct weir_session *first = heap[0];
    uint32_t at = 0;
    for (uint32_t child = 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && messages_of(heap[child + 1]) < messages_of(heap[child]);
        if (messages_of(heap[child]) >= messages_of(first))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = first;
}

/* Adds one at the end of a heap of which there are `count` already. */
static void rise(const struct weir_session **heap, uint32_t count,
                 const struct weir_session *session)
{
    uint32_t at = count;
    while (at > 0 && messages_of(heap[(at - 1) / 2]) > messages_of(session)) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = session;
}

static void fill_session(struct weir_snapshot_session *into, const struct weir_session *session)
{
    const struct weir_collect_counters counters = weir_session_count(session);
    *into = (struct weir_snapshot_session){
        .key = session->key,
        .number = session->number,
        .has_skew = session->skew.has_started,
        .skew_ns = session->skew.mean_ns,
    };
#define X(name) into->counted.name = (int64_t)counters.name;
    WEIR_REPORT_COUNTERS(X)
#undef X
}

void weir_snapshots_take_sessions(struct weir_snapshots *snapshots, unsigned worker,
                                  const struct weir_sessions *sessions)
{
    struct box *box = &snapshots->boxes[worker];
    struct weir_snapshot *snapshot = box->shared;
    uint32_t count = 0;
    for (const struct weir_session *session = sessions->newest; session; session = session->older) {
        if (count < snapshots->session_max) {
            rise(box->chosen, count++, session);
        } else if (messages_of(session) > messages_of(box->chosen[0])) {
            box->chosen[0] = session;
            sift(box->chosen, count);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        fill_session(&snapshot->sessions[i], box->chosen[i]);
    snapshot->session_count = count;
    snapshot->sessions_left_out = sessions->count - count;
}

void weir_snapshots_leave(struct weir_snapshots *snapshots, unsigned worker)
{
    struct box *box = &snapshots->boxes[worker];
    box->shared->taken_ns = weir_clock_now(&snapshots->clock);
    weir_bell_disarm(&box->asked);
    atomic_store(&box->holder, HOLDER_NONE);
    weir_bell_wake(&snapshots->left);
}
