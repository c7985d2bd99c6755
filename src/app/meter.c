/* SPDX-License-Identifier: Apache-2.0 */
#include "app/meter.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "app/meter_group.h"
#include "app/meter_workers.h"
#include "packet/filter.h"
#include "packet/merge.h"

/* Frames taken at once: their packets stay in the nearest cache. */
#define FRAMES WEIR_METER_WORKERS_FETCH

/* Interfaces that a capture file may have (packet/source.h). */
#define FILE_INTERFACES 4096u

/* Live: how long to wait for packets before the clock is looked at, and how often sinks flush. */
#define WAIT_MS         100
#define FLUSH_PERIOD_NS WEIR_NS_PER_SECOND

/* What waits in the kernel at the end: how long the last of it takes to show, and all of it. */
#define DRAIN_WAIT_MS 20
#define DRAIN_NS      WEIR_NS_PER_SECOND

struct weir_meter {
    struct weir_meter_config config;
    struct weir_filter *filters[WEIR_METER_FILTERS_MAX];
    struct weir_parser *parser;
    struct weir_cache_config configs[WEIR_METER_DEFINITIONS_MAX];
    struct weir_cache *caches[WEIR_METER_DEFINITIONS_MAX];
    unsigned definition_count;
    struct weir_meter_workers *workers; /* in place of the caches */
    struct weir_meter_group *group;     /* in place of caches, parser and interfaces */
    struct weir_source *live[WEIR_METER_INTERFACES_MAX];
    struct weir_meter_counters counters;
    struct weir_source_counters sources; /* of those closed */
    struct weir_source *reading;         /* the file that is open */
    struct weir_batch_sink sinks[WEIR_METER_SINKS_MAX];
    unsigned sink_count;
    atomic_bool has_failed;
    struct weir_frame frames[FRAMES];
    struct weir_packet packets[FRAMES];
};

const struct weir_counter weir_meter_counter_table[] = {
    WEIR_COUNTER(struct weir_meter_counters, packets, PACKETS, "packets read, of every kind"),
    WEIR_COUNTER(struct weir_meter_counters, octets, OCTETS, "octets of them on the wire"),
    WEIR_COUNTER(struct weir_meter_counters, packets_selected, PACKETS,
                 "packets that the filter let pass"),
    WEIR_COUNTER(struct weir_meter_counters, packets_dropped, PACKETS,
                 "packets that the kernel or the interface dropped before they could be read"),
};
const size_t weir_meter_counter_count =
    sizeof(weir_meter_counter_table) / sizeof(weir_meter_counter_table[0]);

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct weir_meter *meter = context;
    for (unsigned i = 0; i < meter->sink_count; i++) {
        const struct weir_batch_sink *sink = &meter->sinks[i];
        int result = sink->batch(sink->context, batch, diag);
        if (result < 0) {
            meter->has_failed = true;
            return result;
        }
    }
    return 0;
}

static int flush_sinks(struct weir_meter *meter, int64_t now_ns, struct weir_diag *diag)
{
    for (unsigned i = 0; i < meter->sink_count; i++) {
        const struct weir_batch_sink *sink = &meter->sinks[i];
        int result = sink->flush(sink->context, now_ns, diag);
        if (result < 0) {
            meter->has_failed = true;
            return result;
        }
    }
    return 0;
}

static int take_flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    return flush_sinks(context, now_ns, diag);
}

static int open_filters(struct weir_meter *meter, struct weir_diag *diag)
{
    if (meter->config.filter_count > WEIR_METER_FILTERS_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "at most %u filters are applied",
                             WEIR_METER_FILTERS_MAX);
    int result = 0;
    for (unsigned i = 0; i < meter->config.filter_count && result == 0; i++)
        result = weir_filter_new(meter->config.filters[i], &meter->filters[i], diag);
    return result;
}

