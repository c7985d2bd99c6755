/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/collect_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"

static const char *const journal_choices[] = {[JOURNAL_ON] = "on", [JOURNAL_OFF] = "off", NULL};

#define RATE_TEXT_MAX 32

const struct weir_option weir_collect_options[OPTION_COUNT] = {
    [LISTEN] = {.name = "listen",
                .kind = WEIR_OPTION_URL,
                .repeatable = true,
                .group = "Export messages",
                .help = "receives NetFlow v1, v5, v7, v8, v9, IPFIX and sFlow v5: udp://HOST:PORT, "
                        "or udp://:PORT for "
                        "every address of this machine; ?buffer=64Mi sets the socket's buffer"},
    [READ] = {.name = "read",
              .letter = 'r',
              .kind = WEIR_OPTION_FILE,
              .repeatable = true,
              .help = "pcap or pcapng of export datagrams, with the addresses and times of the "
                      "capture; an IPFIX file; or bare datagrams one after another. Plain, gzip or "
                      "zstd, - for standard input"},
    [WORKERS] = {.name = "workers",
                 .kind = WEIR_OPTION_COUNT,
                 .fallback = "1",
                 .min = 1,
                 .max = WEIR_WORKERS_MAX,
                 .help = "receives with so many threads, each with sockets, a journal and files of "
                         "its own; an exporter's datagrams always come to the same one. -r is read "
                         "by the first"},
    [ALLOW] = {.name = "allow",
               .kind = WEIR_OPTION_TEXT,
               .repeatable = true,
               .value = "NETWORK",
               .group = "Exporters",
               .help = "takes in datagrams of exporters in these networks only, 10.0.0.0/8 or "
                       "192.0.2.1; the others' are counted, and not looked at"},
    [EXPORTER_RATE] = {.name = "exporter-rate",
                       .kind = WEIR_OPTION_TEXT,
                       .value = "N[/s]",
                       .help = "takes in at most so many datagrams a second of each exporter's "
                               "address, and a second's worth at once; the others are counted"},
    [MAX_EXPORTERS] = {.name = "max-exporters",
                       .kind = WEIR_OPTION_COUNT,
                       .fallback = "65536",
                       .min = 1,
                       .max = 1 << 24,
                       .help = "so many exporters and Observation Domains are known at a time; "
                               "past it the longest idle is forgotten, and counted. Each takes 2 "
                               "kB or so"},
    [TEMPLATE_LIFETIME] = {.name = "template-lifetime",
                           .kind = WEIR_OPTION_DURATION,
                           .fallback = "90m",
                           .max = INT64_MAX / 2,
                           .help = "over UDP a Template that is not repeated for so long is not "
                                   "decoded with any more: data wait for a new one; 0s keeps them "
                                   "for ever"},
    [STATE] = {.name = "state",
               .kind = WEIR_OPTION_OUTPUT,
               .help = "keeps Templates and what else was learned of exporters in this file: at "
                       "the end, every five minutes, and read at the start, unless "
                       "the journal knows something newer. With --store and --listen it is in "
                       "DIR/.state unless given; - keeps nothing"},
    [COUNT] = {.name = "count",
               .kind = WEIR_OPTION_COUNT,
               .min = 1,
               .group = "When it ends",
               .help = "after so many Flow Records"},
    [IDLE_EXIT] = {.name = "idle-exit",
                   .kind = WEIR_OPTION_DURATION,
                   .min = WEIR_NS_PER_MS,
                   .max = INT64_MAX / 2,
                   .help = "after this long without a message"},
    [SAMPLING] = {.name = "sampling",
                  .kind = WEIR_OPTION_TEXT,
                  .repeatable = true,
                  .value = "[EXPORTER=]N",
                  .group = "What exporters leave out",
                  .help = "one packet in N was metered, or as n/N n of them: 192.0.2.1=1000 or "
                          "10.0.0.0/8=2/3 in place "
                          "of what these exporters say, the longest prefix first; 1000 for records "
                          "of which nobody says it"},
    [SAMPLING_WAIT] = {.name = "sampling-wait",
                       .kind = WEIR_OPTION_DURATION,
                       .fallback = "60s",
                       .max = 3600 * WEIR_NS_PER_SECOND,
                       .help = "holds records of a new exporter back for so long at most, where "
                               "they name a sampler whose interval did not come yet; 0s: never"},
    [SKEW] = {.name = "skew",
              .kind = WEIR_OPTION_TEXT,
              .repeatable = true,
              .value = "[EXPORTER=]DURATION",
              .help = "adds this to start and end of the flows of exporters whose clock is slow: "
                      "192.0.2.1=90s, 10.0.0.0/8=-1h, 5m for all; auto: as much as --stats shows, "
                      "from two seconds on. Without it, times stay as they were sent"},
    [STORE] = {.name = "store",
               .kind = WEIR_OPTION_FOLDER,
               .group = "Flow Records",
               .help = "writes them to the store in this folder, which is made if need be"},
    [ROTATE] = {.name = "rotate",
                .kind = WEIR_OPTION_DURATION,
                .fallback = "60s",
                .min = WEIR_NS_PER_SECOND,
                .max = 3600 * WEIR_NS_PER_SECOND,
                .help = "completes the store's files this often, so that queries see them"},
    [JOURNAL] = {.name = "journal",
                 .kind = WEIR_OPTION_CHOICE,
                 .choices = journal_choices,
                 .fallback = "on",
                 .help = "keeps what --listen receives in DIR/journal until it is stored, so that "
                         "nothing is lost or stored twice when weir is killed; off stores what "
                         "such a journal holds, and keeps none"},
    [JOURNAL_SYNC] = {.name = "journal-sync",
                      .kind = WEIR_OPTION_TEXT,
                      .value = "DURATION|SIZE",
                      .fallback = "1s",
                      .help = "makes the journal durable this often, or whenever so many octets "
                              "came: as much a power failure can cost"},
    [TO] = {.name = "to",
            .kind = WEIR_OPTION_URL,
            .repeatable = true,
            .help = "where else they go: json:PATH, or exported again to ipfix+udp://HOST:PORT "
                    "netflow9+udp:// netflow5+udp:// netflow1+udp:// ipfix+file:PATH, or none: "
                    "for what is only to be counted. Without --to and --store: json:-"},
    [STATS] = {.name = "stats",
               .kind = WEIR_OPTION_OUTPUT,
               .group = "Output",
               .help = "writes all counters, those of each exporter, and how far its clock is "
                       "behind (skew_ms), as one JSON object at the end; - is standard output"},
    [METRICS] = {.name = "metrics",
                 .kind = WEIR_OPTION_TEXT,
                 .value = "HOST:PORT",
                 .help = "answers HTTP requests for /metrics there, in Prometheus' format: "
                         "127.0.0.1:9464, [::1]:9464, or :9464 for every address of this machine; "
                         "'weir help --counters' says what there is"},
    [METRICS_EXPORTERS] = {.name = "metrics-exporters",
                           .kind = WEIR_OPTION_COUNT,
                           .fallback = "1000",
                           .min = 1,
                           .max = WEIR_METRICS_EXPORTERS_MAX,
                           .help = "so many exporters and Observation Domains have metrics of "
                                   "their own, those with the most messages; each makes 18"},
};

