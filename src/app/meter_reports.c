/* SPDX-License-Identifier: Apache-2.0 */
#include "app/meter_reports.h"

#include <stdlib.h>

/* What is reported of the Metering Process as a whole. */
struct process {
    uint64_t id;
    uint64_t idle_seconds, active_seconds;
    struct weir_meter_counters own;
    struct weir_source_counters source;
    struct weir_parse_counters parse;
    struct weir_cache_counters cache;
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
    uint64_t if_index, packets, octets, dropped;
    const char *name;
};

#define REPORTS 7u

struct weir_meter_reports {
    struct weir_meter *meter;
    struct process process;
    struct expired expired;
    struct ignored ignored;
    struct point point;
    struct weir_report reports[REPORTS];
    struct weir_report_source source;
};

#define OWN WEIR_PEN_BUILTIN
#define OF_PROCESS(pen, element, octets, member) \
    WEIR_REPORT_NUMBER(pen, element, octets, struct process, member)
#define FIELDS(name) .fields = name, .field_count = sizeof(name) / sizeof(name[0])

static const struct weir_report_field process_fields[] = {
    WEIR_REPORT_DOMAIN,
    OF_PROCESS(0, 143, 4, id),                        /* meteringProcessId */
    OF_PROCESS(0, 86, 8, own.packets),                /* packetTotalCount */
    OF_PROCESS(0, 85, 8, own.octets),                 /* octetTotalCount */
    OF_PROCESS(0, 135, 8, own.packets_dropped),       /* droppedPacketTotalCount */
    OF_PROCESS(OWN, 300, 8, own.packets_selected),    /* selectedPacketTotalCount */
    OF_PROCESS(OWN, 301, 8, cache.packets_metered),   /* meteredPacketTotalCount */
    OF_PROCESS(OWN, 302, 8, cache.octets_metered),    /* meteredOctetTotalCount */
    OF_PROCESS(OWN, 303, 8, cache.packets_late),      /* latePacketTotalCount */
    OF_PROCESS(0, 163, 8, cache.flows_created),       /* observedFlowTotalCount */
    OF_PROCESS(OWN, 304, 8, cache.flows_active),      /* activeFlowCount */
    OF_PROCESS(OWN, 305, 8, cache.flows_active_peak), /* activeFlowPeakCount */
    OF_PROCESS(OWN, 306, 8, cache.cache_entries),     /* flowCacheEntryCount */
    OF_PROCESS(OWN, 307, 8, cache.cache_octets),      /* flowCacheOctetCount */
    OF_PROCESS(0, 37, 2, idle_seconds),               /* flowIdleTimeout */
    OF_PROCESS(0, 36, 2, active_seconds),             /* flowActiveTimeout */
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
    const struct weir_cache_counters *cache = &process->cache;
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
        const struct weir_rest_count *count = &process->parse.rest[cause];
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
    for (unsigned cause = WEIR_REST_LINK_TYPE; cause < WEIR_REST_COUNT; cause++) {
        process->ignored_packets += process->parse.rest[cause].packets;
        process->ignored_octets += process->parse.rest[cause].octets;
    }
    process->ignored_first_ns = process->parse.ignored_first_ns;
    process->ignored_last_ns = process->parse.ignored_last_ns;
}

static bool refresh(void *context, bool is_end)
{
    struct weir_meter_reports *reports = context;
    struct process *process = &reports->process;
    struct weir_selection_description selection;
    struct weir_estimates estimates;
    if (!is_end && weir_meter_is_parallel(reports->meter))
        return false;
    weir_meter_count(reports->meter, &process->own, &process->source, &process->parse,
                     &process->cache);
    weir_meter_count_process(reports->meter, (unsigned)process->id - 1, &process->cache, &selection,
                             &estimates);
    if (selection.count > 0)
        process->own.packets_selected = selection.selectors[selection.count - 1].selected;
    else
        process->own.packets_selected = process->own.packets;
    sum_ignored(process);
    return true;
}

int weir_meter_reports_new(struct weir_meter *meter, unsigned process,
                           const struct weir_cache_config *cache,
                           struct weir_meter_reports **ret_reports, struct weir_diag *diag)
{
    const struct weir_report table[REPORTS] = {
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
    for (unsigned i = 0; i < REPORTS; i++) {
        reports->reports[i] = table[i];
        reports->reports[i].context = reports;
    }
    reports->source = (struct weir_report_source){
        .reports = reports->reports, .count = REPORTS, .refresh = refresh, .context = reports};
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
