/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/destination.h"
#include "app/flow_printer.h"
#include "app/guard.h"
#include "app/meter.h"
#include "app/stats.h"
#include "base/quantity.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/signals.h"

enum {
    READ,
    MERGE,
    INTERFACE,
    CAPTURE,
    BUFFER,
    TIMESTAMPS,
    FILTER,
    LAYER,
    TUNNEL_DEPTH,
    FLOW,
    BIFLOW,
    DIRECTION,
    CACHE,
    WORKERS,
    IDLE_TIMEOUT,
    ACTIVE_TIMEOUT,
    TO,
    DOMAIN,
    FORMAT,
    STATS,
    OPTION_COUNT,
};

#define STATS_OCTETS_MAX ((size_t)64 << 10)

static const char *const formats[] = {
    [WEIR_FORMAT_TABLE] = "table",
    [WEIR_FORMAT_CSV] = "csv",
    [WEIR_FORMAT_JSON] = "json",
    [WEIR_FORMAT_NDJSON] = "ndjson",
    NULL,
};

static const char *const methods[] = {
    [WEIR_LIVE_AUTO] = "auto",
    [WEIR_LIVE_RING] = "ring",
    [WEIR_LIVE_PCAP] = "pcap",
    [WEIR_LIVE_XDP] = "xdp",
    NULL,
};

enum { CLOCK_KERNEL, CLOCK_HARDWARE };
static const char *const clocks[] = {
    [CLOCK_KERNEL] = "kernel",
    [CLOCK_HARDWARE] = "hardware",
    NULL,
};

enum { LAYER_OUTER, LAYER_INNER };
static const char *const layers[] = {
    [LAYER_OUTER] = "outer",
    [LAYER_INNER] = "inner",
    NULL,
};

