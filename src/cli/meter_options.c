/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/meter_options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/flow_printer.h"
#include "base/quantity.h"
#include "cli/cache_options.h"

static const char *const formats[] = {
    [WEIR_FORMAT_TABLE] = "table",
    [WEIR_FORMAT_CSV] = "csv",
    [WEIR_FORMAT_JSON] = "json",
    [WEIR_FORMAT_NDJSON] = "ndjson",
    NULL,
};

static const char *const methods[] = {
    [WEIR_LIVE_AUTO] = "auto",
    [WEIR_LIVE_RING] = "ring",
    [WEIR_LIVE_PCAP] = "pcap",
    [WEIR_LIVE_XDP] = "xdp",
    NULL,
};

enum { CLOCK_KERNEL, CLOCK_HARDWARE };
static const char *const clocks[] = {
    [CLOCK_KERNEL] = "kernel",
    [CLOCK_HARDWARE] = "hardware",
    NULL,
};

enum { LAYER_OUTER, LAYER_INNER, LAYER_BOTH };
static const char *const layers[] = {
    [LAYER_OUTER] = "outer",
    [LAYER_INNER] = "inner",
    [LAYER_BOTH] = "both",
    NULL,
};

const struct weir_option weir_meter_options[OPTION_COUNT] = {
    [READ] = {.name = "read",
              .letter = 'r',
              .kind = WEIR_OPTION_FILE,
              .repeatable = true,
              .group = "Packets",
              .help = "pcap or pcapng, plain, gzip or zstd, - for standard input; time is the "
                      "capture's, and at the end of each file all flows are ended; of a pipe what "
                      "has ended comes out within a second"},
    [MERGE] = {.name = "merge",
               .kind = WEIR_OPTION_FLAG,
               .help = "reads all files at once, in the order of their packets' times, as one "
                       "capture with the interfaces of all"},
    [INTERFACE] = {.name = "interface",
                   .letter = 'i',
                   .kind = WEIR_OPTION_TEXT,
                   .repeatable = true,
                   .value = "IFACE",
                   .help = "live from an interface until a signal comes; several are metered "
                           "together, and records say by which a flow came in or went out"},
    [CAPTURE] = {.name = "capture",
                 .kind = WEIR_OPTION_CHOICE,
                 .choices = methods,
                 .fallback = "auto",
                 .help = "with -i: how; auto is ring (AF_PACKET) for Ethernet and else pcap; xdp "
                         "(AF_XDP) takes what comes in away from this machine's own use, and "
                         "does not see what goes out"},
    [BUFFER] = {.name = "buffer",
                .kind = WEIR_OPTION_SIZE,
                .min = 512u << 10,
                .max = 1u << 30,
                .fallback = "32Mi",
                .help = "with -i: what the kernel keeps of packets that wait, for each interface"},
    [TIMESTAMPS] = {.name = "timestamps",
                    .kind = WEIR_OPTION_CHOICE,
                    .choices = clocks,
                    .fallback = "kernel",
                    .help = "with -i: whose clock times packets; hardware is the interface's own, "
                            "which somebody has to keep right"},
    [FILTER] = {.name = "filter",
                .kind = WEIR_OPTION_TEXT,
                .repeatable = true,
                .value = "BPF",
                .group = "Selection, in the order given",
                .help = "selects the packets that pass, in the language of pcap-filter(7)"},
    [MATCH] = {.name = "match",
               .kind = WEIR_OPTION_TEXT,
               .repeatable = true,
               .value = "EXPR",
               .help = "selects packets by their properties: NAME=VALUE,... or NAME!=VALUE, all "
                       "of which have to hold; a VALUE is numbers, LOW-HIGH, NUMBER/MASK or "
                       "networks, several with | in between"},
    [SAMPLE] = {.name = "sample",
                .kind = WEIR_OPTION_TEXT,
                .repeatable = true,
                .value = "SPEC",
                .help = "selects some packets: count:n/N, the first n of every N; time:ON/OFF, "
                        "those of the first ON of every ON and OFF; random:n/N, any n of every N; "
                        "prob:P, each with probability P; hash:n/N, by a hash of what routers "
                        "leave as it is; flow:n/N, whole flows by a hash of their keys"},
    [SEED] = {.name = "seed",
              .kind = WEIR_OPTION_COUNT,
              .max = UINT64_MAX,
              .help = "of --sample and --select: the same seed chooses the same packets and flows, "
                      "with hash and flow at every observation point. Without it 0 for files, and "
                      "of a live meter "
                      "nobody knows it"},
    [LAYER] =
        {.name = "layer",
         .group = "Flows",
         .kind = WEIR_OPTION_CHOICE,
         .choices = layers,
         .fallback = "outer",
         .help = "which IP header of a tunnel makes the flow: the outermost, the innermost that is "
                 "found, or all on the way to that, told apart by the key layer, 0 outside"},
    [TUNNEL_DEPTH] =
        {.name = "tunnel-depth",
         .kind = WEIR_OPTION_COUNT,
         .min = 1,
         .max = WEIR_TUNNEL_DEPTH_MAX,
         .fallback = "4",
         .help = "with --layer inner or both: how many tunnels in one another are gone into"},
    [FLOW] = {.name = "flow",
              .kind = WEIR_OPTION_TEXT,
              .repeatable = true,
              .value = "DEFINITION",
              .help = "keys=NAME,... [fields=NAME,...]: packets that agree in the keys are one "
                      "flow, and records have keys and fields (--fields lists the names); several "
                      "make flows of the same packets side by side. Without it NetFlow's keys: "
                      "src_addr, dst_addr, "
                      "src_port, dst_port, protocol, and but for biflows tos and in_if"},
    [BIFLOW] = {.name = "biflow",
                .kind = WEIR_OPTION_FLAG,
                .help =
                    "both directions of a communication are one flow, with counters of each, which "
                    "IPFIX and JSON have fields for, and NetFlow has not"},
    [DIRECTION] = {.name = "direction",
                   .kind = WEIR_OPTION_TEXT,
                   .value = "HOW",
                   .fallback = "first",
                   .help = "with --biflow: the flow's source is who sent the first packet (first), "
                           "or is not who answers a SYN with it (syn), or has the greater port "
                           "(port), or is outside of networks (outside:CIDR,...)"},
    [CACHE] = {.name = "cache",
               .group = "Flow cache",
               .kind = WEIR_OPTION_TEXT,
               .value = "SPEC",
               .fallback = "normal,entries=65536",
               .help = "KIND[,entries=N][,interval=T][,portion=1/N]. Kinds: normal; immediate, "
                       "every packet is a record; permanent, flows never end, and their new "
                       "packets are reported every 60s or interval=T. entries: flows at once, for "
                       "which memory is taken as they come; when it is full the flow that was "
                       "silent longest ends, and a permanent cache takes no new ones. interval: "
                       "how often flows are reported and go on, with portion=1/N so many of them "
                       "at a time, in turn"},
    [WORKERS] = {.name = "workers",
                 .kind = WEIR_OPTION_COUNT,
                 .min = 1,
                 .max = WEIR_METER_WORKERS_MAX,
                 .fallback = "1",
                 .help = "threads that meter, each with a part of the cache: of a file, whose "
                         "records are the same for any number, at most one for every 4096 flows; "
                         "live, by the addresses of the outermost IP header: where a --flow "
                         "has not the whole of both as keys there is one"},
    [IDLE_TIMEOUT] = {.name = "idle-timeout",
                      .kind = WEIR_OPTION_TEXT,
                      .repeatable = true,
                      .value = "[PROTOCOL=]T,...",
                      .fallback = WEIR_CACHE_IDLE_TIMEOUT,
                      .help = "a flow ends after this long without a packet, 1ms to 7d; 0s: never "
                              "for that. For flows of a protocol, as tcp=5m,udp=10s,47=1m, in "
                              "place of that of all"},
    [ACTIVE_TIMEOUT] = {.name = "active-timeout",
                        .kind = WEIR_OPTION_TEXT,
                        .repeatable = true,
                        .value = "[PROTOCOL=]T,...",
                        .fallback = WEIR_CACHE_ACTIVE_TIMEOUT,
                        .help = "a flow is reported this long after its first packet, and goes on "
                                "with counters from zero; likewise"},
    [SELECT] = {.name = "select",
                .kind = WEIR_OPTION_TEXT,
                .repeatable = true,
                .value = "SPEC",
                .group = "Flow Records",
                .help = "exports some of them (RFC 7014): match:FILTER, as of weir query --where; "
                        "threshold:bytes=Z or packets=Z, the smaller by chance; count:n/N, "
                        "random:n/N, prob:P, time:ON/OFF, hash:n/N of the keys; several run one "
                        "after another"},
    [TO] = {.name = "to",
            .kind = WEIR_OPTION_URL,
            .repeatable = true,
            .help = "where they go: udp://HOST:PORT or ipfix+udp:// netflow9+udp:// "
                    "netflow5+udp:// netflow1+udp://, ipfix+file:PATH, json:PATH; without it they "
                    "are printed. Options data that tells what was metered, lost and ignored goes "
                    "beside them each ?stats-interval=60s and at the end; ?options=none: it does "
                    "not"},
    [DOMAIN] = {.name = "domain",
                .kind = WEIR_OPTION_COUNT,
                .max = UINT32_MAX,
                .fallback = "0",
                .help = "Observation Domain ID"},
    [FORMAT] = {.name = "format",
                .kind = WEIR_OPTION_CHOICE,
                .choices = formats,
                .fallback = "table",
                .help = "how flows are printed where there is no --to"},
    [FIELDS] = {.name = "fields",
                .kind = WEIR_OPTION_FLAG,
                .help = "lists what --flow and --match can name, with group, Information Element "
                        "and unit, in the format of --format, and meters nothing"},
    [NEXT] = {.name = "next",
              .kind = WEIR_OPTION_FLAG,
              .repeatable = true,
              .separates = true,
              .group = "Several Metering Processes",
              .help = "what follows is of another Metering Process over the same packets: "
                      "selection, flows, cache, timeouts and destinations of its own"},
    [STATS] = {.name = "stats",
               .kind = WEIR_OPTION_OUTPUT,
               .group = "Output",
               .help = "writes all counters as one JSON object at the end; - is standard output"},
};

