/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay.h"

#include <stdlib.h>
#include <string.h>

#include "app/rewrite.h"
#include "collect/input.h"

#define QUEUE_MESSAGES 32u
#define QUEUE_OCTETS   ((size_t)256 << 10)
#define MESSAGE_OCTETS 65536u /* none is longer */

/* What a scheduler and a timer may take without anybody being late. */
#define LATE_NS (10 * WEIR_NS_PER_MS)

/* Exporters behind one address are told apart by their ports. */
struct exporter {
    struct weir_address address;
    uint16_t port;
    struct weir_transport transport;
};

/* Messages that are due, of one transport. */
struct queue {
    unsigned transport;
    unsigned count;
    size_t used;
    struct weir_message_octets messages[QUEUE_MESSAGES];
    uint32_t records[QUEUE_MESSAGES];
    uint8_t octets[QUEUE_OCTETS];
};

struct weir_replay {
    struct weir_replay_config config;
    struct weir_replay_counters counters;
    struct weir_rewriter *rewriter;
    struct weir_pace pace;
    bool has_begun;  /* the pace */
    bool has_failed; /* a transport */
    unsigned exporter_count;
    unsigned last_exporter; /* messages come in bursts */
    struct exporter exporters[WEIR_REPLAY_TRANSPORTS_MAX];
    struct queue queue;
};

#define ROW(member, unit, help) WEIR_COUNTER(struct weir_replay_counters, member, unit, help)
const struct weir_counter weir_replay_counter_table[] = {
    ROW(messages_read, MESSAGES, "messages of the recordings, as often as they were read"),
    ROW(messages_sent, MESSAGES, "messages sent"),
    ROW(messages_dropped, MESSAGES, "messages that the network did not take"),
    ROW(messages_unreadable, MESSAGES, "messages that were sent as they were: none that is known"),
    ROW(messages_late, MESSAGES, "messages sent more than 10 ms after they were due"),
    WEIR_GAUGE(struct weir_replay_counters, late_most_ns, NANOSECONDS,
               "how late the latest of all was"),
    ROW(octets_sent, OCTETS, "octets of the messages sent"),
    ROW(records_sent, RECORDS, "Data Records in them, as far as they can be read"),
    ROW(exporters_replayed, NONE,
        "exporters of the recordings, by address and port, each with a socket of its own"),
    ROW(exporters_sharing, MESSAGES, "messages of further exporters, which share the last socket"),
};
#undef ROW
const size_t weir_replay_counter_count =
    sizeof(weir_replay_counter_table) / sizeof(weir_replay_counter_table[0]);

static bool is_stopped(const struct weir_replay *replay)
{
    const struct weir_replay_config *config = &replay->config;
    return (config->message_limit > 0 && replay->counters.messages_read >= config->message_limit) ||
           config->stop(config->context, replay);
}

static void count_sent(struct weir_replay *replay, unsigned first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        replay->counters.messages_sent++;
        replay->counters.octets_sent += replay->queue.messages[i].length;
        replay->counters.records_sent += replay->queue.records[i];
    }
}

/* Sends what waits. */
static int flush(struct weir_replay *replay, struct weir_diag *diag)
{
    struct queue *queue = &replay->queue;
    const struct weir_transport *transport = &replay->exporters[queue->transport].transport;
    for (unsigned done = 0; done < queue->count;) {
        size_t sent = 0;
        int result = transport->send(transport->context, queue->messages + done,
                                     queue->count - done, &sent, diag);
        count_sent(replay, done, sent);
        if (result < 0) {
            replay->has_failed = true;
            return result;
        }
        done += (unsigned)sent;
        if (done < queue->count) {
            replay->counters.messages_dropped++;
            done++;
        }
    }
    queue->count = 0;
    queue->used = 0;
    return 0;
}

static bool is_from(const struct exporter *exporter, const struct weir_datagram *datagram)
{
    return exporter->port == datagram->source_port &&
           weir_address_equal(exporter->address, datagram->source);
}

/* The transport of the exporter that sent a message: its own, or the last of all. */
static int find_exporter(struct weir_replay *replay, const struct weir_datagram *datagram,
                         unsigned *ret_index, struct weir_diag *diag)
{
    unsigned i = replay->last_exporter;
    if (i < replay->exporter_count && is_from(&replay->exporters[i], datagram)) {
        *ret_index = i;
        return 0;
    }
    for (i = 0; i < replay->exporter_count; i++)
        if (is_from(&replay->exporters[i], datagram))
            break;
    if (i == WEIR_REPLAY_TRANSPORTS_MAX) {
        replay->counters.exporters_sharing++;
        *ret_index = i - 1;
        return 0;
    }
    if (i == replay->exporter_count) {
        struct exporter *exporter = &replay->exporters[i];
        int result = replay->config.open(replay->config.context, i, &exporter->transport, diag);
        if (result < 0) {
            replay->has_failed = true;
            return result;
        }
        exporter->address = datagram->source;
        exporter->port = datagram->source_port;
        replay->exporter_count++;
        replay->counters.exporters_replayed++;
    }
    replay->last_exporter = i;
    *ret_index = i;
    return 0;
}

