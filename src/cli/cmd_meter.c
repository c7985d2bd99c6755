/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/flow_fields.h"
#include "app/flow_selection.h"
#include "app/meter.h"
#include "app/stats.h"
#include "cli/command.h"
#include "cli/meter_options.h"
#include "cli/meter_outputs.h"
#include "cli/print.h"
#include "cli/signals.h"

#define STATS_OCTETS_MAX ((size_t)64 << 10)

/* A run of the command. */
struct run {
    struct weir_call *call;
    const struct weir_arguments *arguments;
    struct weir_meter_settings settings;
    struct weir_meter *meter;
    struct weir_meter_outputs *outputs[WEIR_METER_PROCESSES_MAX]; /* of each process */
    struct weir_exported exported;
    const char *path; /* being read */
};

static bool stop(void *context, const struct weir_meter *meter)
{
    struct run *run = context;
    struct weir_progress *progress = &run->call->progress;
    if (weir_progress_due(progress)) {
        struct weir_cache_counters cache = weir_meter_cache_counters(meter);
        weir_progress_show(
            progress, "%s: %" PRIu64 " packets, %" PRIu64 " flows, %" PRIu64 " of them active",
            run->path, cache.packets_metered, cache.flows_created, cache.flows_active);
    }
    return weir_stop_requested();
}

static void read_merged(struct run *run)
{
    unsigned count;
    const char **paths = weir_meter_texts(run->arguments, READ, &count);
    struct weir_diag diag = {0};
    int result = WEIR_E_NOMEM;
    run->path = "merged captures";
    if (paths)
        result = weir_meter_read_merged(run->meter, paths, count, &diag);
    if (result < 0 && !weir_meter_has_failed(run->meter))
        weir_call_say_failure(run->call, result, &diag);
    free(paths);
}

/* Reads all files, also those after one that cannot be read to its end. */
static void read_files(struct run *run)
{
    for (size_t i = 0; i < run->arguments->given_count && !weir_stop_requested(); i++) {
        if (run->arguments->given[i].option != &weir_meter_options[READ])
            continue;
        struct weir_diag diag = {0};
        run->path = run->arguments->given[i].text;
        int result = weir_meter_read(run->meter, run->path, &diag);
        if (weir_meter_has_failed(run->meter))
            return;
        if (result < 0)
            weir_call_say_failure(run->call, result, &diag);
    }
}

static void listen(struct run *run)
{
    struct weir_diag diag = {0};
    run->path = run->settings.interfaces[0];
    int result = weir_meter_listen(run->meter, &diag);
    if (result < 0 && !weir_meter_has_failed(run->meter))
        weir_call_say_failure(run->call, result, &diag);
}

/* What each Selector of flows has seen, and what of it goes on. */
static void add_selection(const struct weir_flow_selection *selection, struct weir_stats *stats)
{
    struct weir_flow_selection_description description;
    weir_flow_selection_describe(selection, &description);
    weir_stats_open_list(stats, "flow_selectors");
    for (unsigned i = 0; i < description.count; i++) {
        const struct weir_flow_selector *selector = &description.selectors[i];
        weir_stats_open_object(stats, NULL);
        weir_stats_add_text(stats, "selector", selector->text);
        weir_stats_add_u64(stats, "flows_seen", selector->seen.flows);
        weir_stats_add_u64(stats, "packets_seen", selector->seen.packets);
        weir_stats_add_u64(stats, "octets_seen", selector->seen.octets);
        weir_stats_add_u64(stats, "flows_selected", selector->selected.flows);
        weir_stats_add_u64(stats, "packets_selected", selector->selected.packets);
        weir_stats_add_u64(stats, "octets_selected", selector->selected.octets);
        weir_stats_close(stats);
    }
    weir_stats_close(stats);
}

/* The stages in the order in which packets went through, and what the last of them stands for. */
static void add_packet_selection(const struct weir_selection_description *selection,
                                 const struct weir_estimates *estimates, struct weir_stats *stats)
{
    struct weir_sampling_design design =
        weir_sampling_design_of(selection->selectors, selection->count);
    weir_stats_open_list(stats, "selection");
    for (unsigned i = 0; i < selection->count; i++) {
        const struct weir_selector *selector = &selection->selectors[i];
        weir_stats_open_object(stats, NULL);
        weir_stats_add_text(stats, "selector", selector->text);
        weir_stats_add_u64(stats, "seen", selector->seen);
        weir_stats_add_u64(stats, "selected", selector->selected);
        weir_stats_add_real(stats, "probability", selector->probability);
        weir_stats_close(stats);
    }
    weir_stats_close(stats);
    if (weir_sampling_is_all(&design))
        return;
    weir_stats_add_real(stats, "probability", design.probability);
    weir_stats_add_real(stats, "packets_estimate", estimates->estimate.packets);
    weir_stats_add_real(stats, "packets_error", estimates->error.packets);
    weir_stats_add_real(stats, "octets_estimate", estimates->estimate.octets);
    weir_stats_add_real(stats, "octets_error", estimates->error.octets);
}

