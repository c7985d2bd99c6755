/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/destination.h"
#include "app/guard.h"
#include "app/workers.h"
#include "base/output.h"
#include "cli/collect_options.h"
#include "cli/command.h"
#include "cli/notify.h"
#include "cli/signals.h"
#include "sink/json.h"
#include "store/writer.h"

/* How a worker comes to a place of lines. */
struct share {
    struct weir_guard guard;
    struct weir_json_sink *json;
};

/* A place of --to: one of the two. */
struct place {
    struct share lines[WEIR_WORKERS_MAX]; /* the first has the place */
    struct weir_guard guard;              /* of the destination */
    struct weir_destination *destination;
    bool has_failed;
};

/* A run of the command. */
struct run {
    struct weir_call *call;
    struct weir_workers *workers;
    struct weir_snapshots *snapshots; /* for the metrics; NULL: there are none */
    struct weir_metrics *metrics;
    bool has_store;
    struct weir_store_counters stored;
    struct weir_exporter_setting *settings;
    struct weir_network *networks;
    struct place *places;
    size_t place_count;
    bool has_none;                   /* --to none: */
    struct weir_guard_group guarded; /* the places; the store counts as one that never fails */
    uint64_t stop_calls;             /* progress is looked at with some of them: clocks cost */
    pthread_mutex_t talk;            /* of what is said on standard error */
};

/* Stops on a signal; shows progress on the way. */
static bool stop(void *context, struct weir_workers *workers)
{
    struct run *run = context;
    bool is_look = run->stop_calls++ % 64 == 0 || weir_workers_number(workers) > 1;
    if (is_look && weir_progress_due(&run->call->progress)) {
        struct weir_collect_counters counters = weir_workers_count(workers);
        pthread_mutex_lock(&run->talk);
        weir_progress_show(&run->call->progress,
                           "%" PRIu64 " messages, %" PRIu64 " records, %" PRIu64 " lost",
                           counters.messages, counters.records, counters.records_lost);
        pthread_mutex_unlock(&run->talk);
    }
    return weir_stop_requested();
}

static void say(void *context, const char *text)
{
    struct run *run = context;
    pthread_mutex_lock(&run->talk);
    weir_progress_clear(&run->call->progress);
    fprintf(stderr, "weir: %s\n", text);
    pthread_mutex_unlock(&run->talk);
}

/* What --metrics asks the workers for. */
static int make_snapshots(struct run *run, unsigned workers, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &run->call->arguments;
    uint32_t exporters = (uint32_t)weir_arguments_number(arguments, METRICS_EXPORTERS);
    if (!weir_arguments_has(arguments, METRICS))
        return 0;
    int result = weir_snapshots_new(workers, exporters, weir_clock_monotonic(), &run->snapshots);
    return result < 0 ? weir_diag_set(diag, (enum weir_error)result, "--metrics: %s",
                                      weir_error_text(result))
                      : 0;
}

static int open_workers(struct run *run, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &run->call->arguments;
    struct weir_workers_config config = {
        .collector = weir_collector_defaults(),
        .clock = run->call->clock,
        .wake_fd = weir_signals_fd(),
        .stop = stop,
        .stop_context = run,
        .say = say,
        .say_context = run,
    };
    config.collector.hold_ns = weir_arguments_ns(arguments, SAMPLING_WAIT);
    int result = weir_collect_parse_workers(arguments, &config.count, diag);
    if (result == 0)
        result = make_snapshots(run, config.count, diag);
    config.snapshots = run->snapshots;
    if (result == 0)
        result = weir_collect_parse_settings(arguments, &config.collector, &run->settings, diag);
    if (result == 0)
        result = weir_collect_parse_admission(arguments, &config.admission, &run->networks, diag);
    if (result < 0)
        return result;
    config.collector.session_max = (uint32_t)weir_arguments_number(arguments, MAX_EXPORTERS);
    config.collector.template_lifetime_ns = weir_arguments_ns(arguments, TEMPLATE_LIFETIME);
    if (weir_arguments_has(arguments, COUNT))
        config.collector.record_limit = weir_arguments_number(arguments, COUNT);
    if (weir_arguments_has(arguments, IDLE_EXIT))
        config.idle_ns = weir_arguments_ns(arguments, IDLE_EXIT);
    /* Strangers choose what comes to a listener, and must not know the key. */
    if (weir_arguments_count_given(arguments, LISTEN) == 0)
        weir_hash_key_seed(&config.collector.hash_key, 0);
    else if (weir_hash_key_random(&config.collector.hash_key) < 0)
        return weir_diag_set(diag, WEIR_E_IO, "the system has no randomness");
    config.admission.hash_key = config.collector.hash_key;
    return weir_workers_new(&config, &run->workers, diag);
}

