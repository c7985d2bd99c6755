/* SPDX-License-Identifier: Apache-2.0 */
#include "app/collection_stats.h"

#include <stdlib.h>

#include "wire/sflow.h"

/* Of the text, kept before it is written; those who were limited are in one piece. */
#define PIECE_OCTETS     ((size_t)64 << 10)
#define PIECE_OCTETS_MAX ((size_t)64 << 20)

static void add_session(struct weir_stats *stats, const struct weir_session *session)
{
    struct weir_collect_counters counters = weir_session_count(session);
    const struct weir_stats_part part = {weir_collect_counter_table, weir_collect_counter_count,
                                         &counters};
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_stats_open_object(stats, NULL);
    if (session->key.exporter.high != 0 || session->key.exporter.low != 0) {
        weir_address_format(session->key.exporter, address);
        weir_stats_add_text(stats, "address", address);
    } else {
        weir_stats_add_null(stats, "address");
    }
    weir_stats_add_u64(stats, "domain", session->key.domain);
    weir_stats_add_text(stats, "protocol",
                        weir_protocol_text((enum weir_protocol)session->key.protocol));
    if (session->key.transport == WEIR_COLLECT_UDP) {
        weir_stats_add_i64(stats, "skew_ms", session->skew.mean_ns / WEIR_NS_PER_MS);
        weir_stats_add_i64(stats, "skew_min_ms", weir_skew_least(&session->skew) / WEIR_NS_PER_MS);
        weir_stats_add_i64(stats, "skew_added_ms",
                           weir_skew_shift(&session->skew, session->exporter) / WEIR_NS_PER_MS);
    }
    weir_stats_add(stats, &part);
    weir_stats_close(stats);
}

/* Adds up those of one structure; the list has room for another. */
static void merge_skipped(const struct weir_sflow_skipped *skipped, struct weir_sflow_skipped *list,
                          size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if (list[i].place == skipped->place && list[i].format == skipped->format) {
            list[i].count += skipped->count;
            return;
        }
    list[(*count)++] = *skipped;
}

static size_t count_skipped(const struct weir_collection_list *of)
{
    struct weir_sflow_skipped skipped;
    size_t count = 0;
    for (unsigned i = 0; i < of->count; i++)
        for (size_t index = 0; weir_collector_skipped(weir_collection_collector(of->collections[i]),
                                                      index, &skipped) == 0;
             index++)
            count++;
    return count;
}

static void add_skipped_list(struct weir_stats *stats, const struct weir_sflow_skipped *list,
                             size_t count)
{
    static const char *const places[] = {
        [WEIR_SFLOW_IN_DATAGRAM] = "sample",
        [WEIR_SFLOW_IN_FLOW] = "flow record",
        [WEIR_SFLOW_IN_COUNTERS] = "counter record",
    };
    weir_stats_open_list(stats, "sflow_skipped");
    for (size_t i = 0; i < count; i++) {
        weir_stats_open_object(stats, NULL);
        weir_stats_add_text(stats, "structure", places[list[i].place]);
        weir_stats_add_u64(stats, "enterprise", WEIR_SFLOW_ENTERPRISE(list[i].format));
        weir_stats_add_u64(stats, "format", WEIR_SFLOW_NUMBER(list[i].format));
        weir_stats_add_u64(stats, "count", list[i].count);
        weir_stats_close(stats);
    }
    weir_stats_close(stats);
}

/* What of sFlow was passed over, by format; no list where nothing was. */
static void add_skipped(struct weir_stats *stats, const struct weir_collection_list *of)
{
    size_t most = count_skipped(of), count = 0;
    struct weir_sflow_skipped *list = most > 0 ? calloc(most, sizeof(list[0])) : NULL;
    if (!list)
        return;
    for (unsigned i = 0; i < of->count; i++) {
        const struct weir_collector *collector = weir_collection_collector(of->collections[i]);
        struct weir_sflow_skipped skipped;
        for (size_t index = 0; weir_collector_skipped(collector, index, &skipped) == 0; index++)
            merge_skipped(&skipped, list, &count);
    }
    add_skipped_list(stats, list, count);
    free(list);
}

