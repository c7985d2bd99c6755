/* SPDX-License-Identifier: Apache-2.0 */
#include "app/meter.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "app/intake.h"
#include "app/meter_group.h"
#include "app/meter_totals.h"
#include "app/meter_workers.h"
#include "packet/filter.h"
#include "packet/merge.h"

/* Packets that are taken at once. */
#define AT_ONCE WEIR_METER_WORKERS_FETCH

/* Interfaces that a capture file may have (packet/source.h). */
#define FILE_INTERFACES 4096u

/* Live: how long to wait for packets before the clock is looked at. */
#define WAIT_MS 100

/* How often sinks flush, live and of a pipe. */
#define FLUSH_PERIOD_NS WEIR_NS_PER_SECOND

/* What waits in the kernel at the end: how long the last of it takes to show, and all of it. */
#define DRAIN_WAIT_MS 20
#define DRAIN_NS      WEIR_NS_PER_SECOND

struct weir_meter {
    struct weir_meter_config config;
    struct weir_metering_config processes[WEIR_METER_PROCESSES_MAX];
    struct weir_metering *meterings[WEIR_METER_PROCESSES_MAX];
    struct weir_intake *intake;
    struct weir_meter_workers *workers; /* in place of the processes' caches */
    struct weir_meter_group *group;     /* in place of intake and interfaces */
    struct weir_source *live[WEIR_METER_INTERFACES_MAX];
    struct weir_source_counters sources; /* of those closed */
    struct weir_source *reading;         /* the file that is open */
    int64_t flush_ns;                    /* when the sinks are flushed next */
    struct weir_packet packets[AT_ONCE];
    struct weir_packet_detail *details; /* of these; NULL: nobody needs them */
};

const struct weir_counter weir_meter_counter_table[] = {
    WEIR_COUNTER(struct weir_meter_counters, packets, PACKETS, "packets read, of every kind"),
    WEIR_COUNTER(struct weir_meter_counters, octets, OCTETS, "octets of them on the wire"),
    WEIR_COUNTER(struct weir_meter_counters, packets_selected, PACKETS,
                 "packets that filters and samplers let pass, of all Metering Processes"),
    WEIR_COUNTER(struct weir_meter_counters, packets_dropped, PACKETS,
                 "packets that the kernel or the interface dropped before they could be read"),
};
const size_t weir_meter_counter_count =
    sizeof(weir_meter_counter_table) / sizeof(weir_meter_counter_table[0]);