static const struct weir_option options[OPTION_COUNT] = {
    [READ] = {.name = "read",
              .letter = 'r',
              .kind = WEIR_OPTION_FILE,
              .repeatable = true,
              .group = "Packets",
              .help = "pcap or pcapng, plain, gzip or zstd, - for standard input; time is the "
                      "capture's, and at the end of each file all flows are ended"},
    [MERGE] = {.name = "merge",
               .kind = WEIR_OPTION_FLAG,
               .help = "reads all files at once, in the order of their packets' times, as one "
                       "capture with the interfaces of all"},
    [INTERFACE] = {.name = "interface",
                   .letter = 'i',
                   .kind = WEIR_OPTION_TEXT,
                   .repeatable = true,
                   .value = "IFACE",
                   .help = "live from an interface until a signal comes; several are metered "
                           "together, and records say by which a flow came in or went out"},
    [CAPTURE] = {.name = "capture",
                 .kind = WEIR_OPTION_CHOICE,
                 .choices = methods,
                 .fallback = "auto",
                 .help = "with -i: how; auto is ring (AF_PACKET) for Ethernet and else pcap; xdp "
                         "(AF_XDP) takes what comes in away from this machine's own use, and "
                         "does not see what goes out"},
    [BUFFER] = {.name = "buffer",
                .kind = WEIR_OPTION_SIZE,
                .min = 512u << 10,
                .max = 1u << 30,
                .fallback = "32Mi",
                .help = "with -i: what the kernel keeps of packets that wait, for each interface"},
    [TIMESTAMPS] = {.name = "timestamps",
                    .kind = WEIR_OPTION_CHOICE,
                    .choices = clocks,
                    .fallback = "kernel",
                    .help = "with -i: whose clock times packets; hardware is the interface's own, "
                            "which somebody has to keep right"},
    [FILTER] = {.name = "filter",
                .kind = WEIR_OPTION_TEXT,
                .repeatable = true,
                .value = "BPF",
                .help = "meters the packets that pass, in the language of pcap-filter(7); several "
                        "run one after another"},
    [LAYER] = {.name = "layer",
               .kind = WEIR_OPTION_CHOICE,
               .choices = layers,
               .fallback = "outer",
               .help =
                   "which IP header of a tunnel makes the flow: the outermost, or the innermost "
                   "that is found"},
    [TUNNEL_DEPTH] = {.name = "tunnel-depth",
                      .kind = WEIR_OPTION_COUNT,
                      .min = 1,
                      .max = WEIR_TUNNEL_DEPTH_MAX,
                      .fallback = "4",
                      .help = "with --layer inner: how many tunnels in one another are gone into"},
    [FLOW] = {.name = "flow",
              .kind = WEIR_OPTION_TEXT,
              .repeatable = true,
              .value = "DEFINITION",
              .group = "Flows",
              .help = "keys=NAME,... [fields=NAME,...]: packets that agree in the keys are one "
                      "flow, and records have keys and fields; several make flows of the same "
                      "packets side by side. Without it NetFlow's keys: src_addr, dst_addr, "
                      "src_port, dst_port, protocol, and but for biflows tos and in_if"},
    [BIFLOW] = {.name = "biflow",
                .kind = WEIR_OPTION_FLAG,
                .help = "both directions of a communication are one flow, with counters of each"},
    [DIRECTION] = {.name = "direction",
                   .kind = WEIR_OPTION_TEXT,
                   .value = "HOW",
                   .fallback = "first",
                   .help = "with --biflow: the flow's source is who sent the first packet (first), "
                           "or the SYN (syn), or has the greater port (port), or is outside of "
                           "networks (outside:CIDR,...)"},
    [CACHE] = {.name = "cache",
               .kind = WEIR_OPTION_TEXT,
               .value = "SPEC",
               .fallback = "normal,entries=65536",
               .help =
                   "kind of the flow cache and flows at once; when it is full the flow that was "
                   "silent longest is ended"},
    [WORKERS] = {.name = "workers",
                 .kind = WEIR_OPTION_COUNT,
                 .min = 1,
                 .max = WEIR_METER_WORKERS_MAX,
                 .fallback = "1",
                 .help = "threads that meter, each with a part of the cache: of a file, whose "
                         "records are the same for any number, at most one for every 4096 flows; "
                         "live, by the addresses of the outermost IP header, where flows have "
                         "addresses, ports and protocol as keys, and not length"},
    [IDLE_TIMEOUT] = {.name = "idle-timeout",
                      .kind = WEIR_OPTION_DURATION,
                      .fallback = "15s",
                      .max = WEIR_CACHE_TIMEOUT_MAX,
                      .help = "a flow ends after this long without a packet, from 1ms; 0s: never "
                              "for that"},
    [ACTIVE_TIMEOUT] = {.name = "active-timeout",
                        .kind = WEIR_OPTION_DURATION,
                        .fallback = "30m",
                        .max = WEIR_CACHE_TIMEOUT_MAX,
                        .help = "a flow ends this long after its first packet, from 1ms; 0s: "
                                "never for that"},
    [TO] = {.name = "to",
            .kind = WEIR_OPTION_URL,
            .repeatable = true,
            .group = "Flow Records",
            .help = "where they go: udp://HOST:PORT or ipfix+udp:// netflow9+udp:// "
                    "netflow5+udp:// netflow1+udp://, ipfix+file:PATH, json:PATH; without it they "
                    "are printed"},
    [DOMAIN] = {.name = "domain",
                .kind = WEIR_OPTION_COUNT,
                .max = UINT32_MAX,
                .fallback = "0",
                .help = "Observation Domain ID"},
    [FORMAT] = {.name = "format",
                .kind = WEIR_OPTION_CHOICE,
                .choices = formats,
                .fallback = "table",
                .help = "how flows are printed where there is no --to"},
    [STATS] = {.name = "stats",
               .kind = WEIR_OPTION_OUTPUT,
               .group = "Output",
               .help = "writes all counters as one JSON object at the end; - is standard output"},
};

/* What the Exporting Processes counted, together. */
struct exported {
    struct weir_exporter_counters exporters;
    struct weir_udp_sender_counters senders;
};

