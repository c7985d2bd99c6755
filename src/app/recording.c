/* SPDX-License-Identifier: Apache-2.0 */
#include "app/recording.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/collection.h"
#include "app/past.h"
#include "app/recovery.h"
#include "base/text.h"
#include "collect/state.h"

#define ROUNDS_MAX       16u
#define DRAIN_ROUNDS_MAX 16384u
#define FEW_DATAGRAMS    64u /* more come with the next call after a nap, at a lower price */
#define RECEIVE_NAP_NS   (3 * WEIR_NS_PER_MS)
#define TAKE_NAP_MS      10

/* One of the segments that were put off, decoded again where files are finished. */
struct retry {
    struct weir_job job;
    bool is_under_way;
    unsigned deferred; /* as the recording's was */
    uint64_t below;
    struct weir_recovery recovery;
    const struct weir_journal_folder *folder;
    int result;
    bool has_more; /* segments */
    struct weir_diag diag;
};

struct weir_recording {
    struct weir_recording_config config;
    struct weir_store_writer *writer;
    struct weir_recovery recovery;
    struct weir_journal_folder folder;
    struct weir_journal *journal;
    unsigned ending; /* segments whose outcome is not known yet */
    bool has_said_deferred;
    bool has_deferred;   /* segments that are to be decoded again */
    unsigned deferred;   /* how often one was put off */
    int64_t next_try_ns; /* of one of them, where no segment ends until then */
    struct retry retry;
    bool is_at_limit; /* the collector takes no more */
    bool is_busy;     /* something was taken since it last rested */
    bool is_behind;   /* and there was more */
    size_t foreseen;  /* datagrams that come next and the collector was told of */

    pthread_t receiving;
    bool is_receiving;
    struct weir_udp_listener *listeners[WEIR_COLLECTION_LISTENERS_MAX];
    unsigned listener_count;
    struct weir_bell stop_bell;
    atomic_bool stopping;
    _Atomic uint64_t dropped, not_allowed, limited, forgotten;
    int receive_result; /* after the thread has ended */
    struct weir_diag receive_diag;
};

static void say(const struct weir_recording *recording, const char *text)
{
    recording->config.say(recording->config.say_context, text);
}

/* ---- The thread that receives ---- */

static int receive_from(struct weir_recording *recording, struct weir_udp_listener *listener,
                        unsigned rounds, unsigned *ret_count)
{
    while (rounds-- > 0) {
        const struct weir_datagram *datagrams;
        struct weir_datagram room[WEIR_UDP_BATCH];
        int received = weir_udp_listener_receive(listener, 0, &datagrams, &recording->receive_diag);
        if (received == WEIR_E_AGAIN)
            return 0;
        if (received < 0)
            return received;
        *ret_count += (unsigned)received;
        size_t count = (size_t)received;
        weir_admission_apply(recording->config.admission, &datagrams, &count, room);
        int result = weir_journal_append(recording->journal, datagrams, count);
        if (result < 0)
            return result;
    }
    return 0;
}

/* For other threads: what they must not look at while this one counts. */
static void publish_missed(struct weir_recording *recording, uint64_t dropped)
{
    const struct weir_admission *admission = recording->config.admission;
    atomic_store(&recording->dropped, dropped);
    if (!admission)
        return;
    atomic_store(&recording->not_allowed, weir_admission_count(admission)->datagrams_not_allowed);
    atomic_store(&recording->limited, weir_admission_count(admission)->datagrams_limited);
    atomic_store(&recording->forgotten, weir_admission_count(admission)->limits_forgotten);
}

/* Takes what all listeners have; *ret_count says how much. */
static int receive_all(struct weir_recording *recording, unsigned rounds, unsigned *ret_count)
{
    uint64_t dropped = 0;
    int result = 0;
    *ret_count = 0;
    for (unsigned i = 0; i < recording->listener_count && result == 0; i++) {
        result = receive_from(recording, recording->listeners[i], rounds, ret_count);
        dropped += weir_udp_listener_dropped(recording->listeners[i]);
    }
    if (result == 0)
        publish_missed(recording, dropped);
    return result;
}