const char **weir_meter_texts(const struct weir_arguments *arguments, size_t option,
                              unsigned *ret_count)
{
    const char **texts = calloc(arguments->given_count + 1, sizeof(*texts));
    *ret_count = 0;
    for (size_t i = 0; texts && i < arguments->given_count; i++)
        if (arguments->given[i].option == &weir_meter_options[option])
            texts[(*ret_count)++] = arguments->given[i].text;
    return texts;
}

static int read_timeouts(const struct weir_arguments *arguments, size_t option,
                         enum weir_cache_timeout which, struct weir_cache_config *cache,
                         struct weir_diag *diag)
{
    unsigned count;
    char name[WEIR_OPTION_NAME_MAX];
    weir_option_text(&weir_meter_options[option], name);
    const char **texts = weir_meter_texts(arguments, option, &count);
    if (!texts)
        return WEIR_E_NOMEM;
    int result = 0;
    if (count > 0 && cache->kind != WEIR_CACHE_NORMAL)
        result = weir_diag_set(diag, WEIR_E_USAGE,
                               "meter: %s is for a normal cache: in an immediate one no flow "
                               "lasts, in a permanent one none ends",
                               name);
    if (result == 0)
        result = weir_cache_timeouts_parse(texts, count, which, name, cache, diag);
    free(texts);
    return result;
}

