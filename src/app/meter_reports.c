/* SPDX-License-Identifier: Apache-2.0 */
#include "app/meter_reports.h"

#include <stdlib.h>
#include <string.h>

#include "app/meter_totals.h"
#include "app/selection_reports.h"

/* What is reported of the Metering Process as a whole. */
struct process {
    uint64_t id;
    uint64_t idle_seconds, active_seconds;
    struct weir_meter_totals totals;
    uint64_t ignored_packets, ignored_octets;
    int64_t ignored_first_ns, ignored_last_ns;
};

/* A record for each reason to end a flow, each cause to ignore a frame, each interface. */
struct expired {
    uint64_t id, reason, flows;
};

struct ignored {
    uint64_t id, packets, octets;
    const char *cause;
};

struct point {
    uint64_t if_index, packets, octets, dropped, hardware_timed;
    const char *name;
};

#define REPORTS 7u

struct weir_meter_reports {
    struct weir_meter *meter;
    struct process process;
    struct expired expired;
    struct ignored ignored;
    struct point point;
    const struct weir_flow_selection *flow_selection;
    struct weir_flow_selection_description flow_description;
    struct weir_report_left_out left_out;
    struct weir_selection_reports packets, flows;
    struct weir_report reports[REPORTS + 2 * WEIR_SELECTION_REPORTS_MAX];
    struct weir_report_source source;
};

#define OWN WEIR_PEN_BUILTIN
#define OF_PROCESS(pen, element, octets, member) \
    WEIR_REPORT_NUMBER(pen, element, octets, struct process, member)
#define FIELDS(name) .fields = (name), .field_count = sizeof(name) / sizeof((name)[0])

static const struct weir_report_field process_fields[] = {
    WEIR_REPORT_DOMAIN,
    OF_PROCESS(0, 143, 4, id),                               /* meteringProcessId */
    OF_PROCESS(0, 86, 8, totals.own.packets),                /* packetTotalCount */
    OF_PROCESS(0, 85, 8, totals.own.octets),                 /* octetTotalCount */
    OF_PROCESS(0, 135, 8, totals.own.packets_dropped),       /* droppedPacketTotalCount */
    OF_PROCESS(OWN, 300, 8, totals.own.packets_selected),    /* selectedPacketTotalCount */
    OF_PROCESS(OWN, 301, 8, totals.cache.packets_metered),   /* meteredPacketTotalCount */
    OF_PROCESS(OWN, 302, 8, totals.cache.octets_metered),    /* meteredOctetTotalCount */
    OF_PROCESS(OWN, 303, 8, totals.cache.packets_late),      /* latePacketTotalCount */
    OF_PROCESS(0, 163, 8, totals.cache.flows_created),       /* observedFlowTotalCount */
    OF_PROCESS(OWN, 304, 8, totals.cache.flows_active),      /* activeFlowCount */
    OF_PROCESS(OWN, 305, 8, totals.cache.flows_active_peak), /* activeFlowPeakCount */
    OF_PROCESS(OWN, 306, 8, totals.cache.cache_entries),     /* flowCacheEntryCount */
    OF_PROCESS(OWN, 307, 8, totals.cache.cache_octets),      /* flowCacheOctetCount */
    OF_PROCESS(0, 37, 2, idle_seconds),                      /* flowIdleTimeout */
    OF_PROCESS(0, 36, 2, active_seconds),                    /* flowActiveTimeout */
};

/* RFC 7011 section 4.2; without the times where nothing was ignored. */
static const struct weir_report_field reliability_fields[] = {
    WEIR_REPORT_DOMAIN,
    OF_PROCESS(0, 143, 4, id),              /* meteringProcessId */
    OF_PROCESS(0, 164, 8, ignored_packets), /* ignoredPacketTotalCount */
    OF_PROCESS(0, 165, 8, ignored_octets),  /* ignoredOctetTotalCount */
    /* observationTimeMilliseconds of the first and of the last */
    WEIR_REPORT_TIME(323, struct process, ignored_first_ns),
    WEIR_REPORT_TIME(323, struct process, ignored_last_ns),
};
#define TIMES 2

static const struct weir_report_field expired_fields[] = {
    WEIR_REPORT_DOMAIN, WEIR_REPORT_NUMBER(0, 143, 4, struct expired, id),
    WEIR_REPORT_NUMBER(0, 136, 1, struct expired, reason),  /* flowEndReason */
    WEIR_REPORT_NUMBER(OWN, 308, 8, struct expired, flows), /* expiredFlowTotalCount */
};