/* Waits for datagrams, for the end of a segment, or to be stopped. */
static int wait_for_datagrams(struct weir_recording *recording)
{
    struct pollfd fds[WEIR_COLLECTION_LISTENERS_MAX + 1];
    nfds_t count = 0;
    for (; count < recording->listener_count; count++)
        fds[count] = (struct pollfd){.fd = weir_udp_listener_fd(recording->listeners[count]),
                                     .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = weir_bell_fd(&recording->stop_bell), .events = POLLIN};
    int timeout_ms = -1;
    int64_t due_ns = weir_journal_due(recording->journal);
    if (due_ns != INT64_MAX) {
        int64_t left_ns = due_ns - weir_clock_now(&recording->config.clock);
        /* At most a second at a time: the clock may be set. */
        if (left_ns > WEIR_NS_PER_SECOND)
            left_ns = WEIR_NS_PER_SECOND;
        timeout_ms = left_ns <= 0 ? 0 : (int)((left_ns + WEIR_NS_PER_MS - 1) / WEIR_NS_PER_MS);
    }
    if (poll(fds, count, timeout_ms) < 0 && errno != EINTR)
        return weir_diag_set(&recording->receive_diag, WEIR_E_IO, "waiting for messages: %s",
                             strerror(errno));
    return 0;
}

static void *receive_loop(void *context)
{
    struct weir_recording *recording = context;
    unsigned count = 0;
    int result = 0;
    while (result == 0 && !atomic_load(&recording->stopping)) {
        const struct timespec nap = {.tv_nsec = RECEIVE_NAP_NS};
        if (count > 0 && count < FEW_DATAGRAMS)
            nanosleep(&nap, NULL);
        else
            result = wait_for_datagrams(recording);
        if (result == 0)
            result = receive_all(recording, ROUNDS_MAX, &count);
        weir_journal_tick(recording->journal, weir_clock_now(&recording->config.clock));
    }
    /* What had arrived when it was told to stop. */
    if (result == 0)
        result = receive_all(recording, DRAIN_ROUNDS_MAX, &count);
    recording->receive_result = result == WEIR_E_CLOSED ? 0 : result;
    weir_journal_end(recording->journal);
    return NULL;
}

static void stop_receiving(struct weir_recording *recording)
{
    if (!recording->is_receiving)
        return;
    atomic_store(&recording->stopping, true);
    weir_bell_wake(&recording->stop_bell);
}

static void join_receiving(struct weir_recording *recording)
{
    if (recording->is_receiving)
        pthread_join(recording->receiving, NULL);
    recording->is_receiving = false;
}

/* ---- What was left ---- */

/* After a bit more than a rotation: where datagrams come, a segment ends before, and that counts.
 */
static void set_next_try(struct weir_recording *recording)
{
    int64_t rotate_ns = recording->config.rotate_ns;
    recording->next_try_ns = weir_clock_now(&recording->config.clock) + rotate_ns + rotate_ns / 4;
}

/* Says that a segment's files could not be written; once, until one could. */
static void put_off(struct weir_recording *recording, const struct weir_diag *reason)
{
    char text[sizeof(reason->text) + 80];
    recording->has_deferred = true;
    recording->deferred++;
    set_next_try(recording);
    if (recording->has_said_deferred)
        return;
    recording->has_said_deferred = true;
    snprintf(text, sizeof(text), "what cannot be stored stays in the journal: %s", reason->text);
    say(recording, text);
}

static void say_recovered(const struct weir_recording *recording, const char *path,
                          uint64_t datagrams)
{
    char text[sizeof(((struct weir_diag *)NULL)->text) + 80];
    if (datagrams == 0)
        return;
    snprintf(text, sizeof(text), "%s: recovered %llu datagrams", path,
             (unsigned long long)datagrams);
    say(recording, text);
}