/* A state that is damaged or another version's is done without; what is none is somebody's file. */
static int read_state(const struct run *run, const char *path, struct weir_diag *diag)
{
    struct weir_diag own = {0};
    int result = weir_workers_open_state(run->workers, path, &own);
    if (result == WEIR_E_NOT_FOUND && weir_arguments_has(&run->call->arguments, STATE))
        return weir_diag_set(diag, WEIR_E_USAGE, "--state: %s, and would be written over",
                             own.text);
    if (result < 0)
        fprintf(stderr, "weir: %s: what was learned of exporters before is not known\n", own.text);
    return 0;
}

/* The file of --state, or the store's where it listens. Of this and a journal the newest counts. */
static int open_state(struct run *run, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &run->call->arguments;
    const char *url = NULL, *path = NULL;
    char *in_store = NULL;
    for (size_t i = 0; i < arguments->given_count && !url; i++)
        if (arguments->given[i].option == &weir_collect_options[LISTEN])
            url = arguments->given[i].text;
    if (weir_arguments_has(arguments, STATE)) {
        path = weir_arguments_text(arguments, STATE);
        path = strcmp(path, "-") == 0 ? NULL : path;
    } else if (url && run->has_store) {
        int result = weir_state_file_path_in_store(weir_arguments_text(arguments, STORE), url,
                                                   &in_store, diag);
        if (result < 0)
            return result;
        path = in_store;
    }
    int result = path ? read_state(run, path, diag) : 0;
    free(in_store);
    return result;
}

/* One of the places failed: it is left. Of the last the collection's error tells. */
static void lose_place(void *context, unsigned number, int result, const struct weir_diag *diag)
{
    struct run *run = context;
    if (run->guarded.alive == 0)
        return;
    pthread_mutex_lock(&run->talk);
    weir_call_say_failure(run->call, result, diag);
    pthread_mutex_unlock(&run->talk);
    run->places[number].has_failed = true;
}

static int too_many_places(struct weir_diag *diag)
{
    return weir_diag_set(diag, WEIR_E_USAGE, "--to: more than %u places for records",
                         WEIR_COLLECTOR_SINKS_MAX);
}

static int open_store(struct run *run, const char *path, struct weir_diag *diag)
{
    struct weir_store_writer_options store = {
        .path = path,
        .clock = run->call->clock,
        .rotate_ns = weir_arguments_ns(&run->call->arguments, ROTATE),
        /* What comes from sockets does not wait. */
        .behind = weir_arguments_count_given(&run->call->arguments, LISTEN) > 0,
    };
    int result = weir_workers_open_store(run->workers, &store, diag);
    /* A store that fails ends the work: what is in its journal is stored by the next run. */
    run->guarded.alive++;
    run->has_store = result == 0;
    return result;
}

