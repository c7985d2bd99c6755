/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Export messages to column batches, without a store: from files, or from synthetic messages of
 * each protocol in memory.
 *
 *     bench_collect [FILE...]
 *
 * Prints nanoseconds of CPU a record and records a CPU-second, the best of five passes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collect/collector.h"
#include "collect/input.h"
#include "export/exporter.h"
#include "export/synth.h"

#define RECORDS   1000000u
#define PASSES    5u
#define MEMORY    ((size_t)160 << 20)
#define BATCH_MAX 4096u

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what, const struct weir_diag *diag)
{
    fprintf(stderr, "bench_collect: %s: %s\n", what, diag->text);
    exit(1);
}

struct memory {
    uint8_t *octets;
    size_t length;
};

static int remember(void *context, const struct weir_message_octets *messages, size_t count,
                    size_t *ret_sent, struct weir_diag *diag)
{
    struct memory *memory = context;
    for (size_t i = 0; i < count; i++) {
        if (messages[i].length > MEMORY - memory->length)
            return weir_diag_set(diag, WEIR_E_FULL, "the memory for messages is full");
        memcpy(memory->octets + memory->length, messages[i].octets, messages[i].length);
        memory->length += messages[i].length;
    }
    *ret_sent = count;
    return 0;
}

static void make_messages(enum weir_protocol protocol, struct memory *memory)
{
    struct weir_diag diag = {0};
    struct weir_transport transport = {.send = remember, .context = memory, .message_max = 1472};
    struct weir_exporter_config config = {.protocol = protocol,
                                          .template_refresh_ns = WEIR_EXPORTER_REFRESH_NS};
    struct weir_synth_config made = {
        .seed = 1,
        .records = RECORDS,
        .start_ns = INT64_C(1767225600) * WEIR_NS_PER_SECOND,
        .duration_ns = 3600 * WEIR_NS_PER_SECOND,
        .v6_percent = protocol == WEIR_PROTOCOL_NETFLOW5 ? 0 : 20,
    };
    struct weir_synth synth;
    struct weir_exporter *exporter;
    struct weir_batch *batch = weir_batch_new(BATCH_MAX);
    memory->length = 0;
    weir_synth_init(&synth, &made);
    if (!batch || weir_exporter_new(&config, &transport, &exporter, &diag) < 0)
        fail("exporter", &diag);
    while (weir_synth_fill(&synth, batch) > 0)
        if (weir_exporter_batch(exporter, batch, &diag) < 0)
            fail("exporting", &diag);
    if (weir_exporter_flush(exporter, &diag) < 0)
        fail("exporting", &diag);
    weir_exporter_free(exporter);
    weir_batch_free(batch);
}

/* One pass; returns its records. */
static uint64_t collect(struct weir_input *input)
{
    struct weir_diag diag = {0};
    struct weir_collector_config config = weir_collector_defaults();
    struct weir_collector *collector;
    weir_hash_key_seed(&config.hash_key, 0);
    if (weir_collector_new(&config, &collector) < 0)
        fail("collector", &diag);
    const struct weir_datagram *datagrams;
    size_t count;
    int result;
    while ((result = weir_input_next(input, &datagrams, &count, &diag)) == 0)
        for (size_t i = 0; i < count; i++)
            if (weir_collector_receive(collector, &datagrams[i], weir_input_transport(input),
                                       &diag) < 0)
                fail("collecting", &diag);
    if (result != WEIR_E_END || weir_collector_flush(collector, 0, &diag) < 0)
        fail("input", &diag);
    struct weir_collect_counters counters = weir_collector_count(collector);
    weir_collector_free(collector);
    if (counters.messages_malformed || counters.records_lost || counters.sets_unknown_template)
        fail("counts", &diag);
    return counters.records;
}

/* Of the file, or where there is no path of the memory. */
static void measure(const char *name, const char *path, struct memory memory)
{
    double best = 1e9;
    uint64_t records = 0;
    for (unsigned pass = 0; pass < PASSES; pass++) {
        struct weir_diag diag = {0};
        struct weir_input *input;
        double start = cpu_seconds();
        int result =
            path ? weir_input_open(path, &input, &diag)
                 : weir_input_open_memory(memory.octets, memory.length, name, &input, &diag);
        if (result < 0)
            fail(name, &diag);
        records = collect(input);
        weir_input_close(input);
        double took = cpu_seconds() - start;
        best = took < best ? took : best;
    }
    printf("%-28s %9" PRIu64 " records  %6.1f ns a record  %6.2f M a CPU-second\n", name, records,
           best * 1e9 / (double)records, (double)records / best / 1e6);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum weir_protocol protocol;
    } protocols[] = {
        {"netflow5", WEIR_PROTOCOL_NETFLOW5},
        {"netflow9", WEIR_PROTOCOL_NETFLOW9},
        {"ipfix", WEIR_PROTOCOL_IPFIX},
    };
    for (int i = 1; i < argc; i++)
        measure(argv[i], argv[i], (struct memory){0});
    if (argc > 1)
        return 0;
    struct memory memory = {.octets = malloc(MEMORY)};
    if (!memory.octets)
        return 1;
    for (unsigned i = 0; i < 3; i++) {
        make_messages(protocols[i].protocol, &memory);
        measure(protocols[i].name, NULL, memory);
    }
    free(memory.octets);
    return 0;
}