/* Stores what a folder holds; what fails, with diag, and the rest stays. */
static int recover_folder(struct weir_recording *recording,
                          const struct weir_journal_folder *folder, struct weir_diag *diag)
{
    uint64_t before = recording->recovery.counted.journal_recovered_datagrams;
    int result = weir_recover(&recording->recovery, folder, WEIR_RECOVER_ALL, SIZE_MAX, diag);
    if (result == 0)
        say_recovered(recording, folder->path,
                      recording->recovery.counted.journal_recovered_datagrams - before);
    return result;
}

/* Those of processes that have ended otherwise than in good order. */
static void recover_others(struct weir_recording *recording)
{
    for (unsigned number = 0; number < WEIR_JOURNALS_MAX; number++) {
        struct weir_journal_folder folder;
        struct weir_diag diag = {0};
        int result =
            recording->folder.fd >= 0 && number == recording->folder.number
                ? WEIR_E_AGAIN
                : weir_journal_folder_take(recording->config.store, number, false, &folder, &diag);
        if (result == WEIR_E_NOT_FOUND)
            return;
        if (result == WEIR_E_AGAIN)
            continue;
        if (result < 0) {
            say(recording, diag.text);
            continue;
        }
        if (recover_folder(recording, &folder, &diag) < 0) {
            char text[sizeof(diag.text) + 160];
            snprintf(text, sizeof(text), "%s: what is in the journal stays there: %s", folder.path,
                     diag.text);
            say(recording, text);
        }
        weir_journal_folder_close(&folder);
    }
}

static int take_folder(struct weir_recording *recording, struct weir_diag *diag)
{
    if (recording->config.recovers_only)
        return 0;
    for (unsigned number = 0; number < WEIR_JOURNALS_MAX; number++) {
        int result = weir_journal_folder_take(recording->config.store, number, true,
                                              &recording->folder, diag);
        if (result != WEIR_E_AGAIN)
            return result;
    }
    return weir_diag_set(diag, WEIR_E_LIMIT, "%s: more than %u processes write to it",
                         recording->config.store, WEIR_JOURNALS_MAX);
}

/* What the folder's newest state knows is what this collector is to know. */
static bool has_same_share(const struct weir_recording *recording)
{
    const struct weir_share ours = recording->config.share;
    if (recording->folder.fd < 0)
        return false;
    struct weir_share before = weir_journal_folder_share(&recording->folder);
    return before.index == ours.index && before.count == ours.count;
}

/* What is of our share in all journals. */
static int find_all(const struct weir_recording *recording, struct weir_recording *const *all,
                    unsigned count, struct weir_past *past, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < count && result == 0; i++)
        if (all[i]->folder.fd >= 0)
            result = weir_past_add(past, &all[i]->folder, diag);
    return result < 0 ? result : weir_past_add_dead(past, recording->config.store, diag);
}

int weir_recording_restore(const struct weir_recording *recording,
                           struct weir_recording *const *all, unsigned count,
                           struct weir_collector *collector, struct weir_diag *diag)
{
    /* What our folder knows is all ours where its share was the same. */
    bool is_own = has_same_share(recording);
    struct weir_past past;
    int result = weir_past_open(&past, is_own ? 1 : count, diag);
    if (result < 0)
        return result;
    result = is_own ? weir_past_add(&past, &recording->folder, diag)
                    : find_all(recording, all, count, &past, diag);
    bool is_newer = past.newest_ns > recording->config.known_ns;
    struct weir_diag none;
    if (result == 0 && (is_newer || recording->has_deferred))
        (void)!weir_collector_restore(collector, "", 0, &none);
    if (result == 0 && is_newer)
        weir_past_restore(&past, is_own ? NULL : &recording->config.share, collector);
    weir_past_close(&past);
    return result;
}