/* A run of the command. */
struct run {
    struct weir_call *call;
    const struct weir_arguments *arguments;
    struct weir_meter_config config;
    const char **filters;
    const char **interfaces;
    struct weir_flow_definition *definitions;
    struct weir_url *urls;
    size_t url_count;
    struct weir_meter *meter;
    struct weir_destination **destinations; /* url_count; NULL: not open */
    struct weir_flow_printer *printer;
    struct weir_guard_group guarded;
    struct weir_guard *guards; /* one an output */
    struct exported exported;  /* by the destinations that are closed */
    const char *path;          /* being read */
};

/* The texts of a repeatable option, in their order; NULL without memory. */
static const char **all_texts(const struct weir_arguments *arguments, size_t option,
                              unsigned *ret_count)
{
    const char **texts = calloc(arguments->given_count + 1, sizeof(*texts));
    *ret_count = 0;
    for (size_t i = 0; texts && i < arguments->given_count; i++)
        if (arguments->given[i].option == &options[option])
            texts[(*ret_count)++] = arguments->given[i].text;
    return texts;
}

static int read_cache(const char *text, uint32_t *ret_entries, struct weir_diag *diag)
{
    size_t length = strcspn(text, ",");
    if (length != strlen("normal") || strncmp(text, "normal", length) != 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--cache: '%.*s': the flow cache is of kind 'normal'", (int)length,
                             text);
    if (text[length] == '\0')
        return 0;
    static const char entries[] = "entries=";
    const char *setting = text + length + 1;
    uint64_t value;
    if (strncmp(setting, entries, sizeof(entries) - 1) != 0 ||
        weir_size_parse(setting + sizeof(entries) - 1, &value) < 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--cache: '%s': write normal,entries=N, as normal,entries=1M",
                             setting);
    if (value < WEIR_CACHE_ENTRIES_MIN || value > WEIR_CACHE_ENTRIES_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--cache: entries=%" PRIu64 " is not from %u to %u", value,
                             WEIR_CACHE_ENTRIES_MIN, WEIR_CACHE_ENTRIES_MAX);
    *ret_entries = (uint32_t)value;
    return 0;
}

static int read_networks(const char *text, struct weir_perimeter *perimeter, struct weir_diag *diag)
{
    for (const char *at = text;; at++) {
        char network[WEIR_ADDRESS_TEXT_MAX + 4];
        size_t length = strcspn(at, ",");
        if (perimeter->count == WEIR_PERIMETER_NETWORKS_MAX)
            return weir_diag_set(diag, WEIR_E_USAGE, "--direction: more than %u networks",
                                 WEIR_PERIMETER_NETWORKS_MAX);
        snprintf(network, sizeof(network), "%.*s", (int)length, at);
        if (length >= sizeof(network) ||
            weir_network_parse(network, &perimeter->networks[perimeter->count]) < 0)
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "--direction: '%s': a network is wanted, as 10.0.0.0/8", network);
        perimeter->count++;
        at += length;
        if (*at == '\0')
            return 0;
    }
}

static int read_direction(const char *text, struct weir_cache_config *cache, struct weir_diag *diag)
{
    static const char outside[] = "outside:";
    static const struct {
        const char *name;
        enum weir_biflow biflow;
    } names[] = {
        {"first", WEIR_BIFLOW_FIRST},
        {"syn", WEIR_BIFLOW_SYN},
        {"port", WEIR_BIFLOW_PORT},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i].name) == 0) {
            cache->biflow = names[i].biflow;
            return 0;
        }
    if (strncmp(text, outside, sizeof(outside) - 1) != 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--direction: '%s': write first, syn, port or outside:NETWORK,...",
                             text);
    cache->biflow = WEIR_BIFLOW_PERIMETER;
    return read_networks(text + sizeof(outside) - 1, &cache->perimeter, diag);
}

/* The flow definitions; without one NetFlow's keys, of which biflows have those that both of their
 * directions share. */