/* Only what no process wants can be left to the kernel. */
static const char *kernel_filter(const struct weir_meter *meter)
{
    const struct weir_metering_config *process = &meter->processes[0];
    bool filters = meter->config.process_count == 1 && process->selector_count > 0 &&
                   process->selectors[0].kind == WEIR_SELECTOR_FILTER;
    return filters ? process->selectors[0].text : NULL;
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
            .filter = kernel_filter(meter),
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
static unsigned useful_workers(const struct weir_meter *meter)
{
    unsigned workers = meter->config.interface_count > 0 ? 1 : meter->config.workers;
    for (unsigned i = 0; i < meter->config.process_count; i++) {
        unsigned most = weir_cache_regions(meter->processes[i].cache.entries);
        if (workers > most)
            workers = most;
    }
    return workers > 1 ? workers : 1;
}

static int open_workers(struct weir_meter *meter, unsigned workers, struct weir_diag *diag)
{
    struct weir_meter_workers_process processes[WEIR_METER_PROCESSES_MAX];
    for (unsigned i = 0; i < meter->config.process_count; i++) {
        processes[i].caches = weir_metering_caches(meter->meterings[i], &processes[i].cache_count);
        processes[i].sink = weir_metering_sink(meter->meterings[i]);
    }
    const struct weir_meter_workers_config several = {
        .count = workers,
        .processes = processes,
        .process_count = meter->config.process_count,
        .needs_details = meter->details != NULL,
    };
    return weir_meter_workers_new(&several, &meter->workers, diag);
}

/* Room for the details of packets, where a cache or a stage of selection needs them. */
static int make_details(struct weir_meter *meter, struct weir_diag *diag)
{
    bool is_needed = false;
    for (unsigned i = 0; i < meter->config.process_count; i++) {
        unsigned count;
        const struct weir_cache_config *caches = weir_metering_caches(meter->meterings[i], &count);
        is_needed |= weir_select_needs_details(weir_metering_select(meter->meterings[i]));
        for (unsigned k = 0; k < count; k++)
            is_needed |= weir_cache_needs_details(&caches[k]);
    }
    meter->details = is_needed ? calloc(AT_ONCE, sizeof(*meter->details)) : NULL;
    return is_needed && !meter->details ? weir_diag_set(diag, WEIR_E_NOMEM, "no memory to meter")
                                        : 0;
}

/* Live, an observation point has the ifIndex of its interface; in a file, its place there. */
static int open_processes(struct weir_meter *meter, struct weir_diag *diag)
{
    const struct weir_meter_config *config = &meter->config;
    uint32_t if_index[FILE_INTERFACES];
    struct weir_metering_place place = {
        .if_index = if_index,
        .if_count = config->interface_count ? config->interface_count : FILE_INTERFACES,
        .is_live = config->interface_count > 0,
        .tells_direction = tells_direction(meter),
        .stream = config->stream,
        .is_beside_samplers = weir_metering_some_sample(meter->processes, config->process_count),
    };
    for (uint32_t i = 0; i < place.if_count; i++)
        if_index[i] = place.is_live ? if_nametoindex(config->interfaces[i]) : i + 1;
    unsigned workers = useful_workers(meter);
    int result = 0;
    for (unsigned i = 0; i < config->process_count && result == 0; i++) {
        place.number = i;
        result = weir_metering_new(&meter->processes[i], &place, &meter->meterings[i], diag);
        if (result < 0)
            break;
        if (workers == 1)
            result = weir_metering_open_caches(meter->meterings[i], diag);
    }
    if (result == 0)
        result = make_details(meter, diag);
    if (result == 0 && workers > 1)
        result = open_workers(meter, workers, diag);
    return result;
}

/*
 * Live, packets come to a worker by their outermost addresses: it has whole flows where these are
 * keys, and in tunnels where a flow stays between the same two ends.
 */
static bool is_group(const struct weir_meter *meter)
{
    struct weir_flow_definition definitions[WEIR_METERING_DEFINITIONS_MAX];
    if (meter->config.interface_count == 0 || meter->config.workers <= 1)
        return false;
    for (unsigned i = 0; i < meter->config.process_count; i++) {
        unsigned count = weir_metering_definitions(&meter->processes[i], definitions);
        for (unsigned k = 0; k < count; k++)
            if (!weir_flow_definition_has_ends(&definitions[k]))
                return false;
    }
    return true;
}

/* Members have caches and selections of their own; records go out by the processes' sinks. */
static int open_group(struct weir_meter *meter, struct weir_diag *diag)
{
    struct weir_batch_sink sinks[WEIR_METER_PROCESSES_MAX];
    static const struct weir_metering_place nowhere = {0};
    int result = 0;
    for (unsigned i = 0; i < meter->config.process_count && result == 0; i++) {
        const struct weir_metering_config outlet = {.cache = meter->processes[i].cache};
        result = weir_metering_new(&outlet, &nowhere, &meter->meterings[i], diag);
        if (result == 0)
            sinks[i] = weir_metering_sink(meter->meterings[i]);
    }
    return result < 0 ? result : weir_meter_group_new(&meter->config, sinks, &meter->group, diag);
}

static int open_intake(struct weir_meter *meter, struct weir_diag *diag)
{
    struct weir_select *selects[WEIR_METER_PROCESSES_MAX];
    const struct weir_intake_config config = {
        .selects = selects,
        .process_count = meter->config.process_count,
        .parser =
            {
                .hash_key = &meter->processes[0].cache.hash_key,
                .tunnel_depth = meter->config.tunnel_depth,
                .all_layers = meter->config.all_layers,
            },
    };
    for (unsigned i = 0; i < config.process_count; i++)
        selects[i] = weir_metering_select(meter->meterings[i]);
    return weir_intake_new(&config, &meter->intake, diag);
}

static int open_pipeline(struct weir_meter *meter, struct weir_diag *diag)
{
    int result = open_interfaces(meter, diag);
    if (result == 0)
        result = open_processes(meter, diag);
    if (result == 0)
        result = open_intake(meter, diag);
    return result;
}

static int take_processes(struct weir_meter *meter, const struct weir_meter_config *config,
                          struct weir_diag *diag)
{
    meter->config = *config;
    if (config->process_count == 0 || config->process_count > WEIR_METER_PROCESSES_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "at most %u Metering Processes work side by side",
                             WEIR_METER_PROCESSES_MAX);
    for (unsigned i = 0; i < config->process_count; i++) {
        if (config->processes[i].definition_count > WEIR_METERING_DEFINITIONS_MAX)
            return weir_diag_set(diag, WEIR_E_USAGE, "at most %u flow definitions are metered",
                                 WEIR_METERING_DEFINITIONS_MAX);
        meter->processes[i] = config->processes[i];
    }
    meter->config.processes = meter->processes;
    return 0;
}

int weir_meter_new(const struct weir_meter_config *config, struct weir_meter **ret_meter,
                   struct weir_diag *diag)
{
    struct weir_meter *meter = calloc(1, sizeof(*meter));
    if (!meter)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to meter");
    int result = take_processes(meter, config, diag);
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
    weir_meter_workers_free(meter->workers);
    weir_meter_group_free(meter->group);
    for (unsigned i = 0; i < WEIR_METER_PROCESSES_MAX; i++)
        weir_metering_free(meter->meterings[i]);
    weir_intake_free(meter->intake);
    free(meter->details);
    free(meter);
}

int weir_meter_add_sink(struct weir_meter *meter, unsigned process,
                        const struct weir_batch_sink *sink, struct weir_diag *diag)
{
    return weir_metering_add_sink(meter->meterings[process], sink, diag);
}

unsigned weir_meter_worker_count(const struct weir_meter *meter)
{
    unsigned count = useful_workers(meter);
    if (meter->group)
        weir_meter_group_meters(meter->group, &count);
    return count;
}

bool weir_meter_has_failed(const struct weir_meter *meter)
{
    bool has_failed = false;
    for (unsigned i = 0; i < meter->config.process_count; i++)
        has_failed |= weir_metering_has_failed(meter->meterings[i]);
    return has_failed;
}

static bool is_stopped(const struct weir_meter *meter)
{
    return meter->config.stop && meter->config.stop(meter->config.stop_context, meter);
}

static bool is_stopped_by(void *context)
{
    return is_stopped(context);
}

/*
 * Asked now and then while octets are waited for, and says that something else may have to be seen
 * to: sinks to flush, or what a worker that waits keeps from the others.
 */
static bool gives_up(void *context)
{
    const struct weir_meter *meter = context;
    return meter->reading || is_stopped(meter);
}

/* The first flush is a period from now. */
static void put_off_flush(struct weir_meter *meter)
{
    meter->flush_ns = weir_clock_now(&meter->config.clock) + FLUSH_PERIOD_NS;
}

/* Once a period, and a clock that was set back puts off nothing. */
static bool is_flush_due(struct weir_meter *meter, int64_t now_ns)
{
    if (now_ns < meter->flush_ns && now_ns >= meter->flush_ns - FLUSH_PERIOD_NS)
        return false;
    meter->flush_ns = now_ns + FLUSH_PERIOD_NS;
    return true;
}

/* Whoever waits for packets of a pipe is to see what has ended; a file is read to its end. */
static bool is_flush_due_reading(struct weir_meter *meter)
{
    return !weir_source_is_stored(meter->reading) &&
           is_flush_due(meter, weir_clock_now(&meter->config.clock));
}

static int take_frames(struct weir_meter *meter, struct weir_source *source, struct weir_diag *diag)
{
    struct weir_meter_packets packets[WEIR_METER_PROCESSES_MAX] = {{NULL, 0}};
    const struct weir_meter_room room = {meter->packets, meter->details, NULL};
    int result = weir_intake_read(meter->intake, source, &room, packets, diag);
    if (result < 0)
        return result;
    result = 0;
    for (unsigned i = 0; i < meter->config.process_count && result == 0; i++)
        result = weir_metering_take(meter->meterings[i], packets[i].packets, meter->details,
                                    packets[i].count, diag);
    return result;
}

static int advance(struct weir_meter *meter, int64_t now_ns, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < meter->config.process_count && result == 0; i++)
        result = weir_metering_advance(meter->meterings[i], now_ns, diag);
    return result;
}