int weir_recording_open(const struct weir_recording_config *config,
                        struct weir_store_writer *writer, struct weir_recording **ret_recording,
                        struct weir_diag *diag)
{
    struct weir_recording *recording = calloc(1, sizeof(*recording));
    if (!recording)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s", weir_error_text(WEIR_E_NOMEM));
    recording->config = *config;
    if (config->share.count == 0)
        recording->config.share = (struct weir_share){0, 1};
    recording->writer = writer;
    recording->folder = (struct weir_journal_folder){.root_fd = -1, .fd = -1, .lock_fd = -1};
    recording->recovery = (struct weir_recovery){
        .store = config->store,
        .clock = config->clock,
        .collector = &recording->config.collector,
    };
    int result = weir_bell_open(&recording->stop_bell);
    if (result < 0)
        weir_diag_set(diag, WEIR_E_IO, "an eventfd: %s", strerror(errno));
    else
        result = take_folder(recording, diag);
    if (result == 0) {
        struct weir_diag own = {0};
        if (recording->folder.fd >= 0 && recover_folder(recording, &recording->folder, &own) < 0)
            put_off(recording, &own);
        recover_others(recording);
    }
    if (result < 0) {
        weir_recording_close(recording);
        return result;
    }
    *ret_recording = recording;
    return 0;
}

/* ---- Beginning ---- */

static int save(const struct weir_recording *recording, struct weir_collector *collector,
                struct weir_text_buffer *state, struct weir_diag *diag)
{
    weir_text_init(state, WEIR_JOURNAL_STATE_MAX);
    int result = weir_collector_save(collector, weir_clock_now(&recording->config.clock), state);
    if (result < 0)
        weir_diag_set(diag, (enum weir_error)result, "the collector's state: %s",
                      weir_error_text(result));
    return result;
}

/*
 * The first segment begins with what was restored, whatever becomes of what was before. In between
 * the folder's states are of no share.
 */
static int begin_first(struct weir_recording *recording, struct weir_collector *collector,
                       struct weir_diag *diag)
{
    const struct weir_journal_folder *folder = &recording->folder;
    uint64_t id = weir_journal_segment(recording->journal);
    struct weir_diag own = {0};
    struct weir_text_buffer state;
    int result = save(recording, collector, &state, diag);
    if (result < 0) {
        weir_text_done(&state);
        return result;
    }
    if (!has_same_share(recording))
        weir_journal_folder_note_share(folder, (struct weir_share){1, 1});
    if (weir_journal_folder_save_state(folder, id, (const uint8_t *)state.data, state.length,
                                       &own) < 0) {
        say(recording, own.text);
    } else {
        weir_journal_folder_note_share(folder, recording->config.share);
        if (!recording->has_deferred)
            weir_journal_folder_forget_states(folder, id);
    }
    weir_text_done(&state);
    return weir_store_writer_begin_segment(recording->writer, folder, id, diag);
}

/* Ends an interval of the ledger. */
static int report(const struct weir_recording *recording, struct weir_diag *diag)
{
    const struct weir_tables_missed missed = weir_recording_missed(recording);
    if (!recording->config.tables)
        return 0;
    return weir_tables_report(recording->config.tables, weir_clock_now(&recording->config.clock),
                              &missed, diag);
}