/* Of one process: beside the others' where there are several, its cache's counters are, too. */
static void add_process(const struct run *run, unsigned process, struct weir_stats *stats)
{
    struct weir_cache_counters cache;
    struct weir_selection_description selection;
    struct weir_estimates estimates;
    weir_meter_count_process(run->meter, process, &cache, &selection, &estimates);
    if (run->settings.process_count > 1) {
        const struct weir_stats_part part = {weir_cache_counter_table, weir_cache_counter_count,
                                             &cache};
        weir_stats_add_u64(stats, "domain", run->settings.configs[process].cache.domain);
        weir_stats_add(stats, &part);
    }
    add_packet_selection(&selection, &estimates, stats);
    const struct weir_flow_selection *flows = weir_meter_outputs_selection(run->outputs[process]);
    if (flows)
        add_selection(flows, stats);
}

static void add_processes(const struct run *run, struct weir_stats *stats)
{
    if (run->settings.process_count == 1) {
        add_process(run, 0, stats);
        return;
    }
    weir_stats_open_list(stats, "processes");
    for (unsigned i = 0; i < run->settings.process_count; i++) {
        weir_stats_open_object(stats, NULL);
        add_process(run, i, stats);
        weir_stats_close(stats);
    }
    weir_stats_close(stats);
}

static int print_stats(const struct run *run, struct weir_diag *diag)
{
    const struct weir_exported *exported = &run->exported;
    struct weir_meter_counters own;
    struct weir_source_counters source;
    struct weir_parse_counters parse;
    struct weir_cache_counters cache;
    weir_meter_count(run->meter, &own, &source, &parse, &cache);
    const struct weir_stats_part parts[] = {
        {weir_meter_counter_table, weir_meter_counter_count, &own},
        {weir_cache_counter_table, weir_cache_counter_count, &cache},
        {weir_exporter_counter_table, weir_exporter_counter_count, &exported->exporters},
        {weir_udp_sender_counter_table, weir_udp_sender_counter_count, &exported->senders},
        {weir_guard_counter_table, weir_guard_counter_count, &exported->guards},
        {weir_source_counter_table, weir_source_counter_count, &source},
        {weir_parse_counter_table, weir_parse_counter_count, &parse},
    };
    struct weir_text_buffer text;
    weir_text_init(&text, STATS_OCTETS_MAX);
    struct weir_stats stats = weir_stats_begin(&text);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        weir_stats_add(&stats, &parts[i]);
    add_processes(run, &stats);
    weir_stats_end(&stats);
    int result = weir_print(&text, weir_arguments_text(run->arguments, STATS), diag);
    weir_text_done(&text);
    return result;
}

/* What samples stand for, where no table says it. */
static void print_estimates(const struct run *run)
{
    for (unsigned i = 0; i < run->settings.process_count; i++) {
        char text[WEIR_METER_ESTIMATES_MAX];
        weir_meter_outputs_estimates(run->outputs[i], text);
        if (!text[0] || weir_meter_outputs_are_table(run->outputs[i]))
            continue;
        fprintf(stderr, "weir: note: %s\n", text);
        const char *caution = weir_meter_outputs_caution(run->outputs[i]);
        if (caution)
            fprintf(stderr, "weir: note: %s\n", caution);
    }
}