static const struct weir_report_field ignored_fields[] = {
    WEIR_REPORT_DOMAIN,
    WEIR_REPORT_NUMBER(0, 143, 4, struct ignored, id),
    WEIR_REPORT_TEXT(OWN, 309, struct ignored, cause), /* ignoredPacketCause */
    WEIR_REPORT_NUMBER(0, 164, 8, struct ignored, packets),
    WEIR_REPORT_NUMBER(0, 165, 8, struct ignored, octets),
};

static const struct weir_report_field point_fields[] = {
    WEIR_REPORT_NUMBER(0, 10, 4, struct point, if_index), /* ingressInterface */
    WEIR_REPORT_DOMAIN,
    WEIR_REPORT_NUMBER(0, 86, 8, struct point, packets),
    WEIR_REPORT_NUMBER(0, 85, 8, struct point, octets),
    WEIR_REPORT_NUMBER(0, 135, 8, struct point, dropped),
    /* hardwareTimedPacketTotalCount */
    WEIR_REPORT_NUMBER(OWN, 313, 8, struct point, hardware_timed),
};

static const struct weir_report_field name_fields[] = {
    WEIR_REPORT_NUMBER(0, 10, 4, struct point, if_index),
    WEIR_REPORT_NUMBER(0, 138, 8, struct point, if_index), /* observationPointId */
    WEIR_REPORT_TEXT(0, 82, struct point, name),           /* interfaceName */
};

static const void *process_values(void *context, uint32_t index)
{
    const struct weir_meter_reports *reports = context;
    return index == 0 ? &reports->process : NULL;
}

static const void *some_ignored_values(void *context, uint32_t index)
{
    const struct weir_meter_reports *reports = context;
    return index == 0 && reports->process.ignored_packets > 0 ? &reports->process : NULL;
}

static const void *none_ignored_values(void *context, uint32_t index)
{
    const struct weir_meter_reports *reports = context;
    return index == 0 && reports->process.ignored_packets == 0 ? &reports->process : NULL;
}

static const void *expired_values(void *context, uint32_t index)
{
    struct weir_meter_reports *reports = context;
    const struct process *process = &reports->process;
    const struct weir_cache_counters *cache = &process->totals.cache;
    const struct {
        uint64_t reason, flows;
    } rows[] = {
        {WEIR_FLOW_END_IDLE, cache->flows_expired_idle},
        {WEIR_FLOW_END_ACTIVE, cache->flows_expired_active},
        {WEIR_FLOW_END_DETECTED, cache->flows_expired_end},
        {WEIR_FLOW_END_FORCED, cache->flows_expired_forced},
        {WEIR_FLOW_END_RESOURCES, cache->flows_expired_resources},
    };
    if (index >= sizeof(rows) / sizeof(rows[0]))
        return NULL;
    reports->expired = (struct expired){process->id, rows[index].reason, rows[index].flows};
    return &reports->expired;
}

/* Causes of which there was a frame. */
static const void *ignored_values(void *context, uint32_t index)
{
#define REST_NAME(cause, suffix, text) [WEIR_REST_##cause] = #suffix,
    static const char *const causes[WEIR_REST_COUNT] = {WEIR_REST_LIST(REST_NAME)};
#undef REST_NAME
    struct weir_meter_reports *reports = context;
    const struct process *process = &reports->process;
    for (unsigned cause = 0; cause < WEIR_REST_COUNT; cause++) {
        const struct weir_rest_count *count = &process->totals.parse.rest[cause];
        if (count->packets == 0 || index-- > 0)
            continue;
        reports->ignored =
            (struct ignored){process->id, count->packets, count->octets, causes[cause]};
        return &reports->ignored;
    }
    return NULL;
}

static const void *point_values(void *context, uint32_t index)
{
    struct weir_meter_reports *reports = context;
    struct weir_meter_point point;
    if (!weir_meter_point(reports->meter, index, &point))
        return NULL;
    reports->point = (struct point){
        .if_index = point.if_index,
        .packets = point.counters.packets_read,
        .octets = point.counters.octets_read,
        .dropped = point.counters.packets_dropped_kernel + point.counters.packets_dropped_interface,
        .hardware_timed = point.counters.packets_time_hardware,
        .name = point.name,
    };
    return &reports->point;
}

static const void *name_values(void *context, uint32_t index)
{
    struct weir_meter_reports *reports = context;
    struct weir_meter_point point;
    if (!weir_meter_point_name(reports->meter, index, &point))
        return NULL;
    reports->point = (struct point){.if_index = point.if_index, .name = point.name};
    return &reports->point;
}