int weir_recording_start(struct weir_recording *recording, struct weir_collector *collector,
                         struct weir_udp_listener *const *listeners, unsigned count,
                         struct weir_diag *diag)
{
    const struct weir_journal_options options = {
        .folder = &recording->folder,
        .clock = recording->config.clock,
        .rotate_ns = recording->config.rotate_ns,
        .sync_ns = recording->config.sync_ns,
        .sync_octets = recording->config.sync_octets,
    };
    memcpy(recording->listeners, listeners, count * sizeof(struct weir_udp_listener *));
    recording->listener_count = count;
    int result = weir_collector_hand_over(collector, diag);
    if (result == 0)
        result = report(recording, diag);
    if (result == 0)
        result = weir_store_writer_flush(recording->writer, INT64_MAX, diag);
    if (result == 0)
        result = weir_store_writer_wait(recording->writer, diag);
    if (result == 0)
        result = weir_journal_open(&options, &recording->journal, diag);
    if (result == 0)
        result = begin_first(recording, collector, diag);
    if (result < 0)
        return result;
    int reason = pthread_create(&recording->receiving, NULL, receive_loop, recording);
    if (reason != 0)
        return weir_diag_set(diag, WEIR_E_IO, "cannot start a thread: %s", strerror(reason));
    recording->is_receiving = true;
    return 0;
}

/* ---- Taking out ---- */

/* In the thread where files are finished, after all segments below that one were. */
static void run_retry(struct weir_job *job)
{
    struct retry *retry = (struct retry *)(void *)((char *)job - offsetof(struct retry, job));
    struct weir_journal_ids segments = {0};
    struct weir_diag reason;
    /* Of one that is gone files may be left that did not reach their places. */
    int settled = weir_journal_folder_settle(retry->folder, &reason);
    retry->result = weir_recover(&retry->recovery, retry->folder, retry->below, 1, &retry->diag);
    if (retry->result == 0 && settled < 0) {
        retry->result = settled;
        retry->diag = reason;
    }
    if (retry->result == 0)
        retry->result = weir_journal_folder_segments(retry->folder, &segments, &retry->diag);
    retry->has_more = segments.count > 0 && segments.ids[0] < retry->below;
    weir_journal_ids_done(&segments);
}

/* One segment that was put off, now that another could be stored or some time has passed. */
static void retry_deferred(struct weir_recording *recording)
{
    struct retry *retry = &recording->retry;
    struct weir_background *background = weir_store_writer_background(recording->writer);
    if (!recording->has_deferred || retry->is_under_way)
        return;
    *retry = (struct retry){
        .job.run = run_retry,
        .is_under_way = true,
        .deferred = recording->deferred,
        .below = weir_journal_segment(recording->journal),
        .recovery = {.store = recording->config.store,
                     .clock = recording->config.clock,
                     .collector = &recording->config.collector},
        .folder = &recording->folder,
    };
    if (background)
        (void)weir_background_give(background, &retry->job);
    else
        weir_job_do(&retry->job);
}

/* What became of it. */
static void end_retry(struct weir_recording *recording)
{
    struct retry *retry = &recording->retry;
    if (!retry->is_under_way || !weir_job_is_done(&retry->job))
        return;
    retry->is_under_way = false;
    weir_counter_add_all(weir_store_counter_table, weir_store_counter_count,
                         &retry->recovery.stored, &recording->recovery.stored);
    weir_counter_add_all(weir_journal_counter_table, weir_journal_counter_count,
                         &retry->recovery.counted, &recording->recovery.counted);
    if (retry->result < 0) {
        put_off(recording, &retry->diag);
        return;
    }
    say_recovered(recording, recording->folder.path,
                  retry->recovery.counted.journal_recovered_datagrams);
    recording->has_said_deferred = false;
    recording->has_deferred = retry->has_more || recording->deferred != retry->deferred;
}

/* What became of segments that ended, and of one that was tried again. */
static void learn_outcomes(struct weir_recording *recording)
{
    struct weir_store_outcome outcome;
    end_retry(recording);
    while (weir_store_writer_outcome(recording->writer, &outcome) == 0) {
        recording->ending--;
        if (outcome.error < 0) {
            put_off(recording, &outcome.reason);
        } else {
            recording->has_said_deferred = false;
            retry_deferred(recording);
        }
    }
}

/* Where nothing comes no segment ends after which what was put off is tried again. */
static void retry_in_time(struct weir_recording *recording)
{
    if (!recording->has_deferred)
        return;
    int64_t left_ns = recording->next_try_ns - weir_clock_now(&recording->config.clock);
    /* A clock that was set back must not keep it waiting. */
    if (left_ns <= 0 || left_ns > 2 * recording->config.rotate_ns)
        retry_deferred(recording);
}