/* What a person should know of packets and flows that went another way than meant. */
static void print_notes(const struct run *run)
{
    const struct weir_exported *exported = &run->exported;
    struct weir_meter_counters own;
    struct weir_source_counters source;
    struct weir_parse_counters parse;
    struct weir_cache_counters cache;
    weir_progress_clear(&run->call->progress);
    uint16_t link_type;
    struct weir_rest_count unparsed;
    for (size_t i = 0; weir_meter_unparsed_link(run->meter, i, &link_type, &unparsed) == 0; i++)
        fprintf(stderr, "weir: note: %" PRIu64 " packets have link type %u, which is not parsed\n",
                unparsed.packets, link_type);
    print_estimates(run);
    weir_meter_count(run->meter, &own, &source, &parse, &cache);
    if (own.packets_dropped > 0)
        fprintf(stderr,
                "weir: note: %" PRIu64 " packets were dropped before they could be read, beside "
                "%" PRIu64 " that were; a greater --buffer, more --workers or a --filter helps\n",
                own.packets_dropped, own.packets);
    if (cache.flows_expired_resources > 0)
        fprintf(stderr,
                "weir: note: %" PRIu64 " of %" PRIu64 " flows were ended early for want of room; "
                "--cache normal,entries=N with more than %" PRIu64 " has it\n",
                cache.flows_expired_resources, cache.flows_created, cache.cache_entries);
    if (cache.packets_no_room > 0)
        fprintf(stderr,
                "weir: note: %" PRIu64 " packets of new flows found the permanent cache full; "
                "--cache permanent,entries=N with more than %" PRIu64 " has room for them\n",
                cache.packets_no_room, cache.cache_entries);
    if (exported->exporters.records_not_carried > 0)
        fprintf(stderr,
                "weir: note: %" PRIu64
                " IPv6 flows were not sent: NetFlow v1 and v5 cannot carry them\n",
                exported->exporters.records_not_carried);
    if (exported->exporters.fields_not_carried > 0)
        fprintf(stderr,
                "weir: note: %" PRIu64
                " fields of --flow were not sent: NetFlow has none for them; IPFIX and JSON do\n",
                exported->exporters.fields_not_carried);
    if (exported->senders.sends_refused > 0)
        fprintf(stderr,
                "weir: note: nobody listens at a destination: %" PRIu64 " sends were refused\n",
                exported->senders.sends_refused);
    if (exported->senders.datagrams_too_long > 0)
        fprintf(stderr,
                "weir: note: %" PRIu64 " datagrams were longer than the path takes; ?mtu=N with a "
                "smaller N makes them fit\n",
                exported->senders.datagrams_too_long);
    if (exported->exporters.messages_failed > 0)
        fprintf(stderr, "weir: note: %" PRIu64 " messages were not sent; --stats says why\n",
                exported->exporters.messages_failed);
}

/* What is known before there are packets: who meters for days is told while it matters. */
static void print_first_notes(const struct run *run)
{
    unsigned asked = run->settings.config.workers;
    unsigned count = weir_meter_worker_count(run->meter);
    if (count < asked)
        fprintf(stderr, "weir: note: of --workers %u there %s %u: %s\n", asked,
                count == 1 ? "is" : "are", count,
                run->settings.config.interface_count
                    ? "live, packets are divided by both addresses, and a --flow has not the whole "
                      "of these as keys"
                    : "--cache with more entries has room for more");
}

static int open_outputs(struct run *run, struct weir_diag *diag)
{
    int result = 0;
    run->exported.processes = run->settings.process_count;
    for (unsigned i = 0; i < run->settings.process_count && result == 0; i++)
        result = weir_meter_outputs_open(run->call, run->meter, i, &run->settings.processes[i],
                                         &run->exported, &run->outputs[i], diag);
    return result;
}

static int meter(struct run *run, struct weir_diag *diag)
{
    const struct weir_meter_settings *settings = &run->settings;
    int result = weir_meter_new(&settings->config, &run->meter, diag);
    if (result == 0)
        result = open_outputs(run, diag);
    if (result < 0)
        return result;
    if (run->call->progress.wanted)
        print_first_notes(run);
    if (settings->config.interface_count)
        listen(run);
    else if (weir_arguments_has(run->arguments, MERGE))
        read_merged(run);
    else
        read_files(run);
    for (unsigned i = 0; i < settings->process_count; i++)
        weir_meter_outputs_close(run->outputs[i]);
    if (run->call->progress.wanted)
        print_notes(run);
    return weir_arguments_has(run->arguments, STATS) ? print_stats(run, diag) : 0;
}

static int run_meter(struct weir_call *call, struct weir_diag *diag)
{
    struct run run = {.call = call, .arguments = &call->arguments};
    if (weir_arguments_has(run.arguments, FIELDS))
        return weir_flow_fields_print(
            (enum weir_format)weir_arguments_choice(run.arguments, FORMAT), "-", diag);
    int result = weir_meter_settings_parse(run.arguments, &run.settings, diag);
    run.settings.config.clock = call->clock;
    run.settings.config.stop = stop;
    run.settings.config.stop_context = &run;
    if (result == 0)
        result = meter(&run, diag);
    for (unsigned i = 0; i < WEIR_METER_PROCESSES_MAX; i++)
        weir_meter_outputs_free(run.outputs[i]);
    weir_meter_free(run.meter);
    weir_meter_settings_done(&run.settings);
    return result;
}