/* What may have been IP packets and was not metered: other protocols are no business of ours. */
static void sum_ignored(struct process *process)
{
    process->ignored_packets = process->ignored_octets = 0;
    for (unsigned cause = WEIR_REST_FIRST_IGNORED; cause < WEIR_REST_COUNT; cause++) {
        process->ignored_packets += process->totals.parse.rest[cause].packets;
        process->ignored_octets += process->totals.parse.rest[cause].octets;
    }
    process->ignored_first_ns = process->totals.parse.ignored_first_ns;
    process->ignored_last_ns = process->totals.parse.ignored_last_ns;
}

/* The selection of flows as of now, and what it left out. */
static void describe_flows(struct weir_meter_reports *reports)
{
    struct weir_flow_selection_description *flows = &reports->flow_description;
    weir_flow_selection_describe(reports->flow_selection, flows);
    const struct weir_flow_tally *seen = &flows->selectors[0].seen;
    const struct weir_flow_tally *selected = &flows->selectors[flows->count - 1].selected;
    reports->left_out = (struct weir_report_left_out){
        .records = seen->flows - selected->flows,
        .packets = seen->packets - selected->packets,
        .octets = seen->octets - selected->octets,
        .first_ns = flows->left_out_first_ns,
        .last_ns = flows->left_out_last_ns,
    };
}

static bool refresh(void *context, bool is_end)
{
    struct weir_meter_reports *reports = context;
    struct process *process = &reports->process;
    unsigned number = (unsigned)process->id - 1;
    if (reports->flow_selection)
        describe_flows(reports);
    if (is_end)
        weir_meter_totals_of(reports->meter, number, &process->totals);
    else if (!weir_meter_totals_now(reports->meter, number, &process->totals))
        return false;
    sum_ignored(process);
    return true;
}

/* Adds a table to the reports. */
static void add_reports(struct weir_meter_reports *reports, const struct weir_report *table,
                        unsigned count)
{
    memcpy(reports->reports + reports->source.count, table, count * sizeof(*table));
    reports->source.count += count;
}

int weir_meter_reports_new(struct weir_meter *meter, unsigned process,
                           const struct weir_cache_config *cache,
                           const struct weir_flow_selection *flows,
                           struct weir_meter_reports **ret_reports, struct weir_diag *diag)
{
    struct weir_report table[REPORTS] = {
        {FIELDS(process_fields), .scope_count = 2, .netflow9_scope = WEIR_SCOPE_SYSTEM,
         .is_statistics = true, .values = process_values},
        {FIELDS(expired_fields), .scope_count = 3, .is_statistics = true, .values = expired_values},
        {.fields = reliability_fields,
         .field_count = sizeof(reliability_fields) / sizeof(reliability_fields[0]) - TIMES,
         .scope_count = 2,
         .netflow9_scope = WEIR_SCOPE_SYSTEM,
         .is_statistics = true,
         .values = none_ignored_values},
        {FIELDS(reliability_fields), .scope_count = 2, .netflow9_scope = WEIR_SCOPE_SYSTEM,
         .is_statistics = true, .values = some_ignored_values},
        {FIELDS(ignored_fields), .scope_count = 3, .is_statistics = true, .values = ignored_values},
        {FIELDS(point_fields), .scope_count = 2, .netflow9_scope = WEIR_SCOPE_INTERFACE,
         .is_statistics = true, .values = point_values},
        {FIELDS(name_fields), .scope_count = 1, .netflow9_scope = WEIR_SCOPE_INTERFACE,
         .values = name_values},
    };
    struct weir_meter_reports *reports = calloc(1, sizeof(*reports));
    if (!reports)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for reports");
    reports->meter = meter;
    reports->process = (struct process){
        .id = process + 1,
        .idle_seconds = (uint64_t)(cache->idle_ns / WEIR_NS_PER_SECOND),
        .active_seconds = (uint64_t)(cache->active_ns / WEIR_NS_PER_SECOND),
    };
    reports->flow_selection = flows;
    (void)refresh(reports, true);
    for (unsigned i = 0; i < REPORTS; i++)
        table[i].context = reports;
    weir_selection_reports_init(&reports->packets, &reports->process.totals.selection,
                                &reports->process.totals.estimates);
    weir_flow_selection_reports_init(&reports->flows, &reports->flow_description, process + 1);
    reports->source = (struct weir_report_source){
        .reports = reports->reports,
        .refresh = refresh,
        .context = reports,
        .metering_process_id = process + 1,
        .left_out = flows ? &reports->left_out : NULL,
    };
    add_reports(reports, table, REPORTS);
    add_reports(reports, reports->packets.table, reports->packets.count);
    add_reports(reports, reports->flows.table, reports->flows.count);
    *ret_reports = reports;
    return 0;
}

void weir_meter_reports_free(struct weir_meter_reports *reports)
{
    free(reports);
}

const struct weir_report_source *weir_meter_reports_source(const struct weir_meter_reports *reports)
{
    return &reports->source;
}
