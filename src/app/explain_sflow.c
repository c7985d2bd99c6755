/* SPDX-License-Identifier: Apache-2.0 */
/* sFlow: the header, which is as long as its agent's address, and samples with their structures. */
#include <inttypes.h>
#include <stdio.h>

#include "app/explain_private.h"
#include "base/calendar.h"
#include "base/clock.h"
#include "base/quantity.h"
#include "wire/sflow.h"

#define AGENT_OFFSET 8u /* behind the version and the type of the address */

/* The structures that weir collect reads, by their names in the specification. */
static const struct {
    enum weir_sflow_kind kind;
    uint32_t format;
    const char *name;
} structures[] = {
    {WEIR_SFLOW_FLOW, 1, "raw packet header"},
    {WEIR_SFLOW_FLOW, 2, "Ethernet frame data"},
    {WEIR_SFLOW_FLOW, 3, "IPv4 data"},
    {WEIR_SFLOW_FLOW, 4, "IPv6 data"},
    {WEIR_SFLOW_FLOW, 1001, "extended switch data"},
    {WEIR_SFLOW_FLOW, 1002, "extended router data"},
    {WEIR_SFLOW_FLOW, 1003, "extended gateway data"},
    {WEIR_SFLOW_FLOW, 1004, "extended user data"},
    {WEIR_SFLOW_FLOW, 1006, "extended MPLS data"},
    {WEIR_SFLOW_FLOW, 1007, "extended NAT data"},
    {WEIR_SFLOW_FLOW, 1020, "extended NAT ports"},
    {WEIR_SFLOW_FLOW, 1030, "VNI"},
    {WEIR_SFLOW_COUNTERS, 1, "generic interface counters"},
    {WEIR_SFLOW_COUNTERS, 2, "Ethernet interface counters"},
    {WEIR_SFLOW_COUNTERS, 5, "VLAN counters"},
    {WEIR_SFLOW_COUNTERS, 1001, "processor information"},
};

static void show_number(const struct weir_explain_walk *walk, unsigned depth, size_t at,
                        const char *name, const char *text)
{
    struct weir_explain_item item =
        weir_explain_item_of(walk, WEIR_EXPLAIN_HEADER, depth, at, at + 4);
    item.number = weir_load_be32(item.octets);
    item.name = name;
    item.text = text;
    weir_explain_show(walk, &item);
}

void weir_explain_sflow_header(const struct weir_explain_walk *walk)
{
    const struct weir_message *message = &walk->message;
    size_t end = weir_reader_offset(&message->body);
    size_t numbers = end - 16;
    char text[WEIR_DURATION_TEXT_MAX], address[WEIR_ADDRESS_TEXT_MAX];
    if (numbers > AGENT_OFFSET) {
        weir_address_format(message->agent, address);
        weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 1, AGENT_OFFSET, numbers, address);
    }
    weir_duration_format(message->uptime_ms * WEIR_NS_PER_MS, text);
    show_number(walk, 1, numbers, "sub-agent", "");
    show_number(walk, 1, numbers + 4, "sequence", "messages before this message");
    show_number(walk, 1, numbers + 8, "sysUpTime", text);
    show_number(walk, 1, numbers + 12, "samples", "");
}

static const char *structure_name(enum weir_sflow_kind kind, uint32_t format)
{
    for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++)
        if (structures[i].kind == kind && structures[i].format == format)
            return structures[i].name;
    return "a structure that is not known";
}

static void explain_structure(const struct weir_explain_walk *walk,
                              const struct weir_sflow_sample *sample,
                              const struct weir_sflow_record *record, size_t at)
{
    char text[96];
    snprintf(text, sizeof(text), "%s: enterprise %" PRIu32 ", format %" PRIu32,
             structure_name(sample->kind, record->format), WEIR_SFLOW_ENTERPRISE(record->format),
             WEIR_SFLOW_NUMBER(record->format));
    weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 2, at, weir_reader_offset(&sample->body), text);
}

/* Of the header of a sample what follows its number. */
static void explain_sample_header(const struct weir_explain_walk *walk,
                                  const struct weir_sflow_sample *sample, size_t at)
{
    char text[160];
    size_t end = weir_reader_offset(&sample->body);
    int length = snprintf(text, sizeof(text), "source %" PRIu32 "/%" PRIu32, sample->source_type,
                          sample->source_index);
    if (sample->kind == WEIR_SFLOW_FLOW)
        length += snprintf(text + length, sizeof(text) - (size_t)length,
                           ", one packet in %" PRIu32 ", in %" PRIu32 "/%" PRIu32 ", out %" PRIu32
                           "/%" PRIu32,
                           sample->sampling_rate, sample->input.form, sample->input.value,
                           sample->output.form, sample->output.value);
    snprintf(text + length, sizeof(text) - (size_t)length, ", %" PRIu32 " structures",
             sample->records_left);
    weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 2, at, end, text);
}

void weir_explain_sample(struct weir_explain_walk *walk, const struct weir_set *set, size_t end)
{
    struct weir_explain_counters *counters = &walk->explainer->counters;
    struct weir_sflow_sample sample;
    struct weir_sflow_record record;
    struct weir_diag diag = {0};
    size_t at = weir_reader_offset(&set->body);
    int result = weir_sflow_sample_open(set, &sample, &diag);
    if (result == WEIR_E_UNSUPPORTED) {
        counters->samples_unread++;
        weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 2, at, end,
                          "a sample of a format that is not known");
        return;
    }
    if (result == 0) {
        *(sample.kind == WEIR_SFLOW_FLOW ? &counters->records_explained
                                         : &counters->counter_records_explained) += 1;
        show_number(walk, 2, at, "sequence of the source", "");
        explain_sample_header(walk, &sample, at + 4);
        at = weir_reader_offset(&sample.body);
    }
    while (result == 0 && (result = weir_sflow_record_next(&sample, &record, &diag)) == 0) {
        explain_structure(walk, &sample, &record, at);
        at = weir_reader_offset(&sample.body);
    }
    if (result == WEIR_E_END) {
        weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 2, at, end, "more than is known");
        return;
    }
    weir_explain_broken(walk, 2, &diag, walk->rules->record);
    weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 2, at, end, "nothing after that can be read");
}