static const struct weir_example examples[] = {
    {"weir meter -r office.pcap", "the flows of a capture, as a table"},
    {"weir meter -r office.pcap --to udp://192.0.2.1:4739 --stats -",
     "exports them as IPFIX, and prints what was counted"},
    {"weir meter -i eth0 --filter 'not port 22' --to netflow9+udp://192.0.2.1:2055",
     "NetFlow v9 of live traffic"},
    {"weir meter -r office.pcap --flow 'keys=src_addr/24,dst_port fields=packets,bytes'",
     "networks and the services they use"},
    {"weir meter -r office.pcap --biflow --flow 'keys=src_addr,dst_addr,src_port,dst_port,protocol "
     "fields=packets,rev_packets,app,tls_sni,tcp_rtt'",
     "connections with application, server's name and the time of the handshake"},
    {"weir meter -r office.pcap --sample random:1/100 --idle-timeout 0s --flow 'keys=protocol "
     "fields=packets,estimates'",
     "what a sample stands for, protocol by protocol, with its standard errors: one flow each of "
     "IPv4 and of IPv6, however long it is silent"},
    {"weir meter --fields", "what --flow and --match can name"},
    {"weir meter -r office.pcap --sample random:1/100 --to netflow9+udp://192.0.2.1:2055",
     "one packet of every hundred, with the interval in the records"},
    {"weir meter -r office.pcap --match 'port=53,length=512-65535' --sample flow:1/10 --stats -",
     "large DNS packets of one flow in ten, and what all of them come to, with its error"},
    {"weir meter -r office.pcap --biflow --direction syn", "connections, not directions of them"},
    {"weir meter -r office.pcap --select threshold:bytes=1M --to ipfix+file:flows.ipfix",
     "every large flow, and of the others as many as it takes to estimate what all sent"},
    {"weir meter -i eth0 --sample count:1/1000 --to udp://192.0.2.1:4739 --next --match "
     "protocol=icmp "
     "--to ipfix+file:icmp.ipfix",
     "a sample of everything to a collector, and all of ICMP into a file"},
    {"weir meter -r datacenter.pcap --layer inner", "the flows inside VXLAN and other tunnels"},
    {"weir meter -r datacenter.pcap --layer both --to ipfix+file:flows.ipfix",
     "those and the tunnels' own; layer says which is which"},
    {"ssh gateway tcpdump -U -w - 'not port 22' | weir meter -r -",
     "flows of another machine, as they end"},
    {"weir meter -r a.pcap.gz -r b.pcap.zst --to ipfix+file:flows.ipfix", "two captures to a file"},
    {NULL, NULL},
};