/* N or n/N, n at most N and both from 1 and in 32 bits. */
static int parse_sampling(const char *text, struct weir_fraction *ret_rate)
{
    const char *slash = strchr(text, '/');
    char size_text[RATE_TEXT_MAX] = "1";
    uint64_t size = 0, interval = 0;
    if (slash && (size_t)(slash - text) >= sizeof(size_text))
        return WEIR_E_USAGE;
    if (slash)
        snprintf(size_text, sizeof(size_text), "%.*s", (int)(slash - text), text);
    int result = weir_size_parse(size_text, &size);
    if (result == 0)
        result = weir_size_parse(slash ? slash + 1 : text, &interval);
    if (result < 0 || size == 0 || size > interval || interval > UINT32_MAX)
        return WEIR_E_USAGE;
    *ret_rate = weir_fraction_of(size, interval);
    return 0;
}

/* DURATION, -DURATION or auto. */
static int parse_skew(const char *text, struct weir_exporter_setting *setting)
{
    bool is_negative = *text == '-';
    int64_t skew_ns = 0;
    setting->has_skew = true;
    setting->skew_mode = WEIR_SKEW_AUTO;
    if (strcmp(text, "auto") == 0)
        return 0;
    setting->skew_mode = WEIR_SKEW_ADD;
    int result = weir_duration_parse(text + is_negative, &skew_ns);
    setting->skew_ns = is_negative ? -skew_ns : skew_ns;
    return result;
}

/* [EXPORTER=]VALUE; without an exporter it is of all, ::/0. *ret_value: what follows. */
static int parse_exporter(const char *text, struct weir_network *ret_network,
                          const char **ret_value)
{
    const char *equals = strchr(text, '=');
    char network[WEIR_ADDRESS_TEXT_MAX + 4];
    *ret_network = (struct weir_network){0};
    *ret_value = equals ? equals + 1 : text;
    if (!equals)
        return 0;
    if ((size_t)(equals - text) >= sizeof(network))
        return WEIR_E_USAGE;
    memcpy(network, text, (size_t)(equals - text));
    network[equals - text] = 0;
    return weir_network_parse(network, ret_network);
}

