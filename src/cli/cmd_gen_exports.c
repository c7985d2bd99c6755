/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/destination.h"
#include "cli/command.h"
#include "cli/signals.h"
#include "export/synth.h"

enum { TO, RECORDS, SEED, START, DURATION, V6, OPTION_COUNT };

static const struct weir_option options[OPTION_COUNT] = {
    [TO] = {.name = "to",
            .kind = WEIR_OPTION_URL,
            .group = "Where to",
            .help = "destination and protocol: netflow9+udp://HOST:PORT, ipfix+file:PATH, "
                    "netflow5+pcap:PATH (a capture of the datagrams)"},
    [RECORDS] = {.name = "records",
                 .kind = WEIR_OPTION_COUNT,
                 .fallback = "100k",
                 .min = 1,
                 .max = UINT32_MAX,
                 .group = "What",
                 .help = "how many Flow Records"},
    [SEED] = {.name = "seed",
              .kind = WEIR_OPTION_COUNT,
              .fallback = "1",
              .help = "the same seed makes the same records"},
    [START] = {.name = "start",
               .kind = WEIR_OPTION_TIME,
               .fallback = "2026-01-01",
               .help = "when the first record is exported"},
    [DURATION] = {.name = "duration",
                  .kind = WEIR_OPTION_DURATION,
                  .fallback = "1h",
                  .min = 1,
                  .help = "from the first to the last, by the records' own time"},
    [V6] = {.name = "ipv6",
            .kind = WEIR_OPTION_COUNT,
            .value = "PERCENT",
            .fallback = "20",
            .max = 100,
            .help = "share of IPv6 flows, which NetFlow v5 cannot carry"},
};

#define BATCH_ROWS 1024u

static int generate(struct weir_call *call, struct weir_synth *synth,
                    struct weir_destination *destination, struct weir_diag *diag)
{
    struct weir_batch_sink sink = weir_destination_sink(destination);
    struct weir_batch *batch = weir_batch_new(BATCH_ROWS);
    if (!batch)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for a batch");
    int result = 0;
    while (result == 0 && !weir_stop_requested() && weir_synth_fill(synth, batch) > 0) {
        result = sink.batch(sink.context, batch, diag);
        if (weir_progress_due(&call->progress))
            weir_progress_show(&call->progress, "%" PRIu64 " of %" PRIu64 " records", synth->made,
                               synth->config.records);
    }
    weir_batch_free(batch);
    return result < 0 ? result : sink.flush(sink.context, 0, diag);
}

/* The headers of export messages have 32 bits of seconds. */
static int check_times(const struct weir_synth_config *config, struct weir_diag *diag)
{
    const int64_t last_ns = UINT32_MAX * WEIR_NS_PER_SECOND;
    if (config->start_ns < 0 || config->start_ns > last_ns ||
        config->duration_ns > last_ns - config->start_ns)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "gen exports: --start and --duration: the time is not within 1970 to "
                             "2106");
    return 0;
}

static int run(struct weir_call *call, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &call->arguments;
    if (!weir_arguments_has(arguments, TO))
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "gen exports: --to is wanted, as netflow9+udp://127.0.0.1:2055");
    struct weir_synth_config config = {
        .seed = weir_arguments_number(arguments, SEED),
        .records = weir_arguments_number(arguments, RECORDS),
        .start_ns = weir_arguments_ns(arguments, START),
        .duration_ns = weir_arguments_ns(arguments, DURATION),
        .v6_percent = (unsigned)weir_arguments_number(arguments, V6),
    };
    struct weir_url url;
    struct weir_destination *destination = NULL;
    int result = check_times(&config, diag);
    if (result < 0)
        return result;
    result = weir_url_parse(weir_arguments_text(arguments, TO), &url, diag);
    if (result == 0)
        result = weir_destination_open(&url, 0, &destination, diag);
    if (result < 0) {
        weir_diag_prefix(diag, "--to");
        return result;
    }
    struct weir_synth synth;
    weir_synth_init(&synth, &config);
    result = generate(call, &synth, destination, diag);
    if (result < 0) {
        weir_destination_abort(destination);
        return result;
    }
    uint64_t failed = weir_destination_counters(destination)->messages_failed;
    if (failed > 0) {
        weir_progress_clear(&call->progress);
        fprintf(stderr, "weir: note: %" PRIu64 " of %" PRIu64 " messages were not sent\n", failed,
                failed + weir_destination_counters(destination)->messages_sent);
    }
    return weir_destination_close(destination, diag);
}

static const struct weir_example examples[] = {
    {"weir gen exports --to netflow9+udp://127.0.0.1:2055?rate=10k",
     "100,000 records to a collector on this machine, in ten seconds"},
    {"weir gen exports --records 10M --ipv6 0 --to netflow5+pcap:v5.pcap",
     "a capture that collectors can read again and again"},
    {0},
};

const struct weir_command weir_command_gen_exports = {
    .name = "gen exports",
    .summary = "makes synthetic export messages",
    .usage = "--to URL [--records N] [--seed N]",
    .about = "Sends Flow Records as a router at the edge of a network would: addresses, ports and "
             "volumes by Zipf's law, 18 fields a record. The option rate of the URL paces them.",
    .options = options,
    .option_count = OPTION_COUNT,
    .examples = examples,
    .operands_hint = "a destination stands behind --to",
    .run = run,
};