/* Each worker has lines of its own; the file is one. */
static int open_json(struct run *run, const char *path, struct weir_diag *diag)
{
    unsigned number = (unsigned)run->place_count++;
    struct share *lines = run->places[number].lines;
    int result = weir_json_sink_open(path, &lines[0].json, diag);
    for (unsigned i = 0; i < weir_workers_number(run->workers) && result == 0; i++) {
        if (i > 0)
            result = weir_json_sink_share(lines[0].json, &lines[i].json, diag);
        if (result < 0)
            return result;
        struct weir_record_sink sink = weir_json_sink_records(lines[i].json);
        if (i == 0)
            weir_guard_records(&lines[i].guard, &run->guarded, number, sink);
        else
            weir_guard_join(&lines[i].guard, &lines[0].guard, sink);
        sink = weir_guard_record_sink(&lines[i].guard);
        if (weir_collector_add_record_sink(weir_workers_collector(run->workers, i), &sink) < 0)
            return too_many_places(diag);
    }
    return result;
}

static int open_destination(struct run *run, const struct weir_url *url, struct weir_diag *diag)
{
    unsigned number = (unsigned)run->place_count++;
    struct place *place = &run->places[number];
    int result = weir_destination_open(url, 0, &place->destination, diag);
    if (result < 0)
        return result;
    weir_guard_batches(&place->guard, &run->guarded, number,
                       weir_destination_sink(place->destination));
    struct weir_batch_sink sink = weir_guard_batch_sink(&place->guard);
    for (unsigned i = 0; i < weir_workers_number(run->workers); i++)
        if (weir_collector_add_batch_sink(weir_workers_collector(run->workers, i), &sink) < 0)
            return too_many_places(diag);
    return 0;
}

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    (void)context, (void)batch, (void)diag;
    return 0;
}

static int take_flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    (void)context, (void)now_ns, (void)diag;
    return 0;
}

/* Records are decoded into columns as for any place, and that is all: for counters, and to measure.
 */
static int open_none(struct run *run, struct weir_diag *diag)
{
    const struct weir_batch_sink sink = {take_batch, take_flush, NULL};
    run->guarded.alive++;
    run->has_none = true;
    for (unsigned i = 0; i < weir_workers_number(run->workers); i++)
        if (weir_collector_add_batch_sink(weir_workers_collector(run->workers, i), &sink) < 0)
            return too_many_places(diag);
    return 0;
}

static int open_place(struct run *run, const char *text, struct weir_diag *diag)
{
    static const char *const none[] = {NULL};
    struct weir_url url;
    int result = weir_url_parse(text, &url, diag);
    if (result < 0) {
        weir_diag_prefix(diag, "--to");
        return result;
    }
    if (url.transport == WEIR_URL_NONE)
        return open_none(run, diag);
    if (url.transport != WEIR_URL_JSON)
        return open_destination(run, &url, diag);
    result = weir_url_check_options(&url, none, diag);
    return result < 0 ? result : open_json(run, url.path, diag);
}

/* Opens the store and every --to, before anything is received. */
static int open_places(struct run *run, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &run->call->arguments;
    int result = 0;
    run->guarded = (struct weir_guard_group){
        .failed = lose_place, .context = run, .lock = PTHREAD_MUTEX_INITIALIZER};
    run->places = calloc(weir_arguments_count_given(arguments, TO) + 1, sizeof(*run->places));
    if (!run->places)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to collect with");
    if (weir_arguments_has(arguments, STORE))
        result = open_store(run, weir_arguments_text(arguments, STORE), diag);
    for (size_t i = 0; i < arguments->given_count && result == 0; i++)
        if (arguments->given[i].option == &weir_collect_options[TO])
            result = open_place(run, arguments->given[i].text, diag);
    if (result == 0 && !run->has_store && !run->has_none && run->place_count == 0)
        result = open_json(run, "-", diag);
    return result;
}