static int read_cache(const struct weir_arguments *arguments, struct weir_cache_config *cache,
                      struct weir_diag *diag)
{
    int result = weir_cache_kind_parse(weir_arguments_text(arguments, CACHE), cache, diag);
    if (result == 0)
        result = read_timeouts(arguments, IDLE_TIMEOUT, WEIR_CACHE_TIMEOUT_IDLE, cache, diag);
    if (result == 0)
        result = read_timeouts(arguments, ACTIVE_TIMEOUT, WEIR_CACHE_TIMEOUT_ACTIVE, cache, diag);
    weir_cache_timeouts_complete(cache);
    return result;
}

static int read_networks(const char *text, struct weir_perimeter *perimeter, struct weir_diag *diag)
{
    for (const char *at = text;; at++) {
        char network[WEIR_ADDRESS_TEXT_MAX + 4];
        size_t length = strcspn(at, ",");
        if (perimeter->count == WEIR_PERIMETER_NETWORKS_MAX)
            return weir_diag_set(diag, WEIR_E_USAGE, "--direction: more than %u networks",
                                 WEIR_PERIMETER_NETWORKS_MAX);
        snprintf(network, sizeof(network), "%.*s", (int)length, at);
        if (length >= sizeof(network) ||
            weir_network_parse(network, &perimeter->networks[perimeter->count]) < 0)
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "--direction: '%s': a network is wanted, as 10.0.0.0/8", network);
        perimeter->count++;
        at += length;
        if (*at == '\0')
            return 0;
    }
}

