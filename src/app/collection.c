/* SPDX-License-Identifier: Apache-2.0 */
#include "app/collection.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "app/recording.h"
#include "collect/input.h"
#include "net/udp.h"

#define FLUSH_NS         WEIR_NS_PER_SECOND
#define ROUNDS_MAX       16u    /* receives from one listener before the others have their turn */
#define DRAIN_ROUNDS_MAX 16384u /* and when stopped: a million datagrams */

struct weir_collection {
    struct weir_collection_config config;
    struct weir_collector *collector;
    struct weir_datagram_counters captured; /* in the captures that were read */
    bool has_failed;
    struct weir_recording *recording; /* NULL: none */
    unsigned listener_count;
    struct weir_udp_listener *listeners[WEIR_COLLECTION_LISTENERS_MAX];
};

int weir_collection_new(const struct weir_collection_config *config,
                        struct weir_collection **ret_collection)
{
    struct weir_collection *collection = calloc(1, sizeof(*collection));
    if (!collection)
        return WEIR_E_NOMEM;
    collection->config = *config;
    int result = weir_collector_new(&config->collector, &collection->collector);
    if (result < 0) {
        free(collection);
        return result;
    }
    *ret_collection = collection;
    return 0;
}

void weir_collection_free(struct weir_collection *collection)
{
    if (!collection)
        return;
    for (unsigned i = 0; i < collection->listener_count; i++)
        weir_udp_listener_close(collection->listeners[i]);
    weir_collector_free(collection->collector);
    free(collection);
}

struct weir_collector *weir_collection_collector(struct weir_collection *collection)
{
    return collection->collector;
}

bool weir_collection_has_failed(const struct weir_collection *collection)
{
    return collection->has_failed;
}

static bool is_stopped(const struct weir_collection *collection)
{
    const struct weir_collection_config *config = &collection->config;
    return config->stop && config->stop(config->stop_context, collection);
}

int weir_collection_open_all(struct weir_collection *const *collections, unsigned count,
                             const struct weir_url *url, struct weir_diag *diag)
{
    static const char *const options[] = {"buffer", NULL};
    struct weir_udp_listener *listeners[WEIR_UDP_GROUP_MAX];
    uint64_t buffer_octets = WEIR_UDP_BUFFER_OCTETS;
    if (url->transport != WEIR_URL_UDP || url->protocol != WEIR_URL_ANY)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "a listener is udp://HOST:PORT or udp://:PORT; it tells protocols "
                             "apart by itself");
    int result = weir_url_check_options(url, options, diag);
    if (result < 0)
        return result;
    result = weir_url_number(url, "buffer", INT32_MAX / 2, &buffer_octets, diag);
    if (result < 0)
        return result;
    if (collections[0]->listener_count == WEIR_COLLECTION_LISTENERS_MAX)
        return weir_diag_set(diag, WEIR_E_LIMIT, "more than %u listeners",
                             WEIR_COLLECTION_LISTENERS_MAX);
    result = weir_udp_listener_open_group(url->host, url->port, (int)buffer_octets, count,
                                          listeners, diag);
    for (unsigned i = 0; i < count && result == 0; i++)
        collections[i]->listeners[collections[i]->listener_count++] = listeners[i];
    return result;
}

int weir_collection_open(struct weir_collection *collection, const struct weir_url *url,
                         struct weir_diag *diag)
{
    return weir_collection_open_all(&collection, 1, url, diag);
}

static struct weir_tables_missed missed_by(const struct weir_collection *collection)
{
    const struct weir_admission *admission = collection->config.admission;
    struct weir_tables_missed missed = {0};
    if (collection->recording)
        return weir_recording_missed(collection->recording);
    if (admission) {
        missed.not_allowed = weir_admission_count(admission)->datagrams_not_allowed;
        missed.limited = weir_admission_count(admission)->datagrams_limited;
    }
    for (unsigned i = 0; i < collection->listener_count; i++)
        missed.dropped += weir_udp_listener_dropped(collection->listeners[i]);
    return missed;
}

/* Intervals of the ledger: where there is a recording its segments are. */
static bool has_intervals(const struct weir_collection *collection)
{
    const struct weir_tables *tables = collection->config.tables;
    return tables && tables->writer && !collection->recording;
}

static int pass_time(struct weir_collection *collection, int64_t now_ns, struct weir_diag *diag)
{
    struct weir_tables *tables = collection->config.tables;
    if (!has_intervals(collection) || now_ns < tables->end_ns)
        return 0;
    const struct weir_tables_missed missed = missed_by(collection);
    return weir_tables_pass(tables, now_ns, &missed, diag);
}

/* 0, WEIR_E_END at the limit, or the error of a sink. */
static int take(struct weir_collection *collection, const struct weir_datagram *datagram,
                enum weir_collect_transport transport, struct weir_diag *diag)
{
    int result = pass_time(collection, datagram->received_ns, diag);
    if (result == 0)
        result = weir_collector_receive(collection->collector, datagram, transport, diag);
    if (result < 0 && result != WEIR_E_END)
        collection->has_failed = true;
    return result;
}