static int read_definitions(struct run *run, struct weir_diag *diag)
{
    struct weir_meter_config *config = &run->config;
    unsigned count;
    const char **texts = all_texts(run->arguments, FLOW, &count);
    run->definitions = calloc(count + 1, sizeof(*run->definitions));
    int result = texts && run->definitions ? 0 : WEIR_E_NOMEM;
    for (unsigned i = 0; i < count && result == 0; i++)
        result = weir_flow_definition_parse(texts[i], &run->definitions[i], diag);
    free(texts);
    if (result < 0) {
        weir_diag_prefix(diag, "--flow");
        return result;
    }
    if (weir_arguments_has(run->arguments, BIFLOW)) {
        config->cache.definition = weir_flow_definition_5_tuple();
        result =
            read_direction(weir_arguments_text(run->arguments, DIRECTION), &config->cache, diag);
    }
    config->definitions = run->definitions;
    config->definition_count = count;
    return result;
}

static bool stop(void *context, const struct weir_meter *meter);
static void lose_output(void *context, unsigned output, int result, const struct weir_diag *diag);

static int read_config(struct run *run, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = run->arguments;
    struct weir_meter_config *config = &run->config;
    config->cache = weir_cache_config_default();
    int result = read_definitions(run, diag);
    if (result < 0)
        return result;
    result = read_cache(weir_arguments_text(arguments, CACHE), &config->cache.entries, diag);
    if (result < 0)
        return result;
    config->cache.idle_ns = weir_arguments_ns(arguments, IDLE_TIMEOUT);
    config->cache.active_ns = weir_arguments_ns(arguments, ACTIVE_TIMEOUT);
    if (weir_arguments_choice(arguments, LAYER) == LAYER_INNER)
        config->tunnel_depth = (unsigned)weir_arguments_number(arguments, TUNNEL_DEPTH);
    config->cache.domain = (uint32_t)weir_arguments_number(arguments, DOMAIN);
    config->clock = run->call->clock;
    config->stop = stop;
    config->stop_context = run;
    run->guarded = (struct weir_guard_group){
        .failed = lose_output, .context = run, .lock = PTHREAD_MUTEX_INITIALIZER};

    run->filters = all_texts(arguments, FILTER, &config->filter_count);
    run->interfaces = all_texts(arguments, INTERFACE, &config->interface_count);
    if (!run->filters || !run->interfaces)
        return WEIR_E_NOMEM;
    config->workers = (unsigned)weir_arguments_number(arguments, WORKERS);
    config->method = (enum weir_live_method)weir_arguments_choice(arguments, CAPTURE);
    config->buffer_octets = (uint32_t)weir_arguments_number(arguments, BUFFER);
    config->hardware_time = weir_arguments_choice(arguments, TIMESTAMPS) == CLOCK_HARDWARE;
    config->filters = run->filters;
    config->interfaces = run->interfaces;
    /* Live, strangers choose the packets and must not know the key. */
    if (config->interface_count > 0 && weir_hash_key_random(&config->cache.hash_key) < 0)
        return weir_diag_set(diag, WEIR_E_IO, "the system has no randomness");
    return 0;
}

/* What says how to capture has no place beside files. */
static int check_live(const struct weir_arguments *arguments, struct weir_diag *diag)
{
    static const int live[] = {CAPTURE, BUFFER, TIMESTAMPS};
    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
        if (weir_arguments_count_given(arguments, (size_t)live[i]) > 0)
            return weir_diag_set(diag, WEIR_E_USAGE, "meter: --%s is for interfaces (-i)",
                                 options[live[i]].name);
    return 0;
}