/* Who was limited; no list where nobody was. */
static void add_limited(struct weir_stats *stats, const struct weir_collection_list *of)
{
    bool is_open = false;
    for (unsigned i = 0; i < of->count; i++) {
        const struct weir_admission *admission = weir_collection_admission(of->collections[i]);
        struct weir_address limited;
        uint64_t datagrams;
        size_t position = 0;
        while (admission &&
               weir_admission_limited(admission, &position, &limited, &datagrams) == 0) {
            char address[WEIR_ADDRESS_TEXT_MAX];
            if (!is_open)
                weir_stats_open_list(stats, "limited");
            is_open = true;
            weir_address_format(limited, address);
            weir_stats_open_object(stats, NULL);
            weir_stats_add_text(stats, "address", address);
            weir_stats_add_u64(stats, "datagrams_limited", datagrams);
            weir_stats_close(stats);
        }
    }
    if (is_open)
        weir_stats_close(stats);
}

/* The totals of all collections. */
static void add_totals(struct weir_stats *stats, const struct weir_collection_list *of)
{
    struct weir_collect_counters total = {0};
    struct weir_collect_levels levels = {0};
    struct weir_datagram_counters captured = {0};
    struct weir_admission_counters admitted = {0};
    const struct weir_stats_part parts[] = {
        {weir_collect_counter_table, weir_collect_counter_count, &total},
        {weir_datagram_counter_table, weir_datagram_counter_count, &captured},
        {weir_admission_counter_table, weir_admission_counter_count, &admitted},
        {weir_collect_level_table, weir_collect_level_count, &levels},
    };
    for (unsigned i = 0; i < of->count; i++) {
        const struct weir_collection *collection = of->collections[i];
        const struct weir_admission *admission = weir_collection_admission(collection);
        struct weir_collect_counters own = weir_collection_count(collection);
        struct weir_datagram_counters read = weir_collection_captured(collection);
        struct weir_collect_levels now =
            weir_collector_levels(weir_collection_collector(of->collections[i]));
        weir_counter_add_all(parts[0].rows, parts[0].count, &own, &total);
        weir_counter_add_all(parts[1].rows, parts[1].count, &read, &captured);
        weir_counter_add_all(parts[3].rows, parts[3].count, &now, &levels);
        if (admission)
            weir_counter_add_all(parts[2].rows, parts[2].count, weir_admission_count(admission),
                                 &admitted);
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        weir_stats_add(stats, &parts[i]);
}

/* Hands on what has been printed so far. */
static int pass_on(struct weir_text_buffer *text, struct weir_output *output,
                   struct weir_diag *diag)
{
    int result = weir_text_error(text);
    if (result < 0)
        return weir_diag_set(diag, (enum weir_error)result, "%s: %s", weir_output_name(output),
                             weir_error_text(result));
    result = weir_output_write(output, text->data, text->length, diag);
    weir_text_clear(text);
    return result;
}

/* An object a session, which are too many to keep them all as text. */
static int add_sessions(struct weir_stats *stats, const struct weir_collector *collector,
                        struct weir_output *output, struct weir_diag *diag)
{
    int result = 0;
    for (const struct weir_session *session = weir_collector_sessions(collector)->oldest;
         session && result == 0; session = session->newer) {
        add_session(stats, session);
        if (stats->out->length >= PIECE_OCTETS)
            result = pass_on(stats->out, output, diag);
    }
    return result;
}

int weir_collection_print_stats(const struct weir_collection_list *of,
                                const struct weir_stats_part *parts, size_t part_count,
                                struct weir_output *output, struct weir_diag *diag)
{
    struct weir_text_buffer text;
    int result = 0;
    weir_text_init(&text, PIECE_OCTETS_MAX);
    struct weir_stats stats = weir_stats_begin(&text);
    add_totals(&stats, of);
    for (size_t i = 0; i < part_count; i++)
        weir_stats_add(&stats, &parts[i]);
    add_limited(&stats, of);
    add_skipped(&stats, of);
    weir_stats_open_list(&stats, "exporters");
    for (unsigned i = 0; i < of->count && result == 0; i++)
        result = add_sessions(&stats, weir_collection_collector(of->collections[i]), output, diag);
    weir_stats_end(&stats);
    if (result == 0)
        result = pass_on(&text, output, diag);
    weir_text_done(&text);
    return result;
}