static int open_interfaces(struct weir_meter *meter, struct weir_diag *diag)
{
    if (meter->config.interface_count > WEIR_METER_INTERFACES_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "at most %u interfaces are listened on",
                             WEIR_METER_INTERFACES_MAX);
    for (unsigned i = 0; i < meter->config.interface_count; i++) {
        struct weir_live_options options = {
            .method = meter->config.method,
            .buffer_octets = meter->config.buffer_octets,
            .first_interface = (uint16_t)i,
            .no_wait = true,
            .promiscuous = true,
            .hardware_time = meter->config.hardware_time,
            .filter = meter->config.filter_count > 0 ? meter->config.filters[0] : NULL,
            .fanout = meter->config.fanouts ? &meter->config.fanouts[i] : NULL,
        };
        int result = weir_live_open(meter->config.interfaces[i], &options, &meter->live[i], diag);
        if (result < 0)
            return result;
    }
    return 0;
}

static bool tells_direction(const struct weir_meter *meter)
{
    for (unsigned i = 0; i < meter->config.interface_count; i++)
        if (weir_live_tells_direction(meter->live[i]))
            return true;
    return false;
}

/* A small cache is not worth dividing; its parts would not be full at once. */
static unsigned useful_workers(const struct weir_meter_config *config)
{
    unsigned most = weir_cache_regions(config->cache.entries);
    if (config->workers <= 1 || most == 1 || config->interface_count > 0)
        return 1;
    return config->workers < most ? config->workers : most;
}

/* Live, an observation point has the ifIndex of its interface; in a file, its place there. */
static int open_caches(struct weir_meter *meter, struct weir_diag *diag)
{
    struct weir_cache_config config;
    uint32_t if_index[FILE_INTERFACES];
    meter->config.cache.tells_direction = tells_direction(meter);
    config = meter->config.cache;
    config.if_index = if_index;
    config.if_count =
        meter->config.interface_count ? meter->config.interface_count : FILE_INTERFACES;
    for (uint32_t i = 0; i < config.if_count; i++)
        if_index[i] =
            meter->config.interface_count ? if_nametoindex(meter->config.interfaces[i]) : i + 1;
    for (unsigned i = 0; i < meter->definition_count; i++) {
        config.definition = meter->configs[i].definition;
        meter->configs[i] = config;
    }
    struct weir_batch_sink sink = {.batch = take_batch, .context = meter};
    unsigned workers = useful_workers(&meter->config);
    int result = 0;
    if (workers > 1) {
        const struct weir_meter_workers_config several = {workers, meter->configs,
                                                          meter->definition_count, sink};
        result = weir_meter_workers_new(&several, &meter->workers, diag);
    }
    for (unsigned i = 0; i < meter->definition_count; i++) {
        if (workers == 1 && result == 0)
            result = weir_cache_new(&meter->configs[i], &sink, &meter->caches[i], diag);
        meter->configs[i].if_index = NULL; /* copied, and gone with this call */
    }
    return result;
}

/* The definitions, or the cache's own. */
static int take_definitions(struct weir_meter *meter, struct weir_diag *diag)
{
    const struct weir_meter_config *config = &meter->config;
    if (config->definition_count > WEIR_METER_DEFINITIONS_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "at most %u flow definitions are metered",
                             WEIR_METER_DEFINITIONS_MAX);
    meter->definition_count = config->definition_count ? config->definition_count : 1;
    for (unsigned i = 0; i < meter->definition_count; i++) {
        meter->configs[i] = config->cache;
        if (config->definition_count)
            meter->configs[i].definition = config->definitions[i];
    }
    return 0;
}

/*
 * Live, packets come to a worker by their outermost addresses: it has whole flows where these are
 * keys, and in tunnels where a flow stays between the same two ends.
 */
static bool is_group(const struct weir_meter *meter)
{
    bool has_connections = true;
    for (unsigned i = 0; i < meter->definition_count; i++)
        has_connections &= weir_flow_definition_has_connections(&meter->configs[i].definition);
    return meter->config.interface_count > 0 && meter->config.workers > 1 && has_connections;
}