static int check(const struct weir_arguments *arguments, struct weir_diag *diag)
{
    bool reads = weir_arguments_count_given(arguments, READ) > 0;
    bool listens = weir_arguments_count_given(arguments, INTERFACE) > 0;
    if (!reads && !listens)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "meter: nothing to meter: give a capture with -r or an interface "
                             "with -i");
    if (reads && listens)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "meter: -r and -i do not go together: one has the capture's time, "
                             "the other the clock's");
    if (listens && weir_arguments_has(arguments, MERGE))
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "meter: --merge is for files; interfaces are metered together anyway");
    if (weir_arguments_count_given(arguments, TUNNEL_DEPTH) > 0 &&
        weir_arguments_choice(arguments, LAYER) != LAYER_INNER)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "meter: --tunnel-depth is for --layer inner; the outermost header has "
                             "no depth");
    if (weir_arguments_count_given(arguments, DIRECTION) > 0 &&
        !weir_arguments_has(arguments, BIFLOW))
        return weir_diag_set(diag, WEIR_E_USAGE, "meter: --direction is for --biflow");
    if (weir_arguments_count_given(arguments, TO) > 0 &&
        weir_arguments_count_given(arguments, FORMAT) > 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "meter: --format is for flows that are printed, and with --to none "
                             "are; --to json:- prints them too");
    return listens ? 0 : check_live(arguments, diag);
}

static int read_urls(struct run *run, struct weir_diag *diag)
{
    unsigned count;
    const char **texts = all_texts(run->arguments, TO, &count);
    run->urls = calloc(count + 1, sizeof(*run->urls));
    run->destinations = calloc(count + 1, sizeof(struct weir_destination *));
    run->guards = calloc(count + 1, sizeof(*run->guards));
    int result = texts && run->urls && run->destinations && run->guards ? 0 : WEIR_E_NOMEM;
    for (unsigned i = 0; i < count && result == 0; i++)
        result = weir_url_parse(texts[i], &run->urls[i], diag);
    if (result == 0)
        run->url_count = count;
    else if (result == WEIR_E_USAGE)
        weir_diag_prefix(diag, "--to");
    free(texts);
    return result;
}

static int add_output(struct run *run, unsigned output, struct weir_batch_sink sink,
                      struct weir_diag *diag)
{
    weir_guard_batches(&run->guards[output], &run->guarded, output, sink);
    struct weir_batch_sink guarded = weir_guard_batch_sink(&run->guards[output]);
    return weir_meter_add_sink(run->meter, &guarded, diag);
}

/* Opens what flows go to. */
static int open_outputs(struct run *run, struct weir_diag *diag)
{
    int result = 0;
    for (size_t i = 0; i < run->url_count && result == 0; i++) {
        result = weir_destination_open(&run->urls[i], run->config.cache.domain,
                                       &run->destinations[i], diag);
        if (result < 0)
            return result;
        result = add_output(run, (unsigned)i, weir_destination_sink(run->destinations[i]), diag);
    }
    if (result < 0 || run->url_count > 0)
        return result;
    enum weir_format format = (enum weir_format)weir_arguments_choice(run->arguments, FORMAT);
    struct weir_meter_fields fields;
    weir_meter_fields(run->meter, &fields);
    const struct weir_extra_fields *extras[WEIR_METER_DEFINITIONS_MAX];
    for (unsigned i = 0; i < fields.extra_count; i++)
        extras[i] = &fields.extras[i];
    const struct weir_flow_printer_fields printed = {
        .columns = fields.columns,
        .named = fields.named,
        .extras = extras,
        .extra_count = fields.extra_count,
    };
    result = weir_flow_printer_open("-", format, &printed, weir_arguments_zone(run->arguments),
                                    &run->printer, diag);
    if (result < 0)
        return result;
    return add_output(run, 0, weir_flow_printer_sink(run->printer), diag);
}

static void add_exported(const struct weir_destination *destination, struct exported *sum)
{
    struct weir_udp_sender_counters sender = weir_destination_sender_counters(destination);
    weir_counter_add_all(weir_exporter_counter_table, weir_exporter_counter_count,
                         weir_destination_counters(destination), &sum->exporters);
    weir_counter_add_all(weir_udp_sender_counter_table, weir_udp_sender_counter_count, &sender,
                         &sum->senders);
}

