/* SPDX-License-Identifier: Apache-2.0 */
#include "app/metrics_page.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/exposition.h"
#include "app/process.h"
#include "base/version.h"

enum { EXPORTERS_EXPOSED, EXPORTERS_LEFT_OUT, SNAPSHOT_AGE, CLOCK_SKEW, BUILD_INFO, ROW_COUNT };

#define GAUGE(member, unit, help) WEIR_GAUGE(struct weir_metrics_counters, member, unit, help)
const struct weir_counter weir_metrics_counter_table[ROW_COUNT] = {
    [EXPORTERS_EXPOSED] = GAUGE(exporters_exposed, NONE,
                                "exporters and Observation Domains that have metrics of their own"),
    [EXPORTERS_LEFT_OUT] =
        GAUGE(exporters_left_out, NONE,
              "those that have none, since there are more than --metrics-exporters says"),
    [SNAPSHOT_AGE] = GAUGE(worker_snapshot_age_ns, NANOSECONDS,
                           "time since the worker said what it has counted: it is busy meanwhile"),
    [CLOCK_SKEW] = GAUGE(exporter_clock_skew_ns, NANOSECONDS,
                         "how far its clock is behind ours, messages' time under way included"),
    [BUILD_INFO] = GAUGE(build_info, NONE, "1; the label says the version of weir"),
};
#undef GAUGE
const size_t weir_metrics_counter_count = ROW_COUNT;

/* The tables that a snapshot has the counters of. */
static const struct {
    const struct weir_counter *rows;
    const size_t *count;
    size_t offset; /* in struct weir_snapshot */
    bool is_of_store;
} parts[] = {
#define PART(table, counters, is_of_store)                                                     \
    {                                                                                          \
        weir_##table##_table, &weir_##table##_count, offsetof(struct weir_snapshot, counters), \
            is_of_store                                                                        \
    }
    PART(collect_counter, counted, false),   PART(collect_level, levels, false),
    PART(datagram_counter, captured, false), PART(admission_counter, admitted, false),
    PART(state_file_counter, states, false), PART(store_counter, stored, true),
    PART(journal_counter, journaled, true),
#undef PART
};

/* Where the ledger of an exporter has a counter of it. */
static const struct {
    size_t row_offset; /* in struct weir_collect_counters */
    size_t offset;     /* in struct weir_report_counters */
} ledger[] = {
#define X(name) \
    {offsetof(struct weir_collect_counters, name), offsetof(struct weir_report_counters, name)},
    WEIR_REPORT_COUNTERS(X)
#undef X
};

static void add_totals(struct weir_exposition *exposition, const struct weir_metrics_page *page)
{
    struct weir_snapshot total = {0};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char *sum = (char *)&total + parts[i].offset;
        if (parts[i].is_of_store && !page->has_store)
            continue;
        for (unsigned worker = 0; worker < weir_snapshots_workers(page->snapshots); worker++) {
            const char *latest = (const char *)weir_snapshots_latest(page->snapshots, worker);
            if (latest)
                weir_counter_add_all(parts[i].rows, *parts[i].count, latest + parts[i].offset, sum);
        }
        weir_exposition_add_all(exposition, WEIR_METRICS_PREFIX, parts[i].rows, *parts[i].count,
                                sum);
    }
}

static void add_workers(struct weir_exposition *exposition, const struct weir_metrics_page *page)
{
    weir_exposition_open(exposition, WEIR_METRICS_PREFIX,
                         &weir_metrics_counter_table[SNAPSHOT_AGE]);
    for (unsigned i = 0; i < weir_snapshots_workers(page->snapshots); i++) {
        const struct weir_snapshot *latest = weir_snapshots_latest(page->snapshots, i);
        char number[16];
        const struct weir_label label = {"worker", number};
        snprintf(number, sizeof(number), "%u", i);
        if (latest)
            weir_exposition_add_signed(exposition, &label, 1, page->now_ns - latest->taken_ns);
    }
}

/* ---- Exporters ---- */

/* What is told of, in the order of the workers. */
struct exporters {
    const struct weir_snapshot_session **sessions;
    size_t count;
    uint64_t left_out;
};

static int most_messages_first(const void *a, const void *b)
{
    const struct weir_snapshot_session *left = *(const struct weir_snapshot_session *const *)a;
    const struct weir_snapshot_session *right = *(const struct weir_snapshot_session *const *)b;
    if (left->counted.messages != right->counted.messages)
        return left->counted.messages < right->counted.messages ? 1 : -1;
    return left < right ? -1 : left > right;
}

static struct exporters choose(const struct weir_metrics_page *page)
{
    struct exporters chosen = {.sessions = page->room};
    for (unsigned i = 0; i < weir_snapshots_workers(page->snapshots); i++) {
        const struct weir_snapshot *latest = weir_snapshots_latest(page->snapshots, i);
        if (!latest)
            continue;
        chosen.left_out += latest->sessions_left_out;
        assert(latest->session_count <= page->exporter_max);
        for (uint32_t j = 0; j < latest->session_count; j++)
            chosen.sessions[chosen.count++] = &latest->sessions[j];
    }
    if (chosen.count > page->exporter_max) {
        qsort(chosen.sessions, chosen.count, sizeof(struct weir_snapshot_session *),
              most_messages_first);
        chosen.left_out += chosen.count - page->exporter_max;
        chosen.count = page->exporter_max;
    }
    return chosen;
}