static int open_group(struct weir_meter *meter, struct weir_diag *diag)
{
    const struct weir_batch_sink sink = {take_batch, take_flush, meter};
    return weir_meter_group_new(&meter->config, &sink, &meter->group, diag);
}

static int open_pipeline(struct weir_meter *meter, struct weir_diag *diag)
{
    struct weir_parser_options options = {
        .hash_key = &meter->config.cache.hash_key,
        .tunnel_depth = meter->config.tunnel_depth,
        .all_layers = meter->config.all_layers,
    };
    int result = open_filters(meter, diag);
    if (result == 0 && weir_parser_new(&options, &meter->parser) < 0)
        result = weir_diag_set(diag, WEIR_E_NOMEM, "no memory to meter");
    if (result == 0)
        result = open_interfaces(meter, diag);
    if (result == 0)
        result = open_caches(meter, diag);
    return result;
}

int weir_meter_new(const struct weir_meter_config *config, struct weir_meter **ret_meter,
                   struct weir_diag *diag)
{
    struct weir_meter *meter = calloc(1, sizeof(*meter));
    if (!meter)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to meter");
    meter->config = *config;
    int result = take_definitions(meter, diag);
    if (result == 0)
        result = is_group(meter) ? open_group(meter, diag) : open_pipeline(meter, diag);
    if (result < 0) {
        weir_meter_free(meter);
        return result;
    }
    *ret_meter = meter;
    return 0;
}

void weir_meter_free(struct weir_meter *meter)
{
    if (!meter)
        return;
    for (unsigned i = 0; i < WEIR_METER_INTERFACES_MAX; i++)
        weir_source_close(meter->live[i]);
    for (unsigned i = 0; i < WEIR_METER_DEFINITIONS_MAX; i++)
        weir_cache_free(meter->caches[i]);
    weir_meter_workers_free(meter->workers);
    weir_meter_group_free(meter->group);
    weir_parser_free(meter->parser);
    for (unsigned i = 0; i < WEIR_METER_FILTERS_MAX; i++)
        weir_filter_free(meter->filters[i]);
    free(meter);
}

int weir_meter_add_sink(struct weir_meter *meter, const struct weir_batch_sink *sink,
                        struct weir_diag *diag)
{
    if (meter->sink_count == WEIR_METER_SINKS_MAX)
        return weir_diag_set(diag, WEIR_E_LIMIT, "flows go to at most %u places",
                             WEIR_METER_SINKS_MAX);
    meter->sinks[meter->sink_count++] = *sink;
    return 0;
}

bool weir_meter_has_failed(const struct weir_meter *meter)
{
    return meter->has_failed;
}

static bool is_stopped(const struct weir_meter *meter)
{
    return meter->config.stop && meter->config.stop(meter->config.stop_context, meter);
}

static bool is_stopped_by(void *context)
{
    return is_stopped(context);
}

/* Moves the frames that pass to the front and counts them. */
static int select_frames(struct weir_meter *meter, struct weir_filter *filter, size_t *count,
                         struct weir_diag *diag)
{
    bool pass[FRAMES];
    int result = weir_filter_run(filter, meter->frames, *count, pass, diag);
    if (result < 0)
        return result;
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (pass[i])
            meter->frames[kept++] = meter->frames[i];
    *count = kept;
    return 0;
}

/* Makes packets of what a source has at once. Results of weir_source_next and others. */
static int parse_frames(struct weir_meter *meter, struct weir_source *source,
                        struct weir_packet *packets, size_t *ret_count, struct weir_diag *diag)
{
    size_t count;
    size_t most = FRAMES / weir_parser_packets_per_frame(meter->parser);
    int result = weir_source_next(source, meter->frames, most, &count, diag);
    if (result < 0)
        return result;
    for (unsigned i = 0; i < meter->config.filter_count && result == 0; i++)
        result = select_frames(meter, meter->filters[i], &count, diag);
    if (result < 0)
        return result;
    meter->counters.packets_selected += count;
    *ret_count = weir_parse_batch(meter->parser, meter->frames, count, packets, NULL);
    return 0;
}