static int open_listeners(const struct run *run, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &run->call->arguments;
    for (size_t i = 0; i < arguments->given_count; i++) {
        const struct weir_argument *given = &arguments->given[i];
        struct weir_url url;
        if (given->option != &weir_collect_options[LISTEN])
            continue;
        int result = weir_url_parse(given->text, &url, diag);
        if (result == 0)
            result = weir_workers_open(run->workers, &url, diag);
        if (result < 0) {
            weir_diag_prefix(diag, "--listen");
            return result;
        }
    }
    return 0;
}

/* Listens, so that a port in use is found out before anything is received. */
static int open_metrics(struct run *run, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &run->call->arguments;
    const struct weir_metrics_config config = {
        .address = weir_arguments_text(arguments, METRICS),
        .snapshots = run->snapshots,
        .exporter_max = (uint32_t)weir_arguments_number(arguments, METRICS_EXPORTERS),
        .guarded = &run->guarded,
        .has_store = run->has_store,
        .clock = weir_clock_monotonic(),
    };
    int result = run->snapshots ? weir_metrics_open(&config, &run->metrics, diag) : 0;
    if (result < 0)
        weir_diag_prefix(diag, "--metrics");
    return result;
}

/* All listeners are open before any is said to be, and what they receive is safe. */
static void say_ready(const struct run *run)
{
    const struct weir_arguments *arguments = &run->call->arguments;
    if (run->metrics) {
        const char *address = weir_arguments_text(arguments, METRICS);
        int host = (int)(strrchr(address, ':') - address);
        fprintf(stderr, "weir: metrics on http://%.*s:%u/metrics\n", host ? host : 9,
                host ? address : "localhost", weir_metrics_port(run->metrics));
    }
    for (size_t i = 0; i < arguments->given_count; i++)
        if (arguments->given[i].option == &weir_collect_options[LISTEN])
            fprintf(stderr, "weir: collecting on %s\n", arguments->given[i].text);
}

/*
 * Opens the journals, stores what they hold, and has them receive unless there are files to read.
 * Without a journal, what one of before holds is stored all the same.
 */
static int open_journal(struct run *run, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &run->call->arguments;
    struct weir_recording_config config = {
        .store = weir_arguments_text(arguments, STORE),
        .clock = run->call->clock,
        .recovers_only = weir_arguments_choice(arguments, JOURNAL) == JOURNAL_OFF,
        .rotate_ns = weir_arguments_ns(arguments, ROTATE),
        .say = say,
        .say_context = run,
    };
    int result = weir_collect_parse_sync(arguments, &config, diag);
    if (result < 0 || !run->has_store || weir_arguments_count_given(arguments, LISTEN) == 0)
        return result;
    /* What is received waits for the end of files. */
    bool receives = weir_arguments_count_given(arguments, READ) == 0;
    return weir_workers_open_journal(run->workers, &config, receives, diag);
}

/* A later error takes the place of one that is in `diag` already, which is said here. */
static int replace(const struct run *run, int before, int result, const struct weir_diag *own,
                   struct weir_diag *diag)
{
    if (before < 0) {
        weir_progress_clear(&run->call->progress);
        fprintf(stderr, "weir: %s\n", diag->text);
    }
    *diag = *own;
    return result;
}

/* Reads all files. A broken one does not keep those after it from being read. */
static int collect_files(const struct run *run, int *broken, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &run->call->arguments;
    for (size_t i = 0; i < arguments->given_count; i++) {
        if (arguments->given[i].option != &weir_collect_options[READ])
            continue;
        struct weir_diag own = {0};
        int result = weir_workers_read(run->workers, arguments->given[i].text, &own);
        if (result == WEIR_E_END)
            return result;
        if (result < 0)
            *broken = replace(run, *broken, result, &own, diag);
        if (weir_workers_have_failed(run->workers))
            return result;
    }
    return 0;
}