/* The worker whose snapshot has it. */
static unsigned worker_of(const struct weir_metrics_page *page,
                          const struct weir_snapshot_session *session)
{
    for (unsigned i = 0; i < weir_snapshots_workers(page->snapshots); i++) {
        const struct weir_snapshot *latest = weir_snapshots_latest(page->snapshots, i);
        if (latest && session >= latest->sessions &&
            session < latest->sessions + latest->session_count)
            return i;
    }
    return 0;
}

enum { LABELS = 5 };

/* An exporter's labels, and where their values are. */
struct labels {
    struct weir_label list[LABELS];
    char exporter[WEIR_ADDRESS_TEXT_MAX];
    char numbers[3][16];
};

static void set_labels(struct labels *labels, const struct weir_metrics_page *page,
                       const struct weir_snapshot_session *session)
{
    const struct weir_session_key *key = &session->key;
    if (key->transport == WEIR_COLLECT_FILE)
        snprintf(labels->exporter, sizeof(labels->exporter), "file");
    else
        weir_address_format(key->exporter, labels->exporter);
    snprintf(labels->numbers[0], sizeof(labels->numbers[0]), "%u", key->domain);
    snprintf(labels->numbers[1], sizeof(labels->numbers[1]), "%u", session->number);
    snprintf(labels->numbers[2], sizeof(labels->numbers[2]), "%u", worker_of(page, session));
    const struct weir_label list[LABELS] = {
        {"exporter", labels->exporter},
        {"domain", labels->numbers[0]},
        {"protocol", weir_protocol_text((enum weir_protocol)key->protocol)},
        {"source", labels->numbers[1]},
        {"worker", labels->numbers[2]},
    };
    memcpy(labels->list, list, sizeof(list));
}

static const struct weir_counter *row_at(size_t offset)
{
    const struct weir_counter *row = weir_collect_counter_table;
    while (row->offset != offset)
        row++;
    return row;
}

static void add_exporters(struct weir_exposition *exposition, const struct weir_metrics_page *page,
                          const struct exporters *chosen)
{
    struct labels labels;
    for (size_t i = 0; i < sizeof(ledger) / sizeof(ledger[0]); i++) {
        weir_exposition_open(exposition, WEIR_METRICS_EXPORTER_PREFIX,
                             row_at(ledger[i].row_offset));
        for (size_t j = 0; j < chosen->count; j++) {
            const struct weir_snapshot_session *session = chosen->sessions[j];
            int64_t value;
            memcpy(&value, (const char *)&session->counted + ledger[i].offset, sizeof(value));
            set_labels(&labels, page, session);
            weir_exposition_add_signed(exposition, labels.list, LABELS, value);
        }
    }
    weir_exposition_open(exposition, WEIR_METRICS_PREFIX, &weir_metrics_counter_table[CLOCK_SKEW]);
    for (size_t j = 0; j < chosen->count; j++) {
        if (!chosen->sessions[j]->has_skew)
            continue;
        set_labels(&labels, page, chosen->sessions[j]);
        weir_exposition_add_signed(exposition, labels.list, LABELS, chosen->sessions[j]->skew_ns);
    }
}

void weir_metrics_page_print(const struct weir_metrics_page *page, struct weir_text_buffer *out)
{
    const struct weir_label version = {"version", weir_version()};
    const struct weir_process_counters process = weir_process_count();
    const struct weir_guard_counters guarded = weir_guard_count(page->guarded);
    const struct exporters chosen = choose(page);
    const struct weir_metrics_counters own = {.exporters_exposed = chosen.count,
                                              .exporters_left_out = chosen.left_out};
    struct weir_exposition exposition = weir_exposition_begin(out);
    weir_exposition_open(&exposition, WEIR_METRICS_PREFIX, &weir_metrics_counter_table[BUILD_INFO]);
    weir_exposition_add(&exposition, &version, 1, 1);
    weir_exposition_add_all(&exposition, WEIR_METRICS_PROCESS_PREFIX, weir_process_counter_table,
                            weir_process_counter_count, &process);
    weir_exposition_add_all(&exposition, WEIR_METRICS_PREFIX, weir_http_counter_table,
                            weir_http_counter_count, &page->http);
    weir_exposition_add_all(&exposition, WEIR_METRICS_PREFIX, weir_guard_counter_table,
                            weir_guard_counter_count, &guarded);
    add_totals(&exposition, page);
    add_workers(&exposition, page);
    /* The rows up to the first that has labels. */
    weir_exposition_add_all(&exposition, WEIR_METRICS_PREFIX, weir_metrics_counter_table,
                            SNAPSHOT_AGE, &own);
    add_exporters(&exposition, page, &chosen);
}