static int read_direction(const char *text, struct weir_cache_config *cache, struct weir_diag *diag)
{
    static const char outside[] = "outside:";
    static const struct {
        const char *name;
        enum weir_biflow biflow;
    } names[] = {
        {"first", WEIR_BIFLOW_FIRST},
        {"syn", WEIR_BIFLOW_SYN},
        {"port", WEIR_BIFLOW_PORT},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i].name) == 0) {
            cache->biflow = names[i].biflow;
            return 0;
        }
    if (strncmp(text, outside, sizeof(outside) - 1) != 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--direction: '%s': write first, syn, port or outside:NETWORK,...",
                             text);
    cache->biflow = WEIR_BIFLOW_PERIMETER;
    return read_networks(text + sizeof(outside) - 1, &cache->perimeter, diag);
}

/* Filters and samplers in the order of the command line. */
static int read_selectors(const struct weir_arguments *arguments,
                          struct weir_meter_process_settings *settings, struct weir_diag *diag)
{
    unsigned count = 0;
    for (size_t i = 0; i < arguments->given_count; i++) {
        const struct weir_argument *given = &arguments->given[i];
        size_t option = (size_t)(given->option - weir_meter_options);
        if (option != FILTER && option != MATCH && option != SAMPLE)
            continue;
        if (count == WEIR_SELECTION_MAX)
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "meter: at most %u of --filter, --match and --sample",
                                 WEIR_SELECTION_MAX);
        struct weir_selector *selector = &settings->selectors[count++];
        *selector = (struct weir_selector){
            .kind = option == FILTER ? WEIR_SELECTOR_FILTER : WEIR_SELECTOR_MATCH,
            .probability = 1,
            .text = given->text,
        };
        int result = option == SAMPLE ? weir_selector_parse_sample(given->text, selector, diag) : 0;
        if (result < 0) {
            weir_diag_prefix(diag, "--sample");
            return result;
        }
    }
    settings->config.selectors = settings->selectors;
    settings->config.selector_count = count;
    struct weir_sampling_design design = weir_sampling_design_of(settings->selectors, count);
    if (design.probability * UINT32_MAX < 1)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--sample: less than one packet in %u, all stages together: records "
                             "cannot say that",
                             UINT32_MAX);
    return 0;
}

/* The flow definitions; without one NetFlow's keys, of which biflows have those that both of their
 * directions share. */
static int read_definitions(const struct weir_arguments *arguments,
                            struct weir_meter_process_settings *settings, struct weir_diag *diag)
{
    struct weir_metering_config *config = &settings->config;
    unsigned count;
    const char **texts = weir_meter_texts(arguments, FLOW, &count);
    settings->definitions = calloc(count + 1, sizeof(*settings->definitions));
    int result = texts && settings->definitions ? 0 : WEIR_E_NOMEM;
    for (unsigned i = 0; i < count && result == 0; i++)
        result = weir_flow_definition_parse(texts[i], &settings->definitions[i], diag);
    free(texts);
    if (result < 0) {
        weir_diag_prefix(diag, "--flow");
        return result;
    }
    if (weir_arguments_has(arguments, BIFLOW)) {
        config->cache.definition = weir_flow_definition_5_tuple();
        result = read_direction(weir_arguments_text(arguments, DIRECTION), &config->cache, diag);
    }
    config->definitions = settings->definitions;
    config->definition_count = count;
    return result;
}
/*
 * Flows of several layers are told apart, whatever the definition; the usual ones also say which
 * tunnel they are in and which they are, so that those outside and inside can be joined. Between
 * the directions of a communication the numbers of tunnels differ, so biflows have their kinds as
 * keys, and the numbers of the first packet as fields.
 */
static int add_layer_keys(struct weir_meter_process_settings *settings, struct weir_diag *diag)
{
    struct weir_metering_config *config = &settings->config;
    bool is_biflow = config->cache.biflow != WEIR_BIFLOW_NONE;
    int result = weir_flow_definition_add_keys(
        &config->cache.definition,
        is_biflow ? "layer,tunnel_type,carried_type"
                  : "layer,tunnel_type,tunnel_id,carried_type,carried_id",
        diag);
    if (result == 0 && is_biflow)
        result = weir_flow_definition_add_fields(&config->cache.definition, "tunnel_id,carried_id",
                                                 diag);
    for (unsigned i = 0; i < config->definition_count && result == 0; i++)
        result = weir_flow_definition_add_keys(&settings->definitions[i], "layer", diag);
    if (result < 0)
        weir_diag_prefix(diag, "--layer both");
    return result;
}