static int take_frames(struct weir_meter *meter, struct weir_source *source, struct weir_diag *diag)
{
    size_t count;
    int result = parse_frames(meter, source, meter->packets, &count, diag);
    for (unsigned i = 0; i < meter->definition_count && result == 0; i++)
        result = weir_cache_add(meter->caches[i], meter->packets, count, diag);
    return result;
}

static int advance(struct weir_meter *meter, int64_t now_ns, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < meter->definition_count && result == 0; i++)
        result = weir_cache_advance(meter->caches[i], now_ns, diag);
    return result;
}

/* A file that workers meter. */
struct reading {
    struct weir_meter *meter;
    struct weir_source *source;
};

static int fetch(void *context, struct weir_packet *packets, size_t *ret_count,
                 struct weir_diag *diag)
{
    const struct reading *reading = context;
    if (is_stopped(reading->meter))
        return WEIR_E_END;
    *ret_count = 0;
    int result = parse_frames(reading->meter, reading->source, packets, ret_count, diag);
    return result == WEIR_E_AGAIN ? 0 : result;
}

/* Ends all flows. The result of the work so far goes before what goes wrong now. */
static int finish(struct weir_meter *meter, int64_t now_ns, int result, struct weir_diag *diag)
{
    struct weir_diag second = {0};
    if (meter->has_failed)
        return result;
    int ended = 0;
    for (unsigned i = 0; i < meter->definition_count && ended == 0 && !meter->workers; i++)
        ended = weir_cache_finish(meter->caches[i], &second);
    if (ended == 0)
        ended = flush_sinks(meter, now_ns, &second);
    if (result == 0 && ended < 0) {
        *diag = second;
        return ended;
    }
    return result;
}

static int read_alone(struct weir_meter *meter, struct weir_source *source, struct weir_diag *diag)
{
    int result = 0;
    while ((result == 0 || (result == WEIR_E_AGAIN && !meter->has_failed)) && !is_stopped(meter))
        result = take_frames(meter, source, diag);
    return result == WEIR_E_END || result == WEIR_E_AGAIN ? 0 : result;
}

/* Meters a source to its end and closes it. */
static int read_source(struct weir_meter *meter, struct weir_source *source, struct weir_diag *diag)
{
    meter->reading = source;
    int result = meter->workers ? weir_meter_workers_run(meter->workers, fetch,
                                                         &(struct reading){meter, source}, diag)
                                : read_alone(meter, source, diag);
    int64_t now_ns =
        meter->workers ? weir_meter_workers_now(meter->workers) : weir_cache_now(meter->caches[0]);
    weir_counter_add_all(weir_source_counter_table, weir_source_counter_count,
                         weir_source_counters(source), &meter->sources);
    weir_source_close(source);
    meter->reading = NULL;
    return finish(meter, now_ns, result, diag);
}

int weir_meter_read(struct weir_meter *meter, const char *path, struct weir_diag *diag)
{
    struct weir_source_options options = {.stop = is_stopped_by, .stop_context = meter};
    struct weir_source *source;
    int result = weir_source_open(path, &options, &source, diag);
    /* Stopped while it waited for the first octets: there was nothing to meter. */
    if (result < 0)
        return is_stopped(meter) ? 0 : result;
    return read_source(meter, source, diag);
}

int weir_meter_read_merged(struct weir_meter *meter, const char *const *paths, size_t count,
                           struct weir_diag *diag)
{
    struct weir_source_options options = {.stop = is_stopped_by, .stop_context = meter};
    struct weir_source *source;
    int result = weir_source_open_merged(paths, count, &options, &source, diag);
    if (result < 0)
        return is_stopped(meter) ? 0 : result;
    return read_source(meter, source, diag);
}

static int poll_interfaces(const struct weir_meter *meter, int wait_ms)
{
    struct pollfd fds[WEIR_METER_INTERFACES_MAX];
    for (unsigned i = 0; i < meter->config.interface_count; i++)
        fds[i] = (struct pollfd){.fd = weir_live_fd(meter->live[i]), .events = POLLIN};
    return poll(fds, meter->config.interface_count, wait_ms);
}