/* Sends what waits, adds up what was counted by then, and closes. */
static int close_destination(struct run *run, size_t i, struct weir_diag *diag)
{
    struct weir_destination *destination = run->destinations[i];
    run->destinations[i] = NULL;
    struct weir_batch_sink sink = weir_destination_sink(destination);
    int result = sink.flush(sink.context, 0, diag);
    add_exported(destination, &run->exported);
    if (result == 0)
        return weir_destination_close(destination, diag);
    weir_destination_abort(destination);
    return result;
}

/* One of the places that flows go to failed: it is left, with what was sent and lost counted. */
static void lose_output(void *context, unsigned output, int result, const struct weir_diag *diag)
{
    struct run *run = context;
    struct weir_diag again = {0};
    weir_call_say_failure(run->call, result, diag);
    if (output < run->url_count)
        (void)!close_destination(run, output, &again);
}

/* Completes what flows went to, also after a failure: what has gone out stays. */
static void close_outputs(struct run *run)
{
    for (size_t i = 0; i < run->url_count; i++) {
        struct weir_diag diag = {0};
        int result = run->destinations[i] ? close_destination(run, i, &diag) : 0;
        if (result < 0)
            weir_call_say_failure(run->call, result, &diag);
    }
    if (!run->printer)
        return;
    struct weir_diag diag = {0};
    int result = 0;
    /* Nothing could be read: a header without flows would look as if there were none. */
    bool is_in_vain =
        run->call->has_failed && weir_meter_cache_counters(run->meter).flows_created == 0;
    if (is_in_vain || weir_meter_has_failed(run->meter))
        weir_flow_printer_abort(run->printer);
    else
        result = weir_flow_printer_close(run->printer, &diag);
    if (result < 0)
        weir_call_say_failure(run->call, result, &diag);
}

static void abort_outputs(struct run *run)
{
    for (size_t i = 0; i < run->url_count; i++)
        weir_destination_abort(run->destinations[i]);
    weir_flow_printer_abort(run->printer);
}

static bool stop(void *context, const struct weir_meter *meter)
{
    struct run *run = context;
    struct weir_progress *progress = &run->call->progress;
    if (weir_progress_due(progress)) {
        struct weir_cache_counters cache = weir_meter_cache_counters(meter);
        weir_progress_show(
            progress, "%s: %" PRIu64 " packets, %" PRIu64 " flows, %" PRIu64 " of them active",
            run->path, cache.packets_metered, cache.flows_created, cache.flows_active);
    }
    return weir_stop_requested();
}

static void read_merged(struct run *run)
{
    unsigned count;
    const char **paths = all_texts(run->arguments, READ, &count);
    struct weir_diag diag = {0};
    int result = WEIR_E_NOMEM;
    run->path = "merged captures";
    if (paths)
        result = weir_meter_read_merged(run->meter, paths, count, &diag);
    if (result < 0 && !weir_meter_has_failed(run->meter))
        weir_call_say_failure(run->call, result, &diag);
    free(paths);
}

/* Reads all files, also those after one that cannot be read to its end. */
static void read_files(struct run *run)
{
    for (size_t i = 0; i < run->arguments->given_count && !weir_stop_requested(); i++) {
        if (run->arguments->given[i].option != &options[READ])
            continue;
        struct weir_diag diag = {0};
        run->path = run->arguments->given[i].text;
        int result = weir_meter_read(run->meter, run->path, &diag);
        if (weir_meter_has_failed(run->meter))
            return;
        if (result < 0)
            weir_call_say_failure(run->call, result, &diag);
    }
}

static void listen(struct run *run)
{
    struct weir_diag diag = {0};
    run->path = run->interfaces[0];
    int result = weir_meter_listen(run->meter, &diag);
    if (result < 0 && !weir_meter_has_failed(run->meter))
        weir_call_say_failure(run->call, result, &diag);
}