/* A file that workers meter. */
struct reading {
    struct weir_meter *meter;
    struct weir_source *source;
};

static int fetch(void *context, const struct weir_meter_room *room,
                 struct weir_meter_packets *packets, struct weir_diag *diag)
{
    const struct reading *reading = context;
    if (is_stopped(reading->meter))
        return WEIR_E_END;
    weir_source_use(reading->source, room->input);
    int result = weir_intake_read(reading->meter->intake, reading->source, room, packets, diag);
    if (result == WEIR_E_AGAIN)
        result = WEIR_METER_FETCHED;
    return result >= 0 && is_flush_due_reading(reading->meter) ? WEIR_METER_FETCHED_FLUSH : result;
}

static int flush_sinks(struct weir_meter *meter, int64_t now_ns, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < meter->config.process_count && result == 0; i++)
        result = weir_metering_flush(meter->meterings[i], now_ns, diag);
    return result;
}

/* Ends all flows. The result of the work so far goes before what goes wrong now. */
static int finish(struct weir_meter *meter, int64_t now_ns, int result, struct weir_diag *diag)
{
    struct weir_diag second = {0};
    if (weir_meter_has_failed(meter))
        return result;
    int ended = 0;
    for (unsigned i = 0; i < meter->config.process_count && ended == 0; i++)
        ended = weir_metering_finish(meter->meterings[i], &second);
    if (ended == 0)
        ended = flush_sinks(meter, now_ns, &second);
    if (result == 0 && ended < 0) {
        *diag = second;
        return ended;
    }
    return result;
}