void weir_recording_settle(struct weir_recording *recording)
{
    struct weir_diag none;
    if (!recording || (recording->ending == 0 && !recording->retry.is_under_way))
        return;
    (void)!weir_store_writer_wait(recording->writer, &none);
    learn_outcomes(recording);
    struct weir_background *background = weir_store_writer_background(recording->writer);
    if (background && recording->retry.is_under_way)
        weir_background_wait(background, &recording->retry.job);
    end_retry(recording);
}

static void settle_journal(void *context, uint64_t position)
{
    weir_journal_settle(context, position);
}

/* All of a segment is with the collector. 0, or the error of a sink. */
static int end_segment(struct weir_recording *recording, struct weir_collector *collector,
                       uint64_t next_id, struct weir_diag *diag)
{
    struct weir_text_buffer state;
    int result = weir_collector_hand_over(collector, diag);
    if (result == 0)
        result = report(recording, diag);
    if (result < 0)
        return result;
    result = save(recording, collector, &state, diag);
    if (result < 0) {
        weir_text_done(&state);
        return result;
    }
    const struct weir_store_next_segment next = {
        .id = next_id,
        .state = (uint8_t *)state.data,
        .state_length = state.length,
        .settle = settle_journal,
        .settle_context = recording->journal,
        .settle_position = weir_journal_start(recording->journal),
    };
    recording->ending++;
    weir_store_writer_end_segment(recording->writer, &next);
    learn_outcomes(recording);
    return weir_store_writer_begin_segment(recording->writer, &recording->folder, next_id, diag);
}

static void say_messages(struct weir_recording *recording)
{
    struct weir_diag message;
    if (weir_journal_message(recording->journal, &message))
        say(recording, message.text);
}

/* Tells the collector of what comes next, several at a time. */
static void foresee(struct weir_recording *recording, struct weir_collector *collector)
{
    struct weir_datagram ahead[WEIR_SESSIONS_FORESEEN];
    if (recording->foreseen > 0 || !weir_sessions_are_many(weir_collector_sessions(collector)))
        return;
    recording->foreseen = weir_journal_peek(recording->journal, ahead, WEIR_SESSIONS_FORESEEN);
    weir_collector_foresee(collector, ahead, recording->foreseen, 0, WEIR_COLLECT_UDP);
}

/* Takes out one item. As weir_journal_next and weir_collector_receive. */
static int take_one(struct weir_recording *recording, struct weir_collector *collector, bool leave,
                    uint64_t *ret_messages, struct weir_diag *diag)
{
    struct weir_journal_item item;
    foresee(recording, collector);
    int result = weir_journal_next(recording->journal, &item);
    if (result == WEIR_E_MALFORMED || result == WEIR_E_TRUNCATED)
        return weir_diag_set(diag, WEIR_E_IO, "%s: its memory was changed by somebody else",
                             recording->folder.path);
    if (result < 0)
        return result;
    if (item.kind == WEIR_JOURNAL_SEGMENT_END)
        return end_segment(recording, collector, item.next_segment, diag);
    ++*ret_messages;
    recording->is_busy = true;
    recording->foreseen -= recording->foreseen > 0;
    if (leave)
        return 0;
    result = weir_collector_receive(collector, &item.datagram, WEIR_COLLECT_UDP, diag);
    recording->is_at_limit = result == WEIR_E_END;
    return result;
}

/* The end of what the thread receives: 0, or why it ended by itself. */
static int end_of_receiving(struct weir_recording *recording, struct weir_diag *diag)
{
    join_receiving(recording);
    if (recording->receive_result < 0)
        *diag = recording->receive_diag;
    return recording->receive_result;
}