int weir_collection_flush(struct weir_collection *collection, struct weir_diag *diag)
{
    int64_t now_ns = weir_clock_now(&collection->config.clock);
    /* What waited counts before the last report. */
    int result = weir_collector_hand_over(collection->collector, diag);
    if (result == 0 && has_intervals(collection)) {
        const struct weir_tables_missed missed = missed_by(collection);
        result = weir_tables_report(collection->config.tables, now_ns, &missed, diag);
    }
    int flushed = weir_collector_flush(collection->collector, now_ns, result < 0 ? NULL : diag);
    result = result < 0 ? result : flushed;
    if (result < 0)
        collection->has_failed = true;
    return result;
}

/* Rows that wait for options stay. */
static int tick(struct weir_collection *collection, int64_t now_ns, struct weir_diag *diag)
{
    struct weir_state_file *state = collection->config.state;
    struct weir_diag text = {0};
    int result = pass_time(collection, now_ns, diag);
    if (result == 0)
        result = weir_collector_tick(collection->collector, now_ns, diag);
    if (state && state->path && weir_state_file_tick(state, collection->collector, now_ns, &text))
        collection->config.say(collection->config.say_context, text.text);
    if (result < 0)
        collection->has_failed = true;
    return result;
}

static void close_input(struct weir_collection *collection, struct weir_input *input)
{
    const struct weir_datagram_counters *captured = weir_input_datagrams(input);
    if (captured)
        weir_counter_add_all(weir_datagram_counter_table, weir_datagram_counter_count, captured,
                             &collection->captured);
    weir_input_close(input);
}

static bool is_admitted(const struct weir_collection *collection,
                        const struct weir_datagram *datagram)
{
    struct weir_admission *admission = collection->config.admission;
    struct weir_datagram admitted;
    return !admission || weir_admission_filter(admission, datagram, 1, &admitted) == 1;
}

int weir_collection_read(struct weir_collection *collection, const char *path,
                         struct weir_diag *diag)
{
    struct weir_input *input;
    int result = weir_input_open(path, &input, diag);
    if (result < 0)
        return result;
    const struct weir_datagram *datagrams;
    size_t count;
    enum weir_collect_transport transport = weir_input_transport(input);
    if (transport == WEIR_COLLECT_FILE)
        weir_collector_next_file(collection->collector);
    while (!is_stopped(collection) &&
           (result = weir_input_next(input, &datagrams, &count, diag)) == 0) {
        for (size_t i = 0; i < count && result == 0; i++) {
            if (transport == WEIR_COLLECT_UDP && !is_admitted(collection, &datagrams[i]))
                continue;
            weir_collector_foresee(collection->collector, datagrams, count, i, transport);
            result = take(collection, &datagrams[i], transport, diag);
        }
        if (result < 0) {
            close_input(collection, input);
            return result;
        }
    }
    close_input(collection, input);
    return result == WEIR_E_END ? 0 : result;
}

/* Takes in what one listener has. *ret_messages is added to. */
static int take_arrived(struct weir_collection *collection, struct weir_udp_listener *listener,
                        unsigned rounds, uint64_t *ret_messages, struct weir_diag *diag)
{
    while (rounds-- > 0) {
        const struct weir_datagram *datagrams;
        struct weir_datagram room[WEIR_UDP_BATCH];
        int received = weir_udp_listener_receive(listener, 0, &datagrams, diag);
        if (received == WEIR_E_AGAIN)
            return 0;
        if (received < 0)
            return received;
        size_t count = (size_t)received;
        weir_admission_apply(collection->config.admission, &datagrams, &count, room);
        *ret_messages += count;
        for (size_t i = 0; i < count; i++) {
            weir_collector_foresee(collection->collector, datagrams, count, i, WEIR_COLLECT_UDP);
            int result = take(collection, &datagrams[i], WEIR_COLLECT_UDP, diag);
            if (result < 0)
                return result;
        }
    }
    return 0;
}

/* Waits until a listener has something, a signal came, or `until_ns`. */
static int wait_for_messages(const struct weir_collection *collection, int64_t until_ns,
                             struct weir_diag *diag)
{
    struct pollfd fds[WEIR_COLLECTION_LISTENERS_MAX + 2];
    nfds_t count = 0;
    if (collection->recording)
        fds[count++] =
            (struct pollfd){.fd = weir_recording_fd(collection->recording), .events = POLLIN};
    else
        for (; count < collection->listener_count; count++)
            fds[count] = (struct pollfd){.fd = weir_udp_listener_fd(collection->listeners[count]),
                                         .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = collection->config.wake_fd, .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = collection->config.ask_fd, .events = POLLIN};
    int64_t left_ns = until_ns - weir_clock_now(&collection->config.clock);
    int timeout_ms = left_ns <= 0 ? 0 : (int)((left_ns + WEIR_NS_PER_MS - 1) / WEIR_NS_PER_MS);
    int rest_ms = collection->recording ? weir_recording_rest(collection->recording) : -1;
    if (rest_ms >= 0 && rest_ms < timeout_ms)
        timeout_ms = rest_ms;
    if (poll(fds, count, timeout_ms) < 0 && errno != EINTR)
        return weir_diag_set(diag, WEIR_E_IO, "waiting for messages: %s", strerror(errno));
    return 0;
}