int weir_collect_parse_settings(const struct weir_arguments *arguments,
                                struct weir_collector_config *config,
                                struct weir_exporter_setting **ret_settings, struct weir_diag *diag)
{
    struct weir_exporter_setting *settings =
        calloc(arguments->given_count + 1, sizeof(settings[0]));
    if (!settings)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for options");
    config->settings = settings;
    *ret_settings = settings;
    for (size_t i = 0; i < arguments->given_count; i++) {
        const struct weir_argument *given = &arguments->given[i];
        bool is_sampling = given->option == &weir_collect_options[SAMPLING];
        if (!is_sampling && given->option != &weir_collect_options[SKEW])
            continue;
        struct weir_exporter_setting setting = {0};
        const char *value;
        int result = parse_exporter(given->text, &setting.network, &value);
        if (result < 0)
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "--%s: '%s' does not begin with an address "
                                 "or network",
                                 given->option->name, given->text);
        bool is_fallback = is_sampling && value == given->text;
        result = is_sampling ? parse_sampling(value, is_fallback ? &config->sampling_fallback
                                                                 : &setting.sampling)
                             : parse_skew(value, &setting);
        if (result < 0)
            return weir_diag_set(diag, WEIR_E_USAGE, "--%s: '%s' is no %s", given->option->name,
                                 value,
                                 is_sampling ? "interval such as 1000, nor n/N"
                                             : "duration such as 90s or -5m, nor auto");
        if (!is_fallback)
            settings[config->setting_count++] = setting;
    }
    return 0;
}

/* N or N/s; 0: not given. */
static int parse_rate(const struct weir_arguments *arguments, uint32_t *ret_rate,
                      struct weir_diag *diag)
{
    const char *text = weir_arguments_text(arguments, EXPORTER_RATE);
    char number[32];
    uint64_t rate = 0;
    *ret_rate = 0;
    if (!text)
        return 0;
    size_t length = strlen(text);
    if (length > 2 && strcmp(text + length - 2, "/s") == 0)
        length -= 2;
    snprintf(number, sizeof(number), "%.*s", (int)length, text);
    if (length >= sizeof(number) || weir_size_parse(number, &rate) < 0 || rate == 0 ||
        rate > WEIR_NS_PER_SECOND)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--exporter-rate: '%s' is no number of datagrams a second, as 10k",
                             text);
    *ret_rate = (uint32_t)rate;
    return 0;
}

/* --allow into networks, for which there is room. */
static int parse_networks(const struct weir_arguments *arguments, struct weir_network *networks,
                          size_t *ret_count, struct weir_diag *diag)
{
    size_t count = 0;
    for (size_t i = 0; i < arguments->given_count; i++) {
        const struct weir_argument *given = &arguments->given[i];
        if (given->option != &weir_collect_options[ALLOW])
            continue;
        if (weir_network_parse(given->text, &networks[count++]) < 0)
            return weir_diag_set(diag, WEIR_E_USAGE, "--allow: '%s' is no address or network",
                                 given->text);
    }
    *ret_count = count;
    return 0;
}

int weir_collect_parse_admission(const struct weir_arguments *arguments,
                                 struct weir_admission_config *config,
                                 struct weir_network **ret_networks, struct weir_diag *diag)
{
    struct weir_network *networks = calloc(arguments->given_count + 1, sizeof(networks[0]));
    *ret_networks = networks;
    if (!networks)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for options");
    config->networks = networks;
    int result = parse_networks(arguments, networks, &config->network_count, diag);
    return result < 0 ? result : parse_rate(arguments, &config->datagrams_per_second, diag);
}

int weir_collect_parse_workers(const struct weir_arguments *arguments, unsigned *ret_count,
                               struct weir_diag *diag)
{
    *ret_count = (unsigned)weir_arguments_number(arguments, WORKERS);
    if (*ret_count > 1 && weir_arguments_has(arguments, COUNT))
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--count goes with one worker: several would not stop at the same "
                             "record");
    return 0;
}

int weir_collect_parse_sync(const struct weir_arguments *arguments,
                            struct weir_recording_config *config, struct weir_diag *diag)
{
    const char *text = weir_arguments_text(arguments, JOURNAL_SYNC);
    if (weir_duration_parse(text, &config->sync_ns) == 0 && config->sync_ns >= WEIR_NS_PER_MS &&
        config->sync_ns <= 3600 * WEIR_NS_PER_SECOND)
        return 0;
    config->sync_ns = 0;
    if (weir_size_parse(text, &config->sync_octets) == 0 && config->sync_octets > 0)
        return 0;
    return weir_diag_set(diag, WEIR_E_USAGE,
                         "--journal-sync: '%s': a duration up to 1h, as 1s, or a size, as 16Mi",
                         text);
}