/* All files, then the listeners, then what waits. */
static int collect(const struct run *run, struct weir_diag *diag)
{
    int broken = 0;
    struct weir_diag own = {0};
    int result = collect_files(run, &broken, diag);
    if (result < 0 && result != WEIR_E_END)
        return result;
    if (result == 0 && weir_arguments_count_given(&run->call->arguments, LISTEN) > 0)
        result = weir_workers_listen(run->workers, &own);
    if (result == 0 || result == WEIR_E_END)
        result = weir_workers_flush(run->workers, &own);
    return result < 0 ? replace(run, broken, result, &own, diag) : broken;
}

static int close_place(struct run *run, struct place *place, bool gives_up, struct weir_diag *diag)
{
    int result = 0;
    if (gives_up || place->has_failed) {
        for (unsigned i = weir_workers_number(run->workers); i-- > 0;)
            weir_json_sink_abort(place->lines[i].json);
        weir_destination_abort(place->destination);
        return 0;
    }
    if (place->destination)
        return weir_destination_close(place->destination, diag);
    for (unsigned i = weir_workers_number(run->workers); i-- > 0;) {
        struct weir_diag own = {0};
        int closed = weir_json_sink_close(place->lines[i].json, &own);
        if (closed < 0 && result == 0) {
            result = closed;
            *diag = own;
        }
    }
    return result;
}

/* Completes the places; gives_up: files are removed but for those of the store that are whole. */
static int close_places(struct run *run, bool gives_up, int result, struct weir_diag *diag)
{
    for (size_t i = 0; i < run->place_count; i++) {
        struct weir_diag own = {0};
        int closed = close_place(run, &run->places[i], gives_up, &own);
        if (closed < 0 && result == 0) {
            result = closed;
            *diag = own;
        }
    }
    struct weir_diag own = {0};
    int closed = run->workers ? weir_workers_close_store(run->workers, &run->stored, &own) : 0;
    if (closed < 0 && result == 0) {
        result = closed;
        *diag = own;
    }
    free(run->places);
    return result;
}

static int close_state(const struct run *run, bool gives_up, int result, struct weir_diag *diag)
{
    struct weir_diag own = {0};
    int written = gives_up ? 0 : weir_workers_write_state(run->workers, &own);
    if (written == 0 || result < 0)
        return result;
    *diag = own;
    return written;
}

static int print_stats(const struct run *run, const char *path, struct weir_diag *diag)
{
    struct weir_store_counters stored = run->stored;
    struct weir_journal_counters journaled = {0};
    weir_workers_count_journals(run->workers, &journaled, &stored);
    const struct weir_guard_counters undelivered = weir_guard_count(&run->guarded);
    const struct weir_state_file_counters states = weir_workers_count_states(run->workers);
    const struct weir_stats_part parts[] = {
        {weir_guard_counter_table, weir_guard_counter_count, &undelivered},
        {weir_state_file_counter_table, weir_state_file_counter_count, &states},
        {weir_store_counter_table, weir_store_counter_count, &stored},
        {weir_journal_counter_table, weir_journal_counter_count, &journaled},
    };
    const struct weir_collection_list collections = weir_workers_collections(run->workers);
    struct weir_output *output;
    int result = weir_output_open(path, &output, diag);
    if (result < 0)
        return result;
    result = weir_collection_print_stats(&collections, parts, run->has_store ? 4 : 2, output, diag);
    if (result < 0) {
        weir_output_abort(output);
        return result;
    }
    return weir_output_close(output, diag);
}

/* Who collects from a capture of packets is told, or would see nothing at all. */
static void print_notes(const struct run *run)
{
    struct weir_collect_counters counted = weir_workers_count(run->workers);
    if (run->call->arguments.quiet || counted.messages > counted.messages_malformed ||
        weir_arguments_count_given(&run->call->arguments, LISTEN) > 0)
        return;
    fprintf(stderr,
            "weir: note: there was no export message, whole or in part, among %" PRIu64
            " datagrams; of packets, weir meter makes flows\n",
            counted.messages);
}