/* Of the processes' times the latest. */
static int64_t latest(const struct weir_meter *meter)
{
    int64_t now_ns = weir_metering_now(meter->meterings[0]);
    for (unsigned i = 1; i < meter->config.process_count; i++) {
        int64_t other_ns = weir_metering_now(meter->meterings[i]);
        if (other_ns > now_ns)
            now_ns = other_ns;
    }
    return now_ns;
}

/* Hands on what has ended by the packets' time. */
static int flush_ended(struct weir_meter *meter, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < meter->config.process_count && result == 0; i++)
        result = weir_metering_hand_on(meter->meterings[i], diag);
    return result < 0 ? result : flush_sinks(meter, latest(meter), diag);
}

static int read_alone(struct weir_meter *meter, struct weir_source *source, struct weir_diag *diag)
{
    int result = 0;
    while (result == 0 && !is_stopped(meter)) {
        result = take_frames(meter, source, diag);
        if (result == WEIR_E_AGAIN && !weir_meter_has_failed(meter))
            result = 0;
        if (result == 0 && is_flush_due_reading(meter))
            result = flush_ended(meter, diag);
    }
    return result == WEIR_E_END ? 0 : result;
}

/* Meters a source to its end and closes it. */
static int read_source(struct weir_meter *meter, struct weir_source *source, struct weir_diag *diag)
{
    meter->reading = source;
    if (!weir_source_is_stored(source))
        put_off_flush(meter);
    int result = meter->workers ? weir_meter_workers_run(meter->workers, fetch,
                                                         &(struct reading){meter, source}, diag)
                                : read_alone(meter, source, diag);
    int64_t now_ns = meter->workers ? weir_meter_workers_now(meter->workers) : latest(meter);
    weir_counter_add_all(weir_source_counter_table, weir_source_counter_count,
                         weir_source_counters(source), &meter->sources);
    weir_source_close(source);
    meter->reading = NULL;
    return finish(meter, now_ns, result, diag);
}

int weir_meter_read(struct weir_meter *meter, const char *path, struct weir_diag *diag)
{
    struct weir_source_options options = {.stop = gives_up, .stop_context = meter};
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
    struct weir_source_options options = {.stop = gives_up, .stop_context = meter};
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
    put_off_flush(meter);
    while (result == 0 && !is_stopped(meter)) {
        result = take_round(meter, diag);
        int64_t now_ns = weir_clock_now(&meter->config.clock);
        /* The clock counts only once nothing older waits to be read. */
        if (result == WEIR_E_AGAIN) {
            result = advance(meter, now_ns, diag);
            if (result == 0)
                result = wait_for_frames(meter, diag);
        }
        if (result == 0 && is_flush_due(meter, now_ns)) {
            result = advance(meter, latest(meter), diag);
            if (result == 0)
                result = flush_sinks(meter, now_ns, diag);
        }
    }
    if (result == 0)
        result = drain(meter, diag);
    return finish(meter, weir_clock_now(&meter->config.clock), result, diag);
}

