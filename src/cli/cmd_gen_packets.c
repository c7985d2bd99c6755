/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"
#include "cli/command.h"
#include "cli/signals.h"
#include "packet/traffic.h"

enum { OUT, MIX, PACKETS, FLOWS, DURATION, SEED, START, PRECISION, OPTION_COUNT };

static const char *const mixes[] = {"realistic", "hard", NULL};
static const char *const precisions[] = {"ns", "us", NULL};

static const struct weir_option options[OPTION_COUNT] = {
    [OUT] = {.name = "out",
             .letter = 'w',
             .kind = WEIR_OPTION_OUTPUT,
             .fallback = "-",
             .group = "Where to",
             .help = "the pcap file"},
    [MIX] = {.name = "mix",
             .kind = WEIR_OPTION_CHOICE,
             .choices = mixes,
             .fallback = "realistic",
             .group = "What",
             .help = "traffic as on a backbone, or every packet a new flow as in a flood"},
    [PACKETS] = {.name = "packets",
                 .kind = WEIR_OPTION_COUNT,
                 .min = 1,
                 .max = WEIR_TRAFFIC_PACKETS_MAX,
                 .help = "how many; without it 15M, of the hard mix 5M"},
    [FLOWS] = {.name = "flows",
               .kind = WEIR_OPTION_COUNT,
               .min = 1,
               .max = WEIR_TRAFFIC_FLOWS_MAX,
               .help = "how many 5-tuples, of the realistic mix; without it one for every 12.5 "
                       "packets"},
    [DURATION] = {.name = "duration",
                  .kind = WEIR_OPTION_DURATION,
                  .min = 1,
                  .help = "from the first packet to the last; without it 400s, of the hard mix "
                          "100s"},
    [SEED] = {.name = "seed",
              .kind = WEIR_OPTION_COUNT,
              .fallback = "1",
              .help = "the same seed makes the same octets"},
    [START] = {.name = "start",
               .kind = WEIR_OPTION_TIME,
               .fallback = "2026-01-01",
               .help = "time of the first packet"},
    [PRECISION] = {.name = "precision",
                   .kind = WEIR_OPTION_CHOICE,
                   .choices = precisions,
                   .fallback = "ns",
                   .help = "of the times in the file; older tools read us only"},
};

#define PIECE_OCTETS ((size_t)256 << 10)

static struct weir_traffic_options traffic_options(const struct weir_arguments *arguments)
{
    struct weir_traffic_options made =
        weir_traffic_defaults((enum weir_traffic_mix)weir_arguments_choice(arguments, MIX));
    if (weir_arguments_has(arguments, PACKETS)) {
        /* As many packets a flow as there would be without. */
        uint64_t packets = weir_arguments_number(arguments, PACKETS);
        uint64_t flows = (uint64_t)((unsigned __int128)packets * made.flows / made.packets);
        made.flows = flows < 1                        ? 1
                     : flows > WEIR_TRAFFIC_FLOWS_MAX ? WEIR_TRAFFIC_FLOWS_MAX
                                                      : flows;
        made.packets = packets;
    }
    if (weir_arguments_has(arguments, FLOWS))
        made.flows = weir_arguments_number(arguments, FLOWS);
    if (weir_arguments_has(arguments, DURATION))
        made.duration_ns = weir_arguments_ns(arguments, DURATION);
    made.seed = weir_arguments_number(arguments, SEED);
    made.start_ns = weir_arguments_ns(arguments, START);
    made.microseconds = weir_arguments_choice(arguments, PRECISION) == 1;
    return made;
}

static int write_traffic(struct weir_call *call, struct weir_traffic *traffic,
                         struct weir_output *output, struct weir_diag *diag)
{
    uint8_t *piece = malloc(PIECE_OCTETS);
    if (!piece)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for a buffer");
    int result = 0;
    uint64_t octets = 0;
    size_t length;
    while (result == 0 && !weir_stop_requested() &&
           (length = weir_traffic_read(traffic, piece, PIECE_OCTETS)) > 0) {
        result = weir_output_write(output, piece, length, diag);
        octets += length;
        if (weir_progress_due(&call->progress))
            weir_progress_show(&call->progress, "%" PRIu64 " MB", octets / 1000000);
    }
    free(piece);
    return result;
}

static int run(struct weir_call *call, struct weir_diag *diag)
{
    const char *path = weir_arguments_text(&call->arguments, OUT);
    if (strcmp(path, "-") == 0 && isatty(STDOUT_FILENO))
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "gen packets: standard output is a terminal; give --out FILE");
    const struct weir_traffic_options made = traffic_options(&call->arguments);
    struct weir_traffic *traffic;
    struct weir_output *output;
    int result = weir_traffic_new(&made, &traffic, diag);
    if (result < 0) {
        weir_diag_prefix(diag, "gen packets");
        return result;
    }
    result = weir_output_open(path, &output, diag);
    if (result == 0) {
        result = write_traffic(call, traffic, output, diag);
        if (result == 0)
            result = weir_output_close(output, diag);
        else
            weir_output_abort(output);
    }
    weir_traffic_free(traffic);
    return result;
}

static const struct weir_example examples[] = {
    {"weir gen packets --out realistic.pcap", "15 million packets, 1.7 GB"},
    {"weir gen packets --mix hard --packets 1M | weir meter -r - --to ipfix+file:hard.ipfix",
     "a flood, metered"},
    {0},
};

const struct weir_command weir_command_gen_packets = {
    .name = "gen packets",
    .summary = "makes synthetic traffic as a capture",
    .usage = "[--mix realistic|hard] [--packets N] [--flows N] [--seed N] [--out FILE]",
    .about = "Writes a pcap file of Ethernet frames, 96 octets captured of each. The realistic mix "
             "has flows of Zipf sizes in both directions of their conversations: TCP 71 %, with "
             "SYN and FIN, UDP 26 %, ICMP 3 %; IPv6 20 %; 650 octets a packet in the mean. In the "
             "hard mix every packet is a flow of its own.",
    .options = options,
    .option_count = OPTION_COUNT,
    .examples = examples,
    .operands_hint = "a file stands behind --out",
    .run = run,
};