static int run(struct weir_call *call, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &call->arguments;
    struct run run = {.call = call, .talk = PTHREAD_MUTEX_INITIALIZER};
    if (weir_arguments_count_given(arguments, LISTEN) +
            weir_arguments_count_given(arguments, READ) ==
        0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "collect: nothing to collect from: give --listen udp://:2055, or a "
                             "file with -r");
    int result = open_workers(&run, diag);
    if (result == 0)
        result = open_places(&run, diag);
    if (result == 0)
        result = open_state(&run, diag);
    if (result == 0)
        result = open_listeners(&run, diag);
    if (result == 0)
        result = open_metrics(&run, diag);
    if (result == 0)
        result = open_journal(&run, diag);
    if (result == 0 && run.metrics)
        result = weir_metrics_start(run.metrics, diag);
    bool was_open = result == 0;
    if (was_open) {
        say_ready(&run);
        weir_notify("READY=1");
        result = collect(&run, diag);
    }
    weir_metrics_close(run.metrics);
    weir_progress_clear(&call->progress);
    /* Where standard output has lost its reader the other places are completed all the same. */
    bool gives_up = !was_open || (result != WEIR_E_CLOSED && weir_workers_have_failed(run.workers));
    result = close_places(&run, gives_up, result, diag);
    if (result == 0)
        result = weir_workers_check_journals(run.workers, diag);
    if (was_open && result == 0)
        print_notes(&run);
    if (was_open && weir_arguments_has(arguments, STATS)) {
        struct weir_diag own = {0};
        int printed = print_stats(&run, weir_arguments_text(arguments, STATS), &own);
        if (printed < 0 && result == 0) {
            result = printed;
            *diag = own;
        }
    }
    result = close_state(&run, gives_up, result, diag);
    weir_workers_free(run.workers);
    weir_snapshots_free(run.snapshots);
    free(run.networks);
    free(run.settings);
    return result;
}

static const struct weir_example examples[] = {
    {"weir collect --listen udp://:2055 --store /var/lib/weir", "everything that is exported here"},
    {"weir collect -r exports.pcap", "prints the records in a capture, one JSON object a line"},
    {"weir collect -r flows.ipfix --store flows --stats -", "an IPFIX file into a store, counted"},
    {NULL, NULL},
};

const struct weir_command weir_command_collect = {
    .name = "collect",
    .summary = "receives NetFlow, IPFIX and sFlow: prints, stores or forwards Flow Records",
    .usage = "(--listen URL | -r FILE)... [--store DIR] [--to URL]... [OPTION]...",
    .about = "A Collecting Process. It takes NetFlow v1, v5, v7, v8, v9, IPFIX and sFlow v5, which "
             "it tells "
             "apart by "
             "itself, keeps the Templates of each exporter and Observation Domain, and counts what "
             "got lost on the way by the exporters' sequence numbers. Data that come ahead of "
             "their Template wait for it.\n\n"
             "Counters of sampled flows are stored as observed, with the sampling interval beside "
             "them, as options records of the exporter, the header of NetFlow v5 or --sampling "
             "say; where nobody does, sampling is none.\n\n"
             "Without --store and --to it prints JSON lines: every Information Element by its IANA "
             "name, and beside them exporter, domain, received, protocol and template. Records of "
             "Options Templates have \"type\":\"options\", interface counters of sFlow "
             "\"type\":\"counters\". Elements that neither IANA nor the exporter (RFC 5610) "
             "names are \"PEN/number\", in hexadecimal digits. Lists (RFC 6313) are objects with "
             "their semantic and their values or records; common properties (RFC 5473) stand in "
             "each record that refers to them.\n\n"
             "It is ready when it says so on standard error, once a listener: 'weir: collecting on "
             "URL'. With only -r it ends with the last file; otherwise on SIGINT or SIGTERM, after "
             "everything that had arrived has been written.",
    .options = weir_collect_options,
    .option_count = OPTION_COUNT,
    .examples = examples,
    .operands_hint = "a file stands behind -r",
    .run = run,
};