/* Live, strangers choose the packets and must not know the keys. */
static int read_secrets(const struct weir_arguments *arguments, bool is_live,
                        struct weir_meter_process_settings *settings, struct weir_diag *diag)
{
    struct weir_metering_config *process = &settings->config;
    if (is_live && weir_hash_key_random(&process->cache.hash_key) < 0)
        return weir_diag_set(diag, WEIR_E_IO, "the system has no randomness");
    if (is_live)
        process->seed = process->cache.hash_key.round[0][0] ^ process->cache.hash_key.round[1][1];
    if (weir_arguments_has(arguments, SEED))
        process->seed = weir_arguments_number(arguments, SEED);
    return 0;
}

/* One Metering Process. */
static int read_process(const struct weir_meter_config *meter,
                        struct weir_meter_process_settings *settings, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &settings->arguments;
    struct weir_metering_config *process = &settings->config;
    process->cache = weir_cache_config_default();
    int result = read_selectors(arguments, settings, diag);
    if (result == 0)
        result = read_definitions(arguments, settings, diag);
    if (result == 0)
        result = read_cache(arguments, &process->cache, diag);
    if (result == 0 && meter->all_layers)
        result = add_layer_keys(settings, diag);
    process->cache.domain = (uint32_t)weir_arguments_number(arguments, DOMAIN);
    return result == 0 ? read_secrets(arguments, meter->interface_count > 0, settings, diag)
                       : result;
}

static int read_config(const struct weir_arguments *arguments, struct weir_meter_settings *settings)
{
    struct weir_meter_config *config = &settings->config;
    settings->interfaces = weir_meter_texts(arguments, INTERFACE, &config->interface_count);
    if (!settings->interfaces)
        return WEIR_E_NOMEM;
    config->interfaces = settings->interfaces;
    config->all_layers = weir_arguments_choice(arguments, LAYER) == LAYER_BOTH;
    if (weir_arguments_choice(arguments, LAYER) != LAYER_OUTER)
        config->tunnel_depth = (unsigned)weir_arguments_number(arguments, TUNNEL_DEPTH);
    config->workers = (unsigned)weir_arguments_number(arguments, WORKERS);
    config->method = (enum weir_live_method)weir_arguments_choice(arguments, CAPTURE);
    config->buffer_octets = (uint32_t)weir_arguments_number(arguments, BUFFER);
    config->hardware_time = weir_arguments_choice(arguments, TIMESTAMPS) == CLOCK_HARDWARE;
    return 0;
}

/* What says how to capture has no place beside files. */
static int check_live(const struct weir_arguments *arguments, struct weir_diag *diag)
{
    static const int live[] = {CAPTURE, BUFFER, TIMESTAMPS};
    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
        if (weir_arguments_count_given(arguments, (size_t)live[i]) > 0)
            return weir_diag_set(diag, WEIR_E_USAGE, "meter: --%s is for interfaces (-i)",
                                 weir_meter_options[live[i]].name);
    return 0;
}

/* What is of all Metering Processes is said once, wherever. */
static int check_once(const struct weir_arguments *arguments, struct weir_diag *diag)
{
    static const int whole[] = {CAPTURE, BUFFER, TIMESTAMPS, LAYER, TUNNEL_DEPTH, WORKERS, STATS};
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        if (weir_arguments_count_given(arguments, (size_t)whole[i]) > 1)
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "meter: --%s is of all Metering Processes, and given twice",
                                 weir_meter_options[whole[i]].name);
    return 0;
}

static int check(const struct weir_arguments *arguments, struct weir_diag *diag)
{
    bool reads = weir_arguments_count_given(arguments, READ) > 0;
    bool listens = weir_arguments_count_given(arguments, INTERFACE) > 0;
    if (!reads && !listens)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "meter: nothing to meter: give a capture with -r or an interface "
                             "with -i");
    if (reads && listens)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "meter: -r and -i do not go together: one has the capture's time, "
                             "the other the clock's");
    if (listens && weir_arguments_has(arguments, MERGE))
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "meter: --merge is for files; interfaces are metered together anyway");
    if (weir_arguments_count_given(arguments, TUNNEL_DEPTH) > 0 &&
        weir_arguments_choice(arguments, LAYER) == LAYER_OUTER)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "meter: --tunnel-depth is for --layer inner or both; the outermost "
                             "header has no depth");
    int result = check_once(arguments, diag);
    return result < 0 || listens ? result : check_live(arguments, diag);
}