/* Takes in what the recording's thread has received. */
static int take_recorded(struct weir_collection *collection, unsigned rounds,
                         uint64_t *ret_messages, struct weir_diag *diag)
{
    int result = weir_recording_take(collection->recording, collection->collector,
                                     rounds * WEIR_UDP_BATCH, ret_messages, diag);
    if (result < 0 && result != WEIR_E_END)
        collection->has_failed = true;
    return result;
}

static int take_all(struct weir_collection *collection, unsigned rounds, uint64_t *ret_messages,
                    struct weir_diag *diag)
{
    int result = 0;
    if (collection->recording)
        return take_recorded(collection, rounds, ret_messages, diag);
    for (unsigned i = 0; i < collection->listener_count && result == 0; i++)
        result = take_arrived(collection, collection->listeners[i], rounds, ret_messages, diag);
    return result;
}

/* When the last message came, here or, where it is shared, anywhere. */
static int64_t last_message(const struct weir_collection *collection, int64_t own_ns)
{
    _Atomic int64_t *shared = collection->config.last_message_ns;
    int64_t last_ns = shared ? atomic_load_explicit(shared, memory_order_relaxed) : own_ns;
    return last_ns > own_ns ? last_ns : own_ns;
}

static void note_message(const struct weir_collection *collection, int64_t now_ns)
{
    if (collection->config.last_message_ns)
        atomic_store_explicit(collection->config.last_message_ns, now_ns, memory_order_relaxed);
}

/* Collects until it is stopped, or nothing came for idle_ns. */
static int listen_on(struct weir_collection *collection, struct weir_diag *diag)
{
    const struct weir_collection_config *config = &collection->config;
    int64_t now_ns = weir_clock_now(&config->clock);
    int64_t last_message_ns = now_ns, next_flush_ns = now_ns + FLUSH_NS;
    while (!is_stopped(collection)) {
        last_message_ns = last_message(collection, last_message_ns);
        /* A clock that was set back must not keep anything waiting. */
        if (last_message_ns > now_ns)
            last_message_ns = now_ns;
        int64_t idle_until_ns = config->idle_ns ? last_message_ns + config->idle_ns : INT64_MAX;
        if (now_ns >= idle_until_ns)
            return 0;
        int result = wait_for_messages(
            collection, next_flush_ns < idle_until_ns ? next_flush_ns : idle_until_ns, diag);
        uint64_t messages = 0;
        if (result == 0)
            result = take_all(collection, ROUNDS_MAX, &messages, diag);
        if (result < 0)
            return result;
        now_ns = weir_clock_now(&config->clock);
        if (messages > 0) {
            last_message_ns = now_ns;
            note_message(collection, now_ns);
        }
        if (now_ns >= next_flush_ns || next_flush_ns - now_ns > FLUSH_NS) {
            result = tick(collection, now_ns, diag);
            if (result < 0)
                return result;
            next_flush_ns = now_ns + FLUSH_NS;
        }
    }
    return 0;
}

int weir_collection_listen(struct weir_collection *collection, struct weir_diag *diag)
{
    uint64_t messages = 0;
    int result = listen_on(collection, diag);
    if (result < 0 && result != WEIR_E_END)
        return result;
    if (collection->recording) {
        int finished = weir_recording_finish(collection->recording, collection->collector,
                                             result == WEIR_E_END, diag);
        collection->has_failed = collection->has_failed || finished < 0;
        return finished < 0 ? finished : result;
    }
    return result < 0 ? result : take_all(collection, DRAIN_ROUNDS_MAX, &messages, diag);
}

int weir_collection_record(struct weir_collection *collection, struct weir_recording *recording,
                           struct weir_diag *diag)
{
    int result = weir_recording_start(recording, collection->collector, collection->listeners,
                                      collection->listener_count, diag);
    if (result == 0)
        collection->recording = recording;
    return result;
}

struct weir_collect_counters weir_collection_count(const struct weir_collection *collection)
{
    struct weir_collect_counters counters = weir_collector_count(collection->collector);
    counters.datagrams_dropped += missed_by(collection).dropped;
    return counters;
}

struct weir_datagram_counters weir_collection_captured(const struct weir_collection *collection)
{
    return collection->captured;
}

const struct weir_admission *weir_collection_admission(const struct weir_collection *collection)
{
    return collection->config.admission;
}