void weir_meter_fields(const struct weir_meter *meter, unsigned process,
                       struct weir_meter_fields *ret_fields)
{
    unsigned count;
    if (meter->group) {
        weir_meter_fields(weir_meter_group_meters(meter->group, &count)[0], process, ret_fields);
        return;
    }
    const struct weir_cache_config *caches =
        weir_metering_caches(meter->meterings[process], &count);
    *ret_fields = (struct weir_meter_fields){.extra_count = count};
    for (unsigned i = 0; i < count; i++) {
        const struct weir_flow_definition *definition = &caches[i].definition;
        ret_fields->of_definition[i] = weir_cache_columns(&caches[i]);
        ret_fields->columns |= ret_fields->of_definition[i];
        if (meter->processes[process].definition_count)
            ret_fields->named |= definition->keys | definition->fields;
        weir_cache_extras(&caches[i], &ret_fields->extras[i]);
    }
}

struct weir_cache_counters weir_meter_cache_counters(const struct weir_meter *meter)
{
    if (meter->group)
        return weir_meter_group_cache_counters(meter->group);
    struct weir_cache_counters sum = {0};
    for (unsigned i = 0; i < meter->config.process_count; i++) {
        struct weir_cache_counters one = meter->workers
                                             ? weir_meter_workers_count(meter->workers, i)
                                             : weir_metering_count(meter->meterings[i]);
        weir_counter_add_all(weir_cache_counter_table, weir_cache_counter_count, &one, &sum);
    }
    return sum;
}

int weir_meter_unparsed_link(const struct weir_meter *meter, size_t index, uint16_t *ret_link_type,
                             struct weir_rest_count *ret_count)
{
    /* What several share are Ethernet and the like. */
    return meter->group ? WEIR_E_NOT_FOUND
                        : weir_parser_unparsed_link(weir_intake_parser(meter->intake), index,
                                                    ret_link_type, ret_count);
}

bool weir_meter_totals_now(struct weir_meter *meter, unsigned process,
                           struct weir_meter_totals *ret_totals)
{
    if (meter->workers)
        return false;
    if (meter->group)
        weir_meter_group_totals(meter->group, process, ret_totals);
    else
        weir_meter_totals_of(meter, process, ret_totals);
    return true;
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
    if (!weir_meter_point_name(meter, index, ret_point))
        return false;
    if (meter->group)
        weir_meter_group_point(meter->group, index, &ret_point->counters);
    else
        ret_point->counters = *weir_source_counters(meter->live[index]);
    return true;
}

void weir_meter_count_process(const struct weir_meter *meter, unsigned process,
                              struct weir_cache_counters *ret_cache,
                              struct weir_selection_description *ret_selection,
                              struct weir_estimates *ret_estimates)
{
    if (!meter->group) {
        const struct weir_select *select = weir_metering_select(meter->meterings[process]);
        weir_select_describe(select, ret_selection);
        weir_select_estimate(select, ret_estimates);
        *ret_cache = meter->workers ? weir_meter_workers_count(meter->workers, process)
                                    : weir_metering_count(meter->meterings[process]);
        return;
    }
    unsigned count;
    struct weir_meter *const *meters = weir_meter_group_meters(meter->group, &count);
    weir_meter_count_process(meters[0], process, ret_cache, ret_selection, ret_estimates);
    for (unsigned i = 1; i < count; i++) {
        struct weir_cache_counters cache;
        struct weir_selection_description selection;
        struct weir_estimates estimates;
        weir_meter_count_process(meters[i], process, &cache, &selection, &estimates);
        weir_counter_add_all(weir_cache_counter_table, weir_cache_counter_count, &cache, ret_cache);
        weir_selection_add(&selection, ret_selection);
        weir_estimates_add(ret_estimates, &estimates);
    }
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
    *own = (struct weir_meter_counters){
        .packets = source->packets_read,
        .octets = source->octets_read,
        .packets_selected = weir_intake_selected(meter->intake),
        .packets_dropped = source->packets_dropped_kernel + source->packets_dropped_interface,
    };
    *parse = *weir_parser_counters(weir_intake_parser(meter->intake));
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