/* Waits until one of the interfaces has frames, a signal comes, or the clock should be seen to. */
static int wait_for_frames(const struct weir_meter *meter, struct weir_diag *diag)
{
    if (poll_interfaces(meter, WAIT_MS) < 0 && errno != EINTR)
        return weir_diag_set(diag, WEIR_E_IO, "waiting for packets: %s", strerror(errno));
    return 0;
}

/* Takes what all interfaces have. WEIR_E_AGAIN: they had nothing. */
static int take_round(struct weir_meter *meter, struct weir_diag *diag)
{
    int round = WEIR_E_AGAIN;
    for (unsigned i = 0; i < meter->config.interface_count; i++) {
        int result = take_frames(meter, meter->live[i], diag);
        if (result < 0 && result != WEIR_E_AGAIN)
            return result;
        if (result == 0)
            round = 0;
    }
    return round;
}

/* Takes what had come in before it was to stop, and not for ever where more comes. */
static int drain(struct weir_meter *meter, struct weir_diag *diag)
{
    for (unsigned i = 0; i < meter->config.interface_count; i++)
        weir_live_end(meter->live[i]);
    int64_t until_ns = weir_clock_now(&meter->config.clock) + DRAIN_NS;
    int result = 0;
    while (result == 0 && weir_clock_now(&meter->config.clock) < until_ns) {
        result = take_round(meter, diag);
        if (result == WEIR_E_AGAIN && poll_interfaces(meter, DRAIN_WAIT_MS) > 0)
            result = 0;
    }
    return result == WEIR_E_AGAIN ? 0 : result;
}

int weir_meter_listen(struct weir_meter *meter, struct weir_diag *diag)
{
    int result = 0;
    if (meter->group)
        return weir_meter_group_listen(meter->group, is_stopped_by, meter, diag);
    int64_t flush_ns = weir_clock_now(&meter->config.clock) + FLUSH_PERIOD_NS;
    while (result == 0 && !is_stopped(meter)) {
        result = take_round(meter, diag);
        int64_t now_ns = weir_clock_now(&meter->config.clock);
        /* The clock counts only once nothing older waits to be read. */
        if (result == WEIR_E_AGAIN) {
            result = advance(meter, now_ns, diag);
            if (result == 0)
                result = wait_for_frames(meter, diag);
        }
        if (result == 0 && now_ns >= flush_ns) {
            result = advance(meter, weir_cache_now(meter->caches[0]), diag);
            if (result == 0)
                result = flush_sinks(meter, now_ns, diag);
            flush_ns = now_ns + FLUSH_PERIOD_NS;
        }
    }
    if (result == 0)
        result = drain(meter, diag);
    return finish(meter, weir_clock_now(&meter->config.clock), result, diag);
}

void weir_meter_fields(const struct weir_meter *meter, struct weir_meter_fields *ret_fields)
{
    unsigned count;
    if (meter->group) {
        weir_meter_fields(weir_meter_group_meters(meter->group, &count)[0], ret_fields);
        return;
    }
    *ret_fields = (struct weir_meter_fields){.extra_count = meter->definition_count};
    for (unsigned i = 0; i < meter->definition_count; i++) {
        const struct weir_cache_config *config = &meter->configs[i];
        ret_fields->columns |= weir_cache_columns(config);
        if (meter->config.definition_count)
            ret_fields->named |= config->definition.keys | config->definition.fields;
        weir_cache_extras(config, &ret_fields->extras[i]);
    }
}

struct weir_cache_counters weir_meter_cache_counters(const struct weir_meter *meter)
{
    if (meter->group)
        return weir_meter_group_cache_counters(meter->group);
    if (meter->workers)
        return weir_meter_workers_count(meter->workers);
    struct weir_cache_counters sum = {0};
    for (unsigned i = 0; i < meter->definition_count; i++) {
        struct weir_cache_counters one = weir_cache_counters(meter->caches[i]);
        weir_counter_add_all(weir_cache_counter_table, weir_cache_counter_count, &one, &sum);
    }
    return sum;
}