static const struct weir_topic topics[] = {
    {"Selection of packets (--filter, --match, --sample)",
     "--filter, --match and --sample run in the order in which they are given, each on what those "
     "before it selected. As long as no --match, hash or flow stands before them, filters and "
     "samplers run on frames of every kind, ahead of the parser; from there on they run on "
     "packets. --stats has what each saw and selected. Where a sampler is among them records say "
     "the sampling interval of all together (sampling, and sampling_size where it is no whole "
     "number), by which who collects them scales packets and bytes, and --stats says the totals "
     "that the sample stands for and their standard errors: a 95 % interval is 1.96 of these to "
     "both sides, and the last line of a table has it. Records without an interval are of all "
     "packets. Live, a --filter that stands first also runs in the kernel.\n\n"
     "--fields lists what --match can name; addr, port and mac are those of either side. What a "
     "packet does not have, as icmp_type for TCP, fits nothing. --sample hash takes "
     "identification, fragment offset and addresses of IPv4, length and addresses of IPv6, and 16 "
     "octets of what the packet carries (hash:n/N,offset=0,octets=16) through the function BOB of "
     "RFC 5475 with the seed: observation points with one seed choose the same packets. --sample "
     "flow takes what all flow definitions have as keys of addresses, ports and protocol; where "
     "they treat both sides alike, both directions of a communication are chosen or neither. "
     "Periods of time count from 1970."},
    {"Flow definitions (--flow, --cache)",
     "--fields lists what a flow definition can name: keys, fields, and groups, whose name stands "
     "for all of their fields. NAME/BITS takes the highest bits of a key, of addresses in both "
     "families or as NAME/BITS/BITS6 in each; NAME&MASK takes bits of a number: src_mac/24 is a "
     "vendor, mpls_label_1/20 the label alone. IPv4 and IPv6 never mix. With length or "
     "frame_length among the keys no TCP connection is seen to end. Without fields= a record has "
     "the usual ones. Fields of one packet, as vlan, are of the first; splt:N tells of the first "
     "N packets, 10 where it is not said. --cache is that of each definition. What is not known "
     "of a flow is none."},
    {"Biflows (--biflow)",
     "With --biflow (RFC 5103) packets of both directions are one flow, whose keys other than "
     "addresses, of IP and MAC, and ports agree in both; an ICMP echo and its reply are one, too. "
     "Of flows without a packet of the reverse direction the fields of that are none; of those "
     "without a forward one the times are the reverse's. NetFlow has no reverse direction: "
     "biflows go out as IPFIX or JSON."},
    {"Names and applications (fields app, tls, dns, http)",
     "Names and the application (app, tls, dns, http) are looked for in the first 16 packets with "
     "payload, without --biflow in those of each direction by itself. They have at most 255 "
     "octets; those that are no printable UTF-8 stand as \\DDD. Each of several --workers that "
     "share a file has 16 MiB for what packets carry until it has been looked at."},
    {"Ends of TCP connections",
     "A TCP connection has ended with a RST, or a FIN from both sides. Its flows end two seconds "
     "after its last packet, so that the last ACK makes no flow of its own, or at once when a new "
     "connection takes its ports."},
    {"Tunnels (--layer)",
     "IP is found behind VLAN tags, MPLS labels, pseudowires, PPPoE, PPP, Cisco HDLC, IEEE 802.11 "
     "and LLC. With --layer inner it is also looked for inside IP in IP, GRE, ERSPAN, EtherIP, "
     "SRv6, L2TP, VXLAN with or without GPE, GENEVE, GTP-U, Teredo, MPLS over IP or UDP, and "
     "behind AH; packets and octets are then those of the inner packets; flows of the same "
     "addresses in two tunnels are one unless tunnel_type and tunnel_id are among the keys. What "
     "carries no IP, is cut, malformed, too deep or a fragment of its tunnel is metered by the "
     "last header outside it. ESP has its SPI in place of ports, the high half first.\n\n"
     "With --layer both every IP header on the way to the innermost makes a packet, and records "
     "of the outermost (layer 0) and of those inside (1 and more) go out side by side: sums are "
     "of one layer, or count what is in tunnels again. layer is a key of every definition. "
     "Without --flow so are the tunnel that a packet is in (tunnel_type and tunnel_id) and the "
     "one that it is (carried_type and carried_id), by which the two are joined; biflows have the "
     "numbers of their first packet, and only the types as keys, since the directions' numbers "
     "differ. packets_parsed counts the outermost, packets_inner the others."},
    {"Selection of flows (--select)",
     "--select leaves flows out before they are exported. Those that were chosen by chance say "
     "so: sampling_size of sampling is what their packets stand for, so that sums of counters "
     "times sampling / sampling_size are right on average, and flow_probability tells how far off "
     "they may be. --stats has for each selector the flows that it saw and selected, with their "
     "packets and octets. match: names what records of every --flow have, or asks whether they "
     "have it (vlan = none)."},
    {"Several Metering Processes (--next)",
     "--next begins another Metering Process: what stands behind it says its selection, flow "
     "definitions, cache, timeouts, domain and destinations, and what is not said there has its "
     "default. All work over the same packets, which are read and parsed once; -r, -i, --layer, "
     "--workers and --stats are of all. One of them may be without --to. --stats has counters of "
     "all together, and under processes those of each. A fragment has the ports of its datagram's "
     "first one where any of them took that."},
    {NULL, NULL},
};

const struct weir_command weir_command_meter = {
    .name = "meter",
    .summary = "makes Flow Records of packets",
    .usage = "(-r FILE | -i IFACE)... [--to URL]... [OPTION]...\n--fields [--format FORMAT]",
    .about = "Meters packets: those that agree in the Flow Keys are a flow, until no more come "
             "(idle), it has gone on for long (active), its TCP connection has ended, room is "
             "needed, or the input ends. Each flow then makes one Flow Record, which is exported "
             "or printed.\n\nEvery packet is counted, also those that make no flow: --stats says "
             "how many were of which kind, and the sum is the input. Files are metered by their "
             "own time and give the same records each time, whatever --workers, and without it in "
             "the same order.",
    .topics = topics,
    .options = weir_meter_options,
    .option_count = OPTION_COUNT,
    .examples = examples,
    .operands_hint = "a file stands behind -r, a filter, in quotes, behind --filter",
    .run = run_meter,
};