static int check_process(const struct weir_arguments *arguments, struct weir_diag *diag)
{
    if (weir_arguments_count_given(arguments, DIRECTION) > 0 &&
        !weir_arguments_has(arguments, BIFLOW))
        return weir_diag_set(diag, WEIR_E_USAGE, "meter: --direction is for --biflow");
    if (weir_arguments_count_given(arguments, TO) > 0 &&
        weir_arguments_count_given(arguments, FORMAT) > 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "meter: --format is for flows that are printed, and with --to none "
                             "are; --to json:- prints them too");
    return 0;
}
static bool is_netflow(const struct weir_url *url)
{
    return url->protocol == WEIR_URL_NETFLOW1 || url->protocol == WEIR_URL_NETFLOW5 ||
           url->protocol == WEIR_URL_NETFLOW9;
}

/* A collector that is not told of layers would count what is in tunnels twice. */
static int check_tells_layers(const struct weir_url *url, struct weir_diag *diag)
{
    return is_netflow(url) ? weir_diag_set(diag, WEIR_E_USAGE,
                                           "NetFlow has no field that tells the layers of --layer "
                                           "both apart; IPFIX and JSON do")
                           : 0;
}

/* A collector that is told of one direction only would know of half of what was metered. */
static int check_tells_reverse(const struct weir_url *url,
                               const struct weir_metering_config *config, struct weir_diag *diag)
{
    bool is_biflow = config->cache.biflow != WEIR_BIFLOW_NONE;
    return is_biflow && is_netflow(url)
               ? weir_diag_set(diag, WEIR_E_USAGE,
                               "NetFlow has no fields for the reverse direction of --biflow: send "
                               "ipfix+udp:// or json:, or leave --biflow out, and each direction "
                               "is a flow")
               : 0;
}

/* The most that the 14 bits of NetFlow v5's header hold. */
#define NETFLOW5_INTERVAL_MAX 16383u

/* A collector that is told a wrong interval would scale by it, and one that is told none not. */
static int check_tells_interval(const struct weir_url *url,
                                const struct weir_metering_config *config, struct weir_diag *diag)
{
    struct weir_sampling_design design =
        weir_sampling_design_of(config->selectors, config->selector_count);
    if (url->protocol == WEIR_URL_NETFLOW1 && design.interval > 1)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "NetFlow v1 cannot say that packets were sampled; NetFlow v5, v9 and "
                             "IPFIX can");
    if (url->protocol != WEIR_URL_NETFLOW5 ||
        (design.size <= 1 && design.interval <= NETFLOW5_INTERVAL_MAX))
        return 0;
    return weir_diag_set(diag, WEIR_E_USAGE,
                         "NetFlow v5 says one sampling interval, a whole number up to %u, and this "
                         "is %u packets for %u; NetFlow v9 and IPFIX can say it",
                         NETFLOW5_INTERVAL_MAX, design.interval, design.size);
}

/* Whether a Selector of flows is of the kind, as in "prob:". */
static bool is_select(const struct weir_argument *given, const char *kind)
{
    return given->option == &weir_meter_options[SELECT] &&
           strncmp(given->text, kind, strlen(kind)) == 0;
}

/* Selectors of flows that go by chance: what they keep stands for more than itself. */
static bool selects_by_chance(const struct weir_arguments *arguments)
{
    for (size_t i = 0; i < arguments->given_count; i++)
        if (arguments->given[i].option == &weir_meter_options[SELECT] &&
            !is_select(&arguments->given[i], "match:"))
            return true;
    return false;
}

/* The same file makes the same records, and those of several workers come in any order. */
static int check_order(const struct weir_meter_config *meter,
                       const struct weir_arguments *arguments, struct weir_diag *diag)
{
    if (meter->workers <= 1 || meter->interface_count > 0)
        return 0;
    for (size_t i = 0; i < arguments->given_count; i++)
        if (is_select(&arguments->given[i], "count:") || is_select(&arguments->given[i], "random:"))
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "--select: '%s' chooses by the order of the flows, and those of "
                                 "several --workers have none; prob, hash, threshold and time do "
                                 "without",
                                 arguments->given[i].text);
    return 0;
}

