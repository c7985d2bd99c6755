/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest Collecting Process, for tests: keeps Templates per source, reads datagrams down to
 * the last field, and counts.
 *
 *     struct test_export_reader reader = {0};
 *     test_export_read(&reader, source, octets, length);
 *     assert_int_equal(reader.counts.data_records, 3);
 *     test_export_reader_done(&reader);
 */
#ifndef WEIR_TESTS_SUPPORT_EXPORT_READER_H
#define WEIR_TESTS_SUPPORT_EXPORT_READER_H

#include <stdlib.h>

#include "wire/message.h"
#include "wire/sflow.h"

struct test_export_counts {
    unsigned messages;
    unsigned templates;
    unsigned option_templates;
    unsigned withdrawals;
    unsigned data_records;
    unsigned option_records;
    unsigned reserved_sets;
    unsigned sets_without_template;
    unsigned flow_samples;
    unsigned counter_samples;
    unsigned other_samples;
    unsigned malformed; /* outcomes that were neither item nor end */
};

struct test_export_template {
    struct test_export_template *next;
    uint64_t source;
    uint32_t domain;
    uint16_t protocol;
    struct weir_template *value;
};

struct test_export_reader {
    struct test_export_template *templates;
    struct test_export_counts counts;
    struct weir_diag diag; /* of the last malformed outcome */
};

static inline void test_export_reader_done(struct test_export_reader *reader)
{
    while (reader->templates) {
        struct test_export_template *entry = reader->templates;
        reader->templates = entry->next;
        free(entry->value);
        free(entry);
    }
}

static inline struct test_export_template **test_export_find(struct test_export_reader *reader,
                                                             uint64_t source,
                                                             const struct weir_message *message,
                                                             uint16_t id)
{
    struct test_export_template **at = &reader->templates;
    while (*at && !((*at)->source == source && (*at)->domain == message->domain &&
                    (*at)->protocol == message->protocol && (*at)->value->id == id))
        at = &(*at)->next;
    return at;
}

static inline void test_export_learn(struct test_export_reader *reader, uint64_t source,
                                     const struct weir_message *message,
                                     const struct weir_template *template)
{
    struct test_export_template **at = test_export_find(reader, source, message, template->id);
    struct test_export_template *old = *at;
    if (old) {
        *at = old->next;
        free(old->value);
        free(old);
    }
    if (template->is_withdrawal) {
        reader->counts.withdrawals++;
        return;
    }
    if (template->is_options)
        reader->counts.option_templates++;
    else
        reader->counts.templates++;
    struct test_export_template *entry = calloc(1, sizeof(*entry));
    struct weir_template *value = weir_template_copy(template);
    if (!entry || !value)
        abort();
    *entry = (struct test_export_template){
        .next = reader->templates,
        .source = source,
        .domain = message->domain,
        .protocol = (uint16_t)message->protocol,
        .value = value,
    };
    reader->templates = entry;
}

/* 0 or WEIR_E_END stay what they are; anything else is counted. */
static inline int test_export_outcome(struct test_export_reader *reader, int result)
{
    if (result != 0 && result != WEIR_E_END)
        reader->counts.malformed++;
    return result;
}

static inline void test_export_read_data(struct test_export_reader *reader,
                                         const struct weir_template *template, struct weir_set *set)
{
    struct weir_record record;
    while (test_export_outcome(reader,
                               weir_set_next_record(set, template, &record, &reader->diag)) == 0) {
        struct weir_value value;
        unsigned fields = 0, sum = 0;
        while (test_export_outcome(reader, weir_record_next(&record, &value, &reader->diag)) == 0) {
            fields++;
            for (size_t i = 0; i < value.length; i++)
                sum += value.octets[i]; /* a sanitizer sees what is out of bounds */
        }
        (void)*(volatile unsigned *)&sum;
        if (fields != template->field_count)
            abort();
        if (template->is_options)
            reader->counts.option_records++;
        else
            reader->counts.data_records++;
    }
}

/* Down to the last octet of its records. */
static inline void test_export_read_sample(struct test_export_reader *reader,
                                           const struct weir_set *set)
{
    struct weir_sflow_sample sample;
    struct weir_sflow_record record;
    int result = weir_sflow_sample_open(set, &sample, &reader->diag);
    if (result == WEIR_E_UNSUPPORTED) {
        reader->counts.other_samples++;
        return;
    }
    if (test_export_outcome(reader, result) < 0)
        return;
    if (sample.kind == WEIR_SFLOW_FLOW)
        reader->counts.flow_samples++;
    else
        reader->counts.counter_samples++;
    while (test_export_outcome(reader, weir_sflow_record_next(&sample, &record, &reader->diag)) ==
           0) {
        unsigned sum = 0;
        for (size_t i = 0; i < record.body.remaining; i++)
            sum += record.body.octets[i];
        (void)*(volatile unsigned *)&sum;
    }
}

static inline void test_export_read_set(struct test_export_reader *reader, uint64_t source,
                                        const struct weir_message *message, struct weir_set *set)
{
    static _Alignas(struct weir_template) uint8_t room[WEIR_TEMPLATE_OCTETS_MAX];
    struct weir_template *template = (struct weir_template *)(void *)room;
    switch (set->kind) {
    case WEIR_SET_TEMPLATE:
    case WEIR_SET_OPTIONS_TEMPLATE:
        while (test_export_outcome(
                   reader, weir_set_next_template(set, template, sizeof(room), &reader->diag)) == 0)
            test_export_learn(reader, source, message, template);
        break;
    case WEIR_SET_DATA:
        if (message->builtin) {
            test_export_read_data(reader, message->builtin, set);
            break;
        }
        struct test_export_template *entry = *test_export_find(reader, source, message, set->id);
        if (entry)
            test_export_read_data(reader, entry->value, set);
        else
            reader->counts.sets_without_template++;
        break;
    case WEIR_SET_RESERVED:
        reader->counts.reserved_sets++;
        break;
    case WEIR_SET_SAMPLE:
        test_export_read_sample(reader, set);
        break;
    }
}

/* Reads one message; returns its octets, 0 where there is none. */
static inline size_t test_export_read(struct test_export_reader *reader, uint64_t source,
                                      const uint8_t *octets, size_t length)
{
    struct weir_message message;
    if (test_export_outcome(reader, weir_message_open(octets, length, &message, &reader->diag)) < 0)
        return 0;
    reader->counts.messages++;
    struct weir_set set;
    while (test_export_outcome(reader, weir_message_next(&message, &set, &reader->diag)) == 0)
        test_export_read_set(reader, source, &message, &set);
    return message.length;
}

#endif