int weir_meter_unparsed_link(const struct weir_meter *meter, size_t index, uint16_t *ret_link_type,
                             struct weir_rest_count *ret_count)
{
    /* What several share are Ethernet and the like. */
    return meter->group ? WEIR_E_NOT_FOUND
                        : weir_parser_unparsed_link(meter->parser, index, ret_link_type, ret_count);
}

bool weir_meter_is_parallel(const struct weir_meter *meter)
{
    return meter->group || meter->workers;
}

bool weir_meter_point_name(const struct weir_meter *meter, unsigned index,
                           struct weir_meter_point *ret_point)
{
    if (index >= meter->config.interface_count)
        return false;
    *ret_point = (struct weir_meter_point){
        .name = meter->config.interfaces[index],
        .if_index = if_nametoindex(meter->config.interfaces[index]),
    };
    return true;
}

bool weir_meter_point(struct weir_meter *meter, unsigned index, struct weir_meter_point *ret_point)
{
    unsigned count = 1;
    struct weir_meter *const *meters = &meter;
    if (!weir_meter_point_name(meter, index, ret_point))
        return false;
    if (meter->group)
        meters = weir_meter_group_meters(meter->group, &count);
    for (unsigned i = 0; i < count; i++)
        weir_counter_add_all(weir_source_counter_table, weir_source_counter_count,
                             weir_source_counters(meters[i]->live[index]), &ret_point->counters);
    return true;
}

static void count_group(const struct weir_meter *meter, struct weir_meter_counters *own,
                        struct weir_source_counters *source, struct weir_parse_counters *parse,
                        struct weir_cache_counters *cache)
{
    unsigned count;
    struct weir_meter *const *meters = weir_meter_group_meters(meter->group, &count);
    for (unsigned i = 0; i < count; i++) {
        struct weir_meter_counters one_own;
        struct weir_source_counters one_source;
        struct weir_parse_counters one_parse;
        struct weir_cache_counters one_cache;
        weir_meter_count(meters[i], &one_own, &one_source, &one_parse, &one_cache);
        weir_counter_add_all(weir_meter_counter_table, weir_meter_counter_count, &one_own, own);
        weir_counter_add_all(weir_source_counter_table, weir_source_counter_count, &one_source,
                             source);
        weir_parse_counters_add(&one_parse, parse);
        weir_counter_add_all(weir_cache_counter_table, weir_cache_counter_count, &one_cache, cache);
    }
}

static void count_pipeline(const struct weir_meter *meter, struct weir_meter_counters *own,
                           struct weir_source_counters *source, struct weir_parse_counters *parse,
                           struct weir_cache_counters *cache)
{
    *source = meter->sources;
    if (meter->reading)
        weir_counter_add_all(weir_source_counter_table, weir_source_counter_count,
                             weir_source_counters(meter->reading), source);
    for (unsigned i = 0; i < meter->config.interface_count; i++)
        weir_counter_add_all(weir_source_counter_table, weir_source_counter_count,
                             weir_source_counters(meter->live[i]), source);
    *own = meter->counters;
    own->packets = source->packets_read;
    own->octets = source->octets_read;
    own->packets_dropped = source->packets_dropped_kernel + source->packets_dropped_interface;
    *parse = *weir_parser_counters(meter->parser);
    *cache = weir_meter_cache_counters(meter);
}

void weir_meter_count(struct weir_meter *meter, struct weir_meter_counters *ret_own,
                      struct weir_source_counters *ret_source,
                      struct weir_parse_counters *ret_parse, struct weir_cache_counters *ret_cache)
{
    *ret_own = (struct weir_meter_counters){0};
    *ret_source = (struct weir_source_counters){0};
    *ret_parse = (struct weir_parse_counters){0};
    *ret_cache = (struct weir_cache_counters){0};
    (meter->group ? count_group : count_pipeline)(meter, ret_own, ret_source, ret_parse, ret_cache);
}
