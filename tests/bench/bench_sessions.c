/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What many exporters cost: the same messages from one exporter and from 65,000 that take turns,
 * each with five Templates.
 *
 *     bench_sessions [EXPORTERS]
 *
 * Prints nanoseconds of CPU a record, the best of five passes, and octets of heap an exporter.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "collect/collector.h"
#include "wire/encoder.h"

#define TEMPLATES   5u
#define RECORDS     25u /* a message */
#define MESSAGES    130000u
#define PASSES      5u
#define GROUP       64u
#define START_NS    (INT64_C(1767225600) * WEIR_NS_PER_SECOND)
#define SEQUENCE_AT 8u /* in the header, RFC 7011 section 3.1 */

/* As routers send them: 60 octets. */
static const struct weir_field fields[] = {
    {0, 8, 4},  {0, 12, 4}, {0, 15, 4}, {0, 10, 4}, {0, 14, 4}, {0, 2, 8}, {0, 1, 8},
    {0, 7, 2},  {0, 11, 2}, {0, 4, 1},  {0, 5, 1},  {0, 6, 1},  {0, 9, 1}, {0, 13, 1},
    {0, 61, 1}, {0, 16, 4}, {0, 17, 4}, {0, 22, 4}, {0, 21, 4},
};

struct message {
    uint8_t octets[4096];
    size_t length;
};

static void fail(const char *what)
{
    fprintf(stderr, "bench_sessions: %s\n", what);
    exit(1);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Templates 256 to 260, each a field shorter than the one before. */
static struct weir_template *template_of(unsigned index)
{
    struct weir_template *made = weir_template_new(
        (uint16_t)(256 + index), fields, (uint16_t)(sizeof(fields) / sizeof(fields[0]) - index));
    if (!made)
        fail("no memory");
    return made;
}

/* A message of all Templates, or (index < TEMPLATES) one of records of a Template. */
static void make_message(unsigned index, struct message *message)
{
    struct weir_encoder encoder;
    const struct weir_encoder_header header = {.export_time_ns = START_NS};
    struct weir_random random = {index + 1};
    weir_encoder_begin(&encoder, WEIR_PROTOCOL_IPFIX, message->octets, sizeof(message->octets),
                       &header);
    for (unsigned i = 0; i < TEMPLATES; i++) {
        struct weir_template *source = template_of(i);
        uint32_t got = RECORDS;
        if (index == TEMPLATES && weir_encoder_template(&encoder, source) < 0)
            fail("a Template does not fit");
        if (index == i) {
            uint8_t *octets = weir_encoder_records(&encoder, source, RECORDS, &got);
            for (uint32_t at = 0; octets && at < got * source->record_length; at++)
                octets[at] = (uint8_t)weir_random_below(&random, 256);
        }
        if (got != RECORDS)
            fail("records do not fit");
        free(source);
    }
    message->length = weir_encoder_end(&encoder);
}

/* Datagrams as a listener hands them over, several at a time. */
struct group {
    size_t count;
    struct weir_datagram datagrams[GROUP];
    uint8_t octets[GROUP][4096];
};

static void deliver(struct weir_collector *collector, struct group *group)
{
    struct weir_diag diag;
    for (size_t i = 0; i < group->count; i++) {
        weir_collector_foresee(collector, group->datagrams, group->count, i, WEIR_COLLECT_UDP);
        if (weir_collector_receive(collector, &group->datagrams[i], WEIR_COLLECT_UDP, &diag) < 0)
            fail("collecting");
    }
    group->count = 0;
}

static void receive(struct weir_collector *collector, struct group *group,
                    const struct message *message, uint32_t exporter, uint32_t sequence)
{
    uint8_t *octets = group->octets[group->count];
    memcpy(octets, message->octets, message->length);
    weir_store_be32(octets + SEQUENCE_AT, sequence);
    group->datagrams[group->count++] = (struct weir_datagram){
        .octets = octets,
        .length = message->length,
        .source = weir_address_from_v4(UINT32_C(0x0a000000) + exporter),
        .source_port = 5000,
        .received_ns = START_NS,
    };
    if (group->count == GROUP)
        deliver(collector, group);
}

/* Exporters in the order in which they send. */
static uint32_t *shuffled(uint32_t exporters)
{
    struct weir_random random = {1};
    uint32_t *order = calloc(exporters, sizeof(*order));
    if (!order)
        fail("no memory");
    for (uint32_t i = 0; i < exporters; i++) {
        uint32_t other = weir_random_below(&random, i + 1);
        order[i] = order[other];
        order[other] = i;
    }
    return order;
}

static int drop(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    (void)diag;
    *(uint64_t *)context += batch->row_count;
    return 0;
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    (void)context;
    (void)now_ns;
    (void)diag;
    return 0;
}

static void measure(uint32_t exporters)
{
    static struct message messages[TEMPLATES + 1];
    static struct group group;
    uint32_t *order = shuffled(exporters);
    uint64_t rows = 0;
    struct weir_collector_config config = weir_collector_defaults();
    struct weir_collector *collector;
    struct weir_batch_sink sink = {drop, flush, &rows};
    weir_hash_key_seed(&config.hash_key, 0);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    if (weir_collector_new(&config, &collector) < 0 ||
        weir_collector_add_batch_sink(collector, &sink) < 0)
        fail("no memory");
    for (unsigned i = 0; i <= TEMPLATES; i++)
        make_message(i, &messages[i]);
    for (uint32_t i = 0; i < exporters; i++)
        receive(collector, &group, &messages[TEMPLATES], i, 0);
    deliver(collector, &group);
    size_t octets = mallinfo2().uordblks + mallinfo2().hblkhd - before;

    double best = 1e9;
    for (unsigned pass = 0; pass < PASSES; pass++) {
        double start = cpu_seconds();
        for (uint32_t i = 0; i < MESSAGES; i++) {
            uint32_t turn = pass * MESSAGES + i;
            receive(collector, &group, &messages[turn / exporters % TEMPLATES],
                    order[turn % exporters], turn / exporters * RECORDS);
        }
        deliver(collector, &group);
        double took = cpu_seconds() - start;
        best = took < best ? took : best;
    }
    struct weir_collect_counters counters = weir_collector_count(collector);
    if (counters.records != (uint64_t)PASSES * MESSAGES * RECORDS || counters.records_lost ||
        counters.sessions_opened != exporters || counters.sessions_evicted)
        fail("counts");
    double records = (double)MESSAGES * RECORDS;
    printf("%8" PRIu32 " exporters  %6.1f ns a record  %6.2f M a CPU-second  %7.1f MB  %6.0f "
           "octets an exporter\n",
           exporters, best * 1e9 / records, records / best / 1e6, (double)octets / 1e6,
           (double)octets / exporters);
    weir_collector_free(collector);
    free(order);
}

int main(int argc, char **argv)
{
    uint32_t exporters = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 65000;
    if (exporters == 0)
        fail("how many exporters?");
    measure(1);
    measure(exporters);
    return 0;
}