/* Waits until a message is due, with nothing left in the queue meanwhile; counts what is late. */
static int await(struct weir_replay *replay, int64_t recorded_ns, struct weir_diag *diag)
{
    const struct weir_replay_config *config = &replay->config;
    if (config->pace.rate == 0 && config->pace.speed <= 0)
        return 0;
    int64_t now_ns = weir_clock_now(&config->clock);
    if (!replay->has_begun)
        weir_pace_begin(&replay->pace, &config->pace, now_ns);
    replay->has_begun = true;
    int64_t due_ns = weir_pace_next(&replay->pace, recorded_ns);
    if (due_ns > now_ns) {
        int result = flush(replay, diag);
        if (result < 0)
            return result;
        now_ns = weir_clock_now(&config->clock); /* sending took its time */
    }
    while (due_ns > now_ns && !is_stopped(replay)) {
        config->wait(config->context, due_ns);
        now_ns = weir_clock_now(&config->clock);
    }
    uint64_t late_ns = now_ns > due_ns ? (uint64_t)(now_ns - due_ns) : 0;
    replay->counters.messages_late += late_ns > LATE_NS;
    if (late_ns > replay->counters.late_most_ns)
        replay->counters.late_most_ns = late_ns;
    return 0;
}

/* Puts a copy into the queue, changed as asked for. */
static int enqueue(struct weir_replay *replay, const struct weir_datagram *datagram,
                   enum weir_collect_transport transport, struct weir_diag *diag)
{
    struct queue *queue = &replay->queue;
    unsigned index;
    int result = find_exporter(replay, datagram, &index, diag);
    if (result < 0)
        return result;
    if (index != queue->transport || queue->count == QUEUE_MESSAGES ||
        QUEUE_OCTETS - queue->used < datagram->length) {
        result = flush(replay, diag);
        if (result < 0)
            return result;
        queue->transport = index;
    }
    uint8_t *octets = queue->octets + queue->used;
    memcpy(octets, datagram->octets, datagram->length);
    result = weir_rewriter_message(replay->rewriter, octets, datagram, transport,
                                   &queue->records[queue->count]);
    if (result == WEIR_E_MALFORMED)
        replay->counters.messages_unreadable++;
    else if (result < 0)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for another exporter");
    queue->messages[queue->count++] = (struct weir_message_octets){octets, datagram->length};
    queue->used += datagram->length;
    return 0;
}

static int replay_one(struct weir_replay *replay, const struct weir_datagram *datagram,
                      enum weir_collect_transport transport, struct weir_diag *diag)
{
    int result = await(replay, datagram->received_ns, diag);
    if (result < 0 || is_stopped(replay))
        return result;
    replay->counters.messages_read++;
    if (datagram->length > MESSAGE_OCTETS) {
        replay->counters.messages_dropped++;
        return 0;
    }
    return enqueue(replay, datagram, transport, diag);
}

static int replay_file(struct weir_replay *replay, const char *path, struct weir_diag *diag)
{
    struct weir_input *input;
    const struct weir_datagram *datagrams;
    size_t count;
    int result = weir_input_open(path, &input, diag);
    if (result < 0)
        return result;
    weir_pace_splice(&replay->pace);
    while (!is_stopped(replay) && (result = weir_input_next(input, &datagrams, &count, diag)) == 0)
        for (size_t i = 0; i < count && result == 0 && !is_stopped(replay); i++) {
            result = replay_one(replay, &datagrams[i], weir_input_transport(input), diag);
            if (result < 0) {
                weir_input_close(input);
                return result;
            }
        }
    weir_input_close(input);
    return result == WEIR_E_END ? 0 : result;
}

/* All files once. What is wrong with one does not keep the others from being sent. */
static int replay_all(struct weir_replay *replay, const char *const *paths, size_t count,
                      struct weir_diag *diag)
{
    int first = 0;
    for (size_t i = 0; i < count && !is_stopped(replay); i++) {
        struct weir_diag own = {0};
        int result = replay_file(replay, paths[i], &own);
        if (result < 0 && (first == 0 || replay->has_failed)) {
            first = result;
            *diag = own;
        }
        if (replay->has_failed)
            return first;
    }
    struct weir_diag own = {0};
    int flushed = flush(replay, &own);
    if (flushed < 0) {
        *diag = own;
        return flushed;
    }
    return first;
}

int weir_replay_files(struct weir_replay *replay, const char *const *paths, size_t count,
                      struct weir_diag *diag)
{
    const struct weir_replay_config *config = &replay->config;
    for (uint64_t done = 0; config->times == 0 || done < config->times; done++) {
        uint64_t before = replay->counters.messages_read;
        if (done > 0)
            weir_rewriter_again(replay->rewriter);
        int result = replay_all(replay, paths, count, diag);
        /* Files without messages have no end of being sent. */
        if (result < 0 || is_stopped(replay) || replay->counters.messages_read == before)
            return result;
    }
    return 0;
}

int weir_replay_new(const struct weir_replay_config *config, struct weir_replay **ret_replay,
                    struct weir_diag *diag)
{
    struct weir_replay *replay = calloc(1, sizeof(*replay));
    if (!replay || weir_rewriter_new(config->rewrite, config->now_ns, &replay->rewriter) < 0) {
        free(replay);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to replay with");
    }
    replay->config = *config;
    *ret_replay = replay;
    return 0;
}

void weir_replay_free(struct weir_replay *replay)
{
    if (!replay)
        return;
    weir_rewriter_free(replay->rewriter);
    free(replay);
}

const struct weir_replay_counters *weir_replay_counters(const struct weir_replay *replay)
{
    return &replay->counters;
}