int weir_recording_take(struct weir_recording *recording, struct weir_collector *collector,
                        unsigned most, uint64_t *ret_messages, struct weir_diag *diag)
{
    say_messages(recording);
    learn_outcomes(recording);
    retry_in_time(recording);
    recording->is_behind = false;
    while (most-- > 0) {
        int result = take_one(recording, collector, false, ret_messages, diag);
        if (result == WEIR_E_AGAIN)
            return 0;
        if (result == WEIR_E_END && !recording->is_at_limit)
            return end_of_receiving(recording, diag);
        if (result < 0)
            return result;
    }
    recording->is_behind = true;
    return 0;
}

int weir_recording_finish(struct weir_recording *recording, struct weir_collector *collector,
                          bool leave, struct weir_diag *diag)
{
    uint64_t messages = 0;
    recording->is_behind = false;
    stop_receiving(recording);
    for (;;) {
        bool leaves = leave || recording->is_at_limit;
        int result = take_one(recording, collector, leaves, &messages, diag);
        if (result == WEIR_E_END && (leaves || !recording->is_at_limit)) {
            say_messages(recording);
            weir_recording_settle(recording);
            return end_of_receiving(recording, diag);
        }
        if (result == WEIR_E_AGAIN)
            weir_bell_sleep(weir_journal_bell(recording->journal), weir_recording_rest(recording));
        else if (result < 0 && result != WEIR_E_AGAIN && result != WEIR_E_END)
            return result;
    }
}

int weir_recording_rest(struct weir_recording *recording)
{
    struct weir_bell *bell = weir_journal_bell(recording->journal);
    bool was_busy = recording->is_busy;
    recording->is_busy = false;
    weir_bell_disarm(bell);
    if (recording->is_behind)
        return 0;
    if (was_busy)
        return TAKE_NAP_MS;
    weir_bell_arm(bell);
    return weir_journal_is_empty(recording->journal) ? -1 : 0;
}

int weir_recording_fd(const struct weir_recording *recording)
{
    return weir_bell_fd(weir_journal_bell(recording->journal));
}

int weir_recording_check(const struct weir_recording *recording, struct weir_diag *diag)
{
    if (!recording->has_deferred)
        return 0;
    return weir_diag_set(diag, WEIR_E_IO,
                         "%s: what could not be stored stays there, and is when weir collects into "
                         "this store again",
                         recording->folder.path);
}

void weir_recording_close(struct weir_recording *recording)
{
    if (!recording)
        return;
    weir_recording_settle(recording);
    if (recording->journal)
        weir_journal_abandon(recording->journal);
    stop_receiving(recording);
    join_receiving(recording);
    weir_journal_close(recording->journal);
    weir_journal_folder_close(&recording->folder);
    weir_bell_close(&recording->stop_bell);
    free(recording);
}

struct weir_tables_missed weir_recording_missed(const struct weir_recording *recording)
{
    return (struct weir_tables_missed){
        .dropped = atomic_load(&recording->dropped),
        .not_allowed = atomic_load(&recording->not_allowed),
        .limited = atomic_load(&recording->limited),
    };
}

struct weir_admission_counters weir_recording_admitted(const struct weir_recording *recording)
{
    return (struct weir_admission_counters){
        .datagrams_not_allowed = atomic_load(&recording->not_allowed),
        .datagrams_limited = atomic_load(&recording->limited),
        .limits_forgotten = atomic_load(&recording->forgotten),
    };
}

struct weir_journal_counters weir_recording_count(const struct weir_recording *recording)
{
    struct weir_journal_counters counters = recording->recovery.counted;
    if (recording->journal) {
        struct weir_journal_counters own = weir_journal_count(recording->journal);
        weir_counter_add_all(weir_journal_counter_table, weir_journal_counter_count, &own,
                             &counters);
    }
    return counters;
}

const struct weir_store_counters *weir_recording_stored(const struct weir_recording *recording)
{
    return &recording->recovery.stored;
}