static int print_stats(const struct run *run, struct weir_diag *diag)
{
    const struct exported *exported = &run->exported;
    struct weir_meter_counters own;
    struct weir_source_counters source;
    struct weir_parse_counters parse;
    struct weir_cache_counters cache;
    weir_meter_count(run->meter, &own, &source, &parse, &cache);
    const struct weir_stats_part parts[] = {
        {weir_meter_counter_table, weir_meter_counter_count, &own},
        {weir_cache_counter_table, weir_cache_counter_count, &cache},
        {weir_exporter_counter_table, weir_exporter_counter_count, &exported->exporters},
        {weir_udp_sender_counter_table, weir_udp_sender_counter_count, &exported->senders},
        {weir_guard_counter_table, weir_guard_counter_count, &run->guarded.counters},
        {weir_source_counter_table, weir_source_counter_count, &source},
        {weir_parse_counter_table, weir_parse_counter_count, &parse},
    };
    struct weir_text_buffer text;
    weir_text_init(&text, STATS_OCTETS_MAX);
    weir_stats_print(parts, sizeof(parts) / sizeof(parts[0]), &text);
    int result = weir_print(&text, weir_arguments_text(run->arguments, STATS), diag);
    weir_text_done(&text);
    return result;
}

/* What a person should know of packets and flows that went another way than meant. */
static void print_notes(const struct run *run)
{
    const struct exported *exported = &run->exported;
    struct weir_cache_counters cache = weir_meter_cache_counters(run->meter);
    weir_progress_clear(&run->call->progress);
    uint16_t link_type;
    struct weir_rest_count unparsed;
    for (size_t i = 0; weir_meter_unparsed_link(run->meter, i, &link_type, &unparsed) == 0; i++)
        fprintf(stderr, "weir: note: %" PRIu64 " packets have link type %u, which is not parsed\n",
                unparsed.packets, link_type);
    if (cache.flows_expired_resources > 0)
        fprintf(stderr,
                "weir: note: %" PRIu64 " of %" PRIu64 " flows were ended early for want of room; "
                "--cache normal,entries=N with more than %" PRIu64 " has it\n",
                cache.flows_expired_resources, cache.flows_created, cache.cache_entries);
    if (exported->exporters.records_not_carried > 0)
        fprintf(stderr,
                "weir: note: %" PRIu64
                " IPv6 flows were not sent: NetFlow v1 and v5 cannot carry them\n",
                exported->exporters.records_not_carried);
    if (exported->senders.sends_refused > 0)
        fprintf(stderr,
                "weir: note: nobody listens at a destination: %" PRIu64 " sends were refused\n",
                exported->senders.sends_refused);
    if (exported->senders.datagrams_too_long > 0)
        fprintf(stderr,
                "weir: note: %" PRIu64 " datagrams were longer than the path takes; ?mtu=N with a "
                "smaller N makes them fit\n",
                exported->senders.datagrams_too_long);
    if (exported->exporters.messages_failed > 0)
        fprintf(stderr, "weir: note: %" PRIu64 " messages were not sent; --stats says why\n",
                exported->exporters.messages_failed);
}

static int meter(struct run *run, struct weir_diag *diag)
{
    int result = read_urls(run, diag);
    if (result == 0)
        result = weir_meter_new(&run->config, &run->meter, diag);
    if (result == 0)
        result = open_outputs(run, diag);
    if (result < 0) {
        abort_outputs(run);
        return result;
    }
    if (run->config.interface_count)
        listen(run);
    else if (weir_arguments_has(run->arguments, MERGE))
        read_merged(run);
    else
        read_files(run);
    close_outputs(run);
    if (run->call->progress.wanted)
        print_notes(run);
    return weir_arguments_has(run->arguments, STATS) ? print_stats(run, diag) : 0;
}

static int run_meter(struct weir_call *call, struct weir_diag *diag)
{
    struct run run = {.call = call, .arguments = &call->arguments};
    int result = check(run.arguments, diag);
    if (result == 0)
        result = read_config(&run, diag);
    if (result == 0)
        result = meter(&run, diag);
    weir_meter_free(run.meter);
    free(run.filters);
    free(run.interfaces);
    free(run.definitions);
    free(run.urls);
    free(run.destinations);
    free(run.guards);
    return result;
}