/* NetFlow v5 has an interval of packets for all flows of a datagram, v1 not even that. */
static int check_tells_chance(const struct weir_url *url, const struct weir_arguments *arguments,
                              struct weir_diag *diag)
{
    if ((url->protocol != WEIR_URL_NETFLOW1 && url->protocol != WEIR_URL_NETFLOW5) ||
        !selects_by_chance(arguments))
        return 0;
    return weir_diag_set(diag, WEIR_E_USAGE,
                         "NetFlow v1 and v5 cannot say by what chance --select chose a flow; "
                         "NetFlow v9 and IPFIX can");
}

static int read_urls(const struct weir_meter_config *meter,
                     struct weir_meter_process_settings *settings, struct weir_diag *diag)
{
    unsigned count;
    const char **texts = weir_meter_texts(&settings->arguments, TO, &count);
    settings->urls = calloc(count + 1, sizeof(*settings->urls));
    int result = texts && settings->urls ? 0 : WEIR_E_NOMEM;
    for (unsigned i = 0; i < count && result == 0; i++)
        result = weir_url_parse(texts[i], &settings->urls[i], diag);
    for (unsigned i = 0; i < count && result == 0 && meter->all_layers; i++)
        result = check_tells_layers(&settings->urls[i], diag);
    for (unsigned i = 0; i < count && result == 0; i++)
        result = check_tells_reverse(&settings->urls[i], &settings->config, diag);
    for (unsigned i = 0; i < count && result == 0; i++)
        result = check_tells_interval(&settings->urls[i], &settings->config, diag);
    for (unsigned i = 0; i < count && result == 0; i++)
        result = check_tells_chance(&settings->urls[i], &settings->arguments, diag);
    if (result == 0)
        settings->url_count = count;
    else if (result == WEIR_E_USAGE)
        weir_diag_prefix(diag, "--to");
    free(texts);
    return result;
}

/* Two tables on one standard output could not be told apart. */
static int check_printing(const struct weir_meter_settings *settings, struct weir_diag *diag)
{
    unsigned printing = 0;
    for (unsigned i = 0; i < settings->process_count; i++)
        printing += settings->processes[i].url_count == 0;
    return printing > 1 ? weir_diag_set(diag, WEIR_E_USAGE,
                                        "meter: of the Metering Processes that --next makes only "
                                        "one may be without --to and be printed")
                        : 0;
}

static int read_processes(const struct weir_arguments *arguments,
                          struct weir_meter_settings *settings, struct weir_diag *diag)
{
    for (;;) {
        struct weir_arguments part;
        int result = weir_arguments_part(arguments, NEXT, settings->process_count, &part);
        if (result == WEIR_E_NOT_FOUND)
            break;
        if (result < 0)
            return result;
        if (settings->process_count == WEIR_METER_PROCESSES_MAX) {
            weir_arguments_part_done(&part);
            return weir_diag_set(diag, WEIR_E_USAGE, "meter: at most %u Metering Processes",
                                 WEIR_METER_PROCESSES_MAX);
        }
        struct weir_meter_process_settings *process =
            &settings->processes[settings->process_count++];
        process->arguments = part;
        result = check_process(&process->arguments, diag);
        if (result == 0)
            result = check_order(&settings->config, &process->arguments, diag);
        if (result == 0)
            result = read_process(&settings->config, process, diag);
        if (result == 0)
            result = read_urls(&settings->config, process, diag);
        if (result < 0)
            return result;
        settings->configs[settings->process_count - 1] = process->config;
    }
    settings->config.processes = settings->configs;
    settings->config.process_count = settings->process_count;
    return check_printing(settings, diag);
}

int weir_meter_settings_parse(const struct weir_arguments *arguments,
                              struct weir_meter_settings *settings, struct weir_diag *diag)
{
    *settings = (struct weir_meter_settings){0};
    int result = check(arguments, diag);
    if (result == 0)
        result = read_config(arguments, settings);
    if (result == 0)
        result = read_processes(arguments, settings, diag);
    return result;
}

void weir_meter_settings_done(struct weir_meter_settings *settings)
{
    for (unsigned i = 0; i < settings->process_count; i++) {
        weir_arguments_part_done(&settings->processes[i].arguments);
        free(settings->processes[i].definitions);
        free(settings->processes[i].urls);
    }
    free(settings->interfaces);
}