static const struct weir_example examples[] = {
    {"weir meter -r office.pcap", "the flows of a capture, as a table"},
    {"weir meter -r office.pcap --to udp://192.0.2.1:4739 --stats -",
     "exports them as IPFIX, and prints what was counted"},
    {"weir meter -i eth0 --filter 'not port 22' --to netflow9+udp://192.0.2.1:2055",
     "NetFlow v9 of live traffic"},
    {"weir meter -r office.pcap --flow 'keys=src_addr/24,dst_port fields=packets,bytes'",
     "networks and the services they use"},
    {"weir meter -r office.pcap --biflow --direction syn", "connections, not directions of them"},
    {"weir meter -r datacenter.pcap --layer inner", "the flows inside VXLAN and other tunnels"},
    {"weir meter -r a.pcap.gz -r b.pcap.zst --to ipfix+file:flows.ipfix", "two captures to a file"},
    {NULL, NULL},
};

const struct weir_command weir_command_meter = {
    .name = "meter",
    .summary = "makes Flow Records of packets",
    .usage = "(-r FILE | -i IFACE)... [--to URL]... [OPTION]...",
    .about =
        "Meters packets: those that agree in the Flow Keys are a flow, until no more come "
        "(idle), it has gone on for long (active), its TCP connection has ended, room is "
        "needed, or the input ends. Each flow then makes one Flow Record, which is exported "
        "or printed.\n\n"
        "Every packet is counted, also those that make no flow: --stats says how many were "
        "of which kind, and the sum is the input. Files are metered by their own time and "
        "give the same records in the same order each time.\n\n"
        "Of what the filter lets pass no packet is left out, and records have no sampling "
        "interval: who collects them takes that for 1.\n\n"
        "IP is found behind VLAN tags, MPLS labels, pseudowires, PPPoE, PPP, Cisco HDLC and "
        "LLC. With --layer inner it is also looked for inside IP in IP, GRE, ERSPAN, EtherIP, "
        "SRv6, L2TP, VXLAN, GENEVE, GTP-U, Teredo, MPLS over IP or UDP, and behind AH; packets "
        "and octets are then those of the inner packets; flows of the same addresses in two "
        "tunnels are one unless tunnel_type and tunnel_id are among the keys. What carries no IP, "
        "is cut, malformed, too deep or a fragment "
        "of its tunnel is metered by the last header outside it. ESP has its SPI in place of "
        "ports, the high half first.\n\n"
        "Flow Keys are src_addr, dst_addr, src_port, dst_port, protocol, tos, dscp, in_if, vlan, "
        "flow_label, ttl, length, tcp_flags, icmp_type, icmp_code, tunnel_type and tunnel_id. "
        "NAME/BITS takes the highest bits of one, of addresses in both families or as "
        "NAME/BITS/BITS6 in each; NAME&MASK takes bits of a number. With length among the keys "
        "no TCP connection is seen to end. IPv4 and IPv6 never mix. "
        "Fields are start, end, duration_ms, packets, bytes, tcp_flags, ttl_min, ttl_max, "
        "end_reason, ip_version, and of the first packet tos, dscp, in_if, vlan and flow_label; "
        "of biflows also rev_packets, rev_bytes, rev_start, rev_end, rev_tcp_flags, rev_ttl_min, "
        "rev_ttl_max and biflow_direction. Without fields= a record has the usual ones. --cache "
        "is that of each definition.\n\n"
        "With --biflow (RFC 5103) packets of both directions are one flow, whose keys other than "
        "addresses and ports agree in both; an ICMP echo and its reply are one, too. Of flows "
        "without a packet of the reverse direction the fields of that are none; of those without "
        "a forward one the times are the reverse's.\n\n"
        "A TCP connection has ended with a RST, or a FIN from both sides. Its flows end two "
        "seconds after its last packet, so that the last ACK makes no flow of its own, or at "
        "once when a new connection takes its ports.",
    .options = options,
    .option_count = OPTION_COUNT,
    .examples = examples,
    .operands_hint = "a file stands behind -r, a filter, in quotes, behind --filter",
    .run = run_meter,
};
